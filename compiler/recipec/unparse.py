"""The syntax tree as the text of a recipe: `parse(unparse(tree))` says what the tree says.

One statement a line, parentheses only where the tree needs them; `recipec.fmt` gives it its layout.
"""

from __future__ import annotations

from collections.abc import Iterable

from recipec import ast

_OR, _AND, _NOT, _COMPARISON, _SUM, _TERM, _NEGATIVE, _ATOM = range(1, 9)
_ESCAPES = str.maketrans({"\\": "\\\\", '"': '\\"', "\n": "\\n", "\t": "\\t", "\r": "\\r", "$": "\\$"})


def unparse(file: ast.File) -> str:
    """Every item, an empty line between them. Comments are not part of the tree's statements and are left out."""
    return "\n".join(_documented(item, _item(item), "") for item in file.items)


def _documented(node: object, text: str, indent: str) -> str:
    lines = [f"{indent}## {line}".rstrip() for line in node.doc.split("\n")] if node.doc else []
    return "".join(f"{line}\n" for line in [*lines, f"{indent}{text}"])


def _item(item: ast.Item) -> str:
    match item:
        case ast.Header():
            return f"{item.kind} {item.name.text}"
        case ast.Edition():
            return f"edition {_number(item.year)}"
        case ast.Use():
            alias = f" as {item.alias.text}" if item.alias else ""
            return f"use {'plugin ' * item.plugin}{_text(item.target)}{alias}"
        case ast.Param():
            return f"param {item.name.text}: {item.type.text}{_default(item.default)}"
        case ast.Tokenizer():
            return f"tokenizer {item.name.text} = {_expr(item.operator)}"
        case ast.Endpoint():
            return f"endpoint {item.name.text} {_block(item.settings)}"
        case ast.Prompt() | ast.Block():
            kind = "prompt" if isinstance(item, ast.Prompt) else "block"
            return f"{kind} {item.name.text}{_parameters(item.parameters)} {_block(item.body)}"
        case ast.Filter():
            return f"filter {item.name.text}{_parameters(item.parameters)} {_block(item.rules)}"
        case ast.Table():
            by = ", ".join(one.text for one in item.by)
            value = f"= {_expr(item.operator)}" if item.operator else _block(item.entries)
            return f"table {item.name.text} by {by} {value}"
        case ast.Source():
            return f"source {item.name.text} = {_expr(item.operator)}{_optional(item.settings)}"
        case ast.Derive():
            return f"{item.kind} {item.name.text} from {_relation(item.from_)} {_block(item.body)}"
        case ast.Merge():
            relations = ", ".join(map(_relation, item.relations))
            return f"merge {item.name.text} from {relations}{_optional(item.settings)}"
        case ast.Rounds():
            return f"rounds {item.name.text} in {_value(item.range)} {_block(item.body)}"
        case ast.Mix():
            return f"mix {item.name.text}{_size(item.size)} {_block(item.body)}"
        case ast.Write():
            return f"write {_relation(item.relation)} to {_expr(item.operator)}{_optional(item.body)}"
        case ast.Compute():
            return f"compute {_block(item.body)}"
    raise TypeError(f"no item: {item!r}")


def _statement(line: object) -> str:
    match line:
        case ast.Setting():
            return f"{line.name.text} = {_value(line.value)}"
        case ast.Splice():
            return f"use {_expr(line.block)}"
        case ast.Lang():
            return f"lang by {_expr(line.operator)}"
        case ast.Clean():
            return f"clean {_expr(line.operator)}"
        case ast.Keep() | ast.Expect():
            return f"{type(line).__name__.lower()} {_expr(line.expr)}"
        case ast.Rule():
            return _expr(line.expr)
        case ast.Dedup():
            against = f" against {_relation(line.against)}" if line.against else ""
            return f"dedup {_expr(line.operator)}{against}"
        case ast.Sample():
            return f"sample {_expr(line.amount, _SUM)}{_optional(line.settings)}"
        case ast.Pair():
            return f"pair {_relation(line.relation)}{_optional(line.settings)}"
        case ast.Score() | ast.Measure():
            return f"{type(line).__name__.lower()} {line.name.text} = {_expr(line.expr)}"
        case ast.Tier():
            return f"tier by {line.by.text} {_block(line.rows)}"
        case ast.TierRow():
            return f"{line.name.text} {'otherwise' if line.op is None else f'{line.op} {_expr(line.bound, _SUM)}'}"
        case ast.Entry():
            keys = ", ".join(map(_value, line.keys)) or "otherwise"
            return f"{keys} = {_value(line.value)}"
        case ast.Ask():
            prompts = ", ".join(map(_expr, line.prompts))
            return f"ask {_expr(line.endpoint)} using {prompts}{_optional(line.settings)}"
        case ast.Verify():
            return f"verify {_block(line.rules)}"
        case ast.On():
            return f"on {line.event.text} {', '.join(map(_expr, line.actions))}"
        case ast.Take():
            quantity = f" {line.quantity} {_expr(line.value, _SUM)}" if line.quantity else ""
            bounds = "".join(f" {one.subject} {one.op} {_expr(one.value, _SUM)}" for one in line.bounds)
            return f"take {_relation(line.relation)}{quantity}{bounds}{_optional(line.body)}"
        case ast.Split():
            return f"split by {', '.join(one.text for one in line.by)} {line.kind} {_expr(line.table)}"
        case ast.Cap():
            where = f" where {_expr(line.where)}" if line.where else ""
            return f"cap {line.subject.text} {line.op} {_expr(line.bound, _SUM)}{where}"
        case ast.Exclude():
            return f"exclude {_relation(line.relation)}"
        case ast.Phase():
            return f"phase {line.name.text}{_size(line.size)} {_block(line.body)}"
        case ast.Stop():
            return f"stop when {_expr(line.expr)}"
    raise TypeError(f"no statement: {line!r}")


def _block(lines: Iterable[object]) -> str:
    inner = "".join(_documented(line, _statement(line), "  ") for line in lines)
    return f"{{\n{inner}}}" if inner else "{}"


def _optional(lines: tuple) -> str:
    return f" {_block(lines)}" if lines else ""


def _parameters(parameters: tuple[ast.Parameter, ...]) -> str:
    shown = ", ".join(f"{one.name.text}{_default(one.default)}" for one in parameters)
    return f"({shown})" if shown else ""


def _default(value: ast.Expr | None) -> str:
    return "" if value is None else f" = {_value(value)}"


def _size(size: ast.Size | None) -> str:
    return "" if size is None else f" to {'at most ' * size.at_most}{_expr(size.value, _SUM)}"


def _relation(relation: ast.Relation) -> str:
    tiers = ", ".join(one.text for one in relation.tiers)
    return f"{relation.name.text}[{tiers}]" if tiers else relation.name.text


def _value(node: ast.Expr) -> str:
    """Where a range may stand without parentheses."""
    if isinstance(node, ast.Range):
        return f"{_expr(node.low, _SUM)} .. {_expr(node.high, _SUM)}"
    return _expr(node)


def _expr(node: ast.Expr, least: int = _OR) -> str:
    level, text = _shown(node)
    return text if level >= least else f"({text})"


def _shown(node: ast.Expr) -> tuple[int, str]:
    """How tightly it binds, and its text."""
    match node:
        case ast.Or():
            return _OR, " or ".join(_expr(one, _AND) for one in node.operands)
        case ast.And():
            return _AND, " and ".join(_expr(one, _NOT) for one in node.operands)
        case ast.Not():
            return _NOT, f"not {_expr(node.operand, _NOT)}"
        case ast.Compare():
            return _COMPARISON, f"{_expr(node.left, _SUM)} {node.op} {_expr(node.right, _SUM)}"
        case ast.In():
            ranged = isinstance(node.container, ast.Range)
            container = _value(node.container) if ranged else _expr(node.container, _SUM)
            return _COMPARISON, f"{_expr(node.value, _SUM)} in {container}"
        case ast.Arith():
            level = _SUM if node.op in "+-" else _TERM
            return level, f"{_expr(node.left, level)} {node.op} {_expr(node.right, level + 1)}"
        case ast.Negative():
            return _NEGATIVE, f"-{_expr(node.operand, _NEGATIVE)}"
        case ast.Call():
            arguments = (f"{f'{one.name.text} = ' if one.name else ''}{_value(one.value)}" for one in node.arguments)
            return _ATOM, f"{node.function.text}({', '.join(arguments)})"
        case ast.List():
            return _ATOM, f"[{', '.join(map(_value, node.items))}]"
        case ast.Name():
            return _ATOM, node.text
        case ast.Number():
            return _ATOM, _number(node)
        case ast.Text():
            return _ATOM, _text(node)
    raise TypeError(f"no expression: {node!r}")


def _number(node: ast.Number) -> str:
    digits = f"{node.value:f}"
    if node.unit == "$":
        return f"${digits}"
    return digits + ("" if node.unit is None else node.unit if node.unit in ("%", "x") else f" {node.unit}")


def _text(node: ast.Text) -> str:
    """In `"…"`: everything can be written so, a text of several lines too."""
    parts = (one.translate(_ESCAPES) if isinstance(one, str) else f"${{{one.text}}}" for one in node.parts)
    return '"' + "".join(parts) + '"'
