"""Tiny ONNX models for tests, and the operator called on a model."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import onnx
import pyarrow as pa
from onnx import TensorProto, helper, numpy_helper
from recipe_udfs.onnx_scores import onnx_scores
from recipe_udfs.operator import Call

NGRAMS = {"recipec.input": "hashed_ngrams", "recipec.buckets": "16", "recipec.words": "1 1"}
IDS = (TensorProto.INT64, ["rows", "length"])


def word_tokenizer() -> str:
    """A tokenizer.json of bytes alone: a token for each byte of the text."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers

    vocabulary = {character: i for i, character in enumerate(sorted(pre_tokenizers.ByteLevel.alphabet()))}
    made = Tokenizer(models.BPE(vocabulary, []))
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    return made.to_str()


def model(nodes, inputs: Mapping[str, tuple[int, list]], metadata: Mapping[str, str], constants=(), output=("rows", 1),
          opsets=(("", 17),)) -> onnx.ModelProto:  # fmt: skip
    """A model with the output `score`, float."""
    graph = helper.make_graph(
        nodes, "test", [helper.make_tensor_value_info(name, *one) for name, one in inputs.items()],
        [helper.make_tensor_value_info("score", TensorProto.FLOAT, list(output))],
        [one if isinstance(one, TensorProto) else numpy_helper.from_array(*one) for one in constants],
    )  # fmt: skip
    made = helper.make_model(graph, ir_version=8, opset_imports=[helper.make_opsetid(*one) for one in opsets])
    helper.set_model_props(made, dict(metadata))
    return made


def ngram_model(*nodes, constants=(), metadata=NGRAMS, **rest) -> onnx.ModelProto:
    """From `counts` to `score`; without nodes the sum of all counts."""
    nodes = nodes or (helper.make_node("ReduceSum", ["counts", "axis"], ["score"]),)
    inputs = {"counts": (TensorProto.FLOAT, ["rows", 16])}
    return model(nodes, inputs, metadata, [(np.array([1]), "axis"), *constants], **rest)


def token_model(metadata: Mapping[str, str] | None = None, inputs: Mapping[str, tuple[int, list]] | None = None):
    """The number of tokens plus a thousandth of the sum of their ids."""
    nodes = [
        helper.make_node("Mul", ["input_ids", "attention_mask"], ["kept"]),
        helper.make_node("ReduceSum", ["kept", "axis"], ["sum"]),
        helper.make_node("ReduceSum", ["attention_mask", "axis"], ["tokens"]),
        helper.make_node("Cast", ["sum"], ["sum_f"], to=TensorProto.FLOAT),
        helper.make_node("Cast", ["tokens"], ["tokens_f"], to=TensorProto.FLOAT),
        helper.make_node("Mul", ["sum_f", "thousandth"], ["small"]),
        helper.make_node("Add", ["small", "tokens_f"], ["score"]),
    ]
    own = {"recipec.input": "tokens", "recipec.tokenizer": word_tokenizer(), "recipec.max_tokens": "100"}
    own |= metadata or {}
    return model(
        nodes, inputs or {"input_ids": IDS, "attention_mask": IDS}, own,
        [(np.array([1]), "axis"), (np.float32(0.001), "thousandth")],
    )  # fmt: skip


def saved(folder: Path, made: onnx.ModelProto, name: str = "model.onnx") -> str:
    path = folder / name
    path.write_bytes(made.SerializeToString())
    return str(path)


def scores(path: str, values, **args) -> list[float | None]:
    """The operator's column for an array or list of texts."""
    call = Call("onnx", {"file": path, "max_tokens": None, "clamp": None, "device": "cpu", **args})
    column = values if isinstance(values, pa.Array) else pa.array(values)
    result = onnx_scores({"text": column}, [call])[0][0]
    assert result.type == pa.float64()
    return result.to_pylist()
