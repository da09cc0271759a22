"""SQL over Delta tables in delta-rs' own engine, without a JVM.

delta-rs' Arrow dataset is not used: that reads through a Python file system on Arrow's threads, and one
process in five that had read so many times was seen to abort as it ended (exit 134).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from deltalake import DeltaTable, QueryBuilder


def query(sql: str, tables: Mapping[str, DeltaTable], *, maps: bool = False) -> list[dict[str, Any]]:
    """The rows of a statement over these tables; Arrow maps as dictionaries (`maps`) or as pairs."""
    return table_of(sql, tables).to_pylist(maps_as_pydicts="strict" if maps else None)


def table_of(sql: str, tables: Mapping[str, DeltaTable]) -> Any:
    """The rows of a statement over these tables as an Arrow table."""
    import pyarrow as pa

    engine = QueryBuilder()
    for name, table in tables.items():
        engine.register(name, table)
    return pa.table(engine.execute(sql).read_all())


def quoted(name: str) -> str:
    """A column's name in SQL."""
    return '"' + name.replace('"', '""') + '"'


def literal(value: str | int) -> str:
    """A value in SQL."""
    return str(value) if isinstance(value, int) else "'" + value.replace("'", "''") + "'"


def equal(**columns: str | int) -> str:
    """These columns have these values."""
    return " and ".join(f"{quoted(name)} = {literal(value)}" for name, value in columns.items())
