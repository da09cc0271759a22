"""score: classifiers over the texts of the rows still alive, kept by (text hash, scorer) for all recipes of a lake.

What is missing is found by an anti-join on the key and added every `COMMIT` texts, so that a killed run keeps what
it had. Two runs at once may both add a score: it is the same number, and a reader takes one.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any

from recipe_runtime import ops, tables
from recipe_runtime.arrow import arrow_schema
from recipe_runtime.digest import digest as digest_of
from recipe_runtime.digest import inputs_of, step_digest
from recipe_runtime.errors import StepError
from recipe_runtime.failpoints import failpoint
from recipe_runtime.generations import ensure_table
from recipe_runtime.job import library_union
from recipe_runtime.relation import Relation
from recipe_runtime.steps.source import worker_args
from recipe_runtime.worker import OpenScorers, ScoreTexts

COMMIT = 200_000
"""Texts in one commit: what a killed run may have to score again."""


def score(
    job: Any,
    name: str,
    rows: Any,
    *,
    texts: Relation,
    scores: Mapping[str, Any],
    reads: Sequence[Relation],
    digest: str,
    at: str,
) -> Relation:
    """`scores`: column → rt.scorer(…). The frame has text_hash and a column for each, null where the model gave no
    number; it holds every text that was ever scored so, and is meant to be joined. Raises StepError where a model
    cannot be used, before anything is scored."""
    operators = {column: ops.resolve(one.op, "score") for column, one in scores.items()}
    own = ops.versions(operators.values())
    step = step_digest(digest, inputs_of(reads), own)
    job.libraries |= own
    job.begin()
    kept_by = {column: digest_of("scorer", [one.digest, own]) for column, one in scores.items()}
    relation = Relation(
        f"{name}.scores", "score", digest, step, library_union(reads, own), lambda: _frame(job, kept_by)
    )
    row = job.complete(step)
    if row is None:
        began = time.monotonic()
        with job.progress.step(name, "score " + ", ".join(scores)) as report:
            wanted = rows.where("rejected is null").groupBy("text_hash").agg({"doc_id": "min"})
            wanted = job.hold(wanted.toDF("text_hash", "doc_id"))
            made = _make(job, wanted, texts, scores, operators, kept_by, own, at)
            there = wanted.count()
            job.release()
            row = {
                "step": step, "run_id": job.run_id, "name": relation.name, "kind": "score", "operation": digest,
                "at": at, "inputs": [r.step for r in reads], "rows_in": there, "rows_kept": there, "rows_rejected": 0,
                "dropped": {}, "seconds": time.monotonic() - began, "libraries": dict(own),
            }  # fmt: skip
            job.finish_step(row)
            report.rows_in, report.note = there, f"{made:,} inferences"
    else:
        job.progress.line(f"{name}: scored before")
    job.record_step(relation, made=row["run_id"] == job.run_id)
    return relation


def _frame(job: Any, kept_by: Mapping[str, str]) -> Any:
    from pyspark.sql import functions as F

    uri = ensure_table(job, tables.SCORES)
    rows = job.spark.read.format("delta").load(uri).where(F.col("scorer").isin(sorted(kept_by.values())))
    columns = [F.max(F.when(F.col("scorer") == F.lit(d), F.col("score"))).alias(c) for c, d in kept_by.items()]
    return rows.groupBy("text_hash").agg(*columns)


def _open(job, scores, operators, own, at) -> None:
    """Tries every scorer before the first text is scored; raises StepError where one cannot be used."""
    struct = job.struct("column string, message string, remedy string")
    given = []
    for column, one in scores.items():
        args = worker_args(job, one.op.args)
        names = {args[k]: v.path for k, v in one.op.args.items() if isinstance(v, ops.File)}
        given.append((column, operators[column].run, one.op.name, args, names))
    task = OpenScorers(tuple(given), arrow_schema(struct), own)
    wrong = job.spark.range(0, len(given), 1, 1).mapInArrow(task, struct).collect()
    if wrong:
        first = wrong[0]
        raise StepError(f"{at}: score {first.column}: {first.message}", remedy=first.remedy)


def _make(job, wanted, texts, scores, operators, kept_by, own, at) -> int:
    """Scores what has no score yet; how many inferences that were."""
    from pyspark.sql import functions as F
    from pyspark.sql.types import StructType

    uri = ensure_table(job, tables.SCORES)
    digests = sorted(kept_by.values())
    there = job.spark.read.format("delta").load(uri).where(F.col("scorer").isin(digests))
    there = there.groupBy("text_hash").agg(F.collect_set("scorer").alias("there"))
    every = F.array(*(F.lit(d) for d in digests))
    need = F.array_except(every, F.coalesce(F.col("there"), F.array().cast("array<string>")))
    misses = wanted.join(there, "text_hash", "left").select("text_hash", "doc_id", need.alias("need"))
    misses = job.hold(misses.where(F.size("need") > 0))
    figures = misses.agg(F.count("*").alias("n"), F.sum(F.size("need")).alias("calls")).first()
    if not figures.n:
        return 0
    struct = StructType.fromDDL("scorer string, text_hash string, score double")
    scorers = tuple(
        (kept_by[c], operators[c].run, one.op.name, worker_args(job, one.op.args)) for c, one in scores.items()
    )
    _open(job, scores, operators, own, at)
    task = ScoreTexts(scorers, arrow_schema(struct), own)
    parts = -(-figures.n // COMMIT)
    for part in range(parts):
        chosen = misses.where(F.pmod(F.xxhash64("text_hash"), F.lit(parts)) == F.lit(part))
        given = texts.texts.select("doc_id", "text").join(chosen, "doc_id").select("text_hash", "text", "need")
        made = given.mapInArrow(task, struct).withColumn("run_id", F.lit(job.run_id))
        table = tables.SCORES
        out = tables.writer(made, uri, statistics=table.statistics, note=job.note(), partition=table.partition)
        out.mode("append").save()
        failpoint("scores")
    return figures.calls
