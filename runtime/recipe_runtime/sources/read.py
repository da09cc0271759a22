"""What a worker does with one unit of work: read its records, hand out document rows."""

from __future__ import annotations

import importlib
import os
from collections.abc import Iterator

import pyarrow as pa

from recipe_runtime.lake_fs import lake_fs
from recipe_runtime.sources.documents import BATCH_BYTES, ROWS, Rows
from recipe_runtime.sources.pin import Unit
from recipe_runtime.sources.spec import SourceError, SourceSpec


def read_unit(unit: Unit, spec: SourceSpec, *, rows: int = ROWS, size: int = BATCH_BYTES) -> Iterator[pa.RecordBatch]:
    """The rows of one unit as batches of `document_schema(spec)`, its marker row last.

    A batch ends with the record that brings it to `rows` rows or `size` bytes of raw records; what a row
    holds does not depend on either. `spec` is the one of the Pinned that the unit comes from.
    """
    _check_unchanged(unit, spec)
    module, _, function = spec.run.partition(":")
    records = getattr(importlib.import_module(module), function)(unit, spec)
    made = Rows(spec, file_id=unit.file.file_id, path=unit.file.path, part=unit.part, parts=unit.parts)
    yield from made.batches(records, rows, size)


def _check_unchanged(unit: Unit, spec: SourceSpec) -> None:
    """Raises SourceError where the file is not the one that was pinned, as far as size and time tell."""
    fs, path = lake_fs(unit.file.uri)
    try:
        info = fs.info(path)
    except FileNotFoundError as error:
        raise SourceError(
            f"source {spec.name}: {unit.file.uri} is gone since the run began",
            remedy="put it back and run again, or run again without it",
        ) from error
    # fsspec gives the time of a local file in seconds, so it is asked for itself.
    modified = None if unit.file.modified is None else os.stat(path).st_mtime_ns
    if (info["size"], modified) != (unit.file.size, unit.file.modified):
        raise SourceError(
            f"source {spec.name}: {unit.file.uri} changed while the run was reading it",
            remedy="run again once it is written",
        )
