"""Questions to a lake that Spark made: every page of the crawl is explained, and the explanation is true."""

import json
import os
import subprocess
import sys
import zlib
from pathlib import Path

import pytest
from recipe_runtime.lineage import balance, funnel, runs, trace, why
from running import prose

KNOWN = {
    "http://gone.example.com/": ("http_status", "404"),
    "http://image.example.com/x.gif": ("content_type", "image/gif"),
    "http://deutsch.example.de/": ("lang == en", "de"),
}


def urls() -> list[str]:
    mirrors = ["http://mirror.example.net/same", "http://mirror.example.net/near", "http://short.example.com/"]
    return [f"http://docs.example.org/{name}" for name, _ in prose(36)] + mirrors + list(KNOWN)


def test_every_page_is_kept_or_rejected_and_none_is_both(real_lake):
    found = {url: why(str(real_lake.lake), url) for url in urls()}
    assert {answer.status for answer in found.values()} == {"kept", "rejected"}
    assert all(len(answer.kept) + len(answer.rejects) == 1 for answer in found.values())
    stages = {(stage.kind, stage.name): stage for stage in funnel(str(real_lake.lake), "clean").stages}
    kept = sum(answer.status == "kept" for answer in found.values())
    assert kept == stages["write", "clean"].rows_kept
    assert len(found) == stages["source", "pages"].rows_in


@pytest.mark.parametrize("url", KNOWN)
def test_a_known_reason_is_the_one_given(real_lake, url):
    (reject,) = why(str(real_lake.lake), url).rejects
    assert (reject.rule, reject.value) == KNOWN[url]
    recipe = real_lake.script
    assert reject.line and reject.line in recipe


def test_one_of_two_equal_pages_stands_for_the_other_and_carries_its_licence(real_lake):
    lake = str(real_lake.lake)
    name = prose(36)[0][0]
    answers = [why(lake, url) for url in (f"http://docs.example.org/{name}", "http://mirror.example.net/same")]
    (kept,) = [answer.kept[0] for answer in answers if answer.kept]
    (reject,) = [answer.rejects[0] for answer in answers if answer.rejects]
    assert (reject.rule, reject.matched, reject.matched_url) == ("dedup exact(of = text)", kept.doc_id, kept.url)
    found = trace(lake, "clean", kept.doc_id)
    assert [(twin.doc_id, twin.kind) for twin in found.duplicates] == [(reject.doc_id, "duplicate_exact")]
    assert set(found.license) == {"cc-by-4.0", "cc0-1.0"}


def test_the_record_it_names_holds_the_page(real_lake, crawl_folder):
    lake = str(real_lake.lake)
    kept = next(answer.kept[0] for answer in (why(lake, url) for url in urls()) if answer.kept)
    (record,) = trace(lake, None, kept.doc_id).records
    assert Path(record.uri).parent == crawl_folder
    member = zlib.decompressobj(31).decompress(Path(record.uri).read_bytes()[record.record :])
    assert record.record_key.encode() in member
    assert f"WARC-Target-URI: {kept.url}\r\n".encode() in member


def test_every_step_it_passed_has_its_line_and_libraries(real_lake):
    lake = str(real_lake.lake)
    kept = next(answer.kept[0] for answer in (why(lake, url) for url in urls()) if answer.kept)
    steps = trace(lake, None, kept.doc_id).steps
    kinds = [step.kind for step in steps]
    assert (kinds[0], kinds[-2:], set(kinds)) == (
        "source", ["select", "write"], {"source", "annotate", "dedup", "select", "write"},
    )  # fmt: skip
    assert all(step.line for step in steps)
    assert "trafilatura" in steps[0].libraries
    select = steps[kinds.index("select")]
    assert select.figures["lang"] == "en"
    assert select.figures["lang_score"] >= 0.65


def test_every_step_balances(real_lake):
    found = balance(str(real_lake.lake))
    assert found.holds
    assert len(found.steps) >= 5
    assert sum(step.counted for step in found.steps if step.kind == "source") == 2


def test_the_run_is_complete(real_lake):
    (only,) = (run for run in runs(str(real_lake.lake)).runs if run.made)  # others only read it
    assert (only.state, only.recipe, only.made) == ("complete", "quickstart", len(only.steps))


@pytest.mark.parametrize("question", ["trace", "why"])
def test_the_command_answers_where_there_is_no_java(real_lake, tmp_path, question):
    """What an answer costs is measured by bench/lineage.py."""
    lake = str(real_lake.lake)
    kept = next(answer.kept[0] for answer in (why(lake, url) for url in urls()) if answer.kept)
    command = [sys.executable, "-m", "recipec.cli", "lineage", question, lake, kept.doc_id, "--json"]
    nothing = {name: str(tmp_path) for name in ("PATH", "JAVA_HOME", "SPARK_HOME")}
    done = subprocess.run(command, capture_output=True, text=True, check=True, env={**os.environ, **nothing})
    assert kept.url in json.dumps(json.loads(done.stdout))
