"""mix: a seeded draw of whole documents from several takes, by weights, under caps and epoch limits.

Which rows are drawn depends on content and seed alone. The rows of a take fall into cells (organic or not, and what
each cap's `where` says of them); within a cell they are ordered by the first 32 hex digits of
SHA-256("<seed>:<text_hash>:<doc_id>"). Of a cell its whole epochs are drawn, and then the longest prefix of that order
that is within what remains of its target. Only sums per cell and a few rows at each cut come to the driver.

A document in several takes is numbered on over them, in the recipe's order, so that (doc_id, epoch) is a key; the
first epoch is 1.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping, Sequence
from functools import reduce
from importlib import metadata
from typing import Any

from recipe_runtime import cuts, tables
from recipe_runtime.digest import inputs_of, step_digest
from recipe_runtime.errors import StepError
from recipe_runtime.job import library_union
from recipe_runtime.mixing import report as reports
from recipe_runtime.mixing.ask import Ask, Cap, Cell, Take, exact
from recipe_runtime.mixing.settle import Drawn, settle
from recipe_runtime.mixing.solver import solve
from recipe_runtime.relation import Relation

MIXED = "doc_id string, epoch int, take string, tier string, origin string, tokens bigint, generated_tokens bigint"
STATISTICS = ("doc_id", "epoch", "take", "tier", "origin")
ORGANIC = "organic"


def mix(
    job: Any,
    name: str,
    *,
    takes: Sequence[Take],
    reads: Sequence[Relation],
    digest: str,
    at: str,
    size: int | None = None,
    at_most: bool = False,
    unit: str = "tokens",
    caps: Sequence[Cap] = (),
    on_shortage: Sequence[str] = (),
    tolerance: float | None = None,
    seed: int = 0,
) -> Relation:
    """Draws the mix; the frame has doc_id, epoch, take, tier, origin, tokens, generated_tokens, a row for each time
    a document is used. Raises StepError where the ask cannot be met or a bound does not hold; nothing is written then.
    """
    bound = None if tolerance is None else exact(tolerance)
    ask = Ask(name, takes, caps, size, at_most, unit, on_shortage, bound, at)
    own = {"scipy": metadata.version("scipy")}  # its solver's choice among equal amounts is carried into the rows
    step = step_digest(digest, inputs_of(reads), own)
    uri = job.lake.relation(step)
    relation = Relation(
        name, "mix", digest, step, library_union(reads, own),
        lambda: job.spark.read.format("delta").load(uri), count=lambda: tables.written_rows(uri),
    )  # fmt: skip
    job.begin()
    if job.waits(relation, reads, lambda: job.spark.createDataFrame([], MIXED)):
        return relation
    row = job.complete(step)
    if row is None:
        began = time.monotonic()
        with job.progress.step(name, "mix") as report:
            row = _make(job, relation, ask, seed, uri, reads, own, began)
            report.rows_in, report.rows_kept = row["rows_in"], row["rows_kept"]
    else:
        job.progress.line(f"{name}: {row['rows_kept']:,} of {row['rows_in']:,} documents, drawn before")
    for line in reports.lines(json.loads(job.lake.get_blob(row["report"]))):
        job.progress.line(line)
    job.record_step(relation, made=row["run_id"] == job.run_id)
    return relation


def _make(
    job: Any, relation: Relation, ask: Ask, seed: int, uri: str, reads: Any, own: Mapping[str, str], began: float
) -> dict[str, Any]:
    # Read several times below: kept on disk, so that the takes are decided and hashed once.
    rows = job.hold(reduce(lambda a, b: a.unionByName(b), [_rows(ask, n, seed) for n in range(len(ask.takes))]))
    try:
        cells = _cells(ask, rows)
        plan = solve(ask, cells)
        targets, drawn = settle(ask, cells, plan, _drawer(ask, rows, cells))
        found = reports.report(ask, cells, plan, targets, drawn)
        reports.check_tolerance(ask, found)
        if not found["rows"]:
            raise StepError(
                f"mix {ask.name} ({ask.at}): {ask.amount(plan.total)} can be drawn, less than its first documents have",
                remedy="see `more is held back by`: " + "; ".join(found["held_by"]) if found["held_by"] else "",
            )
        out = _drawn_rows(job.spark, ask, rows, drawn)
        tables.writer(out, uri, statistics=STATISTICS, note=job.note(relation.step)).mode("overwrite").save()
        _recount(job, ask, uri, cells, drawn)
    finally:
        job.release()
    available = sum(c.documents for c in cells)
    row = {
        "step": relation.step,
        "run_id": job.run_id,
        "name": ask.name,
        "kind": "mix",
        "operation": relation.operation,
        "at": ask.at,
        "inputs": [r.step for r in reads],
        "rows_in": available,
        "rows_kept": found["documents"],
        "rows_rejected": available - found["documents"],
        "dropped": {"not drawn": available - found["documents"]} if available > found["documents"] else {},
        "bytes_in": sum(c.bytes for c in cells),
        "bytes_kept": sum(d.bytes for d in drawn.values()),
        "tokens": found["tokens"],
        "seconds": time.monotonic() - began,
        "report": job.lake.put_blob(json.dumps(found, sort_keys=True).encode()),
        "libraries": dict(own),
    }
    job.finish_step(row)
    return row


def _rows(ask: Ask, number: int, seed: int) -> Any:
    """A take's rows as ids and numbers: their cell, their place in its order, what they weigh."""
    from pyspark.sql import functions as F

    frame = ask.takes[number].frame
    absent = {"generated_tokens": "bigint", "origin": "string", "tier": "string", "lang": "string", "tokens": "bigint"}
    for name, kind in absent.items():
        if name not in frame.columns:
            frame = frame.withColumn(name, F.lit(None).cast(kind))
    frame = frame.withColumn("origin", F.coalesce("origin", F.lit(ORGANIC)))
    parts = [F.when(c.where, "1").otherwise("0") for c in ask.caps if c.where is not None]
    order = F.sha2(F.concat(F.lit(f"{seed}:"), "text_hash", F.lit(":"), "doc_id"), 256)
    return frame.select(
        F.concat(F.lit(f"{number}:"), F.when(F.col("origin") == ORGANIC, "o").otherwise("s"), *parts).alias("cell"),
        F.lit(number).alias("place"),
        F.substring(order, 1, cuts.WIDTH).alias("order"),
        "doc_id",
        "tier",
        "origin",
        F.lit(1).cast("bigint").alias("documents"),
        F.col("text_bytes").cast("bigint").alias("bytes"),
        F.col("tokens").cast("bigint"),
        F.coalesce(F.col("generated_tokens").cast("bigint"), F.lit(0)).alias("generated"),
    )


def _cells(ask: Ask, rows: Any) -> list[Cell]:
    """The sizes of all cells, in the order of their keys. Raises StepError where a count of tokens is missing."""
    from pyspark.sql import functions as F

    sums = [F.sum(name).alias(name) for name in ("documents", "bytes", "tokens", "generated")]
    unknown = F.count_if(F.col(ask.unit).isNull() | F.col("tokens").isNull()).alias("unknown")
    cells = []
    for row in sorted(rows.groupBy("cell").agg(*sums, unknown).collect()):
        number, _, rest = row["cell"].partition(":")
        take = int(number)
        if row["unknown"] and (ask.unit != "documents" or ask.caps):
            raise StepError(
                f"mix {ask.name}: {row['unknown']:,} of {row['documents']:,} rows of {ask.takes[take].words()} "
                "have no count of tokens",
                remedy="name a `tokenizer` in the mix; its counts decide",
            )
        flags = iter(rest[1:])
        parts = tuple(c.where is None or next(flags) == "1" for c in ask.caps)
        size, tokens = row[ask.unit] or 0, row["tokens"] or 0
        cells.append(
            Cell(
                row["cell"],
                take,
                rest[0] == "s",
                parts,
                size,
                row["documents"],
                tokens,
                row["generated"],
                row["bytes"] or 0,
            )  # fmt: skip
        )
    return sorted(cells, key=lambda c: (c.take, c.key))


def _drawer(ask: Ask, rows: Any, cells: Sequence[Cell]) -> Callable[[Mapping[str, int]], dict[str, Drawn]]:
    """Draws from Spark what `settle` asks for: whole epochs by the cells' sums, the rest by an exact cut."""
    by_key = {c.key: c for c in cells}
    documents = {c.key: c.documents for c in cells}
    weights = [ask.unit, "tokens", "generated", "bytes"]

    def draw(targets: Mapping[str, int]) -> dict[str, Drawn]:
        parts = {key: divmod(target, by_key[key].size) if target else (0, 0) for key, target in targets.items()}
        rest = {key: part for key, (_, part) in parts.items()}
        found = cuts.prefixes(rows, "cell", "order", weights, rest, documents)
        drawn = {}
        for key, (whole, _) in parts.items():
            cell, prefix = by_key[key], found[key]
            drawn[key] = Drawn(
                whole,
                prefix.cut,
                cell.documents if whole else prefix.rows,
                whole * cell.documents + prefix.rows,
                whole * cell.size + prefix.sums[0],
                whole * cell.tokens + prefix.sums[1],
                whole * cell.generated + prefix.sums[2],
                whole * cell.bytes + prefix.sums[3],
            )
        return drawn

    return draw


def _drawn_rows(spark: Any, ask: Ask, rows: Any, drawn: Mapping[str, Drawn]) -> Any:
    """A row for each time a document is used."""
    from pyspark.sql import Window
    from pyspark.sql import functions as F

    ends = [(key, d.whole, "".join(d.cut) if d.cut else None) for key, d in sorted(drawn.items()) if d.rows]
    ends = spark.createDataFrame(ends, "cell string, whole int, cut string")
    once_more = F.when(F.concat("order", "doc_id") <= F.col("cut"), 1).otherwise(0)
    used = rows.join(F.broadcast(ends), "cell").withColumn("times", F.col("whole") + once_more).where("times > 0")
    # Partitioned by document: at most one row a take is in it.
    before = Window.partitionBy("doc_id").orderBy("place").rowsBetween(Window.unboundedPreceding, -1)
    first = (F.coalesce(F.sum("times").over(before), F.lit(0)) + 1).cast("int")
    names = F.array(*(F.lit(take.text) for take in ask.takes))
    return used.withColumn("first", first).select(
        "doc_id",
        F.explode(F.sequence("first", F.col("first") + F.col("times") - 1)).alias("epoch"),
        names[F.col("place")].alias("take"),
        "tier",
        "origin",
        "tokens",
        F.col("generated").alias("generated_tokens"),
    )


def _recount(job: Any, ask: Ask, uri: str, cells: Sequence[Cell], drawn: Mapping[str, Drawn]) -> None:
    """What was written is what was settled: rows and tokens of organic rows and of the others."""
    from pyspark.sql import functions as F

    written = job.spark.read.format("delta").load(uri).groupBy((F.col("origin") != ORGANIC).alias("synthetic"))
    sums = written.agg(F.count("*").alias("n"), F.sum("tokens").alias("t"), F.sum("generated_tokens").alias("g"))
    found = {row.synthetic: (row.n, row.t or 0, row.g) for row in sums.collect()}
    for synthetic in (False, True):
        own = [drawn[c.key] for c in cells if c.synthetic == synthetic]
        meant = (sum(d.rows for d in own), sum(d.tokens for d in own), sum(d.generated for d in own))
        if found.get(synthetic, (0, 0, 0)) != meant:
            raise AssertionError(f"mix {ask.name} wrote {found} where {meant} (synthetic: {synthetic}) was meant")
