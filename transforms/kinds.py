"""Kinds: what the compiler knows of a value before the program runs.

    np.zeros((n, 3))      f8[n,3]        an array: dtype, rank, what is known of each dimension
    2.0                   float          Python's own number
    np.float64(2)         f8             a NumPy scalar
    one or the other      f8?            the dtype is known, the origin is not
    np.linalg.eigvals(a)  f8/c16[n]      real, or complex where its values ask for it

A dimension is an int (known), or a `Size`: a name for a number that is fixed for the run. Two
dimensions are proven equal when they compare equal; a `Size` never proves that two are different.
"""

from __future__ import annotations

import itertools
from typing import Any, NamedTuple

import numpy as np


class Size(NamedTuple):
    """A dimension known by name: `max(base - minus, 0)`; `minus` may be negative.

    >>> Size("x.0", 0, True), Size("x.0", -1)
    (x.0, x.0+1)
    >>> shrink(Size("x.0", 0, True), 2)
    x.0-2
    """

    base: str
    minus: int = 0
    not_one: bool = False  # base is proven not to be 1 (0 is possible)

    def __repr__(self) -> str:
        return f"{self.base}{-self.minus:+}" if self.minus else self.base


Dim = int | Size
_fresh = itertools.count()


def fresh_size() -> Size:
    """A dimension of which nothing is known, equal to itself alone."""
    return Size(f"?{next(_fresh)}")


def shrink(dim: Dim, by: int) -> Dim:
    """The length of a slice that leaves out `by` elements: `max(dim - by, 0)`."""
    if by == 0:
        return dim
    if isinstance(dim, int):
        return max(dim - by, 0)
    return Size(dim.base, dim.minus + by, dim.not_one)


def proven_one(dim: Dim) -> bool:
    return isinstance(dim, int) and dim == 1


def proven_not_one(dim: Dim) -> bool:
    return dim != 1 if isinstance(dim, int) else dim.not_one and not dim.minus


class RealOrComplex:
    """In place of a dtype: which of the two it is depends on values at run time.

    Whoever asks for its kind is told that it is complex, the wider of the two. It equals no dtype.
    """

    kind = "c"

    def __init__(self, real: np.dtype, wide: np.dtype) -> None:
        self.real, self.complex = real, wide
        self.type, self.itemsize, self.char = wide.type, wide.itemsize, wide.char
        self.str, self.name = f"{real.str}/{wide.str[1:]}", f"{real.name} or {wide.name}"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, RealOrComplex) and self.real == other.real

    def __hash__(self) -> int:
        return hash((RealOrComplex, self.real))


def real_or_complex(dtype: Any) -> Any:
    """What is complex of this precision, or real.

    >>> array(real_or_complex("c16"), 3), array(real_or_complex("f4"), 3)
    (f8/c16[3], f4/c8[3])
    """
    if isinstance(dtype, RealOrComplex):
        return dtype
    wide = np.result_type(dtype, np.complex64)
    return RealOrComplex(np.empty(0, wide).real.dtype, wide)


def is_undecided(kind: Kind) -> bool:
    """Whether it depends on values if this is real or complex."""
    return isinstance(kind.dtype, RealOrComplex)


def decided(kind: Kind) -> Kind:
    """The kind of memory that holds it, whichever it is: complex."""
    return kind._replace(dtype=kind.dtype.complex) if is_undecided(kind) else kind  # type: ignore[union-attr]


def covers(want: Any, have: Any) -> bool:
    """Whether what is of one dtype, `have`, is of the other, too."""
    return want == have or isinstance(want, RealOrComplex) and have in (want.real, want.complex)


class Kind(NamedTuple):
    """What is known of a value.

    tag     "scalar", "array", "none", "str", "bytes", "tuple", "list", "dict", "range", "slice",
            "object" (nothing known)
    dtype   of scalars and arrays; a `RealOrComplex` where values decide
    shape   of arrays: one `Dim` per axis; None when even the rank is unknown
    python  of scalars: True is Python's own bool, int, float, complex; False a NumPy scalar; None
            either of the two
    items   of tuples: the kind of each item; of lists whose length is known only at run time: one
            kind, that of every element
    size    of int scalars: the number is this dimension, or below zero where that is 0: n - 1 for
            a length n is Size("n", 1), and so is the length of x[1:]
    """

    tag: str
    dtype: np.dtype | None = None
    shape: tuple[Dim, ...] | None = None
    python: bool | None = None
    items: tuple[Kind, ...] | None = None
    size: Dim | None = None

    def __repr__(self) -> str:
        if self.tag == "scalar":
            if self.python:
                return {"b": "bool", "i": "int", "f": "float", "c": "complex"}[self.dtype.kind]
            return short(self.dtype) + ("?" if self.python is None else "")
        if self.tag == "array":
            dims = "..." if self.shape is None else ",".join(map(repr, self.shape))
            return f"{short(self.dtype)}[{dims}]"
        if self.items is not None:
            return f"{self.tag}({', '.join(map(repr, self.items))})"
        return self.tag

    @property
    def rank(self) -> int | None:
        """Number of axes: 0 for scalars, None when unknown or meaningless."""
        if self.tag == "scalar":
            return 0
        return None if self.tag != "array" or self.shape is None else len(self.shape)

    @property
    def dims(self) -> tuple[Dim, ...] | None:
        """Shape of a scalar or array; None when the rank is unknown."""
        return () if self.tag == "scalar" else self.shape

    @property
    def numeric(self) -> bool:
        return self.tag in ("scalar", "array")

    @property
    def inexact(self) -> bool:
        """A float or complex number or array: what can carry a derivative."""
        return self.numeric and self.dtype is not None and self.dtype.kind in "fc"


def short(dtype: np.dtype | None) -> str:
    return "?" if dtype is None else "b1" if dtype.kind == "b" else dtype.str[1:]


BOOL = Kind("scalar", np.dtype(bool), python=True)
INT = Kind("scalar", np.dtype(int), python=True)
FLOAT = Kind("scalar", np.dtype(float), python=True)
COMPLEX = Kind("scalar", np.dtype(complex), python=True)
NONE = Kind("none")
STR = Kind("str")
OBJECT = Kind("object")


def array(dtype, *shape: Dim) -> Kind:
    """
    >>> array("f8", 3, Size("n"))
    f8[3,n]
    """
    dtype = dtype if isinstance(dtype, RealOrComplex) else np.dtype(dtype)
    return Kind("array", dtype, tuple(shape))


def scalar(dtype, python: bool | None = False) -> Kind:
    return Kind("scalar", np.dtype(dtype), python=python)


def may_be_complex(kind: Kind) -> bool:
    """Whether a value is complex, or of a kind that is known at run time only."""
    if kind.dtype is None:
        return kind.tag in ("object", "array", "scalar")
    return kind.numeric and kind.dtype.kind == "c"


def kind_of(obj: object, name: str = "?") -> Kind:
    """The kind of a live object; `name` names the dimensions of an array.

    Sizes stay unknown, but whether a dimension is 1 is recorded: it decides broadcasting.

    >>> kind_of(np.ones((3, 1)), "x")
    f8[x.0,1]
    >>> kind_of(2.5), kind_of(np.float32(1)), kind_of((1, None))
    (float, f4, tuple(int, none))
    """
    kind = type(obj)
    if kind is np.ndarray:
        shape = tuple(
            1 if n == 1 else Size(f"{name}.{axis}", 0, True) for axis, n in enumerate(obj.shape)
        )
        return Kind("array", obj.dtype, shape)
    if kind in (bool, int, float, complex):
        return {bool: BOOL, int: INT, float: FLOAT, complex: COMPLEX}[kind]
    if isinstance(obj, np.generic) and obj.dtype.kind in "biufc":
        return Kind("scalar", obj.dtype, python=False)
    if obj is None:
        return NONE
    if kind is str:
        return STR
    if kind is tuple:
        parts: tuple = obj  # type: ignore[assignment]
        return Kind("tuple", items=tuple(kind_of(v, f"{name}[{i}]") for i, v in enumerate(parts)))
    return OBJECT


def item_of(items: Kind) -> Kind:
    """The kind of one item of a list whose length is known only at run time.

    The items may differ in every length that is not an int or a length of an argument, so those
    are new ones with each read.

    >>> item = item_of(Kind("list", items=(array("f8", 3, Size("x.0"), Size("?7")),)))
    >>> item.shape[:2], item.shape[2] == Size("?7")
    ((3, x.0), False)
    """
    return OBJECT if not items.items else own_sizes(items.items[0])


def fresh_kind(kind: Kind) -> Kind:
    """The kind with dimensions of which nothing is known."""
    if kind.tag != "array" or kind.shape is None:
        return kind
    return kind._replace(shape=tuple(fresh_size() for _ in kind.shape))


def own_sizes(kind: Kind) -> Kind:
    """The kind with new lengths for those that may be another number elsewhere in a list."""
    if kind.tag == "tuple" and kind.items:
        return kind._replace(items=tuple(map(own_sizes, kind.items)))
    if kind.tag != "array" or kind.shape is None or one_shape(kind):
        return kind
    return kind._replace(shape=tuple(
        dim if is_fixed(dim) else fresh_size()._replace(not_one=proven_not_one(dim))
        for dim in kind.shape
    ))  # fmt: skip


def one_shape(item: Kind) -> bool:
    """Whether all items of a list are proven to have the same shape."""
    if item.items is not None:
        return all(map(one_shape, item.items))
    return item.dims is None and not item.numeric or \
        item.dims is not None and all(map(is_fixed, item.dims))  # fmt: skip


def of_one_size(item: Kind) -> bool:
    """Whether items that are added are proven to have the shape of the sum: see `fits`."""
    return item.tag != "array" or item.shape is not None and all(
        is_fixed(dim) or proven_not_one(dim) for dim in item.shape
    )  # fmt: skip


def loose_sizes(items: Kind) -> Kind:
    """The kind of a list with one name for all lengths in which its items may differ."""
    if items.items is not None:
        return items._replace(items=tuple(map(loose_sizes, items.items)))
    if items.shape is None:
        return items
    return items._replace(shape=tuple(
        dim if is_fixed(dim) else Size("?", 0, proven_not_one(dim)) for dim in items.shape
    ))  # fmt: skip


def is_fixed(dim: Dim) -> bool:
    """Whether a length is one number for the whole run: an int, or a length of an argument.

    A length that was found on the way may be another one in the next step of a loop.
    """
    return isinstance(dim, int) or not dim.base.isidentifier() and not set("?@#") & set(dim.base)


def join(a: Kind, b: Kind) -> Kind:
    """The least kind that covers both: what is known where two paths of the program meet.

    >>> join(FLOAT, scalar("f8")), join(array("f8", 3, 2), array("f8", 3, 4)).rank
    (f8?, 2)
    """
    if a == b:
        return a
    if a.tag != b.tag:
        return OBJECT
    if a.tag in ("scalar", "array"):
        wide = a.dtype if covers(a.dtype, b.dtype) else b.dtype
        if not covers(wide, a.dtype):
            return OBJECT
        if a.tag == "scalar":
            return Kind("scalar", wide, python=a.python if a.python == b.python else None)
        if a.rank != b.rank or a.shape is None or b.shape is None:
            return OBJECT
        return Kind("array", wide, tuple(map(join_dims, a.shape, b.shape)))
    if a.tag == "list" and None in (a.items, b.items):  # an empty list is a list of anything
        return a if b.items is None else b
    if a.items is not None and b.items is not None and len(a.items) == len(b.items):
        return Kind(a.tag, items=tuple(map(join, a.items, b.items)))
    return Kind(a.tag) if a.tag in ("str", "none") else OBJECT


def join_dims(a: Dim, b: Dim) -> Dim:
    if a == b:
        return a
    not_one = proven_not_one(a) and proven_not_one(b)
    return Size(f"?{next(_fresh)}", 0, not_one)


def fits(kind: Kind, full: Kind) -> bool:
    """Whether an operand of this kind has the full shape by itself.

    Where two lengths are both known not to be 1, they are equal, or the function has raised.
    """
    if kind.tag != "array" or full.tag != "array" or kind.shape is None or full.shape is None:
        return False
    return len(kind.shape) == len(full.shape) and all(
        m == n or (proven_not_one(m) and proven_not_one(n)) for m, n in zip(kind.shape, full.shape)
    )
