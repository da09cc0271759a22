"""Answers judged: taken apart, measured and verified, and what becomes of each unit."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib import metadata
from typing import Any

from recipe_runtime import generations, ops, tables
from recipe_runtime.answer_tasks import AnswerFigure, AnswerForm, CleanStep, Judge
from recipe_runtime.arrow import arrow_schema
from recipe_runtime.asking import Prompt
from recipe_runtime.decide import failure
from recipe_runtime.steps.source import worker_args
from recipe_runtime.steps.units import COLUMNS as UNIT
from recipe_runtime.steps.units import Units, with_segment

ANSWER = (
    "round int, outcome string, answer string, finish string, tokens bigint, copied_tokens bigint, from_source boolean"
)


@dataclass(frozen=True)
class Judging:
    """What the answers of one step are judged by. `verify` and `best` take the answers and fill `rejected`."""

    units: Units
    figures: tuple[AnswerFigure, ...]
    scores: tuple[str, ...]
    forms: tuple[AnswerForm, ...]
    libraries: Mapping[str, str]
    verify: Callable[[Any], Any] | None
    best: Callable[[Any], Any] | None
    admits_cut: bool
    on_fail: str

    @property
    def figured(self) -> str:
        """The columns of an answer that not every step has, in Spark's DDL."""
        logprob = ["logprob double"] if self.units.asked.request.get("logprobs") else []
        return "".join(f", {one}" for one in [*logprob, *(f"{name} double" for name in self.scores)])

    @property
    def columns(self) -> str:
        """The columns of the step's relation, in Spark's DDL."""
        return f"{UNIT}, {ANSWER}{self.figured}, rejected {tables.REJECTED}"


def judging(
    job: Any,
    units: Units,
    *,
    scores: Mapping[str, ops.Op],
    verify: Callable[[Any], Any] | None,
    best: Callable[[Any], Any] | None,
    admits_cut: bool,
    on_fail: str,
) -> Judging:
    """Finds the operators, and says which libraries' results the answers carry."""
    copied = ops.registry()["statistic", "copied_tokens"]
    used = [ops.registry()["statistic", "tokens"], copied]
    figures = [AnswerFigure("copied_tokens", copied.run, copied.name, {"tokenizer": units.tokenizer})]
    for column, op in scores.items():
        operator = ops.resolve(op, "score", "statistic")
        used.append(operator)
        figures.append(AnswerFigure(column, operator.run, op.name, worker_args(job, op.args)))
    forms = tuple(_form(prompt, used) for prompt in units.prompts)
    libraries = ops.versions(used)
    if any(form.reply is not None and form.reply[0] == "json" for form in forms):
        libraries |= {"jsonschema": metadata.version("jsonschema")}
    return Judging(units, tuple(figures), tuple(scores), forms, libraries, verify, best, admits_cut, on_fail)


def _form(prompt: Prompt, used: list[Any]) -> AnswerForm:
    steps = []
    for op in prompt.clean:
        operator = ops.resolve(op, "clean")
        used.append(operator)
        args = ", ".join(json.dumps(v, ensure_ascii=False) for v in op.args.values())
        steps.append(CleanStep(operator.run, op.name, dict(op.args), f"clean {op.name}({args})"))
    return AnswerForm(tuple(steps), prompt.reply, prompt.at)


def judged(job: Any, by: Judging, units: Any, round_: int) -> Any:
    """The units that have an answer, or can have none because their prompt was too long, with `rejected`: the first
    that holds of a prompt too long, a refusal, a cleaning step that did not find what it needs, a reply that is not
    in the form asked for, no text at all, and what the recipe verifies."""
    from pyspark.sql import functions as F

    limited = "rejected" in units.columns
    columns = (
        f"{UNIT}, finish string, given string, answer string, failed {tables.REJECTED}, tokens bigint, "
        + f"copied_tokens bigint{by.figured}"
        + (", source_text string" if by.on_fail == "keep_source" else "")
        + (f", too_long {tables.REJECTED}" if limited else "")
    )
    struct = job.struct(columns)
    task = Judge(by.forms, by.figures, by.units.tokenizer, arrow_schema(struct), by.libraries)
    rows = with_segment(by.units, _given(job, by, units)).mapInArrow(task, struct).withColumn("round", F.lit(round_))
    if by.on_fail != "keep_source":
        rows = rows.withColumn("source_text", F.lit(None).cast("string"))
    if not limited:
        rows = rows.withColumn("too_long", F.lit(None).cast(tables.REJECTED))
    at = by.units.prompts[0].at
    refused = F.when(
        F.col("given").isin("filtered", "refused"), failure("answer", F.col("given"), "an answer", at)
    )
    empty = F.when(F.col("answer").isNull(), failure("answer", F.lit("empty"), "some text", at))
    rows = rows.withColumn("rejected", F.coalesce("too_long", refused, "failed", empty))
    rows = by.verify(rows) if by.verify else rows
    if not by.admits_cut:
        cut = F.when(F.col("given") == "cut", failure("finish == stop", F.col("finish"), "== stop", at))
        rows = rows.withColumn("rejected", F.coalesce(F.col("rejected"), cut))
    return rows.drop("given", "failed", "too_long")


def _given(job: Any, by: Judging, units: Any) -> Any:
    """Units with their raw answers; one whose prompt was too long has none."""
    from pyspark.sql import functions as F

    found = generations.of_classes(job, by.units.asked.classes)
    columns = ["key", "finish", F.col("outcome").alias("given"), F.col("text").alias("answer")]
    found = found.select(*columns, *(["logprob"] if "logprob" in by.figured else []))
    if "rejected" not in units.columns:
        return units.join(found, "key")
    rows = units.withColumnRenamed("rejected", "too_long").join(found, "key", "left")
    return rows.where("given is not null or too_long is not null")


def keep(job: Any, by: Judging, rows: Any, step: str, statistics: Sequence[str]) -> None:
    """Writes the answers with what becomes of each. `on fail` is for those that failed; one that others of its
    question have beaten is rejected, whatever it says."""
    from pyspark.sql import Window
    from pyspark.sql import functions as F

    rows = rows.withColumn("failed", F.col("rejected").isNotNull())
    source = F.col("failed") if by.on_fail == "keep_source" else F.lit(False)
    if by.best is not None:
        rows = by.best(rows)
        # The source stands in once, and only where no answer to the question is left.
        question = Window.partitionBy("doc_id", "prompt", "segment")
        first = F.row_number().over(question.orderBy("failed", F.col("rejected").isNotNull(), "sample"))
        source &= first == 1
    rows = rows.withColumn("from_source", source)
    word = F.when(F.col("failed"), F.lit("quarantined" if by.on_fail == "quarantine" else "rejected"))
    stays = F.col("rejected").isNull() | F.col("from_source")
    rows = (
        rows.withColumn("outcome", F.when(stays, "kept").otherwise(F.coalesce(word, F.lit("rejected"))))
        .withColumn("answer", F.when(F.col("from_source"), F.col("source_text")).otherwise(F.col("answer")))
        .withColumn("tokens", F.when(F.col("from_source"), F.col("segment_tokens")).otherwise(F.col("tokens")))
    )
    shaped = rows.select(*(F.col(f.name).cast(f.dataType) for f in job.struct(by.columns)))
    tables.writer(shaped, job.lake.relation(step), statistics=statistics, note=job.note(step)).mode("overwrite").save()
