"""What a bound expression is: its type, what it measures, how a message calls it."""

from __future__ import annotations

from recipec import resolved as r
from recipec import units
from recipec.columns import kind_of


def type_of(expr: r.Expr) -> str:
    """The type of a bound expression, as Spark spells it, or `any`."""
    match expr:
        case r.Lit(value=bool()):
            return "boolean"
        case r.Lit(value=int()):
            return "bigint"
        case r.Lit(value=float()):
            return "double"
        case r.Lit(value=str()):
            return "string"
        case r.Lit(value=tuple()):
            return "array<string>"
        case r.Col() | r.OpCall():
            return expr.type
        case r.Compare() | r.InRange() | r.InList() | r.OfList() | r.InTable() | r.Not() | r.And() | r.Or():
            return "boolean"
        case r.Arith():
            return "double"
        case r.Template():
            return "string"
        case r.Sequence():
            return "array<string>"
    return "any"


def unit_of(expr: r.Expr) -> str | None:
    """What an expression measures, where that is known."""
    match expr:
        case r.Lit() | r.Col():
            return expr.unit
        case r.OpCall():
            return units.unit_of_name(expr.operator.name)
    return None


def called(expr: r.Expr) -> str:
    """An expression in a message."""
    match expr:
        case r.Lit(value=None):
            return "`none`"
        case r.Lit(unit=str()):
            return units.called(expr.unit)
        case r.EnvRef():
            return "read from the environment"
        case r.Interval():
            return "a range"
        case r.RelationRef():
            return "a relation"
        case r.ItemRef():
            return f"a {expr.kind}"
        case r.PromptCall():
            return "a prompt"
    kind = kind_of(type_of(expr))
    return {
        "text": "a text",
        "number": "a number",
        "bool": "true or false",
        "list": "a list",
        "map": "a map",
        "time": "a time",
    }.get(kind, "a value known only when it runs")
