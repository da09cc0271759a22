"""What a person is told of a document that is not there."""

import json

import pytest
from recipe_runtime import tables
from recipe_runtime.lineage import Unanswered, why
from small_lake import COPY, EVIL, ONE, SIX, THREE, TWO, SmallLake, h, url_id


def test_a_url_fell_at_a_value_of_a_threshold_on_a_line_of_the_recipe(small):
    found = why(small.path, SIX.url)
    assert found.status == "rejected"
    first = found.rejects[0]
    assert (first.step_kind, first.step_name, first.rule) == ("select", "clean", "lang_score >= 0.8")
    assert (first.value, first.threshold) == ("0.7", ">= 0.8")
    assert (first.at, first.line) == ("small.recipe:11", "keep  lang_score >= 0.8")
    assert (first.uri, first.record) == ("/data/crawl/a.warc.gz", 600)
    assert first.outputs == ("clean version 1",)


def test_the_line_is_that_of_the_run_which_decided(small):
    lines = {reject.run_id: reject.line for reject in why(small.path, TWO.url).rejects}
    assert lines == {
        small.run(1): "keep  lang_score >= 0.5",
        small.run(2): "keep  lang_score >= 0.8",
        small.run(3): "keep  lang_score >= 0.95",
    }


def test_the_newest_version_comes_first_then_older_steps_then_failed_runs(small):
    rejects = why(small.path, TWO.url).rejects
    assert [reject.counts for reject in rejects] == ["newest version", "older step", "a run that did not end"]
    assert [reject.run_id for reject in rejects] == [small.run(2), small.run(1), small.run(3)]


@pytest.mark.parametrize("key", [SIX.doc, SIX.doc[:8], SIX.origin, SIX.origin[:12]])
def test_the_key_may_be_a_doc_id_an_origin_id_or_the_beginning_of_one(small, key):
    assert why(small.path, key).rejects[0].url == SIX.url


def test_a_record_dropped_at_the_source_is_found_by_its_origin_id(small):
    (reject,) = why(small.path, THREE.origin).rejects
    assert (reject.step_kind, reject.rule, reject.doc_id) == ("source", "empty_text", None)


def test_a_duplicate_names_its_survivor(small):
    first = why(small.path, COPY.url).rejects[0]
    assert (first.rule, first.matched, first.matched_url) == ("dedup exact(of = text)", ONE.doc, ONE.url)
    assert ONE.url in first.text()


def test_a_kept_row_says_so_and_how_to_trace_it(small):
    found = why(small.path, ONE.url)
    assert found.status == "kept"
    assert [(k.output, k.version, k.doc_id) for k in found.kept] == [("clean", 1, ONE.doc)]
    assert found.text().startswith(f"kept: {ONE.doc} is in clean version 1")
    assert why(small.path, ONE.origin[:10]).kept == found.kept


def test_what_was_never_seen_names_the_sources_looked_in(small):
    found = why(small.path, "https://nowhere.example/")
    assert found.status == "never seen"
    assert "looked in    pages = crawl/*.warc.gz (1 file, 6 records)" in found.text()


def test_only_a_failed_run_knows_it(own: SmallLake):
    url = "https://late.example/"
    own.writer.table(tables.REJECTS, {
        "step": own.select(3), "run_id": own.run(3), "outcome": "rejected", "origin_id": h("late"),
        "doc_id": h("late doc"), "url_id": url_id(url), "url": url, "rule": "r", "at": "small.recipe:11",
    })  # fmt: skip
    found = why(own.path, url)
    assert found.status == "rejected by a run that did not end"
    assert found.text().startswith("only a run that did not end knows it")


def test_read_but_neither_kept_nor_rejected(own: SmallLake, tmp_path):
    import shutil

    shutil.rmtree(tmp_path / "lake" / "_recipec" / "rejects")
    found = why(own.path, TWO.url)
    assert (found.status, found.rejects) == ("read", ())
    assert "neither kept nor rejected" in found.text()
    assert found.seen[0].counted


def test_the_beginning_of_several_ids_is_refused(own: SmallLake):
    for n in (1, 2):
        own.writer.table(tables.REJECTS, {
            "step": own.select(2), "run_id": own.run(2), "outcome": "rejected", "doc_id": f"{'ab' * 4}{n:024}",
            "origin_id": h("x", n), "rule": "r", "at": "small.recipe:11",
        })  # fmt: skip
    with pytest.raises(Unanswered, match="2 ids begin with abababab"):
        why(own.path, "abababab")


def test_hostile_text_acts_nowhere(small):
    assert not set(why(small.path, EVIL.url).text()) & set("\x1b\u202e")


def test_json_has_all_of_it(small):
    said = json.loads(json.dumps(why(small.path, COPY.url).to_json()))
    assert said["rejects"][0]["matched_url"] == ONE.url
    assert said["looked_in"] == [{"source": "pages", "path": "crawl/*.warc.gz", "files": 1, "records": 6}]


def test_a_key_that_is_sql_is_only_a_key(small):
    assert why(small.path, "x' or url_id is not null --").status == "never seen"
