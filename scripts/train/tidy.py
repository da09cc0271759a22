"""Makes recipes/std/tidy.onnx, a small regression of how clean a text is, 0 to 1, over hashed n-grams, and its card.

    python scripts/train/tidy.py

**Data rule.** A page is put together from clean and untidy lines, and its label is the share of its bytes that are
clean. Clean: running paragraphs of `corpus` (12 words or more, ending as a sentence does). Untidy: source code, file
lists, list items without a sentence, a site's furniture (`furniture`), and clean paragraphs spoiled (SPOIL: capitals,
lost punctuation, cut lines, repetition, broken encodings, markup left in). How much of a page is clean is drawn
evenly from 0 to 1, now and then nothing or all. Held-out pages are made of held-out documents alone.

**Model.** log(1 + count) of hashed word and character n-grams, scaled to length 1 → 16 hidden units → one number.
"""

from __future__ import annotations

import re
from collections.abc import Callable

import numpy as np
from cards import auc, sha256, spearman, write_card
from corpus import STANDARD, pieces
from furniture import furniture
from net import Adam, forward, gradients, head, head_nodes, minibatches, save

PAGES, HELD_OUT_PAGES = 12_000, 1_500
MAX_BYTES = 16_384
BUCKETS, WORDS, CHARACTERS, HIDDEN = 4_096, (1, 2), (3, 4), 16


def shout(rng: np.random.Generator, text: str) -> str:
    return text.upper()


def unpunctuate(rng: np.random.Generator, text: str) -> str:
    return re.sub(r"[^\w\s]", "", text).lower()


def cut_lines(rng: np.random.Generator, text: str) -> str:
    words = text.split()
    width = int(rng.integers(3, 8))
    return "\n".join(" ".join(words[i : i + width]) + "..." for i in range(0, len(words), 2 * width))


def repeat(rng: np.random.Generator, text: str) -> str:
    return "\n".join([text[: int(rng.integers(30, 90))]] * int(rng.integers(3, 8)))


def break_encoding(rng: np.random.Generator, text: str) -> str:
    marks = ("Ã©", "â€™", "â€œ", "Â ", "\ufffd", "ï¿½", "&amp;", "&nbsp;", "&#39;")
    return "".join(c + (marks[rng.integers(len(marks))] if c in " eait" and rng.random() < 0.2 else "") for c in text)


def mark_up(rng: np.random.Generator, text: str) -> str:
    tags = ('<div class="item">', "</span>", "<br />", '<a href="/p?id=7">', "{{ title }}", "[/quote]", "<td>", "</li>")
    return " ".join(word + (tags[rng.integers(len(tags))] if rng.random() < 0.25 else "") for word in text.split())


def stuff(rng: np.random.Generator, text: str) -> str:
    return ", ".join(rng.permutation(text.split()).tolist())


SPOIL: tuple[Callable[[np.random.Generator, str], str], ...] = (
    shout,
    unpunctuate,
    cut_lines,
    repeat,
    break_encoding,
    mark_up,
    stuff,
)


def is_clean(text: str) -> bool:
    return len(text.split()) >= 12 and text.rstrip()[-1:] in ".!?" and "  " not in text


def pages(held_out: bool, count: int, seed: int) -> tuple[list[str], np.ndarray]:
    """(texts, labels) made by the data rule from one part of the corpus."""
    rng = np.random.default_rng(seed)
    clean, code, items = [], [], []
    for piece in pieces(held_out):
        if piece.body in ("sources", "lists"):
            code.append(piece.text)
        elif piece.kind == "p" and is_clean(piece.text):
            clean.append(piece.text)
        elif piece.kind == "li" and len(piece.text.split()) < 12:
            items.append(f"- {piece.text}")

    def one(of: list[str]) -> str:
        return of[rng.integers(len(of))]

    def untidy() -> str:
        kind = rng.random()
        if kind < 0.15:
            return one(code)
        if kind < 0.25:
            return "\n".join(one(items) for _ in range(rng.integers(2, 7)))
        if kind < 0.6:
            return furniture(rng)
        return SPOIL[rng.integers(len(SPOIL))](rng, one(clean))

    texts, labels = [], []
    for _ in range(count):
        wanted = float(np.clip(rng.random() * 1.2 - 0.1, 0, 1))
        lines = []
        for _ in range(rng.integers(3, 16)):
            tidy = rng.random() < wanted
            lines.append((one(clean) if tidy else untidy(), tidy))
        sizes = np.array([len(text.encode()) for text, _ in lines], float)
        labels.append(float(sizes @ [tidy for _, tidy in lines] / sizes.sum()))
        texts.append("\n".join(text for text, _ in lines))
    return texts, np.array(labels, np.float32)


def features(texts: list[str]) -> np.ndarray:
    """float32[texts, buckets]: what the model makes of the counts that the scorer gives it."""
    import pyarrow as pa
    from recipe_udfs import ngram_kernels as k
    from recipe_udfs.buffers import utf8_views

    cut = [text.encode()[:MAX_BYTES].decode(errors="ignore") for text in texts]
    data, offsets, _ = utf8_views(pa.array(cut, pa.large_string()))
    counts = np.zeros((len(texts), BUCKETS), np.float32)
    k.count_ngrams(data, offsets[:-1], offsets[1:], k.byte_map(), WORDS, CHARACTERS, counts)
    np.log1p(counts, out=counts)
    counts /= np.maximum(np.sqrt((counts * counts).sum(axis=1, keepdims=True)), 1)
    return counts


def train(x: np.ndarray, labels: np.ndarray, seed: int = 1, epochs: int = 20) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    weights = head(rng, BUCKETS, HIDDEN)
    weights["w1"] *= np.float32(np.sqrt(BUCKETS / 8))  # rows of x have length 1
    adam = Adam(weights, rate=3e-3, decay=2e-3)
    for rows, rate in minibatches(rng, len(labels), 128, epochs):
        own, _ = gradients(weights, x[rows], labels[rows])
        adam.step(own, rate)
    return weights


def export(path, weights: dict[str, np.ndarray]) -> None:
    from onnx import TensorProto, helper

    nodes, constants = head_nodes("unit", 1.0)
    before = [
        helper.make_node("Add", ["counts", "one"], ["more"]),
        helper.make_node("Log", ["more"], ["logs"]),
        helper.make_node("ReduceL2", ["logs"], ["length"], axes=[1], keepdims=1),
        helper.make_node("Max", ["length", "one"], ["divisor"]),
        helper.make_node("Div", ["logs", "divisor"], ["unit"]),
    ]
    save(path, "tidy", [*before, *nodes], {"counts": (TensorProto.FLOAT, ["rows", BUCKETS])},
         {**weights, **constants, "one": np.float32(1)},
         {"recipec.input": "hashed_ngrams", "recipec.buckets": str(BUCKETS), "recipec.words": "{} {}".format(*WORDS),
          "recipec.characters": "{} {}".format(*CHARACTERS), "recipec.max_bytes": str(MAX_BYTES)})  # fmt: skip


def main() -> None:
    texts, labels = pages(held_out=False, count=PAGES, seed=1)
    weights = train(features(texts), labels)
    texts, labels = pages(held_out=True, count=HELD_OUT_PAGES, seed=2)
    scores = np.round(forward(weights, features(texts))[1], 4)
    path = STANDARD / "tidy.onnx"
    export(path, weights)
    write_card("tidy", "A small regression of how clean a text is, 0 to 1. Its labels come from a rule, not from "
               "people: it is a default to try a recipe with, not a judge of the web.", {
        "Kind": f"word n-grams of {WORDS[0]} to {WORDS[1]} and character n-grams of {CHARACTERS[0]} to "
                f"{CHARACTERS[1]}, hashed into {BUCKETS:,} buckets, {HIDDEN} hidden units, one number; "
                f"the first {MAX_BYTES:,} bytes",
        "Data rule": "pages put together from clean and untidy lines of `scripts/train/corpus.py` and "
                     "`scripts/train/furniture.py`; the label is the share of clean bytes; exactly in "
                     "`scripts/train/tidy.py`",
        "Trained on": f"{PAGES:,} pages, by Adam in NumPy",
        "Held out": f"{HELD_OUT_PAGES:,} pages made by the same rule of documents it was not trained on, without any "
                    "piece that training has too; a site's furniture comes from the same word lists in both",
        "Spearman": f"{spearman(scores, labels):.3f} with the rule's labels",
        "Mean absolute error": f"{np.abs(scores - labels).mean():.3f}",
        "AUC": f"{auc(scores, labels >= 0.5):.3f} for pages that are at least half clean against the rest",
        "Distinct scores": f"{len(np.unique(scores)):,} of {len(scores):,}, from {scores.min():.2f} to "
                           f"{scores.max():.2f}",
        "Made by": "`python scripts/train/tidy.py`; other text on another machine gives another file",
        "Size": f"{path.stat().st_size:,} bytes",
        "SHA-256": f"`{sha256(path)}`",
    })  # fmt: skip


if __name__ == "__main__":
    main()
