"""The linear programs of a mix: the largest total under weights, supplies, caps and bounds on shares, and the
fairest amounts that reach it."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from math import inf

from recipe_runtime.mixing.ask import Ask, Cell, Wanted, sizes
from recipe_runtime.mixing.lp import SLACK, Program, Terms

Label = tuple[str, int]
"""What a row of the program stands for: ("supply", take), ("weight", take), ("cap", cap), ("share", take)."""


@dataclass
class Model:
    """The programs over one ask, its cells and the most that each cell may give."""

    ask: Ask
    cells: Sequence[Cell]
    limits: Sequence[int]
    wanted: Wanted
    weights: list[float] = field(init=False)
    supply: list[int] = field(init=False)

    def __post_init__(self) -> None:
        self.weights = [float(w) for w in self.wanted.shares]
        self.supply = sizes(self.ask, self.cells, {c.key: n for c, n in zip(self.cells, self.limits, strict=True)})

    def of_take(self, take: int) -> list[int]:
        """The places of a take's cells that have anything to give."""
        return [n for n, c in enumerate(self.cells) if c.take == take and self.limits[n]]

    def cap_rows(self) -> list[tuple[Label, Terms]]:
        """Per cap, terms over the cells whose sum must not be above 0; the largest factor is 1."""
        return [(label, terms) for label, terms, _ in self.cap_rows_and_room()]

    def cap_rows_and_room(self) -> list[tuple[Label, Terms, float]]:
        """The same, with the factor that a take of organic rows would have: it makes room under a cap on the whole
        mix, and none under one on a part."""
        rows = []
        for number, cap in enumerate(self.ask.caps):
            terms = {
                n: float((cell.counted(cap) - cap.bound * cell.tokens) / cell.size)
                for n, cell in enumerate(self.cells)
                if cell.parts[number] and self.limits[n]
            }
            largest = max(map(abs, terms.values()), default=0.0)
            if largest:
                room = -float(cap.bound) / largest if cap.where is None else 0.0
                rows.append((("cap", number), {n: t / largest for n, t in terms.items()}, room))
        return rows

    def share_rows(self) -> list[tuple[Label, Terms]]:
        """Bounds on the shares of single takes, as rows that must not be above 0."""
        rows = []
        every = [n for n, limit in enumerate(self.limits) if limit]
        for take, asked in enumerate(self.ask.takes):
            own = set(self.of_take(take))
            if asked.share_max is not None:
                rows.append((("share", take), {n: (n in own) - float(asked.share_max) for n in every}))
            if asked.share_min is not None:
                rows.append((("share", take), {n: float(asked.share_min) - (n in own) for n in every}))
        return rows

    def _program(self, scale: float, short: Collection[int], without: Collection[Label]) -> Program:
        """Cells in units of `scale`, and last the scale v at which shares that are kept hold, at most 1."""
        v = len(self.cells)
        upper = []
        for n, cell in enumerate(self.cells):
            # No cell gives more than its take's share at v = 1, so bounds never dwarf the rest.
            most = inf if ("supply", cell.take) in without else self.limits[n] / scale
            upper.append(min(most, self.weights[cell.take]) if self.limits[n] else 0.0)
        program = Program([*upper, 1.0])
        for take, weight in enumerate(self.weights):
            terms = {**dict.fromkeys(self.of_take(take), 1.0), v: -weight}
            program.add(terms, high=0.0) if take in short else program.add(terms, 0.0, 0.0)
        for label, terms in [*self.cap_rows(), *self.share_rows()]:
            if label not in without:
                program.add(terms, high=0.0)
        program.add(dict.fromkeys(range(v), 1.0), high=self.wanted.size / scale)
        return program

    def _scale(self, short: Collection[int], without: Collection[Label]) -> float:
        """An upper bound of v by supplies and size alone."""
        kept = [i for i, w in enumerate(self.weights) if i not in short and w > 0]
        bounds = [self.supply[i] / self.weights[i] for i in kept if ("supply", i) not in without]
        return min([*bounds, self.wanted.size / sum(self.weights[i] for i in kept)])

    def largest(
        self, short: Collection[int] = (), without: Collection[Label] = (), *, goal: int | None = None
    ) -> tuple[float, float]:
        """The largest total with these takes short (of `goal` alone, if given: what that take gives), and the scale
        of the program that found it; 0 where nothing can be drawn."""
        scale = self._scale(short, without)
        every = range(len(self.cells)) if goal is None else self.of_take(goal)
        while scale >= 1:
            values = self._program(scale, short, without).maximise(dict.fromkeys(every, 1.0))
            if values is None:
                return 0.0, 1.0
            total = sum(values[n] for n in every)
            # Rows hold to 1e-10 of the scale: where a cap keeps the total far below it, look closer.
            if total > 1e-3:
                return total * scale, scale
            scale *= max(2 * total, 1e-5)
        return 0.0, 1.0

    def soonest(self) -> list[int]:
        """Takes in the order in which they can no longer give their share as the mix grows, the others giving at
        most theirs."""
        ends = []
        for take, weight in enumerate(self.weights):
            if weight > 0:
                others = [i for i in range(len(self.weights)) if i != take]
                ends.append((self.largest(others, goal=take)[0] / weight, take))
        return [take for _, take in sorted(ends)]

    def amounts(self, short: Collection[int], total: float, scale: float) -> list[float]:
        """What each cell gives at a total that can be reached: item 4 of the definition."""
        cells = range(len(self.cells))
        program = self._program(scale, short, ())
        program.add(dict.fromkeys(cells, 1.0), low=total / scale - SLACK)
        values = program.maximise(dict.fromkeys(cells, 1.0))
        if values is None:
            raise AssertionError(f"mix {self.ask.name}: {total} was found and is not there")
        groups = [(self.of_take(i), self.weights[i]) for i in short if self.weights[i] > 0 and self.of_take(i)]
        values = (program.fairest(groups) if groups else None) or values
        given = [sum(values[n] for n in self.of_take(i)) for i in range(len(self.weights))]
        even = self._proportional(given, scale)
        return [x * scale for x in even or values[: len(self.cells)]]

    def _proportional(self, given: Sequence[float], scale: float) -> list[float] | None:
        """The takes' amounts over their cells; None where rounding left no room to choose."""
        whole = sizes(self.ask, self.cells)
        even = [given[c.take] * c.size / whole[c.take] if whole[c.take] else 0.0 for c in self.cells]
        rows = [terms for _, terms in self.cap_rows()]
        if all(sum(f * even[n] for n, f in terms.items()) <= SLACK for terms in rows):
            return even
        program = Program([limit / scale for limit in self.limits])
        for terms in rows:
            program.add(terms, high=SLACK)
        for take, amount in enumerate(given):
            program.add(dict.fromkeys(self.of_take(take), 1.0), amount - SLACK, amount + SLACK)
        groups = [([n], even[n]) for n in range(len(self.cells)) if even[n] > SLACK and self.limits[n]]
        return program.fairest(groups)
