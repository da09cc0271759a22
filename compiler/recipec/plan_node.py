"""What every node of the plan has, and how one names the rows of another."""

from __future__ import annotations

from recipec.plan_values import Frozen, Sparse


class Node(Sparse):
    """`name` is unique in the plan and what other nodes refer to; `of` is the recipe's relation it belongs to."""

    name: str
    of: str
    digest: str
    at: str
    text: str
    """The line of the recipe it comes from, for the script's comment."""


class Part(Frozen):
    """A relation's rows, or those of some of its tiers. `rows` is the node whose frame has them."""

    rows: str
    tiers: tuple[str, ...] = ()
