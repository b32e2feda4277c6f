"""Helpers and rebinding."""

import numpy as np

from tests.gallery import some
from tests.support import line


@line("recursion of known depth", 1.1)
def known_depth(x):
    def power(x, n):
        if n == 0:
            return 1.0
        half = power(x, n // 2)
        return half * half * (x if n % 2 else 1.0)

    return power(x, 10)


@line("recursion over a tree of tuples", ((0.3, (1.2, 0.4)), 2.0))
def tree_of_tuples(tree):
    def product(node):
        if isinstance(node, tuple):
            left, right = node
            return product(left) * product(right)
        return np.sin(node)

    return product(tree)


@line("recursion whose depth is a run-time value", some(3), 4)
def run_time_depth(x, n):
    if n == 0:
        return np.sum(x)
    return run_time_depth(np.tanh(x) * 1.5, n - 1) * x[0]


@line("recursion that stops on a run-time float", 1.3)
def newton(a):
    def step(y):
        new = (y + a / y) / 2
        return new if abs(new - y) < 1e-12 else step(new)

    return step(1.0)


@line("divide and conquer on slices of an array", some(7))
def pairwise(x):
    def total(v):
        if len(v) <= 2:
            return np.sum(v**2)
        m = len(v) // 2
        return total(v[:m]) * np.sin(total(v[m:]))

    return total(x)


@line("mutual recursion", some(3), 5)
def mutual(x, n):
    def even(x, n):
        return x if n == 0 else odd(np.sin(x), n - 1)

    def odd(x, n):
        return 2 * x if n == 0 else even(np.exp(-x), n - 1)

    return np.sum(even(x, n))
