"""Limits of endpoints and asks that let something through, and amounts that are not below nothing."""

from __future__ import annotations

from collections.abc import Iterator

from recipec import resolved as r
from recipec.checks.walk import derived, of_kind
from recipec.diagnostics import Diagnostic

OF_ENDPOINT = ("context", "in_flight", "requests_per_minute", "tokens_per_minute", "tokens_per_gpu_second", "timeout")
OF_ASK = ("samples", "max_prompt", "max_tokens", "timeout")
"""Nothing would be asked at 0."""
SPENT = (
    "patience", "max_calls", "max_tokens", "max_cost", "input_price", "output_price", "gpu_hour_price",
)  # fmt: skip
"""Of an endpoint: nothing more is spent at 0, and answers that are kept are used all the same."""


def check(resolved: r.Resolved, place: object) -> Iterator[Diagnostic]:
    for endpoint in resolved.endpoints.values():
        yield from _above_zero(endpoint.settings, OF_ENDPOINT)
        for name in SPENT:
            given = _number(endpoint.settings.get(name))
            if given is not None and given.value < 0:
                yield Diagnostic("E0309", f"`{name}` is 0 or more", given.span)
    for one in derived(resolved):
        for ask in of_kind(one.statements, r.Ask):
            yield from _above_zero(ask.settings, OF_ASK)


def _above_zero(settings: dict[str, r.Expr], names: tuple[str, ...]) -> Iterator[Diagnostic]:
    for name in names:
        given = _number(settings.get(name))
        if given is not None and given.value <= 0:
            help_ = "leave it out where nothing is to limit it" if name != "samples" else ""
            yield Diagnostic("E0309", f"`{name}` is more than 0", given.span, help=help_)


def _number(expr: r.Expr | None) -> r.Lit | None:
    return expr if isinstance(expr, r.Lit) and isinstance(expr.value, int | float) else None
