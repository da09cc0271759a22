"""Passes: plan → plan, in this order. None changes a row of anything; each may only save work."""

from __future__ import annotations

from collections.abc import Callable

from recipec.passes.fuse_annotations import fuse_annotations
from recipec.plan import Plan

PASSES: tuple[Callable[[Plan], Plan], ...] = (fuse_annotations,)


def optimise(plan: Plan) -> Plan:
    """Runs every pass once, in order."""
    for step in PASSES:
        plan = step(plan)
    return plan
