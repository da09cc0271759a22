"""What a recipe depends on is what was frozen in the lock beside it. Asked for by `--frozen`, and only of a recipe
without other errors."""

from __future__ import annotations

from collections.abc import Iterator

from recipec.ast import Span
from recipec.diagnostics import Diagnostic
from recipec.lock import Change, Unreadable, changes, lock_path, read, short
from recipec.used import Whole, used


def check(compilation: Whole) -> Iterator[Diagnostic]:
    """One diagnostic for each file and operator that is another, new or gone; one where there is no usable lock."""
    header = compilation.module.header
    top = header.span if header else Span(compilation.name, 0, 0)
    accept = "`recipec freeze`" + (" with the same --param" if compilation.params else "")
    if compilation.path is None:
        yield Diagnostic(
            "E0446",
            "a recipe from standard input has no lock",
            top,
            help="save the recipe and freeze it: `recipec freeze web.recipe`",
        )
        return
    path = lock_path(compilation.path)
    try:
        lock = read(path)
    except Unreadable as error:
        yield Diagnostic(
            "E0446",
            f"the lock `{path.name}` cannot be used: {error}",
            top,
            help=f"bring back the lock that was there, or write it anew: {accept}",
        )
        return
    if lock is None:
        yield Diagnostic(
            "E0446",
            f"there is no lock `{path.name}` beside the recipe",
            top,
            help=f"{accept} writes it",
        )
        return
    now = used(compilation)
    yield from now.found
    unread = {key for key in now.files if key not in now.lock.files}
    places = {"file": now.files, "operator": now.operators}
    for change in changes(lock, now.lock):
        if change.what == "file" and change.key in unread:
            continue  # said already: it is there and cannot be read
        yield _drift(change, places[change.what].get(change.key, top), accept)


def _drift(change: Change, span: Span, accept: str) -> Diagnostic:
    kind, name = change.key
    called = f"{kind} `{name[:80]}`"
    if change.after is None:
        return Diagnostic(
            "E0444",
            f"{called} was frozen, and the recipe does not use it",
            span,
            help=f"use it again, or accept that it is gone: {accept}",
        )
    if change.before is None:
        return Diagnostic(
            "E0444",
            f"{called} is not in the lock",
            span,
            f"now {short(change.after)}",
            help=f"leave it out, or accept it: {accept}",
        )
    if change.what == "operator":
        return Diagnostic(
            "E0445",
            f"{called} is of version {change.after}; version {change.before} was frozen",
            span,
            help=f"install the package that has version {change.before}, or accept this one: {accept}",
        )
    return Diagnostic(
        "E0443",
        f"{called} is not the file that was frozen",
        span,
        f"{short(change.after)} now, {short(change.before)} in the lock",
        help=f"bring back the file that was frozen, or accept this one: {accept}",
    )
