"""Scalars."""

import cmath
import math
import operator

import numpy as np

from tests.support import line

X, Y, Z = 0.5, -1.2, 2.3
V = np.array([0.5, -1.2, 2.0])


@line("`math`: trigonometric and hyperbolic functions and their inverses", X)
def math_trigonometric(x):
    a = math.sin(x) * math.cos(x) + math.tan(x) + math.asin(x) * math.acos(x) + math.atan(x)
    b = math.sinh(x) * math.cosh(x) + math.tanh(x) + math.asinh(x) + math.acosh(2 + x)
    return a * b + math.atanh(x) + math.atan2(x, 2.0)


@line("`math`: exponentials, logarithms, roots, powers", X)
def math_exponential(x):
    a = math.exp(x) + math.exp2(x) + math.expm1(x) + math.pow(x, 1.5)
    b = math.log(x) + math.log(x, 3) + math.log1p(x) + math.log2(x) + math.log10(x)
    return a * b + math.sqrt(x) * math.cbrt(x)


@line("`math.gamma`, `lgamma`, `erf`, `erfc`", Z)
def math_special(z):
    return math.gamma(z) * math.lgamma(z) + math.erf(z / 3) * math.erfc(z / 2)


@line("`math.hypot` of any number, `dist` of lists and of arrays", X, Y, V, wrt=(0, 1, 2))
def math_distances(x, y, v):
    return math.hypot(x, y, 2.0) + math.dist([x, y], (1.0, x)) * math.dist(v, v * v)


@line("`math.fsum` and `prod` of lists, arrays and generators", V)
def math_sums(v):
    a = math.fsum([v[0], v[1] ** 2]) * math.prod([v[0], v[2]], start=2.0)
    return a + math.fsum(v) * math.prod(v) + math.fsum(u * u for u in v)


@line("`math.fmod`, `remainder`, `modf`, `frexp`, `ldexp`", Z, X, wrt=(0, 1))
def math_parts(z, x):
    a = math.fmod(z, x) * math.remainder(z, x) + math.modf(z)[0] * x
    mantissa, exponent = math.frexp(z)
    return a + mantissa * exponent + math.ldexp(x, 3)


@line("`math.copysign`, `fabs`, `nextafter`, `degrees`, `radians`", X, Y, wrt=(0, 1))
def math_signs(x, y):
    return math.copysign(x, y) * math.fabs(y) + math.nextafter(x, 1.0) * math.degrees(
        math.radians(y) * x
    )


@line("`math`: integers, tests and constants", X)
def math_integers(x):
    n = math.comb(5, 2) + math.perm(4, 2) + math.factorial(3) + math.gcd(4, 6) + math.isqrt(10)
    if math.isfinite(x) and not math.isnan(x) and x < math.inf and not math.isclose(x, 0.7):
        return x**2 * n * math.pi + math.floor(2.5) * math.ceil(x) * x
    return x + math.e + math.tau


if hasattr(math, "sumprod"):

    @line("`math.sumprod`", V)
    def math_sumprod(v):
        return math.sumprod(v, v * 2) + math.sumprod([v[0]], [v[1]])


if hasattr(math, "fma"):

    @line("`math.fma`", X, Y, Z, wrt=(0, 1, 2))
    def math_fma(x, y, z):
        return math.fma(x, y, z) ** 2


@line("`cmath`: every function of one number", X, Y, wrt=(0, 1))
def cmath_functions(x, y):
    z = complex(x, y)
    a = cmath.exp(z) + cmath.log(z) + cmath.log10(z) + cmath.log(z, 2) + cmath.sqrt(z)
    b = cmath.sin(z) * cmath.cos(z) + cmath.tan(z) + cmath.asin(z) + cmath.acos(z) + cmath.atan(z)
    c = cmath.sinh(z) * cmath.cosh(z) + cmath.tanh(z) + cmath.asinh(z) + cmath.acosh(z)
    return abs(a * b + c * cmath.atanh(z)) ** 2


@line("`cmath.phase`, `polar`, `rect`", X, Y, wrt=(0, 1))
def cmath_polar(x, y):
    r, phi = cmath.polar(x + 1j * y)
    return (cmath.rect(r * 2, phi + x) * 1j).real * cmath.phase(complex(x, y))


@line("complex numbers: parts, `conjugate`, arithmetic, powers", X, Y, wrt=(0, 1))
def complex_numbers(x, y):
    z = complex(x, y)
    w = z.conjugate() * (1 + 2j) / (z - 3) + z**2 + z**0.5 + 2**z
    return w.real * w.imag + abs(w) + (x + 1j * y).imag


@line("`//`, `%`, `divmod` of floats and ints", Z, X, wrt=(0, 1))
def division(z, x):
    q, r = divmod(z, x)
    return z // x * x + z % x * q + -z % x + r + z % -x + 7 // 2 * x + -7 % 3 * z


@line("powers of every sign and type", X, Y, wrt=(0, 1))
def powers(x, y):
    a = x**2 + x**-1 + x**0 + x**0.5 + x**y + y**2 + y**3.0 + y**-2
    return a + 2**x + 2.0**y + pow(x, 3) + pow(2, 5, 7) * x + 2**100 * x * 1e-30


@line("bit operations, integer division, big integers", X)
def integers(x):
    n = (5 & 3 | 8 ^ 2) + (1 << 4) - (5 >> 1) + ~5 + (5).bit_length() + bin(5).count("1")
    return x * n + x * 10**20 * 1e-20 * (2**70 % 7)


@line("`abs`, `round` with digits, `int`, `float`, `bool`", Z, X, wrt=(0, 1))
def conversions(z, x):
    n = int(z * 2.4) + round(z * 1.37) + int(bool(x)) + int("ff", 16)
    return float(z) * n + round(z, 2) * x + abs(-x) + round(1234, -2) * x


@line("methods of floats: `is_integer`, `as_integer_ratio`, `hex`, `conjugate`, `__mul__`", X)
def methods(x):
    a = x.conjugate() * x.real + x.imag + x.__mul__(3.0) + x.__rsub__(1)
    if not x.is_integer():
        a = a * (2.5).as_integer_ratio()[0]
    return a * len((2.0).hex())


@line("comparison chains, `and`, `or`, `not`, numbers as truth values", X, Y, wrt=(0, 1))
def truth_values(x, y):
    a = x * x if 0 < x <= 1 > y else y
    return a + (x or y) * 2 + (x and y) * 3 + x * (not y) + (x > 0) * y + True * x + (x > y) / 2


@line("comparison of tuples with run-time numbers", X, Y)
def tuple_order(x, y):
    if (x, 1) < (y, 2) or (x, y) >= (x, y + 1):
        return x**2
    return x**3


@line("NumPy's scalars mixed with Python's numbers", X, Y, wrt=(0, 1))
def mixed(x, y):
    a = np.float64(x) / 2 + np.int64(3) * x + np.bool_(True) * y + np.float64(2) ** x
    return a * math.sin(np.cos(x)) + float(np.sin(y)) * int(np.int64(3))


@line("`operator`'s functions", X, Y, wrt=(0, 1))
def operators(x, y):
    a = operator.add(x, y) * operator.truediv(x, 3) + operator.pow(x, 2) + operator.neg(y)
    return a * operator.abs(y) + operator.mod(x, 0.3) * operator.index(3)


@line("a local named like a built-in function", X)
def hidden_builtin(x):
    any = [x > 0, x > 1]
    return x * sum(any) + round(x * 2.5)
