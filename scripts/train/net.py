"""A small network over one vector a text, trained by Adam in NumPy, and the ONNX nodes that compute it."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np


class Adam:
    """Kingma and Ba 2015, with decoupled weight decay (Loshchilov and Hutter 2019), over a dict of arrays."""

    def __init__(self, weights: dict[str, np.ndarray], rate: float, decay: float) -> None:
        self.weights, self.rate, self.decay, self.steps = weights, rate, decay, 0
        self._first = {name: np.zeros_like(w) for name, w in weights.items()}
        self._second = {name: np.zeros_like(w) for name, w in weights.items()}

    def step(self, gradients: dict[str, np.ndarray], rate: float = 1.0) -> None:
        self.steps += 1
        for name, g in gradients.items():
            m, v, w = self._first[name], self._second[name], self.weights[name]
            m += 0.1 * (g - m)
            v += 0.001 * (g * g - v)
            step = m / (1 - 0.9**self.steps) / (np.sqrt(v / (1 - 0.999**self.steps)) + 1e-8)
            w -= self.rate * rate * (step + self.decay * w)


def head(rng: np.random.Generator, inputs: int, hidden: int) -> dict[str, np.ndarray]:
    """Weights of inputs → hidden (ReLU) → one number (logistic)."""
    return {
        "w1": (rng.standard_normal((inputs, hidden)) * np.sqrt(2 / inputs)).astype(np.float32),
        "b1": np.zeros(hidden, np.float32),
        "w2": (rng.standard_normal((hidden, 1)) * np.sqrt(1 / hidden)).astype(np.float32),
        "b2": np.zeros(1, np.float32),
    }


def forward(weights: dict[str, np.ndarray], z: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(hidden, score 0 … 1) of vectors z."""
    hidden = np.maximum(z @ weights["w1"] + weights["b1"], 0)
    return hidden, 1 / (1 + np.exp(-(hidden @ weights["w2"] + weights["b2"])[:, 0]))


def gradients(weights, z, target) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Of the mean squared error: by weight, and by z."""
    hidden, score = forward(weights, z)
    out = (2 * (score - target) * score * (1 - score) / len(z)).astype(np.float32)[:, None]
    before = (out @ weights["w2"].T) * (hidden > 0)
    return {
        "w1": z.T @ before, "b1": before.sum(axis=0), "w2": hidden.T @ out, "b2": out.sum(axis=0)
    }, before @ weights["w1"].T  # fmt: skip


def minibatches(rng: np.random.Generator, rows: int, size: int, epochs: int) -> Iterator[tuple[np.ndarray, float]]:
    """(row numbers, factor of the learning rate, falling to 0 along half a cosine)."""
    steps = epochs * (rows // size)
    for step in range(steps):
        if step % (rows // size) == 0:
            order = rng.permutation(rows)
        first = step % (rows // size) * size
        yield order[first : first + size], 0.5 * (1 + float(np.cos(np.pi * step / steps)))


def save(
    path,
    name: str,
    nodes: list,
    inputs: dict[str, tuple[int, list]],
    constants: dict[str, np.ndarray],
    metadata: dict[str, str],
) -> None:
    """One ONNX file: opset 17, IR 8, so that older runtimes can read it. inputs: element type and shape."""
    import onnx
    from onnx import helper, numpy_helper

    graph = helper.make_graph(
        nodes, name,
        [helper.make_tensor_value_info(key, kind, shape) for key, (kind, shape) in inputs.items()],
        [helper.make_tensor_value_info("score", onnx.TensorProto.FLOAT, ["rows", 1])],
        [numpy_helper.from_array(np.ascontiguousarray(value), key) for key, value in constants.items()],
    )  # fmt: skip
    model = helper.make_model(graph, producer_name="recipec", opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    helper.set_model_props(model, metadata)
    onnx.checker.check_model(model, full_check=True)
    path.write_bytes(model.SerializeToString(deterministic=True))


def head_nodes(z: str, scale: float) -> tuple[list, dict[str, np.ndarray]]:
    """Nodes that compute `score` from z by the weights of `head`, times `scale`; and the constant for it."""
    from onnx import helper

    return [
        helper.make_node("Gemm", [z, "w1", "b1"], ["before"]),
        helper.make_node("Relu", ["before"], ["hidden"]),
        helper.make_node("Gemm", ["hidden", "w2", "b2"], ["logit"]),
        helper.make_node("Sigmoid", ["logit"], ["share"]),
        helper.make_node("Mul", ["share", "scale"], ["score"]),
    ], {"scale": np.float32(scale)}
