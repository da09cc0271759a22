"""Rows that were there for a mix and that it did not draw: no rule failed, so nothing of them is in `rejects`."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from recipe_runtime.lineage.answer import Answer, entry, item, placed
from recipe_runtime.lineage.ledger import Ledger, Version
from recipe_runtime.lineage.look import among
from recipe_runtime.lineage.shares import MixReport, Take, percent, report_of

ALIVE = ("select", "derive")
"""Kinds of steps whose relations a mix can take rows from."""

_TAKE = re.compile(r"\s*([a-z_][a-z0-9_]*)\s*(?:\[([^\]]*)\])?")


@dataclass(frozen=True)
class NotDrawn(Answer):
    """A row that a mix left out. `take` is the ingredient it belongs to, None where no take of the mix has its
    relation and tier; `available`, `drawn` count that ingredient in `unit`, `share` is of the mix."""

    output: str
    version: int
    mix: str
    step: str
    at: str
    line: str | None
    doc_id: str
    url: str | None
    relation: str
    tier: str | None
    take: str | None
    unit: str | None
    available: int | None
    drawn: int | None
    share: float | None

    def text(self, width: int = 100) -> str:
        """What the mix had and drew."""
        where = f"{self.relation}[{self.tier}]" if self.tier else self.relation
        lines = [
            *item(f"not drawn: mix {self.mix} did not draw {self.doc_id} of {where}", width),
            *entry("url", self.url, width, 2),
            *entry("take", self.take or f"no take of the mix is of {where}", width, 2),
        ]
        if self.drawn is not None and self.available is not None:
            share = f", {percent(self.share)} of the mix" if self.share is not None else ""
            said = f"{self.drawn:,} of {self.available:,} {self.unit or ''}".rstrip() + share
            lines += entry("drawn", said, width, 2)
        lines += entry("recipe", placed(self.at, self.line), width, 2)
        lines += entry("counts for", f"{self.output} version {self.version}", width, 2)
        return "\n".join(lines)


def not_drawn(ledger: Ledger, newest: Iterable[Version], where: str) -> list[NotDrawn]:
    """Rows that satisfy `where`, were kept by a relation that a mix takes from, and are not in what it drew."""
    found = []
    for version in newest:
        for mix in ledger.behind(version.step):
            if mix["kind"] == "mix" and ledger.relation(mix).exists:
                found += _of_mix(ledger, version, mix, where)
    return found


def _of_mix(ledger: Ledger, version: Version, mix: Mapping[str, Any], where: str) -> list[NotDrawn]:
    there: dict[str, tuple[Mapping[str, Any], Mapping[str, Any]]] = {}
    for step in map(ledger.steps.get, mix["inputs"] or ()):
        if step and step["kind"] in ALIVE:
            for row in alive(ledger, step, where, ("doc_id", "url", "tier")):
                there.setdefault(row["doc_id"], (step, row))
    if not there:
        return []
    drawn = {row["doc_id"] for row in ledger.relation(mix).rows(among("doc_id", there), ("doc_id",))}
    report = report_of(ledger, mix)
    found = []
    for doc_id in sorted(there.keys() - drawn):
        step, row = there[doc_id]
        take = _take(report, step["name"], row.get("tier"))
        found.append(NotDrawn(
            output=version.output,
            version=version.version,
            mix=mix["name"],
            step=mix["step"],
            at=mix["at"],
            line=ledger.line(mix["run_id"], mix["at"]),
            doc_id=doc_id,
            url=row.get("url"),
            relation=step["name"],
            tier=row.get("tier"),
            take=take and take.take,
            unit=report.unit,
            available=take and take.available,
            drawn=take and take.drawn,
            share=take and take.achieved,
        ))  # fmt: skip
    return found


def alive(ledger: Ledger, step: Mapping[str, Any], where: str, columns: Sequence[str]) -> list[dict[str, Any]]:
    """Rows that a select or a derive kept."""
    relation = ledger.relation(step)
    kept = " and rejected is null" if "rejected" in relation.columns else ""
    return relation.rows(where + kept, columns)


def _take(report: MixReport, relation: str, tier: str | None) -> Take | None:
    """The ingredient of a relation and tier, by the words of the take: `web[high, medium]`, `wiki`."""
    for take in report.takes:
        words = _TAKE.match(take.take)
        if words and words[1] == relation:
            tiers = [name.strip() for name in (words[2] or "").split(",") if name.strip()]
            if not tiers or tier in tiers:
                return take
    return None
