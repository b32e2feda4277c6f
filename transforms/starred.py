"""Starred arguments of unknown length: `f(t, *p)` of an array takes as many as f has parameters.

    def f(t, a, b): …        f(t, *p)   →   f(t, p[0], p[1])
"""

from __future__ import annotations

import functools
import inspect
import types
from typing import Any

import numpy as np

from srcdiff.transforms.references import Function, Known, Method


def places_left(f: Any, given: int, named: set[str]) -> int | None:
    """How many more positional arguments a function needs; None if it may take one more or less.

    given   how many positional arguments there are beside these
    named   the arguments that are passed by keyword

    >>> def f(t, a, b, *, c=1.0): ...
    >>> places_left(Known(f), 1, set()), places_left(Known(f), 1, {"b"})
    (2, 1)
    >>> places_left(Known(np.hypot), 0, set()), places_left(Known(print), 0, set())
    (2, None)
    """
    if isinstance(f, Method):
        return places_left(f.function, given + 1, named)
    if isinstance(f, Known) and isinstance(f.obj, functools.partial):
        inner = f.obj
        return places_left(Known(inner.func), given + len(inner.args), named | set(inner.keywords))
    if isinstance(f, Function):
        kinds = {p.name: p.kind for p in f.lowered.parameters}
        given += f.bound is not None
        optional = set(f.defaults)
    elif isinstance(f, Known) and isinstance(f.obj, np.ufunc):
        return f.obj.nin - given if f.obj.nin >= given and not named else None
    elif isinstance(f, Known) and isinstance(f.obj, types.FunctionType | types.MethodType):
        parameters = inspect.signature(f.obj, follow_wrapped=False).parameters
        kinds = {p.name: KINDS[p.kind] for p in parameters.values()}
        optional = {p.name for p in parameters.values() if p.default is not p.empty}
    else:
        return None
    if "star" in kinds.values():
        return None
    free = [n for n, kind in kinds.items() if kind in ("positional", "either")][given:]
    left = [n for n in free if n not in named]
    # A keyword's place must lie behind those that are filled; a default's may stay empty.
    if optional & set(left) or free[: len(left)] != left:
        return None
    return len(left)


KINDS = {
    inspect.Parameter.POSITIONAL_ONLY: "positional",
    inspect.Parameter.POSITIONAL_OR_KEYWORD: "either",
    inspect.Parameter.VAR_POSITIONAL: "star",
    inspect.Parameter.KEYWORD_ONLY: "keyword",
    inspect.Parameter.VAR_KEYWORD: "double_star",
}
