"""The model calls behind a row: what was asked and by which prompt, of which model, what came back, and the
gates it passed. The prompt is not kept: it is rendered again from the parent's text and proved by its key."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from recipe_runtime import tables
from recipe_runtime.delta_sql import equal
from recipe_runtime.errors import StepError
from recipe_runtime.lineage.answer import Answer, entry, item, named, number, placed, when
from recipe_runtime.lineage.ledger import Ledger
from recipe_runtime.lineage.look import among
from recipe_runtime.safe_text import safe

PROMPT_LINES, PROMPT_WIDTH = 30, 1_000
"""Lines of a prompt, and characters of a line, that a person is shown; JSON has all of it."""

UNIT = frozenset({
    "unit", "doc_id", "prompt", "segment", "span_start", "span_end", "segment_tokens", "sample", "key", "round",
    "answer", "finish", "tokens", "copied_tokens", "rejected", "outcome", "source_text", "from_source",
})  # fmt: skip
"""Columns of an ask's relation that no statement of the recipe made."""


@dataclass(frozen=True)
class Gate:
    """What an ask decided of a unit. `rules`: the lines of its `verify`, (place, text); `rejected`: the first
    that it failed. `scores` has every figure that the recipe computed of the answer. `from_source`: the answer
    failed and the segment itself was kept in its place."""

    step: str
    step_name: str
    at: str
    line: str | None
    unit: str | None
    outcome: str
    finish: str | None
    tokens: int | None
    segment_tokens: int | None
    copied_tokens: int | None
    scores: Mapping[str, Any]
    rules: tuple[tuple[str, str], ...]
    rejected: Mapping[str, Any] | None
    from_source: bool

    def lines(self, width: int) -> list[str]:
        """For people."""
        ratio = self.tokens / self.segment_tokens if self.tokens is not None and self.segment_tokens else None
        figures = {
            "finish": self.finish, "tokens": self.tokens, "segment_tokens": self.segment_tokens,
            "tokens / segment_tokens": ratio, "copied_tokens": self.copied_tokens, **self.scores,
        }  # fmt: skip
        shown = ", ".join(f"{name} = {number(value)}" for name, value in figures.items() if value is not None)
        outcome = "failed, its source was kept" if self.from_source else self.outcome
        lines = [*entry("gates", f"{outcome}: {shown}", width, 2)]
        failed = self.rejected and self.rejected.get("at")
        for at, text in self.rules:
            lines += entry("FAILED" if at == failed else "rule", placed(at, text), width, 4)
        if self.rejected:
            r = self.rejected
            lines += entry("failed at", f"{r.get('rule')}: {r.get('value')}, {r.get('threshold')}", width, 4)
        return lines


@dataclass(frozen=True)
class Call(Answer):
    """One answer that a row was made from. The model as it was asked and as it was served; the span of the
    segment in the UTF-8 bytes of the text of `doc_id`; `messages` as they were sent, empty where they cannot
    be rendered. `proof`: `proved`, `mismatch` or `impossible`; `proof_said` tells it whole."""

    key: str
    prompt: str | None
    template: str | None
    template_parts: Mapping[str, Any] | None
    variables: Mapping[str, str]
    model: str | None
    revision: str | None
    deployment: str | None
    served_model: str | None
    fingerprint: str | None
    params: Mapping[str, Any]
    sample: int
    round: int
    outcome: str
    finish: str | None
    prompt_tokens: int | None
    completion_tokens: int | None
    answer_hash: str | None
    at: datetime | None
    seconds: float | None
    logprob: float | None
    run_id: str
    doc_id: str
    span_start: int | None
    span_end: int | None
    messages: tuple[Mapping[str, str], ...]
    proof: Literal["proved", "mismatch", "impossible"]
    proof_said: str
    gate: Gate | None

    def lines(self, width: int) -> list[str]:
        """For people."""
        asked = [self.model, self.revision and f"revision {self.revision}", self.deployment]
        served = [self.served_model or "no name given", self.fingerprint and f"fingerprint {self.fingerprint}"]
        span = "its whole text" if self.span_start is None else f"bytes {self.span_start:,} to {self.span_end:,}"
        used = [
            self.outcome + (f", finish {self.finish}" if self.finish else ""),
            None if self.prompt_tokens is None else f"{self.prompt_tokens:,} prompt tokens",
            None if self.completion_tokens is None else f"{self.completion_tokens:,} completion tokens",
            None if self.seconds is None else f"{self.seconds:.2f} s",
            None if self.logprob is None else f"{self.logprob:.3f} mean log-probability of a token",
        ]
        lines = [
            *entry("prompt", f"{self.prompt}  template {self.template}", width, 2),
            *entry("variables", named(self.variables), width, 2),
            *entry("asked", ", ".join(part for part in asked if part), width, 2),
            *entry("served", ", ".join(part for part in served if part), width, 2),
            *entry("sampling", f"{named(self.params)}; sample {self.sample}, round {self.round}", width, 2),
            *entry("answer", ", ".join(part for part in used if part), width, 2),
            *entry("", self.answer_hash and f"text hash {self.answer_hash}", width, 2),
            *entry("called", f"{when(self.at)} by run {self.run_id}", width, 2),
            *entry("segment", f"{span} of {self.doc_id}", width, 2),
            *(self.gate.lines(width) if self.gate else ()),
            *entry("proof", self.proof_said, width, 2),
        ]
        for message in self.messages:
            lines += item(f"{message['role']}:", width, 2)
            lines += _quoted(message["content"], width)
        return lines


def _quoted(text: str, width: int) -> list[str]:
    """The lines of a prompt, each made harmless, behind a bar, so that none looks like one of ours."""
    lines = text.split("\n")
    shown = [part for line in lines[:PROMPT_LINES] for part in _folded(safe(line, PROMPT_WIDTH), width - 6)]
    if len(lines) > PROMPT_LINES:
        shown.append(f"… {len(lines):,} lines in all; --json has them")
    return [f"    | {part}".rstrip() for part in shown]


def _folded(line: str, width: int) -> list[str]:
    wide = max(width, 20)
    return [line[start : start + wide] for start in range(0, len(line), wide)] or [""]


HOLDS_TEXT = ("source", "edit", "derive")
"""Kinds of steps whose relations have texts."""


class Texts:
    """Texts of documents behind a row, each read once. `places` says in which file and where a document stood,
    so that a look-up reads a few row groups instead of a table."""

    def __init__(self, ledger: Ledger, behind: Sequence[Mapping[str, Any]], places: Mapping[str, tuple[str, int]]):
        self._ledger, self._places = ledger, places
        self._steps = [step for step in reversed(behind) if step["kind"] in HOLDS_TEXT]
        self._known: dict[str, str | None] = {}

    def of(self, doc_id: str) -> str | None:
        """The text of a document; None where the relations that held it are no longer kept."""
        if doc_id not in self._known:
            self._known[doc_id] = self._read(doc_id)
        return self._known[doc_id]

    def _read(self, doc_id: str) -> str | None:
        for step in self._steps:
            relation = self._ledger.relation(step)
            where = equal(doc_id=doc_id)
            place = self._places.get(doc_id)
            if place and {"file_id", "record"} <= set(relation.columns):
                where += " and " + equal(file_id=place[0], record=place[1])
            for row in relation.rows(where, ("text",), limit=1):
                if row["text"] is not None:
                    return row["text"]
        return None


def calls_of(
    ledger: Ledger, behind: Sequence[Mapping[str, Any]], keys: Sequence[str], parents: Sequence[str], texts: Texts
) -> list[Call]:
    """The calls of a row's generation keys, in their order; a key that the lake does not have is left out."""
    if not keys:
        return []
    columns = [name for name in ledger.table(tables.GENERATIONS).columns if name != "text"]
    found = {row["key"]: row for row in ledger.table(tables.GENERATIONS).rows(among("key", set(keys)), columns)}
    units = _units(ledger, behind, keys, parents)
    calls = []
    for key in keys:
        if key in found:
            # One answer serves every unit of that key: equal segments of one document take theirs in order.
            own = units.get(key, [])
            step, unit = own.pop(0) if len(own) > 1 else own[0] if own else (None, None)
            calls.append(_call(ledger, found[key], step, unit, texts))
    return calls


def _units(
    ledger: Ledger, behind: Sequence[Mapping[str, Any]], keys: Sequence[str], parents: Sequence[str]
) -> dict[str, list[tuple[Mapping[str, Any], dict[str, Any]]]]:
    """key → (ask step, unit) for the units of these documents, in the order of their segments."""
    units: dict[str, list[tuple[Mapping[str, Any], dict[str, Any]]]] = {}
    where = among("key", set(keys)) + (f" and {among('doc_id', parents)}" if parents else "")
    for step in behind:
        if step["kind"] == "ask":
            relation = ledger.relation(step)
            columns = [name for name in relation.columns if name not in ("answer", "source_text")]
            rows = relation.rows(where, columns)
            for row in sorted(rows, key=lambda row: (row["doc_id"], row["prompt"], row["segment"], row["sample"])):
                units.setdefault(row["key"], []).append((step, row))
    return units


def _call(
    ledger: Ledger, row: Mapping[str, Any], step: Mapping[str, Any] | None, unit: Mapping[str, Any] | None, texts: Texts
) -> Call:
    asked_of = unit or row
    doc_id, start, end = asked_of["doc_id"], asked_of["span_start"], asked_of["span_end"]
    variables = json.loads(row["variables"] or "{}")
    params = json.loads(row["params"] or "{}")
    template, missing = _template(ledger, row["template"])
    if template is None:
        messages, proof, said = (), "impossible", missing
    else:
        messages, proof, said = _proved(row, template, variables, params, texts.of(doc_id), doc_id, start, end)
    told = {name: row[name] for name in _AS_KEPT} | {"logprob": row.get("logprob")}  # younger than the table
    return Call(
        **told, template_parts=template, variables=variables, params=params, doc_id=doc_id, span_start=start,
        span_end=end, messages=messages, proof=proof, proof_said=said,
        gate=_gate(ledger, step, unit) if step and unit else None,
    )  # fmt: skip


_AS_KEPT = (
    "key", "prompt", "template", "model", "revision", "deployment", "served_model", "fingerprint", "sample",
    "round", "outcome", "finish", "prompt_tokens", "completion_tokens", "answer_hash", "at", "seconds", "run_id",
)  # fmt: skip


def _template(ledger: Ledger, sha256: str | None) -> tuple[Mapping[str, Any] | None, str]:
    if sha256 is None:
        return None, "not provable: no template is named"
    try:
        return json.loads(ledger.lake.get_blob(sha256)), ""
    except StepError as error:
        return None, f"not provable: {error}"


def _proved(
    row: Mapping[str, Any],
    template: Mapping[str, Any],
    variables: Mapping[str, str],
    params: Mapping[str, Any],
    text: str | None,
    doc_id: str,
    start: int | None,
    end: int | None,
) -> tuple[tuple[Mapping[str, str], ...], Literal["proved", "mismatch", "impossible"], str]:
    """(messages, proof, what is said of it): the prompt rendered again, and its key taken again."""
    from recipe_udfs.endpoint.request import request_key
    from recipe_udfs.prompts import render

    if text is None:
        return (), "impossible", f"not provable: the text of {doc_id} is no longer kept"
    data = text.encode()
    if start is not None and not 0 <= start <= (len(data) if end is None else end) <= len(data):
        return (), "mismatch", f"MISMATCH: the text of {doc_id} has {len(data):,} bytes, the span is {start} to {end}"
    try:
        segment = data[start:end].decode()
        messages = render(template, {**variables, "text": segment})
    except UnicodeDecodeError:
        return (), "mismatch", f"MISMATCH: the span {start} to {end} cuts a character of {doc_id}"
    except ValueError as error:
        return (), "mismatch", f"MISMATCH: the template cannot be rendered: {error}"
    key = request_key(
        model=row["model"], revision=row["revision"], deployment=row["deployment"], messages=messages,
        params=params, sample=row["sample"], round=row["round"],
    )  # fmt: skip
    if key == row["key"]:
        return tuple(messages), "proved", f"proved: the key matches ({key})"
    said = f"MISMATCH: this prompt has the key {key}, the answer is kept under {row['key']}"
    return tuple(messages), "mismatch", said


def _gate(ledger: Ledger, step: Mapping[str, Any], unit: Mapping[str, Any]) -> Gate:
    return Gate(
        step=step["step"],
        step_name=step["name"],
        at=step["at"],
        line=ledger.line(step["run_id"], step["at"]),
        unit=unit.get("unit"),
        outcome=unit["outcome"],
        finish=unit.get("finish"),
        tokens=unit.get("tokens"),
        segment_tokens=unit.get("segment_tokens"),
        copied_tokens=unit.get("copied_tokens"),
        scores={name: value for name, value in unit.items() if name not in UNIT},
        rules=tuple(ledger.block(step["run_id"], step["at"], "verify")),
        rejected=unit.get("rejected"),
        from_source=bool(unit.get("from_source")),
    )
