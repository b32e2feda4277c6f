"""Where the grammar's choices come from: a seed, or Hypothesis, which can then shrink them.

    Seeded(7).below(10)          a number from 0 to 9, the same for the same seed
    Drawn(draw).below(10)        a number from 0 to 9 that Hypothesis chose

Everything is drawn as a whole number below another one, and the smaller number is meant to be the
simpler choice: the first of a list, no rather than yes.
"""

import random
from bisect import bisect
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any, TypeVar

T = TypeVar("T")


class Chance:
    def below(self, n: int) -> int:
        raise NotImplementedError

    def pick(self, items: Sequence[T]) -> T:
        return items[self.below(len(items))]

    def sample(self, items: Sequence[T], k: int) -> list[T]:
        left = list(items)
        return [left.pop(self.below(len(left))) for _ in range(k)]

    def between(self, low: int, high: int) -> int:
        """A whole number from low to high, both included."""
        return low + self.below(high - low + 1)

    def chance(self, p: float) -> bool:
        return self.below(100) >= 100 - round(100 * p)

    def weighted(self, bounds: Sequence[int]) -> int:
        """An index with the weights whose running sums are given."""
        return bisect(bounds, self.below(bounds[-1]))


class Seeded(Chance):
    def __init__(self, seed: int):
        self.random = random.Random(seed).random

    def below(self, n: int) -> int:
        return int(self.random() * n)


class Drawn(Chance):
    def __init__(self, draw: Callable):
        self.draw = draw

    def below(self, n: int) -> int:
        return self.draw(numbers_below(n)) if n > 1 else 0


@cache
def numbers_below(n: int) -> Any:
    from hypothesis import strategies

    return strategies.integers(0, n - 1)
