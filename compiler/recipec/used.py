"""What a recipe depends on besides its own text, which is what a lock holds.

Libraries that it uses, directly or through others; files that it names as models, tokenizers, lists, tables and
schemas, and those that a table names; files that the libraries of its operators carry, a language model say; operators
with their versions. The data of a source is none of it: a run pins that.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple, Protocol

from recipec import resolved as r
from recipec.ast import Span
from recipec.checks.walk import everything
from recipec.diagnostics import Diagnostic
from recipec.entry_points import EntryPoint
from recipec.files import find_file
from recipec.imports import Module
from recipec.lock import Key, Lock
from recipec.operators import LOADING_ERRORS
from recipec.schemas import file_of

KINDS = {"tokenizer": "tokenizer", "table": "table", "score": "model", "language": "model"}
"""Kind of an operator → what its file is called in the lock; `file` for any other."""


class Whole(Protocol):
    """A compilation: where the recipe is, what it says, what it was given."""

    name: str
    path: Path | None
    params: dict[str, str]

    @property
    def folder(self) -> Path | None: ...

    @property
    def library(self) -> Path: ...

    @property
    def module(self) -> Module: ...

    @property
    def modules(self) -> list[Module]: ...

    @property
    def resolved(self) -> r.Resolved: ...


class Named(NamedTuple):
    """A file under the name that the recipe gives it, where it lies (None: that is said already), and the place of
    the name."""

    key: Key
    path: Path | None
    span: Span


class Used(NamedTuple):
    """What would be frozen now; the first place of each; what could not be read."""

    lock: Lock
    files: dict[Key, Span]
    operators: dict[Key, Span]
    found: list[Diagnostic]


def used(compilation: Whole) -> Used:
    """All that a recipe without errors depends on, hashed. A file that cannot be read is a diagnostic."""
    calls = [one for one in everything(compilation.resolved) if isinstance(one, r.OpCall)]
    operators: dict[Key, Span] = {}
    versions: dict[Key, int] = {}
    for call in calls:
        key = (call.operator.kind, call.operator.name)
        versions[key] = call.operator.version
        operators.setdefault(key, call.span)
    files: dict[Key, Span] = {}
    digests: dict[Key, str] = {}
    paths: dict[Key, Path | None] = {}
    found: list[Diagnostic] = []
    carried = _carried(calls, found)
    for named in [*_libraries(compilation), *carried, *_files(compilation, calls, found), *_schemas(compilation)]:
        key, number = named.key, 1
        while paths.get(key, named.path) != named.path:  # two absolute paths of one name: both are pinned
            number += 1
            key = (named.key[0], f"{named.key[1]} ({number})")
        if key in files:
            continue
        files[key] = named.span
        if named.path is None:
            continue
        paths[key] = named.path
        try:
            with named.path.open("rb") as file:
                digests[key] = hashlib.file_digest(file, "sha256").hexdigest()
        except OSError as error:
            found.append(_unread(key[1], named.span, error))
    return Used(Lock(digests, versions), files, operators, found)


def _unread(name: str, span: Span, error: OSError) -> Diagnostic:
    return Diagnostic("E0440", f"`{name[:80]}` cannot be read: {error.strerror}", span)


def _libraries(compilation: Whole) -> Iterator[Named]:
    """Every file that is used, by the name that `use` gives it from the recipe's folder or the library."""
    for module in compilation.modules:
        for alias, library in module.imports.items():
            if library.path is not None:
                name = library.name.removesuffix(".recipe")
                yield Named(("library", name), library.path, module.uses[alias].target.span)


def _files(compilation: Whole, calls: list[r.OpCall], found: list[Diagnostic]) -> Iterator[Named]:
    """Every file that stands as an argument, and those of the tables that stand there."""
    for call in calls:
        kind = KINDS.get(call.operator.kind, "file")
        for parameter in call.operator.parameters:
            given = call.args.get(parameter.name)
            if parameter.type.removesuffix("?") != "file":
                continue
            if isinstance(given, r.ItemRef) and given.kind == "table":
                yield from _of_table(compilation, kind, compilation.resolved.tables[given.name], given.span, found)
            elif isinstance(given, r.Lit) and isinstance(given.value, str):
                path = _find(compilation, given.value)
                if path is not None and given.value not in getattr(parameter, "embedded", ()):
                    yield Named((kind, _name(compilation, given.value)), path, given.span)


def _schemas(compilation: Whole) -> Iterator[Named]:
    """Every file that a reply's schema stands in."""
    for prompt in compilation.resolved.prompts.values():
        given = file_of(prompt.reply)
        if given is not None:
            yield Named(("schema", _name(compilation, given.value)), _find(compilation, given.value), given.span)


def _carried(calls: list[r.OpCall], found: list[Diagnostic]) -> list[Named]:
    """Every file that the libraries of an operator carry and that is read, by the name that the operator gives it."""
    made: dict[str, Named] = {}
    for call in calls:
        for name, span in _carried_names(call):
            if name not in made:
                made[name] = Named(("model", name), _carried_path(call.operator, name, span, found), span)
    return list(made.values())


def _carried_names(call: r.OpCall) -> Iterator[tuple[str, Span]]:
    if not getattr(call.operator, "carried_at", ""):
        return
    for name in getattr(call.operator, "carries", ()):
        yield name, call.span
    for parameter in call.operator.parameters:
        given = call.args.get(parameter.name)
        if isinstance(given, r.Lit) and given.value in getattr(parameter, "embedded", ()):
            yield given.value, given.span


def _carried_path(operator: r.Operator, name: str, span: Span, found: list[Diagnostic]) -> Path | None:
    """Asked of the operator's package, which alone knows where its libraries keep the file."""
    try:
        return Path(EntryPoint(name, operator.carried_at, operator.name).load()(name))
    except LOADING_ERRORS as error:
        found.append(Diagnostic("E0440", f"`{name}` is not there", span, help=f"{type(error).__name__}: {error}"[:200]))
    return None


def _of_table(compilation: Whole, kind: str, table: r.Table, span: Span, found: list[Diagnostic]) -> Iterator[Named]:
    for entry in table.entries:
        if isinstance(entry.value, r.Lit):
            path = _find(compilation, str(entry.value.value))
            if path is not None:
                yield Named((kind, _name(compilation, str(entry.value.value))), path, entry.value.span)
    if table.call is None:
        return
    import csv  # few recipes have a table

    file, value = str(table.call.args["file"].value), str(table.call.args["value"].value)
    try:
        with (_find(compilation, file) or Path(file)).open(encoding="utf-8", newline="") as lines:
            rows = [row.get(value) or "" for row in csv.DictReader(lines)]
    except OSError as error:
        found.append(_unread(file, table.call.span, error))  # the check of tables could read it a moment ago
        return
    for number, name in enumerate(rows, start=1):
        path = _find(compilation, name)
        if path is not None:
            shown = f"{_name(compilation, file)}, row {number}" if Path(name).is_absolute() else name
            yield Named((kind, shown), path, span)


def _name(compilation: Whole, value: str) -> str:
    """A file as the recipe names it. An absolute path came by a parameter, and that is its name then."""
    if not Path(value).is_absolute():
        return value
    params = compilation.resolved.params.values()
    return next(
        (f"${{{one.name}}}" for one in params if isinstance(one.value, r.Lit) and one.value.value == value),
        Path(value).name,
    )


def _find(compilation: Whole, name: str) -> Path | None:
    return find_file(name, compilation.folder, compilation.library)
