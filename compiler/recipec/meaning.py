"""What a syntax tree says, without where and how it is written."""

from __future__ import annotations

from recipec import ast
from recipec.record import fields

_NOT_MEANT = ("span", "height", "multiline")


def meaning(node: object) -> object:
    """A tree without its places and without how its numbers and texts are written: equal for two texts that
    say the same."""
    if isinstance(node, ast.File):
        return meaning(node.items)
    if isinstance(node, ast.Number):
        return ("Number", node.value, node.unit)
    if isinstance(node, tuple):
        return tuple(meaning(one) for one in node)
    if hasattr(node, "span"):
        kept = (getattr(node, name) for name in fields(node) if name not in _NOT_MEANT)
        return (type(node).__name__, *map(meaning, kept))
    return node
