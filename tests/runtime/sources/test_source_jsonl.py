"""jsonl: which lines become documents, which become rejects and why, in whole files and in parts."""

import gzip
import hashlib
import json
from datetime import UTC, datetime

import pytest
import zstandard
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from recipe_runtime.sources.pin import pin, units
from recipe_runtime.sources.read import read_unit
from recipe_runtime.sources.spec import Field, Literal, SourceError
from recipe_udfs.identity import hash128
from source_reading import AT, TEXT, call, jsonl, only, reasons, rows, spec

WITH_ID = {"id": Field("id"), "text": Field("text")}


def test_a_line_is_a_document_with_its_identity(tmp_path):
    line = b'{"id": "a1", "text": "One day."}'
    row = only(spec("jsonl", jsonl(tmp_path / "a.jsonl", line), WITH_ID))
    sha = hashlib.sha256
    assert row["rejected"] is None and row["text"] == "One day." and row["marker"] is False
    assert row["record_key"] == "a1"
    assert row["raw_hash"] == sha(line).hexdigest()[:32]
    assert row["text_hash"] == sha(b"One day.").hexdigest()[:32]
    assert row["origin_id"] == hash128("origin", "news", "a1")
    assert row["doc_id"] == hash128("doc", row["origin_id"], row["text_hash"])
    assert (row["record"], row["bytes"]) == (0, len(line))


def test_without_an_id_the_key_is_the_hash_of_the_line(tmp_path):
    row = only(spec("jsonl", jsonl(tmp_path / "a.jsonl", {"text": "x"})))
    assert row["record_key"] == row["raw_hash"] == hashlib.sha256(b'{"text": "x"}').hexdigest()[:32]


@pytest.mark.parametrize(
    ("line", "rule", "value"),
    [
        (b'{"text": null}', "null_text", "null"),
        (b'{"text": ""}', "empty_text", "0 characters"),
        (b'{"text": " \\n\\u2003"}', "empty_text", "3 characters"),
        (b'{"body": "x"}', "missing_field", ""),
        (b'{"text": 12}', "wrong_type", "text: int 12"),
        (b'{"text": ["x"]}', "wrong_type", "text: list ['x']"),
        (b'["text"]', "wrong_type", "record: list ['text']"),
        (b'"text"', "wrong_type", "record: text"),
        (b'{"text": "a\\u0000b"}', "nul_character", "at character 1"),
        (b'{"text": "a\\ud800b"}', "invalid_utf8", "lone surrogate U+D800"),
        (b'{"text": "a\xffb"}', "invalid_utf8", "byte 0xff at 11"),
        (b'{"text": "a\xed\xa0\x80b"}', "invalid_utf8", "byte 0xed at 11"),
    ],
)
def test_what_is_no_document_is_a_reject_with_its_reason(tmp_path, line, rule, value):
    row = only(spec("jsonl", jsonl(tmp_path / "a.jsonl", line)))
    assert (row["rejected"]["rule"], row["rejected"]["value"]) == (rule, value)
    assert row["rejected"]["at"] == AT
    assert row["text"] is row["text_hash"] is row["doc_id"] is None
    assert row["origin_id"] and row["raw_hash"] == hashlib.sha256(line).hexdigest()[:32]


@pytest.mark.parametrize(
    "line", [b"{text}", b'{"text": "x"', b'{"text": NaN}', b"[" * 100_000, b'{"text": "x"} x', b"\0"]
)
def test_what_is_no_json_is_said_in_one_short_line(tmp_path, line):
    row = only(spec("jsonl", jsonl(tmp_path / "a.jsonl", line)))
    assert row["rejected"]["rule"] == "invalid_json"
    assert 0 < len(row["rejected"]["value"]) < 200 and row["rejected"]["value"].isprintable()


def test_hostile_values_are_shown_as_text(tmp_path):
    row = only(spec("jsonl", jsonl(tmp_path / "a.jsonl", {"text": ["\x1b[31m" + "x" * 1000]})))
    assert "\x1b" not in row["rejected"]["value"] and len(row["rejected"]["value"]) < 150


@pytest.mark.parametrize(
    ("id", "rule"), [(None, "missing_field"), ("", "missing_field"), (True, "wrong_type"), (2.5, "wrong_type")]
)
def test_a_declared_id_must_be_there(tmp_path, id, rule):
    row = only(spec("jsonl", jsonl(tmp_path / "a.jsonl", {"id": id, "text": "x"}), WITH_ID))
    assert row["rejected"]["rule"] == rule
    assert row["record_key"] == row["raw_hash"]


def test_a_number_past_64_bits_is_no_id_because_json_rounds_it(tmp_path):
    lines = [b'{"id": 12345678901234567890123, "text": "x"}', b'{"id": 12345678901234567890124, "text": "y"}']
    found, _ = rows(spec("jsonl", jsonl(tmp_path / "a.jsonl", *lines), WITH_ID))
    assert reasons(found) == ["wrong_type", "wrong_type"]


def test_an_integer_id_is_its_digits(tmp_path):
    assert only(spec("jsonl", jsonl(tmp_path / "a.jsonl", {"id": 42, "text": "x"}), WITH_ID))["record_key"] == "42"


def test_empty_lines_byte_order_mark_and_line_ends_are_no_content(tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_bytes(b'\xef\xbb\xbf{"text": "a"}\r\n\r\n   \n{"text": "b"}\r\n{"text": "c"}')
    found, _ = rows(spec("jsonl", path))
    assert [row["text"] for row in found] == ["a", "b", "c"]
    assert found[1]["raw_hash"] == hashlib.sha256(b'{"text": "b"}').hexdigest()[:32]


def test_an_empty_file_has_a_marker_and_nothing_else(tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_bytes(b"")
    found, markers = rows(spec("jsonl", path))
    assert found == [] and markers[0]["records"] == markers[0]["documents"] == markers[0]["bytes_in"] == 0
    assert markers[0]["doc_id"] is None and markers[0]["file_id"]


def test_a_line_over_the_limit_is_a_reject_and_its_neighbours_are_read(tmp_path):
    long = {"text": "x" * 700_000}
    path = jsonl(tmp_path / "a.jsonl", {"text": "a"}, long, {"text": "b"}, long, {"text": "c"})
    found, _ = rows(spec("jsonl", path, max_bytes=1000))
    assert reasons(found) == [None, "too_large", None, "too_large", None]
    line = json.dumps(long).encode()
    assert found[1]["rejected"] == {"rule": "too_large", "value": str(len(line)), "threshold": "1000", "at": AT}
    assert found[1]["raw_hash"] == found[3]["raw_hash"] == hashlib.sha256(line).hexdigest()[:32]


@pytest.mark.parametrize("end", [b"\n", b"\r\n"])
@pytest.mark.parametrize("around", range(-3, 4))
def test_the_limit_is_exact_wherever_a_line_ends(tmp_path, end, around):
    from recipe_runtime.sources.streams import CHUNK

    first = b'{"text": "' + b"x" * (CHUNK + around - 12) + b'"}'  # ends near a read's end
    path = tmp_path / "a.jsonl"
    path.write_bytes(first + end + b'{"text": "b"}' + end)
    assert reasons(rows(spec("jsonl", path, max_bytes=len(first)))[0]) == [None, None]
    assert reasons(rows(spec("jsonl", path, max_bytes=len(first) - 1))[0]) == ["too_large", None]


def packed(name, data):
    return gzip.compress(data, mtime=0) if name.endswith(".gz") else zstandard.ZstdCompressor().compress(data)


@pytest.mark.parametrize("name", ["a.jsonl.gz", "a.jsonl.zst"])
def test_compressed_files_read_like_plain_ones(tmp_path, name):
    plain = jsonl(tmp_path / "a.jsonl", *({"text": f"line {i} " * 50} for i in range(2000)))
    half = len(plain.read_bytes()) // 2
    data = plain.read_bytes()
    (tmp_path / name).write_bytes(packed(name, data[:half]) + packed(name, data[half:]))  # two members or frames
    ours, theirs = rows(spec("jsonl", tmp_path / name))[0], rows(spec("jsonl", plain))[0]
    drop = {"file_id"}
    assert [{k: v for k, v in row.items() if k not in drop} for row in ours] == [
        {k: v for k, v in row.items() if k not in drop} for row in theirs
    ]


@pytest.mark.parametrize("name", ["a.jsonl.gz", "a.jsonl.zst"])
def test_a_truncated_file_keeps_what_came_before(tmp_path, name):
    lines = [json.dumps({"text": hashlib.sha256(b"%d" % i).hexdigest() * 20}).encode() for i in range(5000)]
    data = packed(name, b"\n".join(lines))
    (tmp_path / name).write_bytes(data[: len(data) // 2])
    found, _ = rows(spec("jsonl", tmp_path / name))
    assert set(reasons(found[:-1])) == {None} and len(found) > 1000
    assert found[-1]["rejected"]["rule"] == "truncated_record"
    assert found[-1]["rejected"]["value"].startswith(f"at byte {found[-1]['record']}: ")
    assert found[-1]["record"] == sum(len(line) + 1 for line in lines[: len(found) - 1])


@pytest.mark.parametrize("name", ["a.jsonl.gz", "a.jsonl.zst"])
def test_a_corrupt_file_keeps_what_came_before(tmp_path, name):
    lines = [json.dumps({"text": hashlib.sha256(b"%d" % i).hexdigest() * 20}).encode() for i in range(20_000)]
    data = bytearray(packed(name, b"\n".join(lines)))
    middle = len(data) // 2
    data[middle : middle + 64] = b"\xff" * 64
    (tmp_path / name).write_bytes(data)
    found, _ = rows(spec("jsonl", tmp_path / name))
    good = [row for row in found if row["rejected"] is None]
    assert len(good) > 1000
    assert found[-1]["rejected"]["rule"] == "unreadable_record"


@pytest.mark.parametrize("target", [1 << 10, 5000, 1 << 20])
def test_parts_of_a_file_are_the_whole_file(tmp_path, target):
    records = [{"id": i, "text": "word " * (i * 7 % 90 + 1)} for i in range(500)]
    path = jsonl(tmp_path / "a.jsonl", *records)
    asked = spec("jsonl", path, WITH_ID)
    pinned = pin(asked, {})
    whole = [row for unit in units(pinned) for batch in read_unit(unit, pinned.spec) for row in batch.to_pylist()][:-1]
    file = pinned.files[0]
    parts = []
    from dataclasses import replace

    from recipe_runtime.sources.units import split

    cut = list(split(replace(file, seekable=True), target))
    assert (len(cut) > 1) == (file.size >= 2 * target)
    for unit in cut:
        made = [row for batch in read_unit(unit, pinned.spec) for row in batch.to_pylist()]
        assert made[-1]["marker"] and (made[-1]["part"], made[-1]["parts"]) == (unit.part, len(cut))
        parts += made[:-1]
    same = {"part", "parts"}
    assert [{k: v for k, v in r.items() if k not in same} for r in parts] == [
        {k: v for k, v in r.items() if k not in same} for r in whole
    ]


def test_a_large_plain_file_is_cut_and_a_compressed_one_is_not(tmp_path, monkeypatch):
    from recipe_runtime.sources import pin as pinning

    monkeypatch.setattr(pinning, "TARGET", 1000)
    jsonl(tmp_path / "a.jsonl", *({"text": f"{i} " * 50} for i in range(100)))
    (tmp_path / "b.jsonl").write_bytes(gzip.compress((tmp_path / "a.jsonl").read_bytes(), 0))  # its name lies
    pinned = pin(spec("jsonl", tmp_path), {})
    a, b = pinned.files
    made = units(pinned, 1000)
    assert len([u for u in made if u.file == a]) > 1 and len([u for u in made if u.file == b]) == 1


def test_rows_do_not_depend_on_the_batch(tmp_path):
    lines = [{"id": i, "text": f"text {i}"} for i in range(50)] + [b"broken", {"id": 1}]
    asked = spec("jsonl", jsonl(tmp_path / "a.jsonl", *lines), WITH_ID)
    assert rows(asked)[0] == rows(asked, rows=1)[0] == rows(asked, rows=7)[0] == rows(asked, size=100)[0]


TYPED = {
    "id": ["a", "b", 7], "text": ["One day.", "日本🙂 \u2003", "x" * 300], "url": ["http://a.co.uk/x", "no url"],
    "when": ["2024-01-01", "2024-01-02T03:04:05+02:00"], "terms": ["mit", ["b", "a", "b"], ""], "language": ["en"],
    "n": [1, -(2**63), 3.0], "s": [0.5, 2], "ok": [True, False], "tags": [["a"], []], "extra": [{"k": [1]}, [2], "s"],
}  # fmt: skip
"""Fields, and values that their columns take."""

ODD = [None, "", " ", "a\0b", "x" * 500, 0, 2**63, 1e300, 1.5, True, ["a", None], [1], {"k": {"deep": [None]}}]
LINES = [
    b"", b"  ", b"{", b"[1]", b"null", b'"text"', b"\0", b'{"text": NaN}', b'{"text": "a\\ud800b"}',
    b'{"text": "\xff"}', b'\xef\xbb\xbf{"text": "x"}', b'{"id": 12345678901234567890123, "text": "x"}',
    b'{"text": "x", "text": 1}', b'{"text": "' + b"y" * 2000 + b'"}',
]  # fmt: skip
whole = st.fixed_dictionaries({name: st.sampled_from(values) for name, values in TYPED.items()})
odd = st.fixed_dictionaries({}, optional={name: st.sampled_from([*values, *ODD]) for name, values in TYPED.items()})
written = st.one_of(*[each.map(lambda record: json.dumps(record).encode()) for each in (whole, odd)])
EVERY_COLUMN = {
    "id": Field("id"), "url": Field("url"), "fetched_at": Field("when"), "license": Field("terms"),
    "lang": Field("language"), "stars": Field("n"), "share": Field("s"), "good": Field("ok"), "tags": Field("tags"),
    "raw": Field("extra"), "from_": Literal("the archive"), "folder": call("path_part", n=-1),
}  # fmt: skip


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(st.one_of(written, written, written, st.sampled_from(LINES)), min_size=1, max_size=12),
    st.sets(st.sampled_from(sorted(EVERY_COLUMN))),
)
def test_what_becomes_of_a_record_does_not_depend_on_its_neighbours(tmp_path, lines, names):
    """A batch without anything wrong in it is made in fewer steps; a record alone shows what its row should be."""
    columns = TEXT | {name: column for name, column in EVERY_COLUMN.items() if name in names}
    asked = spec("jsonl", jsonl(tmp_path / "a.jsonl", *lines), columns, max_bytes=1000)
    assert rows(asked)[0] == rows(asked, rows=1)[0]


def test_a_batch_is_bounded_by_rows_and_by_bytes(tmp_path):
    asked = spec("jsonl", jsonl(tmp_path / "a.jsonl", *({"text": "x" * 1000} for _ in range(100))))
    pinned = pin(asked, {})
    sizes = [batch.num_rows for batch in read_unit(units(pinned)[0], pinned.spec, rows=30)]
    assert sizes == [30, 30, 30, 10, 1]
    sizes = [batch.num_rows for batch in read_unit(units(pinned)[0], pinned.spec, size=10_000)]
    assert max(sizes) == 10


def test_columns_of_the_user_and_of_the_document(tmp_path):
    columns = {
        "text": Field("body"),
        "license": Field("terms"),
        "url": Field("link"),
        "fetched_at": Field("when"),
        "lang": Field("language"),
        "stars": Field("n"),
        "share": Field("s"),
        "good": Field("ok"),
        "tags": Field("tags"),
        "raw": Field("extra"),
        "from_": Literal("the archive"),
        "folder": call("path_part", n=-2),
    }
    record = {
        "body": "x", "terms": ["mit", "cc0-1.0", "mit"], "link": "https://news.bbc.co.uk/1",
        "when": "2024-01-02T03:04:05+02:00",
        "language": "en", "n": 3, "s": 0.5, "ok": True, "tags": ["a"], "extra": {"k": [1]},
    }  # fmt: skip
    (tmp_path / "inner").mkdir()
    path = jsonl(tmp_path / "inner" / "a.jsonl", record, {"body": "y"})
    first, second = rows(spec("jsonl", path, columns))[0]
    assert first["license"] == ["cc0-1.0", "mit"]
    assert first["fetched_at"] == datetime(2024, 1, 2, 1, 4, 5, tzinfo=UTC)
    assert (first["lang"], first["domain"]) == ("en", "bbc.co.uk")
    assert first["url_id"] == hashlib.sha256(b"https://news.bbc.co.uk/1").hexdigest()[:32]
    assert (first["stars"], first["share"], first["good"], first["tags"]) == (3, 0.5, True, ["a"])
    assert json.loads(first["raw"]) == {"k": [1]}
    assert first["from_"] == second["from_"] == "the archive"
    assert first["folder"] == second["folder"] == "inner"
    assert (
        second["rejected"] is None and second["stars"] is second["url"] is second["license"] is second["tags"] is None
    )


@pytest.mark.parametrize(
    ("column", "good", "bad", "shown"),
    [
        ("stars", 3, 3.5, "stars: float 3.5"),
        ("stars", 3, "many", "stars: many"),
        ("license", "mit", 5, "license: int 5"),
        ("fetched_at", "2024-01-01", "yesterday", "fetched_at: yesterday"),
        ("url", "http://a.com", 7, "url: int 7"),
    ],
)
def test_a_value_of_another_type_is_a_reject(tmp_path, column, good, bad, shown):
    path = jsonl(tmp_path / "a.jsonl", *[{"text": "x", "f": good}] * 100, {"text": "y", "f": bad})
    found, _ = rows(spec("jsonl", path, TEXT | {column: Field("f")}))
    assert set(reasons(found[:100])) == {None}
    assert (found[100]["rejected"]["rule"], found[100]["rejected"]["value"]) == ("wrong_type", shown)


def test_integers_and_fractions_together_are_numbers(tmp_path):
    path = jsonl(tmp_path / "a.jsonl", {"text": "x", "n": 1}, {"text": "y", "n": 1.5})
    assert [row["n"] for row in rows(spec("jsonl", path, TEXT | {"n": Field("n")}))[0]] == [1.0, 1.5]


def test_a_column_named_like_a_documents_own_is_refused(tmp_path):
    asked = spec("jsonl", jsonl(tmp_path / "a.jsonl", {"text": "x"}), TEXT | {"doc_id": Field("text")})
    with pytest.raises(SourceError, match="doc_id is a column of every document"):
        pin(asked, {})
