"""Row-local work, kept by file: groups of input files, one append each, with a marker row per file.

Appends never conflict in Delta, so two runs may both make a file's rows: a reader takes, for each file,
those of the smallest run id that has a marker. A killed run loses the group it was in; a new file makes
only its own.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from recipe_runtime import tables
from recipe_runtime.failpoints import failpoint

SHARD_BYTES = 512 * 1024 * 1024
"""Input bytes in one commit, unless one file has more: what a killed run may have to do again."""


def groups(files: Sequence[Any]) -> Iterator[list[Any]]:
    """Files in order, cut where a group would pass the limit (RECIPEC_SHARD_BYTES changes it)."""
    limit = int(os.environ.get("RECIPEC_SHARD_BYTES", SHARD_BYTES))
    group: list[Any] = []
    size = 0
    for file in files:
        if group and size + file.size > limit:
            yield group
            group, size = [], 0
        group.append(file)
        size += file.size
    if group:
        yield group


class Shards:
    """The rows that one row-local step made of one set of files."""

    def __init__(self, job: Any, uri: str, files: Sequence[Any], statistics: Sequence[str]):
        self.job, self.uri, self.files, self.statistics = job, uri, files, statistics
        self._rows: Any = None

    def ensure(self, make: Callable[[list[Any]], Any]) -> int:
        """Makes the rows of the files that have none yet; returns how many files that were.

        `make(files)` gives a frame with `file_id` and `marker` that ends with a marker row per file.
        """
        from pyspark.sql import functions as F

        done = {file for file, _ in self._markers(self._newest())} if tables.exists(self.uri) else set()
        pending = [file for file in self.files if file.file_id not in done]
        for group in groups(pending):
            frame = make(group).withColumn("run_id", F.lit(self.job.run_id))
            note = self.job.note()
            tables.writer(frame, self.uri, statistics=self.statistics, note=note).mode("append").save()
            failpoint("shard")
        self._rows = None
        return len(pending)

    def rows(self) -> Any:
        """The rows of the files that count, markers included, of the version that is newest when first asked."""
        if self._rows is None:
            self._rows = self._chosen(self._newest())
        return self._rows

    def _newest(self) -> Any:
        """The table pinned to its newest version: a frame over `load(uri)` would also see what comes later."""
        from deltalake import DeltaTable

        version = DeltaTable(self.uri).version()
        return self.job.spark.read.format("delta").option("versionAsOf", version).load(self.uri)

    def _markers(self, frame: Any) -> set[tuple[str, str]]:
        """(file_id, run) of every marker; as many as files, times the runs that made them at once."""
        return {(r.file_id, r.run_id) for r in frame.where("marker").select("file_id", "run_id").collect()}

    def _chosen(self, frame: Any) -> Any:
        from pyspark.sql import functions as F

        markers = self._markers(frame)
        wanted = {file.file_id for file in self.files}
        first: dict[str, str] = {}
        for file, run in sorted(markers, reverse=True):
            first[file] = run
        pairs = {(file, run) for file, run in first.items() if file in wanted}
        if pairs == markers:
            return frame
        chosen = self.job.spark.createDataFrame(sorted(pairs), "file_id string, run_id string")
        return frame.join(F.broadcast(chosen), ["file_id", "run_id"], "left_semi")
