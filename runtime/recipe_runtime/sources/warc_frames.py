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

from recipe_runtime.sources.streams import CHUNK, GZIP, Damaged
from recipe_runtime.sources.values import shown

HEADER_BYTES = 64 * 1024
"""The longest WARC header; a longer one is damage."""

WANTED = ("response", "resource")
"""Record types that can be documents; others are passed over and not counted."""

_LENGTH = re.compile(rb"^content-length:[ \t]*(\d{1,18})[ \t]*\r?$", re.I | re.M)
_RECORD = re.compile(rb"WARC/1\.\d\r?\n[A-Za-z]")
RECORD_BYTES = len(b"WARC/1.0\r\n")  # all of the pattern but its last byte
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


def frames(file: Any, name: str, max_block: int) -> Iterator[Frame]:
    """The records of types `WANTED`, and every place that is damaged; each block has at most `max_block` bytes.

    A larger block passes through a hash. Behind damage, reading goes on where the next record begins: at a
    line of the gzip member or of the plain file, else at a later gzip member. A record whose
    Content-Length does not lead to the next one is damage. `name` tells what a file was whose first bytes
    are damaged.
    """
    start = file.read(5)
    file.seek(0)
    packed = start.startswith(GZIP) or (name.endswith(".gz") and start != b"WARC/")
    members = _Gzip(file) if packed else _Plain(file)
    while members.begin():
        while True:
            frame = _Frame(members)
            try:
                if not frame.read(max_block):
                    break
            except Damaged as damage:
                yield frame.damaged(damage)
                members.recover(frame.offset)
            else:
                if frame.wanted:
                    yield frame.whole(max_block, members.too_large)
            members.nth += 1


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
        members.line_ends()
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
    def recover(self, offset: int) -> None:
        """After damage to the record at `offset`: goes to the next place where one may begin, or to the end."""

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
        """Passes over the two line ends that the standard wants behind a record. Fewer do where a record or the
        member's end follows; else raises Damaged, as where the member's checksum is wrong."""
        ends = self.line_ends()
        follows = not self.buffered or self._buffer.startswith(b"WARC/", self._at)
        if not follows and ends != b"\r\n\r\n":
            raise Damaged(False, "its Content-Length does not lead to its end")

    def line_ends(self) -> bytes:
        """Passes over all line ends here, up to five bytes of something else; returns the first four."""
        ends = b""
        while True:
            here = self._buffer[self._at :]
            rest = here.lstrip(b"\r\n")
            ends = (ends + here[: min(4, len(here) - len(rest))])[:4]
            self._fill(rest)
            if len(rest) >= len(b"WARC/") or not (data := self.more()):
                return ends
            self._fill(rest + data)

    def forward(self) -> None:
        """Goes on to the next place in the member that looks like a record, or to the member's end."""
        rest = self._buffer[self._at :]
        while (found := _RECORD.search(rest)) is None:
            data = self.more()
            if not data:
                self._fill(b"")
                return
            rest = rest[-RECORD_BYTES:] + data
        self._fill(rest[found.start() :])

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

    def recover(self, offset: int) -> None:
        self.file.seek(offset + 1)  # a Content-Length too large has passed over good records
        self._fill(b"")
        self.forward()


class _Gzip(_Members):
    """A file of gzip members, one for each record as the standard asks; members with several work too."""

    too_large = "decompressed_too_large"

    def __init__(self, file: Any):
        super().__init__(file)
        self._raw = b""  # compressed bytes not yet given to zlib
        self._raw_offset = 0
        self._stream = zlib.decompressobj(31)
        self._ended = False  # given up, whatever the stream says

    def begin(self) -> bool:
        self._fill(b"")
        while True:
            kept = self._raw.lstrip(b"\0")  # zero padding
            self._raw_offset += len(self._raw) - len(kept)
            self._raw = kept or self.file.read(CHUNK)
            if kept or not self._raw:
                break
        self.offset, self.nth = self._raw_offset, 0
        self._stream, self._ended = zlib.decompressobj(31), False
        return bool(self._raw)

    def more(self) -> bytes:
        while not (self._ended or self._stream.eof):
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

    def recover(self, offset: int) -> None:
        try:
            self.forward()
        except Damaged:
            self._search(self.offset + 1)

    def _search(self, start: int) -> None:
        """Ends this member and goes to the next place that decompresses to `WARC/`."""
        self._fill(b"")
        self._ended = True
        self.file.seek(start)
        self._raw_offset, self._raw = start, self.file.read(CHUNK)
        while self._raw:
            at = self._raw.find(MEMBER)
            self._skip_raw(at if at >= 0 else max(1, len(self._raw) - len(MEMBER) + 1))
            if len(self._raw) < PROBE:
                self._raw += self.file.read(CHUNK)
            if at >= 0:
                if _begins_record(self._raw[:PROBE]):
                    return
                self._skip_raw(1)

    def _skip_raw(self, size: int) -> None:
        self._raw = self._raw[size:]
        self._raw_offset += size


MEMBER = GZIP + b"\x08"
"""How every gzip member begins: its magic and the one method there is."""

PROBE = 4096
"""Bytes of a gzip member that tell whether a record begins in it."""


def _begins_record(data: bytes) -> bool:
    try:
        return zlib.decompressobj(31).decompress(data, 5) == b"WARC/"
    except zlib.error:
        return False
