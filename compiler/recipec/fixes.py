"""Fixes that a diagnostic can offer, and `recipec check --fix`, which applies them.

A fix is offered only where one thing alone can be meant: a name that is one slip away from exactly one known
name, a setting that is given twice with the same value, an import that nothing uses.
"""

from __future__ import annotations

from collections.abc import Iterable

from recipec.ast import Span
from recipec.diagnostics import Diagnostic, Edit, Fix
from recipec.record import Record

SHORT, LONG = 4, 8
"""From so many characters on, a name may be one slip, or two, from what was meant."""


def spelling(text: str, span: Span, name: str, known: Iterable[str]) -> tuple[Fix, ...]:
    """Write the one known name that `name` is a slip away from; `text` is the file's, `span` the place that ends
    with the name."""
    if not text[span.start : span.end].endswith(name) or len(name) > 100:
        return ()
    allowed = 2 if len(name) >= LONG else 1 if len(name) >= SHORT else 0
    near = {one for one in known if 0 < slips(name, one, allowed) <= allowed}
    if len(near) != 1:
        return ()
    (meant,) = near
    return (Fix(f"write `{meant}`", (Edit(Span(span.file, span.end - len(name), span.end), meant),)),)


def slips(written: str, meant: str, most: int) -> int:
    """How many characters were left out, put in, exchanged for another or for their neighbour; `most` + 1 stands
    for more."""
    if abs(len(written) - len(meant)) > most:
        return most + 1
    before: list[int] = []
    row = list(range(len(meant) + 1))
    for i, a in enumerate(written, 1):
        before, previous, row = row, before, [i]
        for j, b in enumerate(meant, 1):
            cost = min(before[j] + 1, row[j - 1] + 1, before[j - 1] + (a != b))
            if i > 1 and j > 1 and a == meant[j - 2] and written[i - 2] == b:
                cost = min(cost, previous[j - 2] + 1)
            row.append(cost)
        if min(row) > most:
            return most + 1
    return row[-1]


def without_line(text: str, span: Span, title: str) -> tuple[Fix, ...]:
    """Take out a statement and its line end; nothing where a comment or another statement shares its lines, or
    `##` lines above it would then document something else."""
    start = text.rfind("\n", 0, span.start) + 1
    end = text.find("\n", span.end)
    end = len(text) if end < 0 else end + 1
    above = text[:start].rstrip().rpartition("\n")[2].lstrip()
    shared = text[start : span.start].strip() or text[span.end : end].strip()
    if shared or (above.startswith("##") and not above.startswith("###")):
        return ()
    return (Fix(title, (Edit(Span(span.file, start, end), ""),)),)


class Applied(Record):
    """A text after its fixes, and what was done, in the order of the text."""

    text: str
    done: tuple[tuple[Diagnostic, Fix], ...]


def apply(text: str, file: str, diagnostics: Iterable[Diagnostic]) -> Applied:
    """The first fix of each diagnostic, of which none touches another file or what an earlier one touches."""
    chosen: list[tuple[Diagnostic, Fix]] = []
    taken: list[Span] = []
    for diagnostic in diagnostics:
        for fix in diagnostic.fixes[:1]:
            spans = [edit.span for edit in fix.edits]
            free = not any(one.start <= other.end and other.start <= one.end for one in spans for other in taken)
            if free and all(one.file == file for one in spans):
                chosen.append((diagnostic, fix))
                taken += spans
    for edit in sorted((edit for _, fix in chosen for edit in fix.edits), key=lambda edit: -edit.span.start):
        text = text[: edit.span.start] + edit.text + text[edit.span.end :]
    return Applied(text, tuple(chosen))
