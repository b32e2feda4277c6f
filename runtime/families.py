"""The families of `scipy.stats` whose own Python is not what one would read, in standard form.

    t_logpdf(dist, x, df)      `_logpdf` of a family, a function of the distribution and the rest
    any_logcdf(dist, x, …)     what a family without a formula of its own inherits
"""

# mypy: no-check-untyped-defs

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy import special

from srcdiff.runtime import kernels
from srcdiff.runtime.kernels import is_constant
from srcdiff.runtime.rules import distributions as formulas


def pick(test, x, y):
    """`np.where`, a number of numbers"""
    return np.where(test, x, y)[()]


def positive(x):
    """Whether a constant is above zero."""
    return x > 0


def infinite(x):
    """Whether a constant is infinite."""
    return x == np.inf


def any_logcdf(dist, x, *shapes):
    """The log of what is small: of the distribution function, or of 1 less the other tail"""
    p = dist._cdf(x, *shapes)
    small = p < 0.5
    rest = np.where(small, 0, dist._sf(x, *shapes))
    return np.log(np.where(small, p, 1)) + np.log1p(-rest)


def any_logsf(dist, x, *shapes):
    """The log of what is small: of 1 - the distribution function, or of 1 less the other tail"""
    p = dist._sf(x, *shapes)
    small = p < 0.5
    rest = np.where(small, 0, dist._cdf(x, *shapes))
    return np.log(np.where(small, p, 1)) + np.log1p(-rest)


def any_log(dist, x, *shapes):
    return np.log(dist._pdf(x, *shapes))


def any_logpmf(dist, k, *shapes):
    return np.log(dist._pmf(k, *shapes))


def any_discrete_logcdf(dist, k, *shapes):
    return np.log(dist._cdf(k, *shapes))


def any_discrete_logsf(dist, k, *shapes):
    return np.log(dist._sf(k, *shapes))


def student_log(x, df):
    constant = np.log(special.poch(0.5 * df, 0.5)) - 0.5 * (np.log(df) + np.log(np.pi))
    return constant - (df + 1) / 2 * np.log1p(x * x / df)


def t_logpdf(dist, x, df):
    if is_constant(df) and not infinite(df):
        return student_log(x, df)
    normal = df == np.inf
    student = student_log(x, pick(normal, 1, df))
    return pick(normal, -(x**2) / 2.0 - 0.5 * np.log(2 * np.pi), student)


def t_pdf(dist, x, df):
    return np.exp(t_logpdf(dist, x, df))


def t_stats(dist, df):
    """Mean and variance: infinite, or none, for small df"""
    known = (df > 2) & (df < np.inf)
    few = pick(known, df, 3)
    spread = pick(known, few / (few - 2), pick(df > 1, np.inf, np.nan))
    return pick(df > 1, 0.0, np.inf), pick(df == np.inf, 1.0, spread)


def pareto_stats(dist, b):
    has_mean, has_spread = b > 1, b > 2
    c, d = pick(has_mean, b, 2), pick(has_spread, b, 3)
    spread = d / ((d - 2) * (d - 1) ** 2)
    return pick(has_mean, c / (c - 1), np.inf), pick(has_spread, spread, np.inf)


def truncnorm_stats(dist, a, b):
    mass = formulas.log_gauss_mass(a, b) + 0.5 * np.log(2 * np.pi)
    at_a, at_b = np.exp(-0.5 * a * a - mass), np.exp(-0.5 * b * b - mass)
    center = at_a - at_b
    left, right = pick(np.isinf(a), 0, a), pick(np.isinf(b), 0, b)
    return center, 1 + (left - center) * at_a - (right - center) * at_b


def lognorm_logpdf(dist, x, s):
    return -(np.log(x) ** 2) / (2 * s**2) - np.log(s * x * np.sqrt(2 * np.pi))


def cauchy_logpdf(dist, x):
    """Without the square of a large number."""
    size = np.abs(x)
    large = size >= 1
    near, far = np.where(large, 0, size), np.where(large, size, 1)
    return -np.log(np.pi) - np.log1p(near**2) - np.where(
        large, 2 * np.log(far) + np.log1p((1 / far) ** 2), 0
    )


def skewnorm_pdf(dist, x, a):
    return 2.0 * np.exp(-(x**2) / 2.0) / np.sqrt(2 * np.pi) * special.ndtr(a * x)


def skewnorm_logpdf(dist, x, a):
    normal = -(x**2) / 2.0 - 0.5 * np.log(2 * np.pi)
    return np.log(2) + normal + special.log_ndtr(a * x)


def beta_pdf(dist, x, a, b):
    return special._ufuncs._beta_pdf(x, a, b)


def truncnorm_logpdf(dist, x, a, b):
    return -(x**2) / 2.0 - 0.5 * np.log(2 * np.pi) - formulas.log_gauss_mass(a, b)


def log_share(part, rest):
    """The log of a share, by that of the rest where it is nearly 1"""
    near = part > -0.1
    return pick(near, np.log1p(-np.exp(pick(near, rest, -1))), part)


def truncnorm_logcdf(dist, x, a, b):
    total = formulas.log_gauss_mass(a, b)
    left = formulas.log_gauss_mass(a, x) - total
    return log_share(left, formulas.log_gauss_mass(x, b) - total)


def truncnorm_logsf(dist, x, a, b):
    total = formulas.log_gauss_mass(a, b)
    right = formulas.log_gauss_mass(x, b) - total
    return log_share(right, formulas.log_gauss_mass(a, x) - total)


def truncnorm_ppf(dist, q, a, b):
    return formulas.truncnorm_ppf(q, a, b)


def truncnorm_isf(dist, q, a, b):
    return formulas.truncnorm_isf(q, a, b)


def vonmises_ppf(dist, q, kappa):
    return formulas.vonmises_ppf(q, kappa)


def loglog(x, c):
    """log(-log) of the extreme value distribution: log(1 - c * x) / c, a series near 0 is at 0

    >>> loglog(2.0, 0.0), bool(abs(loglog(2.0, 1e-9) - loglog(2.0, 0.0)) < 1e-8)
    (np.float64(-2.0), True)
    """
    flat = c == 0
    slope = pick(flat, 1, c)
    return pick(flat, -x - c * x**2 / 2 - c**2 * x**3 / 3, special.log1p(-slope * x) / slope)


def genextreme_logpdf(dist, x, c):
    end = (c * x >= 1) | (c * x == -np.inf)
    x = pick(end, 0, x)
    power = loglog(x, c)
    return pick(end, -np.inf, power - np.exp(power) - special.log1p(-c * x))


def genextreme_pdf(dist, x, c):
    return np.exp(genextreme_logpdf(dist, x, c))


def genextreme_logcdf(dist, x, c):
    return -np.exp(loglog(x, c))


def genextreme_inverse(x, c):
    """(1 - exp(-c * x)) / c"""
    flat = c == 0
    slope = pick(flat, 1, c)
    return pick(flat, x - c * x**2 / 2 + c**2 * x**3 / 6, -special.expm1(-slope * x) / slope)


def genextreme_ppf(dist, q, c):
    return genextreme_inverse(-np.log(-np.log(q)), c)


def genextreme_isf(dist, q, c):
    return genextreme_inverse(-np.log(-special.log1p(-q)), c)


def genpareto_logpdf(dist, x, c):
    return (c + 1) * loglog(x, -c)


def genpareto_pdf(dist, x, c):
    return np.exp(genpareto_logpdf(dist, x, c))


def genpareto_logsf(dist, x, c):
    return loglog(x, -c)


def dgamma_cdf(dist, x, a):
    tail = 0.5 * special.gammaincc(a, np.abs(x))
    return pick(x > 0, 1 - tail, tail)


def dgamma_sf(dist, x, a):
    return dgamma_cdf(dist, -x, a)


def dgamma_ppf(dist, q, a):
    upper = q > 0.5
    size = special.gammainccinv(a, 2 * pick(upper, 1 - q, q))
    return pick(upper, size, -size)


def dgamma_isf(dist, q, a):
    return -dgamma_ppf(dist, q, a)


def ncx2_pdf(dist, x, df, nc):
    return special._ufuncs._ncx2_pdf(x, df, nc)


def ncx2_cdf(dist, x, df, nc):
    return special.chndtr(x, df, nc)


def ncx2_sf(dist, x, df, nc):
    return special._ufuncs._ncx2_sf(x, df, nc)


def ncx2_ppf(dist, q, df, nc):
    return special.chndtrix(q, df, nc)


def ncx2_isf(dist, q, df, nc):
    return special._ufuncs._ncx2_isf(q, df, nc)


def whole(n):
    """Whether a constant is a count."""
    return n >= 0 and n == round(n)


def binom_argcheck(dist, n, p):
    fits = (p >= 0) & (p <= 1)
    return fits if is_constant(n) and whole(n) else fits & (n >= 0) & (np.round(n) == n)


def nbinom_logcdf(dist, k, n, p):
    return any_logcdf(dist, k, n, p)


def skellam_pmf(dist, x, mu1, mu2):
    negative = x < 0
    own, other = pick(negative, mu2, mu1), pick(negative, mu1, mu2)
    return 2 * special._ufuncs._ncx2_pdf(2 * own, 2 * (1 + np.abs(x)), 2 * other)


def skellam_cdf(dist, x, mu1, mu2):
    k = np.floor(x)
    negative = k < 0
    left = special.chndtr(2 * mu2, pick(negative, -2 * k, 1), 2 * mu1)
    right = special._ufuncs._ncx2_sf(2 * mu1, 2 * (pick(negative, 0, k) + 1), 2 * mu2)
    return pick(negative, left, right)


def uniform_pdf(dist, x):
    return 1 + 0 * x  # nan stays nan


def uniform_logpdf(dist, x):
    return 0 * x


def skewnorm_cdf(dist, x, a):
    return formulas.skewnorm_cdf(x, a)


def skewnorm_sf(dist, x, a):
    return formulas.skewnorm_cdf(-x, -a)


def invgauss_ppf(dist, q, mu):
    return formulas.invgauss_ppf(q, mu)


def invgauss_isf(dist, q, mu):
    return formulas.invgauss_isf(q, mu)


def vonmises_cdf(dist, x, kappa):
    return formulas.vonmises_cdf(x, kappa)


INFRASTRUCTURE = "scipy.stats._distn_infrastructure"
ANY_FAMILY: dict[tuple[str, str], Callable] = {
    (INFRASTRUCTURE, "rv_continuous._logpdf"): any_log,
    (INFRASTRUCTURE, "rv_continuous._logcdf"): any_logcdf,
    (INFRASTRUCTURE, "rv_continuous._logsf"): any_logsf,
    (INFRASTRUCTURE, "rv_discrete._logpmf"): any_logpmf,
    (INFRASTRUCTURE, "rv_generic._logcdf"): any_discrete_logcdf,
    (INFRASTRUCTURE, "rv_generic._logsf"): any_discrete_logsf,
}
FAMILIES: dict[tuple[str, str], Callable] = {
    **{
        ("scipy.stats", f"{family}_gen._{name}"): globals()[f"{family}_{name}"]
        for family, names in {
            "t": "pdf logpdf stats", "pareto": "stats", "lognorm": "logpdf", "cauchy": "logpdf",
            "skewnorm": "pdf logpdf cdf sf", "beta": "pdf", "invgauss": "ppf isf",
            "truncnorm": "logpdf logcdf logsf ppf isf stats", "vonmises": "cdf ppf",
            "uniform": "pdf logpdf", "genextreme": "pdf logpdf logcdf ppf isf",
            "genpareto": "pdf logpdf logsf", "dgamma": "cdf sf ppf isf",
            "ncx2": "pdf cdf sf ppf isf", "skellam": "pmf cdf", "nbinom": "logcdf",
            "binom": "argcheck",
        }.items()
        for name in names.split()
    },
}
kernels.STATIC.update((positive, infinite, whole))
