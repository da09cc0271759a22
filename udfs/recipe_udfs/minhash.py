"""MinHash signatures: band keys that near duplicates share, and shingle sets for their true similarity.

**Shingles.** By words: the text in lower case, words being runs of letters, digits and combining marks, so
that case, punctuation and spacing do not matter; a shingle is `n` words in a row. By characters: the text
in lower case with white space as single blanks; a shingle is `n` code points in a row. A shorter text is
one shingle as a whole. Each has a 64-bit hash (`minhash_kernels.shingles`).

**Permutations.** Permutation p of the shingle hashes x is a_p · x + b_p mod 2**64, with a_p (made odd) and
b_p the outputs 2p and 2p + 1 of SplitMix64 started at the seed: a bijection, applied to hashes that are
already well mixed. The signature is the minimum of each over all shingles (Broder 1997).

**Bands.** Band i holds the minima i · rows … (i + 1) · rows - 1; its key is the hash of i and of these, so
equal keys mean equal bands. Two texts of Jaccard similarity s share a key with probability
1 - (1 - s^rows)^bands. Nothing depends on the batch.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

import numpy as np
import pyarrow as pa

from recipe_udfs import minhash_kernels as k
from recipe_udfs.buffers import Strings, null_bitmap
from recipe_udfs.normalise import normalised_views
from recipe_udfs.operator import Call

_SHINGLE = re.compile(r"([1-9][0-9]*) (words|characters)")
_MASK = (1 << 64) - 1


def minhash_bands(inputs: Mapping[str, Strings], calls: Sequence[Call]) -> list[list[pa.Array]]:
    """`minhash_bands(shingle, bands, rows, seed)` → array<bigint>, one key a band; null without a shingle."""
    views = Normalised(inputs["text"])
    results = []
    for call in calls:
        size, by_words = shingle(call.args["shingle"])
        bands, rows = int(call.args["bands"]), int(call.args["rows"])
        if bands < 1 or rows < 1:
            raise ValueError(f"bands = {bands}, rows = {rows}; both are at least 1")
        data, ends, valid = views.of(by_words)
        keys = np.empty((len(valid), bands), np.int64)
        some = np.empty(len(valid), np.bool_)
        a, b = permutations(bands * rows, int(call.args["seed"]))
        k.band_keys(data, ends, by_words, size, a, b, bands, rows, keys, some)
        keys = keys[some]
        offsets = np.concatenate([np.zeros(1, np.int64), np.cumsum(some, dtype=np.int64)]) * bands
        results.append([_lists(offsets, keys.reshape(-1), some)])
    return results


def shingle_hashes(inputs: Mapping[str, Strings], calls: Sequence[Call]) -> list[list[pa.Array]]:
    """`shingle_hashes(shingle)` → array<bigint>, sorted and distinct; null for a null text."""
    views = Normalised(inputs["text"])
    results = []
    for call in calls:
        size, by_words = shingle(call.args["shingle"])
        data, ends, valid = views.of(by_words)
        values, set_ends = np.empty(len(data), np.int64), np.empty(len(valid), np.int64)
        count = k.shingle_sets(data, ends, by_words, size, values, set_ends)
        offsets = np.concatenate([np.zeros(1, np.int64), set_ends])
        results.append([_lists(offsets, values[:count].copy(), valid)])
    return results


def jaccard(left: pa.Array, right: pa.Array) -> np.ndarray:
    """float64[n]: true Jaccard similarity of pairs of `shingle_hashes`; 0 where either is null or both empty."""
    out = np.empty(len(left), np.float64)
    k.jaccard(*_set_views(left), *_set_views(right), out)
    return out


def shingle(value: str) -> tuple[int, bool]:
    """(size, by words?) of a shingle as recipes write it: `5 words`, `24 characters`."""
    found = _SHINGLE.fullmatch(value)
    if not found:
        raise ValueError(f"shingle = {value!r}; it is a number of words or characters, as in '5 words'")
    return int(found[1]), found[2] == "words"


def permutations(count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """(a, b) of the first `count` permutations of a seed, uint64 each."""
    state, outputs = seed & _MASK, []
    for _ in range(2 * count):  # SplitMix64 (Steele, Lea and Flood 2014)
        state = (state + 0x9E3779B97F4A7C15) & _MASK
        x = state
        x = ((x ^ x >> 30) * 0xBF58476D1CE4E5B9) & _MASK
        x = ((x ^ x >> 27) * 0x94D049BB133111EB) & _MASK
        outputs.append(x ^ x >> 31)
    values = np.array(outputs, np.uint64)
    return values[0::2] | np.uint64(1), values[1::2].copy()


class Normalised:
    """The normalised texts of a batch, made once for each of the two ways that a call may ask for."""

    def __init__(self, texts: Strings) -> None:
        self._texts = texts
        self._made: dict[bool, tuple[np.ndarray, np.ndarray, np.ndarray]] = {}

    def of(self, words_only: bool) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """(bytes, where each text ends, valid)."""
        if words_only not in self._made:
            self._made[words_only] = normalised_views(self._texts, words_only)
        return self._made[words_only]


def _lists(offsets: np.ndarray, values: np.ndarray, valid: np.ndarray) -> pa.ListArray:
    """list<int64>[n], null where `valid` says no."""
    if offsets[-1] > np.iinfo(np.int32).max:
        raise ValueError(f"{offsets[-1]} values in one batch; a list column holds 2**31: make batches smaller")
    buffers = [null_bitmap(valid), pa.py_buffer(offsets.astype(np.int32))]
    return pa.ListArray.from_buffers(
        pa.list_(pa.int64()), len(valid), buffers, int((~valid).sum()), children=[pa.array(values)]
    )


def _set_views(sets: pa.Array) -> tuple[np.ndarray, np.ndarray]:
    """(values int64, offsets int64[n + 1]) of a list column; a null list is an empty one."""
    if isinstance(sets, pa.ChunkedArray):
        sets = sets.combine_chunks()
    lengths = sets.value_lengths().fill_null(0).to_numpy(zero_copy_only=False)
    offsets = np.concatenate([np.zeros(1, np.int64), np.cumsum(lengths, dtype=np.int64)])
    return np.array(sets.flatten(), np.int64), offsets
