"""The coordinator and its workers over real sockets, against a real server: what held stands in its ledger."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from queue import SimpleQueue
from threading import Thread
from time import monotonic, sleep
from typing import Any

import pytest
from recipe_runtime import coordinator as coordinator_module
from recipe_runtime.coordinating import shared
from recipe_runtime.coordinator import Coordinator
from recipe_runtime.errors import StepError
from recipe_udfs.endpoint import connections, leases
from recipe_udfs.endpoint.client import answers
from recipe_udfs.endpoint.errors import CoordinatorUnreachable, EndpointRefused, ServedModelChanged
from recipe_udfs.endpoint.leases import LeasedPermits
from recipe_udfs.endpoint.manners import Manners
from recipe_udfs.endpoint.messages import Grant, Hello, Lease, line
from recipe_udfs.endpoint.request import Answer, EndpointSpec, Request, Waiting
from stub_server import Fault, Reply, Stub

QUICK = Manners(backoff=0.01, longest_backoff=0.04, probe_pause=0.02, longest_probe_pause=0.1)


def until(happened: Any, patience: float = 60.0) -> None:
    end = monotonic() + patience
    while not happened():
        assert monotonic() < end, "it never came to that"
        sleep(0.002)


@contextmanager
def coordinator() -> Iterator[Coordinator]:
    made = Coordinator("127.0.0.1", "127.0.0.1", manners=QUICK)
    made.start()
    try:
        yield made
    finally:
        made.stop()


class Client(Thread):
    """A worker: asks `count` requests, which it names by `name`, and keeps what came and how it ended."""

    def __init__(self, name: str, spec: EndpointSpec, lease: Lease, count: int, requests: Any = None):
        super().__init__(name=name, daemon=True)
        self.permits = LeasedPermits(spec, lease)
        self.spec, self.count = spec, count
        self.found: list[Any] = []
        self.error: Exception | None = None
        self.requests = requests or self._requests()
        self.start()

    def _requests(self) -> Iterator[Request]:
        for n in range(self.count):
            content = f"{self.name} {n}"
            yield Request(content, [{"role": "user", "content": content}], {"max_tokens": 5})

    def run(self) -> None:
        try:
            for one in answers(
                self.spec, self.requests, window=self.spec.in_flight, manners=QUICK, permits=self.permits, tick=0.05
            ):
                self.found += [one] if one is not None else []
        except (EndpointRefused, ServedModelChanged, CoordinatorUnreachable) as error:
            self.error = error

    def cut(self) -> None:
        """Its connection to the coordinator ends, without a word."""
        self.permits._loop.call_soon_threadsafe(self.permits._writer.transport.abort)

    @property
    def answered(self) -> int:
        return sum(isinstance(one, Answer) for one in self.found)


def done(*clients: Client) -> None:
    for client in clients:
        client.join(120)
        assert not client.is_alive()


def spec_of(*stubs: Stub, **spec: Any) -> EndpointSpec:
    return EndpointSpec(stubs[0].url, "m", name="writer", urls=tuple(stub.url for stub in stubs), **spec)


# ---- calls in flight --------------------------------------------------------------------------------


def test_what_may_be_in_flight_holds_for_all_while_workers_come_and_go() -> None:
    with Stub(latency=0.01) as stub, coordinator() as there:
        spec = spec_of(stub, in_flight=12)
        lease = there.lease(spec, "study")
        long, short, cut = (Client(name, spec, lease, count) for name, count in (("a", 500), ("b", 40), ("c", 500)))
        done(short)
        until(lambda: cut.answered > 40)
        cut.cut()
        done(cut)
        late = Client("d", spec, lease, 60)
        done(long, late)
        assert stub.most_open <= 12
        assert (long.answered, short.answered, late.answered) == (500, 40, 60)
        waiting = {(one.kind, one.detail) for one in cut.found if isinstance(one, Waiting)}
        ((kind, detail),) = waiting
        assert kind == "lost_coordinator" and f"127.0.0.1:{there.port}" in detail
        assert len(cut.found) == 500 and cut.answered >= 40
        totals = there.totals("writer")
        assert stub.completions - 12 <= totals.calls + totals.unsettled <= stub.completions + 12
        assert totals.open <= 12 and totals.stop is None


def test_the_share_of_one_that_has_nothing_to_ask_goes_to_the_others() -> None:
    with Stub() as stub, coordinator() as there:
        spec = spec_of(stub, in_flight=8)
        lease = there.lease(spec, "study")
        stub.held = lambda n: True
        first = Client("a", spec, lease, 30)
        until(lambda: stub.open == 8)  # all of it, while it is alone
        second = Client("b", spec, lease, 30)
        until(lambda: first.permits._grant.lease == 4)
        stub.held = lambda n: len(stub.ledger) < 30 and n > 8
        # The first had eight open; as they end, the second gets its half.
        until(lambda: sum("b " in entry.body["messages"][0]["content"] for entry in stub.ledger) >= 4)
        stub.held = lambda n: False
        done(first, second)
        assert first.answered == second.answered == 30 and stub.most_open == 8


def test_one_that_is_slow_to_ask_holds_nobody_up() -> None:
    gate: SimpleQueue[None] = SimpleQueue()

    def slow() -> Iterator[Request]:
        yield Request("slow 1", [{"role": "user", "content": "slow 1"}])
        gate.get()

    with Stub() as stub, coordinator() as there:
        spec = spec_of(stub, in_flight=8)
        lease = there.lease(spec, "study")
        idle = Client("slow", spec, lease, 1, requests=slow())
        until(lambda: stub.completions == 1)
        stub.held = lambda n: stub.open < 8
        busy = Client("busy", spec, lease, 40)
        until(lambda: stub.most_open == 8)
        stub.held = lambda n: False
        done(busy)
        gate.put(None)
        done(idle)
        assert busy.answered == 40 and stub.most_open == 8


def test_a_server_with_too_much_to_do_is_given_less_by_all() -> None:
    with Stub(capacity=6, latency=0.01) as stub, coordinator() as there:
        spec = spec_of(stub, in_flight=32)
        lease = there.lease(spec, "study")
        stub.held = lambda n: not any(entry.status == 429 for entry in stub.ledger)
        clients = [Client(name, spec, lease, 150) for name in "ab"]
        done(*clients)
        sent_away = sum(entry.status == 429 for entry in stub.ledger)
        assert 0 < sent_away < 300 and stub.most_open <= 32
        answered = sum(client.answered for client in clients)
        assert answered >= 290 and stub.completions == answered
        until(lambda: there.totals("writer").calls == answered)  # a worker's last word comes after its answers
        totals = there.totals("writer")
        assert totals.kinds["rate_limited"] == sent_away and totals.calls == answered


# ---- rates and budgets ------------------------------------------------------------------------------


def test_max_calls_is_exact_for_all_together() -> None:
    with Stub(latency=0.002) as stub, coordinator() as there:
        spec = spec_of(stub, in_flight=8, max_calls=100)
        lease = there.lease(spec, "study")
        clients = [Client(name, spec, lease, count) for name, count in (("a", 70), ("b", 20), ("c", 70))]
        done(*clients)
        assert stub.completions == len(stub.ledger) == 100
        assert sum(client.answered for client in clients) == 100
        waiting = [one for client in clients for one in client.found if isinstance(one, Waiting)]
        assert len(waiting) == 60 and {one.kind for one in waiting} == {"budget"}
        assert "max_calls = 100" in waiting[0].detail and "writer" in waiting[0].detail
        assert there.totals("writer").stop.kind == "budget"
        # It is one run's: another step asks nothing more.
        more = Client("d", spec, there.lease(spec, "qa"), 5)
        done(more)
        assert more.answered == 0 and len(stub.ledger) == 100


@pytest.mark.parametrize(
    "limit", [{"max_tokens": 1_000}, {"max_cost": 0.001, "input_price": 1.0, "output_price": 1.0}], ids=str
)
def test_tokens_and_costs_hold_for_all_together(limit: dict[str, Any]) -> None:
    with Stub(latency=0.002) as stub, coordinator() as there:
        spec = spec_of(stub, in_flight=8, **limit)
        lease = there.lease(spec, "study")
        done(*(Client(name, spec, lease, 100) for name in "abc"))
        assert (1_000 - 2 * 15) / 12 < stub.completions <= 1_000 / 12
        until(lambda: there.totals("writer").calls == stub.completions)
        totals = there.totals("writer")
        assert totals.prompt_tokens == 7 * stub.completions and totals.completion_tokens == 5 * stub.completions
        assert totals.cost == pytest.approx(spec.cost(totals.prompt_tokens, totals.completion_tokens))


def test_what_a_worker_had_open_when_it_was_cut_off_is_spent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shared, "GRACE", 0.2)
    with Stub() as stub, coordinator() as there:
        spec = spec_of(stub, in_flight=4, max_calls=20)
        stub.held = lambda n: True
        cut = Client("a", spec, there.lease(spec, "study"), 30)
        until(lambda: stub.open == 4)
        cut.cut()
        until(lambda: there.totals("writer").unsettled)
        stub.held = lambda n: False
        done(cut)
        other = Client("b", spec, there.lease(spec, "study"), 30)
        done(other)
        until(lambda: there.totals("writer").calls + there.totals("writer").unsettled == 20)
        totals = there.totals("writer")
        assert stub.completions == cut.answered + other.answered <= 20
        assert totals.unsettled >= 4 and totals.calls + totals.unsettled == 20


def test_a_rate_holds_for_all_together() -> None:
    with Stub() as stub, coordinator() as there:
        began = monotonic()
        spec = spec_of(stub, in_flight=16, requests_per_minute=1_200)
        lease = there.lease(spec, "study")
        clients = [Client(name, spec, lease, 20) for name in "abc"]
        done(*clients)
        assert [client.answered for client in clients] == [20] * 3
        assert len(stub.ledger) == 60
        # 20 at once and 19.7 a second after that.
        for n, entry in enumerate(sorted(stub.ledger, key=lambda entry: entry.at)):
            assert entry.at - began >= (n - 20) / 19.7


# ---- health -----------------------------------------------------------------------------------------


def test_an_address_that_is_down_is_known_to_all_and_probed_by_one_at_a_time() -> None:
    with Stub(faults=lambda request, n: Fault(status=500)) as bad, Stub(latency=0.002) as well, coordinator() as there:
        spec = spec_of(bad, well, in_flight=8)
        lease = there.lease(spec, "study")
        clients = [Client(name, spec, lease, 150) for name in "ab"]
        until(lambda: there.totals("writer").addresses[0].state != "up")
        down = there.totals("writer").addresses[0]
        assert down.host == spec.hosts[0] and "500" in down.said
        done(*clients)
        assert [client.answered for client in clients] == [150, 150] and well.completions == 300
        assert 20 <= len(bad.ledger) <= 20 + 8 + 100


def test_when_all_is_down_workers_wait_and_go_on() -> None:
    down = True
    with Stub(faults=lambda request, n: Fault(status=503) if down else None) as stub, coordinator() as there:
        spec = spec_of(stub, in_flight=8)
        lease = there.lease(spec, "study")
        clients = [Client(name, spec, lease, 50) for name in "abc"]
        until(lambda: there.totals("writer").addresses[0].state != "up" and there.totals("writer").open <= 1)
        seen = len(stub.ledger)
        until(lambda: len(stub.ledger) >= seen + 3)
        down = False
        done(*clients)
        answered = sum(client.answered for client in clients)
        assert answered == stub.completions >= 140  # those that failed first may have used up their attempts
        assert stub.most_open <= 8


def test_patience_ends_for_all_together() -> None:
    with Stub(faults=lambda request, n: Fault(status=503)) as stub, coordinator() as there:
        spec = spec_of(stub, in_flight=8, patience=0.3)
        lease = there.lease(spec, "study")
        clients = [Client(name, spec, lease, 50) for name in "abc"]
        done(*clients)
        kinds = {one.kind for client in clients for one in client.found}
        assert "unavailable" in kinds <= {"unavailable", "server_error"}
        assert there.totals("writer").stop.kind == "unavailable"


# ---- what ends a run --------------------------------------------------------------------------------


def test_a_model_that_changes_between_workers_ends_the_run() -> None:
    def named(request: dict[str, Any], n: int) -> Reply:
        return Reply("x", model=f"m-{request['messages'][0]['content'][0]}")

    with Stub(answer=named, latency=0.002) as stub, coordinator() as there:
        spec = spec_of(stub, in_flight=4)
        lease = there.lease(spec, "study")
        clients = [Client(name, spec, lease, 5_000) for name in "ab"]
        done(*clients)
        for client in clients:
            assert isinstance(client.error, ServedModelChanged)
            assert "served_as = [" in client.error.remedy and '"m-a"' in client.error.remedy
        assert len(stub.ledger) < 10_000


def test_bad_requests_of_several_workers_end_a_run_in_which_none_was_answered() -> None:
    with Stub(faults=lambda request, n: Fault(status=400, message="no such parameter")) as stub, coordinator() as there:
        spec = spec_of(stub, in_flight=2)
        lease = there.lease(spec, "study")
        clients = [Client(name, spec, lease, 3_000) for name in "ab"]
        done(*clients)
        assert any(isinstance(client.error, EndpointRefused) for client in clients)
        assert "no such parameter" in there.totals("writer").stop.message
        assert len(stub.ledger) < 3_000


# ---- without a coordinator --------------------------------------------------------------------------


def test_a_name_that_nobody_knows_ends_the_run_of_all(monkeypatch: pytest.MonkeyPatch) -> None:
    def getaddrinfo(host: str, *rest: Any, **more: Any) -> Any:
        if host == "writer.invalid":
            raise socket.gaierror(socket.EAI_NONAME, "as getaddrinfo says it")
        return resolve(host, *rest, **more)

    resolve = socket.getaddrinfo
    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    monkeypatch.setattr(connections, "getproxies", dict)
    with coordinator() as there:
        spec = EndpointSpec("http://writer.invalid:8000/v1", "m", name="writer", in_flight=4, patience=1800)
        clients = [Client(name, spec, there.lease(spec, "study"), 30) for name in "ab"]
        done(*clients)
    assert {str(client.error) for client in clients} == {str(clients[0].error)}
    assert "writer.invalid:8000 is not known" in str(clients[0].error) and "`url`" in str(clients[0].error)
    assert {one.kind for client in clients for one in client.found} <= {"connection"}


def test_a_worker_that_cannot_reach_it_says_where() -> None:
    with socket.socket() as kept, Stub() as stub:
        kept.bind(("127.0.0.1", 0))
        port = kept.getsockname()[1]
        lost = Client("a", spec_of(stub), Lease("127.0.0.1", port, "t", "writer", "study"), 5)
        done(lost)
        assert isinstance(lost.error, CoordinatorUnreachable) and lost.found == [] == stub.ledger
        assert f"127.0.0.1:{port}" in lost.error.message and "coordinator = none" in lost.error.remedy


def test_a_worker_of_another_run_is_refused() -> None:
    with Stub() as stub, coordinator() as there:
        spec = spec_of(stub)
        lease = there.lease(spec, "study")
        assert lease.token not in repr(lease)
        strangers = ((replace(lease, token="x"), "another token"), (replace(lease, endpoint="x"), "no such endpoint"))
        for wrong, said in strangers:
            client = Client("a", spec, wrong, 5)
            done(client)
            assert isinstance(client.error, CoordinatorUnreachable) and said in client.error.message
        assert stub.ledger == []


def test_what_is_no_worker_disturbs_nobody() -> None:
    with Stub(latency=0.002) as stub, coordinator() as there:
        spec = spec_of(stub, in_flight=4)
        lease = there.lease(spec, "study")
        client = Client("a", spec, lease, 200)
        hello = line(Hello(lease.token, "writer", "study"))
        for data in (b"GET / HTTP/1.1\r\n\r\n", b"\n", b"{}\n", b"[1]\n", b"x" * 2**21, hello + b"{}\n"):
            with socket.create_connection(("127.0.0.1", there.port)) as stray:
                try:
                    stray.sendall(data)
                    stray.shutdown(socket.SHUT_WR)
                    while stray.recv(1 << 16):
                        pass
                except OSError:
                    pass
        done(client)
        assert client.answered == 200 and stub.most_open <= 4


def test_workers_whose_coordinator_ends_finish_what_is_in_flight() -> None:
    with Stub() as stub:
        there = Coordinator("127.0.0.1", "127.0.0.1", manners=QUICK)
        there.start()
        spec = spec_of(stub, in_flight=6)
        stub.held = lambda n: True
        client = Client("a", spec, there.lease(spec, "study"), 50)
        until(lambda: stub.open == 6)
        there.stop()
        until(lambda: client.permits.stop is not None)
        stub.held = lambda n: False
        done(client)
        assert client.answered == stub.completions == len(stub.ledger) == 6
        assert {one.kind for one in client.found if isinstance(one, Waiting)} == {"lost_coordinator"}


def test_a_coordinator_that_falls_silent_is_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leases, "SILENCE", 0.3)
    with Stub() as stub, socket.create_server(("127.0.0.1", 0)) as listening:
        spec = spec_of(stub, in_flight=4)
        stub.held = lambda n: n > 10 and client.permits.stop is None
        client = Client("a", spec, Lease("127.0.0.1", listening.getsockname()[1], "t", "writer", "study"), 50)
        connection, _ = listening.accept()
        with connection:
            connection.sendall(line(Grant(1, 2, None, [2], [False])))
            done(client)
        waiting = {one.kind for one in client.found if isinstance(one, Waiting)}
        assert len(client.found) == 50 and waiting == {"lost_coordinator"}
        assert stub.most_open == 2 and client.answered == stub.completions == 12


def test_the_share_of_a_worker_that_falls_silent_returns(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(coordinator_module, "SILENCE", 1.0)
    monkeypatch.setattr(leases, "HEARTBEAT", 0.05)
    monkeypatch.setattr(shared, "GRACE", 0.1)
    with Stub() as stub, coordinator() as there:
        spec = spec_of(stub, in_flight=4)
        lease = there.lease(spec, "study")
        with socket.create_connection(("127.0.0.1", there.port)) as silent:
            silent.sendall(line(Hello(lease.token, "writer", "study")))
            assert b'"lease":4' in silent.recv(1 << 16)
            stub.held = lambda n: stub.most_open < 4
            client = Client("a", spec, lease, 20)
            done(client)
        assert client.answered == 20 and stub.most_open == 4


def test_a_port_that_is_taken_is_named() -> None:
    with coordinator() as there, pytest.raises(StepError, match=f"127.0.0.1:{there.port}"):
        Coordinator("127.0.0.1", "127.0.0.1", there.port).start()


def test_steps_are_counted_apart() -> None:
    with Stub() as stub, coordinator() as there:
        spec = spec_of(stub, in_flight=4, output_price=2.0)
        done(Client("a", spec, there.lease(spec, "study"), 30), Client("b", spec, there.lease(spec, "qa"), 10))
        until(lambda: there.totals("writer").calls == 40)
        assert (there.totals("writer", "study").calls, there.totals("writer", "qa").calls) == (30, 10)
        assert there.totals("writer", "qa").cost == pytest.approx(10 * 5 * 2 / 1e6)
