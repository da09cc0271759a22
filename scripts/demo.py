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
    done = subprocess.run([str(Path(sys.executable).parent / command[0]), *command[1:]], cwd=ROOT,
                          stdin=subprocess.DEVNULL)
    if done.returncode:
        sys.exit(done.returncode)


def rows(table: str, *columns: str) -> list[dict]:
    """Some columns of one of the lake's tables, row by row."""
    delta = DeltaTable(str(ROOT / LAKE / table))
    return delta.to_pyarrow_table(columns=list(columns)).to_pylist()


def funnel() -> None:
    """Rows and bytes in and kept of each step, and the rules that dropped the rest."""
    print(f"\n{'step':<24}{'rows in':>9}{'kept':>9}{'MB in':>9}{'MB kept':>9}  dropped by")
    figures = ["rows_in", "rows_kept", "bytes_in", "bytes_kept"]
    steps = rows("_recipec/steps", "made_at", "step", "name", "operation", "dropped", *figures)
    totals: dict[str, dict] = {}
    for row in sorted(steps, key=lambda row: row["made_at"]):
        total = totals.setdefault(row["step"], {**row, **dict.fromkeys(figures, 0), "dropped": {}})
        for figure in figures:
            total[figure] += row[figure] or 0
        for rule, count in dict(row["dropped"] or {}).items():
            total["dropped"][rule] = total["dropped"].get(rule, 0) + count
    for total in totals.values():
        dropped = sorted(total["dropped"].items(), key=lambda item: -item[1])
        reasons = [f"{count} {rule}" for rule, count in dropped] or ["nothing"]
        name = f"{total['name']} {total['operation'] or ''}".strip()
        megabytes = f"{total['bytes_in'] / 1e6:>9.2f}{total['bytes_kept'] / 1e6:>9.2f}"
        print(f"{name:<24}{total['rows_in']:>9}{total['rows_kept']:>9}{megabytes}  {reasons[0]}")
        for reason in reasons[1:]:
            print(" " * 62 + reason)


def main() -> None:
    if not any((ROOT / PAGES).glob("*.warc.gz")):
        say("python", "examples/make_pages.py", PAGES)
    say("recipec", "run", RECIPE, "--param", f"crawl={PAGES}/*.warc.gz", "--param", f"lake={LAKE}")
    funnel()
    kept = min(rows(OUTPUT, "doc_id"), key=lambda row: row["doc_id"])
    dropped = min(rows("_recipec/rejects", "rule", "url"), key=lambda row: (row["rule"], row["url"] or ""))
    print(f"\n{LAKE}/{OUTPUT} version {DeltaTable(str(ROOT / LAKE / OUTPUT)).version()}")
    say("recipec", "lineage", "trace", LAKE, kept["doc_id"])
    say("recipec", "lineage", "why", LAKE, dropped["url"])


if __name__ == "__main__":
    main()
