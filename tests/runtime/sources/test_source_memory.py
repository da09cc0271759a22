"""One record of 300 MB, and gzip bombs: the worker's memory stays where it was. Measured in a process of its own."""

import gzip
import json
import subprocess
import sys
import zlib
from pathlib import Path

import pytest
import zstandard
from source_reading import warc_record

HUGE = 300_000_000
ALLOWED = 200 * 1024 * 1024
"""Bytes that reading may add: the limit of 20 MB held a few times, never the record."""

CHILD = """
import json, resource, sys
sys.path.insert(0, sys.argv[1])
from source_reading import rows, reasons, spec, jsonl, warc_gz, warc_record, Path
operator, path, folder = sys.argv[2], Path(sys.argv[3]), Path(sys.argv[4])
small = warc_gz(folder / "small.warc.gz", warc_record()) if operator == "warc" else folder / "small"
if operator != "warc":
    small.write_bytes(b'text\\nx\\n' if operator == "csv" else b'{"text": "x"}\\n')
rows(spec(operator, small))  # imports and caches, before the measure
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
found, markers = rows(spec(operator, path))
after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print(json.dumps({"added": (after - before) * 1024, "reasons": reasons(found), "bytes": markers[0]["bytes_in"]}))
"""


def read_in_a_child(operator, path, tmp_path):
    here = str(Path(__file__).parent)
    command = [sys.executable, "-c", CHILD, here, operator, str(path), str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def pieces(before, filling, after):
    """A file's content of 300 MB, never whole in this process either."""
    yield before
    for _ in range(HUGE // 1_000_000):
        yield filling * 1_000_000
    yield after


JSON_PARTS = (b'{"text": "a"}\n{"text": "', b"x", b'"}\n{"text": "b"}\n')
CSV_PARTS = (b"text\na\n", b"x", b"\nb\n")


@pytest.mark.parametrize(
    ("operator", "parts", "end"),
    [("jsonl", JSON_PARTS, ""), ("jsonl", JSON_PARTS, ".gz"), ("jsonl", JSON_PARTS, ".zst"), ("csv", CSV_PARTS, "")],
)
def test_a_line_of_300_mb(tmp_path, operator, parts, end):
    path = tmp_path / f"a.{operator}{end}"
    with open(path, "wb") as raw:
        if end == ".zst":
            with zstandard.ZstdCompressor().stream_writer(raw) as out:
                for piece in pieces(*parts):
                    out.write(piece)
        else:
            pack = zlib.compressobj(1, zlib.DEFLATED, 31) if end else None
            for piece in pieces(*parts):
                raw.write(pack.compress(piece) if pack else piece)
            raw.write(pack.flush() if pack else b"")
    seen = read_in_a_child(operator, path, tmp_path)
    assert seen["reasons"] == [None, "too_large", None] and seen["bytes"] > HUGE
    assert seen["added"] < ALLOWED


def test_a_gzip_bomb_of_a_thousand_to_one_in_an_archive(tmp_path):
    head = warc_record(b"", id="<bomb>", length=HUGE + 59)[:-4]  # 59 bytes of HTTP header
    pack = zlib.compressobj(9, zlib.DEFLATED, 31)
    path = tmp_path / "a.warc.gz"
    with open(path, "wb") as out:
        out.write(gzip.compress(warc_record(id="<a>")))
        start = out.tell()
        for piece in pieces(head, b"\0", b"\r\n\r\n"):
            out.write(pack.compress(piece))
        out.write(pack.flush())
        assert HUGE / (out.tell() - start) > 1000
        out.write(gzip.compress(warc_record(id="<b>")))
    seen = read_in_a_child("warc", path, tmp_path)
    assert seen["reasons"] == [None, "decompressed_too_large", None] and seen["bytes"] > HUGE
    assert seen["added"] < ALLOWED


def test_a_bomb_that_hides_its_size_behind_a_short_record(tmp_path):
    path = tmp_path / "a.warc.gz"
    pack = zlib.compressobj(1, zlib.DEFLATED, 31)
    with open(path, "wb") as out:
        for piece in pieces(warc_record(id="<a>"), b"\0", b""):
            out.write(pack.compress(piece))
        out.write(pack.flush() + gzip.compress(warc_record(id="<b>")))
    seen = read_in_a_child("warc", path, tmp_path)
    assert seen["reasons"] == [None, "unreadable_record", None] and seen["added"] < ALLOWED


def test_a_plain_page_of_300_mb(tmp_path):
    path = tmp_path / "a.warc"
    head = warc_record(b"", id="<big>", length=HUGE + 59)[:-4]  # 59 bytes of HTTP header
    with open(path, "wb") as out:
        for piece in pieces(warc_record(id="<a>") + head, b"x", b"\r\n\r\n" + warc_record(id="<b>")):
            out.write(piece)
    seen = read_in_a_child("warc", path, tmp_path)
    assert seen["reasons"] == [None, "too_large", None] and seen["bytes"] > HUGE
    assert seen["added"] < ALLOWED


def test_a_small_body_that_becomes_300_mb(tmp_path):
    pack = zlib.compressobj(1, zlib.DEFLATED, 31)
    body = b"".join(pack.compress(piece) for piece in pieces(b"<html>", b"\0", b"")) + pack.flush()
    headers = (b"Content-Type: text/html", b"Content-Encoding: gzip")
    path = tmp_path / "a.warc.gz"
    path.write_bytes(gzip.compress(warc_record(body, headers=headers)) + gzip.compress(warc_record(id="<b>")))
    seen = read_in_a_child("warc", path, tmp_path)
    assert seen["reasons"] == ["decompressed_too_large", None] and seen["added"] < ALLOWED
