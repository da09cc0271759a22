"""derive: documents made of answers that were kept, each with its parent, its generations and what it copies."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

from recipe_runtime import tables
from recipe_runtime.answer_tasks import MakeDocuments
from recipe_runtime.arrow import arrow_schema
from recipe_runtime.asking import Var, plain_parts
from recipe_runtime.digest import step_digest
from recipe_runtime.job import library_union
from recipe_runtime.relation import Relation
from recipe_runtime.steps.ask import Answers
from recipe_runtime.steps.units import span

DOCUMENT = (
    "doc_id string, text string, text_hash string, text_bytes bigint, origin_id string, source string, url string, "
    "url_id string, domain string, license array<string>, fetched_at timestamp, lang string, tier string, "
    "origin string, root_ids array<string>, parent_ids array<string>, generations array<string>, tokens bigint, "
    "generated_tokens bigint, copied_tokens bigint, scores map<string,double>, meta map<string,string>, "
    "file_id string, record bigint"
)
STATISTICS = ("doc_id", "origin_id", "url_id")


def derive(
    job: Any,
    name: str,
    answers: Answers,
    *,
    kind: str,
    digest: str,
    at: str,
    rejoin: str | None = None,
    text: Sequence[str | Var] | None = None,
    scores: Sequence[str] = (),
) -> Relation:
    """One document for each answer; with `rejoin` one for each (row, prompt, sample), of its answers in the order
    of the segments. `text` puts segment and answer together otherwise."""
    step = step_digest(digest, [answers.step], {})
    uri = job.lake.relation(step)
    relation = Relation(
        f"{name}.documents", "derive", digest, step, library_union([answers], {}),
        lambda: job.spark.read.format("delta").load(uri),
        documents=lambda: relation.frame, count=lambda: relation.frame.count(),
    )  # fmt: skip
    if job.waits(relation, [answers], lambda: job.spark.createDataFrame([], DOCUMENT)):
        return relation
    row = job.complete(step)
    if row is None:
        began = time.monotonic()
        with job.progress.step(name, "documents") as report:
            made = _made(job, answers, rejoin, plain_parts(text), scores)
            tables.writer(made, uri, statistics=STATISTICS, note=job.note(step)).mode("overwrite").save()
            row = _finish(job, relation, kind, answers, uri, at, time.monotonic() - began)
            report.rows_in = row["rows_kept"]
    else:
        job.progress.line(f"{name}: {row['rows_kept']:,} documents, made before")
    job.record_step(relation, made=row["run_id"] == job.run_id)
    return relation


def _made(job, answers: Answers, rejoin, template, scores) -> Any:
    from pyspark.sql import functions as F

    kept = answers.frame.where("outcome = 'kept'")
    pairs = [part for n in scores for part in (F.lit(n), F.col(n))]
    figures = F.create_map(*pairs) if pairs else F.create_map().cast("map<string,double>")
    part = F.struct(
        "unit", "segment", "answer", "key", "from_source", F.coalesce("tokens", F.lit(0)).alias("tokens"),
        F.coalesce("copied_tokens", F.lit(0)).alias("copied_tokens"), "span_start", "span_end",
        figures.alias("scores"),
    )  # fmt: skip
    if rejoin is not None:
        # By the segment alone: a map, such as the scores, cannot be compared.
        in_order = F.array_sort(F.collect_list(part), lambda one, other: one["segment"] - other["segment"])
        groups = kept.groupBy("doc_id", "prompt", "sample").agg(in_order.alias("parts"))
    else:
        # Equal pieces of one document have one answer, and make one document.
        each = kept.withColumn("each", F.coalesce("key", "unit")).dropDuplicates(["doc_id", "each"])
        groups = each.select("doc_id", F.array(part).alias("parts"))
    groups = groups.select("doc_id", "parts")
    rows = groups.join(_parents(answers), "doc_id")
    if template is not None:
        texts = answers.units.texts.texts.select("doc_id", "text")
        one = F.col("parts")[0]
        there = rows.withColumns({"span_start": one["span_start"], "span_end": one["span_end"]})
        rows = there.join(texts, "doc_id").withColumn("text", span("text")).drop("span_start", "span_end")
    struct = job.struct(DOCUMENT)
    task = MakeDocuments(
        rejoin or "", tuple(template) if template is not None else None, answers.units.tokenizer, arrow_schema(struct)
    )
    return rows.mapInArrow(task, struct)


def _parents(answers: Answers) -> Any:
    """What a derived document takes from the one it is made of; its licences, and the endpoint's terms."""
    from pyspark.sql import functions as F

    rows = answers.units.rows
    there = set(rows.columns)

    def given(name: str, kind: str) -> Any:
        return (F.col(name) if name in there else F.lit(None)).cast(kind).alias(name)

    terms = answers.units.endpoint.terms
    license_ = F.col("license")
    if terms is not None:
        added = F.array_union(F.coalesce(license_, F.array().cast("array<string>")), F.array(F.lit(terms)))
        license_ = F.array_sort(added).alias("license")
    roots = F.col("root_ids") if "root_ids" in there else F.array("doc_id")
    return rows.select(
        "doc_id", "origin_id", "source", "url", "url_id", "domain", license_, "fetched_at",
        given("lang", "string"), given("tier", "string"), roots.alias("root_ids"),
        F.create_map().cast("map<string,double>").alias("scores"),
        F.create_map().cast("map<string,string>").alias("meta"),
        given("file_id", "string"), given("record", "bigint"),
    )  # fmt: skip


def _finish(job, relation, kind, answers, uri, at, seconds):
    from pyspark.sql import functions as F

    there = job.spark.read.format("delta").load(uri)
    figures = there.agg(
        F.count("*").alias("n"), F.sum("text_bytes").alias("b"), F.sum("tokens").alias("t")
    ).first()
    edges = there.select(
        F.lit(relation.step).alias("step"),
        F.lit(job.run_id).alias("run_id"),
        F.explode("parent_ids").alias("parent"),
        F.col("doc_id").alias("child"),
        F.lit(kind).alias("kind"),
        F.col("origin_id").alias("child_origin_id"),
    )
    if figures.n:
        tables.replace_step(edges, job.lake, tables.EDGES, relation.step, note=job.note(relation.step))
    row = {
        "step": relation.step, "run_id": job.run_id, "name": relation.name, "kind": "derive",
        "operation": relation.operation, "at": at, "inputs": [answers.step], "rows_in": figures.n,
        "rows_kept": figures.n, "rows_rejected": 0, "dropped": {}, "bytes_kept": figures.b or 0,
        "tokens": figures.t or 0, "seconds": seconds, "libraries": {},
    }  # fmt: skip
    job.finish_step(row)
    return row
