"""What a step made: its identity, and a frame that reads it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
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

    local: Any = None
    """Of row-local work: its declaration, which what reads its rows is made with."""

    columns: Mapping[tuple[str, ...], str] = field(default_factory=dict)
    """Of a relation of columns: names → the digest of what computes them."""

    uri: str | None = None
    """Of what a dedup found: where its table is."""

    waiting: int = 0
    """Units without an answer, here or in what this reads: then the step was not made, and the frame is empty."""

    @cached_property
    def frame(self) -> Any:
        """A DataFrame with the rows of this step."""
        return self.read()

    def only(self, *names: str) -> Relation:
        """Of a relation of columns: the same rows with these columns alone, as if nobody had asked for the others."""
        columns = {given: made for given, made in self.columns.items() if set(given) <= set(names)}
        others = [name for given in self.columns if given not in columns for name in given]
        return replace(self, columns=columns, read=lambda: self.frame.drop(*others))

    @property
    def identity(self) -> Sequence[str]:
        """What of it enters the step digests of those that read it: of columns each for itself, so that neither a
        column beside them nor who computed them makes another relation."""
        return tuple(self.columns.values()) or (self.step,)

    @property
    def texts(self) -> Any:
        """A DataFrame (doc_id, text, meta) of a relation of documents."""
        return self.frame.select("doc_id", "text", "meta")
