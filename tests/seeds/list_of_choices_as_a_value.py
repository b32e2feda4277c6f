# ruff: noqa - kept as the fuzzer wrote it
"""Crashed: a list of run-time length whose items are one of several arrays, as a value"""

import numpy as np


def helper2(x1):
    return 0.3 + x1[2][:, None] / (1.5 + x1.swapaxes(0, 1) ** 2)


def helper5(s3, s4):
    s3 -= np.sum(np.diff(np.full((5, 3), 1.0)))
    return s3 * np.expm1(0.3 * np.cos(-0.96))


def f(x, y, n):
    if 0.413 <= -0.53 - x[-2]:
        y += x
        y = np.arcsinh(np.log(2 + x ** 2))
    else:
        t6 = np.full((5, 3), -0.27)
        k7 = 0
        while k7 < 4:
            if -0.703 < np.square(y[-3]) < 0.907:
                x[np.arange(5)] = np.exp(np.sin(y[-3]))
            elif 0.3 + t6[k7][-2] > 0.687:
                np.sin(t6[::-1, :], out=t6)
                mask8 = y > 0.843
                x[mask8] -= np.sin(y[mask8])
            else:
                x = np.log1p(t6[..., -3] ** 2) * np.cos(y[-3])
            items9 = [0.2 * k7 + y[k7], np.arcsinh(x[1]), -1.16 / (1.5 + x[4 - k7] ** 2)]
            items11 = []
            for i12 in range(n):
                items11.append(x[...])
            t13 = np.asarray(items11)
            k7 += 1
    b14 = x.copy()
    b14 = np.hypot(np.multiply(-0.2, 0.213 + x), 0.213 + y * x)
    np.subtract.at(x, [1, 3, 2], 0.9 * y[-3])
    x[1:] = np.log(2 + y[3] ** 2) if np.any(b14 > 0.027) else np.arcsinh(x[2])
    y += np.cumsum(y, axis=-1)
    grid15 = [[0.0] * 5 for _ in range(3)]
    for i16 in range(3):
        for j17 in range(5):
            grid15[i16][j17] = b14[2] + x[4 - i16] + np.dot(x[-3:], b14[-3:])
    grid15[0][1] *= 0.7 + 0.1 * np.tanh(np.power(x[4], 2))
    t18 = np.array(grid15)
    r19 = np.sin(t18 if not -0.12 * b14[-4] < -0.547 else t18, out=t18, where=t18 > -0.353)
    return 1.5 * np.sum(x * x) + 0.7 * np.sum(t18 * t18) + 2.0 * np.sum(np.sin(b14))


def args():
    return (np.array([-0.44, 0.11, 0.22, 0.93, 1.09]), np.array([-1.29, -0.61, 0.78, -1.31, 0.52]), 5)


WRT = ('x', 'y')

