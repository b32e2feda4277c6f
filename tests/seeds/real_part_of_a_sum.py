# ruff: noqa - kept as the fuzzer wrote it
"""Was crashed: a complex contribution to the adjoint of a real view"""

import numpy as np

WEIGHTS = np.linspace(-0.45, 0.95, 4)


def f(y):
    z = y[1:3] + 0.5j * WEIGHTS[1:3]
    return np.sum(y) + np.mean(z.real)


def args():
    return (np.array([0.95, 0.82, -1.1, -1.23]),)


WRT = ("y",)
