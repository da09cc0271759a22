"""Entry points as `importlib.metadata` has them, without it."""

from __future__ import annotations

import sys
import zipfile
from importlib import metadata
from pathlib import Path

import pytest
from recipec import entry_points as ours
from recipec.entry_points import EntryPoint, entry_points

GROUP = "recipec.operators"


def installed(folder: Path, name: str, version: str, lines: str, info: str = ".dist-info") -> Path:
    """A distribution with entry points."""
    made = folder / f"{name.replace('-', '_')}-{version}{info}"
    made.mkdir(parents=True)
    text = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n\nName: not-this\n"
    (made / ("METADATA" if info == ".dist-info" else "PKG-INFO")).write_text(text)
    (made / "entry_points.txt").write_text(lines)
    return made


def known(group: str) -> set[EntryPoint]:
    """What the standard library says."""
    return {EntryPoint(p.name, p.value, p.dist.name) for p in metadata.entry_points(group=group)}


@pytest.mark.parametrize("group", [GROUP, "console_scripts", "pytest11", "no.such.group"])
def test_they_are_those_of_the_standard_library(group: str, monkeypatch) -> None:
    monkeypatch.setattr(ours, "_asked", lambda group: pytest.fail("it should not be needed"))
    monkeypatch.setattr(sys, "meta_path", [one for one in sys.meta_path if one is ours.PathFinder])
    found = entry_points(group)
    assert len(found) == len(set(found))
    assert set(found) == known(group)


def test_what_is_installed_is_seen_and_loaded(tmp_path, monkeypatch) -> None:
    lines = "[console_scripts]\nx = y:z\n\n# ours\n[recipec.operators]\nall = os:path.join\n"
    installed(tmp_path, "math-checks", "1.0", lines)
    installed(tmp_path, "old", "2", "[recipec.operators]\none=string [extra]\n", ".egg-info")
    monkeypatch.syspath_prepend(str(tmp_path))
    found = {one.package: one for one in entry_points(GROUP)}
    assert found["math-checks"].load() is __import__("os").path.join
    assert found["old"].load() is __import__("string")
    assert {"math-checks", "old", "recipec"} <= set(found)
    assert set(entry_points(GROUP)) == known(GROUP)


def test_of_a_distribution_that_is_installed_twice_the_first_counts(tmp_path, monkeypatch) -> None:
    installed(tmp_path / "a", "Math.Checks", "1.0", "[recipec.operators]\nfirst = os:sep\n")
    installed(tmp_path / "b", "math-checks", "2.0", "[recipec.operators]\nsecond = os:sep\n")
    monkeypatch.syspath_prepend(str(tmp_path / "b"))
    monkeypatch.syspath_prepend(str(tmp_path / "a"))
    names = {one.name for one in entry_points(GROUP)}
    assert "first" in names and "second" not in names


def test_what_lies_in_a_zip_file_is_asked_for(tmp_path, monkeypatch) -> None:
    with zipfile.ZipFile(tmp_path / "ops.zip", "w") as file:
        file.writestr("zipped-1.dist-info/METADATA", "Name: zipped\nVersion: 1\n")
        file.writestr("zipped-1.dist-info/entry_points.txt", "[recipec.operators]\nz = os:sep\n")
    monkeypatch.syspath_prepend(str(tmp_path / "ops.zip"))
    assert "zipped" in {one.package for one in entry_points(GROUP)}


def test_an_importer_with_distributions_of_its_own_is_asked(monkeypatch) -> None:
    class Finder:
        @staticmethod
        def find_spec(*_: object) -> None:
            return None

        @staticmethod
        def find_distributions(context: object) -> list:
            return []

    monkeypatch.setattr(sys, "meta_path", [*sys.meta_path, Finder])
    monkeypatch.setattr(ours, "_asked", lambda group: ["asked"])
    assert entry_points(GROUP) == ["asked"]
