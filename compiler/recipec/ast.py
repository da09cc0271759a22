"""The syntax tree of a recipe file: frozen records with spans, exactly what is written and no more.

Nothing is looked up here: a name is a name, a number is its digits and its unit. Offsets are in
characters of the file's text as it was read.
"""

from __future__ import annotations

from bisect import bisect_right
from decimal import Decimal
from functools import cached_property
from typing import Literal

from recipec.record import Record, aside


class Span(Record):
    """Characters `start` up to, not including, `end` of the file named `file` (a key of `Resolved.files`)."""

    file: str
    start: int
    end: int

    def to(self, other: Span) -> Span:
        """From the beginning of this to the end of the other, in one file."""
        return Span(self.file, self.start, other.end)


class LineIndex:
    """Offsets to lines and columns of one text; both count from 1, columns in characters."""

    def __init__(self, text: str):
        self.text = text
        self._last = (0, "")  # a long line with many findings is cut out once

    @cached_property
    def _starts(self) -> list[int]:
        starts, at = [0], self.text.find("\n")
        while at >= 0:
            starts.append(at + 1)
            at = self.text.find("\n", at + 1)
        return starts

    def position(self, offset: int) -> tuple[int, int]:
        """(line, column) of an offset; one past the end is allowed."""
        line = bisect_right(self._starts, offset)
        return line, offset - self._starts[line - 1] + 1

    def line(self, number: int) -> str:
        """The text of a line without its line ending."""
        if self._last[0] != number:
            start = self._starts[number - 1]
            end = self._starts[number] - 1 if number < len(self._starts) else len(self.text)
            self._last = number, self.text[start:end].removesuffix("\r")
        return self._last[1]

    def start(self, number: int) -> int:
        """Offset of the first character of a line."""
        return self._starts[number - 1]


class Comment(Record):
    """`# …` as written, without the line ending; a formatter places it by its span."""

    text: str
    span: Span


class Ident(Record):
    """A name where it is introduced."""

    text: str
    span: Span


# ---- expressions -------------------------------------------------------------------------------


class Number(Record):
    """`30%`, `10B tokens`, `$200`. `value` has K, M, B or T applied; `unit` as written, `$` for money."""

    value: Decimal
    unit: str | None
    text: str
    span: Span
    height = 0


class Name(Record):
    """`edu`, `gopher.quality`."""

    parts: tuple[str, ...]
    span: Span
    height = 0

    @property
    def text(self) -> str:
        return ".".join(self.parts)


class Text(Record):
    """`"…"` or `\"\"\"…\"\"\"`: plain pieces, escapes replaced, and a Name for each `${name}`. Of a text of
    several lines the common indentation is gone and so are the line breaks next to the quotes."""

    parts: tuple[str | Name, ...]
    multiline: bool
    span: Span
    height = 0

    @property
    def plain(self) -> str | None:
        """The text, or None if it has a `${name}` in it."""
        if not self.parts:
            return ""
        return self.parts[0] if len(self.parts) == 1 and isinstance(self.parts[0], str) else None


class Argument(Record):
    """`edu` or `weight = documents` in a call."""

    name: Ident | None
    value: Expr
    span: Span


class Call(Record):
    """`onnx("x.onnx", clamp = 0 .. 5)`."""

    function: Name
    arguments: tuple[Argument, ...]
    span: Span
    height: int = aside(default=0)


class List(Record):
    """`[a, b]`."""

    items: tuple[Expr, ...]
    span: Span
    height: int = aside(default=0)


class Range(Record):
    """`low .. high`, both included."""

    low: Expr
    high: Expr
    span: Span
    height: int = aside(default=0)


class Negative(Record):
    """`-x`."""

    operand: Expr
    span: Span
    height: int = aside(default=0)


class Arith(Record):
    """`a + b`, `a - b`, `a * b`, `a / b`."""

    op: str
    left: Expr
    right: Expr
    span: Span
    height: int = aside(default=0)


class Compare(Record):
    """`a >= b` and its like; `op` is one of `<= >= == != < >`."""

    op: str
    left: Expr
    right: Expr
    span: Span
    height: int = aside(default=0)


class In(Record):
    """`x in 3 .. 10`, `x in [a, b]`, `x in languages`."""

    value: Expr
    container: Expr
    span: Span
    height: int = aside(default=0)


class Not(Record):
    """`not x`."""

    operand: Expr
    span: Span
    height: int = aside(default=0)


class And(Record):
    """`a and b and c`, two or more."""

    operands: tuple[Expr, ...]
    span: Span
    height: int = aside(default=0)


class Or(Record):
    """`a or b or c`, two or more."""

    operands: tuple[Expr, ...]
    span: Span
    height: int = aside(default=0)


Expr = Number | Text | Name | Call | List | Range | Negative | Arith | Compare | In | Not | And | Or


# ---- parts of items ----------------------------------------------------------------------------


class Relation(Record):
    """`web`, `web[high, medium]`."""

    name: Name
    tiers: tuple[Ident, ...]
    span: Span


class Parameter(Record):
    """A parameter of a filter, block or prompt."""

    name: Ident
    default: Expr | None
    span: Span


class Rule(Record):
    """One line of a filter or of `verify`."""

    expr: Expr
    doc: str
    span: Span


# ---- statements --------------------------------------------------------------------------------


class Setting(Record):
    """`name = value`."""

    name: Ident
    value: Expr
    doc: str
    span: Span


class Splice(Record):
    """`use sampling`: puts in what a block says."""

    block: Name | Call
    doc: str
    span: Span


class Lang(Record):
    """`lang by fasttext("lid.176")`."""

    operator: Name | Call
    doc: str
    span: Span


class Clean(Record):
    """`clean lines(min_words = 3)`."""

    operator: Name | Call
    doc: str
    span: Span


class Keep(Record):
    """`keep lang == en`."""

    expr: Expr
    doc: str
    span: Span


class Dedup(Record):
    """`dedup exact(of = text) [against web]`."""

    operator: Name | Call
    against: Relation | None
    doc: str
    span: Span


class Sample(Record):
    """`sample 10% { … }`."""

    amount: Number
    settings: tuple[Setting | Splice, ...]
    doc: str
    span: Span


class Pair(Record):
    """`pair personas { each = 4 }`."""

    relation: Relation
    settings: tuple[Setting | Splice, ...]
    doc: str
    span: Span


class Score(Record):
    """`score edu = onnx("std/edu.onnx")`."""

    name: Ident
    expr: Expr
    doc: str
    span: Span


class TierRow(Record):
    """`high >= 19`; `op` and `bound` are None where it says `otherwise`."""

    name: Ident
    op: str | None
    bound: Expr | None
    doc: str
    span: Span


class Tier(Record):
    """`tier by quality { … }`."""

    by: Ident
    rows: tuple[TierRow, ...]
    doc: str
    span: Span


class Measure(Record):
    """`measure top_opening = first_sentence_share(top = 1)`."""

    name: Ident
    expr: Expr
    doc: str
    span: Span


class Expect(Record):
    """`expect unique(doc_id)`."""

    expr: Expr
    doc: str
    span: Span


class Ask(Record):
    """`ask rewriter using prompts.wikipedia { … }`."""

    endpoint: Name
    prompts: tuple[Name | Call, ...]
    settings: tuple[Setting | Splice, ...]
    doc: str
    span: Span


class Verify(Record):
    """`verify { … }`."""

    rules: tuple[Rule, ...]
    doc: str
    span: Span


class On(Record):
    """`on fail retry(1), discard`; `event` is `fail`, `waiting` or `shortage`."""

    event: Ident
    actions: tuple[Name | Call, ...]
    doc: str
    span: Span


class Bound(Record):
    """`epochs <= 4`, `share >= 25%` after an ingredient."""

    subject: Literal["epochs", "share"]
    op: str
    value: Expr
    span: Span


class Take(Record):
    """`take web[high] weight 18% epochs <= 4 { … }`; `quantity` is None where nothing is said."""

    relation: Relation
    quantity: Literal["weight", "rate", "amount"] | None
    value: Expr | None
    bounds: tuple[Bound, ...]
    body: tuple[Statement, ...]
    doc: str
    span: Span


class Split(Record):
    """`split by topic weight topic_share`."""

    by: tuple[Ident, ...]
    kind: Literal["weight", "curve"]
    table: Name
    doc: str
    span: Span


class Cap(Record):
    """`cap synthetic <= 30% where tier == high`."""

    subject: Ident
    op: str
    bound: Expr
    where: Expr | None
    doc: str
    span: Span


class Exclude(Record):
    """`exclude held_out`."""

    relation: Relation
    doc: str
    span: Span


class Size(Record):
    """`to 6T tokens`, `to at most total`."""

    at_most: bool
    value: Expr
    span: Span


class Phase(Record):
    """`phase first to 9T tokens { … }`."""

    name: Ident
    size: Size | None
    body: tuple[Statement, ...]
    doc: str
    span: Span


class Stop(Record):
    """`stop when …`."""

    expr: Expr
    doc: str
    span: Span


Statement = (
    Setting
    | Splice
    | Lang
    | Clean
    | Keep
    | Dedup
    | Sample
    | Pair
    | Score
    | Tier
    | Measure
    | Expect
    | Ask
    | Verify
    | On
    | Take
    | Split
    | Cap
    | Exclude
    | Phase
    | Stop
)


# ---- items -------------------------------------------------------------------------------------


class Header(Record):
    """`recipe name` or `library name`."""

    kind: Literal["recipe", "library"]
    name: Ident
    doc: str
    span: Span


class Edition(Record):
    """`edition 2026`."""

    year: Number
    doc: str
    span: Span


class Use(Record):
    """`use "std/gopher" [as g]`, or `use plugin "dist" as n`."""

    target: Text
    plugin: bool
    alias: Ident | None
    doc: str
    span: Span


class Param(Record):
    """`param total: count = 1T tokens`."""

    name: Ident
    type: Ident
    default: Expr | None
    doc: str
    span: Span


class Tokenizer(Record):
    """`tokenizer bpe = hf("std/bpe.json")`."""

    name: Ident
    operator: Call
    doc: str
    span: Span


class Endpoint(Record):
    """`endpoint rewriter { … }`."""

    name: Ident
    settings: tuple[Setting | Splice, ...]
    doc: str
    span: Span


class Prompt(Record):
    """`prompt wikipedia(text, language = "English") { … }`."""

    name: Ident
    parameters: tuple[Parameter, ...]
    body: tuple[Statement, ...]
    doc: str
    span: Span


class Filter(Record):
    """`filter quality(stop_words = […]) { … }`."""

    name: Ident
    parameters: tuple[Parameter, ...]
    rules: tuple[Rule, ...]
    doc: str
    span: Span


class Block(Record):
    """`block sampling { … }`."""

    name: Ident
    parameters: tuple[Parameter, ...]
    body: tuple[Statement, ...]
    doc: str
    span: Span


class Entry(Record):
    """`"cmn_Hani", "zho_Hani" = jieba` in a table; a key is a Name, Text, Number or Range."""

    keys: tuple[Expr, ...]
    value: Expr
    doc: str
    span: Span


class Table(Record):
    """`table threshold by lang = csv(…)` (then `operator` is set) or with entries."""

    name: Ident
    by: tuple[Ident, ...]
    operator: Call | None
    entries: tuple[Entry, ...]
    doc: str
    span: Span


class Source(Record):
    """`source pages = warc(crawl) { … }`."""

    name: Ident
    operator: Call
    settings: tuple[Setting | Splice, ...]
    doc: str
    span: Span


class Derive(Record):
    """`select`, `transform` or `generate` NAME `from` RELATION `{ … }`; `train` has the same form."""

    kind: Literal["select", "transform", "generate", "train"]
    name: Ident
    from_: Relation
    body: tuple[Statement, ...]
    doc: str
    span: Span


class Merge(Record):
    """`merge fresh from a, b { rounds = latest }`."""

    name: Ident
    relations: tuple[Relation, ...]
    settings: tuple[Setting | Splice, ...]
    doc: str
    span: Span


class Rounds(Record):
    """`rounds k in 1 .. 3 { … }`."""

    name: Ident
    range: Range
    body: tuple[Statement, ...]
    doc: str
    span: Span


class Mix(Record):
    """`mix pretrain to at most total { … }`."""

    name: Ident
    size: Size | None
    body: tuple[Statement, ...]
    doc: str
    span: Span


class Write(Record):
    """`write web to delta(lake) { … }`."""

    relation: Relation
    operator: Call
    body: tuple[Statement, ...]
    doc: str
    span: Span


class Compute(Record):
    """`compute { … }`."""

    body: tuple[Statement, ...]
    doc: str
    span: Span


Item = (
    Header
    | Edition
    | Use
    | Param
    | Tokenizer
    | Endpoint
    | Prompt
    | Filter
    | Block
    | Table
    | Source
    | Derive
    | Merge
    | Rounds
    | Mix
    | Write
    | Compute
)


class File(Record):
    """One parsed file: the items that could be read, in order, and every comment."""

    name: str
    items: tuple[Item, ...]
    comments: tuple[Comment, ...]
