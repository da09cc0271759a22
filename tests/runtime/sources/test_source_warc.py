"""warc: pages in, with what is damaged, foreign, oversized or hostile explained."""

import gzip
import zlib
from datetime import UTC, datetime

import brotli
import pytest
from recipe_runtime.sources.pin import pin
from recipe_runtime.sources.spec import Field, SourceError
from source_reading import AT, call, only, reasons, rows, spec, warc_gz, warc_record

PAGE = b"<html><body><main><p>Some words on a page.</p></main></body></html>"


def ids(found):
    return [row["record_key"] for row in found]


def test_a_page_is_a_document_with_all_that_the_archive_says(tmp_path):
    body = (
        b'<html><head><meta name="robots" content="noai"></head><body><p>Some words on a page.</p>'
        b'<a rel="license" href="https://creativecommons.org/licenses/by-sa/4.0/">CC</a></body></html>'
    )
    headers = (b"Content-Type: text/html; charset=utf-8", b"X-Robots-Tag: noindex", b"TDM-Reservation: 1")
    row = only(spec("warc", warc_gz(tmp_path / "a.warc.gz", warc_record(body, headers=headers))))
    assert row["rejected"] is None and "Some words on a page." in row["text"]
    assert (row["record_key"], row["url"], row["domain"]) == ("urn:uuid:1", "http://news.example.com/a", "example.com")
    assert row["fetched_at"] == datetime(2024, 5, 6, 7, 8, 9, tzinfo=UTC)
    assert row["license"] == ["cc-by-sa-4.0"]
    meta = dict(row["meta"])
    assert (meta["http:x-robots-tag"], meta["http:tdm-reservation"]) == ("noindex", "1")
    assert any("noai" in value for value in meta.values())


def test_only_responses_and_resources_count(tmp_path):
    records = [
        warc_record(kind="warcinfo", id="<i>"),
        warc_record(kind="request", id="<q>"),
        warc_record(id="<r>"),
        warc_record(kind="metadata", id="<m>"),
        warc_record(kind="resource", id="<s>"),
        warc_record(kind="revisit", id="<v>"),
    ]
    found, _ = rows(spec("warc", warc_gz(tmp_path / "a.warc.gz", *records)))
    assert ids(found) == ["r", "s"] and reasons(found) == [None, None]


def test_a_plain_archive_reads_like_a_compressed_one(tmp_path):
    records = [warc_record(id=f"<r{i}>") for i in range(5)]
    (tmp_path / "a.warc").write_bytes(b"".join(records))
    plain, _ = rows(spec("warc", tmp_path / "a.warc"))
    packed, _ = rows(spec("warc", warc_gz(tmp_path / "b.warc.gz", *records)))
    drop = {"file_id", "record"}
    assert [{k: v for k, v in r.items() if k not in drop} for r in plain] == [
        {k: v for k, v in r.items() if k not in drop} for r in packed
    ]
    assert [row["record"] for row in plain] == [i * len(records[0]) for i in range(5)]


def test_position_is_where_the_record_can_be_read_again(tmp_path):
    path = warc_gz(tmp_path / "a.warc.gz", warc_record(id="<a>"), warc_record(id="<b>"))
    row = rows(spec("warc", path))[0][1]
    assert b"<b>" in zlib.decompressobj(31).decompress(path.read_bytes()[row["record"] :])


def test_several_records_in_one_gzip_member(tmp_path):
    path = tmp_path / "a.warc.gz"
    path.write_bytes(gzip.compress(b"".join(warc_record(id=f"<r{i}>") for i in range(20))))
    found, _ = rows(spec("warc", path))
    assert ids(found) == [f"r{i}" for i in range(20)] and set(reasons(found)) == {None}


@pytest.mark.parametrize(
    ("record", "rule", "value"),
    [
        (warc_record(status=b"404 Not Found"), "http_status", "404"),
        (warc_record(status=b"301 Moved"), "http_status", "301"),
        (warc_record(headers=(b"Content-Type: application/pdf",)), "content_type", "application/pdf"),
        (warc_record(headers=()), "content_type", "none"),
        (warc_record(b"", headers=(b"Content-Type: text/html",)), "no_text", ""),
        (warc_record(b"<html><body></body></html>"), "no_text", ""),
        (
            warc_record(headers=(b"Content-Type: text/html", b"Content-Encoding: wat")),
            "unreadable_record",
            "unknown content encoding wat",
        ),
    ],
)
def test_what_is_no_page_is_a_reject_with_its_url(tmp_path, record, rule, value):
    row = only(spec("warc", warc_gz(tmp_path / "a.warc.gz", record)))
    assert (row["rejected"]["rule"], row["rejected"]["value"], row["rejected"]["at"]) == (rule, value, AT)
    assert row["url"] == "http://news.example.com/a" and row["text"] is row["doc_id"] is None
    assert row["record_key"] == "urn:uuid:1"


def chunked(body):
    return (
        b"".join(b"%x\r\n%s\r\n" % (len(body[i : i + 9]), body[i : i + 9]) for i in range(0, len(body), 9))
        + b"0\r\n\r\n"
    )


@pytest.mark.parametrize(
    ("headers", "body"),
    [
        ([b"Content-Encoding: gzip"], gzip.compress(PAGE, mtime=0)),
        ([b"Content-Encoding: br"], brotli.compress(PAGE)),
        ([b"Content-Encoding: deflate"], zlib.compress(PAGE)),
        ([b"Content-Encoding: deflate"], zlib.compress(PAGE)[2:-4]),
        ([b"Content-Encoding: gzip, br"], brotli.compress(gzip.compress(PAGE, mtime=0))),
        ([b"Content-Encoding: gzip"], PAGE),
        ([b"Content-Encoding: br"], PAGE),
        ([b"Content-Encoding: deflate"], PAGE),
        ([b"Transfer-Encoding: chunked"], chunked(PAGE)),
        ([b"Transfer-Encoding: chunked"], PAGE),
        ([b"Transfer-Encoding: chunked", b"Content-Encoding: gzip"], chunked(gzip.compress(PAGE, mtime=0))),
    ],
)
def test_encoded_bodies(tmp_path, headers, body):
    record = warc_record(body, headers=(b"Content-Type: text/html", *headers))
    row = only(spec("warc", warc_gz(tmp_path / "a.warc.gz", record)))
    assert row["rejected"] is None and row["text"] == "Some words on a page."


@pytest.mark.parametrize(
    ("encoding", "body"),
    [
        (b"gzip", gzip.compress(PAGE, mtime=0)[:-20]),
        (b"br", brotli.compress(PAGE)[:-20]),
        (b"deflate", zlib.compress(PAGE)[:-20]),
    ],
)
def test_a_body_that_ends_early_is_a_reject(tmp_path, encoding, body):
    record = warc_record(body, headers=(b"Content-Type: text/html", b"Content-Encoding: " + encoding))
    assert only(spec("warc", warc_gz(tmp_path / "a.warc.gz", record)))["rejected"]["rule"] == "truncated_record"


@pytest.mark.parametrize("pack", [(b"gzip", gzip.compress), (b"br", brotli.compress), (b"deflate", zlib.compress)])
def test_a_body_that_grows_past_the_limit_is_stopped(tmp_path, pack):
    encoding, compress = pack
    record = warc_record(
        compress(bytes(3_000_000)), headers=(b"Content-Type: text/html", b"Content-Encoding: " + encoding)
    )
    row = only(spec("warc", warc_gz(tmp_path / "a.warc.gz", record), max_bytes=1_000_000))
    assert (row["rejected"]["rule"], row["rejected"]["threshold"]) == ("decompressed_too_large", "1000000")


@pytest.mark.parametrize("charset", ["iso-8859-1", "utf-8", "windows-1251"])
def test_pages_are_decoded_by_their_charset(tmp_path, charset):
    words = "Ещё слова" if charset == "windows-1251" else "Œuvre à Zürich" if charset == "utf-8" else "Übung à Zürich"
    body = f"<html><body><p>{words}</p></body></html>".encode(charset)
    record = warc_record(body, headers=(f"Content-Type: text/html; charset={charset}".encode(),))
    assert only(spec("warc", warc_gz(tmp_path / "a.warc.gz", record)))["text"] == words


def test_a_page_over_the_limit_is_a_reject_with_key_and_url(tmp_path):
    big = b"<html>" + b"x" * 1_500_000
    records = [warc_record(id="<a>"), warc_record(big, id="<b>"), warc_record(big * 2, id="<c>"), warc_record(id="<d>")]
    (tmp_path / "p.warc").write_bytes(b"".join(records))
    for path, skipped in [
        (tmp_path / "p.warc", "too_large"),
        (warc_gz(tmp_path / "a.warc.gz", *records), "decompressed_too_large"),
    ]:
        found, _ = rows(spec("warc", path, max_bytes=1_000_000))
        assert ids(found) == ["a", "b", "c", "d"]
        assert reasons(found) == [None, "too_large", skipped, None]
        assert found[2]["url"] == "http://news.example.com/a" and found[2]["bytes"] > 3_000_000


def test_a_truncated_last_record_keeps_those_before(tmp_path):
    path = warc_gz(tmp_path / "a.warc.gz", *(warc_record(id=f"<r{i}>") for i in range(3)))
    whole = path.read_bytes()
    for cut in (5, 9, 60, 200):
        path.write_bytes(whole[:-cut])
        found, _ = rows(spec("warc", path))
        assert reasons(found) == [None, None, "truncated_record"], cut
        assert found[2]["rejected"]["value"].startswith(f"at byte {found[2]['record']}: ")


def test_a_truncated_plain_archive(tmp_path):
    path = tmp_path / "a.warc"
    path.write_bytes(b"".join(warc_record(id=f"<r{i}>") for i in range(3))[:-60])
    found, _ = rows(spec("warc", path))
    assert reasons(found) == [None, None, "truncated_record"] and ids(found)[2] == "r2"


def damaged_in_the_middle(path):
    """Three members of pages that do not compress, the second with other bytes in its middle."""
    import hashlib

    def page(i):
        words = " ".join(hashlib.sha256(b"%d-%d" % (i, k)).hexdigest() for k in range(50))
        return f"<html><body><p>{words}</p></body></html>".encode()

    members = [gzip.compress(warc_record(page(i), id=f"<r{i}>")) for i in range(3)]
    middle = bytearray(members[1])
    middle[len(middle) // 2 : len(middle) // 2 + 40] = b"\xff" * 40
    path.write_bytes(members[0] + bytes(middle) + members[2])
    return path, len(members[0])


def test_reading_goes_on_behind_a_corrupt_member(tmp_path):
    path, offset = damaged_in_the_middle(tmp_path / "a.warc.gz")
    found, _ = rows(spec("warc", path))
    assert reasons(found) == [None, "unreadable_record", None]
    assert found[1]["record"] == offset and ids(found)[0] == "r0" and ids(found)[2] == "r2"


def test_reading_goes_on_behind_garbage_between_members(tmp_path):
    path = tmp_path / "a.warc.gz"
    first, second = (gzip.compress(warc_record(id=id)) for id in ("<a>", "<b>"))
    path.write_bytes(first + b"garbage \x1f\x8b\x08 garbage" + second)
    found, _ = rows(spec("warc", path))
    assert reasons(found) == [None, "unreadable_record", None] and ids(found)[2] == "b"


def test_reading_goes_on_behind_garbage_in_a_plain_archive(tmp_path):
    path = tmp_path / "a.warc"
    path.write_bytes(warc_record(id="<a>") + b"garbage\nmore garbage\r\n" + warc_record(id="<b>"))
    found, _ = rows(spec("warc", path))
    assert reasons(found) == [None, "unreadable_record", None] and ids(found)[2] == "b"


@pytest.mark.parametrize("plain", [True, False])
@pytest.mark.parametrize("length", [50, 300, 700, 100_000])
def test_a_record_that_lies_about_its_length_is_one_reject(tmp_path, plain, length):
    records = [
        warc_record(id="<a>"),
        warc_record(id="<b>", length=length),
        warc_record(id="<c>"),
        warc_record(id="<d>"),
    ]
    path = tmp_path / ("a.warc" if plain else "a.warc.gz")
    path.write_bytes(b"".join(records if plain else map(gzip.compress, records)))
    found, _ = rows(spec("warc", path))
    assert ids(found) == ["a", "b", "c", "d"]
    assert reasons(found)[0] is reasons(found)[2] is reasons(found)[3] is None
    assert reasons(found)[1] in ("truncated_record", "unreadable_record")


def test_one_bad_record_in_a_member_of_many_loses_no_other(tmp_path):
    path = tmp_path / "a.warc.gz"
    records = [warc_record(id=f"<r{i}>", length=40 if i == 3 else None) for i in range(9)]
    path.write_bytes(gzip.compress(b"".join(records)))
    found, _ = rows(spec("warc", path))
    assert ids(found) == [f"r{i}" for i in range(9)]
    assert reasons(found) == [None] * 3 + ["unreadable_record"] + [None] * 5


def test_a_damaged_checksum_is_no_document(tmp_path):
    member = bytearray(gzip.compress(warc_record(id="<a>")))
    member[-8] ^= 1
    (tmp_path / "a.warc.gz").write_bytes(bytes(member) + gzip.compress(warc_record(id="<b>")))
    found, _ = rows(spec("warc", tmp_path / "a.warc.gz"))
    assert reasons(found) == ["unreadable_record", None] and ids(found)[1] == "b"


@pytest.mark.parametrize(
    "data",
    [b"not a warc file at all", b"\x1f\x8b", gzip.compress(b"no record here"), bytes(1000) + b"x"],
    ids=["text", "two bytes", "gzip", "zeros"],
)
def test_a_file_that_is_no_archive_is_one_reject(tmp_path, data):
    path = tmp_path / "a.warc.gz"
    path.write_bytes(data)
    found, _ = rows(spec("warc", path))
    assert len(found) == 1 and reasons(found)[0] in ("unreadable_record", "truncated_record")


def test_a_crawled_archive_inside_an_archive_is_not_taken_for_records(tmp_path):
    inner = gzip.compress(warc_record(id="<inner>"))
    outer = warc_record(inner, id="<outer>", headers=(b"Content-Type: application/gzip",))
    path = tmp_path / "a.warc.gz"
    path.write_bytes(gzip.compress(outer, 0) + gzip.compress(warc_record(id="<b>")))  # stored, so `inner` lies bare
    found, _ = rows(spec("warc", path, max_bytes=1_000_000))
    assert ids(found) == ["outer", "b"] and reasons(found) == ["content_type", None]


def test_hostile_pages_do_not_stop_the_others(tmp_path):
    bodies = [
        b"<div>" * 1_000 + b"deep",
        b"<html>" + bytes(range(256)) * 50,
        b"<!--" * 5000,
        b"<p>fine words here</p>",
    ]
    records = [warc_record(body, id=f"<r{i}>") for i, body in enumerate(bodies)]
    found, _ = rows(spec("warc", warc_gz(tmp_path / "a.warc.gz", *records)))
    assert len(found) == 4 and found[3]["text"] == "fine words here"


def test_rows_do_not_depend_on_the_batch(tmp_path):
    path, _ = damaged_in_the_middle(tmp_path / "a.warc.gz")
    assert rows(spec("warc", path))[0] == rows(spec("warc", path), rows=1)[0]


def test_a_warc_source_must_say_how_text_is_found(tmp_path):
    path = warc_gz(tmp_path / "a.warc.gz", warc_record())
    with pytest.raises(SourceError, match="has pages, no text"):
        pin(spec("warc", path, {}), {})
    with pytest.raises(SourceError, match="no field body") as refused:
        pin(spec("warc", path, {"text": call("resiliparse"), "body": Field("body")}), {})
    assert "html, url, fetched_at" in refused.value.remedy
