"""ask: the answers to the units of a step, judged.

Misses are found by key, asked once, folded into `generations`, and the answers joined back; so running any of it
again asks nothing twice. `retry` asks the units that failed again, under the keys of another round. A unit without
an answer is waiting. Then nothing stands under the step's digest and the run ends with 3, unless the recipe tolerates
so many: then the answers stand under a digest of their own, which the set of waiting units is part of, so that they
are never taken for all of them.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from recipe_runtime import booking, calling, judging, ops, tables
from recipe_runtime.arrow import arrow_schema
from recipe_runtime.calling import Called
from recipe_runtime.digest import digest as digest_of
from recipe_runtime.digest import step_digest
from recipe_runtime.job import library_union
from recipe_runtime.judging import Judging
from recipe_runtime.relation import Relation
from recipe_runtime.steps.units import COLUMNS as UNIT
from recipe_runtime.steps.units import Units, reject, with_segment
from recipe_runtime.unit_tasks import AskAgain

STATISTICS = ("unit", "doc_id", "key")


@dataclass
class Answers(Relation):
    """Judged answers, one row a unit; `units` is what they answer."""

    units: Any = None


@dataclass
class _Asking:
    """What one `ask` is made of, and what has become of it so far. `waiting`: frames of units without an answer,
    disjoint, one a round; `wait`: how many units that is; `tolerate`: the share of all units that it may be."""

    name: str
    units: Units
    judging: Judging
    relation: Answers
    timeout: float | None
    tolerate: float
    called: Called = field(default_factory=Called)
    waiting: list[Any] = field(default_factory=list)
    wait: int = 0


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
    timeout: float | None = None,
    tolerate: float = 0.0,
) -> Relation:
    """`verify` and `best` take the answers and fill `rejected`. An answer cut by length fails too, unless
    `admits_cut`: then `verify` decides. `on_fail` says what becomes of a unit that still fails after `retry` more
    rounds: discard, quarantine or keep_source. `timeout`: seconds of one call, else the endpoint's. `tolerate`: the
    share of units that may go on waiting. Raises StepError where the endpoint refuses."""
    by = judging.judging(
        job, units, scores=dict(scores or {}), verify=verify, best=best, admits_cut=admits_cut, on_fail=on_fail
    )
    job.libraries |= by.libraries
    step = step_digest(digest, [units.step], by.libraries)
    relation = Answers(
        f"{name}.answers", "ask", digest, step, library_union([units], by.libraries),
        lambda: job.spark.read.format("delta").load(job.lake.relation(relation.step)), units=units,
    )  # fmt: skip

    def empty() -> Any:
        return job.spark.createDataFrame([], by.columns)

    if job.waits(relation, [units], empty):
        return relation
    row = job.complete(step)
    if row is not None:
        job.progress.line(f"{name}: {row['rows_kept']:,} of {row['rows_in']:,} answers kept, judged before")
    else:
        began = time.monotonic()
        asking = _Asking(name, units, by, relation, timeout, tolerate)
        with job.progress.step(name, "ask") as report:
            try:
                rows = _rounds(job, asking, retry)
                if rows is None:
                    relation.read = empty
                    job.wait_for_answers(relation, asking.wait, asking.called.details)
                    report.note = f"{asking.wait:,} units are waiting"
                    return relation
                row = _made(job, asking, rows, at, began)
            finally:
                job.release()
            report.rows_in, report.rows_kept = row["rows_in"] - asking.wait, row["rows_kept"]
            report.note = f"{asking.called.calls:,} calls" + (f", {asking.wait:,} wait" if asking.wait else "")
    job.record_step(relation, made=row["run_id"] == job.run_id)
    return relation


# ---- rounds -------------------------------------------------------------------------------------


def _rounds(job: Any, asking: _Asking, retry: int) -> Any | None:
    """The judged answers of all rounds, one row a unit; None where too many units wait.

    Without `retry` nothing is kept between; with it each round is, and a unit's last round counts.
    """
    units = _answered(job, asking, asking.units.frame, 0)
    if units is None:
        return None
    judged = judging.judged(job, asking.judging, units, 0)
    if not retry:
        return judged
    uri = job.lake.relation(digest_of("rounds", asking.relation.step))
    last = 0
    for round_ in range(retry + 1):
        if round_:
            failed = job.spark.read.format("delta").load(uri).where("rejected is not null and key is not null")
            failed = failed.where(f"round = {round_ - 1}").select(*(f.name for f in job.struct(UNIT)))
            if failed.first() is None:
                break
            again = _answered(job, asking, _asked_again(job, asking.units, failed, round_), round_)
            if again is None:
                return None
            last = round_
            judged = judging.judged(job, asking.judging, again, round_)
        out = tables.writer(judged, uri, statistics=STATISTICS, note=job.note(asking.relation.step))
        out.mode("append" if round_ else "overwrite").save()
    every = job.spark.read.format("delta").load(uri)
    return every.where(f"rejected is null or key is null or round = {last}")


def _asked_again(job: Any, units: Units, failed: Any, round_: int) -> Any:
    struct = job.struct(UNIT)
    task = AskAgain(units.asked, round_, arrow_schema(struct))
    return job.hold(with_segment(units, failed).mapInArrow(task, struct))


def _answered(job: Any, asking: _Asking, units: Any, round_: int) -> Any | None:
    """Asks what has no answer yet. The units to be judged; None where more wait than are tolerated."""
    job.fold_left_over()
    asked = asking.units.asked
    missing, wanted = calling.missing(job, asked, units)
    if not wanted:
        return units
    before = asking.called.answers
    spec = job.endpoint(asking.units.endpoint)
    if asking.timeout is not None:
        spec = replace(spec, timeout=float(asking.timeout))
    calling.call(job, asking.name, asking.units, missing, wanted, round_, spec, asking.called)
    if asking.called.answers - before == wanted:
        return units
    # Counted anew: a task that was tried again did not count what it had landed before.
    left, figures = job.hold_counted(calling.unanswered(job, asked, units).select("unit"))
    if not figures["rows"]:
        return units
    asking.waiting.append(left)
    asking.wait += figures["rows"]
    # Another run may bring an answer in the meantime; what was found waiting stays so.
    return units.join(left, "unit", "left_anti") if _tolerated(job, asking) else None


def _tolerated(job: Any, asking: _Asking) -> bool:
    """Whether so many units may wait; says why they do."""
    units, why = _asked_for(job, asking.units), asking.called.why()
    if asking.wait <= asking.tolerate * units:
        said = f"{asking.wait:,} of {units:,} units wait for an answer {why}"
        job.progress.line(f"{asking.name}: {said}; {100 * asking.tolerate:g}% are tolerated")
        return True
    job.progress.line(f"{asking.name}: {asking.wait:,} units wait for an answer {why}")
    return False


def _asked_for(job: Any, units: Units) -> int:
    """How many units there are, by the log of the relation: a row of which no segment fits has a line of its own."""
    return tables.written_rows(job.lake.relation(units.step)) - job.complete(units.step)["rows_rejected"]


# ---- what is written ----------------------------------------------------------------------------


def _made(job: Any, asking: _Asking, rows: Any, at: str, began: float) -> dict[str, Any]:
    """Writes the answers and the step's row; where units wait, under the digest of that."""
    relation = asking.relation
    if asking.wait:
        relation.step = step_digest(
            relation.operation, [asking.units.step], asking.judging.libraries, {"waiting": _set_digest(asking.waiting)}
        )
        row = job.complete(relation.step)
        if row is not None:
            return row
    judging.keep(job, asking.judging, rows, relation.step, STATISTICS)
    return _finish(job, asking, at, began)


def _set_digest(frames: list[Any]) -> str:
    """A digest of the units in these frames, whatever their order, of which the driver sees 256 rows at most."""
    from functools import reduce

    from pyspark.sql import functions as F

    units = reduce(lambda one, other: one.unionByName(other), frames)
    parts = units.groupBy(F.substring("unit", 1, 2).alias("part")).agg(
        F.sha2(F.concat_ws(" ", F.array_sort(F.collect_set("unit"))), 256).alias("units")
    )
    return digest_of("units", sorted(row.units for row in parts.collect()))


def _finish(job: Any, asking: _Asking, at: str, began: float) -> dict[str, Any]:
    from pyspark.sql import functions as F

    relation, units = asking.relation, asking.units
    there = job.spark.read.format("delta").load(job.lake.relation(relation.step))
    counted = there.groupBy("outcome", F.col("rejected.rule").alias("rule")).agg(
        F.count("*").alias("n"), F.sum("tokens").alias("tokens")
    )
    counted = counted.collect()
    dropped = {r.rule: r.n for r in counted if r.outcome != "kept"}
    kept = [r for r in counted if r.outcome == "kept"]
    if dropped:
        names = ("doc_id", "origin_id", "url_id", "url", "domain", "source", "file_id", "record")
        lines = units.rows.select(*(n for n in names if n in units.rows.columns))
        out = there.where("outcome != 'kept'").select("doc_id", "outcome", "rejected", F.col("key").alias("generation"))
        reject(job, relation, out.join(lines, "doc_id"), F.col("outcome"))
    row = {
        "step": relation.step, "run_id": job.run_id, "name": relation.name, "kind": "ask",
        "operation": relation.operation, "at": at, "inputs": [units.step],
        "rows_in": sum(r.n for r in counted) + asking.wait, "rows_kept": sum(r.n for r in kept),
        "rows_rejected": sum(dropped.values()), "dropped": dropped, "tokens": sum(r.tokens or 0 for r in kept),
        **_booked(job, asking), "seconds": time.monotonic() - began, "libraries": dict(asking.judging.libraries),
    }  # fmt: skip
    asked = _asked_for(job, units)
    if row["rows_in"] != asked:
        raise AssertionError(f"{relation.name} lost units: {asked} asked, {row}")
    job.finish_step(row)
    return row


def _booked(job: Any, asking: _Asking) -> dict[str, Any]:
    """The step's part of the calls, and what it cost. `report` is JSON: the tokens of these calls, how many of them the
    server did not count (`unmetered`), the units that wait, and what this run alone asked (`run`, a Called's record),
    which is less where an earlier run had asked, and more where an answer came twice."""
    where = asking.units.endpoint
    usage = booking.unbooked(job, asking.units.asked.classes, asking.units.step)
    report = {
        "prompt_tokens": usage.prompt_tokens,
        "completion_tokens": usage.completion_tokens,
        "unmetered": usage.unmetered,
        "waiting": asking.wait,
        "run": asking.called.record(),
    }
    return {
        "calls": usage.calls,
        "gpu_seconds": booking.gpu_seconds(where, usage.completion_tokens),
        "cost": booking.cost(where, usage.prompt_tokens, usage.completion_tokens),
        "report": json.dumps(report, sort_keys=True),
    }
