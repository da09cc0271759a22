"""Pairs verified by workers are those that Spark verifies: which are compared, how alike they are, who survives."""

from __future__ import annotations

import json
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from recipe_runtime import verifying
from recipe_runtime.lake import Lake
from recipe_runtime.steps import dedup
from running import Ran

BUCKETS = st.lists(st.lists(st.integers(0, 9), min_size=2, max_size=7, unique=True), max_size=6)


def compared(buckets: list[list[int]], fixed: list[bool], limit: int) -> set[tuple[int, int]]:
    """The pairs that are compared, by the rule of `near_duplicates.BUCKET_LIMIT`."""
    found = set()
    for members in buckets:
        if len(members) <= limit:
            found |= set(combinations(sorted(members), 2))
        else:
            order = sorted(members, key=lambda row: (fixed[row], row))
            found |= {tuple(sorted((order[0], other))) for other in order[1:]}
            found |= {tuple(sorted(pair)) for pair in zip(order, order[1:], strict=False)}
    return {(a, b) for a, b in found if not (fixed[a] and fixed[b])}


@given(BUCKETS, st.lists(st.booleans(), min_size=10, max_size=10))
def test_pairs_of_buckets_small_and_large(buckets, fixed):
    starts = np.cumsum([0, *map(len, buckets)])
    members = np.array([row for some in buckets for row in sorted(some)], np.int64)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(verifying, "BUCKET_LIMIT", 4)
        count, (a, b) = verifying._pairs(starts, members, np.array(fixed))
        assert count >= len(a) and set(zip(a.tolist(), b.tolist(), strict=True)) == compared(buckets, fixed, 4)
        patch.setattr(verifying, "PAIRS", count - 1)
        again, (a, _) = verifying._pairs(starts, members, np.array(fixed))
        assert again == count and not len(a)


RECIPE = """
recipe alike
edition 2026
param input: path
param lake: path
source pages = jsonl(input) {
  id    = id
  topic = topic
}
select clean from pages {
  keep stats.words >= 2
  dedup minhash(shingle = 2 words, bands = 20, rows = 1, verify = 40%, keep = longest, seed = 1, within = topic)
}
write clean to delta(lake)
"""


def write(folder: Path) -> str:
    """Two files of texts that share from none to all of their words with others, in two topics."""
    folder.mkdir()
    for name in "ab":
        rows = []
        for i in range(40):
            words = [f"w{(i % 5) * 100 + j + (j % 7 < i % 3) * i}" for j in range(6 + i % 9)]
            rows.append({"id": f"{name}{i}", "topic": "xy"[i % 4 == 0], "text": " ".join(words)})
        rows.append({"id": f"{name}-none", "topic": "x", "text": "alone"})
        (folder / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return str(folder / "*.jsonl")


def told(ran: Ran) -> dict[str, object]:
    """Edges, rejects, and what was verified."""
    (step,) = [row for row in ran.ledger("steps") if row["name"] == "clean.minhash"]
    return {
        **{
            table: sorted(str({k: v for k, v in row.items() if k != "run_id"}) for row in ran.ledger(table))
            for table in ("edges", "rejects")
        },
        "seen": json.loads(Lake(str(ran.lake)).get_blob(step["report"])),
    }


@pytest.mark.parametrize("hashes", [verifying.HASHES, 50], ids=["one task", "many tasks"])
def test_workers_verify_what_spark_verifies(run_recipe, monkeypatch, tmp_path, hashes):
    given = write(tmp_path / "in")
    monkeypatch.setattr(verifying, "HASHES", hashes)
    ours = told(run_recipe(RECIPE, tmp_path / "workers", input=given))
    asked = []
    monkeypatch.setattr(verifying, "verified", lambda *_: asked.append(1))
    theirs = told(run_recipe(RECIPE, tmp_path / "spark", input=given))
    assert asked == [1] and ours["edges"] and ours == theirs
    assert 0 < ours["seen"]["edges"] < ours["seen"]["pairs"]


def test_too_many_pairs_and_none_at_all(run_recipe, monkeypatch, tmp_path):
    given = write(tmp_path / "in")
    ours = told(run_recipe(RECIPE, tmp_path / "workers", input=given))
    monkeypatch.setattr(verifying, "PAIRS", 1)
    seen = []
    minhash = dedup._minhash
    monkeypatch.setattr(dedup, "_minhash", lambda *given: seen.append(1) or minhash(*given))
    assert told(run_recipe(RECIPE, tmp_path / "spark", input=given)) == ours and seen
    monkeypatch.undo()
    for path in (tmp_path / "in").iterdir():
        path.write_text(path.read_text().splitlines()[0] + "\n" if path.stem == "a" else "")
    none = told(run_recipe(RECIPE, tmp_path / "none", input=given))
    assert none["edges"] == [] and none["seen"]["pairs"] == none["seen"]["candidates"] == 0
