"""Asking a stub server, quickly."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from recipe_udfs.endpoint.client import answers
from recipe_udfs.endpoint.manners import Manners
from recipe_udfs.endpoint.request import Answer, EndpointSpec, Request, Waiting

QUICK = Manners(backoff=0.01, longest_backoff=0.04, probe_pause=0.02, longest_probe_pause=0.1)


def requests(count: int, **params: Any) -> Iterator[Request]:
    """Requests with keys and contents "1", "2" …"""
    for n in range(1, count + 1):
        yield Request(str(n), [{"role": "user", "content": str(n)}], params)


def ask(
    url: str,
    asked: int | Iterable[Request],
    *,
    window: int = 4,
    manners: Manners = QUICK,
    tick: float = 0.5,
    **spec: Any,
) -> list[Answer | Waiting]:
    """All that comes of `asked` requests, in the order in which it came."""
    given = requests(asked) if isinstance(asked, int) else iter(asked)
    found = answers(EndpointSpec(url, "m", **spec), given, window=window, manners=manners, tick=tick)
    return [one for one in found if one is not None]


def until(happened: Callable[[], object], patience: float = 60.0) -> None:
    """Waits for what another thread does; an error where it never does. On a loaded machine that can take long, and
    no test says how long."""
    end = time.monotonic() + patience
    while not happened():
        assert time.monotonic() < end, "it never came to that"
        time.sleep(0.002)
