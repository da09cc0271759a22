"""Checks of a resolved recipe: one subject a file, each a function from `Resolved` to diagnostics.

A check reports what it sees and passes over `Unknown` in silence. To add one: a module with
`check(resolved, place)`, its name in `CHECKS`, its codes in `recipec.codes`, its test.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Protocol

from recipec.checks import (
    addresses,
    answers,
    caps,
    circles,
    columns,
    comparisons,
    context,
    duplicates,
    endpoints,
    files,
    gates,
    limits,
    order,
    outcomes,
    placement,
    prices,
    prompts,
    ranges,
    replies,
    scores,
    sizes,
    tables,
    tiers,
    tokens,
    trains,
    unused,
    weights,
    written,
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
    scores.check,
    comparisons.check,
    ranges.check,
    tables.check,
    tiers.check,
    weights.check,
    sizes.check,
    caps.check,
    circles.check,
    answers.check,
    order.check,
    outcomes.check,
    trains.check,
    written.check,
    prompts.check,
    replies.check,
    gates.check,
    context.check,
    duplicates.check,
    endpoints.check,
    addresses.check,
    prices.check,
    limits.check,
    files.check,
    tokens.check,
    unused.check,
)


def check(resolved: Resolved, place: Place) -> list[Diagnostic]:
    """All findings of all checks, in no particular order."""
    return [diagnostic for one in CHECKS for diagnostic in one(resolved, place)]
