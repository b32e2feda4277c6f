# ruff: noqa - kept as the fuzzer wrote it
"""Crashed: zeros like an array that only one branch had bound"""

import numpy as np


def f(x, s, y, m):
    e13 = e14 = np.where(x, y if not m[3, 2] else x, s)
    for i15, u16 in enumerate(m):
        x = np.tanh(e13)
    return np.mean(x)


def args():
    return (np.array([1.43, 1.36, -1.27, -0.03], dtype=np.float32), -0.9, np.array([1.26, 1.26, -0.9, 0.71]), np.array([[-1.16, -1.3, -0.46, 1.1], [1.12, 1.38, -1.27, 1.23], [0.33, -0.4, -1.29, 0.74], [0.82, 0.99, -0.36, -1.25]]))


WRT = ('y',)
