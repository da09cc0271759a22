"""Bytes of a page → text: which character encoding, in which order the evidence is believed."""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator

META_BYTES = 4096
"""How far a `<meta charset>` is looked for. The HTML standard's prescan asks for 1,024 bytes; pages in
the wild put scripts before it."""

MAX_NUL_SHARE = 0.001
"""Above this share of NUL characters the payload is not text (ours: real pages hold none or a few)."""

_BOMS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))
_META = re.compile(rb"<meta\b[^>]{0,512}?\bcharset\s*=\s*[\"']?\s*([A-Za-z0-9_.:-]+)", re.IGNORECASE)
_HEADER = re.compile(r"charset\s*=\s*[\"']?\s*([A-Za-z0-9_.:-]+)", re.IGNORECASE)


def decode(payload: bytes, content_type: str | None) -> str | None:
    """The text of an HTML payload; None where it is not text (mostly NUL: a binary file sent as HTML).

    The candidates, in order: a byte order mark, the charset of the HTTP header `content_type`, that of a
    `<meta>` element in the first 4,096 bytes, UTF-8, and what Resiliparse's detection (uchardet) finds.
    Labels mean what the WHATWG Encoding Standard says (`iso-8859-1` is windows-1252). The first one that
    decodes the whole payload wins, because declared labels are often wrong; where none does, the first
    candidate decodes it with U+FFFD for what it cannot read. As HTML parsers do, NUL becomes U+FFFD.
    """
    candidates = list(dict.fromkeys(_candidates(payload, content_type)))
    text = next((text for text in map(_strict(payload), candidates) if text is not None), None)
    if text is None:
        text = payload.decode(candidates[0], errors="replace")
    text = text.removeprefix("\ufeff")
    nuls = text.count("\0")
    if nuls > MAX_NUL_SHARE * len(text):
        return None
    return text.replace("\0", "\ufffd") if nuls else text


def _candidates(payload: bytes, content_type: str | None) -> Iterator[str]:
    from resiliparse.parse.encoding import detect_encoding

    for bom, encoding in _BOMS:
        if payload.startswith(bom):
            yield encoding
            break
    if content_type and (found := _HEADER.search(content_type)):
        yield from _labelled(found[1])
    if found := _META.search(payload, 0, META_BYTES):
        # A page that says "utf-16" in ASCII is not UTF-16: the standard takes it for UTF-8.
        yield from (name for name in _labelled(found[1].decode("ascii")) if not name.startswith("utf-16"))
    yield "utf-8"
    yield detect_encoding(payload)


def _labelled(label: str) -> Iterator[str]:
    """Python's codec for a label, if there is one."""
    from resiliparse.parse.encoding import map_encoding_to_html5

    name = map_encoding_to_html5(label, fallback_utf8=False)
    if name is not None:
        yield name


def _strict(payload: bytes):
    def decoded(encoding: str) -> str | None:
        try:
            return payload.decode(encoding)
        except UnicodeDecodeError:
            return None

    return decoded
