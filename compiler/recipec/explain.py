"""`recipec explain`: the long story of a code, an operator, or a rule of the library.

What a code means stands in `codes.py`, a recipe before and after in `explanations/<code>.md`; what an operator does
is its own declaration; what a filter asks is its text and doc comments.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from recipec import ast
from recipec.codes import CODES
from recipec.columns import DOCUMENT
from recipec.diagnostics import did_you_mean
from recipec.imports import library_folder
from recipec.operators import KIND_CALLED, REQUIRED, installed
from recipec.parse import parse
from recipec.renderers import printable
from recipec.resolved import Operator

EXPLANATIONS = Path(__file__).with_name("explanations")
_EXAMPLE = re.compile(r"```(?P<kind>recipe|text)\n(?P<text>.*?)\n```", re.DOTALL)
_WIDTH = 100
_TYPES = {"bigint": "a whole number", "double": "a number", "string": "a text", "boolean": "true or false"}


class Example(NamedTuple):
    """A recipe that a code refuses, and one that says what was meant. `kind` is `recipe`, or `text` where it takes
    more than a recipe's text."""

    kind: str
    before: str
    after: str


def explain(subject: str) -> tuple[str, bool]:
    """The text for a person, and whether the subject is known; of an unknown one, what is near."""
    if re.fullmatch(r"[EeWw]\d{4}", subject):
        code = subject.upper()
        if code in CODES:
            return of_code(code), True
        return f"recipec: there is no code {code}; {did_you_mean(code, CODES, 'codes')}", False
    found = [*_operators(subject), *_items(subject)]
    if found:
        return "\n\n".join(found), True
    known = [*(name for _, name in installed().operators), *(one.name for one in _library()), *DOCUMENT]
    return f"recipec: nothing is called `{printable(subject)[:60]}`; {did_you_mean(subject, known, 'names')}", False


# ---- codes -------------------------------------------------------------------------------------


def example(code: str) -> Example:
    """The recipes before and after, as they stand in the file of the code."""
    before, after = _EXAMPLE.finditer((EXPLANATIONS / f"{code}.md").read_text("utf-8"))
    return Example(before["kind"], before["text"], after["text"])


def of_code(code: str) -> str:
    """Title, reason, before and after."""
    shown = example(code)
    refused = "refuses the recipe" if code.startswith("E") else "is a warning"
    parts = [
        f"{code}: {CODES[code].title} ({refused})",
        textwrap.fill(CODES[code].explanation, _WIDTH),
        f"Before:\n\n{textwrap.indent(shown.before, '    ')}",
        f"After:\n\n{textwrap.indent(shown.after, '    ')}",
    ]
    return "\n\n".join(parts)


# ---- operators ---------------------------------------------------------------------------------


def _operators(subject: str) -> Iterator[str]:
    """Every operator of that name; without its prefix, `words` finds `stats.words` too."""
    catalogue = installed()
    exact = [key for key in catalogue.operators if key[1] == subject]
    wanted = exact or [key for key in catalogue.operators if key[1].rpartition(".")[2] == subject]
    for key in wanted:
        yield _operator(catalogue.operators[key], catalogue.packages[key])


def _operator(operator: Operator, package: str) -> str:
    shown = ", ".join(
        f"{one.name} = …" if one.default == REQUIRED else f"{one.name} = {_default(one.default)}"
        for one in operator.parameters
    )
    head = f"{operator.name}({shown})" if shown else operator.name
    what = KIND_CALLED.get(operator.kind, operator.kind)
    lines = [textwrap.fill(head, _WIDTH, subsequent_indent="    ")]
    lines += ["", f"{what}, version {operator.version}, of package {package}", "", textwrap.fill(operator.doc, _WIDTH)]
    if operator.parameters:
        lines += ["", "Parameters"]
    for one in operator.parameters:
        needed = "must be given" if one.default == REQUIRED else f"default {_default(one.default)}"
        lines += _entry(f"{one.name}: {one.type}", f"{one.doc} ({needed})".strip())
    if operator.columns:
        lines += ["", "Columns" if len(operator.columns) > 1 else "Gives"]
    for one in operator.columns:
        lines += _entry(f"{one.name}: {_TYPES.get(one.type, one.type)}", " ".join([one.doc, *_unit(one.name)]).strip())
    return "\n".join(lines).rstrip()


def _default(value: object) -> str:
    if isinstance(value, bool) or value is None:
        return {True: "true", False: "false", None: "none"}[value]
    if isinstance(value, list | tuple):
        return f"[{', '.join(_default(one) for one in value)}]"
    return str(value)


def _unit(name: str) -> Iterator[str]:
    """What the ending of a figure's name says of its unit."""
    if name.endswith("_share"):
        yield "A share: 0% to 100%."
    elif name.endswith("_ratio"):
        yield "A quotient that may pass 100%."


def _entry(head: str, text: str) -> list[str]:
    return [f"  {head}", *textwrap.wrap(text, _WIDTH, initial_indent="      ", subsequent_indent="      ")]


# ---- the library and the document ----------------------------------------------------------------


class _Found(NamedTuple):
    """An item of the library: `gopher.quality`, the item, its file, where its numbers come from, its text."""

    name: str
    item: ast.Item
    file: str
    source: str
    text: str


def _library() -> Iterator[_Found]:
    """Every item of the library that can be used."""
    root = library_folder()
    for path in sorted(root.glob("*/*.recipe")):
        text = path.read_text("utf-8")
        items = parse(path.name, text).file.items
        source = next((one.doc.partition("\n\n")[0] for one in items if isinstance(one, ast.Header)), "")
        for item in items:
            if isinstance(item, ast.Filter | ast.Prompt | ast.Block):
                written = text[item.span.start : item.span.end]
                yield _Found(f"{path.stem}.{item.name.text}", item, path.relative_to(root).as_posix(), source, written)


def _items(subject: str) -> Iterator[str]:
    everything = list(_library())
    wanted = [one for one in everything if one.name == subject] or [
        one for one in everything if one.name.rpartition(".")[2] == subject
    ]
    for one in wanted:
        kind = type(one.item).__name__.lower()
        doc, source = (textwrap.fill(" ".join(text.split()), _WIDTH) for text in (one.item.doc, one.source))
        use = one.file.removesuffix(".recipe")
        parts = [f"{one.name}: a {kind} of {one.file}", doc, source, f'use "{use}"', one.text, _figures(one.text)]
        yield "\n\n".join(part for part in parts if part)
    if subject in DOCUMENT:
        yield f"{subject}: a column that every document has"


def _figures(text: str) -> str:
    """The statistics that a filter names, each with its definition."""
    catalogue = installed()
    lines: list[str] = []
    for name in dict.fromkeys(re.findall(r"\bstats\.[a-z0-9_]+", text)):
        operator = catalogue.get(name, ("statistic",))
        lines += _entry(name, " ".join([operator.doc, *_unit(name)])) if operator else []
    return "\n".join(["Figures", *lines]) if lines else ""


def codes_page(said: Iterable[tuple[str, str]]) -> str:
    """The list of all codes for the documentation; `said` are (code, what is printed for its example)."""
    printed = dict(said)
    parts = [
        "# Diagnostics",
        "What `recipec check` can say, and what helps. `recipec explain CODE` prints the same. Codes that begin "
        "with E refuse the recipe, those with W are warnings; a code keeps its meaning for ever.",
    ]
    for code in CODES:
        shown = example(code)
        parts += [f"## {code}: {CODES[code].title}", CODES[code].explanation, f"```{shown.kind}\n{shown.before}\n```"]
        if code in printed:
            parts.append(f"```text\n{printed[code].rstrip()}\n```")
        parts += ["What helps:", f"```{shown.kind}\n{shown.after}\n```"]
    return "\n\n".join(parts) + "\n"
