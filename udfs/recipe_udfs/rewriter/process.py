"""The rewriter as a child process that cannot outlive the one that started it."""

from __future__ import annotations

import json
import os
import select
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

_HERE = "127.0.0.1"
_NO_PROXY = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class RewriterFailed(RuntimeError):
    """The built-in rewriter did not start or does not answer."""


class Rewriter:
    """A running rewriter. `url` ends in `/v1`."""

    def __init__(self, process: subprocess.Popen[bytes], url: str):
        self._process = process
        self.url = url

    def stats(self) -> dict[str, int]:
        """`completions`: requests answered with one; `attempts`: all requests for one. Since its start."""
        try:
            with _NO_PROXY.open(f"{self.url}/stats", timeout=10) as response:
                return json.load(response)
        except OSError as error:
            raise RewriterFailed(f"the built-in rewriter at {self.url} does not answer: {error}") from error

    def completions(self) -> int:
        return self.stats()["completions"]

    def stop(self) -> None:
        """Ends it; twice is once."""
        if self._process.stdin and not self._process.stdin.closed:
            self._process.stdin.close()
        try:
            self._process.wait(5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        if self._process.stdout:
            self._process.stdout.close()

    def __enter__(self) -> Rewriter:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


def start(*, host: str = _HERE, port: int = 0, within: float = 30.0) -> Rewriter:
    """Starts a rewriter and waits until it serves, `within` seconds at most; port 0 takes a free one.

    Its stdin is a pipe from this process: when this process ends, however it does, the pipe closes and the rewriter
    ends. A Ctrl-C in the terminal does not reach it, so that calls in flight can be finished. Raises RewriterFailed.
    """
    root = str(Path(__file__).resolve().parents[2])
    path = os.pathsep.join([root, *filter(None, [os.environ.get("PYTHONPATH")])])
    process = subprocess.Popen(
        [sys.executable, "-m", "recipe_udfs.rewriter", "--host", host, "--port", str(port)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": path},
        start_new_session=True,
    )
    line = _first_line(process, time.monotonic() + within)
    if not line.endswith(b"\n"):
        process.kill()
        process.wait()
        raise RewriterFailed(f"the built-in rewriter did not start: it ended with {process.returncode}")
    return Rewriter(process, json.loads(line)["url"])


def _first_line(process: subprocess.Popen[bytes], until: float) -> bytes:
    line = b""
    descriptor = process.stdout.fileno()
    while not line.endswith(b"\n") and select.select([descriptor], [], [], max(0.0, until - time.monotonic()))[0]:
        piece = os.read(descriptor, 4096)
        if not piece:
            break
        line += piece
    return line
