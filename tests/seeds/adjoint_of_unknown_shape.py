# ruff: noqa - kept as the fuzzer wrote it
"""Was crashed: ValueError: output array is read-only"""

import numpy as np


def f(x, m, s):
    total = np.sum(m)
    t = np.array([[total * s for v in x] for i in range(2)])
    m[-1] *= t[0]
    return np.mean(t) + np.sum(m)


def args():
    return np.array([-1.0, 0.78, -0.66]), np.array([[-0.59, 1.15, 0.48], [1.37, -0.96, -0.64]]), 1.21


WRT = ("s", "m")
