"""A small lake written without Spark, with the columns of `recipe_runtime.tables`, as three runs leave it.

Run 1 read six records and wrote version 0; run 2 raised a threshold and wrote version 1; run 3 raised it
again, decided, committed version 2 and died before its `ended` row.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pyarrow as pa
from deltalake import DeltaTable, write_deltalake
from recipe_runtime import tables
from recipe_runtime.lake import Lake

RECIPE = """\
recipe small
edition 2026

source pages = warc("crawl/*.warc.gz") {
  text    = trafilatura(html)
  license = page_license(html)
}

select clean from pages {
  lang  by fasttext("lid.176")
  keep  lang_score >= THRESHOLD
  dedup exact(of = text)
}

write clean to delta("lake")
"""

SPARK_TYPES = {
    "string": pa.string(),
    "boolean": pa.bool_(),
    "int": pa.int32(),
    "bigint": pa.int64(),
    "double": pa.float64(),
    "timestamp": pa.timestamp("us", "UTC"),
}


def arrow_type(spark: str) -> pa.DataType:
    """An Arrow type for a Spark type in DDL."""
    spark = spark.strip()
    if spark.startswith("array<"):
        return pa.list_(arrow_type(spark[6:-1]))
    if spark.startswith("map<"):
        key, value = split(spark[4:-1])
        return pa.map_(arrow_type(key), arrow_type(value))
    if spark.startswith("struct<"):
        return pa.struct([(name, arrow_type(kind)) for name, kind in fields(spark[7:-1])])
    return SPARK_TYPES[spark]


def split(ddl: str) -> list[str]:
    """At the commas that are in no bracket."""
    parts, depth = [""], 0
    for character in ddl:
        depth += {"<": 1, ">": -1}.get(character, 0)
        if character == "," and not depth:
            parts.append("")
        else:
            parts[-1] += character
    return parts


def fields(ddl: str) -> list[tuple[str, str]]:
    """(name, type) of each column."""
    return [tuple(re.split(r"[ :]", part.strip(), maxsplit=1)) for part in split(ddl)]


def arrow_schema(ddl: str) -> pa.Schema:
    """The columns of a table in DDL."""
    return pa.schema([(name, arrow_type(kind)) for name, kind in fields(ddl)])


DECIDED = (
    "doc_id string, file_id string, record bigint, origin_id string, text_hash string, bytes bigint, url string, "
    "url_id string, domain string, license array<string>, fetched_at timestamp, text_bytes bigint, source string, "
    "lang string, lang_score double, rejected " + tables.REJECTED + ", matched string"
)
READ = (
    "file_id string, part int, parts int, record bigint, marker boolean, records bigint, documents bigint, "
    "bytes_in bigint, doc_id string, origin_id string, raw_hash string, record_key string, text string, "
    "text_hash string, bytes bigint, url string, url_id string, domain string, license array<string>, "
    "fetched_at timestamp, meta map<string,string>, rejected " + tables.REJECTED + ", text_bytes bigint, run_id string"
)
STAR = "doc_id string, survivor string, origin_id string, group_license array<string>, similarity double"
DOCUMENT = (
    "doc_id string, epoch int, text string, source string, url string, domain string, license array<string>, "
    "fetched_at timestamp, lang string, tier string, origin string, root_ids array<string>, parent_ids array<string>, "
    "step string, generations array<string>, tokens bigint, generated_tokens bigint, copied_tokens bigint, "
    "scores map<string,double>, meta map<string,string>"
)


def h(*parts: object) -> str:
    """An id of a test: 32 hex digits."""
    return sha256(repr(parts).encode()).hexdigest()[:32]


def url_id(url: str) -> str:
    return sha256(url.encode()).hexdigest()[:32]


HOSTILE = "https://evil.example/\x1b[31m\u202e<script>alert(1)</script>"
PROSE = "Grüße — the first part.\n\x1b[2JThe second part: ${text} and \u202emore."
SECRET = "the whole text of a page, which no answer shows"
FILE = h("file")
MADE = datetime(2026, 11, 1, 12, tzinfo=UTC)


def page(n: int, url: str, score: float, license: Sequence[str] = (), text: str = SECRET) -> SimpleNamespace:
    return SimpleNamespace(
        n=n, url=url, score=score, license=list(license), text=text, doc=h("doc", n), origin=h("origin", n),
        meta={"cc_link": "https://creativecommons.org/licenses/by/4.0/"} if license else {},
    )  # fmt: skip


class Writer:
    """Writes tables of a lake as Spark would leave them."""

    def __init__(self, path: Path):
        self.lake = Lake(str(path)).open()

    def table(self, table: tables.Table, *rows: Mapping[str, Any]) -> None:
        schema = arrow_schema(table.columns)
        full = [{name: row.get(name) for name in schema.names} for row in rows]
        for row in rows:
            assert set(row) <= set(schema.names), set(row) - set(schema.names)
        write_deltalake(
            self.lake.table(table.name), pa.Table.from_pylist(full, schema), mode="append",
            partition_by=list(table.partition) or None, configuration=tables.properties(table.statistics),
        )  # fmt: skip

    def rows(self, uri: str, ddl: str, rows: Sequence[Mapping[str, Any]], statistics: Sequence[str]) -> int:
        schema = arrow_schema(ddl)
        full = [{name: row.get(name) for name in schema.names} for row in rows]
        write_deltalake(
            uri, pa.Table.from_pylist(full, schema), mode="overwrite", configuration=tables.properties(statistics)
        )
        return DeltaTable(uri).version()

    def started(self, run_id: str, recipe: str, at: datetime, inputs: Any) -> None:
        self.table(tables.RUNS, {
            "run_id": run_id, "state": "started", "at": at, "recipe": "small",
            "files": {"small.recipe": self.lake.put_blob(recipe.encode())}, "params": {"lake": "lake"},
            "code_version": "0.1.0", "libraries": {"trafilatura": "2.0.0"},
            "inputs": self.lake.put_blob(json.dumps(inputs).encode()),
        })  # fmt: skip

    def ended(self, run_id: str, at: datetime, steps: Sequence[Mapping[str, Any]], output: Mapping[str, Any]) -> None:
        self.table(tables.RUNS, {
            "run_id": run_id, "state": "ended", "at": at, "recipe": "small", "code_version": "0.1.0",
            "status": "complete", "steps": list(steps), "outputs": [output], "seconds": 12.5,
        })  # fmt: skip


PAGES = [
    page(1, "https://a.example/one", 0.9, ["cc-by-4.0"]),
    page(2, "https://a.example/two", 0.2),
    page(3, "https://b.example/three", 0.0, text=""),
    page(4, "https://c.example/copy", 0.9, ["mit"]),
    page(5, HOSTILE, 0.99),
    page(6, "https://d.example/six", 0.7, text=PROSE),
]
ONE, TWO, THREE, COPY, EVIL, SIX = PAGES
SOURCE, COLUMNS, EXACT = h("source"), h("columns"), h("exact")
EXTRACTED = h("extracted")


class SmallLake:
    """The three runs. `run(k)`, `select(k)` and `write(k)` are the ids of run k and of its last two steps."""

    def __init__(self, path: Path):
        self.path = str(path)
        self.writer = Writer(path)
        self.inputs = [{
            "source": "pages", "namespace": "pages", "reader": "warc", "path": "crawl/*.warc.gz",
            "files": [{"uri": "/data/crawl/a.warc.gz", "size": 1234, "checksum": "abc", "file_id": FILE,
                       "also": ["/data/crawl/same.warc.gz"]}],
            "schema": {}, "table": None,
        }]  # fmt: skip
        self._read()
        for number, threshold in ((1, 0.5), (2, 0.8), (3, 0.95)):
            self._decide(number, threshold)

    @staticmethod
    def run(number: int) -> str:
        return f"20261101T12000{number}.000Z-00000{number}"

    @staticmethod
    def select(number: int) -> str:
        return h("select", number)

    @staticmethod
    def write(number: int) -> str:
        return h("write", number)

    def _common(self, page: SimpleNamespace) -> dict[str, Any]:
        return {
            "doc_id": page.doc, "file_id": FILE, "record": page.n * 100, "origin_id": page.origin,
            "text_hash": h(page.text), "bytes": 5000, "url": page.url, "url_id": url_id(page.url),
            "domain": "example", "license": page.license, "fetched_at": MADE, "text_bytes": len(page.text),
        }  # fmt: skip

    def _step(
        self, number: int, step: str, name: str, kind: str, line: int, inputs: Sequence[str], **more: Any
    ) -> None:
        figures = {"rows_in": 5, "rows_kept": 5, "rows_rejected": 0, "dropped": {}, "bytes_in": 9, "bytes_kept": 9}
        self.writer.table(tables.STEPS, {
            "step": step, "run_id": self.run(number), "name": name, "kind": kind, "operation": h("operation", name),
            "at": f"small.recipe:{line}", "inputs": list(inputs), "seconds": 1.0, "libraries": {},
            "made_at": MADE + timedelta(minutes=number, seconds=len(name) + 10 * ("write" in kind)), **figures, **more,
        })  # fmt: skip

    def _reject(self, number: int, step: str, page: SimpleNamespace, rule: str, **more: Any) -> dict[str, Any]:
        return {
            "step": step, "run_id": self.run(number), "outcome": "rejected", "origin_id": page.origin,
            "doc_id": page.doc, "url_id": url_id(page.url), "url": page.url, "domain": "example", "source": "pages",
            "rule": rule, "file_id": FILE, "record": page.n * 100, **more,
        }  # fmt: skip

    def _read(self) -> None:
        """Source, annotation and dedup, all made by run 1."""
        empty = {"rule": "empty_text", "value": "0", "threshold": "1 character", "at": "small.recipe:4"}
        rows = [
            {**self._common(p), "part": 0, "parts": 1, "marker": False, "raw_hash": h("raw", p.n),
             "record_key": f"<urn:uuid:{p.n}>", "text": p.text or None, "meta": p.meta, "run_id": self.run(1),
             **({} if p.text else {"rejected": empty, "doc_id": None})}
            for p in PAGES
        ]  # fmt: skip
        rows.append({"file_id": FILE, "part": 0, "parts": 1, "marker": True, "records": 6, "run_id": self.run(1)})
        self.writer.rows(self.writer.lake.relation(EXTRACTED), READ, rows, ("file_id", "doc_id", "origin_id"))
        self._step(
            1, SOURCE, "pages", "source", 4, [], shard=EXTRACTED, rows_in=6, rows_rejected=1,
            dropped={"empty_text": 1}, libraries={"trafilatura": "2.0.0"},
        )  # fmt: skip
        self.writer.table(tables.REJECTS, {**self._reject(1, SOURCE, THREE, **empty), "doc_id": None})
        self._step(1, COLUMNS, "clean.columns", "annotate", 10, [SOURCE], shard=h("annotated"))
        self._step(1, EXACT, "clean.exact", "dedup", 12, [COLUMNS], rows_kept=4, rows_rejected=1,
                   dropped={"duplicate_exact": 1})  # fmt: skip
        star = [{"doc_id": p.doc, "survivor": ONE.doc, "origin_id": p.origin} for p in (ONE, COPY)]
        self.writer.rows(self.writer.lake.relation(EXACT), STAR, star, ("doc_id", "survivor"))
        self.writer.table(tables.EDGES, {
            "step": EXACT, "run_id": self.run(1), "parent": ONE.doc, "child": COPY.doc, "kind": "duplicate_exact",
            "child_origin_id": COPY.origin, "similarity": 1.0,
        })  # fmt: skip

    def _decide(self, number: int, threshold: float) -> None:
        """One run: its select and its version; the third run dies after its commit."""
        run_id, select = self.run(number), self.select(number)
        began = MADE + timedelta(days=number)
        self.writer.started(run_id, RECIPE.replace("THRESHOLD", str(threshold)), began, self.inputs)
        rows, rejects = [], []
        for each in PAGES:
            if not each.text:
                continue
            rule = None
            if each.score < threshold:
                rule = {"rule": f"lang_score >= {threshold}", "value": str(each.score),
                        "threshold": f">= {threshold}", "at": "small.recipe:11"}  # fmt: skip
            elif each is COPY:
                rule = {"rule": "dedup exact(of = text)", "value": f"duplicate of {ONE.doc}", "threshold": "equal",
                        "at": "small.recipe:12"}  # fmt: skip
            matched = ONE.doc if rule and "dedup" in rule["rule"] else None
            rows.append({**self._common(each), "source": "pages", "lang": "en", "lang_score": each.score,
                         "rejected": rule, "matched": matched})  # fmt: skip
            if rule:
                rejects.append(self._reject(number, select, each, **rule, matched=matched))
        self.writer.rows(self.writer.lake.relation(select), DECIDED, rows, ("doc_id", "origin_id", "url_id"))
        self.writer.table(tables.REJECTS, *rejects)
        dropped: dict[str, int] = {}
        for reject in rejects:
            dropped[reject["rule"]] = dropped.get(reject["rule"], 0) + 1
        kept = [row for row in rows if row["rejected"] is None]
        self._step(number, select, "clean", "select", 9, [COLUMNS, EXACT], rows_kept=len(kept),
                   rows_rejected=len(rejects), dropped=dropped)  # fmt: skip
        version = self._commit(number, kept)
        if number != 3:
            self._end(number, began, len(kept), version)

    def _end(self, number: int, began: datetime, kept: int, version: int) -> None:
        """The write's row and the run's `ended` row."""
        select = self.select(number)
        self._step(number, self.write(number), "clean", "write", 15, [select], rows_in=kept, rows_kept=kept)
        names = [("pages", "source", SOURCE), ("clean.columns", "annotate", COLUMNS), ("clean.exact", "dedup", EXACT)]
        steps = [{"name": n, "kind": k, "step": s, "made": number == 1} for n, k, s in names]
        steps += [{"name": "clean", "kind": "select", "step": select, "made": True},
                  {"name": "clean", "kind": "write", "step": self.write(number), "made": True}]  # fmt: skip
        uri = self.writer.lake.output("clean")
        output = {"name": "clean", "uri": uri, "table_id": str(DeltaTable(uri).metadata().id), "version": version,
                  "step": self.write(number), "made": True}  # fmt: skip
        self.writer.ended(self.run(number), began + timedelta(minutes=1), steps, output)

    def _commit(self, number: int, kept: Sequence[Mapping[str, Any]]) -> int:
        pages = {page.url: page for page in PAGES}
        documents = [
            {**row, "epoch": 1, "text": SECRET, "origin": "organic", "root_ids": [row["doc_id"]], "parent_ids": [],
             "step": self.select(number), "generations": [], "generated_tokens": 0, "copied_tokens": 0,
             "scores": {"lang_score": row["lang_score"]}, "meta": pages[row["url"]].meta,
             "license": sorted({*row["license"], *(COPY.license if row["url"] == ONE.url else ())})}
            for row in kept
        ]  # fmt: skip
        return self.writer.rows(self.writer.lake.output("clean"), DOCUMENT, documents, ("doc_id",))

    def edit(self) -> str:
        """A fourth run: the first page's text is edited after the dedup, and that row alone kept as version 3.
        Returns the doc_id that the edit gave it."""
        began, texts = MADE + timedelta(days=4), h("edited texts")
        doc_id = h("doc", "edited")
        row = {**self._common(ONE), "doc_id": doc_id, "text_bytes": 5}
        read = {**row, "marker": False, "text": "short", "run_id": self.run(4)}
        self.writer.started(self.run(4), RECIPE.replace("THRESHOLD", "0.5"), began, self.inputs)
        self.writer.rows(self.writer.lake.relation(texts), READ, [read], ("file_id",))
        self._step(4, h("edit"), "clean.text", "edit", 5, [SOURCE], shard=texts)
        decided = [{**row, "source": "pages", "lang": "en", "lang_score": 0.9}]
        self.writer.rows(self.writer.lake.relation(self.select(4)), DECIDED, decided, ("doc_id",))
        self._step(4, self.select(4), "clean", "select", 9, [COLUMNS, EXACT, h("edit")])
        self._end(4, began, 1, self._commit(4, decided))
        return doc_id

    def age(self, days: Mapping[int, float], now: datetime) -> None:
        """Makes versions of the output look as if they had been committed so many days before `now`."""
        for version, ago in days.items():
            log = Path(self.path) / "clean" / "_delta_log" / f"{version:020}.json"
            lines = [json.loads(line) for line in log.read_text().splitlines()]
            for line in lines:
                if "commitInfo" in line:
                    line["commitInfo"]["timestamp"] = int((now - timedelta(days=ago)).timestamp() * 1000)
            log.write_text("".join(json.dumps(line) + "\n" for line in lines))
