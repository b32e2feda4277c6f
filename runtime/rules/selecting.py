"""Rules of what picks elements out, and puts others in.

y = np.delete(x, 2)    →    d_x = zeros;  d_x[places that are left] = d_y
"""

# mypy: no-check-untyped-defs

import numpy as np

from srcdiff.runtime.errors import NoRuleError
from srcdiff.runtime.kernels import (
    add_at,
    first_places,
    inserted_order,
    left_places,
    slice_along,
    window_places,
)
from srcdiff.runtime.registry import jvp_rule, sample, spread, vjp_rule
from srcdiff.runtime.rules.reductions import shared


def put_back(d_out, shape, places, axis):
    """Zeros of a shape, with d_out at places on an axis; None is of all elements in a row."""
    if axis is None:
        size = np.size(np.zeros(shape))
        return np.reshape(add_at(np.zeros(size, d_out.dtype), places, d_out), shape)
    key = (slice(None),) * (axis % len(shape)) + (places,)
    return add_at(np.zeros(shape, d_out.dtype), key, d_out)


CHOSEN = np.array([True, False, True])


@vjp_rule(
    np.compress,
    at=[
        (CHOSEN, spread(4)),
        ([True, False, False, True], spread(2, 3)),
        (CHOSEN, spread(3, 2), 0),
        sample([False, True], spread(2, 3), axis=-1),
    ],
    linear="a",
)
def compress_vjp(d_out, out, condition, a, axis=None):
    """out = a where the condition holds, on an axis"""
    return None, put_back(d_out, np.shape(a), np.flatnonzero(condition), axis)


@vjp_rule(np.extract, at=[(CHOSEN, spread(3)), (spread(2, 3) > 0, spread(2, 3))], linear="arr")
def extract_vjp(d_out, out, condition, arr):
    """out = arr where the condition holds"""
    return None, put_back(d_out, np.shape(arr), np.flatnonzero(condition), None)


@vjp_rule(
    np.choose,
    at=[
        (np.array([0, 1, 1]), [spread(3), spread(3)[::-1]]),
        (np.array([[0, 2], [1, 2]]), (spread(2), 0.7, spread(2, 2))),
        sample(np.array([0, 5, -1]), [spread(3), spread(3)[::-1]], mode="clip"),
        sample(np.array([0, 5, -1]), [spread(3), spread(3)[::-1]], mode="wrap"),
    ],
    linear="choices",
)
def choose_vjp(d_out, out, a, choices, to=None, mode="raise"):
    """out[i] = choices[a[i]][i]"""
    if not isinstance(choices, tuple | list):
        raise NoRuleError("np.choose of one array", instead="Give it a list of arrays.")
    n = len(choices)
    place = np.clip(a, 0, n - 1) if mode == "clip" else np.mod(a, n) if mode == "wrap" else a
    d_choices = ()
    for k, _ in enumerate(choices):
        d_choices = (*d_choices, np.where(np.equal(place, k), d_out, 0))
    return None, d_choices


@vjp_rule(
    np.delete,
    at=[
        (spread(5), 2),
        (spread(5), [0, 3, -1]),
        (spread(2, 3), [0, 4]),
        (spread(3, 2), np.array([0, 0]), 0),
        sample(spread(2, 4), slice(0, 3, 2), axis=-1),
        (spread(3), CHOSEN),
    ],
    linear=True,
)
def delete_vjp(d_out, out, arr, obj, axis=None):
    """out = arr without some of its elements, on an axis"""
    n = np.size(arr) if axis is None else np.shape(arr)[axis]
    return put_back(d_out, np.shape(arr), left_places(n, obj), axis)


@vjp_rule(
    np.insert,
    at=[
        (spread(4), 2, 0.7),
        (spread(4), [0, 3, 3], spread(3)),
        (spread(4), [3, 1], 0.7),
        (spread(2, 3), 1, spread(2)),
        (spread(2, 3), 1, spread(3), 0),
        (spread(2, 3), 1, spread(2), 1),
        sample(spread(2, 3), [0, 2], spread(2, 2), axis=-1),
        sample(spread(2, 3), [2, 0], 0.7, axis=1),
        sample(spread(2, 3), np.array([2, 0]), spread(2, 2), axis=1),
    ],
    linear="arr values",
)
def insert_vjp(d_out, out, arr, obj, values, axis=None):
    """out = arr with values put in before some of its elements, on an axis"""
    along = 0 if axis is None else axis
    n = np.size(arr) if axis is None else np.shape(arr)[axis]
    count = np.shape(out)[along] - n
    order = inserted_order(n, obj, count)
    d = np.take(d_out, order, along)
    d_arr = np.reshape(slice_along(d, along, 0, n), np.shape(arr))
    d_values = slice_along(d, along, n, None)
    one = not isinstance(obj, tuple | list) and np.ndim(obj) == 0
    if axis is not None and one:  # the axis of the values is then their first
        d_values = np.moveaxis(d_values, axis, 0)
    return d_arr, None, d_values


@vjp_rule(
    np.resize,
    at=[(spread(5), (2, 4)), (spread(2, 3), 4), (spread(2, 3), (3, 3)), (0.7, (2, 2))],
    linear=True,
)
def resize_vjp(d_out, out, a, new_shape):
    """out = the elements of a, again and again"""
    places = np.arange(np.size(out)) % np.size(a)
    d = add_at(np.zeros(np.size(a), d_out.dtype), places, np.ravel(d_out))
    return np.reshape(d, np.shape(a))


@vjp_rule(
    np.unique,
    at=[
        spread(5),
        np.array([2.0, 1.0, 2.0])[[1, 0]],
        spread(2, 3),
        sample(spread(4), return_index=True, return_counts=True),
        sample(spread(4), return_inverse=True),
        sample(spread(4), return_counts=True),
        sample(spread(3, 2), axis=0),
    ],
)
def unique_vjp(
    d_out, out, ar, return_index=False, return_inverse=False, return_counts=False, axis=None, *,
    equal_nan=True, sorted=True,
):  # fmt: skip
    """out = the elements of ar in ascending order; of equal ones there is the first"""
    check_sorted(sorted)
    d = d_out[0] if return_index or return_inverse or return_counts else d_out
    return put_back(d, np.shape(ar), first_places(ar, axis, equal_nan), axis)


@jvp_rule(np.unique)
def unique_jvp(
    ar_dot, out, ar, return_index=False, return_inverse=False, return_counts=False, axis=None, *,
    equal_nan=True, sorted=True,
):  # fmt: skip
    """out = the elements of ar in ascending order; of equal ones there is the first"""
    check_sorted(sorted)
    dot = np.take(ar_dot, first_places(ar, axis, equal_nan), axis)
    if not (return_index or return_inverse or return_counts):
        return dot
    others = ()
    for _ in out[1:]:
        others = (*others, None)
    return (dot, *others)


def check_sorted(sorted):
    """Refuse elements in an order that NumPy does not tell."""
    if not sorted:
        raise NoRuleError("np.unique with sorted=False", instead="Leave it sorted.")


@vjp_rule(
    np.lib.stride_tricks.sliding_window_view,
    at=[
        (spread(5), 3),
        (spread(3, 4), 2, 1),
        (spread(3, 4), (2, 3)),
        sample(spread(3, 4), (2, 2), axis=(1, 0)),
    ],
    linear=True,
)
def sliding_window_view_vjp(
    d_out, out, x, window_shape, axis=None, *, subok=False, writeable=False
):
    """out[i, k] = x[i + k]"""
    places = window_places(np.shape(x), window_shape, axis)
    return np.reshape(add_at(np.zeros(np.size(x), d_out.dtype), places, d_out), np.shape(x))


# Borders

FILLED = ("maximum", "minimum", "mean", "median")
COPIED = ("reflect", "symmetric", "edge", "wrap")


@vjp_rule(
    np.pad,
    at=[
        (spread(3), 2),
        (spread(3), (1, 2)),
        (spread(2, 3), 1),
        (spread(2, 3), (1, 0)),
        (spread(2, 3), ((1,), (2,))),
        sample(spread(2, 3), ((1, 0), (0, 2)), "constant", constant_values=3.0),
        (spread(3), 2, "reflect"),
        (spread(2, 3), 1, "symmetric"),
        (spread(2, 3), ((1, 0), (2, 1)), "edge"),
        (spread(3), (1, 4), "wrap"),
        (spread(3), 2, "linear_ramp"),
        sample(spread(2, 3), ((1, 2), (3, 1)), "linear_ramp", end_values=0.7),
        (spread(2, 3), ((1, 2), (0, 1)), "mean"),
        (spread(2, 3), ((1, 2), (0, 1)), "maximum"),
        (spread(2, 3), 1, "minimum"),
        sample(spread(4, 3), ((1, 0), (0, 2)), "mean", stat_length=2),
        sample(spread(4, 3), 1, "maximum", stat_length=2),
    ],
    linear="array constant_values end_values",  # but for extremes, see `forward`
)
def pad_vjp(
    d_out, out, array, pad_width, mode="constant", stat_length=None, constant_values=0,
    end_values=0,
):  # fmt: skip
    """out = array with a constant, or what is made of its own elements, around it"""
    check_pad(pad_width, mode, constant_values, end_values, stat_length)
    if mode in COPIED:
        places = np.reshape(np.arange(np.size(array)), np.shape(array))
        places = np.pad(places, pad_width, mode)
        d = add_at(np.zeros(np.size(array), d_out.dtype), places, d_out)
        return np.reshape(d, np.shape(array))
    if mode == "constant":
        inner = inner_key(np.shape(array), pad_width)
        d_array = d_out[inner]
        return d_array, None, None, None, np.sum(d_out) - np.sum(d_array)
    # NumPy pads one axis after the other: what was padded last comes first.
    d, d_end = d_out, 0.0
    for axis in axes_from_last(np.ndim(array)):
        n, before = np.shape(array)[axis], pad_before(pad_width, axis)
        first, last = slice_along(d, axis, 0, before), slice_along(d, axis, before + n, None)
        d = slice_along(d, axis, before, before + n)
        if mode == "linear_ramp":
            up = ramp(np.shape(first)[axis], d, axis)
            down = ramp(np.shape(last)[axis], d, axis)[::-1]
            d_end = d_end + np.sum(first * (1 - up)) + np.sum(last * (1 - down))
            d_first = np.sum(first * up, axis=axis, keepdims=True)
            d_last = np.sum(last * down, axis=axis, keepdims=True)
            share = np.reshape(np.arange(n), (-1,) + (1,) * (np.ndim(array) - axis - 1))
            d = d + (share == 0) * d_first + (share == n - 1) * d_last
        else:
            d_first = np.sum(first, axis=axis, keepdims=True)
            d_last = np.sum(last, axis=axis, keepdims=True)
            x = padded_before(out, np.shape(array), pad_width, axis)
            d = d + filled_slope(x, mode, stat_length, axis, False) * d_first
            d = d + filled_slope(x, mode, stat_length, axis, True) * d_last
    return d, None, None, None, None, d_end


def check_pad(pad_width, mode, constant_values, end_values, stat_length):
    """Refuse what is not known."""
    if mode not in ("constant", "linear_ramp", *FILLED, *COPIED):
        raise NoRuleError(
            f"np.pad with mode={mode!r}", instead="Build the border with np.concatenate."
        )
    if isinstance(pad_width, dict):
        raise NoRuleError("np.pad with a dict", instead="Give it the widths of all axes.")
    if isinstance(stat_length, tuple | list):
        raise NoRuleError("np.pad with several lengths", instead="Call it once for each axis.")
    if mode == "median":
        raise NoRuleError('np.pad with mode="median"', instead="Use np.median and np.concatenate.")
    for values in (constant_values, end_values):
        if isinstance(values, tuple | list) or np.ndim(values) > 0:
            raise NoRuleError(
                "np.pad with different values at different sides",
                instead="Call it once for each side.",
            )


def axes_from_last(rank):
    """All axes, the last one first."""
    return tuple(range(rank - 1, -1, -1))


def pad_before(pad_width, i):
    """What `np.pad` puts before axis i: pad_width is n, (b, a), ((b, a), ...) or ((n,), ...)."""
    if not isinstance(pad_width, (tuple, list)):
        return pad_width
    if not isinstance(pad_width[0], (tuple, list)):
        return pad_width[0]
    return pad_width[0][0] if len(pad_width) == 1 else pad_width[i][0]


def inner_key(shape, pad_width):
    """Where the array is in what has a border."""
    inner = ()
    for i, n in enumerate(shape):
        before = pad_before(pad_width, i)
        inner = (*inner, slice(before, before + n))
    return inner


def padded_before(out, shape, pad_width, axis):
    """What `np.pad` has before it pads an axis: those before it have their borders."""
    key = (slice(None),) * axis
    for i, n in enumerate(shape):
        if i >= axis:
            before = pad_before(pad_width, i)
            key = (*key, slice(before, before + n))
    return out[key]


def ramp(width, like, axis):
    """How much of the edge there is in a ramp that leads to it, on an axis."""
    steps = np.arange(width) / max(width, 1)
    return np.reshape(steps, (-1,) + (1,) * (np.ndim(like) - axis - 1))


def filled_slope(x, mode, stat_length, axis, at_end):
    """How the mean, or an extreme, of the first or last elements on an axis moves with each."""
    n = np.shape(x)[axis]
    length = n if stat_length is None else min(stat_length, n)
    start = n - length if at_end else 0
    place = np.reshape(np.arange(n), (-1,) + (1,) * (np.ndim(x) - axis - 1))
    seen = (place >= start) & (place < start + length)
    if mode == "mean":
        return seen / length
    part = slice_along(x, axis, start, start + length)
    if mode == "maximum":
        best = np.max(part, axis=axis, keepdims=True)
    else:
        best = np.min(part, axis=axis, keepdims=True)
    return shared(1.0, (x == best) & seen, axis)
