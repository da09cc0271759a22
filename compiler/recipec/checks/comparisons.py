"""Comparisons: both sides of one type and one unit, and a limit that the value can reach."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from recipec import resolved as r
from recipec import units
from recipec.checks.walk import everything
from recipec.columns import FINISH_WORDS, ORIGIN_WORDS, kind_of
from recipec.diagnostics import Diagnostic, did_you_mean
from recipec.record import replace
from recipec.resolving.kinds import called, type_of, unit_of

WORDS = {"finish": FINISH_WORDS, "origin": ORIGIN_WORDS}


def check(resolved: r.Resolved, place: object) -> Iterator[Diagnostic]:
    for expr in everything(resolved):
        match expr:
            case r.Compare():
                yield from pair(expr, expr.left, expr.right, expr.op)
            case r.InRange():
                yield from pair(expr, expr.value, expr.low, ">=")
                yield from pair(expr, expr.value, expr.high, "<=")
            case r.InList():
                for item in expr.items:
                    yield from pair(expr, expr.value, item, "==")
            case r.OfList(items=tuple()):
                yield from _among(expr)
            case r.Arith():
                yield from _arith(expr)


def pair(whole: r.Expr, left: r.Expr, right: r.Expr, op: str) -> Iterator[Diagnostic]:
    """The findings of `left op right`, which stands at `whole`."""
    if isinstance(left, r.Unknown) or isinstance(right, r.Unknown):
        return
    kinds = kind_of(type_of(left)), kind_of(type_of(right))
    if "any" not in kinds and kinds[0] != kinds[1] and set(kinds) != {"time", "text"}:
        help_ = next(filter(None, map(_of_list, (left, right))), "")
        yield Diagnostic("E0306", f"{called(left)} is compared with {called(right)}", whole.span, help=help_)
        return
    if op not in ("==", "!=") and kinds[0] in ("text", "bool", "list", "map"):
        yield Diagnostic("E0306", f"`{op}` does not order {called(left)}", whole.span, help="use `==`, `!=` or `in`")
        return
    yield from _word(left, right)
    value, limit = (right, left) if isinstance(left, r.Lit) else (left, right)
    if isinstance(limit, r.Lit) and isinstance(limit.value, int | float) and not isinstance(limit.value, bool):
        yield from _limit(value, limit)
    elif unit_of(left) and unit_of(right) and unit_of(left) != unit_of(right):
        yield Diagnostic(
            "E0302", f"{units.called(unit_of(left))} is compared with {units.called(unit_of(right))}", whole.span
        )


def _of_list(expr: r.Expr) -> str:
    """How a column that is a list is compared; nothing for others."""
    if isinstance(expr, r.OfList):
        return f"`{expr.how}({expr.value.name})` says whether there is one: `{expr.how}({expr.value.name}) in […]`"
    if not isinstance(expr, r.Col) or kind_of(expr.type) != "list":
        return ""
    return f"every one of them: `all({expr.name}) in […]`; one at least: `any({expr.name}) in […]`"


def _among(expr: r.OfList) -> Iterator[Diagnostic]:
    """What a list's values are looked for among is of their type."""
    held = expr.value.type.removeprefix("array<").removesuffix(">")
    for item in expr.items:
        kinds = kind_of(held), kind_of(type_of(item))
        if "any" not in kinds and kinds[0] != kinds[1]:
            told = called(r.Col("", held, None, expr.span))
            yield Diagnostic("E0306", f"{told} is compared with {called(item)}", expr.span)


def _limit(value: r.Expr, limit: r.Lit) -> Iterator[Diagnostic]:
    """A value and the number it is compared with."""
    wanted = unit_of(value)
    exact = limit.exact if limit.exact is not None else Decimal(str(limit.value))
    if wanted == "share":
        if limit.unit not in ("share", None):
            yield Diagnostic(
                "E0302",
                f"a share is compared with {units.called(limit.unit)}",
                limit.span,
                help="write it as a share: `30%`",
            )
        elif not 0 <= exact <= 1:
            percent = f"write `{limit.value}%`" if limit.unit is None and 1 < exact <= 100 else ""
            yield Diagnostic("E0307", "a share lies between 0% and 100%", limit.span, help=percent)
        return
    whole = wanted in units.COUNTED or type_of(value) == "bigint"
    if whole and limit.unit == "share":
        what = units.called(wanted) if wanted else "a count"
        yield Diagnostic("E0302", f"{what} is compared with a share", limit.span, help="write a number without `%`")
    elif limit.unit not in (None, "share", "x") and wanted in units.COUNTED and limit.unit != wanted:
        yield Diagnostic("E0302", f"{units.called(wanted)} is compared with {units.called(limit.unit)}", limit.span)
    elif whole and exact < 0 and wanted in units.COUNTED:
        yield Diagnostic("E0307", "a count is never negative", limit.span)


def _word(left: r.Expr, right: r.Expr) -> Iterator[Diagnostic]:
    """A column that holds one of a few words, compared with another."""
    column, word = (left, right) if isinstance(left, r.Col) else (right, left)
    if isinstance(column, r.Col) and isinstance(word, r.Lit) and isinstance(word.value, str):
        known = WORDS.get(column.name.rpartition(".")[2])
        if known and word.value not in known:
            yield Diagnostic(
                "E0305",
                f"`{column.name}` is never `{word.value}`",
                word.span,
                help=did_you_mean(word.value, known, "words"),
            )


def _arith(expr: r.Arith) -> Iterator[Diagnostic]:
    if expr.op not in "+-":
        return
    left, right = unit_of(expr.left), unit_of(expr.right)
    if left and right and left != right:
        yield Diagnostic(
            "E0302", f"`{expr.op}` between {units.called(left)} and {units.called(right)}", replace(expr.span)
        )
