"""The lock beside a recipe, `web.recipe.lock`: which files and operators it was frozen with.

JSON in one layout, ASCII, an entry a line, sorted, so that a change of one file is a change of one line:

    {
      "recipec_lock": 1,
      "files": [
        {"kind": "library", "name": "std/gopher", "sha256": "…"},
        {"kind": "model", "name": "std/edu.onnx", "sha256": "…"}
      ],
      "operators": [
        {"kind": "dedup", "operator": "minhash@1"}
      ]
    }

A name is the recipe's own: of a library as in `use`, of another file as written or given; never where a file lies on
this machine.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from recipec.record import Record

FORM = 1
SUFFIX = ".lock"
MAX_BYTES = 16_000_000
_SHA256 = re.compile(r"[0-9a-f]{64}")
_OPERATOR = re.compile(r"(.+)@([0-9]{1,9})", re.DOTALL)

Key = tuple[str, str]
"""(kind, name)."""


class Lock(Record):
    """`files`: (kind, name) → SHA-256 in hexadecimal digits. `operators`: (kind, name) → version."""

    files: dict[Key, str]
    operators: dict[Key, int]


class Change(Record):
    """One thing that is not as it was: `before` or `after` is None where it was not there. `what` is `file` or
    `operator`; values are digests and versions."""

    what: str
    key: Key
    before: str | int | None
    after: str | int | None


class Unreadable(ValueError):
    """A lock that cannot be used; the text says why, as the end of a sentence."""


def lock_path(recipe: Path) -> Path:
    """Beside the recipe, by its full name."""
    return recipe.with_name(recipe.name + SUFFIX)


def text(lock: Lock) -> str:
    """The bytes of the file: the same for the same lock, whoever writes it."""
    files = [{"kind": kind, "name": name, "sha256": lock.files[kind, name]} for kind, name in sorted(lock.files)]
    operators = [
        {"kind": kind, "operator": f"{name}@{lock.operators[kind, name]}"} for kind, name in sorted(lock.operators)
    ]
    return f'{{\n  "recipec_lock": {FORM},\n  "files": {_lines(files)},\n  "operators": {_lines(operators)}\n}}\n'


def _lines(entries: list[dict[str, str]]) -> str:
    if not entries:
        return "[]"
    return "[\n" + ",\n".join(f"    {json.dumps(one)}" for one in entries) + "\n  ]"


def read(path: Path) -> Lock | None:
    """The lock in a file; None where there is none. Raises Unreadable."""
    try:
        if not path.is_file():
            if path.exists():
                raise Unreadable("it is no file")
            return None
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise Unreadable(f"{error.strerror}") from error
    if len(data) > MAX_BYTES:
        raise Unreadable(f"it has more than {MAX_BYTES:,} bytes")
    return parse(data)


def parse(data: bytes) -> Lock:
    """The lock of a file's bytes. Raises Unreadable for anything that `text` does not write."""
    try:
        told = json.loads(data.decode("utf-8"))
    except json.JSONDecodeError as error:
        raise Unreadable(f"it is no JSON in line {error.lineno}") from error
    except UnicodeDecodeError as error:
        raise Unreadable("it is not UTF-8") from error
    except (ValueError, RecursionError) as error:  # numbers of thousands of digits, nesting of thousands of levels
        raise Unreadable("it is no JSON that a lock can be") from error
    if not isinstance(told, dict) or type(told.get("recipec_lock")) is not int:
        raise Unreadable("it is not a lock of recipec")
    if told["recipec_lock"] != FORM:
        raise Unreadable(f"it has form {str(told['recipec_lock'])[:20]}, and this version reads form {FORM}")
    if told.keys() != {"recipec_lock", "files", "operators"}:
        raise Unreadable("it has other parts than `files` and `operators`")
    files: dict[Key, str] = {}
    for entry in _entries(told["files"], {"kind", "name", "sha256"}):
        if not _SHA256.fullmatch(entry["sha256"]):
            raise Unreadable(f"the digest of {json.dumps(entry['name'][:80])} is no SHA-256")
        _once(files, (entry["kind"], entry["name"]), entry["sha256"])
    operators: dict[Key, int] = {}
    for entry in _entries(told["operators"], {"kind", "operator"}):
        named = _OPERATOR.fullmatch(entry["operator"])
        if named is None:
            raise Unreadable(f"{json.dumps(entry['operator'][:80])} is no operator with its version")
        _once(operators, (entry["kind"], named[1]), int(named[2]))
    return Lock(files, operators)


def _entries(told: Any, fields: set[str]) -> Iterator[dict[str, str]]:
    for entry in told if isinstance(told, list) else [told]:
        if not isinstance(entry, dict) or entry.keys() != fields:
            raise Unreadable(f"each entry has {', '.join(sorted(fields))}")
        if not all(isinstance(value, str) for value in entry.values()):
            raise Unreadable("an entry has a value that is no text")
        yield entry


def _once(entries: dict[Key, Any], key: Key, value: Any) -> None:
    if key in entries:
        raise Unreadable(f"it has {json.dumps(key[1][:80])} twice")
    entries[key] = value


def changes(before: Lock, after: Lock) -> list[Change]:
    """What differs: files, then operators, each in the order of the lock."""
    found: list[Change] = []
    for what, old, new in (("file", before.files, after.files), ("operator", before.operators, after.operators)):
        for key in sorted(old.keys() | new.keys()):
            if old.get(key) != new.get(key):
                found.append(Change(what, key, old.get(key), new.get(key)))
    return found


def short(value: str | int) -> str:
    """A digest by its first digits; a version as a word."""
    return f"version {value}" if isinstance(value, int) else f"{value[:12]}…"
