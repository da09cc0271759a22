"""How much of each cell a mix takes: weights, caps, epochs and the size as linear programs.

Let x_i be what take i gives, T the total, w_i the share asked, a_i the most that take i may give (its size times
its epochs; once where `repeat` is not allowed). The answer is defined in this order:

1. *Without a shortage* x_i = w_i T for all takes, and T is the size. `on shortage` lists what may be done otherwise;
   its actions are allowed one after the other until the size is met. `repeat` raises a_i from one use to `epochs`; a
   take without `epochs <=` is used once, because a repetition that nobody bounded is not one that anybody asked for.
2. *`to at most`* lowers T before any weight is touched: T is the largest total at which all weights hold exactly.
3. *`renormalise`* gives up the shares of some takes, the short ones: x_i <= v w_i, where v is the scale at which the
   others keep theirs, x_i = v w_i. So what a take cannot give is shared over the others in proportion to weights.
   Takes become short in the order of how soon they run out. With a size to meet they are as few as meet it. Under
   `at most` no size has to be met, and with every share given up the mix would be everything there is, which no
   weight asks for. So they are the fewest such that giving up more would not make the total `WORTH` (ten) times as
   large: weights are kept while that costs less than nine tenths of what could be had. An empty take is always short;
   so is one with a page or two beside millions, which would hold the whole mix down to a few times its own length.
4. Among the amounts that reach this total the short takes get the largest smallest x_i / w_i, then the second
   smallest, and so on; and the cells of a take are drawn in proportion to their sizes, departing from that in the
   same fairest manner, only as far as the total and the caps need.

Caps are never relaxed and are no shortage: weights that a cap contradicts at any supply are refused. Where a take has
no row and the others grow into its share, a cap only bounds how far: those it holds back become short in their turn. A
cap is the row
sum over its part of (counted tokens - bound * tokens) <= 0. All of it is deterministic in the cells' sums.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from recipe_runtime.mixing import refusal
from recipe_runtime.mixing.ask import Ask, Cell, Wanted, limits, sizes, wanted
from recipe_runtime.mixing.model import Label, Model

WORTH = 10
"""How many times larger the total must become for `renormalise` to give up shares under `at most`: what a take
gives that alone held the mix down is then about a tenth of its share, or less."""

REACHED = 1e-8
"""A total this near (relative) to the size counts as the size: linear programs are no more exact."""


LEAST = 1e-6
"""By how much a total of one unit may fall short of it by the arithmetic of linear programs."""


@dataclass(frozen=True)
class Plan:
    """`targets` in the mix's unit by cell key; `total` is their sum before rounding. `short` are the takes that give
    less than their share, `held` what keeps the total below the size."""

    wanted: Wanted
    targets: dict[str, int]
    limits: dict[str, int]
    total: float
    short: tuple[int, ...]
    held: tuple[Label, ...]


def solve(ask: Ask, cells: Sequence[Cell]) -> Plan:
    """The amounts to draw. Raises StepError, in the recipe's words, where the ask cannot be met."""
    aim = wanted(ask, cells)
    model = Model(ask, cells, limits(ask, cells, repeat=False), aim)
    short: list[int] = []
    total = scale = 0.0
    for allowed in range(len(ask.actions) + 1):
        actions = ask.actions[:allowed]
        model = Model(ask, cells, limits(ask, cells, repeat="repeat" in actions), aim)
        short = []
        total, scale = model.largest()
        if not _reached(total, aim) and "renormalise" in actions:
            if ask.weighted:
                refusal.contradiction(model)
            short, total, scale = _renormalise(model)
        if _reached(total, aim):
            break
    if total < 1 - LEAST or not (aim.at_most or _reached(total, aim)):
        raise refusal.refused(model, total)
    total = min(total, float(aim.size))
    amounts = model.amounts(short, total, scale)
    held = () if _reached(total, aim) else _held(model, short, total)
    targets = _whole(ask, cells, model.limits, amounts, aim.size)
    by_key = {c.key: n for c, n in zip(cells, model.limits, strict=True)}
    given = sizes(ask, cells, targets)
    less = tuple(i for i in short if given[i] < (1 - 1e-6) * float(aim.shares[i]) * total)
    return Plan(aim, targets, by_key, total, less, held)


def _reached(total: float, aim: Wanted) -> bool:
    return total >= aim.size * (1 - REACHED) - 0.5


def _renormalise(model: Model) -> tuple[list[int], float, float]:
    """The takes that become short, the total and its scale."""
    order = model.soonest()
    found = [(order[:k], *model.largest(order[:k])) for k in range(len(order))]
    totals = [total for _, total, _ in found]
    for k, total in enumerate(totals):
        if _reached(total, model.wanted):
            return found[k]
        later = range(k + 1, len(totals))
        if model.wanted.at_most and total >= 1 and all(totals[m] < WORTH * total for m in later):
            return found[k]
    return found[-1]


def _held(model: Model, short: Sequence[int], total: float) -> tuple[Label, ...]:
    """Supplies and caps of which any one, taken away, would let the total grow."""
    labels: list[Label] = [("supply", i) for i in range(len(model.weights)) if i not in short]
    labels += [("cap", i) for i in range(len(model.ask.caps))]
    return tuple(label for label in labels if model.largest(short, {label})[0] > total * 1.001)


def _whole(ask: Ask, cells: Sequence[Cell], most: Sequence[int], amounts: Sequence[float], size: int) -> dict[str, int]:
    """Amounts as whole units: a take's own amount rounded down, and over its cells by the largest remainders. What a
    program calls 99.9999999 is 100; the sum stays within the size."""
    targets = {c.key: 0 for c in cells}
    for take in range(len(ask.takes)):
        own = [
            (c, n, min(Fraction(x), Fraction(n)))
            for c, n, x in zip(cells, most, amounts, strict=True)
            if c.take == take
        ]
        whole = int(sum(x for _, _, x in own) * (1 + Fraction(1, 10**8)) + Fraction(1, 10**4))
        targets |= {c.key: int(x) for c, _, x in own}
        for cell, limit, x in sorted(own, key=lambda part: int(part[2]) - part[2]):
            if sum(targets[c.key] for c, _, _ in own) < whole and int(x) < limit:
                targets[cell.key] += 1
    while (over := sum(targets.values()) - size) > 0:
        largest = max(targets, key=lambda key: (targets[key], key))
        targets[largest] -= min(over, targets[largest])
    return targets
