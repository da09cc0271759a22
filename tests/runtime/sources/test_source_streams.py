"""Streams, lines and frames against plain references, over any cut and any damage."""

import gzip
import hashlib
import io
import json
import random

import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st
from recipe_runtime.sources.streams import CHUNK, Damaged, chunks, lines
from recipe_runtime.sources.warc_frames import frames
from source_reading import jsonl, rows, spec, warc_gz, warc_record


def expected(data, limit):
    """What `lines` should give, for data that is whole in memory."""
    found, offset = [], 0
    for line in data.split(b"\n"):
        text = line.removesuffix(b"\r")
        if len(text) > limit:
            found.append((offset, len(line), None, hashlib.sha256(line).hexdigest()[:32]))
        elif line or offset < len(data):
            found.append((offset, len(text), text, ""))
        offset += len(line) + 1
    return found


@given(
    st.lists(st.sampled_from([b"a", b"bcd", b"\n", b"\r\n", b"\r", b"x" * 9, b"\n\n"]), max_size=40).map(b"".join),
    st.lists(st.integers(1, 12), max_size=40),
    st.integers(0, 12),
)
def test_lines_do_not_depend_on_how_the_stream_is_cut(data, cuts, limit):
    pieces, rest = [], data
    for cut in cuts:
        pieces.append(rest[:cut])
        rest = rest[cut:]
    pieces = [piece for piece in [*pieces, rest] if piece]
    found = [(line.offset, line.size, line.data, line.hash) for line in lines(iter(pieces), limit)]
    assert found == expected(data, limit)


@given(st.binary(max_size=3000), st.lists(st.integers(0, 3000), max_size=4), st.booleans(), st.booleans())
def test_frames_of_zstd_decompress_to_what_was_packed(data, cuts, checksum, sizes):
    compressor = zstandard.ZstdCompressor(write_checksum=checksum, write_content_size=sizes)
    skippable = (0x184D2A53).to_bytes(4, "little") + (5).to_bytes(4, "little") + b"hello"
    ends = [0, *sorted(cuts), len(data)]
    packed = skippable.join(compressor.compress(data[a:b]) for a, b in zip(ends, ends[1:], strict=False))
    whole = b"".join(chunks(io.BytesIO(compressor.compress(b"") + packed)))
    assert whole == b"".join(data[a:b] for a, b in zip(ends, ends[1:], strict=False))


@pytest.mark.parametrize("pack", [gzip.compress, zstandard.ZstdCompressor(write_checksum=True).compress])
def test_every_truncation_is_seen(pack):
    packed = pack(b"some words, " * 50)
    for cut in range(4, len(packed)):
        with pytest.raises(Damaged) as damage:
            list(chunks(io.BytesIO(packed[:cut])))
        assert damage.value.truncated, cut


def test_a_piece_is_never_much_larger_than_a_chunk():
    for pack in (gzip.compress, zstandard.ZstdCompressor().compress):
        assert max(map(len, chunks(io.BytesIO(pack(bytes(50_000_000)))))) <= CHUNK


@settings(max_examples=300, deadline=None)
@given(st.integers(0, 10**9), st.booleans(), st.integers(1, 40))
def test_an_archive_damaged_anywhere_ends_and_shows_the_damage(seed, plain, width):
    """Records that the damage did not touch are read; what is missing shows as a reject."""
    chance = random.Random(seed)
    records = [warc_record(bytes(chance.randbytes(200).hex(), "ascii"), id=f"<r{i}>") for i in range(8)]
    members = records if plain else [gzip.compress(record, mtime=0) for record in records]
    data = bytearray(b"".join(members))
    at = chance.randrange(len(data) - width)
    data[at : at + width] = chance.randbytes(width)
    found = list(frames(io.BytesIO(data), "a.warc" if plain else "a.warc.gz", 10_000))
    whole = [frame.header + frame.block for frame in found if not frame.rule]
    ends = [sum(map(len, members[: i + 1])) for i in range(8)]
    untouched = [record.removesuffix(b"\r\n\r\n") for record, member, end in zip(records, members, ends, strict=True)
                 if end <= at or end - len(member) >= at + width]  # fmt: skip
    assert set(untouched) <= set(whole)
    other_type = plain and data.count(b"WARC-Type: response\r\n") < 8  # as the standard asks: not ours, passed over
    assert len(whole) == 8 or any(frame.rule for frame in found) or other_type


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=300), st.booleans())
def test_any_bytes_are_read_to_their_end(data, packed):
    assert sum(1 for _ in frames(io.BytesIO(gzip.compress(data, mtime=0) if packed else data), "a", 1000)) <= 2


def test_hostile_lines_end_as_rows(tmp_path):
    chance = random.Random(7)
    base = json.dumps({"id": "a", "text": "some words", "n": 3}).encode()
    lines_ = []
    for _ in range(2000):
        line = bytearray(base)
        for _ in range(chance.randrange(4)):
            line[chance.randrange(len(line))] = chance.choice(b'\x00\xff"{}[]\\u:,\xed')
        lines_.append(bytes(line).replace(b"\n", b" "))
    found, _ = rows(spec("jsonl", jsonl(tmp_path / "a.jsonl", *lines_)))
    assert len(found) == 2000 and {row["rejected"] is None for row in found} == {True, False}


def test_the_same_archive_gives_the_same_rows_twice(tmp_path):
    path = warc_gz(tmp_path / "a.warc.gz", *(warc_record(id=f"<r{i}>") for i in range(3)))
    assert rows(spec("warc", path)) == rows(spec("warc", path))
