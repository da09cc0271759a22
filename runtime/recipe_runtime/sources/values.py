"""Checks of single values: what may be a text, an id, a licence, a time; and how a wrong one is shown."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import orjson
import pyarrow as pa

SHOWN = 120
"""Characters of a wrong value that a reject keeps."""

JSON = {b"form": b"json"}
"""Metadata of a string field whose values are objects or mixed lists, kept as JSON text."""


UNSEEN = {b"form": b"unseen"}
"""Metadata of a string field of which no value was seen when types were found."""


class Refused(Exception):
    """Why a record is no document: rule, the value found, the limit it broke."""

    def __init__(self, rule: str, value: str, threshold: str):
        super().__init__(rule)
        self.rule, self.value, self.threshold = rule, value, threshold


def shown(value: Any) -> str:
    """A value in one short printable line: control characters and lone surrogates escaped, the rest cut."""
    text = value if isinstance(value, str) else f"{type(value).__name__} {value!r:.{SHOWN}}"
    short = text[:SHOWN] + "…" if len(text) > SHOWN else text
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in short)


def checked_text(value: Any, max_bytes: int) -> str:
    """`value` where it can be a document's text; raises Refused."""
    if value is None:
        raise Refused("null_text", "null", "")
    if not isinstance(value, str):
        raise Refused("wrong_type", f"text: {shown(value)}", "string")
    if not value or value.isspace():
        raise Refused("empty_text", f"{len(value)} characters", "")
    if "\0" in value:
        raise Refused("nul_character", f"at character {value.index(chr(0))}", "")
    if len(value) * 4 > max_bytes and len(value.encode()) > max_bytes:
        raise Refused("too_large", str(len(value.encode())), str(max_bytes))
    return value


def key_text(value: Any) -> str:
    """A declared id as text; raises Refused. Floats are no ids: JSON gives one for a number past 64 bits."""
    if isinstance(value, str) and value:
        return value
    if isinstance(value, int | Decimal) and not isinstance(value, bool):
        return str(value)
    if value is None or value == "":
        raise Refused("missing_field", "null" if value is None else "empty", "id")
    raise Refused("wrong_type", f"id: {shown(value)}", "string or integer")


def licenses(value: Any) -> list[str] | None:
    """One licence or a list of them as a sorted set; null stays null. Raises Refused."""
    if value is None or value == "":
        return None
    found = [value] if isinstance(value, str) else value
    if not isinstance(found, list) or not all(isinstance(each, str) for each in found):
        raise Refused("wrong_type", f"license: {shown(value)}", "string or list of strings")
    return sorted(set(found))


def moment(value: Any) -> datetime | None:
    """A time in UTC from a timestamp, a date or ISO 8601 text (UTC where it names no zone). Raises Refused."""
    if value is None:
        return None
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value)
        except ValueError:
            raise Refused("wrong_type", f"fetched_at: {shown(value)}", "timestamp") from None
    if isinstance(value, date) and not isinstance(value, datetime):
        value = datetime(value.year, value.month, value.day)
    if not isinstance(value, datetime):
        raise Refused("wrong_type", f"fetched_at: {shown(value)}", "timestamp")
    return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


def converter(column: pa.Field) -> Callable[[Any], Any]:
    """From a JSON value to the type a JSONL column was found to have; the function raises Refused."""
    kind = column.type
    if column.metadata == JSON:
        return lambda value: orjson.dumps(value).decode()
    if column.metadata == UNSEEN:
        return lambda value: value if isinstance(value, str) else orjson.dumps(value).decode()
    accept, name = {
        pa.bool_(): (lambda v: isinstance(v, bool), "truth value"),
        pa.int64(): (_is_integer, "integer"),
        pa.float64(): (lambda v: isinstance(v, int | float) and not isinstance(v, bool), "number"),
        pa.list_(pa.string()): (_is_texts, "list of strings"),
        pa.string(): (lambda v: isinstance(v, str), "string"),
    }[kind]
    make = {pa.int64(): int, pa.float64(): float}.get(kind, lambda value: value)

    def convert(value: Any) -> Any:
        if not accept(value):
            raise Refused("wrong_type", shown(value), name)
        return make(value)

    return convert


def passing_types(column: pa.Field) -> frozenset[type]:
    """Types of which every value is to `converter(column)` what it makes of it."""
    if column.metadata == JSON:
        return frozenset()
    return frozenset({pa.bool_(): {bool}, pa.float64(): {float}, pa.string(): {str}}.get(column.type, ()))


def _is_integer(value: Any) -> bool:
    """An integer of 64 bits, also where JSON wrote it as 3.0."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return value == int(value) and -(2**63) <= value < 2**63 if abs(value) < 2**64 else False


def _is_texts(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(each, str) for each in value)
