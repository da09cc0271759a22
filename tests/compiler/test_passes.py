"""Each pass by a plan before and the plan after, in the textual form; and that none changes what is decided."""

from __future__ import annotations

from recipec.backend import Backend
from recipec.driver import Compilation
from recipec.passes import optimise
from recipec.passes.decide_first import decide_first
from recipec.passes.fuse_annotations import fuse_annotations
from recipec.passes.share_columns import share_columns
from recipec.plan import Annotate, Keep, Plan, Score, Scored, Shared
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


def test_a_column_that_nothing_reads_is_not_asked_for():
    """Which is why no pass takes columns out again."""
    every = backend(RECIPE.replace("edition 2026\n", 'edition 2026\nuse "std/gopher"\n')).optimised
    assert [c for _, _, c in columns(every)][0] == ["lang", "lang_score", "stats_words"]
    fewer = backend(RECIPE.replace("  keep stats.words >= 50\n", "")).optimised
    assert [c for _, _, c in columns(fewer)][0] == ["lang", "lang_score"]
    (select,) = [n for n in every.nodes if n.kind == "select"]
    assert [name for name in select.drop if name.startswith("minhash_")], "what only a dedup reads goes with it"


def test_the_graph_has_an_edge_for_every_input():
    graph = dot(backend().optimised)
    assert '"pages" -> "clean.columns";' in graph and graph.startswith('digraph "r" {')


# ---- share_columns ------------------------------------------------------------------------------

SHARED = """recipe r
edition 2026
param lake: path
source pages = jsonl("in.jsonl") { id = id }
select clean from pages {
  lang by fasttext("lid.176")
  keep lang == en
  keep stats.words >= 50
}
select other from pages {
  lang by fasttext("lid.176")
  keep lang == en
  keep stats.mean_word_length <= 10
}
select third from pages {
  keep stats.words >= 100
}
write clean to delta(lake)
write other to delta(lake)
write third to delta(lake)
"""


def shares(plan: Plan) -> list[tuple[str, str, tuple[str, ...]]]:
    """(relation, lender, columns) of each shared node."""
    return [(n.of, n.columns, n.outputs) for n in plan.nodes if isinstance(n, Shared)]


def test_share_columns_golden(golden):
    plan = fuse_annotations(backend(SHARED).plan)
    golden("share_columns.before.plan", plan_text(plan))
    golden("share_columns.after.plan", plan_text(share_columns(parse_plan(plan_text(plan)))))


def test_what_two_selects_compute_over_the_same_texts_is_computed_once():
    plan = backend(SHARED).optimised
    lent = [("other", "clean.columns", ("lang", "lang_score")), ("third", "clean.columns", ("stats_words",))]
    assert shares(plan) == lent
    assert [c for _, _, c in columns(plan)] == [["lang", "lang_score", "stats_words"], ["stats_mean_word_length"]]


def test_an_edit_makes_other_texts_and_equal_edits_the_same():
    edit = "  clean lines(min_words = 3)\n"
    edited = SHARED.replace("select other from pages {\n", "select other from pages {\n" + edit)
    assert shares(backend(edited).optimised) == [("third", "clean.columns", ("stats_words",))]
    also = "select third from pages {\n" + edit + '  lang by fasttext("lid.176")\n'
    both = edited.replace("select third from pages {\n", also)
    assert ("third", "other.columns", ("lang", "lang_score")) in shares(backend(both).optimised)


def test_a_column_of_another_argument_is_another_column():
    other = SHARED.replace("stats.words >= 100", 'stats.line_end_share(marks = ["."]) >= 10%').replace(
        "stats.words >= 50", 'stats.line_end_share(marks = ["!"]) >= 10%'
    )
    assert not [one for one in shares(backend(other).optimised) if one[0] == "third"]


# ---- decide_first -------------------------------------------------------------------------------

SCORED = """recipe r
edition 2026
param lake: path
source pages = jsonl("in.jsonl") { id = id }
select clean from pages {
  score edu = onnx("std/edu.onnx")
  keep stats.words >= 50
  keep edu >= 1
  keep stats.mean_word_length <= 10
}
write clean to delta(lake)
"""


def order(plan: Plan) -> list[str]:
    """Scores and the rules of decisions, as they stand."""
    return [
        "score" if isinstance(n, Score) else " and ".join(rule.text for rule in n.rules)
        for n in plan.nodes
        if isinstance(n, Score | Scored | Keep)
    ]


def test_decide_first_golden(golden):
    plan = share_columns(fuse_annotations(backend(SCORED).plan))
    golden("decide_first.before.plan", plan_text(plan))
    golden("decide_first.after.plan", plan_text(decide_first(parse_plan(plan_text(plan)))))


def test_a_decision_that_does_not_read_the_score_comes_first_and_no_decision_passes_another():
    rest = ["score edu", "edu >= 1", "stats.mean_word_length <= 10"]
    assert order(backend(SCORED).plan) == ["score", "stats.words >= 50", *rest]
    assert order(backend(SCORED).optimised) == ["stats.words >= 50", "score", *rest]


def test_a_score_that_moved_is_looked_for_again_when_what_stands_before_it_changes():
    def digest(text):
        return next(n.digest for n in backend(text).optimised.nodes if isinstance(n, Score))

    assert digest(SCORED) != digest(SCORED.replace(">= 50", ">= 60"))
    assert digest(SCORED) == digest(SCORED.replace("edu >= 1", "edu >= 2"))


def test_nothing_passes_a_dedup_a_sample_or_an_edit():
    sample = "sample 10% {\n    by = documents\n    seed = 1\n  }"
    for between in ("dedup exact(of = text)", sample, "clean lines(min_words = 3)"):
        text = SCORED.replace("  keep stats.words", f"  {between}\n  keep stats.words")
        assert order(backend(text).optimised)[0] == "score", between


def test_all_passes_leave_every_decision_as_it_was():
    for text in (RECIPE, SHARED, SCORED):
        before = backend(text).plan
        one, other = (
            [(n.name, n.digest) for n in plan.nodes if n.kind in ("keep", "scored", "select", "dedup", "write")]
            for plan in (before, optimise(before))
        )
        assert one == other
