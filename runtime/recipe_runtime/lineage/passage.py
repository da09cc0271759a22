"""A row's way back: through the decisions about it to the records it was read from, and each step it passed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from recipe_runtime import tables
from recipe_runtime.delta_sql import equal
from recipe_runtime.lineage.answer import Answer, item, named, placed
from recipe_runtime.lineage.ledger import Ledger
from recipe_runtime.lineage.look import among
from recipe_runtime.lineage.records import Record, record_of

DUPLICATES = 1_000
"""Duplicates that a trace lists; `duplicates_total` counts all."""

NO_FIGURES = frozenset({
    "doc_id", "file_id", "record", "origin_id", "text_hash", "bytes", "url", "url_id", "domain", "license",
    "fetched_at", "text_bytes", "source", "rejected", "matched", "run_id", "marker", "root_ids", "parent_ids",
    "generations", "origin", "scores",
})  # fmt: skip
"""Columns of a decided row that no operator of the recipe made."""


@dataclass(frozen=True)
class Passed(Answer):
    """A step this row passed. `line` is the recipe's line at `at`, of the run that made the step; `figures`
    what a select knew of the row when it decided, less what an earlier one knew; `note` what became of it."""

    name: str
    kind: str
    step: str
    at: str
    line: str | None
    run_id: str
    code_version: str | None
    libraries: Mapping[str, str]
    figures: Mapping[str, Any]
    note: str

    def lines(self, width: int) -> list[str]:
        """For people."""
        made = f"made by run {self.run_id}" + (f", recipec {self.code_version}" if self.code_version else "")
        return [
            *item(f"{self.kind} {self.name}: {self.note}", width, 2),
            *item(placed(self.at, self.line), width, 4),
            *(item(named(self.figures), width, 4) if self.figures else ()),
            *item("; ".join(part for part in (made, named(self.libraries)) if part), width, 4),
        ]


@dataclass(frozen=True)
class Duplicate:
    """A document that was dropped for this one. `license` and `url` are its own, as it was read."""

    doc_id: str
    origin_id: str
    kind: str
    similarity: float | None
    url: str | None
    license: tuple[str, ...]


@dataclass
class Back:
    """What was found behind a row. `decisions`: step → the row as that step knew it; `places`: doc_id → file
    and place in it; `ids`: the doc_ids it had, which an edit changes."""

    ids: set[str]
    decisions: dict[str, dict[str, Any]] = field(default_factory=dict)
    places: dict[str, tuple[str, int]] = field(default_factory=dict)
    records: dict[tuple[str, int], Record] = field(default_factory=dict)

    def record(self, doc_id: str) -> Record | None:
        """The record a document was read from, if its relation is kept."""
        place = self.places.get(doc_id)
        return None if place is None else self.records.get(place)


def back(ledger: Ledger, behind: Sequence[Mapping[str, Any]], run_ids: Sequence[str], ids: set[str]) -> Back:
    """Follows documents through the steps behind a row, the last step first."""
    found = Back(set(ids))
    for step in reversed(behind):
        if step["kind"] == "select":
            for decided in ledger.relation(step).rows(among("doc_id", found.ids)):
                found.decisions.setdefault(step["step"], decided)
                place = decided.get("file_id"), decided.get("record")
                if None in place:
                    continue
                found.places.setdefault(decided["doc_id"], place)
                record = found.records.get(place) or record_of(ledger, behind, run_ids, decided)
                if record:
                    found.records[place] = record
                    found.places.setdefault(record.doc_id, place)
                    found.ids.add(record.doc_id)
        elif step["kind"] == "edit":
            for file_id, place in list(found.records):
                where = equal(file_id=file_id, record=place)
                for edited in ledger.relation(step).rows(where, ("doc_id", "text_bytes"), limit=1):
                    found.decisions.setdefault(step["step"], edited)
                    found.ids.add(edited["doc_id"])
    return found


def passed(
    ledger: Ledger,
    step: Mapping[str, Any],
    decisions: Mapping[str, Mapping[str, Any]],
    stands_for: Mapping[str, int],
    known: dict[str, Any],
    note: str | None = None,
) -> Passed:
    """`known`: the figures of earlier steps; this one's are added."""
    decided = decisions.get(step["step"], {})
    figures: dict[str, Any] = {}
    if step["kind"] == "select":
        now = {name: value for name, value in decided.items() if name not in NO_FIGURES and value is not None}
        figures = {name: value for name, value in now.items() if known.get(name) != value}
        known |= now
    return Passed(
        name=step["name"],
        kind=step["kind"],
        step=step["step"],
        at=step["at"],
        line=ledger.line(step["run_id"], step["at"]),
        run_id=step["run_id"],
        code_version=ledger.started(step["run_id"]).get("code_version"),
        libraries=dict(step["libraries"] or ()),
        figures=figures,
        note=note or _note(step, decided, stands_for.get(step["step"], 0)),
    )


def _note(step: Mapping[str, Any], decided: Mapping[str, Any], stands_for: int) -> str:
    match step["kind"]:
        case "source":
            return "read"
        case "annotate":
            return "measured"
        case "score":
            return "scored"
        case "sample":
            return "a part was drawn by hash"
        case "fit":
            return "thresholds fitted" + (f", kept as blob {step['report']}" if step["report"] else "")
        case "units":
            return f"cut {step['rows_kept']:,} of {step['rows_in']:,} documents into units"
        case "ask":
            return f"{step['rows_kept']:,} of {step['rows_in']:,} units kept an answer"
        case "derive":
            return f"made {step['rows_kept']:,} documents"
        case "mix":
            return "passed; its draw is no longer kept"
        case "dedup":
            return f"stands for {stands_for:,} more" if stands_for else "no duplicate was dropped for it"
        case "edit":
            return f"edited, {decided['text_bytes']:,} bytes after it" if decided else "edited"
        case "select" if decided and decided.get("rejected"):
            return f"not among its rows ({decided['rejected']['rule']})"
        case "select":
            return "kept" if decided else "passed; its decisions are no longer kept"
        case other:
            return f"passed ({other})"


def duplicates(
    ledger: Ledger, behind: Sequence[Mapping[str, Any]], ids: set[str]
) -> tuple[list[Duplicate], dict[str, int]]:
    """The documents dropped for one of `ids` by the dedups behind the row; how many there are, by step."""
    dedups = [step["step"] for step in behind if step["kind"] == "dedup" and step["rows_rejected"]]
    if not dedups:
        return [], {}
    where = f"{among('step', dedups)} and {among('parent', ids)}"
    found = ledger.table(tables.EDGES).rows(where, ("step", "child", "kind", "child_origin_id", "similarity"))
    total: dict[str, int] = {}
    for edge in found:
        total[edge["step"]] = total.get(edge["step"], 0) + 1
    found = sorted(found, key=lambda edge: (edge["kind"], edge["child"]))[:DUPLICATES]
    origins = {edge["child_origin_id"] for edge in found}
    known: dict[str, dict[str, Any]] = {}
    for step in behind:
        if step["kind"] == "source" and origins:
            where = among("origin_id", origins) + " and doc_id is not null"
            for row in ledger.relation(step).rows(where, ("origin_id", "doc_id", "url", "license")):
                known.setdefault(row["origin_id"], row)
    twins = [
        Duplicate(
            edge["child"], edge["child_origin_id"], edge["kind"], edge["similarity"],
            known.get(edge["child_origin_id"], {}).get("url"),
            tuple(known.get(edge["child_origin_id"], {}).get("license") or ()),
        )
        for edge in found
    ]  # fmt: skip
    return twins, total
