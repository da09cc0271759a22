"""Reads a fastText model file (version 12, .bin or .ftz) into the arrays that `fasttext_kernels` predicts with.

Only classifiers of lid.176's make: supervised, 16 dimensions, hierarchical softmax, no word n-grams, dense output. The
layout is fastText's own (`FastText::loadModel`, `Dictionary::load`, `QMatrix::load`, `ProductQuantizer::load`).
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

DIMENSIONS = 16
"""Of the vectors; fixed, so that the kernel's loops over them are unrolled."""
MAGIC, VERSION = 793712314, 12
SUPERVISED, HIERARCHICAL_SOFTMAX = 3, 1
END_OF_SENTENCE, LABEL = b"</s>", b"__label__"
HEAD = "<2i12id"
OURS = (MAGIC, VERSION, DIMENSIONS, 1, HIERARCHICAL_SOFTMAX, SUPERVISED, False)
"""Of a head: one that is read here, with character n-grams."""
NO_COUNT = 10**15
"""Stands for a tree node that has no count yet, as in `HierarchicalSoftmaxLoss::buildTree`."""


@dataclass(frozen=True)
class Model:
    """A classifier as arrays.

    rows: float32[input rows, 16]; words: their bytes, in order of id; labels; bucket_rows: int32[buckets],
    the input row of each n-gram bucket or -1 where it was pruned; output: float32[labels, 16]; left, right:
    int32[2 · labels - 1], the children of each tree node, -1 for a leaf; end_row: the row of `</s>` or -1.
    """

    rows: np.ndarray
    words: tuple[bytes, ...]
    labels: tuple[str, ...]
    bucket_rows: np.ndarray
    output: np.ndarray
    left: np.ndarray
    right: np.ndarray
    shortest: int
    longest: int
    end_row: int


def read_model(path: Path) -> Model | None:
    """The model, or None where it is of another make, which fastText's own code reads.

    OSError for a file that cannot be read.
    """
    with path.open("rb") as file:
        head = file.read(struct.calcsize(HEAD))
        if len(head) < struct.calcsize(HEAD):
            return None
        found = struct.unpack(HEAD, head)
        magic, version, dim, _, _, _, _, word_ngrams, loss, kind, buckets, shortest, longest, _, _ = found
        if (magic, version, dim, word_ngrams, loss, kind, longest == 0) != OURS:
            return None  # and not read whole: it may be of gigabytes
        reader = _Reader(file.read())
    entries, n_words, n_labels, _, pruned = reader.take("3i2q")
    words, counts = [], []
    for _ in range(entries):
        words.append(reader.text())
        counts.append(reader.take("qb")[0])
    kept = reader.array("<i4", 2 * max(pruned, 0)).reshape(-1, 2)
    bucket_rows = np.full(buckets, -1, np.int32)
    if pruned < 0:
        bucket_rows[:] = np.arange(n_words, n_words + buckets)
    else:
        bucket_rows[kept[:, 0]] = n_words + kept[:, 1]
    quantised = reader.take("?")[0]
    rows = reader.quantised_matrix() if quantised else reader.matrix()
    if reader.take("?")[0]:
        return None  # a quantised output is multiplied in another order
    left, right = _tree(counts[n_words:])
    return Model(
        rows=rows,
        words=tuple(words[:n_words]),
        labels=tuple(word.removeprefix(LABEL).decode() for word in words[n_words : n_words + n_labels]),
        bucket_rows=bucket_rows,
        output=reader.matrix(),
        left=left,
        right=right,
        shortest=shortest,
        longest=longest,
        end_row=words.index(END_OF_SENTENCE) if END_OF_SENTENCE in words[:n_words] else -1,
    )


class _Reader:
    """Little-endian values from bytes, one after the other."""

    def __init__(self, data: bytes) -> None:
        self.data, self.at = data, 0

    def take(self, form: str) -> tuple[Any, ...]:
        values = struct.unpack_from("<" + form, self.data, self.at)
        self.at += struct.calcsize("<" + form)
        return values

    def text(self) -> bytes:
        """Bytes up to the next NUL."""
        end = self.data.index(0, self.at)
        value, self.at = self.data[self.at : end], end + 1
        return value

    def array(self, dtype: str, count: int) -> np.ndarray:
        values = np.frombuffer(self.data, dtype, count, self.at)
        self.at += values.nbytes
        return values

    def matrix(self) -> np.ndarray:
        rows, columns = self.take("2q")
        return self.array("<f4", rows * columns).reshape(rows, columns).copy()

    def quantised_matrix(self) -> np.ndarray:
        """Dense rows of a product-quantised matrix: norm · centroid, as `ProductQuantizer::addcode` adds them."""
        with_norms, rows, columns, size = self.take("?qqi")
        codes = self.array("u1", size).reshape(rows, -1)
        _, parts, width, last, centroids = self._quantiser()
        dense = np.empty((rows, columns), np.float32)
        for part in range(parts):  # the last part is laid out with a width of its own
            own = last if part == parts - 1 else width
            table = centroids[part * 256 * width :][: 256 * own].reshape(256, own)
            dense[:, part * width : part * width + own] = table[codes[:, part]]
        if with_norms:
            norm_codes = self.array("u1", rows)
            dense *= self._quantiser()[4][norm_codes][:, None]
        return dense

    def _quantiser(self) -> tuple[int, int, int, int, np.ndarray]:
        dim, parts, width, last = self.take("4i")
        return dim, parts, width, last, self.array("<f4", dim * 256)


def _tree(counts: list[int]) -> tuple[np.ndarray, np.ndarray]:
    """(left, right) children of the Huffman tree over labels sorted by falling count; `<` decides ties."""
    n = len(counts)
    count = [*counts, *[NO_COUNT] * (n - 1)]
    left, right = np.full(2 * n - 1, -1, np.int32), np.full(2 * n - 1, -1, np.int32)
    leaf, node = n - 1, n
    for parent in range(n, 2 * n - 1):
        children = []
        for _ in range(2):
            if leaf >= 0 and count[leaf] < count[node]:
                children.append(leaf)
                leaf -= 1
            else:
                children.append(node)
                node += 1
        left[parent], right[parent] = children
        count[parent] = count[children[0]] + count[children[1]]
    return left, right
