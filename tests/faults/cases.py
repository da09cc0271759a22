"""The faults by their number in FAULTS.md."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from types import ModuleType

from faults.oracle import Found
from faults.place import Place


@dataclass(frozen=True)
class Case:
    """A fault, and the function that makes it happen and finishes the run."""

    number: int
    name: str
    happen: Callable[[Place], Found]

    def __str__(self) -> str:
        return f"{self.number}-{self.happen.__name__}"


CASES: dict[int, Case] = {}


def fault(number: int, name: str) -> Callable[[Callable[[Place], Found]], Callable[[Place], Found]]:
    """Registers a function as the fault of this number."""

    def register(function: Callable[[Place], Found]) -> Callable[[Place], Found]:
        CASES[number] = Case(number, name, function)
        return function

    return register


def of(module: ModuleType) -> list[Case]:
    """The faults that a module has."""
    return [case for case in CASES.values() if case.happen.__module__ == module.__name__]
