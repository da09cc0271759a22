"""Permits of a worker whose limits are leased to it by a coordinator, which keeps them for all workers together."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable

from recipe_udfs.endpoint.budget import NOTHING, Spend
from recipe_udfs.endpoint.errors import CoordinatorUnreachable
from recipe_udfs.endpoint.messages import (
    HEARTBEAT,
    LONGEST_LINE,
    SILENCE,
    Grant,
    Health,
    Hello,
    Lease,
    Refusal,
    Report,
    line,
    parse,
)
from recipe_udfs.endpoint.permits import Attempt, Call, Seen, pick
from recipe_udfs.endpoint.request import EndpointSpec
from recipe_udfs.endpoint.totals import Counts, Stop

SETTLE = 0.02
"""Seconds between two reports, unless the server has too much to do: that is said at once."""
CLAIMS = 64
"""Requests that ask to begin ahead of time, where each is counted."""
CONNECT = 10.0


class LeasedPermits:
    """Asks the coordinator of `lease` what may begin. A worker that loses it finishes what is in flight and begins
    nothing more."""

    def __init__(self, spec: EndpointSpec, lease: Lease):
        self.spec = spec
        self.stop: Stop | None = None
        self._lease = lease
        self._queue: deque[Call] = deque()
        self._claimed: deque[Call] = deque()  # where each is counted: in the order in which they were claimed
        self._open = [0] * len(spec.urls)
        self._begun = 0
        self._counts = Counts()
        self._released = NOTHING
        self._grant = Grant(0, 0, 0, [0] * len(spec.urls), [False] * len(spec.urls))
        self._probe: int | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._sent_at = float("-inf")
        self._known_models: set[str | None] = set()
        self._begin_report()

    def _begin_report(self) -> None:
        self._health = [Health() for _ in self.spec.urls]
        self._served: list[tuple[str | None, int]] = []
        self._probed: str | None = None
        self._asked: float | None = None
        self._refusal: tuple[str, str] | None = None

    # ---- as permits ---------------------------------------------------------------------------------

    async def start(self, changed: Callable[[], None]) -> None:
        lease, self._changed = self._lease, changed
        self._loop = asyncio.get_running_loop()
        hello = Hello(lease.token, lease.endpoint, lease.step)
        try:
            async with asyncio.timeout(CONNECT):
                self._reader, self._writer = await asyncio.open_connection(
                    lease.host, lease.port, limit=LONGEST_LINE, happy_eyeballs_delay=0.25
                )
                self._writer.write(line(hello))
                first = await self._reader.readline()
        except (OSError, ValueError) as error:  # TimeoutError among them
            raise self._unreachable(f"did not answer ({type(error).__name__})") from None
        try:
            self._apply(parse(Grant, first))
        except ValueError:
            try:
                said = parse(Refusal, first).refused
            except ValueError:
                said = "is something else"
            self._writer.close()
            raise self._unreachable(said) from None
        self._listener = self._loop.create_task(self._listen())
        self._report()

    def _unreachable(self, said: str) -> CoordinatorUnreachable:
        return CoordinatorUnreachable(
            f"the driver's coordinator at {self._lease.host}:{self._lease.port} {said}",
            "let the executors reach the driver on that port (it can be fixed), or write coordinator = none in the "
            "endpoint, which divides its limits evenly among the tasks",
        )

    def add(self, call: Call, *, first: bool = False) -> None:
        self._queue.appendleft(call) if first else self._queue.append(call)
        self._report_soon()

    def take(self) -> Attempt | None:
        waiting = self._claimed if self.spec.metered else self._queue
        if self.stop is not None or not waiting:
            return None
        grant, call = self._grant, waiting[0]
        if grant.starts is not None and self._begun >= grant.starts:
            return None
        if self._probe is not None:
            attempt = Attempt(call, self._probe, probe=True)
            self._probe = None
        elif sum(self._open) < grant.lease and any(grant.quotas):
            attempt = Attempt(call, pick(self._open, grant.quotas, call.avoid))
        else:
            return None
        waiting.popleft()
        self._begun += 1
        self._open[attempt.address] += 1
        self._report_soon()
        return attempt

    def done(self, attempt: Attempt, seen: Seen) -> None:
        seen.count(self._counts)
        self._released += attempt.call.size
        self._open[attempt.address] -= 1
        health = self._health[attempt.address]
        if seen.refusal is not None:
            self._refusal = seen.refusal.message, seen.refusal.remedy
        if seen.well:
            health.failed = health.too_many = 0
        if seen.kind is None:
            health.answered += 1
            if seen.served not in self._known_models:
                self._known_models.add(seen.served)
                self._served.append((seen.served, attempt.address))
        elif seen.well:
            health.bad_requests += 1
        else:
            health.said = seen.said
            health.unknown += seen.refusal is not None
            if not attempt.probe:
                self._trouble(health, seen)
        if attempt.probe:
            self._probed = "answered" if seen.well else "failed"
            self._asked = seen.asked
        self._report_soon(at_once=seen.too_many)

    def _trouble(self, health: Health, seen: Seen) -> None:
        if seen.too_many:
            age = self._loop.time() - seen.begun
            health.age = min(health.age, age) if health.too_many else age
            health.too_many += 1
        else:
            health.failed += 1

    def down(self, address: int) -> bool:
        return self._grant.down[address]

    def drain(self) -> list[Call]:
        calls = [*self._claimed, *self._queue]
        self._claimed.clear()
        self._queue.clear()
        return calls

    async def close(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        if self._grant.number:  # it did start
            self._listener.cancel()
            if self.stop is None or self.stop.kind != "lost_coordinator":
                self._write(bye=True)
            self._writer.close()

    # ---- the connection -----------------------------------------------------------------------------

    async def _listen(self) -> None:
        try:
            while True:
                async with asyncio.timeout(SILENCE):
                    received = await self._reader.readline()
                self._apply(parse(Grant, received))
                self._changed()
                if self._probe is not None:  # there was nothing to try it with
                    self._probe, self._probed = None, "returned"
                self._report_soon()
        except (OSError, ValueError) as error:  # silence, an end in the middle of a line, and a line too long
            said = "is gone" if isinstance(error, ValueError) else f"is gone ({type(error).__name__})"
            where = f"{self._lease.host}:{self._lease.port}"
            self.stop = self.stop or Stop("lost_coordinator", f"the driver's coordinator at {where} {said}")
            self._changed()

    def _apply(self, grant: Grant) -> None:
        self._grant = grant
        if grant.probe is not None:
            self._probe = grant.probe
        if grant.stop is not None:
            self.stop = self.stop or Stop(*grant.stop)

    def _report_soon(self, *, at_once: bool = False) -> None:
        """Several changes are one report."""
        if not self._grant.number:
            return  # not started yet
        now = self._loop.time()
        due = now if at_once else max(now, self._sent_at + SETTLE)
        if self._timer is not None:
            if self._timer.when() <= due:
                return
            self._timer.cancel()
        self._timer = self._loop.call_at(due, self._report)

    def _report(self) -> None:
        self._timer = None
        if self.stop is not None and self.stop.kind == "lost_coordinator":
            return
        self._write()
        self._timer = self._loop.call_later(HEARTBEAT, self._report)

    def _write(self, *, bye: bool = False) -> None:
        self._sent_at = self._loop.time()
        self._writer.write(line(self._state(bye)))
        self._begin_report()

    def _state(self, bye: bool) -> Report:
        counts = self._counts
        return Report(
            applied=self._grant.number,
            open=list(self._open),
            claims=self._claim() if self.spec.metered else [],
            queued=len(self._queue) + len(self._claimed),
            begun=self._begun,
            released=_plain(self._released),
            used=_plain(counts.spent),
            attempts=counts.attempts,
            calls=counts.calls,
            unsettled=counts.unsettled,
            kinds=dict(counts.kinds),
            health=self._health,
            served=self._served,
            probe=self._probed,
            asked=self._asked,
            refusal=self._refusal,
            bye=bye,
        )

    def _claim(self) -> list[tuple[int, int]]:
        """Claims what is ready; a call that comes again later stands behind what was claimed before."""
        made = []
        while self._queue and len(self._claimed) < CLAIMS:
            call = self._queue.popleft()
            self._claimed.append(call)
            made.append((call.size.prompt, call.size.completion))
        return made


def _plain(spend: Spend) -> tuple[int, int, int]:
    return spend.calls, spend.prompt, spend.completion
