"""What a derivative is to the compiler: a function, and what is asked of it.

    df = grad(f)    →    Derivative(how="grad", f, wrt=0)        known when g is compiled
    def g(x):
        return df(x) * grad(f)(x)                                 the same, made as g runs

The public transformations are made of this, and are listed in `MAKERS`, so that the compiler knows
them where a function that is differentiated calls one.
"""

from __future__ import annotations

import ast
from collections.abc import Callable
from typing import Any


class Derivative:
    """A derivative of a function.

    _how       "grad", "value_and_grad", "elementwise_grad"
    _f         the function
    _wrt       a position, a name, or a tuple of these
    _has_aux   whether the function returns (output, aux)
    """

    _how: str
    _f: Callable
    _wrt: Any
    _has_aux: bool


MAKERS: dict[Callable, str] = {}
# Functions that differentiate what they are given as they are called.
DERIVING: set[Callable] = set()


def taken_apart(text: str) -> tuple[str, list[Any]]:
    """The name that an expression begins with, and the steps that follow.

    >>> taken_apart("model.layers[0].w")
    ('model', [('attr', 'layers'), 0, ('attr', 'w')])
    """
    node, steps = ast.parse(text, mode="eval").body, []
    while not isinstance(node, ast.Name):
        if isinstance(node, ast.Attribute):
            steps.append(("attr", node.attr))
        elif isinstance(node, ast.Subscript):
            steps.append(ast.literal_eval(node.slice))
        else:
            raise ValueError
        node = node.value
    return node.id, steps[::-1]
