"""The columns of a row as the recipe's source block gives them: a field, a literal or an operator's answer."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pyarrow as pa
from recipe_udfs.operator import Call

from recipe_runtime.sources.calls import Calls
from recipe_runtime.sources.record import Drafts
from recipe_runtime.sources.spec import OWN_FIELDS, Field, Literal, SourceSpec
from recipe_runtime.sources.values import (
    Refused,
    checked_text,
    converter,
    key_text,
    licenses,
    moment,
    passing_types,
    shown,
)

Step = Callable[[Drafts], None]
Getter = Callable[[Drafts], list[Any]]

NULL = frozenset((type(None),))
TEXTS = NULL | {str}
MISSING = object()
"""Stands for the value of a field that a record lacks, where that is something else than null."""


class Columns:
    """Fills drafts: what is where is decided once for a unit, not for each of its rows."""

    def __init__(self, spec: SourceSpec, calls: Calls):
        self.spec, self.calls = spec, calls
        # A page's own URL and time are known before anything is wrong with it.
        self.own = [name for name in ("url", "fetched_at") if name in OWN_FIELDS.get(spec.operator, ())]
        self.steps = [*self._identity(), self._text(spec.text), *self._rest()]

    def fill(self, drafts: Drafts) -> None:
        """All columns; the first thing that is wrong with a row becomes its reason."""
        for name in self.own:
            drafts.made[name] = drafts.field(name)
        for step in self.steps:
            step(drafts)

    def _identity(self) -> list[Step]:
        columns = self.spec.columns
        steps = []
        if "url" in columns:
            steps.append(self._set("url", columns["url"], _string("url"), TEXTS))
        if "fetched_at" in columns:
            steps.append(self._set("fetched_at", columns["fetched_at"], moment, NULL))
        if "id" in columns:
            steps.append(_key(self._getter(columns["id"])))
        return steps

    def _rest(self) -> list[Step]:
        columns = self.spec.columns
        steps = []
        if "license" in columns:
            steps.append(self._set("license", columns["license"], licenses, NULL))
            if isinstance(columns["license"], Call):
                steps.append(_evidence(self.calls.number(columns["license"])))
        if "lang" in columns:
            steps.append(self._set("lang", columns["lang"], _string("lang"), TEXTS))
        for name, source in self.spec.user_columns.items():
            # Other readers than jsonl give values of the one type their files have.
            if isinstance(source, Field) and self.spec.operator == "jsonl":
                column = self.spec.schema.field(source.name)
                steps.append(self._set(name, source, _named(name, converter(column)), NULL | passing_types(column)))
            else:
                steps.append(self._set(name, source))
        return steps

    def _set(
        self,
        name: str,
        source: Field | Literal | Call,
        convert: Callable[[Any], Any] | None = None,
        passing: frozenset[type] = frozenset(),
    ) -> Step:
        get = self._getter(source)

        def step(drafts: Drafts) -> None:
            drafts.made[name] = drafts.converted(get(drafts), convert, drafts.made.get(name), passing)

        return step

    def _getter(self, source: Field | Literal | Call) -> Getter:
        if isinstance(source, Field):
            name = source.name
            return lambda drafts: drafts.field(name)
        if isinstance(source, Literal):
            value = source.value
            return lambda drafts: [value] * len(drafts.records)
        number, first = self.calls.number(source), self.spec.operators[source.operator].columns[0].name
        return lambda drafts: drafts.outputs[number][first]

    def _text(self, source: Field | Literal | Call) -> Step:
        get, limit = self._getter(source), self.spec.max_bytes

        def of_field(drafts: Drafts) -> None:
            def text(value: Any) -> str:
                if value is MISSING:
                    raise Refused("missing_field", "", source.name)
                return checked_text(value, limit)

            drafts.texts = drafts.converted(drafts.field(source.name, MISSING), text, None)

        def of_call(drafts: Drafts) -> None:
            def text(answer: tuple[str | None, Any]) -> str:
                error, value = answer
                if error:
                    rule, _, found = error.partition(":")
                    raise Refused(rule, found.strip(), "")
                if value is None or value == "" or value.isspace():
                    raise Refused("no_text", "", "")
                return checked_text(value, limit)

            values = get(drafts)
            errors = drafts.outputs[number].get("error") or [None] * len(values)
            drafts.texts = drafts.converted(list(zip(errors, values, strict=True)), text, None)

        def of_literal(drafts: Drafts) -> None:
            drafts.texts = drafts.converted(get(drafts), lambda value: checked_text(value, limit), None)

        if isinstance(source, Field):
            return of_field
        if isinstance(source, Literal):
            return of_literal
        number = self.calls.number(source)
        return of_call


def _key(get: Getter) -> Step:
    def step(drafts: Drafts) -> None:
        drafts.keys = drafts.converted(get(drafts), key_text, drafts.keys)

    return step


def _evidence(number: int) -> Step:
    """What the page says of its licence and of opt-outs, beside what its HTTP header said."""

    def step(drafts: Drafts) -> None:
        found = drafts.outputs[number].get("evidence")
        for i in drafts.alive() if found else ():
            drafts.metas[i] = {**(drafts.metas[i] or {}), **dict(found[i] or ())}

    return step


def _string(name: str) -> Callable[[Any], str | None]:
    def convert(value: Any) -> str | None:
        if value is not None and not isinstance(value, str):
            raise Refused("wrong_type", f"{name}: {shown(value)}", "string")
        return value

    return convert


def _named(name: str, convert: Callable[[Any], Any]) -> Callable[[Any], Any]:
    def named(value: Any) -> Any:
        if value is None:
            return None
        try:
            return convert(value)
        except Refused as refused:
            raise Refused(refused.rule, f"{name}: {refused.value}", refused.threshold) from None

    return named


# ---- the one column that only a source can make, in the shape of every operator's `run` ----------------


def path_part(inputs: Mapping[str, Any], calls: Sequence[Call]) -> list[list[pa.Array]]:
    """The n-th part of each `path`, from 0, or from the end where n is negative; null where there is none."""
    split = [path.strip("/").split("/") for path in inputs["path"].to_pylist()]
    return [[pa.array([_part(parts, call.args["n"]) for parts in split], pa.string())] for call in calls]


def _part(parts: list[str], n: int) -> str | None:
    return parts[n] if -len(parts) <= n < len(parts) else None
