"""Selection beside the peers: the same files through recipec, a bare copy, and five other libraries, in one run.

    python -m bench.selection --data DIR --work DIR [--size 1GB 3GB] [--part 16MB] [--dedup-part 64MB]
                              [--peers datatrove dolma] [--agreement all] [--json] [--write docs/bench.md] [--no-limits]

DIR of --data holds `books.jsonl.zst` and `web.warc.gz`; under --work come the inputs, the peers' environments and the
logs. recipec's chain and the bare copy read every size, its other recipes the first of them; the peers, which are
slower, and recipec once more for comparison, read the first files of the input, about --part of them, and for dedup
also about --dedup-part. Ends with 1 where a limit of report.py is passed.
"""

from __future__ import annotations

import argparse
import dataclasses
import importlib.metadata
import json
import os
import platform
import random
import re
import shutil
import sys
from pathlib import Path

from bench.selection import agreement, ours, pairs, peers, report, results, sizes
from bench.selection.data import linked, make_input
from bench.selection.environments import Environment

FULL = ("filters", "gopher_c4", "dedup", "dedup_verified")
"""Recipes that run over the first size; `whole` runs over every size."""
DOES = {
    "filters": "FineWeb's rules",
    "gopher_c4": "Gopher's and C4's rules",
    "dedup": "MinHash, 14 × 8",
    "dedup_verified": "MinHash, 14 × 8, pairs verified at 80%",
    "whole": "language, FineWeb's rules, MinHash",
}
BEGIN, END = "<!-- measured -->", "<!-- end -->"
UNITS = {"KB": 10**3, "MB": 10**6, "GB": 10**9}


def size_of(text: str) -> tuple[str, int]:
    """("1GB", 1_000_000_000)"""
    parts = re.fullmatch(r"([0-9.]+)\s*(KB|MB|GB)", text)
    if not parts:
        raise argparse.ArgumentTypeError(f"{text!r} is no size; 5MB or 1GB is one")
    return text, int(float(parts[1]) * UNITS[parts[2]])


class Bench:
    """One run: inputs under `work`, results in the order in which they were measured."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.options, self.runs = options, []
        self.problems: dict[str, str] = {}
        self.components: list[pairs.Components] = []
        self.scratch = options.work / "runs"
        shutil.rmtree(self.scratch, ignore_errors=True)
        self.scratch.mkdir(parents=True)
        largest = max(size for _, size in options.size)
        self.files = make_input(options.data, options.work, largest, options.seed)

    def input(self, name: str, size: int) -> results.Input:
        """The first files, until they hold about so many bytes."""
        chosen, total = [], 0
        for file in self.files:
            if total >= size * 0.999:
                break
            chosen.append(file)
            total += file.stat().st_size
        return results.read_input(name, linked(chosen, self.scratch / "inputs" / name.replace(" ", "_")))

    def inputs(self) -> list[results.Input]:
        """Those over which a dedup alone ran, the largest first."""
        found = {run.input.name: run.input for run in self.runs if run.task.startswith("dedup") and run.survivors}
        return sorted(found.values(), key=lambda source: -source.bytes)

    def take(self, run: results.Run) -> results.Run:
        """Says what was measured, and keeps it."""
        results.recall(run)
        self.runs.append(run)
        kept = "" if run.survivors is None else f", {len(run.survivors):,} of {len(run.input.ids):,} documents stay"
        state = f"failed with {run.code}" if run.code else f"{run.speed:,.2f} MB/s"
        print(
            f"{run.side}: {run.task}, {run.input.name}: {run.seconds:,.1f} s, {state}{kept}",
            file=sys.stderr,
            flush=True,
        )
        return run

    def ours(self, recipe: str, source: results.Input) -> results.Run:
        """recipec over an input; its lake stays under runs/."""
        folder = self.scratch / "recipec" / f"{recipe}_{source.folder.name}"
        folder.mkdir(parents=True)
        cost = ours.run(recipe, source.folder, folder)
        if cost.code:
            raise SystemExit(f"recipec: {recipe} ended with {cost.code}:\n{cost.output}")
        version = importlib.metadata.version("recipec")
        run = results.run_of("recipec", version, recipe, DOES[recipe], source, cost, recipe)
        run.survivors = ours.survivors(folder)
        run.shuffled = sizes.shuffled(folder / "events")
        if recipe.startswith("dedup"):
            self.components.append(pairs.components(folder / "lake", run, self.options.seed))
        return self.take(run)

    def copy(self, source: results.Input) -> None:
        """A bare copy of what `whole` left of the input."""
        folder = self.scratch / "copy" / source.folder.name
        folder.mkdir(parents=True)
        rows = ours.prepare_bare(
            self.scratch / "recipec" / f"whole_{source.folder.name}", folder / "rows", source.files
        )
        cost = ours.bare(rows, folder)
        if cost.code:
            raise SystemExit(f"the bare copy ended with {cost.code}:\n{cost.output}")
        version = f"Spark {importlib.metadata.version('pyspark')}"
        self.take(results.run_of("bare copy", version, "copy", "reads the survivors, writes Delta", source, cost))
        shutil.rmtree(folder)

    def product(self, recipe: str, source: results.Input) -> results.Run | None:
        """recipec's run of a recipe over an input, if there was one."""
        runs = (run for run in self.runs if (run.side, run.task) == ("recipec", recipe))
        return next((run for run in runs if run.input.name == source.name), None)

    def peer(self, peer: peers.Peer, task: peers.Task, environment: Environment, source: results.Input) -> None:
        """A task of a peer over an input."""
        folder = self.scratch / peer.short / f"{task.name}_{source.folder.name}"
        cost, survivors = peers.run(peer, task, environment.python, source.folder, folder)
        run = results.run_of(peer.name, environment.version, task.name, task.does, source, cost, task.recipe)
        run.survivors = None if cost.code else survivors
        if product := self.product(task.recipe, source):
            results.lay_beside(run, product)
        self.take(run)


def measure(options: argparse.Namespace) -> tuple[Bench, dict[str, list[agreement.Agreement]]]:
    """Everything, one after the other."""
    chosen = [peer for peer in peers.PEERS if peer.name in options.peers]
    found = {peer.name: peers.install(peer, options.work) for peer in chosen}
    bench = Bench(options)
    bench.problems = {name: environment.problem for name, environment in found.items() if environment.problem}
    installed = [peer for peer in chosen if not found[peer.name].problem]
    inputs = [bench.input(name, size) for name, size in options.size]
    for source in inputs:
        bench.ours("whole", source)
        bench.copy(source)
    for recipe in options.recipes:
        bench.ours(recipe, inputs[0])
    smallest, least = min(inputs, key=lambda source: source.bytes), min(size for _, size in options.size)
    parts = {
        name: bench.input(f"{name} of it", size) if size < least else smallest
        for name, size in {options.part, options.dedup_part}
    }
    part, dedup_part = parts[options.part[0]], parts[options.dedup_part[0]]
    asked = [(peer, task, part) for peer in installed for task in peer.tasks]
    if dedup_part is not part:
        asked += [(peer, task, dedup_part) for peer in installed for task in peer.tasks if task.name == "dedup"]
    for _, task, source in asked:
        if task.recipe and not bench.product(task.recipe, source):
            bench.ours(task.recipe, source)
    for peer, task, source in asked:
        bench.peer(peer, task, found[peer.name], source)
    agreements = {}
    if options.agreement and "datatrove" in found and not found["datatrove"].problem:
        for name in ("books", "pages"):
            texts = agreement.texts_of(name, options.data)
            keys = random.Random(options.seed).sample(sorted(texts), min(options.agreement, len(texts)))
            texts = {key: texts[key] for key in keys}
            print(f"agreement: {name}, {len(texts):,} documents", file=sys.stderr, flush=True)
            folder = options.work / "agreement" / name
            agreements[name] = [agreement.language(texts), *agreement.compare(texts, found["datatrove"], folder)]
    return bench, agreements


def write(path: Path, text: str) -> None:
    """Puts the tables between the marks of a file."""
    before, begin, rest = path.read_text("utf-8").partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise SystemExit(f"{path} has no place for the tables: put {BEGIN} and {END} into it, each on a line")
    path.write_text(f"{before}{BEGIN}\n{text}{END}{after}", "utf-8")


def main() -> int:
    names = [peer.name for peer in peers.PEERS]
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="folder with books.jsonl.zst and web.warc.gz")
    parser.add_argument("--work", type=Path, required=True, help="folder for inputs, environments and logs")
    size_help = "of the input, such as 1GB 3GB; the others are compared with the first"
    parser.add_argument("--size", type=size_of, nargs="+", default=[size_of("1GB")], help=size_help)
    parser.add_argument("--part", type=size_of, default=size_of("32MB"), help="what the peers read of it")
    parser.add_argument("--dedup-part", type=size_of, help="the same for dedup, beside --part")
    parser.add_argument("--recipes", nargs="*", choices=FULL, default=FULL, help="beside `whole`, over the first size")
    parser.add_argument("--peers", nargs="*", choices=names, default=names)
    parser.add_argument("--agreement", type=int, default=1_000_000, help="documents compared rule by rule; 0 for none")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--write", type=Path, help="a Markdown file with a place for the tables")
    parser.add_argument("--no-limits", action="store_true", help="end with 0 whatever was measured")
    options = parser.parse_args()
    options.dedup_part = options.dedup_part or options.part
    options.data, options.work = options.data.resolve(), options.work.resolve()
    # Compiled modules are kept from run to run, as they are wherever Python may write beside them.
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    os.environ["PYTHONPYCACHEPREFIX"] = str(options.work / "bytecode")
    bench, agreements = measure(options)
    near = [row for source in bench.inputs() for row in pairs.planted(bench.runs, source)]
    found = report.findings(bench.runs, agreements, near, bench.components, options.size[0][0])
    tables = report.markdown(bench.runs, agreements, found, bench.problems)
    tables += report.near_copies(near, bench.components) + report.by_size(bench.runs)
    if options.json:
        record = {
            "machine": {"processor": platform.processor() or platform.machine(), "python": platform.python_version()},
            "runs": [run.record() for run in bench.runs],
            "not installed": bench.problems,
            "limits": [vars(finding) | {"kept": finding.kept} for finding in found],
            "planted": [dataclasses.asdict(row) for row in near],
            "components": [vars(row) for row in bench.components],
            "agreement": {name: [vars(a) | {"share": a.share} for a in rules] for name, rules in agreements.items()},
        }
        print(json.dumps(record, indent=1, ensure_ascii=False))
    else:
        print(tables)
    if options.write:
        write(options.write, tables)
    over = [finding for finding in found if not finding.kept]
    for finding in over:
        print(f"OVER {finding.name}: {report.shown(finding)} (limit {finding.limit:g})", file=sys.stderr)
    return int(bool(over) and not options.no_limits)


if __name__ == "__main__":
    sys.exit(main())
