"""What a table is partitioned by, and what is expected of its columns: of the table written, which has other columns
than the rows before it. Scores stand in a map there."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from recipec import resolved as r
from recipec.ast import Span
from recipec.checks.walk import derived, of_kind
from recipec.columns import NOT_WRITTEN, WRITTEN, kind_of
from recipec.diagnostics import Diagnostic, listing

Columns = Mapping[str, str]
"""Column of one's own → its type, of a relation as it is written."""

OF_COLUMNS = ("unique", "not_null")
MANY = 30
ANSWERED = {"prompt": "string"}
"""Of what `ask` adds, what tells the documents apart that were made of one."""


def check(resolved: r.Resolved, place: object) -> Iterator[Diagnostic]:
    asked = [write for write in resolved.writes if write.partition or write.expects]
    if not asked:
        return
    own = _own(resolved)
    scores = {"lang_score"} | {one.name for item in derived(resolved) for one in of_kind(item.statements, r.Score)}
    for write in asked:
        columns = own.get(write.relation.name)
        if columns is not None:
            yield from _asked(write, {**columns, **WRITTEN}, scores)


def _asked(write: r.Write, columns: Columns, scores: set[str]) -> Iterator[Diagnostic]:
    single = {name: type_ for name, type_ in columns.items() if kind_of(type_) not in ("list", "map")}
    if write.partition_span is not None:
        for name in dict.fromkeys(write.partition):
            if name not in columns:
                yield _missing(write, name, write.partition_span, single, scores)
            elif name not in single:
                yield Diagnostic(
                    "E0301",
                    f"a table is partitioned by a column of one value; `{name}` is a {kind_of(columns[name])}",
                    write.partition_span,
                    help=f"it can be by: {listing(single, MANY)}",
                )
    for expect in write.expects:
        call = expect.rule.expr
        if not isinstance(call, r.OpCall) or call.operator.kind != "expect" or call.operator.name not in OF_COLUMNS:
            continue
        for name, span in _named(call):
            if name not in columns:
                yield _missing(write, name, span, columns, scores)


def _named(call: r.OpCall) -> Iterator[tuple[str, Span]]:
    """The columns that an expectation is about."""
    for expr in (*call.args.values(), *call.rest):
        if isinstance(expr, r.Col):
            yield expr.name, expr.span
        elif isinstance(expr, r.Lit) and isinstance(expr.value, tuple):
            yield from ((str(name), expr.span) for name in dict.fromkeys(expr.value))


def _missing(write: r.Write, name: str, span: Span, columns: Columns, scores: set[str]) -> Diagnostic:
    there = f"columns of the table: {listing(columns, MANY)}"
    if name in scores:
        message = f"`{name}` is a score, which is no column of the table `{write.relation.name}`"
        there = f"scores stand in its map `scores`, tiers cut from one in the column `tier`; {there}"
    else:
        message = f"the table `{write.relation.name}` has no column `{name}`"
    return Diagnostic("E0202", message, span, help=there)


def _own(resolved: r.Resolved) -> dict[str, Columns]:
    """Relations and mixes whose columns are known, each after what it is made from."""
    found: dict[str, Columns] = {}
    for source in resolved.sources.values():
        names = (name for name in source.columns if name not in WRITTEN and name not in (*NOT_WRITTEN, "id"))
        found[source.name] = {name: source.schema.get(name, "any") for name in names}
    for one in resolved.relations.values():
        parents = [ref.name for ref in (one.relations if isinstance(one, r.Merge) else (one.from_,))]
        if any(name not in found for name in parents):
            continue
        first, *others = (found[name] for name in parents)
        if isinstance(one, r.Merge):
            first = {name: type_ for name, type_ in first.items() if all(name in other for other in others)}
        elif one.kind != "select":
            made = of_kind(one.statements, r.Set)
            first = {**{set_.column: set_.type for set_ in made if set_.column not in WRITTEN}, **ANSWERED}
        found[one.name] = first
    for mix in resolved.mixes.values():
        columns = _mixed(mix, found)
        if columns is not None:
            found[mix.name] = columns
    return found


def _mixed(mix: r.Mix, found: Mapping[str, Columns]) -> Columns | None:
    """All columns of all ingredients; None where one is not known."""
    phases = of_kind(mix.statements, r.Phase)
    columns: dict[str, str] = {"phase": "string"} if phases else {}
    for part in (mix, *phases):
        if not part.complete:
            return None
        for take in of_kind(part.statements, r.Take):
            if take.relation.name not in found:
                return None
            columns |= {name: t for name, t in found[take.relation.name].items() if name not in columns}
    return columns
