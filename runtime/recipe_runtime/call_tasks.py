"""What runs in a Spark Python worker while a model is asked: the calls of one task, whose answers land as they come."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from recipe_runtime.unit_tasks import Asked

REPORT = (
    "partition int, calls bigint, attempts bigint, prompt_tokens bigint, completion_tokens bigint, kinds string, "
    "details string, error string, remedy string"
)
"""How a task went: answers that came, attempts in all, what the server counted; of the units left waiting kind → how
many and kind → what was said of the first, as JSON. `error` is set where asking on would not help."""


@dataclass(frozen=True)
class CallModel:
    """Units with their segment → answers, landed as they come; gives one row a task, a REPORT.

    What this partition landed before it failed is not asked again. `step`: of the units, for the books.
    """

    asked: Asked
    endpoint: Any
    window: int
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
        counts: Counter[str] = Counter(calls=0, attempts=0, prompt_tokens=0, completion_tokens=0)
        kinds: Counter[str] = Counter()
        details: dict[str, str] = {}
        refused: dict[str, str] = {}
        try:
            for outcome in answers(self.endpoint, self._requests(batches, done, asked), window=self.window):
                if outcome is None:
                    landing.flush_if_due()
                    continue
                row = asked.pop(outcome.key)
                counts["attempts"] += outcome.attempts
                if isinstance(outcome, Answer):
                    counts["calls"] += 1
                    counts["prompt_tokens"] += outcome.prompt_tokens or 0
                    counts["completion_tokens"] += outcome.completion_tokens or 0
                    landing.add(self._generation(row, outcome))
                else:
                    kinds[outcome.kind] += 1
                    details.setdefault(outcome.kind, outcome.detail)
        except EndpointError as error:
            refused = {"error": error.message, "remedy": error.remedy}
        finally:
            landing.close()
        said = {"kinds": json.dumps(kinds, sort_keys=True), "details": json.dumps(details, sort_keys=True)}
        report = {"partition": partition, **counts, **said, **refused}
        yield pa.RecordBatch.from_pylist([report], schema=self.schema)

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
