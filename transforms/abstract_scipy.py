"""Kinds of what SciPy's functions return, those that are no ufuncs.

    spherical_jn(1, x)        x: f8[n]      f8[n]
    logsumexp(x, axis=0)      x: f8[n,m]    f8[m]
    solve(a, b)               b: f8[n]      f8[?]

SciPy is not imported here: a function is known by its rule and by its name. It is tried on arrays
of one element, which shows the dtype and the rank; lengths are known of what works by elements.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import numpy as np

from srcdiff.runtime.registry import BATCHING, rule_of
from srcdiff.transforms import abstract_scipy_linalg, abstract_scipy_signal
from srcdiff.transforms.abstract_core import (
    RULES,
    broadcast,
    kind,
    numeric,
    run,
    static,
    tuple_of,
)
from srcdiff.transforms.kinds import FLOAT, Kind, fresh_kind, fresh_size


def scipy_kind(op: Any) -> Callable | None:
    """The function that answers for one of SciPy's that has a rule."""
    module = getattr(op, "__module__", None) or ""
    if module == "numpy.fft" and op.__name__ in TRANSFORMS:
        return transform_kind
    if rule_of(op) is None:
        return None
    if getattr(op, "__name__", "") == "parameter_slope":
        return slope_kind
    if module.startswith("srcdiff.runtime.rules") and BATCHING.get(op) == "elements":
        return by_elements
    if not module.startswith(("scipy.", "srcdiff.runtime.rules.scipy_")):
        return None
    if op.__name__ == "logsumexp":
        return logsumexp_kind
    if op.__name__ in ("softmax", "log_softmax"):
        return softmax_kind
    for homes, table in TABLES.items():
        if module.startswith(homes) and op.__name__ in table:
            return table[op.__name__]
    return by_elements if module.startswith("scipy.special") else tried


OWN = "srcdiff.runtime.rules.scipy_"
TABLES = {
    ("scipy.linalg", OWN + "linalg"): abstract_scipy_linalg.NAMED,
    ("scipy.signal", "scipy.fft", "scipy.spatial", "scipy.sparse", OWN + "signal"):
        abstract_scipy_signal.NAMED,
}


def by_elements(op: Any, *args: Any, **kwargs: Any) -> Kind:
    found, operands = on_ones(op, args, kwargs)
    dims = broadcast(*[k.dims for k in operands])
    if found.tag == "array" and len(found.shape) == len(dims):
        return found._replace(shape=dims)
    return sized(found)


def tried(op: Any, *args: Any, **kwargs: Any) -> Kind:
    return sized(on_ones(op, args, kwargs)[0])


def sized(found: Kind) -> Kind:
    """A kind of which no length is known."""
    if found.items is not None:
        return found._replace(items=tuple(map(sized, found.items)))
    return fresh_kind(found)


def on_ones(op: Any, args: tuple, kwargs: dict[str, Any]) -> tuple[Kind, list[Kind]]:
    """The kind of the result but for its lengths, and the operands: leading numbers and arrays."""
    names = list(inspect.signature(op).parameters)
    operands: list[Kind] = []
    params = {name: static(value) for name, value in kwargs.items()}
    for i, arg in enumerate(args):
        if i == len(operands) and type(arg) is not bool and kind(arg).numeric | is_list(arg):
            operands.append(numeric(arg))
        else:
            params[names[i]] = static(arg)
    return run(op, operands, tuple(sorted(params.items()))), operands


def is_list(arg: Any) -> bool:
    return (arg.tag if type(arg) is Kind else type(arg).__name__) in ("list", "tuple")


def logsumexp_kind(
    op: Any,
    a: Any,
    axis: Any = None,
    b: Any = None,
    keepdims: Any = False,
    return_sign: Any = False,
) -> Kind:
    a = numeric(a)
    if b is not None:
        a = Kind("array", a.dtype, broadcast(a.dims, numeric(b).dims)) if a.rank else a
    found = RULES[np.sum](np.sum, a, axis=axis, keepdims=keepdims)
    if static(return_sign):
        return tuple_of(found, found)
    return found


TRANSFORMS = frozenset(
    "fft ifft rfft irfft fft2 ifft2 fftn ifftn rfft2 rfftn irfft2 irfftn".split()
)


def transform_kind(
    op: Any, a: Any, n: Any = None, axis: Any = None, norm: Any = None, **named: Any
) -> Kind:
    """One of `numpy.fft`: of known lengths where the whole array is transformed, to as many."""
    a = numeric(a)
    if not a.rank:
        raise ValueError
    double = np.result_type(a.dtype, np.float32) == np.float64 or a.dtype.kind in "bi"
    inexact = a.dtype if a.dtype.kind in "fc" else np.dtype(float)
    real = np.dtype(float) if double or inexact.itemsize == 16 else np.finfo(inexact).dtype
    to_real = op.__name__.startswith("ir")
    dtype = real if to_real else np.result_type(real, np.complex64)
    same = n is None and not named and "r" not in op.__name__
    return Kind("array", dtype, a.dims if same else tuple(fresh_size() for _ in a.dims))


def softmax_kind(op: Any, x: Any, axis: Any = None) -> Kind:
    return by_elements(op, x)


def slope_kind(op: Any, f: Any, ks: Any, *args: Any) -> Kind:
    dims = broadcast(*[numeric(arg).dims for arg in args])
    dtype = by_elements(f, *args).dtype
    dtype = dtype if dtype is not None and dtype.kind == "c" else FLOAT.dtype
    return Kind("array", dtype, dims) if dims else Kind("scalar", dtype, python=False)
