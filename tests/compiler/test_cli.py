"""The command line as a user meets it: stdout, stderr, exit codes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
QUICKSTART = ROOT / "examples" / "quickstart.recipe"
WRONG = """recipe w
edition 2026
param lake: path
source a = jsonl("x.jsonl")
select b from aa { keep stats.wurds >= 5 }
write b to delta(lake)
"""


def recipec(*arguments: str, stdin: str | None = None, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "recipec.cli", *arguments]
    return subprocess.run(command, capture_output=True, text=True, input=stdin, env={**os.environ, **environment})


def test_compile_prints_the_script_and_nothing_else():
    done = recipec("compile", str(QUICKSTART))
    assert done.returncode == 0 and done.stderr == ""
    assert done.stdout.startswith('"""Compiled from the recipe quickstart') and done.stdout.endswith("job.end()\n")
    compile(done.stdout, "script.py", "exec")


def test_compile_writes_a_file(tmp_path):
    out = tmp_path / "job.py"
    done = recipec("compile", str(QUICKSTART), "-o", str(out))
    assert done.returncode == 0 and done.stdout == ""
    assert out.read_text() == recipec("compile", str(QUICKSTART)).stdout


def test_a_wrong_recipe_ends_with_1_and_fails_whatever_reads_the_pipe(tmp_path):
    recipe = tmp_path / "w.recipe"
    recipe.write_text(WRONG)
    done = recipec("compile", str(recipe))
    assert done.returncode == 1
    assert done.stdout == 'raise SystemExit("recipec: refused, see stderr")\n'
    assert "error[E" in done.stderr and "w.recipe:5" in done.stderr
    assert subprocess.run([sys.executable, "-"], input=done.stdout, text=True, capture_output=True).returncode == 1


def test_a_wrong_recipe_writes_no_file(tmp_path):
    recipe, out = tmp_path / "w.recipe", tmp_path / "job.py"
    recipe.write_text(WRONG)
    assert recipec("compile", str(recipe), "-o", str(out)).returncode == 1
    assert not out.exists()


def test_check_prints_all_diagnostics_in_three_forms(tmp_path):
    recipe = tmp_path / "w.recipe"
    recipe.write_text(WRONG)
    full, concise = recipec("check", str(recipe)), recipec("check", str(recipe), "--output", "concise")
    assert full.returncode == concise.returncode == 1
    assert "^" in full.stdout and "help:" in full.stdout
    assert all(":" in line for line in concise.stdout.splitlines())
    assert json.loads(recipec("check", str(recipe), "--output", "json").stdout)


def test_check_accepts_the_quickstart_and_says_nothing():
    done = recipec("check", str(QUICKSTART))
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_a_recipe_from_standard_input():
    done = recipec("compile", "-", "--param", "lake=l", stdin=QUICKSTART.read_text())
    assert done.returncode == 0 and 'lake="l"' in done.stdout


@pytest.mark.parametrize(
    "arguments",
    [(), ("compile",), ("compile", "nowhere.recipe"), ("compile", str(QUICKSTART), "--param", "lake"), ("brew",)],
)
def test_wrong_usage_ends_with_2(arguments):
    done = recipec(*arguments)
    assert done.returncode == 2 and done.stdout == "" and done.stderr


def test_the_flagship_compiles_as_it_stands():
    done = recipec("compile", str(ROOT / "recipes" / "nemotron_like.recipe"))
    assert done.returncode == 0 and done.stderr == ""
    compile(done.stdout, "job.py", "exec")


def test_what_cannot_run_yet_is_named_with_its_place(tmp_path):
    recipe = tmp_path / "later.recipe"
    text = (ROOT / "recipes" / "nemotron_like.recipe").read_text()
    text = text.replace("    top_p       = 0.9\n", "    max_turns   = 2\n", 1)
    text = text.replace("  take wiki             weight 8%\n", "  take wiki weight 8% share <= 9%\n")
    recipe.write_text(text + "\ncompute {\n  training = 5_000_000 gpu_hours\n  multiplier = 6x\n}\n")
    assert recipec("check", str(recipe)).returncode == 0
    done = recipec("compile", str(recipe))
    assert done.returncode == 1
    assert done.stdout == 'raise SystemExit("recipec: refused, see stderr")\n'
    for construct in ("`max_turns` in an `ask`", "`share <= …` of an ingredient", "`compute`"):
        assert f"error[E0900]: {construct} cannot run yet" in done.stderr
    assert "later.recipe:" in done.stderr


def test_later_forms_are_not_made_for_an_earlier_one(tmp_path):
    """`--format ast` of a recipe that does not resolve still prints its tree."""
    recipe = tmp_path / "w.recipe"
    recipe.write_text(WRONG)
    done = recipec("compile", str(recipe), "--format", "ast")
    assert done.returncode == 0 and "aa" in done.stdout


def test_check_loads_nothing_heavy():
    code = (
        "import sys\nfrom recipec.cli import main\n"
        f"main(['check', {str(QUICKSTART)!r}])\n"
        "print([m for m in ('pyspark', 'pyarrow', 'numpy', 'numba', 'pydantic') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_crash_of_ours_ends_with_70_and_says_so():
    code = "import recipec.cli as c\nc.check = lambda options: 1 / 0\nc.main(['check', 'x'])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 70 and "defect of recipec" in done.stderr and "ZeroDivisionError" in done.stderr
