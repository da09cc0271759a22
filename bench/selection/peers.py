"""The peers: what pip installs of each, and which of the product's recipes its tasks are laid beside.

The scripts in runners/ run in a peer's own environment and know nothing of this package.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

import orjson
from recipe_udfs.carried import embedded_model

from bench.selection.environments import Environment, environment
from bench.selection.measure import Cost, measured

RUNNERS = Path(__file__).with_name("runners")


@dataclass(frozen=True)
class Task:
    """Something a peer does. `recipe` is ours that asks the same, if one does; where `decides` is false the peer only
    counts, and its script's `decide` asks the recipe's limits of the figures when the clock has stopped."""

    name: str
    does: str
    recipe: str = ""
    decides: bool = True


@dataclass(frozen=True)
class Peer:
    """What pip installs (the first requirement is the peer itself), what it is asked to do, and what is not as its
    manual has it."""

    name: str
    requirements: tuple[str, ...]
    tasks: tuple[Task, ...]
    note: str = ""

    @property
    def short(self) -> str:
        return self.name.lower().replace(" ", "_").replace("-", "_")


PEERS = (
    Peer(
        "datatrove",
        ("datatrove[processing,io]==0.10.1", "spacy==3.8.18"),
        (
            Task("filters", "FineWeb's four filters", "filters"),
            Task("dedup", "MinHash, four stages", "dedup"),
            Task("whole", "language, FineWeb's filters, MinHash", "whole"),
        ),
        "of its extra `multilingual` spaCy alone, which is what English needs; lid.176.ftz in place of the .bin that "
        "it would download",
    ),
    Peer(
        "dolma",
        ("dolma==1.2.1", "boto3==1.28.17"),
        (Task("filters", "taggers gopher_v1 and c4_v2", "gopher_c4", decides=False),),
        "boto3 as its s3fs asks for it, which pip is long in finding; without NLTK's punkt, which it would download "
        "and does not use here",
    ),
    Peer(
        "Data-Juicer",
        ("py-data-juicer==1.6.1", "aiohttp"),
        (Task("filters", "eight text filters of its own"), Task("dedup", "document_minhash_deduplicator", "dedup")),
        "with aiohttp, which it imports and does not require",
    ),
    Peer(
        "NeMo Curator",
        ("nemo-curator==1.4.0",),
        (Task("filters", "Gopher's filters of its heuristics"),),
        "the CPU path, on Ray Data; its fuzzy dedup needs a GPU",
    ),
    Peer(
        "Data Prep Kit",
        ("data-prep-toolkit-transforms[doc-quality,fdedup]==1.1.8", "pyarrow==18.1.0"),
        (
            Task("filters", "document quality: most of Gopher's and C4's figures", decides=False),
            Task("dedup", "fuzzy dedup, one process", "dedup", decides=False),
        ),
        "with a pyarrow that works beside the NumPy 1 it requires; Gopher's repetition annotator needs NLTK's punkt, "
        "which cannot be installed, and is left out",
    ),
)


def install(peer: Peer, work: Path) -> Environment:
    """The peer's environment under `work`."""
    return environment(peer.name, peer.requirements, work / "environments" / peer.short)


def run(peer: Peer, task: Task, python: str, source: Path, folder: Path) -> tuple[Cost, set[str]]:
    """Runs a task over the files in `source`; its cost, and the ids that stay (none where it failed)."""
    script, output = RUNNERS / f"run_{peer.short}.py", folder / "output"
    folder.mkdir(parents=True)
    alone = {
        "PYTHONPATH": "",
        "HF_HOME": str(folder / "huggingface"),
        "HF_HUB_OFFLINE": "1",
        "HF_DATASETS_OFFLINE": "1",
    }
    command = [python, script, task.name, source, output]
    if peer.name == "datatrove":
        command += ["--lid", embedded_model()]
    cost = measured(command, folder / "log.txt", alone)
    if cost.code:
        print(f"{peer.name}: {task.name} ended with {cost.code}: {folder / 'log.txt'}", file=sys.stderr)
        return cost, set()
    if not task.decides:
        decided = measured([python, script, "decide", source, output], folder / "decide.txt")
        if decided.code:
            raise SystemExit(f"{script.name} decide ended with {decided.code}:\n{decided.output}")
    kept = output / "kept.jsonl"
    files = [kept] if kept.exists() else sorted(output.glob("*.jsonl"))
    return cost, {orjson.loads(line)["id"] for file in files for line in file.open("rb")}
