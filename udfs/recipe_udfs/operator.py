"""What an operator says of itself: name, kind, typed parameters, columns, version, and where its code is.

Pure data and the standard library, because the compiler reads signatures while it checks a recipe:
nothing heavy may be imported from here or from a module that only declares operators.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

REQUIRED = "<required>"
"""Stands in `Parameter.default` where the recipe must give the value."""

IN_RUNTIME = "runtime"
"""Stands in `Operator.run` where no function is called on a worker."""


class OperatorError(RuntimeError):
    """An operator cannot work with what it was given, a model file say: what is wrong, and one sentence about what
    to do. The job ends with it as a step's error."""

    def __init__(self, message: str, *, remedy: str) -> None:
        super().__init__(message, remedy)  # both, so that it can be pickled on its way to the driver
        self.message, self.remedy = message, remedy

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuilt, (type(self), self.message, self.remedy)

    def __str__(self) -> str:
        return f"{self.message}\n  help: {self.remedy}"


def _rebuilt(kind: type[OperatorError], message: str, remedy: str) -> OperatorError:
    return kind(message, remedy=remedy)


Kind = Literal[
    "source",     # warc, jsonl, parquet, csv, delta: reads records
    "extract",    # trafilatura, page_license …: from a record's HTML to columns
    "language",   # fasttext: `lang by …`
    "statistic",  # stats.*, contains, tokens …: a figure or truth value of a text
    "signature",  # what a dedup needs of each text; never named in a recipe
    "clean",      # lines …: edits the text
    "dedup",      # exact, minhash: removes rows
    "score",      # onnx, bucket, max, lexical_support …
    "segment",    # lines(max = …) in `ask`
    "action",     # discard, retry(n) … after `on fail`
    "expect",     # unique, not_null
    "sink",       # delta(lake) in `write`
    "tokenizer",  # hf(file)
    "head",       # linear …: what `train` fits on the features
    "tools",      # what a model may call in `ask`
]


@dataclass(frozen=True, slots=True)
class Parameter:
    """One argument of an operator.

    `type` is one of: `text` `bool` `int` `number` `share` (0..1) `count` (documents, tokens …)
    `bytes` `duration` (seconds) `characters` `words` `tokens` `path` `file` (a model or list, pinned
    by hash) `column` (a column of the row) `html` (the page of the record) `columns` `relation`
    `endpoint` `prompt` `tokenizer` `segment` `head` `tools` `range` `any`; `shingle` (a number of words
    or of characters, as a plain value the text `5 words` or `24 characters`); `list[T]`; or a choice of bare words
    `lowest_id|longest`. `T?` also admits the word `none` (None as a plain value).
    """

    name: str
    type: str
    default: Any = REQUIRED
    doc: str = ""
    embedded: tuple[str, ...] = ()  # for a `file`: names of files the operator's libraries carry themselves
    later: bool | tuple[str, ...] = False  # known, cannot run yet (E0900): these words, or all but the default
    added: bool = False                    # came after digests were taken: left out of a plan at its default


@dataclass(frozen=True, slots=True)
class Column:
    """A column an operator adds. `type` as Spark spells it: `string`, `double`, `array<bigint>` …"""

    name: str
    type: str
    doc: str = ""


@dataclass(frozen=True, slots=True)
class Operator:
    """One registered operator. `run` is `module:function`, imported on the worker that needs it;
    empty where this version knows the signature but cannot run it (the compiler says E0900)."""

    name: str
    kind: Kind
    version: int
    doc: str
    parameters: tuple[Parameter, ...] = ()
    columns: tuple[Column, ...] = ()
    reads: tuple[str, ...] = ("text",)
    run: str = ""
    libraries: tuple[str, ...] = ()  # distributions whose results it carries: versions enter step digests;
                                     # of `a|b`, which bring one module, the one that is installed counts
    variadic: bool = False           # takes any number of further positional arguments (max, mean)
    carries: tuple[str, ...] = ()    # files of its libraries that every call reads, by a name; the others are
                                     # `embedded` in a parameter
    carried_at: str = ""             # `module:function`: from the name of such a file to its path, so that a lock
                                     # pins it; it and its module import nothing heavy

    def load(self) -> Callable[..., Any]:
        """The function behind the operator."""
        module, _, function = self.run.partition(":")
        return getattr(importlib.import_module(module), function)


@dataclass(frozen=True, slots=True)
class Call:
    """An operator with its arguments: every parameter by name, defaults filled in, plain values only."""

    operator: str
    args: Mapping[str, Any] = field(default_factory=dict)


RunColumns = Callable[[Mapping[str, Any], Sequence[Call]], list[list[Any]]]
"""The shape of `run` for the kinds extract, language, statistic, signature and clean.

`run(inputs, calls)`: `inputs` maps the operator's `reads` to Arrow arrays of one length (`text` and
`html` are large_string, `url` string; null where there is nothing), `calls` are all calls in this
batch that share the same `run`, so that one walk over the text serves them all. Returns, for each
call, one Arrow array for each of its operator's `columns`, in order. A null text gives nulls.
"""
