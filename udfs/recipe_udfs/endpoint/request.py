"""What is asked of an endpoint and what comes of it, as plain values; the key under which an answer is kept."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
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
    """One call to make: its key, the rendered messages, and the generation parameters sent beside them."""

    key: str
    messages: list[dict[str, str]]
    params: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class EndpointSpec:
    """An endpoint as a worker needs it. It travels in a task's closure, so it never holds the key itself: that is
    read where the call is made. `url` ends before `/chat/completions`. Times in seconds."""

    url: str
    model: str
    key_env: str | None = None
    key_default: str | None = field(default=None, repr=False)
    served_as: tuple[str, ...] = ()
    timeout: float = 600.0
    in_flight: int = 64
    patience: float = 1800.0

    @property
    def host(self) -> str:
        """Host and port for people to read, without what a URL may hold of a user and a password."""
        return urlsplit(self.url).netloc.rpartition("@")[2]

    def check_url(self) -> None:
        """Raises EndpointRefused for what is no address of an HTTP server."""
        try:
            parts = urlsplit(self.url)
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
Kind = Literal["timeout", "connection", "rate_limited", "server_error", "foreign_body", "deadline"]


@dataclass(frozen=True, slots=True)
class Answer:
    """A completion: final for its key, whatever its outcome. `text` is as the server sent it; of a refusal it is
    the refusal's words. `seconds` are of the attempt that brought it, `at` is when it came (UTC)."""

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


@dataclass(frozen=True, slots=True)
class Waiting:
    """No completion for this key yet, for a reason that may pass; `detail` is one line that is safe to show."""

    key: str
    kind: Kind
    detail: str
    attempts: int
