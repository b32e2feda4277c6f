"""Directional derivatives judged: against differences, and against reverse mode.

    identity(f, args, dots)        <d_out, J u> and <J^T d_out, u>, which are to be equal
    directions(args, places)       tangents for some of the arguments, the same on every run
    programs()                     the programs that are judged, as test parameters (f, args, wrt)
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from srcdiff import UnsupportedSyntaxError, elementwise_grad, jvp, vjp
from srcdiff.trees import children, is_float, leaves, rebuild
from tests import gallery
from tests.judge import fresh
from tests.kernels import kernels
from tests.support import sections


def programs(every: int = 1) -> Iterator[Any]:
    """Those of the gallery and of the support page, and one of so many kernels."""
    for e in gallery.EXAMPLES:
        yield pytest.param(e.f, e.args, e.wrt, id=f"gallery.{e.name}")
    for lines in sections().values():
        for p in lines:
            yield pytest.param(p.f, p.args, p.wrt, id=f"{p.section[14:]}.{p.f.__name__}")
    for kernel in kernels()[::every]:
        yield pytest.param(kernel.f, kernel.args, kernel.wrt, id=kernel.name)


def directions(args: tuple, places: Any, seed: int = 1) -> tuple:
    """A tangent for each argument at `places`, None for the others."""
    rng = np.random.default_rng(seed)
    return tuple(
        direction(float(x) if type(x) is int else x, rng) if i in places else None
        for i, x in enumerate(args)
    )


def direction(tree: Any, rng: np.random.Generator) -> Any:
    inner = children(tree)
    if inner is not None:
        return rebuild(tree, [direction(part, rng) for _, part in inner])
    if not is_float(tree):
        return None
    like = np.asarray(tree)
    v = rng.normal(size=like.shape)
    if like.dtype.kind == "c":
        v = v + 1j * rng.normal(size=like.shape)
    v = np.asarray(v).astype(like.dtype)
    return v if isinstance(tree, np.ndarray) else v.item()


def rebuilt(function: Any, tree: Any) -> Any:
    inner = children(tree)
    if inner is not None:
        return rebuild(tree, [rebuilt(function, part) for _, part in inner])
    return function(tree) if is_float(tree) else None


def paired(a: Any, b: Any) -> float:
    """The real inner product of two trees: Re(conj(a) b), summed; None is zero."""
    other = dict(leaves(b))
    return sum(
        float(np.sum(np.real(np.conj(np.asarray(x)) * other[path])))
        for path, x in leaves(a)
        if x is not None and other.get(path) is not None
    )


def size(a: Any, b: Any) -> float:
    """What the terms of `paired` add up to, signs left away."""
    other = dict(leaves(b))
    return sum(
        float(np.sum(np.abs(np.asarray(x) * other[path])))
        for path, x in leaves(a)
        if x is not None and other.get(path) is not None
    )


def identity(f: Any, args: tuple, dots: tuple, fallback: str = "error") -> tuple:
    """(<d_out, J u>, <J^T d_out, u>, their scale), and the value and its tangent."""
    value, dot = jvp(f, fresh(args), dots, fallback=fallback)
    try:
        plain, pull = vjp(f, *fresh(args))
        d_out = direction(plain, np.random.default_rng(2))
        gradients = pull(d_out)
    except UnsupportedSyntaxError:  # it needs to know the kind of the output
        wrt = tuple(i for i, dot in enumerate(dots) if dot is not None)
        found = iter(elementwise_grad(f, wrt=wrt)(*fresh(args)))
        gradients = tuple(next(found) if i in wrt else None for i in range(len(args)))
        d_out = rebuilt(np.ones_like, value)
    forwards, backwards = paired(d_out, dot), paired(gradients, dots)
    scale = size(d_out, dot) + size(gradients, dots)
    return forwards, backwards, scale, value, dot


def assert_identity(f: Any, args: tuple, dots: tuple, rtol: float = 1e-12) -> tuple:
    """Assert that forward and reverse mode agree on a function; the value and its tangent."""
    forwards, backwards, scale, value, dot = identity(f, args, dots)
    if not (np.isnan(forwards) and np.isnan(backwards)):
        assert abs(forwards - backwards) <= rtol * max(scale, 1e-300), (forwards, backwards)
    return value, dot
