"""Pinning: which files are found, in which order, as what; and what is said where something is not right."""

import os
import shutil

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from recipe_runtime.errors import StepError
from recipe_runtime.lake_fs import LIBRARIES, MissingStoreLibrary, UnknownStore, lake_fs
from recipe_runtime.sources.pin import compare_schemas, pin
from recipe_runtime.sources.read import read_unit
from recipe_runtime.sources.spec import Field, SourceError
from recipe_runtime.sources.units import Unit
from source_reading import TEXT, call, jsonl, rows, spec


def paths(pinned):
    return [os.path.basename(file.uri) for file in pinned.files]


@pytest.fixture
def folder(tmp_path):
    for name in ("b.jsonl", "a.jsonl", "sub/c.jsonl"):
        path = tmp_path / "in" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        jsonl(path, {"text": name})
    return tmp_path / "in"


def test_globs_folders_and_lists_find_files_in_one_order(folder):
    assert paths(pin(spec("jsonl", folder / "*.jsonl"), {})) == ["a.jsonl", "b.jsonl"]
    assert paths(pin(spec("jsonl", folder / "**" / "*.jsonl"), {})) == ["a.jsonl", "b.jsonl", "c.jsonl"]
    assert paths(pin(spec("jsonl", folder), {})) == ["a.jsonl", "b.jsonl", "c.jsonl"]
    assert paths(pin(spec("jsonl", [folder / "sub", folder / "a.jsonl", folder / "*.jsonl"]), {})) == [
        "a.jsonl", "b.jsonl", "c.jsonl",
    ]  # fmt: skip


def test_what_in_a_folder_is_not_of_the_source_is_left_out_and_said(folder):
    (folder / "README.md").write_text("read me")
    (folder / "_SUCCESS").write_text("")
    (folder / ".part.jsonl.crc").write_text("")
    pinned = pin(spec("jsonl", folder), {})
    assert paths(pinned) == ["a.jsonl", "b.jsonl", "c.jsonl"]
    assert pinned.notes == (f"1 files in {folder} are left out: their names are not those of jsonl files",)


@pytest.mark.parametrize("missing", ["nothing/*.jsonl", "a.json", "nothing"])
def test_a_path_that_finds_nothing_names_itself_and_where_it_looked(folder, monkeypatch, missing):
    monkeypatch.chdir(folder)
    with pytest.raises(SourceError) as refused:
        pin(spec("jsonl", missing), {})
    assert missing in refused.value.message and str(folder / missing) in refused.value.message
    assert refused.value.exit_code == 4 and refused.value.remedy


def test_one_missing_file_of_a_list_is_an_error(folder):
    with pytest.raises(SourceError, match="none.jsonl"):
        pin(spec("jsonl", [folder / "a.jsonl", folder / "none.jsonl"]), {})


def test_names_with_odd_characters_are_files_not_patterns(tmp_path):
    jsonl(tmp_path / "a[1] ü?.jsonl", {"text": "x"})
    assert paths(pin(spec("jsonl", tmp_path / "a[1] ü?.jsonl"), {})) == ["a[1] ü?.jsonl"]


def test_equal_files_are_read_once_and_that_is_said(folder):
    shutil.copy(folder / "a.jsonl", folder / "z.jsonl")
    pinned = pin(spec("jsonl", folder), {})
    assert paths(pinned) == ["a.jsonl", "b.jsonl", "c.jsonl"]
    assert pinned.files[0].also == (str(folder / "z.jsonl"),)
    assert pinned.notes == (f"{folder / 'z.jsonl'} equals {folder / 'a.jsonl'} and is read once",)
    assert pinned.record()["files"][0]["also"] == [str(folder / "z.jsonl")]
    assert len(rows(spec("jsonl", folder))[0]) == 3


def test_identity_is_content_wherever_it_lies(folder, tmp_path):
    shutil.copytree(folder, tmp_path / "moved" / "elsewhere")
    here, there = pin(spec("jsonl", folder), {}), pin(spec("jsonl", tmp_path / "moved"), {})
    assert here.pins() == there.pins()
    jsonl(folder / "a.jsonl", {"text": "changed"})
    assert pin(spec("jsonl", folder), {}).pins() != there.pins()


def test_a_path_that_becomes_a_column_is_part_of_the_identity(folder):
    columns = TEXT | {"place": call("path_part", n=-1)}
    shutil.copy(folder / "a.jsonl", folder / "z.jsonl")
    pinned = pin(spec("jsonl", folder / "*.jsonl", columns), {})
    assert paths(pinned) == ["a.jsonl", "b.jsonl", "z.jsonl"] and pinned.notes == ()
    assert [row["place"] for row in rows(spec("jsonl", folder / "*.jsonl", columns))[0]] == [
        "a.jsonl",
        "b.jsonl",
        "z.jsonl",
    ]


def test_path_parts_count_in_the_path_as_written(folder, monkeypatch):
    monkeypatch.chdir(folder.parent)
    columns = TEXT | {"first": call("path_part", n=0), "ninth": call("path_part", n=9)}
    found, _ = rows(spec("jsonl", "in/sub/*.jsonl", columns))
    assert [(row["first"], row["ninth"]) for row in found] == [("in", None)]


def test_checksums_are_remembered_until_the_file_changes(folder):
    old = 1_600_000_000_000_000_000
    for name in ("a.jsonl", "b.jsonl"):
        os.utime(folder / name, ns=(old, old))
    known = {}
    first = pin(spec("jsonl", folder / "*.jsonl"), known)
    assert len(known) == 2
    known.update(dict.fromkeys(known, "remembered"))
    assert {file.checksum for file in pin(spec("jsonl", folder / "*.jsonl"), known).files} == {"remembered"}
    os.utime(folder / "a.jsonl", ns=(old + 1, old + 1))
    again = pin(spec("jsonl", folder / "*.jsonl"), known)
    assert again.files[0].checksum == first.files[0].checksum and again.files[1].checksum == "remembered"


def test_a_file_changed_a_moment_ago_is_not_remembered(folder):
    known = {}
    jsonl(folder / "a.jsonl", {"text": "new"})
    pin(spec("jsonl", folder / "a.jsonl"), known)
    assert known == {}


def test_a_file_that_changes_after_pinning_stops_the_read(folder):
    pinned = pin(spec("jsonl", folder / "a.jsonl"), {})
    jsonl(folder / "a.jsonl", {"text": "other content"})
    with pytest.raises(SourceError, match="changed while the run was reading it"):
        list(read_unit(Unit(pinned.files[0]), pinned.spec))
    (folder / "a.jsonl").unlink()
    with pytest.raises(SourceError, match="is gone"):
        list(read_unit(Unit(pinned.files[0]), pinned.spec))


def test_compared_schemas_say_what_was_lost_gained_and_retyped():
    before = {"id": "string", "n": "int64", "day": "date32[day]"}
    assert compare_schemas(before, {"day": "date32[day]", "n": "int64", "id": "string"}) == []
    assert compare_schemas(before, {"id": "string", "n": "double", "url": "string"}) == [
        "day (date32[day]) is lost",
        "url (string) is new",
        "n was int64 and is double",
    ]


def test_parquet_files_of_different_columns_are_refused_with_the_difference(tmp_path):
    pq.write_table(pa.table({"text": ["x"], "n": [1]}), tmp_path / "a.parquet")
    pq.write_table(pa.table({"text": ["y"], "n": ["1"], "m": [1]}), tmp_path / "b.parquet")
    with pytest.raises(SourceError) as refused:
        pin(spec("parquet", tmp_path), {})
    assert f"{tmp_path / 'b.parquet'}: m (int64) is new, n was int64 and is string" in refused.value.message


def test_the_recorded_schema_shows_drift_between_runs(tmp_path):
    (tmp_path / "a.csv").write_bytes(b"text,n\nx,1\n")
    before = pin(spec("csv", tmp_path), {}).record()["schema"]
    (tmp_path / "a.csv").write_bytes(b"text,m\nx,1\n")
    assert compare_schemas(before, pin(spec("csv", tmp_path), {}).record()["schema"]) == [
        "n (string) is lost",
        "m (string) is new",
    ]


def test_jsonl_shows_drift_of_the_fields_that_the_recipe_names(tmp_path):
    columns = TEXT | {"n": Field("n")}
    jsonl(tmp_path / "a.jsonl", {"text": "x", "n": 1})
    before = pin(spec("jsonl", tmp_path, columns), {}).record()["schema"]
    assert before == {"text": "string", "n": "int64"}
    jsonl(tmp_path / "a.jsonl", {"text": "x", "n": {"a": 1}})
    assert compare_schemas(before, pin(spec("jsonl", tmp_path, columns), {}).record()["schema"]) == [
        "n was int64 and is json"
    ]


def test_types_are_found_past_empty_files_and_a_field_never_seen_loses_no_record(tmp_path):
    (tmp_path / "a.jsonl").write_bytes(b"")
    late = [{"text": "x", "n": 1}] * 100 + [{"text": "y", "n": 2, "rare": 7}, {"text": "z", "rare": "seven"}]
    jsonl(tmp_path / "b.jsonl", *late)
    asked = spec("jsonl", tmp_path, TEXT | {"n": Field("n"), "rare": Field("rare")})
    schema = pin(asked, {}).record()["schema"]
    assert schema == {"text": "string", "n": "int64", "rare": "null"}
    found, _ = rows(asked)
    assert [row["rare"] for row in found[-2:]] == ["7", "seven"] and found[0]["n"] == 1
    assert compare_schemas(schema, schema | {"rare": "int64"}) == []


def test_a_delta_table_is_not_read_as_the_parquet_files_in_its_folder(tmp_path):
    (tmp_path / "t" / "_delta_log").mkdir(parents=True)
    pq.write_table(pa.table({"text": ["deleted long ago"]}), tmp_path / "t" / "a.parquet")
    with pytest.raises(SourceError, match="is a Delta table") as refused:
        pin(spec("parquet", tmp_path / "t"), {})
    assert "delta(" in refused.value.remedy


def test_files_of_another_store_are_found_identified_and_read(monkeypatch):
    import fsspec

    monkeypatch.setitem(LIBRARIES, "memory", "fsspec")  # stands for an object store without etags
    store = fsspec.filesystem("memory")
    for name in ("b", "a"):
        store.pipe(f"/bucket/crawl/{name}.jsonl", b'{"text": "%s"}\n' % name.encode())
    columns = TEXT | {"folder": call("path_part", n=1)}
    found, _ = rows(spec("jsonl", "memory://bucket/*/*.jsonl", columns))
    assert [(row["text"], row["folder"]) for row in found] == [("a", "crawl"), ("b", "crawl")]
    assert pin(spec("jsonl", "memory://bucket/crawl"), {}).files[0].uri == "memory:///bucket/crawl/a.jsonl"
    with pytest.raises(SourceError, match="no file at memory://bucket/none"):
        pin(spec("jsonl", "memory://bucket/none"), {})


def test_local_paths_and_uris_are_one_file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    place = str(tmp_path / "a b.txt")
    for uri in ("a b.txt", place, f"file://{place}", f"file:{place}"):
        fs, path = lake_fs(uri)
        assert path == place
    with fs.open(str(tmp_path / "new" / "folder" / "f"), "wb") as out:
        out.write(b"x")
    assert (tmp_path / "new" / "folder" / "f").read_bytes() == b"x"


def test_an_unknown_store_and_a_missing_library_are_told_apart():
    with pytest.raises(UnknownStore, match="ftp") as refused:
        lake_fs("ftp://host/a")
    assert "abfs://" in refused.value.remedy and isinstance(refused.value, StepError)
    with pytest.raises(MissingStoreLibrary, match="adlfs") as refused:
        lake_fs("abfs://container/a")
    assert "install adlfs" in refused.value.remedy
