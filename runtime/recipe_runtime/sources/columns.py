"""The columns of a row as the recipe's source block gives them: a field, a literal or an operator's answer."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pyarrow as pa
from recipe_udfs.operator import Call

from recipe_runtime.sources.calls import Calls
from recipe_runtime.sources.record import Draft
from recipe_runtime.sources.spec import OWN_FIELDS, Field, Literal, SourceSpec
from recipe_runtime.sources.values import Refused, checked_text, converter, key_text, licenses, moment, shown

Step = Callable[[Draft], None]
Getter = Callable[[Draft], Any]


class Columns:
    """Fills drafts: what is where is decided once for a unit, not for each of its rows."""

    def __init__(self, spec: SourceSpec, calls: Calls):
        self.spec, self.calls = spec, calls
        # A page's own URL and time are known before anything is wrong with it.
        self.own = [name for name in ("url", "fetched_at") if name in OWN_FIELDS.get(spec.operator, ())]
        self.steps = [*self._identity(), self._text(spec.text), *self._rest()]

    def fill(self, draft: Draft) -> None:
        """All columns of a row; the first thing that is wrong becomes its reason."""
        for name in self.own:
            draft.made[name] = draft.record.values.get(name)
        if draft.reason is not None:
            return
        try:
            for step in self.steps:
                step(draft)
        except Refused as refused:
            draft.reason = (refused.rule, refused.value, refused.threshold)

    def _identity(self) -> list[Step]:
        columns = self.spec.columns
        steps = []
        if "url" in columns:
            steps.append(self._set("url", columns["url"], _string("url")))
        if "fetched_at" in columns:
            steps.append(self._set("fetched_at", columns["fetched_at"], moment))
        if "id" in columns:
            steps.append(_key(self._getter(columns["id"])))
        return steps

    def _rest(self) -> list[Step]:
        columns = self.spec.columns
        steps = []
        if "license" in columns:
            steps.append(self._set("license", columns["license"], licenses))
            if isinstance(columns["license"], Call):
                steps.append(_evidence(self.calls.number(columns["license"])))
        if "lang" in columns:
            steps.append(self._set("lang", columns["lang"], _string("lang")))
        for name, source in self.spec.user_columns.items():
            # Other readers than jsonl give values of the one type their files have.
            typed = isinstance(source, Field) and self.spec.operator == "jsonl"
            check = _named(name, converter(self.spec.schema.field(source.name))) if typed else None
            steps.append(self._set(name, source, check))
        return steps

    def _set(self, name: str, source: Field | Literal | Call, check: Callable[[Any], Any] | None) -> Step:
        get = self._getter(source)

        def step(draft: Draft) -> None:
            value = get(draft)
            draft.made[name] = value if check is None else check(value)

        return step

    def _getter(self, source: Field | Literal | Call) -> Getter:
        if isinstance(source, Field):
            name = source.name
            return lambda draft: draft.record.values.get(name)
        if isinstance(source, Literal):
            value = source.value
            return lambda draft: value
        number, first = self.calls.number(source), self.spec.operators[source.operator].columns[0].name
        return lambda draft: draft.outputs[number][first]

    def _text(self, source: Field | Literal | Call) -> Step:
        get, limit = self._getter(source), self.spec.max_bytes

        def of_field(draft: Draft) -> None:
            if source.name not in draft.record.values:
                raise Refused("missing_field", "", source.name)
            draft.text = checked_text(draft.record.values[source.name], limit)

        def of_call(draft: Draft) -> None:
            error = draft.outputs[number].get("error")
            if error:
                rule, _, value = error.partition(":")
                raise Refused(rule, value.strip(), "")
            text = get(draft)
            if text is None or text == "" or text.isspace():
                raise Refused("no_text", "", "")
            draft.text = checked_text(text, limit)

        def of_literal(draft: Draft) -> None:
            draft.text = checked_text(get(draft), limit)

        if isinstance(source, Field):
            return of_field
        if isinstance(source, Literal):
            return of_literal
        number = self.calls.number(source)
        return of_call


def _key(get: Getter) -> Step:
    def step(draft: Draft) -> None:
        draft.key = key_text(get(draft))

    return step


def _evidence(number: int) -> Step:
    """What the page says of its licence and of opt-outs, beside what its HTTP header said."""

    def step(draft: Draft) -> None:
        draft.meta = {**draft.meta, **dict(draft.outputs[number].get("evidence") or ())}

    return step


def _string(name: str) -> Callable[[Any], str | None]:
    def check(value: Any) -> str | None:
        if value is not None and not isinstance(value, str):
            raise Refused("wrong_type", f"{name}: {shown(value)}", "string")
        return value

    return check


def _named(name: str, convert: Callable[[Any], Any]) -> Callable[[Any], Any]:
    def check(value: Any) -> Any:
        if value is None:
            return None
        try:
            return convert(value)
        except Refused as refused:
            raise Refused(refused.rule, f"{name}: {refused.value}", refused.threshold) from None

    return check


# ---- the one column that only a source can make, in the shape of every operator's `run` ----------------


def path_part(inputs: Mapping[str, Any], calls: Sequence[Call]) -> list[list[pa.Array]]:
    """The n-th part of each `path`, from 0, or from the end where n is negative; null where there is none."""
    split = [path.strip("/").split("/") for path in inputs["path"].to_pylist()]
    return [[pa.array([_part(parts, call.args["n"]) for parts in split], pa.string())] for call in calls]


def _part(parts: list[str], n: int) -> str | None:
    return parts[n] if -len(parts) <= n < len(parts) else None
