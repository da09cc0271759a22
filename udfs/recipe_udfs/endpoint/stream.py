"""The calls of one stream: an event loop in a thread of its own, one openai client, a window of calls in flight.

Every request is in one of four places: `_ready` for a slot, in flight (a task), asleep until its next attempt, or
out (in `results`). A slot is held only in flight. All methods with a leading underscore run in the loop's thread,
so nothing is locked.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from queue import SimpleQueue
from threading import Thread
from typing import Any

import httpx2
import openai

from recipe_udfs.endpoint import outcomes
from recipe_udfs.endpoint.connections import http_client
from recipe_udfs.endpoint.errors import EndpointError
from recipe_udfs.endpoint.manners import Manners, Window, retry_after
from recipe_udfs.endpoint.request import Answer, EndpointSpec, Kind, Request, Waiting

LAST_WORDS = 60.0
"""Seconds that calls in flight are waited for once a stream has to end: they are paid for."""


@dataclass(frozen=True, slots=True)
class Ended:
    """Stands last in `results` where a stream ended before its requests did."""

    error: BaseException


@dataclass(slots=True, eq=False)
class _Call:
    request: Request
    attempts: int = 0
    began: float = 0.0  # its first attempt, on the loop's clock


@dataclass(frozen=True, slots=True)
class _Failure:
    kind: Kind
    detail: str
    heard: bool = True            # did the server say anything at all?
    too_many: bool = False        # did it say that it has too much to do?
    retry_after: float | None = None


class Stream:
    """`start`, `submit` and `stop` are for the caller's thread, `results` is how it hears."""

    def __init__(self, spec: EndpointSpec, secret: str, window: int, manners: Manners):
        self.spec = spec
        self.results: SimpleQueue[Answer | Waiting | Ended] = SimpleQueue()
        self.window = Window(window)
        self._manners = manners
        self._deadline = manners.deadline if manners.deadline is not None else 3 * spec.timeout
        self._served = outcomes.ServedModel(spec)
        self._client = _client(spec, secret, window, manners)
        self._loop = asyncio.new_event_loop()
        self._thread = Thread(target=self._run, name=f"calls to {spec.host}", daemon=True)
        self._stopping = asyncio.Event()
        self._ready: deque[_Call] = deque()
        self._asleep: dict[_Call, asyncio.TimerHandle] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._unheard = 0        # connection failures in a row before the server said anything; -1 once it did
        self._error: BaseException | None = None

    def start(self) -> None:
        self._thread.start()

    def submit(self, request: Request) -> None:
        self._loop.call_soon_threadsafe(self._accept, request)

    def stop(self) -> None:
        """Drops what is not finished, closes the connections and ends the thread."""
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._stopping.set)
            self._thread.join()

    # ---- the loop's thread --------------------------------------------------------------------------

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        try:
            self._loop.run_until_complete(self._until_stopped())
        finally:
            self._loop.close()

    async def _until_stopped(self) -> None:
        await self._stopping.wait()
        self._ready.clear()
        for timer in self._asleep.values():
            timer.cancel()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._client.close()

    @property
    def _dead(self) -> bool:
        return self._unheard >= self._manners.dead_after

    def _accept(self, request: Request) -> None:
        self._ready.append(_Call(request))
        if self._dead:
            self._give_up_all()
        self._pump()

    def _pump(self) -> None:
        """Fills the slots. Those who have waited for another attempt stand first in `_ready`."""
        if self._error is not None or self._stopping.is_set():
            return
        while self._ready and len(self._tasks) < self.window.limit:
            task = self._loop.create_task(self._attempt(self._ready.popleft()))
            self._tasks.add(task)
            task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and task.exception() is not None:
            self._end(task.exception())
        self._pump()
        if self._error is not None and not self._tasks:
            self._put_ended()

    def _end(self, error: BaseException) -> None:
        """Nothing new is begun; what is in flight may still arrive."""
        if self._error is None:
            self._error = error.with_traceback(None) if isinstance(error, EndpointError) else error
            self._loop.call_later(min(LAST_WORDS, self.spec.timeout), self._put_ended)

    def _put_ended(self) -> None:
        self.results.put(Ended(self._error))

    async def _attempt(self, call: _Call) -> None:
        begun = self._loop.time()
        call.began = call.began or begun
        call.attempts += 1
        spec, left = self.spec, call.began + self._deadline - begun
        # Failures are only noted in an `except`: an error raised there would carry openai's, and that the key.
        failure: _Failure | None = None
        refused: tuple[int, bytes] | None = None
        try:
            async with asyncio.timeout(min(spec.timeout, left)):
                response = await self._client.post(
                    "/chat/completions",
                    cast_to=httpx2.Response,
                    body={"model": spec.model, "messages": call.request.messages, **_sent(call.request.params)},
                )
        except (TimeoutError, openai.APITimeoutError) as error:
            failure = self._late(error, left)
        except openai.APIStatusError as error:
            status = error.response.status_code
            kind = outcomes.passing(status)
            if kind is None:
                refused = status, error.response.content
            else:
                failure = _Failure(
                    kind,
                    f"{spec.host} answered {status}",
                    too_many=status in (429, 503),
                    retry_after=retry_after(error.response.headers),
                )
        except openai.APIConnectionError as error:
            failure = self._unconnected(error)
        if refused is not None:
            self._unheard = -1
            self._end(outcomes.refusal(spec, *refused, self._client.api_key))
        elif failure is not None:
            self._failed(call, failure, begun)
        else:
            self._arrived(call, response, begun)

    def _late(self, error: Exception, left: float) -> _Failure:
        """No whole answer in time: is it the connection, this attempt, or all attempts together?"""
        if isinstance(error.__cause__, httpx2.ConnectTimeout):
            return _Failure("connection", f"no connection to {self.spec.host} within the time for one", heard=False)
        if left < self.spec.timeout:
            return _Failure("deadline", f"no answer from {self.spec.host} within {self._deadline:g} s in all")
        return _Failure("timeout", f"no answer from {self.spec.host} within {self.spec.timeout:g} s")

    def _unconnected(self, error: Exception) -> _Failure:
        cause = type(error.__cause__).__name__
        return _Failure("connection", f"the connection to {self.spec.host} failed ({cause})", heard=False)

    def _arrived(self, call: _Call, response: httpx2.Response, begun: float) -> None:
        try:
            found = outcomes.completion(response.content, response.headers.get("content-type", ""))
        except outcomes.Foreign as error:
            said = str(error)
        else:
            self._served.check(found.served_model)
            self._unheard = -1
            self.window.success()
            now = self._loop.time()
            self.results.put(
                Answer(
                    key=call.request.key,
                    outcome=found.outcome,
                    text=found.text,
                    finish=found.finish,
                    served_model=found.served_model,
                    fingerprint=found.fingerprint,
                    prompt_tokens=found.prompt_tokens,
                    completion_tokens=found.completion_tokens,
                    at=datetime.now(UTC),
                    seconds=now - begun,
                    attempts=call.attempts,
                )
            )
            return
        self._failed(call, _Failure("foreign_body", f"{self.spec.host} answered with {said}"), begun)

    def _failed(self, call: _Call, failure: _Failure, begun: float) -> None:
        now = self._loop.time()
        if failure.heard:
            self._unheard = -1
        elif self._unheard >= 0:
            self._unheard += 1
        if failure.too_many:
            self.window.too_many(begun, now)
        pause = self._manners.pause(call.attempts, failure.retry_after)
        if call.attempts >= self._manners.attempts or self._error is not None or self._dead:
            self._give_up(call, failure.kind, failure.detail)
        elif now + pause >= call.began + self._deadline:
            if failure.retry_after is not None:
                self._give_up(call, failure.kind, f"{failure.detail} and asks to wait {failure.retry_after:g} s")
            else:
                self._give_up(call, "deadline", f"{failure.detail}; {self._deadline:g} s in all are over")
        else:
            self._asleep[call] = self._loop.call_later(pause, self._again, call)
        if self._dead:
            self._give_up_all()

    def _again(self, call: _Call) -> None:
        del self._asleep[call]
        self._ready.appendleft(call)
        self._pump()

    def _give_up(self, call: _Call, kind: Kind, detail: str) -> None:
        self.results.put(Waiting(call.request.key, kind, detail, call.attempts))

    def _give_up_all(self) -> None:
        """The endpoint is dead: nothing more is tried. A call in flight that is answered all the same revives it."""
        detail = f"{self.spec.host} took none of {self._manners.dead_after} connections; it is taken to be down"
        for timer in self._asleep.values():
            timer.cancel()
        for call in (*self._asleep, *self._ready):
            self._give_up(call, "connection", detail)
        self._asleep.clear()
        self._ready.clear()


def _sent(params: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in params.items() if value is not None}


def _client(spec: EndpointSpec, secret: str, window: int, manners: Manners) -> openai.AsyncOpenAI:
    """The stream's one client. It does not retry: that is done here, once. Of what openai takes from the
    environment, nothing goes to an endpoint that need not be OpenAI's."""
    timeout = httpx2.Timeout(spec.timeout, connect=min(manners.connect, spec.timeout), pool=None)
    client = openai.AsyncOpenAI(
        base_url=spec.url,
        api_key=secret,
        max_retries=0,
        timeout=timeout,
        http_client=http_client(spec.url, window, timeout),
    )
    client.organization = client.project = None
    return client
