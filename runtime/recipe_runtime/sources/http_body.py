"""The body of an HTTP answer: chunks joined, content encodings undone, never past a limit."""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterator
from io import BytesIO

from recipe_runtime.sources.streams import CHUNK, Damaged, gzip_chunks, inflate, zstd_chunks

_CHUNK_SIZE = re.compile(rb"[ \t]*([0-9A-Fa-f]{1,8})[ \t]*(?:;[^\r\n]*)?\r?\n")


class TooLarge(Exception):
    """The body went past the limit while it was decompressed."""


def dechunked(body: bytes) -> bytes:
    """The body without chunk sizes; as it is where it has none, because many archives undo them and keep the
    header. Raises Damaged where it ends within a chunk."""
    found, at = _CHUNK_SIZE.match(body), 0
    if found is None:
        return body
    pieces = []
    while found is not None and (size := int(found[1], 16)):
        start = found.end()
        if start + size > len(body):
            raise Damaged(True, "the chunked body ends early")
        pieces.append(body[start : start + size])
        at = start + size
        at += 2 if body[at : at + 2] == b"\r\n" else body[at : at + 1] == b"\n"
        found = _CHUNK_SIZE.match(body, at)
    if found is None:
        raise Damaged(at >= len(body), "the chunked body ends early or is broken")
    return b"".join(pieces)


def decoded(body: bytes, encodings: str, limit: int) -> bytes:
    """The body with its Content-Encoding undone, the last one first. What is not encoded as the header says
    is taken as it is where it begins like a page, because many archives store bodies decoded and keep the
    header. Raises TooLarge past `limit` bytes, and Damaged."""
    for name in reversed([part.strip().lower() for part in encodings.split(",")]):
        if name in ("", "identity", "none"):
            continue
        if name not in _PIECES:
            raise Damaged(False, f"unknown content encoding {name}")
        try:
            body = _bounded(_PIECES[name](body), limit)
        except Damaged:
            if body.lstrip()[:1] == b"<":
                continue
            raise
    return body


def _bounded(pieces: Iterator[bytes], limit: int) -> bytes:
    found, size = [], 0
    for piece in pieces:
        size += len(piece)
        if size > limit:
            raise TooLarge
        found.append(piece)
    return b"".join(found)


def _gzip(body: bytes) -> Iterator[bytes]:
    return gzip_chunks(BytesIO(body))


def _zstd(body: bytes) -> Iterator[bytes]:
    return zstd_chunks(BytesIO(body))


def _deflate(body: bytes) -> Iterator[bytes]:
    """RFC 9110 means the zlib format; some servers send bare deflate."""
    wrapped = len(body) > 1 and body[0] & 0x0F == 8 and int.from_bytes(body[:2], "big") % 31 == 0
    stream = zlib.decompressobj(zlib.MAX_WBITS if wrapped else -zlib.MAX_WBITS)
    rest = body
    while not stream.eof:
        piece = inflate(stream, rest)
        rest = stream.unconsumed_tail
        if not piece and not rest and not stream.eof:
            raise Damaged(True, "the deflate body ends early")
        yield piece


def _brotli(body: bytes) -> Iterator[bytes]:
    import brotli

    stream, rest = brotli.Decompressor(), body
    while not stream.is_finished():
        try:
            piece = stream.process(rest, output_buffer_limit=CHUNK)
        except brotli.error as error:
            raise Damaged(False, f"{error}") from error
        rest = b""
        if not piece and stream.can_accept_more_data() and not stream.is_finished():
            raise Damaged(True, "the brotli body ends early")
        yield piece


_PIECES = {
    "gzip": _gzip,
    "x-gzip": _gzip,
    "deflate": _deflate,
    "br": _brotli,
    "zstd": _zstd,
}
