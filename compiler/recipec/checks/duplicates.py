"""Duplicates: what ranks the rows of a group is a number, given where it is used and nowhere else."""

from __future__ import annotations

from collections.abc import Iterator

from recipec import resolved as r
from recipec.checks.walk import derived, of_kind
from recipec.columns import kind_of
from recipec.diagnostics import Diagnostic, Label
from recipec.resolving.kinds import called


def check(resolved: r.Resolved, place: object) -> Iterator[Diagnostic]:
    for one in derived(resolved):
        for dedup in of_kind(one.statements, r.Dedup):
            yield from _ranked(dedup.call)


def _ranked(call: r.OpCall) -> Iterator[Diagnostic]:
    keep, by = call.args.get("keep"), call.args.get("by")
    if not isinstance(keep, r.Lit):
        return
    if not isinstance(by, r.Col):
        if keep.value == "highest":
            help_ = "say by which number: a score, as in `by = edu`, or a column"
            yield Diagnostic("E0303", "`keep = highest` needs `by`", keep.span, help=help_)
    elif keep.value != "highest":
        label = (Label(keep.span, "decides alone"),) if keep.span != call.span else ()
        help_ = "write `keep = highest`, or leave `by` out"
        yield Diagnostic("E0308", f"`by` says nothing beside `keep = {keep.value}`", by.span, "", label, help_)
    elif kind_of(by.type) not in ("number", "any"):
        help_ = "the first fetched stays with `keep = earliest`" if kind_of(by.type) == "time" else ""
        yield Diagnostic("E0301", f"rows are ranked by a number; `{by.name}` is {called(by)}", by.span, help=help_)
