"""Endpoints: no secret in the text, and a model that stays what it is."""

from __future__ import annotations

import re
from collections.abc import Iterator

from recipec import resolved as r
from recipec.checks.walk import addresses, inside
from recipec.diagnostics import Diagnostic, Edit, Fix

BUILTIN = "builtin"
"""Models and URLs of this name are part of the installed version."""

# Prefixes that providers give their keys, so that a key is seen wherever it stands.
SECRET = re.compile(
    r"\b(sk-[A-Za-z0-9_-]{8,}|hf_[A-Za-z0-9]{16,}|AKIA[A-Z0-9]{12,}|gh[pousr]_[A-Za-z0-9]{20,}"
    r"|xox[abprs]-[A-Za-z0-9-]{10,}|AIza[A-Za-z0-9_-]{30,}|nvapi-[A-Za-z0-9_-]{20,})"
)
_URL_SECRET = re.compile(r"^[a-z][a-z0-9+.-]*://[^/@\s]*:[^/@\s]+@")


def check(resolved: r.Resolved, place: object) -> Iterator[Diagnostic]:
    seen: set[int] = set()
    said: set[str] = set()
    for endpoint in resolved.endpoints.values():
        key = endpoint.settings.get("key")
        if isinstance(key, r.Lit) and key.value:
            seen.add(key.span.start)
            variable = f"{endpoint.name.upper()}_KEY"
            yield _secret(key, f'env("{variable}")')
        for url in addresses(endpoint):
            if isinstance(url, r.Lit) and isinstance(url.value, str) and _URL_SECRET.match(url.value):
                seen.add(url.span.start)
                yield Diagnostic(
                    "E0431", "the URL holds a password", url.span, help="pass it in `key`, or `env(…)` the URL"
                )
        model = endpoint.settings.get("model")
        builtin = isinstance(model, r.Lit) and isinstance(model.value, str) and model.value.startswith(BUILTIN)
        named = model is not None and not isinstance(model, r.Unknown) and not builtin
        if named and "revision" not in endpoint.settings:
            yield Diagnostic(
                "W0503",
                f"endpoint `{endpoint.name}` does not pin its model",
                endpoint.span,
                help='add `revision = "…"`: a name alone can mean other weights tomorrow',
            )
    for value in _texts(resolved):
        if SECRET.search(value.value) and value.span.start not in seen and value.value not in said:
            said.add(value.value)
            yield _secret(value, "")


def _texts(resolved: r.Resolved) -> Iterator[r.Lit]:
    """Every text that stands in a parameter, an endpoint or a source."""
    settings = [{one.name: one.value} for one in resolved.params.values() if not one.given]
    settings += [one.settings for one in resolved.endpoints.values()]
    settings += [one.call.args for one in resolved.sources.values()]
    for values in settings:
        for value in inside(tuple(values.values())):
            if isinstance(value, r.Lit) and isinstance(value.value, str):
                yield value
            elif isinstance(value, r.EnvRef) and value.default:
                yield r.Lit(value.default, None, value.span)


def _secret(value: r.Lit, replacement: str) -> Diagnostic:
    fixes = (
        (Fix(f"read it from the environment: {replacement}", (Edit(value.span, replacement),)),) if replacement else ()
    )
    return Diagnostic(
        "E0431",
        "a secret is written in the recipe",
        value.span,
        "stored with every run",
        help='read it where it is used: `key = env("NAME")`',
        fixes=fixes,
    )
