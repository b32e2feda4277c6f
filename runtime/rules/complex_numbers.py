"""Rules of the module `cmath` and of `complex`: functions of one complex number.

    w = cmath.log(z)    →    d_z = d_w / z

Python's `/` raises where the derivative is infinite; a denominator that can be zero where the
function itself does not raise is divided by with `np.divide`.
"""

# mypy: no-check-untyped-defs

import builtins
import cmath

import numpy as np

from srcdiff.runtime.registry import nondifferentiable, vjp_rule

ANY = (0.7, -1.3, 0.7 - 0.2j, -1.1 + 0.4j)
PAIRS = ((0.7, -1.3), (1.1, 0.4))


@vjp_rule(builtins.complex, at=[0.7, (0.7, -1.3), (0.7 + 1j, 0.2), (0.7, 0.2 - 1j)], analytic=False)
def complex_vjp(d_out, out, real=0, imag=0):
    """out = real + 1j * imag"""
    return d_out, -1j * d_out if np.iscomplexobj(imag) else np.imag(d_out)


@vjp_rule(cmath.exp, at=ANY)
def exp_vjp(d_out, out, z):
    """out = e ** z"""
    return d_out * out


@vjp_rule(cmath.log, at=[*ANY, (0.7 - 0.2j, 2.0), (0.7, -0.4 + 1j)])
def log_vjp(d_out, out, z, base=None):
    """z = base ** out"""
    if base is None:
        return d_out / z
    scale = cmath.log(base)
    d_z = d_out / (z * scale)
    d_base = -d_out * out / (base * scale)
    return d_z, d_base


@vjp_rule(cmath.log10, at=ANY)
def log10_vjp(d_out, out, z):
    """z = 10 ** out"""
    return d_out / (z * cmath.log(10).real)


@vjp_rule(cmath.sqrt, at=ANY)
def sqrt_vjp(d_out, out, z):
    """z = out ** 2"""
    return np.divide(0.5 * d_out, out)


@vjp_rule(cmath.sin, at=ANY)
def sin_vjp(d_out, out, z):
    """out = sin(z)"""
    return d_out * cmath.cos(z)


@vjp_rule(cmath.cos, at=ANY)
def cos_vjp(d_out, out, z):
    """out = cos(z)"""
    return -d_out * cmath.sin(z)


@vjp_rule(cmath.tan, at=ANY)
def tan_vjp(d_out, out, z):
    """out = tan(z)"""
    return d_out * (1 + out * out)


@vjp_rule(cmath.asin, at=[0.3, 0.7 - 0.2j, -1.1 + 0.4j, 0.5j])
def asin_vjp(d_out, out, z):
    """z = sin(out)"""
    return np.divide(d_out, cmath.cos(out))


@vjp_rule(cmath.acos, at=[0.3, 0.7 - 0.2j, -1.1 + 0.4j, 0.5j])
def acos_vjp(d_out, out, z):
    """z = cos(out)"""
    return np.divide(-d_out, cmath.sin(out))


@vjp_rule(cmath.atan, at=ANY)
def atan_vjp(d_out, out, z):
    """z = tan(out)"""
    return d_out / (1 + z * z)


@vjp_rule(cmath.sinh, at=ANY)
def sinh_vjp(d_out, out, z):
    """out = sinh(z)"""
    return d_out * cmath.cosh(z)


@vjp_rule(cmath.cosh, at=ANY)
def cosh_vjp(d_out, out, z):
    """out = cosh(z)"""
    return d_out * cmath.sinh(z)


@vjp_rule(cmath.tanh, at=ANY)
def tanh_vjp(d_out, out, z):
    """out = tanh(z)"""
    return d_out * (1 - out * out)


@vjp_rule(cmath.asinh, at=ANY)
def asinh_vjp(d_out, out, z):
    """z = sinh(out)"""
    return np.divide(d_out, cmath.cosh(out))


@vjp_rule(cmath.acosh, at=[1.5, 0.7 - 0.2j, -1.1 + 0.4j])
def acosh_vjp(d_out, out, z):
    """z = cosh(out)"""
    return np.divide(d_out, cmath.sinh(out))


@vjp_rule(cmath.atanh, at=[0.3, 0.7 - 0.2j, -1.1 + 0.4j])
def atanh_vjp(d_out, out, z):
    """z = tanh(out)"""
    return d_out / (1 - z * z)


# Under the real inner product Re(conj(a) b)


@vjp_rule(cmath.phase, at=[0.7, 0.7 - 0.2j, -1.1 + 0.4j], analytic=False)
def phase_vjp(d_out, out, z):
    """out = the angle of z"""
    return np.divide(d_out * 1j * z, abs(z) ** 2)


@vjp_rule(cmath.polar, at=[0.7, 0.7 - 0.2j, -1.1 + 0.4j, 0.6 + 0.8j], analytic=False)
def polar_vjp(d_out, out, z):
    """z = r * e ** (i * phi); d_r does not reach the origin"""
    d_r, d_phi = d_out
    r = out[0]
    return d_r * z / (r + (r == 0)) + np.divide(d_phi * 1j * z, r * r)


@vjp_rule(cmath.rect, at=PAIRS, analytic=False)
def rect_vjp(d_out, out, r, phi):
    """out = r * e ** (i * phi)"""
    d_r = np.real(d_out * cmath.rect(1, -phi))
    d_phi = np.imag(d_out * np.conjugate(out))
    return d_r, d_phi


nondifferentiable(cmath.isclose, cmath.isfinite, cmath.isinf, cmath.isnan)
