"""Calls, items, attributes and iteration on references.

What a call does is decided in this order: a form of Python's own that works on structure (`len`,
`zip`, `isinstance`, `list.append`, …); a function with a rule, or one whose result is understood
(`abstract.infer`): one instruction; a function with source: inlined; everything else is an opaque
call, which has an effect and may write to the arrays that it is given.
"""

from __future__ import annotations

import builtins
import functools
import inspect
import math
import operator
import types
from collections.abc import Callable
from typing import Any

import numpy as np

from srcdiff.runtime import kernels, marks, modes
from srcdiff.runtime.errors import UnsupportedSyntaxError
from srcdiff.runtime.registry import NONDIFFERENTIABLE, rule_of
from srcdiff.transforms import abstract
from srcdiff.transforms.ir import Instr, Slice, Value, flatten, leaf_kind, map_tree, op_name
from srcdiff.transforms.kinds import (
    FLOAT,
    INT,
    OBJECT,
    Kind,
    fresh_size,
    join,
    kind_of,
)  # fmt: skip
from srcdiff.transforms.mutation import NUMBERS, Memory, describe, kind_of_value
from srcdiff.transforms.references import (
    Array,
    Bound,
    Buffer,
    Cell,
    Dict,
    Function,
    Guard,
    Iterator,
    Known,
    List,
    Missing,
    Plain,
    Ref,
    Tuple,
)  # fmt: skip

STATIC_TYPES = (bool, int, str, type(None), bytes, np.dtype, type, type(...))
MODULES = ("numpy", "math", "builtins", "operator", "scipy", "srcdiff", "itertools", "functools")


CHANGING = frozenset("insert pop popitem remove clear sort reverse update setdefault".split())


class NeedsObservation(Exception):
    """A helper that the compiler refuses: what it returns must be seen once, on the tape."""

    def __init__(self, function: types.FunctionType):
        self.function = function


class Calls(Memory):
    # ------------------------------------------------------------------ names from outside

    def outside_name(self, parsed: Any, name: str, where: Any) -> Ref:
        """A global, a closure cell or a builtin."""
        if name in parsed.cells:
            cell = parsed.cells[name]
            try:
                obj = cell.cell_contents
            except ValueError:
                raise self.refuse(where, f"`{name}` is read before it is assigned") from None
            return self.outside_ref(("cell", parsed, name), obj)
        if name in parsed.globals:
            return self.outside_ref(("global", parsed, name), parsed.globals[name])
        if hasattr(builtins, name):
            return Known(getattr(builtins, name), ("builtin", name))
        raise self.refuse(where, f"the name `{name}` is not defined")

    def outside_ref(self, path: tuple, obj: Any) -> Ref:
        """A reference to an object that lives outside the function, guarded."""
        kind = type(obj)
        if kind is np.ndarray and obj.dtype.kind in "biufc":
            known = self.outside.get(id(obj))
            if known is None:
                known = self.outside_array(path, obj)
                self.outside["path", id(obj)] = path
            elif path_key(self.outside["path", id(obj)]) != path_key(path):
                for one in (self.outside["path", id(obj)], path):  # one array under two names
                    self.guard(one, obj, "is")
            return known
        if kind in (float, complex) or isinstance(obj, np.generic):
            key = path_key(path)
            if key not in self.outside:
                value = Value(path_name(path), kind_of(obj), True)
                self.prologue.append(Instr("global", (), None, (value,), (), {"path": path}))
                self.guard(path, obj, "kind")
                self.outside[key] = Plain(value)
            return self.outside[key]
        if kind is tuple or (isinstance(obj, tuple) and hasattr(obj, "_fields")):
            if all(isinstance(item, STATIC_TYPES) for item in obj):
                self.guard(path, obj, "equal")
                return Tuple(tuple(Known(item) for item in obj), kind)
            self.guard(path, obj, "kind")
            return Tuple(tuple(
                self.outside_ref(("item", path, i), item) for i, item in enumerate(obj)
            ), kind)  # fmt: skip
        if kind in (list, dict):
            return self.outside_container(path, obj)
        self.guard(path, obj, "equal" if isinstance(obj, (bool, int, str)) else "is")
        return Known(obj, path)

    def outside_array(self, path: tuple, obj: np.ndarray) -> Array:
        name = path_name(path)
        value = Value(name, kind_of(obj, f"{name}'"), True)
        self.prologue.append(Instr("global", (), None, (value,), (), {"path": path}))
        self.guard(path, obj, "kind")
        buffer = Buffer(name, "outside")
        self.outside_versions[buffer] = value
        self.state.memory[buffer] = value
        self.keep.append(obj)
        self.outside[id(obj)] = Array(buffer)
        return Array(buffer)

    def outside_container(self, path: tuple, obj: Any) -> Ref:
        cell = self.outside.get(("cell", id(obj)))
        if cell is None:
            cell = Cell(path_name(path))
            self.outside["cell", id(obj)] = cell
            self.outside_cells[cell] = path
            self.keep.append(obj)
            self.guard(path, obj, "kind")
            if isinstance(obj, list):
                held: Any = tuple(self.outside_ref(("item", path, i), v) for i, v in enumerate(obj))
            else:
                held = {k: self.outside_ref(("item", path, k), v) for k, v in obj.items()}
            self.outside["held", cell] = held
        if cell not in self.state.memory:
            self.state.memory[cell] = self.outside["held", cell]
        return List(cell) if isinstance(obj, list) else Dict(cell)

    def guard(self, path: tuple, obj: Any, how: str) -> None:
        if path[0] in ("global", "cell", "attr", "item", "default"):
            base = path
            while base[0] in ("attr", "item"):
                base = base[1]
            if base[0] in ("global", "cell", "object", "default"):
                self.guards.append(Guard(path, obj, how))

    # ------------------------------------------------------------------ operations

    def apply(self, op: Any, args: tuple, kwargs: dict, where: Any, name: str = "") -> Ref:
        """Emit one operation on references."""
        if op not in TAKES_SEQUENCES:
            args = tuple(self.as_array(op, a, where) for a in args)
        if self.frame.internal and op in abstract.PURE and not kwargs:
            numbers = [a.obj for a in args if isinstance(a, Known) and type(a.obj) in (int, float)]
            if len(numbers) == len(args) and getattr(op, "__module__", "") == "math":
                return Known(op(*numbers))  # a constant of a rule
        tree = tuple(self.read(a, where) for a in args)
        keywords = {k: self.read(v, where) for k, v in kwargs.items()}
        spelled = op
        kinds = tuple(map_tree(kind_of_value, t) for t in tree)
        kind_kwargs = {k: map_tree(kind_of_value, v) for k, v in keywords.items()}
        variant = abstract.canonical(op, kinds, kind_kwargs)
        if variant is not None and variant[0] is not op and len(variant[1]) == len(args):
            op = variant[0]
        try:
            kind = abstract.infer(op, kinds, kind_kwargs)
        except abstract.NeedsStatic:
            self.make_constant((tree, keywords))
            raise self.refuse(where, f"a rank or an axis of `{op_text(op)}` is known only at run "
                              "time", "Make it a constant.") from None  # fmt: skip
        if (
            kind == OBJECT
            and op is operator.pow
            and all(leaf_kind(t).tag == "scalar" for t in tree)
        ):
            kind = FLOAT  # a root; of a negative number it is complex, and no gradient comes out
        if kind in (None, OBJECT) and op in MADE_OF_LISTS and not keywords and len(tree) == 1:
            kind = array_of_list(op, tree[0]) or kind
        plain = spelled is op or self.frame.internal
        attrs = {} if plain else {"spelled": spelled}
        return self.result(op, tree, keywords, kind, args, where, name, attrs)

    def as_array(self, op: Any, ref: Any, where: Any) -> Any:
        """A list of numbers or arrays, given to an operation on arrays, is the array of them."""
        if not isinstance(ref, (List, Tuple)):
            return ref
        kind = self.kind(ref)
        if kind.tag == "list" and isinstance(self.held(ref), Plain):
            floats = bool(kind.items) and kind.items[0].inexact
        else:
            floats = holds_floats(kind)
        return self.apply(np.array, (ref,), {}, where) if floats else ref

    def result(self, op: Any, tree: tuple, keywords: dict, kind: Kind | None, args: tuple,
               where: Any, name: str, attrs: dict) -> Ref:  # fmt: skip
        """The reference to what an operation returns."""
        name = name or result_name(op, tree)
        if kind is not None and kind.tag in ("tuple", "list") and kind.items is not None \
                and op not in (sum, max, min):  # fmt: skip
            values = tuple(Value(f"{name}_{i}", k) for i, k in enumerate(kind.items))
            self.instrs.append(Instr(op, tree, keywords, values, (), attrs, where))
            refs = tuple(self.fresh(v) for v in values)
            self.share(op, tree, keywords, args, refs)
            return Tuple(refs) if kind.tag == "tuple" else self.new_list(refs)
        if kind is None:
            kind = OBJECT
        how = abstract.aliasing(op, tree, keywords)
        if how == "maybe" and op in (np.reshape, np.ravel) and not keywords:
            if isinstance(args[0], Array) and not args[0].path and args[0].buffer.contiguous:
                how = "view"
                self.guards += args[0].buffer.proof
        if how in ("view", "self") and kind.tag == "array" and isinstance(args[0], Array):
            if how == "self":
                return args[0]
            step = (op, *tree[1:])
            if not keywords:
                return Array(args[0].buffer, (*args[0].path, step))
        value = self.emit(op, tree, keywords, kind, where, name, **attrs)
        ref = self.fresh(value)
        if isinstance(ref, Array) and how == "fresh":
            ref.buffer.contiguous = kind.rank == 1 or op in C_ORDERED and "order" not in keywords \
                or keywords.get("order") == "C"  # fmt: skip
        self.share(op, tree, keywords, args, (ref,))
        return ref

    def share(self, op: Any, tree: tuple, keywords: dict, args: tuple, refs: tuple) -> None:
        """Note which arrays may share memory after an operation."""
        if abstract.aliasing(op, tree, keywords) == "fresh":
            return
        for ref in refs:
            for arg in args:
                if isinstance(ref, Array) and isinstance(arg, Array):
                    self.may_alias(ref.buffer, arg.buffer)

    # ------------------------------------------------------------------ calls

    def call(self, f: Any, args: tuple, kwargs: dict, where: Any) -> Ref:
        if isinstance(f, Function):
            return self.inline(f, args, kwargs, where, self.frame.internal)
        if isinstance(f, Bound):
            return self.method(f, args, kwargs, where)
        if not isinstance(f, Known):
            raise self.refuse(where, f"a call of {describe(f)}")
        obj = f.obj
        try:
            handler = HANDLERS.get(obj)
        except TypeError:
            handler = None
        if handler is not None:
            found = handler(self, args, kwargs, where)
            if found is not None:
                return found
        return self.function(obj, args, kwargs, where)

    def function(self, obj: Any, args: tuple, kwargs: dict, where: Any) -> Ref:
        if isinstance(obj, np.ufunc) and len(args) == obj.nin + 1 and obj.nout == 1:
            args, kwargs = args[:-1], {**kwargs, "out": args[-1]}
        if "out" in kwargs:
            return self.call_out(obj, args, kwargs, where)
        if not isinstance(obj, types.FunctionType) and self.writes(obj, args, kwargs):
            return self.opaque(obj, args, kwargs, where)
        if obj in kernels.STATIC or (is_static_method(obj) and all(
            isinstance(a, Known) for a in (*args, *kwargs.values()))):  # fmt: skip
            return self.static_call(obj, args, kwargs, where)
        if isinstance(obj, functools.partial):
            given = tuple(self.outside_ref(("object", a), a) for a in obj.args)
            named = {k: self.outside_ref(("object", v), v) for k, v in obj.keywords.items()}
            return self.call(Known(obj.func), (*given, *args), {**named, **kwargs}, where)
        if obj in NONDIFFERENTIABLE or rule_of(obj) is not None or self.understood(obj):
            if all(self.is_tree(a) for a in (*args, *kwargs.values())):
                return self.apply(obj, args, kwargs, where)
        if isinstance(obj, type) and issubclass(obj, BaseException):
            return Bound((Known(obj), args), "exception")
        if type(obj).__module__ == "srcdiff.api":
            raise self.refuse(where, "a derivative inside a function that is differentiated",
                              "Differentiate a function that does not call it.")  # fmt: skip
        if isinstance(obj, type):
            return self.construct(obj, args, kwargs, where)
        if not isinstance(obj, (types.FunctionType, types.MethodType)):
            method = vars(type(obj)).get("__call__")
            if isinstance(method, types.FunctionType):
                return self.inline(method, (self.itself(obj), *args), kwargs, where)
        if isinstance(obj, types.FunctionType) and not self.is_ours(obj):
            return self.inlined_or_taped(obj, args, kwargs, where)
        if has_source(obj):
            return self.inline(obj, args, kwargs, where, self.is_ours(obj))
        return self.opaque(obj, args, kwargs, where)

    # helpers on the tape

    def inlined_or_taped(self, f: types.FunctionType, args: tuple, kwargs: dict,
                         where: Any) -> Ref:  # fmt: skip
        """A call of a user's function: inlined, or run on the tape where that is refused."""
        if self.observed is None or self.frame.internal:
            return self.inline(f, args, kwargs, where)
        undo = self.snapshot()
        try:
            return self.inline(f, args, kwargs, where)
        except UnsupportedSyntaxError as error:
            undo()
            found = self.taped_call(f, args, kwargs, where, error)
            if found is None:
                raise
            return found

    def snapshot(self) -> Callable[[], None]:
        """A function that takes back all that is noted from here on."""
        state, count = self.state.copy(), len(self.instrs)
        lists = [(x, list(x)) for x in (self.prologue, self.guards, self.aliases)]
        tables = [(x, x.copy()) for x in (
            self.outside, self.written, self.appended, self.read_cells, self.outside_cells,
            self.outside_versions, self.augment, self.read_from, self.gathered, self.constants,
        )]  # fmt: skip
        stores = {name: list(found) for name, found in self.stores.items()}

        def undo() -> None:
            self.state, self.stores = state, stores
            del self.instrs[count:]
            for now, then in lists:
                now[:] = then
            for now, then in tables:
                now.clear()
                now.update(then)

        return undo

    def taped_call(self, f: types.FunctionType, args: tuple, kwargs: dict, where: Any,
                   error: UnsupportedSyntaxError) -> Ref | None:  # fmt: skip
        """`y, pull_y = f_on_tape(x)`; None where it cannot be run on its own."""
        refs = (*args, *kwargs.values())
        if f.__code__.co_flags & SUSPENDED or not all(self.is_tree(ref) for ref in refs):
            return None
        if f not in self.observed:
            raise NeedsObservation(f)
        kinds = self.observed[f]
        if kinds is None:
            return None
        tree = tuple(self.read(a, where) for a in args)
        keywords = {k: self.read(v, where) for k, v in kwargs.items()}
        name = f.__name__ if f.__name__.isidentifier() else "t"
        results: list[Value] = []

        def ref_of(kind: Kind) -> Ref:
            if kind.tag == "tuple":
                return Tuple(tuple(map(ref_of, kind.items)))
            value = Value(name, fresh_kind(kind))
            results.append(value)
            return self.fresh(value)

        ref = ref_of(kinds)
        pull = Value(f"pull_{name}", OBJECT)
        places = [*paths_of(tree, ()), *(p for k, v in keywords.items() for p in paths_of(v, (k,)))]
        op = self.on_tape(f, kinds, places)
        attrs = {"effect": True, "taped": True}
        self.instrs.append(Instr(op, tree, keywords, (*results, pull), (), attrs, where))
        self.taped.append((f, error))
        return ref

    def static_call(self, obj: Any, args: tuple, kwargs: dict, where: Any) -> Ref:
        """A function of ranks, axes and strings, called while compiling."""
        known = [self.known(a, where, "an axis or a rank") for a in args]
        named = {k: self.known(v, where, "an axis or a rank") for k, v in kwargs.items()}
        return static_ref(obj(*known, **named))

    def itself(self, obj: Any) -> Known:
        for known in self.keep:
            if isinstance(known, Known) and known.obj is obj:
                return known
        return Known(obj, ("object", obj))

    def writes(self, obj: Any, args: tuple, kwargs: dict) -> bool:
        try:
            return bool(abstract.writes(obj, args, kwargs))
        except TypeError:  # not hashable
            return False

    def is_tree(self, ref: Any) -> bool:
        return not isinstance(ref, (Function, Bound, Iterator, Missing))

    def is_ours(self, obj: Any) -> bool:
        return (getattr(obj, "__module__", None) or "").startswith("srcdiff.runtime")

    def understood(self, obj: Any) -> bool:
        return obj in abstract.PURE

    def opaque(self, obj: Any, args: tuple, kwargs: dict, where: Any) -> Ref:
        """A call that no one can see into: it may write to every array that it is given."""
        result = Value("result", OBJECT)
        arrays = [a for a in (*args, *kwargs.values()) if isinstance(a, Array)]
        nested = [a for a in (*args, *kwargs.values()) if isinstance(a, (Tuple, List, Dict))]
        if any(flatten(self.read(a, where)) for a in nested):
            raise self.refuse(where, f"a container is given to `{op_text(obj)}`, whose code cannot "
                              "be seen")  # fmt: skip
        results = [result]
        impure = not is_pure(obj) or self.writes(obj, args, kwargs)
        private = [a for a in arrays if impure and not self.is_outside(a, where)]
        for ref in private:  # it may write: what may be the caller's is copied
            old = self.state.memory[ref.buffer]
            self.check_writable(ref.buffer, where)
            self.state.memory[ref.buffer] = self.emit("copy", (old,), None, old.kind, where,
                                                      ref.buffer.name)  # fmt: skip
        given = (tuple(self.read(a, where) for a in args),
                 {k: self.read(v, where) for k, v in kwargs.items()})  # fmt: skip
        for ref in private:
            new = self.state.memory[ref.buffer].like()
            results.append(new)
            self.written.add(ref.buffer)
            self.state.memory[ref.buffer] = new
        attrs = {"effect": impure, "opaque": True}
        trees, keywords = given
        self.instrs.append(Instr(obj, trees, keywords, tuple(results), (), attrs, where))
        return Plain(result)

    def is_outside(self, ref: Array, where: Any) -> bool:
        return ref.buffer.origin == "outside"

    def call_out(self, obj: Any, args: tuple, kwargs: dict, where: Any) -> Ref:
        """`np.add(a, b, out=c)` stores `a + b` in c."""
        kwargs = dict(kwargs)
        out = kwargs.pop("out")
        if isinstance(out, Known) and out.obj is None:
            return self.function(obj, args, kwargs, where)
        if isinstance(out, Tuple) and len(out.items) == 1:
            out = out.items[0]
        if not isinstance(out, Array) or "where" in kwargs:
            raise self.refuse(where, f"`out=` of `{op_text(obj)}` in this form")
        result = self.read(self.function(obj, args, kwargs, where), where)
        kind, target = leaf_kind(result), self.kind(out)
        if kind.dtype is None or not np.can_cast(kind.dtype, target.dtype, "same_kind"):
            raise self.refuse(where, f"`out=` casts {kind!r} to {target!r}")
        place, key = self.target(out)
        self.write(place, key, result, where)
        return out

    def construct(self, cls: type, args: tuple, kwargs: dict, where: Any) -> Ref:
        fields = getattr(cls, "_fields", None)
        if issubclass(cls, tuple) and fields is not None and has_source(cls.__new__) is False:
            items = list(args)
            defaults = getattr(cls, "_field_defaults", {})
            for name in fields[len(args) :]:
                default = defaults.get(name)
                items.append(kwargs[name] if name in kwargs else Known(default))
            return Tuple(tuple(items), cls)
        if cls in STATIC_CLASSES:
            return self.static_call(cls, args, kwargs, where)
        raise self.refuse(where, f"an instance of the class `{cls.__name__}` is made here",
                          "Use tuples or dicts of arrays.")  # fmt: skip

    # ------------------------------------------------------------------ items

    def key_tree(self, key: Any, where: Any) -> Any:
        """An index as an argument tree; lists become arrays."""
        if isinstance(key, Tuple):
            return tuple(self.key_tree(k, where) for k in key.items)
        if isinstance(key, Slice):
            return Slice(*(None if p is None else self.read(p, where) for p in key))
        if isinstance(key, Known) and isinstance(key.obj, slice):
            return Slice(key.obj.start, key.obj.stop, key.obj.step)
        if isinstance(key, Bound) and key.name == "slice":
            return Slice(*(self.read(p, where) for p in key.ref))
        return self.read(key, where)

    def getitem(self, base: Any, key: Any, where: Any) -> Ref:
        if isinstance(base, (Array, Plain)) and not (
            isinstance(base, Plain) and base.value.kind.tag in ("list", "tuple")
        ):
            return self.array_item(base, key, where)
        if isinstance(base, Plain):
            index = self.read(key, where)
            return self.sequence_item(base.value, index, where)
        if isinstance(base, Dict):
            held = self.held(base)
            name = self.known(key, where, "a dict's key")
            if name not in held:
                raise self.refuse(where, f"the dict has no key {name!r}")
            return held[name]
        if isinstance(base, (Tuple, List)):
            if isinstance(base, List) and isinstance(self.held(base), Plain):
                held = self.held(base).value
                return self.sequence_item(held, self.key_tree(key, where), where)
            items = base.items if isinstance(base, Tuple) else self.held(base)
            if isinstance(key, Slice):
                parts = [None if p is None else self.known(p, where, "the bound of a slice")
                         for p in key]  # fmt: skip
                found = items[slice(*parts)]
                return Tuple(found) if isinstance(base, Tuple) else self.new_list(found)
            if isinstance(key, Plain) and self.alike(items):
                return self.item_of_alike(base, items, key, where)
            index = self.known(key, where, "the index of a list or tuple")
            try:
                return items[index]
            except (IndexError, TypeError) as error:
                raise self.refuse(where, f"this index: {error}") from None
        if isinstance(base, Known) and not isinstance(base.obj, type):
            index = self.known(key, where, "this index")
            return self.outside_ref(("item", base.path or ("object", base.obj), index),
                                    base.obj[index])  # fmt: skip
        raise self.refuse(where, f"an item of {describe(base)}")

    def alike(self, items: Any) -> bool:
        """Whether items may be elements of one sequence: numbers or arrays of one kind."""
        found = [self.kind(i) for i in items]
        return bool(found) and all(k.numeric and k.rank == found[0].rank for k in found) and \
            len({k.dtype for k in found}) == 1  # fmt: skip

    def item_of_alike(self, base: Any, items: tuple, key: Plain, where: Any) -> Ref:
        """An item at a position that is known only at run time."""
        cell = base.cell if isinstance(base, List) else Cell("items")
        sequence = self.sequence(items, cell, where)
        if isinstance(base, List):
            self.state.memory[cell] = sequence
        return self.sequence_item(sequence.value, key.value, where)

    def array_item(self, base: Any, key: Any, where: Any) -> Ref:
        tree = self.key_tree(key, where)
        kind = abstract.infer("getitem", (self.kind(base), map_tree(kind_of_value, tree)), {})
        if kind is None:
            kind = OBJECT
        basic = abstract.is_basic_key(map_tree(kind_of_value, tree))
        if kind.tag == "array" and basic and isinstance(base, Array):
            return Array(base.buffer, (*base.path, ("getitem", tree)))
        source = self.read(base, where)
        value = self.emit("getitem", (source, tree), None, kind, where,
                          source.name if isinstance(source, Value) else "item")  # fmt: skip
        ref = self.fresh(value)
        if isinstance(base, Array):
            self.read_from[value] = self.state.memory[base.buffer]
        if not basic:
            self.gathered.add(value)
        if kind.tag == "object" or basic:
            for other in (base,):
                if isinstance(other, Array) and isinstance(ref, Array):
                    self.may_alias(ref.buffer, other.buffer)
        return ref

    def sequence_item(self, sequence: Value, index: Any, where: Any) -> Ref:
        if isinstance(index, Slice):
            raise self.refuse(where, "a slice of a list whose length is known only at run time")
        kind = sequence.kind.items[0] if sequence.kind.items else OBJECT
        value = self.emit("getitem", (sequence, index), None, kind, where, sequence.name + "_item")
        ref = self.fresh(value)
        if isinstance(ref, Array):
            ref.buffer.fixed = "an element of a list is written in place"
        return ref

    def sequence(self, held: tuple, cell: Cell, where: Any) -> Plain:
        """A list of known items as one value whose length is known only at run time."""
        trees = []
        kind: Kind | None = None
        for ref in held:
            tree = self.read(ref, where)
            item = leaf_kind(tree)
            kind = item if kind is None else join(kind, item)
            trees.append(tree)
            self.fix(ref)
        items = (kind,) if kind is not None else None
        value = self.emit("list", (trees,), None, Kind("list", items=items), where, cell.name)
        return Plain(value)

    def fix(self, ref: Any) -> None:
        """What a list of unknown length holds is no longer written by its other names."""
        if isinstance(ref, Array):
            ref.buffer.fixed = f"`{ref.buffer.name}` is written after it was put into a list"

    # ------------------------------------------------------------------ attributes and methods

    def getattr(self, base: Any, name: str, where: Any) -> Ref:
        if isinstance(base, (Array, Plain)):
            return self.array_attribute(base, name, where)
        if isinstance(base, Known):
            obj = base.obj
            if type(obj) in NUMBERS:
                return self.array_attribute(base, name, where)
            if not hasattr(obj, name):
                raise self.refuse(where, f"{obj!r} has no attribute `{name}`")
            found = getattr(obj, name)
            path = ("attr", base.path or ("object", obj), name)
            if isinstance(obj, types.ModuleType):
                if obj.__name__.split(".")[0] in MODULES and not isinstance(found, np.ndarray):
                    return Known(found, path)
                return self.outside_ref(path, found)
            if isinstance(found, types.MethodType | types.BuiltinMethodType):
                return Known(found, path)  # made anew by each access: it cannot be guarded
            return self.outside_ref(path, found)
        if isinstance(base, Tuple):
            fields = field_names(base.cls)
            if name in fields:
                return base.items[fields.index(name)]
        return Bound(base, name)

    def array_attribute(self, base: Any, name: str, where: Any) -> Ref:
        kind = self.kind(base)
        if not kind.numeric or kind.dims is None:
            if kind.tag in ("str", "list"):
                return Bound(base, name)
            raise self.refuse(where, f"the attribute `{name}` of something of unknown kind")
        if name == "shape":
            return Tuple(tuple(self.dimension(base, i, where) for i in range(len(kind.dims))))
        if name == "ndim":
            return Known(len(kind.dims))
        if name == "dtype":
            return Known(kind.dtype)
        if name == "size":
            if all(isinstance(d, int) for d in kind.dims):
                return Known(math.prod(kind.dims))
            return self.apply(np.size, (base,), {}, where)
        if name == "T":
            if len(kind.dims) < 2:
                return base
            return self.apply(np.transpose, (base,), {}, where)
        if name in ("real", "imag"):
            if kind.dtype.kind != "c" and name == "real":
                return base
            return self.apply(getattr(np, name), (base,), {}, where)
        return Bound(base, name)

    def dimension(self, base: Any, axis: int, where: Any) -> Ref:
        dim = self.kind(base).dims[axis]
        if isinstance(dim, int):
            return Known(dim)
        tree = self.read(base, where)
        return Plain(self.emit("shape", (tree, axis), None, INT._replace(size=dim), where, "n"))

    def method(self, bound: Bound, args: tuple, kwargs: dict, where: Any) -> Ref:
        base, name = bound.ref, bound.name
        if isinstance(base, (List, Dict)) and name in CHANGING:
            self.check_cell(base, where, name)
        if isinstance(base, (List, Dict)) or (isinstance(base, Tuple)):
            handler = getattr(self, f"method_{name}", None)
            if handler is None:
                raise self.refuse(where, f"the method `{name}` of {describe(base)}")
            return handler(base, args, kwargs, where)
        if name in ("fill", "sort", "put", "resize", "partition", "itemset", "setflags"):
            if name == "fill" and isinstance(base, Array):
                place, key = self.target(base)
                self.write(place, key, self.read(args[0], where), where)
                return Known(None)
            raise self.refuse(where, f"the method `{name}`, which changes an array in place",
                              "Use the NumPy function of the same name.")  # fmt: skip
        if name == "item" and not args:
            return self.apply(float, (base,), {}, where)
        found = abstract.canonical_method(name, (base, *args), kwargs, of=self.kind(base))
        if found is None:
            raise self.refuse(where, f"the method `{name}`")
        op, full, keywords = found
        full = tuple(Tuple(tuple(a)) if type(a) is tuple else a for a in full)
        full = tuple(a if is_ref(a) else Known(a) for a in full)
        keywords = {k: v if is_ref(v) else Known(v) for k, v in keywords.items()}
        result = self.call(Known(op), full, keywords, where)
        if self.instrs and self.instrs[-1].op is op:
            self.instrs[-1].attrs["method"] = name
        return result

    # lists and dicts

    def append_outside(self, base: List, args: tuple, where: Any) -> Ref:
        """`calls.append(v)` of a list from outside: an effect, once, where it stands."""
        path = self.outside_cells[base.cell]
        if base.cell in self.read_cells:
            raise self.refuse(where, f"a list from outside, `{path_name(path)}`, is read and "
                              "appended to", "Pass it as an argument.")  # fmt: skip
        self.appended.add(base.cell)
        self.guards[:] = [g for g in self.guards if g.path is not path]  # its length may change
        attrs = {"effect": True, "path": path}
        self.instrs.append(
            Instr("append_outside", (self.read(args[0], where),), None, (), (), attrs, where)
        )
        return Known(None)

    def method_append(self, base: List, args: tuple, kwargs: dict, where: Any) -> Ref:
        if base.cell in self.outside_cells:
            return self.append_outside(base, args, where)
        held = self.held(base)
        self.written.add(base.cell)
        if isinstance(held, Plain):
            item = self.read(args[0], where)
            self.fix(args[0])
            old = held.value.kind.items
            kind = leaf_kind(item) if old is None else join(old[0], leaf_kind(item))
            value = self.emit("list_append", (held.value, item), None, Kind("list", items=(kind,)),
                              where, base.cell.name)  # fmt: skip
            self.state.memory[base.cell] = Plain(value)
        else:
            self.state.memory[base.cell] = (*held, args[0])
        return Known(None)

    def method_extend(self, base: List, args: tuple, kwargs: dict, where: Any) -> Ref:
        for item in self.items(args[0], where):
            self.method_append(base, (item,), {}, where)
        return Known(None)

    def method_pop(self, base: Any, args: tuple, kwargs: dict, where: Any) -> Ref:
        held = self.held(base)
        if isinstance(held, Plain):
            raise self.refuse(where, "`pop` from a list whose length is known only at run time")
        self.written.add(base.cell)
        if isinstance(held, dict):
            key = self.known(args[0], where, "a dict's key")
            rest = dict(held)
            found = rest.pop(key) if key in rest else args[1]
            self.state.memory[base.cell] = rest
            return found
        items = list(held)
        index = self.known(args[0], where, "the index") if args else -1
        found = items.pop(index)
        self.state.memory[base.cell] = tuple(items)
        return found

    def method_insert(self, base: List, args: tuple, kwargs: dict, where: Any) -> Ref:
        held = self.held(base)
        if isinstance(held, Plain):
            raise self.refuse(where, "`insert` into a list whose length is known only at run time")
        items = list(held)
        items.insert(self.known(args[0], where, "the index"), args[1])
        self.state.memory[base.cell] = tuple(items)
        return Known(None)

    def method_items(self, base: Dict, args: tuple, kwargs: dict, where: Any) -> Ref:
        return Tuple(tuple(Tuple((Known(k), v)) for k, v in self.held(base).items()))

    def method_keys(self, base: Dict, args: tuple, kwargs: dict, where: Any) -> Ref:
        return Tuple(tuple(Known(k) for k in self.held(base)))

    def method_values(self, base: Dict, args: tuple, kwargs: dict, where: Any) -> Ref:
        return Tuple(tuple(self.held(base).values()))

    def method_get(self, base: Dict, args: tuple, kwargs: dict, where: Any) -> Ref:
        key = self.known(args[0], where, "a dict's key")
        default = args[1] if len(args) > 1 else Known(None)
        return self.held(base).get(key, default)

    def method_copy(self, base: Any, args: tuple, kwargs: dict, where: Any) -> Ref:
        cell = Cell(base.cell.name)
        self.state.memory[cell] = self.held(base)
        return type(base)(cell)

    # ------------------------------------------------------------------ iteration

    def iterate(self, ref: Any, where: Any) -> tuple[Any, Callable[[Any], Ref], tuple | None]:
        """(length, item, bounds) of an iterable.

        length   an int, or the value of an int
        item     the reference of item i, for a reference to i
        bounds   the arguments of `for`: ("range", start, stop, step), the values that i takes;
                 None for structure, which can only be unrolled
        """
        if isinstance(ref, Iterator):
            return getattr(self, f"iterate_{ref.kind}")(ref, where)
        if isinstance(ref, Tuple):
            return len(ref.items), lambda i: ref.items[i.obj], None
        if isinstance(ref, List) and not isinstance(self.held(ref), Plain):
            items = self.held(ref)
            return len(items), lambda i: self.getitem(ref, i, where), None if items else None
        if isinstance(ref, Dict):
            keys = tuple(self.held(ref))
            return len(keys), lambda i: Known(keys[i.obj]), None
        if isinstance(ref, (List, Plain)):
            kind = self.kind(ref)
            if kind.tag not in ("list",) and not isinstance(ref, List):
                raise self.refuse(where, "a loop over something of unknown kind")
            n = self.call_len((ref,), {}, where)
            return n.value, lambda i: self.getitem(ref, i, where), ("range", 0, n.value, 1)
        if isinstance(ref, Array):
            kind = self.kind(ref)
            if not kind.dims:
                raise self.refuse(where, "a loop over a 0-d array")
            n = self.call_len((ref,), {}, where)
            length = n.obj if isinstance(n, Known) else n.value
            return length, lambda i: self.getitem(ref, i, where), ("range", 0, length, 1)
        if isinstance(ref, Known) and isinstance(ref.obj, (str, range, frozenset, set)):
            items = tuple(sorted(ref.obj) if isinstance(ref.obj, (set, frozenset)) else ref.obj)
            return len(items), lambda i: Known(items[i.obj]), None
        raise self.refuse(where, f"a loop over {describe(ref)}")

    def iterate_range(self, ref: Iterator, where: Any) -> tuple:
        start, stop, step = (self.read(p, where) for p in ref.parts)
        if all(isinstance(p, int) for p in (start, stop, step)):
            values = range(start, stop, step)
            bounds = ("range", start, stop, step)

            def known_item(i: Any) -> Ref:
                return Known(values[i.obj]) if isinstance(i, Known) else i

            return len(values), known_item, bounds
        return None, lambda i: i, ("range", start, stop, step)

    def iterate_reversed(self, ref: Iterator, where: Any) -> tuple:
        length, item, bounds = self.iterate(ref.parts[0], where)
        if isinstance(length, int):

            def known_item(i: Any) -> Ref:
                return item(Known(length - 1 - i.obj)) if isinstance(i, Known) else item(i)

            return length, known_item, bounds and reverse_bounds(bounds)
        assert bounds is not None
        if not isinstance(bounds[3], int):
            raise self.refuse(where, "`reversed` of a range with a step that is not known")
        return length, item, self.reversed_bounds(bounds, where)

    def reversed_bounds(self, bounds: tuple, where: Any) -> tuple:
        """The same values backwards."""
        _, start, stop, step = bounds
        if abs(step) != 1:
            raise self.refuse(where, "`reversed` of a range with a step")

        def less(tree: Any) -> Any:
            if isinstance(tree, int):
                return tree - step
            return self.emit(operator.sub, (tree, step), None, INT, where, "last")

        return ("range", less(stop), less(start), -step)

    def iterate_enumerate(self, ref: Iterator, where: Any) -> tuple:
        inner, start = ref.parts
        length, item, bounds = self.iterate(inner, where)
        if bounds is not None and (bounds[1] != 0 or bounds[3] != 1):
            count = self.iterate_zip(Iterator("zip", (inner,)), where)
            length, item, bounds = count[0], lambda i: count[1](i).items[0], count[2]

        def numbered(i: Any) -> Ref:
            number = i
            if not (isinstance(start, Known) and start.obj == 0):
                number = self.binary(operator.add, i, start, where)
            return Tuple((number, item(i)))

        return length, numbered, bounds

    def iterate_zip(self, ref: Iterator, where: Any) -> tuple:
        parts = [self.iterate(p, where) for p in ref.parts]
        lengths = [p[0] for p in parts]
        known = [n for n in lengths if isinstance(n, int)]
        items = []
        for length, item, bounds in parts:
            if isinstance(length, int) or bounds is None or (bounds[1], bounds[3]) == (0, 1):
                items.append(item)
            else:
                items.append(self.offset(item, bounds, where))

        def together(i: Any) -> Ref:
            return Tuple(tuple(item(i) for item in items))

        if len(known) == len(parts):
            structure = any(p[2] is None for p in parts)
            n = min(known, default=0)
            return n, together, None if structure else ("range", 0, n, 1)
        if any(p[2] is None for p in parts):
            raise self.refuse(where, "`zip` of a list of known length and an array",
                              "Make the array a list, or the list an array.")  # fmt: skip
        counts = [self.count(p, where) for p in parts]
        sizes = {repr(leaf_kind(c).size) for c in counts if isinstance(c, Value)}
        if len(sizes) == 1 and all(isinstance(c, Value) for c in counts) and "None" not in sizes:
            n = counts[0]
        else:
            n = self.emit(min, tuple(counts), None, INT, where, "n")
        return n, together, ("range", 0, n, 1)

    def count(self, part: tuple, where: Any) -> Any:
        length, _, bounds = part
        if length is not None:
            return length
        _, start, stop, step = bounds
        if start == 0 and step == 1:
            return stop
        made = self.emit(range, (start, stop, step), None, Kind("range"), where, "steps")
        return self.emit(len, (made,), None, INT, where, "n")

    def offset(self, item: Callable, bounds: tuple, where: Any) -> Callable[[Any], Ref]:
        _, start, stop, step = bounds

        def shifted(i: Any) -> Ref:
            ref = i
            if step != 1:
                ref = self.binary(operator.mul, ref, lift(step), where)
            if start != 0:
                ref = self.binary(operator.add, lift(start), ref, where)
            return item(ref)

        return shifted

    # ------------------------------------------------------------------ Python's own functions

    def call_len(self, args: tuple, kwargs: dict, where: Any) -> Any:
        (ref,) = args
        if isinstance(ref, Tuple):
            return Known(len(ref.items))
        if isinstance(ref, (List, Dict)):
            held = self.held(ref)
            if not isinstance(held, Plain):
                return Known(len(held))
            return Plain(self.emit(len, (held.value,), None, INT, where, "n"))
        if isinstance(ref, Known):
            return Known(len(ref.obj))
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
        if isinstance(ref, List) and isinstance(self.held(ref), Plain):
            return self.method_copy(ref, (), {}, where)
        if isinstance(ref, Array) and not isinstance((self.kind(ref).dims or (None,))[0], int):
            return self.list_of_array(ref, where)
        return self.new_list(tuple(self.items(ref, where)))

    def list_of_array(self, ref: Array, where: Any) -> List:
        """`list(x)` of an array whose length is known only at run time."""
        kind = self.kind(ref)
        if kind.rank != 1:
            raise self.refuse(where, "the list of the rows of an array")
        item = Kind("scalar", kind.dtype, python=False)
        value = self.emit(list, (self.read(ref, where),), None, Kind("list", items=(item,)), where,
                          "items")  # fmt: skip
        cell = Cell("items")
        self.state.memory[cell] = Plain(value)
        return List(cell)

    def call_tuple(self, args: tuple, kwargs: dict, where: Any) -> Ref:
        return Tuple(tuple(self.items(args[0], where)) if args else ())

    def call_dict(self, args: tuple, kwargs: dict, where: Any) -> Ref:
        cell = Cell()
        held: dict = {}
        if args and isinstance(args[0], Dict):
            held.update(self.held(args[0]))
        elif args:
            for pair in self.items(args[0], where):
                key, value = self.items(pair, where)
                held[self.known(key, where, "a dict's key")] = value
        self.state.memory[cell] = {**held, **kwargs}
        return Dict(cell)

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

    def class_of(self, ref: Any, wanted: Any, where: Any) -> type:
        if isinstance(ref, Tuple):
            return ref.cls
        if isinstance(ref, (List, Dict)):
            return list if isinstance(ref, List) else dict
        kind = self.kind(ref)
        if kind.tag == "array":
            return np.ndarray
        if kind.tag == "scalar":
            python = {"b": bool, "i": int, "f": float, "c": complex}
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
        if args and isinstance(args[0], Known) and not isinstance(args[0].obj, (float, complex)):
            return Known(float(args[0].obj))
        return None

    def call_int(self, args: tuple, kwargs: dict, where: Any) -> Ref | None:
        if all(isinstance(a, Known) for a in args) and args:
            return Known(int(*(a.obj for a in args)))
        if args and self.kind(args[0]) == INT:
            return args[0]
        return None

    def call_bool(self, args: tuple, kwargs: dict, where: Any) -> Ref | None:
        found = self.truth(args[0], where)
        return found if isinstance(found, Known) else None

    def call_str(self, args: tuple, kwargs: dict, where: Any) -> Ref:
        if all(isinstance(a, Known) for a in args):
            return Known(str(*(a.obj for a in args)))
        return Plain(self.emit(str, tuple(self.read(a, where) for a in args), None, Kind("str"),
                               where, "text"))  # fmt: skip

    def call_print(self, args: tuple, kwargs: dict, where: Any) -> Ref:
        trees = tuple(self.read(a, where) for a in args)
        keywords = {k: self.read(v, where) for k, v in kwargs.items()}
        self.instrs.append(Instr(print, trees, keywords, (), (), {"effect": True}, where))
        return Known(None)

    def call_sum(self, args: tuple, kwargs: dict, where: Any) -> Ref | None:
        ref = args[0]
        start = args[1] if len(args) > 1 else kwargs.get("start", Known(0))
        if isinstance(ref, Array):
            kind = self.kind(ref)
            if kind.dims:
                made = Kind("array", kind.dtype, kind.dims[1:]) if len(kind.dims) > 1 else \
                    Kind("scalar", kind.dtype, python=False)  # fmt: skip
                more = () if isinstance(start, Known) and start.obj == 0 else (start,)
                tree = tuple(self.read(r, where) for r in (ref, *more))
                return self.fresh(self.emit(sum, tree, None, made, where, "total"))
        if isinstance(ref, List) and isinstance(self.held(ref), Plain):
            if isinstance(start, Known) and start.obj == 0:
                item = self.held(ref).value.kind.items
                kind = item[0] if item else INT
                value = self.emit(sum, (self.held(ref).value,), None, kind, where, "total")
                return self.fresh(value)
            raise self.refuse(where, "`sum` with a start")
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

    def extreme(self, op: Callable, args: tuple, kwargs: dict, where: Any) -> Ref:
        if kwargs:
            raise self.refuse(where, f"a keyword of `{op.__name__}`")
        if len(args) == 1 and isinstance(args[0], Array):
            return self.apply(op, args, {}, where)
        items = list(args) if len(args) > 1 else self.items(args[0], where)
        if all(isinstance(i, Known) for i in items):
            return Known(op(i.obj for i in items))
        best = items[0]
        for item in items[1:]:
            best = self.apply(op, (best, item), {}, where)
        return best

    def call_max(self, args: tuple, kwargs: dict, where: Any) -> Ref:
        return self.extreme(max, args, kwargs, where)

    def call_min(self, args: tuple, kwargs: dict, where: Any) -> Ref:
        return self.extreme(min, args, kwargs, where)

    def call_any(self, args: tuple, kwargs: dict, where: Any) -> Ref | None:
        return self.all_any(any, args, where)

    def call_all(self, args: tuple, kwargs: dict, where: Any) -> Ref | None:
        return self.all_any(all, args, where)

    def all_any(self, op: Callable, args: tuple, where: Any) -> Ref | None:
        ref = args[0]
        if isinstance(ref, Array) or (isinstance(ref, List) and isinstance(self.held(ref), Plain)):
            return Plain(self.emit(op, (self.read(ref, where),), None, kind_of(True), where,
                                   op.__name__))  # fmt: skip
        tests = [self.truth(i, where) for i in self.items(ref, where)]
        if all(isinstance(t, Known) for t in tests):
            return Known(op(t.obj for t in tests))
        tree = [self.read(t, where) for t in tests]
        return Plain(self.emit(op, (tree,), None, kind_of(True), where, op.__name__))

    def call_map(self, args: tuple, kwargs: dict, where: Any) -> Ref:
        f, *iterables = args
        columns = [self.items(it, where) for it in iterables]
        return Tuple(tuple(self.call(f, row, {}, where) for row in zip(*columns)))

    def call_hasattr(self, args: tuple, kwargs: dict, where: Any) -> Ref:
        ref, name = args[0], self.known(args[1], where, "the name")
        if isinstance(ref, Known):
            return Known(hasattr(ref.obj, name))
        return Known(hasattr(self.class_of(ref, object, where), name))

    def call_getattr(self, args: tuple, kwargs: dict, where: Any) -> Ref:
        return self.getattr(args[0], self.known(args[1], where, "the name"), where)

    def call_type(self, args: tuple, kwargs: dict, where: Any) -> Ref:
        if isinstance(args[0], Known):
            return Known(type(args[0].obj))
        kind = self.kind(args[0])
        if kind.python is None and kind.tag == "scalar":
            raise self.refuse(where, "this `type` depends on run-time values")
        return Known(self.class_of(args[0], object, where))

    def call_errstate(self, args: tuple, kwargs: dict, where: Any) -> Ref:
        return Bound({k: self.known(v, where, "the setting") for k, v in kwargs.items()},
                     "errstate")  # fmt: skip

    def call_is_constant(self, args: tuple, kwargs: dict, where: Any) -> Ref:
        (ref,) = args
        known = isinstance(ref, Known) or (isinstance(ref, Plain) and ref.value in self.constants)
        return Known(known)

    def call_is_training(self, args: tuple, kwargs: dict, where: Any) -> Ref:
        return Known(self.training)

    def call_detach(self, args: tuple, kwargs: dict, where: Any) -> Ref:
        """The same object, through which no derivative flows."""
        (ref,) = args
        if not isinstance(ref, (Plain, Array)):
            return ref
        value = self.emit(marks.detach, (self.read(ref, where),), None, self.kind(ref), where,
                          "detached")  # fmt: skip
        made = self.fresh(value)
        if isinstance(made, Array) and isinstance(ref, Array):
            self.may_alias(made.buffer, ref.buffer)
        return made

    def call_add_at(self, args: tuple, kwargs: dict, where: Any) -> Ref:
        base, key, value = args
        if not isinstance(base, Array):
            raise self.refuse(where, "`np.add.at` on something that is no array")
        tree = self.key_tree(key, where)
        self.write(base, tree, self.read(value, where), where, add=True, repeats=True)
        return Known(None)

    def call_add_at_kernel(self, args: tuple, kwargs: dict, where: Any) -> Ref:
        self.call_add_at(args, kwargs, where)
        return args[0]

    def call_where(self, args: tuple, kwargs: dict, where: Any) -> Ref | None:
        return self.apply(np.nonzero, args, {}, where) if len(args) == 1 else None

    def call_copyto(self, args: tuple, kwargs: dict, where: Any) -> Ref:
        if kwargs or not isinstance(args[0], Array):
            raise self.refuse(where, "this form of `np.copyto`")
        place, key = self.target(args[0])
        self.check_overlap(place, key, args[1], self.kind(args[0]), where)
        self.write(place, key, self.read(args[1], where), where)
        return Known(None)

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
        kind = self.kind(args[0])
        internal = self.frame.internal
        return args[0] if internal and kind.numeric and kind.dtype.kind != "c" else None

    def call_iscomplexobj(self, args: tuple, kwargs: dict, where: Any) -> Ref | None:
        kind = self.kind(args[0])
        return Known(kind.dtype.kind == "c") if kind.numeric else None


HANDLERS: dict[Any, Callable] = {
    len: Calls.call_len, range: Calls.call_range, zip: Calls.call_zip,
    enumerate: Calls.call_enumerate, reversed: Calls.call_reversed, list: Calls.call_list,
    tuple: Calls.call_tuple, dict: Calls.call_dict, slice: Calls.call_slice,
    isinstance: Calls.call_isinstance, float: Calls.call_float, int: Calls.call_int,
    bool: Calls.call_bool, str: Calls.call_str, print: Calls.call_print, sum: Calls.call_sum,
    max: Calls.call_max, min: Calls.call_min, any: Calls.call_any, all: Calls.call_all,
    map: Calls.call_map, hasattr: Calls.call_hasattr, getattr: Calls.call_getattr,
    type: Calls.call_type, np.errstate: Calls.call_errstate, np.ndim: Calls.call_ndim,
    np.shape: Calls.call_shape, np.size: Calls.call_size, np.conj: Calls.call_conj,
    np.iscomplexobj: Calls.call_iscomplexobj, np.copyto: Calls.call_copyto,
    np.add.at: Calls.call_add_at, kernels.add_at: Calls.call_add_at_kernel,
    np.where: Calls.call_where, kernels.is_constant: Calls.call_is_constant,
    modes.is_training: Calls.call_is_training, marks.detach: Calls.call_detach,
}  # fmt: skip


def static_ref(obj: Any) -> Ref:
    if type(obj) is tuple:
        return Tuple(tuple(static_ref(x) for x in obj))
    return Known(obj)


STATIC_CLASSES = (np.finfo, np.iinfo, np.dtype)


def is_static_method(obj: Any) -> bool:
    """A method of a string, a dtype or the like: it can be called while compiling."""
    owner = getattr(obj, "__self__", None)
    return isinstance(obj, types.BuiltinMethodType) and isinstance(owner, (str, bytes, np.dtype))


def is_ref(obj: Any) -> bool:
    return isinstance(
        obj, (Known, Plain, Array, Tuple, List, Dict, Function, Bound, Iterator, Missing, Slice)
    )


def field_names(cls: Any) -> list[str]:
    """The fields of a namedtuple's or a dataclass's class."""
    if hasattr(cls, "_fields"):
        return list(cls._fields)
    return list(getattr(cls, "__dataclass_fields__", ()))


def lift(leaf: Any) -> Any:
    return Plain(leaf) if isinstance(leaf, Value) else Known(leaf)


def reverse_bounds(bounds: tuple) -> tuple:
    values = range(*bounds[1:])[::-1]
    return ("range", values.start, values.stop, values.step)


def has_source(obj: Any) -> bool:
    while hasattr(obj, "__wrapped__"):
        obj = obj.__wrapped__
    if isinstance(obj, types.MethodType):
        obj = obj.__func__
    return isinstance(obj, types.FunctionType)


SUSPENDED = inspect.CO_GENERATOR | inspect.CO_COROUTINE | inspect.CO_ASYNC_GENERATOR


def fresh_kind(kind: Kind) -> Kind:
    """The kind with dimensions of which nothing is known."""
    if kind.tag != "array":
        return kind
    return kind._replace(shape=tuple(fresh_size() for _ in kind.shape))


def paths_of(tree: Any, path: tuple) -> list[tuple]:
    """The ways to the values in an argument tree, in order."""
    if isinstance(tree, Value):
        return [path]
    if isinstance(tree, (tuple, list)) and not isinstance(tree, Slice):
        return [p for i, part in enumerate(tree) for p in paths_of(part, (*path, i))]
    if isinstance(tree, dict):
        return [p for k, part in tree.items() for p in paths_of(part, (*path, k))]
    return []


MADE_OF_LISTS = {np.array, np.asarray, np.stack, np.vstack}


def array_of_list(op: Any, tree: Any) -> Kind | None:
    """The array made of a list whose length is known only at run time."""
    if not isinstance(tree, Value) or tree.kind.tag != "list" or not tree.kind.items:
        return None
    (item,) = tree.kind.items
    if not item.numeric or item.dims is None or (op is np.vstack and len(item.dims) != 1):
        return None
    return Kind("array", item.dtype, (fresh_size(), *item.dims))


TAKES_SEQUENCES = {
    np.array, np.asarray, np.asanyarray, np.stack, np.concatenate, np.vstack, np.hstack, np.dstack,
    np.column_stack, np.block, np.meshgrid, np.select, sum, max, min, any, all, list, tuple, len,
    sorted, str, repr, format, operator.eq, operator.ne,
}  # fmt: skip


def holds_floats(kind: Kind) -> bool:
    """Whether a list or tuple holds a float or an array of floats: a shape does not."""
    return any(
        k.inexact or (k.tag in ("list", "tuple") and holds_floats(k)) for k in kind.items or ()
    )


C_ORDERED = {np.zeros, np.ones, np.empty, np.full, np.eye, np.identity, np.arange, np.linspace}


def is_pure(obj: Any) -> bool:
    """A function of NumPy's whose result is not understood, but which changes nothing."""
    module = getattr(obj, "__module__", "") or ""
    return module.split(".")[0] in ("numpy", "math") and "random" not in module


def path_name(path: tuple) -> str:
    kind, *rest = path
    if kind in ("global", "cell"):
        return rest[1]
    if kind in ("attr", "item", "default"):
        name = str(rest[-1])
        return name if name.isidentifier() else f"{path_name(rest[0])}_{name}"
    return "constant"


def path_key(path: tuple) -> Any:
    kind, *rest = path
    if kind in ("attr", "item"):
        return (kind, path_key(rest[0]), rest[1])
    if kind in ("global", "cell"):
        where = rest[0].globals if kind == "global" else rest[0].cells[rest[1]]
        return (kind, id(where), rest[1])
    return (kind, *(id(r) for r in rest))


def op_text(op: Any) -> str:
    return op_name(op)


def result_name(op: Any, tree: tuple) -> str:
    """A name for a temporary, after the operation that makes it: `exp_x`, `norm_b`."""
    name = op if isinstance(op, str) else getattr(op, "__name__", "t")
    first = next((v for v in flatten(tree)), None)
    if op in TESTS:
        return "test"
    if name.isidentifier() and first is not None and op not in ARITHMETIC:
        return f"{name}_{first.name}" if first.user or first.name not in UNNAMED else name
    return "t"


UNNAMED = ("t", "d_t", "item", "test")
TESTS = {operator.lt, operator.le, operator.gt, operator.ge, operator.eq, operator.ne}
ARITHMETIC = {
    operator.add, operator.sub, operator.mul, operator.truediv, operator.pow, operator.matmul,
    operator.neg, operator.pos, operator.floordiv, operator.mod,
}  # fmt: skip
