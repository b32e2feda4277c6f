"""Control flow: which branch ran, how a loop was left, what is bound."""

import numpy as np
import pytest

from tests.gallery import some
from tests.judge import right


@pytest.mark.parametrize("scale", [0.1, 1.0, 10.0])
def test_else_runs_where_neither_break_nor_return_has_left_the_loop(scale):
    def f(x):
        total = 0.0
        for v in x:
            if v > 5.0:
                return v * 3
            if v > 0.5:
                break
            total += v
        else:
            total = total * 7
        return total * 2

    right(f, scale * np.abs(some(3)))


@pytest.mark.parametrize("n", [0, 1, 2, 3, 4])
def test_a_capture_is_bound_once_the_whole_pattern_has_matched(n):
    def f(x, n):
        a = x * 5.0
        match (n, x):
            case (1, a) | (2, a) if n > 1:
                y = np.sum(a * a)
            case (3, _):
                y = np.sum(x * a)
            case _:
                y = np.sum(x)
        return y

    right(f, some(3), n)


@pytest.mark.parametrize("n", [1, 2, 3])
def test_a_guard_that_fails_leaves_what_was_bound(n):
    def f(x, n):
        k = 7.0
        match x * n:
            case k if n == 2:
                return np.sum(k)
        return np.sum(k * k)

    right(f, some(3), n)


def test_an_array_is_no_sequence_to_a_pattern():
    def f(x):
        match x:
            case [a, b]:
                return a
            case np.ndarray():
                return np.sum(x * x)

    right(f, some(2))


def test_a_store_into_what_a_pattern_binds_reaches_the_subject():
    def f(x):
        y = x * 1.0
        match {"first": y, "k": 2.0}:
            case {"first": z, "k": k}:
                z[0] *= k
        return np.sum(y * y)

    right(f, some(3))
