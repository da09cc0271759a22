"""Rules of one figure: workers say of every value what Spark says, and spell what was found alike."""

from __future__ import annotations

import math

import pyarrow as pa
import pytest
import recipe_runtime as rt
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from recipe_runtime.rules import spelled
from recipe_runtime.tables import REJECTED

KINDS = {
    "double": (pa.float64(), st.floats() | st.integers(-3, 3).map(float)),
    "bigint": (pa.int64(), st.integers(-(2**63), 2**63 - 1) | st.integers(-3, 3)),
    "int": (pa.int32(), st.integers(-(2**31), 2**31 - 1) | st.integers(-3, 3)),
    "boolean": (pa.bool_(), st.booleans()),
    "string": (pa.string(), st.text(st.characters(exclude_categories=["Cs"]), max_size=4) | st.just("NaN")),
}
NUMBER = st.integers(-3, 3) | st.floats(allow_nan=False, allow_infinity=False)


@st.composite
def cases(draw):
    """A column's kind, values of it, and a test that fits."""
    name = draw(st.sampled_from(sorted(KINDS)))
    kind, values = KINDS[name]
    column = draw(st.lists(st.none() | values, min_size=1, max_size=8))
    if name in ("boolean", "string"):
        limit = values
        op = draw(st.sampled_from(["==", "!="] + ["in"] * (name == "string")))
    else:
        limit, op = NUMBER, draw(st.sampled_from(["<", "<=", ">", ">=", "==", "!=", "between", "in"]))
    some = {"between": 2, "in": draw(st.integers(1, 3))}.get(op, 1)
    return name, column, rt.test("x", op, *(draw(limit) for _ in range(some)))


@settings(max_examples=4, deadline=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck))
@given(st.lists(cases(), min_size=30, max_size=30))
def test_workers_say_of_every_value_what_spark_says(spark, some):
    from pyspark.sql import functions as F

    frames = []
    for i, (name, values, test) in enumerate(some):
        frame = spark.createDataFrame([(j, value) for j, value in enumerate(values)], f"j int, x {name}")
        frame = frame.withColumn("rejected", F.lit(None).cast(REJECTED))
        decided = rt.keep(frame, rt.rule("r", test, at="a:1"))
        frames.append(decided.select(F.lit(i).alias("i"), "j", "rejected"))
    whole = frames[0]
    for frame in frames[1:]:
        whole = whole.union(frame)
    said = {(row.i, row.j): row.rejected for row in whole.collect()}
    for i, (name, values, test) in enumerate(some):
        kind = KINDS[name][0]
        assert test.fits(kind)
        figures = pa.array(values, kind)
        holds, shown = test.holds(figures).to_pylist(), spelled(figures)
        for j, held in enumerate(holds):
            rejected = said[i, j]
            assert held == (rejected is None), (name, values[j], test)
            if rejected is not None:
                assert _alike(rejected.value, shown[j]) and rejected.threshold == test.threshold


def _alike(one, other):
    """Java before 19 does not always spell a double by its shortest digits; it means the same number."""
    if one == other:
        return True
    return "E" in one and "E" in other and math.isclose(float(one), float(other), rel_tol=1e-15)


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (0.3, "0.3"), (1.0, "1.0"), (-0.0, "-0.0"), (0.001, "0.001"), (0.00099, "9.9E-4"), (9_999_999.0, "9999999.0"),
        (1e7, "1.0E7"), (123_456_789.0, "1.23456789E8"), (5e-324, "4.9E-324"), (-2.5e-7, "-2.5E-7"), (1e22, "1.0E22"),
        (math.nan, "NaN"), (math.inf, "Infinity"), (-math.inf, "-Infinity"), (7, "7"), (True, "true"), ("x", "x"),
    ],
)  # fmt: skip
def test_what_was_found_is_spelled_as_spark_spells_it(spark, value, said):
    from pyspark.sql import functions as F

    (row,) = spark.range(1).select(F.lit(value).cast("string").alias("s")).collect()
    ours = spelled(pa.array([value]))[0]
    assert row.s == said or _alike(row.s, said)
    assert ours == said or _alike(ours, said)


def test_what_is_compared_otherwise_by_spark_is_left_to_it():
    assert not rt.test("x", "<", "b").fits(pa.string()), "an order of texts"
    assert not rt.test("x", "<=", 0.5).fits(pa.float32()), "32 bits are spelled by their own digits"
    assert not rt.test("x", "==", 1).fits(pa.bool_())
    assert not rt.test("x", "==", True).fits(pa.int64())
    assert not rt.test("x", "==", "1").fits(pa.int64())
