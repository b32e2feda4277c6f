"""Rules of operations that work element by element.

    y = np.tanh(x)    →    d_x = d_y * (1 - y ** 2)

Broadcasting is undone by the caller. A quotient whose denominator can be one of Python's own zeros
is written `np.divide`, which gives inf or nan where `/` raises.
"""

# mypy: no-check-untyped-defs

import builtins
import math
import operator

import numpy as np

from srcdiff.runtime.kernels import bessel_i, is_constant, real_power, sinc_derivative
from srcdiff.runtime.registry import jvp_rule, nondifferentiable, sample, spread, vjp_rule

# Sample points: around zero, positive, within (-1, 1), above 1; pairs that broadcast.
ANY = (0.7, -1.3, spread(3), spread(2, 3))
POSITIVE = (0.7, spread(3, low=0.3), spread(2, 3, low=0.3))
UNIT = (0.3, spread(3, low=-0.9, high=0.9), spread(2, 3, low=-0.9, high=0.9))
ABOVE_ONE = (1.5, spread(3, low=1.2, high=3), spread(2, 3, low=1.2, high=3))
PAIRS = (
    (0.7, -1.3),
    (spread(3), 0.9),
    (-1.1, spread(3)),
    (spread(2, 3), spread(3, low=0.4, high=1.7)),
    (spread(2, 1, low=-1.7, high=-0.4), spread(3)),
)
POSITIVE_PAIRS = (
    (0.7, 1.3),
    (spread(3, low=0.3), 0.9),
    (1.1, spread(3, low=0.3)),
    (spread(2, 3, low=0.3), spread(3, low=0.4, high=1.7)),
)


# Arithmetic


@vjp_rule(operator.add, np.add, at=PAIRS, linear="x y")
def add_vjp(d_out, out, x, y):
    """out = x + y"""
    return d_out, d_out


@vjp_rule(operator.sub, np.subtract, at=PAIRS, linear="x y")
def sub_vjp(d_out, out, x, y):
    """out = x - y"""
    return d_out, -d_out


@vjp_rule(operator.mul, np.multiply, at=PAIRS, factors="x y")
def mul_vjp(d_out, out, x, y):
    """out = x * y"""
    d_x = d_out * y
    d_y = d_out * x
    return d_x, d_y


@vjp_rule(operator.truediv, np.divide, at=PAIRS)
def truediv_vjp(d_out, out, x, y):
    """out = x / y"""
    d_x = d_out / y
    d_y = -d_out * out / y
    return d_x, d_y


@vjp_rule(operator.neg, np.negative, at=ANY, linear=True)
def neg_vjp(d_out, out, x):
    """out = -x"""
    return -d_out


@vjp_rule(operator.pos, np.positive, at=ANY, linear=True)
def pos_vjp(d_out, out, x):
    """out = +x"""
    return d_out


@vjp_rule(
    operator.pow,
    builtins.pow,
    math.pow,
    np.power,
    np.float_power,
    real_power,
    at=[
        *POSITIVE_PAIRS,
        *[(x, y) for x in POSITIVE for y in (-1, 0, 1, 2, 3, 0.5, 1.5, -0.5)],
        (spread(3), 2),
        (spread(3), 3),
        (spread(3), np.array([2.0, 3.0, 4.0])),
        (2, spread(3)),
    ],
)
def pow_vjp(d_out, out, x, y):
    """out = x ** y"""
    if not is_constant(y):
        d_x = d_out * y * x ** np.where(y == 0, 1, y - 1)  # y == 0: a constant, also at x == 0
    elif y == 0:
        d_x = None
    elif y == 1:
        d_x = d_out
    elif y == 2:
        d_x = 2 * d_out * x
    elif y == 0.5:
        d_x = np.divide(0.5 * d_out, out)
    elif y == -1:
        d_x = -d_out * out * out
    elif y < 1:
        d_x = y * d_out * np.power(x, y - 1.0)
    else:
        d_x = y * d_out * x ** (y - 1)
    if is_constant(x) and x > 0:
        d_y = np.log(x) * d_out * out
    else:
        d_y = d_out * out * np.log(np.where(x == 0, 1, x))  # x == 0: the limit, a constant
    return d_x, d_y


@vjp_rule(operator.mod, np.remainder, at=[*PAIRS[:4], (5.5, 2.0), (-5.5, 2.0), (5.5, -2.0)])
def mod_vjp(d_out, out, x, y):
    """out = x - y * (x // y)"""
    return d_out, -d_out * (x // y)


@vjp_rule(np.fmod, math.fmod, at=[*PAIRS[:4], (5.5, 2.0), (-5.5, 2.0), (5.5, -2.0)])
def fmod_vjp(d_out, out, x, y):
    """out = x - y * trunc(x / y)"""
    return d_out, -d_out * np.rint((x - out) / y)


@vjp_rule(np.reciprocal, at=POSITIVE)
def reciprocal_vjp(d_out, out, x):
    """out = 1 / x"""
    return -d_out * out**2


@vjp_rule(np.square, at=ANY)
def square_vjp(d_out, out, x):
    """out = x ** 2"""
    return 2 * d_out * x


@vjp_rule(
    operator.abs, builtins.abs, np.absolute, np.fabs, math.fabs, at=[*ANY, 0.0], analytic=False
)
def abs_vjp(d_out, out, x):
    """out = |x|; 0 at x == 0"""
    if np.iscomplexobj(x):
        return d_out * x / np.where(out == 0, 1, out)
    return d_out * np.sign(np.real(x))


@vjp_rule(np.sign, at=[0.7 - 0.2j, spread(3) + 1j * spread(3)[::-1]], analytic=False)
def sign_vjp(d_out, out, x):
    """out = x / |x|, a step for real numbers; 0 at x == 0"""
    if not np.iscomplexobj(x):
        return None
    across = d_out - out * np.real(np.conj(out) * d_out)
    return np.where(out == 0, 0, across / np.where(out == 0, 1, np.abs(x)))


# Powers and logarithms


@vjp_rule(np.sqrt, at=POSITIVE)
def sqrt_vjp(d_out, out, x):
    """out = x ** 0.5"""
    return 0.5 * d_out / out


@vjp_rule(np.cbrt, at=ANY)
def cbrt_vjp(d_out, out, x):
    """out = x ** (1 / 3)"""
    return d_out / (3 * out**2)


@vjp_rule(np.exp, at=ANY)
def exp_vjp(d_out, out, x):
    """out = e ** x"""
    return d_out * out


@vjp_rule(np.exp2, at=ANY)
def exp2_vjp(d_out, out, x):
    """out = 2 ** x"""
    return np.log(2) * d_out * out


@vjp_rule(np.expm1, at=ANY)
def expm1_vjp(d_out, out, x):
    """out = e ** x - 1"""
    return d_out * (out + 1)


@vjp_rule(np.log, at=POSITIVE)
def log_vjp(d_out, out, x):
    """x = e ** out"""
    return np.divide(d_out, x)


@vjp_rule(np.log2, at=POSITIVE)
def log2_vjp(d_out, out, x):
    """x = 2 ** out"""
    return d_out / (np.log(2) * x)


@vjp_rule(np.log10, at=POSITIVE)
def log10_vjp(d_out, out, x):
    """x = 10 ** out"""
    return d_out / (np.log(10) * x)


@vjp_rule(np.log1p, at=POSITIVE)
def log1p_vjp(d_out, out, x):
    """1 + x = e ** out"""
    return np.divide(d_out, 1 + x)


@vjp_rule(np.logaddexp, at=PAIRS)
def logaddexp_vjp(d_out, out, x, y):
    """out = log(e ** x + e ** y); 0 where x and y are -inf"""
    finite = np.where(out == -np.inf, 0, out)
    d_x = d_out * np.exp(x - finite)
    d_y = d_out * np.exp(y - finite)
    return d_x, d_y


@vjp_rule(np.logaddexp2, at=PAIRS)
def logaddexp2_vjp(d_out, out, x, y):
    """out = log2(2 ** x + 2 ** y); 0 where x and y are -inf"""
    finite = np.where(out == -np.inf, 0, out)
    d_x = d_out * np.exp2(x - finite)
    d_y = d_out * np.exp2(y - finite)
    return d_x, d_y


# Trigonometric and hyperbolic functions


@vjp_rule(np.sin, at=ANY)
def sin_vjp(d_out, out, x):
    """out = sin(x)"""
    return d_out * np.cos(x)


@vjp_rule(np.cos, at=ANY)
def cos_vjp(d_out, out, x):
    """out = cos(x)"""
    return -d_out * np.sin(x)


@vjp_rule(np.tan, at=UNIT)
def tan_vjp(d_out, out, x):
    """out = tan(x)"""
    return d_out * (1 + out**2)


@vjp_rule(np.arcsin, at=UNIT)
def arcsin_vjp(d_out, out, x):
    """x = sin(out)"""
    if np.iscomplexobj(x):  # on the same side of the branch cut as the result
        return d_out / np.cos(out)
    return d_out / np.sqrt(1 - x * x)


@vjp_rule(np.arccos, at=UNIT)
def arccos_vjp(d_out, out, x):
    """x = cos(out)"""
    if np.iscomplexobj(x):  # on the same side of the branch cut as the result
        return -d_out / np.sin(out)
    return -d_out / np.sqrt(1 - x * x)


@vjp_rule(np.arctan, at=ANY)
def arctan_vjp(d_out, out, x):
    """x = tan(out)"""
    return d_out / (1 + x * x)


@vjp_rule(np.arctan2, at=PAIRS)
def arctan2_vjp(d_out, out, y, x):
    """out = the angle of x + i y"""
    r2 = x * x + y * y
    d_y = np.divide(d_out * x, r2)
    d_x = np.divide(-d_out * y, r2)
    return d_y, d_x


@vjp_rule(np.hypot, at=[*PAIRS, (3.0, -4.0)])
def hypot_vjp(d_out, out, x, y):
    """out = sqrt(x ** 2 + y ** 2); 0 at the origin"""
    r = np.where(out == 0, 1, out)
    d_x = d_out * x / r
    d_y = d_out * y / r
    return d_x, d_y


@vjp_rule(np.sinh, at=ANY)
def sinh_vjp(d_out, out, x):
    """out = sinh(x)"""
    return d_out * np.cosh(x)


@vjp_rule(np.cosh, at=ANY)
def cosh_vjp(d_out, out, x):
    """out = cosh(x)"""
    return d_out * np.sinh(x)


@vjp_rule(np.tanh, at=ANY)
def tanh_vjp(d_out, out, x):
    """out = tanh(x)"""
    return d_out * (1 - out**2)


@vjp_rule(np.arcsinh, at=ANY)
def arcsinh_vjp(d_out, out, x):
    """x = sinh(out)"""
    if np.iscomplexobj(x):  # on the same side of the branch cut as the result
        return d_out / np.cosh(out)
    return d_out / np.sqrt(1 + x * x)


@vjp_rule(np.arccosh, at=ABOVE_ONE)
def arccosh_vjp(d_out, out, x):
    """x = cosh(out)"""
    if np.iscomplexobj(x):  # on the same side of the branch cut as the result
        return d_out / np.sinh(out)
    return d_out / (np.sqrt(x - 1) * np.sqrt(x + 1))


@vjp_rule(np.arctanh, at=UNIT)
def arctanh_vjp(d_out, out, x):
    """x = tanh(out)"""
    return np.divide(d_out, 1 - x * x)


@vjp_rule(np.sinc, at=[*ANY, 0.0, 1e-3, np.array([0.0, 1e-6, 0.02])])
def sinc_vjp(d_out, out, x):
    """out = sin(pi * x) / (pi * x)"""
    return d_out * sinc_derivative(x, 1)


@vjp_rule(sinc_derivative, at=[(0.7, 1), (0.0, 1), (spread(3), 2), (np.array([0.0, 0.1]), 3)])
def sinc_derivative_vjp(d_out, out, x, order):
    """out = the derivative of np.sinc of the given order"""
    return d_out * sinc_derivative(x, order + 1)


@vjp_rule(np.radians, np.deg2rad, math.radians, at=ANY, linear=True)
def radians_vjp(d_out, out, x):
    """out = x * pi / 180"""
    return d_out * (np.pi / 180)


@vjp_rule(np.degrees, np.rad2deg, math.degrees, at=ANY, linear=True)
def degrees_vjp(d_out, out, x):
    """out = x * 180 / pi"""
    return d_out * (180 / np.pi)


# Choices


@vjp_rule(np.maximum, at=PAIRS)
def maximum_vjp(d_out, out, x, y):
    """out = the larger of x and y; half of the gradient to each at a tie"""
    d_x = d_out * np.where(x == y, 0.5, x > y)
    d_y = d_out * np.where(x == y, 0.5, x < y)
    return d_x, d_y


@vjp_rule(np.minimum, at=PAIRS)
def minimum_vjp(d_out, out, x, y):
    """out = the smaller of x and y; half of the gradient to each at a tie"""
    d_x = d_out * np.where(x == y, 0.5, x < y)
    d_y = d_out * np.where(x == y, 0.5, x > y)
    return d_x, d_y


@vjp_rule(np.fmax, at=PAIRS)
def fmax_vjp(d_out, out, x, y):
    """out = the larger of x and y, or the one that is a number"""
    d_x = d_out * np.where(x == y, 0.5, (x > y) | np.isnan(y))
    d_y = d_out * np.where(x == y, 0.5, (x < y) | np.isnan(x))
    return d_x, d_y


@vjp_rule(np.fmin, at=PAIRS)
def fmin_vjp(d_out, out, x, y):
    """out = the smaller of x and y, or the one that is a number"""
    d_x = d_out * np.where(x == y, 0.5, (x < y) | np.isnan(y))
    d_y = d_out * np.where(x == y, 0.5, (x > y) | np.isnan(x))
    return d_x, d_y


@vjp_rule(
    np.clip,
    at=[
        (0.7, 0.0, 1.0),
        (spread(5), -1.0, 0.5),
        (spread(5), -1.0, None),
        (spread(5), None, 0.5),
        (spread(2, 3), spread(3, high=-0.5), spread(2, 1, low=0.5)),
        (spread(5), 0.5, -1.0),
    ],
)
def clip_vjp(d_out, out, a, a_min=None, a_max=None):
    """out = a between the bounds; at a bound the gradient is a's"""
    if a_min is None:
        return d_out * (a <= a_max), None, d_out * (a > a_max)
    if a_max is None:
        return d_out * (a >= a_min), d_out * (a < a_min), None
    d_a = d_out * ((a_min <= a) & (a <= a_max))
    d_min = d_out * ((a < a_min) & (a_min == out))
    d_max = d_out * (np.maximum(a, a_min) > a_max)  # a_min > a_max: a_max wins
    return d_a, d_min, d_max


@vjp_rule(
    np.where,
    at=[
        (True, 0.7, -1.3),
        (spread(3) > 0, spread(3), 0.9),
        (spread(2, 1) > 0, spread(3), spread(2, 3)),
    ],
    linear="x y",
)
def where_vjp(d_out, out, condition, x, y):
    """out = x where the condition holds, else y"""
    d_x = np.where(condition, d_out, 0)
    d_y = np.where(condition, 0, d_out)
    return None, d_x, d_y


@vjp_rule(np.copysign, math.copysign, at=PAIRS)
def copysign_vjp(d_out, out, x, y):
    """out = |x| with the sign of y"""
    return d_out * np.sign(x) * np.copysign(1, y), None


@vjp_rule(np.ldexp, math.ldexp, at=[(0.7, 3), (spread(3), np.array([1, -2, 0]))], linear=True)
def ldexp_vjp(d_out, out, x, i):
    """out = x * 2 ** i"""
    return np.ldexp(d_out, i), None


@vjp_rule(np.heaviside, at=PAIRS)
def heaviside_vjp(d_out, out, x, y):
    """out = 0 where x < 0, y where x == 0, 1 where x > 0"""
    return None, d_out * (x == 0)


@vjp_rule(
    np.nan_to_num,
    at=[0.7, spread(2, 3), sample(spread(3), nan=1.0), spread(3) - 0.4j * spread(3)[::-1],
        np.array([0.7 - 0.2j, 0.3 + 0.0j])],
    analytic=False,
)
def nan_to_num_vjp(d_out, out, x, copy=True, nan=0, posinf=None, neginf=None):
    """out = x where it is finite"""
    if np.iscomplexobj(x):
        d_re = np.where(np.isfinite(np.real(x)), np.real(d_out), 0)
        return d_re + 1j * np.where(np.isfinite(np.imag(x)), np.imag(d_out), 0)
    return np.where(np.isfinite(x), d_out, 0)


@vjp_rule(np.modf, at=[2.7, spread(3)])
def modf_vjp(d_out, out, x):
    """out = x after the point, x before it; both have the sign of x"""
    return d_out[0]


@vjp_rule(np.i0, at=ANY)
def i0_vjp(d_out, out, x):
    """out = I0(x)"""
    return d_out * bessel_i(1, x)


@vjp_rule(bessel_i, at=[(1, -1.3), (0, spread(3)), (2, spread(2, 3)), (1, 31.5)])
def bessel_i_vjp(d_out, out, n, x):
    """out = In(x)"""
    return None, d_out * (bessel_i(n - 1, x) + bessel_i(n + 1, x)) / 2


@vjp_rule(np.frexp, at=[2.7, 0.3, spread(3)])
def frexp_vjp(d_out, out, x):
    """x = out[0] * 2 ** out[1]"""
    return np.ldexp(d_out[0], -out[1])


@vjp_rule(np.nextafter, at=[(0.7, 2.0), (spread(3), spread(2, 3)), (1.5, -np.inf)])
def nextafter_vjp(d_out, out, x1, x2):
    """out = the number next to x1 on the way to x2"""
    return d_out, None


@vjp_rule(np.divmod, at=[(2.7, 0.6), (spread(2, 3), spread(3, low=0.5))])
def divmod_vjp(d_out, out, x1, x2):
    """out = x1 // x2, x1 % x2"""
    return d_out[1], -d_out[1] * out[0]


# Complex numbers: under the real inner product Re(conj(a) b)


@vjp_rule(np.real, at=[*ANY, 0.7 - 0.2j], analytic=False, linear=True)
def real_vjp(d_out, out, val):
    """val = out + i ..."""
    return d_out


@vjp_rule(np.imag, at=[*ANY, 0.7 - 0.2j], analytic=False, linear=True)
def imag_vjp(d_out, out, val):
    """val = ... + i out"""
    return 1j * d_out


@vjp_rule(
    np.real_if_close,
    at=[*ANY[1:], spread(3) - 0.2j, (spread(2, 3) + 0.5j, 1e-3), np.array(0.7 - 0.2j)],
    analytic=False,
)  # fmt: skip
def real_if_close_vjp(d_out, out, a, tol=100):
    """out = a, or its real part where the imaginary parts are all close to 0"""
    return d_out if np.iscomplexobj(out) else np.real(d_out)


@jvp_rule(np.real_if_close)
def real_if_close_jvp(a_dot, out, a, tol=100):
    """out = a, or its real part where the imaginary parts are all close to 0"""
    return a_dot if np.iscomplexobj(out) else np.real(a_dot)


@vjp_rule(np.conjugate, at=[*ANY, 0.7 - 0.2j], analytic=False, linear=True)
def conjugate_vjp(d_out, out, x):
    """out = x with the sign of the imaginary part changed"""
    return np.conjugate(d_out)


@vjp_rule(
    np.angle,
    at=[0.7, 0.7 - 0.2j, spread(3) + 1j * spread(3)[::-1], sample(0.7 + 1j, deg=True)],
    analytic=False,
)
def angle_vjp(d_out, out, z, deg=False):
    """out = the angle of z in the complex plane"""
    d_z = d_out * 1j * z / np.abs(z) ** 2
    return d_z * (180 / np.pi) if deg else d_z


nondifferentiable(
    *(np.floor, np.ceil, np.rint, np.round, np.around, np.trunc, np.fix),
    *(np.floor_divide, np.signbit, np.spacing, np.isnat, np.bitwise_count),
    *(np.equal, np.not_equal, np.less, np.less_equal, np.greater, np.greater_equal),
    *(np.isnan, np.isinf, np.isfinite, np.isneginf, np.isposinf, np.isclose, np.isreal),
    *(np.iscomplex, np.iscomplexobj, np.isrealobj, np.isscalar, np.allclose, np.array_equal),
    *(np.array_equiv, np.isin),
    *(np.logical_and, np.logical_or, np.logical_not, np.logical_xor),
    *(np.bitwise_and, np.bitwise_or, np.bitwise_xor, np.invert, np.left_shift, np.right_shift),
    *(np.gcd, np.lcm),
)
