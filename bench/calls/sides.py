"""Who asks: recipec, a plain pandas_udf with a thread pool, and other libraries' clients. Each asks the same pages of
the same server, in a process of its own."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from bench.selection.environments import Environment, environment

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
RUNNERS = HERE / "runners"


@dataclass(frozen=True)
class Request:
    """What a side is to do: ask about `pages` (a folder of JSONL with `id` and `text`) at `url` with `window` calls at
    a time; `work` is a folder of its own."""

    pages: Path
    url: str
    window: int
    work: Path


@dataclass(frozen=True)
class Side:
    """`command` runs it; `problem` says why there is none."""

    name: str
    version: str
    command: Callable[[Request], list[str]]
    problem: str = ""


def recipec(recipe: str = "busy") -> Side:
    """The engine, from the miss search to the table: two tasks that share the window."""

    def command(request: Request) -> list[str]:
        params = {"input": request.pages, "lake": request.work / "lake", "server": request.url}
        given = [f"--param={name}={value}" for name, value in {**params, "window": request.window}.items()]
        return [sys.executable, "-m", "recipec.cli", "run", str(HERE / "recipes" / f"{recipe}.recipe"), *given]

    return Side("recipec", "this", command)


def pandas_udf(batch: int) -> Side:
    """A pandas_udf whose every batch of so many rows goes through a pool of window ÷ 2 threads, in two tasks."""

    def command(request: Request) -> list[str]:
        script = str(RUNNERS / "run_pandas_udf.py")
        return [sys.executable, script, str(request.pages), request.url, str(request.window), str(batch)]

    return Side(f"pandas_udf, batches of {batch:,}", "pyspark 4.2.0", command)


PEERS = {
    "datatrove": ("datatrove[processing,io]==0.10.1",),
    "distilabel": ("distilabel[openai]==1.5.3", "requests", "beautifulsoup4"),
}


def peer(name: str, folder: Path) -> Side:
    """Another library's client, in an environment that is made for it."""
    made: Environment = environment(name, PEERS[name], folder / name)
    script = str(RUNNERS / f"run_{name}.py")

    def command(request: Request) -> list[str]:
        return [made.python, script, str(request.pages), request.url, str(request.window), str(request.work)]

    return Side(name, made.version, command, made.problem)


def ask(side: Side, request: Request, env: Mapping[str, str] | None = None) -> str:
    """Runs a side; what it printed last where it failed, else nothing."""
    shutil.rmtree(request.work, ignore_errors=True)
    request.work.mkdir(parents=True)
    paths = os.pathsep.join(str(ROOT / name) for name in ("compiler", "runtime", "udfs"))
    ours = {"PYTHONPATH": paths, "PYSPARK_SUBMIT_ARGS": "--master local[2] pyspark-shell"}
    theirs = {} if side.version != "this" and "pandas_udf" not in side.name else ours
    log = request.work / "log"
    with log.open("wb") as out:
        done = subprocess.run(
            side.command(request), stdout=out, stderr=out, env={**os.environ, **theirs, **(env or {})}, check=False
        )
    return "" if done.returncode == 0 else log.read_text("utf-8", "replace")[-2_000:]
