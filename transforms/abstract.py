"""Abstract values: what one operation gives, from the kinds of its operands.

    np.add         f8[x.0,1], f4[y.0]       f8[x.0,y.0]
    np.sum         f4[x.0,x.1], axis=0      f4[x.1]
    operator.mul   float, float             float
    "getitem"      f8[x.0], 1:              f8[x.0-1]

`infer` is right or says less: `object` for a result of which nothing is sure, None for a function
it does not know and for a call that would raise. A Python int is taken to fit 64 bits. Dtypes, and
whether a number is Python's or NumPy's, are read off the operation itself, run once on operands of
one element; lengths follow from rules: those of numbers and reductions here, the others in
`abstract_shapes`, `abstract_making` and `abstract_products`.
"""

from __future__ import annotations

import builtins
import cmath
import math
import operator
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

from srcdiff.runtime import kernels
from srcdiff.transforms import abstract_making, abstract_products, abstract_shapes  # noqa: F401
from srcdiff.transforms.abstract_core import (
    RULES,
    NeedsStatic,
    Unknown,
    abstract,
    as_array,
    axis_arg,
    broadcast,
    dtype_arg,
    elementwise,
    finish,
    int_of,
    is_length,
    kind,
    list_of,
    named,
    numeric,
    numeric_or_flat,
    operand,
    outputs,
    product,
    reduced,
    run,
    shape_arg,
    static,
    total,
    tuple_of,
)
from srcdiff.transforms.abstract_scipy import scipy_kind
from srcdiff.transforms.ir import Slice
from srcdiff.transforms.kinds import (
    BOOL,
    COMPLEX,
    FLOAT,
    INT,
    OBJECT,
    STR,
    Dim,
    Kind,
    Size,
    fresh_size,
    item_of,
    join,
    proven_not_one,
    real_or_complex,
)
from srcdiff.transforms.spelling import (
    METHODS,
    WRITERS,
    aliasing,
    canonical,
    canonical_method,
    with_named_out,
    writes,
)
from srcdiff.transforms.undecided import either_way, of_part, undecided_in

__all__ = [
    "METHODS", "PURE", "NeedsStatic", "aliasing", "canonical", "canonical_method", "infer",
    "is_basic_key", "with_named_out", "writes",
]  # fmt: skip

is_basic_key = abstract_shapes.is_basic_key


def infer(op: Any, args: tuple, kwargs: dict[str, Any] | None = None) -> Kind | None:
    """The kind of `op(*args, **kwargs)`; args are trees of kinds (dynamic) and constants.

    Several results are a "tuple" kind, a list of known length a "list" kind with all its items.
    Raises `NeedsStatic` if the rank, or how many results there are, depends on a dynamic value.

    >>> x, n = Kind("array", np.dtype("f4"), (Size("x.0"), 3)), INT
    >>> infer(operator.mul, (x, 2.0)), infer(np.sum, (x,)), infer(np.dot, (x, [1.0, 2.0, 3.0]))
    (f4[x.0,3], f4, f8[x.0])
    >>> infer(np.linalg.slogdet, (x,)), infer(print, (x,))
    (tuple(f4, f4), None)
    >>> infer(np.sum, (x, n))
    Traceback (most recent call last):
    ...
    srcdiff.transforms.abstract_core.NeedsStatic: int decides how many axes there are
    """
    undecided = undecided_in((args, kwargs))
    if undecided:
        real, wide = (infer(op, *of_part((args, kwargs), part)) for part in ("real", "complex"))
        return either_way(real, wide)
    try:
        rule = RULES.get(op) or _unregistered(op)
        if rule is None:
            return None
        return rule(op, *args, **kwargs) if kwargs else rule(op, *args)
    except NeedsStatic:
        raise
    except Unknown:
        return OBJECT
    except (TypeError, ValueError, LookupError, ArithmeticError, AttributeError):
        return None  # as Python or NumPy would raise


def raised(op: Any, args: tuple, kwargs: dict[str, Any]) -> Exception | None:
    """What an operation raises on any numbers of these kinds, as it needs arrays with axes.

    >>> raised(np.trace, (FLOAT,), {})
    ValueError('diag requires an array of at least two dimensions')
    """

    def stand_in(part: Any) -> Any:
        if not isinstance(part, Kind):  # which is a tuple itself
            if isinstance(part, Slice):
                return slice(*map(stand_in, part))
            return type(part)(map(stand_in, part)) if type(part) in (tuple, list) else part
        if not part.numeric or part.rank != 0 or part.dtype is None:
            raise Unknown
        number = part.dtype.type(1)
        return np.array(number) if part.tag == "array" else number.item() if part.python else number

    if op not in PURE:
        return None
    try:
        with np.errstate(all="ignore"), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            op(*map(stand_in, args), **{name: stand_in(part) for name, part in kwargs.items()})
    except Unknown:
        return None
    except (TypeError, ValueError, IndexError) as error:
        return error
    return None


def _unregistered(op: Any) -> Callable | None:
    if isinstance(op, np.ufunc):
        return elementwise if op.signature is None else None
    owner = getattr(op, "__self__", None)
    if isinstance(owner, np.ufunc):
        return UFUNC_METHODS.get(op.__name__)
    return scipy_kind(op)


# ------------------------------------------------------------------- operators, ufuncs, numbers


def ufunc_method(op: Any, *args: Any, **kwargs: Any) -> Kind:
    """`np.add.reduce`, `np.maximum.accumulate`, `np.subtract.outer`: axis 0 if none is named."""
    out = outputs(kwargs.pop("out", None))
    if out is not None:
        return out
    a = numeric(args[0])
    if op.__name__ == "outer":
        b = numeric(args[1])
        return finish(run(op, [a, b]), (*a.dims, *b.dims))
    names = ("axis", "dtype", "out", "keepdims")
    kwargs = dict(zip(names, args[1:], strict=False)) | kwargs
    axis, dtype = static(kwargs.get("axis", 0)), dtype_arg(kwargs.get("dtype"))
    if op.__name__ == "accumulate":
        return finish(run(op, [a], (("axis", axis), ("dtype", dtype))), a.dims)
    keepdims = bool(static(kwargs.get("keepdims", False)))
    params = (("axis", axis), ("dtype", dtype), ("keepdims", keepdims))
    return finish(run(op, [a], params), reduced(a.dims, axis, keepdims))


def reduceat(op: Any, array: Any, indices: Any, axis: Any = 0, dtype: Any = None) -> Kind:
    a, at, axis = numeric(array), numeric(indices), axis_arg(axis, numeric(array).rank)
    found = run(op.__self__.reduce, [a], (("axis", axis), ("dtype", dtype_arg(dtype)),
                                          ("keepdims", True)))  # fmt: skip
    return finish(found, (*a.dims[:axis], *at.dims, *a.dims[axis + 1 :]))


UFUNC_METHODS = {
    "reduce": ufunc_method, "accumulate": ufunc_method, "outer": ufunc_method,
    "reduceat": reduceat,
}  # fmt: skip


@abstract(np.broadcast_shapes)
def broadcast_shapes(op: Any, *shapes: Any) -> Kind:
    return tuple_of(*map(int_of, broadcast(*map(shape_arg, shapes))))


@abstract(kernels.running_places)
def running_places(op: Any, x: Any, best: Any, axis: Any) -> Kind:
    return as_array(numeric(best), numeric(best).dims, np.dtype(np.intp))


@abstract(kernels.parts_of_reduceat)
def parts_of_reduceat(op: Any, n: Any, indices: Any) -> Kind:
    found = Kind("array", np.dtype(np.intp), (fresh_size(),))
    return tuple_of(found, found)


abstract(
    operator.and_, operator.or_, operator.xor, operator.lshift, operator.rshift, operator.inv,
    operator.invert, operator.neg, operator.pos, operator.abs, operator.truediv, builtins.abs,
    builtins.divmod,
    np.float16, np.float32, np.float64, np.longdouble, np.complex64, np.complex128,
    np.int8, np.int16, np.int32, np.int64, np.uint8, np.uint16, np.uint32, np.uint64, np.bool_,
    *[f for f in vars(np).values() if isinstance(f, np.ufunc) and f.signature is None],
    np.sinc, np.i0, np.isreal, np.iscomplex,
)(elementwise)  # fmt: skip


@abstract(np.real, np.imag)
def part(op: Callable, val: Any) -> Kind:
    return elementwise(op, val)


@abstract(np.real_if_close)
def real_if_close(op: Callable, a: Any, tol: Any = 100) -> Kind:
    a = numeric(a)
    dtype = real_or_complex(a.dtype) if a.dtype.kind == "c" else a.dtype
    return Kind("array", dtype, a.dims)


# Element by element in the operands before "/"; what comes after it decides no kind.
NAMED = {
    np.round: "a / decimals out", np.around: "a / decimals out", np.fix: "x / out",
    np.angle: "z / deg", np.nan_to_num: "x / copy nan posinf neginf",
    np.isclose: "a b / rtol atol equal_nan", np.isposinf: "x / out", np.isneginf: "x / out",
}  # fmt: skip


@abstract(*NAMED)
def named_elementwise(op: Callable, *args: Any, **kwargs: Any) -> Kind:
    operands, _, others = NAMED[op].partition(" / ")
    given = arguments(f"{operands} {others}".split(), args, kwargs)
    out = outputs(given.pop("out", None))
    return elementwise(op, *[given[name] for name in operands.split()]) if out is None else out


def arguments(names: list[str], args: tuple, kwargs: dict[str, Any]) -> dict[str, Any]:
    """Arguments by name."""
    given = dict(zip(names, args, strict=False))
    if len(args) > len(names) or given.keys() & kwargs or not kwargs.keys() <= set(names):
        raise TypeError("wrong arguments")
    return given | kwargs


@abstract(np.clip)
def clip(op: Callable, a: Any, a_min=None, a_max=None, out=None, *, min=None, max=None) -> Kind:
    low, high = a_min if min is None else min, a_max if max is None else max
    result = outputs(out)
    return elementwise(op, a, low, high) if result is None else result


@abstract(np.interp)
def interp(op: Callable, x: Any, xp: Any, fp: Any, left=None, right=None, period=None) -> Kind:
    x, xp, fp = numeric(x), numeric(xp), numeric(fp)
    return finish(run(op, [x, xp, fp]), x.dims)


def _select(*flat: Any) -> Any:
    half = len(flat) // 2
    return np.select(list(flat[:half]), list(flat[half:-1]), flat[-1])


@abstract(np.select)
def select(op: Callable, condlist: Any, choicelist: Any, default: Any = 0) -> Kind:
    if type(condlist) not in (list, tuple) or type(choicelist) not in (list, tuple):
        raise Unknown
    return elementwise(_select, *condlist, *choicelist, default)


# ------------------------------------------------------------------------ Python's own operators


def is_sequence(arg: Any) -> bool:
    return arg.tag in ("tuple", "list") if type(arg) is Kind else type(arg) in (tuple, list)


def items_of(arg: Any) -> tuple | None:
    """The items of a tuple or list whose length is known."""
    if type(arg) is not Kind:
        return tuple(arg) if type(arg) in (tuple, list) else None
    if arg.tag == "list" and (arg.items is None or len(arg.items) < 2):
        return None
    return arg.items if arg.tag in ("tuple", "list") else None


def from_numpy(arg: Any) -> bool:
    if type(arg) is Kind:
        return arg.tag == "array" or arg.tag == "scalar" and arg.python is False
    return isinstance(arg, (np.ndarray, np.generic))


@abstract(operator.add, operator.sub, operator.mul, operator.floordiv, operator.mod)
def arithmetic(op: Callable, a: Any, b: Any) -> Kind:
    """As NumPy does it, unless both operands are Python's; and n - 1 is a length like n.

    >>> infer(operator.add, ((1, 2), Kind("tuple", items=(FLOAT,))))
    tuple(int, int, float)
    >>> infer(operator.sub, (INT._replace(size=Size("x.0")), 1)).size
    x.0-1
    """
    if type(a) is Kind and type(b) is Kind and a.tag == b.tag == "array":
        return elementwise(op, a, b)
    if is_sequence(a) or is_sequence(b):
        return _sequence_arithmetic(op, a, b)
    if op is operator.mod and (a.tag == "str" if type(a) is Kind else type(a) is str):
        return STR
    found = elementwise(op, a, b)
    if found.tag == "scalar" and found.dtype.kind == "i":
        size = _size_arithmetic(op, _size(a), _size(b))
        if size is not None:
            return found._replace(size=size)
    return found


def _sequence_arithmetic(op: Callable, a: Any, b: Any) -> Kind:
    if from_numpy(a) or from_numpy(b):
        return elementwise(op, a, b)
    if op is operator.add and is_tuple(a) and is_tuple(b):
        first, second = items_of(a), items_of(b)
        if first is not None and second is not None:
            return tuple_of(*map(as_kind, first), *map(as_kind, second))
        return Kind("tuple")
    if op is operator.mul and is_tuple(a) and type(b) is int and items_of(a) is not None:
        return tuple_of(*map(as_kind, items_of(a) * b))
    raise Unknown


def is_tuple(arg: Any) -> bool:
    return arg.tag == "tuple" if type(arg) is Kind else type(arg) is tuple


def as_kind(tree: Any) -> Kind:
    """The kind of a leaf or container, where nothing makes an array of it."""
    if type(tree) is tuple:
        return tuple_of(*map(as_kind, tree))
    if type(tree) is list:
        return list_of(*map(as_kind, tree))
    if type(tree) is int:
        return INT._replace(size=tree)
    try:
        return kind(tree)
    except Unknown:
        return OBJECT


def _size(arg: Any) -> Dim | None:
    return arg if type(arg) is int else arg.size if type(arg) is Kind else None


def _size_arithmetic(op: Callable, a: Dim | None, b: Dim | None) -> Dim | None:
    """What is known of the number; with `minus` > 0 it may be less than a length, see `is_length`.
    """
    if a is None or b is None:
        return None
    if type(a) is int and type(b) is int:
        return op(a, b) if b or op not in (operator.floordiv, operator.mod) else None
    if op is operator.add and type(a) is int:
        a, b = b, a
    if op in (operator.add, operator.sub) and type(a) is Size and type(b) is int:
        if op is operator.add:
            b = -b
        if b >= 0 or a.minus <= 0 and a.minus + b <= 0:
            return Size(a.base, a.minus + b, a.not_one)
        return None
    if not is_length(a) or not is_length(b):
        return None
    if op is operator.add:
        return total((a, b))
    if op is operator.mul:
        return product((a, b))
    if op is operator.floordiv and type(b) is int and b > 0:
        return a if b == 1 else named("div", (a, b))
    return None


@abstract(operator.eq, operator.ne, operator.lt, operator.le, operator.gt, operator.ge)
def comparison(op: Callable, a: Any, b: Any) -> Kind:
    if (is_sequence(a) or is_sequence(b)) and not from_numpy(a) and not from_numpy(b):
        # `==` on anything else may have been defined by a class
        if OBJECT in (a, b) or not (is_sequence(a) and is_sequence(b)):
            raise Unknown
        return BOOL
    return elementwise(op, a, b)


@abstract(operator.pow, builtins.pow)
def power(op: Callable, base: Any, exponent: Any, modulus: Any = None) -> Kind:
    """
    >>> infer(operator.pow, (FLOAT, 2)), infer(operator.pow, (FLOAT, 0.5)), infer(pow, (2, INT))
    (float, object, object)
    """
    if modulus is not None:
        raise Unknown
    b, e = operand(base), operand(exponent)
    if b.tag == e.tag == "scalar" and b.python is not False and e.python is not False:
        found = _python_power(b, e, base, exponent)
        if b.python and e.python:
            return found
        for pb in (True, False) if b.python is None else (True,):
            for pe in (True, False) if e.python is None else (True,):
                if not (pb and pe):
                    base_kind, exponent_kind = b._replace(python=pb), e._replace(python=pe)
                    try:
                        one = _numpy_power(op, base_kind, exponent_kind, exponent)
                        found = join(found, one)
                    except TypeError:  # a negative power of a NumPy int
                        pass
        return found
    return finish(_numpy_power(op, b, e, exponent), broadcast(b.dims, e.dims))


@abstract(kernels.real_power)
def real_power(op: Callable, base: Any, exponent: Any) -> Kind:
    return FLOAT


def _numpy_power(op: Callable, b: Kind, e: Kind, exponent: Any) -> Kind:
    # Of bools, some squares are bytes: the exponent's value decides.
    if b.dtype.kind == "b" and e.python is not False and e.tag == "scalar":
        if type(exponent) is Kind:
            raise Unknown
        # the type, because 2 and 2.0 are the same key
        return run(_bool_power, [b], (("exponent", exponent), ("of", type(exponent))))
    if _VALUE_DECIDES and b.tag == "array" and not e.rank:
        if b.dtype.kind not in "fc":
            decides = not b.rank and e.dtype.kind == "f"
        else:
            decides = not e.python and np.promote_types(b.dtype, e.dtype) != b.dtype
        if decides:
            raise Unknown
    return run(op, [b, e])


# In NumPy 2.0, with an exponent that has a loop of its own (2, 0.5, …) an array keeps its dtype,
# and may stay an array if it has no axes.
_VALUE_DECIDES = (np.ones(1, "f4") ** np.float64(1)).dtype == "f4"


def _bool_power(base: Any, exponent: Any, of: type) -> Any:
    return base**exponent


def _python_power(b: Kind, e: Kind, base: Any, exponent: Any) -> Kind:
    """Of Python numbers; those that depend on a sign are not known."""
    if "c" in (b.dtype.kind, e.dtype.kind):
        return COMPLEX
    known = type(exponent) is not Kind
    if b.dtype.kind in "bi" and e.dtype.kind in "bi":
        if e.dtype.kind == "b" or (exponent >= 0 if known else is_length(e.size)):
            return INT
        return FLOAT if known else OBJECT
    if e.dtype.kind in "bi" or known and float(exponent).is_integer():
        return FLOAT
    return FLOAT if type(base) is not Kind and base >= 0 else OBJECT  # a root of a negative number


@abstract(operator.not_, operator.truth, operator.is_, operator.is_not, operator.contains,
          builtins.isinstance, builtins.callable, builtins.hasattr)  # fmt: skip
def truth(op: Callable, *args: Any) -> Kind:
    return BOOL


@abstract(builtins.bool)
def to_bool(op: Callable, x: Any = False) -> Kind:
    return BOOL


@abstract(np.allclose, np.array_equal, np.array_equiv)
def alike(op: Any, *args: Any, **kwargs: Any) -> Kind:
    return BOOL


@abstract(builtins.float)
def to_float(op: Callable, x: Any = 0.0) -> Kind:
    convertible(x)
    return FLOAT


@abstract(builtins.complex)
def to_complex(op: Callable, real: Any = 0.0, imag: Any = 0.0) -> Kind:
    convertible(real)
    return COMPLEX


@abstract(builtins.int, operator.index)
def to_int(op: Callable, x: Any = 0, base: Any = 10) -> Kind:
    """
    >>> infer(int, (INT._replace(size=Size("x.0")),)).size
    x.0
    """
    convertible(x)
    size = _size(x)
    return INT if size is None else INT._replace(size=size)


def convertible(x: Any) -> None:
    """Raises if `x` is an array of more than one element."""
    if type(x) is Kind and x.tag == "array" and x.shape:
        for dim in x.shape:
            if proven_not_one(dim):
                raise TypeError


@abstract(builtins.round)
def to_rounded(op: Callable, number: Any, ndigits: Any = None) -> Kind:
    places = kind(ndigits)
    if places.tag == "none":
        return elementwise(op, number)
    return elementwise(op, number, ndigits)


@abstract(builtins.str, builtins.repr, builtins.format, builtins.bin, builtins.hex, builtins.oct,
          builtins.chr, builtins.ascii, float.hex)  # fmt: skip
def to_text(op: Callable, *args: Any) -> Kind:
    return STR


@abstract(builtins.tuple)
def to_tuple(op: Callable, items: Any = ()) -> Kind:
    found = items_of(items)
    return Kind("tuple") if found is None else tuple_of(*map(as_kind, found))


@abstract(builtins.range)
def to_range(op: Callable, *args: Any) -> Kind:
    return Kind("range")


@abstract(builtins.len)
def length(op: Callable, x: Any) -> Kind:
    found = items_of(x)
    if found is not None:
        return int_of(len(found))
    if type(x) is Kind and x.tag == "array" and x.shape is not None:
        return int_of(x.shape[0])
    if type(x) is Kind and x.tag in ("scalar", "none"):
        raise TypeError
    return int_of(len(x)) if type(x) in (str, bytes, np.ndarray) else INT


@abstract(builtins.max, builtins.min)
def extreme(op: Callable, *args: Any, key: Any = None, default: Any = ...) -> Kind:
    """One of the arguments: what is common to them all."""
    if len(args) == 1:
        found = items_of(args[0])
        if found is None:
            found = (element_of(args[0]),)
        args = found if default is ... else (*found, default)
    first, *others = map(as_kind, args)
    for other in others:
        first = join(first, other)
    return first if not others or first.tag != "scalar" else first._replace(size=None)


def element_of(x: Any) -> Kind:
    """What iterating over `x` gives."""
    if type(x) is not Kind:
        x = kind(x)
    if x.tag == "array" and x.shape is not None:
        rest = x.shape[1:] if x.shape else axis_arg(0, 0)
        return as_array(x, rest) if rest else Kind("scalar", x.dtype, python=False)
    if x.tag == "list" and x.items:
        return item_of(x)
    if x.tag == "range":
        return INT
    raise Unknown


@abstract(builtins.sum)
def python_sum(op: Callable, items: Any, start: Any = 0) -> Kind:
    """Adds from the left; of nothing it is `start`.

    >>> x = Kind("array", np.dtype("f8"), (Size("x.0"),))
    >>> infer(sum, (x,)), infer(sum, (x, FLOAT)), infer(sum, ([INT, FLOAT],))
    (object, f8?, float)
    """
    known = items_of(items)
    first = as_kind(start)._replace(size=None)
    if known is not None:
        for item in known:
            first = arithmetic(operator.add, first, item)
        return first
    element = element_of(items)
    once = arithmetic(operator.add, first, element)
    twice = join(once, arithmetic(operator.add, once, element))
    if type(items) is Kind and items.tag == "array" and type(items.shape[0]) is int:
        return twice if items.shape[0] else first
    return join(first, twice)


MATH = """acos acosh asin asinh atan atan2 atanh cbrt copysign cos cosh degrees dist erf erfc exp
exp2 expm1 fabs fma fmod fsum gamma hypot ldexp lgamma log log10 log1p log2 nextafter pow radians
remainder sin sinh sqrt sumprod tan tanh ulp"""


@abstract(*[getattr(math, name) for name in MATH.split() if hasattr(math, name)])
def mathematics(op: Callable, *args: Any, **kwargs: Any) -> Kind:
    return FLOAT


CMATH = """acos acosh asin asinh atan atanh cos cosh exp log log10 rect sin sinh sqrt tan tanh"""


@abstract(*[getattr(cmath, name) for name in CMATH.split()])
def complex_mathematics(op: Callable, *args: Any) -> Kind:
    return COMPLEX


@abstract(cmath.phase)
def phase(op: Callable, z: Any) -> Kind:
    return FLOAT


@abstract(cmath.polar)
def polar(op: Callable, z: Any) -> Kind:
    return tuple_of(FLOAT, FLOAT)


@abstract(float.is_integer)
def number_test(op: Callable, x: Any) -> Kind:
    return BOOL


@abstract(float.as_integer_ratio, int.as_integer_ratio)
def ratio(op: Callable, x: Any) -> Kind:
    return tuple_of(INT, INT)


@abstract(int.bit_length, int.bit_count)
def bits(op: Callable, x: Any) -> Kind:
    return INT


@abstract(math.isnan, math.isinf, math.isfinite, math.isclose, cmath.isnan, cmath.isinf,
          cmath.isfinite, cmath.isclose)  # fmt: skip
def math_test(op: Callable, *args: Any, **kwargs: Any) -> Kind:
    return BOOL


@abstract(math.factorial, math.gcd, math.lcm, math.isqrt, math.comb, math.perm)
def math_integer(op: Callable, *args: Any) -> Kind:
    return INT


@abstract(math.floor, math.ceil, math.trunc)
def math_rounded(op: Callable, x: Any) -> Kind:
    return elementwise(op, x)


@abstract(math.frexp, math.modf)
def math_parts(op: Callable, x: Any) -> Kind:
    return tuple_of(FLOAT, INT if op is math.frexp else FLOAT)


@abstract(math.prod)
def math_product(op: Callable, items: Any, *, start: Any = 1) -> Kind:
    known, first = items_of(items), as_kind(start)
    whole = type(items) is Kind and items.tag == "array" and items.rank == 1
    if known is None and whole and first.inexact:  # an int is what it is of no items
        number = items._replace(tag="scalar", shape=None, python=False)
        return arithmetic(operator.mul, first, number)._replace(python=None)
    if known is None:
        raise Unknown
    for item in known:
        first = arithmetic(operator.mul, first, item)
    return first


# ---------------------------------------------------------------------------------- reductions

NAMES = {
    "sum prod nansum nanprod": "axis dtype out keepdims initial where",
    "mean nanmean": "axis dtype out keepdims where",
    "max min amax amin nanmax nanmin": "axis out keepdims initial where",
    "any all": "axis out keepdims where",
    "std var nanstd nanvar": "axis dtype out ddof keepdims where mean correction",
    "argmax argmin nanargmax nanargmin": "axis out keepdims",
    "ptp": "axis out keepdims",
    "count_nonzero": "axis keepdims",
    "median nanmedian": "axis out overwrite_input keepdims",
}
REDUCTIONS = {
    getattr(np, name): tuple(parameters.split())
    for names, parameters in NAMES.items()
    for name in names.split()
}


@abstract(*REDUCTIONS)
def reduction(op: Callable, a: Any, *args: Any, **kwargs: Any) -> Kind:
    a = numeric_or_flat(a, args or kwargs)
    if not args and not kwargs:
        return run(op, [a])
    if args:
        kwargs = arguments(REDUCTIONS[op], args, kwargs)
    elif not kwargs.keys() <= set(REDUCTIONS[op]):
        raise TypeError
    out = outputs(kwargs.get("out"))
    if out is not None:
        return out
    axis, keepdims, dtype = kwargs.get("axis"), kwargs.get("keepdims"), kwargs.get("dtype")
    params = []
    if axis is not None:
        if type(axis) is not int:
            axis = static(axis)
        params.append(("axis", axis))
    if keepdims is not None:
        keepdims = bool(static(keepdims))
        params.append(("keepdims", keepdims))
    if dtype is not None:
        params.append(("dtype", dtype_arg(dtype)))
    return finish(run(op, [a], tuple(params)), reduced(a.dims, axis, keepdims))


def _average(a: Any, weights: Any, **params: Any) -> Any:
    return np.average(a, weights=weights, **params)


@abstract(np.average)
def average(op: Callable, a: Any, axis=None, weights=None, returned=False, *, keepdims=False):
    operands = [numeric(a), operand(weights)]
    axis, keepdims = static(axis), bool(static(keepdims))
    params = (("axis", axis), ("keepdims", keepdims), ("returned", bool(static(returned))))
    return finish(run(_average, operands, params), reduced(operands[0].dims, axis, keepdims))


@abstract(np.quantile, np.percentile, np.nanquantile, np.nanpercentile)
def quantile(op: Callable, a: Any, q: Any, axis=None, *, method="linear", keepdims=False) -> Kind:
    a, q, axis, keepdims = numeric(a), numeric(q), static(axis), bool(static(keepdims))
    if a.dtype.kind == "b":
        raise Unknown  # an error, unless it is empty
    params = (("axis", axis), ("keepdims", keepdims), ("method", static(method)))
    return finish(run(op, [a, q], params), (*q.dims, *reduced(a.dims, axis, keepdims)))


@abstract(np.cumsum, np.cumprod, np.nancumsum, np.nancumprod)
def accumulation(op: Callable, a: Any, axis=None, dtype=None, out=None) -> Kind:
    result = outputs(out)
    if result is not None:
        return result
    a, axis = numeric(a), static(axis)
    dims = (product(a.dims),) if axis is None or not a.rank else a.dims
    return finish(run(op, [a], (("axis", axis), ("dtype", dtype_arg(dtype)))), dims)


@abstract(kernels.sinc_derivative)
def slope_of_sinc(op: Callable, x: Any, order: Any) -> Kind:
    return elementwise(np.sinc, x)


@abstract(kernels.polygamma)
def polygamma(op: Callable, n: Any, x: Any) -> Kind:
    return elementwise(np.sinc, x)


@abstract(kernels.bessel_i)
def bessel_i(op: Callable, n: Any, x: Any) -> Kind:
    return elementwise(np.sinc, x)


@abstract(kernels.linear_recurrence)
def recurrence(op: Callable, c: Any, x: Any, axis: Any = -1) -> Kind:
    return elementwise(np.add, c, x)


@abstract(np.sort, np.argsort)
def ordering(op: Callable, a: Any, axis: Any = -1, kind=None, order=None, *, stable=None) -> Kind:
    a, axis = numeric(a), static(axis)
    dims = (product(a.dims),) if axis is None or not a.rank else a.dims
    return finish(run(op, [a], (("axis", axis),)), dims)


@abstract(np.partition, np.argpartition)
def partition(op: Callable, a: Any, kth: Any, axis: Any = -1, kind="introselect") -> Kind:
    return ordering(np.sort if op is np.partition else np.argsort, a, axis)


@abstract(np.trace)
def trace(op: Callable, a: Any, offset=0, axis1=0, axis2=1, dtype=None, out=None) -> Kind:
    result = outputs(out)
    if result is not None:
        return result
    a, axis1, axis2 = numeric(a), static(axis1), static(axis2)
    params = (("axis1", axis1), ("axis2", axis2), ("dtype", dtype_arg(dtype)))
    return finish(run(op, [a], params), reduced(a.dims, (axis1, axis2)))


@abstract(np.trapezoid)
def trapezoid(op: Callable, y: Any, x: Any = None, dx: Any = 1.0, axis: Any = -1) -> Kind:
    y, axis = numeric(y), static(axis)
    step = numeric(dx if x is None else x)
    if x is not None and step.rank > 1 and step.rank != y.rank:
        raise Unknown
    dims = reduced(y.dims, axis)
    spacing = _trapezoid if x is None else _trapezoid_at
    return finish(run(spacing, [y, step], (("axis", axis),)), dims)


def _trapezoid(y: Any, dx: Any, axis: int) -> Any:
    return np.trapezoid(y, None, dx, axis)


def _trapezoid_at(y: Any, x: Any, axis: int) -> Any:
    return np.trapezoid(y, x, 1.0, axis)


# What `infer` knows and what has no effect, unless it is given `out` or the like (see `writes`).
PURE = frozenset(op for op in RULES if callable(op) and op not in WRITERS)
