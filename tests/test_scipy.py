"""SciPy's functions in programs: compiled and on the tape, first and second derivatives."""

import numpy as np
import pytest
from scipy import (
    fft,
    integrate,
    interpolate,
    linalg,
    ndimage,
    optimize,
    signal,
    spatial,
    special,
    stats,  # noqa: F401
)

from srcdiff import value_and_grad
from srcdiff.runtime.registry import RULES, rule_of

from .tape import value_and_grad_on_tape
from .test_agreement import agree, finished

rule_of(special.gamma)  # registers the rules, those of `stats` too


def sites():
    for fun, rule in RULES.items():
        if rule.vjp is None:  # a rule of a test's own
            continue
        home = rule.vjp.__module__.rpartition(".")[2]
        if home in ("special", "distributions") and fun is rule.functions[0]:
            for i, point in enumerate(rule.at):
                yield pytest.param(fun, point, id=f"{rule.name}-{i}")


SEVERAL = (special.airy, special.fresnel, special.sici, special.shichi, special.ellipj)


def is_float(x):
    return not isinstance(x, list | tuple | dict | str) and np.asarray(x).dtype.kind == "f"


@pytest.mark.parametrize("fun, point", list(sites()))
def test_compiled_and_on_the_tape(fun, point):
    kwargs = point.kwargs
    if any(np.iscomplexobj(x) for x in point.args) or not all(map(np.isscalar, kwargs.values())):
        pytest.skip("complex arguments, or keywords that are no scalars: by the rule alone")

    def f(*args):
        out = fun(*args, **kwargs)
        if fun in SEVERAL:
            out = out[0] + 2.0 * out[1]
        return np.sum(np.real(out) ** 2)

    wrt = tuple(i for i, x in enumerate(point.args) if is_float(x))
    args = [x if isinstance(x, np.ndarray) else float(x) if i in wrt else x
            for i, x in enumerate(point.args)]  # fmt: skip
    compiled = value_and_grad(f, wrt=wrt, fallback="error")(*args)
    taped = value_and_grad_on_tape(f, wrt)(*args)
    assert not agree(finished(compiled), finished(taped))


# What runs in place of SciPy's compiled solvers, splines and filters

X = np.linspace(0.0, 3.0, 7)
Y = np.sin(X)
TCK = interpolate.splrep(X, Y)
CUBIC, PCHIP = interpolate.CubicSpline(X, Y), interpolate.PchipInterpolator(X, Y)
BSPLINE = interpolate.make_interp_spline(X, Y, 3)
GRID = interpolate.RectBivariateSpline(X, X, np.outer(Y, Y) + X)


def roots(p):
    r = optimize.brentq(lambda x: x**3 - p * x - p, 0, 10)
    s = optimize.newton(lambda x, q: x**3 - q * x - q, 2.0, args=(p,))
    t = optimize.root_scalar(lambda x: x**3 - p * x - p, bracket=(0, 10)).root
    return r + 2 * s + 3 * t


def roots_of_systems(p):
    u = optimize.fsolve(lambda v: [v[0] ** 2 + v[1] - p, v[0] - v[1] * p], [1.0, 1.0])
    v = optimize.root(lambda v: np.array([v[0] ** 2 + v[1] - p, v[0] - v[1] * p]), u).x
    return np.sum(u * np.array([1.0, 2.0])) + v[1]


def integrals(p):
    a = integrate.quad(lambda x: np.exp(-p * x) * x, 0, p)[0]
    b = integrate.quad(lambda x: np.exp(-p * x * x), -np.inf, np.inf)[0]
    c = integrate.quad(lambda x, q: np.exp(-q * x * x), p, np.inf, args=(p,))[0]
    return a + 2 * b + 3 * c + np.sum(integrate.cumulative_trapezoid(Y * p * p, X))


def splines(p):
    a = interpolate.splev(p, TCK) + np.sum(interpolate.splev(np.array([0.2, 0.4]) * p, TCK, der=1))
    b = CUBIC(p) + CUBIC(p * 1.1, 1) + CUBIC.derivative()(p) + PCHIP(p) ** 2
    return a + b + BSPLINE(p) * p + BSPLINE(p, 1) + GRID(p, p * 1.1)[0, 0] + GRID.ev(p, 0.3)


def filters(p):
    a = np.sum(ndimage.correlate1d(Y * p, [1.0, 2.0, 0.5], mode="wrap") ** 2)
    b = np.sum(ndimage.convolve(np.outer(Y, Y) * p, np.arange(6.0).reshape(2, 3)) ** 3)
    c = np.sum(ndimage.gaussian_filter(Y * p, 1.5) ** 2)
    return a + b + c + np.sum(ndimage.uniform_filter(Y * p, 3) ** 2)


def systems(p):
    a, b = np.eye(3) * p + 1, X[:3]
    total = np.sum(linalg.solve(a, b)) + np.sum(linalg.cho_solve(linalg.cho_factor(a), b))
    total = total + np.sum(linalg.lu_solve(linalg.lu_factor(a + np.diag(X[:2], 1)), b))
    total = total + np.sum(linalg.solve_triangular(np.tril(a * p), b, lower=True))
    return total + linalg.det(a) + np.sum(linalg.inv(a)) + np.sum(linalg.cholesky(a) * p)


def functions_of_matrices(p):
    a = np.diag([1.0, 2.0]) * p + 0.3
    total = np.sum(linalg.expm(a) * np.array([[1.0, 2.0], [3.0, 4.0]])) + np.sum(linalg.sqrtm(a))
    return total + np.sum(np.real(np.roots([1.0, -3.0 * p, p]))) + linalg.eigh(a)[0][0]


def recurrences(p):
    y, z = signal.lfilter([1.0, p], [1.0, -0.5 * p], Y, zi=[p])
    return np.sum(signal.lfilter([1.0, p], [2.0, -0.5 * p], Y) ** 2) + np.sum(y**2) + z[0]


def lines(p):
    a = np.apply_along_axis(lambda v: v * np.sum(v), 0, np.outer(Y, X) * p)
    return np.sum(a) + np.sum((Y * p)[np.lexsort((X, Y * p))][:3])


def of_active_points(p):
    a = interpolate.CubicSpline(X, Y * p)(1.3) + interpolate.PchipInterpolator(X, Y**2 * p + X)(1.3)
    ode = integrate.solve_ivp(lambda t, y: -p * y, (0, 1), [1.0], rtol=1e-6, atol=1e-8)
    return a + interpolate.interp1d(X, Y * p)(1.3) + ode.y[0, -1]


def signals(p):
    a = np.sum(signal.convolve(Y * p, X, "same") ** 2) + np.sum(signal.fftconvolve(Y * p, X) ** 2)
    b = np.sum(signal.convolve2d(np.outer(Y, Y) * p, np.ones((2, 2)), "same") ** 2)
    c = np.sum(fft.dct(Y * p) ** 2) + np.sum(np.abs(fft.fft(Y * p)) ** 2)
    return a + b + c + np.sum(spatial.distance.cdist(np.outer(Y, X[:2]) * p, np.ones((2, 2))))


def statistics(p):
    a = np.percentile(Y * p, 30) + np.quantile(Y * p, [0.2, 0.5])[0] + np.nanmedian(Y * p)
    b = np.nanpercentile(Y * p, 30) + np.nanstd(Y * p) + np.sum(np.cov(Y * p, X))
    return a + b + np.sum(np.unique(Y * p) ** 2) + np.sum(np.maximum.accumulate(Y * p))


def arrangements(p):
    a = np.sum(np.insert(Y, 2, p) ** 2) + np.sum(np.delete(Y * p, 2) ** 2)
    b = np.sum(np.block([[np.eye(2) * p, np.ones((2, 1))]]) ** 2) + np.frexp(p)[0] + np.modf(p)[0]
    return a + b + np.sum(np.meshgrid(Y * p, X)[0] ** 2) + np.choose(1, [p, p * p])


PROGRAMS = [
    *(of_active_points, signals, statistics, arrangements),
    *(roots, roots_of_systems, integrals, splines, filters, systems, functions_of_matrices),
    *(recurrences, lines),
]


@pytest.mark.filterwarnings("ignore::srcdiff.runtime.errors.FallbackWarning")
@pytest.mark.parametrize("f", PROGRAMS)
def test_what_ends_in_compiled_code(f):
    p, h = 1.3, 1e-3
    value, d_p = value_and_grad(f)(p)
    want = (8 * (f(p + h) - f(p - h)) - (f(p + 2 * h) - f(p - 2 * h))) / (12 * h)
    assert np.allclose(value, f(p), 1e-10) and np.allclose(d_p, want, 1e-6)
