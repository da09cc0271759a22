"""write: a version of an output table, made only where the newest is not already of this step.

The order is what makes a kill survivable: expectations, the commit, `stats`, the step's row, and at the
run's end its `ended` row. A run that died after its commit is found here by the next one, which writes no
second version and completes the record.
"""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from typing import Any

from recipe_runtime import delta_files, ops, tables
from recipe_runtime.digest import inputs_of, step_digest
from recipe_runtime.errors import StepError
from recipe_runtime.expect import NotNull
from recipe_runtime.failpoints import failpoint
from recipe_runtime.relation import Relation
from recipe_runtime.summaries import recorded
from recipe_runtime.texts import FETCHED, unread

STATISTICS = ("doc_id", "epoch", "lang", "tier", "origin", "step")


def write(
    job: Any,
    name: str,
    rows: Any,
    *,
    sink: ops.Op,
    reads: Sequence[Relation],
    digest: str,
    at: str,
    partition: Sequence[str] = (),
    expect: Sequence[Any] = (),
    schema: str = "fixed",
) -> None:
    """Makes `<lake>/<name>` hold `rows`. Raises StepError where an expectation fails or the table's columns
    would change and the recipe does not say `schema = evolve`."""
    ops.resolve(sink, "sink")
    # The one step with a name in its digest: what it makes is a table at a place.
    step = step_digest(digest, inputs_of(reads), {}, pins=["output", name])
    uri = job.lake.output(name)
    relation = Relation(name, "write", digest, step, {}, lambda: job.spark.read.format("delta").load(uri))
    if any(r.waiting for r in reads):
        job.progress.line(f"{name}: not written, because what it is made of waits for answers")
        job.incomplete.append(name)
        return
    newest = _newest(uri)
    if newest is not None and not job.ended(newest["run"]):
        job.repair(newest["run"], _output(name, uri, newest, made=True))
    made = newest is None or newest["step"] != step
    began = time.monotonic()
    with job.progress.step(name, "write") as report:
        if made:
            _commit(job, name, rows, uri, step, partition, expect, schema, newest is not None)
            failpoint("commit")
            newest = _newest(uri)
            if newest is None or newest["run"] != job.run_id:
                raise StepError(f"another run wrote {uri} at the same time", remedy="run again: what was made is kept")
        row = job.complete(step)
        if row is None or made:
            row = _finish(job, relation, newest, reads, at, began)
        report.rows_in = row["rows_kept"]
        report.bytes_in = row["bytes_kept"]
        report.note = f"version {newest['version']}" + ("" if made else ", as it was")
    job.record_step(relation, made=made)
    job.outputs.append(_output(name, uri, newest, made=made))


def _commit(job, name, rows, uri, step, partition, expect, schema, exists):
    statistics, note = [c for c in STATISTICS if c not in partition], job.note(step)
    lean = _without_texts(rows, expect) if delta_files.writable(uri, rows, partition) else None
    checked = lean.rows if lean else rows
    for expectation in expect:
        if not (lean and "text" in expectation.columns):  # a row whose text cannot be fetched ends the write
            checked = expectation.check(name, checked)
    if exists:
        _check_schema(job, uri, rows, partition, evolve=schema == "evolve")
    if lean:
        delta_files.write(
            checked, uri, statistics=statistics, note=note, partition=partition, first=lean.fetch, struct=rows.schema
        )
        return
    out = tables.writer(checked, uri, statistics=statistics, note=note, partition=partition)
    out.mode("overwrite").option("overwriteSchema", "true" if schema == "evolve" else "false").save()


def _without_texts(rows, expect):
    """The rows before their texts are fetched; None where texts are there, or more is expected of them than that."""
    asked = [e for e in expect if set(FETCHED) & set(e.columns)]
    return unread(rows) if all(e.columns == ("text",) and isinstance(e, NotNull) for e in asked) else None


def _check_schema(job, uri, rows, partition, *, evolve):
    """Prints what would change; raises StepError unless the recipe allows it."""
    from deltalake import DeltaTable

    before = {f.name: f.dataType.simpleString() for f in job.spark.read.format("delta").load(uri).schema}
    now = {f.name: f.dataType.simpleString() for f in rows.schema}
    changes = [f"lost {n} ({t})" for n, t in before.items() if n not in now]
    changes += [f"gained {n} ({t})" for n, t in now.items() if n not in before]
    changes += [f"retyped {n} ({before[n]} to {t})" for n, t in now.items() if n in before and before[n] != t]
    layout = DeltaTable(uri).metadata().partition_columns
    if list(layout) != list(partition):
        changes.append(f"partition was {list(layout)}, is {list(partition)}")
    if changes and not evolve:
        raise StepError(
            f"the columns of {uri} would change: {'; '.join(changes)}",
            remedy="say `schema = evolve` in the write, or write another output; the old version stays as it was",
        )
    for change in changes:
        job.progress.line(f"{uri}: {change}")


def _newest(uri: str) -> dict[str, Any] | None:
    """Version, table id, run and step of the newest commit that wrote rows; None where there is no table."""
    from deltalake import DeltaTable

    if not tables.exists(uri):
        return None
    table = DeltaTable(uri)
    for commit in table.history():
        note = commit.get("userMetadata")
        if note is None and commit["operation"] in (
            "OPTIMIZE",
            "VACUUM START",
            "VACUUM END",
            "SET TBLPROPERTIES",
        ):
            continue
        found = json.loads(note) if note else {}
        if not {"run", "step"} <= found.keys():
            raise StepError(
                f"the newest version of {uri} was not written by a recipe",
                remedy="restore the version before it, or give the output another name",
            )
        return {**found, "version": commit["version"], "table_id": str(table.metadata().id)}
    return None


def _output(name, uri, newest, *, made):
    return {
        "name": name,
        "uri": uri,
        "table_id": newest["table_id"],
        "version": newest["version"],
        "step": newest["step"],
        "made": made,
    }


def _wanted(job, relation):
    """How many rows are to be written: what a relation kept, or how often a mix draws its documents."""
    if relation.kind == "mix":
        return tables.written_rows(job.lake.relation(relation.step))
    return job.complete(relation.step)["rows_kept"]


def _finish(job, relation, newest, reads, at, began):
    keys = "tier, source, domain, lang, array_join(license, ',')"
    sql = (
        f"select '{relation.step}' as step, '{job.run_id}' as run_id, '{relation.name}' as output, "
        f"{newest['version']} as version, tier, source, domain, lang, array_join(license, ',') as license, origin, "
        "count(*) as rows, sum(tokens) as tokens, sum(generated_tokens) as generated_tokens, "
        f"sum(octet_length(text)) as bytes from rows_of group by {keys}, origin"
    )
    also = f"version = {newest['version']}"
    output = job.lake.output(relation.name)
    recorded(job, output, sql, tables.STATS, relation.step, also=also, version=newest["version"])
    where = {"step": relation.step, "version": newest["version"]}
    counted = tables.read(job.lake, tables.STATS, ["rows", "tokens", "bytes"], where)
    tokens = [r["tokens"] for r in counted if r["tokens"] is not None]
    kept = sum(r["rows"] for r in counted)
    size = sum(r["bytes"] for r in counted)
    row = {
        "step": relation.step,
        "run_id": job.run_id,
        "name": relation.name,
        "kind": "write",
        "operation": relation.operation,
        "at": at,
        "inputs": [r.step for r in reads],
        "rows_in": _wanted(job, reads[0]),
        "rows_kept": kept,
        "rows_rejected": 0,
        "dropped": {},
        "bytes_in": size,
        "bytes_kept": size,
        "tokens": sum(tokens) if tokens else None,
        "seconds": time.monotonic() - began,
        "libraries": {},
    }
    if row["rows_in"] != row["rows_kept"]:
        raise AssertionError(f"output {relation.name} lost rows, its version does not count: {row}")
    job.finish_step(row)
    return row
