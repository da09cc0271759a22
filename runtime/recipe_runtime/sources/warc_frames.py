"""Framing of WARC files: where each record begins and ends, whatever is damaged around it.

FastWARC reads whole records well, but cannot go on behind a damaged one (its iterator ends with an
OSError), and gives a truncated one as an empty record. So the frames are found here, with limits, and
FastWARC gets the bytes of one record at a time.
"""

from __future__ import annotations

import re
import zlib
from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from recipe_udfs.identity import DIGITS

from recipe_runtime.sources.streams import CHUNK, GZIP, Damaged, compressed
from recipe_runtime.sources.values import shown

HEADER_BYTES = 64 * 1024
"""The longest WARC header; a longer one is damage."""

WANTED = ("response", "resource")
"""Record types that can be documents; others are passed over and not counted."""

_LENGTH = re.compile(rb"^content-length:[ \t]*(\d{1,18})[ \t]*\r?$", re.I | re.M)
_TYPE = re.compile(rb"^warc-type:[ \t]*([\w-]+)[ \t]*\r?$", re.I | re.M)


@dataclass(slots=True)
class Frame:
    """One record. `offset` is where it begins in the file; of further records in one gzip member, one more
    each. `block` is None where `rule` says why it was not held."""

    offset: int
    header: bytes
    block: bytes | None
    size: int  # bytes of header and block that were there, decompressed
    hash: str  # first 32 hex digits of their SHA-256
    rule: str = ""
    found: str = ""
    limit: str = ""


def frames(file: Any, max_block: int) -> Iterator[Frame]:
    """The records of types `WANTED`, and every place that is damaged; each block has at most `max_block` bytes.

    A larger block passes through a hash. Behind damage, reading goes on at the next gzip member that
    begins a record, or, in a plain file, at the next line that does.
    """
    members = _Gzip(file) if compressed(file) == GZIP else _Plain(file)
    while members.begin():
        while True:
            frame = _Frame(members)
            try:
                if not frame.read(max_block):
                    break
            except Damaged as damage:
                yield frame.damaged(damage)
                if not members.recover():
                    return
                break
            members.nth += 1
            if frame.wanted:
                yield frame.whole(max_block, members.too_large)


class _Frame:
    """Reads one record off the members."""

    def __init__(self, members: _Members):
        self.members = members
        self.header = b""
        self.digest = sha256()
        self.size = self.length = 0
        self.wanted = True
        self.block: list[bytes] | None = []
        self.offset = members.offset

    def read(self, max_block: int) -> bool:
        """False where the member ends before a record begins; raises Damaged."""
        members = self.members
        first = members.line()
        while first in (b"\r\n", b"\n"):
            first = members.line()
        self.offset = members.record_offset(len(first))
        if not first:
            return False
        self._take(first)
        if not first.startswith(b"WARC/"):
            raise Damaged(False, f"no WARC record: {shown(first[:40].decode('latin-1'))}")
        self.header = first
        while (line := members.line()) not in (b"\r\n", b"\n"):
            self._take(line)
            self.header += line
            if not line.endswith(b"\n"):
                raise Damaged(len(self.header) < HEADER_BYTES, "the header of the record ends early")
            if len(self.header) > HEADER_BYTES:
                raise Damaged(False, f"the header of the record is longer than {HEADER_BYTES} bytes")
        self._take(line)
        self.header += line
        self._read_block(max_block)
        return True

    def _read_block(self, max_block: int) -> None:
        length, kind = _LENGTH.search(self.header), _TYPE.search(self.header)
        if length is None:
            raise Damaged(False, "the record does not say its Content-Length")
        self.length = int(length[1])
        self.wanted = kind is None or kind[1].decode().lower() in WANTED
        if not self.wanted or self.length > max_block:
            self.block = None
        left = self.length
        while left:
            data = self.members.take(left)
            if not data:
                raise Damaged(True, f"the record ends after {self.length - left} of {self.length} bytes")
            left -= len(data)
            if self.wanted:
                self._take(data)
            if self.block is not None:
                self.block.append(data)
        self.members.settle()

    def _take(self, data: bytes) -> None:
        self.digest.update(data)
        self.size += len(data)

    def whole(self, max_block: int, too_large: str) -> Frame:
        """The record, or why its block was not held."""
        if self.block is None:
            return self._frame(None, too_large, str(self.length), str(max_block))
        return self._frame(b"".join(self.block), "", "", "")

    def damaged(self, damage: Damaged) -> Frame:
        """What there was of a record before the damage."""
        return self._frame(None, damage.rule, f"at byte {self.offset}: {damage.detail}", "")

    def _frame(self, block: bytes | None, rule: str, found: str, limit: str) -> Frame:
        return Frame(self.offset, self.header, block, self.size, self.digest.hexdigest()[:DIGITS], rule, found, limit)


class _Members(ABC):
    """Decompressed bytes, member by member. `offset` is where the current member begins."""

    too_large: str
    """The rule of a record that is longer than allowed."""

    def __init__(self, file: Any):
        self.file = file
        self.offset = self.nth = 0
        self._buffer = b""
        self._at = 0  # how much of the buffer has been taken

    @abstractmethod
    def begin(self) -> bool:
        """Goes to the next member; False at the end of the file."""

    @abstractmethod
    def more(self) -> bytes:
        """The next bytes of the member, nothing at its end; raises Damaged."""

    @abstractmethod
    def recover(self) -> bool:
        """After damage: goes to where a record may begin; False where there is no such place."""

    @abstractmethod
    def record_offset(self, ahead: int) -> int:
        """Where the record begins whose first `ahead` bytes have just been taken."""

    def line(self) -> bytes:
        """A line with its end, cut at 64 KiB; nothing at the end of the member."""
        while (end := self._buffer.find(b"\n", self._at)) < 0 and self.buffered < HEADER_BYTES:
            data = self.more()
            if not data:
                break
            self._fill(self._buffer[self._at :] + data)
        return self._cut(min(end + 1 - self._at if end >= 0 else self.buffered, HEADER_BYTES))

    def take(self, size: int) -> bytes:
        """At most `size` bytes; nothing at the end of the member."""
        if not self.buffered:
            self._fill(self.more())
        return self._cut(min(size, self.buffered))

    def settle(self) -> None:
        """Reads to the next record of the member or to the member's end, where its checksum is compared."""
        while not self._buffer[self._at :].lstrip(b"\r\n"):
            data = self.more()
            if not data:
                return
            self._fill(data)

    @property
    def buffered(self) -> int:
        return len(self._buffer) - self._at

    def _fill(self, data: bytes) -> None:
        self._buffer, self._at = data, 0

    def _cut(self, size: int) -> bytes:
        taken = self._buffer[self._at : self._at + size]
        self._at += size
        return taken


class _Plain(_Members):
    """A file without compression: one member from its start, or from where it was recovered."""

    too_large = "too_large"

    def begin(self) -> bool:
        if not self.buffered:
            self._fill(self.more())
        return self.buffered > 0

    def more(self) -> bytes:
        return self.file.read(CHUNK)

    def record_offset(self, ahead: int) -> int:
        return self.file.tell() - self.buffered - ahead

    def recover(self) -> bool:
        rest = b"\n" + self._buffer[self._at :]  # damage is found at the end of a line, or of the file
        while (found := rest.find(b"\nWARC/1.")) < 0:
            data = self.more()
            if not data:
                return False
            rest = rest[-len(b"\nWARC/1.") :] + data
        self._fill(rest[found + 1 :])
        return True


class _Gzip(_Members):
    """A file of gzip members, one for each record as the standard asks; members with several work too."""

    too_large = "decompressed_too_large"

    def __init__(self, file: Any):
        super().__init__(file)
        self._raw = b""  # compressed bytes not yet given to zlib
        self._raw_offset = 0
        self._stream = zlib.decompressobj(31)

    def begin(self) -> bool:
        self._fill(b"")
        while True:
            kept = self._raw.lstrip(b"\0")  # zero padding
            self._raw_offset += len(self._raw) - len(kept)
            self._raw = kept or self.file.read(CHUNK)
            if kept or not self._raw:
                break
        self.offset, self.nth = self._raw_offset, 0
        self._stream = zlib.decompressobj(31)
        return bool(self._raw)

    def more(self) -> bytes:
        while not self._stream.eof:
            self._raw = self._raw or self.file.read(CHUNK)
            if not self._raw:
                raise Damaged(True, "the gzip member ends early")
            try:
                out = self._stream.decompress(self._raw, CHUNK)
            except zlib.error as error:
                raise Damaged(False, f"gzip: {error}") from error
            rest = self._stream.unused_data if self._stream.eof else self._stream.unconsumed_tail
            self._raw_offset += len(self._raw) - len(rest)
            self._raw = rest
            if out:
                return out
        return b""

    def record_offset(self, ahead: int) -> int:
        return self.offset + self.nth

    def recover(self) -> bool:
        """At the end of this member where it is sound, else at the next place that decompresses to `WARC/`."""
        try:
            while self.more():
                pass
        except Damaged:
            return self._search(self.offset + 1)
        return True

    def _search(self, start: int) -> bool:
        self.file.seek(start)
        rest, offset = self.file.read(CHUNK), start
        while rest:
            at = rest.find(GZIP + b"\x08")
            if at < 0:
                kept = rest[-2:]
            else:
                kept = rest[at:]
                if len(kept) < PROBE:
                    kept += self.file.read(CHUNK)
                if _begins_record(kept[:PROBE]):
                    self._raw, self._raw_offset = kept, offset + at
                    return True
                kept = kept[1:]
            data = b"" if at >= 0 else self.file.read(CHUNK)
            if at < 0 and not data:
                return False
            offset += len(rest) - len(kept) if at < 0 else at + 1
            rest = kept + data
        return False


PROBE = 4096
"""Bytes of a gzip member that tell whether a record begins in it."""


def _begins_record(data: bytes) -> bool:
    try:
        return zlib.decompressobj(31).decompress(data, 5) == b"WARC/"
    except zlib.error:
        return False
