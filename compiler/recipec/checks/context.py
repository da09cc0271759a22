"""The longest prompt and the longest answer fit into the endpoint's context together."""

from __future__ import annotations

from collections.abc import Iterator

from recipec import resolved as r
from recipec.checks.walk import derived, of_kind
from recipec.diagnostics import Diagnostic, Label


def check(resolved: r.Resolved, place: object) -> Iterator[Diagnostic]:
    for one in derived(resolved):
        for ask in of_kind(one.statements, r.Ask):
            endpoint = resolved.endpoints.get(ask.endpoint)
            if endpoint is not None:
                yield from _fits(endpoint, ask)


def _fits(endpoint: r.Endpoint, ask: r.Ask) -> Iterator[Diagnostic]:
    context, answer = _tokens(endpoint.settings.get("context")), _tokens(ask.settings.get("max_tokens"))
    if context is None or answer is None:
        return
    segment = ask.settings.get("segment")
    given = _tokens(ask.settings.get("max_prompt"))
    piece = _tokens(segment.args.get("max")) if isinstance(segment, r.OpCall) else None
    prompt = given or piece
    together = answer.value + (prompt.value if prompt is not None else 0)
    if together <= context.value:
        return
    what = "the longest prompt" if given is not None else "the longest segment"
    labels = [Label(prompt.span, f"{what} has {prompt.value:,}")] if prompt is not None else []
    both = f"{what} and answer have {together:,} tokens" if prompt is not None else f"an answer has {together:,} tokens"
    yield Diagnostic(
        "E0423",
        f"{both}, the context of `{endpoint.name}` {context.value:,}",
        answer.span,
        "the longest answer",
        (*labels, Label(context.span, "the longest prompt and answer together")),
        "lower `max_tokens` or the length of the prompt; raise `context` if the model has a longer one",
    )


def _tokens(expr: object) -> r.Lit | None:
    return expr if isinstance(expr, r.Lit) and isinstance(expr.value, int) and expr.unit == "tokens" else None
