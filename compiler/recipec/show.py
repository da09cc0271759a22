"""A syntax tree as indented text: a node a line, with its line number and what it holds."""

from __future__ import annotations

from dataclasses import fields, is_dataclass
from decimal import Decimal

from recipec.ast import File, LineIndex, Span


def show(file: File, text: str) -> str:
    """The items of a file, each node as `Kind field=value` with `@line`; lists of nodes stand below it."""
    lines: list[str] = []
    index = LineIndex(text)
    for item in file.items:
        _node(item, "", 0, index, lines)
    return "\n".join(lines) + "\n"


def _node(node: object, label: str, depth: int, index: LineIndex, lines: list[str]) -> None:
    plain, below = [], []
    for field in fields(node):
        value = getattr(node, field.name)
        if isinstance(value, Span) or field.name == "height" or value in (None, "", (), False):
            continue
        if is_dataclass(value):
            below.append((field.name, [value]))
        elif isinstance(value, tuple) and any(is_dataclass(v) for v in value):
            below.append((field.name, [v for v in value if is_dataclass(v)]))
        else:
            plain.append(f"{field.name}={str(value) if isinstance(value, Decimal) else repr(value)}")
    place = f" @{index.position(node.span.start)[0]}" if hasattr(node, "span") else ""
    head = f"{label}: " if label else ""
    lines.append("  " * depth + head + " ".join([type(node).__name__, *plain]) + place)
    for name, nodes in below:
        for inner in nodes:
            _node(inner, name, depth + 1, index, lines)
