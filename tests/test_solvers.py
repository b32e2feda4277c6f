"""SciPy's functions of functions: roots, minima, integrals, differential equations."""

import numpy as np
import pytest
from scipy import integrate, optimize

from srcdiff import NoRuleError, SrcdiffError, check_grads, grad, jvp
from tests.judge import forward_agrees, fresh, judge
from tests.tape import tape_gradient

SCALE = 1.7
V = np.array([0.7, 0.3, 1.1])


def gaussian(a, b):  # the names of the parameters of `quad`, too
    return integrate.quad(lambda x: a * np.exp(-b * x * x), 0, np.inf)[0]


def of_a_vector(v, b):
    def series(x, c):
        return np.sum(v * np.cos(x * np.arange(3.0))) * c

    return integrate.quad(series, 0, b, args=(b,))[0]


def moving_limits(low, high):
    value, error = integrate.quad(np.sin, low, high)
    return value**2


def roots_in_a_loop(s):
    total = 0.0
    for k in range(3):
        scale = (k + 1) * SCALE
        root = optimize.brentq(lambda y: y**3 + y - s * scale, -5.0, 5.0)  # noqa: B023
        total = total + root**2
    return total


def cubic(y, p):
    return y**3 + p * y - 1


def one_of_two_solvers(p, q):
    if q > 0:
        r = optimize.newton(cubic, 0.5, args=(p,))
    else:
        r = optimize.brentq(cubic, 0.0, 2.0, args=(q,))
    return r * q


def a_name_of_the_rule(w):
    return np.sum(optimize.root(lambda y: y**3 + y - w, np.zeros(3)).x ** 2)


def a_fixed_point(s):
    return optimize.fixed_point(lambda x: np.cos(s * x), 0.5)


def in_a_branch(m):
    if m > 0:
        x = optimize.fsolve(lambda y: y * y * y - m, 1.0)[0]
    else:
        x = m
    return x**2


def a_minimum(v, k):
    def loss(y):
        return np.sum((y - v) ** 2) + k * np.sum(y**4)

    return np.sum(optimize.minimize(loss, np.zeros(3), tol=1e-12).x * np.arange(3.0))


def a_helper_of_the_function(s, c):
    def g(y):
        return c * np.exp(y) + y

    def f(y):
        return g(y) - s

    return optimize.brentq(f, -5.0, 5.0)


def oscillator(v):
    def rhs(y, t):
        w = 2 * v[0]
        return np.array([y[1], -w * y[0] - v[1] * y[1]])

    y = integrate.odeint(rhs, v[:2], np.linspace(0, 2, 5))
    return np.sum(y**2 * np.cos(np.arange(10.0).reshape(5, 2)))


def times_first(s, y0):
    def rhs(t, y, c):
        return -c * y * t

    return integrate.odeint(rhs, y0, [0.0, 0.5, 2.0], args=(s,), tfirst=True,
                            rtol=1e-11, atol=1e-12)[-1, 0]  # fmt: skip


def until_an_end(v, end):
    sol = integrate.solve_ivp(lambda t, y, k: np.array([y[1], -k * y[0]]), (0.0, end), v,
                              args=(v[0],), rtol=1e-10, atol=1e-12)  # fmt: skip
    return sol.y[0, -1] ** 2 + np.sum(sol.y[:, -1])


def at_given_times(v, s):
    sol = integrate.solve_ivp(lambda t, y: -s * y * t, (0.0, 2.0), v, rtol=1e-10, atol=1e-12,
                              t_eval=np.linspace(0.0, 2.0, 4))  # fmt: skip
    return np.sum(sol.y * np.arange(12.0).reshape(3, 4) + sol.y**2)


def at_times_that_move(y0, t, s):
    def rhs(y, t, c):
        return np.array([y[1] - c * t, -c * y[0]])

    y = integrate.odeint(rhs, y0, t, args=(s,), rtol=1e-11, atol=1e-12)
    return np.sum(y**2 * np.cos(np.arange(8.0).reshape(4, 2)))


PROGRAMS = [
    (gaussian, 1.3, 0.7), (of_a_vector, V, 0.9), (moving_limits, 0.2, 1.4), (roots_in_a_loop, 0.7),
    (one_of_two_solvers, 0.4, 0.9), (a_name_of_the_rule, V), (a_fixed_point, 0.8),
    (in_a_branch, 0.8), (in_a_branch, -0.8), (a_minimum, V, 0.4),
    (a_helper_of_the_function, 0.6, 1.2), (oscillator, V), (times_first, 0.6, 1.1),
    (until_an_end, V[:2].copy(), 1.4), (at_given_times, V, 0.4),
    (at_times_that_move, V[:2].copy(), np.array([0.1, 0.3, 0.9, 1.0]), 0.7),
]  # fmt: skip


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda p: p[0].__name__)
def test_the_formula_is_right_compiled_in_both_modes_and_on_the_tape(program):
    f, *args = program
    wrt = tuple(range(len(args)))
    verdict = judge(f, tuple(args), wrt)
    assert verdict.outcome == "right", verdict.detail
    forward = forward_agrees(f, tuple(fresh(tuple(args))), wrt, verdict)
    assert forward.outcome == "right", forward.detail
    taped = judge(f, tuple(args), wrt, gradient=tape_gradient, thorough=False)
    assert taped.outcome == "right", taped.detail


@pytest.mark.parametrize("f", [roots_in_a_loop, a_fixed_point])
def test_second_derivatives_of_roots(f):
    check_grads(f, (0.8,), order=2)


def test_second_derivatives_of_integrals():
    check_grads(of_a_vector, (V, 0.9), order=2, modes=("rev",))


@pytest.mark.parametrize(("f", "args"), [
    (times_first, (0.6, 1.1)), (until_an_end, (V[:2].copy(), 1.4)), (at_given_times, (V, 0.4)),
])  # fmt: skip
def test_differential_equations_have_second_derivatives(f, args):
    def second(u, v):  # how the gradient by the second argument moves with the first
        return grad(f, wrt=1)(u, v)

    u, v = args
    by_first = grad(second, fallback="error")(u, v)
    step = 1e-5 * np.cos(u)
    difference = second(u + step, v) - second(u - step, v)
    assert 2 * np.sum(by_first * step) == pytest.approx(difference, rel=1e-5)
    _, along = jvp(second, (u, v), (np.cos(u), 0.0))
    assert np.sum(by_first * np.cos(u)) == pytest.approx(along, rel=1e-7)


def test_what_a_closure_reads_is_read_at_each_call():
    shift = 1.0

    def f(s):
        return optimize.brentq(lambda y: y - s * shift, -50.0, 50.0)

    df = grad(f, fallback="error")
    first = df(2.0)
    shift = 3.0
    assert (first, df(2.0)) == pytest.approx((1.0, 3.0))


def test_the_source_calls_the_solver_and_its_rule():
    df = grad(a_fixed_point, fallback="error")
    df(0.8)
    assert df.source.splitlines() == [
        "def a_fixed_point_grad(s):",
        "    # adjoint",
        "    return fixed_point_of_vjp(1.0, fixed_point_of(s), s)[0]",
    ]


def test_bounds_are_refused_on_the_tape():
    def f(s):
        return optimize.minimize(lambda y: (y[0] - s) ** 2, [0.0], bounds=[(0, 1)]).x[0]

    with pytest.raises(NoRuleError, match="bounds"):
        grad(f)(0.5)


class Model:
    k = 2.0

    def residual(self, y):
        return y - self.k * 3


MODEL, KEPT, GAIN = Model(), np.array([1.0, 2.0]), 1.0


def by_a_global(y):
    return y - GAIN * 2


def by_a_field(y):
    return y - MODEL.k * 2


def after_a_global_is_stored(s):
    global GAIN
    GAIN = s * 3
    r = optimize.brentq(by_a_global, -99.0, 99.0)
    GAIN = 1.0
    return r


def after_a_field_is_stored(s):
    MODEL.k = s
    r = optimize.brentq(by_a_field, -99.0, 99.0) + optimize.brentq(MODEL.residual, -99.0, 99.0)
    MODEL.k = 2.0
    return r


def after_an_array_outside_is_stored(s):
    KEPT[0] = 4 * s
    r = optimize.brentq(lambda y: y - KEPT[0], -99.0, 99.0)
    KEPT[0] = 1.0
    return r


def that_counts_its_calls(s):
    count = 0

    def f(y):
        nonlocal count
        count += 1
        return y - s

    return optimize.brentq(f, -9.0, 9.0) * min(count, 1)


def that_keeps_a_list(s):
    seen = []

    def f(y):
        seen.append(y)
        return y - s

    return optimize.brentq(f, -9.0, 9.0) * min(len(seen), 1)


def that_reads_a_dict(s):
    d = {"a": s, "b": 2 * s}
    return optimize.brentq(lambda y: y - d["a"] * d["b"], -99.0, 99.0)


def that_reads_what_is_written_later(s):
    w = np.array([s, 2 * s])
    w[0] = 3 * s
    r = optimize.brentq(lambda y: y - w[0] * w[1], -99.0, 99.0)
    w[1] = 100.0
    return r + w[1]


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("f, slope", [
    (after_a_global_is_stored, 6.0), (after_a_field_is_stored, 5.0),
    (after_an_array_outside_is_stored, 4.0), (that_counts_its_calls, 1.0),
    (that_keeps_a_list, 1.0), (that_reads_a_dict, 2.8), (that_reads_what_is_written_later, 8.4),
])  # fmt: skip
def test_what_a_function_reads_or_changes_around_it_is_never_lost(f, slope):
    assert grad(f)(0.7) == pytest.approx(slope)
    try:
        assert grad(f, fallback="error")(0.7) == pytest.approx(slope)
    except SrcdiffError:
        pass


def cap(r):  # the slope of the root is infinite at the upper limit
    return integrate.quad(lambda x: np.sqrt(r * r - x * x) * r, r - 0.4, r)[0]


def sector(r):  # a power that is infinite at the lower one
    return integrate.quad(lambda x: x ** (r - 1) * np.exp(-r * x), 0.0, 1.5)[0]


def backwards(r):
    return integrate.quad(lambda x: np.sqrt(r * r - x * x), r, -0.3)[0]


def from_infinity(r):
    return integrate.quad(lambda x: np.exp(-r * x), np.inf, 0.2)[0]


def gamma_function(r):
    return integrate.quad(lambda x: x ** (r - 1) * np.exp(-x), 0.0, np.inf)[0]


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("f", [cap, sector, backwards, from_infinity, gamma_function])
def test_an_integral_backwards_or_with_an_integrand_that_is_steep_at_its_limits(f):
    step = 1e-5
    slope = (f(0.7 + step) - f(0.7 - step)) / (2 * step)
    assert grad(f, fallback="error")(0.7) == pytest.approx(slope, rel=3e-5)
    assert tape_gradient(f, 0)(0.7)[1] == pytest.approx(slope, rel=3e-5)
