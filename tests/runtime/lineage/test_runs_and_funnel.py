"""Runs, the funnel, the balance, and that all of it is quick and free of Spark."""

import json
import subprocess
import sys

import pytest
from deltalake import DeltaTable
from recipe_runtime import tables
from recipe_runtime.lineage import Unanswered, balance, funnel, run, runs
from small_lake import MADE, ONE, SIX, SmallLake


def test_every_run_is_listed_the_newest_first(small):
    found = runs(small.path).runs
    assert [(r.run_id, r.state) for r in found] == [
        (small.run(3), "did not end"), (small.run(2), "complete"), (small.run(1), "complete"),
    ]  # fmt: skip
    assert [(r.made, len(r.steps)) for r in found] == [(1, 1), (2, 5), (5, 5)]
    assert [(o.name, o.version, o.made) for o in found[1].outputs] == [("clean", 1, True)]
    assert found[1].seconds == 12.5


def test_one_run_in_full_by_the_beginning_of_its_id(small):
    found = run(small.path, small.run(2))
    assert [(i.source, i.files, i.bytes) for i in found.inputs] == [("pages", 1, 1234)]
    assert list(found.files) == ["small.recipe"]
    text = found.text()
    assert "source         pages = warc(crawl/*.warc.gz): 1 file, 0.0 MB" in text
    assert "parameters     lake = lake" in text


def test_the_beginning_of_several_or_of_no_run_is_refused(small):
    with pytest.raises(Unanswered, match="3 runs"):
        run(small.path, "2026")
    with pytest.raises(Unanswered, match="0 runs"):
        run(small.path, "1999")


def test_a_repaired_run_counts_and_says_who_repaired_it(own: SmallLake):
    uri = own.writer.lake.output("clean")
    output = {"name": "clean", "uri": uri, "table_id": str(DeltaTable(uri).metadata().id), "version": 2,
              "step": own.write(3), "made": True}  # fmt: skip
    own.writer.table(tables.RUNS, {
        "run_id": own.run(3), "state": "ended", "at": MADE, "recipe": "small", "code_version": "0.1.0",
        "status": "complete", "outputs": [output], "repaired_by": "later",
    })  # fmt: skip
    newest = runs(own.path).runs[0]
    assert (newest.state, newest.repaired_by) == ("complete", "later")
    assert "repaired by later" in runs(own.path).text(200)


def test_the_funnel_of_the_newest_version(small):
    found = funnel(small.path, "clean")
    assert [(s.name, s.kind, s.rows_in, s.rows_kept, dict(s.dropped)) for s in found.stages] == [
        ("pages", "source", 6, 5, {"empty_text": 1}),
        ("clean.columns", "annotate", 5, 5, {}),
        ("clean.exact", "dedup", 5, 4, {"duplicate_exact": 1}),
        ("clean", "select", 5, 2, {"lang_score >= 0.8": 2, "dedup exact(of = text)": 1}),
        ("clean", "write", 2, 2, {}),
    ]
    assert "2 lang_score >= 0.8, 1 dedup exact(of = text)" in found.text(140)


def test_the_funnel_of_an_older_version(small):
    assert funnel(small.path, "clean", 0).stages[3].rows_kept == 3


def test_every_step_balances_and_the_query_says_how(small):
    found = balance(small.path)
    assert (found.holds, found.exit_code) == (True, 0)
    assert {s.kind for s in found.steps} == {"source", "annotate", "dedup", "select", "write"}
    assert all(s.rows_in == s.rows_kept + s.counted for s in found.steps)
    text = found.text(120)
    assert text.startswith("with complete as (")
    assert "s.rows_in = s.rows_kept" in text
    assert text.endswith(f"all {len(found.steps)} steps balance")


def test_a_lost_reject_breaks_the_balance(own: SmallLake):
    uri = own.writer.lake.table("rejects")
    DeltaTable(uri).delete(f"step = '{own.select(2)}' and doc_id = '{SIX.doc}'")
    found = balance(own.path)
    assert (found.holds, found.exit_code) == (False, 4)
    broken = [(s.kind, s.step, s.rows_rejected, s.counted) for s in found.steps if not s.holds]
    assert broken == [("select", own.select(2), 3, 2)]
    assert "BROKEN" in found.text()


def test_the_balance_of_a_lake_without_rejects_or_runs(own: SmallLake, tmp_path):
    import shutil

    house = tmp_path / "lake" / "_recipec"
    shutil.rmtree(house / "rejects")
    shutil.rmtree(house / "edges")
    assert not balance(own.path).holds
    shutil.rmtree(house / "steps")
    shutil.rmtree(house / "runs")
    assert balance(own.path).steps == ()
    assert runs(own.path).runs == ()
    with pytest.raises(Unanswered, match="its outputs are: none yet|has no output"):
        funnel(own.path, "clean")


def test_json_has_all_of_it(small):
    for answer in (runs(small.path), run(small.path, small.run(1)), funnel(small.path, "clean"), balance(small.path)):
        assert json.loads(json.dumps(answer.to_json()))


QUESTIONS = {
    "trace": "lineage.trace(lake, None, key)",
    "why": "lineage.why(lake, key)",
    "runs": "lineage.runs(lake)",
    "funnel": "lineage.funnel(lake, 'clean')",
    "balance": "lineage.balance(lake)",
}


@pytest.mark.parametrize("question", QUESTIONS)
def test_an_answer_needs_no_spark(small, question):
    code = (
        "import sys; from recipe_runtime import lineage; lake, key = sys.argv[1:];"
        f"{QUESTIONS[question]}.text(100);"
        "assert not {'pyspark', 'py4j', 'numba'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code, small.path, ONE.doc], check=True)
