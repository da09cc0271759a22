"""The embedded models: the cards tell the truth, the scores are pinned, and they spread as percentiles need."""

from __future__ import annotations

import hashlib
import re
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from recipe_udfs.onnx_scores import onnx_scores
from recipe_udfs.operator import Call
from recipe_udfs.tokens import count_tokens
from udf_texts import characters, columns, texts

ROOT = Path(__file__).resolve().parents[2]
STANDARD = ROOT / "recipes" / "std"
FILES = {"bpe": STANDARD / "bpe.json", "edu": STANDARD / "edu.onnx", "tidy": STANDARD / "tidy.onnx"}
LARGEST = {"bpe": 500_000, "edu": 1_500_000, "tidy": 1_500_000}

LECTURE = (
    "Water boils when the pressure of its vapour is the same as that of the air above it. Because the air is thinner "
    "on a mountain, its pressure is lower there, and therefore water boils at a lower temperature than at the coast. "
    "For example, at a height of three thousand metres it boils at about ninety degrees, which means that an egg needs "
    "longer."
)
MENU = "Home | About us | Contact | Login | Cart (0)\nSALE!!! BUY NOW\n© 2026 All rights reserved\nRead more...\n#deal"
CODE = "for i in range(10):\n    x[i] = foo(bar, i) if i % 2 else None\n    assert x[i] is not None, repr(x)"


@pytest.fixture(scope="module")
def training():
    """The training scripts, as modules."""
    sys.path.insert(0, str(ROOT / "scripts" / "train"))
    try:
        import cards
        import edu
        import tidy

        yield {"edu": edu, "tidy": tidy, "cards": cards}
    finally:
        sys.path.remove(str(ROOT / "scripts" / "train"))


def card(name: str) -> dict[str, str]:
    lines = (STANDARD / f"{name}.md").read_text().splitlines()
    rows = (re.fullmatch(r"\| (\w.*?) \| (.+) \|", line) for line in lines)
    return dict(row.groups() for row in rows if row)


def figure(text: str) -> float:
    return float(re.match(r"[\d.]+", text)[0])


def scores(name: str, values) -> list[float | None]:
    args = {"file": str(FILES[name]), "max_tokens": None, "clamp": None, "device": "cpu"}
    return onnx_scores({"text": pa.array(values, pa.large_string())}, [Call("onnx", args)])[0][0].to_pylist()


# ---- cards ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", FILES)
def test_the_card_is_of_this_file(name):
    path, rows = FILES[name], card(name)
    assert rows["SHA-256"] == f"`{hashlib.sha256(path.read_bytes()).hexdigest()}`"
    assert rows["Size"] == f"{path.stat().st_size:,} bytes"
    assert path.stat().st_size < LARGEST[name]
    assert f"scripts/train/{name}.py" in rows["Made by"]
    assert (ROOT / "scripts" / "train" / f"{name}.py").is_file()


@pytest.mark.parametrize("name", ["edu", "tidy"])
def test_the_quality_is_what_the_card_says(name, training):
    """Measured again on other pages of the held-out documents of this machine, through the operator."""
    made, labels = training[name].pages(held_out=True, count=300, seed=77)
    found, rows = np.array(scores(name, made)), card(name)
    assert training["cards"].spearman(found, labels) == pytest.approx(figure(rows["Spearman"]), abs=0.04)
    assert np.abs(found - labels).mean() == pytest.approx(figure(rows["Mean absolute error"]), rel=0.25)
    assert len(np.unique(found)) >= 270, "twenty buckets need scores that differ"


def test_spearman_and_auc(training):
    cards, rng = training["cards"], np.random.default_rng(1)
    a = rng.standard_normal(500).round(1)
    b = a + rng.standard_normal(500)
    from scipy.stats import mannwhitneyu, spearmanr

    assert cards.spearman(a, b) == pytest.approx(spearmanr(a, b).statistic)
    positive = b > 0
    expected = mannwhitneyu(a[positive], a[~positive]).statistic / positive.sum() / (~positive).sum()
    assert cards.auc(a, positive) == pytest.approx(expected)


# ---- scores --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "expected"),
    [("edu", [3.7753, 0.5919, 1.5456, 1.7918]), ("tidy", [0.7852, 0.0528, 0.1742, 0.0583])],
)
def test_scores_of_pinned_texts(name, expected):
    """To 1e-3; to the last digit they are pinned with the operator's version."""
    found = scores(name, [LECTURE, MENU, CODE, "", None])
    assert found[4] is None
    assert found[:4] == pytest.approx(expected, abs=1e-3)


@pytest.mark.parametrize("name", ["edu", "tidy"])
def test_a_lecture_is_better_than_a_menu_and_code(name):
    lecture, menu, code = scores(name, [LECTURE, MENU, CODE])
    assert lecture > max(menu, code) + (1 if name == "edu" else 0.4)


@pytest.mark.parametrize(("name", "most"), [("edu", 5), ("tidy", 1)])
@settings(max_examples=40, deadline=None)
@given(values=columns)
def test_every_text_has_a_score_in_range(name, most, values):
    for value, score in zip(values, scores(name, values), strict=True):
        assert (score is None) == (value is None)
        assert score is None or 0 <= score <= most


def test_what_stands_behind_the_limit_does_not_matter():
    for name, limit in (("edu", 8_192), ("tidy", 16_384)):
        text = (LECTURE + "\n") * 100
        assert scores(name, [text, text[:limit] + MENU * 9]) == scores(name, [text]) * 2


def plain_counts(text: str, buckets: int, words: tuple[int, int], characters: tuple[int, int]) -> list[int]:
    """`ngram_kernels`, as its first lines describe it."""
    whole = (1 << 64) - 1
    base = 0x9E3779B97F4A7C15

    def mix(x: int) -> int:
        x = (x ^ x >> 30) * 0xBF58476D1CE4E5B9 & whole
        x = (x ^ x >> 27) * 0x94D049BB133111EB & whole
        return x ^ x >> 31

    lowered = re.sub(rb"[0-9]", b"0", re.sub(rb"[A-Z]", lambda m: m[0].lower(), b"\n" + text.encode() + b"\n"))
    data = re.sub(rb"[\t\n\v\f\r ]+", lambda m: b"\n" if b"\n" in m[0] else b" ", lowered)
    found = [0] * buckets
    for n in range(max(1, characters[0]), characters[1] + 1):
        for i in range(len(data) - n + 1):
            key = int.from_bytes(data[i : i + n], "big") ^ 0x243F6A8885A308D3 * n & whole
            found[mix(key) & buckets - 1] += 1
    hashes = []
    for word in re.findall(rb"\n|[^\n ]+", data):
        h = 0
        for byte in word:
            h = (h * base + byte) & whole
        hashes.append(mix(10) if word == b"\n" else mix(h + len(word) & whole))
    for n in range(max(1, words[0]), words[1] + 1):
        for i in range(len(hashes) - n + 1):
            key = 0
            for place, h in enumerate(reversed(hashes[i : i + n])):
                key = h if place == 0 else (key * base + h) & whole
            found[mix(key ^ 0x13198A2E03707344 * n & whole) & buckets - 1] += 1
    return found


@settings(max_examples=80, deadline=None)
@given(
    values=st.lists(texts, max_size=4),
    words=st.sampled_from([(0, 0), (1, 1), (1, 2), (2, 4)]),
    grams=st.sampled_from([(0, 0), (1, 1), (3, 4), (5, 8), (8, 8)]),
)
def test_ngrams_are_counted_as_described(values, words, grams):
    from recipe_udfs import ngram_kernels as k
    from recipe_udfs.buffers import utf8_views

    data, offsets, _ = utf8_views(pa.array(values, pa.large_string()))
    counts = np.zeros((len(values), 64), np.float32)
    k.count_ngrams(data, offsets[:-1], offsets[1:], k.byte_map(), words, grams, counts)
    assert counts.tolist() == [plain_counts(value, 64, words, grams) for value in values]


# ---- the tokenizer -------------------------------------------------------------------------------


def exact():
    from tokenizers import Tokenizer

    return Tokenizer.from_file(str(FILES["bpe"]))


def test_the_tokenizer_is_that_of_the_card_and_of_edu():
    import onnx

    assert f"{exact().get_vocab_size()} tokens" == card("bpe")["Vocabulary"]
    metadata = {one.key: one.value for one in onnx.load(FILES["edu"]).metadata_props}
    assert metadata["recipec.tokenizer"] == FILES["bpe"].read_text()


@settings(max_examples=150, deadline=None)
@given(text=texts | st.text(characters, max_size=200))
def test_tokens_give_the_text_back(text):
    assert exact().decode(exact().encode(text).ids, skip_special_tokens=False) == text


def test_every_token_has_its_id_once():
    vocabulary = exact().get_vocab()
    assert sorted(vocabulary.values()) == list(range(len(vocabulary)))
    assert vocabulary["<|endoftext|>"] == 0


@settings(max_examples=60, deadline=None)
@given(values=columns)
def test_both_libraries_count_the_same(values):
    values = [*values, "<|endoftext|> and <|endoftext|>", LECTURE]
    counted = count_tokens({"text": pa.array(values)}, [Call("tokens", {"tokenizer": str(FILES["bpe"])})])[0][0]
    one = exact()
    expected = [None if v is None else len(one.encode(v, add_special_tokens=False).ids) for v in values]
    assert counted.to_pylist() == expected


def test_the_tokenizer_is_of_use():
    assert len(LECTURE.encode()) / len(exact().encode(LECTURE).ids) > 3
