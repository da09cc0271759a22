"""The addresses of an endpoint: one model behind all of them, each with its share of the calls."""

from __future__ import annotations

from collections.abc import Iterator

from recipec import resolved as r
from recipec.checks.endpoints import BUILTIN
from recipec.checks.walk import addresses, shape
from recipec.diagnostics import Diagnostic, Label


def check(resolved: r.Resolved, place: object) -> Iterator[Diagnostic]:
    for endpoint in resolved.endpoints.values():
        yield from _pool(endpoint)
        yield from _weights(endpoint)
        yield from _chat_alone(endpoint)


def _pool(endpoint: r.Endpoint) -> Iterator[Diagnostic]:
    seen: dict[object, r.Expr] = {}
    for one in addresses(endpoint) if isinstance(endpoint.settings.get("url"), r.Sequence) else ():
        if _is_builtin(one):
            help_ = f'`url = "{BUILTIN}"`, alone, or only servers'
            yield Diagnostic("E0437", "the built-in rewriter does not stand in a pool", one.span, help=help_)
        server = one.value.rstrip("/") if isinstance(one, r.Lit) else shape(one)
        if server in seen:
            first = (Label(seen[server].span, "the first"),)
            help_ = "leave one out; more of the calls go where `weights` says"
            yield Diagnostic("E0437", "this address stands in the pool twice", one.span, "the second", first, help_)
        seen.setdefault(server, one)


def _weights(endpoint: r.Endpoint) -> Iterator[Diagnostic]:
    weights, known = endpoint.settings.get("weights"), addresses(endpoint)
    if not isinstance(weights, r.Lit) or not known or isinstance(known[0], r.Unknown):
        return
    given = weights.value
    if any(isinstance(one, bool) or not isinstance(one, int | float) or one <= 0 for one in given):
        help_ = "leave out an address that is to have no calls"
        yield Diagnostic("E0437", "a weight is a number above 0", weights.span, help=help_)
    elif len(given) != len(known):
        both = f"{_count(given, 'weight')} for {_count(known, 'address')}"
        label = (Label(endpoint.settings["url"].span, _count(known, "address")),)
        yield Diagnostic("E0437", both, weights.span, "", label, "each address has a weight, in the same order")


def _chat_alone(endpoint: r.Endpoint) -> Iterator[Diagnostic]:
    api = endpoint.settings.get("api")
    if isinstance(api, r.Lit) and api.value == "completions" and any(map(_is_builtin, addresses(endpoint))):
        yield Diagnostic("E0437", "the built-in rewriter answers chat alone", api.span, help="leave `api` out")


def _is_builtin(address: r.Expr) -> bool:
    return isinstance(address, r.Lit) and address.value == BUILTIN


def _count(many: tuple[object, ...], what: str) -> str:
    return f"{len(many)} {what}" if len(many) == 1 else f"{len(many)} {what}{'es' if what.endswith('s') else 's'}"
