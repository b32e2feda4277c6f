"""Rules of orthogonal polynomials of `scipy.special`.

    y = eval_chebyt(n, x)    →    d_x = d_y * n * eval_chebyu(n - 1, x)
"""

# mypy: no-check-untyped-defs


import numpy as np
from scipy import special
from scipy.special import (
    eval_chebyu,
    eval_gegenbauer,
    eval_genlaguerre,
    eval_hermite,
    eval_hermitenorm,
    eval_jacobi,
    lpmv,
)

from srcdiff.runtime.registry import batch_by_elements, spread, vjp_rule
from srcdiff.runtime.rules.special_parameters import (
    DEGREES,
    F,
    parameter_term,
)

# Polynomials; of degree 0 the derivative is 0


def lower(n):
    """The degree of the derivative: n - 1, and 0 for a constant."""
    return np.where(n == 0, n, n - 1)


@vjp_rule(special.eval_legendre, at=DEGREES)
def eval_legendre_vjp(d_out, out, n, x):
    """out = P_n(x)"""
    return None, d_out * np.where(n == 0, 0, 0.5 * (n + 1)) * eval_jacobi(lower(n), 1.0, 1.0, x)


@vjp_rule(special.eval_sh_legendre, at=DEGREES)
def eval_sh_legendre_vjp(d_out, out, n, x):
    """out = P_n(2 x - 1)"""
    return None, d_out * np.where(n == 0, 0, n + 1) * eval_jacobi(lower(n), 1.0, 1.0, 2 * x - 1)


@vjp_rule(
    special.eval_jacobi,
    at=[(0, F(0.5), F(1.2), F(0.3)), (3, F(0.5), F(1.2), spread(3, low=-0.9, high=0.9))],
)
def eval_jacobi_vjp(d_out, out, n, alpha, beta, x):
    """out = P_n(x) of Jacobi"""
    d_alpha = parameter_term(d_out, eval_jacobi, 1, n, alpha, beta, x)
    d_beta = parameter_term(d_out, eval_jacobi, 2, n, alpha, beta, x)
    factor = np.where(n == 0, 0, 0.5 * (n + alpha + beta + 1))
    return None, d_alpha, d_beta, d_out * factor * eval_jacobi(lower(n), alpha + 1, beta + 1, x)


@vjp_rule(
    special.eval_gegenbauer, at=[(0, F(0.5), F(0.3)), (3, F(1.2), spread(3, low=-0.9, high=0.9))]
)
def eval_gegenbauer_vjp(d_out, out, n, alpha, x):
    """out = C_n(x) of Gegenbauer"""
    d_alpha = parameter_term(d_out, eval_gegenbauer, 1, n, alpha, x)
    factor = np.where(n == 0, 0, 2 * alpha)
    return None, d_alpha, d_out * factor * eval_gegenbauer(lower(n), alpha + 1, x)


@vjp_rule(special.eval_chebyt, at=DEGREES)
def eval_chebyt_vjp(d_out, out, n, x):
    """out = T_n(x)"""
    return None, d_out * n * eval_chebyu(lower(n), x)


@vjp_rule(special.eval_sh_chebyt, at=DEGREES)
def eval_sh_chebyt_vjp(d_out, out, n, x):
    """out = T_n(2 x - 1)"""
    return None, 2 * d_out * n * eval_chebyu(lower(n), 2 * x - 1)


@vjp_rule(special.eval_chebyu, at=DEGREES)
def eval_chebyu_vjp(d_out, out, n, x):
    """out = U_n(x)"""
    return None, d_out * np.where(n == 0, 0, 2) * eval_gegenbauer(lower(n), 2.0, x)


@vjp_rule(special.eval_hermite, at=DEGREES)
def eval_hermite_vjp(d_out, out, n, x):
    """out = H_n(x)"""
    return None, 2 * d_out * n * eval_hermite(lower(n), x)


@vjp_rule(special.eval_hermitenorm, at=DEGREES)
def eval_hermitenorm_vjp(d_out, out, n, x):
    """out = He_n(x)"""
    return None, d_out * n * eval_hermitenorm(lower(n), x)


@vjp_rule(special.eval_laguerre, at=DEGREES)
def eval_laguerre_vjp(d_out, out, n, x):
    """out = L_n(x)"""
    return None, -d_out * np.where(n == 0, 0, 1) * eval_genlaguerre(lower(n), 1.0, x)


@vjp_rule(special.eval_genlaguerre, at=[(0, F(0.5), F(0.3)), (3, F(1.2), spread(3))])
def eval_genlaguerre_vjp(d_out, out, n, alpha, x):
    """out = L_n(x) of the parameter alpha"""
    d_alpha = parameter_term(d_out, eval_genlaguerre, 1, n, alpha, x)
    factor = np.where(n == 0, 0, 1)
    return None, d_alpha, -d_out * factor * eval_genlaguerre(lower(n), alpha + 1, x)


@vjp_rule(special.eval_sh_chebyu, at=DEGREES)
def eval_sh_chebyu_vjp(d_out, out, n, x):
    """out = U_n(2 x - 1)"""
    return None, d_out * np.where(n == 0, 0, 4) * eval_gegenbauer(lower(n), 2.0, 2 * x - 1)


@vjp_rule(special.eval_chebyc, at=DEGREES)
def eval_chebyc_vjp(d_out, out, n, x):
    """out = 2 T_n(x / 2)"""
    return None, d_out * n * eval_chebyu(lower(n), 0.5 * x)


@vjp_rule(special.eval_chebys, at=DEGREES)
def eval_chebys_vjp(d_out, out, n, x):
    """out = U_n(x / 2)"""
    return None, d_out * np.where(n == 0, 0, 1) * eval_gegenbauer(lower(n), 2.0, 0.5 * x)


@vjp_rule(
    special.eval_sh_jacobi,
    at=[(0, F(1.5), F(1.2), F(0.3)), (3, F(1.5), F(1.2), spread(3, low=0.1, high=0.9))],
)
def eval_sh_jacobi_vjp(d_out, out, n, p, q, x):
    """out = P_n(2 x - 1) of Jacobi with alpha = p - q, beta = q - 1, over binom(2 n + p - 1, n)"""
    d_p = parameter_term(d_out, special.eval_sh_jacobi, 1, n, p, q, x)
    d_q = parameter_term(d_out, special.eval_sh_jacobi, 2, n, p, q, x)
    factor = np.where(n == 0, 0, n + p) / special.binom(2 * n + p - 1, n)
    return None, d_p, d_q, d_out * factor * eval_jacobi(lower(n), p - q + 1, q, 2 * x - 1)


@vjp_rule(special.lpmv, at=[(0, 2, 0.3), (1, 3, spread(3, low=-0.9, high=0.9))])
def lpmv_vjp(d_out, out, m, v, x):
    """out = the associated Legendre function of order m and degree v"""
    return None, None, np.divide(d_out * (v * x * out - (v + m) * lpmv(m, v - 1, x)), x * x - 1)


def sph_harm_y(n, m, theta, phi):
    """`scipy.special.sph_harm_y`, which is no ufunc

    >>> sph_harm_y(0, 0, 0.3, 0.4).round(6)
    np.complex128(0.282095+0j)
    """
    return special.sph_harm_y(n, m, theta, phi)


@vjp_rule(sph_harm_y, at=[(2, 1, F(0.7), F(0.4)), (3, -2, spread(3, low=0.3), F(1.2)),
                          (2, 2, F(0.7), F(0.4)), (0, 0, F(0.7), F(0.4)),
                          (1, 3, F(0.7), F(0.4))])  # fmt: skip
def sph_harm_y_vjp(d_out, out, n, m, theta, phi):
    """out = the spherical harmonic of degree n and order m: DLMF 14.30.1, with 14.10"""
    turn = np.exp(1j * phi)
    above = np.sqrt(np.maximum((n - m) * (n + m + 1), 0)) * sph_harm_y(n, m + 1, theta, phi) / turn
    below = np.sqrt(np.maximum((n + m) * (n - m + 1), 0)) * sph_harm_y(n, m - 1, theta, phi) * turn
    return None, None, 0.5 * d_out * (above - below), 1j * d_out * m * out


batch_by_elements(sph_harm_y)
