"""One compilation: each phase a property that runs when it is first asked for, and never before.

`Compilation(path)` or `Compilation(text=…)`; nothing here raises for a wrong recipe.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from pathlib import Path

from recipec import ast
from recipec.diagnostics import Diagnostic, in_order
from recipec.files import find_file
from recipec.imports import Loader, Module, decode
from recipec.operators import Catalogue, installed
from recipec.resolved import Resolved


class Compilation:
    """A recipe and what each phase makes of it.

    `path` is the recipe's file (an OSError of reading it is the caller's to report); with `text` or `data` (the
    bytes of standard input) given, nothing is read and `name` stands for the file in messages. `params` are the
    values of `--param name=value`. `catalogue` are the operators, by default those installed. With `frozen`, what
    differs from the lock beside the recipe refuses it.
    """

    def __init__(
        self,
        path: str | Path | None = None,
        params: Mapping[str, str] | None = None,
        *,
        text: str | None = None,
        data: bytes | None = None,
        name: str | None = None,
        catalogue: Catalogue | None = None,
        library: Path | None = None,
        frozen: bool = False,
    ):
        self.path = Path(path) if path is not None else None
        self.params = dict(params or {})
        self.name = name or (self.path.name if self.path else "recipe")
        self.frozen = frozen
        self._catalogue = catalogue
        self._loader = Loader(self.path.parent if self.path else None, library)
        self._problem: Diagnostic | None = None
        if text is None:
            if data is None:
                if self.path is None:
                    raise TypeError("a path, a text or data is needed")
                data = self.path.read_bytes()
            text, self._problem = decode(self.name, data)
        self.text = text

    def with_text(self, text: str) -> Compilation:
        """The same recipe in the same place, saying something else."""
        return Compilation(
            self.path,
            self.params,
            text=text,
            name=self.name,
            catalogue=self._catalogue,
            library=self._loader.library,
            frozen=self.frozen,
        )

    @property
    def folder(self) -> Path | None:
        """The folder of the recipe, against which its relative files are found."""
        return self._loader.folder

    @property
    def library(self) -> Path:
        """The folder of the standard library."""
        return self._loader.library

    @property
    def catalogue(self) -> Catalogue:
        return self._catalogue if self._catalogue is not None else installed()

    @cached_property
    def module(self) -> Module:
        """The parsed recipe, its imports loaded."""
        return self._loader.load(self.name, self.text, self.path)

    @property
    def ast(self) -> ast.File:
        """The syntax tree of the recipe itself."""
        return self.module.tree

    @cached_property
    def _resolution(self) -> tuple[Resolved, list[Diagnostic]]:
        from recipec.resolve import resolve

        return resolve(self.module, self._loader, self.catalogue, self.params)

    @property
    def resolved(self) -> Resolved:
        """The recipe with every name bound. Only whole where `errors` is empty."""
        return self._resolution[0]

    @cached_property
    def diagnostics(self) -> list[Diagnostic]:
        """Everything that is wrong, in order of place."""
        from recipec.checks import check

        if self._problem:
            return [self._problem]
        resolved, found = self._resolution
        found = [*self._loader.found, *found, *check(resolved, self)]
        if self.frozen and all(one.severity != "error" for one in found):
            from recipec.checks.frozen import check as drift

            found += drift(self)
        return in_order(found, self.files)

    def find_file(self, name: str) -> Path | None:
        """A model, tokenizer or list that the recipe names: beside the recipe, then in the library."""
        return find_file(name, self.folder, self.library)

    @property
    def errors(self) -> list[Diagnostic]:
        """The diagnostics that refuse the recipe."""
        return [one for one in self.diagnostics if one.severity == "error"]

    @property
    def modules(self) -> list[Module]:
        """The recipe, then every file that it uses."""
        self.module  # noqa: B018  the files are known once they are loaded
        return list(self._loader.modules.values())

    @property
    def files(self) -> dict[str, str]:
        """Text of every file that spans point into, by name, the recipe first."""
        return {one.name: one.text for one in self.modules}

    @property
    def paths(self) -> dict[str, str]:
        """How each file is shown in messages: the path as given, a library file by its name."""
        shown = {name: name for name in self.files}
        if self.path is not None:
            shown[self.name] = str(self.path)
            shown |= {name: str(self.path.parent / name[2:]) for name in self.files if name.startswith("./")}
        return shown
