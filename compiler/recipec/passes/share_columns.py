"""share_columns: what two relations compute over the same texts is computed once.

A column that an earlier node computes by the same operation over the same texts is taken from there:

    clean.columns  = annotate(pages: lang, lang_score, stats_words)
    clean.keep     = keep(clean.columns: …)
    other.columns  = annotate(pages: lang, lang_score, stats_lines)
    other.keep     = keep(other.columns: …)
becomes
    clean.columns  = annotate(pages: lang, lang_score, stats_words)
    clean.keep     = keep(clean.columns: …)
    other.columns  = annotate(pages: stats_lines)
    other.shared   = shared(other.columns: lang, lang_score from clean.columns)
    other.keep     = keep(other.shared: …)

Every annotate node computes its columns for all documents of its texts, so nothing is computed for rows that were
not asked for. Runs after fuse_annotations, so that what one select computes stands together.

It must not fire between different texts (a column's digest holds that of its texts), nor for columns that come later
in the script; two columns of one operation are taken together or not at all.
"""

from __future__ import annotations

from recipec import plan as p
from recipec.lowering.base import annotate_digest
from recipec.passes.rewire import rewired


def share_columns(plan: p.Plan) -> p.Plan:
    """See the module's text; the digests of decisions stay as they were."""
    lenders: dict[tuple[str, tuple[str, ...]], str] = {}
    digests = {node.name: node.digest for node in plan.nodes}
    rows: dict[str, str] = {}
    reads: dict[str, tuple[str, ...]] = {}
    out: list[p.AnyNode] = []
    for given in plan.nodes:
        node = rewired(given, rows, reads)
        if not isinstance(node, p.Annotate):
            out.append(node)
            continue
        own, shared = [], {}
        for column in node.columns:
            lender = lenders.setdefault((column.digest, column.outputs), node.name)
            if lender == node.name:
                own.append(column)
            else:
                shared.setdefault(lender, []).extend(column.outputs)
        if own:
            update = {"columns": tuple(own), "digest": annotate_digest(digests[node.texts], own)}
            out.append(node.model_copy(update=update))
        views = [
            p.Shared(
                name=f"{node.name}.shared{n if n > 1 else ''}", of=node.of, rows=None, columns=lender,
                outputs=tuple(outputs), digest=p.digest("shared", digests[node.texts], outputs), at=node.at,
                text=node.text,
            )
            for n, (lender, outputs) in enumerate(shared.items(), 1)
        ]  # fmt: skip
        reads[node.name] = (*([node.name] if own else []), *(view.name for view in views))
        if "." not in node.of:  # else the key of the rows another relation is compared with: no rows of its own
            last = node.name if own else node.rows
            for n, view in enumerate(views):
                views[n] = view.model_copy(update={"rows": last})
                last = view.name
            if last != node.name:
                rows[node.name] = last
        out += views
    return plan.model_copy(update={"nodes": tuple(out)})
