"""Abstract values of `scipy.signal`, `scipy.fft` and `scipy.spatial.distance`.

    convolve(x, h, "same")      x: f8[n], h: f8[m]        f8[n]
    cdist(a, b)                 a: f8[n,2], b: f8[m,2]    f8[n,m]

SciPy is not imported here: its functions are known by their names.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from srcdiff.transforms.abstract_core import (
    Unknown,
    as_array,
    axis_arg,
    kind,
    named,
    numeric,
    static,
    total,
)
from srcdiff.transforms.kinds import FLOAT, Dim, Kind, fresh_size


def double(*arrays: Kind) -> np.dtype:
    """The dtype of what is computed from arrays in double precision, or in theirs."""
    dtype = np.result_type(*[a.dtype for a in arrays])
    if dtype.kind not in "fc":
        raise Unknown
    return dtype


def length(n: Dim, m: Dim, mode: str) -> Dim:
    if mode == "full":
        if type(n) is int and type(m) is int:
            return n + m - 1
        return total((n, m - 1)) if type(m) is int and m > 0 else fresh_size()
    if mode == "same":
        return n
    if type(n) is int and type(m) is int:
        return abs(n - m) + 1
    return named("valid", sorted((n, m), key=repr))


def convolve(op: Any, in1: Any, in2: Any, mode: Any = "full", *args: Any, **kwargs: Any) -> Kind:
    in1, in2 = numeric(in1), numeric(in2)
    if in1.rank != in2.rank or not in1.rank:
        raise Unknown
    mode = static(mode)
    dims = tuple(length(n, m, mode) for n, m in zip(in1.dims, in2.dims))
    return Kind("array", double(in1, in2), dims)


def lfilter(op: Any, b: Any, a: Any, x: Any, axis: Any = -1) -> Kind:
    b, a, x = numeric(b), numeric(a), numeric(x)
    return Kind("array", double(b, a, x), x.dims)


def detrend(op: Any, data: Any, *args: Any, **kwargs: Any) -> Kind:
    data = numeric(data)
    return as_array(data, data.dims, double(data))


def transform(op: Any, x: Any, type: Any = 2, n: Any = None, axis: Any = -1,  # noqa: A002
              *args: Any, **kwargs: Any) -> Kind:  # fmt: skip
    x = numeric(x)
    dtype = double(x)
    if dtype.itemsize == 2:
        dtype = np.dtype("f4")
    if n is None or kind(n).tag == "none":
        return as_array(x, x.dims, dtype)
    at, dims = axis_arg(axis, x.rank), list(x.dims)
    dims[at] = n if isinstance(n, int) else fresh_size()
    return as_array(x, tuple(dims), dtype)


def cdist(op: Any, XA: Any, XB: Any, *args: Any, **kwargs: Any) -> Kind:  # noqa: N803
    a, b = numeric(XA), numeric(XB)
    return Kind("array", FLOAT.dtype, (a.dims[0], b.dims[0]))


def pdist(op: Any, X: Any, *args: Any, **kwargs: Any) -> Kind:  # noqa: N803
    return Kind("array", FLOAT.dtype, (fresh_size(),))


def spsolve(op: Any, A: Any, b: Any, *args: Any, **kwargs: Any) -> Kind:  # noqa: N803
    b = numeric(b)
    return as_array(b, b.dims, double(b))


NAMED: dict[str, Callable] = {
    **dict.fromkeys(
        "convolve fftconvolve oaconvolve convolve2d correlate correlate2d".split(), convolve
    ),
    **dict.fromkeys("dct idct dst idst".split(), transform),
    "spsolve": spsolve, "lfilter": lfilter, "detrend": detrend, "cdist": cdist, "pdist": pdist,
}  # fmt: skip
