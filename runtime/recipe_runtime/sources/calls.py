"""Extract operators run over the records of a batch, those behind one function together."""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from functools import cached_property
from typing import Any

import pyarrow as pa

from recipe_runtime.sources.record import Draft
from recipe_runtime.sources.spec import Call, SourceSpec
from recipe_runtime.sources.values import shown


class Calls:
    """The operator calls of a source."""

    def __init__(self, spec: SourceSpec):
        self.operators = spec.operators
        self.calls = [value for value in spec.columns.values() if isinstance(value, Call)]

    def number(self, call: Call) -> int:
        """Where the outputs of a call stand in a draft."""
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

    def run(self, drafts: Sequence[Draft], path: str) -> None:
        """Fills `outputs` of each draft: for each call its operator's columns by name. A draft with a field that
        an operator reads and that is no text becomes a reject."""
        for name in self._reads(range(len(self.calls))):
            for draft in drafts:
                value = draft.record.values.get(name)
                if value is not None and not isinstance(value, str) and draft.reason is None:
                    draft.reason = ("wrong_type", f"{name}: {shown(value)}", "string")
        readable = [draft for draft in drafts if draft.reason is None]
        if not readable:
            return
        for draft in readable:
            draft.outputs = [{} for _ in self.calls]
        for run, members in self._families.items():
            inputs = {name: _input(name, readable, path) for name in self._reads(members)}
            answers = _function(run)(inputs, [self.calls[i] for i in members])
            for i, arrays in zip(members, answers, strict=True):
                names = [column.name for column in self.operators[self.calls[i].operator].columns]
                for name, array in zip(names, arrays, strict=True):
                    for draft, value in zip(readable, array.to_pylist(), strict=True):
                        draft.outputs[i][name] = value


def _input(name: str, drafts: Sequence[Draft], path: str) -> pa.Array:
    values = [path if name == "path" else draft.record.values.get(name) for draft in drafts]
    return pa.array(values, pa.large_string() if name in ("html", "text") else pa.string())


def _function(path: str) -> Any:
    module, _, name = path.partition(":")
    return getattr(importlib.import_module(module), name)
