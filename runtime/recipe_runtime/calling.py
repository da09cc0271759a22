"""The calls of one round: which keys have no answer, in which order they are asked, and what became of the stage."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from typing import Any

from recipe_runtime import booking, generations, landing
from recipe_runtime.arrow import arrow_schema
from recipe_runtime.asking import Endpoint
from recipe_runtime.call_figures import CallFigures, failures
from recipe_runtime.call_tasks import REPORT, CallModel
from recipe_runtime.errors import StepError
from recipe_runtime.failpoints import failpoint
from recipe_runtime.job import GO_ON
from recipe_runtime.steps.units import Units, with_segment
from recipe_runtime.unit_tasks import Asked


@dataclass
class Called:
    """What a run's calls for one step came to, over tasks and rounds, whether or not an answer was kept. `answers`
    came to the tasks that ended; `calls` are those that the server was seen to answer, or may have answered unseen.
    `failed`: kind → attempts that failed; `waiting`: kind → keys that were left without an answer; `details`: kind →
    what was said of the first."""

    answers: int = 0
    calls: int = 0
    attempts: int = 0
    failed: Counter[str] = field(default_factory=Counter)
    waiting: Counter[str] = field(default_factory=Counter)
    details: dict[str, str] = field(default_factory=dict)

    def add(self, tasks: Sequence[Any], first: Any, last: Any) -> None:
        """What the tasks of a stage report, and what the coordinator had counted before it and after; None without
        one."""
        for row in tasks:
            self.answers += row.calls
            self.waiting.update(json.loads(row.waiting))
            self.details = {**json.loads(row.details), **self.details}
        if last is None:
            self.calls += sum(row.calls for row in tasks)
            self.attempts += sum(row.attempts for row in tasks)
            for row in tasks:
                self.failed.update(json.loads(row.failed))
        else:
            self.calls += last.calls - first.calls
            self.attempts += last.attempts - first.attempts
            self.failed.update(failures(last, first))

    def record(self) -> dict[str, Any]:
        """For the step's `report`."""
        kinds = {"failed": dict(self.failed), "waiting": dict(self.waiting)}
        return {"calls": self.calls, "attempts": self.attempts, **kinds}

    def why(self) -> str:
        """Why units wait, in one line."""
        kinds = ", ".join(f"{kind} {n:,}" for kind, n in sorted(self.waiting.items()))
        first = next((self.details[kind] for kind in (*GO_ON, *self.details) if kind in self.details), "")
        return f"({kinds}); {first}"


def unanswered(job: Any, asked: Asked, units: Any) -> Any:
    """The units that are to be asked and have no answer."""
    keyed = units.where("key is not null")
    return keyed.join(_answered(job, asked, keyed), "key", "left_anti")


def misses(job: Any, asked: Asked, units: Any) -> Any:
    """Of the unanswered units one for each key: the first by document, segment, prompt and sample, so that a stage
    that is run again asks of the same."""
    from pyspark.sql import functions as F

    first = ("doc_id", "segment", "prompt", "sample")
    keyed = units.where("key is not null")
    each = keyed.select("key", F.struct(*first, *(n for n in keyed.columns if n not in (*first, "key"))).alias("one"))
    # Together, so that what is asked is shuffled once: an answered key has a row without a unit. The answers first,
    # whose files are the larger ones.
    both = _answered(job, asked, keyed).unionByName(each, allowMissingColumns=True)
    # Few keys come twice: to sort them for that before they are shuffled, too, costs more than it saves.
    grouped = both.repartition("key").groupBy("key")
    found = grouped.agg(F.min("one").alias("one"), F.count(F.when(F.col("one").isNull(), 1)).alias("answers"))
    return found.where("answers = 0").select("key", "one.*")


def missing(job: Any, asked: Asked, units: Any) -> tuple[Any, int]:
    """`misses`, held, and how many they are. The query is planned once: how large its sides are is known beforehand,
    and planning it anew after each stage took longer than the stages did."""
    with _set(job.spark, "spark.sql.adaptive.enabled", "false"):
        held, figures = job.hold_counted(misses(job, asked, units))
    return held, figures["rows"]


def _answered(job: Any, asked: Asked, keyed: Any) -> Any:
    """The keys that have an answer, each once. Of the answers one column of the classes asked is read, and what is
    asked goes to it where that is small: no key that nobody asks for is shuffled, and none gets to the driver."""
    there = generations.keys(job, asked.classes)
    return there.join(keyed.select("key"), "key", "left_semi")


def in_order(asked: Asked, rows: Any, tasks: int) -> Any:
    """Units with their segment, given to `tasks` tasks and in the order in which each asks them.

    A server that keeps the state of what it has read begins a prompt where a like one before it ended. Prompts that
    are equal up to the end of the document (the same system text, the document first) share more side by side than
    one after the other, so they are asked so: all formats of a document, then the next document. Prompts that begin
    each with a text of their own share that text alone: they are asked one prompt after the other. Samples of one
    prompt share all of it. A single prompt is asked as it comes. Who asks what follows from document and segment, so
    that a task that is tried again finds what it had landed.
    """
    from pyspark.sql import functions as F
    from recipe_udfs.prompts import lead

    leads = [lead(prompt.template, prompt.variables) for prompt in asked.prompts]
    alike = F.element_at(F.array(*(F.lit(leads.index(one)) for one in leads)), F.col("prompt") + 1)
    placed = rows.repartition(tasks, "doc_id", "segment")
    if len(asked.prompts) * asked.samples == 1:
        return placed
    return placed.sortWithinPartitions(alike, "doc_id", "segment", "prompt", "sample")


def call(
    job: Any, name: str, units: Units, asked_for: Any, wanted: int, round_: int, spec: Any, called: Called
) -> None:
    """Asks for the `wanted` misses in one stage, a task for each core, all within the endpoint's limits, and folds
    their answers. Raises StepError where the endpoint refuses, or a task finds no coordinator."""
    tasks = _tasks(job, spec, shared=units.endpoint.coordinator)
    struct = job.struct(REPORT)
    lease = job.coordinator.lease(spec, name) if units.endpoint.coordinator else None
    totals = (lambda: job.coordinator.totals(spec.name, name)) if lease is not None else lambda: None
    first = totals()
    task = CallModel(
        units.asked, spec if lease is not None else job.spending.left(spec), lease, tasks, job.lake.uri, job.run_id,
        units.step, round_, arrow_schema(struct),
    )  # fmt: skip
    given = in_order(units.asked, with_segment(units, asked_for), tasks)
    shown = _shown(job, name, wanted, totals, units.endpoint)
    # Coalesced, a few misses would be one task, and one task alone has not the endpoint's window.
    with _set(job.spark, "spark.sql.adaptive.coalescePartitions.enabled", "false"), generations.alive(job), shown:
        done = given.mapInArrow(task, struct).collect()
    if len(done) != tasks:
        raise AssertionError(f"{name}: {tasks} tasks were to call, {len(done)} did")
    failpoint("landed")
    generations.fold(job, job.run_id)
    landing.delete(job.lake.uri, job.run_id)
    called.add(done, first, totals())
    job.spending.add(spec.name, done)
    refused = [row for row in done if row.error is not None]
    if refused:
        raise StepError(refused[0].error, remedy=refused[0].remedy)


def _tasks(job: Any, spec: Any, shared: bool) -> int:
    """One for each core; but each has a call in flight, and where the limits are divided a part of every rate."""
    rates = () if shared else (spec.requests_per_minute, spec.tokens_per_minute)
    limits = [spec.in_flight, *(rate for rate in rates if rate is not None)]
    return max(1, min(job.spark.sparkContext.defaultParallelism, *limits))


@contextmanager
def _set(spark: Any, name: str, value: str) -> Iterator[None]:
    """One of Spark's settings, for a while."""
    before = spark.conf.get(name)
    spark.conf.set(name, value)
    try:
        yield
    finally:
        spark.conf.set(name, before)


def _shown(job: Any, name: str, wanted: int, totals: Callable[[], Any], where: Endpoint) -> Any:
    """While it lasts the calls' figures are shown, where there are any."""
    if not where.coordinator:
        return nullcontext()
    return job.progress.calls(name, CallFigures(wanted, totals, priced=booking.priced(where)).now)
