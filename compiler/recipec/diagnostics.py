"""What is wrong with a recipe, as data: every finding of every stage is a `Diagnostic`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from recipec.ast import Span
from recipec.record import Record


class Label(Record):
    """Another place that matters, and why."""

    span: Span
    text: str


class Edit(Record):
    """Replace the characters of `span` by `text`."""

    span: Span
    text: str


class Fix(Record):
    """Edits that can be applied as they are without changing what the author meant."""

    title: str
    edits: tuple[Edit, ...]


class Diagnostic(Record):
    """One finding. `code` is a key of `recipec.codes.CODES` and begins with E (the recipe is refused) or W.

    `message` says what is wrong in one sentence, `label` what stands at the primary place, `help` what exists
    or what would work. `primary` is None only where there is no text to point at (an operator package).
    """

    code: str
    message: str
    primary: Span | None
    label: str = ""
    secondary: tuple[Label, ...] = ()
    help: str = ""
    fixes: tuple[Fix, ...] = ()

    @property
    def severity(self) -> Literal["error", "warning"]:
        return "error" if self.code.startswith("E") else "warning"


def in_order(diagnostics: Iterable[Diagnostic], files: Iterable[str]) -> list[Diagnostic]:
    """By file (the recipe first, then its imports as loaded), place, code; what was found twice only once."""
    rank = {name: index for index, name in enumerate(files)}

    def key(diagnostic: Diagnostic) -> tuple[int, int, int, str, str]:
        if diagnostic.primary is None:
            return (-1, 0, 0, diagnostic.code, diagnostic.message)
        span = diagnostic.primary
        return (rank.get(span.file, len(rank)), span.start, span.end, diagnostic.code, diagnostic.message)

    kept: dict[tuple[int, int, int, str, str], Diagnostic] = {}
    for diagnostic in diagnostics:
        kept.setdefault(key(diagnostic), diagnostic)
    return [kept[at] for at in sorted(kept)]


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The known name a misspelt one most likely means, or None."""
    from difflib import get_close_matches  # only a recipe with a mistake pays for it

    known = list(known)
    if len(name) > 100:
        return None
    found = get_close_matches(name, known, n=1, cutoff=0.6)
    if found:
        return found[0]
    return next((candidate for candidate in known if candidate.rpartition(".")[2] == name), None)


def listing(names: Iterable[str], limit: int = 12) -> str:
    """`a`, `b`, `c` and 4 more."""
    names = list(names)
    shown = ", ".join(f"`{name}`" for name in names[:limit])
    return f"{shown} and {len(names) - limit} more" if len(names) > limit else shown


MANY = 16
"""Beyond so many known names, the nearest alone is shown."""


def did_you_mean(name: str, known: Iterable[str], what: str) -> str:
    """The help line for an unknown name: the nearest one, and what there is (`what` in the plural), in the
    order given."""
    known = sorted(known) if isinstance(known, set | frozenset) else list(dict.fromkeys(known))
    if not known:
        return f"there are no {what} here"
    guess = nearest(name, known)
    if guess and len(known) > MANY:
        return f"did you mean `{guess}`?"
    there = f"{what}: {listing(known)}"
    return f"did you mean `{guess}`? {there}" if guess else there
