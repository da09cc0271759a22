"""A name of a library that is not used here, or is used under another name: what to write."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import PurePosixPath

from recipec import ast
from recipec import resolved as r
from recipec.ast import Span
from recipec.diagnostics import Edit, Fix, listing
from recipec.imports import NAMED, Module, decode
from recipec.parse import parse
from recipec.resolving.scope import Scope

Kind = type[ast.Filter] | type[ast.Block] | type[ast.Prompt]


def forgotten(scope: Scope, name: ast.Name, kind: Kind) -> r.Unknown | None:
    """Reports `gopher.quality` where nothing is called `gopher`, if a library has such an item; else None."""
    module = scope.module
    if len(name.parts) != 2 or name.parts[0] in module.items or scope.known_broken(name.parts[0]):
        return None
    library, word = name.parts
    for alias, other in module.imports.items():
        if alias != library and _stem(other) == library and isinstance(other.items.get(word), kind):
            scope.imported(alias)
            meant = f"{alias}.{word}"
            return scope.report(
                "E0201",
                f"nothing is called `{name.text}` here",
                name.span,
                help=f"the file is used as `{alias}`: write `{meant}`",
                fixes=(Fix(f"write `{meant}`", (Edit(name.span, meant),)),),
            )
    if library in module.uses:
        return None
    targets = list(_holding(scope, library, word, kind))
    if not targets:
        return None
    uses = [f'use "{target}"' for target in targets]
    message = f"nothing is called `{library}` here"
    if len(uses) > 1:
        return scope.report("E0201", message, name.span, help=f"add one of {listing(uses)}")
    fixes = (Fix(f"add `{uses[0]}`", (_line(module, uses[0]),)),)
    return scope.report("E0201", message, name.span, help=f"add `{uses[0]}`", fixes=fixes)


def _stem(module: Module) -> str:
    return PurePosixPath(module.name).stem


def _holding(scope: Scope, library: str, word: str, kind: Kind) -> Iterator[str]:
    """The files of the library, and the one beside the recipe, that are called so and have such an item."""
    loader = scope.context.items.loader
    if loader.folder is not None and scope.module.path is not None and scope.module.path.parent == loader.folder:
        paths = [(f"./{library}", loader.folder / f"{library}.recipe")]
    else:
        paths = []
    paths += [(f"{path.parent.name}/{path.stem}", path) for path in sorted(loader.library.glob(f"*/{library}.recipe"))]
    for target, path in paths:
        if not path.is_file() or path == scope.module.path:
            continue
        text, problem = decode(target, path.read_bytes())
        items = [] if problem else parse(target, text).file.items
        if any(isinstance(one, ast.Header) and one.kind == "recipe" for one in items):
            continue
        if any(isinstance(one, kind) and isinstance(one, NAMED) and one.name.text == word for one in items):
            yield target


def _line(module: Module, use: str) -> Edit:
    """A line behind the last `use`, else behind the edition, else at the top."""
    uses = [one for one in module.tree.items if isinstance(one, ast.Use)]
    heads = [one for one in module.tree.items if isinstance(one, ast.Header | ast.Edition)]
    last = (uses or heads)[-1] if uses or heads else None
    if last is None:
        return Edit(Span(module.name, 0, 0), f"{use}\n\n")
    at = module.text.find("\n", last.span.end)
    line = f"\n{use}" if uses else f"\n\n{use}"
    at = len(module.text) if at < 0 else at
    return Edit(Span(module.name, at, at), line)
