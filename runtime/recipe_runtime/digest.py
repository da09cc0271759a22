"""Step digests: the operation digest of the script, the inputs pinned at start, the library versions.

Two steps with one digest make the same rows, so whichever ran first is read by all.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from typing import Any


def digest(kind: str, value: Any) -> str:
    """32 hex digits of SHA-256 over the canonical JSON (sorted keys, no spaces) of [kind, value]."""
    text = json.dumps([kind, value], sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def inputs_of(reads: Iterable[Any]) -> list[str]:
    """What the relations that a step reads bring to its digest, each once."""
    return sorted({one for relation in reads for one in relation.identity})


def step_digest(operation: str, inputs: Iterable[str], libraries: Mapping[str, str], pins: Any = None) -> str:
    """What a step makes: its operation over these inputs, with these libraries, from these pins."""
    return digest("step", [operation, sorted(inputs), dict(libraries), pins])


def shard_digest(operation: str, input_shard: str | None, libraries: Mapping[str, str]) -> str:
    """What a row-local step makes of any one file: without the pins, because its shards are kept by file."""
    return digest("shard", [operation, input_shard, dict(libraries)])
