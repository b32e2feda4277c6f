"""Rules of Python's own functions and of the module `math`: functions of numbers.

    y = math.tan(x)    →    d_x = d_y * (1 + y * y)

Python's `/` and `**` raise where NumPy gives inf; a denominator that can be zero where the function
itself does not raise is divided by with `np.divide`.
"""

# mypy: no-check-untyped-defs

import builtins
import math
import operator

import numpy as np

from srcdiff.runtime.kernels import (
    choices,
    digamma,
    insert_place,
    polygamma,
    product_of_others,
    sorted_order,
)
from srcdiff.runtime.registry import nondifferentiable, sample, spread, vjp_rule

REALS = (0.7, -1.3)
POSITIVE = (0.7, 2.5)
UNIT = (0.3, -0.6)
PAIRS = ((0.7, -1.3), (-1.1, 0.4))


@vjp_rule(builtins.float, at=[*REALS, np.float64(0.5), np.array(0.7)], linear=True)
def float_vjp(d_out, out, x):
    """out = x"""
    return d_out


@vjp_rule(math.sin, at=REALS)
def sin_vjp(d_out, out, x):
    """out = sin(x)"""
    return d_out * math.cos(x)


@vjp_rule(math.cos, at=REALS)
def cos_vjp(d_out, out, x):
    """out = cos(x)"""
    return -d_out * math.sin(x)


@vjp_rule(math.tan, at=REALS)
def tan_vjp(d_out, out, x):
    """out = tan(x)"""
    return d_out * (1 + out * out)


@vjp_rule(math.asin, at=UNIT)
def asin_vjp(d_out, out, x):
    """x = sin(out)"""
    return np.divide(d_out, math.sqrt(1 - x * x))


@vjp_rule(math.acos, at=UNIT)
def acos_vjp(d_out, out, x):
    """x = cos(out)"""
    return np.divide(-d_out, math.sqrt(1 - x * x))


@vjp_rule(math.atan, at=REALS)
def atan_vjp(d_out, out, x):
    """x = tan(out)"""
    return d_out / (1 + x * x)


@vjp_rule(math.atan2, at=PAIRS)
def atan2_vjp(d_out, out, y, x):
    """out = the angle of x + i y"""
    r2 = x * x + y * y
    d_y = np.divide(d_out * x, r2)
    d_x = np.divide(-d_out * y, r2)
    return d_y, d_x


@vjp_rule(math.hypot, at=[*PAIRS, (0.7,), (1.0, -2.0, 0.5)])
def hypot_vjp(d_out, out, *coordinates):
    """out = sqrt(x ** 2 + y ** 2 + ...); 0 at the origin"""
    r = out + (out == 0)
    d_coordinates = ()
    for x in coordinates:
        d_coordinates = (*d_coordinates, d_out * x / r)
    return d_coordinates


@vjp_rule(math.sinh, at=REALS)
def sinh_vjp(d_out, out, x):
    """out = sinh(x)"""
    return d_out * math.cosh(x)


@vjp_rule(math.cosh, at=REALS)
def cosh_vjp(d_out, out, x):
    """out = cosh(x)"""
    return d_out * math.sinh(x)


@vjp_rule(math.tanh, at=REALS)
def tanh_vjp(d_out, out, x):
    """out = tanh(x)"""
    return d_out * (1 - out * out)


@vjp_rule(math.asinh, at=REALS)
def asinh_vjp(d_out, out, x):
    """x = sinh(out)"""
    return d_out / math.sqrt(1 + x * x)


@vjp_rule(math.acosh, at=[1.5, 2.5])
def acosh_vjp(d_out, out, x):
    """x = cosh(out)"""
    return np.divide(d_out, math.sqrt(x - 1) * math.sqrt(x + 1))


@vjp_rule(math.atanh, at=UNIT)
def atanh_vjp(d_out, out, x):
    """x = tanh(out)"""
    return d_out / (1 - x * x)


@vjp_rule(math.exp, at=REALS)
def exp_vjp(d_out, out, x):
    """out = e ** x"""
    return d_out * out


@vjp_rule(math.exp2, at=REALS)
def exp2_vjp(d_out, out, x):
    """out = 2 ** x"""
    return math.log(2) * d_out * out


@vjp_rule(math.expm1, at=REALS)
def expm1_vjp(d_out, out, x):
    """out = e ** x - 1"""
    return d_out * (out + 1)


@vjp_rule(math.log, at=[*POSITIVE, (0.7, 2.0), (2.5, 0.4)])
def log_vjp(d_out, out, x, base=None):
    """x = base ** out"""
    if base is None:
        return d_out / x
    d_x = d_out / (x * math.log(base))
    d_base = -d_out * out / (base * math.log(base))
    return d_x, d_base


@vjp_rule(math.log1p, at=POSITIVE)
def log1p_vjp(d_out, out, x):
    """1 + x = e ** out"""
    return d_out / (1 + x)


@vjp_rule(math.log2, at=POSITIVE)
def log2_vjp(d_out, out, x):
    """x = 2 ** out"""
    return d_out / (math.log(2) * x)


@vjp_rule(math.log10, at=POSITIVE)
def log10_vjp(d_out, out, x):
    """x = 10 ** out"""
    return d_out / (math.log(10) * x)


@vjp_rule(math.sqrt, at=POSITIVE)
def sqrt_vjp(d_out, out, x):
    """out = x ** 0.5"""
    return np.divide(0.5 * d_out, out)


@vjp_rule(math.cbrt, at=[*POSITIVE, -0.8])
def cbrt_vjp(d_out, out, x):
    """out = x ** (1 / 3)"""
    return np.divide(d_out, 3 * out * out)


@vjp_rule(math.erf, at=REALS)
def erf_vjp(d_out, out, x):
    """out = the integral of 2 / sqrt(pi) * exp(-t ** 2) from 0 to x"""
    return 2 / math.sqrt(math.pi) * d_out * math.exp(-x * x)


@vjp_rule(math.erfc, at=REALS)
def erfc_vjp(d_out, out, x):
    """out = 1 - erf(x)"""
    return -2 / math.sqrt(math.pi) * d_out * math.exp(-x * x)


@vjp_rule(math.gamma, at=REALS)
def gamma_vjp(d_out, out, x):
    """out = (x - 1)!"""
    return d_out * out * digamma(x)


@vjp_rule(math.lgamma, at=REALS)
def lgamma_vjp(d_out, out, x):
    """out = log(|gamma(x)|)"""
    return d_out * digamma(x)


@vjp_rule(polygamma, at=[(0, 0.7), (0, -1.3), (1, 0.7), (2, 3.5), (1, -0.4)])
def polygamma_vjp(d_out, out, n, x):
    """out = the derivative of order n + 1 of lgamma"""
    return None, d_out * polygamma(n + 1, x)


@vjp_rule(math.remainder, at=[(5.5, 2.0), (-5.3, 2.0)])
def remainder_vjp(d_out, out, x, y):
    """out = x - y * (the integer nearest to x / y)"""
    return d_out, -d_out * round((x - out) / y)


@vjp_rule(math.fsum, at=[([0.7, -1.3, 0.4],), spread(3)], linear=True)
def fsum_vjp(d_out, out, seq):
    """out = the sum of the numbers"""
    if isinstance(seq, np.ndarray):
        return np.full(np.shape(seq), d_out)
    d_seq = ()
    for _ in seq:
        d_seq = (*d_seq, d_out)
    return (d_seq,)


@vjp_rule(
    math.prod,
    at=[([0.7, -1.3, 0.4],), ([0.0, 2.0, 3.0],), spread(3), sample([0.7], start=2)],
)
def prod_vjp(d_out, out, iterable, *, start=1):
    """out = the product of the numbers"""
    others = start * product_of_others(np.array(iterable), 0)
    if not isinstance(iterable, list | tuple):  # an array, on the tape too
        return d_out * others
    d_numbers = ()
    for i, _ in enumerate(iterable):
        d_numbers = (*d_numbers, d_out * others[i])
    return (d_numbers,)


@vjp_rule(math.dist, at=[([0.7, -1.3], (0.4, 2.0)), (spread(3), spread(3)[::-1])])
def dist_vjp(d_out, out, p, q):
    """out = sqrt((p[0] - q[0]) ** 2 + ...); 0 where p == q"""
    d_p = d_out * (np.array(p) - np.array(q)) / (out + (out == 0))
    return d_p, -d_p


@vjp_rule(math.modf, at=[2.7, -1.3])
def modf_vjp(d_out, out, x):
    """out = what follows the point of x, what stands before it"""
    return d_out[0]


@vjp_rule(math.frexp, at=[2.7, -0.3])
def frexp_vjp(d_out, out, x):
    """x = out[0] * 2 ** out[1]"""
    return math.ldexp(d_out[0], -out[1])


@vjp_rule(math.nextafter, at=[(0.7, 2.0), (-1.3, -2.0)])
def nextafter_vjp(d_out, out, x, y):
    """out = x + what is between two floats"""
    return d_out, None


if hasattr(math, "sumprod"):  # Python 3.12

    @vjp_rule(math.sumprod, at=[([0.7, -1.3], [0.4, 2.0]), (spread(3), spread(3)[::-1])])
    def sumprod_vjp(d_out, out, p, q):
        """out = p[0] * q[0] + p[1] * q[1] + ..."""
        return d_out * np.array(q), d_out * np.array(p)


if hasattr(math, "fma"):  # Python 3.13

    @vjp_rule(math.fma, at=[(0.7, -1.3, 0.4)])
    def fma_vjp(d_out, out, x, y, z):
        """out = x * y + z"""
        return d_out * y, d_out * x, d_out


nondifferentiable(
    *(
        builtins.int,
        builtins.bool,
        builtins.round,
        builtins.len,
        builtins.range,
        builtins.isinstance,
    ),
    *(sorted_order, choices, insert_place, list.index, list.count),
    *(builtins.str, builtins.repr, builtins.hash, builtins.id, builtins.type, builtins.callable),
    *(builtins.format, builtins.hasattr, builtins.bin, builtins.hex, builtins.oct),
    *(float.is_integer, float.as_integer_ratio, float.hex, int.bit_length, int.bit_count),
    *(int.as_integer_ratio,),
    *(math.floor, math.ceil, math.trunc, math.isnan, math.isinf, math.isfinite, math.isclose),
    *(math.comb, math.perm, math.factorial, math.gcd, math.lcm, math.isqrt, math.ulp),
    *(operator.eq, operator.ne, operator.lt, operator.le, operator.gt, operator.ge, operator.not_),
    *(operator.truth, operator.is_, operator.is_not, operator.contains, operator.floordiv),
    *(operator.and_, operator.or_, operator.xor, operator.invert, operator.inv, operator.lshift),
    *(operator.rshift, operator.index),
)
