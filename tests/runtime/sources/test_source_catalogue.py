"""The declared operators: light to import, found where they say, and changed only together with their version."""

import gzip
import hashlib
import importlib
import json
import subprocess
import sys

import deltalake
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from recipe_runtime.sources.catalogue import OPERATORS
from recipe_runtime.sources.spec import OWN_FIELDS, Field, Literal
from source_reading import call, jsonl, rows, spec, warc_record


def test_declaring_loads_nothing_heavy():
    code = "import sys, recipe_runtime.sources.catalogue; print(sorted({m.partition('.')[0] for m in sys.modules}))"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert not any(name in loaded for name in ("pyarrow", "numpy", "pyspark", "fsspec", "orjson", "fastwarc"))


@pytest.mark.parametrize("operator", OPERATORS, ids=lambda operator: operator.name)
def test_every_operator_is_where_it_says_with_the_libraries_it_names(operator):
    assert callable(operator.load())
    for name in operator.libraries:
        assert importlib.metadata.version(name)
    if operator.kind == "source":
        assert {"path", "max_bytes", "namespace", "on_schema_change"} <= {p.name for p in operator.parameters}
        assert set(OWN_FIELDS.get(operator.name, ())) == {column.name for column in operator.columns}


COLUMNS = {
    "id": Field("id"),
    "text": Field("text"),
    "license": Field("license"),
    "url": Field("url"),
    "site": Field("url"),
    "from_": Literal("here"),
}
RECORDS = [
    {"id": "a", "text": "One day.", "license": "mit", "url": "http://a.example.org/1"},
    {"id": "b", "text": " ", "license": "cc0-1.0", "url": "http://b.example.org/2"},
    {"id": None, "text": "Zürich – 東京", "license": "mit", "url": "bad url"},
    {"id": "d", "text": "Zürich – 東京", "license": "mit", "url": None},
]


def a_jsonl(folder):
    return spec("jsonl", jsonl(folder / "in.jsonl", *RECORDS, b"{broken"), COLUMNS)


def a_csv(folder):
    lines = ["id,text,license,url", *(",".join(f'"{v or ""}"' for v in r.values()) for r in RECORDS), "short"]
    (folder / "in.csv").write_text("\n".join(lines))
    return spec("csv", folder / "in.csv", COLUMNS)


def a_parquet(folder):
    pq.write_table(pa.Table.from_pylist(RECORDS), folder / "in.parquet")
    return spec("parquet", folder / "in.parquet", COLUMNS)


def a_delta(folder):
    deltalake.write_deltalake(folder / "table", pa.Table.from_pylist(RECORDS))
    return spec("delta", folder / "table", COLUMNS)


def a_warc(folder):
    records = [
        warc_record(id="<a>", headers=(b"Content-Type: text/html", b"X-Robots-Tag: noai")),
        warc_record(id="<b>", status=b"404 Not Found"),
        warc_record(
            gzip.compress(b"<p>x", 0, mtime=0),
            id="<c>",
            headers=(b"Content-Type: text/html", b"Content-Encoding: gzip"),
        ),
    ]
    (folder / "in.warc").write_bytes(b"".join(records) + b"the end is missing")
    return spec("warc", folder / "in.warc", {"text": call("path_part", n=-1), "kind": Field("content_type")})


PINNED = {
    "jsonl": (1, "863df893d5809d07"),
    "csv": (1, "c3e68c26bfb590df"),
    "parquet": (1, "dc9de4d07949502f"),
    "delta": (1, "dc9de4d07949502f"),
    "warc": (1, "4439ee0b3bd06207"),
}
"""Operator → (version, hash of the rows it makes of the input above)."""


@pytest.mark.parametrize("name", PINNED)
def test_other_rows_mean_another_version(tmp_path, name):
    made, _ = rows(
        {"jsonl": a_jsonl, "csv": a_csv, "parquet": a_parquet, "delta": a_delta, "warc": a_warc}[name](tmp_path)
    )
    # What a file is called by depends on the library that wrote it; what is in it does not.
    content = [{k: v for k, v in row.items() if k != "file_id"} for row in made]
    digest = hashlib.sha256(json.dumps(content, sort_keys=True, default=str).encode()).hexdigest()[:16]
    version = next(operator.version for operator in OPERATORS if operator.name == name)
    assert (version, digest) == PINNED[name], "rows changed: raise the operator's version and pin the new hash"
