"""The demo: makes pages, runs the flagship recipe over them, and shows what became of every page.

    make demo

Everything lies under demo/. Run again, it makes nothing anew and shows the same.
"""

import subprocess
import sys
from pathlib import Path

from deltalake import DeltaTable
from recipe_runtime.delta_sql import query

ROOT = Path(__file__).resolve().parent.parent
RECIPE = "recipes/nemotron_like.recipe"
PAGES, LAKE, OUTPUT = "demo/pages", "demo/lake", "pretrain"


def say(*command: str) -> None:
    """Runs a command where the reader sees it; a failure ends the demo with the command's exit code."""
    print(f"\n$ {' '.join(command)}", flush=True)
    program = str(Path(sys.executable).parent / command[0])
    done = subprocess.run([program, *command[1:]], cwd=ROOT, stdin=subprocess.DEVNULL)
    if done.returncode:
        sys.exit(done.returncode)


def first(table: str, column: str, rest: str) -> str:
    """A column of the first row of one of the lake's tables, as `rest` of a statement chooses it."""
    tables = {"t": DeltaTable(str(ROOT / LAKE / table))}
    return query(f"select {column} as found from t {rest} limit 1", tables)[0]["found"]


def main() -> None:
    if not any((ROOT / PAGES).glob("*.warc.gz")):
        say("python", "examples/make_pages.py", PAGES)
    say("recipec", "run", RECIPE, "--param", f"crawl={PAGES}/*.warc.gz", "--param", f"lake={LAKE}")
    say("recipec", "lineage", "funnel", LAKE, OUTPUT)
    say("recipec", "lineage", "shares", LAKE, OUTPUT)
    say("recipec", "lineage", "generations", LAKE)
    licensed = "where origin = 'organic' order by coalesce(cardinality(license), 0) desc, doc_id"
    rewritten = "where origin = 'synthetic' order by cardinality(generations), doc_id"
    measured = "where rule like 'stats.%' order by url"
    say("recipec", "lineage", "trace", LAKE, first(OUTPUT, "doc_id", licensed))
    say("recipec", "lineage", "trace", LAKE, first(OUTPUT, "doc_id", rewritten))
    say("recipec", "lineage", "why", LAKE, first("_recipec/rejects", "url", measured))


if __name__ == "__main__":
    main()
