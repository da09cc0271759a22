"""How long the stub's model takes: always the same, or with a long tail."""

from __future__ import annotations

import math
import random


class LongTail:
    """Log-normal seconds of a median, of which one in a hundred takes more than ten times as long: the n-th request
    takes the n-th number that the seed gives, whoever asks."""

    SIGMA = math.log(10) / 2.3263478740408408
    """ln(p99 ÷ median) over the 99th percentile of a standard normal."""

    def __init__(self, median: float, seed: int = 0):
        self.median = median
        self._random = random.Random(seed)
        self._drawn: list[float] = []

    def __call__(self, number: int) -> float:
        while len(self._drawn) < number:
            self._drawn.append(self.median * math.exp(self.SIGMA * self._random.gauss(0, 1)))
        return self._drawn[number - 1]
