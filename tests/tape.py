"""srcdiff's tape as a gradient to be judged, whether or not the compiler takes the function."""

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

from srcdiff import SrcdiffError
from srcdiff.fallback import OnTape
from srcdiff.signature import Callee, as_wrt
from srcdiff.transforms.parse import find, without_source
from tests.judge import Refused, leaves


def value_and_grad_on_tape(f: Callable, wrt: Any = 0, seed: str = "one") -> Callable:
    """`value_and_grad(f, wrt)` on the tape."""

    def judged(*args: Any, **kwargs: Any) -> Any:
        try:
            callee = Callee(find(f))
        except SrcdiffError:
            callee = Callee(without_source(f))
        each, single = as_wrt(wrt)
        parsed = callee.parsed
        args, kwargs = (*parsed.partial_args, *args), {**parsed.partial_kwargs, **kwargs}
        args, kwargs = callee.complete([str(n) for n in each if n in callee.defaults], args, kwargs)
        entries = callee.entries(each, args, kwargs)
        _, promoted = callee.checked(entries, callee.bind(args, kwargs))
        for entry in promoted:
            place = callee.place_in_call(entry, args)[0]
            if isinstance(place, int):
                args = (*args[:place], float(args[place]), *args[place + 1 :])
            else:
                kwargs = kwargs | {place: float(kwargs[place])}
        return OnTape(callee, entries, single, seed, True, False)(*args, **kwargs)

    return judged


def tape_gradient(f: Callable, wrt: Any) -> Callable:
    """For the judge: what the tape raises of srcdiff's own errors is a refusal."""
    df = value_and_grad_on_tape(f, wrt)

    def judged(*args: Any) -> Any:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                return df(*args)
        except SrcdiffError as error:
            raise Refused(f"{type(error).__name__}: {error}") from error

    return judged


def agree(one, other, rtol=1e-9) -> str:
    """What is unlike in two results, "" if nothing is."""
    mine, theirs = list(leaves(one, none_is_leaf=True)), list(leaves(other, none_is_leaf=True))
    if [path for path, _ in mine] != [path for path, _ in theirs]:
        return f"the structures differ: {one!r}, {other!r}"
    for (path, a), (_, b) in zip(mine, theirs):
        if a is None or b is None:
            if a is not b:
                return f"{path}: {a!r}, {b!r}"
            continue
        x, y = np.asarray(a), np.asarray(b)
        if x.dtype != y.dtype or x.shape != y.shape or type(a) is not type(b):
            return f"{path}: {type(a)} {x.dtype} {x.shape}, {type(b)} {y.dtype} {y.shape}"
        tolerance = max(rtol, 1e-3) if x.dtype.itemsize < 8 else rtol
        scale = np.max(np.abs(x), initial=1.0, where=np.isfinite(x)) if x.dtype.kind in "fc" else 1
        if not np.allclose(x, y, tolerance, tolerance * scale, equal_nan=True):
            return f"{path}: {a!r}, {b!r}"
    return ""


def finished(result):
    """(value, gradients) with numbers as NumPy scalars."""
    value, gradients = result
    return np.asarray(value), numbers(gradients)


def numbers(tree):
    if isinstance(tree, float | complex):
        return np.asarray(tree)[()]
    if isinstance(tree, dict):
        return {k: numbers(x) for k, x in tree.items()}
    if type(tree) in (list, tuple):
        return type(tree)([numbers(x) for x in tree])
    return tree


def squared(x: Any) -> Any:
    """x * x, written so that the compiler refuses it and the tape takes it.

    >>> squared(3.0)
    9.0
    """

    class Local:
        factor = 1.0

    return Local.factor * x * x
