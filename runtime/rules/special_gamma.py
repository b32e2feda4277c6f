"""Rules of the gamma and beta functions of `scipy.special`, incomplete ones too.

    y = gammaln(x)    →    d_x = d_y * psi(x)
"""

# mypy: no-check-untyped-defs


import numpy as np
from scipy import special
from scipy.special import (
    betaln,
    digamma,
    gammaln,
    polygamma,
    xlog1py,
    xlogy,
)

from srcdiff.runtime.registry import sample, spread, vjp_rule
from srcdiff.runtime.rules.special_parameters import (
    BETAS,
    POSITIVE,
    POSITIVE_PAIRS,
    UNIT,
    F,
    parameter_term,
    refuse_complex,
)


@vjp_rule(special.gamma, at=[*POSITIVE, -1.3])
def gamma_vjp(d_out, out, z):
    """out = (z - 1)!"""
    return d_out * out * digamma(z)


@vjp_rule(special.gammaln, special.loggamma, at=POSITIVE)
def gammaln_vjp(d_out, out, x):
    """out = log(gamma(x))"""
    return d_out * digamma(x)


@vjp_rule(special.rgamma, at=[*POSITIVE, -1.3, np.array([0.0, -1.0, -3.0, 0.4])])
def rgamma_vjp(d_out, out, z):
    """out = 1 / gamma(z), which is gamma(1 - z) * sin(pi * z) / pi"""
    if np.iscomplexobj(z):
        return -d_out * out * digamma(z)
    left, right = np.minimum(z, 0.5), np.maximum(z, 0.5)
    wave = np.cos(np.pi * left) - np.sin(np.pi * left) / np.pi * digamma(1 - left)
    slope = np.where(z < 0.5, special.gamma(1 - left) * wave, -out * digamma(right))
    return d_out * slope


@vjp_rule(special.psi, at=[*POSITIVE, -1.3], analytic=False)
def psi_vjp(d_out, out, z):
    """out = the derivative of log(gamma(z))"""
    refuse_complex(z, "psi")
    return d_out * polygamma(1, z)


@vjp_rule(special.polygamma, at=[(0, 0.7), (1, spread(3, low=0.3)), (2, 3.5)])
def polygamma_vjp(d_out, out, n, x):
    """out = the derivative of order n of psi"""
    return None, d_out * polygamma(n + 1, x)


@vjp_rule(special.multigammaln, at=[(2.7, 3), (spread(3, low=2.3, high=4.0), 2)])
def multigammaln_vjp(d_out, out, a, d):
    """out = the log of the gamma function of d dimensions"""
    total = digamma(a)
    for j in range(1, d):
        total = total + digamma(a - 0.5 * j)
    return d_out * total, None


@vjp_rule(special.beta, at=POSITIVE_PAIRS)
def beta_vjp(d_out, out, a, b):
    """out = gamma(a) * gamma(b) / gamma(a + b)"""
    both = digamma(a + b)
    d_a = d_out * out * (digamma(a) - both)
    d_b = d_out * out * (digamma(b) - both)
    return d_a, d_b


@vjp_rule(special.betaln, at=POSITIVE_PAIRS)
def betaln_vjp(d_out, out, a, b):
    """out = log(beta(a, b))"""
    both = digamma(a + b)
    d_a = d_out * (digamma(a) - both)
    d_b = d_out * (digamma(b) - both)
    return d_a, d_b


@vjp_rule(special.binom, at=[(4.3, 1.7), (spread(3, low=3, high=6), 2)])
def binom_vjp(d_out, out, n, k):
    """out = 1 / ((n + 1) * beta(n - k + 1, k + 1))"""
    rest = digamma(n - k + 1.0)
    d_n = d_out * out * (digamma(n + 1.0) - rest)
    d_k = d_out * out * (rest - digamma(k + 1.0))
    return d_n, d_k


@vjp_rule(
    special.comb,
    at=[(4.3, 1.7), (spread(3, low=3, high=6), 2), sample(4.3, 1.7, repetition=True)],
)
def comb_vjp(d_out, out, N, k, *, exact=False, repetition=False):
    """out = binom(N, k), or binom(N + k - 1, k)"""
    if exact:
        return None, None
    n = N + k - 1 if repetition else N
    rest = digamma(n - k + 1.0)
    d_n = d_out * out * (digamma(n + 1.0) - rest)
    d_k = d_out * out * (rest - digamma(k + 1.0))
    return (d_n, d_n + d_k) if repetition else (d_n, d_k)


@vjp_rule(special.factorial, at=[2.5, spread(3, low=0.5, high=4)])
def factorial_vjp(d_out, out, n, exact=False, extend="zero"):
    """out = gamma(n + 1)"""
    return None if exact else d_out * out * digamma(n + 1.0)


@vjp_rule(special.poch, at=POSITIVE_PAIRS)
def poch_vjp(d_out, out, z, m):
    """out = gamma(z + m) / gamma(z)"""
    both = digamma(z + m)
    return d_out * out * (both - digamma(z)), d_out * out * both


@vjp_rule(special.gammainc, at=[*POSITIVE_PAIRS, (F(0.03), F(0.4))])
def gammainc_vjp(d_out, out, a, x):
    """out = the integral of t ** (a - 1) * exp(-t) / gamma(a) from 0 to x"""
    d_a = parameter_term(d_out, special.gammainc, 0, a, x)
    d_x = d_out * np.exp(xlogy(a - 1, x) - x - gammaln(a))
    return d_a, d_x


@vjp_rule(special.gammaincc, at=[*POSITIVE_PAIRS, (F(0.03), F(0.4))])
def gammaincc_vjp(d_out, out, a, x):
    """out = 1 - gammainc(a, x)"""
    d_a = parameter_term(d_out, special.gammaincc, 0, a, x)
    d_x = -d_out * np.exp(xlogy(a - 1, x) - x - gammaln(a))
    return d_a, d_x


INVERSES = [(F(0.7), F(0.3)), (spread(3, low=0.4), UNIT[1])]


@vjp_rule(special.gammaincinv, at=INVERSES)
def gammaincinv_vjp(d_out, out, a, y):
    """gammainc(a, out) = y"""
    d_y = d_out * np.exp(out + gammaln(a) - xlogy(a - 1, out))
    return parameter_term(-d_y, special.gammainc, 0, a, out), d_y


@vjp_rule(special.gammainccinv, at=INVERSES)
def gammainccinv_vjp(d_out, out, a, y):
    """gammaincc(a, out) = y"""
    d_y = -d_out * np.exp(out + gammaln(a) - xlogy(a - 1, out))
    return parameter_term(-d_y, special.gammaincc, 0, a, out), d_y


@vjp_rule(special.betainc, at=[*BETAS, (F(0.077), F(0.076), F(0.4))])
def betainc_vjp(d_out, out, a, b, x):
    """out = the integral of t ** (a - 1) * (1 - t) ** (b - 1) / beta(a, b) from 0 to x"""
    d_a = parameter_term(d_out, special.betainc, 0, a, b, x)
    d_b = parameter_term(d_out, special.betainc, 1, a, b, x)
    d_x = d_out * np.exp(xlogy(a - 1, x) + xlog1py(b - 1, -x) - betaln(a, b))
    return d_a, d_b, d_x


@vjp_rule(special.betaincc, at=[*BETAS, (F(0.077), F(0.076), F(0.4))])
def betaincc_vjp(d_out, out, a, b, x):
    """out = 1 - betainc(a, b, x)"""
    d_a = parameter_term(d_out, special.betaincc, 0, a, b, x)
    d_b = parameter_term(d_out, special.betaincc, 1, a, b, x)
    d_x = -d_out * np.exp(xlogy(a - 1, x) + xlog1py(b - 1, -x) - betaln(a, b))
    return d_a, d_b, d_x


@vjp_rule(special.betaincinv, at=BETAS)
def betaincinv_vjp(d_out, out, a, b, y):
    """betainc(a, b, out) = y"""
    d_y = d_out * np.exp(betaln(a, b) - xlogy(a - 1, out) - xlog1py(b - 1, -out))
    d_a = parameter_term(-d_y, special.betainc, 0, a, b, out)
    d_b = parameter_term(-d_y, special.betainc, 1, a, b, out)
    return d_a, d_b, d_y


@vjp_rule(special.betainccinv, at=BETAS)
def betainccinv_vjp(d_out, out, a, b, y):
    """betaincc(a, b, out) = y"""
    d_y = -d_out * np.exp(betaln(a, b) - xlogy(a - 1, out) - xlog1py(b - 1, -out))
    d_a = parameter_term(-d_y, special.betaincc, 0, a, b, out)
    d_b = parameter_term(-d_y, special.betaincc, 1, a, b, out)
    return d_a, d_b, d_y


@vjp_rule(special._ufuncs._beta_ppf, at=[(y, a, b) for a, b, y in BETAS])
def beta_ppf_vjp(d_out, out, y, a, b):
    """betainc(a, b, out) = y"""
    d_y = d_out * np.exp(betaln(a, b) - xlogy(a - 1, out) - xlog1py(b - 1, -out))
    d_a = parameter_term(-d_y, special.betainc, 0, a, b, out)
    d_b = parameter_term(-d_y, special.betainc, 1, a, b, out)
    return d_y, d_a, d_b


@vjp_rule(special.perm, at=[(4.3, 1.7), (spread(3, low=3, high=6), 2)])
def perm_vjp(d_out, out, N, k, exact=False):
    """out = gamma(N + 1) / gamma(N - k + 1)"""
    if exact:
        return None, None
    rest = digamma(N - k + 1.0)
    return d_out * out * (digamma(N + 1.0) - rest), d_out * out * rest


@vjp_rule(special._ufuncs._lgam1p, at=[0.3, spread(3, low=-0.5)])
def lgam1p_vjp(d_out, out, x):
    """out = gammaln(1 + x)"""
    return d_out * digamma(1 + x)
