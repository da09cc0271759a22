"""generations: the model calls that a lake keeps, by class, prompt, model and outcome."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from recipe_runtime import tables
from recipe_runtime.delta_sql import equal, query
from recipe_runtime.lineage.answer import Answer, Unanswered, item, table
from recipe_runtime.lineage.ledger import Ledger

_QUERY = """\
select call_class, prompt, model, revision, deployment, served_model, outcome, count(*) as calls,
       coalesce(sum(prompt_tokens), 0) as prompt_tokens, coalesce(sum(completion_tokens), 0) as completion_tokens,
       coalesce(sum(seconds), 0.0) as seconds, min("at") as first_at, max("at") as last_at
from generations
{where}
group by call_class, prompt, model, revision, deployment, served_model, outcome
order by call_class, prompt, model, revision, deployment, served_model, outcome"""


@dataclass(frozen=True)
class Class:
    """Calls that share all of this. `seconds`: their durations added up; tokens are as the server counted."""

    call_class: str
    prompt: str | None
    model: str | None
    revision: str | None
    deployment: str | None
    served_model: str | None
    outcome: str
    calls: int
    prompt_tokens: int
    completion_tokens: int
    seconds: float
    first_at: datetime | None
    last_at: datetime | None


@dataclass(frozen=True)
class Generations(Answer):
    """All answers of the lake, or those of one run. Failed attempts are no answers and not counted."""

    lake: str
    run_id: str | None
    calls: int
    prompt_tokens: int
    completion_tokens: int
    classes: tuple[Class, ...]

    def text(self, width: int = 100) -> str:
        """One line a class."""
        of = self.lake if self.run_id is None else f"run {self.run_id}"
        if not self.classes:
            return "\n".join(item(f"no model was called by {of}", width))
        header = ["class", "calls", "outcome", "tokens in", "tokens out", "prompt", "model"]
        rows = [
            [c.call_class[:8], c.calls, c.outcome, c.prompt_tokens, c.completion_tokens, c.prompt, _model(c)]
            for c in self.classes
        ]
        total = f"{self.calls:,} calls, {self.prompt_tokens:,} tokens in, {self.completion_tokens:,} tokens out"
        return "\n".join([*table(header, rows, width), "", *item(f"{of}: {total}", width)])


def _model(c: Class) -> str:
    parts = [c.model or "no name", c.revision and f"@{c.revision}", c.deployment and f" ({c.deployment})"]
    served = f", served as {c.served_model}" if c.served_model not in (None, c.model) else ""
    return "".join(part for part in parts if part) + served


def generations(lake_uri: str, run_id: str | None = None) -> Generations:
    """The calls by class; with `run_id` (or the beginning of one) those that this run made. Raises Unanswered."""
    ledger = Ledger(lake_uri)
    if run_id is not None:
        found = [each for each in ledger.runs if each.startswith(run_id)]
        if len(found) != 1:
            raise Unanswered(
                f"{len(found)} runs of {ledger.lake.uri} have an id that begins with {run_id}",
                remedy="recipec lineage runs lists them",
            )
        run_id = found[0]
    kept = ledger.table(tables.GENERATIONS)
    where = f"where {equal(run_id=run_id)}" if run_id else ""
    rows = query(_QUERY.format(where=where), {"generations": kept.table}) if kept.exists else []
    classes = tuple(Class(**row) for row in rows)
    return Generations(
        ledger.lake.uri, run_id, sum(c.calls for c in classes), sum(c.prompt_tokens for c in classes),
        sum(c.completion_tokens for c in classes), classes,
    )  # fmt: skip
