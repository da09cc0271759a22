"""mix on Spark: caps hold to the token in what is written, targets to a document, whatever the partitions."""

from __future__ import annotations

import hashlib
import io
import itertools
import json
import random
from collections.abc import Mapping
from fractions import Fraction
from typing import Any

import pytest
import recipe_runtime as rt
from deltalake import DeltaTable
from pyspark.sql import functions as F
from recipe_runtime import tables
from recipe_runtime.errors import StepError
from recipe_runtime.job import Job
from recipe_runtime.lake import Lake
from recipe_runtime.mixing.ask import Ask
from recipe_runtime.mixing.settle import Drawn, settle
from recipe_runtime.mixing.solver import solve
from recipe_runtime.progress import Progress
from recipe_runtime.relation import Relation
from recipe_runtime.steps import mix as mixes


def digits(*parts: object) -> str:
    return hashlib.sha256("|".join(map(str, parts)).encode()).hexdigest()[:32]


def documents() -> list[dict[str, Any]]:
    """Pages and rewrites of three tiers; a rewrite carries along some text of its page, in uneven parts."""
    known = random.Random(5)
    rows = []
    for n in range(420):
        origin = known.choices(["organic", "synthetic", "mixed"], [6, 3, 1])[0]
        tokens = known.choice([0, 3, 20, 60, 150, 400])
        rows.append(
            {
                "doc_id": digits("d", n),
                "text_hash": digits("t", n),
                "text_bytes": 4 * tokens + 1,
                "tokens": tokens,
                "generated_tokens": 0 if origin == "organic" else round(tokens * known.random()),
                "origin": origin,
                "tier": known.choice(["high", "medium", "low"]),
                "lang": known.choice(["en", "de"]),
                "source": known.choice("abcd"),
            }
        )
    return rows


COLUMNS = (
    "doc_id string, text_hash string, text_bytes bigint, tokens bigint, generated_tokens bigint, origin string, "
    "tier string, lang string, source string"
)
ROWS = documents()


@pytest.fixture(scope="module")
def pages(spark: Any) -> Any:
    return spark.createDataFrame([tuple(row.values()) for row in ROWS], COLUMNS).cache()


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(tmp_path_factory.mktemp("mix") / "lake")


@pytest.fixture
def job(spark: Any, lake: str) -> Job:
    return new_job(lake)


def new_job(lake: str) -> Job:
    """A run over the lake whose lines can be read."""
    made = Job("x.recipe", Lake(lake).open(), {}, {})
    made.progress = Progress(io.StringIO())
    return made


def part(frame: Any, sources: str) -> Any:
    return frame.where(F.col("source").isin(*sources))


READS = [Relation("pages", "select", "0" * 32, "0" * 32, {}, lambda: None)]

CAPS = {
    "all": lambda bound: rt.cap("synthetic", bound),
    "high": lambda bound: rt.cap("synthetic", bound, where=F.col("tier") == F.lit("high"), text="cap high"),
    "written": lambda bound: rt.cap("generated", bound),
    "german": lambda bound: rt.cap("generated", bound, where=F.col("lang") == F.lit("de"), text="cap german"),
}
WHERE = {"all": lambda r: True, "high": lambda r: r["tier"] == "high",
         "written": lambda r: True, "german": lambda r: r["lang"] == "de"}  # fmt: skip


def random_mix(number: int) -> dict[str, Any]:
    """Weights, epochs, caps and shortage rules of one of twenty mixes."""
    known = random.Random(number)
    sources = ["a", "b", "c", "cd" if number % 5 == 0 else "d"]  # sometimes a document is in two takes
    return {
        "takes": [(s, known.randint(1, 9), known.choice([None, 1, 2, 3.5])) for s in sources],
        "caps": [(name, known.choice([0.05, 0.1, 0.2, 0.3])) for name in known.sample(list(CAPS), known.randint(1, 3))],
        "size": known.choice([3_000, 12_000, 10**9]),
        "on_shortage": ["repeat", "renormalise"] if known.random() < 0.7 else ["repeat"],
        "seed": number,
    }


def asked(frame: Any, case: Mapping[str, Any]) -> Ask:
    whole = sum(w for _, w, _ in case["takes"])
    takes = [rt.take(s, part(frame, s), weight=Fraction(w, whole), epochs=e) for s, w, e in case["takes"]]
    caps = [CAPS[name](bound) for name, bound in case["caps"]]
    return Ask("m", takes, caps, case["size"], True, "tokens", case["on_shortage"])


def draw(spark: Any, frame: Any, case: Mapping[str, Any], partitions: int) -> tuple[Any, ...]:
    """A mix as the step makes it, without writing it: rows by (doc_id, epoch), plan, targets and cells."""
    ask = asked(frame, case)
    rows = [mixes._rows(ask, n, case["seed"]) for n in range(len(ask.takes))]
    union = rows[0].union(rows[1]).union(rows[2]).union(rows[3]).repartition(partitions).cache()
    cells = mixes._cells(ask, union)
    plan = solve(ask, cells)
    targets, drawn = settle(ask, cells, plan, mixes._drawer(ask, union, cells))
    found = sorted(map(tuple, mixes._drawn_rows(spark, ask, union, drawn).collect()))
    union.unpersist()
    return found, ask, cells, targets, drawn


def by_hand(ask: Ask, cells: list[Any], case: Mapping[str, Any]) -> list[tuple[str, int, str]]:
    """The same mix from lists: (doc_id, epoch, take). Documents lie in the order of a hash of seed and content."""
    ordered: dict[str, list[dict[str, Any]]] = {}
    for number, (sources, _, _) in enumerate(case["takes"]):
        for row in ROWS:
            if row["source"] in sources:
                flags = [str(int(WHERE[n](row))) for n, _ in case["caps"] if n in ("high", "german")]
                key = f"{number}:{'o' if row['origin'] == 'organic' else 's'}{''.join(flags)}"
                ordered.setdefault(key, []).append(row)
    used: dict[str, list[dict[str, Any]]] = {}

    def hashed(row: dict[str, Any]) -> str:
        return hashlib.sha256(f"{case['seed']}:{row['text_hash']}:{row['doc_id']}".encode()).hexdigest()

    def prefixes(targets: Mapping[str, int]) -> dict[str, Drawn]:
        for key, target in targets.items():
            rows = sorted(ordered[key], key=hashed)
            whole, rest = divmod(target, sum(r["tokens"] for r in rows)) if target else (0, 0)
            used[key] = rows * whole
            before = itertools.accumulate(row["tokens"] for row in rows)
            used[key] += [row for row, tokens in zip(rows, before, strict=True) if rest and tokens <= rest]
        sums = {k: (sum(r["tokens"] for r in used[k]), sum(r["generated_tokens"] for r in used[k])) for k in targets}
        return {k: Drawn(rows=len(used[k]), size=t, tokens=t, generated=g) for k, (t, g) in sums.items()}

    settle(ask, cells, solve(ask, cells), prefixes)
    found, epochs = [], dict.fromkeys((r["doc_id"] for r in ROWS), 0)
    for key in sorted(used):
        for row in used[key]:
            epochs[row["doc_id"]] += 1
            found.append((row["doc_id"], epochs[row["doc_id"]], case["takes"][int(key[0])][0]))
    return sorted(found)


@pytest.mark.parametrize("number", range(20))
def test_caps_hold_to_the_token_and_targets_to_a_document_in_any_partitions(spark, pages, number):
    case = random_mix(number)
    found, ask, cells, targets, drawn = draw(spark, pages, case, (1, 2, 7)[number % 3])
    by_id = {row["doc_id"]: row for row in ROWS}
    used = [by_id[row[0]] for row in found]
    assert used and len({row[:2] for row in found}) == len(found)
    assert [row[:3] for row in found] == by_hand(ask, cells, case)
    for (name, bound), own in zip(case["caps"], ask.caps, strict=True):
        within = [r for r in used if WHERE[name](r)]
        if own.kind == "generated":
            counted = sum(r["generated_tokens"] for r in within)
        else:
            counted = sum(r["tokens"] for r in within if r["origin"] != "organic")
        assert counted <= Fraction(str(bound)) * sum(r["tokens"] for r in within)
    for cell in cells:
        # The largest document is 400 tokens; a prefix ends before the first that is too much.
        assert targets[cell.key] - 400 < drawn[cell.key].size <= targets[cell.key]
    for source, _, epochs in case["takes"]:
        own = [row[0] for row in found if row[2] == source]
        assert all(own.count(doc_id) <= (epochs or 1) + 0.5 for doc_id in set(own))
        has = sum(r["tokens"] for r in ROWS if r["source"] in source)
        assert sum(by_id[doc_id]["tokens"] for doc_id in own) <= has * (epochs or 1)
    assert sum(r["tokens"] for r in used) <= case["size"]


@pytest.mark.parametrize("number", [0, 3])
def test_the_same_rows_in_1_2_and_7_partitions(spark, pages, number):
    case = random_mix(number)
    one, two, seven = (draw(spark, pages, case, n)[0] for n in (1, 2, 7))
    assert one == two == seven
    assert one != draw(spark, pages, {**case, "seed": 99}, 2)[0]


def test_the_step_writes_its_relation_its_row_and_a_report_and_is_then_read(pages, job, lake):
    settings: dict[str, Any] = {
        "takes": [
            rt.take("web", part(pages, "abc").where("origin = 'organic'"), weight=0.7, epochs=2, at="x.recipe:1"),
            rt.take("wiki", part(pages, "d").where("origin != 'organic'"), weight=0.2, at="x.recipe:2"),
            rt.take("books", part(pages, "x").drop("origin", "generated_tokens"), weight=0.1, at="x.recipe:3"),
        ],
        "caps": [rt.cap("synthetic", 0.19, text="cap synthetic <= 19%", at="x.recipe:4")],
        "size": 10**12, "at_most": True, "on_shortage": ["repeat", "renormalise"], "seed": 3,
        "reads": READS, "digest": "1" * 32, "at": "x.recipe:0",
    }  # fmt: skip
    # wiki is asked to be more than the cap allows, which no shortage rule may touch.
    with pytest.raises(StepError, match=r"cap synthetic <= 19% \(x.recipe:4\)"):
        job.mix("pretrain", **settings)
    assert not tables.exists(job.lake.relation(READS[0].step)) and not tables.read(job.lake, tables.STEPS)

    settings |= {"caps": [rt.cap("synthetic", 0.2223, text="cap synthetic <= 22.23%", at="x.recipe:4")]}
    made = job.mix("pretrain", **settings)
    rows = made.frame.collect()
    assert made.frame.columns == ["doc_id", "epoch", "take", "tier", "origin", "tokens", "generated_tokens"]
    [step] = tables.read(job.lake, tables.STEPS)
    report = json.loads(job.lake.get_blob(step["report"]))
    assert step["kind"] == "mix" and step["rows_in"] == step["rows_kept"] + step["rows_rejected"]
    assert step["rows_kept"] == len({r.doc_id for r in rows}) and step["tokens"] == sum(r.tokens for r in rows)
    assert step["dropped"] == {"not drawn": step["rows_rejected"]} and step["rows_rejected"] > 0
    assert made.count() == len(rows) == report["rows"]
    assert [t["take"] for t in report["takes"]] == ["web", "wiki", "books"] and report["takes"][2]["short"]
    assert report["takes"][0]["achieved"] == pytest.approx(7 / 9, abs=0.03)
    synthetic = sum(r.tokens for r in rows if r.origin != "organic")
    assert report["caps"][0]["achieved"] == report["synthetic_share"] == synthetic / step["tokens"] <= 0.2223
    assert report["generated_share"] == sum(r.generated_tokens for r in rows) / step["tokens"]
    assert {r.epoch for r in rows if r["take"] == "wiki"} == {1}

    said = job.progress._stream.getvalue()
    assert "take books  asked  10.00%  got   0.00%" in said and "it has no rows and is left out" in said
    version = DeltaTable(job.lake.relation(made.step)).version()
    later = new_job(lake)
    again = later.mix("pretrain", **settings)
    assert again.step == made.step and DeltaTable(job.lake.relation(made.step)).version() == version
    assert [s["made"] for s in (*job.steps, *later.steps)] == [True, False]
    assert "drawn before" in later.progress._stream.getvalue()
    assert len(tables.read(job.lake, tables.STEPS)) == 1


def test_a_missing_count_of_tokens_names_the_take(pages, job):
    unknown = pages.withColumn("tokens", F.when(F.col("source") == "a", F.col("tokens")))
    takes = [rt.take("good", part(unknown, "a"), weight=0.5), rt.take("bad", part(unknown, "b"), weight=0.5)]
    with pytest.raises(StepError, match="rows of take bad weight 50% have no count of tokens"):
        job.mix("m", takes=takes, size=100, reads=READS, digest="2" * 32, at="x.recipe:9")
    drawn = job.mix("m", takes=takes, size=100, unit="documents", reads=READS, digest="3" * 32, at="x.recipe:9")
    assert drawn.frame.count() == 100


def test_past_its_tolerance_nothing_is_written(pages, job):
    """Ten tokens cannot be a half of each: a document has more."""
    takes = [rt.take("a", part(pages, "a"), weight=0.5), rt.take("b", part(pages, "b"), weight=0.5)]
    with pytest.raises(StepError, match="past its tolerance of 0.01%"):
        job.mix("m", takes=takes, size=1001, tolerance=0.0001, reads=READS, digest="4" * 32, at="x.recipe:9")
    assert {s["operation"] for s in tables.read(job.lake, tables.STEPS)} <= {"1" * 32, "3" * 32}
