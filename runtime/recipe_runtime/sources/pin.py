"""Pinning: which files a source is made of when the run begins, each by size and checksum.

A source is pinned once for all steps of a run. Files are found in a fixed order, equal ones are read
once, and a local file's checksum is remembered by path, size and time of change.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping, MutableMapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from hashlib import sha256
from typing import Any

from recipe_udfs.identity import file_id

from recipe_runtime.lake_fs import lake_fs, scheme
from recipe_runtime.sources.documents import document_schema
from recipe_runtime.sources.schema import agreed, check_fields, compare_schemas, names, spark_schema
from recipe_runtime.sources.spec import SourceError, SourceSpec
from recipe_runtime.sources.units import TARGET, File, Unit, split

__all__ = ["File", "Pinned", "Unit", "compare_schemas", "pin", "units"]

SUFFIXES = {
    "warc": (".warc", ".warc.gz"),
    "jsonl": tuple(name + end for name in (".jsonl", ".ndjson", ".json") for end in ("", ".gz", ".zst")),
    "parquet": (".parquet", ".pq"),
    "csv": tuple(name + end for name in (".csv", ".tsv") for end in ("", ".gz", ".zst")),
}
"""What is taken of a folder; a glob or a file that is named may have any name."""

FRESH_NS = 2_000_000_000
"""A file changed less than two seconds ago may change again under the same time of change, so its checksum
is not remembered."""


@dataclass(frozen=True)
class Pinned:
    """A source as this run reads it. `spec` has the schema filled in and is the one to read with."""

    spec: SourceSpec
    files: tuple[File, ...]
    schema: Mapping[str, str]
    notes: tuple[str, ...] = ()
    table: tuple[str, int] | None = None  # Delta: (table id, version)

    def pins(self) -> dict[str, Any]:
        """What enters step digests: content, no path and no order."""
        used = {name: kind for name, kind in self.schema.items() if name in self.spec.fields()}
        pinned = {"table": list(self.table)} if self.table else {"files": sorted(f.file_id for f in self.files)}
        return pinned | {"schema": used}

    def record(self) -> dict[str, Any]:
        """What a run keeps, as JSON values: to reproduce it, to trace a row to its file, to compare schemas."""
        files = [
            {"uri": f.uri, "size": f.size, "checksum": f.checksum, "file_id": f.file_id, "also": list(f.also)}
            for f in self.files
        ]
        return {"files": files, "schema": dict(self.schema), "table": list(self.table) if self.table else None}


def pin(
    spec: SourceSpec, known_checksums: MutableMapping[str, str], found_some: Callable[[], None] | None = None
) -> Pinned:
    """Finds and identifies the input of a source now; reads file footers, headers or first records.

    `known_checksums` is looked up and added to under `size:mtime_ns:path`; `found_some` is called once there are files,
    before their bytes are looked at, which may take long. Raises SourceError: a path that
    finds nothing, files whose columns differ, a column that is not there or is named like a document's own, a
    table that cannot be read.
    """
    spec.check()
    if spec.operator == "delta":
        from recipe_runtime.sources import delta

        table, schema, files = delta.snapshot(spec)
        notes: list[str] = []
    else:
        table = None
        found, notes = _found(spec)
        if found_some:
            found_some()
        with ThreadPoolExecutor(os.cpu_count()) as pool:  # hashing lets go of the interpreter
            files, repeated = _once(list(pool.map(lambda each: _identified(spec, *each, known_checksums), found)))
        notes += repeated
        schema, files = _inspect(spec, files)
    if spec.operator in ("parquet", "csv", "delta"):
        check_fields(spec, schema)
    spec = replace(spec, schema=spark_schema(spec, schema))
    document_schema(spec)
    return Pinned(spec, tuple(files), names(spec.schema), tuple(notes), table)


def units(pinned: Pinned, target: int = TARGET) -> list[Unit]:
    """All units of a source, file by file."""
    return [unit for file in pinned.files for unit in split(file, target)]


# ---- finding -------------------------------------------------------------------------------------


def _found(spec: SourceSpec) -> tuple[list[tuple[str, str]], list[str]]:
    """((URI, path as the recipe sees it) of each file, sorted; notes on what was left out)."""
    asked = spec.args["path"]
    found: dict[str, str] = {}
    notes: list[str] = []
    for pattern in [asked] if isinstance(asked, str) else asked:
        fs, place = lake_fs(pattern)
        matches, left_out = _matches(spec, fs, place)
        if not matches:
            raise SourceError(
                f"source {spec.name}: no file at {pattern}" + (f" (looked at {place})" if place != pattern else ""),
                remedy="check the path; a relative one starts where the job was started"
                + (f". {left_out} files there have another kind of name" if left_out else ""),
            )
        if left_out:
            notes.append(
                f"{left_out} files in {place} are left out: their names are not those of {spec.operator} files"
            )
        for match in matches:
            found[_uri(fs, pattern, match)] = _seen(pattern, match)
    return sorted(found.items()), notes


def _matches(spec: SourceSpec, fs: Any, place: str) -> tuple[list[str], int]:
    """The files at a place: itself, those below it, or those that match; and how many below it were left out."""
    if fs.isfile(place):
        return [place], 0
    if fs.isdir(place):
        if fs.isdir(f"{place.rstrip('/')}/_delta_log"):
            raise SourceError(
                f"source {spec.name}: {place} is a Delta table, of which not every file is a part",
                remedy=f"read it with delta(…) in place of {spec.operator}(…)",
            )
        below = [path for path in fs.find(place) if not _hidden(path[len(place) :])]
        fitting = [path for path in below if path.endswith(SUFFIXES[spec.operator])]
        return fitting, len(below) - len(fitting)
    return [path for path in fs.glob(place) if fs.isfile(path)], 0


def _hidden(below: str) -> bool:
    """Whether a part of the path begins with `_` or `.`, as Hadoop's tools mark what is not data."""
    return any(part.startswith(("_", ".")) for part in below.split("/") if part)


def _uri(fs: Any, pattern: str, path: str) -> str:
    return path if scheme(pattern) == "file" else fs.unstrip_protocol(path)


def _seen(pattern: str, path: str) -> str:
    """The path that `path_part` counts in: relative where the pattern was, else without the store's name."""
    if scheme(pattern) != "file":
        path = path.partition("/")[2]
    elif not os.path.isabs(pattern) and ":" not in pattern:
        path = os.path.relpath(path)
    return path.encode("utf-8", "replace").decode()


# ---- identifying -----------------------------------------------------------------------------------


def _identified(spec: SourceSpec, uri: str, seen: str, known: MutableMapping[str, str]) -> File:
    fs, path = lake_fs(uri)
    try:
        info = fs.info(path)
        size, modified = info["size"], None
        if scheme(uri) == "file":
            modified = os.stat(path).st_mtime_ns
            checksum = _remembered(f"{size}:{modified}:{path}", modified, known, partial(_sha256, fs, path))
        else:
            checksum = info.get("ETag") or info.get("etag") or _sha256(fs, path)
    except OSError as error:
        raise SourceError(
            f"source {spec.name}: {uri} cannot be read ({error})", remedy="mend its permissions, or leave it out"
        ) from error
    said = f"{checksum}\n{seen}" if spec.reads_path else checksum
    return File(uri, seen, size, checksum, file_id(size, said), modified)


def _remembered(key: str, modified: int, known: MutableMapping[str, str], compute: Any) -> str:
    if key in known:
        return known[key]
    checksum = compute()
    if time.time_ns() - modified > FRESH_NS:
        known[key] = checksum
    return checksum


def _sha256(fs: Any, path: str) -> str:
    digest = sha256()
    with fs.open(path, "rb") as file:
        while data := file.read(1 << 20):
            digest.update(data)
    return digest.hexdigest()


def _once(files: list[File]) -> tuple[list[File], list[str]]:
    """Equal files as one, which names the others; and a note on each."""
    first: dict[str, File] = {}
    also: dict[str, list[str]] = {}
    notes = []
    for file in files:
        if file.file_id in first:
            also.setdefault(file.file_id, []).append(file.uri)
            notes.append(f"{file.uri} equals {first[file.file_id].uri} and is read once")
        else:
            first[file.file_id] = file
    return [replace(file, also=tuple(also.get(file.file_id, ()))) for file in first.values()], notes


# ---- looking inside --------------------------------------------------------------------------------


def _inspect(spec: SourceSpec, files: list[File]) -> tuple[Any, list[File]]:
    """The schema of the files, and the files with what their parts are cut by."""
    if spec.operator == "parquet":
        from recipe_runtime.sources import tables

        looked = [tables.footer(spec, file) for file in files]
        return agreed(spec, [(file.uri, schema) for file, schema in looked]), [file for file, _ in looked]
    if spec.operator == "csv":
        from recipe_runtime.sources import csv_rows

        return agreed(spec, [(file.uri, csv_rows.header(spec, file.uri)) for file in files]), files
    if spec.operator == "jsonl":
        from recipe_runtime.sources import jsonl

        looked = [replace(file, seekable=jsonl.seekable(file.uri)) if file.size >= TARGET else file for file in files]
        return jsonl.types([file.uri for file in files], spec.fields(), spec.max_bytes), looked
    from recipe_runtime.sources import warc

    return warc.SCHEMA, files
