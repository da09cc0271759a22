"""Questions about a table of documents whose answer is small, or goes to the ledger: one statement, two engines.

A Spark session takes seconds to begin, and a job of it one more before it reads a row. So a table of at most `HERE`
rows is asked in this process by delta-rs, which streams it, and one of ids and numbers of at most `LEAN`; a larger one
by Spark. The statement calls the table `rows_of` and is written in what both understand.
"""

from __future__ import annotations

from typing import Any

from recipe_runtime import tables
from recipe_runtime.delta_sql import query, table_of

HERE = 1_000_000
"""Rows of a table with texts that this process reads by itself, and rows that it holds at a time."""

LEAN = 20_000_000
"""Rows of ids and numbers that this process streams by itself: some 3 s."""


def asked(job: Any, uri: str, sql: str, *, version: int | None = None) -> list[dict[str, Any]]:
    """The few rows of a statement over a table of ids and numbers at `uri`, its newest version where none is named."""
    table = _opened(uri, version)
    if tables.rows_in(table) <= LEAN:
        return query(sql, {"rows_of": table})
    return [row.asDict() for row in _by_spark(job, uri, table.version(), sql).collect()]


def recorded(
    job: Any, uri: str, sql: str, into: tables.Table, step: str, *, rows: int | None = None, also: str = "",
    version: int | None = None,
) -> None:  # fmt: skip
    """Makes the rows of a statement the ledger's rows of a step (and of what `also` says). `rows`: how many the
    statement gives of a table of ids and numbers; None for few of a table with texts."""
    table = _opened(uri, version)
    note = job.note(step)
    here = tables.rows_in(table) <= HERE if rows is None else rows <= HERE and tables.rows_in(table) <= LEAN
    if here:
        tables.replace_step_here(table_of(sql, {"rows_of": table}), job.lake, into, step, note=note, also=also)
    else:
        frame = _by_spark(job, uri, table.version(), sql)
        tables.replace_step(frame, job.lake, into, step, note=note, also=also)


def _opened(uri: str, version: int | None) -> Any:
    from deltalake import DeltaTable

    return DeltaTable(uri, version=version)


def _by_spark(job: Any, uri: str, version: int, sql: str) -> Any:
    frame = job.spark.read.format("delta").option("versionAsOf", version).load(uri)
    frame.createOrReplaceTempView("rows_of")
    return job.spark.sql(sql)
