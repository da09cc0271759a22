"""Entry points of one group, read from the folders of `sys.path`.

`importlib.metadata` gives the same and takes longer than checking a recipe: it brings the e-mail package to read
each distribution's name. Where something is installed in a way that these few lines do not know (a zip file, an
egg, an importer with distributions of its own), it is asked after all.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from importlib import import_module
from importlib.machinery import PathFinder
from typing import Any

from recipec.record import Record

_FOLDERS = {".dist-info": "METADATA", ".egg-info": "PKG-INFO"}
"""How the folders of distributions are called, and the file in each that has the name."""


class EntryPoint(Record):
    """`name = value` of a distribution: an object by its module and path in it."""

    name: str
    value: str
    package: str

    def load(self) -> Any:
        """The object; raises what importing its module raises."""
        module, _, path = self.value.partition("[")[0].strip().partition(":")
        found = import_module(module.strip())
        for name in path.strip().split(".") if path.strip() else ():
            found = getattr(found, name)
        return found


def entry_points(group: str) -> list[EntryPoint]:
    """All of a group; of a distribution that is installed twice, those of the first on the path."""
    found: list[EntryPoint] = []
    seen: set[str] = set()
    own_finders = any(hasattr(one, "find_distributions") for one in sys.meta_path if one is not PathFinder)
    if own_finders or not all(_plain(folder) for folder in sys.path):
        return _asked(group)
    for folder in sys.path:
        for stem, path, named in _distributions(folder or "."):
            if stem in seen:
                continue
            seen.add(stem)
            lines = list(_section(_text(os.path.join(path, "entry_points.txt")), group))
            if lines:
                package = _name(_text(os.path.join(path, named))) or stem
                found += [EntryPoint(name, value, package) for name, value in lines]
    return found


def _plain(folder: str) -> bool:
    """A folder, or something that is not there; a zip file and an egg are neither."""
    return not os.path.isfile(folder) and not folder.endswith(".egg")


def _distributions(folder: str) -> Iterator[tuple[str, str, str]]:
    """Name as the folder has it, path, and the file with the name as it is written."""
    try:
        names = sorted(os.listdir(folder))
    except OSError:
        return
    for one in names:
        stem, dot = os.path.splitext(one)
        if dot in _FOLDERS:
            yield stem.partition("-")[0].replace(".", "_").lower(), os.path.join(folder, one), _FOLDERS[dot]


def _text(path: str) -> str:
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read()
    except OSError:
        return ""


def _section(text: str, group: str) -> Iterator[tuple[str, str]]:
    """The lines `name = value` below `[group]`."""
    inside = False
    for line in map(str.strip, text.splitlines()):
        if line.startswith("["):
            inside = line == f"[{group}]"
        elif inside and line and not line.startswith(("#", ";")):
            name, _, value = line.partition("=")
            yield name.strip(), value.strip()


def _name(metadata: str) -> str:
    headers = metadata.partition("\n\n")[0].splitlines()
    return next((line[5:].strip() for line in headers if line.lower().startswith("name:")), "")


def _asked(group: str) -> list[EntryPoint]:
    from importlib import metadata

    return [EntryPoint(p.name, p.value, p.dist.name if p.dist else p.value) for p in metadata.entry_points(group=group)]
