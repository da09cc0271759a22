"""Nodes of what stands beside selects and calls: tables, merges, pairs, figures of a relation, trained models,
rounds, compute."""

from __future__ import annotations

from typing import Literal

from recipec.plan_node import Node, Part
from recipec.plan_values import Expr, FileValue, Frozen, Operation, Rule, Scalar


class Limits(Frozen):
    """A range, both ends included."""

    low: Scalar
    high: Scalar


class TableRow(Frozen):
    """`keys` empty: what a row without an entry takes."""

    keys: tuple[Scalar | Limits, ...]
    value: Scalar | Limits


class Table(Node):
    """A value for each value of `by`: rows, or the column `value` of a CSV file."""

    sparse = ("entries", "file", "value")

    kind: Literal["table"] = "table"
    by: tuple[str, ...]
    entries: tuple[TableRow, ...] = ()
    file: FileValue | None = None
    value: str | None = None


class Merge(Node):
    """The rows of several relations. `rounds`: also of what earlier rounds made, `all`, `latest`, or the last n."""

    kind: Literal["merge"] = "merge"
    parts: tuple[Part, ...]
    rounds: Literal["all", "latest"] | int | None
    reads: tuple[str, ...]


class Pair(Node):
    """Each row with `each` rows of `other`, drawn by hash."""

    kind: Literal["pair"] = "pair"
    rows: str
    other: Part
    each: int
    seed: int
    reads: tuple[str, ...]


class Measure(Node):
    """A figure of the rows of a relation."""

    kind: Literal["measure"] = "measure"
    rows: str
    texts: str
    column: str
    expr: Expr


class Expect(Node):
    """What must hold of the rows, or of their figures, or the run fails."""

    kind: Literal["expect"] = "expect"
    rows: str
    rule: Rule
    reads: tuple[str, ...]


class Train(Node):
    """A classifier learned from the labels in `target`. `measures`: figures on the rows held out."""

    kind: Literal["train"] = "train"
    over: Part
    texts: str
    target: str
    features: Operation
    head: Operation
    settings: dict[str, Scalar]
    measures: dict[str, Expr]
    expects: tuple[Rule, ...]
    reads: tuple[str, ...]


class Rounds(Node):
    """Which round of `low` .. `high` this run is; one of `stops` true ends them."""

    kind: Literal["rounds"] = "rounds"
    low: int
    high: int
    round: int
    stops: tuple[Expr, ...]


class Compute(Node):
    """The training that the data is for, its multiplier, and what is expected of the data's share."""

    kind: Literal["compute"] = "compute"
    settings: dict[str, Scalar]
    expects: tuple[Rule, ...]
