"""A store in a loop into an array that is bound on one path only, beside one bound on both."""

import numpy as np


def f(x, m, p, n):
    if p["a"]:
        pass
    else:
        x = np.atleast_1d(m[-1] + x)
        p12, p13 = (2.0, x)
    s20 = 2.0
    for i21 in range(0, n, 2):
        x[:,] = s20
    return np.sum(x) + np.sum(m * s20)


def args():
    m = np.array([[-0.45, 0.91, 0.2], [0.94, -0.38, -0.16], [0.79, 1.17, 1.04]])
    return (np.array([0.08, 1.12, 1.49]), m, {"a": 1.34}, 3)


WRT = ("x", "m")
