"""runs: every run of a lake and what it came to. run: one of them in full."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from recipe_runtime.lineage.answer import Answer, Unanswered, counted, entry, item, named, table, when
from recipe_runtime.lineage.ledger import Ledger
from recipe_runtime.lineage.retention import Expiring, of_ledger

UNFINISHED = "did not end"
"""A `started` row alone: the run failed, was killed, or is at work now; the lake cannot tell which."""


@dataclass(frozen=True)
class Made:
    """An output as a run left it; `made` is false where the version was there already."""

    name: str
    uri: str
    version: int
    made: bool


@dataclass(frozen=True)
class StepOfRun:
    """A step that a run made, or read because it was complete. `calls`: completions it had made in this run."""

    name: str
    kind: str
    step: str
    made: bool
    calls: int | None


@dataclass(frozen=True)
class Input:
    """A source as the run pinned it. `table`: id and version of a Delta table, else None."""

    source: str
    namespace: str
    reader: str
    path: Any
    files: int
    bytes: int
    table: Sequence[Any] | None


@dataclass(frozen=True)
class Run(Answer):
    """One run. Of a run that did not end, `steps` are those it completed. `files`: path → SHA-256 of the
    recipe and what it imports, kept as blobs of the lake."""

    run_id: str
    state: str
    started: datetime | None
    ended: datetime | None
    seconds: float | None
    recipe: str
    params: Mapping[str, str]
    code_version: str
    libraries: Mapping[str, str]
    files: Mapping[str, str]
    inputs: tuple[Input, ...]
    steps: tuple[StepOfRun, ...]
    outputs: tuple[Made, ...]
    repaired_by: str | None

    @property
    def made(self) -> int:
        """How many steps it made; the others were read."""
        return sum(step.made for step in self.steps)

    def text(self, width: int = 100) -> str:
        """Everything the lake keeps of it."""
        lines = [
            *entry("run", self.run_id, width),
            *entry("state", self.state, width),
            *entry("repaired by", self.repaired_by, width),
            *entry("started", when(self.started), width),
            *entry("ended", when(self.ended), width),
            *entry("seconds", None if self.seconds is None else f"{self.seconds:.1f}", width),
            *entry("recipe", self.recipe, width),
            *entry("parameters", named(self.params), width),
            *entry("recipec", self.code_version, width),
            *entry("libraries", named(self.libraries), width),
        ]
        for path, blob in self.files.items():
            lines += entry("file", f"{path}  sha256 {blob}", width)
        for each in self.inputs:
            pinned = f"table {each.table[0]} version {each.table[1]}" if each.table else (
                f"{counted(each.files, 'file')}, {each.bytes / 1e6:,.1f} MB"
            )
            path = each.path if isinstance(each.path, str) else ", ".join(map(str, each.path))
            lines += entry("source", f"{each.source} = {each.reader}({path}): {pinned}", width)
        for output in self.outputs:
            lines += entry("output", _output(output), width)
        called = any(step.calls is not None for step in self.steps)
        rows = [
            [s.name, s.kind, "made" if s.made else "read", *([s.calls] if called else []), s.step]
            for s in self.steps
        ]
        header = ["step", "kind", "", *(["calls"] if called else []), "digest"]
        return "\n".join([*lines, "", *table(header, rows, width)])


@dataclass(frozen=True)
class Runs(Answer):
    """The runs of a lake, the newest first."""

    lake: str
    runs: tuple[Run, ...]
    warnings: tuple[Expiring, ...]

    def text(self, width: int = 100) -> str:
        """One line a run."""
        if not self.runs:
            return "\n".join(item(f"no run has been recorded in {self.lake}", width))
        rows = [
            [
                run.run_id,
                run.state + (f", repaired by {run.repaired_by}" if run.repaired_by else ""),
                run.seconds,
                f"{run.made} of {len(run.steps)}",
                run.recipe,
                ", ".join(_output(output) for output in run.outputs),
            ]
            for run in self.runs
        ]
        lines = table(["run", "state", "seconds", "steps made", "recipe", "outputs"], rows, width)
        return "\n".join([*lines, *(warning.text(width) for warning in self.warnings)])


def runs(lake_uri: str) -> Runs:
    """All runs."""
    ledger = Ledger(lake_uri)
    found = tuple(run_of(ledger, run_id) for run_id in sorted(ledger.runs, reverse=True))
    return Runs(ledger.lake.uri, found, tuple(of_ledger(ledger)))


def run(lake_uri: str, run_id: str) -> Run:
    """One run, by its id or by the beginning of it that no other has. Raises Unanswered."""
    ledger = Ledger(lake_uri)
    found = [each for each in ledger.runs if each.startswith(run_id)]
    if len(found) != 1:
        raise Unanswered(
            f"{len(found)} runs of {ledger.lake.uri} have an id that begins with {run_id}",
            remedy="recipec lineage runs lists them",
        )
    return run_of(ledger, found[0])


def run_of(ledger: Ledger, run_id: str) -> Run:
    """A run as the ledger has it."""
    rows = ledger.runs[run_id]
    ended = rows.get("ended", {})
    started = rows.get("started", {})
    own = {row["step"]: row for row in ledger.steps.values() if row["run_id"] == run_id}
    steps = [
        StepOfRun(s["name"], s["kind"], s["step"], s["made"], own.get(s["step"], {}).get("calls"))
        for s in ended.get("steps") or ()
    ]
    if not steps:
        steps = [StepOfRun(row["name"], row["kind"], row["step"], True, row["calls"]) for row in own.values()]
    either = started or ended
    return Run(
        run_id=run_id,
        state=ended.get("status") or UNFINISHED,
        started=started.get("at"),
        ended=ended.get("at"),
        seconds=ended.get("seconds"),
        recipe=either["recipe"],
        params=dict(started.get("params") or ()),
        code_version=either["code_version"],
        libraries=dict(started.get("libraries") or ()),
        files=dict(started.get("files") or ()),
        inputs=tuple(_input(source) for source in ledger.inputs(run_id)),
        steps=tuple(steps),
        outputs=tuple(
            Made(o["name"], ledger.lake.output(o["name"]), o["version"], o["made"])
            for o in ended.get("outputs") or ()
        ),
        repaired_by=ended.get("repaired_by"),
    )


def _input(source: Mapping[str, Any]) -> Input:
    files = source["files"]
    return Input(
        source["source"], source["namespace"], source["reader"], source["path"],
        len(files), sum(file["size"] for file in files), source["table"],
    )  # fmt: skip


def _output(output: Made) -> str:
    return f"{output.name} version {output.version}" + ("" if output.made else " (as it was)")
