"""What SciPy's functions of functions are to the compiler: a function with a rule, made for a call.

    y = brentq(lambda y: y**3 + y - s, 0.0, b)      →      y = brentq_fn(b, s)

`SOLVERS` tells, by module and name, who makes them: see `srcdiff.solvers`. SciPy is not imported
here.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

# (module, name) → `make(call)`, a `Made`, or None where there is more to a call than it knows.
SOLVERS: dict[tuple[str, str], Callable[[Call], Made | None]] = {}
# The parameter that takes the function.
FUNCTIONS: dict[tuple[str, str], str] = {}


class Call(NamedTuple):
    """A call of a solver, as far as it is known while compiling.

    solver    the function that is called
    f         the function that it is given, or what makes it of the values that it reads
    read      the names of these values; None if f is the function
    values    the parameters of the solver with values known only at run time: their names
    extra     how many further arguments the function is given (`args=`)
    known     the other parameters
    arrays    those of `values` that are arrays, with their shapes as far as they are known
    """

    solver: Callable
    f: Callable
    read: tuple[str, ...] | None
    values: tuple[str, ...]
    extra: int
    known: dict[str, Any]
    arrays: dict[str, Any]


class Made(NamedTuple):
    """A function of the values, the further arguments and what is read, in this order.

    like    what it returns: "float", "number", "pair" (of floats), a name of one of the arguments
            that it is an array like, or the shape, or the number of axes, of an array of floats
    result  what makes of that what the solver returns; None if it is that
    """

    function: Callable
    like: Any
    result: Callable | None = None


class Result:
    """What a solver returns, as far as it has a derivative."""

    def __init__(self, **fields: Any) -> None:
        self.__dict__.update(fields)
