"""The endpoint client: a sliding window of calls over an iterator of requests, for one worker process."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from queue import Empty
from time import monotonic

from recipe_udfs.endpoint.manners import Manners
from recipe_udfs.endpoint.permits import LocalPermits, Permits
from recipe_udfs.endpoint.request import Answer, EndpointSpec, Request, Waiting

RESERVE = 16
"""Requests held ready beside a small window, so that a caller busy with an answer leaves no slot empty."""
FEED = 0.01
"""Seconds for which requests are pulled before the caller is given what has come."""
DRAIN = 16
"""Results given out before requests are pulled again."""


def answers(
    spec: EndpointSpec,
    requests: Iterator[Request],
    *,
    window: int,
    tick: float = 0.5,
    manners: Manners | None = None,
    permits: Permits | None = None,
) -> Iterator[Answer | Waiting | None]:
    """What comes of each request, as it comes; None at least every `tick` seconds when nothing does.

    `permits` say when a call may begin; None: this process keeps to the endpoint's limits by itself, with `window`
    calls in flight.

    `requests` is pulled in the caller's thread and only as places come free: at most window + max(window, 16)
    requests are held that the caller has not been given the outcome of, `window` of them in flight, the others
    waiting for their next attempt or for a slot. Results come in the order in which they finish.

    Raises EndpointRefused, ServedModelChanged and CoordinatorUnreachable, after every answer that had come by then.
    """
    if window < 1:
        raise ValueError(f"a window of {window} calls")
    first = next(requests, None)
    if first is None:
        return  # before openai is loaded: most tasks of a run that has its answers already end here
    from recipe_udfs.endpoint.stream import Ended, Stream

    spec.check_url()
    requests = chain([first], requests)
    manners = manners or Manners()
    if permits is None:
        permits = LocalPermits(spec, in_flight=window, manners=manners)
    stream = Stream(spec, spec.secret(), window, manners, permits)
    capacity = window + max(window, RESERVE)
    held, more = 0, True
    spoken = monotonic()
    stream.start()
    try:
        while held or more:
            until = monotonic() + FEED
            while more and held < capacity and monotonic() < until:
                request = next(requests, None)
                if request is None:
                    more = False
                else:
                    stream.submit(request)
                    held += 1
            patient = not more or held >= capacity  # else the next request may come before the next result
            for _ in range(DRAIN):
                try:
                    result = stream.results.get(timeout=max(0.0, spoken + tick - monotonic()) if patient else 0)
                except Empty:
                    break
                if isinstance(result, Ended):
                    raise result.error
                held, patient = held - 1, False
                yield result
                spoken = monotonic()
            if monotonic() >= spoken + tick:
                yield None
                spoken = monotonic()
    finally:
        stream.stop()
