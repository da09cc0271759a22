"""Every way to submit a recipe, for a right one, a wrong one, and one whose step cannot do its work."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from recipe_runtime.session import DELTA_JAR
from running import versions
from small_jobs import RECIPE, texts, write_files


@pytest.fixture(scope="module")
def submitted(tmp_path_factory) -> dict[str, Path]:
    """A recipe that is right, a wrong one, and an input."""
    folder = tmp_path_factory.mktemp("submit")
    write_files(folder / "in", 2)
    right, wrong = folder / "right.recipe", folder / "wrong.recipe"
    right.write_text(RECIPE.replace("param input: path", f'param input: path = "{folder / "in"}"'))
    wrong.write_text(RECIPE.replace("stats.words", "stats.wurds"))
    return {"folder": folder, "right": right, "wrong": wrong, "lake": folder / "lake"}


RECIPEC = f"{sys.executable} -m recipec.cli"
SPARK_SUBMIT = str(Path(sys.executable).parent / "spark-submit")
FORMS = {
    "pipe": f"{RECIPEC} compile {{recipe}} {{params}} | {SPARK_SUBMIT} pyspark-shell-main",
    "shell-init": (
        f'export PATH={Path(sys.executable).parent}:$PATH; eval "$({RECIPEC} shell-init bash)"; '
        f"{RECIPEC} compile {{recipe}} {{params}} | spark-submit"
    ),
    "submit": f"{RECIPEC} compile {{recipe}} {{params}} | {RECIPEC} submit - -- --master local[2]",
    "file": (
        f"{RECIPEC} compile {{recipe}} {{params}} -o {{folder}}/job.py && "
        f"{SPARK_SUBMIT} --packages {DELTA_JAR} {{folder}}/job.py"
    ),
}


def run_form(form: str, submitted: dict[str, Path], recipe: str, **params: object) -> subprocess.CompletedProcess[str]:
    """One form, in bash, without pipefail."""
    given = " ".join(f"--param {name}={value}" for name, value in {"lake": submitted["lake"], **params}.items())
    command = FORMS[form].format(recipe=submitted[recipe], params=given, folder=submitted["folder"])
    environment = {**os.environ, "PYSPARK_PYTHON": sys.executable}
    return subprocess.run(["bash", "-c", command], capture_output=True, text=True, env=environment, timeout=300)


@pytest.mark.parametrize("form", FORMS)
def test_each_form_runs_a_recipe(form, submitted):
    done = run_form(form, submitted, "right")
    assert done.returncode == 0, done.stderr
    assert versions(submitted["lake"])["clean"] == 0 and len(texts(submitted["lake"])) == 6


@pytest.mark.parametrize("form", FORMS)
def test_each_form_fails_for_a_wrong_recipe(form, submitted):
    done = run_form(form, submitted, "wrong", input=submitted["folder"])
    assert done.returncode == 1, done.stderr
    assert "error[E" in done.stderr


@pytest.mark.parametrize("form", FORMS)
def test_each_form_fails_with_4_for_a_step_that_cannot_do_its_work(form, submitted):
    done = run_form(form, submitted, "right", input=submitted["folder"] / "nowhere" / "*.jsonl")
    assert done.returncode == 4, done.stderr
    said = done.stderr + done.stdout  # spark-submit hands a Python program's stderr on as its own stdout
    assert "no file at" in said and "help:" in said
