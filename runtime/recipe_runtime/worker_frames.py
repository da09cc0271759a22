"""Rows that Python workers make, and frames of them that Spark is told of only when it is asked for one.

A stage of workers needs no Spark session, which takes seconds to begin; a select over one source may go from its files
to its output without one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

Task = Callable[[Iterator[Any]], Iterator[Any]]
"""From Arrow batches to Arrow batches, in a worker."""


@dataclass(frozen=True)
class Tasks:
    """So many tasks, each of which is given its number as the one row of a batch."""

    job: Any
    count: int

    def run(self, task: Task) -> list[dict[str, Any]]:
        """All rows that the tasks make, those of the first task first. What fails a task is raised as Spark says it."""
        from py4j.protocol import Py4JJavaError
        from pyspark.errors.exceptions.captured import convert_exception

        numbers = self.job.context.parallelize(range(self.count), max(1, self.count))
        try:
            return numbers.mapPartitions(_Numbered(task)).collect()
        except Py4JJavaError as error:
            raise convert_exception(error.java_exception) from None

    def frame(self, spark: Any, task: Task, struct: Any) -> Any:
        """A DataFrame of the rows, of `struct`."""
        from recipe_runtime.arrow import arrow_schema

        return spark.range(0, self.count, 1, max(1, self.count)).mapInArrow(_Shaped(task, arrow_schema(struct)), struct)


class LazyFrame:
    """Stands for the DataFrame that `make(spark)` gives, with columns of `struct`; whatever else is asked of it is
    asked of that."""

    def __init__(self, job: Any, struct: Any, make: Callable[[Any], Any]):
        self.job, self.schema, self.make = job, struct, make
        job.context  # noqa: B018 - a script that has a frame goes on with Spark's functions, which need one

    @cached_property
    def frame(self) -> Any:
        """The DataFrame."""
        return self.make(self.job.spark)

    @property
    def columns(self) -> list[str]:
        """Names of the columns."""
        return self.schema.names

    @property
    def dtypes(self) -> list[tuple[str, str]]:
        """(name, type in Spark's DDL) of the columns."""
        return [(field.name, field.dataType.simpleString()) for field in self.schema]

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return getattr(self.frame, name)


@dataclass(frozen=True)
class After:
    """One task after the other."""

    one: Task
    other: Task

    def __call__(self, batches: Iterator[Any]) -> Iterator[Any]:
        return self.other(self.one(batches))


@dataclass(frozen=True)
class _Numbered:
    """A task over the numbers of a partition, its batches as rows."""

    task: Task

    def __call__(self, numbers: Iterator[int]) -> Iterator[dict[str, Any]]:
        from recipe_runtime.without_pandas import without_pandas

        without_pandas()
        import pyarrow as pa

        given = pa.RecordBatch.from_arrays([pa.array(numbers, pa.int64())], names=["id"])
        for batch in self.task(iter([given])):
            yield from batch.to_pylist()


@dataclass(frozen=True)
class _Shaped:
    """A task's batches as Spark takes them: with this schema's types."""

    task: Task
    schema: Any

    def __call__(self, batches: Iterator[Any]) -> Iterator[Any]:
        import pyarrow as pa

        for batch in self.task(batches):
            arrays = [batch.column(field.name).cast(field.type) for field in self.schema]
            yield pa.RecordBatch.from_arrays(arrays, schema=self.schema)
