"""Bytes of an input file: plain, gzip or Zstandard, in bounded chunks, cut into lines of bounded length.

Damage is a value, not an exception that loses what came before it: `Damaged` is raised once the bytes
ahead of it have been handed out.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from io import BytesIO
from typing import Any

from recipe_udfs.identity import DIGITS

from recipe_runtime.sources import zstd_blocks

CHUNK = 256 * 1024
"""Bytes read from a file, and at most given out by gzip, at a time."""


class Damaged(Exception):
    """The stream ends early (`truncated`) or cannot be decompressed from here on."""

    def __init__(self, truncated: bool, detail: str):
        super().__init__(detail)
        self.truncated = truncated
        self.detail = detail

    @property
    def rule(self) -> str:
        return "truncated_record" if self.truncated else "unreadable_record"


GZIP, ZSTD = b"\x1f\x8b", zstd_blocks.MAGIC


def compressed(file: Any) -> bytes:
    """GZIP, ZSTD or nothing, by the first bytes of a file, which is left at its start."""
    start = file.read(4)
    file.seek(0)
    return next((magic for magic in (GZIP, ZSTD) if start.startswith(magic)), b"")


def chunks(file: Any) -> Iterator[bytes]:
    """Decompressed bytes of an open file, whatever its name says. Raises Damaged."""
    return {GZIP: gzip_chunks, ZSTD: zstd_chunks, b"": plain_chunks}[compressed(file)](file)


def plain_chunks(file: Any) -> Iterator[bytes]:
    while data := file.read(CHUNK):
        yield data


def gzip_chunks(file: Any) -> Iterator[bytes]:
    """All members one after the other, as gzip defines a file of several; zero padding is left out."""
    stream = None
    for data in plain_chunks(file):
        while data:
            if stream is None:
                data = data.lstrip(b"\0")
                if not data:
                    break
                stream = zlib.decompressobj(31)
            out = inflate(stream, data)
            if out:
                yield out
            data = stream.unused_data if stream.eof else stream.unconsumed_tail
            if stream.eof:
                stream = None
    while stream is not None and (out := inflate(stream, b"")):  # what the limit of the last call held back
        yield out
    if stream is not None and not stream.eof:
        raise Damaged(True, "the gzip stream ends early")


def inflate(stream: Any, data: bytes) -> bytes:
    """At most CHUNK bytes of a zlib stream; raises Damaged."""
    try:
        return stream.decompress(data, CHUNK)
    except zlib.error as error:
        raise Damaged(False, f"gzip: {error}") from error


def zstd_chunks(file: Any) -> Iterator[bytes]:
    """All frames one after the other, a block of at most 128 KiB at a time."""
    import zstandard

    try:
        for frame in zstd_blocks.frames(file.read):
            stream = zstandard.ZstdDecompressor().decompressobj()
            for piece in frame:
                out = stream.decompress(piece)
                if out:
                    yield out
    except zstd_blocks.Ended:
        raise Damaged(True, "the zstd stream ends early") from None
    except (zstd_blocks.Malformed, zstandard.ZstdError) as error:
        raise Damaged(False, f"zstd: {error}") from error


@dataclass(slots=True)  # not frozen: that costs more than the rest of a short line
class Line:
    """One line without its end. `data` is None where it was too long or the stream broke in it: then its
    bytes were hashed, not held."""

    offset: int  # of its first byte, in the decompressed stream
    size: int  # bytes
    data: bytes | None
    hash: str = ""  # first 32 hex digits of SHA-256, where `data` is None
    damage: Damaged | None = None


def lines(pieces: Iterator[bytes], limit: int, offset: int = 0) -> Iterator[Line]:
    """Lines of a stream, ended by LF, CR LF or the stream's end. Of a line longer than `limit` bytes only
    size and hash are kept (with its CR), so memory stays near the limit. A damaged stream ends with one
    Line that has `damage`, behind all that could be read. No piece is empty."""
    source = _until_damage(pieces)
    held: list[bytes] = []  # the start of a line that is not yet whole
    size = 0
    piece = next(source, None)
    while piece is not None:
        if isinstance(piece, Damaged):
            yield Line(offset, size, None, sha256(b"".join(held)).hexdigest()[:DIGITS], piece)
            return
        ended = BytesIO(piece).readlines()  # finds the ends several times faster than split, but keeps them
        rest = b"" if ended[-1].endswith(b"\n") else ended.pop()
        if ended and held:
            ended[0] = b"".join([*held, ended[0]])
            held, size = [], 0
        for line in ended:
            yield _line(offset, line[:-1], limit)
            offset += len(line)
        if rest:
            held.append(rest)
            size += len(rest)
        following = b""
        if size > limit + 1:  # one more, because the last byte may be the CR of its end
            skipped, following = _skip(offset, b"".join(held), source)
            yield skipped
            if skipped.damage:
                return
            offset += skipped.size + 1
            held, size = [], 0
        piece = following or next(source, None)
    if held:
        yield _line(offset, b"".join(held), limit)


def _until_damage(pieces: Iterator[bytes]) -> Iterator[bytes | Damaged]:
    try:
        yield from pieces
    except Damaged as damage:
        yield damage


def _line(offset: int, line: bytes, limit: int) -> Line:
    text = line.removesuffix(b"\r")
    if len(text) > limit:
        return Line(offset, len(line), None, sha256(line).hexdigest()[:DIGITS])
    return Line(offset, len(text), text)


def _skip(offset: int, start: bytes, source: Iterator[bytes | Damaged]) -> tuple[Line, bytes]:
    """Passes over the rest of a long line; returns it, and the bytes that came with its end."""
    digest, size = sha256(start), len(start)
    for piece in source:
        if isinstance(piece, Damaged):
            return Line(offset, size, None, digest.hexdigest()[:DIGITS], piece), b""
        part, newline, rest = piece.partition(b"\n")
        digest.update(part)
        size += len(part)
        if newline:
            return Line(offset, size, None, digest.hexdigest()[:DIGITS]), rest
    return Line(offset, size, None, digest.hexdigest()[:DIGITS]), b""
