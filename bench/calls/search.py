"""The search for misses over a hundred thousand and a million cached generations: time, bytes read, driver's memory."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from stub import StubProcess

from bench.calls.sides import ROOT, RUNNERS

ROWS = (100_000, 1_000_000)
TIMES_A_SCAN = 1.5
"""Seconds of a search over those of one scan of the class's keys, where there are most: at most."""
SAME_MEMORY = 1.05
"""The driver's memory with most generations over that with fewest: at most."""
RUNS = 15
"""Of each, in runners/search.py."""


def searches(work: Path) -> Iterator[dict[str, Any]]:
    """One record for each size."""
    for rows in ROWS:
        folder = work / f"search-{rows}"
        shutil.rmtree(folder, ignore_errors=True)
        (folder / "events").mkdir(parents=True)
        conf = {
            "spark.eventLog.enabled": "true", "spark.eventLog.dir": (folder / "events").as_uri(),
            "spark.eventLog.compress": "false", "spark.eventLog.rolling.enabled": "false",
            # Parquet's own threads, whose reads Spark does not count.
            "spark.hadoop.parquet.hadoop.vectored.io.enabled": "false",
        }  # fmt: skip
        words = ["--master", "local[2]", *(w for name, value in conf.items() for w in ("--conf", f"{name}={value}"))]
        paths = [ROOT, *(ROOT / name for name in ("compiler", "runtime", "udfs"))]
        env = {
            **os.environ, "PYTHONPATH": os.pathsep.join(map(str, paths)),
            "PYSPARK_SUBMIT_ARGS": " ".join([*words, "pyspark-shell"]),
        }  # fmt: skip
        with StubProcess(folder / "ledger.jsonl", "--answer", "words:20") as stub:
            script = [sys.executable, str(RUNNERS / "search.py"), str(folder), stub.url, str(rows), str(RUNS)]
            done = subprocess.run(script, env=env, check=False, capture_output=True, text=True)
        if done.returncode:
            raise SystemExit(f"the search over {rows:,} rows failed:\n{done.stderr[-3_000:]}")
        figures = json.loads(done.stdout.splitlines()[-1])
        yield {"part": "search", **figures, **read_bytes(folder / "events")}


def read_bytes(events: Path) -> dict[str, float]:
    """By job group: bytes that one run read, and bytes that its tasks sent to the driver."""
    groups: dict[int, str] = {}
    read: dict[str, int] = {}
    sent: dict[str, int] = {}
    for path in events.iterdir():
        for line in path.open():
            event = json.loads(line)
            if event["Event"] == "SparkListenerJobStart":
                group = (event.get("Properties") or {}).get("spark.jobGroup.id", "")
                groups.update(dict.fromkeys(event["Stage IDs"], group))
            elif event["Event"] == "SparkListenerTaskEnd" and "Task Metrics" in event:
                group, metrics = groups.get(event["Stage ID"], ""), event["Task Metrics"]
                read[group] = read.get(group, 0) + metrics["Input Metrics"]["Bytes Read"]
                sent[group] = sent.get(group, 0) + metrics["Result Size"]
    names = ("all", "none", "scan")
    return {
        **{f"{name}_bytes": read.get(name, 0) / RUNS for name in names},
        **{f"{name}_sent": sent.get(name, 0) / RUNS for name in names},
    }
