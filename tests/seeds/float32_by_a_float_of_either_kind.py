"""A float32 array divided by what is Python's float or NumPy's, after a helper rebinds it."""

import numpy as np


def f(x, m):
    s = 2.0

    def bump(v):
        nonlocal s
        s = np.sin(2.0 + v)

    for w in x:
        bump(0.5)
    x /= s
    return np.sum(x * x) + np.sum(m / s) + np.sum(s - m[0])


def args():
    m = np.array([[0.5, 0.25, 1.5, -0.75], [1.0, -0.5, 0.125, 2.0]], dtype=np.float32)
    return (np.array([-0.63, -1.26, -0.85, -0.68], dtype=np.float32), m)


WRT = ("x", "m")
