"""Rules of `scipy.special`, registered when it is there; families of functions have their files.

    y = xlogy(x, y)    →    d_x = d_y * log(y)

Where a derivative with respect to a parameter (the order of a Bessel function, the shape of a
distribution) has no closed form, it is a difference of high order: see `parameter_slope`.
"""

# mypy: no-check-untyped-defs

import math

import numpy as np
from scipy import special
from scipy.special import (
    expit,
    hyp1f1,
    hyp2f1,
)

from srcdiff.runtime.errors import NoRuleError
from srcdiff.runtime.registry import nondifferentiable, sample, spread, vjp_rule
from srcdiff.runtime.rules import (  # noqa: F401  (registers theirs)
    special_bessel,
    special_distributions,
    special_elliptic,
    special_errors,
    special_gamma,
    special_polynomials,
    special_series,
)
from srcdiff.runtime.rules.special_parameters import (
    ANY,
    POSITIVE,
    POSITIVE_PAIRS,
    UNIT,
)

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
    origin = (x == 0) & (y == 0)
    d_y = d_out * np.divide(x, np.where(origin, 1, y))
    return d_x, d_y


@vjp_rule(special.xlog1py, at=[*POSITIVE_PAIRS, (-1.3, -0.7), (0, spread(3, low=0.3))])
def xlog1py_vjp(d_out, out, x, y):
    """out = x * log(1 + y); 0 where x is 0"""
    d_x = d_out * np.log1p(y)
    origin = (x == 0) & (y == -1)
    d_y = d_out * np.divide(x, np.where(origin, 1, 1 + y))
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


@vjp_rule(special.softplus, at=ANY)
def softplus_vjp(d_out, out, x):
    """out = log(1 + exp(x))"""
    return d_out * expit(x)


@vjp_rule(special._ufuncs._log1mexp, at=[-0.7, spread(3, low=-3, high=-0.3)])
def log1mexp_vjp(d_out, out, x):
    """out = log(1 - exp(x))"""
    return -d_out * np.exp(x - out)


@vjp_rule(special._ufuncs._log1pmx, at=POSITIVE)
def log1pmx_vjp(d_out, out, x):
    """out = log(1 + x) - x"""
    return -d_out * x / (1 + x)


@vjp_rule(special._ufuncs._scaled_exp1, at=POSITIVE)
def scaled_exp1_vjp(d_out, out, x):
    """out = x * exp(x) * exp1(x)"""
    return d_out * (out / x + out - 1)


@vjp_rule(special._ufuncs._cosine_cdf, at=[*ANY, 4.0, -4.0])
def cosine_cdf_vjp(d_out, out, x):
    """out = (pi + x + sin(x)) / (2 pi) from -pi to pi"""
    return d_out * np.where(np.abs(x) < np.pi, 1 + np.cos(x), 0) / (2 * np.pi)


@vjp_rule(special._ufuncs._cosine_invcdf, at=UNIT)
def cosine_invcdf_vjp(d_out, out, p):
    """(pi + out + sin(out)) / (2 pi) = p"""
    return 2 * np.pi * d_out / (1 + np.cos(out))


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


# Reductions


@vjp_rule(
    special.logsumexp,
    at=[
        (spread(4),),
        sample(spread(2, 3), axis=0),
        sample(spread(2, 3), axis=1, keepdims=True),
        sample(spread(2, 3), axis=1, b=spread(3, low=0.3)),
        sample(spread(2, 3), b=spread(3), return_sign=True),
        sample(spread(2, 3), axis=1, b=np.array([0.3, -2.5, 0.7]), return_sign=True),
        (np.array([0.3, -np.inf, -0.7]),),
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
