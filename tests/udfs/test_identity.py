"""Ids are 128 bits of SHA-256 that anyone can recompute, the same for a value and in a column."""

from __future__ import annotations

import hashlib

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from recipe_udfs import identity
from udf_texts import columns, shapes


def sha(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:32]


def test_formulas():
    assert identity.text_hash("é") == sha("é".encode()) == identity.url_id("é")
    assert identity.raw_hash(b"\0") == sha(b"\0")
    sized = b"".join(len(p).to_bytes(8, "big") + p for p in (b"origin", b"pages", b"<urn:1>"))
    origin = identity.origin_id("pages", "<urn:1>")
    assert origin == sha(sized)
    assert identity.doc_id(origin, "t") == identity.hash128("doc", origin, "t")
    assert identity.file_id(12, "abc") == identity.hash128("file", "12", b"abc")


def test_parts_do_not_run_together():
    assert identity.hash128("ab", "c") != identity.hash128("a", "bc") != identity.hash128("abc")


def test_a_lone_surrogate_is_refused():
    with pytest.raises(UnicodeEncodeError):
        identity.text_hash("\ud800")


@settings(deadline=None)
@given(columns)
def test_columns_equal_values(values):
    for column in shapes(values):
        found = identity.text_hashes(column)
        found.validate(full=True)
        assert found.to_pylist() == [None if v is None else identity.text_hash(v) for v in values]
        ids = identity.origin_ids("pages", column)
        assert ids.to_pylist() == [None if v is None else identity.origin_id("pages", v) for v in values]
        documents = identity.doc_ids(ids, found)
        assert documents.to_pylist() == [
            None if v is None else identity.doc_id(identity.origin_id("pages", v), identity.text_hash(v))
            for v in values
        ]


@settings(deadline=None)
@given(st.lists(st.tuples(st.none() | st.just("a"), st.none() | st.just("b"))))
def test_null_where_any_part_is_null(rows):
    left, right = (pa.array([row[i] for row in rows], pa.string()) for i in (0, 1))
    expected = [None if None in row else identity.hash128("x", *row) for row in rows]
    assert identity.hash128_rows("x", left, right).to_pylist() == expected


def test_a_part_may_have_any_length():
    keys = ["x" * n for n in (0, 127, 128, 255, 256, 70_000)]
    assert identity.origin_ids("pages", pa.array(keys)).to_pylist() == [identity.origin_id("pages", k) for k in keys]
