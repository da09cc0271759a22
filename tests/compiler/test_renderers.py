"""The forms of `recipec check --output`: stable, printable, and read by the programs they are for."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from recipec.diagnostics import Diagnostic, Edit, Fix, Label
from recipec.driver import Compilation
from recipec.renderers import FORMS, render

RECIPE = """recipe w
edition 2026

use "std/gopher"

param lake: path = "lake"

source a = jsonl("x.jsonl") {
  text = text
}

select b from aa {
  keep stats.wurds >= 5
}

select c from a {
  keep stats.wurds >= 5
  score edu = onnx("edu.onnx")
  score edu = onnx("edu.onnx")
}

write c to delta(lake) {
  partition = [source
}
"""


def compilation(path: str = "some/w.recipe") -> Compilation:
    return Compilation(Path(path), text=RECIPE)


@pytest.mark.parametrize("form", FORMS)
def test_a_form(form: str, golden) -> None:
    made = compilation()
    golden(f"diagnostics.{form}.txt", render(made.diagnostics, made, form) + "\n")


@pytest.mark.parametrize("form", FORMS)
def test_nothing_to_say(form: str) -> None:
    text = render([], compilation(), form)
    assert (json.loads(text) if text else text) in ("", [], json.loads(render([], compilation(), "sarif")))


def test_json_has_always_the_same_keys() -> None:
    made = compilation()
    found = json.loads(render(made.diagnostics, made, "json"))
    keys = {"code", "severity", "message", "place", "label", "secondary", "help", "fixes"}
    assert len(found) == len(made.diagnostics) and all(set(one) == keys for one in found)
    place = next(one for one in found if one["code"] == "E0205")["place"]
    assert place == {"file": "some/w.recipe", "line": 12, "column": 15, "end_line": 12, "end_column": 17}


def test_sarif_is_what_the_standard_asks_for() -> None:
    made = compilation()
    log = json.loads(render(made.diagnostics, made, "sarif"))
    assert log["version"] == "2.1.0" and len(log["runs"]) == 1
    run = log["runs"][0]
    rules = run["tool"]["driver"]["rules"]
    assert len({one["id"] for one in rules}) == len(rules)
    for result in run["results"]:
        assert rules[result["ruleIndex"]]["id"] == result["ruleId"]
        assert result["level"] in ("error", "warning") and result["message"]["text"]
        for place in [*result["locations"], *result.get("relatedLocations", [])]:
            region = place["physicalLocation"]["region"]
            assert min(region.values()) >= 1
            assert (region["startLine"], region["startColumn"]) <= (region["endLine"], region["endColumn"])
        for fix in result.get("fixes", []):
            assert all(change["replacements"] for change in fix["artifactChanges"])
    assert any("fixes" in result for result in run["results"])


HOSTILE = "a%0A::error::b\n::set-output name=x::y\x1b[31m\u202e,:"


@pytest.mark.parametrize("form", FORMS)
def test_hostile_texts_and_names(form: str) -> None:
    made = Compilation(Path(f"{HOSTILE}.recipe"), text="recipe w\nedition 2026\n")
    span = made.module.tree.items[0].span
    fix = Fix(HOSTILE, (Edit(span, HOSTILE),))
    one = Diagnostic("E0201", HOSTILE, span, HOSTILE, (Label(span, HOSTILE),), HOSTILE, (fix,))
    text = render([one, Diagnostic("E0240", HOSTILE, None)], made, form)
    assert "\x1b" not in text and "\u202e" not in text
    if form == "github":
        assert len(text.splitlines()) == 2
        assert all(line.startswith("::error ") for line in text.splitlines())
        assert text.splitlines()[0].split("::", 2)[1].count(",") == 5  # the settings' own, none of the name's
    if form in ("json", "sarif"):
        assert json.loads(text)


@pytest.mark.parametrize("form", FORMS)
def test_the_command(form: str, tmp_path: Path) -> None:
    recipe = tmp_path / "w.recipe"
    recipe.write_text(RECIPE)
    command = [sys.executable, "-m", "recipec.cli", "check", str(recipe), "--output", form]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 1 and "E0205" in done.stdout and done.stderr == ""
