"""warc: response and resource records that are HTML pages answered with 200."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pyarrow as pa
from fastwarc.warc import WarcRecord
from recipe_udfs.html import decode

from recipe_runtime.lake_fs import lake_fs
from recipe_runtime.sources.http_body import TooLarge, dechunked, decoded
from recipe_runtime.sources.record import Record
from recipe_runtime.sources.spec import SourceSpec
from recipe_runtime.sources.streams import Damaged
from recipe_runtime.sources.values import Refused, shown
from recipe_runtime.sources.warc_frames import HEADER_BYTES, Frame, frames

SCHEMA = pa.schema(
    [
        ("html", pa.string()),
        ("url", pa.string()),
        ("fetched_at", pa.timestamp("us", "UTC")),
        ("record_id", pa.string()),
        ("content_type", pa.string()),
        ("path", pa.string()),
    ]
)
"""The fields of every record."""

HTML = ("text/html", "application/xhtml+xml")

HTTP_OVERHEAD = 1 << 20
"""Bytes of HTTP header and chunk sizes that a record may have beyond `max_bytes` of page."""

EVIDENCE = (
    "x-robots-tag",
    "tdm-reservation",
    "tdm-policy",
    "link",
    "license",
    "content-language",
    "permissions-policy",
)
"""HTTP headers kept in `meta` as found, under `http:` and their name: opt-outs (robots, the TDM Reservation
Protocol of W3C) and licence links."""


def records(unit: Any, spec: SourceSpec) -> Iterator[Record]:
    """The records of a file; `position` is where the record begins in it (of a gzip member's further records,
    one more each), the raw record its WARC header and block, decompressed."""
    fs, path = lake_fs(unit.file.uri)
    with fs.open(path, "rb") as file:
        for frame in frames(file, path, spec.max_bytes + HTTP_OVERHEAD):
            yield _record(frame, unit.file.path, spec.max_bytes)


def _record(frame: Frame, path: str, limit: int) -> Record:
    record = Record(frame.offset, frame.size, frame.hash)
    try:
        parsed = WarcRecord.from_bytes(frame.header + (frame.block or b""))
    except OSError as error:
        record.reason = (frame.rule or "unreadable_record", frame.found or shown(str(error)), frame.limit)
        return record
    record.key = _unbracketed(parsed.record_id)
    record.values = _values(parsed, path)
    try:
        if frame.rule:
            raise Refused(frame.rule, frame.found, frame.limit)
        _page(parsed, record, limit)
    except Refused as refused:
        record.reason = (refused.rule, refused.value, refused.threshold)
    return record


def _values(parsed: WarcRecord, path: str) -> dict[str, Any]:
    """The fields that `warc` declares, but for the page."""
    return {
        "url": _unbracketed(parsed.headers.get("WARC-Target-URI")),
        "fetched_at": parsed.record_date,
        "record_id": _unbracketed(parsed.record_id),
        "content_type": parsed.headers.get("Content-Type"),
        "path": path,
        "html": None,
    }


def _unbracketed(value: str | None) -> str | None:
    """Without the angle brackets of WARC 1.0; none where it is empty."""
    return (value or "").strip().removeprefix("<").removesuffix(">") or None


def _page(parsed: WarcRecord, record: Record, limit: int) -> None:
    """Fills `html`, `content_type` and `meta`; raises Refused."""
    is_http = (parsed.headers.get("Content-Type") or "").lower().startswith("application/http")
    declared, body, encodings = record.values["content_type"], None, ""
    if is_http:
        declared, body, encodings = _http(parsed, record)
    kind = (declared or parsed.headers.get("WARC-Identified-Payload-Type") or "").partition(";")[0].strip().lower()
    record.values["content_type"] = declared
    if kind not in HTML:
        raise Refused("content_type", shown(kind) if kind else "none", ", ".join(HTML))
    body = parsed.reader.read() if body is None else body
    record.values["html"] = _text(body, encodings, declared, limit)


def _http(parsed: WarcRecord, record: Record) -> tuple[str | None, bytes, str]:
    """(Content-Type, body, Content-Encoding) of an HTTP answer with status 200; raises Refused."""
    try:
        parsed.parse_http(max_header_len=HEADER_BYTES)
        headers, body = parsed.http_headers, parsed.reader.read()
    except OSError as error:
        raise Refused("unreadable_record", shown(str(error)), "") from error
    status = headers.status_code if headers is not None else None
    if status != 200:
        raise Refused("http_status", str(status or "none"), "200")
    record.meta = _evidence(parsed)
    try:
        if "chunked" in (headers.get("Transfer-Encoding") or "").lower():
            body = dechunked(body)
    except Damaged as damage:
        raise Refused(damage.rule, damage.detail, "") from damage
    return headers.get("Content-Type"), body, ", ".join(headers.get_multiple("Content-Encoding"))


def _text(body: bytes, encodings: str, declared: str | None, limit: int) -> str:
    try:
        body = decoded(body, encodings, limit)
    except TooLarge:
        raise Refused("decompressed_too_large", f"more than {limit}", str(limit)) from None
    except Damaged as damage:
        raise Refused(damage.rule, shown(damage.detail), "") from damage
    if len(body) > limit:
        raise Refused("too_large", str(len(body)), str(limit))
    text = decode(body, declared)
    if text is None:
        raise Refused("content_type", "binary", ", ".join(HTML))
    return text


def _evidence(parsed: WarcRecord) -> dict[str, str]:
    found = {}
    for name in EVIDENCE:
        values = parsed.http_headers.get_multiple(name)
        if values:
            found[f"http:{name}"] = ", ".join(values)
    truncated = parsed.headers.get("WARC-Truncated")
    return found | ({"warc-truncated": truncated} if truncated else {})
