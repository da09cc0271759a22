"""The libraries whose results operators carry."""

from __future__ import annotations

from importlib import metadata

import pytest
from recipe_runtime import ops
from recipe_runtime.errors import StepError
from recipe_udfs.operator import Operator


def named(*libraries: str) -> Operator:
    return Operator(name="x", kind="score", version=1, doc="", libraries=libraries)


def test_of_two_distributions_that_bring_one_module_the_installed_one_is_recorded(monkeypatch):
    there = {"onnxruntime-gpu": "1.20.1", "tokenizers": "0.21"}

    def version(name: str) -> str:
        if name not in there:
            raise metadata.PackageNotFoundError(name)
        return there[name]

    monkeypatch.setattr(metadata, "version", version)
    wanted = named("tokenizers", "onnxruntime|onnxruntime-gpu")
    assert ops.versions([wanted, named("tokenizers")]) == {"onnxruntime-gpu": "1.20.1", "tokenizers": "0.21"}
    there["onnxruntime"] = "1.20.0"
    assert ops.versions([wanted]) == {"onnxruntime": "1.20.0", "tokenizers": "0.21"}
    there.clear()
    with pytest.raises(StepError, match="onnxruntime or onnxruntime-gpu is not installed"):
        ops.versions([named("onnxruntime|onnxruntime-gpu")])
