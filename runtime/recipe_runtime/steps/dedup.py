"""dedup: groups of equal or similar rows, decided over ids and hashes; the survivor is the smallest doc_id.

What is kept is a star, (doc_id, survivor), survivors of groups included; `edges` gets the same without
them. No text is shuffled: exact dedup compares a hash, MinHash its bands, and verification moves the
shingle hashes of candidate documents alone.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

from recipe_runtime import components, ops, tables
from recipe_runtime.arrow import arrow_schema
from recipe_runtime.digest import step_digest
from recipe_runtime.job import library_union
from recipe_runtime.relation import Relation
from recipe_runtime.worker import Annotate, Column

BUCKET_LIMIT = 100
"""Members of a band's bucket that are all compared with each other. In a larger bucket each is compared with
the bucket's smallest doc_id and with the next one in order: near copies in such numbers chain together."""


def duplicates(
    job: Any,
    name: str,
    rows: Any,
    operator: ops.Op,
    *,
    key: str,
    texts: Relation,
    reads: Sequence[Relation],
    digest: str,
    at: str,
) -> Relation:
    """Groups among the rows still alive. `key` is the column compared: a hash for `exact`, an array of band
    keys for `minhash`, whose verification reads `texts`."""
    found = ops.resolve(operator, "dedup")
    own = ops.versions([found])
    step = step_digest(digest, [r.step for r in reads], own)
    uri = job.lake.relation(step)
    relation = Relation(
        f"{name}.{operator.name}", "dedup", digest, step, library_union(reads, own),
        lambda: job.spark.read.format("delta").load(uri).select("doc_id", "survivor", "group_license", "similarity"),
    )  # fmt: skip
    row = job.complete(step)
    if row is None:
        began = time.monotonic()
        with job.progress.step(name, f"dedup {operator.name}") as report:
            alive = rows.where("rejected is null").select("doc_id", "origin_id", "license", key, *_within(operator))
            # Read several times below: kept on disk, so that the rules before are decided once.
            alive = job.hold(alive)
            group = _exact if operator.name == "exact" else _minhash
            star = group(job, alive, operator, key, texts)
            tables.writer(star, uri, statistics=("doc_id", "survivor"), note=job.note(step)).mode("overwrite").save()
            report.rows_in, report.rows_kept = _finish(job, relation, alive, uri, reads, at, own, began)
            job.release()
    else:
        job.progress.line(f"{name}: dedup {operator.name}: {row['rows_rejected']:,} duplicates, found before")
    job.record_step(relation, made=row is None)
    return relation


def _exact(job: Any, alive: Any, operator: ops.Op, key: str, texts: Relation) -> Any:
    """Members of groups with one key. The survivor carries the licences of all: it stands for each of them."""
    from pyspark.sql import Window
    from pyspark.sql import functions as F

    group = Window.partitionBy(key, *_within(operator))
    licenses = F.array_sort(F.array_distinct(F.flatten(F.collect_set("license").over(group))))
    return (
        alive.where(F.col(key).isNotNull())
        .withColumn("survivor", F.min("doc_id").over(group))
        .withColumn("members", F.count("*").over(group))
        .withColumn("group_license", licenses)
        .where("members > 1")
        .select("doc_id", "survivor", "origin_id", "group_license", F.lit(1.0).alias("similarity"))
    )


def _within(operator: ops.Op) -> list[str]:
    """The column whose values keep rows apart, if the recipe names one."""
    return [operator.args["within"]] if operator.args["within"] else []


def _minhash(job: Any, alive: Any, operator: ops.Op, key: str, texts: Relation) -> Any:
    """Documents that share a band are candidates; with `verify`, an edge needs that true Jaccard similarity.

    Bands and rows: two documents of Jaccard similarity s share a band with probability 1 − (1 − s^rows)^bands
    (Leskovec, Rajaraman, Ullman, Mining of Massive Datasets, 3.4).
    """
    from pyspark.sql import functions as F

    # A band's key holds the number of the band, so equal keys mean one band; a bucket is a key among the rows
    # that the recipe compares at all.
    bands = alive.select("doc_id", *_within(operator), F.explode(key).alias("key"))
    bands = bands.select("doc_id", F.struct("key", *_within(operator)).alias("bucket"))
    buckets = bands.groupBy("bucket").agg(F.min("doc_id").alias("head"), F.count("*").alias("members"))
    members = bands.join(buckets.where("members > 1"), "bucket")
    verify = operator.args["verify"]
    if verify is None:
        pairs = members.where("doc_id != head").select(F.col("head").alias("a"), F.col("doc_id").alias("b"))
        edges = pairs.distinct().withColumn("similarity", F.lit(None).cast("double"))
    else:
        edges = _verified(job, _pairs(members), operator, texts).where(F.col("similarity") >= F.lit(verify))
    edges = job.hold(edges)
    star = components.smallest(job.spark, edges.select("a", "b"))
    best = (
        edges.select(F.col("a").alias("doc_id"), "similarity")
        .union(edges.select("b", "similarity"))
        .groupBy("doc_id")
        .agg(F.max("similarity").alias("similarity"))
    )
    named = star.join(best, "doc_id").join(alive.select("doc_id", "origin_id"), "doc_id")
    unmerged = F.lit(None).cast("array<string>").alias("group_license")
    return named.select("doc_id", "survivor", "origin_id", unmerged, "similarity")


def _pairs(members: Any) -> Any:
    """Candidate pairs a < b, each once."""
    from pyspark.sql import Window
    from pyspark.sql import functions as F

    small = members.where(F.col("members") <= BUCKET_LIMIT).select("bucket", "doc_id")
    other = small.withColumnRenamed("doc_id", "b")
    every = small.withColumnRenamed("doc_id", "a").join(other, "bucket").where("a < b").select("a", "b")
    large = members.where(F.col("members") > BUCKET_LIMIT)
    before = F.lag("doc_id").over(Window.partitionBy("bucket").orderBy("doc_id"))
    heads = large.where("doc_id != head").select(F.col("head").alias("a"), F.col("doc_id").alias("b"))
    chain = large.select(before.alias("a"), F.col("doc_id").alias("b")).where("a is not null")
    return every.union(heads).union(chain).distinct()


def _verified(job: Any, pairs: Any, operator: ops.Op, texts: Relation) -> Any:
    """Pairs with the Jaccard similarity of their sets of shingles."""
    from pyspark.sql import functions as F
    from pyspark.sql.types import StructType

    pairs = job.hold(pairs)
    wanted = pairs.select(F.col("a").alias("doc_id")).union(pairs.select("b")).distinct()
    signature = ops.registry()["signature", "shingle_hashes"]
    struct = StructType.fromDDL("doc_id string, hashes array<bigint>")
    arrow = arrow_schema(struct)
    column = Column(
        signature.run,
        signature.name,
        {"shingle": operator.args["shingle"]},
        ("text",),
        (("hashes", arrow.field("hashes").type),),
    )
    task = Annotate([column], ["doc_id"], arrow, ops.versions([signature]))
    hashes = texts.texts.join(wanted, "doc_id", "left_semi").select("doc_id", "text").mapInArrow(task, struct)
    left = hashes.select(F.col("doc_id").alias("a"), F.col("hashes").alias("of_a"))
    right = hashes.select(F.col("doc_id").alias("b"), F.col("hashes").alias("of_b"))
    shared = F.size(F.array_intersect("of_a", "of_b"))
    whole = F.size("of_a") + F.size("of_b") - F.col("shared")
    return (
        pairs.join(left, "a")
        .join(right, "b")
        .withColumn("shared", shared)
        .select("a", "b", (F.col("shared") / whole).alias("similarity"))
    )


def _finish(job, relation, alive, uri, reads, at, own, began) -> tuple[int, int]:
    from pyspark.sql import functions as F

    kind = "duplicate_" + relation.name.rpartition(".")[2]
    star = job.spark.read.format("delta").load(uri)
    edges = star.where("doc_id != survivor").select(
        F.lit(relation.step).alias("step"),
        F.lit(job.run_id).alias("run_id"),
        F.col("survivor").alias("parent"),
        F.col("doc_id").alias("child"),
        F.lit(kind).alias("kind"),
        F.col("origin_id").alias("child_origin_id"),
        "similarity",
    )
    dropped = edges.count() if tables.written_rows(uri) else 0
    if dropped:
        tables.replace_step(edges, job.lake, tables.EDGES, relation.step, note=job.note(relation.step))
    rows_in = alive.count()
    job.finish_step(
        {
            "step": relation.step,
            "name": relation.name,
            "kind": "dedup",
            "operation": relation.operation,
            "at": at,
            "inputs": [r.step for r in reads],
            "rows_in": rows_in,
            "rows_kept": rows_in - dropped,
            "rows_rejected": dropped,
            "dropped": {kind: dropped} if dropped else {},
            "seconds": time.monotonic() - began,
            "libraries": dict(own),
        }
    )
    return rows_in, rows_in - dropped
