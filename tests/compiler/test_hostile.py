"""Hostile names and texts in every position of a recipe: the script has the same tree, literals and names apart."""

from __future__ import annotations

import ast
import shutil
from pathlib import Path

import pytest
from recipec.cli import main
from recipec.driver import Compilation
from rewriting import FLAGSHIP, compiled, renamed

OURS = ("F", "rt", "job", "RECIPE")
"""What a script's first lines bind; nothing of the recipe may have these names."""

TEXTS = [
    '\\"\\"\\"', "'", "'''", "\\\\", "\\n", "\\u{0}".replace("0", "7f"), "{}", "{0.__class__}", "{title}", "%s", "#",
    "$(rm -rf /)", "'); import os; ('", "\\\\\\\"", "\u202e", "\u2028", "é😀", "</script>", "\\t", "\\r",
]  # fmt: skip
NAMES = [
    "import", "f", "spark", "job", "rt", "class", "lambda", "none", "print", "match", "type", "self", "answers",
    "recipe_", "__class__", "_", "dict", "rows", "frame", "col", "lit", "sys", "end", "start", "wiki_verify", "job_",
]  # fmt: skip

RECIPE = """# A comment with SAID in it.
## What it is: SAID.
recipe everything
edition 2026

use "prompts/nemotron_cc" as prompts

param lake: path = "lake SAID"
param at_least: count = 5
param phrase: text = "phrase SAID"

tokenizer bpe = hf("std/bpe.json")

endpoint rewriter {
  url       = "builtin"
  key       = env("KEY", default = "SAID")
  model     = "model SAID"
  tokenizer = bpe
}

## Asks for it: SAID.
prompt ask_for_it(text, tone = "tone SAID") {
  system = "system SAID"
  user   = \"\"\"
    Tell ${tone} of
    ${text} SAID
  \"\"\"
}

filter usable(least = at_least) {
  ## Says SAID.
  stats.words >= least
  not contains("banned SAID", case = exact)
}

source pages = jsonl("in SAID.jsonl") {
  text      = body
  license   = "license SAID"
  namespace = "namespace SAID"
}

select clean from pages {
  lang  by fasttext("lid.176")
  keep  lang in ["en SAID", "de"] and usable  # SAID
  keep  contains(phrase, case = exact)
  dedup exact(of = text)
  score edu = onnx("std/edu.onnx")
}

select tiered from clean {
  tier by edu {
    high >= 3
    low  otherwise
  }
}

transform wiki from tiered[low] {
  ask rewriter using prompts.wikipedia, ask_for_it(tone = "other SAID") {
    segment    = lines(max = 512 tokens)
    rejoin     = "rejoin SAID"
    max_tokens = 512
    stop       = ["stop SAID"]
  }
  score support = lexical_support(answer, segment)
  verify {
    finish == stop
    support >= 0.80
  }
  on fail discard
}

generate qa from tiered[high] {
  ask rewriter using prompts.diverse_qa {
    segment    = lines(max = 512 tokens)
    samples    = 2
    max_tokens = 512
    seed       = 1
  }
  verify {
    finish == stop
  }
  on fail discard
  text = "before SAID ${segment} between SAID ${answer}"
}

mix all to at most 1B tokens {
  tokenizer = bpe
  take tiered weight 60%
  take wiki weight 20%
  take qa weight 20%
  cap synthetic <= 90%
  seed = 1
}

write all to delta(lake) {
  partition = [tier]
  expect not_null(text)
}
"""
OWN_NAMES = (
    "bpe", "rewriter", "ask_for_it", "usable", "pages", "clean", "tiered", "wiki", "qa", "all", "at_least",
    "phrase",
)  # fmt: skip
COLUMNS = ("edu", "support", "body", "least", "tone", "high")


def script(text: str, folder: Path | None = None, name: str = "r.recipe", **params: str) -> str:
    return compiled(text, folder, name, **params).script


def shape(text: str) -> str:
    """The tree with each literal as its type, a joined text as one, and each name as the number of its first use."""
    numbers: dict[str, str] = {name: name for name in OURS}
    tree = ast.parse(text)

    def numbered(name: str) -> str:
        return numbers.setdefault(name, f"name{len(numbers)}")

    for node in ast.walk(tree):
        match node:
            case ast.Constant():
                node.value = type(node.value).__name__
            case ast.Name():
                node.id = numbered(node.id)
            case ast.arg():
                node.arg = numbered(node.arg)
            case ast.FunctionDef():
                node.name = numbered(node.name)
    recipe = [one for one in tree.body if isinstance(one, ast.Assign) and ast.unparse(one.targets[0]) == "RECIPE"]
    assert len(recipe) == 1
    recipe[0].value = ast.Constant("dict")  # the text of the recipe itself, in as many lines as it has
    _one_text_each(tree)
    return ast.dump(tree)


def _one_text_each(tree: ast.AST) -> None:
    """A prompt's text stands in the script line by line; a line more is a literal more, and no other code."""
    for node in ast.walk(tree):
        if isinstance(node, ast.List):
            node.elts = [
                one
                for index, one in enumerate(node.elts)
                if not (index and _is_text(one) and _is_text(node.elts[index - 1]))
            ]


def _is_text(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value == "str"


@pytest.fixture(scope="module")
def plain() -> str:
    return shape(script(RECIPE.replace("SAID", "said")))


def test_every_statement_and_function_of_a_script_is_in_it() -> None:
    made = script(RECIPE.replace("SAID", "said"))
    for word in ("job.source", "job.select", "job.units", "job.ask", "job.derive", "job.mix", "job.write", "def wiki_"):
        assert word in made
    literals = [node.value for node in ast.walk(ast.parse(made)) if isinstance(node, ast.Constant)]
    texts = [one for one in literals if isinstance(one, str) and "said" in one and len(one) < 200]
    assert len(texts) >= 12


@pytest.mark.parametrize("text", TEXTS)
def test_a_hostile_text_in_every_position_changes_literals_only(text: str, plain: str) -> None:
    made = script(RECIPE.replace("SAID", text))
    assert shape(made) == plain
    assert all(line.isprintable() for line in made.split("\n"))


def test_a_text_that_climbs_is_a_literal_where_it_is_no_path_and_refused_where_it_is(plain: str) -> None:
    text = RECIPE.replace("in SAID.jsonl", "in.jsonl").replace("lake SAID", "lake")
    assert shape(script(text.replace("SAID", "../../etc"))) == plain
    climbing = RECIPE.replace("in SAID.jsonl", "../../etc/*.jsonl").replace("SAID", "said")
    found = Compilation(FLAGSHIP.parent / "r.recipe", text=climbing).errors
    assert [climbing[one.primary.start : one.primary.end] for one in found] == ['"../../etc/*.jsonl"']


@pytest.mark.parametrize("first", range(len(NAMES)))
def test_hostile_names_are_only_names_each_in_every_position(first: int, plain: str) -> None:
    """All items at once, each test with the names moved on by one."""
    names = dict(zip(OWN_NAMES, NAMES[first:] + NAMES[:first], strict=False))
    made = script(renamed(RECIPE.replace("SAID", "said"), names))
    assert shape(made) == plain
    bound = [node.id for node in ast.walk(ast.parse(made)) if isinstance(node, ast.Name) and _stores(node)]
    assert bound.count("job") == 1 and {"F", "rt"}.isdisjoint(bound)


def _stores(node: ast.Name) -> bool:
    return isinstance(node.ctx, ast.Store)


@pytest.mark.parametrize("first", range(len(NAMES)))
def test_hostile_names_of_columns_parameters_and_tiers_are_literals(first: int, plain: str) -> None:
    possible = [name for name in NAMES if name not in ("none", "end", "start")] * 2
    names = dict(zip(COLUMNS, possible[first:], strict=False))
    assert shape(script(renamed(RECIPE.replace("SAID", "said"), names))) == plain


def test_names_that_the_script_makes_of_others_do_not_meet(plain: str) -> None:
    close = {"wiki": "a", "qa": "a_verify", "clean": "a_units", "tiered": "a_rows", "pages": "a_answers", "all": "a_"}
    assert shape(script(renamed(RECIPE.replace("SAID", "said"), close))) == plain


FILES = ["a\nb", '"', "'", '"""', "{}", "$(id)", "a b", "\\", "#", "é😀", "\u202e", "%s", "-rf", "\x1b[31m"]


@pytest.mark.parametrize("name", FILES)
def test_a_hostile_file_name_is_a_literal(name: str, plain: str, tmp_path: Path) -> None:
    """The recipe's own, a tokenizer's, a score's and the lake's."""
    shutil.copyfile(FLAGSHIP.parent / "std" / "bpe.json", tmp_path / f"{name}.json")
    shutil.copyfile(FLAGSHIP.parent / "std" / "edu.onnx", tmp_path / f"{name}.onnx")
    written = name.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("\x1b", "\\u{1b}")
    text = RECIPE.replace("SAID", "said").replace("std/bpe.json", f"{written}.json")
    made = script(text.replace("std/edu.onnx", f"{written}.onnx"), tmp_path, f"{name}.recipe", lake=name)
    assert shape(made) == plain
    assert all(line.isprintable() for line in made.split("\n"))


@pytest.mark.parametrize("name", FILES)
def test_the_command_takes_a_hostile_file_name(name: str, tmp_path: Path, capsys) -> None:
    path = tmp_path / f"{name}.recipe"
    path.write_text(RECIPE.replace("SAID", "said").replace("stats.words", "stats.wirds"), "utf-8")
    assert main(["check", str(path)]) == 1
    shown = capsys.readouterr().out
    assert "stats.words" in shown and all(line.isprintable() for line in shown.split("\n"))
