"""The ONNX operator: what a score is, that its batch does not matter, which device computes it."""

from __future__ import annotations

import math
import pickle
from pathlib import Path

import numpy as np
import onnxruntime
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper
from onnx_models import IDS, ngram_model, saved, scores, token_model
from recipe_udfs import onnx_scores
from recipe_udfs.onnx_file import OnnxError
from recipe_udfs.operator import Call
from udf_texts import columns, shapes, texts

STANDARD = Path(__file__).resolve().parents[2] / "recipes" / "std"


def scores_of_floats(folder, *floats: float) -> list[float]:
    """What becomes of numbers that a model gives: it takes the n-th for a text of n words."""
    nodes = (
        helper.make_node("ReduceSum", ["counts", "axis"], ["n"], keepdims=0),
        helper.make_node("Cast", ["n"], ["i"], to=TensorProto.INT64),
        helper.make_node("Gather", ["table", "i"], ["score"]),
    )
    table = np.array([0, 0, 0, *floats], np.float32)  # the two newlines are words
    path = saved(folder, ngram_model(*nodes, output=("rows",), constants=[(table, "table")]))
    return scores(path, ["w " * n for n in range(1, len(floats) + 1)])


# ---- what a score is -----------------------------------------------------------------------------


def test_hashed_words_are_counted(tmp_path):
    path = saved(tmp_path, ngram_model())
    # each text stands between newlines, which are words, as is each newline within it
    assert scores(path, ["one two", "", "a\n\nb", None, " \t "]) == [4.0, 1.0, 5.0, None, 1.0]


def test_tokens_are_cut_masked_and_padded(tmp_path):
    path = saved(tmp_path, token_model())
    (one,) = scores(path, ["a"])
    assert scores(path, ["", "a" * 5, "a" * 16, "a" * 17, "a" * 100, "a" * 300, None]) == [
        0.0, *(pytest.approx(n * one, abs=1e-3) for n in (5, 16, 17, 100, 100)), None
    ]  # fmt: skip
    assert [math.floor(x) for x in scores(path, ["a" * 50], max_tokens=7)] == [7]
    assert scores(path, ["a" * 300], max_tokens=5_000) == scores(path, ["a" * 300]), "the model's own limit stays"


def test_text_is_cut_at_a_character(tmp_path):
    path = saved(tmp_path, token_model({"recipec.max_bytes": "6"}))
    short = saved(tmp_path, token_model(), "whole.onnx")
    cuts = {"aaaé🙂🙂": "aaaé", "🙂🙂x": "🙂", "éééé": "ééé", "abcdef": "abcdef", "abcdefg": "abcdef"}
    for text, cut in cuts.items():
        assert scores(path, [text]) == scores(short, [cut])


def test_special_tokens_and_a_tokenizer_that_is_no_bpe(tmp_path):
    from tokenizers import Tokenizer, models, pre_tokenizers, processors

    made = Tokenizer(models.WordLevel({"[UNK]": 0, "[CLS]": 1, "[SEP]": 2, "a": 3}, unk_token="[UNK]"))
    made.pre_tokenizer = pre_tokenizers.Whitespace()
    made.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 1), ("[SEP]", 2)]
    )
    own = {"recipec.tokenizer": made.to_str(), "recipec.max_tokens": "4"}
    plain = saved(tmp_path, token_model(own), "plain.onnx")
    special = saved(tmp_path, token_model({**own, "recipec.special_tokens": "true"}), "special.onnx")
    assert scores(plain, ["a a b", ""]) == [3.006, 0.0]
    assert scores(special, ["a", "a a a a", ""]) == [3.006, 4.009, 2.003], "cut within, its end token stays"


def test_token_type_ids_are_zeros(tmp_path):
    made = token_model(inputs={"input_ids": IDS, "attention_mask": IDS, "token_type_ids": IDS})
    assert scores(saved(tmp_path, made), ["abc"]) == scores(saved(tmp_path, token_model(), "two.onnx"), ["abc"])


def test_numbers_are_rounded_and_not_finite_ones_are_nan(tmp_path):
    found = scores_of_floats(tmp_path, 0.12344, 0.12346, -0.00001, math.nan, math.inf, -math.inf, 7.5)
    assert found[:3] == [0.1234, 0.1235, 0.0]
    assert math.copysign(1, found[2]) == 1
    assert all(math.isnan(x) for x in found[3:6])
    assert found[6] == 7.5


def test_clamp(tmp_path):
    path = saved(tmp_path, ngram_model())
    values = ["", "a b c d e"]
    assert scores(path, values, clamp=(2, 5)) == [2.0, 5.0]
    assert scores(path, values, clamp=(None, 3)) == [1.0, 3.0]
    assert scores(path, values, clamp=[2, None]) == [2.0, 7.0]


def test_nan_is_not_clamped(tmp_path):
    nan = helper.make_node("Mul", ["sum", "nan"], ["score"])
    made = ngram_model(
        helper.make_node("ReduceSum", ["counts", "axis"], ["sum"]), nan, constants=[(np.float32(math.nan), "nan")]
    )
    assert all(math.isnan(x) for x in scores(saved(tmp_path, made), ["a", ""], clamp=(0, 5)))


def test_no_rows_and_only_nulls(tmp_path):
    for path in (saved(tmp_path, ngram_model()), saved(tmp_path, token_model(), "tokens.onnx")):
        assert scores(path, pa.array([], pa.large_string())) == []
        assert scores(path, pa.array([None, None], pa.large_string())) == [None, None]


# ---- the batch does not matter -------------------------------------------------------------------

EMBEDDED = [str(STANDARD / "edu.onnx"), str(STANDARD / "tidy.onnx")]


@pytest.mark.parametrize("path", EMBEDDED, ids=["edu", "tidy"])
@settings(max_examples=40, deadline=None)
@given(values=columns)
def test_every_shape_of_column_gives_the_same(path, values):
    alone = [None if value is None else scores(path, [value])[0] for value in values]
    for column in shapes(values):
        call = Call("onnx", {"file": path, "max_tokens": None, "clamp": None, "device": "cpu"})
        assert onnx_scores.onnx_scores({"text": column}, [call])[0][0].to_pylist() == alone


@pytest.mark.parametrize("path", EMBEDDED, ids=["edu", "tidy"])
@settings(max_examples=15, deadline=None)
@given(some=st.lists(st.tuples(texts, st.integers(1, 40)), min_size=2, max_size=90), turn=st.randoms())
def test_a_score_is_bit_for_bit_that_of_the_text_alone(path, some, turn, monkeypatch_module):
    """Before rounding, so that a difference cannot hide in it."""
    monkeypatch_module.setattr(onnx_scores, "DECIMALS", 17)
    values = [text * times for text, times in some]
    alone = {value: scores(path, [value])[0] for value in set(values)}
    turn.shuffle(values)
    assert scores(path, values) == [alone[value] for value in values]


@pytest.fixture(scope="module")
def monkeypatch_module():
    with pytest.MonkeyPatch.context() as patch:
        yield patch


def test_a_model_that_looks_at_the_whole_batch_gets_single_rows(tmp_path):
    nodes = (
        helper.make_node("DynamicQuantizeLinear", ["counts"], ["bytes", "scale", "zero"]),
        helper.make_node("DequantizeLinear", ["bytes", "scale", "zero"], ["about"]),
        helper.make_node("ReduceL2", ["about"], ["score"], axes=[1], keepdims=1),
    )
    path = saved(tmp_path, ngram_model(*nodes))
    values = ["a b c", "a " * 200, "x y"]
    assert scores(path, values) == [scores(path, [value])[0] for value in values]


# ---- devices -------------------------------------------------------------------------------------


def test_cuda_is_never_replaced_in_silence(monkeypatch):
    with pytest.raises(OnnxError) as caught:
        scores(EMBEDDED[1], ["a"], device="cuda")
    assert "cuda is asked for" in caught.value.message
    assert "recipec[gpu]" in caught.value.remedy


def test_cuda_that_onnxruntime_names_and_cannot_load(monkeypatch):
    """onnxruntime then warns and opens a session on the CPU."""
    monkeypatch.setattr(
        onnxruntime, "get_available_providers", lambda: ["CUDAExecutionProvider", "CPUExecutionProvider"]
    )
    real = onnxruntime.InferenceSession
    monkeypatch.setattr(
        onnxruntime, "InferenceSession", lambda data, options, providers: real(data, options, ["CPUExecutionProvider"])
    )
    with pytest.raises(OnnxError, match="could not be loaded"):
        scores(EMBEDDED[1], ["a"], device="cuda")


def test_an_unknown_device():
    with pytest.raises(OnnxError, match="'tpu'"):
        scores(EMBEDDED[1], ["a"], device="tpu")


# ---- the session ---------------------------------------------------------------------------------


def test_the_session_is_kept_until_the_file_changes(tmp_path, monkeypatch):
    opened = []
    real = onnxruntime.InferenceSession
    monkeypatch.setattr(onnxruntime, "InferenceSession", lambda *a, **k: opened.append(1) or real(*a, **k))
    path = saved(tmp_path, ngram_model())
    assert scores(path, ["a b"]) == scores(path, ["a b"]) == [4.0]
    assert len(opened) == 1
    saved(tmp_path, ngram_model(helper.make_node("ReduceMax", ["counts"], ["score"], axes=[1], keepdims=1)))
    assert scores(path, ["a b"]) == [2.0]
    assert len(opened) == 2


def test_the_error_travels_from_a_worker():
    error = OnnxError("what", remedy="do this")
    again = pickle.loads(pickle.dumps(error))
    assert (again.message, again.remedy, str(again)) == ("what", "do this", "what\n  help: do this")
