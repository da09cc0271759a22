"""The flagship recipe, unedited, over pages of this project's own words, with every default built in."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from recipe_runtime.delta_sql import query
from recipe_runtime.lake import Lake
from recipe_runtime.lineage.balance import balance
from recipec.backend import Backend
from recipec.driver import Compilation
from running import Ran, run_here, versions

FLAGSHIP = Path(__file__).parents[2] / "recipes" / "nemotron_like.recipe"
PAGES = Path(__file__).parent / "data" / "own_pages.warc.gz"
TIERS = ("high", "medium_high", "medium", "medium_low", "low")


def run(lake: Path, text: str = "") -> Ran:
    """The flagship, or an edited one, over the pages."""
    return run_here(text or FLAGSHIP.read_text(), lake, name=FLAGSHIP.name, crawl=str(PAGES))


@pytest.fixture(scope="module")
def flagship(quiet, tmp_path_factory) -> Ran:
    """A lake that the flagship made."""
    return run(tmp_path_factory.mktemp("flagship") / "lake")


def blob(ran: Ran, sha256: str) -> dict[str, Any]:
    """A JSON blob of the lake."""
    return json.loads(Lake(str(ran.lake)).get_blob(sha256))


def rows(ran: Ran, table: str, sql: str) -> list[dict[str, Any]]:
    """Rows of a Delta table of the lake, `t` in the statement."""
    from deltalake import DeltaTable

    return query(sql, {"t": DeltaTable(str(ran.lake / table))})


def test_digests_tiers_and_thresholds_are_the_golden_ones(flagship, golden):
    """Under other versions of the libraries than those of constraints.txt these may differ."""
    plan = Backend(Compilation(FLAGSHIP, {"crawl": str(PAGES), "lake": "lake"})).optimised
    steps = {row["name"]: row for row in flagship.ledger("steps")}
    fitted = {name: blob(flagship, steps[f"web.{name}_fit"]["report"]) for name in ("edu", "tidy")}
    web = rows(flagship, f"_recipec/relations/{steps['web']['step']}", "select tier, tokens from t")
    documents, tokens = Counter(r["tier"] for r in web), Counter()
    for row in web:
        tokens[row["tier"]] += row["tokens"]
    found = {
        "digests": {node.name: node.digest for node in plan.nodes if node.kind != "endpoint"},
        "documents": {tier: documents[tier] for tier in TIERS},
        "tokens": {tier: tokens[tier] for tier in TIERS},
        "thresholds": {name: [round(t, 3) for t in one["thresholds"]] for name, one in fitted.items()},
    }
    golden("flagship.json", json.dumps(found, indent=1) + "\n")
    assert all(documents[tier] for tier in TIERS), "every tier is filled"


def test_every_step_balances(flagship):
    found = balance(str(flagship.lake))
    assert found.steps and found.holds


def test_caps_hold_to_the_token_in_the_written_table(flagship):
    (whole,) = rows(
        flagship, "pretrain",
        "select sum(tokens) as tokens, sum(case when origin = 'organic' then 0 else tokens end) as synthetic, "
        "sum(case when tier = 'high' then tokens else 0 end) as high, "
        "sum(case when tier = 'high' and origin <> 'organic' then tokens else 0 end) as high_synthetic from t",
    )  # fmt: skip
    assert 0 < whole["synthetic"] * 100 <= whole["tokens"] * 30
    assert 0 < whole["high_synthetic"] * 100 <= whole["high"] * 50


def test_each_ingredient_is_there_and_says_what_it_is(flagship):
    found = rows(flagship, "pretrain", "select * from t")
    by_origin = {origin: [r for r in found if r["origin"] == origin] for origin in ("organic", "synthetic", "mixed")}
    assert all(by_origin.values())
    assert len({(r["doc_id"], r["epoch"]) for r in found}) == len(found)
    for row in by_origin["organic"]:
        assert row["root_ids"] == [row["doc_id"]] and not row["generations"] and row["generated_tokens"] == 0
    for row in [*by_origin["synthetic"], *by_origin["mixed"]]:
        assert row["parent_ids"] == row["root_ids"] and row["generations"]
        assert 0 < row["generated_tokens"] <= row["tokens"] and row["copied_tokens"] <= row["generated_tokens"]
    assert all(r["generated_tokens"] == r["tokens"] for r in by_origin["synthetic"])
    assert all(r["generated_tokens"] < r["tokens"] for r in by_origin["mixed"]), "it carries its source along"


def test_every_unit_asked_has_one_answer(flagship):
    steps = {row["name"]: row for row in flagship.ledger("steps")}
    keys: set[str] = set()
    for name in ("wiki", "study", "qa"):
        asked = rows(flagship, f"_recipec/relations/{steps[f'{name}.answers']['step']}", "select key, round from t")
        keys |= {row["key"] for row in asked}
        assert len(asked) == steps[f"{name}.answers"]["rows_in"]
    answers = [row["key"] for row in rows(flagship, "_recipec/generations", "select key from t")]
    assert len(answers) == len(set(answers)) and keys <= set(answers)
    assert sum(row["calls"] or 0 for row in steps.values()) == len(answers)


def test_run_again_makes_nothing(flagship):
    before = versions(flagship.lake)
    again = run(flagship.lake)
    assert versions(flagship.lake) == before
    job = again.variables["job"]
    assert job.rewriter is None, "the endpoint was not even started"
    assert not [step["name"] for step in job.steps if step["made"]]


def test_another_threshold_scores_nothing_and_asks_only_what_is_new_to_its_tier(flagship):
    text, rest, _ = FLAGSHIP.read_text().partition("# High tier")
    assert "medium_low  >= 7" in text and rest
    text += "write wiki to delta(lake)\n"  # what the other tiers are made of stays as it is, and takes its time
    before = versions(flagship.lake)
    answers = {r["key"] for r in rows(flagship, "_recipec/generations", "select key from t")}
    run(flagship.lake, text.replace("medium_low  >= 7", "medium_low  >= 9"))
    assert versions(flagship.lake)["_recipec/scores"] == before["_recipec/scores"]
    more = {r["key"] for r in rows(flagship, "_recipec/generations", "select key from t")} - answers
    low = {r["key"] for r in rows(flagship, "_recipec/generations", "select key, prompt from t")
           if r["prompt"] == "nemotron_cc.wikipedia"}  # fmt: skip
    assert more and more <= low, "only the low tier grew"
