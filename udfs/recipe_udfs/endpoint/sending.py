"""What is sent for a request: the path and the body, by the API and by what the server understands."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from recipe_udfs.endpoint.request import EndpointSpec, Request

REPLY = "reply"
"""The generation parameter that says the form of the answer, as `["json", schema]`, `["choice", …]`,
`["regex", pattern]` or `["number", low, high]`. It is part of the key, and not sent under that name."""


def path(spec: EndpointSpec) -> str:
    """What follows an address."""
    return "/chat/completions" if spec.api == "chat" else "/completions"


def body(spec: EndpointSpec, request: Request) -> dict[str, Any]:
    """The JSON that is sent. A parameter that is None is not."""
    sent: dict[str, Any] = {"model": spec.model}
    params = {name: value for name, value in request.params.items() if value is not None and name != REPLY}
    if spec.api == "chat":
        sent["messages"] = request.messages
    else:
        (only,) = request.messages
        sent["prompt"] = only["content"]
        if params.get("logprobs") is True:
            params["logprobs"] = 1  # of how many tokens at each place: there it is a number
    return sent | params | structure(spec, request.params.get(REPLY))


def structure(spec: EndpointSpec, reply: Sequence[Any] | None) -> Mapping[str, Any]:
    """How the server is asked to keep to the form of the answer; nothing where it cannot be."""
    form, *rest = reply or (None,)
    if spec.structured_output == "json_schema" and form == "json":
        schema = {"name": "reply", "schema": rest[0], "strict": True}
        return {"response_format": {"type": "json_schema", "json_schema": schema}}
    if spec.structured_output == "vllm" and form in ("json", "regex"):
        return {"structured_outputs": {form: rest[0]}}
    if spec.structured_output == "vllm" and form == "choice":
        return {"structured_outputs": {"choice": rest}}
    return {}
