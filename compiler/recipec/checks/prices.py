"""What a call costs is said in one way, and whole: by the token, or by the hour of a GPU."""

from __future__ import annotations

from collections.abc import Iterator

from recipec import resolved as r
from recipec.diagnostics import Diagnostic, Label

BY_TOKEN = ("input_price", "output_price")
BY_HOUR = "gpu_hour_price"
SPEED = "tokens_per_gpu_second"


def check(resolved: r.Resolved, place: object) -> Iterator[Diagnostic]:
    for endpoint in resolved.endpoints.values():
        yield from _price(endpoint.settings)


def _price(said: dict[str, r.Expr]) -> Iterator[Diagnostic]:
    tokens, hour, limit = [name for name in BY_TOKEN if name in said], said.get(BY_HOUR), said.get("max_cost")
    if hour is not None and tokens:
        yield Diagnostic(
            "E0438",
            "calls are paid for by the hour and by the token",
            hour.span,
            "by the hour",
            tuple(Label(said[name].span, "by the token") for name in tokens),
            f"leave `{BY_HOUR}` out, or {' and '.join(f'`{name}`' for name in tokens)}",
        )
    elif len(tokens) == 1:
        (other,) = set(BY_TOKEN) - set(tokens)
        of = "questions" if other == "input_price" else "answers"
        help_ = f"write `{other} = $…`, in dollars for a million tokens; `{other} = $0` where {of} cost nothing"
        yield Diagnostic("E0438", f"`{tokens[0]}` stands without `{other}`", said[tokens[0]].span, help=help_)
    if hour is not None and SPEED not in said:
        help_ = f"write `{SPEED} = …`: how many tokens of answers one GPU makes in a second"
        yield Diagnostic("E0438", f"`{BY_HOUR}` says no price of a call without `{SPEED}`", hour.span, help=help_)
    if limit is not None and hour is None and not tokens:
        help_ = f"write `{BY_TOKEN[0]}` and `{BY_TOKEN[1]}`, or `{BY_HOUR}`; `max_calls` and `max_tokens` need no price"
        yield Diagnostic("E0438", "`max_cost` bounds nothing without a price", limit.span, help=help_)
