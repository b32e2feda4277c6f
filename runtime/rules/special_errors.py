"""Rules of the error function and the normal distribution, of `scipy.special`.

    y = ndtr(x)    →    d_x = d_y * exp(-x ** 2 / 2) / sqrt(2 pi)
"""

# mypy: no-check-untyped-defs

import math

import numpy as np
from scipy import special
from scipy.special import (
    erf,
    wofz,
)

from srcdiff.runtime.registry import spread, vjp_rule
from srcdiff.runtime.rules.special_parameters import (
    ANY,
    UNIT,
)


@vjp_rule(special.erf, at=ANY)
def erf_vjp(d_out, out, z):
    """out = the integral of 2 / sqrt(pi) * exp(-t ** 2) from 0 to z"""
    return 2 / math.sqrt(math.pi) * d_out * np.exp(-z * z)


@vjp_rule(special.erfc, at=ANY)
def erfc_vjp(d_out, out, x):
    """out = 1 - erf(x)"""
    return -2 / math.sqrt(math.pi) * d_out * np.exp(-x * x)


@vjp_rule(special.erfcx, at=ANY)
def erfcx_vjp(d_out, out, x):
    """out = exp(x ** 2) * erfc(x)"""
    return d_out * (2 * x * out - 2 / math.sqrt(math.pi))


@vjp_rule(special.erfi, at=ANY)
def erfi_vjp(d_out, out, z):
    """out = -i erf(iz)"""
    return 2 / math.sqrt(math.pi) * d_out * np.exp(z * z)


@vjp_rule(special.dawsn, at=ANY)
def dawsn_vjp(d_out, out, x):
    """out = sqrt(pi) / 2 * exp(-x ** 2) * erfi(x)"""
    return d_out * (1 - 2 * x * out)


@vjp_rule(special.wofz, at=[0.7 - 0.2j, spread(3) + 1j * spread(3)[::-1]])
def wofz_vjp(d_out, out, z):
    """out = exp(-z ** 2) * erfc(-iz)"""
    return d_out * (2j / math.sqrt(math.pi) - 2 * z * out)


@vjp_rule(special.erfinv, at=[0.3, spread(3, low=-0.9, high=0.9)])
def erfinv_vjp(d_out, out, y):
    """erf(out) = y"""
    return 0.5 * math.sqrt(math.pi) * d_out * np.exp(out * out)


@vjp_rule(special.erfcinv, at=UNIT)
def erfcinv_vjp(d_out, out, y):
    """erfc(out) = y"""
    return -0.5 * math.sqrt(math.pi) * d_out * np.exp(out * out)


@vjp_rule(special.ndtr, at=ANY)
def ndtr_vjp(d_out, out, x):
    """out = the distribution function of the normal distribution"""
    return d_out * np.exp(-0.5 * x * x) / math.sqrt(2 * math.pi)


@vjp_rule(special.log_ndtr, at=[*ANY, -40.0])
def log_ndtr_vjp(d_out, out, x):
    """out = log(ndtr(x))"""
    return d_out * np.exp(-0.5 * x * x - out) / math.sqrt(2 * math.pi)


@vjp_rule(special.ndtri, at=UNIT)
def ndtri_vjp(d_out, out, y):
    """ndtr(out) = y"""
    return math.sqrt(2 * math.pi) * d_out * np.exp(0.5 * out * out)


@vjp_rule(special.ndtri_exp, at=[-0.7, spread(3, low=-3.0, high=-0.3)])
def ndtri_exp_vjp(d_out, out, y):
    """log_ndtr(out) = y"""
    return math.sqrt(2 * math.pi) * d_out * np.exp(0.5 * out * out + y)


@vjp_rule(special.owens_t, at=[(0.7, 1.3), (spread(3), 0.4)])
def owens_t_vjp(d_out, out, h, a):
    """out = the integral of exp(-h ** 2 * (1 + t ** 2) / 2) / (1 + t ** 2) / 2 pi from 0 to a"""
    d_h = -d_out * np.exp(-0.5 * h * h) * erf(a * h / math.sqrt(2)) / (2 * math.sqrt(2 * math.pi))
    d_a = d_out * np.exp(-0.5 * h * h * (1 + a * a)) / (2 * math.pi * (1 + a * a))
    return d_h, d_a


@vjp_rule(special.voigt_profile, at=[(0.7, 1.3, 0.4), (spread(3), 0.8, 0.5)])
def voigt_profile_vjp(d_out, out, x, sigma, gamma):
    """out = the real part of wofz(z) / (sigma * sqrt(2 pi)), z = (x + i gamma) / sigma sqrt(2)"""
    z = (x + 1j * gamma) / (sigma * math.sqrt(2))
    slope_z = 2j / math.sqrt(math.pi) - 2 * z * wofz(z)
    scale = d_out / (2 * math.sqrt(math.pi) * sigma * sigma)
    d_sigma = -d_out * out / sigma - np.real(slope_z * z) * scale * math.sqrt(2)
    return scale * np.real(slope_z), d_sigma, -scale * np.imag(slope_z)
