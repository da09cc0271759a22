"""`fasttext(model = file)` with models of one's own: of any loss and size, what the library says of them."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from recipe_udfs.language import KernelModel, LibraryModel, _model, fasttext_language
from recipe_udfs.operator import Call

HIERARCHICAL, NEGATIVE, SOFTMAX, ONE_VS_ALL = 1, 2, 3, 4
END = "</s>"
WORDS = [
    END, "the", "a", "of", "der", "die", "das", "und", "le", "la", "les", "et", "word", "wort", "mot", "phare",
    "leuchtturm", "lighthouse", "été", "über",
]  # fmt: skip
LABELS = ["en", "deu_Latn", "fr", "zh"]
TEXTS = [
    "the lighthouse of the word", "der Leuchtturm und das Wort", "le phare et les mots été", "unknown words alone",
    "a", "über", "the </s> der die das", "灯台", "  the\nword\tof  a ", "__label__fr le", "", " \n", None,
]  # fmt: skip


def write_model(path: Path, *, loss: int, dim: int, ngrams: tuple[int, int] = (0, 0), word_ngrams: int = 1) -> Path:
    """A model of random numbers as fastText 0.9 saves one: version 12, dense matrices."""
    draw = np.random.default_rng(dim * 100 + loss)
    buckets = 64 if ngrams[1] or word_ngrams > 1 else 0
    out = struct.pack("<2i", 793712314, 12)
    out += struct.pack("<12id", dim, 5, 5, 1, 5, word_ngrams, loss, 3, buckets, *ngrams, 100, 1e-4)
    entries = [(word, 0) for word in WORDS] + [(f"__label__{label}", 1) for label in LABELS]
    out += struct.pack("<3i2q", len(entries), len(WORDS), len(LABELS), 1000, -1)
    for rank, (word, kind) in enumerate(entries):  # the more frequent first, as its dictionary is sorted
        out += word.encode() + b"\0" + struct.pack("<qb", 100 - rank, kind)
    for rows in (len(WORDS) + buckets, len(LABELS)):
        out += struct.pack("<?2q", False, rows, dim) + draw.normal(size=(rows, dim)).astype("<f4").tobytes()
    path.write_bytes(out)
    return path


MAKES = {
    "softmax": {"loss": SOFTMAX, "dim": 16},
    "softmax, small": {"loss": SOFTMAX, "dim": 5},
    "softmax, n-grams": {"loss": SOFTMAX, "dim": 16, "ngrams": (2, 4)},
    "softmax, pairs of words": {"loss": SOFTMAX, "dim": 16, "word_ngrams": 2},
    "hierarchical": {"loss": HIERARCHICAL, "dim": 16},
    "hierarchical, n-grams": {"loss": HIERARCHICAL, "dim": 16, "ngrams": (2, 4)},
    "hierarchical, large": {"loss": HIERARCHICAL, "dim": 100, "ngrams": (2, 4)},
    "negative sampling": {"loss": NEGATIVE, "dim": 16},
    "one vs all, n-grams": {"loss": ONE_VS_ALL, "dim": 8, "ngrams": (3, 3)},
}


def found(path: Path, texts: list[str | None]) -> list[tuple[str | None, float | None]]:
    column = pa.array(texts, pa.large_string())
    lang, score = fasttext_language({"text": column}, [Call("fasttext", {"model": str(path)})])[0]
    return list(zip(lang.to_pylist(), score.to_pylist(), strict=True))


@pytest.mark.parametrize("make", MAKES)
def test_it_says_what_the_library_says(make, tmp_path):
    import fasttext

    path = write_model(tmp_path / "own.bin", **MAKES[make])
    library, expected = fasttext.load_model(str(path)), []
    for text in TEXTS:
        line = (text or "").replace("\n", " ")
        labels, scores = library.predict(line) if line.strip() else ((), ())
        expected.append((labels[0].removeprefix("__label__"), float(np.float32(scores[0]))) if labels else (None, None))
    assert found(path, TEXTS) == expected
    assert len({lang for lang, _ in expected}) > 2, "a model that says one thing shows nothing"
    assert found(path, TEXTS[3:5]) == expected[3:5], "whatever the batch"


def test_a_softmax_is_the_softmax_of_the_words(tmp_path):
    """By plain arithmetic, without the library; it adds 1e-5 before it takes a logarithm."""
    path = write_model(tmp_path / "own.bin", loss=SOFTMAX, dim=16)
    data = path.read_bytes()
    size = 4 * 16 * len(LABELS)
    output = np.frombuffer(data[-size:], "<f4").reshape(-1, 16).astype(float)
    rows = np.frombuffer(data[-size - 17 - 4 * 16 * len(WORDS) : -size - 17], "<f4").reshape(-1, 16).astype(float)
    words = [WORDS.index(word) for word in ("der", "wort", "und", END)]
    scores = output @ rows[words].mean(axis=0)
    shares = np.exp(scores - scores.max()) / np.exp(scores - scores.max()).sum()
    ((lang, score),) = found(path, ["der wort und"])
    assert lang == LABELS[int(shares.argmax())] and score == pytest.approx(shares.max() + 1e-5, abs=1e-5)


def test_which_of_them_the_kernel_takes(tmp_path):
    kinds = {make: type(_model(str(write_model(tmp_path / f"{i}.bin", **MAKES[make])))) for i, make in enumerate(MAKES)}
    assert {make for make, kind in kinds.items() if kind is KernelModel} == {"hierarchical, n-grams"}
    assert set(kinds.values()) == {KernelModel, LibraryModel}


@pytest.mark.parametrize("data", [b"", b"no model", struct.pack("<2i", 793712314, 99)])
def test_a_file_that_is_no_model_is_said_by_the_library(data, tmp_path):
    path = tmp_path / "own.bin"
    path.write_bytes(data)
    with pytest.raises(ValueError, match="own.bin"):
        found(path, ["a text"])
