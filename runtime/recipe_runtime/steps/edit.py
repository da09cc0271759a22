"""edit: `clean …` changes texts. The result is a relation of documents like a source's, kept by file.

A changed text has a new text hash and so a new doc_id; its origin_id, file and record stay, and by those
the decisions taken before the edit go on to the edited row. A text of which nothing is left becomes a
row without text, and its document a reject of the select.
"""

from __future__ import annotations

import time
from typing import Any

from recipe_runtime import ops
from recipe_runtime.arrow import arrow_schema
from recipe_runtime.digest import shard_digest, step_digest
from recipe_runtime.job import library_union
from recipe_runtime.relation import Relation
from recipe_runtime.shards import Shards
from recipe_runtime.steps.source import STATISTICS, without, worker_args
from recipe_runtime.worker import Edit


def edit(job: Any, name: str, texts: Relation, operator: ops.Op, *, digest: str, at: str) -> Relation:
    """Documents whose text `operator` (kind clean) changed; the frame has those that still have one."""
    found = ops.resolve(operator, "clean")
    own = ops.versions([found])
    libraries = library_union([texts], own)
    step = step_digest(digest, [texts.step], own)
    shard = shard_digest(digest, texts.shard, own)
    job.libraries |= own
    job.begin()
    shards = Shards(job, job.lake.relation(shard), texts.files, STATISTICS)

    def edited() -> Any:
        return shards.rows().where("not marker").drop("run_id", "marker")

    def documents() -> Any:
        return edited().where("text is not null")

    def frame() -> Any:
        return without(documents(), texts.repeats() if texts.repeats else None)

    relation = Relation(
        f"{name}.text", "edit", digest, step, libraries, frame,
        shard=shard, files=texts.files, documents=documents, repeats=texts.repeats,
        count=lambda: relation.frame.count(),
    )  # fmt: skip
    row = job.complete(step)
    if row is None:
        began = time.monotonic()
        source = texts.documents().drop(
            "run_id", "marker", "part", "parts", "records", "documents", "bytes_in", "rejected"
        )
        task = Edit(found.run, operator.name, worker_args(job, operator.args), arrow_schema(source.schema), own)
        with job.progress.step(name, operator.name) as report:
            shards.ensure(lambda group: _make(job, source, task, group))
            row = _finish(job, relation, edited(), texts, at, own, time.monotonic() - began)
            report.rows_in, report.rows_kept = row["rows_in"], row["rows_kept"]
    else:
        job.progress.line(f"{name}: {operator.name}: edited before")
    job.record_step(relation, made=row["run_id"] == job.run_id)
    return relation


def _make(job, source, task, files):
    from pyspark.sql import functions as F

    wanted = [file.file_id for file in files]
    rows = source.where(F.col("file_id").isin(wanted))
    done = rows.mapInArrow(task, source.schema).withColumn("text_bytes", F.octet_length("text").cast("bigint"))
    markers = job.spark.createDataFrame([(f, True) for f in wanted], "file_id string, marker boolean").coalesce(1)
    return done.withColumn("marker", F.lit(False)).unionByName(markers, allowMissingColumns=True)


def _finish(job, relation, edited, texts, at, own, seconds):
    """Rows whose text is gone are counted here and rejected by the select that goes on with them."""
    from pyspark.sql import functions as F

    rows = without(edited, texts.repeats() if texts.repeats else None)
    figures = rows.agg(F.count("*").alias("n"), F.count("text").alias("kept"), F.sum("text_bytes").alias("b")).first()
    row = {
        "step": relation.step,
        "run_id": job.run_id,
        "name": relation.name,
        "kind": "edit",
        "operation": relation.operation,
        "at": at,
        "shard": relation.shard,
        "inputs": [texts.step],
        "rows_in": figures.n,
        "rows_kept": figures.n,
        "rows_rejected": 0,
        "dropped": {},
        "bytes_kept": figures.b or 0,
        "seconds": seconds,
        "libraries": dict(own),
    }
    job.finish_step(row)
    return row
