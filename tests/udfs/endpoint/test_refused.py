"""What ends a stream: refused requests, another model; and that no error or log holds the key."""

from __future__ import annotations

import logging
import socket
import traceback
from typing import Any

import pytest
from asking_a_stub import QUICK, ask, requests
from recipe_udfs.endpoint import connections
from recipe_udfs.endpoint.client import answers
from recipe_udfs.endpoint.errors import EndpointRefused, ServedModelChanged
from recipe_udfs.endpoint.request import Answer, EndpointSpec, Waiting
from stub_server import Fault, Reply, Stub

CANARY = "sk-canary-5f1d0c9e7b"


def until_it_ends(url: str, asked: int, window: int = 4, **spec: Any) -> tuple[list[Any], Exception]:
    """What came, and the error that ended it."""
    came: list[Any] = []
    with pytest.raises((EndpointRefused, ServedModelChanged)) as raised:
        for one in answers(EndpointSpec(url, "m", **spec), requests(asked), window=window, manners=QUICK):
            came += [one] if one is not None else []
    return came, raised.value


@pytest.mark.parametrize("status", [400, 401, 402, 403, 404, 405, 413, 422, 301, 307])
def test_a_refusal_ends_the_stream_and_says_what_to_do(status: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("THE_KEY", CANARY)
    with Stub(faults=lambda request, n: Fault(status=status, message="no \x1b[31m" + CANARY)) as stub:
        came, error = until_it_ends(stub.url, 500, key_env="THE_KEY")
        assert isinstance(error, EndpointRefused)
        if status in (400, 413, 422):  # might be these requests' own fault, until there are five of them
            assert {one.kind for one in came} == {"bad_request"} and len(came) <= len(stub.ledger) <= 5 + 3
        else:
            assert came == [] and len(stub.ledger) <= 4
        host = stub.url.removeprefix("http://").removesuffix("/v1")
    assert host in error.message and '"m"' in error.message and str(status) in error.message
    assert error.message.isprintable() and error.remedy.isprintable()
    if status in (401, 403, 404):
        assert "THE_KEY" in error.remedy
    if status in (400, 422):
        assert "no \ufffd[31m***" in error.message


def test_answers_that_are_on_their_way_come_before_the_end() -> None:
    def refused(request: dict[str, Any], n: int) -> Fault | None:
        return Fault(status=404) if request["messages"][0]["content"] == "4" else None

    with Stub(faults=refused) as stub:
        stub.held = lambda n: not any(entry.status == 404 for entry in stub.ledger)
        came, error = until_it_ends(stub.url, 100)
        assert isinstance(error, EndpointRefused)
        assert {"1", "2", "3"} <= {one.key for one in came if isinstance(one, Answer)}
        assert len(stub.ledger) <= 7 and len(came) <= stub.completions


@pytest.mark.parametrize("status", [400, 413, 422])
def test_a_request_that_the_server_cannot_do_is_its_own_matter(status: int) -> None:
    def bad(request: dict[str, Any], n: int) -> Fault | None:
        too_long = int(request["messages"][0]["content"]) % 2 == 0
        return Fault(status=status, message="too long \x1b[31m") if too_long else None

    with Stub(faults=bad) as stub:
        found = {one.key: one for one in ask(stub.url, 40, window=1)}
        assert len(stub.ledger) == 40 and stub.completions == 20
    waiting = [one for one in found.values() if isinstance(one, Waiting)]
    assert {int(one.key) % 2 for one in waiting} == {0} and len(waiting) == 20
    assert {(one.kind, one.attempts) for one in waiting} == {("bad_request", 1)}
    assert str(status) in waiting[0].detail and "too long \ufffd[31m" in waiting[0].detail


def test_no_key_where_one_is_needed() -> None:
    with Stub() as stub:
        came, error = until_it_ends(stub.url, 5, key_env="A_KEY_THAT_IS_NOT_SET")
        assert "A_KEY_THAT_IS_NOT_SET" in error.message and stub.ledger == []
        assert len(ask(stub.url, 5, key_env="A_KEY_THAT_IS_NOT_SET", key_default="")) == 5


@pytest.mark.parametrize("url", ["localhost:8000/v1", "ftp://h/v1", "http:///v1", "http://h:port/v1", "", "http://[::1/v1"])
def test_an_address_that_is_none(url: str) -> None:
    came, error = until_it_ends(url, 5)
    assert came == [] and "http://" in error.remedy


def nobody_knows(monkeypatch: pytest.MonkeyPatch, error: int = socket.EAI_NONAME) -> str:
    """An address whose name cannot be resolved, here and through no proxy."""

    def getaddrinfo(host: str, *rest: Any, **more: Any) -> Any:
        if host == "writer.invalid":
            raise socket.gaierror(error, "as getaddrinfo says it")
        return resolve(host, *rest, **more)

    resolve = socket.getaddrinfo
    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    monkeypatch.setattr(connections, "getproxies", dict)
    return "http://writer.invalid:8000/v1"


@pytest.mark.parametrize("window", [1, 8])
def test_a_name_that_nobody_knows_is_not_waited_for(window: int, monkeypatch: pytest.MonkeyPatch) -> None:
    url = nobody_knows(monkeypatch)
    came, error = until_it_ends(url, 100, window=window, patience=1800)
    assert isinstance(error, EndpointRefused) and len(came) <= window and {one.kind for one in came} <= {"connection"}
    assert "writer.invalid:8000 is not known" in error.message and "url" in error.remedy


def test_where_no_name_can_be_resolved_for_now_is_waited(monkeypatch: pytest.MonkeyPatch) -> None:
    url = nobody_knows(monkeypatch, socket.EAI_AGAIN)
    assert {one.kind for one in ask(url, 10, patience=0.5)} <= {"unavailable", "connection"}


def test_one_name_of_a_pool_that_nobody_knows_leaves_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    url = nobody_knows(monkeypatch)
    with Stub() as stub:
        spec = EndpointSpec(stub.url, "m", urls=(stub.url, url), weights=(1.0, 1.0), in_flight=1)
        came = [one for one in answers(spec, requests(40), window=1, manners=QUICK) if one is not None]
    assert [one for one in came if not isinstance(one, Answer)] == []


# ---- which model ------------------------------------------------------------------------------------


def test_a_model_that_changes_ends_the_stream() -> None:
    with Stub(answer=lambda request, n: Reply("x", model="m-2" if n > 10 else "m-1")) as stub:
        came, error = until_it_ends(stub.url, 500, window=2)
        assert len(stub.ledger) <= 13
    assert isinstance(error, ServedModelChanged)
    assert 9 <= len(came) <= 11 and {one.served_model for one in came} == {"m-1"}
    assert '"m-1"' in error.message and '"m-2"' in error.message
    assert 'served_as = ["m-1", "m-2"]' in error.remedy


def test_a_dated_name_that_stays_is_fine() -> None:
    with Stub(answer=lambda request, n: Reply("x", model="m-2026-11-01")) as stub:
        assert {one.served_model for one in ask(stub.url, 20)} == {"m-2026-11-01"}


def test_names_that_the_recipe_lists_may_mix() -> None:
    with Stub(answer=lambda request, n: Reply("x", model=("m", "m-a", "m-b")[n % 3])) as stub:
        assert len(ask(stub.url, 30, served_as=("m-a", "m-b"))) == 30


def test_a_name_that_the_recipe_does_not_list_is_proposed() -> None:
    with Stub(answer=lambda request, n: Reply("x", model='m-c"\x1b')) as stub:
        came, error = until_it_ends(stub.url, 30, served_as=("m-a", "m-b"))
    assert isinstance(error, ServedModelChanged) and came == []
    assert r'served_as = ["m-a", "m-b", "m-c\"\ufffd"]' in error.remedy


def test_a_model_without_a_name_is_not_the_one_before() -> None:
    with Stub(answer=lambda request, n: Reply("x", model="" if n > 5 else "m")) as stub:
        _, error = until_it_ends(stub.url, 100, window=1)
    assert "no model at all" in error.message


# ---- the key ----------------------------------------------------------------------------------------


def everything_of(error: BaseException) -> str:
    """All that a log, a debugger's first look or a traceback with locals would show of an error."""
    seen, text = set(), ""
    pending: list[BaseException | None] = [error]
    while pending:
        one = pending.pop()
        if one is None or id(one) in seen:
            continue
        seen.add(id(one))
        text += f"{one!s} {one!r} {one.args!r} {vars(one)!r}" + "".join(traceback.format_exception(one))
        text += "".join(
            repr(value)
            for frame, _ in traceback.walk_tb(one.__traceback__)
            if "recipe_udfs" in frame.f_code.co_filename
            for value in frame.f_locals.values()
        )
        pending += [one.__cause__, one.__context__]
    return text


@pytest.mark.parametrize(
    "fault",
    [
        None,
        *(Fault(status=status, message=f"Incorrect key: {CANARY}") for status in (400, 401, 404, 429, 500, 302)),
        Fault(close=True),
        Fault(hang=True),
        Fault(short=True),
        Fault(body=f'{{"key": "{CANARY}"}}'.encode()),
        Fault(reply=Reply("x", model="another")),
    ],
    ids=str,
)
def test_the_key_is_sent_and_stands_nowhere_else(
    fault: Fault | None, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture
) -> None:
    monkeypatch.setenv("THE_KEY", CANARY)
    shown = ""
    with caplog.at_level(logging.DEBUG), Stub(faults=lambda request, n: fault) as stub:
        for name in ("openai", "httpx2", "httpcore2", "asyncio"):
            caplog.set_level(logging.DEBUG, logger=name)
        spec = EndpointSpec(stub.url, "m", key_env="THE_KEY", served_as=("m-1",), timeout=0.3)
        try:
            for one in answers(spec, requests(3), window=2, manners=QUICK):
                shown += repr(one)
        except (EndpointRefused, ServedModelChanged) as error:
            shown += everything_of(error)
        assert {entry.headers["authorization"] for entry in stub.ledger} == {f"Bearer {CANARY}"}
    assert "HTTP" in caplog.text  # the libraries did log
    shown += caplog.text + repr(spec) + "".join(capfd.readouterr())
    assert "127.0.0.1" in shown
    assert CANARY not in shown


def test_of_other_programs_keys_nothing_is_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OPENAI_API_KEY", "OPENAI_ADMIN_KEY", "OPENAI_ORG_ID", "OPENAI_PROJECT_ID"):
        monkeypatch.setenv(name, CANARY)
    with Stub() as stub:
        assert not isinstance(ask(stub.url, 1)[0], Waiting)
        assert CANARY not in str(stub.ledger[0].headers)
