"""The elements of an array in C order, and its parts: `a.flat`, `np.ndindex`, `a.real = …`.

    y.flat[i] = v                       y.reshape(-1)[i] = v
    for i, j in np.ndindex(n, m): …     for k in range(n * m): i, j = k // m, k % m; …
    for i, v in np.ndenumerate(y): …    the same, with v = y[i]
    np.random.shuffle(y)                y = y[shuffled_order(np.random.shuffle, len(y))]
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

import numpy as np

from srcdiff.runtime import kernels
from srcdiff.transforms.ir import Slice
from srcdiff.transforms.kinds import Kind, is_undecided
from srcdiff.transforms.references import ARRAYS, Array, Choice, Iterator, Known, Ref, Tuple
from srcdiff.transforms.writers import Writers


class Elements(Writers):
    # ------------------------------------------------------------------ flat

    def flat_item(self, base: Any, key: Any, where: Any) -> Ref:
        """`base.flat[key]`: a number or a copy, never a view."""
        if isinstance(base, Choice):
            return self.each_option(base, (), where, lambda option: self.flat_item(
                option, key, where))  # fmt: skip
        if not isinstance(base, Array):
            raise self.refuse(where, "`flat` of something that is no array")
        place, at = self.flat_place(base, key, where)
        found = self.getitem(place, at, where)
        if isinstance(found, Array) and found.path:
            return self.fresh(self.read(found, where))
        return found

    def item(self, base: Any, args: tuple, where: Any) -> Ref:
        """`x.item()`, `x.item(k)`, `x.item(i, j)`: an element as a number of Python's."""
        if args and self.kind(base).tag == "array":
            key = args[0] if len(args) == 1 else Tuple(args)
            if isinstance(key, Tuple):
                base = self.getitem(base, key, where)
            elif isinstance(base, Array):
                base = self.flat_item(base, key, where)
            else:
                base = self.getitem(self.apply(np.ravel, (base,), {}, where), key, where)
        elif args and args != (Known(0),):
            raise self.refuse(where, "this index of a number")
        kind = self.kind(base)
        python = {"f": float, "c": complex, "b": bool, "i": int, "u": int}
        if is_undecided(kind):
            raise self.refuse(where, "`item` of what is real or complex, as its values decide,")
        cast = python.get(kind.dtype.kind) if kind.numeric and kind.dtype is not None else None
        if cast is None:
            raise self.refuse(where, "`item` of what is no number or array")
        if not args and kind.tag == "array" and kind.rank != 0:  # of size 1, or it raises
            base = self.apply(np.reshape, (base, Tuple(())), {}, where)
        return self.call(Known(cast), (base,), {}, where)

    def set_flat(self, base: Any, key: Any, value: Any, where: Any, augmented: bool) -> None:
        """`base.flat[key] = value`"""
        if isinstance(base, Choice):
            self.each_option(base, (value,), where, lambda option, v: self.set_flat(
                option, key, v, where, augmented))  # fmt: skip
        elif augmented:
            place, at = self.flat_place(base, key, where)
            self.setitem(place, at, value, where, True)
        else:
            self.store_flat(base, key, value, where)

    def iterate_flat(self, base: Any, where: Any) -> tuple:
        if not isinstance(base, ARRAYS):
            raise self.refuse(where, "a loop over `flat` of something that is no array")
        length, index, bounds = self.iterate_ndindex(
            Iterator("ndindex", self.shape_ref(base, where).items), where)  # fmt: skip
        view = self.flat_view(base, where) if isinstance(base, Array) else None
        if view is not None:
            return length, lambda i: self.getitem(view, i, where), bounds
        return length, lambda i: self.getitem(base, index(i), where), bounds

    # ------------------------------------------------------------------ indices

    def call_ndindex(self, args: tuple, kwargs: dict, where: Any) -> Ref:
        dims = args[0].items if len(args) == 1 and isinstance(args[0], Tuple) else args
        return Iterator("ndindex", tuple(dims))

    def call_ndenumerate(self, args: tuple, kwargs: dict, where: Any) -> Ref:
        return Iterator("ndenumerate", args)

    def iterate_ndindex(self, ref: Iterator, where: Any) -> tuple[Any, Callable, tuple]:
        dims = ref.parts
        total: Any = dims[0] if dims else Known(1)
        for n in dims[1:]:
            total = self.binary(operator.mul, total, n, where)
        n = self.number(total, where)

        def item(k: Any) -> Ref:
            if isinstance(k, Known) and all(isinstance(d, Known) for d in dims):
                index = np.unravel_index(k.obj, tuple(d.obj for d in dims)) if dims else ()
                return Tuple(tuple(Known(int(i)) for i in index))
            parts: list[Any] = []
            for dim in reversed(dims[1:]):
                parts.insert(0, self.binary(operator.mod, k, dim, where))
                k = self.binary(operator.floordiv, k, dim, where)
            return Tuple((k, *parts) if dims else ())

        return n, item, ("range", 0, n, 1)

    def iterate_ndenumerate(self, ref: Iterator, where: Any) -> tuple[Any, Callable, tuple]:
        (base,) = ref.parts
        if not isinstance(base, ARRAYS):
            raise self.refuse(where, "`np.ndenumerate` of something that is no array")
        shape = self.shape_ref(base, where).items
        length, index, bounds = self.iterate_ndindex(Iterator("ndindex", shape), where)

        def item(k: Any) -> Ref:
            at = index(k)
            return Tuple((at, self.getitem(base, at, where)))

        return length, item, bounds

    # ------------------------------------------------------------------ parts

    def set_part(self, base: Any, name: str, value: Any, where: Any) -> None:
        """`base.real = value` and the like."""
        if isinstance(base, Choice):
            self.each_option(base, (value,), where,
                             lambda option, v: self.set_part(option, name, v, where))  # fmt: skip
        elif name == "flat":
            self.store_flat(base, Slice(), value, where)
        elif name == "real" or name == "imag" and self.kind(base).dtype.kind == "c":
            part = self.getattr(base, name, where)
            if value != part:  # `z.real += e` has stored already
                self.setitem(part, Known(...), value, where)
        elif not hasattr(np.ndarray, name):
            text = f"'numpy.ndarray' object has no attribute '{name}'"
            raise self.failing(AttributeError(text), where)
        else:
            raise self.refuse(where, f"a store to the attribute `{name}` of an array",
                              "Use the function that returns the new array: `np.reshape`, "
                              "`astype`.")  # fmt: skip

    # ------------------------------------------------------------------ shuffle

    def call_shuffle(self, shuffle: Any, args: tuple, kwargs: dict, where: Any) -> Ref:
        """`rng.shuffle(x)`: the same draws, and the elements moved as they say."""
        x, axis = self.named("x axis", args, kwargs, where)
        along = self.constant(axis, 0, where, "the axis")
        x = self.target_array(x, where, "shuffle")
        n = self.read(self.dimension(x, along, where), where)
        kind = Kind("array", np.dtype(np.intp), self.kind(x).dims[along : along + 1])
        value = self.emit(kernels.shuffled_order, (shuffle, n), None, kind, where, "order",
                          effect=True)  # fmt: skip
        order = self.fresh(value)
        if along == 0:
            moved = self.getitem(x, order, where)
        else:
            moved = self.apply(np.take, (x, order, Known(along)), {}, where)
        self.put_all(x, moved, where)
        return Known(None)


HANDLERS: dict[Any, Callable] = {
    np.ndindex: Elements.call_ndindex, np.ndenumerate: Elements.call_ndenumerate,
}  # fmt: skip
