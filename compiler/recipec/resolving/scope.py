"""What a name can mean where it stands."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Protocol

from recipec import ast
from recipec import resolved as r
from recipec.ast import Span
from recipec.diagnostics import Diagnostic, Fix, Label, did_you_mean
from recipec.fixes import spelling
from recipec.imports import Loader, Module
from recipec.operators import Catalogue
from recipec.record import Record, replace


class Bound(Record):
    """A parameter's argument and the scope it was written in."""

    expr: ast.Expr
    scope: Scope


class RelationInfo(Record):
    """What another step can ask of a relation."""

    ref: r.RelationRef
    schema: Mapping[str, str]
    tiers: tuple[str, ...]
    complete: bool = True
    """False where there may be more columns than `schema` says: a source that declares none."""
    dropped: Mapping[str, str] = MappingProxyType({})
    """Columns that a transform or generate above did not take over from the row it asks about, and its name."""


class Lookups(Protocol):
    """The items of the recipe, as `recipec.resolving.items.Items` finds them."""

    loader: Loader

    def relation(self, scope: Scope, node: ast.Relation, fit: bool = False) -> RelationInfo | None: ...
    def param_value(self, scope: Scope, name: str, span: Span) -> r.Expr: ...
    def value(self, scope: Scope, node: ast.Name) -> r.Expr: ...
    def endpoint(self, scope: Scope, node: ast.Name) -> str | None: ...
    def prompt_call(self, scope: Scope, node: ast.Name | ast.Call) -> r.PromptCall | r.Unknown: ...


class Binding(Protocol):
    """What values, calls, expressions and rules need of one another: each holds the others inside it."""

    def expression(self, scope: Scope, node: ast.Expr, words: bool = False, environment: bool = False) -> r.Expr: ...
    def column(self, scope: Scope, node: ast.Name) -> r.Expr: ...
    def operator_call(self, scope: Scope, node: ast.Name | ast.Call, kinds: tuple[str, ...], what: str) -> r.Expr: ...
    def filter_condition(self, scope: Scope, node: ast.Name | ast.Call) -> r.Expr: ...


class Context:
    """What all of one resolution shares."""

    items: Lookups

    def __init__(self, catalogue: Catalogue, bind: Binding):
        self.catalogue, self.bind = catalogue, bind
        self.found: list[Diagnostic] = []
        self.used: set[tuple[str, str]] = set()


class Scope(Record):
    """Names in sight at one place.

    `row`: columns of the row, None where there is no row. `source`: columns of the row it is made from.
    `figures`: figures of the whole relation (measures, `documents`). `page`: the record's fields an extractor
    may take. `via`: the place in the recipe that put in what is resolved here. `within`: filters and blocks
    being expanded, to see a circle. `complete`: False where the row may have more columns than are known.
    `dropped`: columns that the row would have if the transform it comes from had set them.
    """

    context: Context
    module: Module
    bindings: Mapping[str, Bound] = MappingProxyType({})
    row: Mapping[str, str] | None = None
    tiers: tuple[str, ...] = ()
    source: Mapping[str, str] | None = None
    figures: Mapping[str, str] | None = None
    page: tuple[str, ...] = ()
    via: Span | None = None
    within: tuple[tuple[str, str], ...] = ()
    complete: bool = True
    dropped: Mapping[str, str] = MappingProxyType({})

    def report(
        self,
        code: str,
        message: str,
        span: Span,
        label: str = "",
        *,
        help: str = "",
        secondary: tuple[Label, ...] = (),
        fixes: tuple[Fix, ...] = (),
    ) -> r.Unknown:
        """Note a finding; returns what stands for the thing from here on."""
        if self.via and self.via.file != span.file:
            secondary = (*secondary, Label(self.via, "asked for here"))
        self.context.found.append(Diagnostic(code, message, span, label, secondary, help, fixes))
        return r.Unknown(span)

    def in_module(self, module: Module, bindings: Mapping[str, Bound], via: Span, key: tuple[str, str]) -> Scope:
        """The scope inside a filter or block of `module`: the same row, its own names."""
        return replace(self, module=module, bindings=bindings, via=self.via or via, within=(*self.within, key))

    def without_row(self) -> Scope:
        return replace(self, row=None, source=None, figures=None, tiers=(), page=())

    def item(self, name: str) -> ast.Item | None:
        """The item of this file with that name, noted as used."""
        found = self.module.items.get(name)
        if found is not None:
            self.context.used.add((self.module.name, name))
        return found

    def imported(self, alias: str) -> Module | None:
        """The file used under that name, noted as used."""
        module = self.module.imports.get(alias)
        if module is not None or alias in self.module.uses:
            self.context.used.add((self.module.name, f"use {alias}"))
        return module

    def named(self, module: Module, kind: type[ast.Item]) -> list[str]:
        """How the items of a kind in `module` are written; where it is this file, those of the files it uses too."""
        own = [name for name, item in module.items.items() if isinstance(item, kind)]
        if module is not self.module:
            return own
        return own + [
            f"{alias}.{name}"
            for alias, other in module.imports.items()
            for name, item in other.items.items()
            if isinstance(item, kind)
        ]

    def known_broken(self, name: str) -> bool:
        """Is this a name whose definition or import has been reported already?"""
        return name in self.module.broken or (
            name in self.module.uses and name not in self.module.imports and name not in self.module.plugins
        )

    def spelling(self, span: Span, name: str, known: Iterable[str]) -> tuple[Fix, ...]:
        """The fix for a misspelt name whose place ends with it, where only one name can be meant."""
        return spelling(self.whole_text(span), span, name, known)

    def whole_text(self, span: Span) -> str:
        """The text of the file a place is in."""
        return self.context.items.loader.modules[span.file].text

    def text(self, span: Span) -> str:
        """What stands at a span, on one line."""
        return " ".join(self.whole_text(span)[span.start : span.end].split())


def bind_parameters(
    scope: Scope,
    what: str,
    parameters: Iterable[ast.Parameter],
    arguments: Iterable[ast.Argument],
    call_span: Span,
    definition: Scope,
) -> dict[str, Bound] | None:
    """Arguments of a filter, block or prompt by parameter; None after a diagnostic. A parameter without value
    and without argument is left out here: the caller says what that means."""
    parameters = list(parameters)
    names = [one.name.text for one in parameters]
    bound: dict[str, Bound] = {}
    ok, position = True, 0
    for argument in arguments:
        if argument.name is None:
            if position >= len(names):
                scope.report(
                    "E0304",
                    f"`{what}` takes {len(names)} argument{'s' * (len(names) != 1)}",
                    argument.span,
                    "one too many",
                    help=f"its parameters: {', '.join(names) or 'none'}",
                )
                ok = False
                continue
            name, position = names[position], position + 1
        else:
            name = argument.name.text
        if name not in names:
            scope.report(
                "E0204",
                f"`{what}` has no parameter `{name}`",
                argument.name.span,
                help=did_you_mean(name, names, "parameters"),
                fixes=scope.spelling(argument.name.span, name, names),
            )
            ok = False
        elif name in bound:
            scope.report("E0304", f"`{name}` is given twice", argument.span, help="leave one out")
            ok = False
        else:
            bound[name] = Bound(argument.value, scope)
    for one in parameters:
        if one.name.text not in bound and one.default is not None:
            bound[one.name.text] = Bound(one.default, definition)
    return bound if ok else None


ROW_KINDS = ("statistic", "score")
"""Operators that give a figure of a row."""

CONSTANTS = {"true": True, "false": False, "none": None}


def is_column(scope: Scope, word: str) -> bool:
    return any(columns is not None and word in columns for columns in (scope.row, scope.figures))


def meaning(scope: Scope, word: str) -> str | None:
    """`parameter`, `column`, `value` (a param, table or model), `operator` or `item`; None for a plain word."""
    if word in scope.bindings:
        return "parameter"
    if is_column(scope, word):
        return "column"
    item = scope.module.items.get(word)
    if isinstance(item, ast.Param | ast.Table | ast.Rounds) or (isinstance(item, ast.Derive) and item.kind == "train"):
        return "value"
    if word in CONSTANTS:
        return "value"
    if scope.context.catalogue.get(word, ROW_KINDS) is not None:
        return "operator"
    return "item" if item is not None else None
