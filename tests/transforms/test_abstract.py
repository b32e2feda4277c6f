"""Abstract values: right, or less, for every operation and many operands.

A call is made twice: with NumPy, and with `infer` on the kinds of its operands. The kind must be
that of the result, and every length that it names the actual one.
"""

import builtins
import itertools
import math
import operator
import random
import warnings
from typing import Any, NamedTuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from srcdiff.transforms import abstract
from srcdiff.transforms.abstract import (
    METHODS,
    PURE,
    NeedsStatic,
    aliasing,
    canonical,
    canonical_method,
    infer,
    is_basic_key,
    writes,
)
from srcdiff.transforms.ir import Slice, Value
from srcdiff.transforms.kinds import (
    BOOL,
    FLOAT,
    INT,
    OBJECT,
    STR,
    Kind,
    Size,
    array,
    covers,
    kind_of,
    scalar,
)

S = slice  # written as slices here, given to infer as `ir.Slice`


class D(NamedTuple):
    """A Python number whose value is not known to infer."""

    value: Any


class Either(NamedTuple):
    """A number of which is not known whether it is Python's or NumPy's."""

    value: Any


class Length(NamedTuple):
    """A length of an array, used as a number; `plus` is what was added to it."""

    of: np.ndarray
    axis: int
    plus: int = 0


def plain(tree):
    """The tree as NumPy gets it."""
    if isinstance(tree, (D, Either)):
        return tree.value
    if isinstance(tree, Length):
        return tree.of.shape[tree.axis] + tree.plus
    if type(tree) in (tuple, list):
        return type(tree)(map(plain, tree))
    if type(tree) is slice:
        return slice(plain(tree.start), plain(tree.stop), plain(tree.step))
    return tree


class Lengths:
    """What names of lengths stand for."""

    def __init__(self):
        self.of = {}
        self.names = {}

    def kinds(self, tree):
        """The tree as infer gets it."""
        if isinstance(tree, D):
            return kind_of(tree.value)
        if isinstance(tree, Either):
            return kind_of(tree.value)._replace(python=None)
        if isinstance(tree, Length):
            dim = self.kinds(tree.of).shape[tree.axis]
            return infer(operator.add, (INT._replace(size=dim), tree.plus))
        if isinstance(tree, np.ndarray):
            name = self.names.setdefault(id(tree), f"x{len(self.names)}")
            for axis, n in enumerate(tree.shape):
                self.of[f"{name}.{axis}"] = n
            return kind_of(tree, name)
        if isinstance(tree, np.generic):
            return kind_of(tree)
        if type(tree) in (tuple, list):
            return type(tree)(map(self.kinds, tree))
        if type(tree) is slice:
            return Slice(*map(self.kinds, (tree.start, tree.stop, tree.step)))
        return tree

    def check(self, dim, n):
        if isinstance(dim, int):
            assert dim == n
            return
        if abstract.abstract_shapes.proven_not_one(dim):
            assert n != 1
        if dim.base in self.of:
            assert max(self.of[dim.base] - dim.minus, 0) == n, (dim, self.of[dim.base], n)
        elif dim.minus == 0:
            assert self.of.setdefault(dim.base, n) == n
        else:
            assert self.of.setdefault(repr(dim), n) == n


def agrees(kind, result, lengths):
    """Whether `kind` is right for `result`, or says less."""
    if kind == OBJECT:
        return
    if kind.tag == "scalar":
        python = type(result) in (bool, int, float, complex)
        assert python or isinstance(result, np.generic), (kind, result)
        assert kind.python in (None, python), (kind, type(result))
        if python:
            assert kind._replace(size=None, python=True) == kind_of(result)
        else:
            assert covers(kind.dtype, result.dtype)
        if kind.size is not None and not isinstance(kind.size, int):
            lengths.check(kind.size, max(int(result), 0))
        elif kind.size is not None:
            assert kind.size == result
    elif kind.tag == "array":
        assert type(result) is np.ndarray, (kind, type(result))
        assert covers(kind.dtype, result.dtype), (kind, result.dtype)
        if kind.shape is not None:
            assert len(kind.shape) == result.ndim, (kind, result.shape)
            for dim, n in zip(kind.shape, result.shape):
                lengths.check(dim, n)
    elif kind.tag in ("tuple", "list"):
        assert isinstance(result, {"tuple": tuple, "list": list}[kind.tag])
        if kind.items is not None:
            assert len(kind.items) == len(result)
            for item, one in zip(kind.items, result):
                agrees(item, one, lengths)
    else:
        assert kind.tag in {type(None): "none", str: "str", range: "range"}[type(result)]


def run(op, args, kwargs):
    """The result, or None and an error."""
    real = operator.getitem if op == "getitem" else op
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        try:
            return real(*plain(args), **{k: plain(v) for k, v in kwargs.items()}), None
        except Exception as error:
            return None, error


def check(op, *args, lengths=None, less=False, **kwargs):
    """Compare one call; `less` says that infer may know nothing of the result."""
    lengths = lengths or Lengths()
    kinds = lengths.kinds(args)
    found = infer(op, kinds, {k: lengths.kinds(v) for k, v in kwargs.items()})
    result, error = run(op, args, kwargs)
    if error is not None:
        return None
    assert found is not None, (op, kinds, kwargs)
    assert less or found != OBJECT, (op, kinds, kwargs)
    agrees(found, result, lengths)
    shares(op, args, kwargs, kinds, lengths, result)
    return found


def shares(op, args, kwargs, kinds, lengths, result):
    """`aliasing` must be right about memory."""
    how = aliasing(op, kinds, {k: lengths.kinds(v) for k, v in kwargs.items()})
    x = args[1] if op is np.einsum else args[0] if args else None
    if type(x) is not np.ndarray:
        return
    results = [r for r in (result if type(result) in (tuple, list) else [result])
               if isinstance(r, np.ndarray)]
    if how == "fresh":
        assert not any(np.shares_memory(x, r) or x is r for r in results), (op, kinds, kwargs)
    elif how == "view" and results and x.size and results[0].size:
        assert np.shares_memory(x, results[0]), (op, kinds, kwargs)
    elif how == "self":
        assert results and results[0] is x, (op, kinds, kwargs)


RNG = np.random.default_rng(0)
DTYPES = ["f8", "f4", "i8", "i4", "u1", "?", "c16"]
SHAPES = [(), (1,), (3,), (4,), (0,), (3, 4), (1, 4), (3, 1), (0, 4), (3, 3), (2, 3, 4), (2, 1, 1)]


def make(shape, dtype="f8"):
    return np.array(RNG.random(shape) * 3 + 1).astype(dtype)


POOL = {(shape, dtype): make(shape, dtype) for shape in SHAPES for dtype in DTYPES}
FLOATS = [POOL[shape, "f8"] for shape in SHAPES]
NUMBERS = [2.5, 2, True, 1 + 2j, np.float64(2.5), np.float32(1.5), np.int64(3), np.uint8(3),
           np.bool_(True), np.complex128(1j)]  # fmt: skip
SCALARS = [*map(D, NUMBERS[:4]), *NUMBERS, *map(Either, [2.5, 2, True, 1j])]
ARRAYS = list(POOL.values())
SMALL = [POOL[(3,), dtype] for dtype in DTYPES]
SMALL += [POOL[shape, "f8"] for shape in [(), (1, 4), (3, 1)]]
SMALL += [POOL[(), dtype] for dtype in ("f4", "i8", "?")]

UFUNCS = [f for f in vars(np).values() if isinstance(f, np.ufunc) and f.signature is None]
BINARY = [
    operator.add, operator.sub, operator.mul, operator.truediv, operator.floordiv, operator.mod,
    operator.lt, operator.le, operator.eq, operator.ne, operator.gt, operator.ge,
    operator.and_, operator.or_, operator.xor, operator.lshift, operator.rshift, builtins.divmod,
]  # fmt: skip
UNARY = [
    operator.neg, operator.pos, operator.abs, operator.invert, builtins.abs, np.real, np.imag,
    np.angle, np.sinc, np.i0, np.isreal, np.iscomplex, np.fix, np.nan_to_num, np.round, np.around,
    np.isposinf, np.isneginf, np.float64, np.float32, np.int64, np.complex128, np.bool_,
    np.complex64, np.int32, np.uint8, np.float16, np.uint64,
]  # fmt: skip


@pytest.mark.parametrize("op", [f for f in [*UFUNCS, *UNARY]], ids=lambda f: f.__name__)
def test_functions_of_one_operand(op):
    lengths = Lengths()
    if getattr(op, "nin", 1) == 1:
        for x in [*ARRAYS, *SCALARS]:
            # In NumPy 2.0, np.float64 of an array of one element is a number.
            check(op, x, lengths=lengths, less=isinstance(x, Either) or op is np.float64)


@pytest.mark.parametrize("op", [f for f in [*UFUNCS, *BINARY]], ids=lambda f: f.__name__)
def test_functions_of_two_operands(op):
    if getattr(op, "nin", 2) != 2:
        return
    lengths = Lengths()
    less = op in (operator.floordiv, operator.mod, builtins.divmod)
    for x, y in itertools.product([*SMALL, *SCALARS], repeat=2):
        check(op, x, y, lengths=lengths, less=isinstance(x, Either) or isinstance(y, Either))
    for x, y in itertools.product(FLOATS, repeat=2):
        check(op, x, y, lengths=lengths)


@pytest.mark.parametrize("op", [operator.pow, builtins.pow, np.power, np.float_power])
def test_powers(op):
    lengths = Lengths()
    exponents = [2, 2.0, -1, 0.5, 0, 3, 1j, True, *SCALARS, *SMALL, D(-1), D(-2.5), -0.5]
    for x, y in itertools.product([*SMALL, *SCALARS, D(-2), D(-1.5), 2, 2.0, -3], exponents):
        check(op, x, y, lengths=lengths, less=True)
    for x, y in itertools.product([make((3,)), D(2.5), np.float32(2)], [2, 3, -1, 2.0]):
        check(op, x, y, lengths=lengths)


def test_what_python_numbers_give_when_a_sign_decides():
    assert infer(operator.pow, (FLOAT, 0.5)) == OBJECT  # complex for a negative base
    assert infer(operator.pow, (INT, INT)) == OBJECT
    assert infer(operator.pow, (INT, 2)) == INT
    assert infer(operator.pow, (INT, -2)) == FLOAT
    assert infer(operator.pow, (2.0, FLOAT)) == FLOAT
    assert infer(operator.pow, (scalar("f8", None), 2)) == scalar("f8", None)


REDUCE = """sum prod mean max min amax amin any all std var argmax argmin ptp count_nonzero median
    nansum nanprod nanmax nanmin nanmean nanstd nanvar nanargmax nanargmin nanmedian
    average""".split()


@pytest.mark.parametrize("name", REDUCE)
def test_reductions(name):
    op, lengths = getattr(np, name), Lengths()
    for x in [*ARRAYS, *SCALARS, [D(1.0), 2], [[1, D(2)], [3.0, 4]]]:
        check(op, x, lengths=lengths)
        check(op, x, axis=None, lengths=lengths)
        rank = np.ndim(plain(x))
        for axis in [*range(-rank, rank), *itertools.combinations(range(rank), 2), ()]:
            check(op, x, axis, lengths=lengths)
            check(op, x, axis=axis, keepdims=True, lengths=lengths)
        check(op, x, keepdims=True, lengths=lengths)
        check(op, x, axis=-1, dtype=np.float32, lengths=lengths)
        check(op, x, ddof=1, lengths=lengths)
    x = make((3, 4))
    check(op, x, 0, np.float32) if name in ("sum", "prod", "mean") else None
    check(op, x, initial=1.5)
    check(op, make((3, 4), "i8"), initial=1.5)
    check(op, x, 0, where=x > 2, initial=0.0)
    check(op, x, 0, where=np.array([True, False, True, True]), initial=0.0, less=True)
    check(op, x, 0, out=np.zeros(4))
    check(op, x, 0, out=np.zeros(4, "f4"))


def test_reductions_of_arrays_of_unknown_rank():
    x = Kind("array", np.dtype("f4"))
    assert infer(np.sum, (x,)) == infer(np.linalg.norm, (x,)) == scalar("f4")
    assert infer(np.sum, (x, 0)) == OBJECT


@pytest.mark.parametrize("name", ["cumsum", "cumprod", "sort", "argsort", "quantile",
                                  "trapezoid", "nancumsum", "percentile", "nanquantile",
                                  "partition", "argpartition"])  # fmt: skip
def test_what_goes_along_an_axis(name):
    op, lengths = getattr(np, name), Lengths()
    for x in [*ARRAYS, 2.5, D(2)]:
        more = (0.5,) if "quantile" in name or name == "percentile" else ()
        more = (0,) if "partition" in name else more
        less = "quantile" in name and np.asarray(plain(x)).dtype == bool
        check(op, x, *more, lengths=lengths, less=less)
        for axis in (None, 0, 1, -1):
            check(op, x, *more, axis=axis, lengths=lengths, less=less)
    check(np.quantile, make((3, 4)), [0.1, 0.2], axis=0)
    check(np.cumsum, make((3, 4)), 0, np.float32)
    check(np.trapezoid, make((3, 4)), make(4))
    check(np.trapezoid, make((3, 4)), dx=D(0.5), axis=0)
    check(np.average, make((3, 4)), axis=0, weights=make(3))
    check(np.average, make((3, 4)), 0, make(3), True)
    check(np.average, make((3,), "f4"), weights=make(3, "i8"))
    check(np.trace, make((3, 4, 2)), 0, 1, 2)
    for x in ARRAYS:
        check(np.trace, x, lengths=lengths)


@pytest.mark.parametrize("op", [np.dot, np.matmul, operator.matmul, np.inner, np.outer, np.vdot,
                                np.kron, np.tensordot, np.convolve, np.correlate])  # fmt: skip
def test_products(op):
    lengths = Lengths()
    arrays = [*FLOATS, make((4, 3), "f4"), make((4, 5), "c16"), make((2, 4, 3)), make((4,), "i8"),
              make((1, 4, 1)), 2.0, D(2), np.float32(1), make((3, 2, 4, 3))]  # fmt: skip
    for x, y in itertools.product(arrays, repeat=2):
        check(op, x, y, lengths=lengths)
        if op is np.tensordot:
            for axes in (0, 1, ((0,), (0,)), ([1], [0]), (0, 1)):
                check(op, x, y, axes, lengths=lengths)
        if op in (np.convolve, np.correlate):
            for mode in ("full", "same", "valid"):
                check(op, x, y, mode, lengths=lengths)


@pytest.mark.parametrize("text, shapes", [
    ("ij,jk->ik", [(3, 4), (4, 5)]), ("ij,jk", [(3, 4), (4, 5)]), ("ii", [(3, 3)]),
    ("ii->i", [(3, 3)]), ("ij->ji", [(3, 4)]), ("ij->", [(3, 4)]), ("i,i", [(3,), (3,)]),
    ("i,i->i", [(3,), (3,)]), ("...ij,...jk->...ik", [(2, 3, 4), (4, 5)]), ("ba", [(3, 4)]),
    ("...j->...", [(2, 3, 4)]), ("ij->i", [(3, 4)]), ("i,j->ij", [(1,), (4,)]),
    (",i->i", [(), (4,)]),
    ("ij,ij->ij", [(1, 4), (3, 4)]), ("bij, bjk -> bik", [(2, 3, 4), (2, 4, 5)]), ("->", [()]),
])  # fmt: skip
def test_einsum(text, shapes):
    for dtype in ("f8", "f4", "c16"):
        check(np.einsum, text, *[make(shape, dtype) for shape in shapes])


def matrices():
    for shape in [(3, 3), (1, 1), (2, 3, 3), (0, 0)]:
        for dtype in ("f8", "f4", "c16", "i8"):
            a = make(shape, dtype) + 5 * np.eye(shape[-1], dtype=dtype)
            yield (a + np.swapaxes(a, -1, -2)).astype(dtype)


@pytest.mark.parametrize("name", """det slogdet inv cholesky eigh eigvalsh eig eigvals svd svdvals
    qr pinv matrix_rank cond norm""".split())  # fmt: skip
def test_linear_algebra(name):
    op, lengths = getattr(np.linalg, name), Lengths()
    less = name in ("eig", "eigvals")
    for a in [*matrices(), make((3, 4)), make((4, 3), "f4"), make((2, 3, 4))]:
        less = less or name == "pinv" and a.dtype.kind == "i"
        check(op, a, lengths=lengths, less=less)
        check(op, a, full_matrices=False, lengths=lengths)
        check(op, a, compute_uv=False, lengths=lengths)
        check(op, a, mode="complete", lengths=lengths)
        check(op, a, mode="r", lengths=lengths)
        check(op, a, UPLO="U", lengths=lengths, less=less)


def test_norms_and_solutions():
    lengths = Lengths()
    for x in [*ARRAYS, 2.0]:
        for more in [{}, {"axis": 0}, {"axis": -1, "keepdims": True}, {"axis": (0, 1)}, {"ord": 1},
                     {"ord": np.inf, "axis": 1}, {"keepdims": True}, {"ord": "fro"}]:  # fmt: skip
            check(np.linalg.norm, x, lengths=lengths, **more)
    for a in matrices():
        n = a.shape[-1]
        for b in [make((n,)), make((n, 2)), make((n, 1), "f4"), make((2, n, 5)), make((1, n, 2))]:
            check(np.linalg.solve, a, b, lengths=lengths)
        for n in (-2, -1, 0, 1, 2, 5, D(3)):
            check(np.linalg.matrix_power, a, n, lengths=lengths, less=a.dtype.kind == "i")
    check(np.linalg.lstsq, make((5, 3)), make(5))
    check(np.linalg.lstsq, make((5, 3)), make((5, 2)), rcond=None)
    check(np.linalg.multi_dot, [make((2, 3)), make((3, 4)), make((4,))])
    check(np.cross, [1.0, 2.0, 3.0], make((4, 3)))
    check(np.linalg.cross, [1.0, 2.0, 3.0], make((4, 3), "f4"))
    check(np.linalg.matrix_transpose, make((2, 4, 3)))
    check(np.cross, make((3,)), make((3,)), less=True)
    check(np.cross, make((2,)), make((2,)), less=True)


KEYS = [
    0, -1, D(1), S(None), S(1, None), S(None, 2), S(None, -1), S(1, -1), S(-2, None), S(-3, -1),
    S(None, None, 2), S(None, None, -1), S(2, None, -1), S(0, 0), S(5, 1), S(1, 9), S(-9, 2),
    S(D(1), None), S(None, D(2)), S(D(0), D(2), D(1)), None, ..., np.array([0, 1, 0]),
    np.array([[0, 1], [1, 0]]), [0, 1], [0], [], np.array(1), np.array([], "i8"), np.int64(1),
    np.array([0]), (), [True, False, True], S(None, 3, 2), S(1, None, None),
]  # fmt: skip


def test_getitem_with_every_key():
    lengths = Lengths()
    for x in [*FLOATS, POOL[(3, 4), "i4"], np.float64(2), make((3, 3, 3)), make((2, 2, 2, 2))]:
        for key in KEYS:
            check("getitem", x, key, lengths=lengths)
        for key in itertools.product(KEYS, repeat=2):
            check("getitem", x, key, lengths=lengths)
        mask = np.asarray(x) > 2
        check("getitem", x, mask, lengths=lengths)
        check("getitem", x, (None, mask), lengths=lengths)


def test_getitem_with_separated_indices():
    lengths = Lengths()
    at, two = np.array([0, 1]), np.array([[1], [0]])
    mask = np.array([True, False])
    parts = [0, D(1), S(None), S(1, None), None, ..., at, two, mask, [1, 0]]
    for x in [make((2, 2, 2)), make((2, 3, 2, 2)), make((2, 2))]:
        for key in itertools.product(parts, repeat=3):
            check("getitem", x, key, lengths=lengths)
    x = make((2, 3, 2))
    check("getitem", x, (at, x[0] > 2), less=True)
    check("getitem", x, (x[..., 0] > 2, 0))
    check("getitem", x, True, less=True)
    check("getitem", x, (0, True), less=True)


def test_getitem_with_lengths():
    for n in range(5):
        x, y, lengths = make((n,)), make((n + 2,)), Lengths()
        for of, plus in itertools.product((x, y), range(-4, 4)):
            stop = Length(of, 0, plus)
            for other in (x, y):
                check("getitem", other, S(None, stop), lengths=lengths)
                check("getitem", other, S(1, stop), lengths=lengths)
                check("getitem", other, S(stop, None), lengths=lengths)
                check("getitem", other, S(None, None, stop), lengths=lengths)
                check("getitem", other, S(-2, stop), lengths=lengths)
                check("getitem", other, S(stop, -1), lengths=lengths)
                check("getitem", other, S(Length(x, 0), stop), lengths=lengths)
            check(np.zeros, stop, lengths=lengths)
            check(np.zeros, (stop, 2), lengths=lengths)
            check(np.arange, stop, lengths=lengths)
            check(np.arange, 1, stop, lengths=lengths)
            check(np.eye, stop, lengths=lengths)
            for other in (x, y, make((n, 2)), make((n + 1,)), make((n, n))):
                check(np.reshape, other, (stop, -1), lengths=lengths)
                check(np.reshape, other, stop, lengths=lengths)
                check(np.reshape, other, (stop, Length(x, 0)), lengths=lengths)
            check(operator.mul, stop, Length(y, 0), lengths=lengths)
            check(operator.floordiv, stop, 2, lengths=lengths)
            check(operator.sub, stop, 3, lengths=lengths)
            check(operator.add, stop, Length(x, 0, 1), lengths=lengths)
            check(operator.add, 2, stop, lengths=lengths)
            check(operator.sub, stop, Length(x, 0, 1), lengths=lengths)
            check(operator.sub, 1, stop, lengths=lengths)
            check(operator.mod, stop, 2, lengths=lengths)
            check(operator.neg, stop, lengths=lengths)


def test_what_is_known_of_lengths():
    n = Size("x.0", 0, True)
    x = array("f8", n)
    length = infer(len, (x,))
    less = infer(operator.sub, (length, 1))
    assert infer(np.zeros, (less,)) == infer("getitem", (x, Slice(1))) == array("f8", Size(*n[:1],
        1, True))
    assert infer("getitem", (x, Slice(1, less))).shape == (Size("x.0", 2, True),)
    assert infer("getitem", (x, Slice(None, length))) == x
    more = infer(np.zeros, (infer(operator.add, (length, 1)),))
    assert infer("getitem", (more, Slice(1))) == x
    assert infer(operator.add, (x, infer(np.zeros_like, (x,)))) == x
    assert infer(np.append, (x, 1.0)) == more
    matrix = array("f8", n, 3)
    assert infer(np.reshape, (infer(np.ravel, (matrix,)), (-1, 3))) == matrix
    assert infer(np.reshape, (matrix, (length, -1))) == matrix
    assert infer(np.ravel, (matrix,)) == infer(np.zeros, (infer(operator.mul, (length, 3)),))


def test_shapes():
    lengths = Lengths()
    for x in [*ARRAYS, 2.0, D(2), np.float32(1), np.int64(3), [1.0, D(2.0)]]:
        for op in (np.ravel, np.transpose, np.squeeze, np.flip, np.fliplr, np.flipud,
                   np.atleast_1d, np.atleast_2d, np.atleast_3d, np.copy, np.asarray, np.array,
                   np.ascontiguousarray, np.zeros_like, np.ones_like, np.empty_like, np.shape,
                   np.ndim, np.size, np.diag, np.tril, np.triu, np.diff, np.nonzero, np.where,
                   np.argwhere, np.flatnonzero, np.unique, np.diagonal, np.diagflat,
                   np.matrix_transpose, np.rot90, np.gradient, np.asanyarray, np.broadcast_to,
                   np.diag_indices_from, np.triu_indices_from, np.ndarray.flatten,
                   np.ndarray.conj, np.ndarray.item, np.ndarray.tolist, len, np.ix_,
                   np.meshgrid, np.broadcast_arrays, np.vander, np.bincount,
                   np.tril_indices_from, np.asfortranarray, np.require):  # fmt: skip
            less = op in (np.ix_, np.flip, np.gradient, np.nonzero, np.where)
            check(op, x, lengths=lengths, less=less)
        for op in (np.swapaxes, np.moveaxis):
            check(op, x, 0, 1, lengths=lengths)
            check(op, x, -1, 0, lengths=lengths)
        check(np.moveaxis, x, (0, 1), (-1, 0), lengths=lengths)
        check(np.transpose, x, (1, 0), lengths=lengths)
        check(np.transpose, x, (2, 0, 1), lengths=lengths)
        for axis in (0, 1, -1, (0, 2), (0, 1)):
            check(np.expand_dims, x, axis, lengths=lengths)
            check(np.squeeze, x, axis, lengths=lengths)
        for shape in (-1, (-1,), (-1, 2), (2, -1), (3, -1), (12,), (4, 3), (3, 4), (D(3), -1), (),
                      (1, 1), (D(-1),), (4, D(-1)), D(12), (0, -1), (1, -1), (0, 7), [2, 6],
                      (-3, 2)):  # fmt: skip
            check(np.reshape, x, shape, lengths=lengths)
        for shape in ((3, 4), (2, 3, 4), (3, 3), (D(3), D(4)), 3):
            check(np.broadcast_to, x, shape, lengths=lengths)
        for reps in (2, (2, 1), (1, 2, 3), D(2), (D(2), 1), 1, 0):
            check(np.tile, x, reps, lengths=lengths)
            for axis in (None, 0, -1, 1):
                check(np.repeat, x, reps, axis, lengths=lengths)
        check(np.repeat, x, np.array([1, 2, 3]), 0, lengths=lengths)
        for width in (1, (1, 2), ((1, 2),), ((1, 2), (0, 1)), D(2), (D(1), 0), [(0, 0), (D(1), 2)]):
            check(np.pad, x, width, lengths=lengths)
        for k in (-2, -1, 0, 1, 2, 3, D(1)):
            for op in (np.diag, np.diagonal, np.tril, np.triu, np.diagflat, np.trace, np.roll,
                       np.rot90, np.triu_indices_from):  # fmt: skip
                check(op, x, k, lengths=lengths, less=op is np.roll)
        check(np.roll, x, 1, axis=0, lengths=lengths, less=True)
        check(np.diff, x, 2, lengths=lengths)
        check(np.diff, x, 0, lengths=lengths, less=type(x) is list)
        check(np.diff, x, axis=0, lengths=lengths)
        check(np.diff, x, prepend=0.0, append=D(1), lengths=lengths)
        check(np.unique, x, return_counts=True, lengths=lengths)
        check(np.unique, x, True, True, lengths=lengths)
        check(np.unique, x, axis=0, lengths=lengths)
        check(np.full_like, x, 2.5, lengths=lengths)
        check(np.zeros_like, x, dtype=np.float32, lengths=lengths)
        check(np.zeros_like, x, shape=(2, D(3)), lengths=lengths)
        check(np.astype, x, np.float32, lengths=lengths)
        check(np.astype, x, x.dtype if hasattr(x, "dtype") else float, copy=False, lengths=lengths)
        check(np.ndarray.astype, x, "i4", "F", lengths=lengths)
        check(np.asarray, x, np.float32, lengths=lengths)
        check(np.asarray, x, dtype=float, order="F", lengths=lengths)
        check(np.array, x, copy=None, lengths=lengths)
        check(np.isin, x, [1, 2], lengths=lengths)
        check(np.isclose, x, 2.0, rtol=1e-3, lengths=lengths)
        check(np.clip, x, 1, 2, lengths=lengths)
        check(np.clip, x, None, D(2.5), lengths=lengths)
        check(np.clip, x, make(4), a_max=None, lengths=lengths)
        check(np.round, x, 2, lengths=lengths)
        check(np.round, x, decimals=D(1), lengths=lengths)
        check(np.nan_to_num, x, nan=1.0, lengths=lengths)
        check(np.searchsorted, make(4), x, lengths=lengths)
        check(np.digitize, x, make(1), lengths=lengths)
        check(np.interp, x, [1.0, 2.0], make(2), lengths=lengths)
        check(np.interp, x, [1.0, 2.0], make(2, "c16"), lengths=lengths)
        check(np.size, x, 0, lengths=lengths)
        check(np.extract, np.asarray(plain(x)) > 2, x, lengths=lengths)
        check(np.put, x, 0, 1, lengths=lengths)
        for name in ("T", "mT", "real", "imag", "shape", "ndim", "size", "flat"):
            kind = infer("attribute", (lengths.kinds(x), name)) if type(x) is not list else None
            try:
                found = getattr(plain(x), name)
            except (AttributeError, ValueError):
                continue
            agrees(OBJECT if kind is None else kind, found, lengths)
        check(np.where, x, 1.0, 0, lengths=lengths)
        check(np.where, True, x, D(0.0), lengths=lengths)
        check(np.where, make((3, 1)) > 2, x, make((4,), "f4"), lengths=lengths)
        check(np.select, [make(4) > 2, make(4) > 3], [x, 2.0], D(1), lengths=lengths)
        for at in (0, D(1), np.array([0, 1]), [[0, 1], [1, 0]], np.array(0), np.int64(1)):
            for axis in (None, 0, -1):
                check(np.take, x, at, axis, lengths=lengths)
        if isinstance(x, np.ndarray):
            check(np.take_along_axis, x, np.argsort(x, -1), -1, lengths=lengths) if x.ndim else None
            check(np.compress, [True, False, True], x, 0, lengths=lengths)


def test_putting_together():
    lengths = Lengths()
    pairs = list(itertools.product([*FLOATS, POOL[(3,), "f4"], POOL[(3, 4), "i8"], 1.0, D(2)],
        repeat=2))
    for x, y in pairs:
        for op in (np.stack, np.concatenate, np.vstack, np.hstack, np.dstack, np.column_stack):
            check(op, (x, y), lengths=lengths)
            check(op, [x, y, y], lengths=lengths)
        for axis in (None, 0, 1, -1):
            for op in (np.stack, np.concatenate):
                check(op, (x, y), axis, lengths=lengths)
            check(np.append, x, y, axis, lengths=lengths)
        check(np.array, [x, y], lengths=lengths)
        check(np.array, [[x, 1], [2, y]], lengths=lengths)
        check(np.array, ([x], [y]), dtype=np.float32, lengths=lengths)
        check(np.meshgrid, x, y, lengths=lengths)
        check(np.meshgrid, x, y, x, indexing="ij", sparse=True, lengths=lengths)
        check(np.meshgrid, x, y, copy=False, lengths=lengths)
        check(np.broadcast_arrays, x, y, lengths=lengths)
        check(np.linspace, x, y, D(5), lengths=lengths)
        check(np.linspace, x, y, 4, axis=-1, lengths=lengths)
        check(np.ix_, x, y, lengths=lengths, less=True)
        check(np.atleast_2d, x, y, lengths=lengths)
    for x in FLOATS:
        for op in (np.stack, np.concatenate, np.vstack, np.hstack, np.column_stack, np.dstack):
            check(op, x, lengths=lengths)
        for op in (np.split, np.array_split, np.hsplit, np.vsplit, np.dsplit):
            for sections in (1, 2, 3, [1], [1, 3], [-1], (2, 5)):
                check(op, x, sections, lengths=lengths)
        check(np.array_split, x, 3, -1, lengths=lengths)
    at = np.array([1, 0])
    check(np.ix_, at, at, np.array([True, False]))
    check(np.array, [[], []])
    check(np.array, [])


def test_making_arrays():
    n = make(5)
    for shape in (3, (3,), (2, 3), [2, D(3)], D(4), (Length(n, 0), 2), (), np.int64(3)):
        for op in (np.zeros, np.ones, np.empty):
            check(op, shape)
            check(op, shape, dtype=np.float32)
            check(op, shape, int)
        for fill in (1, 2.5, True, D(2), np.float32(1), Either(2.0), make((3,), "f4")):
            check(np.full, shape, fill)
        check(np.full, shape, 1, np.float32)
        check(np.indices, shape)
        check(np.indices, shape, sparse=True)
    for m in (0, 1, 4, D(4), Length(n, 0)):
        for op in (np.eye, np.identity, np.tri, np.diag_indices, np.triu_indices, np.tril_indices):
            check(op, m)
        check(np.eye, m, 3, 1)
        check(np.eye, m, dtype=np.float32)
        check(np.identity, m, np.float32)
        check(np.tri, m, D(2), -1)
        check(np.diag_indices, m, 3)
        for k in (-1, 0, 1, D(1)):
            check(np.triu_indices, m, k)
            check(np.tril_indices, m, k, 3)
        check(np.arange, m)
        check(np.arange, 1, m)
        check(np.arange, 0, m, 2)
        check(np.arange, m, dtype=float)
        check(np.arange, -1, m)
        check(np.linspace, 0, 1, m)
        check(np.linspace, 0, 1.0, num=m, endpoint=False)
    for args in [(3.5,), (1, 2.5), (0, 10, 3), (10, 0, -3), (D(1.5),), (0, D(2.5)), (0.0, 1.0, 0.1),
                 (np.float32(3),), (np.int32(3),), (0, 1, D(0.25)), (5, 2)]:  # fmt: skip
        check(np.arange, *args)
    check(np.arange, 0, stop=4)
    check(np.linspace, D(0), 1, 5, retstep=True)
    check(np.linspace, np.float32(0), np.float32(1))
    check(np.linspace, 0, 1j)
    check(np.logspace, 0, 1, 5)
    check(np.geomspace, 1, 10, 5)
    check(np.array, np.float32(1))
    check(np.array, [np.float32(1), 2.0])
    check(np.array, [np.float32(1), np.float32(1)])
    check(np.array, [1, True, 2.5])
    check(np.array, [Either(1.0), 2])
    check(np.array, [[D(1), 2], (3, 4.0)])
    check(np.asarray, 2**63)
    check(np.array, [1j, 2])


def test_python_numbers():
    numbers = [*SCALARS, *SMALL]
    for x in numbers:
        for op in (float, int, bool, complex, round, operator.index, operator.not_, abs):
            check(op, x, less=isinstance(x, Either))
        check(round, x, 1, less=isinstance(x, Either))
        for op in [f for f in vars(math).values() if callable(f)]:
            if op in PURE and op not in (math.factorial, math.prod):
                check(op, x, less=isinstance(x, Either))
                check(op, x, 2.0, less=isinstance(x, Either))
    for x, y in itertools.product(SCALARS, repeat=2):
        check(max, x, y, less=True)
        check(min, x, y, 1.0, less=True)
        check(sum, [x, y], less=True)
        check(sum, (x, y), 0.0, less=True)
        check(math.hypot, x, y)
        check(math.atan2, x, y)
        check(math.prod, [x, y], less=True)
        check(operator.is_, x, y)
        check(operator.is_not, x, y)
        check(math.ldexp, x, y)
        check(math.dist, (x, y), (1.0, y))
        check(math.comb, x, y)
    for x in ARRAYS:
        check(max, x, less=True)
        check(sum, x, less=True)
        check(math.prod, x, less=True)
        check(len, x)
    for op, args in [(max, ((1, 2),)), (min, ([1.0, D(2.0)],)), (sum, ([D(1), 2.0],)),
                     (len, ((1, 2),)), (operator.add, ((1, 2), (D(3.0),))),
                     (operator.add, ("a", "b")), (str, (D(2),)), (operator.mul, ((1, 2), 2)),
                     (operator.mod, ("%d", D(2))), (range, (D(2),)),
                     (operator.contains, ((1, 2), D(1))), (operator.eq, ((1, 2), (1, D(2)))),
                     ("getitem", ((1, D(2.0)), 1)), ("getitem", ((1, 2.0, D(3)), S(1, None))),
                     ("getitem", ([1, 2], D(0))), (tuple, ([1, D(2.0)],))]:  # fmt: skip
        check(op, *args)


def test_keywords_of_ufuncs():
    x, y, mask = make((3, 4)), make((4,), "f4"), make((3, 4)) > 2
    check(np.add, x, y, out=np.zeros((3, 4)))
    check(np.add, x, y, np.zeros((3, 4)))
    check(np.add, y, y, dtype=np.float64)
    check(np.add, y, y, where=mask)
    check(np.add, D(1.0), 2, where=mask)
    check(np.sin, D(1), dtype=np.float32)
    check(np.modf, x)
    check(np.modf, D(1.5))
    check(np.divmod, x, y)
    check(np.add.reduce, x)
    check(np.add.reduce, x, 1, keepdims=True)
    check(np.maximum.reduce, x, axis=None)
    check(np.maximum.accumulate, x, 1)
    check(np.subtract.outer, x, y)
    check(np.logical_and.reduce, mask)


def test_a_value_that_decides_the_rank_is_asked_for():
    x, axis, shape = array("f8", Size("x.0"), 3), INT._replace(), Kind("tuple")
    for op, args in [(np.sum, (x, axis)), (np.expand_dims, (x, axis)),
                     (np.transpose, (x, (axis, 0))), (np.moveaxis, (x, 0, axis)),
                     (np.split, (x, axis)), (np.concatenate, ((x, x), axis)),
                     (np.linalg.norm, (x, None, axis))]:  # fmt: skip
        with pytest.raises(NeedsStatic) as caught:
            infer(op, args)
        assert caught.value.leaf is axis
    with pytest.raises(NeedsStatic) as caught:
        infer(np.zeros, (shape,))
    assert caught.value.leaf is shape
    with pytest.raises(NeedsStatic):
        infer(np.sum, (x,), {"keepdims": BOOL})


@pytest.mark.parametrize("op, args", [
    (operator.add, (array("f8", 3), array("f8", 4))), (np.dot, (array("f8", 3), array("f8", 4))),
    ("getitem", (array("f8", 3), (0, 0))), (np.sum, (array("f8", 3), 1)), (np.sin, (1, 2, 3, 4)),
    (np.transpose, (array("f8", 3), (1, 0))), (np.linalg.inv, (array("f8", 3),)), (np.add, (1,)),
    (np.reshape, (array("f8", 4), (3,))), (operator.add, (FLOAT, STR)), (print, (1,)), ([], ()),
    ("getitem", (array("f8", 3), FLOAT)), (np.sum, (array("f8", 3), 0, None, None, 1, 2, 3, 4)),
    (operator.invert, (array("f8", 3),)), (np.stack, ((array("f8", 3), array("f8", 4)),)),
])  # fmt: skip
def test_what_would_raise_has_no_kind(op, args):
    assert infer(op, args) is None


def test_structural_operations():
    x, n = array("f8", 3, 4), INT
    for op, args, want in [
        ("copy", (x,), x), ("identity", (n,), n), ("setitem", (x, 0, 1.0), x),
        ("add_at", (x, 0, x), x),
        ("shape", (x, 1), INT._replace(size=4)), ("tuple", (x, n), Kind("tuple", items=(x, n))),
        ("zeros_like_adjoint", (array("i8", 3),), array("f8", 3)),
        ("astype", (x, int), array("i8", 3, 4)),
        ("zeros_like_adjoint", (FLOAT,), FLOAT), ("stack", (), None),
    ]:  # fmt: skip
        assert infer(op, args) == want


def test_of_the_unknown_little_is_known():
    assert infer(operator.add, (OBJECT, 1)) == OBJECT
    assert infer(np.sum, (OBJECT,)) == OBJECT
    assert infer(float, (OBJECT,)) == FLOAT
    assert infer(operator.is_, (OBJECT, None)) == BOOL
    assert infer(operator.add, (array("f4", 3), scalar("f8", None))) == OBJECT  # f4 or f8
    assert infer("getitem", (Kind("array", np.dtype("f8")), 0)) == OBJECT
    assert infer(np.sin, (Kind("array", np.dtype(object), (3,)),)) == OBJECT


SIZES = st.integers(0, 4)
SHAPE = st.lists(SIZES, max_size=4).map(tuple)
BOUND = st.one_of(st.none(), st.integers(-6, 6), st.integers(-6, 6).map(D))
STEP = st.one_of(st.none(), st.integers(-3, 3).filter(bool))


@settings(max_examples=300, deadline=None)
@given(SHAPE, st.lists(st.one_of(st.builds(slice, BOUND, BOUND, STEP), st.just(None), st.just(0)),
                       max_size=5).map(tuple))  # fmt: skip
def test_any_basic_key(shape, key):
    x = np.zeros(shape)
    check("getitem", x, key)
    if x[()].ndim if shape else 0:
        lengths = Lengths()
        kind = lengths.kinds(x)
        inner, error = run("getitem", (x, key), {})
        if error is None and isinstance(inner, np.ndarray):
            # The same slice of an equal shape has the same shape: sums of it have no `b(…)`.
            first = infer("getitem", (kind, lengths.kinds(key)))
            if not any(isinstance(p, slice) and any(isinstance(b, D) for b in (p.start, p.stop))
                       for p in key):  # fmt: skip
                assert infer("getitem", (kind, lengths.kinds(key))) == first


@settings(max_examples=300, deadline=None)
@given(st.lists(SHAPE, min_size=2, max_size=4), st.data())
def test_any_shapes_that_broadcast(shapes, data):
    lengths = Lengths()
    arrays = [np.ones(shape) for shape in shapes]
    x, kind = arrays[0], lengths.kinds(arrays[0])
    for y in arrays[1:]:
        kind = infer(operator.add, (kind, lengths.kinds(y)))
        try:
            x = x + y
        except ValueError:
            return
        agrees(kind, x, lengths)
    if x.ndim:
        axis = data.draw(st.integers(-x.ndim, x.ndim - 1))
        agrees(infer(np.sum, (kind, axis)), np.sum(x, axis), lengths)
        agrees(infer(np.concatenate, ((kind, kind), axis)), np.concatenate((x, x), axis), lengths)


@settings(max_examples=300, deadline=None)
@given(SHAPE, SHAPE, st.integers(0, 3))
def test_any_reshape(shape, target, hole):
    x, lengths = np.ones(shape), Lengths()
    target = list(target)
    if hole < len(target):
        target[hole] = -1
    check(np.reshape, x, tuple(target), lengths=lengths)
    known = tuple(
        next((Length(x, i) for i, n in enumerate(shape) if n == want), want) for want in target
    )
    check(np.reshape, x, known, lengths=lengths)
    check(np.reshape, np.ravel(x), known, lengths=lengths)


@pytest.mark.parametrize("seed", range(150))
def test_any_program(seed):
    """Chains of operations: what the names of lengths stand for stays true."""
    rng = random.Random(seed)
    lengths = Lengths()
    arrays = [np.ones([rng.randrange(4) for _ in range(rng.randrange(1, 4))]) for _ in range(3)]
    values = [(lengths.kinds(x), x) for x in arrays]
    numbers = [(INT._replace(size=kind.shape[0]), len(x)) for kind, x in values]

    def step(op, *args):
        """Each arg is a pair (kind, value), or a constant."""
        real = operator.getitem if op == "getitem" else op
        both = [part(args, i) for i in (0, 1)]
        try:
            with warnings.catch_warnings(), np.errstate(all="ignore"):
                warnings.simplefilter("ignore")
                result = real(*both[1])
        except (ValueError, IndexError, TypeError):
            return
        kind = infer(op, tuple(map(slices, both[0])))
        assert kind is not None, (op, both[0])
        agrees(kind, result, lengths)
        if kind.tag == "array" and result.size < 500 and kind.shape is not None:
            values.append((kind, result))
        elif kind.tag == "scalar" and kind.python and kind.size is not None:
            numbers.append((kind, result))

    for _ in range(40):
        x, y = rng.choices(values[-8:], k=2)
        n, m = rng.choices(numbers[-8:], k=2)
        a, b = rng.randrange(-3, 4), rng.randrange(-3, 4)
        rank = x[1].ndim
        axis = rng.randrange(rank) if rank else 0
        step(*rng.choice([
            (operator.add, x, y), (np.ravel, x), (len, x), ("getitem", x, S(a, b)),
            ("getitem", x, S(a, None)), ("getitem", x, S(None, n)), ("getitem", x, S(n, m)),
            ("getitem", x, S(1, n)), ("getitem", x, (..., S(None, b))),
            ("getitem", x, S(n, None)), ("getitem", x, S(None, None, b or 1)),
            ("getitem", x, (None, S(a, None))), (np.zeros, n), (np.zeros, (n, m)),
            (np.reshape, x, (n, -1)), (np.reshape, x, (n, m)), (np.reshape, x, (-1, 2)),
            (np.reshape, x, (2, -1, 1)), (np.concatenate, (x, y), axis), (np.stack, (x, y)),
            (np.transpose, x), (np.size, x), (np.sum, x, axis), (np.matmul, x, y),
            (np.append, x, y), (np.diff, x, abs(a)), (np.pad, x, abs(a)), (np.outer, x, y),
            (np.diag, x, a), (np.tile, x, (2, 1)), (np.repeat, x, n, axis), (operator.add, n, a),
            (operator.sub, n, a), (operator.add, n, m), (operator.sub, n, m),
            (operator.mul, n, m), (operator.floordiv, n, 2), (np.arange, n),
            (np.arange, abs(a), n), (np.kron, x, y), (np.convolve, x, y),
            (np.broadcast_to, x, (n, m)), (np.linalg.svd, x), (np.eye, n, m),
            (np.where, x, y, 0.0), (np.expand_dims, x, axis), (np.dot, x, y),
            (np.triu_indices, n), (np.tensordot, x, y, 1), (np.linspace, 0, 1, n),
            (np.squeeze, x), (np.take, x, 0, axis), (np.vstack, (x, y)),
            ("getitem", x, (S(None), 0)), (np.swapaxes, x, 0, -1),
        ]))  # fmt: skip


def part(tree, which):
    """The kinds, or the values, of a tree whose leaves are pairs."""
    if type(tree) is tuple and len(tree) == 2 and type(tree[0]) is Kind:
        return tree[which]
    if type(tree) is tuple:
        return tuple(part(branch, which) for branch in tree)
    if type(tree) is slice:
        return slice(*(part(p, which) for p in (tree.start, tree.stop, tree.step)))
    return tree


def slices(tree):
    """The tree with `ir.Slice`s."""
    if type(tree) is slice:
        return Slice(tree.start, tree.stop, tree.step)
    return tuple(map(slices, tree)) if type(tree) is tuple else tree


# ----------------------------------------------------------------------- spellings, views, writes


@pytest.mark.parametrize("name, args, kwargs", [
    ("sum", (), {}), ("sum", (0,), {}), ("mean", (), {"axis": 1}), ("reshape", (4, 3), {}),
    ("reshape", ((4, 3),), {}), ("reshape", (-1,), {}), ("reshape", (12,), {"order": "F"}),
    ("transpose", (), {}), ("transpose", (1, 0), {}), ("transpose", ((1, 0),), {}),
    ("transpose", (None,), {}), ("max", (1,), {}), ("std", (), {"ddof": 1}), ("argmax", (0,), {}),
    ("copy", (), {}), ("copy", ("K",), {}), ("astype", ("f4",), {}),
    ("astype", (float,), {"copy": False}),
    ("astype", ("i4", "F"), {}), ("conj", (), {}), ("flatten", (), {}), ("ravel", ("F",), {}),
    ("clip", (1, 2), {}), ("clip", (1.5,), {}), ("clip", (), {"max": 2}), ("clip", (None, 2), {}),
    ("squeeze", (), {}), ("swapaxes", (0, 1), {}), ("repeat", (2, 0), {}),
    ("take", ([0, 1], 1), {}),
    ("trace", (), {}), ("cumsum", (1,), {}), ("round", (1,), {}), ("diagonal", (1,), {}),
    ("nonzero", (), {}), ("argsort", (0,), {}), ("compress", ([True, False, True], 0), {}),
    ("prod", (), {"keepdims": True}), ("tolist", (), {}), ("any", (), {}),
    ("dot", ([1, 2, 3, 4],), {}),
    ("__add__", (2,), {}), ("__matmul__", (np.ones(4),), {}), ("__lt__", (2.0,), {}),
])  # fmt: skip
def test_a_method_is_its_function(name, args, kwargs):
    for x in (make((3, 4)), make((4, 3)).T, make((3, 4), "c16")):
        try:
            want = getattr(x, name)(*args, **kwargs)
        except TypeError:
            continue
        op, full, keywords = canonical_method(name, (kind_of(x), *args), kwargs)
        at = next(i for i, arg in enumerate(full) if type(arg) is Kind)
        full = (*full[:at], x, *full[at + 1 :])
        got = op(*full, **keywords)
        assert type(got) is type(want) and (got is x) == (want is x)
        np.testing.assert_array_equal(got, want)
        if isinstance(want, np.ndarray):
            assert got.strides == want.strides and got.dtype == want.dtype
            assert np.shares_memory(got, x) == np.shares_memory(want, x)
        check(op, *full, **keywords)


def test_methods_of_numpy_scalars():
    x = scalar("f8")
    assert canonical_method("sum", (x,), {})[0] is np.sum
    assert canonical_method("astype", (x, int), {})[0] is np.generic.astype
    check(np.generic.astype, np.float64(2.5), int)
    assert canonical_method("copy", (x,), {}) is None  # a scalar; np.copy makes an array
    assert canonical_method("conjugate", (FLOAT,), {}) is None
    assert canonical_method("sort", (array("f8", 3),), {}) is None
    assert canonical_method("sum", ("anything",), {}, of=array("f8", 3))[0] is np.sum


def test_every_method_has_a_kind():
    assert set(METHODS.values()) <= PURE


@pytest.mark.parametrize("op", [*abstract.canonical.__globals__["OPERATORS"]],
    ids=lambda f: f.__name__)
def test_an_operator_is_its_ufunc(op):
    numbers = [*SMALL, *FLOATS, *NUMBERS, make((3, 3)), 2, 2.0]
    for args in itertools.product(numbers, repeat=op.nin):
        kinds = tuple(kind_of(x) if isinstance(x, (np.ndarray, np.generic)) else x for x in args)
        same, full, kwargs = canonical(op, kinds, {})
        assert full is kinds and not kwargs
        if same is op:
            continue
        got, error = run(same, args, {})
        want, other = run(op, args, {})
        assert type(error) is type(other), (op, args)
        assert type(got) is type(want), (op, args)
        np.testing.assert_array_equal(got, want)
        assert getattr(got, "dtype", None) == getattr(want, "dtype", None)


def test_spellings():
    x, f = array("f8", 3), FLOAT
    for op, args, kwargs, want in [
        (np.multiply, (x, 2), {}, operator.mul), (np.multiply, (f, f), {}, np.multiply),
        (np.multiply, (f, scalar("f8")), {}, operator.mul), (np.amax, (x,), {}, np.max),
        (np.multiply, (x, x), {"out": x}, np.multiply), (np.power, (x, 2), {}, operator.pow),
        (np.power, (x, 0.5), {}, np.power), (np.true_divide, (x, x), {}, operator.truediv),
        (builtins.abs, (x,), {}, np.absolute), (builtins.abs, (f,), {}, operator.abs),
        (builtins.pow, (f, 2), {}, operator.pow), (np.amin, (x,), {"axis": 0}, np.min),
        (np.array, (x,), {}, np.copy), (np.array, (f,), {}, np.array),
        (np.add, (scalar("i8"), scalar("i8")), {}, np.add), (np.sin, (x,), {}, np.sin),
    ]:  # fmt: skip
        assert canonical(op, args, kwargs)[0] is want
    assert canonical(np.add.reduce, (x,), {}) == (np.sum, (x,), {"axis": 0})


def test_aliasing():
    x, c, m = array("f8", 3, 4), array("c16", 3), array("f8", 4, 4)
    for op, args, want in [
        (np.sin, (x,), "fresh"), (np.transpose, (x,), "view"), (np.reshape, (x, 12), "maybe"),
        (np.asarray, (x,), "self"), (np.asarray, (x, "f4"), "fresh"), (np.array, (x,), "fresh"),
        (np.real, (x,), "self"), (np.real, (c,), "view"), (np.diag, (x,), "view"),
        (np.diag, (c,), "fresh"), (np.einsum, ("ij->ji", x), "view"),
        (np.einsum, ("ij->j", x), "fresh"),
        (np.einsum, ("ii", m), "fresh"), (np.einsum, ("ii->i", m), "view"),
        ("getitem", (x, 0), "view"), ("getitem", (x, (0, INT)), "fresh"),
        ("getitem", (x, [0]), "fresh"),
        ("getitem", (x, (0, 0, ...)), "view"), ("getitem", (x, array("i8")), "fresh"),
        ("getitem", (x, None), "view"), ("identity", (x,), "self"), (print, (x,), None),
        (np.linalg.matrix_power, (m, 1), "self"), (np.linalg.matrix_power, (m, INT), "maybe"),
        ("getitem", (Value("x", x), Slice(Value("i", INT))), "view"), (FLOAT, (x,), None),
        (np.ravel, (x,), "maybe"), (np.asarray, (FLOAT,), "fresh"), (np.split, (x, 2), "view"),
        (operator.add, (x, x), "fresh"), (np.ndarray.conj, (x,), "self"), (np.conj, (x,), "fresh"),
    ]:  # fmt: skip
        assert aliasing(op, args) == want, (op, args)
    assert aliasing(np.sin, (x,), {"out": x}) is None
    assert aliasing(np.astype, (x, float), {"copy": False}) == "self"
    assert aliasing(np.array, (x,), {"copy": None}) == "self"


def test_basic_keys():
    for key in (0, INT, None, ..., Slice(1), slice(2), (0, Slice(), None), np.int64(1),
        scalar("i8"),
                Kind("none"), Kind("tuple", items=(INT,)), ()):  # fmt: skip
        assert is_basic_key(key)
    for key in (True, BOOL, [0], array("i8", 3), array("?", 3),
        (0, [1]), FLOAT, OBJECT, scalar("?")):
        assert not is_basic_key(key)


def test_writes():
    x = array("f8", 3)
    for op, args, kwargs, want in [
        (np.sin, (x,), {}, ()), (np.sin, (x,), {"out": x}, ("out",)), (np.sin, (x, x), {}, (1,)),
        (np.copyto, (x, x), {}, (0,)), (np.put, (x, 0, 1.0), {}, (0,)),
        (np.add.at, (x, 0, 1), {}, (0,)),
        (np.fill_diagonal, (x, 1), {}, (0,)), ("sort", (x,), {}, (0,)), ("fill", (x, 1), {}, (0,)),
        ("sum", (x,), {}, ()), (np.sum, (x, 0, None, x), {}, (3,)),
        (np.sum, (x, 0, None, None), {}, ()),
        (np.nan_to_num, (x,), {"copy": False}, (0,)), (np.median, (x,), {"overwrite_input": True},
        (0,)),
        (operator.iadd, (x, 1), {}, (0,)), (np.add, (x, x), {"out": None}, ()), (len, (x,), {}, ()),
        (np.clip, (x, 0, 1, x), {}, (3,)), (operator.mul, (x, x), {}, ()),
        (math.atan2, (1, 2), {}, ()),
        (np.float64, (1,), {}, ()), (max, (1, 2), {}, ()),
    ]:  # fmt: skip
        assert writes(op, args, kwargs) == want, op


def test_nothing_pure_writes_or_is_unknown():
    assert not {np.copyto, np.put, np.fill_diagonal, print, np.random.rand} & PURE
    assert {np.sin, operator.add, math.exp, np.linalg.solve, len, np.zeros, np.einsum} <= PURE


@pytest.mark.parametrize("op, args", [(pow, (OBJECT, 2)), (np.trace, (OBJECT,)),
                                      (operator.getitem, (OBJECT, Slice(INT)))])  # fmt: skip
def test_what_takes_anything_may_be_given_what_is_not_known(op, args):
    assert abstract.raised(op, args, {}) is None


def test_a_number_given_to_what_needs_axes_raises():
    assert isinstance(abstract.raised(np.trace, (FLOAT,), {}), ValueError)
