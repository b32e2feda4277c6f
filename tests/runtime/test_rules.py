"""Every rule in the registry, called as the tape calls it."""

import ast
import builtins
import inspect
import math
import operator
import textwrap
import types
import warnings

import numpy as np
import pytest
import scipy.linalg
import scipy.signal
import scipy.special
import scipy.stats

from srcdiff import check_grads
from srcdiff.runtime import kernels
from srcdiff.runtime.errors import NoRuleError
from srcdiff.runtime.kernels import unbroadcast
from srcdiff.runtime.registry import NONDIFFERENTIABLE, RULES, rule_of, spread
from srcdiff.runtime.rules import builtins as python_rules  # registers all of them
from srcdiff.runtime.rules import (
    complex_numbers,
    decompositions,
    distributions,
    elementwise,
    fft,
    grids,
    linalg,
    reductions,
    scipy_fft,
    scipy_linalg,
    scipy_signal,
    scipy_sparse,
    scipy_spatial,
    selecting,
    shapes,
    special,
    special_bessel,
    special_distributions,
    special_elliptic,
    special_errors,
    special_gamma,
    special_parameters,
    special_polynomials,
    special_series,
    ufunc_methods,
)

MODULES = (
    *(python_rules, complex_numbers, decompositions, elementwise, fft, grids, linalg),
    reductions,
    *(scipy_fft, scipy_linalg, scipy_signal, scipy_sparse, scipy_spatial, shapes, special),
    *(special_bessel, special_distributions, special_elliptic, special_errors, special_gamma),
    *(special_parameters, special_polynomials, special_series),
    *(distributions, selecting, ufunc_methods),
)


# What an engine does around a rule


def is_float(x):
    """Whether x is what a derivative can be taken with respect to."""
    return not isinstance(x, list | tuple | dict | str) and np.asarray(x).dtype.kind in "fc"


def fitted(d, x):
    """A gradient as the engine hands it on: the shape and the dtype of x."""
    d = np.zeros(np.shape(x)) if d is None else unbroadcast(d, np.shape(x))
    assert np.shape(d) == np.shape(x)
    dtype = np.asarray(x).dtype
    return np.array(d if dtype.kind == "c" else np.real(d), dtype)


def conjugated(d):
    if isinstance(d, tuple | list):
        return tuple(conjugated(item) for item in d)
    return None if d is None else np.conj(d)


def positional(fun, args, kwargs):
    """The call with keywords moved to the positions that the rule's signature gives them."""
    code, defaults = RULES[fun].vjp.__code__, RULES[fun].vjp.__defaults__ or ()
    names = code.co_varnames[2 : code.co_argcount]
    reached = max([len(args), *(names.index(name) + 1 for name in kwargs if name in names)])
    later = dict(zip(names[::-1], defaults[::-1], strict=False)) | kwargs
    args = args + tuple(later[name] for name in names[len(args) : reached])
    return args, {name: value for name, value in kwargs.items() if name not in names}


def gradients(fun, args, kwargs, d_out):
    """One gradient per positional argument, the missing ones left away; tuples for sequences."""
    rule, out = RULES[fun], plain(fun)(*args, **kwargs)
    if rule.analytic:
        result = conjugated(rule.vjp(conjugated(d_out), out, *args, **kwargs))
    else:
        result = rule.vjp(d_out, out, *args, **kwargs)
    result = result if isinstance(result, tuple) else (result,)
    return result[: len(args)]  # the others are those of defaults


def ones(out):
    return tuple(ones(o) for o in out) if isinstance(out, tuple) else np.ones_like(out, float)[()]


def gradient(fun, *args, wrt=0, **kwargs):
    """The gradient of the sum of the results with respect to one argument."""
    return fitted(gradients(fun, args, kwargs, ones(fun(*args, **kwargs)))[wrt], args[wrt])


def inner(d, out):
    """The real inner product, of tuples too."""
    if isinstance(out, tuple):
        return sum(inner(*pair) for pair in zip(d, out, strict=True))
    return np.sum(np.real(np.conj(d) * out))


def slope(f, x, h=2e-3):
    """The gradient of a function to the real numbers, by differences of five points."""
    x = np.asarray(x)
    d = np.zeros(x.shape, x.dtype)
    for i in np.ndindex(x.shape):
        for unit in (1.0, 1j) if x.dtype.kind == "c" else (1.0,):
            e = np.zeros(x.shape, x.dtype)
            e[i] = unit * h
            difference = f(x - 2 * e) - 8 * f(x - e) + 8 * f(x + e) - f(x + 2 * e)
            d[i] += unit * difference / (12 * h)
    return d


def random_like(out, rng):
    if isinstance(out, tuple):
        return tuple(random_like(o, rng) for o in out)
    d = rng.uniform(0.5, 1.5, np.shape(out))
    if np.iscomplexobj(out):
        d = d + 1j * rng.uniform(0.5, 1.5, np.shape(out))
    return d[()]


def plain(fun):
    """The function, without writing to its arguments."""
    if fun is kernels.add_at:
        return lambda d, key, value: kernels.add_at(d.copy(), key, value)
    return {np.pad: padded, np.diff: differences}.get(fun, fun)


def differences(a, n=1, axis=-1, prepend=None, append=None):
    """`np.diff`, where None is what is not given."""
    given = {"prepend": prepend, "append": append}
    return np.diff(a, n, axis, **{k: x for k, x in given.items() if x is not None})


def padded(array, pad_width, mode="constant", stat_length=None, constant_values=0, end_values=0):
    """`np.pad`, whose options have names alone, and differ from mode to mode."""
    given = {"constant": {"constant_values": constant_values}, "linear_ramp": {
        "end_values": end_values}}  # fmt: skip
    length = {} if stat_length is None else {"stat_length": stat_length}
    return np.pad(array, pad_width, mode, **given.get(mode, length))


def check(fun, args, kwargs):
    rng = np.random.default_rng(0)
    args, kwargs = positional(fun, args, kwargs)
    rule_args, primal = (fun, args, kwargs), plain(fun)
    out = primal(*args, **kwargs)
    d_out = random_like(out, rng)

    def number(x):  # Python's functions take Python's numbers
        return x if isinstance(fun, np.ufunc) or x.ndim else x[()]

    found = gradients(*rule_args, d_out)
    for x in args[len(found) :]:
        assert not (isinstance(x, np.ndarray) and is_float(x)), "an argument has no gradient"
    for i, d in enumerate(found):
        if isinstance(args[i], list | tuple) and any(map(is_float, args[i])):
            for j, x in enumerate(args[i]):
                if not is_float(x):
                    assert d[j] is None
                    continue

                def along_item(v, i=i, j=j):
                    items = [*args[i][:j], v, *args[i][j + 1 :]]
                    return inner(d_out, primal(*args[:i], items, *args[i + 1 :], **kwargs))

                np.testing.assert_allclose(fitted(d[j], x), slope(along_item, x), 1e-6, 1e-8)
        elif is_float(args[i]):

            def along(v, i=i):
                return inner(d_out, primal(*args[:i], number(v), *args[i + 1 :], **kwargs))

            np.testing.assert_allclose(
                fitted(d, args[i]), slope(along, args[i]), 1e-6, 1e-8, err_msg=f"argument {i}"
            )
        else:
            assert d is None or type(args[i]) is int


def takes(fun, point):
    """Whether a point is for this function, and not for that of NumPy of the same rule."""
    numbers_only = getattr(fun, "__module__", "") in ("math", "cmath")
    if not numbers_only or fun in (math.fsum, math.prod, math.dist):
        return True
    return not any(np.ndim(x) for x in point.args if is_float(x))


def sites():
    """Each function at each of its sample points that it takes."""
    for fun, rule in RULES.items():
        for i, point in enumerate(rule.at):
            if not takes(fun, point):
                continue
            yield pytest.param(fun, point, id=f"{rule.name}-{name_of(fun)}-{i}")


def name_of(fun):
    return f"{getattr(fun, '__module__', None) or 'numpy'}.{fun.__name__}"


@pytest.mark.parametrize("fun, point", list(sites()))
def test_registry_every_rule_agrees_with_finite_differences(fun, point):
    with warnings.catch_warnings():
        finite = all(np.all(np.isfinite(x)) for x in point.args if is_float(x))
        negative = RULES[fun].name == "pow"  # log(x) of a negative x
        warnings.simplefilter("error" if finite and not negative else "ignore")
        check(fun, point.args, point.kwargs)


# Tests declare rules too.
OURS = [
    r for r in dict.fromkeys(RULES.values())
    if (r.vjp or r.jvp).__module__[:7] == "srcdiff" and not r.declared
]  # fmt: skip


@pytest.mark.parametrize("rule", OURS, ids=lambda rule: rule.name)
def test_registry_every_rule_has_sample_points(rule):
    assert rule.at


REAL = (
    float, kernels.bessel_i, kernels.polygamma, np.nan_to_num, scipy.special.psi, scipy.special.ive,
    scipy.special.factorial, np.linalg.qr, np.linalg.lstsq, np.correlate,
    # What does not depend on the phases of the vectors is tested below.
    np.linalg.eigh, np.linalg.svd, scipy.linalg.eigh, scipy.linalg.svd,
)  # fmt: skip


def complex_sites():
    for rule in dict.fromkeys(RULES.values()):
        for i, point in enumerate(rule.at):
            turned = tuple(with_imaginary_part(x) for x in point.args)
            fun = rule.functions[-1] if rule.name == "pow" else rule.functions[0]
            numbers_only = getattr(fun, "__module__", "") in ("math", "cmath") or fun in REAL
            if not numbers_only and any(map(np.iscomplexobj, flat(turned))):
                yield pytest.param(fun, turned, point.kwargs, id=f"{rule.name}-{i}")


def flat(args):
    for x in args:
        yield from flat(x) if isinstance(x, list | tuple) else [x]


def with_imaginary_part(x):
    if isinstance(x, list | tuple):
        return type(x)(with_imaginary_part(item) for item in x)
    if not is_float(x) or np.iscomplexobj(x):
        return x
    flipped = np.reshape(np.ravel(x)[::-1], np.shape(x))
    return np.asarray(x + 1j * (0.2 + 0.1 * flipped))[()]


@pytest.mark.parametrize("fun, args, kwargs", list(complex_sites()))
def test_registry_rules_hold_for_complex_numbers_where_the_function_takes_them(fun, args, kwargs):
    if fun is np.linalg.cholesky:
        pytest.skip("has a sample point of its own")
    try:
        out = fun(*args, **kwargs)
    except (TypeError, ValueError, NotImplementedError) as error:
        pytest.skip(str(error))
    try:
        check(fun, args, kwargs)
    except NoRuleError as error:  # it says so
        pytest.skip(str(error))


def turned(*shape):
    """A complex matrix, or a stack of them."""
    return spread(2, *shape)[0] + 1j * spread(2, *shape)[1]


def sizes_of_eigenvectors(a):
    w, v = np.linalg.eigh(a)
    return w, np.abs(v)


def upper_triangle(a):
    w, v = scipy.linalg.eigh(a, lower=False)
    return w, np.abs(v)


def function_of_singular_values(a):
    u, s, vh = np.linalg.svd(a, full_matrices=False)
    return u @ (np.tanh(s)[..., :, None] * vh)


def sizes_of_singular_vectors(a):
    u, _, vh = scipy.linalg.svd(a, full_matrices=False)
    return np.abs(u), np.abs(vh)


@pytest.mark.parametrize("shape", [(3, 3), (3, 2), (2, 3)])
@pytest.mark.parametrize(
    "f",
    [sizes_of_eigenvectors, upper_triangle, function_of_singular_values, sizes_of_singular_vectors],
)
def test_what_does_not_depend_on_phases_has_derivatives_for_complex_matrices(f, shape):
    if shape[0] == shape[1] or f in (function_of_singular_values, sizes_of_singular_vectors):
        check_grads(f, (turned(*shape),))


@pytest.mark.parametrize("fun, point", [p for p in sites() if RULES[p.values[0]].linear])
def test_registry_linear_rules_are_of_linear_functions(fun, point):
    def doubled(x):
        if isinstance(x, list | tuple):
            return type(x)(doubled(item) for item in x)
        return 2 * x if is_float(x) else x

    def out(args, kwargs):
        args = tuple(np.copy(x) if isinstance(x, np.ndarray) else x for x in args)
        return fun(*args, **kwargs)

    # The buffer of `add_at` is written to: hence copies.
    linear, names = RULES[fun].linear, RULES[fun].parameters
    kwargs = {k: doubled(x) if k in linear else x for k, x in point.kwargs.items()}
    args = tuple(doubled(x) if names[min(i, len(names) - 1)] in linear else x
                 for i, x in enumerate(point.args))  # fmt: skip
    made, once = out(args, kwargs), out(point.args, point.kwargs)
    for x, y in zip(made, once) if isinstance(once, tuple) else [(made, once)]:
        np.testing.assert_allclose(x, 2 * np.asarray(y), 1e-12)


@pytest.mark.parametrize("fun, point", list(sites()))
def test_registry_rules_do_not_change_their_arguments(fun, point):
    if fun is kernels.add_at:
        pytest.skip("is there to write to one")
    before = [np.copy(x) for x in point.args if isinstance(x, np.ndarray)]
    out = fun(*point.args, **point.kwargs)
    d_out = ones(out)
    kept = np.copy(out[0] if isinstance(out, tuple) else out)
    with np.errstate(all="ignore"):
        RULES[fun].vjp(d_out, out, *point.args, **point.kwargs)
    arrays = [x for x in point.args if isinstance(x, np.ndarray)]
    for x, old in zip(arrays, before, strict=True):
        np.testing.assert_array_equal(x, old)
    np.testing.assert_array_equal(out[0] if isinstance(out, tuple) else out, kept)
    for d in d_out if isinstance(d_out, tuple) else (d_out,):
        assert np.all(d == 1)


# Edges: the rows of the table in docs, exactly

NAN, INF = np.nan, np.inf
X0 = np.zeros(2)
_, _, BI, BI_SLOPE = scipy.special.airy(-0.7)
# Along vectors of equal eigenvalues nothing is known, and nothing counted.
EQUAL_BUT_FOR_ROUNDING = [[1, 0, 1 / 3000], [0, 1, 1 / 3000], [-1 / 3000, -1 / 3000, 1]]


@pytest.mark.parametrize(
    "fun, args, wrt, expected",
    [
        (abs, (0.0,), 0, 0.0),
        (abs, (-0.0,), 0, 0.0),
        (abs, (0j,), 0, 0j),
        (np.abs, (np.zeros(2),), 0, [0, 0]),
        (np.abs, (np.zeros(2, complex),), 0, [0, 0]),
        (math.fabs, (0.0,), 0, 0.0),
        (np.maximum, (0.0, 0.0), 0, 0.5),
        (np.maximum, (np.zeros(2), 0.0), 0, [0.5, 0.5]),
        (np.maximum, (2.0, 2.0), 1, 0.5),
        (np.minimum, (2.0, 2.0), 0, 0.5),
        (np.minimum, (2.0, 2.0), 1, 0.5),
        (np.maximum, (1.0, NAN), 0, 0),
        (np.minimum, (1.0, NAN), 0, 0),
        (np.fmax, (1.0, NAN), 0, 1),
        (np.fmax, (1.0, NAN), 1, 0),
        (np.fmax, (1.0, 1.0), 0, 0.5),
        (np.fmin, (1.0, NAN), 0, 1),
        (np.max, (np.array([1.0, 3.0, 3.0]),), 0, [0, 0.5, 0.5]),
        (np.min, (np.array([1.0, 1.0, 3.0]),), 0, [0.5, 0.5, 0]),
        (np.where, (False, 0.0, 1.0), 1, 0),
        (np.clip, (0.0, 0.0, 1.0), 0, 1),
        (np.clip, (0.0, 0.0, 1.0), 1, 0),
        (np.clip, (1.0, 0.0, 1.0), 0, 1),
        (np.clip, (1.0, 0.0, 1.0), 2, 0),
        (np.clip, (np.array([-1.0, 0.0, 0.5, 1.0, 2.0]), 0, 1), 0, [0, 1, 1, 1, 0]),
        (operator.mod, (5.5, 2.0), 0, 1),
        (operator.mod, (5.5, 2.0), 1, -2),
        (np.remainder, (np.array([5.5]), 2.0), 1, -2),
        (math.fmod, (-5.5, 2.0), 1, 2),
        (np.fmod, (-5.5, 2.0), 1, 2),
        (pow, (0.0, 0), 0, 0),
        (pow, (0.0, 0.0), 0, 0),
        (operator.pow, (np.zeros(2), 0), 0, [0, 0]),
        (operator.pow, (np.zeros(2), np.zeros(2)), 0, [0, 0]),
        (np.power, (np.zeros(2), np.zeros(2)), 0, [0, 0]),
        (pow, (0.0, 2), 0, 0),
        (pow, (0.0, 1), 0, 1),
        (pow, (0.0, 2.0), 1, 0),
        (pow, (0.0, 0.0), 1, 0),
        (pow, (np.float64(0), np.float64(2)), 1, 0),
        (pow, (-2.0, 2.0), 1, NAN),
        (operator.pow, (-2.0, np.float64(2)), 1, NAN),
        (operator.pow, (0.0, 0.5), 0, INF),
        (math.pow, (0.0, 0.5), 0, INF),
        (operator.pow, (np.zeros(2), 0.5), 0, [INF, INF]),
        (operator.pow, (0.0, 0.3), 0, INF),
        (operator.pow, (0.0, np.float64(0.3)), 0, INF),
        (np.sqrt, (0.0,), 0, INF),
        (np.sqrt, (np.zeros(2),), 0, [INF, INF]),
        (math.sqrt, (0.0,), 0, INF),
        (np.cbrt, (0.0,), 0, INF),
        (np.log, (0.0,), 0, INF),
        (np.log, (np.zeros(2),), 0, [INF, INF]),
        (np.log2, (0.0,), 0, INF),
        (np.log10, (0.0,), 0, INF),
        (np.log1p, (-1.0,), 0, INF),
        (np.arcsin, (1.0,), 0, INF),
        (np.arccos, (1.0,), 0, -INF),
        (math.asin, (1.0,), 0, INF),
        (math.acos, (-1.0,), 0, -INF),
        (math.acosh, (1.0,), 0, INF),
        (np.arctanh, (1.0,), 0, INF),
        (np.arctan2, (0.0, 0.0), 0, NAN),
        (np.arctan2, (X0, X0), 0, [NAN, NAN]),
        (math.atan2, (0.0, 0.0), 0, NAN),
        (math.atan2, (0.0, 0.0), 1, NAN),
        (np.hypot, (0.0, 0.0), 0, 0),
        (math.hypot, (0.0, 0.0), 1, 0),
        (np.hypot.reduce, (X0,), 0, [0, 0]),
        (math.dist, (X0, X0), 0, [0, 0]),
        (np.fmax, (1.0, 1.0), 1, 0.5),
        (np.fmax, (NAN, 1.0), 1, 1),
        (np.fmin, (1.0, 1.0), 0, 0.5),
        (np.fmin, (1.0, 1.0), 1, 0.5),
        (np.fmin, (NAN, 1.0), 1, 1),
        (np.heaviside, (0.0, 0.5), 1, 1),
        (np.heaviside, (1.0, 0.5), 1, 0),
        (np.copysign, (2.0, -0.0), 0, -1),
        (scipy.special.xlogy, (0.0, 0.0), 1, 0),
        (scipy.special.xlog1py, (0.0, -1.0), 1, 0),
        (scipy.special.rel_entr, (0.0, 0.0), 1, 0),
        (scipy.special.rel_entr, (0.0, 2.0), 1, 0),
        (scipy.special.rel_entr, (2.0, 0.0), 1, -INF),
        (scipy.special.kl_div, (0.0, 0.0), 1, 1),
        (scipy.special.kl_div, (0.0, 2.0), 1, 1),
        (scipy.special.kl_div, (2.0, 0.0), 1, -INF),
        (scipy.special.radian, (30.0, 20.0, 10.0), 2, np.pi / 648000),
        (scipy.special.logsumexp, (np.full(2, -INF),), 0, [0, 0]),
        (scipy.special.logsumexp, (np.array([INF, 1.0]),), 0, [1, 0]),
        (np.linalg.norm, (X0,), 0, [0, 0]),
        (np.linalg.norm, (np.zeros((2, 2)),), 0, np.zeros((2, 2))),
        (np.linalg.norm, (np.array([0.0, 1.0]), 1), 0, [0, 1]),
        (np.linalg.norm, (np.array([1.0, 1.0]), INF), 0, [0.5, 0.5]),
        (np.linalg.norm, (X0, 3), 0, [0, 0]),
        (np.linalg.norm, (X0, INF), 0, [0, 0]),
        (np.linalg.norm, (np.array([1.0, 1.0]), -INF), 0, [0.5, 0.5]),
        (np.linalg.eig, (np.diag([-1000, -1000 * (1 + 2e-15), 2000]),), 0, EQUAL_BUT_FOR_ROUNDING),
        (np.linalg.svd, (np.diag([2.0, 0.0, -1.0]), True, False, True), 0, np.diag([1, 0, -1])),
        (np.linalg.lstsq, (np.ones((3, 2)), spread(3, 2)), 1, np.full((3, 2), 1 / 3)),
        (np.std, (np.full(3, 2.0),), 0, [0, 0, 0]),
        (np.var, (np.full(3, 2.0),), 0, [0, 0, 0]),
        (np.sinc, (0.0,), 0, 0),
        (np.sinc, (X0,), 0, [0, 0]),
        (kernels.sinc_derivative, (0.0, 1), 0, -(np.pi**2) / 3),
        (np.logaddexp, (-INF, -INF), 0, 0),
        (np.logaddexp, (0.0, -INF), 0, 1),
        (np.logaddexp, (0.0, -INF), 1, 0),
        (np.logaddexp2, (-INF, -INF), 0, 0),
        (np.median, (np.array([4.0, 1.0, 3.0, 2.0]),), 0, [0, 0, 0.5, 0.5]),
        (np.interp, (0.5, np.array([0.0, 0.5, 2.0]), np.array([0.0, 1.0, 4.0])), 0, 2.0),
        (np.interp, (2.0, np.array([0.0, 0.5, 2.0]), np.array([0.0, 1.0, 4.0])), 0, 0.0),
        (np.interp, (0.5, np.array([0.0, 0.5, 2.0]), np.array([0.0, 1.0, 4.0])), 2, [0, 1, 0]),
        (np.nan_to_num, (NAN,), 0, 0),
        (np.nan_to_num, (np.array([1.0, NAN, INF]),), 0, [1, 0, 0]),
        (np.nan_to_num, (np.array([1 + 2j, complex(NAN, 1), complex(1, INF)]),), 0, [1, 0, 1]),
        (np.prod, (np.array([0.0, 2.0, 3.0]),), 0, [6, 0, 0]),
        (np.prod, (np.array([0.0, 0.0, 3.0]),), 0, [0, 0, 0]),
        (np.cumprod, (np.array([2.0, 0.0, 3.0]),), 0, [1, 8, 0]),
        (np.linalg.det, (np.array([[0.0, 1.0], [0.0, 2.0]]),), 0, [[2, 0], [-1, 0]]),
        (np.sum, (np.zeros(0),), 0, []),
        (np.prod, (np.zeros(0),), 0, []),
        (np.cumprod, (np.zeros(0),), 0, []),
        (np.cumsum, (np.zeros(0),), 0, []),
        (np.var, (np.zeros(0),), 0, []),
        (np.mean, (np.zeros(0),), 0, []),
        (np.std, (np.zeros(0),), 0, []),
        (np.tanh, (-1000.0,), 0, 0),
        (math.tanh, (1000.0,), 0, 0),
        (np.copysign, (0.0, -1.0), 0, 0),
        (scipy.special.elliprd, (0.0, 0.7, 1.0), 2, -3.066696055638163),
        (scipy.special.elliprd, (0.7, 0.0, 1.0), 2, -3.066696055638163),
        (scipy.linalg.schur, (2 * np.eye(2),), 0, [[1, 1], [0, 1]]),
        (scipy.special.airye, (-0.7,), 0, BI_SLOPE - 0.7 * BI),
        (scipy.special.factorial, (np.array([3, 5]), True), 0, [0, 0]),
        # Of these series all terms count.
        (scipy.special.ellipkinc, (1.4, 9e-4), 1, 0.3084112581666129),
        (scipy.special.ellipeinc, (1.4, 9e-4), 1, -0.3082213739348374),
        (scipy.special.nbdtr, (2.6, 5, 0.3), 2, 105 * 0.3**4 * 0.7**2),
        (scipy.special.nbdtrc, (2.6, 5, 0.3), 2, -105 * 0.3**4 * 0.7**2),
        (scipy.special.nbdtri, (2.6, 5, 29 / 128), 2, 64 / 105),
    ],
)
def test_edge_values(fun, args, wrt, expected):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        d = gradient(fun, *args, wrt=wrt)
    np.testing.assert_allclose(d, np.asarray(expected, d.dtype), rtol=1e-14, atol=1e-15)
    assert d.shape == np.shape(args[wrt])


@pytest.mark.parametrize(
    "f, ks, args, expected",
    [
        (scipy.special.gammainc, (0,), (0.05, 0.4), -0.7252752100347850),
        (scipy.special.betainc, (0, 2), (1.3, 1.7, 0.95), 0.3086971151924813),
        (scipy.special.zeta, (0,), (1.05,), -399.9276711917310),
        (scipy.special.hyp0f1, (0,), (0.05, 0.7), -389.8532220597326),
        (scipy.special.hyp2f1, (0, 3), (0.7, 0.4, 1.7, 0.97), 6.838026316910699),
    ],
)
def test_steps_of_differences_lead_across_no_pole_and_out_of_no_domain(f, ks, args, expected):
    np.testing.assert_allclose(special_parameters.parameter_slope(f, ks, *args), expected, 1e-8)


def test_sort_is_stable():
    a, weights = np.array([2.0, 2.0]), np.array([1.0, 10.0])
    (d_a,) = gradients(np.sort, (a,), {}, weights)
    np.testing.assert_array_equal(d_a, [1, 10])


@pytest.mark.parametrize(
    "fun", [np.floor, np.ceil, np.round, round, np.trunc, operator.floordiv, math.floor]
)
def test_derivative_of_a_step_function_is_zero(fun):
    assert fun in NONDIFFERENTIABLE


def test_no_function_has_a_rule_and_is_nondifferentiable():
    assert not NONDIFFERENTIABLE & set(RULES)


@pytest.mark.parametrize(
    "fun, args, kwargs",
    [
        (np.pad, (np.ones(3), 1, "empty"), {}),
        (np.reshape, (np.ones(4), (2, 2)), {"order": "A"}),
        (np.linalg.qr, (np.ones((3, 2)), "complete"), {}),
        (np.linalg.qr, (np.eye(2) + 1j,), {}),
        (np.linalg.lstsq, (np.eye(2) + 1j, np.ones(2)), {}),
        (np.correlate, (np.ones(3) + 1j, np.ones(2)), {}),
        (np.correlate, (np.ones(3), np.ones(2) + 1j), {}),
        (np.choose, (np.array([0, 1]), np.ones((2, 2))), {}),
        (np.einsum, (np.ones(3), [0]), {}),
        (np.array, ([1.0, 2.0],), {"ndmin": 1}),
        (scipy.special.logsumexp, (np.ones(2),), {"b": np.ones(2) + 1j, "return_sign": True}),
        (np.histogram, (np.ones(3),), {"density": True}),
        (np.pad, (np.ones(4), 1, "median"), {}),
        (np.pad, (np.ones(4), 1, "constant"), {"constant_values": (1, 2)}),
        (np.linspace, (0.0, 1.0), {"retstep": True}),
        (np.convolve, (np.ones(3), 2.0), {}),
        (np.tile, (np.ones(3), np.array([2, 1])), {}),
        (np.average, (np.ones((2, 3, 4)), (0, 2), np.ones((2, 4))), {}),
        (scipy.linalg.lu, (np.ones((3, 2)), True), {}),
        (np.logspace, (0.0, 1.0), {"base": np.array([2.0, 3.0])}),
        (np.array, ([1.0, 2.0],), {"ndmin": 2}),
        (scipy.special.logsumexp, (np.ones(2) + 1j,), {"return_sign": True}),
        (scipy.special.psi, (0.5j,), {}),
        (scipy.special.ive, (0.5, 0.5j), {}),
        (scipy.linalg.solve_triangular, (np.eye(2) + 1j, np.ones(2)), {"trans": 2}),
        (scipy.linalg.lu_solve, ((np.eye(2) + 1j, np.arange(2)), np.ones(2)), {"trans": 2}),
        (scipy.linalg.solve_triangular, (np.stack((np.eye(2), np.eye(2))), np.ones((2, 2, 1))), {}),
        (scipy.linalg.cholesky, (np.stack((np.eye(2), np.eye(2))),), {}),
        (scipy.linalg.lu_factor, (np.stack((np.eye(2), np.eye(2))),), {}),
        (scipy.linalg.lu, (np.stack((np.eye(2), np.eye(2))),), {}),
        (scipy.linalg.cho_factor, (np.stack((np.eye(2), np.eye(2))),), {}),
        (scipy.linalg.qr, (np.stack((np.eye(2), np.eye(2))),), {}),
        (scipy.linalg.pinv, (np.stack((np.eye(2), np.eye(2))),), {}),
        (scipy.linalg.inv, (np.eye(2) + 0j,), {"assume_a": "pos"}),
        (scipy.linalg.eigh, (np.eye(2), np.eye(2)), {}),
        (scipy.linalg.eigvalsh, (np.eye(2),), {"subset_by_index": (0, 1)}),
        (scipy.linalg.toeplitz, (np.ones((2, 2)),), {}),
        (scipy.linalg.hankel, (np.ones((2, 2)),), {}),
        (scipy.linalg.schur, (np.eye(2),), {"sort": "lhp"}),
        (scipy.linalg.circulant, (np.ones((2, 2)),), {}),
        (scipy.signal.fftconvolve, (np.ones((3, 3)), np.ones((3, 3))), {"axes": 0}),
        (scipy.signal.correlate2d, (np.ones((3, 3)), np.ones((2, 2))), {"boundary": "symm"}),
        (scipy.signal.convolve2d, (np.ones((3, 3)), np.ones((2, 2))), {"boundary": "wrap"}),
    ],
)
def test_what_a_rule_does_not_cover_is_an_error(fun, args, kwargs):
    out = fun(*args, **kwargs)
    with pytest.raises(NoRuleError):
        d_out = ones(tuple(out) if isinstance(out, list) else out)
        rule_of(fun).vjp(d_out, out, *args, **kwargs)


# Nesting: the functions that rules use have rules themselves

# Of tuples, lengths and other things that the compiler decides.
PLAIN = {tuple, enumerate, len, isinstance, range, slice, max, min, round, NoRuleError}
PLAIN |= {kernels.is_constant}


def called(function):
    """The functions that a Python function calls, by the names in its source."""
    tree = ast.parse(textwrap.dedent(inspect.getsource(function))).body[0]
    assert isinstance(tree, ast.FunctionDef)
    for node in [n for part in tree.body for n in ast.walk(part)]:
        if isinstance(node, ast.Call):
            yield resolved(node.func, function), ast.unparse(node.func)


def resolved(node, function):
    if isinstance(node, ast.Name):
        return function.__globals__.get(node.id, getattr(builtins, node.id, None))
    if isinstance(node, ast.Attribute):
        return getattr(resolved(node.value, function), node.attr, None)
    return None


def without_rule(function, seen):
    for fun, text in called(function):
        if fun in seen:
            continue
        seen.add(fun)
        if fun in RULES or fun in NONDIFFERENTIABLE or fun in PLAIN or fun in kernels.STATIC:
            continue
        if isinstance(fun, types.FunctionType) and fun.__module__.startswith("srcdiff.runtime"):
            yield from without_rule(fun, seen)  # inlined
        else:
            yield text


@pytest.mark.parametrize("rule", OURS, ids=lambda rule: rule.name)
def test_registry_every_function_that_a_rule_uses_has_a_rule(rule):
    assert list(without_rule(rule.vjp or rule.jvp, set())) == []


def bodies():
    """The source of each rule, and of the helpers that are inlined in it."""
    todo, seen = [rule.vjp for rule in RULES.values() if rule.vjp is not None], set()
    while todo:
        function = todo.pop()
        if function in seen:
            continue
        seen.add(function)
        yield pytest.param(function, id=f"{function.__module__}.{function.__name__}")
        for fun, _ in called(function):
            if isinstance(fun, types.FunctionType) and fun not in RULES | {
                f: None for f in kernels.STATIC
            }:
                if fun.__module__.startswith("srcdiff.runtime") and not isinstance(fun, type):
                    todo.append(fun)


@pytest.mark.parametrize("function", list(bodies()))
def test_registry_rules_are_written_in_what_the_compiler_inlines(function):
    tree = ast.parse(textwrap.dedent(inspect.getsource(function))).body[0]
    allowed = (
        *(ast.Assign, ast.Return, ast.If, ast.For, ast.Raise, ast.Expr, ast.Tuple, ast.BinOp),
        *(ast.UnaryOp, ast.BoolOp, ast.Compare, ast.IfExp, ast.Call, ast.keyword, ast.Attribute),
        *(ast.Subscript, ast.Slice, ast.Starred, ast.Name, ast.Constant, ast.JoinedStr),
        *(ast.FormattedValue, ast.operator, ast.unaryop, ast.boolop, ast.cmpop),
        *(ast.expr_context, ast.GeneratorExp, ast.comprehension),
    )
    assert isinstance(tree, ast.FunctionDef)
    for node in [n for part in tree.body for n in ast.walk(part)]:
        assert isinstance(node, allowed), ast.unparse(node)
        if isinstance(node, ast.Assign):  # no stores into arrays
            for target in node.targets:
                assert isinstance(target, ast.Name | ast.Tuple), ast.unparse(node)


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.__name__)
def test_no_rule_shadows_another_of_its_module(module):
    tree = ast.parse(inspect.getsource(module))
    names = [node.name for node in tree.body if isinstance(node, ast.FunctionDef)]
    assert len(names) == len(set(names))
