"""Rules: what must hold of a row's figures, as Spark's column expressions and, where they are simple, over Arrow.

Both say the same of every value: what is null holds no rule, nor does NaN, and what was found is spelled alike.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from operator import eq, ge, gt, le, lt, ne, or_
from typing import Any

_COMPARE = {"<": lt, "<=": le, ">": gt, ">=": ge, "==": eq, "!=": ne}
_ARROW = {
    "<": "less", "<=": "less_equal", ">": "greater", ">=": "greater_equal", "==": "equal", "!=": "not_equal",
}  # fmt: skip


@dataclass(frozen=True)
class Test:
    """One figure against its limits: `column` `op` `limits`. `op` is a comparison with one limit, `between` (both ends
    included) or `in`."""

    column: str
    op: str
    limits: tuple[Any, ...]

    @property
    def threshold(self) -> str:
        """The limit as it is said of a row."""
        said = [str(x).lower() if isinstance(x, bool) else str(x) for x in self.limits]
        match self.op:
            case "between":
                return " .. ".join(said)
            case "in":
                return "in " + ", ".join(said)
        return f"{self.op} {said[0]}"

    def spark(self) -> Any:
        """A boolean Column, null where the figure is."""
        from pyspark.sql import functions as F

        column = F.col(self.column)
        match self.op:
            case "between":
                return column.between(*self.limits)
            case "in":
                return column.isin(*self.limits)
        return _COMPARE[self.op](column, F.lit(self.limits[0]))

    def fits(self, kind: Any) -> bool:
        """Whether `holds` says of a column of this Arrow type what Spark does: numbers are compared as numbers, texts
        and truth values only told apart."""
        import pyarrow as pa

        number = pa.types.is_float64(kind) or pa.types.is_integer(kind)
        if any(isinstance(limit, bool) for limit in self.limits):
            return pa.types.is_boolean(kind) and self.op in ("==", "!=")
        if all(isinstance(limit, int | float) for limit in self.limits):
            return number and all(abs(limit) < 2**63 for limit in self.limits if isinstance(limit, int))
        text = pa.types.is_string(kind) or pa.types.is_large_string(kind)
        return text and self.op in ("==", "!=", "in") and all(isinstance(limit, str) for limit in self.limits)

    def holds(self, figures: Any) -> Any:
        """bool[n], without nulls, for an Arrow array of the column."""
        import pyarrow as pa
        import pyarrow.compute as pc

        if any(isinstance(limit, float) for limit in self.limits):
            figures = figures.cast(pa.float64(), safe=False)  # as Spark compares an integer with a fraction
        match self.op:
            case "between":
                low, high = (pa.scalar(limit) for limit in self.limits)
                found = pc.and_(pc.greater_equal(figures, low), pc.less_equal(figures, high))
            case "in":
                found = reduce(pc.or_kleene, (pc.equal(figures, pa.scalar(limit)) for limit in self.limits))
            case _:
                found = getattr(pc, _ARROW[self.op])(figures, pa.scalar(self.limits[0]))
        if pa.types.is_floating(figures.type):
            found = pc.and_(found, pc.invert(pc.is_nan(figures)))
        return pc.fill_null(found, False)


@dataclass(frozen=True)
class Rule:
    """One predicate of the recipe, a `Test` or a boolean Column that must be true, and what is said when it is not."""

    text: str
    holds: Any
    value: Any
    threshold: Any
    at: str

    @property
    def test(self) -> Test | None:
        """The predicate where it is simple."""
        return self.holds if isinstance(self.holds, Test) else None

    def failure(self) -> Any:
        """A Column: null where the rule holds, else the struct `rejected`. A predicate that is null (its figure is: a
        share of no words, say) or false does not hold; nor does one with a NaN among its figures, which Spark orders
        above every number."""
        from pyspark.sql import functions as F

        if self.test:
            holds, value, threshold = self.test.spark(), F.col(self.test.column), self.test.threshold
        else:
            holds, value, threshold = self.holds, self.value, self.threshold
        broken = ~F.coalesce(holds, F.lit(False)) | _is_nan(value)
        return F.when(broken, failure(self.text, _shown(value), threshold, self.at))


@dataclass(frozen=True)
class Figures:
    """What a rule of several figures looks at; shown as JSON."""

    columns: tuple[str, ...]


def rule(text: str, holds: Any, *, at: str, value: Any = None, threshold: Any = None) -> Rule:
    """`text` is the rule as the recipe has it, `at` its file:line; `holds` an `rt.test`, or a Column, which needs the
    `value`, a Column with what was found (or rt.figures), and the `threshold`."""
    return Rule(text, holds, value, threshold, at)


def test(column: str, op: str, *limits: Any) -> Test:
    """`rt.test("stats_words", "between", 50, 100_000)`: see `Test`."""
    return Test(column, op, limits)


test.__test__ = False  # type: ignore[attr-defined]  # no test of pytest's
Test.__test__ = False  # type: ignore[attr-defined]


def figures(*columns: str) -> Figures:
    """The columns that a rule with `and`, `or` or arithmetic looks at."""
    return Figures(columns)


def failure(text: str, value: Any, threshold: Any, at: str) -> Any:
    """The struct `rejected` holds: which rule, the value found, its threshold, the rule's file:line."""
    from pyspark.sql import functions as F

    from recipe_runtime.tables import REJECTED

    return F.struct(
        F.lit(text).alias("rule"),
        value.cast("string").alias("value"),
        F.lit(threshold).alias("threshold"),
        F.lit(at).alias("at"),
    ).cast(REJECTED)


def spelled(values: Any) -> list[str | None]:
    """Arrow values as Spark's cast to string spells them."""
    return [_spelled(value) for value in values.to_pylist()]


def _spelled(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return str(value).lower()
    return _java_double(value) if isinstance(value, float) else str(value)


def _java_double(value: float) -> str:
    """The shortest digits that mean this double, as java.lang.Double.toString lays them out."""
    if value != value:
        return "NaN"
    if value in (float("inf"), float("-inf")):
        return "Infinity" if value > 0 else "-Infinity"
    if value == 0 or 1e-3 <= abs(value) < 1e7:
        return repr(value)
    mantissa, _, exponent = repr(value).partition("e")
    sign = "-" if mantissa.startswith("-") else ""
    whole, _, part = mantissa.lstrip("-").partition(".")
    digits = whole + part
    place = int(exponent or 0) + len(whole) - 1
    stripped = digits.lstrip("0")
    place -= len(digits) - len(stripped)
    stripped = stripped.rstrip("0")
    return f"{sign}{stripped[0]}.{stripped[1:] or '0'}E{place}"


def _shown(value: Any) -> Any:
    from pyspark.sql import functions as F

    return F.to_json(F.struct(*value.columns)) if isinstance(value, Figures) else value


def _is_nan(value: Any) -> Any:
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


def first_failure(rules: Sequence[Rule]) -> Any:
    """The new value of `rejected`: what it was, else the first of `rules` that does not hold, else null."""
    from pyspark.sql import functions as F

    return F.coalesce(F.col("rejected"), *(rule.failure() for rule in rules))
