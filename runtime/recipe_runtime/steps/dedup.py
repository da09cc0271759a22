"""dedup: groups of equal or similar rows and the one of each that stays, decided over ids, hashes and numbers.

What is kept is a star, (doc_id, survivor), survivors of groups included; `edges` gets the same without
them. No text is shuffled: exact dedup compares a hash, MinHash its bands, and verification moves the
shingle hashes of candidate documents alone.
"""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from recipe_runtime import components, delta_files, groups, near_duplicates, ops, tables, verifying
from recipe_runtime.arrow import arrow_schema, ddl_struct
from recipe_runtime.deciding import Alive
from recipe_runtime.digest import inputs_of, step_digest
from recipe_runtime.job import Held, library_union
from recipe_runtime.near_duplicates import Verified
from recipe_runtime.relation import Relation
from recipe_runtime.shared_keys import shared
from recipe_runtime.side_by_side import PLACE, Decided, more
from recipe_runtime.summaries import asked, recorded
from recipe_runtime.survivors import rank_columns, survivor
from recipe_runtime.worker_frames import Tasks

STAR = "doc_id string, survivor string, group_license array<string>, similarity double"
KEPT = "doc_id string, survivor string, origin_id string, group_license array<string>, similarity double"


@dataclass(frozen=True)
class Compared:
    """The rows that are compared, held: doc_id, origin_id, license, the key, what the recipe names, a `number`, and
    `fixed`, of those that are never dropped. `within`: the column whose values keep rows apart; `ranked`: what
    `keep` decides by.
    `count`, `may_fall`, `text_bytes`: of all rows, how many may be dropped, their text."""

    held: Held
    operator: ops.Op
    key: str
    within: list[str]
    ranked: list[str]
    count: int
    may_fall: int
    text_bytes: int
    decided: Decided | None = None
    """The same rows, numbered alike, where workers decide them."""

    @property
    def rows(self) -> Any:
        """The rows as a DataFrame."""
        return self.held.frame

    @property
    def group(self) -> groups.Group | None:
        """What finds the groups in one worker, unless pairs are verified; None where there are too many rows."""
        args, bands = self.operator.args, self.operator.name != "exact"
        if self.count > groups.ROWS or (bands and self.count * args["bands"] > groups.KEYS):
            return None
        return groups.Group(
            self.held.uri, self.held.files, arrow_schema(ddl_struct(KEPT)), self.key, bands,
            tuple(self.within), tuple(self.ranked), args["keep"],
        )  # fmt: skip

    def keys(self, given: Any) -> Any:
        """A Column of array<bigint> from one of keys: those of rows that are kept apart differ."""
        from pyspark.sql import functions as F

        return F.transform(given, lambda key: F.xxhash64(key, *self.within)) if self.within else given

    def survivor(self, rows: Any, group: Any) -> Any:
        """A Column: the doc_id that stays of each `group`, a window over `rows`."""
        return survivor(rows, self.ranked, self.operator.args["keep"], group)


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
    against: Any = None,
    against_texts: Relation | None = None,
) -> Relation:
    """Groups among the rows still alive. `key` is the column compared: a hash for `exact`, an array of band
    keys for `minhash`, whose verification reads `texts`.

    Rows of `against` are compared with and never dropped: where a group has one, one of these survives, and all the
    others of the group fall out. Raises StepError where the recipe ranks by what is no number.
    """
    found = ops.resolve(operator, "dedup")
    own = ops.versions([found])
    step = step_digest(digest, inputs_of(reads), own)
    uri = job.lake.relation(step)
    relation = Relation(
        f"{name}.{operator.name}", "dedup", digest, step, library_union(reads, own),
        lambda: delta_files.read(job.spark, uri).drop("origin_id"), uri=uri,
    )  # fmt: skip
    if job.waits(relation, reads, lambda: job.spark.createDataFrame([], STAR)):
        return relation
    row = job.complete(step)
    if row is None:
        began = time.monotonic()
        with job.progress.step(name, f"dedup {operator.name}") as report:
            compared = _compared(job, rows, against, operator, key, at)
            verified = _find(job, compared, uri, step, texts, against_texts)
            dropped = _finish(job, relation, compared.may_fall, uri, reads, at, own, began, verified)
            report.rows_in, report.rows_kept = compared.may_fall, compared.may_fall - dropped
            report.note = str(verified or "")
            job.release()
    else:
        job.progress.line(f"{name}: dedup {operator.name}: {row['rows_rejected']:,} duplicates, found before")
    job.record_step(relation, made=row is None)
    return relation


def _find(job, compared, uri, step, texts, against_texts) -> Verified | None:
    """Writes the groups down; what was verified."""
    group, verified = compared.group, None
    if group and compared.operator.args.get("verify") is not None:
        group, verified = _verified(job, compared, group, texts)
    if group:
        star = Tasks(job, 1)
    elif compared.operator.name == "exact":
        star = _exact(compared)
    else:
        star, verified = _minhash(job, compared, _read(texts, against_texts))
    delta_files.write(
        star, uri, statistics=("doc_id", "survivor"), note=job.note(step), first=group, struct=ddl_struct(KEPT)
    )
    return verified


def _verified(job, compared, group, texts) -> tuple[Any, Verified | None]:
    """What finds the groups after workers have verified pairs, and what they looked at; None where Spark has to."""
    if compared.decided is None:
        return None, None
    found = verifying.verified(job, compared.decided, group, compared.operator, texts)
    return (found[0], replace(found[1], text_bytes=compared.text_bytes)) if found else (None, None)


def _compared(job: Any, rows: Any, against: Any, operator: ops.Op, key: str, at: str) -> Compared:
    """The rows still alive, and those of `against`."""
    from pyspark.sql import functions as F

    within = [operator.args["within"]] if operator.args["within"] else []
    ranked = rank_columns(operator, rows, at)
    columns = dict.fromkeys(("doc_id", "origin_id", "license", "text_bytes", key, *within, *ranked))
    if against is None and isinstance(rows, Decided):
        numbered = more(rows, Alive(tuple(columns)))
        held = _held(job, numbered, operator, key, within, ranked)
        return replace(held, decided=more(rows, Alive(("doc_id", *PLACE))))
    job.once(rows)
    alive = rows.where("rejected is null").select(*columns, F.lit(False).alias("fixed"))
    if against is not None:
        rank_columns(operator, against, at)
        alive = alive.unionByName(against.select(*columns, F.lit(True).alias("fixed")))
    numbered = alive.withColumn("number", F.monotonically_increasing_id())
    return _held(job, numbered, operator, key, within, ranked)


def _held(job: Any, numbered: Any, operator: ops.Op, key: str, within: list[str], ranked: list[str]) -> Compared:
    held = job.hold_files(numbered, sums=("fixed", "text_bytes"))
    fixed, text_bytes = held.sums["fixed"], held.sums["text_bytes"]
    return Compared(held, operator, key, within, ranked, held.rows, held.rows - fixed, text_bytes)


def _read(texts: Relation, others: Relation | None) -> Any:
    """(doc_id, text) of both relations, which may be one."""
    read = texts.texts.select("doc_id", "text")
    if others is None or others.step == texts.step:
        return read
    return read.union(others.texts.select("doc_id", "text"))


def _exact(compared: Compared) -> Any:
    """Members of groups with one key. The survivor carries the licences of all: it stands for each of them."""
    from pyspark.sql import Window
    from pyspark.sql import functions as F

    # Which rows may be equal is found by a hash of the key; whether they are, by the key.
    hashed = F.when(F.col(compared.key).isNotNull(), F.array(F.xxhash64(compared.key)))
    alike = shared(compared.rows, compared.keys(hashed), compared.count).select("number").distinct()
    rows = compared.rows.join(alike, "number", "left_semi")
    group = Window.partitionBy(compared.key, *compared.within)
    licenses = F.array_sort(F.array_distinct(F.flatten(F.collect_set("license").over(group))))
    return (
        rows.withColumn("survivor", compared.survivor(rows, group))
        .withColumn("members", F.count("*").over(group))
        .withColumn("group_license", licenses)
        .where("members > 1 and not fixed")
        .select("doc_id", "survivor", "origin_id", "group_license", F.lit(1.0).alias("similarity"))
    )


def _minhash(job: Any, compared: Compared, texts: Any) -> tuple[Any, Verified | None]:
    """Documents that share a band are candidates; with `verify`, an edge needs that true Jaccard similarity.

    Bands and rows: two documents of Jaccard similarity s share a band with probability 1 − (1 − s^rows)^bands
    (Leskovec, Rajaraman, Ullman, Mining of Massive Datasets, 3.4).
    """
    from pyspark.sql import Window
    from pyspark.sql import functions as F

    # A band's key holds the number of the band, so equal keys mean one band; a bucket is a key among the rows
    # that the recipe compares at all. A row that is never dropped comes after the others of its bucket, so that
    # a bucket's head is one that may be.
    keys = compared.keys(F.col(compared.key))
    found = shared(compared.rows, keys, compared.count * compared.operator.args["bands"])
    member = F.struct("fixed", "doc_id").alias("member")
    bucket = Window.partitionBy("bucket")
    members = (
        found.join(compared.rows.select("number", member), "number")
        .withColumn("head", F.min("member").over(bucket))
        .withColumn("members", F.count("*").over(bucket))
    )
    if compared.operator.args["verify"] is None:
        edges, verified = job.hold(near_duplicates.alike(members)), None
    else:
        edges, verified = near_duplicates.verified(
            job, members, compared.operator, texts, compared.count, compared.text_bytes
        )
    star = components.smallest(job.spark, edges.select("a", "b"))
    best = (
        edges.select(F.col("a").alias("doc_id"), "similarity")
        .union(edges.select("b", "similarity"))
        .groupBy("doc_id")
        .agg(F.max("similarity").alias("similarity"))
    )
    decisive = compared.rows.select("doc_id", "origin_id", "fixed", *compared.ranked)
    named = star.join(best, "doc_id").join(decisive, "doc_id")
    # The smallest doc_id is known; it is not looked for again unless something comes before it.
    if compared.ranked or compared.may_fall < compared.count:
        named = named.withColumn("survivor", compared.survivor(named, Window.partitionBy("survivor")))
    unmerged = F.lit(None).cast("array<string>").alias("group_license")
    return named.where("not fixed").select("doc_id", "survivor", "origin_id", unmerged, "similarity"), verified


def _finish(job, relation, rows_in, uri, reads, at, own, began, verified) -> int:
    """Writes the edges and the step's row; how many rows fell out."""
    kind = "duplicate_" + relation.name.rpartition(".")[2]
    dropped = 0
    if tables.written_rows(uri):
        (counted,) = asked(job, uri, "select count(*) as n from rows_of where doc_id <> survivor")
        dropped = counted["n"]
    if dropped:
        sql = (
            f"select '{relation.step}' as step, '{job.run_id}' as run_id, survivor as parent, doc_id as child, "
            f"'{kind}' as kind, origin_id as child_origin_id, similarity from rows_of where doc_id <> survivor"
        )
        recorded(job, uri, sql, tables.EDGES, relation.step, rows=dropped)
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
            "report": job.lake.put_blob(json.dumps(verified.record()).encode()) if verified else None,
        }
    )
    return dropped
