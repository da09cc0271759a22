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
from recipe_runtime.sources.record import Drafts, Record
from recipe_runtime.sources.spec import Call, Field, Literal, SourceError, SourceSpec

ROWS = 10_000
BATCH_BYTES = 8_000_000
"""A batch ends with the record that brings it to this many rows, or bytes of raw records."""

REJECTED = pa.struct([(name, pa.string()) for name in ("rule", "value", "threshold", "at")])

META = pa.map_(pa.string(), pa.string())

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
    ("meta", META),
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
        self.constants = {
            name: pa.scalar(value, self.schema.field(name).type)
            for name, value in (self.unit | {"marker": False}).items()
        }
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
        drafts = Drafts(records)
        self.calls.run(drafts, self.path)
        self.columns.fill(drafts)
        batch = self._arrow(drafts)
        self.records += len(records)
        self.documents += len(records) - batch.column("text").null_count
        self.bytes_in += sum(record.size for record in records)
        return batch

    def _arrow(self, drafts: Drafts) -> pa.RecordBatch:
        records, n = drafts.records, len(drafts.records)
        keys = pa.array(drafts.keys, pa.string())
        text = pa.array(_of_documents(drafts), pa.string())
        origins, hashes = origin_ids(self.spec.namespace, keys), text_hashes(text)
        made = {
            **{name: pa.repeat(value, n) for name, value in self.constants.items()},
            "record": pa.array([record.position for record in records], pa.int64()),
            "doc_id": doc_ids(origins, hashes),
            "origin_id": origins,
            "raw_hash": pa.array([record.hash for record in records], pa.string()),
            "record_key": keys,
            "text": text,
            "text_hash": hashes,
            "bytes": pa.array([record.size for record in records], pa.int64()),
            "meta": pa.array([sorted(meta.items()) if meta else () for meta in drafts.metas], META),
        }
        for name, values in drafts.made.items():
            made[name] = pa.array(values, self.schema.field(name).type)
        if "url" in made:
            made["url_id"], made["domain"] = url_ids(made["url"]), registered_domains(made["url"])
        if any(drafts.reasons):
            at = self.spec.at
            reasons = [None if reason is None else (*reason, at) for reason in drafts.reasons]
            made["rejected"] = pa.array(reasons, REJECTED)
        arrays = [made[f.name] if f.name in made else pa.nulls(n, f.type) for f in self.schema]
        return pa.RecordBatch.from_arrays(arrays, schema=self.schema)


def _of_documents(drafts: Drafts) -> list[str | None]:
    """The texts, but for those of rows that became rejects after their text was found."""
    if not any(drafts.reasons):
        return drafts.texts
    return [None if reason else text for text, reason in zip(drafts.texts, drafts.reasons, strict=True)]
