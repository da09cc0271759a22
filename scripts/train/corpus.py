"""The text that every machine with a Python has, in pieces with a kind; what the embedded models are trained on.

Four bodies: the language reference (`pydoc_data.topics`), the docstrings of the whole standard library, the comments of
three and more lines in its source, and the long descriptions of the installed distributions. Beside them what no
reader wants to learn from: source code, licence texts, lists of files. A *document* is what one topic, module or
distribution gives; a whole document is held out or none of it, but for what training documents say word for word.
"""

from __future__ import annotations

import ast
import hashlib
import importlib.metadata
import inspect
import re
import sys
import sysconfig
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from pydoc_data.topics import topics

ROOT = Path(__file__).resolve().parents[2]
STANDARD = ROOT / "recipes" / "std"
sys.path.insert(0, str(ROOT / "examples"))

from make_pages import docstrings, to_blocks  # noqa: E402

HELD_OUT = 15
"""Of a hundred documents, by hash of the name."""
LEFT_OUT = {"site-packages", "dist-packages", "test", "tests", "idle_test", "__pycache__", "lib2to3", "pydoc_data"}


@dataclass(frozen=True)
class Piece:
    """A paragraph, list item, heading, listing … of a document; `body` says what it was taken from."""

    document: str
    body: str  # topics, library, comments, packages, licences, sources, lists
    kind: str  # p, li, h2, pre
    text: str

    @property
    def held_out(self) -> bool:
        return int.from_bytes(hashlib.sha256(self.document.encode()).digest()[:4], "big") % 100 < HELD_OUT


def pieces(held_out: bool) -> list[Piece]:
    """Those of one part, in one order.

    A held-out document's piece whose very text training has too is in neither part: topics have several names, and
    most licences are the same few, so that without this rule most of what is measured on would have been seen.
    """
    if not held_out:
        return [piece for piece in everything() if not piece.held_out]
    seen = {piece.text for piece in pieces(held_out=False)}
    return [piece for piece in everything() if piece.held_out and piece.text not in seen]


@cache
def everything() -> tuple[Piece, ...]:
    """All pieces of this machine."""
    return tuple(_everything())


def _everything() -> Iterator[Piece]:
    for name in sorted(topics):
        yield from _of(f"topic {name}", "topics", to_blocks(topics[name]))
    root = Path(sysconfig.get_path("stdlib"))
    for path in sorted(root.rglob("*.py")):
        inside = path.relative_to(root)
        if not LEFT_OUT & set(inside.parts):
            yield from _module(f"module {inside.with_suffix('').as_posix()}", path)
    yield from _distributions()


def _of(document: str, body: str, blocks) -> Iterator[Piece]:
    for kind, text in blocks:
        if text.strip():
            yield Piece(document, body, kind, text)


def _parsed(source: str) -> ast.Module:
    try:
        return ast.parse(source)
    except SystemError:  # two threads that parse at one time confuse CPython's count of the depth (gh-106905)
        return ast.parse(source)


def _module(document: str, path: Path) -> Iterator[Piece]:
    source = path.read_text(encoding="utf-8", errors="replace")
    try:
        tree = _parsed(source)
    except SyntaxError:  # the standard library carries files of Python 2
        return
    yield from _of(document, "library", [*to_blocks(ast.get_docstring(tree) or ""), *docstrings(tree.body)])
    for found in re.finditer(r"(?:^[ \t]*#[ \t]*[^\n]*\n){3,}", source, re.MULTILINE):
        text = "\n".join(line.strip().lstrip("#").strip() for line in found[0].splitlines())
        yield from _of(document, "comments", to_blocks(text))
    lines = source.splitlines()
    for start in range(20, len(lines) - 12, 120):
        yield Piece(document, "sources", "pre", "\n".join(lines[start : start + 12]))


def _distributions() -> Iterator[Piece]:
    described = {}
    for distribution in importlib.metadata.distributions():
        name = re.sub(r"[-_.]+", "-", distribution.metadata["Name"]).lower()
        if name != "recipec":
            described.setdefault(name, distribution)
    for name, distribution in sorted(described.items()):
        metadata, document = distribution.metadata, f"distribution {name}"
        text = metadata.get("Description") or metadata.get_payload() or ""
        yield from _of(document, "packages", to_blocks(inspect.cleandoc(text)))
        files = [str(file) for file in distribution.files or ()]
        for start in range(0, min(len(files), 400), 10):
            yield Piece(document, "lists", "pre", "\n".join(files[start : start + 10]))
        for file in distribution.files or ():
            if re.fullmatch(r"(LICEN[CS]E|COPYING|NOTICE)[\w.-]*", file.name) and file.locate().is_file():
                text = Path(str(file.locate())).read_text(encoding="utf-8", errors="replace")[:20_000]
                yield from _of(document, "licences", to_blocks(text))
