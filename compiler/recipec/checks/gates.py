"""Gates that no answer can pass: a rule asks for more than `max_tokens` or the segment's bounds allow."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from recipec import resolved as r
from recipec.checks.walk import derived, everything, of_kind
from recipec.diagnostics import Diagnostic, Label

FLIPPED = {">=": "<=", "<=": ">=", ">": "<", "<": ">", "==": "=="}
Bound = tuple[str, str, Decimal]
"""Column, operator, number."""


def check(resolved: r.Resolved, place: object) -> Iterator[Diagnostic]:
    for one in derived(resolved):
        for ask in of_kind(one.statements, r.Ask):
            limits = list(_limits(ask))
            for gate in of_kind(one.statements, r.Verify):
                for rule in gate.rules:
                    yield from _closed(rule, limits)
    for call in everything(resolved):
        if isinstance(call, r.OpCall):
            yield from _cut(call)


def _limits(ask: r.Ask) -> Iterator[tuple[str, str, r.Lit]]:
    """What is known of an answer before it is there: a column, `<=` or `>=`, and the number that says so."""
    found = [("tokens", "<=", ask.settings.get("max_tokens"))]
    segment = ask.settings.get("segment")
    if isinstance(segment, r.OpCall):
        found += [("segment_tokens", "<=", segment.args.get("max")), ("segment_tokens", ">=", segment.args.get("min"))]
    for column, op, limit in found:
        if _number(limit) is not None and limit.unit == "tokens":
            yield column, op, limit


def _closed(rule: r.Rule, limits: list[tuple[str, str, r.Lit]]) -> Iterator[Diagnostic]:
    for column, op, asked in _bounds(rule.expr):
        for known, side, limit in limits:
            most = _number(limit)
            if column != known or most is None:
                continue
            if side == "<=":
                broken = (op in (">=", "==") and asked > most) or (op == ">" and asked >= most)
                reach = f"is at most {limit.value}"
            else:
                broken = (op in ("<=", "==") and asked < most) or (op == "<" and asked <= most)
                reach = f"is at least {limit.value}"
            if broken:
                yield Diagnostic(
                    "E0320",
                    f"no answer can pass this rule: `{column}` {reach}",
                    rule.span,
                    "every answer would be rejected",
                    (Label(limit.span, "by this"),),
                    f"raise `{'max_tokens' if column == 'tokens' else 'max'}` or lower the rule"
                    if side == "<="
                    else "lower `min` or raise the rule",
                )
                return


def _bounds(expr: r.Expr) -> Iterator[Bound]:
    """What must hold of an answer's column: nothing where the rule has a choice."""
    match expr:
        case r.Compare(op=op, left=r.Col(relation=None) as column, right=limit) if op in FLIPPED:
            found = [(column.name, op, limit)]
        case r.Compare(op=op, left=limit, right=r.Col(relation=None) as column) if op in FLIPPED:
            found = [(column.name, FLIPPED[op], limit)]
        case r.InRange(value=r.Col(relation=None) as column):
            found = [(column.name, ">=", expr.low), (column.name, "<=", expr.high)]
        case r.And():
            for operand in expr.operands:
                yield from _bounds(operand)
            return
        case _:
            return
    for name, op, limit in found:
        value = _number(limit)
        if value is not None:
            yield name, op, value


def _cut(call: r.OpCall) -> Iterator[Diagnostic]:
    """`lines(min = 600 tokens, max = 512 tokens)`: no piece is of such a length."""
    low, high = call.args.get("min"), call.args.get("max")
    least, most = _number(low), _number(high)
    if least is not None and most is not None and low.unit == high.unit and least > most:
        yield Diagnostic(
            "E0320",
            f"`{call.operator.name}` from {low.value} to {high.value} is an empty range",
            low.span,
            "the least",
            (Label(high.span, "is more than the most"),),
            "the smaller number is the `min`",
        )


def _number(expr: object) -> Decimal | None:
    if isinstance(expr, r.Lit) and isinstance(expr.value, int | float) and not isinstance(expr.value, bool):
        return expr.exact if expr.exact is not None else Decimal(str(expr.value))
    return None
