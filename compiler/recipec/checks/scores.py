"""Scores: each is computed, under a name that no column of a source has."""

from __future__ import annotations

from collections.abc import Iterator

from recipec import resolved as r
from recipec.ast import Span
from recipec.checks.walk import derived, everything, of_kind
from recipec.columns import RESERVED
from recipec.diagnostics import Diagnostic, Label


def check(resolved: r.Resolved, place: object) -> Iterator[Diagnostic]:
    yield from _replaced(resolved)
    read: set[str] | None = None
    for one in derived(resolved):
        for score in of_kind(one.statements, r.Score):
            if isinstance(score.expr, r.Lit) and isinstance(score.expr.value, str):
                read = _read(resolved) if read is None else read
                if score.name not in read:
                    yield Diagnostic(
                        "E0301",
                        f"score `{score.name}` is one text for every row; a score is computed",
                        score.expr.span,
                        help=f'one value for all is set in a source: `{score.name} = "…"`',
                    )


def _replaced(resolved: r.Resolved) -> Iterator[Diagnostic]:
    """Scores in the place of a column that a source or transform sets. A score may be computed anew."""
    made: dict[str, dict[str, Span]] = {
        source.name: {name: column.span for name, column in source.columns.items()}
        for source in resolved.sources.values()
    }
    for one in resolved.relations.values():
        match one:
            case r.Derived(kind="select"):
                columns = dict(made.get(one.from_.name, {}))
                for score in of_kind(one.statements, r.Score):
                    if score.name in columns and score.name not in RESERVED:
                        yield Diagnostic(
                            "E0451",
                            f"score `{score.name}` takes the place of a column of that name",
                            score.span,
                            "the column would be lost",
                            (Label(columns.pop(score.name), "made here"),),
                            f"another name, say `{score.name}_score`; or leave the column out of the source",
                        )
            case r.Derived():
                columns = {set_.column: set_.span for set_ in of_kind(one.statements, r.Set)}
            case _:
                columns = {}
                for ref in one.relations:
                    columns = {**made.get(ref.name, {}), **columns}
                columns = {name: span for name, span in columns.items() if name in one.schema}
        made[one.name] = columns


def _read(resolved: r.Resolved) -> set[str]:
    """The columns that something in the recipe reads."""
    found = {expr.name.rpartition(".")[2] for expr in everything(resolved) if isinstance(expr, r.Col)}
    return found | {name for write in resolved.writes for name in write.partition}
