"""What was measured: one record for each run of a side over an input, and what follows from them together."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import orjson

from bench.selection.measure import Cost


@dataclass(frozen=True)
class Input:
    """Files that a side reads: their name in the table, bytes, and ids of documents in their order."""

    name: str
    folder: Path
    files: int
    bytes: int
    ids: tuple[str, ...] = field(repr=False)


@dataclass
class Run:
    """A side (recipec, a peer) at a task. Seconds and peak bytes are of the whole process tree, start included;
    `survivors` is None where the task has none of its own. `alike` is the share of decisions that it and recipec's
    run of `recipe` over the same input have in common, of `alike_of`. `largest`: the most that one process of a program
    held; `shuffled`: bytes that Spark's tasks wrote for others, of recipec's runs."""

    side: str
    version: str
    task: str
    does: str
    input: Input
    seconds: float
    peak_bytes: int
    code: int
    recipe: str = ""
    survivors: set[str] | None = None
    alike: float | None = None
    alike_of: str = ""
    recall: float | None = None
    largest: Mapping[str, int] = field(default_factory=dict)
    shuffled: int | None = None

    @property
    def speed(self) -> float:
        """MB of JSONL a second."""
        return self.input.bytes / 1e6 / self.seconds

    def record(self) -> dict[str, object]:
        """For JSON."""
        return {
            "side": self.side, "version": self.version, "task": self.task, "does": self.does,
            "input": {"name": self.input.name, "files": self.input.files, "bytes": self.input.bytes,
                      "documents": len(self.input.ids)},
            "seconds": self.seconds, "peak_bytes": self.peak_bytes, "code": self.code, "MB/s": self.speed,
            "survivors": None if self.survivors is None else len(self.survivors),
            "alike": self.alike, "alike_of": self.alike_of, "recall": self.recall,
            "largest": dict(self.largest), "shuffled": self.shuffled,
        }  # fmt: skip


def run_of(side: str, version: str, task: str, does: str, source: Input, cost: Cost, recipe: str = "") -> Run:
    run = Run(side, version, task, does, source, cost.seconds, cost.peak_bytes, cost.code, recipe)
    run.largest = cost.largest
    return run


def read_input(name: str, folder: Path) -> Input:
    """The .jsonl files of a folder as an input."""
    files = sorted(folder.glob("*.jsonl"))
    ids = tuple(orjson.loads(line)["id"] for file in files for line in file.open("rb"))
    return Input(name, folder, len(files), sum(file.stat().st_size for file in files), ids)


def planted_pairs(ids: Iterable[str]) -> list[tuple[str, str]]:
    """(near copy, its original) among these ids, whose near copies are called `original~rate/copy`."""
    known = set(ids)
    pairs = []
    for name in known:
        original, mark, rest = name.partition("~")
        source = f"{original}/{rest.partition('/')[2]}"
        if mark and source in known:
            pairs.append((name, source))
    return pairs


def found(pairs: Collection[tuple[str, str]], survivors: set[str]) -> set[tuple[str, str]]:
    """The pairs of which at most one survived."""
    return {pair for pair in pairs if not (pair[0] in survivors and pair[1] in survivors)}


def lay_beside(run: Run, ours: Run) -> None:
    """Fills in what the two decide alike: of documents, or for a dedup alone of planted pairs, because which of a pair
    survives is each side's own choice."""
    if run.survivors is None or ours.survivors is None:
        return
    if run.task == "dedup":
        pairs = planted_pairs(run.input.ids)
        a, b = found(pairs, run.survivors), found(pairs, ours.survivors)
        run.alike, run.alike_of = 1 - len(a ^ b) / max(len(pairs), 1), f"{len(pairs):,} planted pairs"
    else:
        count = len(run.input.ids)
        run.alike, run.alike_of = 1 - len(run.survivors ^ ours.survivors) / max(count, 1), f"{count:,} documents"


def recall(run: Run) -> None:
    """Fills in the share of planted pairs that a dedup alone found."""
    pairs = planted_pairs(run.input.ids)
    if run.task.startswith("dedup") and run.survivors is not None and pairs:
        run.recall = len(found(pairs, run.survivors)) / len(pairs)
