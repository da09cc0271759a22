"""source: files are pinned, then read into documents, one row a record, shard by shard.

A record that cannot be read is a row without text and with its reason, so that what is dropped here is a
decision like any other. Equal record keys within a source are one document: the smallest raw-record hash
stays, the others are rejected as `repeated_record` (the same bytes) or `repeated_id` (other bytes).
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from recipe_runtime import delta_files, ops, session, tables
from recipe_runtime.arrow import arrow_schema, ddl_struct, spark_struct
from recipe_runtime.digest import digest, shard_digest, step_digest
from recipe_runtime.errors import StepError
from recipe_runtime.local import Local
from recipe_runtime.local_pass import MARKER_COLUMNS
from recipe_runtime.relation import Relation
from recipe_runtime.repeats import may_repeat
from recipe_runtime.shards import Shards
from recipe_runtime.worker import Blob

STATISTICS = ("file_id", "run_id", "doc_id", "origin_id", "url_id")
ADDED = "text_bytes bigint, source string, run_id string"
"""Columns of a document beside those its reader gives."""


@dataclass
class Source:
    """A pinned source of this run."""

    name: str
    reader: ops.Op
    pinned: Any

    @property
    def spec(self) -> Any:
        """The spec to read with: pinning has filled in the schema."""
        return self.pinned.spec

    def record(self) -> dict[str, Any]:
        """What the run's `inputs` blob keeps of it: for reproduce, trace, and the next run's schema check."""
        return {
            "source": self.name,
            "namespace": self.spec.namespace,
            "reader": self.reader.name,
            "path": self.reader.args["path"],
            **self.pinned.record(),
        }


def declare(job: Any, name: str, reader: ops.Op, *, columns: Mapping[str, Any], digest: str, at: str) -> Relation:
    """Pins the input of a source. `columns`: name → rt.op(…) over the page, rt.field(…) of the record or
    rt.literal(…). Raises StepError where nothing is there or its schema changed."""
    from recipe_runtime.sources.pin import pin

    if job.started:
        raise StepError(f"source {name} is named after the first step", remedy="name all sources first")
    spec, operators = _spec(job, name, reader, columns, at)
    pinned = pin(spec, job.checksums, session.launch)
    source = Source(name, reader, pinned)
    if reader.args["on_schema_change"] == "error":
        _same_schema(job, source)
    for line in pinned.notes:
        job.progress.line(f"{name}: {line}")
    libraries = ops.versions(operators)
    job.sources.append(source)
    job.libraries |= libraries
    made = _Documents(job, source, digest, at, libraries)
    return Relation(
        name=name,
        kind="source",
        operation=digest,
        step=made.step,
        libraries=libraries,
        read=made.frame,
        shard=made.shard,
        files=pinned.files,
        documents=made.with_text,
        repeats=made.repeats,
        count=made.count,
        local=made.local,
    )


def _spec(job: Any, name: str, reader: ops.Op, columns: Mapping[str, Any], at: str) -> tuple[Any, list[Any]]:
    """The plain values a worker reads with, and the operators they name."""
    from recipe_runtime.sources import spec as s

    operator = ops.resolve(reader, "source")
    made: dict[str, Any] = {}
    extractors: dict[str, Any] = {}
    for column, value in columns.items():
        if isinstance(value, ops.Op):
            extractors[value.name] = ops.resolve(value, "extract")
            made[column] = s.Call(value.name, worker_args(job, value.args))
        elif isinstance(value, ops.Field):
            made[column] = s.Field(value.name)
        else:
            made[column] = s.Literal(value.value)
    spec = s.SourceSpec(
        name=name,
        namespace=reader.args["namespace"],
        operator=operator.name,
        run=operator.run,
        args=reader.args,
        columns=made,
        at=at,
        operators=extractors,
    )
    return spec, [operator, *extractors.values()]


def worker_args(job: Any, args: Mapping[str, Any]) -> dict[str, Any]:
    """Arguments as a worker takes them: a file becomes a blob of the lake, put there now."""
    out = {}
    for name, value in args.items():
        if isinstance(value, ops.File):
            with open(ops.located(value), "rb") as file:
                found = job.lake.put_blob(file.read())
            if found != value.sha256:
                raise StepError(
                    f"{value.path} is not the file the recipe was compiled with: its SHA-256 is {found[:12]}…, "
                    f"not {value.sha256[:12]}…",
                    remedy="compile the recipe again, or restore the file",
                )
            value = Blob(job.lake.uri, found)
        out[name] = value
    return out


def _same_schema(job: Any, source: Source) -> None:
    """Raises StepError where columns were lost, gained or retyped since the last complete run read this source."""
    from recipe_runtime.sources.pin import compare_schemas

    before = _last_inputs(job, source)
    changes = compare_schemas(before["schema"], source.record()["schema"]) if before else []
    if changes:
        raise StepError(
            f"the columns of source {source.name} changed since the last run: " + "; ".join(changes),
            remedy="mend the input, or accept the change with `on_schema_change = accept` in the source",
        )


def _last_inputs(job: Any, source: Source) -> dict[str, Any] | None:
    whole = {row["run_id"] for row in tables.read(job.lake, tables.RUNS, ["run_id"], {"state": "ended"})}
    where = {"state": "started", "recipe": job.recipe}
    started = tables.read(job.lake, tables.RUNS, ["run_id", "inputs"], where)
    for row in sorted(started, key=lambda r: r["run_id"], reverse=True):
        if row["run_id"] in whole:
            for record in json.loads(job.lake.get_blob(row["inputs"])):
                if record["namespace"] == source.spec.namespace and record["reader"] == source.reader.name:
                    return record
    return None


class _Documents:
    """The documents of one source: made on first use, then read."""

    def __init__(self, job: Any, source: Source, operation: str, at: str, libraries: Mapping[str, str]):
        from pyspark.sql.types import StructType

        from recipe_runtime.sources.documents import document_schema

        self.job, self.source, self.operation, self.at, self.libraries = job, source, operation, at, libraries
        self.step = step_digest(operation, [], libraries, source.pinned.pins())
        # The types of the fields used belong to a shard too: rows of one table have one type.
        self.shard = shard_digest(operation, digest("schema", source.pinned.pins()["schema"]), libraries)
        read = [field for field in spark_struct(document_schema(source.spec)) if field.name not in MARKER_COLUMNS]
        struct = StructType([*read, *ddl_struct(ADDED)])
        files = source.pinned.files
        self.shards = Shards(job, job.lake.relation(self.shard), files, STATISTICS, arrow_schema(struct))
        self.spec = source.spec
        self.local = job.locals.declare(
            Local(
                source.name,
                f"read {len(files)} files",
                self.step,
                self.shards,
                struct,
                libraries,
                finish=self._finish,
                record=self._record,
                reader=self,
                constants={"source": source.spec.namespace},
            )
        )

    def units(self, files: Sequence[Any]) -> list[Any]:
        """What workers read these files in."""
        from recipe_runtime.sources.pin import units

        wanted = {file.file_id for file in files}
        return [unit for unit in units(self.source.pinned) if unit.file.file_id in wanted]

    @property
    def _made(self) -> dict[str, Any]:
        """The step's row; makes what is missing."""
        return self.job.locals.made(self.local)

    def _record(self, made: bool) -> None:
        name = self.source.name
        self.job.record_step(Relation(name, "source", self.operation, self.step, self.libraries, self.frame), made)

    def with_text(self) -> Any:
        """Every row of the files that has a text, repeats included."""
        self._made  # noqa: B018 - makes it
        return self.shards.rows().where("rejected is null")

    def count(self) -> int:
        """How many documents there are, by the step's row."""
        return self._made["rows_kept"]

    def repeats(self) -> Any:
        """(file_id, record) of repeated records, or None."""
        if not any(rule.startswith("repeated_") for rule in self._made["dropped"]):
            return None
        return delta_files.read(self.job.spark, self.job.lake.relation(self.step))

    def frame(self) -> Any:
        """The documents: one row for each record key."""
        return without(self.with_text().drop("run_id", "part", "parts", "rejected"), self.repeats())

    def _finish(self, seconds: float) -> dict[str, Any]:
        """Decides over repeats, then writes rejects and the step's row."""
        from pyspark.sql import functions as F

        job = self.job
        began = time.monotonic()
        read = self.shards.total()
        dropped, documents, text_bytes = dict(read.dropped), read.documents, read.text_bytes
        repeats = self._keep_repeats()
        if repeats is not None:
            for r in repeats.groupBy("rule").agg(F.count("*").alias("n"), F.sum("text_bytes").alias("b")).collect():
                dropped[r.rule] = r.n
                documents -= r.n
                text_bytes -= r.b
        if dropped:
            self._rejects(repeats)
        row = {
            "step": self.step,
            "run_id": job.run_id,
            "name": self.source.name,
            "kind": "source",
            "operation": self.operation,
            "at": self.at,
            "shard": self.shard,
            "inputs": [],
            "rows_in": read.records,
            "rows_kept": documents,
            "rows_rejected": sum(dropped.values()),
            "dropped": dropped,
            "bytes_in": read.bytes_in,
            "bytes_kept": text_bytes,
            "seconds": seconds + time.monotonic() - began,
            "libraries": dict(self.libraries),
        }
        if row["rows_in"] != row["rows_kept"] + row["rows_rejected"]:
            raise AssertionError(f"source {self.source.name} lost rows: {row}")
        job.finish_step(row)
        return row

    def _keep_repeats(self) -> Any | None:
        """All but the first row of each record key, by (raw hash, file, record), kept as the relation of this step;
        None where every key is there once. Decided over ids alone."""
        from pyspark.sql import Window
        from pyspark.sql import functions as F

        if not may_repeat(self.shards):
            return None
        alive = self.shards.rows().where("rejected is null")
        keys = alive.groupBy("origin_id").agg(F.count("*").alias("times")).where("times > 1")
        if keys.first() is None:
            return None
        ids = alive.select(
            "file_id", "record", "origin_id", "doc_id", "raw_hash", "url", "url_id", "domain", "text_bytes"
        ).join(keys, "origin_id", "left_semi")
        within = Window.partitionBy("origin_id").orderBy("raw_hash", "file_id", "record")
        ranked = (
            ids.withColumn("place", F.row_number().over(within))
            .withColumn("first_hash", F.first("raw_hash").over(within))
            .withColumn("matched", F.first("doc_id").over(within))
        )
        same = F.col("raw_hash") == F.col("first_hash")
        repeats = ranked.where("place > 1").select(
            "file_id", "record", "origin_id", "doc_id", "url", "url_id", "domain", "matched", "text_bytes",
            F.when(same, F.lit("repeated_record")).otherwise(F.lit("repeated_id")).alias("rule"),
            F.col("raw_hash").alias("value"),
            F.col("first_hash").alias("threshold"),
        )  # fmt: skip
        uri = self.job.lake.relation(self.step)
        delta_files.write(repeats, uri, statistics=("file_id",), note=self.job.note(self.step))
        return delta_files.read(self.job.spark, uri)

    def _rejects(self, repeats: Any | None) -> None:
        from pyspark.sql import functions as F

        names = ("file_id", "record", "origin_id", "doc_id", "url", "url_id", "domain")
        out = self.shards.rows().where("rejected is not null").select(
            *names, "rejected.*", F.lit(None).cast("string").alias("matched")
        )
        if repeats is not None:
            out = out.unionByName(repeats.drop("text_bytes").withColumn("at", F.lit(self.at)))
        out = out.select(
            F.lit(self.step).alias("step"),
            F.lit(self.job.run_id).alias("run_id"),
            F.lit("rejected").alias("outcome"),
            F.lit(self.source.spec.namespace).alias("source"),
            *names, "matched", "rule", "value", "threshold", "at",
        )  # fmt: skip
        tables.replace_step(out, self.job.lake, tables.REJECTS, self.step, note=self.job.note(self.step))


def without(rows: Any, repeats: Any | None) -> Any:
    """Rows less those of repeated records."""
    if repeats is None:
        return rows
    from pyspark.sql import functions as F

    return rows.join(F.broadcast(repeats.select("file_id", "record")), ["file_id", "record"], "left_anti")
