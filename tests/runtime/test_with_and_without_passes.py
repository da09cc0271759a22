"""A recipe run with more and more of the compiler's passes: what is decided and written is the same each time."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from asking_jobs import log_of_words, output, relation, write_texts
from recipec import passes
from running import Ran

RECIPE = """
recipe passes
edition 2026
param input: path
param lake: path
param model: path
source pages = jsonl(input) {
  id  = id
  url = url
}
select clean from pages {
  score x = onnx(model)
  keep stats.words >= 3
  keep stats.mean_word_length <= 8
  keep x >= 0.1
  dedup exact(of = text)
}
select other from pages {
  keep stats.words in 2 .. 5
  keep stats.mean_word_length <= 5
}
write clean to delta(lake)
write other to delta(lake)
"""
TEXTS = {
    "nan": "one two",  # no number from the model, and too few words
    "nan-too": "one two three",
    "some": "one two three four five",
    "same": "one two three four five",
    "many": "word " * 40,
    "long": "incomprehensibilities uncharacteristically " * 3,
    "none": "one",
}
ROWS = ("doc_id", "epoch", "text", "url", "tier", "scores")


def told(ran: Ran) -> dict[str, Any]:
    """All that was decided, without the digests of the steps and the runs."""
    names = {row["step"]: row["name"] for row in ran.ledger("steps")}

    def rows(found: list[dict[str, Any]], *columns: str) -> list[str]:
        return sorted(str([names.get(row["step"]), *(row[name] for name in columns)]) for row in found)

    decided = ("doc_id", "text_hash", "stats_words", "x", "rejected")
    return {
        **{name: sorted(str([row[c] for c in ROWS]) for row in output(ran, name)) for name in ("clean", "other")},
        **{
            f"{name} decided": sorted(str([row.get(c) for c in decided]) for row in relation(ran, name, "select"))
            for name in ("clean", "other")
        },
        "rejects": rows(ran.ledger("rejects"), "outcome", "doc_id", "url", "rule", "value", "threshold", "at"),
        "edges": rows(ran.ledger("edges"), "parent", "child", "kind"),
        "stats": sorted(str([row["output"], row["rows"], row["origin"]]) for row in ran.ledger("stats")),
    }


def scored(ran: Ran) -> set[str]:
    """The texts that have a score."""
    return {row["text_hash"] for row in ran.ledger("scores")}


@pytest.fixture(scope="module")
def runs(quiet, tmp_path_factory) -> list[Ran]:
    """With no pass, with the first, with the first two, and so on."""
    from running import run_here

    folder = tmp_path_factory.mktemp("passes")
    given = {"input": write_texts(folder / "in.jsonl", TEXTS), "model": log_of_words(folder / "model.onnx", 5.5)}
    made = []
    for n in range(len(passes.PASSES) + 1):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(passes, "PASSES", passes.PASSES[:n])
            made.append(run_here(RECIPE, Path(folder / f"lake{n}"), **given))
    return made


@pytest.mark.parametrize("n", range(len(passes.PASSES)), ids=[step.__name__ for step in passes.PASSES])
def test_a_pass_changes_the_script_and_nothing_that_is_decided(runs, n):
    without, with_ = runs[n], runs[n + 1]
    assert without.script != with_.script, "it fires"
    assert told(without) == told(with_)
    assert scored(with_) <= scored(without)


def test_the_passes_save_what_they_are_for(runs):
    none, fused, shared, decided = runs
    count = [run.script.count("job.annotate(") for run in runs]
    assert count == [4, 2, 1, 1]
    assert fused.script.count("stats.words@") == 2 and shared.script.count("stats.words@") == 1
    assert scored(decided) < scored(shared)


def test_what_falls_out_says_the_first_rule_it_failed(runs):
    names = {row["step"]: row["name"] for row in runs[0].ledger("steps")}
    found = [(names[row["step"]], row["url"].rpartition("/")[2], row["rule"]) for row in runs[0].ledger("rejects")]
    assert sorted(found) == [
        ("clean", "long", "stats.mean_word_length <= 8"),
        ("clean", "nan", "stats.words >= 3"),
        ("clean", "nan-too", "score x"),
        ("clean", "none", "stats.words >= 3"),
        ("clean", "same", "dedup exact(of = text)"),
        ("other", "long", "stats.words in 2 .. 5"),
        ("other", "many", "stats.words in 2 .. 5"),
        ("other", "none", "stats.words in 2 .. 5"),
    ]
