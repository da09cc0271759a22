"""funnel: rows in, kept and dropped of each step behind an output. balance: in = kept + rejected, counted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from recipe_runtime import tables
from recipe_runtime.delta_sql import query
from recipe_runtime.errors import DONE, FAILED
from recipe_runtime.lineage.answer import Answer, item, table
from recipe_runtime.lineage.ledger import Ledger


@dataclass(frozen=True)
class Stage:
    """A step of the funnel. Bytes are of raw records in a source's `bytes_in`, else of text in UTF-8."""

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
        tokens = any(stage.tokens is not None for stage in self.stages)
        rows = [
            [s.name, s.kind, s.rows_in, s.rows_kept, s.rows_rejected, _mb(s.bytes_in), _mb(s.bytes_kept)]
            + ([s.tokens] if tokens else [])
            + [", ".join(f"{count:,} {rule}" for rule, count in _commonest(s.dropped))]
            for s in self.stages
        ]
        header += ["tokens", "dropped by"] if tokens else ["dropped by"]
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
            row["seconds"],
        )
        for row in ledger.behind(found.step)
    )  # fmt: skip
    return Funnel(found.output, found.uri, found.version, stages)


def _commonest(dropped: Mapping[str, int]) -> list[tuple[str, int]]:
    return sorted(dropped.items(), key=lambda pair: (-pair[1], pair[0]))


def _mb(count: int | None) -> float | None:
    return None if count is None else count / 1e6


# ---- balance -----------------------------------------------------------------------------------------

_QUERY = """\
with complete as (            -- where two runs made one step, the smaller run id is the one that is read
  select step, min(run_id) as run_id from steps group by step
), counted as (               -- rows written of what fell out, not the steps' own figures
{counted}
)
select s.name, s.kind, s.step, s.rows_in, s.rows_kept, s.rows_rejected,
       coalesce(c.fell_out, 0) as counted,
       s.rows_in = s.rows_kept + coalesce(c.fell_out, 0)
         and s.rows_rejected = coalesce(c.fell_out, 0) as holds
from steps s
join complete on s.step = complete.step and s.run_id = complete.run_id
left join counted c on s.step = c.step
order by s.made_at, s.step"""

_COUNT = "  select step, count(*) as fell_out from {table} group by step"
_NOTHING = "  select step, count(*) as fell_out from steps where false group by step"


@dataclass(frozen=True)
class Balanced:
    """One step. `counted`: its rows in `rejects`, of a dedup its edges to the rows that were dropped."""

    name: str
    kind: str
    step: str
    rows_in: int
    rows_kept: int
    rows_rejected: int
    counted: int
    holds: bool


@dataclass(frozen=True)
class Balance(Answer):
    """Every complete step of the lake, and the query that was run over its tables."""

    query: str
    steps: tuple[Balanced, ...]
    holds: bool

    @property
    def exit_code(self) -> int:
        """0, or 4 where a step does not balance."""
        return DONE if self.holds else FAILED

    def text(self, width: int = 100) -> str:
        """The query as it was run, its result, and what it comes to."""
        header = ["step", "kind", "rows in", "kept", "rejected", "counted", "in = kept + rejected"]
        rows = [
            [s.name, s.kind, s.rows_in, s.rows_kept, s.rows_rejected, s.counted, "holds" if s.holds else "BROKEN"]
            for s in self.steps
        ]
        broken = sum(not step.holds for step in self.steps)
        end = f"{broken} of {len(rows)} steps do not balance" if broken else f"all {len(rows)} steps balance"
        return "\n".join([self.query, "", *table(header, rows, width), "", end])


def balance(lake_uri: str) -> Balance:
    """Runs the query over the lake's Delta tables and gives it with its result."""
    ledger = Ledger(lake_uri)
    there = {t.name: ledger.table(t) for t in (tables.STEPS, tables.REJECTS, tables.EDGES)}
    there = {name: relation.table for name, relation in there.items() if relation.exists}
    counts = [_COUNT.format(table=name) for name in there if name != tables.STEPS.name]
    sql = _QUERY.format(counted="\n  union all\n".join(counts) or _NOTHING)
    rows = query(sql, there) if tables.STEPS.name in there else []
    steps = tuple(Balanced(**row) for row in rows)
    return Balance(sql, steps, all(step.holds for step in steps))
