# ruff: noqa - kept as the fuzzer wrote it
"""Was wrong: zeros like an array in Fortran order were written through a reshape"""

import math
import numpy as np


class Model1:

    def __init__(self, w, s):
        self.w = np.sin(w)
        self.s = np.tanh(s)
        self.calls = 0

    def step2(self, a3, a4):
        self.calls += 1
        self.w *= np.cos(a3)
        v5 = a3[-2:]
        mask6 = a3 > -0.173
        a3[mask6] = np.sin(a3[mask6])

    def step7(self):
        return self.w[-2]

    def step8(self, a9, a10):
        return np.multiply(np.sin(np.full((3, 3), 1.33)), 0.213 + np.full((3, 3), -0.8))

    def __truediv__(self, other):
        return np.sin(self.s) * (self.calls + self.w[2]) if -0.98 else 2

    def __call__(self, v):
        return np.transpose(np.clip(v, -0.903, 0.807))


def f(x, s, p, n):
    x[-1] += p[1]
    p11, p12 = (x[1], math.dist([x[0], 0.2], [0.1, 1.4]))
    p13, p14 = (np.where(x[...] > -0.613, x[2], x[-2]), np.full((3, 3), 0.66) * x[:, np.newaxis])
    e15 = e16 = np.square(np.where(p14.swapaxes(0, 1) > 0.073, p14.reshape(-1)[::4], p14[-2, 1]))
    p12 /= 1.5 + (p[1] * -1.02) ** 2
    t17 = np.cos(np.where(x > 0.377, p[0], p12))
    s22 = 1.06
    flag19 = np.all(e16 < 0.037) and (e16 > -0.107).sum() > 1
    if flag19:
        o20 = Model1(p13, np.ptp(p14))
        setattr(o20, 's', np.cos(o20.calls))
        d18 = np.sin(np.expm1(0.3 * np.cos(x)))
    if flag19:
        s22 = s22 + np.sum(d18)
    s += abs(complex(s22, 1 + (-1.48) ** 2))
    s23 = math.hypot(s22 / (n + 9), 0.4)
    return 1.6 * np.mean(e15) + 0.3 * np.sum(x ** 2) + 2.0 * np.sum(np.sin(p13)) + 1.4 * s23 + 1.2 * p12


def args():
    return (np.array([0.56, -0.14, -0.67]), -0.4, [0.86, -0.77], 3)


WRT = ('x', 's', 'p')

