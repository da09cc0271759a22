"""Jobs as processes of their own, to be killed and waited for."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

LONG = 300.0
"""Seconds after which something that should have happened did not."""


def child(script: str, folder: Path, **environment: str) -> subprocess.Popen[bytes]:
    """The script run by this Python in a session of its own; what it prints goes to `folder/log`."""
    path = folder / "job.py"
    path.write_text(script)
    log = (folder / "log").open("wb")
    env = {**os.environ, **environment}
    return subprocess.Popen([sys.executable, str(path)], stdout=log, stderr=log, env=env, start_new_session=True)


def ended(process: subprocess.Popen[bytes], folder: Path, seconds: float = LONG) -> tuple[int, str]:
    """Exit code and what it printed."""
    code = process.wait(seconds)
    return code, (folder / "log").read_text(errors="replace")


def alive(group: int) -> list[int]:
    """Processes of a session that still run."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except (FileNotFoundError, ProcessLookupError):
            continue
        if int(fields[3]) == group and fields[0] != "Z":
            found.append(int(stat.parent.name))
    return found


def until(condition: Callable[[], object], process: subprocess.Popen[bytes], folder: Path) -> None:
    """Waits until it holds while the process runs."""
    deadline = time.monotonic() + LONG
    while not condition():
        assert process.poll() is None, (folder / "log").read_text(errors="replace")
        assert time.monotonic() < deadline, (folder / "log").read_text(errors="replace")
        time.sleep(0.05)
