"""Rules of Bessel functions and their relatives, of `scipy.special`.

    y = jv(v, z)    →    d_z = d_y * (jv(v - 1, z) - jv(v + 1, z)) / 2
"""

# mypy: no-check-untyped-defs

import math

import numpy as np
from scipy import special
from scipy.special import (
    i0,
    i0e,
    i1,
    i1e,
    iv,
    ive,
    j0,
    j1,
    jv,
    k0,
    k0e,
    k1,
    k1e,
    kv,
    kve,
    modstruve,
    rgamma,
    spherical_in,
    spherical_jn,
    spherical_kn,
    spherical_yn,
    struve,
    y0,
    y1,
    yn,
    yv,
)

from srcdiff.runtime.registry import spread, vjp_rule
from srcdiff.runtime.rules.special_parameters import (
    ANY,
    ORDERS,
    POSITIVE,
    F,
    parameter_term,
    refuse_complex,
)


@vjp_rule(special.j0, at=ANY)
def j0_vjp(d_out, out, x):
    """out = the Bessel function of order 0"""
    return -d_out * j1(x)


@vjp_rule(special.j1, at=ANY)
def j1_vjp(d_out, out, x):
    """out = the Bessel function of order 1"""
    return 0.5 * d_out * (j0(x) - jv(2, x))


@vjp_rule(special.y0, at=POSITIVE)
def y0_vjp(d_out, out, x):
    """out = the Bessel function of the second kind, of order 0"""
    return -d_out * y1(x)


@vjp_rule(special.y1, at=POSITIVE)
def y1_vjp(d_out, out, x):
    """out = the Bessel function of the second kind, of order 1"""
    return 0.5 * d_out * (y0(x) - yn(2, x))


@vjp_rule(special.jv, special.jn, at=ORDERS)
def jv_vjp(d_out, out, v, z):
    """out = the Bessel function of order v"""
    d_v = parameter_term(d_out, jv, 0, (), v, z)
    return d_v, 0.5 * d_out * (jv(v - 1, z) - jv(v + 1, z))


@vjp_rule(special.yv, at=ORDERS)
def yv_vjp(d_out, out, v, z):
    """out = the Bessel function of the second kind, of order v"""
    d_v = parameter_term(d_out, yv, 0, (1,), v, z)
    return d_v, 0.5 * d_out * (yv(v - 1, z) - yv(v + 1, z))


@vjp_rule(special.yn, at=[(0, 0.7), (1, spread(3, low=0.3)), (3, 1.3)])
def yn_vjp(d_out, out, n, x):
    """out = the Bessel function of the second kind, of the integer order n"""
    return None, 0.5 * d_out * (yn(n - 1, x) - yn(n + 1, x))


@vjp_rule(special.iv, at=ORDERS)
def iv_vjp(d_out, out, v, z):
    """out = the modified Bessel function of order v"""
    d_v = parameter_term(d_out, iv, 0, (), v, z)
    return d_v, 0.5 * d_out * (iv(v - 1, z) + iv(v + 1, z))


@vjp_rule(special.ive, at=ORDERS, analytic=False)
def ive_vjp(d_out, out, v, z):
    """out = iv(v, z) * exp(-|z|)"""
    refuse_complex(z, "ive")
    d_v = parameter_term(d_out, ive, 0, (), v, z)
    return d_v, d_out * (0.5 * (ive(v - 1, z) + ive(v + 1, z)) - np.sign(z) * out)


@vjp_rule(special.kv, at=ORDERS)
def kv_vjp(d_out, out, v, z):
    """out = the modified Bessel function of the second kind, of order v"""
    d_v = parameter_term(d_out, kv, 0, (1,), v, z)
    return d_v, -0.5 * d_out * (kv(v - 1, z) + kv(v + 1, z))


@vjp_rule(special.kve, at=ORDERS)
def kve_vjp(d_out, out, v, z):
    """out = kv(v, z) * exp(z)"""
    d_v = parameter_term(d_out, kve, 0, (1,), v, z)
    return d_v, d_out * (out - 0.5 * (kve(v - 1, z) + kve(v + 1, z)))


@vjp_rule(special.kn, at=[(0, 0.7), (1, spread(3, low=0.3)), (3, 1.3)])
def kn_vjp(d_out, out, n, x):
    """out = the modified Bessel function of the second kind, of the integer order n"""
    return None, -0.5 * d_out * (kv(n - 1, x) + kv(n + 1, x))


@vjp_rule(special.i0, at=ANY)
def i0_vjp(d_out, out, x):
    """out = the modified Bessel function of order 0"""
    return d_out * i1(x)


@vjp_rule(special.i0e, at=ANY)
def i0e_vjp(d_out, out, x):
    """out = i0(x) * exp(-|x|)"""
    return d_out * (i1e(x) - np.sign(x) * out)


@vjp_rule(special.i1, at=ANY)
def i1_vjp(d_out, out, x):
    """out = the modified Bessel function of order 1"""
    return 0.5 * d_out * (i0(x) + iv(2, x))


@vjp_rule(special.i1e, at=ANY)
def i1e_vjp(d_out, out, x):
    """out = i1(x) * exp(-|x|)"""
    return d_out * (0.5 * (i0e(x) + ive(2, x)) - np.sign(x) * out)


@vjp_rule(special.k0, at=POSITIVE)
def k0_vjp(d_out, out, x):
    """out = the modified Bessel function of the second kind, of order 0"""
    return -d_out * k1(x)


@vjp_rule(special.k0e, at=POSITIVE)
def k0e_vjp(d_out, out, x):
    """out = k0(x) * exp(x)"""
    return d_out * (out - k1e(x))


@vjp_rule(special.k1, at=POSITIVE)
def k1_vjp(d_out, out, x):
    """out = the modified Bessel function of the second kind, of order 1"""
    return -0.5 * d_out * (k0(x) + kv(2, x))


@vjp_rule(special.k1e, at=POSITIVE)
def k1e_vjp(d_out, out, x):
    """out = k1(x) * exp(x)"""
    return d_out * (out - 0.5 * (k0e(x) + kve(2, x)))


HANKEL = [(0, F(0.7)), (1, spread(3, low=0.3)), (F(0.5), 1.3 + 0.4j)]


@vjp_rule(special.hankel1, at=HANKEL)
def hankel1_vjp(d_out, out, v, z):
    """out = jv(v, z) + i yv(v, z)"""
    d_v = parameter_term(d_out, special.hankel1, 0, (), v, z)
    return d_v, 0.5 * d_out * (special.hankel1(v - 1, z) - special.hankel1(v + 1, z))


@vjp_rule(special.hankel2, at=HANKEL)
def hankel2_vjp(d_out, out, v, z):
    """out = jv(v, z) - i yv(v, z)"""
    d_v = parameter_term(d_out, special.hankel2, 0, (), v, z)
    return d_v, 0.5 * d_out * (special.hankel2(v - 1, z) - special.hankel2(v + 1, z))


SPHERICAL = [(0, 0.7), (2, spread(3, low=0.4)), (1, 1.3, True), (3, spread(3, low=0.4), True)]


@vjp_rule(special.spherical_jn, at=SPHERICAL)
def spherical_jn_vjp(d_out, out, n, z, derivative=False):
    """out = the spherical Bessel function of order n, or its derivative"""
    if not derivative:
        return None, d_out * spherical_jn(n, z, True)
    return None, d_out * ((n * (n + 1) / z**2 - 1) * spherical_jn(n, z) - 2 * out / z)


@vjp_rule(special.spherical_yn, at=SPHERICAL)
def spherical_yn_vjp(d_out, out, n, z, derivative=False):
    """out = the spherical Bessel function of the second kind, or its derivative"""
    if not derivative:
        return None, d_out * spherical_yn(n, z, True)
    return None, d_out * ((n * (n + 1) / z**2 - 1) * spherical_yn(n, z) - 2 * out / z)


@vjp_rule(special.spherical_in, at=SPHERICAL)
def spherical_in_vjp(d_out, out, n, z, derivative=False):
    """out = the modified spherical Bessel function of order n, or its derivative"""
    if not derivative:
        return None, d_out * spherical_in(n, z, True)
    return None, d_out * ((n * (n + 1) / z**2 + 1) * spherical_in(n, z) - 2 * out / z)


@vjp_rule(special.spherical_kn, at=SPHERICAL)
def spherical_kn_vjp(d_out, out, n, z, derivative=False):
    """out = the modified spherical Bessel function of the second kind, or its derivative"""
    if not derivative:
        return None, d_out * spherical_kn(n, z, True)
    return None, d_out * ((n * (n + 1) / z**2 + 1) * spherical_kn(n, z) - 2 * out / z)


@vjp_rule(special.struve, at=[(F(0.5), F(0.7)), (1, spread(3, low=0.3)), (2, F(1.3))])
def struve_vjp(d_out, out, v, x):
    """out = the Struve function of order v"""
    d_v = parameter_term(d_out, struve, 0, (1,), v, x)
    lowest = np.power(0.5 * x, v) * rgamma(v + 1.5) / math.sqrt(math.pi)
    return d_v, 0.5 * d_out * (struve(v - 1, x) - struve(v + 1, x) + lowest)


@vjp_rule(special.modstruve, at=[(F(0.5), F(0.7)), (1, spread(3, low=0.3)), (2, F(1.3))])
def modstruve_vjp(d_out, out, v, x):
    """out = the modified Struve function of order v"""
    d_v = parameter_term(d_out, modstruve, 0, (1,), v, x)
    lowest = np.power(0.5 * x, v) * rgamma(v + 1.5) / math.sqrt(math.pi)
    return d_v, 0.5 * d_out * (modstruve(v - 1, x) + modstruve(v + 1, x) + lowest)


@vjp_rule(special.airy, at=ANY)
def airy_vjp(d_out, out, z):
    """out = Ai, Ai', Bi, Bi'; each is w with w'' = z * w"""
    d_ai, d_aip, d_bi, d_bip = d_out
    ai, aip, bi, bip = out
    return d_ai * aip + d_aip * z * ai + d_bi * bip + d_bip * z * bi
