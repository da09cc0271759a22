"""Where a fault happens: a lake, a server's ledger file, texts to ask about, and runs of one recipe."""

from __future__ import annotations

import shlex
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from asking_jobs import CLOSED, RECIPE, line, reply, told, write_texts
from children import child, ended
from recipe_runtime.errors import Incomplete
from running import Ran, compile_recipe, run_here
from stub_server import Entry, Stub, read


@dataclass(frozen=True)
class Size:
    """`units`: documents to ask about, a call each. `seconds`: of a call, where a fault needs them to take time."""

    units: int
    in_flight: int
    seconds: float


SMALL = Size(units=96, in_flight=8, seconds=0.6)
FULL = Size(units=1_500, in_flight=32, seconds=0.5)
"""Calls for longer than an answer stays unlanded: some have landed and some have not when a run is killed."""


@dataclass
class Place:
    """One fault's folder. All its servers write to one ledger file."""

    folder: Path
    size: Size
    children: int = 0
    lake: Path = field(init=False)
    record: Path = field(init=False)

    def __post_init__(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        self.lake, self.record = self.folder / "lake", self.folder / "ledger.jsonl"
        self.texts = write_texts(self.folder / "in.jsonl", self.pages())

    def prepare(self) -> Path:
        """Does in the lake all that comes before the first call: nobody listens."""
        with suppress(Incomplete):
            self.run(CLOSED)
        return self.lake

    def start_from(self, prepared: Path) -> Place:
        """Begins with a copy of a lake that is prepared."""
        shutil.copytree(prepared, self.lake)
        return self

    def pages(self) -> dict[str, str]:
        """Name → text of what is asked about, one piece each."""
        return {f"page-{i}": line(f"Name{i}") for i in range(self.size.units)}

    @property
    def recipe(self) -> str:
        """The recipe, at this size."""
        return RECIPE.replace("in_flight = 8\n", f"in_flight = {self.size.in_flight}\n")

    def wanted(self) -> dict[str, str]:
        """Name → what the output has of a page in the end, fault or none."""
        return {name: told(text) for name, text in self.pages().items()}

    # ---- servers and runs -----------------------------------------------------------------------------

    def server(self, **settings: Any) -> Stub:
        """A server whose answers say which request they answer."""
        return Stub(**{"answer": reply, **settings}, record=self.record, signed=True)

    def entries(self) -> list[Entry]:
        """What all servers have written."""
        return read(self.record)

    def run(self, url: str, recipe: str | None = None, lake: Path | None = None, **params: str) -> Ran:
        """A run in this process; what ends it comes as an exception."""
        params = {"input": self.texts, "server": url, **params}
        return run_here(recipe or self.recipe, lake or self.lake, **params)

    def begin(
        self, url: str, *, master: str = "", conf: Mapping[str, str] | None = None, recipe: str | None = None,
        **environment: str,
    ) -> Child:  # fmt: skip
        """A run as a process of its own, under a master."""
        self.children += 1
        folder = self.folder / f"child-{self.children}"
        folder.mkdir()
        params = {"input": self.texts, "lake": str(self.lake), "server": url}
        arguments = ["--master", master] if master else []
        for name, value in (conf or {}).items():
            arguments += ["--conf", f"{name}={value}"]
        if arguments:
            environment["PYSPARK_SUBMIT_ARGS"] = shlex.join([*arguments, "pyspark-shell"])
        script = compile_recipe(recipe or self.recipe, params)
        return Child(folder, script, child(script, folder, **environment))


@dataclass(frozen=True)
class Child:
    """A run that was begun; its log is `folder/log`."""

    folder: Path
    script: str
    process: subprocess.Popen[bytes]

    def end(self, codes: Sequence[int] = (0,)) -> str:
        """Waits for it; what it printed. It must end with one of these codes."""
        code, log = ended(self.process, self.folder)
        assert code in codes, f"exit {code}\n{log}"
        return log
