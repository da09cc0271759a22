"""Columns of a document, and what each step of a recipe adds; types as Spark spells them."""

from __future__ import annotations

DOCUMENT = {
    "doc_id": "string",
    "origin_id": "string",
    "text": "string",
    "text_hash": "string",
    "bytes": "bigint",
    "source": "string",
    "url": "string",
    "url_id": "string",
    "domain": "string",
    "license": "array<string>",
    "fetched_at": "timestamp",
    "origin": "string",
    "root_ids": "array<string>",
    "parent_ids": "array<string>",
    "step": "string",
    "generations": "array<string>",
    "tokens": "bigint",
    "generated_tokens": "bigint",
    "copied_tokens": "bigint",
    "meta": "map<string,string>",
}
"""Every document has these, from its source to the table it is written to."""

LANGUAGE = {"lang": "string", "lang_score": "double"}
TIER = {"tier": "string"}
ANSWER = {
    "answer": "string",
    "segment": "string",
    "segment_tokens": "bigint",
    "prompt": "string",
    "prompt_tokens": "bigint",
    "sample": "bigint",
    "finish": "string",
    "logprob": "double",
}
"""What `ask` adds: one row for each (row, segment, prompt, sample). `logprob` is there where its `logprobs` is true."""

MIXED = {"epoch": "int", "phase": "string"}
TABLE = {"epoch": "int"}
NOT_WRITTEN = ("origin_id", "text_hash", "bytes", "url_id")
WRITTEN = {
    name: {**DOCUMENT, **TABLE, **LANGUAGE, **TIER, "scores": "map<string,double>"}[name]
    for name in (
        "doc_id", "epoch", "text", "source", "url", "domain", "license", "fetched_at", "lang", "tier", "origin",
        "root_ids", "parent_ids", "step", "generations", "tokens", "generated_tokens", "copied_tokens", "scores",
        "meta",
    )
}  # fmt: skip
"""What every table has that is written; the recipe's own columns follow. Scores stand in the map."""

RESERVED = frozenset({*DOCUMENT, *LANGUAGE, *TIER, *ANSWER, *MIXED, "rejected", "id"})
"""Names that no score, measure or column of one's own may take."""

FROM_SOURCE = {
    "id": "string",
    "text": "string",
    "license": "array<string>",
    "url": "string",
    "fetched_at": "timestamp",
    "lang": "string",
}
"""Columns of the document that a source's block may set; `id` is the record's key."""

FINISH_WORDS = ("stop", "length", "content_filter", "tool_calls", "refusal")
ORIGIN_WORDS = ("organic", "synthetic", "mixed")

DATASET = {"documents": "bigint", "tokens": "bigint", "bytes": "bigint"}
"""Figures of a whole relation, in `expect`."""


def kind_of(type_: str) -> str:
    """`text`, `number`, `bool`, `list`, `map`, `time` or `any`: what a comparison may do with it."""
    if type_.startswith("array<"):
        return "list"
    if type_.startswith(("map<", "struct<")):
        return "map"
    return {"string": "text", "boolean": "bool", "timestamp": "time", "date": "time", "any": "any"}.get(type_, "number")
