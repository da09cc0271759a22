"""Decisions as column expressions: why a row falls out, at which value of which threshold.

A frame carries every row, dropped ones too; `rejected` is null while a row is alive and afterwards the
first rule it failed, in the recipe's order.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce
from operator import or_
from typing import Any

from recipe_runtime.shards import sent
from recipe_runtime.tables import REJECTED


@dataclass(frozen=True)
class Rule:
    """One predicate of the recipe: a boolean Column that must be true, and what is said when it is not."""

    text: str
    holds: Any
    value: Any
    threshold: str
    at: str


@dataclass(frozen=True)
class Figures:
    """What a rule of several figures looks at; shown as JSON."""

    columns: tuple[str, ...]


def rule(text: str, holds, *, value, threshold: str, at: str) -> Rule:
    """`text` is the rule as the recipe has it, `value` a Column with what was found (or rt.figures), `at` its
    file:line."""
    return Rule(text, holds, value, threshold, at)


def figures(*columns: str) -> Figures:
    """The columns that a rule with `and`, `or` or arithmetic looks at."""
    return Figures(columns)


def _shown(value):
    from pyspark.sql import functions as F

    return F.to_json(F.struct(*value.columns)) if isinstance(value, Figures) else value


def _is_nan(value):
    """Whether a figure is NaN, of any type: by the hash of its bits, which no other double (or float) has. Spelled as a
    text, as what was found is shown, each figure of each row took longer than all else that is asked of it."""
    from pyspark.sql import functions as F

    if isinstance(value, Figures):
        return reduce(or_, (_is_nan(F.col(name)) for name in value.columns))
    nan = F.lit(float("nan"))
    of_type = F.when(F.typeof(value) == "double", F.xxhash64(nan)).when(
        F.typeof(value) == "float", F.xxhash64(nan.cast("float"))
    )
    return F.coalesce(F.xxhash64(value) == of_type, F.lit(False))


def failure(text: str, value, threshold: str, at: str):
    """The struct `rejected` holds: which rule, the value found, its threshold, the rule's file:line."""
    from pyspark.sql import functions as F

    return F.struct(
        F.lit(text).alias("rule"),
        value.cast("string").alias("value"),
        F.lit(threshold).alias("threshold"),
        F.lit(at).alias("at"),
    ).cast(REJECTED)


def first_failure(*rules: Rule):
    """The new value of `rejected`: what it was, else the first of `rules` that does not hold, else null.

    A predicate that is null (its figure is: a share of no words, say) or false does not hold; nor does one with a
    NaN among its figures, which Spark orders above every number.
    """
    from pyspark.sql import functions as F

    failures = [
        F.when(
            ~F.coalesce(r.holds, F.lit(False)) | _is_nan(r.value),
            failure(r.text, _shown(r.value), r.threshold, r.at),
        )
        for r in rules
    ]
    return F.coalesce(F.col("rejected"), *failures)


def scored(frame, *columns: str):
    """The frame, its scores left to the rows still alive: whether a row that fell out has one is an accident of what
    was scored before."""
    from pyspark.sql import functions as F

    alive = F.col("rejected").isNull()
    return frame.withColumns({name: F.when(alive, F.col(name)) for name in columns})


def drop_duplicates(frame, *, rule: str, threshold: str, at: str):
    """After the join with a dedup's groups: all but the survivor fall out, `matched` names it, and the survivor
    carries the licences of its exact duplicates (`group_license`, null where the dedup does not merge them).
    The value found is the similarity, null where the dedup does not measure it."""
    from pyspark.sql import functions as F

    dropped = F.col("survivor").isNotNull() & (F.col("survivor") != F.col("doc_id"))
    reason = F.when(dropped, failure(rule, F.col("similarity"), threshold, at))
    matched = F.coalesce(F.col("matched"), F.when(F.col("rejected").isNull() & dropped, F.col("survivor")))
    return (
        frame.withColumn("matched", matched)
        .withColumn("rejected", F.coalesce(F.col("rejected"), reason))
        .withColumn("license", F.coalesce(F.col("group_license"), F.col("license")))
        .drop("survivor", "group_license", "similarity")
    )


def undecided(documents):
    """The rows of a relation of documents before any decision, without their texts."""
    from pyspark.sql import functions as F

    return (
        documents.drop("text", "meta", "raw_hash", "record_key")
        .withColumn("rejected", F.lit(None).cast(REJECTED))
        .withColumn("matched", F.lit(None).cast("string"))
    )


def edited(documents):
    """What an edit changes of a row, under names of its own, for the join by file and record."""
    changed = documents.selectExpr(
        "file_id",
        "record",
        "doc_id as edited_doc_id",
        "text_hash as edited_text_hash",
        "text_bytes as edited_text_bytes",
    )
    return sent(changed, documents)


def after_edit(frame, *, rule: str, at: str):
    """After the join with `edited`: rows go on as the documents they became; one whose text is gone falls out."""
    from pyspark.sql import functions as F

    gone = F.when(F.col("edited_doc_id").isNull(), failure(rule, F.lit("no text left"), "some text", at))
    frame = frame.withColumn("rejected", F.coalesce(F.col("rejected"), gone))
    for name in ("doc_id", "text_hash", "text_bytes"):
        frame = frame.withColumn(name, F.coalesce(F.col(f"edited_{name}"), F.col(name))).drop(f"edited_{name}")
    return frame


def keep_best(answers, n: int, *, by: str, descending: bool, rule: str, at: str):
    """Of the answers to one question (a row's segment under a prompt) the `n` best by a column stay; ties go to the
    smaller sample. One without a figure comes last."""
    from pyspark.sql import Window
    from pyspark.sql import functions as F

    alive = F.col("rejected").isNull()
    best = F.col(by).desc_nulls_last() if descending else F.col(by).asc_nulls_last()
    question = Window.partitionBy("doc_id", "prompt", "segment").orderBy(alive.desc(), best, "sample")
    place = F.row_number().over(question)
    beaten = F.when(alive & (F.col("place") > n), failure(rule, F.col(by), f"among the {n} best by {by}", at))
    return (
        answers.withColumn("place", place)
        .withColumn("rejected", F.coalesce(F.col("rejected"), beaten))
        .drop("place")
    )
