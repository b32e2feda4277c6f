"""Jacobians and Hessians inside a function that is differentiated."""

import numpy as np
import pytest

from srcdiff import SrcdiffError, grad, hessian, hvp, jacobian, jvp
from tests.judge import right

X = np.array([0.3, 0.5, 0.9])


def wave(x):
    return np.sin(x) * x[::-1]


def energy(x):
    return np.sum(x**4) + x[0] * x[1]


SCALED = jacobian(lambda x, k: k * x**2, wrt=(0, 1))
CURVATURES = hessian(lambda x, k: k * np.sum(x**3), wrt=(0, 1))


def squared(x):
    return np.sum(jacobian(wave)(x) ** 2)


def newton_step(x):
    step = np.linalg.solve(jacobian(wave)(x) + np.eye(3), wave(x))
    return np.sum((x - step) ** 2)


def determinant(x):
    return np.linalg.det(hessian(energy)(x))


def by_two_arguments(x):
    by_x, by_k = SCALED(x, x[0])
    return np.sum(by_x * x) + np.sum(by_k**2)


def second_by_two_arguments(x):
    (a, b), (c, d) = CURVATURES(x, x[1])
    return np.sum(a * x) + np.sum(b * c) + d


def in_a_loop(x):
    total = 0.0
    for i in range(2):
        total = total + np.sum(jacobian(wave, mode="reverse")(x * (i + 1.0)) * x)
    return total


def of_a_loop(x):
    def stored(y):
        out = np.zeros(2)
        for i in range(len(y)):
            if y[i] > 0.4:
                out[i % 2] += y[i] ** 3 * y[0]
        return out

    return np.sum(jacobian(stored)(x) ** 2)


def of_a_list(x):
    return np.sum(jacobian(lambda y: [y * y, y[0]])(x)[0])


def of_single_precision(x):
    return np.sum(jacobian(wave)(x.astype(np.float32)) ** 2)


def with_a_closure(x):
    return np.sum(jacobian(lambda y: y * y * x)(x))  # the x outside is held constant inside


@pytest.mark.parametrize("f", [
    squared, newton_step, determinant, by_two_arguments, second_by_two_arguments, in_a_loop,
    of_a_loop, of_a_list, with_a_closure,
])  # fmt: skip
def test_it_is_differentiated(f):
    right(f, X)


def test_single_precision():
    found = grad(of_single_precision, fallback="error")(X)
    np.testing.assert_allclose(found, grad(squared)(X), rtol=1e-5)


def test_of_a_number():
    right(lambda t: jacobian(lambda s: s**3)(t) * hessian(lambda s: s**4)(t), 1.3)


@pytest.mark.parametrize("f", [squared, determinant, second_by_two_arguments])
def test_it_is_what_a_call_outside_is(f):
    assert np.isclose(jvp(f, (X,), (np.zeros(3),), fallback="error")[0], f(X), rtol=1e-13)


A = np.arange(6.0).reshape(2, 3) / 5


def layer(a, x):
    return np.tanh(a @ x)


def loss(a, x):
    return np.sum(np.tanh(a @ x) ** 2)


OUTPUTS = {
    "a vector": lambda x: np.stack([x[0] * x[1], x[2] ** 3]),
    "a number": lambda x: np.sum(x**3),
    "a matrix": lambda x: np.outer(x, x[:2] ** 2),
    "a tuple": lambda x: (np.sum(x**2), x**3),
    "a dict": lambda x: {"a": x[0] ** 2, "b": np.outer(x, x[:2])},
    "ints": lambda x: (np.arange(2), x**2, len(x)),
}


@pytest.mark.parametrize("of", OUTPUTS)
def test_one_matrix_inside_is_that_outside(of):
    f = OUTPUTS[of]

    def inside(x):
        return jacobian(f, matrix=True)(x)

    expected = jacobian(f, matrix=True)(X)
    found, dot = jvp(inside, (X,), (np.ones(3),), fallback="error")
    np.testing.assert_allclose(found, expected)
    step = 1e-6
    near = [jacobian(f, matrix=True)(X + sign * step) for sign in (1, -1)]
    np.testing.assert_allclose(dot, (near[0] - near[1]) / (2 * step), atol=1e-8)
    right(lambda x: np.sum(jacobian(f, matrix=True)(x) ** 3), X)


@pytest.mark.parametrize("matrix", [False, True])
@pytest.mark.parametrize("wrt", ["a", 1, ("a", "x"), ("x", "a")])
@pytest.mark.parametrize("how, f", [(jacobian, layer), (hessian, loss)])
def test_by_arrays_of_several_axes_and_as_one_matrix(how, f, wrt, matrix):
    def inside(a, x):
        return how(f, wrt=wrt, matrix=matrix)(a, x=x)

    pairs = [(jvp(inside, (A, X), (A, None), fallback="error")[0], inside(A, X))]
    while pairs:
        found, expected = pairs.pop()
        if isinstance(expected, tuple):
            pairs += zip(found, expected, strict=True)
        else:
            np.testing.assert_allclose(found, expected)
    right(lambda a, x: np.sum(how(f, wrt=wrt, matrix=True)(a, x) ** 2), A, X, wrt=(0, 1))


def action(q, v, m):
    return 0.5 * m * np.sum(v**2 * (1 + q**2)) - np.sum(np.cos(q))


def test_arguments_by_name_and_the_names_of_a_function_that_is_differentiated():
    def force(q):
        mass = hessian(action, wrt="v")(q, X, m=2.0)
        mixed = jacobian(grad(action, wrt="v"), wrt="q")(q, m=2.0, v=X)
        pushed = hvp(action, wrt="v")(q, X, q, m=2.0)
        return np.sum(np.linalg.solve(mass, mixed @ X) * pushed)

    right(force, X)

    def powers(x):
        def f(y, k=1.0, *, p=2.0):
            return k * y**p

        return np.sum(jacobian(f)(x, p=x[0]) ** 2) + np.sum(jacobian(f, wrt="k")(x, p=x[1], k=x[2]))

    right(powers, X)


def test_positions_that_count_from_the_end_leave_out_what_is_given_by_name():
    def f(x, y, k):
        return k * x * y**2

    p = {"x": X}
    df = jvp(lambda x: jacobian(f, wrt=-1)(x, X, k=2.0), (X,), (X,), fallback="error")
    np.testing.assert_allclose(df[0], np.diag(4 * X * X))

    def inner(x):
        by_y, by_x = grad(lambda p, y, k: np.sum(f(p["x"], y, k)), wrt=(-1, "p.x"))(p, x, k=2.0)
        return np.sum(by_y * by_x)

    right(inner, X)
    with pytest.raises(SrcdiffError, match="wrt=-3"):
        grad(lambda x: np.sum(jacobian(f, wrt=-3)(x, X, k=2.0)), fallback="error")(X)


class Wave:
    def __init__(self, k):
        self.k = k

    def at(self, x, y):
        return np.sum(np.sin(self.k * x) * y)


def test_the_arguments_of_a_method_by_their_names():
    def f(x):
        wave = Wave(x[0])
        return np.sum(grad(wave.at, wrt="y")(x, x) * jacobian(wave.at, wrt="x")(x, y=x))

    right(f, X)


def test_sparsity_is_refused_inside_with_what_to_write():
    def f(x):
        return np.sum(jacobian(wave, sparsity="auto")(x).toarray())

    with pytest.raises(SrcdiffError, match="matrix=True"):
        grad(f, fallback="error")(X)


@pytest.mark.parametrize("f, x", [
    (lambda x: np.sum(jacobian(lambda p: p["w"] ** 2)({"w": x})["w"]), X),
])  # fmt: skip
def test_what_is_refused(f, x):
    with pytest.raises(SrcdiffError):
        grad(f, fallback="error")(x)


def test_constants_in_an_inner_jacobian_have_zeros():
    def f(y):
        a, b, c, d = jacobian(lambda x: (x[0] ** 2, 3, x > 0, 1.0))(y)
        return np.sum(a) + np.sum(b) + np.sum(c) + np.sum(d)

    y = np.array([1.0, 2.0])
    assert f(y) == 2.0 and grad(f, fallback="error")(y).tolist() == [2.0, 0.0]


def test_a_constant_has_a_tangent_of_zero_inside():
    def f(y):
        value, (a, b) = jvp(lambda x: (x**2, 1.0), (y,), (1.0,))
        return a + b

    assert f(3.0) == 6.0 and grad(f, fallback="error")(3.0) == 2.0
