"""What becomes of answers that fail or wait, and of a mix that comes short: said once, and nothing behind what ends
it."""

from __future__ import annotations

from collections.abc import Iterator

from recipec import resolved as r
from recipec.checks.walk import derived, of_kind, parts
from recipec.diagnostics import Diagnostic, Label

AGAIN = "retry"
STOP = "error"
TOLERATE = "tolerate"


def check(resolved: r.Resolved, place: object) -> Iterator[Diagnostic]:
    for one in derived(resolved):
        statements = of_kind(one.statements, r.On)
        yield from _twice(statements, "retry(1), discard")
        for on in statements:
            yield from _waiting(on) if on.event == "waiting" else _actions(on)
    for _, part in parts(resolved):
        statements = of_kind(part.statements, r.On)
        yield from _twice(statements, "repeat, renormalise")
        for on in statements:
            yield from _shortage(on)


def _twice(statements: list[r.On], example: str) -> Iterator[Diagnostic]:
    said: dict[str, r.On] = {}
    for on in statements:
        if on.event in said:
            first = (Label(said[on.event].span, "said here"),)
            help_ = f"say all of it in one line: `on {on.event} {example}`"
            help_ = "leave one out" if on.event == "waiting" else help_
            yield Diagnostic("E0436", f"`on {on.event}` stands twice", on.span, "", first, help_)
        said.setdefault(on.event, on)


def _shortage(on: r.On) -> Iterator[Diagnostic]:
    """Remedies are tried in order, each once; `error` is the end."""
    said: dict[object, r.Lit] = {}
    for action in of_kind(on.actions, r.Lit):
        word = action.value
        if word in said:
            first, message, help_ = said[word], f"`{word}` stands twice", f"leave the second `{word}` out"
        elif STOP in said:
            first, message = said[STOP], f"`{word}` stands behind `{STOP}`, which leaves nothing to it"
            help_ = f"put it before `{STOP}`, or leave `{STOP}` out: it is what happens to a shortage that is left"
        else:
            said[word] = action
            continue
        yield Diagnostic("E0436", message, action.span, "", (Label(first.span, ""),), help_)


def _waiting(on: r.On) -> Iterator[Diagnostic]:
    """Of units that have no answer, a share is tolerated; there is nothing else to be done with them."""
    calls = of_kind(on.actions, r.OpCall)
    for one in calls:
        if one.operator.name != TOLERATE:
            help_ = "a unit waits where there is no answer to it: `on waiting tolerate(0.1%)`"
            yield Diagnostic("E0305", f"`on waiting` does not know `{one.operator.name}`", one.span, help=help_)
    for second in [one for one in calls if one.operator.name == TOLERATE][1:]:
        first = (Label(calls[0].span, ""),)
        yield Diagnostic("E0436", f"`{TOLERATE}` stands twice", second.span, "", first, "leave one out")


def _actions(on: r.On) -> Iterator[Diagnostic]:
    """Actions are tried in order: rounds of questions first, then what is left is dealt with, by one."""
    calls = of_kind(on.actions, r.OpCall)
    for one in calls:
        if one.operator.name == TOLERATE:
            help_ = "units whose call never came back are not failed: `on waiting tolerate(0.1%)`"
            yield Diagnostic("E0305", f"`on fail` does not know `{TOLERATE}`", one.span, help=help_)
            return
    for before, action in zip(calls, calls[1:], strict=False):
        name, first = action.operator.name, before.operator.name
        if first != AGAIN:
            message, help_ = f"`{name}` stands behind `{first}`, which leaves nothing to it", f"leave `{name}` out"
            if name == AGAIN:
                help_ = f"put it before `{first}`"
        elif name == AGAIN:
            message, help_ = "`retry` stands twice", "add the rounds up: `retry(2)` asks two more times"
        else:
            continue
        yield Diagnostic("E0436", message, action.span, "", (Label(before.span, ""),), help_)
