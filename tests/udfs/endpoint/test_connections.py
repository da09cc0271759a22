"""Servers that do odd things with their connections: close them, never end, compress, speak TLS."""

from __future__ import annotations

import asyncio
import gzip
import json
import ssl
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Thread
from typing import Any

import httpx2
import pytest
from asking_a_stub import QUICK, ask, until
from recipe_udfs.endpoint import connections
from recipe_udfs.endpoint.manners import Manners
from recipe_udfs.endpoint.request import Answer, Request, Waiting
from stub_server import Reply, Stub

CERTIFICATE = Path(__file__).parent / "data" / "localhost.pem"
ONCE = Manners(attempts=1)

Respond = Callable[[asyncio.StreamWriter, int], Awaitable[bool]]


def completion(text: str = "hello") -> bytes:
    choice = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}
    return json.dumps({"model": "m", "choices": [choice]}).encode()


def head(*lines: str) -> bytes:
    return ("\r\n".join(("HTTP/1.1 200 OK", "Content-Type: application/json", *lines)) + "\r\n\r\n").encode()


def whole(body: bytes, *lines: str) -> bytes:
    return head(f"Content-Length: {len(body)}", *lines) + body


@contextmanager
def server(respond: Respond, context: ssl.SSLContext | None = None) -> Iterator[Any]:
    """Calls `respond(writer, n)` for the n-th request of all; it says whether the connection stays. Gives an object
    with `url`, `requests` (their heads) and `connections`."""

    class Seen:
        url = ""
        requests: list[str] = []
        connections = 0

    seen = Seen()
    seen.requests = []
    loop = asyncio.new_event_loop()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.connections += 1
        try:
            stays = True
            while stays:
                start = (await reader.readuntil(b"\r\n\r\n")).decode()
                size = next(line for line in start.lower().split("\r\n") if line.startswith("content-length:"))
                await reader.readexactly(int(size.split(":")[1]))
                seen.requests.append(start)
                stays = await respond(writer, len(seen.requests))
                await writer.drain()
        except (asyncio.IncompleteReadError, OSError):
            pass
        writer.close()

    listening = loop.run_until_complete(asyncio.start_server(connected, "127.0.0.1", 0, ssl=context))
    seen.url = f"http{'s' if context else ''}://127.0.0.1:{listening.sockets[0].getsockname()[1]}/v1"
    thread = Thread(target=loop.run_forever, daemon=True)
    thread.start()
    try:
        yield seen
    finally:
        loop.call_soon_threadsafe(listening.close)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
        for task in asyncio.all_tasks(loop):
            task.cancel()
        loop.run_until_complete(asyncio.sleep(0))
        loop.close()


# ---- idle connections -------------------------------------------------------------------------------


def test_a_connection_that_was_closed_while_idle_costs_no_attempt() -> None:
    """The server closes each connection when the second request comes, before a byte of an answer."""
    known: set[asyncio.StreamWriter] = set()

    async def respond(writer: asyncio.StreamWriter, n: int) -> bool:
        first = writer not in known
        known.add(writer)
        if first:
            writer.write(whole(completion()))
        return first

    with server(respond) as seen:
        found = ask(seen.url, 5, window=1, manners=ONCE)
        assert [type(one) for one in found] == [Answer] * 5 and {one.attempts for one in found} == {1}
        assert seen.connections == 5 and len(seen.requests) == 9


def test_a_connection_that_breaks_within_an_answer_is_an_attempt() -> None:
    async def respond(writer: asyncio.StreamWriter, n: int) -> bool:
        writer.write(whole(completion()) if n == 1 else whole(completion())[: 20 * n])
        return n == 1

    with server(respond) as seen:
        found = ask(seen.url, 2, window=1, manners=ONCE)
        assert [type(one) for one in found] == [Answer, Waiting] and found[1].kind == "connection"
        assert len(seen.requests) == 2


@pytest.mark.parametrize("together", [True, False])
def test_what_a_server_says_unasked_is_no_answer_to_the_next_request(together: bool) -> None:
    """Some say 408 before they close a connection that was idle; a broken one may say an answer twice."""

    async def respond(writer: asyncio.StreamWriter, n: int) -> bool:
        writer.write(whole(completion(f"number {n}")))
        if not together:
            await writer.drain()
            await asyncio.sleep(0.02)
        writer.write(whole(completion("unasked")))
        return True

    def slowly() -> Iterator[Request]:
        for n in range(1, 5):
            yield Request(str(n), [{"role": "user", "content": "x"}])
            until(lambda n=n: len(seen.requests) == n)
            time.sleep(0.3)

    with server(respond) as seen:
        found = ask(seen.url, slowly(), window=1, manners=ONCE)
        assert sorted(one.text for one in found) == [f"number {n}" for n in range(1, 5)]
        assert {one.attempts for one in found} == {1} and seen.connections == 4


def test_a_server_that_closes_idle_connections() -> None:
    with Stub(idle=0.0) as stub:
        found = ask(stub.url, 100, window=4, manners=ONCE)
        assert len(found) == 100 and all(isinstance(one, Answer) for one in found)


# ---- bodies -----------------------------------------------------------------------------------------


def test_an_answer_of_10_megabytes() -> None:
    text = "x" * (10 * 2**20) + "é"
    with Stub(answer=lambda request, n: Reply(text)) as stub:
        found = ask(stub.url, 2, timeout=120)
        assert [one.text == text for one in found] == [True, True]


@pytest.mark.parametrize("declared", [True, False])
def test_a_body_without_end_is_not_read_to_its_end(declared: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    assert connections.LARGEST_BODY == 64 * 2**20
    monkeypatch.setattr(connections, "LARGEST_BODY", 2**20)
    sent = 0

    async def respond(writer: asyncio.StreamWriter, n: int) -> bool:
        nonlocal sent
        writer.write(head(f"Content-Length: {2**40}") if declared else head("Transfer-Encoding: chunked"))
        while True:
            piece = b" " * 2**16
            writer.write(piece if declared else b"%x\r\n%s\r\n" % (len(piece), piece))
            await writer.drain()
            sent += len(piece)

    with server(respond) as seen:
        (found,) = ask(seen.url, 1, manners=Manners(attempts=2, backoff=0.01))
        assert (found.kind, found.attempts) == ("foreign_body", 2) and "1 MiB" in found.detail
        assert len(seen.requests) == 2
        # Twice the limit, and what fits into the sockets' buffers between.
        assert sent < 2 * (2**20 + 16 * 2**20)


def test_a_compressed_body_is_not_asked_for_and_not_read() -> None:
    async def respond(writer: asyncio.StreamWriter, n: int) -> bool:
        writer.write(whole(gzip.compress(completion("x" * 10_000)), "Content-Encoding: gzip"))
        return True

    with server(respond) as seen:
        (found,) = ask(seen.url, 1, manners=ONCE)
        assert found.kind == "foreign_body" and "compressed" in found.detail
        assert "accept-encoding: identity\r\n" in seen.requests[0].lower()


def test_a_body_in_chunks_and_one_that_ends_with_its_connection() -> None:
    body = completion("in pieces")

    async def respond(writer: asyncio.StreamWriter, n: int) -> bool:
        if n % 2:
            writer.write(head("Transfer-Encoding: chunked"))
            for byte in body:
                writer.write(b"1\r\n%c\r\n" % byte)
            writer.write(b"0\r\n\r\n")
        else:
            writer.write(head("Connection: close") + body)
        return bool(n % 2)

    with server(respond) as seen:
        found = ask(seen.url, 4, window=1, manners=ONCE)
        assert [one.text for one in found] == ["in pieces"] * 4


def test_a_server_that_speaks_no_http() -> None:
    async def respond(writer: asyncio.StreamWriter, n: int) -> bool:
        writer.write(b"SSH-2.0-OpenSSH_9.6\r\n\r\n")
        return True

    with server(respond) as seen:
        (found,) = ask(seen.url, 1, manners=Manners(attempts=2, backoff=0.01))
        assert (found.kind, found.attempts) == ("connection", 2)


# ---- TLS --------------------------------------------------------------------------------------------


@contextmanager
def tls_server(text: str) -> Iterator[Any]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(CERTIFICATE)

    async def respond(writer: asyncio.StreamWriter, n: int) -> bool:
        writer.write(whole(completion(text)))
        return True

    with server(respond, context) as seen:
        yield seen


def test_calls_over_tls(monkeypatch: pytest.MonkeyPatch) -> None:
    trusted = ssl.create_default_context(cafile=CERTIFICATE)
    monkeypatch.setattr(httpx2, "create_ssl_context", lambda **_: trusted)
    text = "y" * 300_000
    with tls_server(text) as seen:
        found = ask(seen.url, 20, window=2, manners=QUICK)
        assert [one.text == text for one in found] == [True] * 20
        assert 1 <= seen.connections <= 2


def test_a_certificate_that_nobody_vouches_for() -> None:
    with tls_server("x") as seen:
        (found,) = ask(seen.url, 1, manners=QUICK, patience=0)
        assert found.kind in ("connection", "unavailable") and "ConnectError" in found.detail
        assert seen.requests == []
