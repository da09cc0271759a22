"""What an endpoint may be asked, by a clock that the tests move: rates, budgets, breakers, shares of a pool."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from recipe_udfs.endpoint.breaker import Breaker
from recipe_udfs.endpoint.budget import Budget, Spend, size
from recipe_udfs.endpoint.errors import EndpointRefused, ServedModelChanged
from recipe_udfs.endpoint.limits import Limits, divide
from recipe_udfs.endpoint.manners import Manners
from recipe_udfs.endpoint.permits import pick
from recipe_udfs.endpoint.rates import Bucket
from recipe_udfs.endpoint.request import EndpointSpec, Request

# ---- rates ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("per_minute", [1, 2, 59, 60, 61, 600, 10_000])
def test_every_minute_keeps_to_the_rate_and_it_is_used_up(per_minute: int) -> None:
    bucket, now, taken = Bucket(per_minute, 5.0), 5.0, []
    while now < 5.0 + 240:
        wait = bucket.wait(1, now)
        if wait:
            now += wait
        else:
            bucket.take(1, now)
            taken.append(now)
    for begin in {0, 1, len(taken) // 3, len(taken) // 2}:
        minute = [at for at in taken if taken[begin] <= at < taken[begin] + 60 - 1e-6]
        assert len(minute) <= per_minute
    assert len(taken) >= 0.95 * 4 * per_minute


def test_an_amount_larger_than_the_bucket_is_let_through_and_paid_off() -> None:
    bucket = Bucket(600, 0.0)  # holds 10
    assert bucket.wait(100, 0.0) == 0
    bucket.take(100, 0.0)
    assert bucket.wait(1, 0.0) == pytest.approx(91 / (591 / 60))
    assert bucket.wait(100, 5.0) > 0


def test_what_was_not_used_comes_back() -> None:
    bucket = Bucket(600, 0.0)
    bucket.take(10, 0.0)
    bucket.give_back(4, 0.0)
    assert bucket.wait(4, 0.0) == 0 < bucket.wait(5, 0.0)
    bucket.give_back(1_000, 0.0)
    assert bucket.wait(10, 0.0) == 0
    bucket.take(10, 0.0)
    assert bucket.wait(1, 0.0) > 0


# ---- budgets ----------------------------------------------------------------------------------------


def asked(text: str, **params: Any) -> Request:
    return Request("k", [{"role": "user", "content": text}], params)


def test_the_size_of_a_call() -> None:
    spec = EndpointSpec("http://h/v1", "m")
    assert size(spec, asked("x" * 300, max_tokens=50)) == Spend(1, 108, 50)
    assert size(spec, asked("x" * 300)) == Spend(1, 108, 4_096)
    assert size(EndpointSpec("http://h/v1", "m", context=1_000), asked("x" * 300)) == Spend(1, 108, 892)
    counted = Request("k", [{"role": "user", "content": "x"}], {"max_tokens": 5}, prompt_tokens=77)
    assert size(spec, counted) == Spend(1, 77, 5)


def test_a_cost_by_tokens_and_by_gpu_time() -> None:
    assert EndpointSpec("http://h/v1", "m").cost(10**6, 10**6) == 0
    priced = EndpointSpec("http://h/v1", "m", input_price=0.5, output_price=2.0)
    assert priced.cost(3_000_000, 1_000_000) == pytest.approx(3.5)
    owned = EndpointSpec("http://h/v1", "m", gpu_hour_price=3.6, tokens_per_gpu_second=1_000.0)
    assert owned.cost(10**9, 1_000_000) == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("limit", "fits"),
    [
        ({"max_calls": 3}, 3),
        ({"max_tokens": 350}, 2),
        ({"max_cost": 0.01, "output_price": 25.0}, 4),
        ({"max_calls": 3, "max_tokens": 350}, 2),
    ],
    ids=str,
)
def test_a_budget_keeps_room_for_what_a_call_may_spend(limit: dict[str, Any], fits: int) -> None:
    budget, each = Budget(EndpointSpec("http://h/v1", "m", **limit)), Spend(1, 50, 100)
    begun = 0
    while budget.over(each) is None:
        budget.reserve(each)
        begun += 1
    assert begun == fits
    assert next(iter(limit)) in budget.over(each) or "max_tokens" in budget.over(each)
    budget.book(each, Spend(1, 50, 100))
    assert budget.over(each) is not None
    budget.book(each, Spend())  # one that was never answered
    assert budget.over(each) is None


@given(st.lists(st.tuples(st.integers(0, 200), st.integers(0, 200), st.booleans()), max_size=60))
def test_no_limit_is_ever_passed(calls: list[tuple[int, int, bool]]) -> None:
    budget = Budget(EndpointSpec("http://h/v1", "m", max_calls=9, max_tokens=1_500, max_cost=0.02, output_price=20.0))
    under_way: list[tuple[Spend, Spend]] = []
    for prompt, completion, over in calls:
        most = Spend(1, prompt, 200)
        if budget.over(most) is None:
            budget.reserve(most)
            under_way.append((most, Spend(1, prompt, completion)))
        if over and under_way:
            budget.book(*under_way.pop(0))
        assert budget.spent.calls <= 9 and budget.spent.tokens <= 1_500 and budget.spent.completion <= 1_000


def test_an_endpoint_divided_among_tasks_is_no_more_than_the_whole() -> None:
    whole = EndpointSpec("http://h/v1", "m", in_flight=10, requests_per_minute=7, max_calls=2, max_cost=3.0)
    parts = [whole.part(place, 3) for place in range(3)]
    assert [part.in_flight for part in parts] == [4, 3, 3]
    assert [part.requests_per_minute for part in parts] == [3, 2, 2]
    assert [part.max_calls for part in parts] == [1, 1, 0]
    assert [part.max_cost for part in parts] == [1.0] * 3 and parts[0].max_tokens is None
    with pytest.raises(ValueError, match="in_flight = 10 among 11"):
        whole.part(10, 11)


# ---- breakers ---------------------------------------------------------------------------------------


def test_a_breaker_opens_after_failures_in_a_row_and_closes_by_one_success() -> None:
    breaker = Breaker(after=3, pause=1.0, longest=60.0)
    for _ in range(10):
        breaker.failed(0.0, 2)
        breaker.succeeded()
    assert not breaker.down
    breaker.failed(1.0, 2)
    breaker.failed(2.0)
    assert breaker.down and breaker.down_since == 2.0 and not breaker.probe_due(2.9) and breaker.probe_due(3.0)
    breaker.succeeded()
    assert not breaker.down and breaker.failures == 0


def test_probes_go_one_at_a_time_with_growing_pauses() -> None:
    breaker = Breaker(after=1, pause=1.0, longest=5.0)
    breaker.failed(0.0)
    now, pauses = 1.0, []
    for _ in range(5):
        assert breaker.probe_due(now)
        breaker.probe()
        assert not breaker.probe_due(now + 1_000)
        breaker.failed(now)  # what was in flight when it opened
        assert breaker.probing
        breaker.probe_failed(now)
        pauses.append(breaker.probe_at - now)
        now = breaker.probe_at
    assert pauses == [2.0, 4.0, 5.0, 5.0, 5.0]
    breaker.probe()
    breaker.probe_failed(now, asked=40.0)
    assert breaker.probe_at == now + 40
    breaker.succeeded()
    breaker.failed(now)
    assert breaker.probe_at == now + 1


# ---- an endpoint as a whole -------------------------------------------------------------------------

TWO = ("http://a/v1", "http://b/v1")


def limits(**spec: Any) -> Limits:
    made = EndpointSpec(TWO[0], "m", **{"in_flight": 8, "patience": 100.0, **spec})
    return Limits(made, made.in_flight, Manners(down_after=3), 0.0)


def test_an_address_that_is_down_gives_its_share_to_the_others() -> None:
    both = limits(urls=TWO, weights=(3.0, 1.0))
    assert both.quotas() == (6, 2)
    both.failed(0, 1.0, "a is broken", 3)
    assert both.quotas() == (0, 8) and both.probe_due(1.5) is None and both.probe_due(2.0) == 0
    both.check_patience(10_000.0)
    assert both.stop is None, "one address is up"
    both.answered(0, 1)
    assert both.quotas() == (6, 2)


def test_the_window_of_an_address_is_its_own() -> None:
    both = limits(urls=TWO)
    both.too_many(0, begun=1.0, now=2.0, open_=4, said="a answered 429")
    assert both.quotas() == (2, 6)
    for _ in range(1_000):
        both.answered(0, 1)
    assert both.quotas() == (4, 4)


def test_too_many_calls_mean_trouble_only_where_one_is_too_many() -> None:
    one = limits()
    now = 0.0
    while one.windows[0].limit > 1:
        now += 1
        one.too_many(0, begun=now - 0.5, now=now, open_=8, said="")
    assert not one.breakers[0].down
    for _ in range(3):
        one.too_many(0, begun=now, now=now, open_=1, said="h answered 429")
    assert one.breakers[0].down


def test_patience_is_over_when_all_have_been_down_for_that_long() -> None:
    both = limits(urls=TWO)
    both.failed(0, 1.0, "a answered 503", 3)
    both.failed(1, 50.0, "b answered 500", 3)
    assert both.changes_at(1.5) == 2.0 and both.changes_at(2.5) == 51.0 and both.changes_at(60.0) == 150.0
    both.check_patience(149.0)
    assert both.stop is None
    both.answered(1, 1)
    both.failed(1, 120.0, "b answered 500", 3)
    both.check_patience(219.0)
    assert both.stop is None
    both.check_patience(220.0)
    assert both.stop.kind == "unavailable" and both.stop.error is None
    assert "a answered 503" in both.stop.message and "b answered 500" in both.stop.message
    both.answered(1, 1)
    assert both.stop is not None


def test_bad_requests_are_the_recipes_only_where_nothing_was_answered() -> None:
    one, refusal = limits(), EndpointRefused("h refused it", "check")
    one.bad_request(0, refusal, 4)
    assert one.stop is None
    one.bad_request(0, refusal)
    assert isinstance(one.stop.error, EndpointRefused) and one.stop.error.remedy == "check"
    other = limits()
    other.answered(0, 1)
    other.bad_request(0, refusal, 50)
    assert other.stop is None


def test_one_model_for_all_addresses() -> None:
    both = limits(urls=TWO)
    both.served("m-1", "a")
    both.served("m-1", "b")
    assert both.stop is None
    both.served("m-2", "b")
    assert isinstance(both.stop.error, ServedModelChanged)
    assert 'b now answers as "m-2"' in both.stop.message and 'served_as = ["m-1", "m-2"]' in both.stop.remedy


def test_rates_and_budgets_say_how_long_to_wait() -> None:
    one = limits(requests_per_minute=60, tokens_per_minute=600, max_calls=3)
    each = Spend(1, 5, 15)
    assert one.wait(each, 0.0) == 0
    one.begin(each, 0.0)
    assert 0.9 < one.wait(each, 0.0) < 2.5
    one.settled(each, Spend(1, 5, 0), 1.5)
    assert one.wait(each, 1.5) < 0.5
    for now in (100.0, 200.0):
        assert one.wait(each, now) == 0
        one.begin(each, now)
    assert math.isinf(one.wait(each, 300.0))
    one.settled(each, Spend(), 300.0)  # refused by the server: it cost nothing
    assert one.wait(each, 300.0) == 0
    one.blocked(Spend(4))
    assert one.stop.kind == "budget" and "max_calls = 3" in one.stop.message


# ---- shares -----------------------------------------------------------------------------------------


@given(st.integers(0, 300), st.lists(st.tuples(st.integers(0, 100), st.floats(0.1, 10)), min_size=1, max_size=6))
def test_shares_use_all_there_is_and_keep_to_their_caps(total: int, places: list[tuple[int, float]]) -> None:
    caps, weights = zip(*places, strict=True)
    parts = divide(total, caps, weights)
    assert sum(parts) == min(total, sum(caps))
    assert all(0 <= part <= cap for part, cap in zip(parts, caps, strict=True))


def test_shares_follow_the_weights() -> None:
    assert divide(100, (100, 100, 100), (1.0, 1.0, 2.0)) == (25, 25, 50)
    assert divide(100, (100, 10, 100), (1.0, 1.0, 2.0)) == (30, 10, 60)
    assert divide(1, (5, 5), (1.0, 3.0)) == (0, 1)


def test_the_next_call_goes_where_least_is_open_and_not_where_it_failed() -> None:
    assert pick([3, 1], [4, 4], None) == 1
    assert pick([2, 1], [6, 2], None) == 0
    assert pick([0, 3], [4, 4], avoid=0) == 1
    assert pick([0, 3], [4, 0], avoid=0) == 0
