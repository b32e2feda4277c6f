"""A module of helpers that programs import: it has globals of its own, some with names that
programs use as well, and state that its functions change."""

import functools
import math as m

import numpy as xp

np = 3.0  # not NumPy
SCALE = 0.75
TOTAL = 0.0
CALLS = 0
BUFFER = xp.zeros(3)
TABLE = {"gain": 1.25, "calls": 0}


def scaled(x):
    return SCALE * x + np * 0.1


def normed(x):
    return x / xp.sqrt(1.0 + xp.sum(x**2))


def soften(x, sharpness=2.0):
    """In place; gives what it was given."""
    x *= TABLE["gain"]
    xp.tanh(x / sharpness, out=x)
    return x


def shift(x, by):
    x[1:] = x[:-1] + by


def counted(v):
    global CALLS
    CALLS += 1
    TABLE["calls"] += 1
    return v * CALLS


def accumulated(v):
    """Adds to what earlier calls have left."""
    global TOTAL
    TOTAL = TOTAL + v
    return TOTAL * 0.5


def buffered(x):
    BUFFER[0] = x[0]
    BUFFER[1:] = m.sin(x[-1])
    return xp.sum(BUFFER) * x[0]


@functools.lru_cache(maxsize=64)
def weight(k):
    return 1.0 / (1 + k)


def weighted(x):
    total = 0.0
    for k, v in enumerate(x):
        total += weight(k) * v
    return total


def is_long(x, limit=4):
    return len(x) >= limit


def clean(x, *, copy=True):
    x = xp.asarray(x)
    if copy:
        x = x.copy()
    if is_long(x):
        x[0] = scaled(x[0])
    return x


def even_part(s, k):
    return s if k <= 0 else odd_part(0.5 * s, k - 1)


def odd_part(s, k):
    return m.sin(s) if k <= 0 else even_part(s + 0.3, k - 1)
