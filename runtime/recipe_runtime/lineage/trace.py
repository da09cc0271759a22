"""trace: where a row of an output comes from, through model calls to its records, and every step on its way."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from recipe_runtime.delta_sql import equal
from recipe_runtime.errors import DONE, FAILED
from recipe_runtime.lineage.answer import Answer, Unanswered, entry, item, named, placed, when
from recipe_runtime.lineage.calls import Call, Texts, calls_of
from recipe_runtime.lineage.ledger import Ledger, Version
from recipe_runtime.lineage.look import ID_DIGITS, Relation, begins, is_id, url_key
from recipe_runtime.lineage.parents import Parent, call_lines, parents_of
from recipe_runtime.lineage.passage import Duplicate, Passed, back, duplicates, passed
from recipe_runtime.lineage.records import Record
from recipe_runtime.lineage.retention import Expiring, of_ledger
from recipe_runtime.lineage.runs import Run, run_of
from recipe_runtime.safe_text import safe

SHOWN = 10
"""Duplicates that a person is shown."""


@dataclass(frozen=True)
class Trace(Answer):
    """A row of a version of an output. `evidence`: what was found of licence and opt-out, by kind of
    statement. `records`: what its content was read from, one for each of its root documents. `made`: the step
    that made the row. `parents` and `calls` are a derived row's; its calls stand in the order of its segments."""

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
    generated_tokens: int | None
    copied_tokens: int | None
    scores: Mapping[str, float]
    fetched_at: datetime | None
    license: tuple[str, ...]
    evidence: Mapping[str, str]
    root_ids: tuple[str, ...]
    parent_ids: tuple[str, ...]
    records: tuple[Record, ...]
    generations: tuple[str, ...]
    parents: tuple[Parent, ...]
    calls: tuple[Call, ...]
    made: Passed | None
    steps: tuple[Passed, ...]
    duplicates: tuple[Duplicate, ...]
    duplicates_total: int
    run: Run
    warnings: tuple[Expiring, ...]

    @property
    def exit_code(self) -> int:
        """0, or 4 where an answer is kept under another key than its prompt has."""
        return FAILED if any(call.proof == "mismatch" for call in _all_calls(self)) else DONE

    def text(self, width: int = 100) -> str:
        """From the row back to its record, then forward through its steps."""
        lines = [
            *item(f"{self.doc_id} in {self.output} version {self.version}", width),
            *entry("url", self.url, width),
            *entry("epochs", ", ".join(map(str, self.epochs)) if len(self.epochs) > 1 else None, width),
            *entry("origin", self.origin, width),
            *entry("language", self.lang, width),
            *entry("tier", self.tier, width),
            *entry("tokens", self._tokens(), width),
            *entry("namespace", self.namespace, width),
            *entry("license", ", ".join(self.license) or "none declared", width),
        ]
        for kind, value in sorted(self.evidence.items()):
            lines += entry("evidence", f"{kind}: {value}", width)
        for record in () if self.parents else self.records:
            lines += record.lines(width)
        if not self.records:
            lines += entry("record", "the relations it was read into are no longer kept", width)
        lines += self._duplicate_lines(width)
        if self.parents or self.generations:
            lines += self._derived_lines(width)
        lines += ["", *item("steps it passed", width)]
        for step in self.steps:
            lines += step.lines(width)
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

    def _tokens(self) -> str | None:
        if self.tokens is None:
            return None
        parts = (("generated", self.generated_tokens), ("copied", self.copied_tokens))
        shown = [f"{count:,} {name}" for name, count in parts if count is not None and self.origin != "organic"]
        return ", ".join([f"{self.tokens:,}", *shown])

    def _derived_lines(self, width: int) -> list[str]:
        lines = []
        if self.made:
            lines += entry("made by", f"{self.made.kind} {self.made.name}, step {self.made.step}", width)
            lines += entry("", placed(self.made.at, self.made.line), width)
        lines += [line for parent in self.parents for line in ["", *parent.lines(width)]]
        lost = len(self.generations) - len(self.calls)
        if lost:
            lines += item(f"{lost:,} of its {len(self.generations):,} generations are no longer kept", width)
        return [*lines, "", *call_lines(self.calls, width)]


def _all_calls(row: Trace | Parent) -> list[Call]:
    return [*row.calls, *(call for parent in row.parents for call in _all_calls(parent))]


def trace(lake_uri: str, output: str | None, key: str, version: int | None = None) -> Trace:
    """Traces the row of `key`, a doc_id (or the first 8 digits or more) or a URL, in the newest version that
    counts or in `version`. Raises Unanswered where no row or more than one document has that key."""
    ledger = Ledger(lake_uri)
    found, rows = _row(ledger, output, key, version)
    row = rows[0]
    behind = ledger.behind(row["step"])
    made_in = [found.run_id, *dict.fromkeys(step["run_id"] for step in behind)]
    parent_ids = tuple(row["parent_ids"] or ())
    way = back(ledger, behind, made_in, {row["doc_id"], *(row["root_ids"] or ()), *parent_ids})
    twins, total = duplicates(ledger, behind, way.ids)
    texts = Texts(ledger, behind, way.places)
    known: dict[str, Any] = {}
    steps = [passed(ledger, step, way.decisions, total, known) for step in behind]
    made = next((step for step in steps if step.step == row["step"]), None)
    for step in _after(ledger, found, row["step"]):
        if step["step"] == found.step:
            steps.append(passed(ledger, step, {}, total, known, f"written to version {found.version}"))
        else:
            steps.append(_drawn(ledger, step, row["doc_id"], known))
    generations = tuple(row.get("generations") or ())
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
        generated_tokens=row.get("generated_tokens"),
        copied_tokens=row.get("copied_tokens"),
        scores=dict(row["scores"] or ()),
        fetched_at=row["fetched_at"],
        license=tuple(row["license"] or ()),
        evidence=dict(row["meta"] or ()),
        root_ids=tuple(row["root_ids"] or ()),
        parent_ids=parent_ids,
        records=tuple(way.records.values()),
        generations=generations,
        parents=parents_of(ledger, behind, way, texts, parent_ids),
        calls=tuple(calls_of(ledger, behind, generations, parent_ids, texts)),
        made=made,
        steps=tuple(steps),
        duplicates=tuple(twins),
        duplicates_total=sum(total.values()),
        run=run_of(ledger, found.run_id),
        warnings=tuple(each for each in of_ledger(ledger) if each.output == found.output),
    )


def _after(ledger: Ledger, version: Version, step: str) -> list[dict[str, Any]]:
    """The mixes between the step that made a row and its version, then the write itself."""
    return [
        row
        for row in ledger.behind(version.step)
        if row["step"] == version.step
        or row["kind"] == "mix" and any(each["step"] == step for each in ledger.behind(row["step"]))
    ]


def _drawn(ledger: Ledger, mix: Mapping[str, Any], doc_id: str, known: dict[str, Any]) -> Passed:
    """A mix, and by which of its takes it drew this row; once for each epoch."""
    draws = ledger.relation(mix).rows(equal(doc_id=doc_id), ("take", "epoch"))
    takes = ", ".join(sorted({str(draw["take"]) for draw in draws}))
    said = f"drawn by take {takes}" + (f", {len(draws)} epochs" if len(draws) > 1 else "") if draws else None
    return passed(ledger, mix, {}, {}, known, said)


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
