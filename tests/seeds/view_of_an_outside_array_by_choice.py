# ruff: noqa - kept as the fuzzer wrote it
"""Was wrong: what was written through it did not reach the array"""

import numpy as np

WEIGHTS = np.linspace(-0.45, 0.95, 3)


def f(x, s):
    u = WEIGHTS[::-1] if s > 0.5 else WEIGHTS
    u[0] = x[0] * s
    for v in x:
        t = WEIGHTS
    return np.mean(WEIGHTS) * s + np.sum(t)


def args():
    return np.array([1.1, -0.62, 0.66]), 0.9


WRT = ("x", "s")
