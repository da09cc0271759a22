"""Reads an ONNX model file as data and refuses what must never reach an inference session.

A model comes from somewhere else, so its file is parsed and looked through first: one file with its tensors inside,
operators of the ONNX standard alone, none that runs without a bound or draws random numbers, no tensor larger
than it says or than `MOST_ELEMENTS`. The session is then made from the very bytes that were looked at; it opens no
other file.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from recipe_udfs.operator import OperatorError

MOST_BYTES = 2_000_000_000
"""Of a file: what protobuf, and so a model in one file, can hold."""
MOST_ELEMENTS = 1 << 30
"""Of one tensor whose shape is known before it is computed."""
DOMAINS = frozenset({"", "ai.onnx", "ai.onnx.ml"})
UNBOUNDED = frozenset({"Loop", "Scan"})
RANDOM = frozenset(
    {"RandomNormal", "RandomNormalLike", "RandomUniform", "RandomUniformLike", "Multinomial", "Bernoulli"}
)
ORT_FORMAT = b"ORTM"
WHOLE_BATCH = frozenset({"DynamicQuantizeLinear"})
"""Operators whose result for a row depends on the other rows of its batch."""


class OnnxError(OperatorError):
    """A model cannot be used."""


@dataclass(frozen=True)
class Port:
    """An input or output: its ONNX element type (`FLOAT`, `INT64` …) and dimensions, None where it is open."""

    type: str
    shape: tuple[int | None, ...] | None


@dataclass(frozen=True)
class ModelFile:
    """A model that passed: its bytes, ports by name, metadata; `one_row`: its batches must hold one row."""

    data: bytes
    inputs: Mapping[str, Port]
    outputs: Mapping[str, Port]
    metadata: Mapping[str, str]
    one_row: bool


def read_model(path: str) -> ModelFile:
    """The model of a file; raises OnnxError."""
    import onnx
    from google.protobuf.message import DecodeError

    data = _bytes(path)
    if data[4:8] == ORT_FORMAT:  # onnxruntime would read its own format there, which nobody looked through
        raise OnnxError(f"{path} is of onnxruntime's own format", remedy="name the .onnx file it was made from")
    try:
        model = onnx.load_model_from_string(data)
    except DecodeError:
        raise OnnxError(
            f"{path} is no ONNX model", remedy="name a whole .onnx file; a broken download has to be repeated"
        ) from None
    if model.ir_version <= 0 or not model.graph.node:
        raise OnnxError(f"{path} holds no ONNX graph", remedy="name a .onnx file that a converter wrote")
    _look_through(path, model)
    initial = {tensor.name for tensor in model.graph.initializer}
    return ModelFile(
        data=data,
        inputs={one.name: _port(one) for one in model.graph.input if one.name not in initial},
        outputs={one.name: _port(one) for one in model.graph.output},
        metadata={entry.key: entry.value for entry in model.metadata_props},
        one_row=any(node.op_type in WHOLE_BATCH for node in _nodes(model.graph)),
    )


def _bytes(path: str) -> bytes:
    file = Path(path)
    if not file.is_file():
        raise OnnxError(f"there is no model file {path}", remedy="check the name, and that the worker has the file")
    if file.stat().st_size > MOST_BYTES:
        raise OnnxError(f"{path} is larger than {MOST_BYTES:,} bytes", remedy="use a smaller or a quantised model")
    return file.read_bytes()


def _look_through(path: str, model: Any) -> None:
    """Raises OnnxError at the first thing that may not be in a model."""
    import onnx

    def refuse(what: str, remedy: str) -> OnnxError:
        return OnnxError(f"{path} is refused: {what}", remedy=remedy)

    standard = "export the model with operators of the ONNX standard only"
    newest = onnx.defs.onnx_opset_version()
    versions = {}
    for opset in model.opset_import:
        if opset.domain not in DOMAINS:
            raise refuse(f"it uses operators of the domain {opset.domain!r}", standard)
        if opset.version > newest:
            raise refuse(f"it needs opset {opset.version}, onnx here knows {newest}", "install a newer onnx")
        versions[_domain(opset.domain)] = opset.version
    if model.functions or model.training_info:
        raise refuse("it brings functions or training graphs of its own", "export it inlined, for inference")
    for node in _nodes(model.graph):
        domain = _domain(node.domain)
        known = domain in DOMAINS and onnx.defs.has(node.op_type, versions.get(domain, 0), domain)
        if not known:
            raise refuse(f"its operator {node.domain or 'ai.onnx'}.{node.op_type} is not of the standard", standard)
        if node.op_type in UNBOUNDED:
            raise refuse(f"{node.op_type} may run without end", "export the model without loops")
        if node.op_type in RANDOM:
            raise refuse(f"{node.op_type} gives other scores each time", "export the model for inference")
    for tensor in _tensors(model.graph):
        if tensor.external_data or tensor.data_location == onnx.TensorProto.EXTERNAL:
            raise refuse(f"its tensor {tensor.name!r} lies in another file", "save the model as a single file")
        _measure(tensor, refuse)
    for value in _values(model.graph):
        _bounded(value, refuse)
    try:
        onnx.checker.check_model(model)
        inferred = onnx.shape_inference.infer_shapes(model, data_prop=True)
    except (onnx.checker.ValidationError, onnx.shape_inference.InferenceError, RuntimeError, ValueError) as error:
        raise refuse(f"ONNX's checker says: {str(error).splitlines()[0][:200]}", "export the model again") from error
    for value in _values(inferred.graph):
        _bounded(value, refuse)


def _domain(name: str) -> str:
    """The standard's own domain has two names."""
    return "" if name == "ai.onnx" else name


def _measure(tensor: Any, refuse: Any) -> None:
    """A tensor holds as many elements as its shape says, and not too many."""
    import onnx

    elements = math.prod(tensor.dims)
    if any(size < 0 for size in tensor.dims) or elements > MOST_ELEMENTS:
        raise refuse(f"its tensor {tensor.name!r} has the shape {list(tensor.dims)}", "use a smaller model")
    if tensor.data_type not in onnx.TensorProto.DataType.values() or not tensor.data_type:
        raise refuse(f"its tensor {tensor.name!r} is of an unknown type", "export the model again")
    if tensor.data_type == onnx.TensorProto.STRING:
        held = len(tensor.string_data)
    elif tensor.HasField("raw_data"):
        held = len(tensor.raw_data) * 8 // _bits(tensor.data_type)
    else:
        held = sum(
            len(values)
            for values in (
                tensor.float_data, tensor.int32_data, tensor.int64_data, tensor.double_data, tensor.uint64_data
            )
        )  # fmt: skip
        if held:  # complex values take two, those of 4 bits half a place; the checker counts exactly
            held = max(held, min(elements, 2 * held))
    if held < elements:
        raise refuse(
            f"its tensor {tensor.name!r} says {elements:,} elements and holds {held:,}",
            "the file is broken: export it again",
        )


def _bits(data_type: int) -> int:
    import onnx

    name = onnx.TensorProto.DataType.Name(data_type)
    if name in ("UINT4", "INT4", "FLOAT4E2M1"):
        return 4
    if name in ("UINT2", "INT2"):
        return 2
    return 8 * onnx.helper.tensor_dtype_to_np_dtype(data_type).itemsize


def _bounded(value: Any, refuse: Any) -> None:
    sizes = [dim.dim_value for dim in value.type.tensor_type.shape.dim if dim.HasField("dim_value")]
    if any(size < 0 for size in sizes) or math.prod(size for size in sizes if size) > MOST_ELEMENTS:
        raise refuse(f"its value {value.name!r} would have the shape {sizes}", "use a model that needs less memory")


def _graphs(graph: Any) -> Iterator[Any]:
    """The graph and those within its nodes; protobuf's own limit bounds the depth."""
    yield graph
    for node in graph.node:
        for attribute in node.attribute:
            for inner in (*([attribute.g] if attribute.HasField("g") else ()), *attribute.graphs):
                yield from _graphs(inner)


def _nodes(graph: Any) -> Iterator[Any]:
    for one in _graphs(graph):
        yield from one.node


def _values(graph: Any) -> Iterator[Any]:
    for one in _graphs(graph):
        yield from (*one.input, *one.output, *one.value_info)


def _tensors(graph: Any) -> Iterator[Any]:
    for one in _graphs(graph):
        yield from one.initializer
        sparse = [*one.sparse_initializer]
        for node in one.node:
            for attribute in node.attribute:
                if attribute.HasField("t"):
                    yield attribute.t
                yield from attribute.tensors
                sparse += [*([attribute.sparse_tensor] if attribute.HasField("sparse_tensor") else ())]
                sparse += attribute.sparse_tensors
        for tensor in sparse:
            yield from (tensor.values, tensor.indices)


def _port(value: Any) -> Port:
    import onnx

    tensor = value.type.tensor_type
    shape = None
    if tensor.HasField("shape"):
        shape = tuple(dim.dim_value if dim.HasField("dim_value") else None for dim in tensor.shape.dim)
    return Port(onnx.TensorProto.DataType.Name(tensor.elem_type), shape)
