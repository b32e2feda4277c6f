"""The registry: which functions have a derivative, and what it is.

    @vjp_rule(np.hypot, at=[(3.0, -4.0), (np.ones((2, 3)), np.full(3, 0.5))])
    def hypot_vjp(d_out, out, x, y):
        r = np.where(out == 0, 1, out)
        return d_out * x / r, d_out * y / r

    rule_of(np.hypot).vjp(1.0, 5.0, 3.0, 4.0)   →   (0.6, 0.8)

A rule takes the gradient of the result, the result, and the arguments of the function under the
function's own names and defaults. It returns a tuple, one gradient per positional argument, or,
bare, the gradient of the first argument. None says that the derivative is zero; to an argument that
the tuple does not reach, or a keyword-only one, nothing may be passed that is differentiated. For
an argument that is a sequence of arrays, the gradient is a tuple of gradients: `(d_arrays,)`.

A rule leaves to its caller: undoing broadcasting, casting to the argument's dtype, dropping the
imaginary part for a real argument, copying what is a view, and, when it is `analytic`, complex
conjugation (it is called with the conjugate of d_out, and its gradients are conjugated).
"""

from __future__ import annotations

import functools
import importlib
import math
import operator
import sys
import types
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, NamedTuple, TypeVar

import numpy as np

F = TypeVar("F", bound=Callable)


class Sample(NamedTuple):
    """The arguments of one call at which a rule is checked."""

    args: tuple
    kwargs: dict[str, Any]


def sample(*args: Any, **kwargs: Any) -> Sample:
    """A sample point with keywords, for `at=`.

    >>> sample(2.0, axis=0)
    Sample(args=(2.0,), kwargs={'axis': 0})
    """
    return Sample(args, kwargs)


def spread(*shape: int, low: float = -2.0, high: float = 2.0) -> np.ndarray:
    """Numbers between `low` and `high` for sample points: no two alike, the same in every run.

    >>> spread(3).round(3)
    array([-0.8  ,  1.672,  0.144])
    """
    return (low + (high - low) * _FRACTIONS[: math.prod(shape)]).reshape(shape)


_FRACTIONS = (0.3 + 0.6180339887498949 * np.arange(200)) % 1


@dataclass(frozen=True, eq=False)
class Rule:
    """How to differentiate `functions`, which compute the same.

    vjp       the reverse rule, `vjp(d_out, out, *args, **kwargs)`
    jvp       the forward rule, `jvp(*tangents, out, *args, **kwargs)`, None if there is none
    at        sample points for the checks
    linear    the parameters in which, taken together, the result is linear: the tangent is the
              function itself, of their tangents
    factors   the parameters in each of which the result is linear: the tangent is the sum of the
              products in which one of them is replaced by its tangent
    analytic  complex conjugation is left to the caller
    declared  it was declared outside srcdiff: generated code calls it by its name, and what it
              returns is checked
    pair      the functions of a `custom_vjp`, of which `vjp` is put together: the first returns
              (result, residuals), the second the gradients for (*nondiff, residuals, d_out)
    nondiff   the places of the arguments that the second takes, and gives no gradient of
    like      the parameter that the result is like in shape and dtype, for a function whose code
              the compiler cannot read, or a function of the arguments that returns what it is
              like; "" where that is not known
    """

    functions: tuple[Callable, ...]
    vjp: Callable | None = None
    jvp: Callable | None = None
    at: tuple[Sample, ...] = ()
    linear: tuple[str, ...] = ()
    analytic: bool = True
    name: str = ""
    factors: tuple[str, ...] = ()
    declared: bool = False
    pair: tuple[Callable, Callable] | None = None
    nondiff: tuple[int, ...] = ()
    like: str | Callable = ""

    @property
    def parameters(self) -> list[str]:
        """The names of the function's positional parameters, as its rule has them."""
        rule = self.vjp or self.jvp
        assert rule is not None
        if hasattr(rule, "parameter_names"):  # it is put together of others
            return list(rule.parameter_names)
        code = rule.__code__
        names = code.co_varnames[: code.co_argcount + bool(code.co_flags & 0x04)]
        if code.co_flags & 0x04:  # *operands come after the keyword-only ones
            names = (*names[:-1], code.co_varnames[code.co_argcount + code.co_kwonlyargcount])
        first = 2 if self.vjp is not None else len(tangent_names(rule)) + 1
        return list(names[first:])

    @property
    def by_elements(self) -> bool:
        """Whether each element of the result depends on one element of each argument."""
        first = self.functions[0] if self.functions else None
        if isinstance(first, np.ufunc):
            return first.signature is None
        return getattr(first, "__module__", "") in ("_operator", "math", "builtins") and (
            first is not operator.matmul
        )


    @functools.cached_property
    def of_operands(self) -> bool:
        """Whether it is of a ufunc or an operator, all of whose operands are array_like."""
        first = self.functions[0] if self.functions else None
        ufunc = isinstance(first, np.ufunc)
        return self.by_elements and (ufunc or getattr(first, "__module__", "") == "_operator")

    def takes_array(self, place: int | str) -> bool:
        """Whether an argument of a function of NumPy's or SciPy's is array_like.

        place   where it stands among the positional arguments, or its name

        A list given there is the array of it: rules are written for arrays.

        >>> rule_of(np.interp).takes_array(1), rule_of(np.sum).takes_array("axis")
        (True, False)
        """
        return self._of_arrays and (
            place in self._array_likes
            or isinstance(place, int) and "operands" in self._array_likes and place > 0
        )  # fmt: skip

    def takes_parts(self, place: int | str) -> bool:
        """Whether an argument is a tuple of unlike things, such as a factor and its form."""
        names = self.parameters
        return (names[place] if type(place) is int and place < len(names) else place) in _PARTS

    @functools.cached_property
    def _of_arrays(self) -> bool:
        """Whether it is of one of NumPy's or SciPy's functions that does not go by elements."""
        module = getattr(self.functions[0], "__module__", None) if self.functions else None
        known = (module or "").split(".")[0] in ("numpy", "scipy", "_operator")
        return known and not self.declared and not self.by_elements

    @functools.cached_property
    def _array_likes(self) -> frozenset[int | str]:
        """The array_like parameters by their names, and by their places."""
        found = {n for n in names_of(self.vjp or self.jvp) if n in _ARRAY_LIKES}  # type: ignore[arg-type]
        return frozenset((*found, *(i for i, n in enumerate(self.parameters) if n in found)))


# What NumPy and SciPy call parameters that are array_like; a shape, an axis or an index is not.
_ARRAY_LIKES = frozenset(
    "A E X XA XB a ab arr array arrs b fp in1 in2 input m operands repeats v val values weights x "
    "xp y z".split()
)
# What they call tuples that are no arrays.
_PARTS = frozenset("c_and_lower lu_and_piv l_and_u points".split())

RULES: dict[Callable, Rule] = {}
NONDIFFERENTIABLE: set[Callable] = set()
# What functions that a rule knows by place alone call their first parameter.
FIRST: dict[Callable, str] = {
    np.array: "object", **dict.fromkeys((np.stack, np.concatenate), "arrays"),
    **dict.fromkeys((np.asarray, np.asanyarray, np.copy, np.ascontiguousarray), "a"),
    **dict.fromkeys((np.vstack, np.hstack, np.dstack, np.column_stack), "tup"),
}  # fmt: skip


def first_by_place(function: Any, args: tuple, kwargs: dict) -> tuple[tuple, dict]:
    """A call with the first argument at its place.

    >>> first_by_place(np.array, (), {"object": [1.0], "ndmin": 2})
    (([1.0],), {'ndmin': 2})
    """
    name = FIRST.get(function) if kwargs and not args else None
    if name not in kwargs:
        return args, kwargs
    return (kwargs[name],), {k: v for k, v in kwargs.items() if k != name}


# Whose derivative is zero for real numbers.
STEPS: set[Callable] = {np.sign}
# How often something was declared outside srcdiff, in an attribute that generated tests can read.
DECLARED = types.SimpleNamespace(count=0)


def is_outside(function: Any) -> bool:
    """Whether a function is written outside srcdiff."""
    return not (getattr(function, "__module__", None) or "").startswith("srcdiff.runtime")


def declaring(rule: Any) -> bool:
    """Whether what is declared comes from outside srcdiff: code that was generated is stale then.

    >>> before = DECLARED.count
    >>> declaring(rule_of), DECLARED.count - before
    (False, 0)
    """
    outside = is_outside(rule)
    DECLARED.count += outside
    return outside


def forget(function: Callable) -> None:
    """Undo what was declared of a function: `vjp_rule`, `jvp_rule`, `nondifferentiable`.

    >>> @nondifferentiable
    ... def nearest(x):
    ...     return round(x)
    >>> forget(nearest)
    >>> nearest in NONDIFFERENTIABLE
    False
    """
    RULES.pop(function, None)
    NONDIFFERENTIABLE.discard(function)
    DECLARED.count += 1


def vjp_rule(
    *functions: Callable,
    at: Any = (),
    analytic: bool = True,
    linear: bool | str = False,
    factors: str = "",
    like: str | Callable[..., Any] = "",
) -> Callable[[F], F]:
    """Register the reverse rule of one function, or of several that compute the same.

    at        sample points, each a tuple of arguments, or `sample(...)` for keywords
    linear    True if the function is linear in its first argument; "x y" if it is in x and y
              taken together, as a sum is
    factors   "x y" if it is linear in x and in y taken one at a time, as a product is
    analytic  False if the rule itself takes care of complex numbers: under the real inner product
              Re(conj(a) b), as for `abs`, `real`, `conj`
    like      the parameter that the result is like in shape and dtype, or a function of the same
              arguments that returns what it is like: of a function whose code the compiler cannot
              read it knows that much then, and it is checked at each call

    >>> def cube(x):
    ...     return x * x * x
    >>> @vjp_rule(cube, at=[2.0])
    ... def cube_vjp(d_out, out, x):
    ...     return 3 * d_out * x * x
    >>> rule_of(cube).vjp(1.0, cube(2.0), 2.0)
    12.0
    """
    if not functions:
        raise TypeError("vjp_rule needs the function that the rule is for: @vjp_rule(f)")
    for function in functions:
        if not callable(function):
            raise TypeError(f"vjp_rule: {function!r} is not a function")
    samples = tuple(_as_sample(point) for point in at)

    def register(rule: F) -> F:
        if not isinstance(rule, types.FunctionType):
            raise TypeError(f"vjp_rule: the rule must be a Python function, not {rule!r}")
        for function in functions:
            _check_parameters(rule, function)
            _check_free(rule, function)
        for point in samples:
            _check_sample(rule, point)
        name = rule.__name__.removesuffix("_vjp")
        entry = Rule(functions, rule, None, samples, (), analytic, name, tuple(factors.split()))
        if linear:
            names = linear.split() if isinstance(linear, str) else entry.parameters[:1]
            entry = replace(entry, linear=tuple(names))
        named = (*entry.linear, *entry.factors, *[like] * (isinstance(like, str) and like != ""))
        unknown = [n for n in named if n not in names_of(rule)]
        if unknown:
            raise TypeError(f"the rule {rule.__name__} has no parameter {unknown[0]!r}")
        entry = replace(entry, declared=declaring(rule), like=like)
        for function in functions:
            old = RULES.get(function)
            RULES[function] = entry if old is None else replace(entry, jvp=old.jvp)
        return rule

    return register


def jvp_rule(*functions: Callable) -> Callable[[F], F]:
    """Register the forward rule of one function, or of several that compute the same.

    The rule takes a tangent for each parameter `x` that may have one, by the name `x_dot`, then
    what a reverse rule takes after `d_out`: the result, and the arguments of the function. It
    returns the tangent of the result, or a tuple of them if there are several results, and it must
    be linear in the tangents; a tangent that is zero is left out of the generated code. A function
    that has a reverse rule needs a forward rule only where the latter is shorter than what can be
    derived.

    >>> def cube(x):
    ...     return x * x * x
    >>> @jvp_rule(cube)
    ... def cube_jvp(x_dot, out, x):
    ...     return 3 * x * x * x_dot
    >>> rule_of(cube, forward=True).jvp(1.0, cube(2.0), 2.0)
    12.0
    """
    if not functions:
        raise TypeError("jvp_rule needs the function that the rule is for: @jvp_rule(f)")
    for function in functions:
        if not callable(function):
            raise TypeError(f"jvp_rule: {function!r} is not a function")

    def register(rule: F) -> F:
        if not isinstance(rule, types.FunctionType):
            raise TypeError(f"jvp_rule: the rule must be a Python function, not {rule!r}")
        tangents = tangent_names(rule)
        rest = names_of(rule)[len(tangents) :]
        if not tangents or not rest:
            raise TypeError(
                f"the rule {rule.__name__} must take the tangents, each by the name of a parameter "
                "and `_dot`, then the result, then the arguments: def cube_jvp(x_dot, out, x)"
            )
        unknown = [name for name in tangents if name.removesuffix("_dot") not in rest[1:]]
        if unknown:
            raise TypeError(
                f"the rule {rule.__name__} takes {unknown[0]!r}, but no parameter "
                f"{unknown[0].removesuffix('_dot')!r}"
            )
        found: dict[Callable, Rule] = {}
        for function in functions:
            if function in NONDIFFERENTIABLE:
                raise ValueError(
                    f"{_name_of(function)} is declared nondifferentiable, it takes no rule"
                )
            old = rule_of(function, forward=True)
            if old is not None and old.jvp is not None and not _same_code(old.jvp, rule):
                raise ValueError(
                    f"{_name_of(function)} has a forward rule already, {old.jvp.__qualname__} "
                    f"in {old.jvp.__module__}"
                )
            name = rule.__name__.removesuffix("_jvp")
            entry = Rule(functions, name=name) if old is None else old
            entry = replace(entry, jvp=rule, declared=entry.declared or is_outside(rule))
            found[function] = entry
        declaring(rule)
        RULES.update(found)
        return rule

    return register


class AlongAxis(NamedTuple):
    """How an operation that works along an axis works on many examples: its axis moves on by one.

    default   the axis where none is given; None is all of them
    place     where `axis` stands among the positional arguments
    flat      whether all axes means the elements in one row
    """

    default: int | None = None
    place: int = 1
    flat: bool = False


class BatchRule(NamedTuple):
    """A batching rule, and the parameters that may differ between examples."""

    rule: Callable
    of: tuple[str, ...]

    def takes(self, place: int) -> bool:
        """Whether a positional argument may have a leading axis."""
        code = self.rule.__code__
        names = code.co_varnames[1 : code.co_argcount]
        if place < len(names):
            return names[place] in self.of
        stars = code.co_varnames[code.co_argcount + code.co_kwonlyargcount :][:1]
        return bool(code.co_flags & 0x04) and stars[0] in self.of


# Operation → how it works on many examples at once: "elements" (its operands are broadcast), an
# `AlongAxis`, or a `BatchRule`.
BATCHING: dict[Callable, Any] = {}


def batch_rule(*functions: Callable, of: str = "") -> Callable[[F], F]:
    """Register how functions work on many examples at once.

    of   the parameters that may differ between examples, "a b"; the first, if nothing is said

    The rule is a function `rule(batched, *args, **kwargs)` of the arguments of the function, some
    of which have a leading axis: those at which the tuple `batched` has True. It returns, with a
    leading axis, what the function gives for each example; None where it does not know, and the
    examples are then taken one by one. What depends on ranks and on `batched` alone is decided
    while compiling, as in a derivative rule.

    >>> def outer(x, y):
    ...     return x[:, None] * y
    >>> @batch_rule(outer, of="x y")
    ... def outer_batched(batched, x, y):
    ...     return (x[:, :, None] if batched[0] else x[:, None]) * (y[:, None] if batched[1] else y)
    >>> outer_batched((True, False), np.ones((5, 2)), np.ones(3)).shape
    (5, 2, 3)
    """

    def register(rule: F) -> F:
        names = rule.__code__.co_varnames
        _note_batching(functions, BatchRule(rule, tuple(of.split()) or names[1:2]))
        return rule

    return register


def batch_by_elements(*functions: Callable) -> None:
    """Declare that functions work element by element on operands that are broadcast.

    NumPy's ufuncs and Python's operators need no declaration.
    """
    _note_batching(functions, "elements")


def batch_along_axis(
    *functions: Callable, default: int | None = None, place: int = 1, flat: bool = False
) -> None:
    """Declare that functions work along an axis, or several: see `AlongAxis`."""
    _note_batching(functions, AlongAxis(default, place, flat))


def _note_batching(functions: tuple[Callable, ...], how: Any) -> None:
    for function in functions:
        if function in BATCHING:
            raise ValueError(f"{_name_of(function)} has a batching rule already")
        BATCHING[function] = how


def names_of(rule: Callable) -> list[str]:
    """The names of all parameters of a rule."""
    code = rule.__code__
    stars = bool(code.co_flags & 0x04) + bool(code.co_flags & 0x08)
    return list(code.co_varnames[: code.co_argcount + code.co_kwonlyargcount + stars])


def tangent_names(rule: Callable) -> list[str]:
    """The names of the tangents that a forward rule takes: those before the result.

    >>> def product_jvp(x_dot, y_dot, out, x, y):
    ...     return x_dot * y + x * y_dot
    >>> tangent_names(product_jvp)
    ['x_dot', 'y_dot']
    """
    names = list(rule.__code__.co_varnames[: rule.__code__.co_argcount])
    count = 0
    while count < len(names) and names[count].endswith("_dot"):
        count += 1
    return names[:count]


def _same_code(a: Callable, b: Callable) -> bool:
    return (a.__module__, a.__qualname__) == (b.__module__, b.__qualname__)


def nondifferentiable(*functions: Any) -> Any:
    """Declare that the derivative of functions is zero everywhere; also a decorator.

    >>> @nondifferentiable
    ... def nearest(x):
    ...     return round(x)
    >>> nearest in NONDIFFERENTIABLE
    True
    """
    for function in functions:
        if not callable(function):
            raise TypeError(f"nondifferentiable: {function!r} is not a function")
        if function in RULES:
            raise ValueError(
                f"{_name_of(function)} has a derivative rule, {RULES[function].name}; "
                "it cannot be nondifferentiable as well"
            )
    for function in functions:
        declaring(function)
    NONDIFFERENTIABLE.update(functions)
    return functions[0] if len(functions) == 1 else None


# What declares rules: not inside a function that is differentiated.
DECLARING: set[Any] = {vjp_rule, jvp_rule, nondifferentiable}
DECLARED_INSIDE = (
    "a rule that is declared inside a function that is differentiated",
    "Declare it outside, once.",
)


# Modules of SciPy's → the module with their rules, which is imported once they are.
_SCIPY = {
    "scipy.special": "special",
    "scipy.stats": "distributions",
    "scipy.linalg": "scipy_linalg",
    "scipy.signal": "scipy_signal",
    "scipy.fft": "scipy_fft",
    "scipy.spatial.distance": "scipy_spatial",
    "scipy.sparse.linalg": "scipy_sparse",
}


def load_scipy_rules() -> None:
    """Register the rules of those modules of SciPy's that have been imported."""
    ready = [_SCIPY.pop(module) for module in list(_SCIPY) if module in sys.modules]
    for rules in ready:  # none of which asks for the others meanwhile
        importlib.import_module(f"srcdiff.runtime.rules.{rules}")


def rule_of(function: Any, forward: bool = False) -> Rule | None:
    """The rule of a function, None if it has none.

    forward   one that has no reverse rule will do, if it has a forward rule

    >>> rule_of(print) is None
    True
    """
    try:
        rule = RULES.get(function)
    except TypeError:  # no hash
        return None
    if rule is None and _SCIPY:
        load_scipy_rules()
        rule = RULES.get(function)
    return None if rule is not None and rule.vjp is None and not forward else rule


def not_overwriting(rule: Rule, args: tuple, kwargs: dict, false: Any = False) -> tuple:
    """The arguments without permissions to write to arrays, which a rule still reads.

    false   what stands for False
    """
    names = rule.parameters
    if not any(name.startswith("overwrite_") for name in (*names, *kwargs)):
        return args, kwargs
    args = tuple(
        false if i < len(names) and names[i].startswith("overwrite_") else arg
        for i, arg in enumerate(args)
    )
    return args, {k: v for k, v in kwargs.items() if not k.startswith("overwrite_")}


def _as_sample(point: Any) -> Sample:
    if isinstance(point, Sample):
        return point
    return Sample(point if isinstance(point, tuple) else (point,), {})


def _check_parameters(rule: types.FunctionType, function: Callable) -> None:
    code, name = rule.__code__, _name_of(function)
    varargs = bool(code.co_flags & 0x04)
    taken = code.co_varnames[: code.co_argcount]
    if len(taken) < 2 or (len(taken) == 2 and not varargs):
        raise TypeError(
            f"the rule {rule.__name__} for {name} takes {len(taken)} positional parameters; "
            f"it needs (d_out, out, then those of {name})"
        )
    if not isinstance(function, types.FunctionType):
        return  # NumPy's and Python's own tell too little; their samples are run in the tests
    primal = function.__code__
    required = primal.co_argcount - len(function.__defaults__ or ())
    needed = len(taken) - 2 - len(rule.__defaults__ or ())
    if not varargs and len(taken) - 2 < required:
        raise TypeError(
            f"the rule {rule.__name__} takes {len(taken) - 2} arguments after d_out and out, "
            f"but {name} has {required}: {', '.join(primal.co_varnames[:required])}"
        )
    if not primal.co_flags & 0x04 and needed > primal.co_argcount:
        raise TypeError(
            f"the rule {rule.__name__} needs {needed} arguments after d_out and out, "
            f"but {name} takes {primal.co_argcount}"
        )


def _check_free(rule: types.FunctionType, function: Callable) -> None:
    if function in NONDIFFERENTIABLE:
        raise ValueError(f"{_name_of(function)} is declared nondifferentiable, it takes no rule")
    # Ours do not ask for others of ours: these may be half loaded.
    old = rule_of(function) if is_outside(rule) else RULES.get(function)
    if old is None or old.vjp is None:
        return
    if (old.vjp.__module__, old.vjp.__qualname__) != (rule.__module__, rule.__qualname__):
        raise ValueError(
            f"{_name_of(function)} has a rule already, {old.vjp.__qualname__} "
            f"in {old.vjp.__module__}"
        )


def _check_sample(rule: types.FunctionType, point: Sample) -> None:
    code = rule.__code__
    names = code.co_varnames[2 : code.co_argcount]
    needed = len(names) - len(rule.__defaults__ or ())
    if len(point.args) > len(names) and not code.co_flags & 0x04:
        raise TypeError(
            f"a sample point of {rule.__name__} has {len(point.args)} arguments, "
            f"the rule takes {len(names)}: {', '.join(names)}"
        )
    missing = [name for name in names[len(point.args) : needed] if name not in point.kwargs]
    if missing:
        raise TypeError(
            f"a sample point of {rule.__name__} lacks {', '.join(missing)}; "
            "write a point as a tuple of all arguments"
        )
    if code.co_flags & 0x08:
        return
    known = code.co_varnames[2 : code.co_argcount + code.co_kwonlyargcount]
    unknown = [name for name in point.kwargs if name not in known]
    if unknown:
        raise TypeError(
            f"a sample point of {rule.__name__} has the keyword {unknown[0]!r}, "
            "which is not a parameter of the rule"
        )


def _name_of(function: Any) -> str:
    return str(getattr(function, "__qualname__", getattr(function, "__name__", repr(function))))
