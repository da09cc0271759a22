"""Normalised text: lower case, words joined by single blanks; what duplicates are compared by."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from recipe_udfs.buffers import Strings, null_bitmap, utf8_views
from recipe_udfs.characters import classes, lower_case
from recipe_udfs.identity import plain_hashes
from recipe_udfs.minhash_kernels import normalise
from recipe_udfs.operator import Call


def normalised_hash(inputs: Mapping[str, Strings], calls: Sequence[Call]) -> list[list[pa.Array]]:
    """`normalised_hash` → SHA-256 of the text in lower case without punctuation, as 32 hex digits.

    Null for a text without a word: texts of signs alone are not duplicates of each other.
    """
    texts = normalised_texts(inputs["text"], words_only=True)
    hashes = plain_hashes(pc.if_else(pc.equal(pc.binary_length(texts), 0), None, texts))
    return [[hashes] for _ in calls]


def normalised_texts(texts: Strings, words_only: bool) -> pa.LargeStringArray:
    """The normalised texts, null for null.

    words_only: words are runs of letters, digits and combining marks (`don't` is two), everything else
    separates them; otherwise they are what stands between white space. Lower case is by code point.
    Composed and decomposed letters stay different.
    """
    data, ends, valid = normalised_views(texts, words_only)
    offsets = np.concatenate([np.zeros(1, np.int64), ends])
    buffers = [null_bitmap(valid), pa.py_buffer(offsets), pa.py_buffer(data)]
    return pa.LargeStringArray.from_buffers(len(valid), buffers[1], buffers[2], buffers[0], int((~valid).sum()))


def normalised_views(texts: Strings, words_only: bool) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(bytes uint8, where each text ends int64[n], valid bool[n]) of the normalised texts."""
    data, offsets, valid = utf8_views(texts)
    out = np.empty((int(offsets[-1] - offsets[0]) * 3 + 1) // 2, np.uint8)
    ends = np.empty(len(valid), np.int64)
    size = normalise(data, offsets, valid, classes(), lower_case(), words_only, out, ends)
    return out[:size], ends, valid
