# ruff: noqa - kept as the fuzzer wrote it
"""Was wrong: a squeeze whose rank is not known was a view of what was written afterwards"""

import numpy as np


def helper4(x1, x2, x3):
    box5 = {'in': [1 / (1 + 1.34 ** 2), x2 * x1[:, np.newaxis], x1], 'k': 2}
    s8 = 0.0
    for v7 in box5['in']:
        s8 += np.sum(v7 * v7)
    s9 = max(box5['in'][2], key=lambda v: v * v + 0.01 * v)
    return np.power(np.arctan(x1), 2)


def f(x, y, n):
    v10 = x[1:5]
    x = np.sort(y, axis=-1)
    v11 = np.squeeze(v10[None])
    v10[None, :] -= np.cos(np.full((1, 4), 1.49))
    return 2.0 * np.sum(v11 * v11) + 1.6 * np.sum(y * y) + 0.6 * np.sum(np.sin(x))


def args():
    return (np.array([1.17, 0.07, 1.48, -0.15, -0.81]), np.array([1.3, 0.41, -0.33, -0.88, -1.22]), 5)


WRT = ('x', 'y')

