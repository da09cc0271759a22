"""Each pass by a plan before and the plan after, in the textual form; and that none changes what is decided."""

from __future__ import annotations

from recipec.backend import Backend
from recipec.driver import Compilation
from recipec.passes.fuse_annotations import fuse_annotations
from recipec.plan import Annotate
from recipec.plan_text import dot, parse_plan, plan_text

RECIPE = """recipe r
edition 2026
param lake: path
source pages = jsonl("in.jsonl") { id = id }
select clean from pages {
  lang by fasttext("lid.176")
  keep lang == en
  keep stats.words >= 50
  clean lines(min_words = 3)
  keep stats.words >= 40
  dedup minhash(shingle = 5 words, bands = 2, rows = 2, verify = none, seed = 1)
}
write clean to delta(lake) { partition = [lang] }
"""


def backend(text: str = RECIPE) -> Backend:
    made = Backend(Compilation(params={"lake": "lake"}, text=text, name="r.recipe"))
    assert [d for d in made.diagnostics if d.severity == "error"] == []
    return made


def columns(plan) -> list[tuple[str, str, list[str]]]:
    """(node, texts, its columns) of each annotate node."""
    return [(n.name, n.texts, [o for c in n.columns for o in c.outputs]) for n in plan.nodes if isinstance(n, Annotate)]


def test_fuse_annotations_golden(golden):
    plan = backend().plan
    golden("fuse_annotations.before.plan", plan_text(plan))
    golden("fuse_annotations.after.plan", plan_text(fuse_annotations(parse_plan(plan_text(plan)))))


def test_columns_of_one_relation_of_texts_are_computed_together_and_not_across_an_edit():
    before, after = columns(backend().plan), columns(backend().optimised)
    assert [c for _, _, c in before[:2]] == [["lang", "lang_score"], ["stats_words"]]
    assert [(texts, len(c)) for _, texts, c in after] == [("pages", 3), ("clean.text", 2)]


def test_a_pass_leaves_every_decision_and_its_digest_as_it_was():
    before, after = backend().plan, backend().optimised

    def decisions(plan):
        return [(n.kind, n.name, n.digest) for n in plan.nodes if n.kind != "annotate"]

    assert decisions(before) == decisions(after)


def test_the_same_column_computed_anew_is_not_fused():
    text = RECIPE.replace('  keep lang == en\n', '  keep lang == en\n  lang by fasttext("lid.176")\n')
    assert columns(backend(text).optimised)[0][2].count("lang") == 1


def test_the_graph_has_an_edge_for_every_input():
    graph = dot(backend().optimised)
    assert '"pages" -> "clean.columns";' in graph and graph.startswith('digraph "r" {')
