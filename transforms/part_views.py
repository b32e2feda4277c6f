"""What several results, or a subscript, make views of: as slices.

    a, b = np.split(y, 2)               n = part_length(len(y), 2)
    a += b                              y[:n] += y[n:]
    np.einsum("ii->i", y)[:] = 1.0      y.reshape(-1)[::len(y) + 1] = 1.0

A diagonal is one only where it is written: a function that is refused otherwise is compiled again
like that (`as_slices`), and so is one with parts of which the number is not at hand.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

import numpy as np

from srcdiff.runtime import kernels
from srcdiff.runtime.numpy_twins import einsum_text
from srcdiff.transforms.ir import Slice
from srcdiff.transforms.kinds import INT
from srcdiff.transforms.references import ARRAYS, Array, Known, List, Plain, Ref, Tuple
from srcdiff.transforms.writers import Writers


class PartViews(Writers):
    as_slices: bool  # such views are slices
    saw_parts: bool  # there was one that could have been

    def split_by(self, op: Any, args: tuple, kwargs: dict, where: Any) -> Ref | None:
        """`np.split` and its relatives: a list of slices."""
        ary, sections, axis = self.named("ary indices_or_sections axis", args, kwargs, where)
        rank = self.kind(ary).rank if isinstance(ary, ARRAYS) else None
        if rank is None or rank == 0:
            return None
        at_hand = isinstance(sections, Tuple) or type(getattr(sections, "obj", None)) is int
        if not at_hand and not isinstance(sections, List):
            self.saw_parts = True
            if not self.as_slices:
                return None
        return self.each_option(ary, (), where, lambda option: self.split_array(
            op, option, sections, axis, where))  # fmt: skip

    def split_array(self, op: Any, ary: Array, sections: Any, axis: Any, where: Any) -> Ref:
        rank = self.kind(ary).rank
        assert rank is not None
        at = {np.vsplit: 0, np.hsplit: min(rank, 2) - 1, np.dsplit: 2}.get(op)
        at = self.constant(axis, 0, where, "the axis") % rank if at is None else at
        n = self.dimension(ary, at, where)
        if isinstance(sections, (List, Tuple)):
            inner = list(self.items(sections, where))
        else:
            inner = self.part_bounds(op, n, self.known(sections, where, "the number of parts"),
                                     where)  # fmt: skip
        bounds = [None, *inner, None]
        parts = []
        for start, stop in zip(bounds, bounds[1:]):
            key: Any = Slice(start, stop, None)
            if at:
                key = Tuple((*[Slice()] * at, key))
            parts.append(self.getitem(ary, key, where))
        return self.new_list(tuple(parts))

    def part_bounds(self, op: Any, n: Any, count: int, where: Any) -> list:
        """Where parts 1, 2, … of so many begin."""
        if op is np.array_split:
            each = self.binary(operator.floordiv, n, Known(count), where)
            more = self.binary(operator.mod, n, Known(count), where)
            return [
                self.binary(operator.add, self.binary(operator.mul, each, Known(k), where),
                            self.apply(min, (more, Known(k)), {}, where), where)
                for k in range(1, count)
            ]  # fmt: skip
        if isinstance(n, Known):
            try:
                each = Known(kernels.part_length(n.obj, count))
            except ValueError as error:
                raise self.failing(error, where) from None
        else:
            args = (n.value, count)
            each = Plain(self.emit(kernels.part_length, args, None, INT, where, "n"))
        return [self.binary(operator.mul, each, Known(k), where) if k > 1 else each
                for k in range(1, count)]  # fmt: skip

    def call_split(self, args: tuple, kwargs: dict, where: Any) -> Ref | None:
        return self.split_by(np.split, args, kwargs, where)

    def call_array_split(self, args: tuple, kwargs: dict, where: Any) -> Ref | None:
        return self.split_by(np.array_split, args, kwargs, where)

    def call_vsplit(self, args: tuple, kwargs: dict, where: Any) -> Ref | None:
        return self.split_by(np.vsplit, args, kwargs, where)

    def call_hsplit(self, args: tuple, kwargs: dict, where: Any) -> Ref | None:
        return self.split_by(np.hsplit, args, kwargs, where)

    def call_dsplit(self, args: tuple, kwargs: dict, where: Any) -> Ref | None:
        return self.split_by(np.dsplit, args, kwargs, where)

    def call_einsum(self, args: tuple, kwargs: dict, where: Any) -> Ref | None:
        """A diagonal that can be written, `np.einsum("ii->i", y)`, of an array in C order."""
        if args and not (isinstance(args[0], Known) and type(args[0].obj) is str):
            return self.einsum_of_lists(args, kwargs, where)
        if len(args) != 2 or kwargs:
            return None
        text, y = args[0].obj, args[1]
        before, _, after = text.replace(" ", "").partition("->") if type(text) is str else [""] * 3
        if len(before) != 2 or before != after * 2 or not isinstance(y, Array):
            return None
        self.saw_parts = True
        if not self.as_slices:
            return None
        flat = self.flat_view(y, where)
        if flat is None or self.kind(y).rank != 2:
            return None
        rows, columns = (self.number(n, where) for n in self.shape_ref(y, where).items)
        n = Plain(self.emit(kernels.square_length, (rows, columns), None, INT, where, "n"))
        step = self.binary(operator.add, n, Known(1), where)
        return self.getitem(flat, Slice(None, None, step), where)

    def einsum_of_lists(self, args: tuple, kwargs: dict, where: Any) -> Ref:
        """`np.einsum(a, [0, 1], b, [1, 2])` as `np.einsum("ab,bc", a, b)`"""
        operands = args[: len(args) - len(args) % 2 : 2]
        given = (*args[1::2], *args[len(operands) * 2 :])
        lists = [[self.known(n, where, "a subscript") for n in self.items(x, where)] for x in given]
        text = Known(einsum_text(operands, lists))
        return self.function(np.einsum, (text, *operands), kwargs, where)


HANDLERS: dict[Any, Callable] = {
    np.split: PartViews.call_split, np.array_split: PartViews.call_array_split,
    np.vsplit: PartViews.call_vsplit, np.hsplit: PartViews.call_hsplit,
    np.dsplit: PartViews.call_dsplit, np.einsum: PartViews.call_einsum,
}  # fmt: skip
