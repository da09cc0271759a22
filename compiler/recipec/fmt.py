"""`recipec fmt`: the one layout of a recipe. It moves white space and the comma before a closing bracket, nothing else.

The text is read again after it was laid out: a tree or comment that changed is a defect of ours, and nothing is
written.
"""

from __future__ import annotations

import difflib

from recipec.diagnostics import Diagnostic
from recipec.fmt_layout import Layout
from recipec.fmt_marks import marks
from recipec.fmt_tokens import read
from recipec.meaning import meaning
from recipec.parse import parse
from recipec.record import Record


class FormatDefect(Exception):
    """The layout would change what the recipe says."""


class Formatted(Record):
    """The text in its layout, or the diagnostics for which it could not be read."""

    text: str
    diagnostics: tuple[Diagnostic, ...] = ()


def format_text(name: str, text: str) -> Formatted:
    """The recipe in the one layout; a text with a syntax error comes back as it is.

    Raises FormatDefect where the layout would say something else than the text.
    """
    parsed = parse(name, text)
    if parsed.diagnostics:
        return Formatted(text, parsed.diagnostics)
    result = Layout(marks(parsed.file, text)).text(read(text))
    again = parse(name, result)
    if again.diagnostics:
        raise FormatDefect(f"{name}: the layout cannot be read: {again.diagnostics[0].message}")
    if meaning(parsed.file) != meaning(again.file):
        raise FormatDefect(f"{name}: the layout says something else")
    if [one.text for one in parsed.file.comments] != [one.text for one in again.file.comments]:
        raise FormatDefect(f"{name}: the layout changes a comment")
    return Formatted(result)


def difference(path: str, before: str, after: str) -> str:
    """A unified diff, empty where nothing would change."""
    lines = difflib.unified_diff(
        before.splitlines(keepends=True), after.splitlines(keepends=True), f"{path}", f"{path} (formatted)"
    )
    return "".join(line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n" for line in lines)
