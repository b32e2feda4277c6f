# ruff: noqa - kept as the fuzzer wrote it
"""Was wrong: gradient of argument 1 at element [2] is -0.4525, differences give 0"""

import numpy as np

def f(m, y):
    m[m < 2.0] *= complex(2.0, y[-2]).real
    return np.mean(m)

def args():
    return (np.array([[-1.05, 0.1, -1.03], [-0.49, 1.37, 0.54]]), np.array([0.69, 1.24, -0.72]))
WRT = ('y',)
