"""The order of an array's elements in memory: it decides whether a reshape is a view or a copy.

    y = x * 2.0                  in C order, if x is
    y.reshape(-1)[0] = 1.0       then this writes into y
    m.T.copy(order="K")          in Fortran order, if m is in C order; its ravel() is a copy

An order is "C" (the last index moves fastest, with one stride throughout, so that every reshape is
a view), "F" (the other way round, and not "C") or "" (not known). That of an argument is read off
the array of the call; where something was decided by it, a guard says so (`Buffer.proof`).
"""

from __future__ import annotations

import operator
from typing import Any

import numpy as np

from srcdiff.transforms import abstract
from srcdiff.transforms.ir import Slice, Value, map_tree
from srcdiff.transforms.kinds import Kind
from srcdiff.transforms.mutation import Memory, kind_of_value
from srcdiff.transforms.references import Array

# Results in C order, whatever the operands are.
C_ORDERED = frozenset({
    np.zeros, np.ones, np.empty, np.full, np.eye, np.identity, np.arange, np.linspace, np.dot,
    np.outer, np.take,
})  # fmt: skip
# Results in the order of the first operand.
LIKE_OPERAND = frozenset({
    np.copy, np.array, np.zeros_like, np.ones_like, np.empty_like, np.full_like, np.sort,
    np.partition, np.nan_to_num, np.astype,
})  # fmt: skip
ELEMENTWISE = frozenset({
    operator.add, operator.sub, operator.mul, operator.truediv, operator.pow, operator.floordiv,
    operator.mod, operator.neg, operator.pos, operator.lt, operator.le, operator.gt, operator.ge,
    operator.eq, operator.ne, operator.and_, operator.or_, operator.xor, operator.invert,
    operator.abs, np.where, np.clip,
})  # fmt: skip

Order = tuple[str, tuple]  # and the guards that prove it


class MemoryOrder(Memory):
    def memory_order(self, ref: Array) -> Order:
        """The order of what a reference refers to."""
        found = ref.buffer.order
        kind: Kind | None = self.state.memory[ref.buffer].kind
        if kind.rank is not None and kind.rank <= 1:
            found = "C"
        for op, *args in ref.path:
            kind = abstract.infer(op, (kind, *map_tree(kind_of_value, tuple(args))), {})
            if kind is None or kind.rank is None:
                return "", ()
            found = "C" if kind.rank <= 1 else order_of_view(op, args, found)
        return found, ref.buffer.proof

    def is_contiguous(self, ref: Array) -> bool:
        """Whether what a reference refers to has no gaps and is not backwards."""
        kind = self.state.memory[ref.buffer].kind
        fresh = ref.buffer.origin == "fresh" and kind.rank is not None and kind.rank <= 1
        order = "C" if fresh else ref.buffer.order
        for op, *args in ref.path:
            order = order_of_view(op, args, order)
        return order in ("C", "F") and (order == "C" or self.kind(ref).rank != 1)

    def note_order(self, made: Array, op: Any, args: tuple, keywords: dict, kind: Kind) -> None:
        """Note the order of what an operation has allocated."""
        made.buffer.order, made.buffer.proof = self.order_of_result(op, args, keywords, kind)

    def order_of_result(self, op: Any, args: tuple, keywords: dict, kind: Kind) -> Order:
        order = keywords.get("order", "K")
        if order in ("C", "F"):
            return order, ()
        if order not in ("K", None) or kind.rank is None:
            return "", ()
        if op in C_ORDERED or op in (operator.matmul, np.matmul) and kind.rank == 2:
            return "C", ()
        if op in LIKE_OPERAND:
            return self.memory_order(args[0]) if args and isinstance(args[0], Array) else ("", ())
        if op in ELEMENTWISE or isinstance(op, np.ufunc) and op.signature is None:
            arrays = [a for a in args if isinstance(a, Array)]
            full = [self.memory_order(a) for a in arrays if self.kind(a).dims == kind.dims]
            for found in full:  # of two orders, C is taken
                if found[0] == "C":
                    return found
            small = [a for a in args if not (isinstance(a, Array) and self.kind(a).rank != 0)
                     and self.kind(a).rank != 0]  # fmt: skip
            orders = {found for found, _ in full}
            if orders == {"F"} and len(full) == len(arrays) and not small:
                return "F", tuple(guard for _, proof in full for guard in proof)
        return "", ()

    def aliasing(self, op: Any, tree: tuple, keywords: dict, args: tuple) -> tuple[str | None, Any]:
        """What `abstract.aliasing` says, and more where the memory order decides; the proof."""
        how = abstract.aliasing(op, tree, keywords)
        if op is np.ascontiguousarray and len(args) == 1 and not keywords \
                and isinstance(args[0], Array) and self.kind(args[0]).rank:  # fmt: skip
            order, proof = self.memory_order(args[0])
            if order == "C" and self.is_contiguous(args[0]):
                return "self", proof
        reshape = op is np.reshape and len(args) == 2 or op is np.ravel and len(args) == 1
        if how != "maybe" or not reshape or not isinstance(args[0], Array):
            return how, ()
        if any(keywords.get(name) not in (None, "C") for name in keywords):
            return how, ()
        order, proof = self.memory_order(args[0])
        if op is np.ravel and not self.is_contiguous(args[0]):  # a reshape of strides is a view
            return how, ()
        if order == "C":
            return "view", proof
        flat = op is np.ravel or tree[1] == -1 or tree[1] == (-1,)
        return ("fresh", proof) if order == "F" and flat else (how, ())


def order_of_view(op: Any, args: list, order: str) -> str:
    """The order of a view of more than one axis.

    >>> order_of_view(np.transpose, [], "C"), order_of_view("getitem", [(0, Slice(1))], "C")
    ('F', 'C')
    >>> order_of_view("getitem", [(Slice(), 0)], "C")
    ''

    The transpose of "F" is none, for generated code may have copied the array, which makes it "C".
    """
    if op is np.transpose and args in ([], [None]):
        return "F" if order == "C" else ""
    if op in (np.expand_dims, np.squeeze, np.real, np.imag):
        return order
    if op in (np.reshape, np.ravel):
        return "C" if order == "C" else ""
    if op == "getitem" and order == "C":
        key = args[0] if isinstance(args[0], tuple) and not isinstance(args[0], Slice) else args
        rest = [part for part in key if part is not None]
        while rest and (type(rest[0]) is int or isinstance(rest[0], Value)):
            rest.pop(0)
        if rest and isinstance(rest[0], Slice) and rest[0].step in (None, 1):
            rest.pop(0)
        if all(part is ... or part == Slice() for part in rest if not isinstance(part, Value)):
            return "C" if not any(isinstance(part, Value) for part in rest) else ""
    return ""

