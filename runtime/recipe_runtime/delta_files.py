"""The files of a Delta table: read by Spark as plain Parquet, written by Python workers, the log left to delta-rs.

Spark's own way unpacks the log in jobs of its own and writes row by row in the JVM. For the relations of a small run
both cost more than all that is computed; for the texts of a large one the rows alone do.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

from recipe_runtime import tables
from recipe_runtime.arrow import arrow_schema
from recipe_runtime.parquet_part import GROUP_BYTES, Part
from recipe_runtime.side_by_side import Decided
from recipe_runtime.worker_frames import After, Tasks

FILES = 1_000
"""Files that Spark is told by name: it asks the store for each, so that the log is quicker where there are more."""

WRITTEN = "file string"
"""What a task gives of each file it wrote, as JSON: what `Part.finish` says, `rows`, `sums`, and its partition's
`values`."""

UNMEASURED = str(2**31 - 1)

VALUES = ("string", "int", "bigint")
"""Types of partition columns whose values a worker can spell for the log."""


def read(spark: Any, uri: str, *, version: int | None = None, only: Mapping[str, Any] | None = None) -> Any:
    """A DataFrame of a table's rows: of the version that is newest now, or of the one named. `only`: the partition
    that is wanted, by column; its columns are left out."""
    from deltalake import DeltaTable
    from pyspark.sql import functions as F
    from pyspark.sql.types import StructType

    table, only = DeltaTable(uri, version=version), only or {}
    files = _files(table, only)
    if files is None:
        frame = spark.read.format("delta").option("versionAsOf", table.version()).load(uri)
        for name, value in only.items():
            frame = frame.where(F.col(name) == F.lit(value)).drop(name)
        return frame
    struct = StructType.fromJson(json.loads(table.schema().to_json()))
    struct = StructType([field for field in struct if field.name not in only])
    if not files:
        return spark.createDataFrame([], struct)
    # Spark takes a path for a pattern.
    folder = re.sub(r"([\\*?\[\]{}])", r"\\\1", uri.rstrip("/"))
    return spark.read.schema(struct).parquet(*(f"{folder}/{name}" for name in files))


def stored(uri: str) -> tuple[tuple[str, ...], Any] | None:
    """Names of the Parquet files of a table's newest version, and the Arrow schema of its rows; None where files alone
    do not tell."""
    from deltalake import DeltaTable
    from pyspark.sql.types import StructType

    table = DeltaTable(uri)
    files = _files(table, {})
    if files is None:
        return None
    return tuple(files), arrow_schema(StructType.fromJson(json.loads(table.schema().to_json())))


def _files(table: Any, only: Mapping[str, Any]) -> list[str] | None:
    """Names of the Parquet files that hold the rows; None where the log has to be read by Spark: files alone do not
    say what is in a table that has features or is partitioned otherwise, and of very many it is better not asked."""
    import pyarrow as pa

    if table.protocol().min_reader_version > 1 or set(table.metadata().partition_columns) != set(only):
        return None
    adds = pa.table(table.get_add_actions(flatten=True)).to_pylist()
    files = [add["path"] for add in adds if all(add[f"partition.{name}"] == value for name, value in only.items())]
    return files if len(files) <= FILES else None


def writable(uri: str, rows: Any, partition: Sequence[str]) -> bool:
    """Whether `write` can make the table hold these rows: it keeps no constraint, and a table its partition."""
    from deltalake import DeltaTable

    kinds = dict(rows.dtypes)
    if not all(kinds[name] in VALUES for name in partition):
        return False
    if not tables.exists(uri):
        return True
    table = DeltaTable(uri)
    return table.protocol().min_writer_version <= 2 and table.metadata().partition_columns == list(partition)


def write(
    rows: Any,
    uri: str,
    *,
    statistics: Sequence[str],
    note: str,
    partition: Sequence[str] = (),
    first: Callable[[Iterator[Any]], Iterator[Any]] | None = None,
    struct: Any = None,
) -> None:
    """Makes a table hold `rows`, a frame or what `Tasks` make, in place of what it held. Each task writes a file for
    each value of `partition`.

    `first` is run by the tasks over their rows before they are written, which then are of `struct`. The files that
    tasks write lie in the table's folder, whatever their partition; only those that the commit names are in the table.
    """
    schema = arrow_schema((struct or rows.schema).toNullable())
    made = write_files(rows, WriteRows(uri, schema, tuple(statistics), tuple(partition), first))
    commit(uri, schema, made, statistics=statistics, note=note, partition=partition)


def write_files(rows: Any, task: WriteRows) -> list[dict[str, Any]]:
    """Has the rows written; what a task tells of each file. They are in no table yet. Rows that a worker makes are
    written by it."""
    if isinstance(rows, Decided):
        first = After(rows.plan, task.first) if task.first else rows.plan
        rows, task = rows.tasks, replace(task, first=first)
    if isinstance(rows, Tasks):
        return [json.loads(row["file"]) for row in rows.run(task)]
    with _unmeasured(rows.sparkSession, rows):
        return [json.loads(row.file) for row in rows.mapInArrow(task, WRITTEN).collect()]


def commit(
    uri: str, schema: Any, made: Sequence[Mapping[str, Any]], *, statistics: Sequence[str], note: str,
    partition: Sequence[str] = (),
) -> None:  # fmt: skip
    """One version of a table, which holds the files `made` (as `WriteRows` tells them) and no others."""
    from deltalake import CommitProperties, DeltaTable, Schema
    from deltalake.transaction import AddAction, create_table_with_add_actions

    adds = [AddAction(one["path"], one["size"], one["values"], one["at"], True, one["stats"]) for one in made]
    delta, properties = Schema.from_arrow(schema), CommitProperties(custom_metadata={"userMetadata": note})
    if tables.exists(uri):
        DeltaTable(uri).create_write_transaction(
            adds, mode="overwrite", schema=delta, partition_by=list(partition), commit_properties=properties
        )
    else:
        create_table_with_add_actions(
            uri, delta, adds, mode="error", partition_by=list(partition), commit_properties=properties,
            configuration=tables.properties(statistics),
        )  # fmt: skip


@contextmanager
def _unmeasured(spark: Any, rows: Any) -> Iterator[None]:
    """Rows of ids and numbers go to workers by the ten thousand: Spark would measure a batch after each of its rows,
    which took a third of the time in which they were decided. Rows with texts are measured."""
    limit = "spark.sql.execution.arrow.maxBytesPerBatch"
    before = spark.conf.get(limit)
    if "text" not in rows.columns:
        spark.conf.set(limit, UNMEASURED)
    try:
        yield
    finally:
        spark.conf.set(limit, before)


@dataclass(frozen=True)
class WriteRows:
    """Rows into Parquet files under `uri`; gives a row of WRITTEN for each. `schema`: what is written, after `first`;
    `sums`: the columns of which each file's sum is told.

    A file without rows is not made. Of several partitions those that wait are written when they hold as much together
    as a row group.
    """

    uri: str
    schema: Any
    statistics: tuple[str, ...] = ()
    partition: tuple[str, ...] = ()
    first: Any = None
    sums: tuple[str, ...] = ()

    def __call__(self, batches: Iterator[Any]) -> Iterator[Any]:
        import pyarrow as pa
        import pyarrow.compute as pc

        kept = pa.schema([field for field in self.schema if field.name not in self.partition])
        parts: dict[tuple[Any, ...], Part] = {}
        sums: dict[tuple[Any, ...], dict[str, int]] = {}
        for batch in self.first(batches) if self.first else batches:
            for values, rows in _by_values(batch, self.partition):
                if values not in parts:
                    parts[values], sums[values] = Part(self.uri, kept, self.statistics), dict.fromkeys(self.sums, 0)
                shaped = [rows.column(field.name).cast(field.type) for field in kept]
                parts[values].write(pa.RecordBatch.from_arrays(shaped, schema=kept))
                for name in self.sums:
                    sums[values][name] += pc.sum(rows.column(name)).as_py() or 0
            if len(parts) > 1 and sum(part.waiting for part in parts.values()) >= GROUP_BYTES:
                for part in parts.values():
                    part.flush()
        files = []
        for values, part in parts.items():
            spelled = {n: None if v is None else str(v) for n, v in zip(self.partition, values, strict=True)}
            files.append({**part.finish(), "rows": part.rows, "sums": sums[values], "values": spelled})
        told = pa.array([json.dumps(file) for file in files], pa.large_string())
        yield pa.RecordBatch.from_arrays([told], names=["file"])


def _by_values(batch: Any, columns: Sequence[str]) -> Iterator[tuple[tuple[Any, ...], Any]]:
    """(values of the columns, the rows that have them), without rows nothing."""
    import pyarrow as pa

    if not columns:
        if batch.num_rows:
            yield (), batch
        return
    placed = pa.Table.from_batches([batch.select(columns)]).append_column("place", pa.array(range(batch.num_rows)))
    grouped = placed.group_by(list(columns), use_threads=False).aggregate([("place", "list")])
    for group in grouped.to_pylist():
        yield tuple(group[name] for name in columns), batch.take(pa.array(group["place_list"]))
