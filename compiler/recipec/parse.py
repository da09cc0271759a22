"""Text to syntax tree: reads one item at a time, so an error in one hides nothing of the next.

`parse` never raises for a wrong text; what cannot be read is a Diagnostic and is left out of the tree.
No type of the parsing machine leaves this file and `build`.
"""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

from recipec import ast
from recipec.ast import Span
from recipec.build import MAX_DEPTH, Builder, TooDeep
from recipec.diagnostics import Diagnostic, Label, nearest
from recipec.fixes import spelling
from recipec.lalr import END, NEWLINE, Machine, TooLong, Unexpected
from recipec.record import Record
from recipec.slips import slip
from recipec.words import ITEM_WORDS, describe, expected_phrase

TABLES = Path(__file__).with_name("grammar.tables.json")

MAX_TOKENS = 50_000
"""Words and signs of one item: ten thousand lines of a mix have no more, and a second is enough to read them."""

_SCAN = re.compile(r'"""[\s\S]*?"""|"""|"(?!"")(?:[^"\\\n]++|\\.)*+"|"|#[^\n]*+|[(\[{]|[)\]}]|\n')
_ITEM = re.compile(rf"(?:{'|'.join(ITEM_WORDS)})(?![a-z0-9_])")
_NOTHING = "\x00"
"""A character that begins no word and no sign."""
UNPRINTABLE = re.compile("[\x00\ud800-\udfff]")
_BLANK = re.compile(r"(?:[ \t\r\n]++|#[^\n]*+)*+\Z")


@cache
def _machine() -> tuple[Machine, Builder]:
    builder = Builder()
    return Machine(TABLES, builder), builder


class Parsed(Record):
    """A file's tree, as far as it could be read, and what was wrong with the rest."""

    file: ast.File
    diagnostics: tuple[Diagnostic, ...]


class _Piece:
    """The text from one item keyword (or its `##` lines) to the next."""

    __slots__ = ("end", "opened", "start", "too_deep", "unclosed_text")

    def __init__(self, start: int, end: int):
        self.start, self.end = start, end
        self.opened: list[int] = []
        self.unclosed_text: int | None = None
        self.too_deep: int | None = None


def parse(name: str, text: str) -> Parsed:
    """The tree of a recipe file; `name` goes into its spans."""
    bad = UNPRINTABLE.search(text)
    if bad:
        what = describe(bad[0])
        return Parsed(
            ast.File(name, (), ()),
            (
                Diagnostic(
                    "E0101",
                    f"the file holds {what}, which no recipe may hold",
                    Span(name, bad.start(), bad.end()),
                    help="remove the character",
                ),
            ),
        )
    pieces, comments = _cut(name, text)
    items: list[ast.Item] = []
    found: list[Diagnostic] = []
    for piece in pieces:
        item = _parse_piece(name, text, piece, found)
        if item is not None:
            items.append(item)
    return Parsed(ast.File(name, tuple(items), tuple(comments)), tuple(found))


def parse_value(name: str, text: str) -> tuple[ast.Expr | None, tuple[Diagnostic, ...]]:
    """A value as it could stand after `=`, for parameters given on the command line."""
    bad = UNPRINTABLE.search(text)
    if bad:
        span = Span(name, bad.start(), bad.end())
        return None, (Diagnostic("E0101", f"the value holds {describe(bad[0])}", span),)
    pieces, _ = _cut(name, text)
    whole = pieces[0] if pieces else _Piece(0, len(text))
    whole.end = len(text)
    found: list[Diagnostic] = []
    return _parse_piece(name, text, whole, found, start="value"), tuple(found)


def _cut(name: str, text: str) -> tuple[list[_Piece], list[ast.Comment]]:
    """Pieces that begin with an item keyword in column 1, and all plain comments."""
    comments: list[ast.Comment] = []
    piece = _Piece(0, len(text))
    pieces = [piece]
    docs: int | None = None  # where the `##` lines just above begin

    def begin_line(at: int) -> None:
        nonlocal piece, docs
        if text.startswith("##", at) and not text.startswith("###", at):
            docs = at if docs is None else docs
        elif _ITEM.match(text, at):
            start = at if docs is None else docs
            piece.end = start
            piece = _Piece(start, len(text))
            pieces.append(piece)
            docs = None
        elif at < len(text) and text[at] not in "#\n\r":
            docs = None

    begin_line(0)
    for match in _SCAN.finditer(text):
        first = text[match.start()]
        if first == "\n":
            begin_line(match.end())
        elif first in "([{":
            piece.opened.append(match.start())
            if len(piece.opened) > MAX_DEPTH and piece.too_deep is None:
                piece.too_deep = match.start()
        elif first in ")]}":
            if piece.opened:
                piece.opened.pop()
        elif first == "#":
            if not match[0].startswith("##") or match[0].startswith("###"):
                end = match.start() + len(match[0].rstrip())
                comments.append(ast.Comment(match[0].rstrip(), Span(name, match.start(), end)))
        elif match[0] in ('"""', '"') and piece.unclosed_text is None:
            piece.unclosed_text = match.start()
    return [
        one for one in pieces if not _BLANK.match(text, one.start, one.end) or "##" in text[one.start : one.end]
    ], comments


def _parse_piece(
    name: str, text: str, piece: _Piece, found: list[Diagnostic], start: str = "start"
) -> ast.Item | ast.Expr | None:
    if piece.unclosed_text is not None:
        found.append(_unclosed_text(name, text, piece.unclosed_text))
        return None
    if piece.too_deep is not None:
        at = piece.too_deep
        found.append(_too_deep(Span(name, at, at + 1)))
        return None
    machine, builder = _machine()
    builder.begin(name, piece.start, text)
    source = text[piece.start : piece.end]
    if start == "start" and not source.endswith("\n"):
        source += "\n"
    try:
        result = machine.read(source, start, MAX_TOKENS)
    except TooDeep as error:
        found.append(_too_deep(error.span))
        return None
    except TooLong as error:
        found.append(_too_long(Span(name, piece.start + error.at, piece.start + error.at + 1)))
        return None
    except Unexpected as error:
        wrong = _syntax_error(name, text, piece, error, start)
        found.append(wrong)
        if wrong.code == "E0107" and wrong.primary.start > piece.start:
            # What begins no item follows one that is whole.
            return _parse_piece(name, text, _Piece(piece.start, wrong.primary.start), found)
        return None
    found.extend(builder.found)
    return result


def _unclosed_text(name: str, text: str, at: int) -> Diagnostic:
    if text.startswith('"""', at):
        span, help_ = Span(name, at, at + 3), 'end the text with `"""`'
    else:
        end = text.find("\n", at)
        span = Span(name, at, len(text) if end < 0 else end)
        help_ = 'end the text with `"` on the same line, or write `"""` for one of several lines'
    return Diagnostic("E0103", "this text is never closed", span, "opened here", help=help_)


def _too_deep(span: Span) -> Diagnostic:
    return Diagnostic(
        "E0104",
        f"this is nested more than {MAX_DEPTH} levels deep",
        span,
        help="say it in several statements, or in a filter or block of its own",
    )


def _too_long(span: Span) -> Diagnostic:
    return Diagnostic(
        "E0104",
        f"this item has more than {MAX_TOKENS:,} words and signs",
        span,
        "up to here",
        help="make several items of it; the entries of a long table can stand in a file",
    )


def _syntax_error(name: str, text: str, piece: _Piece, error: Unexpected, start: str) -> Diagnostic:
    """What was found, what could stand there, and what was probably meant."""
    token, accepts = error.token, error.accepts
    at = piece.start + error.at
    if token is None:
        return _character_error(name, text, piece, at, accepts, start)
    if token.type == END:
        at = piece.end
    value = token.text
    if token.type == END or (token.type == NEWLINE and at + len(value) >= piece.end):
        at, value = _end_of(text, piece), ""
    if not value:
        return _ended(name, text, piece, at, accepts, start)
    meant = slip(name, text, at, value, accepts, lambda at: _accepted(text, piece, at, start))
    if meant is not None:
        return meant
    if token.type == NEWLINE:
        span = Span(name, at, min(at + 1, piece.end))
        return Diagnostic("E0102", "the line ends too early", span, "here", help=_help(accepts))
    span = Span(name, at, at + len(value))
    column_1 = at == 0 or text[at - 1] == "\n"
    if start == "start" and column_1 and ("$END" in accepts or at == piece.start):
        word = re.match(r"[a-z_]*", text[at : at + 40])[0]
        guess = nearest(word, ITEM_WORDS) if word else None
        help_ = f"did you mean `{guess}`?" if guess else f"an item begins with {expected_phrase(ITEM_WORDS)}"
        shown = f"`{word}`" if word else describe(value)
        fixes = spelling(text, Span(name, at, at + len(word)), word, ITEM_WORDS)
        return Diagnostic("E0107", f"{shown} begins no item", span, help=help_, fixes=fixes)
    return Diagnostic("E0102", f"{describe(value)} cannot stand here", span, help=_help(accepts))


def _accepted(text: str, piece: _Piece, at: int, start: str) -> set[str]:
    """What could stand at an earlier place, before which all can be read."""
    machine, _ = _machine()
    try:
        machine.read(text[piece.start : at] + _NOTHING, start, MAX_TOKENS)
    except Unexpected as error:
        return error.accepts
    return set()


def _character_error(name: str, text: str, piece: _Piece, at: int, accepts: set[str], start: str) -> Diagnostic:
    character = text[at]
    span = Span(name, at, at + 1)
    column_1 = at == 0 or text[at - 1] == "\n"
    meant = slip(name, text, at, character, accepts, lambda at: _accepted(text, piece, at, start))
    if meant is not None:
        return meant
    help_ = _help(accepts)
    if character == "'":
        help_ = 'texts stand in double quotes: `"…"`'
    elif character.isupper():
        help_ = "names are written in small letters, digits and `_`"
    elif column_1 and "$END" in accepts:
        help_ = f"an item begins with {expected_phrase(ITEM_WORDS)}"
    return Diagnostic("E0102", f"{describe(character)} cannot stand here", span, help=help_)


def _ended(name: str, text: str, piece: _Piece, at: int, accepts: set[str], start: str) -> Diagnostic:
    """The item ended before it was complete."""
    span = Span(name, max(piece.start, at - 1), at)
    if start == "value":
        return Diagnostic("E0102", "the value ends too early", span, help=_help(accepts))
    if piece.opened:
        opened = piece.opened[-1]
        bracket = text[opened]
        closing = {"{": "}", "(": ")", "[": "]"}[bracket]
        follows = piece.end < len(text)
        return Diagnostic(
            "E0108",
            f"this `{bracket}` is never closed",
            Span(name, opened, opened + 1),
            "opened here",
            (Label(Span(name, piece.end, min(piece.end + 1, len(text))), "the next item begins here"),)
            if follows
            else (),
            f"add `{closing}`; a line that begins in column 1 with an item's keyword begins an item",
        )
    if _BLANK.match(text, piece.start, piece.end):
        line = text[piece.start : piece.end].rstrip()
        return Diagnostic(
            "E0102",
            "this `##` line documents nothing",
            Span(name, piece.start, piece.start + len(line)),
            help="put it directly above an item or a line of a block, or write `#`",
        )
    return Diagnostic("E0102", "the item ends too early", span, "here", help=_help(accepts))


def _end_of(text: str, piece: _Piece) -> int:
    """Where the last line with something on it ends."""
    end = piece.end
    while end > piece.start and text[end - 1] in " \t\r\n":
        end -= 1
    return end


def _help(accepts: set[str]) -> str:
    phrase = expected_phrase(sorted(accepts))
    return f"here could stand {phrase}" if phrase else ""
