"""A lake's own record, read once for a question: its runs, its steps, and which versions of outputs count.

Memory grows with runs and steps, never with documents.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache, cached_property
from graphlib import TopologicalSorter
from typing import Any

from recipe_runtime import tables
from recipe_runtime.lake import Lake
from recipe_runtime.lineage.answer import Unanswered
from recipe_runtime.lineage.look import Relation


@dataclass(frozen=True)
class Version:
    """A version of an output that counts: the run that made it has its `ended` row."""

    output: str
    uri: str
    version: int
    step: str
    run_id: str
    at: datetime


class Ledger:
    """What the lake's tables `runs` and `steps` say."""

    def __init__(self, uri: str):
        self.lake = Lake(uri).check_format()

    def table(self, table: tables.Table) -> Relation:
        """One of the lake's own tables."""
        return self._opened(self.lake.table(table.name))

    @cache  # noqa: B019 - a ledger lives as long as one question
    def _opened(self, uri: str) -> Relation:
        return Relation(uri)

    # ---- runs ----------------------------------------------------------------------------------------

    @cached_property
    def runs(self) -> dict[str, dict[str, Any]]:
        """run_id → its two rows as `started` and `ended` (absent where it did not end), oldest run first."""
        found: dict[str, dict[str, Any]] = {}
        for row in sorted(self.table(tables.RUNS).rows(), key=lambda row: (row["run_id"], row["at"])):
            found.setdefault(row["run_id"], {}).setdefault(row["state"], row)
        return found

    @cached_property
    def ended(self) -> list[dict[str, Any]]:
        """The `ended` rows, oldest run first."""
        return [run["ended"] for run in self.runs.values() if "ended" in run]

    def started(self, run_id: str) -> dict[str, Any]:
        """The `started` row of a run; empty where there is none."""
        return self.runs.get(run_id, {}).get("started", {})

    @cache  # noqa: B019
    def inputs(self, run_id: str) -> list[dict[str, Any]]:
        """The sources a run pinned, as it kept them."""
        blob = self.started(run_id).get("inputs")
        return json.loads(self.lake.get_blob(blob)) if blob else []

    @cache  # noqa: B019
    def _recipe_lines(self, run_id: str, path: str) -> list[str]:
        blob = dict(self.started(run_id).get("files") or ()).get(path)
        return self.lake.get_blob(blob).decode().split("\n") if blob else []

    def line(self, run_id: str, at: str | None) -> str | None:
        """The text of `file.recipe:line` as it was when that run was made; None where the place is unknown."""
        path, _, number = (at or "").rpartition(":")
        if not path or not number.isdecimal():
            return None
        lines = self._recipe_lines(run_id, path)
        return lines[int(number) - 1].strip() if 0 < int(number) <= len(lines) else None

    def block(self, run_id: str, at: str | None, verb: str) -> list[tuple[str, str]]:
        """(place, text) of each line in the blocks `verb { … }` from `at` to the end of its item: an item begins
        in column 1. Empty where the recipe's text is not kept."""
        path, _, number = (at or "").rpartition(":")
        if not path or not number.isdecimal():
            return []
        found: list[tuple[str, str]] = []
        inside = False
        for place, text in enumerate(self._recipe_lines(run_id, path)[int(number) - 1 :], int(number)):
            line = text.strip()
            if place > int(number) and text[:1] not in ("", " ", "\t", "#"):
                break
            if inside:
                inside = line != "}"
                if inside and line and not line.startswith("#"):
                    found.append((f"{path}:{place}", line))
            elif line.partition("{")[0].strip() == verb and "{" in line:
                only = line.partition("{")[2].strip()
                inside = not only.endswith("}")
                if only.removesuffix("}").strip():
                    found.append((f"{path}:{place}", only.removesuffix("}").strip()))
        return found

    # ---- outputs -------------------------------------------------------------------------------------

    @cached_property
    def outputs(self) -> list[str]:
        """Names of the outputs that runs have made, sorted."""
        return sorted({output["name"] for row in self.ended for output in row["outputs"] or ()})

    @cache  # noqa: B019
    def versions(self, output: str) -> list[Version]:
        """The versions of an output that count, oldest first; those of a table since replaced do not."""
        uri = self.lake.output(output)
        there = Relation(uri)
        if not there.exists:
            return []
        table_id = str(there.table.metadata().id)
        found: dict[int, Version] = {}
        for row in self.ended:
            for made in row["outputs"] or ():
                if made["name"] == output and made["table_id"] == table_id and made["version"] not in found:
                    found[made["version"]] = Version(
                        output, uri, made["version"], made["step"], row["run_id"], row["at"]
                    )
        return [found[number] for number in sorted(found)]

    def version(self, output: str, number: int | None = None) -> Version:
        """The newest version that counts, or version `number`. Raises Unanswered where it does not."""
        if output not in self.outputs:
            known = ", ".join(self.outputs) or "none yet"
            raise Unanswered(f"{self.lake.uri} has no output {output}", remedy=f"its outputs are: {known}")
        counted = self.versions(output)
        if not counted:
            raise Unanswered(
                f"{self.lake.output(output)} holds no version that a run of this lake made",
                remedy="the table was removed or replaced; run the recipe again",
            )
        if number is None:
            return counted[-1]
        for version in counted:
            if version.version == number:
                return version
        said = ", ".join(str(version.version) for version in counted[-10:])
        raise Unanswered(
            f"version {number} of {output} does not count: no run that ended made it",
            remedy=f"versions that count{' (the last ten)' if len(counted) > 10 else ''}: {said}",
        )

    def newest(self) -> list[Version]:
        """The newest counted version of every output that has one."""
        return [self.versions(output)[-1] for output in self.outputs if self.versions(output)]

    # ---- steps ---------------------------------------------------------------------------------------

    @cached_property
    def steps(self) -> dict[str, dict[str, Any]]:
        """Step digest → its row; where two runs made one step, that of the smaller run id is read by all."""
        found: dict[str, dict[str, Any]] = {}
        for row in sorted(self.table(tables.STEPS).rows(), key=lambda row: (row["made_at"], row["step"])):
            before = found.get(row["step"])
            if before is None or row["run_id"] < before["run_id"]:
                found[row["step"]] = row
        return found

    def behind(self, *steps: str) -> list[dict[str, Any]]:
        """The rows of these steps and of everything they were made from: inputs before what reads them, and
        else in the order they were made."""
        found: dict[str, dict[str, Any]] = {}
        waiting = list(steps)
        while waiting:
            step = waiting.pop()
            if step in self.steps and step not in found:
                found[step] = self.steps[step]
                waiting += found[step]["inputs"] or ()
        inputs = {step: found.keys() & set(row["inputs"] or ()) for step, row in found.items()}
        order = TopologicalSorter(inputs)
        order.prepare()
        ready: list[tuple[datetime, str]] = []
        rows = []
        while order.is_active():
            ready += [(found[step]["made_at"], step) for step in order.get_ready()]
            ready.sort(reverse=True)
            _, step = ready.pop()
            rows.append(found[step])
            order.done(step)
        return rows

    @cached_property
    def counted_steps(self) -> set[str]:
        """Steps that a run which ended made or read."""
        found = {step["step"] for row in self.ended for step in row["steps"] or ()}
        for row in self.ended:
            found |= {row["step"] for output in row["outputs"] or () for row in self.behind(output["step"])}
        return found

    def relation(self, step: Mapping[str, Any]) -> Relation:
        """What a step made: a row-local step under its shard digest, any other under its own."""
        return self._opened(self.lake.relation(step["shard"] or step["step"]))

    def file(self, file_id: str | None, run_ids: Iterable[str]) -> dict[str, Any] | None:
        """Where an input file stood when one of these runs pinned it: its record, and the source's."""
        for run_id in run_ids:
            for source in self.inputs(run_id):
                for file in source["files"]:
                    if file["file_id"] == file_id:
                        return {**file, "source": source}
        return None
