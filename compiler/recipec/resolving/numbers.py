"""Numbers with their units; sums and products of known ones, exactly, of others as they stand."""

from __future__ import annotations

from decimal import Decimal, DivisionByZero, InvalidOperation, localcontext

from recipec import ast, units
from recipec import resolved as r
from recipec.ast import Span
from recipec.columns import kind_of
from recipec.diagnostics import did_you_mean
from recipec.resolving.kinds import called, type_of
from recipec.resolving.scope import Scope

MAX_NUMBER = Decimal(10) ** 30


def number(scope: Scope, node: ast.Number) -> r.Lit | r.Unknown:
    """A number in its base unit."""
    if node.unit is None:
        return literal(scope, node.value, None, node.span)
    if node.unit not in units.UNITS:
        return scope.report(
            "E0302", f"there is no unit `{node.unit}`", node.span, help=did_you_mean(node.unit, units.UNITS, "units")
        )
    tag, factor = units.UNITS[node.unit]
    return literal(scope, node.value * factor, tag, node.span)


def literal(scope: Scope, exact: Decimal, tag: str | None, span: Span) -> r.Lit | r.Unknown:
    """A known number, refused where it is absurdly large."""
    if abs(exact) >= MAX_NUMBER:
        return scope.report("E0105", "this number is too large", span, help="numbers are below 10 to the 30th")
    return r.Lit(units.plain(exact, tag), tag, span, exact)


def arith(scope: Scope, op: str, left: r.Expr, right: r.Expr, span: Span) -> r.Expr:
    """`+ - * /`; two known numbers become one."""
    if isinstance(left, r.Unknown) or isinstance(right, r.Unknown):
        return r.Unknown(span)
    for side in (left, right):
        kind = kind_of(type_of(side))
        if kind not in ("number", "any"):
            return scope.report("E0301", f"`{op}` takes numbers; this is {called(side)}", side.span)
    if not (isinstance(left, r.Lit) and isinstance(right, r.Lit)):
        return r.Arith(op, left, right, span)
    unit = _result_unit(op, left, right)
    if unit == "?":
        return scope.report("E0302", f"`{op}` between {units.called(left.unit)} and {units.called(right.unit)}", span)
    with localcontext() as context:
        context.prec = 60
        a, b = _exact(left), _exact(right)
        try:
            result = {"+": a.__add__, "-": a.__sub__, "*": a.__mul__, "/": a.__truediv__}[op](b)
        except (DivisionByZero, InvalidOperation):
            return scope.report("E0301", "this divides by zero", span)
        return literal(scope, result, unit, span)


def _exact(value: r.Lit) -> Decimal:
    return value.exact if value.exact is not None else Decimal(str(value.value))


def _result_unit(op: str, left: r.Lit, right: r.Lit) -> str | None:
    """The unit of a folded number, `?` where the two do not go together."""
    a, b = left.unit, right.unit
    if op in "+-":
        return a if a == b or b is None else b if a is None else "?"
    if op == "*":
        plain = (None, "share", "x")
        if a in plain and b in plain:
            return a if b is None else b if a is None else a if a == b else "x"
        return b if a in plain else a if b in plain else "?"
    return None if a == b else a if b in (None, "x", "share") else "?"
