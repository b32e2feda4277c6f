# ruff: noqa - kept as the fuzzer wrote it
"""Crashed: the tangent of a sum that began as 0 was a number"""

import numpy as np


def f(x, s, n):
    t13 = 0
    for i10 in range(0, n, 2):
        t13 = t13 + np.full((2, 3), 2.0) - s
    for row14 in t13:
        row14 += x
    a35 = t13
    return np.sum(a35)


def args():
    return (np.array([-1.31, -0.98, -0.43]), 1.11, 3)


WRT = ('x', 's')
