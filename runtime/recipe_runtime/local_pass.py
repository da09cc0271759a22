"""The fused pass, as a worker runs it: files or documents in, one Parquet file a relation out.

A batch of documents goes through everything that is asked of it while it is in the processor's cache; rows never
become rows of the JVM. What comes back to Spark is what was written, not the rows.
"""

from __future__ import annotations

import gc
import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import product
from typing import Any

from recipe_runtime.parquet_part import Part
from recipe_runtime.without_pandas import without_pandas
from recipe_runtime.worker import Annotate, Edit, annotated_twice, check_libraries

OUTPUT = "made int, facts string"
"""What the pass gives Spark: for each relation, and each task, one row of JSON; see `_Run.facts`."""

MARKER_COLUMNS = ["marker", "records", "documents", "bytes_in"]
"""Columns of what a reader yields that are no columns of a relation: counts of a unit, in its last row."""


@dataclass(frozen=True)
class Making:
    """One relation that a pass makes.

    `of`: the place in the pass of the relation whose rows it reads; None where it reads the pass's input. `work` has
    `open()`, which gives a function from a batch to a batch; None where rows are kept as the reader gave them.
    `constants` are columns with one value for all rows.
    """

    uri: str
    schema: Any
    statistics: tuple[str, ...]
    of: int | None
    work: Any
    constants: Mapping[str, Any] = field(default_factory=dict)


@dataclass
class Tally:
    """What was written of one input file: rows, those with a text, bytes of text, bytes read, rejects by rule, and of
    documents where they are: [name of the Parquet file, smallest and largest `record` of this input file in it]."""

    records: int = 0
    documents: int = 0
    text_bytes: int = 0
    bytes_in: int = 0
    dropped: dict[str, int] = field(default_factory=dict)
    places: list[list[Any]] = field(default_factory=list)

    def add(self, other: Tally) -> None:
        self.records += other.records
        self.documents += other.documents
        self.text_bytes += other.text_bytes
        self.bytes_in += other.bytes_in
        for rule, n in other.dropped.items():
            self.dropped[rule] = self.dropped.get(rule, 0) + n
        for name, first, last in other.places:
            if self.places and self.places[-1][0] == name:
                first, last = min(first, self.places[-1][1]), max(last, self.places[-1][2])
                self.places.pop()
            self.places.append([name, first, last])


@dataclass(frozen=True)
class LocalPass:
    """Makes several relations of one source at once. With `bundles` of units the input rows are indexes into them, and
    the first relation is of the documents they hold; else the input rows are documents that are there already."""

    makings: Sequence[Making]
    bundles: Sequence[Sequence[Any]] | None
    spec: Any
    schema: Any
    libraries: Mapping[str, str]

    def __call__(self, batches: Iterator[Any]) -> Iterator[Any]:
        import pyarrow as pa

        check_libraries(self.libraries)
        without_pandas()
        run = _Run(self.makings)
        # All that is loaded stays: the collector need not look at it after every few hundred records.
        gc.freeze()
        for batch in batches:
            if self.bundles is None:
                run.give(None, batch)
                continue
            for index in batch.column(0).to_pylist():
                for unit in self.bundles[index]:
                    self._read(unit, run)
        facts = [json.dumps(one) for one in run.facts()]
        rows = {"made": pa.array(range(len(facts)), pa.int32()), "facts": pa.array(facts)}
        yield pa.RecordBatch.from_arrays([rows[f.name].cast(f.type) for f in self.schema], schema=self.schema)

    def _read(self, unit: Any, run: _Run) -> None:
        from recipe_runtime.sources.read import read_unit

        began = time.process_time()
        for rows in read_unit(unit, self.spec):
            run.seconds[0] += time.process_time() - began
            if rows.column("marker")[0].as_py():
                run.count(0, unit.file.file_id, Tally(bytes_in=rows.column("bytes_in")[0].as_py()))
            else:
                run.documents(rows)
            began = time.process_time()


class _Run:
    """A task's open files, counts and times."""

    def __init__(self, makings: Sequence[Making]):
        self.makings = makings
        self.parts = [Part(m.uri, m.schema, m.statistics, partial(self._tally, i)) for i, m in enumerate(makings)]
        self.functions: list[Callable[[Any], Any] | None] = [m.work.open() if m.work else None for m in makings]
        self.children = {
            parent: [i for i, m in enumerate(makings) if m.of == parent] for parent in (None, *range(len(makings)))
        }
        self.pairs = _pairs(makings, self.children)
        self.with_edit = {i for pair in self.pairs.values() for i in pair}
        self.seconds = [0.0] * len(makings)
        self.tallies: list[dict[str, Tally]] = [{} for _ in makings]

    def documents(self, rows: Any) -> None:
        """Rows as a reader gives them, into the first relation and what is made of it."""
        import pyarrow.compute as pc

        began = time.process_time()
        rows = rows.drop_columns(MARKER_COLUMNS)
        rows = rows.append_column("text_bytes", pc.binary_length(rows.column("text")))
        self._keep(0, rows, began)

    def give(self, parent: int | None, batch: Any) -> None:
        """Rows of one relation to those that are made of them."""
        for i in self.children[parent]:
            if i not in self.with_edit:
                began = time.process_time()
                rows = self.functions[i](batch)
                self._keep(i, rows, began)
                if i in self.pairs:
                    self._annotate_twice(*self.pairs[i], batch, rows)

    def _annotate_twice(self, before: int, after: int, batch: Any, edited: Any) -> None:
        """Annotates rows before and after an edit."""
        import pyarrow.compute as pc

        began = time.process_time()
        same = pc.fill_null(pc.equal(batch.column("text_hash"), edited.column("text_hash")), False)
        made = annotated_twice(self.functions[before], self.functions[after], batch, edited, same)
        self._keep(before, next(made), began)
        began = time.process_time()
        self._keep(after, next(made).filter(edited.column("text").is_valid()), began)

    def _keep(self, i: int, rows: Any, began: float) -> None:
        import pyarrow as pa

        making = self.makings[i]
        for name, value in making.constants.items():
            kind = making.schema.field(name).type
            rows = rows.append_column(pa.field(name, kind), pa.repeat(pa.scalar(value, kind), rows.num_rows))
        arrays = [rows.column(f.name).cast(f.type) for f in making.schema]
        rows = pa.RecordBatch.from_arrays(arrays, schema=making.schema)
        self.parts[i].write(rows)
        self.seconds[i] += time.process_time() - began
        if self.children[i]:
            whole = rows.column("text").is_valid()
            self.give(i, rows if not rows.column("text").null_count else rows.filter(whole))

    def _tally(self, i: int, rows: Any) -> None:
        """Counts the rows of a row group."""
        import pyarrow as pa
        import pyarrow.compute as pc

        by_file = rows.select(["file_id", "text_bytes", "record"]).group_by("file_id", use_threads=False)
        figures = [("text_bytes", "count"), ("text_bytes", "sum"), ("record", "min"), ("record", "max")]
        for found in by_file.aggregate([([], "count_all"), *figures]).to_pylist():
            tally = Tally(found["count_all"], found["text_bytes_count"], found["text_bytes_sum"] or 0)
            tally.places = [[self.parts[i].name, found["record_min"], found["record_max"]]]
            self.count(i, found["file_id"], tally)
        if "rejected" in rows.schema.names and rows.column("rejected").null_count < rows.num_rows:
            rules = pc.struct_field(rows.column("rejected"), "rule")
            counted = pa.table({"file_id": rows.column("file_id"), "rule": rules})
            by_rule = counted.group_by(["file_id", "rule"], use_threads=False)
            for found in by_rule.aggregate([([], "count_all")]).to_pylist():
                if found["rule"] is not None:
                    self.count(i, found["file_id"], Tally(dropped={found["rule"]: found["count_all"]}))

    def count(self, i: int, file_id: str, tally: Tally) -> None:
        """Adds to what was written of a file."""
        self.tallies[i].setdefault(file_id, Tally()).add(tally)

    def facts(self) -> Iterator[dict[str, Any]]:
        """For each relation: the file that was written (`add`), the tallies by input file, and seconds of work."""
        for part, tallies, seconds in zip(self.parts, self.tallies, self.seconds, strict=True):
            began = time.process_time()
            add = part.finish()
            seconds += time.process_time() - began
            yield {"add": add, "tallies": {name: vars(t) for name, t in tallies.items()}, "seconds": seconds}


def _pairs(makings: Sequence[Making], children: Mapping[int | None, Sequence[int]]) -> dict[int, tuple[int, int]]:
    """By edit: the annotations, of the texts it reads and of those it makes, that are made together."""
    pairs: dict[int, tuple[int, int]] = {}
    for edit, making in enumerate(makings):
        taken = {i for pair in pairs.values() for i in pair}
        annotations = (
            [i for i in children[parent] if i not in taken and isinstance(makings[i].work, Annotate)]
            for parent in (making.of, edit)
        )
        alike = [pair for pair in product(*annotations) if _share(*(makings[i].work for i in pair))]
        if alike and isinstance(making.work, Edit):
            pairs[edit] = alike[0]
    return pairs


def _share(one: Annotate, other: Annotate) -> bool:
    """Have they a function in common?"""
    return not {column.run for column in one.columns}.isdisjoint(column.run for column in other.columns)
