"""An OpenAI-compatible server for tests: real HTTP/1.1, a ledger of every request, faults by request number.

    with Stub(answer=lambda request, n: "words", faults={3: Fault(status=503, retry_after=0.1)}) as stub:
        … stub.url …
    assert [entry.status for entry in stub.ledger] == …

Requests to `/chat/completions` are numbered from 1 as they arrive. It runs in a thread of its own and answers
each connection by itself, so a slow answer holds no other.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from threading import Thread
from typing import Any

MODEL = "stub-model"


@dataclass(frozen=True)
class Reply:
    """What a model says. `content` None and `usage` None are sent as null."""

    text: str | None
    finish: str | None = "stop"
    model: str | None = None  # None: the name asked for
    refusal: str | None = None
    fingerprint: str | None = "fp_stub"
    usage: tuple[int, int] | None = (7, 5)
    logprobs: tuple[float, ...] | None = None  # of its tokens


@dataclass(frozen=True)
class Fault:
    """What goes wrong with one request; the first that is set, in this order, happens."""

    delay: float = 0.0                # seconds before anything else, a fault of its own where nothing else is set
    hang: bool = False                # never a byte
    close: bool = False               # the connection, without a byte
    status: int = 0                   # with an error body
    retry_after: float | str | None = None
    message: str = "scripted fault"
    html: bool = False                # status 200 and a page
    body: bytes | None = None         # status 200, JSON by its headers, these bytes
    truncated: bool = False           # half a completion as if it were all
    short: bool = False               # a whole Content-Length, half a body, then the end of the connection
    drip: float = 0.0                 # seconds between the bytes of a good answer
    reply: Reply | None = None        # a good answer of another kind


@dataclass
class Entry:
    """One request to `/chat/completions`. Times are `time.monotonic()`. `completion`: was it answered with one?"""

    number: int
    at: float
    headers: dict[str, str]
    body: dict[str, Any]
    status: int = 0
    completion: bool = False
    done: float | None = None


def _echo(request: dict[str, Any], n: int) -> str:
    return f"answer to: {request['messages'][-1]['content']}"


@dataclass
class Stub:
    """`faults`: by request number, or a function of the request and its number; None is no fault. `latency`:
    seconds, or a function of the number. `held`: is the request of that number to be held back still? It is asked
    again and again, so that a test can say what has to have happened first. `capacity`: calls at once, past which it
    answers 429. `port`: 0 is any that is free."""

    answer: Callable[[dict[str, Any], int], str | Reply] = _echo
    latency: float | Callable[[int], float] = 0.0
    faults: Mapping[int, Fault] | Callable[[dict[str, Any], int], Fault | None] = field(default_factory=dict)
    held: Callable[[int], bool] = lambda number: False
    capacity: int | None = None
    port: int = 0
    ledger: list[Entry] = field(default_factory=list)
    open: int = 0
    most_open: int = 0
    connections: int = 0
    url: str = ""

    def __enter__(self) -> Stub:
        self._loop = asyncio.new_event_loop()
        self._handlers: set[asyncio.Task[Any]] = set()
        listening = asyncio.start_server(self._connection, "127.0.0.1", self.port, backlog=2048)
        self._server = self._loop.run_until_complete(listening)
        self.url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}/v1"
        self._thread = Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        asyncio.run_coroutine_threadsafe(self._close(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    async def _close(self) -> None:
        self._server.close()
        for task in self._handlers:
            task.cancel()
        await asyncio.gather(*self._handlers, return_exceptions=True)

    @property
    def completions(self) -> int:
        return sum(entry.completion for entry in self.ledger)

    # ---- one connection -----------------------------------------------------------------------------

    async def _connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        self._handlers.add(task)
        self.connections += 1
        try:
            while await self._one(reader, writer):
                pass
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            self._handlers.discard(task)
            writer.close()

    async def _one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """Answers one request; False where the connection ends with it."""
        start, *lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")[:-2]
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        raw = await reader.readexactly(int(headers.get("content-length", 0)))
        method, path, _ = start.split(" ")
        if (method, path) != ("POST", "/v1/chat/completions"):
            writer.write(_response(404, b'{"error": {"message": "no such place"}}'))
            return True
        entry = Entry(len(self.ledger) + 1, time.monotonic(), headers, json.loads(raw))
        self.ledger.append(entry)
        self.open += 1
        self.most_open = max(self.most_open, self.open)
        try:
            return await self._answer(entry, writer)
        finally:
            self.open -= 1
            entry.done = time.monotonic()

    async def _answer(self, entry: Entry, writer: asyncio.StreamWriter) -> bool:
        find = self.faults if callable(self.faults) else lambda _, n: self.faults.get(n)
        fault = find(entry.body, entry.number) or Fault()
        if self.capacity is not None and self.open > self.capacity:
            fault = Fault(status=429)
        wait = fault.delay + (self.latency(entry.number) if callable(self.latency) else self.latency)
        if wait and not fault.status:
            await asyncio.sleep(wait)
        while not fault.status and self.held(entry.number):
            await asyncio.sleep(0.002)
        if fault.hang:
            await asyncio.Event().wait()
        if fault.close:
            return False
        if fault.status:
            entry.status = fault.status
            extra = {} if fault.retry_after is None else {"Retry-After": str(fault.retry_after)}
            error = {"error": {"message": fault.message, "type": "fault", "code": None}}
            writer.write(_response(fault.status, json.dumps(error).encode(), **extra))
            return True
        entry.status = 200
        if fault.html:
            writer.write(_response(200, b"<html><body>Sign in</body></html>", **{"Content-Type": "text/html"}))
            return True
        reply = fault.reply or self.answer(entry.body, entry.number)
        body = _completion(reply if isinstance(reply, Reply) else Reply(reply), entry)
        if fault.body is not None or fault.truncated:
            writer.write(_response(200, body[: len(body) // 2] if fault.body is None else fault.body))
            return True
        whole = _response(200, body)
        if fault.short:
            writer.write(whole[: len(whole) - len(body) // 2])
            return False
        for byte in whole if fault.drip else b"":
            writer.write(bytes([byte]))
            await asyncio.sleep(fault.drip)
        entry.completion = True
        writer.write(b"" if fault.drip else whole)
        await writer.drain()
        return True


def _completion(reply: Reply, entry: Entry) -> bytes:
    usage = None
    if reply.usage is not None:
        usage = {"prompt_tokens": reply.usage[0], "completion_tokens": reply.usage[1], "total_tokens": sum(reply.usage)}
    message = {"role": "assistant", "content": reply.text, "refusal": reply.refusal}
    logprobs = reply.logprobs and {"content": [{"token": "x", "logprob": one} for one in reply.logprobs]}
    return json.dumps(
        {
            "id": f"chatcmpl-{entry.number}",
            "object": "chat.completion",
            "created": int(time.time()),
            "model": reply.model if reply.model is not None else entry.body["model"],
            "system_fingerprint": reply.fingerprint,
            "choices": [{"index": 0, "message": message, "finish_reason": reply.finish, "logprobs": logprobs}],
            "usage": usage,
        }
    ).encode()


def _response(status: int, body: bytes, **headers: str) -> bytes:
    sent = {"Content-Type": "application/json", "Content-Length": str(len(body)), **headers}
    head = f"HTTP/1.1 {status} -\r\n" + "".join(f"{name}: {value}\r\n" for name, value in sent.items())
    return head.encode("latin-1") + b"\r\n" + body
