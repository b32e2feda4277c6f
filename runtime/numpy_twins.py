"""Python for NumPy's functions that are a few calls of others: read by the compiler and the tape.

    np.nanprod(x, axis=1)     np.prod(np.where(np.isnan(x), 1, x), axis=1)
    np.add.reduce(x)          np.sum(x, 0)
    np.rollaxis(x, 2)         np.moveaxis(x, 2, 0)

A twin has the parameters that it heeds; a call with others has no twin.
"""

# mypy: no-check-untyped-defs

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from srcdiff.runtime.errors import NoRuleError

# Shapes


def rollaxis(a, axis, start=0):
    """`np.rollaxis`"""
    n = np.ndim(a)
    first, place = axis % n, start + n if start < 0 else start
    return np.moveaxis(a, first, place - 1 if first < place else place)


def atleast(function: Callable) -> Callable:
    """`np.atleast_1d` and the like, of several arrays."""

    def each(a, b, /, *more):
        return tuple([function(x) for x in (a, b, *more)])

    return each


def apply_along_axis(func1d, axis, arr, *args, **kwargs):
    """`np.apply_along_axis`

    >>> apply_along_axis(np.cumsum, 0, np.array([[1.0, 2.0], [3.0, 4.0]]))
    array([[1., 2.],
           [4., 6.]])
    """
    last = np.moveaxis(arr, axis, -1)
    before, at = np.shape(last)[:-1], axis % np.ndim(arr)
    rows = np.reshape(last, (-1, np.shape(last)[-1]))
    found = np.array([func1d(row, *args, **kwargs) for row in rows])
    inner = np.shape(found)[1:]
    made = np.reshape(found, before + inner)
    first = len(before)
    ends = tuple(range(first, first + len(inner)))
    return np.moveaxis(made, ends, tuple(range(at, at + len(inner)))) if ends else made


def clip(a, *, min=None, max=None):
    """`np.clip`, of which the bounds are named"""
    return np.clip(a, min, max)


def linspace_with_step(start, stop, num=50, endpoint=True, *, retstep, **others):
    """`np.linspace` with the distance of the points

    >>> linspace_with_step(0.0, 1.0, 3, retstep=True)
    (array([0. , 0.5, 1. ]), 0.5)
    """
    found = np.linspace(start, stop, num, endpoint, **others)
    if not retstep:
        return found
    return found, (stop - start) / (num - 1 if endpoint else num)


def interp_periodic(x, xp, fp, left=None, right=None, *, period):
    """`np.interp` of what repeats itself

    >>> float(interp_periodic(2.5, np.array([0.0, 1.0]), np.array([2.0, 4.0]), period=2.0))
    3.0
    """
    if period is None:
        return np.interp(x, xp, fp, left, right)
    size = np.abs(period)
    order = np.argsort(xp % size)
    places, values = (xp % size)[order], fp[order]
    places = np.concatenate((places[-1:] - size, places, places[:1] + size))
    return np.interp(x % size, places, np.concatenate((values[-1:], values, values[:1])))


# Reductions


def check_no_out(out):
    """Refuse an array to write the result to."""
    if out is not None:
        raise NoRuleError("a statistic with out=", instead="Use what the function returns.")


def without_nan(a, instead):
    return np.where(np.isnan(a), instead, a)


def nanprod(a, axis=None, **others):
    """`np.nanprod`

    >>> nanprod(np.array([2.0, np.nan, 3.0]))
    np.float64(6.0)
    """
    return np.prod(without_nan(a, 1), axis, **others)


def nancumsum(a, axis=None, **dtype):
    """`np.nancumsum`"""
    return np.cumsum(without_nan(a, 0), axis, **dtype)


def nancumprod(a, axis=None, **dtype):
    """`np.nancumprod`"""
    return np.cumprod(without_nan(a, 1), axis, **dtype)


def cumulative_sum(x, /, *, axis=None, include_initial=False, **dtype):
    """`np.cumulative_sum`

    >>> cumulative_sum(np.array([2.0, 3.0]), include_initial=True)
    array([0., 2., 5.])
    """
    found = np.cumsum(x, 0 if axis is None and np.ndim(x) == 1 else axis, **dtype)
    return from_initial(np.zeros_like, found, axis) if include_initial else found


def cumulative_prod(x, /, *, axis=None, include_initial=False, **dtype):
    """`np.cumulative_prod`"""
    found = np.cumprod(x, 0 if axis is None and np.ndim(x) == 1 else axis, **dtype)
    return from_initial(np.ones_like, found, axis) if include_initial else found


def from_initial(made, found, axis):
    at = 0 if axis is None else axis % np.ndim(found)
    first = made(found[(slice(None),) * at + (slice(0, 1),)])
    return np.concatenate((first, found), axis=at)


def var_about(a, axis=None, dtype=None, *, mean, ddof=0, keepdims=False, correction=None, **where):
    """`np.var` of which the mean is given

    >>> var_about(np.array([1.0, 3.0]), mean=2.0, ddof=1)
    np.float64(2.0)
    """
    off = a - mean
    squares = np.real(conjugate(off) * off)
    lost = ddof if correction is None else correction
    count = np.sum(np.ones_like(squares), axis=axis, keepdims=keepdims, **where)
    total = np.sum(squares, axis=axis, dtype=dtype, keepdims=keepdims, **where)
    return total / (count - lost)


def std_about(a, axis=None, dtype=None, *, mean, **kwargs):
    """`np.std` of which the mean is given"""
    var = var_about(a, axis, dtype, mean=mean, **kwargs)
    return np.where(var == 0, 0, np.sqrt(np.where(var == 0, 1, var)))[()]


def nanvar(
    a, axis=None, dtype=None, out=None, ddof=0, keepdims=False, *, where=True, mean=None,
    correction=None,
):  # fmt: skip
    """`np.nanvar`

    >>> nanvar(np.array([[1.0, np.nan, 3.0]]), axis=1)
    array([1.])
    """
    check_no_out(out)
    a = np.asarray(a, dtype)
    there = ~np.isnan(a) if where is True else ~np.isnan(a) & where
    if mean is None:
        known = np.where(there, a, 0)
        mean = np.sum(known, axis=axis, keepdims=True) / np.sum(there, axis=axis, keepdims=True)
    off = np.where(there, a - mean, 0)
    lost = ddof if correction is None else correction
    total = np.sum(np.real(conjugate(off) * off), axis=axis, keepdims=keepdims)
    return total / (np.sum(there, axis=axis, keepdims=keepdims) - lost)


def nanstd(a, axis=None, *more, **others):
    """`np.nanstd`"""
    var = nanvar(a, axis, *more, **others)
    return np.where(var == 0, 0, np.sqrt(np.where(var == 0, 1, var)))[()]


# What decides between which two elements, of n in order, a quantile lies.
PLOTTING = {
    "interpolated_inverted_cdf": (0, 1), "hazen": (0.5, 0.5), "weibull": (0, 0),
    "median_unbiased": (1 / 3, 1 / 3), "normal_unbiased": (3 / 8, 3 / 8),
}  # fmt: skip


def place_in_order(q, n, method):
    """Where, among n elements in order, a quantile lies."""
    if method == "linear":
        return q * (n - 1)
    if method == "lower":
        return np.floor(q * (n - 1))
    if method == "higher":
        return np.ceil(q * (n - 1))
    if method == "midpoint":
        return 0.5 * (np.floor(q * (n - 1)) + np.ceil(q * (n - 1)))
    if method not in PLOTTING:
        raise NoRuleError(f"a quantile with method={method!r}", instead='Use method="linear".')
    alpha, beta = PLOTTING[method]
    return np.clip(n * q + alpha + q * (1 - alpha - beta) - 1, 0, n - 1)


def like_numbers(q, a):
    """A number in the dtype of the floats that it is a share of."""
    single = isinstance(q, (int, float)) and np.asarray(a).dtype == np.float32
    return np.asarray(q, np.float32) if single else np.asarray(q)


def in_order(a, axis):
    """The elements in ascending order along the first axis; NaNs are the last."""
    a = np.asarray(a)
    if axis is None:
        return np.sort(np.ravel(a))
    if not isinstance(axis, tuple):
        return np.sort(np.moveaxis(a, axis, 0), axis=0)
    moved = np.moveaxis(a, axis, tuple(range(len(axis))))
    return np.sort(np.reshape(moved, (-1,) + np.shape(moved)[len(axis) :]), axis=0)


def with_axes(found, rank, axis, q):
    """Axes of length one where a quantile of an array of this rank has none."""
    if axis is None:
        gone = tuple(range(rank))
    else:
        gone = tuple(sorted(i % rank for i in (axis if isinstance(axis, tuple) else (axis,))))
    return np.expand_dims(found, tuple(i + np.ndim(q) for i in gone))


def quantile(
    a, q, axis=None, out=None, overwrite_input=False, method="linear", keepdims=False
):  # fmt: skip
    """`np.quantile`

    >>> quantile(np.array([3.0, 1.0, 2.0]), [0.25, 1.0])
    array([1.5, 3. ])
    """
    check_no_out(out)
    rows, q = in_order(a, axis), like_numbers(q, a)
    at = place_in_order(q, len(rows), method)
    below = np.floor(at)
    low = below.astype(int)
    t = np.reshape(at - below, np.shape(q) + (1,) * (np.ndim(rows) - 1))
    first, last = rows[low], rows[np.minimum(low + 1, len(rows) - 1)]
    found = np.where(np.isnan(rows[-1]), np.nan, first + t * (last - first))[()]
    return with_axes(found, np.ndim(a), axis, q) if keepdims else found


def percentile(a, q, axis=None, out=None, *more, **others):
    """`np.percentile`"""
    return quantile(a, like_numbers(q, a) / 100, axis, out, *more, **others)


def nanquantile(
    a, q, axis=None, out=None, overwrite_input=False, method="linear", keepdims=False
):  # fmt: skip
    """`np.nanquantile`

    >>> nanquantile(np.array([[3.0, np.nan, 2.0], [1.0, 5.0, 7.0]]), 0.5, axis=1)
    array([2.5, 5. ])
    """
    check_no_out(out)
    rows, q = in_order(a, axis), like_numbers(q, a)
    count = np.sum(~np.isnan(rows), axis=0)
    points = np.reshape(np.asarray(q), np.shape(q) + (1,) * (np.ndim(rows) - 1))
    at = place_in_order(points, count.astype(points.dtype), method)
    below = np.maximum(np.floor(at), 0)
    low = below.astype(int)
    high = np.maximum(np.minimum(low + 1, count - 1), 0)
    flat = (-1,) + np.shape(rows)[1:]
    shape = np.shape(q) + np.shape(rows)[1:]
    first = np.reshape(np.take_along_axis(rows, np.reshape(low, flat), 0), shape)
    last = np.reshape(np.take_along_axis(rows, np.reshape(high, flat), 0), shape)
    found = (first + (at - below) * (last - first))[()]
    return with_axes(found, np.ndim(a), axis, q) if keepdims else found


def nanpercentile(a, q, axis=None, out=None, *more, **others):
    """`np.nanpercentile`"""
    return nanquantile(a, like_numbers(q, a) / 100, axis, out, *more, **others)


def nanmedian(a, axis=None, out=None, overwrite_input=False, keepdims=False):
    """`np.nanmedian`"""
    return nanquantile(a, 0.5, axis, out, keepdims=keepdims)


def average_returned(a, axis=None, weights=None, *, returned, **keepdims):
    """`np.average` with the sum of the weights

    >>> average_returned(np.array([1.0, 3.0]), returned=True)
    (np.float64(2.0), array(2.))
    """
    found = np.average(a, axis, weights, **keepdims)
    if not returned:
        return found
    if weights is None:
        return found, np.full_like(found, np.size(a) / np.size(found))
    if np.ndim(weights) == np.ndim(a):
        return found, np.sum(weights, axis, **keepdims)
    return found, np.full_like(found, 1) * np.sum(weights)


# Statistics


def cov(m, y=None, rowvar=True, bias=False, ddof=None, fweights=None, aweights=None):
    """`np.cov`

    >>> cov(np.array([[1.0, 2.0, 4.0], [2.0, 4.0, 8.0]])).round(2)
    array([[2.33, 4.67],
           [4.67, 9.33]])
    """
    rows = variables(m, rowvar)
    if y is not None:
        rows = np.concatenate((rows, variables(y, rowvar)), axis=0)
    lost = ddof if ddof is not None else 0 if bias else 1
    fweights = None if fweights is None else np.asarray(fweights)
    aweights = None if aweights is None else np.asarray(aweights)
    weights = aweights
    if fweights is not None:
        weights = fweights if aweights is None else fweights * aweights
    if weights is None:
        off = rows - np.mean(rows, axis=1, keepdims=True)
        found = off @ conjugate(off.T) / (rows.shape[1] - lost)
    else:
        total = np.sum(weights)
        off = rows - np.average(rows, axis=1, weights=weights)[:, None]
        repeats = total if aweights is None else np.sum(weights * aweights) / total
        left = total - lost if aweights is None else total - lost * repeats
        found = (off * weights) @ conjugate(off.T) / left
    return np.squeeze(found)


def conjugate(x):
    return np.conj(x) if np.iscomplexobj(x) else x


def variables(m, rowvar):
    """What is given to `np.cov`, with a row for each variable."""
    m = np.asarray(m)
    m = np.asarray(m, np.result_type(m, np.float64))
    if np.ndim(m) < 2:
        return np.atleast_2d(m)
    return m if rowvar else m.T


def corrcoef(x, y=None, rowvar=True):
    """`np.corrcoef`"""
    c = np.cov(x, y, rowvar)
    if np.ndim(c) == 0:
        return c / c
    scale = np.sqrt(np.real(np.diag(c)))
    return np.clip(c / scale[:, None] / scale[None, :], -1, 1)


def ediff1d(ary, to_end=None, to_begin=None):
    """`np.ediff1d`

    >>> ediff1d(np.array([1.0, 3.0, 4.0]), to_end=9.0)
    array([2., 1., 9.])
    """
    parts = np.diff(np.ravel(ary))
    if to_begin is not None:
        parts = np.concatenate((np.ravel(to_begin), parts))
    return parts if to_end is None else np.concatenate((parts, np.ravel(to_end)))


# Linear algebra


def svdvals(x, /):
    """`np.linalg.svdvals`"""
    return np.linalg.svd(x, compute_uv=False)


def tensorsolve(a, b, axes=None):
    """`np.linalg.tensorsolve`"""
    if axes is not None:
        a = np.moveaxis(a, axes, tuple(range(np.ndim(a) - len(axes), np.ndim(a))))
    shape = np.shape(a)[np.ndim(b) :]
    return np.reshape(np.linalg.solve(np.reshape(a, (np.size(b), -1)), np.ravel(b)), shape)


def tensorinv(a, ind=2):
    """`np.linalg.tensorinv`"""
    n = np.size(np.zeros(np.shape(a)[ind:]))
    inverse = np.linalg.inv(np.reshape(a, (-1, n)))
    return np.reshape(inverse, np.shape(a)[ind:] + np.shape(a)[:ind])


def cond(x, p):
    """`np.linalg.cond` by a norm

    >>> cond(np.diag([1.0, 4.0]), 1)
    np.float64(4.0)
    """
    if p is None or p == 2 or p == -2:
        s = np.linalg.svd(x, compute_uv=False)
        return s[..., -1] / s[..., 0] if p == -2 else s[..., 0] / s[..., -1]
    return np.linalg.norm(x, p, (-2, -1)) * np.linalg.norm(np.linalg.inv(x), p, (-2, -1))


def linalg_vecdot(x1, x2, /, *, axis=-1):
    """`np.linalg.vecdot`"""
    return np.vecdot(x1, x2, axis=axis)


def einsum_text(operands: tuple, lists: list) -> str:
    """The subscripts of `np.einsum` for those that are given as lists of numbers.

    operands   as many as there are; one more list says what is left

    >>> einsum_text((1, 2), [[0, 1], [1, ...], [0, ...]])
    'ab,b...->a...'
    """
    letters = {n: chr(97 + i) for i, n in enumerate(sorted({n for x in lists for n in x} - {...}))}
    terms = ["".join("..." if n is ... else letters[n] for n in x) for x in lists]
    count = len(operands)
    text = ",".join(terms[:count])
    return text if len(terms) == count else f"{text}->{terms[count]}"


# Methods of ufuncs


def reduced_by(function: Callable) -> Callable:
    """`np.add.reduce`, which is a function of its own along axis 0."""

    def reduce(array, axis=0, **kwargs):
        return function(array, axis, **kwargs)

    return reduce


def accumulated_by(function: Callable) -> Callable:
    """`np.add.accumulate`, likewise."""

    def accumulate(array, axis=0, **dtype):
        return function(array, axis, **dtype)

    return accumulate


def folded_by(ufunc: np.ufunc) -> Callable:
    """`np.subtract.reduce` and the like: from the first to the last."""

    def reduce(array, axis=0, *, keepdims=False):
        rows = np.moveaxis(array, axis, 0)
        total = +rows[0]
        for i in range(1, len(rows)):
            total = ufunc(total, rows[i])
        return np.expand_dims(total, axis) if keepdims else total

    return reduce


def running(ufunc: np.ufunc) -> Callable:
    """`np.subtract.accumulate` and the like."""

    def accumulate(array, axis=0):
        rows = np.moveaxis(array, axis, 0)
        out = np.zeros_like(rows)
        out[0] = rows[0]
        for i in range(1, len(rows)):
            out[i] = ufunc(out[i - 1], rows[i])
        return np.moveaxis(out, 0, axis)

    return accumulate


# Draws, as NumPy makes them of one that has no parameters.


def drawn_shape(size, *parameters):
    """The shape of what is drawn, None for a number."""
    if size is not None:
        return size
    shape = np.broadcast_shapes(*[np.shape(p) for p in parameters])
    return shape if len(shape) > 0 else None


def check_scale(scale, what="scale"):
    if np.any(scale < 0):
        raise ValueError(what + " < 0")


def normal(draw, loc=0.0, scale=1.0, size=None):
    """`rng.normal`, by `rng.standard_normal`"""
    check_scale(scale)
    return loc + scale * draw(drawn_shape(size, loc, scale))


def lognormal(draw, mean=0.0, sigma=1.0, size=None):
    """`rng.lognormal`"""
    check_scale(sigma, "sigma")
    return np.exp(mean + sigma * draw(drawn_shape(size, mean, sigma)))


def uniform(draw, low=0.0, high=1.0, size=None):
    """`rng.uniform`, by `rng.random`"""
    return low + (high - low) * draw(drawn_shape(size, low, high))


def scaled(draw, scale=1.0, size=None):
    """`rng.exponential`, by `rng.standard_exponential`"""
    check_scale(scale)
    return scale * draw(drawn_shape(size, scale))


def rayleigh(draw, scale=1.0, size=None):
    """`rng.rayleigh`, by itself with a scale of one"""
    check_scale(scale)
    return scale * draw(1.0, drawn_shape(size, scale))


def gamma(draw, shape, scale=1.0, size=None):
    """`rng.gamma`, by `rng.standard_gamma`, that has no derivative with respect to the shape"""
    check_scale(scale)
    return scale * draw(shape, drawn_shape(size, shape, scale))


def located(draw, loc=0.0, scale=1.0, size=None):
    """`rng.laplace` and the like, by itself at zero"""
    check_scale(scale)
    return loc + scale * draw(0.0, 1.0, drawn_shape(size, loc, scale))


# Draw → the draw that it is made of, and how.
DRAWS: dict[str, tuple[str, Callable]] = {
    "normal": ("standard_normal", normal), "lognormal": ("standard_normal", lognormal),
    "uniform": ("random", uniform), "exponential": ("standard_exponential", scaled),
    "rayleigh": ("rayleigh", rayleigh), "gamma": ("standard_gamma", gamma),
    **{name: (name, located) for name in ("laplace", "logistic", "gumbel")},
}  # fmt: skip


TWINS: dict[tuple[str, str], Callable] = {
    **{
        ("numpy", f.__name__): f
        for f in (apply_along_axis, rollaxis, nanprod, nancumsum, nancumprod, cumulative_sum,
                  cumulative_prod, cov, corrcoef, ediff1d, nanvar, nanstd, quantile, percentile,
                  nanquantile, nanpercentile, nanmedian)
    },
    **{("numpy", f.__name__): atleast(f) for f in (np.atleast_1d, np.atleast_2d, np.atleast_3d)},
    ("numpy", "clip"): clip,
    ("numpy", "linspace"): linspace_with_step,
    ("numpy", "interp"): interp_periodic,
    ("numpy", "var"): var_about,
    ("numpy", "std"): std_about,
    ("numpy", "average"): average_returned,
    **{("numpy.linalg", f.__name__): f for f in (svdvals, tensorsolve, tensorinv, cond)},
    ("numpy.linalg", "vecdot"): linalg_vecdot,
}  # fmt: skip

FOLDED = (np.subtract, np.divide, np.power, np.fmod, np.remainder, np.arctan2, np.copysign)
REDUCTIONS: tuple[tuple[np.ufunc, Callable], ...] = (
    (np.add, np.sum), (np.multiply, np.prod), (np.maximum, np.max), (np.minimum, np.min),
    (np.fmax, np.nanmax), (np.fmin, np.nanmin),
)  # fmt: skip
UFUNC_TWINS: dict[tuple[Any, str], Callable] = {
    **{
        (ufunc, "reduce"): reduced_by(function)
        for ufunc, function in REDUCTIONS
    },
    (np.add, "accumulate"): accumulated_by(np.cumsum),
    (np.multiply, "accumulate"): accumulated_by(np.cumprod),
    **{(ufunc, "reduce"): folded_by(ufunc) for ufunc in FOLDED},
    **{(u, "accumulate"): running(u) for u in (*FOLDED, np.logaddexp, np.logaddexp2, np.hypot)},
}  # fmt: skip
