"""Stores of a part of an array into another part of it.

    y[1:] = y[:-1]      y.2 = setitem(y, (), 1:, getitem(y, :-1))       NumPy takes care
    y[::2] = y[:3]      i = moved((n,), (::2,), (:3,)); y.2 = getitem(y, i)

NumPy copies first where the arrays have several axes or run in opposite directions, and begins at
the right end where their strides are the same. Else it may read what it has just written: that
depends on the strides alone, so the same store into the numbers of the elements tells which element
each one becomes.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from srcdiff.runtime import kernels
from srcdiff.transforms import abstract
from srcdiff.transforms.ir import Slice, map_tree
from srcdiff.transforms.kinds import Kind
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
        n = common(target, value.path)
        into, of = strides(target[n:]), strides(value.path[n:])
        if into == of:
            return False
        steps = [each[0] for each in (into, of) if type(each) is tuple and len(each) == 1]
        if len(steps) == 2 and all(type(step) is int for step in steps):
            if steps[0] * steps[1] < 0:
                return False
        buffer, old = base.buffer, self.state.memory[base.buffer]
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


def keys_of(kind: Kind, path: tuple) -> tuple | None:
    """The keys of a path, and for a view with permuted axes the list of its axes; None if there
    are other steps."""
    keys: list = []
    for op, *args in path:
        after = abstract.infer(op, (kind, *map_tree(kind_of_value, tuple(args))), {})
        if kind.rank is None or after is None:
            return None
        axes = None if op == "getitem" else permutation(op, args, kind.rank)
        if op != "getitem" and axes is None:
            return None
        keys.append(args[0] if axes is None else axes)
        kind = after
    return tuple(keys)


def common(a: tuple, b: tuple) -> int:
    """How many steps two paths begin with alike."""
    n = 0
    while n < min(len(a), len(b)) - 1 and a[n] == b[n]:
        n += 1
    return n


def strides(path: tuple) -> Any:
    """What a path does to the strides of an array: equal results are equal strides.

    >>> strides((("getitem", Slice(None, None, 2)), ("getitem", Slice(1, None, -1))))
    (-2,)
    >>> strides((("getitem", 3),)) == strides((("getitem", 4),))
    True
    """
    steps: list = []
    for op, *args in path:
        if op != "getitem":
            return (op, path)
        key = args[0]
        if isinstance(key, Slice):
            step = 1 if key.step is None else key.step
            if steps and type(step) is int and type(steps[-1]) is int:
                steps[-1] *= step
            else:
                steps.append(step)
        elif isinstance(key, tuple):
            steps.append(tuple(
                ("slice", k.step or 1) if isinstance(k, Slice) else k if k is None or k is ...
                else "index" for k in key
            ))  # fmt: skip
        elif key is ...:
            steps = steps or [1]
        else:
            steps.append("index")
    return tuple(steps) or (1,)
