"""Arrow string arrays as the NumPy views of their buffers that kernels and hashes read, and back."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa

Strings = pa.Array | pa.ChunkedArray


def large_string(array: Strings) -> pa.LargeStringArray:
    """One contiguous large_string array of the same values; no copy where it is one already."""
    if isinstance(array, pa.ChunkedArray):
        array = array.combine_chunks()
    return array if pa.types.is_large_string(array.type) else array.cast(pa.large_string())


def utf8_views(array: Strings) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(bytes uint8, offsets int64 of n + 1, valid bool of n) of a string array, slices and nulls right.

    Row i is `bytes[offsets[i]:offsets[i + 1]]`; what lies there for a null row is unspecified, so
    readers ask `valid` first. The views hold the buffers alive.
    """
    strings = large_string(array)
    _, offsets, data = strings.buffers()
    first, last = strings.offset, strings.offset + len(strings)
    if len(strings) == 0:  # Arrow allows an empty array without any offset
        return bytes_view(data), np.frombuffer(bytes(8), np.int64), np.zeros(0, np.bool_)
    views = np.frombuffer(offsets, np.int64)[first : last + 1]
    views.flags.writeable = False
    return bytes_view(data), views, valid_mask(strings)


def padded(data: np.ndarray, offsets: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(the bytes of the texts alone, the eight bytes from each of their places on as a uint64, their offsets).

    A copy, with zeros behind it, because no one may read past the end of a buffer.
    """
    size = int(offsets[-1] - offsets[0])
    whole = np.zeros(size + 8, np.uint8)
    whole[:size] = data[offsets[0] : offsets[-1]]
    whole.flags.writeable = False
    return whole, np.ndarray((size + 1,), np.uint64, whole, strides=(1,)), offsets - offsets[0]


def bytes_view(data: pa.Buffer | bytes | None) -> np.ndarray:
    """The bytes of a buffer that may be absent, as Arrow allows for a column without any text.

    Never writable, so that a compiled kernel meets one type of array only.
    """
    view = np.frombuffer(data, np.uint8) if data else np.zeros(0, np.uint8)
    view.flags.writeable = False
    return view


def joined(texts: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
    """(UTF-8 bytes of all texts, where each ends); never writable, see `bytes_view`."""
    encoded = [text.encode() for text in texts]
    return bytes_view(b"".join(encoded)), np.cumsum([len(text) for text in encoded], dtype=np.int64)


def valid_mask(array: pa.Array) -> np.ndarray:
    """bool[n]: which rows are not null."""
    if array.null_count == 0:
        return np.ones(len(array), np.bool_)
    return np.array(array.is_valid())


def fixed_strings(data: bytes, width: int, valid: np.ndarray) -> pa.StringArray:
    """A string array of ASCII values of one width; `data` holds those of the valid rows, joined."""
    offsets = np.zeros(len(valid) + 1, np.int32)
    np.cumsum(valid, out=offsets[1:])
    offsets *= width
    buffers = [null_bitmap(valid), pa.py_buffer(offsets), pa.py_buffer(data)]
    return pa.StringArray.from_buffers(len(valid), buffers[1], buffers[2], buffers[0], int((~valid).sum()))


def numbers(values: np.ndarray, valid: np.ndarray) -> pa.Array:
    """A numeric or boolean array, null where `valid` says no."""
    return pa.array(values, mask=~valid)


def null_bitmap(valid: np.ndarray) -> pa.Buffer | None:
    """Arrow's validity bitmap of a bool mask; none where all rows are valid."""
    return None if valid.all() else pa.py_buffer(np.packbits(valid, bitorder="little"))
