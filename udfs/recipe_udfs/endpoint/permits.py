"""Permits: when the next call of a stream may begin, and at which address.

A stream hands every call that is ready for an attempt to its permits, takes from them what may begin, and tells them
what came of it. `LocalPermits` decides in this process; `leases.LeasedPermits` by what a coordinator in the driver
allows all workers together. All of it happens in the thread of the stream's event loop.
"""

from __future__ import annotations

import asyncio
import math
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from time import monotonic
from typing import Protocol

from recipe_udfs.endpoint.budget import NOTHING, Spend, size
from recipe_udfs.endpoint.errors import EndpointError
from recipe_udfs.endpoint.limits import Limits
from recipe_udfs.endpoint.manners import Manners
from recipe_udfs.endpoint.request import EndpointSpec, Kind, Request
from recipe_udfs.endpoint.totals import Counts, Stop, Totals


@dataclass(slots=True, eq=False)
class Call:
    """A request on its way through its attempts. `counted` are those that count against it: an attempt that an
    address in trouble met does not. `used`: seconds of counted attempts and the pauses after them. `avoid`: the
    address where it failed last."""

    request: Request
    size: Spend
    attempts: int = 0
    counted: int = 0
    used: float = 0.0
    avoid: int | None = None


@dataclass(frozen=True, slots=True)
class Attempt:
    """An attempt that may begin: of which call, at which address, and is it to find out whether that is up?"""

    call: Call
    address: int
    probe: bool = False


@dataclass(frozen=True, slots=True)
class Seen:
    """What came of an attempt. `kind` is None where it was answered, else how it failed, and `said` tells it in a
    line that is safe to show. `begun`: on the loop's clock. `used` is booked for it; `unsettled`: its end is unknown.
    `asked`: seconds that the server asked to wait. `refusal`: the server says that it cannot do this request, or its
    name is not known."""

    begun: float
    kind: Kind | None = None
    said: str = ""
    used: Spend = NOTHING
    served: str | None = None
    unsettled: bool = False
    too_many: bool = False
    asked: float | None = None
    refusal: EndpointError | None = None

    @property
    def well(self) -> bool:
        """Did the server say what a server in trouble does not say?"""
        return self.kind in (None, "bad_request")

    def count(self, counts: Counts) -> None:
        """Adds one attempt that is over."""
        counts.attempts += 1
        counts.unsettled += self.unsettled
        counts.spent += self.used
        if self.kind is None:
            counts.calls += 1
        else:
            counts.kinds[self.kind] += 1


class Permits(Protocol):
    stop: Stop | None
    """Set once nothing more will be allowed to begin."""

    async def start(self, changed: Callable[[], None]) -> None:
        """In the stream's loop, before anything else. `changed` is called when more may begin, or `stop` is set.
        Raises EndpointError."""

    def add(self, call: Call, *, first: bool = False) -> None:
        """A call is ready; `first`: before those that have not been tried yet."""

    def take(self) -> Attempt | None:
        """The next attempt that may begin now; it has begun then."""

    def done(self, attempt: Attempt, seen: Seen) -> None:
        """An attempt that was taken is over."""

    def down(self, address: int) -> bool:
        """Is it taken to be down?"""

    def drain(self) -> list[Call]:
        """All calls that were added and not taken; they are given up."""

    async def close(self) -> None:
        """The stream is over; attempts that are not done by now have an unknown end."""


def new_call(spec: EndpointSpec, request: Request) -> Call:
    """A call that nothing has been tried for."""
    return Call(request, size(spec, request) if spec.metered else NOTHING)


def pick(open_: Sequence[int], quotas: Sequence[int], avoid: int | None) -> int:
    """The address with a quota that has least open for it; another than `avoid` where there is one."""
    if len(quotas) == 1:
        return 0
    free = [place for place, quota in enumerate(quotas) if quota]
    free = [place for place in free if place != avoid] or free
    return min(free, key=lambda place: (open_[place] + 1) / quotas[place])


class LocalPermits:
    """Permits of one process by itself: the endpoint's limits are this stream's. `in_flight`: instead of the
    endpoint's own."""

    def __init__(self, spec: EndpointSpec, *, in_flight: int | None = None, manners: Manners | None = None):
        self.spec = spec
        self.in_flight = spec.in_flight if in_flight is None else in_flight
        self._limits = Limits(spec, self.in_flight, manners or Manners(), monotonic())
        self._queue: deque[Call] = deque()
        self._open = [0] * len(spec.urls)
        self._timer: asyncio.TimerHandle | None = None
        self._counts = Counts()

    @property
    def stop(self) -> Stop | None:
        return self._limits.stop

    async def start(self, changed: Callable[[], None]) -> None:
        self._loop = asyncio.get_running_loop()  # its clock is time.monotonic()
        self._changed = changed

    def add(self, call: Call, *, first: bool = False) -> None:
        self._queue.appendleft(call) if first else self._queue.append(call)

    def take(self) -> Attempt | None:
        limits, now = self._limits, monotonic()
        limits.check_patience(now)
        if limits.stop is not None or not self._queue:
            return None
        attempt = self._next(now)
        if attempt is None:
            self._call_at(limits.changes_at(now))
            return None
        wait = limits.wait(attempt.call.size, now)
        if wait:
            if math.isfinite(wait):
                self._call_at(now + wait)
            elif not any(self._open):
                limits.blocked(attempt.call.size)
            return None
        self._queue.popleft()
        limits.begin(attempt.call.size, now)
        self._open[attempt.address] += 1
        if attempt.probe:
            limits.breakers[attempt.address].probe()
        return attempt

    def _next(self, now: float) -> Attempt | None:
        """What may begin as far as the window and the addresses' health go."""
        limits, call, open_ = self._limits, self._queue[0], sum(self._open)
        if open_ < self.in_flight:
            probe = limits.probe_due(now)
            if probe is not None:
                return Attempt(call, probe, probe=True)
            quotas = limits.quotas()
            if open_ < sum(quotas):
                return Attempt(call, pick(self._open, quotas, call.avoid))
        return None

    def done(self, attempt: Attempt, seen: Seen) -> None:
        limits, now, address = self._limits, monotonic(), attempt.address
        limits.settled(attempt.call.size, seen.used, now)
        seen.count(self._counts)
        if seen.refusal is not None and not seen.well:
            limits.unknown(seen.refusal)
        if seen.kind is None:
            limits.answered(address, 1)
        elif seen.well:
            limits.bad_request(address, seen.refusal)
        elif attempt.probe:
            limits.probe_failed(address, now, seen.said, seen.asked)
        elif seen.too_many:
            limits.too_many(address, seen.begun, now, self._open[address], seen.said)
        else:
            limits.failed(address, now, seen.said)
        self._open[address] -= 1

    def down(self, address: int) -> bool:
        return self._limits.breakers[address].down

    def drain(self) -> list[Call]:
        calls = list(self._queue)
        self._queue.clear()
        return calls

    async def close(self) -> None:
        if self._timer is not None:
            self._timer.cancel()

    def totals(self) -> Totals:
        """What was asked so far; from any thread."""
        return self._limits.totals(self._counts, sum(self._open), monotonic())

    def _call_at(self, when: float) -> None:
        """Looks again then, or earlier."""
        if math.isfinite(when) and (self._timer is None or self._timer.cancelled() or when < self._timer.when()):
            if self._timer is not None:
                self._timer.cancel()
            self._timer = self._loop.call_at(when, self._look_again)

    def _look_again(self) -> None:
        self._timer = None
        self._changed()
