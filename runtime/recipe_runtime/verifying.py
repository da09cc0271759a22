"""Near duplicates verified by workers: pairs of rows that share a band, the hashes of their texts' shingles, and which
pairs are alike. For as many rows as one worker groups (`groups`); `near_duplicates` says the same of more, by Spark.

Four stages without a session: pairs; hashes, by the tasks that have the texts; similarities; survivors.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from recipe_runtime import ops
from recipe_runtime.arrow import arrow_schema, ddl_schema, ddl_struct
from recipe_runtime.delta_files import WriteRows, write_files
from recipe_runtime.groups import Group, table_of
from recipe_runtime.near_duplicates import BUCKET_LIMIT, HASH_BYTES, Verified
from recipe_runtime.side_by_side import Decided, Rows, more, parquet
from recipe_runtime.texts import unread, with_texts
from recipe_runtime.worker import Annotate, Column
from recipe_runtime.worker_frames import After, Tasks

PAIRS = 20_000_000
"""Pairs that one worker holds: 0.5 GB while it makes each one of them once. Of more it makes none."""

HASHES = 40_000_000
"""Hashes of shingles in one task that compares pairs, 300 MB, unless one pair has more."""

PAIR_COLUMNS, CANDIDATE_COLUMNS = "a int, b int", "number bigint, candidate int"
HASH_COLUMNS, EDGE_COLUMNS = "candidate int, hashes array<bigint>", "a int, b int, similarity double"


def verified(job: Any, rows: Decided, group: Group, operator: ops.Op, texts: Any) -> tuple[Any, Any] | None:
    """(the task that finds survivors, what verification looked at less the text it is a share of) for rows that workers
    decide and the `group` that would be theirs without verification; None where there are too many pairs, or texts lie
    where their tasks do not look."""
    uri = job.held_folder()
    (found,) = Tasks(job, 1).run(FindPairs(group, uri))
    if found["pairs"] > PAIRS:
        return None
    before = unread(with_texts(more(rows, Candidates(uri)), texts)) if found["pairs"] else None
    if found["pairs"] and not (before and isinstance(before.rows, Decided)):
        return None
    hashed = _hash(before, operator, uri) if before else []
    hashes = sum(file["sums"]["shingles"] for file in hashed)
    tasks = -(-hashes // HASHES)
    compare = Compare(uri, tuple(file["path"] for file in hashed), operator.args["verify"], max(1, tasks))
    edges = write_files(Tasks(job, tasks), WriteRows(uri, ddl_schema(EDGE_COLUMNS), first=compare))
    told = Verified(
        candidates=found["candidates"], pairs=found["pairs"], verified_bytes=HASH_BYTES * hashes, text_bytes=0,
        edges=sum(file["rows"] for file in edges),
    )  # fmt: skip
    return Survivors(group, uri, tuple(file["path"] for file in edges)), told


def _hash(before: Any, operator: ops.Op, uri: str) -> list[dict[str, Any]]:
    """Files of the hashes of the candidates' texts."""
    signature = ops.registry()["signature", "shingle_hashes"]
    schema = arrow_schema(ddl_struct(HASH_COLUMNS))
    column = Column(
        signature.run, signature.name, {"shingle": operator.args["shingle"]}, ("text",),
        (("hashes", schema.field("hashes").type),),
    )  # fmt: skip
    fetched = before.fetch.schema
    fetch = replace(before.fetch, schema=_only(fetched, ["candidate", "text"]))
    hashing = After(fetch, After(Annotate([column], ["candidate"], schema, ops.versions([signature])), Sized()))
    written = ddl_schema(f"{HASH_COLUMNS}, shingles bigint")
    return write_files(before.rows, WriteRows(uri, written, first=hashing, sums=("shingles",)))


def _only(schema: Any, names: Sequence[str]) -> Any:
    import pyarrow as pa

    return pa.schema([schema.field(name) for name in names])


@dataclass(frozen=True)
class FindPairs:
    """Rows → under `uri`, each pair of them that is to be compared, once, and the rows of the pairs with their numbers;
    gives how many there are. Of more pairs than PAIRS nothing is written. Rows are named by their place in the order of
    the doc_ids of all that share a band."""

    group: Group
    uri: str

    def __call__(self, batches: Iterator[Any]) -> Iterator[Any]:
        import numpy as np
        import pyarrow as pa

        if not sum(batch.num_rows for batch in batches):
            return
        number, fixed, starts, members = self._buckets()
        count, pairs = _pairs(starts, members, fixed)
        if count <= PAIRS:
            code = np.unique(pairs[0] * max(1, len(number)) + pairs[1])
            a, b = np.divmod(code, max(1, len(number)))
            count, some = len(code), np.unique(np.concatenate([a, b]))
            _write(self.uri, "pairs", PAIR_COLUMNS, a, b)
            order = np.argsort(number[some])
            _write(self.uri, "candidates", CANDIDATE_COLUMNS, number[some][order], some[order])
        else:
            some = number
        yield pa.RecordBatch.from_pydict({"pairs": [count], "candidates": [len(some)]})

    def _buckets(self) -> tuple[Any, Any, Any, Any]:
        """Of the rows that share a band, in the order of their doc_ids: `number` and `fixed`; and buckets of them, one
        after the other: where each starts, and its members."""
        import numpy as np
        import pyarrow as pa
        import pyarrow.compute as pc

        rows = self.group.read([self.group.key, *self.group.within, "fixed", "number"])
        positions, sizes = [np.zeros(0, np.int64)], [np.zeros(0, np.int64)]
        for at, size in self.group.buckets(rows):
            positions.append(at)
            sizes.append(size)
        position, size = np.concatenate(positions), np.concatenate(sizes)
        some, place = np.unique(position, return_inverse=True)
        ids = self.group.read(["doc_id"], some)["doc_id"]
        order = pc.sort_indices(ids).to_numpy()
        rank = np.empty(len(order), np.int64)
        rank[order] = np.arange(len(order))
        starts = np.concatenate([np.zeros(1, np.int64), np.cumsum(size)])
        taken = pa.array(some[order])
        number, fixed = (rows[name].take(taken).to_numpy() for name in ("number", "fixed"))
        bucket = np.repeat(np.arange(len(size)), size)
        members = rank[place]
        return number, fixed.astype(bool), starts, members[np.lexsort((members, bucket))]


def _pairs(starts: Any, members: Any, fixed: Any) -> tuple[int, tuple[Any, Any]]:
    """How many pairs the buckets have, and, of at most PAIRS, the two ends of each, the smaller first; of two rows that
    are never dropped none. In a bucket of more than BUCKET_LIMIT each is compared with the first and with the next."""
    import numpy as np

    sizes = np.diff(starts)
    small = sizes <= BUCKET_LIMIT
    count = int((sizes[small] * (sizes[small] - 1) // 2).sum() + 2 * sizes[~small].sum())
    if count > PAIRS:
        return count, (members[:0], members[:0])
    ones, others = [members[:0]], [members[:0]]
    for size in np.unique(sizes[small]):
        some = members[starts[:-1][small & (sizes == size)][:, None] + np.arange(size)]
        i, j = np.triu_indices(size, 1)
        ones.append(some[:, i].ravel())
        others.append(some[:, j].ravel())
    for at in np.flatnonzero(~small):
        some = members[starts[at] : starts[at + 1]]
        some = some[np.lexsort((some, fixed[some]))]  # one that may be dropped comes first
        ones += [np.full(len(some) - 1, some[0]), some[:-1]]
        others += [some[1:], some[1:]]
    one, other = np.concatenate(ones), np.concatenate(others)
    free = ~(fixed[one] & fixed[other])
    one, other = one[free], other[free]
    return count, (np.minimum(one, other), np.maximum(one, other))


@dataclass(frozen=True)
class Candidates:
    """The rows that are in a pair, of `FindPairs` under `uri`, each with its place in the order of doc_ids."""

    uri: str

    @cached_property
    def table(self) -> Any:
        return parquet(self.uri, "candidates.parquet", ddl_schema(CANDIDATE_COLUMNS).names)

    def __getstate__(self) -> dict[str, Any]:
        return {"uri": self.uri}

    def __call__(self, rows: Rows) -> None:
        import numpy as np
        import pyarrow as pa

        if rows.task is None:
            rows.arrays["candidate"] = pa.array([], pa.int32())
            return
        known, candidate = (self.table[name].to_numpy() for name in ("number", "candidate"))
        number = rows.arrays["number"].to_numpy()
        at = np.minimum(np.searchsorted(known, number), len(known) - 1)  # a pair has two rows, so there are some
        rows.arrays["candidate"] = pa.array(candidate[at], pa.int32())
        rows.keep(pa.array(known[at] == number))


@dataclass(frozen=True)
class Sized:
    """Rows of hashes with how many each has."""

    def __call__(self, batches: Iterator[Any]) -> Iterator[Any]:
        import pyarrow as pa
        import pyarrow.compute as pc

        for batch in batches:
            size = pc.fill_null(pc.list_value_length(batch.column("hashes")), 0).cast(pa.int64())
            yield batch.append_column("shingles", size)


@dataclass(frozen=True)
class Compare:
    """Pairs under `uri`, of each task a part, and files of hashes → the pairs that are alike enough, with their true
    Jaccard similarity."""

    uri: str
    files: tuple[str, ...]
    least: float
    tasks: int

    def __call__(self, batches: Iterator[Any]) -> Iterator[Any]:
        for batch in batches:
            for task in batch.column(0).to_pylist():
                yield from self._compare(task)

    def _compare(self, task: int) -> Iterator[Any]:
        import numpy as np
        import pyarrow as pa
        from recipe_udfs.minhash import jaccard

        pairs = parquet(self.uri, "pairs.parquet", ["a", "b"])
        first, last = (len(pairs) * i // self.tasks for i in (task, task + 1))
        a, b = (pairs[name].to_numpy()[first:last] for name in ("a", "b"))
        wanted = np.unique(np.concatenate([a, b]))
        found = []
        for name in self.files:
            file = parquet(self.uri, name, ["candidate", "hashes"])
            found.append(file.filter(pa.array(np.isin(file["candidate"].to_numpy(), wanted))))
        table = pa.concat_tables(found).combine_chunks()
        order = np.argsort(table["candidate"].to_numpy())
        known, hashes = table["candidate"].to_numpy()[order], table["hashes"].combine_chunks()
        if not np.array_equal(known, wanted):
            raise ValueError(f"of {len(wanted)} rows to be compared {len(known)} have hashes under {self.uri}")
        place_a, place_b = (order[np.searchsorted(known, ends)] for ends in (a, b))
        for at in range(0, len(a), BLOCK):
            left, right = (hashes.take(pa.array(place[at : at + BLOCK])) for place in (place_a, place_b))
            alike = jaccard(left, right)
            some = np.flatnonzero(alike >= self.least)
            columns = [a[at : at + BLOCK][some], b[at : at + BLOCK][some], alike[some]]
            yield pa.RecordBatch.from_arrays([pa.array(column) for column in columns], schema=_edges())


BLOCK = 1_000
"""Pairs whose hashes are copied side by side at a time."""


def _edges() -> Any:
    return ddl_schema(EDGE_COLUMNS)


@dataclass(frozen=True)
class Survivors:
    """Edges under `uri` → what `Group` gives, with each row's largest similarity."""

    group: Group
    uri: str
    files: tuple[str, ...]

    def __call__(self, batches: Iterator[Any]) -> Iterator[Any]:
        import numpy as np
        import pyarrow as pa
        import pyarrow.compute as pc
        from scipy.sparse import coo_matrix
        from scipy.sparse.csgraph import connected_components

        if not sum(batch.num_rows for batch in batches) or not self.files:
            return
        edges = pa.concat_tables([parquet(self.uri, name, _edges().names) for name in self.files])
        a, b, alike = (edges[name].to_numpy() for name in _edges().names)
        some, place = np.unique(np.concatenate([a, b]), return_inverse=True)
        n = len(some)
        best = np.zeros(n)
        np.maximum.at(best, place, np.concatenate([alike, alike]))
        graph = coo_matrix((np.ones(len(a), np.int8), (place[: len(a)], place[len(a) :])), shape=(n, n))
        _, label = connected_components(graph, directed=False)
        # Candidates by the numbers of their rows, and these by where they stand among all.
        known = parquet(self.uri, "candidates.parquet", ["number", "candidate"])
        numbers = known["number"].to_numpy()[np.argsort(known["candidate"].to_numpy())]
        candidates = np.sort(known["candidate"].to_numpy())
        wanted = numbers[np.searchsorted(candidates, some)]
        every = self.group.read(["number"])["number"].to_numpy()
        order = np.argsort(every)
        at = order[np.searchsorted(every[order], wanted)]
        by_row = np.argsort(at)
        members, group, best = self.group.members(at[by_row]), label[by_row].astype(np.int64), best[by_row]
        columns = {
            "doc_id": members["doc_id"],
            "survivor": self.group.survivors(members, group),
            "origin_id": members["origin_id"],
            "group_license": None,
            "similarity": best,
        }
        made = table_of(columns, len(members), self.group.schema)
        yield from made.filter(pc.invert(members["fixed"])).to_batches(max_chunksize=100_000)


def _write(uri: str, name: str, columns: str, *values: Any) -> None:
    """A Parquet file of these columns."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    from recipe_runtime.lake_fs import lake_fs

    schema = ddl_schema(columns)
    arrays = [pa.array(given).cast(field.type) for given, field in zip(values, schema, strict=True)]
    fs, folder = lake_fs(uri)
    fs.makedirs(folder, exist_ok=True)
    with fs.open(f"{folder.rstrip('/')}/{name}.parquet", "wb") as file:
        pq.write_table(pa.table(arrays, schema=schema), file, compression="zstd")
