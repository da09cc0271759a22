"""The order of a transform or generate: what is asked, how the answers are judged, what is made of them.

A statement that stands where it cannot mean what it says is refused here, so that none is carried out in another
order than it is read in.
"""

from __future__ import annotations

from collections.abc import Iterator

from recipec import resolved as r
from recipec.checks.walk import derived, inside, of_kind, values_of
from recipec.columns import ANSWER
from recipec.diagnostics import Diagnostic, Label

BEST = "keep best"


def check(resolved: r.Resolved, place: object) -> Iterator[Diagnostic]:
    for one in derived(resolved):
        asks = of_kind(one.statements, r.Ask)
        if one.kind != "select" and asks:
            at = one.statements.index(asks[0])
            yield from _before_ask(one.statements[:at], asks[0])
            yield from _behind(one.statements[at + 1 :])


def _before_ask(statements: tuple[r.Statement, ...], ask: r.Ask) -> Iterator[Diagnostic]:
    """Nothing but a `keep` of the rows that are asked about stands before `ask`."""
    for one in statements:
        if not isinstance(one, r.Keep | r.Misplaced):
            help_ = "put it behind `ask`"
            if not isinstance(one, r.Verify | r.On | r.Set):
                help_ += ", or in a select before if it is about the rows that are asked about"
            label = Label(ask.span, "answers are asked for here")
            yield Diagnostic("E0434", f"`{_called(one)}` stands before `ask`", one.span, "", (label,), help_)


def _behind(statements: tuple[r.Statement, ...]) -> Iterator[Diagnostic]:
    """Answers are verified, then the best are chosen, then documents are made of them: what is about an earlier of
    these does not stand behind what is about a later."""
    last_best = max((i for i, one in enumerate(statements) if _called(one) == BEST), default=-1)
    best: r.Statement | None = None
    made: r.Statement | None = None
    documents: r.Statement | None = None
    for i, one in enumerate(statements):
        if documents is not None:
            if _is_of_answers(one):
                says = "makes the documents" if isinstance(one, r.Set) else "is about answers"
                yield _late(one, says, documents, "this is about the documents made of them")
        elif isinstance(one, r.Verify) and best is not None:
            yield _late(one, "judges every answer", best, "this has chosen among them")
        elif isinstance(one, r.Verify) and made is not None and _measures(one):
            yield _late(one, "measures the answer", made, "this makes the document of it, which is not measured")
        elif isinstance(one, r.Set) and one.column == "text":
            made = one
        elif _called(one) == BEST:
            best = one
        elif _is_of_documents(one) and not (isinstance(one, r.Keep) and i < last_best):
            documents = one


def _late(one: r.Statement, says: str, before: r.Statement, said: str) -> Diagnostic:
    verb, first = _called(one), _called(before)
    message = f"`{verb}` {says}, and stands behind `{first}`"
    return Diagnostic("E0434", message, one.span, "", (Label(before.span, said),), f"put it before `{first}`")


def _is_of_documents(one: r.Statement) -> bool:
    """Is it about documents, where nothing before it is? A `clean` or `score` is about answers there."""
    judges = isinstance(one, r.Verify | r.On | r.Set | r.Clean | r.Score | r.Ask | r.Misplaced)
    return not judges and not _is_of_answers(one)


def _is_of_answers(one: r.Statement) -> bool:
    if isinstance(one, r.Verify | r.Set) or _called(one) == BEST:
        return True
    if not isinstance(one, r.Keep | r.Score):
        return False
    columns = [expr for expr in inside(tuple(values_of(one))) if isinstance(expr, r.Col)]
    return any(expr.relation is None and expr.name in ANSWER for expr in columns)


def _measures(one: r.Verify) -> bool:
    """Does it look at figures that the answer has and the document made of it has too?"""
    return any(
        isinstance(expr, r.Col) and expr.relation is None and expr.name in ("tokens", "bytes")
        or isinstance(expr, r.OpCall) and expr.operator.kind == "statistic"
        for expr in inside(tuple(values_of(one)))
    )


def _called(one: r.Statement) -> str:
    """A statement by the words that begin it."""
    match one:
        case r.Set():
            return f"{one.column} = …"
        case r.On():
            return f"on {one.event}"
        case r.Keep(rules=(r.Rule(expr=r.OpCall() as call),)) if call.operator.name == "best":
            over = call.args.get("over")
            if isinstance(over, r.Lit) and over.value == "samples":
                return BEST
    return type(one).__name__.lower()
