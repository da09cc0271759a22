"""shares: how much of a version is synthetic or written by a model, and what its mix asked for and got."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from recipe_runtime import tables
from recipe_runtime.delta_sql import equal
from recipe_runtime.errors import StepError
from recipe_runtime.lineage.answer import Answer, Unanswered, entry, item, number, placed, table
from recipe_runtime.lineage.ledger import Ledger

ORGANIC = "organic"


@dataclass(frozen=True)
class Share:
    """A part of a version. `synthetic_tokens`: all tokens of rows that are not organic, source text that they
    carry along included; `generated_tokens`: those that a model wrote. Shares are 0 to 1 of the part's own tokens,
    or of its rows where the version has no token counts; None of nothing, and where it is not known."""

    name: str | None
    rows: int
    tokens: int | None
    synthetic_rows: int
    synthetic_tokens: int | None
    generated_tokens: int | None
    synthetic_share: float | None
    generated_share: float | None
    share_of_all: float | None


@dataclass(frozen=True)
class Take:
    """An ingredient of a mix. `asked` and `achieved` are shares of the mix; `available` and `drawn` are in its
    unit, and `epochs` is one by the other."""

    take: str
    asked: float | None
    achieved: float | None
    available: int | None
    drawn: int | None
    epochs: float | None


@dataclass(frozen=True)
class Cap:
    """A bound in the recipe's words, as it was set and as it came out; None where there was nothing to count."""

    cap: str
    bound: float
    achieved: float | None


@dataclass(frozen=True)
class MixReport(Answer):
    """What a mix asked for and got. `size` and `drawn` are in `unit`; the shares are of tokens. `held_by`: what
    keeps it from more, in the recipe's words. `lost` says why there is no report; `takes` and `caps` are then
    empty."""

    name: str
    step: str
    at: str
    line: str | None
    unit: str | None
    size: int | None
    drawn: int | None
    synthetic_share: float | None
    generated_share: float | None
    takes: tuple[Take, ...]
    caps: tuple[Cap, ...]
    held_by: tuple[str, ...]
    lost: str | None

    def text(self, width: int = 100) -> str:
        """Asked against achieved, then the caps."""
        lines = [*item(f"mix {self.name}  {placed(self.at, self.line)}", width)]
        if self.lost:
            return "\n".join([*lines, *item(self.lost, width, 2)])
        of = "" if self.size is None else f" of {self.size:,} asked for"
        lines += entry("drawn", None if self.drawn is None else f"{self.drawn:,} {self.unit}{of}", width, 2)
        lines += entry("synthetic", percent(self.synthetic_share), width, 2)
        lines += entry("generated", percent(self.generated_share), width, 2)
        for held in self.held_by:
            lines += entry("held by", held, width, 2)
        if self.takes:
            header = ["asked", "achieved", "available", "drawn", "epochs", "take"]
            rows = [
                [percent(t.asked), percent(t.achieved), t.available, t.drawn, number(t.epochs or 0), t.take]
                for t in self.takes
            ]
            lines += ["", *table(header, rows, width)]
        if self.caps:
            rows = [[percent(cap.bound), percent(cap.achieved), cap.cap] for cap in self.caps]
            lines += ["", *table(["bound", "achieved", "cap"], rows, width)]
        return "\n".join(lines)


@dataclass(frozen=True)
class Shares(Answer):
    """One version of an output. `unit` is `tokens`, or `rows` where the version has no token counts."""

    output: str
    uri: str
    version: int
    unit: str
    overall: Share
    by_tier: tuple[Share, ...]
    by_source: tuple[Share, ...]
    by_origin: tuple[Share, ...]
    mixes: tuple[MixReport, ...]

    def text(self, width: int = 100) -> str:
        """A table each, then the mix."""
        lines = item(f"{self.output} version {self.version}  {self.uri}", width)
        if self.unit == "rows":
            lines += item("this version has no token counts: shares are of rows", width)
        header = ["rows", "tokens", "of all", "synthetic", "generated"]
        lines += ["", *table([*header, ""], [_cells(self.overall, "overall")], width)]
        for title, parts in (("tier", self.by_tier), ("source", self.by_source), ("origin", self.by_origin)):
            rows = [_cells(part, f"no {title}" if part.name is None else part.name) for part in parts]
            lines += ["", *table([*header, title], rows, width)]
        return "\n".join([*lines, *(f"\n{mix.text(width)}" for mix in self.mixes)])


def shares(lake_uri: str, output: str, version: int | None = None) -> Shares:
    """The shares of the newest version that counts, or of `version`. Raises Unanswered where the lake has no
    statistics of it."""
    ledger = Ledger(lake_uri)
    found = ledger.version(output, version)
    columns = ("tier", "source", "origin", "rows", "tokens", "generated_tokens")
    rows = ledger.table(tables.STATS).rows(equal(step=found.step, version=found.version), columns)
    if not rows and (ledger.steps.get(found.step) or {}).get("rows_kept") != 0:
        raise Unanswered(
            f"the lake keeps no statistics of {output} version {found.version}", remedy="ask for a newer version"
        )
    unit = "tokens" if all(row["tokens"] is not None for row in rows) else "rows"
    whole = _measure(rows, unit)
    return Shares(
        output=found.output,
        uri=found.uri,
        version=found.version,
        unit=unit,
        overall=_share(None, rows, unit, whole),
        by_tier=_by("tier", rows, unit, whole),
        by_source=_by("source", rows, unit, whole),
        by_origin=_by("origin", rows, unit, whole),
        mixes=tuple(report_of(ledger, step) for step in ledger.behind(found.step) if step["kind"] == "mix"),
    )


def report_of(ledger: Ledger, step: Mapping[str, Any]) -> MixReport:
    """The report that a mix step left as a blob."""
    said: dict[str, Any] = {}
    lost = None if step["report"] else "this mix left no report"
    if step["report"]:
        try:
            said = json.loads(ledger.lake.get_blob(step["report"]))
        except StepError as error:
            lost = f"its report cannot be read: {error}"
    return MixReport(
        name=step["name"],
        step=step["step"],
        at=step["at"],
        line=ledger.line(step["run_id"], step["at"]),
        unit=said.get("unit"),
        size=said.get("size"),
        drawn=said.get("drawn"),
        synthetic_share=said.get("synthetic_share"),
        generated_share=said.get("generated_share"),
        takes=tuple(_told(Take, each) for each in said.get("takes", ())),
        caps=tuple(_told(Cap, each) for each in said.get("caps", ())),
        held_by=tuple(said.get("held_by", ())),
        lost=lost,
    )


def _told(shape: type[Any], row: Mapping[str, Any]) -> Any:
    """A part of the report: the report says more than is shown here."""
    return shape(**{field.name: row[field.name] for field in dataclasses.fields(shape)})


# ---- counting ----------------------------------------------------------------------------------------


def _by(column: str, rows: Sequence[Mapping[str, Any]], unit: str, whole: int) -> tuple[Share, ...]:
    """The parts by a column, the largest first."""
    parts: dict[str | None, list[Mapping[str, Any]]] = {}
    for row in rows:
        parts.setdefault(row[column], []).append(row)
    order = sorted(parts, key=lambda name: (-_measure(parts[name], unit), name or ""))
    return tuple(_share(name, parts[name], unit, whole) for name in order)


def _measure(rows: Sequence[Mapping[str, Any]], unit: str) -> int:
    return sum(row[unit] for row in rows)


def _share(name: str | None, rows: Sequence[Mapping[str, Any]], unit: str, whole: int) -> Share:
    synthetic = [row for row in rows if row["origin"] != ORGANIC]
    in_tokens = unit == "tokens"
    # Organic rows need no figure; a synthetic one without it leaves the share unknown, not zero.
    known = in_tokens and all(row.get("generated_tokens") is not None for row in synthetic)
    generated = sum(row.get("generated_tokens") or 0 for row in rows) if known else None
    of = _measure(rows, unit)
    return Share(
        name=name,
        rows=_measure(rows, "rows"),
        tokens=of if in_tokens else None,
        synthetic_rows=_measure(synthetic, "rows"),
        synthetic_tokens=_measure(synthetic, unit) if in_tokens else None,
        generated_tokens=generated,
        synthetic_share=_measure(synthetic, unit) / of if of else None,
        generated_share=generated / of if of and generated is not None else None,
        share_of_all=of / whole if whole else None,
    )


def _cells(share: Share, name: str) -> list[Any]:
    shown = (share.share_of_all, share.synthetic_share, share.generated_share)
    return [share.rows, share.tokens, *map(percent, shown), name]


def percent(share: float | None) -> str:
    """A share for people, to a hundredth of a percent; nothing for None."""
    return "" if share is None else f"{share:.2%}"
