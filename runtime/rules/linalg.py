"""Rules of products of vectors and matrices, and of linear algebra.

y = w @ x    →    d_w = np.outer(d_y, x);  d_x = w.T @ d_y
"""

# mypy: no-check-untyped-defs

import operator

import numpy as np

from srcdiff.runtime.errors import NoRuleError
from srcdiff.runtime.kernels import (
    add_at,
    cofactors,
    cross,
    einsum_adjoint,
    fullest_last,
    half_lower,
    in_order,
    inverse_permutation,
    leading,
    matrix_transpose,
    of_two_components,
    restore_axes,
    rows_in_order,
    tensordot_axes,
    without,
)
from srcdiff.runtime.registry import jvp_rule, nondifferentiable, sample, spread, vjp_rule
from srcdiff.runtime.rules.reductions import real_product, shared

# Products


@vjp_rule(
    operator.matmul,
    np.matmul,
    at=[
        (spread(3), spread(3)),
        (spread(2, 3), spread(3)),
        (spread(2), spread(2, 3)),
        (spread(2, 3), spread(3, 4)),
        (spread(3), spread(2, 3, 4)),
        (spread(2, 4, 3), spread(3)),
        (spread(5, 2, 3), spread(5, 3, 4)),
        (spread(2, 3), spread(5, 3, 4)),
        (spread(5, 1, 2, 3), spread(4, 3, 2)),
    ],
    factors="x y",
)
def matmul_vjp(d_out, out, x, y):
    """out = x @ y"""
    if x.ndim == 1 and y.ndim == 1:
        return d_out * y, d_out * x
    if x.ndim == 2 and y.ndim == 1:
        return np.outer(d_out, y), x.T @ d_out
    if x.ndim == 1 and y.ndim == 2:
        return y @ d_out, np.outer(x, d_out)
    if x.ndim == 2 and y.ndim == 2:
        return d_out @ y.T, x.T @ d_out
    if x.ndim == 1:
        return (y @ d_out[..., None])[..., 0], x[:, None] * d_out[..., None, :]
    if y.ndim == 1:
        return d_out[..., None] * y, (matrix_transpose(x) @ d_out[..., None])[..., 0]
    return d_out @ matrix_transpose(y), matrix_transpose(x) @ d_out


@vjp_rule(
    np.dot,
    at=[
        (0.7, -1.3),
        (0.7, spread(3)),
        (spread(2, 3), 0.9),
        (spread(3), spread(3)),
        (spread(2, 3), spread(3)),
        (spread(2), spread(2, 3)),
        (spread(2, 3), spread(3, 4)),
        (spread(3), spread(2, 3, 4)),
        (spread(2, 4, 3), spread(3)),
        (spread(2, 4, 3), spread(5, 3, 2)),
        (spread(2, 3), spread(5, 3, 2)),
        (spread(2, 4, 3), spread(3, 2)),
    ],
    factors="a b",
)
def dot_vjp(d_out, out, a, b):
    """out[..., j] = sum(a[..., k] * b[k, j])"""
    if np.ndim(a) == 0 or np.ndim(b) == 0:
        return d_out * b, d_out * a
    if a.ndim == 1 and b.ndim == 1:
        return d_out * b, d_out * a
    if a.ndim == 2 and b.ndim == 1:
        return np.outer(d_out, b), a.T @ d_out
    if a.ndim == 1 and b.ndim == 2:
        return b @ d_out, np.outer(a, d_out)
    if a.ndim == 2 and b.ndim == 2:
        return d_out @ b.T, a.T @ d_out
    if b.ndim == 1:
        return d_out[..., None] * b, np.tensordot(a, d_out, leading(a.ndim - 1))
    free = tuple(range(a.ndim - 1, d_out.ndim))
    d_a = np.tensordot(d_out, b, (free, without(b.ndim, b.ndim - 2)))
    d_b = np.tensordot(a, d_out, leading(a.ndim - 1))
    return d_a, np.moveaxis(d_b, 0, -2)


@vjp_rule(
    np.inner,
    at=[
        (0.7, spread(3)),
        (spread(3), spread(3)),
        (spread(2, 3), spread(3)),
        (spread(3), spread(2, 3)),
        (spread(2, 3), spread(4, 3)),
        (spread(2, 4, 3), spread(5, 3)),
        (spread(5, 3), spread(2, 4, 3)),
        (spread(3), spread(2, 4, 3)),
        (spread(2, 4, 3), spread(3)),
        (spread(2, 3), 0.7),
    ],
    factors="a b",
)
def inner_vjp(d_out, out, a, b):
    """out[i, j] = sum(a[i, k] * b[j, k])"""
    if np.ndim(a) == 0 or np.ndim(b) == 0:
        return d_out * b, d_out * a
    if a.ndim == 1 and b.ndim == 1:
        return d_out * b, d_out * a
    if a.ndim == 2 and b.ndim == 1:
        return np.outer(d_out, b), a.T @ d_out
    if a.ndim == 1 and b.ndim == 2:
        return b.T @ d_out, np.outer(d_out, a)
    if a.ndim == 2 and b.ndim == 2:
        return d_out @ b, d_out.T @ a
    d_a = np.tensordot(d_out, b, b.ndim - 1)
    d_b = np.tensordot(d_out, a, leading(a.ndim - 1))
    return d_a, d_b


@vjp_rule(
    np.outer,
    at=[(spread(2), spread(3)), (0.7, spread(3)), (spread(2, 2), spread(3)), (spread(2), 0.9),
        (spread(2), spread(2, 3))],
    factors="a b",
)  # fmt: skip
def outer_vjp(d_out, out, a, b):
    """out[i, j] = a[i] * b[j]"""
    if np.ndim(a) == 1 and np.ndim(b) == 1:
        return d_out @ b, a @ d_out
    d_a = np.reshape(d_out @ np.ravel(b), np.shape(a))
    d_b = np.reshape(np.ravel(a) @ d_out, np.shape(b))
    return d_a, d_b


@vjp_rule(
    np.vdot,
    at=[
        (spread(3), spread(3)),
        (spread(2, 3), spread(2, 3)),
        (spread(3) + 1j * spread(3)[::-1], spread(3) - 0.5j),
    ],
    analytic=False,
    factors="a b",
)
def vdot_vjp(d_out, out, a, b):
    """out = sum(conj(a) * b)"""
    d_a = d_out * b if not np.iscomplexobj(out) else np.conj(d_out) * b
    return np.reshape(d_a, np.shape(a)), np.reshape(d_out * a, np.shape(b))


@vjp_rule(
    np.vecdot,
    at=[
        (spread(3), spread(3)),
        (spread(2, 3), spread(3)),
        sample(spread(2, 3), spread(4, 2, 3)[::-1], axis=-2),
        (spread(3) + 1j * spread(3)[::-1], spread(3) - 0.5j),
    ],
    analytic=False,
    factors="x1 x2",
)
def vecdot_vjp(d_out, out, x1, x2, *, axis=-1):
    """out = sum(conj(x1) * x2) along an axis"""
    d = np.expand_dims(d_out, axis) if np.ndim(out) > 0 else d_out
    return (np.conj(d) if np.iscomplexobj(out) else d) * x2, d * x1


@vjp_rule(
    np.matvec,
    at=[
        (spread(2, 3), spread(3)),
        (spread(5, 2, 3), spread(3)),
        (spread(2, 3), spread(5, 3)),
        (spread(5, 2, 3), spread(4, 1, 3)),
    ],
    factors="x1 x2",
)
def matvec_vjp(d_out, out, x1, x2):
    """out[i] = sum(x1[i, j] * x2[j])"""
    return d_out[..., :, None] * x2[..., None, :], np.matvec(matrix_transpose(x1), d_out)


@vjp_rule(
    np.vecmat,
    at=[
        (spread(2), spread(2, 3)),
        (spread(2), spread(5, 2, 3)),
        (spread(5, 2), spread(2, 3)),
        (spread(2) - 1j * spread(2)[::-1], spread(2, 3) + 0.5j * spread(2, 3)[::-1]),
    ],
    analytic=False,
    factors="x1 x2",
)
def vecmat_vjp(d_out, out, x1, x2):
    """out[j] = sum(conj(x1[i]) * x2[i, j])"""
    d = np.conj(d_out) if np.iscomplexobj(out) else d_out
    return np.matvec(x2, d), x1[..., :, None] * d_out[..., None, :]


@vjp_rule(
    np.tensordot,
    at=[
        (spread(2, 3), spread(2, 3)),
        (spread(2, 3), spread(3, 4), 1),
        (spread(2), spread(3), 0),
        (spread(2, 3, 4), spread(4, 3), ((1, 2), (1, 0))),
        (spread(2, 3, 4), spread(5, 3), (1, 1)),
        (spread(2, 3, 4), spread(4, 5, 2), ((2, 0), (0, -1))),
    ],
    factors="a b",
)
def tensordot_vjp(d_out, out, a, b, axes=2):
    """out = a and b multiplied and summed over axes"""
    a_axes, b_axes, a_free, b_free = tensordot_axes(np.ndim(a), np.ndim(b), axes)
    n = len(a_free)
    d_a = np.tensordot(d_out, b, (tuple(range(n, np.ndim(out))), b_free))
    d_b = np.tensordot(a, d_out, (a_free, tuple(range(n))))
    if isinstance(axes, int):
        return d_a, d_b
    a_order = a_free + in_order(a_axes, b_axes)
    b_order = in_order(b_axes, a_axes) + b_free
    return (
        np.transpose(d_a, inverse_permutation(a_order)),
        np.transpose(d_b, inverse_permutation(b_order)),
    )


@vjp_rule(
    np.einsum,
    at=[
        ("i,i", spread(3), spread(3)),
        ("i,i->i", spread(3), spread(3)),
        ("ij,jk->ik", spread(2, 3), spread(3, 4)),
        ("ij,jk", spread(2, 3), spread(3, 4)),
        ("bij,bjk->bik", spread(2, 3, 4), spread(2, 4, 3)),
        ("...ij,...jk->...ik", spread(2, 3, 4), spread(4, 5)),
        ("...i,...i", spread(2, 3), spread(3)),
        ("ij,kl->jl", spread(2, 3), spread(2, 4)),
        ("ij->ji", spread(2, 3)),
        ("ij->", spread(2, 3)),
        ("ij->j", spread(2, 3)),
        ("ii->i", spread(3, 3)),
        ("ii", spread(3, 3)),
        ("iij,j->i", spread(2, 2, 3), spread(3)),
        ("i,ij,j->", spread(2), spread(2, 3), spread(3)),
        sample("ij,jk,kl->il", spread(2, 3), spread(3, 2), spread(2, 2), optimize=True),
    ],
    factors="operands",
)
def einsum_vjp(d_out, out, subscripts, *operands, optimize=False):
    """out = the operands multiplied, and summed over the letters that the result lacks"""
    if not isinstance(subscripts, str):
        raise NoRuleError("np.einsum without a string of subscripts", instead='Write "ij,jk->ik".')
    ranks, d_operands = (), ()
    for a in operands:
        ranks = (*ranks, np.ndim(a))
    for k, a in enumerate(operands):
        adjoint, missing, repeated = einsum_adjoint(subscripts, k, ranks)
        others = operands[:k] + operands[k + 1 :]
        for axis in repeated:
            others = (*others, np.eye(np.shape(a)[axis]))
        if len(others) > 1:
            d = np.einsum(adjoint, d_out, *others, optimize=True)
        else:
            d = np.einsum(adjoint, d_out, *others)
        if len(missing) > 0:
            d = np.broadcast_to(np.expand_dims(d, missing), np.shape(a))
        d_operands = (*d_operands, d)
    return (None, *d_operands)


CROSSED = (
    (spread(3), spread(3)),
    (spread(2, 3), spread(3)),
    (spread(3), spread(2, 3)),
    sample(spread(3, 2), spread(3, 2), axis=0),
)


@vjp_rule(np.linalg.cross, at=CROSSED, factors="x1 x2")
def linalg_cross_vjp(d_out, out, x1, x2, *, axis=-1):
    """out = x1 x x2, of vectors with three components"""
    return np.linalg.cross(x2, d_out, axis=axis), np.linalg.cross(d_out, x1, axis=axis)


@vjp_rule(
    np.cross,
    cross,
    at=[
        *CROSSED,
        sample(spread(3, 4), spread(4, 3), axisa=0),
        sample(spread(4, 3), spread(3, 4), axisb=0),
        sample(spread(4, 3), spread(4, 3), axisc=0),
        sample(spread(4, 3, 2), spread(3), axisa=1, axisc=0),
        sample(spread(3, 2), spread(4, 2, 3)[..., ::-1], axisa=-2, axisb=-1),
        sample(spread(3, 2), spread(4, 3, 2), axisa=0, axisb=1, axisc=1),
    ],
    factors="a b",
)
def cross_vjp(d_out, out, a, b, *, axisa=-1, axisb=-1, axisc=-1, axis=None):
    """out = a x b, of vectors with three components"""
    if np.ndim(out) < max(np.ndim(a), np.ndim(b)):
        raise of_two_components()
    if axis is not None:
        return np.cross(b, d_out, axis=axis), np.cross(d_out, a, axis=axis)
    if axisa == -1 and axisb == -1 and axisc == -1:
        return np.cross(b, d_out), np.cross(d_out, a)
    d, x, y = (np.moveaxis(d_out, axisc, -1), np.moveaxis(a, axisa, -1), np.moveaxis(b, axisb, -1))
    d_x, d_y = np.cross(y, d), np.cross(d, x)
    at_x, at_y = axisa % np.ndim(a) - np.ndim(a), axisb % np.ndim(b) - np.ndim(b)
    return np.moveaxis(d_x, -1, at_x), np.moveaxis(d_y, -1, at_y)


@vjp_rule(
    np.kron,
    at=[
        (spread(2), spread(3)),
        (spread(2, 3), spread(3, 2)),
        (spread(2, 3), spread(2)),
        (spread(2), spread(2, 3)),
        (0.7, spread(3)),
    ],
    factors="a b",
)
def kron_vjp(d_out, out, a, b):
    """out = the blocks a[i, j] * b"""
    a_shape = (1,) * (np.ndim(out) - np.ndim(a)) + np.shape(a)
    b_shape = (1,) * (np.ndim(out) - np.ndim(b)) + np.shape(b)
    split, odd, even = (), (), ()
    for i, n in enumerate(a_shape):
        split = (*split, n, b_shape[i])
        even = (*even, 2 * i)
        odd = (*odd, 2 * i + 1)
    d = np.reshape(d_out, split)
    every = tuple(range(np.ndim(out)))
    d_a = np.tensordot(d, np.reshape(b, b_shape), (odd, every))
    d_b = np.tensordot(d, np.reshape(a, a_shape), (even, every))
    return np.reshape(d_a, np.shape(a)), np.reshape(d_b, np.shape(b))


@vjp_rule(
    np.convolve,
    at=[
        (spread(5), spread(3)),
        (spread(2), spread(4)),
        (spread(5), spread(3), "same"),
        (spread(3), spread(4), "same"),
        (spread(5), spread(3), "valid"),
        (spread(3), spread(5), "valid"),
    ],
    factors="a v",
)
def convolve_vjp(d_out, out, a, v, mode="full"):
    """out[k] = sum(a[i] * v[k - i])"""
    if np.ndim(a) == 0 or np.ndim(v) == 0:
        raise NoRuleError("np.convolve with a number", instead="Multiply by it.")
    if mode == "full":
        return np.convolve(d_out, v[::-1], "valid"), np.convolve(d_out, a[::-1], "valid")
    # `out` is a part of the full convolution, from `start` on; the gradient is zero elsewhere.
    shorter = min(np.size(a), np.size(v))
    start = (shorter - 1) // 2 if mode == "same" else shorter - 1
    d_full = np.zeros(np.size(a) + np.size(v) - 1, d_out.dtype)
    d_full = add_at(d_full, slice(start, start + np.size(out)), d_out)
    return np.convolve(d_full, v[::-1], "valid"), np.convolve(d_full, a[::-1], "valid")


@vjp_rule(
    np.correlate,
    at=[(spread(5), spread(3)), (spread(5), spread(3), "full"), (spread(5), spread(4), "same"),
        (spread(3), spread(5)), (spread(3), spread(4), "full"), (spread(3), spread(4), "same"),
        (spread(3), spread(6), "same"), (spread(2), spread(5), "same"), (spread(4), spread(4))],
    factors="a v",
)  # fmt: skip
def correlate_vjp(d_out, out, a, v, mode="valid"):
    """out[k] = sum(a[k + i] * v[i])"""
    if np.iscomplexobj(a) or np.iscomplexobj(v):
        raise NoRuleError("np.correlate of complex numbers", instead="Use np.convolve.")
    n, m = np.size(a), np.size(v)
    d_full = d_out
    if mode != "full":
        # `out` is a part of the full correlation, from `start` on; the gradient is zero elsewhere.
        shorter = min(n, m)
        start = shorter - 1 if mode == "valid" else (shorter - 1) // 2
        if mode == "same" and n < m:  # NumPy exchanges the two, and turns the result around
            start = n + m - 1 - np.size(out) - start
        d_full = np.zeros(n + m - 1, d_out.dtype)
        d_full = add_at(d_full, slice(start, start + np.size(out)), d_out)
    return np.convolve(d_full, v, "valid"), np.convolve(d_full[::-1], a, "valid")


@vjp_rule(
    np.interp,
    at=[
        (0.7, np.array([0.0, 0.5, 2.0]), spread(3)),
        (spread(5), np.array([-1.0, 0.5, 1.2]), spread(3)),
        (spread(2, 3), np.array([-1.0, 0.5, 1.2]), spread(3), -5.0, 7.0),
        (spread(5), np.array([0.1]), spread(1), -5.0, 7.0),
        (spread(5), np.array([-1.0, 1.2]), spread(2)),
        (0.7, np.array([0.1]), spread(1)),
    ],
)
def interp_vjp(d_out, out, x, xp, fp, left=None, right=None):
    """out = the line through the points (xp, fp) at x; at a knot the slope to the right"""
    below, above = x < xp[0], x > xp[-1]
    d_left = None if left is None else np.where(below, d_out, 0)
    d_right = None if right is None else np.where(above, d_out, 0)
    d_line = d_out
    if left is not None:
        d_line = np.where(below, 0, d_line)
    if right is not None:
        d_line = np.where(above, 0, d_line)
    if np.size(xp) == 1:  # the same everywhere
        d_xp = np.zeros(np.shape(xp), out.dtype)
        d_x = np.zeros(np.shape(x), out.dtype)
        return d_x, d_xp, np.reshape(np.sum(d_line), (1,)), d_left, d_right
    i = np.clip(np.searchsorted(xp, x, side="right") - 1, 0, np.size(xp) - 2)
    slope = (fp[i + 1] - fp[i]) / (xp[i + 1] - xp[i])
    d_x = np.where(below | (x >= xp[-1]), 0, d_out * slope)
    t = np.clip((x - xp[i]) / (xp[i + 1] - xp[i]), 0, 1)
    d_fp = add_at(np.zeros(np.shape(fp), out.dtype), i, d_line * (1 - t))
    d_fp = add_at(d_fp, i + 1, d_line * t)
    d_xp = add_at(np.zeros(np.shape(xp), out.dtype), i, -d_x * (1 - t))
    d_xp = add_at(d_xp, i + 1, -d_x * t)
    return d_x, d_xp, d_fp, d_left, d_right


# Norms and traces


@vjp_rule(
    np.linalg.norm,
    at=[
        spread(3),
        spread(2, 3),
        spread(2, 3, 2),
        sample(spread(2, 3), axis=1),
        sample(spread(2, 3), axis=0, keepdims=True),
        sample(spread(2, 3, 4), axis=(0, 2)),
        (spread(2, 3), "fro"),
        sample(spread(2, 3, 4), "fro", axis=(1, 2)),
        (spread(3), 2),
        (spread(3), 1),
        (spread(3), np.inf),
        (spread(3), -np.inf),
        (spread(3) - 2.5, 3),
        sample(spread(2, 3), 3, axis=(1,)),
        sample(spread(2, 3), 1, axis=(0,), keepdims=True),
        (spread(3), 3),
        sample(spread(2, 3), 1, axis=1),
        sample(spread(2, 3), np.inf, axis=0),
        sample(spread(2, 3), 2.5, axis=0, keepdims=True),
        *[sample(spread(2, 3), ord=k) for k in (1, -1, 2, -2, np.inf, -np.inf, "nuc")],
        *[sample(np.sinh(spread(2, 3, 4)), ord=k, axis=(2, 0)) for k in (1, 2, -np.inf, "nuc")],
        sample(np.sinh(spread(2, 3, 4)), -2, axis=(0, -1), keepdims=True),
        sample(np.sinh(spread(2, 3, 4)), ord=np.inf, axis=(-1, 0), keepdims=True),
    ],
    analytic=False,
)
def norm_vjp(d_out, out, x, ord=None, axis=None, keepdims=False):
    """out = the length of x; 0 where x is zero"""
    matrix = np.ndim(x) == 2 if axis is None else isinstance(axis, tuple) and len(axis) == 2
    if matrix and ord is not None and ord != "fro":
        d = restore_axes(d_out, np.ndim(x), axis, keepdims)
        return d * matrix_norm_slope(x, ord, (0, 1) if axis is None else axis)
    d = restore_axes(d_out, np.ndim(x), axis, keepdims)
    if ord is None or ord == "fro" or ord == 2:
        return d * x / restore_axes(np.where(out == 0, 1, out), np.ndim(x), axis, keepdims)
    if ord == 0:  # counts the elements that are not zero
        return None
    size = np.abs(x)
    direction = direction_of(x, size)
    if ord == 1:
        return d * direction
    norm = restore_axes(out, np.ndim(x), axis, keepdims)
    if ord == np.inf or ord == -np.inf:
        return shared(d, size == norm, axis) * direction
    return d * direction * (size / np.where(norm == 0, 1, norm)) ** (ord - 1)


def direction_of(x, size):
    """The sign of numbers that may be complex, of which the size is known."""
    return x / np.where(size == 0, 1, size) if np.iscomplexobj(x) else np.sign(x)


def matrix_norm_slope(x, ord, axis):
    """The gradient of the norm of matrices that lie along two axes; ties are shared."""
    rows, columns = axis[0] % np.ndim(x), axis[1] % np.ndim(x)
    if ord in (1, -1, np.inf, -np.inf):  # the largest, or smallest, sum of a column or row
        along, across = (rows, columns) if ord in (1, -1) else (columns, rows)
        size = np.abs(x)
        sums = np.sum(size, axis=along, keepdims=True)
        if ord > 0:
            best = sums == np.max(sums, axis=across, keepdims=True)
        else:
            best = sums == np.min(sums, axis=across, keepdims=True)
        return shared(direction_of(x, size), best, across)
    last = rows == np.ndim(x) - 2 and columns == np.ndim(x) - 1
    matrices = x if last else np.moveaxis(x, (rows, columns), (-2, -1))
    u, s, vh = np.linalg.svd(matrices, full_matrices=False)
    if ord == "nuc":  # the sum of the singular values
        share = s > 0
    elif ord == 2:
        share = shared(1.0, s == np.max(s, axis=-1, keepdims=True), -1)
    else:
        share = shared(1.0, s == np.min(s, axis=-1, keepdims=True), -1)
    slope = (u * share[..., None, :]) @ vh
    return slope if last else np.moveaxis(slope, (-2, -1), (rows, columns))


@jvp_rule(np.linalg.norm)
def norm_jvp(x_dot, out, x, ord=None, axis=None, keepdims=False):
    """out = the length of x; 0 where x is zero"""
    matrix = np.ndim(x) == 2 if axis is None else isinstance(axis, tuple) and len(axis) == 2
    if ord is None or ord == "fro" or ord == 2 and not matrix:
        total = np.sum(real_product(x, x_dot), axis=axis, keepdims=keepdims)
        return total / np.where(out == 0, 1, out)
    slope = norm_vjp(np.ones_like(out), out, x, ord, axis, keepdims)
    if slope is None:
        return None
    return np.sum(real_product(slope, x_dot), axis=axis, keepdims=keepdims)


@vjp_rule(
    np.trace,
    at=[
        spread(3, 3),
        (spread(2, 3), 1),
        (spread(3, 2), -1),
        (spread(2, 3, 3), 0, 1, 2),
        sample(spread(3, 2, 4), axis1=0, axis2=-1),
    ],
    linear=True,
)
def trace_vjp(d_out, out, a, offset=0, axis1=0, axis2=1, dtype=None):
    """out = the sum of a diagonal"""
    if np.ndim(a) == 2:
        return d_out * np.eye(np.shape(a)[0], np.shape(a)[1], offset)
    identity = np.eye(np.shape(a)[axis1], np.shape(a)[axis2], offset)
    return np.moveaxis(d_out[..., None, None] * identity, (-2, -1), (axis1, axis2))


# Determinants, inverses, factors

REGULAR = spread(3, 3) + 3 * np.eye(3)
STACKED = spread(2, 3, 3) + 3 * np.eye(3)
SYMMETRIC = REGULAR + REGULAR.T + np.eye(3)


@vjp_rule(
    np.linalg.det,
    at=[REGULAR, STACKED, np.array([[1.0, 2.0], [2.0, 4.0]]), np.diag([2.0, 3.0, 0.0, 0.0])],
)
def det_vjp(d_out, out, a):
    """out = the determinant; also where it is zero"""
    if np.ndim(a) == 2:
        return d_out * cofactors(a)
    return d_out[..., None, None] * cofactors(a)


@vjp_rule(cofactors, at=[REGULAR, STACKED])
def cofactors_vjp(d_out, out, a):
    """out = det(a) * inv(a).T"""
    inverse_t = np.linalg.inv(matrix_transpose(a))
    along = np.sum(d_out * inverse_t, axis=(-2, -1), keepdims=True) * out
    return along - out @ matrix_transpose(d_out) @ inverse_t


@vjp_rule(
    np.linalg.slogdet,
    at=[REGULAR, STACKED, -REGULAR, REGULAR + 0.3j * spread(3, 3)],
    analytic=False,
)
def slogdet_vjp(d_out, out, a):
    """sign, logabsdet = out"""
    inverse_t = np.linalg.inv(matrix_transpose(a))
    if np.iscomplexobj(a):  # the sign turns with the imaginary part of log(det(a))
        turn = d_out[1] + 1j * np.imag(np.conj(out[0]) * d_out[0])
        turn = turn if np.ndim(a) == 2 else turn[..., None, None]
        return turn * np.conj(inverse_t)
    if np.ndim(a) == 2:
        return d_out[1] * inverse_t
    return d_out[1][..., None, None] * inverse_t


@vjp_rule(np.linalg.inv, at=[REGULAR, STACKED])
def inv_vjp(d_out, out, a):
    """out @ a = identity"""
    return -matrix_transpose(out) @ d_out @ matrix_transpose(out)


@jvp_rule(np.linalg.inv)
def inv_jvp(a_dot, out, a):
    """out @ a = identity"""
    return -out @ a_dot @ out


@vjp_rule(
    np.linalg.solve,
    at=[
        (REGULAR, spread(3)),
        (REGULAR, spread(3, 2)),
        (STACKED, spread(2, 3, 2)),
        (STACKED, spread(3)),
        (STACKED, spread(3, 2)),
    ],
    linear="b",
)
def solve_vjp(d_out, out, a, b):
    """a @ out = b"""
    if np.ndim(b) > 1:
        d_b = np.linalg.solve(matrix_transpose(a), d_out)
        return -d_b @ matrix_transpose(out), d_b
    if np.ndim(a) == 2:
        d_b = np.linalg.solve(a.T, d_out)
        return -np.outer(d_b, out), d_b
    d_b = np.linalg.solve(matrix_transpose(a), d_out[..., None])
    return -d_b * out[..., None, :], d_b[..., 0]


@jvp_rule(np.linalg.solve)
def solve_jvp(a_dot, b_dot, out, a, b):
    """a @ out = b"""
    if np.ndim(b) > 1 or np.ndim(a) == 2:
        return np.linalg.solve(a, b_dot - a_dot @ out)
    rest = b_dot - (a_dot @ out[..., None])[..., 0]
    return np.linalg.solve(a, rest[..., None])[..., 0]


@vjp_rule(
    np.linalg.cholesky,
    at=[SYMMETRIC, np.stack((SYMMETRIC, 2 * SYMMETRIC)), SYMMETRIC + np.array(
        [[0, -0.2j, 0.1j], [0.2j, 0, 0], [-0.1j, 0, 0]]), sample(SYMMETRIC, upper=True)],
    analytic=False,
)  # fmt: skip
def cholesky_vjp(d_out, out, a, *, upper=False):
    """out @ out.T = a, or out.T @ out; NumPy reads the triangle that the result has"""
    if upper:
        return hermitian_transpose(
            lower_cholesky_slope(hermitian_transpose(d_out), hermitian_transpose(out))
        )
    return lower_cholesky_slope(d_out, out)


def lower_cholesky_slope(d_out, out):
    """The gradient of the matrix of which `out` is the lower factor."""
    upper = hermitian_transpose(out)
    inner = half_lower(upper @ d_out)
    half = hermitian_transpose(np.linalg.solve(upper, hermitian_transpose(inner)))
    half = np.linalg.solve(upper, half)
    return half_lower(half + hermitian_transpose(half))


def hermitian_transpose(x):
    """The conjugate transpose of a matrix or of a stack of them."""
    return matrix_transpose(np.conj(x))


nondifferentiable(np.linalg.matrix_rank, fullest_last, rows_in_order)
