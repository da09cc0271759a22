"""Checks of a resolved recipe: one subject a file, each a function from `Resolved` to diagnostics.

A check reports what it sees and passes over `Unknown` in silence. To add one: a module with
`check(resolved, place)`, its name in `CHECKS`, its codes in `recipec.codes`, its test.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Protocol

from recipec.checks import (
    answers,
    caps,
    columns,
    comparisons,
    endpoints,
    files,
    placement,
    ranges,
    tiers,
    unused,
    weights,
)
from recipec.diagnostics import Diagnostic
from recipec.resolved import Resolved


class Place(Protocol):
    """Where files that a recipe names are looked for."""

    folder: Path | None
    library: Path


Check = Callable[[Resolved, Place], Iterator[Diagnostic]]

CHECKS: tuple[Check, ...] = (
    placement.check,
    columns.check,
    comparisons.check,
    ranges.check,
    tiers.check,
    weights.check,
    caps.check,
    answers.check,
    endpoints.check,
    files.check,
    unused.check,
)


def check(resolved: Resolved, place: Place) -> list[Diagnostic]:
    """All findings of all checks, in no particular order."""
    return [diagnostic for one in CHECKS for diagnostic in one(resolved, place)]
