"""What runs in a Spark Python worker after a model has answered: answers taken apart and measured, documents made."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
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
class CleanStep:
    """An operator that takes an answer apart; `text` is how the recipe has it."""

    run: str
    operator: str
    args: Mapping[str, Any]
    text: str


@dataclass(frozen=True)
class AnswerForm:
    """How the answers to one prompt are taken apart, the form that `recipe_udfs.replies` then looks for in them
    (None: any text), and where the recipe has the prompt."""

    cleans: tuple[CleanStep, ...]
    reply: Sequence[Any] | None
    at: str


@dataclass(frozen=True)
class Judge:
    """Units with segment and raw answer → the cleaned answer and its figures; an answer of white space is none.

    `failed`, as `rejected` holds it: the first cleaning step that did not find what it needs, or the form that the
    cleaned answer does not have. `forms`: one for each prompt. The schema's further columns are carried as they are.
    """

    forms: tuple[AnswerForm, ...]
    figures: tuple[AnswerFigure, ...]
    tokenizer: Blob
    schema: Any
    libraries: Mapping[str, str]

    def __call__(self, batches: Iterator[Any]) -> Iterator[Any]:
        import pyarrow as pa
        import pyarrow.compute as pc
        from recipe_udfs.replies import looker

        check_libraries(self.libraries)
        lookers = [looker(form.reply) if form.reply is not None else None for form in self.forms]
        for batch in batches:
            table = pa.Table.from_batches([batch])
            for prompt, form in enumerate(self.forms):
                part = table.filter(pc.equal(table["prompt"], prompt))
                if part.num_rows:
                    made = self._judged(part.combine_chunks(), form, lookers[prompt])
                    yield from made.to_batches(max_chunksize=10_000)

    def _judged(self, part: Any, form: AnswerForm, look: Callable[[str], str | None] | None) -> Any:
        import pyarrow as pa
        from recipe_udfs.operator import Call
        from recipe_udfs.tokens import count_tokens

        segment = part["source_text"].combine_chunks().cast(pa.large_string())
        answer, failed = _taken_apart(part["answer"].to_pylist(), form, look)
        tokenizer = local_copy(self.tokenizer)
        both = {"answer": answer, "segment": segment}
        made: dict[str, Any] = {
            "answer": answer,
            "failed": pa.array(failed, self.schema.field("failed").type),
            "tokens": count_tokens({"text": answer}, [Call("tokens", {"tokenizer": tokenizer})])[0][0],
        }
        for figure in self.figures:
            args = {k: local_value(v) for k, v in figure.args.items()}
            made[figure.name] = function_of(figure.run)(both, [Call(figure.operator, args)])[0][0]
        arrays = [
            (made[f.name] if f.name in made else part[f.name].combine_chunks()).cast(f.type) for f in self.schema
        ]
        return pa.Table.from_arrays(arrays, schema=self.schema)


def _taken_apart(
    raw: Sequence[str | None], form: AnswerForm, look: Callable[[str], str | None] | None
) -> tuple[Any, list[dict[str, str] | None]]:
    """(the cleaned answers as an Arrow array, how each failed)."""
    import pyarrow as pa
    from recipe_udfs.operator import Call
    from recipe_udfs.replies import wanted

    answer = pa.array([one if one and not one.isspace() else None for one in raw], pa.large_string())
    failed: list[dict[str, str] | None] = [None] * len(raw)
    for step in form.cleans:
        before = answer.is_null().to_pylist()
        call = Call(step.operator, dict(step.args))
        answer = function_of(step.run)({"text": answer}, [call])[0][0].cast(pa.large_string())
        for i, now in enumerate(answer.is_null().to_pylist()):
            if now and not before[i]:
                failed[i] = {"rule": step.text, "value": "not there", "threshold": "there", "at": form.at}
    if look is not None:
        rule = {"rule": f"reply {form.reply[0]}", "threshold": wanted(form.reply)[:200], "at": form.at}
        for i, text in enumerate(answer.to_pylist()):
            found = look(text) if text is not None else None
            if found is not None:
                failed[i] = {**rule, "value": found}
    return answer, failed


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

        # A unit whose prompt was too long has no key, and its document an identity all the same.
        names = [part["key"] or part["unit"] for part in parts]
        written = [part for part in parts if not part["from_source"]]
        row["has_source"] = len(written) < len(parts)
        row["origin"] = "mixed" if row["has_source"] or self.template is not None else "synthetic"
        row["text"] = text
        row["text_hash"] = text_hash(text)
        row["text_bytes"] = len(text.encode())
        row["generations"] = [part["key"] for part in parts if part["key"]]
        row["parent_ids"] = [row["doc_id"]]
        row["doc_id"] = hash128("derived", row["doc_id"], *names, row["text_hash"])
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
