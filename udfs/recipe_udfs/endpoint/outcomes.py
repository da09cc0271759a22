"""What a server's response means: an answer, something that may pass, or an end.

Shape of a completion: https://platform.openai.com/docs/api-reference/chat/object, of which vLLM, TGI, llama.cpp
and others send a part. Only the body's structure and the status decide, never an error's words.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

from recipe_udfs.endpoint.errors import EndpointRefused, ServedModelChanged
from recipe_udfs.endpoint.request import EndpointSpec, Kind, Outcome

_OUTCOMES: dict[str | None, Outcome] = {"length": "cut", "content_filter": "filtered"}


class Foreign(Exception):
    """A body that is no completion; the text says what it is instead, without quoting it."""


@dataclass(frozen=True, slots=True)
class Completion:
    """A completion taken apart; see `Answer` for what the fields hold."""

    outcome: Outcome
    text: str
    finish: str | None
    served_model: str | None
    fingerprint: str | None
    prompt_tokens: int | None
    completion_tokens: int | None
    logprob: float | None


def completion(body: bytes, content_type: str, api: str = "chat") -> Completion:
    """The first choice of a response with status 200, of the chat or the completions API. Raises Foreign where the
    body is no whole completion."""
    found = _json(body, content_type)
    choices = found.get("choices") if isinstance(found, dict) else None
    choice = choices[0] if isinstance(choices, list) and choices else None
    message = choice.get("message") if api == "chat" and isinstance(choice, dict) else choice
    if not isinstance(message, dict) or (api != "chat" and "text" not in message):
        raise Foreign(f"JSON without choices[0].{'message' if api == 'chat' else 'text'}")
    content = message.get("content" if api == "chat" else "text")
    refusal = message.get("refusal") if api == "chat" else None
    if not isinstance(content, str | None):
        raise Foreign("a message whose content is no text")
    finish = _text(choice.get("finish_reason"))
    refused = isinstance(refusal, str) and refusal != ""
    usage = found.get("usage")
    usage = usage if isinstance(usage, dict) else {}
    return Completion(
        outcome="refused" if refused else _OUTCOMES.get(finish, "complete"),
        text=content or (refusal if refused else ""),
        finish=finish,
        served_model=_text(found.get("model")),
        fingerprint=_text(found.get("system_fingerprint")),
        prompt_tokens=_count(usage.get("prompt_tokens")),
        completion_tokens=_count(usage.get("completion_tokens")),
        logprob=_mean_logprob(choice.get("logprobs")),
    )


def _mean_logprob(given: Any) -> float | None:
    """Of the tokens whose log-probability the server gives, in either API's form; None where it gives none."""
    if not isinstance(given, dict):
        return None
    tokens = given.get("content")
    tokens = tokens if isinstance(tokens, list) else []
    found = [token.get("logprob") for token in tokens if isinstance(token, dict)]
    plain = given.get("token_logprobs")
    found += plain if isinstance(plain, list) else []
    known = [value for value in found if isinstance(value, int | float) and not isinstance(value, bool)]
    return sum(known) / len(known) if known else None


def _json(body: bytes, content_type: str) -> Any:
    import orjson

    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        pass
    try:
        # A server that cuts text between two UTF-16 units sends half a pair, which orjson refuses and no file can
        # hold: it becomes U+FFFD, as everywhere else where text was cut.
        found = json.loads(body, parse_constant=_no_constant)
        return json.loads(json.dumps(found, ensure_ascii=False).encode("utf-16", "surrogatepass").decode(
            "utf-16", "replace"
        ))
    except (ValueError, RecursionError):
        kind = re.sub(r"[^\w/.+-].*", "", content_type)[:40] or "no content type"
        raise Foreign(f"{len(body)} bytes of {kind} that are no JSON") from None


def _no_constant(name: str) -> Any:
    raise ValueError(name)


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None


def _count(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None


# ---- which model ------------------------------------------------------------------------------------


class ServedModel:
    """Holds a stream to one model: a name out of {model} and `served_as`, or, where the recipe lists none, the
    name of the first answer."""

    def __init__(self, spec: EndpointSpec):
        self.spec = spec
        self.allowed = {spec.model, *spec.served_as} if spec.served_as else None
        self.first: str | None = None
        self.any = False

    def check(self, served: str | None, host: str) -> None:
        """An answer from `host` came under the name `served`. Raises ServedModelChanged."""
        if self.allowed is not None:
            if served not in self.allowed:
                raise self._changed(served, f"{host} was asked for {quoted(self.spec.model)}")
        elif not self.any:
            self.first, self.any = served, True
        elif served != self.first:
            before = host if len(self.spec.urls) == 1 else "the endpoint"
            raise self._changed(served, f"{before} answered as {quoted(self.first)} before", host)

    def _changed(self, served: str | None, before: str, host: str = "it") -> ServedModelChanged:
        names = [*self.spec.served_as, *([] if self.spec.served_as else [self.first]), served]
        listed = ", ".join(quoted(name) for name in dict.fromkeys(names) if name and name != self.spec.model)
        return ServedModelChanged(
            f"{before}, and {host} now answers as {quoted(served)}: answers of two models do not mix",
            f"if both are one model, say so in the endpoint: served_as = [{listed}]",
        )


def quoted(name: str | None) -> str:
    """A server's word as a string of the language, one line, in which nothing acts."""
    return "no model at all" if name is None else json.dumps(printable(name, 100))


# ---- statuses ---------------------------------------------------------------------------------------


def passing(status: int) -> Kind | None:
    """The kind of a status that may pass, None for one that will not."""
    if status == 429:
        return "rate_limited"
    if status == 408:
        return "timeout"
    return "server_error" if status == 409 or status >= 500 else None


BAD_REQUEST = (400, 413, 422)
"""Statuses by which a server says that it cannot do this one request."""


def refusal(spec: EndpointSpec, host: str, status: int, body: bytes, secret: str) -> EndpointRefused:
    """What to raise for a status that will not pass. The server's own words stand in it where they help, but never
    for a key that was refused, since a server may repeat it."""
    asked = f"{host} refused a request for the model {quoted(spec.model)} with status {status}"
    key = f"the environment variable {spec.key_env}" if spec.key_env else 'the endpoint (it names none: key = env("…"))'
    if status in (401, 403):
        return EndpointRefused(asked, f"the key is read from {key}; check that it is set and may use this model")
    said = _message(body).replace(secret, "***")
    asked += f": {printable(said, 200)}" if said else ""
    if 300 <= status < 400:
        return EndpointRefused(asked, "redirects are not followed, for the key's sake: give the address it leads to")
    if status == 404:
        return EndpointRefused(asked, f"check `url` (it ends in /v1 with most servers), `model`, and the key in {key}")
    return EndpointRefused(asked, "check what the recipe sends: the prompt's length, max_tokens and sampling settings")


def unknown_host(spec: EndpointSpec, host: str) -> EndpointRefused:
    """What to raise where nothing is known under a server's name."""
    return EndpointRefused(
        f"{host} is not known: there is no address for its name",
        f"check `url` of the endpoint {spec.name or quoted(spec.model)}, or let the machines that ask find that name",
    )


def _message(body: bytes) -> str:
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        return ""
    error = found.get("error", found) if isinstance(found, dict) else None
    said = error.get("message") if isinstance(error, dict) else error
    return said if isinstance(said, str) else ""


def printable(text: str, limit: int) -> str:
    """One line of at most `limit` characters: what is not printable becomes U+FFFD."""
    shown = "".join(char if char.isprintable() else "\ufffd" for char in " ".join(text.split()))
    return shown if len(shown) <= limit else shown[: limit - 1] + "…"
