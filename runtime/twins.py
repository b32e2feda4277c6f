"""Python for what libraries wrote in C: read by the compiler, run by the tape.

    lfilter(b, a, x)          an IIR filter as a loop over samples
    scipy.fft.rfft(x)         np.fft.rfft(x)
    garch_recursion(…)        the same function of `arch.univariate.recursions_python`

A twin gives what its function gives, up to rounding, for arrays of floats.
"""

# mypy: no-check-untyped-defs

from __future__ import annotations

import sys
import types
from collections.abc import Callable
from typing import Any

import numpy as np


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
    ("scipy.signal._sigtools", "_linear_filter"): linear_filter,
    ("scipy.signal._sosfilt", "_sosfilt"): sosfilt,
    ("scipy._lib.array_api_compat.numpy._aliases", "asarray"): asarray,
    ("scipy._lib.array_api_compat.numpy.linalg", "solve"): solve,
    ("numpy", "polymul"): polymul,
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
    if type(home) is not str or type(name) is not str:
        return None
    if (home, name) in TWINS:
        return TWINS[home, name]
    # Some libraries ship each module of C beside the same module in Python.
    in_python = sys.modules.get(home + "_python")
    if in_python is None or isinstance(f, types.FunctionType | types.MethodType):
        return None
    found = getattr(in_python, name + "_python", getattr(in_python, name, None))
    return found if isinstance(found, types.FunctionType) else None
