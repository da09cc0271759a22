"""The lake's own tables: columns, partitions, statistics columns, and the three ways they are written.

Everything that reads them without Spark (lineage, the start of a run) goes through delta-rs and `read`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from recipe_runtime.arrow import ddl_schema
from recipe_runtime.delta_sql import equal, query, quoted

RETENTION_DAYS = 30
"""How long a version stays readable. Delta's default is 7 days, and its log must live at least as long."""

REJECTED = "struct<rule string, value string, threshold string, at string>"


@dataclass(frozen=True)
class Table:
    """`columns` in Spark's DDL. `statistics` names ids and enums only: Delta's log keeps their smallest
    and largest value, and a deleted page's text or URL must not live on there."""

    name: str
    columns: str
    statistics: tuple[str, ...]
    partition: tuple[str, ...] = ()


RUNS = Table(
    "runs",
    "run_id string, state string, at timestamp, recipe string, files map<string,string>, "
    "params map<string,string>, code_version string, libraries map<string,string>, inputs string, status string, "
    "steps array<struct<name string, kind string, step string, made boolean>>, "
    "outputs array<struct<name string, uri string, table_id string, version bigint, step string, made boolean>>, "
    "seconds double, repaired_by string",
    ("run_id", "state", "status"),
)
STEPS = Table(
    "steps",
    "step string, run_id string, name string, kind string, operation string, at string, shard string, "
    "inputs array<string>, rows_in bigint, rows_kept bigint, rows_rejected bigint, dropped map<string,bigint>, "
    "bytes_in bigint, bytes_kept bigint, tokens bigint, seconds double, gpu_seconds double, calls bigint, "
    "cost double, report string, libraries map<string,string>, made_at timestamp",
    ("run_id", "kind"),
    ("step",),
)
REJECTS = Table(
    "rejects",
    "step string, run_id string, outcome string, origin_id string, doc_id string, url_id string, url string, "
    "domain string, source string, rule string, value string, threshold string, at string, matched string, "
    "generation string, file_id string, record bigint",
    ("origin_id", "doc_id", "url_id"),
    ("step",),
)
EDGES = Table(
    "edges",
    "step string, run_id string, parent string, child string, kind string, child_origin_id string, "
    "similarity double",
    ("parent", "child", "child_origin_id"),
    ("step",),
)
STATS = Table(
    "stats",
    "step string, run_id string, output string, version bigint, tier string, source string, domain string, "
    "lang string, license string, origin string, rows bigint, tokens bigint, generated_tokens bigint, "
    "bytes bigint",
    ("output", "version"),
    ("step",),
)
SCORES = Table(
    "scores",
    "scorer string, text_hash string, score double, run_id string",
    ("text_hash",),
    ("scorer",),
)
"""`score` is rounded to 1e-4; null where the model gave no number."""

GENERATIONS = Table(
    "generations",
    "call_class string, key string, run_id string, model string, revision string, deployment string, "
    "prompt string, template string, variables string, params string, doc_id string, span_start bigint, "
    "span_end bigint, sample int, round int, outcome string, text string, finish string, served_model string, "
    "fingerprint string, prompt_tokens bigint, completion_tokens bigint, answer_hash string, at timestamp, "
    "seconds double, logprob double, step string",
    ("key", "doc_id"),
    ("call_class",),
)
"""One row a key, for ever. `doc_id` and the span are of one of the rows that asked: what the prompt is rendered
from again. `step` is of the units that asked first, in whose books the call is; `logprob` the mean of the answer's
tokens, null where the server gave none."""

LEDGER = (RUNS, STEPS, REJECTS, EDGES, STATS, SCORES, GENERATIONS)


def properties(statistics: Iterable[str]) -> dict[str, str]:
    """Table properties that every table of a lake is made with; readers of protocol 1 can read them all."""
    return {
        "delta.deletedFileRetentionDuration": f"interval {RETENTION_DAYS} days",
        "delta.logRetentionDuration": f"interval {RETENTION_DAYS} days",
        "delta.dataSkippingStatsColumns": ",".join(statistics),
        "delta.enableDeletionVectors": "false",
    }


def writer(frame, uri: str, *, statistics: Iterable[str], note: str, partition: Iterable[str] = ()):
    """A DataFrameWriter on a Delta table with our properties; `note` becomes the commit's userMetadata."""
    out = frame.write.format("delta").option("path", uri).option("userMetadata", note)
    for name, value in properties(statistics).items():
        out = out.option(name, value)
    partition = list(partition)
    return out.partitionBy(*partition) if partition else out


def keep_rows(lake, table: Table, rows: Iterable[Mapping[str, Any]], *, note: str, instead_of: str = "") -> None:
    """Writes rows given as mappings, by delta-rs: appended, or in place of those that `instead_of` (a predicate)
    names. For the few rows a run says of itself; a Spark job for one row costs a hundred times as much."""
    import pyarrow as pa

    data = pa.Table.from_pylist([dict(row) for row in rows], schema=ddl_schema(table.columns))
    _write_here(lake, table, data, note=note, instead_of=instead_of)


def _write_here(lake, table: Table, data: Any, *, note: str, instead_of: str) -> None:
    from deltalake import CommitProperties, write_deltalake

    uri = lake.table(table.name)
    there = exists(uri)
    write_deltalake(
        uri,
        data,
        mode="overwrite" if instead_of and there else "append",
        predicate=instead_of if instead_of and there else None,
        partition_by=list(table.partition) or None,
        configuration=None if there else properties(table.statistics),
        commit_properties=CommitProperties(custom_metadata={"userMetadata": note}),
    )


def replace_step_here(data: Any, lake, table: Table, step: str, *, note: str, also: str = "") -> None:
    """`replace_step` of an Arrow table, by delta-rs."""
    import pyarrow as pa

    fields = ddl_schema(table.columns)
    given = set(data.column_names)
    shaped = pa.table(
        [data[f.name].cast(f.type) if f.name in given else pa.nulls(len(data), f.type) for f in fields], schema=fields
    )
    lead = _lead(table)
    ordered = shaped.sort_by(lead) if lead else shaped
    _write_here(lake, table, ordered, note=note, instead_of=_of_step(step, also))


def replace_step(frame, lake, table: Table, step: str, *, note: str, also: str = "") -> None:
    """Makes `frame` the table's rows of this step (and of what `also` says). Twice is once; of two writers the
    later gets a conflict."""
    from pyspark.sql import functions as F
    from pyspark.sql.types import StructType

    given = set(frame.columns)
    shaped = frame.select(
        *(
            (F.col(f.name) if f.name in given else F.lit(None)).cast(f.dataType).alias(f.name)
            for f in StructType.fromDDL(table.columns)
        )
    )
    lead = _lead(table)
    ordered = shaped.coalesce(4).sortWithinPartitions(lead) if lead else shaped.coalesce(1)
    uri = lake.table(table.name)
    out = writer(ordered, uri, statistics=table.statistics, note=note, partition=table.partition)
    out.mode("overwrite").option("replaceWhere", _of_step(step, also)).save()


def _of_step(step: str, also: str) -> str:
    return f"step = '{step}'" + (f" and {also}" if also else "")


def _lead(table: Table) -> str | None:
    """The column rows are sorted by within a commit, so that a look-up reads few row groups."""
    return {"edges": "parent", "rejects": "url_id"}.get(table.name)


def exists(uri: str) -> bool:
    """Whether a Delta table stands at `uri`."""
    from deltalake import DeltaTable

    return DeltaTable.is_deltatable(uri)


def written_rows(uri: str) -> int:
    """How many rows the newest version holds, by the counts in Delta's log; nothing is read."""
    from deltalake import DeltaTable

    return rows_in(DeltaTable(uri))


def rows_in(table: Any) -> int:
    """How many rows a version of a table holds, by the counts in its log."""
    return sum(table.get_add_actions(flatten=True).column("num_records").to_pylist())


def read(
    lake: Any, table: Table, columns: Sequence[str] = (), where: Mapping[str, str | int] | None = None
) -> list[dict[str, Any]]:
    """Rows of a table as dictionaries, maps as dictionaries too, read without a JVM; none where the table does
    not exist yet. `where`: columns and the values they must have. For tables of steps, runs and versions; not
    for documents."""
    from deltalake import DeltaTable

    uri = lake.table(table.name)
    if not exists(uri):
        return []
    sql = f"select {', '.join(map(quoted, columns)) or '*'} from rows_of"
    sql += f" where {equal(**where)}" if where else ""
    return query(sql, {"rows_of": DeltaTable(uri)}, maps=True)
