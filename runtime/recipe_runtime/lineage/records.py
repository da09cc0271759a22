"""From a document to the record it was read from, through the relations of ids that a lake keeps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from recipe_runtime.delta_sql import equal
from recipe_runtime.lineage.answer import Answer, entry, when
from recipe_runtime.lineage.ledger import Ledger

COLUMNS = (
    "file_id", "record", "part", "parts", "doc_id", "origin_id", "record_key", "raw_hash", "bytes",
    "url", "license", "fetched_at", "meta",
)  # fmt: skip


@dataclass(frozen=True)
class Record(Answer):
    """A record of an input file. `record` is its place there: a byte offset or a row number, as the reader
    counts. `uri` is None where no run that the lake knows pinned the file. `evidence`: what was found of licence
    and opt-out, by kind of statement."""

    source: str | None
    reader: str | None
    uri: str | None
    also: tuple[str, ...]
    file_id: str
    size: int | None
    checksum: str | None
    table: Sequence[Any] | None
    record: int
    record_key: str
    origin_id: str
    doc_id: str
    raw_hash: str
    bytes: int
    url: str | None
    license: tuple[str, ...]
    fetched_at: datetime | None
    evidence: Mapping[str, str]

    def lines(self, width: int) -> list[str]:
        """For people."""
        place = self.uri or f"a file that no run pinned (file_id {self.file_id})"
        table = f"Delta table {self.table[0]} version {self.table[1]}" if self.table else None
        return [
            *entry("source", f"{self.source} ({self.reader})" if self.reader else None, width),
            *entry("file", place, width),
            *entry("", ", ".join(f"equal to {uri}" for uri in self.also), width),
            *entry("", table or (self.checksum and f"{self.size:,} bytes, checksum {self.checksum}"), width),
            *entry("record", f"{self.record} (key {self.record_key}, {self.bytes:,} bytes)", width),
            *entry("", f"raw hash {self.raw_hash}", width),
            *entry("origin_id", self.origin_id, width),
            *entry("fetched at", when(self.fetched_at), width),
        ]


def record_of(
    ledger: Ledger, steps: Sequence[Mapping[str, Any]], run_ids: Sequence[str], decided: Mapping[str, Any]
) -> Record | None:
    """The record behind a row that names its `file_id`, `record` and `origin_id`; None where it is not kept."""
    where = equal(**{name: decided[name] for name in ("file_id", "record", "origin_id")})
    for step in steps:
        if step["kind"] == "source":
            for row in ledger.relation(step).rows(where, COLUMNS, limit=1):
                return _record(ledger, row, [*run_ids, step["run_id"]])
    return None


def _record(ledger: Ledger, row: Mapping[str, Any], run_ids: Sequence[str]) -> Record:
    file = ledger.file(row["file_id"], run_ids) or {}
    source = file.get("source", {})
    return Record(
        source=source.get("source"),
        reader=source.get("reader"),
        uri=file.get("uri"),
        also=tuple(file.get("also", ())),
        file_id=row["file_id"],
        size=file.get("size"),
        checksum=file.get("checksum"),
        table=source.get("table"),
        record=row["record"],
        record_key=row["record_key"],
        origin_id=row["origin_id"],
        doc_id=row["doc_id"],
        raw_hash=row["raw_hash"],
        bytes=row["bytes"],
        url=row["url"],
        license=tuple(row["license"] or ()),
        fetched_at=row["fetched_at"],
        evidence=dict(row.get("meta") or ()),
    )
