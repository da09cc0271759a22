"""Model calls, measured: how full the window is, beside others; what the engine costs; the search for misses; prefixes.

    python -m bench.calls PART --work DIR [--window 64] [--pages 4096] [--latency 2 | --long-tail 1] [--sides …]
    python -m bench.calls report --work DIR [--write docs/bench-calls.md] [--json] [--no-limits]

PART is busy, cost, search or prefix. Results are kept under --work, a part's newer ones in place of older; `report`
makes the tables of them, and ends with 1 where a limit is passed. The server is the tests' stub, a process of its own,
whose ledger says everything about calls. Measure on a machine that does nothing else.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2] / "tests"))

from stub import StubProcess, read

from bench.calls import cost, prefix, report, search, sides
from bench.calls.busy import busy
from bench.calls.pages import write_pages

WORDS = 120
"""Of a page."""
ANSWER = "words:60"


def chosen(names: list[str], work: Path) -> list[sides.Side]:
    """The sides of these names; a pandas_udf's batch stands behind its name, `pandas_udf:500`."""
    found = []
    for name in names:
        kind, _, batch = name.partition(":")
        if kind == "recipec":
            found.append(sides.recipec())
        elif kind == "pandas_udf":
            found.append(sides.pandas_udf(int(batch or 500)))
        else:
            found.append(sides.peer(kind, work / "environments"))
    return found


def measure_busy(given: argparse.Namespace) -> Iterator[dict[str, Any]]:
    """One record a side."""
    pages = write_pages(given.work / f"pages-{given.pages}", given.pages, WORDS)
    fixed = given.long_tail is None
    latency = ["--latency", str(given.latency)] if fixed else ["--long-tail", str(given.long_tail)]
    for side in chosen(given.sides, given.work):
        about = {"part": "busy", "side": side.name, "version": side.version, "window": given.window}
        about |= {"latency": given.latency if fixed else given.long_tail, "long_tail": not fixed, "pages": given.pages}
        if side.problem:
            yield {**about, "failed": side.problem}
            continue
        record = given.work / "ledger.jsonl"
        record.unlink(missing_ok=True)
        with StubProcess(record, "--answer", ANSWER, *latency) as stub:
            failed = sides.ask(side, sides.Request(pages, stub.url, given.window, given.work / "run"))
        entries = read(record)
        if failed or len(entries) < given.pages:
            yield {**about, "failed": failed or f"{len(entries)} calls"}
        else:
            yield {**about, **busy(entries, given.window).record()}


def measure(given: argparse.Namespace) -> Iterator[dict[str, Any]]:
    """The records of a part, as they are made."""
    if given.part == "busy":
        yield from measure_busy(given)
    elif given.part == "cost":
        yield from cost.costs(given.work)
    elif given.part == "search":
        yield from search.searches(given.work)
    elif given.part == "prefix":
        yield from prefix.shares([sides.recipec("formats")], given.work)


def main() -> int:
    """Measures a part, or reports."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("part", choices=("busy", "cost", "search", "prefix", "report"))
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--window", type=int, default=64)
    parser.add_argument("--pages", type=int, default=4_096)
    parser.add_argument("--latency", type=float, default=2.0, help="seconds of every call")
    parser.add_argument("--long-tail", type=float, help="median of log-normal seconds, p99 = 10 × median")
    parser.add_argument("--sides", nargs="+", default=["recipec", "pandas_udf"], metavar="SIDE")
    parser.add_argument("--write", type=Path, help="put the tables into this file, between its marks")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--no-limits", action="store_true")
    given = parser.parse_args()
    given.work = given.work.resolve()
    given.work.mkdir(parents=True, exist_ok=True)
    kept = given.work / "results.jsonl"
    if given.part == "report":
        return report.report(kept, given.write, as_json=given.json, limits=not given.no_limits)
    for record in measure(given):
        print(json.dumps(record), flush=True)
        with kept.open("a") as out:
            out.write(json.dumps(record) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
