"""What a person sees while a job runs: a bar on a terminal, one line a step elsewhere, and one a minute while a model
is called; never on stdout."""

from __future__ import annotations

import shutil
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

Figures = Callable[[], tuple[float, str]]
"""The share that is done, 0 to 1, and a line about it."""


class Progress:
    """Reports steps on stderr. On a terminal a thread asks Spark every half second how far its tasks are. `every`:
    seconds between two lines about calls elsewhere."""

    def __init__(self, stream: Any = None, every: float = 60.0):
        self.tracker: Any = None  # Spark's, once it has started
        self._figures: Figures | None = None
        self._stream = stream or sys.stderr
        self._live = self._stream.isatty()
        self._every = every

    @contextmanager
    def step(self, name: str, what: str) -> Iterator[Report]:
        """Wraps the work of one step; the report it yields is filled in by the step."""
        report = Report()
        began = time.monotonic()
        with self.watch(f"{name}: {what}"):
            yield report
        self.line(f"{name}: {what}: {report.text(time.monotonic() - began)}")

    @contextmanager
    def watch(self, label: str) -> Iterator[None]:
        """A bar while something runs, on a terminal; nothing stays of it."""
        stop = threading.Event()
        thread = threading.Thread(target=self._follow, args=(label, time.monotonic(), stop), daemon=True)
        if self._live:
            thread.start()
        try:
            yield
        finally:
            stop.set()
            if self._live:
                thread.join()
                self._stream.write("\r\033[K")

    @contextmanager
    def calls(self, name: str, figures: Figures) -> Iterator[None]:
        """While a model is called within a step: the bar shows these figures, elsewhere a line a minute does."""
        self._figures, stop = figures, threading.Event()

        def say() -> None:
            while not stop.wait(self._every):
                self.line(f"{name}: {figures()[1]}")

        thread = threading.Thread(target=say, name="a line a minute", daemon=True)
        if not self._live:
            thread.start()
        try:
            yield
        finally:
            self._figures = None
            stop.set()
            if not self._live:
                thread.join()

    def report(self, name: str, what: str, row: Mapping[str, Any], seconds: float, note: str = "") -> None:
        """The line of a step that was made with others, by its row."""
        report = Report()
        report.rows_in, report.rows_kept, report.bytes_in = row["rows_in"], row["rows_kept"], row.get("bytes_in")
        report.note = note
        self.line(f"{name}: {what}: {report.text(seconds)}")

    def line(self, text: str) -> None:
        """One line for the reader."""
        print(f"recipec: {text}", file=self._stream, flush=True)

    def _follow(self, label: str, began: float, stop: threading.Event) -> None:
        while not stop.wait(0.5):
            figures, seconds = self._figures, time.monotonic() - began
            share, said = figures() if figures is not None else self._tasks(seconds)
            bar = ("█" * round(20 * share)).ljust(20, "·")
            line = f"{label} {bar} {said}, {seconds:.0f} s"
            self._stream.write("\r\033[K" + line[: shutil.get_terminal_size().columns - 1])  # a second line would stay
            self._stream.flush()

    def _tasks(self, seconds: float) -> tuple[float, str]:
        """How far Spark's tasks are."""
        done = total = 0
        for stage in self.tracker.getActiveStageIds() if self.tracker else ():
            info = self.tracker.getStageInfo(stage)
            if info is not None:
                done, total = done + info.numCompletedTasks, total + info.numTasks
        share = done / total if total else 0.0
        left = f", {seconds / share - seconds:.0f} s left" if share > 0 else ""
        return share, f"{done}/{total} tasks{left}"


class Report:
    """Figures of a step: rows in, kept and dropped, bytes of text, and whether it was made or read."""

    def __init__(self) -> None:
        self.rows_in: int | None = None
        self.rows_kept: int | None = None
        self.bytes_in: int | None = None
        self.note = ""

    def text(self, seconds: float) -> str:
        """One line of figures."""
        parts = []
        if self.rows_in is not None:
            parts.append(f"{self.rows_in:,} rows")
            if self.rows_kept is not None and self.rows_kept != self.rows_in:
                parts.append(f"{self.rows_kept:,} kept, {self.rows_in - self.rows_kept:,} dropped")
        if self.bytes_in:
            parts.append(f"{self.bytes_in / 1e6:,.1f} MB")
        parts.append(f"{seconds:.1f} s")
        if self.rows_in and seconds > 0.05:
            parts.append(f"{self.rows_in / seconds:,.0f} rows/s")
        return ", ".join([*parts, *([self.note] if self.note else [])])
