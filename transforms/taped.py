"""The fallback: a function runs on the tape, with every operation calling it.

    def f(x, out):                          def f(x, out):
        for i in range(len(x)):                 x = __tape__.enter(x)
            out[i] = math.sin(x[i])     →       out = __tape__.enter(out)
        return out                              for i in __tape__.iterate(__tape__.call(range, …
                                                    __tape__.place(out)[i] = __tape__.call(
                                                        __tape__.getattr(math, 'sin'), …
                                                return out

The tree that the compiler would lower is rewritten instead and compiled: statements stay what they
are, so Python itself runs `try`, `with`, `match`, generators and recursion, and errors show the
user's lines. Arrays that come in, from arguments, globals, containers or calls, become
`tracked` arrays; helpers with source are rewritten as they are called.

Code that cannot be rewritten (no source, written in C and calling back) runs as it is on these
arrays: they record what they can and raise an error where their history would be lost.
"""

# mypy: no-check-untyped-defs

from __future__ import annotations

import ast
import builtins
import collections
import contextlib
import copy
import dataclasses
import functools
import itertools
import operator
import sys
import types
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from typing import Any

import numpy as np

from srcdiff.runtime.errors import NoRuleError, SrcdiffError, UnsupportedSyntaxError
from srcdiff.runtime.marks import detach
from srcdiff.runtime.registry import NONDIFFERENTIABLE, RULES
from srcdiff.runtime.tape import (
    OWN,
    PLAIN,
    Array,
    Leaf,
    Sweep,
    apply,
    caller,
    name_of,
    no_rule,
    plain,
)
from srcdiff.runtime.tracked import (
    WRITERS,
    Flat,
    Number,
    Place,
    Tracked,
    boxed,
    owner,
    zeros_laid_out,
)
from srcdiff.transforms.kinds import Kind, kind_of
from srcdiff.transforms.parse import Parsed, find
from srcdiff.transforms.syntax import deep_recursion, to_ast

ndarray = np.ndarray


# --------------------------------------------------------------------------------- one recording


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
            elif hasattr(obj, "__dict__"):
                for name, v in list(vars(obj).items()):
                    if bare(v) is not v:
                        object.__setattr__(obj, name, bare(v))
        for (_, name), namespace in self.globals.items():
            if name in namespace:
                namespace[name] = bare(namespace[name])
        for cell in self.cells.values():
            with contextlib.suppress(ValueError):  # it is empty
                if bare(cell.cell_contents) is not cell.cell_contents:
                    cell.cell_contents = bare(cell.cell_contents)


_current: ContextVar[Recording] = ContextVar("srcdiff.recording")


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
    token = _current.set(run)
    try:
        yield run
    finally:
        _current.reset(token)
        run.clean()


def same_layout(x: np.ndarray) -> np.ndarray:
    """A copy with the strides of x, so that what is a view of x is a view of the copy."""
    copy = zeros_laid_out(x)
    copy[...] = x
    copy.flags.writeable = x.flags.writeable
    return copy


# --------------------------------------------------------- what the rewritten functions call


def enter(x: Any) -> Any:
    """What comes into the function: arrays become tracked arrays, those in tuples included."""
    kind = type(x)
    if kind is ndarray:
        return _current.get().outside(x)
    if kind is float or kind is int or isinstance(x, Array):
        return x
    if isinstance(x, tuple):
        parts = [enter(part) for part in x]
        if all(a is b for a, b in zip(parts, x)):
            return x
        return x._make(parts) if hasattr(x, "_make") else kind(parts)
    if isinstance(x, ndarray):
        raise UnsupportedSyntaxError(
            f"an array of the class {kind.__module__}.{kind.__qualname__}", caller(),
            "Use `np.asarray` on it: only plain arrays are supported.",
        )  # fmt: skip
    return x


def made(x: Any, boxes: list[Array]) -> Any:
    """What a call that was not recorded returns."""
    if type(x) is ndarray:
        known = _current.get().places.get(id(owner(x)))
        return boxed(x, None, boxes) if known is None else Tracked(x, known)
    if type(x) is tuple or type(x) is list:
        parts = [made(part, boxes) for part in x]
        return x if all(a is b for a, b in zip(parts, x)) else type(x)(parts)
    return enter(x)


def iterate(x: Any) -> Any:
    """What a `for` goes through."""
    if isinstance(x, Array | range | str | types.GeneratorType):
        return x
    if type(x) is ndarray:
        return enter(x)
    method = python_method(x, "__iter__")
    it = taped(method)(x) if method is not None else iter(x)
    return (enter(item) for item in it)


def spread(x: Any) -> Any:
    """What `a, b = x` takes apart."""
    return x if isinstance(x, Array) else iterate(x)


def getitem(base: Any, key: Any) -> Any:
    """`base[key]`"""
    if isinstance(base, Array | Flat):
        return base[key]
    if type(base) is ndarray:
        return enter(base)[key]
    method = python_method(base, "__getitem__")
    if method is not None:
        return enter(taped(method)(base, key))
    if type(base) is np.flatiter:
        return enter(base.base).flat[key]
    return enter(base[key])


def getattr_(obj: Any, name: str) -> Any:
    """`obj.name`"""
    if isinstance(obj, Array | types.ModuleType):
        return enter(getattr(obj, name))
    if type(obj) is ndarray:
        return getattr(enter(obj), name)
    found = lookup(type(obj), name)
    if isinstance(found, property) and isinstance(found.fget, types.FunctionType):
        return enter(taped(found.fget)(obj))
    if isinstance(found, functools.cached_property) and name not in vars(obj):
        value = taped(found.func)(obj)
        vars(obj)[name] = value
        touch(obj)
        return enter(value)
    return enter(getattr(obj, name))


def touch(obj: Any) -> None:
    """Note a container or an object that may be given tracked arrays to hold."""
    run = _current.get()
    run.touched[id(obj)] = obj
    run.effects = True


class _Entry:
    """The left-hand side `base[...]` or `base.name`: reads enter, stores are noted."""

    __slots__ = ("base",)

    def __init__(self, base: Any) -> None:
        object.__setattr__(self, "base", base)

    def __getitem__(self, key: Any) -> Any:
        return getitem(self.base, key)

    def __setitem__(self, key: Any, value: Any) -> None:
        method = python_method(self.base, "__setitem__")
        if method is not None:
            taped(method)(self.base, key, value)
        elif type(self.base) is ndarray:
            enter(self.base)[key] = value
        else:
            touch(self.base)
            self.base[key] = value

    def __delitem__(self, key: Any) -> None:
        del self.base[key]

    def __getattr__(self, name: str) -> Any:
        return getattr_(self.base, name)

    def __setattr__(self, name: str, value: Any) -> None:
        found = lookup(type(self.base), name)
        if isinstance(found, property) and isinstance(found.fset, types.FunctionType):
            taped(found.fset)(self.base, value)
        elif isinstance(self.base, Array):
            raise UnsupportedSyntaxError(
                f"a store to the attribute `{name}` of an array cannot be differentiated", caller(),
                "Use the function that returns the new array: `np.reshape`, `astype`.",
            )  # fmt: skip
        else:
            touch(self.base)
            setattr(self.base, name, value)

    def __delattr__(self, name: str) -> None:
        delattr(self.base, name)


def place(base: Any) -> Any:
    """What is stored into."""
    return base if isinstance(base, Tracked | Flat) else _Entry(base)


holder = _Entry  # what has an attribute that is stored into


def binary(op: str, a: Any, b: Any) -> Any:
    """`a + b` and the like: operators that a user's class defines are rewritten as well."""
    function = _OPERATORS[op]
    for x in (a, b):
        if type(x) in _NUMERIC:
            continue
        if type(x) is ndarray:
            return function(enter(a), enter(b))
        reflected = x is b
        method = python_method(x, f"__{'r' * reflected}{op}__")
        if method is not None:
            if not reflected:
                found = taped(method)(a, b)
                if found is not NotImplemented:
                    return enter(found)
            elif not isinstance(a, Array) and python_method(a, f"__{op}__") is not None:
                continue  # it has been asked, unless b is of a subclass: Python decides
            else:
                found = taped(method)(b, a)
                if found is not NotImplemented:
                    return enter(found)
    return enter(function(a, b))


def unary(op: str, x: Any) -> Any:
    """`-x` and the like."""
    if type(x) not in _NUMERIC:
        method = python_method(x, f"__{op}__")
        if method is not None:
            return enter(taped(method)(x))
    return enter(_OPERATORS[op](enter(x)))


_NUMERIC = frozenset((Number, Tracked, float, int, bool, complex, str, list, tuple))
_OPERATORS: dict[str, Callable] = {
    "add": operator.add, "sub": operator.sub, "mul": operator.mul, "truediv": operator.truediv,
    "floordiv": operator.floordiv, "mod": operator.mod, "pow": operator.pow,
    "matmul": operator.matmul, "and": operator.and_, "or": operator.or_, "xor": operator.xor,
    "lshift": operator.lshift, "rshift": operator.rshift,
    "neg": operator.neg, "pos": operator.pos, "invert": operator.invert,
}  # fmt: skip


def local(name: str, value: Any) -> Any:
    """A local variable that a gradient is wanted of: it has a history from here on."""
    found = _current.get().locals.get(name)
    if found is None:
        return value
    if isinstance(value, Tracked) and value.dtype.kind in "fc" and value._memory.node is None:
        value._memory.node = Leaf(value._memory.whole)
    elif isinstance(value, float | complex | np.inexact) and not isinstance(value, Array):
        value = Number(value, Leaf(value))
    found.append(value)
    return value


# ----------------------------------------------------------------------------------------- calls


def call(f: Any, /, *args: Any, **kwargs: Any) -> Any:
    """`f(*args, **kwargs)`"""
    kind = type(f)
    try:
        handler = _HANDLERS.get(f)
    except TypeError:  # not hashable
        handler = None
    if handler is not None:
        return handler(*args, **kwargs)
    if kind is types.FunctionType:
        return call_python(f, args, kwargs)
    if kind is types.MethodType:
        if type(f.__func__) is types.FunctionType:
            return call_python(f.__func__, (f.__self__, *args), kwargs)
        return opaque(f, args, kwargs)
    if kind is functools.partial:
        return call(f.func, *map(enter, f.args), *args, **{**f.keywords, **kwargs})
    if kind is functools._lru_cache_wrapper:
        return call(f.__wrapped__, *args, **kwargs)
    if isinstance(f, type):
        return construct(f, args, kwargs)
    module = getattr(f, "__module__", None) or ""
    of = self_of(f)
    if isinstance(of, Array) or kind is types.MethodWrapperType:
        return made(f(*args, **kwargs), [])
    if module == "math" or module == "cmath" or module.startswith("scipy") or is_numpy(f):
        return call_numeric(f, args, kwargs)
    if module in _STRUCTURAL or isinstance(of, _CONTAINERS):
        if of is not None:
            touch(of)
        if f is print:
            _current.get().effects = True
        return enter(f(*map(callback, args), **{k: callback(v) for k, v in kwargs.items()}))
    method = python_method(f, "__call__")
    if method is not None and not type(f).__module__.startswith("srcdiff"):
        return call_python(method, (f, *args), kwargs)
    return opaque(f, args, kwargs)


def self_of(f: Any) -> Any:
    """What a method is bound to, None for a function."""
    found = getattr(f, "__self__", None)
    return None if isinstance(found, types.ModuleType) else found


def is_numpy(f: Any) -> bool:
    """Whether f is a ufunc, a method of one, or a function of NumPy's that asks its arguments."""
    if isinstance(f, np.ufunc | type(np.sum)) or isinstance(self_of(f), np.ufunc):
        return True
    module = (getattr(f, "__module__", None) or "").partition(".")[0]
    return module == "numpy" and self_of(f) is None and not isinstance(f, type)


def call_python(f: types.FunctionType, args: tuple, kwargs: dict) -> Any:
    if f in RULES or f in NONDIFFERENTIABLE:
        return made(apply(f, args, kwargs), [])
    home = (f.__module__ or "").partition(".")[0]
    if home == "srcdiff" or (home in sys.stdlib_module_names and f.__module__ not in _REWRITTEN):
        return enter(f(*args, **kwargs))
    if home == "numpy" and not active((args, kwargs)):
        return opaque(f, args, kwargs)
    if f in _current.get().watched:
        return observed(f, args, kwargs)
    return enter(taped(f)(*args, **kwargs))


def observed(f: Any, args: tuple, kwargs: dict) -> Any:
    """A call of a helper of which a compiled function has to know what it returns."""
    run, watch = _current.get(), Watch((args, kwargs))
    out = enter(taped(f)(*args, **kwargs))
    kind = watch.kind(out)
    if f not in run.observed:
        run.observed[f] = kind
    elif run.observed[f] is not None and (kind is None or not is_of(bare(out), run.observed[f])):
        run.observed[f] = None
    return out


def call_numeric(f: Any, args: tuple, kwargs: dict) -> Any:
    """A function of NumPy's, SciPy's or `math`'s that is not written in Python."""
    of = self_of(f)
    if of is not None and not isinstance(of, np.ufunc):
        return opaque(f, args, kwargs)
    args = tuple(entered(x) for x in args)
    kwargs = {k: entered(v) for k, v in kwargs.items()}
    writer = WRITERS.get(f)
    if writer is not None:
        return writer(*args, **kwargs)
    if isinstance(f, np.ufunc) and len(args) > f.nin:
        kwargs["out"], args = args[f.nin], args[: f.nin]
    if isinstance(kwargs.get("out"), tuple) and len(kwargs["out"]) == 1:
        (kwargs["out"],) = kwargs["out"]
    if kwargs.get("out") is not None or isinstance(f, np.ufunc) or of is not None:
        return made(f(*args, **kwargs), [])  # NumPy asks the arrays
    if f in OWN or f in RULES or f in NONDIFFERENTIABLE or f in PLAIN:
        return made(apply(f, args, kwargs), boxes_in((args, kwargs)))
    body = getattr(f, "_implementation", None)
    if active((args, kwargs)):
        if isinstance(body, types.FunctionType):
            try:
                return taped(body)(*args, **kwargs)
            except SrcdiffError as error:
                raise no_rule(f) from error
        raise no_rule(f)
    return opaque(f, args, kwargs)


def entered(x: Any) -> Any:
    """An argument with tracked arrays in place of arrays, in lists as well."""
    if type(x) is list and any(type(part) is ndarray for part in x):
        return [entered(part) for part in x]
    return enter(x)


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


def opaque(f: Any, args: tuple, kwargs: dict) -> Any:
    """A call that nobody can see into: it is given plain arrays, and none with a history."""
    _current.get().effects = True
    boxes = boxes_in((args, kwargs))
    if any(box._node is not None for box in boxes):
        if getattr(f, "__name__", "") == "shuffle" and len(args) == 1:
            return shuffle(f, *args)
        raise no_rule(f)
    for box in boxes:
        if box._memory is not None:  # it may write
            box._memory.will_write(box._value, ...)
    given = [unwrapped(callback(x)) for x in args]
    result = f(*given, **{k: unwrapped(callback(v)) for k, v in kwargs.items()})
    if not isinstance(result, ndarray | np.generic | int | float | complex | str | None | tuple):
        for box in boxes:
            if box._memory is not None:
                box._memory.kept = f"what `{name_of(f)}` returned"
    return made(result, boxes)


def shuffle(f: Any, x: Any) -> None:
    """The same draws, and the elements moved as they say."""
    order = np.arange(len(x))
    f(order)
    x[...] = x[order]


def unwrapped(tree: Any) -> Any:
    if isinstance(tree, Array):
        return tree._value
    if isinstance(tree, list | tuple) and boxes_in(tree):
        parts = [unwrapped(x) for x in tree]
        return tree._make(parts) if hasattr(tree, "_make") else type(tree)(parts)
    if type(tree) is dict and boxes_in(tree):
        return {k: unwrapped(x) for k, x in tree.items()}
    return tree


def callback(f: Any) -> Any:
    """A function that is passed to code that calls it back."""
    if type(f) is types.FunctionType and f not in RULES and f not in NONDIFFERENTIABLE:
        home = (f.__module__ or "").partition(".")[0]
        if home != "srcdiff" and home not in sys.stdlib_module_names:
            return taped(f)
    if type(f) is types.MethodType and type(f.__func__) is types.FunctionType:
        return types.MethodType(callback(f.__func__), f.__self__)
    if f in _NUMBERS_OF if isinstance(f, type | types.BuiltinFunctionType) else False:
        return functools.partial(call, f)
    return f


def construct(cls: type, args: tuple, kwargs: dict) -> Any:
    """An object of a user's class: its `__init__` is rewritten too."""
    if cls in OWN or cls in RULES:
        return made(apply(cls, args, kwargs), [])
    init = lookup(cls, "__init__")
    if (
        type(cls).__call__ is type.__call__
        and type(init) is types.FunctionType
        and not getattr(cls, "__module__", "").startswith("srcdiff")
        and not issubclass(cls, BaseException)
        and has_source(init)
    ):
        new = cls.__new__
        obj = new(cls) if new is object.__new__ else call(new, cls, *args, **kwargs)
        if isinstance(obj, cls):
            taped(init)(obj, *args, **kwargs)
        return obj
    module = getattr(cls, "__module__", "") or ""
    if module in _STRUCTURAL or dataclasses.is_dataclass(cls) or issubclass(cls, tuple):
        return enter(cls(*map(callback, args), **kwargs))
    if type(init) is types.FunctionType or issubclass(cls, BaseException):
        return cls(*args, **kwargs)
    return opaque(cls, args, kwargs)


def lookup(cls: type, name: str) -> Any:
    """What a class or one of its bases defines under a name."""
    for base in cls.__mro__:
        if name in vars(base):
            return vars(base)[name]
    return None


def python_method(obj: Any, name: str) -> Any:
    """The special method of a user's class, None if it is not written in Python."""
    if isinstance(obj, Array):
        return None
    found = lookup(type(obj), name)
    if type(found) is not types.FunctionType or not has_source(found):
        return None
    home = (found.__module__ or "").partition(".")[0]
    return None if home == "srcdiff" or home in sys.stdlib_module_names else found


def float_(*args: Any) -> Any:
    return apply(float, args) if args and isinstance(args[0], Array) else float(*args)


def complex_(*args: Any, **kwargs: Any) -> Any:
    if not active((args, kwargs)):
        return complex(*map(plain, args), **{k: plain(v) for k, v in kwargs.items()})
    real, imag = (*args, *kwargs.values(), 0.0)[:2]
    return apply(complex, (real + 1j * imag,)) if len(args) + len(kwargs) > 1 else apply(
        complex, (real,)
    )  # fmt: skip


def type_(*args: Any) -> Any:
    return type(*args) if len(args) > 1 else args[0].__class__


def get_attribute(obj: Any, name: str, *default: Any) -> Any:
    try:
        return getattr_(obj, name)
    except AttributeError:
        if default:
            return default[0]
        raise


def set_attribute(obj: Any, name: str, value: Any) -> None:
    setattr(_Entry(obj), name, value)


def detached(x: Any) -> Any:
    """The value without its history; what it was copied from is not to be stored into."""
    if not isinstance(x, Array):
        return x
    if isinstance(x, Tracked):
        x._memory.kept = "`detach`"
        return boxed(np.copy(x._value), None, [])
    return x._value


def deep_copy(x: Any, memo: Any = None) -> Any:
    return copy.deepcopy(x)


def viewing(f: Callable) -> Callable:
    """A function of NumPy's that returns a view of its first argument."""

    def view(x: Any, *args: Any, **kwargs: Any) -> Any:
        x = enter(x)
        return made(f(plain(x), *args, **kwargs), boxes_in(x))

    return view


_HANDLERS: dict[Any, Callable] = {
    **{f: viewing(f) for f in (
        np.lib.stride_tricks.as_strided, np.lib.stride_tricks.sliding_window_view
    )},
    float: float_, complex: complex_, type: type_, getattr: get_attribute, setattr: set_attribute,
    detach: detached, copy.deepcopy: deep_copy, copy.copy: copy.copy,
}  # fmt: skip
_NUMBERS_OF = frozenset(f for f in (*RULES, *_HANDLERS) if getattr(f, "__module__", "") in (
    "math", "builtins"))  # fmt: skip
_STRUCTURAL = frozenset(
    "builtins itertools functools _functools operator _operator collections _collections copy".split()
)
_CONTAINERS = (
    list, dict, set, frozenset, tuple, str, bytes, range, collections.deque, types.GeneratorType,
    type({}.keys()), type({}.values()), type({}.items()), itertools.chain, zip, enumerate, map,
    filter,
)  # fmt: skip
_REWRITTEN = frozenset(("contextlib",))  # of the standard library, what calls a user's function


# -------------------------------------------------------------- helpers of compiled functions


class KindChanged(SrcdiffError):
    """A helper on the tape did what it had not done when it was seen: compile anew.

    helper    the function
    effects   something happened that must not happen twice
    """

    helper: Any = None
    effects = False


class TapedCall:
    """A helper on the tape, as a compiled function calls it: `y, pull_y = helper_on_tape(x)`.

    kinds    of what it returns: a kind, or that of a tuple
    places   where the values stand whose gradients `pull_y` returns: (index or keyword, *steps)

    >>> from srcdiff.transforms.kinds import FLOAT
    >>> def halved(x):
    ...     try:
    ...         return x / 2
    ...     finally:
    ...         pass
    >>> y, pull_y = TapedCall(halved, FLOAT, [(0,)])(3.0)
    >>> y, pull_y(1.0)
    (1.5, (np.float64(0.5),))
    """

    def __init__(self, f: types.FunctionType, kinds: Kind, places: list[tuple]) -> None:
        self.f, self.kinds, self.places = f, kinds, places
        self.__name__ = f"{f.__name__}_on_tape"

    def __call__(self, *args: Any, **kwargs: Any) -> tuple:
        nodes: dict[tuple, Any] = {}
        with recording() as run:
            given = tuple(boxed_argument(x, (i,), run, nodes) for i, x in enumerate(args))
            named = {k: boxed_argument(x, (k,), run, nodes) for k, x in kwargs.items()}
            watch = Watch((given, named))
            out = taped(self.f)(*given, **named)
            problem = watch.problem(out)
            results = list(flat(out))
        if problem or not is_of(bare(out), self.kinds):
            error = KindChanged(
                f"`{self.f.__name__}` {problem or 'returned another kind of value than before'}"
            )
            error.helper, error.effects = self.f, run.effects
            raise error

        def pull(*cotangents: Any) -> tuple:
            sweep = Sweep()
            seeds = [(box._node, d) for box, d in zip(results, cotangents)
                     if isinstance(box, Array) and box._node is not None]  # fmt: skip
            sweep.run(seeds)
            return tuple(gradient_at(nodes.get(place), sweep) for place in self.places)

        return (*map(bare, results), pull)


def boxed_argument(tree: Any, path: tuple, run: Recording, nodes: dict) -> Any:
    """An argument for the tape; the nodes of its floats are noted under the ways to them."""
    if type(tree) is ndarray:
        box, node = run.argument(tree, tree.dtype.kind in "fc")
        nodes[path] = node
        return box
    if type(tree) in (list, tuple):
        return type(tree)([boxed_argument(x, (*path, i), run, nodes) for i, x in enumerate(tree)])
    if type(tree) is dict:
        return {k: boxed_argument(x, (*path, k), run, nodes) for k, x in tree.items()}
    if isinstance(tree, float | complex | np.inexact):
        nodes[path] = Leaf(tree)
        return Number(tree, nodes[path])
    return tree


def gradient_at(node: Leaf | None, sweep: Sweep) -> Any:
    if node is None:
        return None
    d = sweep.gradient(node)
    d = np.zeros_like(node.out) if d is None else np.array(d)
    return d if type(node.out) is ndarray else d[()]


def flat(tree: Any) -> Iterator[Any]:
    if isinstance(tree, tuple):
        for part in tree:
            yield from flat(part)
    else:
        yield tree


class Watch:
    """Whether a helper does more with its arguments than read them."""

    def __init__(self, arguments: Any) -> None:
        self.arguments = arguments
        self.before = outline(arguments)
        self.boxes = [box for box in boxes_in(list(arguments[0]) + list(arguments[1].values()))
                      if isinstance(box, Tracked)]  # fmt: skip
        self.written = [box._memory.written for box in self.boxes]
        for box in self.boxes:
            box._memory.written = False

    def problem(self, out: Any) -> str:
        """What a compiled function could not see: "" if nothing."""
        changed = [box._memory.written for box in self.boxes]
        for box, before in zip(self.boxes, self.written):
            box._memory.written |= before
        if any(changed) or outline(self.arguments) != self.before:
            return "changes its arguments"
        places = {id(box._memory) for box in self.boxes} | {
            id(place) for place in _current.get().places.values()
        }
        if any(isinstance(x, Tracked) and id(x._memory) in places for x in flat(out)):
            return "returns memory of its arguments"
        return ""

    def kind(self, out: Any) -> Kind | None:
        """The kind of what was returned; None for what a compiled function cannot use."""
        return None if self.problem(out) else kind_of_result(bare(out))


def outline(tree: Any) -> Any:
    """Which objects containers hold."""
    if type(tree) in (list, tuple):
        return [outline(x) for x in tree]
    if type(tree) is dict:
        return [(k, outline(x)) for k, x in tree.items()]
    return id(tree)


def kind_of_result(value: Any) -> Kind | None:
    if type(value) is tuple:
        parts = tuple(map(kind_of_result, value))
        return None if None in parts or not parts else Kind("tuple", items=parts)
    kind = kind_of(value)
    if kind.tag == "scalar" and kind.inexact:  # whose number it is may differ from call to call
        kind = kind._replace(python=None)
    return kind if kind.numeric else None


def is_of(value: Any, kind: Kind) -> bool:
    """Whether a value is of a kind, sizes apart."""
    found = kind_of_result(value)
    if found is None or found.tag != kind.tag:
        return False
    if kind.tag == "tuple":
        return len(value) == len(kind.items) and all(map(is_of, value, kind.items))
    return found.dtype == kind.dtype and found.rank == kind.rank and found.python == kind.python


# ------------------------------------------------------------------------------------- rewriting

_made: dict[Any, types.CodeType | None] = {}
_rewritten: dict[types.CodeType, bool] = {}


def has_source(f: types.FunctionType) -> bool:
    return f.__code__ in _rewritten or code_of(f) is not None


def taped(f: types.FunctionType, wanted: tuple[str, ...] = ()) -> Callable:
    """The function that calls the tape for each operation; f itself if it has no source.

    wanted   local variables whose values are to be noted
    """
    if f.__code__ in _rewritten:
        return f
    code = code_of(f, wanted)
    if code is None:
        return f
    cells = dict(zip(f.__code__.co_freevars, f.__closure__ or ()))
    run = _current.get(None)
    if run is not None:
        run.cells.update((id(cell), cell) for cell in cells.values())
        for name in _globals.get(code, ()):
            run.globals[id(f.__globals__), name] = f.__globals__
    tape = types.CellType(sys.modules[__name__])
    closure = tuple(tape if name == "__tape__" else cells[name] for name in code.co_freevars)
    new = types.FunctionType(code, f.__globals__, f.__name__, f.__defaults__, closure)
    new.__kwdefaults__ = f.__kwdefaults__
    new.__qualname__, new.__module__ = f.__qualname__, f.__module__
    new.__dict__.update(f.__dict__)
    return new


_globals: dict[types.CodeType, frozenset[str]] = {}


def code_of(f: types.FunctionType, wanted: tuple[str, ...] = ()) -> types.CodeType | None:
    """The rewritten code of a function, None where there is no source; made once."""
    key = f.__code__, f.__code__.co_linetable, wanted
    if key not in _made:
        try:
            parsed = find(f)
        except UnsupportedSyntaxError:
            _made[key] = None
        else:
            _made[key] = rewritten_code(parsed, wanted)
    return _made[key]


def rewritten_code(parsed: Parsed, wanted: tuple[str, ...] = ()) -> types.CodeType:
    """The code of a parsed function in which every operation calls the tape."""
    function = parsed.function
    with deep_recursion():
        tree = to_ast(parsed.node)
        rewriter = Rewriter(wanted)
        tree = rewriter.whole(tree)
        free = dict.fromkeys(("__tape__", *function.__code__.co_freevars))
        if isinstance(tree, ast.Lambda):
            body: list[ast.stmt] = [ast.Return(tree)]
        else:
            tree.name = "__taped__"  # not its own: that one may be a global
            body = [tree, ast.Return(ast.Name(tree.name, ast.Load()))]
        factory = ast.FunctionDef("factory", _parameters(list(free)), body, [])
        for node in (factory, *body):
            ast.copy_location(node, tree)
        module = ast.fix_missing_locations(ast.Module([factory], []))
        flags = function.__code__.co_flags & 0x1FF0000  # of `from __future__`
        compiled = compile(module, parsed.filename, "exec", flags, dont_inherit=True)
    outer = next(c for c in compiled.co_consts if isinstance(c, types.CodeType))
    name = "<lambda>" if isinstance(tree, ast.Lambda) else tree.name
    code = next(
        c for c in outer.co_consts if isinstance(c, types.CodeType) and c.co_name == name
    )
    code = code.replace(
        co_name=function.__code__.co_name, co_qualname=function.__code__.co_qualname
    )
    todo = [code]
    for each in todo:  # grows as we go
        _rewritten[each] = True
        todo += [c for c in each.co_consts if isinstance(c, types.CodeType)]
    _globals[code] = frozenset(rewriter.globals)
    return code


def _parameters(names: list[str]) -> ast.arguments:
    return ast.arguments([], [ast.arg(name) for name in names], None, [], [], None, [])


KEPT = frozenset("super locals globals vars eval exec dir".split())  # they look at their caller
BINARY = {
    ast.Add: "add", ast.Sub: "sub", ast.Mult: "mul", ast.Div: "truediv", ast.FloorDiv: "floordiv",
    ast.Mod: "mod", ast.Pow: "pow", ast.MatMult: "matmul", ast.BitAnd: "and", ast.BitOr: "or",
    ast.BitXor: "xor", ast.LShift: "lshift", ast.RShift: "rshift",
}  # fmt: skip
UNARY = {ast.USub: "neg", ast.UAdd: "pos", ast.Invert: "invert"}


class Rewriter(ast.NodeTransformer):
    """Operations become calls of this module's functions.

    >>> tree = ast.parse("def f(x): return x[0] * SCALE").body[0]
    >>> print(ast.unparse(Rewriter().whole(tree)))
    def f(x):
        x = __tape__.enter(x)
        return __tape__.binary('mul', __tape__.getitem(x, 0), __tape__.enter(SCALE))
    """

    def __init__(self, wanted: tuple[str, ...] = ()) -> None:
        self.scopes: list[set[str]] = []
        self.globals: set[str] = set()
        self.wanted = wanted

    def tape(self, name: str, like: ast.AST, *args: ast.expr) -> ast.Call:
        base = ast.copy_location(ast.Name("__tape__", ast.Load()), like)
        function = ast.copy_location(ast.Attribute(base, name, ast.Load()), like)
        return ast.copy_location(ast.Call(function, list(args), []), like)

    def whole(self, tree: Any) -> Any:
        """The function itself: its decorators and defaults were evaluated long ago."""
        if isinstance(tree, ast.Lambda):
            tree.args.defaults = [ast.Constant(None)] * len(tree.args.defaults)
            tree.args.kw_defaults = [d and ast.Constant(None) for d in tree.args.kw_defaults]
            return self.visit_Lambda(tree)
        tree.decorator_list, tree.returns = [], None
        tree.args.defaults = [ast.Constant(None)] * len(tree.args.defaults)
        tree.args.kw_defaults = [d and ast.Constant(None) for d in tree.args.kw_defaults]
        for arg in parameters(tree.args):
            arg.annotation = None
        return self.visit_FunctionDef(tree)

    # Scopes

    def visit_FunctionDef(self, node: Any) -> Any:
        node.decorator_list = [self.visit(d) for d in node.decorator_list]
        self.defaults(node.args)
        outermost, wanted = not self.scopes, self.wanted
        self.wanted = wanted if outermost else ()
        names, declared = bound_names(node.body)
        self.globals |= declared
        given = [arg.arg for arg in parameters(node.args)]
        self.scopes.append((names | set(given)) - declared)
        body = self.statements(node.body)
        self.scopes.pop()
        self.wanted = wanted
        start = 1 if ast.get_docstring(node, clean=False) is not None else 0
        entering = [self.entering(name, node.body[0]) for name in given]
        node.body = [*body[:start], *entering, *body[start:]]
        return node

    visit_AsyncFunctionDef = visit_FunctionDef

    def entering(self, name: str, like: ast.AST) -> ast.stmt:
        value = self.tape("enter", like, ast.copy_location(ast.Name(name, ast.Load()), like))
        target = ast.copy_location(ast.Name(name, ast.Store()), like)
        return ast.copy_location(ast.Assign([target], value), like)

    def defaults(self, args: ast.arguments) -> None:
        args.defaults = [self.visit(d) for d in args.defaults]
        args.kw_defaults = [d and self.visit(d) for d in args.kw_defaults]

    def visit_Lambda(self, node: ast.Lambda) -> ast.Lambda:
        self.defaults(node.args)
        # Its parameters enter where they are read: there is no statement to do it in.
        given = {arg.arg for arg in parameters(node.args)}
        self.scopes.append({name for scope in self.scopes for name in scope} - given)
        hidden, self.scopes = self.scopes, self.scopes[-1:]
        node.body = self.visit(node.body)
        self.scopes = hidden[:-1]
        return node

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.ClassDef:
        node.bases = [self.visit(base) for base in node.bases]
        node.decorator_list = [self.visit(d) for d in node.decorator_list]
        node.body = self.statements(node.body)
        return node

    def comprehension(self, node: Any) -> Any:
        scope: set[str] = set()
        for i, generator in enumerate(node.generators):
            if i == 0:
                generator.iter = self.tape("iterate", generator.iter, self.visit(generator.iter))
                self.scopes.append(scope)
            else:
                generator.iter = self.tape("iterate", generator.iter, self.visit(generator.iter))
            generator.target = self.visit(generator.target)
            scope |= {n.id for n in ast.walk(generator.target) if isinstance(n, ast.Name)}
            generator.ifs = [self.visit(test) for test in generator.ifs]
        if isinstance(node, ast.DictComp):
            node.key, node.value = self.visit(node.key), self.visit(node.value)
        else:
            node.elt = self.visit(node.elt)
        self.scopes.pop()
        return node

    visit_ListComp = visit_SetComp = visit_DictComp = visit_GeneratorExp = comprehension

    # Statements

    def statements(self, body: list[ast.stmt]) -> list[ast.stmt]:
        return [self.visit(statement) for statement in body]

    def visit_For(self, node: Any) -> Any:
        node.iter = self.tape("iterate", node.iter, self.visit(node.iter))
        node.target = self.visit(node.target)
        node.body, node.orelse = self.statements(node.body), self.statements(node.orelse)
        return node

    def visit_With(self, node: Any) -> Any:
        entering = []
        for item in node.items:
            item.context_expr = self.visit(item.context_expr)
            if isinstance(item.optional_vars, ast.Name):
                entering.append(self.entering(item.optional_vars.id, node))
            elif item.optional_vars is not None:
                item.optional_vars = self.visit(item.optional_vars)
        node.body = [*entering, *self.statements(node.body)]
        return node

    def visit_Assign(self, node: ast.Assign) -> ast.Assign:
        node.value = self.visit(node.value)
        if any(isinstance(target, ast.Tuple | ast.List) for target in node.targets):
            node.value = self.tape("spread", node.value, node.value)
        for target in node.targets:
            if isinstance(target, ast.Name) and target.id in self.wanted:
                name = ast.copy_location(ast.Constant(target.id), node)
                node.value = self.tape("local", node.value, name, node.value)
        node.targets = [self.visit(target) for target in node.targets]
        return node

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.AnnAssign:
        node.target = self.visit(node.target)
        node.value = node.value and self.visit(node.value)
        return node

    def visit_Match(self, node: ast.Match) -> ast.Match:
        node.subject = self.visit(node.subject)
        for case in node.cases:
            case.guard = case.guard and self.visit(case.guard)
            captured = [
                name for part in ast.walk(case.pattern)
                for name in (getattr(part, "name", None), getattr(part, "rest", None)) if name
            ]  # fmt: skip
            entering = [self.entering(name, case.body[0]) for name in captured]
            case.body = [*entering, *self.statements(case.body)]
        return node

    # Expressions

    def visit_Name(self, node: ast.Name) -> ast.expr:
        if isinstance(node.ctx, ast.Load) and not any(node.id in scope for scope in self.scopes):
            return self.tape("enter", node, node)
        return node

    def visit_BinOp(self, node: ast.BinOp) -> ast.expr:
        op = ast.copy_location(ast.Constant(BINARY[type(node.op)]), node)
        return self.tape("binary", node, op, self.visit(node.left), self.visit(node.right))

    def visit_UnaryOp(self, node: ast.UnaryOp) -> ast.expr:
        node.operand = self.visit(node.operand)
        if type(node.op) not in UNARY or isinstance(node.operand, ast.Constant):
            return node
        op = ast.copy_location(ast.Constant(UNARY[type(node.op)]), node)
        return self.tape("unary", node, op, node.operand)

    def visit_Attribute(self, node: ast.Attribute) -> ast.expr:
        value = self.visit(node.value)
        if isinstance(node.ctx, ast.Load):
            name = ast.copy_location(ast.Constant(node.attr), node)
            return self.tape("getattr_", node, value, name)
        node.value = self.tape("holder", node.value, value)
        return node

    def visit_Subscript(self, node: ast.Subscript) -> ast.expr:
        base = self.visit(node.value)
        if isinstance(node.ctx, ast.Load):
            return self.tape("getitem", node, base, self.key(node.slice))
        node.value = self.tape("place", node.value, base)
        node.slice = self.visit(node.slice)
        return node

    def key(self, node: ast.expr) -> ast.expr:
        if isinstance(node, ast.Slice):
            parts = (node.lower, node.upper, node.step)
            none = ast.copy_location(ast.Constant(None), node)
            return self.tape("slice", node, *[p and self.visit(p) or none for p in parts])
        if isinstance(node, ast.Tuple):
            node.elts = [self.key(part) for part in node.elts]
            return node
        return self.visit(node)

    def visit_Call(self, node: ast.Call) -> ast.expr:
        function = node.func
        args = [self.visit(arg) for arg in node.args]
        for keyword in node.keywords:
            keyword.value = self.visit(keyword.value)
        if isinstance(function, ast.Name):
            if function.id in KEPT and not any(function.id in scope for scope in self.scopes):
                node.args = args
                return node
        else:
            function = self.visit(function)
        new = self.tape("call", node, function, *args)
        new.keywords = node.keywords
        return new


slice = builtins.slice  # what rewritten code calls, whatever the user's names are


def parameters(args: ast.arguments) -> list[ast.arg]:
    stars = [arg for arg in (args.vararg, args.kwarg) if arg is not None]
    return [*args.posonlyargs, *args.args, *args.kwonlyargs, *stars]


def bound_names(body: list[ast.stmt]) -> tuple[set[str], set[str]]:
    """The names that the statements of a function bind, and those they declare global.

    >>> names, declared = bound_names(ast.parse("global n; a, b = f(); n = [c for c in a]").body)
    >>> sorted(names), declared
    (['a', 'b', 'n'], {'n'})
    """
    bound: set[str] = set()
    declared: set[str] = set()
    todo: list[ast.AST] = list(body)
    for node in todo:  # grows as we go
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            bound.add(node.name)
            continue
        if isinstance(node, ast.Lambda):
            continue
        if isinstance(node, ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp):
            walrus = [n.target for n in ast.walk(node) if isinstance(n, ast.NamedExpr)]
            bound |= {target.id for target in walrus}
            continue
        if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
            bound.add(node.id)
        elif isinstance(node, ast.Global):
            declared |= set(node.names)
        elif isinstance(node, ast.Import | ast.ImportFrom):
            bound |= {(alias.asname or alias.name).partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ExceptHandler | ast.MatchAs | ast.MatchStar) and node.name:
            bound.add(node.name)
        elif isinstance(node, ast.MatchMapping) and node.rest:
            bound.add(node.rest)
        todo += ast.iter_child_nodes(node)
    return bound, declared
