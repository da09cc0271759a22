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
    "cost double, libraries map<string,string>, made_at timestamp",
    ("run_id", "kind"),
    ("step",),
)
REJECTS = Table(
    "rejects",
    "step string, run_id string, outcome string, origin_id string, doc_id string, url_id string, url string, "
    "domain string, source string, rule string, value string, threshold string, at string, matched string, "
    "file_id string, record bigint",
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
    "lang string, license string, origin string, rows bigint, tokens bigint, bytes bigint",
    ("output", "version"),
    ("step",),
)
LEDGER = (RUNS, STEPS, REJECTS, EDGES, STATS)


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
    from deltalake import CommitProperties, write_deltalake

    data = pa.Table.from_pylist([dict(row) for row in rows], schema=ddl_schema(table.columns))
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
    where = f"step = '{step}'" + (f" and {also}" if also else "")
    out.mode("overwrite").option("replaceWhere", where).save()


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

    table = DeltaTable(uri)
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
