"""fit: the thresholds that cut a column into parts of equal weight; a blob that the step's row names.

With n parts the i-th threshold is the smallest value at or below which at least i/n of the weight lies; a value's
bucket is the number of thresholds it reaches, 0 to n − 1 (as numpy.digitize counts them). Exact: the weights are
whole numbers, and the driver sums them by distinct value, of which a score rounded to 1e-4 has few.
"""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from operator import add
from typing import Any

from recipe_runtime.digest import inputs_of, step_digest
from recipe_runtime.errors import StepError
from recipe_runtime.job import library_union
from recipe_runtime.relation import Relation

WEIGHTS = {"documents": "1", "bytes": "text_bytes", "tokens": "tokens"}


@dataclass
class Fitted(Relation):
    """Fitted thresholds, ascending; equal ones leave parts empty."""

    thresholds: tuple[float, ...] = ()

    def bucket(self, value: Any) -> Any:
        """A Column: the part a value falls into; null for null."""
        from pyspark.sql import functions as F

        return reduce(add, [(value >= F.lit(t)).cast("int") for t in self.thresholds], F.lit(0))


def thresholds(histogram: Sequence[tuple[float, int]], parts: int) -> tuple[float, ...]:
    """From (value, weight) to parts − 1 thresholds. ValueError where the weights sum to nothing."""
    ordered = sorted(histogram)
    total = sum(weight for _, weight in ordered)
    if total <= 0:
        raise ValueError("nothing to fit on")
    out: list[float] = []
    below = 0
    for value, weight in ordered:
        below += weight
        while len(out) < parts - 1 and below * parts >= (len(out) + 1) * total:
            out.append(value)
    return tuple(out)


def fit(
    job: Any,
    name: str,
    rows: Any,
    *,
    column: str,
    parts: int,
    weight: str,
    reads: Sequence[Relation],
    digest: str,
    at: str,
) -> Relation:
    """Thresholds of `column` over `rows`. Raises StepError where no row has a value."""
    from pyspark.sql import functions as F

    step = step_digest(digest, inputs_of(reads), {})
    relation = Fitted(f"{name}.{column}_fit", "fit", digest, step, library_union(reads, {}), lambda: None)
    job.begin()
    row = job.complete(step)
    if row is None:
        began = time.monotonic()
        with job.progress.step(name, f"fit {column}") as report:
            weights = F.expr(WEIGHTS[weight]).cast("bigint")
            counted = rows.groupBy(column).agg(F.count("*").alias("n"), F.sum(weights).alias("w")).collect()
            there = sum(r.n for r in counted)
            found = [(r[column], r.w) for r in counted if r[column] is not None]
            if not found:
                raise StepError(
                    f"{at}: there is no row to fit the parts of `{column}` on",
                    remedy="take a larger sample, or look at why its rows fell out: recipec lineage funnel LAKE",
                )
            fitted = {"column": column, "parts": parts, "weight": weight, "rows": there,
                      "thresholds": thresholds(found, parts)}  # fmt: skip
            row = {
                "step": step, "run_id": job.run_id, "name": relation.name, "kind": "fit", "operation": digest,
                "at": at, "inputs": [r.step for r in reads], "rows_in": there, "rows_kept": there, "rows_rejected": 0,
                "dropped": {}, "seconds": time.monotonic() - began, "libraries": {},
                "report": job.lake.put_blob(json.dumps(fitted, sort_keys=True).encode()),
            }  # fmt: skip
            job.finish_step(row)
            report.rows_in = there
    else:
        job.progress.line(f"{name}: {column} fitted before")
    relation.thresholds = tuple(json.loads(job.lake.get_blob(row["report"]))["thresholds"])
    job.record_step(relation, made=row["run_id"] == job.run_id)
    return relation
