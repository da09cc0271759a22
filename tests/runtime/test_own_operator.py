"""docs/operators.md, done as it says: its package is installed, its recipe checked and run, its test passed."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from recipe_runtime import ops
from recipec import operators
from recipec.driver import Compilation
from recipec.explain import explain
from running import run_here

PAGE = Path(__file__).parents[2] / "docs" / "operators.md"
FILES = dict(re.findall(r"^`([\w.]+)`:\n\n```\w+\n(.*?)^```$", PAGE.read_text("utf-8"), re.DOTALL | re.MULTILINE))


@pytest.fixture(scope="module")
def package(tmp_path_factory) -> Path:
    """The page's files in a folder, with the metadata that an installer makes of its pyproject.toml."""
    folder = tmp_path_factory.mktemp("own")
    for name, text in FILES.items():
        (folder / name).write_text(text, encoding="utf-8")
    project = tomllib.loads(FILES["pyproject.toml"])["project"]
    info = folder / f"{project['name']}-{project['version']}.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}\n")
    lines = [f"{name} = {value}" for name, value in project["entry-points"]["recipec.operators"].items()]
    (info / "entry_points.txt").write_text("\n".join(["[recipec.operators]", *lines]) + "\n")
    return folder


@pytest.fixture
def installed(package, monkeypatch):
    """The package is on the path of this process while a test runs."""
    monkeypatch.syspath_prepend(str(package))
    caches = (operators.installed, ops.registry)
    for one in caches:
        one.cache_clear()
    yield
    for one in caches:
        one.cache_clear()
    sys.modules.pop("jargon", None)


def codes(recipe: str) -> list[str]:
    return [one.code for one in Compilation(params={"input": "in.jsonl"}, text=recipe).diagnostics]


def test_the_files_of_the_page() -> None:
    assert set(FILES) == {"jargon.py", "pyproject.toml", "plain_language.recipe", "test_jargon.py"}


def test_the_recipe_is_accepted_with_the_package_and_only_with_it(installed) -> None:
    recipe = FILES["plain_language.recipe"]
    assert codes(recipe) == []
    assert codes(recipe.replace('use plugin "jargon" as own\n', "").replace("own.", "")) == []
    assert codes(recipe.replace("<= most", "<= 2 words").replace("(most = 2%)", "").replace("(most = 5%)", "")) == [
        "E0302"
    ]
    assert codes(recipe.replace("words = [", "word = [")) == ["E0204"]


def test_without_the_package_its_name_is_unknown() -> None:
    assert codes(FILES["plain_language.recipe"]) == ["E0203"]


def test_explain_shows_it(installed) -> None:
    text, known = explain("jargon_share")
    assert known and "Words of the list ÷ words of the text" in text and "The list." in text


def test_reading_the_declaration_loads_no_arrow(package) -> None:
    code = "import sys, jargon; print('pyarrow' in sys.modules)"
    assert subprocess.check_output([sys.executable, "-c", code], text=True, cwd=package).strip() == "False"


def test_its_own_test_passes(package) -> None:
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_jargon.py"]
    environment = {**os.environ, "PYTHONPATH": str(package)}
    ended = subprocess.run(command, cwd=package, text=True, capture_output=True, env=environment)
    assert ended.returncode == 0 and "3 passed" in ended.stdout, ended.stdout


def test_the_recipe_runs_and_says_why_a_page_fell_out(installed, quiet, spark, package, tmp_path) -> None:
    spark.sparkContext.addPyFile(str(package / "jargon.py"))  # what an installed package needs no more
    texts = {"plain": "A plain word and another one.", "grand": "Leverage synergy to shift the paradigm", "dash": "–"}
    path = tmp_path / "in.jsonl"
    path.write_text("".join(json.dumps({"id": name, "text": text}) + "\n" for name, text in texts.items()))
    ran = run_here(FILES["plain_language.recipe"], tmp_path / "lake", input=str(path))
    assert {row.text for row in ran.output(spark, "plain_pages").collect()} == {texts["plain"], texts["dash"]}
    (reject,) = ran.ledger("rejects")
    assert reject["value"] == "0.5" and reject["threshold"] == "<= 0.05"
    assert reject["rule"].startswith("own.jargon_share(words = [") and reject["at"] == "x.recipe:11"
