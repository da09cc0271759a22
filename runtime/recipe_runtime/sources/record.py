"""A record as its reader found it, and the rows that are made of a batch of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from recipe_runtime.sources.values import Refused


@dataclass(slots=True)
class Record:
    """What a reader found. `values` holds the fields by name, or `reason` says why there are none."""

    position: int  # unique within the file: byte offset or row number, as the reader says
    size: int  # bytes of the raw record
    hash: str  # first 32 hex digits of SHA-256 of its bytes
    values: Mapping[str, Any] = field(default_factory=dict)
    reason: tuple[str, str, str] | None = None  # rule, value, threshold
    key: str | None = None  # the record's own id, where the format has one
    meta: Mapping[str, str] | None = None


class Drafts:
    """Rows in the making, column by column: what stands at i in a list is of the i-th record.

    A row that has a reason is a reject: no step touches it any more, and what steps before made of it stays.
    """

    __slots__ = ("keys", "made", "metas", "outputs", "reasons", "records", "texts")

    def __init__(self, records: Sequence[Record]):
        self.records = records
        self.reasons = [record.reason for record in records]
        self.keys = [record.key or record.hash for record in records]
        self.texts: list[str | None] = [None] * len(records)
        self.made: dict[str, list[Any]] = {}  # the columns that are neither identity nor text
        self.metas = [record.meta for record in records]
        self.outputs: list[dict[str, list[Any]]] = []  # of each operator call its columns by name

    def field(self, name: str, missing: Any = None) -> list[Any]:
        """The field of each record; `missing` where a record has none of that name."""
        return [record.values.get(name, missing) for record in self.records]

    def alive(self) -> Sequence[int]:
        """Where the rows are that have no reason."""
        if any(self.reasons):
            return [i for i, reason in enumerate(self.reasons) if reason is None]
        return range(len(self.records))

    def converted(
        self,
        values: list[Any],
        convert: Callable[[Any], Any] | None,
        before: list[Any] | None,
        passing: frozenset[type] = frozenset(),
    ) -> list[Any]:
        """A column: what `convert` makes of the values of rows without a reason; where it raises Refused, that is
        the row's reason. Rejects keep their value of `before` (None: null). Values of a type in `passing` are as
        `convert` would give them."""
        alive = self.alive()
        if len(alive) == len(values) and (convert is None or passing.issuperset(map(type, values))):
            return values
        made = [None] * len(values) if before is None else list(before)
        for i in alive:
            try:
                made[i] = values[i] if convert is None else convert(values[i])
            except Refused as refused:
                self.reasons[i] = (refused.rule, refused.value, refused.threshold)
        return made
