"""Spellings of one operation, and what an operation shares with its operands or writes to.

    x.reshape(2, 3)      np.reshape(x, (2, 3))
    np.multiply(x, y)    x * y
    x[1:], x.T           views of x
    np.sin(x, out=y)     writes y

Two spellings are one only if they agree in axis, order, aliasing, rounding and errors: `np.copy(x)`
keeps the memory order that `x.copy()` makes C; `x ** 0.5` is a square root, `np.power` is not.
"""

from __future__ import annotations

import builtins
import functools
import inspect
import operator
from collections.abc import Callable
from typing import Any

import numpy as np

from srcdiff.transforms.abstract_core import RULES, NeedsStatic, Unknown, kind, static
from srcdiff.transforms.abstract_shapes import is_basic_key
from srcdiff.transforms.ir import Value
from srcdiff.transforms.kinds import Kind
from srcdiff.transforms.undecided import of_part, undecided_in

Call = tuple[Any, tuple, dict[str, Any]]
ASTYPE = getattr(np, "astype", np.ndarray.astype)  # NumPy 2.0 has no np.astype

# ------------------------------------------------------------------------------------- spellings

# ndarray methods: the function with the same meaning, signatures apart (see `canonical_method`).
METHODS: dict[str, Callable] = {
    name: getattr(np, name)
    for name in """sum prod mean std var max min argmax argmin any all cumsum cumprod trace dot
    round clip squeeze swapaxes repeat take diagonal nonzero searchsorted argsort argpartition
    ravel""".split()
} | {
    "reshape": np.reshape,  # takes x.reshape(2, 3) too
    "transpose": np.transpose,  # takes x.transpose(1, 0) too
    "compress": np.compress,  # the condition first
    "choose": np.choose,
    "copy": np.copy,  # order "C", not "K"
    "astype": ASTYPE,  # not with order or casting; scalars: np.generic.astype
    "conj": np.conjugate,  # returns a real array itself
    "conjugate": np.conjugate,
    "flatten": np.ndarray.flatten,  # always a copy; no function does that
    "item": np.ndarray.item,
    "tolist": np.ndarray.tolist,
}

# What NumPy scalars have too, meaning the same.
_OF_SCALARS = frozenset(
    """sum prod mean std var max min argmax argmin any all cumsum cumprod round clip conj conjugate
    reshape ravel squeeze transpose item""".split()
)

OPERATORS = {
    np.add: operator.add, np.subtract: operator.sub, np.multiply: operator.mul,
    np.divide: operator.truediv, np.floor_divide: operator.floordiv, np.remainder: operator.mod,
    np.power: operator.pow, np.matmul: operator.matmul, np.negative: operator.neg,
    np.positive: operator.pos, np.bitwise_and: operator.and_, np.bitwise_or: operator.or_,
    np.bitwise_xor: operator.xor, np.invert: operator.invert, np.left_shift: operator.lshift,
    np.right_shift: operator.rshift, np.less: operator.lt, np.less_equal: operator.le,
    np.greater: operator.gt, np.greater_equal: operator.ge, np.equal: operator.eq,
    np.not_equal: operator.ne,
}  # fmt: skip
_DUNDERS = {
    f"__{op.__name__.strip('_')}__": op
    for op in OPERATORS.values() if op is not operator.pow
}  # fmt: skip

SAME = {
    np.amax: np.max, np.amin: np.min, np.around: np.round, builtins.pow: operator.pow,
    operator.inv: operator.invert, operator.truth: builtins.bool, builtins.abs: operator.abs,
}  # fmt: skip

_REDUCE = {
    np.add: np.sum, np.multiply: np.prod, np.maximum: np.max, np.minimum: np.min,
    np.logical_and: np.all, np.logical_or: np.any,
}  # fmt: skip


def _kind(arg: Any) -> Kind | None:
    if isinstance(arg, Value):
        return arg.kind
    try:
        return kind(arg) if type(arg) not in (list, tuple) else None
    except Unknown:
        return None


def _is_array(arg: Any) -> bool:
    if isinstance(arg, Value):
        arg = arg.kind
    return arg.tag == "array" if type(arg) is Kind else type(arg) is np.ndarray


def canonical(op: Any, args: tuple, kwargs: dict[str, Any]) -> Call:
    """The call in the one spelling that all calls with the same meaning have.

    >>> from srcdiff.transforms.kinds import FLOAT, array
    >>> canonical(np.multiply, (array("f8", 3), 2), {})
    (<built-in function mul>, (f8[3], 2), {})
    >>> canonical(np.multiply, (FLOAT, 2), {})[0]  # a NumPy scalar, which `*` does not give
    <ufunc 'multiply'>
    """
    op = SAME.get(op, op)
    if kwargs:
        return _canonical_reduce(op, args, kwargs)
    if op is operator.abs:
        x = _kind(args[0]) if len(args) == 1 else None
        if x is not None and (x.tag == "array" or x.tag == "scalar" and x.python is False):
            return np.absolute, args, kwargs
        return op, args, kwargs
    if op in OPERATORS:
        if len(args) == op.nin and _operator_agrees(op, [_kind(arg) for arg in args], args):
            return OPERATORS[op], args, kwargs
        return op, args, kwargs
    if op is np.array and len(args) == 1 and _is_array(args[0]):
        return np.copy, args, kwargs
    if op is np.asanyarray and len(args) == 1:
        return np.asarray, args, kwargs
    return _canonical_reduce(op, args, kwargs)


def _operator_agrees(op: Any, operands: list[Kind | None], args: tuple) -> bool:
    if not all(k is not None and k.numeric and k.dtype is not None for k in operands):
        return False
    arrays = [k for k in operands if k.tag == "array"]
    if op is np.matmul:
        return all(k.rank for k in operands)
    if op is np.power:
        # `x ** 2` and `x ** 0.5` have loops of their own.
        base, exponent = operands
        if exponent.tag == "array" and exponent.rank:
            return True
        square = type(args[1]) in (int, float) and args[1] == 2
        return square and base.tag == "array" and base.dtype.char in "fd"
    if arrays:
        return True
    # Operators warn when NumPy ints overflow, ufuncs do not; complex + np.float64 is complex.
    return any(k.python is False for k in operands) and all(
        k.dtype.kind in "fc" if k.python is False else k.python and k.dtype.kind != "c"
        for k in operands
    )


def _canonical_reduce(op: Any, args: tuple, kwargs: dict[str, Any]) -> Call:
    owner = getattr(op, "__self__", None)
    if (
        isinstance(owner, np.ufunc) and owner in _REDUCE and op.__name__ == "reduce"
        and 1 <= len(args) <= 2 and kwargs.keys() <= {"axis", "keepdims"} and _is_array(args[0])
    ):  # fmt: skip
        axis = args[1] if len(args) == 2 else kwargs.get("axis", 0)
        return _REDUCE[owner], args[:1], {**kwargs, "axis": axis}
    return op, args, kwargs


def canonical_method(
    name: str, args: tuple, kwargs: dict[str, Any], of: Kind | None = None
) -> Call | None:
    """The function call that means `args[0].name(*args[1:], **kwargs)`; None if there is none.

    With `of`, the kind of args[0], the args may be anything.

    >>> from srcdiff.transforms.kinds import array
    >>> op, args, kwargs = canonical_method("reshape", (array("f8", 6), 2, 3), {})
    >>> op is np.reshape, args, kwargs
    (True, (f8[6], (2, 3)), {})
    >>> canonical_method("copy", (array("f8", 6),), {})[2]
    {'order': 'C'}
    """
    x = _kind(args[0]) if of is None else of
    if x is None or not x.numeric or x.dtype is None:
        return None
    if x.tag == "scalar" and (x.python is not False or name not in _OF_SCALARS):
        scalar_astype = name == "astype" and x.python is False
        return (np.generic.astype, args, kwargs) if scalar_astype else None
    if name in _DUNDERS and x.tag == "array" and not kwargs:
        if all(k is not None and k.numeric for k in map(_kind, args)):
            return _DUNDERS[name], args, kwargs
        return None
    op = METHODS.get(name)
    if op is None:
        return None
    rest = args[1:]
    if name == "reshape":
        if len(rest) == 1:
            return op, args, kwargs
        return (op, (args[0], rest), kwargs) if rest else None
    if name == "transpose":
        return op, args[:1] + ((rest,) if len(rest) > 1 else rest), kwargs
    if name == "compress":
        return op, (rest[0], args[0], *rest[1:]), kwargs
    if name == "copy":
        order = rest[0] if rest else kwargs.get("order", "C")
        return op, args[:1], {"order": order}
    if name == "clip":
        kwargs = dict(kwargs)
        low, high = (*rest, None, None)[:2] if rest else (None, None)
        low, high = kwargs.pop("min", low), kwargs.pop("max", high)
        return op, (args[0], low, high, *rest[2:]), kwargs
    if name in ("conj", "conjugate") and x.tag == "array" and x.dtype.kind != "c":
        return (np.ndarray.conj, args, kwargs) if not rest and not kwargs else None
    if name == "astype":
        if len(rest) != 1 or not kwargs.keys() <= {"copy"}:
            return np.ndarray.astype, args, kwargs
    return op, args, kwargs


def _dtype(dtype: Any) -> np.dtype:
    return np.dtype(static(dtype))


# -------------------------------------------------------------------------------------- aliasing

_VIEWS = frozenset([
    np.transpose, np.permute_dims, np.matrix_transpose, np.linalg.matrix_transpose, np.swapaxes,
    np.moveaxis, np.expand_dims, np.squeeze, np.broadcast_to, np.broadcast_arrays, np.flip,
    np.fliplr, np.flipud, np.rot90, np.diagonal, np.split, np.array_split, np.hsplit, np.vsplit,
    np.dsplit,
])  # fmt: skip
_MAYBE = frozenset([
    np.ravel, np.ascontiguousarray, np.asfortranarray, np.require, np.ix_,
    np.lib.stride_tricks.sliding_window_view,
])  # fmt: skip


def aliasing(op: Any, args: tuple, kwargs: dict[str, Any] | None = None) -> str | None:
    """What the result shares with operand 0 (of `np.einsum` the first array; of
    `np.broadcast_arrays` and the like, result k with operand k). Leaves are kinds or `Value`s.

    "fresh"  new memory, or a number
    "view"   its memory, always (perhaps the operand itself)
    "self"   it is the operand
    "maybe"  depends on the memory order of the operand, or on a value
    None     not known; also what `out=` returns, and containers

    >>> from srcdiff.transforms.kinds import array
    >>> x = array("f8", 3, 4)
    >>> aliasing("getitem", (x, 1)), aliasing("getitem", (x, (1, 2))), aliasing(np.ravel, (x,))
    ('view', 'fresh', 'maybe')
    >>> aliasing(np.asarray, (x,)), aliasing(np.asarray, (x, np.float32))
    ('self', 'fresh')
    """
    kwargs = kwargs or {}
    if isinstance(op, str) and op == "identity":
        return "self"
    args, kwargs = _kinds(args), _kinds(kwargs)
    if undecided_in((args, kwargs)):
        real, wide = (aliasing(op, *of_part((args, kwargs), p)) for p in ("real", "complex"))
        return real if real == wide else None if None in (real, wide) else "maybe"
    if writes(op, args, kwargs):
        return None
    try:
        rule = _ALIASING.get(op)
        if rule is None and not _known(op):
            return None
        x = args[0] if args else None
        if rule is not None:
            return rule(x, args, kwargs)
        if op in _VIEWS:
            if any(map(_is_array, args)):
                return "view"
            return "maybe" if any(map(_is_unknown, args)) else "fresh"
        if isinstance(op, type) and issubclass(op, np.generic):
            return _of_cast(op, x)
        if op in _MAYBE:
            return "maybe" if _is_array(x) or _is_unknown(x) else "fresh"
        return "fresh"
    except (NeedsStatic, TypeError, IndexError):
        return "maybe"


def _is_unknown(x: Any) -> bool:
    return type(x) is Kind and x.tag == "object"


def _kinds(tree: Any) -> Any:
    """The tree with kinds for values."""
    if isinstance(tree, Value):
        return tree.kind
    if type(tree) in (tuple, list):
        return type(tree)([_kinds(branch) for branch in tree])
    return {k: _kinds(v) for k, v in tree.items()} if type(tree) is dict else tree


def _known(op: Any) -> bool:
    return op in RULES or isinstance(op, np.ufunc) or isinstance(
        getattr(op, "__self__", None), np.ufunc)


def _of_getitem(x: Any, args: tuple, kwargs: dict) -> str | None:
    if not _is_array(x):
        return "fresh" if type(x) is Kind and x.tag in ("scalar", "str") else None
    key = args[1]
    if not is_basic_key(key):
        return "fresh"
    parts = key if type(key) is tuple else key.items if type(key) is Kind and key.items else (key,)
    if type(key) is Kind and key.tag == "array" and not key.rank:
        return "fresh"
    numbers = all(type(p) is Kind and p.numeric or isinstance(p, (int, np.integer)) for p in parts)
    rank = x.rank if type(x) is Kind else x.ndim
    if not numbers:
        return "view"
    return "maybe" if rank is None else "fresh" if len(parts) == rank else "view"


def _of_asarray(x: Any, args: tuple, kwargs: dict) -> str:
    dtype = args[1] if len(args) > 1 else kwargs.get("dtype")
    copy = _copies(kwargs.get("copy"))
    if not _is_array(x) or copy or dtype is not None and _dtype(dtype) != x.dtype:
        return "fresh"
    if len(args) > 2 or kwargs.get("order", "K") not in (None, "K", "A"):
        return "maybe"
    return "view" if kwargs.get("ndmin") else "self"


def _of_array(x: Any, args: tuple, kwargs: dict) -> str:
    return "fresh" if _copies(kwargs.get("copy", True)) else _of_asarray(x, args, kwargs)


def _copies(copy: Any) -> bool:
    """Whether `copy=` asks for a copy: True, or a member of NumPy's private enumeration."""
    return getattr(static(copy), "value", static(copy)) in (True, 1)


def _of_astype(x: Any, args: tuple, kwargs: dict) -> str:
    if not _is_array(x) or len(args) > 2:
        return "maybe" if _is_array(x) else "fresh"
    dtype = args[1] if len(args) > 1 else kwargs["dtype"]
    if static(kwargs.get("copy", True)) or _dtype(dtype) != x.dtype:
        return "fresh"
    return "self" if not kwargs.keys() - {"copy", "dtype"} else "maybe"


def _of_cast(op: type, x: Any) -> str:
    """`np.float64(x)` is x if it holds such numbers already, and more than one."""
    if not _is_array(x) or (x.rank if type(x) is Kind else x.ndim) == 0:
        return "fresh"
    return "maybe" if x.dtype.type is op else "fresh"


def _of_reshape(x: Any, args: tuple, kwargs: dict) -> str:
    copy = kwargs.get("copy")
    if not _is_array(x) or copy is True:
        return "fresh"
    return "view" if copy is False else "maybe"


def _of_real(x: Any, args: tuple, kwargs: dict) -> str:
    if not _is_array(x):
        return "fresh"
    return "view" if x.dtype.kind == "c" else "self"


def _of_real_if_close(x: Any, args: tuple, kwargs: dict) -> str:
    if not _is_array(x):
        return "fresh"
    return "maybe" if x.dtype.kind == "c" else "self"


def _of_imag(x: Any, args: tuple, kwargs: dict) -> str:
    return "view" if _is_array(x) and x.dtype.kind == "c" else "fresh"


def _of_diag(x: Any, args: tuple, kwargs: dict) -> str:
    if not _is_array(x):
        return "fresh"
    rank = x.rank if type(x) is Kind else x.ndim
    return "maybe" if rank is None else "view" if rank == 2 else "fresh"


def _of_einsum(x: Any, args: tuple, kwargs: dict) -> str:
    if len(args) != 2 or type(x) is not str:
        return "fresh" if type(x) is str else "maybe"
    inputs, arrow, output = x.replace(" ", "").replace("...", ".").partition("->")
    if not arrow:
        output = "".join(c for c in set(inputs) if inputs.count(c) == 1)
    if set(inputs) != set(output):
        return "fresh"
    return "maybe" if kwargs or not output else "view"


def _of_atleast(rank: int) -> Callable:
    def rule(x: Any, args: tuple, kwargs: dict) -> str:
        if not any(map(_is_array, args)):
            return "maybe" if any(map(_is_unknown, args)) else "fresh"
        found = x.rank if type(x) is Kind else np.ndim(x)
        return "self" if len(args) == 1 and found is not None and found >= rank else "view"

    return rule


def _of_power(x: Any, args: tuple, kwargs: dict) -> str:
    n = args[1] if len(args) > 1 else kwargs["n"]
    if type(n) is not int:
        return "maybe"
    return "self" if n == 1 and _is_array(x) else "fresh"


def _of_diff(x: Any, args: tuple, kwargs: dict) -> str:
    n = args[1] if len(args) > 1 else kwargs.get("n", 1)
    if type(n) is not int:
        return "maybe"
    return "self" if n == 0 and _is_array(x) else "fresh"


def _of_meshgrid(x: Any, args: tuple, kwargs: dict) -> str:
    copy = kwargs.get("copy", True)
    return "fresh" if copy is True else "maybe"


def _of_extreme(x: Any, args: tuple, kwargs: dict) -> str | None:
    numbers = all(type(a) is Kind and a.tag == "scalar" or type(a) in (int, float) for a in args)
    return "fresh" if numbers else None


def _of_attribute(x: Any, args: tuple, kwargs: dict) -> str | None:
    name = args[1]
    if name in ("T", "mT"):
        return "view" if _is_array(x) else "fresh"
    if name in ("shape", "ndim", "size", "dtype"):
        return "fresh"
    rule = {"real": _of_real, "imag": _of_imag}.get(name)
    return rule and rule(x, args, kwargs)


def _of_round(x: Any, args: tuple, kwargs: dict) -> str:
    # NumPy 2.0 returns an array of ints as it is.
    return "maybe" if _is_array(x) and x.dtype.kind in "biu" else "fresh"


def _of_conj(x: Any, args: tuple, kwargs: dict) -> str:
    return "self" if _is_array(x) and x.dtype.kind != "c" else "fresh"


def _contents(x: Any, args: tuple, kwargs: dict) -> None:
    return None


def _fresh(x: Any, args: tuple, kwargs: dict) -> str:
    return "fresh"


_ALIASING: dict[Any, Callable] = {
    **{f: _fresh for f in (np.fft.fft, np.fft.ifft, np.fft.rfft, np.fft.irfft)},
    "getitem": _of_getitem, operator.getitem: _of_getitem, "attribute": _of_attribute,
    np.asarray: _of_asarray, np.asanyarray: _of_asarray, np.array: _of_array,
    ASTYPE: _of_astype, "astype": _of_astype, np.ndarray.astype: _of_astype,
    np.reshape: _of_reshape, np.round: _of_round, np.around: _of_round,
    np.real: _of_real, np.real_if_close: _of_real_if_close, np.imag: _of_imag, np.diag: _of_diag,
    np.einsum: _of_einsum, np.linalg.matrix_power: _of_power, np.diff: _of_diff,
    np.atleast_1d: _of_atleast(1), np.atleast_2d: _of_atleast(2), np.atleast_3d: _of_atleast(3),
    np.meshgrid: _of_meshgrid, builtins.max: _of_extreme, builtins.min: _of_extreme,
    np.ndarray.conj: _of_conj, "tuple": _contents, "list": _contents, builtins.tuple: _contents,
    builtins.sum: _contents,
}  # fmt: skip

# ---------------------------------------------------------------------------------------- writing

# Methods that write the array they belong to.
WRITING_METHODS = frozenset("sort fill put partition resize itemset setfield setflags".split())
WRITERS = frozenset([
    np.copyto, np.put, np.place, np.putmask, np.fill_diagonal, np.put_along_axis,
    operator.setitem, operator.delitem, np.ndarray.sort, np.ndarray.fill,
    np.ndarray.put, np.ndarray.partition, np.ndarray.resize,
    *[getattr(operator, name) for name in """iadd isub imul itruediv ifloordiv imod ipow imatmul
      iand ior ixor ilshift irshift""".split()],
])  # fmt: skip


def writes(op: Any, args: tuple, kwargs: dict[str, Any] | None = None) -> tuple[int | str, ...]:
    """The operands that the call writes to: positions and keywords.

    A str is the name of an ndarray method. Of a structural operation, `setitem` and the like, this
    is not asked: they are pure.

    >>> from srcdiff.transforms.kinds import array
    >>> x = array("f8", 3)
    >>> writes(np.sin, (x,), {"out": x}), writes(np.sin, (x, x)), writes(np.add.at, (x, 0, 1.0))
    (('out',), (1,), (0,))
    >>> writes("sort", (x,)), writes(np.sum, (x, 0, None, x)), writes(np.sum, (x, 0))
    ((0,), (3,), ())
    """
    kwargs = kwargs or {}
    if type(op) is str:
        if op in WRITING_METHODS or op == "byteswap" and (len(args) > 1 or kwargs):
            return (0,)
        return ("out",) if kwargs.get("out") is not None else ()
    found: list[int | str] = []
    name, owner = getattr(op, "__name__", ""), getattr(op, "__self__", None)
    if op in WRITERS or name == "at" and isinstance(owner, np.ufunc):
        found.append(0)
    elif name == "shuffle" and type(owner).__module__.startswith("numpy.random"):
        found.append(0)
    elif kwargs.get("overwrite_input") or op is np.nan_to_num and not (
        args[1] if len(args) > 1 else kwargs.get("copy", True)
    ):
        found.append(0)
    if isinstance(op, np.ufunc):
        found.extend(i for i in range(op.nin, len(args)) if args[i] is not None)
    elif len(args) > 1 and op in RULES:
        at = _out_position(op)
        if at is not None and at < len(args) and args[at] is not None:
            found.append(at)
    if kwargs.get("out") is not None and kwargs["out"] != (None,):
        found.append("out")
    return tuple(found)


def with_named_out(op: Any, args: tuple, kwargs: dict[str, Any]) -> tuple[tuple, dict[str, Any]]:
    """The arguments of a call, with `out` and what stands after it by their names.

    >>> with_named_out(np.sum, ("x", 0, None, None, True), {})
    (('x', 0, None), {'out': None, 'keepdims': True})
    """
    if len(args) < 2 or isinstance(op, np.ufunc) or isinstance(op, str) or op not in RULES:
        return args, kwargs
    at = _out_position(op)
    if at is None or at >= len(args):
        return args, kwargs
    names = list(inspect.signature(op).parameters)
    return args[:at], {**dict(zip(names[at:], args[at:])), **kwargs}


@functools.cache
def _out_position(op: Any) -> int | None:
    """Where `out` stands among the positional arguments."""
    if getattr(op, "__module__", None) in ("builtins", "math", "_operator") or type(op) is type:
        return None
    try:
        parameters = inspect.signature(op).parameters.values()
    except (TypeError, ValueError):
        return None
    names = [p.name for p in parameters if p.kind is not p.KEYWORD_ONLY]
    return names.index("out") if "out" in names else None
