"""Runs that are killed, interrupted or doubled in the middle of their calls."""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from asking_jobs import output
from children import LONG, alive, until
from deltalake import DeltaTable
from recipe_runtime import landing, session, tables
from recipe_runtime.delta_sql import query
from recipe_runtime.generations import fold_left_over
from recipe_runtime.lake import Lake
from recipe_runtime.lineage import trace
from recipec.backend import FORMS, Backend
from recipec.driver import Compilation
from stub.clients import kill_client
from stub.ledger import digest
from stub_server import Fault, Stub

from faults.cases import fault
from faults.oracle import Found, not_landed, settled
from faults.place import Child, Place


def in_mid_call(place: Place, stub: Stub, job: Child) -> None:
    """Waits until half of the units have been called and some answers have landed."""
    half = place.size.units // 2
    until(lambda: stub.completions >= half and landing.files(str(place.lake)), job.process, job.folder)
    assert stub.completions < place.size.units, "it was not killed in time"


def kill(job: Child) -> None:
    """SIGKILL to all processes of the run, also Spark's Python workers, which would go on for a moment."""
    while running := alive(job.process.pid):
        for pid in running:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
    job.process.wait(20)


def gone(job: Child) -> None:
    """Waits until nothing that the run began is left."""
    deadline = time.monotonic() + LONG
    while left := alive(job.process.pid):
        assert time.monotonic() < deadline, left
        time.sleep(0.1)


@fault(1, "Python worker killed (SIGKILL)")
def worker_killed(place: Place) -> Found:
    """At a late request, the process that asks. The task is tried again and finds what had landed."""
    costs: list[int] = []

    def shoot(peer: tuple[str, int]) -> None:
        kill_client(peer)
        costs.append(not_landed(place))

    at = place.size.units * 7 // 8
    with place.server(latency=place.size.seconds, faults={at: Fault(act=shoot)}) as stub:
        place.run(stub.url)
    return settled(place, again=place.size.in_flight + costs[0])


@fault(3, "driver killed (kill -9) before a commit")
def driver_killed(place: Place) -> Found:
    """In mid-call, then when all has landed and nothing is in `generations` yet. The next run asks what is missing."""
    with place.server(latency=place.size.seconds) as stub:
        job = place.begin(stub.url)
        in_mid_call(place, stub, job)
        kill(job)
    lost = not_landed(place)
    kept = sum(entry.completion for entry in place.entries()) - lost
    assert kept > 0
    with place.server() as stub:
        job = place.begin(stub.url, RECIPEC_FAILPOINT="landed")
        job.end((-signal.SIGKILL,))
        kill(job)
        assert stub.completions == place.size.units - kept, "what had landed is not asked again"
        assert not (place.lake / "told").exists()
    with place.server() as stub:
        ran = place.run(stub.url)
        assert stub.ledger == [], "all had landed"
    dead = landing.folders(str(place.lake))
    assert len(dead) == 2, "they said a moment ago that they were alive"
    for run in dead:
        (place.lake / "_recipec" / "landed" / run / landing.ALIVE).write_text(f"{time.time() - 3600:.3f}\n")
    fold_left_over(ran.variables["job"])
    assert landing.folders(str(place.lake)) == []
    return settled(place, again=2 * place.size.in_flight + lost)


@fault(4, "driver killed after the commit, before the manifest")
def manifest_missing(place: Place) -> Found:
    """No second version; the next run writes the record of the dead one."""
    with place.server() as stub:
        place.begin(stub.url, RECIPEC_FAILPOINT="commit").end((-signal.SIGKILL,))
        assert DeltaTable(str(place.lake / "told")).version() == 0
        ran = place.run(stub.url)
    assert DeltaTable(str(place.lake / "told")).version() == 0
    rows = ran.ledger("runs")
    _, dead, living = sorted({row["run_id"] for row in rows})
    repaired = next(row for row in rows if row["run_id"] == dead and row["state"] == "ended")
    assert repaired["repaired_by"] == living and repaired["outputs"][0]["version"] == 0
    assert [row["kind"] for row in ran.ledger("steps")].count("write") == 1
    assert sum(row["rows"] for row in ran.ledger("stats")) == place.size.units
    return settled(place)


def documents(place: Place) -> set[str]:
    """The files whose documents are kept."""
    for first in (place.lake / "_recipec" / "relations").glob("*/_delta_log/00000000000000000000.json"):
        table = DeltaTable(str(first.parent.parent))
        if "raw_hash" in [column.name for column in table.schema().fields]:
            return {row["file_id"] for row in query("select file_id from t where marker", {"t": table})}
    return set()


@fault(6, "shuffle files lost")
def shuffle_lost(place: Place) -> Found:
    """In mid-call, and then the worker that reads them: its second attempt finds none, the stage that wrote them runs
    again, and the calls find what had landed."""
    context = session.create("faults").sparkContext
    env = context._jvm.org.apache.spark.SparkEnv.get()
    folders = [Path(name) for name in env.blockManager().diskBlockManager().localDirsString()]
    costs: list[int] = []

    def lose(peer: tuple[str, int]) -> None:
        files = [path for folder in folders for path in folder.rglob("shuffle_*")]
        assert files
        for path in files:
            path.unlink()
        kill_client(peer)
        costs.append(not_landed(place))

    at = place.size.units * 7 // 8
    with place.server(latency=place.size.seconds, faults={at: Fault(act=lose)}) as stub:
        place.run(stub.url)
    tracker = context.statusTracker()
    stages = [info for job in tracker.getJobIdsForGroup(None) for info in stages_of(tracker, job)]
    assert any(info.currentAttemptId > 0 for info in stages), "a stage ran again"
    return settled(place, again=place.size.in_flight + costs[0])


def stages_of(tracker: Any, job: int) -> list[Any]:
    """What Spark still knows of a job's stages."""
    info = tracker.getJobInfo(job)
    found = [tracker.getStageInfo(stage) for stage in info.stageIds] if info is not None else []
    return [one for one in found if one is not None]


@fault(13, "SIGINT in mid-shard, SIGTERM in mid-call")
def interrupted(place: Place) -> Found:
    """Exit 130 and 143, no process left; finished shards and landed answers are kept."""
    shutil.rmtree(place.lake)
    folder = place.folder / "in"
    folder.mkdir()
    lines = Path(place.texts).read_text().splitlines(keepends=True)
    for part in range(8):
        (folder / f"{part}.jsonl").write_text("".join(lines[part::8]))
    place.texts = str(folder)
    with place.server(latency=place.size.seconds) as stub:
        job = place.begin(stub.url, RECIPEC_SHARD_BYTES="1")
        until(lambda: documents(place), job.process, job.folder)
        job.process.send_signal(signal.SIGINT)
        ended_quietly(job, 130)
        shards = documents(place)
        assert 0 < len(shards) < 8 and stub.ledger == []
        job = place.begin(stub.url)
        in_mid_call(place, stub, job)
        job.process.send_signal(signal.SIGTERM)
        ended_quietly(job, 143)
    assert shards <= documents(place), "finished shards stay"
    lost = not_landed(place)
    with place.server() as stub:
        place.run(stub.url)
    return settled(place, again=place.size.in_flight + lost)


def ended_quietly(job: Child, code: int) -> None:
    """The run ends with the code, says how to go on, and leaves no process."""
    assert "run again to go on" in job.end((code,))
    gone(job)


@fault(15, "two runs of one output at a time")
def two_runs(place: Place) -> Found:
    """Each asks what was missing when it began; one version, each row once."""
    with place.server(latency=place.size.seconds) as stub:
        jobs = [place.begin(stub.url) for _ in range(2)]
        logs = [job.end((0, 4)) for job in jobs]
        place.run(stub.url)
    committed = [row for row in tables.read(Lake(str(place.lake)), tables.RUNS) if row["state"] == "ended"]
    assert committed, logs
    assert DeltaTable(str(place.lake / "told")).version() == 0, "both made the same: one version"
    return settled(place, again=place.size.units, runs=2, note="each run's misses are counted at its start")


@fault(22, "secret canary")
def canary(place: Place) -> Found:
    """A key that the job has from its environment, and that a server repeats in a refusal, stands nowhere else."""
    secret = f"canary-{secrets.token_hex(8)}"
    local, events, temporary = (place.folder / name for name in ("local", "events", "tmp"))
    events.mkdir()
    temporary.mkdir()
    seen: list[str] = []
    jobs: list[Child] = []

    def look(_: tuple[str, int]) -> None:
        """While it calls: what is on its disks, and what any of its processes was begun with."""
        found = [Path(f"/proc/{pid}/cmdline").read_bytes().decode() for pid in alive(jobs[0].process.pid)]
        seen.extend([*found, *contents(local), *contents(temporary), *lake_contents(place.lake)])

    half = place.size.units // 2
    faults = {half: Fault(act=look), range(half + 4, 10**9): Fault(status=401, message=f"not {secret}")}
    plain = {f"spark.{what}.compress": "false" for what in ("shuffle", "shuffle.spill", "broadcast", "rdd")}
    conf = {"spark.local.dir": str(local), **event_log(events), **plain}
    with place.server(faults=faults, latency=place.size.seconds) as stub:
        told = {"ASKING_KEY": secret, "TMPDIR": str(temporary), "RECIPEC_TRACEBACK": "1"}
        jobs.append(place.begin(stub.url, conf=conf, **told))
        log = jobs[0].end((4,))
    assert {entry.headers["authorization"] for entry in place.entries()} == {digest(f"Bearer {secret}")}
    lost = not_landed(place)
    assert "401" in log and "Traceback" in log and "ASKING_KEY" in log
    with place.server() as stub:
        ran = place.run(stub.url)
    shown = {
        "log": log, "script": jobs[0].script, "plan": plan(place), "while it ran": "\0".join(seen),
        "event log": "\0".join(contents(events)), "lake": "\0".join(lake_contents(place.lake)),
        "local folders": "\0".join([*contents(local), *contents(temporary)]),
        "lineage": trace(str(place.lake), None, output(ran, "told")[0]["doc_id"]).text(),
    }  # fmt: skip
    assert all("stub-model" in shown[name] for name in ("script", "plan", "lake", "lineage")), "they would show it"
    assert "pyspark" in shown["while it ran"] and "SparkListenerTaskEnd" in shown["event log"]
    assert [name for name, text in shown.items() if secret in text] == []
    return settled(place, again=place.size.in_flight + lost)


def event_log(folder: Path) -> dict[str, str]:
    """Settings by which Spark writes down what it does, in words."""
    return {
        "spark.eventLog.enabled": "true", "spark.eventLog.dir": folder.as_uri(), "spark.eventLog.compress": "false",
    }  # fmt: skip


def contents(folder: Path) -> list[str]:
    """The bytes of all files below a folder that are there to be read."""
    found = []
    for path in folder.rglob("*"):
        with suppress(FileNotFoundError):
            if path.is_file():
                found.append(path.read_bytes().decode("latin-1"))
    return found


def lake_contents(lake: Path) -> list[str]:
    """The same of a lake, and what its tables and landed files say when they are read: they are compressed."""
    tables_ = [DeltaTable(str(log.parent)) for log in lake.rglob("_delta_log") if any(log.glob("*.json"))]
    rows = [str(query("select * from t", {"t": table})) for table in tables_]
    return [*contents(lake), *rows, str(landing.landed(str(lake)).to_pylist())]


def plan(place: Place) -> str:
    """The plan as text."""
    params = {"input": place.texts, "lake": str(place.lake), "server": "http://127.0.0.1:9/v1"}
    _, text = FORMS["plan"]
    return text(Backend(Compilation(params=params, text=place.recipe, name="x.recipe")))
