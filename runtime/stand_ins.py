"""Functions around functions that the compiler reads instead of those that are written in C.

    functools.partial(f, 2.0, c=x)     →     call(*args, **more): f(2.0, *args, c=x, **more)

A wrapper that only remembers, or only copies names, is what it wraps.
"""

# mypy: no-check-untyped-defs

import functools


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
