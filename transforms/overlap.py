"""Stores of a part of an array into another part of it.

    y[1:] = y[:-1]      y.2 = setitem(y, (), 1:, getitem(y, :-1))       NumPy takes care
    y[::2] = y[:3]      i = moved((n,), (::2,), (:3,)); y.2 = getitem(y, i)

NumPy copies first where the arrays have several axes or run in opposite directions, and begins at
the right end where their strides are the same. Else it may read what it has just written: that
depends on the strides alone, so the same store into the numbers of the elements tells which element
each one becomes.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from srcdiff.runtime import kernels
from srcdiff.transforms import abstract
from srcdiff.transforms.ir import Slice, Value, map_tree
from srcdiff.transforms.kinds import Kind, proven_not_one, proven_one
from srcdiff.transforms.memory_order import MemoryOrder
from srcdiff.transforms.mutation import kind_of_value
from srcdiff.transforms.references import Array
from srcdiff.transforms.strides import permutation


class Overlap(MemoryOrder):
    def stored_by_moving(self, base: Array, key: Any, value: Any, kind: Kind | None,
                         where: Any) -> bool:  # fmt: skip
        """Carry out `base[key] = value` if NumPy may read in it what it has just written."""
        if not isinstance(value, Array) or value.buffer is not base.buffer:
            return False
        if kind is not None and kind.rank is not None and kind.rank != 1:
            return False
        target = (*base.path, ("getitem", key))
        buffer, old = base.buffer, self.state.memory[base.buffer]
        n = common(target, value.path)
        inner = kind_after(old.kind, target[:n])
        into, of = (last_axis(inner, path[n:]) for path in (target, value.path))
        if into is not None and of is not None and into.place == of.place:
            if into == of or into.step * of.step < 0 and not (into.unknown or of.unknown):
                return False
        keys = tuple(keys_of(old.kind, path) for path in (target, value.path))
        if not self.is_contiguous(Array(buffer)) or buffer.order == "F" or None in keys:
            raise self.refuse(where, "a store of a part of an array into another part of it, with "
                              "other strides,", "Store a copy (`.copy()`).")  # fmt: skip
        self.guards += buffer.proof
        shape = tuple(self.read(self.dimension(Array(buffer), i, where), where)
                      for i in range(old.kind.rank))  # fmt: skip
        places = Kind("array", np.dtype(np.intp), old.kind.shape)
        made = self.fresh(self.emit(kernels.moved, (shape, *keys), None, places, where, "moved"))
        whole = Array(buffer)
        if old.kind.rank == 1:
            new = self.getitem(whole, made, where)
        else:
            new = self.apply(np.take, (whole, made), {}, where)
        self.replace(buffer, self.read(new, where), where)
        return True


def kind_after(kind: Kind | None, path: tuple) -> Kind | None:
    """The kind of a view; None if that is not known."""
    for op, *args in path:
        kind = kind and abstract.infer(op, (kind, *map_tree(kind_of_value, tuple(args))), {})
    return kind


def keys_of(kind: Kind | None, path: tuple) -> tuple | None:
    """The keys of a path, with the list of its axes for a view whose axes are permuted; None if
    there are other steps."""
    keys: list = []
    for step in path:
        found = None if kind is None else key_of(kind, *step)
        if found is None:
            return None
        keys += found
        kind = kind_after(kind, (step,))
    return tuple(keys)


def key_of(kind: Kind, op: Any, *args: Any) -> list | None:
    """One step of a path as keys.

    >>> from srcdiff.transforms.kinds import FLOAT
    >>> row = Kind("array", FLOAT.dtype, (5,))
    >>> key_of(row, np.flip, None), key_of(row, np.atleast_2d)
    ([Slice(start=None, stop=None, step=-1)], [(None, Slice(start=None, stop=None, step=None))])
    """
    if op == "getitem":
        return [(args[0],) if type(args[0]) is list else args[0]]
    if kind.rank is None:
        return None
    order = permutation(op, list(args), kind.rank)
    if order is not None:
        return [order]
    if op in (np.ravel, np.reshape) and kind.rank == 1:
        after = kind_after(kind, ((op, *args),))
        return [...] if after is not None and after.rank == 1 else None
    dims = kind.shape
    if op is np.squeeze and (
        dims is None or not all(proven_one(d) or proven_not_one(d) for d in dims)
    ):
        return None
    # Where the axes of an array of the same rank, of which each has a length of its own, are.
    ones = [op is np.squeeze and proven_one(d) for d in dims or [0] * kind.rank]
    probe = np.empty([1 if one else 2 for one in ones], np.int8)
    try:
        view = op(probe, *args) if op in SHAPING else None
    except (TypeError, ValueError):
        return None
    if view is None:
        return None
    axes = [None if n == 1 else Slice(None, None, -1 if step < 0 else None)
            for n, step in zip(view.shape, view.strides)]  # fmt: skip
    taken = [tuple(0 if one else Slice() for one in ones)] if any(ones) else []
    return [*taken, axes[0] if len(axes) == 1 else tuple(axes)]


SHAPING = {
    np.expand_dims, np.squeeze, np.flip, np.fliplr, np.flipud, np.atleast_1d, np.atleast_2d,
    np.atleast_3d,
}  # fmt: skip


def common(a: tuple, b: tuple) -> int:
    """How many steps two paths begin with alike."""
    n = 0
    while n < min(len(a), len(b)) - 1 and a[n] == b[n]:
        n += 1
    return n


class Axis(NamedTuple):
    """An axis of a view: which one of the array it is, and over how many elements of that it goes,
    the product of `step` and of what is known only at run time."""

    place: int | None
    step: int = 1
    unknown: tuple = ()


def last_axis(kind: Kind | None, path: tuple) -> Axis | None:
    """The last axis of a view: equal axes have equal strides. None if that is not known.

    >>> row = Kind("array", np.dtype(float), (5,))
    >>> last_axis(row, (("getitem", Slice(None, None, 2)), ("getitem", Slice(1, None, -1))))
    Axis(place=0, step=-2, unknown=())
    """
    keys = keys_of(kind, path)
    if keys is None or kind is None or kind.rank is None:
        return None
    axes = [Axis(i) for i in range(kind.rank)]
    for key in keys:
        if type(key) is list:
            axes = [axes[i] for i in key]
            continue
        parts = key if type(key) is tuple else (key,)
        if not all(is_part(part) for part in parts) or sum(part is ... for part in parts) > 1:
            return None
        taken = sum(part is not None and part is not ... for part in parts)
        rest = [Slice()] * (len(axes) - taken)
        at = next((i for i, part in enumerate(parts) if part is ...), len(parts))
        before, axes = axes, []
        for part in (*parts[:at], *rest, *parts[at + 1 :]):
            axis = Axis(None) if part is None else before.pop(0)
            if isinstance(part, Slice):
                step = 1 if part.step is None else part.step
                axis = axis._replace(step=axis.step * step) if type(step) is int else \
                    axis._replace(unknown=(*axis.unknown, step))  # fmt: skip
            if part is None or isinstance(part, Slice):
                axes.append(axis)
    return axes[-1] if axes else None


def is_part(part: Any) -> bool:
    """Whether a part of a key is an int, a slice, None or an ellipsis."""
    number = isinstance(part, Value) and part.kind.tag == "scalar" and part.kind.dtype is not None \
        and part.kind.dtype.kind == "i"  # fmt: skip
    return part is None or part is ... or number or type(part) is int or isinstance(part, Slice)
