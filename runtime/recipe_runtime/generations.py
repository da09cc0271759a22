"""`generations`: what landed is folded in by key, and what is missing is found by key.

A key has exactly one row for ever: the fold is an insert-only MERGE, repeated where another run wrote at the
same time. The miss search reads the key column of the call classes asked, and nothing else.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import reduce
from threading import Event, Thread
from typing import Any

from recipe_runtime import delta_files, landing, tables

OLD = 600.0
"""Seconds without a sign of life after which a run's landed answers are tidied away once they are folded."""
SIGN = 60.0
"""Seconds between two signs of life."""


@contextmanager
def alive(job: Any) -> Iterator[None]:
    """Says that the run is alive for as long as it calls, so that no other run tidies away what it lands."""
    ended = Event()

    def say() -> None:
        while not ended.wait(SIGN):
            landing.keep_alive(job.lake.uri, job.run_id)

    landing.keep_alive(job.lake.uri, job.run_id)
    thread = Thread(target=say, name="signs of life", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def ensure_table(job: Any, table: tables.Table) -> str:
    """The URI of one of the lake's tables, made empty where there is none."""
    uri = job.lake.table(table.name)
    if not tables.exists(uri):
        frame = job.spark.createDataFrame([], table.columns)
        out = tables.writer(frame, uri, statistics=table.statistics, note=job.note(), partition=table.partition)
        out.mode("ignore").save()
    return uri


def ready(job: Any) -> None:
    """Makes `generations` where there is none, and gives one that an earlier recipec made the columns it lacks."""
    from deltalake import DeltaTable, Schema

    table = DeltaTable(ensure_table(job, tables.GENERATIONS))
    there = {field.name for field in table.schema().fields}
    columns = Schema.from_arrow(landing.schema()).fields
    lacking = [field for field in columns if field.name not in there]
    if lacking:
        table.alter.add_columns(lacking)


def fold(job: Any, run_id: str) -> int:
    """Puts the answers that a run landed into `generations`; how many files of them there were."""
    files = landing.files(job.lake.uri, run_id)
    if not files:
        return 0
    from delta.tables import DeltaTable
    from pyspark.sql import functions as F

    uri = job.lake.table(tables.GENERATIONS.name)
    source = _landed_frame(job, files).dropDuplicates(["key"])
    # Literals, so that the merge reads the partitions of these classes and no others.
    classes = sorted(row.call_class for row in source.select("call_class").distinct().collect())
    same = F.col("t.call_class").isin(classes) & (F.col("t.call_class") == F.col("s.call_class"))

    def once() -> None:
        table = DeltaTable.forPath(job.spark, uri)
        merge = table.alias("t").merge(source.alias("s"), same & (F.col("t.key") == F.col("s.key")))
        merge.whenNotMatchedInsertAll().execute()

    again_on_conflict(once)
    return len(files)


def _landed_frame(job: Any, files: Sequence[str]) -> Any:
    """What these files hold, as a frame: read by the executors, file by file."""
    from pyspark.sql.types import StructType

    from recipe_runtime.arrow import arrow_schema

    struct = StructType.fromDDL(tables.GENERATIONS.columns)
    task = landing.ReadLanded(tuple(files), job.lake.uri, arrow_schema(struct))
    numbers = job.spark.range(0, len(files), 1, min(len(files), 64))
    return numbers.mapInArrow(task, struct)


def fold_left_over(job: Any) -> None:
    """Folds what earlier runs landed and did not fold; of runs without a sign of life it is then tidied away."""
    for run_id in landing.folders(job.lake.uri):
        if run_id == job.run_id:
            continue
        if fold(job, run_id):
            job.progress.line(f"answers that run {run_id} had landed are kept")
        alive = landing.last_alive(job.lake.uri, run_id)
        if alive is None or time.time() - alive > OLD:
            landing.delete(job.lake.uri, run_id)


def keys(job: Any, classes: Sequence[str]) -> Any:
    """The keys of the generations of some call classes, by the names of their files."""
    uri = job.lake.table(tables.GENERATIONS.name)
    each = [delta_files.read(job.spark, uri, only={"call_class": name}).select("key") for name in classes]
    return reduce(lambda one, other: one.unionAll(other), each)


def of_classes(job: Any, classes: Sequence[str]) -> Any:
    """The generations of some call classes."""
    from pyspark.sql import functions as F

    uri = job.lake.table(tables.GENERATIONS.name)
    return job.spark.read.format("delta").load(uri).where(F.col("call_class").isin(list(classes)))


def again_on_conflict(write: Any, times: int = 10) -> None:
    """Repeats a write that lost against another writer, by Delta's conflict class."""
    from delta.exceptions import DeltaConcurrentModificationException

    for attempt in range(times):
        try:
            write()
            return
        except DeltaConcurrentModificationException:
            if attempt == times - 1:
                raise
            time.sleep(0.2 * 2**attempt)
