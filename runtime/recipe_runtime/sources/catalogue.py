"""The source operators and the columns only a source can give: declarations, nothing heavy."""

from __future__ import annotations

from recipe_udfs.operator import Column, Operator, Parameter

MAX_BYTES = 20_000_000

DOMAINS = "tldextract"
"""Its list of public suffixes decides every document's `domain`."""

PATH = Parameter(
    "path", "path", doc="A file, a folder, a glob or a list of them; local, or with a scheme fsspec knows."
)
LIMIT = Parameter(
    "max_bytes",
    "bytes",
    MAX_BYTES,
    "The largest record read, as decoded. A larger one becomes a reject (`too_large`, or "
    "`decompressed_too_large` where decompression was stopped) and is never held in memory.",
)
NAMESPACE = Parameter(
    "namespace",
    "text?",
    None,
    "Keeps the ids of this source apart from those of others; none = the name of the source.",
)
ON_SCHEMA_CHANGE = Parameter(
    "on_schema_change",
    "error|accept",
    "error",
    "What to do when columns were lost, gained or retyped since the last run.",
)
COMMON = (LIMIT, NAMESPACE, ON_SCHEMA_CHANGE)

OPERATORS = (
    Operator(
        name="warc",
        kind="source",
        version=1,
        doc="Response and resource records of WARC 1.0 and 1.1 files, plain or .gz. A record that is no "
        "HTML page answered with 200 is a reject (`http_status`, `content_type`).",
        parameters=(PATH, *COMMON),
        columns=(
            Column("html", "string", "The page, decoded."),
            Column("url", "string", "WARC-Target-URI."),
            Column("fetched_at", "timestamp", "WARC-Date."),
            Column("record_id", "string", "WARC-Record-ID without angle brackets; the record key."),
            Column("content_type", "string", "The HTTP header Content-Type."),
            Column("path", "string", "The file the record stands in."),
        ),
        reads=(),
        run="recipe_runtime.sources.warc:records",
        libraries=("FastWARC", "Resiliparse", "brotli", DOMAINS),
    ),
    Operator(
        name="jsonl",
        kind="source",
        version=1,
        doc="One JSON object a line, UTF-8; plain, .gz or .zst.",
        parameters=(PATH, *COMMON),
        reads=(),
        run="recipe_runtime.sources.jsonl:records",
        libraries=("orjson", DOMAINS),
    ),
    Operator(
        name="parquet",
        kind="source",
        version=1,
        doc="Rows of Parquet files of one schema.",
        parameters=(PATH, *COMMON),
        reads=(),
        run="recipe_runtime.sources.tables:records",
        libraries=("pyarrow", DOMAINS),
    ),
    Operator(
        name="csv",
        kind="source",
        version=1,
        doc="Rows of CSV files with a header line, UTF-8, RFC 4180; plain, .gz or .zst. Every column "
        "is text; an empty field is null.",
        parameters=(
            PATH,
            Parameter("delimiter", "text", ",", "What stands between fields: one character."),
            Parameter("quote", "text", '"', "What encloses a field that holds a delimiter or a newline."),
            *COMMON,
        ),
        reads=(),
        run="recipe_runtime.sources.csv_rows:records",
        libraries=(DOMAINS,),
    ),
    Operator(
        name="delta",
        kind="source",
        version=1,
        doc="Rows of one version of a Delta table, pinned as (table id, version).",
        parameters=(
            Parameter("path", "path", doc="The folder of the table."),
            Parameter("version", "int?", None, "none = the newest when the run starts."),
            *COMMON,
        ),
        reads=(),
        run="recipe_runtime.sources.tables:records",
        libraries=("deltalake", "pyarrow", DOMAINS),
    ),
    Operator(
        name="path_part",
        kind="extract",
        version=1,
        doc="The n-th part of the path of the record's file, from 0; from the end where negative (-1 is the "
        "file's name). A path with fewer parts gives null.",
        parameters=(Parameter("n", "int", doc="Which part."),),
        columns=(Column("part", "string"),),
        reads=("path",),
        run="recipe_runtime.sources.columns:path_part",
    ),
)
