"""What a derivative is to the compiler: a function, and what is asked of it.

    df = grad(f)    →    Derivative(how="grad", f, wrt=0)        known when g is compiled
    def g(x):
        return df(x) * grad(f)(x)                                 the same, made as g runs

The public transformations are made of this, and are listed in `MAKERS`, so that the compiler knows
them where a function that is differentiated calls one.
"""

from __future__ import annotations

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
