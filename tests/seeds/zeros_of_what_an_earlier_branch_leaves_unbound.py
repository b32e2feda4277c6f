# ruff: noqa - kept as the fuzzer wrote it
"""Crashed: zeros of what an earlier branch may leave unbound were made inside a later one"""

import math
import numpy as np


def helper2(x1):
    x1[:] *= np.sin(x1.reshape(-1)[::6] - x1[:, -2])
    if -0.553 <= np.abs(-1.06) and np.any(x1 > -0.227):
        if x1[..., -2] @ x1.reshape(-1)[::6] > -0.283 and (x1 > 0.707).sum() > 1:
            x1[...] *= np.sin(0.3 + x1[-3, -1])
            x1 /= 1.5 + np.clip(-1.42, -0.903, 0.807 + x1[-1, 3] ** 2) ** 2
    else:
        x1 -= x1
    if np.log(np.sum(np.exp(x1[..., 2]))) < 0.567:
        t3 = (x1[..., -5] if (x1 > -0.923).sum() > 1 or np.power(x1[4][-1], 2) < 0.627 else x1[:, 4]) * np.expm1(0.3 * np.cos(x1[..., -4]))


def f(x, m, y, s, n):
    y /= 1.5 + y[...].sum() ** 2
    s5 = np.sum((w4 := np.hypot(m[..., -1], 0.213 + x)) * 0.5) + np.sum(w4)
    for u7, w8 in zip(m, m[::-1]):
        s9 = np.tanh(np.log1p(s5 ** 2))
        v10 = x[-4:]
    for u12 in m:
        for i14 in (0, 2, 1):
            s20 = -0.2
            flag18 = 0.883 <= m[i14, 4 - i14]
            if flag18:
                for i19 in range(3):
                    y[0] += 0.5 * math.pow(1.2 + y[-i14 - 1] ** 2, 0.5)
                    y, x, w4 = (x, w4, y)
                d17 = y[4 - i14] + m[i14 - 1][4 - i14]
            if flag18:
                s20 = s20 + np.sum(d17)
            if i14 > 1:
                s5 += np.tanh(np.arctan(y[i14]))
                assert x.ndim == 1, 'a vector is due'
            elif np.all(x < 0.223) or (-0.65 if i14 % 2 == 0 else u12[-i14 - 1]) > -0.063:
                helper2(m)
                m = np.tanh(np.where(m + y > 0.833, m, w4[i14 - 1]))
            m[1:, ::2] += np.tanh(0.2 * i14)
        m[..., -1] = np.sin(np.trace(np.outer(w4, w4)) * np.prod(m))
    helper2(m.T)
    r21 = np.add(u12, np.where(u12 > -0.827, w4, m[-4, 4]), out=u12, where=w4[:] > 0.157)
    return 1.2 * np.sum(np.sin(u12)) + 1.6 * np.mean(y) + 1.8 * np.sum(w4 * w4) + 1.6 * s + 0.4 * s5


def args():
    return (np.array([-0.79, -0.09, -0.19, -1.44, -0.17]), np.array([[-0.2, -0.07, 0.52, 0.8, 1.29], [-0.33, -0.13, 1.39, -1.01, -1.47], [-1.06, -0.27, -0.88, -1.1, 0.23], [1.17, 0.86, 1.42, 0.36, -0.77], [-1.11, -1.27, 0.7, -0.88, 1.01]]), np.array([-0.01, 0.19, -1.32, 1.15, -0.23]), -1.05, 5)


WRT = ('x', 'm', 'y', 's')

