"""What plan nodes are made of: values that are all known, and expressions over columns."""

from __future__ import annotations

import hashlib
import json
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field, SerializerFunctionWrapHandler, model_serializer


def digest(kind: str, *parts: Any) -> str:
    """32 hex digits of SHA-256 over the canonical JSON of [kind, …parts]; models are dumped first."""
    plain = [p.model_dump(mode="json") if isinstance(p, BaseModel) else p for p in parts]
    text = json.dumps([kind, *plain], sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(text.encode()).hexdigest()[:32]


class Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Sparse(Frozen):
    """Its fields in `sparse` are written down only where the recipe says something of them."""

    sparse: ClassVar[tuple[str, ...]] = ()

    @model_serializer(mode="wrap")
    def _written(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        written = handler(self)
        return {name: value for name, value in written.items() if name not in self.sparse or value not in _UNSAID}


_UNSAID = (None, (), [], {})


def identity(value: Any) -> Any:
    """What of a value or expression enters a digest: no path, no place, no name of a node."""
    match value:
        case FileValue():
            return value.sha256
        case NodeValue():
            return value.digest
        case FilesValue():
            return [value.table.digest, {key: file.sha256 for key, file in value.files.items()}]
        case PromptValue():
            return [value.prompt.identity(), [one.identity() for one in value.prompt.clean]]
        case Operation():
            return value.identity()
        case BaseModel():
            said = [name for name in type(value).model_fields if name != "at"]
            sparse = getattr(value, "sparse", ())
            found = {name: getattr(value, name) for name in said}
            return {name: identity(one) for name, one in found.items() if name not in sparse or one not in _UNSAID}
        case tuple() | list():
            return [identity(one) for one in value]
        case dict():
            return {key: identity(one) for key, one in value.items()}
    return value


# ---- values ------------------------------------------------------------------------------------


class FileValue(Frozen):
    """A model, tokenizer or list, pinned by the hash it had when the recipe was compiled."""

    kind: Literal["file"] = "file"
    path: str
    sha256: str


class NodeValue(Frozen):
    """Another node of the plan: a table, a trained model, an endpoint, a relation's rows."""

    kind: Literal["node"] = "node"
    name: str
    digest: str


class FilesValue(Frozen):
    """A file for each value of a column: the entries of a table, each pinned."""

    kind: Literal["files"] = "files"
    table: NodeValue
    files: dict[str, FileValue]


class ExprValue(Frozen):
    """What differs by row."""

    kind: Literal["expr"] = "expr"
    expr: Expr


class CallValue(Frozen):
    """An operator as an argument of another: how a judge's text is cut."""

    kind: Literal["call"] = "call"
    operation: Operation


class PromptUse(Sparse):
    """A prompt as it is asked: texts as parts (a variable is {"var": name}), values for every variable but
    `text`, and the operators that take the answer apart. `columns`: variables that differ by row. `reply`: the
    form asked for with its arguments, where it is not plain text; a schema is its JSON text."""

    sparse = ("columns", "reply")

    name: str
    template: dict[str, Any]
    variables: dict[str, str]
    columns: dict[str, Expr] = {}
    reply: tuple[Value, ...] = ()
    clean: tuple[Operation, ...]
    at: str

    def identity(self) -> list[Any]:
        """What of it enters a digest, but for how the answer is taken apart."""
        return [self.template, self.variables, *filter(None, [identity(self.columns), identity(self.reply)])]


class PromptValue(Frozen):
    """A prompt as an argument of a judge."""

    kind: Literal["prompt"] = "prompt"
    prompt: PromptUse


Scalar = None | bool | int | float | str
_Known = FileValue | NodeValue | FilesValue | ExprValue | CallValue | PromptValue
Value = Scalar | tuple[Scalar | _Known, ...] | _Known


class Operation(Frozen):
    """An operator by name and version with a value for every parameter, in the order of its signature."""

    operator: str
    version: int
    args: dict[str, Value]

    def identity(self, *without: str) -> list[Any]:
        """What of it enters a digest: a file by its hash, not its path; another node by its digest."""
        args = {name: identity(value) for name, value in self.args.items() if name not in without}
        return [self.operator, self.version, args]


class EnvValue(Frozen):
    """Read from the environment where it is used; never written down."""

    kind: Literal["env"] = "env"
    name: str
    default: str | None


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


class OfList(Frozen):
    """Whether all, or any, of a list's values are among `items`; without `items`, whether there is one. Null where
    there is none to ask of, so that neither it nor its opposite holds."""

    kind: Literal["of_list"] = "of_list"
    how: Literal["all", "any"]
    value: Expr
    items: tuple[Scalar, ...] | None


class Known(Frozen):
    """Whether there is a value at all."""

    kind: Literal["known"] = "known"
    value: Expr


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


class Bucket(Frozen):
    """Which of the parts that `fit` cut `column` into a value falls into."""

    kind: Literal["bucket"] = "bucket"
    fit: str
    column: str


class Combine(Frozen):
    """The largest, or the mean, of several values."""

    kind: Literal["combine"] = "combine"
    how: Literal["max", "mean"]
    operands: tuple[Expr, ...]


class Percentile(Frozen):
    """The share of the weight of `fit` that lies below a value of `column`."""

    kind: Literal["percentile"] = "percentile"
    fit: NodeValue
    column: str


class Parent(Frozen):
    """A column of the row this one is made from."""

    kind: Literal["parent"] = "parent"
    name: str


class Of(Frozen):
    """A column, or a figure (`documents`), of another relation: of the row paired with, in a row."""

    kind: Literal["of"] = "of"
    node: NodeValue
    name: str


class Entry(Frozen):
    """What a table has for the row's values of `keys`."""

    kind: Literal["entry"] = "entry"
    table: NodeValue
    keys: tuple[str, ...]


class InEntry(Frozen):
    """Does the value lie in the range that a table has for the row's values of `keys`?"""

    kind: Literal["in_entry"] = "in_entry"
    value: Expr
    table: NodeValue
    keys: tuple[str, ...]


class Text(Frozen):
    """A text with values of the row in it."""

    kind: Literal["text"] = "text"
    parts: tuple[str | Expr, ...]


class Call(Sparse):
    """An operator over values of the row, or of all rows where it makes a figure of a relation."""

    sparse = ("rest",)

    kind: Literal["call"] = "call"
    operation: Operation
    rest: tuple[Value, ...] = ()


class Many(Frozen):
    """A list of values of the row."""

    kind: Literal["many"] = "many"
    items: tuple[Expr, ...]


class Span(Frozen):
    """A range whose ends differ by row."""

    kind: Literal["span"] = "span"
    low: Expr
    high: Expr


Expr = Annotated[
    Col | Lit | Compare | InRange | InList | OfList | Known | Not | Junction | Arith | Bucket | Combine | Percentile
    | Parent | Of | Entry | InEntry | Text | Call | Many | Span,
    Field(discriminator="kind"),
]  # fmt: skip


class Rule(Frozen):
    """A predicate with what is said when it fails: its text, the column found, the threshold, its place."""

    text: str
    expr: Expr
    value: Expr | None
    """None: the figures of all columns named, as JSON."""
    threshold: str
    at: str
