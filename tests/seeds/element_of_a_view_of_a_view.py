# ruff: noqa - kept as the fuzzer wrote it
"""Was wrong: the gradient went to a whole row, the index being a tuple in a tuple"""

import numpy as np


def f(m):
    v = np.expand_dims(m, 0)[0]
    return v[-3, 0] * v[1, 2]


def args():
    return (np.array([[0.48, 0.43, -1.25, 1.07], [1.14, 0.73, 1.02, 0.75], [-0.44, 0.52, 1.4, -0.83]]),)


WRT = ("m",)
