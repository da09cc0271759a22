"""What was measured, beside the limit it must keep."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Finding:
    """A value and the limit it must keep: at least it, or at most it. Without a limit it is only shown. `error`: the
    standard error of a value that a sample gave; a limit is passed where more than two of them lie between."""

    name: str
    value: float
    limit: float | None = None
    at_least: bool = True
    error: float = 0.0

    @property
    def kept(self) -> bool:
        if self.limit is None:
            return True
        if self.at_least:
            return self.value >= self.limit - 2 * self.error
        return self.value <= self.limit + 2 * self.error
