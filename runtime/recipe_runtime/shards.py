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


def made_by(spark, uri: str) -> dict[str, str]:
    """file_id → the run whose rows count."""
    from pyspark.sql import functions as F

    if not tables.exists(uri):
        return {}
    markers = spark.read.format("delta").load(uri).where("marker")
    return {r.file_id: r.run_id for r in markers.groupBy("file_id").agg(F.min("run_id").alias("run_id")).collect()}


def ensure(job, uri: str, files: Sequence[Any], make: Callable[[list[Any]], Any], statistics: Sequence[str]) -> int:
    """Makes the rows of the files that have none yet; returns how many files that were.

    `make(files)` gives a frame with `file_id` and `marker` that ends with a marker row per file.
    """
    from pyspark.sql import functions as F

    done = made_by(job.spark, uri)
    pending = [file for file in files if file.file_id not in done]
    for group in groups(pending):
        frame = make(group).withColumn("run_id", F.lit(job.run_id))
        tables.writer(frame, uri, statistics=statistics, note=job.note()).mode("append").save()
        failpoint("shard")
    return len(pending)


def rows(job, uri: str, files: Sequence[Any]):
    """The rows of `files` that count, markers included."""
    from pyspark.sql import functions as F

    done = made_by(job.spark, uri)
    frame = job.spark.read.format("delta").load(uri)
    pairs = sorted((file.file_id, done[file.file_id]) for file in files)
    chosen = F.broadcast(job.spark.createDataFrame(pairs, "file_id string, run_id string"))
    return frame.join(chosen, ["file_id", "run_id"], "left_semi")
