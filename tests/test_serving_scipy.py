"""SciPy takes what srcdiff returns as it is: solvers and minimisers, against exact answers, SciPy's
own derivatives, or its differences."""

import numpy as np
import pytest
from scipy import integrate, optimize

from srcdiff import elementwise_grad, grad, hessian, hvp, jacobian, value_and_grad


def valley(x):
    return np.sum(100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2)


def shifted(x, a, b):
    return b * np.sum((x - a) ** 4) + np.sum((x - a) ** 2)


START = np.array([1.3, 0.7, 0.8])
SLOPES = ["CG", "BFGS", "L-BFGS-B", "TNC", "SLSQP", "Newton-CG", "trust-constr"]
PRODUCTS = ["Newton-CG", "trust-ncg", "trust-krylov", "trust-constr"]
CURVATURES = [*PRODUCTS, "dogleg", "trust-exact"]

# minimize


@pytest.mark.parametrize("method", SLOPES)
def test_value_and_gradient(method):
    ours = optimize.minimize(value_and_grad(valley), START, jac=True, method=method)
    theirs = optimize.minimize(
        optimize.rosen, START, jac=optimize.rosen_der, method=method
    )  # with the derivative as SciPy's authors wrote it
    assert ours.nfev == theirs.nfev
    np.testing.assert_allclose(ours.x, theirs.x, rtol=1e-6)


@pytest.mark.parametrize("method", PRODUCTS)
def test_products_with_the_hessian(method):
    start = np.array([1.1, 1.2, 1.4])
    both = {"jac": True, "method": method, "tol": 1e-10}
    ours = optimize.minimize(value_and_grad(valley), start, hessp=hvp(valley), **both)
    np.testing.assert_allclose(ours.x, 1.0, rtol=1e-6)
    args = (np.array([1.0, 2.0, 3.0]), 2)  # SciPy: hessp(x, p, *args)
    found = optimize.minimize(value_and_grad(shifted), start, args, hessp=hvp(shifted), **both)
    np.testing.assert_allclose(found.x, args[0], rtol=1e-6)


@pytest.mark.parametrize("method", CURVATURES)
def test_the_hessian(method):
    start = np.array([1.05, 1.1, 1.2])
    ours, theirs = (
        optimize.minimize(optimize.rosen, start, jac=jac, hess=hess, method=method)
        for jac, hess in (
            (grad(valley), hessian(valley)),
            (optimize.rosen_der, optimize.rosen_hess),
        )
    )
    assert ours.nit == theirs.nit
    np.testing.assert_allclose(ours.x, theirs.x, rtol=1e-6)


@pytest.mark.parametrize("method", [*SLOPES, "trust-exact"])
def test_one_number(method):
    def f(x):  # of an array of one element, and so is the value
        return np.cosh(x - 2.0)

    more = {"hess": hessian(f)} if method in CURVATURES else {}
    found = optimize.minimize(value_and_grad(f), 0.5, jac=True, method=method, **more)
    assert found.x.shape == (1,) and abs(found.x[0] - 2.0) < 1e-3


def test_of_a_list_of_ints():
    start = [2, 1, 3]  # `minimize` makes floats of them
    found = optimize.minimize(value_and_grad(valley), start, jac=True)
    np.testing.assert_allclose(found.x, 1.0, rtol=1e-5)


def test_others_that_take_the_value_with_its_gradient():
    found, *_ = optimize.fmin_l_bfgs_b(value_and_grad(valley), START)
    np.testing.assert_allclose(found, 1.0, rtol=1e-3)
    found = optimize.basinhopping(
        value_and_grad(valley), START, niter=1, minimizer_kwargs={"jac": True}
    )
    np.testing.assert_allclose(found.x, 1.0, rtol=1e-4)
    assert optimize.check_grad(valley, grad(valley), START) < 1e-4


# least_squares and curve_fit

T = np.linspace(0.0, 2.0, 30)
Y = 2.0 * np.exp(-3.0 * T) + 0.5 + 0.01 * np.cos(50 * T)


def decay(t, a, b, c):
    return a * np.exp(-b * t) + c


def residuals(p, t, y):
    return decay(t, *p) - y


@pytest.mark.parametrize("method", ["trf", "dogbox", "lm"])
def test_least_squares(method):
    ours = optimize.least_squares(
        residuals, [1, 1, 0], jac=jacobian(residuals), args=(T, Y), method=method
    )
    theirs = optimize.least_squares(residuals, [1, 1, 0], args=(T, Y), method=method)
    np.testing.assert_allclose(ours.x, theirs.x, rtol=1e-5)
    np.testing.assert_allclose(ours.jac, theirs.jac, atol=1e-6)
    named = optimize.least_squares(
        residuals, [1, 1, 0], jac=jacobian(residuals), kwargs={"y": Y, "t": T}, method=method
    )
    np.testing.assert_array_equal(named.x, ours.x)


@pytest.mark.parametrize("f", [
    lambda p: p[0] ** 3 - 8.0,
    lambda p: np.array([p[0] ** 3 - 8.0]),
    lambda p: p**3 - 8.0,
    lambda p: [p[0] ** 3 - 8.0, p[0] - 2.0],
    lambda p: (p[0] ** 3 - 8.0, np.float32(2.0) * (p[0] - 2.0)),
])  # fmt: skip
def test_residuals_of_every_form(f):
    found = optimize.least_squares(f, 1.0, jac=jacobian(f))
    np.testing.assert_allclose(found.x, [2.0], rtol=1e-6)


@pytest.mark.parametrize("keywords", [
    {}, {"method": "trf"}, {"bounds": (-1, 10)}, {"sigma": np.full(30, 0.1)},
    {"sigma": np.eye(30) + 0.1},
])  # fmt: skip
def test_curve_fit(keywords):
    jac = jacobian(decay, wrt=("a", "b", "c"), matrix=True)
    ours, covariance = optimize.curve_fit(decay, T, Y, [1.0, 1.0, 0.0], jac=jac, **keywords)
    theirs, expected = optimize.curve_fit(decay, T, Y, [1.0, 1.0, 0.0], **keywords)
    np.testing.assert_allclose(ours, theirs, rtol=1e-5)
    np.testing.assert_allclose(covariance, expected, rtol=1e-4)
    ints, _ = optimize.curve_fit(decay, T, Y, [1, 1, 0], jac=jac, **keywords)
    np.testing.assert_allclose(ints, theirs, rtol=1e-5)


def test_curve_fit_of_any_number_of_parameters():
    def polynomial(x, *c):
        total = 0.0
        for each in c:
            total = total * x + each
        return total

    jac = jacobian(polynomial, wrt="c", matrix=True)
    found, _ = optimize.curve_fit(polynomial, T, 3 * T**2 - 1, [1.0, 1.0, 1.0], jac=jac)
    np.testing.assert_allclose(found, [3.0, 0.0, -1.0], atol=1e-12)
    ints, _ = optimize.curve_fit(polynomial, T, 3 * T**2 - 1, [1, 1, 1], jac=jac)
    np.testing.assert_allclose(ints, [3.0, 0.0, -1.0], atol=1e-12)
    one, _ = optimize.curve_fit(
        lambda x, a: a * x, T, 2 * T, [1.0], jac=jacobian(lambda x, a: a * x, "a", matrix=True)
    )
    np.testing.assert_allclose(one, [2.0], rtol=1e-12)


# root and its relatives


def listed(x, a):
    return [x[0] + 0.5 * (x[0] - x[1]) ** 3 - a, 0.5 * (x[1] - x[0]) ** 3 + x[1]]


def stored(x, a):
    out = np.empty(2)
    for i in range(2):
        out[i] = x[i] + 0.5 * (x[i] - x[1 - i]) ** 3
    out[0] -= a
    return out


@pytest.mark.parametrize("f", [listed, stored])
@pytest.mark.parametrize("method", ["hybr", "lm"])
def test_root(f, method):
    def exact(x, a):
        slope = 1.5 * (x[0] - x[1]) ** 2
        return np.array([[1 + slope, -slope], [-slope, 1 + slope]])

    ours, theirs = (
        optimize.root(f, [0.0, 0.0], (1.0,), jac=jac, method=method, tol=1e-12)
        for jac in (jacobian(f), exact)
    )
    np.testing.assert_allclose(ours.x, [0.8411639, 0.1588361], rtol=1e-6)
    assert ours.nfev == theirs.nfev and np.allclose(ours.x, theirs.x, rtol=1e-12)


def test_relatives_of_root():
    found = optimize.fsolve(listed, [0.0, 0.0], (1.0,), fprime=jacobian(listed))
    np.testing.assert_allclose(listed(found, 1.0), 0.0, atol=1e-10)
    found, _ = optimize.leastsq(stored, [0.0, 0.0], (1.0,), Dfun=jacobian(stored))
    np.testing.assert_allclose(stored(found, 1.0), 0.0, atol=1e-10)


def test_roots_of_one_number():
    def cubic(x, a):
        return x**3 - a

    first, second = grad(cubic), grad(grad(cubic))
    assert np.isclose(optimize.newton(cubic, 1.0, first, (2.0,), fprime2=second), 2 ** (1 / 3))
    found = optimize.root_scalar(value_and_grad(cubic), (2.0,), fprime=True, x0=1.0)
    assert found.converged and np.isclose(found.root, 2 ** (1 / 3))
    each = optimize.newton(cubic, np.ones(2), elementwise_grad(cubic), (np.array([2.0, 3.0]),))
    np.testing.assert_allclose(each, [2 ** (1 / 3), 3 ** (1 / 3)], rtol=1e-12)


# solve_ivp


def van_der_pol(t, y, mu):
    return [y[1], mu * (1 - y[0] ** 2) * y[1] - y[0]]


def van_der_pol_array(t, y, mu):
    return np.array(van_der_pol(t, y, mu))


@pytest.mark.parametrize("f", [van_der_pol, van_der_pol_array])
@pytest.mark.parametrize("method", ["BDF", "Radau", "LSODA"])
def test_solve_ivp(f, method):
    def exact(t, y, mu):
        return np.array([[0.0, 1.0], [-2 * mu * y[0] * y[1] - 1, mu * (1 - y[0] ** 2)]])

    ours, theirs = (
        integrate.solve_ivp(f, (0.0, 30.0), [2.0, 0.0], method, args=(20.0,), jac=jac)
        for jac in (jacobian(f, wrt="y"), exact)
    )
    assert ours.success and (ours.nfev, ours.njev) == (theirs.nfev, theirs.njev)
    np.testing.assert_allclose(ours.y, theirs.y, rtol=1e-9, atol=1e-12)


def test_solve_ivp_of_one_equation():
    def f(t, y):
        return -50.0 * (y - np.cos(t))

    found = integrate.solve_ivp(f, (0.0, 2.0), [0.0], "BDF", jac=jacobian(f, 1), rtol=1e-8)
    exact = (2500 * np.cos(2.0) + 50 * np.sin(2.0)) / 2501
    assert np.isclose(found.y[0, -1], exact, rtol=1e-5)


def test_odeint():
    found = integrate.odeint(
        van_der_pol, [2.0, 0.0], [0.0, 1.0], (10.0,), jacobian(van_der_pol, 1), tfirst=True
    )
    expected = integrate.odeint(van_der_pol, [2.0, 0.0], [0.0, 1.0], (10.0,), tfirst=True)
    np.testing.assert_allclose(found, expected, rtol=1e-6)


# NonlinearConstraint


def bounded(x):
    return np.array([x[0] ** 2 + x[1], x[0] * x[1]])


@pytest.mark.parametrize("method", ["trust-constr", "SLSQP"])
@pytest.mark.parametrize("f", [
    bounded, lambda x: [x[0] ** 2 + x[1], x[0] * x[1]], lambda x: x[0] ** 2 + x[1],
])  # fmt: skip
def test_the_jacobian_of_a_constraint(f, method):
    ours, theirs = (
        optimize.minimize(
            value_and_grad(valley), np.array([0.5, 0.0]), jac=True, method=method,
            constraints=optimize.NonlinearConstraint(f, -np.inf, 1.0, **given),
        )
        for given in ({"jac": jacobian(f)}, {})
    )  # fmt: skip
    np.testing.assert_allclose(ours.x, theirs.x, rtol=1e-4)
    assert np.max(f(ours.x)) <= 1.0 + 1e-6


def test_the_hessian_of_a_constraint():
    product = hessian(lambda x, v: np.dot(v, bounded(x)))
    x, v = np.array([0.4, -0.3]), np.array([2.0, 3.0])
    np.testing.assert_allclose(product(x, v), [[4.0, 3.0], [3.0, 0.0]])
    limit = optimize.NonlinearConstraint(bounded, -np.inf, 1.0, jacobian(bounded), product)
    alike = optimize.NonlinearConstraint(
        bounded, -np.inf, 1.0, lambda x: [[2 * x[0], 1.0], [x[1], x[0]]],
        lambda x, v: np.array([[2 * v[0], v[1]], [v[1], 0.0]]),
    )  # fmt: skip
    ours, theirs = (
        optimize.minimize(
            valley, np.array([0.5, 0.0]), jac=grad(valley), hess=hessian(valley),
            constraints=each, method="trust-constr",
        )
        for each in (limit, alike)
    )  # fmt: skip
    assert ours.nfev == theirs.nfev
    np.testing.assert_allclose(ours.x, theirs.x, rtol=1e-9)


def test_a_constraint_of_one_number_takes_its_gradient():
    def room(x):
        return 1.0 - x[0] ** 2 - x[1] ** 2

    for make in (grad, jacobian):
        found = optimize.minimize(
            value_and_grad(valley), np.array([0.5, 0.0]), jac=True, method="SLSQP",
            constraints={"type": "ineq", "fun": room, "jac": make(room)},
        )  # fmt: skip
        np.testing.assert_allclose(found.x, [0.7864, 0.6177], rtol=1e-3)


# One matrix


def test_a_matrix_has_a_row_for_each_number_of_the_output():
    def f(p, k):
        return {"a": p["w"] * k, "n": 3, "b": [p["w"][0] * p["s"], k]}

    p, k = {"w": np.array([2.0, 3.0]), "n": 1, "s": 5.0}, 7.0
    table = jacobian(f, wrt=("p", "k"))(p, k)
    whole = jacobian(f, wrt=("p", "k"), matrix=True)(p, k)
    assert whole.tolist() == [
        [7.0, 0.0, 0.0, 2.0], [0.0, 7.0, 0.0, 3.0], [0.0, 0.0, 0.0, 0.0], [5.0, 0.0, 2.0, 0.0],
        [0.0, 0.0, 0.0, 1.0],
    ]  # fmt: skip
    assert whole[3, :2].tolist() == table["b"][0][0]["w"].tolist()
    for mode in ("forward", "reverse"):
        found = jacobian(f, wrt=("p", "k"), matrix=True, mode=mode)(p, k)
        np.testing.assert_array_equal(found, whole)


@pytest.mark.parametrize("f, shape", [
    (lambda x: np.sum(x), (1, 3)), (lambda x: 2.0, (1, 3)), (lambda x: [], (0, 3)),
    (lambda x: np.outer(x, x), (9, 3)), (lambda x: (x, x[0]), (4, 3)),
])  # fmt: skip
def test_a_matrix_has_two_axes(f, shape):
    assert jacobian(f, matrix=True)(np.ones(3)).shape == shape


def test_a_matrix_has_the_dtype_of_the_output():
    single = np.ones(2, np.float32)
    for f in (lambda x: x * np.float32(2), lambda x: np.sum(x.astype(float)), lambda x: x * 1j):
        found, expected = jacobian(f, matrix=True)(single), jacobian(f)(single)
        assert found.dtype == expected.dtype
        np.testing.assert_array_equal(found.reshape(expected.shape), expected)


def test_a_hessian_as_a_matrix():
    def f(p, k):
        return k * p["a"] ** 2 * np.sum(p["b"] ** 3)

    args = {"a": 2.0, "b": np.array([1.0, 3.0])}, 0.5
    whole = hessian(f, wrt=(0, 1), matrix=True)(*args)
    table = hessian(f, wrt=(0, 1))(*args)
    assert whole.shape == (4, 4) and np.array_equal(whole, whole.T)
    np.testing.assert_array_equal(whole[1:3, 3], table[0]["b"][1])
    np.testing.assert_array_equal(whole[1:3, 1:3], table[0]["b"][0]["b"])


def test_a_matrix_with_what_comes_beside_the_output():
    def f(x):
        return x**2, "beside"

    found, aux = jacobian(f, matrix=True, has_aux=True)(np.array([1.0, 2.0]))
    assert found.tolist() == [[2.0, 0.0], [0.0, 4.0]] and aux == "beside"
