"""Scores by an ONNX model: text → tokens or hashed n-grams → model → one number.

How a text is prepared stands in the model's own `metadata_props`, so that a model stays one file:

| key | value |
|---|---|
| `recipec.input` | `tokens` or `hashed_ngrams` |
| `recipec.max_bytes` | the text is cut there, at the beginning of a character; without it, never |
| `recipec.output` | name of the output; may be absent where there is one |
| tokens: `recipec.tokenizer` | a tokenizer.json, as text |
| `recipec.max_tokens` | the tokens are cut there |
| `recipec.pad` | id that fills up a row; default 0 |
| `recipec.special_tokens` | `true`: the tokenizer adds its own; default `false` |
| hashed_ngrams: `recipec.buckets` | a power of two; buckets of the hash |
| `recipec.words`, `recipec.characters` | shortest and longest n-gram, `1 2`; `0 0` or absent for none |

A tokens model has the inputs `input_ids` and `attention_mask`, int64[rows, length], and may have `token_type_ids`
(zeros), as BERT's do. A hashed_ngrams model has one input, float[rows, buckets]: the counts of `ngram_kernels`.
The output is float[rows] or float[rows, 1].

**A score does not depend on its batch.** A text is padded to its *length class*, the smallest of 16, 24, 32, 48, 64,
96 … (a power of two, or one and a half of it) that holds it, and every batch of a class has the same number of
rows, filled up with empty ones: a text is computed by the same instructions alone and among others. A model with
an operator that looks at the whole batch gets batches of one row. What is left to the machine (its vector
instructions, a GPU) is rounded away: scores are rounded to 1e-4, half to even.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

import numpy as np
import pyarrow as pa

from recipe_udfs.buffers import Strings, utf8_views
from recipe_udfs.onnx_file import ModelFile, OnnxError, read_model
from recipe_udfs.onnx_inputs import HashedNgrams, Settings, Tokens, cut, ports
from recipe_udfs.operator import Call

DECIMALS = 4
PROVIDERS = {"cpu": "CPUExecutionProvider", "cuda": "CUDAExecutionProvider"}


def onnx_scores(inputs: Mapping[str, Strings], calls: Sequence[Call]) -> list[list[pa.Array]]:
    """`onnx(file, max_tokens, clamp, device)` → score of each text, float64; null for a null text.

    `clamp` is (low, high), either of them None where it is open. A score that is no finite number is NaN.
    Raises OnnxError; TokenizersDisagree as `recipe_udfs.tokens` does.
    """
    data, offsets, valid = utf8_views(inputs["text"])
    rows = np.flatnonzero(valid)
    results = []
    for call in calls:
        args = call.args
        scorer = _scorer(args["file"], args.get("max_tokens"), args.get("device") or "cpu")
        scores = np.zeros(len(valid))
        scores[rows] = _finished(scorer.raw(data, offsets[rows], offsets[rows + 1]), args.get("clamp"))
        results.append([pa.array(scores, mask=~valid)])
    return results


def _finished(raw: np.ndarray, clamp: Sequence[float | None] | None) -> np.ndarray:
    """Clamped and rounded; NaN for what is no finite number, and no negative zero."""
    scores = np.where(np.isfinite(raw), raw, np.nan).astype(np.float64)
    if clamp is not None:
        low, high = clamp
        scores = np.clip(scores, -np.inf if low is None else low, np.inf if high is None else high)
    return np.round(scores, DECIMALS) + 0.0


# ---- the model -----------------------------------------------------------------------------------


class Scorer:
    """A model with its session and its way to prepare texts."""

    def __init__(self, path: str, max_tokens: int | None, device: str) -> None:
        model = read_model(path)
        settings = Settings(path, model.metadata)
        self._path = path
        kind = settings.text("recipec.input")
        if kind not in ("tokens", "hashed_ngrams"):
            raise settings.wrong(f"recipec.input is {kind[:40]!r}, neither tokens nor hashed_ngrams")
        if kind == "hashed_ngrams" and max_tokens is not None:
            raise OnnxError(f"max_tokens is given, and {path} reads no tokens", remedy="leave max_tokens out")
        most = model.metadata.get("recipec.max_bytes")
        self._most_bytes = None if most is None else settings.number("recipec.max_bytes", 4)
        self._output = _output(settings, model)
        self._prepared = HashedNgrams(path, model) if kind == "hashed_ngrams" else Tokens(path, model, max_tokens)
        self._session = _session(path, model.data, device)

    def raw(self, data: np.ndarray, starts: np.ndarray, ends: np.ndarray) -> np.ndarray:
        """What the model says of each text `data[start:end]`, as float64."""
        if self._most_bytes is not None:
            ends = cut(data, starts, ends, self._most_bytes)
        scores = np.empty(len(starts))
        for batch in self._prepared.batches(data, starts, ends):
            (values,) = self._run(batch.feeds)
            rows = len(next(iter(batch.feeds.values())))
            if values.shape not in ((rows,), (rows, 1)):
                raise OnnxError(
                    f"{self._path} answers {rows} rows with the shape {list(values.shape)}",
                    remedy="export it with one number for each row",
                )
            scores[batch.texts] = values.reshape(rows)[: len(batch.texts)]
        return scores

    def _run(self, feeds: dict[str, np.ndarray]) -> list[np.ndarray]:
        try:
            return self._session.run([self._output], feeds)
        except _failures() as error:
            raise OnnxError(
                f"{self._path} fails on a batch of {[list(one.shape) for one in feeds.values()]}: {_first_line(error)}",
                remedy="try the model by itself in onnxruntime; on CUDA, look for memory",
            ) from error


def _output(settings: Settings, model: ModelFile) -> str:
    name = settings.metadata.get("recipec.output")
    if name is None and len(model.outputs) == 1:
        (name,) = model.outputs
    port = model.outputs.get(name or "")
    if port is None:
        raise settings.wrong(f"recipec.output must name one of its outputs: {ports(model.outputs)}")
    one_number = port.shape is None or (port.shape and port.shape[1:] in ((), (1,), (None,)))
    if port.type not in ("FLOAT", "DOUBLE", "FLOAT16") or not one_number:
        raise settings.wrong(f"its output must be float[rows] or float[rows, 1]; it has {ports(model.outputs)}")
    return name


def _session(path: str, data: bytes, device: str) -> Any:
    """A session on one thread whose first provider is the one asked for, or OnnxError."""
    ort = _onnxruntime(device)
    provider = PROVIDERS[device]
    if provider not in ort.get_available_providers():
        raise _no_cuda("this onnxruntime has no CUDA")
    options = ort.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.add_session_config_entry("session.load_model_format", "ONNX")  # never guessed from the bytes
    options.log_severity_level = 3  # errors are raised, too
    try:
        own = {"use_tf32": "0"} if device == "cuda" else {}
        session = ort.InferenceSession(data, options, providers=[(provider, own)])
    except _failures() as error:
        raise OnnxError(
            f"onnxruntime cannot load {path}: {_first_line(error)}", remedy="export the model for this onnxruntime"
        ) from error
    session.disable_fallback()
    if session.get_providers()[0] != provider:
        raise _no_cuda("CUDA's libraries could not be loaded, or there is no GPU")
    return session


def _no_cuda(what: str) -> OnnxError:
    return OnnxError(
        f"device = cuda is asked for, and {what}",
        remedy="pip uninstall onnxruntime, pip install 'recipec[gpu]' and its CUDA and cuDNN, or write device = cpu",
    )


def _onnxruntime(device: str) -> Any:
    try:
        import onnxruntime
    except ModuleNotFoundError as error:
        extra = "gpu" if device == "cuda" else "cpu"
        raise OnnxError("onnxruntime is not installed", remedy=f"pip install 'recipec[{extra}]'") from error
    return onnxruntime


def _failures() -> tuple[type[Exception], ...]:
    """What onnxruntime raises: classes of its own, without one above them."""
    from onnxruntime.capi import onnxruntime_pybind11_state as state

    own = [one for one in vars(state).values() if isinstance(one, type) and issubclass(one, Exception)]
    return (*own, RuntimeError, ValueError)


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:200]


def _scorer(path: str, max_tokens: int | None, device: str) -> Scorer:
    """The scorer of a file as it is now, kept for this process."""
    if device not in PROVIDERS:
        raise OnnxError(f"device is {device!r}", remedy="write cpu or cuda")
    try:
        state = os.stat(path)
    except OSError:
        state = None  # Scorer says what is wrong with it
    return _kept(path, max_tokens, device, state and (state.st_size, state.st_mtime_ns))


@lru_cache(maxsize=8)
def _kept(path: str, max_tokens: int | None, device: str, state: object) -> Scorer:
    return Scorer(path, max_tokens, device)
