"""What the rules of `scipy.special` share: sample points, and derivatives by differences.

    parameter_slope(jv, (0,), v, z)    the derivative of jv(v, z) with respect to its order
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

# Where a step in an argument of a function must not lead across: there is a pole, or beyond it the
# function is not defined.
ZERO = (0,)
BARRIERS = {
    **dict.fromkeys((special.gammainc, special.gammaincc, special.chdtr, special.chdtrc),
                    {0: ZERO, 1: ZERO}),
    **dict.fromkeys((special.fdtr, special.fdtrc, special.gdtr, special.gdtrc, special.chndtr,
                     special._ufuncs._ncx2_pdf, special._ufuncs._ncx2_sf, special.wright_bessel,
                     special.log_wright_bessel), {0: ZERO, 1: ZERO, 2: ZERO}),
    **dict.fromkeys((special.betainc, special.betaincc), {0: ZERO, 1: ZERO, 2: (0, 1)}),
    **dict.fromkeys((special.stdtr, special._ufuncs._kolmogp, special.hyp0f1), {0: ZERO}),
    **dict.fromkeys((special.yv, special.yve, special.kv, special.kve, special.struve,
                     special.modstruve, special.hyp1f1), {1: ZERO}),
    special.hyp2f1: {2: ZERO, 3: (1,)},
    special.hyperu: {2: ZERO},
    special.zeta: {0: (1,), 1: ZERO},
    special.zetac: {0: (1,)},
}  # fmt: skip


def parameter_slope(f, ks, *args):
    """The derivative of `f(*args)` with respect to its arguments ks, one after the other.

    The step is small against the scale on which these functions change in a parameter p: no less
    than its cube root above 1; and against how far p is from its `BARRIERS`.
    Of a first derivative about twelve digits are right, of a second one nine.

    >>> want = special.gamma(1.5) * special.psi(1.5)
    >>> bool(abs(parameter_slope(special.gamma, (0,), 1.5) - want) < 1e-11)
    True
    """
    if not ks:
        return f(*args)
    *others, k = ks
    h = np.cbrt(np.maximum(np.abs(args[k]), 1))
    for end in BARRIERS.get(f, {}).get(k, ()):
        away = np.abs(args[k] - end)
        h = np.where(away > 0, np.minimum(h, away), h)
    h = 0.02 * h
    total = 0.0
    for i, weight in enumerate((4 / 5, -1 / 5, 4 / 105, -1 / 280), 1):
        above = parameter_slope(f, others, *args[:k], args[k] + i * h, *args[k + 1 :])
        below = parameter_slope(f, others, *args[:k], args[k] - i * h, *args[k + 1 :])
        total = total + weight * (above - below)
    return (total / h)[()]


def parameter_term(d_out, f, k, *args):
    """What `d_out` gives the argument k of `f(*args)`: nothing where that is a constant."""
    return None if is_constant(args[k]) else d_out * parameter_slope(f, (k,), *args)


@vjp_rule(parameter_slope, at=[(special.gammainc, (0,), 1.5, 0.7)])
def parameter_slope_vjp(d_out, out, f, ks, *args):
    """out = the derivative of f(*args) with respect to its arguments ks"""
    found = ()
    for j in range(len(args)):
        found = (*found, d_out * parameter_slope(f, (*ks, j), *args))
    return (None, None, *found)


def refuse_complex(z, name):
    if np.iscomplexobj(z):
        raise NoRuleError(f"scipy.special.{name} of complex numbers", instead="Use real ones.")
