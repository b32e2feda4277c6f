"""Batching rules: what a function becomes that is applied to many examples at once.

A @ x for many x, the rows of an array:    A @ x    →    x @ A.T

The arguments at which `batched` is True have a leading axis, and so has what comes back. Functions
that work element by element or along an axis are only named: operands are aligned, axes moved on.
"""

# mypy: no-check-untyped-defs

import operator

import numpy as np

from srcdiff.runtime.kernels import (
    batched_einsum,
    cross,
    embed_diagonal,
    half_lower,
    linear_recurrence,
    matrix_transpose,
    moved_axes,
    own_axes,
    product_of_others,
    reverse_recurrence,
    shift_along,
    tensordot_axes,
)
from srcdiff.runtime.registry import batch_along_axis, batch_by_elements, batch_rule

batch_by_elements(
    *(operator.add, operator.sub, operator.mul, operator.truediv, operator.pow, operator.mod),
    *(operator.floordiv, operator.neg, operator.pos, operator.eq, operator.ne, operator.lt),
    *(operator.le, operator.gt, operator.ge, operator.and_, operator.or_, operator.xor),
    *(operator.invert, operator.lshift, operator.rshift),
    *(abs, np.where, np.clip, np.real, np.imag, np.angle, np.nan_to_num, np.sinc, np.i0, np.fix),
    *(np.round, np.around, np.isclose, np.isreal, np.iscomplex, np.isneginf, np.isposinf),
)  # fmt: skip

batch_along_axis(
    *(np.sum, np.prod, np.mean, np.var, np.std, np.max, np.min, np.ptp, np.any, np.all),
    *(np.nansum, np.nanprod, np.nanmean, np.nanvar, np.nanstd, np.nanmax, np.nanmin),
    *(np.median, np.nanmedian, np.count_nonzero, np.flip),
)
batch_along_axis(np.argmax, np.argmin, np.nanargmax, np.nanargmin, flat=True)
batch_along_axis(np.cumsum, np.cumprod, np.nancumsum, np.nancumprod, flat=True)
batch_along_axis(np.sort, np.argsort, default=-1, flat=True)
batch_along_axis(np.diff, default=-1, place=2)
batch_along_axis(np.fft.fft, np.fft.ifft, np.fft.rfft, np.fft.irfft, default=-1, place=2)
batch_along_axis(np.fft.hfft, np.fft.ihfft, default=-1, place=2)
batch_along_axis(product_of_others)


# Products


@batch_rule(np.matmul, operator.matmul, of="x1 x2")
def matmul_batched(batched, x1, x2):
    m = x1.ndim - 1 if batched[0] else x1.ndim
    n = x2.ndim - 1 if batched[1] else x2.ndim
    if m == 1 and n == 1:
        if batched[0] and batched[1]:
            return np.einsum("ni,ni->n", x1, x2)
        return x1 @ x2 if batched[0] else x2 @ x1
    if m == 1 and n == 2:
        if batched[0] and batched[1]:
            return (x1[:, None] @ x2)[:, 0]
        return x1 @ x2
    if m == 2 and n == 1:
        if batched[0] and batched[1]:
            return (x1 @ x2[:, :, None])[:, :, 0]
        return x1 @ x2 if batched[0] else x2 @ x1.T
    if m == n or (batched[0] and not batched[1] and m > n > 1):
        return x1 @ x2
    if batched[1] and not batched[0] and n > m > 1:
        return x1 @ x2
    return None


@batch_rule(np.dot, of="a b")
def dot_batched(batched, a, b):
    m = np.ndim(a) - 1 if batched[0] else np.ndim(a)
    n = np.ndim(b) - 1 if batched[1] else np.ndim(b)
    if m == 0 or n == 0:
        if batched[0] and n > 0 and m == 0:
            a = np.expand_dims(a, own_axes(n))
        if batched[1] and m > 0 and n == 0:
            b = np.expand_dims(b, own_axes(m))
        return a * b
    if m <= 2 and n <= 2:
        return matmul_batched(batched, a, b)
    if n == 1 and not batched[1]:
        return a @ b
    return None


@batch_rule(np.inner, of="a b")
def inner_batched(batched, a, b):
    m = np.ndim(a) - 1 if batched[0] else np.ndim(a)
    n = np.ndim(b) - 1 if batched[1] else np.ndim(b)
    if m == 1 and n == 1:
        return matmul_batched(batched, a, b)
    if m == 0 and n == 0:
        return a * b
    return None


@batch_rule(np.vdot, of="a b")
def vdot_batched(batched, a, b):
    m = np.ndim(a) - 1 if batched[0] else np.ndim(a)
    n = np.ndim(b) - 1 if batched[1] else np.ndim(b)
    if m == 1 and n == 1:
        return matmul_batched(batched, np.conj(a), b)
    return None


@batch_rule(np.outer, of="a b")
def outer_batched(batched, a, b):
    m = np.ndim(a) - 1 if batched[0] else np.ndim(a)
    n = np.ndim(b) - 1 if batched[1] else np.ndim(b)
    if m != 1 or n != 1:
        return None
    left = a[:, :, None] if batched[0] else a[:, None]
    right = b[:, None] if batched[1] else b
    return left * right


@batch_rule(np.tensordot, of="a b")
def tensordot_batched(batched, a, b, axes=2):
    m = a.ndim - 1 if batched[0] else a.ndim
    n = b.ndim - 1 if batched[1] else b.ndim
    a_axes, b_axes, a_free, b_free = tensordot_axes(m, n, axes)
    if batched[0] and batched[1]:
        return None
    if batched[0]:
        return np.tensordot(a, b, (moved_axes(a_axes), b_axes))
    found = np.tensordot(a, b, (a_axes, moved_axes(b_axes)))
    return np.moveaxis(found, len(a_free), 0)


@batch_rule(np.einsum, of="operands")
def einsum_batched(batched, subscripts, *operands):
    if not isinstance(subscripts, str):
        return None
    return np.einsum(batched_einsum(subscripts, batched[1:]), *operands)


@batch_rule(np.cross, cross, of="a b")
def cross_batched(batched, a, b):
    m = a.ndim - 1 if batched[0] else a.ndim
    n = b.ndim - 1 if batched[1] else b.ndim
    return np.cross(a, b) if m == n == 1 else None


@batch_rule(np.trace)
def trace_batched(batched, a, offset=0, axis1=0, axis2=1):
    return np.trace(a, offset, moved_axes(axis1), moved_axes(axis2))


# Axes


@batch_rule(np.transpose)
def transpose_batched(batched, a, axes=None):
    if axes is None:
        if a.ndim <= 2:
            return a
        if a.ndim == 3:
            return np.swapaxes(a, 1, 2)
        return np.transpose(a, (0, *range(a.ndim - 1, 0, -1)))
    return np.transpose(a, (0, *moved_axes(tuple(axes), a.ndim - 1)))


@batch_rule(np.matrix_transpose, np.linalg.matrix_transpose, matrix_transpose)
def matrix_transpose_batched(batched, x):
    return np.swapaxes(x, -1, -2)


@batch_rule(np.swapaxes)
def swapaxes_batched(batched, a, axis1, axis2):
    return np.swapaxes(a, moved_axes(axis1), moved_axes(axis2))


@batch_rule(np.moveaxis)
def moveaxis_batched(batched, a, source, destination):
    return np.moveaxis(a, moved_axes(source), moved_axes(destination))


@batch_rule(np.expand_dims)
def expand_dims_batched(batched, a, axis):
    return np.expand_dims(a, moved_axes(axis))


@batch_rule(np.squeeze)
def squeeze_batched(batched, a, axis=None):
    return None if axis is None else np.squeeze(a, moved_axes(axis))


@batch_rule(np.atleast_1d)
def atleast_1d_batched(batched, a):
    return a[:, None] if a.ndim == 1 else a


@batch_rule(np.atleast_2d)
def atleast_2d_batched(batched, a):
    if a.ndim == 1:
        return a[:, None, None]
    return a[:, None] if a.ndim == 2 else a


@batch_rule(np.flipud)
def flipud_batched(batched, m):
    return m[:, ::-1]


@batch_rule(np.fliplr)
def fliplr_batched(batched, m):
    return m[:, :, ::-1]


@batch_rule(np.roll)
def roll_batched(batched, a, shift, axis=None):
    if axis is None:
        return np.roll(a, shift, 1) if a.ndim == 2 else None
    return np.roll(a, shift, moved_axes(axis))


@batch_rule(np.tile)
def tile_batched(batched, A, reps):
    if A.ndim == 2 and isinstance(reps, int):
        return np.tile(A, (1, reps))
    if isinstance(reps, tuple) and len(reps) == A.ndim - 1:
        return np.tile(A, (1, *reps))
    return None


@batch_rule(np.repeat)
def repeat_batched(batched, a, repeats, axis=None):
    if axis is None:
        return np.repeat(a, repeats, 1) if a.ndim == 2 else None
    return np.repeat(a, repeats, moved_axes(axis))


@batch_rule(np.diagonal)
def diagonal_batched(batched, a, offset=0, axis1=0, axis2=1):
    return np.diagonal(a, offset, moved_axes(axis1), moved_axes(axis2))


@batch_rule(np.diag)
def diag_batched(batched, v, k=0):
    if v.ndim == 3:
        return np.diagonal(v, k, 1, 2)
    return v[:, :, None] * np.eye(v.shape[1], dtype=v.dtype) if k == 0 and v.ndim == 2 else None


@batch_rule(embed_diagonal)
def embed_diagonal_batched(batched, d, shape, offset=0, axis1=0, axis2=1):
    return embed_diagonal(d, (len(d), *shape), offset, moved_axes(axis1), moved_axes(axis2))


@batch_rule(np.tril)
def tril_batched(batched, m, k=0):
    return None if m.ndim < 3 else np.tril(m, k)


@batch_rule(np.triu)
def triu_batched(batched, m, k=0):
    return None if m.ndim < 3 else np.triu(m, k)


@batch_rule(half_lower)
def half_lower_batched(batched, x):
    return half_lower(x)


@batch_rule(shift_along)
def shift_along_batched(batched, x, axis, first):
    return shift_along(x, moved_axes(axis), first)


@batch_rule(linear_recurrence, of="c x")
def linear_recurrence_batched(batched, c, x, axis=-1):
    if not batched[1] and batched[0] and axis == -1 and c.ndim == 2 and x.ndim == 1:
        return linear_recurrence(c, x, -1)
    return linear_recurrence(c, x, moved_axes(axis)) if batched[0] and batched[1] else None


@batch_rule(reverse_recurrence, of="d x")
def reverse_recurrence_batched(batched, d, x, axis):
    return reverse_recurrence(d, x, moved_axes(axis)) if batched[0] and batched[1] else None


# Selecting


@batch_rule(np.take, of="a indices")
def take_batched(batched, a, indices, axis=None):
    m = np.ndim(a) - 1 if batched[0] else np.ndim(a)
    if batched[1]:
        if batched[0] or (axis is None and m != 1) or (axis is not None and axis != 0):
            return None
        return np.take(a, indices, 0)
    if axis is None:
        return np.take(a, indices, 1) if m == 1 else None
    return np.take(a, indices, moved_axes(axis))


@batch_rule(np.take_along_axis, of="arr indices")
def take_along_axis_batched(batched, arr, indices, axis=-1):
    if axis is None or not (batched[0] and batched[1]):
        return None
    return np.take_along_axis(arr, indices, moved_axes(axis))


# Linear algebra, which takes leading axes


@batch_rule(np.linalg.inv)
def inv_batched(batched, a):
    return np.linalg.inv(a)


@batch_rule(np.linalg.det)
def det_batched(batched, a):
    return np.linalg.det(a)


@batch_rule(np.linalg.slogdet)
def slogdet_batched(batched, a):
    return np.linalg.slogdet(a)


@batch_rule(np.linalg.cholesky)
def cholesky_batched(batched, a):
    return np.linalg.cholesky(a)


@batch_rule(np.linalg.eigvalsh)
def eigvalsh_batched(batched, a, UPLO="L"):
    return np.linalg.eigvalsh(a, UPLO)


@batch_rule(np.linalg.eigh)
def eigh_batched(batched, a, UPLO="L"):
    return np.linalg.eigh(a, UPLO)


@batch_rule(np.linalg.pinv)
def pinv_batched(batched, a):
    return np.linalg.pinv(a)


@batch_rule(np.linalg.matrix_power)
def matrix_power_batched(batched, a, n):
    return np.linalg.matrix_power(a, n)


@batch_rule(np.linalg.solve, of="a b")
def solve_batched(batched, a, b):
    m = a.ndim - 1 if batched[0] else a.ndim
    n = b.ndim - 1 if batched[1] else b.ndim
    if m > 2 or n > 2:
        return None
    if not batched[0]:
        if n == 1:
            return np.linalg.solve(a, b.T).T
        return np.linalg.solve(a, b)
    if n == 1:
        right = b[:, :, None] if batched[1] else b[:, None]
        return np.linalg.solve(a, right)[:, :, 0]
    return np.linalg.solve(a, b)


@batch_rule(np.linalg.norm)
def norm_batched(batched, x, ord=None, axis=None, keepdims=False):
    if axis is not None:
        return np.linalg.norm(x, ord, moved_axes(axis), keepdims)
    if x.ndim == 2:
        return np.linalg.norm(x, ord, 1, keepdims)
    if x.ndim == 3 and ord is None:
        return np.linalg.norm(x, None, (1, 2), keepdims)
    if x.ndim == 3:
        return np.linalg.norm(x, ord, (1, 2), keepdims)
    return None
