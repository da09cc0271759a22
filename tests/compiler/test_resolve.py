"""What a recipe means once every name is bound: what the lowering reads."""

from __future__ import annotations

from pathlib import Path

import pytest
from recipec import resolved as r
from recipec.ast import LineIndex
from recipec.driver import Compilation
from recipec.imports import library_folder
from recipec.show import show

FLAGSHIP = library_folder() / "nemotron_like.recipe"
PAGES = """recipe t
edition 2026

use "std/gopher"
use "std/c4"

param lake:  path  = "lake"
param least: count = 1K

source pages = jsonl("${lake}/in/*.jsonl") {
  text      = body.text
  id        = key
  license   = "cc-by-4.0"
  year      = year
  namespace = "crawl"
  max_bytes = 2 MB
}
"""


def compiled(body: str, **params: str) -> Compilation:
    """A recipe over `pages` that has nothing wrong with it."""
    compilation = Compilation(text=f"{PAGES}\n{body}", name="t.recipe", params=params)
    assert compilation.errors == []
    return compilation


def rules(body: str, **params: str) -> list[r.Rule]:
    """The rules of the one keep of `web`."""
    text = f"select web from pages {{\n{body}\n}}\n\nwrite web to delta(lake)\n"
    (keep,) = [one for one in compiled(text, **params).resolved.relations["web"].statements if isinstance(one, r.Keep)]
    return list(keep.rules)


@pytest.fixture
def flagship(tmp_path: Path) -> Compilation:
    """The flagship as it stands in the library, with the model and tokenizer files it names beside it."""
    (tmp_path / "std").mkdir()
    for name in ("bpe.json", "edu.onnx", "tidy.onnx"):
        (tmp_path / "std" / name).write_bytes(b"model")
    path = tmp_path / FLAGSHIP.name
    path.write_text(FLAGSHIP.read_text("utf-8"), encoding="utf-8")
    return Compilation(path)


def test_the_flagship_has_nothing_wrong_with_it(flagship: Compilation) -> None:
    assert flagship.diagnostics == []
    resolved = flagship.resolved
    assert list(resolved.relations) == ["clean", "calibration", "web", "wiki", "study", "qa"]
    assert resolved.relations["wiki"].tiers == ("low",)
    assert resolved.relations["web"].tiers == ("high", "medium_high", "medium", "medium_low", "low")
    assert [take.relation.name for take in resolved.mixes["pretrain"].statements if isinstance(take, r.Take)][3:] == [
        "wiki",
        "study",
        "qa",
    ]
    assert list(resolved.prompts)[0] == "nemotron_cc.wikipedia"
    assert resolved.writes[0].partition == ("tier", "origin")
    assert resolved.mixes["pretrain"].size.value.value == 10**12


def test_a_key_is_a_reference_to_the_environment(flagship: Compilation) -> None:
    key = flagship.resolved.endpoints["rewriter"].settings["key"]
    assert (key.variable, key.default) == ("REWRITER_KEY", "")


def test_a_filter_becomes_its_rules_each_with_its_own_place() -> None:
    text = "select web from pages {\n  keep gopher.quality and year > 3\n}\n\nwrite web to delta(lake)\n"
    compilation = compiled(text)
    keep = compilation.resolved.relations["web"].statements[0]
    assert len(keep.rules) == 8
    first, last = keep.rules[0], keep.rules[-1]
    assert first.text == "stats.words in 50 .. 100_000"
    assert first.span.file == "std/gopher.recipe"
    library = compilation.files["std/gopher.recipe"]
    assert library[first.span.start : first.span.end] == first.text
    assert first.doc == "Length of the document, in words."
    assert compilation.text[first.via.start : first.via.end] == "gopher.quality"
    assert last.text == "year > 3"
    assert last.via == last.span
    words = first.expr.value
    assert (words.operator.name, words.type, words.column) == ("stats.words", "bigint", "words")


def test_a_parameter_stands_in_the_text_of_a_rule_where_it_is_short() -> None:
    compilation = compiled(
        'filter f(limit, marks = [".", "!", "?", "\\"", "a longer mark than that"]) {\n'
        "  stats.line_end_share(marks) >= limit\n}\n\n"
        "select web from pages {\n  keep f(limit = 12%)\n}\n\nwrite web to delta(lake)\n"
    )
    (rule,) = compilation.resolved.relations["web"].statements[0].rules
    assert rule.text == "stats.line_end_share(marks) >= 12%"
    assert rule.expr.left.args["marks"].value == (".", "!", "?", '"', "a longer mark than that")
    assert rule.expr.right.value == 0.12


def test_a_filter_inside_or_is_one_rule() -> None:
    (rule,) = rules("  keep year > 3 or c4.page")
    assert rule.text == "year > 3 or c4.page"
    comparison, page = rule.expr.operands
    assert isinstance(page, r.And)
    assert len(page.operands) == 3
    assert isinstance(page.operands[1], r.Not)


def test_words_become_texts_beside_a_text_and_lists_too() -> None:
    first, second, third = rules('  lang by fasttext("lid.176")\n  keep lang == en and lang in [de, fr] and year == 3')
    assert (first.expr.right.value, first.expr.right.word) == ("en", True)
    assert [item.value for item in second.expr.items] == ["de", "fr"]
    assert third.expr.left.type == "any"


def test_a_block_is_put_in_with_its_arguments() -> None:
    body = "select web from pages {\n  use c4.lines(terminal_punctuation = false)\n  keep year > 1\n}\n"
    (clean, _) = compiled(f"{body}\nwrite web to delta(lake)\n").resolved.relations["web"].statements
    assert clean.call.args["min_words"].value == 3
    assert clean.call.args["terminal_punctuation"].value is False
    assert clean.call.args["without"].value[0] == "javascript"
    assert clean.span.file == "std/c4.recipe"


def test_every_parameter_of_a_call_has_a_value() -> None:
    body = "  dedup minhash(shingle = 5 words, bands = 14, rows = 8, verify = 80%, seed = 1)"
    resolved = compiled(f"select web from pages {{\n{body}\n}}\n\nwrite web to delta(lake)\n").resolved
    (dedup,) = resolved.relations["web"].statements
    assert {name: value.value for name, value in dedup.call.args.items()} == {
        "shingle": "5 words",
        "bands": 14,
        "rows": 8,
        "verify": 0.8,
        "keep": "lowest_id",
        "seed": 1,
        "within": None,
        "by": None,
    }
    assert dedup.text == body.strip()


def test_a_source_has_columns_and_settings() -> None:
    source = compiled("write pages to delta(lake)\n").resolved.sources["pages"]
    assert source.call.args["path"].value == "lake/in/*.jsonl"
    assert source.call.args["max_bytes"].value == 2_000_000
    assert source.call.args["namespace"].value == "crawl"
    assert list(source.settings) == ["namespace", "max_bytes"]
    assert source.columns["text"].name == "body.text"
    assert source.columns["license"].value == "cc-by-4.0"
    assert source.schema["year"] == "any"
    assert "id" not in source.schema


@pytest.mark.parametrize(
    ("given", "value", "unit"),
    [("5", 5, None), ("1T tokens", 10**12, "tokens"), ("2 * 3K documents", 6000, "documents")],
)
def test_a_parameter_is_read_by_its_type(given: str, value: int, unit: str | None) -> None:
    param = compiled("write pages to delta(lake)\n", least=given).resolved.params["least"]
    assert (param.value.value, param.value.unit, param.given) == (value, unit, True)


def test_a_parameter_stands_where_it_is_named() -> None:
    body = "  sample least {\n    by = documents\n    seed = 1\n  }"
    resolved = compiled(
        f"select web from pages {{\n{body}\n}}\n\nwrite web to delta(lake)\n", least="3 documents"
    ).resolved
    (sample,) = resolved.relations["web"].statements
    assert (sample.amount.value, sample.amount.unit) == (3, "documents")


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"least": "many"}, "there is nothing called `many` here"),
        ({"least": "10%"}, "`least` is a count, not a share (`30%`)"),
        ({"least": "1 +"}, "the value ends too early"),
        ({"least": "1 2"}, "`2` cannot stand here"),
        ({"least": "(" * 1000}, "nested"),
        ({"least": "\0"}, "U+0000"),
        ({"leest": "1"}, "did you mean `least`?"),
    ],
)
def test_a_parameter_that_does_not_fit_is_said(given: dict[str, str], said: str) -> None:
    text = f"{PAGES}\nselect web from pages {{\n  keep stats.bytes > least\n}}\n\nwrite web to delta(lake)\n"
    errors = Compilation(text=text, name="t.recipe", params=given).errors
    assert [one.code for one in errors] == ["E0232" if "leest" in given else "E0231"]
    assert said in errors[0].help


def test_a_text_given_on_the_command_line_is_taken_as_it_is() -> None:
    compilation = compiled("write pages to delta(lake)\n", lake='a "b" ${c}')
    assert compilation.resolved.params["lake"].value.value == 'a "b" ${c}'


def test_a_path_that_is_no_text_is_refused() -> None:
    (found,) = Compilation(text=f"{PAGES}\nwrite pages to delta(lake)\n", params={"lake": "\udcff"}).errors
    assert (found.code, found.help) == ("E0231", "the value holds the character U+DCFF (half of a surrogate pair)")


def test_relations_stand_in_dependency_order() -> None:
    text = (
        "select b from a {\n  keep year > 1\n}\n\nselect a from pages {\n  keep year > 1\n}\n\nwrite b to delta(lake)\n"
    )
    assert list(compiled(text).resolved.relations) == ["a", "b"]


def test_the_tree_can_be_shown(flagship: Compilation) -> None:
    shown = show(flagship.ast, flagship.text)
    assert shown.splitlines()[0] == "Header recipe (2:1)"
    line = LineIndex(flagship.text).position(flagship.text.index("select clean"))[0]
    assert f"Derive select ({line}:1)" in shown
    assert "        kind: weight" not in shown
    assert show(flagship.ast, flagship.text) == shown


TABLED = """library limits
edition 2026

table least by lang {
  en = 65%
  de = 82%
}

filter sure {
  ## A word of the language is a name where a rule begins, behind a comment too.
  lang in [en, de]
  lang_score >= least
}
"""


def test_a_table_of_a_library_is_the_recipes_where_its_filter_is_used(tmp_path: Path) -> None:
    from recipec.backend import Backend

    (tmp_path / "limits.recipe").write_text(TABLED)
    path = tmp_path / "t.recipe"
    path.write_text(
        PAGES.replace('use "std/c4"', 'use "./limits"')
        + """
select web from pages {
  lang by fasttext("lid.176")
  keep limits.sure
}

write web to delta(lake)
"""
    )
    backend = Backend(Compilation(path))
    assert [d.code for d in backend.compilation.errors] == []
    (table,) = [node for node in backend.plan.nodes if node.kind == "table"]
    assert table.name == "./limits.least" and [row.value for row in table.entries] == [0.65, 0.82]
    assert {d.code for d in backend.diagnostics if d.severity == "error"} == set()
    assert 'least = F.when(F.col("lang").isin("en"), F.lit(0.65)).when(F.col("lang").isin("de"), F.lit(0.82))' in (
        backend.script
    )
