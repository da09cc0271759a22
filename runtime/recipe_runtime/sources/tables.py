"""parquet and delta: rows of Parquet files, a row group at a time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from hashlib import sha256
from typing import Any

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from recipe_udfs.identity import DIGITS

from recipe_runtime.lake_fs import lake_fs
from recipe_runtime.sources.documents import BATCH_BYTES, ROWS
from recipe_runtime.sources.record import Record
from recipe_runtime.sources.spec import SourceError, SourceSpec
from recipe_runtime.sources.units import File
from recipe_runtime.sources.values import shown


def footer(spec: SourceSpec, file: File) -> tuple[File, pa.Schema]:
    """The file with its row groups, and its schema; raises SourceError where it is not Parquet."""
    fs, path = lake_fs(file.uri)
    with fs.open(path, "rb") as opened:
        try:
            parquet = pq.ParquetFile(opened)
        except pa.ArrowInvalid as error:
            raise SourceError(
                f"source {spec.name}: {file.uri} is not a Parquet file ({error})", remedy="mend or remove the file"
            ) from error
        groups = [parquet.metadata.row_group(k) for k in range(parquet.num_row_groups)]
        return replace(file, groups=tuple((g.num_rows, g.total_byte_size) for g in groups)), parquet.schema_arrow


def records(unit: Any, spec: SourceSpec) -> Iterator[Record]:
    """The rows of a unit's row groups; `position` is the row's number in the file.

    The raw record is the row with all its columns, those that the recipe does not name too, so that naming
    one more changes no id; see `_raw`. What cannot be read of a row group is one reject that tells its rows.
    """
    fs, path = lake_fs(unit.file.uri)
    row = unit.first_row
    with fs.open(path, "rb") as opened:
        parquet = pq.ParquetFile(opened, pre_buffer=False, buffer_size=1 << 20)
        for group, (rows, size) in list(enumerate(unit.file.groups))[unit.start : unit.end]:
            step = max(1, min(ROWS, BATCH_BYTES * rows // max(size, 1)))
            end = row + rows
            try:
                for batch in parquet.iter_batches(batch_size=step, row_groups=[group], use_threads=False):
                    yield from _rows(batch, row, unit.file, spec)
                    row += batch.num_rows
            except (pa.ArrowInvalid, OSError) as error:
                yield _unreadable(row, end, error)
            row = end


def _unreadable(first: int, end: int, error: Exception) -> Record:
    where = f"rows {first} to {end - 1}"
    return Record(first, 0, sha256(where.encode()).hexdigest()[:DIGITS], reason=(
        "unreadable_record", f"{where}: {shown(str(error))}", ""
    ))  # fmt: skip


def _rows(batch: pa.RecordBatch, first: int, file: File, spec: SourceSpec) -> Iterator[Record]:
    """The rows in their order; one that is too large is hashed where it lies and never becomes a Python value."""
    sizes = _sizes(batch)
    large = sizes > spec.max_bytes
    if not large.any():
        yield from _fitting(batch, range(first, first + batch.num_rows), file, spec)
        return
    places = iter(_fitting(batch.filter(pa.array(~large)), (first + np.flatnonzero(~large)).tolist(), file, spec))
    for i, size in enumerate(sizes.tolist()):
        if large[i]:
            reason = ("too_large", str(size), str(spec.max_bytes))
            yield Record(first + i, size, _hash_in_place(batch.slice(i, 1)), reason=reason)
        else:
            yield next(places)


def _fitting(batch: pa.RecordBatch, places: Sequence[int], file: File, spec: SourceSpec) -> Iterator[Record]:
    raws = _raw(batch)
    fields = {name: _values(_column(batch, name, file, spec)) for name in spec.fields()}
    for i, place in enumerate(places):
        record = Record(place, len(raws[i]), sha256(raws[i]).hexdigest()[:DIGITS])
        record.values = {name: values[i] for name, values in fields.items()}
        broken = [name for name, value in record.values.items() if value is INVALID]
        if broken:
            record.reason = ("invalid_utf8", f"column {broken[0]}", "")
        yield record


def _sizes(batch: pa.RecordBatch) -> np.ndarray:
    """int64[n]: bytes of the strings and binaries of each row, which are what can be large."""
    sizes = np.zeros(batch.num_rows, np.int64)
    for column in map(_bytes_in_it, batch.columns):
        if _is_bytes(column.type):
            sizes += pc.fill_null(pc.binary_length(column), 0).to_numpy(zero_copy_only=False)
    return sizes


def _hash_in_place(row: pa.RecordBatch) -> str:
    """The hash of `_raw` of one row, without a copy of its strings."""
    digest = sha256()
    for name in sorted(row.schema.names):
        digest.update(_sized(name.encode()))
        cell = _bytes_in_it(row.column(name))[0]
        if not cell.is_valid:
            digest.update(NULL)
        elif _is_bytes(cell.type):
            data = memoryview(cell.as_buffer())
            digest.update(len(data).to_bytes(8, "big"))
            digest.update(data)
        else:
            digest.update(_sized(_json(cell.as_py())))
    return digest.hexdigest()[:DIGITS]


def _column(batch: pa.RecordBatch, name: str, file: File, spec: SourceSpec) -> pa.Array:
    """A column in the type that rows have; a partition's value, or null where this file has no such column."""
    kind = spec.schema.field(name).type
    at = batch.schema.get_field_index(name)
    if at < 0:
        return pa.array([dict(file.partition).get(name)] * batch.num_rows, kind)
    return _as(batch.column(at), kind)


def _as(column: pa.Array, kind: pa.DataType) -> pa.Array:
    """Cast for Spark; nanoseconds are cut to microseconds. Bytes of strings are not looked at here."""
    return column if column.type == kind else column.cast(kind, safe=False)


class _Invalid:
    """Stands for a value that holds bytes which are not UTF-8."""


INVALID = _Invalid()


def _values(column: pa.Array) -> list[Any]:
    try:
        return column.to_pylist()
    except UnicodeDecodeError:
        return [_value(cell) for cell in column]


def _value(cell: pa.Scalar) -> Any:
    try:
        return cell.as_py()
    except UnicodeDecodeError:
        return INVALID


def _raw(batch: pa.RecordBatch) -> list[bytes]:
    """Each row as bytes: for its columns in the order of their names, name and value, each preceded by its
    length as 8 bytes big-endian. Strings and binary are themselves, everything else compact JSON with sorted
    keys (times as ISO 8601, bytes as hex); null is `null` under the length of -1."""
    parts: list[Sequence[bytes]] = []
    for name in sorted(batch.schema.names):
        head = _sized(name.encode())
        column = _bytes_in_it(batch.column(name))
        direct, values = _is_bytes(column.type), column.to_pylist()
        parts.append([head + (NULL if v is None else _sized(v if direct else _json(v))) for v in values])
    return [b"".join(row) for row in zip(*parts, strict=True)]


NULL = b"\xff" * 8 + b"null"


def _is_bytes(kind: pa.DataType) -> bool:
    return pa.types.is_binary(kind) or pa.types.is_large_binary(kind)


def _sized(data: bytes) -> bytes:
    return len(data).to_bytes(8, "big") + data


def _json(value: Any) -> bytes:
    return orjson.dumps(value, default=_plain, option=orjson.OPT_SORT_KEYS | orjson.OPT_NON_STR_KEYS)


def _plain(value: Any) -> str:
    return value.hex() if isinstance(value, bytes) else str(value)


def _bytes_in_it(column: pa.Array) -> pa.Array:
    """The same column with binary in place of strings, because a file may hold any bytes in them."""
    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    kind = _binary(column.type)
    return column if kind == column.type else column.cast(kind)


def _binary(kind: pa.DataType) -> pa.DataType:
    if pa.types.is_string(kind):
        return pa.binary()
    if pa.types.is_large_string(kind) or pa.types.is_string_view(kind):
        return pa.large_binary()
    if pa.types.is_list(kind) or pa.types.is_large_list(kind):
        return type_of_list(kind)(_binary(kind.value_type))
    if pa.types.is_struct(kind):
        return pa.struct([f.with_type(_binary(f.type)) for f in kind])
    if pa.types.is_map(kind):
        return pa.map_(_binary(kind.key_type), _binary(kind.item_type))
    return kind


def type_of_list(kind: pa.DataType) -> Any:
    return pa.large_list if pa.types.is_large_list(kind) else pa.list_
