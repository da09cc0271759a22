"""Pages that no parser finishes: nested thousands deep, or tags with ten thousands of attributes.

libxml2 and Resiliparse take time that grows with the square of either, inside C where no timeout reaches
(seen: 100 kB of nested `<div>` 6 s, 1 MB of attributes 26 s). Such a page is an error of its row instead.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import numpy as np

MAX_DEPTH = 5_000
"""Open elements at one time. Browsers stop at 512; no real page comes near."""
MAX_ATTRIBUTES = 10_000
"""Attributes of one tag."""

_TAG = re.compile(
    r"<!--.*?(?:-->|\Z)|<(script|style|textarea|title)\b.*?(?:</\1|\Z)|<(/?)([a-z][^\s/>]*)", re.IGNORECASE | re.DOTALL
)
_NOT_NESTED = frozenset(
    ["area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "param", "source", "track", "wbr"]
    + ["p", "li", "dt", "dd", "option", "tr", "td", "th"]
)
"""Elements without content, and those that the next of their kind closes."""
_NOT_NESTED_TAG = re.compile(rf"<(?:{'|'.join(sorted(_NOT_NESTED))})[ >]".encode())
"""Their tags as they are mostly written: some are missed, no other is taken for one."""


def too_complex(html: bytes) -> str | None:
    """`nested_too_deep` or `too_many_attributes`, or None for a page (in UTF-8) that can be parsed.

    An upper bound by tags alone: text in comments and scripts is passed over, elements that are never
    closed stay open. In bytes, because every page is asked, and nearly all pass by a count and a few
    searches that take a fraction of the time in bytes.
    """
    if _may_be_deep(html) and _depth(html.decode()) > MAX_DEPTH:
        return "nested_too_deep"
    for piece in _long_pieces(html, 2 * MAX_ATTRIBUTES):
        tag = piece.rfind(b"<")
        if tag >= 0 and len(piece[tag:].decode().split()) > MAX_ATTRIBUTES:
            return "too_many_attributes"
    return None


def _may_be_deep(html: bytes) -> bool:
    """Whether MAX_DEPTH is exceeded by the count of `<` alone, less those of tags that open nothing."""
    page = np.frombuffer(html, np.uint8)
    tags = page == ord("<")
    count = np.count_nonzero(tags)
    if count > MAX_DEPTH:
        count -= np.count_nonzero(tags[:-1] & (page[1:] == ord("/")))
    if count > MAX_DEPTH:
        count -= len(_NOT_NESTED_TAG.findall(html))
    return bool(count > MAX_DEPTH)


def _long_pieces(html: bytes, least: int) -> Iterator[bytes]:
    """What stands between two `>` and has more bytes, found without a look at the rest."""
    start = 0
    while start + least < len(html):
        end = html.rfind(b">", start, start + least + 1)
        if end < 0:
            end = html.find(b">", start + least)
            end = len(html) if end < 0 else end
            yield html[start:end]
        start = end + 1


def _depth(html: str) -> int:
    """Most elements open at one time."""
    depth = deepest = 0
    for _, closing, name in _TAG.findall(html):
        if name and name.lower() not in _NOT_NESTED:
            depth = max(depth - 1, 0) if closing else depth + 1
            deepest = max(deepest, depth)
    return deepest
