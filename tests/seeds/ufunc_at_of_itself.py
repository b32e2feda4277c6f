# ruff: noqa - kept as the fuzzer wrote it
"""Was wrong: NumPy reads what was there before."""

import numpy as np


def f(x):
    np.multiply.at(x, [2, 2, 2], x)
    return np.sum(x)


def args():
    return (np.array([-0.92, 0.06, 1.34]),)


WRT = ("x",)
