"""`make faults`: every fault at full size, or those named, a row each.

    python -m faults [--small] [--keep DIR] [NUMBER …]
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
import traceback
from pathlib import Path

from recipe_runtime import exits
from running import quick_conf

from faults import all_cases
from faults.place import FULL, SMALL, Place

COLUMNS = "{:>3}  {:52} {:>7} {:>7} {:>7} {:>7}  {:8} {:>5}"


def main() -> int:
    """Ends with 1 where a fault was not survived."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--small", action="store_true", help="the sizes of the tests")
    parser.add_argument("--keep", type=Path, help="leave lakes, logs and ledgers there")
    parser.add_argument("numbers", type=int, nargs="*")
    given = parser.parse_args()
    cases = all_cases()
    wanted = given.numbers or sorted(cases)
    exits.exit_codes = lambda: None  # the hook is for a process of the job's own
    with tempfile.TemporaryDirectory(prefix="faults-") as scratch:
        folder = given.keep or Path(scratch)
        os.environ["SPARK_CONF_DIR"] = quick_conf(folder / "conf")
        print(COLUMNS.format("#", "fault", "calls", "misses", "rows", "bound", "result", "s"), flush=True)
        size = SMALL if given.small else FULL
        prepared = Place(folder / "prepared", size).prepare()
        failed = sum(not row(cases[n], Place(folder / f"fault-{n}", size).start_from(prepared)) for n in wanted)
    print(f"{len(wanted) - failed} passed, {failed} failed")
    return 1 if failed else 0


def row(case, place: Place) -> bool:
    """Prints a fault's row; was it survived?"""
    began = time.monotonic()
    try:
        found = case.happen(place)
    except Exception as error:  # noqa: BLE001  one fault that fails must not hide the others
        text = COLUMNS.format(case.number, case.name, "", "", "", "", "FAILED", f"{time.monotonic() - began:.0f}")
        print(text, flush=True)
        traceback.print_exception(error)
        return False
    figures = (f"{n:,}" for n in (found.calls, found.misses, found.rows, found.bound))
    print(COLUMNS.format(case.number, case.name, *figures, "passed", f"{time.monotonic() - began:.0f}"), flush=True)
    if found.note:
        print(f"     {found.note}", flush=True)
    return True


if __name__ == "__main__":
    sys.exit(main())
