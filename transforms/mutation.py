"""Mutation made pure: reads and writes of arrays that share memory.

    v = y[2:5]        v is a reference to y's buffer by the path [2:5]
    v[0] = s     →    y.2 = setitem(y, ([2:5],), 0, s)
    return y          return y.2

`Memory` is the part of the specialiser that knows buffers. A read takes the current version of a
buffer and walks the path; a write makes a new version of the buffer, which every reference sees.

`setitem(base, path, key, value)` is `base` with `value` stored at `base<path>[key]`;
`add_at(base, path, key, value)` is the same for `+=`, exact where no element of key is repeated
(attrs["repeats"]: elements of key that occur twice add up, as in `np.add.at`).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np

from srcdiff.runtime.errors import SrcdiffError, UnsupportedSyntaxError
from srcdiff.transforms import abstract
from srcdiff.transforms.ir import UNDEFINED, Instr, Slice, Value, leaf_kind, map_tree
from srcdiff.transforms.kinds import Kind, is_undecided, join, kind_of, may_be_complex
from srcdiff.transforms.references import (
    Array,
    Bound,
    Buffer,
    Choice,
    Dict,
    Either,
    Function,
    Iterator,
    Known,
    List,
    Maybe,
    Method,
    Missing,
    Object,
    Plain,
    Ref,
    Rows,
    State,
    Tuple,
    buffers_of,
)  # fmt: skip
from srcdiff.transforms.undecided import either_way

NUMBERS = (bool, int, float, complex)


VERBS = re.compile(
    r" (is|are|was|may|has|have|had|cannot|does|do|changes?|depends?|returns?|raises?|casts?"
    r"|gives?|holds?|shares?|comes?|needs?|reads?|never|would|stands?|leads?|differs?)\b"
)


def sentence(what: str) -> str:
    """
    >>> sentence("the method `view`"), sentence("`y` is read before it is assigned")
    ('the method `view` cannot be compiled', '`y` is read before it is assigned')
    """
    plain = re.sub(r"`[^`]*`", "", what.partition(", which")[0])
    if VERBS.search(plain):
        return what
    comma = "," if ", which" in what and not what.endswith(",") else ""
    return f"{what}{comma} cannot be compiled"


class NeedsChoice(Exception):
    """An array is written that a merged name could be: the merges at `sites` must be choices."""

    def __init__(self, sites: frozenset):
        self.sites = sites


class NeedsUnrolling(SrcdiffError):
    """A structure was indexed by the counter of a loop that is not unrolled.

    site   where a choice in branches would do as well, if there is such a place
    """

    def __init__(self, what: str, where: Any = None, instead: str = "", site: Any = None):
        super().__init__(what, where, instead)
        self.site = site


class NeedsCarrying(Exception):
    """A step of a loop reads a name that an earlier step may have bound, to a value of `kind`."""

    def __init__(self, key: tuple, kind: Kind):
        self.key, self.kind = key, kind


class Memory:
    """Reading, writing and merging references."""

    state: State
    instrs: list[Instr]
    aliases: list[tuple[Any, Any]]  # pairs of buffers, of cells that may share memory
    reasons: dict  # pair → the sites of the merges that made it so; None: it is not known why
    choices: frozenset  # sites of merges whose names are choices
    choice_names: dict
    where: Any
    frames: list
    frame: Any
    facts: dict  # test → how it has come out on this path
    temporaries: list[dict]
    appended: set  # lists from outside that are appended to
    read_cells: set
    loose: dict  # arrays in name, which a loop starts as a number → where that could be told
    unsure: set  # attributes that only some paths have set
    failing: Callable  # see `exceptions`
    catching: Callable  # see `exceptions`
    rows_value: Callable  # see `rows`
    rows_kind: Callable  # see `rows`
    outside_cells: dict  # lists and dicts from outside → how they are reached
    fields_of: dict  # id of an object outside → the cell of its fields that are written

    # ------------------------------------------------------------------ errors

    def refuse(self, where: Any, what: str, instead: str = "") -> UnsupportedSyntaxError:
        location = where.location if where is not None else None
        return UnsupportedSyntaxError(sentence(what), location, instead)

    # ------------------------------------------------------------------ emission

    def emit(self, op: Any, args: tuple, kwargs: dict | None, kind: Kind, where: Any,
             name: str = "t", **attrs: Any) -> Value:  # fmt: skip
        result = Value(name, kind)
        self.instrs.append(Instr(op, args, kwargs, (result,), (), attrs, where))
        return result

    # ------------------------------------------------------------------ reading

    def held(self, ref: Any) -> Any:
        """What a list or a dict holds."""
        if ref.cell in self.appended:
            self.needs(self.read_and_written(self.place_of[ref.cell]))
        self.read_cells.add(ref.cell)
        found = self.state.memory[ref.cell]
        if isinstance(found, Missing):
            raise self.refuse(self.where, found.why)
        return found

    def check_unshared(self, ref: Any, where: Any, what: str) -> None:
        """A list is about to change: no other name may be the same list, or not."""
        cell = ref.cell
        fixed = self.fixed(cell)
        if fixed:
            raise self.refuse(where, fixed)
        others = {b if a is cell else a for a, b in self.aliases if cell in (a, b)} - {cell}
        if others and others & self.reachable_cells():
            raise self.refuse(where, f"`{cell.name}` is changed (`{what}`) while another name may "
                              "refer to the same list", "Change a copy (`.copy()`).")  # fmt: skip

    def read(self, ref: Any, where: Any = None) -> Any:
        """The IR's argument tree for what a reference refers to now."""
        if isinstance(ref, Maybe):
            if ref.test not in self.facts:
                raise self.refuse(where, "what may be None is used where None is no error",
                                  "Test `is None` first.")  # fmt: skip
            return None if self.facts[ref.test] else self.read(ref.ref, where)
        if isinstance(ref, Plain):
            return ref.value
        if isinstance(ref, Array):
            value = self.state.memory[ref.buffer]
            for step in ref.path:
                value = self.step(value, step, where)
            return value
        if isinstance(ref, Known):
            return ref.obj
        if isinstance(ref, Choice):
            return self.read_choice(ref, where)
        if isinstance(ref, Either):
            found = self.settled(ref)
            if isinstance(found, Either):
                raise self.refuse(where, "a list or an argument of this is one of two things, "
                                  "depending on a branch", "Do it in both branches.")  # fmt: skip
            return self.read(found, where)
        if isinstance(ref, Tuple):
            return tuple([self.read(r, where) for r in ref.items])
        if isinstance(ref, List):
            held = self.held(ref)
            if isinstance(held, Rows):
                return self.rows_value(ref, where)
            return held.value if isinstance(held, Plain) else [self.read(r, where) for r in held]
        if isinstance(ref, Dict):
            return {k: self.read(r, where) for k, r in self.held(ref).items()}
        if isinstance(ref, Missing):
            raise self.refuse(where, ref.why)
        if isinstance(ref, Slice):
            return Slice(*(None if p is None else self.read(p, where) for p in ref))
        if isinstance(ref, Bound) and ref.name == "exception":
            untold = [arg.why for arg in ref.ref[1] if isinstance(arg, Missing)]
            what = untold[0] if untold else "an exception as a value"
            raise self.refuse(where, what, "Say what there is to say in your own words.")
        raise self.refuse(where, f"{describe(ref)} is used as a value")

    def step(self, value: Value, step: tuple, where: Any) -> Value:
        """One step of a path: an index, or a function that returns a view."""
        op, *args = step
        args = (value, *args)
        kind = abstract.infer(op, map_tree(kind_of_value, args), {})
        method = {"method": op.__name__} if op in (np.reshape, np.ravel) else {}
        return self.emit(op, args, None, kind or Kind("object"), where, value.name + "_view",
                         view=True, **method)  # fmt: skip

    def kind(self, ref: Any) -> Kind:
        """The kind of what a reference refers to; emits nothing."""
        if isinstance(ref, Maybe):
            return self.kind(ref.ref)
        if isinstance(ref, Plain):
            return ref.value.kind
        if isinstance(ref, Known):
            return kind_of(ref.obj)
        if isinstance(ref, Array):
            kind: Kind | None = self.state.memory[ref.buffer].kind
            for op, *args in ref.path:
                kind = abstract.infer(op, (kind, *map_tree(kind_of_value, tuple(args))), {})
                if kind is None:
                    return Kind("object")
            return kind
        if isinstance(ref, Choice):
            return self.kind_of_choice(ref)
        if isinstance(ref, Either) and (found := self.settled(ref)) is not ref:
            return self.kind(found)
        if isinstance(ref, Tuple):
            return Kind("tuple", items=tuple(self.kind(r) for r in ref.items))
        if isinstance(ref, List):
            held = self.held(ref)
            if isinstance(held, Plain):
                return held.value.kind
            if isinstance(held, Rows):
                return self.rows_kind(held)
            return Kind("list", items=tuple(self.kind(r) for r in held))
        return Kind("object")

    def fresh(self, value: Value, name: str | None = None, origin: str = "fresh") -> Ref:
        """A reference to a new value: an array gets a buffer of its own."""
        if value.kind.tag != "array":
            return Plain(value)
        if value.kind.dtype is not None and value.kind.dtype.kind in "OV":
            what = "objects" if value.kind.dtype.kind == "O" else "records"
            raise self.refuse(self.where, f"an array of {what} is made here", "Use arrays of "
                              "numbers, or lists.")  # fmt: skip
        buffer = Buffer(name or value.name, origin)
        self.state.memory[buffer] = value
        return Array(buffer)

    # ------------------------------------------------------------------ writing

    def write(self, ref: Array, key: Any, value: Any, where: Any, *, add: bool = False,
              repeats: bool = False) -> None:  # fmt: skip
        """Store `value` (an IR tree) at `ref[key]`, or add it there."""
        buffer = ref.buffer
        op = "add_at" if add else "setitem"
        attrs = {"repeats": True} if repeats else {}
        if buffer.element is not None:
            self.write_element(ref, op, key, value, attrs, where)
            return
        self.check_writable(buffer, where)
        path = ref.path
        old = self.state.memory[buffer]
        new = self.emit(op, (old, path, key, value), None, old.kind, where, buffer.name, **attrs)
        new.user = old.user
        self.written.add(buffer)
        self.state.memory[buffer] = new

    def check_writable(self, buffer: Buffer, where: Any) -> None:
        if is_undecided(self.state.memory[buffer].kind):
            raise self.refuse(where, f"`{buffer.name}`, real or complex as its values decide, is "
                              "written", "Write to `.astype(complex)` of it.")  # fmt: skip
        fixed = self.fixed(buffer)
        if fixed:
            self.need_choices((buffer, other) for other in self.aliases_of(buffer) if other.fixed)
            self.ask_for_choice(buffer)
            raise self.refuse(where, fixed)
        self.ask_for_kinds(self.state.memory[buffer], where)
        if buffer.origin == "outside":
            self.needs(self.place_of[buffer])
        others = {b if a is buffer else a for a, b in self.aliases if buffer in (a, b)} - {buffer}
        shared = others & self.reachable() if others else set()
        if shared:
            self.need_choices((buffer, other) for other in shared)
            raise self.refuse(
                where, f"`{buffer.name}` is written while another array may share its memory",
                "Write to a copy (`.copy()`).")  # fmt: skip

    def reachable(self) -> set[Buffer]:
        """Every buffer that some name, list or pending operand still refers to."""
        memory = self.state.memory
        found: set[Buffer] = set(self.outside_versions)  # others may ask for them at any time
        for ref in self.state.env.values():
            found |= buffers_of(ref, memory)
        for values in self.temporaries:
            for ref in values.values():
                found |= buffers_of(ref, memory)
        for cell in self.fields_of.values():
            for ref in memory.get(cell, {}).values():
                found |= buffers_of(ref, memory)
        return found

    def may_alias(self, a: Any, b: Any, why: frozenset | None = None) -> None:
        """Note that a may share memory with b, and so with what b may share memory with.

        why   the sites of the merges that made one name of both
        """
        if a is b:
            return
        shared = [(b, why)]
        for x, y in self.aliases:
            if b in (x, y):
                more = self.reasons.get((x, y))
                both = None if why is None or more is None else why | more
                shared.append((y if x is b else x, both))
        for other, reason in shared:
            if other is not a and (a, other) not in self.aliases:
                self.aliases.append((a, other))
                self.reasons[a, other] = reason

    def fixed(self, place: Any) -> str:
        """Why nobody may write to an array, or change a list; "" where everybody may."""
        return place.fixed or next((a.fixed for a in self.aliases_of(place) if a.fixed), "")

    def aliases_of(self, buffer: Any) -> dict[Buffer, frozenset | None]:
        """What may share memory with an array, and why."""
        found = {}
        for a, b in self.aliases:
            if buffer in (a, b):
                found[b if a is buffer else a] = self.reasons.get((a, b))
        return found

    def ask_for_choice(self, buffer: Buffer) -> None:
        """Ask for the choice that would let an array be written, if there is one."""
        if buffer.site is not None and buffer.site not in self.choices:
            raise NeedsChoice(frozenset((buffer.site,)))

    def ask_for_kinds(self, value: Value, where: Any) -> None:
        """Ask that it is told whether a name is a number still, where that matters."""
        if value in self.loose:
            if self.loose[value] is not None:
                raise NeedsChoice(frozenset((self.loose[value],)))
            what = f"`{value.name}`, which may be a number still, in this operation"
            instead = f"Start with an array of zeros, `{value.name} = np.zeros(…)`."
            raise self.refuse(where, what, instead)

    def need_choices(self, pairs: Any) -> None:
        """Ask for choices at the merges that made these pairs of arrays one, if that may help."""
        sites: set = set()
        for a, b in pairs:
            for pair in ((a, b), (b, a)):
                if pair in self.aliases:
                    reason = self.reasons.get(pair)
                    if reason is None:
                        return
                    sites |= reason
        if sites - self.choices:
            raise NeedsChoice(frozenset(sites))

    def target(self, ref: Array) -> tuple[Array, Any]:
        """`u[1:-1]` as a place to write: the array and the key."""
        if ref.path and ref.path[-1][0] == "getitem":
            return Array(ref.buffer, ref.path[:-1]), ref.path[-1][1]
        return ref, ...

    # ------------------------------------------------------------------ where two paths meet

    def literal(self, leaf: Any) -> bool:
        """Whether a number stands in the user's source: no derivative belongs to it."""
        return not isinstance(leaf, Value) or leaf in self.constants

    def join_leaf(self, a: Any, b: Any, where: Any,
                  constant: bool = False) -> tuple[Any, Any, Kind] | None:  # fmt: skip
        """Two leaves and the kind that covers both; None if there is no such kind.

        constant   a leaf that is Python's own number is one of the user's source
        """
        if a is UNDEFINED or b is UNDEFINED:
            other = b if a is UNDEFINED else a
            return a, b, leaf_kind(other)
        ka, kb = leaf_kind(a), leaf_kind(b)
        if ka == kb:
            return a, b, ka
        real, wide = sorted((ka, kb), key=may_be_complex)
        undecided = is_undecided(real) or is_undecided(wide)
        last = not self.frames or self.frame.internal  # it is returned, or what a rule returns
        if undecided or last and may_be_complex(wide) > may_be_complex(real):
            joined = either_way(real, wide)
            if joined is not None and joined.tag != "object":
                return a, b, joined
            if undecided:
                return None
        if ka.tag == kb.tag == "scalar" and ka.dtype != kb.dtype:
            promoted = promote(ka, kb)
            if promoted is None or promoted.dtype.itemsize < 8 and any(
                k.python and k.dtype.kind in "fc" and not (constant or self.literal(leaf))
                for leaf, k in ((a, ka), (b, kb))
            ) or not constant and "c" in (ka.dtype.kind, kb.dtype.kind):  # a derivative is rounded
                return None
            a, b = convert(a, promoted), convert(b, promoted)
            if leaf_kind(a).dtype == leaf_kind(b).dtype:  # a constant was converted
                promoted = join(leaf_kind(a), leaf_kind(b))
            return a, b, promoted
        joined = join(ka, kb)
        return None if joined.tag == "object" else (a, b, joined)


def promote(a: Kind, b: Kind) -> Kind | None:
    """The kind of a name that is an int on one path and a float on the other: a float.

    Only constants are converted, so that no value of the user's changes; whose number it is
    (`python`) is not known then, nor whether it is an int. Python's own number beside one of
    NumPy's is of its precision, as in arithmetic.

    >>> from srcdiff.transforms.kinds import FLOAT, INT, scalar
    >>> promote(INT, FLOAT), promote(FLOAT, scalar("f4")), promote(scalar("f8"), scalar("f4"))
    (f8?, f4?, None)
    """
    if not (a.python or b.python):
        return None
    dtype = np.result_type(a.dtype, b.dtype)
    if dtype.kind not in "fc":
        return None
    other = b if a.python else a
    if not other.python and other.dtype.kind in "fc" and other.dtype != dtype:
        if other.dtype.kind != dtype.kind:
            return None
        dtype = other.dtype
    return Kind("scalar", dtype, python=None)


def convert(leaf: Any, kind: Kind) -> Any:
    """
    >>> from srcdiff.transforms.kinds import FLOAT
    >>> convert(0, FLOAT), convert(0.5, FLOAT)
    (0.0, 0.5)
    """
    if isinstance(leaf, (bool, int)) and kind.dtype.kind == "f":
        return float(leaf)
    if isinstance(leaf, NUMBERS) and kind.dtype.kind == "c":
        return complex(leaf)
    return leaf


def kind_of_value(value: Value) -> Kind:
    return value.kind


def describe(ref: Any) -> str:
    """What a user would call it."""
    if isinstance(ref, Object):
        return f"an object of the class `{ref.cls.__name__}`"
    if isinstance(ref, Method):
        return "this method"
    if isinstance(ref, Function):
        return f"the function `{ref.lowered.name}`"
    if isinstance(ref, Bound):
        return f"the method `{ref.name}`"
    if isinstance(ref, Iterator):
        return f"the iterator `{ref.kind}(…)`"
    if isinstance(ref, Plain):
        return "a value of unknown kind" if not ref.value.kind.numeric else "this number"
    if isinstance(ref, Known):
        return "None" if ref.obj is None else f"a `{type(ref.obj).__name__}`"
    return DESCRIBED.get(type(ref).__name__) or f"this {type(ref).__name__.lower()}"


DESCRIBED = {
    "Choice": "one of several arrays", "Either": "one of several things",
    "Possible": "what may not be in the dict", "Maybe": "what may be None",
    "Missing": "what may be unbound", "HalfBound": "what may be unbound", "Super": "`super()`",
}  # fmt: skip
