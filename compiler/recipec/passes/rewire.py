"""What passes share: nodes that name each other anew."""

from __future__ import annotations

from collections.abc import Mapping

from recipec import plan as p


def rewired(node: p.AnyNode, rows: Mapping[str, str], reads: Mapping[str, tuple[str, ...]]) -> p.AnyNode:
    """The node, on other rows (followed to their end) and reading other relations in place of some."""
    update: dict[str, object] = {}
    on = getattr(node, "rows", None)
    while on in rows:
        on = rows[on]
    if on != getattr(node, "rows", None):
        update["rows"] = on
    named = getattr(node, "reads", ())
    found = tuple(dict.fromkeys(other for name in named for other in reads.get(name, (name,))))
    if found != named:
        update["reads"] = found
    if isinstance(node, p.Dedup) and node.against is not None and node.against.columns in reads:
        (columns,) = reads[node.against.columns]
        update["against"] = node.against.model_copy(update={"columns": columns})
    return node.model_copy(update=update) if update else node
