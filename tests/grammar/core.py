"""What all parts of the grammar share: choices, names, numbers, and the table of what can grow.

A part is a class with methods marked by `grows`: each gives one kind of statement (its lines) or
of expression (its text), or nothing where it does not fit. Which of them are used is decided by
weight, among those whose feature is switched on.
"""

from collections.abc import Callable
from functools import cache
from itertools import accumulate
from typing import Any

from tests.grammar.chance import Chance
from tests.grammar.scope import Function, Grown, Scope, Shape, Var


def grows(kind: str, weight: int, feature: str = "basic") -> Callable[[Callable], Callable]:
    """Mark a method that gives a `kind` ("statement", "number", "array", "store") of text."""

    def mark(method: Callable) -> Callable:
        method.grows = (kind, weight, feature)  # type: ignore[attr-defined]
        return method

    return mark


def marked(grower: type) -> list[tuple[str, int, str, Callable]]:
    """(kind, weight, feature, method), the heaviest first, which are the simplest."""
    methods = [getattr(grower, name) for name in dir(grower)]
    found = [(*m.grows, m) for m in methods if hasattr(m, "grows")]
    return sorted(found, key=lambda row: (-row[1], row[3].__name__))


@cache
def table(grower: Any, kind: str, features: frozenset[str]) -> tuple[list[Callable], list[int]]:
    """The methods of a kind with the running sums of their weights."""
    rows = [row for row in marked(grower) if row[0] == kind and row[2] in features]
    return [row[3] for row in rows], list(accumulate(row[1] for row in rows))


class Core:
    def __init__(self, dice: Chance, features: frozenset[str]):
        self.dice = dice
        self.features = features | {"basic"}
        self.count = 0
        self.long = dice.pick([4, 3, 5])
        self.short = dice.pick([2, 3, self.long])
        self.pick, self.chance, self.some = dice.pick, dice.chance, dice.between

    def grow(self, kind: str, *args: Any) -> Any:
        """What one of the marked methods gives; the first one always gives something."""
        grower: Any = type(self)
        methods, bounds = table(grower, kind, self.features)
        for _ in range(10):
            result = methods[self.dice.weighted(bounds)](self, *args)
            if result:
                return result
        return methods[0](self, *args)

    def name(self, stem: str) -> str:
        self.count += 1
        return f"{stem}{self.count}"

    def number(self) -> str:
        """A sample value: two digits, so that it meets no threshold, which has three."""
        return str(((200 + self.dice.below(301)) % 301 - 150) / 100)

    def threshold(self) -> str:
        return str((10 * self.some(-100, 100) + self.pick([3, 7])) / 1000)

    def factor(self) -> str:
        """A number that is far from zero."""
        return f"{self.pick(['', '-'])}{self.pick([0.5, 0.7, 0.9, 1.2, 1.3])}"

    def shape(self) -> Shape:
        n, k = self.long, self.short
        return self.pick([(n,), (n,), (n,), (k, n), (k, n), (k,), (n, k)])

    def maybe_shape(self) -> Shape | None:
        return None if self.chance(0.4) else self.shape()

    def bind(self, scope: Scope, stem: str, shape: Shape | None = None, rebind: bool = True) -> str:
        """A new name, known from here on."""
        name = self.name(stem)
        scope.vars.append(Var(name, shape, rebind=rebind))
        return name

    # What the parts give each other

    def expr(self, scope: Scope, shape: Shape | None, depth: int) -> str:
        raise NotImplementedError

    def broadcast(self, scope: Scope, shape: Shape | None, depth: int) -> str:
        raise NotImplementedError

    def leaf(self, scope: Scope, shape: Shape | None) -> str:
        raise NotImplementedError

    def element(self, scope: Scope, v: Var) -> str:
        raise NotImplementedError

    def index(self, scope: Scope, size: int) -> str:
        raise NotImplementedError

    def condition(self, scope: Scope, depth: int = 1) -> str:
        raise NotImplementedError

    def views(self, scope: Scope, shape: Shape) -> list[str]:
        raise NotImplementedError

    def block(self, scope: Scope, budget: int) -> list[str]:
        raise NotImplementedError

    def indented(self, scope: Scope, most: int) -> list[str]:
        raise NotImplementedError

    def update(self, scope: Scope, shape: Shape | None) -> str:
        raise NotImplementedError

    def bounded(self, scope: Scope, text: str) -> str:
        raise NotImplementedError

    def called(self, scope: Scope, function: Function, depth: int) -> str:
        raise NotImplementedError

    def grown(self, scope: Scope, grown: Grown) -> str:
        raise NotImplementedError

    def define(self, text: list[str]) -> None:
        """Lines for the module, above the function that is being written."""
        raise NotImplementedError


def indent(lines: list[str]) -> list[str]:
    return ["    " + line for line in lines]
