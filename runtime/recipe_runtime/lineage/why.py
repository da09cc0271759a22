"""why: where a document fell out, at which value of which threshold; or that it was kept, or never seen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from recipe_runtime import tables
from recipe_runtime.delta_sql import equal
from recipe_runtime.lineage.answer import Answer, Unanswered, counted, entry, item, placed
from recipe_runtime.lineage.drawn import ALIVE, NotDrawn, alive, not_drawn
from recipe_runtime.lineage.ledger import Ledger, Version
from recipe_runtime.lineage.look import ID_DIGITS, Relation, among, begins, is_id, url_key
from recipe_runtime.lineage.parents import derived_row
from recipe_runtime.lineage.retention import Expiring, of_ledger

NEWEST, OLDER, FAILED = "newest version", "older step", "a run that did not end"
"""Where a reject counts: for the newest version of an output, for one before it or for an output since
replaced, or for none, because no run that made or read its step has ended."""

SHOWN = 20
"""Rejects that a person is shown; JSON has all."""


@dataclass(frozen=True)
class Reject(Answer):
    """One fall. `counts` is NEWEST, OLDER or FAILED, `outputs` the outputs of the newest case. `line` is the
    recipe's text at `at`. `matched` is the document it duplicates, `matched_url` that one's. Of an answer that
    was rejected, `generation` is its key and `asked` says what was asked of which model and how it ended; of a
    derived document `parent_ids` and `generations` are what it was made from."""

    counts: str
    outputs: tuple[str, ...]
    step: str
    step_name: str
    step_kind: str
    outcome: str
    rule: str
    value: str | None
    threshold: str | None
    at: str | None
    line: str | None
    matched: str | None
    matched_url: str | None
    source: str | None
    origin_id: str | None
    doc_id: str | None
    url: str | None
    uri: str | None
    record: int | None
    run_id: str
    recipe: str | None
    generation: str | None
    asked: str | None
    parent_ids: tuple[str, ...]
    generations: tuple[str, ...]

    def text(self, width: int = 100) -> str:
        """The rule first, then what it was decided by and where."""
        matched = self.matched and self.matched + (f"  {self.matched_url}" if self.matched_url else "")
        place = self.uri and f"{self.uri}, record {self.record}"
        lines = [
            *item(f"{self.outcome} by {self.step_kind} {self.step_name}: {self.rule}", width),
            *entry("value", self.value, width, 2),
            *entry("threshold", self.threshold, width, 2),
            *entry("recipe", placed(self.at, self.line), width, 2),
            *entry("answer", self.generation and f"key {self.generation}", width, 2),
            *entry("", self.asked, width, 2),
            *entry("duplicate of", matched, width, 2),
            *entry("url", self.url, width, 2),
            *entry("doc_id", self.doc_id, width, 2),
            *entry("parents", ", ".join(self.parent_ids), width, 2),
            *entry("made of", ", ".join(f"answer {key}" for key in self.generations), width, 2),
            *entry("origin_id", self.origin_id, width, 2),
            *entry("record", place, width, 2),
            *entry("counts for", ", ".join(self.outputs) if self.outputs else self.counts, width, 2),
            *entry("run", f"{self.run_id}, {self.recipe}", width, 2),
        ]
        return "\n".join(lines)


@dataclass(frozen=True)
class Kept(Answer):
    """A row that is there. `doc_id` is what `trace` takes."""

    output: str
    version: int
    doc_id: str
    url: str | None

    def text(self, width: int = 100) -> str:
        """Where it is and how to ask more."""
        where = f"{self.output} version {self.version}"
        return "\n".join([
            *item(f"kept: {self.doc_id} is in {where}" + (f"  {self.url}" if self.url else ""), width),
            *item("`recipec lineage trace` with this doc_id says where it comes from", width, 2),
        ])


@dataclass(frozen=True)
class Seen(Answer):
    """A document that was read, whatever became of it. `counted`: by a run that ended."""

    source: str
    origin_id: str
    doc_id: str | None
    url: str | None
    run_id: str
    counted: bool


@dataclass(frozen=True)
class Looked(Answer):
    """A source that was looked in."""

    source: str
    path: Any
    files: int
    records: int | None


@dataclass(frozen=True)
class Why(Answer):
    """All that is known of a key. `status`, of the newest versions: `kept`, `rejected`, `not drawn`, or several
    of these with `and` between; else `rejected by older steps`, `rejected by a run that did not end`, `read` or
    `never seen`."""

    key: str
    status: str
    rejects: tuple[Reject, ...]
    kept: tuple[Kept, ...]
    not_drawn: tuple[NotDrawn, ...]
    seen: tuple[Seen, ...]
    looked_in: tuple[Looked, ...]
    warnings: tuple[Expiring, ...]

    def text(self, width: int = 100) -> str:
        """What was kept, then what fell out, the newest first; else where it was looked for."""
        parts = [kept.text(width) for kept in self.kept]
        parts += [left.text(width) for left in self.not_drawn[:SHOWN]]
        if len(self.not_drawn) > SHOWN:
            parts.append(f"… {len(self.not_drawn):,} rows not drawn in all")
        parts += [reject.text(width) for reject in self.rejects[:SHOWN]]
        if len(self.rejects) > SHOWN:
            parts.append(f"… {len(self.rejects):,} rejects in all")
        if not self.kept and not self.not_drawn and not any(reject.counts == NEWEST for reject in self.rejects):
            parts.insert(0, "\n".join(self._unknown(width)))
        return "\n\n".join([*parts, *(warning.text(width) for warning in self.warnings)])

    def _unknown(self, width: int) -> list[str]:
        if self.rejects and all(reject.counts == FAILED for reject in self.rejects):
            return item("only a run that did not end knows it; no version of an output depends on this", width)
        if self.rejects:
            return item("no newest version knows it; older steps do", width)
        if self.seen:
            lines = []
            for seen in self.seen:
                ended = "" if seen.counted else ", which did not end"
                who = seen.url or seen.doc_id or seen.origin_id
                said = f"read from {seen.source} by run {seen.run_id}{ended}, and neither kept nor rejected: {who}"
                lines += item(said, width)
            return lines
        lines = item(f"never seen: {self.key}", width)
        for source in self.looked_in:
            records = "" if source.records is None else f", {counted(source.records, 'record')}"
            path = source.path if isinstance(source.path, str) else ", ".join(map(str, source.path))
            said = f"{source.source} = {path} ({counted(source.files, 'file')}{records})"
            lines += entry("looked in", said, width, 2)
        if not is_id(self.key):
            lines += item("a URL is found as it was crawled, to the letter", width, 2)
        return lines


def why(lake_uri: str, key: str) -> Why:
    """Everything about a URL, a doc_id or an origin_id (or the first 8 digits or more of an id). Rejects of
    the newest versions come first. Raises Unanswered where more than one document begins with these digits."""
    ledger = Ledger(lake_uri)
    newest = ledger.newest()
    rejects = _rejects(ledger, newest, key)
    kept = _kept(ledger, newest, key)
    left = not_drawn(ledger, newest, _where(key))
    seen = () if rejects or kept or left else _seen(ledger, key)
    return Why(
        key, _status(rejects, kept, left, seen), tuple(rejects), tuple(kept), tuple(left), tuple(seen),
        tuple(_looked_in(ledger)), tuple(of_ledger(ledger)),
    )  # fmt: skip


def _status(
    rejects: Sequence[Reject], kept: Sequence[Kept], left: Sequence[NotDrawn], seen: Sequence[Seen]
) -> str:
    counts = {reject.counts for reject in rejects}
    now = [name for name, there in (("kept", kept), ("rejected", NEWEST in counts), ("not drawn", left)) if there]
    if now:
        return " and ".join(now)
    for each, said in ((OLDER, "older steps"), (FAILED, FAILED)):
        if each in counts:
            return f"rejected by {said}"
    return "read" if seen else "never seen"


def _where(key: str) -> str:
    """The filter for a key in a table that has all three ids."""
    if is_id(key):
        return f"({begins('doc_id', key)} or {begins('origin_id', key)})"
    return equal(url_id=sha256(url_key(key).encode()).hexdigest()[:ID_DIGITS])


def _one(key: str, rows: Sequence[Mapping[str, Any]]) -> None:
    """Raises Unanswered where the beginning of an id is that of several."""
    if not is_id(key) or len(key) == ID_DIGITS:
        return
    ids = {row[name] for row in rows for name in ("doc_id", "origin_id") if (row[name] or "").startswith(key)}
    if len(ids) > 1:
        raise Unanswered(
            f"{len(ids)} ids begin with {key}: {', '.join(sorted(ids)[:5])}", remedy="give more digits"
        )


# ---- rejects -----------------------------------------------------------------------------------------


def _rejects(ledger: Ledger, newest: Sequence[Version], key: str) -> list[Reject]:
    rows = ledger.table(tables.REJECTS).rows(_where(key))
    _one(key, rows)
    outputs: dict[str, list[str]] = {}
    for version in newest:
        for step in ledger.behind(version.step):
            outputs.setdefault(step["step"], []).append(f"{version.output} version {version.version}")
    place = {NEWEST: 0, OLDER: 1, FAILED: 2}
    asked = _asked(ledger, {row["generation"] for row in rows if row.get("generation")})
    found = [_reject(ledger, outputs, row, asked) for row in rows]
    found.sort(key=lambda reject: reject.run_id, reverse=True)
    return sorted(found, key=lambda reject: place[reject.counts])


def _asked(ledger: Ledger, keys: set[str]) -> dict[str, str]:
    """Generation key → what was asked of which model and how the answer ended."""
    if not keys:
        return {}
    columns = ("key", "prompt", "model", "sample", "round", "outcome", "finish", "run_id")
    rows = ledger.table(tables.GENERATIONS).rows(among("key", keys), columns)
    return {
        row["key"]: f"prompt {row['prompt']} to {row['model']}, sample {row['sample']}, round {row['round']}: "
        f"{row['outcome']}" + (f", finish {row['finish']}" if row["finish"] else "") + f", by run {row['run_id']}"
        for row in rows
    }


def _reject(
    ledger: Ledger, outputs: Mapping[str, Sequence[str]], row: Mapping[str, Any], asked: Mapping[str, str]
) -> Reject:
    step = ledger.steps.get(row["step"], {})
    generation = row.get("generation")  # tables of before model calls have no such column
    derived = derived_row(ledger, ledger.behind(row["step"]), row["doc_id"]) if row["doc_id"] else None
    counts = NEWEST if row["step"] in outputs else OLDER if row["step"] in ledger.counted_steps else FAILED
    file = ledger.file(row["file_id"], [row["run_id"], *reversed(ledger.runs)]) or {}
    return Reject(
        counts=counts,
        outputs=tuple(outputs.get(row["step"], ())),
        step=row["step"],
        step_name=step.get("name", row["step"]),
        step_kind=step.get("kind", "step"),
        outcome=row["outcome"],
        rule=row["rule"],
        value=row["value"],
        threshold=row["threshold"],
        at=row["at"],
        line=ledger.line(row["run_id"], row["at"]),
        matched=row["matched"],
        matched_url=_url_of(ledger, row["step"], row["matched"]),
        source=row["source"],
        origin_id=row["origin_id"],
        doc_id=row["doc_id"],
        url=row["url"],
        uri=file.get("uri"),
        record=row["record"],
        run_id=row["run_id"],
        recipe=ledger.started(row["run_id"]).get("recipe"),
        generation=generation,
        asked=asked.get(generation) if generation else None,
        parent_ids=tuple(derived["parent_ids"] or ()) if derived else (),
        generations=tuple(derived["generations"] or ()) if derived else (),
    )


def _url_of(ledger: Ledger, step: str, doc_id: str | None) -> str | None:
    """The URL of a survivor, from what is behind the step that dropped a duplicate of it."""
    if doc_id is None:
        return None
    for row in reversed(ledger.behind(step)):
        if row["kind"] in ("select", "derive", "source"):
            for found in ledger.relation(row).rows(equal(doc_id=doc_id), ("url",), limit=1):
                return found.get("url")
    return None


# ---- kept, or only seen ------------------------------------------------------------------------------


def _kept(ledger: Ledger, newest: Sequence[Version], key: str) -> list[Kept]:
    """Rows of the newest versions. Outputs have no origin_id and no url_id: the decisions behind them do."""
    found: list[Kept] = []
    for version in newest:
        decided: dict[str, Mapping[str, Any]] = {}
        for step in ledger.behind(version.step):
            if step["kind"] in ALIVE:
                rows = alive(ledger, step, _where(key), ("doc_id", "origin_id", "url"))
                decided |= {row["doc_id"]: row for row in rows}
        _one(key, list(decided.values()))
        if decided:
            there = Relation(version.uri, version.version)
            rows = there.rows(among("doc_id", decided), ("doc_id", "url"))
            ids = {row["doc_id"]: row["url"] for row in rows}
            found += [Kept(version.output, version.version, doc_id, url) for doc_id, url in sorted(ids.items())]
    return found


def _seen(ledger: Ledger, key: str) -> list[Seen]:
    """Documents among what any run has read."""
    found = []
    for step in ledger.steps.values():
        if step["kind"] == "source":
            where = _where(key) + " and not marker"
            for row in ledger.relation(step).rows(where, ("origin_id", "doc_id", "url", "run_id")):
                counted = step["step"] in ledger.counted_steps
                found.append(
                    Seen(step["name"], row["origin_id"], row["doc_id"], row["url"], step["run_id"], counted)
                )
    return list(dict.fromkeys(found))


def _looked_in(ledger: Ledger) -> list[Looked]:
    """The sources of all runs, the newest first, each once."""
    records = {(row["run_id"], row["name"]): row["rows_in"] for row in ledger.steps.values() if row["kind"] == "source"}
    found: dict[tuple[str, str], Looked] = {}
    for run_id in reversed(ledger.runs):
        for source in ledger.inputs(run_id):
            name = source["source"]
            at = (name, str(source["path"]))
            each = Looked(name, source["path"], len(source["files"]), records.get((run_id, name)))
            if at not in found or found[at].records is None:
                found[at] = each
    return list(found.values())
