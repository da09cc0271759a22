"""The form of a reply can be asked for and met: a pattern is one, a schema too, and choices differ."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator

from recipec import resolved as r
from recipec.checks import files
from recipec.diagnostics import Diagnostic
from recipec.files import find_file


def check(resolved: r.Resolved, place) -> Iterator[Diagnostic]:
    for prompt in resolved.prompts.values():
        match prompt.reply:
            case r.Reply(kind="choice", args=args):
                yield from _choices(args)
            case r.Reply(kind="regex", args=(r.Lit() as pattern,)):
                reason = _no_pattern(str(pattern.value))
                if reason:
                    yield Diagnostic("E0424", "this is no regular expression", pattern.span, reason)
            case r.Reply(kind="json", args=(r.Lit() as given,)) as reply:
                yield from _schema(resolved, place, reply, given)


def _choices(choices: tuple[r.Expr, ...]) -> Iterator[Diagnostic]:
    seen: set[object] = set()
    for one in choices:
        if not one.value.strip():
            yield Diagnostic("E0424", "a choice is a text that can be answered with", one.span, "empty")
        elif one.value in seen:
            yield Diagnostic("E0424", f"`{one.value[:40]}` is a choice twice", one.span, help="leave one out")
        seen.add(one.value)


def _no_pattern(pattern: str) -> str:
    """Why a text is no regular expression of Python's; empty where it is one."""
    with warnings.catch_warnings():
        warnings.simplefilter("error", FutureWarning)  # of what will mean something else
        try:
            re.compile(pattern)
        except (re.error, OverflowError, RecursionError, FutureWarning) as error:
            return str(error)
    return ""


def _schema(resolved: r.Resolved, place, reply: r.Reply, given: r.Lit) -> Iterator[Diagnostic]:
    """The schema is JSON and one that can be kept to, in its file or where it stands."""
    from recipec import schemas  # few recipes have one

    text = given.value
    if schemas.file_of(reply) is not None:
        missing = list(files.named(resolved, place, given))
        yield from missing
        if missing:
            return
        try:
            text = schemas.read(find_file(given.value, place.folder, place.library))
        except OSError as error:
            yield Diagnostic("E0440", f"`{given.value[:80]}` cannot be read: {error.strerror}", given.span)
            return
        except schemas.Unusable as error:
            yield _unusable(given, error)
            return
    try:
        schemas.plain(text)
    except schemas.Unusable as error:
        yield _unusable(given, error)


def _unusable(given: r.Lit, error: ValueError) -> Diagnostic:
    help_ = 'a schema stands in a file beside the recipe, `json("schema.json")`, or as its text'
    return Diagnostic("E0424", f"this is no schema of a reply: {error}", given.span, help=help_)
