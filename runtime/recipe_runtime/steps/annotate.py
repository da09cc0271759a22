"""annotate: columns computed from each text alone, in one fused pass over Arrow batches, kept by file.

It is done over every document of the files, also those that a later decision drops: so a threshold can
change, and files come and go, without computing anything again.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from recipe_runtime import ops, tables
from recipe_runtime.arrow import arrow_schema, ddl_struct
from recipe_runtime.deciding import Undecided
from recipe_runtime.digest import digest as digest_of
from recipe_runtime.digest import shard_digest, step_digest
from recipe_runtime.job import library_union
from recipe_runtime.local import Local
from recipe_runtime.relation import Relation
from recipe_runtime.shards import Shards, counted, sent
from recipe_runtime.side_by_side import begun
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
    from pyspark.sql.types import StringType, StructField, StructType

    operators = [ops.resolve(wanted, *KINDS) for wanted in columns.values()]
    own = ops.versions(operators)
    libraries = library_union([texts], own)
    step = step_digest(digest, [texts.step], own)
    made_by = {
        names if isinstance(names, tuple) else (names,): digest_of(
            "column", [texts.step, ops.identity(wanted), ops.versions([operator])]
        )
        for (names, wanted), operator in zip(columns.items(), operators, strict=True)
    }
    job.libraries |= own
    if texts.local is None:
        job.begin()
        return _whole(job, name, texts, columns, operators, own, libraries, step, digest, at, made_by)
    calls, carried, computed = _struct(texts.local.struct, columns, operators)
    struct = StructType([*computed, StructField("run_id", StringType())])
    shard = shard_digest(digest, texts.shard, own)
    shards = Shards(job, job.lake.relation(shard), texts.files, STATISTICS, arrow_schema(struct))

    def frame() -> Any:
        job.locals.made(relation.local)
        def rows() -> Any:
            alone = without(shards.rows().drop("run_id"), texts.repeats())
            return sent(counted(_undecided(alone), shards.total().records))

        return rows() if texts.repeats() is not None else begun(relation, Undecided(), rows)

    relation = Relation(
        f"{name}.columns", "annotate", digest, step, libraries, frame,
        shard=shard, files=texts.files, columns=made_by,
    )  # fmt: skip
    relation.local = job.locals.declare(
        Local(
            name,
            "annotate",
            step,
            shards,
            struct,
            own,
            finish=lambda seconds: _finish(job, relation, _counted(shards, relation, texts), texts, at, own, seconds),
            record=lambda made: job.record_step(relation, made),
            of=texts.local,
            work=lambda: _task(job, calls, carried, computed, own),
            needs=frozenset({column for operator in operators for column in operator.reads} | set(carried)),
        )
    )
    return relation


def _whole(job, name, texts, columns, operators, own, libraries, step, digest, at, made_by) -> Relation:
    """Columns of a relation that has no files: made in one piece."""
    from pyspark.sql import functions as F

    uri = job.lake.relation(step)
    relation = Relation(
        f"{name}.columns", "annotate", digest, step, libraries,
        lambda: _undecided(job.spark.read.format("delta").load(uri)), columns=made_by,
    )  # fmt: skip
    documents = texts.frame
    calls, carried, struct = _struct(documents.schema, columns, operators)
    task = _task(job, calls, carried, struct, own)
    if job.waits(relation, [texts], lambda: _undecided(job.spark.createDataFrame([], struct))):
        return relation
    row = job.complete(step)
    if row is None:
        began = time.monotonic()
        with job.progress.step(name, "annotate") as report:
            needed = {column for call in task.columns for column in call.reads} | set(task.keep)
            made = documents.select(*sorted(needed)).mapInArrow(task, struct)
            tables.writer(made, uri, statistics=("doc_id",), note=job.note(step)).mode("overwrite").save()
            figures = relation.frame.agg(F.count("*").alias("n"), F.sum("text_bytes").alias("b")).first()
            row = _finish(job, relation, figures, texts, at, own, time.monotonic() - began)
            report.rows_in = row["rows_in"]
    else:
        job.progress.line(f"{name}: annotated before")
    job.record_step(relation, made=row["run_id"] == job.run_id)
    return relation


def _struct(documents, columns, operators):
    """(calls with the names and types of their columns, names carried along, the StructType of both)."""
    from pyspark.sql.types import StructField, StructType

    carried = [field for field in documents if field.name not in NOT_CARRIED]
    struct = StructType(carried)
    calls = []
    for names, wanted, operator in zip(columns, columns.values(), operators, strict=True):
        names = names if isinstance(names, tuple) else (names,)
        fields = [
            StructField(given, ddl_struct(f"c {column.type}")[0].dataType)
            for given, column in zip(names, operator.columns, strict=True)
        ]
        struct = StructType([*struct.fields, *fields])
        calls.append((wanted, operator, names))
    return calls, [field.name for field in carried], struct


def _task(job, calls, carried, struct, own):
    """The picklable pass."""
    arrow = arrow_schema(struct)
    made = [
        Column(
            operator.run, wanted.name, worker_args(job, wanted.args), operator.reads,
            tuple((name, arrow.field(name).type) for name in names),
        )
        for wanted, operator, names in calls
    ]  # fmt: skip
    return Annotate(made, carried, arrow, own)


def _undecided(rows):
    from pyspark.sql import functions as F

    return rows.withColumn("rejected", F.lit(None).cast(tables.REJECTED)).withColumn(
        "matched", F.lit(None).cast("string")
    )


def _counted(shards, relation, texts):
    """(rows, bytes of text) of the relation: by the markers, or, where records repeat, by what its frame reads."""
    from pyspark.sql import functions as F

    if texts.repeats() is None:
        total = shards.total()
        return total.records, total.text_bytes
    rows = without(shards.rows(), texts.repeats())
    return rows.agg(F.count("*").alias("n"), F.sum("text_bytes").alias("b")).first()


def _finish(job, relation, counted, texts, at, own, seconds):
    rows, size = counted
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
        "rows_kept": rows,
        "rows_rejected": 0,
        "dropped": {},
        "bytes_in": size or 0,
        "bytes_kept": size or 0,
        "seconds": seconds,
        "libraries": dict(own),
    }
    if row["rows_in"] != row["rows_kept"]:
        raise AssertionError(f"{relation.name} lost rows: {row}")
    job.finish_step(row)
    return row
