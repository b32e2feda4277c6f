"""Names of which it may matter that they are a number still, or an int still.

Names that start as a number and become arrays: `total = 0`, then `total += row`.

To the compiler `total` is an array from the start, of the shape that it gets; the code runs as it
is written, and no gradient goes to the number. That is right as long as its shape decides nothing:
where other arrays are combined with it, they have that shape themselves.

`t = 0 if c else x[0]` is a float to the compiler, which an array made of it alone would show.
Where something is decided by it, the two kinds are told apart (`NeedsChoice` asks for that, and the
function is run again: see `either`).
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

import numpy as np

from srcdiff.transforms.exceptions import elementwise
from srcdiff.transforms.ir import Value, flatten
from srcdiff.transforms.kinds import Kind, fits
from srcdiff.transforms.mutation import Memory, NeedsChoice
from srcdiff.transforms.references import Array, Cell, List, Ref, buffers_of


class Loose(Memory):
    maybe_int: dict

    binary: Callable

    def others(self, tree: tuple, keywords: dict) -> list[Value]:
        """The operands that are what they seem; through an int no gradient flows."""
        operands = flatten((tree, tuple(keywords.values())))
        return [v for v in operands if v not in self.loose and not (
            v.kind.tag == "scalar" and v.kind.dtype.kind in "biu")]  # fmt: skip

    def check_loose(self, op: Any, tree: tuple, keywords: dict, where: Any) -> Value | None:
        """The operand for which what an operation returns may be a number as well.

        Where it matters whether an operand is a number still, that will be told.
        """
        operands = flatten((tree, tuple(keywords.values())))
        loose = next((v for v in operands if v in self.loose), None)
        if loose is None:
            return None
        others = self.others(tree, keywords)
        if others and not (elementwise(op) and all(fits(v.kind, loose.kind) for v in others)):
            self.ask_for_kinds(loose, where)
        if not elementwise(op) and not (op is np.sum and loose.kind.dtype.itemsize >= 8):
            self.ask_for_kinds(loose, where)  # its derivative asks for the shape
        return None if others else loose

    def rebound(self, op: Callable, a: Array, b: Any, where: Any) -> Ref:
        """`total += row` where total may be a number still: a new array either way."""
        memory = self.state.memory
        seen: set = set()
        holders = [*self.state.env.values(), *(List(c) for c in memory if isinstance(c, Cell))]
        if sum(a.buffer in buffers_of(ref, memory, seen) for ref in holders) > 1:
            self.ask_for_kinds(self.state.memory[a.buffer], where)
        return self.binary(op, a, b, where)

    def check_ints(self, op: Any, tree: tuple, keywords: dict, made: Kind) -> Any:
        """Where it would be told whether a result is an int; None if it is none, or surely one.

        It is told where an array is made of it, which may be written, or asked for its dtype.
        """
        operands = [v for v in flatten((tree, tuple(keywords.values()))) if v.kind.numeric]
        site = next((self.maybe_int[v] for v in operands if v in self.maybe_int), None)
        if site is None or op is operator.truediv or any(
            v.kind.inexact and v not in self.maybe_int for v in operands
        ):
            return None
        if made.tag == "array" and "dtype" not in keywords:
            self.ask_for_ints(operands)
        return site

    def ask_for_ints(self, values: Any) -> None:
        """Ask that it is told whether a number is an int, where that matters."""
        sites = frozenset(self.maybe_int[v] for v in values if v in self.maybe_int)
        if sites - self.choices:
            raise NeedsChoice(sites)
