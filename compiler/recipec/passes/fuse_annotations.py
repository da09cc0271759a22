"""fuse_annotations: one annotate node where a select computes columns of one relation of texts in several.

The columns of a select over the same texts go into the first such node, so that Spark hands each text to
Python once:

    clean.columns = annotate(pages: lang, lang_score)
    clean.keep    = keep(clean.columns: lang == "en")
    clean.columns_2 = annotate(pages: stats_words; rows clean.keep)
    clean.keep_2  = keep(clean.columns_2: …)
becomes
    clean.columns = annotate(pages: lang, lang_score, stats_words)
    clean.keep    = keep(clean.columns: lang == "en")
    clean.keep_2  = keep(clean.keep: …)

It must not fire across an edit (the texts are others then) nor between selects (each keeps its columns under
a digest of its own), nor where a column is computed anew under a name it already has; it never moves a decision.
"""

from __future__ import annotations

from recipec import plan as p
from recipec.lowering.base import annotate_digest
from recipec.passes.rewire import rewired


def fuse_annotations(plan: p.Plan) -> p.Plan:
    """See the module's text; the digests of decisions stay as they were."""
    first: dict[tuple[str, str], str] = {}
    members: dict[str, list[p.Annotate]] = {}
    renamed: dict[str, str] = {}
    reads: dict[str, tuple[str, ...]] = {}
    digests = {node.name: node.digest for node in plan.nodes}
    for node in plan.nodes:
        if isinstance(node, p.Annotate):
            head = first.setdefault((node.of, node.texts), node.name)
            filled = {name for member in members.get(head, []) for column in member.columns for name in column.outputs}
            if any(name in filled for column in node.columns for name in column.outputs):
                continue
            members.setdefault(head, []).append(node)
            if head != node.name:
                renamed[node.name] = node.rows
                reads[node.name] = (head,)
    out: list[p.AnyNode] = []
    for node in plan.nodes:
        if node.name in renamed:
            continue
        if node.name in members:
            columns = tuple(c for member in members[node.name] for c in member.columns)
            update = {"columns": columns, "digest": annotate_digest(digests[node.texts], columns)}
            node = node.model_copy(update=update)
        out.append(rewired(node, renamed, reads))
    return plan.model_copy(update={"nodes": tuple(out)})
