"""Abstract values of what selects, shapes and makes arrays: part of `abstract`.

    getitem        f8[x.0,x.1], (1:, n)     f8[x.0-1]
    np.reshape     f8[x.0,4], (-1, 2)       f8[mul(2,x.0),2]
    np.zeros       n, np.float32            f4[n]
"""

from __future__ import annotations

import operator
from typing import Any

import numpy as np

from srcdiff.transforms.abstract_core import (
    RULES,
    Unknown,
    abstract,
    array_of,
    as_array,
    axes_arg,
    axis_arg,
    broadcast,
    dim_of,
    dtype_arg,
    finish,
    int_of,
    is_length,
    kind,
    least,
    list_of,
    named,
    numeric,
    product,
    quotient,
    run,
    same_length,
    sequence,
    shape_arg,
    static,
    total,
    tuple_of,
)
from srcdiff.transforms.ir import Slice
from srcdiff.transforms.kinds import (
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
    proven_one,
    shrink,
)

INTP = np.dtype(np.intp)

# -------------------------------------------------------------------------------------- getitem


def is_basic_key(key: Any) -> bool:
    """Whether `x[key]` of an array is a view (or a number): ints, slices, None, `...`, tuples.

    >>> is_basic_key((Slice(1, None), None, INT, ...)), is_basic_key([0, 1]), is_basic_key(True)
    (True, False, False)
    """
    if type(key) is Kind:
        if key.tag == "tuple":
            return key.items is not None and all(map(is_basic_key, key.items))
        if key.tag == "scalar":
            return key.dtype.kind in "iu"
        return key.tag in ("none", "slice", "ellipsis")
    if type(key) is tuple:
        return all(map(is_basic_key, key))
    if type(key) is Slice or key is None or key is ...:
        return True
    return isinstance(key, (int, np.integer, slice)) and type(key) is not bool


@abstract("getitem", operator.getitem)
def getitem(op: Any, x: Any, key: Any) -> Kind:
    """
    >>> x = Kind("array", np.dtype("f8"), (Size("x.0"), 5))
    >>> getitem("getitem", x, (Slice(1, -1), Slice(None, None, 2))), getitem("getitem", x, INT)
    (f8[x.0-2,3], f8[5])
    """
    if type(x) is not Kind or x.tag != "array":
        if type(x) in (tuple, list) or type(x) is Kind and x.tag in ("tuple", "list", "str"):
            return _item(x, key)
        x = kind(x)
        if x.tag == "scalar":
            if x.python:
                raise TypeError
        elif x.tag != "array":
            raise Unknown
    dims = x.dims
    if dims is None:
        raise Unknown
    if type(key) is not tuple:
        if type(key) is Kind and key.tag == "tuple" and key.items is not None:
            key = key.items
        else:
            key = (key,)
    # How many axes each part takes decides what `...` stands for.
    parts, taken, dots, advanced, numbers = [], 0, False, False, True
    for part in key:
        what, value = _key_part(part)
        if what == "...":
            dots = True
        elif what == "mask":
            taken += value.rank
            advanced = True
        elif what != "new":
            taken += 1
            advanced = advanced or what == "array"
        numbers = numbers and what == "int"
        parts.append((what, value))
    missing = len(dims) - taken
    if missing < 0:
        raise IndexError
    if not dots and missing:
        parts.append(("...", None))
        numbers = False
    if numbers:
        return Kind("scalar", x.dtype, python=False)
    out: list[Dim] = []
    chosen: tuple[Dim, ...] = ()  # the shape of the advanced part
    place, gap, last = None, False, None  # where it goes, whether something stands between
    axis = 0
    for position, (what, value) in enumerate(parts):
        if what == "slice":
            out.append(slice_length(dims[axis], value))
            axis += 1
        elif what == "...":
            out.extend(dims[axis : axis + missing])
            axis += missing
        elif what == "new":
            out.append(1)
        else:
            if advanced:
                if place is None:
                    place = len(out)
                elif last != position - 1:
                    gap = True
                last = position
            if what == "array":
                chosen = broadcast(chosen, value.dims)
            elif what == "mask":
                chosen = broadcast(chosen, (fresh_size(),))
                axis += value.rank - 1
            axis += 1
    if advanced:
        at = 0 if gap else place
        out[at:at] = chosen
    return Kind("array", x.dtype, tuple(out))


def _key_part(part: Any) -> tuple[str, Any]:
    """One of int, slice, new, ..., array, mask; with what matters of it."""
    found = type(part)
    if found is int:
        return "int", None
    if found is Slice:
        return "slice", part
    if part is None:
        return "new", None
    if part is ...:
        return "...", None
    if found is slice:
        return "slice", Slice(part.start, part.stop, part.step)
    if found in (list, tuple):
        part = array_of(part) if part else Kind("array", INTP, (0,))
    elif found is not Kind:
        part = kind(part)
    tag = part.tag
    if tag in ("tuple", "list"):
        part = array_of(part)
    elif tag == "none":
        return "new", None
    elif tag == "ellipsis":
        return "...", None
    elif tag == "slice":
        return "slice", None
    elif tag not in ("scalar", "array"):
        raise Unknown
    if part.dtype is None or part.dims is None:
        raise Unknown
    if part.dtype.kind == "b":
        return "mask", part
    if part.dtype.kind not in "iu":
        raise IndexError
    return ("array", part) if part.rank else ("int", None)


def _item(x: Any, key: Any) -> Kind:
    """An item or a part of a tuple, list or str."""
    from_list = x.tag == "list" if type(x) is Kind else type(x) is list
    if type(x) is Kind:
        if x.tag == "str":
            return STR
        items = x.items
        if from_list and items is not None and len(items) == 1:
            return x if type(key) in (slice, Slice) else item_of(x)
    else:
        items = x
    if items is None:
        raise Unknown
    if type(key) is Kind and type(key.size) is int and key.python:
        key = key.size
    if type(key) in (Slice, slice):
        start, stop, step = (key.start, key.stop, key.step)
        if any(type(part) is Kind for part in (start, stop, step)):
            raise Unknown
        part = items[slice(start, stop, step)]
        return (list_of if from_list else tuple_of)(*map(item_kind, part))
    if type(key) is not Kind:
        return item_kind(items[key])
    found = [item_kind(item)._replace(size=None) for item in items]
    first = found[0]
    for other in found:
        first = join(first, other)
    return first


def item_kind(tree: Any) -> Kind:
    """The kind of an item of a container."""
    if type(tree) is tuple:
        return tuple_of(*map(item_kind, tree))
    if type(tree) is list:
        return list_of(*map(item_kind, tree))
    if type(tree) is int:
        return int_of(tree)
    try:
        return kind(tree)
    except Unknown:
        return OBJECT


def _bound(bound: Any) -> Any:
    """An int, a Size, None, or ... for a number that is not known."""
    if bound is None or type(bound) is int:
        return bound
    if type(bound) is Kind:
        if bound.tag == "none":
            return None
        if bound.dtype is not None and bound.dtype.kind not in "iu":
            raise TypeError
        return ... if bound.size is None else bound.size
    return operator.index(bound)


def slice_length(dim: Dim, key: Slice | None) -> Dim:
    """The length of a slice of an axis of length `dim`; the same slice has the same length.

    >>> x = Size("x.0")
    >>> slice_length(x, Slice(1, -1)), slice_length(x, Slice(0, 4)), slice_length(7, Slice(-3))
    (x.0-2, min(4,x.0), 3)
    >>> slice_length(x, Slice(None, int_of(x))), slice_length(x, Slice(1, int_of(Size("x.0", 1))))
    (x.0, x.0-2)
    """
    if key is None:
        return fresh_size()
    start, stop, step = map(_bound, key)
    if step is None:
        step = 1
    if type(step) is int and step == 0:
        raise ValueError
    if start is None and stop is None and step in (1, -1):
        return dim
    if ... in (start, stop, step) or type(step) is not int:
        return fresh_size()
    fixed = type(start) is not Size and type(stop) is not Size
    if type(dim) is int and fixed:
        return len(range(*slice(start, stop, step).indices(dim)))
    if step == 1:
        if start is None:
            start = 0
        if type(start) is int and start >= 0:
            if stop is None:
                return shrink(dim, start)
            if type(stop) is int:
                return shrink(dim, start - stop) if stop < 0 else shrink(least(dim, stop), start)
            if is_length(stop):
                return shrink(least(dim, stop), start)
            # x[1:n-1], n the length: right for n = 0 too, where it reads x[1:-1]
            if type(dim) is Size and dim[:2] == (stop.base, 0) and stop.minus in (1, 2):
                return shrink(dim, stop.minus + start)
        elif type(start) is int and stop is None:
            return least(dim, -start)
        elif type(start) is Size and stop is None and dim[:2] == start[:2] if (
            type(dim) is Size) else False:
            return 0 if is_length(start) else fresh_size()
    if fixed:
        return named("slice", (dim, *(0 if b is None else f"{b}" for b in (start, stop, step))))
    return fresh_size()


# ------------------------------------------------------------------------------- shapes of arrays


@abstract(np.shape, "shape")
def shape(op: Any, a: Any, axis: Any = None) -> Kind:
    dims = numeric_shape(a)
    return tuple_of(*map(int_of, dims)) if axis is None else int_of(dims[axis])


def numeric_shape(a: Any) -> tuple[Dim, ...]:
    if type(a) is Kind and a.tag == "array":
        if a.shape is None:
            raise Unknown
        return a.shape
    return numeric(a).dims


@abstract(np.ndim)
def ndim(op: Any, a: Any) -> Kind:
    return int_of(len(numeric_shape(a)))


@abstract(np.size)
def size(op: Any, a: Any, axis: Any = None) -> Kind:
    dims = numeric_shape(a)
    return int_of(product(dims) if axis is None else dims[axis_arg(axis, len(dims))])


@abstract("attribute")
def attribute(op: str, x: Any, name: str) -> Kind:
    """
    >>> attribute("attribute", Kind("array", np.dtype("c8"), (2, 3)), "T")
    c8[3,2]
    """
    rule = {"T": np.transpose, "mT": np.matrix_transpose, "real": np.real, "imag": np.imag,
            "shape": np.shape, "ndim": np.ndim, "size": np.size}.get(name)  # fmt: skip
    if rule is None or type(x) is not Kind or not x.numeric:
        raise Unknown
    if x.tag == "scalar":
        if name in ("real", "imag"):
            types = {True: x.dtype.type(1).item(), False: x.dtype.type(1)}
            found = [kind(getattr(types[p], name)) for p in types if x.python in (p, None)]
            return found[0] if len(found) == 1 else join(*found)
        if x.python or name == "mT":
            raise AttributeError
        if name == "T":
            return x
    elif name == "T":
        return as_array(x, x.shape[::-1])
    return RULES[rule](rule, x)


def reshaped(op: Any, a: Kind, dims: tuple[Dim, ...], params: tuple = ()) -> Kind:
    """An array of these dims; what becomes of a number is asked."""
    if a.tag == "array":
        return Kind("array", a.dtype, dims)
    return finish(run(op, [a], params), dims)


@abstract(np.reshape)
def reshape(op: Any, a: Any, shape: Any, order: Any = "C", *, copy: Any = None) -> Kind:
    a = numeric(a)
    dims: list[Dim] = []
    rest = None
    for number in sequence(shape):
        if type(number) is Kind and type(number.size) is int:
            number = number.size
        dim = dim_of(number) if type(number) is not int or number >= 0 else None
        if dim is None:
            if rest is not None:
                raise ValueError
            rest = len(dims)
        elif type(number) is Kind and not is_length(number.size):
            dim = fresh_size()  # -1 perhaps
        dims.append(dim)
    if rest is not None:
        dims[rest] = quotient(a.dims, dims[:rest] + dims[rest + 1 :])
    elif all(type(dim) is int for dim in (*dims, *a.dims)) and product(dims) != product(a.dims):
        raise ValueError
    return reshaped(_reshape, a, tuple(dims), (("rank", len(dims)),))


def _reshape(a: Any, rank: int) -> Any:
    return np.reshape(a, (1,) * rank)


@abstract(np.ravel)
def ravel(op: Any, a: Any, order: Any = "C") -> Kind:
    a = numeric(a)
    return as_array(a, (product(a.dims),))


@abstract(np.transpose, np.permute_dims)
def transpose(op: Any, a: Any, axes: Any = None) -> Kind:
    a, axes = numeric(a), static(axes)
    if axes is None:
        return reshaped(op, a, a.dims[::-1])
    order = tuple(axis_arg(axis, a.rank) for axis in axes)
    if sorted(order) != list(range(a.rank)):
        raise ValueError
    return reshaped(op, a, tuple(a.dims[axis] for axis in order), (("axes", order),))


@abstract(np.matrix_transpose, np.linalg.matrix_transpose)
def matrix_transpose(op: Any, x: Any) -> Kind:
    x = numeric(x)
    return as_array(x, (*x.dims[:-2], x.dims[-1], x.dims[-2]))


@abstract(np.swapaxes)
def swapaxes(op: Any, a: Any, axis1: Any, axis2: Any) -> Kind:
    a = numeric(a)
    i, j = axis_arg(axis1, a.rank), axis_arg(axis2, a.rank)
    dims = list(a.dims)
    dims[i], dims[j] = dims[j], dims[i]
    return as_array(a, tuple(dims))


@abstract(np.moveaxis)
def moveaxis(op: Any, a: Any, source: Any, destination: Any) -> Kind:
    a = numeric(a)
    if a.tag != "array":
        raise Unknown
    source, destination = axes_arg(source, a.rank), axes_arg(destination, a.rank)
    order = [axis for axis in range(a.rank) if axis not in source]
    for to, axis in sorted(zip(destination, source, strict=True)):
        order.insert(to, axis)
    return as_array(a, tuple(a.dims[axis] for axis in order))


@abstract(np.expand_dims)
def expand_dims(op: Any, a: Any, axis: Any) -> Kind:
    a, axis = numeric(a), static(axis)
    many = axis if type(axis) in (tuple, list) else (axis,)
    rank = a.rank + len(many)
    new = axes_arg(tuple(many), rank)
    rest = iter(a.dims)
    return as_array(a, tuple(1 if i in new else next(rest) for i in range(rank)))


@abstract(np.squeeze)
def squeeze(op: Any, a: Any, axis: Any = None) -> Kind:
    a, axis = numeric(a), static(axis)
    if axis is not None:
        gone = axes_arg(axis, a.rank)
        if any(proven_not_one(a.dims[i]) for i in gone):
            raise ValueError
        dims = tuple(dim for i, dim in enumerate(a.dims) if i not in gone)
    else:
        if not all(proven_one(dim) or proven_not_one(dim) for dim in a.dims):
            raise Unknown  # the rank depends on a length
        dims = tuple(dim for dim in a.dims if not proven_one(dim))
    return reshaped(op, a, dims)


@abstract(np.broadcast_to)
def broadcast_to(op: Any, array: Any, shape: Any, subok: Any = False) -> Kind:
    a, dims = numeric(array), shape_arg(shape)
    lead = len(dims) - a.rank
    if lead < 0:
        raise ValueError
    # A length that is not 1 stays.
    kept = [
        have if proven_not_one(have) and type(want) is not int else want
        for have, want in zip(a.dims, dims[lead:], strict=True)
    ]
    return as_array(a, (*dims[:lead], *kept))


@abstract(np.broadcast_arrays)
def broadcast_arrays(op: Any, *args: Any, subok: Any = False) -> Kind:
    given = [numeric(a) for a in args]
    dims = broadcast(*[a.dims for a in given])
    return tuple_of(*[as_array(a, dims) for a in given])


@abstract(np.flip, np.fliplr, np.flipud, np.roll, np.fft.fftshift, np.fft.ifftshift)
def same_shape(op: Any, a: Any, *args: Any, **kwargs: Any) -> Kind:
    a = numeric(a)
    if a.tag != "array":
        raise Unknown
    if op is np.flip and not a.rank:
        return Kind("scalar", a.dtype, python=False)
    return as_array(a, a.dims)


@abstract(np.rot90)
def rot90(op: Any, m: Any, k: Any = 1, axes: Any = (0, 1)) -> Kind:
    m = numeric(m)
    i, j = axes_arg(tuple(static(axes)), m.rank)
    dims = list(m.dims)
    if type(k) is not int:
        if dims[i] != dims[j]:
            dims[i], dims[j] = fresh_size(), fresh_size()
    elif k % 2:
        dims[i], dims[j] = dims[j], dims[i]
    return as_array(m, tuple(dims))


@abstract(np.tile)
def tile(op: Any, A: Any, reps: Any) -> Kind:
    a, reps = numeric(A), shape_arg(reps)
    rank = max(len(a.dims), len(reps))
    dims = (1,) * (rank - len(a.dims)) + a.dims
    reps = (1,) * (rank - len(reps)) + reps
    return as_array(a, tuple(map(product, zip(dims, reps, strict=True))))


@abstract(np.repeat)
def repeat(op: Any, a: Any, repeats: Any, axis: Any = None) -> Kind:
    a = numeric(a)
    dims = list(a.dims) if axis is not None and a.rank else [product(a.dims)]
    axis = 0 if axis is None else axis_arg(axis, len(dims))
    dims[axis] = product((dims[axis], dim_of(repeats))) if numeric(repeats).tag == "scalar" else (
        fresh_size())
    return as_array(a, tuple(dims))


@abstract(np.atleast_1d, np.atleast_2d, np.atleast_3d)
def atleast(op: Any, *arys: Any) -> Kind:
    if len(arys) != 1:
        return tuple_of(*[atleast(op, one) for one in arys])
    a = numeric(arys[0])
    dims = a.dims
    if op is np.atleast_1d or op is np.atleast_2d:
        least_rank = 1 if op is np.atleast_1d else 2
        return as_array(a, (1,) * (least_rank - len(dims)) + dims)
    return as_array(a, {0: (1, 1, 1), 1: (1, *dims, 1), 2: (*dims, 1)}.get(len(dims), dims))


# -------------------------------------------------------------------------------- putting together


def parts_of(arrays: Any) -> tuple[list[Kind], bool]:
    """The arrays of a sequence; whether there are as many as that, or an unknown number of one."""
    if type(arrays) is Kind and arrays.tag == "array" and arrays.shape:
        row = Kind("array", arrays.dtype, arrays.shape[1:])
        if type(arrays.shape[0]) is int and arrays.shape[0] <= 64:
            return [row] * arrays.shape[0], True
        return [row], False
    if type(arrays) is Kind:
        if arrays.tag not in ("tuple", "list") or arrays.items is None:
            raise Unknown
        several = arrays.tag == "tuple" or len(arrays.items) > 1
        if not several:
            return [numeric(item_of(arrays))], False
        return [numeric(item) for item in arrays.items], several
    return [numeric(item) for item in arrays], True


def concatenated(parts: list[Kind], axis: int, several: bool, dtype: Any) -> Kind:
    if len({part.rank for part in parts}) != 1:
        raise ValueError
    dims = [same_length(*column) if i != axis else total(column) if several else fresh_size()
            for i, column in enumerate(zip(*[part.dims for part in parts], strict=True))]
    return Kind("array", common_dtype(parts, dtype), tuple(dims))


def common_dtype(parts: list[Kind], dtype: Any) -> np.dtype:
    if dtype is not None:
        return dtype_arg(dtype)
    first = parts[0].dtype
    if all(part.dtype == first for part in parts):
        return first.newbyteorder("=")
    return np.result_type(*[part.dtype for part in parts])


def weak_dtype(parts: list[Kind]) -> np.dtype:
    """The common dtype where Python's numbers yield to arrays."""
    if any(part.python is None for part in parts if part.tag == "scalar"):
        raise Unknown
    return np.result_type(*[
        part.dtype.type(1).item() if part.python else part.dtype for part in parts
    ])  # fmt: skip


@abstract(np.concatenate)
def concatenate(op: Any, arrays: Any, axis: Any = 0, out=None, *, dtype=None, casting=None) -> Kind:
    if out is not None:
        return kind(out)
    parts, several = parts_of(arrays)
    axis = static(axis)
    if axis is None:
        if op is np.concatenate and dtype is None:
            dtype = weak_dtype(parts)
        parts, axis = [as_array(part, (product(part.dims),)) for part in parts], 0
    return concatenated(parts, axis_arg(axis, parts[0].rank), several, dtype)


@abstract(np.stack)
def stack(op: Any, arrays: Any, axis: Any = 0, out=None, *, dtype=None, casting=None) -> Kind:
    if out is not None:
        return kind(out)
    parts, several = parts_of(arrays)
    axis = axis_arg(axis, parts[0].rank + 1)
    if len({part.rank for part in parts}) != 1:
        raise ValueError
    dims = [same_length(*column) for column in zip(*[part.dims for part in parts], strict=True)]
    if several:
        count: Dim = len(parts)
    else:
        count = arrays.shape[0] if arrays.tag == "array" else fresh_size()
    return Kind("array", common_dtype(parts, dtype), (*dims[:axis], count, *dims[axis:]))


@abstract(np.vstack, np.hstack, np.dstack)
def stacked(op: Any, tup: Any, *, dtype: Any = None, casting: Any = None) -> Kind:
    parts, several = parts_of(tup)
    grow = {np.vstack: np.atleast_2d, np.hstack: np.atleast_1d, np.dstack: np.atleast_3d}[op]
    parts = [atleast(grow, part) for part in parts]
    axis = {np.vstack: 0, np.hstack: min(1, parts[0].rank - 1), np.dstack: 2}[op]
    return concatenated(parts, axis, several, dtype)


@abstract(np.column_stack)
def column_stack(op: Any, tup: Any) -> Kind:
    parts, several = parts_of(tup)
    parts = [part if part.rank > 1 else as_array(part, (*(part.dims or (1,)), 1)) for part in parts]
    return concatenated(parts, 1, several, None)


@abstract(np.append)
def append(op: Any, arr: Any, values: Any, axis: Any = None) -> Kind:
    return concatenate(op, (arr, values), axis)


@abstract(np.split, np.array_split, np.hsplit, np.vsplit, np.dsplit)
def split(op: Any, ary: Any, indices_or_sections: Any, axis: Any = 0) -> Kind:
    a, sections = numeric(ary), static(indices_or_sections)
    axis = {np.hsplit: min(1, a.rank - 1), np.vsplit: 0, np.dsplit: 2}.get(op, axis)
    axis = axis_arg(axis, a.rank)
    dim = a.dims[axis]
    if type(sections) is np.ndarray:
        sections = sections.tolist()
    if type(sections) in (tuple, list):
        bounds = [None, *sections, None]
        lengths = [slice_length(dim, Slice(i, j))
                   for i, j in zip(bounds, bounds[1:], strict=False)]
    elif type(dim) is int:
        if op is not np.array_split and dim % sections:
            raise ValueError
        each, extra = divmod(dim, sections)
        lengths = [each + (i < extra) for i in range(sections)]
    elif op is not np.array_split:
        lengths = [dim if sections == 1 else named("div", (dim, sections))] * sections
    else:
        lengths = [named("part", (dim, sections, i)) for i in range(sections)]
    return list_of(*[as_array(a, (*a.dims[:axis], n, *a.dims[axis + 1 :])) for n in lengths])


@abstract(np.pad)
def pad(op: Any, array: Any, pad_width: Any, mode: Any = "constant", **kwargs: Any) -> Kind:
    a = numeric(array)
    width = [sequence(part) for part in sequence(pad_width)]
    if isinstance(pad_width, dict) or any(type(k) is Kind and k.tag == "array" for k in width):
        raise Unknown
    if all(type(part) is tuple and len(part) == 2 for part in width):
        pairs = width * a.rank if len(width) == 1 else width
    else:
        flat = [part[0] for part in width if len(part) == 1]
        if len(flat) != len(width) or len(flat) not in (1, 2):
            raise Unknown
        pairs = [(flat[0], flat[-1])] * a.rank
    dims = [total((n, dim_of(before), dim_of(after)))
            for n, (before, after) in zip(a.dims, pairs, strict=True)]
    return as_array(a, tuple(dims))


@abstract(np.diff)
def diff(op: Any, a: Any, n: Any = 1, axis: Any = -1, prepend: Any = None, append: Any = None):
    if type(n) is int and n == 0:
        if type(a) in (tuple, list):
            raise Unknown  # it stays one
        return kind(a)
    a = numeric(a)
    axis = axis_arg(axis, a.rank)
    parts = [a]
    for extra in (prepend, append):
        if extra is not None:
            extra = numeric(extra)
            one = tuple(1 if i == axis else dim for i, dim in enumerate(a.dims))
            parts.append(extra if extra.rank else as_array(extra, one))
    joined = concatenated(parts, axis, True, None)
    dim = shrink(joined.shape[axis], n) if type(n) is int and n >= 0 else fresh_size()
    return as_array(joined, (*joined.shape[:axis], dim, *joined.shape[axis + 1 :]))


@abstract(np.gradient)
def gradient(op: Any, f: Any, *varargs: Any, axis: Any = None, edge_order: Any = 1) -> Kind:
    f, axis = numeric(f), static(axis)
    many = range(f.rank) if axis is None else axis if type(axis) in (tuple, list) else (axis,)
    dtype = f.dtype if f.dtype.kind in "fc" else FLOAT.dtype
    if any(numeric(step).dtype not in (FLOAT.dtype, INT.dtype) or numeric(step).rank
           for step in varargs) or f.dtype.itemsize < 8:
        raise Unknown
    found = [as_array(f, f.dims, dtype) for _ in many]
    return found[0] if len(found) == 1 else tuple_of(*found)
