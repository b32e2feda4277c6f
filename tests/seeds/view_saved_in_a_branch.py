# ruff: noqa - kept as the fuzzer wrote it
"""Was wrong: a view that a branch had saved was overwritten later in the same step"""

import numpy as np


def helper2(s1):
    return np.dot(np.full((5,), 0.16) * np.full((5,), 0.03), np.sqrt(1 + np.full((5,), -0.34) ** 2))


def f(x, m, y, n):
    s3 = float(x[3]) * sum((y[1], -1.16), 1.5)
    k4 = 0
    while np.sum(x ** 2) < 9.003 and k4 < 5:
        x[:] *= 1.3
        if k4 in (0, 2):
            m[0, 1:] -= x[-4:] ** 2
        else:
            work5 = np.zeros((2,))
            for i6 in range(2):
                work5[i6] = helper2(x[k4])
        v7 = np.asarray(x)
        v7[::-1] /= 1.5 + s3 ** 2
        k4 += 1
    [p8, p9] = [y[::-1] * x, helper2(s3)]
    m[::-1] += np.add(m, 0.213 + m)
    for u11 in m:
        x[:0:-1] = x[::-1][:4]
    f13 = p8.astype(np.float32)
    f13 *= -0.9
    t14 = f13.astype(np.float64)
    return 1.2 * np.sum(x * x) + 1.9 * np.sum(u11 ** 2) + 0.7 * np.sum(np.sin(t14)) + 0.3 * s3 + 1.6 * p9


def args():
    return (np.array([-1.42, -0.41, -1.48, -0.65, 1.44]), np.array([[-1.02, 0.71, -0.93, 1.38, 0.04], [0.09, -0.37, -0.53, 1.19, 1.26]]), np.array([-0.41, -0.22, 1.32, 0.65, 0.3]), 5)


WRT = ('x', 'm', 'y')

