"""What was measured, beside the limit it must keep."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Finding:
    """A value and the limit it must keep: at least it, or at most it."""

    name: str
    value: float
    limit: float
    at_least: bool = True

    @property
    def kept(self) -> bool:
        return self.value >= self.limit if self.at_least else self.value <= self.limit
