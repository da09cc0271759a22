"""Bad pages, bad answers and bad servers: each ends as a row, a reject with its reason, or a waiting unit."""

from __future__ import annotations

from collections import Counter

import pytest
from asking_jobs import HEAD, by_page, generations, output, rejects, segment, told, write_texts
from recipe_runtime.errors import Incomplete
from recipe_runtime.lineage.balance import balance
from running import Ran, run_here
from stub_server import Fault, Reply, Stub

RECIPE = (
    HEAD.replace("  timeout   = 20 s\n", "  timeout   = 3 s\n  context   = 300 tokens\n")
    + """
generate told from base {
  ask writer using anew {
    max_tokens = 100
    seed       = 1
  }
  score support = lexical_support(answer, segment)
  verify {
    finish == stop
    support >= 0.50
  }
  on fail discard
}
write told to delta(lake)
"""
)
LARGE = 10_000_000
WORDS = "they walked along the old river path until the evening bells began to ring again"
PAGES = {
    "plain": f"Plain {WORDS}",
    "too-long": f"Long {WORDS} " * 40,
    "silent": f"Silent {WORDS}",
    "parrot": f"Parrot {WORDS}",
    "template": "Template ${text} and {text} and ${answer} and \\${x} stand in this page as they are",
    "large": f"Large {WORDS}",
    "slow": f"Slow {WORDS}",
}


def said(request: dict, number: int) -> Reply:
    """The answer of each page's first word."""
    piece = segment(request)
    name = piece.split()[0]
    if name == "Parrot":
        return Reply("\n".join(message["content"] for message in request["messages"]))
    text = {"Silent": "", "Large": (told(piece) + " ") * (LARGE // len(piece))}.get(name, told(piece))
    return Reply(f"Answer: {text}" if text else text)


@pytest.fixture(scope="module")
def runs(quiet, tmp_path_factory) -> tuple[Ran, list[Stub], str]:
    """Two runs: before a server that closes idle connections at once and sends one answer byte by byte, and before
    one that is well; what ended the first."""
    folder = tmp_path_factory.mktemp("bad")
    texts = write_texts(folder / "in.jsonl", PAGES)
    with Stub(answer=said, idle=0.01, faults={"Slow": Fault(drip=1.0)}) as bad, pytest.raises(Incomplete) as caught:
        run_here(RECIPE, folder / "lake", input=texts, server=bad.url)
    with Stub(answer=said) as well:
        ran = run_here(RECIPE, folder / "lake", input=texts, server=well.url)
    return ran, [bad, well], str(caught.value)


def asked(stub: Stub) -> Counter[str]:
    """How often each page was asked about, by its first word."""
    return Counter(segment(entry.body).split()[0] for entry in stub.ledger)


def test_a_prompt_longer_than_the_context_is_rejected_before_it_is_sent(runs):
    ran, stubs, _ = runs
    (row,) = rejects(ran, "told.answers", "ask")["too-long"]
    assert row["rule"] == "context" and int(row["value"]) > 300 and row["generation"] is None
    assert not [stub for stub in stubs if asked(stub)["Long"]]


def test_an_empty_answer_and_one_that_repeats_the_prompt_are_rejects(runs):
    ran, _, _ = runs
    found = rejects(ran, "told.answers", "ask")
    why = {name: (rows[0]["rule"], rows[0]["value"]) for name, rows in found.items() if name != "too-long"}
    assert why == {"silent": ("answer", "empty"), "parrot": ('clean lead_in("Answer:")', "not there")}


def test_template_syntax_in_a_page_is_sent_as_it_stands(runs):
    _, (bad, _), _ = runs
    (entry,) = [entry for entry in bad.ledger if segment(entry.body).startswith("Template")]
    assert entry.body["messages"][-1]["content"] == f"Tell this again:\n\n{PAGES['template']}"


def test_an_answer_of_ten_megabytes_is_a_row_like_any_other(runs):
    ran, _, _ = runs
    (row,) = by_page(output(ran, "told"))["large"]
    assert len(row["text"]) > LARGE - 1000 and row["text"].startswith(told(PAGES["large"]))


def test_a_server_that_closes_idle_connections_costs_no_call(runs):
    _, (bad, _), _ = runs
    assert asked(bad) == {"Plain": 1, "Silent": 1, "Parrot": 1, "Template": 1, "Large": 1, "Slow": asked(bad)["Slow"]}


def test_a_byte_a_second_is_no_answer_and_the_unit_waits(runs):
    ran, (bad, well), ended = runs
    assert "wait for answers" in ended and 1 <= asked(bad)["Slow"] <= 5
    assert asked(well) == {"Slow": 1}
    assert set(by_page(output(ran, "told"))) == {"plain", "template", "large", "slow"}
    assert len(generations(ran.lake)) == len(PAGES) - 1
    assert balance(str(ran.lake)).holds
