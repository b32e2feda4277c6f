"""Instances of Python classes: made, asked, changed and operated on as Python does it.

    p = Point(x, 2.0)       a cell that holds {"x": …, "y": …}
    p.shift(dx)        →    the code of `Point.shift`, inlined with p as its `self`
    p + q                   that of `Point.__add__`
    p.x                     what the cell holds now, or what the class has

Attributes change as a dict's items do, so an object under two names is one object. What a class
has (methods, properties, constants) is looked up in its `__mro__` and guarded. Methods that
`dataclasses` has written have no source: they are carried out here.
"""

from __future__ import annotations

import copy
import dataclasses
import enum
import functools
import operator
import sys
import types
from collections.abc import Callable
from typing import Any

import numpy as np

from srcdiff.runtime.errors import UnsupportedSyntaxError
from srcdiff.runtime.plain_objects import instance, is_made_of, is_of_attributes
from srcdiff.transforms.ir import Attributes, Slice
from srcdiff.transforms.kinds import OBJECT, Kind
from srcdiff.transforms.mutation import Memory
from srcdiff.transforms.references import (
    Array,
    Bound,
    Cell,
    Dict,
    Either,
    Fields,
    Function,
    Known,
    List,
    Method,
    Missing,
    Object,
    Plain,
    Ref,
    Rows,
    Super,
    Tuple,
)  # fmt: skip

ABSENT: Any = object()  # what is found where nothing is

# An operation → the methods that are asked, of the left operand and of the right one.
METHODS = {
    getattr(operator, word): (f"__{word.strip('_')}__", f"__r{word.strip('_')}__")
    for word in "add sub mul matmul truediv floordiv mod pow and_ or_ xor lshift rshift".split()
} | {
    operator.lt: ("__lt__", "__gt__"), operator.gt: ("__gt__", "__lt__"),
    operator.le: ("__le__", "__ge__"), operator.ge: ("__ge__", "__le__"),
    operator.eq: ("__eq__", "__eq__"), operator.ne: ("__ne__", "__ne__"),
}  # fmt: skip
UNARY: dict[Any, str] = {
    operator.neg: "__neg__", operator.pos: "__pos__", operator.invert: "__invert__",
    abs: "__abs__", float: "__float__", int: "__int__", complex: "__complex__",
    round: "__round__",
}  # fmt: skip
COMPARISONS = (operator.lt, operator.gt, operator.le, operator.ge, operator.eq, operator.ne)


# Libraries whose special methods are read: what `total_ordering` adds, our stand-ins for SciPy's.
READ = ("functools", "srcdiff.runtime.interpolators", "srcdiff.runtime.multivariate")


class Objects(Memory):
    # ------------------------------------------------------------------ what a class has

    def special(self, ref: Any, name: str) -> Any:
        """The method `__name__` that the user's class of an object has; None if there is none."""
        cls = instance_class(ref)
        if cls is None:
            return None
        found, owner = lookup(cls, name)
        if not isinstance(found, types.FunctionType):
            return None
        if is_library(found) and found.__module__ not in READ:
            return None
        if isinstance(ref, Known) and is_library(owner):
            return None
        return self.class_item(cls, name, found)

    def class_item(self, cls: type, name: str, found: Any) -> Ref:
        """The reference to what a class has under a name, guarded."""
        if isinstance(found, (staticmethod, classmethod)):
            self.guard_in_class(cls, name, found)
            return self.outside_ref(("attr", ("object", found), "__func__"), found.__func__)
        stored = self.stored_field(lookup(cls, name)[1], name, None)
        if stored is not None:
            return stored
        return self.outside_ref(("attr", ("object", cls), name), found)

    def bound(self, found: Any, cls: type, name: str, ref: Any, where: Any) -> Ref:
        """What a class has under a name, as an attribute of its instance `ref`."""
        if isinstance(found, types.FunctionType):
            return Method(self.class_item(cls, name, found), ref)
        if isinstance(found, staticmethod):
            return self.class_item(cls, name, found)
        if isinstance(found, classmethod):
            of = ref if isinstance(ref, Known) and isinstance(ref.obj, type) else Known(cls)
            return Method(self.class_item(cls, name, found), of)
        if isinstance(found, property):
            self.guard_in_class(cls, name, found)
            if found.fget is None:
                raise AttributeError(f"property {name!r} of {cls.__name__!r} object has no getter")
            return self.call(Known(found.fget), (ref,), {}, where)
        if isinstance(found, functools.cached_property):
            self.guard_in_class(cls, name, found)
            value = self.call(Known(found.func), (ref,), {}, where)
            self.store_attribute(ref, found.attrname or name, value, where)
            return value
        get, _ = lookup(type(found), "__get__")
        if isinstance(get, types.FunctionType):
            return self.call(Known(get), (self.itself(found), ref, Known(cls)), {}, where)
        if get is not ABSENT and not isinstance(found, type):
            if found is object.__init__:
                return Method(Known(nothing), ref)
            if found is object.__setattr__:
                return Method(Known(found), ref)
            return self.refused_attribute(name, where)
        return self.class_item(cls, name, found)

    def refused_attribute(self, name: str, where: Any) -> Ref:
        raise self.refuse(where, f"the attribute `{name}`, whose descriptor has no source")

    # ------------------------------------------------------------------ attributes

    def object_getattr(self, base: Object, name: str, where: Any) -> Ref:
        """`base.name`, as `object.__getattribute__` finds it."""
        found = self.attribute(base, name, where)
        if found is None:
            message = f"{base.cls.__name__!r} object has no attribute {name!r}"
            raise self.refuse(where, f"this raises AttributeError: {message}")
        return found

    def attribute(self, base: Object, name: str, where: Any) -> Ref | None:
        """The reference to an attribute; None where there is none."""
        cls = base.cls
        if isinstance(self.state.memory.get(base.cell), Missing):
            raise self.refuse(where, self.state.memory[base.cell].why)
        if isinstance(lookup(cls, "__getattribute__")[0], types.FunctionType):
            raise self.refuse(where, f"`__getattribute__` of the class `{cls.__name__}`")
        if name == "__class__":
            return Known(cls, ("object", cls))
        if name == "__dict__":
            return Dict(base.cell)
        found, _ = lookup(cls, name)
        if isinstance(found, property) or overrides(found, "__set__"):
            return self.bound(found, cls, name, base, where)
        held = self.instance_attribute(base, name, where)
        if held is not None:
            if isinstance(held, Missing):
                raise self.refuse(where, held.why)
            if found is not ABSENT and not isinstance(found, types.MemberDescriptorType) or \
                    lookup(cls, "__getattr__")[0] is not ABSENT or \
                    self.catching(AttributeError):  # fmt: skip
                self.check_sure(name, where)
            return held
        if found is not ABSENT and not isinstance(found, types.MemberDescriptorType):
            return self.bound(found, cls, name, base, where)
        hook, _ = lookup(cls, "__getattr__")
        if isinstance(hook, types.FunctionType):
            return self.call(self.class_item(cls, "__getattr__", hook), (base, Known(name)), {},
                             where)  # fmt: skip
        return None

    def instance_attribute(self, base: Object, name: str, where: Any) -> Ref | None:
        """What the object itself holds under a name."""
        held = self.held(base)
        return held.get(name)

    def known_getattr(self, base: Known, name: str, where: Any) -> Ref | None:
        """A method or a property of an object from outside; None: an attribute like any other."""
        obj = base.obj
        stored = self.stored_field(obj, name, where)
        if stored is not None:
            return stored
        if isinstance(obj, (type, types.ModuleType)):
            return self.class_getattr(base, name, where) if isinstance(obj, type) else None
        cls = type(obj)
        found, owner = lookup(cls, name)
        if found is ABSENT:
            hook, home = lookup(cls, "__getattr__")
            if isinstance(hook, types.FunctionType) and not is_library(home):
                if name not in own_names(obj):
                    return self.call(self.class_item(cls, "__getattr__", hook), (base, Known(name)),
                                     {}, where)  # fmt: skip
            return None
        if is_library(owner) or isinstance(obj, enum.Enum) or name in own_names(obj):
            return None
        stored = self.stored_field(owner, name, where)
        if stored is not None:
            return stored
        if isinstance(found, property):
            return self.bound(found, cls, name, base, where)
        if isinstance(found, types.FunctionType):
            path = ("attr", ("attr", base.path or ("object", obj), name), "__func__")
            return Method(self.outside_ref(path, found), base)
        return None

    def class_getattr(self, base: Known, name: str, where: Any) -> Ref | None:
        """A class method or a static method, asked of the class."""
        found, owner = lookup(base.obj, name)
        if owner is not None and not is_library(owner):
            if isinstance(found, (classmethod, staticmethod)):
                return self.bound(found, base.obj, name, base, where)
        return None

    def super_getattr(self, base: Super, name: str, where: Any) -> Ref:
        ref = base.ref
        cls = ref.obj if isinstance(ref, Known) and isinstance(ref.obj, type) else \
            instance_class(ref)  # fmt: skip
        order = cls.__mro__
        for owner in order[order.index(base.after) + 1 :]:
            if name in vars(owner):
                found = vars(owner)[name]
                if isinstance(found, staticmethod) and name == "__new__" or owner is object:
                    if name == "__new__":
                        return Known(getattr(owner, name))
                if isinstance(found, classmethod):
                    return Method(self.class_item(owner, name, found), Known(cls))
                return self.bound(found, owner, name, ref, where)
        raise self.refuse(where, f"`super()` has no attribute `{name}`")

    def object_setattr(self, base: Any, name: str, value: Any, where: Any) -> None:
        """`base.name = value`"""
        cls = instance_class(base)
        setter, owner = lookup(cls, "__setattr__")
        if isinstance(setter, types.FunctionType):
            if is_generated(setter) and dataclasses.is_dataclass(owner):
                raise dataclasses.FrozenInstanceError(f"cannot assign to field {name!r}")
            function = self.class_item(cls, "__setattr__", setter)
            self.call(function, (base, Known(name), value), {}, where)
            return
        self.plain_setattr(base, name, value, where)

    def plain_setattr(self, base: Any, name: str, value: Any, where: Any) -> None:
        """`object.__setattr__(base, name, value)`"""
        cls = instance_class(base)
        found, _ = lookup(cls, name)
        if isinstance(found, property):
            if found.fset is None:
                raise AttributeError(f"property {name!r} of {cls.__name__!r} object has no setter")
            self.call(Known(found.fset), (base, value), {}, where)
            return
        if overrides(found, "__set__"):
            method = Known(lookup(type(found), "__set__")[0])
            self.call(method, (self.itself(found), base, value), {}, where)
            return
        self.store_attribute(base, name, value, where)

    def store_attribute(self, base: Any, name: str, value: Any, where: Any) -> None:
        if isinstance(base, Known):
            path = ("attr", ("object", base.obj), name)
            self.store_field(base.obj, name, path, value, where)
            return
        if not isinstance(base, Object):
            raise self.refuse(where, f"a store to the attribute `{name}`",
                              "Return the new value instead.")  # fmt: skip
        held = self.held(base)
        if isinstance(value, Missing):
            raise self.refuse(where, value.why)
        if held.get(name) is not value:
            self.change(base.cell, {**held, name: value}, where)
        self.christen(value, name)

    def change(self, cell: Cell, held: dict, where: Any) -> None:
        """Let an object hold something else."""
        others = {b if a is cell else a for a, b in self.aliases if cell in (a, b)} - {cell}
        if others and others & self.reachable_cells():
            raise self.refuse(where, f"an attribute of `{cell.name}`, which may be one of two "
                              "objects, is changed", "Make a new object instead.")  # fmt: skip
        self.state.memory[cell] = held
        self.written.add(cell)

    def reachable_cells(self) -> set[Cell]:
        """Every list, dict and object that some name or pending operand still refers to."""
        found: set[Cell] = set()
        pending = [*self.state.env.values(), *(r for t in self.temporaries for r in t.values())]
        while pending:
            ref = pending.pop()
            if isinstance(ref, (Object, List, Dict)):
                if ref.cell not in found:
                    found.add(ref.cell)
                    held = self.state.memory.get(ref.cell, ())
                    held = held.columns if isinstance(held, Rows) else held
                    if not isinstance(held, (Plain, Missing)):
                        pending += held.values() if isinstance(held, dict) else held
            elif isinstance(ref, Tuple):
                pending += ref.items
            elif isinstance(ref, Either):
                pending += (ref.then, ref.other)
            elif isinstance(ref, (Method, Super)):
                pending.append(ref.ref)
            elif isinstance(ref, Function):
                pending += [*ref.defaults.values(), ref.bound]
        return found

    def object_delattr(self, base: Any, name: str, where: Any) -> None:
        if not isinstance(base, Object) or name not in self.held(base):
            raise self.refuse(where, f"`del` of the attribute `{name}`")
        self.change(base.cell, {k: r for k, r in self.held(base).items() if k != name}, where)

    def check_sure(self, name: str, where: Any) -> None:
        """It matters whether an object has an attribute of its own: all paths must agree on it."""
        if name in self.unsure:
            raise self.refuse(where, f"whether an object has the attribute `{name}` depends on a "
                              "branch or a loop", "Set it on all paths.")  # fmt: skip

    def has_attribute(self, base: Any, name: str, where: Any) -> bool:
        """`hasattr(base, name)`"""
        if isinstance(base, Known):
            return hasattr(base.obj, name)
        if not isinstance(base, Object):
            return hasattr(self.class_of(base, object, where), name)
        held = self.instance_attribute(base, name, where)
        if isinstance(held, Missing):
            raise self.refuse(where, held.why)
        found, _ = lookup(base.cls, name)
        if held is not None:
            self.check_sure(name, where)
            return True
        if found is not ABSENT and not isinstance(found, types.MemberDescriptorType):
            return True
        if isinstance(lookup(base.cls, "__getattr__")[0], types.FunctionType):
            raise self.refuse(where, f"`hasattr` of an object with `__getattr__` ({name})")
        return False

    # ------------------------------------------------------------------ making an object

    def new_object(self, cls: type, name: str = "") -> Object:
        cell = Fields(name or cls.__name__.lower())
        self.state.memory[cell] = {}
        return Object(cell, cls)

    def make(self, cls: type, args: tuple, kwargs: dict, where: Any) -> Ref:
        """`cls(*args, **kwargs)`"""
        self.guard(("attr", ("object", cls), "__init__"), cls.__init__, "is")
        maker, owner = lookup(cls, "__new__")
        if owner is not object:
            if not isinstance(maker, staticmethod) or is_generated(maker.__func__):
                raise self.cannot_make(cls, where)
            made = self.call(Known(maker.__func__), (Known(cls), *args), kwargs, where)
            if instance_class(made) is None or not issubclass(instance_class(made), cls):
                return made
        else:
            made = self.call_new((Known(cls),), {}, where)
        init, owner = lookup(cls, "__init__")
        if owner is object:
            if (args or kwargs) and maker is object.__new__:
                raise TypeError(f"{cls.__name__}() takes no arguments")
        elif is_generated(init) and dataclasses.is_dataclass(owner):
            self.dataclass_init(made, owner, args, kwargs, where)
        elif isinstance(init, types.FunctionType):
            self.call(self.class_item(cls, "__init__", init), (made, *args), kwargs, where)
        else:
            raise self.cannot_make(cls, where)
        return made

    def cannot_make(self, cls: type, where: Any) -> UnsupportedSyntaxError:
        return self.refuse(where, f"an instance of the class `{cls.__name__}` is made here",
                           "Use tuples or dicts of arrays.")  # fmt: skip

    def call_new(self, args: tuple, kwargs: dict, where: Any) -> Ref:
        """`object.__new__(cls)`"""
        cls = self.known(args[0], where, "the class")
        if not is_of_attributes(cls):
            raise self.cannot_make(cls, where)
        abstract = getattr(cls, "__abstractmethods__", ())
        if abstract:
            raise TypeError(f"Can't instantiate abstract class {cls.__name__} without an "
                            f"implementation for {', '.join(map(repr, sorted(abstract)))}")
        return self.new_object(cls)

    def dataclass_init(self, base: Object, owner: type, args: tuple, kwargs: dict,
                       where: Any) -> None:  # fmt: skip
        """The `__init__` that `dataclasses` has written."""
        fields = [f for f in vars(owner)["__dataclass_fields__"].values()
                  if f._field_type is not dataclasses._FIELD_CLASSVAR]  # fmt: skip
        given = dict(kwargs)
        rest = list(args)
        later = []
        ordered = [f for f in fields if not f.kw_only] + [f for f in fields if f.kw_only]
        held = dict(self.held(base))
        for f in ordered:
            if f.init and rest and not f.kw_only:
                ref = rest.pop(0)
                if f.name in given:
                    raise self.wrong_init(base, f"got multiple values for argument {f.name!r}")
            elif f.init and f.name in given:
                ref = given.pop(f.name)
            elif f.default_factory is not dataclasses.MISSING:
                ref = self.call(Known(f.default_factory), (), {}, where)
            elif f.default is not dataclasses.MISSING:
                ref = self.constant_ref(f.default)
            elif f.init:
                raise self.wrong_init(base, f"missing required argument: {f.name!r}")
            else:
                continue
            if f._field_type is dataclasses._FIELD_INITVAR:
                later.append(ref)
            else:
                held[f.name] = ref
                self.christen(ref, f.name)
        if rest or given:
            what = f"unexpected argument {next(iter(given))!r}" if given else "too many arguments"
            raise self.wrong_init(base, what)
        self.change(base.cell, held, where)
        post = lookup(base.cls, "__post_init__")[0]
        if isinstance(post, types.FunctionType):
            self.call(self.class_item(base.cls, "__post_init__", post), (base, *later), {}, where)

    def wrong_init(self, base: Object, what: str) -> TypeError:
        return TypeError(f"{base.cls.__name__}.__init__() {what}")

    def constant_ref(self, obj: Any) -> Ref:
        """A reference to an object that cannot be changed by rebinding."""
        if isinstance(obj, (np.ndarray, list, dict, tuple)):
            return self.outside_ref(("object", obj), obj)
        return Known(obj)

    # ------------------------------------------------------------------ objects as values

    def has_objects(self, ref: Any, seen: frozenset = frozenset()) -> bool:
        """Whether an object or a namedtuple is in what a reference leads to."""
        if isinstance(ref, Object) or isinstance(ref, Tuple) and ref.cls is not tuple:
            return True
        if isinstance(ref, Tuple):
            return any(self.has_objects(r, seen) for r in ref.items)
        if isinstance(ref, (List, Dict)) and ref.cell not in seen:
            held = self.held(ref)
            parts = () if isinstance(held, (Plain, Missing)) else \
                held.values() if isinstance(held, dict) else held  # fmt: skip
            return any(self.has_objects(r, seen | {ref.cell}) for r in parts)
        return False

    def apart(self, ref: Any, where: Any, above: tuple = ()) -> Any:
        """The argument tree of a reference, with objects as dicts of their attributes."""
        if isinstance(ref, Tuple):
            return tuple(self.apart(r, where, above) for r in ref.items)
        if isinstance(ref, (List, Dict, Object)):
            if ref.cell in above:
                raise self.refuse(where, "an object that holds itself is used as a value")
            held, above = self.held(ref), (*above, ref.cell)
            if isinstance(held, dict):
                parts = {k: self.apart(r, where, above) for k, r in held.items()}
                return Attributes(parts, ref.cls) if isinstance(ref, Object) else parts
            if type(held) is tuple:
                return [self.apart(r, where, above) for r in held]
        return self.read(ref, where)

    def made(self, ref: Any, where: Any, seen: dict) -> Any:
        """The argument tree of a reference, with the objects in it made: one for each cell."""
        if isinstance(ref, Object):
            if ref.cell not in seen:
                self.apart(ref, where)  # refuses what holds itself
                held = {k: self.made(r, where, seen) for k, r in self.held(ref).items()}
                seen[ref.cell] = self.emit_object(ref.cls, held, where, ref.cell.name)
            return seen[ref.cell]
        if isinstance(ref, Tuple):
            items = tuple(self.made(r, where, seen) for r in ref.items)
            if ref.cls is tuple:
                return items
            return self.emit(ref.cls, items, None, OBJECT, where, ref.cls.__name__.lower(),
                             made=True)  # fmt: skip
        if isinstance(ref, (List, Dict)) and self.has_objects(ref):
            held = self.held(ref)
            if isinstance(held, dict):
                return {k: self.made(r, where, seen) for k, r in held.items()}
            return [self.made(r, where, seen) for r in held]
        return self.escaping(ref, where)

    def emit_object(self, cls: type, held: dict, where: Any, name: str) -> Any:
        """`Point(x=a, y=b)` where the class of a dataclass makes it, else `instance(…)`."""
        if is_made_of(cls, held):
            return self.emit(cls, (), held, OBJECT, where, name, made=True)
        return self.emit(instance, (cls, held), None, OBJECT, where, name, made=True)

    # ------------------------------------------------------------------ namedtuples

    def make_namedtuple(self, cls: type, args: tuple, kwargs: dict, where: Any) -> Ref:
        """`Pair(1.0, b=x)`: a tuple of this class."""
        maker, owner = lookup(cls, "__new__")
        if cls is tuple or "_fields" not in vars(owner):
            raise self.cannot_make(cls, where)
        if vars(owner).get("_extra_fields"):  # SciPy's, which have more attributes than items
            raise self.cannot_make(cls, where)
        fields, defaults = owner._fields, owner._field_defaults
        given, items = dict(kwargs), list(args)
        for name in fields[len(args) :]:
            if name in given:
                items.append(given.pop(name))
            elif name in defaults:
                items.append(self.constant_ref(defaults[name]))
            else:
                raise TypeError(f"{cls.__name__}() is missing the argument {name!r}")
        if given or len(items) > len(fields):
            raise TypeError(f"{cls.__name__}() takes the arguments {', '.join(fields)}")
        return Tuple(tuple(items), cls)

    def tuple_attribute(self, base: Tuple, name: str, where: Any) -> Ref:
        """An attribute of a namedtuple: a field, or what its class has."""
        cls = base.cls
        found, owner = lookup(cls, name)
        fields = getattr(cls, "_fields", ())
        if name in fields and not isinstance(found, property):
            return base.items[fields.index(name)]
        if name in ("_replace", "_asdict", "index", "count", "__class__"):
            return Known(cls) if name == "__class__" else Bound(base, name)
        if name == "_make":
            return Bound(base, name)
        if found is ABSENT:
            raise self.refuse(where, f"a `{cls.__name__}` has no attribute `{name}`")
        return self.bound(found, cls, name, base, where)

    def method__replace(self, base: Tuple, args: tuple, kwargs: dict, where: Any) -> Ref:
        fields = base.cls._fields
        for name in kwargs:
            if name not in fields:
                raise ValueError(f"Got unexpected field names: [{name!r}]")
        return base._replace(items=tuple(
            kwargs.get(name, item) for name, item in zip(fields, base.items)
        ))  # fmt: skip

    def method__asdict(self, base: Tuple, args: tuple, kwargs: dict, where: Any) -> Ref:
        cell = Cell("fields")
        self.state.memory[cell] = dict(zip(base.cls._fields, base.items))
        return Dict(cell)

    def method__make(self, base: Tuple, args: tuple, kwargs: dict, where: Any) -> Ref:
        return self.make_namedtuple(base.cls, tuple(self.items(args[0], where)), {}, where)

    def object_key(self, key: Any) -> Any:
        """An index as the argument of `__getitem__`."""
        if isinstance(key, Slice):
            return Bound(tuple(Known(None) if p is None else p for p in key), "slice")
        return key

    # ------------------------------------------------------------------ operations

    def object_binary(self, op: Any, a: Any, b: Any, where: Any) -> Ref | None:
        """An operator of which an operand is the user's object; None where it is not theirs."""
        if not (isinstance(a, (Object, Known)) or isinstance(b, (Object, Known))):
            return None
        cls_a, cls_b = instance_class(a), instance_class(b)
        if cls_a is None and cls_b is None or op not in METHODS:
            return None
        left, right = METHODS[op]
        asked = [(a, left, b), (b, right, a)]
        if cls_a is not None and cls_b is not None and cls_a is not cls_b:
            if issubclass(cls_b, cls_a) and lookup(cls_b, right)[0] is not lookup(cls_a, right)[0]:
                asked.reverse()  # a subclass that overrides is asked first
        elif cls_a is cls_b and op not in COMPARISONS:
            del asked[1]
        if isinstance(a, Array) and cls_b is not None and self.special(b, right) is not None:
            if not defers(cls_b):
                raise self.refuse(
                    where, f"`{left}` of an array and a `{cls_b.__name__}`, an array of objects,",
                    f"Give `{cls_b.__name__}` the attribute `__array_ufunc__ = None`.")  # fmt: skip
        tried = False
        for one, name, other in asked:
            method = self.special(one, name)
            if method is None and op is operator.ne and self.special(one, "__eq__") is not None:
                equal = self.object_method(one, "__eq__", (other,), where)
                if not is_not_implemented(equal):
                    return self.negate(equal, where)
                continue
            if method is None:
                continue
            tried = True
            found = self.object_method(one, name, (other,), where)
            if not is_not_implemented(found):
                return found
        if op in (operator.eq, operator.ne) and (isinstance(a, Object) or isinstance(b, Object)):
            return Known((a == b) == (op is operator.eq))
        if tried or isinstance(a, Object) or isinstance(b, Object):
            names = [self.class_of(r, object, where).__name__ for r in (a, b)]
            raise self.refuse(where, f"the operator of `{left}` between a `{names[0]}` and a "
                              f"`{names[1]}`, which has no such method,")  # fmt: skip
        return None

    def negate(self, ref: Any, where: Any) -> Ref:
        test = self.truth(ref, where)
        if isinstance(test, Known):
            return Known(not test.obj)
        return self.apply(operator.not_, (test,), {}, where)

    def object_method(self, ref: Any, name: str, args: tuple, where: Any) -> Ref:
        """Call a special method; those that `dataclasses` has written are carried out here."""
        method = self.special(ref, name)
        function = method.obj
        if is_generated(function):
            _, owner = lookup(instance_class(ref), name)
            if dataclasses.is_dataclass(owner):
                if name in ("__repr__",):
                    return self.dataclass_repr(ref, where)
                return self.dataclass_compare(ref, name, args[0], where)
        return self.call(method, (ref, *args), {}, where)

    def dataclass_compare(self, a: Any, name: str, b: Any, where: Any) -> Ref:
        if instance_class(a) is not instance_class(b):
            return Known(NotImplemented)
        if a == b and isinstance(a, Object) and name == "__eq__" and sys.version_info >= (3, 13):
            return Known(True)
        names = [f.name for f in dataclasses.fields(instance_class(a)) if f.compare]
        one = Tuple(tuple(self.getattr(a, n, where) for n in names))
        other = Tuple(tuple(self.getattr(b, n, where) for n in names))
        if name == "__eq__":
            return self.compare_tuples(one, other, where, True)
        op = {"__lt__": operator.lt, "__le__": operator.le,
              "__gt__": operator.gt, "__ge__": operator.ge}[name]  # fmt: skip
        return self.lexicographic(op, one.items, other.items, where)

    def lexicographic(self, op: Any, a: tuple, b: tuple, where: Any) -> Ref:
        """`(a0, a1) < (b0, b1)` is `a0 < b0 or a0 == b0 and a1 < b1`."""
        if not a or not b:
            return Known(op(len(a), len(b)))
        strict = {operator.le: operator.lt, operator.ge: operator.gt}.get(op, op)
        first = self.compare(strict, a[0], b[0], where)
        if isinstance(first, Known) and first.obj:
            return first
        if len(a) == len(b) == 1:
            return self.compare(op, a[0], b[0], where)
        equal = self.compare(operator.eq, a[0], b[0], where)
        if isinstance(equal, Known) and not equal.obj:
            return first
        rest = self.lexicographic(op, a[1:], b[1:], where)
        both = rest if isinstance(equal, Known) else \
            self.apply(operator.and_, (equal, rest), {}, where)  # fmt: skip
        return both if isinstance(first, Known) else \
            self.apply(operator.or_, (first, both), {}, where)  # fmt: skip

    def object_unary(self, op: Any, ref: Any, rest: tuple, where: Any) -> Ref | None:
        name = UNARY.get(op)
        if name is None or self.special(ref, name) is None:
            return None
        return self.object_method(ref, name, rest, where)

    def object_inplace(self, op: Any, a: Any, b: Any, where: Any) -> Ref | None:
        """`a += b` of an object: `__iadd__` if there is one."""
        if op not in METHODS:
            return None
        name = METHODS[op][0].replace("__", "__i", 1)
        if self.special(a, name) is None:
            return None
        found = self.object_method(a, name, (b,), where)
        return None if is_not_implemented(found) else found

    def object_truth(self, ref: Any, where: Any) -> Ref | None:
        """What `if ref` tests, for an object of the user's."""
        if self.special(ref, "__bool__") is not None:
            return self.truth(self.object_method(ref, "__bool__", (), where), where)
        if self.special(ref, "__len__") is not None:
            return self.truth(self.object_method(ref, "__len__", (), where), where)
        return Known(True) if isinstance(ref, Object) else None

    def object_contains(self, item: Any, ref: Any, where: Any) -> Ref | None:
        if self.special(ref, "__contains__") is None:
            return None
        return self.truth(self.object_method(ref, "__contains__", (item,), where), where)

    def object_text(self, ref: Any, conversion: int, spec: str, where: Any) -> Ref | None:
        """The text of an object in an f-string, in `str` and in `print`."""
        if instance_class(ref) is None:
            return None
        if conversion == -1 and self.special(ref, "__format__") is not None:
            return self.object_method(ref, "__format__", (Known(spec),), where)
        names = ("__repr__",) if conversion == 114 else ("__str__", "__repr__")
        for name in names:
            if self.special(ref, name) is not None:
                return self.object_method(ref, name, (), where)
        if isinstance(ref, Object):
            raise self.refuse(where, f"the text of a `{ref.cls.__name__}`, which has no `__repr__`",
                              "Give it one.")  # fmt: skip
        return None

    def dataclass_repr(self, ref: Any, where: Any) -> Ref:
        parts: list = [f"{instance_class(ref).__qualname__}("]
        for i, f in enumerate(f for f in dataclasses.fields(instance_class(ref)) if f.repr):
            parts.append(f"{', ' * (i > 0)}{f.name}=")
            value = self.getattr(ref, f.name, where)
            text = self.object_text(value, 114, "", where)
            parts.append((text, -1, "") if text is not None else (value, 114, ""))
        return self.text((*parts, ")"), where)

    def text(self, parts: Any, where: Any) -> Ref:
        """An f-string of texts and (reference, conversion, format)."""
        made: list = []
        for part in parts:
            if isinstance(part, str):
                made.append(part)
            elif isinstance(part[0], Known):
                obj = {115: str, 114: repr, 97: ascii}.get(part[1], lambda o: o)(part[0].obj)
                made.append(format(obj, part[2]))
            else:
                made.append((self.read(part[0], where), *part[1:]))
        if all(isinstance(p, str) for p in made):
            return Known("".join(made))
        return Plain(self.emit("fstring", (tuple(made),), None, Kind("str"), where, "text"))

    # ------------------------------------------------------------------ Python's functions

    def call_super(self, args: tuple, kwargs: dict, where: Any) -> Ref:
        if args:
            after = self.known(args[0], where, "the class of `super`")
            return Super(after, args[1])
        frame = self.frame
        cell = frame.parsed.cells.get("__class__") if frame.parsed is not None else None
        while cell is None and frame is not None and frame.outer >= 0:
            frame = self.frame_of(frame.outer)
            cell = frame.parsed.cells.get("__class__") if frame is not None else None
        if cell is None or not frame.lowered.parameters:
            raise self.refuse(where, "`super()` outside a method")
        first = frame.lowered.parameters[0].name
        return Super(cell.cell_contents, self.state.env[frame.number, first])

    def call_setattr(self, args: tuple, kwargs: dict, where: Any) -> Ref:
        name = self.known(args[1], where, "the name of an attribute")
        self.setattr(args[0], name, args[2], where)
        return Known(None)

    def call_plain_setattr(self, args: tuple, kwargs: dict, where: Any) -> Ref:
        name = self.known(args[1], where, "the name of an attribute")
        self.plain_setattr(args[0], name, args[2], where)
        return Known(None)

    def call_delattr(self, args: tuple, kwargs: dict, where: Any) -> Ref:
        self.object_delattr(args[0], self.known(args[1], where, "the name of an attribute"), where)
        return Known(None)

    def call_vars(self, args: tuple, kwargs: dict, where: Any) -> Ref | None:
        return Dict(args[0].cell) if args and isinstance(args[0], Object) else None

    def call_callable(self, args: tuple, kwargs: dict, where: Any) -> Ref:
        ref = args[0]
        if isinstance(ref, Known):
            return Known(callable(ref.obj))
        if isinstance(ref, Object):
            return Known(lookup(ref.cls, "__call__")[0] is not ABSENT)
        return Known(isinstance(ref, (Function, Method)))

    def call_issubclass(self, args: tuple, kwargs: dict, where: Any) -> Ref:
        known = [self.known(a, where, "the class") for a in args]
        if not isinstance(known[0], type):
            raise self.refuse(where, "`issubclass` of what is no class")
        return Known(issubclass(*known))

    def call_fields(self, args: tuple, kwargs: dict, where: Any) -> Ref:
        ref = args[0]
        cls = ref.obj if isinstance(ref, Known) else instance_class(ref)
        return Tuple(tuple(map(Known, dataclasses.fields(cls))))

    def call_is_dataclass(self, args: tuple, kwargs: dict, where: Any) -> Ref:
        ref = args[0]
        cls = ref.obj if isinstance(ref, Known) else instance_class(ref)
        return Known(cls is not None and dataclasses.is_dataclass(cls))

    def call_replace(self, args: tuple, kwargs: dict, where: Any) -> Ref:
        """`dataclasses.replace(obj, **changes)`"""
        ref, cls = args[0], instance_class(args[0])
        if cls is None or not dataclasses.is_dataclass(cls):
            raise self.refuse(where, "`replace` of what is no dataclass")
        given = dict(kwargs)
        for f in dataclasses.fields(cls):
            if f.init and f.name not in given:
                given[f.name] = self.getattr(ref, f.name, where)
            elif not f.init and f.name in given:
                raise ValueError(f"field {f.name} is declared with init=False, "
                                 "it cannot be specified with replace()")
        return self.construct(cls, (), given, where)

    def call_asdict(self, args: tuple, kwargs: dict, where: Any) -> Ref:
        return self.taken_apart(args[0], True, where)

    def call_astuple(self, args: tuple, kwargs: dict, where: Any) -> Ref:
        return self.taken_apart(args[0], False, where)

    def taken_apart(self, ref: Any, named: bool, where: Any) -> Ref:
        """`dataclasses.asdict` and `astuple`: copies, all the way down."""
        cls = instance_class(ref)
        if cls is not None and dataclasses.is_dataclass(cls):
            names = [f.name for f in dataclasses.fields(cls)]
            parts = [self.taken_apart(self.getattr(ref, n, where), named, where) for n in names]
            if not named:
                return Tuple(tuple(parts))
            cell = Cell("fields")
            self.state.memory[cell] = dict(zip(names, parts))
            return Dict(cell)
        if isinstance(ref, Tuple):
            return ref._replace(items=tuple(self.taken_apart(r, named, where) for r in ref.items))
        if isinstance(ref, List) and not isinstance(self.held(ref), Plain):
            return self.new_list(
                tuple(self.taken_apart(r, named, where) for r in self.held(ref)), ref.cell.name)
        if isinstance(ref, Dict):
            cell = Cell(ref.cell.name)
            self.state.memory[cell] = {
                k: self.taken_apart(r, named, where) for k, r in self.held(ref).items()}
            return Dict(cell)
        return self.copied(ref, {}, where)

    def call_copy(self, args: tuple, kwargs: dict, where: Any) -> Ref | None:
        """`copy.copy(obj)`"""
        (ref,) = args
        if isinstance(ref, Object):
            self.no_copy_method(ref, ("__copy__", "__reduce_ex__", "__getstate__"), where)
            made = self.new_object(ref.cls, ref.cell.name)
            self.state.memory[made.cell] = dict(self.held(ref))
            return made
        if isinstance(ref, (List, Dict)):
            return self.method_copy(ref, (), {}, where)
        return self.copied(ref, {}, where)

    def call_deepcopy(self, args: tuple, kwargs: dict, where: Any) -> Ref | None:
        return self.copied(args[0], {}, where)

    def no_copy_method(self, ref: Object, names: tuple, where: Any) -> None:
        for name in names:
            if isinstance(lookup(ref.cls, name)[0], types.FunctionType):
                raise self.refuse(where, f"a copy of an object with `{name}`")

    def copied(self, ref: Any, seen: dict, where: Any) -> Ref:
        """`copy.deepcopy(ref)`: what is there twice is there twice in the copy."""
        if isinstance(ref, Array):
            key: Any = (ref.buffer, ref.path)
            if key not in seen:
                seen[key] = self.apply(np.copy, (ref,), {}, where)
            return seen[key]
        if isinstance(ref, Tuple):
            return ref._replace(items=tuple(self.copied(r, seen, where) for r in ref.items))
        if isinstance(ref, (List, Dict, Object)):
            if ref.cell in seen:
                return seen[ref.cell]
            if isinstance(ref, Object):
                self.no_copy_method(ref, ("__deepcopy__", "__reduce_ex__", "__getstate__"), where)
            cell = ref.cell
            made = ref._replace(cell=type(cell)(cell.name, cell.cls, cell.missing))
            seen[ref.cell] = made
            held = self.held(ref)
            self.state.memory[made.cell] = ()
            if isinstance(held, Plain):
                raise self.refuse(where, "a deep copy of a list whose length is known only at run "
                                  "time")  # fmt: skip
            if isinstance(held, dict):
                self.state.memory[made.cell] = {
                    k: self.copied(r, seen, where) for k, r in held.items()}
            else:
                self.state.memory[made.cell] = tuple(self.copied(r, seen, where) for r in held)
            return made
        if isinstance(ref, Known) and instance_class(ref) is not None:
            if not isinstance(ref.obj, enum.Enum):
                raise self.refuse(where, "a copy of an object from outside")
        return ref


# -------------------------------------------------------------------------------- classes


def lookup(cls: Any, name: str) -> tuple[Any, Any]:
    """What a class has under a name, as it is written there, and the class that has it.

    >>> lookup(bool, "__add__")[1], lookup(bool, "nothing")[0] is ABSENT
    (<class 'int'>, True)
    """
    for owner in cls.__mro__:
        if name in vars(owner):
            return vars(owner)[name], owner
    return ABSENT, None


def instance_class(ref: Any) -> Any:
    """The class of a reference to an instance of a class that is written in Python; None else."""
    if isinstance(ref, Object):
        return ref.cls
    if isinstance(ref, Known) and is_heap(type(ref.obj)) and not isinstance(ref.obj, type):
        return type(ref.obj)
    if isinstance(ref, Tuple) and ref.cls is not tuple:
        return ref.cls
    return None


def is_heap(cls: type) -> bool:
    """Whether a class comes from a `class` statement."""
    return bool(cls.__flags__ & (1 << 9)) and not issubclass(cls, (type, BaseException))


def is_library(owner: Any) -> bool:
    """Whether a class is Python's or NumPy's own: its methods are not read."""
    root = (getattr(owner, "__module__", None) or "").split(".")[0]
    return root in sys.stdlib_module_names and root != "__main__" or root in LIBRARIES


LIBRARIES = ("numpy", "scipy", "srcdiff", "builtins")


def is_generated(function: Any) -> bool:
    """Whether a function was written by a program: it has no file."""
    code = getattr(function, "__code__", None)
    return code is not None and code.co_filename.startswith("<string>")


def overrides(found: Any, name: str) -> bool:
    """Whether a class attribute is a descriptor of the user's with this method."""
    return found is not ABSENT and isinstance(lookup(type(found), name)[0], types.FunctionType)


def defers(cls: type) -> bool:
    """Whether arrays leave their operators to this class."""
    return lookup(cls, "__array_ufunc__")[0] is None or \
        lookup(cls, "__array_priority__")[0] is not ABSENT  # fmt: skip


def own_names(obj: Any) -> Any:
    return getattr(obj, "__dict__", ())


def is_not_implemented(ref: Any) -> bool:
    return isinstance(ref, Known) and ref.obj is NotImplemented


def nothing(*args: Any, **kwargs: Any) -> None:
    """What `object.__init__` does."""


HANDLERS: dict[Any, Callable] = {
    super: Objects.call_super, setattr: Objects.call_setattr,
    delattr: Objects.call_delattr,
    object.__setattr__: Objects.call_plain_setattr, vars: Objects.call_vars,
    object.__new__: Objects.call_new, callable: Objects.call_callable,
    issubclass: Objects.call_issubclass, dataclasses.fields: Objects.call_fields,
    dataclasses.is_dataclass: Objects.call_is_dataclass, dataclasses.replace: Objects.call_replace,
    dataclasses.asdict: Objects.call_asdict, dataclasses.astuple: Objects.call_astuple,
    copy.copy: Objects.call_copy, copy.deepcopy: Objects.call_deepcopy,
}  # fmt: skip
