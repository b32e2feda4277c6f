# ruff: noqa - kept as the fuzzer wrote it
"""Was wrong: what the test of a while had read of a choice was not read again in its body"""

import numpy as np


def f(x, y):
    c = x if -2.0 < y[0] < 0.907 else y
    c[0] /= 2.0
    s = 0.0
    k = 0
    while k < len(c):
        s = s + c[0]
        k += 1
    return s


def args():
    return np.array([0.18, -1.45, 1.3]), np.array([1.07, -0.19, 0.14])


WRT = ("x", "y")
