"""HTTP/1.1 over one connection: requests with a Content-Length, one after the other."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

HEAD = 64 * 1024
"""Bytes that a request's head may have."""


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """Header names in lower case. `peer`: the client's address."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes
    peer: tuple[str, int]


class Connection(asyncio.Protocol):
    """Hands each request to `respond`, which writes with `send` and says whether the connection stays open.

    A client that leaves cancels what is being answered. `idle`: seconds after an answer until the connection is
    closed without a word, as servers do; None: never.
    """

    def __init__(
        self, respond: Callable[[HttpRequest, Connection], Awaitable[bool]], open_ones: set[Connection],
        idle: float | None,
    ):  # fmt: skip
        self._respond, self._all, self._idle = respond, open_ones, idle
        self._buffer = bytearray()
        self._task: asyncio.Task[None] | None = None
        self._timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport
        self._peer = transport.get_extra_info("peername")[:2]
        self._all.add(self)

    def connection_lost(self, error: Exception | None) -> None:
        self._all.discard(self)
        self._stop_timer()
        if self._task is not None:
            self._task.cancel()

    def data_received(self, data: bytes) -> None:
        self._stop_timer()
        self._buffer += data
        if self._task is None:
            self._next()

    def send(self, data: bytes) -> None:
        """Writes; nothing where the client is gone."""
        if not self._transport.is_closing():
            self._transport.write(data)

    def close(self) -> None:
        """Ends the connection once what was sent has left."""
        self._transport.close()

    def abort(self) -> None:
        """Ends it now."""
        self._transport.abort()

    def _next(self) -> None:
        """Begins to answer the next whole request in the buffer, if there is one."""
        end = self._buffer.find(b"\r\n\r\n")
        if end < 0:
            if len(self._buffer) > HEAD:
                self.abort()
            return
        start, *lines = self._buffer[:end].decode("latin-1").split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        size = end + 4 + int(headers.get("content-length", 0))
        if len(self._buffer) < size:
            return
        body = bytes(self._buffer[end + 4 : size])
        del self._buffer[:size]
        method, path, _ = start.split(" ")
        request = HttpRequest(method, path, headers, body, self._peer)
        self._task = asyncio.get_running_loop().create_task(self._answer(request))

    async def _answer(self, request: HttpRequest) -> None:
        stays = await self._respond(request, self)
        self._task = None
        if not stays or request.headers.get("connection", "").lower() == "close":
            self.close()
        elif self._buffer:
            self._next()
        elif self._idle is not None:
            self._timer = asyncio.get_running_loop().call_later(self._idle, self.close)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


def response(status: int, body: bytes, **headers: str) -> bytes:
    """A whole response; JSON unless its headers say otherwise."""
    sent = {"Content-Type": "application/json", "Content-Length": str(len(body)), **headers}
    head = f"HTTP/1.1 {status} -\r\n" + "".join(f"{name}: {value}\r\n" for name, value in sent.items())
    return head.encode("latin-1") + b"\r\n" + body
