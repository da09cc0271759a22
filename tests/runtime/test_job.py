"""The quickstart recipe on a small crawl: what is kept, why the rest is not, and what a second run does."""

from __future__ import annotations

import ast
import json
import shutil
from collections import Counter
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from deltalake import DeltaTable
from recipe_runtime import tables
from recipe_runtime.errors import StepError
from recipe_runtime.lake import Lake
from recipe_udfs.identity import doc_id, origin_id, text_hash
from running import QUICKSTART, Page, Ran, prose, run_here, versions, write_warc

RECIPE = """
recipe small
edition 2026
use "std/gopher"
param crawl: path
param lake: path
param least: share = 65%
param words: int = 50
source pages = warc(crawl) {
  text    = resiliparse(html)
  license = page_license(html)
}
select clean from pages {
  lang by fasttext("lid.176")
  keep lang == en and lang_score >= least
  keep stats.words >= words
  dedup exact(of = text)
}
write clean to delta(lake) {
  partition = [lang]
  expect unique(doc_id, epoch)
  expect not_null(text)
}
"""


@pytest.fixture(scope="module")
def small(quiet, crawl_folder, tmp_path_factory) -> Ran:
    """A lake that RECIPE made of the crawl; tests that go on with it take a copy."""
    return run_here(RECIPE, tmp_path_factory.mktemp("small") / "lake", crawl=str(crawl_folder / "*.warc.gz"))


@pytest.fixture
def lake(small, tmp_path) -> Path:
    """A copy of that lake: tables of Delta and blobs name each other by relative paths."""
    return Path(shutil.copytree(small.lake, tmp_path / "lake"))


def rows(frame) -> Counter:
    """The multiset that must not depend on anything but content."""
    picked = frame.select("doc_id", "epoch", "text", "tier", "origin", "license").collect()
    return Counter((r.doc_id, r.epoch, r.text, r.tier, r.origin, tuple(r.license)) for r in picked)


def test_every_page_is_kept_or_has_its_reason(real_lake, spark):
    steps = {row["kind"]: row for row in real_lake.ledger("steps")}
    source, select, write = steps["source"], steps["select"], steps["write"]
    assert source["rows_in"] == 42
    assert source["dropped"] == {"http_status": 1, "content_type": 1}
    assert select["rows_in"] == source["rows_kept"] == 40
    reasons = Counter(row["rule"] for row in real_lake.ledger("rejects"))
    assert reasons["http_status"] == reasons["content_type"] == 1
    assert reasons["lang == en"] == 1
    assert reasons["dedup exact(of = text)"] == 1
    assert any(rule.startswith("dedup minhash(") for rule in reasons)
    assert write["rows_kept"] == real_lake.output(spark).count() >= 30


def test_in_equals_kept_plus_rejected_for_every_step(real_lake):
    rejects = Counter(row["step"] for row in real_lake.ledger("rejects"))
    edges = Counter(row["step"] for row in real_lake.ledger("edges"))
    for step in real_lake.ledger("steps"):
        dropped = edges[step["step"]] if step["kind"] == "dedup" else rejects[step["step"]]
        assert step["rows_in"] == step["rows_kept"] + dropped, step["name"]
        assert step["rows_rejected"] == dropped == sum(step["dropped"].values()), step["name"]


def test_a_document_carries_its_provenance(real_lake, spark):
    row = real_lake.output(spark).where("url like 'http://docs.example.org/%'").orderBy("url").first()
    assert row.source == "pages" and row.domain == "example.org" and row.lang == "en"
    assert row.origin == "organic" and row.root_ids == [row.doc_id] and row.parent_ids == [] and row.generations == []
    assert row.epoch == 1 and row.tier is None
    assert 0.65 <= row.scores["lang_score"] <= 1.0001
    assert "cc-by-4.0" in row.license


def test_a_survivor_carries_the_licences_of_its_exact_duplicates(real_lake, spark):
    edge = next(e for e in real_lake.ledger("edges") if e["kind"] == "duplicate_exact")
    survivor = real_lake.output(spark).where(f"doc_id = '{edge['parent']}'").first()
    assert set(survivor.license) == {"cc-by-4.0", "cc0-1.0"}
    assert edge["parent"] < edge["child"]


def test_a_near_duplicate_names_its_survivor_and_the_similarity(real_lake):
    reject = next(r for r in real_lake.ledger("rejects") if r["rule"].startswith("dedup minhash("))
    edge = next(e for e in real_lake.ledger("edges") if e["kind"] == "duplicate_minhash")
    assert reject["matched"] == edge["parent"] and reject["doc_id"] == edge["child"]
    assert 0.8 <= edge["similarity"] < 1


def test_a_second_run_makes_nothing(real_lake, run_recipe, crawl_folder):
    before = versions(real_lake.lake)
    again = run_recipe(QUICKSTART.read_text(), real_lake.lake, crawl=str(crawl_folder / "*.warc.gz"))
    assert versions(real_lake.lake) == before
    ended = max((row for row in again.ledger("runs") if row["state"] == "ended"), key=lambda row: row["run_id"])
    assert not any(step["made"] for step in ended["steps"]) and not ended["outputs"][0]["made"]


def test_runs_say_what_was_read_and_made(real_lake):
    rows_ = sorted(real_lake.ledger("runs"), key=lambda row: row["run_id"])
    started = next(row for row in rows_ if row["state"] == "started")
    ended = next(row for row in rows_ if row["state"] == "ended" and row["run_id"] == started["run_id"])
    assert ended["status"] == "complete" and ended["outputs"][0]["version"] == 0
    lake = Lake(str(real_lake.lake))
    (source,) = json.loads(lake.get_blob(started["inputs"]))
    assert {Path(f["uri"]).name for f in source["files"]} == {"a.warc.gz", "b.warc.gz", "c.warc.gz"}
    assert lake.get_blob(started["files"]["quickstart.recipe"]) == QUICKSTART.read_bytes()


def test_another_threshold_then_the_first_again(small, lake, run_recipe, spark, crawl_folder):
    crawl_ = str(crawl_folder / "*.warc.gz")
    first, made = rows(small.output(spark)), versions(lake)
    second = rows(run_recipe(RECIPE, lake, crawl=crawl_, words="400").output(spark))
    assert second < first
    changed = {name for name, version in versions(lake).items() if made.get(name) not in (None, version)}
    ledger = {f"_recipec/{name}" for name in ("steps", "rejects", "stats", "edges")}
    assert changed == {"clean", *ledger}, "no page is read and no text annotated again"
    third = run_recipe(RECIPE, lake, crawl=crawl_)
    assert rows(third.output(spark)) == first
    assert versions(lake)["clean"] == 2


def test_one_file_more_is_the_only_one_read(small, lake, run_recipe, spark, crawl_folder, tmp_path):
    folder = Path(shutil.copytree(crawl_folder, tmp_path / "crawl"))
    shard = next(row["shard"] for row in small.ledger("steps") if row["kind"] == "source")

    def markers() -> set[tuple[str, str]]:
        documents = spark.read.format("delta").load(str(lake / "_recipec" / "relations" / shard))
        return {(r.file_id, r.run_id) for r in documents.where("marker").collect()}

    before = markers()
    name, text = prose(37)[-1]
    write_warc(folder / "d.warc.gz", [Page("http://new.example.org/", (*text, "And one sentence more."))])
    second = run_recipe(RECIPE, lake, crawl=str(folder / "*.gz"))
    after = markers()
    assert before < after and len(after) == len(before) + 1
    assert second.output(spark).where("url = 'http://new.example.org/'").count() == 1


@pytest.mark.parametrize("partitions", [1, 7])
def test_neither_partitions_nor_the_order_of_files_matter(small, run_recipe, spark, crawl_folder, tmp_path, partitions):
    """Fault 20: the same pages in files of other names, in another order, under another number of partitions."""
    folder = tmp_path / "other"
    folder.mkdir()
    for i, name in enumerate(("b.warc.gz", "c.warc.gz", "a.warc.gz")):
        shutil.copy(crawl_folder / name, folder / f"{i}.warc.gz")
    before = spark.conf.get("spark.sql.shuffle.partitions")
    spark.conf.set("spark.sql.shuffle.partitions", str(partitions))
    try:
        found = rows(run_recipe(RECIPE, tmp_path / "lake", crawl=str(folder)).output(spark))
    finally:
        spark.conf.set("spark.sql.shuffle.partitions", before)
    assert found == rows(small.output(spark))


def test_the_script_run_up_to_any_line_gives_the_frame_of_that_step(small, quiet):
    """Pasted into a notebook statement by statement, each leaves a frame to look at."""
    variables: dict = {}
    seen = {}
    for statement in ast.parse(small.script).body:
        if "job.end" in ast.unparse(statement):
            break
        exec(compile(ast.Module([statement], []), "script.py", "exec"), variables)
        for name in ("pages", "clean", "clean_exact", "clean_rows"):
            frame = getattr(variables.get(name), "frame", variables.get(name))
            if frame is not None:
                seen[name] = frame.columns
    assert {"doc_id", "text", "url", "license"} <= set(seen["pages"])
    assert {"doc_id", "lang", "lang_score", "stats_words", "rejected"} <= set(seen["clean"])
    assert "text" not in seen["clean"]
    assert {"doc_id", "survivor"} <= set(seen["clean_exact"])
    assert seen["clean_rows"][:3] == ["doc_id", "epoch", "text"]


def test_the_same_record_twice_is_one_document(run_recipe, spark, tmp_path):
    folder, lake = tmp_path / "crawl", tmp_path / "lake"
    folder.mkdir()
    name, text = prose(1)[0]
    page = Page("http://docs.example.org/one", text)
    other = Page("http://docs.example.org/one", (*text, "The page has changed a little since."))
    write_warc(folder / "a.warc.gz", [page])
    write_warc(folder / "b.warc.gz", [page, other])
    ran = run_recipe(RECIPE, lake, crawl=str(folder))
    dropped = dict(next(row for row in ran.ledger("steps") if row["kind"] == "source")["dropped"])
    assert dropped in ({"repeated_record": 1, "repeated_id": 1}, {"repeated_id": 2})
    assert ran.output(spark).count() == 1
    assert all(r["matched"] for r in ran.ledger("rejects"))


def test_a_missing_input_is_said_before_spark_starts(run_recipe, tmp_path):
    with pytest.raises(StepError, match="no file at"):
        run_recipe(RECIPE, tmp_path / "lake", crawl=str(tmp_path / "nowhere" / "*.gz"))
    assert not (tmp_path / "lake" / "clean").exists()


def test_a_broken_expectation_makes_no_version(small, lake, run_recipe, spark, crawl_folder):
    broken = RECIPE.replace("expect unique(doc_id, epoch)", "expect unique(domain)")
    with pytest.raises(StepError, match=r"x\.recipe:\d+: expect unique\(domain\) fails for clean"):
        run_recipe(broken, lake, crawl=str(crawl_folder / "*.gz"))
    assert versions(lake)["clean"] == 0
    assert rows(spark.read.format("delta").load(str(lake / "clean"))) == rows(small.output(spark))


def test_changed_output_columns_are_refused_unless_said(lake, run_recipe, crawl_folder):
    crawl_ = str(crawl_folder / "*.gz")
    more = RECIPE.replace("  license = page", "  site = path_part(-1)\n  license = page")
    with pytest.raises(StepError, match="gained site"):
        run_recipe(more, lake, crawl=crawl_)
    assert versions(lake)["clean"] == 0
    run_recipe(more.replace("partition = [lang]", "partition = [lang]\n  schema = evolve"), lake, crawl=crawl_)
    assert versions(lake)["clean"] == 1


def test_ledger_tables_keep_no_text_or_url_in_their_statistics(real_lake):
    for log in real_lake.lake.rglob("_delta_log"):
        configuration = DeltaTable(str(log.parent)).metadata().configuration
        named = set(configuration["delta.dataSkippingStatsColumns"].split(","))
        assert not named & {"text", "url", "domain", "value", "meta"}, log
        assert configuration["delta.deletedFileRetentionDuration"] == f"interval {tables.RETENTION_DAYS} days"


# ---- records of other kinds ------------------------------------------------------------------------

PLAIN = """
recipe lines
edition 2026
param input: path
param lake: path
source pages = jsonl(input) {
  id      = id
  license = license
  topic   = topic
}
select short from pages {
  keep stats.words >= 5
}
write short to delta(lake)
"""
EDITED = PLAIN.replace(
    """select short from pages {
  keep stats.words >= 5
""",
    """select clean from pages {
  keep stats.words >= 5
  clean lines(min_words = 3)
  keep stats.words >= 5
  dedup minhash(shingle = 2 words, bands = 20, rows = 2, verify = 50%, keep = lowest_id, seed = 1, within = topic)
}
select short from clean {
  keep stats.words <= 30
""",
)
WORDS = "one two three four five six seven eight nine ten eleven twelve"


def write_lines(path: Path, *records: dict | bytes) -> str:
    """A JSONL file; bytes stand as they are."""
    lines = [record if isinstance(record, bytes) else json.dumps(record).encode() for record in records]
    path.write_bytes(b"\n".join(lines) + b"\n")
    return str(path)


def test_what_is_no_document_is_a_reject_with_its_reason(run_recipe, tmp_path):
    """Fault 16: nothing is lost, counts reconcile."""
    rest = {"topic": "a", "license": "cc0-1.0"}
    records = [
        {"id": "1", "text": WORDS, **rest},
        {"id": "2", "text": "", **rest},
        {"id": "3", "text": None, **rest},
        {"id": "4", "text": "nul \x00 character", **rest},
        b'{"id": "5", "text": "\xff\xfe", "topic": "a", "license": "cc0-1.0"}',
        b'{"id": "6", "text": "\\ud800", "topic": "a", "license": "cc0-1.0"}',
        b'{"id": "7"',
        {"id": "8", "text": 8, **rest},
    ]
    ran = run_recipe(PLAIN, tmp_path / "lake", input=write_lines(tmp_path / "in.jsonl", *records))
    source = next(row for row in ran.ledger("steps") if row["kind"] == "source")
    assert (source["rows_in"], source["rows_kept"], source["rows_rejected"]) == (8, 1, 7)
    reasons = {"empty_text", "null_text", "nul_character", "invalid_utf8", "invalid_json", "wrong_type"}
    assert reasons <= set(source["dropped"])
    assert len(ran.ledger("rejects")) == 7 and all(row["at"] == "x.recipe:6" for row in ran.ledger("rejects"))


def test_edits_dedup_within_and_a_select_from_a_select(run_recipe, spark, tmp_path):
    other = WORDS.replace("six", "sax")
    records = [
        {"id": "kept", "text": f"{WORDS}\nmenu", "topic": "a", "license": "x"},
        {"id": "near", "text": other, "topic": "a", "license": "x"},
        {"id": "elsewhere", "text": other, "topic": "b", "license": "x"},
        {"id": "gone", "text": "a b\nc d\ne f", "topic": "b", "license": "x"},
        {"id": "long", "text": " ".join(f"word{i}" for i in range(40)), "topic": "b", "license": "x"},
        {"id": "alone", "text": f"{WORDS} and more\nmenu", "topic": "c", "license": "x"},
    ]
    path = write_lines(tmp_path / "in.jsonl", *records)
    ran = run_recipe(EDITED, tmp_path / "lake", input=path)
    found = {r.topic: r for r in ran.output(spark, "short").collect()}
    assert set(found) == {"a", "b", "c"}, "one of each: near copies are compared within their topic"
    assert found["a"].text in (WORDS, other) and found["b"].text == other
    assert found["c"].text == f"{WORDS} and more", "the menu line is gone"
    assert found["c"].doc_id == doc_id(origin_id("pages", "alone"), text_hash(found["c"].text))
    rules = Counter(row["rule"].partition("(")[0] for row in ran.ledger("rejects"))
    assert rules == {"clean lines": 1, "dedup minhash": 1, "stats.words <= 30": 1}
    made = versions(tmp_path / "lake")
    run_recipe(EDITED, tmp_path / "lake", input=path)
    assert versions(tmp_path / "lake") == made


def test_a_source_whose_columns_changed_is_refused(run_recipe, spark, tmp_path):
    """Fault 19: lost, retyped, gained; the old version stays as it was, and accepting is one line."""
    recipe = PLAIN.replace("jsonl(input)", "parquet(input)")
    before = {"id": "1", "text": WORDS, "license": "x", "topic": "a"}
    path, lake = tmp_path / "in.parquet", tmp_path / "lake"

    def write(record: dict) -> None:
        pq.write_table(pa.Table.from_pylist([record]), path)

    write(before)
    run_recipe(recipe, lake, input=str(path))
    kept = versions(lake)
    for now, said in (
        ({"id": "1", "text": WORDS, "license": "x"}, "topic"),
        ({**before, "topic": 7}, r"topic.*int64"),
        ({**before, "more": 1}, r"more \(int64\) is new"),
    ):
        write(now)
        with pytest.raises(StepError, match=said):
            run_recipe(recipe, lake, input=str(path))
    assert versions(lake) == kept
    accepting = recipe.replace("  topic   = topic\n", "  topic   = topic\n  on_schema_change = accept\n")
    assert run_recipe(accepting, lake, input=str(path)).output(spark, "short").count() == 1


@pytest.mark.parametrize("kind", ["csv", "delta"])
def test_tables_are_sources_too(run_recipe, spark, tmp_path, kind):
    rows_ = [{"id": str(i), "text": f"{WORDS} {i}", "topic": str(i), "license": "cc0-1.0"} for i in range(3)]
    path = tmp_path / f"in.{kind}"
    if kind == "csv":
        path.write_text("id,text,topic,license\n" + "".join(",".join(r.values()) + "\n" for r in rows_))
    else:
        spark.createDataFrame(rows_).write.format("delta").save(str(path))
    ran = run_recipe(PLAIN.replace("jsonl(input)", f"{kind}(input)"), tmp_path / "lake", input=str(path))
    assert {tuple(r.license) for r in ran.output(spark, "short").collect()} == {("cc0-1.0",)}
    assert ran.output(spark, "short").count() == 3
