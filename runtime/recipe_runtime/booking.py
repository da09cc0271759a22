"""What model calls cost, and in which step's row of `steps` they stand.

A row of `generations` names the units that asked for it first. It stands in the row of one `ask` over those units:
the first that is complete after the answer came. So the answers that a killed or an incomplete run left are booked by
the run that finishes the step, at its prices; the sum of `calls` over the steps is the rows of `generations`, less
those of steps that nobody finished. What the server answered twice is in no row and so in no step's `calls`; a run's
own count of what it sent and got, answers that were thrown away included, stands in the step's `report`.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from recipe_runtime import endpoints, generations, tables
from recipe_runtime.asking import Endpoint


@dataclass(frozen=True)
class Usage:
    """Answers and the tokens that the server counted for them; `unmetered` are those of which it said nothing."""

    calls: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    unmetered: int = 0

    def less(self, other: Usage) -> Usage:
        """Without those of another."""
        return Usage(*(getattr(self, name) - getattr(other, name) for name in Usage.__dataclass_fields__))


def unbooked(job: Any, classes: list[str], units_step: str) -> Usage:
    """The answers that these units asked for first and that stand in no step's row yet."""
    from pyspark.sql import functions as F

    rows = generations.of_classes(job, classes).where(F.col("step") == units_step)
    row = rows.agg(
        F.count("*").alias("calls"),
        F.coalesce(F.sum("prompt_tokens"), F.lit(0)).alias("prompt_tokens"),
        F.coalesce(F.sum("completion_tokens"), F.lit(0)).alias("completion_tokens"),
        F.count(F.when(F.col("completion_tokens").isNull(), 1)).alias("unmetered"),
    ).first()
    found = Usage(**row.asDict())
    for step in tables.read(job.lake, tables.STEPS, ["inputs", "calls", "report"], {"kind": "ask"}):
        if units_step in step["inputs"] and step["report"]:
            said = json.loads(step["report"])
            tokens = {name: said[name] for name in ("prompt_tokens", "completion_tokens", "unmetered")}
            found = found.less(Usage(calls=step["calls"], **tokens))
    return found


def gpu_seconds(where: Endpoint, completion_tokens: int) -> float | None:
    """Seconds of one GPU, None where the endpoint does not say how many tokens it makes in one."""
    return completion_tokens / where.tokens_per_gpu_second if where.tokens_per_gpu_second else None


def cost(where: Endpoint, prompt_tokens: int, completion_tokens: int) -> float | None:
    """$ by the endpoint's prices, None where it has none."""
    if not priced(where):
        return None
    return endpoints.at(where, ("",)).cost(prompt_tokens, completion_tokens)


def priced(where: Endpoint) -> bool:
    """Does the endpoint have a price?"""
    return any(price is not None for price in (where.input_price, where.output_price, where.gpu_hour_price))


class Spending:
    """What the ended tasks of a run spent by endpoint, where no coordinator counts it."""

    def __init__(self) -> None:
        self._spent: dict[str, Any] = {}

    def add(self, endpoint: str, tasks: Sequence[Any]) -> None:
        """What the tasks of a stage report."""
        from recipe_udfs.endpoint.budget import NOTHING, Spend

        for row in tasks:
            used = Spend(row.calls, row.prompt_tokens, row.completion_tokens)
            self._spent[endpoint] = self._spent.get(endpoint, NOTHING) + used

    def left(self, spec: Any) -> Any:
        """The endpoint with what is left of its budgets."""
        from recipe_udfs.endpoint.budget import NOTHING

        spent = self._spent.get(spec.name, NOTHING)
        cost = spec.cost(spent.prompt, spent.completion)
        used = {"max_calls": spent.calls, "max_tokens": spent.tokens, "max_cost": cost}
        limits = {name: getattr(spec, name) for name in used}
        return replace(spec, **{n: max(0, most - used[n]) for n, most in limits.items() if most is not None})
