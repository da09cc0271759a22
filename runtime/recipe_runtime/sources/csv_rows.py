"""csv: rows of CSV files with a header line, as RFC 4180 has them; every column is text, empty fields are null."""

from __future__ import annotations

import csv
import sys
from collections.abc import Iterator
from typing import Any

import pyarrow as pa
from recipe_udfs.identity import raw_hash

from recipe_runtime.lake_fs import lake_fs
from recipe_runtime.sources.jsonl import BOM
from recipe_runtime.sources.record import Record
from recipe_runtime.sources.spec import SourceError, SourceSpec
from recipe_runtime.sources.streams import Line, chunks, lines
from recipe_runtime.sources.values import shown


def header(spec: SourceSpec, uri: str) -> pa.Schema:
    """The columns of a file; raises SourceError where its header is missing, empty, or names one twice."""
    fs, path = lake_fs(uri)
    with fs.open(path, "rb") as file:
        names = _Rows(lines(chunks(file), spec.max_bytes), spec).header(uri)
    return pa.schema([(name, pa.string()) for name in names])


def records(unit: Any, spec: SourceSpec) -> Iterator[Record]:
    """The rows behind the header; `position` is the byte offset of the row, decompressed. The raw record is
    the row's bytes, with LF for the line ends within it."""
    fs, path = lake_fs(unit.file.uri)
    with fs.open(path, "rb") as file:
        rows = _Rows(lines(chunks(file), spec.max_bytes), spec)
        yield from rows.records(rows.header(unit.file.uri))


class _Stopped(Exception):
    """The row being read cannot be read whole: it is too large, or the stream is damaged."""

    def __init__(self, line: Line):
        super().__init__()
        self.line = line


class _Rows:
    """Rows of one file. The csv module asks for one line more while a quoted field is open; what it asked for
    since the last row are the raw bytes of this one."""

    def __init__(self, found: Iterator[Line], spec: SourceSpec):
        csv.field_size_limit(sys.maxsize)  # the limit is ours, and in bytes
        self.spec, self.found = spec, found
        self.taken: list[Line] = []
        delimiter, quote = (_character(spec, name) for name in ("delimiter", "quote"))
        self.rows = csv.reader(_Lines(self), delimiter=delimiter, quotechar=quote, strict=True)

    def header(self, uri: str) -> list[str]:
        try:
            names = next(self.rows, [])
        except (_Stopped, csv.Error) as error:
            raise self._no_header(uri, "cannot be read") from error
        if not any(names):
            raise self._no_header(uri, "is missing")
        if len(set(names)) < len(names):
            twice = sorted({name for name in names if names.count(name) > 1})
            raise self._no_header(uri, f"names {', '.join(map(shown, twice))} twice")
        if any(_lone(name) for name in names):
            raise self._no_header(uri, "is not UTF-8")
        return names

    def _no_header(self, uri: str, what: str) -> SourceError:
        return SourceError(
            f"source {self.spec.name}: the header line of {uri} {what}",
            remedy="give every CSV file one line of distinct column names first",
        )

    def records(self, names: list[str]) -> Iterator[Record]:
        while True:
            self.taken = []
            try:
                values = next(self.rows, None)
            except _Stopped as stopped:
                yield self._broken(stopped.line)
                continue
            except csv.Error as error:
                yield self._record(("unreadable_record", shown(str(error)), ""))
                continue
            if values is None:
                return
            if values:  # an empty line is no record
                yield self._whole(names, values)

    def _record(self, reason: tuple[str, str, str] | None = None) -> Record:
        raw = b"\n".join(line.data for line in self.taken)
        return Record(self.taken[0].offset, len(raw), raw_hash(raw), reason=reason)

    def _whole(self, names: list[str], values: list[str]) -> Record:
        record = self._record()
        if len(values) != len(names):
            record.reason = ("wrong_type", f"record: {len(values)} fields", f"{len(names)} fields")
        elif any(map(_lone, values)):
            wrong = next(name for name, value in zip(names, values, strict=True) if _lone(value))
            record.reason = ("invalid_utf8", f"column {wrong}", "")
        else:
            record.values = {name: value or None for name, value in zip(names, values, strict=True)}
        return record

    def _broken(self, last: Line) -> Record:
        raw = b"\n".join(line.data for line in self.taken if line.data is not None)
        first = self.taken[0] if self.taken else last
        size = last.offset + last.size - first.offset
        digits = raw_hash(raw + last.hash.encode())
        if last.damage:
            reason = (last.damage.rule, f"at byte {first.offset}: {last.damage.detail}", "")
        else:
            reason = ("too_large", str(size), str(self.spec.max_bytes))
        return Record(first.offset, size, digits, reason=reason)


def _character(spec: SourceSpec, name: str) -> str:
    value = spec.args[name]
    if len(value) != 1 or value in "\r\n":
        raise SourceError(
            f"source {spec.name}: {name} is {shown(value)!r}", remedy=f'give one character, as in `{name} = ";"`'
        )
    return value


class _Lines:
    """The lines as text; bytes that are not UTF-8 become lone surrogates, which `_whole` finds. An iterator
    that goes on after it has raised, which a generator would not."""

    def __init__(self, rows: _Rows):
        self.rows = rows
        self.held = 0

    def __iter__(self) -> _Lines:
        return self

    def __next__(self) -> str:
        rows = self.rows
        line = next(rows.found)
        if not rows.taken:
            self.held = 0
        if line.data is None:
            raise _Stopped(line)
        self.held += len(line.data) + 1
        if self.held > rows.spec.max_bytes + 1:
            raise _Stopped(self._to_the_end_of_the_quotes(line))
        rows.taken.append(line)
        data = line.data.removeprefix(BOM) if line.offset == 0 else line.data
        return data.decode("utf-8", "surrogateescape") + "\n"

    def _to_the_end_of_the_quotes(self, line: Line) -> Line:
        """Passes over the lines of a quoted field that is too long; the last line of it, with its hash."""
        quote = self.rows.spec.args["quote"].encode()
        digest = raw_hash(line.data)
        while line.data is None or line.data.count(quote) % 2 == 0:
            following = next(self.rows.found, None)
            if following is None:
                break
            line = following
            digest = raw_hash((digest + (line.hash or raw_hash(line.data))).encode())
        return Line(line.offset, line.size, None, digest, line.damage)


def _lone(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return True
    return False
