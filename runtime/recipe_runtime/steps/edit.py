"""edit: `clean …` changes texts. The result is a relation of documents like a source's, kept by file.

A changed text has a new text hash and so a new doc_id; its origin_id, file and record stay, and by those
the decisions taken before the edit go on to the edited row. A text of which nothing is left becomes a
row without text, and its document a reject of the select.
"""

from __future__ import annotations

import time
from typing import Any

from recipe_runtime import ops
from recipe_runtime.arrow import arrow_schema
from recipe_runtime.digest import shard_digest, step_digest
from recipe_runtime.job import library_union
from recipe_runtime.local import Local
from recipe_runtime.relation import Relation
from recipe_runtime.shards import Shards, counted
from recipe_runtime.steps.source import STATISTICS, without, worker_args
from recipe_runtime.worker import Edit

NOT_EDITED = ("part", "parts", "rejected", "run_id")
"""What a source's row has and an edited document does not."""


def edit(job: Any, name: str, texts: Relation, operator: ops.Op, *, digest: str, at: str) -> Relation:
    """Documents whose text `operator` (kind clean) changed; the frame has those that still have one."""
    from pyspark.sql.types import StringType, StructField, StructType

    found = ops.resolve(operator, "clean")
    own = ops.versions([found])
    libraries = library_union([texts], own)
    step = step_digest(digest, [texts.step], own)
    shard = shard_digest(digest, texts.shard, own)
    job.libraries |= own
    edited = StructType([field for field in texts.local.struct if field.name not in NOT_EDITED])
    struct = StructType([*edited, StructField("run_id", StringType())])
    shards = Shards(job, job.lake.relation(shard), texts.files, STATISTICS, arrow_schema(struct))

    def documents() -> Any:
        job.locals.made(relation.local)
        return shards.rows().where("text is not null").drop("run_id")

    def frame() -> Any:
        return counted(without(documents(), texts.repeats()), shards.total().documents)

    def count() -> int:
        job.locals.made(relation.local)
        return relation.frame.count() if texts.repeats() is not None else shards.total().documents

    relation = Relation(
        f"{name}.text", "edit", digest, step, libraries, frame,
        shard=shard, files=texts.files, documents=documents, repeats=texts.repeats, count=count,
    )  # fmt: skip
    relation.local = job.locals.declare(
        Local(
            name,
            operator.name,
            step,
            shards,
            struct,
            own,
            finish=lambda seconds: _finish(job, relation, shards, texts, at, own, seconds),
            record=lambda made: job.record_step(relation, made),
            of=texts.local,
            work=lambda: Edit(found.run, operator.name, worker_args(job, operator.args), arrow_schema(edited), own),
            needs=frozenset(edited.names),
        )
    )
    return relation


def _finish(job, relation, shards, texts, at, own, seconds):
    """Rows whose text is gone are counted here and rejected by the select that goes on with them."""
    from pyspark.sql import functions as F

    began = time.monotonic()
    repeats = texts.repeats()
    if repeats is None:
        total = shards.total()
        rows, size = total.records, total.text_bytes
    else:
        counted = [F.count("*").alias("n"), F.sum("text_bytes").alias("b")]
        rows, size = without(shards.rows(), repeats).agg(*counted).first()
    row = {
        "step": relation.step,
        "run_id": job.run_id,
        "name": relation.name,
        "kind": "edit",
        "operation": relation.operation,
        "at": at,
        "shard": relation.shard,
        "inputs": [texts.step],
        "rows_in": rows,
        "rows_kept": rows,
        "rows_rejected": 0,
        "dropped": {},
        "bytes_kept": size or 0,
        "seconds": seconds + time.monotonic() - began,
        "libraries": dict(own),
    }
    job.finish_step(row)
    return row
