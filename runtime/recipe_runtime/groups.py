"""Groups of duplicates found by one worker, in Arrow and NumPy, for as many rows as it can hold.

Spark finds the same by shuffles and windows (`shared_keys`, `components`, `survivors`), which for a few million keys
cost many times what sorting them does. What is found is the same, row for row.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from recipe_runtime.lake_fs import lake_fs

KEYS = 20_000_000
"""Keys that one worker sorts, with the rows that have them: 1 GB."""

ROWS = 5_000_000
"""Rows of which one worker holds what is decisive: 1 GB."""


@dataclass(frozen=True)
class Group:
    """Rows in Parquet files under `uri` → (doc_id, survivor, origin_id, group_license, similarity), `schema`, of those
    that are in a group and not `fixed`, survivors among them.

    `bands`: rows are alike that share one of the numbers in their lists `key`, and so are those alike to one; else
    those whose `key`, a text, is equal, and the survivor has the licences of all. `within`: columns whose values keep
    rows apart. Which row stays is said by `ranked` and `keep`, as in `survivors.survivor`.
    """

    uri: str
    files: tuple[str, ...]
    schema: Any
    key: str
    bands: bool
    within: tuple[str, ...]
    ranked: tuple[str, ...]
    keep: str

    def __call__(self, batches: Iterator[Any]) -> Iterator[Any]:
        import numpy as np
        import pyarrow.compute as pc

        asked = sum(batch.num_rows for batch in batches)  # one task of the stage has a row
        if not asked or not self.files:
            return
        rows = self.read([self.key, *self.within, "fixed"])
        group = self._by_bands(rows) if self.bands else self._by_text(rows)
        some = np.flatnonzero(group >= 0)
        del rows
        members, group = self.members(some), group[some]
        columns = {
            "doc_id": members["doc_id"],
            "survivor": self.survivors(members, group),
            "origin_id": members["origin_id"],
            "group_license": None if self.bands else _licenses(members, group),
            "similarity": None if self.bands else np.ones(len(members)),
        }
        made = table_of(columns, len(members), self.schema)
        yield from made.filter(pc.invert(members["fixed"])).to_batches(max_chunksize=100_000)

    def members(self, some: Any) -> Any:
        """What else there is of rows that are in groups; of the others it is not read."""
        return self.read(["doc_id", "origin_id", "license", "fixed", *self.ranked], some)

    def read(self, names: Sequence[str], some: Any = None) -> Any:
        """Columns of all rows, or of `some`, int64 in order."""
        import numpy as np
        import pyarrow as pa
        import pyarrow.parquet as pq

        fs, folder = lake_fs(self.uri)
        tables, before = [], 0
        for name in self.files:
            with fs.open(f"{folder.rstrip('/')}/{name}", "rb") as file:
                found = pq.ParquetFile(file).read(columns=list(dict.fromkeys(names)), use_threads=False)
            if some is not None:
                first, last = np.searchsorted(some, (before, before + len(found)))
                before, found = before + len(found), found.take(some[first:last] - before)
            tables.append(found)
        return pa.concat_tables(tables).combine_chunks()

    def _by_text(self, rows: Any) -> Any:
        """int64[rows]: the number of a row's group, -1 where it is of none."""
        import numpy as np

        code = _codes(rows, (self.key, *self.within))
        alone = np.bincount(code)[code] == 1
        return np.where(alone | rows[self.key].is_null().to_numpy(), -1, code)

    def _by_bands(self, rows: Any) -> Any:
        """int64[rows]: the number of a row's component, -1 where it is of none."""
        import numpy as np
        from scipy.sparse import coo_matrix
        from scipy.sparse.csgraph import connected_components

        ones, others = [np.zeros(0, np.int64)], [np.zeros(0, np.int64)]
        for members, sizes in self.buckets(rows):
            last = np.zeros(len(members), bool)
            last[np.cumsum(sizes) - 1] = True
            ones.append(members[~last])
            others.append(members[np.flatnonzero(~last) + 1])
        one, other = np.concatenate(ones), np.concatenate(others)
        n = len(rows)
        _, label = connected_components(coo_matrix((np.ones(len(one), np.int8), (one, other)), shape=(n, n)), False)
        return np.where(np.bincount(label, minlength=n)[label] == 1, -1, label.astype(np.int64))

    def buckets(self, rows: Any) -> Iterator[tuple[Any, Any]]:
        """For each band (members, sizes), int64 both: positions of the rows that share a key, bucket by bucket. One in
        which every row is fixed has nothing to decide, and is left out.

        A key holds the number of its band, so rows that share one have it at one place of their lists: a band at a
        time, which needs a part of the memory that all need together.
        """
        import numpy as np

        lists = rows[self.key].combine_chunks()
        starts = lists.offsets.to_numpy()[:-1]
        lengths = lists.value_lengths().fill_null(0).to_numpy()
        keys = lists.values.to_numpy()
        free = ~rows["fixed"].to_numpy()
        apart = _spread(_codes(rows, self.within)) if self.within else None
        for band in range(int(lengths.max(initial=0))):
            number = np.flatnonzero(lengths > band)
            key = keys[starts[number] + band]
            if apart is not None:  # keys of rows that are kept apart differ
                key = key ^ apart[number]
            order = np.argsort(key)
            key, number = key[order], number[order]
            begins = np.flatnonzero(np.append(True, key[1:] != key[:-1])) if len(key) else np.zeros(0, np.int64)
            sizes = np.diff(np.append(begins, len(key)))
            some = sizes > 1
            if len(begins):
                some &= np.logical_or.reduceat(free[number], begins)
            yield number[np.repeat(some, sizes)], sizes[some]

    def survivors(self, members: Any, group: Any) -> Any:
        """For each row the doc_id that stays of its group."""
        import numpy as np
        import pyarrow as pa
        import pyarrow.compute as pc

        places = {"group": group, "fixed": pc.invert(members["fixed"]).cast(pa.int8())}
        order = [("group", "ascending"), ("fixed", "ascending")]
        for name in self.ranked:
            value = members[name]
            unknown = value.is_null(nan_is_null=True)
            places |= {f"{name} unknown": unknown.cast(pa.int8()), f"{name} value": pc.if_else(unknown, None, value)}
            order += [(f"{name} unknown", "ascending")]
            order += [(f"{name} value", "ascending" if self.keep == "earliest" else "descending")]
        ranking = pa.table({**places, "doc_id": members["doc_id"]})
        at = pc.sort_indices(ranking, sort_keys=[*order, ("doc_id", "ascending")]).to_numpy()
        ordered = group[at]
        first = at[np.flatnonzero(np.append(True, ordered[1:] != ordered[:-1]))] if len(at) else at
        where = np.searchsorted(group[first], group)
        return members["doc_id"].take(pa.array(first[where]))


def _codes(rows: Any, names: Sequence[str]) -> Any:
    """int64[rows]: equal for two rows where all these columns are, null being equal to null."""
    import numpy as np

    code = np.zeros(len(rows), np.int64)
    for name in names:
        found = rows[name].combine_chunks().dictionary_encode(null_encoding="encode").indices.to_numpy()
        both = code * (int(found.max(initial=0)) + 1) + found
        code = np.unique(both, return_inverse=True)[1].astype(np.int64)
    return code


def _spread(code: Any) -> Any:
    """int64[n]: 64 bits of each number, all different (SplitMix64)."""
    import numpy as np

    x = (code.astype(np.uint64) + np.uint64(1)) * np.uint64(0x9E3779B97F4A7C15)
    x = (x ^ x >> np.uint64(30)) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ x >> np.uint64(27)) * np.uint64(0x94D049BB133111EB)
    return (x ^ x >> np.uint64(31)).view(np.int64)


def _licenses(members: Any, group: Any) -> list[list[str]]:
    """For each row the licences of all rows of its group, each once and in order."""
    found: dict[int, set[str]] = {}
    for number, licenses in zip(group.tolist(), members["license"].to_pylist(), strict=True):
        found.setdefault(number, set()).update(licenses or ())
    ordered = {number: sorted(licenses) for number, licenses in found.items()}
    return [ordered[number] for number in group.tolist()]


def table_of(columns: dict[str, Any], length: int, schema: Any) -> Any:
    """A table of `schema`; what is None has no value in any row."""
    import pyarrow as pa

    arrays = []
    for field in schema:
        given = columns[field.name]
        if given is None:
            arrays.append(pa.nulls(length, field.type))
        else:
            arrays.append(given.cast(field.type) if isinstance(given, pa.ChunkedArray) else pa.array(given, field.type))
    return pa.table(arrays, schema=schema)
