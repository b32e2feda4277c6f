# ruff: noqa - kept as the fuzzer wrote it
"""Was wrong: the store of zeros that clears an adjoint was left out, though what is added reads it"""

import numpy as np


def f(x, s):
    x += x[::-1]
    x[::-1] = np.tanh(s)
    return 1.1 * np.sum(np.sin(x))


def args():
    return (np.array([0.9, -0.24, -1.46, 0.26]), -0.6)


WRT = ('x', 's')
