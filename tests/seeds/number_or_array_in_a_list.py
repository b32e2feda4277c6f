# ruff: noqa - kept as the fuzzer wrote it
"""Was wrong: `v *= …` of an item that may be a number still, which the list has as well"""

import numpy as np


def f(x):
    t15 = 0
    for u13, w14 in zip(x, x):
        t15 = t15 + ((w14) * (w14)) * (np.subtract(x[-2], 0.213 + (x)))
    p19 = np.sqrt(1 + (x) ** 2)
    box21 = {'in': [p19, np.square(t15)], 'k': 2}
    for v23 in box21['in']:
        v23 *= -0.9
    return 0.7 * np.sum(box21['in'][1] ** 2) + np.sum(p19)


def args():
    return (np.array([-0.97, 0.16, -0.01]),)


WRT = ('x',)
