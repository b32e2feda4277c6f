"""Rules of `scipy.special`, registered when SciPy is there.

    y = gammaln(x)    →    d_x = d_y * psi(x)

Where a derivative with respect to a parameter (the order of a Bessel function, the shape of a
distribution) has no closed form, it is a difference of high order: see `parameter_slope`.
"""

# mypy: no-check-untyped-defs

import math

import numpy as np
from scipy import special
from scipy.special import (
    betaln,
    digamma,
    ellipeinc,
    ellipkinc,
    elliprd,
    erf,
    eval_chebyu,
    eval_gegenbauer,
    eval_genlaguerre,
    eval_hermite,
    eval_hermitenorm,
    eval_jacobi,
    expit,
    expn,
    gammaln,
    hyp0f1,
    hyp1f1,
    hyp2f1,
    hyperu,
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
    lpmv,
    modstruve,
    polygamma,
    rgamma,
    spherical_in,
    spherical_jn,
    spherical_kn,
    spherical_yn,
    struve,
    wofz,
    xlog1py,
    xlogy,
    y0,
    y1,
    yn,
    yv,
    zeta,
)

from srcdiff.runtime.errors import NoRuleError
from srcdiff.runtime.kernels import is_constant
from srcdiff.runtime.registry import nondifferentiable, sample, spread, vjp_rule

F = np.float64  # Python's own numbers are constants to these rules: see `is_constant`
ANY = (0.7, -1.3, spread(3), spread(2, 3))
POSITIVE = (0.7, spread(3, low=0.3), spread(2, 3, low=0.3))
UNIT = (0.3, spread(3, low=0.1, high=0.9), spread(2, 3, low=0.1, high=0.9))
POSITIVE_PAIRS = (
    (F(0.7), F(1.3)),
    (spread(3, low=0.3), F(0.9)),
    (F(1.1), spread(3, low=0.3)),
    (spread(2, 3, low=0.3), spread(3, low=0.4, high=1.7)),
)
ORDERS = (
    (0, 0.7),
    (1, spread(3, low=0.3)),
    (F(0.5), 1.3),
    (np.array([0.0, 1.0, 3.0]), spread(2, 3, low=0.3)),
)
DEGREES = (
    (0, 0.7),
    (1, 0.3),
    (4, spread(3, low=-0.9, high=0.9)),
    (np.array([0, 1, 3]), spread(2, 3, low=-0.9, high=0.9)),
)


# Parameters: differences of eighth order, for functions that are smooth in them


def parameter_slope(f, ks, positive, *args):
    """The derivative of `f(*args)` with respect to its arguments ks, one after the other.

    The step is small against the scale on which these functions change in a parameter p: no less
    than its cube root above 1, and below 1 it is p itself for arguments that must be `positive`.
    Of a first derivative about twelve digits are right, of a second one nine.

    >>> want = special.gamma(1.5) * special.psi(1.5)
    >>> bool(abs(parameter_slope(special.gamma, (0,), (0,), 1.5) - want) < 1e-11)
    True
    """
    if not ks:
        return f(*args)
    *others, k = ks
    p = np.abs(args[k])
    scale = np.cbrt(np.maximum(p, 1))
    h = 0.02 * (np.where(p > 0, np.minimum(p, scale), scale) if k in positive else scale)
    total = 0.0
    for i, weight in enumerate((4 / 5, -1 / 5, 4 / 105, -1 / 280), 1):
        above = parameter_slope(f, others, positive, *args[:k], args[k] + i * h, *args[k + 1 :])
        below = parameter_slope(f, others, positive, *args[:k], args[k] - i * h, *args[k + 1 :])
        total = total + weight * (above - below)
    return (total / h)[()]


def parameter_term(d_out, f, k, positive, *args):
    """What `d_out` gives the argument k of `f(*args)`: nothing where that is a constant."""
    return None if is_constant(args[k]) else d_out * parameter_slope(f, (k,), positive, *args)


@vjp_rule(parameter_slope, at=[(special.gammainc, (0,), (0, 1), 1.5, 0.7)])
def parameter_slope_vjp(d_out, out, f, ks, positive, *args):
    """out = the derivative of f(*args) with respect to its arguments ks"""
    found = ()
    for j in range(len(args)):
        found = (*found, d_out * parameter_slope(f, (*ks, j), positive, *args))
    return (None, None, None, *found)


def refuse_complex(z, name):
    if np.iscomplexobj(z):
        raise NoRuleError(f"scipy.special.{name} of complex numbers", instead="Use real ones.")


# Gamma and beta functions


@vjp_rule(special.gamma, at=[*POSITIVE, -1.3])
def gamma_vjp(d_out, out, z):
    """out = (z - 1)!"""
    return d_out * out * digamma(z)


@vjp_rule(special.gammaln, special.loggamma, at=POSITIVE)
def gammaln_vjp(d_out, out, x):
    """out = log(gamma(x))"""
    return d_out * digamma(x)


@vjp_rule(special.rgamma, at=POSITIVE)
def rgamma_vjp(d_out, out, z):
    """out = 1 / gamma(z)"""
    return -d_out * out * digamma(z)


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


@vjp_rule(special.comb, at=[(4.3, 1.7), (spread(3, low=3, high=6), 2)])
def comb_vjp(d_out, out, N, k, *, exact=False, repetition=False):
    """out = binom(N, k), or binom(N + k - 1, k)"""
    if exact:
        return None, None
    n = N + k - 1.0 if repetition else N + 0.0
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


@vjp_rule(special.gammainc, at=POSITIVE_PAIRS)
def gammainc_vjp(d_out, out, a, x):
    """out = the integral of t ** (a - 1) * exp(-t) / gamma(a) from 0 to x"""
    d_a = parameter_term(d_out, special.gammainc, 0, (0, 1), a, x)
    d_x = d_out * np.exp(xlogy(a - 1, x) - x - gammaln(a))
    return d_a, d_x


@vjp_rule(special.gammaincc, at=POSITIVE_PAIRS)
def gammaincc_vjp(d_out, out, a, x):
    """out = 1 - gammainc(a, x)"""
    d_a = parameter_term(d_out, special.gammaincc, 0, (0, 1), a, x)
    d_x = -d_out * np.exp(xlogy(a - 1, x) - x - gammaln(a))
    return d_a, d_x


@vjp_rule(special.gammaincinv, at=[(F(0.7), F(0.3)), (spread(3, low=0.4), UNIT[1])])
def gammaincinv_vjp(d_out, out, a, y):
    """gammainc(a, out) = y"""
    d_y = d_out * np.exp(out + gammaln(a) - xlogy(a - 1, out))
    return parameter_term(-d_y, special.gammainc, 0, (0, 1), a, out), d_y


@vjp_rule(special.gammainccinv, at=[(F(0.7), F(0.3)), (spread(3, low=0.4), UNIT[1])])
def gammainccinv_vjp(d_out, out, a, y):
    """gammaincc(a, out) = y"""
    d_y = -d_out * np.exp(out + gammaln(a) - xlogy(a - 1, out))
    return parameter_term(-d_y, special.gammaincc, 0, (0, 1), a, out), d_y


BETAS = [(F(1.7), F(2.3), F(0.4)), (spread(3, low=0.4), F(1.3), UNIT[1]), (2, 3, UNIT[2])]


@vjp_rule(special.betainc, at=BETAS)
def betainc_vjp(d_out, out, a, b, x):
    """out = the integral of t ** (a - 1) * (1 - t) ** (b - 1) / beta(a, b) from 0 to x"""
    d_a = parameter_term(d_out, special.betainc, 0, (0, 1, 2), a, b, x)
    d_b = parameter_term(d_out, special.betainc, 1, (0, 1, 2), a, b, x)
    d_x = d_out * np.exp(xlogy(a - 1, x) + xlog1py(b - 1, -x) - betaln(a, b))
    return d_a, d_b, d_x


@vjp_rule(special.betaincc, at=BETAS)
def betaincc_vjp(d_out, out, a, b, x):
    """out = 1 - betainc(a, b, x)"""
    d_a = parameter_term(d_out, special.betaincc, 0, (0, 1, 2), a, b, x)
    d_b = parameter_term(d_out, special.betaincc, 1, (0, 1, 2), a, b, x)
    d_x = -d_out * np.exp(xlogy(a - 1, x) + xlog1py(b - 1, -x) - betaln(a, b))
    return d_a, d_b, d_x


@vjp_rule(special.betaincinv, at=BETAS)
def betaincinv_vjp(d_out, out, a, b, y):
    """betainc(a, b, out) = y"""
    d_y = d_out * np.exp(betaln(a, b) - xlogy(a - 1, out) - xlog1py(b - 1, -out))
    d_a = parameter_term(-d_y, special.betainc, 0, (0, 1, 2), a, b, out)
    d_b = parameter_term(-d_y, special.betainc, 1, (0, 1, 2), a, b, out)
    return d_a, d_b, d_y


@vjp_rule(special.betainccinv, at=BETAS)
def betainccinv_vjp(d_out, out, a, b, y):
    """betaincc(a, b, out) = y"""
    d_y = -d_out * np.exp(betaln(a, b) - xlogy(a - 1, out) - xlog1py(b - 1, -out))
    d_a = parameter_term(-d_y, special.betaincc, 0, (0, 1, 2), a, b, out)
    d_b = parameter_term(-d_y, special.betaincc, 1, (0, 1, 2), a, b, out)
    return d_a, d_b, d_y


@vjp_rule(special._ufuncs._beta_ppf, at=[(y, a, b) for a, b, y in BETAS])
def beta_ppf_vjp(d_out, out, y, a, b):
    """betainc(a, b, out) = y"""
    d_y = d_out * np.exp(betaln(a, b) - xlogy(a - 1, out) - xlog1py(b - 1, -out))
    d_a = parameter_term(-d_y, special.betainc, 0, (0, 1, 2), a, b, out)
    d_b = parameter_term(-d_y, special.betainc, 1, (0, 1, 2), a, b, out)
    return d_y, d_a, d_b


# The error function and the normal distribution


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


# Logistic functions and entropies


@vjp_rule(special.expit, at=ANY)
def expit_vjp(d_out, out, x):
    """out = 1 / (1 + exp(-x))"""
    return d_out * out * expit(-x)


@vjp_rule(special.log_expit, at=ANY)
def log_expit_vjp(d_out, out, x):
    """out = log(expit(x))"""
    return d_out * expit(-x)


@vjp_rule(special.logit, at=UNIT)
def logit_vjp(d_out, out, x):
    """expit(out) = x"""
    return np.divide(d_out, x * (1 - x))


@vjp_rule(special.xlogy, at=[*POSITIVE_PAIRS, (-1.3, 0.7), (0, spread(3, low=0.3))])
def xlogy_vjp(d_out, out, x, y):
    """out = x * log(y); 0 where x is 0"""
    d_x = d_out * np.log(y)
    d_y = d_out * np.where(x == 0, 0, np.divide(x, np.where(x == 0, 1, y)))
    return d_x, d_y


@vjp_rule(special.xlog1py, at=[*POSITIVE_PAIRS, (-1.3, -0.7), (0, spread(3, low=0.3))])
def xlog1py_vjp(d_out, out, x, y):
    """out = x * log(1 + y); 0 where x is 0"""
    d_x = d_out * np.log1p(y)
    d_y = d_out * np.where(x == 0, 0, np.divide(x, np.where(x == 0, 1, 1 + y)))
    return d_x, d_y


@vjp_rule(special.entr, at=POSITIVE)
def entr_vjp(d_out, out, x):
    """out = -x * log(x)"""
    return -d_out * (np.log(x) + 1)


@vjp_rule(special.rel_entr, at=POSITIVE_PAIRS)
def rel_entr_vjp(d_out, out, x, y):
    """out = x * log(x / y)"""
    ratio = np.divide(x, np.where((x == 0) & (y == 0), 1, y))
    return d_out * (np.log(ratio) + 1), -d_out * ratio


@vjp_rule(special.kl_div, at=POSITIVE_PAIRS)
def kl_div_vjp(d_out, out, x, y):
    """out = x * log(x / y) - x + y"""
    ratio = np.divide(x, np.where((x == 0) & (y == 0), 1, y))
    return d_out * np.log(ratio), d_out * (1 - ratio)


@vjp_rule(special.huber, at=[(1.1, 0.7), (0.5, -1.3), (1.0, spread(5))])
def huber_vjp(d_out, out, delta, r):
    """out = r ** 2 / 2 where |r| <= delta, delta * (|r| - delta / 2) elsewhere"""
    d_delta = d_out * np.maximum(np.abs(r) - delta, 0)
    d_r = d_out * np.clip(r, -delta, delta)
    return d_delta, d_r


@vjp_rule(special.pseudo_huber, at=[(1.1, 0.7), (0.5, -1.3), (1.0, spread(5))])
def pseudo_huber_vjp(d_out, out, delta, r):
    """out = delta ** 2 * (sqrt(1 + (r / delta) ** 2) - 1)"""
    root = np.sqrt(1 + (r / delta) ** 2)
    d_delta = d_out * (2 * delta * (root - 1) - r * r / (delta * root))
    return d_delta, d_out * r / root


# Powers, exponentials and logarithms


@vjp_rule(special.cbrt, at=ANY)
def cbrt_vjp(d_out, out, x):
    """out = x ** (1 / 3)"""
    return np.divide(d_out, 3 * out * out)


@vjp_rule(special.exp2, at=ANY)
def exp2_vjp(d_out, out, x):
    """out = 2 ** x"""
    return math.log(2) * d_out * out


@vjp_rule(special.exp10, at=ANY)
def exp10_vjp(d_out, out, x):
    """out = 10 ** x"""
    return math.log(10) * d_out * out


@vjp_rule(special.expm1, at=ANY)
def expm1_vjp(d_out, out, x):
    """out = e ** x - 1"""
    return d_out * (out + 1)


@vjp_rule(special.log1p, at=POSITIVE)
def log1p_vjp(d_out, out, x):
    """1 + x = e ** out"""
    return np.divide(d_out, 1 + x)


@vjp_rule(special.cosm1, at=ANY)
def cosm1_vjp(d_out, out, x):
    """out = cos(x) - 1"""
    return -d_out * np.sin(x)


@vjp_rule(special.exprel, at=[*ANY, 0.0, 1e-6])
def exprel_vjp(d_out, out, x):
    """out = (e ** x - 1) / x"""
    return 0.5 * d_out * hyp1f1(2, 3, x)


@vjp_rule(special.powm1, at=POSITIVE_PAIRS)
def powm1_vjp(d_out, out, x, y):
    """out = x ** y - 1"""
    return d_out * y * np.power(x, y - 1.0), d_out * (out + 1) * np.log(x)


BOXES = [*POSITIVE_PAIRS, (0.7, 0.0), (spread(3, low=0.3), np.array([0.0, 1.0, -0.5]))]


@vjp_rule(special.boxcox, at=BOXES)
def boxcox_vjp(d_out, out, x, lmbda):
    """out = (x ** lmbda - 1) / lmbda; log(x) where lmbda is 0"""
    log_x = np.log(x)
    d_x = d_out * np.power(x, lmbda - 1.0)
    return d_x, 0.5 * d_out * log_x * log_x * hyp1f1(2, 3, lmbda * log_x)


@vjp_rule(special.boxcox1p, at=BOXES)
def boxcox1p_vjp(d_out, out, x, lmbda):
    """out = ((1 + x) ** lmbda - 1) / lmbda; log(1 + x) where lmbda is 0"""
    log_x = np.log1p(x)
    d_x = d_out * np.power(1.0 + x, lmbda - 1.0)
    return d_x, 0.5 * d_out * log_x * log_x * hyp1f1(2, 3, lmbda * log_x)


def inv_boxcox_slopes(value, y, lmbda):
    """The derivatives of `value = (1 + lmbda * y) ** (1 / lmbda)`."""
    in_lmbda = -0.5 * value * y * y * hyp2f1(2, 2, 3, -lmbda * y)
    return np.divide(value, 1 + lmbda * y), in_lmbda


@vjp_rule(special.inv_boxcox, at=BOXES[:-1])
def inv_boxcox_vjp(d_out, out, y, lmbda):
    """boxcox(out, lmbda) = y"""
    in_y, in_lmbda = inv_boxcox_slopes(out, y, lmbda)
    return d_out * in_y, d_out * in_lmbda


@vjp_rule(special.inv_boxcox1p, at=BOXES[:-1])
def inv_boxcox1p_vjp(d_out, out, y, lmbda):
    """boxcox1p(out, lmbda) = y"""
    in_y, in_lmbda = inv_boxcox_slopes(1 + out, y, lmbda)
    return d_out * in_y, d_out * in_lmbda


# Angles in degrees


@vjp_rule(special.sindg, at=[30.0, spread(3, low=-80, high=80)])
def sindg_vjp(d_out, out, x):
    """out = sin(x), x in degrees"""
    return np.pi / 180 * d_out * special.cosdg(x)


@vjp_rule(special.cosdg, at=[30.0, spread(3, low=-80, high=80)])
def cosdg_vjp(d_out, out, x):
    """out = cos(x), x in degrees"""
    return -np.pi / 180 * d_out * special.sindg(x)


@vjp_rule(special.tandg, at=[30.0, spread(3, low=-80, high=80)])
def tandg_vjp(d_out, out, x):
    """out = tan(x), x in degrees"""
    return np.pi / 180 * d_out * (1 + out * out)


@vjp_rule(special.cotdg, at=[30.0, spread(3, low=10, high=80)])
def cotdg_vjp(d_out, out, x):
    """out = 1 / tan(x), x in degrees"""
    return -np.pi / 180 * d_out * (1 + out * out)


@vjp_rule(special.radian, at=[(30.0, 20.0, 10.0), (spread(3), 5.0, 1.0)], linear="d m s")
def radian_vjp(d_out, out, d, m, s):
    """out = the angle of d degrees, m minutes and s seconds"""
    d_d = np.pi / 180 * d_out
    return d_d, d_d / 60, d_d / 3600


# Bessel functions


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


# Elliptic integrals


@vjp_rule(special.elliprd, at=[(0.1, 0.7, 1.0), (0.3, 0.7, 1.2), (0.2, spread(3, low=0.3), 2.5)])
def elliprd_vjp(d_out, out, x, y, z):
    """out = the integral of 1.5 / (sqrt((t + x) * (t + y)) * (t + z) ** 1.5) from 0 to infinity"""
    in_x = 0.5 * (out - elliprd(y, z, x)) / (z - x)
    in_y = 0.5 * (out - elliprd(x, z, y)) / (z - y)
    # `elliprd(y, z, 0)` is infinite, but counts nothing: of x * in_x the limit is 0.
    in_z = -(1.5 * out + np.where(x == 0, 0, x * in_x) + np.where(y == 0, 0, y * in_y)) / z
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


ELLIPTIC = [(0.7, 0.3), (spread(3), 0.4), (0.9, spread(3, low=-2, high=0.9)), (1.1, 0.0)]


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
    return d_si * np.sinc(x / np.pi) + np.divide(d_ci * np.cos(x), x)


@vjp_rule(special.shichi, at=POSITIVE)
def shichi_vjp(d_out, out, x):
    """out = the integrals of sinh(t) / t from 0 to x, and of cosh(t) / t"""
    d_shi, d_chi = d_out
    return np.divide(d_shi * np.sinh(x) + d_chi * np.cosh(x), x)


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
        return d_out * parameter_slope(zeta, (0,), (), x), None
    d_x = parameter_term(d_out, zeta, 0, (), x, q)
    return d_x, -d_out * x * zeta(x + 1, q)


@vjp_rule(special.hyp0f1, at=[(F(1.7), F(0.7)), (F(0.5), spread(3))])
def hyp0f1_vjp(d_out, out, v, z):
    """out = the sum of z ** n / (poch(v, n) * n!)"""
    d_v = parameter_term(d_out, hyp0f1, 0, (), v, z)
    return d_v, d_out * hyp0f1(v + 1, z) / v


@vjp_rule(special.hyp1f1, at=[(F(0.7), F(1.7), F(0.4)), (F(0.5), F(1.3), spread(3))])
def hyp1f1_vjp(d_out, out, a, b, x):
    """out = the sum of poch(a, n) / poch(b, n) * x ** n / n!"""
    d_a = parameter_term(d_out, hyp1f1, 0, (1,), a, b, x)
    d_b = parameter_term(d_out, hyp1f1, 1, (1,), a, b, x)
    return d_a, d_b, d_out * a / b * hyp1f1(a + 1, b + 1, x)


@vjp_rule(
    special.hyp2f1,
    at=[(F(0.7), F(0.4), F(1.7), F(0.3)), (F(0.5), F(1.1), F(1.3), spread(3, low=-0.9, high=0.8))],
)
def hyp2f1_vjp(d_out, out, a, b, c, z):
    """out = the sum of poch(a, n) * poch(b, n) / poch(c, n) * z ** n / n!"""
    d_a = parameter_term(d_out, hyp2f1, 0, (2,), a, b, c, z)
    d_b = parameter_term(d_out, hyp2f1, 1, (2,), a, b, c, z)
    d_c = parameter_term(d_out, hyp2f1, 2, (2,), a, b, c, z)
    return d_a, d_b, d_c, d_out * a * b / c * hyp2f1(a + 1, b + 1, c + 1, z)


@vjp_rule(special.hyperu, at=[(F(0.7), F(1.7), F(0.4)), (F(0.5), F(1.3), spread(3, low=0.3))])
def hyperu_vjp(d_out, out, a, b, x):
    """out = Tricomi's function"""
    d_a = parameter_term(d_out, hyperu, 0, (2,), a, b, x)
    d_b = parameter_term(d_out, hyperu, 1, (2,), a, b, x)
    return d_a, d_b, -d_out * a * hyperu(a + 1, b + 1, x)


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
    d_alpha = parameter_term(d_out, eval_jacobi, 1, (), n, alpha, beta, x)
    d_beta = parameter_term(d_out, eval_jacobi, 2, (), n, alpha, beta, x)
    factor = np.where(n == 0, 0, 0.5 * (n + alpha + beta + 1))
    return None, d_alpha, d_beta, d_out * factor * eval_jacobi(lower(n), alpha + 1, beta + 1, x)


@vjp_rule(
    special.eval_gegenbauer, at=[(0, F(0.5), F(0.3)), (3, F(1.2), spread(3, low=-0.9, high=0.9))]
)
def eval_gegenbauer_vjp(d_out, out, n, alpha, x):
    """out = C_n(x) of Gegenbauer"""
    d_alpha = parameter_term(d_out, eval_gegenbauer, 1, (), n, alpha, x)
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
    d_alpha = parameter_term(d_out, eval_genlaguerre, 1, (), n, alpha, x)
    factor = np.where(n == 0, 0, 1)
    return None, d_alpha, -d_out * factor * eval_genlaguerre(lower(n), alpha + 1, x)


@vjp_rule(special.lpmv, at=[(0, 2, 0.3), (1, 3, spread(3, low=-0.9, high=0.9))])
def lpmv_vjp(d_out, out, m, v, x):
    """out = the associated Legendre function of order m and degree v"""
    return None, None, np.divide(d_out * (v * x * out - (v + m) * lpmv(m, v - 1, x)), x * x - 1)


# Distributions


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


# Reductions


@vjp_rule(
    special.logsumexp,
    at=[
        (spread(4),),
        sample(spread(2, 3), axis=0),
        sample(spread(2, 3), axis=1, keepdims=True),
        sample(spread(2, 3), axis=1, b=spread(3, low=0.3)),
    ],
)
def logsumexp_vjp(d_out, out, a, axis=None, b=None, keepdims=False, return_sign=False):
    """out = log(sum(b * exp(a))), or (log(abs(sum)), sign); 0 where all of a is -inf"""
    d, total = d_out, out
    if return_sign:
        if np.iscomplexobj(a) or np.iscomplexobj(b):
            raise NoRuleError("scipy.special.logsumexp of complex numbers with their sign")
        d, total = d_out[0] * out[1], out[0]
    if axis is not None and not keepdims:
        d, total = np.expand_dims(d, axis), np.expand_dims(total, axis)
    total = np.where(total == -np.inf, 0, total)
    # a == total == inf: the whole weight
    share = np.where(a == np.inf, 1, np.exp(np.where(a == np.inf, 0, a - total)))
    if b is None:
        return (d * share,)
    return d * share * b, None, d * share


@vjp_rule(special.softmax, at=[(spread(4),), (spread(2, 3), 1), sample(spread(2, 3), axis=0)])
def softmax_vjp(d_out, out, x, axis=None):
    """out = exp(x) / sum(exp(x))"""
    weighted = d_out * out
    return weighted - out * np.sum(weighted, axis=axis, keepdims=True)


@vjp_rule(special.log_softmax, at=[(spread(4),), (spread(2, 3), 1), sample(spread(2, 3), axis=0)])
def log_softmax_vjp(d_out, out, x, axis=None):
    """out = x - log(sum(exp(x)))"""
    return d_out - np.exp(out) * np.sum(d_out, axis=axis, keepdims=True)


nondifferentiable(special.gammasgn, special.round)
