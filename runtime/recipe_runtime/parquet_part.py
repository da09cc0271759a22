"""A Parquet file of a relation, written by a Python worker, and what Delta's log has to know of it.

Arrow goes to the file as it is; through Spark's own writer every row would become a JVM row first, which took three
times as long as the rest of reading a document.
"""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Callable, Sequence
from typing import Any

from recipe_runtime.lake_fs import lake_fs

GROUP_BYTES = 32 * 1024 * 1024
"""Bytes of Arrow data that make a row group: what a writer holds."""


class Part:
    """One file in a table's folder, begun with its first row; without rows there is none.

    `statistics` are the string columns whose smallest and largest value the log keeps; `seen`, if given, is called
    with the rows of each row group. A file that is not finished stays behind as one that no version names.
    """

    def __init__(
        self, uri: str, schema: Any, statistics: Sequence[str], seen: Callable[[Any], None] = lambda rows: None
    ):
        self.uri, self.schema, self.seen = uri, schema, seen
        self.name = f"part-{uuid.uuid4()}.zstd.parquet"
        self.rows = 0
        self._bounds: dict[str, tuple[str, str]] = {}
        self._statistics = [name for name in statistics if name in schema.names]
        self._held: list[Any] = []
        self._bytes = 0
        self._writer: Any = None

    def write(self, batch: Any) -> None:
        """Adds rows, whose columns are those of `schema`."""
        self._held.append(batch)
        self._bytes += batch.nbytes
        self.rows += batch.num_rows
        if self._bytes >= GROUP_BYTES:
            self.flush()

    def finish(self) -> dict[str, Any] | None:
        """Closes the file: its name, size and statistics as Delta's `add` has them; None where there were no rows."""
        self.flush()
        if self._writer is None:
            return None
        self._writer.close()
        self._file.close()
        fs, folder = lake_fs(self.uri)
        low = {name: least for name, (least, _) in self._bounds.items()}
        high = {name: most for name, (_, most) in self._bounds.items()}
        stats = {"numRecords": self.rows, "minValues": low, "maxValues": high}
        return {
            "path": self.name,
            "size": fs.size(f"{folder.rstrip('/')}/{self.name}"),
            "stats": json.dumps(stats),
            "at": int(time.time() * 1000),
        }

    def _widen(self, name: str, column: Any) -> None:
        import pyarrow.compute as pc

        found = pc.min_max(column)
        least, most = found["min"].as_py(), found["max"].as_py()
        if least is None:
            return
        if name in self._bounds:
            least, most = min(least, self._bounds[name][0]), max(most, self._bounds[name][1])
        self._bounds[name] = least, most

    @property
    def waiting(self) -> int:
        """Bytes of the rows that are not in the file yet."""
        return self._bytes

    def flush(self) -> None:
        """Makes a row group of the rows that wait."""
        import pyarrow as pa
        import pyarrow.parquet as pq

        if not self._held:
            return
        if self._writer is None:
            fs, folder = lake_fs(self.uri)
            self._file = fs.open(f"{folder.rstrip('/')}/{self.name}", "wb")
            # Ids, texts and figures hardly repeat within a row group: a dictionary of them is built to be thrown away.
            text = (pa.string(), pa.large_string())
            repeating = [field.name for field in self.schema if field.type in text and field.name not in _DISTINCT]
            self._writer = pq.ParquetWriter(
                self._file, self.schema, compression="zstd", use_dictionary=repeating,
                write_statistics=self._statistics, store_schema=False,
            )  # fmt: skip
        rows = pa.Table.from_batches(self._held, schema=self.schema)
        for name in self._statistics:
            self._widen(name, rows.column(name))
        self.seen(rows)
        self._writer.write_table(rows)
        self._held, self._bytes = [], 0


_DISTINCT = frozenset(("text", "doc_id", "origin_id", "text_hash", "raw_hash", "record_key", "url", "url_id"))
