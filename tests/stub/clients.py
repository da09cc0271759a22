"""Who is asking: the process behind a connection to this machine, so that a test can kill it at a known request."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

ESTABLISHED = "01"


def pid_of(peer: tuple[str, int]) -> int:
    """The process whose end of a connection over IPv4 has this address. Raises LookupError."""
    host, port = peer
    number = "".join(f"{int(part):02X}" for part in reversed(host.split("."))) + f":{port:04X}"
    rows = (line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:])
    inodes = [row[9] for row in rows if row[1] == number and row[3] == ESTABLISHED]
    if not inodes:
        raise LookupError(f"no connection from {host}:{port}")
    for held in Path("/proc").glob("[0-9]*/fd/*"):
        with suppress(FileNotFoundError, PermissionError, ProcessLookupError):
            if os.readlink(held) == f"socket:[{inodes[0]}]":
                return int(held.parts[2])
    raise LookupError(f"no process of ours behind {host}:{port}")


def parent(pid: int) -> int:
    """The process that began it."""
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


def ancestor(pid: int, program: str) -> int:
    """The nearest process above it that runs a program of this name. Raises LookupError."""
    while pid > 1:
        if Path(f"/proc/{pid}/comm").read_text().strip() == program:
            return pid
        pid = parent(pid)
    raise LookupError(f"no {program} above")


def kill_client(peer: tuple[str, int]) -> None:
    """SIGKILL to the process that asks."""
    os.kill(pid_of(peer), signal.SIGKILL)


def kill_above(program: str) -> Callable[[tuple[str, int]], None]:
    """SIGKILL to the nearest process of this name above the one that asks."""
    return lambda peer: os.kill(ancestor(pid_of(peer), program), signal.SIGKILL)
