"""Which row of a group of duplicates stays: the recipe's `keep`, then the smallest doc_id.

Decided over ids and numbers, within a window over the group; no text is looked at.
"""

from __future__ import annotations

from typing import Any

from recipe_runtime.errors import StepError
from recipe_runtime.ops import Op

INTEGERS = ("tinyint", "smallint", "int", "bigint")
NUMBERS = (*INTEGERS, "float", "double")


def rank_columns(operator: Op, rows: Any, at: str) -> list[str]:
    """The columns of `rows` that `keep` of a dedup ranks by: none, or one. Raises StepError where the one that
    the recipe names is not there or holds no numbers; of a source that declares no columns only the run knows."""
    match operator.args["keep"]:
        case "longest":
            return ["text_bytes"]
        case "earliest":
            return ["fetched_at"]
        case "highest":
            named = operator.args["by"]
            name = "text_bytes" if named == "bytes" else named  # `bytes` of a row is its record's, of a text these
            found = dict(rows.dtypes).get(name)
            if found is None or not (found in NUMBERS or found.startswith("decimal")):
                is_ = "is not there" if found is None else f"is {found}"
                raise StepError(
                    f"{at}: keep = highest, by = {named}: the column {is_}, and rows are ranked by a number",
                    remedy="rank by a score, a figure or a number of the source",
                )
            return [name]
    return []


def survivor(rows: Any, ranked: list[str], keep: str, group: Any) -> Any:
    """A Column: the doc_id that stands for the row's `group`, a window. `rows` have doc_id, `fixed` and `ranked`.

    A row that is never dropped comes before all others; one without a number, or with NaN, after all that have one.
    """
    from pyspark.sql import functions as F

    places = [~F.col("fixed")]
    for name in ranked:
        value = F.col(name)
        kind = dict(rows.dtypes)[name]
        unknown = value.isNull()
        if kind in ("float", "double"):
            unknown = unknown | F.isnan(value)
        if keep != "earliest":  # the largest first; ~x falls as x grows, and does not overflow as -x can
            value = F.bitwise_not(value) if kind in INTEGERS else -value
        places += [unknown, F.when(~unknown, value)]
    named = [place.alias(f"place{i}") for i, place in enumerate(places)]
    return F.min(F.struct(*named, "doc_id")).over(group)["doc_id"]
