"""Hostile text made harmless for people to read: in a terminal, in a log, in HTML.

Web text and recipes may hold escape codes that repaint a terminal, marks that turn the direction of what
follows, and markup. Here they are shown as what they are, and nothing is lost.
"""

from __future__ import annotations

import html
import re

_UNSAFE = re.compile(
    "["
    "\x00-\x1f\x7f-\x9f"  # C0 and C1 controls, newline and tab among them; ESC starts a terminal's codes
    "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"  # marks that change the direction of text (UAX 9)
    "\u200b\u2060\ufeff\u2028\u2029"  # invisible breaks and joins, and separators that end a line
    "\ud800-\udfff"  # lone surrogates: no terminal or file takes them
    "\U000e0000-\U000e007f"  # tags: invisible copies of ASCII
    "]"
)


def safe(value: object, limit: int | None = None) -> str:
    r"""`value` as one line of text in which nothing acts: an escape code becomes the four characters `\x1b`.

    With `limit`, at most that many characters, the last one `…` where some were left out.

    >>> safe("\x1b[31mred\u202e")
    '\\x1b[31mred\\u202e'
    """
    text = value if isinstance(value, str) else str(value)
    if limit is not None and len(text) > limit:
        text = text[: limit - 1] + "…"
    shown = _UNSAFE.sub(_named, text)
    if limit is not None and len(shown) > limit:
        shown = shown[: limit - 1] + "…"
    return shown


def safe_html(value: object, limit: int | None = None) -> str:
    """The same for the text or an attribute of an HTML page: `<script>` is shown, not run."""
    return html.escape(safe(value, limit))


def _named(found: re.Match[str]) -> str:
    code = ord(found[0])
    short = {9: r"\t", 10: r"\n", 13: r"\r"}.get(code)
    if short is not None:
        return short
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
