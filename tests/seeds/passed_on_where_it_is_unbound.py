# ruff: noqa - kept as the fuzzer wrote it
"""Crashed: a branch passes on what another branch has left unbound, and its adjoint was added to"""

import numpy as np


def f(x, s, n):
    np.add.at(x, [3], s)
    if s:
        c19 = x
    else:
        c19 = 2.0 + x
    v20 = x
    for i21 in range(n):
        x = c19
    v28 = v20
    v28[[0]] += np.sum(x)
    box29 = {}
    box29['a'] = c19
    s32 = sum({k30: np.sum(v31) for k30, v31 in box29.items()}.values())
    if i21:
        c19 /= 2.0
    return np.sum(box29['a']) + s32


def args():
    return (np.array([0.56, 0.07, -0.22, -0.81]), 0.52, 4)


WRT = ('s',)
