"""What a program computes on its way: the judge's measure of how far differences can be trusted."""

import inspect
import sys
from collections.abc import Callable
from types import FunctionType
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


def size(value: Any, depth: int = 4) -> float:
    """The largest absolute value in a number, an array, or containers and objects of them.

    depth   how far containers are looked into: some hold themselves

    >>> size([np.array([1.0, -3.0]), (2.0,), {"text": 4.0}])
    4.0
    """
    if isinstance(value, list | tuple | dict) and depth:
        parts = value.values() if isinstance(value, dict) else value
        return max((size(part, depth - 1) for part in parts), default=0.0)
    fields = getattr(value, "__dict__", None)
    if type(fields) is dict and depth and not isinstance(value, type | FunctionType):
        return size(fields, depth - 1)
    if isinstance(value, float | complex | np.inexact | np.ndarray):
        array = np.asarray(value)
        if array.dtype.kind in "fc":
            return float(np.nanmax(np.abs(array), initial=0.0))
    return 0.0
