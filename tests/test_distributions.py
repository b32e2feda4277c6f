"""The distributions of `scipy.stats`: values as SciPy gives them, edges too, and derivatives."""

import numpy as np
import pytest
from scipy import stats

from srcdiff import grad, jvp, value_and_grad

from .coverage import Row
from .judge import right
from .tape import value_and_grad_on_tape

REAL = "v"  # arguments by name: see `coverage.ARGUMENTS`
POSITIVE, UNIT = "p", "i"
# family: where x is taken from, and its shapes
USUAL = {
    "norm": (REAL, ""), "t": (REAL, "1.6 + s"), "gamma": (POSITIVE, "1.5 + s"),
    "beta": (UNIT, "1 + s, 1 + r"), "chi2": (POSITIVE, "2.6 + s"),
    "f": (POSITIVE, "2.4 + s, 3 + r"), "expon": (POSITIVE, ""), "uniform": (UNIT, ""),
    "laplace": (REAL, ""), "cauchy": (REAL, ""), "logistic": (REAL, ""),
    "lognorm": (POSITIVE, "s"), "pareto": ("4 + v", "s + r"),
    "truncnorm": (REAL, "s - 2.7, r + 0.9"), "halfnorm": (POSITIVE, ""), "vonmises": (REAL, "r"),
    "weibull_min": (POSITIVE, "s + r"), "gumbel_r": (REAL, ""), "gumbel_l": (REAL, ""),
    "invgamma": (POSITIVE, "1.7 + s"), "invgauss": (POSITIVE, "r"), "skewnorm": (REAL, "s"),
    "genextreme": (REAL, "0.5 * s"),
}  # fmt: skip
OTHERS = {
    "weibull_max": ("-p", "s + r"), "rayleigh": (POSITIVE, ""), "maxwell": (POSITIVE, ""),
    "chi": (POSITIVE, "s + r"), "powerlaw": (UNIT, "r"), "triang": (UNIT, "s"),
    "halfcauchy": (POSITIVE, ""), "halflogistic": (POSITIVE, ""), "levy": (POSITIVE, ""),
    "fisk": (POSITIVE, "r"), "burr12": (POSITIVE, "r, s"), "exponnorm": (REAL, "r"),
    "gengamma": (POSITIVE, "r, 1 + s"), "genpareto": (POSITIVE, "0.4 * s"),
    "gompertz": (POSITIVE, "s"), "johnsonsu": (REAL, "s, r"), "loggamma": (REAL, "r"),
    "lomax": (POSITIVE, "r"), "nakagami": (POSITIVE, "r"), "ncx2": (POSITIVE, "2 + s, r"),
    "rice": (POSITIVE, "s"), "dgamma": (REAL, "r"), "dweibull": (REAL, "r"),
    "gennorm": (REAL, "r"), "moyal": (REAL, ""), "betaprime": (POSITIVE, "r, 1 + s"),
    "invweibull": (POSITIVE, "r"), "loguniform": ("2 + p", "1 + 0.1 * s, 3 + r"),
    "tukeylambda": (REAL, "0.5 * s"), "foldnorm": (POSITIVE, "s"),
}  # fmt: skip
COUNTED = {
    "poisson": "r", "binom": "6, i", "bernoulli": "i", "nbinom": "2 + r, i", "geom": "i",
    "planck": "r", "dlaplace": "r", "skellam": "r, s",
}  # fmt: skip
METHODS = "pdf logpdf cdf logcdf sf logsf ppf isf".split()


def programs():
    for families, methods in ((USUAL, METHODS), (OTHERS, ["logpdf", "cdf"])):
        for family, (x, shapes) in families.items():
            for method in methods:
                at = UNIT if method in ("ppf", "isf") else x
                given = ", ".join(part for part in (at, shapes, "0.1 * w", "r") if part)
                yield f"stats.{family}.{method}({given})"
    for family, shapes in COUNTED.items():
        k = "k5 % 2" if family == "bernoulli" else "k5 + 1" if family == "geom" else "k5"
        methods = ("pmf", "cdf", "logpmf", "sf", "logcdf")
        for method in methods[:2] if family == "bernoulli" else methods:
            yield f"stats.{family}.{method}({k}, {shapes})"


@pytest.mark.parametrize("program", list(programs()))
def test_methods_in_both_modes_and_on_the_tape(program):
    for mode, verdict in Row(program, program).verdicts().items():
        assert verdict.outcome == "right", f"{mode}: {verdict}"


SPELLINGS = [
    "stats.norm.logpdf(v, loc=s, scale=r)",
    "stats.norm.logpdf(x=v, scale=r, loc=s)",
    "stats.gamma.logpdf(p, a=1 + r, scale=s)",
    "stats.norm(s, r).logpdf(v)",
    "stats.norm(loc=s, scale=p).cdf(v)",
    "d = stats.gamma(1 + r, scale=s); d.logpdf(p) - d.logsf(p)",
    "stats.poisson(r).logpmf(k5)",
    "stats.norm.logpdf([s, 2.0, r], s)",
    "stats.norm.logpdf(s, [0.0, 1.0], r)",
    "stats.norm.logpdf(v[:, None], w4, r)",
    "stats.norm.logpdf(s)",
    "stats.expon.logpdf(s, 0.0, r)",
    "stats.norm.pdf(v, 0, 2) * s",
    "s * stats.binom.pmf(2, 6, 0.25)",
    "stats.norm.mean(s, r) + stats.norm.var(s, r) * stats.norm.std(s, r)",
    "stats.gamma.mean(1 + s, scale=r) + stats.gamma.var(1 + s, scale=r)",
    "stats.norm.entropy(s, r) + stats.gamma.entropy(1 + s, scale=r)",
    "stats.gamma(1 + s, scale=r).mean() - stats.gamma(1 + s, scale=r).std()",
    "stats.t.mean(3 + r, s) + stats.t.std(3 + r, scale=s)",
    "stats.pareto.mean(1 + r, s) + stats.pareto.var(2 + r, scale=s)",
    "stats.truncnorm.mean(-r, s) + stats.truncnorm.var(-r, 1 + s, scale=s)",
    "stats.weibull_min.mean(1 + r, scale=s) + stats.weibull_min.std(1 + r)",
    "stats.poisson.mean(r) + stats.binom.var(6, i)",
    "np.log(s * stats.norm.pdf(v, -1, r) + (1 - s) * stats.expon.pdf(v))",
]


@pytest.mark.parametrize("program", SPELLINGS)
def test_spellings(program):
    test_methods_in_both_modes_and_on_the_tape(program)


FROZEN = stats.norm(0.3, 1.4)


def test_a_frozen_distribution_from_outside():
    def loss(x):
        return np.sum(FROZEN.logpdf(x))

    right(loss, np.array([0.3, -1.2]))


def test_single_precision_stays_in_the_gradient_and_values_are_double():
    def loss(x, mu):
        return np.sum(stats.norm.logpdf(x, mu, 1.5))

    x, mu = np.float32([0.3, -1.2]), np.float32(0.4)
    value, (d_x, d_mu) = value_and_grad(loss, wrt=(0, 1), fallback="error")(x, mu)
    assert value == loss(x, mu) and np.asarray(value).dtype == np.float64
    assert d_x.dtype == d_mu.dtype == np.float32


def test_what_is_counted_has_no_derivative():
    def loss(k, mu):
        return np.sum(stats.poisson.logpmf(k, mu))

    k = np.array([0.0, 2.0, 3.0])
    for found in (value_and_grad(loss, wrt=(0, 1), fallback="error"),
                  value_and_grad_on_tape(loss, (0, 1))):  # fmt: skip
        value, (d_k, d_mu) = found(k, 1.7)
        assert value == loss(k, 1.7)
        assert list(d_k) == [0, 0, 0] and np.isclose(d_mu, 5 / 1.7 - 3)


def test_outside_the_support_the_gradient_is_zero():
    def loss(x, scale):
        return np.sum(stats.gamma.pdf(x, 2.2, scale=scale))

    d_x, d_scale = grad(loss, wrt=(0, 1), fallback="error")(np.array([-1.0, 0.7]), 1.3)
    assert d_x[0] == 0 and np.isfinite(d_x[1]) and np.isfinite(d_scale)


def test_extreme_value_distributions_at_the_shape_zero_have_the_limit():
    def loss(x, c):
        return np.sum(stats.genextreme.logpdf(x, c)) + np.sum(stats.genpareto.logpdf(x, c))

    x = np.array([0.7, 1.2])
    at_zero = grad(loss, wrt=(0, 1), fallback="error")(x, 0.0)
    nearby = grad(loss, wrt=(0, 1), fallback="error")(x, 1e-7)
    for one, other in zip(at_zero, nearby, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-6)


def test_a_wrong_keyword_raises_as_scipy_does():
    def loss(x):
        return np.sum(stats.norm.logpdf(x, sigma=2.0))

    with pytest.raises(TypeError):
        loss(np.ones(2))
    with pytest.raises(TypeError, match="loc, scale"):
        grad(loss, fallback="error")(np.ones(2))


X_EDGES = np.array([-np.inf, -5.0, -1.0, 0.0, 0.5, 1.0, 2.0, 1e3, np.inf, np.nan])
Q_EDGES = np.array([-0.1, 0.0, 0.2, 0.9, 1.0, 1.1, np.nan])
SHAPES = {"t": (2.3,), "gamma": (2.2,), "beta": (1.7, 2.3), "chi2": (3.3,), "f": (3.1, 5.2),
          "lognorm": (0.7,), "pareto": (2.3,), "truncnorm": (-2.0, 2.2), "vonmises": (1.3,),
          "weibull_min": (1.6,), "invgamma": (2.4,), "invgauss": (1.2,), "skewnorm": (0.8,),
          "genextreme": (0.3,)}  # fmt: skip


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("family", USUAL)
@np.errstate(all="ignore")
def test_values_at_the_edges_are_scipys(family, method):
    distribution, shapes = getattr(stats, family), SHAPES.get(family, ())
    x = Q_EDGES if method in ("ppf", "isf") else X_EDGES

    def f(x, loc, scale, *shapes):
        return getattr(distribution, method)(x, *shapes, loc=loc, scale=scale)

    bad_shapes = tuple(-5.0 for _ in shapes)
    for args in ((0.0, 1.0, *shapes), (0.2, 1.3, *shapes), (0.0, -1.0, *shapes),
                 (0.0, np.nan, *shapes), (0.0, 1.0, *bad_shapes)):  # fmt: skip
        zeros = tuple(0.0 for _ in args)
        value, _ = jvp(f, (x, *args), (np.zeros_like(x), *zeros))
        np.testing.assert_allclose(value, f(x, *args), rtol=1e-12, atol=0)


def test_the_generated_source_is_what_a_statistician_would_write():
    def loss(x, mu, sigma):
        return -np.sum(stats.norm.logpdf(x, mu, sigma))

    df = grad(loss, wrt=(1, 2), fallback="error")
    df(np.array([0.3, -1.2]), 0.1, 1.3)
    assert "y = (x - mu) / sigma" in df.source
    assert len(df.source.splitlines()) < 12


class t_gen(stats.rv_continuous):  # noqa: N801
    """A distribution of a user's own, that is named as one of SciPy's."""

    def _pdf(self, x, c):
        return (1 + c * x) * np.exp(-c * x) / (2 / c) / np.exp(0)


OWN = t_gen(a=0.0, name="own")


def test_a_distribution_of_ones_own():
    def loss(x, c):
        return np.sum(OWN.logpdf(x, c, scale=2.0))

    right(loss, np.array([0.3, 1.2, 0.7]), 1.3, wrt=(0, 1))


SEVERAL = [
    "stats.multivariate_normal.logpdf(m, w4, h)",
    "stats.multivariate_normal.logpdf(x=m, mean=w4, cov=h)",
    "stats.multivariate_normal.pdf(w4, m[0], h)",
    "stats.multivariate_normal.logpdf(x3, w4, h)",
    "stats.multivariate_normal.logpdf(m, w4, p4)",
    "stats.multivariate_normal.logpdf(m, w4, r)",
    "stats.multivariate_normal.logpdf(m, w4)",
    "stats.multivariate_normal.logpdf(m, w4, h, allow_singular=True)",
    "stats.multivariate_normal.pdf(w4, m[0], p4, allow_singular=True)",
    "stats.multivariate_normal.logpdf(v, s, r, allow_singular=True)",
    "stats.multivariate_normal.logpdf(m, cov=h)",
    "stats.multivariate_normal.logpdf(v, s, r)",
    "stats.multivariate_normal.logpdf(s, 0.3, r)",
    "stats.multivariate_normal.logpdf(v[:, None], np.array([0.3]), np.array([[r]]))",
    "stats.multivariate_normal.entropy(w4, h) + stats.multivariate_normal.entropy(cov=r)",
    "stats.multivariate_normal(w4, h).logpdf(m)",
    "d = stats.multivariate_normal(w4, r); d.pdf(m[0]) * d.entropy()",
    "stats.multivariate_t.logpdf(m, w4, h, 2 + r)",
    "stats.multivariate_t(w4, h, 3).pdf(m[0])",
    "stats.multinomial.logpmf(np.array([1, 2, 1, 0]), 4, p4 / np.sum(p4))",
    "stats.multinomial.pmf(np.array([[1, 2, 1, 0], [0, 1, 1, 2]]), 4, p4 / np.sum(p4))",
    "stats.multinomial.logpmf(np.array([[1, 2, 1, 0], [9, 1, 1, 2]]), 4, p4 / np.sum(p4))[0]",
    "stats.dirichlet.logpdf(i / np.sum(i), q)",
    "stats.dirichlet.entropy(p4)",
    "stats.wishart.logpdf(h, 6.0, np.eye(4))",
    "stats.gaussian_kde(v)(w)",
    "stats.gaussian_kde(v, 'silverman', weights=p).logpdf(w)",
    "stats.gaussian_kde(v, r)(s)",
    "stats.gaussian_kde(m[:2] + np.eye(4)[:2]).evaluate(x3[0, :2])",
    "stats.gaussian_kde(m[:2] + np.eye(4)[:2], r).logpdf(x3[0, :2])",
]


@pytest.mark.parametrize("program", SEVERAL)
def test_of_several_variables(program):
    test_methods_in_both_modes_and_on_the_tape(program)


NORMAL = stats.multivariate_normal([0.3, -0.2], [[1.3, 0.2], [0.2, 0.8]])
ESTIMATE = stats.gaussian_kde([0.3, -0.2, 1.4, 0.8])


def test_objects_from_outside():
    def loss(x, y):
        return np.sum(NORMAL.logpdf(x)) + np.sum(ESTIMATE(y) + ESTIMATE.logpdf(y))

    x, y = np.array([[0.3, -1.2], [0.7, 0.1], [1.1, 0.2]]), np.array([0.4, 1.2])
    right(loss, x, y, wrt=(0, 1))
    taped = value_and_grad_on_tape(loss, (0, 1))(x, y)
    compiled = value_and_grad(loss, wrt=(0, 1), fallback="error")(x, y)
    for one, other in zip(taped[1], compiled[1], strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-9)


def test_a_covariance_that_is_none_raises_as_scipy_does():
    def loss(cov):
        return stats.multivariate_normal.logpdf(np.zeros(2), np.zeros(2), cov)

    for cov in (np.array([[1.0, 2.0], [2.0, 1.0]]), np.array([1.0, -2.0]), -1.0):
        with pytest.raises(ValueError):
            loss(cov)
        with pytest.raises(ValueError):
            grad(loss, fallback="error")(cov)


def test_a_singular_covariance_has_a_density_on_its_range():
    cov = np.diag([1.0, 1.0, 0.0])

    def loss(x, mean):
        x = np.concatenate((x, mean[2:]))
        return stats.multivariate_normal.logpdf(x, mean, cov, allow_singular=True)

    right(loss, np.array([0.3, -1.2]), np.array([0.1, 0.2, 0.4]), wrt=(0, 1))
    beyond = np.array([[0.0, 0.0, 1.0], [0.0, 1.0, 0.0]])

    def outside_and_inside(x):
        logs = stats.multivariate_normal.logpdf(x, np.zeros(3), cov, allow_singular=True)
        return logs[1] + np.sum(stats.multivariate_normal.pdf(x, np.zeros(3), cov, True)), logs

    compiled = value_and_grad(outside_and_inside, has_aux=True, fallback="error")
    (value, logs), d = compiled(beyond)
    assert logs[0] == -np.inf and not d[0].any() and d[1, 1] < 0
    np.testing.assert_allclose(value, outside_and_inside(beyond)[0], rtol=1e-12)


def test_the_pseudo_determinant_of_a_covariance_moves_with_it():
    def loss(factor):
        cov = factor @ factor.T  # of rank two
        return stats.multivariate_normal.logpdf(factor @ AT, np.zeros(3), cov, allow_singular=True)

    right(loss, np.array([[1.0, 0.3], [-0.4, 0.9], [0.2, 0.5]]))


AT = np.array([0.3, -0.8])


def test_several_variables_need_one_factorisation_and_no_inverse():
    def loss(mean, cov):
        return -np.sum(stats.multivariate_normal.logpdf(X, mean, cov))

    df = grad(loss, wrt=(0, 1), fallback="error")
    df(np.zeros(2), np.eye(2))
    assert df.source.count("cholesky(") == 1 and "inv(" not in df.source


X = np.array([[0.3, -1.2], [0.7, 0.1], [1.1, 0.2]])
