"""What runs in a Spark Python worker after a model has answered: answers taken apart and measured, documents made."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from recipe_runtime.worker import Blob, check_libraries, function_of, local_copy, local_value


@dataclass(frozen=True)
class AnswerFigure:
    """An operator over (answer, segment) and the column it fills."""

    name: str
    run: str
    operator: str
    args: Mapping[str, Any]


@dataclass(frozen=True)
class Judge:
    """Units with segment and raw answer → the cleaned answer and its figures; an answer of white space is none.

    `failed` and `failed_at` say which cleaning step did not find what it needs, and where the recipe has it.
    `cleans`: for each prompt (run, operator, args, text of the step, place). The schema's further columns are
    carried as they are.
    """

    cleans: tuple[tuple[tuple[str, str, Mapping[str, Any], str, str], ...], ...]
    figures: tuple[AnswerFigure, ...]
    tokenizer: Blob
    schema: Any
    libraries: Mapping[str, str]

    def __call__(self, batches: Iterator[Any]) -> Iterator[Any]:
        import pyarrow as pa
        import pyarrow.compute as pc

        check_libraries(self.libraries)
        for batch in batches:
            table = pa.Table.from_batches([batch])
            for prompt, steps in enumerate(self.cleans):
                part = table.filter(pc.equal(table["prompt"], prompt))
                if part.num_rows:
                    made = self._judged(part.combine_chunks(), steps)
                    yield from made.to_batches(max_chunksize=10_000)

    def _judged(self, part: Any, steps: Sequence[tuple[str, str, Mapping[str, Any], str, str]]) -> Any:
        import pyarrow as pa
        from recipe_udfs.operator import Call
        from recipe_udfs.tokens import count_tokens

        size = part.num_rows
        segment = part["source_text"].combine_chunks().cast(pa.large_string())
        raw = part["answer"].to_pylist()
        answer = pa.array([one if one and not one.isspace() else None for one in raw], pa.large_string())
        failed: list[str | None] = [None] * size
        failed_at: list[str | None] = [None] * size
        for run, operator, args, text, at in steps:
            before = answer.is_null().to_pylist()
            answer = function_of(run)({"text": answer}, [Call(operator, dict(args))])[0][0].cast(pa.large_string())
            for i, now in enumerate(answer.is_null().to_pylist()):
                if now and not before[i]:
                    failed[i], failed_at[i] = text, at
        tokenizer = local_copy(self.tokenizer)
        both = {"answer": answer, "segment": segment}
        made: dict[str, Any] = {
            "answer": answer,
            "failed": pa.array(failed, pa.string()),
            "failed_at": pa.array(failed_at, pa.string()),
            "tokens": count_tokens({"text": answer}, [Call("tokens", {"tokenizer": tokenizer})])[0][0],
        }
        for figure in self.figures:
            args = {k: local_value(v) for k, v in figure.args.items()}
            made[figure.name] = function_of(figure.run)(both, [Call(figure.operator, args)])[0][0]
        arrays = [
            (made[f.name] if f.name in made else part[f.name].combine_chunks()).cast(f.type) for f in self.schema
        ]
        return pa.Table.from_arrays(arrays, schema=self.schema)


@dataclass(frozen=True)
class MakeDocuments:
    """Groups of answers of one document → texts. `template`: parts, {"var": "segment" | "answer"}, the segment in
    `text`; None joins the answers by `rejoin`.

    `generated_tokens`: tokens of what the model wrote, at most those of the text; `copied_tokens`: of these, tokens
    in spans of 13 or more words that the segment has too. Sums over the answers, each counted alone.
    """

    rejoin: str
    template: tuple[Any, ...] | None
    tokenizer: Blob
    schema: Any

    def __call__(self, batches: Iterator[Any]) -> Iterator[Any]:
        import pyarrow as pa
        from recipe_udfs.operator import Call
        from recipe_udfs.prompts import render
        from recipe_udfs.tokens import count_tokens

        tokenizer = local_copy(self.tokenizer)
        for batch in batches:
            rows = batch.to_pylist()
            for row in rows:
                parts = row.pop("parts")
                texts = [part["answer"] for part in parts]
                if self.template is not None:
                    (only,) = parts
                    values = {"segment": row["text"], "answer": only["answer"]}
                    text = render({"user": self.template}, values)[0]["content"]
                else:
                    text = self.rejoin.join(texts)
                self._fill(row, parts, text)
            made = pa.array([row["text"] for row in rows], pa.large_string())
            (counts,) = count_tokens({"text": made}, [Call("tokens", {"tokenizer": tokenizer})])[0]
            for row, tokens in zip(rows, counts.to_pylist(), strict=True):
                whole = self.template is None and not row.pop("has_source")
                row["tokens"] = tokens
                row["generated_tokens"] = tokens if whole else min(tokens, row["generated_tokens"])
                row["copied_tokens"] = min(row["generated_tokens"], row["copied_tokens"])
            yield from pa.Table.from_pylist(rows, schema=self.schema).to_batches(max_chunksize=10_000)

    def _fill(self, row: dict[str, Any], parts: Sequence[Mapping[str, Any]], text: str) -> None:
        from recipe_udfs.identity import hash128, text_hash

        keys = [part["key"] for part in parts]
        written = [part for part in parts if not part["from_source"]]
        row["has_source"] = len(written) < len(parts)
        row["origin"] = "mixed" if row["has_source"] or self.template is not None else "synthetic"
        row["text"] = text
        row["text_hash"] = text_hash(text)
        row["text_bytes"] = len(text.encode())
        row["generations"] = keys
        row["parent_ids"] = [row["doc_id"]]
        row["doc_id"] = hash128("derived", row["doc_id"], *keys, row["text_hash"])
        row["generated_tokens"] = sum(part["tokens"] for part in written)
        row["copied_tokens"] = sum(part["copied_tokens"] for part in written)
        row["scores"] = _least([dict(part["scores"] or ()) for part in written])


def _least(figures: Sequence[Mapping[str, float | None]]) -> dict[str, float]:
    """The smallest value of each score over the answers of a document: what its weakest part has."""
    found: dict[str, float] = {}
    for one in figures:
        for name, value in one.items():
            if value is not None:
                found[name] = min(value, found.get(name, value))
    return found
