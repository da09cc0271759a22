"""Diagnostics as text, one form a file: full with the lines and carets, concise, JSON, GitHub's, SARIF.

Recipes are other people's text: nothing of them reaches a terminal but printable characters.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterable, Mapping
from importlib import import_module
from typing import Protocol

from recipec.ast import LineIndex, Span
from recipec.diagnostics import Diagnostic

FORMS = ("full", "concise", "json", "github", "sarif")


class HasFiles(Protocol):
    """A compilation: its texts, and the path under which each is shown."""

    files: Mapping[str, str]
    paths: Mapping[str, str]


class Sources:
    """Texts by file name, and the path under which each is shown."""

    def __init__(self, files: Mapping[str, str], paths: Mapping[str, str]):
        self.files, self.paths = files, paths
        self._indexes: dict[str, LineIndex] = {}

    def index(self, file: str) -> LineIndex:
        if file not in self._indexes:
            self._indexes[file] = LineIndex(self.files.get(file, ""))
        return self._indexes[file]

    def path(self, span: Span) -> str:
        """The path of the file of a place, as it was given."""
        return self.paths.get(span.file, span.file)

    def place(self, span: Span) -> str:
        """`path:line:column`."""
        line, column = self.index(span.file).position(span.start)
        return f"{printable(self.path(span))}:{line}:{column}"

    def region(self, span: Span) -> tuple[int, int, int, int]:
        """Line and column of the first character and of the one behind the last; all count from 1."""
        index = self.index(span.file)
        return (*index.position(span.start), *index.position(span.end))


def render(diagnostics: Iterable[Diagnostic], place: HasFiles, output: str = "full", colour: bool = False) -> str:
    """The diagnostics in one of FORMS; ends without a newline, empty where `full`, `concise` and `github` have
    nothing to say. Only `full` has colours."""
    sources = Sources(place.files, place.paths)
    if output == "full":
        from recipec.renderers.full import full

        return full(diagnostics, sources, colour).removesuffix("\n")
    module = {"json": "as_json"}.get(output, output)
    form: Callable[[Iterable[Diagnostic], Sources], str] = getattr(import_module(f"{__name__}.{module}"), module)
    return form(diagnostics, sources).removesuffix("\n")


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
