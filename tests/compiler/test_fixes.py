"""`recipec check --fix`: what is meant beyond doubt is put right, and nothing else is touched."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from recipec.ast import Span
from recipec.diagnostics import Diagnostic, Edit, Fix
from recipec.driver import Compilation
from recipec.editing import write
from recipec.fixes import apply, slips, spelling, without_line

BEFORE = """\
recipe w
edition 2026

use "std/gopher"
use "std/fineweb"

param lake: path = "lake"

sorce pages = jsonl("x.jsonl") {
  text = text
}

select web from pagse {
  keep gopher.qualty
  keep stats.wrods >= 50
  keep bytes = 1_000
  dedup minhsh(shingle = 5 words, bands = 14, rows = 8, verify = 80%, seed = 1)
  sample 10% {
    by   = documents
    seed = 1
    seed = 1
  }
}

write web to delta(lake)
"""
AFTER = """\
recipe w
edition 2026

use "std/gopher"

param lake: path = "lake"

source pages = jsonl("x.jsonl") {
  text = text
}

select web from pages {
  keep gopher.quality
  keep stats.words >= 50
  keep bytes == 1_000
  dedup minhash(shingle = 5 words, bands = 14, rows = 8, verify = 80%, seed = 1)
  sample 10% {
    by   = documents
    seed = 1
  }
}

write web to delta(lake)
"""


def recipec(*arguments: str, stdin: bytes | None = None) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run([sys.executable, "-m", "recipec.cli", *arguments], capture_output=True, input=stdin)


def test_a_recipe_is_put_right(tmp_path: Path) -> None:
    recipe = tmp_path / "w.recipe"
    recipe.write_text(BEFORE)
    os.chmod(recipe, 0o640)
    done = recipec("check", "--fix", str(recipe))
    assert recipe.read_text() == AFTER
    assert recipe.stat().st_mode & 0o777 == 0o640
    assert sorted(os.listdir(tmp_path)) == ["w.recipe"]
    said = done.stderr.decode()
    assert "w.recipe:9:1: fixed E0107: write `source`" in said and "remove the line" in said
    assert len(said.splitlines()) == 8
    left = recipec("check", str(recipe))
    assert left.stdout == done.stdout and left.returncode == done.returncode
    again = recipec("check", "--fix", str(recipe))
    assert again.stderr == b"" and recipe.read_text() == AFTER


def test_from_standard_input_to_standard_output() -> None:
    done = recipec("check", "--fix", "-", stdin=BEFORE.encode())
    assert done.stdout.decode() == AFTER
    assert b"fixed E0107" in done.stderr


def test_line_ends_a_byte_order_mark_and_a_link_stay(tmp_path: Path) -> None:
    data = b"\xef\xbb\xbf" + BEFORE.replace("\n", "\r\n").encode()
    (tmp_path / "real").mkdir()
    real, link = tmp_path / "real" / "w.recipe", tmp_path / "w.recipe"
    real.write_bytes(data)
    link.symlink_to(real)
    recipec("check", "--fix", str(link))
    assert real.read_bytes() == b"\xef\xbb\xbf" + AFTER.replace("\n", "\r\n").encode()
    assert link.is_symlink()


def test_a_file_that_needs_nothing_is_not_written(tmp_path: Path) -> None:
    recipe = tmp_path / "w.recipe"
    recipe.write_text(AFTER)
    before = recipe.stat().st_mtime_ns, recipe.stat().st_ino
    recipec("check", "--fix", str(recipe))
    assert (recipe.stat().st_mtime_ns, recipe.stat().st_ino) == before


def test_a_failed_write_leaves_the_file_and_nothing_beside_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    recipe = tmp_path / "w.recipe"
    recipe.write_text("before")

    def refuse(*_: object) -> None:
        raise OSError("no space left")

    monkeypatch.setattr(os, "replace", refuse)
    with pytest.raises(OSError, match="no space"):
        write(recipe, b"after")
    assert recipe.read_text() == "before" and os.listdir(tmp_path) == ["w.recipe"]


def test_a_file_that_may_not_be_written_is_no_defect(tmp_path: Path) -> None:
    recipe = tmp_path / "w.recipe"
    for command, text in ((["fmt"], "recipe  a\n"), (["check", "--fix"], BEFORE)):
        recipe.write_text(text)
        code = (
            "import os, recipec.cli\n"
            "def refuse(*_): raise PermissionError(13, 'Permission denied')\n"
            "os.replace = refuse\n"
            f"raise SystemExit(recipec.cli.main({[*command, str(recipe)]!r}))\n"
        )
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
        assert done.returncode == 2 and "w.recipe: Permission denied" in done.stderr
        assert recipe.read_text() == text


def test_a_mistake_in_another_file_is_left_to_it(tmp_path: Path) -> None:
    (tmp_path / "mine.recipe").write_text("library mine\nedition 2026\n\nfilter long {\n  stats.wrods >= 5\n}\n")
    text = AFTER.replace('use "std/gopher"', 'use "std/gopher"\nuse "./mine"').replace(
        "keep gopher.quality", "keep gopher.quality and mine.long"
    )
    (tmp_path / "w.recipe").write_text(text)
    found = Compilation(tmp_path / "w.recipe").diagnostics
    assert any(one.fixes and one.primary.file == "./mine.recipe" for one in found)
    recipec("check", "--fix", str(tmp_path / "w.recipe"))
    assert (tmp_path / "w.recipe").read_text() == text
    assert "wrods" in (tmp_path / "mine.recipe").read_text()


@pytest.mark.parametrize(
    ("written", "known", "meant"),
    [
        ("yaer", ["year", "text"], "year"),
        ("wrds", ["words"], "words"),
        ("edu_mixtrial", ["edu_mixtral", "edu_nemotron"], "edu_mixtral"),
        ("edu_mxtrial", ["edu_mixtral"], "edu_mixtral"),
        ("hgh", ["high"], None),  # too short to tell
        ("scord", ["score", "cords"], "score"),
        ("bear", ["year", "dear"], None),  # two could be meant
        ("year", ["year"], None),
        ("nonsense", ["year"], None),
        ("a" * 200, ["a" * 199], None),
    ],
)
def test_a_name_is_put_right_only_where_one_can_be_meant(written: str, known: list[str], meant: str | None) -> None:
    text = f"keep {written} > 3"
    fixes = spelling(text, Span("x", 5, 5 + len(written)), written, known)
    assert [fix.edits[0].text for fix in fixes] == ([meant] if meant else [])


def test_a_name_in_parentheses_has_no_fix() -> None:
    assert spelling("keep not(yaer)", Span("x", 8, 14), "yaer", ["year"]) == ()


@given(st.text("abc", max_size=6), st.text("abc", max_size=6))
def test_slips_are_symmetric_and_nothing_only_for_the_same(a: str, b: str) -> None:
    assert slips(a, b, 6) == slips(b, a, 6)
    assert (slips(a, b, 6) == 0) == (a == b)
    assert abs(len(a) - len(b)) <= slips(a, b, 6) <= max(len(a), len(b))
    assert min(slips(a, b, 6), 2) == min(slips(a, b, 1), 2)


@pytest.mark.parametrize(
    ("text", "fixable"),
    [
        ("a = 1\nb = 2\n", True),
        ("a = 1\n  b = 2  \n", True),
        ("a = 1\nb = 2  # why\n", False),
        ("{ b = 2 }\n", False),
        ("## documents b\nb = 2\n", False),
        ("a = 1\nb = 2", True),
    ],
)
def test_a_line_is_taken_out_only_whole(text: str, fixable: bool) -> None:
    at = text.index("b = 2")
    fixes = without_line(text, Span("x", at, at + 5), "remove it")
    assert bool(fixes) == fixable
    if fixes:
        assert apply(text, "x", [Diagnostic("W0502", "", None, fixes=fixes)]).text == "a = 1\n"


@given(st.lists(st.tuples(st.integers(0, 20), st.integers(0, 5), st.text("xyz", max_size=3)), max_size=6))
def test_edits_never_overlap(edits: list[tuple[int, int, str]]) -> None:
    text = "0123456789abcdefghijklmnop"
    found = [
        Diagnostic("E0201", "", None, fixes=(Fix("", (Edit(Span("x", at, at + length), new),)),))
        for at, length, new in edits
    ]
    done = apply(text, "x", found)
    spans = sorted((edit.span.start, edit.span.end, edit.text) for _, fix in done.done for edit in fix.edits)
    assert all(first[1] < second[0] for first, second in zip(spans, spans[1:], strict=False))
    kept, at = "", 0
    for start, end, new in spans:
        kept, at = kept + text[at:start] + new, end
    assert done.text == kept + text[at:]
