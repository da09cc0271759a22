"""docs/language.md: its tables are those of the compiler, and every recipe in it is what the page says it is.

A block is marked ```recipe. `fragment` behind it: items, to which what they leave out is added (`ITEMS`). `select`,
`transform` or `mix`: statements of such a body. `later`: something in it cannot run yet; without that word all of it
runs.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from language_tables import BLOCKS, MARKED, OTHERS, OWN, SETTINGS, refreshed
from recipec.backend import Backend
from recipec.driver import Compilation
from recipec.fmt import format_text
from recipec.imports import library_folder
from recipec.operators import KIND_CALLED

PAGE = Path(__file__).parents[2] / "docs" / "language.md"
BLOCK = re.compile(r"^```recipe(?P<info>[^\n]*)\n(?P<text>.*?)^```$", re.DOTALL | re.MULTILINE)
FILES = {
    "lists/domains.txt": "stands in for a file",
    "models/oh_eli5.bin": "stands in for a file",
    "lists/least_lang_score.csv": "lang,threshold\nen,82%\nde,0.7\n",
}

ITEMS = {
    r"recipe \w+": "recipe example\nedition 2026\n",
    r'use "std/gopher"': 'use "std/gopher"\n',
    r'use "prompts/nemotron_cc"': 'use "prompts/nemotron_cc" as prompts\n',
    r"param lake": 'param lake: path = "lake"\n',
    r"tokenizer bpe": 'tokenizer bpe = hf("std/bpe.json")\n',
    r"endpoint writer": 'endpoint writer {\n  url       = "http://localhost:8000/v1"\n  model     = "m"\n'
    '  revision  = "1"\n  tokenizer = bpe\n}\n',
    r"prompt retell": 'prompt retell(text) { user = "Retell: ${text}" }\n',
    r"source pages": 'source pages = jsonl("in/*.jsonl") {\n  text  = text\n  topic = topic\n  year  = year\n}\n',
    r"select scored": 'select scored from pages {\n  lang by fasttext("lid.176")\n'
    '  score edu = onnx("std/edu.onnx")\n}\n',
    r"select calibration": "select calibration from scored {\n  sample 10% {\n"
    "    by   = documents\n    seed = 1\n  }\n}\n",
    r"select web": "select web from scored {\n"
    "  score quality = bucket(edu, 20, fit = calibration, weight = documents)\n"
    "  tier by quality {\n    high   >= 19\n    medium >= 12\n    low    otherwise\n  }\n}\n",
    r"transform retold": "transform retold from web[high] {\n  ask writer using retell { max_tokens = 64 }\n"
    "  verify { finish == stop }\n  on fail discard\n}\n",
    r"write \w+": "mix pretrain to at most 1B tokens {\n  take web    weight 80%\n  take retold weight 20%\n"
    "  on shortage repeat, renormalise\n  seed = 1\n}\nwrite pretrain to delta(lake)\n",
}
"""What a fragment may leave out, by how it begins."""
BODIES = {"select": "select shown from pages", "transform": "transform shown from web[high]", "mix": "mix shown"}


def blocks() -> list[tuple[str, str, str]]:
    """(place, words behind ```recipe, text) of every recipe on the page."""
    page = PAGE.read_text("utf-8")
    return [
        (f"line {page.count(chr(10), 0, one.start()) + 1}", one["info"].strip(), one["text"])
        for one in BLOCK.finditer(page)
    ]


def whole(info: str, text: str) -> str:
    """The recipe that a block stands for."""
    words = info.split()
    for word, head in BODIES.items():
        if word in words:
            text = f"{head} {{\n{text}}}\n\nwrite shown to delta(lake)\n"
    if "fragment" in words:
        missing = [item for start, item in ITEMS.items() if not re.search(rf"^{start}(?!\w)", text, re.MULTILINE)]
        text = "\n".join([text, *missing])
    return text


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with a stand-in for every file that the page's recipes name."""
    made = tmp_path_factory.mktemp("project")
    for name, text in FILES.items():
        (made / name).parent.mkdir(exist_ok=True)
        (made / name).write_text(text)
    return made


def test_the_generated_tables_are_those_of_the_compiler(update_golden: bool) -> None:
    page = PAGE.read_text("utf-8")
    if update_golden:
        PAGE.write_text(refreshed(page), encoding="utf-8")
    assert refreshed(PAGE.read_text("utf-8")) == PAGE.read_text("utf-8"), "if it is right: pytest --update-golden"


def test_no_table_is_left_out() -> None:
    named = [one["name"] for one in MARKED.finditer(PAGE.read_text("utf-8"))]
    settings = {"endpoint", "ask", "others"}
    wanted = {*(f"settings {name}" for name in settings), *(f"operators {kind}" for kind in (*OWN, "others"))}
    assert sorted(named) == sorted({*wanted, "units", "document", "columns", "library"})
    assert {*BLOCKS, *settings} - {"others"} == set(SETTINGS)
    assert {*OWN, *OTHERS} == set(KIND_CALLED) - {"signature", "tools"}


@pytest.mark.parametrize(("place", "info", "text"), blocks(), ids=lambda value: value if value[:4] == "line" else "")
def test_a_recipe_is_what_the_page_says(place: str, info: str, text: str, folder: Path) -> None:
    assert set(info.split()) <= {"fragment", "later", *BODIES}, place
    made = Backend(Compilation(folder / "shown.recipe", text=whole(info, text)))
    assert [f"{one.code} {one.message}: {one.help}" for one in made.compilation.errors] == []
    later = [one.message for one in made.diagnostics if one.code == "E0900"]
    assert bool(later) == ("later" in info.split()), later or "all of it runs: take `later` away"


@pytest.mark.parametrize(("place", "info", "text"), blocks(), ids=lambda value: value if value[:4] == "line" else "")
def test_a_recipe_is_formatted(place: str, info: str, text: str) -> None:
    if not set(info.split()) & set(BODIES):
        assert format_text("shown.recipe", text).text == text, place


TEXTS = {"source", "annotate"}
SELECTED = {*TEXTS, "keep", "dedup", "score", "sample", "fit", "derived", "tier", "begin", "endpoint"}
DONE_AGAIN = [
    ("select clean from pages {", "# a comment\nselect clean from pages {", None),
    ("in_flight = 256", "in_flight = 25", None),
    ("# High tier", "# The high tier", None),
    ("lang_score >= 65%", "lang_score >= 60%", {"source", "endpoint"}),
    ("medium      >= 12", "medium      >= 11", {"source", "keep", "score", "sample", "fit", "endpoint"}),
    ("  score tidy", '  score short = onnx("std/tidy.onnx", max_tokens = 9)\n  score tidy', {"source", "keep"}),
    ("temperature = 0.5", "temperature = 0.6", SELECTED - {"annotate", "dedup"}),
    ("support >= 0.80", "support >= 0.75", SELECTED - {"annotate", "dedup"} | {"units"}),
    ("weight 14%  epochs <= 2", "weight 14%  epochs <= 3", SELECTED | {"units", "ask", "derive"}),
]
"""Text of the flagship recipe, what takes its place, and the kinds of steps that stay done; None for all."""


@pytest.mark.parametrize(("old", "new", "stay"), DONE_AGAIN, ids=lambda value: value[:20] if type(value) is str else "")
def test_what_is_done_again(old: str, new: str, stay: set[str] | None) -> None:
    path = library_folder() / "nemotron_like.recipe"
    text = path.read_text("utf-8")
    assert old in text
    before, after = (
        {(node.kind, node.digest) for node in Backend(Compilation(path, text=one)).plan.nodes}
        for one in (text, text.replace(old, new, 1))
    )
    changed = {kind for kind, _ in before - after}
    assert changed & stay == set() if stay is not None else changed == set()
    assert stay is None or "write" in changed


def test_the_contents_lead_somewhere() -> None:
    page = PAGE.read_text("utf-8")
    found = re.findall(r"^#+ (.+)$", page, re.MULTILINE)
    heads = {re.sub(r"[^\w\- ]", "", head.lower()).replace(" ", "-") for head in found}
    assert set(re.findall(r"\]\(#([^)]+)\)", page)) <= heads
