"""How a client behaves towards a server in trouble: back-off, Retry-After, and a window that gives way."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime


@dataclass(frozen=True)
class Manners:
    """Seconds, except for counts. `deadline`: for one request, over its attempts and the pauses between them; None
    is three times the endpoint's timeout. `down_after`: failures in a row after which an address is taken to be
    down; it is then tried by one request at a time, with pauses from `probe_pause` to `longest_probe_pause`, until
    one is answered or the endpoint's patience ends."""

    attempts: int = 5
    backoff: float = 0.5
    longest_backoff: float = 30.0
    deadline: float | None = None
    connect: float = 10.0
    down_after: int = 20
    probe_pause: float = 1.0
    longest_probe_pause: float = 60.0

    def pause(self, failed: int, asked: float | None) -> float:
        """How long to wait after the `failed`-th failed attempt: full jitter over an exponential range, or what
        the server asked for and a little more, so that those who were sent away together do not return so."""
        if asked is not None:
            return asked + random.uniform(0, min(1.0, 0.1 * asked + 0.05))
        return random.uniform(0, min(self.longest_backoff, self.backoff * 2 ** (failed - 1)))


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds that a response asks to wait: `retry-after-ms`, or `Retry-After` in seconds or as a date (RFC 9110,
    10.2.3). None where it asks for nothing that can be read."""
    for name, unit in (("retry-after-ms", 1e-3), ("retry-after", 1.0)):
        value = headers.get(name, "").strip()
        if value.replace(".", "", 1).isdecimal():
            return float(value) * unit
    try:
        when = parsedate_to_datetime(headers.get("retry-after", ""))
    except (ValueError, TypeError):
        return None
    when = when if when.tzinfo else when.replace(tzinfo=UTC)
    return max(0.0, (when - datetime.now(UTC)).total_seconds())


class Window:
    """How many calls may be in flight: halved when the server says it has too many (429, 503), grown by successes
    until it is `most` again (additive increase, multiplicative decrease).

    One trouble halves it once: of the calls that were in flight together, only the first refused one counts. A
    window's worth of successes gives back 1/32 of `most`, so that it is back at full size after some 32 of them.
    """

    def __init__(self, most: int):
        self.most = most
        self.size = float(most)
        self.smallest = most  # ever, for figures
        self._step = max(1.0, most / 32)
        self._shrunk_at = float("-inf")

    @property
    def limit(self) -> int:
        return int(self.size)

    def too_many(self, begun: float, now: float, open_: int | None = None) -> None:
        """A call that began at `begun` was sent away at `now`, when `open_` calls were in flight: a window that was
        not full gives way from there."""
        if begun >= self._shrunk_at:
            full = self.size if open_ is None else min(self.size, max(open_, 1))
            self.size = max(1.0, full / 2)
            self.smallest = min(self.smallest, self.limit)
            self._shrunk_at = now

    def success(self) -> None:
        if self.size < self.most:
            self.size = min(float(self.most), self.size + self._step / self.size)
