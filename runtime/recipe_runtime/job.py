"""A job: one run of one recipe over one lake. The emitted script calls its methods in the recipe's order.

Each method makes what is not there yet, under the digest of what it is, and returns a `Relation` whose
`frame` reads it. Sources are only pinned when they are named; the first step after them begins the run.
"""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import cached_property
from importlib import metadata
from typing import Any

from recipe_runtime import exits, session, tables
from recipe_runtime.errors import StepError
from recipe_runtime.lake import Lake
from recipe_runtime.progress import Progress
from recipe_runtime.relation import Relation


def start(recipe: str, *, lake: str, files: Mapping[str, str], params: Mapping[str, str], compiler: str) -> Job:
    """Begins a job: the lake (made where there is none) and an identifier for the run. Spark starts with the
    first step that needs it, so that a missing input is said at once.

    `files` are the recipe and everything it imports, `params` what it was compiled with, `compiler` the
    version of recipec that made the script.
    """
    here = metadata.version("recipec")
    if here != compiler:
        raise StepError(
            f"the script was compiled by recipec {compiler}, this is {here}",
            remedy="compile the recipe again, or run it with that version",
        )
    opened = Lake(lake).open()
    if opened.local:
        exits.watch(opened.root)
    return Job(recipe, opened, files, params)


def _run_id(now: datetime) -> str:
    """Sorts by time; the random end keeps two runs of one millisecond apart."""
    return f"{now:%Y%m%dT%H%M%S}.{now.microsecond // 1000:03d}Z-{secrets.token_hex(3)}"


class Job:
    """One run. Public methods: source, annotate, edit, duplicates, select, write, end."""

    def __init__(self, recipe: str, lake: Lake, files: Mapping[str, str], params: Mapping[str, str]):
        self.recipe, self.lake, self.files, self.params = recipe, lake, files, params
        self.began = time.monotonic()
        self.run_id = _run_id(datetime.now(UTC))
        self.progress = Progress()
        self.sources: list[Any] = []  # source.Pinned, until the run begins
        self.steps: list[dict[str, Any]] = []
        self.outputs: list[dict[str, Any]] = []
        self.libraries: dict[str, str] = {}
        self.checksums = lake.checksums()
        self.held: list[Any] = []
        self.started = False

    @cached_property
    def spark(self) -> Any:
        """The session, started when first needed."""
        for folder in session.local_folders():
            exits.watch(folder)
        spark = session.create(f"recipec {self.recipe}")
        self.progress.tracker = spark.sparkContext.statusTracker()
        return spark

    # ---- steps, one module each ------------------------------------------------------------------

    def source(self, name: str, reader: Any, **settings: Any) -> Relation:
        """Pins a source; its documents are made when something first reads them. See steps.source."""
        from recipe_runtime.steps import source

        return source.declare(self, name, reader, **settings)

    def annotate(self, name: str, texts: Relation, **settings: Any) -> Relation:
        """Adds columns computed from each text alone. See steps.annotate."""
        from recipe_runtime.steps import annotate

        return annotate.annotate(self, name, texts, **settings)

    def edit(self, name: str, texts: Relation, operator: Any, **settings: Any) -> Relation:
        """Texts changed by an operator, as a relation of documents. See steps.edit."""
        from recipe_runtime.steps import edit

        return edit.edit(self, name, texts, operator, **settings)

    def duplicates(self, name: str, rows: Any, operator: Any, **settings: Any) -> Relation:
        """Groups of equal or similar rows with their survivor. See steps.dedup."""
        from recipe_runtime.steps import dedup

        return dedup.duplicates(self, name, rows, operator, **settings)

    def select(self, name: str, rows: Any, **settings: Any) -> Relation:
        """Keeps the decisions over a select's rows. See steps.select."""
        from recipe_runtime.steps import select

        return select.select(self, name, rows, **settings)

    def write(self, name: str, rows: Any, **settings: Any) -> None:
        """Makes a version of an output table. See steps.write."""
        from recipe_runtime.steps import write

        write.write(self, name, rows, **settings)

    # ---- frames read several times in one step ---------------------------------------------------

    def hold(self, frame: Any) -> Any:
        """Keeps a frame of ids and numbers on the executors' disks until `release`; lost blocks are made again."""
        from pyspark import StorageLevel

        self.held.append(frame.persist(StorageLevel.DISK_ONLY))
        return self.held[-1]

    def release(self) -> None:
        """Lets go of all that is held."""
        while self.held:
            self.held.pop().unpersist()

    # ---- the run's own rows ----------------------------------------------------------------------

    def note(self, step: str = "") -> str:
        """userMetadata of a commit: whose it is and what it made. Not durable, so nothing else is in it."""
        return json.dumps({"run": self.run_id, "step": step})

    def begin(self) -> None:
        """Writes the `started` row, once: after all sources are pinned, before any work."""
        if self.started:
            return
        self.started = True
        self.lake.remember_checksums(self.checksums)
        inputs = self.lake.put_blob(json.dumps([p.record() for p in self.sources], sort_keys=True).encode())
        blobs = {path: self.lake.put_blob(text.encode()) for path, text in sorted(self.files.items())}
        self._run_row(state="started", files=blobs, params=dict(self.params), inputs=inputs, libraries=self.libraries)

    def record_step(self, relation: Relation, made: bool) -> None:
        """Remembers for the `ended` row that this run made or read a step."""
        self.steps.append({"name": relation.name, "kind": relation.kind, "step": relation.step, "made": made})

    def complete(self, step: str) -> dict[str, Any] | None:
        """The row of a step that was made before, else None."""
        rows = tables.read(self.lake, tables.STEPS, where={"step": step})
        return min(rows, key=lambda row: row["run_id"]) if rows else None

    def finish_step(self, row: Mapping[str, Any]) -> None:
        """The last write of a step: its row says it is complete."""
        whole = {"run_id": self.run_id, "made_at": datetime.now(UTC), **row}
        own = f"step = '{row['step']}' and run_id = '{self.run_id}'"
        tables.keep_rows(self.lake, tables.STEPS, [whole], note=self.note(row["step"]), instead_of=own)

    def end(self) -> None:
        """Writes the `ended` row: only now do the versions of this run count."""
        self.begin()
        self._run_row(
            state="ended",
            status="complete",
            steps=self.steps,
            outputs=self.outputs,
            seconds=time.monotonic() - self.began,
        )
        self.progress.line(f"run {self.run_id} complete, {time.monotonic() - self.began:.1f} s")

    def repair(self, run_id: str, output: Mapping[str, Any]) -> None:
        """The `ended` row of a run that died between its commit and its manifest."""
        self._run_row(run_id=run_id, state="ended", status="complete", outputs=[output], repaired_by=self.run_id)
        self.progress.line(
            f"run {run_id} had committed {output['name']} version {output['version']}; its record is repaired"
        )

    def ended(self, run_id: str) -> bool:
        """Whether a run has its `ended` row."""
        return bool(tables.read(self.lake, tables.RUNS, ["run_id"], {"run_id": run_id, "state": "ended"}))

    def _run_row(self, **values: Any) -> None:
        row = {
            "run_id": self.run_id,
            "at": datetime.now(UTC),
            "recipe": self.recipe,
            "code_version": metadata.version("recipec"),
            **values,
        }
        tables.keep_rows(self.lake, tables.RUNS, [row], note=self.note())


def library_union(relations: Sequence[Relation], own: Mapping[str, str]) -> dict[str, str]:
    """Libraries whose results a step carries: its inputs' and its own."""
    merged: dict[str, str] = {}
    for relation in relations:
        merged |= relation.libraries
    return merged | dict(own)
