"""Ways to write the same recipe: other names, another order, another layout; and the recipe they are tried on."""

from __future__ import annotations

import random
import re
from collections.abc import Mapping
from pathlib import Path

from recipec.backend import Backend
from recipec.driver import Compilation
from recipec.imports import library_folder

FLAGSHIP = library_folder() / "nemotron_like.recipe"
ITEM = re.compile(
    r"^(?=(?:recipe|edition|use|param|tokenizer|endpoint|prompt|filter|block|table|source|select|transform|generate"
    r"|mix|write)\b)",
    re.MULTILINE,
)
PIECE = re.compile(r'"""[\s\S]*?"""|"(?:\\.|[^"\\\n])*"|#[^\n]*|(?<![a-z0-9_])[a-z_][a-z0-9_]*')
HOLE = re.compile(r"\$\{([a-z_]+)\}")


def compiled(text: str, folder: Path | None = None, name: str = "r.recipe", **params: str) -> Backend:
    """A recipe that must be right, through every stage of the compiler."""
    path = (folder or FLAGSHIP.parent) / "r.recipe"
    backend = Backend(Compilation(path, params, text=text, name=name))
    assert [f"{one.code} {one.message}" for one in backend.diagnostics if one.severity == "error"] == []
    return backend


def renamed(text: str, names: Mapping[str, str]) -> str:
    """The recipe with names replaced wherever they stand as names; texts keep theirs, but for what they put in."""

    def other(match: re.Match[str]) -> str:
        found = match[0]
        if found[0] == "#":
            return found
        if found[0] == '"':
            return HOLE.sub(lambda hole: f"${{{names.get(hole[1], hole[1])}}}", found)
        return names.get(found, found)

    return PIECE.sub(other, text)


def items(text: str) -> list[str]:
    """The items of a recipe as they are written, comments between them left out."""
    plain = "\n".join(line for line in text.splitlines() if not line.startswith("#"))
    return [piece.strip() + "\n" for piece in ITEM.split(plain) if piece.strip()]


def reordered(text: str, seed: int) -> str:
    """The items in another order: what names what does not change by it."""
    found = items(text)
    random.Random(seed).shuffle(found)
    return "\n".join(found)


def spread(text: str) -> str:
    """Other blanks, empty lines, comments and line ends; nothing of it is meant."""
    lines = []
    for line in text.splitlines():
        begun = line.startswith((" ", "}", ")")) or not line
        lines += [line.replace("  ", "\t") + "  # as it was", *([] if begun else ["    # a line between", ""])]
    return "\r\n".join(lines) + "\r\n"
