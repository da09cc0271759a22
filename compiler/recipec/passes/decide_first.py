"""decide_first: decisions that do not read a score come before it, so that fewer texts are scored.

    clean.scores = score(clean.keep: edu)
    clean.keep_2 = keep(clean.scores: stats_words >= 50)
    clean.scored = keep(clean.keep_2: score edu)
becomes
    clean.keep_2 = keep(clean.keep: stats_words >= 50)
    clean.scores = score(clean.keep_2: edu)
    clean.scored = keep(clean.scores: score edu)

Scores are kept by text and scorer, whatever rows they were asked for, so only their number changes. The node takes
the decisions that now stand before it into its digest: with another threshold it has to look for rows again.

It must not fire over a decision that reads the score, over anything that looks at the rows as a whole (a dedup, a
sample), over an edit of the text, nor where that would put a decision before another one of the recipe; what is
computed for every text anyway (an annotate node) moves nothing and is no reason to move.
"""

from __future__ import annotations

from recipec import plan as p
from recipec.lower_values import columns_of
from recipec.passes.rewire import rewired


def decide_first(plan: p.Plan) -> p.Plan:
    """See the module's text; the digests of decisions stay as they were."""
    nodes = list(plan.nodes)
    behind = _behind(nodes)
    for score in [node for node in reversed(nodes) if isinstance(node, p.Score)]:
        passed = _passed(score, behind)
        if passed:
            nodes = _moved(nodes, score, passed)
            behind = _behind(nodes)
    return plan.model_copy(update={"nodes": tuple(nodes)})


def _behind(nodes: list[p.AnyNode]) -> dict[str, p.AnyNode]:
    """Node → the node that stands on its rows."""
    return {node.rows: node for node in nodes if getattr(node, "rows", None) is not None}


def _passed(score: p.Score, behind: dict[str, p.AnyNode]) -> list[p.AnyNode]:
    """What the score can stand behind, up to the last decision."""
    given = {column.name for column in score.columns}
    passed: list[p.AnyNode] = []
    node = behind.get(score.name)
    while isinstance(node, p.Keep | p.Annotate | p.Shared):
        if isinstance(node, p.Keep) and any(not given.isdisjoint(columns_of(rule.expr)) for rule in node.rules):
            break
        passed.append(node)
        node = behind.get(node.name)
    while passed and not isinstance(passed[-1], p.Keep):
        passed.pop()
    return passed


def _moved(nodes: list[p.AnyNode], score: p.Score, passed: list[p.AnyNode]) -> list[p.AnyNode]:
    """The nodes, with the score behind those."""
    last = passed[-1].name
    columns = [node.name for node in passed if isinstance(node, p.Annotate | p.Shared)]
    decided = [node.digest for node in passed if isinstance(node, p.Keep)]
    moved = score.model_copy(
        update={
            "rows": last,
            "reads": tuple(dict.fromkeys([*score.reads, *columns])),
            "digest": p.digest("decided first", score.digest, decided),
        }
    )
    names = {node.name for node in passed}
    out: list[p.AnyNode] = []
    for node in nodes:
        if node.name == score.name:
            continue
        first = node.name == passed[0].name
        rows = {score.name: score.rows} if first else {} if node.name in names else {last: score.name}
        out.append(rewired(node, rows, {}))
        if node.name == last:
            out.append(moved)
    return out
