"""The form that a prompt asks its answer to have, and whether an answer has it.

A form is a JSON list, so that it can be part of a key: `["json", schema]` (a JSON Schema, draft 2020-12 unless it
names another; nothing is fetched for it), `["choice", text, …]`, `["regex", pattern]` (Python's `re`, over the whole
answer), or `["number", low, high]` (both ends included). White space around an answer does not count. A server that
was asked for a form may still give something else, so what is asked for is always looked for too.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

Form = Sequence[Any]

_NUMBER = re.compile(r"[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?", re.ASCII)


class ReplyError(ValueError):
    """A form that is none, or that no answer can be looked at by; the text says why."""


def check_form(form: Form) -> None:
    """Raises ReplyError for a form that is none."""
    match form:
        case ["json", schema]:
            _check_schema(schema)
        case ["choice", *choices] if choices and all(isinstance(one, str) for one in choices):
            pass
        case ["regex", str(pattern)]:
            try:
                re.compile(pattern)
            except re.error as error:
                raise ReplyError(f"no regular expression: {error}") from error
        case ["number", int() | float() as low, int() | float() as high] if low <= high:
            pass
        case _:
            raise ReplyError(f"`{form[0] if form else form}` of {len(form) - 1} values is no form of a reply")


def wanted(form: Form) -> str:
    """The form in a few words."""
    match form:
        case ["number", low, high]:
            return f"{low:g} .. {high:g}"
        case ["choice", *choices]:
            return " | ".join(choices)
        case ["regex", pattern]:
            return pattern
    return "the schema"


Looker = Callable[[str], str | None]


def looker(form: Form) -> Looker:
    """A function that says of an answer what it is instead of the form, None where it has it. It quotes nothing of
    the answer but a number and the names of fields on the way to what is wrong."""
    kind, *given = form
    return {"json": _json, "choice": _choice, "regex": _regex, "number": _number}[kind](*given)


def _choice(*choices: str) -> Looker:
    return lambda answer: None if answer.strip() in choices else "something else"


def _regex(pattern: str) -> Looker:
    found = re.compile(pattern)
    return lambda answer: None if found.fullmatch(answer.strip()) else "no match"


def _number(low: float, high: float) -> Looker:
    def look(answer: str) -> str | None:
        if not _NUMBER.fullmatch(answer.strip()):
            return "no number"
        value = float(answer)
        return None if low <= value <= high else f"{value:g}"

    return look


def _json(schema: Any) -> Looker:
    import orjson

    validator = _validator(schema)

    def look(answer: str) -> str | None:
        try:
            found = orjson.loads(answer)
        except orjson.JSONDecodeError:
            return "no JSON"
        try:
            error = next(validator.iter_errors(found), None)
        except RecursionError:
            return "too deep"
        return None if error is None else f"{_path(error.absolute_path)}: {error.validator}"

    return look


def _path(steps: Sequence[str | int]) -> str:
    """A place in a JSON value, as `$.items[3].name`."""
    said = "$" + "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in steps)
    return "".join(char if char.isprintable() else "\ufffd" for char in said)[:200]


def _validator(schema: Any) -> Any:
    from jsonschema import Draft202012Validator
    from jsonschema.validators import validator_for
    from referencing import Registry

    return validator_for(schema, default=Draft202012Validator)(schema, registry=Registry())


def _check_schema(schema: Any) -> None:
    from jsonschema import SchemaError

    try:
        _validator(schema).check_schema(schema)
    except SchemaError as error:
        raise ReplyError(f"no JSON schema: {_path(error.absolute_path)}: {error.message[:200]}") from error
