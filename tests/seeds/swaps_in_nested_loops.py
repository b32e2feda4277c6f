# ruff: noqa - kept as the fuzzer wrote it
"""Did not end: what loops in loops carry and swap was looked at once for each way through them"""

import enum
import math
import typing
import numpy as np


class Model1(typing.NamedTuple):
    w: np.ndarray
    s: float

    def step2(self):
        t3 = np.arcsinh(np.full((3, 3), 1.31))
        return np.hypot(-1.24, 0.213 + self.w).reshape(-1).reshape(np.hypot(-1.24, 0.213 + self.w).shape)

    def step4(self):
        a5 = self.w
        return np.log(2 + float(self.s) ** 2)


class Mode26(enum.Enum):
    ONE = 1
    TWO = 2


def f(x, s, m, y, n):
    k6 = 0
    while k6 < 3:
        k6 += 1
        for u8 in x[n:]:
            for i10 in (0, 2, 1):
                for i13 in range(n):
                    x[0] -= 0.5 * math.gamma(1.5 + math.sin(m[i13 - 1, i13]) ** 2)
                    if np.log(2 + s ** 2) > -0.123:
                        x, y = (y, x)
                x = np.tanh(np.exp(-y ** 2))
    y[np.arange(3)] = np.sum(m / (1.5 + s ** 2))
    o14 = Model1(y, 0.98)
    o14_new = o14._replace(w=np.hypot(o14.w, 0.213 + o14.w))
    box16 = [np.power(o14_new.s, 2), o14.w, o14_new.w]
    q21, *q20, q22 = y
    s23 = sum(q20) * 1.38
    flag25 = (y > 0.847).sum() > 1
    if flag25:
        o14.w[[0]] += q22 - q21
        d24 = np.hypot(y[...], 0.213 + np.reciprocal(1.5 + box16[1][:] ** 2))
    else:
        d24 = (-x).copy()
    o14.w[:-1] = o14.w[1:]
    mode = Mode26(1)
    s27 = np.prod(d24[:0]) if mode == Mode26.ONE else math.hypot(o14.w[-2], 0.4)
    return 1.9 * np.sum(np.sin(o14_new.w)) + 0.9 * np.mean(box16[1]) + 1.4 * np.sum(np.sin(m)) + 1.7 * s + 2.0 * o14.s


def args():
    return (np.array([-1.29, -0.42, 0.67]), 0.68, np.array([[0.45, -1.43, 1.24], [-0.77, -0.08, -0.36], [-0.94, 1.02, -1.18]]), np.array([0.5, -0.06, 0.68]), 3)


WRT = ('x', 's', 'm', 'y')

