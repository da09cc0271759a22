"""How an answer is sampled: each parameter within the bounds that servers take."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from recipec import resolved as r
from recipec.checks.walk import derived, of_kind
from recipec.diagnostics import Diagnostic


class Bounds(NamedTuple):
    """`text`: the bounds as a person reads them."""

    low: float
    high: float
    text: str
    open_below: bool = False

    def hold(self, value: float) -> bool:
        """Is the value within them?"""
        return value <= self.high and (value > self.low if self.open_below else value >= self.low)


BOUNDS = {
    "temperature": Bounds(0, 2, "from 0 to 2"),
    "top_p": Bounds(0, 1, "more than 0 and at most 1", open_below=True),
    "frequency_penalty": Bounds(-2, 2, "from -2 to 2"),
    "presence_penalty": Bounds(-2, 2, "from -2 to 2"),
    "min_p": Bounds(0, 1, "from 0 to 1"),
    "top_k": Bounds(1, float("inf"), "1 or more"),
}
"""The first four as in the reference of OpenAI's chat completions, the others as in vLLM's sampling parameters; a
server answers 400 to each request past them."""


def check(resolved: r.Resolved, place: object) -> Iterator[Diagnostic]:
    for one in derived(resolved):
        for ask in of_kind(one.statements, r.Ask):
            for name, bounds in BOUNDS.items():
                given = ask.settings.get(name)
                number = isinstance(given, r.Lit) and isinstance(given.value, int | float)
                if number and not bounds.hold(given.value):
                    help_ = "leave it out: then all words may be drawn" if name == "top_k" else ""
                    yield Diagnostic("E0312", f"`{name}` is {bounds.text}", given.span, help=help_)
