"""Derivatives along directions, and all of them at once: what `jvp`, `hvp`, `jacobian` … return.

    jvp(f, (x,), (x_dot,))       the value, and its derivative along x_dot    (forward mode)
    hvp(f)(x, v)                 the derivative of the gradient along v       (forward over reverse)
    jacobian(f)(x)               every derivative of every output
    hessian(f)(x)                those of the gradient
    pullback(f)(x, d_out)        the gradients for a cotangent of the value   (reverse mode)

Each is compiled once for arguments of one kind, as `grad` is. A Jacobian is a matrix that is put
together from products with rows of seeds, the unit vectors: rows by reverse mode or columns by
forward mode.
"""

from __future__ import annotations

import functools
import inspect
import itertools
import types
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

from srcdiff.api import (
    FIRST,
    NO_TAPE,
    Differentiated,
    Function,
    Wrt,
    _check_output,
    _Code,
    _name_line,
    _Pullback,
    checked_checkpoint,
    checked_fallback,
    checked_wrt,
    kept,
)
from srcdiff.coordinates import Coordinates, cast_to, table
from srcdiff.runtime.derivative import DERIVING, MAKERS
from srcdiff.runtime.errors import (
    ComplexPowerError,
    NoRuleError,
    SrcdiffError,
    UnknownArgumentError,
    UnsupportedSyntaxError,
)
from srcdiff.signature import Callee, Entry, Refused, default, describe, key_of
from srcdiff.sparsity import (
    Colouring,
    Detected,
    as_pattern,
    dependences,
    entries,
    missing,
    with_colours,
)
from srcdiff.tracebacks import trim
from srcdiff.trees import (
    as_tangent,
    children,
    cotangent,
    each_cast,
    has_float,
    is_attribute,
    is_float,
    is_int,
    leaves,
    moving,
    outline,
    private,
    rebuild,
    scalars,
    spelled,
    step_into,
    tangent,
    whole_container,
)


def jvp(
    f: Function,
    args: Any = None,
    tangents: Any = None,
    *,
    has_aux: bool = False,
    fallback: str = "tape",
    unroll: int | None = None,
) -> Any:
    """The value of f at args, and its derivative along tangents: (value, tangent).

    `tangents` has one entry for each of args, of its structure and shapes; None, for one of them
    or for a part of one, says that it does not move, and must be where there are no floats. The
    tangent of the value has the structure, shapes and dtypes of the value, None where it is no
    float. With `has_aux` the function returns (output, aux), and the result is
    (value, tangent, aux). An object whose fields move is an argument, too: of a method it is
    `jvp(Model.loss, (model, x), (model_dot, None))`.

    Without args, `jvp(f)` is the function of (args, tangents) itself, which is compiled once and
    shows its `source`; `jvp(f).specialize(args, tangents)` takes arguments, then tangents.

    >>> import numpy as np
    >>> def f(x, k):
    ...     return np.sin(k * x)
    >>> x = np.array([0.0, 1.0])
    >>> jvp(f, (x, 2.0), (np.ones(2), None))
    (array([0.        , 0.90929743]), array([ 2.        , -0.83229367]))
    >>> df = jvp(f)
    >>> _ = df((x, 2.0), (np.ones(2), None))
    >>> print(df.source.rstrip())
    def f_jvp(x, k, x_dot):
        t = k * x
        return np.sin(t), k * x_dot * np.cos(t)

    Raises ValueError or TypeError for tangents that do not fit the arguments; otherwise what
    `grad` raises, but any output is allowed.
    """
    if args is None and tangents is None:
        return Pushforward("jvp", f, (), has_aux, checked_fallback(fallback), unroll)
    if tangents is None:
        raise TypeError("jvp(f, args, tangents): the tangents are missing; without both it is the "
                        "function of them: jvp(f)(args, tangents)")  # fmt: skip
    push = kept(Pushforward, "jvp", f, (), bool(has_aux), checked_fallback(fallback), unroll)
    return push(args, tangents)


def hvp(
    f: Function | None = None,
    wrt: Wrt = FIRST,
    *,
    argnums: Wrt | None = None,
    has_aux: bool = False,
    unroll: int | None = None,
    checkpoint: Any = None,
) -> Any:
    """The product of the Hessian of a function with one output and a vector: h(x, v, *args).

    v follows the argument that it belongs to, as in the `hessp` of `scipy.optimize.minimize`; it
    has its structure, with None where there are no floats. For a tuple of arguments in `wrt` each
    is followed by its own: h(x, v, y, w), and the result is a tuple. That of a part, as in
    `wrt="model.w"`, follows the argument that holds it. `self` of a bound method comes before all
    arguments, and so does the vector of a field: `hvp(model.loss, wrt="self.w")` is h(v, *args).

    >>> import numpy as np
    >>> def f(x, k):
    ...     return k * np.sum(x**3)
    >>> h = hvp(f)
    >>> h(np.array([1.0, 2.0]), np.array([1.0, 0.0]), 2.0)
    array([12.,  0.])
    >>> print(h.source.rstrip())
    def f_hvp(x, x_dot, k):
        # adjoint
        return 3 * k * (2 * x * x_dot)

    There are no second derivatives on the tape: what does not compile raises
    `UnsupportedSyntaxError`. `checkpoint` is that of `grad`.
    """
    settings = (checked_wrt("hvp", wrt, argnums), bool(has_aux), "error", unroll,
                checked_checkpoint(checkpoint))  # fmt: skip
    return _made(HessianProduct, "hvp", f, settings)


def pullback(
    f: Function,
    *,
    has_aux: bool = False,
    fallback: str = "tape",
    unroll: int | None = None,
    checkpoint: Any = None,
) -> Pullback:
    """The gradients of f for a cotangent of its value: pull(*args, d_out).

    What `vjp(f, *args)[1](d_out)` gives, compiled once: a tuple with an entry for each argument,
    None for one without floats. `checkpoint` is that of `grad`.

    >>> import numpy as np
    >>> pull = pullback(lambda x, k: np.sin(k * x))
    >>> pull(np.zeros(2), 2.0, np.array([1.0, 0.0]))
    (array([2., 0.]), np.float64(0.0))
    """
    checked_checkpoint(checkpoint)
    fallback = checked_fallback(fallback)
    return Pullback("pullback", f, (), bool(has_aux), fallback, unroll, checkpoint)


def jacobian(
    f: Function | None = None,
    wrt: Wrt = FIRST,
    *,
    mode: str = "auto",
    matrix: bool = False,
    sparsity: Any = None,
    argnums: Wrt | None = None,
    has_aux: bool = False,
    fallback: str = "tape",
    unroll: int | None = None,
) -> Any:
    """Every derivative of every output: an array of the shape of the output, then of the argument.

    Where the output or an argument is a container, so is the result: at each number or array of the
    output it holds what the gradient of that would hold. `wrt` is that of `grad` but for local
    variables: a tuple gives a tuple, and "self.w" of a bound method or "model.w" is a field.

    mode     "forward" (a run of f with its tangent for each number in `wrt`), "reverse" (a run with
             its adjoint for each number of the output), or "auto", whichever is less
    matrix   a single matrix instead: a row for each number of the output, a column for each number
             in `wrt`, from left to right, whatever holds them
    sparsity where that matrix can be other than zero, as a matrix of any kind; "auto" finds it
             out from the program. The result is a `scipy.sparse.csr_array` then, put together from
             a run for each group of columns, or of rows, that do not overlap

    >>> import numpy as np
    >>> def f(x, k):
    ...     return np.array([k * x[0], x[0] * x[1] ** 2])
    >>> jacobian(f)(np.array([2.0, 3.0]), 5.0)
    array([[ 5.,  0.],
           [ 9., 12.]])
    >>> jacobian(f, wrt="k")(np.array([2.0, 3.0]), 5.0)
    array([2., 0.])
    >>> jacobian(f, wrt=("x", "k"), matrix=True)(np.array([2.0, 3.0]), 5.0)
    array([[ 5.,  0.,  2.],
           [ 9., 12.,  0.]])

    >>> jacobian(np.diff, sparsity="auto")(np.array([1.0, 2.0, 4.0])).toarray()
    array([[-1.,  1.,  0.],
           [ 0., -1.,  1.]])

    What f takes by keyword alone is given by keyword, and is not in `wrt`. f runs once in forward
    mode. Reverse mode and `sparsity` run it first to see what it returns, a
    method with a copy of its object, and what does not compile runs for each row or column.

    Raises ValueError for a sparsity of the wrong shape, SrcdiffError for one that lacks an entry;
    `UnsupportedSyntaxError` for a function that stores a number or an array outside, in its object
    for instance, and would have to do so for each row or column.

    It has a `source`, that of `jvp` or of `pullback`, as soon as it has been called.
    """
    mode = {"fwd": "forward", "rev": "reverse"}.get(mode, mode)
    if mode not in ("auto", "forward", "reverse"):
        raise ValueError(f'mode must be "auto", "forward" or "reverse", not {mode!r}')
    wrt = checked_wrt("jacobian", wrt, argnums)
    sparsity = checked_sparsity(sparsity)
    fallback = checked_fallback(fallback)
    settings = (wrt, bool(has_aux), fallback, unroll, bool(matrix), sparsity, mode)
    return _made(Jacobian, "jacobian", f, settings)


def hessian(
    f: Function | None = None,
    wrt: Wrt = FIRST,
    *,
    matrix: bool = False,
    sparsity: Any = None,
    argnums: Wrt | None = None,
    has_aux: bool = False,
    unroll: int | None = None,
) -> Any:
    """The second derivatives of a function with one output, by forward over reverse mode.

    An array of twice the shape of the argument, symmetric; with containers, or a tuple in `wrt`,
    the structure of the gradient, each leaf of which has it again. `matrix=True` gives a single
    matrix instead, with a row and a column for each number in `wrt`; `sparsity` is that of
    `jacobian`, for this matrix, of which a triangle will do. `wrt` is that of `jacobian`.

    >>> import numpy as np
    >>> hessian(lambda x: x[0] ** 2 * x[1])(np.array([2.0, 3.0]))
    array([[6., 4.],
           [4., 0.]])
    >>> hessian(lambda x, y: x**2 * y, wrt=(0, 1))(2.0, 3.0)
    ((np.float64(6.0), np.float64(4.0)), (np.float64(4.0), np.float64(0.0)))
    >>> hessian(lambda x, y: x**2 * y, wrt=(0, 1), matrix=True)(2.0, 3.0)
    array([[6., 4.],
           [4., 0.]])

    What does not compile raises, as for `hvp`.
    """
    wrt, sparsity = checked_wrt("hessian", wrt, argnums), checked_sparsity(sparsity)
    settings = (wrt, bool(has_aux), "error", unroll, bool(matrix), sparsity)
    return _made(Hessian, "hessian", f, settings)


def jacobian_sparsity(
    f: Function | None = None,
    wrt: Wrt = FIRST,
    *,
    argnums: Wrt | None = None,
    has_aux: bool = False,
    unroll: int | None = None,
) -> Any:
    """Where a Jacobian can be other than zero: a `scipy.sparse.csr_array` of bools.

    It has a row for each number of the output and a column for each number in `wrt`, and comes from
    the program: an entry that it lacks is zero whatever the numbers in `wrt` are, and the numbers
    beside them, as long as shapes, ints, flags, and arrays beside them are these. It may have more:
    what is not known depends on all that it is made of.

    >>> import numpy as np
    >>> def second_difference(u, h):
    ...     return (u[2:] - 2 * u[1:-1] + u[:-2]) / h**2
    >>> jacobian_sparsity(second_difference)(np.ones(5), 0.1).astype(int).toarray()
    array([[1, 1, 1, 0, 0],
           [0, 1, 1, 1, 0],
           [0, 0, 1, 1, 1]])

    That of a gradient, `jacobian_sparsity(grad(f))`, is where the Hessian can be other than zero.
    What does not compile raises `UnsupportedSyntaxError`.
    """
    settings = (checked_wrt("jacobian_sparsity", wrt, argnums), bool(has_aux), "error", unroll)
    return _made(Pattern, "jacobian_sparsity", f, settings)


def checked_sparsity(given: Any) -> Any:
    """None, "auto", or a pattern."""
    if given is None or isinstance(given, str) and given == "auto":
        return given
    return as_pattern(given)


NONE: Any = types.MappingProxyType({})  # no arguments by keyword


def _made(cls: Any, how: str, f: Function | None, settings: tuple[Any, ...]) -> Any:
    """The derivative of f; of no function, the decorator that makes one."""
    return cls(how, f, *settings) if f is not None else lambda f: cls(how, f, *settings)


MAKERS.update({jacobian: "jacobian", hessian: "hessian"})
DERIVING.add(jvp)
MAKERS.update({jvp: "jvp", hvp: "hvp", pullback: "pullback"})


class Directional(Differentiated):
    """A function that is given tangents for some of its arguments."""

    _helpers_on_tape = False

    def _split(self, args: tuple, kwargs: dict) -> tuple[tuple, dict, tuple, dict[int, Any]]:
        """Of a call, the arguments of f, the tangents of those that are positional, and the
        tangents of what lies in arguments or in self: place in wrt → tangent."""
        raise NotImplementedError

    def _finished(self, code: _Code, result: Any) -> Any:
        raise NotImplementedError

    def _arranged(self, args: tuple, kwargs: dict, dots: dict[Any, Any]) -> tuple[tuple, dict]:
        """The arguments of the generated function."""
        raise NotImplementedError

    def __call__(self, /, *args: Any, **kwargs: Any) -> Any:
        __tracebackhide__ = True
        try:
            if self._is_method and args:
                return self.__get__(args[0], type(args[0]))(*args[1:], **kwargs)
            given = self._prepared(args, kwargs)
            self._latest = code = self._code_of(*given)
            return self._finished(code, self._called(code, *given))
        except Exception as error:
            trim(error)
            raise

    def specialize(self, /, *args: Any, **kwargs: Any) -> Function:
        """The generated function for arguments and tangents like these; see `grad`'s."""
        if self._is_method and args:
            return self.__get__(args[0], type(args[0])).specialize(*args[1:], **kwargs)
        try:
            self._latest = code = self._code_of(*self._prepared(args, kwargs))
        except Exception as error:
            trim(error)
            raise
        return self._generated(code)

    def _prepared(self, args: tuple, kwargs: dict) -> tuple[tuple, dict, dict[Any, Any]]:
        """The call of f itself, and the tangents that are not zero, as in `Request.moving`."""
        given, kwargs, tangents, inside = self._split(args, kwargs)
        callee = self._callee or self._parsed_callee()
        if callee.ahead or not self._completed:
            given, kwargs = self._complete(given, kwargs)
            tangents = (None,) * callee.ahead + tangents
        names, ahead = callee.positional, len(callee.positional)
        dots: dict[Any, Any] = {}
        rest: list = []  # of what a star has caught
        for at, dot in enumerate(tangents):
            if at >= ahead:
                rest.append(self._fitting(given[at], dot, callee.star) if callee.star else None)
            elif dot is not None:
                x = given[at]
                if is_int(x):
                    x = float(x)
                    given = (*given[:at], x, *given[at + 1 :])
                dot = self._fitting(x, dot, names[at])
                if type(dot) is np.ndarray or moving(dot):
                    dots[names[at]] = dot
        if any(dot is not None for dot in rest):
            dots[callee.star] = tuple(rest)
        if inside:
            entries = callee.entries(self._each_wrt, given, kwargs)
            arguments = callee.bind(given, kwargs)
            for k, dot in inside.items():
                entry = entries[k]
                callee.checked([entry], arguments)
                dot = self._fitting(callee.target(entry, arguments), dot, callee.spelled(entry))
                if type(dot) is np.ndarray or moving(dot):
                    dots[entry] = dot
        return given, kwargs, dots

    def _fitting(self, x: Any, dot: Any, name: str) -> Any:
        """A tangent of x as it is handed on; many of them are made to fit by who calls."""
        return dot if self._many else tangent(x, dot, name)

    def many(self, *args: Any, **kwargs: Any) -> Any:
        """What the generated function gives, for tangents with a leading axis."""
        given = self._prepared(args, kwargs)
        self._latest = code = self._code_of(*given)
        return self._called(code, *given)

    def _code_of(self, args: tuple, kwargs: dict, dots: dict[Any, Any]) -> _Code:
        try:
            key = key_of(args, kwargs)
        except Refused:
            raise self._parsed_callee().refused(args, kwargs) from None
        for name, dot in dots.items():
            key += name, True if type(dot) is np.ndarray else moving(dot)
        for code in self._codes.get(key, ()):
            if code.holds(args, kwargs):
                return code
        self._parsed_callee().bind(args, kwargs)  # raises what Python raises
        return self._compile(key, args, kwargs, moving=dots)

    def _may_run_on_tape(self, code: _Code) -> bool:
        return not code.entries and super()._may_run_on_tape(code)  # it pushes no gradients

    def _called(self, code: _Code, args: tuple, kwargs: dict, dots: dict[Any, Any]) -> Any:
        if code.overlaps:
            self._check_overlap(code, args, kwargs)
        if code.compiled.source is None:
            return code.function(args, kwargs, dots)
        if code.compiled.writes_outside:  # perhaps into a tangent
            dots = private(dots)
        given, named = self._arranged(args, kwargs, dots)
        try:
            return code.function(*given, **named)
        except Exception as error:
            # Python's numbers raise where NumPy's give inf or nan.
            if isinstance(error, ArithmeticError | ValueError) and code.on_numpy_scalars():
                return code.function(*given, **named)
            _name_line(error, code)
            why = self._why_on_tape(error, code, args, kwargs)
            self._warn(self, why)
            on_tape = self._on_tape(self._parsed_callee(), code.entries, why)
            return on_tape.function(args, kwargs, dots)


class Pushforward(Directional):
    """What `jvp(f)` returns: a function of (args, tangents).

    Where `wrt` leads into self, the tangents of these fields follow those of the arguments.
    """

    def _signed(self, of_f: inspect.Signature) -> inspect.Signature:
        return signature_of("args", "tangents", "**kwargs" * has_options(of_f))

    def _split(self, args: tuple, kwargs: dict) -> tuple[tuple, dict, tuple, dict[int, Any]]:
        given, tangents = args if len(args) == 2 else (None, None)
        if not isinstance(given, tuple | list) or not isinstance(tangents, tuple | list):
            raise TypeError("jvp: args and tangents must be two tuples, one entry for each argument"
                            ": jvp(f, (x, y), (x_dot, y_dot))")  # fmt: skip
        fields: list[int] = []
        if self._each_wrt:
            callee = self._parsed_callee()
            fields = [k for k, each in enumerate(self._each_wrt) if is_field(each, callee)]
        count = len(tangents) - len(fields)
        if len(given) != count:
            raise TypeError(f"jvp: there are {len(given)} args, but {count} tangents")
        inside = dict(zip(fields, tangents[count:]))
        return tuple(given), kwargs, tuple(tangents[:count]), inside

    def _arranged(self, args: tuple, kwargs: dict, dots: dict[Any, Any]) -> tuple[tuple, dict]:
        callee = self._parsed_callee()
        if callee.star or callee.keyword_only or kwargs:
            from srcdiff.transforms.pipeline import dot_names

            names = dot_names(dots, callee.bind(args, kwargs))
            return args, kwargs | dict(zip(names, dots.values()))
        return (*args, *dots.values()), kwargs

    def _finished(self, code: _Code, result: Any) -> Any:
        value, dot, *aux = result
        return (value, as_tangent(value, dot), *aux)

    def _entries(self, callee: Callee, args: tuple, kwargs: dict) -> tuple[Entry, ...]:
        found = callee.entries(self._each_wrt, args, kwargs)
        return tuple(entry for entry in found if entry[0] == "self")

    def _finish(self, entries: tuple[Entry, ...], arguments: dict[str, Any]) -> None:
        return None

    def _fits(self, *_: Any) -> None:
        return None

    def _on_tape(self, callee: Callee, entries: Any, error: Any, watched: Any = ()) -> Any:
        from srcdiff.fallback import PushOnTape
        from srcdiff.transforms import Compiled

        return Compiled(PushOnTape(callee, self._has_aux), None, error, (), False, {}, None)


def is_field(each: int | str, callee: Callee) -> bool:
    """Whether an element of wrt leads into a bound self."""
    return isinstance(each, str) and bool(callee.selves) and callee.base(each) == callee.selves_name


class HessianProduct(Directional):
    """What `hvp(f)` returns: a function of the arguments, some of which a vector follows."""

    _without_tape = NO_TAPE
    _places: list[tuple[int, bool]] | None = None  # of each in wrt, see `_place`

    def _signed(self, of_f: inspect.Signature) -> inspect.Signature:
        found = [self._place(each, self._parsed_callee()) for each in self._each_wrt]
        wanted = [place for place, whole in found if whole]
        given: list[inspect.Parameter] = []
        for at, p in enumerate(of_f.parameters.values()):
            given.append(p)
            if at in wanted:
                if p.kind > p.POSITIONAL_OR_KEYWORD or p.default is not p.empty:
                    return signature_of("*args", "**kwargs")
                given.append(p.replace(name=f"{p.name}_dot", annotation=p.empty))
        if len(wanted) < len(found) or len({p.name for p in given}) < len(given):
            return signature_of("*args", "**kwargs")
        return inspect.Signature(given)

    def _split(self, args: tuple, kwargs: dict) -> tuple[tuple, dict, tuple, dict[int, Any]]:
        places = self._places
        if places is None:
            callee = self._parsed_callee()
            places = [self._place(each, callee) for each in self._each_wrt]
            if not any(isinstance(each, str) for each in self._each_wrt):
                self._places = places
        if places == [(0, True)] and len(args) > 1:
            return (args[0], *args[2:]), kwargs, (args[1],), {}
        given: list = []
        tangents: list = []
        inside: dict[int, Any] = {}
        rest = iter(args)
        while True:
            at = len(given) - 1  # -1: what follows self, before all arguments
            for k, (place, whole) in enumerate(places):
                if place != at:
                    continue
                try:
                    vector = next(rest)
                except StopIteration:
                    what = f"argument {at}" if whole else f"what holds `{self._each_wrt[k]}`"
                    raise TypeError(f"{self!r}: {what} must be followed by its vector") from None
                if whole:
                    tangents[-1] = vector
                else:
                    inside[k] = vector
            try:
                given.append(next(rest))
            except StopIteration:
                return tuple(given), kwargs, tuple(tangents), inside
            tangents.append(None)

    def _fitting(self, x: Any, dot: Any, name: str) -> Any:
        try:
            return super()._fitting(x, dot, name)
        except (TypeError, ValueError) as error:
            error.add_note(f"The vector follows its argument: hvp(f)({name}, v, …)")
            raise

    def _place(self, each: int | str, callee: Callee) -> tuple[int, bool]:
        """The argument that a vector follows, -1 for self; whether it is that of the whole."""
        whole = True
        if isinstance(each, str):
            if is_field(each, callee):
                return -1, False
            name = callee.base(each)
            if name in callee.locals and name not in callee.parameters:
                raise callee.no_argument(name, "hvp")
            if name not in callee.positional:
                raise UnknownArgumentError(
                    f"`{callee.name}` has no positional parameter `{name}`", callee.where(),
                    "`hvp` takes in `wrt` positional parameters, and what lies in these and in"
                    " `self`.",
                )  # fmt: skip
            whole = name == each
            each = callee.positional.index(name) - callee.ahead
        if each < 0:
            raise UnknownArgumentError("hvp: positions in `wrt` count from the start")
        count = len(callee.positional) - callee.ahead
        if each >= count and not callee.star:
            raise UnknownArgumentError(
                f"`wrt={each}`, but `{callee.name}` has {count} positional parameters",
                callee.where(), "Positions count from 0.",
            )  # fmt: skip
        return each, whole

    def _prepared(self, args: tuple, kwargs: dict) -> tuple[tuple, dict, dict[Any, Any]]:
        given, kwargs, dots = super()._prepared(args, kwargs)
        if not dots:
            raise TypeError(f"{self!r}: the vector is None")
        return given, kwargs, dots

    def _arranged(self, args: tuple, kwargs: dict, dots: dict[Any, Any]) -> tuple[tuple, dict]:
        callee = self._parsed_callee()
        names = callee.positional
        if len(dots) == 1 and names and names[0] in dots:
            return (args[0], dots[names[0]], *args[1:]), kwargs
        if callee.star:  # the tangents of what it has caught stand behind it
            from srcdiff.transforms.pipeline import dot_names

            for name, key in zip(dot_names(dots, callee.bind(args, kwargs)), dots):
                if callee.star == (key if isinstance(key, str) else key[1]):
                    kwargs = kwargs | {name: dots[key]}
        inside = [(key, dot) for key, dot in dots.items() if not isinstance(key, str)]
        given = [dot for key, dot in inside if key[0] == "self"]
        for name, x in itertools.zip_longest(names[: len(args)], args):
            given.append(x)
            if name in dots:
                given.append(dots[name])
            given += [dot for key, dot in inside if key[:2] == ("argument", name)]
        return tuple(given), kwargs

    def _finished(self, code: _Code, result: Any) -> Any:
        return result if code.finish is None else code.finish(result)


class Pullback(_Pullback):
    """What `pullback(f)` returns: a function of the arguments and a cotangent of the value."""

    def _signed(self, of_f: inspect.Signature) -> inspect.Signature:
        if has_options(of_f) or "d_out" in of_f.parameters:
            return signature_of("*args")  # the cotangent is the last
        return signature_of(*of_f.parameters, "d_out")

    def __call__(self, /, *args: Any, **kwargs: Any) -> Any:
        __tracebackhide__ = True
        try:
            if self._is_method and args:
                return self.__get__(args[0], type(args[0]))(*args[1:], **kwargs)
            given, d_out = self._split(args, kwargs)
            value, gradients = self.value_and_gradients(given, d_out)
            return (gradients, value[1]) if self._has_aux else gradients
        except Exception as error:
            if isinstance(error, TypeError) and not kwargs and self._lacks_cotangent(args):
                error = TypeError(f"{self!r}: after the arguments there must be a cotangent of the "
                                  "value, of its shape: pullback(f)(x, d_out)")  # fmt: skip
                raise error from None
            trim(error)
            raise

    def specialize(self, /, *args: Any, **kwargs: Any) -> Function:
        """The generated function: of the arguments and d_out; it gives (value, gradients).

        There is a gradient for each argument that has floats.
        """
        if self._is_method and args:
            return self.__get__(args[0], type(args[0])).specialize(*args[1:], **kwargs)
        return super().specialize(*self._split(args, kwargs)[0])

    def _split(self, args: tuple, kwargs: dict) -> tuple[tuple, Any]:
        if kwargs.keys() - {"d_out"}:
            raise TypeError(f"{self!r} takes positional arguments, then the cotangent")
        if "d_out" in kwargs:
            return args, kwargs["d_out"]
        if not args:
            raise TypeError(f"{self!r}: the cotangent is missing")
        return args[:-1], args[-1]

    def _lacks_cotangent(self, args: tuple) -> bool:
        """Whether these are the arguments of the function, and no cotangent."""
        callee = self._parsed_callee()
        try:
            callee.bind(*self._complete(args, {}))
        except TypeError:
            return False
        try:
            callee.bind(*self._complete(args[:-1], {}))
        except TypeError:
            return True
        return False

    def value_and_gradients(
        self, args: tuple, d_out: Any, named: dict[str, Any] = NONE
    ) -> tuple[Any, tuple]:
        wanted = [has_float(x) for x in args]
        if not any(wanted):
            value = self._f(*private(args), **named)
            self._checked(value, d_out)
            return value, (None,) * len(args)
        full, kwargs = self._complete(args, named)
        self._latest = code = self._code_for(full, kwargs)
        if code.overlaps:
            self._check_overlap(code, full, kwargs)
        if code.compiled.source is None:
            on_tape: Any = code.compiled.function
            value, pull = on_tape.value_and_pull(full, kwargs)
            found = pull((d_out, None) if self._has_aux else d_out)
        else:
            if code.compiled.writes_outside:  # perhaps into the cotangent
                d_out = private((d_out,))[0]
            seed = cast_as(code.compiled.output_kind, d_out)
            try:
                value, found = self._called(code, full, kwargs | {"d_out": seed})
            except (ValueError, TypeError, LookupError, AttributeError):
                # Is it the cotangent that does not fit?
                self._checked(self._f(*private(args), **named), d_out)
                raise
            self._checked(value, d_out)
            out = value[0] if self._has_aux else value
            _check_output(code.compiled.output_kind, out, self.__name__, self._parsed_callee())
        gradients = iter(found if code.finish is None else code.finish(found))
        return value, tuple(next(gradients) if want else None for want in wanted)

    def recorded(self, args: tuple, named: dict) -> tuple[Any, Function] | None:
        """The value and its pullback, of one run on the tape; None where the function is compiled
        and finds the same whenever it runs."""
        wanted = [has_float(x) for x in args]
        full, kwargs = self._complete(args, named)
        try:
            code = self._code_for(full, kwargs)
        except SrcdiffError:  # there is no reverse mode
            return None
        if code.compiled.source is not None:
            if not draws(code.compiled.ir) or stores(code.compiled.ir):
                return None
            callee = self._parsed_callee()
            error = UnsupportedSyntaxError(
                f"`{self.__name__}` draws random numbers or calls what no one can see into, and"
                " would have to run more than once", callee.where(),
            )  # fmt: skip
            if self._fallback == "error":
                raise error
            self._warn(self, error)
            code.compiled = self._on_tape(callee, code.entries, error)
        self._latest = code
        on_tape: Any = code.compiled.function
        value, pull = on_tape.value_and_pull(full, kwargs)

        def gradients(d_out: Any) -> tuple:
            found = pull((d_out, None) if self._has_aux else d_out)
            each = iter(found if code.finish is None else code.finish(found))
            return tuple(next(each) if want else None for want in wanted)

        return value, gradients

    def _checked(self, value: Any, d_out: Any) -> None:
        cotangent(outline(value[0] if self._has_aux else value), d_out)

    def _called(self, code: _Code, args: tuple, kwargs: dict) -> Any:
        try:
            return code.function(*args, **kwargs)
        except ArithmeticError:  # Python's numbers raise where NumPy's give inf or nan
            if code.on_numpy_scalars():
                return code.function(*args, **kwargs)
            raise

    def _finish(self, entries: tuple[Entry, ...], arguments: dict[str, Any]) -> Any:
        casts = [scalars(self._parsed_callee().target(entry, arguments)) for entry in entries]
        return each_cast(casts) if any(casts) else None

    def _fits(self, *_: Any) -> None:
        return None


class Rows(Pullback):
    """A pullback of what is in `wrt`, for cotangents with a leading axis."""

    _many = True

    def __init__(self, how: str, f: Function, *settings: Any) -> None:
        super().__init__(how, f, *settings)
        self._single = False

    def _entries(self, callee: Callee, args: tuple, kwargs: dict) -> tuple[Entry, ...]:
        return callee.entries(self._each_wrt, args, kwargs)

    def many(self, args: tuple, d_out: Any, **named: Any) -> tuple:
        """The gradients of what is in `wrt`."""
        full, kwargs = self._complete(args, named)
        self._latest = code = self._code_for(full, kwargs)
        if code.overlaps:
            self._check_overlap(code, full, kwargs)
        value, found = self._called(code, full, kwargs | {"d_out": d_out})
        out = value[0] if self._has_aux else value
        _check_output(code.compiled.output_kind, out, self.__name__, self._parsed_callee())
        return found


def has_options(signature: inspect.Signature) -> bool:
    """Whether it takes anything but a fixed number of arguments by position."""
    plain = inspect.Parameter.POSITIONAL_OR_KEYWORD
    each = signature.parameters.values()
    return any(p.kind > plain or p.default is not p.empty for p in each)


def signature_of(*names: str) -> inspect.Signature:
    """A signature of parameters without defaults, as they are written.

    >>> signature_of("x", "*args")
    <Signature (x, *args)>
    """
    kinds = inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.VAR_POSITIONAL, \
        inspect.Parameter.VAR_KEYWORD  # fmt: skip
    found = [(name.lstrip("*"), kinds[name.count("*")]) for name in names if name]
    return inspect.Signature([inspect.Parameter(name, kind) for name, kind in found])


def cast_as(kinds: Any, d_out: Any) -> Any:
    """A cotangent in the dtypes of the outputs, as far as it has their structure."""
    if isinstance(kinds, dict):
        found = [(step[1] if is_attribute(step) else step, d) for step, d in children(d_out) or ()]
        if children(d_out) is None or dict(found).keys() != kinds.keys():
            return d_out
        return rebuild(d_out, [cast_as(kinds[name], d) for name, d in found])
    if isinstance(kinds, list | tuple) and not hasattr(kinds, "tag"):
        inner = children(d_out)
        if inner is None or len(inner) != len(kinds):
            return d_out
        return rebuild(d_out, [cast_as(k, d) for k, (_, d) in zip(kinds, inner)])
    dtype = getattr(kinds, "dtype", None)
    if d_out is None or dtype is None or dtype.kind not in "fc" or kinds.tag == "list":
        return d_out
    complex_ = np.asarray(d_out).dtype.kind == "c"
    if complex_ and dtype.kind != "c":
        return d_out  # an error, later
    if hasattr(dtype, "real"):  # it may be either, see `RealOrComplex`
        dtype = dtype.complex if complex_ else dtype.real
    return np.asarray(d_out, dtype) if kinds.tag == "array" else dtype.type(d_out)


class Table(Differentiated):
    """What `jacobian` and `hessian` return: derivatives put together from products."""

    _engine: Any = None
    _takes_fields = True  # whether `wrt` may lead into a bound self

    def __init__(
        self, how: str, f: Function, wrt: Wrt = 0, has_aux: bool = False, fallback: str = "tape",
        unroll: int | None = None, matrix: bool = False, sparsity: Any = None,
    ) -> None:  # fmt: skip
        super().__init__(how, f, wrt, has_aux, fallback, unroll)
        self._matrix, self._sparsity = matrix, sparsity
        self._detected = Detected()
        self._one_by_one: set[tuple[Any, ...]] = set()  # keys of calls that do not go at once

    def _at_once(self, engine: Any, args: tuple, named: dict, *given: Any) -> Any:
        """What `engine.many(*given)` gives; None if the seeds are to be taken one by one."""
        key = engine._how, *key_of(args, named)
        if key in self._one_by_one:
            return None
        try:
            found = engine.many(*given, **named)
        except (UnsupportedSyntaxError, NoRuleError, ComplexPowerError):
            self._one_by_one.add(key)
            return None
        self._engine = engine
        return found

    def __call__(self, /, *args: Any, **kwargs: Any) -> Any:
        __tracebackhide__ = True
        try:
            if self._is_method and args:
                return self.__get__(args[0], type(args[0]))(*args[1:], **kwargs)
            return self._table(*self._positional(args, kwargs))
        except Exception as error:
            trim(error)
            raise

    def _table(self, args: tuple, named: dict) -> Any:
        raise NotImplementedError

    def _positional(self, args: tuple, kwargs: dict) -> tuple[tuple, dict]:
        """The arguments by position, those by keyword too where that may be, and the others."""
        callee = self._parsed_callee()
        names, given = callee.positional[callee.ahead :], dict(kwargs)
        wanted = {callee.base(each) for each in self._each_wrt if isinstance(each, str)}
        for at, name in enumerate(names[len(args) :], len(args)):
            if name in callee.parsed.partial_kwargs:
                break
            if name in given:
                args = (*args, given.pop(name))
            elif name in callee.defaults and wanted.intersection(names[at:]):
                args = (*args, default(callee.parsed.function, name))
            else:
                break
        return args, given

    def _wanted(self, args: tuple, named: dict) -> tuple[tuple, list[tuple[Any, tuple, Any]]]:
        """The arguments, ints among those in `wrt` as floats; and of each entry of `wrt` the
        position of the argument, the way into it, and what it is.

        All that a star has caught has a slice as its position; a field of self has None.
        """
        callee = self._parsed_callee()
        full, kwargs = self._complete(args, named)
        try:
            key_of(full, kwargs)
        except Refused:
            raise callee.refused(full, kwargs) from None
        found = []
        for entry in callee.entries(self._each_wrt, full, kwargs, self._how):
            if entry[0] == "self" and not self._takes_fields:
                raise UnknownArgumentError(
                    f"`{self._how}` is taken with respect to arguments", callee.where(),
                    "Make it an argument.",
                )  # fmt: skip
            caught = entry[1:] == (callee.star,)
            steps: tuple = ()
            place: int | str = 0
            if entry[1:] == (callee.double,):
                place = callee.double
            elif entry[0] == "argument" and not caught:
                place, steps = callee.place_in_call(entry, full)
            if not isinstance(place, int):
                instead = "Pass it by position." if place in callee.positional else \
                    f"Write a function of it: lambda {place}: {callee.name}(…, {place}={place})."
                raise UnknownArgumentError(
                    f"`{self._how}` is taken with respect to arguments by position, and not to"
                    f" `{place}`", callee.where(), instead,
                )  # fmt: skip
            first = len(callee.positional)
            if entry[0] == "self":
                tree = callee.target(entry, {})
            else:
                tree = full[first:] if caught else functools.reduce(step_into, steps, full[place])
            at: Any = slice(first - callee.ahead, None) if caught else place - callee.ahead
            at = None if entry[0] == "self" else at
            if caught:  # SciPy's `curve_fit` tries parameters that are NumPy's ints
                tree = tuple(float(x) if is_int(x) else x for x in tree)
                args = (*args[: at.start], *tree)
            elif is_int(tree) and not steps and at is not None:
                tree = float(tree)
                args = (*args[:at], tree, *args[at + 1 :])
            else:
                callee.checked([entry], callee.bind(full, kwargs))
            for _, leaf in leaves(tree):
                if is_float(leaf) and np.iscomplexobj(leaf):
                    raise SrcdiffError(
                        f"`{self._how}` of a complex argument has no single meaning",
                        callee.where(), "Use `jvp` and `pullback`, or its two parts.",
                    )  # fmt: skip
            found.append((at, steps, tree))
        return args, found

    @property
    def _settings(self) -> tuple[Any, ...]:
        own = self._matrix, self._sparsity
        return self._wrt, self._has_aux, self._fallback, self._unroll, *own

    @property
    def source(self) -> str:
        """The generated function, as text: for all seeds at once, or where that is not possible
        for one."""
        return self._shown("source").source

    @property
    def ir(self) -> Any:
        return self._shown("ir").ir

    def _shown(self, what: str) -> Differentiated:
        if self._engine is None:
            raise SrcdiffError(
                f"`{self._how}({self.__name__})` has no {what} yet: it is made for the arguments"
                " of a call",
                instead="Call it once.",
            )
        return self._engine

    def specialize(self, /, *args: Any, **kwargs: Any) -> Function:
        """The function of positional arguments that puts the whole together, after one call.

        `source` is what it calls.
        """
        if self._is_method and args:
            return self.__get__(args[0], type(args[0])).specialize(*args[1:], **kwargs)
        self(*args, **kwargs)
        return lambda *args, **kwargs: self._table(*self._positional(args, kwargs))

    def _value(self, args: tuple, named: dict) -> tuple[Any, Any]:
        f = self._f  # what changes its object shall do so once
        if isinstance(f, types.MethodType):
            *given, named = private((f.__self__, *args, named))
            value = f.__func__(*given, **named)
        else:
            f, *given, named = private((f, *args, named))
            value = f(*given, **named)
        return value if self._has_aux else (value, None)

    def _runs(self, engine: Differentiated, seeds: Iterable[Any]) -> Iterator[Any]:
        """The seeds, for a run each; an error if the second would find what the first has left."""
        for i, seed in enumerate(seeds):
            code = engine._latest if i == 1 else None
            block = None if code is None or code.compiled.source is None else code.compiled.ir
            if block is not None and (stores(block) or draws(block)):
                raise UnsupportedSyntaxError(
                    f"`{self.__name__}` changes what lies outside, and would have to run more than"
                    f" once for its {self._how}", self._parsed_callee().where(),
                    "Pass what it changes as an argument.",
                )  # fmt: skip
            yield seed

    def _put_together(
        self, args: tuple, named: dict, wanted: list, rows: Coordinates, columns: Coordinates,
        mode: str, find: Function, products: Function,
    ) -> Any:  # fmt: skip
        """The sparse matrix of `products(groups, seeds)`, by the pattern that was given or that
        `find()` finds; an error if it has no place for all of them."""
        given, shape = self._sparsity, (rows.size, columns.size)
        known = not isinstance(given, str)
        if known and given.shape != shape:
            raise ValueError(
                f"sparsity has the shape {given.shape}, the matrix of {self!r} has {shape}"
            )
        while True:
            pattern, groups = self._detected.of(
                () if known else (*args, shape), [] if known else wanted, {} if known else named,
                lambda: with_colours(given if known else find(), mode),
            )  # fmt: skip
            seeds = groups.seeds(columns.dtype if groups.by == "columns" else rows.dtype)
            found = products(groups, seeds)
            dtype = np.result_type(rows.dtype, np.float32)  # none is sparse of halves
            matrix = entries(pattern, groups, cast_to(found, dtype))
            lacking = missing(matrix, groups, seeds, found, not known)
            if not len(lacking):
                return matrix
            if known or not self._detected.forget():  # what lies outside may have changed
                raise self._lacks(lacking[0])

    def _lacks(self, row: int) -> SrcdiffError:
        return SrcdiffError(
            f"the {self._how} of `{self.__name__}` has entries in row {row} that `sparsity`"
            " has not",
            self._parsed_callee().where(),
            f"`jacobian_sparsity({self.__name__})(…)` gives a pattern that has them."
            if self._how == "jacobian" else
            f"`jacobian_sparsity(grad({self.__name__}))(…)` gives a pattern that has them.",
        )  # fmt: skip


def draws(block: Any) -> bool:
    """Whether a program calls what may find something else in another run: a random generator."""
    return any(
        instr.effect and callable(instr.op) or instr.attrs.get("taped") or
        any(map(draws, instr.blocks))
        for instr in block.instrs
    )  # fmt: skip


def stores(block: Any) -> bool:
    """Whether a program changes what lies outside."""
    return any(
        instr.op in ("store_outside", "write_back") or any(map(stores, instr.blocks))
        for instr in block.instrs
    )


def of_many(engine: Any) -> Any:
    """The engine, to be given seeds with a leading axis."""
    engine._many = True
    return engine


LARGEST = 2**22  # numbers in a piece


def pieces(seeds: np.ndarray) -> list[np.ndarray]:
    """Rows of seeds, so many at a time that what is made of them has no excessive size.

    >>> [len(piece) for piece in pieces(np.eye(100))], len(pieces(np.zeros((3, 2**21))))
    ([100], 2)
    """
    step = max(1, LARGEST // max(1, seeds.shape[1]))
    return [seeds[i : i + step] for i in range(0, len(seeds), step)]


def numbers_of(value: Any, name: str, callee: Callee) -> Coordinates:
    """The numbers in an output; an error for one in which there is no place for any, and for a
    container that is not taken apart."""
    for path, leaf in leaves(value):
        if leaf is None and not path:
            raise SrcdiffError(
                f"`{name}` returns nothing, which has no Jacobian", callee.where(),
                "Return a value.",
            )  # fmt: skip
        if plain := whole_container(leaf):
            what = f"{describe(leaf)} at {spelled('', path)}" if path else describe(leaf)
            raise SrcdiffError(
                f"`{name}` returns {what}, which is not taken apart", callee.where(),
                f"Return a {plain}, `{plain}(…)` of it.",
            )  # fmt: skip
    return Coordinates(value, ints=True)


class Pattern(Table):
    """What `jacobian_sparsity(f)` returns."""

    _without_tape = "The pattern is found from what compiles."
    _takes_fields = False

    def _table(self, args: tuple, named: dict) -> Any:
        args, wanted = self._wanted(args, named)
        columns = Coordinates(tuple(tree for _, _, tree in wanted))
        value, aux = self._value(args, named)
        numbers_of(value, self.__name__, self._parsed_callee())
        pattern = dependences(self, args, named, columns, value)
        return (pattern, aux) if self._has_aux else pattern

    @property
    def _settings(self) -> tuple[Any, ...]:
        return self._wrt, self._has_aux, self._fallback, self._unroll

    def _shown(self, what: str) -> Differentiated:
        raise SrcdiffError(f"`jacobian_sparsity` generates no code: it has no {what}")


class Jacobian(Table):
    """What `jacobian(f)` returns."""

    def __init__(
        self, how: str, f: Function, wrt: Wrt = 0, has_aux: bool = False, fallback: str = "tape",
        unroll: int | None = None, matrix: bool = False, sparsity: Any = None, mode: str = "auto",
    ) -> None:  # fmt: skip
        super().__init__(how, f, wrt, has_aux, fallback, unroll, matrix, sparsity)
        self._mode = mode
        self._push = Pushforward("jvp", f, wrt, has_aux, fallback, unroll)
        self._pull = Pullback("pullback", f, (), has_aux, fallback, unroll)
        self._push_many = of_many(Pushforward("jvp", f, wrt, has_aux, "error", unroll))
        self._pull_many = Rows("pullback", f, wrt, has_aux, "error", unroll)
        self._pull_one = Rows("pullback", f, wrt, has_aux, "error", unroll)
        self._pull_one._many = False

    @property
    def _settings(self) -> tuple[Any, ...]:
        return *super()._settings, self._mode

    def _table(self, args: tuple, named: dict) -> Any:
        args, wanted = self._wanted(args, named)
        columns = Coordinates(tuple(tree for _, _, tree in wanted))
        if self._sparsity is not None:
            matrix, aux = self._sparse(args, named, wanted, columns)
            return (matrix, aux) if self._has_aux else matrix
        mode, value, aux = self._mode, None, None
        if mode == "auto":
            mode = "forward" if columns.size <= 1 else "reverse"
            if mode == "reverse":
                value, aux = self._value(args, named)
                mode = "forward" if columns.size <= self._numbers(value).size else "reverse"
        self._engine = self._push if mode == "forward" else self._pull
        if mode == "forward" and columns.size:
            seeds = np.eye(columns.size, dtype=columns.dtype)
            value, aux, products = self._pushed(args, named, wanted, columns, seeds)
            rows, matrix = self._numbers(value), products.T
        else:
            if value is None:
                value, aux = self._value(args, named)
            rows = self._numbers(value)
            matrix = self._by_rows(args, named, wanted, columns, rows)
        if self._matrix:
            result = cast_to(matrix, rows.dtype)
        else:
            result = table(matrix, rows, columns, self._single)
        return (result, aux) if self._has_aux else result

    def _numbers(self, value: Any) -> Coordinates:
        return numbers_of(value, self.__name__, self._parsed_callee())

    def _sparse(
        self, args: tuple, named: dict, wanted: list, columns: Coordinates
    ) -> tuple[Any, Any]:
        """The matrix from products with groups of columns or rows, and what comes beside it."""
        value, aux = self._value(args, named)
        rows = self._numbers(value)
        doubled = len(rows.moving_places("c"))  # a row would take two pulls
        mode = "forward" if doubled else self._mode

        def products(groups: Colouring, seeds: np.ndarray) -> np.ndarray:
            if groups.by == "columns":
                self._engine = self._push
                return self._pushed(args, named, wanted, columns, seeds)[2]
            self._engine = self._pull
            return self._pulled(args, named, wanted, columns, rows, seeds)

        find = functools.partial(dependences, self, args, named, columns, value)
        return self._put_together(args, named, wanted, rows, columns, mode, find, products), aux

    def _recorded(self, args: tuple, named: dict, wanted: list) -> Any:
        """What the rows can be pulled from, where the function is to run only once."""
        if any(place is None for place, _, _ in wanted):
            return None
        run = self._pull.recorded(args, named)
        self._engine = self._pull if run is not None else self._engine
        return run

    def _by_rows(
        self, args: tuple, named: dict, wanted: list, columns: Coordinates, rows: Coordinates,
        run: Any = None,
    ) -> Any:  # fmt: skip
        """The matrix, by reverse mode; a complex number takes two pulls: of 1 and of 1j.

        run   what is recorded of the function, if it is
        """
        units = np.eye(rows.size, dtype=rows.dtype)
        moving, doubled = rows.moving_places(), rows.moving_places("c")
        seeds = units if len(moving) == rows.size else units[moving]
        seeds = np.concatenate((seeds, 1j * units[doubled])) if len(doubled) else seeds
        products = self._pulled(args, named, wanted, columns, rows, seeds, run)
        if seeds is units:
            return products
        dtype = np.result_type(products, np.complex64) if len(doubled) else products.dtype
        matrix = np.zeros((rows.size, columns.size), dtype)
        matrix[moving] = products[: len(moving)]
        if len(doubled):
            matrix[doubled] += 1j * products[len(moving) :]
        return matrix

    def _pushed(
        self, args: tuple, named: dict, wanted: list, columns: Coordinates, seeds: np.ndarray
    ) -> tuple[Any, Any, np.ndarray]:
        """The value, what comes with it, and for each row of seeds, tangents of what is wanted, a
        row of tangents of the value."""
        found, value, aux = [], None, None
        for some in self._runs(self._push_many, pieces(seeds)):
            given = placed_in(args, wanted, columns.trees(some))
            at_once = self._at_once(self._push_many, args, named, args, given)
            if at_once is None:
                break
            value, dots, *more = at_once
            aux = more[0] if more else None
            try:
                found.append(Coordinates(value, ints=True).rows(dots, len(some)))
            except LookupError:  # a list of run-time length for each seed
                self._one_by_one.add((self._push_many._how, *key_of(args, {})))
                break
        else:
            return value, aux, np.concatenate(found)
        run = self._recorded(args, named, wanted)
        if run is not None:
            value, aux = run[0] if self._has_aux else (run[0], None)
            matrix = self._by_rows(args, named, wanted, columns, Coordinates(value, ints=True), run)
            return value, aux, seeds @ matrix.T
        found = []
        for seed in self._runs(self._push, seeds):
            value, dot, *more = self._push(
                args, placed_in(args, wanted, columns.one(seed)), **named)
            aux = more[0] if more else None
            found.append(Coordinates(value, ints=True).row(dot))
        return value, aux, np.array(found)

    def _pulled(
        self, args: tuple, named: dict, wanted: list, columns: Coordinates, rows: Coordinates,
        seeds: np.ndarray, run: Any = None,
    ) -> np.ndarray:  # fmt: skip
        """For each row of seeds, cotangents of the value, a row of gradients of what is wanted."""
        found = []
        for some in self._runs(self._pull_many, pieces(seeds)) if run is None else (None,):
            if some is None:
                break
            at_once = self._at_once(self._pull_many, args, named, args, rows.trees(some))
            if at_once is None:
                break
            found.append(columns.rows(at_once, len(some)))
        else:
            return np.concatenate(found) if found else np.zeros((0, columns.size))
        found = []
        if any(place is None for place, _, _ in wanted):
            self._engine = self._pull_one
            for seed in self._runs(self._pull_one, seeds):
                found.append(columns.row(self._pull_one.many(args, rows.one(seed), **named)))
            return np.array(found).reshape(len(seeds), columns.size)
        run = run or self._recorded(args, named, wanted)
        for seed in self._runs(self._pull, seeds) if run is None else seeds:
            if run is None:
                _, gradients = self._pull.value_and_gradients(args, rows.one(seed), named)
            else:
                gradients = run[1](rows.one(seed))
            parts = tuple(
                functools.reduce(step_into, steps, gradients[place]) for place, steps, _ in wanted
            )
            found.append(columns.row(parts))
        return np.array(found).reshape(len(seeds), columns.size)


def placed_in(args: tuple, wanted: list, trees: Any) -> tuple:
    """Tangents for all arguments: those of what is wanted, None elsewhere; then those of fields of
    self."""
    dots: list = [None] * len(args)
    fields: list = []
    for (place, steps, _), dot in zip(wanted, trees):
        if place is None:
            fields.append(dot)
        else:
            dots[place] = dot if not steps else placed(args[place], steps, dot, dots[place])
    return (*dots, *fields)


def placed(tree: Any, path: tuple, leaf: Any, beside: Any = None) -> Any:
    """A tree like another that holds a leaf at the end of a path, and None or `beside` elsewhere.

    >>> placed([1.0, (2.0, 3.0)], (1, 0), "here")
    [None, ('here', None)]
    """
    if not path:
        return leaf
    others = dict(children(beside) or ()) if beside is not None else {}
    parts = [
        placed(part, path[1:], leaf, others.get(step)) if step == path[0]
        else others.get(step, nothing(part))
        for step, part in children(tree) or ()
    ]  # fmt: skip
    return rebuild(tree, parts)


def nothing(tree: Any) -> Any:
    inner = children(tree)
    return None if inner is None else rebuild(tree, [nothing(part) for _, part in inner])


class Hessian(Table):
    """What `hessian(f)` returns."""

    def __init__(
        self, how: str, f: Function, wrt: Wrt = 0, has_aux: bool = False, fallback: str = "error",
        unroll: int | None = None, matrix: bool = False, sparsity: Any = None,
    ) -> None:  # fmt: skip
        super().__init__(how, f, wrt, has_aux, fallback, unroll, matrix, sparsity)
        self._product = HessianProduct("hvp", f, wrt, has_aux, fallback, unroll)
        self._product_many = of_many(HessianProduct("hvp", f, wrt, has_aux, fallback, unroll))

    def _table(self, args: tuple, named: dict) -> Any:
        args, wanted = self._wanted(args, named)
        columns = Coordinates(tuple(tree for _, _, tree in wanted))
        self._engine = self._product
        if self._sparsity is not None:
            sparse_matrix, aux = self._sparse(args, named, wanted, columns)
            return (sparse_matrix, aux) if self._has_aux else sparse_matrix
        aux, products = self._along(args, named, wanted, columns, np.eye(columns.size))
        matrix = (products + products.T) / 2  # they do not depend on the order, but for last bits
        if self._matrix:
            result = cast_to(matrix, columns.dtype)
        else:
            result = table(matrix, columns, columns, self._single)
            result = result[0] if self._single else result
        return (result, aux) if self._has_aux else result

    def _sparse(
        self, args: tuple, named: dict, wanted: list, columns: Coordinates
    ) -> tuple[Any, Any]:
        """The matrix from products with groups of columns, and what comes beside the value."""
        settings, aux = (self._wrt, self._has_aux, "error", self._unroll), None

        def find() -> Any:
            gradient = Differentiated("grad", self._f, *settings)
            of_gradient = Pattern("jacobian_sparsity", gradient, *settings)(*args, **named)
            return of_gradient[0] if self._has_aux else of_gradient

        def products(groups: Colouring, seeds: np.ndarray) -> np.ndarray:
            nonlocal aux
            aux, found = self._along(args, named, wanted, columns, seeds)
            return found

        matrix = self._put_together(
            args, named, wanted, columns, columns, "symmetric", find, products
        )
        turned = matrix.T.tocsr()  # its pattern is the same
        turned.sort_indices()
        matrix.data = (matrix.data + turned.data) / 2
        return matrix, aux

    def _along(
        self, args: tuple, named: dict, wanted: list, columns: Coordinates, seeds: np.ndarray
    ) -> tuple[Any, np.ndarray]:
        """What comes with the value, and for each row of seeds, vectors of the arguments, a row of
        products with the Hessian."""
        found, aux = [], None
        for some in self._runs(self._product_many, pieces(seeds)):
            given = beside(args, wanted, columns.trees(some))
            at_once = self._at_once(self._product_many, args, named, *given)
            if at_once is None:
                break
            products, aux = at_once if self._has_aux else (at_once, None)
            products = (products,) if self._single else products
            found.append(columns.rows(products, len(some)))
        else:
            return aux, np.concatenate(found) if found else np.zeros((0, columns.size))
        found = []
        for seed in self._runs(self._product, seeds):
            given = beside(args, wanted, columns.one(seed))
            product = self._product(*given, **named)
            product, aux = product if self._has_aux else (product, None)
            found.append(columns.row((product,) if self._single else product))
        return aux, np.array(found).reshape(len(seeds), columns.size)


def beside(args: tuple, wanted: list, vectors: Any) -> list:
    """The arguments, each followed by the vectors of what is wanted in it; first those of self."""
    given: list = [v for v, (place, _, _) in zip(vectors, wanted) if place is None]
    for i, x in enumerate(args):
        given.append(x)
        given += [v for v, (place, _, _) in zip(vectors, wanted) if place == i]
    return given
