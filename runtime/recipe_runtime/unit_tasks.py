"""What runs in a Spark Python worker before a model is asked: units and their keys.

A unit is one (row, prompt, segment, sample); in a round of asking it has a key, and equal keys are one call.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from recipe_runtime.asking import parameters
from recipe_runtime.worker import Blob, check_libraries, function_of, local_copy, local_value


@dataclass(frozen=True)
class AskedPrompt:
    """A prompt as plain values. `template_hash`: SHA-256 of the template's canonical JSON, which is a blob."""

    name: str
    template: Mapping[str, Any]
    variables: Mapping[str, str]
    reply: Sequence[Any] | None
    call_class: str
    template_hash: str


@dataclass(frozen=True)
class Asked:
    """What is asked of whom, as plain values: enough to render any unit of a step and to know its key. The prompts
    are in the recipe's order; a unit names its prompt by its place there."""

    model: str
    revision: str | None
    deployment: str | None
    prompts: tuple[AskedPrompt, ...]
    request: Mapping[str, Any]
    samples: int

    @property
    def classes(self) -> list[str]:
        """The call classes of the answers, each once."""
        return sorted({prompt.call_class for prompt in self.prompts})

    def messages(self, prompt: int, segment: str) -> list[dict[str, str]]:
        """The rendered messages of a unit."""
        from recipe_udfs.prompts import render

        asked = self.prompts[prompt]
        return render(asked.template, {**asked.variables, "text": segment})

    def params(self, prompt: int, sample: int, round_: int) -> dict[str, Any]:
        """The parameters of its request, as the key has them."""
        return parameters(self.request, self.prompts[prompt].reply, sample, round_, self.samples)

    def key(self, messages: list[dict[str, str]], prompt: int, sample: int, round_: int) -> str:
        """What its answer is kept under."""
        from recipe_udfs.endpoint.request import request_key

        return request_key(
            model=self.model,
            revision=self.revision,
            deployment=self.deployment,
            messages=messages,
            params=self.params(prompt, sample, round_),
            sample=sample,
            round=round_,
        )


@dataclass(frozen=True)
class Limits:
    """Which prompts are not sent, in tokens of their rendered messages: those longer than `max_prompt`, and those
    that leave no room in `context` for an answer of `answer` tokens. None is no limit."""

    max_prompt: int | None
    context: int | None
    answer: int
    at: str

    def failure(self, tokens: int) -> dict[str, str] | None:
        """The first rule that a prompt of so many tokens breaks, as `rejected` holds it."""
        most = {"max_prompt": self.max_prompt, "context": self.context and self.context - self.answer}
        for rule, limit in most.items():
            if limit is not None and tokens > limit:
                return {"rule": rule, "value": str(tokens), "threshold": f"<= {limit}", "at": self.at}
        return None


@dataclass(frozen=True)
class MakeUnits:
    """(doc_id, text) → units of round 0; a text without a piece gives one row whose `unit` is null. With `limits` a
    unit whose prompt is too long has its `rejected`, and no key: it is not asked."""

    asked: Asked
    segment: tuple[str, str, Mapping[str, Any]] | None
    tokenizer: Blob
    limits: Limits | None
    schema: Any
    libraries: Mapping[str, str]

    def __call__(self, batches: Iterator[Any]) -> Iterator[Any]:
        import pyarrow as pa

        check_libraries(self.libraries)
        for batch in batches:
            rows: list[dict[str, Any]] = []
            prompts: list[tuple[str, ...]] = []  # the texts of the messages of each row
            ids, texts = batch.column("doc_id").to_pylist(), batch.column("text")
            for doc, text, pieces in zip(ids, texts.to_pylist(), self._pieces(texts), strict=True):
                if not pieces:
                    rows.append({"doc_id": doc})
                    prompts.append(())
                for row, messages in self._units(doc, text.encode(), pieces):
                    rows.append(row)
                    prompts.append(tuple(message["content"] for message in messages) if self.limits else ())
            if self.limits:
                self._reject(rows, prompts, self.limits)
            yield from pa.Table.from_pylist(rows, schema=self.schema).to_batches(max_chunksize=10_000)

    def _units(
        self, doc: str, text: bytes, pieces: Sequence[Mapping[str, int]]
    ) -> Iterator[tuple[dict[str, Any], list[dict[str, str]]]]:
        """The units of one text, and what each asks."""
        from recipe_udfs.identity import hash128

        for place, piece in enumerate(pieces):
            segment = text[piece["span_start"] : piece["span_end"]].decode()
            for number, prompt in enumerate(self.asked.prompts):
                messages = self.asked.messages(number, segment)
                for sample in range(self.asked.samples):
                    row = {
                        "unit": hash128("unit", doc, prompt.name, str(number), str(place), str(sample)),
                        "doc_id": doc,
                        "prompt": number,
                        "segment": place,
                        "span_start": piece["span_start"],
                        "span_end": piece["span_end"],
                        "segment_tokens": piece["tokens"],
                        "sample": sample,
                        "key": self.asked.key(messages, number, sample, 0),
                    }
                    yield row, messages

    def _reject(self, rows: list[dict[str, Any]], prompts: list[tuple[str, ...]], limits: Limits) -> None:
        from recipe_udfs.tokens import token_counts

        texts = list({text: None for prompt in prompts for text in prompt})
        counts = dict(zip(texts, token_counts(texts, local_copy(self.tokenizer)).tolist(), strict=True))
        for row, prompt in zip(rows, prompts, strict=True):
            failure = limits.failure(sum(counts[text] for text in prompt))
            if failure is not None:
                row |= {"key": None, "rejected": failure}

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
                row["key"] = self.asked.key(messages, row["prompt"], row["sample"], self.round)
            yield from pa.Table.from_pylist(rows, schema=self.schema).to_batches(max_chunksize=10_000)
