"""Python source text from values and calls: literals that mean exactly one value, lines broken as a person would."""

from __future__ import annotations

import builtins
import keyword
from collections.abc import Container, Sequence
from dataclasses import dataclass, field
from typing import Any

WIDTH = 110


def text_literal(text: str) -> str:
    """A double-quoted Python literal; what is not printable becomes an escape, so no line breaks and no
    bidirectional mark can change how the script reads."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("\t", "\\t")
    if escaped.isprintable():
        return f'"{escaped}"'
    out = []
    for char in escaped:
        if char.isprintable():
            out.append(char)
        else:
            code = ord(char)
            out.append(f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}")
    return '"' + "".join(out) + '"'


def comment(text: str) -> str:
    """One comment line, whatever the text holds."""
    return "# " + text_literal(" ".join(text.split("\n")))[1:-1].replace('\\"', '"').replace("\\\\", "\\")


_RESERVED = frozenset(keyword.kwlist) | frozenset(keyword.softkwlist) | frozenset(dir(builtins))


def identifier(name: str, taken: Container[str]) -> str:
    """`name` (`[a-z_][a-z0-9_]*`, by the grammar) with `_` appended until it is free and no word of Python's."""
    if not (name.isascii() and name.isidentifier()):
        raise ValueError(f"not a name of the language: {name!r}")
    while name in _RESERVED or name in taken:
        name += "_"
    return name


@dataclass(frozen=True)
class Code:
    """Source text as it is."""

    text: str


@dataclass(frozen=True)
class Call:
    """`function(*args, **kwargs)`."""

    function: str
    args: Sequence[Any] = ()
    kwargs: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Method:
    """`target.name(…)`, chained after whatever `target` is."""

    target: Any
    name: str
    args: Sequence[Any] = ()
    kwargs: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Chain:
    """`head.call(…).call(…)`, a call a line where it is long."""

    head: str
    calls: Sequence[Call]


@dataclass(frozen=True)
class Filled:
    """A list of plain values, as many a line as fit."""

    items: Sequence[Any]


def flat(value: Any) -> str:
    """The value on one line."""
    match value:
        case Code(text):
            return text
        case str():
            return text_literal(value)
        case bool() | None | int():
            return repr(value)
        case float():
            return repr(value)
        case Call(function, args, kwargs):
            return f"{function}({_arguments(args, kwargs)})"
        case Method(target, name, args, kwargs):
            return f"{flat(target)}.{name}({_arguments(args, kwargs)})"
        case Chain(head, calls):
            return ".".join([head, *map(flat, calls)])
        case dict():
            return "{" + ", ".join(f"{flat(k)}: {flat(v)}" for k, v in value.items()) + "}"
        case tuple():
            inner = ", ".join(flat(v) for v in value)
            return f"({inner},)" if len(value) == 1 else f"({inner})"
        case Filled(items):
            return flat(list(items))
        case list():
            return "[" + ", ".join(flat(v) for v in value) + "]"
    raise TypeError(f"no literal for {type(value).__name__}")


def _arguments(args: Sequence[Any], kwargs: dict[str, Any]) -> str:
    return ", ".join([*(flat(a) for a in args), *(f"{k}={flat(v)}" for k, v in kwargs.items())])


def wrapped(value: Any, indent: int = 0, used: int = 0) -> str:
    """The value on one line where it fits into WIDTH after `used` characters, else one element a line."""
    line = flat(value)
    if used + len(line) <= WIDTH:
        return line
    pad = " " * (indent + 4)
    end = " " * indent

    def element(prefix: str, inner: Any) -> str:
        return f"{pad}{prefix}{wrapped(inner, indent + 4, indent + 5 + len(prefix))},\n"

    match value:
        case Call(function, args, kwargs):
            body = "".join(element("", a) for a in args) + "".join(element(f"{k}=", v) for k, v in kwargs.items())
            return f"{function}(\n{body}{end})"
        case Method(target, name, args, kwargs) if isinstance(target, Method):
            return f"{wrapped(target, indent, used)}.{_tail(name, args, kwargs, indent)}"
        case Method(target, name, args, kwargs):
            return f"{flat(target)}.{_tail(name, args, kwargs, indent)}"
        case Chain(head, calls):
            first, *others = (wrapped(call, indent + 4, indent + 5) for call in calls)
            return f"(\n{pad}{head}.{first}\n" + "".join(f"{pad}.{call}\n" for call in others) + f"{end})"
        case dict() if value:
            body = "".join(element(f"{flat(k)}: ", v) for k, v in value.items())
            return "{\n" + body + end + "}"
        case list() if value:
            return "[\n" + "".join(element("", v) for v in value) + end + "]"
        case Filled(items):
            return "[\n" + "".join(f"{pad}{line}\n" for line in _lines(items, len(pad))) + end + "]"
        case tuple() if value:
            return "(\n" + "".join(element("", v) for v in value) + end + ")"
    return line


def _lines(items: Sequence[Any], used: int) -> list[str]:
    lines = [""]
    for item in map(flat, items):
        if lines[-1] and used + len(lines[-1]) + len(item) + 2 > WIDTH:
            lines.append("")
        lines[-1] += f"{' ' if lines[-1] else ''}{item},"
    return lines


def _tail(name: str, args: Sequence[Any], kwargs: dict[str, Any], indent: int) -> str:
    line = f"{name}({_arguments(args, kwargs)})"
    if indent + len(line) + 8 <= WIDTH:
        return line
    return wrapped(Call(name, args, kwargs), indent, WIDTH)
