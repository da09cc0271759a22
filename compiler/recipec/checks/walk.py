"""Ways through a resolved recipe that the checks share."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TypeVar

from recipec import resolved as r
from recipec.ast import Span
from recipec.record import Record, fields

T = TypeVar("T")
_LEAVES = (r.Lit, r.Col, r.EnvRef, r.RelationRef, r.ItemRef, r.Unknown)


def inside(expr: object) -> Iterator[r.Expr]:
    """An expression and everything in it, outermost first."""
    stack = [expr]
    while stack:
        one = stack.pop()
        if isinstance(one, r.OpCall):
            yield one
            stack.extend([*one.args.values(), *one.rest])
        elif isinstance(one, r.PromptCall):
            yield one
            stack.extend(one.args.values())
        elif isinstance(one, _LEAVES):
            yield one
        elif isinstance(one, tuple):
            stack.extend(one)
        elif isinstance(one, Record) and not isinstance(one, Span):
            yield one
            stack.extend(getattr(one, field) for field in fields(one))


def rules_of(statement: object) -> tuple[r.Rule, ...]:
    """The rules a statement decides by."""
    match statement:
        case r.Keep() | r.Verify():
            return statement.rules
        case r.Expect():
            return (statement.rule,)
    return ()


def derived(resolved: r.Resolved) -> Iterator[r.Derived]:
    """Every select, transform and generate."""
    return (one for one in resolved.relations.values() if isinstance(one, r.Derived))


def addresses(endpoint: r.Endpoint) -> tuple[r.Expr, ...]:
    """Where an endpoint is, each a text or read from the environment; none where that is not said."""
    url = endpoint.settings.get("url")
    if isinstance(url, r.Sequence):
        return url.items
    return () if url is None else (url,)


def parts(resolved: r.Resolved) -> Iterator[tuple[r.Mix, r.Mix | r.Phase]]:
    """Every mix, and every phase of one, as what weights and caps are of."""
    for mix in resolved.mixes.values():
        yield mix, mix
        for statement in mix.statements:
            if isinstance(statement, r.Phase):
                yield mix, statement


def of_kind(statements: Iterable[object], kind: type[T]) -> list[T]:
    """The statements of one kind."""
    return [one for one in statements if isinstance(one, kind)]


def everything(resolved: r.Resolved) -> Iterator[r.Expr]:
    """Every expression of the recipe, each once as it stands in an item."""
    seen: set[int] = set()
    roots: list[object] = []
    for source in resolved.sources.values():
        roots += [source.call, *source.columns.values()]
    for one in resolved.relations.values():
        if isinstance(one, r.Derived):
            for statement in one.statements:
                roots += values_of(statement)
        else:
            roots += one.settings.values()
    for model in resolved.models.values():
        roots += [*model.settings.values(), *(value for one in model.statements for value in values_of(one))]
    for mix in resolved.mixes.values():
        for _, part in ((mix, mix), *((mix, phase) for phase in of_kind(mix.statements, r.Phase))):
            roots += [*part.settings.values(), *(value for one in part.statements for value in values_of(one))]
    if resolved.rounds is not None:
        roots += resolved.rounds.stops
    if resolved.compute is not None:
        roots += [*resolved.compute.settings.values(), *(one.rule for one in resolved.compute.expects)]
    roots += [table.call for table in resolved.tables.values() if table.call is not None]
    for tokenizer in resolved.tokenizers.values():
        roots.append(tokenizer.call)
    for endpoint in resolved.endpoints.values():
        roots += endpoint.settings.values()
    for prompt in resolved.prompts.values():
        roots += [*prompt.cleans, *prompt.reply.args]
    for write in resolved.writes:
        roots += [write.sink, *write.settings.values(), *(one.rule for one in write.expects)]
    for root in roots:
        if id(root) not in seen:
            seen.add(id(root))
            yield from inside(root)


def values_of(statement: object) -> list[object]:
    """The expressions of a statement, outermost, and what else it is made of."""
    found: list[object] = []
    for field in fields(statement):
        value = getattr(statement, field)
        if isinstance(value, dict):
            found += value.values()
        elif isinstance(value, tuple) or (isinstance(value, Record) and not isinstance(value, Span)):
            found.append(value)
    return found


def shape(expr: object) -> object:
    """What an expression says, without where it stands: equal for two that mean the same."""
    if isinstance(expr, Span):
        return None
    if isinstance(expr, r.OpCall):
        args = tuple((name, shape(value)) for name, value in sorted(expr.args.items()))
        return (expr.operator.kind, expr.operator.name, args, shape(expr.rest), expr.column)
    if isinstance(expr, r.Lit):
        return (type(expr.value).__name__, expr.value)
    if isinstance(expr, tuple):
        return tuple(shape(one) for one in expr)
    if isinstance(expr, Record):
        return (type(expr).__name__, *(shape(getattr(expr, field)) for field in fields(expr)))
    return expr
