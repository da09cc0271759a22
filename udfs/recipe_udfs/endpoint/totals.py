"""What an endpoint was asked so far, for people and for the books."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Literal

from recipe_udfs.endpoint.budget import NOTHING, Spend
from recipe_udfs.endpoint.errors import EndpointError, EndpointRefused, ServedModelChanged

StopKind = Literal["budget", "unavailable", "lost_coordinator", "refused", "served_model"]


@dataclass(frozen=True, slots=True)
class Stop:
    """Why nothing more is begun. The first three kinds leave requests waiting; the others are errors."""

    kind: StopKind
    message: str
    remedy: str = ""

    @property
    def error(self) -> EndpointError | None:
        """What to raise; None where the requests only wait."""
        kinds = {"refused": EndpointRefused, "served_model": ServedModelChanged}
        return kinds[self.kind](self.message, self.remedy) if self.kind in kinds else None


@dataclass(slots=True)
class Counts:
    """Counts of attempts as they end; see `Totals`."""

    attempts: int = 0
    calls: int = 0
    unsettled: int = 0
    spent: Spend = NOTHING
    kinds: Counter[str] = field(default_factory=Counter)


@dataclass(frozen=True, slots=True)
class AddressState:
    """An address as it is now. `seconds`: for how long it has been down; `said`: its last failure, in a line."""

    host: str
    state: Literal["up", "down", "probing"]
    seconds: float
    said: str


@dataclass(frozen=True, slots=True)
class Totals:
    """What an endpoint was asked so far. `calls` were answered with a completion. Of `unsettled` attempts the end is
    unknown: no answer came, yet the server may have made and charged one, so budgets, tokens and `cost` (in dollars)
    count what it can have been at most. `kinds`: failed attempts. `open`: in flight now; `seconds`: since the
    first."""

    calls: int
    unsettled: int
    attempts: int
    prompt_tokens: int
    completion_tokens: int
    cost: float
    kinds: dict[str, int]
    open: int
    addresses: tuple[AddressState, ...]
    seconds: float
    stop: Stop | None
