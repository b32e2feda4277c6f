"""Rules of the distribution functions of `scipy.special`: the derivative is the density.

    y = chdtr(v, x)        →    d_x = d_y * density(x)
    x = chdtri(v, p)       →    d_p = -d_x / density(x)
"""

# mypy: no-check-untyped-defs

import numpy as np
from scipy import special
from scipy.special import (
    betaln,
    gammaln,
    xlog1py,
    xlogy,
)

from srcdiff.runtime.registry import spread, vjp_rule
from srcdiff.runtime.rules.special_parameters import POSITIVE_PAIRS, UNIT, F, parameter_term


@vjp_rule(special.stdtr, at=[(F(1.7), F(0.4)), (F(3.0), spread(3)), (spread(3, low=0.5), F(-0.7))])
def stdtr_vjp(d_out, out, df, t):
    """out = the distribution function of Student's t"""
    d_df = parameter_term(d_out, special.stdtr, 0, (0,), df, t)
    power = xlog1py(-0.5 * (df + 1), t * t / df) - betaln(0.5 * df, 0.5)
    return d_df, d_out * np.exp(power) / np.sqrt(df)


@vjp_rule(special.stdtrit, at=[(F(1.7), F(0.4)), (F(3.0), UNIT[1]), (spread(3, low=0.8), F(0.7))])
def stdtrit_vjp(d_out, out, df, p):
    """stdtr(df, out) = p"""
    power = xlog1py(0.5 * (df + 1), out * out / df) + betaln(0.5 * df, 0.5)
    d_p = d_out * np.exp(power) * np.sqrt(df)
    return parameter_term(-d_p, special.stdtr, 0, (0,), df, out), d_p


@vjp_rule(special.chdtr, at=POSITIVE_PAIRS)
def chdtr_vjp(d_out, out, v, x):
    """out = the distribution function of chi squared"""
    d_v = parameter_term(d_out, special.chdtr, 0, (0, 1), v, x)
    half = 0.5 * v
    return d_v, 0.5 * d_out * np.exp(xlogy(half - 1, 0.5 * x) - 0.5 * x - gammaln(half))


@vjp_rule(special.chdtrc, at=POSITIVE_PAIRS)
def chdtrc_vjp(d_out, out, v, x):
    """out = 1 - chdtr(v, x)"""
    d_v = parameter_term(d_out, special.chdtrc, 0, (0, 1), v, x)
    half = 0.5 * v
    return d_v, -0.5 * d_out * np.exp(xlogy(half - 1, 0.5 * x) - 0.5 * x - gammaln(half))


@vjp_rule(special.chdtri, at=[(F(1.7), F(0.4)), (F(3.0), UNIT[1])])
def chdtri_vjp(d_out, out, v, p):
    """chdtrc(v, out) = p"""
    half = 0.5 * v
    d_p = -2 * d_out * np.exp(gammaln(half) + 0.5 * out - xlogy(half - 1, 0.5 * out))
    return parameter_term(-d_p, special.chdtrc, 0, (0, 1), v, out), d_p


FISHER = [(F(1.7), F(2.3), F(0.4)), (F(3.0), F(5.0), spread(3, low=0.3))]


def fisher_density(dfn, dfd, x):
    """The density of the F distribution."""
    a, b = 0.5 * dfn, 0.5 * dfd
    ratio = dfn / dfd
    power = xlogy(a - 1, x * ratio) - xlog1py(a + b, x * ratio) - betaln(a, b)
    return ratio * np.exp(power)


@vjp_rule(special.fdtr, at=FISHER)
def fdtr_vjp(d_out, out, dfn, dfd, x):
    """out = the distribution function of F"""
    d_n = parameter_term(d_out, special.fdtr, 0, (0, 1, 2), dfn, dfd, x)
    d_d = parameter_term(d_out, special.fdtr, 1, (0, 1, 2), dfn, dfd, x)
    return d_n, d_d, d_out * fisher_density(dfn, dfd, x)


@vjp_rule(special.fdtrc, at=FISHER)
def fdtrc_vjp(d_out, out, dfn, dfd, x):
    """out = 1 - fdtr(dfn, dfd, x)"""
    d_n = parameter_term(d_out, special.fdtrc, 0, (0, 1, 2), dfn, dfd, x)
    d_d = parameter_term(d_out, special.fdtrc, 1, (0, 1, 2), dfn, dfd, x)
    return d_n, d_d, -d_out * fisher_density(dfn, dfd, x)


@vjp_rule(special.fdtri, at=[(F(1.7), F(2.3), F(0.4)), (F(3.0), F(5.0), UNIT[1])])
def fdtri_vjp(d_out, out, dfn, dfd, p):
    """fdtr(dfn, dfd, out) = p"""
    d_p = d_out / fisher_density(dfn, dfd, out)
    d_n = parameter_term(-d_p, special.fdtr, 0, (0, 1, 2), dfn, dfd, out)
    d_d = parameter_term(-d_p, special.fdtr, 1, (0, 1, 2), dfn, dfd, out)
    return d_n, d_d, d_p


@vjp_rule(special.pdtr, at=[(3, 0.7), (np.array([0, 2, 5]), spread(3, low=0.3))])
def pdtr_vjp(d_out, out, k, m):
    """out = the sum of exp(-m) * m ** j / j! over j up to k"""
    return None, -d_out * np.exp(xlogy(np.floor(k), m) - m - gammaln(np.floor(k) + 1))


@vjp_rule(special.pdtrc, at=[(3, 0.7), (np.array([0, 2, 5]), spread(3, low=0.3))])
def pdtrc_vjp(d_out, out, k, m):
    """out = 1 - pdtr(k, m)"""
    return None, d_out * np.exp(xlogy(np.floor(k), m) - m - gammaln(np.floor(k) + 1))
