"""Connections for a window of calls: HTTP/1.1 over asyncio's own sockets, one list of idle connections a server.

httpx's pool looks at each of its connections whenever a call begins or ends, so that a call costs the more the wider
the window is (4.5 ms of CPU at 256). The window itself says here how many there are, so nothing has to be looked at.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from types import TracebackType
from typing import Any
from urllib.parse import urlsplit
from urllib.request import getproxies

import httpcore2
import httpx2

KEEP_ALIVE = 2.5
"""Seconds an idle connection is kept: vLLM closes them at 5 s, and a call must not meet a closing one."""
LARGEST_BODY = 64 * 2**20
"""Bytes of a response that are read; one that goes on is no answer to a prompt."""
PIECE = 64 * 1024
LOOPBACK = ("127.0.0.1", "localhost", "::1")

_Server = tuple[bytes, bytes, int | None]
"""Scheme, host and port."""


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
        # Of a proxy's responses too.
        event_hooks={"response": [_bounded]},
    )


async def _bounded(response: httpx2.Response) -> None:
    if response.headers.get("content-encoding", "identity") != "identity":
        raise TooLarge("a compressed body")
    response.stream = _Body(response.stream)


class _Body(httpx2.AsyncByteStream):
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
        sent = httpcore2.Request(
            method=request.method,
            url=httpcore2.URL(scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path),
            headers=request.headers.raw,
            content=request.stream,
            extensions=request.extensions,
        )
        server = url.raw_scheme, url.raw_host, url.port
        connection = await self._left_idle(server) or self._new(server, sent.url.origin)
        try:
            response = await connection.ask(sent)
        except Stale:
            # The server had closed it before it saw the request: that says nothing of either.
            connection = self._new(server, sent.url.origin)
            response = await connection.ask(sent)
        return httpx2.Response(
            response.status,
            headers=response.headers,
            stream=_Answer(self, connection, response),
            extensions=response.extensions,
        )

    async def _left_idle(self, server: _Server) -> _Connection | None:
        idle = self._idle.setdefault(server, [])
        while idle:
            connection = idle.pop()
            if not connection.http.has_expired():
                return connection
            await self.forget(connection)
        return None

    def _new(self, server: _Server, origin: httpcore2.Origin) -> _Connection:
        connection = _Connection(self, server, origin, self._context)
        self._all.add(connection)
        return connection

    def leave(self, connection: _Connection) -> None:
        """A response has been read or dropped."""
        if connection.http.is_idle():
            self._idle[connection.server].append(connection)
        else:
            self._all.discard(connection)

    async def forget(self, connection: _Connection) -> None:
        """Closes it."""
        self._all.discard(connection)
        await connection.http.aclose()

    async def aclose(self) -> None:
        for connection in list(self._all):
            await self.forget(connection)

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None = None,
        exc_value: BaseException | None = None,
        traceback: TracebackType | None = None,
    ) -> None:
        await self.aclose()


class Stale(Exception):
    """A connection that was kept had been closed by the server: not a byte came of a response."""


class _Connection:
    def __init__(self, owner: Connections, server: _Server, origin: httpcore2.Origin, context: ssl.SSLContext):
        self.server = server
        self._owner = owner
        self._socket = _Socket()
        self._asked = 0
        self.http = httpcore2.AsyncHTTPConnection(
            origin, ssl_context=context, keepalive_expiry=KEEP_ALIVE, network_backend=self._socket
        )

    async def ask(self, request: httpcore2.Request) -> httpcore2.Response:
        """Raises httpx2's errors, and Stale."""
        self._asked += 1
        self._socket.heard = False
        try:
            return await self.http.handle_async_request(request)
        except httpcore2.ConnectTimeout as error:
            await self._owner.forget(self)
            raise httpx2.ConnectTimeout(str(error)) from error
        except httpcore2.ConnectError as error:
            await self._owner.forget(self)
            raise httpx2.ConnectError(str(error)) from error
        except (httpcore2.NetworkError, httpcore2.ProtocolError) as error:
            await self._owner.forget(self)
            if self._asked > 1 and not self._socket.heard:
                raise Stale from error
            raise broken(error) from error
        except BaseException:
            await self._owner.forget(self)
            raise


def broken(error: Exception) -> httpx2.TransportError:
    """What httpx would raise of a connection that broke."""
    kind = httpx2.RemoteProtocolError if isinstance(error, httpcore2.ProtocolError) else httpx2.ReadError
    return kind(str(error))


class _Answer(httpx2.AsyncByteStream):
    """A response's body, after which its connection is idle again."""

    def __init__(self, owner: Connections, connection: _Connection, response: httpcore2.Response):
        self._owner, self._connection, self._response = owner, connection, response
        self._left = False

    async def __aiter__(self) -> AsyncIterator[bytes]:
        try:
            async for piece in self._response.stream:
                yield piece
        except (httpcore2.NetworkError, httpcore2.ProtocolError) as error:
            raise broken(error) from error

    async def aclose(self) -> None:
        if not self._left:
            self._left = True
            try:
                await self._response.stream.aclose()
            finally:
                self._owner.leave(self._connection)


class _Socket(asyncio.Protocol, httpcore2.AsyncNetworkBackend, httpcore2.AsyncNetworkStream):
    """One connection's socket, as httpcore asks for it. What is written goes out when an answer is read, head and
    body in one piece. Only connecting has a time limit; attempts have theirs."""

    def __init__(self) -> None:
        self.heard = False  # did a byte come since that was set?
        self._transport: asyncio.Transport
        self._unsent: list[bytes] = []
        self._unread = bytearray()
        self._paused = False
        self._ended = False
        self._error: Exception | None = None
        self._reader: asyncio.Future[None] | None = None

    # ---- as httpcore's backend and stream -----------------------------------------------------------

    async def connect_tcp(self, host: str, port: int, timeout: float | None = None, **_: Any) -> _Socket:
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(timeout):
                await loop.create_connection(lambda: self, host, port, happy_eyeballs_delay=0.25)
        except TimeoutError as error:
            raise httpcore2.ConnectTimeout(str(error)) from error
        except OSError as error:
            raise httpcore2.ConnectError(str(error)) from error
        return self

    async def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> _Socket:
        loop = asyncio.get_running_loop()
        plain = self._transport
        try:
            async with asyncio.timeout(timeout):
                self._transport = await loop.start_tls(plain, self, ssl_context, server_hostname=server_hostname)
        except TimeoutError as error:
            plain.abort()
            raise httpcore2.ConnectTimeout(str(error)) from error
        except OSError as error:  # ssl's among them
            plain.abort()
            raise httpcore2.ConnectError(str(error)) from error
        return self

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._unsent.append(buffer)

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        if self._unsent:
            self._transport.write(b"".join(self._unsent))
            self._unsent.clear()
        if not self._unread and not self._ended:
            if self._paused:
                self._paused = False
                self._transport.resume_reading()
            self._reader = asyncio.get_running_loop().create_future()
            try:
                await self._reader
            finally:
                self._reader = None
        if self._error is not None:
            raise httpcore2.ReadError(str(self._error)) from self._error
        piece = bytes(self._unread)
        self._unread.clear()
        return piece

    async def aclose(self) -> None:
        self._transport.abort()

    def get_extra_info(self, info: str) -> Any:
        if info == "is_readable":  # asked of an idle connection: then it is of no use any more
            return bool(self._unread) or self._ended
        return self._transport.get_extra_info(info)

    # ---- as asyncio's protocol ----------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self.heard = True
        self._unread += data
        if len(self._unread) > PIECE and not self._paused:
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
