"""Tables that workers write and Spark reads as plain files are what Delta says they are."""

from __future__ import annotations

import json

import pyarrow as pa
import pytest
from deltalake import DeltaTable, write_deltalake
from recipe_runtime import delta_files, parquet_part
from recipe_runtime.delta_files import WriteRows

COLUMNS = "id bigint, lang string, tags array<string>, rejected struct<rule string, at string>, at timestamp"
ROWS = [
    (1, "en", ["a", None], ("short", "x:1"), None), (2, None, [], None, None), (3, "de", None, (None, "x:2"), None),
    (4, "en", ["b"], None, None),
]  # fmt: skip


@pytest.fixture
def uri(tmp_path) -> str:
    """A folder whose name is also a pattern of other names."""
    return str(tmp_path / "a [1]*{b,c}?" / "t")


def rows(frame):
    return sorted(map(tuple, frame.collect()), key=lambda row: row[0])


@pytest.mark.parametrize("partition", [(), ("lang",)])
def test_what_workers_wrote_is_read_as_delta_and_as_files(spark, uri, partition):
    frame = spark.createDataFrame(ROWS, COLUMNS).repartition(2, "id")
    delta_files.write(frame, uri, statistics=("id",), note='{"run": "r"}', partition=partition)
    assert rows(spark.read.format("delta").load(uri).select(*frame.columns)) == rows(frame)
    assert rows(delta_files.read(spark, uri).select(*frame.columns)) == rows(frame)
    table = DeltaTable(uri)
    assert table.version() == 0 and table.metadata().partition_columns == list(partition)
    if partition:
        assert rows(delta_files.read(spark, uri, only={"lang": "en"}).select("id")) == [(1,), (4,)]
        assert rows(delta_files.read(spark, uri, only={"lang": None}).select("id")) == [(2,)]


def test_a_version_is_replaced_and_stays_readable(spark, tmp_path):
    uri, frame = str(tmp_path / "t"), spark.createDataFrame(ROWS, COLUMNS)
    delta_files.write(frame, uri, statistics=(), note='{"run": "first"}')
    before = delta_files.read(spark, uri)
    delta_files.write(frame.where("id > 2").selectExpr("id", "1.5 as more"), uri, statistics=(), note="{}")
    assert rows(before) == rows(frame) == rows(delta_files.read(spark, uri, version=0))
    assert delta_files.read(spark, uri).columns == ["id", "more"]
    assert rows(delta_files.read(spark, uri).select("id")) == [(3,), (4,)]
    assert DeltaTable(uri).history()[1]["userMetadata"] == '{"run": "first"}'
    delta_files.write(frame.where("false"), uri, statistics=(), note="{}")
    assert rows(delta_files.read(spark, uri)) == [] and delta_files.read(spark, uri).columns == frame.columns


def test_a_table_whose_files_do_not_say_what_is_in_it_is_read_by_its_log(spark, tmp_path, monkeypatch):
    uri = str(tmp_path / "t")
    for i in range(3):
        write_deltalake(uri, pa.table({"id": [i], "lang": ["en"]}), mode="append", partition_by=["lang"])
    assert sorted(delta_files.read(spark, uri).columns) == ["id", "lang"], "partitioned, and no partition named"
    monkeypatch.setattr(delta_files, "FILES", 2)
    assert rows(delta_files.read(spark, uri, only={"lang": "en"})) == [(0,), (1,), (2,)], "more files than are named"


def test_who_may_write(spark, tmp_path):
    frame = spark.createDataFrame([(1, "en", 1.5)], "id bigint, lang string, share double")
    uri = str(tmp_path / "t")
    assert delta_files.writable(uri, frame, ["lang"]) and not delta_files.writable(uri, frame, ["share"])
    delta_files.write(frame, uri, statistics=(), note="{}")
    assert delta_files.writable(uri, frame, []) and not delta_files.writable(uri, frame, ["lang"])
    DeltaTable(uri).alter.add_constraint({"some": "id > 0"})
    assert not delta_files.writable(uri, frame, []), "a constraint that nobody would ask"


def test_a_task_writes_a_file_for_each_partition_and_sums(tmp_path, monkeypatch):
    monkeypatch.setattr(delta_files, "GROUP_BYTES", 100)
    monkeypatch.setattr(parquet_part, "GROUP_BYTES", 1000)
    schema = pa.schema([("id", pa.int64()), ("fixed", pa.bool_()), ("lang", pa.string())])
    given = [{"id": i, "fixed": i % 2 == 0, "lang": ["en", "de", None][i % 3]} for i in range(30)]
    batches = [pa.RecordBatch.from_pylist(given[i : i + 6], schema=schema) for i in range(0, 30, 6)]
    task = WriteRows(str(tmp_path), schema, partition=("lang",), sums=("id", "fixed"))
    (told,) = task(iter(batches))
    files = [json.loads(one) for one in told.column("file").to_pylist()]
    assert {file["values"]["lang"]: (file["rows"], file["sums"]["id"]) for file in files} == {
        lang: (10, sum(row["id"] for row in given if row["lang"] == lang)) for lang in ("en", "de", None)
    }
    assert sum(file["sums"]["fixed"] for file in files) == 15
    assert pa.parquet.read_table(tmp_path / files[0]["path"]).column_names == ["id", "fixed"]
