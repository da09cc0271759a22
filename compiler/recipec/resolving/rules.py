"""Rules: a condition split into the reasons a row may fail by, filters expanded with their parameters."""

from __future__ import annotations

from recipec import ast
from recipec import resolved as r
from recipec.ast import Span
from recipec.diagnostics import did_you_mean, listing
from recipec.resolving.calls import OTHERS
from recipec.resolving.expressions import condition
from recipec.resolving.scope import Scope, bind_parameters

LONGEST_ARGUMENT = 40
"""A longer argument stays a name in a rule's text."""


def rules_of(scope: Scope, node: ast.Expr, doc: str = "") -> tuple[r.Rule, ...]:
    """The rules of a condition: its `and` taken apart, each filter replaced by its lines."""
    if isinstance(node, ast.And):
        return tuple(rule for operand in node.operands for rule in rules_of(scope, operand))
    found = _filter(scope, node)
    if found is not None:
        inner, item = found
        return tuple(rule for line in item.rules for rule in rules_of(inner, line.expr, line.doc))
    expr = condition(scope, node)
    if isinstance(expr, r.Unknown):
        return ()
    return (r.Rule(expr, rule_text(scope, node), node.span, scope.via or node.span, doc),)


def filter_condition(scope: Scope, node: ast.Name | ast.Call) -> r.Expr:
    """A filter inside `or` or `not`: all its rules as one condition."""
    found = _filter(scope, node)
    if found is None:
        return r.Unknown(node.span) if _reported(scope, node) else _unknown_filter(scope, node)
    inner, item = found
    operands = tuple(condition(inner, line.expr) for line in item.rules)
    if any(isinstance(one, r.Unknown) for one in operands):
        return r.Unknown(node.span)
    if len(operands) == 1:
        return operands[0]
    return r.And(operands, node.span)


def _name(node: ast.Name | ast.Call) -> ast.Name:
    return node.function if isinstance(node, ast.Call) else node


def _reported(scope: Scope, node: ast.Name | ast.Call) -> bool:
    """Has the filter, or the file it should come from, been reported already?"""
    name = _name(node)
    module = scope.module.imports.get(name.parts[0]) if len(name.parts) > 1 else scope.module
    if module is None:
        return name.parts[0] in scope.module.uses
    return name.parts[-1] in module.broken or isinstance(module.items.get(name.parts[-1]), ast.Filter)


def _filter(scope: Scope, node: ast.Expr) -> tuple[Scope, ast.Filter] | None:
    """The filter a name or call means, with the scope of its lines; None if it is no filter or was reported."""
    if not isinstance(node, ast.Name | ast.Call):
        return None
    name = _name(node)
    if len(name.parts) == 1:
        if name.parts[0] in scope.bindings or (scope.row is not None and name.parts[0] in scope.row):
            return None
        module, word = scope.module, name.parts[0]
    elif len(name.parts) == 2 and name.parts[0] in scope.module.imports:
        module, word = scope.imported(name.parts[0]), name.parts[1]
    else:
        return None
    item = module.items.get(word)
    if not isinstance(item, ast.Filter):
        return None
    key = (module.name, word)
    scope.context.used.add(key)
    if key in scope.within:
        scope.report(
            "E0250",
            f"filter `{word}` asks for itself",
            node.span,
            help=" → ".join([*(one for _, one in scope.within), word]),
        )
        return None
    definition = scope.without_row().in_module(module, {}, node.span, key)
    arguments = node.arguments if isinstance(node, ast.Call) else ()
    bound = bind_parameters(scope, name.text, item.parameters, arguments, node.span, definition)
    if bound is None:
        return None
    missing = [one.name.text for one in item.parameters if one.name.text not in bound]
    if missing:
        scope.report(
            "E0303",
            f"`{name.text}` needs {listing(missing)}",
            node.span,
            help=f"`{name.text}({missing[0]} = …)`" + (f": {item.doc.splitlines()[0]}" if item.doc else ""),
        )
        return None
    return scope.in_module(module, bound, node.span, key), item


def _unknown_filter(scope: Scope, node: ast.Name | ast.Call) -> r.Unknown:
    name = _name(node)
    if len(name.parts) == 2:
        module = scope.imported(name.parts[0])
        item = module.items.get(name.parts[1])
        filters = [one for one, item in module.items.items() if isinstance(item, ast.Filter)]
        if item is not None:
            is_, use = OTHERS.get(type(item), ("no filter", ""))
            help_ = use.format(name.text) or did_you_mean(name.parts[1], filters, "filters")
            message = f"`{name.text}` is {is_}; a value stands here"
            return scope.report("E0301", message, node.span, help=help_)
        return scope.report(
            "E0206",
            f"`{module.name}` has no filter `{name.parts[1]}`",
            name.span,
            help=did_you_mean(name.parts[1], filters, "filters"),
            fixes=scope.spelling(name.span, name.parts[1], filters),
        )
    return scope.report("E0201", f"there is no filter `{name.text}`", name.span)


# ---- the text of a rule ------------------------------------------------------------------------


def rule_text(scope: Scope, node: ast.Expr) -> str:
    """The rule as written, on one line, parameters replaced by their arguments where those are short."""
    names: list[tuple[Span, str]] = []
    _parameters(scope, node, names)
    text = scope.context.items.loader.modules[node.span.file].text
    pieces, at = [], node.span.start
    for span, value in sorted(names, key=lambda one: one[0].start):
        pieces += [text[at : span.start], value]
        at = span.end
    pieces.append(text[at : node.span.end])
    return " ".join("".join(pieces).split())


def _parameters(scope: Scope, node: object, names: list[tuple[Span, str]]) -> None:
    match node:
        case ast.Name(parts=(word,)) if word in scope.bindings:
            bound = scope.bindings[word]
            shown = rule_text(bound.scope, bound.expr)
            if len(shown) <= LONGEST_ARGUMENT:
                names.append((node.span, shown))
        case ast.Call():
            for argument in node.arguments:
                _parameters(scope, argument.value, names)
        case ast.List():
            for item in node.items:
                _parameters(scope, item, names)
        case ast.And() | ast.Or():
            for operand in node.operands:
                _parameters(scope, operand, names)
        case ast.Not() | ast.Negative():
            _parameters(scope, node.operand, names)
        case ast.Compare() | ast.Arith():
            _parameters(scope, node.left, names)
            _parameters(scope, node.right, names)
        case ast.In():
            _parameters(scope, node.value, names)
            _parameters(scope, node.container, names)
        case ast.Range():
            _parameters(scope, node.low, names)
            _parameters(scope, node.high, names)
