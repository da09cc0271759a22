"""A job killed in the middle of its calls, as a process of its own."""

from __future__ import annotations

import json
import os
import signal
import time
from contextlib import suppress
from pathlib import Path

from asking_jobs import RECIPE, generations, holds, line, output, steps, write_texts, writer
from children import alive, child
from recipe_runtime import landing
from recipe_runtime.generations import fold_left_over
from recipe_runtime.lineage.balance import balance
from running import compile_recipe, run_here

UNITS, IN_FLIGHT = 160, 8


def landed(lake: Path) -> int:
    """Answers that are on the disk and in no table yet."""
    return landing.landed(str(lake), columns=["key"]).num_rows


def unpacked_spark(folder: Path) -> str:
    """A folder of Spark's defaults: those of all tests, an event log, and files on disk that can be looked through."""
    settings = {
        "spark.eventLog.enabled": "true",
        "spark.eventLog.dir": str(folder / "events"),
        "spark.local.dir": str(folder / "local"),
        **{f"spark.{what}.compress": "false" for what in ("eventLog", "shuffle", "shuffle.spill", "broadcast", "rdd")},
    }
    (folder / "events").mkdir()
    (folder / "conf").mkdir()
    ours = "".join(f"{name} {value}\n" for name, value in settings.items())
    theirs = Path(os.environ["SPARK_CONF_DIR"], "spark-defaults.conf").read_text()
    (folder / "conf" / "spark-defaults.conf").write_text(theirs + ours)
    return str(folder / "conf")


def arguments() -> bytes:
    """What all processes of this machine were called with."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(FileNotFoundError, ProcessLookupError):
            found.append(path.read_bytes())
    return b"".join(found)


def test_a_run_killed_in_mid_call_asks_again_only_what_had_not_landed(quiet, tmp_path):
    """Fault 3: calls in all ≤ units + (in flight + not yet landed); the output is that of an undisturbed run, and
    `steps` has all the calls of the answers that are kept.
    Fault 22: the key that the job had from its environment stands nowhere: not in its script, the lake, what landed,
    Spark's event log and local folders, what it printed, or how its processes were called."""
    canary = "canary-" + os.urandom(8).hex()
    recipe = RECIPE.replace("in_flight = 8", f"in_flight = {IN_FLIGHT}")
    texts = write_texts(tmp_path / "in.jsonl", {f"page-{i}": line(f"Name{i}") for i in range(UNITS)})
    lake = tmp_path / "lake"
    with writer(latency=0.5) as stub:  # some 10 s of calls, of which the first 5 have landed
        params = {"input": texts, "lake": str(lake), "server": stub.url}
        script = compile_recipe(recipe, params)
        process = child(script, tmp_path, ASKING_KEY=canary, SPARK_CONF_DIR=unpacked_spark(tmp_path))
        deadline = time.monotonic() + 200
        while not (stub.completions >= UNITS // 2 and landed(lake)) and time.monotonic() < deadline:
            assert process.poll() is None, (tmp_path / "log").read_text()
            time.sleep(0.05)
        called = arguments()
        while running := alive(process.pid):  # the workers too, which would go on for a moment
            for one in running:
                with suppress(ProcessLookupError):
                    os.kill(one, signal.SIGKILL)
        process.wait()
    before, kept = stub.completions, landed(lake)
    assert UNITS // 2 <= before < UNITS and 0 < kept < UNITS and not (lake / "told").exists()
    assert stub.ledger[0].headers["authorization"] == f"Bearer {canary}"
    assert canary.encode() not in called and str(tmp_path).encode() in called
    assert holds(tmp_path, canary) == []
    told = {"job.py": "ASKING_KEY", "events": "EnvironmentUpdate", "local": "walked along", "lake": "ASKING_KEY"}
    for place, what in {**told, "lake/_recipec/landed": "Answer: "}.items():
        found = holds(tmp_path / place, what) if (tmp_path / place).is_dir() else what in (tmp_path / place).read_text()
        assert found, f"{place} was looked through, and does not even have what it must have"
    with writer() as rest:
        ran = run_here(recipe, lake, input=texts, server=rest.url)
    assert rest.completions == UNITS - kept, "what had landed is not asked again"
    assert before + rest.completions <= UNITS + IN_FLIGHT + (before - kept)
    assert len(generations(lake)) == len({row["key"] for row in generations(lake)}) == UNITS
    asked = steps(ran)["told.answers", "ask"]
    assert asked["calls"] == UNITS, "what the dead run had landed is in the books of the run that finished the step"
    said = json.loads(asked["report"])
    assert said["run"]["calls"] == rest.completions
    assert (said["prompt_tokens"], said["completion_tokens"]) == (7 * UNITS, 5 * UNITS)
    assert balance(str(lake)).holds
    (dead,) = landing.folders(str(lake))
    assert ran.variables["job"].run_id != dead, "it said a moment ago that it was alive"
    (lake / "_recipec" / "landed" / dead / landing.ALIVE).write_text(f"{time.time() - 3600:.3f}\n")
    fold_left_over(ran.variables["job"])
    assert landing.folders(str(lake)) == [] and len(generations(lake)) == UNITS

    with writer() as stub:
        undisturbed = run_here(recipe, tmp_path / "other", input=texts, server=stub.url)
    assert stub.completions == UNITS
    columns = ("doc_id", "epoch", "text", "tier", "origin", "tokens", "copied_tokens")
    one, other = (
        sorted([row[name] for name in columns if row[name] is not None] for row in output(which, "told"))
        for which in (ran, undisturbed)
    )
    assert one == other and len(one) == UNITS
