"""NumPy's functions that the tape puts together of others, as it runs.

    np.einsum(a, [0, 1])    →    np.einsum("ab", a)

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


def vectorized(f: np.vectorize, call: Callable, args: tuple, kwargs: dict) -> Any:
    """A call of an `np.vectorize`: the function is called once for each element."""
    if f.signature is not None or f.excluded:
        raise no_rule(f.pyfunc)
    count, names = len(args), tuple(kwargs)
    arrays = apply(np.broadcast_arrays, (*args, *kwargs.values()))
    shape = np.shape(plain(arrays[0]))
    rows = zip(*[[x.item() for x in apply(np.ravel, (column,))] for column in arrays])
    results = [call(f.pyfunc, *row[:count], **dict(zip(names, row[count:]))) for row in rows]
    if results and isinstance(results[0], tuple):
        return tuple(stacked(list(column), shape, f) for column in zip(*results))
    return stacked(results, shape, f)


def stacked(numbers: list, shape: tuple, f: np.vectorize) -> Any:
    otypes = f.otypes
    kind = np.dtype(otypes[0]) if otypes else None
    if kind is None and numbers:  # the first decides
        kind = np.result_type(plain(numbers[0]))
    made = apply(np.array, (numbers,), {} if kind is None else {"dtype": kind})
    return apply(np.reshape, (made, shape))


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

    return joined(arrays, levels) if levels else apply(np.array, (arrays,))  # it copies


def einsum(*args: Any, **kwargs: Any) -> Any:
    """`np.einsum`, whose subscripts may be lists of numbers."""
    if args and not isinstance(args[0], str):
        operands = args[: len(args) - len(args) % 2 : 2]
        lists = [list(x) for x in (*args[1::2], *args[len(operands) * 2 :])]
        args = (einsum_text(operands, lists), *operands)
    return apply(np.einsum, args, kwargs)


MADE_OF_OTHERS: dict[Any, Callable] = {
    np.fromiter: fromiter,
    np.block: block,
    np.einsum: einsum,
    np.linalg.eigvals: eigvals,
}
