"""What users declare: their rules as they are called, and what is checked of what these return.

    d_x, d_y = by_rule(area_vjp, 2, d_out, out, x, y)       calls area_vjp(d_out, out, x, y)

A gradient has the shape of its argument, or of the result, where the argument was broadcast to it.
Where the compiler can see that it has, generated code calls the rule itself; everything else, and
the tape, calls `by_rule` and `tangent_by_rule`, which look.
"""

# mypy: no-check-untyped-defs

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from srcdiff.runtime.errors import NoRuleError, RuleError
from srcdiff.runtime.kernels import unbroadcast
from srcdiff.runtime.plain_objects import parts_of, rebuild
from srcdiff.runtime.registry import DECLARING, RULES, Rule, forget

NUMBERS = "iufc"


def alike(value: Any, like: Any) -> Any:
    """The result of a function that has been declared to be like its argument; it is checked.

    >>> alike(np.float64(2.0), 1.0)
    2.0
    >>> alike(np.ones((2, 1)), np.ones(2))
    Traceback (most recent call last):
    srcdiff.runtime.errors.RuleError: a result of shape (2, 1), of float64, was declared to be \
like an argument of shape (2,), of float64
    """
    same = np.shape(value) == np.shape(like) and dtype_of(value) == dtype_of(like)
    if not same or type(like) is np.ndarray and type(value) is not np.ndarray:
        shapes = [f"of shape {np.shape(x)}, of {dtype_of(x)}" for x in (value, like)]
        raise RuleError(f"a result {shapes[0]}, was declared to be like an argument {shapes[1]}")
    return value if type(value) is type(like) else type(like)(value)


def source_of(rule: Any, wanted: Any) -> Any:
    """The function whose source is read for a reverse rule: one that is put together for some of
    the arguments has the attribute `of`, `of(wanted)`.

    >>> source_of(len, (0,))
    <built-in function len>
    """
    of = getattr(rule, "of", None)
    return rule if of is None else of(tuple(sorted(wanted)))


def takes_all(rule: Any) -> bool:
    """Whether a forward rule is given all tangents, 0.0 for those that there are none of: it is
    linear in them, though its source does not show it, and says so by the attribute `linear`."""
    return hasattr(rule, "linear")


def rule_name(rule: Any) -> str:
    return str(getattr(rule, "__qualname__", repr(rule))).rpartition("<locals>.")[2]


def by_rule(rule: Callable, count: int, d_out: Any, out: Any, *args: Any, **kwargs: Any) -> tuple:
    """The gradients of the first `count` arguments, as a reverse rule gives them, in the shapes and
    dtypes of these and in memory of their own; RuleError if they are unlike them.

    >>> def area_vjp(d_out, out, x, y):
    ...     return d_out * y, None
    >>> by_rule(area_vjp, 2, 1.0, 6.0, 2.0, 3.0)
    (3.0, 0.0)
    >>> by_rule(area_vjp, 2, np.ones(2), np.ones(2), 3.0, np.ones(2))
    (np.float64(2.0), array([0., 0.]))
    >>> by_rule(area_vjp, 1, 1.0, np.ones(2), np.ones(2), 3.0)
    Traceback (most recent call last):
    srcdiff.runtime.errors.RuleError: the rule area_vjp gives a gradient of shape () for `x`, \
which has shape (2,)
      Return a gradient with the shape of the argument.
    """
    given = map_arrays(read_only, (d_out, out, *args))
    named = {k: map_arrays(read_only, v) for k, v in kwargs.items()}
    found = gradients(rule, called(rule, given, named), args, kwargs, out)
    if len(found) < count:
        raise RuleError(f"the rule {rule_name(rule)} returns no gradient for "
                        f"{name_at(parameters(rule), count - 1)}, which is differentiated", None,
                        "Return one for each argument, None for none.")  # fmt: skip
    places = places_of(rule, args, kwargs)
    return tuple(
        fitted(found[i], places[i]) if i in places else None for i in range(count)
    )


def gradients(rule: Callable, found: Any, args: Any, kwargs: dict, out: Any) -> tuple:
    """What a reverse rule has returned for its parameters, which is checked; those of containers
    are `aligned`."""
    found = list(as_tuple(rule, found, args))
    places = places_of(rule, args, kwargs)
    for i, d in enumerate(found):
        if i in places:
            name = name_at(parameters(rule), i)
            found[i] = aligned(rule, d, places[i], name)
            check(rule, found[i], places[i], out, name)
    return tuple(found)


def aligned(rule: Callable, d: Any, like: Any, name: str, what: str = "gradient",
            parts: Callable = parts_of, where: Any = None) -> Any:  # fmt: skip
    """A gradient as its argument is taken apart: a tuple of the gradients of what a container
    holds, in its order, with None for what the gradient has no key of; RuleError for keys and
    items that the container has not.

    parts   `parts(tree)` → the class and the parts by their keys, as `parts_of` has them; the class
            `object` where they are not known

    >>> def line_vjp(d_out, out, p):
    ...     return {"w": d_out}
    >>> aligned(line_vjp, {"w": 1.0}, {"b": 3.0, "w": 2.0}, "`p`")
    (None, 1.0)
    >>> aligned(line_vjp, {"v": 1.0}, {"b": 3.0, "w": 2.0}, "`p`")
    Traceback (most recent call last):
    srcdiff.runtime.errors.RuleError: the rule line_vjp gives a gradient for 'v' of `p`, which has \
'b', 'w' and no more
      Return a dict with some of these keys.
    """
    want, have = parts(like), parts(d)
    if d is None:
        return None
    if want is None:  # what is no number has no gradient
        return None if like is None or isinstance(like, str) or callable(like) else d
    cls, held = want
    if cls is object or have is not None and have[0] is object:
        return d
    if have is None:
        raise another_structure(rule, what, name, cls, held, where)
    form, given = have
    if form is tuple and cls is not dict and len(given) == len(held):
        given = dict(zip(held, given.values()))
    elif form is tuple or cls in (tuple, dict) and form is not cls:
        raise another_structure(rule, what, name, cls, held, where)
    for key in given:
        if key not in held:
            raise RuleError(
                f"the rule {rule_name(rule)} gives a {what} for {key!r} of {name}, which has "
                f"{', '.join(map(repr, held))} and no more", where,
                f"Return a {'dict' if cls is dict else cls.__name__} with some of these "
                f"{'keys' if cls is dict else 'attributes'}.")  # fmt: skip
    return tuple(
        aligned(rule, given.get(key), part, part_name(name, cls, key), what, parts, where)
        for key, part in held.items()
    )


def check_places(rule: Rule, places: Any, where: Any = None) -> None:
    """RuleError for arguments that are differentiated, of which a pair gives no gradient."""
    for place in places:
        if place in rule.nondiff:
            name = name_at(rule.parameters, place)
            raise RuleError(
                f"{name} of {rule.name} depends on what is differentiated, and is one of its "
                "`nondiff_argnums`", where,
                "Leave it out of them, and let the second function return its gradient, or mark "
                "what is passed with `detach`.")  # fmt: skip


def no_likeness(function: Any, where: Any = None) -> RuleError:
    return RuleError(
        f"`like` of the rule of {rule_name(function)} is a function that cannot be compiled, or "
        "returns no array", where, "Let it return one: `like=lambda x: np.ones(2)`.")  # fmt: skip


def returns(function: Any, what: str, where: Any = None) -> RuleError:
    """The error of a function with a rule that returns a container which is no tuple of arrays."""
    return RuleError(f"{rule_name(function)}, which has a rule, returns {what}", where,
                     "Return a number, an array or a tuple of them.")  # fmt: skip


def another_structure(rule: Callable, what: str, name: str, cls: type, held: dict,
                      where: Any = None) -> RuleError:  # fmt: skip
    form = f"tuple of {len(held)} {what}s" if cls is tuple else \
        f"{cls.__name__} of {what}s, with {', '.join(map(repr, held))},"  # fmt: skip
    return RuleError(
        f"the rule {rule_name(rule)} gives a {what} of another structure than {name} has",
        where, f"Return a {form} for it.")  # fmt: skip


def part_name(name: str, cls: type, key: Any) -> str:
    """
    >>> part_name("`p`", dict, "w"), part_name("argument 1", tuple, 0)
    ("`p['w']`", 'argument 1')
    """
    if not name.endswith("`") or cls is tuple:
        return name
    return f"{name[:-1]}[{key!r}]`" if cls is dict else f"{name[:-1]}.{key}`"


def places_of(rule: Callable, args: Any, kwargs: dict) -> dict[int, Any]:
    """The arguments of a call by the places where a rule returns their gradients."""
    names = parameters(rule)
    return dict(enumerate(args)) | {names.index(k): v for k, v in kwargs.items() if k in names}


def fitted(d: Any, arg: Any) -> Any:
    """A gradient in the shape and dtype of its argument, in memory of its own."""
    held = parts_of(arg)
    if held is not None:
        parts = [None] * len(held[1]) if d is None else d
        found = tuple(fitted(part, of) for part, of in zip(parts, held[1].values()))
        return list(found) if type(arg) is list else found
    if d is None or dtype_of(arg) is None:
        return np.zeros_like(arg) if type(arg) is np.ndarray else 0.0
    d = unbroadcast(d, np.shape(arg))
    dtype = dtype_of(arg)
    if type(arg) is not np.ndarray:
        d = d[()] if type(d) is np.ndarray else d
        return d if dtype is None or dtype.itemsize == 8 else dtype.type(d)
    return np.array(d, dtype if dtype is not None and dtype.kind in "fc" else None)


def as_tuple(rule: Callable, found: Any, args: Any, where: Any = None,
             parts: Callable = parts_of) -> tuple:  # fmt: skip
    """The gradients, of which there is at most one for each argument."""
    returned(rule, found, where)
    count = count_of(rule, args)
    form = parts(found)
    if form is not None and issubclass(form[0], tuple) and form[0] is not tuple:
        first = parts(args[0]) if args else None  # a namedtuple: the gradient of one, or gradients
        found = (found,) if first is not None and first[0] is form[0] else tuple(form[1].values())
    if hasattr(rule, "parameter_names") and not isinstance(found, tuple | list):
        raise RuleError(f"the rule {rule_name(rule)} does not return a tuple", where,
                        "Return a tuple, with one gradient for each argument that has one: "
                        "`return d_x,`.")  # fmt: skip
    if isinstance(found, list):
        raise RuleError(f"the rule {rule_name(rule)} returns a list", where,
                        "Return a tuple, one gradient for each argument.")  # fmt: skip
    found = found if isinstance(found, tuple) else (found,)
    if len(found) > count:
        given = f"{count} argument{'s' * (count != 1)}"
        raise RuleError(f"the rule {rule_name(rule)} returns {len(found)} gradients, for {given}",
                        where, "Return one for each argument, None for none.")  # fmt: skip
    return found


def returned(rule: Callable, found: Any, where: Any = None) -> None:
    """RuleError where a rule has returned nothing."""
    if found is None:
        raise RuleError(f"the rule {rule_name(rule)} returns None", where,
                        "It has no `return`, perhaps.")  # fmt: skip


def not_linear(rule: Callable, shifted: bool, what: str, where: Any = None) -> RuleError:
    """The error of a rule that does not return what is linear in what it is given first."""
    how = "adds" if shifted else "returns"
    them = "them" if what.endswith("s") else "it"
    return RuleError(
        f"the rule {rule_name(rule)} is not linear in {what}: it {how} what does not depend on "
        f"{them}", where, f"Return a sum of products with {them}.")  # fmt: skip


def check_linear(rule: Callable, found: Any, again: Any) -> None:
    """RuleError if a rule, which has given `found` for tangents, does not give -2 times as much for
    -2 times the tangents.

    >>> def slope_jvp(x_dot, out, x):
    ...     return abs(x_dot) * x
    >>> check_linear(slope_jvp, 3.0, 6.0)
    Traceback (most recent call last):
    srcdiff.runtime.errors.RuleError: the rule slope_jvp is not linear in the tangents: for -2 \
times the tangents it does not give -2 times the result
      Return a sum of products with them, which is 0 where they are.
    """
    form, other = parts_of(found), parts_of(again)
    if form is not None and other is not None:
        for part, twin in zip(form[1].values(), other[1].values()):
            check_linear(rule, part, twin)
        return
    first, second = np.asarray(-2 * found), np.asarray(again)
    finite = np.isfinite(first) & np.isfinite(second)
    size = max(abs(first[finite]).max(initial=0.0), abs(second[finite]).max(initial=0.0))
    if np.any(abs(first - second)[finite] > tolerance(first) * size):
        raise not_seen_linear(rule)


def tolerance(x: np.ndarray) -> float:
    return 1e-2 if x.dtype.itemsize < 8 or x.dtype == np.complex64 else 1e-7


def not_seen_linear(rule: Callable) -> RuleError:
    return RuleError(
        f"the rule {rule_name(rule)} is not linear in the tangents: for -2 times the tangents it "
        "does not give -2 times the result", None,
        "Return a sum of products with them, which is 0 where they are.")  # fmt: skip


def scaled(tree: Any, by: float) -> Any:
    """A tangent, times a number; None stays."""
    form = parts_of(tree)
    if form is not None:
        return rebuild(tree, [scaled(part, by) for part in form[1].values()])
    return by * tree if dtype_of(tree) is not None else tree


def too_few(rule: Rule, what: str, found: int, count: int, where: Any = None) -> NoRuleError:
    """The error of a rule that returns no gradient where one is wanted."""
    return NoRuleError(
        f"{what}: {rule_name(rule.vjp)} returns {found} gradient{'s' * (found != 1)}, for {count} "
        f"argument{'s' * (count != 1)}", where,
        "Return a tuple, with one gradient for each argument.")  # fmt: skip


def count_of(rule: Callable, args: tuple) -> int:
    """For how many arguments a reverse rule may return gradients."""
    code = rule.__code__
    return max(len(args), 0 if code.co_flags & 0x04 else code.co_argcount - 2)


def tangent_by_rule(rule: Callable, count: int, *args: Any, **kwargs: Any) -> Any:
    """The tangent of the result, as a forward rule gives it for `count` tangents, then the result
    and the arguments; RuleError if it is unlike the result.

    >>> def cube_jvp(x_dot, out, x):
    ...     return 3 * x * x * x_dot
    >>> tangent_by_rule(cube_jvp, 1, 1.0, 8.0, 2.0)
    12.0
    """
    given = map_arrays(read_only, args)
    named = {k: map_arrays(read_only, v) for k, v in kwargs.items()}
    found = called(rule, given, named)
    check_tangent(rule, found, args[count])
    found = map_arrays(np.copy, found)
    again = (*[scaled(dot, -2.0) for dot in args[:count]], *given[count:])
    check_linear(rule, found, called(rule, again, named))
    return found


def check_tangent(rule: Callable, found: Any, out: Any) -> None:
    returned(rule, found)
    if isinstance(out, tuple):
        if not isinstance(found, tuple) or len(found) != len(out):
            raise RuleError(f"the rule {rule_name(rule)} does not return a tangent for each of "
                            f"{len(out)} results", None, "Return a tuple of them.")  # fmt: skip
        for part, of in zip(found, out):
            check_tangent(rule, part, of)
        return
    check(rule, found, out, None, "the result", "tangent")


def called(rule: Callable, args: tuple, kwargs: dict) -> Any:
    """What a rule returns for arrays that it may not write to."""
    try:
        return rule(*args, **kwargs)
    except ValueError as error:
        if "read-only" in str(error):
            raise RuleError(f"the rule {rule_name(rule)} writes to an array that it is given",
                            None, "Let it make a new one.") from error  # fmt: skip
        raise


def check(rule: Callable, d: Any, arg: Any, out: Any, name: str, what: str = "gradient") -> None:
    """Raise RuleError for what is no gradient of an argument; that of a container is `aligned`."""
    if d is None:
        return
    form = parts_of(arg)
    if form is not None:
        cls, held = form
        for (key, of), part in zip(held.items(), d):
            check(rule, part, of, out, part_name(name, cls, key), what)
        return
    have, want = dtype_of(d), dtype_of(arg)
    if want is None:  # nothing is differentiated by it
        return
    if have is None or have.kind not in NUMBERS or want is not None and is_unreal(have, want, out):
        raise wrong_dtype(rule, describe(d, have), name, describe(arg, want), what)
    shapes = np.shape(d), np.shape(arg)
    if shapes[0] != shapes[1]:
        broadcast = out is not None and not isinstance(out, tuple) and shapes[0] == np.shape(out)
        if not broadcast or not is_spread(shapes[1], shapes[0]):
            raise wrong_shape(rule, shapes[0], name, shapes[1], what)


def is_unreal(have: np.dtype, want: np.dtype, out: Any) -> bool:
    """Whether it is a complex gradient where nothing else is complex."""
    rest = dtype_of(out)
    return have.kind == "c" and want.kind != "c" and (rest is None or rest.kind != "c")


def wrong_dtype(rule: Callable, have: str, name: str, want: str, what: str = "gradient",
                where: Any = None) -> RuleError:  # fmt: skip
    return RuleError(
        f"the rule {rule_name(rule)} gives {have} as the {what} of {name}, which is {want}",
        where, "Return floats where the argument has floats.",
    )  # fmt: skip


def wrong_shape(rule: Callable, have: Any, name: str, want: Any, what: str = "gradient",
                where: Any = None) -> RuleError:  # fmt: skip
    return RuleError(
        f"the rule {rule_name(rule)} gives a {what} of shape {have} for {name}, which has shape "
        f"{want}", where,
        f"Return a {what} with the shape of the {'argument' if what == 'gradient' else 'result'}.",
    )  # fmt: skip


def is_spread(small: tuple, large: tuple) -> bool:
    """Whether an array of one shape is broadcast to another.

    >>> is_spread((3,), (2, 3)), is_spread((), (2,)), is_spread((2,), (2, 3))
    (True, True, False)
    """
    try:
        return np.broadcast_shapes(small, large) == large
    except ValueError:
        return False


def dtype_of(x: Any) -> np.dtype | None:
    found = getattr(x, "dtype", None)
    if found is None and isinstance(x, int | float | complex):
        found = np.dtype(type(x))
    return found


def describe(x: Any, dtype: np.dtype | None) -> str:
    if dtype is None:
        return f"a {type(x).__name__}"
    return f"an array of {dtype}" if np.ndim(x) else f"a number of {dtype}"


def parameters(rule: Callable) -> list[str]:
    names = getattr(rule, "parameter_names", None)  # of what is put together
    if names is not None:
        return list(names)
    code = getattr(rule, "__code__", None)
    return [] if code is None else list(code.co_varnames[2 : code.co_argcount])


def name_at(names: list[str], i: int) -> str:
    return f"`{names[i]}`" if i < len(names) else f"argument {i}"


def read_only(x: Any) -> Any:
    view = x.view()
    view.flags.writeable = False
    return view


def map_arrays(f: Callable, tree: Any) -> Any:
    if type(tree) is np.ndarray:
        return f(tree)
    if isinstance(tree, tuple | list | dict):
        _, held = parts_of(tree)
        return rebuild(tree, [map_arrays(f, part) for part in held.values()])
    return tree


def map_leaves(f: Callable, tree: Any) -> Any:
    """`f` of what containers hold, in containers like them."""
    form = parts_of(tree)
    if form is None:
        return f(tree)
    return rebuild(tree, [map_leaves(f, part) for part in form[1].values()])


# ------------------------------------------------------------------ custom_vjp


class custom_vjp:  # noqa: N801  (JAX's name)
    """A function that is differentiated by two functions of yours, as `jax.custom_vjp` has it.

    nondiff_argnums   the places of arguments that nothing is differentiated by

    `f.defvjp(fwd, bwd)` declares them. `fwd` takes the arguments of f and returns (result,
    residuals), where the residuals are whatever `bwd` needs; `bwd(*nondiff, residuals, d_out)`
    returns a tuple with one gradient for each other argument, None for none. A function that is
    differentiated runs `fwd` instead of f; forward mode transposes the two.

    >>> @custom_vjp
    ... def log1pexp(x):
    ...     return np.log1p(np.exp(x))
    >>> def log1pexp_fwd(x):
    ...     e = np.exp(x)
    ...     return np.log1p(e), e
    >>> def log1pexp_bwd(e, d_out):
    ...     return (d_out * (1 - 1 / (1 + e)),)
    >>> log1pexp.defvjp(log1pexp_fwd, log1pexp_bwd)
    >>> from srcdiff import grad
    >>> df = grad(lambda x: log1pexp(x) * 2.0)
    >>> df(0.0)
    np.float64(1.0)
    >>> print(df.source.rstrip())
    def f_grad(x):
        _, res = log1pexp_fwd(x)
        # adjoint
        return log1pexp_bwd(res, 2.0)[0]

    Raises TypeError for what is no function; `RuleError`, at the derivative, for gradients that do
    not fit the arguments, and where nothing was declared.
    """

    __name__: str
    __qualname__: str

    def __init__(self, f: Callable, nondiff_argnums: tuple[int, ...] = ()) -> None:
        if not callable(f):
            raise TypeError(f"custom_vjp: {f!r} is not a function")
        self.f = f
        self.nondiff_argnums = tuple(nondiff_argnums)
        functools.update_wrapper(self, f)
        self.signature = inspect.signature(f)
        self.declare(*[undeclared(self)] * 2)

    def defvjp(self, fwd: Callable, bwd: Callable) -> None:
        """Declare the function that runs forwards and the one that runs backwards."""
        for function in (fwd, bwd):
            if not callable(function):
                raise TypeError(f"defvjp: {function!r} is not a function")
        self.declare(fwd, bwd)

    def declare(self, fwd: Callable, bwd: Callable) -> None:
        vjp: Any = composed(fwd, bwd, self.nondiff_argnums)
        vjp.__qualname__ = vjp.__name__ = getattr(bwd, "__name__", "bwd")
        vjp.parameter_names = tuple(self.signature.parameters)
        forget(self)  # counts: what has been generated is stale
        RULES[self] = Rule(
            (self,), vjp, name=self.__name__, declared=True, pair=(fwd, bwd),
            nondiff=self.nondiff_argnums,
        )  # fmt: skip

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self.f(*args, **kwargs)

    def positional(self, args: tuple, kwargs: dict) -> tuple:
        """The arguments of a call, all of them by position, as `fwd` takes them."""
        bound = self.signature.bind(*args, **kwargs)
        bound.apply_defaults()
        if bound.kwargs:
            raise TypeError(f"{self.__name__}, a custom_vjp, takes no keyword-only arguments")
        return bound.args

    def __get__(self, instance: Any, owner: Any = None) -> Any:
        return self if instance is None else functools.partial(self, instance)

    def __repr__(self) -> str:
        return f"custom_vjp({self.__qualname__})"


DECLARING.add(custom_vjp)


def undeclared(f: custom_vjp) -> Callable:
    def missing(*args: Any) -> Any:
        raise RuleError(f"{f.__name__} is a custom_vjp for which nothing was declared", None,
                        f"Call `{f.__name__}.defvjp(fwd, bwd)`.")  # fmt: skip

    return missing


def composed(fwd: Callable, bwd: Callable, nondiff: tuple[int, ...]) -> Callable:
    """The reverse rule that two functions make, which runs the first again."""
    if not nondiff:

        def vjp(d_out, out, *args):
            value, residuals = fwd(*args)
            return bwd(residuals, d_out)

        return vjp

    def vjp_of_some(d_out, out, *args):
        value, residuals = fwd(*args)
        given = [args[i] for i in nondiff]
        found = bwd(*given, residuals, d_out)
        return spread(found, nondiff)

    return vjp_of_some


def spread(found, nondiff):
    """Gradients, with None at the places of what is not differentiated.

    >>> spread((1.0, 2.0), (1,))
    (1.0, None, 2.0)
    """
    if not isinstance(found, tuple):
        return found  # which is refused
    whole = list(found)
    for i in sorted(nondiff):
        whole.insert(i, None)
    return tuple(whole)


def no_pair(fwd: Callable, where: Any = None) -> RuleError:
    return RuleError(f"the rule {rule_name(fwd)} does not return a pair", where,
                     "Return (result, residuals).")  # fmt: skip


def ruled(value: Any, residuals: Any, *args: Any) -> Any:
    """The value that the first function of a pair has returned: the second differentiates it."""
    return value


def backwards(rule: Any, residuals: Any) -> Callable:
    """The second function of a pair as a reverse rule, for residuals that are there."""

    def by_second(d_out: Any, out: Any, *args: Any) -> Any:
        found = rule.pair[1](*[args[i] for i in rule.nondiff], residuals, d_out)
        return spread(found, rule.nondiff) if rule.nondiff else found

    vjp: Any = by_second
    vjp.__qualname__ = rule.vjp.__qualname__
    vjp.parameter_names = rule.vjp.parameter_names
    vjp.whole = rule.vjp  # which runs the first function again, to be differentiated
    return vjp


def by_pair(rule: Rule, count: int, residuals: Any, d_out: Any, out: Any, *args: Any) -> tuple:
    """What `by_rule` gives, by the second function of a pair."""
    return by_rule(backwards(rule, residuals), count, d_out, out, *args)


def halved(rule: Any, args: Any) -> tuple[Any, Rule]:
    """The result of a pair's first function, and a rule for this call alone."""
    made = rule.pair[0](*args)
    if not isinstance(made, tuple) or len(made) != 2:
        raise no_pair(rule.pair[0])
    return made[0], replace(rule, vjp=backwards(rule, made[1]), pair=None)
