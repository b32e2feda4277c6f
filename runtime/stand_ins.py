"""Functions around functions that the compiler reads instead of those that are written in C.

    functools.partial(f, 2.0, c=x)     →     call(*args, **more): f(2.0, *args, c=x, **more)

A wrapper that only remembers, or only copies names, is what it wraps. Functions of libraries that
look for other kinds of arrays first do here what they do for NumPy's.
"""

# mypy: no-check-untyped-defs

import functools

import numpy as np


def partial(f, /, *given, **named):
    """
    >>> partial(max, 3)(2, 1)
    3
    """

    def call(*args, **more):
        keywords = dict(named)
        for name, value in more.items():
            keywords[name] = value
        return f(*given, *args, **keywords)

    return call


def itself(f):
    return f


def wraps(wrapped, *rest, **more):
    return itself


def update_wrapper(wrapper, *rest, **more):
    return wrapper


def lru_cache(maxsize=128, typed=False):
    return maxsize if callable(maxsize) else itself


STAND_INS = {
    functools.partial: partial, functools.wraps: wraps, functools.update_wrapper: update_wrapper,
    functools.lru_cache: lru_cache, functools.cache: itself,
}  # fmt: skip


def norm(a, ord=None, axis=None, keepdims=False, check_finite=True):
    """`scipy.linalg.norm`"""
    return np.linalg.norm(a, ord, axis, keepdims)


def xp_promote(*args, broadcast=False, force_floating=False, xp=None):
    """SciPy's promotion of arrays to one dtype, None apart."""
    from scipy._lib._array_api import xp_result_type

    arrays = [np.asarray(a) if np.iterable(a) else a for a in args]
    dtype = xp_result_type(*arrays, force_floating=force_floating, xp=np)
    arrays = [None if a is None else np.asarray(a, dtype=dtype) for a in arrays]
    if broadcast:
        shape = np.broadcast_shapes(*[a.shape for a in arrays if a is not None])
        arrays = [None if a is None else np.broadcast_to(a, shape) for a in arrays]
    return arrays[0] if len(arrays) == 1 else tuple(arrays)


# By module and name: the libraries may not be there.
OF_LIBRARIES = {
    ("scipy.linalg._misc", "norm"): norm,
    ("scipy._lib._array_api", "xp_promote"): xp_promote,
}
