"""recipec's side: the recipes in recipes/, by `recipec run`.

    run(recipe, source, folder) -> Run
    bare(rows, folder) -> Cost

The lake is made anew each time; what stays is read back by the record's key with delta-rs.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import orjson
import pyarrow.dataset as ds
from deltalake import DeltaTable

from bench.selection.measure import Cost, measured
from bench.selection.sizes import logging

HERE = Path(__file__).parent
BIN = Path(sys.executable).parent


def run(recipe: str, source: Path, folder: Path) -> Cost:
    """Runs a recipe; the lake is `folder`/lake, Spark's events are in `folder`/events."""
    parameters = ["--param", f"input={source}", "--param", f"lake={folder / 'lake'}"]
    command = [BIN / "recipec", "run", HERE / "recipes" / f"{recipe}.recipe", *parameters]
    return measured(command, folder / "log.txt", {**_environment(), **logging(folder / "events")})


def table(folder: Path) -> DeltaTable:
    """The one output in the lake."""
    (output,) = (path for path in (folder / "lake").iterdir() if path.name != "_recipec")
    return DeltaTable(output)


def survivors(folder: Path) -> set[str]:
    """Keys of the rows written."""
    return set(table(folder).to_pyarrow_dataset().to_table(["key"])["key"].to_pylist())


def prepare_bare(lake: Path, folder: Path, files: int) -> Path:
    """The rows that a run wrote, key and text, as a folder of so many .jsonl files."""
    folder.mkdir(parents=True)
    outputs = [(folder / f"part-{i:05}.jsonl").open("wb") for i in range(files)]
    written: ds.Dataset = table(lake).to_pyarrow_dataset()
    row = 0
    for batch in written.to_batches(columns=["key", "text"], batch_size=10_000):
        for key, text in zip(batch["key"].to_pylist(), batch["text"].to_pylist(), strict=True):
            outputs[row % files].write(orjson.dumps({"id": key, "text": text}, option=orjson.OPT_APPEND_NEWLINE))
            row += 1
    for output in outputs:
        output.close()
    return folder


def bare(rows: Path, folder: Path) -> Cost:
    """Copies the rows into a Delta table by plain Spark."""
    return measured([sys.executable, HERE / "bare.py", rows, folder / "copy"], folder / "log.txt", _environment())


def _environment() -> dict[str, str]:
    return {"PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}"}
