"""What the engine costs: calls a second before a server that answers at once, processor seconds, memory."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from stub import StubProcess

from bench.calls.sides import ROOT, RUNNERS

CALLS = {64: 20_000, 256: 20_000, 1_024: 20_000}
"""Window → calls."""
ANSWER = "words:60"


def costs(work: Path) -> Iterator[dict[str, Any]]:
    """One record for each client and window, and one of how many requests the server can take."""
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(str(ROOT / name) for name in ("compiler", "runtime", "udfs"))}
    for window, calls in CALLS.items():
        for kind in ("recipec", "openai"):
            record = work / f"cost-{kind}-{window}.jsonl"
            record.unlink(missing_ok=True)
            with StubProcess(record, "--answer", ANSWER) as stub:
                script = [sys.executable, str(RUNNERS / "client_cost.py"), kind, stub.url, str(window), str(calls)]
                done = subprocess.run(script, env=env, check=True, capture_output=True, text=True)
            yield {"part": "cost", "side": kind, "window": window, **json.loads(done.stdout)}
