"""Every check as its user sees it: prose, a recipe and what is said about it, in Markdown files under checks/.

A block ```recipe is followed by a block ```diagnostics with the expected text; `accepted` stands for none.
A block ```lock between the two is the lock beside the recipe, which is then checked with --frozen.
What a recipe leaves out and every recipe has (its name, a source `pages`, `write web`) is added at its end.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from recipe_runtime.document_row import COLUMNS
from recipec.checks import CHECKS
from recipec.codes import CODES
from recipec.columns import NOT_WRITTEN, WRITTEN
from recipec.driver import Compilation
from recipec.renderers import render

FOLDER = Path(__file__).parent / "checks"
CASE = re.compile(
    r"```recipe\n(?P<recipe>.*?)```\n\n(?P<frozen>```lock\n(?P<lock>.*?)```\n\n)?```diagnostics\n(?P<expected>.*?)```",
    re.DOTALL,
)
COMMON = (
    (r"^(recipe|library) ", "recipe test\nedition 2026\n"),
    (r"^source pages\b", 'source pages = jsonl("pages.jsonl") {\n  text = text\n  year = year\n}\n'),
    (r"^(write |# nothing is written)", 'write web to delta("lake")\n'),
)


def complete(recipe: str) -> str:
    """The recipe with what it leaves out."""
    for pattern, text in COMMON:
        if not re.search(pattern, recipe, re.MULTILINE):
            recipe += text
    return recipe


def said(recipe: str, folder: Path, lock: str | None = None) -> str:
    """What the user reads; `accepted` where there is nothing to say. An empty `lock` stands for none."""
    path = folder / "test.recipe"
    path.write_text(complete(recipe), encoding="utf-8")
    beside = folder / "test.recipe.lock"
    beside.unlink(missing_ok=True)
    if lock:
        beside.write_text(lock, encoding="utf-8")
    compilation = Compilation(path, text=complete(recipe), frozen=lock is not None)
    text = render(compilation.diagnostics, compilation).replace(f"{folder}/", "")
    return f"{text}\n" if text else "accepted\n"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a recipe's model and tokenizer files."""
    folder = tmp_path_factory.mktemp("recipe")
    (folder / "models").mkdir()
    for name in ("edu.onnx", "tidy.onnx", "bpe.json"):
        (folder / "models" / name).write_bytes(b"model")
    (folder / "lists").mkdir()
    (folder / "lists" / "binary.csv").write_bytes(b"\xff\xfe")
    rows = ("lang,file,limit", "de,models/edu.onnx,0.5", "fr,models/french.onnx,0.6")
    (folder / "lists" / "by_lang.csv").write_text("\n".join(rows) + "\n")
    (folder / "lists" / "twice.csv").write_text("\n".join((*rows, "de,models/edu.onnx,0.7")) + "\n")
    (folder / "schemas").mkdir()
    (folder / "schemas" / "facts.json").write_text('{"type": "array", "items": {"type": "string"}}')
    (folder / "schemas" / "binary.json").write_bytes(b"\xff\xfe")
    (folder / "schemas" / "open.json").write_text('{"type": "array", "items": {\n  "type": "string"\n')
    (folder / "mine.recipe").write_text(
        "library mine\nedition 2026\n\nfilter long(words) {\n  stats.words >= words\n}\n"
    )
    (folder / "circle.recipe").write_text('library circle\nedition 2026\nuse "./round"\n')
    (folder / "round.recipe").write_text('library round\nedition 2026\nuse "./circle"\n')
    (folder / "whole.recipe").write_text("recipe whole\nedition 2026\n")
    outside = tmp_path_factory.mktemp("elsewhere") / "far.recipe"
    outside.write_text("library far\nedition 2026\n")
    (folder / "far.recipe").symlink_to(outside)
    (folder / "models" / "far.onnx").symlink_to(outside)
    return folder


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.md")), ids=lambda path: path.stem)
def test_check(path: Path, folder: Path, update_golden: bool) -> None:
    text = path.read_text(encoding="utf-8")
    if update_golden:
        text = CASE.sub(
            lambda case: (
                f"```recipe\n{case['recipe']}```\n\n{case['frozen'] or ''}"
                f"```diagnostics\n{said(case['recipe'], folder, case['lock'])}```"
            ),
            text,
        )
        path.write_text(text, encoding="utf-8")
    cases = list(CASE.finditer(text))
    assert cases, "no cases"
    assert len(cases) == text.count("```recipe\n"), "a recipe without its ```diagnostics"
    for case in cases:
        assert said(case["recipe"], folder, case["lock"]) == case["expected"]


def test_every_subject_has_an_accepted_and_a_refused_recipe() -> None:
    for check in CHECKS:
        subject = check.__module__.rpartition(".")[2]
        expected = [case["expected"] for case in CASE.finditer((FOLDER / f"{subject}.md").read_text("utf-8"))]
        assert "accepted\n" in expected, subject
        assert any(one != "accepted\n" for one in expected), subject


def test_every_code_is_shown_to_somebody() -> None:
    shown = {code for path in FOLDER.glob("*.md") for code in re.findall(r"\[([EW]\d{4})\]", path.read_text("utf-8"))}
    elsewhere = {"E0101", "E0104", "E0105", "E0231", "E0232", "E0240", "E0241", "E0900"}  # not of a recipe's text alone
    assert set(CODES) - shown - elsewhere == set()
    assert shown <= set(CODES)


def test_the_columns_of_a_written_table_are_those_the_job_writes() -> None:
    assert tuple(WRITTEN) == COLUMNS
    assert not set(NOT_WRITTEN) & set(COLUMNS)
