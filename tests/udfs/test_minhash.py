"""MinHash signatures follow their formula, do not depend on the batch, and estimate the true similarity."""

from __future__ import annotations

import random

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from plain_statistics import is_word_character, lower_simple, words_of
from recipe_udfs.identity import plain_hash
from recipe_udfs.minhash import jaccard, minhash_bands, permutations, shingle_hashes
from recipe_udfs.normalise import normalised_hash, normalised_texts
from recipe_udfs.operator import Call
from udf_texts import columns, shapes, texts

M64 = (1 << 64) - 1
BASE = 0x9E3779B97F4A7C15


def mix(x: int) -> int:
    x = ((x ^ x >> 30) * 0xBF58476D1CE4E5B9) & M64
    x = ((x ^ x >> 27) * 0x94D049BB133111EB) & M64
    return x ^ x >> 31


def normalised(text: str, words_only: bool) -> str:
    inside = is_word_character if words_only else lambda c: not c.isspace()
    runs = "".join(c if inside(c) else " " for c in text)
    return lower_simple(" ".join(words_of(runs) if words_only else runs.split()))


def piece_hash(piece: str, by_words: bool) -> int:
    if not by_words:
        return mix(ord(piece) + 1)
    h = 0
    for byte in piece.encode():
        h = (h * BASE + byte + 1) & M64
    return mix((h + 1) & M64)


def plain_shingles(text: str, size: int, by_words: bool) -> set[int]:
    clean = normalised(text, by_words)
    if not clean:
        return set()
    pieces = [piece_hash(piece, by_words) for piece in (clean.split(" ") if by_words else clean)]
    windows = [pieces[i : i + size] for i in range(max(1, len(pieces) - size + 1))]
    tail = len(pieces) if len(pieces) < size else 0
    found = set()
    for window in windows:
        h = 0
        for piece in window:
            h = (h * BASE + piece) & M64
        found.add(mix((h + tail) & M64))
    return found


def signed(x: int) -> int:
    return x - (1 << 64) if x >> 63 else x


def plain_bands(text: str, size: int, by_words: bool, bands: int, rows: int, seed: int) -> list[int] | None:
    found = plain_shingles(text, size, by_words)
    if not found:
        return None
    a, b = (values.tolist() for values in permutations(bands * rows, seed))
    minima = [min((a[p] * x + b[p]) & M64 for x in found) for p in range(bands * rows)]
    keys = []
    for band in range(bands):
        key = band
        for minimum in minima[band * rows : (band + 1) * rows]:
            key = mix(((key + BASE) & M64) ^ minimum)
        keys.append(signed(key))
    return keys


def bands_of(column: pa.Array, **args) -> list[list[int] | None]:
    result = minhash_bands({"text": column}, [Call("minhash_bands", args)])[0][0]
    result.validate(full=True)
    return result.to_pylist()


def sets_of(column: pa.Array, shingle: str) -> pa.Array:
    return shingle_hashes({"text": column}, [Call("shingle_hashes", {"shingle": shingle})])[0][0]


@settings(max_examples=100, deadline=None)
@given(columns, st.sampled_from([(2, "words"), (5, "words"), (3, "characters"), (24, "characters")]))
def test_bands_and_shingles_follow_the_formula(values, shingle):
    size, unit = shingle
    column, by_words = pa.array(values, pa.large_string()), unit == "words"
    assert bands_of(column, shingle=f"{size} {unit}", bands=3, rows=2, seed=7) == [
        None if v is None else plain_bands(v, size, by_words, 3, 2, 7) for v in values
    ]
    assert sets_of(column, f"{size} {unit}").to_pylist() == [
        None if v is None else sorted(map(signed, plain_shingles(v, size, by_words))) for v in values
    ]


@settings(max_examples=50, deadline=None)
@given(columns)
def test_slices_chunks_and_string_types_make_no_difference(values):
    args = {"shingle": "2 words", "bands": 2, "rows": 2, "seed": 1}
    results = [bands_of(column, **args) for column in shapes(values)]
    assert all(result == results[0] for result in results)


@settings(max_examples=200, deadline=None)
@given(columns, st.booleans())
def test_normalised_texts(values, words_only):
    found = normalised_texts(pa.array(values, pa.large_string()), words_only)
    found.validate(full=True)
    assert found.to_pylist() == [None if v is None else normalised(v, words_only) for v in values]


@settings(deadline=None)
@given(texts)
def test_normalised_hash_can_be_recomputed(text):
    clean = normalised(text, words_only=True)
    found = normalised_hash({"text": pa.array([text])}, [Call("normalised_hash")])[0][0].to_pylist()
    assert found == [plain_hash(clean) if clean else None]


def test_case_punctuation_and_spacing_do_not_matter():
    column = pa.array(["The cat, on the mat!", "the CAT on\n the mat", "the cat on the rug"])
    hashes = normalised_hash({"text": column}, [Call("normalised_hash")])[0][0].to_pylist()
    assert hashes[0] == hashes[1] != hashes[2]


def test_estimate_is_near_the_true_similarity():
    rng = random.Random(5)
    vocabulary = [f"w{i}" for i in range(5_000)]
    values = []
    for edit_rate in (0.0, 0.02, 0.05, 0.1, 0.3):
        for _ in range(12):
            words = rng.choices(vocabulary, k=400)
            copy = [rng.choice(vocabulary) if rng.random() < edit_rate else word for word in words]
            values += [" ".join(words), " ".join(copy)]
    column = pa.array(values, pa.large_string())
    keys = np.array(bands_of(column, shingle="5 words", bands=512, rows=1, seed=3))
    sets = sets_of(column, "5 words")
    true = jaccard(sets.take(pa.array(range(0, len(values), 2))), sets.take(pa.array(range(1, len(values), 2))))
    estimate = (keys[0::2] == keys[1::2]).mean(axis=1)
    # The standard error of 512 permutations is at most 0.022; 60 pairs.
    assert np.abs(estimate - true).max() < 0.1
    assert abs((estimate - true).mean()) < 0.01
    assert true.max() == 1.0
    assert true.min() < 0.3


def test_jaccard():
    left = pa.array([[1, 2, 3], [], None, [5], [-3, 9]], pa.list_(pa.int64()))
    right = pa.array([[2, 3, 4], [], [1], [5], [-3]], pa.list_(pa.int64()))
    assert jaccard(left, right).tolist() == [0.5, 0.0, 0.0, 1.0, 0.5]
    assert jaccard(left.slice(3), right.slice(3)).tolist() == [1.0, 0.5]


def test_another_seed_gives_other_keys():
    column = pa.array(["one two three four five six"])
    one, two = (bands_of(column, shingle="2 words", bands=4, rows=2, seed=seed)[0] for seed in (1, 2))
    assert not set(one) & set(two)


@pytest.mark.parametrize("shingle", ["5", "0 words", "5 word", "five words", "5 words "])
def test_a_shingle_needs_a_number_and_a_unit(shingle):
    with pytest.raises(ValueError, match="shingle"):
        sets_of(pa.array(["a"]), shingle)
