"""Circles through trained models and tables. Those of relations, parameters, filters, blocks and files are seen where
their names are looked up."""

from __future__ import annotations

from collections.abc import Iterator

from recipec import resolved as r
from recipec.ast import Span
from recipec.checks.walk import inside, of_kind, values_of
from recipec.diagnostics import Diagnostic, Label

Needs = dict[str, dict[str, Span]]
"""What an item is made from, and where it says so."""


MANY = 12
"""Of a longer circle the beginning is shown."""


def check(resolved: r.Resolved, place: object) -> Iterator[Diagnostic]:
    needs = _needs(resolved)
    items = {**resolved.models, **resolved.tables}
    order = {name: index for index, name in enumerate(items)}
    for circle in _circles(needs):
        start = min((name for name in circle if name in order), key=order.__getitem__, default=None)
        if start is None:
            continue
        circle = [*circle[circle.index(start) :], *circle[: circle.index(start)]]
        following = [*circle[1:], start]
        asked = [(needs[name][other], other) for name, other in zip(circle, following, strict=True)]
        path = [*circle[:MANY], *(["…"] if len(circle) > MANY else []), start]
        yield Diagnostic(
            "E0250",
            f"`{start}` is made from itself",
            items[start].span,
            "",
            tuple(Label(span, f"asks for `{other}`") for span, other in asked[:MANY]),
            f"{' → '.join(path)}; {_remedy(items[start], circle)}",
        )


def _remedy(one: r.Train | r.Table, circle: list[str]) -> str:
    if isinstance(one, r.Table):
        return "an entry is a value, not the table"
    if len(circle) == 1:
        return "features are of another model, such as a file's"
    return f"train on a relation above, and score with `{one.name}` in a select after it"


def _circles(needs: Needs) -> Iterator[list[str]]:
    """Each way from an item back to itself, items that were in one left out of the next."""
    done: set[str] = set()
    said: set[str] = set()
    for start in needs:
        if start in done:
            continue
        stack = [(start, iter(needs[start]))]
        depth = {start: 0}
        while stack:
            name, others = stack[-1]
            for other in others:
                if other in depth and not said & {name, other}:
                    circle = [one for one, _ in stack[depth[other] :]]
                    said.update(circle)
                    yield circle
                elif other in needs and other not in done and other not in depth:
                    depth[other] = len(stack)
                    stack.append((other, iter(needs[other])))
                    break
            else:
                stack.pop()
                done.add(name)
                del depth[name]


def _needs(resolved: r.Resolved) -> Needs:
    needs: Needs = {}
    for one in resolved.relations.values():
        needs[one.name] = _named(one)
    for one in (*resolved.mixes.values(), *resolved.models.values(), *resolved.tables.values()):
        needs[one.name] = _named(one)
    return needs


def _named(item: object) -> dict[str, Span]:
    """The relations, models and tables that an item names."""
    found: dict[str, Span] = {}
    roots = values_of(item)
    roots += [value for phase in of_kind(getattr(item, "statements", ()), r.Phase) for value in phase.settings.values()]
    roots += [value for one in getattr(item, "statements", ()) for value in values_of(one)]
    for expr in (one for root in roots for one in inside(root)):
        match expr:
            case r.RelationRef() | r.ItemRef(kind="model" | "table"):
                found.setdefault(expr.name, expr.span)
            case r.Col(relation=str() as name) if name not in ("source", "prompt"):
                found.setdefault(name, expr.span)
    return found
