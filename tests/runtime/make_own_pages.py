"""Makes data/own_pages.warc.gz: pages of this project's own words, for tests of a whole recipe.

    python tests/runtime/make_own_pages.py

A page for each Python module (its docstrings), Markdown file and recipe (its doc comments). The file is kept in the
repository so that results over it can be pinned; making it anew changes them.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from running import Page, write_warc

ROOT = Path(__file__).parents[2]
OUT = Path(__file__).parent / "data" / "own_pages.warc.gz"
LEAST = 80
"""Words of a page."""


def paragraphs(path: Path) -> Iterator[str]:
    """The prose of a file."""
    text = path.read_text()
    if path.suffix == ".py":
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
                yield from re.split(r"\n\s*\n", ast.get_docstring(node) or "")
    elif path.suffix == ".recipe":
        yield from re.split(r"\n\s*\n", "\n".join(re.findall(r"^\s*##? ?(.*)$", text, re.M)))
    else:
        yield from re.split(r"\n\s*\n", re.sub(r"```.*?```", "", text, flags=re.S))


def page(path: Path) -> Page | None:
    """The page of a file that has enough to say."""
    kept = [" ".join(p.split()) for p in paragraphs(path) if len(p.split()) >= 6]
    if sum(len(p.split()) for p in kept) < LEAST:
        return None
    return Page(f"http://recipec.example/{path.relative_to(ROOT)}", tuple(kept))


def main() -> None:
    """Writes the file and says how many pages it has."""
    folders = ("compiler", "runtime", "udfs", "tests", "scripts", "examples", "recipes", "bench")
    files = [p for folder in folders for p in (ROOT / folder).rglob("*") if p.suffix in (".py", ".md", ".recipe")]
    pages = [made for path in sorted([*files, *ROOT.glob("*.md")]) if (made := page(path)) is not None]
    OUT.parent.mkdir(exist_ok=True)
    write_warc(OUT, pages)
    print(f"{OUT}: {len(pages)} pages, {OUT.stat().st_size / 1e6:.2f} MB")


if __name__ == "__main__":
    main()
