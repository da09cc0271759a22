"""Frames whose rows a Python worker makes, and how: who writes them does so in the same task, without Spark between."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any
from weakref import WeakKeyDictionary


@dataclass(frozen=True)
class Worker:
    """`rows` of a frame, and the `task` that makes Arrow batches of them."""

    rows: Any
    task: Callable[[Iterator[Any]], Iterator[Any]]


_WORKERS: WeakKeyDictionary[Any, Worker] = WeakKeyDictionary()


def worked(rows: Any, task: Callable[[Iterator[Any]], Iterator[Any]], struct: Any) -> Any:
    """The frame, of `struct`, that `task` makes of `rows`."""
    from recipe_runtime.arrow import arrow_schema

    made = rows.mapInArrow(Shaped(task, arrow_schema(struct)), struct)
    _WORKERS[made] = Worker(rows, task)
    return made


def worker_of(frame: Any) -> Worker | None:
    """How a frame of `worked` is made; None of any other."""
    return _WORKERS.get(frame)


@dataclass(frozen=True)
class Shaped:
    """A task's batches as Spark takes them: with this schema's types."""

    task: Callable[[Iterator[Any]], Iterator[Any]]
    schema: Any

    def __call__(self, batches: Iterator[Any]) -> Iterator[Any]:
        import pyarrow as pa

        for batch in self.task(batches):
            arrays = [batch.column(field.name).cast(field.type) for field in self.schema]
            yield pa.RecordBatch.from_arrays(arrays, schema=self.schema)
