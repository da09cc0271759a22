"""What a digest holds: what is done to which texts, and nothing of how the recipe is written (`ARCHITECTURE.md`)."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from recipec.backend import Backend
from rewriting import FLAGSHIP, compiled, items, renamed, reordered, spread

TEXT = FLAGSHIP.read_text("utf-8")


def digests(backend: Backend) -> Counter[tuple[str, str]]:
    """(kind, digest) of every node, before the passes and after them."""
    return Counter((node.kind, node.digest) for plan in (backend.plan, backend.optimised) for node in plan.nodes)


@pytest.fixture(scope="module")
def plain() -> Counter[tuple[str, str]]:
    return digests(compiled(TEXT))


def changed(text: str, plain: Counter[tuple[str, str]], **params: str) -> set[str]:
    """The kinds of nodes of which one has another digest."""
    made = digests(compiled(text, **params))
    return {kind for kind, _ in (plain - made) + (made - plain)}


# ---- what must not matter --------------------------------------------------------------------------


def test_there_are_digests_of_every_kind(plain) -> None:
    kinds = {kind for kind, _ in plain}
    assert {"source", "annotate", "keep", "dedup", "select", "units", "ask", "derive", "mix", "write"} <= kinds


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("clean", "kept"), ("calibration", "a_tenth"), ("web", "tiered"), ("wiki", "plain_words"),
        ("study", "exercises"), ("qa", "questions"), ("rewriter", "somebody"), ("bpe", "pieces"),
        ("prompts", "asked"), ("crawl", "folder"), ("total", "budget"), ("nemotron_like", "another"),
    ],
)  # fmt: skip
def test_a_name_is_in_no_digest(old: str, new: str, plain) -> None:
    text = renamed(TEXT, {old: new})
    if old == "prompts":
        text = text.replace("use \"prompts/nemotron_cc\" as prompts", "use \"prompts/nemotron_cc\" as asked")
    assert text != TEXT
    assert changed(text, plain) == set()


def test_the_name_of_an_output_is_in_the_digest_of_its_write_alone(plain) -> None:
    """It is a table at a place."""
    assert changed(renamed(TEXT, {"pretrain": "corpus"}), plain) <= {"write"}


def test_a_source_has_its_name_in_its_ids_unless_it_has_a_namespace(plain) -> None:
    assert "source" in changed(renamed(TEXT, {"pages": "sites"}), plain)
    pinned = TEXT.replace("warc(crawl)", 'warc(crawl, namespace = "pages")')
    assert pinned != TEXT
    assert changed(pinned, plain) == set()
    assert changed(renamed(pinned, {"pages": "sites"}), plain) == set()


@pytest.mark.parametrize("seed", range(4))
def test_the_order_of_items_is_in_no_digest(seed: int, plain) -> None:
    text = reordered(TEXT, seed)
    assert len(items(text)) == len(items(TEXT)) > 15
    assert changed(text, plain) == set()


def test_the_layout_is_in_no_digest(plain) -> None:
    assert changed(spread(TEXT), plain) == set()
    assert changed("\n".join(items(TEXT)), plain) == set()


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("0.80", "80%"), ("1_000 tokens", "1000 tokens"), ("= 1.0\n", "= 1\n"), ("65%", "0.65"),
        ("  temperature = 0.5\n    top_p       = 0.9\n", "  top_p       = 0.9\n    temperature = 0.5\n"),
        ("5 words, bands = 14, rows = 8", "5 words, rows = 8, bands = 14"),
        ("keep = lowest_id, ", ""),
    ],
    ids=["share", "digits", "whole", "percent", "settings", "arguments", "default"],
)  # fmt: skip
def test_another_way_to_say_the_same_is_in_no_digest(old: str, new: str, plain) -> None:
    assert old in TEXT
    assert changed(TEXT.replace(old, new), plain) == set()


def test_where_it_is_read_written_and_asked_is_in_no_digest(plain) -> None:
    assert changed(TEXT, plain, crawl="elsewhere/*.gz", lake="s3://bucket/lake") == set()
    assert changed(TEXT.replace("in_flight = 256", "in_flight = 8"), plain) == set()
    assert changed(TEXT, plain, url="http://localhost:8000/v1") == set()
    assert changed(TEXT.replace('"REWRITER_KEY"', '"OTHER_KEY"'), plain) == set()


def test_the_same_recipe_is_the_same_bytes_in_any_process_with_any_seed_of_hashes() -> None:
    made = set()
    for seed, form in (("0", "pyspark"), ("1", "pyspark"), ("random", "pyspark"), ("2", "plan"), ("3", "plan")):
        command = [sys.executable, "-m", "recipec.cli", "compile", str(FLAGSHIP), "--format", form]
        done = subprocess.run(command, capture_output=True, env={**os.environ, "PYTHONHASHSEED": seed}, check=True)
        made.add((form, done.stdout))
    assert len(made) == 2


# ---- what must matter -----------------------------------------------------------------------------

MATTERS = [
    # the source and what is read of it
    ("trafilatura(html)", "trafilatura(html, mode = fast)", "source"),
    ("  license = page_license(html)\n", '  license = "cc0-1.0"\n', "source"),
    # decisions and annotations
    (" and fineweb.quality", " and fineweb.quality and stats.bytes > 9", "annotate"),
    ("lang == en", "lang == de", "keep"),
    ("lang == en", "lang != en", "keep"),
    ("lang == en", "lang in [en]", "keep"),
    ("65%", "66%", "keep"),
    (">= 65%", "> 65%", "keep"),
    (" and fineweb.quality", "", "keep"),
    ("exact(of = text)", "exact(of = url)", "dedup"),
    ("shingle = 5 words", "shingle = 6 words", "dedup"),
    ("shingle = 5 words", "shingle = 5 characters", "dedup"),
    ("bands = 14", "bands = 15", "dedup"),
    ("rows = 8", "rows = 9", "dedup"),
    ("verify = 80%", "verify = 81%", "dedup"),
    ("seed = 1) against", "seed = 2) against", "dedup"),
    (" against web\n", " against clean\n", "dedup"),
    ('onnx("std/tidy.onnx")', 'onnx("std/edu.onnx")', "score"),
    # the sample, the fit and the tiers
    ("sample 10%", "sample 11%", "sample"),
    ("    seed = 1\n  }\n}", "    seed = 2\n  }\n}", "sample"),
    ("20, fit = calibration", "10, fit = calibration", "fit"),
    ("weight = documents),\n    bucket", "weight = bytes),\n    bucket", "fit"),
    ("quality = max(", "quality = mean(", "derived"),
    (">= 18", ">= 17", "tier"),
    # calls
    ("prompts.wikipedia", "prompts.distill", "units"),
    ("lines(max = 512 tokens)", "lines(max = 511 tokens)", "units"),
    ("max_tokens  = 512", "max_tokens  = 500", "units"),
    ("temperature = 0.5", "temperature = 0.6", "units"),
    ("top_p       = 0.9", "top_p       = 0.8", "units"),
    ("samples     = 4", "samples     = 5", "units"),
    ("pairs = 8", "pairs = 7", "units"),
    ("    seed        = 1\n", "    seed        = 2\n", "units"),
    ('rejoin      = "\\n"', 'rejoin      = " "', "derive"),
    ("support >= 0.80", "support >= 0.81", "ask"),
    ("finish == stop", "finish in [stop, length]", "ask"),
    ("in 0.3 .. 1.5", "in 0.3 .. 1.6", "ask"),
    ("in 0.3 .. 1.5", "in 0.2 .. 1.5", "ask"),
    ("retry(1), discard", "retry(2), discard", "ask"),
    ("retry(1), discard", "discard", "ask"),
    ("best(1, by", "best(2, by", "ask"),
    ("${segment}\\n\\n${answer}", "${segment}\\n${answer}", "derive"),
    # the mix and the table
    ("epochs <= 4", "epochs <= 3", "mix"),
    ("synthetic <= 30%", "synthetic <= 31%", "mix"),
    ("50% where tier", "51% where tier", "mix"),
    ("repeat, renormalise", "renormalise", "mix"),
    ("20261121", "20261122", "mix"),
    ("to at most total", "to total", "mix"),
    ("[tier, origin]", "[tier]", "write"),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new", "kind"), MATTERS, ids=lambda value: value[:40].strip())
def test_what_is_meant_changes_the_digest_of_what_it_is_said_of(old: str, new: str, kind: str, plain) -> None:
    text = TEXT.replace(old, new, 1)
    assert text != TEXT
    assert kind in changed(text, plain)


def test_weights_are_in_the_digest_of_the_mix(plain) -> None:
    text = TEXT.replace("weight 42%", "weight 43%").replace("weight 8%", "weight 7%")
    assert changed(text, plain) == {"mix", "write"}


@pytest.mark.parametrize(("param", "value", "kind"), [("total", "2T tokens", "mix"), ("model", "other", "endpoint")])
def test_a_parameter_that_matters_changes_a_digest(param: str, value: str, kind: str, plain) -> None:
    assert kind in changed(TEXT, plain, **{param: value})


def test_a_change_reaches_what_comes_after_and_nothing_before(plain) -> None:
    assert changed(TEXT.replace("synthetic <= 30%", "synthetic <= 31%"), plain) == {"mix", "write"}
    late = changed(TEXT.replace("best(1, by", "best(2, by"), plain)
    assert {"source", "annotate", "dedup", "score", "units"}.isdisjoint(late)


def test_a_file_is_its_bytes_whatever_its_name(tmp_path: Path) -> None:
    text = TEXT.replace('onnx("std/edu.onnx")', 'onnx("mine.onnx")')
    model = (FLAGSHIP.parent / "std" / "edu.onnx").read_bytes()
    (tmp_path / "mine.onnx").write_bytes(model)
    same = digests(compiled(text, tmp_path))
    assert same == digests(compiled(TEXT))
    (tmp_path / "mine.onnx").write_bytes(model + b"\0")
    assert "score" in {kind for kind, _ in digests(compiled(text, tmp_path)) - same}
