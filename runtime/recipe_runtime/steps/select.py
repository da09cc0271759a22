"""select: the decisions over a select's rows, kept as ids and numbers; never a copy of the text."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from typing import Any

from recipe_runtime import delta_files, tables
from recipe_runtime.deciding import Living
from recipe_runtime.digest import inputs_of, step_digest
from recipe_runtime.job import library_union
from recipe_runtime.relation import Relation
from recipe_runtime.side_by_side import decided
from recipe_runtime.summaries import asked, recorded

STATISTICS = ("doc_id", "origin_id", "url_id")


def select(
    job: Any, name: str, rows: Any, *, reads: Sequence[Relation], digest: str, at: str, of: Any = None
) -> Relation:
    """Keeps `rows`, dropped ones too, with the first rule each failed; the frame has those that stay.

    in = kept + rejected is asserted: what the first of `reads` kept, or the rows of `of` where the select is over
    a part of it, against the rows written here.
    """
    step = step_digest(digest, inputs_of(reads), {})
    uri = job.lake.relation(step)
    relation = Relation(
        name, "select", digest, step, library_union(reads, {}),
        lambda: decided(rows, uri, Living(), lambda: delta_files.read(job.spark, uri).where("rejected is null")),
    )  # fmt: skip
    job.begin()
    if job.waits(relation, reads, lambda: rows.where("false")):
        return relation
    row = job.complete(step)
    if row is None:
        began = time.monotonic()
        with job.progress.step(name, "decide") as report:
            delta_files.write(rows, uri, statistics=STATISTICS, note=job.note(step))
            row = _finish(job, relation, uri, set(rows.columns), reads, of, at, began)
            report.rows_in, report.rows_kept = row["rows_in"], row["rows_kept"]
    else:
        job.progress.line(f"{name}: {row['rows_kept']:,} of {row['rows_in']:,} rows kept, decided before")
    job.forget_frames()
    _say_tiers(job, name, row)
    job.record_step(relation, made=row["run_id"] == job.run_id)
    return relation


def _finish(job, relation, uri, columns, reads, of, at, began):
    counted = "tokens" in columns
    by_rule = {
        found["rule"]: found
        for found in asked(
            job, uri,
            "select rejected['rule'] as rule, count(*) as n, sum(text_bytes) as b"
            f"{', sum(tokens) as tokens' if counted else ''} from rows_of group by rejected['rule']",
        )
    }  # fmt: skip
    kept = by_rule.pop(None, None)
    tiers = _tiers(job, uri, counted) if "tier" in columns else None
    dropped = {rule: found["n"] for rule, found in by_rule.items()}
    if dropped:
        _rejects(job, relation, uri, sum(dropped.values()))
    row = {
        "step": relation.step,
        "run_id": job.run_id,
        "name": relation.name,
        "kind": "select",
        "operation": relation.operation,
        "at": at,
        "inputs": [r.step for r in reads],
        "rows_in": job.complete(reads[0].step)["rows_kept"] if of is None else of.count(),
        "rows_kept": kept["n"] if kept else 0,
        "rows_rejected": sum(dropped.values()),
        "dropped": dropped,
        "bytes_in": sum(found["b"] or 0 for found in [*by_rule.values(), *([kept] if kept else [])]),
        "bytes_kept": (kept["b"] or 0) if kept else 0,
        "tokens": kept["tokens"] if kept and counted else None,
        "seconds": time.monotonic() - began,
        "libraries": {},
        "report": job.lake.put_blob(json.dumps({"tiers": tiers}).encode()) if tiers else None,
    }
    if row["rows_in"] != row["rows_kept"] + row["rows_rejected"]:
        raise AssertionError(f"select {relation.name} lost rows: {row}")
    job.finish_step(row)
    return row


def _tiers(job, uri, counted):
    """Rows of each tier, and tokens where they are counted, the larger tiers first."""
    tokens = "sum(tokens)" if counted else "cast(null as bigint)"
    rows = asked(
        job, uri,
        f"select tier, count(*) as n, {tokens} as tokens from rows_of "
        "where rejected is null and tier is not null group by tier",
    )  # fmt: skip
    ordered = sorted(rows, key=lambda row: (-row["n"], row["tier"]))
    return [{"tier": row["tier"], "rows": row["n"], "tokens": row["tokens"]} for row in ordered]


def _say_tiers(job, name, row):
    if row.get("report") is None:
        return
    tiers = json.loads(job.lake.get_blob(row["report"]))["tiers"]
    unit = "tokens" if all(t["tokens"] is not None for t in tiers) else "rows"
    whole = sum(t[unit] for t in tiers)
    for t in tiers if len(tiers) > 1 else ():
        job.progress.line(f"{name}: tier {t['tier']:<12} {t['rows']:,} rows, {t[unit] / whole:.2%} of the {unit}")


def _rejects(job, relation, uri, rows):
    sql = (
        f"select '{relation.step}' as step, '{job.run_id}' as run_id, 'rejected' as outcome, origin_id, doc_id, "
        "url_id, url, domain, source, rejected['rule'] as rule, rejected['value'] as value, "
        "rejected['threshold'] as threshold, rejected['at'] as at, matched, file_id, record "
        "from rows_of where rejected is not null"
    )
    recorded(job, uri, sql, tables.REJECTS, relation.step, rows=rows)
