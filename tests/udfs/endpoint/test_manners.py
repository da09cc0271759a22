"""Back-off, Retry-After, the window, and what bodies mean, without a server."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest
from recipe_udfs.endpoint.manners import Manners, Window, retry_after
from recipe_udfs.endpoint.outcomes import Foreign, completion, printable, quoted


def test_back_off_has_full_jitter_over_a_growing_range() -> None:
    manners = Manners(backoff=0.5, longest_backoff=3.0)
    for failed, most in ((1, 0.5), (2, 1.0), (3, 2.0), (4, 3.0), (9, 3.0)):
        pauses = [manners.pause(failed, None) for _ in range(400)]
        assert 0 <= min(pauses) < 0.1 * most and 0.9 * most < max(pauses) <= most
    assert all(7 <= manners.pause(1, 7.0) <= 8 for _ in range(100))


def test_retry_after_in_every_form() -> None:
    assert retry_after({"retry-after": "12"}) == 12
    assert retry_after({"retry-after": "0.5"}) == 0.5
    assert retry_after({"retry-after": "12", "retry-after-ms": "250"}) == 0.25
    later = format_datetime(datetime.now(UTC) + timedelta(seconds=30), usegmt=True)
    assert 0 < retry_after({"retry-after": later}) <= 30
    assert retry_after({"retry-after": "Wed, 21 Oct 2015 07:28:00 GMT"}) == 0
    for nothing in ({}, {"retry-after": "soon"}, {"retry-after": "-3"}, {"retry-after": "nan"}):
        assert retry_after(nothing) is None


def test_one_trouble_halves_the_window_once() -> None:
    window = Window(64)
    for _ in range(64):
        window.too_many(begun=1.0, now=2.0)
    assert window.limit == 32
    window.too_many(begun=1.9, now=3.0)
    assert window.limit == 32
    window.too_many(begun=2.5, now=4.0)
    assert window.limit == 16
    for n in range(20):
        window.too_many(begun=10.0 + n, now=10.5 + n)
    assert window.limit == window.smallest == 1


@pytest.mark.parametrize("most", [1, 8, 256])
def test_the_window_grows_back_and_no_further(most: int) -> None:
    window = Window(most)
    for n in range(12):
        window.too_many(begun=n, now=n + 0.5)
    rounds = 0
    while window.limit < most:
        for _ in range(window.limit):
            window.success()
        rounds += 1
    assert rounds <= 36
    window.success()
    assert window.limit == most


def body(**changes: Any) -> bytes:
    choice = {"index": 0, "message": {"role": "assistant", "content": "hello"}, "finish_reason": "stop"}
    choice |= {name: value for name, value in changes.items() if name in ("message", "finish_reason")}
    made = {"model": "m", "choices": [choice], "usage": {"prompt_tokens": 3, "completion_tokens": 2}}
    return json.dumps(made | {name: value for name, value in changes.items() if name not in choice}).encode()


def test_a_completion_taken_apart() -> None:
    found = completion(body(system_fingerprint="fp"), "application/json")
    assert (found.outcome, found.text, found.finish, found.served_model) == ("complete", "hello", "stop", "m")
    assert (found.fingerprint, found.prompt_tokens, found.completion_tokens) == ("fp", 3, 2)
    bare = completion(body(usage=None, model=None), "")
    assert (bare.served_model, bare.prompt_tokens, bare.completion_tokens) == (None, None, None)
    odd = completion(body(usage={"prompt_tokens": "3", "completion_tokens": True}, finish_reason=None), "")
    assert (odd.prompt_tokens, odd.completion_tokens, odd.finish, odd.outcome) == (None, None, None, "complete")


def test_half_a_character_becomes_the_mark_for_one() -> None:
    whole = body(message={"content": "PLACE \U0001f600"}).decode()
    assert completion(whole.replace("PLACE", r"cut \ud83d").encode(), "").text == "cut \ufffd \U0001f600"


@pytest.mark.parametrize(
    ("sent", "said"),
    [
        (b"", "0 bytes"),
        (b"<html>", "no JSON"),
        (b"[]", "choices"),
        (b"null", "choices"),
        (b'{"error": {"message": "x"}}', "choices"),
        (b'{"choices": []}', "choices"),
        (b'{"choices": [{"text": "an old completion"}]}', "choices"),
        (body(message={"content": [1]}), "no text"),
        (body(message={"content": {"a": 1}}), "no text"),
        (body()[:-5], "no JSON"),
        (b"[" * 100_000, "no JSON"),
        (b"\xff\xfe", "no JSON"),
        (body().replace(b"3", b"NaN"), "no JSON"),
    ],
)
def test_a_body_that_is_no_completion(sent: bytes, said: str) -> None:
    with pytest.raises(Foreign, match=said) as raised:
        completion(sent, "text/html; \x1b[31m charset=x")
    assert "\x1b" not in str(raised.value) and "charset" not in str(raised.value)


def test_a_servers_words_are_shown_harmless() -> None:
    assert printable("a\n\tb \x1b[31mred\u202e" + "x" * 100, 20) == "a b \ufffd[31mred\ufffdxxxxxx…"
    assert quoted('na"me\x1b') == r'"na\"me\ufffd"'
