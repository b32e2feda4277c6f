"""`implicit`: derivatives of solutions, against the derivatives of the steps that find them."""

from typing import NamedTuple

import numpy as np
import pytest

from srcdiff import RuleError, SrcdiffError, grad, hessian, implicit, jacobian, jvp, vjp
from tests.tape import value_and_grad_on_tape

A = np.eye(3) * 3 + np.arange(9).reshape(3, 3) / 10
B = np.array([1.0, 2.0, -1.0])


def equation(z, matrix, b):
    return matrix @ z + 0.1 * z**3 - b


def steps(b, matrix, count=60):
    z = np.zeros_like(b)
    for _ in range(count):
        z = z - np.linalg.solve(matrix + np.diag(0.3 * z**2), equation(z, matrix, b))
    return z


@implicit(equation)
def solution(b, matrix, count=60):
    return steps(b, matrix, count)


@implicit(equation, like="b")
def unreadable(b, matrix, count=60):
    exec("pass")
    return steps(b, matrix, count)


def cubic(x, a):
    return x**3 + x - a


@implicit(cubic)
def root(a):
    x = 0.0
    while abs(cubic(x, a)) > 1e-14 * (1 + abs(a)):
        x = x - cubic(x, a) / (3 * x**2 + 1)
    return x


WEIGHTS = np.array([1.0, -2.0, 0.5])


def loss(solver):
    return lambda b, matrix: np.sum(WEIGHTS * solver(b, matrix)) + np.sum(solver(b, matrix) ** 2)


@pytest.mark.parametrize("solver", [solution, unreadable])
def test_a_gradient_is_that_of_the_steps(solver):
    df = grad(loss(solver), (0, 1), fallback="error")
    expected = grad(loss(steps), (0, 1))(B, A)
    for found in (df(B, A), value_and_grad_on_tape(loss(solver), (0, 1))(B, A)[1]):
        np.testing.assert_allclose(found[0], expected[0], rtol=1e-8)
        np.testing.assert_allclose(found[1], expected[1], rtol=1e-8)
    assert solver.__name__ + "_vjp" in df.source and "range" not in df.source


@pytest.mark.parametrize("solver", [solution, unreadable])
def test_second_derivatives_and_forward_mode(solver):
    np.testing.assert_allclose(
        hessian(loss(solver))(B, A), hessian(loss(steps))(B, A), rtol=1e-7, atol=1e-10
    )
    np.testing.assert_allclose(
        jvp(loss(solver), (B, A), (B, 2 * A), fallback="error")[1],
        jvp(loss(steps), (B, A), (B, 2 * A))[1],
        rtol=1e-8,
    )
    slopes = jacobian(lambda b: steps(b, A))(B)
    np.testing.assert_allclose(jacobian(lambda b: solver(b, A))(B), slopes, rtol=1e-8)


def test_a_number_in_a_loop():
    def f(a):
        total = 0.0
        for i in range(3):
            total += root(a * (i + 1)) * a
        return total

    def opened(a):
        def found(c):
            x = 0.0
            for _ in range(60):
                x = x - cubic(x, c) / (3 * x**2 + 1)
            return x

        return sum(found(a * (i + 1)) * a for i in range(3))

    assert grad(f, fallback="error")(1.5) == pytest.approx(grad(opened)(1.5), rel=1e-9)
    assert value_and_grad_on_tape(f)(1.5)[1] == pytest.approx(grad(opened)(1.5), rel=1e-9)
    assert grad(grad(f))(1.5) == pytest.approx(grad(grad(opened))(1.5), rel=1e-8)
    assert grad(root)(2.0) == pytest.approx(0.25)
    value, pull = vjp(root, 2.0)
    assert value == pytest.approx(1.0) and pull(2.0)[0] == pytest.approx(0.5)


def test_what_the_equation_does_not_have_has_no_derivative():
    def start_matters(x, a):
        return x - a

    @implicit(start_matters)
    def solve(a, x0):
        return a + 0.0 * x0

    d_a, d_x0 = grad(lambda a, x0: np.sum(solve(a, x0) * 3), (0, 1), fallback="error")(B, B)
    np.testing.assert_allclose(d_a, [3, 3, 3])
    np.testing.assert_allclose(d_x0, [0, 0, 0])


def test_what_is_wrong_is_named():
    with pytest.raises(TypeError, match="cubic has the parameter 'a', which solve does not have"):

        @implicit(cubic)
        def solve(b):
            return b

    with pytest.raises(TypeError, match="3 is not a function"):
        implicit(3)

    @implicit(lambda x, a: np.sum(x - a))
    def short(a):
        return a * 1.0

    with pytest.raises(RuleError, match=r"shape \(\) for a solution of short .* shape \(3,\)"):
        grad(lambda a: np.sum(short(a)))(B)

    @implicit(lambda x, a: (x - a) * 0.0)
    def singular(a):
        return a * 1.0

    with pytest.raises(np.linalg.LinAlgError):
        grad(lambda a: np.sum(singular(a)))(B)

    @implicit(lambda x, a: x - a, like="a")
    def wider(a):
        exec("pass")
        return a[:, None] * 1.0

    with pytest.raises(RuleError, match=r"shape \(3, 1\).* declared to be like .* \(3,\)"):
        grad(lambda a: np.sum(wider(a)), fallback="error")(B)


def test_a_residual_may_be_a_list():
    def balance(x, a):
        return [x[0] + x[1] - a[0], x[0] - x[1] ** 3 - a[1]]

    def newton(a):
        x = np.ones(2)
        for _ in range(60):
            slopes = np.array([[1.0, 1.0], [1.0, -3 * x[1] ** 2]])
            x = x - np.linalg.solve(slopes, np.array(balance(x, a)))
        return x

    @implicit(balance, like="a")
    def solve(a):
        exec("pass")
        return newton(a)

    def loss_by(solver):
        return lambda a: np.sum(solver(a) ** 2)

    a = np.array([3.0, 1.0])
    expected = grad(loss_by(newton))(a)
    np.testing.assert_allclose(grad(loss_by(solve))(a), expected, rtol=1e-10)
    np.testing.assert_allclose(jacobian(solve)(a), jacobian(newton)(a), rtol=1e-10)
    np.testing.assert_allclose(hessian(loss_by(solve))(a), hessian(loss_by(newton))(a), rtol=1e-8)


def test_a_second_derivative_without_like_says_what_is_missing():
    @implicit(cubic)
    def hidden(a):
        exec("pass")
        return root(a)

    with pytest.raises(SrcdiffError, match='like="x"'):
        hessian(lambda a: hidden(a) ** 2)(2.0)


class Coefficients(NamedTuple):
    a: float
    b: float


@pytest.mark.parametrize("made", [lambda a, b: {"a": a, "b": b}, Coefficients])
def test_the_parameters_may_be_in_a_container(made):
    def held(p):
        return (p["a"], p["b"]) if isinstance(p, dict) else (p.a, p.b)

    def residual(z, p):
        a, b = held(p)
        return z**3 + a * z - b

    @implicit(residual)
    def solve(p):
        z = np.ones(2)
        for _ in range(30):
            z = z - residual(z, p) / (3 * z**2 + held(p)[0])
        return z

    def loss(p):
        return np.sum(solve(p) ** 2)

    def inside(a):
        return np.sum(solve(made(a, a * a)) ** 2)

    p, h = made(2.0, 3.0), 1e-6
    found = held(grad(loss, fallback="error")(p))
    np.testing.assert_allclose(found, held(value_and_grad_on_tape(loss)(p)[1]))
    steps = [(loss(made(2 + i, 3 + j)) - loss(made(2 - i, 3 - j))) / 2e-6
             for i, j in ((h, 0), (0, h))]  # fmt: skip
    np.testing.assert_allclose(found, steps, rtol=1e-6)
    slope = grad(inside, fallback="error")(2.0)
    np.testing.assert_allclose(slope, (inside(2 + h) - inside(2 - h)) / 2e-6, rtol=1e-6)
    np.testing.assert_allclose(jvp(inside, (2.0,), (1.0,), fallback="error")[1], slope)
    steps = (grad(inside)(2 + h) - grad(inside)(2 - h)) / 2e-6
    np.testing.assert_allclose(hessian(inside)(2.0), steps, rtol=1e-6)


def test_a_solution_of_numbers_that_is_an_array_is_like_what_a_function_returns():
    def residual(x, p, q):
        return np.array([x[0] ** 2 + x[1] - p, x[0] - x[1] ** 3 * q])

    @implicit(residual, like=lambda p, q: np.ones(2))
    def solve(p, q):
        exec("pass")
        x = np.ones(2)
        for _ in range(40):
            across = np.array([[2 * x[0], 1.0], [1.0, -3 * x[1] ** 2 * q]])
            x = x - np.linalg.solve(across, residual(x, p, q))
        return x

    def f(p, q):
        return np.sum(solve(p, q) ** 2)

    h = 1e-6
    step = (grad(f, fallback="error")(2 + h, 1.5) - grad(f)(2 - h, 1.5)) / 2e-6
    np.testing.assert_allclose(hessian(f)(2.0, 1.5), step, rtol=1e-6)
    slope = jvp(f, (2.0, 1.5), (1.0, None), fallback="error")[1]
    np.testing.assert_allclose(slope, grad(f)(2.0, 1.5))
