"""What the tests of sources share: a spec as a script would give it, rows as dicts, WARC records as bytes."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

from recipe_runtime.sources.catalogue import OPERATORS as SOURCES
from recipe_runtime.sources.pin import pin, units
from recipe_runtime.sources.read import read_unit
from recipe_runtime.sources.spec import Call, Field, SourceSpec
from recipe_udfs.catalogue import OPERATORS as UDFS

READERS = {operator.name: operator for operator in SOURCES if operator.kind == "source"}
EXTRACTS = {operator.name: operator for operator in (*SOURCES, *UDFS) if operator.kind == "extract"}
AT = "news.recipe:7"


def call(name: str, **args) -> Call:
    """An extract call with its operator's defaults filled in."""
    defaults = {p.name: p.default for p in EXTRACTS[name].parameters if p.type != "html"}
    return Call(name, defaults | args)


PAGE = {"text": call("resiliparse"), "license": call("page_license")}
TEXT = {"text": Field("text")}


def spec(operator: str, path, columns=None, **args) -> SourceSpec:
    reader = READERS[operator]
    defaults = {p.name: p.default for p in reader.parameters}
    path = [str(p) for p in path] if isinstance(path, list) else str(path)
    return SourceSpec(
        name="news",
        namespace="news",
        operator=operator,
        run=reader.run,
        args=defaults | {"path": path} | args,
        columns=(PAGE if operator == "warc" else TEXT) if columns is None else columns,
        at=AT,
        operators=EXTRACTS,
    )


def rows(asked: SourceSpec, *, target=None, **limits) -> tuple[list[dict], list[dict]]:
    """(rows, markers) of all units; checks the promise of every unit: the marker last, counts that agree."""
    pinned = pin(asked, {})
    found, markers = [], []
    for unit in units(pinned) if target is None else units(pinned, target):
        made = [row for batch in read_unit(unit, pinned.spec, **limits) for row in batch.to_pylist()]
        *records, marker = made
        assert marker["marker"] and not any(row["marker"] for row in records)
        documents = [row for row in records if row["rejected"] is None]
        assert marker["records"] == len(records)
        assert marker["documents"] == len(documents) == sum(row["text"] is not None for row in records)
        assert marker["bytes_in"] == sum(row["bytes"] for row in records)
        assert len({row["record"] for row in records}) == len(records), "two rows of one place"
        found += records
        markers.append(marker)
    return found, markers


def only(asked: SourceSpec) -> dict:
    """The one row of a source that has one record."""
    found, _ = rows(asked)
    assert len(found) == 1
    return found[0]


def reasons(found: list[dict]) -> list[str | None]:
    return [row["rejected"] and row["rejected"]["rule"] for row in found]


def jsonl(path: Path, *records) -> Path:
    """A JSONL file; a record that is bytes stands in it as it is."""
    lines = [r if isinstance(r, bytes) else json.dumps(r).encode() for r in records]
    path.write_bytes(b"\n".join(lines) + b"\n")
    return path


def warc_record(
    body=b"<html><body><p>Some words on a page.</p></body></html>",
    *,
    id="<urn:uuid:1>",
    kind="response",
    url="http://news.example.com/a",
    status=b"200 OK",
    headers=(b"Content-Type: text/html; charset=utf-8",),
    length=None,
    extra=(),
) -> bytes:
    """One WARC record, with an HTTP answer in it unless it is a `resource`."""
    http = b"" if kind == "resource" else b"\r\n".join([b"HTTP/1.1 " + status, *headers, b"", b""])
    block = http + body
    media = "text/html" if kind == "resource" else "application/http; msgtype=response"
    lines = [
        "WARC/1.0",
        f"WARC-Type: {kind}",
        f"WARC-Record-ID: {id}",
        "WARC-Date: 2024-05-06T07:08:09Z",
        f"WARC-Target-URI: {url}",
        f"Content-Type: {media}",
        *extra,
        f"Content-Length: {len(block) if length is None else length}",
    ]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + block + b"\r\n\r\n"


def warc_gz(path: Path, *records: bytes) -> Path:
    """A WARC file with one gzip member for each record."""
    path.write_bytes(b"".join(gzip.compress(record, mtime=0) for record in records))
    return path
