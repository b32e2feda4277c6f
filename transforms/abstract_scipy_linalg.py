"""Abstract values of `scipy.linalg`: part of `abstract_scipy`.

    solve(a, b)          a: f8[n,n], b: f8[n,2]     f8[n,2]
    lu_factor(a)         a: f8[n,n]                 (f8[n,n], i4[n])

SciPy is not imported here: its functions are known by their names.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from srcdiff.transforms.abstract_core import (
    RULES,
    Unknown,
    as_array,
    broadcast,
    finish,
    kind,
    least,
    numeric,
    run,
    same_length,
    static,
    total,
    tuple_of,
)
from srcdiff.transforms.kinds import BOOL, INT, OBJECT, Kind, fresh_size, real_or_complex


def square(a: Any) -> Kind:
    a = numeric(a)
    n = same_length(*a.dims[-2:])
    return as_array(a, (*a.dims[:-2], n, n))


def options(kwargs: dict[str, Any], **more: Any) -> tuple:
    """Keywords that are no arrays, as `run` takes them."""
    return tuple(sorted((name, static(value)) for name, value in (kwargs | more).items()))


def like_matrix(op: Any, a: Any, *args: Any, **kwargs: Any) -> Kind:
    a = square(a)
    return finish(run(op, [a]), a.dims)


def sqrtm(op: Any, a: Any, *args: Any, **kwargs: Any) -> Kind:
    """Of a real matrix it is complex if the matrix has negative eigenvalues."""
    found = like_matrix(op, a)
    if found.tag != "array":
        raise Unknown
    return found._replace(dtype=real_or_complex(found.dtype))


def pair_of_matrices(op: Any, a: Any, e: Any, method: Any = None, compute_expm: Any = True,
                     **kwargs: Any) -> Kind:  # fmt: skip
    a, e = square(a), square(e)
    found = run(op, [a, e], options(kwargs, compute_expm=compute_expm))
    if static(compute_expm):
        return tuple_of(*(finish(item, a.dims) for item in found.items))
    return finish(found, a.dims)


def solution(op: Any, a: Any, b: Any, *args: Any, **kwargs: Any) -> Kind:
    a, b = square(a), numeric(b)
    found = run(op, [a, b])
    if b.rank == 1:
        return finish(found, (*a.dims[:-2], same_length(a.dims[-1], b.dims[0])))
    middle = same_length(a.dims[-1], b.dims[-2])
    return finish(found, (*broadcast(a.dims[:-2], b.dims[:-2]), middle, b.dims[-1]))


def solution_of_factors(op: Any, factors: Any, b: Any, *args: Any, **kwargs: Any) -> Kind:
    matrix = factors.items[0] if isinstance(factors, Kind) else factors[0]
    return solution(np.linalg.solve, *same_precision(matrix, b))


def solution_of_bands(op: Any, l_and_u: Any, ab: Any, b: Any, *args: Any, **kwargs: Any) -> Kind:
    ab, b = same_precision(ab, b)
    same_length(ab.dims[-1], b.dims[0])
    return finish(run(np.linalg.solve, [as_array(ab, (1, 1)), b]), b.dims)


def same_precision(a: Any, b: Any) -> tuple[Kind, Kind]:
    a, b = numeric(a), numeric(b)
    if a.dtype.kind not in "fc" or b.dtype.kind not in "fc" or 2 in (
        a.dtype.itemsize, b.dtype.itemsize
    ):  # fmt: skip
        raise Unknown
    return a, b


def det(op: Any, a: Any, *args: Any, **kwargs: Any) -> Kind:
    a = square(a)
    return finish(run(op, [a]), a.dims[:-2])


def cho_factor(op: Any, a: Any, *args: Any, **kwargs: Any) -> Kind:
    a = square(a)
    return tuple_of(finish(run(op, [a]).items[0], a.dims), BOOL)


def lu_factor(op: Any, a: Any, *args: Any, **kwargs: Any) -> Kind:
    a = numeric(a)
    matrix, exchanges = run(op, [a]).items
    return tuple_of(finish(matrix, a.dims), finish(exchanges, (least(*a.dims[-2:]),)))


def lu(op: Any, a: Any, permute_l: Any = False, overwrite_a: Any = False, check_finite: Any = True,
       p_indices: Any = False) -> Kind:  # fmt: skip
    a, permute_l, p_indices = numeric(a), static(permute_l), static(p_indices)
    m, n = a.dims[-2:]
    lead, k = a.dims[:-2], least(m, n)
    found = run(op, [a], (("p_indices", p_indices), ("permute_l", permute_l))).items
    shapes = [(*lead, m, k), (*lead, k, n)]
    if not permute_l:
        shapes = [(*lead, m) if p_indices else (*lead, m, m), *shapes]
    return tuple_of(*map(finish, found, shapes))


def qr(op: Any, a: Any, overwrite_a: Any = False, lwork: Any = None, mode: Any = "full",
       pivoting: Any = False, check_finite: Any = True) -> Kind:  # fmt: skip
    a, mode, pivoting = numeric(a), static(mode), static(pivoting)
    if mode == "raw":
        raise Unknown
    m, n = a.dims[-2:]
    lead, k = a.dims[:-2], least(m, n)
    found = run(op, [a], (("mode", mode), ("pivoting", pivoting)))
    inner = k if mode == "economic" else m
    shapes = [(*lead, m, inner), (*lead, inner, n)]
    shapes = [*(shapes[1:] if mode == "r" else shapes), *[(*lead, n)] * bool(pivoting)]
    return tuple_of(*map(finish, found.items, shapes))


def svd(op: Any, a: Any, full_matrices: Any = True, compute_uv: Any = True, *args: Any,
        **kwargs: Any) -> Kind:  # fmt: skip
    return RULES[np.linalg.svd](np.linalg.svd, *same_precision(a, a)[:1], full_matrices, compute_uv)


def svdvals(op: Any, a: Any, *args: Any, **kwargs: Any) -> Kind:
    return svd(op, a, compute_uv=False)


def eigh(op: Any, a: Any, b: Any = None, eigvals_only: Any = False, subset_by_index: Any = None,
         subset_by_value: Any = None, **kwargs: Any) -> Kind:  # fmt: skip
    if b is not None or subset_by_index is not None or subset_by_value is not None:
        return OBJECT if static(eigvals_only) else tuple_of(OBJECT, OBJECT)
    same = np.linalg.eigvalsh if static(eigvals_only) else np.linalg.eigh
    return RULES[same](same, same_precision(a, a)[0])


def eigvalsh(op: Any, a: Any, b: Any = None, **kwargs: Any) -> Kind:
    return eigh(op, a, b, eigvals_only=True, **kwargs)


def lstsq(op: Any, a: Any, b: Any, cond: Any = None, *args: Any, **kwargs: Any) -> Kind:
    a, b = same_precision(a, b)
    x, residuals, _, s = run(np.linalg.lstsq, [a, b]).items
    shapes = (*a.dims[1:], *b.dims[1:]), (fresh_size(),), (least(*a.dims),)
    first, second, last = map(finish, (x, residuals, s), shapes)
    if b.rank == 1 or static(kwargs.get("lapack_driver")) == "gelsy":
        second = OBJECT  # a number, or an empty array
    return tuple_of(first, second, INT._replace(python=None), last)


def pinv(op: Any, a: Any, *, return_rank: Any = False, **kwargs: Any) -> Kind:
    a = numeric(a)
    found = finish(run(op, [a]), (*a.dims[:-2], a.dims[-1], a.dims[-2]))
    return tuple_of(found, INT._replace(python=None)) if static(return_rank) else found


def polar(op: Any, a: Any, side: Any = "right") -> Kind:
    a = numeric(a)
    u, p = run(op, [a]).items
    n = a.dims[-1] if static(side) == "right" else a.dims[-2]
    return tuple_of(finish(u, a.dims), finish(p, (*a.dims[:-2], n, n)))


def schur(op: Any, a: Any, output: Any = "real", *args: Any, **kwargs: Any) -> Kind:
    a = square(a)
    if static(output) not in ("real", "r") or static(kwargs.get("sort")) is not None:
        raise Unknown
    return tuple_of(*(finish(item, a.dims) for item in run(op, [a]).items))


def sylvester(op: Any, a: Any, b: Any, q: Any) -> Kind:
    a, b, q = square(a), square(b), numeric(q)
    return finish(run(op, [a, b, q]), (*a.dims[:-1], b.dims[-1]))


def lyapunov(op: Any, a: Any, q: Any, method: Any = None) -> Kind:
    a, q = square(a), square(q)
    return finish(run(op, [as_array(a, (1, 1)), as_array(q, (1, 1))]), a.dims)


def block_diag(op: Any, *arrs: Any) -> Kind:
    blocks = [numeric(a) for a in arrs]
    if any(b.rank > 2 for b in blocks):
        raise Unknown
    found = run(op, blocks)
    shapes = [((1, 1) + b.dims)[-2:] for b in blocks]
    sizes = [total(tuple(column)) if column else 0 for column in zip(*shapes)]
    return finish(found, tuple(sizes))


def of_diagonals(op: Any, c: Any, r: Any = None) -> Kind:
    c = numeric(c)
    given = [c] if r is None or static_none(r) else [c, numeric(r)]
    if any(v.rank != 1 for v in given):
        raise Unknown
    return finish(run(op, given), (c.dims[0], given[-1].dims[0]))


def static_none(tree: Any) -> bool:
    return kind(tree).tag == "none"


NAMED: dict[str, Callable] = {
    **dict.fromkeys(
        "inv cholesky expm sinm cosm tanm sinhm coshm tanhm real_logm".split(),
        like_matrix,
    ),
    **dict.fromkeys(("solve", "solve_triangular"), solution),
    **dict.fromkeys(("cho_solve", "lu_solve"), solution_of_factors),
    **dict.fromkeys(("toeplitz", "circulant", "hankel"), of_diagonals),
    **dict.fromkeys(("solve_continuous_lyapunov", "solve_discrete_lyapunov"), lyapunov),
    "solve_banded": solution_of_bands, "solve_sylvester": sylvester,
    "expm_frechet": pair_of_matrices,
    **{f.__name__: f for f in (det, cho_factor, lu_factor, lu, qr, svd, svdvals, eigh, eigvalsh,
                               lstsq, pinv, polar, schur, sqrtm, block_diag)},
}  # fmt: skip
