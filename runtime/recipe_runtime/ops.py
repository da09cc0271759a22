"""How a script names operators: `rt.op("minhash@1", bands=14, …)`, and what stands behind the name.

The version after `@` is the one the recipe was compiled against. A runtime whose operator has another
version would make other rows under the same digest, so it refuses.
"""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from dataclasses import field as _field
from functools import cache
from importlib import metadata
from typing import Any

from recipe_runtime.errors import StepError

GROUP = "recipec.operators"


@dataclass(frozen=True)
class Op:
    """An operator with its arguments, as the script wrote it."""

    name: str
    version: int
    args: Mapping[str, Any] = _field(default_factory=dict)


@dataclass(frozen=True)
class Field:
    """A column of the source's own records."""

    name: str


@dataclass(frozen=True)
class Literal:
    """One value for every document of the source."""

    value: Any


@dataclass(frozen=True)
class File:
    """A model, tokenizer or list: where it was when the recipe was compiled, and its SHA-256."""

    path: str
    sha256: str


@dataclass(frozen=True)
class Env:
    """A value read from the environment of the process that needs it, never written down."""

    name: str
    default: str | None = None


def op(name: str, /, **args: Any) -> Op:
    """An operator by `name@version` and its arguments."""
    bare, _, version = name.partition("@")
    return Op(bare, int(version), args)


def identity(wanted: Op) -> list[Any]:
    """What of an operator with its arguments enters a digest: a file by its hash, not by its path."""
    return [wanted.name, wanted.version, {name: _plain(given) for name, given in wanted.args.items()}]


def _plain(given: Any) -> Any:
    if isinstance(given, File):
        return given.sha256
    return [_plain(one) for one in given] if isinstance(given, tuple | list) else given


def field(name: str) -> Field:
    """A column of the source's own records."""
    return Field(name)


def literal(value: Any) -> Literal:
    """One value for every document of the source."""
    return Literal(value)


def file(path: str, *, sha256: str) -> File:
    """A file pinned by its hash."""
    return File(path, sha256)


def located(wanted: File) -> str:
    """Where a pinned file is: as the script names it, else in the library that recipec brings along."""
    if os.path.isfile(wanted.path):
        return wanted.path
    spec = importlib.util.find_spec("recipec")
    for folder in spec.submodule_search_locations if spec else ():
        for library in (os.path.join(folder, "recipes"), os.path.join(folder, "..", "..", "recipes")):
            if os.path.isfile(os.path.join(library, wanted.path)):
                return os.path.join(library, wanted.path)
    raise StepError(
        f"there is no file {wanted.path} here",
        remedy="start the job where the recipe was compiled, or give the file's full path in the recipe",
    )


def env(name: str, *, default: str | None = None) -> Env:
    """A value read where it is needed from the environment."""
    return Env(name, default)


@cache
def registry() -> dict[tuple[str, str], Any]:
    """(kind, name) → Operator, from the entry points of every installed distribution."""
    found: dict[tuple[str, str], Any] = {}
    for point in metadata.entry_points(group=GROUP):
        loaded = point.load()
        for operator in loaded if isinstance(loaded, Iterable) else (loaded,):
            found[operator.kind, operator.name] = operator
    if not found:
        raise StepError(
            "no operators are installed here",
            remedy="the distribution's metadata is missing; ship the zip that `recipec bundle` makes",
        )
    return found


def resolve(wanted: Op, *kinds: str) -> Any:
    """The installed operator behind `wanted`; raises StepError where it is missing or has another version."""
    for kind in kinds:
        operator = registry().get((kind, wanted.name))
        if operator is None:
            continue
        if operator.version != wanted.version:
            raise StepError(
                f"operator {wanted.name} is version {operator.version} here, not {wanted.version} as compiled",
                remedy="compile the recipe again with the recipec that runs it",
            )
        return operator
    raise StepError(
        f"operator {wanted.name} ({' or '.join(kinds)}) is not installed here",
        remedy="install the package that brings it on the driver and the workers",
    )


def versions(operators: Iterable[Any]) -> dict[str, str]:
    """Distribution → installed version, for the libraries whose results `operators` carry. Raises StepError where
    one is not installed."""
    return dict(sorted(_installed(wanted) for wanted in {d for o in operators for d in o.libraries}))


def _installed(wanted: str) -> tuple[str, str]:
    """The first of `a|b` that is installed, and its version."""
    for name in wanted.split("|"):
        with suppress(metadata.PackageNotFoundError):
            return name, metadata.version(name)
    raise StepError(
        f"{wanted.replace('|', ' or ')} is not installed here",
        remedy="pip install 'recipec[cpu]', or 'recipec[gpu]' for CUDA; `recipec doctor` shows what is missing",
    )
