"""NumPy's functions and methods that write an array, as operations and stores.

    np.log(x, out=y, where=m)        y[m] = np.log(x[m])
    np.putmask(y, m, v)              y[m] = v[m]                  v of y's shape
    np.put(y, i, v)                  y.reshape(-1)[i] = v         in C order, else by its indices
    y.sort()                         y = np.sort(y)
    np.multiply.at(y, i, v)          for k in rounds(i, len(y)): y[i[k]] *= v[k]

What a call writes it writes from what its arguments held before: NumPy copies what overlaps.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

import numpy as np

from srcdiff.runtime import kernels
from srcdiff.transforms import abstract, spelling
from srcdiff.transforms.ir import (
    Slice,
    Value,
    has_integer_arrays,
    leaf_kind,
    map_tree,
    op_name,
)
from srcdiff.transforms.kinds import Kind, decided, fits, fresh_size, is_undecided
from srcdiff.transforms.mutation import kind_of_value
from srcdiff.transforms.overlap import Overlap
from srcdiff.transforms.references import ARRAYS, Array, Known, List, Plain, Ref, Tuple

ALL = Slice()
# Reductions that add up in the dtype of `out`, if that is wider and they are given no dtype.
IN_DTYPE_OF_OUT = {np.sum, np.prod, np.mean, np.cumsum, np.cumprod}


class Writers(Overlap):
    # ------------------------------------------------------------------ arguments

    def named(self, names: str, args: tuple, kwargs: dict, where: Any) -> list:
        """The references of arguments, in the order of their names; None for what is missing."""
        listed = names.split()
        if len(args) > len(listed) or not set(kwargs) <= set(listed):
            raise self.refuse(where, "this form of a function that writes an array")
        given = {**dict(zip(listed, args)), **kwargs}
        return [given.get(name) for name in listed]

    def target_array(self, ref: Any, where: Any, what: str) -> Array:
        if not isinstance(ref, Array):
            if isinstance(ref, (Plain, Known)) and self.kind(ref).tag == "scalar":
                raise self.failing(TypeError(f"{what} must be an array"), where)
            raise self.refuse(where, f"`{what}` of something that is no array")
        return ref

    def as_operand(self, ref: Any, where: Any) -> Any:
        """A list as the array that NumPy makes of it."""
        if isinstance(ref, (List, Tuple)):
            return self.apply(np.array, (ref,), {}, where)
        return ref

    def constant(self, ref: Any, default: Any, where: Any, what: str) -> Any:
        return default if ref is None else self.known(ref, where, what)

    def check_cast(self, value: Any, target: Kind, where: Any, casting: str = "same_kind") -> None:
        """Refuse what NumPy refuses to cast; its own error comes from the function itself."""
        kind = leaf_kind(value)
        if kind.dtype is None or is_undecided(target) or not np.can_cast(
            decided(kind).dtype, target.dtype, casting
        ):  # fmt: skip
            raise self.refuse(where, f"a store that casts {kind!r} to {target!r}")

    def number(self, n: Any, where: Any) -> Any:
        return n.obj if isinstance(n, Known) else n.value

    def shape_ref(self, ref: Array, where: Any) -> Tuple:
        rank = self.kind(ref).rank
        return Tuple(tuple(self.dimension(ref, i, where) for i in range(rank)))

    def size_ref(self, ref: Any, where: Any) -> Any:
        return self.getattr(ref, "size", where)

    # ------------------------------------------------------------------ stores

    def put_all(self, ref: Array, result: Any, where: Any) -> None:
        """`ref[...] = result`; a result of the same shape and dtype takes the array's place."""
        value = self.read(result, where)
        if self.takes_place(ref, result, value):
            self.replace(ref.buffer, value, where)
            return
        place, key = self.target(ref)
        self.write(place, key, value, where)

    def takes_place(self, ref: Array, result: Any, value: Any) -> bool:
        if ref.path or not isinstance(result, Array) or result.path or not self.instrs:
            return False
        old = self.state.memory[ref.buffer].kind
        made = self.instrs[-1].results
        if len(made) != 1 or made[0] is not value or self.instrs[-1].attrs.get("view"):
            return False
        if value.kind.dims != old.dims or value.kind.dtype != old.dtype:
            return False
        if self.kind(ref).rank > 1 and ref.buffer.order == "C" and result.buffer.order != "C":
            return False
        return result.buffer not in {b for pair in self.aliases for b in pair}

    def at_mask(self, ref: Array, mask: Any, value: Callable[[Any], Any], where: Any) -> None:
        """`ref[mask] = value(mask)`; a mask of fewer elements is broadcast."""
        mask = self.as_operand(mask, where)
        kind = self.kind(mask)
        if kind.dtype is None or kind.dtype.kind != "b":
            raise self.refuse(where, "a mask that is no array of bools")
        if not self.kind(ref).rank and not kind.rank:
            self.where_true(mask, lambda: self.put_all(ref, value(mask), where), where)
            return
        if not fits(kind, self.kind(ref)):
            mask = self.apply(np.broadcast_to, (mask, self.shape_ref(ref, where)), {}, where)
        tree = self.read(value(mask), where)
        self.write(ref, self.read(mask, where), tree, where)

    def where_true(self, mask: Any, store: Callable[[], Any], where: Any) -> None:
        """A store that one bool decides on."""
        test = self.truth(mask, where)
        if isinstance(test, Known):
            if test.obj:
                store()
            return
        then, other = (self.sub(self.state.copy(), body) for body in (store, lambda: None))
        self.join(test.value, then, other, where, made=True)

    def masked(self, ref: Any, mask: Any, like: Array, where: Any) -> Any:
        """The elements that an operand, broadcast to the shape of `like`, has at a mask."""
        ref = self.as_operand(ref, where)
        kind = self.kind(ref)
        if kind.rank == 0:
            return ref
        if not fits(kind, self.kind(like)):
            ref = self.apply(np.broadcast_to, (ref, self.shape_ref(like, where)), {}, where)
        return self.getitem(ref, mask, where)

    def cycled(self, values: Any, count: Any, where: Any, at: Any = None) -> Any:
        """Values again and again until there are `count`; `at` are the places of those wanted."""
        values = self.as_operand(values, where)
        kind = self.kind(values)
        if kind.rank == 0:
            return values
        if kind.rank != 1:
            values = self.apply(np.ravel, (values,), {}, where)
        dims = self.kind(values).dims
        if not dims:
            raise self.refuse(where, "what is stored has no length that is known")
        size = dims[0]
        if size == 1 and not isinstance(values, Plain):
            return values
        if at is None:
            if size == (count.obj if isinstance(count, Known) else count.value.kind.size):
                return values
            at = self.apply(np.arange, (count,), {}, where)
        places = self.binary(operator.mod, at, self.dimension(values, 0, where), where)
        return self.getitem(values, places, where)

    # ------------------------------------------------------------------ out=, where=

    def call_out(self, obj: Any, args: tuple, kwargs: dict, where: Any) -> Ref:
        """`np.add(a, b, out=c)` stores `a + b` in c."""
        kwargs = dict(kwargs)
        out = kwargs.pop("out")
        if isinstance(out, Tuple):
            if len(out.items) > 1:
                return self.several_out(obj, args, kwargs, out, where)
            out = out.items[0] if out.items else Known(None)
        if isinstance(out, Known) and out.obj is None:
            return self.function(obj, args, kwargs, where)
        out = self.target_array(out, where, f"out= of {op_name(obj)}")
        casting = self.constant(kwargs.pop("casting", None), "same_kind", where, "`casting`")
        mask = kwargs.pop("where", Known(True)) if isinstance(obj, np.ufunc) else Known(True)
        if not (isinstance(mask, Known) and mask.obj is True):

            def chosen(mask: Any) -> Any:
                operands = tuple(self.masked(a, mask, out, where) for a in args)
                result = self.function(obj, operands, kwargs, where)
                self.check_cast(self.read(result, where), self.kind(out), where, casting)
                return result

            self.at_mask(out, mask, chosen, where)
            return out
        if obj in IN_DTYPE_OF_OUT and "dtype" not in kwargs and len(args) < 3:
            given, wide = self.kind(args[0]).dtype, self.kind(out).dtype
            undecided = is_undecided(self.kind(args[0])) or is_undecided(self.kind(out))
            if given is not None and not undecided and \
                    given != wide == np.promote_types(given, wide):  # fmt: skip
                kwargs["dtype"] = Known(wide)
        result = self.function(obj, args, kwargs, where)
        self.check_cast(self.read(result, where), self.kind(out), where, casting)
        self.put_all(out, result, where)
        return out

    def several_out(self, obj: Any, args: tuple, kwargs: dict, out: Tuple, where: Any) -> Ref:
        """`np.modf(x, out=(y, n))`; None where a result is a new array."""
        if kwargs:
            raise self.refuse(where, f"`out=` of `{op_name(obj)}` in this form")
        results = self.function(obj, args, {}, where)
        if not isinstance(results, Tuple) or len(results.items) != len(out.items):
            raise self.refuse(where, f"`out=` of `{op_name(obj)}` in this form")
        given = []
        for ref, result in zip(out.items, results.items):
            if isinstance(ref, Known) and ref.obj is None:
                given.append(result)
                continue
            self.target_array(ref, where, f"out= of {op_name(obj)}")
            value = self.read(result, where)
            self.check_cast(value, self.kind(ref), where)
            place, key = self.target(ref)
            self.write(place, key, value, where)
            given.append(ref)
        return Tuple(tuple(given))

    def call_copyto(self, args: tuple, kwargs: dict, where: Any) -> Ref:
        dst, src, casting, mask = self.named("dst src casting where", args, kwargs, where)
        dst, src = self.target_array(dst, where, "np.copyto"), self.as_operand(src, where)
        rule = self.constant(casting, "same_kind", where, "`casting`")
        self.check_cast(self.read(src, where), self.kind(dst), where, rule)
        if mask is None or isinstance(mask, Known) and mask.obj is True:
            place, key = self.target(dst)
            if not self.stored_by_moving(place, key, src, self.kind(dst), where):
                self.write(place, key, self.read(src, where), where)
        else:
            self.at_mask(dst, mask, lambda mask: self.masked(src, mask, dst, where), where)
        return Known(None)

    # ------------------------------------------------------------------ put, place, …

    def flat_view(self, ref: Array, where: Any) -> Array | None:
        """The array as a view of one axis, in C order; None where that may be a copy."""
        if self.kind(ref).rank == 1:
            return ref
        order, proof = self.memory_order(ref)
        if order != "C":
            return None
        self.guards += proof
        return self.apply(np.reshape, (ref, Known(-1)), {}, where)

    def flat_place(self, ref: Array, key: Any, where: Any) -> tuple[Array, Any]:
        """Where `ref.flat[key]` is: an array, and the reference to an index of it."""
        view = self.flat_view(ref, where)
        if view is not None:
            return view, key
        places = self.apply(np.arange, (self.size_ref(ref, where),), {}, where, "places")
        chosen = self.getitem(places, key, where)
        shape = self.shape_ref(ref, where)
        return ref, self.apply(np.unravel_index, (chosen, shape), {}, where, "place")

    def write_at(self, ref: Array, key: Any, value: Any, where: Any) -> None:
        self.write(ref, self.key_tree(key, where), self.read(value, where), where)

    def store_flat(self, ref: Array, key: Any, value: Any, where: Any) -> None:
        """`ref.flat[key] = value`: values are taken again and again, or left over."""
        if isinstance(value, Array) and value.buffer is ref.buffer:
            raise self.refuse(where, "a store of a part of an array into its own `flat`, where "
                              "NumPy reads what it has just written",
                              "Store a copy (`.copy()`).")  # fmt: skip
        place, at = self.flat_place(ref, key, where)
        kind = abstract.infer(
            "getitem", (self.kind(place), map_tree(kind_of_value, self.key_tree(at, where))), {}
        )
        if kind is not None and kind.tag == "array" and kind.rank == 1:
            count = self.count_of(kind, place, at, where)
            value = self.cycled(value, count, where)
        self.write_at(place, at, value, where)

    def count_of(self, kind: Kind, place: Array, at: Any, where: Any) -> Any:
        """How many elements an index takes."""
        if isinstance(kind.dims[0], int):
            return Known(kind.dims[0])
        return self.dimension(self.getitem(place, at, where), 0, where)

    def call_put(self, args: tuple, kwargs: dict, where: Any) -> Ref:
        a, ind, v, mode = self.named("a ind v mode", args, kwargs, where)
        a = self.target_array(a, where, "np.put")
        rule = self.constant(mode, "raise", where, "the mode")
        if rule != "raise" or not self.is_list_of_ints(ind):
            ind = self.as_operand(ind, where)
        if rule == "wrap":
            ind = self.binary(operator.mod, ind, self.size_ref(a, where), where)
        elif rule == "clip":
            last = self.binary(operator.sub, self.size_ref(a, where), Known(1), where)
            ind = self.apply(np.clip, (ind, Known(0), last), {}, where)
        rank = self.kind(ind).rank
        if rank is not None and rank > 1:
            ind = self.apply(np.ravel, (ind,), {}, where)
        if isinstance(v, Array) and v.path:  # it copies what overlaps
            v = self.fresh(self.read(v, where))
        self.store_flat(a, ind, v, where)
        return Known(None)

    def is_list_of_ints(self, ref: Any) -> bool:
        """Whether an index is a list that may stay one: of ints, not nested."""
        held = self.held(ref) if isinstance(ref, List) else ()
        return isinstance(held, tuple) and bool(held) and all(
            isinstance(item, Known) or self.kind(item).tag == "scalar" for item in held
        )  # fmt: skip

    def call_place(self, args: tuple, kwargs: dict, where: Any) -> Ref:
        arr, mask, vals = self.named("arr mask vals", args, kwargs, where)
        arr, mask = self.target_array(arr, where, "np.place"), self.as_operand(mask, where)
        if self.kind(mask).rank != self.kind(arr).rank:
            raise self.refuse(where, "`np.place` with a mask of another shape")

        def chosen(mask: Any) -> Any:
            values = self.as_operand(vals, where)
            if self.kind(values).rank == 0:
                return values
            count = self.apply(np.count_nonzero, (mask,), {}, where)
            return self.cycled(values, count, where)

        self.at_mask(arr, mask, chosen, where)
        return Known(None)

    def call_putmask(self, args: tuple, kwargs: dict, where: Any) -> Ref:
        a, mask, values = self.named("a mask values", args, kwargs, where)
        a, mask = self.target_array(a, where, "np.putmask"), self.as_operand(mask, where)
        if self.kind(mask).rank != self.kind(a).rank:
            raise self.refuse(where, "`np.putmask` with a mask of another shape")

        def chosen(mask: Any) -> Any:
            operand = self.as_operand(values, where)
            if self.kind(operand).dims in ((), self.kind(a).dims):
                return self.masked(operand, mask, a, where)
            at = self.apply(np.flatnonzero, (mask,), {}, where)
            return self.cycled(operand, None, where, at)

        self.at_mask(a, mask, chosen, where)
        return Known(None)

    def call_put_along_axis(self, args: tuple, kwargs: dict, where: Any) -> Ref:
        arr, ind, values, axis = self.named("arr indices values axis", args, kwargs, where)
        arr, ind = self.target_array(arr, where, "np.put_along_axis"), self.as_operand(ind, where)
        at, rank = self.constant(axis, None, where, "the axis"), self.kind(arr).rank
        if at is None:
            return self.call_put((arr, ind, values), {}, where)
        key: list[Any] = []
        for i in range(rank):
            if i == at % rank:
                key.append(ind)
                continue
            steps = self.apply(np.arange, (self.dimension(arr, i, where),), {}, where)
            after = (ALL, *[Known(None)] * (rank - i - 1))
            key.append(steps if len(after) == 1 else self.getitem(steps, Tuple(after), where))
        place = key[0] if rank == 1 else Tuple(tuple(key))
        self.write_at(arr, place, self.as_operand(values, where), where)
        return Known(None)

    def call_fill_diagonal(self, args: tuple, kwargs: dict, where: Any) -> Ref:
        a, val, wrap = self.named("a val wrap", args, kwargs, where)
        a, kind = self.target_array(a, where, "np.fill_diagonal"), self.kind(a)
        if kind.rank is None or kind.rank < 2 or kind.rank > 2 and len(set(kind.dims)) > 1:
            raise self.refuse(where, "`np.fill_diagonal` of an array of this shape")
        shape = self.shape_ref(a, where)
        if self.constant(wrap, False, where, "`wrap`"):
            step = self.binary(operator.add, shape.items[1], Known(1), where)
            places = self.apply(np.arange, (Known(0), self.size_ref(a, where), step), {}, where)
            count = self.dimension(places, 0, where)
            key: tuple = self.apply(np.unravel_index, (places, shape), {}, where, "place").items
        else:
            count = shape.items[0]
            if len(set(kind.dims)) > 1:
                count = self.apply(min, shape.items[:2], {}, where)
            key = (self.apply(np.arange, (count,), {}, where),) * kind.rank
        self.write_at(a, Tuple(key), self.cycled(val, count, where), where)
        return Known(None)

    def call_nan_to_num(self, args: tuple, kwargs: dict, where: Any) -> Ref | None:
        x, copy, nan, posinf, neginf = self.named("x copy nan posinf neginf", args, kwargs, where)
        if self.constant(copy, True, where, "`copy`"):
            return None
        given = {"nan": nan, "posinf": posinf, "neginf": neginf}
        rest = {name: ref for name, ref in given.items() if ref is not None}
        result = self.apply(np.nan_to_num, (x,), rest, where)
        if not isinstance(x, Array):
            return result
        self.put_all(x, result, where)
        return x

    # ------------------------------------------------------------------ methods

    def method_fill(self, a: Array, args: tuple, kwargs: dict, where: Any) -> Ref:
        (value,) = self.named("value", args, kwargs, where)
        place, key = self.target(a)
        self.write(place, key, self.read(value, where), where)
        return Known(None)

    def sort_array(self, a: Array, args: tuple, kwargs: dict, where: Any) -> Ref:
        axis, kind, order, stable = self.named("axis kind order stable", args, kwargs, where)
        if order is not None:
            raise self.refuse(where, "`sort` with `order=`")
        rest = () if axis is None else (axis,)
        if self.kind(a).rank:
            self.put_all(a, self.apply(np.sort, (a, *rest), {}, where), where)
        return Known(None)

    def method_partition(self, a: Array, args: tuple, kwargs: dict, where: Any) -> Ref:
        kth, axis, kind, order = self.named("kth axis kind order", args, kwargs, where)
        rest = () if axis is None else (axis,)
        self.put_all(a, self.apply(np.partition, (a, kth, *rest), {}, where), where)
        return Known(None)

    def method_put(self, a: Array, args: tuple, kwargs: dict, where: Any) -> Ref:
        renamed = {{"indices": "ind", "values": "v"}.get(k, k): v for k, v in kwargs.items()}
        return self.call_put((a, *args), renamed, where)

    def method_setitem(self, a: Array, args: tuple, kwargs: dict, where: Any) -> Ref:
        self.setitem(a, *args, where)
        return Known(None)

    def call_setitem(self, args: tuple, kwargs: dict, where: Any) -> Ref:
        self.setitem(*args, where)
        return Known(None)

    def writing_method(self, name: str, a: Any, args: tuple, kwargs: dict, where: Any) -> Ref:
        """A method that changes its array."""
        handler = METHODS.get(name)
        if name in IN_PLACE and isinstance(a, Array) and len(args) == 1:
            return self.inplace(IN_PLACE[name], a, *args, where)
        if handler is None or not isinstance(a, Array):
            raise self.refuse(where, f"the method `{name}`, which changes an array in place",
                              "Use the NumPy function of the same name.")  # fmt: skip
        return handler(self, a, args, kwargs, where)

    # ------------------------------------------------------------------ ufunc.at

    def call_at(self, ufunc: np.ufunc, args: tuple, kwargs: dict, where: Any) -> Ref:
        """`ufunc.at(a, indices, b)`, element after element."""
        a, indices, b = self.named("a indices b", args, kwargs, where)
        a = self.target_array(a, where, op_name(ufunc.at))
        value = None if b is None else self.as_operand(b, where)
        if isinstance(value, ARRAYS):  # as it was before: NumPy copies what overlaps
            value = self.fresh(self.read(value, where))
        op = spelling.OPERATORS.get(ufunc)
        key = self.key_tree(indices, where)
        old_kind = abstract.infer("getitem", (self.kind(a), map_tree(kind_of_value, key)), {})
        if ufunc in (np.add, np.subtract) and self.kind(a).inexact:
            tree = self.read(value, where)
            self.check_cast(tree, self.kind(a), where)
            if ufunc is np.subtract:
                tree = self.read(self.apply(operator.neg, (value,), {}, where), where)
            repeats = has_integer_arrays(key)
            self.write(a, key, tree, where, add=True, repeats=repeats)
            return Known(None)
        operands = () if value is None else (self.kind(value),)
        found = None if old_kind is None else abstract.infer(ufunc, (old_kind, *operands), {})
        if found is None or found.dtype is None or not np.can_cast(
                decided(found).dtype, self.kind(a).dtype, "same_kind"):  # fmt: skip
            raise self.refuse(where, f"`{op_name(ufunc.at)}` of values that it cannot cast")
        if not has_integer_arrays(key):
            self.at_once(a, key, ufunc, op, value, where)
            return Known(None)
        if old_kind is None or not old_kind.rank:
            raise self.refuse(where, f"`{op_name(ufunc.at)}` with these indices")
        self.in_rounds(a, indices, old_kind, ufunc, value, where)
        return Known(None)

    def at_once(self, a: Array, key: Any, ufunc: np.ufunc, op: Any, value: Any, where: Any) -> None:
        """No element is named twice: a read, an operation, a store."""
        old = self.getitem(a, wrapped(key), where)
        if value is not None and op is not None:
            self.augmented(a, key, op, self.read(value, where), self.read(old, where), where)
            return
        operands = (old,) if value is None else (old, value)
        new = self.read(self.function(ufunc, operands, {}, where), where)
        self.check_cast(new, self.kind(a), where)
        self.write(a, key, new, where)

    def in_rounds(self, a: Array, indices: Any, old: Kind, ufunc: np.ufunc, value: Any,
                  where: Any) -> None:  # fmt: skip
        """Each round updates no element twice, and the rounds are in the order of the indices."""
        value = Known(None) if value is None else value
        indices = self.as_operand(indices, where) if isinstance(indices, List) else indices
        if not isinstance(indices, Tuple) and self.kind(indices).rank == 1:
            rank = self.kind(value).rank or 0
            if rank == self.kind(a).rank and not fits(self.kind(value), old):
                like = self.getitem(a, indices, where)
                shape = self.shape_ref(like, where)
                value = self.apply(np.broadcast_to, (value, shape), {}, where)
                value = self.fresh(self.read(value, where))
            self.inline(kernels.update_rows, (Known(ufunc), a, indices, value), {}, where, True)
            return
        places = self.places(a, indices, where)
        if self.kind(value).rank not in (None, 0):
            shape = self.shape_ref(places, where)
            value = self.apply(np.broadcast_to, (value, shape), {}, where)
            value = self.fresh(self.read(self.apply(np.ravel, (value,), {}, where), where))
        places = self.fresh(self.read(self.apply(np.ravel, (places,), {}, where), where), "places")
        self.inline(kernels.update_places, (Known(ufunc), a, places, value), {}, where, True)

    def call_rounds(self, args: tuple, kwargs: dict, where: Any) -> Ref:
        tree = tuple(self.read(a, where) for a in args)
        each = Kind("array", np.dtype(np.intp), (fresh_size(),))
        kind = Kind("list", items=(each,))
        return Plain(self.emit(kernels.rounds, tree, None, kind, where, "rounds"))

    def places(self, a: Array, indices: Any, where: Any) -> Any:
        """Which elements an index names, as numbers in C order."""
        numbers = self.apply(np.arange, (self.size_ref(a, where),), {}, where)
        if self.kind(a).rank != 1:
            numbers = self.apply(np.reshape, (numbers, self.shape_ref(a, where)), {}, where)
        return self.getitem(numbers, indices, where)


def wrapped(tree: Any) -> Any:
    """An index that was read, as references."""
    if isinstance(tree, Value):
        return Plain(tree)
    if isinstance(tree, Slice):
        return Slice(*(None if part is None else wrapped(part) for part in tree))
    if isinstance(tree, tuple):
        return Tuple(tuple(map(wrapped, tree)))
    return Known(tree)


def in_place(op: Any) -> Callable:
    """The handler of `operator.iadd` and the like."""

    def handler(run: Writers, args: tuple, kwargs: dict, where: Any) -> Ref:
        return run.inplace(op, *args, where)

    return handler


# The method of `a += b` → the operation.
IN_PLACE = {
    f"__i{name.strip('_')}__": getattr(operator, name)
    for name in "add sub mul truediv floordiv mod pow matmul and_ or_ xor".split()
}
HANDLERS: dict[Any, Callable] = {
    kernels.rounds: Writers.call_rounds,
    np.copyto: Writers.call_copyto, np.put: Writers.call_put, np.place: Writers.call_place,
    np.putmask: Writers.call_putmask, np.put_along_axis: Writers.call_put_along_axis,
    np.fill_diagonal: Writers.call_fill_diagonal, np.nan_to_num: Writers.call_nan_to_num,
    operator.setitem: Writers.call_setitem,
    **{getattr(operator, name.strip("_")): in_place(op) for name, op in IN_PLACE.items()},
}  # fmt: skip
METHODS: dict[str, Callable] = {
    "fill": Writers.method_fill, "sort": Writers.sort_array, "put": Writers.method_put,
    "partition": Writers.method_partition, "__setitem__": Writers.method_setitem,
}  # fmt: skip
CHANGING = frozenset(
    {*METHODS, *IN_PLACE, *"resize itemset setflags setfield byteswap".split()}
)  # fmt: skip
