"""Pages that no parser finishes: nested thousands deep, or tags with ten thousands of attributes.

libxml2 and Resiliparse take time that grows with the square of either, inside C where no timeout reaches
(seen: 100 kB of nested `<div>` 6 s, 1 MB of attributes 26 s). Such a page is an error of its row instead.
"""

from __future__ import annotations

import re

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
    if html.count("<") - html.count("</") > MAX_DEPTH and _depth(html) > MAX_DEPTH:
        return "nested_too_deep"
    for piece in html.split(">"):
        if len(piece) > 2 * MAX_ATTRIBUTES and len(piece[piece.rfind("<") :].split()) > MAX_ATTRIBUTES:
            return "too_many_attributes"
    return None


def _depth(html: str) -> int:
    """Most elements open at one time."""
    depth = deepest = 0
    for _, closing, name in _TAG.findall(html):
        if name and name.lower() not in _NOT_NESTED:
            depth = max(depth - 1, 0) if closing else depth + 1
            deepest = max(deepest, depth)
    return deepest
