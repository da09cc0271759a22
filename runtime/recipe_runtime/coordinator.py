"""The coordinator: keeps the limits of endpoints for all workers of a job together, from a thread of the driver.

Workers come by TCP with a token that travelled in their task's closure, and are granted what they may begin; what
they hold belongs to their connection and returns when that closes. What is divided, and how, is in `coordinating`.
"""

from __future__ import annotations

import asyncio
import hmac
import math
import secrets
from collections.abc import Callable
from threading import Thread
from typing import Any, TypeVar

from recipe_udfs.endpoint.manners import Manners
from recipe_udfs.endpoint.messages import (
    HEARTBEAT,
    LONGEST_LINE,
    SILENCE,
    Hello,
    Lease,
    Refusal,
    Report,
    line,
    parse,
)
from recipe_udfs.endpoint.request import EndpointSpec
from recipe_udfs.endpoint.totals import Totals

from recipe_runtime.coordinating.shared import Shared, Worker
from recipe_runtime.errors import StepError

GATHER = 0.005
"""Seconds in which reports gather before what there is is divided again."""
GREETING = 10.0
"""Seconds for a worker to say who it is."""

T = TypeVar("T")


class Coordinator:
    """Listens on `bind` and `port` (0: any that is free); workers find it at `advertise`. All methods but `start` are
    for any thread, between `start` and `stop`."""

    def __init__(self, bind: str, advertise: str, port: int = 0, *, manners: Manners | None = None):
        self._bind, self._advertise, self._port = bind, advertise, port
        self._manners = manners or Manners()
        self._token = secrets.token_hex(32)
        self._desks: dict[str, _Desk] = {}
        self._handlers: set[asyncio.Task[Any]] = set()
        self._loop = asyncio.new_event_loop()
        self._thread = Thread(target=self._loop.run_forever, name="coordinator", daemon=True)
        self._server: asyncio.Server | None = None

    @property
    def port(self) -> int:
        """Where it listens."""
        return self._server.sockets[0].getsockname()[1]

    def start(self) -> None:
        """Raises StepError where it cannot listen."""
        listening = asyncio.start_server(self._connection, self._bind, self._port, limit=LONGEST_LINE, backlog=1024)
        try:
            self._server = self._loop.run_until_complete(listening)
        except OSError as error:
            self._loop.close()
            raise StepError(
                f"the coordinator of model calls cannot listen on {self._bind}:{self._port} ({error.strerror})",
                remedy="give spark.driver.bindAddress an address of this machine, and the coordinator a port that is "
                "free",
            ) from None
        self._thread.start()

    def lease(self, spec: EndpointSpec, step: str) -> Lease:
        """What the workers of a step need to ask the endpoint `spec.name`; its first spec counts for the whole run."""
        self._call(lambda: self._desks.setdefault(spec.name, _Desk(spec, self._manners, self._loop)))
        return Lease(self._advertise, self.port, self._token, spec.name, step)

    def totals(self, name: str, step: str | None = None) -> Totals:
        """What the endpoint was asked so far, by all steps or by one."""
        return self._call(lambda: self._desks[name].shared.totals(step, self._loop.time()))

    def stop(self) -> None:
        """Closes all connections and ends the thread. Workers that are still there lose it."""
        if self._thread.is_alive():
            asyncio.run_coroutine_threadsafe(self._close(), self._loop).result()
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join()
            self._loop.close()

    def _call(self, function: Callable[[], T]) -> T:
        async def called() -> T:
            return function()

        return asyncio.run_coroutine_threadsafe(called(), self._loop).result()

    # ---- the loop's thread --------------------------------------------------------------------------

    async def _close(self) -> None:
        self._server.close()
        for task in self._handlers:
            task.cancel()
        await asyncio.gather(*self._handlers, return_exceptions=True)
        for desk in self._desks.values():
            desk.close()

    async def _connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        self._handlers.add(task)
        try:
            async with asyncio.timeout(GREETING):
                hello = parse(Hello, await reader.readline())
            if not hmac.compare_digest(hello.token.encode(), self._token.encode()):
                writer.write(line(Refusal("knows another token: it is another run's")))
            elif hello.endpoint not in self._desks:
                writer.write(line(Refusal("knows no such endpoint")))
            else:
                await self._desks[hello.endpoint].serve(hello.step, reader, writer)
        except (OSError, ValueError, asyncio.CancelledError):  # whoever it was, it does not talk as a worker does
            pass
        finally:
            self._handlers.discard(task)
            writer.close()


class _Desk:
    """One endpoint, and the workers that ask it."""

    def __init__(self, spec: EndpointSpec, manners: Manners, loop: asyncio.AbstractEventLoop):
        self.shared = Shared(spec, manners, loop.time())
        self._loop = loop
        self._writers: dict[Worker, asyncio.StreamWriter] = {}
        self._timer: asyncio.TimerHandle | None = None

    async def serve(self, step: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """A worker, until its connection ends. Raises OSError and ValueError, after it is gone."""
        worker = self.shared.join(step, self._loop.time())
        self._writers[worker] = writer
        beat = self._loop.create_task(self._beat(worker, writer))
        orderly = False
        try:
            self._divide()
            while not orderly:
                async with asyncio.timeout(SILENCE):
                    report: Report = parse(Report, await reader.readline())
                self.shared.report(worker, report, self._loop.time())
                orderly = report.bye
                self._divide_by(self._loop.time() + GATHER)
        finally:
            beat.cancel()
            del self._writers[worker]
            self.shared.leave(worker, self._loop.time(), orderly=orderly)
            self._divide_by(self._loop.time() + GATHER)

    async def _beat(self, worker: Worker, writer: asyncio.StreamWriter) -> None:
        while True:
            await asyncio.sleep(HEARTBEAT)
            if worker.grant is not None:
                writer.write(line(worker.grant))

    def close(self) -> None:
        """Divides nothing more."""
        if self._timer is not None:
            self._timer.cancel()

    def _divide_by(self, when: float) -> None:
        if math.isfinite(when) and (self._timer is None or when < self._timer.when()):
            if self._timer is not None:
                self._timer.cancel()
            self._timer = self._loop.call_at(when, self._divide)

    def _divide(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        for worker, grant in self.shared.divide(self._loop.time()):
            self._writers[worker].write(line(grant))
        self._divide_by(self.shared.next_at)
