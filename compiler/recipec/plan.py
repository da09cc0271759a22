"""The plan: a DAG of typed, frozen nodes, each with its place in the recipe and the digest of what it does.

A node's `digest` is its operation digest: operation, arguments, operator versions, hashes of the files it
names, and the digests below it. It is taken while lowering, before any pass, and holds no item name, path or
position; the namespace of a source is the one exception.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from recipec.plan_items import Compute, Expect, Measure, Merge, Pair, Rounds, Table, Train
from recipec.plan_mixes import Cap, Mix, Phase, Split, Take  # noqa: F401
from recipec.plan_node import Node, Part
from recipec.plan_values import (  # noqa: F401 - a plan's vocabulary is read from here
    Arith,
    Bucket,
    Call,
    CallValue,
    Col,
    Combine,
    Compare,
    Entry,
    EnvValue,
    Expr,
    ExprValue,
    FieldValue,
    FilesValue,
    FileValue,
    Frozen,
    InEntry,
    InList,
    InRange,
    Junction,
    Known,
    Lit,
    LiteralValue,
    Many,
    NodeValue,
    Not,
    Of,
    Operation,
    Parent,
    Percentile,
    PromptUse,
    PromptValue,
    Rule,
    Scalar,
    Span,
    Sparse,
    Text,
    Value,
    digest,
    identity,
)


class Source(Node):
    kind: Literal["source"] = "source"
    reader: Operation
    columns: tuple[tuple[str, Operation | FieldValue | LiteralValue], ...]


class AnnotateColumn(Frozen):
    """Columns made by one operator call."""

    outputs: tuple[str, ...]
    operation: Operation
    digest: str


class Annotate(Node):
    """Adds columns computed from `texts` to the rows; `rows` is None where the chain begins here."""

    kind: Literal["annotate"] = "annotate"
    texts: str
    rows: str | None
    columns: tuple[AnnotateColumn, ...]


class Shared(Node):
    """Columns that another relation has computed over the same texts; `rows` is None where the chain begins here."""

    kind: Literal["shared"] = "shared"
    rows: str | None
    columns: str
    outputs: tuple[str, ...]


class Begin(Node):
    """The rows of `texts`, undecided: where a select asks for no column that has to be computed."""

    kind: Literal["begin"] = "begin"
    texts: str


class Edit(Node):
    """`clean …`: texts changed by an operator."""

    kind: Literal["edit"] = "edit"
    texts: str
    rows: str | None
    operation: Operation


class Keep(Node):
    kind: Literal["keep"] = "keep"
    rows: str
    rules: tuple[Rule, ...]


class Against(Frozen):
    """The rows that a dedup compares with and never drops; `columns` has their key, None where the rows do."""

    part: Part
    texts: str
    columns: str | None


class Dedup(Node):
    """`key`: the column compared. `texts`: what verification reads."""

    kind: Literal["dedup"] = "dedup"
    rows: str
    texts: str
    operation: Operation
    key: str
    rule: str
    reads: tuple[str, ...]
    against: Against | None = None


class Sample(Node):
    """The rows of smallest hash: a share (0 to 1) of them or a number, by weight or for each value of a column
    where it says so."""

    sparse = ("by", "each")

    by: Literal["bytes", "tokens"] | None = None
    each: str | None = None
    kind: Literal["sample"] = "sample"
    rows: str
    share: float | None
    count: int | None
    seed: int
    rule: str
    reads: tuple[str, ...]


class ScoreColumn(Frozen):
    """A classifier's number for each text. `digest` is over model, preparation and operator version only: it
    is what the score is kept by, beside the text's hash."""

    name: str
    operation: Operation
    digest: str
    at: str


class Score(Node):
    """Scores of the rows still alive. That a text without a score falls out is decided by a `Scored`."""

    kind: Literal["score"] = "score"
    rows: str
    texts: str
    columns: tuple[ScoreColumn, ...]
    reads: tuple[str, ...]


class Scored(Node):
    """Rows without a score fall out, and rows that fell out before have none: the rules say which column it is."""

    kind: Literal["scored"] = "scored"
    rows: str
    rules: tuple[Rule, ...]


class Fit(Node):
    """The thresholds that cut `column` into `parts` of equal weight, over the rows of `over`; without `parts` the
    whole distribution. `within`: for each value of this column."""

    sparse = ("within",)

    within: str | None = None
    kind: Literal["fit"] = "fit"
    over: Part
    column: str
    parts: int | None
    weight: Literal["documents", "bytes", "tokens"]
    reads: tuple[str, ...]


class Tiers(Node):
    """Some tiers' rows of a relation, where a select begins."""

    kind: Literal["tiers"] = "tiers"
    part: Part


class Derived(Node):
    """A column computed from others."""

    kind: Literal["derived"] = "derived"
    rows: str
    column: str
    expr: Expr


class TierCut(Frozen):
    """`op` and `bound` are None where it says `otherwise`."""

    name: str
    op: str | None
    bound: Scalar


class Tier(Node):
    kind: Literal["tier"] = "tier"
    rows: str
    by: str
    cuts: tuple[TierCut, ...]


class Select(Node):
    """The end of a select: `drop` are columns only its dedups needed, `began` the tiers it began with."""

    kind: Literal["select"] = "select"
    rows: str
    reads: tuple[str, ...]
    drop: tuple[str, ...]
    began: str | None = None


EndpointSetting = Value | EnvValue | tuple[str | EnvValue, ...]
"""The last of these: the addresses of a pool."""


class Endpoint(Node):
    """Where model calls go. Its digest is over those of the settings that say which answers it gives. Money is in
    dollars, times are in seconds; `coordinator` is False where the recipe wants none."""

    kind: Literal["endpoint"] = "endpoint"
    settings: dict[str, EndpointSetting]


class Units(Node):
    """What is to be asked: each (row, prompt, segment, sample) with its key. `max_prompt`: the longest prompt, in
    tokens; a longer one is rejected and not asked."""

    sparse = ("max_prompt",)

    kind: Literal["units"] = "units"
    part: Part
    texts: str
    endpoint: str
    prompts: tuple[PromptUse, ...]
    segment: Operation | None
    tokenizer: FileValue | None
    samples: int
    request: dict[str, Value]
    max_prompt: int | None = None
    reads: tuple[str, ...]


class AnswerScore(Frozen):
    """A figure of an answer beside its segment."""

    name: str
    operation: Operation


class AnswerFigure(Frozen):
    """A figure of an answer computed from others, from its source, or over all answers to a question."""

    name: str
    expr: Expr


class Best(Frozen):
    """Of the answers to one question, the `n` highest by a column stay."""

    n: int
    by: str
    descending: bool
    rule: str
    at: str


class Ask(Node):
    """The answers to the units of `units`, judged. `clean` edits an answer after its prompt's own steps; `keeps`
    decide after `rules`, before `best`. `tolerate`: the share of units that may go on waiting, 0 to 1. `timeout`: of
    one request, in seconds."""

    sparse = ("clean", "keeps", "timeout")

    clean: tuple[Operation, ...] = ()
    keeps: tuple[Rule, ...] = ()
    kind: Literal["ask"] = "ask"
    units: str
    scores: tuple[AnswerScore | AnswerFigure, ...]
    rules: tuple[Rule, ...]
    best: Best | None
    retry: int
    on_fail: Literal["discard", "quarantine", "keep_source"]
    tolerate: float | None
    timeout: float | None = None


class Derive(Node):
    """Documents made of answers. `template` is the text in parts ({"var": "segment" | "answer"}); `columns` are
    others that the recipe sets, the text where it is more than parts."""

    sparse = ("columns",)

    columns: dict[str, Expr] = {}
    kind: Literal["derive"] = "derive"
    how: Literal["transform", "generate"]
    ask: str
    rejoin: str | None
    template: tuple[str | dict[str, str], ...] | None
    scores: tuple[str, ...]


class Documents(Frozen):
    """Rows with their texts, as documents: `made` says that the texts' relation has whole documents already.
    `scores` go into the map `scores`, `columns` are the recipe's own."""

    part: Part
    texts: str
    made: bool
    scores: tuple[str, ...]
    columns: tuple[str, ...]


class Expectation(Frozen):
    operator: Literal["unique", "not_null"]
    columns: tuple[str, ...]
    at: str


class Write(Node):
    """`documents` are united; `draw` is the mix that says which of them, and how often. `rules`: conditions over
    figures of the whole that it expects."""

    sparse = ("rules",)

    rules: tuple[Rule, ...] = ()
    kind: Literal["write"] = "write"
    documents: tuple[Documents, ...]
    draw: str | None
    sink: Operation
    partition: tuple[str, ...]
    expects: tuple[Expectation, ...]
    evolve: bool


AnyNode = Annotated[
    Source | Annotate | Shared | Begin | Edit | Keep | Dedup | Sample | Score | Scored | Fit | Tiers | Derived | Tier
    | Select | Endpoint | Units | Ask | Derive | Mix | Write
    | Table | Merge | Pair | Measure | Expect | Train | Rounds | Compute,
    Field(discriminator="kind"),
]  # fmt: skip


class Plan(Frozen):
    """One recipe, ready to emit. `files`: every file it was made of; nodes stand in the script's order."""

    recipe: str
    compiler: str
    files: dict[str, str]
    params: dict[str, str]
    lake: str
    nodes: tuple[AnyNode, ...]

    def node(self, name: str) -> AnyNode:
        """The node of that name; KeyError where there is none."""
        for node in self.nodes:
            if node.name == name:
                return node
        raise KeyError(name)
