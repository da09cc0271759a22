"""What an endpoint may be asked now: its window, its addresses' health, its rates and budgets, as one state.

Pure: the time is passed in and nothing waits here. One process asks it directly (`permits.LocalPermits`); for many,
it stands in the driver and is divided among them by a coordinator.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from recipe_udfs.endpoint.breaker import Breaker
from recipe_udfs.endpoint.budget import Budget, Spend
from recipe_udfs.endpoint.errors import EndpointError, ServedModelChanged
from recipe_udfs.endpoint.manners import Manners, Window
from recipe_udfs.endpoint.outcomes import ServedModel
from recipe_udfs.endpoint.rates import Bucket
from recipe_udfs.endpoint.request import EndpointSpec
from recipe_udfs.endpoint.totals import AddressState, Counts, Stop, Totals

REFUSED_AFTER = 5
"""Requests in a row that a server refuses as malformed, or for which its name is not known, before any was answered,
after which it is not asked on."""


class Limits:
    def __init__(self, spec: EndpointSpec, in_flight: int, manners: Manners, now: float):
        self.spec = spec
        self.in_flight = in_flight
        self.stop: Stop | None = None
        self.windows = [Window(in_flight) for _ in spec.urls]
        self.breakers = [
            Breaker(manners.down_after, manners.probe_pause, manners.longest_probe_pause) for _ in spec.urls
        ]
        self.budget = Budget(spec)
        self._requests = Bucket(spec.requests_per_minute, now) if spec.requests_per_minute is not None else None
        self._tokens = Bucket(spec.tokens_per_minute, now) if spec.tokens_per_minute is not None else None
        self._served = ServedModel(spec)
        self._began = now
        self._down_since: float | None = None  # all addresses
        self._answered = False
        self._refusals = 0
        self._said = [""] * len(spec.urls)

    # ---- what may begin -----------------------------------------------------------------------------

    def quotas(self) -> tuple[int, ...]:
        """How many calls each address may have open; together at most `in_flight`. One that is down has none."""
        caps = [0 if b.down else w.limit for w, b in zip(self.windows, self.breakers, strict=True)]
        if len(caps) == 1:
            return (caps[0],)
        return divide(self.in_flight, caps, self.spec.weights)

    def probe_due(self, now: float) -> int | None:
        """An address to try whether it is up again."""
        for place, breaker in enumerate(self.breakers):
            if breaker.probe_due(now):
                return place
        return None

    def wait(self, size: Spend, now: float) -> float:
        """Seconds until a call of that size may begin as far as rates and budgets go: 0 is now, infinity is not
        before others have ended (then `blocked` says why)."""
        if self.budget.over(size) is not None:
            return math.inf
        requests = self._requests.wait(1, now) if self._requests is not None else 0.0
        tokens = self._tokens.wait(size.tokens, now) if self._tokens is not None else 0.0
        return max(requests, tokens)

    def begin(self, size: Spend, now: float) -> None:
        """A call of that size begins: `wait` was 0."""
        self.budget.reserve(size)
        if self._requests is not None:
            self._requests.take(1, now)
        if self._tokens is not None:
            self._tokens.take(size.tokens, now)

    def blocked(self, size: Spend) -> None:
        """A call of that size does not fit a budget, and nothing is under way whose end could make room."""
        over = self.budget.over(size)
        self.end(Stop("budget", f"{over} of the endpoint {self.spec.name or self.spec.host} is used up"))

    def end(self, stop: Stop) -> None:
        """The first reason stands."""
        self.stop = self.stop or stop

    def check_patience(self, now: float) -> None:
        """Ends it where all addresses have been down for too long."""
        if self._down_since is not None and now >= self._down_since + self.spec.patience:
            said = ", ".join(dict.fromkeys(filter(None, self._said)))
            self.end(Stop("unavailable", f"down for {now - self._down_since:,.0f} s, past its patience: {said}"))

    def changes_at(self, now: float) -> float:
        """When something will change that no call brings about: a probe gets due, or patience ends."""
        due = [b.probe_at for b in self.breakers if b.down and not b.probing]
        if self._down_since is not None:
            due.append(self._down_since + self.spec.patience)
        return min((at for at in due if at > now), default=math.inf)

    def asked_again(self, now: float) -> None:
        """Nobody was asking for a while: patience begins anew."""
        if self._down_since is not None:
            self._down_since = now

    # ---- what was seen ------------------------------------------------------------------------------

    def answered(self, address: int, calls: int) -> None:
        """Completions came from there."""
        self.well(address)
        self._answered = True
        for _ in range(calls):
            self.windows[address].success()

    def well(self, address: int) -> None:
        """The server said something that a server in trouble does not say."""
        self.breakers[address].succeeded()
        self._said[address] = ""
        self._down_since = None

    def failed(self, address: int, now: float, said: str, count: int = 1) -> None:
        """Failures in a row that another attempt may not meet."""
        self._said[address] = said
        self.breakers[address].failed(now, count)
        if self._down_since is None and all(breaker.down for breaker in self.breakers):
            self._down_since = now

    def too_many(self, address: int, begun: float, now: float, open_: int, said: str, count: int = 1) -> None:
        """The server has too much to do. It is given less; only one that has it with a single call is in trouble."""
        if self.windows[address].limit > 1:
            self.windows[address].too_many(begun, now, open_)
        else:
            self.failed(address, now, said, count)

    def probe_failed(self, address: int, now: float, said: str, asked: float | None) -> None:
        """`asked`: seconds that the server asked to wait."""
        self._said[address] = said
        self.breakers[address].probe_failed(now, asked)

    def bad_request(self, address: int, refusal: EndpointError, count: int = 1) -> None:
        """Requests refused as malformed: their own matter where others are answered, the recipe's where none is."""
        self.well(address)
        self._refused(refusal, count)

    def unknown(self, refusal: EndpointError, count: int = 1) -> None:
        """Requests for which an address has a name that nobody knows: the recipe's matter where none is answered. They
        are also failures of that address."""
        self._refused(refusal, count)

    def _refused(self, refusal: EndpointError, count: int) -> None:
        self._refusals += count
        if not self._answered and self._refusals >= REFUSED_AFTER:
            self.end(Stop("refused", refusal.message, refusal.remedy))

    def served(self, model: str | None, host: str) -> None:
        """The name that an answer came under."""
        try:
            self._served.check(model, host)
        except ServedModelChanged as error:
            self.end(Stop("served_model", error.message, error.remedy))

    def settled(self, released: Spend, used: Spend, now: float) -> None:
        """Calls are over: what they had reserved, and what they spent."""
        self.budget.book(released, used)
        if self._tokens is not None:
            self._tokens.give_back(released.tokens - used.tokens, now)

    # ---- what is shown ------------------------------------------------------------------------------

    def totals(self, counts: Counts, open_: int, now: float) -> Totals:
        """Counts as they are shown."""
        return Totals(
            calls=counts.calls,
            unsettled=counts.unsettled,
            attempts=counts.attempts,
            prompt_tokens=counts.spent.prompt,
            completion_tokens=counts.spent.completion,
            cost=self.spec.cost(counts.spent.prompt, counts.spent.completion),
            kinds=dict(counts.kinds),
            open=open_,
            addresses=tuple(self._state(place, now) for place in range(len(self.breakers))),
            seconds=now - self._began,
            stop=self.stop,
        )

    def _state(self, place: int, now: float) -> AddressState:
        breaker = self.breakers[place]
        state = "up" if not breaker.down else "probing" if breaker.probing else "down"
        seconds = 0.0 if breaker.down_since is None else now - breaker.down_since
        return AddressState(self.spec.hosts[place], state, seconds, self._said[place])


def divide(total: int, caps: Sequence[int], weights: Sequence[float]) -> tuple[int, ...]:
    """Whole parts of `total` in proportion to `weights`, none above its cap; what a cap leaves goes to the others.
    Together they are min(total, sum of caps)."""
    parts = [0] * len(caps)
    left = min(total, sum(caps))
    while left:
        free = [place for place, cap in enumerate(caps) if parts[place] < cap]
        whole = sum(weights[place] for place in free)
        given = 0
        for place in free:
            part = min(caps[place] - parts[place], int(left * weights[place] / whole))
            parts[place] += part
            given += part
        if not given:  # less than one for each: to those that have least for their weight
            for place in sorted(free, key=lambda place: (parts[place] + 1) / weights[place])[:left]:
                parts[place] += 1
                given += 1
        left -= given
    return tuple(parts)
