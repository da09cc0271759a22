"""The calls of one round: which keys have no answer, in which order they are asked, and what became of the stage."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from recipe_runtime import generations, landing
from recipe_runtime.arrow import arrow_schema
from recipe_runtime.call_tasks import REPORT, CallModel
from recipe_runtime.errors import StepError
from recipe_runtime.failpoints import failpoint
from recipe_runtime.job import GO_ON
from recipe_runtime.steps.units import Units, with_segment
from recipe_runtime.unit_tasks import Asked


@dataclass
class Called:
    """What a run's calls for one step came to, over tasks and rounds, whether or not an answer was kept. `waiting`:
    kind → units that it left without one; `details`: kind → what was said of the first."""

    calls: int = 0
    attempts: int = 0
    waiting: Counter[str] = field(default_factory=Counter)
    details: dict[str, str] = field(default_factory=dict)

    def add(self, row: Any) -> None:
        """The REPORT of one task."""
        self.calls += row.calls
        self.attempts += row.attempts
        self.waiting.update(json.loads(row.kinds))
        self.details = {**json.loads(row.details), **self.details}

    def record(self) -> dict[str, Any]:
        """For the step's `report`."""
        return {"calls": self.calls, "attempts": self.attempts, "waiting": dict(self.waiting)}

    def why(self) -> str:
        """Why units wait, in one line."""
        kinds = ", ".join(f"{kind} {n:,}" for kind, n in sorted(self.waiting.items()))
        first = next((self.details[kind] for kind in (*GO_ON, *self.details) if kind in self.details), "")
        return f"({kinds}); {first}"


def unanswered(job: Any, asked: Asked, units: Any) -> Any:
    """The units that are to be asked and have no answer.

    The answers' side is only ever read, one column of the classes asked: what is asked goes to it where that is
    small, so that neither a shuffle nor the driver sees a key that nobody asks for.
    """
    keyed = units.where("key is not null")
    there = generations.of_classes(job, asked.classes).select("key")
    found = there.join(keyed.select("key"), "key", "left_semi")
    return keyed.join(found, "key", "left_anti")


def misses(job: Any, asked: Asked, units: Any) -> Any:
    """Of the unanswered units one for each key: the first by document, segment, prompt and sample, so that a stage
    that is run again asks of the same."""
    from pyspark.sql import functions as F

    first = ("doc_id", "segment", "prompt", "sample")
    others = [name for name in units.columns if name not in (*first, "key")]
    one = F.min(F.struct(*first, *others)).alias("one")
    return unanswered(job, asked, units).groupBy("key").agg(one).select("key", "one.*")


def in_order(asked: Asked, rows: Any, tasks: int) -> Any:
    """Units with their segment, given to `tasks` tasks and in the order in which each asks them.

    A server that keeps the state of what it has read begins a prompt where a like one before it ended. Prompts that
    are equal up to the end of the document (the same system text, the document first) share more side by side than
    one after the other, so they are asked so: all formats of a document, then the next document. Prompts that begin
    each with a text of their own share that text alone: they are asked one prompt after the other. Samples of one
    prompt share all of it. Who asks what follows from document and segment, so that a task that is tried again finds
    what it had landed.
    """
    from pyspark.sql import functions as F
    from recipe_udfs.prompts import lead

    leads = [lead(prompt.template, prompt.variables) for prompt in asked.prompts]
    alike = F.element_at(F.array(*(F.lit(leads.index(one)) for one in leads)), F.col("prompt") + 1)
    placed = rows.repartition(tasks, "doc_id", "segment")
    return placed.sortWithinPartitions(alike, "doc_id", "segment", "prompt", "sample")


def call(job: Any, name: str, units: Units, missing: Any, round_: int, spec: Any, called: Called) -> None:
    """Asks the missing units in one stage, a task for each core with a sliding window of its share of `in_flight`,
    and folds their answers. Raises StepError where the endpoint refuses."""
    tasks = max(1, min(job.spark.sparkContext.defaultParallelism, spec.in_flight))
    struct = job.struct(REPORT)
    window = max(1, spec.in_flight // tasks)
    task = CallModel(
        units.asked, spec, window, job.lake.uri, job.run_id, units.step, round_, arrow_schema(struct)
    )
    coalesce = "spark.sql.adaptive.coalescePartitions.enabled"
    before = job.spark.conf.get(coalesce)
    job.spark.conf.set(coalesce, "false")
    try:
        given = in_order(units.asked, with_segment(units, missing), tasks)
        with generations.alive(job):
            done = given.mapInArrow(task, struct).collect()
    finally:
        job.spark.conf.set(coalesce, before)
    if len(done) != tasks:
        raise AssertionError(f"{name}: {tasks} tasks were to call, {len(done)} did")
    failpoint("landed")
    generations.fold(job, job.run_id)
    landing.delete(job.lake.uri, job.run_id)
    for row in done:
        called.add(row)
    refused = [row for row in done if row.error is not None]
    if refused:
        raise StepError(refused[0].error, remedy=refused[0].remedy)
