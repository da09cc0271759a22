"""Row-local work is done in one pass over the files, again only where it is missing; texts are fetched from where
they lie; and rows that share a key are found."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from dataclasses import replace

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import recipe_udfs.statistics
from deltalake import DeltaTable
from hypothesis import given, settings
from hypothesis import strategies as st
from recipe_runtime import parquet_part
from recipe_runtime.delta_sql import query
from recipe_runtime.local import Locals
from recipe_runtime.local_pass import LocalPass, Making
from recipe_runtime.shards import apart
from recipe_runtime.shared_keys import _shared
from recipe_runtime.texts import FetchTexts
from recipe_runtime.worker import Annotate, Column, Edit, annotated_twice
from recipe_udfs.statistics import statistics
from small_jobs import texts, wanted, write_files

RECIPE = """
recipe edited
edition 2026
param input: path
param lake: path
param least: int = 20
source pages = jsonl(input) {{ id = id }}
select clean from pages {{
  keep stats.words >= 5
  clean lines(min_words = 2, max_word_length = 1_000 characters, without = [], terminal_punctuation = false)
  keep stats.words >= least{more}
}}
write clean to delta(lake)
"""


@pytest.fixture
def passes(monkeypatch):
    """The names of what each pass over files or documents makes, as they are made."""
    seen = []
    one = Locals._pass

    def spied(self, parent, steps, files):
        seen.append((parent and parent.what, [step.what for step in steps], len(files)))
        one(self, parent, steps, files)

    monkeypatch.setattr(Locals, "_pass", spied)
    return seen


def test_each_file_is_read_once_and_goes_through_all_that_is_asked(run_recipe, passes, tmp_path):
    files, lake = write_files(tmp_path / "in", 3), tmp_path / "lake"
    given = {"input": str(tmp_path / "in" / "*.jsonl")}
    run_recipe(RECIPE.format(more=""), lake, **given)
    assert passes == [(None, ["read 3 files", "annotate", "lines", "annotate"], 3)]
    some = texts(lake)
    assert some and len(some) <= len(wanted(files))

    passes.clear()
    run_recipe(RECIPE.format(more=""), lake, least="30", **given)
    assert passes == [], "a threshold computes nothing"

    run_recipe(RECIPE.format(more="\n  keep stats.lines >= 2"), lake, **given)
    assert passes == [("lines", ["annotate"], 3)], "another statistic reads the texts that are there"

    passes.clear()
    write_files(tmp_path / "in", 4)
    run_recipe(RECIPE.format(more=""), lake, **given)
    assert passes == [(None, ["read 4 files", "annotate", "lines", "annotate"], 1)], "one file more is read alone"


def test_what_of_a_file_is_there_is_not_made_again(run_recipe, passes, tmp_path):
    """A run that died between two commits of a pass leaves documents without columns."""
    write_files(tmp_path / "in", 2)
    lake, given = tmp_path / "lake", {"input": str(tmp_path / "in" / "*.jsonl")}
    plain = RECIPE.replace("  keep stats.words >= 5\n", "").replace("  keep stats.words >= least{more}\n", "")
    run_recipe(plain.format().replace("param least: int = 20\n", ""), lake, **given)
    passes.clear()
    run_recipe(RECIPE.format(more=""), lake, **given)
    assert passes == [("read 2 files", ["annotate"], 2), ("lines", ["annotate"], 2)]


PAGES = {
    "alone": "one two three\nfour five six seven",
    "changed": "Home\none two three four five\nmore",
    "gone": "Home",
    "cited": "A line. And another one.\n\nAnd more of them",
    "also alone": "It stands as it stood. So it does.",
}


def figures(lake):
    """Relation → its rows, of those that hold figures."""
    tables = [DeltaTable(str(folder)) for folder in (lake / "_recipec" / "relations").iterdir()]
    found = {}
    for table in tables:
        names = [field.name for field in table.schema().fields]
        if {"stats_words", "marker"} <= set(names):
            wanted = ", ".join(n for n in names if n in ("record", "doc_id", "text_bytes") or n.startswith("stats_"))
            rows = query(f"select {wanted} from r where not marker order by record", {"r": table})
            found[table.table_uri.rstrip("/").rpartition("/")[2]] = rows
    return found


def test_texts_that_an_edit_leaves_alone_have_the_figures_of_texts_that_are_there(run_recipe, passes, tmp_path):
    """Before and after the edit they are counted together, or each where it is missing: the rows are the same."""
    rows = [json.dumps({"id": name, "text": text}) for name, text in PAGES.items()]
    (tmp_path / "in.jsonl").write_text("\n".join([*rows, json.dumps({"id": "none", "text": None})]))
    given, recipe = {"input": str(tmp_path / "in.jsonl")}, RECIPE.format(more="\n  keep stats.sentences >= 1")
    rules = [line for line in recipe.splitlines() if line.startswith("  keep") or "int = 20" in line]
    edited = "\n".join(line for line in recipe.splitlines() if line not in rules)
    read = "\n".join(line for line in edited.splitlines() if not line.startswith("  clean"))
    made = []
    for i, first in enumerate((None, read, edited)):
        if first:
            run_recipe(first, tmp_path / str(i), **given)
        passes.clear()
        run_recipe(recipe, tmp_path / str(i), **given)
        made.append(([(parent, what) for parent, what, _ in passes], figures(tmp_path / str(i))))
    assert [passed for passed, _ in made] == [
        [(None, ["read 1 files", "annotate", "lines", "annotate"])],
        [("read 1 files", ["annotate", "lines", "annotate"])],
        [("read 1 files", ["annotate"]), ("lines", ["annotate"])],
    ]
    words = sorted([row["stats_words"] for row in rows] for rows in made[0][1].values())
    assert words == [[7, 5, 9, 8], [7, 7, 1, 9, 8]]
    assert made[0][1] == made[1][1] == made[2][1]


def test_rows_of_a_table_that_was_rewritten_find_their_texts(run_recipe, tmp_path):
    files = write_files(tmp_path / "in", 3)
    lake, given = tmp_path / "lake", {"input": str(tmp_path / "in" / "*.jsonl")}
    run_recipe(RECIPE.format(more=""), lake, **given)
    before = texts(lake)
    assert len(before) > len(files)
    for relation in (lake / "_recipec" / "relations").iterdir():
        DeltaTable(str(relation)).optimize.compact()
    run_recipe(RECIPE.format(more=""), lake, least="21", **given)
    assert set(texts(lake)) <= set(before) and len(texts(lake)) >= len(before) - 3


def test_places_tell_one_part_for_each_record_or_none():
    """Where two tasks took turns with a file, the bounds of one hold records of the other."""
    assert apart([("a", "x", 0, 5), ("a", "y", 6, 9), ("b", "x", 3, 7)])
    assert not apart([("a", "x", 0, 9), ("a", "y", 4, 6)])
    assert not apart([("a", "y", 5, 6), ("a", "x", 0, 5)])


SHINGLES = (("shingles", pa.list_(pa.int64())),)
BEFORE = (("stats.words", pa.int64()), ("stats.mean_word_length", pa.float64()))
AFTER = (("stats.sentences", pa.int64()), ("stats.words", pa.int64()))


def annotator(columns, more=()):
    made = [
        *(Column("recipe_udfs.statistics:statistics", name, {}, ("text",), ((name, kind),)) for name, kind in columns),
        *more,
    ]
    schema = pa.schema([("doc_id", pa.string()), *(field for column in made for field in column.outputs)])
    return Annotate(made, ["doc_id"], schema, {}).open()


@settings(deadline=None)
@given(st.lists(st.tuples(st.text("a. \n", max_size=9), st.sampled_from(["alone", "changed", "gone"])), max_size=8))
def test_a_text_that_an_edit_leaves_alone_is_gone_through_once(rows):
    seen = []

    def counted(inputs, calls):
        seen.extend((text, len(calls)) for text in inputs["text"].to_pylist())
        return statistics(inputs, calls)

    columns = ("doc_id", "text")
    batch = pa.RecordBatch.from_arrays([[str(i) for i in range(len(rows))], [text for text, _ in rows]], columns)
    edits = {"alone": lambda text: text, "changed": lambda text: text + "b", "gone": lambda text: None}
    texts = pa.array([edits[how](text) for text, how in rows], pa.string())
    edited = pa.RecordBatch.from_arrays([batch.column("doc_id"), texts], columns)
    same = pa.array([how == "alone" for _, how in rows], pa.bool_())
    other = Column("recipe_udfs.minhash:shingle_hashes", "shingle_hashes", {"shingle": "2 words"}, ("text",), SHINGLES)
    before, after = annotator(BEFORE), annotator(AFTER, [other])
    expected = [before(batch), after(edited)]
    for one in (before, after):
        path = "recipe_udfs.statistics:statistics"
        one.families[path] = replace(one.families[path], function=counted)
    assert list(annotated_twice(before, after, batch, edited, same)) == expected
    wanted = [(text, 4) for text, how in rows if how == "alone"]
    wanted += [(edits[of](text), 2) for text, how in rows if how != "alone" for of in ("alone", how)]
    assert Counter(seen) == Counter(wanted)


def test_a_pass_goes_through_such_texts_once(monkeypatch, tmp_path):
    seen = []

    def counted(inputs, calls):
        seen.extend(inputs["text"].to_pylist())
        return statistics(inputs, calls)

    monkeypatch.setattr(recipe_udfs.statistics, "statistics", counted)
    names = ("file_id", "record", "origin_id", "doc_id", "text_hash", "text", "text_bytes")
    kinds = (pa.string(), pa.int64(), *[pa.string()] * 3, pa.large_string(), pa.int64())
    documents = pa.schema(list(zip(names, kinds, strict=True)))
    rows = [
        dict(zip(names, ("f", i, f"o{i}", f"d{i}", f"h{i}", text, len(text)), strict=True))
        for i, text in enumerate(PAGES.values())
    ]
    rules = {"min_words": 2, "max_word_length": None, "without": (), "terminal_punctuation": False}
    column = Column("recipe_udfs.statistics:statistics", "stats.words", {}, ("text",), (("words", pa.int64()),))
    kept = ["file_id", "record", "doc_id", "text_bytes"]
    numbers = pa.schema([*(documents.field(name) for name in kept), ("words", pa.int64())])
    annotate = Annotate([column], kept, numbers, {})
    edit = Edit("recipe_udfs.lines:clean_lines", "lines", rules, documents, {})
    makings = []
    for i, (work, schema, of) in enumerate(
        [(annotate, numbers, None), (edit, documents, None), (annotate, numbers, 1)]
    ):
        (tmp_path / str(i)).mkdir()
        makings.append(Making(str(tmp_path / str(i)), schema, (), of, work))
    task = LocalPass(makings, None, None, pa.schema([("made", pa.int32()), ("facts", pa.string())]), {})
    list(task(iter([pa.RecordBatch.from_pylist(rows, schema=documents)])))
    words = [pq.read_table(tmp_path / str(i))["words"].to_pylist() for i in (0, 2)]
    assert words == [[7, 7, 1, 9, 8], [7, 5, 9, 8]]
    assert [seen.count(PAGES[name]) for name in ("alone", "also alone", "changed", "gone")] == [1, 1, 1, 1]
    assert len(seen) == 8, "and of those it changed, what is left of them"


# ---- texts ---------------------------------------------------------------------------------------

DOCUMENTS = pa.schema([
    ("file_id", pa.string()), ("record", pa.int64()), ("text", pa.large_string()),
    ("meta", pa.map_(pa.string(), pa.string())),
])  # fmt: skip
ROWS = pa.schema([("doc_id", pa.string()), ("file_id", pa.string()), ("record", pa.int64()), ("part", pa.int32())])
FETCHED = pa.schema([*ROWS, DOCUMENTS.field("text"), DOCUMENTS.field("meta")])


@pytest.fixture
def part(tmp_path, monkeypatch):
    """A Parquet file of 40 documents in several row groups."""
    monkeypatch.setattr(parquet_part, "GROUP_BYTES", 200)
    made = parquet_part.Part(str(tmp_path), DOCUMENTS, ("file_id",))
    for i in range(0, 40, 4):
        rows = [
            {"file_id": "ab"[n % 2], "record": n, "text": f"Text {n}", "meta": [("n", str(n))]} for n in range(i, i + 4)
        ]
        made.write(pa.RecordBatch.from_pylist(rows, schema=DOCUMENTS))
    return made, made.finish()


def test_a_part_says_what_it_holds(part, tmp_path):
    made, add = part
    file = pq.ParquetFile(tmp_path / add["path"])
    assert file.num_row_groups > 3 and file.metadata.num_rows == 40
    assert add["size"] == (tmp_path / add["path"]).stat().st_size
    assert json.loads(add["stats"]) == {
        "numRecords": 40, "minValues": {"file_id": "a"}, "maxValues": {"file_id": "b"},
    }  # fmt: skip
    assert parquet_part.Part(str(tmp_path), DOCUMENTS, ()).finish() is None, "no rows, no file"


def fetch(uri, name, rows):
    batches = [pa.RecordBatch.from_pylist(rows[i : i + 3], schema=ROWS) for i in range(0, len(rows), 3)]
    found = FetchTexts(str(uri), (name,), FETCHED)(iter(batches))
    return sorted((row["doc_id"], row["text"], dict(row["meta"])["n"]) for batch in found for row in batch.to_pylist())


def test_every_row_gets_its_text_also_twice(part, tmp_path):
    picked = [3, 38, 3, 17, 0, 39, 20]
    rows = [{"doc_id": f"d{i}", "file_id": "ab"[n % 2], "record": n, "part": 0} for i, n in enumerate(picked)]
    wanted = sorted((f"d{i}", f"Text {n}", str(n)) for i, n in enumerate(picked))
    assert fetch(tmp_path, part[1]["path"], rows) == wanted


@pytest.mark.parametrize("row", [{"file_id": "a", "record": 3, "part": 0}, {"file_id": "z", "record": 2, "part": None}])
def test_a_row_without_a_text_is_an_error(part, tmp_path, row):
    with pytest.raises(ValueError, match="rows are (not in|of no file)"):
        fetch(tmp_path, part[1]["path"], [{"doc_id": "d", **row}])


# ---- shared keys ---------------------------------------------------------------------------------

KEYED = pa.schema([("number", pa.int64()), ("fixed", pa.bool_()), ("key", pa.int64())])


@given(st.lists(st.tuples(st.booleans(), st.integers(-3, 3)), max_size=30), st.integers(1, 7))
def test_rows_that_share_a_key_with_one_that_may_fall(rows, size):
    keyed = [{"number": i, "fixed": fixed, "key": key} for i, (fixed, key) in enumerate(rows)]
    batches = [pa.RecordBatch.from_pylist(keyed[i : i + size], schema=KEYED) for i in range(0, len(keyed), size)]
    buckets = defaultdict(list)
    for row in keyed:
        buckets[row["key"]].append(row)
    expected = {
        (key, row["number"])
        for key, members in buckets.items()
        if len(members) > 1 and not all(row["fixed"] for row in members)
        for row in members
    }
    found = [(row["bucket"], row["number"]) for batch in _shared(iter(batches)) for row in batch.to_pylist()]
    assert len(found) == len(expected) and set(found) == expected
