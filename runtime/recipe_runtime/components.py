"""Connected components: each document to the smallest id it is linked to, directly or not.

Up to `ONE_TASK` edges by scipy in one Spark task; beyond that by alternating large and small stars over
DataFrames (Kiveris et al. 2014, "Connected Components in MapReduce and Beyond"). Both are exact, and the
driver holds neither ids nor edges.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

ONE_TASK = 20_000_000
"""Edges: two ids of 32 digits each take about 2 GB in the one Python worker at this number."""


def smallest(spark: Any, edges: Any, one_task: int = ONE_TASK) -> Any:
    """From edges (a, b) to (doc_id, survivor) for every id that an edge names, survivors included."""
    if edges.limit(one_task + 1).count() <= one_task:
        return edges.coalesce(1).mapInArrow(_in_one_task, "doc_id string, survivor string")
    return _by_stars(edges)


def _in_one_task(batches: Iterator[Any]) -> Iterator[Any]:
    import numpy as np
    import pyarrow as pa
    import pyarrow.compute as pc
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components

    found = list(batches)
    if not any(batch.num_rows for batch in found):
        return
    table = pa.Table.from_batches(found)
    both = pa.chunked_array([*table["a"].chunks, *table["b"].chunks]).combine_chunks()
    ids = pc.unique(both)
    ids = ids.take(pc.array_sort_indices(ids))
    place = pc.index_in(both, value_set=ids).to_numpy(zero_copy_only=False)
    a, b = place[: len(table)], place[len(table) :]
    n = len(ids)
    graph = coo_matrix((np.ones(len(a), np.int8), (a, b)), shape=(n, n))
    _, label = connected_components(graph, directed=False)
    # ids are sorted, so a component's first position is its smallest id.
    first = np.full(label.max() + 1, n, np.int64)
    np.minimum.at(first, label, np.arange(n))
    survivors = ids.take(pa.array(first[label]))
    yield from pa.table({"doc_id": ids, "survivor": survivors}).to_batches(max_chunksize=100_000)


def _by_stars(edges: Any) -> Any:
    from pyspark.sql import functions as F

    edges = edges.where("a != b").distinct().localCheckpoint()
    before = None
    while True:
        edges = _small_star(_large_star(edges)).localCheckpoint()
        now = edges.agg(F.count("*").alias("n"), F.sum(F.xxhash64("a", "b").cast("decimal(38,0)")).alias("sum")).first()
        if now == before:
            break
        before = now
    heads = edges.select(F.col("b").alias("doc_id"), F.col("b").alias("survivor")).distinct()
    return edges.select(F.col("a").alias("doc_id"), F.col("b").alias("survivor")).union(heads)


def _large_star(edges: Any) -> Any:
    """Each node links its larger neighbours to the smallest of its neighbourhood."""
    from pyspark.sql import functions as F

    both = edges.select("a", "b").union(edges.select(F.col("b").alias("a"), F.col("a").alias("b")))
    least = both.groupBy("a").agg(F.least(F.min("b"), F.col("a")).alias("m"))
    return both.join(least, "a").where("b > a").select(F.col("b").alias("a"), F.col("m").alias("b")).distinct()


def _small_star(edges: Any) -> Any:
    """Each node links itself and its smaller neighbours to the smallest of them."""
    from pyspark.sql import functions as F

    down = edges.select(F.greatest("a", "b").alias("a"), F.least("a", "b").alias("b")).where("a != b")
    least = down.groupBy("a").agg(F.min("b").alias("m"))
    others = down.join(least, "a").where("b != m").select(F.col("b").alias("a"), F.col("m").alias("b"))
    own = least.select("a", F.col("m").alias("b"))
    return others.union(own).distinct()
