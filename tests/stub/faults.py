"""What goes wrong, and with which request: by its number or by what stands in it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from stub.replies import Reply, prompt_text


@dataclass(frozen=True)
class Fault:
    """What goes wrong with one request; the first that is set, in this order, happens."""

    delay: float = 0.0                # seconds before anything else, a fault of its own where nothing else is set
    act: Callable[[tuple[str, int]], None] | None = None  # called with the client's address; then as without fault
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
    model: str | None = None          # a good answer under another name
    times: int | None = None          # for how many of the requests that its key names; None: for all


Key = int | range | str
"""Requests by number, by a range of numbers, or by a text that stands in what they ask."""
Faults = Mapping[Key, Fault] | Callable[[dict[str, Any], int], Fault | None]


class Script:
    """The faults of one server. The first key that names a request counts, numbers before texts."""

    def __init__(self, faults: Faults):
        self._function = faults if callable(faults) else None
        keys = {} if callable(faults) else faults
        self._numbers = {key: fault for key, fault in keys.items() if isinstance(key, int)}
        self._ranges = {key: fault for key, fault in keys.items() if isinstance(key, range)}
        self._texts = {key: fault for key, fault in keys.items() if isinstance(key, str)}
        self._happened: Counter[Key] = Counter()

    def of(self, body: dict[str, Any], number: int) -> Fault | None:
        """What goes wrong with this request."""
        if self._function is not None:
            return self._function(body, number)
        for key in self._named(body, number):
            fault = (self._numbers if isinstance(key, int) else self._ranges | self._texts)[key]
            if fault.times is None or self._happened[key] < fault.times:
                self._happened[key] += 1
                return fault
        return None

    def _named(self, body: dict[str, Any], number: int) -> list[Key]:
        found: list[Key] = [number] if number in self._numbers else []
        found += [key for key in self._ranges if number in key]
        if self._texts:
            text = prompt_text(body)
            found += [key for key in self._texts if key in text]
        return found


def load(path: str) -> dict[Key, Fault]:
    """Faults from a JSON file: {"3": {"status": 503}, "10-19": {"hang": true}, "200-": {"model": "m-2"},
    "some words": {"reply": {"text": ""}}}."""
    return {_key(key): _fault(said) for key, said in orjson.loads(Path(path).read_bytes()).items()}


def _key(text: str) -> Key:
    if text.isdecimal():
        return int(text)
    first, dash, last = text.partition("-")
    if dash and first.isdecimal() and (last.isdecimal() or not last):
        return range(int(first), int(last) + 1 if last else 2**62)
    return text


def _fault(said: dict[str, Any]) -> Fault:
    reply = Reply(**said["reply"]) if "reply" in said else None
    body = said["body"].encode() if "body" in said else None
    return Fault(**{**said, "reply": reply, "body": body})
