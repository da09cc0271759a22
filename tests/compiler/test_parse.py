"""The parser: every sketch reads, an error hides nothing, nothing ever raises."""

from __future__ import annotations

import json
import re
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from recipec import ast
from recipec.driver import Compilation
from recipec.imports import library_folder
from recipec.parse import TABLES, parse
from recipec.renderers import Sources
from recipec.renderers.concise import concise
from recipec.renderers.full import full

RECIPES = sorted([*(Path(__file__).parent / "recipes").glob("*.recipe"), *library_folder().rglob("*.recipe")])


def grammar_tables() -> ModuleType:
    """The script that makes the tables; it needs the parser generator, which the compiler does not."""
    path = Path(__file__).parents[2] / "scripts" / "grammar_tables.py"
    spec = spec_from_file_location("grammar_tables", path)
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_tables_are_those_of_the_grammar_which_has_no_conflict_and_no_collision() -> None:
    script = grammar_tables()
    made = script.tables(script.GRAMMAR.read_text("utf-8"))
    assert made == TABLES.read_text("utf-8"), "run `make grammar`"


def test_words_of_the_language_are_found_as_names_are() -> None:
    """What `lalr.Machine` relies on: a keyword is what the terminal NAME matches, and ends where a name does."""
    made = json.loads(TABLES.read_text("utf-8"))
    names = dict(made["terminals"])["NAME"]
    assert len(made["keywords"]) >= 60
    assert all(re.fullmatch(names, word) and name == word.upper() for word, name in made["keywords"].items())


def test_there_are_fifteen_recipes_and_the_library() -> None:
    assert len([path for path in RECIPES if path.parent.name not in ("std", "prompts")]) >= 12
    assert {path.name for path in RECIPES if path.parent.name == "std"} >= {
        "gopher.recipe",
        "c4.recipe",
        "fineweb.recipe",
    }


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_a_recipe_parses(path: Path) -> None:
    parsed = parse(path.name, path.read_text("utf-8"))
    assert parsed.diagnostics == ()
    assert parsed.file.items


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_windows_line_ends_and_a_byte_order_mark_change_nothing(path: Path) -> None:
    text = path.read_text("utf-8")
    same = Compilation(data=b"\xef\xbb\xbf" + text.replace("\n", "\r\n").encode(), name=path.name).ast
    shown = [type(item).__name__ for item in same.items]
    assert shown == [type(item).__name__ for item in parse(path.name, text).file.items]
    texts = [one.parts for item in same.items for one in _texts(item)]
    assert not any("\r" in part for parts in texts for part in parts if isinstance(part, str))


def _texts(node: object) -> list[ast.Text]:
    from dataclasses import fields, is_dataclass

    if isinstance(node, ast.Text):
        return [node]
    if isinstance(node, tuple):
        return [text for one in node for text in _texts(one)]
    if is_dataclass(node):
        return [text for field in fields(node) for text in _texts(getattr(node, field.name))]
    return []


def test_spans_cut_out_what_they_name() -> None:
    text = "recipe r\n\n## Doc.\nselect a from b[x, y] {\n  keep (p or q) and stats.words >= 1_000 # why\n}\n"
    parsed = parse("r.recipe", text).file
    select = parsed.items[1]
    assert text[select.span.start : select.span.end] == text[text.index("select") :].rstrip()
    assert select.doc == "Doc."
    assert text[select.from_.span.start : select.from_.span.end] == "b[x, y]"
    keep = select.body[0]
    first, second = keep.expr.operands
    assert text[first.span.start : first.span.end] == "(p or q)"
    assert text[second.span.start : second.span.end] == "stats.words >= 1_000"
    assert [(comment.text, text[comment.span.start]) for comment in parsed.comments] == [("# why", "#")]


def test_a_text_of_several_lines_loses_its_indentation_and_keeps_its_variables() -> None:
    text = 'prompt p(a) {\n  user = """\n    One ${a}\n      two\n\n    three\n    """\n}\n'
    value = parse("p.recipe", text).file.items[0].body[0].value
    assert [part if isinstance(part, str) else part.text for part in value.parts] == ["One ", "a", "\n  two\n\nthree"]
    name = value.parts[1]
    assert text[name.span.start : name.span.end] == "${a}"


def test_escapes() -> None:
    value = parse("p.recipe", r'param p: text = "a\n\t\"\\\$\u{1F600}${b}"' + "\n").file.items[0].default
    assert [part if isinstance(part, str) else part.text for part in value.parts] == ['a\n\t"\\$😀', "b"]


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("param x: int = " + "(" * 100_000, "E0104"),
        ("param x: int = " + "-" * 5_000 + "1\n", "E0104"),
        ("param x: int = " + "not " * 5_000 + "x\n", "E0104"),
        ("param x: int = " + "1 + " * 5_000 + "1\n", "E0104"),
        ("select a from b {\n  keep x in [" + "1, " * 30_000 + "1]\n}\n", "E0104"),
        ("param x: int = " + "9" * 100_000 + "\n", "E0105"),
        ("param x: text = \"" + "a" * 1_000_000 + "\n", "E0103"),
        ("param x: text = \"\0\"\n", "E0101"),
        ("param x: text = \"\ud800\"\n", "E0101"),
        ("a" * 1_000_000, "E0107"),
        ("}\n" * 1000, "E0107"),
        ("select", "E0102"),
    ],
)  # fmt: skip
def test_what_is_absurd_is_a_diagnostic(text: str, code: str) -> None:
    parsed = parse("x.recipe", text)
    assert [one.code for one in parsed.diagnostics][:1] == [code]
    sources = Sources({"x.recipe": text}, {})
    shown = full(parsed.diagnostics, sources) + concise(parsed.diagnostics, sources)
    assert shown.isprintable() or set(shown) - {"\n"} == {one for one in shown if one.isprintable()}
    assert max(map(len, shown.splitlines())) < 400


def test_a_long_chain_of_and_is_fine() -> None:
    text = "select a from b {\n  keep " + " and ".join(["x > 1"] * 2_000) + "\n}\n"
    parsed = parse("x.recipe", text)
    assert parsed.diagnostics == ()
    assert len(parsed.file.items[0].body[0].expr.operands) == 2_000


def test_bytes_that_are_no_text_are_named_with_their_line(tmp_path: Path) -> None:
    path = tmp_path / "bad.recipe"
    path.write_bytes(b"recipe bad\n# caf\xe9\nedition 2026\n")
    compilation = Compilation(path)
    (found,) = compilation.diagnostics
    assert (found.code, found.label) == ("E0101", "byte 0xe9")
    assert concise(compilation.diagnostics, Sources(compilation.files, {})).startswith("bad.recipe:2:6: error[E0101]")


TEXTS = [path.read_text("utf-8") for path in RECIPES]
PIECES = [
    *(
        '"',
        '"""',
        "{",
        "}",
        "(",
        ")",
        "[",
        "]",
        "\n",
        "\0",
        "\ufeff",
        "\r\n",
        "\ud800",
        "#",
        "##",
        "${",
        "}",
        "\\",
        "\u202e",
    ),
    *("..", "==", " and ", "not ", "use ", "9" * 40, "(" * 70, "keep", "\nselect ", "é", "\t", "%", "$"),
]


@st.composite
def mutated(draw: st.DrawFn) -> str:
    """A recipe with pieces deleted, doubled and put in."""
    text = draw(st.sampled_from(TEXTS))
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(text)))
        length = draw(st.integers(0, 40))
        piece = draw(st.one_of(st.sampled_from(PIECES), st.just(text[at : at + length] * 2), st.text(max_size=5)))
        text = text[:at] + piece + text[at + length :]
    return text


def whole(text: str) -> None:
    """All phases and all renderers, without an exception."""
    compilation = Compilation(text=text, name="mutated.recipe", params={"lake": "lake", "crawl": "x"})
    diagnostics = compilation.diagnostics
    sources = Sources(compilation.files, compilation.paths)
    full(diagnostics, sources)
    concise(diagnostics, sources)
    for one in diagnostics:
        if one.primary is not None:
            assert 0 <= one.primary.start <= one.primary.end <= len(compilation.files[one.primary.file]) + 1


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(mutated())
def test_a_mutated_recipe_is_compiled_or_refused(text: str) -> None:
    whole(text)


@settings(max_examples=100, deadline=None)
@given(st.text())
def test_any_text_is_compiled_or_refused(text: str) -> None:
    whole(text)
