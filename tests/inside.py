"""What a program computes on its way: the judge's measure of how far differences can be trusted."""

import inspect
import sys
from collections.abc import Callable
from typing import Any

import numpy as np


def largest_inside(f: Callable, args: tuple) -> float:
    """The largest size of any float that a local variable of f's file holds while f runs.

    >>> def far(x):
    ...     y = 1e9 * x
    ...     return y / 1e9
    >>> largest_inside(far, (0.5,))
    500000000.0
    """
    code = getattr(inspect.unwrap(f), "__code__", None)
    largest, file = 0.0, code and code.co_filename

    def look(frame: Any, event: str, arg: Any) -> Any:
        nonlocal largest
        if frame.f_code.co_filename != file:
            return None
        for value in list(frame.f_locals.values()):
            largest = max(largest, size(value))
        return look

    before = sys.gettrace()
    sys.settrace(look)
    try:
        f(*args)
    finally:
        sys.settrace(before)
    return largest


def size(value: Any) -> float:
    """The largest absolute value in a number, an array, or lists and tuples of them.

    >>> size([np.array([1.0, -3.0]), (2.0,), "text"])
    3.0
    """
    if isinstance(value, list | tuple):
        return max(map(size, value), default=0.0)
    if isinstance(value, float | complex | np.inexact | np.ndarray):
        array = np.asarray(value)
        if array.dtype.kind in "fc":
            return float(np.nanmax(np.abs(array), initial=0.0))
    return 0.0
