"""Keys of requests, and where an endpoint's secret may be."""

from __future__ import annotations

import hashlib
import json
import pickle
from typing import Any

import pytest
from recipe_udfs.endpoint.errors import EndpointRefused
from recipe_udfs.endpoint.request import EndpointSpec, request_key

ASKED: dict[str, Any] = {
    "model": "m",
    "revision": "r1",
    "deployment": None,
    "messages": [{"role": "user", "content": "Grüße"}],
    "params": {"temperature": 0.5, "max_tokens": 10, "seed": 1},
    "sample": 0,
    "round": 0,
}


def test_a_key_is_sha256_of_canonical_json() -> None:
    text = (
        r'["request","m","r1",null,[{"content":"Gr\u00fc\u00dfe","role":"user"}],'
        r'{"max_tokens":10,"seed":1,"temperature":0.5},0,0]'
    )
    assert json.loads(text)[0] == "request"
    assert request_key(**ASKED) == hashlib.sha256(text.encode()).hexdigest()[:32]


@pytest.mark.parametrize(
    "change",
    [
        {"model": "n"},
        {"revision": None},
        {"deployment": "fp8"},
        {"messages": [{"role": "user", "content": "Grüße "}]},
        {"messages": [{"role": "system", "content": "Grüße"}]},
        {"params": {**ASKED["params"], "temperature": 0.6}},
        {"params": {**ASKED["params"], "stop": ["x"]}},
        {"sample": 1},
        {"round": 1},
    ],
    ids=str,
)
def test_what_decides_an_answer_decides_its_key(change: dict[str, Any]) -> None:
    assert request_key(**{**ASKED, **change}) != request_key(**ASKED)


def test_what_is_not_sent_is_not_in_the_key() -> None:
    same = {"seed": 1.0, "max_tokens": 10, "temperature": 0.5, "top_p": None}
    assert request_key(**{**ASKED, "params": same}) == request_key(**ASKED)
    assert request_key(**{**ASKED, "params": {"x": True}}) != request_key(**{**ASKED, "params": {"x": 1}})


def test_a_number_that_json_cannot_say() -> None:
    with pytest.raises(ValueError, match="JSON"):
        request_key(**{**ASKED, "params": {"temperature": float("nan")}})


def test_the_secret_comes_from_the_environment_of_the_moment(monkeypatch: pytest.MonkeyPatch) -> None:
    spec = EndpointSpec("https://user:word@host.example:8000/v1", "m", key_env="SOME_KEY", key_default="from-recipe")
    spec = pickle.loads(pickle.dumps(spec))
    assert spec.secret() == "from-recipe"
    monkeypatch.setenv("SOME_KEY", " from-environment\n")
    assert spec.secret() == "from-environment"
    monkeypatch.setenv("SOME_KEY", "")
    assert spec.secret() == "none"
    assert "from-recipe" not in repr(spec)
    assert spec.host == "host.example:8000"
    assert EndpointSpec("http://h/v1", "m").secret() == "none"


@pytest.mark.parametrize("key", ["two\nlines", "schlüssel", "tab\tkey"])
def test_a_key_that_no_header_can_carry(key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOME_KEY", key)
    with pytest.raises(EndpointRefused, match="SOME_KEY") as raised:
        EndpointSpec("http://h/v1", "m", key_env="SOME_KEY").secret()
    assert key not in str(raised.value)


def test_an_error_travels_whole() -> None:
    error = pickle.loads(pickle.dumps(EndpointRefused("what", "do")))
    assert (error.message, error.remedy, str(error)) == ("what", "do", "what\n  help: do")
