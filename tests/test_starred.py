"""`f(t, *p)` of an array or a list whose length is known only at run time."""

import functools
from typing import Any

import numpy as np
import pytest

from srcdiff import UnsupportedSyntaxError, grad
from tests.judge import right
from tests.support.helpers import starred_array

T = np.linspace(0.0, 1.0, 5)
P = np.array([1.0, 2.0, 3.0])


def decay(t: Any, a: Any, b: Any, c: Any) -> Any:
    return a * np.exp(-b * t) + c


decay_in_time = functools.partial(decay, T)


class Model:
    k = 2.0

    def product(self, a, b):
        return self.k * a * b

    def __call__(self, a, b):
        return a * b**2


def by_keyword(p):
    return np.sum(decay(T, *p[:2], c=2.0) * p[2])


def first_of_all(p):
    return decay(*p, 2.0) * p[0]


def in_a_loop(p):
    s = 0.0
    for row in p:
        if row[0] > 0.5:
            s = s + np.sum(decay(T, *row))
            row[1] = 0.0
    return s * np.sum(p)


def of_a_list(x):
    squares = []
    for v in x:
        squares.append(v * v)
    return decay(0.3, *squares)


def with_stores(x):
    y = x * 1.0

    def product(a, b, c):  # the elements are read before
        y[0] = 5.0
        return a * b * c

    return product(*y) + y[0] * y[1]


@pytest.mark.parametrize("f, x", [
    (lambda p: np.sum(decay(T, *p) ** 2), P),
    (by_keyword, P),
    (first_of_all, P),
    (lambda p: np.sum(decay(T, *p[::-1])), P),
    (lambda p: np.hypot(*p), P[:2]),
    (lambda p: Model().product(*p) * p[0], P[:2]),
    (lambda p: Model()(p[0], *p[1:]), P[:2]),
    (lambda p: (lambda a, b: a * b**2)(*p), P[:2]),
    (lambda p: np.sum(decay_in_time(*p)), P),
    (in_a_loop, np.array([[1.0, 2.0, 0.3], [0.1, 0.2, 0.3], [0.7, 0.2, 2.0]])),
    (of_a_list, P), (with_stores, P), (starred_array, P),
])  # fmt: skip
def test_it_gives_as_many_as_the_function_takes(f, x):
    right(f, x)


def test_another_length_is_an_error():
    with pytest.raises(ValueError, match="expected 3 values"):
        grad(lambda p: np.sum(decay(T, *p)), fallback="error")(np.ones(4))


def test_of_a_function_that_takes_any_number():
    def total(*c):
        return sum(c)

    df = grad(lambda p: total(*p) * p[0], fallback="error")
    with pytest.raises(UnsupportedSyntaxError, match="length"):
        df(P)
