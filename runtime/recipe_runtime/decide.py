"""Decisions as column expressions: why a row falls out, at which value of which threshold.

A frame carries every row, dropped ones too; `rejected` is null while a row is alive and afterwards the
first rule it failed, in the recipe's order.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from recipe_runtime.tables import REJECTED


@dataclass(frozen=True)
class Rule:
    """One predicate of the recipe: a boolean Column that must be true, and what is said when it is not."""

    text: str
    holds: Any
    value: Any
    threshold: str
    at: str


def rule(text: str, holds, *, value, threshold: str, at: str) -> Rule:
    """`text` is the rule as the recipe has it, `value` a Column with what was found, `at` its file:line."""
    return Rule(text, holds, value, threshold, at)


def _is_nan(value):
    """Whether a figure is NaN; the type is asked first, so that the text "NaN" stays a text."""
    from pyspark.sql import functions as F

    return F.coalesce(F.typeof(value).isin("double", "float") & (value.cast("string") == "NaN"), F.lit(False))


def _struct(text: str, value, threshold: str, at: str):
    from pyspark.sql import functions as F

    return F.struct(
        F.lit(text).alias("rule"),
        value.cast("string").alias("value"),
        F.lit(threshold).alias("threshold"),
        F.lit(at).alias("at"),
    ).cast(REJECTED)


def first_failure(*rules: Rule):
    """The new value of `rejected`: what it was, else the first of `rules` that does not hold, else null.

    A predicate that is null (its figure is: a share of no words, say) or false does not hold; nor does one
    over a NaN, which Spark orders above every number.
    """
    from pyspark.sql import functions as F

    failures = [
        F.when(~F.coalesce(r.holds, F.lit(False)) | _is_nan(r.value), _struct(r.text, r.value, r.threshold, r.at))
        for r in rules
    ]
    return F.coalesce(F.col("rejected"), *failures)


def drop_duplicates(frame, *, rule: str, threshold: str, at: str):
    """After the join with a dedup's groups: all but the survivor fall out, `matched` names it, and the survivor
    carries the licences of its exact duplicates (`group_license`, null where the dedup does not merge them).
    The value found is the similarity, null where the dedup does not measure it."""
    from pyspark.sql import functions as F

    dropped = F.col("survivor").isNotNull() & (F.col("survivor") != F.col("doc_id"))
    failure = F.when(dropped, _struct(rule, F.col("similarity"), threshold, at))
    matched = F.coalesce(F.col("matched"), F.when(F.col("rejected").isNull() & dropped, F.col("survivor")))
    return (
        frame.withColumn("matched", matched)
        .withColumn("rejected", F.coalesce(F.col("rejected"), failure))
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
    return documents.selectExpr(
        "file_id",
        "record",
        "doc_id as edited_doc_id",
        "text_hash as edited_text_hash",
        "text_bytes as edited_text_bytes",
    )


def after_edit(frame, *, rule: str, at: str):
    """After the join with `edited`: rows go on as the documents they became; one whose text is gone falls out."""
    from pyspark.sql import functions as F

    gone = F.when(F.col("edited_doc_id").isNull(), _struct(rule, F.lit("no text left"), "some text", at))
    frame = frame.withColumn("rejected", F.coalesce(F.col("rejected"), gone))
    for name in ("doc_id", "text_hash", "text_bytes"):
        frame = frame.withColumn(name, F.coalesce(F.col(f"edited_{name}"), F.col(name))).drop(f"edited_{name}")
    return frame
