"""The stub server: what it says, what it does on purpose, and that its ledger is the truth."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import statistics
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from http.client import HTTPConnection, RemoteDisconnected
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from stub.clients import ancestor, kill_client, pid_of
from stub_server import Fault, LongTail, Prefixes, Reply, Stub, StubProcess, read


def post(url: str, content: str = "hello", api: str = "chat", **params: Any) -> dict[str, Any]:
    """One request by a client that is not ours."""
    asked = {"messages": [{"role": "user", "content": content}]} if api == "chat" else {"prompt": content}
    path = "chat/completions" if api == "chat" else "completions"
    body = json.dumps({"model": "m", **asked, **params}).encode()
    request = urllib.request.Request(f"{url}/{path}", body, {"Authorization": "Bearer a key"})
    with urllib.request.urlopen(request, timeout=20) as response:
        return json.load(response)


def until(condition: Callable[[], Any]) -> None:
    """Waits for it, half a minute at most."""
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_completions_are_text_and_name_no_message() -> None:
    with Stub() as stub:
        found = post(stub.url, "say it", api="text", logprobs=1)
    assert found["object"] == "text_completion" and found["choices"][0]["text"] == "answer to: say it"
    logprobs = found["choices"][0]["logprobs"]
    assert logprobs["tokens"] == ["answer", "to:", "say", "it"] and all(-1 < p <= 0 for p in logprobs["token_logprobs"])
    assert stub.ledger[0].path == "/v1/completions"


def test_logprobs_only_where_asked() -> None:
    with Stub() as stub:
        assert post(stub.url)["choices"][0]["logprobs"] is None
        content = post(stub.url, logprobs=True)["choices"][0]["logprobs"]["content"]
    assert [one["token"] for one in content] == ["answer", "to:", "hello"]


def test_answers_have_the_form_that_is_asked_for() -> None:
    schema = {
        "type": "object",
        "properties": {
            "kind": {"enum": ["a", "b"]},
            "score": {"type": "integer", "minimum": 3, "maximum": 9},
            "tags": {"type": "array", "items": {"$ref": "#/$defs/tag"}, "minItems": 2},
            "code": {"type": "string", "pattern": "[A-Z]{2}[0-9]{3}"},
        },
        "$defs": {"tag": {"type": "string", "minLength": 8}},
    }
    forms = {
        "response_format": {"type": "json_schema", "json_schema": {"name": "reply", "schema": schema, "strict": True}},
        "structured_outputs": {"json": schema},
    }
    with Stub() as stub:
        for name, form in forms.items():
            found = json.loads(post(stub.url, **{name: form})["choices"][0]["message"]["content"])
            assert found["kind"] == "a" and found["score"] == 3 and re.fullmatch("[A-Z]{2}[0-9]{3}", found["code"])
            assert len(found["tags"]) == 2 and all(len(tag) >= 8 for tag in found["tags"])
        choice = {"structured_outputs": {"choice": ["yes", "no"]}}
        said = {post(stub.url, **choice)["choices"][0]["message"]["content"] for _ in range(2)}
        assert said == {"yes", "no"}
        regex = {"structured_outputs": {"regex": r"#[0-9a-f]{6}(;#[0-9a-f]{6})*"}}
        assert re.fullmatch("#[0-9a-f]{6}", post(stub.url, **regex)["choices"][0]["message"]["content"])
    assert stub.ledger[0].body["response_format"] == forms["response_format"]


def test_faults_by_number_range_and_words_for_so_many_times() -> None:
    faults = {
        2: Fault(status=503),
        range(4, 6): Fault(status=429),
        "poison": Fault(status=500, times=1),
        "renamed": Fault(model="m-2"),
    }
    with Stub(faults=faults) as stub:
        for content in ("a", "b", "poison", "d", "e", "poison", "poison"):
            if stub.ledger and len(stub.ledger) in (1, 2, 3, 4):
                with pytest.raises(urllib.error.HTTPError):
                    post(stub.url, content)
            else:
                post(stub.url, content)
        assert [entry.status for entry in stub.ledger] == [200, 503, 500, 429, 429, 200, 200]
        assert post(stub.url, "renamed")["model"] == "m-2" and post(stub.url)["model"] == "m"


def test_an_idle_connection_is_closed_without_a_word() -> None:
    with Stub(idle=0.2) as stub:
        assert post(stub.url)["model"] == "m", "urllib asks for the connection to be closed, and waits for that"
        connection = HTTPConnection(urlsplit(stub.url).netloc, timeout=20)
        body = json.dumps({"model": "m", "messages": [{"role": "user", "content": "x"}]})
        for _ in range(2):
            connection.request("POST", "/v1/chat/completions", body)
            connection.getresponse().read()
        assert stub.connections == 2
        assert connection.sock.recv(1) == b"", "the server has ended it"
        with pytest.raises((RemoteDisconnected, BrokenPipeError, ConnectionResetError)):
            connection.request("POST", "/v1/chat/completions", body)
            connection.getresponse()


def test_an_answer_of_ten_megabytes_arrives_whole() -> None:
    with Stub(answer=lambda body, n: Reply("x" * 10_000_000)) as stub:
        assert len(post(stub.url)["choices"][0]["message"]["content"]) == 10_000_000


def test_a_client_that_leaves_is_noted() -> None:
    with Stub(latency=30) as stub:
        host, port = urlsplit(stub.url).netloc.split(":")
        body = b'{"model": "m", "messages": [{"role": "user", "content": "x"}]}'
        with socket.create_connection((host, int(port))) as client:
            client.sendall(b"POST /v1/chat/completions HTTP/1.1\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))
            until(lambda: stub.ledger)
            assert pid_of(client.getsockname()) == os.getpid()
            assert ancestor(os.getpid(), Path("/proc/self/comm").read_text().strip()) == os.getpid()
        until(lambda: not stub.open)
        (entry,) = stub.ledger
        assert entry.done is not None and entry.status == 0 and not entry.completion


def test_the_client_can_be_killed_at_a_request() -> None:
    with Stub(faults={2: Fault(act=kill_client)}) as stub:
        child = os.fork()
        if not child:
            for n in range(5):
                post(stub.url, str(n))
            os._exit(0)
        assert os.WTERMSIG(os.waitpid(child, 0)[1]) == signal.SIGKILL
        assert [entry.completion for entry in stub.ledger[:1]] == [True] and len(stub.ledger) == 2


def test_a_long_tail_has_its_median_and_one_in_a_hundred_ten_times_as_slow() -> None:
    drawn = LongTail(2.0, seed=3)
    seconds = [drawn(n) for n in range(1, 40_001)]
    assert statistics.median(seconds) == pytest.approx(2.0, rel=0.05)
    assert statistics.quantiles(seconds, n=100)[98] == pytest.approx(20.0, rel=0.1)
    assert seconds[:9] == [LongTail(2.0, seed=3)(n) for n in range(1, 10)] and drawn(1) == seconds[0]


def text(*blocks: str) -> str:
    """A prompt of blocks of 16 words."""
    return " ".join(" ".join(f"{block}{n}" for n in range(16)) for block in blocks)


def test_a_prefix_is_shared_in_whole_blocks_from_the_start() -> None:
    counter = Prefixes()
    asked = (text("a", "b"), text("a", "b"), text("a", "c"), text("c", "b"), text("b", "a"), text("a")[:-1])
    shares = [shared / total for shared, total in map(counter.take, asked)]
    assert shares == [0, 1, 0.5, 0, 0, 0], "a block counts only behind the same blocks, and as a whole"
    assert counter.share == counter.shared / counter.asked == pytest.approx(1.5 / 5.5, rel=0.01)


def test_a_full_prefix_cache_forgets_what_was_used_longest_ago() -> None:
    counter = Prefixes(blocks=3)
    for prompt in (text("a", "b"), text("c"), text("a"), text("d")):
        counter.take(prompt)
    assert counter.take(text("a", "b"))[0] == len(text("a")) + 1, "b went before a, which was used again"


def test_a_process_writes_its_own_ledger(tmp_path: Path) -> None:
    record, script = tmp_path / "ledger.jsonl", tmp_path / "faults.json"
    script.write_text(json.dumps({"2": {"status": 503}, "please": {"reply": {"text": "no", "finish": "length"}}}))
    with StubProcess(record, "--faults", str(script), "--signed", "--prefix-blocks", "0") as stub:
        first = post(stub.url, text("a"))
        with pytest.raises(urllib.error.HTTPError):
            post(stub.url)
        assert post(stub.url, "please")["choices"][0]["finish_reason"] == "length"
    with StubProcess(record, "--answer", "words:3", "--latency", "0.2") as other:
        assert post(other.url, text("a"))["choices"][0]["message"]["content"] == "word0 word1 word2"
    entries = read(record)
    assert [(entry.number, entry.status, entry.completion) for entry in entries] == [
        (1, 200, True), (2, 503, False), (3, 200, True), (1, 200, True),
    ]  # fmt: skip
    assert first["system_fingerprint"] == entries[0].call != entries[3].call
    assert entries[0].body["messages"][0]["content"] == text("a") and entries[0].prefix == (0, len(text("a")) + 1)
    assert entries[3].done - entries[3].at >= 0.2
    assert "a key" not in record.read_text() and len({entry.headers["authorization"] for entry in entries}) == 1
