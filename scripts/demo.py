"""The demo: makes pages, runs the quickstart recipe over them, and shows what became of every page.

    make demo

Everything lies under demo/. Run again, it makes nothing anew and shows the same.
"""

import subprocess
import sys
from pathlib import Path

from deltalake import DeltaTable

ROOT = Path(__file__).resolve().parent.parent
RECIPE = "examples/quickstart.recipe"
PAGES, LAKE, OUTPUT = "demo/pages", "demo/lake", "clean"


def say(*command: str) -> None:
    """Runs a command where the reader sees it; a failure ends the demo with the command's exit code."""
    print(f"\n$ {' '.join(command)}", flush=True)
    program = str(Path(sys.executable).parent / command[0])
    done = subprocess.run([program, *command[1:]], cwd=ROOT, stdin=subprocess.DEVNULL)
    if done.returncode:
        sys.exit(done.returncode)


def rows(table: str, *columns: str) -> list[dict]:
    """Some columns of one of the lake's tables, row by row."""
    return DeltaTable(str(ROOT / LAKE / table)).to_pyarrow_table(columns=list(columns)).to_pylist()


def main() -> None:
    if not any((ROOT / PAGES).glob("*.warc.gz")):
        say("python", "examples/make_pages.py", PAGES)
    say("recipec", "run", RECIPE, "--param", f"crawl={PAGES}/*.warc.gz", "--param", f"lake={LAKE}")
    say("recipec", "lineage", "funnel", LAKE, OUTPUT)
    kept = min(row["doc_id"] for row in rows(OUTPUT, "doc_id"))
    dropped = min(row["url"] for row in rows("_recipec/rejects", "url", "rule") if row["rule"].startswith("stats."))
    say("recipec", "lineage", "trace", LAKE, kept)
    say("recipec", "lineage", "why", LAKE, dropped)


if __name__ == "__main__":
    main()
