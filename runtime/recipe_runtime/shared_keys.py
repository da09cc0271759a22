"""Which rows share a key with another row: what every dedup begins with.

Only numbers move: a row's own (64 bits) and its keys' (64 bits each). Tasks sort the keys they get; rows whose keys
nobody else has, which most are, go no further.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

KEYS = 2_000_000
"""Keys in one task: about 100 MB of its worker."""

SHARED = "bucket bigint, number bigint"


def shared(rows: Any, keys: Any, count: int) -> Any:
    """(bucket, number) of all rows with a key in common, a bucket for each such key.

    `rows` have `number`, which is unique, and `fixed`; `keys` is a Column of array<bigint>, `count` about how many keys
    there are in all. A bucket in which every row is fixed has nothing to decide and is left out.
    """
    from pyspark.sql import functions as F

    session = rows.sparkSession
    tasks = max(int(session.conf.get("spark.sql.shuffle.partitions")), -(-count // KEYS))
    every = rows.select("number", "fixed", F.explode(keys).alias("key")).repartition(tasks, "key")
    return every.mapInArrow(_shared, SHARED)


def _shared(batches: Iterator[Any]) -> Iterator[Any]:
    import numpy as np
    import pyarrow as pa

    found = [batch for batch in batches if batch.num_rows]
    if not found:
        return
    table = pa.Table.from_batches(found)
    keys = table["key"].to_numpy()
    order = np.argsort(keys, kind="stable")
    keys = keys[order]
    starts = np.flatnonzero(np.concatenate(([True], keys[1:] != keys[:-1])))
    sizes = np.diff(np.append(starts, len(keys)))
    free = ~table["fixed"].to_numpy()[order]
    wanted = np.repeat((sizes > 1) & np.logical_or.reduceat(free, starts), sizes)
    numbers = table["number"].to_numpy()[order]
    both = pa.table({"bucket": keys[wanted], "number": numbers[wanted]})
    yield from both.to_batches(max_chunksize=100_000)
