"""Operators in use: finds the operator that is named and gives every parameter its value."""

from __future__ import annotations

from collections.abc import Sequence

from recipec import ast
from recipec import resolved as r
from recipec.diagnostics import did_you_mean, listing
from recipec.operators import KIND_CALLED, REQUIRED
from recipec.resolving.builtin import TABLES
from recipec.resolving.forgotten import forgotten
from recipec.resolving.scope import ROW_KINDS, Scope
from recipec.resolving.values import typed

OTHERS = {
    ast.Prompt: ("a prompt", "a prompt is asked with: `ask endpoint using {}` in a transform or generate"),
    ast.Block: ("a block", "put it in with a statement: `use {}`"),
}
"""Items that are no values, and where each stands."""


def operator_call(scope: Scope, node: ast.Name | ast.Call, kinds: Sequence[str], what: str) -> r.OpCall | r.Unknown:
    """The call of an operator of one of these kinds; `what` names in a message what is wanted here."""
    name = node.function if isinstance(node, ast.Call) else node
    operator = find(scope, name, kinds)
    if operator is None:
        return unknown(scope, name, kinds, what)
    arguments = node.arguments if isinstance(node, ast.Call) else ()
    return bind(scope, operator, arguments, node)


def find(scope: Scope, name: ast.Name, kinds: Sequence[str]) -> r.Operator | None:
    """The operator a name means; `checks.same_result` is `same_result` of the package used as `checks`."""
    catalogue = scope.context.catalogue
    if "table" in kinds:
        return TABLES.get(name.text)
    package = scope.module.plugins.get(name.parts[0])
    if package is not None and len(name.parts) > 1:
        scope.context.used.add((scope.module.name, f"use {name.parts[0]}"))
        plain = ".".join(name.parts[1:])
        return catalogue.get(plain, kinds) if plain in catalogue.of_package(package) else None
    return catalogue.get(name.text, kinds)


def unknown(scope: Scope, name: ast.Name, kinds: Sequence[str], what: str) -> r.Unknown:
    """Says that a name is no operator that could stand here."""
    catalogue = scope.context.catalogue
    package = scope.module.plugins.get(name.parts[0])
    if package is not None:
        there = catalogue.of_package(package)
        help_ = (
            did_you_mean(".".join(name.parts[1:]), there, f"operators of `{package}`")
            if there
            else f"package `{package}` is not installed or registers no operators"
        )
        return scope.report("E0203", f"there is no operator `{name.text}`", name.span, help=help_)
    found = forgotten(scope, name, ast.Filter) if tuple(kinds) == ROW_KINDS else None
    if found is not None:
        return found
    item = scope.item(name.text) if tuple(kinds) == ROW_KINDS else None
    if isinstance(item, ast.Prompt | ast.Block):
        is_, use = OTHERS[type(item)]
        message = f"`{name.text}` is {is_}; a value stands here"
        return scope.report("E0301", message, name.span, help=use.format(name.text))
    others = catalogue.kinds_of(name.text)
    if others:
        return scope.report(
            "E0203",
            f"`{name.text}` is {KIND_CALLED.get(others[0], others[0])}, and {what} stands here",
            name.span,
            help=f"known: {listing(catalogue.names(kinds))}",
        )
    return scope.report(
        "E0203",
        f"there is no operator `{name.text}`",
        name.span,
        help=did_you_mean(name.text, catalogue.names(kinds), "operators that can stand here"),
        fixes=scope.spelling(name.span, name.text, catalogue.names(kinds)),
    )


def bind(
    scope: Scope, operator: r.Operator, arguments: Sequence[ast.Argument], node: ast.Name | ast.Call
) -> r.OpCall | r.Unknown:
    """Every parameter with its value, defaults filled in."""
    rowwise = operator.kind in ("score", "statistic")
    parameters = {one.name: one for one in operator.parameters}
    given: dict[str, list[ast.Argument]] = {}
    rest: list[ast.Argument] = []
    ok, misspelt, names = True, False, list(parameters)
    position = 0
    gathers = operator.variadic and bool(names) and parameters[names[0]].type == "columns"
    for argument in arguments:
        if argument.name is not None:
            name = argument.name.text
            if name not in parameters:
                scope.report(
                    "E0204",
                    f"`{operator.name}` has no argument `{name}`",
                    argument.name.span,
                    help=did_you_mean(name, names, "arguments"),
                    fixes=scope.spelling(argument.name.span, name, names),
                )
                ok, misspelt = False, True
                continue
            if name in given:
                scope.report("E0304", f"`{name}` is given twice", argument.span, help="leave one out")
                ok = False
                continue
            given[name] = [argument]
        elif gathers:
            given.setdefault(names[0], []).append(argument)
        elif operator.variadic and position >= 1:
            rest.append(argument)
        elif position < len(names):
            name, position = names[position], position + 1
            if name in given:
                scope.report("E0304", f"`{name}` is given twice", argument.span, help="leave one out")
                ok = False
            given[name] = [argument]
        else:
            takes = f"takes {len(names)} argument{'s' * (len(names) != 1)}" if names else "takes no arguments"
            scope.report(
                "E0304",
                f"`{operator.name}` {takes}",
                argument.span,
                "one too many",
                help=f"its arguments: {listing(names)}" if names else "",
            )
            ok = False
    args: dict[str, r.Expr] = {}
    missing: list[str] = []
    for name, parameter in parameters.items():
        if name in given:
            values = given[name]
            value = (
                typed(scope, ast.List(tuple(one.value for one in values), values[0].span), "columns", name)
                if gathers and name == names[0]
                else typed(scope, values[0].value, parameter.type, name, rowwise)
            )
            ok = ok and not isinstance(value, r.Unknown)
            args[name] = value
        elif parameter.default == REQUIRED and isinstance(parameter.default, str):
            missing.append(name)
        else:
            default = parameter.default
            args[name] = r.Lit(tuple(default) if isinstance(default, list) else default, None, node.span)
    if missing and not misspelt:
        docs = "\n".join(f"{name}: {parameters[name].doc or parameters[name].type}" for name in missing)
        scope.report("E0303", f"`{operator.name}` needs {listing(missing)}", node.span, help=docs)
        ok = False
    first = parameters[names[0]].type if names else "any"
    further = tuple(typed(scope, one.value, first, names[0] if names else "argument", rowwise) for one in rest)
    if not ok or any(isinstance(one, r.Unknown) for one in further):
        return r.Unknown(node.span)
    column = operator.columns[0] if operator.columns else None
    return r.OpCall(
        operator,
        args,
        further,
        column.name if column else "",
        column.type if column else "any",
        scope.text(node.span),
        node.span,
    )
