"""The stub as a process of its own: `python tests/stub_server.py --port 0 --ledger FILE …`.

It prints its address and answers until SIGTERM, or, with --attached, until its standard input ends: a test that is
killed leaves none behind.
"""

from __future__ import annotations

import argparse
import asyncio
import importlib
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from stub import faults
from stub.latency import LongTail
from stub.ledger import Entry, read
from stub.prefixes import Prefixes
from stub.replies import Reply
from stub.service import Service, echo

SERVER = Path(__file__).parents[1] / "stub_server.py"


class StubProcess:
    """`with StubProcess(ledger, "--latency", "2") as stub: … stub.url …`; `entries()` reads what it wrote."""

    def __init__(self, record: Path, *arguments: str):
        self.record, self._arguments = record, arguments

    def __enter__(self) -> StubProcess:
        command = [sys.executable, str(SERVER), "--port", "0", "--ledger", str(self.record), "--attached"]
        self.process = subprocess.Popen(
            [*command, *self._arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self.url = self.process.stdout.readline().strip()
        if not self.url:
            raise RuntimeError(f"the stub ended with {self.process.wait()}")
        return self

    def __exit__(self, *_: object) -> None:
        self.process.stdin.close()
        self.process.wait(20)
        self.process.stdout.close()

    def entries(self) -> list[Entry]:
        """What the server has written so far."""
        return read(self.record)


def words(count: int) -> Callable[[dict[str, Any], int], Reply]:
    """Answers of so many words, the same ones."""
    text = " ".join(f"word{n % 97}" for n in range(count))
    return lambda body, number: Reply(text)


def answer_of(name: str) -> Callable[[dict[str, Any], int], str | Reply]:
    """`echo`, `words:N`, or the function at a dotted path, `module:name`."""
    module, _, rest = name.partition(":")
    if name == "echo":
        return echo
    return words(int(rest)) if module == "words" else getattr(importlib.import_module(module), rest)


def parser() -> argparse.ArgumentParser:
    """The command line."""
    made = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    made.add_argument("--port", type=int, default=0)
    made.add_argument("--ledger", type=Path, required=True, help="JSON lines, added to what is there")
    made.add_argument("--answer", type=answer_of, default=echo, help="echo, words:N or module:function")
    made.add_argument("--latency", type=float, default=0.0, help="seconds")
    made.add_argument("--long-tail", type=float, help="median of log-normal seconds, p99 = 10 × median")
    made.add_argument("--seed", type=int, default=0, help="of --long-tail")
    made.add_argument("--faults", type=faults.load, default={}, help="a JSON file, see stub/faults.py")
    made.add_argument("--capacity", type=int, help="calls at once, past which it answers 429")
    made.add_argument("--idle", type=float, help="seconds after an answer until a connection is closed")
    made.add_argument("--prefix-blocks", type=int, help="blocks of 16 words that its prefix cache holds; 0: any number")
    made.add_argument("--signed", action="store_true", help="an answer's fingerprint names its request")
    made.add_argument("--attached", action="store_true", help="ends with its standard input")
    return made


def main(arguments: Sequence[str] | None = None) -> None:
    """Serves."""
    given = parser().parse_args(arguments)
    made = Service(
        answer=given.answer,
        latency=given.latency if given.long_tail is None else LongTail(given.long_tail, given.seed),
        faults=given.faults if isinstance(given.faults, dict) else {},
        capacity=given.capacity,
        port=given.port,
        idle=given.idle,
        prefixes=None if given.prefix_blocks is None else Prefixes(given.prefix_blocks or None),
        record=given.ledger,
        signed=given.signed,
    )
    asyncio.run(_serve(made, given.attached))


async def _serve(service: Service, attached: bool) -> None:
    loop = asyncio.get_running_loop()
    ended = asyncio.Event()
    loop.add_signal_handler(signal.SIGTERM, ended.set)
    loop.add_signal_handler(signal.SIGINT, ended.set)
    if attached:
        loop.add_reader(sys.stdin, ended.set)
    await service.listen()
    print(service.url, flush=True)
    await ended.wait()
    await service.end()
