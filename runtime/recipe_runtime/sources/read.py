"""What a worker does with one unit of work: read its records, hand out document rows."""

from __future__ import annotations

import importlib
from collections.abc import Iterator

import pyarrow as pa

from recipe_runtime.sources.documents import BATCH_BYTES, ROWS, Rows
from recipe_runtime.sources.pin import Unit
from recipe_runtime.sources.spec import SourceSpec


def read_unit(unit: Unit, spec: SourceSpec, *, rows: int = ROWS, size: int = BATCH_BYTES) -> Iterator[pa.RecordBatch]:
    """The rows of one unit as batches of `document_schema(spec)`, its marker row last.

    A batch ends with the record that brings it to `rows` rows or `size` bytes of raw records; what a row
    holds does not depend on either. `spec` is the one of the Pinned that the unit comes from.
    """
    module, _, function = spec.run.partition(":")
    records = getattr(importlib.import_module(module), function)(unit, spec)
    made = Rows(spec, file_id=unit.file.file_id, path=unit.file.path, part=unit.part, parts=unit.parts)
    yield from made.batches(records, rows, size)
