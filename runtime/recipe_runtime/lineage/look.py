"""Look-ups in Delta tables by id: filters that prune files and row groups, and only the columns asked for.

delta-rs runs them as SQL; `delta_sql` says why not as an Arrow dataset.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cached_property
from typing import Any

from deltalake import DeltaTable
from deltalake.exceptions import DeltaError

from recipe_runtime.delta_sql import equal, literal, query, quoted
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
    def table(self) -> DeltaTable:
        """The table as delta-rs opens it. Raises Unanswered where the version cannot be read any more."""
        try:
            return DeltaTable(self.uri, version=self.version)
        except DeltaError as error:
            if self.version is None:
                raise
            raise Unanswered(
                f"version {self.version} of {self.uri} can no longer be read",
                remedy="its log or files were removed after the table's retention; ask for a newer version",
            ) from error

    @cached_property
    def columns(self) -> list[str]:
        """Names of its columns; none where there is no table."""
        return [field.name for field in self.table.schema().fields] if self.exists else []

    def rows(self, where: str = "", columns: Sequence[str] = (), limit: int | None = None) -> list[dict[str, Any]]:
        """Rows that satisfy a condition in SQL, as dictionaries (maps as pairs); none where there is no table.

        `columns`: those wanted, as far as the table has them; all but `UNREAD` where none are named.
        """
        if not self.exists:
            return []
        wanted = columns or [name for name in self.columns if name not in UNREAD]
        there = [name for name in wanted if name in self.columns]
        sql = f"select {', '.join(map(quoted, there))} from looked_in"
        sql += f" where {where}" if where else ""
        sql += f" limit {limit}" if limit is not None else ""
        return query(sql, {"looked_in": self.table})


# ---- conditions --------------------------------------------------------------------------------------


def among(name: str, values: Iterable[str]) -> str:
    """A column has one of these values, of which there is at least one."""
    return f"{quoted(name)} in ({', '.join(map(literal, sorted(values)))})"


def is_id(key: str) -> bool:
    """Whether a key is an id or the beginning of one, and so no URL."""
    return PREFIX_DIGITS <= len(key) <= ID_DIGITS and set(key) <= HEX


def begins(name: str, key: str) -> str:
    """An id is `key` or begins with it: a range, so that statistics prune."""
    if len(key) == ID_DIGITS:
        return equal(**{name: key})
    return f"{quoted(name)} between {literal(key)} and {literal(key.ljust(ID_DIGITS, 'f'))}"


def url_key(key: str) -> str:
    """A key that is a URL, or Unanswered where it cannot be one: every URL of a lake is UTF-8."""
    try:
        key.encode()
    except UnicodeEncodeError as error:
        raise Unanswered(f"{key!r} is no UTF-8 text", remedy="give the URL as it was crawled, or an id") from error
    return key
