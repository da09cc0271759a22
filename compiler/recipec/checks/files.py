"""Files that a recipe names: models, tokenizers and lists are there, and no path leaves the project."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from recipec import resolved as r
from recipec.checks.walk import everything
from recipec.diagnostics import Diagnostic, listing, nearest
from recipec.files import find_file, leaves


def check(resolved: r.Resolved, place) -> Iterator[Diagnostic]:
    for call in everything(resolved):
        if not isinstance(call, r.OpCall):
            continue
        for parameter in call.operator.parameters:
            value = call.args.get(parameter.name)
            if not isinstance(value, r.Lit) or not isinstance(value.value, str):
                continue
            base = parameter.type.removesuffix("?")
            if base == "file" and value.value not in getattr(parameter, "embedded", ()):
                yield from named(resolved, place, value, getattr(parameter, "embedded", ()))
            elif base == "path" and _written_here(resolved, value) and leaves(value.value):
                yield _climbs(value)


def _written_here(resolved: r.Resolved, value: r.Lit) -> bool:
    """Does the path stand in the recipe, or did it come from a parameter that the caller gave?"""
    text = resolved.files.get(value.span.file, "")
    return text[value.span.start : value.span.start + 1] == '"'


def _climbs(value: r.Lit) -> Diagnostic:
    return Diagnostic(
        "E0441",
        "this path leaves the folder of the recipe",
        value.span,
        help="give it as a parameter: `param data: path`, then `--param data=…`",
    )


def named(resolved: r.Resolved, place, value: r.Lit, embedded: tuple[str, ...] = ()) -> Iterator[Diagnostic]:
    """What is wrong with a file that the recipe names. `embedded`: names that stand for no file here."""
    name = value.value
    written = _written_here(resolved, value)
    if written and (leaves(name) or Path(name).is_absolute()):
        yield _climbs(value)
        return
    found = find_file(name, place.folder, place.library)
    if found is None:
        yield Diagnostic(
            "E0440",
            f"there is no file `{name[:80]}`",
            value.span,
            "looked for beside the recipe and in the library",
            help=_nearby(name, place, embedded),
        )
        return
    roots = [root.resolve() for root in (place.folder, place.library) if root is not None]
    if written and not any(found.resolve().is_relative_to(root) for root in roots):
        yield Diagnostic(
            "E0441",
            f"`{name[:80]}` is a link that leaves the project",
            value.span,
            help="copy the file into the folder of the recipe",
        )


def _nearby(name: str, place, embedded: tuple[str, ...]) -> str:
    folder = Path(name).parent
    names = set(embedded)
    for root in (place.folder, place.library):
        if root is not None and not folder.is_absolute() and (root / folder).is_dir():
            names |= {
                (folder / one.name).as_posix() for one in (root / folder).iterdir() if one.suffix not in ("", ".recipe")
            }
    guess = nearest(name, names)
    if guess:
        return f"did you mean `{guess}`?"
    return f"there: {listing(sorted(names))}" if names else ""
