"""trace: where a row of an output comes from, and every step it passed on its way."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from recipe_runtime import tables
from recipe_runtime.delta_sql import equal
from recipe_runtime.lineage.answer import Answer, Unanswered, entry, item, named, placed, when
from recipe_runtime.lineage.ledger import Ledger, Version
from recipe_runtime.lineage.look import ID_DIGITS, Relation, among, begins, is_id, url_key
from recipe_runtime.lineage.records import Record, record_of
from recipe_runtime.lineage.retention import Expiring, of_ledger
from recipe_runtime.lineage.runs import Run, run_of
from recipe_runtime.safe_text import safe

DUPLICATES = 1_000
"""Duplicates that a trace lists; `duplicates_total` counts all."""
SHOWN = 10
"""Duplicates that a person is shown."""

NO_FIGURES = frozenset({
    "doc_id", "file_id", "record", "origin_id", "text_hash", "bytes", "url", "url_id", "domain", "license",
    "fetched_at", "text_bytes", "source", "rejected", "matched", "run_id", "marker",
})  # fmt: skip
"""Columns of a decided row that no operator of the recipe made."""


@dataclass(frozen=True)
class Passed:
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


@dataclass(frozen=True)
class Duplicate:
    """A document that was dropped for this one. `license` and `url` are its own, as it was read."""

    doc_id: str
    origin_id: str
    kind: str
    similarity: float | None
    url: str | None
    license: tuple[str, ...]


@dataclass(frozen=True)
class Trace(Answer):
    """A row of a version of an output. `evidence`: what was found of licence and opt-out, by kind of
    statement. `records`: what its content was read from, one for each of its root documents."""

    output: str
    version: int
    uri: str
    doc_id: str
    epochs: tuple[int, ...]
    url: str | None
    domain: str | None
    namespace: str
    origin: str
    lang: str | None
    tier: str | None
    tokens: int | None
    scores: Mapping[str, float]
    fetched_at: datetime | None
    license: tuple[str, ...]
    evidence: Mapping[str, str]
    root_ids: tuple[str, ...]
    parent_ids: tuple[str, ...]
    records: tuple[Record, ...]
    steps: tuple[Passed, ...]
    duplicates: tuple[Duplicate, ...]
    duplicates_total: int
    run: Run
    warnings: tuple[Expiring, ...]

    def text(self, width: int = 100) -> str:
        """From the row back to its record, then forward through its steps."""
        lines = [
            *item(f"{self.doc_id} in {self.output} version {self.version}", width),
            *entry("url", self.url, width),
            *entry("epochs", ", ".join(map(str, self.epochs)) if len(self.epochs) > 1 else None, width),
            *entry("origin", self.origin, width),
            *entry("language", self.lang, width),
            *entry("tier", self.tier, width),
            *entry("tokens", None if self.tokens is None else f"{self.tokens:,}", width),
            *entry("namespace", self.namespace, width),
            *entry("license", ", ".join(self.license) or "none declared", width),
        ]
        for kind, value in sorted(self.evidence.items()):
            lines += entry("evidence", f"{kind}: {value}", width)
        for record in self.records:
            lines += record.lines(width)
        if not self.records:
            lines += entry("record", "the relations it was read into are no longer kept", width)
        lines += self._duplicate_lines(width)
        lines += ["", *item("steps it passed", width)]
        for step in self.steps:
            lines += self._step_lines(step, width)
        lines += [
            "",
            *entry("run", f"{self.run.run_id}, {when(self.run.started or self.run.ended)}", width),
            *entry("recipe", self.run.recipe, width),
            *entry("parameters", named(self.run.params), width),
        ]
        return "\n".join([*lines, *(warning.text(width) for warning in self.warnings)])

    def _duplicate_lines(self, width: int) -> list[str]:
        lines = []
        for twin in self.duplicates[:SHOWN]:
            license = ", ".join(twin.license) or "no licence declared"
            similarity = "" if twin.similarity is None else f", similarity {twin.similarity:.3f}"
            said = f"{twin.doc_id} {twin.kind}{similarity}, {license}"
            lines += entry("stands for", said + (f", {twin.url}" if twin.url else ""), width)
        if self.duplicates_total > SHOWN:
            lines += entry("stands for", f"… {self.duplicates_total:,} documents in all", width)
        return lines

    def _step_lines(self, step: Passed, width: int) -> list[str]:
        made = f"made by run {step.run_id}" + (f", recipec {step.code_version}" if step.code_version else "")
        return [
            *item(f"{step.kind} {step.name}: {step.note}", width, 2),
            *item(placed(step.at, step.line), width, 4),
            *(item(named(step.figures), width, 4) if step.figures else ()),
            *item("; ".join(part for part in (made, named(step.libraries)) if part), width, 4),
        ]


def trace(lake_uri: str, output: str | None, key: str, version: int | None = None) -> Trace:
    """Traces the row of `key`, a doc_id (or the first 8 digits or more) or a URL, in the newest version that
    counts or in `version`. Raises Unanswered where no row or more than one document has that key."""
    ledger = Ledger(lake_uri)
    found, rows = _row(ledger, output, key, version)
    row = rows[0]
    behind = ledger.behind(row["step"])
    writing = ledger.steps.get(found.step)
    made_in = [found.run_id, *dict.fromkeys(step["run_id"] for step in behind)]
    records, decisions, ids = _back(ledger, behind, made_in, row)
    twins, total = _duplicates(ledger, behind, ids)
    known: dict[str, Any] = {}
    passed = [_passed(ledger, step, decisions, total, known) for step in behind]
    if writing:
        passed.append(_passed(ledger, writing, decisions, total, known, f"written to version {found.version}"))
    return Trace(
        output=found.output,
        version=found.version,
        uri=found.uri,
        doc_id=row["doc_id"],
        epochs=tuple(sorted(each["epoch"] for each in rows)),
        url=row["url"],
        domain=row["domain"],
        namespace=row["source"],
        origin=row["origin"],
        lang=row["lang"],
        tier=row["tier"],
        tokens=row["tokens"],
        scores=dict(row["scores"] or ()),
        fetched_at=row["fetched_at"],
        license=tuple(row["license"] or ()),
        evidence=dict(row["meta"] or ()),
        root_ids=tuple(row["root_ids"] or ()),
        parent_ids=tuple(row["parent_ids"] or ()),
        records=tuple(records),
        steps=tuple(passed),
        duplicates=tuple(twins),
        duplicates_total=sum(total.values()),
        run=run_of(ledger, found.run_id),
        warnings=tuple(each for each in of_ledger(ledger) if each.output == found.output),
    )


# ---- the row -----------------------------------------------------------------------------------------


def _row(
    ledger: Ledger, output: str | None, key: str, number: int | None
) -> tuple[Version, list[dict[str, Any]]]:
    """The version and the rows (one an epoch) of one document in it."""
    if output is None and number is not None:
        raise Unanswered("a version needs its output", remedy="name the output it is a version of")
    asked = [ledger.version(output, number)] if output else ledger.newest()
    where = begins("doc_id", key) if is_id(key) else equal(url=url_key(key))
    found: dict[tuple[str, str], tuple[Version, list[dict[str, Any]]]] = {}
    for version in asked:
        there = Relation(version.uri, version.version)
        for row in there.rows(where, [name for name in there.columns if name != "text"]):
            found.setdefault((version.output, row["doc_id"]), (version, []))[1].append(row)
    if len(found) == 1:
        return next(iter(found.values()))
    places = ", ".join(f"{v.output} version {v.version}" for v in asked) or f"{ledger.lake.uri} (no output yet)"
    if not found:
        raise Unanswered(
            f"no row of {places} has the {_called(key)} {safe(key)}", remedy="`why` says what became of it"
        )
    said = ", ".join(f"{doc_id} in {name}" for name, doc_id in sorted(found)[:5])
    raise Unanswered(
        f"{len(found)} rows have the {_called(key)} {safe(key)}: {said}{' …' if len(found) > 5 else ''}",
        remedy="name the output and the whole doc_id",
    )


def _called(key: str) -> str:
    if not is_id(key):
        return "URL"
    return "doc_id" if len(key) == ID_DIGITS else "doc_id that begins with"


# ---- back to its records -----------------------------------------------------------------------------


def _back(
    ledger: Ledger, behind: Sequence[Mapping[str, Any]], run_ids: Sequence[str], row: Mapping[str, Any]
) -> tuple[list[Record], dict[str, dict[str, Any]], set[str]]:
    """(records of its roots; step → the row as that step knew it; the doc_ids it had, an edit changes it)."""
    decisions: dict[str, dict[str, Any]] = {}
    records: dict[tuple[str, int], Record] = {}
    ids = {row["doc_id"], *(row["root_ids"] or ())}
    for step in reversed(behind):
        if step["kind"] == "select":
            for decided in ledger.relation(step).rows(among("doc_id", ids)):
                decisions.setdefault(step["step"], decided)
                place = decided["file_id"], decided["record"]
                record = records.get(place) or record_of(ledger, behind, run_ids, decided)
                if record:
                    records[place] = record
                    ids.add(record.doc_id)
        elif step["kind"] == "edit":
            for file_id, place in list(records):
                where = equal(file_id=file_id, record=place)
                for edited in ledger.relation(step).rows(where, ("doc_id", "text_bytes"), limit=1):
                    decisions.setdefault(step["step"], edited)
                    ids.add(edited["doc_id"])
    return list(records.values()), decisions, ids


def _passed(
    ledger: Ledger,
    step: Mapping[str, Any],
    decisions: Mapping[str, Mapping[str, Any]],
    duplicates: Mapping[str, int],
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
        note=note or _note(step, decided, duplicates.get(step["step"], 0)),
    )


def _note(step: Mapping[str, Any], decided: Mapping[str, Any], duplicates: int) -> str:
    match step["kind"]:
        case "source":
            return "read"
        case "annotate":
            return "measured"
        case "dedup":
            return f"stands for {duplicates:,} more" if duplicates else "no duplicate was dropped for it"
        case "edit":
            return f"edited, {decided['text_bytes']:,} bytes after it" if decided else "edited"
        case "select":
            return "kept" if decided else "passed; its decisions are no longer kept"
        case other:
            return f"passed ({other})"


def _duplicates(
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
