"""Connections for a window of calls: HTTP/1.1 over asyncio's own sockets, one list of idle connections a server.

httpx's pool looks at each of its connections whenever a call begins or ends, so that a call costs the more the wider
the window is (4.5 ms of CPU at 256). The window itself says here how many there are, so nothing has to be looked at.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from types import TracebackType
from typing import Any
from urllib.parse import urlsplit
from urllib.request import getproxies

import h11
import httpx2

KEEP_ALIVE = 2.5
"""Seconds an idle connection is kept: vLLM closes them at 5 s, and a call must not meet a closing one."""
LARGEST_BODY = 64 * 2**20
"""Bytes of a response that are read; one that goes on is no answer to a prompt."""
LARGEST_HEAD = 64 * 2**10
UNREAD = 256 * 2**10
"""Bytes that may have come before they are read; then the server has to wait."""
LOOPBACK = ("127.0.0.1", "localhost", "::1")

_Server = tuple[str, str, int | None]
"""Scheme, host and port."""


def name_unknown(error: BaseException | None) -> bool:
    """Did a connection fail because nothing is known under the server's name? Where nobody could be asked, or through
    a proxy, that is not known."""
    cause = error.__cause__ if error is not None else None
    return isinstance(cause, socket.gaierror) and cause.errno in (socket.EAI_NONAME, socket.EAI_NODATA)


class TooLarge(Exception):
    """A response's body went past LARGEST_BODY, or was compressed, which was not asked for."""


def http_client(urls: tuple[str, ...], connections: int, timeout: httpx2.Timeout) -> httpx2.AsyncClient:
    """A client for servers of one endpoint with at most that many calls at once. It follows no redirects, and asks
    for bodies as they are, whose size is known while they come. Proxies are taken from the environment unless a
    server is on this machine; through a proxy, httpx's own pool is used."""
    remote = all(urlsplit(url).hostname not in LOOPBACK for url in urls)
    proxied = remote and bool(getproxies())
    limits = httpx2.Limits(
        max_connections=connections, max_keepalive_connections=connections, keepalive_expiry=KEEP_ALIVE
    )
    tls = any(url.lower().startswith("https:") for url in urls)
    return httpx2.AsyncClient(
        timeout=timeout,
        trust_env=remote,
        follow_redirects=False,
        headers={"Accept-Encoding": "identity"},
        limits=limits,
        transport=None if proxied else Connections(tls=tls, trust_env=remote),
        event_hooks={"response": [_bounded]},
    )


async def _bounded(response: httpx2.Response) -> None:
    if response.headers.get("content-encoding", "identity") != "identity":
        raise TooLarge("a compressed body")
    response.stream = _Bounded(response.stream)


class _Bounded(httpx2.AsyncByteStream):
    """A response's body, up to LARGEST_BODY."""

    def __init__(self, stream: httpx2.AsyncByteStream):
        self._stream = stream

    async def __aiter__(self) -> AsyncIterator[bytes]:
        size = 0
        async for piece in self._stream:
            size += len(piece)
            if size > LARGEST_BODY:
                raise TooLarge(f"a body of more than {LARGEST_BODY // 2**20} MiB")
            yield piece

    async def aclose(self) -> None:
        await self._stream.aclose()


class Connections(httpx2.AsyncBaseTransport):
    """As many connections as there are calls at once. The one that was left last is taken first, so that few stay
    busy rather than many going idle."""

    def __init__(self, *, tls: bool, trust_env: bool):
        # Certificates take 20 ms to load; without TLS there is nothing to verify, and no redirect leads to any.
        self._context = httpx2.create_ssl_context(verify=tls, trust_env=trust_env)
        self._idle: dict[_Server, list[_Connection]] = {}
        self._all: set[_Connection] = set()

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        url = request.url
        server = url.scheme, url.raw_host.decode("ascii"), url.port
        connection = self._left_idle(server)
        if connection is not None:
            try:
                return await self._ask(connection, server, request)
            except Stale:
                pass  # the server had closed it before it saw the request: that says nothing of either
        connection = await self._new(server, request.extensions["timeout"]["connect"])
        return await self._ask(connection, server, request)

    def _left_idle(self, server: _Server) -> _Connection | None:
        idle = self._idle.setdefault(server, [])
        while idle:
            connection = idle.pop()
            if connection.usable:
                return connection
            self._drop(connection)
        return None

    async def _new(self, server: _Server, timeout: float | None) -> _Connection:
        scheme, host, port = server
        connection, loop = _Connection(), asyncio.get_running_loop()
        tls = scheme == "https"
        try:
            async with asyncio.timeout(timeout):
                await loop.create_connection(
                    lambda: connection, host, port or (443 if tls else 80),
                    ssl=self._context if tls else None, happy_eyeballs_delay=0.25,
                )  # fmt: skip
        except TimeoutError as error:
            raise httpx2.ConnectTimeout(str(error)) from error
        except OSError as error:  # ssl's among them
            raise httpx2.ConnectError(str(error)) from error
        self._all.add(connection)
        return connection

    async def _ask(self, connection: _Connection, server: _Server, request: httpx2.Request) -> httpx2.Response:
        try:
            head = await connection.ask(request)
        except BaseException:
            self._drop(connection)
            raise
        return httpx2.Response(
            head.status_code,
            headers=head.headers.raw_items(),
            stream=_Body(connection, lambda: self._leave(connection, server)),
            extensions={"http_version": b"HTTP/" + head.http_version, "reason_phrase": head.reason},
        )

    def _leave(self, connection: _Connection, server: _Server) -> None:
        """A response has been read or dropped."""
        if connection.rest():
            self._idle[server].append(connection)
        else:
            self._drop(connection)

    def _drop(self, connection: _Connection) -> None:
        self._all.discard(connection)
        connection.abort()

    async def aclose(self) -> None:
        for connection in list(self._all):
            self._drop(connection)

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None = None,
        exc_value: BaseException | None = None,
        traceback: TracebackType | None = None,
    ) -> None:
        await self.aclose()


class Stale(Exception):
    """A connection that was kept had been closed by the server: not a byte came of a response."""


class _Connection(asyncio.Protocol):
    """One connection, for one request at a time. It has no time limits: attempts have theirs."""

    def __init__(self) -> None:
        self._http = h11.Connection(h11.CLIENT, max_incomplete_event_size=LARGEST_HEAD)
        self._transport: asyncio.Transport
        self._unread = bytearray()
        self._paused = False
        self._ended = False
        self._error: Exception | None = None
        self._reader: asyncio.Future[None] | None = None
        self._asked = 0
        self._heard = False       # did a byte come since the last request?
        self._rests_since = 0.0

    async def ask(self, request: httpx2.Request) -> h11.Response:
        """The head of the response; `pieces` are its body. Raises httpx2's errors, and Stale."""
        self._asked += 1
        self._heard = False
        body = await request.aread()
        head = h11.Request(method=request.method, target=request.url.raw_path, headers=request.headers.raw)
        sent = [self._http.send(head), self._http.send(h11.Data(body)), self._http.send(h11.EndOfMessage())]
        self._transport.write(b"".join(sent))
        try:
            event = await self._event()
            while isinstance(event, h11.InformationalResponse):
                event = await self._event()
        except httpx2.TransportError as error:
            if self._asked > 1 and not self._heard:
                raise Stale from error
            raise
        return event

    async def pieces(self) -> AsyncIterator[bytes]:
        """The response's body. Raises httpx2's errors."""
        while isinstance(event := await self._event(), h11.Data):
            yield bytes(event.data)

    async def _event(self) -> Any:
        try:
            while (event := self._http.next_event()) is h11.NEED_DATA:
                self._http.receive_data(await self._read())
        except h11.RemoteProtocolError as error:
            raise httpx2.RemoteProtocolError(str(error)) from error
        return event

    async def _read(self) -> bytes:
        """What came; nothing at the end."""
        if not self._unread and not self._ended:
            if self._paused:
                self._paused = False
                self._transport.resume_reading()
            self._reader = asyncio.get_running_loop().create_future()
            try:
                await self._reader
            finally:
                self._reader = None
        if self._error is not None and not self._unread:
            raise httpx2.ReadError(str(self._error)) from self._error
        came = bytes(self._unread)
        self._unread.clear()
        return came

    # ---- between requests ---------------------------------------------------------------------------

    def rest(self) -> bool:
        """The response has been read, or is read no further; may another request be sent? What a server says that
        it was not asked for must not pass for the next answer."""
        over = self._http.our_state is h11.DONE and self._http.their_state is h11.DONE
        if not over or self._http.trailing_data[0]:
            return False
        self._http.start_next_cycle()
        self._rests_since = asyncio.get_running_loop().time()
        return True

    @property
    def usable(self) -> bool:
        """It has not rested for too long, and the server has neither ended it nor said anything."""
        rested = asyncio.get_running_loop().time() - self._rests_since
        return not self._unread and not self._ended and rested <= KEEP_ALIVE

    def abort(self) -> None:
        """Ends it now."""
        self._transport.abort()

    # ---- as asyncio's protocol ----------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._heard = True
        self._unread += data
        if len(self._unread) > UNREAD and not self._paused:
            self._paused = True
            self._transport.pause_reading()
        self._wake()

    def eof_received(self) -> None:
        self._ended = True
        self._wake()

    def connection_lost(self, error: Exception | None) -> None:
        self._ended = True
        self._error = error
        self._wake()

    def _wake(self) -> None:
        if self._reader is not None and not self._reader.done():
            self._reader.set_result(None)


class _Body(httpx2.AsyncByteStream):
    """A response's body, after which its connection rests."""

    def __init__(self, connection: _Connection, left: Any):
        self._connection, self._left = connection, left

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for piece in self._connection.pieces():
            yield piece

    async def aclose(self) -> None:
        left, self._left = self._left, None
        if left is not None:
            left()
