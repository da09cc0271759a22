"""Real servers that no one here wrote: the litellm proxy with mock answers, limits and failures, and llama.cpp's server
with a tiny model of random weights. The same recipe against each, a row a case.

    python -m bench.calls.servers --work DIR [--servers litellm llama]

A case is kept where the run ends with the exit it should and keeps as many answers. Ends with 1 where one does not.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from deltalake import DeltaTable
from pyspark.sql import SparkSession
from recipe_runtime import exits
from recipe_runtime.delta_sql import query
from recipe_runtime.errors import DONE, FAILED, INCOMPLETE, StepError
from recipec.backend import Backend
from recipec.driver import Compilation

from bench.calls.pages import write_pages
from bench.calls.sides import RUNNERS
from bench.selection.environments import environment

RECIPE = Path(__file__).parent / "recipes" / "servers.recipe"
REQUIREMENTS = {"litellm": ("litellm[proxy]==1.108.7",), "llama": ("xllamacpp==2026.10.11549", "gguf==0.19.0")}
PAGES, WORDS, LIMIT = 30, 60, 20
KEY = "sk-of-the-proxy"
WELL = {"mock_response": "the mock walked along the old river path"}
MOCKS = {
    "well": WELL,
    "limited": {**WELL, "rpm": LIMIT},
    "overloaded": {"mock_response": "litellm.RateLimitError"},
    "broken": {"mock_response": "litellm.InternalServerError"},
    "slow": {"mock_timeout": True, "timeout": 0.1},
    "too-long": {"mock_response": "litellm.ContextWindowExceededError"},
}
"""Model → what the proxy answers, the error that it mocks, or a limit of its own."""


@dataclass(frozen=True)
class Case:
    """A run: against which model, with what said otherwise in the recipe and its parameters, and how it should end:
    its exit and the answers kept (None: some and not all)."""

    name: str
    model: str
    exit: int
    kept: int | None
    params: Mapping[str, str] = field(default_factory=dict)
    changes: Mapping[str, str] = field(default_factory=dict)
    key: str = KEY
    long: bool = False  # one page of ten thousand words beside the others


COMPLETIONS = {"in_flight = 8": "in_flight = 8\n  api = completions"}
LITELLM = (
    Case("mock answers", "well", DONE, PAGES),
    Case("mock answers, completions", "well", DONE, PAGES, changes=COMPLETIONS),
    Case(f"{LIMIT} requests a minute", "limited", INCOMPLETE, None),
    Case("429 every time", "overloaded", INCOMPLETE, 0),
    Case("500 every time", "broken", INCOMPLETE, 0),
    Case("408 every time", "slow", INCOMPLETE, 0),
    Case("400, the context is exceeded, every time", "too-long", FAILED, 0),
    Case("a model it does not have", "nothing", FAILED, 0),
    Case("a wrong key", "well", FAILED, 0, key="sk-wrong"),
)
LLAMA = (
    Case("random words", "tiny", DONE, PAGES),
    Case("random words, completions", "tiny", DONE, PAGES, changes=COMPLETIONS),
    Case("a page past its context", "tiny", INCOMPLETE, PAGES, long=True),
    Case("the same, the context said", "tiny", DONE, PAGES, params={"limit": "2_048 tokens"}, long=True),
)


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


@contextmanager
def serving(command: list[str], url: str, alive: str, log: Path) -> Iterator[str]:
    """A server's process while it is needed; `alive` answers when it is up."""
    with log.open("wb") as out:
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=out, stderr=out)
        try:
            deadline = time.monotonic() + 120
            while not _answers(alive):
                if process.poll() is not None or time.monotonic() > deadline:
                    raise SystemExit(f"{command[0]} does not serve:\n{log.read_text(errors='replace')[-2_000:]}")
                time.sleep(0.5)
            yield url
        finally:
            process.terminate()
            process.wait(20)


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2):
            return True
    except (urllib.error.URLError, ConnectionError, TimeoutError):
        return False


def litellm(python: str, work: Path) -> Any:
    """The proxy, with every model of MOCKS."""
    models = [
        {"model_name": name, "litellm_params": {"model": f"openai/{name}", "api_key": "none", **mocked}}
        for name, mocked in MOCKS.items()
    ]
    config = {
        "model_list": models,
        "general_settings": {"master_key": KEY},
        "litellm_settings": {"num_retries": 0},
        "router_settings": {"num_retries": 0, "enable_pre_call_checks": True},
    }
    path, port = work / "litellm.json", free_port()
    path.write_text(json.dumps(config))  # YAML reads JSON
    program = str(Path(python).with_name("litellm"))
    command = [program, "--config", str(path), "--host", "127.0.0.1", "--port", str(port)]
    url = f"http://127.0.0.1:{port}"
    return serving(command, f"{url}/v1", f"{url}/health/liveliness", work / "litellm.log")


def llama(python: str, work: Path) -> Any:
    """llama.cpp's server."""
    port = free_port()
    command = [python, str(RUNNERS / "tiny_model.py"), str(work / "tiny.gguf"), str(port)]
    url = f"http://127.0.0.1:{port}"
    return serving(command, f"{url}/v1", f"{url}/health", work / "llama.log")


def run(case: Case, url: str, work: Path) -> tuple[int, str]:
    """The run's exit, and what it said last."""
    shutil.rmtree(work, ignore_errors=True)
    pages = write_pages(work / "pages", PAGES, WORDS)
    if case.long:
        write_pages(work / "more", 1, 10_000, first=PAGES)
        shutil.copy(next(p for p in (work / "more").iterdir() if p.stat().st_size), pages / "long.jsonl")
    text = RECIPE.read_text()
    for before, after in case.changes.items():
        text = text.replace(before, after)
    params = {"input": str(pages), "lake": str(work / "lake"), "server": url, "model": case.model, **case.params}
    script = Backend(Compilation(params=params, text=text, name=RECIPE.name)).script
    try:
        exec(compile(script, "script.py", "exec"), {})
    except StepError as error:
        return error.exit_code, str(error)
    return DONE, ""


def generations(lake: Path) -> list[dict[str, Any]]:
    """What was kept."""
    return query("select * from g", {"g": DeltaTable(str(lake / "_recipec" / "generations"))})


def main() -> int:
    """Runs the cases of each server."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--servers", nargs="+", default=["litellm", "llama"], choices=("litellm", "llama"))
    given = parser.parse_args()
    work = given.work.resolve()
    work.mkdir(parents=True, exist_ok=True)
    exits.exit_codes = lambda: None
    wrong = 0
    for name in given.servers:
        made = environment(name, REQUIREMENTS[name], work / "environments" / name)
        if made.problem:
            print(f"{name}: {made.problem}")
            continue
        begin, cases = {"litellm": (litellm, LITELLM), "llama": (llama, LLAMA)}[name]
        with begin(made.python, work) as url:
            for case in cases:
                wrong += not row(name, made.version, case, url, work / "run")
    return 1 if wrong else 0


def key_of_the_workers(key: str) -> None:
    """Workers take it from their environment, which is that of the session once there is one."""
    os.environ["SERVERS_KEY"] = key
    session = SparkSession.getActiveSession()
    if session is not None:
        session.sparkContext.environment["SERVERS_KEY"] = key


def row(server: str, version: str, case: Case, url: str, work: Path) -> bool:
    """Prints a case; did it end as it should?"""
    key_of_the_workers(case.key)
    began = time.monotonic()
    code, said = run(case, url, work)
    kept = generations(work / "lake")
    good = code == case.exit and (0 < len(kept) < PAGES if case.kept is None else len(kept) == case.kept)
    figures = sum(one["logprob"] is not None for one in kept), sorted({str(one["served_model"]) for one in kept})
    waiting = PAGES + case.long - len(kept)
    print(
        f"{'as it should' if good else 'OTHERWISE   '} {server} {version}: {case.name}: exit {code}, {len(kept)} kept, "
        f"{waiting} without an answer (log-probabilities {figures[0]}, served by {', '.join(figures[1]) or 'none'}), "
        f"{time.monotonic() - began:.0f} s\n    {' '.join(said.split())[:400]}",
        flush=True,
    )
    return good


if __name__ == "__main__":
    sys.exit(main())
