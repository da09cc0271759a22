"""Ranges and lists that nothing can be in: `5 .. 3`, `x >= 5 and x < 3`, `x in []`."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from recipec import resolved as r
from recipec.checks.walk import derived, everything, rules_of, shape
from recipec.diagnostics import Diagnostic, Label

_FLIPPED = {">=": "<=", "<=": ">=", ">": "<", "<": ">", "==": "==", "!=": "!="}


def check(resolved: r.Resolved, place: object) -> Iterator[Diagnostic]:
    for expr in everything(resolved):
        if isinstance(expr, r.InRange | r.Interval):
            low, high = _number(expr.low), _number(expr.high)
            if low is not None and high is not None and low > high:
                span = expr.low.span.to(expr.high.span)
                yield Diagnostic(
                    "E0320",
                    "this range is empty: it ends before it begins",
                    span,
                    help="the smaller number stands first",
                )
        elif isinstance(expr, r.InList | r.OfList) and expr.items == ():
            yield Diagnostic("E0320", "nothing is in an empty list", expr.span, help="name what may be in it")
        elif isinstance(expr, r.And):
            yield from _conflicts(expr.operands)
    for one in derived(resolved):
        for statement in one.statements:
            yield from _conflicts(tuple(rule.expr for rule in rules_of(statement)))


def _number(expr: r.Expr) -> Decimal | None:
    if isinstance(expr, r.Lit) and isinstance(expr.value, int | float) and not isinstance(expr.value, bool):
        return expr.exact if expr.exact is not None else Decimal(str(expr.value))
    return None


def _conflicts(conditions: tuple[r.Expr, ...]) -> Iterator[Diagnostic]:
    """Conditions that must all hold, two of which cannot."""
    lows: dict[object, tuple[Decimal, bool, r.Expr]] = {}
    highs: dict[object, tuple[Decimal, bool, r.Expr]] = {}
    for condition in conditions:
        for value, op, limit in _bounds(condition):
            key = shape(value)
            strict = op in "<>"
            if op in (">", ">=", "==") and (key not in lows or (limit, strict) > lows[key][:2]):
                lows[key] = (limit, strict, condition)
            if op in ("<", "<=", "==") and (
                key not in highs or (limit, not strict) < (highs[key][0], not highs[key][1])
            ):
                highs[key] = (limit, strict, condition)
    for key, (low, low_strict, first) in lows.items():
        if key not in highs:
            continue
        high, high_strict, second = highs[key]
        if first is not second and (low > high or (low == high and (low_strict or high_strict))):
            later, earlier = (second, first) if second.span.start >= first.span.start else (first, second)
            yield Diagnostic(
                "E0320",
                "no row can meet both of these rules",
                later.span,
                "this one",
                (Label(earlier.span, "and this one"),),
                "every row would be dropped",
            )


def _bounds(expr: r.Expr) -> Iterator[tuple[r.Expr, str, Decimal]]:
    match expr:
        case r.Compare():
            left, right = _number(expr.left), _number(expr.right)
            if right is not None and left is None:
                yield expr.left, expr.op, right
            elif left is not None and right is None:
                yield expr.right, _FLIPPED[expr.op], left
        case r.InRange():
            low, high = _number(expr.low), _number(expr.high)
            if low is not None:
                yield expr.value, ">=", low
            if high is not None:
                yield expr.value, "<=", high
