"""Blocks put in with `use`, and settings read against their table."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from recipec import ast
from recipec import resolved as r
from recipec.ast import Span
from recipec.diagnostics import Fix, Label, did_you_mean, listing
from recipec.fixes import without_line
from recipec.meaning import meaning
from recipec.resolving.forgotten import forgotten
from recipec.resolving.scope import Scope, bind_parameters
from recipec.resolving.values import typed
from recipec.settings import SettingType


def spliced(scope: Scope, lines: Sequence[ast.Statement]) -> Iterator[tuple[Scope, ast.Statement]]:
    """The statements of a body, each `use` replaced by the block's own, with the scope each stands in."""
    for line in lines:
        if not isinstance(line, ast.Splice):
            yield scope, line
            continue
        found = _block(scope, line)
        if found is not None:
            inner, block = found
            yield from spliced(inner, block.body)


def _block(scope: Scope, line: ast.Splice) -> tuple[Scope, ast.Block] | None:
    name = line.block.function if isinstance(line.block, ast.Call) else line.block
    module, word = scope.module, name.parts[-1]
    if scope.known_broken(name.parts[0]):
        scope.imported(name.parts[0])
        return None
    if len(name.parts) == 2:
        module = scope.imported(name.parts[0])
    item = module.items.get(word) if module is not None and len(name.parts) <= 2 else None
    if not isinstance(item, ast.Block):
        if module is not None and word in module.broken:
            return None
        if forgotten(scope, name, ast.Block) is not None:
            return None
        there = scope.named(module, ast.Block) if module else []
        scope.report(
            "E0201",
            f"there is no block `{name.text}`",
            name.span,
            help=f"it is a filter: `keep {name.text}`"
            if isinstance(item, ast.Filter)
            else did_you_mean(word, there, "blocks"),
            fixes=scope.spelling(name.span, word, there),
        )
        return None
    key = (module.name, word)
    scope.context.used.add(key)
    if key in scope.within:
        scope.report("E0250", f"block `{word}` puts in itself", line.span)
        return None
    definition = scope.without_row().in_module(module, {}, line.span, key)
    arguments = line.block.arguments if isinstance(line.block, ast.Call) else ()
    bound = bind_parameters(scope, name.text, item.parameters, arguments, line.span, definition)
    if bound is None:
        return None
    missing = [one.name.text for one in item.parameters if one.name.text not in bound]
    if missing:
        scope.report(
            "E0303", f"`{name.text}` needs {listing(missing)}", line.span, help=f"`use {name.text}({missing[0]} = …)`"
        )
        return None
    return scope.in_module(module, bound, line.span, key), item


def settings(
    scope: Scope, lines: Sequence[ast.Statement], table: Mapping[str, SettingType], what: str, place: Span
) -> dict[str, r.Expr]:
    """The settings among lines by name, checked against their table; other statements are left alone."""
    seen: dict[str, Span] = {}
    own: dict[str, ast.Expr] = {}
    result: dict[str, r.Expr] = {}
    misspelt = False
    for inner, line in spliced(scope, lines):
        if not isinstance(line, ast.Setting):
            continue
        name = line.name.text
        if name not in table:
            inner.report(
                "E0204",
                f"{what} has no setting `{name}`",
                line.name.span,
                help=did_you_mean(name, table, "settings"),
                fixes=inner.spelling(line.name.span, name, table),
            )
            misspelt = True
            continue
        if name in seen:
            again = inner is scope and name in own and meaning(own[name]) == meaning(line.value)
            inner.report(
                "E0221",
                f"`{name}` is set twice",
                line.name.span,
                "again",
                secondary=(Label(seen[name], "first set here"),),
                help="leave one out",
                fixes=_again(scope, line) if again else (),
            )
            continue
        if inner is scope:
            own[name] = line.value
        seen[name] = line.name.span
        result[name] = typed(inner, line.value, table[name].type, name)
    missing = [name for name, setting in table.items() if setting.required and name not in seen]
    if missing and not misspelt:
        scope.report("E0311", f"{what} needs {listing(missing)}", place, help=f"write `{missing[0]} = …` in its block")
    return result


def _again(scope: Scope, line: ast.Setting) -> tuple[Fix, ...]:
    """Take out a setting that says again what was said."""
    return without_line(scope.whole_text(line.span), line.span, f"remove the second `{line.name.text}`")
