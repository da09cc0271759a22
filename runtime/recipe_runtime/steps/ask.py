"""ask: the answers to the units of a step, judged.

Misses are found by key, asked once, folded into `generations`, and the answers joined back; so running any of it
again asks nothing twice. `retry` asks the units that failed again, under the keys of another round. A unit without
an answer is waiting: then nothing stands under the step's digest and the run ends with 3.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from recipe_runtime import generations, landing, ops, tables
from recipe_runtime.answer_tasks import AnswerFigure, Judge
from recipe_runtime.arrow import arrow_schema
from recipe_runtime.decide import failure
from recipe_runtime.digest import digest as digest_of
from recipe_runtime.digest import step_digest
from recipe_runtime.errors import StepError
from recipe_runtime.failpoints import failpoint
from recipe_runtime.job import library_union
from recipe_runtime.relation import Relation
from recipe_runtime.steps.source import worker_args
from recipe_runtime.steps.units import COLUMNS as UNIT
from recipe_runtime.steps.units import Units, reject, span
from recipe_runtime.unit_tasks import AskAgain, CallModel

CALL = (
    "partition int, calls bigint, attempts bigint, waiting bigint, kinds string, detail string, error string, "
    "remedy string"
)
ANSWER = (
    "round int, outcome string, answer string, finish string, tokens bigint, copied_tokens bigint, from_source boolean"
)
STATISTICS = ("unit", "doc_id", "key")


@dataclass
class Answers(Relation):
    """Judged answers, one row a unit; `units` is what they answer."""

    units: Any = None
    scores: tuple[str, ...] = ()


@dataclass
class _Asking:
    """What one `ask` is made of, while it is being made."""

    units: Units
    figures: tuple[AnswerFigure, ...]
    cleans: tuple[Any, ...]
    libraries: Mapping[str, str]
    verify: Callable[[Any], Any] | None
    admits_cut: bool
    keep_source: bool


def ask(
    job: Any,
    name: str,
    units: Units,
    *,
    retry: int,
    on_fail: str,
    digest: str,
    at: str,
    scores: Mapping[str, ops.Op] | None = None,
    verify: Callable[[Any], Any] | None = None,
    admits_cut: bool = False,
    best: Callable[[Any], Any] | None = None,
) -> Relation:
    """`verify` and `best` take the answers and fill `rejected`. An answer cut by length fails too, unless
    `admits_cut`: then `verify` decides. `on_fail` says what becomes of a unit that still fails after `retry` more
    rounds: discard, quarantine or keep_source. Raises StepError where the endpoint refuses."""
    scores = dict(scores or {})
    asking, own = _asking(job, units, scores, verify, admits_cut, on_fail)
    step = step_digest(digest, [units.step], own)
    uri = job.lake.relation(step)
    columns = ", ".join([UNIT, ANSWER, *(f"{n} double" for n in scores), f"rejected {tables.REJECTED}"])
    relation = Answers(
        f"{name}.answers", "ask", digest, step, library_union([units], own),
        lambda: job.spark.read.format("delta").load(uri), units=units, scores=tuple(scores),
    )  # fmt: skip

    def empty() -> Any:
        return job.spark.createDataFrame([], columns)

    if job.waits(relation, [units], empty):
        return relation
    row = job.complete(step)
    if row is None:
        began = time.monotonic()
        with job.progress.step(name, "ask") as report:
            try:
                made = _rounds(job, name, asking, relation, step, retry)
                if made is None:
                    relation.read = empty
                    report.note = f"{relation.waiting:,} units are waiting"
                    job.incomplete.append(relation.name)
                    return relation
                judged, calls = made
                _keep(job, judged, best, uri, step, on_fail, columns)
            finally:
                job.release()
            row = _finish(job, relation, uri, on_fail, calls, at, own, time.monotonic() - began)
            report.rows_in, report.rows_kept = row["rows_in"], row["rows_kept"]
            report.note = f"{calls:,} calls"
    else:
        job.progress.line(f"{name}: {row['rows_kept']:,} of {row['rows_in']:,} answers kept, judged before")
    job.record_step(relation, made=row["run_id"] == job.run_id)
    return relation


def _asking(job, units: Units, scores, verify, admits_cut, on_fail) -> tuple[_Asking, dict[str, str]]:
    used = [ops.registry()["statistic", "tokens"], ops.registry()["statistic", "copied_tokens"]]
    copied = ops.registry()["statistic", "copied_tokens"]
    figures = [AnswerFigure("copied_tokens", copied.run, copied.name, {"tokenizer": units.tokenizer})]
    for column, op in scores.items():
        operator = ops.resolve(op, "score", "statistic")
        used.append(operator)
        figures.append(AnswerFigure(column, operator.run, op.name, worker_args(job, op.args)))
    cleans = []
    for prompt in units.prompts:
        steps = []
        for op in prompt.clean:
            operator = ops.resolve(op, "clean")
            used.append(operator)
            args = ", ".join(json.dumps(v, ensure_ascii=False) for v in op.args.values())
            steps.append((operator.run, op.name, dict(op.args), f"clean {op.name}({args})", prompt.at))
        cleans.append(tuple(steps))
    own = ops.versions(used)
    job.libraries |= own
    return _Asking(units, tuple(figures), tuple(cleans), own, verify, admits_cut, on_fail == "keep_source"), own


# ---- rounds -------------------------------------------------------------------------------------


def _rounds(job, name: str, asking: _Asking, relation: Answers, step: str, retry: int) -> tuple[Any, int] | None:
    """The judged answers of all rounds, one row a unit, and how many calls were made; None where units wait.

    Without `retry` nothing is kept between; with it each round is, and a unit's last round counts.
    """
    calls = _answered(job, name, asking, asking.units.frame, 0, relation)
    if calls is None:
        return None
    judged = _judged(job, asking, asking.units.frame, 0, relation.scores)
    if not retry:
        return judged, calls
    uri = job.lake.relation(digest_of("rounds", step))
    last = 0
    for round_ in range(retry + 1):
        if round_:
            failed = job.spark.read.format("delta").load(uri).where("rejected is not null")
            failed = failed.where(f"round = {round_ - 1}").select(*asking.units.frame.columns)
            if failed.first() is None:
                break
            again = _asked_again(job, asking, failed, round_)
            more = _answered(job, name, asking, again, round_, relation)
            if more is None:
                return None
            calls, last = calls + more, round_
            judged = _judged(job, asking, again, round_, relation.scores)
        out = tables.writer(judged, uri, statistics=STATISTICS, note=job.note(step))
        out.mode("append" if round_ else "overwrite").save()
    every = job.spark.read.format("delta").load(uri)
    return every.where(f"rejected is null or round = {last}"), calls


def _asked_again(job, asking: _Asking, failed: Any, round_: int) -> Any:
    struct = job.struct(UNIT)
    task = AskAgain(asking.units.asked, round_, arrow_schema(struct))
    return job.hold(_with_segment(asking, failed).mapInArrow(task, struct))


def _with_segment(asking: _Asking, units: Any) -> Any:
    """Units with the piece they are about as `source_text`. It is cut here and not in the workers: a document of
    many pieces would be sent to them once for each."""
    texts = asking.units.texts.texts.select("doc_id", "text")
    return units.join(texts, "doc_id").withColumn("source_text", span("text")).drop("text")


def _answered(job, name: str, asking: _Asking, units: Any, round_: int, relation: Answers) -> int | None:
    """Asks what has no answer yet; how many calls that took. None where units are left without one."""
    job.fold_left_over()
    misses = job.hold(_misses(job, asking, units))
    wanted = misses.count()
    calls = 0
    if wanted:
        spec = job.endpoint(asking.units.endpoint)
        done = _call(job, name, asking, misses, round_, spec)
        calls = sum(row.calls for row in done)
        refused = [row for row in done if row.error is not None]
        if refused:
            raise StepError(refused[0].error, remedy=refused[0].remedy)
        left = wanted - calls
        if left:
            relation.waiting = _misses(job, asking, units).count()
        if relation.waiting:
            _say_why(job, name, relation.waiting, done)
            return None
    return calls


def _misses(job, asking: _Asking, units: Any) -> Any:
    """One unit for each key that has no answer."""
    classes = [one[3] for one in asking.units.asked.prompts]
    there = generations.of_classes(job, classes).select("key")
    return units.dropDuplicates(["key"]).join(there, "key", "left_anti")


def _call(job, name: str, asking: _Asking, misses: Any, round_: int, spec: Any) -> list[Any]:
    """One stage, a task for each core: each with a sliding window of its share of `in_flight`."""
    tasks = max(1, min(job.spark.sparkContext.defaultParallelism, spec.in_flight))
    struct = job.struct(CALL)
    window = max(1, spec.in_flight // tasks)
    task = CallModel(asking.units.asked, spec, window, job.lake.uri, job.run_id, round_, arrow_schema(struct))
    coalesce = "spark.sql.adaptive.coalescePartitions.enabled"
    before = job.spark.conf.get(coalesce)
    job.spark.conf.set(coalesce, "false")
    try:
        # By key, so that a task that is tried again finds what it had landed.
        given = _with_segment(asking, misses).repartition(tasks, "key")
        with generations.alive(job):
            done = given.mapInArrow(task, struct).collect()
    finally:
        job.spark.conf.set(coalesce, before)
    if len(done) != tasks:
        raise AssertionError(f"{name}: {tasks} tasks were to call, {len(done)} did")
    failpoint("landed")
    generations.fold(job, job.run_id)
    landing.delete(job.lake.uri, job.run_id)
    return done


def _say_why(job, name: str, waiting: int, done: list[Any]) -> None:
    kinds: dict[str, int] = {}
    for row in done:
        for kind, n in json.loads(row.kinds).items():
            kinds[kind] = kinds.get(kind, 0) + n
    shown = ", ".join(f"{kind} {n:,}" for kind, n in sorted(kinds.items()))
    details = [row.detail for row in done if row.detail]
    job.progress.line(f"{name}: {waiting:,} units wait for an answer ({shown}); {details[0] if details else ''}")


# ---- judging ------------------------------------------------------------------------------------


def _judged(job, asking: _Asking, units: Any, round_: int, scores: tuple[str, ...]) -> Any:
    """Units with their answers taken apart, measured and verified."""
    from pyspark.sql import functions as F

    classes = [one[3] for one in asking.units.asked.prompts]
    found = generations.of_classes(job, classes)
    found = found.select("key", "finish", F.col("outcome").alias("given"), F.col("text").alias("answer"))
    given = _with_segment(asking, units.join(found, "key"))
    columns = (
        f"{UNIT}, finish string, given string, answer string, failed string, failed_at string, tokens bigint, "
        + "copied_tokens bigint, source_text string"
        + "".join(f", {n} double" for n in scores)
    )
    columns = columns if asking.keep_source else columns.replace(", source_text string", "")
    struct = job.struct(columns)
    task = Judge(asking.cleans, asking.figures, asking.units.tokenizer, arrow_schema(struct), asking.libraries)
    rows = given.mapInArrow(task, struct).withColumn("round", F.lit(round_))
    if not asking.keep_source:
        rows = rows.withColumn("source_text", F.lit(None).cast("string"))
    # What no recipe has to ask for: a refusal, an answer that is not in the form asked for, and no answer at all.
    at = asking.units.prompts[0].at
    refused = F.when(
        F.col("given").isin("filtered", "refused"), failure("answer", F.col("given"), "an answer", at)
    )
    unclean = F.when(
        F.col("failed").isNotNull(),
        F.struct(
            F.col("failed").alias("rule"), F.lit("not there").alias("value"), F.lit("there").alias("threshold"),
            F.col("failed_at").alias("at"),
        ).cast(tables.REJECTED),
    )  # fmt: skip
    empty = F.when(F.col("answer").isNull(), failure("answer", F.lit("empty"), "some text", at))
    rows = rows.withColumn("rejected", F.coalesce(refused, unclean, empty))
    rows = asking.verify(rows) if asking.verify else rows
    if not asking.admits_cut:
        cut = F.when(F.col("given") == "cut", failure("finish == stop", F.col("finish"), "== stop", at))
        rows = rows.withColumn("rejected", F.coalesce(F.col("rejected"), cut))
    return rows.drop("given", "failed", "failed_at")


def _keep(job, judged: Any, best: Callable[[Any], Any] | None, uri: str, step: str, on_fail: str, columns: str) -> None:
    """Writes the answers with what becomes of each. `on fail` is for those that failed; one that others of its
    question have beaten is rejected, whatever it says."""
    from pyspark.sql import Window
    from pyspark.sql import functions as F

    judged = judged.withColumn("failed", F.col("rejected").isNotNull())
    source = F.col("failed") if on_fail == "keep_source" else F.lit(False)
    if best is not None:
        judged = best(judged)
        # The source stands in once, and only where no answer to the question is left.
        question = Window.partitionBy("doc_id", "prompt", "segment")
        first = F.row_number().over(question.orderBy("failed", F.col("rejected").isNotNull(), "sample"))
        source &= first == 1
    judged = judged.withColumn("from_source", source)
    word = F.when(F.col("failed"), F.lit("quarantined" if on_fail == "quarantine" else "rejected"))
    stays = F.col("rejected").isNull() | F.col("from_source")
    judged = (
        judged.withColumn("outcome", F.when(stays, "kept").otherwise(F.coalesce(word, F.lit("rejected"))))
        .withColumn("answer", F.when(F.col("from_source"), F.col("source_text")).otherwise(F.col("answer")))
        .withColumn("tokens", F.when(F.col("from_source"), F.col("segment_tokens")).otherwise(F.col("tokens")))
    )
    shaped = judged.select(*(F.col(f.name).cast(f.dataType) for f in job.struct(columns)))
    tables.writer(shaped, uri, statistics=STATISTICS, note=job.note(step)).mode("overwrite").save()


def _finish(job, relation: Answers, uri, on_fail, calls, at, own, seconds):
    from pyspark.sql import functions as F

    there = job.spark.read.format("delta").load(uri)
    counted = there.groupBy("outcome", F.col("rejected.rule").alias("rule")).agg(
        F.count("*").alias("n"), F.sum("tokens").alias("tokens")
    )
    counted = counted.collect()
    dropped = {r.rule: r.n for r in counted if r.outcome != "kept"}
    kept = [r for r in counted if r.outcome == "kept"]
    if dropped:
        units = relation.units
        names = ("doc_id", "origin_id", "url_id", "url", "domain", "source", "file_id", "record")
        lines = units.rows.select(*(n for n in names if n in units.rows.columns))
        out = there.where("outcome != 'kept'").select("doc_id", "outcome", "rejected", F.col("key").alias("generation"))
        reject(job, relation, out.join(lines, "doc_id"), F.col("outcome"))
    row = {
        "step": relation.step, "run_id": job.run_id, "name": relation.name, "kind": "ask",
        "operation": relation.operation, "at": at, "inputs": [relation.units.step],
        "rows_in": sum(r.n for r in counted), "rows_kept": sum(r.n for r in kept),
        "rows_rejected": sum(dropped.values()), "dropped": dropped, "tokens": sum(r.tokens or 0 for r in kept),
        "calls": calls, "seconds": seconds, "libraries": dict(own),
    }  # fmt: skip
    units = tables.written_rows(job.lake.relation(relation.units.step))
    without = job.complete(relation.units.step)["rows_rejected"]
    if row["rows_in"] != units - without:
        raise AssertionError(f"{relation.name} lost units: {units - without} asked, {row}")
    job.finish_step(row)
    return row
