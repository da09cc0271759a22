"""Transforms and generates: something is asked, and the answers are verified."""

from __future__ import annotations

from collections.abc import Iterator

from recipec import resolved as r
from recipec.checks.walk import derived, of_kind
from recipec.diagnostics import Diagnostic, Label


def check(resolved: r.Resolved, place: object) -> Iterator[Diagnostic]:
    for one in derived(resolved):
        if one.kind == "select":
            for statement in of_kind(one.statements, r.On):
                yield Diagnostic(
                    "E0310",
                    f"`on {statement.event}` does not stand in a select",
                    statement.span,
                    help="nothing is asked here that could fail",
                )
            continue
        asks = of_kind(one.statements, r.Ask)
        misread = of_kind(one.statements, r.Misplaced)
        if not asks and not misread and not resolved.incomplete:
            yield Diagnostic(
                "E0433",
                f"`{one.name}` asks nothing",
                one.span,
                help="a transform or generate has an `ask`; a select makes no calls",
            )
        for second in asks[1:]:
            yield Diagnostic(
                "E0433",
                f"`{one.name}` asks twice",
                second.span,
                "the second",
                (Label(asks[0].span, "the first"),),
                "make a transform of each",
            )
        gates = of_kind(one.statements, r.Verify)
        if asks and not gates:
            yield Diagnostic(
                "W0501",
                f"the answers of `{one.name}` are not verified",
                one.span,
                help="at least `verify { finish == stop }`, or answers cut by length are kept",
            )
        for ask in asks:
            yield from _longer(ask, gates)


def _longer(ask: r.Ask, gates: list[r.Verify]) -> Iterator[Diagnostic]:
    """max_tokens beyond what a rule on `tokens` keeps."""
    limit = ask.settings.get("max_tokens")
    if not isinstance(limit, r.Lit) or not isinstance(limit.value, int):
        return
    for gate in gates:
        for rule in gate.rules:
            match rule.expr:
                case r.Compare(
                    op="<=" | "<", left=r.Col(name="tokens", relation=None), right=r.Lit(value=int() as most)
                ):
                    if limit.value > most:
                        yield Diagnostic(
                            "W0504",
                            f"answers of up to {limit.value} tokens are paid for, and those over {most} thrown away",
                            limit.span,
                            "",
                            (Label(rule.span, "by this rule"),),
                            f"max_tokens = {most}",
                        )
