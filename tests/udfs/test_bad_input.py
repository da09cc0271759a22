"""Texts that no one meant: whatever stands in a column, every operator of texts counts as its reference does.

`test_statistics`, `test_minhash` and `test_lines` draw texts of every kind; here are bytes that are no UTF-8, in
every shape of a column, and the extremes that have to be named: one character, lines and words of megabytes.
"""

from __future__ import annotations

import pyarrow as pa
import pytest
from hypothesis import given, settings
from recipe_udfs.identity import plain_hash
from recipe_udfs.language import fasttext_language
from recipe_udfs.lines import clean_lines
from recipe_udfs.minhash import minhash_bands, shingle_hashes
from recipe_udfs.normalise import normalised_hash
from recipe_udfs.operator import Call
from recipe_udfs.statistics import statistics
from test_lines import plain as plain_lines
from test_minhash import normalised, plain_bands, plain_shingles, signed
from test_statistics import CALLS, expected
from udf_texts import decoded, raw_column, raw_columns

COUNTED = [call for call in CALLS if call.operator != "stats.bytes"]
CONTAINS = [
    Call("contains", {"phrase": p, "case": c}) for p in ("é", "lorem IPSUM", "日本") for c in ("exact", "ignore")
]
SHINGLES = [(3, "characters"), (2, "words")]
RULES = {"min_words": 2, "max_word_length": 30, "without": ["lorem"], "terminal_punctuation": False}


def columns_of(values: list[bytes | None]) -> list[pa.Array | pa.ChunkedArray]:
    """The same bytes as large_string, string, a slice with rows around it, and chunks."""
    around = raw_column([b"\xe3\x80", None, *values, b"\x80 after"])
    return [
        raw_column(values),
        raw_column(values, pa.string()),
        around.slice(2, len(values)),
        pa.chunked_array([raw_column(values[:1]), raw_column(values[1:])]),
    ]


def run(function, calls: list[Call], column) -> list[list]:
    """The first column of each call, as Python values."""
    return [made[0].to_pylist() for made in function({"text": column}, calls)]


def each(values: list[bytes | None], reference, apart: bool = False) -> list:
    return [None if value is None else reference(decoded(value, apart)) for value in values]


@settings(max_examples=50, deadline=None)
@given(raw_columns)
def test_statistics_of_bytes_that_are_no_text(values):
    for column in columns_of(values):
        for call, found in zip(COUNTED, run(statistics, COUNTED, column), strict=True):
            assert found == each(values, lambda text, call=call: expected(call, text), apart=True), call
        sizes = [None if value is None else len(value) for value in values]
        assert run(statistics, [Call("stats.bytes")], column) == [sizes]


@settings(max_examples=30, deadline=None)
@given(raw_columns)
def test_phrases_in_bytes_that_are_no_text(values):
    for column in columns_of(values):
        for call, found in zip(CONTAINS, run(statistics, CONTAINS, column), strict=True):
            low = str.lower if call.args["case"] == "ignore" else str
            assert found == each(values, lambda text, call=call, low=low: low(call.args["phrase"]) in low(text)), call


@settings(max_examples=30, deadline=None)
@given(raw_columns)
def test_signatures_of_bytes_that_are_no_text(values):
    for column in columns_of(values):
        for size, unit in SHINGLES:
            named, by_words = f"{size} {unit}", unit == "words"
            (bands,) = run(minhash_bands, [Call("", {"shingle": named, "bands": 2, "rows": 2, "seed": 7})], column)
            assert bands == each(values, lambda text, n=size, w=by_words: plain_bands(text, n, w, 2, 2, 7))
            (sets,) = run(shingle_hashes, [Call("", {"shingle": named})], column)
            assert sets == each(
                values, lambda text, n=size, w=by_words: sorted(map(signed, plain_shingles(text, n, w)))
            )
        (hashes,) = run(normalised_hash, [Call("")], column)
        clean = each(values, lambda text: normalised(text, words_only=True))
        assert hashes == [plain_hash(text) if text else None for text in clean]


@settings(max_examples=30, deadline=None)
@given(raw_columns)
def test_lines_and_language_of_bytes_that_are_no_text(values):
    for column in columns_of(values):
        ((text, removed),) = clean_lines({"text": column}, [Call("lines", RULES)])
        kept = [None if value is None else decoded(value) for value in text.cast(pa.large_binary()).to_pylist()]
        assert list(zip(kept, removed.to_pylist(), strict=True)) == [
            (None, None) if value is None else plain_lines(decoded(value), **RULES) for value in values
        ]
        ((lang, score),) = fasttext_language({"text": column}, [Call("fasttext", {"model": "lid.176"})])
        for value, name, probability in zip(values, lang.to_pylist(), score.to_pylist(), strict=True):
            assert (name is None) == (probability is None) == (value is None or not value.strip(b" \n\r\t\v\f\0"))
            assert name is None or (name.islower() or "-" in name) and 0 < probability < 1.001


ODD = {
    "one character": ["a", "é", "。", " ", "\n", "\0", "\u0301", "🙂", ".", "(", "\u202e"],
    "NUL": ["\0" * 50, "a\0b a\0b", "\0\n\0\n\0", "a b\0"],
    "combining marks": ["e" + "\u0301" * 5_000, "\u0301a \u0301a", "न\u093c नि", "\ufe0f\u200d" * 40],
    "right to left": ["שלום עולם. שלום!", "\u202eabc\u202c def", "العربية؟ نعم۔ لا", "١٢٣ (٤٥)"],
}


@pytest.mark.parametrize("values", ODD.values(), ids=ODD)
def test_odd_texts(values):
    for call, found in zip(CALLS, run(statistics, CALLS, pa.array([None, "", *values])), strict=True):
        assert found == [expected(call, text) for text in (None, "", *values)], call
    for size, unit in SHINGLES:
        (bands,) = run(
            minhash_bands, [Call("", {"shingle": f"{size} {unit}", "bands": 2, "rows": 2, "seed": 7})], pa.array(values)
        )
        assert bands == [plain_bands(text, size, unit == "words", 2, 2, 7) for text in values]
    ((text, _),) = clean_lines({"text": pa.array(values)}, [Call("lines", RULES)])
    assert text.to_pylist() == [plain_lines(value, **RULES)[0] for value in values]


@pytest.mark.parametrize("text", ["a " + "é" * 500_000 + " b.", "\n" * 1_000_000], ids=["word", "empty lines"])
def test_a_megabyte_without_a_break_and_of_nothing_else(text):
    column = pa.array([text])
    for call, (found,) in zip(CALLS, run(statistics, CALLS, column), strict=True):
        assert found == expected(call, text), call
    sets = [sorted(map(signed, plain_shingles(text, 2, True)))]
    assert run(shingle_hashes, [Call("", {"shingle": "2 words"})], column) == [sets]
    bands = {"shingle": "2 words", "bands": 2, "rows": 2, "seed": 7}
    assert [found is None for found in run(minhash_bands, [Call("", bands)], column)[0]] == [not sets[0]]
    clean = normalised(text, words_only=True)
    assert run(normalised_hash, [Call("")], column) == [[plain_hash(clean) if clean else None]]
    assert run(clean_lines, [Call("lines", RULES)], column) == [[""]]
    assert run(fasttext_language, [Call("fasttext", {"model": "lid.176"})], column) == [["fr" if clean else None]]


def test_a_line_of_fifty_megabytes():
    unit, n = "Lorem (ipsum) 12 https://a.org/b é ", 1_400_001  # 35 characters, 30 of them in its 5 words
    column = pa.array([unit * n, "a b", None], pa.large_string())
    results = dict(zip(map(label, CALLS), run(statistics, CALLS, column), strict=True))
    short = {label(call): expected(call, "a b") for call in CALLS}
    assert all(found[1:] == [short[name], None] for name, found in results.items())
    repeated = 30 * (n - 1) / (35 * n)
    figures = {
        "bytes": 36 * n, "characters": 35 * n, "words": 5 * n, "lines": 1, "paragraphs": 1, "sentences": 1,
        "mean_word_length": 6.0, "max_word_length": 15, "alphabetic_word_share": 0.8, "newline_word_ratio": 0.0,
        "duplicate_line_share": 0.0, "short_line_share 30": 0.0, "digit_character_share": 2 / 35,
        "url_character_share": 15 / 35, "white_space_character_share": 5 / 35, "parenthesis_character_share": 2 / 35,
        "top_ngram_character_share 2": 13 / 35, "top_ngram_character_share 4": 32 / 35,
        **{f"duplicate_ngram_character_share {of}": repeated for of in (1, 2, 5, 10)},
    }  # fmt: skip
    assert {name: results[name][0] for name in figures} == pytest.approx(figures)


def label(call: Call) -> str:
    return " ".join([call.operator.removeprefix("stats."), *map(str, call.args.values())])
