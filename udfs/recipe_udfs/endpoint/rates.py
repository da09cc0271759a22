"""Rates: how much may begin in a minute. Pure: the time is passed in, in seconds of any clock that only goes on."""

from __future__ import annotations

SMOOTH = 60
"""A bucket holds a sixtieth of a minute's amount: what may come at once."""


class Bucket:
    """A token bucket that keeps every minute, wherever it begins, to `per_minute`.

    It is full at the start and refills evenly; what it holds at once counts into the minute, so it refills by that
    much less. An amount larger than the bucket is let through when the bucket is full, and leaves a debt: then, and
    only then, a minute may see more than `per_minute`, by less than that one amount.
    """

    def __init__(self, per_minute: int, now: float):
        self.holds = max(1, per_minute // SMOOTH)
        self._per_second = (per_minute - self.holds + 1) / 60
        self._level = float(self.holds)
        self._at = now

    def wait(self, amount: int, now: float) -> float:
        """Seconds until `amount` may be taken; 0 where it may be now."""
        short = min(amount, self.holds) - self._filled(now)
        # What rounding leaves short is not worth a timer.
        return short / self._per_second if short > 1e-6 else 0.0

    def take(self, amount: int, now: float) -> None:
        """Takes what `wait` has said may be taken."""
        self._level = self._filled(now) - amount
        self._at = now

    def give_back(self, amount: int, now: float) -> None:
        """What was taken and not used. A negative amount: what was used beyond it."""
        self._level = min(float(self.holds), self._filled(now) + amount)
        self._at = now

    def _filled(self, now: float) -> float:
        return min(float(self.holds), self._level + self._per_second * max(0.0, now - self._at))
