"""Calls of SciPy's that are read or written in another way: sparse products, interpolators."""

import numpy as np
import pytest
from scipy import integrate, interpolate, linalg, ndimage, sparse, special
from scipy.sparse.linalg import spsolve

from srcdiff import SrcdiffError, grad, hvp, value_and_grad
from tests.gallery import some
from tests.judge import right
from tests.tape import agree, tape_gradient

K = sparse.csr_array(np.array([[1.0, 2.0, 0.0], [0.0, 3.0, 1.0]]))
M = sparse.csr_matrix(np.array([[1.0, 2.0], [0.5, 3.0]]))
Q = sparse.csc_array(np.array([[1.0, 2.0], [0.0, 3.0]]))
KNOTS = np.array([0.0, 0.7, 1.5, 2.6, 4.0])
POINTS = np.array([0.3, 1.4, 3.9])


def product(x):
    return np.sum((K @ x) ** 2)


def product_from_the_left(x):
    return np.sum((x[:2] @ K) ** 2)


def product_by_dot(x):
    return np.sum(K.dot(x) ** 2)


def product_with_a_matrix(x):
    return np.sum((K @ np.stack((x, x * x), axis=1)) ** 2)


def product_of_a_transposed_matrix(x):
    return np.sum((K.T @ x[:2]) ** 2)


def product_by_a_star(x):
    return np.sum((M * x[:2]) ** 3)


def solution(x):
    return np.sum(spsolve(Q, x[:2]) ** 2)


def in_a_loop(x):
    y = x[:2]
    for _ in range(3):
        y = np.tanh(M @ y)
    return np.sum(y)


def what_may_be_overwritten(x):
    a = np.outer(x, x) + 3 * np.eye(3)
    b = 2 * x
    y = linalg.solve(a, b, overwrite_a=True, overwrite_b=True, assume_a="pos")
    return np.sum(y**3)


def line(v):
    return np.sum(interpolate.interp1d(KNOTS, v)(POINTS + 0.01 * v[0]) ** 2)


def spline(v):
    return np.sum(interpolate.CubicSpline(KNOTS, v)(POINTS + 0.01 * v[0]) ** 2)


def natural_spline(v):
    s = interpolate.CubicSpline(KNOTS, v, bc_type="natural")
    return np.sum(s(POINTS) ** 2 + s(POINTS, 1))


def clamped_spline(v):
    return np.sum(interpolate.CubicSpline(KNOTS + 0.1 * v**2, v, bc_type="clamped")(POINTS) ** 2)


def table(v):
    values = np.outer(v, v[:3])
    grid = interpolate.RegularGridInterpolator((KNOTS, np.arange(3.0)), values)
    return np.sum(grid(np.array([[0.3, 1.2], [2.1, 0.4 + 0.1 * v[0]]])) ** 2)


def areas(v):
    odd = integrate.simpson(v, x=KNOTS + 0.1 * v**2)
    even = integrate.simpson(np.outer(v, v[:4]), dx=0.5 + v[0] ** 2, axis=1)
    return odd + np.sum(even**2) + integrate.simpson(v[:2], dx=2.0)


PROGRAMS = [
    *((f, 3) for f in (product, product_from_the_left, product_by_dot, product_with_a_matrix,
                       product_of_a_transposed_matrix, product_by_a_star, solution, in_a_loop,
                       what_may_be_overwritten)),
    *((f, 5) for f in (line, spline, natural_spline, clamped_spline, table, areas)),
]  # fmt: skip


@pytest.mark.parametrize("f, n", PROGRAMS, ids=lambda p: getattr(p, "__name__", ""))
def test_right_compiled_and_on_the_tape(f, n):
    x = some(n)
    right(f, x)
    taped = tape_gradient(f, 0)(x.copy())
    assert agree((f(x), grad(f, fallback="error")(x)), taped) == ""


def test_what_is_no_product_of_a_sparse_matrix_is_refused():
    with pytest.raises(SrcdiffError, match="sparse"):
        grad(lambda x: (Q * x).sum(), fallback="error")(np.ones(2))


def test_the_adjoint_of_a_sparse_product_is_one():
    df = grad(product, fallback="error")
    df(np.ones(3))
    assert df.source.splitlines()[-1] == "    return csc_array @ (2 * (csr_array @ x))"


def filtered(v):
    m = np.outer(v, v[:4])
    found = ndimage.gaussian_filter(m, 0.5 + v[0] ** 2, mode="nearest") + ndimage.convolve(
        m, np.outer(v[:2], v[:3]), mode="constant", cval=0.3
    )
    found = found + ndimage.correlate1d(m, v[:4], axis=0, mode="wrap")
    return np.sum(found**2) + np.sum(ndimage.correlate(m, m[:3, :2], mode="mirror") ** 2)


def between_places(v):
    at = np.array([[0.3, 1.2 + 0.1 * v[0], 5.5], [1.4, 2.2, 0.5]])
    m = np.outer(v, v[:4])
    found = ndimage.map_coordinates(m, at, order=1, cval=0.3)
    return np.sum(found**2) + np.sum(ndimage.map_coordinates(m, at, order=1, mode="nearest"))


@pytest.mark.parametrize("f", [filtered, between_places])
def test_filters_are_right_compiled_and_on_the_tape(f):
    test_right_compiled_and_on_the_tape(f, 5)


def test_the_least_value_that_minimize_found_has_a_gradient_on_the_tape():
    from scipy import optimize

    def least(x):
        found = optimize.minimize(lambda y, x: np.sum((y - x) ** 2 + y**4), np.zeros(2), (x,))
        return found.fun * x[0]

    x = np.array([0.7, -0.4])
    value, d = tape_gradient(least, 0)(x)
    step = 1e-5 * np.eye(2)
    slopes = [(least(x + row) - least(x - row)) / 2e-5 for row in step]
    assert np.isclose(value, least(x), rtol=1e-7)
    np.testing.assert_allclose(d, slopes, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("order", [0, 1, 2])
@pytest.mark.parametrize("bessel", [special.spherical_jn, special.spherical_in])
def test_spherical_bessel_functions_have_second_derivatives_at_the_origin(bessel, order):
    found = hvp(lambda x: bessel(order, x))(0.0, 1.0)
    step = 1e-3
    seconds = (bessel(order, step) - 2 * bessel(order, 0.0) + bessel(order, -step)) / step**2
    np.testing.assert_allclose(found, seconds, atol=1e-5)


@pytest.mark.parametrize(
    "f",
    [
        lambda image, w: ndimage.correlate(image, w),
        lambda image, w: ndimage.convolve(image, w),
        lambda image, w: ndimage.map_coordinates(image, [w[0], w[1]], order=1),
    ],
)
def test_filters_of_ints_make_ints_and_are_refused(f):
    image = np.arange(12).reshape(3, 4)
    w = np.array([[0.3, 0.2, 0.5], [0.1, 1.2, 0.4]])
    with pytest.raises(SrcdiffError, match=r"makes ints(.|\n)*astype\(float\)"):
        grad(lambda w: np.sum(f(image, w)))(w)
    right(lambda w: np.sum(np.cos(f(image.astype(float), w))), w)


def test_a_filter_keeps_single_precision_and_no_width_changes_nothing():
    image = np.linspace(0.0, 1.0, 12, dtype=np.float32).reshape(3, 4)
    f = value_and_grad(lambda x: ndimage.gaussian_filter(x, 0.7)[1, 1], fallback="error")
    assert f(image)[0].dtype == f(image)[1].dtype == np.float32
    right(lambda x: np.sum(np.cos(ndimage.gaussian_filter(x, 0.0))), image.astype(float))
