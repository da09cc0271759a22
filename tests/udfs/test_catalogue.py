"""The catalogue says what there is: complete signatures, importable code, and nothing heavy to read it."""

from __future__ import annotations

import importlib.metadata
import re
import subprocess
import sys

import pytest
from recipe_runtime.ops import versions
from recipe_udfs.catalogue import OPERATORS
from recipe_udfs.operator import IN_RUNTIME, REQUIRED

RUNNABLE = [op for op in OPERATORS if op.run not in ("", IN_RUNTIME)]
TYPES = re.compile(
    r"(text|bool|int|number|share|count|bytes|duration|characters|words|tokens|path|file|column|html|columns|relation"
    r"|endpoint|prompt|tokenizer|segment|range|any|shingle|list\[[a-z_|]+\]|[a-z_]+(\|[a-z_]+)+|lowest_id|newline)\??"
)
COLUMN_TYPES = {
    "any", "string", "double", "bigint", "boolean", "array<bigint>", "array<string>", "map<string,string>",
    "array<struct<span_start:bigint,span_end:bigint,tokens:bigint>>",
}  # fmt: skip


def test_reading_it_loads_nothing_heavy():
    code = (
        "import sys, recipe_udfs.catalogue\n"
        "print(sorted({'numpy', 'pyarrow', 'numba', 'pyspark', 'trafilatura', 'lxml'} & set(sys.modules)))"
    )
    assert subprocess.check_output([sys.executable, "-c", code], text=True).strip() == "[]"


def test_kind_and_name_are_a_key():
    keys = [(op.kind, op.name) for op in OPERATORS]
    assert len(keys) == len(set(keys))
    assert {("clean", "lines"), ("segment", "lines")} <= set(keys)


@pytest.mark.parametrize("op", OPERATORS, ids=lambda op: f"{op.kind} {op.name}")
def test_signature(op):
    assert op.version >= 1
    assert op.doc.endswith((".", "?"))
    assert all(TYPES.fullmatch(parameter.type) for parameter in op.parameters)
    assert {column.type for column in op.columns} <= COLUMN_TYPES
    required = [parameter.default is REQUIRED for parameter in op.parameters]
    if not any(parameter.name in ("keep", "verify") for parameter in op.parameters):
        assert required == sorted(required, reverse=True), "what must be given comes first"
    for parameter in op.parameters:
        if parameter.default is None:
            assert parameter.type.endswith(("?", "|none")) or parameter.type == "any"


@pytest.mark.parametrize("op", RUNNABLE, ids=lambda op: f"{op.kind} {op.name}")
def test_code_and_libraries_exist(op):
    assert callable(op.load())
    assert op.columns
    assert len(versions([op])) == len(op.libraries)


def test_the_entry_point_gives_this_catalogue():
    (entry,) = importlib.metadata.entry_points(group="recipec.operators", name="udfs")
    assert entry.load() is OPERATORS
