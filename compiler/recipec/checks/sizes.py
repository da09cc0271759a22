"""Sizes of a mix: what its phases or amounts come to is what it is to hold, and all of it is counted in one unit."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from recipec import resolved as r
from recipec import units
from recipec.ast import Span
from recipec.checks.walk import of_kind, parts
from recipec.diagnostics import Diagnostic, Label

UNITS = ("tokens", "documents", "bytes")
SHORT = (("T", 12), ("B", 9), ("M", 6), ("K", 3))


def check(resolved: r.Resolved, place: object) -> Iterator[Diagnostic]:
    for mix in resolved.mixes.values():
        yield from _names(mix)
        yield from _clash(mix)
        yield from _phases(mix)
    for _, part in parts(resolved):
        yield from _amounts(part)


def _names(mix: r.Mix) -> Iterator[Diagnostic]:
    seen: dict[str, Span] = {}
    for phase in of_kind(mix.statements, r.Phase):
        if phase.name in seen:
            yield Diagnostic(
                "E0220",
                f"two phases of `{mix.name}` are called `{phase.name}`",
                phase.span,
                "the second",
                (Label(seen[phase.name], "the first"),),
                "give one of them another name",
            )
        seen.setdefault(phase.name, phase.span)


# ---- units -------------------------------------------------------------------------------------


def _clash(mix: r.Mix) -> Iterator[Diagnostic]:
    """The first quantity of a mix says what it is counted in."""
    first: r.Lit | None = None
    for one in _quantities(mix):
        if one.unit not in UNITS:
            yield Diagnostic(
                "E0302",
                f"a mix is not measured in {one.unit}",
                one.span,
                help="rows are counted in `tokens`, `documents` or `bytes`",
            )
        elif first is None:
            first = one
        elif one.unit != first.unit:
            yield Diagnostic(
                "E0302",
                f"`{mix.name}` is measured in {first.unit}, and this is {units.called(one.unit)}",
                one.span,
                "",
                (Label(first.span, f"in {first.unit} here"),),
                f"write it in {first.unit}, or make a mix of its own of what is measured in {one.unit}",
            )


def _quantities(mix: r.Mix) -> Iterator[r.Lit]:
    """Every size and amount of a mix with its unit, the mix's own size first."""
    phases = of_kind(mix.statements, r.Phase)
    found = [part.size.value for part in (mix, *phases) if part.size is not None]
    for part in (mix, *phases):
        found += [take.value for take in of_kind(part.statements, r.Take) if take.quantity == "amount"]
    yield from (one for one in found if isinstance(one, r.Lit) and one.unit is not None)


# ---- sums --------------------------------------------------------------------------------------


def _phases(mix: r.Mix) -> Iterator[Diagnostic]:
    phases = of_kind(mix.statements, r.Phase)
    sized = [phase.size for phase in phases if phase.size is not None]
    if mix.size is None or not sized:
        return
    values = [(_exact(size.value, mix.size.value), size.at_most) for size in sized]
    whole = _exact(mix.size.value, mix.size.value)
    if whole is None or any(value is None for value, _ in values):
        return
    least = sum((value for value, at_most in values if not at_most), Decimal(0))
    most = sum((value for value, _ in values), Decimal(0)) if len(sized) == len(phases) else None
    reached = least if least > whole else most
    if least > whole or (not mix.size.at_most and most is not None and most < whole):
        whole_of_it = len(sized) == len(phases)
        yield _sum(mix.size, f"the phases of `{mix.name}`", reached, [one.value.span for one in sized], whole_of_it)


def _amounts(part: r.Mix | r.Phase) -> Iterator[Diagnostic]:
    takes = of_kind(part.statements, r.Take)
    amounts = [take.value for take in takes if take.quantity == "amount"]
    if part.size is None or not amounts or any(take.quantity not in ("amount", "rate") for take in takes):
        return
    values = [_exact(amount, part.size.value) for amount in amounts]
    whole = _exact(part.size.value, part.size.value)
    if whole is None or None in values:
        return
    total = sum(values, Decimal(0))
    alone = len(amounts) == len(takes) and part.complete
    if total > whole or (alone and not part.size.at_most and total < whole):
        yield _sum(part.size, f"the amounts of `{part.name}`", total, [amount.span for amount in amounts], alone)


def _sum(size: r.Size, what: str, total: Decimal, places: list[Span], all_: bool) -> Diagnostic:
    """`all_`: nothing else adds to it, so that it could be the size."""
    unit, bound = size.value.unit, "at most " if size.at_most else ""
    whole = _exact(size.value, size.value)
    return Diagnostic(
        "E0414",
        f"{what} sum to {_shown(total)} {unit}, and it is to hold {bound}{_shown(whole)} {unit}",
        size.value.span,
        f"{_shown(abs(total - whole))} {unit} {'too many' if total > whole else 'are missing'}",
        tuple(Label(span, "") for span in places),
        f"write `to {bound}{_shown(total)} {unit}`, or leave the size out"
        if all_
        else "raise the size or leave it out",
    )


def _exact(expr: r.Expr | None, whole: r.Expr) -> Decimal | None:
    """The number, if it is known and counts what `whole` counts."""
    if not isinstance(expr, r.Lit) or not isinstance(whole, r.Lit) or expr.unit != whole.unit or expr.unit is None:
        return None
    return expr.exact if expr.exact is not None else Decimal(str(expr.value))


def _shown(value: Decimal) -> str:
    """A count as it is written in a recipe."""
    for letter, power in SHORT:
        if value >= Decimal(10) ** power:
            return f"{value.scaleb(-power).normalize():f}{letter}"
    return f"{value.normalize():f}"
