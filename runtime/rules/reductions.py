"""Rules of reductions and cumulative operations.

y = np.sum(x, axis=1)    →    d_x = np.broadcast_to(d_y[:, None], x.shape)
"""

# mypy: no-check-untyped-defs

import numpy as np

from srcdiff.runtime.errors import NoRuleError
from srcdiff.runtime.kernels import (
    add_at,
    count_along,
    is_constant,
    linear_recurrence,
    product_of_others,
    restore_axes,
    reverse_recurrence,
    shift_along,
    slice_along,
    trailing,
    unbroadcast,
    without,
)
from srcdiff.runtime.registry import jvp_rule, nondifferentiable, sample, spread, vjp_rule

REDUCED = (
    spread(4),
    spread(2, 3),
    sample(spread(2, 3), axis=0),
    sample(spread(2, 3), axis=1),
    sample(spread(2, 3), axis=-1, keepdims=True),
    sample(spread(2, 3, 4), axis=1),
    sample(spread(2, 3, 4), axis=(0, 2)),
    sample(spread(2, 3, 4), axis=(0, -1), keepdims=True),
    sample(spread(2, 3), axis=None, keepdims=True),
)
ONE_AXIS = (spread(4), spread(2, 3), sample(spread(2, 3), axis=0), sample(spread(2, 3, 2), axis=-2))


MASK = spread(2, 3) > -0.5


def restored(d_out, a, axis, keepdims, where):
    """The gradient of a reduction of a, put back on its axes; 0 where it does not look."""
    if where is None:
        return restore_axes(d_out, np.ndim(a), axis, keepdims)
    looked = np.broadcast_to(where, np.shape(a))
    return np.where(looked, restore_axes(d_out, np.ndim(a), axis, keepdims), 0)


def count_where(a, axis, where, keepdims=True):
    """How many elements a reduction puts together, of those where it looks."""
    if where is None:
        return count_along(a, axis)
    return np.sum(np.broadcast_to(where, np.shape(a)), axis=axis, keepdims=keepdims)


@vjp_rule(
    np.sum,
    at=[
        *REDUCED,
        0.7,
        sample(0.7, axis=-1),
        sample(spread(2, 3), initial=0.3),
        sample(spread(2, 3), axis=1, where=MASK),
        sample(spread(2, 3), where=MASK[0], initial=-1.2, keepdims=True),
    ],
    linear="a initial",
)
def sum_vjp(
    d_out, out, a, axis=None, dtype=None, to=None, keepdims=False, initial=None, *, where=None
):
    """out = initial + the sum of the elements"""
    d_a = np.broadcast_to(restored(d_out, a, axis, keepdims, where), np.shape(a))
    return d_a, None, None, None, None, d_out


@vjp_rule(np.mean, at=[*REDUCED, sample(spread(2, 3), axis=1, where=MASK)], linear=True)
def mean_vjp(d_out, out, a, axis=None, dtype=None, to=None, keepdims=False, *, where=None):
    """out = sum(a) / n"""
    if where is None:
        d_sum = restore_axes(d_out / count_along(a, axis), np.ndim(a), axis, keepdims)
        return np.broadcast_to(d_sum, np.shape(a))
    return restored(d_out, a, axis, keepdims, where) / count_where(a, axis, where)


WITH_NAN = np.array([[1.0, -0.5, np.nan], [0.3, 2.0, 0.7]])


def there(a, where):
    """Where a reduction looks, and finds no NaN."""
    numbers = np.logical_not(np.isnan(a))
    return numbers if where is None else np.logical_and(numbers, where)


@vjp_rule(
    np.nansum,
    at=[
        WITH_NAN,
        sample(WITH_NAN, axis=1),
        sample(WITH_NAN, axis=0),
        sample(WITH_NAN, axis=0, keepdims=True, where=MASK, initial=0.4),
    ],
)
def nansum_vjp(
    d_out, out, a, axis=None, dtype=None, to=None, keepdims=False, initial=None, *, where=None
):
    """out = initial + the sum of the elements that are not NaN"""
    d = restore_axes(d_out, np.ndim(a), axis, keepdims)
    return np.where(there(a, where), d, 0), None, None, None, None, d_out


@vjp_rule(
    np.nanmean,
    at=[
        WITH_NAN,
        sample(WITH_NAN, axis=1),
        sample(WITH_NAN, axis=0),
        sample(WITH_NAN, axis=1, where=MASK),
    ],
)
def nanmean_vjp(d_out, out, a, axis=None, dtype=None, to=None, keepdims=False, *, where=None):
    """out = the mean of the elements that are not NaN"""
    counted = there(a, where)
    d = restore_axes(d_out, np.ndim(a), axis, keepdims)
    return np.where(counted, d / np.sum(counted, axis=axis, keepdims=True), 0)


DEVIATIONS = (
    *REDUCED,
    sample(spread(2, 3), axis=1, ddof=1),
    sample(spread(2, 3), axis=1, correction=1),
    sample(spread(2, 3), axis=1, where=np.array([True, True, False])),
    sample(spread(3, 4), axis=0, where=spread(3, 4) < 1.5, ddof=1, keepdims=True),
)


def deviation(a, axis, where):
    """How far a is from its mean."""
    if where is None:
        return a - np.mean(a, axis=axis, keepdims=True)
    return a - np.mean(a, axis=axis, keepdims=True, where=where)


def free_count(a, axis, ddof, where, correction, keepdims=True):
    """How many elements there are, less those that the mean has cost."""
    return count_where(a, axis, where, keepdims) - (ddof if correction is None else correction)


@vjp_rule(np.var, at=DEVIATIONS, analytic=False)
def var_vjp(
    d_out, out, a, axis=None, dtype=None, to=None, ddof=0, keepdims=False, *, where=None,
    correction=None,
):  # fmt: skip
    """out = sum(|a - mean(a)| ** 2) / (n - ddof)"""
    d = restored(d_out, a, axis, keepdims, where)
    return 2 * d / free_count(a, axis, ddof, where, correction) * deviation(a, axis, where)


@vjp_rule(np.std, at=DEVIATIONS, analytic=False)
def std_vjp(
    d_out, out, a, axis=None, dtype=None, to=None, ddof=0, keepdims=False, *, where=None,
    correction=None,
):  # fmt: skip
    """out = sqrt(var(a)); 0 for a constant"""
    d = restored(d_out, a, axis, keepdims, where)
    std = restore_axes(np.where(out == 0, 1, out), np.ndim(a), axis, keepdims)
    return d / free_count(a, axis, ddof, where, correction) / std * deviation(a, axis, where)


@jvp_rule(np.var)
def var_jvp(
    a_dot, out, a, axis=None, dtype=None, to=None, ddof=0, keepdims=False, *, where=None,
    correction=None,
):  # fmt: skip
    """out = sum(|a - mean(a)| ** 2) / (n - ddof)"""
    n = free_count(a, axis, ddof, where, correction, keepdims)
    return 2 * spread_dot(a_dot, a, axis, keepdims, where) / n


@jvp_rule(np.std)
def std_jvp(
    a_dot, out, a, axis=None, dtype=None, to=None, ddof=0, keepdims=False, *, where=None,
    correction=None,
):  # fmt: skip
    """out = sqrt(var(a)); 0 for a constant"""
    n = free_count(a, axis, ddof, where, correction, keepdims)
    return spread_dot(a_dot, a, axis, keepdims, where) / n / np.where(out == 0, 1, out)


def spread_dot(a_dot, a, axis, keepdims, where):
    """How half the sum of the squared deviations moves."""
    squares = real_product(deviation(a, axis, where), a_dot)
    if where is None:
        return np.sum(squares, axis=axis, keepdims=keepdims)
    return np.sum(squares, axis=axis, keepdims=keepdims, where=where)


def real_product(x, x_dot):
    """How |x| ** 2 / 2 moves with x."""
    return np.real(np.conj(x) * x_dot) if np.iscomplexobj(x) else x * x_dot


@vjp_rule(
    np.prod,
    at=[
        *REDUCED,
        sample(0.7, axis=-1),
        np.array([0.0, 2.0, 3.0]),
        sample(np.array([[0.0, 0.0], [2.0, 3.0]]), axis=1),
        sample(spread(2, 3), axis=0, initial=0.3),
        sample(spread(2, 3), where=MASK),
        sample(spread(2, 3), axis=1, where=MASK, initial=-1.4, keepdims=True),
    ],
)
def prod_vjp(
    d_out, out, a, axis=None, dtype=None, to=None, keepdims=False, initial=None, *, where=None
):
    """out = initial * the product of the elements"""
    d = restored(d_out, a, axis, keepdims, where)
    axis = axis if np.ndim(a) else None  # a number takes 0 and -1, too
    if axis == ():
        d_a = d * np.ones_like(a)
    elif axis is None or isinstance(axis, tuple):
        d_a = d * product_of_others_over(factors(a, where), axis)
    else:
        d_a = d * product_of_others(factors(a, where), axis)
    if initial is None:
        return d_a
    d_initial = d_out * np.prod(factors(a, where), axis=axis, keepdims=keepdims)
    return initial * d_a, None, None, None, None, d_initial


def factors(a, where):
    """What is multiplied: 1 where a product does not look."""
    return a if where is None else np.where(where, a, 1)


def product_of_others_over(x, axis):
    """`product_of_others` over several axes or all of them, None."""
    if axis is None:
        return np.reshape(product_of_others(np.ravel(x), 0), np.shape(x))
    last = trailing(len(axis))
    moved = np.moveaxis(x, axis, last)
    flat = np.reshape(moved, moved.shape[: -len(axis)] + (count_along(x, axis),))
    return np.moveaxis(np.reshape(product_of_others(flat, -1), moved.shape), last, axis)


# Extremes: what ties shares the gradient evenly.


def shared(d, hits, axis):
    """The gradient d divided among the places that hit, along the axis."""
    return d * hits / np.sum(hits, axis=axis, keepdims=True)


EXTREMES = (
    *REDUCED,
    sample(0.7, axis=-1),
    sample(spread(2, 3), axis=1, initial=0.9),
    sample(spread(2, 3), axis=1, initial=-0.9),
    sample(spread(2, 3), initial=-3.1, where=MASK),
    sample(spread(2, 3), axis=0, initial=2.6, where=MASK, keepdims=True),
)


def extreme_vjp(d_out, out, a, axis, initial, where, keepdims):
    """The gradients of a and of initial, among which ties are shared"""
    d = restore_axes(d_out, np.ndim(a), axis, keepdims)
    hits = a == restore_axes(out, np.ndim(a), axis, keepdims)
    hits = hits if where is None else np.logical_and(hits, where)
    if initial is None:
        return shared(d, hits, axis)
    total = np.sum(hits, axis=axis, keepdims=keepdims) + (out == initial)
    d_a = hits * restore_axes(d_out / total, np.ndim(a), axis, keepdims)
    return d_a, None, None, None, d_out * (out == initial) / total


@vjp_rule(np.max, np.amax, np.nanmax, at=EXTREMES)
def max_vjp(d_out, out, a, axis=None, to=None, keepdims=False, initial=None, *, where=None):
    """out = the largest element"""
    return extreme_vjp(d_out, out, a, axis, initial, where, keepdims)


@vjp_rule(np.min, np.amin, np.nanmin, at=EXTREMES)
def min_vjp(d_out, out, a, axis=None, to=None, keepdims=False, initial=None, *, where=None):
    """out = the smallest element"""
    return extreme_vjp(d_out, out, a, axis, initial, where, keepdims)


@jvp_rule(np.max, np.amax, np.nanmax, np.min, np.amin, np.nanmin)
def extreme_jvp(
    a_dot, initial_dot, out, a, axis=None, to=None, keepdims=False, initial=None, *, where=None
):
    """out = the largest, or the smallest, element"""
    hits = a == restore_axes(out, np.ndim(a), axis, keepdims)
    hits = hits if where is None else np.logical_and(hits, where)
    moved = np.sum(a_dot * hits, axis=axis, keepdims=keepdims)
    total = np.sum(hits, axis=axis, keepdims=keepdims)
    if initial is None:
        return moved / total
    return (moved + initial_dot * (out == initial)) / (total + (out == initial))


@vjp_rule(np.ptp, at=REDUCED)
def ptp_vjp(d_out, out, a, axis=None, *, keepdims=False):
    """out = max(a) - min(a)"""
    d = restore_axes(d_out, np.ndim(a), axis, keepdims)
    highest = a == np.max(a, axis=axis, keepdims=True)
    lowest = a == np.min(a, axis=axis, keepdims=True)
    return shared(d, highest, axis) - shared(d, lowest, axis)


@vjp_rule(
    np.median,
    at=[
        spread(4),
        spread(5),
        spread(2, 3),
        sample(spread(2, 3), axis=1),
        sample(spread(4, 3), axis=0, keepdims=True),
        sample(spread(2, 3, 4), axis=(0, 2)),
        sample(spread(2, 3, 4), axis=(-1, 0), keepdims=True),
        sample(spread(2, 7), axis=1),
        sample(spread(2, 3, 2, 2), axis=(0, 2)),
    ],
)
def median_vjp(d_out, out, a, axis=None, to=None, overwrite_input=False, keepdims=False):
    """out = the middle element in order, or the mean of the two in the middle"""
    n = count_along(a, axis)
    if axis is None:
        ranks = np.reshape(np.argsort(np.argsort(np.ravel(a), kind="stable")), np.shape(a))
    elif isinstance(axis, tuple):
        last = trailing(len(axis))
        moved = np.moveaxis(a, axis, last)
        flat = np.reshape(moved, np.shape(moved)[: -len(axis)] + (n,))
        ranks = np.argsort(np.argsort(flat, -1, kind="stable"), -1)
        ranks = np.moveaxis(np.reshape(ranks, np.shape(moved)), last, axis)
    else:
        ranks = np.argsort(np.argsort(a, axis, kind="stable"), axis)
    share = 0.5 * (ranks == (n - 1) // 2) + 0.5 * (ranks == n // 2)
    return restore_axes(d_out, np.ndim(a), axis, keepdims) * share


# Averages


@vjp_rule(
    np.average,
    at=[
        *REDUCED,
        sample(spread(4), weights=spread(4, low=0.2)),
        sample(spread(2, 3), weights=spread(2, 3, low=0.2)),
        sample(spread(2, 3), axis=0, weights=spread(2, low=0.2)),
        sample(spread(2, 3), axis=1, weights=spread(3, low=0.2)),
        sample(spread(2, 3, 4), axis=1, weights=spread(3, low=0.2), keepdims=True),
        sample(spread(2, 3), axis=1, weights=spread(2, 3, low=0.2)),
    ],
)
def average_vjp(d_out, out, a, axis=None, weights=None, *, keepdims=False):
    """out = sum(weights * a) / sum(weights)"""
    if weights is None:
        return mean_vjp(d_out, out, a, axis, keepdims=keepdims)
    d = restore_axes(d_out, np.ndim(a), axis, keepdims)
    centre = restore_axes(out, np.ndim(a), axis, keepdims)
    if np.ndim(weights) == np.ndim(a):
        d_sum = d / np.sum(weights, axis=axis, keepdims=True)
        return d_sum * weights, None, d_sum * (a - centre)
    if isinstance(axis, tuple):
        raise NoRuleError("np.average with weights of several axes",
                          instead="Give it weights of the shape of the array.")  # fmt: skip
    # One weight for each place on the axis.
    ones = (1,) * ((-axis - 1) % np.ndim(a))
    d_sum = d / np.sum(weights)
    d_a = d_sum * np.reshape(weights, np.shape(weights) + ones)
    others = without(np.ndim(a), axis % np.ndim(a))
    return d_a, None, np.sum(d_sum * (a - centre), axis=others)


@vjp_rule(
    np.trapezoid,
    at=[
        spread(4),
        sample(spread(4), dx=0.3),
        sample(spread(4), np.array([0.0, 0.3, 0.7, 1.5])),
        sample(spread(2, 3), axis=0),
        sample(spread(2, 3), np.array([0.0, 0.3, 1.0])),
        sample(spread(3, 2), np.array([0.0, 0.3, 1.0]), axis=0),
        sample(spread(3, 2), spread(3, 2), axis=0),
        sample(spread(2, 3, 4), np.array([0.0, 0.3, 1.0]), axis=1),
        sample(spread(2, 3, 4), np.array([0.0, 1.0]), axis=0),
    ],
)
def trapezoid_vjp(d_out, out, y, x=None, dx=1, axis=-1):
    """out = sum((y[1:] + y[:-1]) / 2 * diff(x))"""
    n = np.shape(y)[axis]
    middles = (slice_along(y, axis, 1, None) + slice_along(y, axis, None, -1)) / 2
    d = restore_axes(d_out, np.ndim(y), axis, False)
    if x is None:
        d_y = d_out_to_ends(np.broadcast_to(d * dx / 2, middles.shape), axis)
        return d_y, None, d * middles
    if np.ndim(x) == 1:
        x_along = np.reshape(x, (n,) + (1,) * ((-axis - 1) % np.ndim(y)))
        steps = np.diff(x_along, axis=0)
        others = without(np.ndim(y), axis % np.ndim(y))
        d_x = -np.diff(np.sum(d * middles, axis=others), prepend=0, append=0)
    else:
        steps = np.diff(x, axis=axis)
        d_x = -np.diff(d * middles, axis=axis, prepend=0, append=0)
    return d_out_to_ends(d * steps / 2, axis), d_x


def d_out_to_ends(d, axis):
    """The adjoint of `y[1:] + y[:-1]` along an axis."""
    zero = np.zeros_like(slice_along(d, axis, 0, 1))
    return np.concatenate((zero, d), axis=axis) + np.concatenate((d, zero), axis=axis)


# Cumulative operations


@vjp_rule(np.cumsum, at=ONE_AXIS, linear=True)
def cumsum_vjp(d_out, out, a, axis=None, dtype=None):
    """out[k] = a[0] + ... + a[k]"""
    if np.ndim(out) == 1:
        return np.reshape(np.cumsum(d_out[::-1])[::-1], np.shape(a))
    return np.flip(np.cumsum(np.flip(d_out, axis), axis=axis), axis)


@vjp_rule(
    np.cumprod,
    at=[*ONE_AXIS, np.array([2.0, 0.0, 3.0]), np.array([0.0, 0.0, 3.0]), sample(0.7, axis=-1)],
)
def cumprod_vjp(d_out, out, a, axis=None, dtype=None):
    """out[k] = a[0] * ... * a[k]"""
    if axis is None or np.ndim(a) == 0:
        d_a = reverse_recurrence(d_out, np.ravel(a), 0) * shift_along(out, 0, 1.0)
        return np.reshape(d_a, np.shape(a))
    return reverse_recurrence(d_out, a, axis) * shift_along(out, axis, 1.0)


@jvp_rule(np.cumprod)
def cumprod_jvp(a_dot, out, a, axis=None, dtype=None):
    """out[k] = a[k] * out[k - 1]"""
    if axis is None or np.ndim(a) == 0:
        return linear_recurrence(np.ravel(a_dot) * shift_along(out, 0, 1.0), np.ravel(a), 0)
    return linear_recurrence(a_dot * shift_along(out, axis, 1.0), a, axis)


@vjp_rule(
    linear_recurrence,
    at=[(spread(4), spread(4, low=-1.5)), sample(spread(3, 2), spread(3, 2, high=1.0), axis=0)],
    linear="c",
)
def linear_recurrence_vjp(d_out, out, c, x, axis=-1):
    """out[k] = c[k] + x[k] * out[k - 1]"""
    d_c = reverse_recurrence(d_out, x, axis)
    return d_c, d_c * shift_along(out, axis, 0.0)


@jvp_rule(linear_recurrence)
def linear_recurrence_jvp(c_dot, x_dot, out, c, x, axis=-1):
    """out[k] = c[k] + x[k] * out[k - 1]"""
    return linear_recurrence(c_dot + x_dot * shift_along(out, axis, 0.0), x, axis)


@vjp_rule(
    np.diff,
    at=[
        spread(4),
        (spread(5), 2),
        (spread(5), 0),
        sample(spread(2, 3), axis=0),
        sample(spread(3, 4), n=3, axis=-1),
        (spread(4), 1, -1, 0.3),
        sample(spread(4), append=-0.7),
        (spread(4), 1, -1, 0.3, -0.7),
        (spread(2, 3), 2, 1, 0.3, spread(2, 2)),
    ],
    linear="a prepend append",
)
def diff_vjp(d_out, out, a, n=1, axis=-1, prepend=None, append=None):
    """out = a[1:] - a[:-1], n times"""
    d, length = d_out, length_with_ends(a, axis, prepend, append)
    many = n > 4 or is_constant(length)  # few differences are written out
    for _ in range(min(n, length) if many else n):
        d = -np.diff(d, axis=axis, prepend=0, append=0)
    if prepend is None and append is None:
        return d
    first = 0 if prepend is None else length_along(prepend, axis)
    last = first + np.shape(a)[axis]
    d_a = slice_along(d, axis, first, last)
    d_prepend = None if prepend is None else slice_along(d, axis, 0, first)
    d_append = None if append is None else slice_along(d, axis, last, None)
    return d_a, None, None, d_prepend, d_append


def length_with_ends(a, axis, prepend, append):
    """The length of a on an axis, with what `np.diff` puts before and after it."""
    n = np.shape(a)[axis]
    n = n if prepend is None else n + length_along(prepend, axis)
    return n if append is None else n + length_along(append, axis)


def length_along(x, axis):
    """The length of x on an axis; a number has length one."""
    return 1 if np.ndim(x) == 0 else np.shape(x)[axis]


@vjp_rule(
    np.bincount,
    at=[(np.array([0, 2, 2, 1]), spread(4)), sample(np.array([0, 1]), spread(2), minlength=4)],
    linear="weights",
)
def bincount_vjp(d_out, out, x, weights=None, minlength=0):
    """out[k] = the sum of the weights where x == k"""
    return None, d_out[x]


@vjp_rule(
    np.histogram,
    at=[
        sample(np.array([0.1, 0.9, -1.2, 0.35, 1.7, -0.4]), 4, weights=spread(6)),
        sample(spread(6), 3, (-1.0, 1.0), weights=spread(6)[::-1]),
        sample(spread(6), np.array([-1.5, 0.0, 1.2]), weights=spread(6)[::-1]),
        sample(np.array([[0.1, 0.9, -1.2], [0.35, 1.7, -0.4]]), 4, weights=spread(2, 3)),
    ],
)
def histogram_vjp(d_out, out, a, bins=10, range=None, density=None, weights=None):
    """out = the sum of the weights in each bin, and the edges of the bins"""
    if density:
        raise NoRuleError("np.histogram with density=True", instead="Divide by the sum yourself.")
    d_hist, d_edges = d_out
    edges = out[1]
    n = len(edges) - 1
    d_weights = None
    if weights is not None:  # each weight takes the gradient of its bin; the last bin is closed
        k = np.searchsorted(edges, a, side="right") - 1
        k = np.where(a == edges[-1], n - 1, k)
        d_weights = np.where((k < 0) | (k >= n), 0, d_hist[np.clip(k, 0, n - 1)])
    if np.ndim(bins) == 1:
        return None, d_edges, None, None, d_weights
    t = np.arange(n + 1) / n  # the edges lie evenly between the first and the last
    d_first, d_last = np.sum(d_edges * (1 - t)), np.sum(d_edges * t)
    if range is not None:
        return None, None, (d_first, d_last), None, d_weights
    x = np.ravel(a)
    d_x = np.zeros(np.shape(x), x.dtype)
    d_x = add_at(d_x, np.argmin(x), d_first)
    d_x = add_at(d_x, np.argmax(x), d_last)
    return np.reshape(d_x, np.shape(a)), None, None, None, d_weights


@vjp_rule(
    unbroadcast,
    at=[(spread(2, 3), (3,)), (spread(2, 3), (2, 1)), (spread(2, 3), ()), (spread(3), (3,))],
    linear=True,
)
def unbroadcast_vjp(d_out, out, d, shape):
    """out = d summed to a shape"""
    return np.broadcast_to(d_out, np.shape(d))


nondifferentiable(
    *(
        np.argmax,
        np.argmin,
        np.argsort,
        np.lexsort,
        np.argpartition,
        np.nanargmax,
        np.nanargmin,
        np.argwhere,
        np.nonzero,
        np.flatnonzero,
        np.searchsorted,
    ),
    *(np.digitize, np.any, np.all, np.count_nonzero, np.shape, np.size, np.ndim),
)
