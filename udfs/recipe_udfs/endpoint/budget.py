"""Budgets: what a run may spend at an endpoint. Pure counting; nothing here asks or waits."""

from __future__ import annotations

import math
from dataclasses import dataclass

from recipe_udfs.endpoint.request import EndpointSpec, Request

BYTES_PER_TOKEN = 3
"""Of a prompt whose tokens nobody has counted: few tokenizers make more of a text."""
MESSAGE_TOKENS = 8
"""What a chat template adds to a message."""
UNLIMITED_ANSWER = 4_096
"""Tokens kept free for an answer where neither the request nor the endpoint's context limits it."""


@dataclass(frozen=True, slots=True)
class Spend:
    """Calls, and their prompt and completion tokens."""

    calls: int = 0
    prompt: int = 0
    completion: int = 0

    @property
    def tokens(self) -> int:
        return self.prompt + self.completion

    def __add__(self, other: Spend) -> Spend:
        return Spend(
            self.calls + other.calls, self.prompt + other.prompt, self.completion + other.completion
        )

    def __sub__(self, other: Spend) -> Spend:
        return Spend(
            self.calls - other.calls, self.prompt - other.prompt, self.completion - other.completion
        )


NOTHING = Spend()


def size(spec: EndpointSpec, request: Request) -> Spend:
    """The most that one call is expected to spend: its prompt's tokens, counted or estimated, and all tokens that
    its answer may have."""
    prompt = request.prompt_tokens
    if prompt is None:
        texts = (len(one["content"].encode()) for one in request.messages)
        prompt = sum(math.ceil(length / BYTES_PER_TOKEN) + MESSAGE_TOKENS for length in texts)
    most = request.params.get("max_tokens")
    if most is None:
        most = max(0, spec.context - prompt) if spec.context else UNLIMITED_ANSWER
    return Spend(1, prompt, most)


class Budget:
    """Holds what is spent, plus what is reserved for calls under way, to the limits of an endpoint.

    A call reserves the most it may spend before it begins, and is booked by what it did spend when it is over; so
    the limits hold whatever the answers are, as far as the estimate of a prompt does.
    """

    def __init__(self, spec: EndpointSpec):
        self._spec = spec
        self.spent = NOTHING
        self.reserved = NOTHING

    def over(self, more: Spend) -> str | None:
        """The limit that one more call of that size could pass, in words; None where it passes none."""
        spec, then = self._spec, self.spent + self.reserved + more
        if spec.max_calls is not None and then.calls > spec.max_calls:
            return f"max_calls = {spec.max_calls:,}"
        if spec.max_tokens is not None and then.tokens > spec.max_tokens:
            return f"max_tokens = {spec.max_tokens:,}"
        if spec.max_cost is not None and spec.cost(then.prompt, then.completion) > spec.max_cost + 1e-9:
            return f"max_cost = ${spec.max_cost:,.2f}"
        return None

    def reserve(self, more: Spend) -> None:
        self.reserved += more

    def book(self, released: Spend, used: Spend) -> None:
        """What was reserved for calls that are over is released; what they used is spent."""
        self.reserved -= released
        self.spent += used
