"""Model calls, judged answers and documents made of them, on a small recipe and a stub server's own ledger."""

from __future__ import annotations

import asyncio
import re
import secrets
import shutil
import time
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
from asking_jobs import (
    CLEAN_STEP,
    CLOSED,
    FAILING,
    GOOD,
    RECIPE,
    TEXTS,
    by_page,
    generations,
    holds,
    output,
    pieces,
    rejects,
    relation,
    segment,
    steps,
    told,
    write_texts,
    writer,
)
from recipe_runtime import coordinator
from recipe_runtime.errors import INCOMPLETE, Incomplete, StepError
from recipe_runtime.lineage.balance import balance
from recipe_udfs.identity import hash128, text_hash
from running import Ran, run_here, versions
from stub_server import Fault, Stub


@pytest.fixture(scope="module")
def texts(tmp_path_factory) -> str:
    """The input."""
    return write_texts(tmp_path_factory.mktemp("texts") / "in.jsonl")


@pytest.fixture(scope="module")
def made(quiet, texts, tmp_path_factory) -> tuple[Ran, Stub]:
    """A lake that RECIPE made, and the stub it asked, which is closed by now."""
    with writer() as stub:
        ran = run_here(RECIPE, tmp_path_factory.mktemp("asking") / "lake", input=texts, server=stub.url)
    return ran, stub


@pytest.fixture
def lake(made, tmp_path) -> Path:
    """A copy of that lake."""
    return Path(shutil.copytree(made[0].lake, tmp_path / "lake"))


def other(temperature: str, recipe: str = RECIPE) -> str:
    """The recipe at another temperature, its output under another name."""
    return recipe.replace("temperature = 0.5", f"temperature = {temperature}").replace("told", "late")


# ---- calls and what they are kept as ------------------------------------------------------------


def test_each_piece_is_called_once_and_each_unit_has_one_answer(made):
    ran, stub = made
    asked = [piece for name, text in TEXTS.items() if name not in ("long", "short") for piece in text.split("\n")]
    assert pieces(stub) == Counter(set(asked)), "equal pieces are one call"
    assert stub.completions == len(stub.ledger) == len(set(asked))
    kept = generations(ran.lake)
    units = relation(ran, "told.units", "units", "select * from r where unit is not null")
    assert len(units) == len(asked) == len({unit["unit"] for unit in units})
    assert sorted(row["key"] for row in kept) == sorted({unit["key"] for unit in units})
    assert len(kept) == stub.completions == steps(ran)["told.answers", "ask"]["calls"]
    assert {row["served_model"] for row in kept} == {"stub-model"} and {row["round"] for row in kept} == {0}
    answers = relation(ran, "told.answers", "ask")
    assert sorted(row["unit"] for row in answers) == sorted(unit["unit"] for unit in units)


def test_what_is_sent_is_the_prompt_and_the_parameters(made):
    entry = made[1].ledger[0]
    assert entry.body == {
        "model": "stub-model",
        "messages": [
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": f"Tell this again:\n\n{segment(entry.body)}"},
        ],
        "max_tokens": 100, "temperature": 0.5, "seed": 1,
    }  # fmt: skip
    assert entry.headers["authorization"] == "Bearer none"


def test_documents_are_made_of_the_answers_in_the_order_of_their_pieces(made):
    ran, _ = made
    found = by_page(output(ran, "told"))
    assert set(found) == set(GOOD) and all(len(rows) == 1 for rows in found.values())
    for name in set(GOOD) - {"three", "copied"}:
        assert found[name][0]["text"] == "\n".join(told(piece) for piece in TEXTS[name].split("\n"))
    first, _, third = TEXTS["three"].split("\n")
    assert found["three"][0]["text"] == f"{told(first)}\n{told(third)}", "a piece whose answer failed is left out"


def test_a_derived_document_says_where_it_comes_from(made):
    ran, _ = made
    base = {row["url"]: row for row in relation(ran, "base", "select")}
    units = relation(ran, "told.units", "units")
    edges = {(e["parent"], e["child"], e["kind"]) for e in ran.ledger("edges")}
    rows = output(ran, "told")
    assert len({row["doc_id"] for row in rows}) == len(rows) == len(edges)
    for row in rows:
        parent = base[row["url"]]["doc_id"]
        assert row["parent_ids"] == row["root_ids"] == [parent] and (parent, row["doc_id"], "transform") in edges
        keys = [u["key"] for u in sorted(units, key=lambda u: (u["segment"] or 0)) if u["doc_id"] == parent]
        if row["url"].endswith("three"):
            del keys[1]
        assert row["generations"] == keys
        assert row["doc_id"] == hash128("derived", parent, *keys, text_hash(row["text"]))
        assert row["origin"] == "synthetic" and row["tier"] is None and row["epoch"] == 1
        assert list(row["license"]) == ["cc0-1.0"]
        assert row["tokens"] == row["generated_tokens"] > 0
        assert (row["copied_tokens"] > 20) == row["url"].endswith("copied")
        assert row["copied_tokens"] <= row["generated_tokens"]
        assert 0.5 <= dict(row["scores"])["support"] <= 1
    twins = {row["url"]: row["generations"] for row in rows if "twin" in row["url"]}
    assert twins["http://example.org/twin-a"] == twins["http://example.org/twin-b"][:1]


def test_an_answer_that_cannot_be_used_is_a_reject_with_its_reason(made):
    ran, _ = made
    found = rejects(ran, "told.answers", "ask")
    assert set(found) == FAILING | {"three"}
    assert all(len(rows) == 1 and rows[0]["outcome"] == "rejected" for rows in found.values())
    why = {name: (rows[0]["rule"], rows[0]["value"]) for name, rows in found.items()}
    assert why == {
        "empty": ("answer", "empty"),
        "blank": ("answer", "empty"),
        "three": ("answer", "empty"),
        "cut": ("finish == stop", "length"),
        "filtered": ("answer", "filtered"),
        "refused": ("answer", "refused"),
        "unled": (CLEAN_STEP, "not there"),
        "foreign": ("support >= 0.50", "0.0"),
    }
    assert source_line(found["unled"][0]["at"]) == "prompt anew(text) {"
    assert source_line(found["foreign"][0]["at"]).strip() == "support >= 0.50"
    outcomes = Counter(row["outcome"] for row in generations(ran.lake))
    assert outcomes == Counter(complete=outcomes["complete"], cut=1, filtered=1, refused=1)
    kept = {row["key"] for row in generations(ran.lake)}
    assert all(rows[0]["generation"] in kept for rows in found.values()), "a rejected answer stays, and is named"
    unanswered = [line.split("walked")[0] for name in FAILING for line in TEXTS[name].split("\n")]
    assert not [t for row in output(ran, "told") for t in unanswered if t in row["text"]], "no input passes through"


def source_line(at: str) -> str:
    """The recipe's line that an `at` names."""
    name, _, number = at.partition(":")
    assert name == "x.recipe"
    return RECIPE.splitlines()[int(number) - 1]


def test_a_text_of_which_no_line_fits_is_rejected_with_the_units(made):
    ran, _ = made
    found = rejects(ran, "told.units", "units")
    assert set(found) == {"long"}
    assert found["long"][0]["rule"] == "segment lines" and found["long"][0]["value"] == "no piece"
    row = steps(ran)["told.units", "units"]
    assert (row["rows_in"], row["rows_kept"], row["rows_rejected"]) == (len(TEXTS) - 1, len(TEXTS) - 2, 1)


def test_every_step_balances(made):
    ran, _ = made
    found = balance(str(ran.lake))
    assert found.holds, found.text()
    ask = steps(ran)["told.answers", "ask"]
    fell = sum(len(rows) for rows in rejects(ran, "told.answers", "ask").values())
    assert ask["rows_in"] == ask["rows_kept"] + fell and fell == ask["rows_rejected"] == len(FAILING) + 1


# ---- again --------------------------------------------------------------------------------------


def test_again_asks_nothing_and_makes_no_version(lake, run_recipe, texts):
    before = versions(lake)
    run_recipe(RECIPE, lake, input=texts, server=CLOSED)
    assert versions(lake) == before


def test_what_changes_no_answer_asks_nothing(lake, run_recipe, texts):
    """Other rules, another address, name, key and window of the endpoint: nobody listens there.

    An answer cut by length becomes a row where a rule names `length`, not where none is about `finish`.
    """
    edited = RECIPE.replace("support >= 0.50", "support >= 0.95").replace("    finish == stop\n", "")
    edited = edited.replace("writer", "scribe").replace('env("ASKING_KEY", default = "none")', 'env("OTHER_KEY")')
    before = generations(lake)
    ran = run_recipe(edited.replace("in_flight = 8", "in_flight = 3"), lake, input=texts, server=CLOSED)
    assert generations(lake) == before
    newest = steps(ran)
    assert newest["told.answers", "ask"]["calls"] == 0
    assert newest["told.units", "units"]["run_id"] == steps(ran, newest=False)["told.answers", "ask"]["run_id"]
    assert set(by_page(output(ran, "told"))) == set(GOOD)
    assert rejects(ran, "told.answers", "ask")["cut"][0]["rule"] == "finish == stop"

    admitting = RECIPE.replace("finish == stop", "finish in [stop, length]")
    ran = run_recipe(admitting, lake, input=texts, server=CLOSED)
    assert set(by_page(output(ran, "told"))) == {*GOOD, "cut"} and generations(lake) == before


# ---- endpoints in trouble -----------------------------------------------------------------------


def test_a_dead_endpoint_leaves_work_waiting_and_the_next_runs_finish_it(lake, run_recipe, texts, capfd):
    """Nobody listens; then a server that fails for some; then one that answers. What was answered stays."""
    recipe = other("0.7").replace("timeout   = 20 s", "timeout   = 2 s") + "write base to delta(lake)\n"
    before = generations(lake)
    with pytest.raises(Incomplete, match=r"late\.answers.* wait") as caught:
        run_recipe(recipe, lake, input=texts, server=CLOSED)
    assert caught.value.exit_code == INCOMPLETE == 3
    capfd.readouterr()
    assert not (lake / "late").exists() and (lake / "base" / "_delta_log").exists()
    assert generations(lake) == before
    ran = Ran(lake, "")
    assert not {kind for name, kind in steps(ran) if name.startswith("late") and kind != "units"}
    ended = max((row for row in ran.ledger("runs") if row["state"] == "ended"), key=lambda row: row["run_id"])
    assert ended["status"] == "incomplete"

    def trouble(request, _):
        words = segment(request).split()
        if words[0].startswith("Anna"):
            return Fault(status=503, retry_after=0)
        return Fault(html=True) if "LENGTH" in words else None

    recipe = recipe.replace("timeout   = 2 s", "timeout   = 20 s")
    with writer(trouble) as stub, pytest.raises(Incomplete):
        run_recipe(recipe, lake, input=texts, server=stub.url)
    said = capfd.readouterr().err
    assert "4 units wait for an answer (foreign_body 1, server_error 3)" in said, said
    first = pieces(stub)
    assert sum(first.values()) == len(first) == len(before) - 4
    assert len(generations(lake)) == 2 * len(before) - 4 and not (lake / "late").exists()

    with writer() as stub:
        ran = run_recipe(recipe, lake, input=texts, server=stub.url)
    rest = {TEXTS[name] for name in ("plain-0", "plain-1", "plain-2", "cut")}
    assert pieces(stub) == Counter(rest) and not rest & set(first)
    assert len(generations(lake)) == 2 * len(before) == len({row["key"] for row in generations(lake)})
    assert {n: [r["text"] for r in rows] for n, rows in by_page(output(ran, "late")).items()} == {
        n: [r["text"] for r in rows] for n, rows in by_page(output(ran, "told")).items()
    }
    assert balance(str(lake)).holds


def test_a_wrong_key_ends_the_job_and_is_written_nowhere(lake, run_recipe, texts, spark, monkeypatch, capfd):
    """Faults 22: the workers have the key from their environment, and nobody else has it."""
    canary = f"canary-{secrets.token_hex(8)}"
    monkeypatch.setitem(spark.sparkContext.environment, "ASKING_KEY", canary)
    refusing = writer(lambda request, n: Fault(status=401, message=f"not {canary}"))
    with refusing as stub, pytest.raises(StepError) as caught:
        run_recipe(other("0.8"), lake, input=texts, server=stub.url)
    assert not isinstance(caught.value, Incomplete) and caught.value.exit_code == 4
    assert "ASKING_KEY" in str(caught.value) and "401" in str(caught.value)
    assert {entry.headers["authorization"] for entry in stub.ledger} == {f"Bearer {canary}"}
    printed = capfd.readouterr()
    assert canary not in f"{caught.getrepr(style='long')}{printed.out}{printed.err}"
    assert holds(lake, canary) == [] and holds(lake, "stub-model") != []
    assert not (lake / "late").exists()


def test_a_call_has_the_time_that_its_step_gives_it(lake, run_recipe, texts, capfd):
    """A second, where the endpoint gives 20: what hangs is left waiting, and the others are answered."""
    hanging = writer(lambda request, n: Fault(hang=True) if segment(request).startswith("Anna0") else None)
    recipe = other("0.6").replace("seed        = 1", "seed        = 1\n    timeout     = 1 s")
    before = generations(lake)
    with hanging as stub, pytest.raises(Incomplete, match=r"late\.answers.* wait"):
        run_recipe(recipe, lake, input=texts, server=stub.url)
    assert "1 units wait for an answer (deadline 1)" in capfd.readouterr().err
    left = [entry for entry in stub.ledger if not entry.completion]
    assert {segment(entry.body) for entry in left} == {TEXTS["plain-0"]} and len(left) <= 5
    assert all(entry.done - entry.at < 15 for entry in left), "it did not take the endpoint's time"
    assert len(generations(lake)) == 2 * len(before) - 1


def test_workers_that_lose_the_coordinator_leave_their_rows_waiting(lake, run_recipe, texts, monkeypatch):
    """Both are connected when it goes, and hold what they have in flight."""
    there: list[coordinator.Coordinator] = []
    gone: list[float] = []

    class Known(coordinator.Coordinator):
        def start(self):
            there.append(self)
            super().start()

    def held(number: int) -> bool:
        if not gone and len(there[0]._desks["writer"].shared.workers) == 2:
            asyncio.run_coroutine_threadsafe(there[0]._close(), there[0]._loop).result()
            gone.append(time.monotonic())
        return not gone or time.monotonic() < gone[0] + 0.5

    monkeypatch.setattr(coordinator, "Coordinator", Known)
    before = generations(lake)
    with writer() as stub, pytest.raises(Incomplete) as caught:
        stub.held = held
        run_recipe(other("1.1"), lake, input=texts, server=stub.url)
    assert re.search(r"late\.answers.* wait for answers; the driver's coordinator at .* is gone", str(caught.value))
    assert caught.value.remedy.startswith("run again to go on")
    assert stub.completions == len(stub.ledger) == len(generations(lake)) - len(before) <= 8

    with writer() as stub:
        run_recipe(other("1.1"), lake, input=texts, server=stub.url)
    assert len(generations(lake)) == 2 * len(before) and stub.completions == len(stub.ledger) > 0
    assert balance(str(lake)).holds


def test_a_job_whose_workers_do_not_reach_the_coordinator_ends_with_where_it_is(lake, run_recipe, texts, monkeypatch):
    class Elsewhere(coordinator.Coordinator):
        def lease(self, *asked):
            return replace(super().lease(*asked), port=9)

    monkeypatch.setattr(coordinator, "Coordinator", Elsewhere)
    with writer() as stub, pytest.raises(StepError, match=r"coordinator at 127\.0\.0\.1:9 .*") as caught:
        run_recipe(other("0.9"), lake, input=texts, server=stub.url)
    assert caught.value.exit_code == 4 and "coordinator = none" in caught.value.remedy
    assert stub.ledger == [] and not (lake / "late").exists()
