"""parquet, csv and delta: rows become documents; what is damaged or of another type is explained."""

import gzip
import hashlib
import json
import shutil
from datetime import UTC, date, datetime
from decimal import Decimal

import deltalake
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard
from recipe_runtime.sources.documents import document_schema
from recipe_runtime.sources.pin import pin, units
from recipe_runtime.sources.read import read_unit
from recipe_runtime.sources.spec import Field, SourceError
from source_reading import TEXT, call, jsonl, reasons, rows, spec

WITH_ID = {"id": Field("id"), "text": Field("text")}


def parquet(path, columns, **options):
    pq.write_table(columns if isinstance(columns, pa.Table) else pa.table(columns), path, **options)
    return path


def invalid(kind, *values):
    """A string column whose bytes nobody checked."""
    return pa.array(values, pa.binary() if kind == pa.string() else pa.large_binary()).view(kind)


# ---- parquet --------------------------------------------------------------------------------------


def test_parquet_rows_are_documents_and_rejects(tmp_path):
    table = {
        "id": ["a", "b", "c", "d", None],
        "text": invalid(pa.large_string(), b"one", b"tw\xffo", None, b"a\0b", b"five"),
    }
    found, _ = rows(spec("parquet", parquet(tmp_path / "a.parquet", table), WITH_ID))
    assert reasons(found) == [None, "invalid_utf8", "null_text", "nul_character", "missing_field"]
    assert [row["record"] for row in found] == [0, 1, 2, 3, 4]
    assert found[0]["text"] == "one" and found[0]["record_key"] == "a"
    assert found[1]["rejected"]["value"] == "column text"


def test_parquet_types_come_through_as_spark_has_them(tmp_path):
    moment = datetime(2024, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)
    table = {
        "text": ["x"],
        "n": pa.array([7], pa.uint32()),
        "huge": pa.array([2**64 - 1], pa.uint64()),
        "price": pa.array([Decimal("1.50")], pa.decimal128(10, 2)),
        "day": pa.array([date(2024, 1, 2)]),
        "when": pa.array([moment], pa.timestamp("ns", "Europe/Berlin")),
        "kind": pa.array(["web"]).dictionary_encode(),
        "tags": pa.array([["a", None]], pa.large_list(pa.large_string())),
        "deep": pa.array([{"k": [1], "s": "v"}]),
        "counts": pa.array([[("a", 1)]], pa.map_(pa.string(), pa.int32())),
        "blob": pa.array([b"\xff"], pa.large_binary()),
        "nothing": pa.nulls(1),
    }
    names = [name for name in table if name != "text"]
    asked = spec("parquet", parquet(tmp_path / "a.parquet", table), TEXT | {name: Field(name) for name in names})
    schema = document_schema(pin(asked, {}).spec)
    assert schema.field("n").type == pa.int64() and schema.field("huge").type == pa.decimal128(20, 0)
    assert schema.field("when").type == pa.timestamp("us", "UTC") and schema.field("kind").type == pa.string()
    [row] = rows(asked)[0]
    assert {name: row[name] for name in names} == {
        "n": 7, "huge": Decimal(2**64 - 1), "price": Decimal("1.50"), "day": date(2024, 1, 2), "when": moment,
        "kind": "web", "tags": ["a", None], "deep": {"k": [1], "s": "v"}, "counts": [("a", 1)], "blob": b"\xff",
        "nothing": None,
    }  # fmt: skip


def test_a_type_spark_does_not_have_is_refused_where_the_recipe_names_it(tmp_path):
    path = parquet(tmp_path / "a.parquet", {"text": ["x"], "t": pa.array([1], pa.time64("us"))})
    assert reasons(rows(spec("parquet", path))[0]) == [None]
    with pytest.raises(SourceError, match="column t has the type time64"):
        pin(spec("parquet", path, TEXT | {"t": Field("t")}), {})


def test_bytes_that_are_no_utf8_deep_in_a_column_are_a_reject(tmp_path):
    tags = pa.ListArray.from_arrays(pa.array([0, 1, 2]), invalid(pa.string(), b"ok", b"\xff"))
    path = parquet(tmp_path / "a.parquet", {"text": ["x", "y"], "tags": tags})
    found, _ = rows(spec("parquet", path, TEXT | {"tags": Field("tags")}))
    assert reasons(found) == [None, "invalid_utf8"] and found[1]["rejected"]["value"] == "column tags"


def test_naming_one_more_column_changes_no_id(tmp_path):
    path = parquet(tmp_path / "a.parquet", {"text": ["x", "x"], "n": [1, 2]})
    bare, named = rows(spec("parquet", path))[0], rows(spec("parquet", path, TEXT | {"n": Field("n")}))[0]
    assert [row["doc_id"] for row in bare] == [row["doc_id"] for row in named]
    assert bare[0]["record_key"] != bare[1]["record_key"], "rows that differ in any column are two records"


def test_equal_rows_have_equal_keys_whatever_the_file_or_the_order_of_columns(tmp_path):
    one = parquet(tmp_path / "a.parquet", {"text": ["x"], "n": pa.array([None], pa.int64())})
    other = parquet(
        tmp_path / "b.parquet", {"n": pa.array([3, None], pa.int64()), "text": pa.array(["y", "x"], pa.large_string())}
    )
    [first], (_, second) = rows(spec("parquet", one))[0], rows(spec("parquet", other))[0]
    assert first["raw_hash"] == second["raw_hash"] and first["doc_id"] == second["doc_id"]


def test_parts_by_row_group_are_the_whole_file(tmp_path):
    table = pa.table({"text": [f"text {i} " * 20 for i in range(1000)]})
    path = parquet(tmp_path / "a.parquet", table, row_group_size=100)
    whole, cut = rows(spec("parquet", path)), rows(spec("parquet", path), target=5000)
    assert len(whole[1]) == 1 and len(cut[1]) > 1
    same = {"part", "parts"}
    assert [{k: v for k, v in r.items() if k not in same} for r in whole[0]] == [
        {k: v for k, v in r.items() if k not in same} for r in cut[0]
    ]
    assert [row["record"] for row in cut[0]] == list(range(1000))


def test_a_row_group_that_cannot_be_read_is_a_reject_and_the_others_are_read(tmp_path):
    table = pa.table({"text": [hashlib.sha256(b"%d" % i).hexdigest() for i in range(300)]})
    path = parquet(tmp_path / "a.parquet", table, row_group_size=100, compression="zstd", use_dictionary=False)
    chunk = pq.ParquetFile(path).metadata.row_group(1).column(0)
    data = bytearray(path.read_bytes())
    start = chunk.data_page_offset
    data[start : start + 400] = b"\xff" * 400
    path.write_bytes(data)
    found, _ = rows(spec("parquet", path))
    assert len(found) == 201
    assert [(row["record"], row["rejected"]["rule"]) for row in found if row["rejected"]] == [
        (100, "unreadable_record")
    ]
    assert "rows 100 to 199" in found[100]["rejected"]["value"]


def test_a_row_over_the_limit_is_a_reject_in_its_place(tmp_path):
    table = {"text": ["a", "x" * 500, "b", None], "n": [1, 2, None, 4], "more": ["", "y" * 600, None, "z" * 2000]}
    path = parquet(tmp_path / "a.parquet", table)
    found, _ = rows(spec("parquet", path, max_bytes=1000))
    assert reasons(found) == [None, "too_large", None, "too_large"]
    assert (found[1]["rejected"]["value"], found[1]["rejected"]["threshold"]) == ("1100", "1000")
    unlimited, _ = rows(spec("parquet", path))
    assert [row["raw_hash"] for row in found] == [row["raw_hash"] for row in unlimited]


def test_a_file_that_is_no_parquet_is_named_at_the_start(tmp_path):
    (tmp_path / "a.parquet").write_bytes(b"PAR1 but not really")
    with pytest.raises(SourceError, match=r"a\.parquet is not a Parquet file"):
        pin(spec("parquet", tmp_path / "a.parquet"), {})


def test_a_column_the_recipe_names_and_the_files_lack_is_an_error_at_the_start(tmp_path):
    path = parquet(tmp_path / "a.parquet", {"body": ["x"]})
    with pytest.raises(SourceError, match="has no column text") as refused:
        pin(spec("parquet", path), {})
    assert "its columns are body" in refused.value.remedy


# ---- csv ------------------------------------------------------------------------------------------

CSV = b'id,text,n\n1,"one, with a comma",x\n2,"two\nlines and ""quotes""",\n\n3,three,z\n'


@pytest.mark.parametrize("pack", [bytes, gzip.compress, zstandard.ZstdCompressor().compress])
def test_csv_rows_are_documents(tmp_path, pack):
    (tmp_path / "a.csv").write_bytes(pack(CSV))
    found, _ = rows(spec("csv", tmp_path / "a.csv", WITH_ID | {"n": Field("n")}))
    assert [row["text"] for row in found] == ["one, with a comma", 'two\nlines and "quotes"', "three"]
    assert [row["record_key"] for row in found] == ["1", "2", "3"] and [row["n"] for row in found] == ["x", None, "z"]
    assert [row["record"] for row in found] == [CSV.index(b"1,"), CSV.index(b"2,"), CSV.index(b"3,")]
    assert found[2]["raw_hash"] == hashlib.sha256(b"3,three,z").hexdigest()[:32]


def test_csv_with_another_delimiter_and_quote(tmp_path):
    (tmp_path / "a.csv").write_bytes(b"text;n\r\n'ein; Text';1\r\n")
    found, _ = rows(spec("csv", tmp_path / "a.csv", delimiter=";", quote="'"))
    assert [row["text"] for row in found] == ["ein; Text"]


@pytest.mark.parametrize(
    ("line", "rule"),
    [
        (b"b,\xff\xfe", "invalid_utf8"),
        (b"b,a\0b", "nul_character"),
        (b"b,", "null_text"),
        (b"b, ", "empty_text"),
        (b"b", "wrong_type"),
        (b"b,x,y", "wrong_type"),
        (b'b,"x"y', "unreadable_record"),
        (b"b," + b"x" * 1000, "too_large"),
        (b'b,"' + b"x\n" * 1000 + b'"', "too_large"),
    ],
)
def test_csv_rows_that_are_no_documents(tmp_path, line, rule):
    (tmp_path / "a.csv").write_bytes(b"id,text\na,before\n" + line + b"\nc,after\n")
    found, _ = rows(spec("csv", tmp_path / "a.csv", WITH_ID, max_bytes=500))
    assert reasons(found) == [None, rule, None]
    assert [found[0]["text"], found[2]["text"]] == ["before", "after"]


def test_csv_that_ends_within_quotes(tmp_path):
    (tmp_path / "a.csv").write_bytes(b'text\none\n"two\nthree')
    assert reasons(rows(spec("csv", tmp_path / "a.csv"))[0]) == [None, "unreadable_record"]


def test_truncated_csv_keeps_what_came_before(tmp_path):
    data = gzip.compress(
        b"text\n" + b"".join(hashlib.sha256(b"%d" % i).hexdigest().encode() + b"\n" for i in range(9999))
    )
    (tmp_path / "a.csv.gz").write_bytes(data[: len(data) // 2])
    found, _ = rows(spec("csv", tmp_path / "a.csv.gz"))
    assert set(reasons(found[:-1])) == {None} and len(found) > 1000 and reasons(found)[-1] == "truncated_record"


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "is missing"),
        (b"\n", "is missing"),
        (b"text,n,text\n", "names text twice"),
        (b"te\xffxt\n", "is not UTF-8"),
    ],
)
def test_csv_without_a_usable_header_is_refused(tmp_path, data, message):
    (tmp_path / "a.csv").write_bytes(data)
    with pytest.raises(SourceError, match=message):
        pin(spec("csv", tmp_path / "a.csv"), {})


@pytest.mark.parametrize("asked", [{"delimiter": "||"}, {"delimiter": ""}, {"quote": "\n"}])
def test_csv_with_a_delimiter_or_quote_that_is_no_character(tmp_path, asked):
    (tmp_path / "a.csv").write_bytes(CSV)
    with pytest.raises(SourceError, match=next(iter(asked))):
        pin(spec("csv", tmp_path / "a.csv", **asked), {})


# ---- delta ----------------------------------------------------------------------------------------


def delta(path, columns, **options):
    deltalake.write_deltalake(path, pa.table(columns), **options)
    return path


def test_a_delta_table_is_read_at_the_newest_or_the_asked_version(tmp_path):
    path = delta(tmp_path / "t", {"id": ["a"], "text": ["one"]})
    delta(path, {"id": ["b"], "text": ["two"]}, mode="append")
    newest, first = pin(spec("delta", path, WITH_ID), {}), pin(spec("delta", path, WITH_ID, version=0), {})
    assert newest.table == (deltalake.DeltaTable(path).metadata().id, 1) and first.table[1] == 0
    assert newest.pins() != first.pins()
    assert sorted(row["text"] for row in rows(spec("delta", path, WITH_ID))[0]) == ["one", "two"]
    assert [row["text"] for row in rows(spec("delta", path, WITH_ID, version=0))[0]] == ["one"]


def test_partition_columns_come_from_the_log(tmp_path):
    columns = {"text": ["x", "y", "z"], "day": pa.array([1, 2, None], pa.int32()), "kind of": ["a b", "ü/ö", None]}
    path = delta(tmp_path / "t", columns, partition_by=["day", "kind of"])
    asked = spec("delta", path, TEXT | {"day": Field("day"), "kind": Field("kind of")})
    found = sorted(rows(asked)[0], key=lambda row: row["text"])
    assert [(row["day"], row["kind"]) for row in found] == [(1, "a b"), (2, "ü/ö"), (None, None)]


def test_columns_that_older_files_lack_are_null_there(tmp_path):
    path = delta(tmp_path / "t", {"text": ["old"]})
    delta(path, {"text": ["new"], "n": [1]}, mode="append", schema_mode="merge")
    found = {row["text"]: row["n"] for row in rows(spec("delta", path, TEXT | {"n": Field("n")}))[0]}
    assert found == {"old": None, "new": 1}


def test_no_table_no_version_no_file(tmp_path):
    with pytest.raises(SourceError, match="no Delta table at"):
        pin(spec("delta", tmp_path / "none"), {})
    path = delta(tmp_path / "t", {"text": ["x"]})
    with pytest.raises(SourceError, match="cannot be read in version 7"):
        pin(spec("delta", path, version=7), {})
    for file in path.glob("*.parquet"):
        file.unlink()
    with pytest.raises(SourceError, match="is gone") as refused:
        pin(spec("delta", path), {})
    assert "VACUUM" in refused.value.remedy


def with_protocol(path, features, configuration=()):
    """Rewrites the first commit of a table as one that uses these reader features."""
    log = path / "_delta_log" / "00000000000000000000.json"
    actions = [json.loads(line) for line in log.read_text().splitlines()]
    for action in actions:
        if "protocol" in action:
            action["protocol"] = {
                "minReaderVersion": 3, "minWriterVersion": 7, "readerFeatures": features, "writerFeatures": features,
            }  # fmt: skip
        if "metaData" in action:
            action["metaData"]["configuration"] = dict(configuration)
    log.write_text("\n".join(map(json.dumps, actions)))
    return path


@pytest.mark.parametrize("feature", ["deletionVectors", "typeWidening"])
def test_features_under_which_the_files_are_not_the_rows_are_refused(tmp_path, feature):
    path = with_protocol(delta(tmp_path / "t", {"text": ["x"]}), [feature])
    with pytest.raises(SourceError, match=feature):
        pin(spec("delta", path), {})


def test_column_mapping_is_refused_only_where_it_is_on(tmp_path):
    path = with_protocol(delta(tmp_path / "t", {"text": ["x"]}), ["columnMapping"])
    assert reasons(rows(spec("delta", path))[0]) == [None]
    with_protocol(path, ["columnMapping"], {"delta.columnMapping.mode": "name"})
    with pytest.raises(SourceError, match="columnMapping"):
        pin(spec("delta", path), {})


def test_a_copied_table_has_the_same_identity_and_another_table_has_not(tmp_path):
    path = delta(tmp_path / "t", {"text": ["x"]})
    shutil.copytree(path, tmp_path / "copy")
    other = delta(tmp_path / "other", {"text": ["x"]})
    pins = [pin(spec("delta", p), {}).pins() for p in (path, tmp_path / "copy", other)]
    assert pins[0] == pins[1] != pins[2]


# ---- any table -------------------------------------------------------------------------------------


def test_rows_do_not_depend_on_the_batch(tmp_path):
    path = parquet(tmp_path / "a.parquet", {"text": [None if i % 7 == 0 else f"text {i}" for i in range(100)]})
    assert (
        rows(spec("parquet", path))[0]
        == rows(spec("parquet", path), rows=1)[0]
        == rows(spec("parquet", path), size=9)[0]
    )


def test_pages_in_a_table_can_be_extracted(tmp_path):
    path = parquet(tmp_path / "a.parquet", {"html": ["<p>Words on a page.</p>", "", None]})
    found, _ = rows(spec("parquet", path, {"text": call("resiliparse")}))
    assert found[0]["text"] == "Words on a page." and reasons(found) == [None, "no_text", "no_text"]


@pytest.mark.parametrize("page", [12, ["<p>x</p>"]])
def test_a_page_that_is_no_text_is_a_reject(tmp_path, page):
    path = jsonl(tmp_path / "a.jsonl", {"html": "<p>Words on a page.</p>"}, {"html": page})
    found, _ = rows(spec("jsonl", path, {"text": call("resiliparse")}))
    assert reasons(found) == [None, "wrong_type"] and found[1]["rejected"]["value"].startswith("html: ")


def test_units_and_specs_travel_to_a_worker(tmp_path):
    import pickle

    path = parquet(tmp_path / "a.parquet", {"text": ["x"]})
    pinned = pin(spec("parquet", path), {})
    [unit], asked = pickle.loads(pickle.dumps((units(pinned), pinned.spec)))
    assert [b.num_rows for b in read_unit(unit, asked)] == [1, 1]
