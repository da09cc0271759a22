"""Answers in the form that a request asks for: a JSON schema, a choice, a regular expression."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson


def structured(body: Mapping[str, Any], number: int) -> str | None:
    """An answer in the form asked for by `response_format` (OpenAI) or `structured_outputs` (vLLM); None where a
    request asks for none. `number` picks one of the choices."""
    form = body.get("structured_outputs") or {}
    asked = body.get("response_format") or {}
    if asked.get("type") == "json_schema":
        form = {"json": asked["json_schema"]["schema"]}
    if "json" in form:
        schema = form["json"] if isinstance(form["json"], Mapping) else orjson.loads(form["json"])
        return orjson.dumps(instance(schema, schema)).decode()
    if "choice" in form:
        return form["choice"][number % len(form["choice"])]
    if "regex" in form:
        return matching(form["regex"])
    return None


def instance(schema: Mapping[str, Any], root: Mapping[str, Any]) -> Any:
    """A value that satisfies a JSON schema, as far as recipes ask: types, enum, const, required and other
    properties, items, sizes, bounds, pattern, anyOf, and $ref within `root`."""
    if "$ref" in schema:
        found: Any = root
        for part in schema["$ref"].removeprefix("#/").split("/"):
            found = found[part]
        return instance(found, root)
    if "const" in schema:
        return schema["const"]
    if "enum" in schema:
        return schema["enum"][0]
    for several in ("anyOf", "oneOf"):
        if several in schema:
            return instance(schema[several][0], root)
    kind = schema.get("type", "object")
    kind = kind[0] if isinstance(kind, list) else kind
    if kind == "object":
        return {name: instance(one, root) for name, one in schema.get("properties", {}).items()}
    if kind == "array":
        return [instance(schema.get("items", {"type": "string"}), root)] * schema.get("minItems", 1)
    if kind == "string":
        text = matching(schema["pattern"]) if "pattern" in schema else "words"
        return text.ljust(schema.get("minLength", 0), "s")[: schema.get("maxLength")]
    if kind in ("integer", "number"):
        least = schema.get("minimum", schema.get("exclusiveMinimum", 0) + ("exclusiveMinimum" in schema))
        return min(max(1, least), schema.get("maximum", max(1, least)))
    return {"boolean": True, "null": None}[kind]


def matching(pattern: str) -> str:
    """The first of the shortest texts that a regular expression matches as a whole."""
    import interegular
    from interegular.fsm import anything_else

    machine = interegular.parse_pattern(pattern).to_fsm()
    return "".join("x" if one is anything_else else one for one in next(iter(machine.strings())))
