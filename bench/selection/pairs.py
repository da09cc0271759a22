"""Near copies: what the bands of a MinHash promise of planted pairs, what each side found, what lies in our components.

    planted(runs, source) -> rows by edit rate
    components(lake, run, seed) -> pairs of one component that have less than half of their shingles in common

The true similarity of two texts is the Jaccard similarity of their sets of five words, of the normalised texts.
"""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pyarrow as pa
from deltalake import DeltaTable
from recipe_runtime.delta_sql import query
from recipe_udfs.minhash import jaccard, shingle_hashes
from recipe_udfs.operator import Call

from bench.selection.results import Input, Run, found, planted_pairs

BANDS, ROWS = 14, 8
LITTLE = 0.5
VERIFIED = 0.8
"""What dedup_verified.recipe asks of a pair."""
MOST = 50
"""Members of a component whose pairs are looked at; of a larger one so many are drawn."""


@dataclass(frozen=True)
class Difference:
    """Of pairs that two sides were asked for: those that recipec alone found, and those that the other side alone
    found."""

    ours: int
    theirs: int
    pairs: int

    @property
    def value(self) -> float:
        """The share that recipec found, less the other side's."""
        return (self.ours - self.theirs) / self.pairs

    @property
    def error(self) -> float:
        """Standard error of the value if neither side finds more, as McNemar (Psychometrika 12, 1947) has it for
        shares of the same pairs: what both found, or neither, says nothing of their difference."""
        return (self.ours + self.theirs) ** 0.5 / self.pairs


@dataclass(frozen=True)
class Planted:
    """Of the near copies with one edit rate in an input: their number, mean similarity, what the bands promise, the
    share that each side found, and what tells recipec from each other side."""

    source: str
    rate: str
    pairs: int
    similarity: float
    promised: float
    found: Mapping[str, float]
    differences: Mapping[str, Difference]


@dataclass(frozen=True)
class Components:
    """Pairs within the components that a run found, and the share with less than LITTLE in common. `unmatched`: where
    pairs were verified, documents of components that have too little in common with every other."""

    source: str
    task: str
    components: int
    pairs: int
    below: float
    unmatched: int | None


def planted(runs: Sequence[Run], source: Input) -> list[Planted]:
    """By edit rate, and of all together; the runs are those of dedups alone over the input."""
    pairs = sorted(planted_pairs(source.ids))
    names, similar = sorted({name for pair in pairs for name in pair}), {}
    for pair, value in zip(pairs, _similarities(pairs, _texts(source, names)), strict=True):
        similar[pair] = value
    sides = {
        f"{run.side}{'' if run.task == 'dedup' else ', verified'}": found(pairs, run.survivors)
        for run in runs
        if run.input.name == source.name and run.task.startswith("dedup") and run.survivors is not None
    }
    by_rate = defaultdict(list)
    for pair in pairs:
        by_rate[pair[0].partition("~")[2].partition("/")[0]].append(pair)
    rows = []
    for rate, some in [*sorted(by_rate.items()), ("all", pairs)]:
        values = np.array([similar[pair] for pair in some])
        of_these = {side: seen & set(some) for side, seen in sides.items()}
        shares = {side: len(seen) / len(some) for side, seen in of_these.items()}
        promised = float(np.mean(1 - (1 - values**ROWS) ** BANDS))
        apart = _differences(of_these, len(some))
        rows.append(Planted(source.name, rate, len(some), float(values.mean()), promised, shares, apart))
    return rows


def _differences(found_by: Mapping[str, Collection[tuple[str, str]]], pairs: int) -> dict[str, Difference]:
    """recipec beside each peer, where it ran."""
    if "recipec" not in found_by:
        return {}
    ours = set(found_by["recipec"])
    peers = {side: set(seen) for side, seen in found_by.items() if not side.startswith("recipec")}
    return {side: Difference(len(ours - seen), len(seen - ours), pairs) for side, seen in peers.items()}


def components(lake: Path, run: Run, seed: int) -> Components:
    """What lies in the components of a dedup's run, by the edges it wrote."""
    edges = DeltaTable(lake / "_recipec" / "edges")
    groups = defaultdict(set)
    for row in query("select parent, child from rows_of", {"rows_of": edges}):
        groups[row["parent"]] |= {row["parent"], row["child"]}
    keys = _keys(lake, {name for members in groups.values() for name in members})
    draw, pairs, whole = random.Random(seed), [], set()
    for members in groups.values():
        some = sorted(members) if len(members) <= MOST else draw.sample(sorted(members), MOST)
        pairs += [(keys[a], keys[b]) for a, b in combinations(some, 2)]
        whole |= {keys[name] for name in members} if len(members) <= MOST else set()
    values = _similarities(pairs, _texts(run.input, sorted({name for pair in pairs for name in pair})))
    enough = {name for pair, value in zip(pairs, values, strict=True) if value >= VERIFIED for name in pair}
    unmatched = len(whole - enough) if run.task == "dedup_verified" else None
    return Components(run.input.name, run.task, len(groups), len(pairs), float(np.mean(values < LITTLE)), unmatched)


def _keys(lake: Path, wanted: Iterable[str]) -> dict[str, str]:
    """doc_id → the record's own key, by the relation of decisions."""
    wanted = set(wanted)
    for relation in (lake / "_recipec" / "relations").iterdir():
        table = DeltaTable(relation)
        names = {field.name for field in table.schema().fields}
        if {"doc_id", "key", "matched"} <= names:
            rows = query("select doc_id, key from rows_of", {"rows_of": table})
            return {row["doc_id"]: row["key"] for row in rows if row["doc_id"] in wanted}
    raise SystemExit(f"{lake} holds no decisions")


def _texts(source: Input, names: Iterable[str]) -> dict[str, str]:
    wanted, texts = set(names), {}
    for path in sorted(source.folder.glob("*.jsonl")):
        for line in path.open("rb"):
            row = orjson.loads(line)
            if row["id"] in wanted:
                texts[row["id"]] = row["text"]
    return texts


def _similarities(pairs: Sequence[tuple[str, str]], texts: Mapping[str, str]) -> np.ndarray:
    """float64[pairs]: the true similarity of each."""
    names = sorted(texts)
    place = {name: i for i, name in enumerate(names)}
    hashes = pa.chunked_array([_shingles([texts[name] for name in some]) for some in _batches(names)], SETS)
    out = []
    for some in _batches(pairs):
        left, right = (hashes.take(pa.array([place[pair[side]] for pair in some])) for side in (0, 1))
        out.append(jaccard(left, right))
    return np.concatenate([np.empty(0), *out])


SETS = pa.large_list(pa.int64())


def _shingles(texts: Sequence[str]) -> pa.Array:
    call = Call("shingle_hashes", {"shingle": "5 words"})
    return shingle_hashes({"text": pa.array(texts, pa.large_string())}, [call])[0][0].cast(SETS)


def _batches(some: Sequence[Any]) -> Iterator[Sequence[Any]]:
    return (some[i : i + 1_000] for i in range(0, len(some), 1_000))
