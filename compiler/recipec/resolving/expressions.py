"""Expressions: every name in them bound, constants folded, words told from columns."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal, DivisionByZero, InvalidOperation, localcontext

from recipec import ast, units
from recipec import resolved as r
from recipec.ast import Span
from recipec.columns import DATASET, DOCUMENT, kind_of
from recipec.diagnostics import Label, did_you_mean, nearest
from recipec.resolving import calls
from recipec.resolving.kinds import called, type_of
from recipec.resolving.scope import CONSTANTS, ROW_KINDS, Scope, is_column, meaning

MAX_NUMBER = Decimal(10) ** 30


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


def number(scope: Scope, node: ast.Number) -> r.Lit | r.Unknown:
    """A number in its base unit."""
    if node.unit is None:
        return literal(scope, node.value, None, node.span)
    if node.unit not in units.UNITS:
        return scope.report(
            "E0302", f"there is no unit `{node.unit}`", node.span, help=did_you_mean(node.unit, units.UNITS, "units")
        )
    tag, factor = units.UNITS[node.unit]
    return literal(scope, node.value * factor, tag, node.span)


def literal(scope: Scope, exact: Decimal, tag: str | None, span: Span) -> r.Lit | r.Unknown:
    """A known number, refused where it is absurdly large."""
    if abs(exact) >= MAX_NUMBER:
        return scope.report("E0105", "this number is too large", span, help="numbers are below 10 to the 30th")
    return r.Lit(units.plain(exact, tag), tag, span, exact)


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
    help_ = "put it in with a statement: `use " + node.text + "`" if kind == "block" else ""
    return scope.report("E0301", f"`{node.text}` is a {kind}; a value stands here", node.span, help=help_)


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
        "E0202", f"there is no column `{node.text}` here", node.span, help=did_you_mean(node.text, known, "columns")
    )


def own_first(columns: list[str]) -> list[str]:
    """The recipe's own columns before those that every document has."""
    return sorted(columns, key=lambda one: one in DOCUMENT)


def unknown_name(scope: Scope, node: ast.Name) -> r.Unknown:
    """Says that a name means nothing here, and what was probably meant."""
    word = node.text
    if scope.known_broken(node.parts[0]):
        return r.Unknown(node.span)
    if scope.row is not None and not scope.complete:
        return r.Col(word, "any", None, node.span, units.unit_of_name(word))
    columns = own_first([*(scope.row or {}), *(scope.figures or {})])
    values = [
        one for one, item in scope.module.items.items() if isinstance(item, ast.Param | ast.Table | ast.Filter)
    ] + [*scope.bindings]
    operators = scope.context.catalogue.names(ROW_KINDS) if scope.row is not None else []
    guess = nearest(word, [*columns, *values, *operators])
    known = columns if scope.row is not None else values
    what = "columns" if scope.row is not None else "parameters"
    known_here = guess is None or guess in known
    help_ = did_you_mean(word, known, what) if known_here else f"did you mean `{guess}`?"
    if scope.row is not None or scope.figures is not None:
        if scope.source is not None and word in scope.source:
            help_ = f"did you mean `source.{word}`, the column of the row this one is made from?"
        return scope.report("E0202", f"there is no column `{word}` here", node.span, help=help_)
    return scope.report("E0201", f"there is nothing called `{word}` here", node.span, help=help_)


# ---- calls -------------------------------------------------------------------------------------


def call(scope: Scope, node: ast.Call, environment: bool = False) -> r.Expr:
    """A call in an expression: `env`, a filter with arguments, or an operator."""
    first = node.function.parts[0]
    if node.function.parts == ("env",):
        return env(scope, node, environment)
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


# ---- arithmetic --------------------------------------------------------------------------------


def arith(scope: Scope, op: str, left: r.Expr, right: r.Expr, span: Span) -> r.Expr:
    """`+ - * /`; two known numbers become one."""
    if isinstance(left, r.Unknown) or isinstance(right, r.Unknown):
        return r.Unknown(span)
    for side in (left, right):
        kind = kind_of(type_of(side))
        if kind not in ("number", "any"):
            return scope.report("E0301", f"`{op}` takes numbers; this is {called(side)}", side.span)
    if not (isinstance(left, r.Lit) and isinstance(right, r.Lit)):
        return r.Arith(op, left, right, span)
    unit = _result_unit(op, left, right)
    if unit == "?":
        return scope.report("E0302", f"`{op}` between {units.called(left.unit)} and {units.called(right.unit)}", span)
    with localcontext() as context:
        context.prec = 60
        a, b = _exact(left), _exact(right)
        try:
            result = {"+": a.__add__, "-": a.__sub__, "*": a.__mul__, "/": a.__truediv__}[op](b)
        except (DivisionByZero, InvalidOperation):
            return scope.report("E0301", "this divides by zero", span)
        return literal(scope, result, unit, span)


def _exact(value: r.Lit) -> Decimal:
    return value.exact if value.exact is not None else Decimal(str(value.value))


def _result_unit(op: str, left: r.Lit, right: r.Lit) -> str | None:
    """The unit of a folded number, `?` where the two do not go together."""
    a, b = left.unit, right.unit
    if op in "+-":
        return a if a == b or b is None else b if a is None else "?"
    if op == "*":
        plain = (None, "share", "x")
        if a in plain and b in plain:
            return a if b is None else b if a is None else a if a == b else "x"
        return b if a in plain else a if b in plain else "?"
    return None if a == b else a if b in (None, "x", "share") else "?"


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
    """`x in low .. high`, `x in [a, b]`, `x in table`."""
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


def condition(scope: Scope, node: ast.Expr) -> r.Expr:
    """An expression that is true or false."""
    value = expression(scope, node)
    if isinstance(value, r.Unknown) or kind_of(type_of(value)) in ("bool", "any"):
        return value
    return scope.report(
        "E0301",
        f"this is {called(value)}; a rule is true or false",
        value.span,
        help="compare it: `>= 3`, `== en`, `in 1 .. 5`",
    )
