"""The tables, and the limits that figures must keep."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bench.calls import prefix, search
from bench.calls.busy import STEADY, STEADY_LONG_TAIL, WHOLE
from bench.finding import Finding

BEGIN, END = "<!-- measured -->", "<!-- end -->"
KEYS = ("part", "side", "window", "latency", "long_tail", "pages", "rows")
"""Of two records that agree in these the newer counts."""

Record = dict[str, Any]


def newest(path: Path) -> list[Record]:
    """The records of a file, the last of each kind."""
    found: dict[tuple[Any, ...], Record] = {}
    for line in path.read_text().splitlines():
        record = json.loads(line)
        found[tuple(record.get(name) for name in KEYS)] = record
    return list(found.values())


def findings(records: Sequence[Record]) -> list[Finding]:
    """What must hold."""
    found = []
    for one in records:
        if one["part"] == "busy" and one["side"] == "recipec" and "steady" in one:
            name = f"window {one['window']}, {'long tail' if one['long_tail'] else 'fixed latency'}"
            least = STEADY_LONG_TAIL if one["long_tail"] else STEADY
            found.append(Finding(f"{name}: steady", one["steady"], least))
            if not one["long_tail"]:
                found.append(Finding(f"{name}: whole", one["whole"], WHOLE))
        if one["part"] == "search" and one["rows"] == max(search.ROWS):
            for what in ("all", "none"):
                times = one[f"{what}_seconds"] / one["scan_seconds"]
                name = f"{one['rows']:,} generations, {what} cached: seconds over a scan of the keys"
                found.append(Finding(name, times, search.TIMES_A_SCAN, at_least=False))
        if one["part"] == "prefix":
            found.append(Finding("share of prefixes, of the most there is", one["share"] / one["most"], prefix.LEAST))
    searched = (one for one in records if one["part"] == "search")
    memory = sorted((one["rows"], one["heap_bytes"] + one["python_bytes"]) for one in searched)
    if len(memory) > 1:
        name = f"the driver's memory at {memory[-1][0]:,} generations over that at {memory[0][0]:,}"
        found.append(Finding(name, memory[-1][1] / memory[0][1], search.SAME_MEMORY, at_least=False))
    return found


def tables(records: Sequence[Record]) -> str:
    """All parts as Markdown."""
    of = {part: [one for one in records if one["part"] == part] for part in ("busy", "cost", "search", "prefix")}
    made = [
        _table(
            ("side", "version", "window", "latency", "pages", "open ÷ window", "whole", "most open", "seconds"),
            [_busy_row(one) for one in sorted(of["busy"], key=_busy_order)],
        ),
        _table(
            ("client", "window", "calls", "calls/s", "CPU s per 1,000 calls", "MB above its libraries", "peak MB"),
            [
                (
                    one["side"], f"{one['window']:,}", f"{one['calls']:,}", f"{one['calls'] / one['seconds']:,.0f}",
                    f"{1_000 * one['cpu'] / one['calls']:.2f}", f"{one['kb'] / 1_000:,.0f}",
                    f"{one['peak_kb'] / 1_000:,.0f}",
                )
                for one in of["cost"]
            ],
        ),
        _table(
            (
                "generations", "asked", "cached", "search s", "scan s", "MB read", "MB of keys", "KB to the driver",
                "driver: MB of heap", "MB of Python",
            ),
            [
                (
                    f"{one['rows']:,}", f"{one['asked']:,}", what, f"{one[f'{what}_seconds']:.2f}",
                    f"{one['scan_seconds']:.2f}", f"{one[f'{what}_bytes'] / 1e6:,.1f}",
                    f"{one['key_bytes'] / 1e6:,.1f}",
                    f"{one[f'{what}_sent'] / 1e3:,.0f}", f"{one['heap_bytes'] / 1e6:,.0f}",
                    f"{one['python_bytes'] / 1e6:,.0f}",
                )
                for one in of["search"]
                for what in ("all", "none")
            ],
        ),
        _table(
            ("side", "of prompt bytes the cache had", "by format", "by chance", "most there is"),
            [
                (one["side"], *(f"{one[name]:.1%}" for name in ("share", "by_format", "by_chance", "most")))
                for one in of["prefix"]
            ],
        ),
    ]  # fmt: skip
    return "\n\n".join(one for one in made if one)


def _busy_order(one: Record) -> tuple[Any, ...]:
    return one["long_tail"], one["window"], one["side"] != "recipec", one["side"]


def _busy_row(one: Record) -> tuple[str, ...]:
    latency = f"median {one['latency']:g} s" if one["long_tail"] else f"{one['latency']:g} s"
    about = (one["side"], one["version"], str(one["window"]), latency, f"{one['pages']:,}")
    if "steady" not in one:
        return (*about, one["failed"].strip().splitlines()[-1][:60], "", "", "")
    figures = f"{one['steady']:.1%}", f"{one['whole']:.1%}", str(one["most"]), f"{one['seconds']:,.0f}"
    return (*about, *figures)


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Nothing of a part that was not measured."""
    if not rows:
        return ""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def report(kept: Path, write: Path | None, *, as_json: bool, limits: bool) -> int:
    """Prints, and writes into a file between its marks; 1 where a limit is passed."""
    records = newest(kept)
    checked = findings(records)
    if as_json:
        print(json.dumps({"records": records, "findings": [{**vars(one), "kept": one.kept} for one in checked]}))
    else:
        said = [
            f"{'kept  ' if one.kept else 'OVER  '} {one.name}: {one.value:.3f}, "
            f"at {'least' if one.at_least else 'most'} {one.limit:g}"
            for one in checked
        ]
        print(tables(records), *said, sep="\n\n" if not said else "\n")
    if write is not None:
        before, _, rest = write.read_text().partition(BEGIN)
        _, _, after = rest.partition(END)
        write.write_text(f"{before}{BEGIN}\n{tables(records)}\n{END}{after}")
    return 1 if limits and not all(one.kept for one in checked) else 0
