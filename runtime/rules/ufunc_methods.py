"""Rules of methods of ufuncs that are no function of another name.

y = np.logaddexp.reduce(x)    →    d_x = d_y * np.exp(x - y)
"""

# mypy: no-check-untyped-defs

import numpy as np

from srcdiff.runtime.kernels import (
    add_at,
    parts_of_reduceat,
    restore_axes,
    running_places,
)
from srcdiff.runtime.registry import sample, spread, vjp_rule

REDUCED = (
    spread(4),
    spread(2, 3),
    sample(spread(2, 3), axis=1),
    sample(spread(2, 3), axis=-1, keepdims=True),
    sample(spread(2, 3), axis=None),
    sample(spread(2, 3, 4), axis=(0, 2)),
)


def below(array, out):
    """array - out, where inf - inf is 0 and -inf - -inf is -inf."""
    same = array == out
    return np.where(same & (out != -np.inf), 0, array - np.where(same, 0, out))


@vjp_rule(np.logaddexp.reduce, at=REDUCED)
def logaddexp_reduce_vjp(d_out, out, array, axis=0, *, keepdims=False):
    """out = log(sum(exp(array)))"""
    d = restore_axes(d_out, np.ndim(array), axis, keepdims)
    return d * np.exp(below(array, restore_axes(out, np.ndim(array), axis, keepdims)))


@vjp_rule(np.logaddexp2.reduce, at=REDUCED)
def logaddexp2_reduce_vjp(d_out, out, array, axis=0, *, keepdims=False):
    """out = log2(sum(2 ** array))"""
    d = restore_axes(d_out, np.ndim(array), axis, keepdims)
    return d * np.exp2(below(array, restore_axes(out, np.ndim(array), axis, keepdims)))


@vjp_rule(np.hypot.reduce, at=REDUCED)
def hypot_reduce_vjp(d_out, out, array, axis=0, *, keepdims=False):
    """out = sqrt(sum(array ** 2)); 0 where that is zero"""
    d = restore_axes(d_out, np.ndim(array), axis, keepdims)
    return d * array / restore_axes(np.where(out == 0, 1, out), np.ndim(array), axis, keepdims)


@vjp_rule(
    np.maximum.accumulate,
    np.minimum.accumulate,
    at=[spread(5), spread(3, 4), sample(spread(3, 4), axis=1), sample(spread(2, 3, 4), axis=-2)],
)
def running_extreme_vjp(d_out, out, array, axis=0):
    """out[k] = the largest, or smallest, of array[: k + 1]; of equal ones the last"""
    shape = np.shape(array)
    key = ()
    for i, n in enumerate(shape):
        if i == axis % np.ndim(array):
            key = (*key, running_places(array, out, axis))
        else:
            key = (*key, np.reshape(np.arange(n), (-1,) + (1,) * (np.ndim(array) - i - 1)))
    return add_at(np.zeros(shape, out.dtype), key, d_out)


@vjp_rule(
    np.add.reduceat,
    at=[
        (spread(6), [0, 2, 3]),
        (spread(6), np.array([0, 4, 1, 5, 2])),
        (spread(2, 5), [0, 3], 1),
        sample(spread(4, 3), [2, 2], axis=0),
    ],
    linear=True,
)
def add_reduceat_vjp(d_out, out, array, indices, axis=0):
    """out[k] = sum(array[indices[k] : indices[k + 1]]), or array[indices[k]] if that is empty"""
    parts, places = parts_of_reduceat(np.shape(array)[axis], indices)
    along = (slice(None),) * (axis % np.ndim(array))
    return add_at(np.zeros(np.shape(array), out.dtype), along + (places,), d_out[along + (parts,)])
