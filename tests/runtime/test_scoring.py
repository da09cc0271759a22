"""Scores by a classifier: one that gives no number, a tier without a row, a file that is no model."""

from __future__ import annotations

import math
from collections import Counter
from pathlib import Path

import pytest
from asking_jobs import CLOSED, by_page, log_of_words, output, rejects, steps, write_texts
from recipe_runtime.document_row import COLUMNS
from recipe_runtime.errors import StepError
from recipe_runtime.lineage.balance import balance

SCORED = """
recipe scored
edition 2026
param input: path
param lake: path
param server: text
param model: path
tokenizer bpe = hf("std/bpe.json")
endpoint writer {
  url       = server
  model     = "stub-model"
  tokenizer = bpe
}
prompt anew(text) {
  user  = "Tell this again: ${text}"
  reply = text
}
source pages = jsonl(input) {
  id  = id
  url = url
}
select scored from pages {
  score x = onnx(model, clamp = 0 .. 2)
  tier by x {
    high >= 5
    low  otherwise
  }
}
transform told from scored[high] {
  ask writer using anew {
    max_tokens  = 100
    temperature = 0.5
  }
  verify {
    finish == stop
  }
}
write scored to delta(lake)
write told to delta(lake)
"""


def test_a_nan_is_a_reject_and_an_empty_tier_an_empty_output(run_recipe, tmp_path):
    """The logarithm of what a text has beyond five and a half words, its two ends counted: NaN below, clamped at 2
    above. Then a file that is no model, said before anything is scored."""
    path = log_of_words(tmp_path / "model.onnx", less=5.5)
    given = {"few": "one two three", "some": "one two three four five", "many": "word " * 40}
    params = {"input": write_texts(tmp_path / "in.jsonl", given), "server": CLOSED, "model": path}
    ran = run_recipe(SCORED, tmp_path / "lake", **params)
    found = rejects(ran, "scored", "select")
    assert {name: rows[0]["rule"] for name, rows in found.items()} == {"few": "score x"}
    kept = {name: rows[0] for name, rows in by_page(output(ran, "scored")).items()}
    figures = {name: dict(row["scores"])["x"] for name, row in kept.items()}
    assert figures == {"some": round(math.log(1.5), 4), "many": 2.0}
    assert {row["tier"] for row in kept.values()} == {"low"}
    assert Counter(row["score"] is None for row in ran.ledger("scores")) == {True: 1, False: 2}
    told_ = ran.variables["job"].spark.read.format("delta").load(str(ran.lake / "told"))
    assert told_.columns == list(COLUMNS) and told_.count() == 0
    assert steps(ran)["told.units", "units"]["rows_in"] == steps(ran)["told.answers", "ask"]["calls"] == 0
    assert balance(str(ran.lake)).holds

    Path(path).write_bytes(b"this is no model")
    before = ran.ledger("scores")
    with pytest.raises(StepError, match=r"x\.recipe:\d+: score x: .*model\.onnx is no ONNX model") as caught:
        run_recipe(SCORED, ran.lake, **params)
    assert caught.value.exit_code == 4 and caught.value.remedy
    assert ran.ledger("scores") == before
