"""What the rules of `abstract` are made of: lengths, shapes, results of one-element runs.

    broadcast   f8[x.0,1] with f8[y.0]     (x.0, y.0)
    run         np.add on i8[_], f4[_]     f8[1]
    dim_of      the int n of `np.zeros(n)` n

A length that is not known gets a name made of what it was computed from, `b(x.0,y.0)`, so that the
same computation gives the same length twice.
"""

from __future__ import annotations

import functools
import itertools
import warnings
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from srcdiff.transforms.kinds import (
    BOOL,
    COMPLEX,
    FLOAT,
    INT,
    NONE,
    OBJECT,
    STR,
    Dim,
    Kind,
    Size,
    fresh_size,
    join,
    proven_not_one,
    proven_one,
)

RULES: dict[Any, Callable] = {}


class NeedsStatic(Exception):
    """The rank of the result, or the number of results, depends on the value of `leaf`.

    `leaf` is the very object that stood among the arguments: compare it with `is`.
    """

    def __init__(self, leaf: Kind):
        super().__init__(f"{leaf!r} decides how many axes there are")
        self.leaf = leaf


class Unknown(Exception):
    """There is a result, and nothing is known of it."""


def abstract(*ops: Any) -> Callable:
    """The decorated function answers for `ops`: `rule(op, *args, **kwargs) -> Kind`.

    It may raise `Unknown`, `NeedsStatic`, or anything else where NumPy would raise too.
    """

    def register(rule: Callable) -> Callable:
        RULES.update(dict.fromkeys(ops, rule))
        return rule

    return register


# ------------------------------------------------------------------------------------- leaves

CONSTANTS = {
    bool: BOOL, int: INT, float: FLOAT, complex: COMPLEX, type(None): NONE, str: STR,
    type(...): Kind("ellipsis"), bytes: Kind("bytes"),
}  # fmt: skip


def kind(tree: Any) -> Kind:
    """The kind of an operand: a leaf, a constant, or a nested sequence read as an array.

    >>> kind(2.5), kind([[1, 2.0], (FLOAT, 3)]), kind(np.float32(1))
    (float, f8[2,2], f4)
    """
    if type(tree) is Kind:
        return tree
    found = CONSTANTS.get(type(tree))
    if found is not None:
        return found
    if type(tree) in (list, tuple):
        return array_of(tree)
    if type(tree) is np.ndarray:
        return Kind("array", tree.dtype, tree.shape)
    if isinstance(tree, np.generic) and tree.dtype.kind in "biufc":
        return Kind("scalar", tree.dtype, python=False)
    raise Unknown


def numeric(tree: Any) -> Kind:
    """The kind of an operand that NumPy makes an array of; dtype and rank are known.

    >>> numeric(Kind("tuple", items=(INT, FLOAT)))
    f8[2]
    """
    if type(tree) is not Kind:
        tree = kind(tree)
    if tree.tag in ("tuple", "list"):
        tree = array_of(tree)
    if tree.dtype is None or tree.dims is None or tree.dtype.kind not in "biufc":
        raise Unknown if tree.tag in ("array", "object", "tuple", "list") else TypeError
    return tree


def array_of(tree: Any) -> Kind:
    """The array that NumPy makes of nested sequences."""
    dtypes: list[np.dtype] = []
    dims = _nested(tree, dtypes)
    return Kind("array", functools.reduce(np.promote_types, dtypes or [np.dtype(float)]), dims)


def _nested(tree: Any, dtypes: list[np.dtype]) -> tuple[Dim, ...]:
    if type(tree) is Kind and tree.tag == "tuple" and tree.items is not None:
        tree = tree.items
    elif type(tree) is Kind and tree.tag == "list":
        # An empty list makes f8[0]: only a list of Python floats makes f8[_] in both cases.
        if tree.items != (FLOAT,):
            raise Unknown
        dtypes.append(FLOAT.dtype)
        return (fresh_size(),)
    if type(tree) in (list, tuple):
        inner = [_nested(branch, dtypes) for branch in tree]
        if not inner:
            return (0,)
        if len({len(dims) for dims in inner}) != 1:
            raise ValueError("ragged")
        return (len(inner), *map(same_length, *inner)) if len(inner) > 1 else (1, *inner[0])
    if type(tree) is int:
        dtypes.append(np.asarray(tree).dtype)
        return ()
    leaf = kind(tree)
    if leaf.dtype is None or leaf.dims is None or leaf.dtype.kind not in "biufc":
        raise Unknown
    dtypes.append(leaf.dtype)
    return leaf.dims


def static(tree: Any) -> Any:
    """The tree, if it holds no dynamic value."""
    if type(tree) is Kind:
        if tree.tag == "none":
            return None
        if tree.tag == "tuple" and tree.items is not None:
            return static(tree.items)
        if tree.python and type(tree.size) is int:
            return tree.size
        raise NeedsStatic(tree)
    if type(tree) in (list, tuple):
        return type(tree)([static(branch) for branch in tree])
    return tree


def dtype_arg(dtype: Any) -> np.dtype | None:
    return None if dtype is None else np.dtype(static(dtype))


def axis_arg(axis: Any, rank: int) -> int:
    """A static axis, counted from the front."""
    if type(axis) is not int:
        axis = int(static(axis))
    if not -rank <= axis < rank:
        raise IndexError(axis)
    return axis % rank


def axes_arg(axis: Any, rank: int) -> tuple[int, ...]:
    """Static axes, counted from the front; all of them for None."""
    if axis is None:
        return tuple(range(rank))
    axis = static(axis)
    if type(axis) not in (tuple, list):
        return () if axis is None and not rank else axes_arg_of(axis, rank)
    found = tuple(axis_arg(one, rank) for one in axis)
    if len(set(found)) != len(found):
        raise ValueError("repeated axis")
    return found


def axes_arg_of(axis: Any, rank: int) -> tuple[int, ...]:
    if axis is None:
        return tuple(range(rank))
    # NumPy lets the axis of a number be 0 or -1.
    return () if not rank and axis in (0, -1) else (axis_arg(axis, rank),)


def reduced(dims: tuple[Dim, ...], axis: Any, keepdims: Any = False) -> tuple[Dim, ...]:
    """The shape that is left: axis is None, an int, or several."""
    gone = axes_arg(axis, len(dims))
    if keepdims:
        return tuple([1 if i in gone else dim for i, dim in enumerate(dims)])
    return tuple([dim for i, dim in enumerate(dims) if i not in gone])


def numeric_or_flat(a: Any, with_options: Any) -> Kind:
    """An operand; one of unknown rank does when the result is a number in any case."""
    if not with_options and type(a) is Kind and a.tag == "array" and a.shape is None:
        return a._replace(shape=(1,))
    return numeric(a)


# ------------------------------------------------------------------------------------- lengths

_parts: dict[str, tuple] = {}  # what the names of sums, products and broadcasts are made of


def named(what: str, parts: Iterable[Dim], not_one: bool = False) -> Size:
    """The length that a function of other lengths gives: named after them."""
    parts = tuple(parts)
    base = f"{what}({','.join(map(repr, parts))})"
    if len(base) > 120:
        from hashlib import blake2b

        base = f"{what}(#{blake2b(base.encode(), digest_size=9).hexdigest()})"
    if len(_parts) > 10_000:
        _parts.clear()
    _parts[base] = (what, parts)
    return Size(base, 0, not_one)


def _flat(what: str, dims: Iterable[Dim]) -> list[Dim]:
    found: list[Dim] = []
    for dim in dims:
        known = _parts.get(dim.base) if type(dim) is Size and dim.minus == 0 else None
        if known is not None and known[0] == what:
            found.extend(known[1])
        else:
            found.append(dim)
    return found


def is_length(size: Dim | None) -> bool:
    """Whether a number of this `Kind.size` is surely not negative.

    An int that is `base - minus` may be below zero, and so may an int of the program (whose base
    is its name, an identifier).
    """
    if type(size) is int:
        return size >= 0
    return size is not None and size.minus <= 0 and not size.base.isidentifier()


def dim_of(number: Any) -> Dim:
    """The length that a number stands for where a negative one would be an error or mean 0."""
    if type(number) is int:
        return max(number, 0)
    if type(number) is Kind:
        if number.tag not in ("scalar", "array", "object"):
            raise TypeError
        if number.tag == "scalar" and number.dtype.kind not in "biu":
            raise TypeError
        if number.size is None:
            return fresh_size()
        return max(number.size, 0) if type(number.size) is int else number.size
    return max(int(number.__index__()), 0)


def int_of(dim: Dim) -> Kind:
    """The Python int that is a length."""
    return INT._replace(size=dim)


def sequence(shape: Any) -> tuple:
    """The items of an argument that may be one number or several: a shape, repetitions."""
    if type(shape) is Kind:
        if shape.tag == "tuple" and shape.items is not None:
            return shape.items
        if shape.tag == "array" and shape.rank == 1 and type(shape.shape[0]) is int:
            return (Kind("scalar", shape.dtype, python=False),) * shape.shape[0]
        if shape.rank == 0:
            return (shape,)
        raise NeedsStatic(shape)
    if type(shape) is np.ndarray:
        return tuple(shape.tolist())
    return tuple(shape) if type(shape) in (tuple, list) else (shape,)


def shape_arg(shape: Any) -> tuple[Dim, ...]:
    """The lengths that the shape argument of `np.zeros` names.

    >>> shape_arg((2, INT._replace(size=Size("x.0")))), shape_arg(3)
    ((2, x.0), (3,))
    """
    return tuple([dim_of(number) for number in sequence(shape)])


def same_length(*dims: Dim) -> Dim:
    """Lengths that NumPy requires to be equal: the one most is known of."""
    best = dims[0]
    for dim in dims[1:]:
        if type(dim) is int and type(best) is int and dim != best:
            raise ValueError("lengths differ")
        if type(best) is not int and (
            type(dim) is int or proven_not_one(dim) > proven_not_one(best)
        ):
            best = dim
    return best


def product(dims: Iterable[Dim]) -> Dim:
    """
    >>> product((2, Size("x.0"), 1)), product((2, 3)), product((Size("x.0"), 1))
    (mul(2,x.0), 6, x.0)
    """
    number, sizes = 1, []
    for dim in _flat("mul", dims):
        if type(dim) is int:
            number *= dim
        else:
            sizes.append(dim)
    if number == 0 or not sizes:
        return number
    if number == 1 and len(sizes) == 1:
        return sizes[0]
    not_one = number > 1 or any(map(proven_not_one, sizes))
    sizes.sort(key=repr)
    return named("mul", ([number] if number > 1 else []) + sizes, not_one)


def quotient(whole: tuple[Dim, ...], parts: Iterable[Dim]) -> Dim:
    """The length that `reshape` puts for -1; the other lengths are not 0, or it would raise."""
    top, bottom = _flat("mul", whole), _flat("mul", parts)
    for dim in list(bottom):
        if type(dim) is Size:
            for other in top:
                if type(other) is Size and other[:2] == dim[:2]:
                    top.remove(other)
                    bottom.remove(dim)
                    break
    over, under = product(top), product(bottom)
    if type(under) is int and under > 0:
        if type(over) is int:
            if over % under:
                raise ValueError("cannot reshape")
            return over // under
        if under == 1:
            return over
        numbers = int(np.prod([t for t in top if type(t) is int], dtype=object))
        if numbers % under == 0:
            return product([numbers // under, *(t for t in top if type(t) is Size)])
    elif under == 0:
        raise ValueError("cannot reshape")
    return named("div", (over, under))


def total(dims: Iterable[Dim]) -> Dim:
    """
    >>> total((Size("x.0"), 2)), total((Size("x.0"), Size("y.0"), 1))
    (x.0+2, add(1,x.0,y.0))
    """
    number, sizes = 0, []
    for dim in _flat("add", dims):
        if type(dim) is int:
            number += dim
        else:
            sizes.append(dim)
    if not sizes:
        return number
    if len(sizes) == 1:
        if number == 0:
            return sizes[0]
        if sizes[0].minus <= 0:
            return Size(sizes[0].base, sizes[0].minus - number, sizes[0].not_one)
    sizes.sort(key=repr)
    return named("add", ([number] if number else []) + sizes, number > 1)


def least(a: Dim, b: Dim) -> Dim:
    """The smaller of two lengths."""
    if a == b or type(b) is int and b == 0:
        return b
    if type(a) is int:
        return min(a, b) if type(b) is int else 0 if a == 0 else named("min", (a, b))
    if type(b) is Size and a.base == b.base:
        return a if a.minus >= b.minus else b
    return named("min", sorted((a, b), key=repr))


def broadcast_dims(a: Dim, b: Dim) -> Dim:
    """
    >>> x, y = Size("x.0"), Size("y.0")
    >>> broadcast_dims(1, x), broadcast_dims(3, x), broadcast_dims(y, x)
    (x.0, 3, b(x.0,y.0))
    """
    if a == b:
        return a
    if proven_one(a) or not proven_one(b) and type(b) is int:
        if type(a) is int and a != 1:
            raise ValueError("lengths differ")
        return b
    if type(a) is int or proven_not_one(a) or proven_one(b):
        return a
    if proven_not_one(b):
        return b
    members = {d[:2]: d for d in _flat("b", (a, b))}
    if len(members) == 1:
        return a
    return named("b", sorted(members.values(), key=repr))


def broadcast(*shapes: tuple[Dim, ...]) -> tuple[Dim, ...]:
    """The shape that shapes broadcast to.

    >>> broadcast((3, 1), (Size("y.0"),), ())
    (3, y.0)
    """
    out = ()
    for shape in shapes:
        if not shape or shape == out:
            continue
        if not out:
            out = shape
            continue
        long, short = (out, shape) if len(out) >= len(shape) else (shape, out)
        lead = len(long) - len(short)
        out = (*long[:lead], *map(broadcast_dims, long[lead:], short))
    return out


# ------------------------------------------------------------- results of one-element operations

_templates: dict[tuple, Kind | None] = {}
_MARKS = {True: "python", False: "numpy", None: "either"}


def mark(k: Kind) -> Any:
    """What about a kind, apart from its dtype, decides the type of a result."""
    if k.tag == "array":
        if k.shape is None:
            raise Unknown
        return len(k.shape)
    if k.tag == "scalar":
        return _MARKS[k.python]
    if k.tag in ("none", "str"):
        return k.tag
    raise Unknown


def run(op: Callable, operands: Sequence[Kind], params: tuple = ()) -> Kind:
    """The kind that `op` gives for operands that have one element: right but for the lengths.

    >>> run(np.sum, [Kind("array", np.dtype("f4"), (3, 4))], (("axis", 0),))
    f4[1]
    """
    key = (op, params, *[part for k in operands for part in (k.dtype, mark(k))])
    try:
        found = _templates[key]
    except KeyError:
        found = _templates[key] = _run(op, operands, dict(params))
    except TypeError:  # an unhashable parameter
        found = _run(op, operands, dict(params))
    if found is None:
        raise TypeError
    return found


def _run(op: Callable, operands: Sequence[Kind], params: dict[str, Any]) -> Kind | None:
    """None where NumPy raises."""
    choices = []
    for k in operands:
        if k.dtype is not None and k.dtype.kind not in "biufc" or k.numeric and k.dtype is None:
            return OBJECT
        if k.tag == "array":
            choices.append([np.ones((1,) * len(k.shape), k.dtype)])
        elif k.tag == "scalar":
            numpy = k.dtype.type(1)
            choices.append({True: [numpy.item()], False: [numpy], None: [numpy.item(), numpy]}[
                k.python
            ])
        else:
            choices.append([None if k.tag == "none" else ""])
    if sum(len(choice) > 1 for choice in choices) > 4:
        return OBJECT
    found = []
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for values in itertools.product(*choices):
            try:
                found.append(template(op(*values, **params)))
            except Exception:
                if len(choices) == 0 or all(len(choice) == 1 for choice in choices):
                    return None
    return functools.reduce(either, found) if found else None


def either(a: Kind, b: Kind) -> Kind:
    """What covers two results for one operand, which is Python's number or NumPy's.

    >>> from srcdiff.transforms.kinds import scalar
    >>> either(FLOAT, scalar("f4"))
    f4?
    """
    for one, other in ((a, b), (b, a)):
        if one.tag == other.tag == "scalar" and one.python and one.dtype != other.dtype:
            if one.dtype.kind == other.dtype.kind and one.dtype.kind in "fc":
                return other._replace(python=None)
    return join(a, b)


def template(obj: Any) -> Kind:
    """The kind of a result, lengths included."""
    if type(obj) in (tuple, list) or isinstance(obj, tuple):
        tag = "list" if type(obj) is list else "tuple"
        return Kind(tag, items=tuple(map(template, obj)))
    try:
        return kind(obj)
    except Unknown:
        return OBJECT


def finish(found: Kind, dims: tuple[Dim, ...]) -> Kind:
    """The result of `run` with its true lengths."""
    if found.tag == "array":
        # A disagreement would be an error of a rule.
        return Kind("array", found.dtype, dims) if len(found.shape) == len(dims) else OBJECT
    if found.tag == "tuple":
        return Kind("tuple", items=tuple([finish(item, dims) for item in found.items]))
    return found if not dims else OBJECT


def elementwise(op: Callable, *args: Any, **kwargs: Any) -> Kind:
    """Ufuncs, operators, and what else works element by element on all its operands."""
    if kwargs or isinstance(op, np.ufunc) and len(args) != op.nin:
        return _elementwise_with(op, args, kwargs)
    operands = []
    shape: tuple[Dim, ...] = ()
    for arg in args:
        if type(arg) is not Kind:
            arg = kind(arg)
        if arg.tag == "array":
            dims = arg.shape
            if not shape:
                shape = dims
            elif dims and dims != shape:
                shape = broadcast(shape, dims)
        elif arg.tag in ("tuple", "list"):
            arg = numeric(arg)
            shape = broadcast(shape, arg.shape)
        operands.append(arg)
    found = run(op, operands)
    if not shape:
        return found
    if found.tag == "array" and len(found.shape) == len(shape):
        return Kind("array", found.dtype, shape)
    return finish(found, shape)


def _elementwise_with(op: Callable, args: tuple, kwargs: dict[str, Any]) -> Kind:
    """`out=` is what is returned, `where=` broadcasts with the operands."""
    nin = op.nin if isinstance(op, np.ufunc) else len(args)
    if len(args) < nin:
        raise TypeError
    out = outputs(kwargs.pop("out", args[nin:]))
    if out is not None:
        return out
    where = kwargs.pop("where", True)
    operands = [operand(arg) for arg in args[:nin]]
    params = tuple([(name, static(value)) for name, value in kwargs.items()])
    dims = broadcast(*[k.dims for k in operands if k.numeric])
    if where is not True:
        dims = broadcast(dims, numeric(where).dims)
        operands = [as_array(k, (1,) * len(dims)) if k.numeric else k for k in operands]
    return finish(run(op, operands, params), dims)


def operand(tree: Any) -> Kind:
    """The kind of an operand of a ufunc: None and text stay what they are."""
    k = kind(tree)
    return numeric(k) if k.tag in ("tuple", "list", "array") else k


def outputs(out: Any) -> Kind | None:
    """What a call returns whose `out` argument is this: the same object."""
    if type(out) is tuple:
        found = [outputs(one) for one in out]
        if not found or None in found:
            return None
        return found[0] if len(found) == 1 else tuple_of(*found)
    if out is None or type(out) is Kind and out.tag == "none":
        return None
    found = kind(out)
    if found.tag not in ("array", "object"):
        raise TypeError
    return found


def as_array(a: Kind, dims: tuple[Dim, ...], dtype: np.dtype | None = None) -> Kind:
    return Kind("array", dtype or a.dtype, dims)


def tuple_of(*items: Kind) -> Kind:
    return Kind("tuple", items=items)


def list_of(*items: Kind) -> Kind:
    return Kind("list", items=items)
