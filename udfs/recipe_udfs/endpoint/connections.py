"""Connections for a window of calls: many small pools behind one transport.

httpx's pool looks at each of its connections whenever a call begins or ends, so with one pool a call costs the more
the wider the window is (4.5 ms of CPU at 256 connections). Here it looks at 8.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from types import TracebackType
from urllib.parse import urlsplit
from urllib.request import getproxies

import httpx2

KEEP_ALIVE = 2.5
"""Seconds an idle connection is kept: vLLM closes them at 5 s, and a call must not meet a closing one."""
SMALL = 8
LOOPBACK = ("127.0.0.1", "localhost", "::1")


def http_client(url: str, connections: int, timeout: httpx2.Timeout) -> httpx2.AsyncClient:
    """A client for one server with at most that many connections. It follows no redirects. Proxies are taken from
    the environment unless the server is on this machine; through a proxy there is one pool."""
    remote = urlsplit(url).hostname not in LOOPBACK
    proxied = remote and bool(getproxies())
    return httpx2.AsyncClient(
        timeout=timeout,
        trust_env=remote,
        follow_redirects=False,
        limits=_limits(connections),
        transport=None if proxied else SmallPools(url, connections, trust_env=remote),
    )


def _limits(connections: int) -> httpx2.Limits:
    return httpx2.Limits(
        max_connections=connections, max_keepalive_connections=connections, keepalive_expiry=KEEP_ALIVE
    )


class SmallPools(httpx2.AsyncBaseTransport):
    """Up to `connections` connections in pools of `SMALL`. The place given back last is taken first, so that few
    connections stay busy rather than many going idle."""

    def __init__(self, url: str, connections: int, *, trust_env: bool):
        # Certificates take 20 ms to load; without TLS there is nothing to verify, and no redirect leads to any.
        context = httpx2.create_ssl_context(verify=url.lower().startswith("https:"), trust_env=trust_env)
        count = -(-connections // SMALL)
        self._pools = [
            httpx2.AsyncHTTPTransport(verify=context, trust_env=trust_env, limits=_limits(SMALL)) for _ in range(count)
        ]
        self._free = [pool for pool in reversed(self._pools) for _ in range(SMALL)]

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        pool = self._free.pop()
        try:
            response = await pool.handle_async_request(request)
        except BaseException:
            self._free.append(pool)
            raise
        response.stream = _Body(response.stream, lambda: self._free.append(pool))
        return response

    async def aclose(self) -> None:
        for pool in self._pools:
            await pool.aclose()

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None = None,
        exc_value: BaseException | None = None,
        traceback: TracebackType | None = None,
    ) -> None:
        await self.aclose()


class _Body(httpx2.AsyncByteStream):
    """A response's body that says when it has been read or dropped."""

    def __init__(self, stream: httpx2.AsyncByteStream, released: Callable[[], None]):
        self._stream = stream
        self._released: Callable[[], None] | None = released

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for piece in self._stream:
            yield piece

    async def aclose(self) -> None:
        released, self._released = self._released, None
        try:
            await self._stream.aclose()
        finally:
            if released is not None:
                released()
