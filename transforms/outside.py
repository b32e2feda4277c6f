"""What lies outside the function: globals, closure cells, defaults, `self`, and what they hold.

    def step(x):                        n = N                          # read at each call
        global N                        N = n + 1                      # `store_outside`
        N += 1                 →        log.append(y)                  # `append_outside`
        log.append(x * N)               work = WORK.copy()
        WORK[:] = x                     work[:] = x
        return np.sum(WORK)             WORK[...] = work               # `write_back`

Numbers and arrays are read as the call begins; what the code is compiled for (the kind of a
number, the identity of a function, the keys of a dict) is guarded. A store happens where it stands,
once, with a plain value, and whoever reads afterwards sees it: `State.memory` holds what was
stored, under a cell for each object, dict of globals or closure cell. An array that is written is a
private copy meanwhile; its own array gets it back when the function ends, and before whatever could
see it.

Which places are written must be known from the start, since what is written is no constant: the
first store to a place raises `NeedsOutside`, and the function is specialised anew.
"""

from __future__ import annotations

import builtins
from typing import Any, NamedTuple

import numpy as np

from srcdiff.runtime.plain_objects import attributes
from srcdiff.transforms.ir import Instr, Value
from srcdiff.transforms.kinds import Kind, join, kind_of
from srcdiff.transforms.mutation import Memory
from srcdiff.transforms.references import (
    ARRAYS,
    Array,
    Buffer,
    Cell,
    Dict,
    Fields,
    Guard,
    Known,
    List,
    Missing,
    Plain,
    Ref,
    Tuple,
    arrays_of,
    path_key,
    path_name,
)  # fmt: skip

STATIC_TYPES = (bool, int, str, type(None), bytes, np.dtype, type, type(...))


class OutsidePlace(NamedTuple):
    """Something outside that the function writes.

    how     "field" (an attribute, a global, a closure cell), "array", "items" (of a list or dict),
            "sequence" (a list of numbers or arrays, of any length)
    owner   the object that has it, held alive; the array, list or dict itself
    name    of the field
    path    how it is reached
    """

    how: str
    owner: Any
    name: str
    path: tuple

    @property
    def key(self) -> tuple:
        return (id(self.owner), self.name)


class Structure(NamedTuple):
    """A namedtuple, a dataclass or another object of gradients."""

    parts: tuple
    cls: type
    names: tuple | None


class NeedsOutside(Exception):
    """A place outside is written that was taken for a constant."""

    def __init__(self, place: OutsidePlace):
        self.place = place


class Written(set):
    """What was written, and when."""

    def __init__(self, items: Any = (), times: dict | None = None):
        super().__init__(items)
        self.times: dict = {} if times is None else times

    def add(self, item: Any) -> None:
        super().add(item)
        self.times["last"] = self.times[item] = self.times.get("last", 0) + 1

    @property
    def now(self) -> int:
        return self.times.get("last", 0)

    def __or__(self, other: Any) -> Any:
        return Written(self.union(other), self.times)


class Outside(Memory):
    # ------------------------------------------------------------------ reading

    def outside_name(self, parsed: Any, name: str, where: Any) -> Ref:
        """A global, a closure cell or a builtin."""
        if name in parsed.cells:
            cell = parsed.cells[name]
            stored = self.stored_field(cell, "cell_contents", where)
            if stored is not None:
                return stored
            try:
                obj = cell.cell_contents
            except ValueError:
                raise self.refuse(where, f"`{name}` is read before it is assigned") from None
            return self.outside_ref(("cell", parsed, name), obj)
        stored = self.stored_field(parsed.globals, name, where)
        if stored is not None:
            return stored
        if name in parsed.globals:
            return self.outside_ref(("global", parsed, name), parsed.globals[name])
        if hasattr(builtins, name):
            return Known(getattr(builtins, name), ("builtin", name))
        raise self.failing(NameError(f"name '{name}' is not defined"), where,
                           f"the name `{name}` is not defined")  # fmt: skip

    def stored_field(self, owner: Any, name: str, where: Any) -> Ref | None:
        """What a field that the function writes holds now; None for all others."""
        cell = self.fields_of.get(id(owner))
        if cell is None:
            return None
        held = self.state.memory.get(cell)
        if held is None:
            raise self.refuse(where, f"`{cell.name}`, which lies outside, is changed by a function "
                              "that calls itself")  # fmt: skip
        found = held.get(name)
        if isinstance(found, Missing):
            raise self.refuse(where, found.why)
        return found

    def outside_ref(self, path: tuple, obj: Any, written: bool = False) -> Ref:
        """A reference to an object that lives outside the function, guarded.

        written   the function writes there: whatever can change is read as the call begins
        """
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
        if kind in (float, complex) or isinstance(obj, np.generic) or (
            written and kind in (int, bool)
        ):  # fmt: skip
            key = self.outside_key(path)
            if key not in self.outside:
                self.outside[key] = Plain(self.outside_value(path, kind_of(obj)))
                self.guard(path, obj, "kind")
            return self.outside[key]
        if kind is tuple or (isinstance(obj, tuple) and hasattr(obj, "_fields")):
            if not written and all(isinstance(item, STATIC_TYPES) for item in obj):
                self.guard(path, obj, "equal")
                return Tuple(tuple(Known(item) for item in obj), kind)
            self.guard(path, obj, "kind")
            return Tuple(tuple(
                self.outside_ref(("item", path, i), item, written) for i, item in enumerate(obj)
            ), kind)  # fmt: skip
        if kind in (list, dict):
            return self.outside_container(path, obj)
        self.guard(path, obj, "equal" if isinstance(obj, (bool, int, str)) else "is")
        return Known(obj, path)

    def outside_key(self, path: tuple) -> Any:
        """One key for all paths that lead to an attribute of one object."""
        if path[0] == "attr":
            return ("attr", id(live(path[1])), path[2])
        return path_key(path)

    def outside_value(self, path: tuple, kind: Kind) -> Value:
        """The value that is found at a path as the call begins."""
        value = Value(path_name(path), kind, True)
        attrs = {"path": path}
        if self.outside_places and self.leads_to_written(path):
            attrs["read"] = True  # before a store changes what the path means
        self.prologue.append(Instr("global", (), None, (value,), (), attrs))
        return value

    def leads_to_written(self, path: tuple) -> bool:
        """Whether a place that the function writes lies on a path."""
        while path[0] in ("global", "cell", "attr", "item"):
            kind, base, name = path
            if kind == "global":
                return (id(base.globals), name) in self.outside_places
            if kind == "cell":
                return (id(base.cells[name]), "cell_contents") in self.outside_places
            owner = live(base)
            if (id(owner), name if kind == "attr" else "") in self.outside_places:
                return True
            path = base
        return False

    def outside_array(self, path: tuple, obj: np.ndarray) -> Array:
        name = path_name(path)
        mark = "'" * (1 + len(self.outside_versions))  # two modules may have a name in common
        value = self.outside_value(path, kind_of(obj, f"{name}{mark}"))
        self.guard(path, obj, "kind")
        buffer = Buffer(name, "outside")
        if obj.flags.c_contiguous:
            flag = ("attr", ("attr", path, "flags"), "c_contiguous")
            buffer.order, buffer.proof = "C", (Guard(flag, True, "equal"),)
        if (id(obj), "") in self.outside_places:
            copy = value.like()
            self.prologue.append(Instr("copy", (value,), None, (copy,)))
            self.own_array[buffer] = value
            value = copy
        self.outside_versions[buffer] = value
        self.state.memory[buffer] = value
        self.keep.append(obj)
        self.place_of[buffer] = OutsidePlace("array", obj, "", path)
        self.outside[id(obj)] = Array(buffer)
        return Array(buffer)

    def outside_container(self, path: tuple, obj: Any) -> Ref:
        cell = self.outside.get(("cell", id(obj)))
        if cell is None:
            cell = Cell(path_name(path))
            self.outside["cell", id(obj)] = cell
            self.outside_cells[cell] = path
            self.keep.append(obj)
            place = self.outside_places.get((id(obj), ""))
            self.place_of[cell] = OutsidePlace("items", obj, "", path)
            if place is not None and place.how == "sequence":
                self.outside["held", cell] = self.outside_sequence(path, obj)
            else:
                self.guard(path, obj, "kind")
                pairs = enumerate(obj) if isinstance(obj, list) else obj.items()
                refs = {
                    k: self.outside_ref(("item", path, k), v, place is not None) for k, v in pairs
                }
                held: Any = tuple(refs.values()) if isinstance(obj, list) else refs
                self.outside["held", cell] = held
        ref = List(cell) if isinstance(obj, list) else Dict(cell)
        self.hold(ref)
        return ref

    def hold(self, ref: Any) -> None:
        """See that a container from outside holds something on this path: it may have been met on
        another, or in a loop that is being read again."""
        items: Any = ref.items if isinstance(ref, Tuple) else ()
        if isinstance(ref, (List, Dict)) and ref.cell not in self.state.memory:
            held = self.outside.get(("held", ref.cell))
            if held is None:  # a container that holds itself
                return
            self.state.memory[ref.cell] = held
            items = held.values() if isinstance(held, dict) else held
        for item in items:
            self.hold(item)

    def outside_sequence(self, path: tuple, obj: list) -> Plain:
        """A list of numbers or arrays from outside, of any length, as a list of one's own."""
        kind: Kind | None = None
        for item in obj:
            kind = kind_of(item) if kind is None else join(kind, kind_of(item))
        self.guard(path, obj, "kinds")
        whole = Kind("list", items=None if kind is None else (kind,))
        value = self.outside_value(path, whole)
        copy = value.like()
        self.prologue.append(Instr(list, (value,), None, (copy,)))
        return Plain(copy)

    def guard_code(self, function: Any) -> None:
        """A function that is read has the code and the defaults that it has now."""
        known = id(function), "code"
        if known not in self.outside:
            self.outside[known] = Known(function)
            self.guards.append(Guard(("object", function), function, "function"))

    def guard_in_class(self, cls: type, name: str, found: Any) -> None:
        """What a class has under a name is the same object."""
        for owner in cls.__mro__:
            if vars(owner).get(name) is found:
                self.guard(("item", ("attr", ("object", owner), "__dict__"), name), found, "is")
                return

    def guard(self, path: tuple, obj: Any, how: str) -> None:
        if path[0] in ("global", "cell", "attr", "item", "default") and is_outside(path):
            self.guards.append(Guard(path, obj, how))

    def guard_apart(self) -> None:
        """What is two things outside stays two, where one is changed or differentiated by."""
        arrays = [path for key, path in self.outside.items() if type(key) is tuple
                  and key[0] == "path"] if self.wanted_outside else []  # fmt: skip
        lists = list(self.outside_cells.values()) if self.outside_places or self.appended else []
        for paths in ([p for p in found if is_outside(p)] for found in (arrays, lists)):
            if len(paths) > 1:
                self.guards.append(Guard(paths[0], tuple(paths), "apart"))

    # ------------------------------------------------------------------ writing

    def outside_tree(self, path: tuple, obj: Any) -> Any:
        """The values that an object outside consists of, None where it holds no float."""
        if isinstance(obj, (list, tuple)):
            parts = [self.outside_tree(("item", path, i), x) for i, x in enumerate(obj)]
            if isinstance(obj, tuple) and type(obj) is not tuple:
                return Structure(tuple(parts), type(obj), None)
            return type(obj)(parts)
        if type(obj) is dict:
            return {k: self.outside_tree(("item", path, k), x) for k, x in obj.items()}
        if self.is_object(obj):
            held = attributes(obj)
            parts = [self.outside_tree(("attr", path, n), x) for n, x in held.items()]
            return Structure(tuple(parts), type(obj), tuple(held))
        ref = self.outside_ref(path, obj)
        if isinstance(ref, Array):
            value = self.outside_versions[ref.buffer]
        elif isinstance(ref, Plain):
            value = ref.value
        else:
            return None
        return value if value.kind.inexact else None

    def begin_outside(self) -> None:
        """Make what is written outside known in the state that the function starts with."""
        for path, obj in self.wanted_outside:
            self.outside_tree(path, obj)
        for place in self.outside_places.values():
            if place.how != "field":
                self.outside_ref(place.path, place.owner)
                continue
            cell = self.fields_of.get(id(place.owner))
            if cell is None:
                cell = self.fields_of[id(place.owner)] = Fields(path_name(place.path))
                self.state.memory[cell] = {}
            held = self.state.memory[cell]
            try:
                obj = field(place.owner, place.name)
            except (AttributeError, LookupError, ValueError):
                self.guard(place.path, None, "absent")
                ref: Ref = Missing(f"`{place.name}` is read before it is assigned")
            else:
                ref = self.outside_ref(place.path, obj, written=True)
            self.state.memory[cell] = {**held, place.name: ref}
            self.first_fields[cell, place.name] = ref

    def needs(self, place: OutsidePlace) -> None:
        """Go back to the start if it was not known that this place is written."""
        found = self.outside_places.get(place.key)
        if found is None or (place.how == "sequence" and found.how == "items"):
            raise NeedsOutside(place)

    def store_field(self, owner: Any, name: str, path: tuple, ref: Any, where: Any) -> None:
        """A store to an attribute of an object outside, to a global or to a closure cell."""
        if isinstance(ref, Missing):
            raise self.refuse(where, ref.why)
        self.needs(OutsidePlace("field", owner, name, path))
        cell = self.fields_of[id(owner)]
        if cell not in self.state.memory:
            raise self.refuse(where, f"`{name}`, which lies outside, is changed by a function that "
                              "calls itself")  # fmt: skip
        held = self.state.memory[cell]
        if held.get(name) is ref and isinstance(ref, Array):
            return  # `self.w += e` has changed the array
        self.state.memory[cell] = {**held, name: ref}
        self.written.add(cell)
        self.emit_store(path, ref, where)
        self.stored_at[cell, name] = (self.written.now, path)

    def emit_store(self, path: tuple, ref: Any, where: Any) -> None:
        attrs = {"effect": True, "path": path}
        tree = self.made(ref, where, {}) if self.has_objects(ref) else self.escaping(ref, where)
        self.instrs.append(Instr("store_outside", (tree,), None, (), (), attrs, where))

    def escaping(self, ref: Any, where: Any) -> Any:
        """The tree of what is put outside; an array that lies there already is itself."""
        if isinstance(ref, Array) and ref.buffer in self.own_array:
            value = self.own_array[ref.buffer]
            for step in ref.path:
                value = self.step(value, step, where)
            return value
        if isinstance(ref, Tuple):
            return self.read(ref._replace(items=tuple(
                Plain(tree) if isinstance(tree := self.escaping(r, where), Value) else r
                for r in ref.items
            )), where)  # fmt: skip
        return self.read(ref, where)

    def delete_field(self, owner: Any, name: str, path: tuple, where: Any) -> None:
        raise self.refuse(where, f"`del` of `{path_name(path)}`, which lies outside")

    def store_name(self, parsed: Any, name: str, ref: Any, where: Any) -> None:
        """A store to a global, or to a variable of a function that has returned."""
        if name in parsed.cells:
            self.store_field(parsed.cells[name], "cell_contents", ("cell", parsed, name), ref,
                             where)  # fmt: skip
        else:
            self.store_field(parsed.globals, name, ("global", parsed, name), ref, where)

    def check_cell(self, ref: Any, where: Any, what: str) -> None:
        """A list or dict is about to change; from outside, it shall change there as well."""
        cell = ref.cell
        self.check_unshared(ref, where, what)
        if cell not in self.outside_cells:
            return
        place = self.place_of[cell]
        if cell in self.appended:
            self.needs(self.read_and_written(place))
        self.needs(place)
        self.unsynced.append((cell, self.state.memory[cell], where))

    def read_and_written(self, place: OutsidePlace) -> OutsidePlace:
        """How a list that grows is best known: of any length, where its items are alike."""
        if isinstance(place.owner, list) and {type(x) for x in place.owner} <= SCALARS:
            return place._replace(how="sequence")
        return place

    def append_outside(self, base: List, args: tuple, where: Any) -> None:
        """`calls.append(v)` of a list from outside: an effect, once, where it stands."""
        cell, path = base.cell, self.outside_cells[base.cell]
        place = self.place_of[cell]
        known = place.key in self.outside_places
        if cell in self.read_cells and not known:
            self.needs(self.read_and_written(place))
        if not known:
            self.appended.add(cell)  # nobody reads it: its length may change
            self.guards[:] = [g for g in self.guards if not leads_through(g.path, path)]
        attrs = {"effect": True, "path": path}
        has_objects = self.has_objects(args[0])
        tree = self.made(args[0], where, {}) if has_objects else self.escaping(args[0], where)
        self.instrs.append(Instr("append_outside", (tree,), None, (), (), attrs, where))
        self.appended_refs.append((self.written.now, args[0]))

    def check_appended(self, since: int, before: Any, where: Any) -> None:
        """Refuse a loop that changes what an earlier step has put into a list outside.

        before   the buffers and cells that there were before the loop, or that it carries
        """
        for when, ref in self.appended_refs:
            if when >= since and any(
                self.written.times.get(held, 0) > since and held in before
                for held in self.held_by(ref)
            ):
                raise self.changed_later(where)

    def changed_later(self, where: Any) -> Exception:
        return self.refuse(where, "what was appended to a list outside the function is changed "
                           "afterwards", "Append a copy (`.copy()`).")  # fmt: skip

    def sync(self) -> None:
        """Do outside what was done to the reference of a list or dict."""
        pending = list(self.unsynced)
        self.unsynced.clear()
        for cell, before, where in pending:
            now, path = self.state.memory[cell], self.outside_cells[cell]
            if now is before:
                continue
            self.written.add(cell)
            if isinstance(before, dict) and isinstance(now, dict):
                for key in before.keys() - now.keys():
                    attrs = {"effect": True, "path": ("item", path, key)}
                    self.instrs.append(Instr("delete_outside", (), None, (), (), attrs, where))
                for key, ref in now.items():
                    if key not in before or ref is not before[key]:
                        self.store_item(cell, key, ref, where)
            elif type(before) is type(now) is tuple and len(before) == len(now):
                for i, ref in enumerate(now):
                    if ref is not before[i]:
                        self.store_item(cell, i, ref, where)
            else:
                self.emit_store(("item", path, slice(None)), List(cell), where)

    def store_item(self, cell: Cell, key: Any, ref: Any, where: Any) -> None:
        path = ("item", self.outside_cells[cell], key)
        self.emit_store(path, ref, where)
        self.stored_at[cell, key] = (self.written.now, path)

    def flush(self, where: Any) -> None:
        """Let the arrays and lists outside be what the function has made of them so far."""
        memory = self.state.memory
        for buffer, own in self.own_array.items():
            if buffer in memory and memory[buffer] is not self.outside_versions[buffer]:
                attrs = {"effect": True}
                self.instrs.append(
                    Instr("write_back", (own, memory[buffer]), None, (), (), attrs, where))
        times = self.written.times
        for (cell, name), (when, path) in self.stored_at.items():
            held = memory.get(cell, {})
            if isinstance(held, dict):
                ref = held.get(name)
            else:
                ref = held[name] if type(held) is tuple and len(held) > name else None
            if ref is None or isinstance(ref, Missing):
                continue
            if any(times.get(held, 0) > when for held in self.held_by(ref)):
                self.emit_store(path, ref, where)
        for when, ref in self.appended_refs:
            if any(times.get(held, 0) > when for held in self.held_by(ref)):
                raise self.changed_later(where)

    def held_by(self, ref: Any) -> set:
        """The buffers that lie not outside, and the cells, that a reference leads to."""
        found: set = set()
        pending = [ref]
        while pending:
            ref = pending.pop()
            if isinstance(ref, ARRAYS):
                found |= {a.buffer for a in arrays_of(ref)} - self.own_array.keys()
            elif isinstance(ref, Tuple):
                pending += ref.items
            elif hasattr(ref, "cell") and ref.cell not in found:
                found.add(ref.cell)
                held = self.state.memory.get(ref.cell, ())
                if not isinstance(held, (Plain, Missing)):
                    pending += held.values() if isinstance(held, dict) else held
        return found - set(self.outside_cells)


SCALARS = {float, np.float64, np.float32}


def live(path: tuple) -> Any:
    """The object that a path leads to now."""
    kind, base, *rest = path
    if kind == "global":
        return base.globals[rest[0]]
    if kind == "cell":
        return base.cells[rest[0]].cell_contents
    if kind == "attr":
        return getattr(live(base), rest[0])
    if kind == "item":
        return live(base)[rest[0]]
    return base


def field(owner: Any, name: str) -> Any:
    """What a field holds: a closure cell, a dict of globals or an object has it."""
    if isinstance(owner, dict):
        return owner[name]
    return getattr(owner, name)


def leads_through(path: Any, base: tuple) -> bool:
    """Whether a path is `base`, or leads on from there."""
    while True:
        if path is base:
            return True
        if path[0] not in ("attr", "item"):
            return False
        path = path[1]


def is_outside(path: tuple) -> bool:
    while path[0] in ("attr", "item"):
        path = path[1]
    return path[0] in ("global", "cell", "object", "default")
