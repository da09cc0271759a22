"""Transforms and generates: something is asked, and the answers are verified."""

from __future__ import annotations

from collections.abc import Iterator

from recipec import resolved as r
from recipec.checks.walk import derived, inside, of_kind, values_of
from recipec.diagnostics import Diagnostic, Label

LOGPROB = "logprob"


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
        if asks and not any(_wants_logprobs(ask) for ask in asks):
            yield from _unasked(one.statements, asks[0])


def _wants_logprobs(ask: r.Ask) -> bool:
    given = ask.settings.get("logprobs")
    return given is not None and not (isinstance(given, r.Lit) and given.value is False)


def _unasked(statements: tuple[r.Statement, ...], ask: r.Ask) -> Iterator[Diagnostic]:
    """A server says how probable its answer is only where it is asked."""
    for statement in statements:
        for expr in () if isinstance(statement, r.Ask) else inside(tuple(values_of(statement))):
            if isinstance(expr, r.Col) and expr.relation is None and expr.name == LOGPROB:
                yield Diagnostic(
                    "E0202",
                    f"there is no column `{LOGPROB}` here",
                    expr.span,
                    "",
                    (Label(ask.span, "not asked for here"),),
                    "write `logprobs = true` in the `ask`",
                )


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
