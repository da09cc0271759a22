"""Runs on several executors: one is killed, or a task is run twice because it is slow."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event, Thread

from children import LONG
from running import QUICK
from stub.clients import ancestor, kill_above, pid_of
from stub_server import Fault

from faults.cases import fault
from faults.oracle import Found, kept_to, not_landed, settled
from faults.place import Place

JVM = QUICK["spark.driver.extraJavaOptions"]
ON_TWO_CORES = {
    # What a local master has by itself: here the cluster is this machine.
    "spark.sql.shuffle.partitions": "2",
    "spark.databricks.delta.snapshotPartitions": "1",
    "spark.databricks.delta.stats.skipping": "false",
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
    "spark.driver.host": "127.0.0.1",
    "spark.driver.bindAddress": "127.0.0.1",
    "spark.executor.memory": "768m",
    "spark.executor.extraJavaOptions": JVM,
}


@fault(2, "executor killed")
def executor_killed(place: Place) -> Found:
    """At a late request, the executor of the worker that asks. The endpoint's limits hold for both executors together,
    before and after."""
    per_minute = int(0.6 * 60 * place.size.in_flight / place.size.seconds)
    recipe = place.recipe.replace("  timeout", f"  requests_per_minute = {per_minute}\n  timeout", 1)
    costs: list[int] = []

    def shoot(peer: tuple[str, int]) -> None:
        kill_above("java")(peer)
        costs.append(not_landed(place))

    at = place.size.units * 7 // 8
    with place.server(latency=place.size.seconds, faults={at: Fault(act=shoot)}) as stub:
        place.begin(stub.url, master="local-cluster[2,1,1024]", conf=ON_TWO_CORES, recipe=recipe).end()
    assert kept_to(per_minute, place.entries(), place)
    return settled(place, again=place.size.in_flight + costs[0])


@contextmanager
def standalone(folder: Path) -> Iterator[str]:
    """A master and two workers of Spark's own cluster, on addresses of this machine that count as different hosts;
    its URL."""
    import pyspark

    home = Path(pyspark.__file__).parent
    folder.mkdir()
    env = {**os.environ, "SPARK_DAEMON_MEMORY": "256m", "SPARK_DAEMON_JAVA_OPTS": JVM, "SPARK_HOME": str(home)}
    began: list[subprocess.Popen[bytes]] = []

    def begin(role: str, host: str, *more: str) -> Path:
        log = folder / f"{role}-{host}.log"
        command = [home / "bin" / "spark-class", f"org.apache.spark.deploy.{role.lower()}.{role}", "--host", host]
        with log.open("wb") as out:
            options = [*command, "--webui-port", "0", *more]
            began.append(subprocess.Popen(options, stdout=out, stderr=out, env=env, start_new_session=True))
        return log

    def line(log: Path, words: str) -> str:
        deadline = time.monotonic() + LONG
        while not (found := [one for one in log.read_text(errors="replace").splitlines() if words in one]):
            assert time.monotonic() < deadline and began[-1].poll() is None, log.read_text(errors="replace")
            time.sleep(0.1)
        return found[0]

    try:
        master = line(begin("Master", "127.0.0.1", "--port", "0"), "Starting Spark master at").split()[-1]
        for host in ("127.0.0.2", "127.0.0.3"):
            work = ("--cores", "1", "--memory", "1g", "--work-dir", str(folder / "work"), master)
            line(begin("Worker", host, *work), "Successfully registered with master")
        yield master
    finally:
        for process in began:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait(20)


@fault(5, "speculation: a slow task is run twice")
def speculation(place: Place) -> Found:
    """One call hangs until another executor has taken the task up, whose copy calls only what has not landed."""
    speculating = {
        **ON_TWO_CORES,
        "spark.speculation": "true", "spark.speculation.quantile": "0.5", "spark.speculation.multiplier": "1.1",
        "spark.speculation.interval": "200ms", "spark.speculation.minTaskRuntime": "1s",
    }  # fmt: skip
    hosts: list[str] = []

    def seen(peer: tuple[str, int]) -> None:
        hosts.append(str(ancestor(pid_of(peer), "java")))

    hanging = {"Name0 ": Fault(hang=True, act=seen, times=1), "Name0 walked": Fault(act=seen)}
    with (
        standalone(place.folder / "cluster") as master,
        place.server(latency=0.05, faults=hanging) as stub,
        watched(place) as most,
    ):
        place.begin(stub.url, master=master, conf=speculating).end()
    assert len(hosts) == 2 and hosts[0] != hosts[1], "another executor asked again"
    return settled(place, again=place.size.in_flight + max(most))


@contextmanager
def watched(place: Place) -> Iterator[list[int]]:
    """How many answers had not landed, as often as that can be seen: the copy may begin at any time."""
    ended, seen = Event(), [0]

    def look() -> None:
        while not ended.wait(0.2):
            seen.append(not_landed(place))

    thread = Thread(target=look, daemon=True)
    thread.start()
    try:
        yield seen
    finally:
        ended.set()
        thread.join()
