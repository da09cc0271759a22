"""What is sent for a request, by the API and by what the server understands, and what is read of either's answers."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
from asking_a_stub import ask
from recipe_udfs.endpoint.outcomes import Foreign, completion
from recipe_udfs.endpoint.request import Answer, EndpointSpec, Request, request_key
from recipe_udfs.endpoint.sending import body
from stub.replies import logprobs
from stub_server import Fault, Reply, Stub

SCHEMA = {"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"]}


def one(text: str, role: str = "user", **params: Any) -> list[Request]:
    return [Request("k", [{"role": role, "content": text}], params)]


# ---- completions ------------------------------------------------------------------------------------


def test_the_completions_api_is_sent_a_prompt() -> None:
    with Stub() as stub:
        (found,) = ask(stub.url, one("Once upon", role="prompt", max_tokens=9, stop=["\n"]), api="completions")
        (entry,) = stub.ledger
    assert entry.body == {"model": "m", "prompt": "Once upon", "max_tokens": 9, "stop": ["\n"]}
    assert entry.path == "/v1/completions"
    assert (found.outcome, found.text, found.finish) == ("complete", "answer to: Once upon", "stop")
    assert (found.prompt_tokens, found.completion_tokens, found.served_model) == (7, 5, "m")


@pytest.mark.parametrize(("finish", "outcome"), [("length", "cut"), ("content_filter", "filtered"), (None, "complete")])
def test_outcomes_of_completions(finish: str | None, outcome: str) -> None:
    with Stub(answer=lambda request, n: Reply("half", finish)) as stub:
        (found,) = ask(stub.url, one("x", role="prompt"), api="completions")
    assert (found.outcome, found.text) == (outcome, "half")


def test_the_answer_of_the_other_api_is_foreign() -> None:
    chat = {"choices": [{"message": {"content": "hello"}}]}
    text = {"choices": [{"text": "hello"}]}
    with pytest.raises(Foreign, match="text"):
        completion(json.dumps(chat).encode(), "", "completions")
    with pytest.raises(Foreign, match="message"):
        completion(json.dumps(text).encode(), "", "chat")
    assert completion(json.dumps(text).encode(), "", "completions").text == "hello"


def test_completions_have_one_text() -> None:
    with pytest.raises(ValueError, match="unpack"):
        body(EndpointSpec("http://h/v1", "m", api="completions"), Request("k", [{"role": "a", "content": "b"}] * 2))


# ---- log-probabilities ------------------------------------------------------------------------------


@pytest.mark.parametrize("api", ["chat", "completions"])
def test_the_mean_log_probability_of_an_answer(api: str) -> None:
    with Stub(answer=lambda request, n: "some words of an answer") as stub:
        role = "user" if api == "chat" else "prompt"
        (found,) = ask(stub.url, one("x", role=role, logprobs=True), api=api)
        (without,) = ask(stub.url, one("x", role=role), api=api)
        sent = stub.ledger[0].body["logprobs"]
    known = [token["logprob"] for token in logprobs(Reply("some words of an answer"))]
    assert found.logprob == pytest.approx(sum(known) / 5) and without.logprob is None
    assert sent is True if api == "chat" else sent == 1 and sent is not True


@pytest.mark.parametrize(
    ("given", "mean"),
    [
        (None, None),
        ({}, None),
        ({"content": None}, None),
        ({"content": []}, None),
        ({"content": [{"token": "a", "logprob": -1.0}, {"token": "b", "logprob": -2}, {"token": "c"}, None]}, -1.5),
        ({"token_logprobs": [None, -0.5, -1.5]}, -1.0),
        ({"token_logprobs": "no list"}, None),
        ([1, 2], None),
    ],
)
def test_log_probabilities_as_servers_give_them(given: Any, mean: float | None) -> None:
    choice = {"message": {"content": "x"}, "logprobs": given}
    assert completion(json.dumps({"choices": [choice]}).encode(), "").logprob == mean


# ---- the form of an answer --------------------------------------------------------------------------


FORMS = {
    "json": ["json", SCHEMA],
    "choice": ["choice", "yes", "no"],
    "regex": ["regex", "[a-z]+"],
    "number": ["number", 1, 5],
}
SENT: dict[tuple[str | None, str], dict[str, Any]] = {
    ("json_schema", "json"): {
        "response_format": {"type": "json_schema", "json_schema": {"name": "reply", "schema": SCHEMA, "strict": True}}
    },
    ("vllm", "json"): {"structured_outputs": {"json": SCHEMA}},
    ("vllm", "choice"): {"structured_outputs": {"choice": ["yes", "no"]}},
    ("vllm", "regex"): {"structured_outputs": {"regex": "[a-z]+"}},
}


@pytest.mark.parametrize("server", [None, "json_schema", "vllm"])
@pytest.mark.parametrize("form", FORMS)
def test_the_form_of_an_answer_is_asked_for_as_the_server_understands_it(server: str | None, form: str) -> None:
    with Stub(answer=lambda request, n: "x") as stub:
        (found,) = ask(stub.url, one("x", reply=FORMS[form], seed=1), structured_output=server)
        (entry,) = stub.ledger
    assert isinstance(found, Answer)
    plain = {"model": "m", "messages": [{"role": "user", "content": "x"}], "seed": 1}
    assert entry.body == plain | SENT.get((server, form), {})


def test_the_form_is_part_of_the_key_and_how_it_is_asked_for_is_not() -> None:
    def key(**params: Any) -> str:
        return request_key(
            model="m", revision=None, deployment=None, messages=[], params=params, sample=0, round=0
        )

    assert key(reply=None) == key() != key(reply=FORMS["json"]) != key(reply=FORMS["choice"])


def test_parameters_that_not_every_server_has_are_sent_as_they_are() -> None:
    with Stub() as stub:
        ask(stub.url, one("x", top_k=40, min_p=0.05, frequency_penalty=None))
        assert stub.ledger[0].body.items() >= {"top_k": 40, "min_p": 0.05}.items()
        assert "frequency_penalty" not in stub.ledger[0].body


def test_a_prompt_in_any_script_arrives_as_it_is() -> None:
    text = "Grüße \u2028 \u202e 漢字 \U0001f600 \x00 \x7f </s> ${x} {{y}}"
    with Stub() as stub:
        ask(stub.url, one(text))
        assert stub.ledger[0].body["messages"][0]["content"] == text


def test_a_deadline_in_the_far_future_is_fine() -> None:
    with Stub(faults={1: Fault(status=500)}) as stub:
        (found,) = ask(stub.url, one("x"), timeout=10.0**6)
        assert found.attempts == 2 and math.isfinite(found.seconds)
