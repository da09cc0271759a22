"""The plan: a DAG of typed, frozen nodes, each with its place in the recipe and the digest of what it does.

A node's `digest` is its operation digest: operation, arguments, operator versions, hashes of the files it
names, and the digests below it. It is taken while lowering, before any pass, and holds no item name, path or
position; the namespace of a source is the one exception.
"""

from __future__ import annotations

import hashlib
import json
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field


def digest(kind: str, *parts: Any) -> str:
    """32 hex digits of SHA-256 over the canonical JSON of [kind, …parts]; models are dumped first."""
    plain = [p.model_dump(mode="json") if isinstance(p, BaseModel) else p for p in parts]
    text = json.dumps([kind, *plain], sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(text.encode()).hexdigest()[:32]


class Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


# ---- values ------------------------------------------------------------------------------------


class FileValue(Frozen):
    """A model, tokenizer or list, pinned by the hash it had when the recipe was compiled."""

    kind: Literal["file"] = "file"
    path: str
    sha256: str


Scalar = None | bool | int | float | str
Value = Scalar | tuple[Scalar, ...] | FileValue


class Operation(Frozen):
    """An operator by name and version with a value for every parameter, in the order of its signature."""

    operator: str
    version: int
    args: dict[str, Value]

    def identity(self, *without: str) -> list[Any]:
        """What of it enters a digest: a file by its hash, not its path."""
        args = {k: v.sha256 if isinstance(v, FileValue) else v for k, v in self.args.items() if k not in without}
        return [self.operator, self.version, args]


class FieldValue(Frozen):
    """A column of the source's own records."""

    kind: Literal["field"] = "field"
    name: str


class LiteralValue(Frozen):
    """One value for every document."""

    kind: Literal["literal"] = "literal"
    value: Scalar | tuple[Scalar, ...]


# ---- expressions over columns ------------------------------------------------------------------


class Col(Frozen):
    kind: Literal["col"] = "col"
    name: str


class Lit(Frozen):
    kind: Literal["lit"] = "lit"
    value: Scalar


class Compare(Frozen):
    kind: Literal["compare"] = "compare"
    op: Literal["<=", ">=", "==", "!=", "<", ">"]
    left: Expr
    right: Expr


class InRange(Frozen):
    kind: Literal["in_range"] = "in_range"
    value: Expr
    low: Expr
    high: Expr


class InList(Frozen):
    kind: Literal["in_list"] = "in_list"
    value: Expr
    items: tuple[Scalar, ...]


class Not(Frozen):
    kind: Literal["not"] = "not"
    operand: Expr


class Junction(Frozen):
    """`and` or `or` of two or more."""

    kind: Literal["junction"] = "junction"
    op: Literal["and", "or"]
    operands: tuple[Expr, ...]


class Arith(Frozen):
    kind: Literal["arith"] = "arith"
    op: Literal["+", "-", "*", "/"]
    left: Expr
    right: Expr


Expr = Annotated[Col | Lit | Compare | InRange | InList | Not | Junction | Arith, Field(discriminator="kind")]


class Rule(Frozen):
    """A predicate with what is said when it fails: its text, the column found, the threshold, its place."""

    text: str
    expr: Expr
    value: Expr | None
    """None: the figures of all columns named, as JSON."""
    threshold: str
    at: str


# ---- nodes -------------------------------------------------------------------------------------


class Node(Frozen):
    """`name` is unique in the plan and what other nodes refer to; `of` is the recipe's relation it belongs to."""

    name: str
    of: str
    digest: str
    at: str
    text: str
    """The line of the recipe it comes from, for the script's comment."""


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


class Dedup(Node):
    """`key`: the column compared. `texts`: what verification reads."""

    kind: Literal["dedup"] = "dedup"
    rows: str
    texts: str
    operation: Operation
    key: str
    rule: str
    reads: tuple[str, ...]


class Select(Node):
    """The end of a select: `drop` are columns only its dedups needed."""

    kind: Literal["select"] = "select"
    rows: str
    reads: tuple[str, ...]
    drop: tuple[str, ...]


class Expectation(Frozen):
    operator: Literal["unique", "not_null"]
    columns: tuple[str, ...]
    at: str


class Write(Node):
    kind: Literal["write"] = "write"
    relation: str
    texts: str
    sink: Operation
    partition: tuple[str, ...]
    expects: tuple[Expectation, ...]
    evolve: bool
    scores: tuple[str, ...]
    columns: tuple[str, ...]


AnyNode = Annotated[Source | Annotate | Begin | Edit | Keep | Dedup | Select | Write, Field(discriminator="kind")]


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
