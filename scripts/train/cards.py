"""The card beside an embedded file: what it is, what it was made from, how good it is, which bytes they are."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from corpus import STANDARD


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def write_card(name: str, sentence: str, rows: Mapping[str, str]) -> None:
    """recipes/std/<name>.md: a sentence and a table."""
    lines = [f"# std/{name}", "", sentence, "", "| | |", "|---|---|"]
    lines += [f"| {key} | {value} |" for key, value in rows.items()]
    (STANDARD / f"{name}.md").write_text("\n".join(lines) + "\n")
    print("\n".join(lines[5:]))


def ranks(values: np.ndarray) -> np.ndarray:
    """Mean rank of each value among all, ties sharing theirs."""
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    return (np.cumsum(counts) - (counts - 1) / 2)[inverse]


def spearman(a: np.ndarray, b: np.ndarray) -> float:
    """Rank correlation."""
    return float(np.corrcoef(ranks(a), ranks(b))[0, 1])


def auc(scores: np.ndarray, positive: np.ndarray) -> float:
    """Probability that a positive row scores above a negative one (Mann-Whitney U)."""
    n = int(positive.sum())
    return float((ranks(scores)[positive].sum() - n * (n + 1) / 2) / (n * (len(scores) - n)))
