"""funnel: rows in, kept and dropped of each step behind an output, and what it cost."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from recipe_runtime.lineage.answer import Answer, item, table
from recipe_runtime.lineage.ledger import Ledger


@dataclass(frozen=True)
class Stage:
    """A step of the funnel. Bytes are of raw records in a source's `bytes_in`, else of text in UTF-8. Rows are
    documents; what `units` makes and `ask` takes are units. `calls`: completions that this step had made."""

    name: str
    kind: str
    step: str
    rows_in: int
    rows_kept: int
    rows_rejected: int
    dropped: Mapping[str, int]
    bytes_in: int | None
    bytes_kept: int | None
    tokens: int | None
    seconds: float
    calls: int | None


@dataclass(frozen=True)
class Funnel(Answer):
    """The steps behind one version of an output, in the order they were made from each other."""

    output: str
    uri: str
    version: int
    stages: tuple[Stage, ...]

    def text(self, width: int = 100) -> str:
        """A table; the reasons of each step from the commonest on."""
        header = ["step", "kind", "rows in", "kept", "dropped", "MB in", "MB kept"]
        more = [name for name in ("tokens", "calls") if any(getattr(s, name) is not None for s in self.stages)]
        rows = [
            [s.name, s.kind, s.rows_in, s.rows_kept, s.rows_rejected, _mb(s.bytes_in), _mb(s.bytes_kept)]
            + [getattr(s, name) for name in more]
            + [", ".join(f"{count:,} {rule}" for rule, count in _commonest(s.dropped))]
            for s in self.stages
        ]
        header += [*more, "dropped by"]
        lines = item(f"{self.output} version {self.version}  {self.uri}", width)
        return "\n".join([*lines, "", *table(header, rows, width)])


def funnel(lake_uri: str, output: str, version: int | None = None) -> Funnel:
    """The funnel of the newest version that counts, or of `version`."""
    ledger = Ledger(lake_uri)
    found = ledger.version(output, version)
    stages = tuple(
        Stage(
            row["name"], row["kind"], row["step"], row["rows_in"], row["rows_kept"], row["rows_rejected"],
            dict(_commonest(dict(row["dropped"] or ()))), row["bytes_in"], row["bytes_kept"], row["tokens"],
            row["seconds"], row["calls"],
        )
        for row in ledger.behind(found.step)
    )  # fmt: skip
    return Funnel(found.output, found.uri, found.version, stages)


def _commonest(dropped: Mapping[str, int]) -> list[tuple[str, int]]:
    return sorted(dropped.items(), key=lambda pair: (-pair[1], pair[0]))


def _mb(count: int | None) -> float | None:
    return None if count is None else count / 1e6
