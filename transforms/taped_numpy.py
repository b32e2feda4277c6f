"""NumPy's functions that the tape puts together of others, as it runs.

    f, e = np.frexp(x)    →    x * np.exp2(-e), e

What they return is tracked like the results of the functions that they are made of.
"""

# mypy: no-check-untyped-defs

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from srcdiff.runtime.numpy_twins import einsum_text
from srcdiff.runtime.tape import apply, no_rule, plain


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
    arrays = apply(np.broadcast_arrays, args)
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


def quantile(
    a: Any, q: Any, axis: Any = None, out: Any = None, overwrite_input: bool = False,
    method: str = "linear", keepdims: bool = False, nan: bool = False, **more: Any,
) -> Any:  # fmt: skip
    """Between two neighbours of the sorted elements, along all axes or one."""
    if out is not None or method != "linear" or any(v is not None for v in more.values()):
        raise no_rule(np.quantile)
    a, q = apply(np.asarray, (a,)), np.asarray(plain(q))
    rank = np.ndim(plain(a))
    rows = apply(np.ravel, (a,)) if axis is None else np.moveaxis(a, axis, -1)
    shape = np.shape(plain(rows))[:-1]
    found = []
    for at in np.ndindex(shape):
        row = rows[at]
        if nan:
            row = row[~np.isnan(plain(row))]
        row = np.sort(row)
        place = q * (np.size(plain(row)) - 1)
        low = np.floor(place).astype(int)
        high = np.minimum(low + 1, np.size(plain(row)) - 1)
        found.append(row[low] + (row[high] - row[low]) * (place - low))
    made = np.reshape(apply(np.array, (found,)), (*shape, *q.shape))
    for i in range(q.ndim):
        made = np.moveaxis(made, len(shape) + i, i)
    if keepdims:
        ones = range(rank) if axis is None else (axis % rank,)
        made = np.expand_dims(made, tuple(i + q.ndim for i in ones))
    return made[()]


def percentile(a: Any, q: Any, *args: Any, **kwargs: Any) -> Any:
    return quantile(a, np.asarray(plain(q)) / 100, *args, **kwargs)


def nanquantile(a: Any, q: Any, *args: Any, **kwargs: Any) -> Any:
    return quantile(a, q, *args, nan=True, **kwargs)


def nanpercentile(a: Any, q: Any, *args: Any, **kwargs: Any) -> Any:
    return quantile(a, np.asarray(plain(q)) / 100, *args, nan=True, **kwargs)


def nanmedian(a: Any, axis: Any = None, out: Any = None, overwrite_input: bool = False,
              keepdims: Any = False) -> Any:  # fmt: skip
    return quantile(a, 0.5, axis, out, keepdims=keepdims is True, nan=True)


def nanvar(
    a: Any, axis: Any = None, dtype: Any = None, out: Any = None, ddof: int = 0,
    keepdims: Any = False, **more: Any,
) -> Any:  # fmt: skip
    if out is not None or dtype is not None or more:
        raise no_rule(np.nanvar)
    a = apply(np.asarray, (a,))
    there = ~np.isnan(plain(a))
    count = np.sum(there, axis=axis, keepdims=True)
    mean = np.sum(np.where(there, a, 0.0), axis=axis, keepdims=True) / count
    squares = np.sum(np.where(there, a - mean, 0.0) ** 2, axis=axis, keepdims=keepdims is True)
    return squares / (np.sum(there, axis=axis, keepdims=keepdims is True) - ddof)


def nanstd(*args: Any, **kwargs: Any) -> Any:
    return np.sqrt(nanvar(*args, **kwargs))


def unique(ar: Any, return_index: bool = False, return_inverse: bool = False,
           return_counts: bool = False, axis: Any = None, **kwargs: Any) -> Any:  # fmt: skip
    if axis is not None:
        raise no_rule(np.unique)
    _, index, *others = np.unique(plain(ar), True, return_inverse, return_counts, **kwargs)
    found = apply(np.ravel, (apply(np.asarray, (ar,)),))[index]
    rest = [index] * return_index + others
    return (found, *rest) if rest else found


def insert(arr: Any, obj: Any, values: Any, axis: Any = None) -> Any:
    arr, values = apply(np.asarray, (arr,)), apply(np.asarray, (values,))
    if axis is not None and np.ndim(plain(arr)) != 1:
        raise no_rule(np.insert)
    n = np.size(plain(arr))
    order = np.insert(np.arange(n), plain(obj), n + np.arange(np.size(plain(values))))
    return np.concatenate((np.ravel(arr), np.ravel(values)))[order]


def delete(arr: Any, obj: Any, axis: Any = None) -> Any:
    arr = apply(np.asarray, (arr,))
    arr, axis = (np.ravel(arr), 0) if axis is None else (arr, axis)
    left = np.delete(np.arange(np.shape(plain(arr))[axis]), plain(obj))
    return np.take(arr, left, axis=axis)


def fromiter(iterable: Any, dtype: Any, count: int = -1, **kwargs: Any) -> Any:
    items = list(iterable)
    return apply(np.array, (items if count < 0 else items[:count],), {"dtype": dtype})


def block(arrays: Any) -> Any:
    def depth(tree: Any) -> int:
        return 1 + depth(tree[0]) if isinstance(tree, list) else 0

    def leaves(tree: Any) -> list:
        return [x for part in tree for x in leaves(part)] if isinstance(tree, list) else [tree]

    levels = depth(arrays)
    rank = max(levels, *[np.ndim(plain(x)) for x in leaves(arrays)])

    def joined(tree: Any, level: int) -> Any:
        if not isinstance(tree, list):
            x = apply(np.asarray, (tree,))
            return np.reshape(x, (1,) * (rank - np.ndim(plain(x))) + np.shape(plain(x)))
        return np.concatenate([joined(x, level - 1) for x in tree], axis=-level)

    return joined(arrays, levels)


def frexp(x: Any) -> tuple:
    _, e = np.frexp(plain(x))
    return x * np.exp2(-e.astype(float)), e


def modf(x: Any) -> tuple:
    whole = np.modf(plain(x))[1]
    return x - whole, whole


def nextafter(x1: Any, x2: Any) -> Any:
    return x1 + (np.nextafter(plain(x1), plain(x2)) - plain(x1))


def einsum(*args: Any, **kwargs: Any) -> Any:
    """`np.einsum`, whose subscripts may be lists of numbers."""
    if args and not isinstance(args[0], str):
        operands = args[: len(args) - len(args) % 2 : 2]
        lists = [list(x) for x in (*args[1::2], *args[len(operands) * 2 :])]
        args = (einsum_text(operands, lists), *operands)
    return apply(np.einsum, args, kwargs)


def choose(a: Any, choices: Any, out: Any = None, mode: str = "raise") -> Any:
    if out is not None or mode != "raise":
        raise no_rule(np.choose)
    picks = apply(np.broadcast_arrays, (plain(a), *choices))
    return np.take_along_axis(np.stack(picks[1:]), plain(picks[0])[None], 0)[0]


MADE_OF_OTHERS: dict[Any, Callable] = {
    np.quantile: quantile,
    np.percentile: percentile,
    np.nanquantile: nanquantile,
    np.nanpercentile: nanpercentile,
    np.nanmedian: nanmedian,
    np.nanvar: nanvar,
    np.nanstd: nanstd,
    np.unique: unique,
    np.insert: insert,
    np.delete: delete,
    np.fromiter: fromiter,
    np.block: block,
    np.frexp: frexp,
    np.modf: modf,
    np.nextafter: nextafter,
    np.choose: choose,
    np.einsum: einsum,
    np.linalg.eigvals: eigvals,
}
