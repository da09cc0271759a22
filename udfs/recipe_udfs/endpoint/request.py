"""What is asked of an endpoint and what comes of it, as plain values; the key under which an answer is kept."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cached_property
from hashlib import sha256
from typing import Any, Literal
from urllib.parse import urlsplit

from recipe_udfs.endpoint.errors import EndpointRefused
from recipe_udfs.identity import DIGITS

NO_KEY = "none"
"""Sent where an endpoint wants no key: the openai client refuses an empty one."""


def request_key(
    *,
    model: str,
    revision: str | None,
    deployment: str | None,
    messages: Sequence[Mapping[str, str]],
    params: Mapping[str, Any],
    sample: int,
    round: int,
) -> str:
    """32 hex digits of SHA-256 over the canonical JSON of everything that decides an answer.

    `params` are the generation parameters that are sent; one that is None is not sent and does not count, and
    1.0 is 1, as a server reads it. The endpoint's name, URL and key are no part of it. Raises ValueError for a
    number that JSON cannot say.
    """
    sent = {name: _plain(value) for name, value in params.items() if value is not None}
    asked = ["request", model, revision, deployment, [dict(one) for one in messages], sent, sample, round]
    text = json.dumps(asked, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False)
    return sha256(text.encode()).hexdigest()[:DIGITS]


def _plain(value: Any) -> Any:
    return int(value) if isinstance(value, float) and value.is_integer() else value


@dataclass(frozen=True, slots=True)
class Request:
    """One call to make: its key, the rendered messages, and the generation parameters sent beside them.

    For the completions API the messages are one, of the role "prompt". `prompt_tokens`: of the messages, where the
    caller has counted them; else they are estimated where a limit needs them.
    """

    key: str
    messages: list[dict[str, str]]
    params: Mapping[str, Any] = field(default_factory=dict)
    prompt_tokens: int | None = None


@dataclass(frozen=True)
class EndpointSpec:
    """An endpoint as a worker needs it. It travels in a task's closure, so it never holds the key itself: that is
    read where the call is made. Times in seconds.

    `url` ends before `/chat/completions`; `urls` are all addresses of a pool, which serve one model, and `weights`
    how the calls are shared among them (evenly unless given). Limits that are None are none; `max_*` are for one
    run. Prices in dollars, of a million tokens or of an hour of a GPU.
    """

    url: str
    model: str
    key_env: str | None = None
    key_default: str | None = field(default=None, repr=False)
    served_as: tuple[str, ...] = ()
    timeout: float = 600.0
    in_flight: int = 64
    patience: float = 1800.0
    name: str = ""
    urls: tuple[str, ...] = ()
    weights: tuple[float, ...] = ()
    api: Literal["chat", "completions"] = "chat"
    structured_output: Literal["json_schema", "vllm"] | None = None
    context: int | None = None
    requests_per_minute: int | None = None
    tokens_per_minute: int | None = None
    max_calls: int | None = None
    max_tokens: int | None = None
    max_cost: float | None = None
    input_price: float | None = None
    output_price: float | None = None
    gpu_hour_price: float | None = None
    tokens_per_gpu_second: float | None = None

    def __post_init__(self) -> None:
        urls = self.urls or (self.url,)
        weights = self.weights or (1.0,) * len(urls)
        if len(weights) != len(urls) or not all(weight > 0 for weight in weights):
            raise ValueError(f"{len(urls)} addresses and the weights {weights}")
        object.__setattr__(self, "urls", urls)
        object.__setattr__(self, "weights", weights)

    @property
    def host(self) -> str:
        """`hosts` in one line."""
        return ", ".join(self.hosts)

    @cached_property
    def hosts(self) -> tuple[str, ...]:
        """Host and port of each address for people to read, without what a URL may hold of a user and a
        password."""
        return tuple(urlsplit(url).netloc.rpartition("@")[2] for url in self.urls)

    @property
    def metered(self) -> bool:
        """Is each call counted before it begins, for a rate or a budget?"""
        limits = (self.requests_per_minute, self.tokens_per_minute, self.max_calls, self.max_tokens, self.max_cost)
        return any(limit is not None for limit in limits)

    def cost(self, prompt: int, completion: int) -> float:
        """Dollars for that many tokens, by the prices that are given."""
        dollars = prompt * (self.input_price or 0.0) / 1e6 + completion * (self.output_price or 0.0) / 1e6
        if self.gpu_hour_price is not None and self.tokens_per_gpu_second:
            dollars += completion / self.tokens_per_gpu_second / 3600 * self.gpu_hour_price
        return dollars

    def part(self, place: int, count: int) -> EndpointSpec:
        """The endpoint for one of `count` tasks that do not hear of each other: its limits divided evenly, and
        together no more than the whole. Raises ValueError where a task would be left without a call at a time or a
        minute; a budget may well leave some with nothing."""
        parts = {}
        for name in ("in_flight", "requests_per_minute", "tokens_per_minute", "max_calls", "max_tokens"):
            limit = getattr(self, name)
            if limit is not None:
                parts[name] = limit // count + (place < limit % count)
                if not parts[name] and not name.startswith("max_"):
                    raise ValueError(f"{name} = {limit} among {count} tasks")
        cost = None if self.max_cost is None else self.max_cost / count
        return replace(self, **parts, max_cost=cost)

    def check_url(self) -> None:
        """Raises EndpointRefused for what is no address of an HTTP server."""
        for url in self.urls:
            try:
                parts = urlsplit(url)
                good = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port or 80) > 0
            except ValueError:
                good = False
            if not good:
                raise EndpointRefused(
                    f"the endpoint of the model {self.model} has an address that is none",
                    "write url as http://host:port/v1 or https://host/v1",
                )

    def secret(self) -> str:
        """The key, from the environment of this process, else the default; `none` where that is empty.

        Raises EndpointRefused, without the key, where there is none or a header cannot carry it.
        """
        found = os.environ.get(self.key_env) if self.key_env else None
        found = found if found is not None else self.key_default
        if found is None and self.key_env:
            raise EndpointRefused(
                f"{self.host} needs a key, and the environment variable {self.key_env} is not set here",
                f"set {self.key_env} where the job's Python workers run",
            )
        found = (found or "").strip()
        if not (found.isascii() and found.isprintable()):
            raise EndpointRefused(
                f"the key for {self.host} holds characters that no HTTP header can carry",
                f"look at the value of {self.key_env or 'the key'}",
            )
        return found or NO_KEY


Outcome = Literal["complete", "cut", "filtered", "refused"]
Kind = Literal[
    "timeout", "connection", "rate_limited", "server_error", "foreign_body", "deadline", "bad_request",
    "budget", "unavailable", "lost_coordinator",
]  # fmt: skip
"""Why a request has no answer: what its attempts met, and, of the last three, what ended the asking as a whole."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A completion: final for its key, whatever its outcome. `text` is as the server sent it; of a refusal it is
    the refusal's words. `seconds` are of the attempt that brought it, `at` is when it came (UTC). `logprob`: the
    mean log-probability of its tokens, where that was asked for and given."""

    key: str
    outcome: Outcome
    text: str | None
    finish: str | None
    served_model: str | None
    fingerprint: str | None
    prompt_tokens: int | None
    completion_tokens: int | None
    at: datetime
    seconds: float
    attempts: int
    logprob: float | None = None


@dataclass(frozen=True, slots=True)
class Waiting:
    """No completion for this key yet, for a reason that may pass; `detail` is one line that is safe to show."""

    key: str
    kind: Kind
    detail: str
    attempts: int
