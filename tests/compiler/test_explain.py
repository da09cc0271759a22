"""`recipec explain`: every code has a recipe before and after, and both are what they say."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from recipec.codes import CODES
from recipec.driver import Compilation
from recipec.explain import EXPLANATIONS, codes_page, example, explain
from recipec.fmt import format_text
from test_checks import complete, folder, said  # noqa: F401  a fixture is used by its name

PAGE = Path(__file__).parents[2] / "docs" / "diagnostics.md"
OF_A_RECIPE = [code for code in CODES if example(code).kind == "recipe"]


def codes(recipe: str, folder: Path) -> list[str]:  # noqa: F811
    text = complete(f"{recipe}\n")
    return [one.code for one in Compilation(folder / "test.recipe", text=text).diagnostics]


def test_every_code_has_one_explanation() -> None:
    assert {path.stem for path in EXPLANATIONS.glob("*.md")} == set(CODES)
    assert all(CODES[code].explanation.endswith(".") for code in CODES)


@pytest.mark.parametrize("code", OF_A_RECIPE)
def test_the_recipe_before_is_refused_and_the_one_after_is_not(code: str, folder: Path) -> None:  # noqa: F811
    shown = example(code)
    assert {one for one in codes(shown.before, folder) if one.startswith(("E", code))} == {code}
    assert [one for one in codes(shown.after, folder) if one.startswith("E") or one == code] == []


@pytest.mark.parametrize("code", OF_A_RECIPE)
def test_the_recipe_after_is_formatted(code: str) -> None:
    text = f"{example(code).after}\n"
    assert format_text("x.recipe", text).text == text


def test_the_page_of_all_codes(folder: Path, update_golden: bool) -> None:  # noqa: F811
    printed = [(code, said(f"{example(code).before}\n", folder)) for code in OF_A_RECIPE]
    page = codes_page(printed)
    if update_golden:
        PAGE.parent.mkdir(exist_ok=True)
        PAGE.write_text(page, encoding="utf-8")
    assert PAGE.read_text("utf-8") == page, "if it is right: pytest --update-golden"


@pytest.mark.parametrize("code", CODES)
def test_a_code_is_explained(code: str) -> None:
    text, known = explain(code.lower())
    assert known and text.startswith(f"{code}: {CODES[code].title}")
    assert "Before:" in text and "After:" in text


@pytest.mark.parametrize(
    ("subject", "parts"),
    [
        ("minhash", ("a deduplication", "bands: int", "must be given", "default lowest_id")),
        ("stats.words", ("a statistic", "words: a whole number")),
        ("duplicate_line_share", ("stats.duplicate_line_share", "0% to 100%")),
        ("gopher.quality", ("a filter of std/gopher.recipe", 'use "std/gopher"', "## Mean length of a word")),
        ("gopher.quality", ("3 .. 10", "Rae et al. 2021", "Runs of characters")),
        ("repetition", ("gopher.repetition",)),
        ("nemotron_cc.distill", ("a prompt of prompts/nemotron_cc.recipe", "Condensed:")),
        ("doc_id", ("every document",)),
    ],
)
def test_a_name_is_explained(subject: str, parts: tuple[str, ...]) -> None:
    text, known = explain(subject)
    assert known
    for part in parts:
        assert part in " ".join(text.split())


def test_what_nobody_knows_ends_with_2_and_says_what_is_near() -> None:
    command = [sys.executable, "-m", "recipec.cli", "explain"]
    done = subprocess.run([*command, "gopher.qualty"], capture_output=True, text=True)
    assert done.returncode == 2 and done.stdout == "" and "`gopher.quality`" in done.stderr
    assert subprocess.run([*command, "E9999"], capture_output=True, text=True).returncode == 2
    done = subprocess.run([*command, "E0202"], capture_output=True, text=True)
    assert done.returncode == 0 and done.stderr == "" and "yaer" in done.stdout
