"""Rules of what the distributions of `scipy.stats` are made of, registered when it is there.

    p = _binom_pmf(k, n, p)      →    d_p = n * (_binom_pmf(k - 1, n - 1, p) - …(k, n - 1, p))
    x = invgauss_ppf(q, mu)      →    d_q = 1 / the density at x

The derivative of a distribution function with respect to x is the density, f; that of its inverse
1 / f, and with respect to a parameter -F' / f, F' being that of the distribution function.
"""

# mypy: no-check-untyped-defs

import math

import numpy as np
from scipy import special, stats
from scipy.special import _ufuncs as ufuncs
from scipy.special import betaln, log_ndtr, psi, xlog1py, xlogy
from scipy.stats import _continuous_distns

from srcdiff.runtime.registry import batch_by_elements, spread, vjp_rule
from srcdiff.runtime.rules.special_parameters import BARRIERS, UNIT, ZERO, F, parameter_term

# Beta, binomial and negative binomial


def times(factor, power):
    """factor * power, 0 where the factor is 0 and the power infinite"""
    return factor * np.where((factor == 0) & np.isinf(power), 0, power)


@vjp_rule(ufuncs._beta_pdf, at=[(F(0.4), F(1.7), F(2.3)), (UNIT[1], spread(3, low=0.4), F(1.3)),
                                (F(0.3), F(1.0), F(1.0))])  # fmt: skip
def beta_pdf_vjp(d_out, out, x, a, b):
    """out = x ** (a - 1) * (1 - x) ** (b - 1) / beta(a, b)"""
    both, scale = psi(a + b), betaln(a, b)
    rising = times(a - 1, np.exp(xlogy(a - 2, x) + xlog1py(b - 1, -x) - scale))
    falling = times(b - 1, np.exp(xlogy(a - 1, x) + xlog1py(b - 2, -x) - scale))
    d_a = d_out * out * (np.log(x) - psi(a) + both)
    d_b = d_out * out * (np.log1p(-x) - psi(b) + both)
    return d_out * (rising - falling), d_a, d_b


BINOMIAL = [(2, 5, F(0.3)), (np.array([0, 2, 5]), 5, UNIT[1]), (0, 0, F(0.3))]


def binomial_slope(k, n, p):
    """n times the probability of k in n - 1 draws, 0 where there is no such k"""
    there = (k >= 0) & (k < n)
    one_less = ufuncs._binom_pmf(np.where(there, k, 0), np.maximum(n - 1, 0), p)
    return np.where(there, n * one_less, 0)


@vjp_rule(ufuncs._binom_pmf, at=BINOMIAL)
def binom_pmf_vjp(d_out, out, k, n, p):
    """out = comb(n, k) * p ** k * (1 - p) ** (n - k), of whole numbers k and n"""
    return None, None, d_out * (binomial_slope(k - 1, n, p) - binomial_slope(k, n, p))


@vjp_rule(ufuncs._binom_cdf, at=BINOMIAL)
def binom_cdf_vjp(d_out, out, k, n, p):
    """out = the sum of the probabilities up to k"""
    return None, None, -d_out * binomial_slope(k, n, p)


@vjp_rule(ufuncs._binom_sf, at=BINOMIAL)
def binom_sf_vjp(d_out, out, k, n, p):
    """out = 1 - the sum of the probabilities up to k"""
    return None, None, d_out * binomial_slope(k, n, p)


NEGATIVE = [(3, F(2.5), F(0.3)), (np.array([0, 1, 4]), spread(3, low=0.7), UNIT[1])]


@vjp_rule(ufuncs._nbinom_pmf, at=NEGATIVE)
def nbinom_pmf_vjp(d_out, out, k, n, p):
    """out = comb(n + k - 1, k) * p ** n * (1 - p) ** k, of a whole number k"""
    there = k > 0
    before = np.where(there, ufuncs._nbinom_pmf(np.where(there, k - 1, 0), n + 1, p), 0)
    d_n = d_out * out * (psi(n + k) - psi(n) + np.log(p))
    return None, d_n, d_out * n / p * (out - before)


@vjp_rule(ufuncs._nbinom_cdf, at=NEGATIVE)
def nbinom_cdf_vjp(d_out, out, k, n, p):
    """out = betainc(n, k + 1, p)"""
    d_n = parameter_term(d_out, special.betainc, 0, n, k + 1.0, p)
    return None, d_n, d_out * np.exp(xlogy(n - 1, p) + xlog1py(k, -p) - betaln(n, k + 1))


@vjp_rule(ufuncs._nbinom_sf, at=NEGATIVE)
def nbinom_sf_vjp(d_out, out, k, n, p):
    """out = 1 - betainc(n, k + 1, p)"""
    d_n = parameter_term(-d_out, special.betainc, 0, n, k + 1.0, p)
    return None, d_n, -d_out * np.exp(xlogy(n - 1, p) + xlog1py(k, -p) - betaln(n, k + 1))


# Cauchy, normal between two ends, skew normal, inverse normal, von Mises


CAUCHY = [(F(0.3), F(0.2), F(1.3)), (UNIT[1], F(0.0), F(1.0))]


@vjp_rule(ufuncs._cauchy_ppf, at=CAUCHY)
def cauchy_ppf_vjp(d_out, out, q, loc, scale):
    """out = loc - scale / tan(pi * q)"""
    turn = (out - loc) / scale
    return np.pi * d_out * scale * (1 + turn * turn), d_out, d_out * turn


@vjp_rule(ufuncs._cauchy_isf, at=CAUCHY)
def cauchy_isf_vjp(d_out, out, q, loc, scale):
    """out = loc + scale / tan(pi * q)"""
    turn = (out - loc) / scale
    return -np.pi * d_out * scale * (1 + turn * turn), d_out, d_out * turn


def log_gauss_mass(a, b):
    """The log of what the standard normal distribution has between a and b.

    >>> float(np.exp(log_gauss_mass(-np.inf, 0.0)).round(12))
    0.5
    """
    a, b = np.positive(a, dtype=float), np.positive(b, dtype=float)  # real ones
    return _continuous_distns._log_gauss_mass(a, b)[()]


ENDS = [(F(-0.7), F(1.3)), (spread(3), F(2.5)), (F(-np.inf), F(0.4)), (F(3.0), F(np.inf))]


def share_at(end, out):
    """The standard normal density at an end, over exp(out): 0 where that is infinite"""
    finite = np.where(np.isinf(end), 0, end)
    return np.where(np.isinf(end), 0, np.exp(-0.5 * finite * finite - out)) / math.sqrt(2 * math.pi)


@vjp_rule(log_gauss_mass, at=ENDS)
def log_gauss_mass_vjp(d_out, out, a, b):
    """out = log(ndtr(b) - ndtr(a))"""
    return -d_out * share_at(a, out), d_out * share_at(b, out)


def truncnorm_ppf(q, a, b):
    """`scipy.stats.truncnorm.ppf` in standard form

    >>> bool(abs(truncnorm_ppf(0.5, -1.0, 1.0)) < 1e-12)
    True
    """
    return stats.truncnorm.ppf(q, a, b)


BETWEEN = [(F(0.3), F(-0.7), F(1.3)), (UNIT[1], F(-2.0), F(2.5)), (UNIT[1], F(0.4), F(2.5))]


@vjp_rule(truncnorm_ppf, at=BETWEEN)
def truncnorm_ppf_vjp(d_out, out, q, a, b):
    """ndtr(out) = (1 - q) * ndtr(a) + q * ndtr(b)"""
    square = 0.5 * out * out
    d_q = math.sqrt(2 * math.pi) * d_out * np.exp(square + log_gauss_mass(a, b))
    d_a = d_out * (1 - q) * np.exp(square - 0.5 * a * a)
    return d_q, d_a, d_out * q * np.exp(square - 0.5 * b * b)


def truncnorm_isf(q, a, b):
    """`scipy.stats.truncnorm.isf` in standard form

    >>> bool(abs(truncnorm_isf(0.5, -1.0, 1.0)) < 1e-12)
    True
    """
    return stats.truncnorm.isf(q, a, b)


@vjp_rule(truncnorm_isf, at=BETWEEN)
def truncnorm_isf_vjp(d_out, out, q, a, b):
    """ndtr(out) = q * ndtr(a) + (1 - q) * ndtr(b)"""
    square = 0.5 * out * out
    d_q = -math.sqrt(2 * math.pi) * d_out * np.exp(square + log_gauss_mass(a, b))
    d_a = d_out * q * np.exp(square - 0.5 * a * a)
    return d_q, d_a, d_out * (1 - q) * np.exp(square - 0.5 * b * b)


def skewnorm_cdf(x, a):
    """`scipy.stats.skewnorm.cdf` in standard form

    >>> skewnorm_cdf(0.0, 0.0)
    np.float64(0.5)
    """
    return stats.skewnorm.cdf(x, a)


SKEWED = [(F(0.4), F(1.2)), (spread(3), F(-0.7)), (F(-0.3), spread(3))]


def skew_density(x, a):
    return 2 / math.sqrt(2 * math.pi) * np.exp(-0.5 * x * x + log_ndtr(a * x))


@vjp_rule(skewnorm_cdf, at=SKEWED)
def skewnorm_cdf_vjp(d_out, out, x, a):
    """out = ndtr(x) - 2 * owens_t(x, a)"""
    square = 1 + a * a
    d_a = -d_out * np.exp(-0.5 * x * x * square) / (np.pi * square)
    return d_out * skew_density(x, a), d_a


@vjp_rule(ufuncs._skewnorm_ppf, at=[(F(0.4), F(0.0), F(1.0), F(1.2)),
                                    (UNIT[1], F(0.3), F(1.4), F(-0.7))])  # fmt: skip
def skewnorm_ppf_vjp(d_out, out, q, loc, scale, a):
    """skewnorm_cdf((out - loc) / scale, a) = q"""
    z = (out - loc) / scale
    square = 1 + a * a
    d_q = d_out * scale / skew_density(z, a)
    d_a = d_q * np.exp(-0.5 * z * z * square) / (np.pi * square)
    return d_q, d_out, d_out * z, d_a


@vjp_rule(ufuncs._skewnorm_isf, at=[(F(0.4), F(0.0), F(1.0), F(1.2)),
                                    (UNIT[1], F(0.3), F(1.4), F(-0.7))])  # fmt: skip
def skewnorm_isf_vjp(d_out, out, q, loc, scale, a):
    """1 - skewnorm_cdf((out - loc) / scale, a) = q"""
    z = (out - loc) / scale
    square = 1 + a * a
    d_q = -d_out * scale / skew_density(z, a)
    d_a = -d_q * np.exp(-0.5 * z * z * square) / (np.pi * square)
    return d_q, d_out, d_out * z, d_a


def invgauss_ppf(q, mu):
    """`scipy.stats.invgauss.ppf` in standard form"""
    return stats.invgauss.ppf(q, mu)


def invgauss_isf(q, mu):
    """`scipy.stats.invgauss.isf` in standard form"""
    return stats.invgauss.isf(q, mu)


def invgauss_slopes(x, mu):
    """The density, and the derivative of the distribution function with respect to mu."""
    near, far = (x / mu - 1) / np.sqrt(x), (x / mu + 1) / np.sqrt(x)
    density = np.exp(-0.5 * near * near) / np.sqrt(2 * np.pi * x**3)
    return density, -2 / (mu * mu) * np.exp(2 / mu + log_ndtr(-far))


@vjp_rule(invgauss_ppf, at=[(F(0.3), F(1.2)), (UNIT[1], F(0.7)), (F(0.6), spread(3, low=0.4))])
def invgauss_ppf_vjp(d_out, out, q, mu):
    """ndtr((out / mu - 1) / sqrt(out)) + exp(2 / mu) * ndtr(-(out / mu + 1) / sqrt(out)) = q"""
    density, slope = invgauss_slopes(out, mu)
    return d_out / density, -d_out * slope / density


@vjp_rule(invgauss_isf, at=[(F(0.3), F(1.2)), (UNIT[1], F(0.7)), (F(0.6), spread(3, low=0.4))])
def invgauss_isf_vjp(d_out, out, q, mu):
    """invgauss_ppf(1 - q, mu) = out"""
    density, slope = invgauss_slopes(out, mu)
    return -d_out / density, -d_out * slope / density


def vonmises_cdf(x, kappa):
    """`scipy.stats.vonmises.cdf` in standard form

    >>> vonmises_cdf(0.0, 1.3)
    np.float64(0.5)
    """
    return stats.vonmises.cdf(x, kappa)


BARRIERS[vonmises_cdf] = {1: ZERO}


@vjp_rule(vonmises_cdf, at=[(F(0.4), F(1.2)), (spread(3), F(0.7)), (F(0.6), spread(3, low=0.4))])
def vonmises_cdf_vjp(d_out, out, x, kappa):
    """out = the integral of exp(kappa * cos(t)) / (2 pi * i0(kappa)) from -pi to x"""
    d_kappa = parameter_term(d_out, vonmises_cdf, 1, x, kappa)
    return d_out * np.exp(kappa * special.cosm1(x)) / (2 * np.pi * special.i0e(kappa)), d_kappa


def vonmises_ppf(q, kappa):
    """`scipy.stats.vonmises.ppf` in standard form"""
    return stats.vonmises.ppf(q, kappa)


@vjp_rule(vonmises_ppf, at=[(F(0.4), F(1.2)), (UNIT[1], F(0.7))])
def vonmises_ppf_vjp(d_out, out, q, kappa):
    """vonmises_cdf(out, kappa) = q"""
    density = np.exp(kappa * special.cosm1(out)) / (2 * np.pi * special.i0e(kappa))
    d_q = d_out / density
    return d_q, parameter_term(-d_q, vonmises_cdf, 1, out, kappa)


# Noncentral chi squared


NONCENTRAL = [(F(0.7), F(3.3), F(1.2)), (spread(3, low=0.3), F(2.4), F(0.8))]


@vjp_rule(ufuncs._ncx2_pdf, at=NONCENTRAL)
def ncx2_pdf_vjp(d_out, out, x, df, nc):
    """out = the sum of Poisson weights times densities of chi squared of df + 2 j

    In x: f' = (f(df - 2) - f) / 2, which is written here for any df > 0 by the recurrence
    x f(df) = df f(df + 2) + nc f(df + 4); in nc: (f(df + 2) - f) / 2.
    """
    more = ufuncs._ncx2_pdf(x, df + 2, nc)
    d_df = parameter_term(d_out, ufuncs._ncx2_pdf, 1, x, df, nc)
    lower = ((df - 2) * out + nc * more) / x
    return 0.5 * d_out * (lower - out), d_df, 0.5 * d_out * (more - out)


@vjp_rule(special.chndtr, at=NONCENTRAL)
def chndtr_vjp(d_out, out, x, df, nc):
    """out = the distribution function of noncentral chi squared"""
    d_df = parameter_term(d_out, special.chndtr, 1, x, df, nc)
    d_nc = -d_out * ufuncs._ncx2_pdf(x, df + 2, nc)
    return d_out * ufuncs._ncx2_pdf(x, df, nc), d_df, d_nc


@vjp_rule(ufuncs._ncx2_sf, at=NONCENTRAL)
def ncx2_sf_vjp(d_out, out, x, df, nc):
    """out = 1 - chndtr(x, df, nc)"""
    d_df = parameter_term(d_out, ufuncs._ncx2_sf, 1, x, df, nc)
    d_nc = d_out * ufuncs._ncx2_pdf(x, df + 2, nc)
    return -d_out * ufuncs._ncx2_pdf(x, df, nc), d_df, d_nc


@vjp_rule(special.chndtrix, at=[(F(0.7), F(3.3), F(1.2)), (UNIT[1], F(2.4), F(0.8))])
def chndtrix_vjp(d_out, out, p, df, nc):
    """chndtr(out, df, nc) = p"""
    d_p = d_out / ufuncs._ncx2_pdf(out, df, nc)
    d_df = parameter_term(-d_p, special.chndtr, 1, out, df, nc)
    return d_p, d_df, d_p * ufuncs._ncx2_pdf(out, df + 2, nc)


@vjp_rule(ufuncs._ncx2_isf, at=[(F(0.7), F(3.3), F(1.2)), (UNIT[1], F(2.4), F(0.8))])
def ncx2_isf_vjp(d_out, out, p, df, nc):
    """chndtr(out, df, nc) = 1 - p"""
    d_p = -d_out / ufuncs._ncx2_pdf(out, df, nc)
    d_df = parameter_term(-d_p, ufuncs._ncx2_sf, 1, out, df, nc)
    return d_p, d_df, -d_p * ufuncs._ncx2_pdf(out, df + 2, nc)


# Tukey's lambda


@vjp_rule(special.tklmbda, at=[(F(0.4), F(0.7)), (spread(3) / 2, F(0.3))])
def tklmbda_vjp(d_out, out, x, lmbda):
    """(out ** lmbda - (1 - out) ** lmbda) / lmbda = x"""
    d_x = d_out / (out ** (lmbda - 1) + (1 - out) ** (lmbda - 1))
    left, right = np.log(out), np.log1p(-out)
    grown = left * out**lmbda - right * (1 - out) ** lmbda
    return d_x, -d_x * (grown - x) / lmbda


# Their values are of SciPy's own methods, which take what is broadcast.
batch_by_elements(
    log_gauss_mass, truncnorm_ppf, truncnorm_isf, skewnorm_cdf, invgauss_ppf, invgauss_isf,
    vonmises_cdf, vonmises_ppf,
)
