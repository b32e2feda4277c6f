"""The fallback: what a function on the tape calls for each of its operations.

Arrays that come in, from arguments, globals, containers or calls, become `tracked` arrays; helpers
with source are rewritten as they are called (see `rewrite`).

Code that cannot be rewritten (no source, written in C and calling back) runs as it is on these
arrays: they record what they can and raise an error where their history would be lost.
"""

# mypy: no-check-untyped-defs

from __future__ import annotations

import builtins
import collections
import collections.abc
import copy
import dataclasses
import functools
import itertools
import operator
import sys
import types
from collections.abc import Callable
from typing import Any

import numpy as np

from srcdiff.runtime import filters, kernels
from srcdiff.runtime.declared import custom_vjp
from srcdiff.runtime.derivative import DERIVING, Derivative
from srcdiff.runtime.errors import SrcdiffError, UnsupportedSyntaxError
from srcdiff.runtime.marks import detach, marked
from srcdiff.runtime.numpy_twins import DRAWS
from srcdiff.runtime.registry import (
    DECLARED_INSIDE,
    DECLARING,
    NONDIFFERENTIABLE,
    RULES,
    rule_of,
)
from srcdiff.runtime.tape import OWN, PLAIN, Array, Leaf, apply, caller, name_of, no_rule, plain
from srcdiff.runtime.tracked import (
    WRITERS,
    Flat,
    Number,
    Tracked,
    boxed,
    ndenumerate,
    owner,
)
from srcdiff.runtime.twins import fits, twin_of
from srcdiff.transforms.recording import active, boxes_in, current, reads_history
from srcdiff.transforms.rewrite import has_source, taped, use
from srcdiff.transforms.taped_calls import Watch, is_of
from srcdiff.transforms.taped_numpy import MADE_OF_OTHERS, vectorized
from srcdiff.transforms.taped_scipy import substitute, transform

ndarray = np.ndarray
slice = builtins.slice  # what rewritten code calls, whatever the user's names are


STATIC: set[Any] = kernels.STATIC
# Of ours, what calls SciPy's Python, and what twins are made of.
DISTRIBUTIONS = {
    f"srcdiff.runtime.{name}"
    for name in ("distributions", "families", "multivariate", "numpy_twins", "twins", "filters",
                 "interpolators")
}  # fmt: skip
# Whether NumPy's arrays match the patterns of sequences, as they do since Python 3.13.
ARRAYS_MATCH = bool(ndarray.__flags__ & (1 << 5))


class Subject(Tracked):
    """A tracked array that is matched, where arrays match the patterns of sequences."""

    __slots__ = ()


collections.abc.Sequence.register(Subject)


def matched(x: Any) -> Any:
    """What `match` is given."""
    if not ARRAYS_MATCH:
        return x
    if isinstance(x, Tracked):
        return Subject(x._value, x._memory)
    if isinstance(x, tuple):
        parts = [matched(part) for part in x]
        return x._make(parts) if hasattr(x, "_make") else tuple(parts)
    if boxes_in(x):
        raise UnsupportedSyntaxError(
            f"`match` of a {type(x).__name__} of arrays", caller(), "Match a tuple of them."
        )
    return x


def enter(x: Any) -> Any:
    """What comes into the function: arrays become tracked arrays, those in tuples included."""
    kind = type(x)
    if kind is Subject:
        return Tracked(x._value, x._memory)
    if kind is ndarray:
        return current.get().outside(x)
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
        known = current.get().places.get(id(owner(x)))
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
        if type(obj) is Number:
            getattr(obj._value, name)  # which Python's numbers may not have
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
    run = current.get()
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
        elif isinstance(self.base, Tracked) and name in ("flat", "real", "imag"):
            part = self.base.flat if name == "flat" else getattr(self.base, name)
            part[slice(None) if name == "flat" else ...] = value
        elif isinstance(self.base, Array):
            if not hasattr(np.ndarray, name):
                raise AttributeError(f"'numpy.ndarray' object has no attribute {name!r}")
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
    if hasattr(a, "nnz") and active((b,)) or hasattr(b, "nnz") and active((a,)):
        return made(apply(function, (a, b)), [])  # a sparse matrix
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


def compare(op: str, a: Any, b: Any) -> Any:
    """`a < b` and the like; Python asks b, with the arguments exchanged, if a does not know."""
    if type(a) in _NUMERIC and type(b) in _NUMERIC:
        return enter(_COMPARISONS[op](a, b))
    for x, y, name in ((a, b, op), (b, a, _MIRRORED[op])):
        method = python_method(x, f"__{name}__")
        if method is None:
            break
        found = taped(method)(x, y)
        if found is not NotImplemented:
            return enter(found)
    return enter(_COMPARISONS[op](enter(a), enter(b)))


_COMPARISONS: dict[str, Callable] = {
    "lt": operator.lt, "le": operator.le, "gt": operator.gt, "ge": operator.ge,
    "eq": operator.eq, "ne": operator.ne,
}  # fmt: skip
_MIRRORED = {"lt": "gt", "le": "ge", "gt": "lt", "ge": "le", "eq": "eq", "ne": "ne"}
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
    found = current.get().locals.get(name)
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
        handler, asked = _HANDLERS.get(f), _ASKING.get(f)
    except TypeError:  # not hashable
        handler = asked = None
    if handler is not None:
        return handler(*args, **kwargs)
    twin = twin_of(f) if handler is None and callable(f) and not isinstance(f, type) else None
    if twin in filters.COMPILED or kind is types.FunctionType and substitute(f) is not None:
        twin = None  # the tape has its own
    if twin is not None and active((args, kwargs)):
        given = (f.__self__, *args) if kind is types.MethodType else args
        if twin in RULES:
            return call_python(twin, given, kwargs)
        if fits(twin, given, kwargs):
            return enter(taped(twin)(*map(entered, given), **kwargs))
    if isinstance(f, types.FunctionType | type) and f in DECLARING:
        what, instead = DECLARED_INSIDE
        raise UnsupportedSyntaxError(what, caller(), instead)
    if (f in DERIVING if kind is types.FunctionType else isinstance(f, Derivative)) and (
        reads_history((args, kwargs)) or kind is not types.FunctionType and reads_history(f)
    ):
        what = f.__name__ if kind is types.FunctionType else f"{f._how}({name_of(f._f)})"
        raise UnsupportedSyntaxError(
            f"`{what}` of what has a gradient, inside a function that runs on the tape", caller(),
            'Write the function so that it compiles: fallback="error" says what is refused.',
        )  # fmt: skip
    if kind is types.FunctionType:
        return call_python(f, args, kwargs)
    if kind is custom_vjp:
        return made(apply(f, f.positional(args, kwargs)), [])
    if asked is not None and args:
        method = python_method(args[0], asked)
        if method is not None:
            return enter(taped(method)(*args, **kwargs))
    of = self_of(f)
    if isinstance(of, np.random.RandomState | np.random.Generator) and active((args, kwargs)):
        if f.__name__ in DRAWS:
            standard, by = DRAWS[f.__name__]
            return enter(taped(by)(getattr(of, standard), *map(entered, args), **kwargs))
    if kind is types.MethodType:
        if hasattr(f.__self__, "nnz") and f.__name__ == "dot" and len(args) == 1:
            return binary("matmul", f.__self__, *args)
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
    if isinstance(of, Array) or kind is types.MethodWrapperType:
        return made(f(*args, **kwargs), [])
    if kind is np.vectorize:
        return enter(vectorized(f, call, tuple(map(entered, args)), kwargs))
    method = python_method(f, "__call__")
    if method is not None and not type(f).__module__.startswith("srcdiff"):
        return call_python(method, (f, *args), kwargs)
    if module == "math" or module == "cmath" or module.startswith("scipy") or is_numpy(f):
        return call_numeric(f, args, kwargs)
    if module in _STRUCTURAL or isinstance(of, _CONTAINERS):
        if of is not None:
            touch(of)
        if f is print:
            current.get().effects = True
        if f in _READING:
            return f(*args, **kwargs)
        back = called_back if f in _CALLING else callback
        return enter(f(*map(back, args), **{k: back(v) for k, v in kwargs.items()}))
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


# What makes sparse matrices, of numbers alone.
SPARSE = {"scipy.sparse._construct"}


def call_python(f: types.FunctionType, args: tuple, kwargs: dict) -> Any:
    if rule_of(f, forward=True) is not None or f in NONDIFFERENTIABLE:
        return made(apply(f, args, kwargs), [])
    inner = marked(f)
    if inner is not None:  # the tape keeps everything
        return call(inner, *args, **kwargs)
    home = (f.__module__ or "").partition(".")[0]
    instead = substitute(f) if home == "scipy" else None
    if instead is not None:
        return enter(instead(call, f, tuple(map(entered, args)), kwargs))
    if f.__module__ in DISTRIBUTIONS and f not in STATIC:
        return enter(taped(f)(*args, **kwargs))
    if home == "logging":  # it says numbers, and may keep them
        return f(*unwrapped(args), **unwrapped(kwargs))
    if active((args, kwargs)) and (f.__module__ or "") in SPARSE:
        raise no_rule(f)
    if home == "srcdiff" or (home in sys.stdlib_module_names and f.__module__ not in _REWRITTEN):
        return enter(f(*args, **kwargs))
    if home == "numpy" and not active((args, kwargs)):
        return opaque(f, args, kwargs)
    if f in current.get().watched:
        return observed(f, args, kwargs)
    return enter(taped(f)(*args, **kwargs))


def observed(f: Any, args: tuple, kwargs: dict) -> Any:
    """A call of a helper of which a compiled function has to know what it returns."""
    run, watch = current.get(), Watch((args, kwargs))
    out = enter(taped(f)(*args, **kwargs))
    kind = watch.kind(out)
    if f not in run.observed:
        run.observed[f] = kind
    elif run.observed[f] is not None and (kind is None or not is_of(plain(out), run.observed[f])):
        run.observed[f] = None
    return out


def call_numeric(f: Any, args: tuple, kwargs: dict) -> Any:
    """A function of NumPy's, SciPy's or `math`'s that is not written in Python."""
    of = self_of(f)
    if of is not None and not isinstance(of, np.ufunc):
        return opaque(f, args, kwargs)
    args = tuple(entered(x) for x in args)
    kwargs = {k: entered(v) for k, v in kwargs.items()}
    if f in RULES and RULES[f].declared:
        return made(apply(f, args, kwargs), boxes_in((args, kwargs)))
    writer = WRITERS.get(f)
    if writer is None and active((args, kwargs)):
        writer = MADE_OF_OTHERS.get(f)
        writer = writer or transform(f)
    if writer is not None:
        return writer(*args, **kwargs)
    if isinstance(f, np.ufunc) or isinstance(of, np.ufunc):  # NumPy does not look into lists
        args = tuple(apply(np.array, (x,)) if isinstance(x, list | tuple) and boxes_in(x) else x
                     for x in args)  # fmt: skip
    if isinstance(f, np.ufunc) and len(args) > f.nin:
        kwargs["out"], args = args[f.nin :], args[: f.nin]
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
    return np.ravel(x._array) if isinstance(x, Flat) else enter(x)


def opaque(f: Any, args: tuple, kwargs: dict) -> Any:
    """A call that nobody can see into: it is given plain arrays, and none with a history."""
    current.get().effects = True
    boxes = boxes_in((args, kwargs))
    if any(box._node is not None for box in boxes):
        if getattr(f, "__name__", "") == "shuffle" and args and isinstance(args[0], Array):
            return shuffle(f, *args, **kwargs)
        raise no_rule(f)
    for box in boxes:
        if box._memory is not None:  # it may write
            box._memory.will_write(box._value, ...)
    given = [x if isinstance(x, type) else unwrapped(callback(x)) for x in args]
    named = {k: v if isinstance(v, type) else unwrapped(callback(v)) for k, v in kwargs.items()}
    result = f(*given, **named)
    if not isinstance(result, ndarray | np.generic | int | float | complex | str | None | tuple):
        for box in boxes:
            if box._memory is not None:
                box._memory.kept = f"what `{name_of(f)}` returned"
    return made(result, boxes)


def shuffle(f: Any, x: Any, axis: int = 0) -> None:
    """The same draws, and the elements moved as they say."""
    x[...] = np.take(x, kernels.shuffled_order(f, x.shape[axis]), axis)


def enumerated(array: Any) -> Any:
    """`np.ndenumerate(array)`"""
    array = enter(array)
    return ndenumerate(array) if isinstance(array, Tracked) else np.ndenumerate(array)


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


def called_back(f: Any) -> Any:
    """A function that Python's own `map` and the like call: NumPy's are called as by the user."""
    return functools.partial(call, f) if callable(f) and is_numpy(f) else callback(f)


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
    if cls in (memoryview, bytes, bytearray):
        return opaque(cls, args, kwargs)
    if module in _STRUCTURAL or dataclasses.is_dataclass(cls) or issubclass(cls, tuple | dict):
        return enter(cls(*map(called_back if cls in _CALLING else callback, args), **kwargs))
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
    given = dict(zip(("real", "imag"), args)) | kwargs
    parts = [apply(complex, (given[name],)) for name in ("real", "imag") if name in given]
    if "imag" not in given:
        return parts[0]
    # Of Python's numbers, whatever the precision of these.
    turned = 1j * parts[-1]
    return apply(complex, (parts[0] + turned if len(parts) == 2 else turned,))


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
    if isinstance(x, tuple):
        parts = [detached(part) for part in x]
        return x if all(map(operator.is_, parts, x)) else \
            x._make(parts) if hasattr(x, "_make") else tuple(parts)  # fmt: skip
    if not isinstance(x, Array):
        if reads_history(x):
            raise UnsupportedSyntaxError(
                f"`detach` of a {type(x).__name__}, on the tape,", caller(),
                "Detach what is read from it: numbers, arrays.",
            )  # fmt: skip
        return x
    if isinstance(x, Tracked):
        x._memory.kept = "`detach`"
        return boxed(np.copy(x._value), None, [])
    return x._value


def deep_copy(x: Any, memo: Any = None) -> Any:
    return copy.deepcopy(x)


def of_itself(f: Callable) -> Callable:
    """`isinstance` and `hasattr`: of what has a history, what holds without it."""

    def asked(x: Any, /, *args: Any) -> Any:
        return f(x._value if isinstance(x, Array) else x, *args)

    return asked


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
    np.ndenumerate: enumerated,
    isinstance: of_itself(isinstance), hasattr: of_itself(hasattr),
}  # fmt: skip
# Python's functions that ask their argument's class.
_ASKING = {abs: "__abs__", len: "__len__", next: "__next__", round: "__round__", bool: "__bool__"}
_NUMBERS_OF = frozenset(f for f in (*RULES, *_HANDLERS) if getattr(f, "__module__", "") in (
    "math", "builtins"))  # fmt: skip
_READING = frozenset((isinstance, issubclass, callable, hasattr, id))  # they call nothing back
_CALLING = frozenset(
    (map, filter, functools.reduce, sorted, min, max, itertools.accumulate, itertools.starmap)
)
_STRUCTURAL = frozenset(
    """builtins itertools functools _functools operator _operator collections _collections copy
    """.split()
)
_CONTAINERS: tuple[type, ...] = (
    list, dict, set, frozenset, tuple, str, bytes, range, collections.deque, types.GeneratorType,
    type({}.keys()), type({}.values()), type({}.items()), itertools.chain, zip, enumerate, map,
    filter,
)  # fmt: skip
_REWRITTEN = frozenset(("contextlib",))  # of the standard library, what calls a user's function

use(sys.modules[__name__])
