"""Nodes of mixes: ingredients, caps, phases."""

from __future__ import annotations

from typing import Literal

from recipec.plan_node import Node, Part
from recipec.plan_values import Expr, FileValue, Frozen, NodeValue, Sparse


class Split(Frozen):
    """An ingredient's rows by the values of columns, as a table says: `weight` shares of it, or `curve` relative
    repetitions."""

    by: tuple[str, ...]
    how: Literal["weight", "curve"]
    table: NodeValue
    at: str


class Take(Sparse):
    """An ingredient. One of weight, rate and amount is given, or none for all there is. `part.rows` may be
    another mix. `most` and `least` bound its share."""

    sparse = ("most", "least", "splits")

    most: float | None = None
    least: float | None = None
    splits: tuple[Split, ...] = ()
    text: str
    part: Part
    weight: float | None
    rate: float | None
    amount: float | None
    epochs: float | None
    at: str


class Cap(Frozen):
    subject: Literal["synthetic", "generated", "epochs"]
    bound: float
    where: Expr | None
    text: str
    at: str


class Phase(Sparse):
    """A part of a mix, read before the next; a mix of its own but for what the whole says."""

    sparse = ("caps", "on_shortage", "tolerance")

    name: str
    takes: tuple[Take, ...]
    caps: tuple[Cap, ...] = ()
    size: int | None
    at_most: bool
    unit: Literal["tokens", "documents", "bytes"]
    on_shortage: tuple[Literal["error", "repeat", "renormalise"], ...] = ()
    tolerance: float | None = None
    at: str


class Mix(Node):
    """What is drawn of each ingredient; `size` None: what there is. Without `seed` a blend, which others take.
    `excludes`: neither these rows nor any made of them. `tokenizer`: whose tokens, where there are several."""

    sparse = ("phases", "excludes", "tokenizer")

    phases: tuple[Phase, ...] = ()
    excludes: tuple[Part, ...] = ()
    tokenizer: FileValue | None = None
    kind: Literal["mix"] = "mix"
    takes: tuple[Take, ...]
    caps: tuple[Cap, ...]
    size: int | None
    at_most: bool
    unit: Literal["tokens", "documents", "bytes"]
    on_shortage: tuple[Literal["error", "repeat", "renormalise"], ...]
    tolerance: float | None
    seed: int | None
    reads: tuple[str, ...]
