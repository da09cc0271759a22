"""What a worker and the coordinator say to each other: one JSON object a line, over TCP.

A worker begins with a `Hello`; the answer is a `Grant`, or a `Refusal` and the end. After that the worker sends a
`Report` when something changed, the coordinator a `Grant` when something changed, and both say so at least every
HEARTBEAT seconds.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any, Literal

HEARTBEAT = 10.0
SILENCE = 60.0
"""Seconds without a word from the other after which it is taken to be gone."""
LONGEST_LINE = 2**20


@dataclass(frozen=True)
class Lease:
    """Where a worker finds the coordinator, and the endpoint and step it asks for. It travels in a task's closure."""

    host: str
    port: int
    token: str = field(repr=False)
    endpoint: str
    step: str


@dataclass(frozen=True, slots=True)
class Hello:
    token: str = field(repr=False)
    endpoint: str
    step: str


@dataclass(frozen=True, slots=True)
class Refusal:
    refused: str


@dataclass(slots=True)
class Health:
    """What one address did since the last report. `failed` and `too_many`: since it last answered. `age`: seconds
    since the youngest of the `too_many` began. `unknown`: how often its name was not known. `said`: the last
    failure."""

    answered: int = 0
    bad_requests: int = 0
    failed: int = 0
    too_many: int = 0
    age: float = 0.0
    unknown: int = 0
    said: str = ""


@dataclass(frozen=True, slots=True)
class Report:
    """A worker as it is. `applied`: the number of the grant it keeps to. `open`: its calls in flight, by address.
    `queued`: requests that are ready. `claims`: (prompt, completion) tokens of each request that asks to begin, of
    those not yet claimed, in order; a grant's `starts` counts them. The other counts are of the worker since it came:
    `released` is what the attempts that are over had reserved, `used` what they spent, both as (calls, prompt,
    completion). `served`: (name, address) of each model not named before. `probe`: what became of one, and `asked`
    how many seconds the server then asked to wait. `refusal`: (message, remedy) of a bad request or of a
    name that is not known. `bye`: the last report; calls it still has open have an unknown end."""

    applied: int
    open: list[int]
    queued: int
    begun: int
    claims: list[tuple[int, int]]
    released: tuple[int, int, int]
    used: tuple[int, int, int]
    attempts: int
    calls: int
    unsettled: int
    kinds: dict[str, int]
    health: list[Health]
    served: list[tuple[str | None, int]]
    probe: Literal["answered", "failed", "returned"] | None = None
    asked: float | None = None
    refusal: tuple[str, str] | None = None
    bye: bool = False


@dataclass(frozen=True, slots=True)
class Grant:
    """What a worker may do from now on. `lease`: how many calls it may have in flight. `starts`: how many of its
    claims may have begun; None where nothing is counted. `quotas`: how the calls in flight are shared among the
    addresses. `down`: which of them are taken to be down. `probe`: the address that it is to try once, beyond the
    lease. `stop`: (kind, message, remedy) once nothing more is to begin."""

    number: int
    lease: int
    starts: int | None
    quotas: list[int]
    down: list[bool]
    probe: int | None = None
    stop: tuple[str, str, str] | None = None


def line(message: Any) -> bytes:
    """A message as it is sent."""
    import orjson

    return orjson.dumps(asdict(message)) + b"\n"


def parse(kind: type, received: bytes) -> Any:
    """A message as it came. Raises ValueError where it is none of that kind."""
    import orjson

    try:
        found = orjson.loads(received)
        if kind is Report:
            found["health"] = [Health(**one) for one in found["health"]]
        return kind(**found)
    except (orjson.JSONDecodeError, TypeError, KeyError) as error:
        raise ValueError(f"no {kind.__name__}") from error
