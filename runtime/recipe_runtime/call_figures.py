"""What a person sees of calls under way: how many of how many, tokens, money, errors, rate and time left."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any

MINUTE = 60.0


class CallFigures:
    """Of one stage of `wanted` calls. `totals` gives the endpoint's counts as they are now (the coordinator's
    `Totals`); what was there when the stage began is not counted. `priced`: does the endpoint have prices?"""

    def __init__(
        self, wanted: int, totals: Callable[[], Any], *, priced: bool, clock: Callable[[], float] = time.monotonic
    ):
        self._wanted, self._totals, self._priced, self._clock = wanted, totals, priced, clock
        self._first = totals()
        self._seen: deque[tuple[float, int]] = deque([(clock(), 0)])  # (when, calls done), of the last minute

    def now(self) -> tuple[float, str]:
        """The share of the calls that is done, 0 to 1, and all figures in a line."""
        totals, first = self._totals(), self._first
        done = totals.calls - first.calls
        tokens = totals.prompt_tokens + totals.completion_tokens - first.prompt_tokens - first.completion_tokens
        parts = [f"{done:,} of {self._wanted:,} calls", f"{tokens:,} tokens"]
        if self._priced:
            parts.append(f"${totals.cost - first.cost:,.2f}")
        parts.append(f"{totals.open:,} open")
        rate = self._rate(done)
        if rate:
            parts += [f"{rate:,.1f} calls/s", f"{_duration(max(0, self._wanted - done) / rate)} left"]
        failed = failures(totals, first)
        if failed:
            parts.append("failed attempts: " + ", ".join(f"{kind} {n:,}" for kind, n in sorted(failed.items())))
        parts += [f"{a.host} is down for {a.seconds:,.0f} s: {a.said}" for a in totals.addresses if a.state != "up"]
        return min(1.0, done / self._wanted), ", ".join(parts)

    def _rate(self, done: int) -> float:
        """Calls in a second, over the last minute."""
        now = self._clock()
        self._seen.append((now, done))
        while len(self._seen) > 2 and self._seen[1][0] <= now - MINUTE:
            self._seen.popleft()
        then, before = self._seen[0]
        return (done - before) / (now - then) if now > then else 0.0


def failures(totals: Any, first: Any) -> Mapping[str, int]:
    """Kind → attempts that failed since."""
    since = {kind: n - first.kinds.get(kind, 0) for kind, n in totals.kinds.items()}
    return {kind: n for kind, n in since.items() if n}


def _duration(seconds: float) -> str:
    if seconds < 100:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 6000 else f"{seconds / 3600:.1f} h"
