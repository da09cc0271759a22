"""Texts of decided rows, fetched from where they lie.

A join by id would send every text of the relation through a shuffle. A row knows the file and the record it comes
from, and the relation knows which Parquet file has them: so the rows go to the texts, and no text is moved twice.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any
from weakref import WeakKeyDictionary

from recipe_runtime.lake_fs import lake_fs
from recipe_runtime.relation import Relation
from recipe_runtime.side_by_side import PLACE, Decided, Operation, Rows, beside, more
from recipe_runtime.worker_frames import LazyFrame

FETCHED = ("text", "meta")


def with_texts(rows: Any, relation: Relation) -> Any:
    """`rows` with the `text` and `meta` that `relation` has for them. A row may stand there more than once; one that
    the relation has no text of is an error of the step that made it."""
    from pyspark.sql.types import StructType

    from recipe_runtime.arrow import arrow_schema

    places = relation.local.shards.places() if relation.local and set(PLACE) <= set(rows.columns) else None
    if not places:
        return rows.join(relation.texts, "doc_id")
    names = sorted({name for _, name, _, _ in places})
    schema = StructType([*rows.schema, *(relation.local.struct[name] for name in FETCHED)])
    fetch = FetchTexts(relation.local.shards.uri, tuple(names), arrow_schema(schema))
    return _unread_frame(_placed_here(rows, relation, names) or _placed(rows, places, names), fetch)


def _placed_here(rows: Any, relation: Relation, names: Sequence[str]) -> Any:
    """`rows` with their `part`, in the tasks that decide them; None where that is not in workers, or where their tasks
    would read many files of texts more than once."""
    found = beside(rows, relation, ())
    if not found or sum(map(len, found.files)) > 2 * len(names) + len(found.files):
        return None
    number = {name: i for i, name in enumerate(names)}
    places: dict[str, list[tuple[str, int, int, int]]] = {}
    for file, name, first, last in relation.local.shards.places():
        places.setdefault(name, []).append((file, first, last, number[name]))
    return more(rows, Placed(tuple(tuple(one for name in some for one in places[name]) for some in found.files)))


def _placed(rows: Any, places: Sequence[tuple[str, str, int, int]], names: Sequence[str]) -> Any:
    """`rows` with their `part`, those of one part together."""
    import pyarrow as pa
    from pyspark.sql import functions as F

    number = {name: i for i, name in enumerate(names)}
    files, stored, firsts, lasts = zip(*places, strict=True)
    columns = {"of_file": files, "first_record": firsts, "last_record": lasts, "part": [number[n] for n in stored]}
    kinds = (pa.string(), pa.int64(), pa.int64(), pa.int32())
    arrays = {name: pa.array(values, kind) for (name, values), kind in zip(columns.items(), kinds, strict=True)}
    parts = rows.sparkSession.createDataFrame(pa.table(arrays))  # of tuples it would be made by Python workers
    here = (F.col("file_id") == F.col("of_file")) & F.col("record").between(F.col("first_record"), F.col("last_record"))
    placed = rows.join(F.broadcast(parts), here, "left").drop("of_file", "first_record", "last_record")
    return placed.repartition(len(names), "part").sortWithinPartitions("part")


def _unread_frame(rows: Any, fetch: FetchTexts) -> Any:
    """The frame that `fetch` makes of `rows`, which `unread` knows."""
    from recipe_runtime.arrow import spark_struct

    struct = spark_struct(fetch.schema)
    if isinstance(rows, Decided):
        made = LazyFrame(rows.job, struct, lambda spark: rows.mapInArrow(fetch, struct))
    else:
        made = rows.mapInArrow(fetch, struct)
    _UNREAD[made] = Unread(rows, fetch)
    return made


@dataclass(frozen=True)
class Unread:
    """A frame before its texts are fetched: its `rows`, without `text` and `meta`, as `fetch` takes them."""

    rows: Any
    fetch: FetchTexts


_UNREAD: WeakKeyDictionary[Any, Unread] = WeakKeyDictionary()


def unread(frame: Any) -> Unread | None:
    """What a frame of `with_texts`, or `selected` from one, is made of, for who fetches the texts where it needs them:
    otherwise they go through Spark, row by row. None of any other frame."""
    return _UNREAD.get(frame)


def worked(frame: Any, operation: Operation, names: Sequence[str]) -> Any:
    """These columns of a frame after an operation of workers, which looks at no text; None where Spark decided it."""
    import pyarrow as pa

    before = unread(frame)
    if not before or not isinstance(before.rows, Decided):
        return None
    rows = more(before.rows, operation)
    here, texts = rows.plan.schema, before.fetch.schema
    schema = pa.schema([(texts if name in FETCHED else here).field(name) for name in names])
    return _unread_frame(rows, replace(before.fetch, schema=schema))


def selected(frame: Any, columns: Sequence[Any]) -> Any:
    """These columns of a frame, by name or computed; none is computed from a text."""
    from recipe_runtime.arrow import arrow_schema

    made = frame.select(*columns)
    before = unread(frame)
    if before:
        fetch = replace(before.fetch, schema=arrow_schema(made.schema))
        known = [column for column in columns if not (isinstance(column, str) and column in FETCHED)]
        _UNREAD[made] = Unread(before.rows.select(*known, *PLACE, "part"), fetch)
    return made


@dataclass(frozen=True)
class Placed:
    """Gives each row its `part`, the number of the file that has its text, and puts those of a part together.
    `places`: for each task (input file, first and last record, part)."""

    places: tuple[tuple[tuple[str, int, int, int], ...], ...]

    def __call__(self, rows: Rows) -> None:
        import numpy as np
        import pyarrow as pa
        import pyarrow.compute as pc

        part = np.full(len(rows), -1, np.int32)
        some = sorted(self.places[rows.task]) if rows.task is not None else []
        if some and len(rows):
            files, first, last, number = (np.array(given) for given in zip(*some, strict=True))
            names, code = np.unique(files, return_inverse=True)
            record = rows.place["record"].to_numpy()
            found = pc.index_in(rows.place["file_id"], pa.array(names, pa.string())).fill_null(-1).to_numpy()
            step = int(max(record.max(), last.max())) + 1
            at = np.searchsorted(code * step + first, found * step + record, side="right") - 1
            here = (at >= 0) & (found >= 0) & (code[at] == found) & (record <= last[at])
            part = np.where(here, number[at], -1).astype(np.int32)
        rows.arrays["part"] = pa.array(part, mask=part < 0)
        rows.order(np.argsort(part, kind="stable"))


@dataclass(frozen=True)
class FetchTexts:
    """Rows in the order of `part`, an index into `names` of Parquet files under `uri` → the rows with their texts."""

    uri: str
    names: tuple[str, ...]
    schema: Any

    def __call__(self, batches: Iterator[Any]) -> Iterator[Any]:
        import pyarrow as pa

        held: list[Any] = []
        for batch in batches:
            for piece in _by_part(batch):
                if held and held[0].column("part")[0] != piece.column("part")[0]:
                    yield from self._fetch(pa.Table.from_batches(held))
                    held = []
                held.append(piece)
        if held:
            yield from self._fetch(pa.Table.from_batches(held))

    def _fetch(self, rows: Any) -> Iterator[Any]:
        """The rows of one Parquet file, a row group of it at a time."""
        import pyarrow as pa
        import pyarrow.compute as pc
        import pyarrow.parquet as pq

        part = rows.column("part")[0].as_py()
        if part is None:
            raise ValueError(f"{rows.num_rows} rows are of no file of {self.uri}")
        fs, folder = lake_fs(self.uri)
        wanted = rows.select(PLACE).append_column("row", pa.array(range(rows.num_rows)))
        found = 0
        with fs.open(f"{folder.rstrip('/')}/{self.names[part]}", "rb") as file:
            texts = pq.ParquetFile(file)
            for group in range(texts.num_row_groups):
                places = texts.read_row_group(group, columns=list(PLACE), use_threads=False)
                places = places.cast(wanted.select(PLACE).schema).append_column("place", pa.array(range(len(places))))
                both = wanted.join(places, list(PLACE), join_type="inner", use_threads=False)
                if not both.num_rows:
                    continue
                found += both.num_rows
                here = texts.read_row_group(group, columns=list(FETCHED), use_threads=False).take(both["place"])
                taken = rows.take(both["row"])
                columns = {**{n: taken[n] for n in taken.column_names}, **{n: here[n] for n in here.column_names}}
                whole = pa.table({f.name: columns[f.name].cast(f.type) for f in self.schema})
                if pc.any(pc.is_null(whole["text"])).as_py():
                    raise ValueError(f"a row of {self.uri} has no text")
                yield from whole.to_batches(max_chunksize=10_000)
        if found != rows.num_rows:
            raise ValueError(f"{rows.num_rows - found} rows are not in {self.names[part]} of {self.uri}")


def _by_part(batch: Any) -> Iterator[Any]:
    """Slices of a batch with one `part` each."""
    import numpy as np

    part = batch.column("part").fill_null(-1).to_numpy()
    ends = [*(np.flatnonzero(np.diff(part)) + 1).tolist(), len(part)]
    start = 0
    for end in ends:
        if end > start:
            yield batch.slice(start, end - start)
        start = end
