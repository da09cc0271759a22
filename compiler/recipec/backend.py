"""The later phases of a compilation: lower, optimise, emit; and every form a recipe can be shown in."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from recipec import __version__
from recipec.ast import LineIndex, Span
from recipec.diagnostics import Diagnostic, in_order
from recipec.driver import Compilation
from recipec.plan import Plan


class Backend:
    """Plan and script of one compilation, each made once and only when asked for."""

    def __init__(self, compilation: Compilation):
        self.compilation = compilation
        self._lowered: tuple[Plan, list[Diagnostic]] | None = None
        self._lines = {name: LineIndex(text) for name, text in compilation.files.items()}

    @property
    def diagnostics(self) -> list[Diagnostic]:
        """Those of the front end; where it found no error, also what this version cannot run (E0900)."""
        if self.compilation.errors:
            return self.compilation.diagnostics
        return in_order([*self.compilation.diagnostics, *self._lower()[1]], self.compilation.files)

    @property
    def plan(self) -> Plan:
        """The plan as lowered, before any pass. Only for a recipe without errors."""
        return self._lower()[0]

    @property
    def optimised(self) -> Plan:
        """The plan that is emitted."""
        from recipec.passes import optimise

        return optimise(self.plan)

    @property
    def script(self) -> str:
        """The PySpark script."""
        from recipec.emit import emit

        return emit(self.optimised)

    def _lower(self) -> tuple[Plan, list[Diagnostic]]:
        from recipec.lower import Lowering

        if self._lowered is None:
            lowering = Lowering(self.compilation.resolved, self._at, self._text, self._find, __version__)
            plan = lowering.plan()
            refused = [
                Diagnostic(
                    code="E0900",
                    message=f"{reason.what} cannot run yet",
                    primary=reason.span,
                    label="checked, but without a runtime in this version",
                    help=f"`recipec check` accepts the recipe; {reason.remedy or 'leave this out to compile the rest'}",
                )
                for reason in lowering.unsupported
            ]
            self._lowered = plan, refused
        return self._lowered

    def _at(self, span: Span) -> str:
        return f"{span.file}:{self._lines[span.file].position(span.start)[0]}"

    def _text(self, span: Span) -> str:
        """The line on which the item or statement begins, for a comment."""
        lines = self._lines[span.file]
        return " ".join(lines.line(lines.position(span.start)[0]).removesuffix("{").split())

    def _find(self, name: str) -> tuple[Path, str]:
        """A file the recipe names, and its name in the script; a check has seen that it is there."""
        path = self.compilation.find_file(name) or Path(name)
        return path, name if path == self.compilation.library / name else str(path)


FORMS: dict[str, tuple[Callable[[Backend], list[Diagnostic]], Callable[[Backend], str]]] = {}
"""Form → (the diagnostics of the phases it needs, its text)."""


def _form(name: str, diagnostics: Callable[[Backend], list[Diagnostic]]) -> Callable:
    def register(function: Callable[[Backend], str]) -> Callable[[Backend], str]:
        FORMS[name] = (diagnostics, function)
        return function

    return register


@_form("ast", lambda backend: [])
def _ast(backend: Backend) -> str:
    from recipec.show import show

    return show(backend.compilation.ast, backend.compilation.text)


@_form("plan", lambda backend: backend.compilation.diagnostics)
def _plan(backend: Backend) -> str:
    from recipec.plan_text import plan_text

    return plan_text(backend.optimised)


@_form("dot", lambda backend: backend.compilation.diagnostics)
def _dot(backend: Backend) -> str:
    from recipec.plan_text import dot

    return dot(backend.optimised)


@_form("pyspark", lambda backend: backend.diagnostics)
def _pyspark(backend: Backend) -> str:
    return backend.script
