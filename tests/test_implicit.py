"""`implicit`: derivatives of solutions, against the derivatives of the steps that find them."""

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
