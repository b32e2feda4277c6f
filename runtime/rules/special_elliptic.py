"""Rules of elliptic integrals and functions, of `scipy.special`.

    y = elliprf(x, y, z)    →    d_x = -d_y * elliprd(y, z, x) / 6
"""

# mypy: no-check-untyped-defs


import numpy as np
from scipy import special
from scipy.special import (
    ellipeinc,
    ellipkinc,
    elliprd,
    hyp2f1,
)

from srcdiff.runtime.registry import spread, vjp_rule
from srcdiff.runtime.rules.special_parameters import (
    F,
)


@vjp_rule(special.elliprd, at=[(0.1, 0.7, 1.0), (0.3, 0.7, 1.2), (0.2, spread(3, low=0.3), 2.5)])
def elliprd_vjp(d_out, out, x, y, z):
    """out = the integral of 1.5 / (sqrt((t + x) * (t + y)) * (t + z) ** 1.5) from 0 to infinity"""
    in_x = 0.5 * (out - elliprd(y, z, x)) / (z - x)
    in_y = 0.5 * (out - elliprd(x, z, y)) / (z - y)
    # `elliprd(y, z, 0)` is infinite, but counts nothing: of x * in_x the limit is 0.
    in_z = -(1.5 * out + x * np.where(x == 0, 0, in_x) + y * np.where(y == 0, 0, in_y)) / z
    return d_out * in_x, d_out * in_y, d_out * in_z


@vjp_rule(special.ellipk, at=[0.3, -0.7, 0.0, spread(3, low=-2, high=0.9)])
def ellipk_vjp(d_out, out, m):
    """out = the integral of 1 / sqrt(1 - m * sin(t) ** 2) from 0 to pi / 2"""
    return np.pi / 8 * d_out * hyp2f1(1.5, 1.5, 2, m)


@vjp_rule(special.ellipkm1, at=[0.3, spread(3, low=0.2, high=1.7)])
def ellipkm1_vjp(d_out, out, p):
    """out = ellipk(1 - p)"""
    return -d_out * np.divide(out - elliprd(0.0, p, 1.0) / 3, 2 * p)


@vjp_rule(special.ellipe, at=[0.3, -0.7, 0.0, spread(3, low=-2, high=0.9)])
def ellipe_vjp(d_out, out, m):
    """out = the integral of sqrt(1 - m * sin(t) ** 2) from 0 to pi / 2"""
    return -np.pi / 8 * d_out * hyp2f1(0.5, 1.5, 2, m)


ELLIPTIC = [(0.7, 0.3), (spread(3), 0.4), (0.9, spread(3, low=-2, high=0.9)), (1.1, 0.0),
            (1.4, 9e-4)]  # fmt: skip


def sine_series(phi, m, coefficients):
    """The integral of sin(t) ** 2 / 2 * (c[0] + c[1] * m * sin(t) ** 2 + …) from 0 to phi."""
    sine, cosine = np.sin(phi), np.cos(phi)
    integral, total = phi, 0.0
    for k, c in enumerate(coefficients):
        integral = ((2 * k + 1) * integral - cosine * sine ** (2 * k + 1)) / (2 * k + 2)
        total = total + 0.5 * c * m**k * integral
    return total


@vjp_rule(special.ellipkinc, at=ELLIPTIC)
def ellipkinc_vjp(d_out, out, phi, m):
    """out = the integral of 1 / sqrt(1 - m * sin(t) ** 2) from 0 to phi"""
    root = np.sqrt(1 - m * np.sin(phi) ** 2)
    small = np.abs(m) < 1e-3
    safe = np.where(small, 0.5, m)
    far = (ellipeinc(phi, m) / (1 - safe) - out) / (2 * safe)
    far = far - np.sin(2 * phi) / (4 * (1 - safe) * root)
    near = sine_series(phi, m, (1, 3 / 2, 15 / 8, 35 / 16, 315 / 128))
    return np.divide(d_out, root), d_out * np.where(small, near, far)


@vjp_rule(special.ellipeinc, at=ELLIPTIC)
def ellipeinc_vjp(d_out, out, phi, m):
    """out = the integral of sqrt(1 - m * sin(t) ** 2) from 0 to phi"""
    d_phi = d_out * np.sqrt(1 - m * np.sin(phi) ** 2)
    small = np.abs(m) < 1e-3
    far = (out - ellipkinc(phi, m)) / (2 * np.where(small, 0.5, m))
    near = -sine_series(phi, m, (1, 1 / 2, 3 / 8, 5 / 16, 35 / 128))
    return d_phi, d_out * np.where(small, near, far)


@vjp_rule(special.ellipj, at=[(0.7, 0.3), (spread(3), 0.4), (0.4, spread(3, low=0.1, high=0.9))])
def ellipj_vjp(d_out, out, u, m):
    """out = sn, cn, dn, am; ellipkinc(am, m) = u"""
    d_sn, d_cn, d_dn, d_am = d_out
    sn, cn, dn, am = out
    d_phi = d_sn * cn - d_cn * sn + d_am - np.divide(d_dn * m * sn * cn, dn)
    rest = ellipeinc(am, m) / (1 - m) - u
    phi_m = np.divide(sn * cn, 2 * (1 - m)) - np.divide(dn * rest, 2 * m)
    return d_phi * dn, d_phi * phi_m - 0.5 * d_dn * sn * sn / dn


CARLSON = [(F(0.1), F(0.7), F(1.0)), (F(0.3), spread(3, low=0.3), F(1.2)), (F(0.5), F(0.5), F(0.5))]


@vjp_rule(special.elliprf, at=CARLSON)
def elliprf_vjp(d_out, out, x, y, z):
    """out = the integral of 0.5 / sqrt((t + x) * (t + y) * (t + z)) from 0 on: DLMF 19.18.1"""
    sixth = -d_out / 6
    return sixth * elliprd(y, z, x), sixth * elliprd(x, z, y), sixth * elliprd(x, y, z)


@vjp_rule(special.elliprg, at=CARLSON)
def elliprg_vjp(d_out, out, x, y, z):
    """out = the symmetric integral of the second kind, DLMF 19.16.3

    Its derivative in x is (3 elliprf - x elliprd(y, z, x)) / 12, since t / (t + x) is 1 less
    x / (t + x) under the integral.
    """
    twelfth, f = d_out / 12, 3 * special.elliprf(x, y, z)
    d_x = twelfth * (f - x * elliprd(y, z, x))
    d_y = twelfth * (f - y * elliprd(x, z, y))
    return d_x, d_y, twelfth * (f - z * elliprd(x, y, z))


@vjp_rule(special.elliprc, at=[(F(0.1), F(0.7)), (spread(3, low=0.3), F(1.2)), (F(0.5), F(0.5))])
def elliprc_vjp(d_out, out, x, y):
    """out = elliprf(x, y, y), y > 0, homogeneous of degree -1 / 2"""
    in_x = -elliprd(y, y, x) / 6
    return d_out * in_x, -d_out * (0.5 * out + x * in_x) / y


@vjp_rule(special.elliprj, at=[(F(0.1), F(0.7), F(1.0), F(1.4)),
                               (F(0.3), F(0.6), spread(3, low=0.3), F(2.2))])  # fmt: skip
def elliprj_vjp(d_out, out, x, y, z, p):
    """out = the integral of 1.5 / (sqrt((t + x) * (t + y) * (t + z)) * (t + p)) from 0 on

    1 / ((t + p) * (t + x)) is a difference of two terms, and the function homogeneous of degree
    -3 / 2 (DLMF 19.20, 19.28). Where p is x, y or z, the derivative is nan.
    """
    in_x = 0.5 * (out - elliprd(y, z, x)) / (p - x)
    in_y = 0.5 * (out - elliprd(x, z, y)) / (p - y)
    in_z = 0.5 * (out - elliprd(x, y, z)) / (p - z)
    in_p = -(1.5 * out + x * in_x + y * in_y + z * in_z) / p
    return d_out * in_x, d_out * in_y, d_out * in_z, d_out * in_p


@vjp_rule(special.agm, at=[(F(0.7), F(1.3)), (spread(3, low=0.3), F(0.9))])
def agm_vjp(d_out, out, a, b):
    """out = pi / (2 * elliprf(0, a * a, b * b)): DLMF 19.22.8; of positive numbers"""
    scale = 2 / (3 * np.pi) * d_out * out * out
    return scale * a * elliprd(0.0, b * b, a * a), scale * b * elliprd(0.0, a * a, b * b)
