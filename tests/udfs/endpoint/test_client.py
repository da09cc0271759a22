"""The endpoint client against a server that is well, slow, wrong or gone: what it did stands in the server's ledger."""

from __future__ import annotations

import socket
import subprocess
import sys
import threading
import time
from datetime import UTC, datetime

import pytest
from asking_a_stub import QUICK, ask, requests, until
from recipe_udfs.endpoint import connections
from recipe_udfs.endpoint.client import answers
from recipe_udfs.endpoint.manners import Manners
from recipe_udfs.endpoint.permits import LocalPermits
from recipe_udfs.endpoint.request import Answer, EndpointSpec, Request, Waiting
from stub_server import Fault, Reply, Stub


def test_every_request_is_answered_once() -> None:
    with Stub() as stub:
        found = ask(stub.url, requests(50, temperature=0.5, top_p=None, seed=3), window=8)
        assert sorted(one.key for one in found) == sorted(str(n) for n in range(1, 51))
        assert all(one.text == f"answer to: {one.key}" for one in found)
        assert stub.completions == len(stub.ledger) == 50
        entry = stub.ledger[0]
        assert entry.body == {
            "model": "m",
            "messages": [{"role": "user", "content": "1"}],
            "temperature": 0.5,
            "seed": 3,
        }
        assert entry.headers["authorization"] == "Bearer none"
        assert stub.connections <= 8
    one = found[0]
    assert (one.outcome, one.finish, one.served_model, one.fingerprint) == ("complete", "stop", "m", "fp_stub")
    assert (one.prompt_tokens, one.completion_tokens, one.attempts) == (7, 5, 1)
    assert 0 < one.seconds < 60 and abs((datetime.now(UTC) - one.at).total_seconds()) < 60


@pytest.mark.parametrize(
    ("reply", "outcome", "text"),
    [
        (Reply("", "stop"), "complete", ""),
        (Reply(None, "stop", usage=None), "complete", ""),
        (Reply("half an ans", "length"), "cut", "half an ans"),
        (Reply(None, "content_filter"), "filtered", ""),
        (Reply(None, "stop", refusal="I will not."), "refused", "I will not."),
        (Reply("odd", "eos"), "complete", "odd"),
    ],
)
def test_an_answer_is_final_whatever_its_outcome(reply: Reply, outcome: str, text: str) -> None:
    with Stub(answer=lambda request, n: reply) as stub:
        (found,) = ask(stub.url, 1)
        assert (found.outcome, found.text, found.finish, found.attempts) == (outcome, text, reply.finish, 1)
        assert len(stub.ledger) == 1


@pytest.fixture(scope="module", autouse=True)
def loaded() -> None:
    """A client's first call in a process takes longest; no test here is to be about that."""
    with Stub() as stub:
        ask(stub.url, 1, timeout=60)


def patience(fault: Fault) -> float:
    """A timeout that is short only where the test waits for it."""
    return 0.8 if fault.hang or fault.drip else 60.0


@pytest.mark.parametrize(
    "fault",
    [
        *(Fault(status=status) for status in (408, 409, 429, 500, 502, 503, 504)),
        Fault(close=True),
        Fault(html=True),
        Fault(truncated=True),
        Fault(short=True),
        Fault(body=b'{"ok": true}'),
        Fault(hang=True),
    ],
    ids=str,
)
def test_what_passes_is_tried_again(fault: Fault) -> None:
    with Stub(faults={1: fault, 2: fault}) as stub:
        (found,) = ask(stub.url, 1, timeout=patience(fault))
        assert isinstance(found, Answer) and found.attempts == 3
        assert len(stub.ledger) == 3 and stub.completions == 1


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        (Fault(status=408), "timeout"),
        (Fault(status=409), "server_error"),
        (Fault(status=429), "rate_limited"),
        (Fault(status=500), "server_error"),
        (Fault(status=503), "server_error"),
        (Fault(close=True), "connection"),
        (Fault(short=True), "connection"),
        (Fault(html=True), "foreign_body"),
        (Fault(truncated=True), "foreign_body"),
        (Fault(body=b'{"ok": true}'), "foreign_body"),
        (Fault(hang=True), "timeout"),
        (Fault(drip=0.05), "timeout"),
    ],
    ids=str,
)
def test_what_does_not_pass_leaves_its_request_waiting_and_no_other(fault: Fault, kind: str) -> None:
    def bad(request: dict, n: int) -> Fault | None:
        return fault if request["messages"][0]["content"] == "3" else None

    with Stub(faults=bad) as stub:
        manners = Manners(3, 0.01, 0.04, deadline=120)
        found = {one.key: one for one in ask(stub.url, 6, timeout=patience(fault), manners=manners)}
        waiting = found.pop("3")
        assert isinstance(waiting, Waiting)
        assert (waiting.kind, waiting.attempts) == (kind, 3)
        assert "127.0.0.1" in waiting.detail and waiting.detail.isprintable()
        assert len(found) == 5 and all(isinstance(one, Answer) and one.attempts == 1 for one in found.values())
        # A connection that was kept and is closed without a byte is no attempt: the request goes out on another.
        assert 8 <= len(stub.ledger) <= 8 + 3 * fault.close and stub.completions == 5


def test_a_request_has_a_deadline_over_all_its_attempts() -> None:
    with Stub(faults=lambda request, n: Fault(hang=True)) as stub:
        (found,) = ask(stub.url, 1, timeout=0.8, manners=Manners(attempts=50, backoff=0.01, deadline=1.2))
        assert found.kind == "deadline"
        assert 1 <= found.attempts <= 2 and len(stub.ledger) <= 2


def test_retry_after_is_honoured_and_frees_the_slot() -> None:
    with Stub(faults={1: Fault(status=503, retry_after=0.8)}) as stub:
        found = ask(stub.url, 10, window=1)
        first, second, *_ = stub.ledger
        (again,) = (entry for entry in stub.ledger[1:] if entry.body == first.body)
        assert again.at - first.at >= 0.8 and again is not second
        assert found[0].key == "2" and {one.key: one.attempts for one in found}["1"] == 2


def test_a_wait_past_the_deadline_is_not_begun() -> None:
    with Stub(faults=lambda request, n: Fault(status=429, retry_after=3600)) as stub:
        (found,) = ask(stub.url, 1, timeout=5)
        assert (found.kind, found.attempts, len(stub.ledger)) == ("rate_limited", 1, 1)
        assert "3600" in found.detail


def test_the_window_slides_and_a_slow_answer_holds_no_other() -> None:
    given: list[Answer] = []
    with Stub() as stub:
        # The first that came is answered when the caller has the answers to all others.
        stub.held = lambda n: stub.most_open < 8 or (n == 1 and len(given) < 119)
        for one in answers(EndpointSpec(stub.url, "m"), requests(120), window=8):
            given += [one] if one is not None else []
        assert stub.most_open == 8
        assert given[-1].key == stub.ledger[0].body["messages"][0]["content"]
    assert len(given) == 120 and {one.attempts for one in given} == {1}


def test_the_window_stays_full_while_the_caller_is_busy() -> None:
    pulled, answered = 0, 10

    def counted():
        nonlocal pulled
        for request in requests(40):
            pulled += 1
            yield request

    with Stub() as stub:
        stub.held = lambda n: pulled < 10 + 16 or n > answered
        found = answers(EndpointSpec(stub.url, "m"), counted(), window=10)
        next(found)
        # The caller writes a file now. Ten calls are over, and the next ten are made without it.
        until(lambda: (len(stub.ledger), stub.open) == (20, 10))
        answered = 20
        until(lambda: (len(stub.ledger), stub.open) == (26, 6))
        answered = 40
        assert sum(one is not None for one in found) == 39


def test_requests_are_pulled_only_as_there_is_room() -> None:
    pulled = 0

    def endless():
        nonlocal pulled
        while True:
            pulled += 1
            yield Request(str(pulled), [{"role": "user", "content": "x"}])

    threads = threading.active_count()
    with Stub(latency=0.01) as stub:
        found = answers(EndpointSpec(stub.url, "m"), endless(), window=4)
        for n in range(1, 60):
            next(found)
            assert pulled <= n + 4 + 16
        found.close()
        seen = pulled
        time.sleep(0.1)
        assert len(stub.ledger) <= pulled == seen
    assert threading.active_count() <= threads


def test_a_slow_iterator_of_requests_holds_no_answer() -> None:
    given: list[Answer] = []

    def slow():
        for n, request in enumerate(requests(4), 1):
            yield request
            until(lambda n=n: stub.completions == n)
            time.sleep(0.05)
        assert given, "the last request was asked for before the first answer was given"

    with Stub() as stub:
        for one in answers(EndpointSpec(stub.url, "m"), slow(), window=4, tick=0.1):
            given += [one] if one is not None else []
        assert len(given) == 4


def test_a_caller_is_woken_while_nothing_comes() -> None:
    woken = 0
    with Stub() as stub:
        stub.held = lambda n: woken < 4
        for one in answers(EndpointSpec(stub.url, "m"), requests(1), window=4, tick=0.05):
            woken += one is None
        assert woken >= 4 and isinstance(one, Answer)


def test_the_window_gives_way_to_a_server_that_has_too_much_to_do() -> None:
    with Stub(capacity=4, latency=0.02) as stub:
        stub.held = lambda n: not any(entry.status == 429 for entry in stub.ledger)
        found = ask(stub.url, 200, window=32, manners=Manners(attempts=20, backoff=0.02, longest_backoff=0.5))
        assert all(isinstance(one, Answer) for one in found) and len(found) == 200
        sent_away = sum(entry.status == 429 for entry in stub.ledger)
        assert 0 < sent_away < 200


# ---- dead and dying endpoints -----------------------------------------------------------------------


def closed_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


@pytest.mark.parametrize("window", [1, 4, 64])
def test_a_dead_endpoint_without_patience_is_given_up_quickly(window: int) -> None:
    found = ask(f"http://127.0.0.1:{closed_port()}/v1", 2_000, window=window, manners=Manners(), patience=0)
    assert len({one.key for one in found}) == len(found) == 2_000
    assert {(type(one), one.kind) for one in found} <= {(Waiting, "connection"), (Waiting, "unavailable")}
    assert found[-1].kind == "unavailable" and "127.0.0.1" in found[-1].detail
    assert sum(one.attempts for one in found) < 20 + 2 * window


def test_an_endpoint_that_starts_late_loses_nothing() -> None:
    port = closed_port()
    spec = EndpointSpec(f"http://127.0.0.1:{port}/v1", "m")
    permits = LocalPermits(spec, in_flight=4, manners=QUICK)
    found = answers(spec, requests(30), window=4, manners=QUICK, tick=0.05, permits=permits)
    while permits.stop is None and next(found) is None:
        (address,) = permits.totals().addresses
        if address.state != "up":
            break
    assert "127.0.0.1" in address.said
    with Stub(port=port) as stub:
        rest = [one for one in found if one is not None]
        assert len(rest) == 30 and all(isinstance(one, Answer) for one in rest)
        assert stub.completions == 30
    totals = permits.totals()
    assert totals.calls == 30 and totals.attempts >= 50 and totals.kinds["connection"] == totals.attempts - 30
    assert [one.state for one in totals.addresses] == ["up"]


def test_an_outage_loses_nothing_that_a_probe_does_not_meet() -> None:
    """Calls fail for a while; the server is then tried by one at a time, and all others are made when it is back."""
    with Stub(faults={n: Fault(status=503) for n in range(6, 66)}) as stub:
        quick = Manners(attempts=3, backoff=0.0, probe_pause=0.01, longest_probe_pause=0.02)
        found = ask(stub.url, 40, window=1, manners=quick)
        waiting = [one for one in found if isinstance(one, Waiting)]
        assert len(waiting) <= 20 // 3 and {(one.kind, one.attempts) for one in waiting} <= {("server_error", 3)}
        assert stub.completions == 40 - len(waiting)


def test_one_request_that_always_fails_keeps_nobody_waiting() -> None:
    def bad(request: dict, n: int) -> Fault | None:
        return Fault(status=500) if int(request["messages"][0]["content"]) > 6 else None

    with Stub(faults=bad) as stub:
        quick = Manners(attempts=5, backoff=0.0, probe_pause=0.01, longest_probe_pause=0.02)
        found = ask(stub.url, 12, window=1, manners=quick)
        assert sum(isinstance(one, Answer) for one in found) == 6
        assert {(one.kind, one.attempts) for one in found if isinstance(one, Waiting)} == {("server_error", 5)}
        assert len(stub.ledger) == 6 + 6 * 5


def test_patience_ends() -> None:
    with Stub(faults=lambda request, n: Fault(status=503)) as stub:
        quick = Manners(backoff=0.0, probe_pause=0.02, longest_probe_pause=0.05)
        found = ask(stub.url, 200, window=4, manners=quick, patience=0.4)
        assert len(found) == 200 and {one.kind for one in found} <= {"server_error", "unavailable"}
        assert found[-1].kind == "unavailable" and "503" in found[-1].detail
        assert 20 < len(stub.ledger) < 20 + 4 + 40


# ---- connections ------------------------------------------------------------------------------------


def test_connections_are_kept_but_not_for_long(monkeypatch: pytest.MonkeyPatch) -> None:
    assert connections.KEEP_ALIVE <= 2.5
    monkeypatch.setattr(connections, "KEEP_ALIVE", 1.0)

    def pausing():
        for n, pause in enumerate((0, 0.1, 1.5)):
            until(lambda n=n: stub.completions == n)
            time.sleep(pause)
            yield Request(str(n), [{"role": "user", "content": "x"}])

    with Stub() as stub:
        assert len(ask(stub.url, pausing())) == 3
        assert stub.connections == 2


def test_wider_than_one_pool() -> None:
    with Stub() as stub:
        stub.held = lambda n: stub.most_open < 60
        assert len(ask(stub.url, 60, window=60)) == 60
        assert stub.most_open == stub.connections == 60


def test_a_proxy_is_for_other_machines(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{closed_port()}")
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    with Stub() as stub:
        assert isinstance(ask(stub.url, 1)[0], Answer)


def test_nothing_asked_is_nothing_loaded() -> None:
    program = (
        "import sys\nfrom recipe_udfs.endpoint.client import answers\n"
        "from recipe_udfs.endpoint.request import EndpointSpec\n"
        "assert list(answers(EndpointSpec('http://h/v1', 'm', key_env='NOT_SET'), iter(()), window=4)) == []\n"
        "print(sorted({'openai', 'httpx2', 'pyspark', 'numba'} & set(sys.modules)))\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_an_error_of_the_callers_iterator_is_the_callers() -> None:
    def broken():
        yield from requests(3)
        raise KeyError("upstream")

    threads = threading.active_count()
    with Stub() as stub, pytest.raises(KeyError, match="upstream"):
        ask(stub.url, broken(), manners=QUICK)
    assert threading.active_count() <= threads
