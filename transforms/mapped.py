"""`vmap` inside a function that is compiled.

    def g(x, w):                               x_one = …              an example: one axis less
        return np.sum(vmap(f, (0, None))(x, w))  y_one = … x_one … w …   f, inlined
                                       →
                                               y = … x … w …          the batching pass over that
                                               t = np.sum(y)

The inner function is inlined on values that stand for one example, and what that has written is
replaced by what the pass makes of it. Derivatives of the whole see the result alone.
"""

# mypy: no-check-untyped-defs

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

import numpy as np

from srcdiff.transforms import abstract
from srcdiff.transforms.ir import Block, Instr, Value
from srcdiff.transforms.kinds import BOOL, INT, Kind, kind_of
from srcdiff.transforms.mutation import Memory, describe
from srcdiff.transforms.references import (
    ARRAYS,
    Bound,
    Cell,
    Dict,
    Known,
    List,
    Object,
    Plain,
    Ref,
    Tuple,
)  # fmt: skip


class Mapped(Memory):
    # batch(run, block, example → examples, their number) → (instructions, results)
    batch: Callable | None = None

    def make_vmap(self, args: tuple, kwargs: dict, where: Any) -> Ref:
        """`vmap(f, in_axes=0, out_axes=0)`."""
        given = dict(zip(("f", "in_axes", "out_axes"), args)) | kwargs
        f = given.pop("f", None)
        axes = [self.known(given.pop(name, Known(0)), where, f"`{name}`")
                for name in ("in_axes", "out_axes")]  # fmt: skip
        if len(args) > 3 or given.keys() - {"fallback", "unroll"} or f is None:
            raise self.refuse(where, "`vmap` with these arguments", "See its signature.")
        return Bound(("vmap", f, tuple(axes), False), "derivative")

    def call_vmap(self, f: Ref, axes: tuple, args: tuple, kwargs: dict, where: Any) -> Ref:
        """The outputs of an inlined function for all examples."""
        in_axes, out_axes = axes
        each = in_axes if isinstance(in_axes, (tuple, list)) else (in_axes,) * len(args)
        if len(each) != len(args):
            raise ValueError(f"vmap: in_axes has {len(each)} entries, not {len(args)}")
        before = dict(self.state.memory.items())
        found: dict[Value, Value] = {}  # the value of one example → that of all
        mine = [self.example(ref, a, found, where) for ref, a in zip(args, each)]
        named = {k: self.example(ref, 0, found, where) for k, ref in kwargs.items()}
        if not found:
            raise self.refuse(where, "`vmap` of no array", "Give an argument an axis in in_axes.")
        self.check_numbers(list(found.values()), where)
        count = len(self.instrs)
        out = self.call(f, tuple(mine), named, where)
        if any(self.state.memory.get(key) is not held for key, held in before.items()):
            raise self.refuse(where, "`vmap` of a function that writes what lies outside it",
                              "Return what is to be written.")  # fmt: skip
        leaves: list = []
        tree = self.leaves_of_output(out, leaves, where)
        block = Block((), self.instrs[count:], tuple(leaves))
        assert self.batch is not None
        first = next(iter(found.values()))
        instrs, results = self.batch(self, block, found, first.kind.shape[0])
        self.instrs[count:] = [i for i in instrs if i.op != "adjoint"]
        return self.rebuilt(tree, results, out_axes, where)

    def example(self, ref: Any, axes: Any, found: dict, where: Any) -> Any:
        """An argument of one example; what is the same for all is a copy."""
        if axes is None or isinstance(ref, Known) and not isinstance(ref.obj, (int, float)):
            return self.private(ref, {}, False, where)
        if isinstance(ref, (*ARRAYS, Plain)):
            value = self.read(ref, where)
            kind = value.kind if isinstance(value, Value) else kind_of(value)
            if kind.tag != "array" or not kind.rank or not isinstance(axes, int) or \
                    not -kind.rank <= axes < kind.rank:  # fmt: skip
                raise self.refuse(where, f"`vmap` over axis {axes} of {describe(ref)}",
                                  "Give it the entry None in in_axes.")  # fmt: skip
            axis = axes % kind.rank
            if axis:
                value = self.emit(np.moveaxis, (value, axis, 0), None,
                                  abstract.infer(np.moveaxis, (kind, axis, 0), {}), where,
                                  value.name)  # fmt: skip
            dims = value.kind.shape[1:]
            one = Kind("array", kind.dtype, dims) if dims else \
                Kind("scalar", kind.dtype, python=False)  # fmt: skip
            example = Value(value.name, one)
            found[example] = value
            return self.fresh(example)
        inner = self.parts_of(ref)
        if inner is None:
            raise self.refuse(where, f"`vmap` over {describe(ref)}",
                              "Give it the entry None in in_axes.")  # fmt: skip
        parts = {k: self.example(part, axes_of(axes, k, place), found, where)
                 for place, (k, part) in enumerate(inner.items())}  # fmt: skip
        return self.container_of(ref, parts)

    def container_of(self, ref: Any, parts: dict) -> Ref:
        """A new container like another, which holds these parts."""
        if isinstance(ref, Tuple):
            return Tuple(tuple(parts.values()), ref.cls)
        if isinstance(ref, List):
            return self.new_list(tuple(parts.values()))
        if isinstance(ref, Object):
            return self.object_of(ref, parts)
        cell = Cell(ref.cell.name)
        self.state.memory[cell] = parts
        return Dict(cell)

    def check_numbers(self, values: list, where: Any) -> None:
        """The program raises where the numbers of examples differ."""
        first, *others = values
        for v in others:
            if v.kind.shape[0] == first.kind.shape[0]:
                continue
            pair = [self.emit(len, (x,), None, INT._replace(size=x.kind.shape[0]), where, "n")
                    for x in (first, v)]  # fmt: skip
            test = self.emit(operator.ne, tuple(pair), None, BOOL, where, "differ")
            text = "vmap: the arguments have different numbers of examples"
            stop = Instr("raise", (Known(ValueError), (text,)), None, (), (), None, where)
            blocks = (Block((), [stop], ()), Block((), (), ()))
            self.instrs.append(Instr("if", (test,), None, (), blocks, None, where))

    def leaves_of_output(self, ref: Any, leaves: list, where: Any) -> Any:
        """The tree of what a function has returned, with the places of its numbers and arrays."""
        if isinstance(ref, (*ARRAYS, Plain)) or isinstance(ref, Known) and \
                isinstance(ref.obj, (bool, int, float, complex, np.generic)):  # fmt: skip
            leaves.append(ref.obj if isinstance(ref, Known) else self.read(ref, where))
            return len(leaves) - 1
        if isinstance(ref, Known) and ref.obj is None:
            return None
        inner = self.parts_of(ref)
        if inner is None:
            raise self.refuse(where, f"`vmap` of a function that returns {describe(ref)}",
                              "Return numbers, arrays, or containers of them.")  # fmt: skip
        parts = {k: self.leaves_of_output(part, leaves, where) for k, part in inner.items()}
        return ref, parts

    def rebuilt(self, tree: Any, results: tuple, axes: Any, where: Any) -> Ref:
        if tree is None:
            return Known(None)
        if isinstance(tree, int):
            value = results[tree]
            if not isinstance(axes, int):
                raise self.refuse(where, "out_axes=None of an inner `vmap`", "Give an axis.")
            if axes and (axes, value.kind.rank) != (-1, 1):
                kind = abstract.infer(np.moveaxis, (value.kind, 0, axes), {})
                value = self.emit(np.moveaxis, (value, 0, axes), None, kind, where, value.name)
            return self.fresh(value)
        ref, inner = tree
        parts = {k: self.rebuilt(part, results, axes_of(axes, k, place), where)
                 for place, (k, part) in enumerate(inner.items())}  # fmt: skip
        return self.container_of(ref, parts)


def axes_of(axes: Any, key: Any, place: int) -> Any:
    """The axes of a part of a container: that of this key, which is at this place."""
    if isinstance(axes, dict):
        return axes[key]
    return axes[place] if isinstance(axes, (tuple, list)) else axes
