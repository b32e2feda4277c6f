"""References: what the names of a Python program refer to while it is specialised.

    Known(obj)            a Python object known to the compiler (a function, None, "abc", 3)
    Plain(value)          a number, or another immutable object, that is known only at run time
    Array(buffer, path)   an array: a view, reached by `path`, of the memory `buffer`
    Choice(test, a, b)    one of two arrays: the first where the run-time bool `test` holds
    Either(test, a, b)    one of two things of unlike kinds, told apart in the same way
    Tuple(items)          a tuple of references
    List(cell)            a list; its items, or a `Plain` sequence of unknown length, are in `State`
    Dict(cell)            a dict whose keys are known
    Object(cell, cls)     an instance of a Python class; its attributes are in `State`
    Function(…)           a Python function that can be inlined
    Method(function, ref)   a function that is called with ref before its arguments
    Super(after, ref)     `super()`: ref, its attributes looked up behind the class `after`
    Bound(ref, name)      the method `name` of what ref refers to
    Iterator(kind, …)     range, zip, enumerate, reversed, … before they are looped over
    Possible(ref)         the item of a dict's key that may be absent
    Maybe(test, ref)      None where the run-time bool `test` holds, `ref` elsewhere
    Missing(why)          a name that is unbound, or not the same thing on all paths, and why

Only buffers and cells change, and `State` says what they hold now: two names for one array are two
references to one buffer, so whoever reads after a store sees the store.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

from srcdiff.runtime.errors import UnsupportedSyntaxError
from srcdiff.transforms.ir import Value


class Buffer:
    """One piece of array memory, equal to itself alone.

    origin   "fresh" (made by the function), "argument", "outside" (a global, a closure cell)
    element  where it was read from, if it is an element of a list (see `list_elements`)
    fixed    why nobody may write to it any more ("" while everybody may)
    site     where a choice would have to be made so that it may be written, if that would do
    order    of its elements in memory (see `memory_order`); `proof` are the guards that say so
    """

    __slots__ = ("name", "origin", "fixed", "site", "order", "proof", "element")

    def __init__(self, name: str, origin: str = "fresh"):
        self.name, self.origin, self.fixed = name, origin, ""
        self.site: Any = None
        self.order = ""
        self.proof: tuple = ()
        self.element: Any = None


class Cell:
    """The identity of a list or a dict.

    cls       its class where that is another: `collections.deque`, `set` (a dict of its elements)
    missing   what makes the item of a key that a `defaultdict` lacks, a reference
    fixed     why nobody may change it any more ("" while everybody may)
    shared    whether what it holds may be held elsewhere; of lists of run-time length
    site      where the list would have to be one of parts of arrays, so that they may be written
    element   where it was read from, if it is an element of such a list (see `list_elements`)
    """

    __slots__ = ("name", "cls", "missing", "fixed", "shared", "site", "element")

    def __init__(self, name: str = "items", cls: Any = None, missing: Any = None):
        self.name, self.cls, self.missing, self.fixed = name, cls, missing, ""
        self.shared, self.site, self.element = False, None, None


class Fields(Cell):
    """The identity of an object: what it holds are its attributes."""

    __slots__ = ()


@dataclass(slots=True, eq=False)
class Known:
    obj: Any
    path: Any = None  # how generated source can reach it, for objects from outside

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Known):
            return False
        a, b = self.obj, other.obj
        if a is b:
            return True
        simple = (bool, int, float, complex, str, tuple, type(None))
        return type(a) is type(b) and isinstance(a, simple) and repr(a) == repr(b)

    def __ne__(self, other: object) -> bool:
        return not self == other

    __hash__ = None  # type: ignore[assignment]


class Plain(NamedTuple):
    value: Value


class Array(NamedTuple):
    buffer: Buffer
    path: tuple = ()  # steps: ("getitem", key) or (view function, *arguments)


class Choice(NamedTuple):
    test: Value
    then: Any  # an Array or a Choice
    other: Any


class Either(NamedTuple):
    test: Value
    then: Any
    other: Any


ARRAYS = (Array, Choice)


class Tuple(NamedTuple):
    items: tuple
    cls: Any = tuple


class List(NamedTuple):
    cell: Cell


class Dict(NamedTuple):
    cell: Cell


class Object(NamedTuple):
    cell: Fields
    cls: Any


class Method(NamedTuple):
    function: Any
    ref: Any


class Super(NamedTuple):
    after: Any
    ref: Any


class Function(NamedTuple):
    lowered: Any
    defaults: dict
    frame: int  # of the enclosing call, -1 at module level
    bound: Any = None  # the reference of `self`


class Bound(NamedTuple):
    ref: Any
    name: str


def is_flat(ref: Any) -> bool:
    """Whether it is `x.flat`."""
    return isinstance(ref, Bound) and ref.name == "flat"


class Iterator(NamedTuple):
    kind: str
    parts: tuple


class Maybe(NamedTuple):
    test: Value
    ref: Any


class Missing(NamedTuple):
    why: str
    kind: Any = None  # of what the name is bound to on the paths that bind it
    sites: frozenset = frozenset()  # of the merges that could make a choice of it


class HalfBound(Missing):
    """A name that is bound to `ref`, which holds no memory, where `test` comes out as `holds`."""

    test: Value
    holds: bool
    ref: Any

    def __new__(cls, why: str, test: Value, holds: bool, ref: Any) -> HalfBound:
        self = super().__new__(cls, why)
        self.test, self.holds, self.ref = test, holds, ref
        return self


class Hole(NamedTuple):
    """The place of a column in the template of `Rows`."""

    at: int


@dataclass(frozen=True)
class Rows:
    """What a list holds whose length is known only at run time and whose items are tuples, or
    parts of one array (see `rows`)."""

    template: Any
    columns: tuple  # of `List`s

    def __iter__(self) -> Any:
        raise UnsupportedSyntaxError("a list of tuples, whose length is known only at run time, is "
                                     "used in this way", None, "Make a list for each of their "
                                     "items.")  # fmt: skip

    __len__ = __iter__


class Possible(NamedTuple):
    """The item of a dict's key that may be absent."""

    ref: Any


Ref = (
    Known | Plain | Array | Choice | Either | Tuple | List | Dict | Object | Function | Method
    | Super | Bound | Iterator | Missing
)  # fmt: skip


class Storage(dict):
    """What buffers and cells hold. An array from outside holds what it held at entry on every
    path that has not written it, also on those that never met it."""

    def __init__(self, outside: dict, held: Any = ()):
        super().__init__(held)
        self.outside = outside

    def __missing__(self, buffer: Buffer) -> Any:
        return self.outside[buffer]

    def get(self, key: Any, default: Any = None) -> Any:
        return super().get(key, self.outside.get(key, default))

    def copy(self) -> Storage:
        return Storage(self.outside, self)


class State:
    """What every name refers to, and what every buffer and cell holds, at one point of the run.

    reads   choice → (versions that it chose from, the value that was chosen)
    """

    __slots__ = ("env", "memory", "reads")

    def __init__(self, env: dict, memory: dict, reads: dict | None = None):
        self.env, self.memory, self.reads = env, memory, reads or {}

    def copy(self) -> State:
        return State(dict(self.env), self.memory.copy(), dict(self.reads))


def buffers_of(ref: Any, memory: dict, seen: set | None = None) -> set[Buffer]:
    """The buffers that can be reached from a reference."""
    if isinstance(ref, Array):
        return {ref.buffer}
    if isinstance(ref, Maybe):
        return buffers_of(ref.ref, memory, seen)
    if isinstance(ref, Choice):
        return {array.buffer for array in arrays_of(ref)}
    seen = set() if seen is None else seen
    if isinstance(ref, Either):
        return buffers_of(ref.then, memory, seen) | buffers_of(ref.other, memory, seen)
    if isinstance(ref, Tuple):
        return set().union(*(buffers_of(r, memory, seen) for r in ref.items))
    if isinstance(ref, (List, Dict, Object)):
        if ref.cell in seen:
            return set()
        seen.add(ref.cell)
        held = memory.get(ref.cell, ())
        held = (held.template, *held.columns) if isinstance(held, Rows) else held
        if isinstance(held, Plain):
            return set()
        held = held.values() if isinstance(held, dict) else held
        return set().union(*(buffers_of(r, memory, seen) for r in held))
    if isinstance(ref, Possible):
        return buffers_of(ref.ref, memory, seen)
    if isinstance(ref, (Bound, Method, Super)):
        return buffers_of(ref.ref, memory, seen)
    if isinstance(ref, Iterator):
        return set().union(*(buffers_of(r, memory, seen) for r in ref.parts if ref_like(r)))
    if isinstance(ref, Function):
        refs = [*ref.defaults.values(), *([ref.bound] if ref.bound is not None else [])]
        return set().union(*(buffers_of(r, memory, seen) for r in refs))
    return set()


def references_to(cell: Cell, state: State) -> int:
    """How often a state refers to a list, directly and in what its names refer to."""
    count, seen = 0, set()
    pending = [r for r in state.env.values() if r is not None]
    while pending:
        ref = pending.pop()
        if isinstance(ref, (List, Dict, Object)):
            count += ref.cell is cell
            if ref.cell not in seen:
                seen.add(ref.cell)
                held = state.memory.get(ref.cell, ())
                held = held.columns if isinstance(held, Rows) else held
                if isinstance(held, (dict, tuple)) and not isinstance(held, (Plain, Missing)):
                    pending += held.values() if isinstance(held, dict) else held
        elif isinstance(ref, Tuple):
            pending += ref.items
        elif isinstance(ref, Either):
            pending += (ref.then, ref.other)
        elif isinstance(ref, (Bound, Method, Super, Possible)):
            pending.append(ref.ref)
        elif isinstance(ref, Iterator):
            pending += [r for r in ref.parts if ref_like(r)]
        elif isinstance(ref, Function):
            pending += [*ref.defaults.values(), *([ref.bound] if ref.bound is not None else [])]
    return count


def arrays_of(ref: Array | Choice) -> list[Array]:
    """What a reference to an array may refer to."""
    if isinstance(ref, Array):
        return [ref]
    return [*arrays_of(ref.then), *arrays_of(ref.other)]


def ref_like(obj: Any) -> bool:
    return isinstance(obj, REFERENCES)


REFERENCES = (
    Known, Plain, Array, Choice, Either, Tuple, List, Dict, Object, Function, Method, Super, Bound,
    Iterator, Maybe, Missing,
)  # fmt: skip


def static_ref(obj: Any) -> Ref:
    if type(obj) is tuple:
        return Tuple(tuple(static_ref(x) for x in obj))
    return Known(obj)


def lift(leaf: Any) -> Any:
    return Plain(leaf) if isinstance(leaf, Value) else Known(leaf)


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


class Guard(NamedTuple):
    """What was found outside the function when it was compiled, and must be so at a call."""

    path: tuple
    obj: Any
    how: str  # "is", "equal", "kind", …; "apart": obj is the paths of objects that are not the same
