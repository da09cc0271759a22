"""Scores by trained models."""

from __future__ import annotations

from recipe_udfs.operator import Column, Operator, Parameter

OPERATORS = (
    Operator(
        name="onnx",
        kind="score",
        version=1,
        doc="A classifier in one ONNX file. Its metadata says how a text becomes tokens or hashed n-grams "
        "(`recipe_udfs.onnx_scores`). Rounded to 1e-4; a score does not depend on its batch; NaN where the model "
        "gives no finite number.",
        parameters=(
            Parameter("file", "file", doc="Plain value: path of the .onnx file."),
            Parameter("max_tokens", "tokens?", None, "The text is cut there, if the model does not cut it before."),
            Parameter("clamp", "range?", None, "The score is brought into this range. Plain value: (low, high)."),
            Parameter("device", "cpu|cuda", "cpu", "`cuda` fails where onnxruntime cannot use it."),
            Parameter(
                "output", "score|probability|class|vector", "score",
                "`vector` is the embedding that a further classifier reads.", later=True, added=True,
            ),
            Parameter("input", "column?", None, "A vector in place of the text.", later=True, added=True),
        ),
        columns=(Column("onnx", "double", "The score; null for a null text."),),
        reads=("text",),
        run="recipe_udfs.onnx_scores:onnx_scores",
        libraries=("onnxruntime|onnxruntime-gpu", "tokenizers", "fastokens"),
    ),
)
