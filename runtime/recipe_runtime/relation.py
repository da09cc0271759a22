"""What a step made: its identity, and a frame that reads it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any


@dataclass
class Relation:
    """`step` is the step digest. Relations of documents (a source, an edit) also have `shard`, the digest
    their row-local work is kept under, the input `files`, and `texts`."""

    name: str
    kind: str
    operation: str
    step: str
    libraries: Mapping[str, str]
    read: Callable[[], Any]
    shard: str | None = None
    files: Sequence[Any] = field(default_factory=tuple)
    documents: Callable[[], Any] | None = None
    """All rows of the files that have a text, before any decision; row-local work is done over these."""
    repeats: Callable[[], Any] | None = None
    """(file_id, record) of rows that are the same record again, or None where there are none."""

    count: Callable[[], int] | None = None
    """How many rows `frame` of a relation of documents has."""

    @cached_property
    def frame(self) -> Any:
        """A DataFrame with the rows of this step."""
        return self.read()

    @property
    def texts(self) -> Any:
        """A DataFrame (doc_id, text, meta) of a relation of documents."""
        return self.frame.select("doc_id", "text", "meta")
