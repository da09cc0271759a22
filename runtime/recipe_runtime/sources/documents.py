"""From records to rows: every record becomes one row, a document or a reject with its reason.

Readers give `Record`s; this file turns them into Arrow batches of `document_schema`.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa
from recipe_udfs.domain import registered_domains
from recipe_udfs.identity import doc_ids, hash128_rows, text_hashes, url_ids

from recipe_runtime.sources.spec import Call, Field, Literal, SourceError, SourceSpec
from recipe_runtime.sources.values import Refused, checked_text, converter, key_text, licenses, moment, shown

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


@dataclass(slots=True)
class Record:
    """What a reader found. `values` holds the fields by name, or `reason` why there are none."""

    position: int  # unique within the file: byte offset or row number, as the reader says
    size: int  # bytes of the raw record
    hash: str  # 32 hex digits of SHA-256 of its bytes
    values: Mapping[str, Any] = field(default_factory=dict)
    reason: tuple[str, str, str] | None = None  # rule, value, threshold
    key: str | None = None  # the record's own id, where the format has one
    meta: Mapping[str, str] = field(default_factory=dict)


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
        return spec.schema.field(value.name).with_name(name)
    if isinstance(value, Literal):
        return pa.field(name, pa.scalar(value.value).type)
    return pa.field(name, _SPARK_TYPES[spec.operators[value.operator].columns[0].type])


class Rows:
    """Collects the records of one unit and hands them out as batches, the marker last."""

    def __init__(self, spec: SourceSpec, *, file_id: str, path: str, part: int, parts: int):
        self.spec = spec
        self.schema = document_schema(spec)
        self.unit = {"file_id": file_id, "part": part, "parts": parts}
        self.path = path
        self.records = self.documents = self.bytes_in = 0
        self._calls = _Calls(spec)
        self._converters = {
            name: converter(self.schema.field(name))
            for name, value in spec.user_columns.items()
            if isinstance(value, Field) and spec.operator == "jsonl"  # the others give values of one type
        }
        self._held: list[Record] = []
        self._held_bytes = 0

    def batches(self, records: Iterator[Record], rows: int, size: int) -> Iterator[pa.RecordBatch]:
        """All records as batches of at most `rows` rows that end once they hold `size` bytes; then the marker."""
        for record in records:
            self._held.append(record)
            self._held_bytes += record.size
            if len(self._held) >= rows or self._held_bytes >= size:
                yield self._flush()
        if self._held:
            yield self._flush()
        yield self._marker()

    def _marker(self) -> pa.RecordBatch:
        counts = {"records": self.records, "documents": self.documents, "bytes_in": self.bytes_in}
        return pa.RecordBatch.from_pylist([self.unit | {"marker": True} | counts], schema=self.schema)

    def _flush(self) -> pa.RecordBatch:
        held, self._held, self._held_bytes = self._held, [], 0
        drafts = [_Draft(record) for record in held]
        self._calls.run([draft for draft in drafts if draft.reason is None], self.path)
        for draft in drafts:
            self._fill(draft)
        batch = self._arrow(drafts)
        self.records += len(drafts)
        self.documents += len(drafts) - batch.column("text").null_count
        self.bytes_in += sum(record.size for record in held)
        return batch

    def _fill(self, draft: _Draft) -> None:
        """The document's own columns and the user's. The first thing that is wrong becomes the reason."""
        spec, columns = self.spec, self.spec.columns
        draft.refuse(self._identity, draft, columns)
        if draft.reason is not None:
            return
        draft.refuse(self._text, draft, spec.text)
        if "license" in columns:
            draft.refuse(self._license, draft, columns["license"])
        if "lang" in columns:
            draft.refuse(self._plain, draft, "lang", columns["lang"])
        for name, value in spec.user_columns.items():
            draft.refuse(self._user, draft, name, value)

    def _identity(self, draft: _Draft, columns: Mapping[str, Any]) -> None:
        record = draft.record
        draft.made["url"] = record.values.get("url") if self.spec.operator == "warc" else None
        draft.made["fetched_at"] = record.values.get("fetched_at") if self.spec.operator == "warc" else None
        if draft.reason is not None:
            return
        if "id" in columns:
            draft.key = key_text(self._value(draft, columns["id"]))
        if "url" in columns:
            self._plain(draft, "url", columns["url"])
        if "fetched_at" in columns:
            draft.made["fetched_at"] = moment(self._value(draft, columns["fetched_at"]))

    def _text(self, draft: _Draft, source: Field | Literal | Call) -> None:
        if isinstance(source, Field):
            if source.name not in draft.record.values:
                raise Refused("missing_field", "", source.name)
            draft.text = checked_text(draft.record.values[source.name], self.spec.max_bytes)
            return
        if isinstance(source, Call):
            outputs = self._outputs(draft, source)
            if outputs.get("error"):
                rule, _, value = outputs["error"].partition(":")
                raise Refused(rule, value.strip(), "")
            found = self._value(draft, source)
            if found is None or found == "" or found.isspace():
                raise Refused("no_text", "", "")
        draft.text = checked_text(self._value(draft, source), self.spec.max_bytes)

    def _license(self, draft: _Draft, source: Field | Literal | Call) -> None:
        draft.made["license"] = licenses(self._value(draft, source))
        if isinstance(source, Call):
            draft.meta |= dict(self._outputs(draft, source).get("evidence") or ())

    def _plain(self, draft: _Draft, name: str, source: Field | Literal | Call) -> None:
        value = self._value(draft, source)
        if value is not None and not isinstance(value, str):
            raise Refused("wrong_type", f"{name}: {shown(value)}", "string")
        draft.made[name] = value

    def _user(self, draft: _Draft, name: str, source: Field | Literal | Call) -> None:
        value = self._value(draft, source)
        if name in self._converters and value is not None:
            try:
                value = self._converters[name](value)
            except Refused as refused:
                raise Refused(refused.rule, f"{name}: {refused.value}", refused.threshold) from None
        draft.made[name] = value

    def _value(self, draft: _Draft, source: Field | Literal | Call) -> Any:
        if isinstance(source, Field):
            return draft.record.values.get(source.name)
        if isinstance(source, Literal):
            return source.value
        return next(iter(self._outputs(draft, source).values()))

    def _outputs(self, draft: _Draft, call: Call) -> dict[str, Any]:
        return draft.outputs[self._calls.number(call)]

    def _arrow(self, drafts: Sequence[_Draft]) -> pa.RecordBatch:
        at = self.spec.at
        rejected = [
            None if d.reason is None else dict(zip(REJECTED.names, (*d.reason, at), strict=True)) for d in drafts
        ]
        n = len(drafts)
        keys = pa.array([d.key for d in drafts], pa.string())
        text = pa.array([d.text if d.reason is None else None for d in drafts], pa.string())
        urls = pa.array([d.made.get("url") for d in drafts], pa.string())
        origins = hash128_rows("origin", self.spec.namespace, keys)
        hashes = text_hashes(text)
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
        arrays = []
        for column in self.schema:
            if column.name in made:
                arrays.append(made[column.name].cast(column.type))
            else:
                arrays.append(pa.array([d.made.get(column.name) for d in drafts], column.type))
        return pa.RecordBatch.from_arrays(arrays, schema=self.schema)


class _Draft:
    """A row in the making."""

    __slots__ = ("key", "made", "meta", "outputs", "reason", "record", "text")

    def __init__(self, record: Record):
        self.record = record
        self.reason = record.reason
        self.key = record.key or record.hash
        self.text: str | None = None
        self.made: dict[str, Any] = {}
        self.meta: dict[str, str] = dict(record.meta)
        self.outputs: list[dict[str, Any]] = []

    def refuse(self, step: Any, *arguments: Any) -> None:
        """Runs a step; what it refuses becomes the reason of this row, unless there is one already."""
        try:
            step(*arguments)
        except Refused as refused:
            if self.reason is None:
                self.reason = (refused.rule, refused.value, refused.threshold)


class _Calls:
    """The operator calls of a source, grouped by the function behind them."""

    def __init__(self, spec: SourceSpec):
        self.operators = spec.operators
        self.calls = [value for value in spec.columns.values() if isinstance(value, Call)]

    def number(self, call: Call) -> int:
        """Where the outputs of a call stand in a draft."""
        return next(i for i, each in enumerate(self.calls) if each is call)

    def run(self, drafts: Sequence[_Draft], path: str) -> None:
        """Fills `outputs` of each draft: for each call its operator's columns by name."""
        for draft in drafts:
            draft.outputs = [{} for _ in self.calls]
        if not drafts:
            return
        families: dict[str, list[int]] = {}
        for i, call in enumerate(self.calls):
            families.setdefault(self.operators[call.operator].run, []).append(i)
        for run, members in families.items():
            reads = {name for i in members for name in self.operators[self.calls[i].operator].reads}
            inputs = {name: self._input(name, drafts, path) for name in sorted(reads)}
            answers = _function(run)(inputs, [self.calls[i] for i in members])
            for i, arrays in zip(members, answers, strict=True):
                names = [column.name for column in self.operators[self.calls[i].operator].columns]
                for name, array in zip(names, arrays, strict=True):
                    for draft, value in zip(drafts, array.to_pylist(), strict=True):
                        draft.outputs[i][name] = value

    @staticmethod
    def _input(name: str, drafts: Sequence[_Draft], path: str) -> pa.Array:
        values = [path if name == "path" else draft.record.values.get(name) for draft in drafts]
        return pa.array(values, pa.large_string() if name in ("html", "text") else pa.string())


def _function(path: str) -> Any:
    module, _, name = path.partition(":")
    return getattr(importlib.import_module(module), name)
