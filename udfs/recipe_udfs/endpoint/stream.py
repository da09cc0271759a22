"""The calls of one stream: an event loop in a thread of its own, one openai client, as many calls as permits allow.

Every request is in one of four places: ready (with the permits), in flight (a task), asleep until its next attempt,
or out (in `results`). All methods with a leading underscore run in the loop's thread, so nothing is locked.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime
from queue import SimpleQueue
from threading import Thread

import httpx2
import openai
import orjson

from recipe_udfs.endpoint import outcomes, sending
from recipe_udfs.endpoint.budget import NOTHING, Spend
from recipe_udfs.endpoint.connections import TooLarge, http_client, name_unknown
from recipe_udfs.endpoint.errors import EndpointError
from recipe_udfs.endpoint.manners import Manners, retry_after
from recipe_udfs.endpoint.permits import Attempt, Call, Permits, Seen, new_call
from recipe_udfs.endpoint.request import Answer, EndpointSpec, Kind, Request, Waiting
from recipe_udfs.endpoint.totals import Stop

LAST_WORDS = 60.0
"""Seconds that calls in flight are waited for once a stream has to end: they are paid for."""
TROUBLE = (429, 502, 503, 504)
"""Statuses that are the server's own trouble, never one request's: while it is taken to be down, they do not count
against the request that met them."""


@dataclass(frozen=True, slots=True)
class Ended:
    """Stands last in `results` where a stream ended before its requests did."""

    error: BaseException


@dataclass(frozen=True, slots=True)
class _Failure:
    kind: Kind
    said: str
    sent: bool = True             # did the server get the request, as far as can be told?
    settled: bool = False         # is it known that no completion was made?
    trouble: bool = False         # is it the server's, whatever it was asked?
    too_many: bool = False        # did it say that it has too much to do?
    retry_after: float | None = None
    unknown: bool = False         # has its name no address?


class Stream:
    """`start`, `submit` and `stop` are for the caller's thread, `results` is how it hears. `connections`: the most
    calls that the permits may allow at once."""

    def __init__(self, spec: EndpointSpec, secret: str, connections: int, manners: Manners, permits: Permits):
        self.spec = spec
        self.results: SimpleQueue[Answer | Waiting | Ended] = SimpleQueue()
        self._permits = permits
        self._manners = manners
        self._deadline = manners.deadline if manners.deadline is not None else 3 * spec.timeout
        self._served = outcomes.ServedModel(spec)
        self._client = _client(spec, secret, connections, manners)
        self._targets = [url.rstrip("/") + sending.path(spec) for url in spec.urls]
        self._loop = asyncio.new_event_loop()
        self._thread = Thread(target=self._run, name=f"calls to {spec.host}", daemon=True)
        self._stopping = asyncio.Event()
        self._started = False
        self._asleep: dict[Call, asyncio.TimerHandle] = {}
        self._tasks: set[asyncio.Task[None]] = set()
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
        try:
            await self._permits.start(self._pump)
        except EndpointError as error:
            self._end(error)
            self._put_ended()
        else:
            self._started = True
            self._pump()
        await self._stopping.wait()
        for timer in self._asleep.values():
            timer.cancel()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._permits.close()
        await self._client.close()

    def _accept(self, request: Request) -> None:
        self._permits.add(new_call(self.spec, request))
        self._pump()

    def _pump(self) -> None:
        """Begins what may begin."""
        if not self._started or self._error is not None or self._stopping.is_set():
            return
        while (attempt := self._permits.take()) is not None:
            task = self._loop.create_task(self._attempt(attempt))
            self._tasks.add(task)
            task.add_done_callback(self._done)
        if self._permits.stop is not None:
            self._begin_no_more(self._permits.stop)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and task.exception() is not None:
            self._end(task.exception())
        self._pump()
        if self._error is not None and not self._tasks:
            self._put_ended()

    def _begin_no_more(self, stop: Stop) -> None:
        """What is in flight may still arrive; all others wait, or the stream ends with an error."""
        error = stop.error
        if error is not None:
            self._end(error)
            if not self._tasks:
                self._put_ended()
            return
        for timer in self._asleep.values():
            timer.cancel()
        for call in (*self._asleep, *self._permits.drain()):
            self._give_up(call, stop.kind, stop.message)
        self._asleep.clear()

    def _end(self, error: BaseException) -> None:
        """Nothing new is begun; what is in flight may still arrive."""
        if self._error is None:
            self._error = error.with_traceback(None) if isinstance(error, EndpointError) else error
            self._loop.call_later(min(LAST_WORDS, self.spec.timeout), self._put_ended)

    def _put_ended(self) -> None:
        self.results.put(Ended(self._error))

    # ---- one attempt --------------------------------------------------------------------------------

    async def _attempt(self, attempt: Attempt) -> None:
        call, spec, begun = attempt.call, self.spec, self._loop.time()
        host = spec.hosts[attempt.address]
        call.attempts += 1
        left = self._deadline - call.used
        # Failures are only noted in an `except`: an error raised there would carry openai's, and that the key.
        failure: _Failure | None = None
        refused: tuple[int, bytes] | None = None
        try:
            async with asyncio.timeout(min(spec.timeout, left)):
                response = await self._client.post(
                    self._targets[attempt.address],
                    cast_to=httpx2.Response,
                    content=orjson.dumps(sending.body(spec, call.request)),
                )
        except (TimeoutError, openai.APITimeoutError) as error:
            failure = self._late(error, host, left)
        except openai.APIStatusError as error:
            status = error.response.status_code
            kind = outcomes.passing(status)
            if kind is None:
                refused = status, error.response.content
            else:
                failure = _Failure(
                    kind,
                    f"{host} answered {status}",
                    settled=True,
                    trouble=status in TROUBLE,
                    too_many=status in (429, 503),
                    retry_after=retry_after(error.response.headers),
                )
        except openai.APIConnectionError as error:
            cause = error.__cause__
            said = f"the connection to {host} failed ({type(cause).__name__})"
            sent = not isinstance(cause, httpx2.ConnectError)
            failure = _Failure("connection", said, sent=sent, unknown=name_unknown(cause))
        except TooLarge as error:
            failure = _Failure("foreign_body", f"{host} answered with {error}")
        if refused is not None:
            self._refused(attempt, outcomes.refusal(spec, host, *refused, self._client.api_key), refused[0], begun)
        elif failure is not None:
            self._failed(attempt, failure, begun)
        else:
            self._arrived(attempt, response, begun)

    def _late(self, error: Exception, host: str, left: float) -> _Failure:
        """No whole answer in time: is it the connection, this attempt, or all attempts together?"""
        if isinstance(error.__cause__, httpx2.ConnectTimeout):
            return _Failure("connection", f"no connection to {host} within the time for one", sent=False)
        if left < self.spec.timeout:
            return _Failure("deadline", f"no answer from {host} within {self._deadline:g} s in all")
        return _Failure("timeout", f"no answer from {host} within {self.spec.timeout:g} s")

    def _refused(self, attempt: Attempt, refusal: EndpointError, status: int, begun: float) -> None:
        self._permits.done(attempt, Seen(begun, "bad_request", refusal.message, refusal=refusal))
        if status in outcomes.BAD_REQUEST:
            self._give_up(attempt.call, "bad_request", refusal.message)
        else:
            self._end(refusal)

    def _arrived(self, attempt: Attempt, response: httpx2.Response, begun: float) -> None:
        call, host = attempt.call, self.spec.hosts[attempt.address]
        try:
            found = outcomes.completion(
                response.content, response.headers.get("content-type", ""), self.spec.api
            )
        except outcomes.Foreign as error:
            said = str(error)
        else:
            used = Spend(1, *_known((found.prompt_tokens, found.completion_tokens), call.size))
            self._permits.done(attempt, Seen(begun, used=used, served=found.served_model))
            self._served.check(found.served_model, host)
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
                    seconds=self._loop.time() - begun,
                    attempts=call.attempts,
                    logprob=found.logprob,
                )
            )
            return
        self._failed(attempt, _Failure("foreign_body", f"{host} answered with {said}"), begun)

    def _failed(self, attempt: Attempt, failure: _Failure, begun: float) -> None:
        call = attempt.call
        unsettled = failure.sent and not failure.settled
        seen = Seen(
            begun,
            failure.kind,
            failure.said,
            used=Spend(1, call.size.prompt, call.size.completion) if unsettled else NOTHING,
            unsettled=unsettled,
            too_many=failure.too_many,
            asked=failure.retry_after,
            refusal=outcomes.unknown_host(self.spec, self.spec.hosts[attempt.address]) if failure.unknown else None,
        )
        self._permits.done(attempt, seen)
        call.avoid = attempt.address
        counts = failure.sent and not (failure.trouble and self._permits.down(attempt.address))
        pause = self._manners.pause(call.attempts, failure.retry_after)
        if counts:
            call.counted += 1
            call.used += self._loop.time() - begun
        if call.counted >= self._manners.attempts or self._error is not None or self._permits.stop is not None:
            self._give_up(call, failure.kind, failure.said)
        elif call.used + pause >= self._deadline:
            if failure.retry_after is not None:
                self._give_up(call, failure.kind, f"{failure.said} and asks to wait {failure.retry_after:g} s")
            else:
                self._give_up(call, "deadline", f"{failure.said}; {self._deadline:g} s in all are over")
        else:
            call.used += pause if counts else 0.0
            # A probe's turn is another's next time: what one request always meets says nothing of the server.
            self._asleep[call] = self._loop.call_later(pause, self._again, call, not attempt.probe)

    def _again(self, call: Call, first: bool) -> None:
        del self._asleep[call]
        self._permits.add(call, first=first)
        self._pump()

    def _give_up(self, call: Call, kind: Kind, said: str) -> None:
        self.results.put(Waiting(call.request.key, kind, said, call.attempts))


def _known(tokens: tuple[int | None, int | None], size: Spend) -> tuple[int, int]:
    """Tokens as the server counts them; where it does not, as they were reserved."""
    prompt, completion = tokens
    return size.prompt if prompt is None else prompt, size.completion if completion is None else completion


def _client(spec: EndpointSpec, secret: str, connections: int, manners: Manners) -> openai.AsyncOpenAI:
    """The stream's one client. It does not retry: that is done here, once. Of what openai takes from the
    environment, nothing goes to an endpoint that need not be OpenAI's. Attempts have a time limit of their own, so
    that the client keeps only the one for connecting."""
    timeout = httpx2.Timeout(None, connect=min(manners.connect, spec.timeout))
    client = openai.AsyncOpenAI(
        base_url=spec.url,
        api_key=secret,
        max_retries=0,
        timeout=timeout,
        http_client=http_client(spec.urls, connections, timeout),
    )
    client.organization = client.project = None
    return client
