"""select: the decisions over a select's rows, kept as ids and numbers; never a copy of the text."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

from recipe_runtime import tables
from recipe_runtime.digest import step_digest
from recipe_runtime.job import library_union
from recipe_runtime.relation import Relation

STATISTICS = ("doc_id", "origin_id", "url_id")


def select(job: Any, name: str, rows: Any, *, reads: Sequence[Relation], digest: str, at: str) -> Relation:
    """Keeps `rows`, dropped ones too, with the first rule each failed; the frame has those that stay.

    in = kept + rejected is asserted: what the first of `reads` kept against the rows written here.
    """
    step = step_digest(digest, [r.step for r in reads], {})
    uri = job.lake.relation(step)
    relation = Relation(
        name, "select", digest, step, library_union(reads, {}),
        lambda: job.spark.read.format("delta").load(uri).where("rejected is null"),
    )  # fmt: skip
    job.begin()
    row = job.complete(step)
    if row is None:
        began = time.monotonic()
        with job.progress.step(name, "decide") as report:
            tables.writer(rows, uri, statistics=STATISTICS, note=job.note(step)).mode("overwrite").save()
            row = _finish(job, relation, uri, reads, at, began)
            report.rows_in, report.rows_kept = row["rows_in"], row["rows_kept"]
    else:
        job.progress.line(f"{name}: {row['rows_kept']:,} of {row['rows_in']:,} rows kept, decided before")
    job.record_step(relation, made=row["run_id"] == job.run_id)
    return relation


def _finish(job, relation, uri, reads, at, began):
    from pyspark.sql import functions as F

    decided = job.spark.read.format("delta").load(uri)
    counts = decided.groupBy(F.col("rejected.rule").alias("rule")).agg(
        F.count("*").alias("n"), F.sum("text_bytes").alias("b"), *_tokens(decided)
    )
    by_rule = {r.rule: r for r in counts.collect()}
    kept = by_rule.pop(None, None)
    dropped = {rule: r.n for rule, r in by_rule.items()}
    if dropped:
        _rejects(job, relation, decided)
    row = {
        "step": relation.step,
        "run_id": job.run_id,
        "name": relation.name,
        "kind": "select",
        "operation": relation.operation,
        "at": at,
        "inputs": [r.step for r in reads],
        "rows_in": job.complete(reads[0].step)["rows_kept"],
        "rows_kept": kept.n if kept else 0,
        "rows_rejected": sum(dropped.values()),
        "dropped": dropped,
        "bytes_in": sum(r.b or 0 for r in [*by_rule.values(), *([kept] if kept else [])]),
        "bytes_kept": (kept.b or 0) if kept else 0,
        "tokens": kept["tokens"] if kept and "tokens" in decided.columns else None,
        "seconds": time.monotonic() - began,
        "libraries": {},
    }
    if row["rows_in"] != row["rows_kept"] + row["rows_rejected"]:
        raise AssertionError(f"select {relation.name} lost rows: {row}")
    job.finish_step(row)
    return row


def _tokens(decided):
    from pyspark.sql import functions as F

    return [F.sum("tokens").alias("tokens")] if "tokens" in decided.columns else []


def _rejects(job, relation, decided):
    from pyspark.sql import functions as F

    out = decided.where("rejected is not null").select(
        F.lit(relation.step).alias("step"),
        F.lit(job.run_id).alias("run_id"),
        F.lit("rejected").alias("outcome"),
        "origin_id", "doc_id", "url_id", "url", "domain", "source", "rejected.*", "matched", "file_id", "record",
    )  # fmt: skip
    tables.replace_step(out, job.lake, tables.REJECTS, relation.step, note=job.note(relation.step))
