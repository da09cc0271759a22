"""What the stub's model says, and the bodies that carry it: chat and text completions, logprobs, usage."""

from __future__ import annotations

import time
import zlib
from dataclasses import dataclass
from typing import Any

import orjson


@dataclass(frozen=True)
class Reply:
    """What a model says. `content` None and `usage` None are sent as null."""

    text: str | None
    finish: str | None = "stop"
    model: str | None = None  # None: the name asked for
    refusal: str | None = None
    fingerprint: str | None = "fp_stub"
    usage: tuple[int, int] | None = (7, 5)
    logprobs: tuple[float, ...] | None = None  # of its tokens; None: a token a word, where the request asks for them


def prompt_text(body: dict[str, Any]) -> str:
    """All that a request tells the model: its messages' contents, or its prompt, on lines of their own."""
    if "prompt" in body:
        return body["prompt"] if isinstance(body["prompt"], str) else orjson.dumps(body["prompt"]).decode()
    contents = (message.get("content") for message in body["messages"])
    return "\n".join(c if isinstance(c, str) else orjson.dumps(c).decode() for c in contents)


def completion(reply: Reply, body: dict[str, Any], number: int) -> bytes:
    """The response's body for a request's body: a chat completion where it has messages, else a text completion."""
    chat = "messages" in body
    text = reply.text
    choice: dict[str, Any] = {"index": 0, "finish_reason": reply.finish, "logprobs": None}
    if chat:
        choice["message"] = {"role": "assistant", "content": text, "refusal": reply.refusal}
        if body.get("logprobs"):
            content = [{**one, "top_logprobs": []} for one in logprobs(reply)]
            choice["logprobs"] = {"content": content, "refusal": None}
    else:
        choice["text"] = text
        if body.get("logprobs") is not None:
            found = logprobs(reply)
            choice["logprobs"] = {
                "tokens": [one["token"] for one in found],
                "token_logprobs": [one["logprob"] for one in found],
            }
    usage = None
    if reply.usage is not None:
        usage = {"prompt_tokens": reply.usage[0], "completion_tokens": reply.usage[1], "total_tokens": sum(reply.usage)}
    return orjson.dumps(
        {
            "id": f"{'chatcmpl' if chat else 'cmpl'}-{number}",
            "object": "chat.completion" if chat else "text_completion",
            "created": int(time.time()),
            "model": reply.model if reply.model is not None else body["model"],
            "system_fingerprint": reply.fingerprint,
            "choices": [choice],
            "usage": usage,
        }
    )


def logprobs(reply: Reply) -> list[dict[str, Any]]:
    """Those that the reply has; else a token for each word, with a log-probability between −1 and 0 that depends on
    the word alone."""
    if reply.logprobs is not None:
        return [{"token": "x", "logprob": one, "bytes": [120]} for one in reply.logprobs]
    words = reply.text.split(" ") if reply.text else []
    return [
        {"token": word, "logprob": -(zlib.crc32(word.encode()) % 1000) / 1000, "bytes": list(word.encode())}
        for word in words
    ]
