"""Diagnostics as text: full with the lines and carets, concise for editors, JSON for programs.

Recipes are other people's text: nothing of them reaches a terminal but printable characters.
"""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Protocol

from recipec.ast import LineIndex, Span
from recipec.diagnostics import Diagnostic

MAX_WIDTH = 160
"""Columns of a source line that are shown; of a longer one the part around the mark."""

_COLOURS = {"error": "\x1b[1;31m", "warning": "\x1b[1;33m", "mark": "\x1b[1;34m", "bold": "\x1b[1m", "off": "\x1b[0m"}


@dataclass(slots=True)
class Sources:
    """Texts by file name, and the path under which each is shown."""

    files: Mapping[str, str]
    paths: Mapping[str, str]
    _indexes: dict[str, LineIndex] | None = None

    def index(self, file: str) -> LineIndex:
        if self._indexes is None:
            self._indexes = {}
        if file not in self._indexes:
            self._indexes[file] = LineIndex(self.files.get(file, ""))
        return self._indexes[file]

    def place(self, span: Span) -> str:
        """`path:line:column`."""
        line, column = self.index(span.file).position(span.start)
        return f"{printable(self.paths.get(span.file, span.file))}:{line}:{column}"


class HasFiles(Protocol):
    """A compilation: its texts, and the path under which each is shown."""

    files: Mapping[str, str]
    paths: Mapping[str, str]


def render(diagnostics: Iterable[Diagnostic], place: HasFiles, output: str = "full", colour: bool = False) -> str:
    """The diagnostics in one of the forms `full`, `concise` and `json`; ends without a newline, empty where
    `full` or `concise` have nothing to say."""
    sources = Sources(place.files, place.paths)
    forms = {
        "full": lambda: full(diagnostics, sources, colour),
        "concise": lambda: concise(diagnostics, sources),
        "json": lambda: as_json(diagnostics, sources),
    }
    return forms[output]().removesuffix("\n")


def printable(text: str) -> str:
    """The text with every character that a terminal would act on replaced by its escape."""
    return "".join(_shown(character) for character in text)


def _shown(character: str) -> str:
    if character == "\t":
        return "    "
    if character == " " or character.isprintable():
        return character
    code = ord(character)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{{{code:x}}}"


def width(text: str) -> int:
    """Columns of a terminal that printable text takes."""
    return sum(_width(character) for character in text)


def _width(character: str) -> int:
    if unicodedata.combining(character) or unicodedata.category(character) in ("Mn", "Me", "Cf"):
        return 0
    return 2 if unicodedata.east_asian_width(character) in ("W", "F") else 1


def _paint(text: str, colour: str, on: bool) -> str:
    return f"{_COLOURS[colour]}{text}{_COLOURS['off']}" if on else text


def full(diagnostics: Iterable[Diagnostic], sources: Sources, colour: bool = False) -> str:
    """Every diagnostic with its lines, and how many there are."""
    diagnostics = list(diagnostics)
    blocks = [_full(one, sources, colour) for one in diagnostics]
    errors = sum(one.severity == "error" for one in diagnostics)
    warnings = len(diagnostics) - errors
    counts = [f"{n} {what}{'s' * (n != 1)}" for n, what in ((errors, "error"), (warnings, "warning")) if n]
    if counts:
        blocks.append(" and ".join(counts) + "\n")
    return "\n".join(blocks)


def _full(diagnostic: Diagnostic, sources: Sources, colour: bool) -> str:
    head = _paint(f"{diagnostic.severity}[{diagnostic.code}]", diagnostic.severity, colour)
    lines = [f"{head}: {_paint(printable(diagnostic.message), 'bold', colour)}"]
    gutter = 1
    if diagnostic.primary is not None:
        marks = [(diagnostic.primary, diagnostic.label, "^")]
        marks += [(label.span, label.text, "-") for label in diagnostic.secondary]
        numbers = [sources.index(span.file).position(span.start)[0] for span, _, _ in marks]
        gutter = len(str(max(numbers)))
        for file in dict.fromkeys(span.file for span, _, _ in marks):
            own = [mark for mark in marks if mark[0].file == file]
            lines += _snippet(own, sources, gutter, colour, first=file == diagnostic.primary.file)
    bar = " " * gutter
    if diagnostic.primary is not None and (diagnostic.help or diagnostic.fixes):
        lines.append(f"{bar} {_paint('|', 'mark', colour)}")
    for help_ in diagnostic.help.splitlines():
        lines.append(f"{bar} {_paint('=', 'mark', colour)} help: {printable(help_)}")
    for fix in diagnostic.fixes:
        lines.append(f"{bar} {_paint('=', 'mark', colour)} fix: {printable(fix.title)}")
    return "\n".join(lines) + "\n"


def _snippet(marks: list, sources: Sources, gutter: int, colour: bool, first: bool) -> list[str]:
    index = sources.index(marks[0][0].file)
    bar = _paint("|", "mark", colour)
    space = " " * gutter
    arrow = _paint("-->" if first else ":::", "mark", colour)
    lines = [f"{space}{arrow} {sources.place(marks[0][0])}", f"{space} {bar}"]
    previous = None
    for span, label, sign in sorted(marks, key=lambda mark: mark[0].start):
        number, column = index.position(span.start)
        source = index.line(number)
        begin = min(column - 1, len(source))
        end = min(max(begin + 1, begin + span.end - span.start), max(len(source), begin + 1))
        shown, indent, length = _window(source, begin, end)
        if number != previous:
            if previous is not None and number > previous + 1:
                lines.append(f"{_paint('...', 'mark', colour)}")
            lines.append(f"{_paint(str(number).rjust(gutter), 'mark', colour)} {bar} {shown}".rstrip())
        under = _paint(
            sign * length + (f" {printable(label)}" if label else ""), "error" if sign == "^" else "mark", colour
        )
        lines.append(f"{space} {bar} {' ' * indent}{under}")
        previous = number
    return lines


def _window(source: str, begin: int, end: int) -> tuple[str, int, int]:
    """The printable line, cut around the mark where it is long; columns before the mark, columns of the mark."""
    start, stop = 0, len(source)
    if stop > MAX_WIDTH:
        start = max(0, begin - MAX_WIDTH // 3)
        stop = min(len(source), start + MAX_WIDTH)
        end = min(end, stop)
    before, marked, after = (printable(source[start:begin]), printable(source[begin:end]), printable(source[end:stop]))
    left = "…" if start else ""
    right = "…" if stop < len(source) else ""
    return left + before + marked + after + right, width(left + before), max(1, width(marked))


def concise(diagnostics: Iterable[Diagnostic], sources: Sources) -> str:
    """One line each: `path:line:column: error[E0202]: message`."""
    lines = []
    for one in diagnostics:
        place = f"{sources.place(one.primary)}: " if one.primary is not None else ""
        lines.append(f"{place}{one.severity}[{one.code}]: {printable(one.message)}\n")
    return "".join(lines)


def as_json(diagnostics: Iterable[Diagnostic], sources: Sources) -> str:
    """A JSON array; lines and columns count from 1, columns in characters, the end is exclusive."""
    return json.dumps([_object(one, sources) for one in diagnostics], ensure_ascii=True, indent=2) + "\n"


def _object(diagnostic: Diagnostic, sources: Sources) -> dict[str, object]:
    return {
        "code": diagnostic.code,
        "severity": diagnostic.severity,
        "message": diagnostic.message,
        "place": _place(diagnostic.primary, sources) if diagnostic.primary is not None else None,
        "label": diagnostic.label,
        "secondary": [{"place": _place(one.span, sources), "label": one.text} for one in diagnostic.secondary],
        "help": diagnostic.help,
        "fixes": [
            {"title": fix.title, "edits": [{"place": _place(one.span, sources), "text": one.text} for one in fix.edits]}
            for fix in diagnostic.fixes
        ],
    }


def _place(span: Span, sources: Sources) -> dict[str, object]:
    index = sources.index(span.file)
    line, column = index.position(span.start)
    end_line, end_column = index.position(span.end)
    return {
        "file": sources.paths.get(span.file, span.file),
        "line": line,
        "column": column,
        "end_line": end_line,
        "end_column": end_column,
    }
