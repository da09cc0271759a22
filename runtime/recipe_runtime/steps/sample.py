"""sample: the rows of smallest hash. Which they are depends on the seed and the texts alone.

The order is the SHA-256 of seed and text hash, ties by doc_id; the rows up to the k-th stay. What is kept of the
step is that k-th row: the cut.
"""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from recipe_runtime import cuts
from recipe_runtime.decide import failure
from recipe_runtime.digest import inputs_of, step_digest
from recipe_runtime.job import library_union
from recipe_runtime.relation import Relation


@dataclass
class Sampled(Relation):
    """A sample: `cut` is the last (order, doc_id) that stays, None where no row does."""

    cut: tuple[str, str] | None = None
    seed: int = 0
    wanted: str = ""


def order(seed: int) -> Any:
    """The column rows are ordered by: 32 hex digits of SHA-256 over the seed and the text's hash."""
    from pyspark.sql import functions as F

    return F.substring(F.sha2(F.concat_ws(":", F.lit("sample"), F.lit(str(seed)), F.col("text_hash")), 256), 1, 32)


def sample(
    job: Any,
    name: str,
    rows: Any,
    *,
    seed: int,
    reads: Sequence[Relation],
    digest: str,
    at: str,
    share: float | None = None,
    count: int | None = None,
) -> Relation:
    """Of the rows still alive, `share` (0 to 1, rounded to the next whole row) or `count`."""
    from pyspark.sql import functions as F

    step = step_digest(digest, inputs_of(reads), {})
    wanted = f"{share:.6g} of the rows" if share is not None else f"{count} rows"
    relation = Sampled(
        f"{name}.sample", "sample", digest, step, library_union(reads, {}), lambda: None, seed=seed, wanted=wanted
    )
    job.begin()
    row = job.complete(step)
    if row is None:
        began = time.monotonic()
        with job.progress.step(name, "sample") as report:
            alive = job.hold(
                rows.where("rejected is null").select("doc_id", order(seed).alias("order")),
            )
            there = alive.count()
            k = min(there, round(share * there) if share is not None else count)
            one = alive.select(F.lit("").alias("cell"), "order", "doc_id", F.lit(1).alias("one"))
            cut = cuts.cuts(one, "cell", "order", "one", {"": k})[""]
            job.release()
            report.rows_in, report.rows_kept = there, k
            row = {
                "step": step, "run_id": job.run_id, "name": relation.name, "kind": "sample", "operation": digest,
                "at": at, "inputs": [r.step for r in reads], "rows_in": there, "rows_kept": there,
                "rows_rejected": 0, "dropped": {}, "seconds": time.monotonic() - began, "libraries": {},
                "report": job.lake.put_blob(json.dumps({"cut": cut, "rows": k}).encode()),
            }  # fmt: skip
            job.finish_step(row)
    else:
        job.progress.line(f"{name}: sampled before")
    found = json.loads(job.lake.get_blob(row["report"]))["cut"]
    relation.cut = tuple(found) if found else None
    job.record_step(relation, made=row["run_id"] == job.run_id)
    return relation


def sampled(frame: Any, relation: Sampled, *, rule: str, at: str) -> Any:
    """Rows beyond the cut fall out; the value found is a row's place in the order."""
    from pyspark.sql import functions as F

    if relation.cut is None:
        inside = F.lit(False)
    else:
        inside = F.concat(order(relation.seed), "doc_id") <= F.lit("".join(relation.cut))
    beyond = F.when(~inside, failure(rule, order(relation.seed), relation.wanted, at))
    return frame.withColumn("rejected", F.coalesce(F.col("rejected"), beyond))
