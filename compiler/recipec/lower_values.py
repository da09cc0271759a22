"""Resolved values and expressions to the plan's: plain literals, pinned files, columns by name."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from pathlib import Path

from recipec import plan as p
from recipec import resolved as r


class Unsupported(Exception):
    """A construct that this version can check and cannot run yet; becomes E0900."""

    def __init__(self, what: str, span: object):
        super().__init__(what)
        self.what, self.span = what, span


FileFinder = Callable[[str], Path]
"""From a file as the recipe names it to where it is: beside the recipe, then in the library."""


def operation(call: r.OpCall, find: FileFinder, tokenizer: p.FileValue | None = None) -> p.Operation:
    """An operator call whose arguments are all known; raises Unsupported where one is not, or where the
    operator has a signature and nothing behind it."""
    if not call.operator.run:
        raise Unsupported(f"operator `{call.operator.name}`", call.span)
    if call.rest:
        raise Unsupported(f"more than one value for `{call.operator.name}`", call.span)
    kinds = {q.name: q for q in call.operator.parameters}
    args = {
        name: value(expr, kinds[name], find)
        for name, expr in call.args.items()
        if kinds[name].type not in ("html", "relation")
    }
    return p.Operation(operator=call.operator.name, version=call.operator.version, args=args)


def value(expr: object, parameter: r.Parameter, find: FileFinder) -> p.Value:
    """A plain value for a parameter of this type."""
    if isinstance(expr, r.Col):
        return expr.name
    if not isinstance(expr, r.Lit):
        raise Unsupported(f"this kind of value for `{parameter.name}`", expr.span)
    found = expr.value
    if parameter.type == "file" and isinstance(found, str) and found not in getattr(parameter, "embedded", ()):
        return pinned(found, find)
    if isinstance(found, tuple):
        return tuple(found)
    return found


def pinned(name: str, find: FileFinder) -> p.FileValue:
    """A file with its SHA-256."""
    path = find(name)
    with path.open("rb") as file:
        return p.FileValue(path=str(path), sha256=hashlib.file_digest(file, "sha256").hexdigest())


def column_name(call: r.OpCall, operation: p.Operation) -> str:
    """The name of the column an operator call fills: the same call has the same name everywhere.

    `stats.words` → `stats_words`; numbers and short words among the arguments follow (`…_share_2`), other
    arguments by six digits of their hash.
    """
    name = call.operator.name.replace(".", "_")
    for parameter in call.operator.parameters:
        given = operation.args.get(parameter.name)
        if given is None or given == parameter.default:
            continue
        plain = str(given).lower()
        if not re.fullmatch(r"[a-z0-9_]{1,20}", plain):
            plain = p.digest("argument", _plain(given))[:6]
        name += f"_{plain}"
    if call.column and len(call.operator.columns) > 1:
        name += f"_{call.column}"
    return name


def _plain(given: p.Value) -> object:
    return given.sha256 if isinstance(given, p.FileValue) else given


def expression(expr: object, column: Callable[[r.OpCall], str]) -> p.Expr:
    """A resolved expression over columns. `column` gives the column of an operator call, adding it where the
    rows do not have it yet."""

    def sub(inner: object) -> p.Expr:
        return expression(inner, column)

    match expr:
        case r.Lit(value=tuple()):
            raise Unsupported("a list here", expr.span)
        case r.Lit():
            return p.Lit(value=expr.value)
        case r.Col(relation=None):
            return p.Col(name=expr.name)
        case r.OpCall():
            return p.Col(name=column(expr))
        case r.Compare():
            return p.Compare(op=expr.op, left=sub(expr.left), right=sub(expr.right))
        case r.InRange():
            return p.InRange(value=sub(expr.value), low=sub(expr.low), high=sub(expr.high))
        case r.InList():
            return p.InList(value=sub(expr.value), items=tuple(_constants(expr.items)))
        case r.Not():
            return p.Not(operand=sub(expr.operand))
        case r.And():
            return p.Junction(op="and", operands=tuple(sub(o) for o in expr.operands))
        case r.Or():
            return p.Junction(op="or", operands=tuple(sub(o) for o in expr.operands))
        case r.Arith():
            return p.Arith(op=expr.op, left=sub(expr.left), right=sub(expr.right))
    raise Unsupported(f"{_word(expr)} in a rule", expr.span)


def _constants(items: tuple[object, ...]) -> list[p.Scalar]:
    for item in items:
        if not isinstance(item, r.Lit):
            raise Unsupported("a computed value in a list", item.span)
    return [item.value for item in items]


def _word(expr: object) -> str:
    return {
        r.InTable: "a table",
        r.ItemRef: "a table",
        r.Template: "a text with row values",
        r.EnvRef: "env(…)",
        r.Col: "a column of another relation",
    }.get(type(expr), "this")


def rule(found: r.Rule, expr: p.Expr, at: str) -> p.Rule:
    """A rule with the figure it looks at and the limit it sets, for whoever asks why a row fell out."""
    figure, threshold = _figure(expr)
    return p.Rule(text=found.text, expr=expr, value=figure, threshold=threshold, at=at)


def _figure(expr: p.Expr) -> tuple[p.Expr | None, str]:
    match expr:
        case p.Compare(op=op, left=left, right=p.Lit(value=limit)):
            return left, f"{op} {limit}"
        case p.InRange(value=inner, low=p.Lit(value=low), high=p.Lit(value=high)):
            return inner, f"{low} .. {high}"
        case p.InList(value=inner, items=items):
            return inner, "in " + ", ".join(str(i) for i in items)
        case p.Not(operand=p.Col() as inner):
            return inner, "== false"
        case p.Col():
            return expr, "== true"
    return None, "all must hold"


def columns_of(expr: p.Expr) -> list[str]:
    """Names of the columns in an expression, in order, each once."""
    found: dict[str, None] = {}

    def walk(node: object) -> None:
        if isinstance(node, p.Col):
            found[node.name] = None
        elif isinstance(node, p.Frozen):
            for name in type(node).model_fields:
                walk(getattr(node, name))
        elif isinstance(node, tuple):
            for inner in node:
                walk(inner)

    walk(expr)
    return list(found)
