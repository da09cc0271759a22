"""What runs in a Spark Python worker while a model is asked: the calls of one task, whose answers land as they come."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from recipe_runtime.unit_tasks import Asked

REPORT = (
    "partition int, calls bigint, attempts bigint, prompt_tokens bigint, completion_tokens bigint, failed string, "
    "waiting string, details string, error string, remedy string"
)
"""How a task went: answers that came, attempts, and what the server counted; as JSON, kind → attempts that failed
(where no coordinator counts them), kind → keys left waiting, and kind → what was said of the first of those. `error`
is set where asking on would not help."""


@dataclass(frozen=True)
class CallModel:
    """Units with their segment → answers, landed as they come; gives one row a task, a REPORT.

    What this partition landed before it failed is not asked again. `lease`: where the coordinator of all tasks is;
    without one each of `tasks` keeps to its part of the endpoint's limits. `step`: of the units, for the books.
    """

    asked: Asked
    endpoint: Any
    lease: Any
    tasks: int
    lake: str
    run_id: str
    step: str
    round: int
    schema: Any

    def __call__(self, batches: Iterator[Any]) -> Iterator[Any]:
        import pyarrow as pa
        from pyspark import TaskContext
        from recipe_udfs.endpoint.client import answers
        from recipe_udfs.endpoint.errors import EndpointError
        from recipe_udfs.endpoint.request import Answer

        from recipe_runtime.landing import Landing, landed

        partition = TaskContext.get().partitionId()
        done = set(landed(self.lake, self.run_id, self._place(partition), ["key"]).column("key").to_pylist())
        landing = Landing(self.lake, self.run_id, self._place(partition))
        asked: dict[str, dict[str, Any]] = {}
        report = _Report()
        spec = self.endpoint if self.lease is not None else self.endpoint.part(partition, self.tasks)
        permits = self._permits(spec)
        requests = self._requests(batches, done, asked)
        try:
            for outcome in answers(spec, requests, window=spec.in_flight, permits=permits):
                if outcome is None:
                    landing.flush_if_due()
                    continue
                row = asked.pop(outcome.key)
                report.add(outcome)
                if isinstance(outcome, Answer):
                    landing.add(self._generation(row, outcome))
        except EndpointError as error:
            report.error = error
        finally:
            landing.close()
        failed = permits.totals().kinds if self.lease is None and report.attempts else {}
        yield pa.RecordBatch.from_pylist([report.row(partition, failed)], schema=self.schema)

    def _permits(self, spec: Any) -> Any:
        if self.lease is None:
            from recipe_udfs.endpoint.permits import LocalPermits

            return LocalPermits(spec)
        from recipe_udfs.endpoint.leases import LeasedPermits

        return LeasedPermits(spec, self.lease)

    def _place(self, partition: int) -> str:
        return f"{self.asked.prompts[0].call_class[:8]}-{self.round}-{partition}"

    def _requests(self, batches: Iterator[Any], done: set[str], asked: dict[str, dict[str, Any]]) -> Iterator[Any]:
        from recipe_udfs.endpoint.request import Request

        for batch in batches:
            for row in batch.to_pylist():
                if row["key"] in done:
                    continue
                messages = self.asked.messages(row["prompt"], row.pop("source_text"))
                asked[row["key"]] = row
                yield Request(row["key"], messages, self.asked.params(row["prompt"], row["sample"], self.round))

    def _generation(self, row: Mapping[str, Any], answer: Any) -> dict[str, Any]:
        """The row of `generations`."""
        from recipe_udfs.identity import text_hash

        from recipe_runtime.asking import canonical

        prompt = self.asked.prompts[row["prompt"]]
        return {
            "call_class": prompt.call_class,
            "key": answer.key,
            "run_id": self.run_id,
            "model": self.asked.model,
            "revision": self.asked.revision,
            "deployment": self.asked.deployment,
            "prompt": prompt.name,
            "template": prompt.template_hash,
            "variables": canonical(dict(prompt.variables)),
            "params": canonical(self.asked.params(row["prompt"], row["sample"], self.round)),
            "doc_id": row["doc_id"],
            "span_start": row["span_start"],
            "span_end": row["span_end"],
            "sample": row["sample"],
            "round": self.round,
            "outcome": answer.outcome,
            "text": answer.text,
            "finish": answer.finish,
            "served_model": answer.served_model,
            "fingerprint": answer.fingerprint,
            "prompt_tokens": answer.prompt_tokens,
            "completion_tokens": answer.completion_tokens,
            "answer_hash": text_hash(answer.text) if answer.text is not None else None,
            "at": answer.at,
            "seconds": answer.seconds,
            "logprob": answer.logprob,
            "step": self.step,
        }


class _Report:
    """How a task went so far."""

    def __init__(self) -> None:
        self.calls = self.attempts = self.prompt_tokens = self.completion_tokens = 0
        self.waiting: Counter[str] = Counter()
        self.details: dict[str, str] = {}
        self.error: Any = None

    def add(self, outcome: Any) -> None:
        """What came of one request."""
        from recipe_udfs.endpoint.request import Answer

        self.attempts += outcome.attempts
        if isinstance(outcome, Answer):
            self.calls += 1
            self.prompt_tokens += outcome.prompt_tokens or 0
            self.completion_tokens += outcome.completion_tokens or 0
        else:
            self.waiting[outcome.kind] += 1
            self.details.setdefault(outcome.kind, outcome.detail)

    def row(self, partition: int, failed: Mapping[str, int]) -> dict[str, Any]:
        """The REPORT."""
        numbers = ("calls", "attempts", "prompt_tokens", "completion_tokens")
        said = {"failed": failed, "waiting": self.waiting, "details": self.details}
        return {
            "partition": partition,
            **{name: getattr(self, name) for name in numbers},
            **{name: json.dumps(value, sort_keys=True) for name, value in said.items()},
            "error": self.error and self.error.message,
            "remedy": self.error and self.error.remedy,
        }
