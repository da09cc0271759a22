"""A Zstandard stream cut into its blocks (RFC 8878), so that it can be decompressed a block at a time.

The binding has no limit on what one call gives out, and four bytes can stand for 128 KiB. A block never
becomes more than that. Cut like this it is also known whether the stream ends where a frame does.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

MAGIC = b"\x28\xb5\x2f\xfd"
SKIPPABLE = range(0x184D2A50, 0x184D2A60)
LARGEST_BLOCK = 128 * 1024
RLE = 1


class Ended(Exception):
    """The stream ends within a frame."""


class Malformed(Exception):
    """What stands here is no frame or no block."""


def frames(take: Callable[[int], bytes]) -> Iterator[Iterator[bytes]]:
    """For each frame its pieces: the header, each block, the checksum. `take(n)` gives the next n bytes of the
    stream, fewer only at its end. Each frame is to be read whole before the next. Raises Ended, Malformed."""

    def exactly(size: int) -> bytes:
        data = take(size)
        if len(data) < size:
            raise Ended
        return data

    while start := take(4):
        if len(start) < 4:
            raise Ended
        if int.from_bytes(start, "little") in SKIPPABLE:
            left = int.from_bytes(exactly(4), "little")
            while left:
                left -= len(exactly(min(left, LARGEST_BLOCK)))
        elif start == MAGIC:
            yield _pieces(exactly)
        else:
            raise Malformed(f"no frame begins with {start.hex()}")


def _pieces(exactly: Callable[[int], bytes]) -> Iterator[bytes]:
    descriptor = exactly(1)
    flags = descriptor[0]
    single_segment, has_checksum = flags >> 5 & 1, flags >> 2 & 1
    window = 0 if single_segment else 1
    dictionary = (0, 1, 2, 4)[flags & 3]
    content_size = (single_segment, 2, 4, 8)[flags >> 6]
    yield MAGIC + descriptor + exactly(window + dictionary + content_size)
    last = False
    while not last:
        head = exactly(3)
        value = int.from_bytes(head, "little")
        last, kind, size = bool(value & 1), value >> 1 & 3, value >> 3
        if kind == 3 or size > LARGEST_BLOCK:
            raise Malformed(f"no block is of kind {kind} and {size} bytes")
        yield head + exactly(1 if kind == RLE else size)
    if has_checksum:
        yield exactly(4)
