"""A recording: what one run of a function on the tape knows of the world outside it.

Arrays that were there before the run are tracked as they are reached, and written as the function
writes them. What the function leaves outside (in a list, an attribute, a global) is made plain when
the run is over.
"""

# mypy: no-check-untyped-defs

from __future__ import annotations

import collections
import contextlib
import dataclasses
import functools
import sys
import types
from collections.abc import Iterator
from contextvars import ContextVar
from typing import Any

import numpy as np

from srcdiff.runtime.derivative import Derivative
from srcdiff.runtime.tape import Array, Leaf
from srcdiff.runtime.tracked import Place, Tracked, owner, zeros_laid_out
from srcdiff.transforms.kinds import Kind

ndarray = np.ndarray


class Recording:
    """What one run of a function on the tape knows of the world outside it."""

    def __init__(self, wanted_locals: tuple[str, ...] = ()) -> None:
        self.places: dict[int, Place] = {}  # of arrays from outside, by the array that owns them
        # The caller's arrays, and the copies that the function works on.
        self.arguments: list[tuple[np.ndarray, Place]] = []
        self.locals: dict[str, list[Any]] = {name: [] for name in wanted_locals}
        self.touched: dict[int, Any] = {}  # containers and objects that may hold tracked arrays
        self.globals: dict[tuple[int, str], dict] = {}
        self.cells: dict[int, types.CellType] = {}
        # Helpers to watch → the kind of what they return, None if they are not alike or do more.
        self.observed: dict[Any, Kind | None] = {}
        self.watched: tuple = ()
        self.effects = False  # something happened that must not happen twice

    def outside(self, x: np.ndarray) -> Any:
        """An array that was there before the run, or was made by code that nobody sees into."""
        if x.dtype.kind == "O":
            return x
        home = owner(x)
        place = self.places.get(id(home))
        if place is None:
            whole = home if home.dtype == x.dtype else x
            place = self.places[id(home)] = Place(whole)
            place.owner = home
            for argument, copied in self.arguments:
                if np.may_share_memory(x, argument) and np.shares_memory(x, argument):
                    self.share(place, copied)
        return Tracked(x, place)

    def argument(self, x: np.ndarray, wanted: bool) -> tuple[Tracked, Leaf | None]:
        """A copy of the caller's array to work on, and its node if its gradient is wanted."""
        mine = same_layout(x)
        place = Place(mine, Leaf(mine) if wanted else None)
        for other, copied in self.arguments:
            if np.may_share_memory(x, other) and np.shares_memory(x, other):
                self.share(place, copied)
        self.arguments.append((x, place))
        return Tracked(mine, place), place.node

    def share(self, *places: Place) -> None:
        """Copies of what is one piece of memory: neither may be written."""
        for place in places:
            place.shared = (
                "an array is written that shares memory with another argument, or with an array"
                " outside the function"
            )
            if place.written:
                place.will_write(place.whole, ...)

    def clean(self) -> None:
        """Leave plain arrays and numbers in what was there before the run."""
        for obj in self.touched.values():
            if isinstance(obj, dict):
                obj.update({k: bare(v) for k, v in obj.items() if bare(v) is not v})
            elif isinstance(obj, list | collections.deque):
                for i, v in enumerate(obj):
                    if bare(v) is not v:
                        obj[i] = bare(v)
            else:
                for name, v in attributes(obj).items():
                    if bare(v) is not v:
                        object.__setattr__(obj, name, bare(v))
        for (_, name), namespace in self.globals.items():
            if name in namespace:
                namespace[name] = bare(namespace[name])
        for cell in self.cells.values():
            with contextlib.suppress(ValueError):  # it is empty
                if bare(cell.cell_contents) is not cell.cell_contents:
                    cell.cell_contents = bare(cell.cell_contents)


def attributes(obj: Any) -> dict[str, Any]:
    """What an object holds, slots included; its own `__getattr__` is not asked.

    >>> class Slotted:
    ...     __slots__ = ("x", "y")
    >>> s = Slotted()
    >>> s.x = 3
    >>> attributes(s)
    {'x': 3}
    """
    found: dict[str, Any] = {}
    with contextlib.suppress(AttributeError):
        found.update(object.__getattribute__(obj, "__dict__"))
    for cls in type(obj).__mro__:
        slots = vars(cls).get("__slots__", ())
        for name in (slots,) if isinstance(slots, str) else slots:
            with contextlib.suppress(AttributeError):
                found[name] = object.__getattribute__(obj, name)
    return found


current: ContextVar[Recording] = ContextVar("srcdiff.recording")


def bare(tree: Any) -> Any:
    """The tree with plain arrays and numbers: the same object where there was nothing else."""
    if isinstance(tree, Array):
        return tree._value
    if isinstance(tree, tuple):
        parts = [bare(x) for x in tree]
        if all(a is b for a, b in zip(parts, tree)):
            return tree
        return tree._make(parts) if hasattr(tree, "_make") else type(tree)(parts)
    if type(tree) is list:
        for i, x in enumerate(tree):
            if bare(x) is not x:
                tree[i] = bare(x)
    elif type(tree) is dict:
        for k, x in tree.items():
            if bare(x) is not x:
                tree[k] = bare(x)
    elif dataclasses.is_dataclass(tree) and not isinstance(tree, type):
        for field in dataclasses.fields(tree):
            x = getattr(tree, field.name, None)
            if bare(x) is not x:
                object.__setattr__(tree, field.name, bare(x))
    return tree


@contextlib.contextmanager
def recording(wanted_locals: tuple[str, ...] = ()) -> Iterator[Recording]:
    """A recording while a function runs; afterwards the world outside holds plain arrays."""
    run = Recording(wanted_locals)
    token = current.set(run)
    try:
        yield run
    finally:
        current.reset(token)
        run.clean()


def same_layout(x: np.ndarray) -> np.ndarray:
    """A copy with the strides of x, so that what is a view of x is a view of the copy."""
    copy = zeros_laid_out(x)
    copy[...] = x
    copy.flags.writeable = x.flags.writeable
    return copy


def boxes_in(tree: Any) -> list[Array]:
    if isinstance(tree, Array):
        return [tree]
    if isinstance(tree, dict):
        tree = list(tree.values())
    if isinstance(tree, list | tuple | set | frozenset | collections.deque):
        return [box for part in tree for box in boxes_in(part)]
    if dataclasses.is_dataclass(tree) and not isinstance(tree, type):
        return boxes_in(list(vars(tree).values())) if hasattr(tree, "__dict__") else []
    return []


def active(tree: Any) -> bool:
    """Whether something in the arguments has a history."""
    return any(box._node is not None for box in boxes_in(tree))


def reads_history(x: Any) -> bool:
    """Whether something has a history, or is a function or an object that reads what has one: in
    its closure, its defaults, what it is bound to, its attributes, the globals that it names.
    """
    todo, seen = [x], set()
    for part in todo:  # grows as we go
        if id(part) in seen or part is None or isinstance(part, str | bytes | types.ModuleType):
            continue
        seen.add(id(part))
        if isinstance(part, Array):
            if part._node is not None:
                return True
        elif isinstance(part, dict):
            todo += part.values()
        elif isinstance(part, list | tuple | set | frozenset | collections.deque):
            todo += part
        elif isinstance(part, types.CellType):
            with contextlib.suppress(ValueError):  # it is empty
                todo.append(part.cell_contents)
        elif isinstance(part, types.FunctionType):
            if not is_library(part.__module__):
                todo += (part.__closure__, part.__defaults__, part.__kwdefaults__)
                todo += (part.__globals__.get(name) for name in named_in(part.__code__))
        elif isinstance(part, types.MethodType):
            todo += (part.__func__, part.__self__)
        elif isinstance(part, functools.partial):
            todo += (part.func, part.args, part.keywords)
        elif isinstance(part, Derivative):
            todo.append(part._f)
        elif not is_library(getattr(part, "__module__", None) or type(part).__module__):
            todo.append(getattr(part, "__dict__", None) and dict(vars(part)))
            todo += type(part).__mro__ if not isinstance(part, type) else part.__bases__
    return False


def named_in(code: types.CodeType) -> Iterator[str]:
    """The names of globals and attributes in a function and in those inside it."""
    yield from code.co_names
    for const in code.co_consts:
        if isinstance(const, types.CodeType):
            yield from named_in(const)


def is_library(module: Any) -> bool:
    """Whether a module belongs to Python, NumPy, SciPy or srcdiff."""
    home = str(module or "builtins").partition(".")[0]
    return home in sys.stdlib_module_names or home in ("numpy", "scipy", "srcdiff")
