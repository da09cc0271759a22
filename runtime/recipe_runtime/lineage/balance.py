"""balance: every row that went into a step is accounted for, counted from what was written of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from recipe_runtime import tables
from recipe_runtime.delta_sql import literal, query
from recipe_runtime.errors import DONE, FAILED
from recipe_runtime.lineage.answer import Answer, table
from recipe_runtime.lineage.ledger import Ledger

_QUERY = """\
with complete as (            -- where two runs made one step, the smaller run id is the one that is read
  select step, min(run_id) as run_id from steps group by step
), counted as (               -- rows written of what fell out, not the steps' own figures
{counted}
), fell as (
  select step, sum(n) as n, sum(case when outcome = 'quarantined' then n else 0 end) as quarantined,
         sum(case when outcome = 'waiting' then n else 0 end) as waiting
  from counted group by step
), unanswered as (            -- units whose last question has no answer in `generations`
{unanswered}
), made as (                  -- rows that a step kept, counted in what it wrote
{made}
)
select s.name, s.kind, s.step, s.rows_in, s.rows_kept, s.rows_rejected,
       coalesce(f.n, 0) as counted, coalesce(f.quarantined, 0) as quarantined,
       coalesce(f.waiting, 0) as waiting, coalesce(u.n, 0) as unanswered, m.n as made,
       coalesce(m.n, s.rows_kept) = s.rows_kept and case
         when s.kind in ('derive', 'fit')              -- what comes out is not what goes in
           then true
         when s.kind = 'mix'                           -- what is not drawn is no reject
           then s.rows_in = s.rows_kept + s.rows_rejected
         when s.kind = 'ask' and coalesce(u.n, 0) > 0  -- decided without an answer
           then false
         else s.rows_in = s.rows_kept + coalesce(f.n, 0)
           and s.rows_rejected + coalesce(f.waiting, 0) = coalesce(f.n, 0)
       end as holds
from steps s
join complete on s.step = complete.step and s.run_id = complete.run_id
left join fell f on s.step = f.step
left join unanswered u on s.step = u.step
left join made m on s.step = m.step
order by s.made_at, s.step"""

_REJECTS = "  select step, outcome, count(*) as n from rejects group by step, outcome"
_EDGES = """\
  select step, 'rejected' as outcome, count(*) as n from edges
    where kind not in ('transform', 'generate') group by step"""
_WAITING = """\
  select {step} as step, 'waiting' as outcome,
         (select count(unit) from {units})
         - (select count(*) from {ask}) as n"""
_UNANSWERED = """\
  select {step} as step, count(*) as n from {asked} a
    left join generations g on a.key = g.key where a.key is not null and g.key is null"""
_NO_ANSWERS = "  select {step} as step, count(key) as n from {asked}"
_NONE = "  select step, count(*) as n from steps where false group by step"
_NO_FALL = "  select step, 'rejected' as outcome, count(*) as n from steps where false group by step"

_ASK = """\
  select {step} as step, count(*) as n from {ask}
    where outcome = 'kept'"""
_UNITS = """\
  select {step} as step, count(distinct doc_id) as n from {units}
    where unit is not null"""
_MIX = """\
  select {step} as step, count(distinct take || ' ' || doc_id) as n
    from {mix}"""
_CHILDREN = """\
  select step, count(distinct child) as n from edges
    where kind in ('transform', 'generate') group by step"""

IDENTITY = {
    "ask": "units = kept + rejected + quarantined + waiting",
    "derive": "kept = children in edges",
    "fit": "nothing falls out",
    "mix": "available = drawn + not drawn, an epoch again not counted",
    "units": "documents = with units + without",
}
"""What must hold, by kind of step; of any other kind in = kept + rejected."""


@dataclass(frozen=True)
class Balanced:
    """One step. `counted`: its rows in `rejects`, of a dedup its edges to the rows that were dropped, of an ask
    also units that wait; `quarantined` and `waiting` are among them. `made`: the rows counted that it made,
    None where they are not counted. `unanswered`: of units, those whose first question has no answer (they
    wait); of an ask, those whose last has none. A unit whose prompt was too long has no key: it asks nothing."""

    name: str
    kind: str
    step: str
    rows_in: int
    rows_kept: int
    rows_rejected: int
    counted: int
    quarantined: int
    waiting: int
    unanswered: int
    made: int | None
    holds: bool


@dataclass(frozen=True)
class Balance(Answer):
    """Every complete step of the lake, and the query that was run over its tables. `relations`: the names by
    which the query calls relations of steps, and where those are."""

    query: str
    relations: Mapping[str, str]
    steps: tuple[Balanced, ...]
    holds: bool

    @property
    def exit_code(self) -> int:
        """0, or 4 where a step does not balance."""
        return DONE if self.holds else FAILED

    def text(self, width: int = 100) -> str:
        """The query as it was run, its result, and what it comes to."""
        header = ["step", "kind", "rows in", "kept", "rejected", "counted", "in = kept + rejected"]
        rows = [[s.name, s.kind, s.rows_in, s.rows_kept, s.rows_rejected, s.counted, _said(s)] for s in self.steps]
        broken = sum(not step.holds for step in self.steps)
        end = f"{broken} of {len(rows)} steps do not balance" if broken else f"all {len(rows)} steps balance"
        return "\n".join([self.query, "", *table(header, rows, width), "", end])


def _said(step: Balanced) -> str:
    said = "holds" if step.holds else "BROKEN"
    if step.kind in IDENTITY:
        said += f": {IDENTITY[step.kind]}"
    if step.kind == "ask":
        said += f" ({step.quarantined:,} quarantined, {step.waiting:,} waiting)"
    if step.unanswered:
        said += f" ({step.unanswered:,} unanswered)"
    return said


def balance(lake_uri: str) -> Balance:
    """Runs the query over the lake's Delta tables and gives it with its result."""
    ledger = Ledger(lake_uri)
    there: dict[str, Any] = {}
    for own in (tables.STEPS, tables.REJECTS, tables.EDGES, tables.GENERATIONS):
        if ledger.table(own).exists:
            there[own.name] = ledger.table(own).table
    counts = [sql for name, sql in (("rejects", _REJECTS), ("edges", _EDGES)) if name in there]
    made = [_CHILDREN] if "edges" in there else []
    unanswered: list[str] = []
    relations: dict[str, str] = {}
    for step in ledger.steps.values():
        name = _register(ledger, step, there, relations)
        if name is None:
            continue
        names = {"step": literal(step["step"]), step["kind"]: name}
        made.append({"ask": _ASK, "units": _UNITS, "mix": _MIX}[step["kind"]].format(**names))
        if step["kind"] != "mix":
            answers = _UNANSWERED if tables.GENERATIONS.name in there else _NO_ANSWERS
            unanswered.append(answers.format(**names, asked=name))
        if step["kind"] == "ask":
            for each in map(ledger.steps.get, step["inputs"] or ()):
                if each and each["kind"] == "units" and (units := _register(ledger, each, there, relations)):
                    counts.append(_WAITING.format(**names, units=units))
    union = "\n  union all\n"
    sql = _QUERY.format(
        counted=union.join(counts) or _NO_FALL,
        unanswered=union.join(unanswered) or _NONE,
        made=union.join(made) or _NONE,
    )
    rows = query(sql, there) if tables.STEPS.name in there else []
    steps = tuple(Balanced(**row) for row in rows)
    return Balance(sql, relations, steps, all(step.holds for step in steps))


def _register(ledger: Ledger, step: Mapping[str, Any], there: dict[str, Any], relations: dict[str, str]) -> str | None:
    """The name in the query of a relation whose rows are counted; None where it is of another kind or gone."""
    if step["kind"] not in ("ask", "units", "mix"):
        return None
    relation = ledger.relation(step)
    if not relation.exists:
        return None
    name = f"{step['kind']}_{step['step']}"
    there[name], relations[name] = relation.table, relation.uri
    return name
