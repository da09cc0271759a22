"""The rewriter's HTTP/1.1: chat completions, the list of models, and its counts. Keep-alive, no streaming."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import orjson

from recipe_udfs.rewriter import MODEL
from recipe_udfs.rewriter.extract import fingerprint, reply, token_count

LARGEST_BODY = 64 << 20


class Refused(Exception):
    """A request that is not served: (status, message)."""


class Server:
    """Counts of one rewriter, and its connections."""

    def __init__(self) -> None:
        self.attempts = 0
        self.completions = 0

    def connection(self) -> Connection:
        return Connection(self)

    def respond(self, method: str, path: str, body: bytes) -> bytes:
        """The whole response to a request."""
        try:
            if (method, path) == ("POST", "/v1/chat/completions"):
                self.attempts += 1
                made = completion(body)
                self.completions += 1
            elif (method, path) == ("GET", "/v1/models"):
                made = {"object": "list", "data": [{"id": MODEL, "object": "model", "owned_by": "recipec"}]}
            elif (method, path) == ("GET", "/v1/stats"):
                made = {"completions": self.completions, "attempts": self.attempts}
            else:
                raise Refused(404, "no such place: POST /v1/chat/completions, GET /v1/models, GET /v1/stats")
        except Refused as error:
            status, message = error.args
            return response(status, {"error": {"message": message, "type": "invalid_request_error", "code": None}})
        return response(200, made)


def completion(body: bytes) -> dict[str, Any]:
    """The chat completion for a request body. Raises Refused."""
    try:
        asked = orjson.loads(body)
    except orjson.JSONDecodeError:
        raise Refused(400, "the body is no JSON") from None
    messages = asked.get("messages") if isinstance(asked, dict) else None
    if not isinstance(messages, list) or not messages or not all(map(_is_message, messages)):
        raise Refused(400, "`messages` is a list of {role, content}, with text as content")
    if asked.get("model") != MODEL:
        raise Refused(404, f"this server has one model, {MODEL}, which is no language model")
    if asked.get("stream") or asked.get("n") not in (None, 1):
        raise Refused(400, "`stream` and `n` are not served")
    limit = asked.get("max_tokens", asked.get("max_completion_tokens"))
    if limit is not None and (not isinstance(limit, int) or limit < 1):
        raise Refused(400, "`max_tokens` is a whole number above 0")
    warm = asked.get("temperature")
    if warm is not None and not (isinstance(warm, int | float) and 0 <= warm <= 2):
        raise Refused(400, "`temperature` is a number from 0 to 2")
    text, finish = reply(messages, {name: asked.get(name) for name in ("temperature", "top_p", "seed", "stop")}, limit)
    prompt_tokens = sum(token_count(one["content"]) for one in messages)
    answer_tokens = token_count(text)
    return {
        "id": "chatcmpl-" + fingerprint(messages, asked)[:24],
        "object": "chat.completion",
        "created": int(time.time()),
        "model": MODEL,
        "system_fingerprint": "builtin-extractive-1",
        "choices": [{"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": finish}],
        "usage": {
            "prompt_tokens": prompt_tokens,
            "completion_tokens": answer_tokens,
            "total_tokens": prompt_tokens + answer_tokens,
        },
    }


def _is_message(one: Any) -> bool:
    return isinstance(one, dict) and isinstance(one.get("content"), str) and isinstance(one.get("role"), str)


def response(status: int, made: dict[str, Any]) -> bytes:
    body = orjson.dumps(made)
    reason = {200: "OK", 400: "Bad Request", 404: "Not Found", 411: "Length Required", 413: "Content Too Large"}[status]
    head = f"HTTP/1.1 {status} {reason}\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


class Connection(asyncio.Protocol):
    """One connection: requests are answered in order, one after the other."""

    def __init__(self, server: Server):
        self._server = server
        self._data = bytearray()
        self._transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport  # type: ignore[assignment]

    def data_received(self, data: bytes) -> None:
        self._data += data
        while (end := self._data.find(b"\r\n\r\n")) >= 0:
            start, *lines = self._data[:end].decode("latin-1").split("\r\n")
            headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
            method, _, rest = start.partition(" ")
            length = headers.get("content-length", "0")
            if "transfer-encoding" in headers or not length.isdecimal():
                return self._refuse(411, "a Content-Length is needed")
            if int(length) > LARGEST_BODY:
                return self._refuse(413, f"at most {LARGEST_BODY} bytes")
            total = end + 4 + int(length)
            if len(self._data) < total:
                return None
            body = bytes(self._data[end + 4 : total])
            del self._data[:total]
            self._transport.write(self._server.respond(method, rest.partition(" ")[0].partition("?")[0], body))
            if headers.get("connection", "").lower() == "close":
                return self._transport.close()
        if len(self._data) > LARGEST_BODY:
            self._refuse(413, "headers without an end")
        return None

    def _refuse(self, status: int, message: str) -> None:
        self._transport.write(response(status, {"error": {"message": message, "type": "invalid_request_error"}}))
        self._transport.close()
