"""Diagnostics for programs: a JSON array of objects with always the same keys.

`code severity message place label secondary help fixes`; a place is `file line column end_line end_column`, lines
and columns count from 1, columns in characters, the end is behind the last character. `place` is null where there
is no text to point at. Keys are added, never renamed or removed.
"""

from __future__ import annotations

import json
from collections.abc import Iterable

from recipec.ast import Span
from recipec.diagnostics import Diagnostic
from recipec.renderers import Sources


def as_json(diagnostics: Iterable[Diagnostic], sources: Sources) -> str:
    """A JSON array, one object a diagnostic."""
    return json.dumps([_object(one, sources) for one in diagnostics], ensure_ascii=True, indent=2) + "\n"


def _object(diagnostic: Diagnostic, sources: Sources) -> dict[str, object]:
    return {
        "code": diagnostic.code,
        "severity": diagnostic.severity,
        "message": diagnostic.message,
        "place": _place(diagnostic.primary, sources) if diagnostic.primary is not None else None,
        "label": diagnostic.label,
        "secondary": [{"place": _place(one.span, sources), "label": one.text} for one in diagnostic.secondary],
        "help": diagnostic.help,
        "fixes": [
            {"title": fix.title, "edits": [{"place": _place(one.span, sources), "text": one.text} for one in fix.edits]}
            for fix in diagnostic.fixes
        ],
    }


def _place(span: Span, sources: Sources) -> dict[str, object]:
    line, column, end_line, end_column = sources.region(span)
    return {
        "file": sources.path(span),
        "line": line,
        "column": column,
        "end_line": end_line,
        "end_column": end_column,
    }
