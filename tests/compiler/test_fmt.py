"""The formatter: one layout, nothing said otherwise, every comment where it was."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from recipec import ast, fmt
from recipec.fmt import FormatDefect, difference, format_text
from recipec.fmt_tokens import reindented
from recipec.imports import library_folder
from recipec.meaning import meaning
from recipec.parse import parse
from recipec.unparse import unparse
from strategies import FILE, disordered

ROOT = Path(__file__).parents[2]
OURS = sorted([*library_folder().rglob("*.recipe"), *(ROOT / "examples").glob("*.recipe")])
RECIPES = [*OURS, *sorted((Path(__file__).parent / "recipes").glob("*.recipe"))]
RELAXED = settings(
    max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)


def formatted(text: str) -> str:
    result = format_text("x.recipe", text)
    assert result.diagnostics == ()
    return result.text


def recipec(*arguments: str, stdin: bytes | None = None) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run([sys.executable, "-m", "recipec.cli", *arguments], capture_output=True, input=stdin)


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_a_recipe_keeps_its_tree_and_its_comments_and_settles_at_once(path: Path) -> None:
    text = path.read_text("utf-8")
    once = formatted(text)
    assert formatted(once) == once
    before, after = parse("x", text).file, parse("x", once).file
    assert meaning(before) == meaning(after)
    assert [one.text for one in before.comments] == [one.text for one in after.comments]
    assert parse("x", unparse(after)).diagnostics == ()
    assert meaning(parse("x", unparse(after)).file) == meaning(after)


@pytest.mark.parametrize("path", OURS, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_the_recipes_we_ship_are_formatted(path: Path) -> None:
    text = path.read_text("utf-8")
    assert difference(path.name, text, formatted(text)) == ""


@RELAXED
@given(FILE)
def test_a_printed_tree_reads_back(file: ast.File) -> None:
    text = unparse(file)
    parsed = parse("generated.recipe", text)
    assert parsed.diagnostics == ()
    assert meaning(parsed.file) == meaning(file)


@RELAXED
@given(FILE, st.data())
def test_any_layout_becomes_the_one_layout(file: ast.File, data: st.DataObject) -> None:
    text = data.draw(disordered(unparse(file)))
    once = formatted(text)
    assert meaning(parse("x", once).file) == meaning(file)
    assert formatted(once) == once
    assert all(line == line.rstrip() for line in once.split("\n") if not line.endswith("\r"))


@RELAXED
@given(st.text(st.sampled_from(' \t\nab"$\\'), max_size=60))
def test_a_text_of_several_lines_says_the_same_at_any_depth(raw: str) -> None:
    raw = raw.replace('"""', "").rstrip('"')
    moved = reindented(f'"""{raw}"""', 6)
    value, again = (parse("x", f"param t: text = {one}\n").file.items for one in (f'"""{raw}"""', moved))
    assert value and meaning(value) == meaning(again)
    assert reindented(moved, 6) == moved


def test_the_layout(golden) -> None:
    untidy = Path(__file__).parent / "golden" / "untidy.recipe"
    golden("untidy.formatted.recipe", formatted(untidy.read_text("utf-8")))


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("", ""),
        ("\n\n", ""),
        ("# only this", "# only this\n"),
        ("recipe a\r\nedition 2026\r\n", "recipe a\nedition 2026\n"),
        ("compute {\n}\n", "compute {}\n"),
        ("compute { # empty\n}\n", "compute {  # empty\n}\n"),
        ("compute { x = 1 }\n", "compute { x = 1 }\n"),
        ("compute { x = f(\n1,\n2) }\n", "compute {\n  x = f(1, 2)\n}\n"),
        ("compute {\n x = f(1,\n2,\n)\n}\n", "compute {\n  x = f(\n    1,\n    2,\n  )\n}\n"),
        ("param x: int = ( # why\n1 )\n", "param x: int = (  # why\n  1\n)\n"),
        ("merge a from b, # left\n  c\n", "merge a from b,  # left\n             c\n"),
        ("write a[b, # first\n c] to d()\n", "write a[b,  # first\n  c] to d()\n"),
        ('table t by c {\n  a,"b" ,0 .. 3=f(1,\n 2)\n}\n', 'table t by c {\n  a, "b", 0 .. 3 = f(1, 2)\n}\n'),
        (f"table t by c {{\n  {'a' * 70},{'b' * 70} = 1\n}}\n", f"table t by c {{\n  {'a' * 70}, {'b' * 70} = 1\n}}\n"),
        ("filter f ( ) {\n  a > 1\n}\n", "filter f() {\n  a > 1\n}\n"),
        ("param x: int = 1 - -f(-(2))\n", "param x: int = 1 - -f(-(2))\n"),
    ],
)  # fmt: skip
def test_small_things(before: str, after: str) -> None:
    assert formatted(before) == after
    assert formatted(after) == after


def test_a_layout_that_says_something_else_is_our_defect(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fmt.Layout, "text", lambda self, entries: "recipe b\n")
    with pytest.raises(FormatDefect):
        format_text("x.recipe", "recipe a\n")
    monkeypatch.setattr(fmt.Layout, "text", lambda self, entries: "recipe a\n")
    with pytest.raises(FormatDefect):
        format_text("x.recipe", "recipe a # b\n")


# ---- the command -------------------------------------------------------------------------------

TIDY = "recipe a\nedition 2026\n"


def test_files_are_laid_out_in_place(tmp_path: Path) -> None:
    tidy, untidy = tmp_path / "tidy.recipe", tmp_path / "untidy.recipe"
    tidy.write_text(TIDY)
    untidy.write_bytes(b"\xef\xbb\xbfrecipe  a\r\nedition 2026")
    written = tidy.stat().st_mtime_ns
    done = recipec("fmt", str(tidy), str(untidy))
    assert (done.returncode, done.stdout) == (0, b"") and done.stderr == f"formatted {untidy}\n".encode()
    assert untidy.read_bytes() == TIDY.encode() and tidy.stat().st_mtime_ns == written


def test_check_and_diff_change_nothing(tmp_path: Path) -> None:
    untidy = tmp_path / "untidy.recipe"
    untidy.write_text("recipe  a\nedition 2026\n")
    done = recipec("fmt", "--check", str(untidy))
    assert done.returncode == 1 and done.stdout == b"" and b"untidy.recipe is not formatted" in done.stderr
    done = recipec("fmt", "--diff", str(untidy))
    assert done.returncode == 0 and b"\n-recipe  a\n+recipe a\n edition 2026\n" in done.stdout
    assert recipec("fmt", "--diff", "--check", str(untidy)).returncode == 1
    assert untidy.read_text() == "recipe  a\nedition 2026\n"
    untidy.write_text(TIDY)
    assert recipec("fmt", "--diff", "--check", str(untidy)).returncode == 0


def test_standard_input_goes_to_standard_output() -> None:
    done = recipec("fmt", "-", stdin=b"recipe  a\nedition 2026\n")
    assert (done.returncode, done.stdout, done.stderr) == (0, TIDY.encode(), b"")


def test_what_cannot_be_read_is_said_and_left_as_it_is(tmp_path: Path) -> None:
    wrong, untidy = tmp_path / "wrong.recipe", tmp_path / "untidy.recipe"
    wrong.write_text("recipe  a\nselect web {\n")
    untidy.write_text("recipe  a\nedition 2026\n")
    done = recipec("fmt", str(wrong), str(untidy))
    assert done.returncode == 1 and b"error[E01" in done.stderr
    assert wrong.read_text() == "recipe  a\nselect web {\n" and untidy.read_text() == TIDY
    done = recipec("fmt", "-", stdin=b"recipe \xff\n")
    assert (done.returncode, done.stdout) == (1, b"") and b"E0101" in done.stderr
    assert recipec("fmt", str(tmp_path / "nowhere.recipe")).returncode == 2


def test_a_defect_ends_with_70_and_writes_nothing(tmp_path: Path) -> None:
    untidy = tmp_path / "untidy.recipe"
    untidy.write_text("recipe  a\n")
    code = (
        "import recipec.cli, recipec.fmt\n"
        "recipec.fmt.Layout.text = lambda self, entries: 'recipe b\\n'\n"
        f"recipec.cli.main(['fmt', {str(untidy)!r}])\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True)
    assert done.returncode == 70 and b"defect of recipec" in done.stderr
    assert untidy.read_text() == "recipe  a\n"
