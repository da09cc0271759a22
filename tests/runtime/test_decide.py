"""Decisions: what does not hold, and what is said of it."""

from __future__ import annotations

import recipe_runtime as rt
from recipe_runtime.tables import REJECTED


def test_a_null_and_a_nan_hold_no_rule_and_the_text_nan_is_a_text(spark):
    from pyspark.sql import functions as F

    rows = [(float("nan"), "NaN"), (None, "en"), (0.9, "NaN"), (0.1, "NaN")]
    frame = spark.createDataFrame(rows, "x double, t string").withColumn("rejected", F.lit(None).cast(REJECTED))

    def alive(rule) -> list[bool]:
        return [r.rejected is None for r in rt.keep(frame, rule).collect()]

    number = rt.rule("x >= 0.5", F.col("x") >= 0.5, value=F.col("x"), threshold=">= 0.5", at="a:1")
    either = (F.col("x") >= 0.5) | (F.col("t") == "en")
    several = rt.rule("x >= 0.5 or t == en", either, value=rt.figures("x", "t"), threshold="all must hold", at="a:3")
    text = rt.rule("t == NaN", F.col("t") == "NaN", value=F.col("t"), threshold="== NaN", at="a:2")
    assert alive(number) == [False, False, True, False]
    assert alive(several) == [False, True, True, False]
    assert alive(text) == [True, False, True, True]
