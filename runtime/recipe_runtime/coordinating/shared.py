"""One endpoint's limits, divided among the workers that ask it. Pure: the time is passed in, nothing is sent here.

What may be in flight is leased: a worker begins calls by itself while it has fewer open than its lease says. A lease
that is lowered counts until the worker has said that it keeps to the lower one, so that the sum over all workers of
max(lease, open) is never above the endpoint's `in_flight`. Where a rate or a budget counts each call, a worker also
claims every start, and is told how many of its claims may have begun.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from recipe_udfs.endpoint.budget import NOTHING, Spend
from recipe_udfs.endpoint.errors import EndpointRefused
from recipe_udfs.endpoint.limits import Limits, divide
from recipe_udfs.endpoint.manners import Manners
from recipe_udfs.endpoint.messages import Grant, Health, Report
from recipe_udfs.endpoint.request import EndpointSpec
from recipe_udfs.endpoint.totals import Counts, Totals

GRACE = 5.0
"""Seconds for which a worker that went without a word keeps its share: its calls may still be under way."""


@dataclass(eq=False)
class Worker:
    """A worker as it last reported. `leases`: by number, those that it may keep to by now, the last one told last."""

    step: str
    open: list[int]
    leases: dict[int, int]
    queued: int = 0
    grant: Grant | None = None                            # as it was told last
    claims: deque[Spend] = field(default_factory=deque)
    granted: int = 0
    pending: deque[Spend] = field(default_factory=deque)  # granted, and not begun as far as it said
    reserved: Spend = NOTHING                             # granted, and not over
    released: Spend = NOTHING
    begun: int = 0
    counted: Counts = field(default_factory=Counts)
    probe: int | None = None
    probe_told: bool = False
    probes: int = 0
    gone_at: float | None = None

    @property
    def lease(self) -> int:
        """What it was told last."""
        return next(reversed(self.leases.values()))

    @property
    def held(self) -> int:
        """How many calls it may have in flight, for all that is known."""
        return max(sum(self.open), *self.leases.values())


class Shared:
    """The workers of one endpoint. `join`, `report` and `leave` are told as they happen; `divide` then says what is to
    be granted to whom."""

    def __init__(self, spec: EndpointSpec, manners: Manners, now: float):
        self.spec = spec
        self.limits = Limits(spec, spec.in_flight, manners, now)
        self.workers: list[Worker] = []
        self.counts = Counts()
        self.steps: dict[str, Counts] = {}
        self._numbers = 0
        self._turn = 0
        self.next_at = math.inf

    # ---- what happens -------------------------------------------------------------------------------

    def join(self, step: str, now: float) -> Worker:
        """A worker came; it has nothing until the next `divide`."""
        if not any(one.gone_at is None for one in self.workers):
            self.limits.asked_again(now)
        worker = Worker(step, [0] * len(self.spec.urls), {self._number(): 0})
        self.steps.setdefault(step, Counts())
        self.workers.append(worker)
        return worker

    def report(self, worker: Worker, report: Report, now: float) -> None:
        """What a worker says. Raises ValueError where that cannot be."""
        counted = self.spec.metered
        shaped = len(report.open) == len(report.health) == len(worker.open) and report.applied in worker.leases
        if not shaped or (counted and report.begun > worker.begun + len(worker.pending)):
            raise ValueError("a report that cannot be")
        worker.open, worker.queued = list(report.open), report.queued
        worker.leases = {number: lease for number, lease in worker.leases.items() if number >= report.applied}
        worker.claims.extend(Spend(1, prompt, completion) for prompt, completion in report.claims)
        for _ in range(report.begun - worker.begun if counted else 0):
            worker.pending.popleft()
        worker.begun = report.begun
        self._count(worker, report, now)
        for address, health in enumerate(report.health):
            self._saw(address, health, report, now)
        for model, address in report.served:
            self.limits.served(model, self.spec.hosts[address])
        if worker.probe is not None and report.probe is not None:
            if report.probe == "failed":
                self.limits.probe_failed(worker.probe, now, report.health[worker.probe].said, report.asked)
            self._probe_over(worker)

    def _count(self, worker: Worker, report: Report, now: float) -> None:
        """Books what is new in a worker's counts."""
        released, used = Spend(*report.released), Spend(*report.used)
        before = worker.counted
        new = Counts(
            report.attempts - before.attempts,
            report.calls - before.calls,
            report.unsettled - before.unsettled,
            used - before.spent,
        )
        new.kinds.update({kind: n - before.kinds[kind] for kind, n in report.kinds.items()})
        self.limits.settled(released - worker.released, new.spent, now)
        worker.reserved -= released - worker.released
        worker.released = released
        worker.counted = Counts(report.attempts, report.calls, report.unsettled, used)
        worker.counted.kinds.update(report.kinds)
        self._add(worker.step, new)

    def _add(self, step: str, new: Counts) -> None:
        for counts in (self.counts, self.steps[step]):
            counts.attempts += new.attempts
            counts.calls += new.calls
            counts.unsettled += new.unsettled
            counts.spent += new.spent
            counts.kinds.update(new.kinds)

    def _saw(self, address: int, health: Health, report: Report, now: float) -> None:
        limits = self.limits
        if health.answered:
            limits.answered(address, health.answered)
        if health.bad_requests and report.refusal is not None:
            limits.bad_request(address, EndpointRefused(*report.refusal), health.bad_requests)
        if health.unknown and report.refusal is not None:
            limits.unknown(EndpointRefused(*report.refusal), health.unknown)
        if health.failed:
            limits.failed(address, now, health.said, health.failed)
        if health.too_many:
            open_ = sum(worker.open[address] for worker in self.workers)
            limits.too_many(address, now - health.age, now, open_, health.said, health.too_many)

    def leave(self, worker: Worker, now: float, *, orderly: bool) -> None:
        """A worker's connection ended. Of the calls it had open the end is unknown, so they count as made; its share
        returns at once where it said goodbye, else after a while."""
        lost = worker.reserved
        if orderly:
            self.limits.settled(sum(worker.pending, NOTHING), NOTHING, now)
            lost -= sum(worker.pending, NOTHING)
        calls = lost.calls if self.spec.metered else sum(worker.open)
        used = Spend(calls, lost.prompt, lost.completion)
        self.limits.settled(lost, used, now)
        self._add(worker.step, Counts(calls, 0, calls, used))
        if worker.probe is not None:
            self._probe_over(worker)
        worker.queued = 0
        worker.claims.clear()
        worker.gone_at = now
        if orderly or not worker.held:
            self.workers.remove(worker)

    def _probe_over(self, worker: Worker) -> None:
        self.limits.breakers[worker.probe].probe_returned()
        worker.probe = None

    # ---- what is granted ----------------------------------------------------------------------------

    def divide(self, now: float) -> list[tuple[Worker, Grant]]:
        """What is new for whom. `next_at` says when to divide again if nothing happens."""
        limits = self.limits
        self.next_at = math.inf
        self.workers = [one for one in self.workers if one.gone_at is None or now < one.gone_at + GRACE]
        there = [one for one in self.workers if one.gone_at is None]
        if there:
            limits.check_patience(now)
        if limits.stop is None:
            self._lease(there, now)
            self._start(there, now)
        gone = [one.gone_at + GRACE for one in self.workers if one.gone_at is not None]
        self.next_at = min([self.next_at, limits.changes_at(now), *gone])
        granted = ((one, self._grant(one)) for one in there)
        return [(one, grant) for one, grant in granted if grant is not None]

    def _lease(self, there: Sequence[Worker], now: float) -> None:
        """Divides what may be in flight by demand; what nobody asks for now stands ready with all."""
        limits = self.limits
        probes = sum(b.down and (b.probing or now >= b.probe_at) for b in limits.breakers)
        total = max(0, min(sum(limits.quotas()), self.spec.in_flight - probes))
        even = [1.0] * len(there)
        shares = divide(total, [min(total, self._demand(one)) for one in there], even) if there else ()
        spare = total - sum(shares)
        more = divide(spare, [spare] * len(there), even) if there else ()
        targets = {one: share + extra for one, share, extra in zip(there, shares, more, strict=True)}
        for one, target in targets.items():
            if target < one.lease:
                self._set(one, target)
        free = total - sum(one.held for one in self.workers)
        for one in sorted(there, key=lambda one: one.lease):
            lease = min(targets[one], one.held + max(0, free))
            if lease > one.lease:
                free -= max(0, lease - one.held)
                self._set(one, lease)
        self._probe(there, now)

    def _demand(self, worker: Worker) -> int:
        """How many calls it would have in flight. One whose next request no budget has room for asks for nothing, so
        that what others have claimed can be used."""
        waits = worker.claims and self.limits.budget.over(worker.claims[0]) is not None
        return sum(worker.open) + len(worker.pending) + (0 if waits else worker.queued)

    def _set(self, worker: Worker, lease: int) -> None:
        worker.leases[self._number()] = lease

    def _number(self) -> int:
        self._numbers += 1
        return self._numbers

    def _probe(self, there: Sequence[Worker], now: float) -> None:
        """Lets the worker that has probed least try an address that is down."""
        address = self.limits.probe_due(now)
        able = [one for one in there if one.queued and one.probe is None]
        held = sum(one.held + (one.probe is not None) for one in self.workers)
        if address is None or not able or held >= self.spec.in_flight:
            return
        chosen = min(able, key=lambda one: one.probes)
        chosen.probe, chosen.probe_told = address, False
        chosen.probes += 1
        self.limits.breakers[address].probe()

    def _start(self, there: Sequence[Worker], now: float) -> None:
        """Grants claims in turn, one of each worker that has room, as rates and budgets allow."""
        limits = self.limits
        order = deque(there)
        order.rotate(-self._turn)
        idle = 0
        while order and idle < len(order):
            worker = order[0]
            order.rotate(-1)
            idle += 1
            if not worker.claims or len(worker.pending) >= self._room(worker):
                continue
            size = worker.claims[0]
            wait = limits.wait(size, now)
            if wait:
                self.next_at = min(self.next_at, now + wait)
                continue
            limits.begin(size, now)
            worker.pending.append(worker.claims.popleft())
            worker.reserved += size
            worker.granted += 1
            self._turn += 1
            idle = 0
        heads = [one.claims[0] for one in there if one.claims]
        if heads and not limits.budget.reserved.calls and all(limits.budget.over(size) for size in heads):
            limits.blocked(heads[0])

    def _room(self, worker: Worker) -> int:
        """How many granted claims a worker may hold. Beyond those that it can begin now, it gets some ahead, unless
        there is a rate: what is granted then is to begin then."""
        if worker.probe is not None:
            return 1
        now = max(0, worker.lease - sum(worker.open))
        rated = self.spec.requests_per_minute is not None or self.spec.tokens_per_minute is not None
        return now if rated or not worker.lease else now + 1 + worker.lease // 4

    def _grant(self, worker: Worker) -> Grant | None:
        """The worker's grant as it is now; None where that was told before."""
        stop = self.limits.stop
        made = Grant(
            number=next(reversed(worker.leases)),
            lease=worker.lease,
            starts=worker.granted if self.spec.metered else None,
            quotas=list(self.limits.quotas()),
            down=[breaker.down for breaker in self.limits.breakers],
            stop=(stop.kind, stop.message, stop.remedy) if stop is not None else None,
        )
        probe = None if worker.probe_told else worker.probe
        if made == worker.grant and probe is None:
            return None
        worker.grant, worker.probe_told = made, worker.probe is not None
        return replace(made, probe=probe)

    def totals(self, step: str | None, now: float) -> Totals:
        """Of the endpoint, or of one step's asking."""
        workers = [one for one in self.workers if step is None or one.step == step]
        counts = self.counts if step is None else self.steps.get(step, Counts())
        return self.limits.totals(counts, sum(sum(one.open) for one in workers), now)
