"""The server itself: which request is answered how, when, and what is noted of it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson

from stub.connection import Connection, HttpRequest, response
from stub.faults import Fault, Faults, Script
from stub.ledger import Entry, Ledger, digest
from stub.prefixes import Prefixes
from stub.replies import Reply, completion, prompt_text
from stub.structured import structured

MODEL = "stub-model"
PATHS = ("/v1/chat/completions", "/v1/completions")


def echo(body: dict[str, Any], number: int) -> str:
    """What was asked last, or an answer in the form that is asked for."""
    asked = body["messages"][-1]["content"] if "messages" in body else body["prompt"]
    return structured(body, number) or f"answer to: {asked}"


@dataclass
class Service:
    """Requests for completions are numbered from 1 as they arrive.

    `faults`: by request number, by a range of them, by a text that stands in the prompt, or a function of the request
    and its number; None is no fault. `latency`: seconds, or a function of the number. `capacity`: calls at once, past
    which it answers 429. `idle`: seconds after an answer until it closes the connection. `prefixes`: counts what a
    prefix cache would have had. `record`: the ledger's file. `signed`: an answer's fingerprint names its request.
    `held`: is the request of that number to be held back still? It is asked again and again, so that a test can say
    what has to have happened first. `port`: 0 is any that is free.
    """

    answer: Callable[[dict[str, Any], int], str | Reply] = echo
    latency: float | Callable[[int], float] = 0.0
    faults: Faults = field(default_factory=dict)
    held: Callable[[int], bool] = lambda number: False
    capacity: int | None = None
    port: int = 0
    ledger: list[Entry] = field(default_factory=list)
    open: int = 0
    most_open: int = 0
    connections: int = 0
    url: str = ""
    idle: float | None = None
    prefixes: Prefixes | None = None
    record: Path | None = None
    signed: bool = False

    async def listen(self) -> None:
        """Begins to answer on 127.0.0.1; `url` is where."""
        self._script = Script(self.faults)
        self._book = Ledger(self.ledger, self.record)
        self._connected: set[Connection] = set()
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(self._connection, "127.0.0.1", self.port, backlog=2048)
        self.url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}/v1"

    async def end(self) -> None:
        """Closes all connections; what is being answered is not."""
        self._server.close()
        for connection in list(self._connected):
            connection.abort()
        while self._connected:
            await asyncio.sleep(0.001)
        await asyncio.sleep(0)  # the tasks that were cancelled
        self._book.close()

    @property
    def completions(self) -> int:
        """Requests answered with a completion."""
        return sum(entry.completion for entry in self.ledger)

    def _connection(self) -> Connection:
        self.connections += 1
        return Connection(self._respond, self._connected, self.idle)

    # ---- one request --------------------------------------------------------------------------------

    async def _respond(self, request: HttpRequest, connection: Connection) -> bool:
        """Answers one request; False where the connection ends with it."""
        if request.method != "POST" or request.path not in PATHS:
            connection.send(self._other(request))
            return True
        entry = self._book.arrived(request.path, request.headers, request.body)
        if self.prefixes is not None:
            entry.prefix = self.prefixes.take(prompt_text(entry.body))
        self._book.write_arrival(entry)
        self.open += 1
        self.most_open = max(self.most_open, self.open)
        try:
            return await self._answer(entry, request.peer, connection)
        finally:
            self.open -= 1
            self._book.ended(entry)

    def _other(self, request: HttpRequest) -> bytes:
        if (request.method, request.path) == ("GET", "/v1/models"):
            listed = {"object": "list", "data": [{"id": MODEL, "object": "model", "created": 0, "owned_by": "stub"}]}
            return response(200, orjson.dumps(listed))
        return response(404, b'{"error": {"message": "no such place"}}')

    async def _answer(self, entry: Entry, peer: tuple[str, int], connection: Connection) -> bool:
        fault = self._script.of(entry.body, entry.number) or Fault()
        if self.capacity is not None and self.open > self.capacity:
            fault = Fault(status=429)
        if fault.act is not None:
            fault.act(peer)
        wait = fault.delay
        if not fault.status:
            wait += self.latency(entry.number) if callable(self.latency) else self.latency
        if wait:
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
            return self._send(entry, connection, response(fault.status, orjson.dumps(error), **extra))
        entry.status = 200
        if fault.html:
            page = response(200, b"<html><body>Sign in</body></html>", **{"Content-Type": "text/html"})
            return self._send(entry, connection, page)
        reply = self._reply(entry, fault)
        body = completion(reply, entry.body, entry.number)
        if fault.body is not None or fault.truncated:
            broken = body[: len(body) // 2] if fault.body is None else fault.body
            return self._send(entry, connection, response(200, broken))
        whole = response(200, body)
        if fault.short:
            self._send(entry, connection, whole[: len(whole) - len(body) // 2])
            return False
        for byte in whole if fault.drip else b"":
            connection.send(bytes([byte]))
            await asyncio.sleep(fault.drip)
        entry.completion, entry.said = True, digest(reply.text)
        return self._send(entry, connection, b"" if fault.drip else whole)

    def _reply(self, entry: Entry, fault: Fault) -> Reply:
        said = fault.reply or self.answer(entry.body, entry.number)
        reply = said if isinstance(said, Reply) else Reply(said)
        changed = {"model": fault.model} if fault.model is not None else {}
        changed |= {"fingerprint": entry.call} if self.signed else {}
        return Reply(**{**vars(reply), **changed}) if changed else reply

    def _send(self, entry: Entry, connection: Connection, data: bytes) -> bool:
        """Notes first, so that whoever has the answer finds it in the ledger."""
        self._book.ended(entry)
        connection.send(data)
        return True
