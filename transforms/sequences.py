"""Lists whose length is known only at run time: one value, and an operation for each method.

    a.append(v)        a.2 = list_append(a, v)          in place in what is generated
    v = a.pop(i)       a.2, v = list_pop(a, i)
    a.insert(i, v)     a.2 = list_insert(a, i, v)       i is not negative, and at most the length
    a[i] = v           a.2 = list_setitem(a, i, v)
    a.extend(b)        a.2 = list_extend(a, b)
    a + b · a * n      list_join(a, b) · list_repeat(a, n)
    a[i:j] · a.copy()  getitem(a, i:j) · copy(a)        new lists
"""

from __future__ import annotations

import operator
from typing import Any

import numpy as np

from srcdiff.runtime import kernels, python_forms
from srcdiff.transforms.ir import Instr, Slice, Value, leaf_kind
from srcdiff.transforms.kinds import INT, Kind, is_undecided, item_of, join, kind_of
from srcdiff.transforms.list_elements import WRITTEN
from srcdiff.transforms.mutation import Memory
from srcdiff.transforms.references import (
    ARRAYS,
    Array,
    Cell,
    Known,
    List,
    Maybe,
    Missing,
    Plain,
    Ref,
    Tuple,
    buffers_of,
)


class Sequences(Memory):
    def is_sequence(self, ref: Any) -> bool:
        """Whether this is a list whose length is known only at run time."""
        return isinstance(ref, List) and isinstance(self.state.memory.get(ref.cell), Plain)

    def may_be_sequence(self, held: tuple) -> bool:
        """Whether known items can be the elements of one value."""
        return not held or self.alike(held)

    def sequence_kind(self, ref: Any) -> Kind | None:
        """The kind of a list as one value; None if it cannot be one."""
        if isinstance(self.state.memory.get(ref.cell), Missing):
            return None
        held = self.held(ref)
        if isinstance(held, Plain):
            return held.value.kind
        if type(held) is not tuple or not self.may_be_sequence(held):
            return None
        kind = Kind("list")
        for item in held:
            kind = self.joined(kind, Kind("list", items=(self.kind(item),)))
        return kind

    def new_sequence(self, value: Value, like: Any = None) -> List:
        cell = Cell(value.name, like and like.cls, like and like.missing)
        if not holds_numbers(value):
            self.share_items(cell, like)  # of what it was made of
        self.state.memory[cell] = Plain(value)
        return List(cell)

    def set_sequence(self, base: List, value: Value) -> None:
        self.written.add(base.cell)
        self.state.memory[base.cell] = Plain(value)

    def change_sequence(self, op: str, base: List, args: tuple, kind: Kind, where: Any) -> None:
        old = self.held(base).value
        self.set_sequence(base, self.emit(op, (old, *args), None, kind, where, base.cell.name))

    def as_sequence(self, ref: Any, where: Any) -> Value:
        """The value of a list of any items."""
        if isinstance(ref, List):
            held = self.held(ref)
            if isinstance(held, Plain):
                if not holds_numbers(held.value):
                    self.share_items(ref.cell)
                return held.value
            if self.is_rows(ref):
                value = self.rows_value(ref, where)
                for buffer in buffers_of(held.template, {}):  # it may be kept
                    self.fix(Array(buffer), where)
                return value
            return self.sequence(held, Cell(ref.cell.name), where).value
        if isinstance(ref, Plain) and ref.value.kind.tag == "list":
            return ref.value
        if isinstance(ref, ARRAYS) and self.kind(ref).rank == 1:
            return self.held(self.list_of_array(ref, where)).value
        items = self.known_items(ref, where)
        if items is None:
            return self.as_sequence(self.form(python_forms.listed, (ref,), where), where)
        return self.sequence(tuple(items), Cell("items"), where).value

    def joined(self, a: Kind, b: Kind) -> Kind:
        """The kind of a list of the items of two."""
        if a.items is None or b.items is None:
            return a if b.items is None else b
        p, q = a.items[0], b.items[0]
        item = join(p, q)
        if item.tag == "object" and p.tag == q.tag == "scalar" and not (
            is_undecided(p) or is_undecided(q)
        ):  # ints among floats
            item = Kind("scalar", np.result_type(p.dtype, q.dtype), python=None)
        if p.tag == q.tag == "list":
            item = self.joined(p, q)
        return Kind("list", items=(item,))

    def element_tree(self, item: Any, where: Any) -> Any:
        """The IR's tree for what is put into a list: a list in a list is one value."""
        if isinstance(item, Maybe):
            raise self.refuse(where, "what may be None, in a list whose length is known only at "
                              "run time", "Put in what is not None.")  # fmt: skip
        if isinstance(item, List):
            if self.is_rows(item):
                raise self.refuse(where, "a list of tuples, or of arrays that are written, in a "
                                  "list")  # fmt: skip
            value = self.as_sequence(item, where)
            self.state.memory[item.cell] = Plain(value)
            return value
        tree = self.read(item, where)
        if isinstance(tree, (tuple, list, dict)):
            raise self.refuse(where, "unlike things in a list whose length is known only at run "
                              "time", "Use a list for each kind of thing.")  # fmt: skip
        return tree

    def kind_with(self, kind: Kind, item: Any) -> Kind:
        return self.joined(kind, Kind("list", items=(leaf_kind(item),)))

    # ------------------------------------------------------------------ methods

    def sequence_append(self, base: List, item: Any, where: Any) -> None:
        tree = self.element_tree(item, where)
        self.own(base.cell, item, where)
        self.fix(item, where)
        kind = self.kind_with(self.held(base).value.kind, tree)
        self.change_sequence("list_append", base, (tree,), kind, where)

    def sequence_extend(self, base: List, ref: Any, where: Any) -> None:
        more = self.as_sequence(ref, where)
        kind = self.joined(self.held(base).value.kind, more.kind)
        self.change_sequence("list_extend", base, (more,), kind, where)

    def sequence_insert(self, base: List, index: Any, item: Any, where: Any) -> None:
        tree = self.element_tree(item, where)
        self.own(base.cell, item, where)
        self.fix(item, where)
        held = self.held(base).value
        place = self.read(index, where)
        if not (type(place) is int and place == 0):
            n = self.emit(len, (held,), None, INT, where, "n")
            place = self.emit(kernels.insert_place, (place, n), None, INT, where, "at")
        kind = self.kind_with(held.kind, tree)
        self.change_sequence("list_insert", base, (place, tree), kind, where)

    def sequence_pop(self, base: List, index: Any, where: Any) -> Ref:
        held = self.held(base).value
        place = () if index is None or index == Known(-1) else (self.read(index, where),)
        item = item_of(held.kind)
        if not held.kind.items:
            raise self.refuse(where, "`pop` from a list of which nothing is known")
        rest = Value(base.cell.name, held.kind)
        last = Value("last", item)
        self.instrs.append(Instr("list_pop", (held, *place), None, (rest, last), (), {}, where))
        self.set_sequence(base, rest)
        return self.element(last)

    def element(self, value: Value, place: Any = None) -> Ref:
        """The reference to an element that was read, at a place in a list."""
        ref = self.fresh(value)
        for array in (ref,) if isinstance(ref, ARRAYS) else ():
            array.buffer.fixed, array.buffer.element = WRITTEN, place
        if value.kind.tag == "tuple" and value.kind.items:
            return Tuple(tuple(
                self.element(self.emit("getitem", (value, i), None, kind, self.where, value.name))
                for i, kind in enumerate(value.kind.items)
            ))  # fmt: skip
        if value.kind.tag == "list":
            made = self.new_sequence(value)
            made.cell.fixed = "a list in a list, whose length is known only at run time, changes"
            made.cell.element = place
            return made
        return ref

    def sequence_index(self, base: List, item: Any, where: Any) -> Ref:
        tree = (self.held(base).value, self.read(item, where))
        return Plain(self.emit(list.index, tree, None, INT, where, "at", method="index"))

    def sequence_count(self, base: List, item: Any, where: Any) -> Ref:
        tree = (self.held(base).value, self.read(item, where))
        return Plain(self.emit(list.count, tree, None, INT, where, "count", method="count"))

    def sequence_contains(self, base: Any, item: Any, where: Any) -> Ref:
        held = self.held(base).value if isinstance(base, List) else self.read(base, where)
        tree = (held, self.read(item, where))
        return Plain(self.emit(operator.contains, tree, None, kind_of(True), where, "found"))

    def store_in_sequence(self, base: List, key: Any, value: Any, where: Any) -> None:
        """`a[key] = value`"""
        if not self.is_sequence(base):
            held = self.sequence(self.held(base), base.cell, where)
            self.state.memory[base.cell] = held
        if isinstance(key, Slice):
            self.sequence_replace(base, key, value, where)
        else:
            self.sequence_store(base, key, value, where)

    def sequence_store(self, base: List, key: Any, value: Any, where: Any) -> None:
        held = self.held(base).value
        tree = self.element_tree(value, where)
        self.own(base.cell, value, where)
        self.fix(value, where)
        kind = self.kind_with(held.kind, tree)
        self.change_sequence("list_setitem", base, (self.read(key, where), tree), kind, where)

    # ------------------------------------------------------------------ slices

    def sequence_slice(self, base: List, cut: Slice, where: Any) -> List:
        held = self.held(base).value
        tree = Slice(*(None if p is None else self.read(p, where) for p in cut))
        value = self.emit("getitem", (held, tree), None, held.kind, where, base.cell.name)
        return self.new_sequence(value, base.cell)

    def sequence_replace(self, base: List, cut: Slice, items: Any, where: Any) -> None:
        """`a[i:j] = items` and, with no items, `del a[i:j]`: the parts are put together anew."""
        bounds = [None if p is None else self.read(p, where) for p in cut]
        start, stop, step = bounds
        if step not in (None, 1):
            raise self.refuse(where, "a slice with a step of a list as a target")
        ordered = start is None or stop is None or (
            type(start) is type(stop) is int and (start <= stop) and (start < 0) == (stop < 0))
        if not ordered:
            what = "a slice of a list as a target, whose bounds are known only at run time,"
            raise self.refuse(where, what, "Put the list together: `a[:i] + b + a[j:]`.")
        parts: list[Any] = []
        if start not in (None, 0):
            parts.append(self.sequence_slice(base, Slice(None, cut.start, None), where))
        if items is not None:
            parts.append(items)
        if stop is not None:
            parts.append(self.sequence_slice(base, Slice(cut.stop, None, None), where))
        value = self.as_sequence(parts[0], where) if parts else None
        for part in parts[1:]:
            value = self.join_values(value, self.as_sequence(part, where), where)
        if value is None:
            self.written.add(base.cell)
            self.state.memory[base.cell] = ()
            return
        if len(parts) == 1 and parts[0] is items:
            value = self.emit("copy", (value,), None, value.kind, where, base.cell.name)
        self.set_sequence(base, value)

    def join_values(self, a: Any, b: Any, where: Any) -> Value:
        kind = self.joined(a.kind, b.kind)
        return self.emit("list_join", (a, b), None, kind, where, a.name)

    def sequence_operator_at_run_time(self, op: Any, a: Any, b: Any, where: Any) -> Ref | None:
        """`+` and `*` of lists where a length is known only at run time."""
        if op is operator.add and isinstance(a, List) and isinstance(b, List):
            if self.is_sequence(a) or self.is_sequence(b):
                left, right = self.as_sequence(a, where), self.as_sequence(b, where)
                return self.new_sequence(self.join_values(left, right, where))
        if op is operator.mul:
            if isinstance(b, List):
                a, b = b, a
            kind = self.kind(b)
            if not isinstance(a, List) or kind.tag != "scalar" or kind.dtype.kind != "i" or \
                    kind.python is not True:  # fmt: skip
                return None
            if isinstance(b, Known) and not self.is_sequence(a):
                return None
            held = self.as_sequence(a, where)
            value = self.emit("list_repeat", (held, self.read(b, where)), None, held.kind, where,
                              held.name)  # fmt: skip
            return self.new_sequence(value)
        return None

    def copied_sequence(self, base: List, where: Any) -> List:
        held = self.held(base).value
        value = self.emit("copy", (held,), None, held.kind, where, base.cell.name)
        return self.new_sequence(value, base.cell)


def holds_numbers(value: Value) -> bool:
    items = value.kind.items
    return items is None or items[0].tag == "scalar"
