"""A circuit breaker: whether an address is taken to be up. Pure: the time is passed in."""

from __future__ import annotations


class Breaker:
    """Opens after `after` failures in a row: the address is then taken to be down, and only probes go there, one at
    a time, with pauses that double from `pause` to `longest` seconds. Any success closes it."""

    def __init__(self, after: int, pause: float, longest: float):
        self.after = after
        self.failures = 0                 # in a row
        self.down_since: float | None = None
        self.probing = False
        self.probe_at = 0.0               # when the next probe may go, while down and none is under way
        self._pause, self._first, self._longest = pause, pause, longest

    @property
    def down(self) -> bool:
        return self.down_since is not None

    def probe_due(self, now: float) -> bool:
        """May a probe go now?"""
        return self.down and not self.probing and now >= self.probe_at

    def probe(self) -> None:
        """A probe is on its way: no other goes until `succeeded`, `probe_failed` or `probe_returned`."""
        self.probing = True

    def succeeded(self) -> None:
        self.failures = 0
        self.down_since = None
        self.probing = False
        self._pause = self._first

    def failed(self, now: float, count: int = 1) -> None:
        """Failures in a row of calls that were no probes; what was in flight when it opened says nothing new."""
        self.failures += count
        if not self.down and self.failures >= self.after:
            self.down_since = now
            self.probe_at = now + self._pause

    def probe_failed(self, now: float, asked: float | None = None) -> None:
        """`asked`: seconds that the server asked to wait."""
        self.failures += 1
        self.probing = False
        self._pause = min(self._longest, 2 * self._pause)
        self.probe_at = now + max(self._pause, asked or 0.0)

    def probe_returned(self) -> None:
        """Nothing was asked after all: another may go at once."""
        self.probing = False
