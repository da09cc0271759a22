"""Expressions: every name in them bound, constants folded, words told from columns."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

from recipec import ast, units
from recipec import resolved as r
from recipec.ast import Span
from recipec.columns import DATASET, DOCUMENT, kind_of
from recipec.diagnostics import Label, did_you_mean, nearest
from recipec.resolving import calls
from recipec.resolving.forgotten import forgotten
from recipec.resolving.hints import maker
from recipec.resolving.kinds import called, type_of
from recipec.resolving.numbers import arith, number
from recipec.resolving.scope import CONSTANTS, ROW_KINDS, Scope, is_column, meaning


def expression(scope: Scope, node: ast.Expr, words: bool = False, environment: bool = False) -> r.Expr:
    """The bound form of any expression. `words`: a name that means nothing else is a text;
    `environment`: `env(…)` may stand here."""
    match node:
        case ast.Number():
            return number(scope, node)
        case ast.Text():
            return text(scope, node)
        case ast.Name():
            return name(scope, node, words)
        case ast.Call():
            return call(scope, node, environment)
        case ast.List():
            return list_(scope, node, words)
        case ast.Range():
            return interval(scope, node)
        case ast.Negative():
            zero = r.Lit(0, None, node.span, Decimal(0))
            operand = expression(scope, node.operand)
            if isinstance(operand, r.Lit) and isinstance(operand.value, int | float):
                zero = r.Lit(0, operand.unit, node.span, Decimal(0))
            return arith(scope, "-", zero, operand, node.span)
        case ast.Arith():
            return arith(scope, node.op, expression(scope, node.left), expression(scope, node.right), node.span)
        case ast.Compare():
            return compare(scope, node)
        case ast.In():
            return membership(scope, node)
        case ast.Not():
            return _made(r.Not, node.span, condition(scope, node.operand))
        case ast.And() | ast.Or():
            operands = tuple(condition(scope, one) for one in node.operands)
            if any(isinstance(one, r.Unknown) for one in operands):
                return r.Unknown(node.span)
            return (r.And if isinstance(node, ast.And) else r.Or)(operands, node.span)


def _made(kind: type, span: Span, *parts: r.Expr) -> r.Expr:
    if any(isinstance(part, r.Unknown) for part in parts):
        return r.Unknown(span)
    return kind(*parts, span)


# ---- plain values ------------------------------------------------------------------------------


def text(scope: Scope, node: ast.Text) -> r.Expr:
    """A text with its `${name}` put in; a Template where one of them differs by row."""
    plain = node.plain
    if plain is not None:
        return r.Lit(plain, None, node.span)
    parts: list[str | r.Expr] = []
    for part in node.parts:
        if isinstance(part, str):
            parts.append(part)
            continue
        value = name(scope, part, False)
        if isinstance(value, r.Unknown):
            return value
        if isinstance(value, r.Lit):
            if isinstance(value.value, tuple) or value.value is None:
                return scope.report("E0301", f"`${{{part.text}}}` is {called(value)}, which is no text", part.span)
            shown = value.value if isinstance(value.value, str) else str(value.value).lower()
            parts.append(shown)
        elif isinstance(value, r.Col | r.OpCall):
            parts.append(value)
        else:
            return scope.report("E0301", f"`${{{part.text}}}` is {called(value)}, which is no text", part.span)
    if all(isinstance(part, str) for part in parts):
        return r.Lit("".join(parts), None, node.span)
    return r.Template(tuple(parts), node.span)


def list_(scope: Scope, node: ast.List, words: bool) -> r.Expr:
    """A list of known values is one Lit; otherwise a Sequence."""
    items = tuple(expression(scope, item, words) for item in node.items)
    if any(isinstance(item, r.Unknown) for item in items):
        return r.Unknown(node.span)
    if all(isinstance(item, r.Lit) for item in items):
        return r.Lit(tuple(item.value for item in items), None, node.span)
    return r.Sequence(items, node.span)


def interval(scope: Scope, node: ast.Range) -> r.Expr:
    """`low .. high`; a negative bound is folded."""
    return _made(r.Interval, node.span, expression(scope, node.low), expression(scope, node.high))


# ---- names -------------------------------------------------------------------------------------


def name(scope: Scope, node: ast.Name, words: bool = False) -> r.Expr:
    """What a name means here; reports what means nothing, unless `words` says that a bare word may stand."""
    if len(node.parts) == 1:
        return _simple(scope, node, words)
    return _dotted(scope, node)


def _simple(scope: Scope, node: ast.Name, words: bool) -> r.Expr:
    word = node.parts[0]
    match meaning(scope, word):
        case "parameter":
            bound = scope.bindings[word]
            return expression(bound.scope, bound.expr, words)
        case "column":
            item = scope.module.items.get(word)
            if isinstance(item, ast.Param | ast.Table):
                return scope.report(
                    "E0222",
                    f"`{word}` is a column here and also the name of an item",
                    node.span,
                    secondary=(Label(item.name.span, "the item"),),
                    help="rename the item",
                )
            return column(scope, node)
        case "value":
            if word in CONSTANTS and word not in scope.module.items:
                return r.Lit(CONSTANTS[word], None, node.span, word=True)
            return scope.context.items.value(scope, node)
        case "operator":
            return calls.operator_call(scope, node, ROW_KINDS, "a figure of a row")
        case "item":
            return _item(scope, node, words)
    if words:
        return r.Lit(word, None, node.span, word=True)
    return unknown_name(scope, node)


def _item(scope: Scope, node: ast.Name, words: bool) -> r.Expr:
    item = scope.module.items[node.parts[0]]
    if isinstance(item, ast.Filter):
        return scope.context.bind.filter_condition(scope, node)
    if words:
        return r.Lit(node.text, None, node.span, word=True)
    kinds = {
        ast.Endpoint: "endpoint",
        ast.Tokenizer: "tokenizer",
        ast.Prompt: "prompt",
        ast.Block: "block",
        ast.Source: "source",
        ast.Derive: "relation",
        ast.Merge: "relation",
        ast.Mix: "mix",
    }
    kind = kinds.get(type(item), "item")
    scope.item(node.parts[0])
    _, help_ = calls.OTHERS.get(type(item), ("", ""))
    article = "an" if kind[0] in "aeiou" else "a"
    message = f"`{node.text}` is {article} {kind}; a value stands here"
    return scope.report("E0301", message, node.span, help=help_.format(node.text))


def _dotted(scope: Scope, node: ast.Name) -> r.Expr:
    first, rest = node.parts[0], ".".join(node.parts[1:])
    if first == "source" and scope.source is not None:
        return _member(scope, node, scope.source, rest, "source", scope.complete)
    operator = calls.find(scope, node, ROW_KINDS)
    if operator is not None:
        return calls.bind(scope, operator, (), node)
    if first in scope.module.uses and first not in scope.module.plugins:
        return scope.context.bind.filter_condition(scope, node)
    if is_column(scope, first) and scope.row is not None and kind_of(scope.row.get(first, "any")) in ("map", "any"):
        return r.Col(node.text, "any", None, node.span)
    item = scope.module.items.get(first)
    if isinstance(item, ast.Source | ast.Derive | ast.Merge | ast.Mix):
        info = scope.context.items.relation(scope, ast.Relation(ast.Name((first,), node.span), (), node.span))
        if info is None:
            return r.Unknown(node.span)
        return _member(scope, node, {**DATASET, **info.schema}, rest, first, info.complete)
    if scope.known_broken(first):
        return r.Unknown(node.span)
    if first in scope.module.plugins or any(
        one.startswith(f"{first}.") for one in scope.context.catalogue.names(ROW_KINDS)
    ):
        return calls.unknown(scope, node, ROW_KINDS, "a figure of a row")
    return unknown_name(scope, node)


def _member(
    scope: Scope, node: ast.Name, columns: Mapping[str, str], column_name: str, relation: str, complete: bool
) -> r.Expr:
    head = column_name.partition(".")[0]
    if column_name not in columns and head not in columns:
        if not complete:
            return r.Col(column_name, "any", relation, node.span)
        return scope.report(
            "E0202",
            f"`{relation}` has no column `{column_name}`",
            node.span,
            help=did_you_mean(column_name, columns, "columns"),
            fixes=scope.spelling(node.span, column_name, columns),
        )
    type_ = columns.get(column_name, "any")
    return r.Col(column_name, type_, relation, node.span, units.unit_of_name(column_name))


def column(scope: Scope, node: ast.Name) -> r.Expr:
    """A column of the row (or a figure of the relation), by name."""
    if node.parts[0] == "source" and len(node.parts) > 1 and scope.source is not None:
        return _dotted(scope, node)
    for columns in (scope.row, scope.figures):
        if columns is not None and node.text in columns:
            return r.Col(node.text, columns[node.text], None, node.span, units.unit_of_name(node.text))
    if scope.known_broken(node.parts[0]):
        return r.Unknown(node.span)
    if not scope.complete:
        return r.Col(node.text, "any", None, node.span, units.unit_of_name(node.text))
    known = own_first([*(scope.row or {}), *(scope.figures or {})])
    return scope.report(
        "E0202",
        f"there is no column `{node.text}` here",
        node.span,
        help=maker(scope, node.text) or did_you_mean(node.text, known, "columns"),
        fixes=scope.spelling(node.span, node.text, known),
    )


def own_first(columns: list[str]) -> list[str]:
    """The recipe's own columns before those that every document has."""
    return sorted(columns, key=lambda one: one in DOCUMENT)


def unknown_name(scope: Scope, node: ast.Name) -> r.Unknown:
    """Says that a name means nothing here, and what was probably meant."""
    word = node.text
    if scope.known_broken(node.parts[0]):
        return r.Unknown(node.span)
    found = forgotten(scope, node, ast.Filter)
    if found is not None:
        return found
    if scope.row is not None and not scope.complete:
        return r.Col(word, "any", None, node.span, units.unit_of_name(word))
    columns = own_first([*(scope.row or {}), *(scope.figures or {})])
    values = [
        one for one, item in scope.module.items.items() if isinstance(item, ast.Param | ast.Table | ast.Filter)
    ] + [*scope.bindings]
    operators = scope.context.catalogue.names(ROW_KINDS) if scope.row is not None else []
    guess = nearest(word, [*columns, *values]) or nearest(word, operators)
    known = columns if scope.row is not None else values
    what = "columns" if scope.row is not None else "parameters"
    known_here = guess is None or guess in known
    help_ = did_you_mean(word, known, what) if known_here else f"did you mean `{guess}`?"
    fixes = scope.spelling(node.span, word, [*columns, *values, *operators])
    if scope.row is not None or scope.figures is not None:
        if scope.source is not None and word in scope.source:
            help_ = f"did you mean `source.{word}`, the column of the row this one is made from?"
            fixes = ()
        elif scope.row is not None:
            help_ = maker(scope, word) or help_
        return scope.report("E0202", f"there is no column `{word}` here", node.span, help=help_, fixes=fixes)
    return scope.report("E0201", f"there is nothing called `{word}` here", node.span, help=help_, fixes=fixes)


# ---- calls -------------------------------------------------------------------------------------


def call(scope: Scope, node: ast.Call, environment: bool = False) -> r.Expr:
    """A call in an expression: `env`, a filter with arguments, or an operator."""
    first = node.function.parts[0]
    if node.function.parts == ("env",):
        return env(scope, node, environment)
    if _is_of_list(scope, node):
        return of_list(scope, node, None, node.span)
    if calls.find(scope, node.function, ROW_KINDS) is None:
        if len(node.function.parts) > 1 and first in scope.module.uses and first not in scope.module.plugins:
            return scope.context.bind.filter_condition(scope, node)
        if isinstance(scope.module.items.get(first), ast.Filter):
            return scope.context.bind.filter_condition(scope, node)
        if scope.known_broken(first):
            return r.Unknown(node.span)
    return calls.operator_call(scope, node, ROW_KINDS, "a figure of a row")


def env(scope: Scope, node: ast.Call, allowed: bool) -> r.Expr:
    """`env("NAME", default = "")`."""
    if not allowed:
        return scope.report(
            "E0432",
            "the environment cannot be read here",
            node.span,
            help="only an endpoint's `key` and `url` may be read from it; use a `param`",
        )
    values: dict[str, str] = {}
    for index, argument in enumerate(node.arguments):
        key = argument.name.text if argument.name else ("name" if index == 0 else "?")
        if key not in ("name", "default") or key in values or not isinstance(argument.value, ast.Text):
            return scope.report(
                "E0304",
                "`env` takes the name of a variable and perhaps a `default`",
                argument.span,
                help='`env("KEY")` or `env("KEY", default = "")`',
            )
        plain = argument.value.plain
        if plain is None:
            return scope.report("E0301", "the name of a variable is written out", argument.span)
        values[key] = plain
    variable = values.get("name", "")
    if not variable or not variable.replace("_", "").isalnum() or variable[0].isdigit() or not variable.isascii():
        return scope.report(
            "E0301", "`env` needs the name of a variable of the environment", node.span, help='`env("REWRITER_KEY")`'
        )
    return r.EnvRef(variable, values.get("default"), node.span)


# ---- comparisons -------------------------------------------------------------------------------


def compare(scope: Scope, node: ast.Compare) -> r.Expr:
    """A comparison; a bare word beside a text is a text."""
    left, right = _pair(scope, node.left, node.right)
    if isinstance(left, r.Unknown) or isinstance(right, r.Unknown):
        return r.Unknown(node.span)
    return r.Compare(node.op, left, right, node.span)


def _pair(scope: Scope, left: ast.Expr, right: ast.Expr) -> tuple[r.Expr, r.Expr]:
    if _bare(scope, left) and not _bare(scope, right):
        second = expression(scope, right)
        return _beside(scope, left, second), second
    first = expression(scope, left)
    return first, _beside(scope, right, first)


def _bare(scope: Scope, node: ast.Expr) -> bool:
    """Is it a single name that is no column, parameter or value: a word, if its neighbour is a text?"""
    return isinstance(node, ast.Name) and len(node.parts) == 1 and meaning(scope, node.parts[0]) in (None, "item")


def _beside(scope: Scope, node: ast.Expr, other: r.Expr) -> r.Expr:
    """An operand whose bare words are texts where the other side is one."""
    if isinstance(other, r.Unknown):
        return other
    kind = kind_of(type_of(other))
    textual = kind == "text" or (kind == "any" and not isinstance(other, r.Lit))
    single = isinstance(node, ast.Name) and len(node.parts) == 1
    if (
        single
        and kind == "text"
        and isinstance(other, r.Col)
        and is_column(scope, node.parts[0])
        and node.parts[0] not in scope.bindings
    ):
        return scope.report(
            "E0222",
            f"`{node.text}` could be the word or the column of that name",
            node.span,
            help=f'for the word write `"{node.text}"`; two columns are not compared by bare names',
        )
    if isinstance(node, ast.List):
        return list_(scope, node, textual)
    if single and textual and meaning(scope, node.parts[0]) == "operator":
        return r.Lit(node.text, None, node.span, word=True) if kind == "text" else expression(scope, node)
    return expression(scope, node, words=textual)


def membership(scope: Scope, node: ast.In) -> r.Expr:
    """`x in low .. high`, `x in [a, b]`, `x in table`, `all(x) in [a, b]`."""
    if _is_of_list(scope, node.value):
        return of_list(scope, node.value, node.container, node.span)
    value = expression(scope, node.value)
    if isinstance(value, r.Unknown):
        return value
    if isinstance(node.container, ast.Range):
        bounds = interval(scope, node.container)
        if isinstance(bounds, r.Unknown):
            return bounds
        return r.InRange(value, bounds.low, bounds.high, node.span)
    container = _beside(scope, node.container, value)
    match container:
        case r.Unknown():
            return container
        case r.Interval():
            return r.InRange(value, container.low, container.high, node.span)
        case r.Lit() if isinstance(container.value, tuple):
            items = tuple(r.Lit(one, None, container.span) for one in container.value)
            return r.InList(value, items, node.span)
        case r.Sequence():
            return r.InList(value, container.items, node.span)
        case r.ItemRef() if container.kind == "table":
            return r.InTable(value, container, node.span)
    return scope.report(
        "E0301",
        f"`in` wants a range or a list, not {called(container)}",
        node.container.span,
        help="`in 3 .. 10` or `in [stop, length]`",
    )


def _is_of_list(scope: Scope, node: ast.Expr) -> bool:
    """Is it `all(…)` or `any(…)`, and no operator or filter of a package or file that is called so?"""
    if not isinstance(node, ast.Call) or node.function.text not in ("all", "any"):
        return False
    own = isinstance(scope.module.items.get(node.function.text), ast.Filter)
    return not own and calls.find(scope, node.function, ROW_KINDS) is None


def of_list(scope: Scope, node: ast.Call, container: ast.Expr | ast.Range | None, span: Span) -> r.Expr:
    """`all(license) in [a, b]`, `any(license) in [a, b]`; without a container `any(license)`: has it one?"""
    how = node.function.text
    column = expression(scope, node.arguments[0].value) if len(node.arguments) == 1 else None
    if isinstance(column, r.Unknown):
        return column
    if not isinstance(column, r.Col) or kind_of(column.type) not in ("list", "any") or node.arguments[0].name:
        return scope.report(
            "E0301", f"`{how}` takes a column that is a list", node.span, help=f"`{how}(license) in […]`"
        )
    if container is None:
        if how == "any":
            return r.OfList("any", column, None, span)
        help_ = f"`all({column.name}) in […]`; that it has one: `any({column.name})`"
        return scope.report("E0301", f"this does not say what all of `{column.name}` are", span, help=help_)
    listed = list_(scope, container, True) if isinstance(container, ast.List) else expression(scope, container)
    match listed:
        case r.Unknown():
            return listed
        case r.Lit(value=tuple()):
            return r.OfList(how, column, tuple(r.Lit(one, None, listed.span) for one in listed.value), span)
        case r.Sequence():
            return r.OfList(how, column, listed.items, span)
    return scope.report("E0301", f"`in` wants a list here, not {called(listed)}", container.span, help="`in [a, b]`")


def condition(scope: Scope, node: ast.Expr) -> r.Expr:
    """An expression that is true or false."""
    value = expression(scope, node)
    if isinstance(value, r.Unknown) or kind_of(type_of(value)) in ("bool", "any"):
        return value
    help_ = "compare it: `>= 3`, `== en`, `in 1 .. 5`"
    if isinstance(value, r.Col) and kind_of(value.type) == "list":
        help_ = f"has it one: `any({value.name})`; are all among some: `all({value.name}) in […]`"
    return scope.report("E0301", f"this is {called(value)}; a rule is true or false", value.span, help=help_)
