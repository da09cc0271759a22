"""Workflow commands that GitHub Actions shows as annotations of the changed lines."""

from __future__ import annotations

from collections.abc import Iterable

from recipec.diagnostics import Diagnostic
from recipec.renderers import Sources, printable


def github(diagnostics: Iterable[Diagnostic], sources: Sources) -> str:
    """One `::error …::` or `::warning …::` line each; GitHub counts columns from 1 and shows the last one too."""
    return "".join(f"{_command(one, sources)}\n" for one in diagnostics)


def _command(diagnostic: Diagnostic, sources: Sources) -> str:
    named = {"title": f"recipec {diagnostic.code}"}
    if diagnostic.primary is not None:
        line, column, end_line, end_column = sources.region(diagnostic.primary)
        named = {"file": sources.path(diagnostic.primary), "line": str(line), "endLine": str(end_line), **named}
        if line == end_line:  # with several lines GitHub refuses columns
            named |= {"col": str(column), "endColumn": str(max(column, end_column - 1))}
    settings = ",".join(f"{name}={_property(value)}" for name, value in named.items())
    lines = [diagnostic.message, *(f"help: {line}" for line in diagnostic.help.splitlines())]
    return f"::{diagnostic.severity} {settings}::{'%0A'.join(_data(line) for line in lines)}"


def _data(text: str) -> str:
    return printable(text).replace("%", "%25")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
