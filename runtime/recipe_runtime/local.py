"""Row-local steps of a job: declared one by one, made together, in as few passes over the input as can be.

Documents of a source, texts edited by `clean` and columns computed from texts are declared by the script before
anything reads them. The first that is read has all declared so far of its source made: each file is read once, and
goes through everything that has not been made of it. Where documents are there already, the pass reads those.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from recipe_runtime.arrow import arrow_schema, ddl_struct
from recipe_runtime.failpoints import failpoint
from recipe_runtime.local_pass import OUTPUT, LocalPass, Making, Tally
from recipe_runtime.shards import Shards, groups
from recipe_runtime.worker_frames import Tasks

TASK_BYTES = 64 * 1024 * 1024
"""Input bytes that are worth a task."""


@dataclass(eq=False)
class Local:
    """A declared step. `of`: the one whose rows it reads, None for the documents of a source, whose `reader` says how
    (its `units` and `spec`). `work()` gives what a worker runs, `needs` the columns that it reads;
    `finish(seconds)` the step's row, once the rows are there."""

    name: str
    what: str
    step: str
    shards: Shards
    struct: Any
    libraries: Mapping[str, str]
    finish: Callable[[float], dict[str, Any]]
    record: Callable[[bool], None]
    of: Local | None = None
    reader: Any = None
    work: Callable[[], Any] | None = None
    needs: frozenset[str] = frozenset()
    constants: Mapping[str, Any] = field(default_factory=dict)
    same: Local | None = None
    """The one declared before that makes the same rows."""
    row: dict[str, Any] | None = None
    seconds: float = 0.0
    files_made: int = 0

    @property
    def family(self) -> Local:
        """The source it comes from."""
        return self if self.of is None else self.of.family

    @property
    def parent(self) -> Local | None:
        """The one whose rows it is made of."""
        return self.of and (self.of.same or self.of)


class Locals:
    """What a job has declared, and the passes that make it."""

    def __init__(self, job: Any):
        self.job = job
        self.declared: list[Local] = []

    def declare(self, local: Local) -> Local:
        """Remembers a step to be made with the first that is read."""
        for other in self.declared:
            if other.family is local.family and other.shards.uri == local.shards.uri:
                local.same = other.same or other
        self.declared.append(local)
        return local

    def made(self, wanted: Local) -> dict[str, Any]:
        """The row of a step, which is made now if it was not before, and all declared so far of its source with it."""
        if wanted.row is not None:
            return wanted.row
        job = self.job
        job.begin()
        family = [local for local in self.declared if local.family is wanted.family and local.row is None]
        rows = {local.step: job.complete(local.step) for local in family}
        todo = [local for local in family if rows[local.step] is None and local.same is None]
        began = time.monotonic()
        if todo:
            names = ", ".join(dict.fromkeys(local.what for local in todo))
            with job.progress.watch(f"{wanted.family.name}: {names}"):
                self._make(todo)
        worked = sum(local.seconds for local in todo)
        whole = time.monotonic() - began
        for local in family:
            local.row = local.same.row if local.same else rows[local.step]
            if local.row is not None:
                job.progress.line(f"{local.name}: {local.what}: {local.row['rows_kept']:,} rows, made before")
                local.record(local.row["run_id"] == job.run_id)
                continue
            # A step's time is its share of the passes' time.
            share = whole * local.seconds / worked if worked else 0.0
            began = time.monotonic()
            local.row = local.finish(share)
            job.progress.report(local.name, local.what, local.row, share + time.monotonic() - began, self._note(local))
            local.record(True)
        return wanted.row

    def _note(self, local: Local) -> str:
        some = local.files_made < len(local.shards.files)
        return f"{local.files_made} of {len(local.shards.files)} files now" if some else ""

    def _make(self, todo: Sequence[Local]) -> None:
        missing = {id(local): {file.file_id for file in local.shards.pending()} for local in todo}
        files: dict[str, Any] = {file.file_id: file for local in todo for file in local.shards.files}
        alike: dict[tuple[int, ...], list[Any]] = {}
        for file_id, file in files.items():
            lacking = tuple(i for i, local in enumerate(todo) if file_id in missing[id(local)])
            if lacking:
                alike.setdefault(lacking, []).append(file)
        for lacking, some in alike.items():
            steps = [todo[i] for i in lacking]
            for group in groups(some):
                for parent in dict.fromkeys(local.parent for local in steps if local.parent not in steps):
                    self._pass(parent, [local for local in steps if _root(local, steps) is parent], group)
                failpoint("shard")

    def _pass(self, parent: Local | None, steps: Sequence[Local], files: Sequence[Any]) -> None:
        """One stage over these files, then a commit for each of the steps."""
        job = self.job
        libraries = {name: version for local in steps for name, version in local.libraries.items()}
        makings = [
            Making(
                local.shards.uri,
                local.shards.schema,
                local.shards.statistics,
                steps.index(local.parent) if local.parent in steps else None,
                local.work() if local.work else None,
                {"run_id": job.run_id, **local.constants},
            )
            for local in steps
        ]
        schema = arrow_schema(ddl_struct(OUTPUT))
        if parent is None:
            bundles = _bundles(steps[0].reader.units(files), job.context.defaultParallelism)
            task = LocalPass(makings, bundles, steps[0].reader.spec, schema, libraries)
            made = Tasks(job, len(bundles)).run(task)
        else:
            task = LocalPass(makings, None, None, schema, libraries)
            made = [row.asDict() for row in self._documents(parent, steps, files).mapInArrow(task, OUTPUT).collect()]
        tallies: list[dict[str, Tally]] = [{file.file_id: Tally() for file in files} for _ in steps]
        adds: list[list[Any]] = [[] for _ in steps]
        for found in made:
            step, facts = found["made"], json.loads(found["facts"])
            steps[step].seconds += facts["seconds"]
            if facts["add"] is not None:
                adds[step].append(facts["add"])
            for file_id, tally in facts["tallies"].items():
                tallies[step][file_id].add(Tally(**tally))
        for local, written, tally in zip(steps, adds, tallies, strict=True):
            local.shards.commit(written, tally)
            local.files_made += len(files)

    def _documents(self, parent: Local, steps: Sequence[Local], files: Sequence[Any]) -> Any:
        from pyspark.sql import functions as F

        needed = set().union(*(local.needs for local in steps if local.parent is parent)) | {"file_id"}
        rows = parent.shards.rows().where("text is not null")
        wanted = rows.where(F.col("file_id").isin([file.file_id for file in files]))
        return wanted.select(*(name for name in rows.columns if name in needed))


def _root(local: Local, steps: Sequence[Local]) -> Local | None:
    """What the pass that makes `local` reads: the nearest that is not itself made; None for files."""
    return _root(local.parent, steps) if local.parent in steps else local.parent


def _bundles(units: Sequence[Any], parallelism: int) -> list[list[Any]]:
    """Units of work for as many tasks as the input is worth, at most one a unit, about equally large: a multiple of
    those that run at once, so that none is left to run alone."""
    sizes = {id(unit): _size(unit) for unit in units}
    rounds = max(4, -(-sum(sizes.values()) // (TASK_BYTES * parallelism)))
    tasks = min(len(units), rounds * parallelism)
    bundles: list[list[Any]] = [[] for _ in range(tasks)]
    filled = [0] * tasks
    for unit in sorted(units, key=lambda unit: -sizes[id(unit)]):
        least = filled.index(min(filled))
        bundles[least].append(unit)
        filled[least] += sizes[id(unit)] + 1
    return bundles


def _size(unit: Any) -> int:
    return unit.file.size // unit.parts
