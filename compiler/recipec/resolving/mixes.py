"""The bodies of mixes and phases."""

from __future__ import annotations

from recipec import ast
from recipec import resolved as r
from recipec.columns import DOCUMENT, LANGUAGE, MIXED
from recipec.diagnostics import did_you_mean
from recipec.record import replace
from recipec.resolving import expressions
from recipec.resolving.blocks import settings, spliced
from recipec.resolving.bodies import on
from recipec.resolving.rules import rule_text
from recipec.resolving.scope import RelationInfo, Scope
from recipec.resolving.values import typed
from recipec.settings import MIX, PHASE

CAPS = ("synthetic", "generated", "epochs")


def mix(scope: Scope, item: ast.Mix) -> r.Mix:
    """A mix with its ingredients; its columns are all of theirs, its tiers too."""
    taken: list[RelationInfo] = []
    statements, complete = _statements(scope, item.body, "mix", taken)
    found = settings(scope, item.body, MIX, "a mix", item.name.span)
    schema: dict[str, str] = {**DOCUMENT, **MIXED}
    tiers: dict[str, None] = {}
    for info in taken:
        schema = {**info.schema, **schema}
        tiers |= dict.fromkeys(info.ref.tiers or info.tiers)
    size = _size(scope, item.size)
    name = item.name
    return r.Mix(name.text, size, statements, found, schema, tuple(tiers), name.span, item.doc, complete)


def _size(scope: Scope, size: ast.Size | None) -> r.Size | None:
    if size is None:
        return None
    value = _counted(scope, size.value, "size")
    return None if isinstance(value, r.Unknown) else r.Size(size.at_most, value, size.span)


def _counted(scope: Scope, node: ast.Expr, name: str) -> r.Expr:
    """A number of tokens, documents or bytes: a mix is measured in one of them, so the number says in which."""
    value = typed(scope, node, "count", name)
    if isinstance(value, r.Lit) and value.unit is None:
        written = scope.text(node.span)
        named = isinstance(node, ast.Name)
        help_ = f"give `{written}` its unit where it is set: `20B tokens`" if named else f"write `{written} tokens`"
        return scope.report("E0302", f"`{name}` is a count; this number has no unit", node.span, help=help_)
    return value


def _statements(
    scope: Scope, lines: tuple[ast.Statement, ...], body: str, taken: list[RelationInfo]
) -> tuple[tuple[r.MixStatement, ...], bool]:
    """The statements, and whether every `take` is among them: one of an unknown relation is not."""
    result: list[r.MixStatement] = []
    complete = True
    for inner, line in spliced(scope, lines):
        made = _statement(inner, line, body, taken)
        if made is not None:
            result.append(made)
        elif isinstance(line, ast.Take):
            complete = False
    return tuple(result), complete


def _statement(scope: Scope, line: ast.Statement, body: str, taken: list[RelationInfo]) -> r.MixStatement | None:
    match line:
        case ast.Setting():
            return None
        case ast.Take():
            return _take(scope, line, taken)
        case ast.Cap():
            return _cap(scope, line, taken)
        case ast.Exclude():
            info = scope.context.items.relation(scope, line.relation)
            return r.Exclude(info.ref, line.span, line.doc) if info else None
        case ast.On():
            return on(scope, line, ("shortage",), body)
        case ast.Phase() if body == "mix":
            statements, complete = _statements(scope, line.body, "phase", taken)
            found = settings(scope, line.body, PHASE, "a phase", line.name.span)
            size, name = _size(scope, line.size), line.name
            return r.Phase(name.text, size, statements, found, name.span, line.doc, complete)
    return r.Misplaced(type(line).__name__.lower(), body, line.span)


def _take(scope: Scope, line: ast.Take, taken: list[RelationInfo]) -> r.Take | None:
    info = scope.context.items.relation(scope, line.relation)
    value = None
    if line.value is not None and line.quantity == "amount":
        value = _counted(scope, line.value, "amount")
    elif line.value is not None:
        value = typed(scope, line.value, {"weight": "share", "rate": "x"}.get(line.quantity, ""), line.quantity)
    bounds = []
    for bound in line.bounds:
        limit = typed(scope, bound.value, "number" if bound.subject == "epochs" else "share", bound.subject)
        bounds.append(r.Bound(bound.subject, bound.op, limit, bound.span))
    splits = []
    for inner, one in spliced(scope, line.body):
        if isinstance(one, ast.Split):
            splits += _split(inner, one, info)
        else:
            scope.report(
                "E0310",
                f"`{type(one).__name__.lower()}` does not stand under `take`",
                one.span,
                help="only `split by … weight …` and `split by … curve …` do",
            )
    if info is None:
        return None
    taken.append(info)
    return r.Take(info.ref, line.quantity, value, tuple(bounds), tuple(splits), line.span, line.doc)


def _split(scope: Scope, line: ast.Split, info: RelationInfo | None) -> list[r.Split]:
    inner = replace(scope, row=info.schema if info else None)
    ok = True
    for name in line.by:
        if info is not None:
            ok &= not isinstance(expressions.column(inner, ast.Name((name.text,), name.span)), r.Unknown)
    tables = [one for one, item in scope.module.items.items() if isinstance(item, ast.Table)]
    if line.table.text not in tables:
        scope.report(
            "E0201",
            f"there is no table `{line.table.text}`",
            line.table.span,
            help=did_you_mean(line.table.text, tables, "tables"),
        )
        return []
    table = scope.context.items.table_ref(scope, scope.item(line.table.text), line.table.span)
    return [r.Split(tuple(one.text for one in line.by), line.kind, table, line.span, line.doc)] if ok else []


def _cap(scope: Scope, line: ast.Cap, taken: list[RelationInfo]) -> r.Cap | None:
    subject = line.subject.text
    if subject not in CAPS:
        scope.report(
            "E0305",
            f"there is no cap on `{subject}`",
            line.subject.span,
            help=did_you_mean(subject, CAPS, "caps"),
        )
        return None
    bound = typed(scope, line.bound, "number" if subject == "epochs" else "share", subject)
    where = None
    if line.where is not None:
        columns = {**DOCUMENT, **LANGUAGE, "tier": "string"}
        for info in taken:
            columns |= info.schema
        tiers = tuple(dict.fromkeys(tier for info in taken for tier in info.ref.tiers or info.tiers))
        inner = replace(scope, row=columns, tiers=tiers)
        where = expressions.condition(inner, line.where)
        if isinstance(where, r.Unknown):
            return None
    text = rule_text(scope, line.bound)
    shown = f"{subject} {line.op} {text}" + (f" where {scope.text(line.where.span)}" if line.where else "")
    return r.Cap(subject, line.op, bound, where, shown, line.span, line.doc)
