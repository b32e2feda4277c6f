"""Lengths of which nothing is known are equal, or one of them is 1 by accident."""

import numpy as np
import pytest

import srcdiff
from tests.gallery import some
from tests.judge import judge, right


def into_another(a, b, k):
    b[1:-1] = k * (a[:-2] + a[1:-1] + a[2:])
    return np.sum(b * b)


def of_a_slice(a, b, n):
    s = a[:n]
    t = s * b
    return np.sum(t * t * s) + np.sum(np.cumsum(s) * t)


def through_a_sum(a, b, n, k):
    s = k * a[:n]
    return np.sum(s * b) ** 2


def of_rows(a, b, n):
    s = a[:n] * 2.0
    return np.sum(np.tanh(s * b) @ b.T)


@pytest.mark.parametrize("m, n", [(5, 5), (3, 5)])
def test_what_is_stored_may_have_been_spread(m, n):
    right(into_another, some(m), some(n), 2.0, wrt=(0, 1, 2))


@pytest.mark.parametrize("f", [of_a_slice, lambda a, b, n: through_a_sum(a, b, n, 1.5)])
@pytest.mark.parametrize("n, m", [(5, 5), (1, 5), (5, 1), (1, 1)])
def test_a_slice_may_have_length_one(f, n, m):
    right(f, some(5), some(m), n, wrt=(0, 1))


@pytest.mark.parametrize("n", [1, 4])
def test_a_slice_of_rows_may_have_length_one(n):
    right(of_rows, some(4, 3), some(4, 3), n, wrt=(0, 1))


def test_after_the_expected_shape_another_is_right_too():
    args = some(5), some(5), 2.0
    others = ((some(3), some(5), 2.0), (some(6), some(6), 2.0))
    assert judge(into_another, args, (0, 1, 2), others=others).outcome == "right"


def test_the_expected_shape_is_not_summed():
    df = srcdiff.grad(into_another, wrt=(0, 1), fallback="error")
    df(some(5), some(5), 2.0)
    assert "unbroadcast" not in df.source and ".append" not in df.source


def test_an_error_of_the_users_stays_one():
    def f(a, b, n):
        return np.sum(a[:n] * b)

    df = srcdiff.grad(f, wrt=(0, 1), fallback="error")
    df(some(5), some(4), 4)
    with pytest.raises(ValueError, match="broadcast"):
        df(some(5), some(4), 3)
    df(some(5), some(4), 4)


def test_what_is_summed_back_may_be_complex():
    def f(x):
        z = x[-2:] + 0.5j * x[::2]
        return np.sum(x) + np.mean(z.real) + np.mean(np.abs(z) ** 2)

    right(f, some(3))
