"""What becomes of answers that fail, of several samples and of templates, on a small recipe and a stub server."""

from __future__ import annotations

from collections import Counter

import pytest
from asking_jobs import (
    ASK,
    HEAD,
    by_page,
    generations,
    line,
    output,
    rejects,
    relation,
    segment,
    steps,
    told,
    write_texts,
    writer,
)
from recipe_runtime.lineage.balance import balance
from recipe_udfs.identity import hash128, text_hash
from running import Ran, run_here
from stub_server import Stub

WAYS = (
    HEAD
    + "transform again from base {" + ASK + "  on fail retry(1), quarantine\n}\n"
    + "transform stood from base {" + ASK + "  on fail keep_source\n}\n"
    + "generate pairs from base {"
    + ASK.replace('    rejoin      = "\\n"\n', "    samples     = 3\n").replace("0.5\n", "1.0\n")
    + '  on fail keep_source\n  keep best(1, by = support, over = samples)\n  text = "${segment}\\n\\n${answer}"\n}\n'
    + "".join(f"write {name} to delta(lake)\n" for name in ("again", "stood", "pairs"))
)  # fmt: skip
WAY_TEXTS = {
    "good": line("Good") + "\n" + line("Better"),
    "later": line("Late", "LATER"),
    "half": line("Half") + "\n" + line("Bad", "FOREIGN"),
    "never": line("Never", "FOREIGN"),
}


@pytest.fixture(scope="module")
def ways(quiet, tmp_path_factory) -> tuple[Ran, Stub]:
    """A lake of WAYS."""
    folder = tmp_path_factory.mktemp("ways")
    with writer() as stub:
        path = write_texts(folder / "in.jsonl", WAY_TEXTS)
        return run_here(WAYS, folder / "lake", input=path, server=stub.url), stub


def test_retry_asks_those_that_failed_again_under_keys_of_another_round(ways):
    """What still fails is set apart: `retry(1), quarantine`."""
    ran, stub = ways
    failed = {line("Late", "LATER"), line("Bad", "FOREIGN"), line("Never", "FOREIGN")}
    at_half = [entry.body for entry in stub.ledger if entry.body["temperature"] == 0.5]
    assert Counter((segment(body), body["seed"]) for body in at_half) == Counter(
        [(piece, 1) for text in WAY_TEXTS.values() for piece in text.split("\n")] + [(piece, 2) for piece in failed]
    ), "two transforms ask the same: it is called once"
    rounds = Counter(row["round"] for row in generations(ran.lake, "params like '%0.5%'"))
    assert rounds == {0: 6, 1: 3}
    assert [steps(ran)[f"{n}.answers", "ask"]["calls"] for n in ("again", "stood")] == [9, 0]
    texts = {name: [row["text"] for row in rows] for name, rows in by_page(output(ran, "again")).items()}
    assert texts == {
        "good": [f"{told(line('Good'))}\n{told(line('Better'))}"],
        "later": [told(line("Late", "LATER"))],
        "half": [told(line("Half"))],
    }
    found = rejects(ran, "again.answers", "ask")
    assert set(found) == {"half", "never"} and all(rows[0]["outcome"] == "quarantined" for rows in found.values())
    (never,) = found["never"]
    assert generations(ran.lake, f"key = '{never['generation']}'")[0]["round"] == 1


def test_keep_source_lets_the_source_stand_in_and_says_so(ways):
    ran, _ = ways
    found = {name: rows[0] for name, rows in by_page(output(ran, "stood")).items()}
    assert set(found) == set(WAY_TEXTS) and not rejects(ran, "stood.answers", "ask")
    half, never = found["half"], found["never"]
    assert half["text"] == f"{told(line('Half'))}\n{line('Bad', 'FOREIGN')}" and half["origin"] == "mixed"
    assert 0 < half["generated_tokens"] < half["tokens"]
    assert never["text"] == WAY_TEXTS["never"] and never["origin"] == "mixed" and never["generated_tokens"] == 0
    assert found["good"]["origin"] == "synthetic"
    by_key = {row["key"]: row for row in generations(ran.lake)}
    assert [zyx(by_key[key]) for key in half["generations"]] == [False, True], "the failed answer's key is there"
    assert half["doc_id"] == hash128("derived", *half["parent_ids"], *half["generations"], text_hash(half["text"]))


def zyx(generation) -> bool:
    """Is it an answer of words that no piece has?"""
    return "zyx" in generation["text"]


def test_the_best_of_several_samples_stays_beside_its_source(ways):
    ran, stub = ways
    at_one = [entry.body for entry in stub.ledger if entry.body["temperature"] == 1.0]
    assert Counter(body["seed"] for body in at_one) == {1: 6, 2: 6, 3: 6}
    found = by_page(output(ran, "pairs"))
    assert {name: len(rows) for name, rows in found.items()} == {"good": 2, "later": 1, "half": 2, "never": 1}
    (later,) = found["later"]
    piece = line("Late", "LATER")
    assert later["text"] == f"{piece}\n\n{told(piece)}" and later["origin"] == "mixed"
    assert 0 < later["generated_tokens"] < later["tokens"] and later["copied_tokens"] <= later["generated_tokens"]
    (key,) = later["generations"]
    assert generations(ran.lake, f"key = '{key}'")[0]["sample"] == 1, "sample 0 failed; of equals the first stays"
    assert {e["kind"] for e in ran.ledger("edges") if e["child"] == later["doc_id"]} == {"generate"}
    answers = relation(ran, "pairs.answers", "ask")
    assert Counter(row["outcome"] for row in answers) == {"kept": 6, "rejected": 12}
    beaten = [row for rows in rejects(ran, "pairs.answers", "ask").values() for row in rows]
    assert len(beaten) == 12 and sum(row["rule"].startswith("best(1") for row in beaten) == 7
    assert sum(row["from_source"] for row in answers) == 2, "the source stands in once for a piece, not three times"


def test_every_step_of_the_ways_balances(ways):
    found = balance(str(ways[0].lake))
    assert found.holds, found.text()
