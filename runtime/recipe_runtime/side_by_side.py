"""Decisions taken by workers, over Arrow: what was made of one source's rows, read side by side from where it lies.

What a select decides over are relations of the same rows: their documents, columns of their texts, texts edited. Joined
by Spark, each would be sent to every task and every row copied after each join; but the workers that made them left
the same rows in files that belong together, mostly in the same order. So a worker reads the files that belong together
and goes on with arrays. Only a dedup looks across files, and what it found is small.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

from recipe_runtime.lake_fs import lake_fs
from recipe_runtime.worker_frames import LazyFrame, Tasks

PLACE = ("file_id", "record")
REASON = ("rule", "value", "threshold", "at")
"""The fields of `rejected`."""

FILE_ROWS = 1_000_000
"""Rows of one file that a worker decides at once: some hundred bytes each of ids and figures, twice."""

PLACED = 20_000_000
"""Rows of decisions whose places the driver looks up, file by file; Spark goes on with more."""


@dataclass(frozen=True)
class Stored:
    """Rows of a row-local step: `columns` of the Parquet files under `uri`. `files`: for each task the names of those
    that have rows of its own."""

    uri: str
    columns: Any
    files: tuple[tuple[str, ...], ...]

    def read(self, task: int | None) -> Any:
        """A table of file_id, record and `columns`; without a task it has no rows."""
        import pyarrow as pa

        names = list(dict.fromkeys([*PLACE, *self.columns.names]))
        schema = pa.schema([(name, pa.string() if name == "file_id" else pa.int64()) for name in PLACE])
        for field in self.columns:
            if field.name not in PLACE:
                schema = schema.append(field)
        found = [] if task is None else [parquet(self.uri, name, names) for name in self.files[task]]
        return pa.concat_tables([schema.empty_table(), *(one.select(schema.names).cast(schema) for one in found)])


class Rows:
    """The rows of one task: Arrow arrays by name, and where each row comes from."""

    def __init__(self, table: Any, task: int | None):
        self.task = task
        self.place = table.select(PLACE).combine_chunks()
        self.arrays: dict[str, Any] = {name: _one(table[name]) for name in table.column_names}

    def __len__(self) -> int:
        return len(self.place)

    def keep(self, mask: Any) -> None:
        """Goes on with the rows for which `mask` is true."""
        self.place = self.place.filter(mask)
        self.arrays = {name: array.filter(mask) for name, array in self.arrays.items()}

    def order(self, at: Any) -> None:
        """The rows in this order, int64[n]."""
        import pyarrow as pa

        places = pa.array(at)
        self.place = self.place.take(places)
        self.arrays = {name: array.take(places) for name, array in self.arrays.items()}

    def beside(self, stored: Stored) -> dict[str, Any]:
        """The columns of another relation for these rows, null where it has no such row: one that fell out because no
        text was left of it. Raises ValueError where it lacks a row that is still alive."""
        import pyarrow.compute as pc

        table = stored.read(self.task).combine_chunks()
        there = table.select(PLACE)
        columns = {name: _one(table[name]) for name in stored.columns.names}
        if there.equals(self.place):
            return columns
        at = _found(self.place, there)
        lost = pc.sum(pc.and_(at.is_null(), self.alive())).as_py()
        if lost:
            raise ValueError(f"{lost} rows are not in {stored.uri}")
        return {name: array.take(at) for name, array in columns.items()}

    def reject(self, mask: Any, reasons: Mapping[str, Any]) -> None:
        """Rows of the mask that are still alive fall out; `reasons`: REASON → a text, or one for each row."""
        import pyarrow as pa
        import pyarrow.compute as pc

        falls = pc.and_(mask, self.alive())
        before = self.arrays["rejected"]
        fields = []
        for i, name in enumerate(REASON):
            said = reasons[name]
            value = pa.scalar(said, pa.string()) if isinstance(said, str) else said.cast(pa.string())
            fields.append(pc.if_else(falls, value, before.field(i)))
        none = pc.and_(pc.invert(falls), pc.is_null(before))
        self.arrays["rejected"] = pa.StructArray.from_arrays(fields, REASON, mask=none)

    def alive(self) -> Any:
        """bool[n]: which rows no rule has rejected."""
        import pyarrow.compute as pc

        return pc.is_null(self.arrays["rejected"])


class Operation(Protocol):
    """One step of the decisions, over the rows of a task."""

    def __call__(self, rows: Rows) -> None: ...


@dataclass(frozen=True)
class SideBySide:
    """What workers decide: rows of `base`, less those without `whole` (a column), then each operation. `wanted`: for
    each task the input files whose rows are of this relation, None where all are."""

    base: Stored
    whole: str | None
    wanted: tuple[frozenset[str], ...] | None
    operations: tuple[Operation, ...] = ()

    def then(self, *operations: Operation) -> SideBySide:
        """With more operations after these."""
        return replace(self, operations=(*self.operations, *operations))

    def rows(self, task: int | None) -> Rows:
        """The rows of a task; of None those of the schema."""
        import pyarrow as pa
        import pyarrow.compute as pc

        rows = Rows(self.base.read(task), task)
        if self.wanted is not None and task is not None:
            rows.keep(pc.is_in(rows.arrays["file_id"], pa.array(sorted(self.wanted[task]), pa.string())))
        if self.whole is not None:
            rows.keep(pc.is_valid(rows.arrays[self.whole]))
        for operation in self.operations:
            operation(rows)
        return rows

    @property
    def schema(self) -> Any:
        """The Arrow schema of the rows."""
        import pyarrow as pa

        return pa.schema([(name, array.type) for name, array in self.rows(None).arrays.items()])

    def __call__(self, batches: Iterator[Any]) -> Iterator[Any]:
        """The rows of the tasks whose numbers are given."""
        import pyarrow as pa

        for batch in batches:
            for task in batch.column(0).to_pylist():
                yield from pa.table(self.rows(task).arrays).to_batches(max_chunksize=10_000)


def parquet(uri: str, name: str, columns: Sequence[str]) -> Any:
    """Columns of one Parquet file."""
    import pyarrow.parquet as pq

    fs, folder = lake_fs(uri)
    with fs.open(f"{folder.rstrip('/')}/{name}", "rb") as file:
        return pq.ParquetFile(file).read(columns=list(columns), use_threads=False)


Places = tuple[tuple[tuple[str, int, int], ...], ...]
"""For each task the (input file, first and last record) of its rows."""


class Decided(LazyFrame):
    """Rows that workers decide by a plan. `family`: the source they come from. `make` is given where Spark reads the
    same otherwise."""

    def __init__(
        self, job: Any, plan: SideBySide, family: Any, places: Places, make: Callable[[Any], Any] | None = None
    ):
        from recipe_runtime.arrow import spark_struct

        struct = spark_struct(plan.schema)
        self.tasks = Tasks(job, len(places))
        super().__init__(job, struct, make or (lambda spark: self.tasks.frame(spark, plan, struct)))
        self.plan, self.family, self.places = plan, family, places


def begun(
    relation: Any,
    first: Operation,
    otherwise: Callable[[], Any],
    *,
    without: Collection[str] = (),
    whole: str | None = None,
) -> Any:
    """What the files of a row-local relation hold after the operation `first`, but for columns `without` and rows
    without `whole`. Where the files do not tell where each record is, or one holds more than FILE_ROWS, `otherwise()`,
    a DataFrame of the same."""
    import pyarrow as pa

    shards = relation.local.shards
    places = shards.places()
    if not places or _most_rows(places, shards.tallies()) > FILE_ROWS:
        return otherwise()
    by_part: dict[str, list[tuple[str, int, int]]] = {}
    for file, part, *span in places:
        by_part.setdefault(part, []).append((file, *span))
    columns = pa.schema([field for field in shards.schema if field.name not in {"run_id", *without}])
    base = Stored(shards.uri, columns, tuple((part,) for part in by_part))
    wanted = None if shards.alone else tuple(frozenset(p[0] for p in some) for some in by_part.values())
    here = tuple(tuple(some) for some in by_part.values())
    plan = SideBySide(base, whole, wanted, (first,))
    return Decided(shards.job, plan, relation.local.family, here, lambda spark: otherwise())


def decided(of: Any, uri: str, first: Operation, otherwise: Callable[[], Any]) -> Any:
    """What a table holds that `of` was written to, after the operation `first`; where workers did not decide that, or
    the table has more than PLACED rows, `otherwise()`, a DataFrame of the same."""
    import pyarrow as pa

    from recipe_runtime import delta_files, tables

    found = None
    if isinstance(of, Decided) and tables.written_rows(uri) <= PLACED:
        found = delta_files.stored(uri)
    if not found:
        return otherwise()
    names, schema = found
    columns = pa.schema([*(schema.field(n) for n in PLACE), *(field for field in schema if field.name not in PLACE)])
    base = Stored(uri, columns, tuple((name,) for name in names))
    places = tuple(_places(parquet(uri, name, PLACE)) for name in names)
    return Decided(of.job, SideBySide(base, None, None, (first,)), of.family, places, lambda spark: otherwise())


def beside(rows: Any, relation: Any, names: Sequence[str]) -> Stored | None:
    """Columns of another relation for the tasks of a frame; None where they cannot be read beside it."""
    import pyarrow as pa

    if not isinstance(rows, Decided) or relation.local is None or relation.waiting:
        return None
    shards = relation.local.shards
    shards.job.locals.made(relation.local)
    places = shards.places() if relation.local.family is rows.family else None
    if not places:
        return None
    spans: dict[str, list[tuple[int, int, str]]] = {}
    for file, part, first, last in places:
        spans.setdefault(file, []).append((first, last, part))
    files = []
    for some in rows.places:
        parts = {
            part: None
            for file, first, last in some
            for low, high, part in spans.get(file, ())
            if low <= last and first <= high
        }
        files.append(tuple(parts))
    return Stored(shards.uri, pa.schema([shards.schema.field(name) for name in names]), tuple(files))


def more(rows: Decided, *operations: Operation) -> Decided:
    """What workers decide of `rows`, with these operations after those of before."""
    return Decided(rows.job, rows.plan.then(*operations), rows.family, rows.places)


def _most_rows(places: Sequence[tuple[str, str, int, int]], tallies: Mapping[str, Any]) -> int:
    """About how many rows the largest file has: those of an input file may lie in several."""
    spread = Counter(file for file, *_ in places)
    rows: Counter[str] = Counter()
    for file, part, _, _ in places:
        rows[part] += tallies[file].records // spread[file] + 1
    return max(rows.values())


def _places(table: Any) -> tuple[tuple[str, int, int], ...]:
    """(input file, first and last record) of the rows of a file."""
    found = table.group_by("file_id", use_threads=False).aggregate([("record", "min"), ("record", "max")])
    return tuple(zip(*(found[n].to_pylist() for n in ("file_id", "record_min", "record_max")), strict=True))


def _one(column: Any) -> Any:
    """A chunked array as one array."""
    import pyarrow as pa

    return column.chunk(0) if column.num_chunks == 1 else pa.concat_arrays([pa.array([], column.type), *column.chunks])


def _found(rows: Any, among: Any) -> Any:
    """int64[n], Arrow: for each of `rows` where it stands `among` others, both by PLACE; null where it does not."""
    import numpy as np
    import pyarrow as pa

    files = pa.chunked_array([*rows["file_id"].chunks, *among["file_id"].chunks]).combine_chunks()
    file = files.dictionary_encode().indices.to_numpy(zero_copy_only=False).astype(np.int64)
    record = np.concatenate([rows["record"].to_numpy(), among["record"].to_numpy()])
    _, number = np.unique(file * (int(record.max(initial=0)) + 1) + record, return_inverse=True)
    wanted, there = number[: len(rows)], number[len(rows) :]
    order = np.argsort(there, kind="stable")
    at = np.searchsorted(there[order], wanted)
    found = np.append(order, -1)[at]
    missing = (found < 0) | (np.append(there, -1)[found] != wanted)
    return pa.array(found, pa.int64(), mask=missing)
