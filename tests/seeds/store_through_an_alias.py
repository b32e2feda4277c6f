"""Kept by hand, as the form of a kept program: autograd's gradient of it is silently wrong."""

import numpy as np


def f(x, n):
    y = x
    for i in range(n):
        y *= 1.5
    return np.sum(x**2)


def args():
    return (np.array([0.3, 0.7]), 2)


WRT = ("x",)
