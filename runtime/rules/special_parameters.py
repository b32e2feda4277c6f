"""What the rules of `scipy.special` share: sample points, and derivatives by differences.

    parameter_slope(jv, (0,), (), v, z)    the derivative of jv(v, z) with respect to its order
"""

# mypy: no-check-untyped-defs

import numpy as np
from scipy import special

from srcdiff.runtime.errors import NoRuleError
from srcdiff.runtime.kernels import is_constant
from srcdiff.runtime.registry import spread, vjp_rule

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
BETAS = [(F(1.7), F(2.3), F(0.4)), (spread(3, low=0.4), F(1.3), UNIT[1]), (2, 3, UNIT[2])]



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
