"""Amounts of a mix: what is largest, what holds, what is refused and in which words. No Spark: rows are lists."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from fractions import Fraction
from math import inf

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from recipe_runtime.errors import StepError
from recipe_runtime.mixing.ask import Ask, Cell, cap, take
from recipe_runtime.mixing.settle import Drawn, breaches, capped, settle
from recipe_runtime.mixing.solver import Plan, solve
from scipy.optimize import linprog

# ---- small mixes ----------------------------------------------------------------------------------


def cell(number: int, size: int, *, synthetic: bool = False, parts: tuple[bool, ...] = (), key: str = "") -> Cell:
    """Tokens of a take, all written by a model where synthetic."""
    return Cell(key or f"{number}", number, synthetic, parts, size, size, size, size if synthetic else 0)


def mix(weights: Mapping[str, float | tuple[float, float]], **settings) -> Ask:
    """Takes by name with their weight, or their weight and epochs."""
    takes = []
    for name, given_ in weights.items():
        weight, epochs = given_ if isinstance(given_, tuple) else (given_, None)
        takes.append(take(name, None, weight=weight, epochs=epochs, at=f"x.recipe:{len(takes) + 1}"))
    return Ask("m", takes, **settings)


def solved(weights, has, **settings) -> Plan:
    """The plan over organic takes that have these tokens."""
    return solve(mix(weights, **settings), [cell(n, size) for n, size in enumerate(has) if size])


def test_a_size_that_is_there_is_met():
    assert solved({"a": 0.3, "b": 0.7}, [500, 900], size=1000).targets == {"0": 300, "1": 700}


def test_at_most_is_the_largest_total_that_meets_the_weights_and_says_what_holds_it():
    plan = solved({"a": 0.2, "b": 0.8}, [50, 10_000], size=1000, at_most=True, on_shortage=["repeat"])
    assert plan.targets == {"0": 50, "1": 200} and plan.held == (("supply", 0),)


def test_repeat_goes_to_the_limit_of_epochs_and_a_take_without_one_is_used_once():
    at_most = {"size": 10**6, "at_most": True, "on_shortage": ["repeat"]}
    assert solved({"a": (0.5, 4), "b": 0.5}, [50, 10_000], **at_most).targets == {"0": 200, "1": 200}
    assert solved({"a": (0.5, 2.5), "b": 0.5}, [50, 10_000], **at_most).targets == {"0": 125, "1": 125}
    assert solved({"a": 0.5, "b": 0.5}, [50, 10_000], **at_most).targets == {"0": 50, "1": 50}
    unrepeated = at_most | {"on_shortage": []}
    assert solved({"a": (0.5, 4), "b": 0.5}, [50, 10_000], **unrepeated).targets == {"0": 50, "1": 50}


def test_nothing_is_repeated_where_there_is_enough():
    plan = solved({"a": (0.5, 4), "b": (0.5, 4)}, [500, 500], size=1000, on_shortage=["repeat"])
    assert plan.targets == {"0": 500, "1": 500}


def test_renormalise_shares_what_a_take_cannot_give_by_weight_and_reaches_the_size():
    plan = solved({"a": 0.5, "b": 0.25, "c": 0.25}, [200, 900, 900], size=1000, on_shortage=["renormalise"])
    assert plan.targets == {"0": 200, "1": 400, "2": 400} and plan.short == (0,)


def test_actions_are_tried_in_order():
    has = {"weights": {"a": (0.5, 2), "b": 0.5}, "has": [300, 900], "size": 1000}
    assert solved(**has, on_shortage=["repeat", "renormalise"]).targets == {"0": 500, "1": 500}
    assert solved(**has, on_shortage=["renormalise", "repeat"]).targets == {"0": 300, "1": 700}
    with pytest.raises(StepError):
        solved(**has, on_shortage=["error", "renormalise"])


RENORMALISED = {"size": 10**12, "at_most": True, "on_shortage": ["repeat", "renormalise"]}


def test_at_most_with_renormalise_keeps_all_weights_while_that_costs_less_than_nine_tenths():
    """Not everything there is: a could give four times as much, but its share is 40%."""
    plan = solved({"a": 0.4, "b": 0.6}, [4000, 1400], **RENORMALISED)
    assert plan.targets == {"0": 933, "1": 1400} and not plan.short and plan.held == (("supply", 1),)


@pytest.mark.parametrize("has", [0, 5])
def test_at_most_with_renormalise_gives_up_a_take_that_would_hold_the_mix_down(has):
    """Empty, or a few tokens beside thousands: the others keep their weights among themselves."""
    plan = solved({"a": 0.2, "b": 0.4, "c": 0.4}, [has, 10_000, 10_000], **RENORMALISED)
    assert plan.targets == ({"0": 5} if has else {}) | {"1": 10_000, "2": 10_000}
    assert plan.short == (0,)


def test_takes_that_hold_the_mix_down_only_together_are_given_up_together():
    """Without b but with a, or the other way round, nothing were gained."""
    weights = {"a": 0.2, "b": 0.2, "c": 0.6}
    assert solved(weights, [100, 100, 1000], **RENORMALISED).targets == {"0": 100, "1": 100, "2": 300}
    assert solved(weights, [100, 100, 9000], **RENORMALISED).targets == {"0": 100, "1": 100, "2": 9000}


def test_short_takes_stay_as_near_their_weights_as_a_cap_lets_them():
    """web is nearly empty; the cap then leaves little for both rewrites, and they share it by weight."""
    ask = mix({"web": 0.4, "wiki": 0.2, "qa": 0.2, "rest": 0.2},
              caps=[cap("synthetic", 0.5, where="high")], **RENORMALISED)  # fmt: skip
    cells = [cell(0, 10, parts=(True,)), cell(1, 10**6, synthetic=True, parts=(True,)),
             cell(2, 10**6, synthetic=True, parts=(True,)), cell(3, 10**6, parts=(False,))]  # fmt: skip
    assert solve(ask, cells).targets == {"0": 10, "1": 5, "2": 5, "3": 10**6}


def test_a_cap_bounds_what_takes_over_the_share_of_an_empty_one():
    """20 of 100 asked are written by a model; without the empty take they would be 25, above the cap."""
    ask = mix({"gone": 0.2, "web": 0.6, "qa": 0.2}, **RENORMALISED, caps=[cap("synthetic", 0.22, text="c", at="x:9")])
    plan = solve(ask, [cell(1, 600, parts=(True,)), cell(2, 900, synthetic=True, parts=(True,))])
    web, qa = plan.targets["1"], plan.targets["2"]
    assert web == 600 and qa * 100 <= (web + qa) * 22 and qa >= 168


def test_cells_are_drawn_in_proportion_unless_a_cap_forces_otherwise():
    ask = mix({"a": 0.5, "b": 0.5}, size=1000)
    cells = [cell(0, 900, key="x"), cell(0, 300, synthetic=True, key="y"), cell(0, 300, synthetic=True, key="z"),
             cell(1, 900, key="b")]  # fmt: skip
    assert solve(ask, cells).targets == {"x": 300, "y": 100, "z": 100, "b": 500}
    capped_ = mix({"a": 0.5, "b": 0.5}, size=1000, caps=[cap("synthetic", 0.1)])
    cells = [replace(c, parts=(True,)) for c in cells]
    assert solve(capped_, cells).targets == {"x": 400, "y": 50, "z": 50, "b": 500}


def test_rates_amounts_and_natural_sizes():
    takes = [take("a", None, rate=2.5), take("b", None, amount=70), take("c", None)]
    cells = [cell(0, 100), cell(1, 90), cell(2, 33)]
    assert solve(Ask("m", takes), cells).targets == {"0": 250, "1": 70, "2": 33}
    natural = [take("a", None), take("b", None)]
    assert solve(Ask("m", natural, size=60), cells[:2]).targets == {"0": 31, "1": 28}


def test_amounts_and_weights_of_very_different_sizes():
    plan = solved({"a": 0.000001, "b": 0.999999}, [10**6, 9 * 10**12], size=10**12)
    assert plan.targets["0"] == 10**6 and abs(plan.targets["1"] - (10**12 - 10**6)) <= 10**4
    tiny = solved({"a": 0.5, "b": 0.5}, [120, 9 * 10**12], size=10**12, at_most=True)
    assert tiny.targets == {"0": 120, "1": 120}


def test_a_share_that_is_bounded_holds_when_others_run_short():
    takes = [take("a", None, weight=0.5, share_max=0.6), take("b", None, weight=0.25), take("c", None, weight=0.25)]
    ask = Ask("m", takes, size=1000, on_shortage=["renormalise"])
    plan = solve(ask, [cell(0, 10_000), cell(1, 10), cell(2, 10_000)])
    assert plan.targets["0"] <= 600 and sum(plan.targets.values()) >= 998 and plan.targets["1"] == 10


# ---- refusals -------------------------------------------------------------------------------------


def test_a_shortage_names_each_take_that_is_too_short_what_it_has_and_needs():
    with pytest.raises(StepError) as caught:
        solved({"a": (0.2, 2), "b": 0.3, "c": 0.5}, [50, 100, 900], size=1000, on_shortage=["repeat"])
    text = str(caught.value)
    assert "take a weight 20% epochs <= 2 (x.recipe:1): has 50 tokens, used at most 100 tokens, needs 200" in text
    assert "take b weight 30% (x.recipe:2): has 100 tokens, needs 300 tokens" in text
    assert "take c" not in text and "1,000 tokens" in text


def test_an_empty_take_is_refused_by_name_without_renormalise():
    with pytest.raises(StepError, match=r"take a weight 20% \(x.recipe:1\): has no rows") as caught:
        solved({"a": 0.2, "b": 0.8}, [0, 100], size=1000, at_most=True)
    assert "take b" not in str(caught.value) and "renormalise" in caught.value.remedy


def test_no_rows_at_all():
    with pytest.raises(StepError, match="none of its takes has a row"):
        solved({"a": 0.2, "b": 0.8}, [0, 0], **RENORMALISED)


def test_renormalise_that_cannot_reach_the_size_says_what_there_is():
    with pytest.raises(StepError, match="there are 150 tokens"):
        solved({"a": 0.5, "b": 0.5}, [50, 100], size=1000, on_shortage=["renormalise"])


@pytest.mark.parametrize("on_shortage", [[], ["repeat", "renormalise"]])
@pytest.mark.parametrize("bound", [0, 0.2])
def test_weights_that_a_cap_contradicts_are_refused_whatever_is_done_about_shortages(bound, on_shortage):
    ask = mix({"web": 0.5, "wiki": 0.3, "book": 0.2}, size=1000, at_most=True, on_shortage=on_shortage,
              caps=[cap("generated", 0.9, at="x.recipe:8"), cap("synthetic", bound, at="x.recipe:9")])  # fmt: skip
    cells = [cell(0, 900, parts=(True, True)), cell(1, 900, synthetic=True, parts=(True, True)),
             cell(2, 900, parts=(True, True))]  # fmt: skip
    with pytest.raises(StepError) as caught:
        solve(ask, cells)
    text = str(caught.value)
    assert f"cap synthetic <= {bound * 100:g}% (x.recipe:9)" in text and "take wiki weight 30%: 30%" not in text
    assert "take wiki weight 30% (x.recipe:2)" in text and "cap generated" not in text


def test_a_cap_that_what_there_is_cannot_meet_names_cap_and_the_organic_take():
    """The cap is met at any weights, were there more pages of tier high."""
    ask = mix({"high": 0.5, "qa": 0.5}, size=1000, caps=[cap("synthetic", 0.5, where="high", text="cap s")])
    cells = [cell(0, 300, key="h", parts=(True,)), cell(0, 900, key="l", parts=(False,)),
             cell(1, 900, synthetic=True, parts=(True,))]  # fmt: skip
    with pytest.raises(StepError, match=r"cap s") as caught:
        solve(ask, cells)
    assert "take high" in str(caught.value)


def test_amounts_that_do_not_come_to_the_size():
    with pytest.raises(StepError, match="come to 90 tokens, it is to hold 80 tokens"):
        solve(Ask("m", [take("a", None, amount=90)], size=80), [cell(0, 100)])
    with pytest.raises(StepError, match="do not stand beside"):
        Ask("m", [take("a", None, amount=90), take("b", None, weight=1)])


def test_nothing_asked_for():
    with pytest.raises(StepError, match="0 tokens"):
        solved({"a": 1}, [100], size=0)


# ---- from amounts to rows -------------------------------------------------------------------------


def test_rewrites_give_way_to_what_the_pages_came_to():
    """Pages of 400 tokens fill 800 of 900: the cap then leaves room for 200 tokens of rewrites, not 225."""
    ask = mix({"web": 0.8, "wiki": 0.2}, size=1125, caps=[cap("synthetic", 0.2)])
    cells = [cell(0, 2000, parts=(True,)), cell(1, 2000, synthetic=True, parts=(True,))]
    rows = {"0": [(400, 0)] * 5, "1": [(5, 5)] * 400}
    targets, drawn = settle(ask, cells, solve(ask, cells), drawer(rows))
    assert targets == {"0": 900, "1": 200} and drawn["0"].size == 800 and drawn["1"].size == 200


def test_a_bounded_share_holds_on_the_drawn_rows():
    """b's pages are long and fall short of its half, so a is cut again."""
    takes = [take("a", None, weight=0.5, share_max=0.5), take("b", None, weight=0.5)]
    ask = Ask("m", takes, size=1000)
    rows = {"0": [(1, 0)] * 900, "1": [(400, 0)] * 3}
    cells = [cell(0, 900), cell(1, 1200)]
    _, drawn = settle(ask, cells, solve(ask, cells), drawer(rows))
    assert drawn["1"].size == 400 and 390 <= drawn["0"].size <= 400


def test_rows_that_keep_breaching_a_cap_fail_by_its_name():
    ask = mix({"web": 0.8, "wiki": 0.2}, size=1000, caps=[cap("generated", 0.3, at="x.recipe:7")])
    cells = [cell(0, 2000, parts=(True,)), replace(cell(1, 2000, synthetic=True, parts=(True,)), generated=1)]
    plan = solve(ask, cells)
    with pytest.raises(StepError, match=r"cap generated <= 30% \(x.recipe:7\): 300 tokens too many"):
        settle(ask, cells, plan, lambda targets: {k: Drawn(size=500, tokens=500, generated=300) for k in targets})


# ---- any mix --------------------------------------------------------------------------------------


@st.composite
def mixes(draw) -> tuple[Ask, list[Cell], dict[str, list[tuple[int, int]]]]:
    """Takes with organic and synthetic documents in two parts, and caps: on all, and on the second part."""
    count = draw(st.integers(1, 4))
    parts = draw(st.lists(st.integers(1, 9), min_size=count, max_size=count))
    takes = [
        take(f"t{n}", None, weight=Fraction(w, sum(parts)), epochs=draw(st.sampled_from([None, 0.5, 1, 2, 3.5])))
        for n, w in enumerate(parts)
    ]
    caps = [
        cap(kind, draw(st.integers(0, 10)) / 10, where=where)
        for kind, where in draw(st.lists(st.sampled_from([("synthetic", None), ("synthetic", "b"), ("generated", None),
                                                          ("generated", "b")]), max_size=3, unique=True))
    ]  # fmt: skip
    cells, rows = [], {}
    document = st.tuples(st.integers(1, 60), st.integers(0, 100))
    for n in range(count):
        for synthetic in draw(st.sampled_from([[False], [True], [False, True]])):
            for in_part in draw(st.sampled_from([[False], [True], [False, True]])):
                found = [(t, t * g // 100 if synthetic else 0) for t, g in draw(st.lists(document, max_size=8))]
                if found:
                    key = f"{n}{'s' if synthetic else 'o'}{in_part:d}"
                    tokens, generated = (sum(column) for column in zip(*found, strict=True))
                    within = tuple(c.where is None or in_part for c in caps)
                    cells.append(Cell(key, n, synthetic, within, tokens, len(found), tokens, generated))
                    rows[key] = found
    return mixed(draw, takes, caps), cells, rows


def mixed(draw, takes, caps) -> Ask:
    """With a size or at most one, and what to do about a shortage."""
    return Ask(
        "m",
        takes,
        caps,
        size=draw(st.integers(1, 3000)),
        at_most=draw(st.booleans()),
        on_shortage=draw(st.sampled_from([[], ["repeat"], ["renormalise"], ["repeat", "renormalise"]])),
    )


def drawer(rows: Mapping[str, list[tuple[int, int]]]):
    """The longest prefix of each cell's documents, as Spark's cuts find it."""

    def draw(targets: Mapping[str, int]) -> dict[str, Drawn]:
        found = {}
        for key, target in targets.items():
            whole, rest = divmod(target, sum(t for t, _ in rows[key]))
            used, tokens = list(rows[key]) * whole, 0
            for row in rows[key]:
                if (tokens := tokens + row[0]) > rest:
                    break
                used.append(row)
            size, written = sum(t for t, _ in used), sum(g for _, g in used)
            found[key] = Drawn(whole, None, min(len(used), len(rows[key])), len(used), size, size, written)
        return found

    return draw


def largest_by_hand(ask: Ask, cells: list[Cell]) -> float:
    """The largest total at which all weights hold: one program in tokens, written another way."""
    takes = range(len(ask.takes))
    repeat = "repeat" in ask.on_shortage
    rows, bounds = [], []
    for c in cells:
        epochs = float(ask.takes[c.take].epochs or 1)
        bounds.append((0, int(c.size * (epochs if repeat else min(1, epochs)))))
    for number, own in enumerate(ask.caps):
        rows.append([(c.counted(own) / c.tokens - float(own.bound)) if c.parts[number] else 0.0 for c in cells])
    equal = [[(c.take == i) - float(ask.takes[i].weight) for c in cells] for i in takes]
    rows.append([1.0] * len(cells))
    limits = [0.0] * len(ask.caps) + [ask.size]
    found = linprog(-np.ones(len(cells)), A_ub=np.array(rows), b_ub=limits, A_eq=np.array(equal),
                    b_eq=[0.0] * len(equal), bounds=bounds, method="highs-ipm")  # fmt: skip
    return -found.fun if found.status == 0 else -inf


@settings(max_examples=250, deadline=None)
@given(mixes())
def test_what_is_planned_holds_and_is_largest_and_what_is_refused_was_impossible(case):
    ask, cells, _ = case
    if not cells:
        return
    best = largest_by_hand(ask, cells)
    renormalise = "renormalise" in ask.on_shortage
    try:
        plan = solve(ask, cells)
    except StepError as error:
        assert best < ask.size if not ask.at_most else best < 1 + 1e-6
        assert any(t.words() in error.message or c.words() in error.message
                   for t in ask.takes for c in [*ask.caps, t]) or "none of its takes" in error.message  # fmt: skip
        return
    assert sum(plan.targets.values()) <= ask.size
    for c in cells:
        assert 0 <= plan.targets[c.key] <= plan.limits[c.key] <= c.size * (ask.takes[c.take].epochs or 1)
    tight = False
    for number, own in enumerate(ask.caps):
        part = [(c, plan.targets[c.key]) for c in cells if c.parts[number]]
        over = sum(Fraction(c.counted(own) * n, c.tokens) - own.bound * n for c, n in part)
        assert over <= len(cells) + 1
        tight |= any(c.counted(own) for c, _ in part) and over >= -(len(cells) + 1)
    if not renormalise or not plan.short:
        assert plan.total == pytest.approx(best, rel=1e-6, abs=1e-3)
        for i, asked in enumerate(ask.takes):
            own = sum(plan.targets[c.key] for c in cells if c.take == i)
            assert abs(own - float(asked.weight) * plan.total) <= len(cells) + 1
    else:
        # A share is given up for a size that is asked, or for a total ten times as large.
        assert plan.total >= (ask.size - 1 if not ask.at_most else min(ask.size - 1, 10 * best - 1))
        # The takes that keep their share have one scale, and no take is above it.
        given_ = [sum(plan.targets[c.key] for c in cells if c.take == i) for i in range(len(ask.takes))]
        most = [sum(plan.limits[c.key] for c in cells if c.take == i) for i in range(len(ask.takes))]
        scales = [own / float(t.weight) for own, t in zip(given_, ask.takes, strict=True)]
        kept = [s for i, s in enumerate(scales) if i not in plan.short and given_[i] < most[i] - len(cells)]
        rounding = (len(cells) + 2) / min(float(t.weight) for t in ask.takes)
        # A take that a cap holds back while the others go on growing may still give the share it was asked for.
        assert tight or all(max(scales) - scale <= rounding for scale in kept)


def test_one_unit_is_enough_for_a_mix_of_one():
    """What linear programs call 0.9999999 is 1: found by the property above, refused once."""
    ask = mix({"a": 1 / 6, "b": 1 / 6, "c": 1 / 6, "d": 0.5}, size=1, caps=[cap("synthetic", 0.1, text="c", at="x:9")])
    cells = [cell(n, 1, parts=(True,)) for n in range(4)]
    plan = solve(ask, [*cells, cell(3, 1, synthetic=True, parts=(True,), key="3s")])
    assert plan.total == pytest.approx(1)


@settings(max_examples=250, deadline=None)
@given(mixes())
def test_the_drawn_rows_keep_every_cap_to_the_token_and_are_within_a_document_of_their_targets(case):
    ask, cells, rows = case
    try:
        plan = solve(ask, cells)
    except StepError:
        return
    targets, drawn = settle(ask, cells, plan, drawer(rows))
    assert not breaches(ask, cells, drawn, ask.size)
    for number, own in enumerate(ask.caps):
        counted, tokens = capped(own.kind, number, cells, drawn)
        assert counted <= own.bound * tokens
    for c in cells:
        assert (
            targets[c.key] - max(t for t, _ in rows[c.key]) < drawn[c.key].size <= targets[c.key] <= plan.limits[c.key]
        )
        assert c.synthetic or targets[c.key] == plan.targets[c.key]
