"""Decisions: why a row falls out, at which value of which threshold.

A frame carries every row, dropped ones too; `rejected` is null while a row is alive and afterwards the first rule it
failed, in the recipe's order. What a select decides over rows of one source, by rules of one figure each, workers
decide over Arrow (`deciding`, `side_by_side`); all else is decided by Spark. Both say the same.
"""

from __future__ import annotations

from typing import Any

from recipe_runtime.relation import Relation
from recipe_runtime.rules import Rule, failure, first_failure
from recipe_runtime.shards import sent
from recipe_runtime.side_by_side import Decided, begun, beside, more
from recipe_runtime.tables import REJECTED

GROUPED = 5_000_000
"""Rows of a dedup's groups that a worker holds, about 100 bytes each. Of more, Spark joins them."""

NOT_DECIDED = ("text", "meta", "raw_hash", "record_key")
"""Columns of documents that no decision looks at."""


def keep(frame: Any, *rules: Rule) -> Any:
    """Rows fall out by the first of `rules` that does not hold of them."""
    from recipe_runtime import deciding

    if isinstance(frame, Decided) and deciding.fitting(rules, frame.plan.schema):
        return more(frame, deciding.Keep(rules))
    return frame.withColumn("rejected", first_failure(rules))


def with_columns(frame: Any, columns: Relation, *names: str) -> Any:
    """The frame with these columns of a relation of columns, in place of any of that name. A row that fell out because
    an edit left no text of it has no such columns, and stays a row."""
    from recipe_runtime import deciding

    stored = beside(frame, columns, names)
    if stored:
        return more(frame, deciding.WithColumns(stored))
    return frame.drop(*names).join(columns.frame.select("doc_id", *names), "doc_id", "left")


def without(frame: Any, *names: str) -> Any:
    """The frame without these columns."""
    from recipe_runtime import deciding

    if isinstance(frame, Decided):
        return more(frame, deciding.Without(names))
    return frame.drop(*names)


def scored(frame, *columns: str):
    """The frame, its scores left to the rows still alive: whether a row that fell out has one is an accident of what
    was scored before."""
    from pyspark.sql import functions as F

    alive = F.col("rejected").isNull()
    return frame.withColumns({name: F.when(alive, F.col(name)) for name in columns})


def drop_duplicates(frame: Any, groups: Relation, *, rule: str, threshold: str, at: str) -> Any:
    """By a dedup's groups: all but the survivor fall out, `matched` names it, and the survivor carries the licences of
    its exact duplicates (`group_license`, null where the dedup does not merge them). The value found is the similarity,
    null where the dedup does not measure it."""
    from pyspark.sql import functions as F

    from recipe_runtime import deciding

    known = _known_groups(groups) if isinstance(frame, Decided) else None
    if known:
        return more(frame, deciding.DropDuplicates(known, rule, threshold, at))
    frame = frame.join(groups.frame, "doc_id", "left")
    dropped = F.col("survivor").isNotNull() & (F.col("survivor") != F.col("doc_id"))
    reason = F.when(dropped, failure(rule, F.col("similarity"), threshold, at))
    matched = F.coalesce(F.col("matched"), F.when(F.col("rejected").isNull() & dropped, F.col("survivor")))
    return (
        frame.withColumn("matched", matched)
        .withColumn("rejected", F.coalesce(F.col("rejected"), reason))
        .withColumn("license", F.coalesce(F.col("group_license"), F.col("license")))
        .drop("survivor", "group_license", "similarity")
    )


def _known_groups(groups: Relation) -> Any:
    """The groups as a worker reads them; None where they are too many for that, or not made."""
    from recipe_runtime import deciding, delta_files, tables

    if groups.waiting or groups.uri is None or tables.written_rows(groups.uri) > GROUPED:
        return None
    found = delta_files.stored(groups.uri)
    return found and deciding.Groups(groups.uri, *found)


def undecided(documents: Relation) -> Any:
    """The rows of a relation of documents before any decision, without their texts."""
    from recipe_runtime import deciding

    def rows() -> Any:
        from pyspark.sql import functions as F

        return (
            documents.frame.drop(*NOT_DECIDED)
            .withColumn("rejected", F.lit(None).cast(REJECTED))
            .withColumn("matched", F.lit(None).cast("string"))
        )

    if documents.local is None or documents.waiting:
        return rows()
    documents.local.shards.job.locals.made(documents.local)
    if documents.repeats() is not None:
        return rows()
    others = {"part", "parts", "rejected", *NOT_DECIDED}
    return begun(documents, deciding.Undecided(), rows, without=others, whole="text_hash")


def after_edit(frame: Any, edited: Relation, *, rule: str, at: str) -> Any:
    """Rows go on as the documents that an edit made of them; one whose text is gone falls out."""
    from pyspark.sql import functions as F

    from recipe_runtime import deciding

    stored = beside(frame, edited, deciding.CHANGED)
    if stored:
        return more(frame, deciding.AfterEdit(stored, rule, at))
    documents = edited.frame
    changed = documents.select("file_id", "record", *(F.col(n).alias(f"edited_{n}") for n in deciding.CHANGED))
    frame = frame.join(sent(changed, documents), ["file_id", "record"], "left")
    gone = F.when(F.col("edited_doc_id").isNull(), failure(rule, F.lit("no text left"), "some text", at))
    frame = frame.withColumn("rejected", F.coalesce(F.col("rejected"), gone))
    for name in deciding.CHANGED:
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
