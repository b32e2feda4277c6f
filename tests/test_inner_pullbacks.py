"""Pullbacks inside a function that is differentiated."""

import numpy as np
import pytest

from srcdiff import SrcdiffError, grad, jvp, pullback
from tests.judge import right


def warped(x, k):
    return np.sin(k * x) * x


PULL = pullback(warped)


def of_both_gradients(x):
    d_x, d_k = pullback(warped)(x, 2.0, x**2)
    return np.sum(d_x * x) + d_k


def of_one_made_outside(x):
    return PULL(x, 2.0, d_out=x)[0][1]


def with_an_int(x):
    d_x, nothing = pullback(lambda y, n: y**n)(x, 3, np.ones_like(x))
    assert nothing is None
    return np.sum(d_x**2)


def of_a_container(x):
    def several(y):
        return {"a": y * y, "b": (np.sum(y), 3, [y[0]])}

    (d,) = pullback(several)(x, {"a": x, "b": (x[0] ** 2, None, [2.0])})
    return np.sum(d * x)


def of_one_value_twice(x):
    def twice(y):
        z = y * y
        return z, z

    (d,) = pullback(twice)(x, (x, 2 * x))
    return np.sum(d)


def of_a_loop(x):
    def cubes(y):
        total = 0.0
        for i in range(len(y)):
            if y[i] > 0.4:
                total = total + y[i] ** 3
        return total

    return np.sum(pullback(cubes)(x, x[0])[0] ** 2)


def of_an_array_without_axes(x):
    (d,) = pullback(lambda y: np.array(y))(x[0], x[1])  # a number for what is an array
    (e,) = pullback(lambda y: y * y)(x[2], np.asarray(x[0]))  # and the other way round
    return d * d + e * x[1]


def in_a_loop(x):
    y = x * 1.0
    for _ in range(2):
        (d,) = pullback(np.tanh)(y, x)
        y = y - 0.1 * d
    return np.sum(y * y)


def of_what_writes(x):
    d = x + 1.0

    def inner(y):
        y[0] = d[0] * y[1]
        d[0] = 5.0
        return y * y

    return np.sum(pullback(inner)(x, d)[0]) + np.sum(d)


def with_aux(x):
    (d,), more = pullback(lambda y: (y**3, y * 2), has_aux=True)(x, x)
    return np.sum(d * more)


def of_nothing(x):
    return pullback(lambda n: n * 2.0)(3, 1.0)[0] is None and np.sum(x * x)


@pytest.mark.parametrize("f", [
    of_both_gradients, of_one_made_outside, with_an_int, of_a_container, of_one_value_twice,
    of_an_array_without_axes, of_a_loop, in_a_loop, of_what_writes, with_aux, of_nothing,
])  # fmt: skip
def test_a_pullback_inside_a_function(f):
    right(f, np.array([0.3, 0.5, 0.9]))


def test_the_adjoint_of_an_adjoint_is_the_function_itself():
    def transposed(d_out, x):
        return pullback(warped)(x, 2.0, d_out)[0]

    x, v = np.array([0.3, 0.5, 0.9]), np.array([1.0, -2.0, 0.5])
    (found,) = pullback(lambda d: transposed(d, x))(np.zeros(3), v)  # it is linear in d
    np.testing.assert_allclose(found, jvp(lambda x: warped(x, 2.0), (x,), (v,))[1], rtol=1e-14)


@pytest.mark.parametrize("d_out", [
    lambda x: np.ones(1), lambda x: 1.0, lambda x: (x,), lambda x: x * 1j, lambda x: np.arange(3),
])  # fmt: skip
def test_a_cotangent_that_does_not_fit_inside(d_out):
    with pytest.raises((SrcdiffError, ValueError), match="cotangent"):
        grad(lambda x: np.sum(PULL(x, 2.0, d_out(x))[0]), fallback="error")(np.ones(3))


def shortened(x, n):
    return np.fft.rfft(x, n).real


def test_a_cotangent_whose_shape_is_seen_at_run_time():
    pull = pullback(shortened)

    def f(x, w):
        return np.sum(pull(x, 6, d_out=w)[0] ** 2)

    x, w = np.arange(8.0), np.array([0.3, -0.5, 0.9, 0.2])
    right(f, x, w, wrt=(0, 1))
    with pytest.raises(ValueError, match="the cotangent has another shape"):
        grad(f, wrt=1, fallback="error")(x, np.ones(5))
