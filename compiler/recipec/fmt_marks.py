"""What the formatter must know of a text besides its tokens: read off the tree."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from recipec import ast
from recipec.record import fields

_OPENS = re.compile(r"\s*\(")


@dataclass(slots=True)
class Marks:
    """What tokens alone do not tell, from the tree: brackets that follow their name without a space, signs that
    stand between two values, and which node begins where."""

    tight: set[int] = field(default_factory=set)
    between: set[int] = field(default_factory=set)
    nodes: dict[int, object] = field(default_factory=dict)


def marks(file: ast.File, text: str) -> Marks:
    """The marks of a tree that was read from `text`."""
    result = Marks()
    statements = (*ast.Item.__args__, *ast.Statement.__args__, ast.TierRow, ast.Entry)
    for node in _walk(file.items):
        match node:
            case ast.Call():
                result.tight.add(text.index("(", node.function.span.end))
            case ast.Relation() if node.tiers:
                result.tight.add(text.index("[", node.name.span.end))
            case ast.Prompt() | ast.Filter() | ast.Block():
                bracket = _OPENS.match(text, node.name.span.end)
                if bracket:
                    result.tight.add(bracket.end() - 1)
            case ast.Arith():
                result.between.add(text.index(node.op, node.left.span.end))
        if isinstance(node, statements):
            result.nodes.setdefault(node.span.start, node)
    return result


def _walk(node: object) -> Iterator[object]:
    waiting = [node]
    while waiting:
        node = waiting.pop()
        if isinstance(node, tuple):
            waiting += node
        elif hasattr(node, "span"):
            yield node
            waiting += [getattr(node, name) for name in fields(node) if name != "span"]
