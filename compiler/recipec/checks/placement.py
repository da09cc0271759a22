"""Statements in a body that does not take them, and bodies that lack what they are for."""

from __future__ import annotations

from collections.abc import Iterator

from recipec import resolved as r
from recipec.checks.walk import of_kind
from recipec.diagnostics import Diagnostic

BELONGS = {
    "take": "a mix",
    "cap": "a mix",
    "exclude": "a mix",
    "phase": "a mix",
    "split": "a `take`",
    "on shortage": "a mix",
    "ask": "a transform or generate",
    "verify": "a transform or generate",
    "on fail": "a transform or generate",
    "on waiting": "a transform or generate",
    "stop": "`rounds`",
    "lang": "a select",
    "clean": "a select",
    "keep": "a select",
    "dedup": "a select",
    "sample": "a select",
    "pair": "a select",
    "score": "a select",
    "tier": "a select",
    "measure": "a select",
    "expect": "a write",
}


def check(resolved: r.Resolved, place: object) -> Iterator[Diagnostic]:
    bodies = [
        *(one.statements for one in resolved.relations.values() if isinstance(one, r.Derived)),
        *(one.statements for one in resolved.models.values()),
        *(one.statements for one in resolved.mixes.values()),
        *(phase.statements for one in resolved.mixes.values() for phase in of_kind(one.statements, r.Phase)),
        *(one.misplaced for one in resolved.writes),
        *([resolved.compute.misplaced] if resolved.compute else []),
    ]
    for statements in bodies:
        for one in of_kind(statements, r.Misplaced):
            yield Diagnostic(
                "E0310",
                f"`{one.verb}` does not stand in a {one.body}",
                one.span,
                help=f"`{one.verb}` belongs in {BELONGS.get(one.verb, 'another body')}",
            )
