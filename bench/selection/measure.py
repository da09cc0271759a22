"""Running one command and saying what it took: wall seconds, and memory of it and all it starts.

    measured(command) -> Cost

Memory is resident memory (VmRSS of /proc), summed over the processes that live at one moment and taken five times a
second; pages that processes share count in each. Processes that were left by their parents become ours (Linux's child
subreaper), so they are counted too, and ended when the command has ended.
"""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

INTERVAL = 0.2
"""Seconds between two looks at the processes."""
_PR_SET_CHILD_SUBREAPER = 36
_PAGE = os.sysconf("SC_PAGE_SIZE")


@dataclass(frozen=True)
class Cost:
    """What a command took; `output` is the end of what it printed, for an error's sake. `largest`: by program (the
    name of its file: java, python3), the most that one process of it held."""

    seconds: float
    peak_bytes: int
    largest: Mapping[str, int]
    code: int
    output: str


def measured(
    command: Sequence[str | Path], log: Path, env: Mapping[str, str] | None = None, cwd: Path | None = None
) -> Cost:
    """Runs a command, its output in the file `log`, with these variables beside ours."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    log.parent.mkdir(parents=True, exist_ok=True)
    peak, start, largest = 0, time.monotonic(), dict[str, int]()
    with log.open("wb") as file:
        process = subprocess.Popen(
            [str(word) for word in command], stdin=subprocess.DEVNULL, stdout=file, stderr=subprocess.STDOUT,
            env={**os.environ, **(env or {})}, cwd=cwd,
        )  # fmt: skip
        while True:
            try:
                code = process.wait(INTERVAL)
                break
            except subprocess.TimeoutExpired:
                _take_note(process.pid)
                held = [(program, _resident(pid)) for pid, program in _descendants()]
                peak = max(peak, sum(size for _, size in held))
                for program, size in held:
                    largest[program] = max(size, largest.get(program, 0))
    seconds = time.monotonic() - start
    _end_leftovers()
    return Cost(seconds, peak, largest, code, log.read_text("utf-8", "replace")[-4_000:])


def _take_note(command: int) -> None:
    """Of processes that have ended and were left to us, as the system's first process would at once: who waits until
    none of a group is there waits for those that have ended, too."""
    while (ended := os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)) and ended.si_pid != command:
        os.waitpid(ended.si_pid, 0)


def _descendants() -> list[tuple[int, str]]:
    """The processes that we started, or that descend from one, and their programs."""
    children: dict[int, list[tuple[int, str]]] = {}
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                stat = Path("/proc", name, "stat").read_text()
            except (FileNotFoundError, ProcessLookupError):
                continue  # it has ended
            program, _, rest = stat.partition("(")[2].rpartition(")")
            children.setdefault(int(rest.split()[1]), []).append((int(name), program))
    found, look = [], [os.getpid()]
    while look:
        some = children.get(look.pop(), [])
        found += some
        look += [pid for pid, _ in some]
    return found


def _resident(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * _PAGE
    except (FileNotFoundError, ProcessLookupError):
        return 0


def _end_leftovers() -> None:
    """Ends what a command left running, and takes note of what has ended."""
    for pid, _ in _descendants():
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            continue
    try:
        while True:
            os.waitpid(-1, 0)
    except ChildProcessError:
        return
