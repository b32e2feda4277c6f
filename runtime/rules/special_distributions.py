"""Rules of the distribution functions of `scipy.special`: the derivative is the density.

    y = chdtr(v, x)        →    d_x = d_y * density(x)
    x = chdtri(v, p)       →    d_p = -d_x / density(x)
"""

# mypy: no-check-untyped-defs

import math

import numpy as np
from scipy import special
from scipy.special import (
    betaln,
    gammaln,
    xlog1py,
    xlogy,
)

from srcdiff.runtime.registry import spread, vjp_rule
from srcdiff.runtime.rules.special_parameters import (
    POSITIVE_PAIRS,
    UNIT,
    F,
    parameter_slope,
    parameter_term,
)


@vjp_rule(special.stdtr, at=[(F(1.7), F(0.4)), (F(3.0), spread(3)), (spread(3, low=0.5), F(-0.7))])
def stdtr_vjp(d_out, out, df, t):
    """out = the distribution function of Student's t"""
    d_df = parameter_term(d_out, special.stdtr, 0, df, t)
    power = xlog1py(-0.5 * (df + 1), t * t / df) - betaln(0.5 * df, 0.5)
    return d_df, d_out * np.exp(power) / np.sqrt(df)


@vjp_rule(special.stdtrit, at=[(F(1.7), F(0.4)), (F(3.0), UNIT[1]), (spread(3, low=0.8), F(0.7))])
def stdtrit_vjp(d_out, out, df, p):
    """stdtr(df, out) = p"""
    power = xlog1py(0.5 * (df + 1), out * out / df) + betaln(0.5 * df, 0.5)
    d_p = d_out * np.exp(power) * np.sqrt(df)
    return parameter_term(-d_p, special.stdtr, 0, df, out), d_p


@vjp_rule(special.chdtr, at=[*POSITIVE_PAIRS, (F(0.03), F(0.4))])
def chdtr_vjp(d_out, out, v, x):
    """out = the distribution function of chi squared"""
    d_v = parameter_term(d_out, special.chdtr, 0, v, x)
    half = 0.5 * v
    return d_v, 0.5 * d_out * np.exp(xlogy(half - 1, 0.5 * x) - 0.5 * x - gammaln(half))


@vjp_rule(special.chdtrc, at=[*POSITIVE_PAIRS, (F(0.03), F(0.4))])
def chdtrc_vjp(d_out, out, v, x):
    """out = 1 - chdtr(v, x)"""
    d_v = parameter_term(d_out, special.chdtrc, 0, v, x)
    half = 0.5 * v
    return d_v, -0.5 * d_out * np.exp(xlogy(half - 1, 0.5 * x) - 0.5 * x - gammaln(half))


@vjp_rule(special.chdtri, at=[(F(1.7), F(0.4)), (F(3.0), UNIT[1])])
def chdtri_vjp(d_out, out, v, p):
    """chdtrc(v, out) = p"""
    half = 0.5 * v
    d_p = -2 * d_out * np.exp(gammaln(half) + 0.5 * out - xlogy(half - 1, 0.5 * out))
    return parameter_term(-d_p, special.chdtrc, 0, v, out), d_p


FISHER = [(F(1.7), F(2.3), F(0.4)), (F(0.077), F(0.076), F(0.4)),
          (F(3.0), F(5.0), spread(3, low=0.3))]  # fmt: skip


def fisher_density(dfn, dfd, x):
    """The density of the F distribution."""
    a, b = 0.5 * dfn, 0.5 * dfd
    ratio = dfn / dfd
    power = xlogy(a - 1, x * ratio) - xlog1py(a + b, x * ratio) - betaln(a, b)
    return ratio * np.exp(power)


@vjp_rule(special.fdtr, at=FISHER)
def fdtr_vjp(d_out, out, dfn, dfd, x):
    """out = the distribution function of F"""
    d_n = parameter_term(d_out, special.fdtr, 0, dfn, dfd, x)
    d_d = parameter_term(d_out, special.fdtr, 1, dfn, dfd, x)
    return d_n, d_d, d_out * fisher_density(dfn, dfd, x)


@vjp_rule(special.fdtrc, at=FISHER)
def fdtrc_vjp(d_out, out, dfn, dfd, x):
    """out = 1 - fdtr(dfn, dfd, x)"""
    d_n = parameter_term(d_out, special.fdtrc, 0, dfn, dfd, x)
    d_d = parameter_term(d_out, special.fdtrc, 1, dfn, dfd, x)
    return d_n, d_d, -d_out * fisher_density(dfn, dfd, x)


@vjp_rule(special.fdtri, at=[(F(1.7), F(2.3), F(0.4)), (F(3.0), F(5.0), UNIT[1])])
def fdtri_vjp(d_out, out, dfn, dfd, p):
    """fdtr(dfn, dfd, out) = p"""
    d_p = d_out / fisher_density(dfn, dfd, out)
    d_n = parameter_term(-d_p, special.fdtr, 0, dfn, dfd, out)
    d_d = parameter_term(-d_p, special.fdtr, 1, dfn, dfd, out)
    return d_n, d_d, d_p


@vjp_rule(special.pdtr, at=[(3, 0.7), (2.5, 0.7), (np.array([0, 2, 5]), spread(3, low=0.3))])
def pdtr_vjp(d_out, out, k, m):
    """out = the sum of exp(-m) * m ** j / j! over j up to k"""
    return None, -d_out * np.exp(xlogy(np.floor(k), m) - m - gammaln(np.floor(k) + 1))


@vjp_rule(special.pdtrc, at=[(3, 0.7), (2.5, 0.7), (np.array([0, 2, 5]), spread(3, low=0.3))])
def pdtrc_vjp(d_out, out, k, m):
    """out = 1 - pdtr(k, m)"""
    return None, d_out * np.exp(xlogy(np.floor(k), m) - m - gammaln(np.floor(k) + 1))


@vjp_rule(special.pdtri, at=[(3, F(0.7)), (np.array([0, 2, 5]), UNIT[1])])
def pdtri_vjp(d_out, out, k, y):
    """pdtr(k, out) = y"""
    return None, -d_out * np.exp(gammaln(k + 1) + out - xlogy(k, out))


# The binomial distribution of n draws, the negative one of n successes; k and n are whole numbers


DRAWS = [(2, 5, F(0.3)), (np.array([0, 2, 4]), 5, UNIT[1])]


def beta_density(a, b, p):
    """p ** (a - 1) * (1 - p) ** (b - 1) / beta(a, b)"""
    return np.exp(xlogy(a - 1, p) + xlog1py(b - 1, -p) - betaln(a, b))


@vjp_rule(special.bdtr, at=[*DRAWS, (2.6, 5, F(0.3))])
def bdtr_vjp(d_out, out, k, n, p):
    """out = betainc(n - k, k + 1, 1 - p)"""
    return None, None, -d_out * beta_density(np.floor(k) + 1, n - np.floor(k), p)


@vjp_rule(special.bdtrc, at=[*DRAWS, (2.6, 5, F(0.3))])
def bdtrc_vjp(d_out, out, k, n, p):
    """out = betainc(k + 1, n - k, p)"""
    return None, None, d_out * beta_density(np.floor(k) + 1, n - np.floor(k), p)


@vjp_rule(special.bdtri, at=[*DRAWS, (2.6, 5, F(0.3))])
def bdtri_vjp(d_out, out, k, n, y):
    """bdtr(k, n, out) = y"""
    return None, None, -d_out / beta_density(np.floor(k) + 1, n - np.floor(k), out)


@vjp_rule(special.nbdtr, at=DRAWS)
def nbdtr_vjp(d_out, out, k, n, p):
    """out = betainc(n, k + 1, p)"""
    return None, None, d_out * beta_density(n, np.floor(k) + 1, p)


@vjp_rule(special.nbdtrc, at=DRAWS)
def nbdtrc_vjp(d_out, out, k, n, p):
    """out = 1 - betainc(n, k + 1, p)"""
    return None, None, -d_out * beta_density(n, np.floor(k) + 1, p)


@vjp_rule(special.nbdtri, at=DRAWS)
def nbdtri_vjp(d_out, out, k, n, y):
    """nbdtr(k, n, out) = y"""
    return None, None, d_out / beta_density(n, np.floor(k) + 1, out)


# The gamma distribution of the rate a and the shape b


RATES = [(F(1.3), F(1.7), F(0.4)), (F(1.3), F(0.07), F(0.9)), (F(0.8), spread(3, low=0.4), F(0.6))]


def gamma_density(b, x):
    return np.exp(xlogy(b - 1, x) - x - gammaln(b))


@vjp_rule(special.gdtr, at=RATES)
def gdtr_vjp(d_out, out, a, b, x):
    """out = gammainc(b, a * x)"""
    d_both = d_out * gamma_density(b, a * x)
    d_b = parameter_term(d_out, special.gdtr, 1, a, b, x)
    return d_both * x, d_b, d_both * a


@vjp_rule(special.gdtrc, at=RATES)
def gdtrc_vjp(d_out, out, a, b, x):
    """out = gammaincc(b, a * x)"""
    d_both = -d_out * gamma_density(b, a * x)
    d_b = parameter_term(d_out, special.gdtrc, 1, a, b, x)
    return d_both * x, d_b, d_both * a


@vjp_rule(special.gdtrix, at=RATES)
def gdtrix_vjp(d_out, out, a, b, p):
    """gdtr(a, b, out) = p"""
    d_p = d_out / (a * gamma_density(b, a * out))
    return -d_out * out / a, parameter_term(-d_p, special.gdtr, 1, a, b, out), d_p


@vjp_rule(special.gdtria, at=[(F(0.4), F(1.7), F(1.3)), (UNIT[1], F(1.7), F(0.8))])
def gdtria_vjp(d_out, out, p, b, x):
    """gdtr(out, b, x) = p"""
    d_p = d_out / (x * gamma_density(b, out * x))
    return d_p, parameter_term(-d_p, special.gdtr, 1, out, b, x), -d_out * out / x


# The normal distribution


@vjp_rule(special.nrdtrimn, at=[(F(0.3), F(1.2), F(0.7)), (UNIT[1], F(0.8), F(-0.4))])
def nrdtrimn_vjp(d_out, out, p, std, x):
    """ndtr((x - out) / std) = p"""
    z = (x - out) / std
    return -math.sqrt(2 * math.pi) * d_out * std * np.exp(0.5 * z * z), -d_out * z, d_out


@vjp_rule(special.nrdtrisd, at=[(F(0.2), F(0.8), F(0.7)), (F(-0.3), F(0.9), spread(3, low=0.3))])
def nrdtrisd_vjp(d_out, out, mn, p, x):
    """ndtr((x - mn) / out) = p"""
    z = (x - mn) / out
    d_x = d_out / z
    return -d_x, -math.sqrt(2 * math.pi) * d_x * out * np.exp(0.5 * z * z), d_x


# Parameters of which a distribution function has a given value: by differences, see above


@vjp_rule(special.chdtriv, at=[(F(0.4), F(1.7)), (UNIT[1], F(2.2))])
def chdtriv_vjp(d_out, out, p, x):
    """chdtr(out, x) = p"""
    half = 0.5 * out
    d_p = d_out / parameter_slope(special.chdtr, (0,), out, x)
    return d_p, -0.5 * d_p * gamma_density(half, 0.5 * x)


@vjp_rule(special.gdtrib, at=[(F(1.3), F(0.4), F(1.7)), (F(0.8), UNIT[1], F(2.2))])
def gdtrib_vjp(d_out, out, a, p, x):
    """gdtr(a, out, x) = p"""
    d_p = d_out / parameter_slope(special.gdtr, (1,), a, out, x)
    density = gamma_density(out, a * x)
    return -d_p * x * density, d_p, -d_p * a * density


@vjp_rule(special.btdtria, at=[(F(0.4), F(1.3), F(0.6)), (UNIT[1], F(1.7), F(0.3))])
def btdtria_vjp(d_out, out, p, b, x):
    """betainc(out, b, x) = p"""
    d_p = d_out / parameter_slope(special.betainc, (0,), out, b, x)
    d_b = parameter_term(-d_p, special.betainc, 1, out, b, x)
    return d_p, d_b, -d_p * beta_density(out, b, x)


@vjp_rule(special.btdtrib, at=[(F(1.3), F(0.4), F(0.6)), (F(1.7), UNIT[1], F(0.3))])
def btdtrib_vjp(d_out, out, a, p, x):
    """betainc(a, out, x) = p"""
    d_p = d_out / parameter_slope(special.betainc, (1,), a, out, x)
    d_a = parameter_term(-d_p, special.betainc, 0, a, out, x)
    return d_a, d_p, -d_p * beta_density(a, out, x)


# The distribution of Kolmogorov


@vjp_rule(special.kolmogorov, at=[F(0.7), spread(3, low=0.5, high=1.7)])
def kolmogorov_vjp(d_out, out, y):
    """out = 2 * the sum of (-1) ** (k - 1) * exp(-2 * k ** 2 * y ** 2) over k = 1, 2, …"""
    return d_out * special._ufuncs._kolmogp(y)


@vjp_rule(special._ufuncs._kolmogp, at=[F(0.7), spread(3, low=0.5, high=1.7)])
def kolmogp_vjp(d_out, out, y):
    """out = the derivative of kolmogorov(y)"""
    return d_out * parameter_slope(special._ufuncs._kolmogp, (0,), y)


@vjp_rule(special.kolmogi, at=[F(0.4), UNIT[1]])
def kolmogi_vjp(d_out, out, p):
    """kolmogorov(out) = p"""
    return d_out / special._ufuncs._kolmogp(out)
