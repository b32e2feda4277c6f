"""Signatures: which calls share generated code, and what `wrt` means for a call.

    f(x, 3)   x of shape (5, 1)     →   (False, dtype('float64'), (False, True), int)

The key of a call holds what code is specialised on: the structure of containers; for an array its
dtype, rank and which dimensions are 1; for a number its type; bools, strings, None and other
objects themselves. Code is compiled for a key and for what it found
outside the function: `unchanged` makes the check that runs at each call.
"""

from __future__ import annotations

import contextlib
import functools
import inspect
import itertools
import operator
from collections.abc import Callable, Iterable, Iterator
from types import FunctionType
from typing import TYPE_CHECKING, Any

import numpy as np

from srcdiff.runtime.derivative import taken_apart
from srcdiff.runtime.errors import (
    Location,
    NotDifferentiableTypeError,
    SrcdiffError,
    UnknownArgumentError,
    UnsupportedSyntaxError,
)
from srcdiff.runtime.modes import is_training
from srcdiff.runtime.plain_objects import attributes, form_of
from srcdiff.trees import (
    CYCLIC,
    children,
    holds_itself,
    is_attribute,
    is_float,
    is_int,
    is_object,
    leaves,
    note_cyclic,
    rebuild,
    spelled,
    step_into,
)

if TYPE_CHECKING:
    from srcdiff.transforms.parse import Parsed

Entry = tuple[Any, ...]  # of wrt, as the compiler takes it
Place = tuple[int | str, tuple[Any, ...]]  # in a call: index or keyword, and steps from there

# A list of more floats than this is compiled for any length, see `transforms.pipeline`.
SEQUENCE = 32

LEAVES = 1_000_000  # that the containers in the arguments of a call may have

# Numbers whose value may change from call to call.
NUMBERS = frozenset({int, float, complex} | {np.dtype(code).type for code in "?bBhHiIlLqQefdgFDG"})


class Same:
    """An object as a part of a key: equal if it is the same. Held, so that no other takes its id.

    >>> Same([]) == Same([]), Same(len) == Same(len)
    (False, True)
    """

    __slots__ = ("obj",)

    def __init__(self, obj: Any) -> None:
        self.obj = obj

    def __eq__(self, other: object) -> bool:
        return type(other) is Same and self.obj is other.obj

    def __hash__(self) -> int:
        return id(self.obj)


class Refused(Exception):
    """An argument is an array of a class that is not supported."""


def key_of(args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Any, ...]:
    """The key of a call: equal keys share code.

    >>> x = np.ones((5, 1))
    >>> key_of((x, 3), {})
    (False, dtype('float64'), (False, True), <class 'int'>)
    >>> key_of((x, 4), {}) == key_of((x, 3), {}), key_of((x, True), {}) == key_of((x, 1), {})
    (True, False)
    >>> key_of(([x, 1.0], "a"), {})
    (False, <class 'list'>, 2, 'a', dtype('float64'), (False, True), <class 'float'>)
    """
    # Each call passes here: one loop over a list that grows, and the frequent cases first.
    key: list[Any] = [is_training()]
    todo = [*args]
    seen: dict[int, int] = {}
    if kwargs:
        key.append((*kwargs,))
        todo += kwargs.values()
    for x in todo:
        kind: Any = type(x)
        if kind is np.ndarray:
            shape = x.shape
            key += x.dtype, tuple([n == 1 for n in shape]) if 1 in shape else len(shape)
        elif kind in NUMBERS:
            key.append(kind)
        elif kind is tuple:
            key += tuple, len(x)
            todo += x
        elif kind is list:
            if len(x) > SEQUENCE and set(map(type, x)) == {float}:
                key += list, float
            else:
                key += list, len(x)
                todo += x
                if len(todo) > LEAVES:
                    raise _too_large()
        elif kind is dict:
            key.append((dict, *map(_static, x)))
            todo += x.values()
            if len(todo) > LEAVES:
                raise _too_large()
        elif isinstance(x, tuple):
            key.append((kind, len(x)))
            todo += x
        elif (form := form_of(kind)) and not (CYCLIC and id(x) in CYCLIC):
            if id(x) in seen:
                if holds_itself(x):
                    note_cyclic(x)
                    return key_of(args, kwargs)
                key.append(("again", seen[id(x)]))
                continue
            seen[id(x)] = len(seen)
            held = x.__dict__ if form == "dict" else attributes(x)
            key.append((kind, *held))
            todo += held.values()
            if len(todo) > LEAVES:
                raise _too_large()
        elif isinstance(x, np.ndarray):
            raise Refused
        else:
            key.append(_static(x))
    return tuple(key)


def _too_large() -> SrcdiffError:
    return SrcdiffError(f"the arguments have more than {LEAVES} leaves, or one holds itself")


def _static(x: Any) -> Any:
    """The part of a key for a value that code is compiled for: `1`, `1.0` and `True` differ."""
    kind = type(x)
    if kind is str or kind is bool or x is None:
        return x
    if kind is int or kind is bytes:
        return kind, x
    if kind is float or kind is complex:
        return kind, repr(x)  # 0.0 is not -0.0, and NaN is itself
    if kind is range or kind is slice:
        return kind, _static(x.start), _static(x.stop), _static(x.step)
    if kind is tuple:
        return kind, *map(_static, x)
    return Same(x)


def kinds_of(items: Any) -> Any:
    """What code knows of a list outside that it reads at any length: what kinds its items are.

    >>> kinds_of([1.0, 2.0]) == kinds_of([3.0]), kinds_of([1.0]) == kinds_of([1])
    (True, False)
    """
    return type(items), {*map(type, items)}


def same_static(x: Any, y: Any) -> bool:
    """Whether two outside values are the same to code that was compiled for one of them.

    >>> same_static(1, True), same_static((1, "a"), (1, "a")), same_static(0.0, -0.0)
    (False, True, False)
    """
    return x is y or bool(_static(x) == _static(y))


def kind_key(x: Any) -> Any:
    """What code knows of an outside object whose value it reads at each call.

    >>> kind_key(np.ones((2, 1))), kind_key([1.0, 2.0]), kind_key(2.5)
    ((dtype('float64'), (False, True)), (<class 'list'>, 2), <class 'float'>)
    """
    kind = type(x)
    if kind is np.ndarray:
        return x.dtype, tuple([n == 1 for n in x.shape])
    if kind is dict:
        return (dict, *map(_static, x))
    if kind is list or isinstance(x, tuple):
        return kind, len(x)
    return kind


# What code found outside the function


def unchanged(
    guards: Iterable[Any], callee: Callee, args: tuple[Any, ...]
) -> Callable[[tuple[Any, ...], dict[str, Any]], bool]:
    """A function of args and kwargs: whether all that code was compiled for is still so.

    It is generated, for it runs at each call. `args` is one call of those that have the same key;
    the path of a guard may be ("argument", parameter, *steps), else it leads outside.
    """
    function = callee.parsed.function
    spell = _Speller(lambda entry: callee.place_in_call(entry, args))
    tests = dict.fromkeys(spell.function(spell.name(function), function))
    for path, obj, how in guards:
        if how == "function":
            tests |= dict.fromkeys(spell.function(spell.path(path), obj))
        elif how == "apart":
            tests[f"len({{{', '.join(f'id({spell.path(p)})' for p in obj)}}}) == {len(obj)}"] = None
        elif how == "count":  # of what users have declared
            tests[f"{spell.path(path)}.count == {obj}"] = None
        elif how == "absent":
            tests[spell.absent(path)] = None
        elif path[0] != "default":
            tests[spell.test(spell.path(path), obj, how)] = None
    text = f"""
def holds(args, kwargs):
    try:
        return ({" and ".join(tests)})
    except (LookupError, AttributeError, TypeError, ValueError):
        return False  # a name was deleted, an attribute, an item; a cell is empty
"""
    exec(text, spell.names)
    return spell.names["holds"]


def outside_arrays(guards: Iterable[Any]) -> Callable[[], tuple[np.ndarray, ...]] | None:
    """A function that returns the arrays outside that the code reads, None if there are none."""
    spell = _Speller(lambda entry: (0, ()))
    paths = {spell.path(path): None for path, obj, _ in guards if type(obj) is np.ndarray}
    if not paths:
        return None
    found = eval(f"lambda: ({', '.join(paths)},)", spell.names)
    return found


def outside_numbers(guards: Iterable[Any]) -> Callable[[], tuple[Any, ...]]:
    """A function that returns the numbers and arrays outside that the code reads as it runs."""
    spell = _Speller(lambda entry: (0, ()))
    paths = {
        spell.path(path): 0
        for path, obj, how in guards
        if how == "kind" and isinstance(obj, float | complex | np.generic | np.ndarray)
    }
    found: Callable[[], tuple[Any, ...]] = eval(
        f"lambda: ({', '.join(paths)}{',' * (len(paths) == 1)})", spell.names
    )
    return found


class _Speller:
    """Expressions for what lies outside a function, and the names that they use."""

    def __init__(self, place: Callable[[Entry], Place]) -> None:
        self.place = place
        self.names: dict[str, Any] = {"same_static": same_static, "kind_key": kind_key}
        self.given: dict[int, str] = {}

    def name(self, obj: Any) -> str:
        if obj is None:
            return "None"
        if id(obj) not in self.given:
            self.given[id(obj)] = f"o{len(self.given)}"
            self.names[self.given[id(obj)]] = obj
        return self.given[id(obj)]

    def path(self, path: tuple[Any, ...]) -> str:
        kind, base, *rest = path
        if kind == "argument":
            place, steps = self.place(path)
            where = f"args[{place}]" if isinstance(place, int) else f"kwargs[{place!r}]"
            return spelled(where, steps)
        if kind == "global":
            return f"{self.name(base.globals)}[{rest[0]!r}]"
        if kind == "cell":
            return f"{self.name(base.cells[rest[0]])}.cell_contents"
        if kind == "attr":
            return f"{self.path(base)}.{rest[0]}"
        if kind == "item":
            return f"{self.path(base)}[{self.name(rest[0])}]"
        if kind == "default":  # the function's defaults are guarded: it is this object
            return self.name(default(base, rest[-1]))
        return self.name(base)

    def function(self, found: str, function: FunctionType) -> list[str]:
        """Tests that a function has the code and the defaults that it had."""
        tests = [f"{found}.__code__ is {self.name(function.__code__)}"]
        if function.__defaults__ is not None:  # else nothing that was left out has a default
            tests.append(f"{found}.__defaults__ is {self.name(function.__defaults__)}")
        for key, value in (function.__kwdefaults__ or {}).items():
            tests.append(f"{found}.__kwdefaults__[{key!r}] is {self.name(value)}")
        return tests

    def absent(self, path: tuple[Any, ...]) -> str:
        """A test that there is nothing at a path yet."""
        kind, base, name = path
        if kind == "attr":
            return f"not hasattr({self.path(base)}, {name!r})"
        return f"{name!r} not in {self.name(base.globals)}"

    def test(self, found: str, obj: Any, how: str) -> str:
        if how == "kinds":
            self.names["kinds_of"] = kinds_of
            return f"kinds_of({found}) == {self.name(kinds_of(obj))}"
        held = self.name(obj)
        if how == "equal":  # most often it is the same object
            return f"({found} is {held} or same_static({found}, {held}))"
        if how == "kind":
            key = kind_key(obj)
            if isinstance(key, type):
                return f"type({found}) is {self.name(key)}"
            same = f"kind_key({found}) == {self.name(key)}"
            if type(obj) is np.ndarray:
                alike = f"{held}.shape == {self.name(obj.shape)}"
                if obj.ndim == 1:  # quicker
                    alike = f"{held}.ndim == 1 and len({held}) {'==' if len(obj) == 1 else '!='} 1"
                dtype = self.name(obj.dtype)
                return f"({found} is {held} and {held}.dtype is {dtype} and {alike} or {same})"
            if type(obj) is list or isinstance(obj, tuple):
                return f"type({found}) is {self.name(type(obj))} and len({found}) == {len(obj)}"
            if type(obj) is dict and all(type(k) is str for k in obj):
                return f"type({found}) is {self.name(dict)} and [*{found}] == {[*obj]!r}"
            return same
        return f"{found} is {held}"


def default(function: FunctionType, name: str) -> Any:
    """The default of a parameter, as it is now.

    >>> default(lambda x, n=2: x**n, "n")
    2
    """
    keywords = function.__kwdefaults__ or {}
    if name in keywords:
        return keywords[name]
    code, values = function.__code__, function.__defaults__ or ()
    names = code.co_varnames[: code.co_argcount]
    return dict(zip(names[len(names) - len(values) :], values))[name]


# What a call binds, and what wrt means for it


class Callee:
    """The Python function that is differentiated: its parameters, and how a call binds them.

    `args` and `kwargs` of its methods are what the function itself gets, but for a bound self;
    the first `ahead` of args are from a `functools.partial`.
    """

    def __init__(self, parsed: Parsed) -> None:
        from srcdiff.transforms.parse import MISSING

        function = parsed.function
        # Neither __wrapped__ nor __signature__ count: the code that runs does.
        bare = FunctionType(
            function.__code__, {}, function.__name__, function.__defaults__, function.__closure__
        )
        bare.__kwdefaults__ = function.__kwdefaults__
        self.parsed = parsed
        self.name = function.__name__
        self.signature = inspect.signature(bare)
        self.ahead = len(parsed.partial_args)
        kinds = inspect.Parameter
        parameters = list(self.signature.parameters.values())
        is_bound = parsed.bound_self is not MISSING
        positional = kinds.POSITIONAL_ONLY, kinds.POSITIONAL_OR_KEYWORD
        self.selves = [parsed.bound_self] if is_bound else []
        if is_bound and parameters and parameters[0].kind in positional:
            self.selves_name, *parameters = parameters[0].name, *parameters[1:]
        else:
            self.selves_name = ""
        self.positional = [p.name for p in parameters if p.kind in positional]
        self.positional_only = {p.name for p in parameters if p.kind == kinds.POSITIONAL_ONLY}
        self.keyword_only = [p.name for p in parameters if p.kind == kinds.KEYWORD_ONLY]
        self.defaults = {p.name for p in parameters if p.default is not p.empty}
        self.star = next((p.name for p in parameters if p.kind == kinds.VAR_POSITIONAL), "")
        self.double = next((p.name for p in parameters if p.kind == kinds.VAR_KEYWORD), "")
        code = function.__code__
        inner = dict.fromkeys((*code.co_varnames, *code.co_cellvars))
        # `.0` is the iterable of a comprehension
        self.locals = [n for n in inner if n not in self.signature.parameters and n.isidentifier()]

    @property
    def parameters(self) -> list[str]:
        stars = [name for name in (self.star, self.double) if name]
        return [*self.positional, *self.keyword_only, *stars]

    def bind(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[str, Any]:
        """Parameter → argument, without a bound self and without defaults; a TypeError as usual."""
        try:
            bound = self.signature.bind(*self.selves, *args, **kwargs).arguments
        except TypeError as error:
            raise TypeError(f"{self.name}(): {error}") from None
        bound.pop(self.selves_name, None)
        return dict(bound)

    def complete(
        self, named: list[str], args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """The call with those defaults passed that wrt names."""
        for name in named:
            if name in kwargs or name in self.positional[: len(args)]:
                continue
            if name in self.positional_only:
                between = self.positional[len(args) : self.positional.index(name) + 1]
                if not self.defaults.issuperset(between):
                    continue  # a TypeError when it is bound
                args = (*args, *[default(self.parsed.function, each) for each in between])
            else:
                kwargs = kwargs | {name: default(self.parsed.function, name)}
        return args, kwargs

    def entries(
        self, wrt: tuple[int | str, ...], args: tuple[Any, ...], kwargs: dict[str, Any],
        only_arguments: str = "",
    ) -> tuple[Entry, ...]:  # fmt: skip
        """What each element of wrt means for this call.

        only_arguments   what is taken with respect to arguments, and not to local variables
        """
        for each in wrt if only_arguments else ():
            if each in self.locals and each not in self.parameters and each not in kwargs:
                raise self.no_argument(str(each), only_arguments)
        variables = not only_arguments
        found = tuple(self._entry(each, args, kwargs, variables) for each in wrt)
        for entry, again in itertools.combinations(range(len(found)), 2):
            shorter = min(len(found[entry]), len(found[again]))
            if found[entry][:shorter] == found[again][:shorter]:
                one, other = wrt[entry], wrt[again]
                raise UnknownArgumentError(
                    f"`wrt={wrt!r}` names one argument of `{self.name}` twice",
                    self.where(found[entry]),
                    f"{one!r} and {other!r} are the same: leave one of them out.",
                )
        return found

    def no_argument(self, name: str, how: str) -> Exception:
        """The error for a local variable where there must be an argument."""
        return UnknownArgumentError(
            f"`{how}` is taken with respect to arguments, and `{name}` is a local variable of"
            f" `{self.name}`", self.where(),
            f"Make `{name}` an argument of a function, and differentiate that one.",
        )  # fmt: skip

    def _entry(
        self, each: int | str, args: tuple[Any, ...], kwargs: dict[str, Any], variables: bool
    ) -> Entry:
        if isinstance(each, str):
            if each in self.parameters:
                return "argument", each
            if not each.isidentifier():
                return self._inside(each, args, kwargs, variables)
            if self.double and each in kwargs:
                return "argument", self.double, each
            if each in self.locals:
                return "local", each
            raise self._unknown(each, args, kwargs, variables)
        passed = len(args) - self.ahead
        place = self.ahead + (each if each >= 0 else each + passed)
        if not self.ahead <= place:
            raise self._unknown(each, args, kwargs, variables)
        if place < len(self.positional):
            name = self.positional[place]
            if place < len(args) or name in kwargs:
                return "argument", name
        elif place < len(args):
            return "argument", self.star, place - len(self.positional)
        raise self._unknown(each, args, kwargs, variables)

    def base(self, each: str) -> str:
        """The name that an element of wrt leads from."""
        with contextlib.suppress(SyntaxError, ValueError):
            return taken_apart(each)[0]
        return each

    def _inside(
        self, each: str, args: tuple[Any, ...], kwargs: dict[str, Any], variables: bool
    ) -> Entry:
        """What `model.layers[0].w` means: a parameter, or the bound self, and steps from there."""
        try:
            name, keys = taken_apart(each)
        except (SyntaxError, ValueError):
            raise self._unknown(each, args, kwargs, variables) from None
        entry: Entry
        if name == self.selves_name and self.selves:
            entry, obj = ("self", name), self.selves[0]
        elif name in self.parameters:
            arguments = self.bind(args, kwargs)
            if name not in arguments:
                arguments[name] = default(self.parsed.function, name)
            entry, obj = ("argument", name), arguments[name]
        else:
            raise self._unknown(each, args, kwargs, variables)
        for key in keys:
            step = key
            if is_attribute(key):
                fields = getattr(obj, "_fields", ()) if isinstance(obj, tuple) else ()
                step = fields.index(key[1]) if key[1] in fields else \
                    key[1] if isinstance(obj, dict) else key  # fmt: skip
            elif isinstance(key, int) and key < 0 and isinstance(obj, list | tuple):
                step = key + len(obj)
            try:
                obj = step_into(obj, step)
            except (LookupError, AttributeError, TypeError):
                at = spelled(name, entry[2:])
                raise UnknownArgumentError(
                    f"`wrt={each!r}`, but {spelled(at, (key,))} is not there",
                    self.where(entry),
                    f"`{at}` is {describe(obj)}.",
                ) from None
            entry = (*entry, step)
        return entry

    def _unknown(
        self, each: int | str, args: tuple[Any, ...], kwargs: dict[str, Any], variables: bool
    ) -> Exception:
        count = len(args) - self.ahead
        if isinstance(each, str):
            or_variable = " or variable" if variables else ""
            what = f"`{self.name}` has no argument{or_variable} `{each}`, which `wrt` names"
        else:
            plural = "argument" if count == 1 else "arguments"
            what = f"`wrt={each}`, but this call of `{self.name}` has {count} positional {plural}"
        extra = [name for name in kwargs if name not in self.parameters] if self.double else []
        lists = [
            ("position", [str(i) for i in range(count)]),
            ("argument", [f"`{n}`" for n in [*self.parameters, *extra]]),
            ("attribute", self._attributes()),
            ("variable", [f"`{n}`" for n in self.locals if variables]),
        ]
        there = [
            f"{noun}{'s' * (len(names) > 1)} {', '.join(names)}" for noun, names in lists if names
        ]
        instead = f"There is: {'; '.join(there)}." if there else "It has no arguments."
        return UnknownArgumentError(what, self.where(), instead)

    def _attributes(self) -> list[str]:
        """The attributes of a bound object, as `wrt` names them."""
        if not self.selves_name or not is_object(self.selves[0]):
            return []
        return [f"`{self.selves_name}.{name}`" for name in attributes(self.selves[0])]

    def checked(
        self, entries: Iterable[Entry], arguments: dict[str, Any]
    ) -> tuple[dict[str, Any], list[Entry]]:
        """The arguments with ints in wrt as floats, and the entries of these."""
        promoted: list[Entry] = []
        arguments = dict(arguments)
        for entry in entries:
            if entry[0] == "local":
                continue
            _, name, *steps = entry
            if entry[0] == "argument":
                arguments.setdefault(name, () if name == self.star else {})
            obj = self.target(entry, arguments)
            whole = len(steps) == (name in (self.star, self.double))
            if is_int(obj) and whole and entry[0] == "argument":
                promoted.append(entry)
                if not steps:
                    arguments[name] = float(obj)
                elif name == self.star:
                    arguments[name] = tuple(
                        float(x) if i == steps[0] else x for i, x in enumerate(arguments[name])
                    )
                else:
                    arguments[name] = arguments[name] | {steps[0]: float(obj)}
            elif not is_float(obj) and children(obj) is None:
                raise self._no_derivative(entry, obj)
        return arguments, promoted

    def target(self, entry: Entry, arguments: dict[str, Any]) -> Any:
        """What an entry of wrt stands for: in the arguments of a call, or in the bound self."""
        if entry[0] == "self":
            return functools.reduce(step_into, entry[2:], self.selves[0])
        if entry[1] not in arguments and entry[1:] in ((self.star,), (self.double,)):
            return () if entry[1] == self.star else {}
        return argument(entry, arguments)

    def place_in_call(self, entry: Entry, args: tuple[Any, ...]) -> Place:
        """Where a call passes an argument: an index or a keyword, and the steps from there."""
        _, name, *steps = entry
        if name == self.star:
            return len(self.positional) + int(steps[0]), tuple(steps[1:])
        if name == self.double:
            return str(steps[0]), tuple(steps[1:])
        index = self.positional.index(name) if name in self.positional else len(args)
        return index if index < len(args) else name, tuple(steps)

    def places_in_call(
        self, entry: Entry, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> set[int | str]:
        """Where a call passes an argument, or all that a star has caught."""
        if entry[1:] == (self.star,):
            return set(range(len(self.positional), len(args)))
        if entry[1:] == (self.double,):
            return {name for name in kwargs if name not in self.parameters}
        return {self.place_in_call(entry, args)[0]}

    def _no_derivative(self, entry: Entry, obj: Any) -> Exception:
        name = self.spelled(entry)
        if isinstance(obj, np.ndarray):
            what, fix = f"an array of {obj.dtype}", f"`{name}.astype(float)`"
            if obj.dtype.kind not in "biu":
                fix = "an array of floats"
        elif isinstance(obj, bool | int | np.bool_ | np.integer):
            what, fix = f"the {type(obj).__name__} {obj}", f"`float({name})`"
        else:
            what, fix = describe(obj), "a float, an array of floats or a container of these"
        return NotDifferentiableTypeError(
            f"`{name}` is {what}, which has no derivatives",
            self.where(entry),
            f"Pass {fix}, or leave it out of `wrt`.",
        )

    def spelled(self, entry: Entry) -> str:
        _, name, *steps = entry
        return str(steps[0]) if name == self.double and steps else spelled(name, tuple(steps))

    def where(self, entry: Entry | None = None) -> Location:
        """The place of a parameter in the user's file, or that of the whole function."""
        node: Any = self.parsed.node
        if entry is not None and node is not None:
            given = node.args
            for arg in [
                *given.posonlyargs,
                *given.args,
                *given.kwonlyargs,
                given.vararg,
                given.kwarg,
            ]:
                if arg is not None and getattr(arg, "id", None) == entry[1]:
                    if getattr(arg, "lineno", None) is not None:
                        return self.parsed.location(arg)
        return self.parsed.location(node)

    def refused(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Exception:
        """The error for arguments that `key_of` has refused."""
        for name, argument in self.bind(args, kwargs).items():
            for path, leaf in leaves(argument):
                if isinstance(leaf, np.ndarray) and type(leaf) is not np.ndarray:
                    at = spelled(name, path)
                    masked = isinstance(leaf, np.ma.MaskedArray)
                    return NotDifferentiableTypeError(
                        f"`{at}` is {describe(leaf)}, and only plain arrays are supported",
                        self.where(("argument", name)),
                        f"Pass `{'np.ma.filled' if masked else 'np.asarray'}({at})`.",
                    )
        raise AssertionError("nothing was refused")

    def check_overlap(
        self,
        arguments: dict[str, Any],
        outside: tuple[np.ndarray, ...] = (),
        writes_outside: bool = False,
    ) -> None:
        """Refuse arrays that share memory, and one container in two places.

        A store into one would change the other. Two arrays outside may share memory where the
        function writes into neither.
        """
        if writes_outside:
            for x, y in itertools.combinations(outside, 2):
                if x is not y and np.may_share_memory(x, y) and np.shares_memory(x, y):
                    raise UnsupportedSyntaxError(
                        f"two arrays outside `{self.name}` share memory, and it writes into one",
                        self.where(),
                        "Let it use one of them, or a copy.",
                    )
        found = list(_arrays(arguments))
        places: dict[int, str] = {}
        for name, container in _containers(arguments):
            if id(container) in places:
                raise self._shared(name, f"is `{places[id(container)]}`", "copy.deepcopy")
            places[id(container)] = name
        for i, (name, x) in enumerate(found):
            others = [*found[:i], *[("", y) for y in outside]]
            for other, y in others:
                if np.may_share_memory(x, y) and np.shares_memory(x, y):
                    what = f"`{other}`" if other else "an array outside the function"
                    raise self._shared(name, f"shares memory with {what}", "np.copy")

    def _shared(self, name: str, how: str, copy: str) -> UnsupportedSyntaxError:
        return UnsupportedSyntaxError(
            f"`{name}` {how}, while `{self.name}` writes into its arguments",
            self.where(),
            f"Pass `{copy}({name})`.",
        )


def may_overlap(
    args: tuple[Any, ...], kwargs: dict[str, Any], outside: tuple[np.ndarray, ...]
) -> bool:
    """Whether `Callee.check_overlap` has to look: a quick test, for it runs at each call.

    >>> x = np.ones(4)
    >>> may_overlap((x, 2.0), {"y": [x.copy()]}, ()), may_overlap((x, [x[1:]]), {}, ())
    (False, True)
    """
    arrays: list[np.ndarray] = list(outside)
    containers: list[int] = []
    todo = [*args, *kwargs.values()]
    views = len(arrays)  # arrays that need a second look: two that own their memory share none
    for x in todo:  # grows as we go
        kind = type(x)
        if kind is np.ndarray:
            arrays.append(x)
            views += not x.flags.owndata
        elif kind not in NUMBERS and (inner := children(x)) is not None:
            todo += [child for _, child in inner]
            if kind is not tuple:
                containers.append(id(x))
    if views and any(itertools.starmap(np.may_share_memory, itertools.combinations(arrays, 2))):
        return True
    places = [*map(id, arrays), *containers]
    return len(set(places)) < len(places)


def several(arguments: dict[str, Any]) -> bool:
    """Whether there are two arrays, or two containers, of which one may be the other.

    >>> several({"x": np.ones(2), "n": 3}), several({"x": np.ones(2), "pair": (np.ones(2), 3)})
    (False, True)
    """
    count = [sum(1 for _ in found(arguments)) for found in (_arrays, _containers)]
    return max(count) > 1


def argument(entry: Entry, arguments: dict[str, Any]) -> Any:
    """What an element of wrt stands for: an argument, or one of those that a star has caught.

    >>> argument(("argument", "args", 1), {"x": 1.0, "args": (2.0, 3.0)})
    3.0
    """
    _, name, *steps = entry
    return functools.reduce(step_into, steps, arguments[name])


def apart(arguments: dict[str, Any]) -> dict[str, Any]:
    """The arguments with no array in two places: to the compiler each leaf is one of its own.

    A view stands for an array that was there before. Where the code writes into its arguments,
    such a call is refused.

    >>> x = np.ones(2)
    >>> found = apart({"x": x, "pair": (x, 1)})
    >>> found["x"] is x, found["pair"][0] is x, found["pair"][0].tolist()
    (True, False, [1.0, 1.0])
    """
    found = [id(x) for _, x in _arrays(arguments)]
    return _apart(arguments, {}) if len(set(found)) < len(found) else arguments


def _apart(tree: Any, seen: dict[int, Any]) -> Any:
    inner = children(tree)
    if inner is not None:
        if id(tree) in seen and is_object(tree):  # one object in two places
            return seen[id(tree)]
        seen[id(tree)] = rebuild(tree, [_apart(child, seen) for _, child in inner])
        return seen[id(tree)]
    if type(tree) is np.ndarray:
        if id(tree) in seen:
            return tree.view()
        seen[id(tree)] = tree
    return tree


def _parts(arguments: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    """All that the arguments hold, with the names that lead there; an object once."""
    todo, seen = list(arguments.items()), set()
    for name, tree in todo:  # grows as we go
        inner = children(tree)
        if inner is not None and is_object(tree):
            if id(tree) in seen:
                continue
            seen.add(id(tree))
        todo += [(spelled(name, (step,)), child) for step, child in inner or ()]
        yield name, tree


def _arrays(arguments: dict[str, Any]) -> Iterator[tuple[str, np.ndarray]]:
    return ((name, x) for name, x in _parts(arguments) if type(x) is np.ndarray)


def _containers(arguments: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    """The lists and dicts, which can be written, with the names that lead there."""
    return ((name, x) for name, x in _parts(arguments) if type(x) in (list, dict))


def describe(obj: Any) -> str:
    """
    >>> describe(None), describe("a"), describe(np.ma.ones(2))
    ('None', 'a str', 'a numpy.ma.MaskedArray')
    """
    if obj is None:
        return "None"
    kind = type(obj)
    name = kind.__name__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__name__}"
    article = "an" if name[0].lower() in "aeiou" else "a"
    return f"{article} {name}"


def as_wrt(wrt: Any) -> tuple[tuple[int | str, ...], bool]:
    """The elements of wrt and whether it is a single one.

    >>> as_wrt("x"), as_wrt((0, "y"))
    ((('x',), True), ((0, 'y'), False))
    """
    single = not isinstance(wrt, tuple)
    return tuple(_one(each) for each in ((wrt,) if single else wrt)), single


def _one(each: Any) -> int | str:
    if isinstance(each, str):
        return each
    try:
        if isinstance(each, bool | np.bool_):
            raise TypeError
        return operator.index(each)
    except TypeError:
        raise TypeError(
            f"wrt must be a position, a name, or a tuple of these, not {each!r}"
        ) from None
