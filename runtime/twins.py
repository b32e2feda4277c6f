"""Python for what libraries wrote in C: read by the compiler, run by the tape.

    lfilter(b, a, x)          an IIR filter as a loop over samples
    scipy.fft.rfft(x)         np.fft.rfft(x)
    garch_recursion(…)        the same function of `arch.univariate.recursions_python`

A twin gives what its function gives, up to rounding, for arrays of floats.
"""

# mypy: no-check-untyped-defs

from __future__ import annotations

import inspect
import sys
import types
from collections.abc import Callable
from typing import Any

import numpy as np

from srcdiff.runtime import filters, numpy_twins


def linear_filter(b, a, x, axis=-1, zi=None):
    """`scipy.signal._sigtools._linear_filter`: the transposed direct form II

    >>> linear_filter(np.array([1.0]), np.array([1.0, -0.5]), np.array([1.0, 0.0, 0.0]))
    array([1.  , 0.5 , 0.25])
    """
    n, dtype = max(len(a), len(b)), np.result_type(b, a, x)
    b_full = np.zeros(n, dtype)
    a_full = np.zeros(n, dtype)
    b_full[: len(b)] = b / a[0]
    a_full[: len(a)] = a / a[0]
    x_rows = np.moveaxis(x, axis, 0)
    out = np.zeros(x_rows.shape, dtype)
    state = np.zeros((n, *x_rows.shape[1:]), dtype)
    if zi is not None:
        state[: n - 1] = np.moveaxis(zi, axis, 0)
    for t in range(len(x_rows)):
        out[t] = b_full[0] * x_rows[t] + state[0]
        for k in range(1, n):
            state[k - 1] = b_full[k] * x_rows[t] - a_full[k] * out[t] + state[k]
    if zi is None:
        return np.moveaxis(out, 0, axis)
    return np.moveaxis(out, 0, axis), np.moveaxis(state[: n - 1], 0, axis)


def sosfilt(sos, x, zi):
    """`scipy.signal._sosfilt._sosfilt`: rows of x, filtered in place, and the states of the filters

    >>> x, zi = np.array([[1.0, 0.0, 0.0]]), np.zeros((1, 1, 2))
    >>> sosfilt(np.array([[1.0, 0.0, 0.0, 1.0, -0.5, 0.0]]), x, zi)
    >>> x
    array([[1.  , 0.5 , 0.25]])
    """
    for s in range(len(sos)):
        for t in range(x.shape[1]):
            given = x[:, t].copy()
            made = sos[s, 0] * given + zi[:, s, 0]
            zi[:, s, 0] = sos[s, 1] * given - sos[s, 4] * made + zi[:, s, 1]
            zi[:, s, 1] = sos[s, 2] * given - sos[s, 5] * made
            x[:, t] = made


def without_leading_zeros(p):
    p = np.atleast_1d(p)
    while len(p) > 1 and p[0] == 0:
        p = p[1:]
    return p


def polymul(a1, a2):
    """`np.polymul` of coefficients

    >>> polymul(np.array([0.0, 1.0, 2.0]), np.array([1.0, 3.0]))
    array([1., 5., 6.])
    """
    return np.convolve(without_leading_zeros(a1), without_leading_zeros(a2))


def asarray(obj, /, *, dtype=None, device=None, copy=None, **kwargs):
    """`asarray` of the array API, for NumPy's arrays"""
    return np.array(obj, dtype=dtype, copy=copy, **kwargs)


def until_small(weights, precision):
    """The weights of a sum that stops after the first whose size is at most the precision."""
    precision = precision if 0 < precision < 1 else 1e-11
    small = np.abs(weights) <= precision
    if not np.any(small):
        raise ValueError("Sum to find symmetric boundary conditions did not converge.")
    return np.where(np.arange(len(weights)) <= np.argmax(small), weights, 0.0)


def symiirorder1_ic(signal, z1, precision=-1.0):
    """`scipy.signal._spline.symiirorder1_ic`: where a filter starts on a mirrored signal"""
    powers = until_small(z1 ** np.arange(1, signal.shape[1] + 1), precision)
    return (signal[:, 0] + signal @ powers)[:, None]


def symiirorder2_ic_fwd(signal, r, omega, precision=-1.0):
    """`scipy.signal._spline.symiirorder2_ic_fwd`: from what the filter answers to an impulse"""
    n = signal.shape[1]
    k = np.arange(n + 2)
    if omega in (0, np.pi):
        turns = (k + 1) * np.cos(omega * k)
    else:
        turns = np.sin(omega * (k + 1)) / np.sin(omega)
    answer = (1 - 2 * r * np.cos(omega) + r * r) * r**k * turns
    near, far = until_small(answer[1 : n + 1], precision), until_small(answer[2:], precision)
    first = answer[0] * signal[:, 0] + signal @ near
    second = answer[0] * signal[:, 1] + answer[1] * signal[:, 0] + signal @ far
    return np.stack((first, second), axis=1)


def symiirorder2_ic_bwd(signal, r, omega, precision=-1.0):
    """`scipy.signal._spline.symiirorder2_ic_bwd`: likewise, both ways, from the end"""
    n, square = signal.shape[1], r * r
    k = np.abs(np.arange(-1, n + 2))
    scale = (1 - 2 * r * np.cos(omega) + square) ** 2 * (1 + square) / (1 - square)
    scale = scale / (1 - 2 * square * np.cos(2 * omega) + square * square)
    slope = (1 - square) / (1 + square)
    if omega in (0, np.pi):
        turns = 1 + slope * k * np.cos(omega * k)
    else:
        turns = np.cos(omega * k) + slope * np.sin(omega * k) / np.tan(omega)
    answer = scale * r**k * turns
    back = signal[:, ::-1]
    enough = np.sqrt(precision if 0 < precision < 1 else 1e-11)  # as the C code has it
    last = back @ until_small(answer[1 : n + 1] + answer[2 : n + 2], enough)
    before = back @ until_small(answer[:n] + answer[3 : n + 3], enough)
    return np.stack((last, before), axis=1)


def sigma_clip_fast(
    data, mask, use_median, use_mad_std, maxiters, sigma_lower, sigma_upper, axis=-1
):
    """Astropy's bounds of what is no outlier, along one axis."""
    moved = np.moveaxis(data, axis, -1)
    rows = np.reshape(moved, (-1, moved.shape[-1]))
    there = ~np.reshape(np.moveaxis(mask, axis, -1), rows.shape)
    low, high = np.full(len(rows), np.nan), np.full(len(rows), np.nan)
    for i in range(len(rows)):
        kept = rows[i][there[i]]
        count, steps = 0, 0
        while len(kept) not in (0, count) and (maxiters == -1 or steps < max(maxiters, 1)):
            count = len(kept)
            center = np.median(kept) if use_median else np.mean(kept)
            if use_mad_std:
                spread = np.median(np.abs(kept - np.median(kept))) * 1.482602218505602
            else:
                spread = np.std(kept)
            low[i] = center - sigma_lower * spread
            high[i] = center + sigma_upper * spread
            kept = kept[(kept >= low[i]) & (kept <= high[i])]
            steps += 1
    shape = moved.shape[:-1]
    return np.reshape(low, shape)[()], np.reshape(high, shape)[()]


def select(condlist, choicelist, default=0):
    """`np.select`

    >>> select([np.array([True, False])], [np.array([1.0, 2.0])])
    array([1., 0.])
    """
    found = default
    for k in range(len(condlist) - 1, -1, -1):
        found = np.where(condlist[k], choicelist[k], found)
    return found


def lazyselect(condlist, choicelist, arrays, default=0):
    """`scipy._lib._util._lazyselect`: the function of the condition that holds, the last of them"""
    found = default
    for k in range(len(condlist)):
        found = np.where(condlist[k], choicelist[k](*arrays), found)
    return found


def np_vecdot(x1, x2, /, *, axis=-1):
    """`scipy._lib._util.np_vecdot`"""
    return np.sum(np.conj(x1) * x2, axis=axis)


def row_of(items):
    """`np.r_[items]`

    >>> row_of((0.5, np.array([1.0, 2.0])))
    array([0.5, 1. , 2. ])
    """
    dtype = np.result_type(*items)
    return np.concatenate([np.atleast_1d(np.asarray(item, dtype=dtype)) for item in items])


def columns_of(items):
    """`np.c_[items]`

    >>> columns_of((np.array([1.0, 2.0]), np.array([[3.0], [4.0]])))
    array([[1., 3.],
           [2., 4.]])
    """
    dtype = np.result_type(*items)
    parts = [np.atleast_1d(np.asarray(item, dtype=dtype)) for item in items]
    return np.concatenate([p[:, None] if p.ndim == 1 else p for p in parts], axis=-1)


def require(a, dtype=None, requirements=None):
    """`np.require`, of a plain array: how it lies in memory changes no value"""
    return np.array(a, dtype=dtype)


def piecewise(x, condlist, funclist, *args, **kw):
    """`np.piecewise` of functions and numbers: where no condition holds, the last of one more

    >>> piecewise(np.array([1.0, -2.0]), [np.array([True, False])], [np.sqrt, 0.0])
    array([1., 0.])
    """
    # One condition need not be in a list.
    many = isinstance(condlist, (list, tuple)) or np.ndim(condlist) > 0
    if np.ndim(x) > 0 and (not many or np.ndim(condlist[0]) == 0):
        return pieces(np.asarray(x), [np.asarray(condlist, dtype=bool)], funclist, args, kw)
    if np.ndim(x) > 0:
        conditions = [np.asarray(c, dtype=bool) for c in condlist]
        return pieces(np.asarray(x), conditions, funclist, args, kw)
    conditions = [np.reshape(c, (1,)) for c in (condlist if many else [condlist])]
    return np.reshape(pieces(np.reshape(x, (1,)), conditions, funclist, args, kw), ())


def pieces(x, condlist, funclist, args, kw):
    found = np.zeros_like(x)
    rest = np.ones(np.shape(x), dtype=bool)
    for k in range(len(condlist)):
        rest = rest & ~condlist[k]
    conditions = [*condlist, rest]
    for k in range(len(funclist)):
        value = funclist[k]
        if callable(value):
            value = value(x[conditions[k]], *args, **kw)
        found[conditions[k]] = value
    return found


def logm(A):  # noqa: N803
    """`scipy.linalg.logm`"""
    from srcdiff.runtime.rules.scipy_linalg import real_logm

    return real_logm(A)


def simpson(y, x=None, *, dx=1.0, axis=-1):
    """`scipy.integrate.simpson`

    >>> float(simpson(np.array([0.0, 1.0, 4.0, 9.0])))
    9.0
    """
    rows = np.moveaxis(np.asarray(y), axis, 0)
    n = len(rows)
    if x is None:
        h = np.full(n - 1, 1.0) * dx
    else:
        x = np.asarray(x)
        h = np.diff(x) if x.ndim == 1 else np.diff(np.moveaxis(x, axis, 0), axis=0)
    if np.ndim(h) == 1:
        h = np.reshape(h, (n - 1,) + (1,) * (np.ndim(rows) - 1))
    if n % 2 == 1:
        return parabolas(rows, h)
    if n == 2:
        return 0.5 * h[0] * (rows[0] + rows[1])
    a, b = h[-1], h[-2]
    last = rows[-1] * (2 * a**2 + 3 * a * b) / (6 * (a + b))
    last = last + rows[-2] * (a**2 + 3 * a * b) / (6 * b) - rows[-3] * a**3 / (6 * b * (a + b))
    return parabolas(rows[:-1], h[:-1]) + last


def parabolas(rows, h):
    """The areas under the parabolas through each three rows that follow each other."""
    a, b = h[0::2], h[1::2]
    first = rows[:-2:2] * (2 - b / a) + rows[2::2] * (2 - a / b)
    return np.sum((a + b) / 6 * (first + rows[1:-1:2] * (a + b) ** 2 / (a * b)), axis=0)


def lfilter(b, a, x, axis=-1):
    """`scipy.signal.lfilter` from a state of zeros"""
    from srcdiff.runtime.rules import scipy_signal

    b, a, x = np.atleast_1d(b), np.atleast_1d(a), np.asarray(x)
    return scipy_signal.lfilter(b, a, x, axis)


def solve(x1, x2, /):
    """`solve` of the array API, for NumPy's arrays"""
    return np.linalg.solve(x1, x2)


def fourier(name: str) -> Callable:
    """A transform of `scipy.fft` by its twin in `np.fft`."""
    transform = getattr(np.fft, name)

    def one(x, n=None, axis=-1, norm=None, overwrite_x=False, workers=None, *, plan=None):
        return transform(x, n, axis, norm)

    def many(x, s=None, axes=None, norm=None, overwrite_x=False, workers=None, *, plan=None):
        return transform(x, s, axes, norm)

    def two(x, s=None, axes=(-2, -1), norm=None, overwrite_x=False, workers=None, *, plan=None):
        return transform(x, s, axes, norm)

    return many if name.endswith("n") else two if name.endswith("2") else one


TWINS: dict[tuple[str, str], Callable] = {
    **numpy_twins.TWINS,
    ("scipy.signal._sigtools", "_linear_filter"): linear_filter,
    ("scipy.signal._sosfilt", "_sosfilt"): sosfilt,
    **{
        ("scipy.signal._spline", f.__name__): f
        for f in (symiirorder1_ic, symiirorder2_ic_fwd, symiirorder2_ic_bwd)
    },
    ("ufunc", "_sigma_clip_fast"): sigma_clip_fast,
    ("scipy._lib._util", "_lazyselect"): lazyselect,
    ("scipy._lib._util", "np_vecdot"): np_vecdot,
    ("scipy._lib.array_api_compat.numpy._aliases", "asarray"): asarray,
    ("scipy._lib.array_api_compat.numpy.linalg", "solve"): solve,
    ("scipy.linalg._matfuncs", "logm"): logm,
    ("scipy.signal._signaltools", "lfilter"): lfilter,
    ("scipy.integrate._quadrature", "simpson"): simpson,
    ("scipy.ndimage._interpolation", "map_coordinates"): filters.map_coordinates,
    ("scipy.signal._spectral_py", "stft"): filters.stft,
    **{
        ("scipy.ndimage._filters", f.__name__): f
        for f in (filters.correlate, filters.convolve, filters.correlate1d, filters.convolve1d,
                  filters.gaussian_filter1d, filters.gaussian_filter)
    },
    ("numpy", "polymul"): polymul,
    **{
        ("numpy", f.__name__): f
        for f in (select, require, piecewise)
    },
    **{
        ("scipy.fft._basic", name): fourier(name)
        for name in ("fft", "ifft", "rfft", "irfft", "fftn", "ifftn", "rfftn", "irfftn",
                     "fft2", "ifft2", "rfft2", "irfft2")
    },
}  # fmt: skip


def twin_of(f: Any) -> Callable | None:
    """The Python that stands for a function, None where there is none.

    >>> twin_of(np.polymul).__name__, twin_of(np.sin)
    ('polymul', None)
    """
    home, name = getattr(f, "__module__", None), getattr(f, "__name__", None)
    owner = getattr(f, "__self__", None)
    if isinstance(owner, np.ufunc):
        return numpy_twins.UFUNC_TWINS.get((owner, name))  # type: ignore[arg-type]
    home = "ufunc" if isinstance(f, np.ufunc) else home
    if type(home) is not str or type(name) is not str:
        return None
    if home == "scipy.special._multiufuncs" and name == "sph_harm_y":
        from srcdiff.runtime.rules import special_polynomials

        return special_polynomials.sph_harm_y
    if home.startswith("scipy.stats."):
        from srcdiff.runtime import distributions

        return distributions.twin_of(f)
    if (home, name) in TWINS:
        return TWINS[home, name]
    # Some libraries ship each module of C beside the same module in Python.
    in_python = sys.modules.get(home + "_python")
    if in_python is None or isinstance(f, types.FunctionType | types.MethodType):
        return None
    found = getattr(in_python, name + "_python", getattr(in_python, name, None))
    return found if isinstance(found, types.FunctionType) else None


def fits(twin: Callable, args: tuple, kwargs: dict) -> bool:
    """Whether a twin takes these arguments: it has no others than those that it heeds."""
    try:
        inspect.signature(twin).bind(*args, **kwargs)
    except TypeError:
        return False
    return True
