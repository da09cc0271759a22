"""units: what a transform or generate asks, each (row, prompt, segment, sample) with the key of its call.

The relation is complete before the first call. A row of which no segment fits is rejected here. A unit whose prompt
is too long is only marked: it has no key and is never asked, and goes with the answers where `on fail` says.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from recipe_runtime import delta_files, ops, tables
from recipe_runtime.arrow import arrow_schema
from recipe_runtime.asking import Endpoint, Prompt, call_class, canonical
from recipe_runtime.decide import failure
from recipe_runtime.digest import inputs_of, step_digest
from recipe_runtime.job import library_union
from recipe_runtime.relation import Relation
from recipe_runtime.steps.source import worker_args
from recipe_runtime.unit_tasks import Asked, AskedPrompt, Limits, MakeUnits

COLUMNS = (
    "unit string, doc_id string, prompt int, segment int, span_start bigint, span_end bigint, segment_tokens bigint, "
    "sample int, key string"
)
REJECTED = f"rejected {tables.REJECTED}"
"""There where prompts have a longest length."""


@dataclass
class Units(Relation):
    """Units of one step, and what is needed to ask them: whose rows they are, their texts, whom to ask."""

    rows: Any = None
    texts: Any = None
    endpoint: Any = None
    prompts: Sequence[Prompt] = ()
    asked: Any = None
    tokenizer: Any = None
    reads: Sequence[Relation] = field(default_factory=tuple)


def units(
    job: Any,
    name: str,
    rows: Any,
    *,
    texts: Relation,
    endpoint: Endpoint,
    prompts: Sequence[Prompt],
    tokenizer: ops.File,
    samples: int,
    request: Mapping[str, Any],
    reads: Sequence[Relation],
    digest: str,
    at: str,
    segment: ops.Op | None = None,
    max_prompt: int | None = None,
) -> Relation:
    """One unit for each row of `rows`, prompt, segment and sample. `max_prompt`: tokens of the longest prompt that
    is sent, by `tokenizer`; the endpoint's `context` limits prompt and answer together."""
    pieces = ops.resolve(segment, "segment") if segment else None
    counter = ops.registry()["statistic", "tokens"]
    own = ops.versions([counter, *([pieces] if pieces else [])])
    limits = _limits(endpoint, request, max_prompt, at)
    step = step_digest(digest, inputs_of(reads), own)
    job.libraries |= own
    job.begin()
    uri = job.lake.relation(step)
    asked = _asked(job, endpoint, prompts, request, samples)
    blob = worker_args(job, {"tokenizer": tokenizer})["tokenizer"]
    relation = Units(
        f"{name}.units", "units", digest, step, library_union(reads, own),
        lambda: delta_files.read(job.spark, uri).where("unit is not null"),
        rows=rows, texts=texts, endpoint=endpoint, prompts=prompts, asked=asked, tokenizer=blob, reads=reads,
    )  # fmt: skip
    if job.waits(relation, reads, lambda: job.spark.createDataFrame([], COLUMNS)):
        return relation
    row = job.complete(step)
    if row is None:
        began = time.monotonic()
        struct = job.struct(f"{COLUMNS}, {REJECTED}" if limits else COLUMNS)
        run = (pieces.run, segment.name, worker_args(job, segment.args)) if segment else None
        task = MakeUnits(asked, run, blob, limits, arrow_schema(struct), own)
        with job.progress.step(name, "units") as report:
            given = texts.texts.select("doc_id", "text").join(rows.select("doc_id"), "doc_id", "left_semi")
            made = given.mapInArrow(task, struct)
            out = tables.writer(made, uri, statistics=("unit", "doc_id", "key"), note=job.note(step))
            out.mode("overwrite").save()
            row = _finish(job, relation, uri, segment, at, own, time.monotonic() - began)
            report.rows_in, report.rows_kept = row["rows_in"], row["rows_kept"]
            report.note = f"{row['units']:,} units"
    else:
        job.progress.line(f"{name}: {row['rows_kept']:,} rows cut into units before")
    job.record_step(relation, made=row["run_id"] == job.run_id)
    return relation


def _limits(endpoint: Endpoint, request: Mapping[str, Any], max_prompt: int | None, at: str) -> Limits | None:
    if max_prompt is None and endpoint.context is None:
        return None
    return Limits(max_prompt, endpoint.context, request.get("max_tokens") or 0, at)


def _asked(job: Any, endpoint: Endpoint, prompts: Sequence[Prompt], request: Mapping[str, Any], samples: int) -> Asked:
    """The plain values that workers render with; the templates are kept in the lake by what they are."""
    made = []
    for one in prompts:
        template = one.template(endpoint.api)
        kept = job.lake.put_blob(canonical(template).encode())
        class_ = call_class(endpoint, one, request)
        made.append(AskedPrompt(one.name, template, dict(one.variables), one.reply, class_, kept))
    return Asked(endpoint.model, endpoint.revision, endpoint.deployment, tuple(made), dict(request), samples)


def _finish(job, relation, uri, segment, at, own, seconds):
    from pyspark.sql import functions as F

    there = job.spark.read.format("delta").load(uri)
    first = (F.col("prompt") == 0) & (F.col("segment") == 0) & (F.col("sample") == 0)
    figures = there.agg(
        F.count("unit").alias("units"),
        F.count(F.when(first, 1)).alias("kept"),
        F.count(F.when(F.col("unit").isNull(), 1)).alias("without"),
    ).first()
    rule = f"segment {segment.name}" if segment else "segment"
    if figures.without:
        out = there.where("unit is null").select("doc_id").join(relation.rows, "doc_id")
        reason = failure(rule, F.lit("no piece"), "at least one piece", at)
        reject(job, relation, out.withColumn("rejected", reason), F.lit("rejected"))
    row = {
        "step": relation.step, "run_id": job.run_id, "name": relation.name, "kind": "units",
        "operation": relation.operation, "at": at, "inputs": [r.step for r in relation.reads],
        "rows_in": figures.kept + figures.without, "rows_kept": figures.kept, "rows_rejected": figures.without,
        "dropped": {rule: figures.without} if figures.without else {}, "seconds": seconds, "libraries": dict(own),
    }  # fmt: skip
    job.finish_step(row)
    return {**row, "units": figures.units}


def span(text: str) -> Any:
    """A Column: the piece of a column of text from byte `span_start` to `span_end` of its UTF-8."""
    from pyspark.sql import functions as F

    start, end = F.col("span_start"), F.col("span_end")
    return F.substring(F.col(text).cast("binary"), (start + 1).cast("int"), (end - start).cast("int")).cast("string")


def with_segment(of: Units, rows: Any) -> Any:
    """Units with the piece they are about as `source_text`. It is cut here and not in the workers: a document of
    many pieces would be sent to them once for each."""
    texts = of.texts.texts.select("doc_id", "text")
    return rows.join(texts, "doc_id").withColumn("source_text", span("text")).drop("text")


def reject(job: Any, relation: Relation, rows: Any, outcome: Any) -> None:
    """Writes `rejects` of a step: rows with the columns of a document's line and `rejected`."""
    from pyspark.sql import functions as F

    there = set(rows.columns)
    names = (
        "origin_id", "doc_id", "url_id", "url", "domain", "source", "matched", "generation", "file_id", "record",
    )  # fmt: skip
    out = rows.select(
        F.lit(relation.step).alias("step"),
        F.lit(job.run_id).alias("run_id"),
        outcome.alias("outcome"),
        *(F.col(n) if n in there else F.lit(None).alias(n) for n in names),
        "rejected.*",
    )
    tables.replace_step(out, job.lake, tables.REJECTS, relation.step, note=job.note(relation.step))
