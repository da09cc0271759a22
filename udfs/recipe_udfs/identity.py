"""Identity: 128 bits of SHA-256 as 32 lower-case hex digits, for one value or for an Arrow array.

Text rather than binary, because Delta keeps no skipping statistics for binary columns. Every id
comes from content alone: never from a path, a row's position or a partition.
"""

from __future__ import annotations

from hashlib import sha256
from itertools import compress, pairwise

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from recipe_udfs.buffers import Strings, fixed_strings, large_string, utf8_views

DIGITS = 32
"""Length of every id: 128 bits in hex digits."""


def hash128(*parts: str | bytes) -> str:
    """SHA-256 over all parts, each preceded by its length as 8 bytes big-endian.

    The lengths keep ("ab", "c") and ("a", "bc") apart. Text is taken as UTF-8; a lone surrogate
    raises UnicodeEncodeError.
    """
    digest = sha256()
    for part in parts:
        data = part.encode() if isinstance(part, str) else part
        digest.update(len(data).to_bytes(8, "big"))
        digest.update(data)
    return digest.hexdigest()[:DIGITS]


def plain_hash(value: str | bytes) -> str:
    """The first 32 hex digits of plain SHA-256, so that anyone can recompute it with any tool."""
    return sha256(value.encode() if isinstance(value, str) else value).hexdigest()[:DIGITS]


def text_hash(text: str) -> str:
    """Hash of a document's text: plain SHA-256 of its UTF-8 bytes."""
    return plain_hash(text)


def raw_hash(record: bytes) -> str:
    """Hash of a raw record: plain SHA-256 of its bytes."""
    return sha256(record).hexdigest()[:DIGITS]


def url_id(url: str) -> str:
    """Hash of a URL, for look-ups: plain SHA-256 of its UTF-8 bytes."""
    return plain_hash(url)


def origin_id(namespace: str, record_key: str) -> str:
    """A record of a source, known before its text is: (namespace of the source, record key)."""
    return hash128("origin", namespace, record_key)


def doc_id(origin: str, text: str) -> str:
    """An organic document: (its origin_id, the hash of its text)."""
    return hash128("doc", origin, text)


def file_id(size: int, checksum: str) -> str:
    """A file: (size in bytes, checksum or etag); its path is no part of it."""
    return hash128("file", str(size), checksum)


# ---- the same over Arrow arrays: any string type in, string of 32 digits out, null for null ----------


def plain_hashes(values: Strings) -> pa.StringArray:
    """`plain_hash` of each row."""
    data, offsets, valid = utf8_views(values)
    view, rows = memoryview(data), pairwise(offsets.tolist())
    if not valid.all():
        rows = compress(rows, valid.tolist())
    digests = b"".join([sha256(view[start:end]).digest() for start, end in rows])
    first = np.frombuffer(digests, np.uint8).reshape(-1, sha256().digest_size)[:, : DIGITS // 2]
    return fixed_strings(first.tobytes().hex().encode(), DIGITS, valid)


text_hashes = plain_hashes
url_ids = plain_hashes


def hash128_rows(*parts: str | Strings) -> pa.StringArray:
    """`hash128` row by row: a plain str is the same for all rows, an array gives its row's value.

    Null where any part is null. At least one part is an array; all arrays have one length.
    """
    columns: list[pa.Scalar | pa.Array] = []
    for part in parts:
        if isinstance(part, str):
            columns.append(pa.scalar(_sized(part.encode()), pa.large_binary()))
        else:
            strings = large_string(part)
            columns += [_sizes(strings), strings.cast(pa.large_binary())]
    messages = pc.binary_join_element_wise(*columns, pa.scalar(b"", pa.large_binary()))
    return plain_hashes(messages.view(pa.large_string()))  # bytes, but no one asks whether they are text


def origin_ids(namespace: str, record_keys: Strings) -> pa.StringArray:
    """`origin_id` of each record key."""
    return hash128_rows("origin", namespace, record_keys)


def doc_ids(origins: Strings, texts: Strings) -> pa.StringArray:
    """`doc_id` of each (origin_id, text hash)."""
    return hash128_rows("doc", origins, texts)


def _sized(data: bytes) -> bytes:
    return len(data).to_bytes(8, "big") + data


def _sizes(strings: pa.LargeStringArray) -> pa.LargeBinaryArray:
    """The bytes of each row as 8 bytes big-endian."""
    _, offsets, _ = utf8_views(strings)
    places = np.arange(len(offsets), dtype=np.int64) * 8
    sizes = np.diff(offsets).astype(">i8")
    buffers = [None, pa.py_buffer(places), pa.py_buffer(sizes)]
    return pa.LargeBinaryArray.from_buffers(pa.large_binary(), len(strings), buffers)
