"""What workers decide side by side is what Spark decides by joins: over new files, files that are gone, edits that came
later, and relations in other files than their texts."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import recipe_runtime as rt
from asking_jobs import output
from hypothesis import given
from hypothesis import strategies as st
from recipe_runtime import local_pass, side_by_side
from recipe_runtime.deciding import Keep, Undecided, WithColumns
from running import Ran

RECIPE = """
recipe sides
edition 2026
param input: path
param lake: path
source pages = jsonl(input) {{ id = id }}
select clean from pages {{
  keep stats.words >= 3
  keep stats.mean_word_length <= 8{edit}
  keep stats.words in 3 .. 60 and stats.words >= 2
  dedup exact(of = text)
  dedup minhash(shingle = 2 words, bands = 8, rows = 2, verify = {verify}, keep = {keep}, seed = 1)
}}
write clean to delta(lake)
"""
EDIT = """
  clean lines(min_words = 2, max_word_length = 1_000 characters, without = ["cookie"], terminal_punctuation = false)"""


def write(folder: Path, names: str) -> str:
    """A file for each letter: texts short and long, repeated, near each other, one of which an edit leaves nothing."""
    folder.mkdir(parents=True, exist_ok=True)
    for path in folder.glob("*.jsonl"):
        if path.stem not in names:
            path.unlink()
    for name in names:
        long = " ".join(f"{name}{i} of the words" for i in range(8))
        texts = [
            "one two", "same text in every file\nand more of it", f"{long}\ncookie", f"{long} end",
            "a cookie\nand a cookie", "incomprehensibilities " * 4,
            f"{name} stays as\nit was with words", "w " * 70, "", None,
        ]  # fmt: skip
        rows = [{"id": f"{name}{i}", "text": text} for i, text in enumerate(texts)]
        (folder / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return str(folder / "*.jsonl")


STATES = [("ab", ""), ("abc", EDIT), ("bc", EDIT), ("bcd", "")]
"""The files that are there and what the recipe says, one run after the other over one lake."""


def runs(run_recipe, folder: Path, verify: str, keep: str) -> list[Ran]:
    """A lake after each of STATES."""
    found = []
    for names, edit in STATES:
        given = write(folder / "in", names)
        found.append(run_recipe(RECIPE.format(edit=edit, verify=verify, keep=keep), folder / "lake", input=given))
    return found


def told(ran: Ran) -> dict[str, list[str]]:
    """All that the runs decided and wrote."""
    steps = ran.ledger("steps")
    return {
        "output": sorted(str([row[name] for name in ("doc_id", "text", "step")]) for row in output(ran, "clean")),
        "rejects": sorted(str({k: v for k, v in row.items() if k != "run_id"}) for row in ran.ledger("rejects")),
        "edges": sorted(str({k: v for k, v in row.items() if k != "run_id"}) for row in ran.ledger("edges")),
        "rows": sorted(f"{row['step']} {row['rows_in']} {sorted(row['dropped'].items())}" for row in steps),
    }


@pytest.mark.parametrize(("verify", "keep"), [("none", "longest"), ("80%", "lowest_id")])
def test_workers_decide_what_spark_decides(run_recipe, monkeypatch, tmp_path, verify, keep):
    seen = []
    then = side_by_side.SideBySide.then

    def counted(self, *operations):
        seen.extend(type(one).__name__ for one in operations)
        return then(self, *operations)

    monkeypatch.setattr(side_by_side.SideBySide, "then", counted)
    (tmp_path / "workers").mkdir()
    ours = runs(run_recipe, tmp_path / "workers", verify, keep)
    assert {"Keep", "AfterEdit", "WithColumns", "Alive", "DropDuplicates"} <= set(seen), seen
    seen.clear()
    with monkeypatch.context() as only_spark:
        only_spark.setattr(side_by_side, "FILE_ROWS", 0)
        theirs = runs(run_recipe, tmp_path / "spark", verify, keep)
    assert not seen
    last, other = told(ours[-1]), told(theirs[-1])
    assert last["output"] and last["edges"] and any("no text left" in row for row in last["rejects"])
    for name, rows in last.items():
        assert rows == other[name], name


def test_what_an_older_version_left_is_decided_by_spark(run_recipe, monkeypatch, tmp_path):
    """Its markers do not say where rows without texts are; with a file that came since, some do."""
    marked = local_pass._Run._tally

    def without_places(self, i, rows):
        marked(self, i, rows)
        if "text" not in rows.schema.names:
            for tally in self.tallies[i].values():
                tally.places = []

    recipe = RECIPE.format(edit=EDIT, verify="none", keep="longest")
    lake, fresh = tmp_path / "lake", tmp_path / "fresh"
    with monkeypatch.context() as older:
        older.setattr(local_pass._Run, "_tally", without_places)
        run_recipe(recipe, lake, input=write(tmp_path / "in", "ab"))
    ran = run_recipe(recipe, lake, input=write(tmp_path / "in", "abc"))
    again = run_recipe(recipe, fresh, input=write(tmp_path / "in", "abc"))
    assert told(ran)["output"] == told(again)["output"]


PLACES = st.lists(st.tuples(st.sampled_from(["a", "b", "c"]), st.integers(0, 2**40)), max_size=12, unique=True)


@given(PLACES, PLACES)
def test_a_row_finds_its_own_row_of_another_relation(some, others):
    def table(places):
        files, records = [file for file, _ in places], [record for _, record in places]
        return pa.table({"file_id": pa.array(files, pa.string()), "record": pa.array(records, pa.int64())})

    at = side_by_side._found(table(some), table(others)).to_pylist()
    found = [None if i is None else others[i] for i in at]
    assert found == [place if place in others else None for place in some]


def test_a_living_row_that_another_relation_lacks_ends_the_task(tmp_path):
    """A row that has fallen out may be missing there, and has nulls."""
    places = {"file_id": ["a", "a"], "record": [0, 1]}
    pq.write_table(pa.table({**places, "x": [1, 2]}), tmp_path / "base.parquet")
    pq.write_table(pa.table({"file_id": ["a"], "record": [0], "y": [3]}), tmp_path / "other.parquet")

    def stored(name: str, column: str) -> side_by_side.Stored:
        return side_by_side.Stored(str(tmp_path), pa.schema([(column, pa.int64())]), ((f"{name}.parquet",),))

    columns = WithColumns(stored("other", "y"))
    plan = side_by_side.SideBySide(stored("base", "x"), None, None, (Undecided(),))
    with pytest.raises(ValueError, match="1 rows are not in"):
        plan.then(columns).rows(0)
    fallen = plan.then(Keep((rt.rule("x < 2", rt.test("x", "<", 2), at="a:1"),)), columns).rows(0)
    assert fallen.arrays["y"].to_pylist() == [3, None]
