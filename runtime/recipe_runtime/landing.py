"""Answers land as they come: small files under `<lake>/_recipec/landed/<run>/<partition>/`, before any commit.

A task that dies leaves its answers here, and whoever does its work again reads them first. A file holds at most 256
answers or what came within 5 s; its name is `<n>-<writer>-<checksum>.arrow`: the writer, so that two copies of one
task never write over each other; the checksum, so that a file is read whole or not at all, whatever the store does.
"""

from __future__ import annotations

import hashlib
import os
import re
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from recipe_runtime.arrow import ddl_schema
from recipe_runtime.lake import HOUSE
from recipe_runtime.lake_fs import lake_fs, scheme
from recipe_runtime.tables import GENERATIONS

ROWS = 256
"""Answers of one file."""
SECONDS = 5.0
"""Age of the oldest answer that is not on the store yet."""
ALIVE = "alive"
"""The file by which a run says that it still lands answers."""

_NAME = re.compile(r"\d{6}-[0-9a-f]{8}-([0-9a-f]{16})\.arrow")
_SAFE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:+-]*")


def schema() -> Any:
    """The Arrow schema of an answer: the columns of `generations`."""
    return ddl_schema(GENERATIONS.columns)


class Landing:
    """What one task writes. Not for several threads. After an error of the store its answers are still here, and
    the next `flush_if_due` or `close` tries again."""

    def __init__(self, lake_uri: str, run_id: str, partition: str | int):
        self._uri = lake_uri
        self._fs, root = lake_fs(lake_uri)
        self._folder = _join(root, _part(run_id), _part(str(partition)))
        self._schema = schema()
        self._writer = uuid.uuid4().hex[:8]
        self._rows: list[Mapping[str, Any]] = []
        self._since = 0.0
        self.files = 0
        self.answers = 0

    def add(self, answer_row: Mapping[str, Any]) -> None:
        """Takes an answer, as a mapping of columns of `generations`; a column left out is null. Raises ValueError
        for one that is no column, and OSError with the path where the store takes no file."""
        unknown = answer_row.keys() - set(self._schema.names)
        if unknown:
            raise ValueError(f"no columns of generations: {', '.join(sorted(unknown))}")
        if not self._rows:
            self._since = time.monotonic()
        self._rows.append(answer_row)
        self.flush_if_due()

    def flush_if_due(self) -> None:
        """Writes what is due; to be called about once a second while no answers come."""
        if self._rows and (len(self._rows) >= ROWS or time.monotonic() - self._since >= SECONDS):
            self.flush()

    def flush(self) -> None:
        """Writes what there is."""
        if not self._rows:
            return
        data = _encoded(self._rows, self._schema)
        name = f"{self.files:06d}-{self._writer}-{hashlib.sha256(data).hexdigest()[:16]}.arrow"
        _write(self._fs, self._uri, f"{self._folder}/{name}", data)
        self.files += 1
        self.answers += len(self._rows)
        self._rows = []

    def close(self) -> None:
        self.flush()

    def __enter__(self) -> Landing:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def landed(
    lake_uri: str, run_id: str | None = None, partition: str | int | None = None, columns: Sequence[str] | None = None
) -> Any:
    """What landed, as a table of these `columns` (all): of all runs, of one, or of one partition of one. A key may
    stand in it twice, where a task had a copy. A file that is not whole is left out."""
    import pyarrow as pa

    if partition is not None and run_id is None:
        raise ValueError("a partition is one of a run")
    fs, _ = lake_fs(lake_uri)
    kept = schema() if columns is None else pa.schema([schema().field(name) for name in columns])
    tables = [_read(fs, path) for path in files(lake_uri, run_id, partition)]
    return pa.concat_tables([kept.empty_table(), *(one.select(kept.names) for one in tables if one is not None)])


def files(lake_uri: str, run_id: str | None = None, partition: str | int | None = None) -> list[str]:
    """The files of answers, as paths on the lake's file system, in order."""
    fs, root = lake_fs(lake_uri)
    parts = [_part(run_id)] if run_id is not None else []
    parts += [_part(str(partition))] if partition is not None else []
    fs.invalidate_cache()  # object stores remember listings, and others write here
    return sorted(path for path in fs.find(_join(root, *parts)) if _NAME.fullmatch(_name(path)))


@dataclass(frozen=True)
class ReadLanded:
    """Reads `files` in Spark's workers: the input's rows are indexes into them, the output is of `schema`, which has
    the columns of `generations` in the types that Spark expects."""

    files: Sequence[str]
    lake: str
    schema: Any

    def __call__(self, batches: Iterator[Any]) -> Iterator[Any]:
        fs, _ = lake_fs(self.lake)
        for batch in batches:
            for index in batch.column(0).to_pylist():
                table = _read(fs, self.files[index])
                if table is not None:
                    yield from table.select(self.schema.names).cast(self.schema).to_batches()


def folders(lake_uri: str) -> list[str]:
    """The runs that have something here, by name."""
    fs, root = lake_fs(lake_uri)
    fs.invalidate_cache()
    base = _join(root)
    if not fs.exists(base):
        return []
    return sorted(_name(entry["name"]) for entry in fs.ls(base, detail=True) if entry["type"] == "directory")


def delete(lake_uri: str, run_id: str) -> None:
    """Removes a run's folder; none is as good."""
    fs, root = lake_fs(lake_uri)
    fs.invalidate_cache()
    folder = _join(root, _part(run_id))
    with suppress(FileNotFoundError):
        if fs.exists(folder):
            fs.rm(folder, recursive=True)


def keep_alive(lake_uri: str, run_id: str) -> None:
    """Says that the run is alive now; to be called every minute."""
    fs, root = lake_fs(lake_uri)
    _write(fs, lake_uri, _join(root, _part(run_id), ALIVE), f"{time.time():.3f}\n".encode())


def last_alive(lake_uri: str, run_id: str) -> float | None:
    """When the run last said that it is alive, by its own clock, in seconds since 1970; None where it never did."""
    fs, root = lake_fs(lake_uri)
    try:
        said = fs.cat_file(_join(root, _part(run_id), ALIVE)).decode()
    except FileNotFoundError:
        return None
    # Without its end, a number is only part of one: some stores show a file before it is whole.
    return float(said) if said.endswith("\n") else None


# ---- names and files --------------------------------------------------------------------------------


def _join(root: str, *parts: str) -> str:
    return "/".join([root.rstrip("/"), HOUSE, "landed", *parts])


def _part(name: str) -> str:
    if not _SAFE.fullmatch(name):
        raise ValueError(f"{name!r} cannot be the name of a folder")
    return name


def _name(path: str) -> str:
    return path.rstrip("/").rpartition("/")[2]


def _read(fs: Any, path: str) -> Any:
    """The table in a file, None where the file is not whole, or gone: another run has folded it."""
    import pyarrow as pa

    try:
        data = fs.cat_file(path)
    except FileNotFoundError:
        return None
    if not hashlib.sha256(data).hexdigest().startswith(_NAME.fullmatch(_name(path))[1]):
        return None
    with pa.ipc.open_file(pa.py_buffer(data)) as file:
        table = file.read_all()
    for field in schema():  # an earlier recipec landed fewer columns
        if field.name not in table.column_names:
            table = table.append_column(field, pa.nulls(len(table), field.type))
    return table


def _encoded(rows: Sequence[Mapping[str, Any]], kind: Any) -> bytes:
    import pyarrow as pa

    out = pa.BufferOutputStream()
    options = pa.ipc.IpcWriteOptions(compression="zstd")
    with pa.ipc.new_file(out, kind, options=options) as file:
        file.write_table(pa.Table.from_pylist([dict(row) for row in rows], schema=kind))
    return out.getvalue().to_pybytes()


def _write(fs: Any, uri: str, path: str, data: bytes) -> None:
    """On a disk a temporary file, synchronised and renamed, and its folder synchronised; elsewhere one PUT.

    Raises OSError with the path."""
    if scheme(uri) != "file":
        fs.pipe_file(path, data)
        return
    folder = os.path.dirname(path)
    temporary = f"{path}.{os.getpid()}.part"
    try:
        _make_folder(folder)
        with open(temporary, "wb") as out:
            out.write(data)
            out.flush()
            os.fsync(out.fileno())
        os.replace(temporary, path)
        _sync(folder)
    except OSError as error:
        with suppress(OSError):
            os.unlink(temporary)
        raise OSError(error.errno, error.strerror, path) from error


def _make_folder(folder: str) -> None:
    """Makes a folder and those above it, each on the disk before what stands in it."""
    if os.path.isdir(folder):
        return
    above = os.path.dirname(folder)
    _make_folder(above)
    with suppress(FileExistsError):
        os.mkdir(folder)
    _sync(above)


def _sync(folder: str) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
