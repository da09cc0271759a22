"""Rules over a column that is a list: the plan says them whole, and the script as column expressions."""

from __future__ import annotations

import pytest
from recipec import plan as p
from recipec.backend import Backend
from recipec.driver import Compilation
from recipec.plan_text import parse_plan, plan_text

SOME = 'F.size(F.col("license")) > F.lit(0)'
LISTED = 'F.array(F.lit("mit"), F.lit("cc0-1.0"))'
RULES = {
    'all(license) in [mit, "cc0-1.0"]': (
        f'F.when({SOME}, F.size(F.array_except(F.col("license"), {LISTED})) == F.lit(0))',
        "all in mit, cc0-1.0",
    ),
    'any(license) in [mit, "cc0-1.0"]': (
        f'F.when({SOME}, F.arrays_overlap(F.col("license"), {LISTED}))',
        "any in mit, cc0-1.0",
    ),
    "any(license)": (f"F.coalesce({SOME}, F.lit(False))", "any"),
    "not any(license)": (f"~F.coalesce({SOME}, F.lit(False))", "not any"),
}


def made(rule: str) -> Backend:
    """A recipe with that rule, which must be right."""
    backend = Backend(
        Compilation(
            text='recipe r\nedition 2026\nsource pages = jsonl("in.jsonl") {\n  license = license\n}\n'
            f'select web from pages {{\n  keep {rule}\n}}\nwrite web to delta("lake")\n'
        )
    )
    assert [one.message for one in backend.diagnostics if one.severity == "error"] == []
    return backend


@pytest.mark.parametrize("rule", RULES)
def test_a_rule_stands_in_the_script_with_what_it_looks_at(rule: str) -> None:
    backend = made(rule)
    expression, threshold = RULES[rule]
    assert f" {expression},\n" in backend.script
    (said,) = [one for node in backend.plan.nodes if isinstance(node, p.Keep) for one in node.rules]
    assert (said.value, said.threshold) == (p.Col(name="license"), threshold)
    assert parse_plan(plan_text(backend.plan)) == backend.plan


def test_each_is_another_decision() -> None:
    digests = [node.digest for rule in RULES for node in made(rule).plan.nodes if isinstance(node, p.Keep)]
    assert len(set(digests)) == len(RULES)


def test_a_filter_of_ones_own_may_be_called_so() -> None:
    text = 'recipe r\nedition 2026\nfilter any(words) {\n  stats.words >= words\n}\nsource pages = jsonl("in.jsonl")\n'
    text += 'select web from pages {\n  keep any(5)\n}\nwrite web to delta("lake")\n'
    assert Compilation(text=text).diagnostics == []
