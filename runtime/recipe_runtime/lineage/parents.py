"""The documents a derived row was made from, each back to its record, and the model calls between them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from recipe_runtime.delta_sql import equal
from recipe_runtime.lineage.answer import Answer, entry, item
from recipe_runtime.lineage.calls import Call, Texts, calls_of
from recipe_runtime.lineage.ledger import Ledger
from recipe_runtime.lineage.passage import Back
from recipe_runtime.lineage.records import Record


@dataclass(frozen=True)
class Parent(Answer):
    """A parent. `origin` is organic, synthetic or mixed, None where nothing of it is kept. One that is derived
    itself has `calls` and `parents` of its own, and no `record`."""

    doc_id: str
    origin: str | None
    url: str | None
    license: tuple[str, ...]
    evidence: Mapping[str, str]
    record: Record | None
    calls: tuple[Call, ...]
    parents: tuple[Parent, ...]

    def lines(self, width: int) -> list[str]:
        """For people."""
        known = self.record or self.origin
        lines = [
            *item(f"parent {self.doc_id} ({self.origin or 'nothing of it is kept'})", width),
            *entry("url", self.url, width),
            *entry("license", ", ".join(self.license) or "none declared", width)[: None if known else 0],
        ]
        for kind, value in sorted(self.evidence.items()):
            lines += entry("evidence", f"{kind}: {value}", width)
        lines += self.record.lines(width) if self.record else []
        lines += call_lines(self.calls, width)
        for parent in self.parents:
            lines += parent.lines(width)
        return lines


def call_lines(calls: Sequence[Call], width: int) -> list[str]:
    """The calls of a row, each under a line of its own."""
    lines = []
    for number, call in enumerate(calls, 1):
        lines += item(f"model call {number} of {len(calls)}, key {call.key}", width)
        lines += call.lines(width)
    return lines


def parents_of(
    ledger: Ledger,
    behind: Sequence[Mapping[str, Any]],
    back: Back,
    texts: Texts,
    parent_ids: Sequence[str],
    above: frozenset[str] = frozenset(),
) -> tuple[Parent, ...]:
    """Parents in their order. `above`: rows on the way here, so that a damaged lake cannot lead in a circle."""
    found = []
    for doc_id in parent_ids:
        derived = None if doc_id in above else derived_row(ledger, behind, doc_id)
        if derived is None:
            record = back.record(doc_id)
            found.append(Parent(
                doc_id, "organic" if record else None, record and record.url, record.license if record else (),
                record.evidence if record else {}, record, (), (),
            ))  # fmt: skip
            continue
        own = tuple(derived["parent_ids"] or ())
        found.append(Parent(
            doc_id, derived["origin"], derived["url"], tuple(derived["license"] or ()), dict(derived["meta"] or ()),
            None, tuple(calls_of(ledger, behind, derived["generations"] or (), own, texts)),
            parents_of(ledger, behind, back, texts, own, above | {doc_id}),
        ))  # fmt: skip
    return tuple(found)


DERIVED = ("doc_id", "origin", "url", "license", "meta", "root_ids", "parent_ids", "generations")


def derived_row(ledger: Ledger, behind: Sequence[Mapping[str, Any]], doc_id: str) -> dict[str, Any] | None:
    """A document as a derive step made it, without its text; None where none of these steps did."""
    for step in behind:
        if step["kind"] == "derive":
            for row in ledger.relation(step).rows(equal(doc_id=doc_id), DERIVED, limit=1):
                return row
    return None
