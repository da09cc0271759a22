"""The plan as text that a person reads and `parse_plan` reads back, and as a graph for Graphviz.

    plan quickstart
    pages = source
      digest: "8c…"
      reader: {"operator": "warc", …}
    clean.keep = keep
      rows: "clean.columns"

One node a block, one field a line, values as JSON; so a pass is tested by a text before and a text after.
"""

from __future__ import annotations

import json
from collections.abc import Iterator

from pydantic import TypeAdapter

from recipec.plan import AnyNode, Frozen, NodeValue, Plan

_NODE: TypeAdapter = TypeAdapter(AnyNode)
_HEADER = ("compiler", "lake", "params", "files")


def plan_text(plan: Plan) -> str:
    """The textual form; the same plan gives the same text."""
    lines = [f"plan {plan.recipe}"]
    lines += [f"  {name}: {_json(getattr(plan, name))}" for name in _HEADER]
    for node in plan.nodes:
        fields = node.model_dump(mode="json")
        lines.append(f"\n{fields.pop('name')} = {fields.pop('kind')}")
        lines += [f"  {name}: {_json(value)}" for name, value in fields.items()]
    return "\n".join(lines) + "\n"


def parse_plan(text: str) -> Plan:
    """The plan of a textual form; ValueError (pydantic's ValidationError is one) where it is none."""
    blocks: list[tuple[str, dict[str, object]]] = []
    for line in text.splitlines():
        if not line.strip():
            continue
        if line.startswith("  "):
            name, _, value = line.strip().partition(": ")
            blocks[-1][1][name] = json.loads(value)
        else:
            blocks.append((line, {}))
    (head, header), *rest = blocks
    nodes = []
    for line, fields in rest:
        name, _, kind = line.partition(" = ")
        nodes.append(_NODE.validate_python({"name": name, "kind": kind, **fields}))
    return Plan(recipe=head.removeprefix("plan "), nodes=tuple(nodes), **header)


def dot(plan: Plan) -> str:
    """A Graphviz digraph, an edge from each node to those that read it."""
    lines = [f"digraph {json.dumps(plan.recipe)} {{", "  rankdir = LR;", "  node [shape = box];"]
    for node in plan.nodes:
        lines.append(f"  {json.dumps(node.name)} [label = {json.dumps(node.name + chr(10) + node.text)}];")
    known = {node.name for node in plan.nodes}
    for node in plan.nodes:
        for before in dict.fromkeys(_named(node, known)):
            if before != node.name:
                lines.append(f"  {json.dumps(before)} -> {json.dumps(node.name)};")
    return "\n".join([*lines, "}"]) + "\n"


_NAMES = frozenset(("texts", "rows", "units", "endpoint", "ask", "draw", "columns", "fit", "reads"))
"""Fields that hold names of nodes; so does `name` of a value that stands for one."""


def _named(value: object, known: set[str], field: str = "") -> Iterator[str]:
    """The nodes that a node names, wherever in it."""
    if isinstance(value, str):
        if field in _NAMES and value in known:
            yield value
    elif isinstance(value, NodeValue):
        yield value.name
    elif isinstance(value, Frozen):
        for one in type(value).model_fields:
            yield from _named(getattr(value, one), known, one)
    elif isinstance(value, dict):
        for one in value.values():
            yield from _named(one, known)
    elif isinstance(value, tuple):
        for one in value:
            yield from _named(one, known, field)


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)
