"""A derivative inside a function that runs on the tape, of what has a gradient: never lost."""

import functools

import numpy as np
import pytest

import srcdiff
from srcdiff import UnsupportedSyntaxError
from tests.tape import value_and_grad_on_tape

SCALE = 1.0


class Model:
    def __init__(self, w):
        self.w = w

    def loss(self, y):
        return self.w * y * y


def closure(x):
    return x * srcdiff.grad(lambda y: x * y * y)(2.0)


def closure_in_a_closure(x):
    def inner(y):
        return x * y

    return srcdiff.grad(lambda y: inner(y) * y)(2.0)


def item_of_a_list(x):
    s = [x]
    return srcdiff.value_and_grad(lambda y: s[0] * y * y)(2.0)[1]


def default(x):
    return srcdiff.grad(lambda y, z=x: z * y)(2.0)


def partial(x):
    def product(z, y):
        return z * y

    return srcdiff.grad(functools.partial(product, x))(2.0)


def method(x):
    return srcdiff.grad(Model(x).loss)(2.0)


def method_of_a_local_class(x):
    class Local:
        w = x

        def loss(self, y):
            return self.w * y * y

    return srcdiff.grad(Local().loss)(2.0)


def global_variable(x):
    global SCALE
    before, SCALE = SCALE, x
    out = srcdiff.grad(scaled)(2.0)
    SCALE = before
    return out


def scaled(y):
    return SCALE * y * y


def forward(x):
    return srcdiff.jvp(lambda y: x * y * y, (2.0,), (1.0,))[1]


def pulled_back(x):
    return srcdiff.vjp(lambda y: x * y * y, 2.0)[1](1.0)[0]


def kept_pullback(x):
    return srcdiff.pullback(lambda y: x * y * y)(2.0, d_out=1.0)[0]


def each_element(x):
    return np.sum(srcdiff.elementwise_grad(lambda y: x * y * y)(np.ones(2)))


def rows(x):
    return np.sum(srcdiff.jacobian(lambda y: x * y * y)(np.ones(2)))


def second(x):
    return np.sum(srcdiff.hessian(lambda y: x * np.sum(y * y))(np.ones(2)))


def product(x):
    return np.sum(srcdiff.hvp(lambda y: x * np.sum(y * y))(np.ones(2), np.ones(2)))


def mapped(x):
    return np.sum(srcdiff.vmap(lambda y: x * y)(np.ones(2)))


def argument(x):
    return srcdiff.grad(lambda y: y**3)(x)


@pytest.mark.parametrize(
    "f",
    [closure, closure_in_a_closure, item_of_a_list, default, partial, method,
     method_of_a_local_class, global_variable, forward, pulled_back, kept_pullback, each_element,
     rows, second, product, mapped, argument],
)  # fmt: skip
def test_a_derivative_of_what_has_a_gradient_is_an_error_on_the_tape(f):
    with pytest.raises(UnsupportedSyntaxError, match="of what has a gradient"):
        value_and_grad_on_tape(f)(1.3)


def test_a_derivative_of_what_has_none_is_a_number_on_the_tape():
    def f(x):
        return x * srcdiff.grad(lambda y: y**3)(2.0)

    np.testing.assert_allclose(value_and_grad_on_tape(f)(1.3), (15.6, 12.0), 1e-14)


@pytest.mark.parametrize("name", ["f of x", "grad_of_<lambda>", "class", "1st"])
def test_a_function_may_have_any_name(name):
    def f(x):
        return x * x

    f.__name__ = name
    df = srcdiff.grad(f, fallback="error")
    assert df(3.0) == 6.0
    assert df.source.startswith("def f_grad(x):")
    assert srcdiff.jvp(f, (3.0,), (1.0,), fallback="error") == (9.0, 6.0)
    assert srcdiff.grad(srcdiff.grad(f, fallback="error"), fallback="error")(3.0) == 2.0
