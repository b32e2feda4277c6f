"""Rules of integrals, sums and hypergeometric functions of `scipy.special`.

    y = hyp1f1(a, b, x)    →    d_x = d_y * a / b * hyp1f1(a + 1, b + 1, x)
"""

# mypy: no-check-untyped-defs


import numpy as np
from scipy import special
from scipy.special import (
    expn,
    hyp0f1,
    hyp1f1,
    hyp2f1,
    hyperu,
    zeta,
)

from srcdiff.runtime.registry import batch_by_elements, spread, vjp_rule
from srcdiff.runtime.rules.special_parameters import (
    ANY,
    POSITIVE,
    F,
    parameter_slope,
    parameter_term,
)

# Integrals


@vjp_rule(special.expi, at=[*POSITIVE, -0.7])
def expi_vjp(d_out, out, x):
    """out = the integral of exp(t) / t up to x"""
    return np.divide(d_out * np.exp(x), x)


@vjp_rule(special.exp1, at=POSITIVE)
def exp1_vjp(d_out, out, z):
    """out = the integral of exp(-t) / t from z on"""
    return -np.divide(d_out * np.exp(-z), z)


@vjp_rule(special.expn, at=[(0, 0.7), (1, 1.3), (3, spread(3, low=0.3))])
def expn_vjp(d_out, out, n, x):
    """out = the integral of exp(-x * t) / t ** n from 1 on"""
    lower = np.where(n == 0, out * (1 + 1 / x), expn(np.maximum(n - 1, 0), x))
    return None, -d_out * lower


@vjp_rule(special.fresnel, at=ANY)
def fresnel_vjp(d_out, out, z):
    """out = the integrals of sin(pi / 2 * t ** 2) and cos(pi / 2 * t ** 2) from 0 to z"""
    d_s, d_c = d_out
    angle = 0.5 * np.pi * z * z
    return d_s * np.sin(angle) + d_c * np.cos(angle)


@vjp_rule(special.sici, at=POSITIVE)
def sici_vjp(d_out, out, x):
    """out = the integrals of sin(t) / t from 0 to x, and of -cos(t) / t from x on"""
    d_si, d_ci = d_out
    return d_si * np.sinc(x / np.pi) + unless_unused(d_ci * np.cos(x), x)


def unless_unused(d, x):
    """d / x, 0 where d is."""
    return np.divide(d, np.where(d == 0, 1, x))


@vjp_rule(special.shichi, at=POSITIVE)
def shichi_vjp(d_out, out, x):
    """out = the integrals of sinh(t) / t from 0 to x, and of cosh(t) / t"""
    d_shi, d_chi = d_out
    return d_shi * special.spherical_in(0, x) + unless_unused(d_chi * np.cosh(x), x)


@vjp_rule(special.spence, at=[*POSITIVE, 1.0])
def spence_vjp(d_out, out, z):
    """out = the integral of log(t) / (1 - t) from 1 to z"""
    return -d_out * hyp2f1(1, 1, 2, 1 - z)


@vjp_rule(special.lambertw, at=[0.7, 0.0, spread(3, low=-0.3), (-0.2, -1), 0.4 + 0.3j])
def lambertw_vjp(d_out, out, z, k=0, tol=1e-8):
    """out * exp(out) = z"""
    return np.divide(d_out, np.exp(out) * (1 + out))


@vjp_rule(special.wrightomega, at=[0.7, -0.4, spread(3)])
def wrightomega_vjp(d_out, out, z):
    """out + log(out) = z"""
    return d_out * out / (1 + out)


# Sums and series


@vjp_rule(special.zeta, at=[(F(2.5), F(0.7)), (spread(3, low=1.5, high=4), F(1.3)), 2.5])
def zeta_vjp(d_out, out, x, q=None):
    """out = the sum of (k + q) ** -x over k = 0, 1, …; q is 1 if there is none"""
    if q is None:
        return d_out * parameter_slope(zeta, (0,), x), None
    d_x = parameter_term(d_out, zeta, 0, x, q)
    return d_x, -d_out * x * zeta(x + 1, q)


@vjp_rule(special.hyp0f1, at=[(F(1.7), F(0.7)), (F(0.5), spread(3))])
def hyp0f1_vjp(d_out, out, v, z):
    """out = the sum of z ** n / (poch(v, n) * n!)"""
    d_v = parameter_term(d_out, hyp0f1, 0, v, z)
    return d_v, d_out * hyp0f1(v + 1, z) / v


@vjp_rule(special.hyp1f1, at=[(F(0.7), F(1.7), F(0.4)), (F(0.5), F(1.3), spread(3))])
def hyp1f1_vjp(d_out, out, a, b, x):
    """out = the sum of poch(a, n) / poch(b, n) * x ** n / n!"""
    d_a = parameter_term(d_out, hyp1f1, 0, a, b, x)
    d_b = parameter_term(d_out, hyp1f1, 1, a, b, x)
    return d_a, d_b, d_out * a / b * hyp1f1(a + 1, b + 1, x)


@vjp_rule(
    special.hyp2f1,
    at=[(F(0.7), F(0.4), F(1.7), F(0.3)), (F(0.5), F(1.1), F(1.3), spread(3, low=-0.9, high=0.8))],
)
def hyp2f1_vjp(d_out, out, a, b, c, z):
    """out = the sum of poch(a, n) * poch(b, n) / poch(c, n) * z ** n / n!"""
    d_a = parameter_term(d_out, hyp2f1, 0, a, b, c, z)
    d_b = parameter_term(d_out, hyp2f1, 1, a, b, c, z)
    d_c = parameter_term(d_out, hyp2f1, 2, a, b, c, z)
    return d_a, d_b, d_c, d_out * a * b / c * hyp2f1(a + 1, b + 1, c + 1, z)


@vjp_rule(special.hyperu, at=[(F(0.7), F(1.7), F(0.4)), (F(0.5), F(1.3), spread(3, low=0.3))])
def hyperu_vjp(d_out, out, a, b, x):
    """out = Tricomi's function"""
    d_a = parameter_term(d_out, hyperu, 0, a, b, x)
    d_b = parameter_term(d_out, hyperu, 1, a, b, x)
    return d_a, d_b, -d_out * a * hyperu(a + 1, b + 1, x)


@vjp_rule(special.zetac, at=[F(2.5), spread(3, low=1.5, high=4)])
def zetac_vjp(d_out, out, x):
    """out = zeta(x) - 1"""
    return d_out * parameter_slope(special.zetac, (0,), x)


# Parabolic cylinder functions (DLMF 12.2)


def pbdv_value(v, x):
    """The first of `special.pbdv`."""
    return special.pbdv(v, x)[0]


def pbdv_slope(v, x):
    """The second of `special.pbdv`."""
    return special.pbdv(v, x)[1]


@vjp_rule(pbdv_value, at=[(F(1.3), F(0.7)), (F(0.4), spread(3))])
def pbdv_value_vjp(d_out, out, v, x):
    """out = D_v(x)"""
    return parameter_term(d_out, pbdv_value, 0, v, x), d_out * pbdv_slope(v, x)


@vjp_rule(pbdv_slope, at=[(F(1.3), F(0.7)), (F(0.4), spread(3))])
def pbdv_slope_vjp(d_out, out, v, x):
    """out = the derivative of D_v at x: D'' = (x ** 2 / 4 - v - 1 / 2) * D"""
    d_v = parameter_term(d_out, pbdv_slope, 0, v, x)
    return d_v, d_out * (0.25 * x * x - v - 0.5) * pbdv_value(v, x)


@vjp_rule(special.pbdv, at=[(F(1.3), F(0.7)), (F(0.4), spread(3))])
def pbdv_vjp(d_out, out, v, x):
    """out = D_v(x) and its derivative"""
    d_value, d_slope = d_out
    value, slope = out
    by_order = parameter_term(d_value, pbdv_value, 0, v, x)
    if by_order is not None:
        by_order = by_order + parameter_term(d_slope, pbdv_slope, 0, v, x)
    return by_order, d_value * slope + d_slope * (0.25 * x * x - v - 0.5) * value


# Their values are of ufuncs.
batch_by_elements(pbdv_value, pbdv_slope)
