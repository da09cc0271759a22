"""The document: the columns of every output row, in their order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from recipe_runtime.side_by_side import Rows
from recipe_runtime.texts import selected, worked

COLUMNS = (
    "doc_id", "epoch", "text", "source", "url", "domain", "license", "fetched_at", "lang", "tier", "origin",
    "root_ids", "parent_ids", "step", "generations", "tokens", "generated_tokens", "copied_tokens", "scores", "meta",
)  # fmt: skip


def document(rows: Any, *, step: str, scores: Sequence[str] = (), columns: Sequence[str] = ()) -> Any:
    """Organic rows with their text, as documents. `step` is the select they come from, `scores` the columns
    that go into the map `scores`, `columns` the recipe's own columns, which follow the others."""
    from pyspark.sql import functions as F

    made = worked(rows, Document(step, tuple(scores)), (*COLUMNS, *columns))
    if made is not None:
        return made
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


@dataclass(frozen=True)
class Document:
    """`document` as workers say it: of rows without their texts, the columns that are no column of theirs yet."""

    step: str
    scores: tuple[str, ...]

    def __call__(self, rows: Rows) -> None:
        import numpy as np
        import pyarrow as pa

        n, given = len(rows), rows.arrays
        ids = given["doc_id"].cast(pa.string())
        one_each, none = pa.array(np.arange(n + 1, dtype=np.int32)), pa.array(np.zeros(n + 1, np.int32))
        no_texts = pa.ListArray.from_arrays(none, pa.array([], pa.string()))
        k = len(self.scores)
        figures = [given[name].cast(pa.float64()) for name in self.scores] or [pa.array([], pa.float64())]
        # One array after the other, then by row: the first row's figures, the second's …
        by_row = pa.concat_arrays(figures).take(pa.array(np.arange(n * k).reshape(k, n).T.ravel()))
        keys = pa.array(list(self.scores) * n, pa.string())
        ends = pa.array(np.arange(n + 1, dtype=np.int32) * k)
        given |= {
            "epoch": pa.repeat(pa.scalar(1, pa.int32()), n),
            "lang": given["lang"].cast(pa.string()) if "lang" in given else pa.nulls(n, pa.string()),
            "tier": given["tier"].cast(pa.string()) if "tier" in given else pa.nulls(n, pa.string()),
            "origin": pa.repeat(pa.scalar("organic"), n),
            "root_ids": pa.ListArray.from_arrays(one_each, ids),
            "parent_ids": no_texts,
            "step": pa.repeat(pa.scalar(self.step), n),
            "generations": no_texts,
            "tokens": given["tokens"].cast(pa.int64()) if "tokens" in given else pa.nulls(n, pa.int64()),
            "generated_tokens": pa.repeat(pa.scalar(0, pa.int64()), n),
            "copied_tokens": pa.repeat(pa.scalar(0, pa.int64()), n),
            "scores": pa.MapArray.from_arrays(ends, keys, by_row),
        }


def derived(rows: Any, *, step: str) -> Any:
    """Documents that a model had a part in; they have everything but their epoch and step."""
    from pyspark.sql import functions as F

    return in_order(rows.withColumn("epoch", F.lit(1).cast("int")).withColumn("step", F.lit(step)), alone=True)


def in_order(rows: Any, *, alone: bool = False) -> Any:
    """The document's columns in their order, then the recipe's own (`alone`: without those)."""
    return rows.select(*COLUMNS, *([] if alone else [c for c in rows.columns if c not in COLUMNS]))
