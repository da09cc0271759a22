"""Segments are runs of whole lines that hold what the text holds, within the limit by the piece's own count."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from recipe_udfs import segments
from recipe_udfs.operator import Call
from recipe_udfs.segments import segment_text
from udf_texts import columns, shapes

TOKENIZER = str(Path(__file__).with_name("tokenizer.json"))
limits = st.sampled_from([1, 3, 8, 20, 200])


def run(column, name="lines", **args) -> list:
    spans = segments.segments({"text": column}, [Call(name, {"tokenizer": TOKENIZER, "min": None, **args})])[0][0]
    spans.validate(full=True)
    assert spans.type == segments.SPANS
    rows = spans.to_pylist()
    return [row and [(s["span_start"], s["span_end"], s["tokens"]) for s in row] if row != [] else [] for row in rows]


@cache
def tokenizer():
    from tokenizers import Tokenizer

    return Tokenizer.from_file(TOKENIZER)


def exact(text: str) -> int:
    return len(tokenizer().encode(text, add_special_tokens=False).ids)


def pieces(text: str, **args) -> list[str]:
    (spans,) = run(pa.array([text]), **args)
    return [segment_text(text.encode(), start, end) for start, end, _ in spans]


def plain(text: str, most: int, count) -> list[tuple[int, int, int]]:
    """Line by line, one piece after the other."""
    lines, at = [], 0
    for number, line in enumerate(text.split("\n")):
        held = line.removesuffix("\r")
        if held.strip():
            start = len(text[:at].encode())
            lines.append((number, start, start + len(held.encode()), count(held)))
        at += len(line) + 1
    data, spans = text.encode(), []
    while lines:
        if lines[0][3] > most:
            del lines[0]
            continue
        n, filled = 1, lines[0][3]
        while n < len(lines):
            filled += lines[n][3] + lines[n][0] - lines[n - 1][0]
            if filled > most:
                break
            n += 1
        while count(data[lines[0][1] : lines[n - 1][2]].decode()) > most:
            n -= 1
        start, end = lines[0][1], lines[n - 1][2]
        spans.append((start, end, count(data[start:end].decode())))
        del lines[:n]
    return spans


@settings(max_examples=150, deadline=None)
@given(columns, limits)
def test_equals_the_reference(values, most):
    expected = [None if text is None else plain(text, most, exact) for text in values]
    assert run(pa.array(values, pa.large_string()), max=most) == expected


@settings(max_examples=100, deadline=None)
@given(columns, limits, st.sampled_from([None, 2, 5]))
def test_what_a_piece_is(values, most, least):
    for text, spans in zip(values, run(pa.array(values, pa.string()), max=most, min=least), strict=True):
        assert (spans is None) == (text is None)
        before = 0
        for start, end, tokens in spans or []:
            piece = segment_text(text.encode(), start, end)
            assert before <= start < end
            assert (least or 0) <= tokens == exact(piece) <= most
            assert f"\n{text}\n".replace("\r\n", "\n").find("\n" + piece.replace("\r\n", "\n") + "\n") >= 0
            assert piece.split("\n")[0].strip() and piece.split("\n")[-1].strip()
            before = end


@settings(max_examples=40, deadline=None)
@given(columns)
def test_slices_chunks_and_string_types_make_no_difference(values):
    results = [run(column, max=8) for column in shapes(values)]
    assert all(result == results[0] for result in results)


@settings(max_examples=60, deadline=None)
@given(columns)
def test_lines_of_short_texts_are_counted_more_if_joined(values):
    """A tokenizer may need more tokens for a piece than for its lines: the piece is made shorter."""

    def dear(text: str) -> int:  # every line end after the first costs three
        return len(text.split()) + 3 * text.count("\n")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(segments, "token_counts", lambda texts, path: pa.array(map(dear, texts), pa.int64()).to_numpy())
        expected = [None if text is None else plain(text, 8, dear) for text in values]
        assert run(pa.array(values, pa.large_string()), max=8) == expected


def test_a_line_over_the_limit_is_dropped_and_ends_a_piece():
    long = "storm " * 50
    assert pieces(f"the cape\nthe storm\n{long}\nthe year\n", max=20) == ["the cape\nthe storm", "the year"]
    assert pieces(long, max=20) == []


def test_line_ends_and_blank_lines():
    assert pieces("\n\r\n  \nthe cape\r\n\r\nthe storm\r\n \n", max=50) == ["the cape\r\n\r\nthe storm"]
    assert pieces("the cape\r\nthe storm\r\n", max=3) == ["the cape", "the storm"]
    assert pieces(" \n\t\n", max=50) == pieces("", max=50) == []


def test_head_is_the_first_piece():
    text = "\n\nthe cape\nthe storm\nthe year"
    assert pieces(text, name="head", max=6) == pieces(text, max=6)[:1] == ["the cape\nthe storm"]
    assert pieces("storm " * 50 + "\nthe cape", name="head", max=6) == []
    assert pieces(text, name="head", max=500) == ["the cape\nthe storm\nthe year"]


@settings(max_examples=60, deadline=None)
@given(columns, limits)
def test_head_is_lines_until_a_line_is_dropped(values, most):
    for text, head, lines in zip(
        values, run(pa.array(values, pa.string()), "head", max=most), run(pa.array(values, pa.string()), max=most),
        strict=True,
    ):  # fmt: skip
        first = next((line.removesuffix("\r") for line in (text or "").split("\n") if line.strip()), "")
        assert head == (None if lines is None else lines[:1] if exact(first) <= most else [])


def test_a_megabyte_in_one_line_and_in_many():
    big = "the lighthouse é " * 60_000
    assert pieces(big, max=512) == []
    many = "the lighthouse é\n" * 60_000
    assert run(pa.array([many + big + "\nlast"]), max=512)[0][-1][1] == len((many + big).encode()) + 5
    found = pieces(many, max=512)
    assert "\n".join(found) + "\n" == many
    assert len(found) <= 60_000 * exact("the lighthouse é\n") / 500


def test_calls_share_a_batch():
    column = pa.array(["the cape\nthe storm", None])
    calls = [Call("lines", {"tokenizer": TOKENIZER, "max": n, "min": m}) for n, m in ((3, None), (50, None), (50, 40))]
    assert [one[0].to_pylist() for one in segments.segments({"text": column}, calls)] == [
        segments.segments({"text": column}, [call])[0][0].to_pylist() for call in calls
    ]


def test_limits_and_spans_that_cannot_be():
    with pytest.raises(ValueError, match="max is 0 tokens"):
        run(pa.array(["a"]), max=0)
    with pytest.raises(ValueError, match="not within a text of 2 bytes"):
        segment_text("é".encode(), 0, 3)
    with pytest.raises(ValueError):
        segment_text("é".encode(), 1, 2)
    assert segment_text("aéb".encode(), 1, 3) == "é"
