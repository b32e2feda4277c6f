"""Rules of `scipy.linalg`, registered when SciPy is there.

    x = cho_solve((c, lower), b)    →    d_b = cho_solve((c, lower), d_x)

A factorisation that the function returns, or is given, is used again by its rule; what is read of a
matrix (a triangle, a band) is what has a gradient. `overwrite_a=` and the like change no value.
"""

# mypy: no-check-untyped-defs

import numpy as np
from scipy import linalg

from srcdiff.runtime.errors import NoRuleError
from srcdiff.runtime.kernels import (
    add_at,
    cofactors,
    fullest_last,
    half_lower,
    matrix_transpose,
    rows_in_order,
)
from srcdiff.runtime.registry import jvp_rule, nondifferentiable, sample, spread, vjp_rule
from srcdiff.runtime.rules.decompositions import SYMMETRIC as APART
from srcdiff.runtime.rules.decompositions import (
    cut_pinv_slope,
    eigh_vjp,
    eigvalsh_vjp,
    inverse_differences,
    lstsq_vjp,
    read_triangle,
    svd_vjp,
    unless_used,
)
from srcdiff.runtime.rules.linalg import hermitian_transpose

REGULAR = spread(3, 3) + 3 * np.eye(3)
STACKED = spread(2, 3, 3) + 3 * np.eye(3)
SYMMETRIC = REGULAR + REGULAR.T + np.eye(3)
POSITIVE = SYMMETRIC + np.array([[0.0, 0.3, 0.0], [0.0, 0.0, -0.2], [0.1, 0.0, 0.0]])
TALL = np.array([[2.0, 0.3], [0.7, 1.0], [-0.2, 0.6]])


def refuse_complex(name, *arrays):
    for a in arrays:
        if np.iscomplexobj(a):
            raise NoRuleError(f"scipy.linalg.{name} of complex matrices", instead="Use real ones.")


def product_with(d, x):
    """The sum of `d[i] * x[j]` over right-hand sides: what a matrix between them gets."""
    return d @ matrix_transpose(x) if np.ndim(x) > 1 else np.outer(d, x)


# Systems of equations

MIRRORED = ("pos", "positive definite", "sym", "symmetric", "her", "hermitian")


def part_read(d, assume_a, lower):
    """The gradient of a matrix, of which a part is read."""
    if assume_a in MIRRORED:
        return read_triangle(d, "L" if lower else "U")
    if assume_a == "diagonal":
        return d * np.eye(np.shape(d)[-1])
    if assume_a == "tridiagonal":
        return np.triu(np.tril(d, 1), -1)
    if assume_a == "upper triangular":
        return np.triu(d)
    if assume_a == "lower triangular":
        return np.tril(d)
    return d


def solved(a, b, assume_a, lower, transposed):
    """x with `a @ x = b`, or `a.T @ x = b`, where a has a structure."""
    if not transposed or assume_a in MIRRORED:
        return linalg.solve(a, b, lower=lower, assume_a=assume_a)
    if assume_a == "upper triangular":
        return linalg.solve(matrix_transpose(a), b, assume_a="lower triangular")
    if assume_a == "lower triangular":
        return linalg.solve(matrix_transpose(a), b, assume_a="upper triangular")
    if assume_a is None:
        return linalg.solve(matrix_transpose(a), b)
    return linalg.solve(matrix_transpose(a), b, assume_a=assume_a)


@vjp_rule(
    linalg.solve,
    at=[
        (REGULAR, spread(3)),
        (REGULAR, spread(3, 2)),
        sample(REGULAR, spread(3), transposed=True, overwrite_b=False),
        sample(SYMMETRIC, spread(3), assume_a="pos"),
        sample(SYMMETRIC, spread(3, 2), assume_a="sym", lower=True),
        sample(REGULAR, spread(3), assume_a="upper triangular"),
        sample(REGULAR, spread(3), assume_a="lower triangular", transposed=True),
        sample(REGULAR, spread(3), assume_a="diagonal"),
        sample(REGULAR, spread(3), assume_a="tridiagonal"),
        sample(REGULAR, spread(3), assume_a="general", check_finite=False),
    ],
    linear="b",
)
def solve_vjp(d_out, out, a, b, lower=False, overwrite_a=False, overwrite_b=False,
              check_finite=True, assume_a=None, transposed=False):  # fmt: skip
    """a @ out = b"""
    if np.ndim(a) != 2:
        raise NoRuleError("scipy.linalg.solve of stacks of matrices", instead="Use np.linalg.solve")
    if assume_a in MIRRORED:
        refuse_complex("solve with assume_a=", a, b)
    d_b = solved(a, d_out, assume_a, lower, not transposed)
    d_a = -product_with(out, d_b) if transposed else -product_with(d_b, out)
    return part_read(d_a, assume_a, lower), d_b


@jvp_rule(linalg.solve)
def solve_jvp(a_dot, b_dot, out, a, b, lower=False, overwrite_a=False, overwrite_b=False,
              check_finite=True, assume_a=None, transposed=False):  # fmt: skip
    """a @ out = b"""
    if assume_a in MIRRORED:
        refuse_complex("solve with assume_a=", a, b)
        low = np.tril(a_dot) if lower else np.triu(a_dot).T
        change = low + np.tril(low, -1).T
    else:
        change = part_read(a_dot, assume_a, lower)
    change = change.T if transposed else change
    return solved(a, b_dot - change @ out, assume_a, lower, transposed)


@vjp_rule(
    linalg.inv, at=[REGULAR, sample(SYMMETRIC, assume_a="pos"), sample(REGULAR, check_finite=False),
                    sample(REGULAR, assume_a="lower triangular")]
)  # fmt: skip
def inv_vjp(d_out, out, a, overwrite_a=False, check_finite=True, *, assume_a=None, lower=False):
    """out @ a = identity"""
    if assume_a in MIRRORED:
        refuse_complex("inv with assume_a=", a)
    d_a = -matrix_transpose(out) @ d_out @ matrix_transpose(out)
    return part_read(d_a, assume_a, lower)


@vjp_rule(linalg.det, at=[REGULAR, STACKED, np.diag([2.0, 3.0, 0.0, 0.0])])
def det_vjp(d_out, out, a, overwrite_a=False, check_finite=True):
    """out = the determinant; also where it is zero"""
    if np.ndim(a) == 2:
        return d_out * cofactors(a)
    return d_out[..., None, None] * cofactors(a)


@vjp_rule(
    linalg.solve_triangular,
    at=[
        (REGULAR, spread(3)),
        (REGULAR, spread(3, 2), 1),
        sample(REGULAR, spread(3), lower=True),
        sample(REGULAR, spread(3, 2), "T", lower=True, unit_diagonal=True),
        sample(REGULAR, spread(3), 0, False, True, check_finite=False),
    ],
    linear="b",
)
def solve_triangular_vjp(d_out, out, a, b, trans=0, lower=False, unit_diagonal=False,
                         overwrite_b=False, check_finite=True):  # fmt: skip
    """a @ out = b, where a is a triangle"""
    if np.ndim(a) != 2:
        raise NoRuleError("scipy.linalg.solve_triangular of stacks of matrices",
                          instead="Take them one by one.")  # fmt: skip
    if trans in (2, "C"):
        refuse_complex("solve_triangular with trans=2", a, b)
    d_b = linalg.solve_triangular(a, d_out, trans=1 if trans in (0, "N") else 0, lower=lower,
                                  unit_diagonal=unit_diagonal)  # fmt: skip
    d_a = -product_with(d_b, out) if trans in (0, "N") else -product_with(out, d_b)
    diagonal = 1 if unit_diagonal else 0
    return np.tril(d_a, -diagonal) if lower else np.triu(d_a, diagonal), d_b


def band_rows(ab, above):
    """The row of the matrix for each place of its diagonals, and whether there is one."""
    i = np.arange(np.shape(ab)[1]) + (np.arange(np.shape(ab)[0]) - above)[:, None]
    inside = (i >= 0) & (i < np.shape(ab)[1])
    return np.where(inside, i, 0), inside


def band_transposed(ab, above):
    """The diagonals of the transposed matrix."""
    i, inside = band_rows(ab, np.shape(ab)[0] - 1 - above)
    opposite = np.arange(np.shape(ab)[0])[::-1, None]
    return np.where(inside, ab[opposite, i], 0)


BANDED = spread(4, 5) + np.array([[0.0], [0.0], [6.0], [0.0]])


@vjp_rule(
    linalg.solve_banded,
    at=[
        ((1, 2), BANDED, spread(5)),
        ((1, 2), BANDED, spread(5, 2)),
        sample((2, 0), BANDED[:3] + np.array([[6.0], [0.0], [-5.0]]), spread(5)),
        ((0, 0), BANDED[2:3], spread(5)),
    ],
    linear="b",
)
def solve_banded_vjp(d_out, out, l_and_u, ab, b, overwrite_ab=False, overwrite_b=False,
                     check_finite=True):  # fmt: skip
    """a @ out = b, where ab has the diagonals of a"""
    below, above = l_and_u
    d_b = linalg.solve_banded((above, below), band_transposed(ab, above), d_out)
    i, inside = band_rows(ab, above)
    d_ab = -d_b[i] * out if np.ndim(out) == 1 else -np.sum(d_b[i] * out, axis=-1)
    return None, np.where(inside, d_ab, 0), d_b


# Factors


def cholesky_slope(d_low, low):
    """The lower triangle of the gradient of a, from that of `low`: low @ low.T = a. Above the
    diagonal `d_low` is not read."""
    upper = hermitian_transpose(low)
    half = linalg.solve_triangular(upper, half_lower(upper @ d_low))
    half = hermitian_transpose(linalg.solve_triangular(upper, hermitian_transpose(half)))
    return half_lower(half + hermitian_transpose(half))


@vjp_rule(
    linalg.cholesky,
    at=[SYMMETRIC, (SYMMETRIC, True), sample(SYMMETRIC, lower=True, check_finite=False)],
    analytic=False,
)
def cholesky_vjp(d_out, out, a, lower=False, overwrite_a=False, check_finite=True):
    """out @ out.T = a, or out.T @ out = a, of which a triangle is read"""
    if np.ndim(a) != 2:
        raise NoRuleError("scipy.linalg.cholesky of stacks", instead="Use np.linalg.cholesky.")
    if lower:
        return cholesky_slope(d_out, out)
    return hermitian_transpose(
        cholesky_slope(hermitian_transpose(d_out), hermitian_transpose(out))
    )


@vjp_rule(linalg.cho_factor, at=[SYMMETRIC, (SYMMETRIC, True), sample(SYMMETRIC, lower=True)])
def cho_factor_vjp(d_out, out, a, lower=False, overwrite_a=False, check_finite=True):
    """c, lower = out: a triangle of c is the factor, the other is that of a"""
    refuse_complex("cho_factor", a)
    refuse_uneven("cho_factor", a)
    c, d_c = out[0], d_out[0]
    if lower:
        return cholesky_slope(d_c, np.tril(c)) + np.triu(d_c, 1)
    return cholesky_slope(d_c.T, np.triu(c).T).T + np.tril(d_c, -1)


@vjp_rule(
    linalg.cho_solve,
    at=[
        ((REGULAR, False), spread(3)),
        ((np.tril(REGULAR), True), spread(3, 2)),
        sample((REGULAR, True), spread(3), check_finite=False),
    ],
    linear="b",
)
def cho_solve_vjp(d_out, out, c_and_lower, b, overwrite_b=False, check_finite=True):
    """a @ out = b, where the triangle c is the factor of a"""
    c, lower = c_and_lower
    refuse_complex("cho_solve", c, b)
    d_b = linalg.cho_solve((c, lower), d_out)
    d_a = -product_with(d_b, out)
    both = d_a + d_a.T
    d_c = np.tril(both @ np.tril(c)) if lower else np.triu(np.triu(c) @ both)
    return (d_c, None), d_b


def lu_slope(d_low, d_up, low, up):
    """The gradient of low @ up, square factors, of which the first has ones on its diagonal."""
    inner = np.tril(low.T @ d_low, -1) + np.triu(d_up @ up.T)
    left = linalg.solve_triangular(low, inner, trans=1, lower=True, unit_diagonal=True)
    return linalg.solve_triangular(up, left.T).T


def uneven_lu_slope(d_low, d_up, low, up):
    """`lu_slope` where one of the factors may not be square."""
    k = np.shape(up)[0]
    if np.shape(low)[0] > k:  # the rows below are of the product with the upper factor
        d_below = linalg.solve_triangular(up, d_low[k:].T).T
        d_rows = lu_slope(d_low[:k], d_up - low[k:].T @ d_below, low[:k], up)
        return np.concatenate((d_rows, d_below), axis=0)
    if np.shape(up)[1] > k:
        d_right = linalg.solve_triangular(low, d_up[:, k:], trans=1, lower=True, unit_diagonal=True)
        d_columns = lu_slope(d_low - d_right @ up[:, k:].T, d_up[:, :k], low, up[:, :k])
        return np.concatenate((d_columns, d_right), axis=1)
    return lu_slope(d_low, d_up, low, up)


def refuse_uneven(name, a):
    if np.ndim(a) != 2:
        raise NoRuleError(f"scipy.linalg.{name} of stacks of matrices",
                          instead="Take them one by one.")  # fmt: skip


@vjp_rule(linalg.lu_factor, at=[REGULAR, REGULAR[::-1], REGULAR[[1, 2, 0]],
                                sample(REGULAR, check_finite=False)])  # fmt: skip
def lu_factor_vjp(d_out, out, a, overwrite_a=False, check_finite=True):
    """lu, piv = out: both factors in one matrix, of the rows of a that piv exchanges"""
    refuse_uneven("lu_factor", a)
    lu, piv = out
    low = np.tril(lu, -1) + np.eye(np.size(piv))
    d_rows = lu_slope(d_out[0], d_out[0], low, np.triu(lu))
    return d_rows[np.argsort(rows_in_order(piv))]


@vjp_rule(
    linalg.lu_solve,
    at=[
        ((REGULAR, np.array([2, 2, 2])), spread(3)),
        ((REGULAR, np.array([1, 1, 2])), spread(3, 2), 1),
        sample((REGULAR, np.array([0, 1, 2])), spread(3, 2), trans=0, check_finite=False),
    ],
    linear="b",
)
def lu_solve_vjp(d_out, out, lu_and_piv, b, trans=0, overwrite_b=False, check_finite=True):
    """a @ out = b, or a.T @ out = b, where a is factored"""
    lu, piv = lu_and_piv
    if trans == 2:
        refuse_complex("lu_solve with trans=2", lu, b)
    d_b = linalg.lu_solve((lu, piv), d_out, trans=0 if trans else 1)
    d_a = -product_with(out, d_b) if trans else -product_with(d_b, out)
    d_rows = d_a[rows_in_order(piv)]
    low = np.tril(lu, -1) + np.eye(np.size(piv))
    d_lu = np.tril(d_rows @ np.triu(lu).T, -1) + np.triu(low.T @ d_rows)
    return (d_lu, None), d_b


@vjp_rule(linalg.lu, at=[REGULAR, sample(REGULAR[::-1], check_finite=False), (REGULAR, True),
                         REGULAR[[1, 2, 0]], (REGULAR[[1, 2, 0]], True),
                         sample(REGULAR[[1, 2, 0]], p_indices=True), TALL, TALL.T,
                         REGULAR[:2]])  # fmt: skip
def lu_vjp(d_out, out, a, permute_l=False, overwrite_a=False, check_finite=True, p_indices=False):
    """p @ l @ u = a"""
    refuse_uneven("lu", a)
    if permute_l:
        if np.shape(a)[0] != np.shape(a)[1]:
            raise NoRuleError("scipy.linalg.lu with permute_l=True of a matrix that is not square",
                              instead="Leave it out, and use p @ l.")  # fmt: skip
        d_low, d_up = d_out
        permuted, up = out
        order = fullest_last(permuted)
        return lu_slope(d_low[order], d_up, permuted[order], up)[np.argsort(order)]
    d_p, d_low, d_up = d_out
    p, low, up = out
    d_rows = uneven_lu_slope(d_low, d_up, low, up)
    return d_rows[p] if p_indices else p @ d_rows


def qr_slope(d_q, d_r, q, r):
    """The gradient of q @ r, of at least as many rows as columns."""
    m = r @ d_r.T - d_q.T @ q
    rest = d_q + q @ (np.tril(m, -1) + np.tril(m).T)
    return linalg.solve_triangular(r, rest.T).T


WIDE = np.concatenate((REGULAR, spread(3, 2)), axis=1)


@vjp_rule(
    linalg.qr,
    at=[
        REGULAR,
        WIDE,
        sample(TALL, mode="economic"),
        sample(WIDE, mode="economic", check_finite=False),
        sample(REGULAR, pivoting=True),
        sample(TALL, mode="r"),
        sample(REGULAR * np.array([0.3, 7.0, 2.0]), pivoting=True),
        sample(REGULAR * np.array([0.3, 7.0, 2.0]), mode="r", pivoting=True),
    ],
)
def qr_vjp(d_out, out, a, overwrite_a=False, lwork=None, mode="full", pivoting=False,
           check_finite=True):  # fmt: skip
    """q @ r = a, or its columns in the order of p; mode="r" gives r alone"""
    refuse_complex("qr", a)
    refuse_uneven("qr", a)
    m, n = np.shape(a)
    k = min(m, n)
    if mode == "raw":
        raise NoRuleError('scipy.linalg.qr with mode="raw"', instead='Use mode="economic".')
    if mode == "r":
        r, d_r = out[0][:k], d_out[0][:k]
        columns = a[:, out[1]] if pivoting else a
        q = linalg.solve_triangular(r[:, :k], columns[:, :k].T, trans="T").T
        d_q = np.zeros_like(q)
        spare = 0.0
    else:
        q, r = out[0][:, :k], out[1][:k]
        d_q, d_r = d_out[0][:, :k], d_out[1][:k]
        spare = unless_used(d_out[0][:, k:])
    if m < n:  # r = q.T @ a beyond the square part
        beyond = d_r[:, k:]
        columns = q @ r[:, k:]
        d_first = qr_slope(d_q + columns @ beyond.T, d_r[:, :k], q, r[:, :k])
        d_a = np.concatenate((d_first, q @ beyond), axis=1)
    else:
        d_a = qr_slope(d_q, d_r, q, r)
    d_a = d_a + spare
    return d_a[:, np.argsort(out[-1])] if pivoting else d_a


@vjp_rule(
    linalg.svd,
    at=[
        REGULAR,
        (TALL, False),
        sample(TALL.T, compute_uv=False),
        sample(TALL, False, lapack_driver="gesvd"),
    ],
    analytic=False,
)
def svd_of_scipy_vjp(d_out, out, a, full_matrices=True, compute_uv=True, overwrite_a=False,
                     check_finite=True, lapack_driver="gesdd"):  # fmt: skip
    """a = (u * s) @ vh"""
    return svd_vjp(d_out, out, a, full_matrices, compute_uv)


@vjp_rule(
    linalg.svdvals, at=[REGULAR, TALL, sample(TALL.T, check_finite=False)], analytic=False
)
def svdvals_vjp(d_out, out, a, overwrite_a=False, check_finite=True):
    """out = the singular values"""
    return svd_vjp(d_out, out, a, False, False)


def refuse_subset(name, b, by_index, by_value):
    if b is not None:
        raise NoRuleError(f"scipy.linalg.{name} of two matrices",
                          instead="Solve with the Cholesky factor of b first.")  # fmt: skip
    if by_index is not None or by_value is not None:
        raise NoRuleError(f"scipy.linalg.{name} of a subset", instead="Take it of the result.")


@vjp_rule(
    linalg.eigh,
    at=[sample(APART, driver="ev"), sample(APART, lower=False, driver="ev", check_finite=False),
        sample(APART, eigvals_only=True)],
    analytic=False,
)  # fmt: skip
def eigh_of_scipy_vjp(d_out, out, a, b=None, *, lower=True, eigvals_only=False, overwrite_a=False,
                      overwrite_b=False, type=1, check_finite=True, subset_by_index=None,  # noqa: A002
                      subset_by_value=None, driver=None):  # fmt: skip
    """a @ v = v * w, of which a triangle is read"""
    refuse_subset("eigh", b, subset_by_index, subset_by_value)
    if eigvals_only:
        return eigvalsh_vjp(d_out, out, a, "L" if lower else "U")
    return eigh_vjp(d_out, out, a, "L" if lower else "U")


@vjp_rule(
    linalg.eigvalsh, at=[SYMMETRIC, sample(SYMMETRIC, lower=False)], analytic=False
)
def eigvalsh_of_scipy_vjp(d_out, out, a, b=None, *, lower=True, overwrite_a=False,
                          overwrite_b=False, type=1, check_finite=True, subset_by_index=None,  # noqa: A002
                          subset_by_value=None, driver=None):  # fmt: skip
    """out = the eigenvalues of a symmetric matrix, of which a triangle is read"""
    refuse_subset("eigvalsh", b, subset_by_index, subset_by_value)
    return eigvalsh_vjp(d_out, out, a, "L" if lower else "U")


@vjp_rule(linalg.lstsq, at=[(TALL, spread(3)), (TALL, spread(3, 2)), (REGULAR, spread(3), None),
                            (TALL, spread(3), 0.7)])  # fmt: skip
def lstsq_of_scipy_vjp(d_out, out, a, b, cond=None, overwrite_a=False, overwrite_b=False,
                       check_finite=True, lapack_driver=None):  # fmt: skip
    """out = x with the least |a @ x - b|, the squares that are left, the rank, singular values"""
    if lapack_driver == "gelsy":
        raise NoRuleError('scipy.linalg.lstsq with lapack_driver="gelsy"', instead="Leave it out.")
    return lstsq_vjp(d_out, out, a, b, cond)


@vjp_rule(linalg.pinv, at=[REGULAR, TALL, TALL.T, sample(TALL, rtol=1e-9),
                        sample(TALL, return_rank=True), sample(TALL, rtol=0.7)])  # fmt: skip
def pinv_of_scipy_vjp(d_out, out, a, *, atol=None, rtol=None, return_rank=False,
                      check_finite=True):  # fmt: skip
    """out = the pseudoinverse of a"""
    refuse_complex("pinv", a)
    refuse_uneven("pinv", a)
    d, p = (d_out[0], out[0]) if return_rank else (d_out, out)
    return cut_pinv_slope(d, p, a, rtol if atol is None else atol)


@vjp_rule(linalg.polar, at=[REGULAR, (REGULAR, "left"), TALL, sample(TALL.T, side="left")])
def polar_vjp(d_out, out, a, side="right"):
    """u @ p = a, or p @ u = a"""
    refuse_complex("polar", a)
    d_u, d_p = d_out
    u, p = out
    if side == "left":  # of the transposed matrix
        return polar_slope(d_u.T, d_p.T, u.T, p).T
    return polar_slope(d_u, d_p, u, p)


def polar_slope(d_u, d_p, u, p):
    """The gradient of u @ p, of at least as many rows as columns."""
    inner = linalg.solve_sylvester(p, p, u.T @ d_u - d_p @ p)
    d_a = u @ (d_p + inner - inner.T)
    rest = d_u - u @ (u.T @ d_u)
    return d_a + linalg.solve(p, rest.T, assume_a="pos").T if np.shape(u)[0] > np.shape(u)[1] \
        else d_a  # fmt: skip


@vjp_rule(linalg.schur, at=[SYMMETRIC, POSITIVE, sample(POSITIVE, check_finite=False)])
def schur_vjp(d_out, out, a, output="real", lwork=None, overwrite_a=False, sort=None,
              check_finite=True):  # fmt: skip
    """z @ t @ z.T = a, where t is a triangle: of a matrix with real eigenvalues"""
    if output not in ("real", "r") or sort is not None:
        raise NoRuleError("scipy.linalg.schur with output= or sort=", instead="Leave them out.")
    refuse_complex("schur", a)
    d_t, d_z = d_out
    t, z = out
    d_t = np.triu(d_t)
    turn = z.T @ d_z - d_t @ t.T + t.T @ d_t
    return z @ (d_t + turned(turn - turn.T, t)) @ z.T + refuse_blocks(t)


def turned(g, t):
    """w, a triangle below the diagonal, of which w @ t.T - t.T @ w has the part g there."""
    n = np.shape(t)[0]
    w = np.zeros_like(t)
    gaps = inverse_differences(np.diagonal(t))
    for apart in range(1, n):
        for j in range(n - apart):
            i = j + apart
            known = w[i, j + 1 : i] @ t[j, j + 1 : i] - t[j + 1 : i, i] @ w[j + 1 : i, j]
            w = add_at(w, (i, j), (g[i, j] - known) * gaps[i, j])
    return w


def refuse_blocks(t):
    """0 for a triangle."""
    if np.any(np.diagonal(t, -1)):
        raise NoRuleError("scipy.linalg.schur of a matrix with complex eigenvalues",
                          instead="Use scipy.linalg.eig.")  # fmt: skip
    return 0.0


nondifferentiable(refuse_blocks)


# Functions of matrices


@vjp_rule(linalg.expm, at=[REGULAR / 3, STACKED / 3])
def expm_vjp(d_out, out, A):  # noqa: N803
    """out = the exponential of a matrix"""
    if np.ndim(A) == 2:
        return linalg.expm_frechet(A.T, d_out, compute_expm=False)
    return change_of(linalg.expm(with_change(matrix_transpose(A), d_out)))


@vjp_rule(
    linalg.expm_frechet,
    at=[(REGULAR / 3, spread(3, 3)), sample(REGULAR / 3, spread(3, 3), compute_expm=False)],
)
def expm_frechet_vjp(d_out, out, A, E, method=None, compute_expm=True,  # noqa: N803
                     check_finite=True):  # fmt: skip
    """out = expm(A) and its change for a change E of A, or the second alone"""
    d = d_out[1] if compute_expm else d_out
    zero = np.zeros_like(A)
    # The change of the change, for a change of A: a block of the same function.
    pair = np.concatenate((np.concatenate((A.T, E.T), axis=1), np.concatenate((zero, A.T), axis=1)))
    seed = np.concatenate((np.concatenate((d, zero), axis=1), np.concatenate((zero, d), axis=1)))
    d_a = change_of(linalg.expm_frechet(pair, seed, compute_expm=False))
    if compute_expm:
        d_a = d_a + linalg.expm_frechet(A.T, d_out[0], compute_expm=False)
    return d_a, linalg.expm_frechet(A.T, d, compute_expm=False)


# The change of a function f of a matrix a, for a change e of it, is a block of f([[a, e], [0, a]]).


def with_change(a, e):
    """[[a, e], [0, a]]"""
    above = np.concatenate((a, e), axis=-1)
    below = np.concatenate((np.zeros_like(a), a), axis=-1)
    return np.concatenate((above, below), axis=-2)


def change_of(whole):
    """The block of a function of that."""
    n = np.shape(whole)[-1] // 2
    return whole[..., :n, n:]


def real_logm(A):  # noqa: N803
    """`scipy.linalg.logm`, real of real matrices"""
    return as_real(linalg.logm(A), A, "logm")


def as_real(out, a, name):
    if np.iscomplexobj(out) and not np.iscomplexobj(a):
        raise NoRuleError(f"scipy.linalg.{name} of a real matrix, where that is complex",
                          instead="Give it a complex matrix.")  # fmt: skip
    return out


@vjp_rule(real_logm, linalg.logm, at=[POSITIVE])
def logm_vjp(d_out, out, A):  # noqa: N803
    """expm(out) = A"""
    return change_of(real_logm(with_change(A.T, d_out)))


@vjp_rule(linalg.sinm, at=[REGULAR / 3])
def sinm_vjp(d_out, out, A):  # noqa: N803
    """out = the sine of a matrix"""
    return change_of(linalg.sinm(with_change(A.T, d_out)))


@vjp_rule(linalg.cosm, at=[REGULAR / 3])
def cosm_vjp(d_out, out, A):  # noqa: N803
    """out = the cosine of a matrix"""
    return change_of(linalg.cosm(with_change(A.T, d_out)))


@vjp_rule(linalg.tanm, at=[REGULAR / 5])
def tanm_vjp(d_out, out, A):  # noqa: N803
    """out = the tangent of a matrix"""
    return change_of(linalg.tanm(with_change(A.T, d_out)))


@vjp_rule(linalg.sinhm, at=[REGULAR / 3])
def sinhm_vjp(d_out, out, A):  # noqa: N803
    """out = the hyperbolic sine of a matrix"""
    return change_of(linalg.sinhm(with_change(A.T, d_out)))


@vjp_rule(linalg.coshm, at=[REGULAR / 3])
def coshm_vjp(d_out, out, A):  # noqa: N803
    """out = the hyperbolic cosine of a matrix"""
    return change_of(linalg.coshm(with_change(A.T, d_out)))


@vjp_rule(linalg.tanhm, at=[REGULAR / 3])
def tanhm_vjp(d_out, out, A):  # noqa: N803
    """out = the hyperbolic tangent of a matrix"""
    return change_of(linalg.tanhm(with_change(A.T, d_out)))


@vjp_rule(linalg.sqrtm, at=[POSITIVE, -REGULAR])
def sqrtm_vjp(d_out, out, A):  # noqa: N803
    """out @ out = A"""
    return linalg.solve_sylvester(out.T, out.T, d_out)


@vjp_rule(linalg.solve_sylvester, at=[(REGULAR, TALL[:2] + 3 * np.eye(2), spread(3, 2))],
          linear="q")  # fmt: skip
def solve_sylvester_vjp(d_out, out, a, b, q):
    """a @ out + out @ b = q"""
    d_q = linalg.solve_sylvester(a.T, b.T, d_out)
    return -d_q @ out.T, -out.T @ d_q, d_q


@vjp_rule(
    linalg.solve_continuous_lyapunov, at=[(REGULAR, spread(3, 3)), (REGULAR, SYMMETRIC)], linear="q"
)
def solve_continuous_lyapunov_vjp(d_out, out, a, q):
    """a @ out + out @ a.T = q"""
    refuse_complex("solve_continuous_lyapunov", a, q)
    d_q = linalg.solve_continuous_lyapunov(a.T, d_out)
    return -d_q @ out.T - d_q.T @ out, d_q


@vjp_rule(
    linalg.solve_discrete_lyapunov,
    at=[(REGULAR / 5, spread(3, 3)), (REGULAR / 5, SYMMETRIC, "bilinear")],
    linear="q",
)
def solve_discrete_lyapunov_vjp(d_out, out, a, q, method=None):
    """a @ out @ a.T + q = out"""
    refuse_complex("solve_discrete_lyapunov", a, q)
    d_q = linalg.solve_discrete_lyapunov(a.T, d_out, method)
    return d_q @ a @ out.T + d_q.T @ a @ out, d_q


# Matrices of special form


@vjp_rule(
    linalg.block_diag,
    at=[
        (spread(2, 3), spread(1, 2)),
        (spread(3), spread(2, 2), np.float64(0.7)),
        (np.float64(0.7), spread(2, 2)),
    ],
)
def block_diag_vjp(d_out, out, *arrs):
    """out = the blocks along the diagonal"""
    found, row, column = (), 0, 0
    for a in arrs:
        m = np.shape(a)[-2] if np.ndim(a) > 1 else 1
        n = np.shape(a)[-1] if np.ndim(a) > 0 else 1
        block = d_out[..., row : row + m, column : column + n]
        found = (*found, np.reshape(block, np.shape(a)) if np.ndim(a) < 2 else block)
        row, column = row + m, column + n
    return found


def refuse_stacked(name, *vectors):
    for v in vectors:
        if v is not None and np.ndim(v) != 1:
            raise NoRuleError(f"scipy.linalg.{name} of what is no vector", instead="Use vectors.")


@vjp_rule(linalg.toeplitz, at=[(spread(3), spread(4)), (spread(3),), (spread(3), None)])
def toeplitz_vjp(d_out, out, c, r=None):
    """out[i, j] = c[i - j] or r[j - i]"""
    refuse_stacked("toeplitz", c, r)
    m, n = np.shape(out)
    if r is None:
        refuse_complex("toeplitz of one vector", c)
        apart = np.abs(np.arange(m)[:, None] - np.arange(n))
        return add_at(np.zeros(m, d_out.dtype), apart, d_out)
    place = np.arange(m)[:, None] - np.arange(n) + n - 1
    along = add_at(np.zeros(m + n - 1, d_out.dtype), place, d_out)
    d_r = np.concatenate((np.zeros(1, d_out.dtype), along[: n - 1][::-1]))
    return along[n - 1 :], d_r


@vjp_rule(linalg.hankel, at=[(spread(3), spread(4)), (spread(3),)])
def hankel_vjp(d_out, out, c, r=None):
    """out[i, j] = c[i + j] or r[i + j - len(c) + 1]"""
    refuse_stacked("hankel", c, r)
    m, n = np.shape(out)
    place = np.arange(m)[:, None] + np.arange(n)
    along = add_at(np.zeros(m + n - 1, d_out.dtype), place, d_out)
    if r is None:
        return along[:m]
    return along[:m], np.concatenate((np.zeros(1, d_out.dtype), along[m:]))


@vjp_rule(linalg.circulant, at=[spread(3)], linear=True)
def circulant_vjp(d_out, out, c):
    """out[i, j] = c[i - j]"""
    refuse_stacked("circulant", c)
    n = np.size(c)
    place = (np.arange(n)[:, None] - np.arange(n)) % n
    return add_at(np.zeros(n, d_out.dtype), place, d_out)
