"""Limits of one process by itself, and pools of addresses, against real servers: what holds stands in their ledgers."""

from __future__ import annotations

import socket
from time import monotonic
from typing import Any

import pytest
from asking_a_stub import QUICK, ask, requests
from recipe_udfs.endpoint.client import answers
from recipe_udfs.endpoint.manners import Manners
from recipe_udfs.endpoint.permits import LocalPermits
from recipe_udfs.endpoint.request import Answer, EndpointSpec, Waiting
from stub_server import Fault, Reply, Stub


def pool(*stubs: Stub, **spec: Any) -> EndpointSpec:
    return EndpointSpec(stubs[0].url, "m", urls=tuple(stub.url for stub in stubs), **spec)


def all_of(spec: EndpointSpec, count: int, permits: LocalPermits | None = None, window: int = 8) -> list[Any]:
    found = answers(spec, requests(count, max_tokens=5), window=window, manners=QUICK, permits=permits)
    return [one for one in found if one is not None]


# ---- budgets ----------------------------------------------------------------------------------------


def test_max_calls_is_exact() -> None:
    with Stub() as stub:
        spec = EndpointSpec(stub.url, "m", max_calls=17)
        permits = LocalPermits(spec, in_flight=8, manners=QUICK)
        found = all_of(spec, 50, permits)
        assert stub.completions == len(stub.ledger) == 17
    waiting = [one for one in found if isinstance(one, Waiting)]
    assert len(found) == 50 and len(waiting) == 33
    assert {(one.kind, one.attempts) for one in waiting} == {("budget", 0)}
    assert "max_calls = 17" in waiting[0].detail
    assert permits.totals().calls == 17 and permits.totals().stop.kind == "budget"


def test_a_call_that_was_refused_for_now_is_none_of_the_budgets() -> None:
    with Stub(faults={n: Fault(status=500) for n in range(1, 9)}) as stub:
        found = ask(stub.url, 10, max_calls=10)
        assert all(isinstance(one, Answer) for one in found) and stub.completions == 10


def test_an_answer_that_did_not_come_may_have_been_charged() -> None:
    with Stub(faults={1: Fault(short=True), 2: Fault(short=True)}) as stub:
        found = ask(stub.url, 10, max_calls=10, window=1)
        assert sum(isinstance(one, Answer) for one in found) == 8 == stub.completions


@pytest.mark.parametrize("usage", [(7, 5), (9, 1), None])
@pytest.mark.parametrize("limit", [{"max_tokens": 200}, {"max_cost": 0.0002, "input_price": 1.0, "output_price": 1.0}])
def test_tokens_and_costs_are_held_by_what_the_server_counts(
    usage: tuple[int, int] | None, limit: dict[str, Any]
) -> None:
    with Stub(answer=lambda request, n: Reply("x", usage=usage)) as stub:
        spec = EndpointSpec(stub.url, "m", **limit)
        permits = LocalPermits(spec, in_flight=4, manners=QUICK)
        all_of(spec, 100, permits)
        each = sum(usage) if usage else 9 + 5
        assert (200 - 14) / each < stub.completions <= 200 / each
    totals = permits.totals()
    assert totals.prompt_tokens + totals.completion_tokens == each * stub.completions
    assert totals.stop.kind == "budget"


# ---- rates ------------------------------------------------------------------------------------------


def test_a_rate_of_requests_holds() -> None:
    with Stub() as stub:
        began = monotonic()
        ask(stub.url, 60, requests_per_minute=1_200, window=16)
        assert len(stub.ledger) == 60
        # 20 at once and 19.7 a second after that.
        for n, entry in enumerate(sorted(stub.ledger, key=lambda entry: entry.at)):
            assert entry.at - began >= (n - 20) / 19.7


def test_a_rate_of_tokens_holds_and_what_was_not_used_comes_back() -> None:
    with Stub(answer=lambda request, n: Reply("x", usage=(9, 1))) as stub:
        began = monotonic()
        ask(stub.url, requests(30, max_tokens=9_991), tokens_per_minute=6_000, window=16)
        # Reserved are 10,000 tokens a call, used are 10; a second has 100.
        assert len(stub.ledger) == 30
        assert 10 * (30 - 1 - 10) / 100 < stub.ledger[-1].at - began < 200 < 30 * 10_000 / 100


# ---- pools ------------------------------------------------------------------------------------------


def test_a_pool_shares_the_calls_by_weight() -> None:
    with Stub() as one, Stub() as two:
        one.held = two.held = lambda n: one.most_open + two.most_open < 8
        found = all_of(pool(one, two, weights=(3.0, 1.0)), 200)
        assert len(found) == 200 and all(isinstance(each, Answer) for each in found)
        assert (one.most_open, two.most_open) == (6, 2)
        assert one.completions + two.completions == 200


def test_a_pool_goes_on_without_the_one_that_is_down() -> None:
    with socket.socket() as kept, Stub() as well:
        kept.bind(("127.0.0.1", 0))
        dead = f"http://127.0.0.1:{kept.getsockname()[1]}/v1"
        spec = EndpointSpec(dead, "m", urls=(dead, well.url))
        permits = LocalPermits(spec, in_flight=8, manners=Manners(backoff=0.01, longest_backoff=0.04))
        found = all_of(spec, 300, permits)
        assert all(isinstance(one, Answer) for one in found) and well.completions == 300
    states = {one.host: one for one in permits.totals().addresses}
    assert states[spec.hosts[1]].state == "up"
    assert states[spec.hosts[0]].state != "up" and states[spec.hosts[0]].seconds > 0
    assert "ConnectError" in states[spec.hosts[0]].said


def test_a_pool_with_one_that_has_too_much_to_do() -> None:
    with Stub() as one, Stub(capacity=2, latency=0.005) as two:
        patient = Manners(attempts=20, backoff=0.01, longest_backoff=0.1)
        found = answers(pool(one, two), requests(300), window=16, manners=patient)
        found = [each for each in found if each is not None]
        assert len(found) == 300 and all(isinstance(each, Answer) for each in found)
        assert one.completions + two.completions == 300


def test_a_pool_is_all_down_only_when_each_is() -> None:
    with Stub(faults=lambda request, n: Fault(status=503)) as one, Stub(faults=lambda r, n: Fault(close=True)) as two:
        spec = pool(one, two, patience=0.2)
        found = all_of(spec, 100)
        assert len(found) == 100 and all(isinstance(each, Waiting) for each in found)
        assert found[-1].kind == "unavailable"
        assert all(host in found[-1].detail for host in spec.hosts)


def test_a_key_goes_to_every_address_of_a_pool(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("THE_KEY", "sk-1")
    with Stub() as one, Stub() as two:
        all_of(pool(one, two, key_env="THE_KEY"), 40)
        for stub in (one, two):
            assert {entry.headers["authorization"] for entry in stub.ledger} == {"Bearer sk-1"}


def test_the_addresses_of_a_pool_serve_one_model() -> None:
    first, second = (lambda request, n, model=model: Reply("x", model=model) for model in ("m-1", "m-2"))
    with Stub(answer=first) as one, Stub(answer=second) as two:
        with pytest.raises(Exception, match="answers of two models do not mix") as raised:
            all_of(pool(one, two), 100)
        assert type(raised.value).__name__ == "ServedModelChanged"
        assert len(one.ledger) + len(two.ledger) <= 20


def test_weights_are_one_for_each_address() -> None:
    for weights in ((1.0,), (1.0, 0.0), (1.0, -1.0)):
        with pytest.raises(ValueError, match="2 addresses"):
            EndpointSpec("http://a/v1", "m", urls=("http://a/v1", "http://b/v1"), weights=weights)
