"""Rules of what moves elements about: shapes, joining, selecting, sorting.

y = np.concatenate([a, b])    →    d_a = d_y[: len(a)];  d_b = d_y[len(a) :]
"""

# mypy: no-check-untyped-defs

import numpy as np

from srcdiff.runtime.errors import NoRuleError
from srcdiff.runtime.kernels import (
    add_at,
    embed_diagonal,
    first_places,
    for_each,
    index_along,
    inserted_order,
    inverse_permutation,
    left_places,
    moved,
    part_length,
    parts_of_reduceat,
    raises,
    rounds,
    running_places,
    shuffled_order,
    slice_along,
    square_length,
    window_places,
)
from srcdiff.runtime.registry import jvp_rule, nondifferentiable, sample, spread, vjp_rule

# Shapes


@vjp_rule(
    np.reshape,
    at=[
        (spread(6), (2, 3)),
        (spread(2, 3), -1),
        (spread(1), ()),
        sample(spread(2, 3), (3, 2), order="F"),
    ],
    linear=True,
)
def reshape_vjp(d_out, out, a, shape, order="C"):
    """out = the elements of a in another shape"""
    if order == "C":
        return np.reshape(d_out, np.shape(a))
    if order == "F":
        return np.reshape(d_out, np.shape(a), order="F")
    raise NoRuleError(f"np.reshape with order={order!r}", instead='Use order="C" or "F".')


@vjp_rule(
    np.ravel,
    at=[spread(3), spread(2, 3), sample(spread(2, 3), order="F"), sample(spread(3), order="K")],
    linear=True,
)
def ravel_vjp(d_out, out, a, order="C"):
    """out = the elements of a in one row"""
    if order == "C" or np.ndim(a) < 2:
        return np.reshape(d_out, np.shape(a))
    if order == "F":
        return np.reshape(d_out, np.shape(a), order="F")
    raise NoRuleError(f"np.ravel with order={order!r}", instead='Use order="C" or "F".')


@vjp_rule(np.ndarray.flatten, at=[spread(3), spread(2, 3), (spread(2, 3), "F")], linear=True)
def flatten_vjp(d_out, out, x, order="C"):
    """out = the elements of x in a new row"""
    if order not in ("C", "F") and np.ndim(x) > 1:
        raise NoRuleError(f"x.flatten({order!r})", instead='Use order="C" or "F".')
    return ravel_vjp(d_out, out, x, order)


@vjp_rule(
    np.transpose,
    at=[spread(3), spread(2, 3), spread(2, 3, 4), (spread(2, 3, 4), (2, 0, -2))],
    linear=True,
)
def transpose_vjp(d_out, out, a, axes=None):
    """out = a with its axes in another order"""
    if axes is not None:
        return np.transpose(d_out, inverse_permutation(axes))
    if np.ndim(a) == 2:
        return d_out.T
    return np.transpose(d_out)


@vjp_rule(
    np.matrix_transpose, np.linalg.matrix_transpose, at=[spread(2, 3), spread(4, 2, 3)], linear=True
)
def matrix_transpose_vjp(d_out, out, x):
    """out = x with its last two axes exchanged"""
    return d_out.T if np.ndim(x) == 2 else np.swapaxes(d_out, -1, -2)


@vjp_rule(np.swapaxes, at=[(spread(2, 3), 0, 1), (spread(2, 3, 4), 0, -1)], linear=True)
def swapaxes_vjp(d_out, out, a, axis1, axis2):
    """out = a with two axes exchanged"""
    return np.swapaxes(d_out, axis1, axis2)


@vjp_rule(
    np.moveaxis, at=[(spread(2, 3, 4), 0, -1), (spread(2, 3, 4), (0, 1), (-1, 0))], linear=True
)
def moveaxis_vjp(d_out, out, a, source, destination):
    """out = a with axes moved from source to destination"""
    return np.moveaxis(d_out, destination, source)


@vjp_rule(
    np.expand_dims,
    at=[(0.7, 0), (spread(3), 1), (spread(3), (0, 2)), (spread(2, 3), -1)],
    linear=True,
)
def expand_dims_vjp(d_out, out, a, axis):
    """out = a with new axes of length one"""
    return np.squeeze(d_out, axis)


@vjp_rule(
    np.squeeze, at=[spread(1, 3, 1), (spread(1, 3, 1), 0), (spread(1, 3, 1), (0, 2))], linear=True
)
def squeeze_vjp(d_out, out, a, axis=None):
    """out = a without axes of length one"""
    return np.reshape(d_out, np.shape(a))


@vjp_rule(
    np.atleast_1d, np.atleast_2d, np.atleast_3d, at=[0.7, spread(3), spread(2, 3)], linear=True
)
def atleast_vjp(d_out, out, a):
    """out = a with axes of length one where it has too few"""
    return np.reshape(d_out, np.shape(a))


@vjp_rule(
    np.broadcast_to,
    at=[(0.7, (2, 3)), (spread(3), (2, 3)), (spread(2, 1), (2, 3)), (spread(3), (3,))],
    linear=True,
)
def broadcast_to_vjp(d_out, out, array, shape, subok=False):
    """out = array repeated along new axes and those of length one"""
    return d_out


@vjp_rule(for_each, at=[(0.7, 3), (spread(2), 3)], linear=True)
def for_each_vjp(d_out, out, x, n):
    """out = x, once for each of n examples"""
    return np.sum(d_out, axis=0)


@vjp_rule(
    np.copy, np.array, np.asarray, np.asanyarray, np.ascontiguousarray, np.asfortranarray,
    at=[spread(3), spread(2, 3), 0.7, ([0.7, -1.3],)],
    linear=True,
)  # fmt: skip
def copy_vjp(d_out, out, a, dtype=None, *, order=None, copy=None, ndmin=0):
    """out = a"""
    if isinstance(a, (tuple, list)):
        if ndmin > 0:
            raise NoRuleError("np.array of a list with ndmin", instead="Use np.atleast_2d.")
        return (items_of(d_out, a),)
    return d_out


def items_of(d, like):
    """The gradient d of `np.array(like)`, taken apart like the sequence; at most two levels."""
    d_items = ()
    for i, item in enumerate(like):
        if isinstance(item, (tuple, list)):
            d_items = (*d_items, row_of(d[i], item))
        else:
            d_items = (*d_items, d[i])
    return d_items


def row_of(d, like):
    """The gradient d of an array made of a sequence that is not nested."""
    d_items = ()
    for i, item in enumerate(like):
        if isinstance(item, (tuple, list)):
            raise NoRuleError("np.array of lists nested in lists of lists", instead="Use np.stack.")
        d_items = (*d_items, d[i])
    return d_items


# Order along an axis


@vjp_rule(
    np.flip,
    at=[spread(3), spread(2, 3), (spread(2, 3), 0), (spread(2, 3, 2), (0, -1))],
    linear=True,
)
def flip_vjp(d_out, out, m, axis=None):
    """out = m in reverse order"""
    if np.ndim(m) == 1:
        return d_out[::-1]
    return np.flip(d_out, axis)


@vjp_rule(np.flipud, at=[spread(3), spread(2, 3)], linear=True)
def flipud_vjp(d_out, out, m):
    """out = m[::-1]"""
    return d_out[::-1]


@vjp_rule(np.fliplr, at=[spread(2, 3)], linear=True)
def fliplr_vjp(d_out, out, m):
    """out = m[:, ::-1]"""
    return d_out[:, ::-1]


@vjp_rule(np.rot90, at=[spread(2, 3), (spread(2, 3, 2), 3, (1, 2))], linear=True)
def rot90_vjp(d_out, out, m, k=1, axes=(0, 1)):
    """out = m turned by k right angles"""
    return np.rot90(d_out, -k, axes)


@vjp_rule(
    np.roll,
    at=[(spread(5), 2), (spread(2, 3), 1), (spread(2, 3), -1, 1), (spread(2, 3), (1, 2), (0, 1))],
    linear=True,
)
def roll_vjp(d_out, out, a, shift, axis=None):
    """out = a moved round by shift"""
    if isinstance(shift, tuple | list):
        back = ()
        for s in shift:
            back = (*back, -s)
        return np.roll(d_out, back, axis)
    return np.roll(d_out, -shift, axis)


@vjp_rule(
    np.sort,
    at=[spread(4), spread(2, 3), (spread(3, 2), 0), sample(spread(2, 3), axis=None)],
)
def sort_vjp(d_out, out, a, axis=-1, kind=None, *, stable=None):
    """out = a in ascending order, what is equal in its old order"""
    if np.ndim(a) == 1:
        return d_out[np.argsort(np.argsort(a, kind="stable"))]
    if axis is None:
        places = np.argsort(np.argsort(np.ravel(a), kind="stable"))
        return np.reshape(d_out[places], np.shape(a))
    places = np.argsort(np.argsort(a, axis, kind="stable"), axis)
    return np.take_along_axis(d_out, places, axis)


@jvp_rule(np.sort)
def sort_jvp(a_dot, out, a, axis=-1, kind=None, *, stable=None):
    """out = a in ascending order, what is equal in its old order"""
    if np.ndim(a) == 1:
        return a_dot[np.argsort(a, kind="stable")]
    if axis is None:
        return np.ravel(a_dot)[np.argsort(np.ravel(a), kind="stable")]
    return np.take_along_axis(a_dot, np.argsort(a, axis, kind="stable"), axis)


@vjp_rule(
    np.partition,
    at=[(spread(5), 2), (spread(2, 3), 1, 0), sample(spread(2, 3), 2, axis=None)],
)
def partition_vjp(d_out, out, a, kth, axis=-1, kind="introselect"):
    """out = a with element kth where it is in ascending order; both have the same elements"""
    if axis is None:
        places = np.argsort(np.argsort(np.ravel(a), kind="stable"))
        return np.reshape(d_out[np.argsort(out, kind="stable")][places], np.shape(a))
    ascending = np.take_along_axis(d_out, np.argsort(out, axis, kind="stable"), axis)
    places = np.argsort(np.argsort(a, axis, kind="stable"), axis)
    return np.take_along_axis(ascending, places, axis)


# Joining: of a sequence of arrays, or of one array, whose items are taken


def apart(d, x, axis):
    """The items of d, joined as `np.concatenate(x, axis)` joins those of an array x."""
    if axis is None or axis % (np.ndim(x) - 1) == 0:
        return np.reshape(d, np.shape(x))
    at = axis % (np.ndim(x) - 1)
    return np.moveaxis(np.reshape(d, np.shape(np.moveaxis(x, 0, at))), at, 0)


@vjp_rule(
    np.concatenate,
    at=[
        ([spread(2), spread(3)],),
        ((spread(2, 3), spread(1, 3)),),
        ((spread(2, 1), spread(2, 3), spread(2, 2)), 1),
        sample((spread(2, 1, 2), spread(2, 3, 2)), axis=-2),
        sample((spread(2, 3), spread(4)), axis=None),
        spread(3, 2),
        (spread(2, 3, 2), 1),
        sample(spread(2, 3, 2, 2), axis=-2),
        sample(spread(3, 2), axis=None),
    ],
    linear=True,
)
def concatenate_vjp(d_out, out, arrays, axis=0, *, dtype=None, casting="same_kind"):
    """out = the arrays one after the other"""
    if isinstance(arrays, np.ndarray):
        return apart(d_out, arrays, axis)
    d_arrays, start = (), 0
    for a in arrays:
        if axis is None:
            d_arrays = (*d_arrays, np.reshape(d_out[start : start + np.size(a)], np.shape(a)))
            start = start + np.size(a)
        else:
            stop = start + np.shape(a)[axis]
            d_arrays = (*d_arrays, slice_along(d_out, axis, start, stop))
            start = stop
    return (d_arrays,)


@vjp_rule(
    np.stack,
    at=[
        ([0.7, -1.3],),
        ([spread(3), spread(3)],),
        ((spread(2, 3), spread(2, 3)), 1),
        sample([spread(2, 3), spread(2, 3)], axis=-1),
        spread(3, 2),
        sample(spread(3, 2), axis=-1),
    ],
    linear=True,
)
def stack_vjp(d_out, out, arrays, axis=0, *, dtype=None, casting=None):
    """out[i] = arrays[i]"""
    if isinstance(arrays, np.ndarray):
        return np.moveaxis(d_out, axis, 0)
    d_arrays = ()
    for i, _ in enumerate(arrays):
        d_arrays = (*d_arrays, index_along(d_out, axis, i))
    return (d_arrays,)


@vjp_rule(
    np.vstack,
    at=[
        ([spread(3), spread(3)],),
        ((spread(2, 3), spread(3)),),
        ((spread(1, 3), spread(2, 3)),),
        ([0.7, 0.4],),
        ((spread(3), spread(2, 3), spread(3)),),
        *(spread(3), spread(3, 2), spread(3, 2, 2)),
    ],
    linear=True,
)
def vstack_vjp(d_out, out, tup, *, dtype=None, casting=None):
    """out = the arrays, or rows, one below the other"""
    if isinstance(tup, np.ndarray):
        return np.reshape(d_out, np.shape(tup))
    d_arrays, start = (), 0
    for a in tup:
        if np.ndim(a) < 2:
            d_arrays = (*d_arrays, np.reshape(d_out[start], np.shape(a)))
            start = start + 1
        else:
            stop = start + np.shape(a)[0]
            d_arrays = (*d_arrays, d_out[start:stop])
            start = stop
    return (d_arrays,)


@vjp_rule(
    np.hstack,
    at=[
        ([0.7, spread(3)],),
        ([spread(2), spread(3)],),
        ((spread(2, 3), spread(2, 1)),),
        *(spread(3), spread(3, 2), spread(3, 2, 2)),
    ],
    linear=True,
)
def hstack_vjp(d_out, out, tup, *, dtype=None, casting=None):
    """out = the arrays side by side"""
    if isinstance(tup, np.ndarray):
        return apart(d_out, tup, 1) if np.ndim(tup) > 2 else np.reshape(d_out, np.shape(tup))
    d_arrays, start = (), 0
    for a in tup:
        if np.ndim(a) == 0:
            d_arrays = (*d_arrays, d_out[start])
            start = start + 1
        elif np.ndim(a) == 1:
            stop = start + np.shape(a)[0]
            d_arrays = (*d_arrays, d_out[start:stop])
            start = stop
        else:
            stop = start + np.shape(a)[1]
            d_arrays = (*d_arrays, d_out[:, start:stop])
            start = stop
    return (d_arrays,)


@vjp_rule(
    np.column_stack,
    at=[
        ([spread(3), spread(3)],),
        ((spread(3), spread(3, 2)),),
        *(spread(3), spread(3, 2), spread(3, 2, 2)),
    ],
    linear=True,
)
def column_stack_vjp(d_out, out, tup):
    """out = the columns side by side"""
    if isinstance(tup, np.ndarray):
        return apart(d_out, tup, 1) if np.ndim(tup) > 2 else np.reshape(d_out.T, np.shape(tup))
    d_arrays, start = (), 0
    for a in tup:
        if np.ndim(a) < 2:
            d_arrays = (*d_arrays, d_out[:, start])
            start = start + 1
        else:
            stop = start + np.shape(a)[1]
            d_arrays = (*d_arrays, d_out[:, start:stop])
            start = stop
    return (d_arrays,)


@vjp_rule(
    np.dstack,
    at=[
        ([spread(3), spread(3)],),
        ([spread(2, 3), spread(2, 3)],),
        ((spread(2, 3, 2), spread(2, 3)),),
        *(spread(3), spread(3, 2), spread(3, 2, 4), spread(3, 2, 2, 2)),
    ],
    linear=True,
)
def dstack_vjp(d_out, out, tup):
    """out = the arrays one behind the other"""
    if isinstance(tup, np.ndarray):
        if np.ndim(tup) > 3:
            return apart(d_out, tup, 2)
        return np.reshape(np.moveaxis(d_out, 2, 0), np.shape(tup))
    d_arrays, start = (), 0
    for a in tup:
        stop = start + 1 if np.ndim(a) < 3 else start + np.shape(a)[2]
        d_arrays = (*d_arrays, np.reshape(d_out[:, :, start:stop], np.shape(a)))
        start = stop
    return (d_arrays,)


@vjp_rule(
    np.append,
    at=[
        (spread(3), 0.7),
        (spread(3), spread(2)),
        (spread(2, 3), spread(2, 2)),
        (spread(2, 3), spread(1, 3), 0),
    ],
    linear="arr values",
)
def append_vjp(d_out, out, arr, values, axis=None):
    """out = arr, then values"""
    if axis is None:
        d_arr = np.reshape(d_out[: np.size(arr)], np.shape(arr))
        d_values = np.reshape(d_out[np.size(arr) :], np.shape(values))
        return d_arr, d_values
    n = np.shape(arr)[axis]
    return slice_along(d_out, axis, None, n), slice_along(d_out, axis, n, None)


@vjp_rule(
    np.tile,
    at=[
        (0.7, 3),
        (spread(3), 2),
        (spread(3), (2, 2)),
        (spread(2, 3), 2),
        (spread(2, 3), (3, 1)),
        (spread(2, 3), (2, 1, 2)),
        (0.7, (2, 3)),
        (spread(3), [2, 2]),
        (spread(1, 3), 2),
        (spread(2, 3, 2), (2, 1)),
    ],
    linear=True,
)
def tile_vjp(d_out, out, A, reps):
    """out = A repeated"""
    if np.ndim(reps) > 0 and not isinstance(reps, tuple | list):
        raise NoRuleError("np.tile with an array of repetitions", instead="Give it a tuple.")
    if np.ndim(A) == 0:
        return np.sum(d_out)
    if np.ndim(A) == 1 and not isinstance(reps, tuple | list):
        return np.sum(np.reshape(d_out, (reps, np.size(A))), axis=0)
    # Split each axis of the result into (repetitions, length) and sum over the repetitions.
    times = tuple(reps) if isinstance(reps, tuple | list) else (reps,)
    times = (1,) * (np.ndim(out) - len(times)) + times
    lengths = (1,) * (np.ndim(out) - np.ndim(A)) + np.shape(A)
    split, axes = (), ()
    for i, n in enumerate(lengths):
        split = (*split, times[i], n)
        axes = (*axes, 2 * i)
    return np.reshape(np.sum(np.reshape(d_out, split), axis=axes), np.shape(A))


@vjp_rule(
    np.repeat,
    at=[
        (0.7, 3),
        (spread(3), 2),
        (spread(2, 3), 2),
        (spread(2, 3), 2, 0),
        sample(spread(2, 3), 3, axis=-1),
        (spread(3), np.array([1, 0, 2])),
        (spread(2, 3), np.array([1, 0, 2]), 1),
        (spread(2, 2), np.array([1, 0, 2, 1])),
        (spread(2, 3, 2), np.array([1, 0, 2]), -2),
        (spread(2, 3, 2), 2, 1),
    ],
    linear=True,
)
def repeat_vjp(d_out, out, a, repeats, axis=None):
    """out = a, each element several times"""
    if np.ndim(repeats) > 0:
        if axis is None:
            source = np.repeat(np.arange(np.size(a)), repeats)
            return np.reshape(add_at(np.zeros(np.size(a), d_out.dtype), source, d_out), np.shape(a))
        source = np.repeat(np.arange(np.shape(a)[axis]), repeats)
        key = (slice(None),) * (axis % np.ndim(a)) + (source,)
        return add_at(np.zeros(np.shape(a), d_out.dtype), key, d_out)
    if axis is None:
        return np.sum(np.reshape(d_out, np.shape(a) + (repeats,)), axis=-1)
    after = axis % np.ndim(a) + 1
    split = np.shape(a)[:after] + (repeats,) + np.shape(a)[after:]
    return np.sum(np.reshape(d_out, split), axis=after)


# Diagonals and triangles


@vjp_rule(
    np.diag,
    at=[spread(3), (spread(2), 1), (spread(2), -1), spread(3, 3), spread(2, 3), (spread(3, 2), -1)],
    linear=True,
)
def diag_vjp(d_out, out, v, k=0):
    """out = a matrix with the diagonal v, or the diagonal of a matrix"""
    if np.ndim(v) == 1:
        return np.diag(d_out, k)
    return embed_diagonal(d_out, np.shape(v), k)


@vjp_rule(np.diagflat, at=[spread(3), (spread(2, 2), 1), (spread(2), -1)], linear=True)
def diagflat_vjp(d_out, out, v, k=0):
    """out = a matrix with the elements of v on a diagonal"""
    return np.reshape(np.diagonal(d_out, k), np.shape(v))


@vjp_rule(
    np.diagonal,
    at=[
        spread(3, 3),
        (spread(2, 3), 1),
        (spread(3, 2), -1),
        (spread(2, 3, 3), 0, 1, 2),
        sample(spread(2, 3, 4), axis1=-1, axis2=0),
    ],
    linear=True,
)
def diagonal_vjp(d_out, out, a, offset=0, axis1=0, axis2=1):
    """out[..., i] = a[i, i + offset]"""
    return embed_diagonal(d_out, np.shape(a), offset, axis1, axis2)


@vjp_rule(
    embed_diagonal,
    at=[(spread(2), (2, 3), 1), sample(spread(2, 3), (3, 2, 3), axis1=0, axis2=-1)],
    linear=True,
)
def embed_diagonal_vjp(d_out, out, d, shape, offset=0, axis1=0, axis2=1):
    """out = zeros with d on a diagonal"""
    return np.diagonal(d_out, offset, axis1, axis2)


@vjp_rule(np.tril, at=[spread(3, 3), (spread(2, 3), 1), (spread(2, 3, 3), -1)], linear=True)
def tril_vjp(d_out, out, m, k=0):
    """out = m with zeros above a diagonal"""
    return np.tril(d_out, k)


@vjp_rule(np.triu, at=[spread(3, 3), (spread(2, 3), 1), (spread(2, 3, 3), -1)], linear=True)
def triu_vjp(d_out, out, m, k=0):
    """out = m with zeros below a diagonal"""
    return np.triu(d_out, k)


# Selecting


@vjp_rule(
    np.take,
    at=[
        (spread(4), 2),
        (spread(4), np.array([0, 2, 2, -1])),
        (spread(2, 3), np.array([[0, 4], [4, 5]])),
        (spread(2, 3), np.array([0, 2, 2]), 1),
        sample(spread(2, 3), np.array([[1, 1], [0, 1]]), axis=0),
        sample(spread(4), np.array([0, 5, -1]), mode="clip"),
        sample(spread(2, 3), np.array([0, 5, -4]), axis=1, mode="wrap"),
    ],
    linear=True,
)
def take_vjp(d_out, out, a, indices, axis=None, to=None, mode="raise"):
    """out = a[indices] on the axis"""
    if axis is None:
        places = taken_places(indices, np.size(a), mode)
        d_flat = add_at(np.zeros(np.size(a), out.dtype), places, d_out)
        return np.reshape(d_flat, np.shape(a))
    places = taken_places(indices, np.shape(a)[axis], mode)
    key = (slice(None),) * (axis % np.ndim(a)) + (places,)
    return add_at(np.zeros(np.shape(a), out.dtype), key, d_out)


def taken_places(indices, n, mode):
    """Which of n elements the indices mean."""
    if mode == "clip":
        return np.clip(indices, 0, n - 1)
    return np.mod(indices, n) if mode == "wrap" else indices


@vjp_rule(
    np.take_along_axis,
    at=[
        (spread(4), np.array([0, 2, 2]), 0),
        (spread(2, 3), np.array([[0, 2, 2, 1]]), 1),
        (spread(2, 3), np.array([[0, 1, 1], [1, 1, 0]]), 0),
        (spread(2, 3), np.array([0, 4, 4]), None),
        (spread(2, 3, 4), np.array([[[1], [0], [0]], [[3], [1], [2]]]), -1),
        (spread(2, 3, 4), np.array([[[1, 0, 0, 1]], [[1, 2, 1, 1]]]), 1),
    ],
    linear=True,
)
def take_along_axis_vjp(d_out, out, arr, indices, axis=-1):
    """out[i, j] = arr[i, indices[i, j]]"""
    if axis is None:
        d_flat = add_at(np.zeros(np.size(arr), out.dtype), indices, d_out)
        return np.reshape(d_flat, np.shape(arr))
    key = ()
    for i, n in enumerate(np.shape(arr)):
        if i == axis % np.ndim(arr):
            key = (*key, indices)
        else:
            key = (*key, np.reshape(np.arange(n), (-1,) + (1,) * (np.ndim(arr) - i - 1)))
    return add_at(np.zeros(np.shape(arr), out.dtype), key, d_out)


@vjp_rule(
    add_at,
    at=[(spread(3), np.array([0, 0, 2]), spread(3)), (spread(2, 3), (slice(None), 1), 0.7)],
    linear="d value",
)
def add_at_vjp(d_out, out, d, key, value):
    """out = d; out[key] += value"""
    return d_out, None, d_out[key]


# Filling


@vjp_rule(np.full, at=[(3, 0.7), ((2, 3), spread(3)), ((), 0.7)], linear="fill_value")
def full_vjp(d_out, out, shape, fill_value, dtype=None, order="C"):
    """out = fill_value everywhere"""
    return None, d_out


@vjp_rule(np.full_like, at=[(spread(3), 0.7), (spread(2, 3), spread(3))], linear="fill_value")
def full_like_vjp(d_out, out, a, fill_value, dtype=None, order="K", subok=True, shape=None):
    """out = fill_value everywhere"""
    return None, d_out


@vjp_rule(np.arange, at=[(0.5, 3.0), (0.5, 3.1, 0.4)])
def arange_vjp(d_out, out, start, stop=None, step=1, *, dtype=None):
    """out[i] = start + i * step"""
    if stop is None:  # np.arange(stop)
        return None
    return np.sum(d_out), None, np.sum(d_out * np.arange(np.size(out)))


nondifferentiable(
    *(np.zeros, np.ones, np.empty, np.zeros_like, np.ones_like, np.empty_like, np.eye),
    *(
        np.identity,
        np.tri,
        np.indices,
        np.tril_indices,
        np.triu_indices,
        np.mgrid.__getitem__,
        np.ogrid.__getitem__,
        np.diag_indices,
        np.tril_indices_from,
        np.triu_indices_from,
        np.diag_indices_from,
    ),
    *(np.unravel_index, np.ravel_multi_index, np.ix_, np.result_type, np.shares_memory),
    *(moved, part_length, raises, rounds, shuffled_order, square_length),
    *(running_places, parts_of_reduceat, first_places, inserted_order, left_places),
    window_places,
)
