"""Columns that a recipe makes: none takes the name of a document's, none is made twice, and every document has a
text."""

from __future__ import annotations

from collections.abc import Iterator

from recipec import resolved as r
from recipec.ast import Span
from recipec.checks.walk import derived
from recipec.columns import DOCUMENT, FROM_SOURCE, LANGUAGE, RESERVED
from recipec.diagnostics import Diagnostic, Label

SETTABLE = frozenset(("text", "license", "url"))
"""Document columns that a transform or generate may set."""


def check(resolved: r.Resolved, place: object) -> Iterator[Diagnostic]:
    for source in resolved.sources.values():
        fields = {field.name for field in source.call.operator.columns}
        if fields and "text" not in (*source.columns, *fields):
            yield _no_text(source)
        for name, value in source.columns.items():
            if name in RESERVED and name not in FROM_SOURCE and name not in (*LANGUAGE, "tier", "origin", "tokens"):
                yield _taken(name, value.span, "column")
    for one in derived(resolved):
        own: dict[str, Span] = {}
        for statement in one.statements:
            match statement:
                case r.Score(name=name):
                    if name in RESERVED:
                        yield _taken(name, statement.span, "score")
                    elif name in own:
                        yield Diagnostic(
                            "E0451",
                            f"`{name}` is made twice",
                            statement.span,
                            "again",
                            (Label(own[name], "first here"),),
                            "give one of them another name",
                        )
                    own.setdefault(name, statement.span)
                case r.Measure(name=name):
                    if name in RESERVED or name in own:
                        yield _taken(name, statement.span, "measure")
                    own.setdefault(name, statement.span)
                case r.Set(column=name) if name in RESERVED and name not in SETTABLE:
                    yield _taken(name, statement.span, "column")


def _no_text(source: r.Source) -> Diagnostic:
    """Of a reader whose records have fields of their own, none of which is the text."""
    return Diagnostic(
        "E0311",
        f"the records of source `{source.name}` have no text",
        source.span,
        help="set it by an extractor, `text = trafilatura(html)` say",
    )


def _taken(name: str, span: Span, what: str) -> Diagnostic:
    held = "every document has" if name in DOCUMENT else "the language keeps for itself"
    return Diagnostic(
        "E0450",
        f"a {what} cannot be called `{name}`: that is a column {held}",
        span,
        help=f"another name, say `my_{name}`",
    )
