"""From records to rows: every record becomes one row, a document or a reject with its reason.

Readers give `Record`s; they leave as Arrow batches of `document_schema`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pyarrow as pa
from recipe_udfs.domain import registered_domains
from recipe_udfs.identity import doc_ids, origin_ids, text_hashes, url_ids

from recipe_runtime.sources.calls import Calls
from recipe_runtime.sources.columns import Columns
from recipe_runtime.sources.record import Draft, Record
from recipe_runtime.sources.spec import Call, Field, Literal, SourceError, SourceSpec

ROWS = 1_000
BATCH_BYTES = 8_000_000
"""A batch ends with the record that brings it to this many rows, or bytes of raw records."""

REJECTED = pa.struct([(name, pa.string()) for name in ("rule", "value", "threshold", "at")])

_BEFORE_LANG = (
    ("file_id", pa.string()),
    ("part", pa.int32()),
    ("parts", pa.int32()),
    ("record", pa.int64()),
    ("marker", pa.bool_()),
    ("records", pa.int64()),
    ("documents", pa.int64()),
    ("bytes_in", pa.int64()),
    ("doc_id", pa.string()),
    ("origin_id", pa.string()),
    ("raw_hash", pa.string()),
    ("record_key", pa.string()),
    ("text", pa.string()),
    ("text_hash", pa.string()),
    ("bytes", pa.int64()),
    ("url", pa.string()),
    ("url_id", pa.string()),
    ("domain", pa.string()),
    ("license", pa.list_(pa.string())),
    ("fetched_at", pa.timestamp("us", "UTC")),
    ("meta", pa.map_(pa.string(), pa.string())),
)
RESERVED = frozenset(name for name, _ in _BEFORE_LANG) | {"rejected", "run_id", "text_bytes", "source"}

_SPARK_TYPES = {
    "string": pa.string(),
    "boolean": pa.bool_(),
    "int": pa.int32(),
    "bigint": pa.int64(),
    "double": pa.float64(),
    "array<string>": pa.list_(pa.string()),
    "map<string,string>": pa.map_(pa.string(), pa.string()),
}


def document_schema(spec: SourceSpec) -> pa.Schema:
    """The columns of a source's rows; `spec` is the one that pinning gave back.

    A row is one of three: a document (`text` is there, `rejected` is null), a reject (`text`, `text_hash`
    and `doc_id` are null, `rejected` says why), or, last in each unit, a marker (`marker` is true,
    `records`, `documents` and `bytes_in` are the unit's; all else is null but file_id, part and parts).
    records = documents + rejects. Raises SourceError for a column of the user's that cannot be one.
    """
    fields = [pa.field(name, kind) for name, kind in _BEFORE_LANG]
    if "lang" in spec.columns:
        fields.append(pa.field("lang", pa.string()))
    fields.append(pa.field("rejected", REJECTED))
    for name, value in spec.user_columns.items():
        if name in RESERVED:
            raise SourceError(
                f"source {spec.name}: {name} is a column of every document", remedy="give the column another name"
            )
        fields.append(_user_field(spec, name, value))
    return pa.schema(fields)


def _user_field(spec: SourceSpec, name: str, value: Field | Literal | Call) -> pa.Field:
    if isinstance(value, Field):
        return spec.schema.field(value.name).with_name(name).remove_metadata()
    if isinstance(value, Literal):
        return pa.field(name, pa.scalar(value.value).type)
    return pa.field(name, _SPARK_TYPES[spec.operators[value.operator].columns[0].type])


class Rows:
    """Makes rows of the records of one unit and hands them out as batches, the marker last."""

    def __init__(self, spec: SourceSpec, *, file_id: str, path: str, part: int, parts: int):
        self.spec = spec
        self.schema = document_schema(spec)
        self.unit = {"file_id": file_id, "part": part, "parts": parts}
        self.path = path
        self.calls = Calls(spec)
        self.columns = Columns(spec, self.calls)
        self.records = self.documents = self.bytes_in = 0

    def batches(self, records: Iterator[Record], rows: int, size: int) -> Iterator[pa.RecordBatch]:
        """All records as batches of at most `rows` rows that end once they hold `size` bytes; then the marker."""
        held: list[Record] = []
        held_bytes = 0
        for record in records:
            held.append(record)
            held_bytes += record.size
            if len(held) >= rows or held_bytes >= size:
                yield self._batch(held)
                held, held_bytes = [], 0
        if held:
            yield self._batch(held)
        yield self._marker()

    def _marker(self) -> pa.RecordBatch:
        counts = {"records": self.records, "documents": self.documents, "bytes_in": self.bytes_in}
        return pa.RecordBatch.from_pylist([self.unit | {"marker": True} | counts], schema=self.schema)

    def _batch(self, records: Sequence[Record]) -> pa.RecordBatch:
        drafts = [Draft(record) for record in records]
        self.calls.run(drafts, self.path)
        for draft in drafts:
            self.columns.fill(draft)
        batch = self._arrow(drafts)
        self.records += len(records)
        self.documents += len(records) - batch.column("text").null_count
        self.bytes_in += sum(record.size for record in records)
        return batch

    def _arrow(self, drafts: Sequence[Draft]) -> pa.RecordBatch:
        n, at = len(drafts), self.spec.at
        keys = pa.array([d.key for d in drafts], pa.string())
        text = pa.array([d.text if d.reason is None else None for d in drafts], pa.string())
        urls = pa.array([d.made.get("url") for d in drafts], pa.string())
        origins, hashes = origin_ids(self.spec.namespace, keys), text_hashes(text)
        rejected = [None if d.reason is None else (*d.reason, at) for d in drafts]
        made = {
            **{name: pa.array([value] * n, self.schema.field(name).type) for name, value in self.unit.items()},
            "record": pa.array([d.record.position for d in drafts], pa.int64()),
            "marker": pa.array([False] * n),
            "doc_id": doc_ids(origins, hashes),
            "origin_id": origins,
            "raw_hash": pa.array([d.record.hash for d in drafts], pa.string()),
            "record_key": keys,
            "text": text,
            "text_hash": hashes,
            "bytes": pa.array([d.record.size for d in drafts], pa.int64()),
            "url": urls,
            "url_id": url_ids(urls),
            "domain": registered_domains(urls),
            "meta": pa.array([sorted(d.meta.items()) for d in drafts], self.schema.field("meta").type),
            "rejected": pa.array(rejected, REJECTED),
        }
        arrays = [
            made[column.name]
            if column.name in made
            else pa.array([d.made.get(column.name) for d in drafts], column.type)
            for column in self.schema
        ]
        return pa.RecordBatch.from_arrays(arrays, schema=self.schema)
