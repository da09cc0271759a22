"""A job: one run of one recipe over one lake. The emitted script calls its methods in the recipe's order.

Each method makes what is not there yet, under the digest of what it is, and returns a `Relation` whose
`frame` reads it. Sources are only pinned when they are named; the first step after them begins the run.
"""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from importlib import metadata
from typing import Any

from recipe_runtime import exits, session, tables
from recipe_runtime.booking import Spending
from recipe_runtime.errors import Incomplete, StepError
from recipe_runtime.lake import Lake
from recipe_runtime.local import Locals
from recipe_runtime.progress import Progress
from recipe_runtime.relation import Relation

AGAIN = "run again when the endpoint answers"
GO_ON = {
    "budget": "run again to go on, for a limit is one run's, or raise it in the endpoint",
    "unavailable": AGAIN,
    "lost_coordinator": "run again to go on",
    "bad_request": "what a server refuses to do it refuses again: say its `context`, or a `max_prompt`, that such "
    "units be rejected, or let them wait with `on waiting tolerate`",
}
"""Kinds of waiting that stop a whole step, and one that waiting does not end → what to do then."""


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
    """One run. Public methods: source, annotate, edit, duplicates, sample, score, fit, select, units, ask, derive, mix,
    write, end."""

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
        self.frames: list[Any] = []
        self.locals = Locals(self)
        self.started = False
        self.folded = False
        self.incomplete: list[str] = []  # steps that wait, and those that wait for them
        self.stopped: dict[str, str] = {}  # kind of waiting that stopped a step → what happened
        self.rewriter: Any = None
        self.spending = Spending()

    @cached_property
    def context(self) -> Any:
        """The Spark context, started when first needed: what workers need."""
        for folder in session.local_folders():
            exits.watch(folder)
        context = session.context(f"recipec {self.recipe}")
        self.progress.tracker = context.statusTracker()
        return context

    @cached_property
    def spark(self) -> Any:
        """The session, begun when Spark is first asked for a frame."""
        self.context  # noqa: B018 - starts it, with what follows it
        return session.create(f"recipec {self.recipe}")

    @cached_property
    def coordinator(self) -> Any:
        """What keeps the calls of all workers to an endpoint's limits, started when a model is first asked."""
        from recipe_runtime.endpoints import coordinator

        return coordinator(self.spark)

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

    def sample(self, name: str, rows: Any, **settings: Any) -> Relation:
        """Which rows are of a seeded sample. See steps.sample."""
        from recipe_runtime.steps import sample

        return sample.sample(self, name, rows, **settings)

    def score(self, name: str, rows: Any, **settings: Any) -> Relation:
        """Classifiers' numbers for texts. See steps.score."""
        from recipe_runtime.steps import score

        return score.score(self, name, rows, **settings)

    def fit(self, name: str, rows: Any, **settings: Any) -> Relation:
        """Percentile thresholds. See steps.fit."""
        from recipe_runtime.steps import fit

        return fit.fit(self, name, rows, **settings)

    def select(self, name: str, rows: Any, **settings: Any) -> Relation:
        """Keeps the decisions over a select's rows. See steps.select."""
        from recipe_runtime.steps import select

        return select.select(self, name, rows, **settings)

    def units(self, name: str, rows: Any, **settings: Any) -> Relation:
        """What a model is to be asked. See steps.units."""
        from recipe_runtime.steps import units

        return units.units(self, name, rows, **settings)

    def ask(self, name: str, units: Any, **settings: Any) -> Relation:
        """A model's answers, judged. See steps.ask."""
        from recipe_runtime.steps import ask

        return ask.ask(self, name, units, **settings)

    def derive(self, name: str, answers: Any, **settings: Any) -> Relation:
        """Documents made of answers. See steps.derive."""
        from recipe_runtime.steps import derive

        return derive.derive(self, name, answers, **settings)

    def mix(self, name: str, **settings: Any) -> Relation:
        """A seeded draw from several takes, by weights and under caps. See steps.mix."""
        from recipe_runtime.steps import mix

        return mix.mix(self, name, **settings)

    def write(self, name: str, rows: Any, **settings: Any) -> None:
        """Makes a version of an output table. See steps.write."""
        from recipe_runtime.steps import write

        write.write(self, name, rows, **settings)

    # ---- work that waits for answers -------------------------------------------------------------

    def waits(self, relation: Relation, reads: Sequence[Relation], empty: Callable[[], Any]) -> bool:
        """Whether something this step reads is waiting. Then it is not made: its frame is `empty()`, so that the
        script goes on to what does not depend on it."""
        relation.waiting = max((r.waiting for r in reads), default=0)
        if relation.waiting:
            self.progress.line(f"{relation.name}: waits for answers")
            relation.read = empty
            self.incomplete.append(relation.name)
        return bool(relation.waiting)

    def wait_for_answers(self, relation: Relation, units: int, details: Mapping[str, str]) -> None:
        """Notes that so many units of a step have no answer; `details`: kind of waiting → what happened."""
        relation.waiting = units
        self.incomplete.append(relation.name)
        self.stopped |= {kind: said for kind, said in details.items() if kind in GO_ON}

    def struct(self, columns: str) -> Any:
        """The StructType of columns in Spark's DDL."""
        from pyspark.sql.types import StructType

        return StructType.fromDDL(columns)

    def fold_left_over(self) -> None:
        """Once a run: answers that earlier runs landed are kept before anything is asked."""
        if not self.folded:
            from recipe_runtime import generations

            self.folded = True
            generations.ready(self)
            generations.fold_left_over(self)

    def endpoint(self, wanted: Any) -> Any:
        """Where calls go, as a worker needs it; starts the built-in rewriter where the recipe asks for it."""
        from recipe_runtime.endpoints import spec

        return spec(self, wanted)

    # ---- frames read several times in one step ---------------------------------------------------

    def hold(self, frame: Any) -> Any:
        """A frame of ids and numbers that is read several times in one step, written down until `release`.

        Files on the lake rather than Spark's cache: what follows is planned over a file instead of over all that led
        to it, which took most of the time of small steps, and a lost executor loses nothing.
        """
        uri = self.held_folder()
        frame.write.parquet(uri)
        return self.spark.read.schema(frame.schema).parquet(uri)

    def held_folder(self) -> str:
        """A new folder for what is held."""
        uri = f"{self.lake.held(self.run_id)}/{len(self.held)}"
        self.held.append(uri)
        return uri

    def hold_counted(self, frame: Any, **figures: Any) -> tuple[Any, dict[str, Any]]:
        """A frame that is held, its `rows`, and the aggregates `figures` over it: counted while it is written."""
        from pyspark.sql import Observation
        from pyspark.sql import functions as F

        seen = Observation()
        wanted = [found.alias(name) for name, found in figures.items()]
        held = self.hold(frame.observe(seen, F.count("*").alias("rows"), *wanted))
        return held, seen.get

    def hold_files(self, frame: Any, sums: Sequence[str] = ()) -> Held:
        """A frame of ids and numbers that is held as files which workers write, with its rows and the sums of these
        columns."""
        from recipe_runtime.arrow import arrow_schema
        from recipe_runtime.delta_files import WriteRows, write_files

        uri = self.held_folder()
        struct = frame.schema.toNullable()
        files = write_files(frame, WriteRows(uri, arrow_schema(struct), sums=tuple(sums)))
        totals = {name: sum(file["sums"][name] for file in files) for name in sums}
        return Held(self, uri, struct, tuple(f["path"] for f in files), sum(f["rows"] for f in files), totals)

    def release(self) -> None:
        """Lets go of all that is held."""
        if self.held:
            self.lake.forget_held(self.run_id)
            self.held = []

    def once(self, rows: Any) -> None:
        """Has a frame computed once for this step and those that read it after, until its select is decided. On disk:
        the frame of a select has a row for each document."""
        from pyspark import StorageLevel

        self.frames.append(rows.persist(StorageLevel.DISK_ONLY))

    def forget_frames(self) -> None:
        """Lets go of the frames computed once."""
        for frame in self.frames:
            frame.unpersist()
        self.frames = []

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
        if "coordinator" in self.__dict__:
            self.coordinator.stop()
        if self.rewriter is not None:
            self.progress.line(f"the built-in rewriter answered {self.rewriter.completions():,} calls")
            self.rewriter.stop()
        self._run_row(
            state="ended",
            status="incomplete" if self.incomplete else "complete",
            steps=self.steps,
            outputs=self.outputs,
            seconds=time.monotonic() - self.began,
        )
        if self.incomplete:
            waiting = f"{', '.join(dict.fromkeys(self.incomplete))} wait for answers"
            because = "".join(f"; {self.stopped[kind]}" for kind in GO_ON if kind in self.stopped)
            first = next((how for kind, how in GO_ON.items() if kind in self.stopped), AGAIN)
            raise Incomplete(
                f"run {self.run_id} is incomplete: {waiting}{because}",
                remedy=f"{first}; what was answered is kept and not asked again",
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


@dataclass(frozen=True)
class Held:
    """Rows written down for the time of a step: `files` of Parquet in the folder `uri`, how many `rows`, `sums`."""

    job: Any
    uri: str
    struct: Any
    files: tuple[str, ...]
    rows: int
    sums: Mapping[str, int]

    @property
    def frame(self) -> Any:
        """A DataFrame of them."""
        if not self.files:
            return self.job.spark.createDataFrame([], self.struct)
        return self.job.spark.read.schema(self.struct).parquet(self.uri)


def library_union(relations: Sequence[Relation], own: Mapping[str, str]) -> dict[str, str]:
    """Libraries whose results a step carries: its inputs' and its own."""
    merged: dict[str, str] = {}
    for relation in relations:
        merged |= relation.libraries
    return merged | dict(own)
