# ruff: noqa - kept as the fuzzer wrote it
"""Was crashed: KeyError: what a loop that was given up had left of its temporaries"""

import numpy as np


def helper(s):
    grid = [[0.0] * 3 for _ in range(3)]
    for i in range(3):
        for j in range(3):
            grid[i][j] = s * j
    return grid[1][2]


def f(s, m):
    for i, u in enumerate(m):
        u[i] = np.abs(helper(s))
    return np.sum(m)


def args():
    return 0.05, np.array([[0.05, 1.42, -0.61], [-1.0, -0.07, -0.21], [-0.81, -0.35, -0.26]])


WRT = ("s", "m")
