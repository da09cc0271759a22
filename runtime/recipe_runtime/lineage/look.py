"""Look-ups in Delta tables by id: filters that prune files and row groups, and only the columns asked for."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any

import pyarrow.dataset as pads
from deltalake import DeltaTable
from deltalake.exceptions import DeltaError

from recipe_runtime.lineage.answer import Unanswered

UNREAD = ("text", "meta")
"""Columns that a look-up leaves out unless it names them: they are most of a table's bytes."""

HEX = frozenset("0123456789abcdef")
ID_DIGITS = 32
PREFIX_DIGITS = 8
"""Fewest digits of an id that are taken for one."""


class Relation:
    """A Delta table, at its newest version or at `version`."""

    def __init__(self, uri: str, version: int | None = None):
        self.uri, self.version = uri, version

    @cached_property
    def exists(self) -> bool:
        """Whether it is there."""
        return DeltaTable.is_deltatable(self.uri)

    @cached_property
    def _data(self) -> Any:
        try:
            return DeltaTable(self.uri, version=self.version).to_pyarrow_dataset()
        except DeltaError as error:
            if self.version is None:
                raise
            raise Unanswered(
                f"version {self.version} of {self.uri} can no longer be read",
                remedy="its log or files were removed after the table's retention; ask for a newer version",
            ) from error

    @property
    def columns(self) -> list[str]:
        """Names of its columns."""
        return self._data.schema.names

    def rows(self, where: Any, columns: Sequence[str] = (), limit: int | None = None) -> list[dict[str, Any]]:
        """Rows that satisfy a pyarrow expression, as dictionaries (maps as pairs); none where there is no table.

        `columns`: those wanted, as far as the table has them; all but `UNREAD` where none are named.
        """
        if not self.exists:
            return []
        wanted = columns or [name for name in self.columns if name not in UNREAD]
        there = [name for name in wanted if name in self.columns]
        if limit is None:
            return self._data.to_table(columns=there, filter=where).to_pylist()
        return self._data.scanner(columns=there, filter=where).head(limit).to_pylist()


def field(name: str) -> Any:
    """A column in a filter."""
    return pads.field(name)


def is_id(key: str) -> bool:
    """Whether a key is an id or the beginning of one, and so no URL."""
    return PREFIX_DIGITS <= len(key) <= ID_DIGITS and set(key) <= HEX


def begins(name: str, key: str) -> Any:
    """A filter for ids that are `key` or begin with it: a range, so that statistics prune."""
    if len(key) == ID_DIGITS:
        return field(name) == key
    return (field(name) >= key) & (field(name) <= key + "f" * (ID_DIGITS - len(key)))
