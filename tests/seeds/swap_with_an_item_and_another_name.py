# ruff: noqa - kept as the fuzzer wrote it
"""Was wrong: what changed places with an item of a container had another name, through which it was written"""

import math
import numpy as np


def f(x, m, p, n):
    v1 = m[-3]
    t2 = np.where(v1 > 0.093, p[0]['c'], v1[-3]) * np.square(x)
    p[0]['a'][p[0]['a'] > 0.253] = m[:, ::-1].mean()
    items3 = []
    for i4 in range(n):
        p[0]['a'][:] = np.tanh(np.multiply(t2, 0.213 + t2))
        items3.append(p[0]['c'] + p[0]['c'] + np.arcsinh(v1))
    t5 = np.array(items3)
    items6 = []
    for i7 in range(n):
        for i8 in range(n - 1, -1, -1):
            p[0]['a'] /= 1.5 + p[0]['b'][2 - i7, -i8 - 1] ** 2
            m, p[0]['b'] = (p[0]['b'], m)
            k11 = 0
            while True:
                if k11 >= 4:
                    break
                c12 = x
                if -0.367 <= p[0]['c']:
                    c12 = v1
                c12[0] += math.fsum([p[0]['c'], p[0]['c']])
                t5[::-1] = np.exp(-p[0]['b'][::-1, :] ** 2)
                k11 += 1
        items6.append(np.sum((v1 - v1) ** 2))
    t13 = np.asarray(items6)
    s14 = p[0]['c'] * (n // 2) * 0.5
    s15 = np.max(m + p[0]['b'])
    s16 = min(t13, key=abs)
    return 0.8 * np.sum(m ** 2) + 0.4 * np.sum(x ** 2) + 1.9 * np.sum(t5 ** 2) + 0.7 * p[0]['c'] + 2.0 * s15


def args():
    return (np.array([0.92, 0.02, 0.91]), np.array([[-0.28, -1.05, -1.5], [1.12, 0.88, -0.79], [-0.96, -0.55, -1.03]]), [{'a': np.array([0.28, -0.03, 0.84]), 'b': np.array([[-0.11, 1.3, -0.37], [-1.29, -1.04, 1.23], [0.59, 1.11, 1.5]]), 'c': 1.38}], 3)


WRT = ('x', 'm', 'p')

