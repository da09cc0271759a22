"""The JSON schema of a reply: its text in the recipe, or a `.json` file that the recipe names.

What is read is plain: JSON that any reader reads alike, of bounded size and depth, and a schema that refers to
nothing outside of itself, so that the text is all there is to pin.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NoReturn
from urllib.parse import unquote

from recipec import resolved as r

SUFFIX = ".json"
MAX_BYTES = 1_000_000
MAX_DEPTH = 64
MAX_DIGITS = 30
DRAFTS = (
    "https://json-schema.org/draft/2020-12/schema", "https://json-schema.org/draft/2019-09/schema",
    "http://json-schema.org/draft-07/schema", "http://json-schema.org/draft-06/schema",
    "http://json-schema.org/draft-04/schema",
)  # fmt: skip
ANY = "{}"
"""The schema that every JSON text fits."""


class Unusable(ValueError):
    """A text that is no schema of a reply; the message says why, as the end of a sentence."""


def file_of(reply: r.Reply) -> r.Lit | None:
    """The name of the file that a reply's schema stands in; None where the recipe holds it, or there is none."""
    given = reply.args[0] if reply.kind == "json" and reply.args else None
    return given if isinstance(given, r.Lit) and str(given.value).endswith(SUFFIX) else None


def read(path: Path) -> str:
    """The text of a schema's file. Raises Unusable for one that is too long or not UTF-8, OSError as reading does."""
    with path.open("rb") as file:
        data = file.read(MAX_BYTES + 1)
    if len(data) > MAX_BYTES:
        raise Unusable(f"it has more than {MAX_BYTES:,} bytes")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise Unusable("it is not UTF-8") from error


def plain(text: str) -> str:
    """The schema without what is only layout: one line of ASCII, its names in the order they are written in, which
    is the order in which servers write them. Raises Unusable."""
    made = _parsed(text)
    if not isinstance(made, dict):
        raise Unusable("a schema is an object: `{…}`")
    _check(made)
    return json.dumps(made, separators=(",", ":"), ensure_ascii=True)


def _parsed(text: str) -> Any:
    try:
        made = json.loads(text, object_pairs_hook=_once, parse_constant=_no_json, parse_int=_whole, parse_float=_finite)
        if _depth(made) > MAX_DEPTH:
            raise Unusable(f"it nests deeper than {MAX_DEPTH} levels")
        json.dumps(made, ensure_ascii=False).encode("utf-8")
    except json.JSONDecodeError as error:
        raise Unusable(f"it is no JSON: {error.msg}, line {error.lineno}, column {error.colno}") from error
    except RecursionError as error:
        raise Unusable(f"it nests deeper than {MAX_DEPTH} levels") from error
    except UnicodeEncodeError as error:
        raise Unusable("it holds half of a surrogate pair") from error
    return made


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise Unusable(f"it has {json.dumps(twice[:40])} twice in one object")
    return made


def _no_json(word: str) -> NoReturn:
    raise Unusable(f"it is no JSON: `{word}` is no number")


def _whole(digits: str) -> int:
    if len(digits) > MAX_DIGITS:
        raise Unusable(f"the number {digits[:20]}… is too large")
    return int(digits)


def _finite(digits: str) -> float:
    made = float(digits)
    if math.isinf(made):
        raise Unusable(f"the number {digits[:20]} is too large")
    return made


def _depth(value: Any) -> int:
    if not isinstance(value, dict | list):
        return 0
    return 1 + max((_depth(one) for one in (value.values() if isinstance(value, dict) else value)), default=0)


def _check(schema: dict[str, Any]) -> None:
    """Is it a schema, by the draft that it names or else by the newest, and is all there that it refers to?"""
    from jsonschema.exceptions import SchemaError  # few recipes have a schema
    from jsonschema.validators import Draft202012Validator, validator_for

    draft = schema.get("$schema", DRAFTS[0])
    if not isinstance(draft, str) or draft.removesuffix("#") not in DRAFTS:
        raise Unusable(f"it is of a draft that is not known: {json.dumps(draft)[:80]}")
    try:
        validator_for(schema, default=Draft202012Validator).check_schema(schema)
    except SchemaError as error:
        where = "/".join(str(one) for one in error.absolute_path)
        raise Unusable(f"{json.dumps(error.instance)[:60]} cannot stand at `{where}`") from error
    inner = [one for one in _objects(schema) if one is not schema]
    if any(isinstance(one.get("$id"), str) for one in inner):
        raise Unusable("a schema within it has an `$id` of its own")
    anchors = {f"#{one['$anchor']}" for one in _objects(schema) if isinstance(one.get("$anchor"), str)}
    for one in _objects(schema):
        target = one.get("$ref")
        if isinstance(target, str) and target not in anchors and not _leads(schema, target):
            raise Unusable(f"it refers to {json.dumps(target[:80])}, which is not in it")


def _objects(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        yield value
        value = list(value.values())
    if isinstance(value, list):
        for one in value:
            yield from _objects(one)


def _leads(schema: dict[str, Any], target: str) -> bool:
    """Does `#/$defs/name` lead to a schema?"""
    found: Any = schema
    if target in ("#", "#/"):
        return target == "#"
    if not target.startswith("#/"):
        return False
    for part in unquote(target[2:]).split("/"):
        part = part.replace("~1", "/").replace("~0", "~")
        if isinstance(found, list) and part.isascii() and part.isdecimal() and int(part) < len(found):
            found = found[int(part)]
        elif isinstance(found, dict) and part in found:
            found = found[part]
        else:
            return False
    return isinstance(found, dict | bool)
