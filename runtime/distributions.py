"""What the distributions of `scipy.stats` say, without the machinery around it.

    stats.norm.logpdf(x, mu, sigma)    →    y = (x - mu) / sigma
                                            np.where(sigma > 0, family(y) - np.log(sigma), np.nan)

A method takes the shapes, the location and the scale by position or by keyword, puts the numbers
into standard form, and asks the family: its own Python (`norm._logpdf`) is read where it is
readable, and written here where it is not. Outside the support no formula is evaluated: a number
inside stands in. Of what is no parameter of the family the result is nan.
"""

# mypy: no-check-untyped-defs

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from srcdiff.runtime import kernels, multivariate
from srcdiff.runtime.families import ANY_FAMILY, FAMILIES, INFRASTRUCTURE, pick, positive
from srcdiff.runtime.kernels import is_constant
from srcdiff.runtime.marks import detach

# ------------------------------------------------------------------------- asked while compiling


def parameter_names(dist):
    """The names of the parameters of a distribution, shapes first.

    >>> from scipy import stats
    >>> parameter_names(stats.gamma), parameter_names(stats.poisson)
    (('a', 'loc', 'scale'), ('mu', 'loc'))
    """
    shapes = tuple(dist.shapes.replace(",", " ").split()) if dist.shapes else ()
    return (*shapes, "loc") if is_discrete(dist) else (*shapes, "loc", "scale")


def is_discrete(dist):
    """Whether it is a distribution of whole numbers."""
    return not hasattr(dist, "logpdf")


def fitting(names, count, given, keywords):
    """Whether a call has the shapes and no others than the parameters.

    names      of the parameters, of which the first `count` are the shapes
    given      how many are given by position
    keywords   the names of the others that are given

    >>> fitting(("a", "loc", "scale"), 1, 1, ("scale",)), fitting(("loc", "scale"), 0, 1, ("loc",))
    (True, False)
    """
    rest, named = set(names[given:]), set(keywords)
    return given <= len(names) and named <= rest and named.issuperset(names[given:count])


def fixed_support(dist):
    """The ends of the support in standard form, None where they depend on the shapes.

    >>> from scipy import stats
    >>> fixed_support(stats.gamma), fixed_support(stats.truncnorm)
    ((0, inf), None)
    """
    of_family = type(dist)._get_support.__qualname__
    if of_family not in ("rv_generic._get_support", "bernoulli_gen._get_support"):
        return None
    return tuple(int(x) if np.isfinite(x) and int(x) == x else float(x) for x in (dist.a, dist.b))


def is_open(dist):
    """Whether the density is evaluated neither at the ends of the support nor at infinity."""
    return type(dist)._support_mask.__qualname__ == "rv_generic._open_support_mask"


def ends_at_infinity(dist):
    """Whether the formula of a distribution function does not hold at infinity."""
    return type(dist).__name__[:-4] in ("invgauss", "wald", "kappa3", "exponnorm", "ncx2")


def loses_nan(dist):
    """Whether the formulas of a distribution have numbers for nan."""
    return type(dist).__name__[:-4] in ("ncx2", "pearson3", "triang", "tukeylambda", "nbinom")


def checks_signs(dist):
    """Whether all that a distribution asks of its shapes is that they are positive."""
    return type(dist)._argcheck.__qualname__ == "rv_generic._argcheck"


def accepts(dist, *shapes):
    """Whether these are shapes of a distribution."""
    return bool(np.all(dist._argcheck(*shapes)))


def takes_all(dist, name):
    """Whether a family's inverse has the ends of the support at 0 and 1, and nan outside."""
    return f"{type(dist).__name__[:-4]}.{name}" in COVERING


def inner_point(low, high):
    """A number inside the support, no end of it.

    >>> inner_point(0, np.inf), inner_point(0, 1), inner_point(-np.inf, 0)
    (1, 0.5, -1)
    """
    if low == -np.inf and high == np.inf:
        return 0
    if high == np.inf:
        return low + 1
    return high - 1 if low == -np.inf else 0.5 * (low + high)


# ----------------------------------------------------------------------------------- arguments


def number(x):
    """A list as an array."""
    return np.asarray(x) if isinstance(x, (list, tuple)) else x


def parameters(dist, args, kwds):
    """The shapes, the location and the scale: None for what is not given."""
    names, count = parameter_names(dist), dist.numargs
    found = [
        number(args[i]) if i < len(args) else number(kwds[name]) if name in kwds else None
        for i, name in enumerate(names)
    ]
    if not fitting(names, count, len(args), tuple(kwds)):
        raise TypeError(f"the parameters of {dist.name} are {', '.join(names)}")
    return found[:count], found[count], found[count + 1] if len(names) > count + 1 else None


def double(x):
    """x in double precision, as SciPy has it"""
    x = number(x)
    if isinstance(x, float):
        return x
    if isinstance(x, int) or np.ndim(x) == 0:
        return np.float64(x)
    return x if x.dtype == np.float64 else x.astype(np.float64)


def standard(x, loc, scale):
    """(x - loc) / scale"""
    y = number(x)
    single = not isinstance(y, (int, float)) and y.dtype != np.float64
    if loc is not None:
        y = y - (np.asarray(loc) if single else loc)
    if scale is not None:
        y = y / (np.asarray(scale) if single else scale)
    return double(y)


def valid(dist, shapes, scale, y=None):
    """Whether these are parameters of the distribution; None if nothing has to be asked."""
    ok = y == y if y is not None and loses_nan(dist) else None
    if scale is not None and not (is_constant(scale) and positive(scale)):
        ok = scale > 0 if ok is None else ok & (scale > 0)
    if all([is_constant(shape) for shape in shapes]) and accepts(dist, *shapes):
        return ok
    if not checks_signs(dist):
        fits = dist._argcheck(*shapes)
        return fits if ok is None else ok & fits
    for shape in shapes:
        if not (is_constant(shape) and positive(shape)):
            ok = shape > 0 if ok is None else ok & (shape > 0)
    return ok


def checked(out, ok):
    """The result, nan where the parameters are none of the distribution."""
    return out if ok is None else pick(ok, out, np.nan)


# --------------------------------------------------------------------------- inside and outside


def inside(dist, y, shapes):
    """y with a number inside the support for what is outside, and where that is; None: nowhere"""
    ends = fixed_support(dist)
    if ends is None:
        low, high = dist._get_support(*shapes)
        outside = (y <= low) | (y >= high) if is_open(dist) else (y < low) | (y > high)
        return np.clip(y, low, high), outside
    low, high = ends
    if is_open(dist):
        outside = (y <= low) | (y >= high)
    elif low == -np.inf and high == np.inf:
        return y, None
    elif high == np.inf:
        outside = y < low
    elif low == -np.inf:
        outside = y > high
    else:
        outside = (y < low) | (y > high)
    return pick(outside, inner_point(low, high), y), outside


def elsewhere(out, outside, value):
    return out if outside is None else pick(outside, value, out)


def tails(dist, y, shapes):
    """y with a number inside the support for what is not inside; what is at or below, above it"""
    ends = fixed_support(dist)
    if ends is None:
        low, high = dist._get_support(*shapes)
        return np.clip(y, low, high), y <= low, y >= high
    low, high = ends
    below = None if low == -np.inf and not ends_at_infinity(dist) else y <= low
    above = None if high == np.inf and not ends_at_infinity(dist) else y >= high
    if below is None and above is None:
        return y, None, None
    outside = above if below is None else below if above is None else below | above
    return pick(outside, inner_point(low, high), y), below, above


# ------------------------------------------------------------------------------------- methods


def pdf(dist, x, *args, **kwds):
    """The density."""
    shapes, loc, scale = parameters(dist, args, kwds)
    y, outside = inside(dist, standard(x, loc, scale), shapes)
    out = dist._pdf(y, *shapes)
    if scale is not None:
        out = out / scale
    return checked(elsewhere(out, outside, 0), valid(dist, shapes, scale, y))


def logpdf(dist, x, *args, **kwds):
    """The log of the density."""
    shapes, loc, scale = parameters(dist, args, kwds)
    y, outside = inside(dist, standard(x, loc, scale), shapes)
    out = dist._logpdf(y, *shapes)
    if scale is not None:
        out = out - np.log(scale)
    return checked(elsewhere(out, outside, -np.inf), valid(dist, shapes, scale, y))


def in_tails(dist, formula, x, args, kwds, first, last):
    """A distribution function: `first` where nothing is below, `last` where nothing is above."""
    shapes, loc, scale = parameters(dist, args, kwds)
    if is_discrete(dist):
        y, below, above = counted(dist, x, shapes, loc, False)
    else:
        y, below, above = tails(dist, standard(x, loc, scale), shapes)
    out = elsewhere(elsewhere(formula(y, *shapes), below, first), above, last)
    return checked(out, valid(dist, shapes, scale, y))


def cdf(dist, x, *args, **kwds):
    """The distribution function."""
    return in_tails(dist, dist._cdf, x, args, kwds, 0, 1)


def logcdf(dist, x, *args, **kwds):
    """The log of the distribution function."""
    return in_tails(dist, dist._logcdf, x, args, kwds, -np.inf, 0)


def sf(dist, x, *args, **kwds):
    """1 - the distribution function."""
    return in_tails(dist, dist._sf, x, args, kwds, 1, 0)


def logsf(dist, x, *args, **kwds):
    """The log of 1 - the distribution function."""
    return in_tails(dist, dist._logsf, x, args, kwds, 0, -np.inf)


def quantile(dist, name, q, shapes, loc, scale):
    """The inverse of the distribution function (`_ppf`) or of 1 - it (`_isf`)."""
    q = double(q)
    inverse = dist._ppf if name == "ppf" else dist._isf
    if takes_all(dist, name):
        y = inverse(q, *shapes)
    else:
        low, high = dist._get_support(*shapes)
        first, last = (low, high) if name == "ppf" else (high, low)
        inner = (q > 0) & (q < 1)
        ends = pick(q == 0, first, pick(q == 1, last, np.nan))
        y = pick(inner, inverse(pick(inner, q, 0.5), *shapes), ends)
    if scale is not None:
        y = y * scale
    if loc is not None:
        y = y + loc
    return checked(y, valid(dist, shapes, scale))


def ppf(dist, q, *args, **kwds):
    """The inverse of the distribution function."""
    shapes, loc, scale = parameters(dist, args, kwds)
    return quantile(dist, "ppf", q, shapes, loc, scale)


def isf(dist, q, *args, **kwds):
    """The inverse of 1 - the distribution function."""
    shapes, loc, scale = parameters(dist, args, kwds)
    return quantile(dist, "isf", q, shapes, loc, scale)


def entropy(dist, *args, **kwds):
    """The differential entropy."""
    shapes, loc, scale = parameters(dist, args, kwds)
    out = dist._entropy(*shapes)
    if scale is not None:
        out = out + np.log(scale)
    return checked(out, valid(dist, shapes, scale))


def standard_mean(dist, shapes):
    """The mean in standard form: of the family's formula, or its first moment."""
    found = dist._stats(*shapes)[0]
    return dist._munp(1, *shapes) if found is None else found


def standard_var(dist, shapes):
    """The variance in standard form."""
    found = dist._stats(*shapes)[1]
    if found is None:
        center = standard_mean(dist, shapes)
        found = dist._munp(2, *shapes) - center * center
    return found


def mean(dist, *args, **kwds):
    """The mean."""
    shapes, loc, scale = parameters(dist, args, kwds)
    out = standard_mean(dist, shapes)
    if scale is not None:
        out = out * scale
    if loc is not None:
        out = out + loc
    return checked(out, valid(dist, shapes, scale))


def var(dist, *args, **kwds):
    """The variance."""
    shapes, loc, scale = parameters(dist, args, kwds)
    out = standard_var(dist, shapes)
    if scale is not None:
        out = out * (scale * scale)
    return checked(out, valid(dist, shapes, scale))


def std(dist, *args, **kwds):
    """The standard deviation."""
    return np.sqrt(var(dist, *args, **kwds))


# ------------------------------------------------------------------- methods of discrete ones


def counted(dist, k, shapes, loc, closed):
    """k - loc, with a number of the support for what is none; where that is below, above"""
    k = number(k)
    if loc is not None:
        k = k - loc
    if isinstance(k, float) or not isinstance(k, int) and k.dtype.kind == "f":
        k = detach(k)  # it is a whole number: nothing changes with it
    ends = fixed_support(dist)
    low, high = dist._get_support(*shapes) if ends is None else ends
    below = k < low
    bounded = ends is None or high != np.inf
    above = None if not bounded else k > high if closed else k >= high
    outside = below if above is None else below | above
    return pick(outside, low, k), below, above


def mass(dist, k, shapes, loc):
    """k - loc, and where it is no number of the support"""
    k, below, above = counted(dist, k, shapes, loc, True)
    outside = below if above is None else below | above
    if isinstance(k, float) or k.dtype.kind == "f":
        outside = outside | (np.floor(k) < k)
    return k, outside


def pmf(dist, k, *args, **kwds):
    """The probability of k."""
    shapes, loc, _ = parameters(dist, args, kwds)
    k, outside = mass(dist, k, shapes, loc)
    out = elsewhere(dist._pmf(k, *shapes), outside, 0)
    return checked(out, valid(dist, shapes, None, k))


def logpmf(dist, k, *args, **kwds):
    """The log of the probability of k."""
    shapes, loc, _ = parameters(dist, args, kwds)
    k, outside = mass(dist, k, shapes, loc)
    out = elsewhere(dist._logpmf(k, *shapes), outside, -np.inf)
    return checked(out, valid(dist, shapes, None, k))


# Families whose inverses have the ends of the support at 0 and 1, and nan outside.
COVERING = frozenset("norm.ppf norm.isf logistic.ppf logistic.isf".split())

METHODS: dict[str, tuple[Callable, ...]] = {
    "rv_continuous": (pdf, logpdf, cdf, logcdf, sf, logsf, ppf, isf),
    "rv_discrete": (pmf, logpmf, cdf, logcdf, sf, logsf),
    "rv_generic": (entropy, mean, var, std),
}

TWINS: dict[tuple[str, str], Callable] = {
    **{
        (INFRASTRUCTURE, f"{cls}.{f.__name__}"): f
        for cls, functions in METHODS.items()
        for f in functions
    },
    **ANY_FAMILY,
    **FAMILIES,
    **multivariate.TWINS,
}


def twin_of(f):
    """The function here that stands for a function or a method of `scipy.stats`, or None."""
    owner = type(getattr(f, "__self__", None))
    own = ("scipy.stats", f"{owner.__name__}.{f.__name__}")
    if owner.__module__.startswith("scipy.stats.") and own in TWINS:
        return TWINS[own]
    return TWINS.get((f.__module__, getattr(f, "__qualname__", f.__name__)))


kernels.STATIC.update(
    (parameter_names, is_discrete, fitting, fixed_support, is_open, ends_at_infinity, loses_nan,
     checks_signs, accepts, takes_all, inner_point)
)  # fmt: skip
