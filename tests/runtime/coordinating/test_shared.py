"""One endpoint divided among workers that come, go and are slow to hear: whatever happens, the limits hold."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from typing import Any

import pytest
from recipe_runtime.coordinating.shared import GRACE, Shared, Worker
from recipe_udfs.endpoint.manners import Manners
from recipe_udfs.endpoint.messages import Grant, Health, Report
from recipe_udfs.endpoint.request import EndpointSpec

EACH = (10, 20)
"""Prompt and completion tokens that each call reserves; it uses the prompt and up to that many."""


@dataclass(eq=False)
class Simulated:
    """A worker as the coordinator does not see it: it applies a grant later, and is heard of later."""

    state: Worker
    todo: int
    open: int = 0
    begun: int = 0
    ended: int = 0
    calls: int = 0
    completion: int = 0
    claimed: int = 0
    new_claims: int = 0
    answered: int = 0
    grant: Grant = Grant(0, 0, 0, [0], [False])
    grants: list[Grant] = field(default_factory=list)   # on their way
    reports: list[Report] = field(default_factory=list)

    def begin(self, counted: bool) -> bool:
        if not self.todo or self.open >= self.grant.lease or self.grant.stop is not None:
            return False
        if counted and self.begun >= self.grant.starts:
            return False
        self.todo, self.open, self.begun = self.todo - 1, self.open + 1, self.begun + 1
        return True

    def end(self, dice: random.Random) -> None:
        self.open, self.ended = self.open - 1, self.ended + 1
        if dice.random() < 0.8:
            self.calls, self.answered = self.calls + 1, self.answered + 1
            self.completion += dice.randint(0, EACH[1])
        else:
            self.todo += 1  # refused for now

    def say(self, counted: bool, bye: bool = False) -> None:
        more = self.todo + self.begun - self.claimed if counted else 0
        self.claimed += more
        counts = counted * self.ended
        self.reports.append(
            Report(
                applied=self.grant.number, open=[self.open], queued=self.todo, begun=self.begun,
                claims=[EACH] * more, released=(counts, counts * EACH[0], counts * EACH[1]),
                used=(self.calls, self.calls * EACH[0], self.completion), attempts=self.ended, calls=self.calls,
                unsettled=0, kinds={}, health=[Health(answered=self.answered)], served=[], bye=bye,
            )
        )  # fmt: skip
        self.answered = 0


@pytest.mark.parametrize("seed", range(40))
def test_whatever_happens_the_limits_hold(seed: int) -> None:
    dice = random.Random(seed)
    limits: dict[str, Any] = dice.choice([{}, {"max_calls": 60}, {"max_tokens": 1_500}, {"requests_per_minute": 6_000}])
    in_flight = dice.choice([1, 2, 5, 16])
    spec = EndpointSpec("http://h/v1", "m", in_flight=in_flight, **limits)
    now, shared, there, ghosts = 0.0, Shared(spec, Manners(), 0.0), [], []
    calls = tokens = most = begun = 0
    for step in range(40_000):
        if step > 2_000 and (shared.limits.stop is not None or not there):
            break
        now += 0.003
        if len(there) < 4 and dice.random() < 0.02 and step < 2_000:
            there.append(Simulated(shared.join("s", now), dice.randint(0, 40)))
        for one in there:
            if one.grants and dice.random() < 0.3:
                one.grant = one.grants.pop(0)
            while dice.random() < 0.5 and one.begin(spec.metered):
                begun += 1
            if one.open and dice.random() < 0.3:
                before = one.calls, one.completion
                one.end(dice)
                calls += one.calls - before[0]
                tokens += (one.calls - before[0]) * EACH[0] + one.completion - before[1]
            if one.grant.number and dice.random() < 0.2:
                one.say(spec.metered)
            if one.reports and dice.random() < 0.4:
                shared.report(one.state, one.reports.pop(0), now)
        for one in list(there):
            quiet = not one.todo and not one.open and one.grant.number
            if quiet and dice.random() < 0.05:
                one.say(spec.metered, bye=True)
                for report in one.reports:
                    shared.report(one.state, report, now)
                shared.leave(one.state, now, orderly=True)
                there.remove(one)
            elif dice.random() < 0.0005:
                shared.leave(one.state, now, orderly=False)
                there.remove(one)
                ghosts.append((now + GRACE, one.open))
        if dice.random() < 0.4:
            by_state = {one.state: one for one in there}
            for state, grant in shared.divide(now):
                by_state[state].grants.append(grant)
        ghosts = [(until, open_) for until, open_ in ghosts if now < until]
        in_all = sum(one.open for one in there) + sum(open_ for _, open_ in ghosts)
        most = max(most, in_all)
        assert in_all <= in_flight
        assert calls <= limits.get("max_calls", calls) and tokens <= limits.get("max_tokens", tokens)
    assert begun > 20 and (most == in_flight or limits)
    assert shared.limits.stop is not None or not there, "somebody waits for ever"


def test_a_lease_that_is_lowered_counts_until_the_worker_says_so() -> None:
    spec = EndpointSpec("http://h/v1", "m", in_flight=8)
    shared = Shared(spec, Manners(), 0.0)
    first = Simulated(shared.join("s", 0.0), 20)
    ((_, first.grant),) = shared.divide(0.0)
    assert first.grant.lease == 8
    first.say(False)
    shared.report(first.state, first.reports.pop(), 0.1)
    second = Simulated(shared.join("s", 0.2), 20)
    second.grant = dict(shared.divide(0.2))[second.state]
    second.say(False)
    shared.report(second.state, second.reports.pop(), 0.3)
    first.grant = dict(shared.divide(0.3))[first.state]
    assert (first.grant.lease, second.state.lease) == (4, 0)
    first.open = 6  # it had begun as many before it heard
    first.say(False)
    shared.report(first.state, first.reports.pop(), 0.4)
    shared.divide(0.4)
    assert (first.state.lease, second.state.lease) == (4, 2)
    first.open = 3
    first.say(False)
    shared.report(first.state, first.reports.pop(), 0.5)
    shared.divide(0.5)
    assert (first.state.lease, second.state.lease) == (4, 4)
