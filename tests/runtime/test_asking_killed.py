"""A job killed in the middle of its calls, as a process of its own."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

from asking_jobs import RECIPE, generations, holds, line, output, write_texts, writer
from recipe_runtime import landing
from recipe_runtime.generations import fold_left_over
from recipe_runtime.lineage.balance import balance
from running import compile_recipe, run_here
from stub_server import Fault
from test_processes import child

UNITS, IN_FLIGHT = 160, 8


def landed(lake: Path) -> int:
    """Answers that are on the disk and in no table yet."""
    return landing.landed(str(lake), columns=["key"]).num_rows


def test_a_run_killed_in_mid_call_asks_again_only_what_had_not_landed(quiet, tmp_path):
    """Fault 3: calls in all ≤ units + (in flight + not yet landed); the output is that of an undisturbed run.
    Fault 22: the key that the job had from its environment stands nowhere in the lake or in what it printed."""
    canary = "canary-" + os.urandom(8).hex()
    recipe = RECIPE.replace("in_flight = 8", f"in_flight = {IN_FLIGHT}")
    texts = write_texts(tmp_path / "in.jsonl", {f"page-{i}": line(f"Name{i}") for i in range(UNITS)})
    lake = tmp_path / "lake"
    # Three quarters are answered, within their 5 s some have landed, and the others hang until the run is dead.
    with writer(faults=lambda request, n: Fault(hang=True) if n > UNITS * 3 // 4 else None) as stub:
        params = {"input": texts, "lake": str(lake), "server": stub.url}
        process = child(compile_recipe(recipe, params), tmp_path, ASKING_KEY=canary)
        deadline = time.monotonic() + 200
        while not (stub.completions == UNITS * 3 // 4 and landed(lake)) and time.monotonic() < deadline:
            assert process.poll() is None, (tmp_path / "log").read_text()
            time.sleep(0.05)
        os.killpg(process.pid, signal.SIGKILL)
        process.wait(120)
    before, kept = stub.completions, landed(lake)
    assert before == UNITS * 3 // 4 and 0 < kept <= before and not (lake / "told").exists()
    assert stub.ledger[0].headers["authorization"] == f"Bearer {canary}"
    with writer() as rest:
        ran = run_here(recipe, lake, input=texts, server=rest.url)
    assert rest.completions == UNITS - kept, "what had landed is not asked again"
    assert before + rest.completions <= UNITS + IN_FLIGHT + (before - kept)
    assert len(generations(lake)) == len({row["key"] for row in generations(lake)}) == UNITS
    assert balance(str(lake)).holds
    (dead,) = landing.folders(str(lake))
    assert ran.variables["job"].run_id != dead, "it said a moment ago that it was alive"
    (lake / "_recipec" / "landed" / dead / landing.ALIVE).write_text(f"{time.time() - 3600:.3f}\n")
    fold_left_over(ran.variables["job"])
    assert landing.folders(str(lake)) == [] and len(generations(lake)) == UNITS
    assert not holds(lake, canary) and canary not in (tmp_path / "log").read_text()

    with writer() as stub:
        undisturbed = run_here(recipe, tmp_path / "other", input=texts, server=stub.url)
    assert stub.completions == UNITS
    columns = ("doc_id", "epoch", "text", "tier", "origin", "tokens", "copied_tokens")
    one, other = (
        sorted([row[name] for name in columns if row[name] is not None] for row in output(which, "told"))
        for which in (ran, undisturbed)
    )
    assert one == other and len(one) == UNITS
