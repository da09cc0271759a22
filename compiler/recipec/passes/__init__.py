"""Passes: plan → plan, in this order. None changes a row of anything; each may only save work.

There is none for unread columns: lowering asks only for columns that something reads, a pass over texts takes only
the columns it reads, and the rest of a frame is Spark's to prune.
"""

from __future__ import annotations

from collections.abc import Callable

from recipec.passes.decide_first import decide_first
from recipec.passes.fuse_annotations import fuse_annotations
from recipec.passes.share_columns import share_columns
from recipec.plan import Plan

PASSES: tuple[Callable[[Plan], Plan], ...] = (fuse_annotations, share_columns, decide_first)


def optimise(plan: Plan) -> Plan:
    """Runs every pass once, in order."""
    for step in PASSES:
        plan = step(plan)
    return plan
