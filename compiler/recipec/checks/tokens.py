"""`tokens` in a recipe of several tokenizers says whose: a number means another length under each of them."""

from __future__ import annotations

from collections.abc import Iterator

from recipec import resolved as r
from recipec.ast import Span
from recipec.checks.walk import derived, inside, of_kind, parts, values_of
from recipec.diagnostics import Diagnostic, listing

WORD = "tokens"


def check(resolved: r.Resolved, place: object) -> Iterator[Diagnostic]:
    names = tuple(resolved.tokenizers)
    if len(names) < 2:
        return
    for span, help_ in _places(resolved, names[0]):
        yield Diagnostic("E0223", f"this does not say whose tokens: the recipe has {listing(names)}", span, help=help_)


def _places(resolved: r.Resolved, name: str) -> Iterator[tuple[Span, str]]:
    """Every `tokens` that could be of any tokenizer, and how to say which, shown with the tokenizer `name`."""
    for one in derived(resolved):
        yield from _of_select(resolved, one, name) if one.kind == "select" else _of_made(resolved, one, name)
    for mix, part in parts(resolved):
        if "tokenizer" not in mix.settings:
            for span in _of_mix(part):
                yield span, f"`tokenizer = {name}` in the mix"
    for expr in _figures(resolved):
        yield expr.span, "a figure cannot name a tokenizer: take `documents` or `bytes`, or leave one tokenizer out"


# ---- rows --------------------------------------------------------------------------------------


def _of_select(resolved: r.Resolved, select: r.Derived, name: str) -> Iterator[tuple[Span, str]]:
    for statement in select.statements:
        for expr, argument in _bare(resolved, statement):
            yield expr.span, _said_by(expr, argument, name)


def _said_by(expr: r.Expr, argument: bool, name: str) -> str:
    if isinstance(expr, r.Lit):
        return "a weight cannot name a tokenizer: take `documents` or `bytes`"
    if argument:
        return f"a column's name stands here: `score length = tokens({name})` makes one"
    return f"say whose: `tokens({name})`"


def _of_made(resolved: r.Resolved, made: r.Derived, name: str) -> Iterator[tuple[Span, str]]:
    """In a transform or generate: what is asked is counted by the endpoint's tokenizer, the row that it is asked
    about by none in particular."""
    endpoint: r.Endpoint | None = None
    for statement in made.statements:
        for expr, _ in _bare(resolved, statement):
            of_row = isinstance(expr, r.Col) and expr.relation == "source"
            if endpoint is None or of_row or isinstance(statement, r.Ask):
                yield expr.span, f"`tokens({name})` stands in a select between `{made.from_.name}` and `{made.name}`"
            elif "tokenizer" not in endpoint.settings:
                yield expr.span, f"`tokenizer = {name}` in endpoint `{endpoint.name}`, which gives the answers"
        if isinstance(statement, r.Ask):
            endpoint = resolved.endpoints.get(statement.endpoint)


def _bare(resolved: r.Resolved, statement: r.Statement) -> Iterator[tuple[r.Expr, bool]]:
    """Every bare `tokens` of a statement, and whether a column's name must stand there."""
    roots = tuple(values_of(statement))
    arguments = {id(one) for call in inside(roots) if isinstance(call, r.OpCall) for one in call.args.values()}
    for expr in inside(roots):
        if _is_bare(resolved, expr):
            yield expr, isinstance(statement, r.Tier) or id(expr) in arguments


def _is_bare(resolved: r.Resolved, expr: r.Expr) -> bool:
    if isinstance(expr, r.Lit):
        return expr.word and expr.value == WORD
    if not isinstance(expr, r.Col):
        return False
    paired, _, column = expr.name.rpartition(".")
    return column == WORD and (not paired or paired in resolved.sources or paired in resolved.relations)


# ---- mixes and figures -------------------------------------------------------------------------


def _of_mix(part: r.Mix | r.Phase) -> Iterator[Span]:
    amounts = [one.value for one in of_kind(part.statements, r.Take) if one.quantity == "amount"]
    if part.size is not None:
        amounts.append(part.size.value)
    yield from (one.span for one in amounts if isinstance(one, r.Lit) and one.unit == WORD)
    for cap in of_kind(part.statements, r.Cap):
        yield from (one.span for one in inside(cap.where) if isinstance(one, r.Col) and one.name == WORD)


def _figures(resolved: r.Resolved) -> Iterator[r.Expr]:
    """`tokens` of a whole relation, unless it is a mix that names its tokenizer."""
    of_mix = {name for name, mix in resolved.mixes.items() if "tokenizer" in mix.settings}
    roots: list[tuple[str, object]] = [
        (write.relation.name, one.rule) for write in resolved.writes for one in write.expects
    ]
    for model in resolved.models.values():
        roots += [(model.name, value) for one in (model, *model.statements) for value in values_of(one)]
    if resolved.rounds is not None:
        roots.append((resolved.rounds.name, resolved.rounds.stops))
    if resolved.compute is not None:
        roots += [("compute", one.rule) for one in resolved.compute.expects]
    for relation, root in roots:
        for expr in inside(root):
            if isinstance(expr, r.Col) and expr.name == WORD and (expr.relation or relation) not in of_mix:
                yield expr
