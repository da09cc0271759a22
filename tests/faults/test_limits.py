"""An endpoint's limits with two executors, by its server's own count: they hold for both together, and one that has
nothing more to ask leaves its share to the other."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest
from asking_jobs import ASK, HEAD, reply
from stub.clients import pid_of
from stub_server import Entry, Fault, Stub

from faults.clusters import ON_TWO_CORES
from faults.oracle import kept_to, most_open
from faults.place import Place

REQUESTS = 900
"""A minute: 15 in a second."""
TOKENS = 9_600
"""A minute: 160 in a second, some 13 answers."""
TOKENS_EACH = 12
"""That the stub counts for an answer and its prompt."""
STEPS = {"requests": f"requests_per_minute = {REQUESTS}", "tokens": f"tokens_per_minute = {TOKENS}", "window": ""}
"""A step each, with an endpoint of its own → the limit of that beside `in_flight`."""


def recipe(place: Place, urls: dict[str, str]) -> str:
    """All of them over the same pages, under keys of their own."""
    before, endpoint, after = HEAD.partition(HEAD[HEAD.index("endpoint writer") : HEAD.index("prompt anew")])
    endpoint = endpoint.replace("in_flight = 8", f"in_flight = {place.size.in_flight}")
    made = [before]
    for name, limit in STEPS.items():
        own = endpoint.replace("writer", f"of_{name}").replace("= server", f'= "{urls[name]}"')
        made.append(own.replace("  timeout", f"  {limit}\n  timeout", 1))
    made.append(after)
    for number, name in enumerate(STEPS):
        ask = ASK.replace("writer", f"of_{name}").replace("seed        = 1", f"seed = {number}")
        made.append(f"transform {name} from base {{{ask}  on fail discard\n}}\nwrite {name} to delta(lake)\n")
    return "".join(made)


@dataclass
class OneIsQuick:
    """Answers at once whom it sees second. Whom it saw first it lets wait `longest` seconds for as long as that is
    the only one, so that they ask at the same time, and then `seconds`."""

    seconds: float
    longest: float = 4.0
    asked: list[int] = field(default_factory=list)  # by request: the process that asks
    processes: dict[tuple[str, int], int] = field(default_factory=dict)

    def fault(self, body: dict[str, Any], number: int) -> Fault:
        return Fault(act=self._saw)

    def _saw(self, peer: tuple[str, int]) -> None:
        if peer not in self.processes:
            self.processes[peer] = pid_of(peer)
        self.asked.append(self.processes[peer])

    def latency(self, number: int) -> float:
        if self.asked[number - 1] != self.asked[0]:
            return 0.02
        return self.seconds if len(set(self.asked)) > 1 else self.longest

    def of(self, entries: list[Entry]) -> tuple[list[Entry], list[Entry]]:
        """The requests of the slow one, and of the quick one."""
        slow, quick = dict.fromkeys(self.asked)
        by = {one: [e for e, pid in zip(entries, self.asked, strict=True) if pid == one] for one in (slow, quick)}
        return by[slow], by[quick]


@pytest.fixture(scope="module")
def ran(prepared, tmp_path_factory) -> tuple[Place, dict[str, Stub], OneIsQuick]:
    """One run under two executors of a core each, before three servers."""
    from faults.place import SMALL

    place = Place(tmp_path_factory.mktemp("limits"), SMALL).start_from(prepared)
    waits = OneIsQuick(place.size.seconds)
    servers = {
        "requests": Stub(answer=reply, latency=0.05), "tokens": Stub(answer=reply, latency=0.05),
        "window": Stub(answer=reply, faults=waits.fault, latency=waits.latency),
    }  # fmt: skip
    with servers["requests"], servers["tokens"], servers["window"]:
        made = recipe(place, {name: stub.url for name, stub in servers.items()})
        place.begin("", master="local-cluster[2,1,1024]", conf=ON_TWO_CORES, recipe=made).end()
    return place, servers, waits


def test_calls_in_flight_are_never_more_than_the_endpoint_allows(ran):
    place, servers, _ = ran
    for stub in servers.values():
        assert stub.completions == len(stub.ledger) == place.size.units
        assert stub.most_open <= place.size.in_flight


def test_rates_hold_over_both(ran):
    place, servers, _ = ran
    assert kept_to(REQUESTS, servers["requests"].ledger, place)
    assert kept_to(TOKENS, servers["tokens"].ledger, place, each=TOKENS_EACH)


def test_the_share_of_one_that_ends_early_goes_to_the_other(ran):
    place, servers, waits = ran
    slow, quick = waits.of(servers["window"].ledger)
    ended = max(entry.done for entry in quick)
    assert min(entry.at for entry in slow) < min(entry.at for entry in quick) < ended < max(e.at for e in slow)
    after = [entry for entry in slow if entry.at > ended]
    assert most_open(after) == place.size.in_flight, "the whole window is the other's"
