"""Rules of matrix decompositions, and of stacks of them.

    w, v = np.linalg.eigh(a)    →    d_a = v @ (diag(d_w) + f * (v.T @ d_v)) @ v.T

Where eigenvalues or singular values are equal, the terms that would divide by their difference are
zero: what depends on the space that they span is right, single vectors have no derivative there.
Of complex matrices vectors are known but for a phase: what does not depend on it has a derivative.

M. B. Giles, "An extended list of matrix derivative results for forward and reverse mode algorithmic
differentiation", 2008; Z.-Q. Wan, S.-X. Zhang, "Automatic differentiation for complex valued SVD",
2019.
"""

# mypy: no-check-untyped-defs

import numpy as np

from srcdiff.runtime.errors import NoRuleError
from srcdiff.runtime.kernels import half_lower, matrix_transpose
from srcdiff.runtime.registry import jvp_rule, sample, spread, vjp_rule

SYMMETRIC = np.array([[2.0, 0.3, -0.4], [0.3, 1.0, 0.5], [-0.4, 0.5, 3.0]])
REGULAR = np.array([[2.0, 0.3, -0.4], [0.7, 1.0, 0.5], [-0.2, 0.6, 3.0]])
TALL = np.array([[2.0, 0.3], [0.7, 1.0], [-0.2, 0.6]])


def refuse_complex(a, name):
    if np.iscomplexobj(a):
        raise NoRuleError(f"{name} of complex matrices", instead="Use real ones.")


def inverse_differences(w):
    """1 / (w[j] - w[i]), and 0 where they are equal."""
    gap = w[..., None, :] - w[..., :, None]
    near = np.abs(gap) <= 1e-14 * (np.abs(w[..., None, :]) + np.abs(w[..., :, None]))
    return np.where(near, 0, 1 / np.where(near, 1, gap))


def hermitian_transpose(x):
    """The transpose of a matrix, or of each of a stack, with the conjugates of complex numbers."""
    return np.conj(matrix_transpose(x)) if np.iscomplexobj(x) else matrix_transpose(x)


def read_triangle(d, uplo):
    """The gradient of a symmetric matrix, with respect to the triangle of it that is read."""
    lower = half_lower(d + hermitian_transpose(d))
    return lower if uplo == "L" else hermitian_transpose(lower)


@vjp_rule(
    np.linalg.eigh,
    at=[SYMMETRIC, (SYMMETRIC, "U"), np.stack((SYMMETRIC, 2 * SYMMETRIC))[None]],
    analytic=False,
)
def eigh_vjp(d_out, out, a, UPLO="L"):  # noqa: N803
    """a @ v = v * w, of which NumPy reads a triangle"""
    d_w, d_v = d_out
    w, v = out
    vh = hermitian_transpose(v)
    inner = inverse_differences(w) * (vh @ d_v)
    inner = inner + d_w[..., None, :] * np.eye(np.shape(w)[-1])
    return read_triangle(v @ inner @ vh, UPLO)


@vjp_rule(
    np.linalg.eigvalsh,
    at=[SYMMETRIC, (SYMMETRIC, "U"), np.stack((SYMMETRIC, 2 * SYMMETRIC))],
    analytic=False,
)
def eigvalsh_vjp(d_out, out, a, UPLO="L"):  # noqa: N803
    """out = the eigenvalues of a symmetric matrix, of which NumPy reads a triangle"""
    _, v = np.linalg.eigh(a, UPLO)
    return read_triangle((v * d_out[..., None, :]) @ hermitian_transpose(v), UPLO)


def spectral_slope(inner, v, a):
    """The gradient of a = v @ x @ inv(v), from that of x where it is diagonal."""
    vh = adjoint_of(v, a)
    d_a = np.linalg.solve(vh, inner @ vh)
    return d_a if np.iscomplexobj(a) else np.real(d_a)


def adjoint_of(v, a):
    """The conjugate transpose of what is a matrix, or a stack of them, as a is."""
    return np.transpose(np.conj(v)) if np.ndim(a) == 2 else np.swapaxes(np.conj(v), -1, -2)


# A matrix with two real eigenvalues and one with a pair of complex ones.
UNLIKE = np.array([[2.0, 0.3, -0.4], [0.7, -1.0, 0.5], [-0.2, 0.6, 0.4]])
CYCLED = np.diag([1.0, -2.0, 3.0]) + 0.1 * np.ones((3, 3))
# The largest element of its vectors is negative.
NEGATIVE = np.array([[1.3, -0.1, -1.1], [1.2, 1.7, -0.9], [0.2, -0.2, 1.7]])
TURNING = np.array([[1.0, 2.0, 0.1], [-1.5, 0.8, 0.3], [0.2, -0.1, -5.5]])


@vjp_rule(
    np.linalg.eigvals, at=[UNLIKE, TURNING, np.stack((UNLIKE, 2 * UNLIKE))[None]], analytic=False
)
def eigvals_vjp(d_out, out, a):
    """out = the eigenvalues of a matrix"""
    _, v = np.linalg.eig(a)
    return spectral_slope(d_out[..., :, None] * np.eye(np.shape(out)[-1]), v, a)


@vjp_rule(
    np.linalg.eig,
    at=[UNLIKE, TURNING, NEGATIVE, np.stack((UNLIKE, 2 * UNLIKE))[None], TURNING - 0.8j * UNLIKE],
    analytic=False,
)
def eig_vjp(d_out, out, a):
    """a @ v = v * w; each v has length one, and its largest element is real"""
    d_w, d_v = d_out
    w, v = out
    vh = adjoint_of(v, a)
    identity = np.eye(np.shape(w)[-1])
    along = np.sum(np.conj(v) * d_v, axis=-2, keepdims=True)
    row = np.argmax(np.abs(v), axis=-2, keepdims=True)
    largest = np.arange(np.shape(w)[-1])[:, None] == row
    turned = np.where(largest, 1j * np.imag(along) / np.where(largest, v, 1), 0)
    d_v = d_v - v * np.real(along) - turned
    gap = w[..., None, :] - w[..., :, None]
    near = np.abs(gap) <= 1e-14 * (np.abs(w[..., None, :]) + np.abs(w[..., :, None]))
    inner = np.where(near, 0, (vh @ d_v) / np.conj(np.where(near, 1, gap)))
    return spectral_slope(inner + d_w[..., :, None] * identity, v, a)


@jvp_rule(np.linalg.eigvals)
def eigvals_jvp(a_dot, out, a):
    """out = the eigenvalues of a matrix"""
    _, v = np.linalg.eig(a)
    return np.diagonal(np.linalg.solve(v, a_dot @ v), axis1=-2, axis2=-1)


@jvp_rule(np.linalg.eig)
def eig_jvp(a_dot, out, a):
    """a @ v = v * w; each v has length one, and its largest element is real"""
    w, v = out
    moved = np.linalg.solve(v, a_dot @ v)
    gap = w[..., None, :] - w[..., :, None]
    near = np.abs(gap) <= 1e-14 * (np.abs(w[..., None, :]) + np.abs(w[..., :, None]))
    v_dot = v @ np.where(near, 0, moved / np.where(near, 1, gap))
    along = np.sum(np.conj(v) * v_dot, axis=-2, keepdims=True)
    row = np.argmax(np.abs(v), axis=-2, keepdims=True)
    turned = np.imag(np.take_along_axis(v_dot, row, -2)) / np.take_along_axis(v, row, -2)
    v_dot = v_dot - v * (np.real(along) + 1j * np.real(turned))
    v_dot = v_dot if np.iscomplexobj(v) else np.real(v_dot)
    return np.diagonal(moved, axis1=-2, axis2=-1), v_dot


@vjp_rule(np.roots, at=[np.array([1.5, -2.0, -3.0, 0.7]), np.array([1.0, 0.4, 2.0])])
def roots_vjp(d_out, out, p):
    """out = where the polynomial with these coefficients is zero"""
    powers = np.vander(out, np.size(p))
    slope = powers[:, 1:] @ (p[:-1] * np.arange(np.size(p) - 1, 0, -1))
    d_p = -(d_out / slope) @ powers
    return d_p if np.iscomplexobj(p) else np.real(d_p)


@jvp_rule(np.roots)
def roots_jvp(p_dot, out, p):
    """out = where the polynomial with these coefficients is zero"""
    powers = np.vander(out, np.size(p))
    slope = powers[:, 1:] @ (p[:-1] * np.arange(np.size(p) - 1, 0, -1))
    return -(powers @ p_dot) / slope


def unless_used(d):
    """0, and nan if something has used what has no derivative: a basis of a null space."""
    return np.sum(np.where(d == 0, 0.0, np.nan))


@vjp_rule(
    np.linalg.svd,
    at=[
        REGULAR,
        (TALL, False),
        (TALL.T, False),
        sample(TALL, compute_uv=False),
        sample(REGULAR, hermitian=True),
        sample(REGULAR, compute_uv=False, hermitian=True),
        sample(UNLIKE, hermitian=True),
        sample(-3 * UNLIKE, compute_uv=False, hermitian=True),
        sample(CYCLED, compute_uv=False, hermitian=True),
        sample(np.stack((REGULAR, 2 * REGULAR)), full_matrices=False),
    ],
    analytic=False,
)
def svd_vjp(d_out, out, a, full_matrices=True, compute_uv=True, hermitian=False):
    """a = (u * s) @ vh"""
    if hermitian:  # NumPy reads the lower triangle
        if compute_uv:
            return read_triangle(svd_slope(d_out, out, a, full_matrices), "L")
        w, v = np.linalg.eigh(a)
        order = np.argsort(-np.abs(w), axis=-1, kind="stable")
        d_w = np.take_along_axis(d_out, np.argsort(order, axis=-1, kind="stable"), -1) * np.sign(w)
        return read_triangle((v * d_w[..., None, :]) @ hermitian_transpose(v), "L")
    if not compute_uv:
        u, _, vh = np.linalg.svd(a, full_matrices=False)
        return (u * d_out[..., None, :]) @ vh
    return svd_slope(d_out, out, a, full_matrices)


def svd_slope(d_out, out, a, full_matrices):
    """The gradient of a, of which the singular vectors are known too"""
    k = min(np.shape(a)[-2:])
    d_u, d_s, d_vh = d_out[0][..., :k], d_out[1], d_out[2][..., :k, :]
    u, s, vh = out[0][..., :k], out[1], out[2][..., :k, :]
    v = hermitian_transpose(vh)
    gaps = inverse_differences(s * s)
    left = hermitian_transpose(u) @ d_u
    right = vh @ hermitian_transpose(d_vh)
    inner = gaps * (left - hermitian_transpose(left)) * s[..., None, :]
    inner = inner + s[..., :, None] * gaps * (right - hermitian_transpose(right))
    inner = inner + d_s[..., None, :] * np.eye(k)
    if np.iscomplexobj(a):  # how the phases of u and v move against each other
        inner = inner + 0.5j * np.imag(left - right) / s[..., None, :] * np.eye(k)
    d_a = u @ inner @ vh
    # What lies outside of the span of u or v: of a square matrix nothing, whatever its rank.
    if np.shape(a)[-2] > k:
        rest = d_u - u @ left
        d_a = d_a + (rest / s[..., None, :]) @ vh
    if np.shape(a)[-1] > k:
        rest = d_vh - hermitian_transpose(v @ right)
        d_a = d_a + (u / s[..., None, :]) @ rest
    if full_matrices:
        d_a = d_a + unless_used(d_out[0][..., k:]) + unless_used(d_out[2][..., k:, :])
    return d_a


@vjp_rule(
    np.linalg.qr,
    at=[
        REGULAR,
        TALL,
        TALL.T,
        (TALL, "reduced"),
        (TALL, "r"),
        (TALL.T, "r"),
        (REGULAR, "complete"),
        (TALL.T, "complete"),
        (np.stack((TALL.T, 2 * TALL.T)), "reduced"),
        (spread(2, 5), "reduced"),
    ],
)
def qr_vjp(d_out, out, a, mode="reduced"):
    """a = q @ r"""
    refuse_complex(a, "np.linalg.qr")
    rows, columns = np.shape(a)[-2:]
    if mode == "r":
        q, r = np.linalg.qr(a)
        d_q, d_r = np.zeros_like(q), d_out
    elif mode == "reduced" or mode == "complete" and rows <= columns:
        d_q, d_r = d_out
        q, r = out
    else:
        raise NoRuleError(f"np.linalg.qr with mode={mode!r}", instead='Use mode="reduced".')
    if rows >= columns:
        return qr_slope(d_q, d_r, q, r)
    # q is that of the first columns; the others are q @ r.
    rest, d_rest = a[..., rows:], d_r[..., rows:]
    d_q = d_q + rest @ matrix_transpose(d_rest)
    d_first = qr_slope(d_q, d_r[..., :rows], q, r[..., :rows])
    return np.concatenate((d_first, q @ d_rest), axis=-1)


def qr_slope(d_q, d_r, q, r):
    """The gradient of q @ r with at least as many rows as columns."""
    m = r @ matrix_transpose(d_r) - matrix_transpose(d_q) @ q
    rest = d_q + q @ (np.tril(m, -1) + matrix_transpose(np.tril(m)))
    return matrix_transpose(np.linalg.solve(r, matrix_transpose(rest)))


def pinv_slope(d, p, a):
    """The gradient of a, from the gradient d of its pseudoinverse p; the rank does not change."""
    p_t, d_t = hermitian_transpose(p), hermitian_transpose(d)
    rows, columns = np.eye(np.shape(a)[-2]), np.eye(np.shape(a)[-1])
    d_a = -p_t @ d @ p_t + (rows - a @ p) @ d_t @ p @ p_t
    return d_a + p_t @ p @ d_t @ (columns - p @ a)


def cut_pinv_slope(d, p, a, tolerance):
    """`pinv_slope` where singular values that are not zero are cut off, if there is a tolerance.

    The vectors that belong to those turn into the ones that are kept, and the other way round, as
    if they belonged to zeros, but for a factor.
    """
    if tolerance is None:
        return pinv_slope(d, p, a)
    u, s, vh = np.linalg.svd(a, full_matrices=False)
    u_t, v = hermitian_transpose(u), hermitian_transpose(vh)
    kept = s * np.real(np.sum(matrix_transpose(vh @ p) * u, axis=-2)) > 0.5
    large, small = s[..., :, None], s[..., None, :]
    turns = kept[..., :, None] & ~kept[..., None, :]
    gap = np.where(turns, large * (large + small) * (large - small), 1)
    along = np.where(turns, small * small / np.where(turns, large, 1), 0) / gap
    across = np.where(turns, small, 0) / gap
    c = u_t @ hermitian_transpose(d) @ v
    c = (along + matrix_transpose(along)) * c \
        + (across + matrix_transpose(across)) * hermitian_transpose(c)  # fmt: skip
    return pinv_slope(d, p, a) + u @ c @ vh


CUT = np.array([[2.0, 0.3, 0.1], [0.7, 1.0, -0.4], [-0.2, 0.6, 0.5], [0.3, -0.5, 0.9]])


@vjp_rule(
    np.linalg.pinv,
    at=[
        *(REGULAR, TALL, TALL.T, np.stack((TALL, 2 * TALL))),
        *(sample(TALL, rtol=1e-9), sample(REGULAR, hermitian=True)),
        *(sample(CUT, rtol=0.5), (CUT.T, 0.5), sample(CUT + 0.3j * CUT[::-1], rcond=0.4)),
        (np.stack((CUT, CUT[::-1] + 0.1)), 0.5),
        sample(SYMMETRIC, rcond=0.7, hermitian=True),
    ],
    analytic=False,
)
def pinv_vjp(d_out, out, a, rcond=None, hermitian=False, *, rtol=None):
    """out = the pseudoinverse of a; of a symmetric matrix NumPy reads the lower triangle"""
    lower = half_lower(a) if hermitian else None
    full = lower + hermitian_transpose(lower) if hermitian else a
    d_a = cut_pinv_slope(d_out, out, full, rtol if rcond is None else rcond)
    return read_triangle(d_a, "L") if hermitian else d_a


@vjp_rule(np.linalg.lstsq, at=[(TALL, spread(3)), (TALL, spread(3, 2)), (REGULAR, spread(3), None),
                               (CUT, spread(4), 0.5), (CUT.T, spread(3, 2), 0.5)])  # fmt: skip
def lstsq_vjp(d_out, out, a, b, rcond=None):
    """out = x with the least |a @ x - b|, the squares that are left, the rank, singular values"""
    refuse_complex(a, "np.linalg.lstsq")
    d_x, d_left, _, d_s = d_out
    x, rank = out[0], out[2]
    u, s, vh = np.linalg.svd(a, full_matrices=False)
    p = (vh[:rank].T / s[:rank]) @ u[:, :rank].T
    scaled = (u * d_s) @ vh
    if np.ndim(b) == 1:
        d_p, d_b = np.outer(d_x, b), p.T @ d_x
        rest = 2 * np.sum(d_left) * (b - a @ x)
        d_a = cut_pinv_slope(d_p, p, a, rcond) - np.outer(rest, x) + scaled
        return d_a, d_b + rest
    d_p, d_b = d_x @ b.T, p.T @ d_x
    rest = 2 * (b - a @ x) * (d_left if np.size(d_left) else 0.0)
    return cut_pinv_slope(d_p, p, a, rcond) - rest @ x.T + scaled, d_b + rest
