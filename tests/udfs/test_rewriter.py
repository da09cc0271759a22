"""The built-in rewriter: what it writes, that it writes the same again, and that it ends when it should."""

from __future__ import annotations

import http.client
import json
import os
import re
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest
from recipe_udfs import rewriter
from recipe_udfs.endpoint.client import answers
from recipe_udfs.endpoint.request import Answer, EndpointSpec, Request
from recipe_udfs.rewriter.extract import reply, token_count

PASSAGE = """The Moon is the only natural satellite of the Earth. It orbits at an average distance of 384,399
kilometres. Its gravity causes the tides of the oceans, which rise and fall twice each day. The Moon always shows
the same face!
Home | News | Contact
In 1969 people walked on its surface for the first time. They brought back 22 kilograms of rock and soil. Later
missions found small amounts of frozen water near the south pole. Who will be the next to land there? Several
countries plan new missions before 2030, and some of them want to build a base. A base would need water, power and
shelter from radiation. The thin exosphere of the Moon gives no protection from small meteorites. Its days last about
29 Earth days, so that nights are long and cold. Dust from the surface is sharp and sticks to everything."""

PARAPHRASE = 'Write the passage anew.\nBegin your answer with a\nline that says only "Paraphrase:" and go on.'
CONDENSE = 'Condense the passage. Begin with a line that says only "Condensed:" and go on.'
TEACH = "From the page below, write textbook passages about what it teaches. No headings."
LIST = 'List what can be learned: one fact a line, each\nline beginning with "- ", no fact twice.'
ASK = 'Ask up to 3 questions. Write each pair as two lines, beginning with "- Question:" and "- Answer:".'


def written(instruction: str, passage: str = PASSAGE, limit: int | None = None, **params: Any) -> tuple[str, str]:
    asked = [{"role": "system", "content": "Be exact."}, {"role": "user", "content": f"{instruction}\n\n{passage}"}]
    return reply(asked, {"temperature": 0.5, "seed": 1, **params}, limit)


def said(text: str) -> list[str]:
    return re.findall(r"[\w,]+", text.lower())


def ratios(instruction: str) -> list[float]:
    found = [written(instruction, seed=seed)[0] for seed in range(50)]
    return [token_count(text.removeprefix("Paraphrase:")) / token_count(PASSAGE) for text in found]


@pytest.mark.parametrize(
    ("instruction", "low", "high"),
    [(PARAPHRASE, 0.55, 0.98), (TEACH, 0.55, 0.98), (CONDENSE, 0.28, 0.62), (LIST, 0.3, 0.9)],
)
def test_lengths(instruction: str, low: float, high: float) -> None:
    found = ratios(instruction)
    assert low <= min(found) and max(found) <= high
    assert len(set(found)) > 3


@pytest.mark.parametrize(("instruction", "lead"), [(PARAPHRASE, "Paraphrase:"), (CONDENSE, "Condensed:")])
def test_a_lead_in_is_a_line_of_its_own(instruction: str, lead: str) -> None:
    text, finish = written(instruction)
    assert text.split("\n")[0] == lead and text.count(lead) == 1 and finish == "stop"
    assert lead not in written(TEACH)[0]


def test_sentences_are_the_passages_and_none_stands_twice() -> None:
    plain = " ".join(PASSAGE.split())
    for seed in range(20):
        text = written(TEACH, seed=seed)[0]
        sentences = re.split(r"(?<=[.!?])\s+|\n", text)
        assert [sentence for sentence in sentences if sentence not in plain] == []
        assert len(set(sentences)) == len(sentences) > 4
        assert text != PASSAGE and set(said(text)) <= set(said(PASSAGE))


def test_no_long_run_of_the_passage_is_left() -> None:
    """Else what was rewritten would be a near-duplicate of its source."""

    def shingles(text: str) -> set[tuple[str, ...]]:
        words = said(text)
        return {tuple(words[i : i + 5]) for i in range(len(words) - 4)}

    source = shingles(PASSAGE)
    for seed in range(30):
        made = shingles(written(PARAPHRASE, seed=seed)[0].partition("\n")[2])
        assert len(made & source) / len(made | source) < 0.8


def test_a_list() -> None:
    lines = written(LIST)[0].split("\n")
    assert len(lines) > 2 and all(line.startswith("- ") and len(line) > 6 for line in lines)
    assert len(set(lines)) == len(lines)


def test_pairs() -> None:
    for seed in range(20):
        blocks = written(ASK, seed=seed)[0].split("\n\n")
        assert 1 <= len(blocks) <= 3
        for block in blocks:
            question, answer = block.split("\n")
            assert question.startswith("- Question: ") and answer.startswith("- Answer: ")
            assert len(question) > 20 and len(answer) > 15


def test_the_same_again_and_another_seed_something_else() -> None:
    assert written(PARAPHRASE) == written(PARAPHRASE)
    assert len({written(PARAPHRASE, seed=seed)[0] for seed in range(20)}) > 10
    assert written(PARAPHRASE, seed=1) != written(PARAPHRASE, seed=1, temperature=0.9)
    assert len({written(PARAPHRASE, seed=seed, temperature=0)[0] for seed in range(20)}) == 1


def test_max_tokens_and_stop() -> None:
    whole, finish = written(TEACH)
    assert finish == "stop" and token_count(whole) > 40
    assert written(TEACH, limit=token_count(whole)) == (whole, "stop")
    cut, finish = written(TEACH, limit=40)
    assert finish == "length" and whole.startswith(cut) and 36 <= token_count(cut) <= 40
    mark = whole.split()[5]
    stopped, finish = written(TEACH, stop=["~~", mark])
    assert finish == "stop" and whole.startswith(stopped) and mark not in stopped and len(stopped) > 5


@pytest.mark.parametrize(
    "passage",
    [
        "",
        " \n\n ",
        "word",
        "One sentence only, which has a clause, and another one; and a third to end it.",
        "…!?",
        "| | |\n|-|-|",
        "今日は天気がいい。明日は雨が降る。来週は雪だ。",
        "line one\nline two\nline three\nline four\nline five",
        "a\0b",
        'Write each line beginning with "* ", says the text. It is no instruction. Not here. Nor here, of course.',
    ],
)
@pytest.mark.parametrize("instruction", [PARAPHRASE, CONDENSE, TEACH, LIST, ASK])
def test_any_passage_gets_an_answer(instruction: str, passage: str) -> None:
    text, finish = written(instruction, passage)
    assert finish == "stop" and len(text) <= 3 * len(passage) + 200
    if passage.count(".") > 2:
        assert "* It" not in text
    if re.search(r"\w", passage):
        assert re.search(r"\w", text.partition(":\n")[2] or text)


# ---- served -----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def running() -> Iterator[rewriter.Rewriter]:
    with rewriter.start() as one:
        yield one


def post(url: str, body: bytes, path: str = "/chat/completions", **headers: str) -> tuple[int, dict[str, Any]]:
    host = url.removeprefix("http://").removesuffix("/v1")
    connection = http.client.HTTPConnection(host, timeout=60)
    connection.request("POST" if body else "GET", "/v1" + path, body or None, headers)
    response = connection.getresponse()
    found = json.loads(response.read())
    connection.close()
    return response.status, found


def test_a_client_is_served_and_counted(running: rewriter.Rewriter) -> None:
    before = running.completions()
    asked = [Request(str(n), [{"role": "user", "content": f"{TEACH}\n\n{PASSAGE}"}], {"seed": n}) for n in range(40)]
    spec = EndpointSpec(running.url, rewriter.MODEL)
    found = [one for one in answers(spec, iter(asked), window=8) if one is not None]
    assert len(found) == 40 and all(isinstance(one, Answer) and one.outcome == "complete" for one in found)
    assert {one.served_model for one in found} == {"builtin-extractive"}
    one = found[0]
    assert one.completion_tokens == token_count(one.text) and one.prompt_tokens > token_count(PASSAGE)
    assert running.completions() == before + 40
    texts = {n: reply(asked[n].messages, {"seed": n}, None)[0] for n in range(40)}
    assert {one.key: one.text for one in found} == {str(n): text for n, text in texts.items()}


def test_it_says_what_it_is(running: rewriter.Rewriter) -> None:
    status, found = post(running.url, b"", "/models")
    assert status == 200 and [one["id"] for one in found["data"]] == ["builtin-extractive"]
    assert post(running.url, b"", "/elsewhere")[0] == 404


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"model": "gpt-4"}, 404),
        ({"messages": []}, 400),
        ({"messages": [{"role": "user"}]}, 400),
        ({"messages": "hello"}, 400),
        ({"stream": True}, 400),
        ({"n": 2}, 400),
        ({"max_tokens": 0}, 400),
        ({"temperature": "hot"}, 400),
    ],
    ids=str,
)
def test_what_it_does_not_serve_it_refuses(running: rewriter.Rewriter, change: dict[str, Any], status: int) -> None:
    before = running.stats()
    good = {"model": rewriter.MODEL, "messages": [{"role": "user", "content": "x"}]}
    assert post(running.url, json.dumps({**good, **change}).encode())[0] == status
    after = running.stats()
    assert (after["completions"], after["attempts"]) == (before["completions"], before["attempts"] + 1)
    assert post(running.url, json.dumps(good).encode())[0] == 200


def test_bodies_that_are_none(running: rewriter.Rewriter) -> None:
    assert post(running.url, b"{")[0] == 400
    assert post(running.url, b"[]")[0] == 400
    assert post(running.url, b"0\r\n\r\n", **{"Transfer-Encoding": "chunked"})[0] == 411
    assert post(running.url, b"x", **{"Content-Length": str(1 << 40)})[0] == 413


def ended(process: subprocess.Popen[bytes]) -> int:
    try:
        return process.wait(60)
    finally:
        process.kill()


def test_it_ends_with_stdin_or_a_signal() -> None:
    for end in (lambda p: p.stdin.close(), lambda p: p.send_signal(signal.SIGTERM)):
        command = [sys.executable, "-m", "recipe_udfs.rewriter", "--port", "0"]
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        url = json.loads(process.stdout.readline())["url"]
        assert re.fullmatch(r"http://127\.0\.0\.1:\d+/v1", url)
        assert json.load(urllib.request.urlopen(f"{url}/stats", timeout=60)) == {"completions": 0, "attempts": 0}
        end(process)
        assert ended(process) == 0
        process.stdout.close()


def test_it_does_not_outlive_who_started_it() -> None:
    program = (
        "import os, signal\nfrom recipe_udfs import rewriter\none = rewriter.start()\n"
        "print(one._process.pid, flush=True)\nos.kill(os.getpid(), signal.SIGKILL)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == -signal.SIGKILL
    pid, until = int(done.stdout), time.monotonic() + 60
    while time.monotonic() < until and alive(pid):
        time.sleep(0.05)
    assert not alive(pid)


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
        with open(f"/proc/{pid}/stat") as stat:
            return stat.read().rpartition(")")[2].split()[0] != "Z"
    except (ProcessLookupError, FileNotFoundError):
        return False


def test_stopped_is_stopped() -> None:
    one = rewriter.start()
    one.stop()
    one.stop()
    with pytest.raises(rewriter.RewriterFailed, match="does not answer"):
        one.completions()


def test_a_port_that_is_taken(running: rewriter.Rewriter) -> None:
    port = int(running.url.rpartition(":")[2].removesuffix("/v1"))
    with pytest.raises(rewriter.RewriterFailed, match="did not start"):
        rewriter.start(port=port)
