"""Python's own functions on references: `len`, `range`, `isinstance`, `sum`, `max`, …

A handler returns a reference, or None where the call is an operation like any other.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

import numpy as np

from srcdiff.runtime import python_forms
from srcdiff.transforms.ir import Instr
from srcdiff.transforms.kinds import BOOL, INT, Kind, is_undecided, item_of, kind_of
from srcdiff.transforms.mutation import Memory
from srcdiff.transforms.references import (
    ARRAYS,
    Array,
    Bound,
    Cell,
    Dict,
    Either,
    Iterator,
    Known,
    List,
    Object,
    Plain,
    Ref,
    Rows,
    Tuple,
    is_flat,
)  # fmt: skip


class Builtins(Memory):
    def call_len(self, args: tuple, kwargs: dict, where: Any) -> Any:
        (ref,) = args
        if self.special(ref, "__len__") is not None:
            return self.object_method(ref, "__len__", (), where)
        if is_flat(ref):
            return self.size_ref(ref.ref, where)
        if isinstance(ref, Tuple):
            return Known(len(ref.items))
        if isinstance(ref, Iterator) and ref.kind == "listed":
            return self.call_len(ref.parts, {}, where)
        if isinstance(ref, Iterator):
            return self.length_of_iterator(ref, where)
        if isinstance(ref, (List, Dict)):
            held = self.whole(ref, where) if isinstance(ref, Dict) else self.held(ref)
            if isinstance(held, Rows):
                return self.call_len((held.columns[0],), {}, where)
            if not isinstance(held, Plain):
                return Known(len(held))
            return Plain(self.emit(len, (held.value,), None, INT, where, "n"))
        if isinstance(ref, Known):
            try:
                return Known(len(ref.obj))
            except TypeError as error:
                raise self.failing(error, where) from None
        kind = self.kind(ref)
        if kind.dims and isinstance(kind.dims[0], int):
            return Known(kind.dims[0])
        tree = self.read(ref, where)
        size = kind.dims[0] if kind.dims else None
        return Plain(self.emit(len, (tree,), None, INT._replace(size=size), where, "n"))

    def call_range(self, args: tuple, kwargs: dict, where: Any) -> Ref:
        parts = [self.as_int(a, where) for a in args]
        if len(parts) == 1:
            parts = [Known(0), parts[0], Known(1)]
        elif len(parts) == 2:
            parts.append(Known(1))
        return Iterator("range", tuple(parts))

    def as_int(self, ref: Any, where: Any) -> Any:
        kind = self.kind(ref)
        if kind.tag != "scalar" or kind.dtype is None or kind.dtype.kind not in "iub":
            raise self.refuse(where, "`range` of something that is no int")
        return ref

    def call_zip(self, args: tuple, kwargs: dict, where: Any) -> Ref:
        return Iterator("zip", args)

    def call_enumerate(self, args: tuple, kwargs: dict, where: Any) -> Ref:
        start = args[1] if len(args) > 1 else kwargs.get("start", Known(0))
        return Iterator("enumerate", (args[0], start))

    def call_reversed(self, args: tuple, kwargs: dict, where: Any) -> Ref:
        return Iterator("reversed", args)

    def call_list(self, args: tuple, kwargs: dict, where: Any) -> Ref:
        if not args:
            return self.new_list(())
        ref = args[0]
        if isinstance(ref, List) and isinstance(self.held(ref), (Plain, Rows)):
            return self.method_copy(ref, (), {}, where)
        if isinstance(ref, ARRAYS) and not isinstance((self.kind(ref).dims or (None,))[0], int):
            return self.list_of_array(ref, where)
        items = self.known_items(ref, where)
        if items is None:
            return self.form(python_forms.listed, (ref,), where)
        return self.new_list(tuple(items))

    def list_of_array(self, ref: Array, where: Any, op: Callable = list) -> Any:
        """`list(x)`, `x.tolist()` of an array whose length is known only at run time; of rows,
        which are views, it is only looked at."""
        kind = self.kind(ref)
        if kind.rank is not None and kind.rank > 1:
            return Iterator("listed", (ref,))
        if kind.rank != 1:
            raise self.refuse(where, "the list of something of unknown rank")
        item = Kind("scalar", kind.dtype, python=False)
        if op is not list:
            item = kind_of(kind.dtype.type(1).item())
        value = self.emit(op, (self.read(ref, where),), None, Kind("list", items=(item,)), where,
                          "items")  # fmt: skip
        if op is not list:
            self.instrs[-1].attrs["method"] = "tolist"
        cell = Cell("items")
        self.state.memory[cell] = Plain(value)
        return List(cell)

    def call_tuple(self, args: tuple, kwargs: dict, where: Any) -> Ref:
        return Tuple(tuple(self.items(args[0], where)) if args else ())

    def call_slice(self, args: tuple, kwargs: dict, where: Any) -> Ref:
        parts = (None, args[0], None) if len(args) == 1 else (*args, None)[:3]
        return Bound(tuple(Known(None) if p is None else p for p in parts), "slice")

    def call_isinstance(self, args: tuple, kwargs: dict, where: Any) -> Ref:
        ref, classes = args
        wanted = self.known(classes, where, "the class")
        if isinstance(ref, Known):
            return Known(isinstance(ref.obj, wanted))
        cls = self.class_of(ref, wanted, where)
        return Known(issubclass(cls, wanted))

    def sum_or_zero(self, ref: Any, summed: Any, where: Any) -> Any:
        """The sum of no elements is the int 0; told apart where it matters."""
        if isinstance(self.kind(summed).dims[0], int) or where is None:
            return ref
        site = ("kinds", where.node, "sum")
        if site in self.choices:
            n = self.call_len((summed,), {}, where)
            empty = self.emit(operator.eq, (self.number(n, where), 0), None, BOOL, where, "empty")
            self.eithers = True
            return Either(empty, Known(0), ref)
        if isinstance(ref, Plain):
            self.maybe_int[ref.value] = site
        return ref

    def class_of(self, ref: Any, wanted: Any, where: Any) -> type:
        if isinstance(ref, (Tuple, Object)):
            return ref.cls
        if isinstance(ref, Known):
            return type(ref.obj)
        if isinstance(ref, (List, Dict)):
            return ref.cell.cls or (list if isinstance(ref, List) else dict)
        kind = self.kind(ref)
        if kind.tag == "array":
            return np.ndarray
        if kind.tag == "scalar" and not is_undecided(kind):
            python = {"b": bool, "i": int, "f": float, "c": complex}
            if isinstance(ref, Plain):
                self.ask_for_ints((ref.value,))
            if kind.python:
                return python[kind.dtype.kind]
            numpy = kind.dtype.type
            if kind.python is None:
                possible = {issubclass(c, wanted) for c in (python[kind.dtype.kind], numpy, int)}
                if len(possible) > 1:
                    raise self.refuse(where, "this `isinstance` depends on run-time values")
            return numpy
        raise self.refuse(where, "this `isinstance` depends on run-time values")

    def call_float(self, args: tuple, kwargs: dict, where: Any) -> Ref | None:
        if not args:
            return Known(0.0)
        if isinstance(args[0], Known) and not isinstance(args[0].obj, (float, complex)):
            return self.carried_out(float, args, where)
        return None

    def carried_out(self, f: Callable, args: tuple, where: Any) -> Known:
        """A call on what is known, done while compiling."""
        try:
            return Known(f(*(a.obj for a in args)))
        except Exception as error:
            raise self.failing(error, where) from None

    def call_int(self, args: tuple, kwargs: dict, where: Any) -> Ref | None:
        if all(isinstance(a, Known) for a in args):
            return self.carried_out(int, args, where)
        if args and self.kind(args[0]) == INT:
            return args[0]
        return None

    def call_bool(self, args: tuple, kwargs: dict, where: Any) -> Ref | None:
        found = self.truth(args[0], where) if args else Known(False)
        return found if isinstance(found, Known) else None

    def call_str(self, args: tuple, kwargs: dict, where: Any) -> Ref:
        found = self.object_text(args[0], 115, "", where) if args else None
        if found is not None:
            return found
        args = tuple(self.text_of(a, where) for a in args)
        if all(isinstance(a, Known) for a in args):
            return Known(str(*(a.obj for a in args)))
        return Plain(self.emit(str, tuple(self.read(a, where) for a in args), None, Kind("str"),
                               where, "text"))  # fmt: skip

    def call_print(self, args: tuple, kwargs: dict, where: Any) -> Ref:
        args = tuple(self.object_text(a, 115, "", where) or a for a in args)
        trees = tuple(self.read(a, where) for a in args)
        keywords = {k: self.read(v, where) for k, v in kwargs.items()}
        self.instrs.append(Instr(print, trees, keywords, (), (), {"effect": True}, where))
        return Known(None)

    def call_sum(self, args: tuple, kwargs: dict, where: Any) -> Ref | None:
        ref = self.sequence_of(args[0], where)
        start = args[1] if len(args) > 1 else kwargs.get("start", Known(0))
        if isinstance(ref, ARRAYS):
            kind = self.kind(ref)
            if kind.dims and kind.dims[0] == 0:
                return start  # an int, most often
            if kind.dims:
                made = Kind("array", kind.dtype, kind.dims[1:]) if len(kind.dims) > 1 else \
                    Kind("scalar", kind.dtype, python=False)  # fmt: skip
                more = () if isinstance(start, Known) and start.obj == 0 else (start,)
                tree = tuple(self.read(r, where) for r in (ref, *more))
                found = self.fresh(self.emit(sum, tree, None, made, where, "total"))
                return found if more else self.sum_or_zero(found, ref, where)
        if self.is_rows(ref) or self.is_sequence(ref):
            item = self.kind(ref).items
            kind = item_of(self.kind(ref)) if item else INT
            if item and isinstance(start, Known) and start.obj == 0:
                value = self.emit(sum, (self.read(ref, where),), None, kind, where, "total")
                return self.fresh(value)
            return self.as_if_here(python_forms.summed, (ref, start), {}, where, internal=True)
        items = self.items(ref, where)
        if all(isinstance(i, Known) for i in items) and isinstance(start, Known):
            return Known(sum((i.obj for i in items), start.obj))
        scalars = all(self.kind(i).tag == "scalar" for i in items)
        if scalars and isinstance(start, Known) and start.obj == 0:
            return self.apply(sum, (Tuple(tuple(items)),), {}, where)
        total = start
        for item in items:
            total = self.binary(operator.add, total, item, where)
        return total

    def call_any(self, args: tuple, kwargs: dict, where: Any) -> Ref | None:
        return self.all_any(any, args, where)

    def call_all(self, args: tuple, kwargs: dict, where: Any) -> Ref | None:
        return self.all_any(all, args, where)

    def all_any(self, op: Callable, args: tuple, where: Any) -> Ref | None:
        ref = self.sequence_of(args[0], where)
        if isinstance(ref, ARRAYS) or (isinstance(ref, List) and isinstance(self.held(ref), Plain)):
            return Plain(self.emit(op, (self.read(ref, where),), None, kind_of(True), where,
                                   op.__name__))  # fmt: skip
        tests = [self.truth(i, where) for i in self.items(ref, where)]
        if all(isinstance(t, Known) for t in tests):
            return Known(op(t.obj for t in tests))
        tree = [self.read(t, where) for t in tests]
        return Plain(self.emit(op, (tree,), None, kind_of(True), where, op.__name__))

    def call_hasattr(self, args: tuple, kwargs: dict, where: Any) -> Ref:
        ref, name = args[0], self.known(args[1], where, "the name")
        return Known(self.has_attribute(ref, name, where))

    def call_getattr(self, args: tuple, kwargs: dict, where: Any) -> Ref:
        name = self.known(args[1], where, "the name")
        if len(args) == 3 and not self.call_hasattr(args[:2], {}, where).obj:
            return args[2]
        return self.getattr(args[0], name, where)

    def call_type(self, args: tuple, kwargs: dict, where: Any) -> Ref:
        if isinstance(args[0], Known):
            return Known(type(args[0].obj))
        kind = self.kind(args[0])
        if kind.python is None and kind.tag == "scalar":
            raise self.refuse(where, "this `type` depends on run-time values")
        return Known(self.class_of(args[0], object, where))


    def call_frame_reader(self, args: tuple, kwargs: dict, where: Any) -> Ref:
        """`eval`, `locals()`: what they read and write is not in the text."""
        raise self.refuse(where, "text that is evaluated, and local names as a dict, cannot be "
                          "compiled", "Write the expression itself.")  # fmt: skip


HANDLERS: dict[Any, Callable] = {
    eval: Builtins.call_frame_reader, exec: Builtins.call_frame_reader,
    locals: Builtins.call_frame_reader, dir: Builtins.call_frame_reader,
    len: Builtins.call_len, range: Builtins.call_range, zip: Builtins.call_zip,
    enumerate: Builtins.call_enumerate, reversed: Builtins.call_reversed,
    list: Builtins.call_list, tuple: Builtins.call_tuple,
    slice: Builtins.call_slice, isinstance: Builtins.call_isinstance, float: Builtins.call_float,
    int: Builtins.call_int, bool: Builtins.call_bool, str: Builtins.call_str,
    print: Builtins.call_print, sum: Builtins.call_sum,
    any: Builtins.call_any, all: Builtins.call_all,
    hasattr: Builtins.call_hasattr, getattr: Builtins.call_getattr,
    type: Builtins.call_type,
}  # fmt: skip
