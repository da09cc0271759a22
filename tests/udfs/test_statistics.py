"""Every statistic equals its plain-Python reference, on any text and any shape of Arrow array."""

from __future__ import annotations

import math

import plain_statistics as plain
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from recipe_udfs.declarations.text import STATISTICS
from recipe_udfs.operator import Call
from recipe_udfs.statistics import statistics
from udf_texts import columns, shapes, texts

STOP_WORDS = ["the", "be", "to", "of", "and", "that", "have", "with"]
MARKS = [".", "?", "!", '"', "”", "。", "？", "！", "..."]
CALLS = [
    *(Call(op.name) for op in STATISTICS if op.name.startswith("stats.") and all(q.later for q in op.parameters)),
    Call("stats.symbol_word_ratio", {"symbols": ["#", "...", "…"]}),
    Call("stats.symbol_word_ratio", {"symbols": ["##", "a"]}),
    Call("stats.distinct_words_of", {"words": STOP_WORDS}),
    Call("stats.distinct_words_of", {"words": ["É", "ß", "日", "#", "(With"]}),
    *(Call("stats.top_ngram_character_share", {"n": n}) for n in (4, 2, 3, 1)),
    *(Call("stats.duplicate_ngram_character_share", {"n": n}) for n in (5, 1, 2, 10)),
    Call("stats.line_end_share", {"marks": MARKS}),
    Call("stats.line_end_share", {"marks": ["a", "é"]}),
    Call("stats.short_line_share", {"max": 3}),
    Call("stats.short_line_share", {"max": 30}),
    Call("stats.boilerplate_paragraph_share", {"phrases": ["Lorem Ipsum", "É", "a\nb", "(", "J.S"]}),
    Call("stats.boilerplate_paragraph_share", {"phrases": ["ss", "日本", "k", "i"]}),
]


def expected(call: Call, text: str | None):
    return None if text is None else plain.statistic(call.operator.removeprefix("stats."), text, **call.args)


def assert_equal(calls: list[Call], values: list[str | None], results: list[list[pa.Array]]) -> None:
    for call, (result,) in zip(calls, results, strict=True):
        result.validate(full=True)
        for text, found in zip(values, result.to_pylist(), strict=True):
            assert found == expected(call, text), (call, text)


def test_every_statistic_has_a_reference():
    named = {call.operator for call in CALLS} | {"contains"}
    assert named == {op.name for op in STATISTICS}


@settings(max_examples=300, deadline=None)
@given(columns)
def test_the_fused_pass_equals_the_reference(values):
    assert_equal(CALLS, values, statistics({"text": pa.array(values, pa.large_string())}, CALLS))


@settings(max_examples=40, deadline=None)
@given(columns)
def test_slices_chunks_and_string_types_make_no_difference(values):
    for column in shapes(values):
        assert_equal(CALLS, values, statistics({"text": column}, CALLS))


@settings(max_examples=60, deadline=None)
@given(texts, st.lists(st.sampled_from(CALLS), min_size=1, max_size=3, unique_by=id))
def test_asking_for_less_changes_no_value(text, calls):
    assert_equal(calls, [text], statistics({"text": pa.array([text])}, calls))


@given(st.lists(texts, min_size=2, max_size=6), st.integers(1, 5))
@settings(max_examples=40, deadline=None)
def test_a_value_does_not_depend_on_the_batch(values, cut):
    whole = statistics({"text": pa.array(values)}, CALLS)
    parts = [statistics({"text": pa.array(part, pa.string())}, CALLS) for part in (values[:cut], values[cut:])]
    for i, (result,) in enumerate(whole):
        assert result.to_pylist() == parts[0][i][0].to_pylist() + parts[1][i][0].to_pylist()


@pytest.mark.parametrize("call", CALLS, ids=lambda call: f"{call.operator} {dict(call.args)}"[:60])
def test_declared_type_and_no_nan(call):
    operator = next(op for op in STATISTICS if op.name == call.operator)
    result = statistics({"text": pa.array(["", None, " \n ", "a b."])}, [call])[0][0]
    assert result.type == {"double": pa.float64(), "bigint": pa.int64()}[operator.columns[0].type]
    assert not any(isinstance(v, float) and math.isnan(v) for v in result.to_pylist())


def test_shares_of_nothing_are_null():
    results = statistics({"text": pa.array(["", " \r\n\t"])}, CALLS)
    for call, (result,) in zip(CALLS, results, strict=True):
        if call.operator.endswith(("_share", "_ratio", "_length")):
            assert result[0].as_py() is None, call.operator
            of_characters = call.operator.removeprefix("stats.") in CHARACTER_SHARES
            assert (result[1].as_py() is None) != of_characters, call.operator


CHARACTER_SHARES = [f"{name}_character_share" for name in (
    "non_alphanumeric", "digit", "url", "white_space", "parenthesis"
)]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "shares"),
    [
        ("abc, 12.\n", [1 / 9, 2 / 9, 0, 2 / 9, 0]),
        ("é٣⟨x⟩", [4 / 5, 1 / 5, 0, 0, 2 / 5]),
        ("\u00a0\x0b\b\t", [1, 0, 0, 0.5, 0]),
        ("see https://a.org/%20x, é", [8 / 25, 2 / 25, 19 / 25, 2 / 25, 0]),
        ("http:// https://% http://é xhttp://a", [17 / 36, 0, 8 / 36, 3 / 36, 0]),
    ],
)
def test_shares_of_characters(text, shares):
    calls = [Call(f"stats.{name}") for name in CHARACTER_SHARES]
    assert [result[0].as_py() for (result,) in statistics({"text": pa.array([text])}, calls)] == shares


@settings(max_examples=150, deadline=None)
@given(st.lists(st.sampled_from(
    ["http", "https", "s", "://", ":", "/", "a.b", "%", "2F", "%2f", "(", ")", "é", " ", "x" * 5_000]
), max_size=30).map("".join))  # fmt: skip
def test_addresses(text):
    calls = [Call(f"stats.{name}") for name in CHARACTER_SHARES]
    assert_equal(calls, [text], statistics({"text": pa.array([text])}, calls))


@pytest.mark.parametrize(
    ("text", "sentences"),
    [
        ("", 0),
        ("No mark at all", 1),
        ("One. Two? Three! Four", 4),
        ("He met J. S. Bach. Then he left.", 2),
        ("It was 3.5 metres. approx. that is.", 1),
        ("\"Yes.\" (Really!) Well.", 3),
        ("First line\nsecond line", 2),
        ("これは文です。これも！「はい。」と言った", 4),
    ],
)
def test_sentences(text, sentences):
    found = statistics({"text": pa.array([text])}, [Call("stats.sentences")])[0][0].to_pylist()
    assert found == [sentences]


@pytest.mark.parametrize(
    ("text", "seconds_of_words"),
    [
        ("word " * 400_000, 400_000),
        ("\n" * 1_000_000, 0),
        ("x" * 5_000_000, 1),
        ("é" * 1_000_000 + "\n" + "日 " * 300_000, 300_001),
    ],
    ids=["many words", "a million empty lines", "one long word", "wide characters"],
)
def test_large_texts(text, seconds_of_words):
    results = statistics({"text": pa.array([text, "a b"], pa.large_string())}, CALLS)
    words = results[[call.operator for call in CALLS].index("stats.words")][0]
    assert words.to_pylist() == [seconds_of_words, 2]


def test_an_empty_batch():
    results = statistics({"text": pa.array([], pa.large_string())}, CALLS)
    assert [len(result) for (result,) in results] == [0] * len(CALLS)


@pytest.mark.parametrize(
    "call",
    [
        Call("stats.top_ngram_character_share", {"n": 0}),
        Call("stats.duplicate_ngram_character_share", {"n": 33}),
        Call("stats.symbol_word_ratio", {"symbols": []}),
        Call("stats.line_end_share", {"marks": ["", "."]}),
        Call("stats.boilerplate_paragraph_share", {"phrases": []}),
    ],
)
def test_arguments_without_a_meaning_are_refused(call):
    with pytest.raises(ValueError, match=r"n is|symbols is|marks is|phrases is"):
        statistics({"text": pa.array(["a"])}, [call])


@settings(max_examples=150, deadline=None)
@given(columns, st.sampled_from(["lorem ipsum", "É", "{", "日本", "\0", "a\nb", "İ", "ſ", " ", "THE"]))
def test_contains(values, phrase):
    exact, ignoring = statistics(
        {"text": pa.array(values, pa.large_string())},
        [Call("contains", {"phrase": phrase, "case": case}) for case in ("exact", "ignore")],
    )
    low = plain.lower_simple(phrase)
    assert exact[0].to_pylist() == [None if v is None else phrase in v for v in values]
    assert ignoring[0].to_pylist() == [None if v is None else low in plain.lower_simple(v) for v in values]


@pytest.mark.parametrize(
    "text, words",
    {
        "第3章，GPT模型。": 6, "日本語と한국어": 5, "ภาษาไทย 2 คำ": 10, "か\u3099っこう": 4, "東京 東京": 4,
        "한국어 문장": 2, "「あ」": 1, "don't (stop)": 2,
    }.items(),
)  # fmt: skip
def test_a_letter_of_a_script_without_spaces_is_a_word(text, words):
    assert statistics({"text": pa.array([text])}, [Call("stats.words")])[0][0].to_pylist() == [words]


@pytest.mark.parametrize("word", ["我们", "of the"])
def test_a_list_of_words_holds_words(word):
    call = Call("stats.distinct_words_of", {"words": ["the", word]})
    with pytest.raises(ValueError, match="list each word by itself"):
        statistics({"text": pa.array(["the cat"])}, [call])
