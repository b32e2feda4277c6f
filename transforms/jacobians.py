"""`jacobian` and `hessian` inside a function that is differentiated.

    def g(x):                           units = np.eye(len(x))
        return jacobian(f)(x)     →     y_dot = …                     f, inlined, along all of them

The unit vectors are the tangents of many examples, which stand last in the result.
"""

# mypy: no-check-untyped-defs

from __future__ import annotations

import functools
import operator
from typing import Any

import numpy as np

from srcdiff.transforms.ir import Value
from srcdiff.transforms.kinds import INT, Kind, fresh_size, kind_of
from srcdiff.transforms.mutation import Memory, describe
from srcdiff.transforms.references import ARRAYS, Bound, Known, Plain, Ref, Tuple


class Jacobians(Memory):
    def call_jacobian(self, how: str, f: Ref, wrt: Any, args: tuple, kwargs: dict, has_aux: bool,
                      where: Any) -> Ref:  # fmt: skip
        """The tangents of an inlined function along all unit vectors, which stand last."""
        how, *matrix = how.split()
        if has_aux:
            raise self.refuse(where, f"`{how}` with `has_aux`, inside a function that is "
                              "differentiated,", "Leave it out.")  # fmt: skip
        kwargs, wrt = dict(kwargs), self.from_start(f, wrt, args, where)
        args = self.by_position(f, args, kwargs)
        if kwargs:
            f = Bound((f, kwargs), "with keywords")
        places = self.places_of(f, wrt, args, {}, where)
        if how == "hessian":
            of = tuple(places) if isinstance(wrt, tuple) else places[0]
            f = Bound(("grad", f, of, False), "derivative")
        found = tuple(self.all_along(how, f, args, place, where) for place in places)
        if matrix:
            ranks = [self.kind(args[place]).rank or 0 for place in places]
            return self.matrix(found, ranks, where)
        if not isinstance(wrt, tuple):
            return found[0]
        if how == "jacobian":
            return Tuple(found)
        return Tuple(tuple(  # of each gradient, by each argument
            Tuple(tuple(column.items[i] for column in found)) for i in range(len(found))
        ))  # fmt: skip

    def all_along(self, how: str, f: Ref, args: tuple, place: int, where: Any) -> Any:
        """The derivatives by one argument, a number or an array: its axes stand last."""
        value = self.read(args[place], where)
        kind = value.kind if isinstance(value, Value) else kind_of(value)
        tangents: list[Ref] = [Known(None)] * len(args)
        push = Bound(("jvp", f, (), False), "derivative")
        if kind.tag == "scalar" and kind.numeric and kind.dtype.kind in "fiu":
            tangents[place] = Known(1.0)
            found = self.call(push, (Tuple(args), Tuple(tuple(tangents))), {}, where)
            return self.with_zeros(found, np.dtype(float), where)
        if kind.tag != "array" or not kind.rank or kind.dtype.kind != "f":
            raise self.refuse(where, f"`{how}` by {describe(args[place])}, inside a function that "
                              "is differentiated,",
                              "Give it a number, or an array of floats.")  # fmt: skip
        tangents[place] = self.units(args[place], where)
        axes = [None] * len(args)
        axes[place] = 0
        pair = (Tuple(args), Tuple(tuple(tangents)))
        found = self.call_vmap(push, ((None, tuple(axes)), -1), pair, {}, where)
        found = self.with_zeros(found, kind.dtype, where)
        if kind.rank == 1:
            return found
        last = tuple(self.dimension(args[place], i, where) for i in range(kind.rank))

        def unfolded(ref: Ref) -> Ref:
            shape = Tuple((*self.dimensions(ref, where)[:-1], *last))
            return self.function(np.reshape, (ref, shape), {}, where)

        return self.each_array(found, unfolded)

    def units(self, ref: Any, where: Any) -> Ref:
        """An array of zeros with a single one for each number in an array."""
        value = self.read(ref, where)
        kind = value.kind
        if kind.rank == 1:
            n = self.emit(len, (value,), None, INT, where, "n")
            of = Kind("array", kind.dtype, kind.dims * 2)
            return self.fresh(self.emit(np.eye, (n,), {"dtype": kind.dtype}, of, where, "units"))
        size = fresh_size()
        n = self.emit(np.size, (value,), None, INT._replace(size=size), where, "n")
        of = Kind("array", kind.dtype, (size, size))
        flat = self.emit(np.eye, (n,), {"dtype": kind.dtype}, of, where, "units")
        shape = tuple(self.read(self.dimension(ref, i, where)) for i in range(kind.rank))
        of = Kind("array", kind.dtype, (size, *kind.dims))
        return self.fresh(self.emit(np.reshape, (flat, (n, *shape)), None, of, where, "units"))

    def dimensions(self, ref: Any, where: Any) -> list:
        return [self.dimension(ref, i, where) for i in range(self.kind(ref).rank)]

    def each_array(self, ref: Any, act: Any) -> Any:
        """A tree of derivatives, with what `act` makes of each array in it."""
        if isinstance(ref, ARRAYS):
            return act(ref)
        parts = self.parts_of(ref)
        if parts is None:
            return ref
        return self.container_of(ref, {k: self.each_array(r, act) for k, r in parts.items()})

    def matrix(self, found: tuple, ranks: list[int], where: Any) -> Ref:
        """One matrix of the derivatives by some arguments of these ranks: a row for each number
        that is differentiated, a column for each number in the arguments."""
        columns: list[list] = []
        for tree, rank in zip(found, ranks):
            blocks: list = []
            for ref in self.numbers_in(tree):
                blocks.append(self.as_block(ref, rank, where))
            columns.append(blocks)
        rows = list(zip(*columns))
        if not rows:
            raise self.refuse(where, "a matrix of no derivatives", "Return a number or an array.")

        def joined(parts: tuple, axis: int) -> Ref:
            if len(parts) == 1:
                return parts[0]
            return self.function(np.concatenate, (Tuple(parts), Known(axis)), {}, where)

        return joined(tuple(joined(row, 1) for row in rows), 0)

    def numbers_in(self, ref: Any) -> list:
        """The arrays and numbers in a tree of derivatives."""
        parts = self.parts_of(ref)
        if parts is not None:
            return [number for part in parts.values() for number in self.numbers_in(part)]
        return [] if isinstance(ref, Known) and ref.obj is None else [ref]

    def as_block(self, ref: Any, rank: int, where: Any) -> Ref:
        """An array of derivatives, whose last axes are those of the argument, as a matrix."""
        of = self.kind(ref).rank
        if not of:
            return self.function(np.full, (Known((1, 1)), ref), {}, where)
        if of == 2 and rank == 1:
            return ref
        dims = self.dimensions(ref, where)
        sizes = tuple(
            functools.reduce(lambda a, b: self.apply(operator.mul, (a, b), {}, where), some)
            if some else Known(1) for some in (dims[: of - rank], dims[of - rank :])
        )  # fmt: skip
        return self.function(np.reshape, (ref, Tuple(sizes)), {}, where)

    def with_zeros(self, found: Any, dtype: np.dtype, where: Any) -> Ref:
        """The tangents in (output, tangents), with zeros for the ints and bools in the output."""
        out, dot = found.items
        if isinstance(dot, Known) and dot.obj is None:
            if isinstance(out, Known):
                return Known(np.float64(0.0)) if kind_of(out.obj).numeric else dot
            if not isinstance(out, (*ARRAYS, Plain)):
                return dot
            value = self.read(out, where)
            kind = value.kind if isinstance(value, Value) else kind_of(value)
            if kind.tag == "scalar":
                return Known(np.float64(0.0))
            zeros = kind._replace(dtype=dtype)
            dtypes = {"dtype": dtype}
            return self.fresh(self.emit(np.zeros_like, (value,), dtypes, zeros, where, "zeros"))
        parts = self.parts_of(dot)
        if parts is None:
            return dot
        of = self.parts_of(out)
        pairs = {k: Tuple((of[k], part)) for k, part in parts.items()}
        return self.container_of(
            dot, {k: self.with_zeros(pair, dtype, where) for k, pair in pairs.items()}
        )
