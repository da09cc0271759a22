"""Duplicates: which row of a group stays by each rule, against another relation, and what verification says."""

from __future__ import annotations

import hashlib
import io
import json
from contextlib import redirect_stderr
from datetime import UTC, datetime
from itertools import combinations

import pytest
from pyspark.sql import Window
from recipe_runtime import groups, near_duplicates, ops, shards
from recipe_runtime.errors import StepError
from recipe_runtime.job import Job
from recipe_runtime.lake import Lake
from recipe_runtime.survivors import rank_columns, survivor
from running import Ran, run_here

# ---- a recipe of all of it -------------------------------------------------------------------------

RECIPE = """
recipe dedups
edition 2026
param input: path
param lake: path
source pages = jsonl(input) {
  id         = id
  url        = url
  fetched_at = fetched_at
  shelf      = shelf
  rank       = rank
  name       = name
}
select known from pages {
  keep shelf == "known"
}
select web from pages {
  keep shelf != "known"
  dedup exact(of = normalised_text, keep = earliest)
  score worth = rank * 2
  dedup exact(of = url, keep = highest, by = worth)
  dedup minhash(shingle = 3 words, bands = 40, rows = 2, verify = 60%, keep = longest, seed = 1) against known
}
write web to delta(lake)
"""
VERIFY = 0.6


def words(of: str, count: int = 60) -> list[str]:
    """Words that no text of another letter has."""
    return [f"{of}{i}" for i in range(count)]


def near(of: str, changed: int, more: str = "", until: int = 1) -> str:
    """Those words, from `changed` on `until` of them others, and something behind."""
    found = words(of)
    found[changed : changed + until] = [f"other{of}{changed + i}" for i in range(until)]
    return " ".join([*found, more]).strip()


def page(name: str, text: str, **more: object) -> dict:
    day = more.pop("day", None)
    fetched_at = f"2026-01-{day:02}T00:00:00Z" if day else None
    url = more.pop("url", f"http://{name}.example.org/")
    return {"id": name, "name": name, "text": text, "shelf": "web", "url": url, "fetched_at": fetched_at, **more}


SAME, ALIKE = "http://same.example.org/", "http://alike.example.org/"
PAGES = [
    page("later", "The same words, in one order!", day=5),
    page("first", "the same WORDS in one order", day=2),
    page("undated", "the same words in one order."),
    page("middling", " ".join(words("f")), url=SAME, rank=3.5),
    page("best", " ".join(words("g")), url=SAME, rank=4.0),
    page("unranked", " ".join(words("h")), url=SAME, rank=None),
    page("short", near("a", 5)),
    page("longest", near("a", 30, "and a longer end")),
    page("between", near("a", 50, "end")),
    page("copy", near("b", 5, "longer than those that are known of it")),
    page("known_short", near("b", 30), shelf="known"),
    page("known_long", near("b", 50, "end"), shelf="known"),
    page("unlike", near("c", 0, until=20)),
    page("unlike_too", near("c", 40, until=20)),
]


@pytest.fixture(scope="module")
def said() -> io.StringIO:
    return io.StringIO()


@pytest.fixture(scope="module")
def ran(quiet, said, tmp_path_factory) -> Ran:
    folder = tmp_path_factory.mktemp("dedup")
    path = folder / "in.jsonl"
    path.write_text("".join(json.dumps(page) + "\n" for page in PAGES))
    with redirect_stderr(said):
        return run_here(RECIPE, folder / "lake", input=str(path))


@pytest.fixture(scope="module")
def names(ran) -> dict[str, str]:
    """doc_id → name."""
    return {row.doc_id: row["name"] for row in ran.variables["pages"].frame.select("doc_id", "name").collect()}


def test_the_first_fetched_the_highest_and_the_longest_stay(ran, spark):
    kept = {row["name"] for row in ran.output(spark, "web").collect()}
    assert kept == {"first", "best", "longest", "unlike", "unlike_too"}


def test_more_rows_than_one_worker_holds_give_the_same(ran, spark, tmp_path, monkeypatch):
    """What Spark groups and joins beyond the limits is what a worker groups, and is sent whole, below them."""
    monkeypatch.setattr(groups, "ROWS", 0)
    monkeypatch.setattr(shards, "SENT", 0)
    path = tmp_path / "in.jsonl"
    path.write_text("".join(json.dumps(page) + "\n" for page in PAGES))
    recipe = RECIPE.replace("verify = 60%", "verify = none")
    # An edit and what is computed behind it are joined to the rows.
    recipe = recipe.replace("  dedup minhash", "  clean lines(min_words = 1)\n  dedup minhash")
    by_spark = run_here(recipe, tmp_path / "spark", input=str(path))
    monkeypatch.undo()
    here = run_here(recipe, tmp_path / "here", input=str(path))
    columns = ("doc_id", "matched", "rule", "value")
    assert sorted(str([row[c] for c in columns]) for row in here.ledger("rejects")) == sorted(
        str([row[c] for c in columns]) for row in by_spark.ledger("rejects")
    )
    kept = {row["name"]: row["license"] for row in here.output(spark, "web").collect()}
    assert kept == {row["name"]: row["license"] for row in by_spark.output(spark, "web").collect()}


def test_each_that_fell_out_names_the_one_that_stays(ran, names):
    matched = {
        names[row["doc_id"]]: names[row["matched"]] for row in ran.ledger("rejects") if row["rule"].startswith("dedup")
    }
    assert matched == {
        "later": "first", "undated": "first",
        "middling": "best", "unranked": "best",
        "short": "longest", "between": "longest",
        "copy": "known_long",
    }  # fmt: skip


def shingles(text: str) -> set[tuple[str, ...]]:
    found = text.lower().split()
    return set(zip(found, found[1:], found[2:], strict=False))


def jaccard(one: dict, other: dict) -> float:
    a, b = shingles(one["text"]), shingles(other["text"])
    return len(a & b) / len(a | b)


def test_no_edge_is_below_the_threshold_though_such_pairs_were_compared(ran):
    (step,) = [row for row in ran.ledger("steps") if row["name"] == "web.minhash"]
    edges = [row for row in ran.ledger("edges") if row["step"] == step["step"]]
    assert len(edges) == 3 and min(edge["similarity"] for edge in edges) >= VERIFY
    seen = json.loads(Lake(str(ran.lake)).get_blob(step["report"]))
    compared = [p for p in PAGES if p["name"] not in ("later", "undated", "middling", "unranked")]
    # Of two that are known none is dropped, so they are not compared.
    pairs = [pair for pair in combinations(compared, 2) if {p["shelf"] for p in pair} != {"known"}]
    similar = [pair for pair in pairs if jaccard(*pair) >= VERIFY]
    alike = [pair for pair in pairs if 0 < jaccard(*pair) < VERIFY]
    assert len(alike) == 1, "unlike and unlike_too share a fifth of their words"
    assert (seen["edges"], seen["pairs"]) == (len(similar), len(similar) + len(alike))
    candidates = {p["name"]: p for pair in (*similar, *alike) for p in pair}
    assert seen["candidates"] == len(candidates)
    assert seen["verified_bytes"] == 8 * sum(len(shingles(p["text"])) for p in candidates.values())
    assert seen["text_bytes"] == sum(len(p["text"]) for p in compared)


def test_what_was_verified_is_said_as_a_share_of_the_text(ran, said):
    (line,) = [line for line in said.getvalue().splitlines() if "dedup minhash" in line]
    (step,) = [row for row in ran.ledger("steps") if row["name"] == "web.minhash"]
    seen = json.loads(Lake(str(ran.lake)).get_blob(step["report"]))
    share = f"{seen['verified_bytes'] / seen['text_bytes']:.1%}"
    assert line.endswith(f"verified 6 pairs of 8 documents: hashes of {share} of the text")


# ---- the row that stays ----------------------------------------------------------------------------

ROWS = "doc_id string, fixed boolean, text_bytes bigint, fetched_at timestamp, whole bigint, part float"
NAN, LEAST, MOST = float("nan"), -(2**63), 2**63 - 1
DAY = [datetime(2026, 1, day, tzinfo=UTC) for day in range(1, 5)]


@pytest.mark.parametrize(
    ("keep", "rows", "stays"),
    [
        ("lowest_id", [("b", False, 9, DAY[0], 9, 9.0), ("a", False, 1, DAY[1], 1, 1.0)], "a"),
        ("lowest_id", [("b", True, 1, None, 1, 1.0), ("c", True, 9, None, 9, 9.0), ("a", False, 9, None, 9, 9.0)], "b"),
        ("longest", [("a", False, 1, None, 0, 0.0), ("b", False, 2, None, 0, 0.0)], "b"),
        ("longest", [("b", False, 2, None, 0, 0.0), ("a", False, 2, None, 0, 0.0)], "a"),
        ("longest", [("a", False, 9, None, 0, 0.0), ("b", True, 1, None, 0, 0.0), ("c", True, 2, None, 0, 0.0)], "c"),
        ("earliest", [("a", False, 0, DAY[2], 0, 0.0), ("b", False, 0, DAY[1], 0, 0.0)], "b"),
        ("earliest", [("a", False, 0, None, 0, 0.0), ("b", False, 0, DAY[3], 0, 0.0)], "b"),
        ("earliest", [("b", False, 0, None, 0, 0.0), ("a", False, 0, None, 0, 0.0)], "a"),
        ("highest whole", [("a", False, 0, None, LEAST, 0.0), ("b", False, 0, None, MOST, 0.0)], "b"),
        ("highest whole", [("a", False, 0, None, None, 0.0), ("b", False, 0, None, LEAST, 0.0)], "b"),
        ("highest part", [("a", False, 0, None, 0, NAN), ("b", False, 0, None, 0, -3.0)], "b"),
        ("highest part", [("b", False, 0, None, 0, NAN), ("a", False, 0, None, 0, None)], "a"),
        ("highest part", [("b", False, 0, None, 0, 0.0), ("a", False, 0, None, 0, -0.0)], "a"),
    ],
)
def test_a_rule_of_the_recipe_then_the_smallest_id(spark, keep, rows, stays):
    frame = spark.createDataFrame(rows, ROWS)
    word, _, by = keep.partition(" ")
    ranked = rank_columns(ops.op("exact@1", keep=word, by=by or None), frame, "x.recipe:1")
    found = frame.select(survivor(frame, ranked, word, Window.partitionBy()).alias("stays")).distinct().collect()
    assert [row.stays for row in found] == [stays]


def test_a_column_that_only_the_run_knows_is_no_number(spark):
    frame = spark.createDataFrame([("a", "b")], "doc_id string, colour string")
    for by, said_ in (("colour", "is string"), ("shade", "is not there")):
        with pytest.raises(StepError, match=rf"x.recipe:7: keep = highest, by = {by}: the column {said_}") as error:
            rank_columns(ops.op("exact@1", keep="highest", by=by), frame, "x.recipe:7")
        assert "score" in error.value.remedy


# ---- verification ----------------------------------------------------------------------------------

MEMBERS = (
    "bucket string, member struct<fixed boolean, doc_id string>, head struct<fixed boolean, doc_id string>, "
    "members bigint"
)
OPERATOR = ops.op("minhash@1", shingle="2 words", verify=0.5)


@pytest.fixture
def job(spark, tmp_path) -> Job:
    return Job("tests", Lake(str(tmp_path / "lake")).open(), {}, {})


def verified(job, texts: dict[str, str], buckets: list[list[str]]):
    """{(a, b): similarity} of the edges, and the report."""
    members = [
        (str(i), (False, name), (False, min(bucket)), len(bucket))
        for i, bucket in enumerate(buckets)
        for name in bucket
    ]
    edges, seen = near_duplicates.verified(
        job, job.spark.createDataFrame(members, MEMBERS), OPERATOR,
        job.spark.createDataFrame(list(texts.items()), "doc_id string, text string"),
        len(texts), sum(map(len, texts.values())),
    )  # fmt: skip
    return {(row.a, row.b): row.similarity for row in edges.collect()}, seen


def test_candidates_are_found_in_as_many_passes_as_it_takes(job, monkeypatch):
    texts = {f"{i}{side}": f"one two three four {i} {i}{side}" for i in range(6) for side in "ab"}
    buckets = [[f"{i}a", f"{i}b"] for i in range(6)]
    whole = verified(job, texts, buckets)
    assert len(whole[0]) == 6 and whole[1].candidates == 12
    monkeypatch.setattr(near_duplicates, "SENT", 5)
    assert verified(job, texts, buckets) == whole


def test_nothing_to_verify(job):
    edges, seen = verified(job, {"a": "one two three"}, [])
    assert edges == {} and str(seen) == "verified 0 pairs of 0 documents: hashes of 0.0% of the text"


def test_no_text_is_shuffled_however_many_candidates_there_are(job, spark):
    """The threshold under which Spark sends a side of a join to every task stands in for their number."""
    word = [hashlib.sha512(str(i).encode()).hexdigest() for i in range(400)]
    texts = {f"{i:02}": " ".join([*word[:390], word[390 + i % 10]]) for i in range(20)}
    text_bytes = sum(map(len, texts.values()))
    spark.conf.set("spark.sql.autoBroadcastJoinThreshold", "-1")
    try:
        before = shuffled(spark)
        edges, _ = verified(job, texts, [sorted(texts)])
    finally:
        spark.conf.unset("spark.sql.autoBroadcastJoinThreshold")
    assert len(edges) == 190
    moved = shuffled(spark) - before
    assert 0 < moved < text_bytes


def shuffled(spark) -> int:
    """Bytes that the stages of this session have written to be shuffled."""
    jvm, sc = spark.sparkContext._jvm, spark.sparkContext._jsc.sc()
    none = jvm.java.util.ArrayList()
    doubles = spark.sparkContext._gateway.new_array(jvm.double, 0)
    stages = sc.statusStore().stageList(none, False, False, doubles, none)
    return sum(stages.apply(i).shuffleWriteBytes() for i in range(stages.size()))
