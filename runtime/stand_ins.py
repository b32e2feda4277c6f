"""Functions around functions that the compiler reads instead of those that are written in C.

    functools.partial(f, 2.0, c=x)     →     call(*args, **more): f(2.0, *args, c=x, **more)

A wrapper that only remembers, or only copies names, is what it wraps. Functions of libraries that
look for other kinds of arrays first do here what they do for NumPy's.
"""

# mypy: no-check-untyped-defs

import functools

import numpy as np


def partial(f, /, *given, **named):
    """
    >>> partial(max, 3)(2, 1)
    3
    """

    def call(*args, **more):
        keywords = dict(named)
        for name, value in more.items():
            keywords[name] = value
        return f(*given, *args, **keywords)

    return call


def itself(f):
    return f


def wraps(wrapped, *rest, **more):
    return itself


def update_wrapper(wrapper, *rest, **more):
    return wrapper


def lru_cache(maxsize=128, typed=False):
    return maxsize if callable(maxsize) else itself


def vectorize(pyfunc, otypes=None):
    """`np.vectorize`: the function is called with the numbers of each element

    >>> vectorize(max)(np.array([1.0, 5.0]), 3.0)
    array([3., 5.])
    >>> vectorize(pow)(np.array([1.0, 5.0]), exp=2.0)
    array([ 1., 25.])
    """

    def call(*args, **kwargs):
        if not kwargs:
            return call_vectorized(pyfunc, otypes, *args)
        count, names = len(args), tuple(kwargs)

        def named(*xs):
            return pyfunc(*xs[:count], **{k: x for k, x in zip(names, xs[count:])})

        return call_vectorized(named, otypes, *args, *kwargs.values())

    return call


def call_vectorized(pyfunc, otypes, *args):
    """The first result decides the dtype of all, for which it is computed once more."""
    if len(args) == 1:
        shape, flat = np.shape(args[0]), np.ravel(args[0])
        dtype = np.result_type(pyfunc(flat[0].item())) if otypes is None else otypes[0]
        found = [pyfunc(x.item()) for x in flat]
    else:
        arrays = np.broadcast_arrays(*args)
        shape, columns = np.shape(arrays[0]), [np.ravel(x) for x in arrays]
        if otypes is None:
            dtype = np.result_type(pyfunc(*[x[0].item() for x in columns]))
        else:
            dtype = otypes[0]
        found = [pyfunc(*[x.item() for x in row]) for row in zip(*columns)]
    return np.reshape(np.array(found, dtype=dtype), shape)


STAND_INS = {
    functools.partial: partial, functools.wraps: wraps, functools.update_wrapper: update_wrapper,
    functools.lru_cache: lru_cache, functools.cache: itself, np.vectorize: vectorize,
}  # fmt: skip


def norm(a, ord=None, axis=None, keepdims=False, check_finite=True):
    """`scipy.linalg.norm`"""
    return np.linalg.norm(a, ord, axis, keepdims)


def xp_promote(*args, broadcast=False, force_floating=False, xp=None):
    """SciPy's promotion of arrays to one dtype, None apart."""
    from scipy._lib._array_api import xp_result_type

    arrays = [np.asarray(a) if np.iterable(a) else a for a in args]
    dtype = xp_result_type(*arrays, force_floating=force_floating, xp=np)
    arrays = [None if a is None else np.asarray(a, dtype=dtype) for a in arrays]
    if broadcast:
        shape = np.broadcast_shapes(*[a.shape for a in arrays if a is not None])
        arrays = [None if a is None else np.broadcast_to(a, shape) for a in arrays]
    return arrays[0] if len(arrays) == 1 else tuple(arrays)


class Frozen:
    """What `stats.norm(mu, sigma)` gives, made in a function that is compiled."""

    def __init__(self, dist, args, kwds):
        self.dist, self.args, self.kwds = dist, args, kwds

    def pdf(self, x):
        return self.dist.pdf(x, *self.args, **self.kwds)

    def logpdf(self, x):
        return self.dist.logpdf(x, *self.args, **self.kwds)

    def pmf(self, k):
        return self.dist.pmf(k, *self.args, **self.kwds)

    def logpmf(self, k):
        return self.dist.logpmf(k, *self.args, **self.kwds)

    def cdf(self, x):
        return self.dist.cdf(x, *self.args, **self.kwds)

    def logcdf(self, x):
        return self.dist.logcdf(x, *self.args, **self.kwds)

    def sf(self, x):
        return self.dist.sf(x, *self.args, **self.kwds)

    def logsf(self, x):
        return self.dist.logsf(x, *self.args, **self.kwds)

    def ppf(self, q):
        return self.dist.ppf(q, *self.args, **self.kwds)

    def isf(self, q):
        return self.dist.isf(q, *self.args, **self.kwds)

    def entropy(self):
        return self.dist.entropy(*self.args, **self.kwds)

    def mean(self):
        return self.dist.mean(*self.args, **self.kwds)

    def var(self):
        return self.dist.var(*self.args, **self.kwds)

    def std(self):
        return self.dist.std(*self.args, **self.kwds)


def freeze(dist, *args, **kwds):
    return Frozen(dist, args, kwds)


# By module and name: the libraries may not be there.
OF_LIBRARIES = {
    ("scipy.linalg._misc", "norm"): norm,
    ("scipy._lib._array_api", "xp_promote"): xp_promote,
    ("scipy.stats._distn_infrastructure", "rv_generic.freeze"): freeze,
}
