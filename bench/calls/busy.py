"""How full a window of calls was, from the ledger of the server that answered them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from stub import Entry

STEADY = 0.97
"""Mean open calls between ramp and drain over the window, where all calls take as long: at least."""
WHOLE = 0.93
"""Σ open-call seconds over window × (first call to last answer), where all calls take as long: at least."""
STEADY_LONG_TAIL = 0.95
"""The first of these where one call in a hundred takes more than ten times as long as most: at least."""


@dataclass(frozen=True)
class Busy:
    """`steady`: mean open calls ÷ window from the call that first could fill it to the last that began. `whole`: Σ
    open-call seconds ÷ (window × seconds from the first call to the last answer). `most`: calls open at once."""

    calls: int
    window: int
    steady: float
    whole: float
    most: int
    seconds: float

    def record(self) -> dict[str, Any]:
        return asdict(self)


def busy(entries: Sequence[Entry], window: int) -> Busy:
    """The figures of one run's requests, all of which were answered."""
    begun = sorted(entry.at for entry in entries)
    first, ramp, last = begun[0], begun[min(window, len(begun)) - 1], begun[-1]
    end = max(entry.done for entry in entries)
    open_seconds = sum(entry.done - entry.at for entry in entries)
    between = sum(max(0.0, min(entry.done, last) - max(entry.at, ramp)) for entry in entries)
    return Busy(
        calls=sum(entry.completion for entry in entries),
        window=window,
        steady=between / (window * (last - ramp)),
        whole=open_seconds / (window * (end - first)),
        most=_most_open(entries),
        seconds=end - first,
    )


def _most_open(entries: Sequence[Entry]) -> int:
    changes = sorted([(entry.at, 1) for entry in entries] + [(entry.done, -1) for entry in entries])
    most = now = 0
    for _, change in changes:
        now += change
        most = max(most, now)
    return most
