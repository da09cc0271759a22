"""Syntax tree to `Resolved`: names bound, imports loaded, parameters given, filters and blocks put in.

Every mistake is a Diagnostic; what cannot be resolved is left out or stands as `Unknown`, so that nothing
is reported because of something else.
"""

from __future__ import annotations

from collections.abc import Mapping

from recipec import ast
from recipec import resolved as r
from recipec.ast import Span
from recipec.diagnostics import Diagnostic
from recipec.imports import Loader, Module
from recipec.operators import Catalogue
from recipec.resolving import calls, expressions, rules
from recipec.resolving.items import Items
from recipec.resolving.scope import Context, Scope

EDITIONS = (2026,)


class _Binding:
    """The four that hold one another, tied together here so that no file imports in a circle."""

    expression = staticmethod(expressions.expression)
    column = staticmethod(expressions.column)
    operator_call = staticmethod(calls.operator_call)
    filter_condition = staticmethod(rules.filter_condition)


def resolve(
    module: Module, loader: Loader, catalogue: Catalogue, params: Mapping[str, str]
) -> tuple[r.Resolved, list[Diagnostic]]:
    """The recipe of a loaded module, and what was found wrong on the way (syntax errors are the loader's)."""
    context = Context(catalogue, _Binding)
    context.found.extend(catalogue.diagnostics)
    scope = Scope(context, module)
    items = context.items = Items(context, loader, scope, params)
    items.unknown_given()
    name, edition = _header(scope)
    tokenizers: dict[str, r.Tokenizer] = {}
    endpoints: dict[str, r.Endpoint] = {}
    writes: list[r.Write] = []
    compute: r.Compute | None = None
    rounds: r.Rounds | None = None
    for item in module.tree.items:
        if (
            isinstance(item, ast.Param | ast.Source | ast.Derive | ast.Merge | ast.Mix)
            and module.items.get(item.name.text) is not item
        ):
            continue  # the second of two items of one name, reported when the file was loaded
        match item:
            case ast.Param():
                items.param(item)
            case ast.Tokenizer():
                made = items.tokenizer(item)
                if made:
                    tokenizers[made.name] = made
            case ast.Endpoint():
                endpoints[item.name.text] = items.endpoint_item(item)
            case ast.Prompt():
                items.prompt(module, item)
            case ast.Table():
                items.tables[item.name.text] = items.table(scope, item, item.name.text)
            case ast.Source() | ast.Merge() | ast.Mix():
                items.ensure(item.name.text)
            case ast.Derive(kind="train"):
                items.train(item)
            case ast.Derive():
                items.ensure(item.name.text)
            case ast.Rounds():
                rounds = items.rounds(item)
            case ast.Write():
                written = items.write(item)
                writes += [written] if written else []
                continue
            case ast.Compute():
                compute = items.compute(item)
    resolved = r.Resolved(
        name,
        edition,
        module.header.doc if module.header else "",
        {one.name: one.text for one in loader.modules.values()},
        items.params,
        tokenizers,
        endpoints,
        items.prompts,
        items.tables,
        items.sources,
        items.relations,
        items.models,
        rounds,
        items.mixes,
        tuple(writes),
        compute,
        _unused(module, context),
        any(one.code.startswith("E") for one in (*loader.found, *context.found)),
    )
    return resolved, context.found


def _header(scope: Scope) -> tuple[str, int | None]:
    """The recipe's name and edition."""
    module = scope.module
    headers = [item for item in module.tree.items if isinstance(item, ast.Header)]
    editions = [item for item in module.tree.items if isinstance(item, ast.Edition)]
    top = Span(module.name, 0, min(1, len(module.text)))
    if not headers:
        if not module.broken:
            scope.report("E0460", "the recipe has no name", top, help="begin it with `recipe name` and `edition 2026`")
    elif headers[0].kind == "library":
        scope.report(
            "E0460",
            "a library makes nothing by itself",
            headers[0].span,
            help="`use` it in a recipe, or write `recipe` in place of `library`",
        )
    for second in headers[1:]:
        scope.report("E0220", "a file has one name", second.span, "the second")
    for second in editions[1:]:
        scope.report("E0220", "a file has one edition", second.span, "the second")
    for edition in editions[:1]:
        if edition.year.value not in EDITIONS or edition.year.unit:
            scope.report(
                "E0461",
                f"there is no edition {edition.year.text}",
                edition.year.span,
                help=f"this version knows {', '.join(map(str, EDITIONS))}",
            )
    if not editions and not module.broken and headers:
        scope.report("E0461", "the recipe names no edition", headers[0].span, help="add the line `edition 2026`")
    return headers[0].name.text if headers else "", int(editions[0].year.value) if editions else None


_KEYWORD = {
    ast.Param: "param",
    ast.Tokenizer: "tokenizer",
    ast.Endpoint: "endpoint",
    ast.Prompt: "prompt",
    ast.Filter: "filter",
    ast.Block: "block",
    ast.Table: "table",
    ast.Source: "source",
    ast.Merge: "merge",
    ast.Mix: "mix",
}


def _unused(module: Module, context: Context) -> tuple[r.UnusedItem, ...]:
    """Items and imports of the recipe that nothing refers to."""
    result = []
    for item in module.tree.items:
        if isinstance(item, ast.Use):
            alias = next((name for name, one in module.uses.items() if one is item), None)
            if alias is not None and (module.name, f"use {alias}") not in context.used:
                result.append(r.UnusedItem("use", alias, item.span))
        elif (type(item) in _KEYWORD or isinstance(item, ast.Derive)) and (
            module.name,
            item.name.text,
        ) not in context.used:
            kind = item.kind if isinstance(item, ast.Derive) else _KEYWORD[type(item)]
            result.append(r.UnusedItem(kind, item.name.text, item.name.span))
    return tuple(result)
