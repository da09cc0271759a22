"""Token counts are those of `tokenizers`, and a library that disagrees stops the run."""

from __future__ import annotations

import pyarrow as pa
import pytest
from hypothesis import given, settings
from recipe_udfs import tokens
from recipe_udfs.operator import Call
from udf_texts import columns, shapes


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory) -> str:
    """A small byte-level BPE tokenizer, trained here; its file asks for truncation, which counts ignore."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

    made = Tokenizer(models.BPE())
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=400, special_tokens=["<|end|>"], initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )  # fmt: skip
    made.train_from_iterator(["the lighthouse on the cape was built in the year of the storm"] * 20, trainer)
    made.enable_truncation(4)
    path = tmp_path_factory.mktemp("tokenizer") / "tokenizer.json"
    made.save(str(path))
    return str(path)


def count(column, path: str) -> list[int | None]:
    result = tokens.count_tokens({"text": column}, [Call("tokens", {"tokenizer": path})])[0][0]
    assert result.type == pa.int64()
    return result.to_pylist()


def expected(values, path: str) -> list[int | None]:
    from tokenizers import Tokenizer

    exact = Tokenizer.from_file(path)
    exact.no_truncation()
    return [None if v is None else len(exact.encode(v, add_special_tokens=False).ids) for v in values]


@settings(max_examples=60, deadline=None)
@given(columns)
def test_counts_are_those_of_tokenizers(tokenizer, values):
    for column in shapes(values):
        assert count(column, tokenizer) == expected(values, tokenizer)


def test_truncation_in_the_file_is_ignored(tokenizer):
    assert count(pa.array(["the lighthouse " * 50, None, ""]), tokenizer)[0] > 50
    assert count(pa.array([None, ""]), tokenizer) == [None, 0]


def test_a_difference_stops_the_run(tokenizer, monkeypatch):
    class Short:
        def encode_batch_flat(self, texts, add_special_tokens):
            from numpy import arange, uint64

            return b"", (arange(len(texts) + 1, dtype=uint64) * uint64(0)).tobytes()

    monkeypatch.setattr(tokens, "_fast", lambda path: Short())
    texts = [f"the lighthouse {i}" for i in range(3_000)]
    with pytest.raises(tokens.TokenizersDisagree, match="fastokens finds 0 tokens, tokenizers"):
        count(pa.array(texts), tokenizer)


def test_which_texts_are_checked_depends_on_the_text_alone(tokenizer, monkeypatch):
    checked = []
    exact = tokens._exact(tokenizer)

    class Counting:
        def encode(self, text, add_special_tokens):
            checked.append(text)
            return exact.encode(text, add_special_tokens=add_special_tokens)

    monkeypatch.setattr(tokens, "_exact", lambda path: Counting())
    texts = [f"storm {i}" for i in range(2_000)]
    count(pa.array(texts), tokenizer)
    first, checked[:] = set(checked), []
    for part in (texts[:700], texts[700:]):
        count(pa.array(part), tokenizer)
    assert first == set(checked)
    assert 2 <= len(first) <= 40
