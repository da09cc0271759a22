"""Row-local work, kept by file: a Delta table of rows, and a marker for each input file that is whole in it.

Appends never conflict in Delta, so two runs may both make a file's rows: a reader takes, for each file, those of the
smallest run id that has a marker. Rows and markers are two partitions, so that neither is read for the other. A
killed run loses the group it was in; a new file makes only its own.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any
from weakref import WeakKeyDictionary

from recipe_runtime import delta_files, tables
from recipe_runtime.delta_sql import query
from recipe_runtime.local_pass import Tally
from recipe_runtime.parquet_part import Part

SHARD_BYTES = 1024 * 1024 * 1024
"""Input bytes in one commit, unless one file has more: what a killed run may have to do again."""


SENT = 500_000
"""Rows without texts that a join sends whole to every task, some 200 MB of ids and numbers. Joined by a shuffle, both
sides are written down, moved and sorted, which took longer than all else that is decided over them."""

_COUNTED: WeakKeyDictionary[Any, int] = WeakKeyDictionary()


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
    """The rows that one row-local step made of one set of files.

    `schema`: the Arrow columns of a row. The table has two more: `marker`, true for the row that says a file is whole,
    and `tally`, what that row counts of the file.
    """

    def __init__(self, job: Any, uri: str, files: Sequence[Any], statistics: Sequence[str], schema: Any):
        self.job, self.uri, self.files, self.statistics = job, uri, files, tuple(statistics)
        self.schema = schema

    @cached_property
    def _state(self) -> tuple[int, dict[str, dict[str, Tally]]]:
        """The table's version (-1: there is none), and by file and run what a marker says, of all files in it."""
        from deltalake import DeltaTable

        if not tables.exists(self.uri):
            return -1, {}
        table = DeltaTable(self.uri)
        found = query("select file_id, run_id, tally from rows_of where marker", {"rows_of": table})
        marked: dict[str, dict[str, Tally]] = {}
        for row in found:
            marked.setdefault(row["file_id"], {})[row["run_id"]] = Tally(**json.loads(row["tally"]))
        return table.version(), marked

    def pending(self) -> list[Any]:
        """The files that are not whole yet, in order."""
        return [file for file in self.files if file.file_id not in self._state[1]]

    def tallies(self) -> dict[str, Tally]:
        """What was made of each of the files, all of which are whole."""
        marked = self._state[1]
        return {file.file_id: marked[file.file_id][min(marked[file.file_id])] for file in self.files}

    def total(self) -> Tally:
        """What was made of all the files."""
        whole = Tally()
        for tally in self.tallies().values():
            whole.add(tally)
        return whole

    def places(self) -> list[tuple[str, str, int, int]] | None:
        """(input file, Parquet file, first and last record) of all rows; None where that does not tell one place for
        each: the table was rewritten since, tasks took turns with a file, or an older version wrote it."""
        from deltalake import DeltaTable

        version, _ = self._state
        there = {path.rpartition("/")[2] for path in DeltaTable(self.uri, version=version).file_uris()}
        tallies = self.tallies()
        if any(tally.records and not tally.places for tally in tallies.values()):
            return None
        found = [(file, *place) for file, tally in tallies.items() for place in tally.places]
        return found if all(name in there for _, name, _, _ in found) and apart(found) else None

    def commit(self, adds: Sequence[Mapping[str, Any]], tallies: Mapping[str, Tally]) -> None:
        """Makes files that workers wrote part of the table, with a marker for each input file of `tallies`."""
        import pyarrow as pa
        from deltalake import CommitProperties, DeltaTable, Schema
        from deltalake.transaction import AddAction

        markers = {
            "file_id": pa.array(list(tallies)),
            "run_id": pa.array([self.job.run_id] * len(tallies)),
            "tally": pa.array([json.dumps(vars(tally)) for tally in tallies.values()]),
        }
        marking = Part(self.uri, pa.schema([pa.field(name, pa.string()) for name in markers]), self.statistics)
        marking.write(pa.RecordBatch.from_pydict(markers, schema=marking.schema))
        columns = pa.schema([*self.schema, pa.field("marker", pa.bool_()), pa.field("tally", pa.string())])
        schema = Schema.from_arrow(columns)
        table = DeltaTable.create(
            self.uri, schema, mode="ignore", partition_by=["marker"], configuration=tables.properties(self.statistics)
        )
        table.create_write_transaction(
            [
                AddAction(add["path"], add["size"], {"marker": marker}, add["at"], True, add["stats"])
                for marker, some in (("false", adds), ("true", [marking.finish()]))
                for add in some
            ],
            mode="append",
            schema=schema,
            partition_by=["marker"],
            commit_properties=CommitProperties(custom_metadata={"userMetadata": self.job.note()}),
        )
        self.__dict__.pop("_state", None)

    @property
    def alone(self) -> bool:
        """Whether the table holds these files and no others, each made once."""
        marked = self._state[1]
        return set(marked) == {file.file_id for file in self.files} and all(len(runs) == 1 for runs in marked.values())

    def rows(self) -> Any:
        """A DataFrame of the rows of the files, of the version that is newest when first asked."""
        from pyspark.sql import functions as F

        version, marked = self._state
        # Pinned: another run may add to it meanwhile.
        frame = delta_files.read(self.job.spark, self.uri, version=version, only={"marker": False}).drop("tally")
        if self.alone:
            return frame
        wanted = {file.file_id for file in self.files}
        pairs = [(file, min(runs)) for file, runs in sorted(marked.items()) if file in wanted]
        chosen = self.job.spark.createDataFrame(pairs, "file_id string, run_id string")
        return frame.join(F.broadcast(chosen), ["file_id", "run_id"], "left_semi")


def counted(frame: Any, rows: int) -> Any:
    """The frame, whose number of rows `sent` then knows."""
    _COUNTED[frame] = rows
    return frame


def sent(frame: Any, of: Any = None) -> Any:
    """A frame without texts, to be joined to others: sent whole where it is known to have few rows, or `of`, of which
    it was made row by row."""
    from pyspark.sql import functions as F

    rows = _COUNTED.get(frame if of is None else of)
    return frame if rows is None or rows > SENT else F.broadcast(frame)


def apart(places: Sequence[tuple[str, str, int, int]]) -> bool:
    """Whether no record of a file lies within two of its places (input file, Parquet file, first, last record)."""
    ordered = sorted((file, first, last) for file, _, first, last in places)
    pairs = zip(ordered, ordered[1:], strict=False)
    return all(one[0] != other[0] or one[2] < other[1] for one, other in pairs)
