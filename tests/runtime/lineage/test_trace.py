"""What a person is told of a row that is there."""

import json

import pytest
from recipe_runtime.errors import StepError
from recipe_runtime.lineage import Unanswered, trace
from small_lake import COPY, EVIL, ONE, SECRET, SIX, SmallLake


def test_a_row_is_traced_to_its_file_record_and_licence(small):
    found = trace(small.path, "clean", ONE.doc)
    assert (found.output, found.version, found.doc_id, found.url) == ("clean", 1, ONE.doc, ONE.url)
    (record,) = found.records
    assert record.uri == "/data/crawl/a.warc.gz"
    assert record.also == ("/data/crawl/same.warc.gz",)
    assert (record.record, record.record_key, record.origin_id) == (100, "<urn:uuid:1>", ONE.origin)
    assert found.evidence == {"cc_link": "https://creativecommons.org/licenses/by/4.0/"}
    assert found.license == ("cc-by-4.0", "mit")


def test_the_steps_come_in_order_with_the_recipe_line_of_the_run_that_made_them(small):
    found = trace(small.path, "clean", ONE.doc)
    assert [(s.kind, s.name) for s in found.steps] == [
        ("source", "pages"), ("annotate", "clean.columns"), ("dedup", "clean.exact"), ("select", "clean"),
        ("write", "clean"),
    ]  # fmt: skip
    source, _, _, select, _ = found.steps
    assert (source.at, source.line) == ("small.recipe:4", 'source pages = warc("crawl/*.warc.gz") {')
    assert source.libraries == {"trafilatura": "2.0.0"}
    assert source.run_id == small.run(1)
    assert source.code_version == "0.1.0"
    assert select.run_id == small.run(2)
    assert select.figures == {"lang": "en", "lang_score": 0.9}


def test_the_run_is_the_one_that_made_the_version(small):
    found = trace(small.path, "clean", ONE.doc)
    assert (found.run.run_id, found.run.recipe, found.run.params) == (small.run(2), "small", {"lake": "lake"})


def test_duplicates_it_stands_for_are_named_with_their_licences(small):
    found = trace(small.path, "clean", ONE.doc)
    (twin,) = found.duplicates
    assert (twin.doc_id, twin.url, twin.license, twin.kind) == (COPY.doc, COPY.url, ("mit",), "duplicate_exact")
    assert found.duplicates_total == 1
    assert "stands for 1 more" in found.text()


@pytest.mark.parametrize("key", [ONE.doc[:8], ONE.doc[:20], ONE.url])
def test_the_key_may_be_the_beginning_of_the_id_or_the_url(small, key):
    assert trace(small.path, None, key).doc_id == ONE.doc


def test_a_version_that_no_ended_run_made_does_not_count(small):
    assert trace(small.path, "clean", ONE.doc).version == 1
    with pytest.raises(Unanswered, match="version 2 of clean does not count"):
        trace(small.path, "clean", EVIL.doc, version=2)


def test_an_older_version_can_be_asked(small):
    assert trace(small.path, "clean", SIX.doc, version=0).version == 0
    with pytest.raises(Unanswered, match="no row of clean version 1"):
        trace(small.path, "clean", SIX.doc)


@pytest.mark.parametrize(
    ("output", "key", "said"),
    [
        ("clean", "https://nowhere.example/", "no row of clean version 1 has the URL"),
        ("clean", "0123456789", "no row of clean version 1"),
        ("dirty", ONE.doc, "has no output dirty"),
        (None, "\udcff", "no UTF-8"),
        (None, "' or 1 = 1 --", "has the URL ' or 1 = 1 --"),
    ],
)
def test_a_question_without_an_answer_says_so_and_exits_with_2(small, output, key, said):
    with pytest.raises(Unanswered, match=said) as error:
        trace(small.path, output, key)
    assert error.value.exit_code == 2
    assert error.value.remedy


def test_a_folder_that_is_no_lake_is_refused(tmp_path):
    with pytest.raises(StepError, match="is not a lake"):
        trace(str(tmp_path), None, ONE.doc)


def test_hostile_text_acts_nowhere(small):
    found = trace(small.path, "clean", EVIL.doc)
    shown = found.text()
    assert not set(shown) & set("\x1b\u202e")
    assert r"\x1b[31m\u202e<script>alert(1)</script>" in shown.replace("\n", "").replace(" ", "")
    assert found.to_json()["url"] == EVIL.url


def test_texts_are_not_read_into_an_answer(small):
    found = trace(small.path, "clean", ONE.doc)
    assert SECRET not in found.text() + json.dumps(found.to_json())


def test_json_has_all_of_it(small):
    said = json.loads(json.dumps(trace(small.path, "clean", ONE.doc).to_json()))
    assert said["records"][0]["uri"] == "/data/crawl/a.warc.gz"
    assert said["fetched_at"] == "2026-11-01T12:00:00+00:00"
    assert [step["line"] for step in said["steps"]][2] == "dedup exact(of = text)"


def test_lines_fit_the_width_where_words_can_be_parted(small):
    assert max(map(len, trace(small.path, "clean", ONE.doc).text(80).splitlines())) <= 80


def test_a_lake_that_was_moved_answers_as_before(own: SmallLake, tmp_path):
    (tmp_path / "lake").rename(tmp_path / "elsewhere")
    assert trace(str(tmp_path / "elsewhere"), "clean", ONE.doc).version == 1


def test_a_table_that_was_replaced_has_no_version_of_ours(own: SmallLake, tmp_path):
    import shutil

    shutil.rmtree(tmp_path / "lake" / "clean")
    with pytest.raises(Unanswered, match="holds no version that a run of this lake made"):
        trace(own.path, "clean", ONE.doc)


def test_an_edited_row_is_traced_through_its_edit_to_the_record_and_its_duplicates(own: SmallLake):
    doc_id = own.edit()
    found = trace(own.path, "clean", doc_id)
    assert (found.version, found.records[0].doc_id, found.records[0].record) == (3, ONE.doc, 100)
    assert [twin.doc_id for twin in found.duplicates] == [COPY.doc]
    assert [(step.kind, step.note) for step in found.steps] == [
        ("source", "read"), ("annotate", "measured"), ("dedup", "stands for 1 more"),
        ("edit", "edited, 5 bytes after it"), ("select", "kept"), ("write", "written to version 3"),
    ]  # fmt: skip


def test_the_id_that_a_row_had_before_an_edit_is_not_in_the_output(own: SmallLake):
    own.edit()
    with pytest.raises(Unanswered, match="no row of clean version 3"):
        trace(own.path, "clean", ONE.doc)
