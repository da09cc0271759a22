"""The standard library beyond gopher, c4 and fineweb, which `test_resolve` and the sketches use: each file checks clean
in a small recipe, says where its numbers come from, and has the published ones."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from recipec import ast
from recipec import resolved as r
from recipec.backend import Backend
from recipec.driver import Compilation
from recipec.explain import explain
from recipec.imports import library_folder
from recipec.parse import parse

STD = library_folder() / "std"
NAMES = sorted(path.stem for path in STD.glob("*.recipe"))
HEAD = """recipe t
edition 2026

{uses}
source pages = warc("in/*.warc.gz") {{
  text    = trafilatura(html)
  license = "unknown"
}}

select web from pages {{
{body}
}}

write web to delta("lake")
"""
LISTS = ("domains.txt", "words.txt", "soft_words.txt")
SMALL: dict[str, str] = {
    "c4": "use c4.lines\nkeep c4.page",
    "dedup": "use dedup.exact_url\nuse dedup.exact_text\nuse dedup.exact_normalised_text\n"
    "use dedup.minhash_fineweb(verify = 80%, seed = 7)\nuse dedup.minhash_nemotron_cc(keep = lowest_id)\n"
    'lang by fasttext("lid.176")\nuse dedup.minhash_fineweb2',
    "fineweb": "keep fineweb.quality",
    "gopher": "keep gopher.quality and gopher.repetition",
    "language": 'use language.identified(languages = [de, "fr"], least_score = 30%)\nkeep language.fineweb2\n'
    "keep language.identified_as(languages = [de])",
    "nemotron_cc": "keep nemotron_cc.english",
    "web": "keep web.url(domains = domains, words = words, soft_words = soft_words)\n"
    "use web.c4\nuse web.fineweb(duplicate_line_characters = 10%)",
}
"""Statements of a select, each with every filter and block of its library but those that another one asks for."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("project")
    for name in LISTS:
        (made / name).write_text("x\n", encoding="utf-8")
    return made


def compiled(folder: Path, name: str, body: str) -> Compilation:
    """A small recipe that uses a library."""
    uses = f'use "std/{name}"\n'
    uses += "".join(f'param {one[:-4]}: path = "{one}"\n' for one in LISTS if one[:-4] in body)
    body = "\n".join(f"  {line}" for line in body.splitlines())
    return Compilation(folder / "t.recipe", text=HEAD.format(uses=uses, body=body))


def kept(compilation: Compilation) -> list[r.Rule]:
    """The rules of all keeps of `web`, in order."""
    statements = compilation.resolved.relations["web"].statements
    return [rule for one in statements if isinstance(one, r.Keep) for rule in one.rules]


def items(name: str) -> list[ast.Item]:
    return list(parse(f"{name}.recipe", (STD / f"{name}.recipe").read_text("utf-8")).file.items)


def test_every_file_of_the_library_is_tried() -> None:
    assert list(SMALL) == NAMES
    for name, body in SMALL.items():
        named = {one.name.text for one in items(name) if isinstance(one, ast.Filter | ast.Block)}
        inner = {"character_shares", "prose"} if name == "nemotron_cc" else set()
        assert named - inner == set(re.findall(rf"\b{name}\.(\w+)", body))


@pytest.mark.parametrize("name", NAMES)
def test_it_checks_clean_and_runs(name: str, folder: Path) -> None:
    compilation = compiled(folder, name, SMALL[name])
    assert [f"{one.code} {one.message}" for one in compilation.diagnostics] == []
    assert [one.message for one in Backend(compilation).diagnostics] == []


@pytest.mark.parametrize("name", NAMES)
def test_what_is_asked_is_documented_and_has_a_source(name: str) -> None:
    header, *_ = (one for one in items(name) if isinstance(one, ast.Header))
    assert re.search(r"\([^()]*\d{4}[^()]*\)", " ".join(header.doc.split()))
    for one in items(name):
        if isinstance(one, ast.Filter | ast.Block):
            assert one.doc, one.name.text
        if isinstance(one, ast.Filter):
            assert any(rule.doc for rule in one.rules), one.name.text


@pytest.mark.parametrize("name", NAMES)
def test_it_is_explained_with_its_definition_and_source(name: str) -> None:
    text = (STD / f"{name}.recipe").read_text("utf-8")
    for one in items(name):
        if isinstance(one, ast.Filter | ast.Block):
            told, known = explain(f"{name}.{one.name.text}")
            kind = type(one).__name__.lower()
            assert known and told.startswith(f"{name}.{one.name.text}: a {kind} of std/{name}.recipe\n")
            assert text[one.span.start : one.span.end] in told
            assert re.search(r"et al\. \d{4}", told) and f'use "std/{name}"' in told


ENGLISH = """\
stats.non_alphanumeric_character_share <= 25%
stats.digit_character_share <= 15%
stats.url_character_share <= 20%
stats.white_space_character_share <= 25%
stats.parenthesis_character_share <= 10%
stats.boilerplate_paragraph_share(phrases = phrases) <= 40%
not contains("lorem ipsum", case = ignore)
stats.line_end_share(marks = [".", "?", "!", "\\"", "'"]) >= 15%
stats.max_word_length <= 1_000 characters
stats.words in 50 .. 100_000
stats.mean_word_length in 3 .. 10
stats.symbol_word_ratio(symbols = ["#", "...", "…"]) <= 0.1
stats.bullet_line_share <= 90%
stats.ellipsis_line_share <= 30%
stats.alphabetic_word_share >= 80%
stats.distinct_words_of(stop_words) >= 2
stats.duplicate_line_share <= 30%
stats.duplicate_paragraph_share <= 30%
stats.duplicate_line_character_share <= 20%
stats.duplicate_paragraph_character_share <= 20%
stats.top_ngram_character_share(n = 2) <= 20%
stats.top_ngram_character_share(n = 3) <= 18%
stats.top_ngram_character_share(n = 4) <= 16%
stats.duplicate_ngram_character_share(n = 5) <= 15%
stats.duplicate_ngram_character_share(n = 6) <= 14%
stats.duplicate_ngram_character_share(n = 7) <= 13%
stats.duplicate_ngram_character_share(n = 8) <= 12%
stats.duplicate_ngram_character_share(n = 9) <= 11%
stats.duplicate_ngram_character_share(n = 10) <= 10%
"""
"""NeMo Curator's config/heuristic_filter_en.yaml, 28 filters. Its boilerplate filter is two rules here, and its four
limits of what is left without repeated lines and paragraphs are what may be repeated: 1 - 0.7 and 1 - 0.8."""


def test_the_28_filters_of_nemotron_cc_have_the_published_limits(folder: Path) -> None:
    rules = kept(compiled(folder, "nemotron_cc", SMALL["nemotron_cc"]))
    assert [rule.text for rule in rules] == ENGLISH.splitlines()
    assert len(rules) == 28 + 1


def test_a_rule_of_a_filter_within_a_filter_has_its_own_place_and_reason(folder: Path) -> None:
    compilation = compiled(folder, "nemotron_cc", SMALL["nemotron_cc"])
    first, *_, last = kept(compilation)
    assert (first.span.file, last.span.file) == ("std/nemotron_cc.recipe", "std/gopher.recipe")
    assert first.doc.startswith("Anything but the letters A to Z")
    assert {compilation.files[one.via.file][one.via.start : one.via.end] for one in (first, last)} <= {
        "nemotron_cc.english", "character_shares", "gopher.repetition",
    }  # fmt: skip


def test_the_filters_are_one_condition_where_a_tier_is_spared_them(folder: Path) -> None:
    (rule,) = kept(compiled(folder, "nemotron_cc", "keep bytes > 9 or nemotron_cc.english"))
    assert rule.text == "bytes > 9 or nemotron_cc.english"


def dedups(compilation: Compilation) -> list[dict[str, object]]:
    made = [node for node in Backend(compilation).plan.nodes if node.kind == "dedup"]
    return [{"operator": node.operation.operator, **node.operation.args} for node in made]


MINHASH = {
    "minhash_fineweb": ("5 words", 14, 8, None, 1, None),
    "minhash_fineweb2": ("5 words", 14, 8, None, 1, "lang"),
    "minhash_nemotron_cc": ("24 characters", 20, 13, None, 42, None),
}
"""Block: shingle, bands, rows, verify, seed, within."""


@pytest.mark.parametrize("block", MINHASH)
def test_near_duplicates_have_the_published_settings_and_take_others(block: str, folder: Path) -> None:
    start = 'lang by fasttext("lid.176")\nuse dedup.'
    (plain,) = dedups(compiled(folder, "dedup", f"{start}{block}"))
    shown = tuple(plain[name] for name in ("shingle", "bands", "rows", "verify", "seed", "within"))
    assert (plain["operator"], *shown) == ("minhash", *MINHASH[block]) and plain["keep"] == "lowest_id"
    (other,) = dedups(compiled(folder, "dedup", f"{start}{block}(verify = 80%, keep = longest, seed = 9)"))
    assert (other["verify"], other["keep"], other["seed"]) == (0.8, "longest", 9)


def test_equal_rows_go_by_text_by_normalised_text_and_by_address(folder: Path) -> None:
    body = "use dedup.exact_text\nuse dedup.exact_normalised_text\nuse dedup.exact_url"
    assert [one["of"] for one in dedups(compiled(folder, "dedup", body))] == ["text", "normalised_text", "url"]


WRONG = [
    ("language", "use language.identified(least_score = 3)", "E0307"),
    ("language", "use language.identified(least_score = 65 words)", "E0302"),
    ("language", "use language.identified(languages = 3)", "E0301"),
    ("language", "use language.identified(least = 65%)", "E0204"),
    ("dedup", "use dedup.minhash_fineweb(verify = 80)", "E0302"),
    ("dedup", "use dedup.minhash_fineweb(seed = 1.5)", "E0301"),
    ("dedup", "use dedup.exact_text(keep = first)", "E0305"),
    ("dedup", "use dedup.minhash_fineweb2", "E0202"),
    ("web", "keep web.url", "E0303"),
    ("nemotron_cc", "keep nemotron_cc.character_shares(digits = 15)", "E0307"),
    ("nemotron_cc", "keep nemotron_cc.prose(phrases = 5)", "E0301"),
]


@pytest.mark.parametrize(("name", "body", "code"), WRONG, ids=lambda value: str(value)[:40])
def test_parameters_have_types(name: str, body: str, code: str, folder: Path) -> None:
    assert [one.code for one in compiled(folder, name, body).errors] == [code]


def test_a_language_has_its_own_least_score(folder: Path) -> None:
    rules = kept(compiled(folder, "language", 'lang by glotlid("words.txt")\nkeep language.fineweb2'))
    (listed, *limited) = rules
    found = [re.fullmatch(r'lang_score >= ([\d.]+)% or lang != "(\w+)"', one.text) for one in limited]
    limits = {one[2]: float(one[1]) for one in found}
    assert list(limits) == sorted(one.value for one in listed.expr.items)
    assert (limits["deu_Latn"], limits["fra_Latn"], limits["rus_Cyrl"]) == (82.1, 82.4, 90)
    assert all(30 <= one <= 90 for one in limits.values())  # FineWeb2 keeps them in this range


def test_chains_stand_in_the_order_of_their_pipelines(folder: Path) -> None:
    compilation = compiled(folder, "web", "use web.fineweb")
    statements = compilation.resolved.relations["web"].statements
    places = [one.rules[0].span.file if isinstance(one, r.Keep) else one.span.file for one in statements]
    assert places == [f"std/{one}.recipe" for one in ("gopher", "gopher", "c4", "c4", "fineweb")]
    (clean,) = [one for one in statements if isinstance(one, r.Clean)]
    assert clean.call.args["terminal_punctuation"].value is False
    (clean, _) = compiled(folder, "web", "use web.c4").resolved.relations["web"].statements
    assert clean.call.args["terminal_punctuation"].value is True
