"""Pages that no parser finishes: nested thousands deep, or tags with ten thousands of attributes.

libxml2 and Resiliparse take time that grows with the square of either, inside C where no timeout reaches
(seen: 100 kB of nested `<div>` 6 s, 1 MB of attributes 26 s). Such a page is an error of its row instead.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

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


def too_complex(html: str) -> str | None:
    """`nested_too_deep` or `too_many_attributes`, or None for a page that can be parsed.

    An upper bound by tags alone: text in comments and scripts is passed over, elements that are never
    closed stay open.
    """
    tags = html.count("<")
    if tags > MAX_DEPTH and tags - html.count("</") > MAX_DEPTH and _depth(html) > MAX_DEPTH:
        return "nested_too_deep"
    for piece in _long_pieces(html, 2 * MAX_ATTRIBUTES):
        if len(piece[piece.rfind("<") :].split()) > MAX_ATTRIBUTES:
            return "too_many_attributes"
    return None


def _long_pieces(html: str, least: int) -> Iterator[str]:
    """What stands between two `>` and has more characters, found without a look at the rest."""
    start = 0
    while start + least < len(html):
        end = html.rfind(">", start, start + least + 1)
        if end < 0:
            end = html.find(">", start + least)
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
