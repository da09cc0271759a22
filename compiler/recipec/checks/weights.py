"""Weights of a mix: shares of one whole that sum to 100%, to the last digit they are written with."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from recipec import resolved as r
from recipec.checks.walk import of_kind, parts
from recipec.diagnostics import Diagnostic, Label


def check(resolved: r.Resolved, place: object) -> Iterator[Diagnostic]:
    for mix, part in parts(resolved):
        takes = of_kind(part.statements, r.Take)
        weighted = [take for take in takes if take.quantity == "weight"]
        others = [take for take in takes if take.quantity != "weight"]
        for take in takes:
            if take.quantity is None:
                yield Diagnostic(
                    "E0412",
                    f"how much of `{take.relation.name}` is taken?",
                    take.span,
                    help="add `weight 30%`, `rate 1x` or `amount 10B tokens`",
                )
        measured = [take for take in others if take.quantity is not None]
        if weighted and measured:
            yield Diagnostic(
                "E0412",
                f"`{measured[0].quantity}` does not stand beside `weight`",
                measured[0].span,
                "",
                (Label(weighted[0].span, "a weight is a share of the whole"),),
                "make a mix of its own of the one kind, and take that",
            )
        elif weighted and part.complete:
            yield from _sum(part, weighted)
        if not takes and part.complete and part is mix and not of_kind(mix.statements, r.Phase):
            yield Diagnostic(
                "E0311", f"mix `{mix.name}` takes nothing", mix.span, help="add `take relation weight 100%`"
            )
        for take in takes:
            yield from _bounds(take)


def _exact(expr: r.Expr | None) -> Decimal | None:
    if isinstance(expr, r.Lit) and isinstance(expr.value, int | float):
        return expr.exact if expr.exact is not None else Decimal(str(expr.value))
    return None


def _sum(part: r.Mix | r.Phase, takes: list[r.Take]) -> Iterator[Diagnostic]:
    values = [_exact(take.value) for take in takes]
    if any(value is None for value in values):
        return
    # Weights in whole per cents are exact; with more digits, each may be half of the last one off.
    digits = max(0, *(-value.as_tuple().exponent - 2 for value in values))
    rounding = Decimal(1).scaleb(-2 - digits) / 2 * len(values) if digits else Decimal(0)
    total = sum(values, Decimal(0))
    if abs(total - 1) > rounding:
        difference = (1 - total) * 100
        shown = f"{abs(difference).normalize():f}% {'are missing' if difference > 0 else 'are too many'}"
        yield Diagnostic(
            "E0410",
            f"the weights of `{part.name}` sum to {(total * 100).normalize():f}%, not to 100%",
            takes[0].value.span.to(takes[-1].value.span) if len(takes) == 1 else takes[-1].value.span,
            shown,
            tuple(Label(take.value.span, "") for take in takes[:-1]),
            "change one of them",
        )


def _bounds(take: r.Take) -> Iterator[Diagnostic]:
    weight = _exact(take.value) if take.quantity == "weight" else None
    for bound in take.bounds:
        limit = _exact(bound.value)
        if bound.subject == "epochs" and bound.op not in ("<=", "<"):
            yield Diagnostic("E0413", "epochs have an upper bound", bound.span, help="write `epochs <= 4`")
        if bound.subject == "share" and weight is not None and limit is not None:
            broken = weight > limit if bound.op in ("<=", "<") else weight < limit if bound.op in (">=", ">") else False
            if broken:
                yield Diagnostic(
                    "E0413",
                    "the weight is outside of the share asked for",
                    bound.span,
                    "",
                    (Label(take.value.span, "the weight"),),
                )
