"""The emitted script: a golden file, and what a reader may rely on, read off its syntax tree."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest
from recipec.backend import Backend
from recipec.driver import Compilation
from recipec.layout import text_literal

ROOT = Path(__file__).parents[2]
QUICKSTART = ROOT / "examples" / "quickstart.recipe"
FLAGSHIP = ROOT / "recipes" / "nemotron_like.recipe"

SMALL = """recipe small
edition 2026
param lake: path
source pages = jsonl("in.jsonl") {
  id      = id
  license = "cc0-1.0"
}
select clean from pages {
  keep stats.words >= 50
}
write clean to delta(lake) { partition = [source] }
"""


def script(text: str, folder: Path | None = None, **params: str) -> str:
    """The script of a recipe that must be right."""
    path = folder / "small.recipe" if folder else None
    backend = Backend(Compilation(path, {"lake": "lake", **params}, text=text, name="small.recipe"))
    assert [d for d in backend.diagnostics if d.severity == "error"] == []
    return backend.script


@pytest.fixture(scope="module")
def quickstart() -> str:
    """The script of the quickstart recipe, with its own defaults."""
    return Backend(Compilation(QUICKSTART)).script


@pytest.mark.parametrize("recipe", [QUICKSTART, FLAGSHIP], ids=["quickstart", "nemotron_like"])
def test_plan_and_script_are_the_golden_ones(recipe, golden):
    from recipec.plan_text import parse_plan, plan_text

    backend = Backend(Compilation(recipe))
    golden(f"{recipe.stem}.py", backend.script)
    text = plan_text(backend.optimised)
    golden(f"{recipe.stem}.plan", text)
    assert parse_plan(text) == backend.optimised


def test_the_same_recipe_gives_the_same_bytes_in_any_process(quickstart):
    for seed in ("1", "2"):
        command = [sys.executable, "-m", "recipec.cli", "compile", str(QUICKSTART)]
        done = subprocess.run(command, capture_output=True, env={"PYTHONHASHSEED": seed}, check=True)
        assert done.stdout.decode() == quickstart


# ---- what the tree holds -----------------------------------------------------------------------


def calls(tree: ast.AST, name: str) -> list[ast.Call]:
    """All calls of `name` (dotted), in the tree's order."""
    return [node for node in ast.walk(tree) if isinstance(node, ast.Call) and ast.unparse(node.func) == name]


def test_every_threshold_is_a_literal_of_a_test(quickstart):
    tree = ast.parse(quickstart)
    rules = calls(tree, "rt.rule")
    assert len(rules) == 2 + 7 + 13 + 4, "lang and lang_score, Gopher's quality and repetition, FineWeb's quality"
    tests = [rule.args[1] for rule in rules]
    for test in tests:
        assert ast.unparse(test.func) == "rt.test" and len(test.args) > 2, ast.unparse(test)
        assert all(isinstance(argument, ast.Constant) for argument in test.args), ast.unparse(test)
    limits = {limit.value for test in tests for limit in test.args[2:]}
    assert {"en", 0.65, 50, 100_000, 3, 10, 0.1, 0.9, 0.3, 0.8, 2, 0.2, 0.18, 0.16, 0.15, 0.12, 0.67, 0.01} <= limits


def test_every_other_number_is_a_literal_argument_of_an_operator(quickstart):
    tree = ast.parse(quickstart)
    operators = {ast.literal_eval(call.args[0]): call for call in calls(tree, "rt.op")}
    minhash = {k.arg: ast.literal_eval(k.value) for k in operators["minhash@1"].keywords}
    assert minhash["shingle"] == "5 words" and minhash["verify"] == 0.8
    assert (minhash["bands"], minhash["rows"], minhash["seed"]) == (14, 8, 1)
    for call in operators.values():
        for keyword in call.keywords:
            ast.literal_eval(keyword.value)


def test_every_step_is_a_statement_of_its_own(quickstart):
    statements = ast.parse(quickstart).body
    for name, count in {
        "job.source": 1, "job.annotate": 1, "rt.keep": 4, "job.duplicates": 2,
        "rt.drop_duplicates": 2, "job.select": 1, "rt.with_texts": 1, "rt.document": 1, "job.write": 1,
    }.items():  # fmt: skip
        having = [s for s in statements if calls(s, name)]
        assert len(having) == count == sum(len(calls(s, name)) for s in having), name
    assert not [s for s in statements if ".join(" in ast.unparse(s)], "what is joined is said by name"


def test_no_argument_is_a_serialised_step(quickstart):
    tree = ast.parse(quickstart)
    after = [s for s in tree.body if not ast.unparse(s).startswith("RECIPE")]
    for node in (n for s in after for n in ast.walk(s)):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            assert len(node.value) < 200 and "{" not in node.value, node.value


def test_every_step_names_its_place_in_the_recipe(quickstart):
    source = QUICKSTART.read_text().splitlines()
    for line in quickstart.splitlines():
        if line.startswith("# quickstart.recipe:"):
            number, _, text = line.removeprefix("# quickstart.recipe:").partition("  ")
            assert " ".join(source[int(number) - 1].split()).startswith(text.strip())


def test_running_up_to_a_line_needs_nothing_of_the_lines_after(quickstart):
    """Names are bound before they are used, so that any first part of the script runs."""
    bound = {"F", "rt"}
    for statement in ast.parse(quickstart).body[4:]:
        used = {n.id for n in ast.walk(statement) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Load)}
        assert used <= bound, ast.unparse(statement)[:80]
        bound |= {n.id for n in ast.walk(statement) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}


# ---- hostile recipes (fault 23) ------------------------------------------------------------------

HOSTILE = ['\\"\\"\\"', "'", "\\\\", "\\n", "{}", "{0.__class__}", "%s", "$(rm -rf /)", "'); import os; ('", "é😀"]


def shape(text: str) -> str:
    """The tree with every literal replaced by its type."""

    class Blank(ast.NodeTransformer):
        def visit_Constant(self, node: ast.Constant) -> ast.Constant:
            return ast.Constant(type(node.value).__name__)

    tree = ast.parse(text)
    tree.body = [s for s in tree.body if not ast.unparse(s).startswith("RECIPE")]
    return ast.dump(Blank().visit(tree))


@pytest.mark.parametrize("text", HOSTILE)
def test_a_hostile_text_changes_literals_only(text):
    plain = SMALL.replace("keep stats.words >= 50", 'keep contains("x", case = exact)')
    hostile = plain.replace('"x"', f'"{text}"').replace("cc0-1.0", text)
    assert shape(script(hostile)) == shape(script(plain))


@pytest.mark.parametrize("name", ["import", "f", "spark", "job", "rt", "class_", "print", "recipe", "none"])
def test_a_hostile_name_is_still_only_a_name(name):
    if name == "recipe":
        pytest.skip("a keyword of the language itself")
    made = script(SMALL.replace("clean", name))
    compile(made, "script.py", "exec")
    assert ast.parse(made)


def test_a_path_with_a_newline_stays_one_literal():
    made = script(SMALL, lake="a\nb")
    assert text_literal("a\nb") in made
    assert all("\n" not in line for line in made.split("\n"))


# ---- identity ------------------------------------------------------------------------------------


def digests(text: str) -> list[str]:
    """Operation digests of the script's steps, in order."""
    keywords = [k for c in ast.walk(ast.parse(text)) if isinstance(c, ast.Call) for k in c.keywords]
    return [k.value.value for k in keywords if k.arg == "digest"]


def test_renaming_and_reformatting_change_no_digest():
    plain = digests(script(SMALL))
    assert digests(script(SMALL.replace("clean", "kept"))) == plain
    assert digests(script(SMALL.replace(">= 50", "  >=   50  # words"))) == plain
    assert digests(script(SMALL, lake="elsewhere")) == plain
    assert digests(script(SMALL.replace("in.jsonl", "other/*.jsonl"))) == plain


@pytest.mark.parametrize(
    ("old", "new", "changed"),
    [
        (">= 50", ">= 51", {2, 3}),
        ("cc0-1.0", "cc0-1.1", {0, 1, 2, 3}),
        ("source pages", "source sites", {0, 1, 2, 3}),
        ("[source]", "[domain]", {3}),
    ],
)
def test_a_changed_literal_changes_what_depends_on_it(old, new, changed):
    text = SMALL.replace(old, new)
    if old == "source pages":
        text = text.replace("from pages", "from sites")
    before, after = digests(script(SMALL)), digests(script(text))
    assert {i for i, (a, b) in enumerate(zip(before, after, strict=True)) if a != b} == changed


def test_independent_items_may_stand_in_any_order():
    two = SMALL + """source more = jsonl("b.jsonl") { id = id }
select other from more { keep stats.words >= 5 }
write other to delta(lake) { partition = [source] }
"""
    head, items = two.split("param lake: path\n")
    parts = items.replace("\nsource more", "\x00source more").split("\x00")
    turned = head + "param lake: path\n" + parts[1] + parts[0] + "\n"
    assert sorted(digests(script(two))) == sorted(digests(script(turned)))
