"""The document: the columns of every output row, in their order."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from recipe_runtime.texts import selected

COLUMNS = (
    "doc_id", "epoch", "text", "source", "url", "domain", "license", "fetched_at", "lang", "tier", "origin",
    "root_ids", "parent_ids", "step", "generations", "tokens", "generated_tokens", "copied_tokens", "scores", "meta",
)  # fmt: skip


def document(rows: Any, *, step: str, scores: Sequence[str] = (), columns: Sequence[str] = ()) -> Any:
    """Organic rows with their text, as documents. `step` is the select they come from, `scores` the columns
    that go into the map `scores`, `columns` the recipe's own columns, which follow the others."""
    from pyspark.sql import functions as F

    there = set(rows.columns)

    def given(name: str, kind: str) -> Any:
        return (F.col(name) if name in there else F.lit(None)).cast(kind).alias(name)

    pairs = [part for name in scores for part in (F.lit(name), F.col(name).cast("double"))]
    shape = [
        "doc_id",
        F.lit(1).cast("int").alias("epoch"),
        "text", "source", "url", "domain", "license", "fetched_at",
        given("lang", "string"),
        given("tier", "string"),
        F.lit("organic").alias("origin"),
        F.array("doc_id").alias("root_ids"),
        F.array().cast("array<string>").alias("parent_ids"),
        F.lit(step).alias("step"),
        F.array().cast("array<string>").alias("generations"),
        given("tokens", "bigint"),
        F.lit(0).cast("bigint").alias("generated_tokens"),
        F.lit(0).cast("bigint").alias("copied_tokens"),
        (F.create_map(*pairs) if pairs else F.create_map().cast("map<string,double>")).alias("scores"),
        "meta",
        *columns,
    ]  # fmt: skip
    return selected(rows, shape)


def derived(rows: Any, *, step: str) -> Any:
    """Documents that a model had a part in; they have everything but their epoch and step."""
    from pyspark.sql import functions as F

    return in_order(rows.withColumn("epoch", F.lit(1).cast("int")).withColumn("step", F.lit(step)), alone=True)


def in_order(rows: Any, *, alone: bool = False) -> Any:
    """The document's columns in their order, then the recipe's own (`alone`: without those)."""
    return rows.select(*COLUMNS, *([] if alone else [c for c in rows.columns if c not in COLUMNS]))
