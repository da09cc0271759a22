"""What an answer about a lake costs: `lineage trace` and `lineage why` beside an empty Python.

    python bench/lineage.py [--lake PATH] [--runs 10] [--json] [--no-limits]

Without --lake the quickstart recipe makes one first, of the tests' pages (half a minute). Costs are processor seconds
(user and system) of whole processes, the median of runs that take turns, so that a busy machine slows all of them
alike. Ends with 1 where a limit is passed.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from compile import ROOT, cost
from deltalake import DeltaTable
from recipe_runtime.delta_sql import query

RECIPE = ROOT / "examples" / "quickstart.recipe"
PAGES = ROOT / "tests" / "runtime" / "data" / "own_pages.warc.gz"
RECIPEC = [sys.executable, "-m", "recipec.cli"]
ANSWER = 2.0
"""Seconds that an answer may cost."""


def make_lake(folder: Path) -> Path:
    """A lake that the quickstart recipe made."""
    lake = folder / "lake"
    given = ["--param", f"crawl={PAGES}", "--param", f"lake={lake}"]
    done = subprocess.run([*RECIPEC, "run", str(RECIPE), *given], stderr=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{RECIPE.name} ended with {done.returncode}:\n{done.stderr[-2000:]}")
    return lake


def one_id(table: Path, where: str = "true") -> str | None:
    """The first id of a table, if any."""
    rows = query(f"select min(doc_id) as id from t where {where}", {"t": DeltaTable(str(table))})
    return rows[0]["id"]


def questions(lake: Path) -> dict[str, list[str]]:
    """What is asked: about a row of the first output that has one, and about a row that a rule dropped."""
    logs = sorted(lake.glob("*/_delta_log"))
    kept = next((found for log in logs if (found := one_id(log.parent))), None)
    dropped = one_id(lake / "_recipec" / "rejects", "doc_id is not null and outcome = 'rejected'")
    asked = {
        "trace, a row kept": ("trace", kept),
        "why, a row kept": ("why", kept),
        "why, a row dropped": ("why", dropped),
    }
    found = {
        name: [*RECIPEC, "lineage", command, str(lake), doc_id, "--json"]
        for name, (command, doc_id) in asked.items()
        if doc_id
    }
    if not found:
        raise SystemExit(f"{lake} holds no row to ask about")
    return found


def measure(lake: Path, runs: int) -> dict[str, list[float]]:
    """Seconds of every run, by what was asked."""
    forms = {"python -c pass": [sys.executable, "-c", "pass"], **questions(lake)}
    spent: dict[str, list[float]] = {name: [] for name in forms}
    for turn in range(runs + 1):
        for name, command in forms.items():
            seconds = cost(command)
            if turn:  # the first fills the caches of compiled files
                spent[name].append(seconds)
    return spent


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--lake", type=Path, help="a lake that stands; else one is made")
    parser.add_argument("--runs", type=int, default=10)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--no-limits", action="store_true", help="end with 0 whatever was measured")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        spent = measure(options.lake.resolve() if options.lake else make_lake(Path(folder)), options.runs)
    median = {name: statistics.median(seconds) for name, seconds in spent.items()}
    base = median.pop("python -c pass")
    over = any(seconds > ANSWER for seconds in median.values())
    if options.json:
        limits = {f"{name}, seconds": {"value": seconds, "limit": ANSWER} for name, seconds in median.items()}
        print(json.dumps({"runs": spent, "median": {"python -c pass": base, **median}, "limits": limits}, indent=2))
    else:
        print(f"{'':5}{'':20} {'seconds':>8} {'÷ pass':>7}   median of {options.runs}, limit {ANSWER} s")
        print(f"{'':5}{'python -c pass':20} {base:8.3f} {1:7.1f}")
        for name, seconds in median.items():
            print(f"{'ok   ' if seconds <= ANSWER else 'OVER '}{name:20} {seconds:8.3f} {seconds / base:7.1f}")
    return int(over and not options.no_limits)


if __name__ == "__main__":
    sys.exit(main())
