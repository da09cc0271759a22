"""A syntax error in one item hides nothing of the others, and nothing is said because of it."""

from __future__ import annotations

from pathlib import Path

import pytest
from recipec.driver import Compilation
from recipec.imports import library_folder
from recipec.parse import parse

PATHS = (
    library_folder() / "nemotron_like.recipe",
    Path(__file__).parents[2] / "examples" / "quickstart.recipe",
    Path(__file__).parent / "recipes" / "fineweb.recipe",
)


def broken(text: str, *which: int) -> str:
    """The text with a bracket too many after the first word of these items."""
    items = parse("x", text).file.items
    for index in sorted(which, reverse=True):
        at = text.index(" ", items[index].span.start)
        text = f"{text[:at]} ){text[at:]}"
    return text


def codes(path: Path, text: str) -> list[str]:
    compilation = Compilation(path, {"crawl": "c", "lake": "l"}, text=text)
    return [one.code for one in compilation.diagnostics]


CASES = [(path, index) for path in PATHS for index in range(len(parse("x", path.read_text("utf-8")).file.items))]


@pytest.mark.parametrize(("path", "index"), CASES, ids=lambda value: value.stem if isinstance(value, Path) else value)
def test_a_broken_item_is_one_error_more(path: Path, index: int) -> None:
    text = path.read_text("utf-8")
    before = codes(path, text)
    after = codes(path, broken(text, index))
    assert [one for one in after if one.startswith("E01")] == ["E0102"]
    invented = list(after)
    for one in [*before, "E0102"]:
        if one in invented:
            invented.remove(one)
    assert invented == []


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
def test_every_broken_item_is_reported(path: Path) -> None:
    text = path.read_text("utf-8")
    count = len(parse("x", text).file.items)
    assert codes(path, broken(text, *range(count))) == ["E0102"] * count


def test_mistakes_in_the_other_items_are_still_found() -> None:
    text = PATHS[1].read_text("utf-8")
    text = broken(text, 2).replace("lang_score >= 65%", "lang_scor >= 65%").replace("delta(lake)", "delta(lak)")
    found = codes(PATHS[1], text)
    assert sorted(found) == ["E0102", "E0201", "E0202"]
