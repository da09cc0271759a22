"""A recipe small enough to be run as a process of its own many times, its input, and what came out."""

from __future__ import annotations

import json
import pydoc_data.topics
from collections.abc import Iterable
from pathlib import Path

from deltalake import DeltaTable
from recipe_runtime.delta_sql import query

RECIPE = """
recipe small
edition 2026
param input: path
param lake: path
param least: int = 20
source pages = jsonl(input) { id = id }
select clean from pages {
  keep stats.words >= least
}
write clean to delta(lake) {
  partition = [source]
  expect unique(doc_id, epoch)
}
"""


def write_files(folder: Path, count: int) -> list[Path]:
    """`count` JSONL files of a few topics each."""
    folder.mkdir(parents=True, exist_ok=True)
    topics = sorted(pydoc_data.topics.topics.items())
    out = []
    for i in range(count):
        path = folder / f"{i:03}.jsonl"
        rows = [{"id": f"{name}-{i}", "text": f"{text} {i}"} for name, text in topics[i % 70 : i % 70 + 3]]
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
        out.append(path)
    return out


def wanted(files: Iterable[Path], least: int = 20) -> list[str]:
    """The texts that RECIPE keeps of these files, sorted."""
    rows = [json.loads(line)["text"] for path in files for line in path.read_text().splitlines()]
    return sorted(text for text in rows if len(text.split()) >= least)


def texts(lake: Path) -> list[str]:
    """The texts of the output, sorted."""
    rows = query("select text from clean order by text", {"clean": DeltaTable(str(lake / "clean"))})
    return [row["text"] for row in rows]
