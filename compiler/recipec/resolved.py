"""A recipe with every name bound: what the checks look at and what the lowering reads.

Nothing here needs looking up again: an operator call holds the operator and a value for every
parameter, a filter has become rules, a block its statements, a parameter its value. Units are
normalised: a share is a fraction (`65%` → 0.65), K, M, B and T are applied, bytes, seconds and
counts are plain numbers with the unit's tag beside them.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Literal, Protocol

from recipec.ast import Span
from recipec.record import Record, aside

# ---- operators, as the registry offers them ----------------------------------------------------


class Parameter(Protocol):
    """One argument of an operator; see `recipec.operators` for the types."""

    name: str
    type: str
    default: object
    doc: str


class Column(Protocol):
    """A column an operator adds; `type` as Spark spells it."""

    name: str
    type: str
    doc: str


class Operator(Protocol):
    """What the compiler reads of a registered operator."""

    name: str
    kind: str
    version: int
    doc: str
    parameters: tuple[Parameter, ...]
    columns: tuple[Column, ...]
    reads: tuple[str, ...]
    run: str
    libraries: tuple[str, ...]
    variadic: bool


# ---- values and expressions --------------------------------------------------------------------


class Lit(Record):
    """A known value: str, bool, int (whole numbers), float, None (the word `none`) or a tuple (a list).

    `unit` is None or a tag of `recipec.units`: `share` (a fraction), `tokens`, `documents`, `bytes`,
    `characters`, `words`, `lines`, `s`, `gpu_hours`, `x` (a multiple), `$`. `exact` keeps the digits of a
    number as written (75.20% → 0.7520), for sums that must hold to their last digit. `word` is True for a
    text that stood as a bare word (`en` in `lang == en`).
    """

    value: object
    unit: str | None
    span: Span
    exact: Decimal | None = aside(default=None)
    word: bool = False


class EnvRef(Record):
    """`env("KEY", default = "")`: read where it is used, at run time; never in a plan or script."""

    variable: str
    default: str | None
    span: Span


class Interval(Record):
    """`low .. high`, both included, as an argument."""

    low: Expr
    high: Expr
    span: Span


class RelationRef(Record):
    """A source, relation or mix, with the tiers asked for (empty: all of it)."""

    name: str
    tiers: tuple[str, ...]
    span: Span


class ItemRef(Record):
    """A tokenizer, endpoint, table or trained model by name, as an argument; `kind` says which."""

    kind: Literal["tokenizer", "endpoint", "table", "model"]
    name: str
    span: Span


class PromptCall(Record):
    """A prompt with its parameters: `args` maps each to a value, or to a `Col` of the row."""

    prompt: str
    """Key into `Resolved.prompts`."""
    args: dict[str, Expr]
    span: Span


class Col(Record):
    """A column. `relation` is None for the row itself, `source` for the row it was made from (in transform
    and generate), else the name of another relation (`scored.documents` in an `expect`). `type` as Spark
    spells it, `any` where only the run knows; `unit` a tag as in `Lit`."""

    name: str
    type: str
    relation: str | None
    span: Span
    unit: str | None = None


class OpCall(Record):
    """An operator with a value for every parameter, defaults filled in.

    Values of `args` by the parameter's type: Lit for plain ones (a `file` is a Lit text), Col for `column`
    and `html`, a Lit tuple of texts for `columns`, RelationRef, ItemRef, PromptCall, Interval, EnvRef, or any
    expression where the type is `any`. `rest` holds further positional arguments of a variadic operator.
    `column` is the one column of the result the recipe named (`stats.words` has one; `replay.calls` one of
    several), empty where the operator has none. `text` is the call as written, on one line.
    """

    operator: Operator
    args: dict[str, Expr]
    rest: tuple[Expr, ...]
    column: str
    type: str
    text: str
    span: Span


class Compare(Record):
    """`op` is one of `<= >= == != < >`."""

    op: str
    left: Expr
    right: Expr
    span: Span


class InRange(Record):
    """`value in low .. high`, both included."""

    value: Expr
    low: Expr
    high: Expr
    span: Span


class InList(Record):
    """`value in [a, b]`."""

    value: Expr
    items: tuple[Expr, ...]
    span: Span


class OfList(Record):
    """What holds of the values of a list, `license` say: `all(license) in [a, b]` of every one, `any(license) in
    [a, b]` of one at least; `any(license)`, with `items` None, that there is one. Of a row without any, neither what
    is said `in` a list nor its opposite holds, as with every value that is not there."""

    how: Literal["all", "any"]
    value: Col
    items: tuple[Expr, ...] | None
    span: Span


class InTable(Record):
    """`value in table`: the entry for the row's key is a range."""

    value: Expr
    table: ItemRef
    span: Span


class Not(Record):
    operand: Expr
    span: Span


class And(Record):
    operands: tuple[Expr, ...]
    span: Span


class Or(Record):
    operands: tuple[Expr, ...]
    span: Span


class Arith(Record):
    """`op` is one of `+ - * /`; a folded constant is a Lit instead."""

    op: str
    left: Expr
    right: Expr
    span: Span


class Template(Record):
    """A text with row values in it (`"${segment}\\n\\n${answer}"`): parts are str or expressions."""

    parts: tuple[str | Expr, ...]
    span: Span


class Sequence(Record):
    """A list in which something differs by row, or is read from the environment; the addresses of an endpoint."""

    items: tuple[Expr, ...]
    span: Span


class Unknown(Record):
    """Stands where something could not be resolved and was reported; checks pass over it in silence."""

    span: Span


Expr = (
    Lit
    | EnvRef
    | Interval
    | RelationRef
    | ItemRef
    | PromptCall
    | Col
    | OpCall
    | Compare
    | InRange
    | InList
    | OfList
    | InTable
    | Not
    | And
    | Or
    | Arith
    | Template
    | Sequence
    | Unknown
)


# ---- statements --------------------------------------------------------------------------------


class Rule(Record):
    """One reason a row may fail by.

    `text` as written, on one line, a filter's or block's parameters replaced by short arguments; `span`
    where the rule itself stands (a line of std/gopher.recipe), `via` the place in the recipe that asked for
    it (equal to `span` for a rule written in place)."""

    expr: Expr
    text: str
    span: Span
    via: Span
    doc: str = ""


class Lang(Record):
    """Adds the columns `lang` and `lang_score`."""

    call: OpCall
    span: Span
    doc: str = ""


class Clean(Record):
    call: OpCall
    span: Span
    doc: str = ""


class Keep(Record):
    """Every rule must hold; a top-level `and` and a filter have been split into their rules."""

    rules: tuple[Rule, ...]
    span: Span
    doc: str = ""


class Dedup(Record):
    call: OpCall
    against: RelationRef | None
    text: str
    span: Span
    doc: str = ""


class Sample(Record):
    """`amount` has the unit `share` (a part of the rows) or `documents`. Settings: by, each, seed."""

    amount: Lit
    settings: dict[str, Expr]
    span: Span
    doc: str = ""


class Pair(Record):
    """Settings: each, seed."""

    relation: RelationRef
    settings: dict[str, Expr]
    span: Span
    doc: str = ""


class Score(Record):
    name: str
    expr: Expr
    type: str
    span: Span
    doc: str = ""


class TierRow(Record):
    """`op` and `bound` are None where it says `otherwise`."""

    name: str
    op: str | None
    bound: Expr | None
    span: Span
    doc: str = ""


class Tier(Record):
    by: Col
    rows: tuple[TierRow, ...]
    span: Span
    doc: str = ""


class Measure(Record):
    name: str
    expr: Expr
    span: Span
    doc: str = ""


class Expect(Record):
    rule: Rule
    span: Span
    doc: str = ""


class Ask(Record):
    """Settings by name, as in `recipec.settings`; those not written are absent."""

    endpoint: str
    prompts: tuple[PromptCall, ...]
    settings: dict[str, Expr]
    span: Span
    doc: str = ""


class Verify(Record):
    rules: tuple[Rule, ...]
    span: Span
    doc: str = ""


class On(Record):
    """`event` is `fail` or `waiting` (actions are operators) or `shortage` (a Lit each: `error`, `repeat`,
    `renormalise`); actions are tried in order."""

    event: str
    actions: tuple[OpCall | Lit, ...]
    span: Span
    doc: str = ""


class Set(Record):
    """`text = "${segment}\\n\\n${answer}"` in a transform or generate: a column of the rows it makes."""

    column: str
    expr: Expr
    type: str
    span: Span
    doc: str = ""


class Bound(Record):
    subject: Literal["epochs", "share"]
    op: str
    value: Expr
    span: Span


class Split(Record):
    by: tuple[str, ...]
    kind: Literal["weight", "curve"]
    table: ItemRef
    span: Span
    doc: str = ""


class Take(Record):
    """`value`: a share for `weight`, a multiple for `rate`, an amount with its unit for `amount`."""

    relation: RelationRef
    quantity: Literal["weight", "rate", "amount"] | None
    value: Expr | None
    bounds: tuple[Bound, ...]
    splits: tuple[Split, ...]
    span: Span
    doc: str = ""


class Cap(Record):
    """`subject`: `synthetic`, `generated` or `epochs`."""

    subject: str
    op: str
    bound: Expr
    where: Expr | None
    text: str
    span: Span
    doc: str = ""


class Exclude(Record):
    relation: RelationRef
    span: Span
    doc: str = ""


class Size(Record):
    at_most: bool
    value: Expr
    span: Span


class Phase(Record):
    name: str
    size: Size | None
    statements: tuple[MixStatement, ...]
    settings: dict[str, Expr]
    span: Span
    doc: str = ""
    complete: bool = True  # False where a `take` could not be resolved


class Misplaced(Record):
    """A statement that its body does not take (`take` in a select); a check says so."""

    verb: str
    body: str
    span: Span


Statement = (
    Lang | Clean | Keep | Dedup | Sample | Pair | Score | Tier | Measure | Expect | Ask | Verify | On | Set | Misplaced
)
MixStatement = Take | Cap | Exclude | On | Phase | Misplaced


# ---- items -------------------------------------------------------------------------------------


class Param(Record):
    """`type`: path text int number count share bytes duration money list bool. `given`: by the caller."""

    name: str
    type: str
    value: Expr
    given: bool
    span: Span
    doc: str = ""


class Tokenizer(Record):
    name: str
    call: OpCall
    span: Span
    doc: str = ""


class Endpoint(Record):
    """Settings by name, as in `recipec.settings`; `key` may be an EnvRef, `url` one or a Sequence of texts and
    EnvRefs, `tokenizer` is an ItemRef."""

    name: str
    settings: dict[str, Expr]
    span: Span
    doc: str = ""


class Reply(Record):
    """The form of an answer: `text`, `number` (of an Interval of known ends), `choice` (of two texts or more), `json`
    (of a schema: its text, or the name of a `.json` file; of none: any), `regex` (of a pattern), `trajectory`."""

    kind: str
    args: tuple[Expr, ...]
    span: Span


class Prompt(Record):
    """`parameters`: name → default, or None where the caller or the row gives it. A text's parts are str, and
    `Col` with the relation `prompt` for each `${name}`, a parameter. `key` is `nemotron_cc.wikipedia`: the
    library's name and its own; just its own in the recipe."""

    key: str
    parameters: dict[str, Expr | None]
    system: Template | None
    user: Template
    reply: Reply
    cleans: tuple[OpCall, ...]
    span: Span
    doc: str = ""
    places: dict[str, Span] | None = aside(default=None)
    """Where each parameter is declared."""


class TableEntry(Record):
    """`keys` empty: `otherwise`."""

    keys: tuple[Expr, ...]
    value: Expr
    span: Span


class Table(Record):
    name: str
    by: tuple[str, ...]
    call: OpCall | None
    entries: tuple[TableEntry, ...]
    span: Span
    doc: str = ""


class Field(Record):
    """`edu = edu` in a source: the field of the record it comes from, dots for nested ones."""

    name: str
    span: Span


class Source(Record):
    """`columns`: column of the document → where it comes from. `settings`: the rest of the source operator's
    parameters as written in the block; they are in `call.args` too, which is complete."""

    name: str
    call: OpCall
    columns: dict[str, OpCall | Field | Lit]
    settings: dict[str, Expr]
    schema: dict[str, str]
    span: Span
    doc: str = ""


class Derived(Record):
    """A select, transform or generate. `schema`: its columns and their types after the last statement;
    `tiers`: the tiers its rows can have, empty where it has none."""

    kind: Literal["select", "transform", "generate"]
    name: str
    from_: RelationRef
    statements: tuple[Statement, ...]
    schema: dict[str, str]
    tiers: tuple[str, ...]
    span: Span
    doc: str = ""


class Merge(Record):
    name: str
    relations: tuple[RelationRef, ...]
    settings: dict[str, Expr]
    schema: dict[str, str]
    tiers: tuple[str, ...]
    span: Span
    doc: str = ""


class Train(Record):
    """Settings: target, features, head, epochs, learning_rate, held_out, seed …"""

    name: str
    from_: RelationRef
    settings: dict[str, Expr]
    statements: tuple[Measure | Expect | Misplaced, ...]
    span: Span
    doc: str = ""


class Rounds(Record):
    name: str
    range: Interval
    stops: tuple[Expr, ...]
    span: Span
    doc: str = ""
    round: int = 0
    """Which of them this run is: `--param k=2`, else the first."""


class Mix(Record):
    """Settings: tokenizer, tolerance, seed."""

    name: str
    size: Size | None
    statements: tuple[MixStatement, ...]
    settings: dict[str, Expr]
    schema: dict[str, str]
    tiers: tuple[str, ...]
    span: Span
    doc: str = ""
    complete: bool = True  # False where a `take` could not be resolved


class Write(Record):
    relation: RelationRef
    sink: OpCall
    partition: tuple[str, ...]
    expects: tuple[Expect, ...]
    misplaced: tuple[Misplaced, ...]
    settings: dict[str, Expr]
    span: Span
    doc: str = ""
    partition_span: Span | None = aside(default=None)
    """Where the columns it is partitioned by are named."""


class Compute(Record):
    settings: dict[str, Expr]
    expects: tuple[Expect, ...]
    misplaced: tuple[Misplaced, ...]
    span: Span
    doc: str = ""


class UnusedItem(Record):
    """An item of the recipe that nothing refers to; `kind` is its keyword."""

    kind: str
    name: str
    span: Span


class Resolved(Record):
    """One recipe, whole. `files` maps a name as it stands in spans (`web.recipe`, `std/gopher.recipe`,
    `./mine.recipe`) to the text of that file. `relations` and `mixes` stand in dependency order, everything
    else in the order of the text. What could not be resolved is absent or holds `Unknown`; never lower a
    recipe that has an error."""

    name: str
    edition: int | None
    doc: str
    files: dict[str, str]
    params: dict[str, Param]
    tokenizers: dict[str, Tokenizer]
    endpoints: dict[str, Endpoint]
    prompts: dict[str, Prompt]
    tables: dict[str, Table]
    sources: dict[str, Source]
    relations: dict[str, Derived | Merge]
    models: dict[str, Train]
    rounds: Rounds | None
    mixes: dict[str, Mix]
    writes: tuple[Write, ...]
    compute: Compute | None
    unused: tuple[UnusedItem, ...] = ()
    incomplete: bool = False
    """True where something could not be read or resolved: what is missing then is not reported as missing."""
