"""Pairs of near duplicates: which documents are compared, and by verification which are alike.

No text is shuffled. A document's bands are compared, which are ids and hashes; verification reads the texts of
candidates where they lie and moves the hashes of their shingles.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from functools import reduce
from typing import Any

from recipe_runtime import ops
from recipe_runtime.arrow import arrow_schema
from recipe_runtime.worker import Annotate, Column

BUCKET_LIMIT = 100
"""Members of a band's bucket that are all compared with each other. In a larger bucket each is compared with
the bucket's smallest doc_id and with the next one in order: near copies in such numbers chain together."""

SENT = 5_000_000
"""Candidates looked for in one pass over the texts. Their hashed ids are sent to every task, about 100 bytes each:
that takes memory, and a join beyond it would shuffle the texts."""

HASH_BYTES = 8


@dataclass(frozen=True)
class Verified:
    """What verification looked at: `candidates` documents in `pairs`, the `verified_bytes` of their shingles'
    hashes, each document's once, beside the `text_bytes` of all rows compared; `edges` pairs were alike enough."""

    candidates: int
    pairs: int
    verified_bytes: int
    text_bytes: int
    edges: int

    def record(self) -> dict[str, int]:
        """For the step's report."""
        return asdict(self)

    def __str__(self) -> str:
        share = f": hashes of {self.verified_bytes / self.text_bytes:.1%} of the text" if self.text_bytes else ""
        return f"verified {self.pairs:,} pairs of {self.candidates:,} documents{share}"


def alike(members: Any) -> Any:
    """Edges (a, b, similarity) where a shared band is enough: each member with the head of its bucket."""
    from pyspark.sql import functions as F

    ends = F.col("head.doc_id").alias("a"), F.col("member.doc_id").alias("b")
    edges = members.where("member != head").select(*ends).distinct()
    return edges.withColumn("similarity", F.lit(None).cast("double"))


def verified(job: Any, members: Any, operator: ops.Op, texts: Any, rows: int, text_bytes: int) -> tuple[Any, Verified]:
    """Edges (a, b, similarity) whose true Jaccard similarity is at least `verify`. `texts` is (doc_id, text);
    `rows` were compared, with `text_bytes` of text."""
    from pyspark.sql import functions as F

    pairs, paired = job.hold_counted(_pairs(job.hold(members)))
    wanted, passes = _candidates(job, pairs, min(2 * paired["rows"], rows))
    read = _shingles(wanted, passes, texts, operator)
    hashes, hashed = job.hold_counted(read, hashes=F.sum(F.size("hashes")))
    left = hashes.select(F.col("doc_id").alias("a"), F.col("hashes").alias("of_a"))
    right = hashes.select(F.col("doc_id").alias("b"), F.col("hashes").alias("of_b"))
    shared = F.size(F.array_intersect("of_a", "of_b"))
    whole = F.size("of_a") + F.size("of_b") - F.col("shared")
    compared = (
        pairs.join(left, "a")
        .join(right, "b")
        .withColumn("shared", shared)
        .select("a", "b", (F.col("shared") / whole).alias("similarity"))
    )
    edges, found = job.hold_counted(compared.where(F.col("similarity") >= F.lit(operator.args["verify"])))
    return edges, Verified(
        candidates=hashed["rows"], pairs=paired["rows"], verified_bytes=HASH_BYTES * (hashed["hashes"] or 0),
        text_bytes=text_bytes, edges=found["rows"],
    )  # fmt: skip


def _pairs(members: Any) -> Any:
    """Candidate pairs a < b, each once; of two rows that are never dropped none."""
    from pyspark.sql import Window
    from pyspark.sql import functions as F

    small = members.where(F.col("members") <= BUCKET_LIMIT).select("bucket", F.col("member").alias("x"))
    every = small.join(small.withColumnRenamed("x", "y"), "bucket").where("x.doc_id < y.doc_id").select("x", "y")
    large = members.where(F.col("members") > BUCKET_LIMIT)
    before = F.lag("member").over(Window.partitionBy("bucket").orderBy("member"))
    heads = large.where("member != head").select(F.col("head").alias("x"), F.col("member").alias("y"))
    chain = large.select(before.alias("x"), F.col("member").alias("y")).where("x is not null")
    pairs = every.union(heads).union(chain).where("not (x.fixed and y.fixed)")
    ends = F.least("x.doc_id", "y.doc_id").alias("a"), F.greatest("x.doc_id", "y.doc_id").alias("b")
    return pairs.select(*ends).distinct()


def _candidates(job: Any, pairs: Any, at_most: int) -> tuple[Any, int]:
    """(hashed_id) of the documents of `pairs`, and in how many passes over the texts they are looked for."""
    from pyspark.sql import functions as F

    ends = pairs.select(F.col("a").alias("doc_id")).union(pairs.select("b"))
    wanted = ends.select(F.xxhash64("doc_id").alias("hashed_id")).distinct()
    if at_most <= SENT:
        return wanted, 1
    wanted, counted = job.hold_counted(wanted)
    return wanted, -(-counted["rows"] // SENT) or 1


def _shingles(wanted: Any, passes: int, texts: Any, operator: ops.Op) -> Any:
    """(doc_id, hashes) of the texts of the candidates."""
    from pyspark.sql import functions as F
    from pyspark.sql.types import StructType

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
    # Always a broadcast, of hashed ids: a join of another kind would shuffle the texts. A text whose id hashes alike
    # by chance is hashed for nothing and joined with no pair.
    hashed_id = F.xxhash64("doc_id") == F.col("hashed_id")
    found = []
    for i in range(passes):
        some = wanted.where(F.pmod("hashed_id", F.lit(passes)) == F.lit(i))
        found.append(texts.join(F.broadcast(some), hashed_id, "left_semi"))
    return reduce(lambda one, other: one.union(other), found).select("doc_id", "text").mapInArrow(task, struct)
