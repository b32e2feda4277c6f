"""Calls of functions that were given to `checkpoint`: what they compute is marked.

    h = checkpoint(f)(h, w)    →    t = mul(h, w) checkpoint=1
                                    h.2 = np.tanh(t) checkpoint=1

A mark says to which call an instruction belongs: after the program is reversed, `recompute` writes
that call once more for the reverse sweep. Of calls in calls the outermost counts.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

from srcdiff.runtime import marks
from srcdiff.transforms.mutation import Memory
from srcdiff.transforms.references import Bound, Known, Ref

_numbers = itertools.count(1)


class MarkedCalls(Memory):
    def call_checkpoint(self, args: tuple, kwargs: dict, where: Any) -> Ref:
        """`checkpoint(f)`: what is called is made here."""
        (f,) = (*args, *kwargs.values())
        return Bound(f, "checkpoint")

    def marked_call(self, f: Ref, args: tuple, kwargs: dict, where: Any) -> Ref:
        """A call of f, written out, its instructions marked."""
        count, number = len(self.instrs), next(_numbers)
        found = self.call(f, args, kwargs, where)
        for instr in self.instrs[count:]:  # the same ones: others know them
            instr.attrs = instr.attrs | {"checkpoint": number}
        return found

    def inner_of(self, obj: Any) -> Known | None:
        """The function that was given to `checkpoint`; None if obj does not come from there."""
        inner = marks.marked(obj)
        return None if inner is None else Known(inner, ("attr", ("object", obj), marks.MARK))


HANDLERS: dict[Any, Callable] = {marks.checkpoint: MarkedCalls.call_checkpoint}
