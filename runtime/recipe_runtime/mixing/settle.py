"""From amounts to a draw: documents are whole, so what is drawn falls short of a target by up to one document.

Organic cells are cut first. What the caps leave for the others is then found again from what those cuts came to, so
that a cap holds in whole tokens. Last everything is counted: where a bound does not hold on the drawn rows (a share
of generated tokens differs from row to row), its cells are cut again with less, a bounded number of times.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import ceil

from recipe_runtime.errors import StepError
from recipe_runtime.mixing.ask import Ask, Cell, percent, placed
from recipe_runtime.mixing.lp import SLACK, Program
from recipe_runtime.mixing.solver import Plan

ROUNDS = 8
"""How often cells are cut again. Each round asks for less by twice the last breach, so few are ever needed."""


@dataclass(frozen=True)
class Drawn:
    """What is drawn of a cell: `whole` epochs, then the rows up to `cut`, a place (order, doc_id), or none. The sums
    count a row as often as it is drawn; `documents` counts it once."""

    whole: int = 0
    cut: tuple[str, str] | None = None
    documents: int = 0
    rows: int = 0
    size: int = 0
    tokens: int = 0
    generated: int = 0
    bytes: int = 0


Draw = Callable[[Mapping[str, int]], Mapping[str, Drawn]]
"""From targets by cell key to what the longest prefix within each target is."""

Breach = tuple[str, int, int]
"""("cap" or "share" or "size", its number, by how many tokens or units it is too much)."""


def settle(ask: Ask, cells: Sequence[Cell], plan: Plan, draw: Draw) -> tuple[dict[str, int], dict[str, Drawn]]:
    """The final targets and what they drew. Raises StepError where a bound cannot be kept."""
    targets = dict(plan.targets)
    less = [0] * len(ask.caps)
    drawn: dict[str, Drawn] = {}
    before: dict[str, int] = {}
    found: list[Breach] = []
    for turn in range(ROUNDS):
        for synthetic in (False, True):
            group = [cell for cell in cells if cell.synthetic == synthetic]
            if synthetic:
                targets |= fit(ask, cells, targets, drawn, less)
            changed = {c.key: targets[c.key] for c in group if before.get(c.key) != targets[c.key]}
            drawn |= draw(changed)
            before |= changed
        found = breaches(ask, cells, drawn, plan.wanted.size)
        if not found:
            return targets, drawn
        for kind, number, over in found:
            if kind == "cap":
                less[number] += over * 2**turn
            else:
                _lower(cells, targets, drawn, number, over)
    raise breach(ask, found)


def fit(
    ask: Ask, cells: Sequence[Cell], targets: Mapping[str, int], drawn: Mapping[str, Drawn], less: Sequence[int]
) -> dict[str, int]:
    """Targets of the cells that are not organic, lowered as little and as evenly as makes every cap hold beside the
    organic rows that are drawn, with `less` tokens to spare."""
    free = [c for c in cells if c.synthetic and targets[c.key]]
    goal = {c.key: targets[c.key] for c in free}
    spare = list(less)
    for turn in range(30):
        over = [_over(ask, number, cells, goal, drawn) + less[number] for number in range(len(ask.caps))]
        if not free or all(tokens <= 0 for tokens in over):
            return goal
        if turn:  # what a program's precision and rounding left over, in whole tokens, doubled until it is gone
            spare = [s + ceil(tokens) * 2**turn if tokens > 0 else s for s, tokens in zip(spare, over, strict=True)]
        values = _lowered(ask, cells, free, targets, drawn, spare)
        if values is None:
            break
        goal = {c.key: min(targets[c.key], int(v)) for c, v in zip(free, values, strict=True)}
    return dict.fromkeys(goal, 0)


def _lowered(
    ask: Ask,
    cells: Sequence[Cell],
    free: Sequence[Cell],
    targets: Mapping[str, int],
    drawn: Mapping[str, Drawn],
    spare: Sequence[int],
) -> list[float] | None:
    scale = float(max(targets[c.key] for c in free))
    program = Program([targets[c.key] / scale for c in free])
    for number, cap in enumerate(ask.caps):
        terms = {
            n: float((c.counted(cap) - cap.bound * c.tokens) / c.size) for n, c in enumerate(free) if c.parts[number]
        }
        fixed = _over(ask, number, [c for c in cells if not c.synthetic], {}, drawn) + spare[number]
        largest = max(map(abs, terms.values()), default=0.0)
        if largest:
            program.add({n: t / largest for n, t in terms.items()}, high=float(-fixed) / scale / largest)
    values = program.fairest([([n], targets[c.key] / scale) for n, c in enumerate(free)])
    return None if values is None else [v * scale * (1 + SLACK) for v in values]


def _over(
    ask: Ask, number: int, cells: Sequence[Cell], targets: Mapping[str, int], drawn: Mapping[str, Drawn]
) -> Fraction:
    """By how many tokens a cap is breached: cells with a target at the mean of their rows, the others as drawn."""
    cap = ask.caps[number]
    result = Fraction(0)
    for cell in cells:
        if not cell.parts[number]:
            continue
        if cell.key in targets:
            result += Fraction(targets[cell.key], cell.size or 1) * (cell.counted(cap) - cap.bound * cell.tokens)
        elif not cell.synthetic:
            own = drawn[cell.key]
            result += (own.generated if cap.kind == "generated" else 0) - cap.bound * own.tokens
    return result


def breaches(ask: Ask, cells: Sequence[Cell], drawn: Mapping[str, Drawn], size: int) -> list[Breach]:
    """Every bound that the drawn rows are above, exactly."""
    found: list[Breach] = []
    for number, cap in enumerate(ask.caps):
        counted, tokens = capped(cap.kind, number, cells, drawn)
        if counted > cap.bound * tokens:
            found.append(("cap", number, ceil(counted - cap.bound * tokens)))
    total = sum(d.size for d in drawn.values())
    for number, take in enumerate(ask.takes):
        own = sum(drawn[c.key].size for c in cells if c.take == number)
        if take.share_max is not None and own > take.share_max * total:
            found.append(("share", number, ceil((own - take.share_max * total) / (1 - take.share_max))))
    if total > size:
        raise AssertionError(f"mix {ask.name}: drew {total} of {size} {ask.unit}")
    return found


def capped(kind: str, number: int, cells: Sequence[Cell], drawn: Mapping[str, Drawn]) -> tuple[int, int]:
    """What a cap counts among the drawn rows of its part, and all their tokens."""
    part = [c for c in cells if c.parts[number]]
    if kind == "generated":
        counted = sum(drawn[c.key].generated for c in part)
    else:
        counted = sum(drawn[c.key].tokens for c in part if c.synthetic)
    return counted, sum(drawn[c.key].tokens for c in part)


def _lower(cells: Sequence[Cell], targets: dict[str, int], drawn: Mapping[str, Drawn], take: int, over: int) -> None:
    """Takes `over` off what the cells of a take drew, in proportion."""
    own = [c for c in cells if c.take == take]
    whole = sum(drawn[c.key].size for c in own)
    for cell in own:
        size = drawn[cell.key].size
        targets[cell.key] = max(0, size - ceil(Fraction(over * size, whole)))


def breach(ask: Ask, found: Sequence[Breach]) -> StepError:
    """The error for bounds that the drawn rows are above."""
    lines = []
    for kind, number, over in found:
        own = ask.caps[number].words() if kind == "cap" else _share_words(ask, number)
        lines.append(f"\n  {own}: {over:,} {'tokens' if kind == 'cap' else ask.unit} too many")
    return StepError(
        placed(f"mix {ask.name}: the drawn rows are above a bound", ask.at) + "".join(lines),
        remedy="nothing was written; the takes it is about have too few or too uneven rows, lower their weights",
    )


def _share_words(ask: Ask, number: int) -> str:
    take = ask.takes[number]
    return f"{take.words()} share <= {percent(take.share_max)}"
