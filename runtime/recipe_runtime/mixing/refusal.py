"""Why a mix cannot be made: the smallest set of the recipe's own lines that do not go together."""

from __future__ import annotations

from collections.abc import Collection

from recipe_runtime.errors import StepError
from recipe_runtime.mixing.ask import percent, placed, sizes
from recipe_runtime.mixing.lp import SLACK, Program
from recipe_runtime.mixing.model import Label, Model


def feasible(
    model: Model, without: Collection[Label], *, supplied: bool, takes: Collection[int], absent: float = 0.0
) -> bool:
    """Whether shares exist that meet all but these rows. `supplied`: within what there is for the whole size; else at
    any supply of the cells there are. Only `takes` keep their weights: over their sum, or, where `absent` is the
    share of takes without a row, as asked, the absent ones counting as organic."""
    size = model.wanted.size
    upper = []
    for n, cell in enumerate(model.cells):
        free = not supplied or ("supply", cell.take) in without
        upper.append(0.0 if not model.limits[n] else 1.0 if free else min(1.0, model.limits[n] / size))
    program = Program(upper)
    program.add(dict.fromkeys(range(len(upper)), 1.0), 1.0 - absent, 1.0 - absent)
    whole = sum(model.weights[i] for i in takes) / (1.0 - absent) or 1.0
    for i in takes:
        if ("weight", i) not in without:
            # Weights are rounded to floats, so that their sum need not be 1 to the last digit.
            share = model.weights[i] / whole
            program.add(dict.fromkeys(model.of_take(i), 1.0), share - SLACK, share + SLACK)
    shares = [(label, terms, 0.0) for label, terms in model.share_rows()]
    for label, terms, room in [*model.cap_rows_and_room(), *shares]:
        if label not in without:
            program.add(terms, high=SLACK - room * absent)
    return program.maximise({0: 0.0}) is not None if upper else False


def conflict(model: Model, *, supplied: bool, takes: Collection[int], absent: float = 0.0) -> list[Label]:
    """A set of rows that cannot hold together while any all-but-one of them can (deletion filter: Chinneck,
    "Feasibility and Infeasibility in Optimization", 2008, 6.2)."""
    scarce = sorted(takes, key=lambda i: -model.supply[i] / model.weights[i] if model.weights[i] else 0.0)
    labels: list[Label] = [("supply", i) for i in scarce] if supplied else []
    labels += [("weight", i) for i in scarce]
    labels += [("share", i) for i in scarce]
    labels += [("cap", i) for i in range(len(model.ask.caps))]
    if feasible(model, (), supplied=supplied, takes=takes, absent=absent):
        return [("supply", scarce[-1])]  # short by less than a linear program can tell
    left: set[Label] = set()
    for label in labels:
        if not feasible(model, left | {label}, supplied=supplied, takes=takes, absent=absent):
            left.add(label)
    return [label for label in labels if label not in left]


def contradiction(model: Model) -> None:
    """Raises StepError where no supply could make the caps agree with the weights as asked. An absent take's share
    going to the others is a shortage, under which a cap bounds what they take over; it is no contradiction."""
    takes = [i for i in range(len(model.weights)) if model.of_take(i) and model.weights[i]]
    there = sum(model.weights[i] for i in takes)
    absent = max(0.0, 1.0 - there / sum(model.weights)) if takes else 0.0
    if takes and not feasible(model, (), supplied=False, takes=takes, absent=absent):
        raise _said(model, conflict(model, supplied=False, takes=takes, absent=absent), supplied=False)


def refused(model: Model, total: float) -> StepError:
    """The error for an ask that cannot be met, or of which nothing can be drawn; `total` is what could be."""
    takes = range(len(model.weights))
    if not any(model.supply):
        return StepError(
            placed(f"mix {model.ask.name}: none of its takes has a row", model.ask.at),
            remedy="see the steps before it: what they dropped is in `recipec lineage why`",
        )
    supplied = feasible(model, (), supplied=False, takes=takes)
    error = _said(model, conflict(model, supplied=supplied, takes=takes), supplied=supplied)
    if "renormalise" in model.ask.actions and total >= 1:
        error.message += f"\n  with every share given up that is short, there are {model.ask.amount(total)}"
    return error


def _said(model: Model, found: list[Label], *, supplied: bool) -> StepError:
    ask = model.ask
    named = [i for kind, i in found if kind in ("weight", "share")]
    named += [i for kind, i in found if kind == "supply" and i not in named]
    caps = [i for kind, i in found if kind == "cap"]
    if supplied and not caps:
        # Each of these alone is too short; naming one of them only would cost a run for each.
        size = model.wanted.size
        named += [i for i, w in enumerate(model.weights) if model.supply[i] < w * size * (1 - 1e-6) and i not in named]
    lines = [_take_line(model, i, supplied) for i in sorted(set(named))] + [ask.caps[i].words() for i in caps]
    aim = f"{'at most ' if ask.at_most else ''}{ask.amount(model.wanted.size)}"
    empty = [i for i in named if not model.supply[i]]
    if supplied:
        what = f"the mix to {aim} cannot be made of what there is"
    else:
        what = "these cannot hold together" if caps or len(empty) < len(named) else "there is nothing to take"
    text = placed(f"mix {ask.name}: {what}", ask.at) + "".join(f"\n  {line}" for line in lines)
    return StepError(text, remedy=_remedy(model, caps, supplied, empty))


def _take_line(model: Model, i: int, supplied: bool) -> str:
    ask, own = model.ask, model.ask.takes[i]
    has = sizes(ask, model.cells)[i]
    if not has:
        return f"{own.words()}: has no rows"
    share = f"{percent(model.wanted.shares[i])} of the mix"
    if not supplied:
        return f"{own.words()}: {share}"
    uses = f", used at most {ask.amount(model.supply[i])}" if model.supply[i] != has else ""
    return f"{own.words()}: has {ask.amount(has)}{uses}, needs {ask.amount(model.wanted.size * model.wanted.shares[i])}"


def _remedy(model: Model, caps: list[int], supplied: bool, empty: list[int]) -> str:
    if empty and "renormalise" not in model.ask.actions:
        return "take it out, or say `on shortage renormalise`: an empty take is then left out and the others grow"
    if caps:
        return "raise the cap, or lower the weights of the takes it counts"
    if not supplied:
        return "change the weights or the bounds on shares so that they agree"
    return (
        "say `to at most`, raise `epochs <=` with `on shortage repeat`, lower its weight, or `on shortage renormalise`"
    )
