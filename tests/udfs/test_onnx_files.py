"""Model files that are refused, hostile or broken or no scorers, nearly all before a session opens."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper
from onnx_models import IDS, NGRAMS, model, ngram_model, saved, scores, token_model
from recipe_udfs.onnx_file import OnnxError

STANDARD = Path(__file__).resolve().parents[2] / "recipes" / "std"

# ---- refused, before a session opens -------------------------------------------------------------


@pytest.fixture
def no_session(monkeypatch):
    def opened(*args, **kwargs):
        raise AssertionError("a session was opened")

    monkeypatch.setattr(onnxruntime, "InferenceSession", opened)


def external() -> onnx.ModelProto:
    tensor = TensorProto(name="far", data_type=TensorProto.FLOAT, dims=[16, 1], data_location=TensorProto.EXTERNAL)
    tensor.external_data.add(key="location", value="../x")
    return ngram_model(helper.make_node("MatMul", ["counts", "far"], ["score"]), constants=[tensor])


def external_in_a_branch() -> onnx.ModelProto:
    made = external()
    (tensor,) = (one for one in made.graph.initializer if one.name == "far")
    branch = helper.make_graph(
        [helper.make_node("Constant", [], ["inside"], value=tensor)], "branch", [],
        [helper.make_tensor_value_info("inside", TensorProto.FLOAT, [16, 1])],
    )  # fmt: skip
    return ngram_model(
        helper.make_node("If", ["true"], ["far"], then_branch=branch, else_branch=branch),
        helper.make_node("MatMul", ["counts", "far"], ["score"]), constants=[(np.array(True), "true")],
    )  # fmt: skip


def huge_tensor() -> onnx.ModelProto:
    tensor = TensorProto(name="huge", data_type=TensorProto.FLOAT, dims=[1 << 40, 1 << 20], raw_data=b"0000")
    return ngram_model(helper.make_node("MatMul", ["counts", "huge"], ["score"]), constants=[tensor])


def short_tensor() -> onnx.ModelProto:
    tensor = TensorProto(name="short", data_type=TensorProto.FLOAT, dims=[16, 1], raw_data=b"0000")
    return ngram_model(helper.make_node("MatMul", ["counts", "short"], ["score"]), constants=[tensor])


def huge_value() -> onnx.ModelProto:
    return ngram_model(
        helper.make_node("Mul", ["size", "size"], ["square"]),
        helper.make_node("ConstantOfShape", ["square"], ["huge"]),
        helper.make_node("ReduceSum", ["huge"], ["sum"], keepdims=0),
        helper.make_node("ReduceSum", ["counts", "axis"], ["n"]),
        helper.make_node("Add", ["n", "sum"], ["score"]),
        constants=[(np.array([1 << 20, 2]), "size")],
    )


def with_operator(op_type: str, domain: str = "", opsets=(("", 17),)) -> onnx.ModelProto:
    node = helper.make_node(op_type, ["counts"], ["score"], domain=domain)
    return ngram_model(node, opsets=opsets)


HOSTILE = {
    "external data": (external, "lies in another file"),
    "external data in a branch": (external_in_a_branch, "lies in another file"),
    "huge tensor": (huge_tensor, "has the shape"),
    "short tensor": (short_tensor, "says 16 elements and holds 1"),
    "huge value": (huge_value, "would have the shape"),
    "custom domain": (lambda: with_operator("Evil", "evil", (("", 17), ("evil", 1))), "of the domain 'evil'"),
    "domain that is not declared": (lambda: with_operator("Evil", "evil"), "evil.Evil is not of the standard"),
    "contrib operator": (
        lambda: with_operator("Gelu", "com.microsoft", (("", 17), ("com.microsoft", 1))),
        "com.microsoft",
    ),
    "unknown operator": (lambda: with_operator("Evil"), "ai.onnx.Evil is not of the standard"),
    "newer opset": (lambda: ngram_model(opsets=(("", 4_000),)), "needs opset 4000"),
    "random": (lambda: with_operator("RandomUniformLike"), "other scores each time"),
    "unknown input": (lambda: ngram_model(helper.make_node("Relu", ["nowhere"], ["score"])), "checker"),
}


@pytest.mark.parametrize("case", HOSTILE)
def test_a_hostile_model_is_refused(case, tmp_path, no_session):
    make, says = HOSTILE[case]
    path = saved(tmp_path, make())
    with pytest.raises(OnnxError) as caught:
        scores(path, ["a"])
    assert says in caught.value.message
    assert caught.value.remedy
    assert path in caught.value.message


def test_a_loop_is_refused(tmp_path, no_session):
    body = helper.make_graph(
        [helper.make_node("Identity", ["go"], ["on"])], "body",
        [
            helper.make_tensor_value_info("i", TensorProto.INT64, []),
            helper.make_tensor_value_info("go", TensorProto.BOOL, []),
        ],
        [helper.make_tensor_value_info("on", TensorProto.BOOL, [])],
    )  # fmt: skip
    made = ngram_model(
        helper.make_node("Loop", ["", "true"], [], body=body),
        helper.make_node("ReduceSum", ["counts", "axis"], ["score"]),
        constants=[(np.array(True), "true")],
    )  # fmt: skip
    with pytest.raises(OnnxError, match="may run without end"):
        scores(saved(tmp_path, made), ["a"])


def test_model_functions_are_refused(tmp_path, no_session):
    made = ngram_model()
    made.functions.add(name="Mine", domain="mine")
    with pytest.raises(OnnxError, match="functions"):
        scores(saved(tmp_path, made), ["a"])


def test_a_model_that_onnxruntime_would_read_in_its_own_format(tmp_path, no_session):
    """Whole as ONNX, and yet onnxruntime would take it for something that was not looked through."""
    made = ngram_model()
    made.producer_name = "ORTM" + "x" * 20
    assert made.SerializeToString()[4:8] == b"ORTM"
    with pytest.raises(OnnxError, match="own format"):
        scores(saved(tmp_path, made), ["a"])


def test_every_truncation_is_refused(tmp_path, no_session):
    whole = (STANDARD / "tidy.onnx").read_bytes()
    path = tmp_path / "cut.onnx"
    for size in (0, 1, 10, 1_000, len(whole) // 2, len(whole) - 1):
        path.write_bytes(whole[:size])
        with pytest.raises(OnnxError):
            scores(str(path), ["a"])


@pytest.mark.parametrize("content", [b"<html>not found</html>", b"\x00" * 100, b"{}", b"\xff" * 50, "é".encode() * 9])
def test_what_is_no_onnx_is_refused(content, tmp_path, no_session):
    path = tmp_path / "no.onnx"
    path.write_bytes(content)
    with pytest.raises(OnnxError, match="no ONNX"):
        scores(str(path), ["a"])


def test_a_missing_file_and_a_folder(tmp_path, no_session):
    for path in (tmp_path / "none.onnx", tmp_path):
        with pytest.raises(OnnxError, match="there is no model file"):
            scores(str(path), ["a"])


# ---- wrong for a scorer --------------------------------------------------------------------------


def without(key: str, of=NGRAMS) -> dict[str, str]:
    return {name: value for name, value in of.items() if name != key}


WRONG = {
    "no metadata": (lambda: ngram_model(metadata={}), "no recipec.input"),
    "another input": (lambda: ngram_model(metadata={"recipec.input": "pixels"}), "neither tokens nor"),
    "no buckets": (lambda: ngram_model(metadata=without("recipec.buckets")), "no recipec.buckets"),
    "buckets are words": (lambda: ngram_model(metadata={**NGRAMS, "recipec.buckets": "many"}), "'many'"),
    "buckets are 15": (lambda: ngram_model(metadata={**NGRAMS, "recipec.buckets": "15"}), "no power of two"),
    "buckets of another model": (lambda: ngram_model(metadata={**NGRAMS, "recipec.buckets": "32"}), "float[?, 16]"),
    "nothing to count": (lambda: ngram_model(metadata=without("recipec.words")), "neither of words"),
    "too long n-grams": (lambda: ngram_model(metadata={**NGRAMS, "recipec.words": "1 5"}), "'1 5'"),
    "negative n-grams": (lambda: ngram_model(metadata={**NGRAMS, "recipec.words": "-1 2"}), "'-1 2'"),
    "no such output": (lambda: ngram_model(metadata={**NGRAMS, "recipec.output": "other"}), "recipec.output must name"),
    "two numbers a row": (lambda: ngram_model(output=("rows", 2)), "output must be float[rows]"),
    "no tokenizer": (lambda: token_model({"recipec.tokenizer": "{}"}), "is no tokenizer.json"),
    "no token limit": (lambda: token_model({"recipec.max_tokens": "0"}), "whole number from 1"),
    "no mask": (lambda: model(
        [helper.make_node("Cast", ["input_ids"], ["score"], to=TensorProto.FLOAT)], {"input_ids": IDS},
        {"recipec.input": "tokens", "recipec.tokenizer": "{}", "recipec.max_tokens": "9"}), "attention_mask"),
    "fixed length": (lambda: token_model(inputs=dict.fromkeys(
        ("input_ids", "attention_mask"), (TensorProto.INT64, ["rows", 8]))), "int64[rows, length]"),
}  # fmt: skip


@pytest.mark.parametrize("case", WRONG)
def test_a_model_that_is_no_scorer(case, tmp_path, no_session):
    make, says = WRONG[case]
    with pytest.raises(OnnxError) as caught:
        scores(saved(tmp_path, make()), ["a"])
    assert says in caught.value.message


def test_a_model_that_answers_with_another_shape(tmp_path):
    made = ngram_model(helper.make_node("Relu", ["counts"], ["score"]), output=("rows", None))
    with pytest.raises(OnnxError, match="answers 32 rows with the shape"):
        scores(saved(tmp_path, made), ["a"])


def test_a_model_that_fails_on_its_input(tmp_path):
    nodes = (
        helper.make_node("ReduceSum", ["counts", "axis"], ["n"]),
        helper.make_node("Reshape", ["n", "seven"], ["score"]),
    )
    made = ngram_model(*nodes, output=("rows", None), constants=[(np.array([7, -1]), "seven")])
    with pytest.raises(OnnxError, match="fails on a batch"):
        scores(saved(tmp_path, made), ["a"])


def test_a_model_that_onnxruntime_does_not_load(tmp_path):
    with pytest.raises(OnnxError, match="onnxruntime cannot load"):
        scores(saved(tmp_path, with_operator("Not")), ["a"])


def test_max_tokens_for_a_model_without_tokens(tmp_path, no_session):
    with pytest.raises(OnnxError, match="reads no tokens"):
        scores(saved(tmp_path, ngram_model()), ["a"], max_tokens=5)
