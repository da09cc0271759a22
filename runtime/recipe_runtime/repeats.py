"""Whether a record may be there twice among the documents of a source: asked of 64 bits of each record's id, by one
worker, so that only those that may be are looked at by Spark."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from recipe_runtime.lake_fs import lake_fs
from recipe_runtime.worker_frames import Tasks

ROWS = 50_000_000
"""Rows of which one worker sorts the 64 bits: 1 GB. Of more it is not asked."""


def may_repeat(shards: Any) -> bool:
    """Whether Spark has to look for record keys that are there twice among the rows of `shards`: False only where each
    document has another."""
    places = shards.places()
    if places is None or shards.total().documents > ROWS:
        return True
    by_part: dict[str, set[str]] = {}
    for file, part, _, _ in places:
        by_part.setdefault(part, set()).add(file)
    wanted = None if shards.alone else tuple(frozenset(files) for files in by_part.values())
    (found,) = Tasks(shards.job, 1).run(SameKeys(shards.uri, tuple(by_part), wanted))
    return found["same"]


@dataclass(frozen=True)
class SameKeys:
    """Documents in Parquet files under `uri` → one row: whether two have the same first 64 bits of their origin_id.
    `wanted`: for each Parquet file the input files of which its rows count, None where all do."""

    uri: str
    files: tuple[str, ...]
    wanted: tuple[frozenset[str], ...] | None

    def __call__(self, batches: Iterator[Any]) -> Iterator[Any]:
        import numpy as np
        import pyarrow as pa

        if not sum(batch.num_rows for batch in batches):
            return
        bits = np.concatenate([np.zeros(0, np.uint64), *(self._bits(i) for i in range(len(self.files)))])
        bits.sort()
        same = bool((bits[1:] == bits[:-1]).any())
        yield pa.RecordBatch.from_arrays([pa.array([same])], names=["same"])

    def _bits(self, i: int) -> Any:
        """uint64[documents of a file]."""
        import numpy as np
        import pyarrow as pa
        import pyarrow.compute as pc
        import pyarrow.parquet as pq

        fs, folder = lake_fs(self.uri)
        with fs.open(f"{folder.rstrip('/')}/{self.files[i]}", "rb") as file:
            found = pq.ParquetFile(file).read(columns=["file_id", "origin_id", "text_hash"], use_threads=False)
        some = found["text_hash"].is_valid()
        if self.wanted is not None:
            some = pc.and_(some, pc.is_in(found["file_id"], pa.array(sorted(self.wanted[i]), pa.string())))
        ids = found["origin_id"].filter(some).combine_chunks().cast(pa.large_string())
        bits = np.zeros(len(ids), np.uint64)
        if not len(ids):
            return bits
        offsets = np.frombuffer(ids.buffers()[1], np.int64)[ids.offset : ids.offset + len(ids) + 1]
        digits = np.frombuffer(ids.buffers()[2], np.uint8)[offsets[0] : offsets[-1]].reshape(len(ids), -1)
        for place in range(16):
            digit = digits[:, place]
            value = np.where(digit > ord("9"), digit - (ord("a") - 10), digit - ord("0"))
            bits = bits << np.uint64(4) | value.astype(np.uint64)
        return bits
