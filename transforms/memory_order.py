"""The order of an array's elements in memory: it decides whether a reshape is a view or a copy.

    y = x * 2.0                  in C order, if x is
    y.reshape(-1)[0] = 1.0       then this writes into y
    m.T.copy(order="K")          in Fortran order, if m is in C order; its ravel() is a copy

An order is "C" (the last index moves fastest, with one stride throughout, so that every reshape is
a view), "F" (the other way round, and not "C") or "" (not known). That of an argument is read off
the array of the call; where something was decided by it, a guard says so (`Buffer.proof`).
"""

from __future__ import annotations

import math
import operator
import warnings
from collections.abc import Iterable
from typing import Any

import numpy as np

from srcdiff.runtime import kernels
from srcdiff.transforms import abstract
from srcdiff.transforms.ir import Slice, Value, flatten, map_tree
from srcdiff.transforms.kinds import BOOL, Kind, Size, decided, proven_not_one
from srcdiff.transforms.mutation import Memory, kind_of_value
from srcdiff.transforms.references import Array, Known, List, Plain, State, Tuple, arrays_of
from srcdiff.transforms.strides import (
    PERMUTING,
    Layout,
    has_gaps,
    is_reversed,
    is_scattered,
    is_sorted,
    layout,
    permutation,
)

# Results in C order, whatever the operands are.
C_ORDERED = frozenset({
    np.zeros, np.ones, np.empty, np.full, np.eye, np.identity, np.arange, np.linspace, np.dot,
    np.outer, np.take, np.repeat,
})  # fmt: skip
# Results in C order where all operands are.
JOINING = frozenset({
    np.stack, np.vstack, np.hstack, np.column_stack, np.dstack, np.concatenate, np.append,
})  # fmt: skip
# Results in the order of the first operand.
LIKE_OPERAND = frozenset({
    np.copy, np.array, np.zeros_like, np.ones_like, np.empty_like, np.full_like, np.sort,
    np.partition, np.nan_to_num, np.astype,
})  # fmt: skip
ATLEAST = (np.atleast_1d, np.atleast_2d, np.atleast_3d)
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
            if op in PERMUTING and permutation(op, args, kind.rank) == [*range(kind.rank)][::-1]:
                op, args = np.transpose, []
            found = "C" if kind.rank <= 1 else order_of_view(op, args, found)
            if found == "F" and sum(map(proven_not_one, kind.shape or ())) < 2:
                found = ""  # it may be in C order as well
        return found, ref.buffer.proof

    def order_of_any(self, *refs: tuple[Any, State]) -> Order:
        """The order that all of these have, each in one piece; a reference and its state each."""
        found: list[Order] = []
        for ref, state in refs:
            outer, self.state = self.state, state
            found += [self.memory_order(array) if self.is_contiguous(array) else ("", ())
                      for array in arrays_of(ref)]  # fmt: skip
            self.state = outer
        if len({order for order, _ in found}) != 1:
            return "", ()
        return found[0][0], together(proof for _, proof in found)

    def layout(self, ref: Array) -> Layout | None:
        """How the axes of a view lie in its buffer, if that is in C order."""
        kind = self.state.memory[ref.buffer].kind
        one = kind.rank is not None and kind.rank <= 1
        if ref.buffer.order != "C" and not (one and ref.buffer.origin == "fresh"):
            return None
        return layout(kind, ref.path)

    def is_contiguous(self, ref: Array) -> bool:
        """Whether what a reference refers to has no gaps and is not backwards."""
        kind = self.state.memory[ref.buffer].kind
        fresh = ref.buffer.origin == "fresh" and kind.rank is not None and kind.rank <= 1
        order = "C" if fresh else ref.buffer.order
        for op, *args in ref.path:
            order = "" if op in (np.real, np.imag) else order_of_view(op, args, order)
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
        if op in (np.array, np.asarray) and args and isinstance(args[0], (List, Tuple)):
            return "C", ()
        if op in JOINING:
            return self.order_of_joined(args)
        if op in LIKE_OPERAND:
            return self.order_like(args[0]) if args and isinstance(args[0], Array) else ("", ())
        if op in ELEMENTWISE or isinstance(op, np.ufunc) and op.signature is None:
            if kind.rank <= 1:
                return "C", ()
            arrays = [a for a in args if isinstance(a, Array)]
            found = [self.order_like(a) for a in arrays]
            if arrays and all(order == "C" for order, _ in found) and \
                    all(isinstance(a, Array) or self.kind(a).rank == 0 for a in args):  # fmt: skip
                return "C", together(proof for _, proof in found)
            full = [pair for a, pair in zip(arrays, found) if self.kind(a).dims == kind.dims]
            for pair in full:  # of two orders, C is taken
                if pair[0] == "C":
                    return pair
            small = [a for a in args if not (isinstance(a, Array) and self.kind(a).rank != 0)
                     and self.kind(a).rank != 0]  # fmt: skip
            orders = {order for order, _ in full}
            if orders == {"F"} and len(full) == len(arrays) and not small:
                return "F", together(proof for _, proof in full)
            return "", ()
        return self.order_as_tried(op, args, keywords, kind)

    def order_as_tried(self, op: Any, args: tuple, keywords: dict, kind: Kind) -> Order:
        """The order of what one of NumPy's functions allocates: it is called with small operands
        in the same orders."""
        if op not in abstract.PURE or flatten(keywords) or is_large(kind):
            return "", ()
        proofs: list = []
        sizes: dict[str, int] = {}
        try:
            given = [self.small_operand(a, sizes, proofs) for a in args]
            with warnings.catch_warnings(), np.errstate(all="ignore"):
                warnings.simplefilter("ignore")
                made = op(*given, **keywords)
        except Exception:  # these operands do not do, or one is not known
            return "", ()
        if type(made) is not np.ndarray or made.ndim != kind.rank:
            return "", ()
        known = kind.shape is not None and all(map(proven_not_one, kind.shape))
        order = "C" if made.flags.c_contiguous else "F" if made.flags.f_contiguous and known else ""
        return order, together(proofs)

    def small_operand(self, ref: Any, sizes: dict[str, int], proofs: list) -> Any:
        """An operand of the same form, dtype and order; its lengths are others."""
        if isinstance(ref, Known) and not (type(ref.obj) is int and ref.obj > LARGE):
            return ref.obj
        if isinstance(ref, Tuple):
            return tuple(self.small_operand(r, sizes, proofs) for r in ref.items)
        kind = decided(self.kind(ref))
        if isinstance(ref, Plain) and kind.inexact:
            return kind.dtype.type(1.0)
        order, proof = self.order_like(ref) if isinstance(ref, Array) else ("", ())
        if not order or kind.shape is None or is_large(kind):
            raise LookupError
        proofs.append(proof)
        shape = tuple(
            sizes.setdefault(dim.base, 7 + len(sizes)) - dim.minus if isinstance(dim, Size)
            else dim for dim in kind.shape
        )  # fmt: skip
        return np.ones(shape, kind.dtype, "F" if order == "F" else "C")

    def order_like(self, ref: Array) -> Order:
        """The order of what NumPy allocates "like" an array, which takes that of its axes."""
        proof = self.in_sequence(ref)
        if proof is not None:
            return "C", proof
        order, proof = self.memory_order(ref)
        if order:
            return order, proof
        kind = self.state.memory[ref.buffer].kind
        view = layout(kind, ref.path, ref.buffer.order) if ref.buffer.order else None
        return ("F", ref.buffer.proof) if view is not None and is_reversed(view) else ("", ())

    def in_sequence(self, ref: Array) -> tuple | None:
        """The guards that prove that each axis goes over more memory than those after it, so
        that results in the operand's order are in C order; None without a proof."""
        order, proof = self.memory_order(ref)
        view = self.layout(ref)
        sorted_ = view is not None and is_sorted(view)
        return proof if order == "C" or sorted_ or self.kind(ref).rank in (0, 1) else None

    def order_of_joined(self, args: tuple) -> Order:
        parts = args[0] if args and isinstance(args[0], (List, Tuple)) else Tuple(args[:1])
        if isinstance(parts, List):
            held = self.state.memory[parts.cell]
            if not isinstance(held, tuple) or isinstance(held, Plain):
                items = held.value.kind.items if isinstance(held, Plain) else None
                return ("C", ()) if items and items[0].rank in (0, 1) else ("", ())
            parts = Tuple(held)
        proof: tuple = ()
        for part in parts.items:
            if self.kind(part).rank in (0, 1):
                continue
            order, more = self.memory_order(part) if isinstance(part, Array) else ("", ())
            if order != "C":
                return "", ()
            proof = together((proof, more))
        return "C", proof

    def aliasing(self, op: Any, tree: tuple, keywords: dict, args: tuple) -> tuple[str | None, Any]:
        """What `abstract.aliasing` says, and more where the memory order decides; the proof."""
        how = abstract.aliasing(op, tree, keywords)
        if how != "maybe" or not args or not isinstance(args[0], Array):
            return how, ()
        ref, rest = args[0], keywords.keys() - {"order"}
        if rest or keywords.get("order") not in (None, "C"):
            return how, ()
        order, proof = self.memory_order(ref)
        view = self.layout(ref)
        if op is np.ascontiguousarray and len(args) == 1 and self.kind(ref).rank:
            if order == "C" and self.is_contiguous(ref):
                return "self", proof
            return ("fresh", proof) if view is not None and has_gaps(view) else (how, ())
        if op is np.ravel and len(args) == 1:
            if order == "C" and self.is_contiguous(ref):
                return "view", proof
            copied = order == "F" or view is not None and has_gaps(view)
            return ("fresh", proof) if copied else (how, ())
        if op is np.reshape and len(args) == 2:
            if self.keeps_shape(ref, tree[1]):
                return "self", ()
            if order == "C":
                return "view", proof
            flat = tree[1] == -1 or tree[1] == (-1,)
            copied = order == "F" or view is not None and is_scattered(view)
            return ("fresh", proof) if flat and copied else (how, ())
        return how, ()

    def test_of_view(self, op: Any, ref: Array, tree: tuple, keywords: dict, where: Any) -> Any:
        """A run-time bool: whether a reshape, of which `aliasing` knows too little, is a view.

        None where its own axes do not tell.
        """
        flat = op is np.reshape and len(tree) == 2 and tree[1] in (-1, (-1,))
        if not flat and (op not in (np.ravel, np.ascontiguousarray) or len(tree) != 1) or any(
            value not in (None, "C") for value in keywords.values()
        ):
            return None
        view = self.layout(ref)
        if view is None or view.halves or not all(axis.step for axis in view.axes):
            return None
        self.guards += ref.buffer.proof

        def length(ref: Array, k: int, dim: Any) -> Any:
            return dim if type(dim) is int else self.read(self.dimension(ref, k, where), where)

        shape = tuple(length(Array(ref.buffer), k, dim) for k, dim in enumerate(view.dims))
        axes = tuple(
            (length(ref, k, axis.dim), axis.place, -axis.step if axis.back else axis.step)
            for k, axis in enumerate(view.axes) if axis.place is not None
        )
        closed = {} if op is np.reshape else {"closed": True}
        return self.emit(kernels.in_one_piece, (shape, axes), closed, BOOL, where, "is_view")

    def keeps_shape(self, ref: Array, shape: Any) -> bool:
        """Whether an array is reshaped to the shape that it has."""
        kind = self.kind(ref)
        if kind.shape is None:
            return False
        made = abstract.infer(np.reshape, (kind, map_tree(kind_of_value, shape)), {})
        return made is not None and made.shape == kind.shape  # None: it raises


LARGE = 100


def is_large(kind: Kind) -> bool:
    """Whether an array may have many elements, as far as its lengths are known."""
    return math.prod(dim for dim in kind.shape or () if type(dim) is int) > LARGE**2


def together(proofs: Iterable[tuple]) -> tuple:
    """The guards of several proofs, each once."""
    return tuple({id(guard): guard for proof in proofs for guard in proof}.values())


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
    if op in (np.expand_dims, np.squeeze, np.real, np.imag, *ATLEAST):
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

