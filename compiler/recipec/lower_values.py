"""Resolved values and expressions to the plan's: plain literals, pinned files, columns by name."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path

from recipec import plan as p
from recipec import resolved as r
from recipec.plan_values import OfList


class Unsupported(Exception):
    """A construct that this version can check and cannot run yet; becomes E0900. The lowering notes it and goes on;
    it is raised only where no node can stand for what the recipe says. `remedy`: what says the same and runs."""

    def __init__(self, what: str, span: object, remedy: str = ""):
        super().__init__(what)
        self.what, self.span, self.remedy = what, span, remedy


FileFinder = Callable[[str], tuple[Path, str]]
"""From a file as the recipe names it to where it is (beside the recipe, then in the library) and how the script
names it: one of the library by its name there, so that the script runs where recipec is installed elsewhere."""


def pinned(name: str, find: FileFinder) -> p.FileValue:
    """A file with its SHA-256."""
    path, shown = find(name)
    about = path.stat()
    return p.FileValue(path=shown, sha256=_sha256(path, about.st_size, about.st_mtime_ns))


@lru_cache(maxsize=1000)
def _sha256(path: Path, size: int, changed: int) -> str:
    """Of a file as it was at that time: a model that a hundred steps name is read once."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


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
            plain = p.digest("argument", p.identity(given))[:6]
        name += f"_{plain}"
    if call.column and len(call.operator.columns) > 1:
        name += f"_{call.column}"
    return name


def rule(found: r.Rule, expr: p.Expr, at: str) -> p.Rule:
    """A rule with the figure it looks at and the limit it sets, for whoever asks why a row fell out."""
    figure, threshold = _figure(expr)
    return p.Rule(text=found.text, expr=expr, value=figure, threshold=threshold, at=at)


def _figure(expr: p.Expr) -> tuple[p.Expr | None, str]:
    match expr:
        case p.Compare(op=op, left=left, right=p.Lit(value=limit)):
            return left, f"{op} {limit}"
        case p.Compare(op=op, left=left, right=p.Entry(table=table)):
            return left, f"{op} {table.name}"
        case p.InEntry(value=inner, table=table):
            return inner, f"in {table.name}"
        case p.InRange(value=inner, low=p.Lit(value=low), high=p.Lit(value=high)):
            return inner, f"{low} .. {high}"
        case p.InList(value=inner, items=items):
            return inner, "in " + ", ".join(str(i) for i in items)
        case OfList(value=inner):
            return inner, _of_list(expr)
        case p.Not(operand=OfList(value=inner) as said):
            return inner, f"not {_of_list(said)}"
        case p.Not(operand=p.Col() as inner):
            return inner, "== false"
        case p.Col():
            return expr, "== true"
    return None, "all must hold"


def _of_list(said: OfList) -> str:
    """`all in cc0-1.0, cc-by-4.0`."""
    return "any" if said.items is None else f"{said.how} in " + ", ".join(str(i) for i in said.items)


def columns_of(expr: p.Expr) -> list[str]:
    """Names of the columns in an expression, those a table is looked up by too, in order, each once."""
    found: dict[str, None] = {}

    def walk(node: object) -> None:
        if isinstance(node, p.Col):
            found[node.name] = None
        elif isinstance(node, p.Entry | p.InEntry):
            walk(getattr(node, "value", None))
            found.update(dict.fromkeys(node.keys))
        elif isinstance(node, p.Frozen):
            for name in type(node).model_fields:
                walk(getattr(node, name))
        elif isinstance(node, tuple | dict):
            for inner in node.values() if isinstance(node, dict) else node:
                walk(inner)

    walk(expr)
    return list(found)
