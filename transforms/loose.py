"""Names that start as a number and become arrays: `total = 0`, then `total += row`.

To the compiler `total` is an array from the start, of the shape that it gets; the code runs as it
is written, and no gradient goes to the number. That is right as long as its shape decides nothing:
where other arrays are combined with it, they have that shape themselves.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from srcdiff.transforms.exceptions import elementwise
from srcdiff.transforms.ir import Value, flatten
from srcdiff.transforms.kinds import fits
from srcdiff.transforms.mutation import Memory
from srcdiff.transforms.references import Array, Ref


class Loose(Memory):
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
        return None if others else loose

    def rebound(self, op: Callable, a: Array, b: Any, where: Any) -> Ref:
        """`total += row` where total may be a number still: a new array either way."""
        names = [ref for ref in self.state.env.values()
                 if isinstance(ref, Array) and ref.buffer is a.buffer]  # fmt: skip
        if len(names) > 1:
            self.ask_for_kinds(self.state.memory[a.buffer], where)
        return self.binary(op, a, b, where)
