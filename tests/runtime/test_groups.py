"""Groups of duplicates as one worker finds them, against what they are by definition."""

from __future__ import annotations

import math
from collections import defaultdict

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from recipe_runtime.groups import Group

SCHEMA = pa.schema([
    ("doc_id", pa.large_string()), ("survivor", pa.large_string()), ("origin_id", pa.large_string()),
    ("group_license", pa.list_(pa.large_string())), ("similarity", pa.float64()),
])  # fmt: skip
ROWS = pa.schema([
    ("doc_id", pa.large_string()), ("origin_id", pa.large_string()), ("license", pa.list_(pa.large_string())),
    ("text_hash", pa.large_string()), ("bands", pa.list_(pa.int64())), ("lang", pa.large_string()),
    ("score", pa.float64()), ("text_bytes", pa.int64()), ("fetched_at", pa.timestamp("us", "UTC")),
    ("fixed", pa.bool_()),
])  # fmt: skip
ROW = st.fixed_dictionaries({
    "license": st.none() | st.lists(st.sampled_from("abc"), max_size=2),
    "text_hash": st.none() | st.sampled_from("xyz"),
    # A key tells its band by itself, so that of one band no key is one of another.
    "bands": st.none() | st.lists(st.integers(-3, 6), max_size=3).map(
        lambda keys: [10 * band + key for band, key in enumerate(keys)]
    ),
    "lang": st.none() | st.sampled_from(["en", "de"]),
    "score": st.none() | st.sampled_from([math.nan, -1.0, 0.0, 2.5]),
    "text_bytes": st.integers(1, 3),
    "fetched_at": st.none() | st.integers(0, 2),
    "fixed": st.booleans(),
})  # fmt: skip
WAYS = [
    ("lowest_id", None), ("longest", "text_bytes"), ("earliest", "fetched_at"), ("highest", "score"),
]  # fmt: skip


def alike(rows, bands, within):
    """The groups: lists of rows that are alike, directly or over others."""
    buckets = defaultdict(list)
    for row in rows:
        apart = tuple(row[name] for name in within)
        keys = row["bands"] or [] if bands else ([] if row["text_hash"] is None else [row["text_hash"]])
        for key in keys:
            buckets[key, apart].append(row)
    group = {row["doc_id"]: {row["doc_id"]} for row in rows}
    for members in buckets.values():
        if not all(row["fixed"] for row in members):
            whole = set().union(*(group[row["doc_id"]] for row in members))
            for name in whole:
                group[name] = whole
    by_id = {row["doc_id"]: row for row in rows}
    found = {frozenset(names) for names in group.values() if len(names) > 1}
    return [[by_id[name] for name in names] for names in found]


def stays(members, keep, by):
    """The doc_id of the row that stays: one that is fixed, the best by the rule, the smallest id."""

    def place(row):
        value = row[by] if by else 0
        unknown = value is None or value != value
        return (not row["fixed"], unknown, 0 if unknown else value if keep == "earliest" else -value, row["doc_id"])

    return min(members, key=place)["doc_id"]


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    rows=st.lists(ROW, min_size=1, max_size=14), bands=st.booleans(), within=st.sampled_from([(), ("lang",)]),
    way=st.sampled_from(WAYS), cut=st.integers(0, 13),
)  # fmt: skip
def test_groups_and_their_survivors(tmp_path_factory, rows, bands, within, way, cut):
    keep, by = way
    rows = [{"doc_id": f"d{i:02}", "origin_id": f"o{i}", **row} for i, row in enumerate(rows)]
    folder, files = tmp_path_factory.mktemp("groups"), []
    for some in (rows[:cut], rows[cut:]):
        if some:
            files.append(f"{len(files)}.parquet")
            pq.write_table(pa.Table.from_pylist(some, schema=ROWS), folder / files[-1])
    key = "bands" if bands else "text_hash"
    group = Group(str(folder), tuple(files), SCHEMA, key, bands, within, (by,) if by else (), keep)
    found = {
        row["doc_id"]: row
        for batch in group(iter([pa.RecordBatch.from_pydict({"id": [0]})]))
        for row in batch.to_pylist()
    }
    expected = {}
    for members in alike(rows, bands, within):
        survivor = stays(members, keep, by)
        licenses = sorted({name for row in members for name in row["license"] or ()})
        for row in members:
            if not row["fixed"]:
                expected[row["doc_id"]] = {
                    "doc_id": row["doc_id"], "survivor": survivor, "origin_id": row["origin_id"],
                    "group_license": None if bands else licenses, "similarity": None if bands else 1.0,
                }  # fmt: skip
    assert found == expected


@pytest.mark.parametrize("rows", [0, 1])
def test_a_task_without_a_row_and_rows_without_files_give_nothing(tmp_path, rows):
    group = Group(str(tmp_path), () if rows else ("missing.parquet",), SCHEMA, "bands", True, (), (), "lowest_id")
    assert list(group(iter([pa.RecordBatch.from_pydict({"id": [0] * rows})]))) == []
