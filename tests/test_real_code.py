"""What real code does: each test is a program that a package of the world has, made small."""

import math

import numpy as np
import pytest

from srcdiff import grad, value_and_grad, vjp
from srcdiff.runtime.errors import ComplexPowerError

from .judge import right
from .tape import value_and_grad_on_tape


def test_a_tuple_of_one_is_not_its_item():
    def f(a, b):
        i = np.where(a <= b)[0]
        return a[i].sum() * i.size

    assert value_and_grad(f, fallback="error")(np.array([1.0, 2, 3]), np.full(3, 2.0))[0] == 6
    right(f, np.array([1.0, 2, 3]), np.full(3, 2.5))


WEIGHTS = [np.array([1.0, 2.0, 3.0])]


def test_what_is_read_from_outside_starts_a_loop_in_the_adjoint():
    def f(a):
        n = len(a)
        out = np.zeros(n)
        for k in range(n):
            for j in range(n - k):
                out[k] += a[j] * a[j + k]
        return np.sum(out * WEIGHTS[0])

    right(f, np.array([1.0, 2.0, -0.5]))


def test_a_list_times_a_length_is_a_list():
    def f(a):
        w = [2.0] * len(a)
        return sum(w) * a[0]

    value, d_a = value_and_grad(f)(np.array([1.0, 2.0, 3.0]))
    assert value == 6 and d_a.tolist() == [6, 0, 0]


def test_a_long_line_with_a_tuple_of_one_in_a_key_is_wrapped():
    def f(a, b, nonzero):
        b[nonzero,] = a * 1.61139411 + 2.338549 * a * b - 0.14611605 * a - 0.012308094 * a * b * b
        return b.sum()

    right(f, np.array([0.3, 0.7]), np.array([1.1, 2.0]), np.array([0, 1]), wrt=(0, 1))


pytestmark = pytest.mark.filterwarnings("ignore::srcdiff.runtime.errors.FallbackWarning")


# Python's floats and what is complex


def mach(m, g):
    r = ((m * g - 3.0) / (m + g)) ** 0.5
    return r.real * 2 + r.imag * 3


@pytest.mark.parametrize("m", [2.5, 1.5])
def test_a_root_of_a_negative_python_float_is_complex(m):
    h = 1e-6
    want = (mach(m + h, 1.4) - mach(m - h, 1.4)) / (2 * h)
    assert abs(grad(mach)(m, 1.4) - want) < 1e-8
    assert abs(vjp(mach, m, 1.4)[1](1.0)[0] - want) < 1e-8


def test_the_compiler_says_that_a_power_is_complex():
    with pytest.raises(ComplexPowerError, match=r"is complex"):
        grad(mach, fallback="error")(1.5, 1.4)


def test_what_is_no_less_than_zero_has_real_roots():
    def f(x, y):
        return (x * x + y**2 + abs(x)) ** 0.5 + math.exp(x) ** y

    df = value_and_grad(f, fallback="error")
    df(0.3, 0.4)
    assert "real_power" not in df.source
    right(f, 0.3, 0.4)


# The tape


def test_what_is_asked_for_its_class_gets_classes():
    def f(a):
        try:
            if isinstance(a[0], float) and np.dtype(float) == a.dtype:
                b = list(map(float, a))
        finally:
            pass
        return sum(b) * b[0]

    assert grad(f)(np.array([1.0, 2.0])).tolist() == [4, 1]


def test_a_list_given_to_a_function_of_arrays():
    def f(a):
        try:
            r = np.linalg.norm([a[0], a[1], 2 * a[0]], axis=0)
        except ZeroDivisionError:
            r = 0.0
        return r

    assert np.allclose(grad(f)(np.array([3.0, 4.0])), [15 / math.sqrt(61), 4 / math.sqrt(61)])


def test_a_helper_that_returns_a_list_keeps_its_history():
    def squares(n, q, out=None):
        if out is None:
            out = [0.0] * n
        for j in range(n):
            out[j] = q[j] * q[j]
        return out

    def f(n, q):
        r = squares(n, q)
        return r[0] * 3.0 + r[1]

    assert grad(f, wrt=1)(2, [1.0, 2.0]) == [6.0, 4.0]


def test_numbers_in_arrays_without_axes_are_placed():
    def f(x):
        out = np.zeros(np.shape(x))
        try:
            np.place(out, x > 0, x * x)
            np.place(out, x < 0, -x)
        finally:
            pass
        return out.sum() * 2.0

    assert grad(f)(np.array(3.0)) == 12
    assert grad(f)(np.array([3.0, -1.0])).tolist() == [10, 0]  # its first values


def test_an_array_has_no_attribute_of_a_series():
    def f(x):
        y = np.cos(x)
        try:
            y.name = "cosine"
        except AttributeError:
            pass
        return y.sum()

    assert np.allclose(grad(f)(np.ones(2)), -np.sin(1.0))


def test_maps_of_what_makes_arrays():
    def f(x, y):
        try:
            a, b = map(np.asarray, (x, y))
            a, b, c = np.broadcast_arrays(a, b, np.ones(2))
            a, b = np.atleast_1d(a, b * c)
        finally:
            pass
        return np.sum(a * b) + np.vectorize(lambda p, q: p * q if p > 0 else q)(a, b).sum()

    d_x, d_y = grad(f, wrt=(0, 1))(2.0, np.array([3.0, 4.0]))
    assert (d_x, d_y.tolist()) == (14.0, [4.0, 4.0])


def test_on_the_tape_a_zero_cotangent_is_a_strong_zero():
    def f(x):
        try:
            y = np.arccos(x)
        finally:
            pass
        return np.sum(np.where(np.abs(x) < 1, y, 0.0)) + np.sum(np.where(x > 1, np.log(x - 1), x))

    with np.errstate(all="ignore"):
        d_x = value_and_grad_on_tape(f, 0)(np.array([0.0, 1.0, 2.0, -3.0]))[1]
    assert d_x.tolist() == [0, 1, 1, 1]


def test_a_nan_of_compiled_code_is_what_the_tape_makes_of_it():
    def f(x):
        return np.sum(np.where(x > 0, np.log(x), 0.0)) + np.sum(np.sqrt(np.abs(x)) * 0.0)

    def distances(x):
        d = np.sqrt(np.sum((x[:, None] - x[None]) ** 2, axis=-1))
        return np.sum(np.min(d + 9.0 * np.eye(len(x)), axis=1))

    with np.errstate(all="ignore"):
        assert grad(f)(np.array([0.0, -1.0, 2.0])).tolist() == [0, 0, 0.5]
        assert np.isnan(grad(f, fallback="error")(np.array([0.0, -1.0, 2.0]))[0])
        found = grad(distances)(np.array([[0.0, 1.0], [2.0, 0.5], [3.0, 3.0]]))
        assert np.isfinite(found).all() and np.any(found)
        assert np.isnan(grad(lambda x: np.log(x - x) * x)(1.0))  # the value is no number either


def test_a_distribution_of_scipy_with_its_parameters():
    stats = pytest.importorskip("scipy.stats")

    def f(x, mu, sigma):
        frozen = stats.norm(mu, scale=sigma)
        return np.sum(stats.norm.logpdf(x, loc=mu, scale=sigma) + frozen.cdf(x)) + stats.t.ppf(
            0.975, sigma
        )

    x, h = np.array([0.3, 1.2]), 1e-5
    d_x, d_mu, d_sigma = grad(f, wrt=(0, 1, 2))(x, 0.5, 1.5)
    assert np.isclose(d_mu, (f(x, 0.5 + h, 1.5) - f(x, 0.5 - h, 1.5)) / (2 * h), 1e-7)
    assert np.isclose(d_sigma, (f(x, 0.5, 1.5 + h) - f(x, 0.5, 1.5 - h)) / (2 * h), 1e-7)
    assert np.isclose(d_x.sum(), -d_mu)


@pytest.mark.parametrize("x", [1.5, -1.5, 0.3])
@pytest.mark.parametrize(
    "g", [np.arcsin, np.arccos, np.arcsinh, np.arccosh, np.arctanh, np.sqrt, np.log], ids=str
)
def test_complex_functions_at_their_branch_cuts(g, x):
    def f(x):
        r = g(x * (1 + 0j))
        return np.sum(np.real(r) + 2 * np.imag(r))

    a, h = np.array([x]), 1e-6
    assert np.isclose(grad(f)(a)[0], (f(a + h) - f(a - h)) / (2 * h), 1e-6)
