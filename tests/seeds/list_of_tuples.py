# ruff: noqa - kept as the fuzzer wrote it
"""Was wrong: the gradient through tuples in a list of run-time length was zero"""

import numpy as np


def f(x, m):
    items = []
    for i in range(len(x)):
        items.append((m[i] * x[i], "name", x[i]))
    items[1] = (m[0], "a", x[0] * x[1])
    items.insert(0, (m[1], "b", 2.0))
    s = 0.0
    for row, name, v in items:
        s = s + np.sum(row) * v
    last = items.pop()
    pairs = [(i, v) for i, v in enumerate(x)]
    return s + sorted(enumerate(x), key=lambda p: -p[1])[0][1] + last[2] ** 2 + pairs[0][1]


def args():
    return np.array([1.0, 2.0, 3.5]), np.arange(6.0).reshape(3, 2)


WRT = ("x", "m")
