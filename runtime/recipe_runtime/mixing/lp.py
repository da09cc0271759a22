"""Linear programs over named rows, solved by HiGHS, and the fairest of their solutions.

Numbers should lie near 1: HiGHS keeps rows and bounds to 1e-10 in absolute terms, so callers scale.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import inf
from typing import Any

PRECISION = 1e-10
SLACK = 1e-9
"""By how much a value found by one program is loosened as a row of the next: above HiGHS' own precision."""

Terms = Mapping[int, float]


@dataclass
class Program:
    """Variables from 0 to `upper`, rows low <= sum of terms <= high."""

    upper: list[float]
    rows: list[tuple[Terms, float, float]] = field(default_factory=list)

    def add(self, terms: Terms, low: float = -inf, high: float = inf) -> None:
        """One row."""
        self.rows.append((terms, low, high))

    def maximise(self, terms: Terms) -> list[float] | None:
        """The values of the variables at the largest sum of `terms`; None where no values hold all rows."""
        found = self._solve(terms)
        return None if found is None else [float(x) for x in found.x]

    def fairest(self, groups: Sequence[tuple[Sequence[int], float]]) -> list[float] | None:
        """Values that make the smallest ratio of a group's sum to its weight as large as can be, then the second
        smallest, and so on (lexicographic max-min: there is one such list of ratios). Groups: variables and a
        weight above 0. None where no values hold all rows."""
        ratio = len(self.upper)
        floors: dict[int, float] = {}
        values: list[float] | None = None
        while len(floors) < len(groups):
            program = Program([*self.upper, inf], list(self.rows))
            for place, (variables, weight) in enumerate(groups):
                terms = dict.fromkeys(variables, 1.0)
                if place in floors:
                    program.add(terms, low=floors[place] * weight - SLACK)
                else:
                    program.add({**terms, ratio: -weight}, low=0.0)
            found = program._solve({ratio: 1.0})
            if found is None:  # at the first ratio, or by rounding: then the ratios found so far have to do
                return values
            values = [float(x) for x in found.x[:ratio]]
            least = float(found.x[ratio])
            # A row that the optimum leans on (its dual is not 0; they sum to 1) is at `least` in every optimum.
            duals = found.ineqlin.marginals[-len(groups) :]
            free = [place for place in range(len(groups)) if place not in floors]
            tight = [place for place in free if abs(duals[place]) * groups[place][1] > 1e-7]
            floors |= dict.fromkeys(tight or free, least)
        return values

    def _solve(self, terms: Terms) -> Any:
        import numpy as np
        from scipy.optimize import linprog

        n = len(self.upper)
        equal = [r for r in self.rows if r[1] == r[2]]
        # A row with both bounds becomes two. Those of `fairest` have a lower one and come last: they keep their order.
        below = [(t, high, 1.0) for t, low, high in self.rows if low != high and high < inf]
        below += [(t, -low, -1.0) for t, low, high in self.rows if low != high and low > -inf]

        def matrix(rows: Sequence[tuple[Terms, float]]) -> Any:
            made = np.zeros((len(rows), n))
            for place, (found, sign) in enumerate(rows):
                for variable, factor in found.items():
                    made[place, variable] += sign * factor
            return made

        goal = np.zeros(n)
        for variable, factor in terms.items():
            goal[variable] = -factor
        result = linprog(
            goal,
            A_ub=matrix([(t, sign) for t, _, sign in below]) if below else None,
            b_ub=[high for _, high, _ in below] if below else None,
            A_eq=matrix([(t, 1.0) for t, _, _ in equal]) if equal else None,
            b_eq=[high for _, _, high in equal] if equal else None,
            bounds=[(0.0, None if u == inf else u) for u in self.upper],
            method="highs",
            options={"primal_feasibility_tolerance": PRECISION, "dual_feasibility_tolerance": PRECISION},
        )
        if result.status == 0:
            return result
        if result.status == 2:
            return None
        raise AssertionError(f"HiGHS: {result.status} {result.message}")
