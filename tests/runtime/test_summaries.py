"""What this process reads by itself of small tables, Spark reads of large ones, with the same rows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from recipe_runtime import summaries
from running import QUICKSTART, Ran, run_here

LEDGER = ("rejects", "edges", "stats", "steps")
OF_A_RUN = ("run_id", "seconds", "made_at")


def told(ran: Ran) -> dict[str, list[str]]:
    return {table: sorted(repr(plain(row)) for row in ran.ledger(table)) for table in LEDGER}


def plain(row: Mapping[str, Any]) -> list[tuple[str, Any]]:
    """Columns in one order, maps too."""
    kept = {name: value for name, value in row.items() if name not in OF_A_RUN}
    return sorted((name, sorted(value.items()) if isinstance(value, dict) else value) for name, value in kept.items())


def test_both_engines_write_the_same_ledger(real_lake, quiet, crawl_folder, tmp_path, monkeypatch):
    monkeypatch.setattr(summaries, "HERE", -1)
    monkeypatch.setattr(summaries, "LEAN", -1)
    text = QUICKSTART.read_text()
    large = run_here(text, tmp_path / "lake", name=QUICKSTART.name, crawl=str(crawl_folder / "*.warc.gz"))
    small, large = told(real_lake), told(large)
    assert small["rejects"] and small["edges"] and small["stats"]
    for table in LEDGER:
        assert large[table] == small[table]


@pytest.mark.parametrize("here", [-1, 10])
def test_a_question_is_answered_by_either(real_lake, spark, monkeypatch, here):
    class Job:
        pass

    monkeypatch.setattr(summaries, "LEAN", here)
    job = Job()
    job.spark = spark
    uri = str(real_lake.lake / "clean")
    (answer,) = summaries.asked(job, uri, "select count(*) as n, max(octet_length(text)) as most from rows_of")
    assert answer["n"] == real_lake.output(spark).count() and answer["most"] > 0
