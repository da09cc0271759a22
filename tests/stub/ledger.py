"""The server's own record of every request, in memory and, where it is given a file, on disk before the answer leaves.

The file holds JSON lines, two a request: one when it has arrived, with its body, and one when it has been answered or
its client is gone. Nothing is buffered. An authorization header is there as its digest.
"""

from __future__ import annotations

import hashlib
import os
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson


@dataclass
class Entry:
    """One request for a completion. Times are `time.monotonic()`, the same clock in all processes of a machine.
    `completion`: was it answered with one? `prefix`: bytes of its prompt that a prefix cache had, and all."""

    number: int
    at: float
    headers: dict[str, str]
    body: dict[str, Any]
    path: str = ""
    server: str = ""
    status: int = 0
    completion: bool = False
    done: float | None = None
    said: str | None = None  # digest of the answer's text
    prefix: tuple[int, int] | None = None

    @property
    def call(self) -> str:
        """Names the request among those of all servers; a signed answer has it as its fingerprint."""
        return f"fp_{self.server}_{self.number}"


class Ledger:
    """Appends to `entries` and to the file. Servers that follow one another may share a file."""

    def __init__(self, entries: list[Entry], record: Path | None):
        self.entries = entries
        self.server = secrets.token_hex(4)
        self._file = None if record is None else os.open(record, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)

    def arrived(self, path: str, headers: Mapping[str, str], raw: bytes) -> Entry:
        """A request whose body `raw` is a JSON object."""
        entry = Entry(len(self.entries) + 1, time.monotonic(), dict(headers), orjson.loads(raw), path, self.server)
        self.entries.append(entry)
        return entry

    def write_arrival(self, entry: Entry) -> None:
        """The first of an entry's lines."""
        if self._file is not None:
            line = {
                "server": self.server,
                "number": entry.number,
                "at": entry.at,
                "path": entry.path,
                "authorization": digest(entry.headers.get("authorization")),
                "prefix": entry.prefix,
                "body": entry.body,
            }
            os.write(self._file, orjson.dumps(line) + b"\n")

    def ended(self, entry: Entry) -> None:
        """The second: it is answered, or its client is gone (status 0). Once for each entry."""
        if entry.done is not None:
            return
        entry.done = time.monotonic()
        if self._file is not None:
            line = {
                "server": self.server,
                "number": entry.number,
                "done": entry.done,
                "status": entry.status,
                "completion": entry.completion,
                "said": entry.said,
            }
            os.write(self._file, orjson.dumps(line) + b"\n")

    def close(self) -> None:
        """No more lines."""
        if self._file is not None:
            os.close(self._file)
            self._file = None


def digest(text: str | None) -> str | None:
    """32 hex digits of a text's SHA-256."""
    return None if text is None else hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:32]


def read(record: Path) -> list[Entry]:
    """The entries of a ledger file, in the order in which they arrived; also while it is being written."""
    found: dict[tuple[str, int], Entry] = {}
    whole, _, _ = (record.read_bytes() if record.exists() else b"").rpartition(b"\n")
    for line in whole.splitlines():
        said = orjson.loads(line)
        name = said["server"], said["number"]
        if "at" in said:
            headers = {"authorization": said["authorization"]} if said["authorization"] else {}
            prefix = tuple(said["prefix"]) if said["prefix"] else None
            found[name] = Entry(name[1], said["at"], headers, said["body"], said["path"], name[0], prefix=prefix)
        else:
            entry = found[name]
            entry.done, entry.status = said["done"], said["status"]
            entry.completion, entry.said = said["completion"], said["said"]
    return list(found.values())
