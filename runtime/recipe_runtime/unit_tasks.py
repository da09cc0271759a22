"""What runs in a Spark Python worker before and while a model is asked: units, their keys, the calls.

A unit is one (row, prompt, segment, sample); in a round of asking it has a key, and equal keys are one call.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from recipe_runtime.asking import sent
from recipe_runtime.worker import Blob, check_libraries, function_of, local_copy, local_value


@dataclass(frozen=True)
class Asked:
    """What is asked of whom, as plain values: enough to render any unit of a step and to know its key.

    `prompts`: (name, template, variables, call class, SHA-256 of the template's JSON) in the recipe's order.
    """

    model: str
    revision: str | None
    deployment: str | None
    prompts: tuple[tuple[str, Mapping[str, Any], Mapping[str, str], str, str], ...]
    request: Mapping[str, Any]
    samples: int

    def messages(self, prompt: int, segment: str) -> list[dict[str, str]]:
        """The rendered messages of a unit."""
        from recipe_udfs.prompts import render

        _, template, variables, _, _ = self.prompts[prompt]
        return render(template, {**variables, "text": segment})

    def params(self, sample: int, round_: int) -> dict[str, Any]:
        """The parameters of its request."""
        return sent(self.request, sample, round_, self.samples)

    def key(self, messages: list[dict[str, str]], sample: int, round_: int) -> str:
        """What its answer is kept under."""
        from recipe_udfs.endpoint.request import request_key

        return request_key(
            model=self.model,
            revision=self.revision,
            deployment=self.deployment,
            messages=messages,
            params=self.params(sample, round_),
            sample=sample,
            round=round_,
        )


@dataclass(frozen=True)
class MakeUnits:
    """(doc_id, text) → units of round 0; a text without a piece gives one row whose `unit` is null."""

    asked: Asked
    segment: tuple[str, str, Mapping[str, Any]] | None
    tokenizer: Blob
    schema: Any
    libraries: Mapping[str, str]

    def __call__(self, batches: Iterator[Any]) -> Iterator[Any]:
        import pyarrow as pa
        from recipe_udfs.identity import hash128

        check_libraries(self.libraries)
        for batch in batches:
            rows = []
            ids, texts = batch.column("doc_id").to_pylist(), batch.column("text")
            for doc, text, pieces in zip(ids, texts.to_pylist(), self._pieces(texts), strict=True):
                if not pieces:
                    rows.append({"doc_id": doc})
                data = text.encode()
                for place, piece in enumerate(pieces):
                    segment = data[piece["span_start"] : piece["span_end"]].decode()
                    for prompt, (name, *_) in enumerate(self.asked.prompts):
                        messages = self.asked.messages(prompt, segment)
                        for sample in range(self.asked.samples):
                            rows.append(
                                {
                                    "unit": hash128("unit", doc, name, str(prompt), str(place), str(sample)),
                                    "doc_id": doc,
                                    "prompt": prompt,
                                    "segment": place,
                                    "span_start": piece["span_start"],
                                    "span_end": piece["span_end"],
                                    "segment_tokens": piece["tokens"],
                                    "sample": sample,
                                    "key": self.asked.key(messages, sample, 0),
                                }
                            )
            yield from pa.Table.from_pylist(rows, schema=self.schema).to_batches(max_chunksize=10_000)

    def _pieces(self, texts: Any) -> list[list[dict[str, int]]]:
        """The pieces of each text; without `segment` the whole of it."""
        from recipe_udfs.operator import Call

        tokenizer = local_copy(self.tokenizer)
        if self.segment is not None:
            run, operator, args = self.segment
            call = Call(operator, {**{k: local_value(v) for k, v in args.items()}, "tokenizer": tokenizer})
            return function_of(run)({"text": texts}, [call])[0][0].to_pylist()
        from recipe_udfs.tokens import count_tokens

        (counts,) = count_tokens({"text": texts}, [Call("tokens", {"tokenizer": tokenizer})])[0]
        sizes = [len(text.encode()) for text in texts.to_pylist()]
        return [
            [{"span_start": 0, "span_end": size, "tokens": count}]
            for size, count in zip(sizes, counts.to_pylist(), strict=True)
        ]


@dataclass(frozen=True)
class AskAgain:
    """Units with their segment → the same with the key of another round."""

    asked: Asked
    round: int
    schema: Any

    def __call__(self, batches: Iterator[Any]) -> Iterator[Any]:
        import pyarrow as pa

        for batch in batches:
            rows = batch.to_pylist()
            for row in rows:
                messages = self.asked.messages(row["prompt"], row.pop("source_text"))
                row["key"] = self.asked.key(messages, row["sample"], self.round)
            yield from pa.Table.from_pylist(rows, schema=self.schema).to_batches(max_chunksize=10_000)


@dataclass(frozen=True)
class CallModel:
    """Units with their segment → answers, landed as they come; gives one row a task that says how it went.

    What this partition landed before it failed is not asked again. `error` is set where the endpoint refused:
    asking on would not help.
    """

    asked: Asked
    endpoint: Any
    window: int
    lake: str
    run_id: str
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
        done = set(landed(self.lake, self.run_id, self._place(partition)).column("key").to_pylist())
        landing = Landing(self.lake, self.run_id, self._place(partition))
        asked: dict[str, dict[str, Any]] = {}
        report: dict[str, Any] = {"partition": partition, "calls": 0, "attempts": 0, "waiting": 0, "kinds": {}}
        try:
            for outcome in answers(self.endpoint, self._requests(batches, done, asked), window=self.window):
                if outcome is None:
                    landing.flush_if_due()
                    continue
                report["attempts"] += outcome.attempts
                row = asked.pop(outcome.key)
                if isinstance(outcome, Answer):
                    report["calls"] += 1
                    landing.add(self._generation(row, outcome))
                else:
                    report["waiting"] += 1
                    report["kinds"][outcome.kind] = report["kinds"].get(outcome.kind, 0) + 1
                    report.setdefault("detail", outcome.detail)
        except EndpointError as error:
            report["error"], report["remedy"] = error.message, error.remedy
        finally:
            landing.close()
        report["kinds"] = json.dumps(report["kinds"], sort_keys=True)
        yield pa.RecordBatch.from_pylist([report], schema=self.schema)

    def _place(self, partition: int) -> str:
        return f"{self.asked.prompts[0][3][:8]}-{self.round}-{partition}"

    def _requests(self, batches: Iterator[Any], done: set[str], asked: dict[str, dict[str, Any]]) -> Iterator[Any]:
        from recipe_udfs.endpoint.request import Request

        for batch in batches:
            for row in batch.to_pylist():
                if row["key"] in done:
                    continue
                messages = self.asked.messages(row["prompt"], row.pop("source_text"))
                asked[row["key"]] = row
                params = {k: v for k, v in self.asked.params(row["sample"], self.round).items() if v is not None}
                yield Request(row["key"], messages, params)

    def _generation(self, row: Mapping[str, Any], answer: Any) -> dict[str, Any]:
        from recipe_udfs.identity import text_hash

        from recipe_runtime.asking import canonical

        name, _, variables, call_class, template = self.asked.prompts[row["prompt"]]
        return {
            "call_class": call_class,
            "key": answer.key,
            "run_id": self.run_id,
            "model": self.asked.model,
            "revision": self.asked.revision,
            "deployment": self.asked.deployment,
            "prompt": name,
            "template": template,
            "variables": canonical(dict(variables)),
            "params": canonical(self.asked.params(row["sample"], self.round)),
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
        }
