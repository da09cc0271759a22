"""Support and copies equal the plain rule: words in lower case, and spans of 13 of them in the same order."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from plain_statistics import is_word_character, words_of
from recipe_udfs.characters import lower
from recipe_udfs.operator import Call
from recipe_udfs.support import SPAN, copies, lexical_support
from udf_texts import shapes, texts

TOKENIZER = str(Path(__file__).with_name("tokenizer.json"))


def plain_words(text: str) -> list[tuple[str, int, int]]:
    """(word in lower case, first character, end character)."""
    found, at = [], 0
    for word in words_of("".join(c if is_word_character(c) else " " for c in text)):
        start = text.index(word, at)
        at = start + len(word)
        found.append((lower(word), start, at))
    return found


def plain_covered(answer: str, segment: str) -> list[bool]:
    of, within = ([word for word, _, _ in plain_words(text)] for text in (answer, segment))
    covered = [False] * len(of)
    for i in range(len(of)):
        for j in range(len(within)):
            n = 0
            while i + n < len(of) and j + n < len(within) and of[i + n] == within[j + n]:
                n += 1
            if n >= SPAN:
                covered[i : i + n] = [True] * n
    return covered


@cache
def tokenizer():
    from tokenizers import Tokenizer

    return Tokenizer.from_file(TOKENIZER)


def exact(text: str) -> int:
    return len(tokenizer().encode(text, add_special_tokens=False).ids)


def plain_row(answer: str | None, segment: str | None) -> tuple[float | None, float | None, int | None]:
    """(support, copy rate, copied tokens)."""
    if answer is None or segment is None:
        return None, None, None
    words = plain_words(answer)
    if not words:
        return None, None, 0
    within = {word for word, _, _ in plain_words(segment)}
    covered = plain_covered(answer, segment)
    tokens, i = 0, 0
    while i < len(words):
        j = i
        while j < len(words) and covered[j]:
            j += 1
        tokens += exact(answer[words[i][1] : words[j - 1][2]]) if j > i else 0
        i = max(j, i + 1)
    found = sum(word in within for word, _, _ in words)
    return found / len(words), sum(covered) / len(words), min(tokens, exact(answer))


def rows(answers, segments) -> list[tuple]:
    inputs = {"answer": answers, "segment": segments}
    ((support,),) = lexical_support(inputs, [Call("lexical_support")])
    (rate,), (tokens,) = copies(inputs, [Call("copy_rate"), Call("copied_tokens", {"tokenizer": TOKENIZER})])
    assert (support.type, rate.type, tokens.type) == (pa.float64(), pa.float64(), pa.int64())
    return list(zip(support.to_pylist(), rate.to_pylist(), tokens.to_pylist(), strict=True))


few = st.lists(st.sampled_from(["a", "A,", "b", "c", "日本", "-", "é", "ไทย่"]), max_size=60).map(" ".join)


@st.composite
def copying(draw) -> tuple[str, str]:
    """An answer that takes spans of its segment over, between words of its own."""
    segment = [f"w{i}" for i in draw(st.lists(st.integers(0, 40), min_size=1, max_size=80))]
    answer = []
    for _ in range(draw(st.integers(0, 4))):
        start, n = draw(st.integers(0, len(segment))), draw(st.sampled_from([1, 5, 12, 13, 14, 30]))
        answer += segment[start : start + n] + draw(st.sampled_from([[], ["own"], ["own", "é"]]))
    return draw(st.sampled_from([" ", "\n", ", "])).join(answer), " ".join(segment).upper()


pairs = st.lists(st.one_of(st.tuples(st.none() | texts | few, st.none() | texts | few), copying()), max_size=6)


@settings(max_examples=150, deadline=None)
@given(pairs)
def test_equals_the_reference(values):
    answers, segments = ([pair[i] for pair in values] for i in (0, 1))
    expected = [plain_row(*pair) for pair in values]
    assert rows(pa.array(answers, pa.large_string()), pa.array(segments, pa.large_string())) == expected


@settings(max_examples=40, deadline=None)
@given(pairs)
def test_slices_chunks_and_string_types_make_no_difference(values):
    answers, segments = (shapes([pair[i] for pair in values]) for i in (0, 1))
    results = [rows(a, s) for a, s in zip(answers, reversed(segments), strict=True)]
    assert all(result == results[0] for result in results)


def test_the_share_of_words():
    answer = pa.array(["The Lamp was lit in 1851.", "lamp lamp oil oil", "...", "", None, "lamp"])
    segment = pa.array(["In 1851 the lamp burned.", "LAMP", "lamp", "lamp", "lamp", None])
    assert [row[0] for row in rows(answer, segment)] == [4 / 6, 0.5, None, None, None, None]


def test_where_a_copied_span_begins():
    twelve, thirteen = (" ".join(f"word{i}" for i in range(n)) for n in (12, 13))
    segment = pa.array([thirteen + " end"] * 3)
    got = rows(pa.array([twelve, thirteen, f"own {thirteen.upper()} own"]), segment)
    assert [row[1] for row in got] == [0.0, 1.0, 13 / 15]
    assert [row[2] for row in got] == [0, exact(thirteen), exact(thirteen.upper())]


def test_a_span_crosses_no_gap_and_no_rows():
    words = [f"word{i}" for i in range(20)]
    gap = " ".join([*words[:10], "own", *words[10:]])
    whole = " ".join(words)
    assert [row[1] for row in rows(pa.array([gap, gap, whole]), pa.array([whole, gap, "other"]))] == [0.0, 1.0, 0.0]


def test_scripts_without_spaces():
    text = "灯台は嵐の年に建てられました。今も光る。"
    (support, rate, tokens), = rows(pa.array([text]), pa.array([text.replace("。", "、 ")]))
    assert (support, rate) == (1.0, 1.0)
    assert tokens == exact(text[:-1])
    assert plain_words("กุ้ง2個dé")[0] == ("กุ้", 0, 3)


def test_a_megabyte_in_one_line():
    text = "the lighthouse é " * 60_000
    (support, rate, tokens), = rows(pa.array([text]), pa.array([text + "end"]))
    assert (support, rate, tokens) == (1.0, 1.0, exact(text.rstrip()))


def test_each_answer_has_its_segment():
    with pytest.raises(ValueError, match="1 answers and 2 segments"):
        rows(pa.array(["a"]), pa.array(["a", "b"]))
    assert rows(pa.array([], pa.string()), pa.array([], pa.string())) == []
