"""Extract operators run over the records of a batch, those behind one function together."""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from functools import cached_property
from typing import Any

import pyarrow as pa

from recipe_runtime.sources.record import Drafts
from recipe_runtime.sources.spec import Call, SourceSpec
from recipe_runtime.sources.values import shown


class Calls:
    """The operator calls of a source."""

    def __init__(self, spec: SourceSpec):
        self.operators = spec.operators
        self.calls = [value for value in spec.columns.values() if isinstance(value, Call)]

    def number(self, call: Call) -> int:
        """Where the outputs of a call stand in drafts."""
        return next(i for i, each in enumerate(self.calls) if each is call)

    @cached_property
    def _families(self) -> dict[str, list[int]]:
        """Function → the calls that it answers."""
        families: dict[str, list[int]] = {}
        for i, call in enumerate(self.calls):
            families.setdefault(self.operators[call.operator].run, []).append(i)
        return families

    def _reads(self, members: Sequence[int]) -> list[str]:
        return sorted({name for i in members for name in self.operators[self.calls[i].operator].reads})

    def run(self, drafts: Drafts, path: str) -> None:
        """Fills `outputs`: for each call its operator's columns by name, null for rejects. A row with a field that
        an operator reads and that is no text becomes a reject."""
        for name in self._reads(range(len(self.calls))):
            for i, value in enumerate(drafts.field(name)):
                if value is not None and not isinstance(value, str) and drafts.reasons[i] is None:
                    drafts.reasons[i] = ("wrong_type", f"{name}: {shown(value)}", "string")
        readable = drafts.alive()
        drafts.outputs = [
            {column.name: [None] * len(drafts.records) for column in self.operators[call.operator].columns}
            for call in self.calls
        ]
        if not readable:
            return
        for run, members in self._families.items():
            inputs = {name: _input(name, drafts, readable, path) for name in self._reads(members)}
            answers = _function(run)(inputs, [self.calls[i] for i in members])
            for i, arrays in zip(members, answers, strict=True):
                for column, array in zip(drafts.outputs[i].values(), arrays, strict=True):
                    for row, value in zip(readable, array.to_pylist(), strict=True):
                        column[row] = value


def _input(name: str, drafts: Drafts, rows: Sequence[int], path: str) -> pa.Array:
    values = [path if name == "path" else drafts.records[i].values.get(name) for i in rows]
    return pa.array(values, pa.large_string() if name in ("html", "text") else pa.string())


def _function(path: str) -> Any:
    module, _, name = path.partition(":")
    return getattr(importlib.import_module(module), name)
