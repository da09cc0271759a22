"""The syntax tree as text (`recipec compile --format ast`): one node a line, its parts indented below it.

select edu (3:1)
  from: Relation (3:17)
    name: edu_pages
  body:
    Keep (4:3)
      expr: Compare >= (4:8)
        left: edu
        right: 4
"""

from __future__ import annotations

from recipec import ast
from recipec.ast import LineIndex
from recipec.record import fields

_SKIPPED = ("span", "height", "file")


def show(file: ast.File, text: str) -> str:
    """Every item of a file, deepest parts included; places are line:column."""
    index = LineIndex(text)
    lines: list[str] = []
    for item in file.items:
        _node(item, "", 0, index, lines)
    return "".join(f"{line}\n" for line in lines)


def _node(node: object, label: str, depth: int, index: LineIndex, lines: list[str]) -> None:
    indent = "  " * depth
    short = _short(node)
    if short is not None:
        lines.append(f"{indent}{label}{short}")
        return
    if isinstance(node, tuple):
        lines.append(f"{indent}{label.rstrip()}")
        for one in node:
            _node(one, "", depth + 1, index, lines)
        return
    line, column = index.position(node.span.start)
    words = [
        type(node).__name__,
        *(getattr(node, name) for name in ("kind", "op") if isinstance(getattr(node, name, 0), str)),
    ]
    lines.append(f"{indent}{label}{' '.join(words)} ({line}:{column})")
    for field in fields(node):
        value = getattr(node, field)
        if field in _SKIPPED or field in ("kind", "op") or value in (None, "", ()):
            continue
        _node(value, f"{field.rstrip('_')}: ", depth + 1, index, lines)


def _short(node: object) -> str | None:
    """Nodes that fit on their parent's line."""
    match node:
        case ast.Ident():
            return node.text
        case ast.Name():
            return node.text
        case ast.Number():
            return node.text
        case ast.Text():
            parts = [one if isinstance(one, str) else f"${{{one.text}}}" for one in node.parts]
            return repr("".join(parts))
        case str() | bool():
            return repr(node) if isinstance(node, str) else str(node).lower()
    return None
