"""A record as its reader found it, and the row that is made of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(slots=True)
class Record:
    """What a reader found. `values` holds the fields by name, or `reason` says why there are none."""

    position: int  # unique within the file: byte offset or row number, as the reader says
    size: int  # bytes of the raw record
    hash: str  # first 32 hex digits of SHA-256 of its bytes
    values: Mapping[str, Any] = field(default_factory=dict)
    reason: tuple[str, str, str] | None = None  # rule, value, threshold
    key: str | None = None  # the record's own id, where the format has one
    meta: Mapping[str, str] = field(default_factory=dict)


class Draft:
    """A row in the making."""

    __slots__ = ("key", "made", "meta", "outputs", "reason", "record", "text")

    def __init__(self, record: Record):
        self.record = record
        self.reason = record.reason
        self.key = record.key or record.hash
        self.text: str | None = None
        self.made: dict[str, Any] = {}  # the columns that are neither identity nor text
        self.meta = record.meta
        self.outputs: list[dict[str, Any]] = []  # of each operator call its columns by name
