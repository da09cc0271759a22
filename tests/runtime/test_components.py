"""Connected components: one task and stars over DataFrames find what a plain union-find finds."""

from __future__ import annotations

import random

import pytest
from recipe_runtime.components import smallest


def reference(edges: list[tuple[str, str]]) -> dict[str, str]:
    """Union-find: each id to the smallest of its component."""
    parent: dict[str, str] = {}

    def find(x: str) -> str:
        parent.setdefault(x, x)
        while parent[x] != x:
            x = parent[x]
        return x

    for a, b in edges:
        low, high = sorted((find(a), find(b)))
        parent[high] = low
    return {x: find(x) for x in parent}


CHAIN = [(f"{i:03}", f"{i + 1:03}") for i in range(30)]
RANDOM = random.Random(7)
SPARSE = [tuple(sorted(RANDOM.sample([f"{i:03}" for i in range(60)], 2))) for _ in range(45)]


@pytest.mark.parametrize("one_task", [1_000, 0], ids=["one task", "stars"])
@pytest.mark.parametrize("edges", [[("a", "b")], CHAIN, SPARSE, []], ids=["pair", "chain", "random", "none"])
def test_each_id_gets_the_smallest_of_its_component(spark, edges, one_task):
    frame = spark.createDataFrame(edges, "a string, b string")
    found = smallest(spark, frame, one_task=one_task).collect()
    assert {r.doc_id: r.survivor for r in found} == reference(edges) and len(found) == len(reference(edges))
