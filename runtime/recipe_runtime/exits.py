"""Exit codes that survive spark-submit: an uncaught error ends the driver with 4 or 70, a signal with 130 or 143.

Python alone ends with 1 whatever went wrong, and 1 means «the recipe is wrong». So the first statement of
an emitted script is `rt.exit_codes()`.
"""

from __future__ import annotations

import os
import shutil
import signal
import sys
import threading
import time
import traceback
from types import FrameType

from recipe_runtime.errors import DEFECT, FAILED, StepError

_FULL = 16 * 1024 * 1024  # bytes: below this a file system counts as full


_OURS = "recipec: this is a defect of recipec, not of your recipe; please report it with the lines below"


class Terminated(BaseException):
    """SIGTERM arrived. Not an Exception, so that no handler for errors takes it for one."""


_lowest: dict[str, int] = {}
"""Watched folder → the least free space seen there. Spark deletes its shuffle files when a job fails, so a
look afterwards finds room again."""


def watch(path: str) -> None:
    """A local folder whose free space is followed, to say which disk was full when something fails."""
    if not _lowest:
        threading.Thread(target=_follow, daemon=True).start()
    _lowest.setdefault(path, sys.maxsize)


def _follow() -> None:
    while True:
        _look()
        time.sleep(0.25)


def _look() -> None:
    for path in list(_lowest):
        folder = path
        while folder and not os.path.isdir(folder):
            folder = os.path.dirname(folder)
        if folder:
            _lowest[path] = min(_lowest[path], shutil.disk_usage(folder).free)


def exit_codes() -> None:
    """Installs the hook for uncaught errors and the handler for SIGTERM."""
    sys.excepthook = _end
    signal.signal(signal.SIGTERM, _terminate)


def _terminate(signum: int, frame: FrameType | None) -> None:
    raise Terminated


def _end(kind: type[BaseException], error: BaseException, trace) -> None:
    code, text = explain(error)
    print(text, file=sys.stderr)
    if code == DEFECT or os.environ.get("RECIPEC_TRACEBACK"):
        traceback.print_exception(kind, error, trace, file=sys.stderr)
    _stop_spark(code)
    sys.stdout.flush()
    sys.stderr.flush()
    # sys.exit has no effect in an excepthook; _exit also leaves no thread of py4j to wait for.
    os._exit(code)


def explain(error: BaseException) -> tuple[int, str]:
    """(exit code, what to print) for an error that nobody caught."""
    stopped = _stopped_by(error)
    if isinstance(stopped, KeyboardInterrupt):
        return 130, "recipec: interrupted; finished shards are kept, run again to go on"
    if isinstance(stopped, Terminated):
        return 143, "recipec: terminated; finished shards are kept, run again to go on"
    if isinstance(error, StepError):
        return error.exit_code, f"recipec: error: {error}"
    outside = _is_outside(error)
    full = _full_disk() if outside or _is_spark(error) else None
    if full:
        return FAILED, (
            f"recipec: error: no space left in {full}\n"
            "  help: free some, or move the lake or Spark's local folder (spark.local.dir), and run again;"
            " what was committed is kept"
        )
    if _is_spark(error):
        return _spark_failure(error)
    if outside:
        return FAILED, f"recipec: error: {error}\n  help: what was committed is kept; mend the cause and run again"
    return DEFECT, _OURS


def _stopped_by(error: BaseException) -> BaseException | None:
    """The signal that an error is or that it came of: py4j, interrupted while it speaks to the JVM, raises an error of
    its own."""
    seen: BaseException | None = error
    while seen is not None and not isinstance(seen, KeyboardInterrupt | Terminated):
        seen = seen.__cause__ or seen.__context__
    return seen


def _is_outside(error: BaseException) -> bool:
    """What a disk, a store or another writer does to us."""
    from deltalake.exceptions import DeltaError

    return isinstance(error, OSError | DeltaError)


def _is_spark(error: BaseException) -> bool:
    from py4j.protocol import Py4JError
    from pyspark.errors import PySparkException

    return isinstance(error, Py4JError | PySparkException | ConnectionError | EOFError)


def _spark_failure(error: BaseException) -> tuple[int, str]:
    """A job that Spark gave up is a step's failure; a query Spark would not even plan is ours."""
    from pyspark.errors import AnalysisException, IllegalArgumentException, ParseException, PySparkTypeError

    if isinstance(error, AnalysisException | ParseException | IllegalArgumentException | PySparkTypeError):
        return DEFECT, _OURS
    lines = [line for line in str(error).strip().splitlines() if line.strip()]
    causes = [line.strip() for line in lines if not line.lstrip().startswith(("at ", "File ", "Traceback", "..."))]
    shown = "\n  ".join(dict.fromkeys(causes[:1] + causes[-3:]))
    return FAILED, (
        f"recipec: error: Spark could not finish a step\n  {shown}\n"
        "  help: what was committed is kept; mend the cause and run again"
    )


def _full_disk() -> str | None:
    _look()
    return next((path for path, free in _lowest.items() if free < _FULL), None)


def _stop_spark(code: int) -> None:
    """Ends the JVM that this process launched; one that launched us ends by itself when we do."""
    from pyspark import SparkContext

    gateway = SparkContext._gateway
    process = getattr(gateway, "proc", None)
    if process is None:
        return
    process.terminate()
