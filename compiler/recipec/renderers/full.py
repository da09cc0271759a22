"""Every diagnostic with its lines and carets, for a person."""

from __future__ import annotations

from collections.abc import Iterable

from recipec.diagnostics import Diagnostic
from recipec.renderers import Sources, printable, width

MAX_WIDTH = 160
"""Columns of a source line that are shown; of a longer one the part around the mark."""

_COLOURS = {"error": "\x1b[1;31m", "warning": "\x1b[1;33m", "mark": "\x1b[1;34m", "bold": "\x1b[1m", "off": "\x1b[0m"}


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
