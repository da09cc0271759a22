"""What is asked again, and what never is: every change of a recipe or its input asks exactly what it makes new."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from pathlib import Path

import pytest
from asking_jobs import CLOSED, RECIPE, TEXTS, by_page, generations, line, output, pieces, told, write_texts, writer
from running import run_here
from tokenizers import Tokenizer

RETRYING = RECIPE.replace("on fail discard", "on fail retry(1), discard")
BPE = Path(__file__).parents[2] / "recipes" / "std" / "bpe.json"


@pytest.fixture(scope="module")
def lake_of_all(quiet, tmp_path_factory) -> tuple[Path, str, int]:
    """A lake that RECIPE made, its input, and how many calls that took."""
    folder = tmp_path_factory.mktemp("again")
    texts = write_texts(folder / "in.jsonl")
    with writer() as stub:
        run_here(RECIPE, folder / "lake", input=texts, server=stub.url)
    return folder / "lake", texts, len(pieces(stub))


@pytest.fixture
def lake(lake_of_all, tmp_path) -> Path:
    return Path(shutil.copytree(lake_of_all[0], tmp_path / "lake"))


def test_other_files_names_and_an_other_order_ask_nothing(lake, lake_of_all, run_recipe, tmp_path):
    """The same pages in three files, from the last to the first, and one of them under another address."""
    rows = [json.loads(one) for one in Path(lake_of_all[1]).read_text().splitlines()][::-1]
    rows[0]["url"] = "http://example.org/moved"
    folder = tmp_path / "moved"
    folder.mkdir()
    for i in range(3):
        (folder / f"part-{i}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows[i::3]))
    before = generations(lake)
    run_recipe(RECIPE, lake, input=str(folder), server=CLOSED)
    assert generations(lake) == before


def test_new_pages_are_asked_and_no_others(lake, run_recipe, tmp_path):
    """One more of fifteen, of two segments of which one is known."""
    more = {**TEXTS, "new": line("Newcomer") + "\n" + line("Twin")}
    with writer() as stub:
        ran = run_recipe(RECIPE, lake, input=write_texts(tmp_path / "more.jsonl", more), server=stub.url)
    assert pieces(stub) == Counter([line("Newcomer")])
    assert "new" in by_page(output(ran, "told"))


@pytest.mark.parametrize(
    "old, new",
    [
        ('model     = "stub-model"', 'model     = "stub-model-2"'),
        ('model     = "stub-model"', 'model     = "stub-model"\n  revision  = "2026-11-01"'),
        ('model     = "stub-model"', 'model     = "stub-model"\n  deployment = "fp8"'),
        ("Tell this again:", "Tell this again, please:"),
        ('system = "Be brief."', 'system = "Be long."'),
        ("temperature = 0.5", "temperature = 0.6"),
        ("max_tokens  = 100", "max_tokens  = 101"),
        ("seed        = 1", "seed        = 3"),
        ("reply = text", 'reply = json("{\\"type\\": \\"string\\"}")'),
    ],
    ids=["model", "revision", "deployment", "prompt", "system", "temperature", "max_tokens", "seed", "schema"],
)
def test_what_is_part_of_a_call_asks_all_anew(lake, lake_of_all, run_recipe, old, new):
    _, texts, calls = lake_of_all
    recipe = RECIPE.replace(old, new)
    assert recipe != RECIPE
    before = generations(lake)
    with writer() as stub:
        run_recipe(recipe, lake, input=texts, server=stub.url)
    asked = [entry for entry in stub.ledger if entry.completion]
    assert len(asked) == calls and len(generations(lake)) == len(before) + calls


GATED = {
    "short": line("Anna"),
    "long": line("Bertha", "and", "all", "her", "old", "friends"),
    "never": line("Never", "FOREIGN"),
}


def test_a_stricter_gate_asks_only_where_it_retries_and_only_what_newly_fails(run_recipe, tmp_path):
    texts, lake = write_texts(tmp_path / "in.jsonl", GATED), tmp_path / "lake"
    with writer() as stub:
        ran = run_recipe(RETRYING, lake, input=texts, server=stub.url)
    assert set(by_page(output(ran, "told"))) == {"short", "long"}
    assert pieces(stub) == Counter([*GATED.values(), GATED["never"]])

    tokenizer = Tokenizer.from_file(str(BPE))
    short, long = (len(tokenizer.encode(told(GATED[name])).ids) for name in ("short", "long"))
    assert short < long
    gate = ("finish == stop\n", f"finish == stop\n    tokens <= {short}\n")
    ran = run_recipe(RETRYING.replace("retry(1), ", "").replace(*gate), lake, input=texts, server=CLOSED)
    assert set(by_page(output(ran, "told"))) == {"short"}
    with writer() as stub:
        ran = run_recipe(RETRYING.replace(*gate), lake, input=texts, server=stub.url)
    assert set(by_page(output(ran, "told"))) == {"short"}
    assert pieces(stub) == Counter([GATED["long"]])
