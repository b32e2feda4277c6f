"""autograd's names, srcdiff's derivatives.

autograd's gradient of a function of complex numbers is the conjugate of srcdiff's.
"""

import builtins
import functools
import inspect
import itertools
import linecache
import sys
import types

import numpy
import scipy.integrate
import scipy.linalg
import scipy.signal
import scipy.special
import scipy.stats

import srcdiff
from srcdiff import checkpoint as checkpoint

isinstance, tuple, list, dict = builtins.isinstance, builtins.tuple, builtins.list, builtins.dict



# NumPy and SciPy under autograd's names


def module(name, **names):
    made = types.ModuleType(f"autograd.{name}")
    made.__dict__.update(names)
    sys.modules[made.__name__] = made
    return made


sys.modules["autograd.numpy"] = numpy
sys.modules["autograd.scipy"] = scipy
for part in ("random", "linalg", "fft"):
    sys.modules[f"autograd.numpy.{part}"] = getattr(numpy, part)
for part in ("integrate", "linalg", "signal", "special", "stats"):
    sys.modules[f"autograd.scipy.{part}"] = getattr(scipy, part)
for part in ("norm", "multivariate_normal", "t", "gamma", "beta", "chi2", "dirichlet", "poisson"):
    sys.modules[f"autograd.scipy.stats.{part}"] = getattr(scipy.stats, part)


# Trees of numbers


def mapped(fun, *trees):
    """A function applied to the numbers of trees."""
    first = trees[0]
    if isinstance(first, dict):
        return {k: mapped(fun, *(t[k] for t in trees)) for k in first}
    if isinstance(first, (tuple, list)):
        return type(first)(mapped(fun, *items) for items in zip(*trees))
    return fun(*trees)


def leaves(tree):
    if isinstance(tree, dict):
        return [leaf for k in tree for leaf in leaves(tree[k])]
    if isinstance(tree, (tuple, list)):
        return [leaf for item in tree for leaf in leaves(item)]
    return [tree]


def complete(d, x):
    """A derivative with zeros where there is none."""
    if d is None:
        return mapped(lambda leaf: numpy.zeros_like(leaf, float)[()], x)
    if isinstance(x, dict):
        return {k: complete(d[k], x[k]) for k in x}
    if isinstance(x, (tuple, list)):
        return type(x)(complete(*pair) for pair in zip(d, x))
    return d


def floats(tree):
    """What autograd takes for floats, too: ints."""

    def one(x):
        if isinstance(x, int) and not isinstance(x, bool):
            return float(x)
        return x.astype(float) if getattr(x, "dtype", None) in (int,) else x

    return mapped(one, tree)


def is_float(x):
    return not isinstance(x, str) and numpy.asarray(x).dtype.kind in "fc"


def randn(tree):
    """A tangent or cotangent of a tree, None for what has none."""

    def one(x):
        if not is_float(x):
            return None
        v = numpy.random.randn(*numpy.shape(x))
        v = v + 1j * numpy.random.randn(*numpy.shape(x)) if numpy.iscomplexobj(x) else v
        return numpy.asarray(v, numpy.asarray(x).dtype)[()]

    return mapped(one, tree)


def inner(a, b):
    """The real inner product."""
    pairs = zip(leaves(a), leaves(b))
    return sum(
        numpy.sum(numpy.real(numpy.conj(x) * y)) for x, y in pairs
        if x is not None and y is not None
    )  # fmt: skip


def conj(tree):
    return mapped(lambda x: numpy.conj(x) if x is not None and numpy.iscomplexobj(x) else x, tree)


# Derivatives


def moving(fun, args, kwargs, argnum):
    """fun as a function of the arguments at argnum alone, and those."""
    places = argnum if isinstance(argnum, (tuple, list)) else (argnum,)

    def of_moving(*given):
        filled = [given[places.index(i)] if i in places else x for i, x in enumerate(args)]
        return fun(*filled, **kwargs)

    of_moving.__name__ = getattr(fun, "__name__", "fun")
    return of_moving, tuple(floats(args[i]) for i in places)


def as_wrt(argnum):
    return tuple(argnum) if isinstance(argnum, (tuple, list)) else argnum


def operator(ours):
    """One of srcdiff's operators with autograd's arguments and its conjugates."""

    @functools.wraps(ours)
    def of(fun, argnum=0):
        df = ours(fun, wrt=as_wrt(argnum))

        def conjugated(*args, **kwargs):  # numbers are arrays without axes to autograd
            args = [numpy.float64(a) if type(a) is float else a for a in args]
            return conj(df(*args, **kwargs))

        return conjugated

    return of


grad = operator(srcdiff.grad)
grad.__doc__ = "\n    Returns a function which computes the gradient."
value_and_grad = operator(srcdiff.value_and_grad)
elementwise_grad = operator(srcdiff.elementwise_grad)
jacobian = operator(srcdiff.jacobian)
hessian = operator(srcdiff.hessian)


def grad_and_aux(fun, argnum=0):
    return srcdiff.grad(fun, wrt=as_wrt(argnum), has_aux=True)


def deriv(fun, argnum=0):
    def df(*args, **kwargs):
        f, at = moving(fun, args, kwargs, argnum)
        return srcdiff.jvp(f, at, tuple(numpy.ones_like(x)[()] for x in at))[1]

    return df


def holomorphic_grad(fun, argnum=0):
    def df(*args, **kwargs):
        f, at = moving(fun, args, kwargs, argnum)
        value, pull = srcdiff.vjp(f, *at)
        return numpy.conj(pull(numpy.ones_like(value)[()])[0])

    return df


def make_vjp(fun, x):
    value, pull = srcdiff.vjp(fun, x)
    return (lambda g: conj(complete(pull(conj(g))[0], x))), value


def make_jvp(fun, argnum=0):
    def at(*args, **kwargs):
        f, x = moving(fun, args, kwargs, argnum)
        return lambda v: srcdiff.jvp(f, x, (v,))

    return at


def make_hvp(fun, argnum=0):
    hvp = srcdiff.hvp(fun, wrt=argnum)
    return lambda x: (lambda v: hvp(x, v), None)


def hessian_tensor_product(fun, argnum=0):
    return srcdiff.hvp(fun, wrt=argnum)


def tensor_jacobian_product(fun, argnum=0):
    return lambda x, v: numpy.tensordot(v, srcdiff.jacobian(fun)(x), axes=numpy.ndim(v))


def make_ggnvp(fun, g=lambda x: numpy.dot(x, x) / 2, f_argnum=0):
    def at(x):
        def ggnvp(v):
            value, dot = srcdiff.jvp(fun, (x,), (v,))
            return srcdiff.vjp(fun, x)[1](srcdiff.hvp(g)(value, dot))[0]

        return ggnvp

    return at


# Checks


def scalar_close(a, b, tol=1e-6):
    return abs(a - b) < tol or abs(a - b) / abs(a + b) < tol


def shifted(x, v, step):
    return mapped(lambda leaf, dot: leaf if dot is None else leaf + step * dot, x, v)


def slope(f, at, v, weights):
    """The derivative of <weights, f> along v, by central differences."""
    plus, minus = (f(*shifted(at, v, h)) for h in (5e-7, -5e-7))
    return (inner(weights, plus) - inner(weights, minus)) / 1e-6


def checked(f, at, modes, order, name):
    v, weights = randn(at), randn(f(*at))
    expected = slope(f, at, v, weights)
    if "fwd" in modes:
        _, dot = srcdiff.jvp(f, at, v)
        assert scalar_close(inner(weights, dot), expected), (
            f"Derivative (JVP) check of {name} failed with arg {at}:\n"
            f"analytic: {inner(weights, dot)}\nnumeric:  {expected}"
        )
        if order > 1:
            forward, n = srcdiff.jvp(f), len(at)
            checked(
                lambda *xs: forward(xs[:n], xs[n:])[1], (*at, *v), modes, order - 1, f"jvp_{name}"
            )
    if "rev" in modes:
        pull = srcdiff.pullback(f)
        d = complete(pull(*at, d_out=weights), at)
        assert scalar_close(inner(v, d), expected), (
            f"Derivative (VJP) check of {name} failed with arg {at}:\n"
            f"analytic: {inner(v, d)}\nnumeric:  {expected}"
        )
        for leaf, d_leaf in zip(leaves(at), leaves(d)):
            assert numpy.shape(leaf) == numpy.shape(d_leaf)
        if order > 1:
            checked(
                lambda *xs: pull(*xs[:-1], d_out=xs[-1]), (*at, weights), modes, order - 1,
                f"vjp_{name}",
            )  # fmt: skip


def check_grads(fun, argnum=0, modes=("fwd", "rev"), order=2):
    def check(*args, **kwargs):
        f, at = moving(fun, args, kwargs, argnum)
        checked(f, at, modes, order, getattr(fun, "__name__", "[unknown name]"))

    return check


def combo_check(fun, *options, **named):
    def check(*args, **kwargs):
        values = [[(k, x) for x in xs] for k, xs in kwargs.items()]
        for chosen in itertools.product(*args):
            for pairs in itertools.product(*values):
                check_grads(fun, *options, **named)(*chosen, **dict(pairs))

    return check


def check_equivalent(x, y):
    assert [numpy.shape(a) for a in leaves(x)] == [numpy.shape(a) for a in leaves(y)]
    v = randn(x)
    assert scalar_close(inner(x, v), inner(y, v)), f"Value mismatch:\nx: {x}\ny: {y}"


# What users add


def primitive(fun):
    """A function that is not looked into; its source, of the same name, cannot be found."""

    @functools.wraps(fun)
    def called(*args, **kwargs):
        return fun(*args, **kwargs)

    return called


def defvjp(fun, *makers, argnums=None):
    """A rule with the function's own parameters, of functions (out, *args) -> g -> gradient."""
    names = [p.name for p in inspect.signature(fun).parameters.values()]
    places = argnums or range(len(makers))
    gradients = ["None"] * len(names)
    for k, place in enumerate(places):
        gradients[place] = f"maker_{k}(out, {', '.join(names)})(d_out)"
    text = (
        f"def rule(d_out, out, {', '.join(names)}):\n"
        f"    return ({', '.join(gradients)},)\n"
    )
    path = f"<rule {id(fun)}>"
    linecache.cache[path] = (len(text), None, text.splitlines(True), path)
    scope = {f"maker_{k}": maker for k, maker in enumerate(makers)}
    exec(compile(text, path, "exec"), scope)
    srcdiff.vjp_rule(fun)(scope["rule"])


def flatten(tree):
    """The numbers of a tree as one array, and the function that makes a tree of it."""
    parts = leaves(tree)
    flat = numpy.concatenate([numpy.ravel(x) for x in parts]) if parts else numpy.zeros(0)
    sizes = [numpy.size(x) for x in parts]

    def unflatten(vector):
        ends = list(itertools.accumulate(sizes))
        pieces = iter([
            numpy.reshape(vector[end - n : end], numpy.shape(x))
            for x, n, end in zip(parts, sizes, ends)
        ])
        return mapped(lambda x: next(pieces), tree)

    return flat, unflatten


def isbox(x):
    return False


module("test_util", check_grads=check_grads, combo_check=combo_check, scalar_close=scalar_close,
       check_equivalent=check_equivalent)  # fmt: skip
module("core", make_vjp=make_vjp, make_jvp=make_jvp, primitive=primitive, vspace=None,
       primitive_vjps={})  # fmt: skip
module("extend", primitive=primitive, defvjp=defvjp)
module("tracer", primitive=primitive, isbox=isbox)
module("misc", flatten=flatten, const_graph=None)
module("builtins", isinstance=isinstance, tuple=tuple, list=list, dict=dict)


def unary_to_nary(op):
    """An operator of one function and its argument as one of functions of more."""

    def nary(fun, argnum=0):
        def of(*args):
            return op(lambda x: fun(*args[:argnum], x, *args[argnum + 1 :]), args[argnum])

        return of

    return nary


module("wrap_util", unary_to_nary=unary_to_nary)
