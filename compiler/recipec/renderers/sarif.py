"""SARIF 2.1.0 for code scanners: one run, a rule for each code that was found, a result for each diagnostic.

Columns are in characters (`columnKind: unicodeCodePoints`), as everywhere here.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import PurePath
from urllib.parse import quote

from recipec import __version__
from recipec.ast import Span
from recipec.codes import CODES
from recipec.diagnostics import Diagnostic
from recipec.renderers import Sources

SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"


def sarif(diagnostics: Iterable[Diagnostic], sources: Sources) -> str:
    """One JSON document."""
    diagnostics = list(diagnostics)
    codes = sorted({one.code for one in diagnostics})
    driver = {"name": "recipec", "version": __version__, "rules": [_rule(code) for code in codes]}
    results = [_result(one, codes.index(one.code), sources) for one in diagnostics]
    run = {"tool": {"driver": driver}, "columnKind": "unicodeCodePoints", "results": results}
    return json.dumps({"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}, ensure_ascii=True, indent=2) + "\n"


def _rule(code: str) -> dict[str, object]:
    level = "error" if code.startswith("E") else "warning"
    return {
        "id": code,
        "shortDescription": {"text": CODES[code].title},
        "fullDescription": {"text": CODES[code].explanation},
        "defaultConfiguration": {"level": level},
    }


def _result(diagnostic: Diagnostic, rule: int, sources: Sources) -> dict[str, object]:
    text = "\n".join([diagnostic.message, *diagnostic.help.splitlines()])
    result: dict[str, object] = {
        "ruleId": diagnostic.code,
        "ruleIndex": rule,
        "level": diagnostic.severity,
        "message": {"text": text},
        "locations": [_location(diagnostic.primary, sources, diagnostic.label)] if diagnostic.primary else [],
    }
    if diagnostic.secondary:
        result["relatedLocations"] = [_location(one.span, sources, one.text) for one in diagnostic.secondary]
    if diagnostic.fixes:
        result["fixes"] = [
            {
                "description": {"text": fix.title},
                "artifactChanges": [
                    {
                        "artifactLocation": {"uri": _uri(edit.span, sources)},
                        "replacements": [
                            {"deletedRegion": _region(edit.span, sources), "insertedContent": {"text": edit.text}}
                        ],
                    }
                    for edit in fix.edits
                ],
            }
            for fix in diagnostic.fixes
        ]
    return result


def _location(span: Span, sources: Sources, text: str) -> dict[str, object]:
    location: dict[str, object] = {
        "physicalLocation": {
            "artifactLocation": {"uri": _uri(span, sources)},
            "region": _region(span, sources),
        }
    }
    return {**location, "message": {"text": text}} if text else location


def _region(span: Span, sources: Sources) -> dict[str, int]:
    line, column, end_line, end_column = sources.region(span)
    return {"startLine": line, "startColumn": column, "endLine": end_line, "endColumn": end_column}


def _uri(span: Span, sources: Sources) -> str:
    path = PurePath(sources.path(span))
    return path.as_uri() if path.is_absolute() else quote(path.as_posix())
