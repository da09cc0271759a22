"""Rules over a list, from the recipe to Spark: which rows they keep, and what is said of the others."""

from __future__ import annotations

import pytest
import recipe_runtime as rt
from recipe_runtime.tables import REJECTED
from recipec.backend import Backend
from recipec.driver import Compilation
from recipec.emit_columns import column

LICENSES = (["cc0-1.0"], ["cc-by-4.0", "cc0-1.0"], ["cc0-1.0", "mit"], ["mit"], [], None, [None])
RULES = {
    'all(license) in ["cc0-1.0", "cc-by-4.0"]': [0, 1],
    'any(license) in ["cc0-1.0", "cc-by-4.0"]': [0, 1, 2],
    "any(license)": [0, 1, 2, 3, 6],
    'not all(license) in ["cc0-1.0"]': [1, 2, 3, 6],
    'not any(license) in ["cc0-1.0"]': [3],
    "not any(license)": [4, 5],
    'all(license) in ["cc0-1.0"] or not any(license)': [0, 4, 5],
}
"""Rule → the rows that it keeps. Of no licences neither what is said `in` a list holds nor its opposite."""


def rule(text: str):
    """The one rule of a recipe, as its script has it."""
    from pyspark.sql import functions as F

    recipe = (
        'recipe r\nedition 2026\nsource pages = jsonl("in.jsonl") {\n  license = license\n}\n'
        f'select web from pages {{\n  keep {text}\n}}\nwrite web to delta("lake")\n'
    )
    plan = Backend(Compilation(text=recipe)).plan
    (found,) = [one for node in plan.nodes if node.kind == "keep" for one in node.rules]
    value = rt.figures("license") if found.value is None else eval(column(found.value, {}).text, {"F": F})
    holds = eval(column(found.expr, {}).text, {"F": F})
    return rt.rule(found.text, holds, value=value, threshold=found.threshold, at=found.at)


@pytest.mark.parametrize(("text", "kept"), RULES.items(), ids=RULES)
def test_a_rule_over_licences_keeps_the_right_rows(spark, text: str, kept: list[int]) -> None:
    from pyspark.sql import functions as F

    frame = spark.createDataFrame(list(enumerate(LICENSES)), "n int, license array<string>")
    alive = frame.withColumn("rejected", F.lit(None).cast(REJECTED))
    judged = rt.keep(alive, rule(text))
    assert sorted(one.n for one in judged.collect() if one.rejected is None) == kept


def test_what_was_found_is_said_of_a_row_that_falls_out(spark) -> None:
    from pyspark.sql import functions as F

    frame = spark.createDataFrame([(["mit", "x"],), ([],), (None,)], "license array<string>")
    alive = frame.withColumn("rejected", F.lit(None).cast(REJECTED))
    judged = rt.keep(alive, rule('all(license) in ["cc0-1.0", "cc-by-4.0"]'))
    found = [one.rejected for one in judged.collect()]
    assert [one.value for one in found] == ["[mit, x]", "[]", None]
    assert {one.threshold for one in found} == {"all in cc0-1.0, cc-by-4.0"}
