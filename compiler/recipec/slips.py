"""What was most likely meant where the grammar stops: words and signs of other languages, and a statement's word
that is none."""

from __future__ import annotations

import re
from collections.abc import Callable

from recipec.ast import Span
from recipec.diagnostics import Diagnostic, Edit, Fix, listing
from recipec.fixes import spelling
from recipec.settings import ASK, COMPUTE, MIX, PROMPT, TRAIN, WRITE
from recipec.words import STATEMENT_WORDS, describe

_ALONE = re.compile(r"(?:^|\{)[ \t]*(?P<word>[a-z][a-z0-9_]*)[ \t]*\Z")
"""The line up to some place, where one word stands before it."""
_SETTINGS = {"text", *PROMPT, *ASK, *MIX, *WRITE, *TRAIN, *COMPUTE}
"""What is set in bodies, where statements stand too."""
_LOGIC = {"&": "and", "|": "or", "!": "not "}


def slip(
    name: str, text: str, at: int, value: str, accepts: set[str], accepted: Callable[[int], set[str]]
) -> Diagnostic | None:
    """What is said of `value`, which cannot stand at `at`, where it is a known slip; else None. `accepts`: the
    terminals that could stand there; `accepted` gives those of an earlier place."""
    span = Span(name, at, at + len(value))
    if value == ":" and "EQUAL" in accepts:
        return _wrong(":", span, "a value is set with `=`", "write `=`", " =" if text[at - 1] != " " else "=")
    before = _ALONE.search(text[text.rfind("\n", 0, at) + 1 : at])
    if before and accepts == {"EQUAL"}:
        start = text.rindex(before["word"], 0, at)
        if before["word"] not in _SETTINGS and "KEEP" in accepted(start):
            return _no_statement(text, Span(name, start, start + len(before["word"])))
    if before and before["word"] == "keep" and "CMP" in accepts:
        word = Span(name, text.rindex("keep", 0, at), at)
        return _wrong("keep", word, "the rules of a filter and of `verify` stand without `keep`", "leave it out", "")
    if value == "=" and "CMP" in accepts:
        if "IN" in accepts:
            return _wrong("=", span, "to compare, write `==`", "write `==`", "==")
        return Diagnostic("E0102", "`=` cannot stand here", span, help="a bound is written with `<=` or `>=`")
    if value == "," and "RPAR" in accepts:
        return Diagnostic("E0102", "`,` cannot stand here", span, help="a list stands in `[ ]`")
    if value == "," and "RBRACE" in accepts:
        return Diagnostic("E0102", "`,` cannot stand here", span, help="one thing stands on a line, without a comma")
    if value == "not" and "IN" in accepts:
        help_ = "`not` stands before the whole comparison: `not x in […]`"
        return Diagnostic("E0102", "`not` cannot stand here", span, help=help_)
    if value in _LOGIC and ("NOT" if value == "!" else "AND") in accepts:
        sign = re.compile(re.escape(value) + "+").match(text, at)[0]
        word = _LOGIC[value]
        help_ = f"write `{word.strip()}`"
        return _wrong(sign, Span(name, at, at + len(sign)), help_, help_, word)
    return None


def _wrong(shown: str, span: Span, help_: str, title: str, text: str) -> Diagnostic:
    """What cannot stand somewhere, with the text to put in its place."""
    fixes = (Fix(title, (Edit(span, text),)),)
    return Diagnostic("E0102", f"{describe(shown)} cannot stand here", span, help=help_, fixes=fixes)


def _no_statement(text: str, span: Span) -> Diagnostic:
    """Only what is a slip away is proposed: the words are short, and any word is near to one of them."""
    word = text[span.start : span.end]
    fixes = spelling(text, span, word, STATEMENT_WORDS)
    there = listing(STATEMENT_WORDS, limit=len(STATEMENT_WORDS))
    help_ = f"did you mean `{fixes[0].edits[0].text}`?" if fixes else f"statements: {there}; a setting: `{word} = …`"
    return Diagnostic("E0102", f"`{word}` begins no statement", span, help=help_, fixes=fixes)
