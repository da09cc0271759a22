"""jsonl: one JSON object a line; plain, .gz or .zst. A plain file may be read in parts."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import Any

import orjson
import pyarrow as pa
from recipe_udfs.identity import raw_hash

from recipe_runtime.lake_fs import lake_fs
from recipe_runtime.sources.record import Record
from recipe_runtime.sources.spec import SourceSpec
from recipe_runtime.sources.streams import Line, chunks, compressed, lines, plain_chunks
from recipe_runtime.sources.values import JSON, UNSEEN, shown

SAMPLE = 100
"""Records, from the first file on, whose fields tell the types of the columns."""

BOM = b"\xef\xbb\xbf"


def records(unit: Any, spec: SourceSpec) -> Iterator[Record]:
    """The records of a file, or those whose first byte lies in the unit's byte range. A line of white space
    is no record. `position` is the byte offset of the line, decompressed."""
    for line in _lines(unit.file.uri, spec.max_bytes, unit.start, unit.end):
        if line.data is None or not _blank(line.data):
            yield _record(line, spec.max_bytes)


def _lines(uri: str, limit: int, start: int = 0, end: int | None = None) -> Iterator[Line]:
    fs, path = lake_fs(uri)
    with fs.open(path, "rb") as file:
        if start == 0:
            found = lines(chunks(file), limit)
        else:  # the line that holds the byte before `start` belongs to the part before
            file.seek(start - 1)
            found = lines(plain_chunks(file), limit, start - 1)
            next(found, None)
        for line in found:
            if end is not None and line.offset >= end:
                return
            yield line


def seekable(uri: str) -> bool:
    """Whether a file can be read from any line on."""
    fs, path = lake_fs(uri)
    with fs.open(path, "rb") as file:
        return not compressed(file)


def _blank(data: bytes) -> bool:
    return not data or data.isspace()


def _record(line: Line, limit: int) -> Record:
    if line.data is None:
        if line.damage:
            reason = (line.damage.rule, f"at byte {line.offset}: {line.damage.detail}", "")
        else:
            reason = ("too_large", str(line.size), str(limit))
        return Record(line.offset, line.size, line.hash, reason=reason)
    data, digits = line.data, raw_hash(line.data)
    if line.offset == 0:
        data = data.removeprefix(BOM)
    try:
        found = orjson.loads(data)
    except orjson.JSONDecodeError as error:
        return Record(line.offset, line.size, digits, reason=_why(data, error))
    if isinstance(found, dict):
        return Record(line.offset, line.size, digits, found)
    return Record(line.offset, line.size, digits, reason=("wrong_type", f"record: {shown(found)}", "object"))


def _why(data: bytes, error: orjson.JSONDecodeError) -> tuple[str, str, str]:
    """What a line that does not parse has wrong: its bytes, its surrogates, or its JSON."""
    try:
        text = data.decode()
    except UnicodeDecodeError as wrong:
        return "invalid_utf8", f"byte 0x{data[wrong.start]:02x} at {wrong.start}", ""
    try:
        json.dumps(json.loads(text), ensure_ascii=False).encode()
    except UnicodeEncodeError as wrong:
        return "invalid_utf8", f"lone surrogate U+{ord(wrong.object[wrong.start]):04X}", ""
    except (ValueError, RecursionError):
        pass
    return "invalid_json", shown(f"{error.msg} at character {error.pos}: {text[error.pos : error.pos + 20]}"), ""


def types(uris: Iterable[str], names: Iterable[str], limit: int) -> pa.Schema:
    """The types of the named fields in the first 100 records, file by file.

    Numbers are bigint where all are integers, else double; lists of strings stay lists; objects, other
    lists and mixtures are kept as JSON text. A field that is not there or always null is a string too, of
    which what is no string will be kept as JSON text.
    """
    seen: dict[str, set[type]] = {name: set() for name in names}
    texts_only: dict[str, bool] = dict.fromkeys(seen, True)
    for values in islice(_objects(uris, limit), SAMPLE):
        for name in seen:
            value = values.get(name)
            if value is not None:
                seen[name].add(type(value))
                texts_only[name] &= not isinstance(value, list) or all(isinstance(each, str) for each in value)
    return pa.schema([_field(name, kinds, texts_only[name]) for name, kinds in seen.items()])


def _objects(uris: Iterable[str], limit: int) -> Iterator[Mapping[str, Any]]:
    for uri in uris:
        for line in _lines(uri, limit):
            if line.data is not None and (values := _record(line, limit).values):
                yield values


def _field(name: str, kinds: set[type], texts_only: bool) -> pa.Field:
    if kinds == {bool}:
        return pa.field(name, pa.bool_())
    if kinds == {int}:
        return pa.field(name, pa.int64())
    if kinds and kinds <= {int, float}:
        return pa.field(name, pa.float64())
    if kinds == {list} and texts_only:
        return pa.field(name, pa.list_(pa.string()))
    if kinds == {str}:
        return pa.field(name, pa.string())
    return pa.field(name, pa.string(), metadata=JSON if kinds else UNSEEN)
