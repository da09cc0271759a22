"""Ratios with their limits, and the table as Markdown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from bench.finding import Finding
from bench.selection.agreement import Agreement
from bench.selection.pairs import Components, Planted
from bench.selection.peers import PEERS
from bench.selection.results import Run

FASTER_THAN_DATATROVE = 100.0
"""recipec's MB/s over datatrove's, each at the whole chain: at least."""
SLOWER_THAN_COPY = 2.5
"""Seconds of the whole chain over those of a bare copy of its survivors, of about 1 GB: at most. A smaller input is
mostly start; of a larger one DEARER_THAN_COPY is asked."""
ABOUT_1GB = (0.9e9, 1.1e9)
"""Bytes of the inputs of which SLOWER_THAN_COPY is asked."""
DEARER_THAN_COPY = 4.0
"""The same of what more of the input costs, from the smallest size to the largest: at most."""
DEARER_BY_ROWS = 1.1
"""Seconds of the largest size over those of the smallest, for each of the times that it is larger: at most."""
FASTER_AT_DEDUP = 20.0
"""recipec's MB/s at MinHash over a peer's: at least."""
FASTER_THAN_DOLMA = 20.0
"""recipec's MB/s at Gopher's and C4's rules over dolma's at its taggers for them: at least."""
FASTER_THAN_DATA_JUICER = 40.0
"""recipec's MB/s at FineWeb's filters over Data-Juicer's at its text filters: at least."""
SHORT_OF_THEORY = 0.02
"""Share of planted pairs that the bands promise, less the share found: at most."""
ALIKE = 0.99
"""Share of documents that recipec and datatrove decide alike, rule by rule: at least."""
EXACT = 1.0
"""The same for the language, against the fastText library."""


def findings(
    runs: Sequence[Run],
    agreements: Mapping[str, Sequence[Agreement]],
    near: Sequence[Planted],
    components: Sequence[Components],
    main: str,
) -> list[Finding]:
    """What is limited, as far as it was measured; main: the name of the input with which others are compared."""
    done = [run for run in runs if run.code == 0]

    def of(side: str, task: str) -> list[Run]:
        """By size, the smallest first."""
        return sorted((r for r in done if (r.side, r.task) == (side, task)), key=lambda r: r.input.bytes)

    result = []
    for side, task, ours, limit in (
        ("datatrove", "whole", "whole", FASTER_THAN_DATATROVE),
        ("dolma", "filters", "gopher_c4", FASTER_THAN_DOLMA),
        ("Data-Juicer", "filters", "filters", FASTER_THAN_DATA_JUICER),
        ("datatrove", "dedup", "dedup", FASTER_AT_DEDUP),
        ("Data-Juicer", "dedup", "dedup", FASTER_AT_DEDUP),
    ):
        peer, product = of(side, task), [run for run in of("recipec", ours) if run.input.name == main]
        for run in peer if product else ():
            name = f"{ours}: MB/s of {main} over {side}'s of {run.input.name}"
            result.append(Finding(name, product[0].speed / run.speed, limit))
    copies, wholes = of("bare copy", "copy"), of("recipec", "whole")
    wholes = [run for run in wholes if any(run.input.name == copy.input.name for copy in copies)]
    for whole, copy in zip(wholes, copies, strict=True):
        name = f"whole: seconds over a bare copy's, {whole.input.name}"
        limit = SLOWER_THAN_COPY if ABOUT_1GB[0] <= whole.input.bytes <= ABOUT_1GB[1] else None
        result.append(Finding(name, whole.seconds / copy.seconds, limit, at_least=False))
    if len(copies) > 1:
        at = next(i for i, run in enumerate(wholes) if run.input.name == main)
        at = 0 if at == len(wholes) - 1 else at
        marginal = (wholes[-1].seconds - wholes[at].seconds) / max(copies[-1].seconds - copies[at].seconds, 1e-6)
        name = f"whole: seconds over a bare copy's, {wholes[at].input.name} → {wholes[-1].input.name}"
        result.append(Finding(name, marginal, DEARER_THAN_COPY, at_least=False))
        times = wholes[-1].input.bytes / wholes[0].input.bytes
        name = f"whole: seconds of {wholes[-1].input.name} over {wholes[0].input.name}'s, for each of {times:.1f} times"
        result.append(Finding(name, wholes[-1].seconds / wholes[0].seconds / times, DEARER_BY_ROWS, at_least=False))
    result += [
        Finding(
            f"dedup: promised less found, {row.rate} replaced", row.promised - row.found["recipec"], SHORT_OF_THEORY,
            at_least=False,
        )  # fmt: skip
        for row in near
        if row.source == main and "recipec" in row.found
    ]
    for row in near:
        result += [
            Finding(f"dedup: found less {side}'s, {row.source}", difference.value, 0.0, error=difference.error)
            for side, difference in row.differences.items()
            if row.rate == "all"
        ]
    result += [
        Finding(f"{found.task}: documents below the threshold, {found.source}", found.unmatched, 0, at_least=False)
        for found in components
        if found.unmatched is not None
    ]
    for texts, rules in agreements.items():
        for agreement in rules:
            limit = EXACT if agreement.rule.startswith("lid.176") else ALIKE
            result.append(Finding(f"alike on {texts}: {agreement.rule}", agreement.better, limit))
    return result


def shown(finding: Finding) -> str:
    """The value, and the standard error of one that a sample gave."""
    value = f"{finding.value:.2f}" if abs(finding.value) >= 1 else f"{finding.value:.3f}"
    return f"{value} ± {finding.error:.3f}" if finding.error else value


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
            limit = "" if finding.limit is None else f"{'≥' if finding.at_least else '≤'} {finding.limit:g}"
            kept = "" if finding.kept else "**over**"
            lines.append(f"| {finding.name} | {shown(finding)} | {limit} | {kept} |")
    for texts, rules in agreements.items():
        documents = max(agreement.documents for agreement in rules)
        lines += ["", f"Rules on {texts}, {documents:,} documents:", ""]
        lines.append("| rule | alike | both drop | only ours | only theirs | of these by reading | alike, read alike |")
        lines.append("| --- | ---: | ---: | ---: | ---: | ---: | ---: |")
        for a in rules:
            rule = a.rule.replace("|", "\\|")
            ours, theirs = len(a.only_ours), len(a.only_theirs)
            lines.append(
                f"| `{rule}` | {a.share:.2%} | {a.both:,} | {ours:,} | {theirs:,} | {a.by_reading:,} "
                f"| {a.share_read_alike:.2%} |"
            )
    return "\n".join(lines) + "\n"


def near_copies(rows: Sequence[Planted], found: Sequence[Components]) -> str:
    """The tables of near copies."""
    lines = []
    for source in dict.fromkeys(row.source for row in rows):
        some = [row for row in rows if row.source == source]
        sides = list(dict.fromkeys(side for row in some for side in row.found))
        lines += ["", f"Planted near copies in {source}, by the share of words replaced:", ""]
        lines.append(f"| replaced | pairs | in common | promised | {' | '.join(sides)} |")
        lines.append("| --- | ---: | ---: | ---: |" + " ---: |" * len(sides))
        for row in some:
            shares = " | ".join(f"{row.found[side]:.1%}" for side in sides)
            lines.append(f"| {row.rate} | {row.pairs:,} | {row.similarity:.1%} | {row.promised:.1%} | {shares} |")
    if found:
        lines += ["", "| components | input | number | pairs in them | with less than half in common | unmatched |"]
        lines.append("| --- | --- | ---: | ---: | ---: | ---: |")
        for c in found:
            unmatched = "" if c.unmatched is None else f"{c.unmatched:,}"
            lines.append(
                f"| {c.task} | {c.source} | {c.components:,} | {c.pairs:,} | {c.below:.2%} | {unmatched} |"
            )
    return "\n".join(lines) + "\n" if lines else ""


def by_size(runs: Sequence[Run]) -> str:
    """What grows with the input, of `whole`."""
    wholes = sorted((r for r in runs if (r.side, r.task) == ("recipec", "whole")), key=lambda r: r.input.bytes)
    if len(wholes) < 2:
        return ""
    lines = ["", "| whole | MB | wall s | JVM GB | largest Python GB | shuffled ÷ text |"]
    lines.append("| --- | ---: | ---: | ---: | ---: | ---: |")
    for run in wholes:
        python = max((size for program, size in run.largest.items() if program.startswith("python")), default=0)
        lines.append(
            f"| {run.input.name} | {run.input.bytes / 1e6:,.0f} | {run.seconds:,.1f} | {run.largest['java'] / 1e9:.2f} "
            f"| {python / 1e9:.2f} | {(run.shuffled or 0) / run.input.bytes:.1%} |"
        )
    return "\n".join(lines) + "\n"
