"""annotate: columns computed from each text alone, in one fused pass over Arrow batches, kept by file.

It is done over every document of the files, also those that a later decision drops: so a threshold can
change, and files come and go, without computing anything again.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from recipe_runtime import ops, tables
from recipe_runtime.arrow import arrow_schema
from recipe_runtime.digest import shard_digest, step_digest
from recipe_runtime.job import library_union
from recipe_runtime.relation import Relation
from recipe_runtime.shards import Shards
from recipe_runtime.steps.source import STATISTICS, without, worker_args
from recipe_runtime.worker import Annotate, Column

KINDS = ("language", "statistic", "signature")
NOT_CARRIED = (
    "text",
    "meta",
    "run_id",
    "marker",
    "part",
    "parts",
    "records",
    "documents",
    "bytes_in",
    "rejected",
    "raw_hash",
    "record_key",
)
"""What a document row has and a row of numbers does not need."""


def annotate(job: Any, name: str, texts: Relation, *, columns: Mapping[Any, ops.Op], digest: str, at: str) -> Relation:
    """`columns`: name, or a tuple of names where the operator gives several → rt.op(…). The frame has the
    small columns of the documents (ids, source, URL, licence …) and the new ones, and not the text."""
    operators = [ops.resolve(wanted, *KINDS) for wanted in columns.values()]
    own = ops.versions(operators)
    libraries = library_union([texts], own)
    step = step_digest(digest, [texts.step], own)
    shard = shard_digest(digest, texts.shard, own)
    job.libraries |= own
    job.begin()
    shards = Shards(job, job.lake.relation(shard), texts.files, STATISTICS)
    relation = Relation(
        f"{name}.columns",
        "annotate",
        digest,
        step,
        libraries,
        lambda: _frame(shards, texts),
        shard=shard,
        files=texts.files,
    )
    row = job.complete(step)
    if row is None:
        began = time.monotonic()
        documents = texts.documents()
        task, struct = _task(job, documents.schema, columns, operators, own)
        with job.progress.step(name, "annotate") as report:
            files = shards.ensure(lambda group: _make(job, documents, task, struct, group))
            row = _finish(job, relation, texts, at, own, time.monotonic() - began)
            report.rows_in, report.bytes_in = row["rows_in"], row["bytes_in"]
            report.note = f"{files} of {len(texts.files)} files now" if files < len(texts.files) else ""
    else:
        job.progress.line(f"{name}: annotated before")
    job.record_step(relation, made=row["run_id"] == job.run_id)
    return relation


def _task(job, schema, columns, operators, own):
    """The picklable pass and the StructType it gives."""
    from pyspark.sql.types import StructField, StructType

    carried = [field for field in schema if field.name not in NOT_CARRIED]
    struct = StructType(carried)
    calls: list[Column] = []
    for names, wanted, operator in zip(columns, columns.values(), operators, strict=True):
        names = names if isinstance(names, tuple) else (names,)
        fields = [
            StructField(given, StructType.fromDDL(f"c {column.type}")[0].dataType)
            for given, column in zip(names, operator.columns, strict=True)
        ]
        struct = StructType([*struct.fields, *fields])
        outputs = tuple((f.name, f) for f in fields)
        calls.append(Column(operator.run, wanted.name, worker_args(job, wanted.args), operator.reads, outputs))
    arrow = arrow_schema(struct)
    calls = [
        Column(c.run, c.operator, c.args, c.reads, tuple((n, arrow.field(n).type) for n, _ in c.outputs)) for c in calls
    ]
    return Annotate(calls, [f.name for f in carried], arrow, own), struct


def _make(job, documents, task, struct, files):
    """The pass over these files, and a marker row for each of them."""
    from pyspark.sql import functions as F

    wanted = [file.file_id for file in files]
    needed = {name for column in task.columns for name in column.reads} | set(task.keep)
    rows = documents.where(F.col("file_id").isin(wanted)).select(*sorted(needed))
    done = rows.mapInArrow(task, struct).withColumn("marker", F.lit(False))
    markers = job.spark.createDataFrame([(f, True) for f in wanted], "file_id string, marker boolean").coalesce(1)
    return done.unionByName(markers, allowMissingColumns=True)


def _frame(shards, texts):
    from pyspark.sql import functions as F

    rows = shards.rows().where("not marker").drop("marker", "run_id")
    rows = without(rows, texts.repeats() if texts.repeats else None)
    return rows.withColumn("rejected", F.lit(None).cast(tables.REJECTED)).withColumn(
        "matched", F.lit(None).cast("string")
    )


def _finish(job, relation, texts, at, own, seconds):
    from pyspark.sql import functions as F

    figures = relation.frame.agg(F.count("*").alias("n"), F.sum("text_bytes").alias("b")).first()
    row = {
        "step": relation.step,
        "run_id": job.run_id,
        "name": relation.name,
        "kind": "annotate",
        "operation": relation.operation,
        "at": at,
        "shard": relation.shard,
        "inputs": [texts.step],
        "rows_in": texts.count(),
        "rows_kept": figures.n,
        "rows_rejected": 0,
        "dropped": {},
        "bytes_in": figures.b or 0,
        "bytes_kept": figures.b or 0,
        "seconds": seconds,
        "libraries": dict(own),
    }
    if row["rows_in"] != row["rows_kept"]:
        raise AssertionError(f"{relation.name} lost rows: {row}")
    job.finish_step(row)
    return row
