"""Cuts: the longest prefix within a target, found by sums of leading digits, is the one that a sorted list has."""

from __future__ import annotations

import hashlib
import random

import pytest
from recipe_runtime import cuts

RANDOM = random.Random(11)


def digits(*parts: object) -> str:
    return hashlib.sha256("|".join(map(str, parts)).encode()).hexdigest()[:32]


def rows(count: int, same: int) -> list[tuple[str, str, str, int]]:
    """(cell, order, doc_id, weight); every `same` rows share an order, so that ties are decided by doc_id."""
    return [
        (RANDOM.choice("abc"), digits("o", n // same), digits("d", n), RANDOM.randrange(0, 40)) for n in range(count)
    ]


def by_hand(found: list[tuple[str, str, str, int]], cell: str, target: int) -> list[tuple[str, str]]:
    """The rows of the longest prefix."""
    taken, whole = [], 0
    for _, order, doc_id, weight in sorted(r for r in found if r[0] == cell):
        if (whole := whole + weight) > target:
            break
        taken.append((order, doc_id))
    return taken if target else []


@pytest.mark.parametrize("few", [2_000, 1], ids=["looked at", "narrowed to one row"])
@pytest.mark.parametrize("same", [1, 50], ids=["orders differ", "orders tie"])
def test_the_cut_is_that_of_the_sorted_rows(spark, monkeypatch, few, same):
    monkeypatch.setattr(cuts, "FEW", few)
    # Tied orders are narrowed digit by digit through 32 equal ones: fewer, wider passes for the test.
    monkeypatch.setattr(cuts, "DIGITS", 3 if same == 1 else 17)
    given = rows(300, same)
    frame = spark.createDataFrame(given, "cell string, order string, doc_id string, weight int")
    whole = sum(w for cell, _, _, w in given if cell == "c")
    targets = {"a": 700, "b": 0, "c": whole + 5}
    found = cuts.prefixes(frame.repartition(3), "cell", "order", ["weight"], targets)
    for cell, target in targets.items():
        expected = by_hand(given, cell, target)
        end = found[cell].cut
        taken = sorted((o, d) for c, o, d, _ in given if c == cell and end and o + d <= "".join(end))
        assert taken == expected
        assert found[cell].rows == len(expected) and found[cell].sums[0] <= max(target, 0)
    assert cuts.cuts(frame, "cell", "order", "weight", targets) == {key: prefix.cut for key, prefix in found.items()}


def test_a_first_row_above_the_target_is_no_prefix(spark):
    frame = spark.createDataFrame(
        [("a", digits(1), digits(2), 10)], "cell string, order string, doc_id string, weight int"
    )
    assert cuts.cuts(frame, "cell", "order", "weight", {"a": 9}) == {"a": None}


def test_the_smallest_rows(spark):
    given = [(digits("o", n // 3), digits("d", n)) for n in range(60)]
    frame = spark.createDataFrame(given, "order string, doc_id string").repartition(5)
    for k in (0, 1, 31, 60, 100):
        assert sorted(map(tuple, cuts.smallest(frame, "order", k).collect())) == sorted(given)[:k]
