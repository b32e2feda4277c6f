"""NumPy's functions on references that are more than an operation: most of them are static.

A handler returns a reference, or None where the call is an operation like any other.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from srcdiff.runtime import kernels, marks, modes
from srcdiff.transforms import abstract
from srcdiff.transforms.ir import Value, flatten, map_tree
from srcdiff.transforms.kinds import decided, is_undecided
from srcdiff.transforms.mutation import describe
from srcdiff.transforms.objects import instance_class
from srcdiff.transforms.references import (
    ARRAYS,
    Array,
    Dict,
    Either,
    Known,
    List,
    Maybe,
    Missing,
    Object,
    Plain,
    Possible,
    Ref,
    Tuple,
    arrays_of,
)  # fmt: skip
from srcdiff.transforms.writers import Writers


class ArrayCalls(Writers):
    def call_ndarray(self, args: tuple, kwargs: dict, where: Any) -> Ref | None:
        """`np.ndarray(shape, dtype)`: an array of which nothing is written yet."""
        if len(args) > 2 or not kwargs.keys() <= {"shape", "dtype"}:
            return None
        return self.function(np.empty, args, kwargs, where)

    def grid(self, grid: Any, key: Any, where: Any) -> Ref:
        """`np.mgrid[0:n, 0:m]`, of ints or of constants."""
        tree = self.key_tree(key, where)
        if any(v.kind.inexact for v in flatten(tree)):
            raise self.refuse(where, "a grid between floats", "Use np.linspace and np.meshgrid.")
        op = grid.__getitem__
        kind = abstract.infer(op, (map_tree(lambda v: v.kind, tree),))
        return self.result(op, (tree,), {}, kind, (), where, "grid", {})

    def cast_operands(self, ufunc: np.ufunc, args: tuple, kwargs: dict,
                      where: Any) -> tuple[tuple, dict]:  # fmt: skip
        """The arguments of `np.multiply(x, y, dtype=t)`, cast; as they are where there is more."""
        given = kwargs["dtype"]
        if not isinstance(given, Known) or not all(self.kind(a).numeric for a in args):
            return args, kwargs
        rest = {k: v for k, v in kwargs.items() if k != "dtype"}
        if given.obj is None:
            return args, rest
        dtype = np.dtype(given.obj)
        loop = f"{dtype.char * ufunc.nin}->{dtype.char * ufunc.nout}"
        kinds = [self.kind(a) for a in args]
        if loop not in ufunc.types or not all(
            k.dtype is not None and np.can_cast(decided(k).dtype, dtype, "same_kind") for k in kinds
        ):
            return args, kwargs
        made = [a if k.tag == "array" and k.dtype == dtype else
                self.function(np.asarray, (a,), {"dtype": given}, where)
                for a, k in zip(args, kinds)]  # fmt: skip
        return tuple(made), rest

    def call_is_constant(self, args: tuple, kwargs: dict, where: Any) -> Ref:
        (ref,) = args
        known = isinstance(ref, Known) or (isinstance(ref, Plain) and ref.value in self.constants)
        return Known(known)

    def call_is_training(self, args: tuple, kwargs: dict, where: Any) -> Ref:
        return Known(self.training)

    def call_detach(self, args: tuple, kwargs: dict, where: Any) -> Ref:
        """The same object, through which no derivative flows."""
        (ref,) = (*args, *kwargs.values())
        return self.detached(ref, {}, where)

    def detached(self, ref: Any, seen: dict, where: Any) -> Any:
        """Containers are copied: what is read from them is detached, and neither is changed while
        the other can be seen.

        seen   the cells of containers → their copies
        """
        if isinstance(ref, (Plain, *ARRAYS)):
            value = self.emit(marks.detach, (self.read(ref, where),), None, self.kind(ref), where,
                              "detached")  # fmt: skip
            made = self.fresh(value)
            if isinstance(made, Array) and isinstance(ref, ARRAYS):
                for array in arrays_of(ref):
                    self.may_alias(made.buffer, array.buffer)
            return made
        outside = isinstance(ref, Known) and instance_class(ref) is not None
        if isinstance(ref, (Known, Missing)) and not (
            outside and (self.wanted_outside or self.fields_of)
        ):  # fmt: skip
            return ref
        if isinstance(ref, Tuple):
            return Tuple(tuple(self.detached(r, seen, where) for r in ref.items), ref.cls)
        if isinstance(ref, (Either, Maybe, Possible)):
            return type(ref)(*(
                part if isinstance(part, Value) else self.detached(part, seen, where)
                for part in ref
            ))  # fmt: skip
        held = self.held(ref) if isinstance(ref, (List, Dict, Object)) else None
        if not isinstance(held, (Plain, dict)) and type(held) is not tuple:
            raise self.refuse(where, f"`detach` of {describe(ref)}",
                              "Detach what is read from it: numbers, arrays.")  # fmt: skip
        if ref.cell not in seen:
            cell = type(ref.cell)(ref.cell.name)
            cell.cls, cell.missing = ref.cell.cls, ref.cell.missing
            seen[ref.cell] = type(ref)(cell, *ref[1:])
            if isinstance(held, dict):
                inner: Any = {k: self.detached(r, seen, where) for k, r in held.items()}
            elif type(held) is tuple:
                inner = tuple(self.detached(r, seen, where) for r in held)
            else:
                inner = self.detached(held, seen, where)
            self.state.memory[cell] = inner
            self.may_alias(cell, ref.cell)
        return seen[ref.cell]

    def call_add_at_kernel(self, args: tuple, kwargs: dict, where: Any) -> Ref:
        self.call_at(np.add, args, kwargs, where)
        return args[0]

    def call_where(self, args: tuple, kwargs: dict, where: Any) -> Ref | None:
        return self.apply(np.nonzero, args, {}, where) if len(args) == 1 else None

    def call_ndim(self, args: tuple, kwargs: dict, where: Any) -> Ref | None:
        rank = self.kind(args[0]).rank
        return None if rank is None else Known(rank)

    def call_shape(self, args: tuple, kwargs: dict, where: Any) -> Ref | None:
        kind = self.kind(args[0])
        if kind.dims is None:
            return None
        return Tuple(tuple(self.dimension(args[0], i, where) for i in range(len(kind.dims))))

    def call_size(self, args: tuple, kwargs: dict, where: Any) -> Ref | None:
        if len(args) == 1 and not kwargs and self.kind(args[0]).tag == "scalar":
            return Known(1)
        return None

    def call_conj(self, args: tuple, kwargs: dict, where: Any) -> Ref | None:
        """`np.conj` and `np.real` of real numbers, in rules: these."""
        kind = self.kind(args[0])
        internal = self.frame.internal
        return args[0] if internal and kind.numeric and kind.dtype.kind != "c" else None

    def call_block(self, args: tuple, kwargs: dict, where: Any) -> Ref | None:
        """`np.block([[a, b], [c, d]])`: each list is joined along an axis, the inmost the last."""

        def depth(tree: Any) -> int:
            return 1 + depth(self.items(tree, where)[0]) if isinstance(tree, List) else 0

        def leaves(tree: Any) -> list:
            inner = self.items(tree, where) if isinstance(tree, List) else ()
            return [leaf for part in inner for leaf in leaves(part)] if inner else [tree]

        if len(args) != 1 or kwargs or not isinstance(args[0], List):
            return None
        known = [self.kind(leaf).rank for leaf in leaves(args[0])]
        ranks = [r for r in known if r is not None]
        if len(ranks) < len(known):
            return None
        levels = depth(args[0])
        rank = max(levels, *ranks)

        def joined(tree: Any, level: int) -> Any:
            if isinstance(tree, List):
                parts = tuple(joined(part, level - 1) for part in self.items(tree, where))
                return self.function(np.concatenate, (Tuple(parts), Known(-level)), {}, where)
            missing = rank - self.kind(tree).rank
            if not missing:
                return tree
            if missing == rank:
                return self.function(np.full, (Known((1,) * rank), tree), {}, where)
            return self.getitem(tree, Tuple((*[Known(None)] * missing, Known(...))), where)

        return joined(args[0], levels)

    def call_iscomplexobj(self, args: tuple, kwargs: dict, where: Any) -> Ref | None:
        kind = self.kind(args[0])
        return Known(kind.dtype.kind == "c") if kind.numeric and not is_undecided(kind) else None


# What only looks at an array: it may be given a choice. For all others it is settled first.
READERS = {
    np.ndim, np.shape, np.size, np.conj, np.iscomplexobj, np.where, kernels.is_constant,
    marks.detach, np.block,
}  # fmt: skip

HANDLERS: dict[Any, Callable] = {
    np.block: ArrayCalls.call_block,
    np.ndarray: ArrayCalls.call_ndarray,
    np.ndim: ArrayCalls.call_ndim, np.real: ArrayCalls.call_conj,
    np.shape: ArrayCalls.call_shape, np.size: ArrayCalls.call_size, np.conj: ArrayCalls.call_conj,
    np.iscomplexobj: ArrayCalls.call_iscomplexobj, kernels.add_at: ArrayCalls.call_add_at_kernel,
    np.where: ArrayCalls.call_where, kernels.is_constant: ArrayCalls.call_is_constant,
    modes.is_training: ArrayCalls.call_is_training, marks.detach: ArrayCalls.call_detach,
}  # fmt: skip
