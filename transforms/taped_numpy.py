"""NumPy's functions that the tape puts together of others, as it runs.

    a, b = np.broadcast_arrays(x, y)    →    np.broadcast_to(x, shape), np.broadcast_to(y, shape)

What they return is tracked like the results of the functions that they are made of.
"""

# mypy: no-check-untyped-defs

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from srcdiff.runtime.tape import apply, no_rule, plain


def atleast(function: Callable) -> Callable:
    """`np.atleast_1d` and the like, of several arrays."""

    def each(*arrays: Any) -> Any:
        found = tuple(apply(function, (x,)) for x in arrays)
        return found[0] if len(found) == 1 else found

    return each


def broadcast_arrays(*args: Any, subok: bool = False) -> tuple:
    shape = np.broadcast_shapes(*[np.shape(plain(x)) for x in args])
    return tuple(
        x if np.shape(plain(x)) == shape and isinstance(plain(x), np.ndarray)
        else apply(np.broadcast_to, (x, shape))
        for x in args
    )  # fmt: skip


def eigvals(a: Any) -> Any:
    """The eigenvalues, with their derivatives at the matrix as it is."""
    w, v = np.linalg.eig(plain(a))
    change = a - plain(a)
    return w + np.einsum("...ij,...jk,...ki->...i", np.linalg.inv(v), change, v)


def apply_along_axis(
    call: Callable, f: Callable, axis: int, arr: Any, *args: Any, **kwargs: Any
) -> Any:
    """`np.apply_along_axis`, with a call for each line of the array."""
    rows = np.moveaxis(apply(np.asarray, (arr,)), axis, -1)
    shape = np.shape(plain(rows))[:-1]
    found = [call(f, rows[at], *args, **kwargs) for at in np.ndindex(shape)]
    made = apply(np.array, (found,))
    inner = np.shape(plain(made))[1:]
    out = np.reshape(made, (*shape, *inner))
    where = axis % np.ndim(plain(rows))
    for i in range(len(inner)):
        out = np.moveaxis(out, len(shape) + i, where + i)
    return out


def vectorized(f: np.vectorize, call: Callable, args: tuple, kwargs: dict) -> Any:
    """A call of an `np.vectorize`: the function is called once for each element."""
    if kwargs or f.signature is not None or f.excluded:
        raise no_rule(f.pyfunc)
    arrays = broadcast_arrays(*args)
    shape = np.shape(plain(arrays[0]))
    rows = zip(*[apply(np.ravel, (x,)) for x in arrays])
    results = [call(f.pyfunc, *row) for row in rows]
    if results and isinstance(results[0], tuple):
        return tuple(stacked(list(column), shape, f) for column in zip(*results))
    return stacked(results, shape, f)


def stacked(numbers: list, shape: tuple, f: np.vectorize) -> Any:
    otypes = f.otypes
    kind = np.dtype(otypes[0]) if otypes else None
    made = apply(np.array, (numbers,), {} if kind is None else {"dtype": kind})
    return apply(np.reshape, (made, shape))


MADE_OF_OTHERS: dict[Any, Callable] = {
    np.broadcast_arrays: broadcast_arrays,
    np.linalg.eigvals: eigvals,
    **{f: atleast(f) for f in (np.atleast_1d, np.atleast_2d, np.atleast_3d)},
}
