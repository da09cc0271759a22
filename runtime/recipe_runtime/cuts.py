"""Exact cuts: where a prefix of rows in a given order ends whose weights come to at most a target.

Rows are ordered by (order, doc_id), `order` being 32 hex digits of a hash. No row is numbered and no window runs over
all rows: sums by the leading digits of the order say in which bucket the cut falls, sums by the next digits say where
in that, until the bucket has so few rows that they are looked at one by one. The driver holds 16^3 sums a cell at a
time. Sums are of whole numbers, so the result does not depend on partitions.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

DIGITS = 3
"""Hex digits of the order by which one pass sums: 4,096 buckets a cell."""

FEW = 2_000
"""Rows of a bucket that are fetched and looked at one by one."""

WIDTH = 32

Place = tuple[str, str]
"""(order, doc_id): the rows up to it, itself included, are the prefix. Not always a row's own: a prefix that ends at
the border of a bucket ends before the first row of the next."""


@dataclass
class Prefix:
    """The longest prefix within a target: where it ends (None where it has no row), and its rows and sums."""

    cut: Place | None = None
    rows: int = 0
    sums: list[int] = field(default_factory=list)
    bucket: str = ""
    """While searching: the leading digits of (order, doc_id) that the end is known to have."""

    def take(self, rows: int, sums: Iterable[int]) -> None:
        """Adds rows that lie before the cut."""
        self.rows += rows
        self.sums = [a + b for a, b in zip(self.sums, sums, strict=True)]

    def end(self, key: str) -> Prefix:
        """The prefix ends at `key`, leading digits of (order, doc_id)."""
        self.cut = (key[:WIDTH], key[WIDTH:]) if self.rows else None
        return self


def cuts(frame: Any, cell: str, order: str, weight: str, targets: Mapping[str, int]) -> dict[str, Place | None]:
    """Per cell of `targets`, the end of the longest prefix whose `weight` (whole numbers, not negative; null is 0)
    comes to at most its target; None where it has no row, and for a target of 0. `frame` has a column doc_id."""
    found = prefixes(frame, cell, order, [weight], targets)
    return {key: prefix.cut for key, prefix in found.items()}


def smallest(frame: Any, order: str, k: int) -> Any:
    """The `k` rows of smallest (order, doc_id), or all where there are no more."""
    from pyspark.sql import functions as F

    one = frame.select(F.lit("").alias("cell"), order, "doc_id", F.lit(1).alias("one"))
    end = cuts(one, "cell", order, "one", {"": k})[""]
    return frame.where(up_to(order, end)) if end else frame.limit(0)


def up_to(order: str, end: Place) -> Any:
    """A Column: whether a row is within the prefix that ends there."""
    from pyspark.sql import functions as F

    return F.concat(order, "doc_id") <= F.lit("".join(end))


def prefixes(
    frame: Any,
    cell: str,
    order: str,
    weights: Sequence[str],
    targets: Mapping[str, int],
    rows: Mapping[str, int] | None = None,
) -> dict[str, Prefix]:
    """As `cuts`, with rows and sums of each prefix: of the first of `weights`, which is measured, and of the others.
    `rows`, where known, says how many a cell has, which saves a pass over small ones."""
    from pyspark.sql import functions as F

    found = {key: Prefix(sums=[0] * len(weights)) for key in targets}
    sums = [F.coalesce(F.col(name).cast("bigint"), F.lit(0)).alias(f"w{n}") for n, name in enumerate(weights)]
    keyed = frame.select(F.col(cell).alias("cell"), F.concat(order, "doc_id").alias("key"), *sums)
    open_ = {key for key, target in targets.items() if target > 0}
    few = {key for key in open_ if rows is not None and rows[key] <= FEW}
    depth = 0
    while open_:
        if few:
            _look(keyed, {key: found[key] for key in few}, targets)
            open_ -= few
        if open_:
            few = _narrow(keyed, {key: found[key] for key in open_}, targets, depth, open_)
            depth += DIGITS
    return found


def _within(keyed: Any, buckets: Mapping[str, Prefix]) -> Any:
    """The rows of these cells that lie in the bucket each is known to end in."""
    from pyspark.sql import functions as F

    pairs = [F.lit(part) for key in sorted(buckets) for part in (key, buckets[key].bucket)]
    return keyed.where(F.col("key").startswith(F.create_map(*pairs)[F.col("cell")]))


def _narrow(
    keyed: Any, searched: Mapping[str, Prefix], targets: Mapping[str, int], depth: int, open_: set[str]
) -> set[str]:
    """One pass of sums by the next digits. Cells that end here leave `open_`; those whose bucket has few rows are
    returned."""
    from pyspark.sql import functions as F

    names = [name for name in keyed.columns if name not in ("cell", "key")]
    counted = _within(keyed, searched).groupBy("cell", F.substring("key", depth + 1, DIGITS).alias("digits"))
    by_cell: dict[str, list[Any]] = {key: [] for key in searched}
    for row in counted.agg(F.count("*").alias("rows"), *(F.sum(name).alias(name) for name in names)).collect():
        by_cell[row["cell"]].append(row)
    few = set()
    for key, prefix in searched.items():
        for row in sorted(by_cell[key], key=lambda row: row["digits"]):
            sums = [row[name] for name in names]
            if prefix.sums[0] + sums[0] > targets[key]:
                prefix.bucket += row["digits"]
                if row["rows"] <= FEW:
                    few.add(key)
                break
            prefix.take(row["rows"], sums)
        else:
            prefix.end("g")  # behind every hex digit: all rows are within the target
            open_.discard(key)
    return few


def _look(keyed: Any, searched: Mapping[str, Prefix], targets: Mapping[str, int]) -> None:
    """Fetches the rows of small buckets and finds the ends among them."""
    by_cell: dict[str, list[Any]] = {key: [] for key in searched}
    for row in _within(keyed, searched).collect():
        by_cell[row["cell"]].append(row)
    for key, prefix in searched.items():
        end = prefix.bucket
        for row in sorted(by_cell[key], key=lambda row: row["key"]):
            sums = row[2:]
            if prefix.sums[0] + sums[0] > targets[key]:
                break
            prefix.take(1, sums)
            end = row["key"]
        prefix.end(end)
