"""What a person is told of a document that is not there."""

import json

import derived_lake as d
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


# ---- answers, derived documents and mixes ----------------------------------------------------------------


def test_an_answer_fell_at_a_gate_with_its_key_and_what_was_asked(derived):
    reject = next(reject for reject in why(derived.path, EVIL.url).rejects if reject.step_kind == "ask")
    assert (reject.rule, reject.value, reject.threshold) == ("support >= 0.80", "0.1", ">= 0.8")
    assert reject.line == "support >= 0.80"
    failed = next(unit for unit in derived.units if unit["outcome"] == "rejected")
    assert reject.generation == failed["key"]
    said = "prompt nemotron_cc.wikipedia to small-30b, sample 0, round 1: complete, finish stop"
    assert reject.asked.startswith(said)
    assert failed["key"] in reject.text()


def test_a_derived_document_that_a_dedup_dropped_names_its_survivor_and_what_made_it(derived):
    (reject,) = why(derived.path, d.DROPPED).rejects
    assert (reject.step_name, reject.matched, reject.matched_url) == ("wiki", d.REWRITTEN, SIX.url)
    assert (reject.parent_ids, reject.generations) == ((EVIL.doc,), tuple(derived.keys(EVIL)))


def test_a_derived_row_that_was_kept_is_found_by_its_id_and_its_url(derived):
    assert [kept.doc_id for kept in why(derived.path, d.REWRITTEN).kept] == [d.REWRITTEN]
    assert d.REWRITTEN in {kept.doc_id for kept in why(derived.path, SIX.url).kept}


def test_a_row_that_a_mix_left_out_says_which_take_and_how_much_of_it_was_drawn(derived):
    found = why(derived.path, TWO.doc)
    assert found.status == "rejected and not drawn"
    (left,) = found.not_drawn
    assert (left.output, left.mix, left.take, left.tier) == ("pretrain", "pretrain", "clean[high]", "high")
    assert (left.available, left.drawn, left.unit) == (200, 200, "tokens")
    assert "drawn        200 of 200 tokens, 66.67% of the mix" in left.text()
    assert left.line == "mix pretrain to at most 1M tokens {"


def test_a_row_of_a_tier_that_no_take_names_says_so(derived):
    (left,) = why(derived.path, SIX.doc).not_drawn
    assert (left.take, left.tier) == (None, "low")
    assert "no take of the mix is of clean[low]" in left.text()


def test_what_was_drawn_is_not_among_what_was_not(derived):
    found = why(derived.path, ONE.doc)
    assert found.not_drawn == ()
    assert {(kept.output, kept.doc_id) for kept in found.kept} == {("clean", ONE.doc), ("pretrain", ONE.doc)}


def test_hostile_text_of_rejected_answers_acts_nowhere(derived):
    assert not set(why(derived.path, EVIL.url).text()) & set("\x1b\u202e")
