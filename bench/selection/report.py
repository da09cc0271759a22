"""Ratios with their limits, and the table as Markdown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bench.selection.agreement import Agreement
from bench.selection.peers import PEERS
from bench.selection.results import Run

FASTER_THAN_DATATROVE = 100.0
"""recipec's MB/s over datatrove's, each at the whole chain: at least."""
SLOWER_THAN_COPY = 2.5
"""Seconds of the whole chain over those of a bare copy of its survivors, and the same of what a further GB costs: at
most."""
FASTER_THAN_DOLMA = 20.0
"""recipec's MB/s at Gopher's and C4's rules over dolma's at its taggers for them: at least."""
FASTER_THAN_DATA_JUICER = 40.0
"""recipec's MB/s at FineWeb's filters over Data-Juicer's at its text filters: at least."""
ALIKE = 0.99
"""Share of documents that recipec and datatrove decide alike, rule by rule: at least."""
EXACT = 1.0
"""The same for the language, against the fastText library."""


@dataclass(frozen=True)
class Finding:
    """A value and the limit it must keep: at least it, or at most it."""

    name: str
    value: float
    limit: float
    at_least: bool = True

    @property
    def kept(self) -> bool:
        return self.value >= self.limit if self.at_least else self.value <= self.limit


def findings(runs: Sequence[Run], agreements: Mapping[str, Sequence[Agreement]]) -> list[Finding]:
    """What is limited, as far as it was measured."""
    done = [run for run in runs if run.code == 0]

    def of(side: str, task: str) -> list[Run]:
        """By size, the smallest first."""
        return sorted((r for r in done if (r.side, r.task) == (side, task)), key=lambda r: r.input.bytes)

    result = []
    for side, task, ours, limit in (
        ("datatrove", "whole", "whole", FASTER_THAN_DATATROVE),
        ("dolma", "filters", "gopher_c4", FASTER_THAN_DOLMA),
        ("Data-Juicer", "filters", "filters", FASTER_THAN_DATA_JUICER),
    ):
        peer, product = of(side, task), of("recipec", ours)
        if peer and product:
            name = f"{ours}: MB/s of {product[-1].input.name} over {side}'s of {peer[-1].input.name}"
            result.append(Finding(name, product[-1].speed / peer[-1].speed, limit))
    copies, wholes = of("bare copy", "copy"), of("recipec", "whole")
    wholes = [run for run in wholes if any(run.input.name == copy.input.name for copy in copies)]
    for whole, copy in zip(wholes, copies, strict=True):
        name = f"whole: seconds over a bare copy's, {whole.input.name}"
        result.append(Finding(name, whole.seconds / copy.seconds, SLOWER_THAN_COPY, at_least=False))
    if len(copies) > 1:
        marginal = (wholes[-1].seconds - wholes[0].seconds) / max(copies[-1].seconds - copies[0].seconds, 1e-6)
        name = f"whole: seconds over a bare copy's, {wholes[0].input.name} → {wholes[-1].input.name}"
        result.append(Finding(name, marginal, SLOWER_THAN_COPY, at_least=False))
    for texts, found in agreements.items():
        for agreement in found:
            limit = EXACT if agreement.rule.startswith("lid.176") else ALIKE
            result.append(Finding(f"alike on {texts}: {agreement.rule}", agreement.share, limit))
    return result


def markdown(
    runs: Sequence[Run],
    agreements: Mapping[str, Sequence[Agreement]],
    found: Sequence[Finding],
    problems: Mapping[str, str],
) -> str:
    """The tables."""
    lines = [
        "| side | version | task | input | MB | wall s | MB/s | peak GB | documents | survivors | alike | recall |",
        "| --- | --- | --- | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    for run in runs:
        failed = run.code != 0
        survivors = "failed" if failed else "" if run.survivors is None else f"{len(run.survivors):,}"
        alike = "" if run.alike is None else f"{run.alike:.1%} of {run.alike_of}"
        found_pairs = "" if run.recall is None else f"{run.recall:.1%}"
        lines.append(
            f"| {run.side} | {run.version} | {run.task}: {run.does} | {run.input.name} | {run.input.bytes / 1e6:,.0f} "
            f"| {run.seconds:,.1f} | {'' if failed else f'{run.speed:,.2f}'} | {run.peak_bytes / 1e9:.1f} "
            f"| {len(run.input.ids):,} | {survivors} | {alike} | {found_pairs} |"
        )
    lines += [f"\n{name} did not install: `{problem}`" for name, problem in problems.items()]
    lines += ["", *(f"- {peer.name}: {peer.note}." for peer in PEERS if any(run.side == peer.name for run in runs))]
    ratios = [finding for finding in found if not finding.name.startswith("alike")]
    if ratios:
        lines += ["", "| ratio | value | limit | |", "| --- | ---: | ---: | --- |"]
        for finding in ratios:
            sign = "≥" if finding.at_least else "≤"
            kept = "" if finding.kept else "**over**"
            lines.append(f"| {finding.name} | {finding.value:.2f} | {sign} {finding.limit:g} | {kept} |")
    for texts, rules in agreements.items():
        documents = max(agreement.documents for agreement in rules)
        lines += ["", f"Rules on {texts}, {documents:,} documents:", ""]
        lines.append("| rule | alike | both drop | only ours | only theirs | of these by words |")
        lines.append("| --- | ---: | ---: | ---: | ---: | ---: |")
        for a in rules:
            rule = a.rule.replace("|", "\\|")
            ours, theirs = len(a.only_ours), len(a.only_theirs)
            lines.append(f"| `{rule}` | {a.share:.2%} | {a.both:,} | {ours:,} | {theirs:,} | {a.by_words:,} |")
    return "\n".join(lines) + "\n"
