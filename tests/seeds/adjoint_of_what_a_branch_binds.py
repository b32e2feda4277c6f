# ruff: noqa - kept as the fuzzer wrote it
"""Crashed: the adjoint of what one branch binds was summed to a shape where it is unbound"""

import numpy as np


def f(x):
    y = x
    s6 = 2.0

    def bump7(v8):
        nonlocal s6
        s6 = np.sin(s6)

    for w9 in y:
        bump7(w9)
    if 2.0 < x.sum() < 2.0:
        pass
    elif 2.0 < y[0] < 2.0:
        s6 -= y
    with np.errstate(all="ignore"):
        pass
    return np.sum(x) + s6


def args():
    return (np.array([0.22, -0.81, 0.25, 1.21], dtype=np.float32),)


WRT = ("x",)
