"""Running an emitted script in a process of its own: by spark-submit, or on local Spark with this Python.

    submit(script, arguments) -> exit code      `recipec submit`
    run_local(script) -> exit code              `recipec run`

`script` is the text of the script. The child has no stdin; SIGINT and SIGTERM reach it and all it started,
and its exit code is ours (128 + n where signal n killed it). None of its processes outlives the call. An
empty script, and the line that stands for a refused recipe, start nothing and give 1.
"""

from __future__ import annotations

import ctypes
import importlib.util
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from types import FrameType

from recipe_runtime.errors import RECIPE_WRONG, StepError
from recipe_runtime.session import DELTA_JAR

REFUSED = 'raise SystemExit("recipec: refused, see stderr")'
"""What the compiler prints instead of a script, so that a pipe into spark-submit fails too."""

PR_SET_CHILD_SUBREAPER = 36
"""prctl(2), linux/prctl.h."""

GRACE = 10.0
"""Seconds that processes left over get between SIGTERM and SIGKILL."""

SWITCHES = frozenset({
    "--help", "-h", "--load-spark-defaults", "--supervise", "--usage-error", "--verbose", "-v", "--version",
})  # fmt: skip
"""Options of spark-submit that take no value (org.apache.spark.launcher.SparkSubmitOptionParser)."""


def submit(script: str, arguments: Sequence[str] = ()) -> int:
    """Runs a script through spark-submit with these arguments, which stand before the program.

    Delta's jar joins their `--packages`; `spark.pyspark.python` and `spark.pyspark.driver.python` are this
    interpreter unless the arguments, the environment or cluster mode say otherwise. Raises StepError where no
    spark-submit is installed, or where the arguments name a program of their own.
    """
    if _refused(script):
        return RECIPE_WRONG
    options = with_defaults(arguments, os.environ)
    with _file_of(script) as path:
        home = spark_home()
        return _child([os.path.join(home, "bin", "spark-submit"), *options, path], {"SPARK_HOME": home})


def run_local(script: str) -> int:
    """Runs a script with this Python, which starts Spark itself; its progress goes to our stderr."""
    if _refused(script):
        return RECIPE_WRONG
    with _file_of(script) as path:
        return _child([sys.executable, path], {"PYSPARK_PYTHON": sys.executable})


def spark_home() -> str:
    """The folder of the Spark to run: $SPARK_HOME, else the installed pyspark."""
    home = os.environ.get("SPARK_HOME")
    if home is None:
        found = importlib.util.find_spec("pyspark")
        home = os.path.dirname(found.origin) if found and found.origin else None
    if home is None:
        raise StepError("there is no Spark here", remedy="pip install pyspark, or set SPARK_HOME")
    if not os.path.isfile(os.path.join(home, "bin", "spark-submit")):
        raise StepError(
            f"{home} holds no bin/spark-submit", remedy="set SPARK_HOME to a folder that holds Spark, or unset it"
        )
    return home


def with_defaults(arguments: Sequence[str], environment: Mapping[str, str]) -> list[str]:
    """The arguments with what a job of ours needs and they do not say."""
    options = _options(arguments)
    given = dict(options)  # the last of each, as spark-submit takes it
    conf = dict(value.partition("=")[::2] for name, value in options if name == "--conf")
    packages = [part for part in given.get("--packages", conf.get("spark.jars.packages", "")).split(",") if part]
    out = list(arguments)
    if not any(":delta-spark" in package for package in packages):
        # The last --packages counts, and it outranks --conf: theirs is said again with ours.
        out += ["--packages", ",".join([*packages, DELTA_JAR])]
    mode = given.get("--deploy-mode", conf.get("spark.submit.deployMode", "client"))
    if mode == "client":  # a cluster's driver runs elsewhere, where this interpreter may not be
        for name, variables in (
            ("spark.pyspark.python", ("PYSPARK_PYTHON",)),
            ("spark.pyspark.driver.python", ("PYSPARK_DRIVER_PYTHON", "PYSPARK_PYTHON")),
        ):
            if name not in conf and not any(variable in environment for variable in variables):
                out += ["--conf", f"{name}={sys.executable}"]
    return out


def _options(arguments: Sequence[str]) -> list[tuple[str, str]]:
    """(option, value) of each; a switch has no value. Raises StepError for a program among them."""
    found: list[tuple[str, str]] = []
    words = iter(arguments)
    for word in words:
        if not word.startswith("-") or word == "-":
            raise StepError(
                f"{word} is a program of its own, and spark-submit runs one",
                remedy="give options only: the compiled script is the program",
            )
        name, equals, value = word.partition("=")
        if not equals and name not in SWITCHES:
            value = next(words, "")
        found.append((_LONG.get(name, name), value))
    return found


_LONG = {"-c": "--conf"}


def _refused(script: str) -> bool:
    return script.strip() in ("", REFUSED)


@contextmanager
def _file_of(script: str) -> Iterator[str]:
    """The script in a folder that only this user can read, for as long as it runs."""
    with tempfile.TemporaryDirectory(prefix="recipec-") as folder:
        path = os.path.join(folder, "job.py")
        with open(path, "w", encoding="utf-8") as file:
            file.write(script)
        yield path


# ---- the child ---------------------------------------------------------------------------------------


_FORWARDED = {
    signal.SIGINT: signal.SIGINT,
    signal.SIGTERM: signal.SIGTERM,
    signal.SIGHUP: signal.SIGTERM,  # the terminal is gone, which the child, in a session of its own, never hears
}


def _child(command: Sequence[str], defaults: Mapping[str, str]) -> int:
    """Runs a command to its end in a process group of its own, so that a signal reaches all of it once."""
    arrived: list[int] = []
    process: subprocess.Popen[bytes] | None = None

    def forward(signum: int, frame: FrameType | None) -> None:
        arrived.append(_FORWARDED[signum])
        if process is not None:
            _signal(process.pid, _FORWARDED[signum])

    _adopt_orphans()
    before = {number: signal.signal(number, forward) for number in _FORWARDED}
    try:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, env={**defaults, **os.environ}, start_new_session=True
        )
        for signum in arrived[:1]:  # one that came while the child was being made
            _signal(process.pid, signum)
        code = process.wait()
    finally:
        if process is not None:
            _end_group(process)
        for number, handler in before.items():
            signal.signal(number, handler)
    return code if code >= 0 else 128 - code


def _signal(group: int, signum: int) -> bool:
    """Whether there was still someone in the group to take it."""
    try:
        os.killpg(group, signum)
    except ProcessLookupError:
        return False
    return True


def _end_group(process: subprocess.Popen[bytes]) -> None:
    """What the child started and left behind ends too: asked first, then not asked."""
    if not _signal(process.pid, signal.SIGTERM):
        return
    end = time.monotonic() + GRACE
    while time.monotonic() < end:
        process.poll()
        _bury(process.pid)
        if not _signal(process.pid, 0):
            return
        time.sleep(0.02)
    _signal(process.pid, signal.SIGKILL)
    process.wait()


def _adopt_orphans() -> None:
    """Makes what the child leaves behind (the JVM) a child of ours, on Linux: a process that has ended is of its group
    until its parent has asked for it, and in a container the first process may never do so."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def _bury(group: int) -> None:
    """Asks for the children of a group that have ended."""
    try:
        while os.waitpid(-group, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        pass
