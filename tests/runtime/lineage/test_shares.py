"""Shares of a version, what its mix asked for and got, calls by class, and the balance of steps that call."""

import json

import derived_lake as d
import pytest
from deltalake import DeltaTable
from derived_lake import DerivedLake
from recipe_runtime import tables
from recipe_runtime.lineage import Unanswered, balance, funnel, generations, run, shares
from small_lake import SIX


def test_shares_are_of_tokens_overall_and_by_part(derived):
    found = shares(derived.path, "pretrain")
    overall = found.overall
    assert (found.unit, overall.rows, overall.tokens, overall.synthetic_tokens, overall.generated_tokens) == (
        "tokens", 3, 300, 100, 90,
    )  # fmt: skip
    assert (overall.synthetic_share, overall.generated_share) == (pytest.approx(1 / 3), pytest.approx(0.3))
    assert [(part.name, part.synthetic_share, part.generated_share) for part in found.by_tier] == [
        ("high", 0.0, 0.0), ("low", 1.0, 0.9),
    ]  # fmt: skip
    assert [(part.name, part.share_of_all) for part in found.by_origin] == [
        ("organic", pytest.approx(2 / 3)), ("synthetic", pytest.approx(1 / 3)),
    ]  # fmt: skip
    assert [(part.name, part.tokens) for part in found.by_source] == [("pages", 300)]
    assert "33.33%     30.00%     overall" in found.text()


def test_the_mix_says_asked_against_achieved_and_its_caps(derived):
    (mix,) = shares(derived.path, "pretrain").mixes
    assert (mix.name, mix.line, mix.unit, mix.drawn, mix.size) == (
        "pretrain", "mix pretrain to at most 1M tokens {", "tokens", 300, 1_000_000,
    )  # fmt: skip
    assert mix.held_by == ("epochs <= 2 of take clean[high]",)
    assert [(take.take, take.asked, take.drawn, take.available) for take in mix.takes] == [
        ("clean[high]", 0.6, 200, 200), ("wiki", 0.4, 100, 100),
    ]  # fmt: skip
    assert [(cap.cap, cap.bound, cap.achieved) for cap in mix.caps] == [("cap synthetic <= 50%", 0.5, 1 / 3)]
    text = mix.text()
    assert "60.00%  66.67%          200    200  1       clean[high]" in text
    assert "50.00%  33.33%    cap synthetic <= 50%" in text


def test_a_report_that_is_lost_is_said_to_be(own_derived: DerivedLake):
    own_derived.change(tables.STEPS, f"step = '{d.MIX}'", {"report": f"'{'0' * 64}'"})
    (mix,) = shares(own_derived.path, "pretrain").mixes
    assert (mix.takes, mix.caps) == ((), ())
    assert "its report cannot be read: blob 000" in mix.text()


def test_a_version_without_token_counts_has_shares_of_rows(own_derived: DerivedLake):
    own_derived.change(tables.STATS, "true", {"tokens": "null", "generated_tokens": "null"})
    found = shares(own_derived.path, "pretrain")
    assert (found.unit, found.overall.tokens, found.overall.generated_share) == ("rows", None, None)
    assert found.overall.synthetic_share == pytest.approx(1 / 3)
    assert "shares are of rows" in found.text()


def test_an_unknown_figure_is_not_taken_for_zero(own_derived: DerivedLake):
    own_derived.change(tables.STATS, "origin = 'synthetic'", {"generated_tokens": "null"})
    found = shares(own_derived.path, "pretrain")
    assert (found.overall.generated_share, found.overall.synthetic_share) == (None, pytest.approx(1 / 3))


def test_statistics_of_another_step_or_version_do_not_count(own_derived: DerivedLake):
    own_derived._stats("f" * 32, 0)
    own_derived._stats(d.WRITE, 7)
    assert shares(own_derived.path, "pretrain").overall.tokens == 300
    with pytest.raises(Unanswered, match="version 7 of pretrain does not count"):
        shares(own_derived.path, "pretrain", 7)


def test_an_output_without_statistics_is_refused(derived):
    with pytest.raises(Unanswered, match="keeps no statistics of clean version 1"):
        shares(derived.path, "clean")


def test_calls_are_counted_by_class_model_and_outcome(own_derived: DerivedLake):
    own_derived.change(tables.GENERATIONS, f"key = '{own_derived.keys(SIX)[0]}'", {"outcome": "'cut'"})
    found = generations(own_derived.path)
    assert [(c.outcome, c.calls, c.model, c.prompt_tokens, c.completion_tokens) for c in found.classes] == [
        ("complete", 5, "small-30b", 300, 150), ("cut", 1, "small-30b", 60, 30),
    ]  # fmt: skip
    assert (found.calls, found.completion_tokens) == (6, 180)
    assert "6 calls, 360 tokens in, 180 tokens out" in found.text(200)


def test_calls_of_a_run(derived):
    assert generations(derived.path, derived.run(4)).calls == 6
    none = generations(derived.path, derived.run(1))
    assert (none.calls, none.classes) == (0, ())
    assert "no model was called by run" in none.text()
    with pytest.raises(Unanswered, match="4 runs"):
        generations(derived.path, "2026")


def test_a_lake_that_called_no_model_says_so(small):
    assert "no model was called by" in generations(small.path).text()


def test_funnel_and_run_tell_calls_beside_every_kind_of_step(derived):
    stages = funnel(derived.path, "pretrain").stages
    assert [stage.kind for stage in stages][-7:] == ["select", "units", "ask", "derive", "select", "mix", "write"]
    assert {stage.kind: stage.calls for stage in stages}["ask"] == 6
    assert "1 support >= 0.80" in funnel(derived.path, "pretrain").text(150)
    assert {step.kind: step.calls for step in run(derived.path, derived.run(4)).steps}["ask"] == 6


def kinds(found) -> dict[str, object]:
    return {step.kind: step for step in found.steps if step.step in (d.UNITS, d.ASK, d.DERIVE, d.MIX)}


def test_steps_that_call_and_mix_balance(derived):
    found = balance(derived.path)
    assert found.holds
    by = kinds(found)
    assert (by["ask"].rows_in, by["ask"].made, by["ask"].counted, by["ask"].waiting) == (4, 3, 1, 0)
    assert (by["mix"].rows_in, by["mix"].rows_kept, by["mix"].rows_rejected) == (3, 2, 1)
    assert (by["derive"].made, by["derive"].counted) == (2, 0)
    assert (by["units"].rows_in, by["units"].made, by["units"].counted, by["units"].unanswered) == (3, 2, 1, 0)
    assert f"from ask_{d.ASK}" in found.query
    assert found.relations[f"ask_{d.ASK}"].endswith(d.ASK)


@pytest.mark.parametrize(
    ("relation", "where", "kind"),
    [
        ("rejects", f"step = '{d.ASK}'", "ask"),
        ("generations", "round = 1", "ask"),
        ("generations", "round = 0", "ask"),
        (f"relations/{d.ASK}", "outcome = 'kept' and segment = 0", "ask"),
        (f"relations/{d.UNITS}", f"doc_id = '{SIX.doc}'", "units"),
        ("rejects", f"step = '{d.UNITS}'", "units"),
        ("edges", f"child = '{d.DROPPED}'", "derive"),
        (f"relations/{d.MIX}", "take = 'wiki'", "mix"),
    ],
)
def test_a_row_that_is_lost_breaks_the_balance_of_its_step(own_derived: DerivedLake, relation, where, kind):
    DeltaTable(own_derived.writer.lake.table(relation)).delete(where)
    found = balance(own_derived.path)
    assert (found.holds, found.exit_code) == (False, 4)
    assert not kinds(found)[kind].holds


def test_a_tolerated_unit_waits_and_a_quarantined_one_is_told_apart(own_derived: DerivedLake):
    first, *rest = [unit for unit in own_derived.units if unit["outcome"] == "kept"]
    failed = next(unit for unit in own_derived.units if unit["outcome"] == "rejected")
    own_derived._relation(d.ASK, d.ASKED, [*rest, {**failed, "outcome": "quarantined"}])
    own_derived.change(tables.REJECTS, f"step = '{d.ASK}'", {"outcome": "'quarantined'"})
    own_derived.change(tables.STEPS, f"step = '{d.ASK}'", {"rows_kept": "2"})
    DeltaTable(own_derived.writer.lake.table("generations")).delete(f"key = '{first['key']}'")
    by = kinds(balance(own_derived.path))
    assert (by["ask"].holds, by["ask"].waiting, by["ask"].quarantined, by["ask"].counted) == (True, 1, 1, 2)
    assert by["units"].unanswered == 1
    assert "(1 quarantined, 1 waiting)" in balance(own_derived.path).text(200)


def test_json_has_all_of_it(derived):
    for answer in (shares(derived.path, "pretrain"), generations(derived.path), balance(derived.path)):
        assert json.loads(json.dumps(answer.to_json()))
