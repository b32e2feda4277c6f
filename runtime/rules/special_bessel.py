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
    d_v = parameter_term(d_out, jv, 0, v, z)
    return d_v, 0.5 * d_out * (jv(v - 1, z) - jv(v + 1, z))


@vjp_rule(special.yv, at=ORDERS)
def yv_vjp(d_out, out, v, z):
    """out = the Bessel function of the second kind, of order v"""
    d_v = parameter_term(d_out, yv, 0, v, z)
    return d_v, 0.5 * d_out * (yv(v - 1, z) - yv(v + 1, z))


@vjp_rule(special.yn, at=[(0, 0.7), (1, spread(3, low=0.3)), (3, 1.3)])
def yn_vjp(d_out, out, n, x):
    """out = the Bessel function of the second kind, of the integer order n"""
    return None, 0.5 * d_out * (yn(n - 1, x) - yn(n + 1, x))


@vjp_rule(special.iv, at=ORDERS)
def iv_vjp(d_out, out, v, z):
    """out = the modified Bessel function of order v"""
    d_v = parameter_term(d_out, iv, 0, v, z)
    return d_v, 0.5 * d_out * (iv(v - 1, z) + iv(v + 1, z))


@vjp_rule(special.ive, at=ORDERS, analytic=False)
def ive_vjp(d_out, out, v, z):
    """out = iv(v, z) * exp(-|z|)"""
    refuse_complex(z, "ive")
    d_v = parameter_term(d_out, ive, 0, v, z)
    return d_v, d_out * (0.5 * (ive(v - 1, z) + ive(v + 1, z)) - np.sign(z) * out)


@vjp_rule(special.kv, at=ORDERS)
def kv_vjp(d_out, out, v, z):
    """out = the modified Bessel function of the second kind, of order v"""
    d_v = parameter_term(d_out, kv, 0, v, z)
    return d_v, -0.5 * d_out * (kv(v - 1, z) + kv(v + 1, z))


@vjp_rule(special.kve, at=ORDERS)
def kve_vjp(d_out, out, v, z):
    """out = kv(v, z) * exp(z)"""
    d_v = parameter_term(d_out, kve, 0, v, z)
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
    d_v = parameter_term(d_out, special.hankel1, 0, v, z)
    return d_v, 0.5 * d_out * (special.hankel1(v - 1, z) - special.hankel1(v + 1, z))


@vjp_rule(special.hankel2, at=HANKEL)
def hankel2_vjp(d_out, out, v, z):
    """out = jv(v, z) - i yv(v, z)"""
    d_v = parameter_term(d_out, special.hankel2, 0, v, z)
    return d_v, 0.5 * d_out * (special.hankel2(v - 1, z) - special.hankel2(v + 1, z))


SPHERICAL = [(0, 0.7), (2, spread(3, low=0.4)), (1, 1.3, True), (3, spread(3, low=0.4), True)]


@vjp_rule(special.spherical_jn, at=SPHERICAL)
def spherical_jn_vjp(d_out, out, n, z, derivative=False):
    """out = the spherical Bessel function of order n, or its derivative"""
    if not derivative:
        return None, d_out * spherical_jn(n, z, True)
    before, after = spherical_jn(np.maximum(n - 1, 0), z, True), spherical_jn(n + 1, z, True)
    return None, d_out * (n * before - (n + 1) * after) / (2 * n + 1)


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
    before, after = spherical_in(np.maximum(n - 1, 0), z, True), spherical_in(n + 1, z, True)
    return None, d_out * (n * before + (n + 1) * after) / (2 * n + 1)


@vjp_rule(special.spherical_kn, at=SPHERICAL)
def spherical_kn_vjp(d_out, out, n, z, derivative=False):
    """out = the modified spherical Bessel function of the second kind, or its derivative"""
    if not derivative:
        return None, d_out * spherical_kn(n, z, True)
    return None, d_out * ((n * (n + 1) / z**2 + 1) * spherical_kn(n, z) - 2 * out / z)


@vjp_rule(special.struve, at=[(F(0.5), F(0.7)), (1, spread(3, low=0.3)), (2, F(1.3))])
def struve_vjp(d_out, out, v, x):
    """out = the Struve function of order v"""
    d_v = parameter_term(d_out, struve, 0, v, x)
    lowest = np.power(0.5 * x, v) * rgamma(v + 1.5) / math.sqrt(math.pi)
    return d_v, 0.5 * d_out * (struve(v - 1, x) - struve(v + 1, x) + lowest)


@vjp_rule(special.modstruve, at=[(F(0.5), F(0.7)), (1, spread(3, low=0.3)), (2, F(1.3))])
def modstruve_vjp(d_out, out, v, x):
    """out = the modified Struve function of order v"""
    d_v = parameter_term(d_out, modstruve, 0, v, x)
    lowest = np.power(0.5 * x, v) * rgamma(v + 1.5) / math.sqrt(math.pi)
    return d_v, 0.5 * d_out * (modstruve(v - 1, x) + modstruve(v + 1, x) + lowest)


@vjp_rule(special.airy, at=ANY)
def airy_vjp(d_out, out, z):
    """out = Ai, Ai', Bi, Bi'; each is w with w'' = z * w"""
    d_ai, d_aip, d_bi, d_bip = d_out
    ai, aip, bi, bip = out
    return d_ai * aip + d_aip * z * ai + d_bi * bip + d_bip * z * bi


# Scaled functions: real arguments, of which the scale is 1 or a known factor


@vjp_rule(special.jve, at=ORDERS, analytic=False)
def jve_vjp(d_out, out, v, z):
    """out = jv(v, z) * exp(-|imag z|)"""
    refuse_complex(z, "jve")
    d_v = parameter_term(d_out, special.jve, 0, v, z)
    return d_v, 0.5 * d_out * (special.jve(v - 1, z) - special.jve(v + 1, z))


@vjp_rule(special.yve, at=ORDERS, analytic=False)
def yve_vjp(d_out, out, v, z):
    """out = yv(v, z) * exp(-|imag z|)"""
    refuse_complex(z, "yve")
    d_v = parameter_term(d_out, special.yve, 0, v, z)
    return d_v, 0.5 * d_out * (special.yve(v - 1, z) - special.yve(v + 1, z))


@vjp_rule(special.hankel1e, at=HANKEL)
def hankel1e_vjp(d_out, out, v, z):
    """out = hankel1(v, z) * exp(-iz)"""
    d_v = parameter_term(d_out, special.hankel1e, 0, v, z)
    slope = 0.5 * (special.hankel1e(v - 1, z) - special.hankel1e(v + 1, z)) - 1j * out
    return d_v, d_out * slope


@vjp_rule(special.hankel2e, at=HANKEL)
def hankel2e_vjp(d_out, out, v, z):
    """out = hankel2(v, z) * exp(iz)"""
    d_v = parameter_term(d_out, special.hankel2e, 0, v, z)
    slope = 0.5 * (special.hankel2e(v - 1, z) - special.hankel2e(v + 1, z)) + 1j * out
    return d_v, d_out * slope


@vjp_rule(special.airye, at=POSITIVE, analytic=False)
def airye_vjp(d_out, out, z):
    """out = ai, dai times exp(2 / 3 z ** 1.5), bi, dbi times the inverse; y'' = z y: DLMF 9.2"""
    refuse_complex(z, "airye")
    d_ai, d_dai, d_bi, d_dbi = d_out
    ai, dai, bi, dbi = out
    root = np.sqrt(np.maximum(z, 0))
    first = d_ai * (dai + root * ai) + d_dai * (z * ai + root * dai)
    second = d_bi * (dbi - root * bi) + d_dbi * (z * bi - root * dbi)
    # Of a negative z the first two are nan.
    return np.where(z < 0, 0, first) + second


# Kelvin functions: w'' + w' / x = i w for w = ber + i bei, ker + i kei (DLMF 10.61, 10.63)


def over(y, x, limit):
    """y / x, the limit where x is 0"""
    return np.where(x == 0, limit, y / np.where(x == 0, 1, x))


@vjp_rule(special.ber, at=[*ANY, 0.0])
def ber_vjp(d_out, out, x):
    """out = the real part of jv(0, x * exp(3 pi i / 4))"""
    return d_out * special.berp(x)


@vjp_rule(special.bei, at=[*ANY, 0.0])
def bei_vjp(d_out, out, x):
    """out = the imaginary part of jv(0, x * exp(3 pi i / 4))"""
    return d_out * special.beip(x)


@vjp_rule(special.ker, at=POSITIVE)
def ker_vjp(d_out, out, x):
    """out = the real part of kv(0, x * exp(pi i / 4))"""
    return d_out * special.kerp(x)


@vjp_rule(special.kei, at=POSITIVE)
def kei_vjp(d_out, out, x):
    """out = the imaginary part of kv(0, x * exp(pi i / 4))"""
    return d_out * special.keip(x)


@vjp_rule(special.berp, at=[*ANY, 0.0])
def berp_vjp(d_out, out, x):
    """out = the derivative of ber"""
    return -d_out * (special.bei(x) + over(out, x, 0))


@vjp_rule(special.beip, at=[*ANY, 0.0])
def beip_vjp(d_out, out, x):
    """out = the derivative of bei"""
    return d_out * (special.ber(x) - over(out, x, 0.5))


@vjp_rule(special.kerp, at=POSITIVE)
def kerp_vjp(d_out, out, x):
    """out = the derivative of ker"""
    return -d_out * (special.kei(x) + np.divide(out, x))


@vjp_rule(special.keip, at=POSITIVE)
def keip_vjp(d_out, out, x):
    """out = the derivative of kei"""
    return d_out * (special.ker(x) - np.divide(out, x))


@vjp_rule(special.kelvin, at=POSITIVE)
def kelvin_vjp(d_out, out, x):
    """out = ber + i bei, ker + i kei, and their derivatives"""
    d_b, d_k, d_db, d_dk = d_out
    b, k, db, dk = out
    return d_b * db + d_k * dk + d_db * (1j * b - db / x) + d_dk * (1j * k - dk / x)


# Integrals of Bessel functions


@vjp_rule(special.itj0y0, at=POSITIVE)
def itj0y0_vjp(d_out, out, x):
    """out = the integrals of j0 and y0 from 0 to x"""
    d_j, d_y = d_out
    return d_j * j0(x) + d_y * y0(x)


@vjp_rule(special.iti0k0, at=POSITIVE)
def iti0k0_vjp(d_out, out, x):
    """out = the integrals of i0 and k0 from 0 to x"""
    d_i, d_k = d_out
    return d_i * i0(x) + d_k * k0(x)


@vjp_rule(special.it2j0y0, at=POSITIVE)
def it2j0y0_vjp(d_out, out, x):
    """out = the integrals of (1 - j0(t)) / t from 0 to x, and of y0(t) / t from x on"""
    d_j, d_y = d_out
    return np.divide(d_j * (1 - j0(x)) - d_y * y0(x), x)


@vjp_rule(special.it2i0k0, at=POSITIVE)
def it2i0k0_vjp(d_out, out, x):
    """out = the integrals of (i0(t) - 1) / t from 0 to x, and of k0(t) / t from x on"""
    d_i, d_k = d_out
    return np.divide(d_i * (i0(x) - 1) - d_k * k0(x), x)


@vjp_rule(special.itairy, at=POSITIVE)
def itairy_vjp(d_out, out, x):
    """out = the integrals of ai and bi from 0 to x, and of ai(-t) and bi(-t)"""
    d_ai, d_bi, d_nai, d_nbi = d_out
    ai, _, bi, _ = special.airy(x)
    nai, _, nbi, _ = special.airy(-x)
    return d_ai * ai + d_bi * bi + d_nai * nai + d_nbi * nbi


@vjp_rule(special.itstruve0, at=POSITIVE)
def itstruve0_vjp(d_out, out, x):
    """out = the integral of struve(0, t) from 0 to x"""
    return d_out * struve(0, x)


@vjp_rule(special.it2struve0, at=POSITIVE)
def it2struve0_vjp(d_out, out, x):
    """out = the integral of struve(0, t) / t from x on"""
    return -np.divide(d_out * struve(0, x), x)


@vjp_rule(special.itmodstruve0, at=POSITIVE)
def itmodstruve0_vjp(d_out, out, x):
    """out = the integral of modstruve(0, t) from 0 to x"""
    return d_out * modstruve(0, x)


@vjp_rule(special.wright_bessel, at=[(F(0.7), F(1.3), F(0.4)), (F(1.0), F(0.5), POSITIVE[1])])
def wright_bessel_vjp(d_out, out, a, b, x):
    """out = the sum of x ** k / (k! * gamma(a * k + b)): DLMF 10.46"""
    d_a = parameter_term(d_out, special.wright_bessel, 0, a, b, x)
    d_b = parameter_term(d_out, special.wright_bessel, 1, a, b, x)
    return d_a, d_b, d_out * special.wright_bessel(a, a + b, x)


@vjp_rule(special.log_wright_bessel, at=[(F(0.7), F(1.3), F(0.4)), (F(1.0), F(0.5), POSITIVE[1])])
def log_wright_bessel_vjp(d_out, out, a, b, x):
    """out = log(wright_bessel(a, b, x))"""
    d_a = parameter_term(d_out, special.log_wright_bessel, 0, a, b, x)
    d_b = parameter_term(d_out, special.log_wright_bessel, 1, a, b, x)
    return d_a, d_b, d_out * np.exp(special.log_wright_bessel(a, a + b, x) - out)
