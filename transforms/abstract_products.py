"""Abstract values of products and of linear algebra: part of `abstract`.

    np.matmul          f8[x.0,x.1], f8[y.0,y.1]     f8[x.0,y.1]
    np.linalg.svd      f8[x.0,3]                    (f8[x.0,x.0], f8[min(3,x.0)], f8[3,3])
"""

from __future__ import annotations

import operator
from typing import Any

import numpy as np

from srcdiff.runtime import kernels
from srcdiff.transforms.abstract_core import (
    Unknown,
    abstract,
    as_array,
    axes_arg,
    axis_arg,
    broadcast,
    broadcast_dims,
    dtype_arg,
    finish,
    least,
    named,
    numeric,
    numeric_or_flat,
    outputs,
    product,
    reduced,
    run,
    same_length,
    sequence,
    shape_arg,
    static,
    total,
    tuple_of,
)
from srcdiff.transforms.kinds import Dim, Kind, fresh_size, real_or_complex


def as_dense(tree: Any) -> Kind:
    """The kind of a factor; a sparse matrix is like the array of it."""
    if hasattr(tree, "nnz") and tree.ndim == 2:
        return Kind("array", tree.dtype, tree.shape)
    return numeric(tree)


@abstract(operator.matmul, np.matmul)
def matmul(op: Any, a: Any, b: Any, out: Any = None, **params: Any) -> Kind:
    result = outputs(out)
    if result is not None:
        return result
    a, b = map(as_dense, (a, b))
    da, db = a.dims, b.dims
    same_length(da[-1], db[-1] if len(db) == 1 else db[-2])
    dims = da[-2:-1] + (db[-1:] if len(db) > 1 else ())
    if len(da) > 2 or len(db) > 2:
        dims = broadcast(da[:-2], db[:-2]) + dims
    found = run(op, [a, b], tuple([(name, static(p)) for name, p in params.items()]))
    return finish(found, dims)


@abstract(np.dot, np.inner)
def dot(op: Any, a: Any, b: Any, out: Any = None) -> Kind:
    """
    >>> from srcdiff.transforms import kinds
    >>> a = kinds.array("f8", kinds.Size("a.0"), 3)
    >>> dot(np.dot, [[1.0, 2.0]], a), dot(np.inner, a, a), dot(np.dot, a, 2)
    (f8[1,3], f8[a.0,a.0], f8[a.0,3])
    """
    result = outputs(out)
    if result is not None:
        return result
    a, b = numeric(a), numeric(b)
    da, db = a.dims, b.dims
    found = run(op, [a, b])
    if not da or not db:
        return finish(found, da or db)
    summed = -2 if op is np.dot and len(db) > 1 else -1
    same_length(da[-1], db[summed])
    return finish(found, da[:-1] + (db[:-1] if summed == -1 else db[:-2] + db[-1:]))


@abstract(np.vdot)
def vdot(op: Any, a: Any, b: Any) -> Kind:
    return run(op, [numeric(a), numeric(b)])


@abstract(np.vecdot)
def vecdot(op: Any, a: Any, b: Any, *, axis: Any = -1) -> Kind:
    """
    >>> from srcdiff.transforms import kinds
    >>> a = kinds.array("f8", kinds.Size("a.0"), 3)
    >>> vecdot(np.vecdot, a, a), vecdot(np.vecdot, a, a, axis=0)
    (f8[a.0], f8[3])
    """
    a, b, axis = numeric(a), numeric(b), static(axis)
    axes = [axis_arg(axis, k.rank) for k in (a, b)]
    same_length(a.dims[axes[0]], b.dims[axes[1]])
    dims = broadcast(*[reduced(k.dims, at) for k, at in zip((a, b), axes)])
    return finish(run(op, [a, b], (("axis", axis),)), dims)


@abstract(np.matvec, np.vecmat)
def matrix_and_vector(op: Any, a: Any, b: Any) -> Kind:
    a, b = numeric(a), numeric(b)
    matrix, vector = (a, b) if op is np.matvec else (b, a)
    same_length(matrix.dims[-1 if op is np.matvec else -2], vector.dims[-1])
    left = matrix.dims[-2] if op is np.matvec else matrix.dims[-1]
    return finish(run(op, [a, b]), (*broadcast(matrix.dims[:-2], vector.dims[:-1]), left))


@abstract(np.outer)
def outer(op: Any, a: Any, b: Any, out: Any = None) -> Kind:
    result = outputs(out)
    if result is not None:
        return result
    a, b = numeric(a), numeric(b)
    return finish(run(op, [a, b]), (product(a.dims), product(b.dims)))


@abstract(np.kron)
def kron(op: Any, a: Any, b: Any) -> Kind:
    a, b = numeric(a), numeric(b)
    rank = max(a.rank, b.rank)
    left, right = ((1,) * (rank - k.rank) + k.dims for k in (a, b))
    return finish(run(op, [a, b]), tuple(map(product, zip(left, right, strict=True))))


@abstract(np.tensordot)
def tensordot(op: Any, a: Any, b: Any, axes: Any = 2) -> Kind:
    a, b, axes = numeric(a), numeric(b), static(axes)
    if type(axes) is int:
        left, right = tuple(range(a.rank - axes, a.rank)), tuple(range(axes))
    else:
        left, right = (tuple(s) if type(s) in (tuple, list) else (s,) for s in axes)
        axes = (left, right)
    left, right = axes_arg(left, a.rank), axes_arg(right, b.rank)
    for i, j in zip(left, right, strict=True):
        same_length(a.dims[i], b.dims[j])
    dims = reduced(a.dims, left) + reduced(b.dims, right)
    return finish(run(op, [a, b], (("axes", axes),)), dims)


def _einsum(*operands: Any, subscripts: str, **params: Any) -> Any:
    return np.einsum(subscripts, *operands, **params)


@abstract(np.einsum)
def einsum(op: Any, subscripts: Any, *operands: Any, out=None, optimize=False, dtype=None,
           order="K", casting="safe") -> Kind:  # fmt: skip
    """
    >>> from srcdiff.transforms import kinds
    >>> a = kinds.array("f8", kinds.Size("a.0"), 3)
    >>> einsum(np.einsum, "ij,kj->ik", a, a), einsum(np.einsum, "...j->...", a)
    (f8[a.0,a.0], f8[a.0])
    """
    result = outputs(out)
    if result is not None:
        return result
    if type(subscripts) is not str:
        raise Unknown
    given = [numeric(one) for one in operands]
    text = subscripts.replace(" ", "")
    inputs, arrow, output = text.partition("->")
    sizes: dict[str, Dim] = {}
    rest: tuple[Dim, ...] = ()
    for term, k in zip(inputs.split(","), given, strict=True):
        before, dots, after = term.partition("...")
        last = k.rank - len(after)
        if len(before) > last or not dots and len(before) != k.rank:
            raise ValueError("einsum")
        for letter, dim in zip(before + after, k.dims[: len(before)] + k.dims[last:], strict=True):
            sizes[letter] = broadcast_dims(sizes[letter], dim) if letter in sizes else dim
        rest = broadcast(rest, k.dims[len(before) : last])
    if not arrow:
        letters = inputs.replace("...", "").replace(",", "")
        output = "..." * ("..." in inputs) + "".join(
            sorted(c for c in set(letters) if letters.count(c) == 1))
    before, dots, after = output.partition("...")
    dims = tuple([sizes[c] for c in before]) + (rest if dots else ())
    params = (("subscripts", text), ("dtype", dtype_arg(dtype)))
    return finish(run(_einsum, given, params), dims + tuple([sizes[c] for c in after]))


@abstract(np.cross, np.linalg.cross, kernels.cross)
def cross(op: Any, a: Any, b: Any, axisa=-1, axisb=-1, axisc=-1, axis=None) -> Kind:
    """Vectors of three; those of two, which give numbers, cannot be told from them unless known."""
    a, b = numeric(a), numeric(b)
    if axis is not None:
        axisa = axisb = axisc = axis
    left, right = axis_arg(axisa, a.rank), axis_arg(axisb, b.rank)
    if op is np.cross and 3 not in (a.dims[left], b.dims[right]):
        raise Unknown
    dims = broadcast(reduced(a.dims, left), reduced(b.dims, right))
    at = axis_arg(axisc, len(dims) + 1)
    dtype = run(operator.mul, [as_array(a, (1,)), as_array(b, (1,))]).dtype
    return as_array(a, (*dims[:at], 3, *dims[at:]), dtype)


@abstract(kernels.for_each)
def for_each(op: Any, x: Any, n: Any) -> Kind:
    x = numeric(x)
    return Kind("array", x.dtype, (*shape_arg((n,)), *x.dims))


@abstract(kernels.with_length)
def with_length(op: Any, d: Any, n: Any, axis: Any = -1) -> Kind:
    d = numeric(d)
    at = axis_arg(axis, d.rank)
    return as_array(d, (*d.dims[:at], *shape_arg((n,)), *d.dims[at + 1 :]))


@abstract(kernels.embed_diagonal)
def embed_diagonal(op: Any, d: Any, shape: Any, *axes: Any) -> Kind:
    return as_array(numeric(d), shape_arg(shape))


@abstract(kernels.cofactors)
def cofactors(op: Any, x: Any) -> Kind:
    return numeric(x)


@abstract(np.convolve, np.correlate)
def convolve(op: Any, a: Any, v: Any, mode: Any = None) -> Kind:
    a, v = numeric(a), numeric(v)
    mode = static(mode) or ("full" if op is np.convolve else "valid")
    n, m = a.dims[0] if a.rank else 1, v.dims[0] if v.rank else 1
    if mode == "full":
        if type(m) is not int:
            n, m = m, n
        if type(m) is int:
            dim = total((n, m - 1))
        else:
            dim = named("full", sorted((n, m), key=repr))
    elif n == m:
        dim = n if mode == "same" else 1
    elif type(n) is int and type(m) is int:
        dim = max(n, m) if mode == "same" else abs(n - m) + 1
    else:
        dim = named(mode, sorted((n, m), key=repr))
    return finish(run(op, [a, v]), (dim,))


# -------------------------------------------------------------------------------- linear algebra


def square(a: Any) -> Kind:
    a = numeric(a)
    same_length(*a.dims[-2:])
    return a if a.rank > 1 else square(None)


@abstract(np.linalg.norm)
def norm(op: Any, x: Any, ord: Any = None, axis: Any = None, keepdims: Any = False) -> Kind:
    x = numeric_or_flat(x, ord is not None or axis is not None or keepdims)
    axis, keepdims = static(axis), bool(static(keepdims))
    found = run(op, [x], (("axis", axis), ("keepdims", keepdims)))
    return finish(found, reduced(x.dims, axis, keepdims))


@abstract(np.linalg.det)
def det(op: Any, a: Any) -> Kind:
    a = square(a)
    return finish(run(op, [a]), a.dims[:-2])


@abstract(np.linalg.slogdet)
def slogdet(op: Any, a: Any) -> Kind:
    return det(op, a)


@abstract(np.linalg.inv, np.linalg.cholesky, np.linalg.matrix_power, kernels.cofactors)
def like_matrix(op: Any, a: Any, n: Any = 1, *, upper: Any = False) -> Kind:
    a = square(a)
    dims = (*a.dims[:-2], *(same_length(*a.dims[-2:]),) * 2)
    if op is np.linalg.matrix_power:
        if a.dtype.kind not in "fc" and not (type(n) is int and n >= 0):
            raise Unknown
        n = 0 if type(n) is not int else max(min(n, 2), -2)
        return finish(run(op, [a], (("n", n),)), dims)
    return finish(run(op, [a]), dims)


@abstract(np.linalg.solve)
def solve(op: Any, a: Any, b: Any) -> Kind:
    a, b = square(a), numeric(b)
    found = run(op, [a, b])
    if b.rank == 1:
        return finish(found, (*a.dims[:-2], same_length(*a.dims[-2:], b.dims[0])))
    middle = same_length(*a.dims[-2:], b.dims[-2])
    return finish(found, (*broadcast(a.dims[:-2], b.dims[:-2]), middle, b.dims[-1]))


@abstract(np.linalg.eigh, np.linalg.eigvalsh, np.linalg.eig, np.linalg.eigvals)
def eigen(op: Any, a: Any, UPLO: Any = "L") -> Kind:
    a = square(a)
    n = same_length(*a.dims[-2:])
    values, vectors = (*a.dims[:-2], n), (*a.dims[:-2], n, n)
    found = run(op, [a])
    parts = found.items if found.tag == "tuple" else (found,)
    if op in (np.linalg.eig, np.linalg.eigvals) and a.dtype.kind != "c":
        # Real if all eigenvalues are.
        parts = tuple([part._replace(dtype=real_or_complex(part.dtype)) for part in parts])
    if found.tag != "tuple":
        return finish(parts[0], values)
    return tuple_of(finish(parts[0], values), finish(parts[1], vectors))


@abstract(np.roots)
def roots(op: Any, p: Any) -> Kind:
    """As many as there are coefficients between the first and the last that are not zero, less one,
    and one for each zero at the end; of no coefficients they are float64."""
    p = numeric(p)
    dtype = np.result_type(p.dtype, np.float64)
    if p.rank > 1 or dtype.itemsize > p.dtype.itemsize and p.dtype.kind in "fc":
        raise Unknown
    return Kind("array", real_or_complex(dtype), (fresh_size(),))


@abstract(np.linalg.svd)
def svd(op: Any, a: Any, full_matrices=True, compute_uv=True, hermitian=False) -> Kind:
    a = numeric(a)
    m, n = a.dims[-2:]
    lead, k = a.dims[:-2], least(m, n)
    if not static(compute_uv):
        return finish(run(op, [a], (("compute_uv", False),)), (*lead, k))
    found = run(op, [a])
    full = static(full_matrices)
    shapes = (*lead, m, m if full else k), (*lead, k), (*lead, n if full else k, n)
    return tuple_of(*map(finish, found.items, shapes))


@abstract(np.linalg.svdvals)
def svdvals(op: Any, x: Any) -> Kind:
    return svd(np.linalg.svd, x, compute_uv=False)


@abstract(np.linalg.qr)
def qr(op: Any, a: Any, mode: Any = "reduced") -> Kind:
    a, mode = numeric(a), static(mode)
    m, n = a.dims[-2:]
    lead, k = a.dims[:-2], least(m, n)
    found = run(op, [a], (("mode", mode),))
    if mode == "r":
        return finish(found, (*lead, k, n))
    if mode not in ("reduced", "complete"):
        raise Unknown
    inner = k if mode == "reduced" else m
    return tuple_of(*map(finish, found.items, ((*lead, m, inner), (*lead, inner, n))))


@abstract(np.linalg.pinv)
def pinv(op: Any, a: Any, *args: Any, **kwargs: Any) -> Kind:
    a = numeric(a)
    filled = all(isinstance(dim, int) and dim > 0 for dim in a.dims)
    if a.dtype.kind not in "fc" and not filled:
        raise Unknown  # of an empty matrix of ints it gives ints
    return finish(run(op, [a]), (*a.dims[:-2], a.dims[-1], a.dims[-2]))


@abstract(np.linalg.lstsq)
def lstsq(op: Any, a: Any, b: Any, rcond: Any = None) -> Kind:
    a, b = numeric(a), numeric(b)
    found = run(op, [a, b])
    same_length(a.dims[0], b.dims[0])
    x, residuals, rank, s = found.items
    dims = a.dims[1:], (fresh_size(),), (), (least(*a.dims),)
    return tuple_of(
        finish(x, (*dims[0], *b.dims[1:])), finish(residuals, dims[1]), rank, finish(s, dims[3])
    )


@abstract(kernels.rows_in_order, kernels.fullest_last)
def order_of_rows(op: Any, rows: Any) -> Kind:
    return Kind("array", np.dtype(int), numeric(rows).dims[:1])


@abstract(np.linalg.matrix_rank)
def matrix_rank(op: Any, A: Any, *args: Any, **kwargs: Any) -> Kind:
    A = numeric(A)
    return finish(run(op, [A]), A.dims[:-2])


@abstract(np.linalg.cond)
def cond(op: Any, x: Any, p: Any = None) -> Kind:
    x = numeric(x)
    return finish(run(op, [x]), x.dims[:-2])


@abstract(np.linalg.multi_dot)
def multi_dot(op: Any, arrays: Any) -> Kind:
    first, *others = sequence(arrays)
    for other in others:
        first = dot(np.dot, first, other)
    return first


