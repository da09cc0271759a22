"""One line a diagnostic, for editors and for grep."""

from __future__ import annotations

from collections.abc import Iterable

from recipec.diagnostics import Diagnostic
from recipec.renderers import Sources, printable


def concise(diagnostics: Iterable[Diagnostic], sources: Sources) -> str:
    """One line each: `path:line:column: error[E0202]: message`."""
    lines = []
    for one in diagnostics:
        place = f"{sources.place(one.primary)}: " if one.primary is not None else ""
        lines.append(f"{place}{one.severity}[{one.code}]: {printable(one.message)}\n")
    return "".join(lines)
