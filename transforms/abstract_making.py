"""Abstract values of what chooses elements and what makes arrays: part of `abstract`.

    np.zeros       (n, 3), np.float32       f4[n,3]
    np.nonzero     f8[x.0,x.1]              (i8[?0], i8[?0])
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from srcdiff.runtime import kernels
from srcdiff.transforms.abstract_core import (
    Unknown,
    abstract,
    array_of,
    as_array,
    axes_arg,
    axis_arg,
    broadcast,
    dim_of,
    dtype_arg,
    elementwise,
    finish,
    int_of,
    kind,
    least,
    named,
    numeric,
    product,
    run,
    same_length,
    shape_arg,
    static,
    total,
    tuple_of,
)
from srcdiff.transforms.abstract_shapes import item_kind, ravel
from srcdiff.transforms.ir import Slice
from srcdiff.transforms.kinds import FLOAT, OBJECT, Dim, Kind, Size, fresh_size, shrink

INTP = np.dtype(np.intp)

# ------------------------------------------------------------------------------ choosing elements


@abstract(np.where)
def where(op: Any, condition: Any, *choices: Any) -> Kind:
    if choices:
        return elementwise(op, condition, *choices)
    return nonzero(np.nonzero, condition)


@abstract(np.nonzero)
def nonzero(op: Any, a: Any) -> Kind:
    found = Kind("array", INTP, (fresh_size(),))
    a = numeric(a)
    return tuple_of(*[found] * a.rank) if a.rank else OBJECT


@abstract(np.flatnonzero)
def flatnonzero(op: Any, a: Any) -> Kind:
    return Kind("array", INTP, (fresh_size(),))


@abstract(np.argwhere)
def argwhere(op: Any, a: Any) -> Kind:
    return Kind("array", INTP, (fresh_size(), numeric(a).rank))


@abstract(np.take)
def take(op: Any, a: Any, indices: Any, axis: Any = None, out: Any = None, mode="raise") -> Kind:
    if out is not None:
        return kind(out)
    a, at = numeric(a), numeric(indices)
    axis = None if axis is None else axis_arg(axis, max(a.rank, 1))
    dims = at.dims if axis is None else (*a.dims[:axis], *at.dims, *a.dims[axis + 1 :])
    return as_array(a, dims) if dims else Kind("scalar", a.dtype, python=False)


@abstract(np.take_along_axis)
def take_along_axis(op: Any, arr: Any, indices: Any, axis: Any = -1) -> Kind:
    a, at = numeric(arr), numeric(indices)
    if axis is None:
        return as_array(a, at.dims)
    axis = axis_arg(axis, a.rank)
    rest = [dims[:axis] + (1,) + dims[axis + 1 :] for dims in (a.dims, at.dims)]
    dims = broadcast(*rest)
    return as_array(a, (*dims[:axis], at.dims[axis], *dims[axis + 1 :]))


@abstract(np.compress, np.extract)
def compress(op: Any, condition: Any, a: Any, axis: Any = None, out: Any = None) -> Kind:
    if out is not None:
        return kind(out)
    a = numeric(a)
    if axis is None:
        return as_array(a, (fresh_size(),))
    axis = axis_arg(axis, a.rank)
    return as_array(a, (*a.dims[:axis], fresh_size(), *a.dims[axis + 1 :]))


@abstract(np.choose)
def choose(op: Any, a: Any, choices: Any, out: Any = None, mode: Any = "raise") -> Kind:
    if out is not None:
        return kind(out)
    if type(choices) not in (list, tuple):
        raise Unknown
    given = [numeric(c) for c in choices]
    dims = broadcast(numeric(a).dims, *[c.dims for c in given])
    dtype = np.result_type(*[c.dtype for c in given])
    return Kind("array", dtype, dims) if dims else Kind("scalar", dtype, python=False)


@abstract(np.delete, np.insert)
def with_other_length(op: Any, arr: Any, obj: Any, *args: Any, axis: Any = None) -> Kind:
    a = numeric(arr)
    at = 1 if op is np.insert else 0
    axis = args[at] if len(args) > at else axis
    if axis is None:
        return as_array(a, (fresh_size(),))
    axis = axis_arg(axis, a.rank)
    return as_array(a, (*a.dims[:axis], fresh_size(), *a.dims[axis + 1 :]))


@abstract(np.resize)
def resize(op: Any, a: Any, new_shape: Any) -> Kind:
    return as_array(numeric(a), shape_arg(new_shape))


@abstract(np.lib.stride_tricks.sliding_window_view)
def sliding_window_view(
    op: Any, x: Any, window_shape: Any, axis: Any = None, *, subok: Any = False,
    writeable: Any = False,
) -> Kind:  # fmt: skip
    a, window = numeric(x), shape_arg(window_shape)
    axes = axes_arg(axis, a.rank)
    dims: list[Dim] = list(a.dims)
    for at, n in zip(axes, window, strict=True):
        one = n if type(n) is int else None
        dims[at] = fresh_size() if one is None else shrink(dims[at], one - 1)
    return as_array(a, (*dims, *window))


@abstract(kernels.first_places, kernels.left_places, kernels.inserted_order)
def places(op: Any, *args: Any) -> Kind:
    return Kind("array", INTP, (fresh_size(),))


@abstract(kernels.window_places)
def window_places(op: Any, shape: Any, window_shape: Any, axis: Any) -> Kind:
    found = Kind("array", INTP, shape_arg(shape))
    return sliding_window_view(op, found, window_shape, axis)


@abstract(np.unravel_index)
def unravel_index(op: Any, indices: Any, shape: Any, order: Any = "C") -> Kind:
    dims = numeric(indices).dims
    found = Kind("array", INTP, dims) if dims else Kind("scalar", INTP, python=False)
    return tuple_of(*[found] * len(shape_arg(shape)))


@abstract(np.diag)
def diag(op: Any, v: Any, k: Any = 0) -> Kind:
    v = numeric(v)
    if v.rank == 1:
        n = total((v.dims[0], abs(k))) if type(k) is int else fresh_size()
        return as_array(v, (n, n))
    if v.rank != 2:
        raise ValueError
    return as_array(v, (diagonal_length(v.dims[0], v.dims[1], k),))


def diagonal_length(rows: Dim, columns: Dim, k: Any) -> Dim:
    if type(k) is not int:
        return fresh_size()
    if type(rows) is int and type(columns) is int:
        return max(min(rows + min(k, 0), columns - max(k, 0)), 0)
    return least(shrink(rows, max(-k, 0)), shrink(columns, max(k, 0)))


@abstract(np.diagonal)
def diagonal(op: Any, a: Any, offset: Any = 0, axis1: Any = 0, axis2: Any = 1) -> Kind:
    a = numeric(a)
    i, j = axes_arg((axis1, axis2), a.rank)
    rest = tuple(dim for axis, dim in enumerate(a.dims) if axis not in (i, j))
    return as_array(a, (*rest, diagonal_length(a.dims[i], a.dims[j], offset)))


@abstract(np.diagflat)
def diagflat(op: Any, v: Any, k: Any = 0) -> Kind:
    return diag(np.diag, ravel(np.ravel, v), k)


@abstract(np.tril, np.triu)
def triangle(op: Any, m: Any, k: Any = 0) -> Kind:
    m = numeric(m)
    return as_array(m, m.dims * 2 if m.rank == 1 else m.dims if m.rank else axis_arg(0, 0))


@abstract(np.searchsorted)
def searchsorted(op: Any, a: Any, v: Any, side: Any = "left", sorter: Any = None) -> Kind:
    v = numeric(v)
    return finish(run(op, [numeric(a), v]), v.dims)


@abstract(np.digitize)
def digitize(op: Any, x: Any, bins: Any, right: Any = False) -> Kind:
    x = numeric(x)
    return finish(run(op, [x, numeric(bins)]), x.dims)


@abstract(np.isin)
def isin(op: Any, element: Any, test_elements: Any, *args: Any, **kwargs: Any) -> Kind:
    element = numeric(element)
    return finish(run(op, [element, numeric(test_elements)]), element.dims)


@abstract(np.unique)
def unique(op: Any, ar: Any, return_index=False, return_inverse=False, return_counts=False,
           axis=None, *, equal_nan=True, sorted=True) -> Kind:  # fmt: skip
    a, n = numeric(ar), fresh_size()
    flags = [static(flag) for flag in (return_index, return_inverse, return_counts)]
    if axis is None:
        found = as_array(a, (n,))
    else:
        axis = axis_arg(axis, a.rank)
        found = as_array(a, (*a.dims[:axis], n, *a.dims[axis + 1 :]))
    if not any(flags):
        return found
    number = Kind("array", INTP, (n,))
    # The shape of the inverse has changed from one NumPy to the next.
    inverse = number if a.rank == 1 and axis is None else OBJECT
    inverse = as_array(number, a.dims) if inverse is number else inverse
    kinds = (number, inverse, number)
    return tuple_of(found, *[k for k, flag in zip(kinds, flags, strict=True) if flag])


@abstract(np.bincount)
def bincount(op: Any, x: Any, weights: Any = None, minlength: Any = 0) -> Kind:
    return Kind("array", INTP if weights is None else FLOAT.dtype, (fresh_size(),))


@abstract(np.mgrid.__getitem__, np.ogrid.__getitem__)
def grid(op: Any, key: Any) -> Kind:
    """`np.mgrid[0:n, 0:m]` of ints"""
    one = isinstance(key, Slice)
    keys = (key,) if one else key
    if any(part is not None and kind(part).dtype.kind != "i" for k in keys for part in k):
        raise Unknown
    n, rank = [fresh_size() for _ in keys], len(keys)
    if op.__self__ is np.mgrid:
        return Kind("array", INTP, tuple(n) if one else (rank, *n))
    if one:
        return Kind("array", INTP, tuple(n))
    shapes = [[1] * i + [n[i]] + [1] * (rank - i - 1) for i in range(rank)]
    return tuple_of(*(Kind("array", INTP, tuple(shape)) for shape in shapes))


@abstract(np.histogram)
def histogram(op: Any, a: Any, bins: Any = 10, range: Any = None, density: Any = None,
              weights: Any = None) -> Kind:  # fmt: skip
    a = numeric(a)
    if static(density):
        return tuple_of(OBJECT, OBJECT)
    many = not (type(bins) is int or type(bins) is Kind and bins.tag == "scalar")
    edges = numeric(bins).dtype if many else np.result_type(a.dtype, float)
    hist = INTP if weights is None else numeric(weights).dtype
    return tuple_of(Kind("array", hist, (fresh_size(),)), Kind("array", edges, (fresh_size(),)))


# -------------------------------------------------------------------------------- making arrays


@abstract(np.zeros, np.ones, np.empty)
def filled(op: Any, shape: Any, dtype: Any = float, order: Any = "C", **kwargs: Any) -> Kind:
    return Kind("array", dtype_arg(dtype) or FLOAT.dtype, shape_arg(shape))


@abstract(np.full)
def full(op: Any, shape: Any, fill_value: Any, dtype=None, order="C", **kwargs: Any) -> Kind:
    dtype = dtype_arg(dtype)
    return Kind("array", numeric(fill_value).dtype if dtype is None else dtype, shape_arg(shape))


@abstract(np.zeros_like, np.ones_like, np.empty_like)
def filled_like(op: Any, a: Any, dtype=None, order="K", subok=True, shape=None, **kw: Any) -> Kind:
    a = numeric(a)
    return as_array(a, a.dims if shape is None else shape_arg(shape), dtype_arg(dtype))


@abstract(np.full_like)
def full_like(op: Any, a: Any, fill_value: Any, dtype=None, order="K", subok=True, shape=None):
    return filled_like(op, a, dtype, order, subok, shape)


@abstract("zeros_like_adjoint")
def zeros_like_adjoint(op: Any, x: Any) -> Kind:
    if type(x) is Kind and x.tag == "scalar" and x.inexact:
        return x
    a = numeric(x)
    return Kind("array", a.dtype if a.dtype.kind in "fc" else FLOAT.dtype, a.dims)


@abstract(np.eye, np.tri)
def eye(op: Any, N: Any, M: Any = None, k: Any = 0, dtype: Any = float, *args, **kwargs) -> Kind:
    n = dim_of(N)
    return Kind("array", dtype_arg(dtype) or FLOAT.dtype, (n, n if M is None else dim_of(M)))


@abstract(np.identity)
def identity(op: Any, n: Any, dtype: Any = None, **kwargs: Any) -> Kind:
    return Kind("array", dtype_arg(dtype) or FLOAT.dtype, (dim_of(n), dim_of(n))[:1] * 2)


@abstract(np.vander)
def vander(op: Any, x: Any, N: Any = None, increasing: Any = False) -> Kind:
    x = numeric(x)
    n = x.dims[0] if N is None else dim_of(N)
    return as_array(x, (x.dims[0], n), np.promote_types(x.dtype, int))


@abstract(np.arange)
def arange(
    op: Any, *args: Any, start=None, stop=None, step=None, dtype=None, **kwargs: Any
) -> Kind:
    """
    >>> arange(np.arange, int_of(Size("n"))), arange(np.arange, 1, 10, 2)
    (i8[n], i8[5])
    """
    args = args if start is None else (start, *args)
    if len(args) == 1 and stop is None and step is not None:
        args = (0, *args)
    args = [*args, *[part for part in (stop, step) if part is not None]]
    if len(args) == 3 and args[1] is None:
        raise Unknown
    dtype = dtype_arg(dtype)
    if dtype is None:
        dtype = run(np.arange, [numeric(arg) for arg in args]).dtype
    start, end, by = 0, args[0], 1
    if len(args) > 1:
        start, end, *rest = args
        by = rest[0] if rest else 1
    dim: Dim = fresh_size()
    if all(type(arg) in (int, float) for arg in (start, end, by)):
        dim = max(math.ceil((end - start) / by), 0)
        if all(type(arg) is int for arg in (start, end, by)):
            dim = len(range(start, end, by))
    elif type(by) is type(start) is int and by == 1 and start >= 0:
        if numeric(end).dtype.kind in "iu":
            dim = shrink(dim_of(end), start)
    return Kind("array", dtype, (dim,))


@abstract(np.linspace, np.logspace, np.geomspace)
def linspace(op: Any, start: Any, stop: Any, num: Any = 50, endpoint=True, *args, **kwargs) -> Kind:
    names = {np.linspace: ("retstep", "dtype", "axis"), np.logspace: ("base", "dtype", "axis"),
             np.geomspace: ("dtype", "axis")}[op]  # fmt: skip
    kwargs |= dict(zip(names, args, strict=False))
    if kwargs.get("base") is not None:
        raise Unknown
    a, b = numeric(start), numeric(stop)
    dtype = dtype_arg(kwargs.get("dtype"))
    dims = broadcast(a.dims, b.dims)
    axis = axis_arg(kwargs.get("axis", 0), len(dims) + 1)
    if dtype is None:
        dtype = run(op, [a, b], (("num", 2),)).dtype
    found = Kind("array", dtype, (*dims[:axis], dim_of(num), *dims[axis:]))
    if static(kwargs.get("retstep", False)):
        return tuple_of(found, OBJECT)
    return found


@abstract(np.fft.fftfreq, np.fft.rfftfreq)
def fftfreq(op: Any, n: Any, d: Any = 1.0, device: Any = None) -> Kind:
    """
    >>> fftfreq(np.fft.fftfreq, int_of(Size("n")), 0.5), fftfreq(np.fft.rfftfreq, 8)
    (f8[n], f8[5])
    """
    d = numeric(d)
    if d.dims != () or d.dtype.kind not in "iuf" or device is not None:
        raise Unknown
    dim = dim_of(n)
    if op is np.fft.rfftfreq:
        dim = dim // 2 + 1 if isinstance(dim, int) else fresh_size()
    return Kind("array", np.dtype(float), (dim,))


@abstract(np.array, np.asarray, np.asanyarray)
def array(op: Any, a: Any, dtype: Any = None, *args: Any, **kwargs: Any) -> Kind:
    a = array_of(a) if type(a) is int else numeric(a)
    more = static(kwargs.get("ndmin", 0)) - len(a.dims or ())
    return as_array(a, (*(1,) * more, *a.dims), dtype_arg(dtype))


@abstract(np.copy, "copy")
def copy(op: Any, a: Any, *args: Any, **kwargs: Any) -> Kind:
    a = numeric(a) if op is np.copy or type(a) is not Kind else a
    return as_array(a, a.dims) if a.numeric and op is np.copy else a


@abstract(np.ascontiguousarray, np.asfortranarray, np.require)
def contiguous(op: Any, a: Any, dtype: Any = None, *args: Any, **kwargs: Any) -> Kind:
    a = numeric(a)
    # What has no axes may get one.
    return as_array(a, a.dims or run(op, [a]).shape, dtype_arg(dtype))


@abstract("astype", np.ndarray.astype, np.generic.astype, getattr(np, "astype", None))
def astype(op: Any, x: Any, dtype: Any, *args: Any, **kwargs: Any) -> Kind:
    x, dtype = numeric(x), dtype_arg(dtype)
    if x.tag == "scalar":
        if x.python is not False:
            raise TypeError
        return Kind("scalar", dtype, python=False)
    return as_array(x, x.shape, dtype)


@abstract(np.meshgrid)
def meshgrid(op: Any, *xi: Any, copy: Any = True, sparse: Any = False, indexing: Any = "xy"):
    given = [numeric(x) for x in xi]
    lengths = [product(x.dims) for x in given]
    order = list(range(len(given)))
    if static(indexing) == "xy" and len(order) > 1:
        order[:2] = [1, 0]
    sparse = static(sparse)
    return tuple_of(*[
        as_array(x, tuple(lengths[j] if j == i or not sparse else 1 for j in order))
        for i, x in enumerate(given)
    ])  # fmt: skip


@abstract(np.triu_indices, np.tril_indices)
def triangle_indices(op: Any, n: Any, k: Any = 0, m: Any = None) -> Kind:
    numbers = [n, k, n if m is None else m]
    if all(type(number) is int for number in numbers):
        dim: Dim = len(op(*numbers)[0])
    elif type(k) is int and all(type(x) is int or x.size is not None for x in numbers):
        rows, columns = dim_of(numbers[0]), dim_of(numbers[2])
        dim = named(op.__name__, (rows, k, columns))
    else:
        dim = fresh_size()
    return tuple_of(*[Kind("array", INTP, (dim,))] * 2)


@abstract(np.triu_indices_from, np.tril_indices_from)
def triangle_indices_from(op: Any, arr: Any, k: Any = 0) -> Kind:
    a = numeric(arr)
    if a.rank != 2:
        raise ValueError
    of = np.triu_indices if op is np.triu_indices_from else np.tril_indices
    return triangle_indices(of, *[int_of(d) if type(d) is Size else d for d in a.dims[:1]], k,
                            *[int_of(d) if type(d) is Size else d for d in a.dims[1:]])


@abstract(np.diag_indices)
def diag_indices(op: Any, n: Any, ndim: Any = 2) -> Kind:
    return tuple_of(*[Kind("array", INTP, (dim_of(n),))] * static(ndim))


@abstract(np.diag_indices_from)
def diag_indices_from(op: Any, arr: Any) -> Kind:
    a = numeric(arr)
    return tuple_of(*[Kind("array", INTP, (same_length(*a.dims),))] * a.rank)


@abstract(np.ix_)
def ix_(op: Any, *args: Any) -> Kind:
    given = [numeric(arg) for arg in args]
    found = []
    for i, a in enumerate(given):
        if a.rank != 1:
            raise ValueError
        dim = fresh_size() if a.dtype.kind == "b" else a.dims[0]
        dims = tuple(dim if j == i else 1 for j in range(len(given)))
        empty = type(dim) is Size and a.dtype != INTP  # an empty array becomes one of ints
        if empty and a.dtype.kind != "b":
            return OBJECT
        found.append(Kind("array", INTP if a.dtype.kind == "b" or dim == 0 else a.dtype, dims))
    return tuple_of(*found)


@abstract(np.indices)
def indices(op: Any, dimensions: Any, dtype: Any = int, sparse: Any = False) -> Kind:
    dims, dtype = shape_arg(dimensions), dtype_arg(dtype)
    if static(sparse):
        return tuple_of(*[
            Kind("array", dtype, tuple(dim if j == i else 1 for j in range(len(dims))))
            for i, dim in enumerate(dims)
        ])  # fmt: skip
    return Kind("array", dtype, (len(dims), *dims))


@abstract(np.copyto, np.put, np.fill_diagonal, np.place, np.putmask, np.put_along_axis)
def nothing(op: Any, *args: Any, **kwargs: Any) -> Kind:
    return Kind("none")


# -------------------------------------------------------------------------- structural operations


@abstract("setitem", "add_at", "list_setitem", "identity")
def first_operand(op: str, x: Any, *args: Any) -> Kind:
    return item_kind(x)


@abstract("tuple")
def make_tuple(op: str, *items: Any) -> Kind:
    return tuple_of(*map(item_kind, items))


@abstract(np.ndarray.flatten)
def flatten(op: Any, x: Any, order: Any = "C") -> Kind:
    return ravel(np.ravel, x)


@abstract(np.ndarray.conj)
def conj(op: Any, x: Any) -> Kind:
    x = numeric(x)
    return run(op, [x]) if not x.rank else x


@abstract(np.ndarray.item)
def item(op: Any, x: Any, *args: Any) -> Kind:
    return kind(numeric(x).dtype.type(1).item())


@abstract(np.ndarray.tolist)
def tolist(op: Any, x: Any) -> Kind:
    x = numeric(x)
    return Kind("list") if x.rank else item(op, x)
