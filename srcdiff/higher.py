"""Derivatives along directions, and all of them at once: what `jvp`, `hvp`, `jacobian` … return.

    jvp(f, (x,), (x_dot,))       the value, and its derivative along x_dot    (forward mode)
    hvp(f)(x, v)                 the derivative of the gradient along v       (forward over reverse)
    jacobian(f)(x)               every derivative of every output
    hessian(f)(x)                those of the gradient
    pullback(f)(x, d_out)        the gradients for a cotangent of the value   (reverse mode)

Each is compiled once for arguments of one kind, as `grad` is. A Jacobian is put together from
products with unit vectors (`Basis`): rows by reverse mode or columns by forward mode.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from srcdiff.api import (
    Differentiated,
    Function,
    Wrt,
    _check_output,
    _Code,
    _name_line,
    _Pullback,
    checked_fallback,
    kept,
)
from srcdiff.runtime.derivative import MAKERS
from srcdiff.runtime.errors import ComplexPowerError, SrcdiffError, UnknownArgumentError
from srcdiff.signature import Callee, Entry, Refused, as_wrt, key_of
from srcdiff.tracebacks import trim
from srcdiff.trees import (
    as_tangent,
    children,
    cotangent,
    each_cast,
    has_float,
    is_attribute,
    is_float,
    leaves,
    moving,
    outline,
    private,
    rebuild,
    scalars,
    step_into,
    tangent,
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
    (value, tangent, aux).

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
        raise TypeError("jvp(f, args, tangents): the tangents are missing")
    push = kept(Pushforward, "jvp", f, (), bool(has_aux), checked_fallback(fallback), unroll)
    return push(args, tangents)


def hvp(
    f: Function | None = None,
    wrt: Wrt = 0,
    *,
    argnums: Wrt | None = None,
    has_aux: bool = False,
    unroll: int | None = None,
) -> Any:
    """The product of the Hessian of a function with one output and a vector: h(x, v, *args).

    v follows the argument that it belongs to, as in the `hessp` of `scipy.optimize.minimize`; it
    has its structure, with None where there are no floats. For a tuple of arguments in `wrt` each
    is followed by its own: h(x, v, y, w), and the result is a tuple.

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
    `UnsupportedSyntaxError`.
    """
    settings = (_wrt(wrt, argnums), bool(has_aux), "error", unroll)
    return _made(HessianProduct, "hvp", f, settings)


def pullback(
    f: Function, *, has_aux: bool = False, fallback: str = "tape", unroll: int | None = None
) -> Pullback:
    """The gradients of f for a cotangent of its value: pull(*args, d_out).

    What `vjp(f, *args)[1](d_out)` gives, compiled once: a tuple with an entry for each argument,
    None for one without floats.

    >>> import numpy as np
    >>> pull = pullback(lambda x, k: np.sin(k * x))
    >>> pull(np.zeros(2), 2.0, np.array([1.0, 0.0]))
    (array([2., 0.]), np.float64(0.0))
    """
    return Pullback("pullback", f, (), bool(has_aux), checked_fallback(fallback), unroll)


def jacobian(
    f: Function | None = None,
    wrt: Wrt = 0,
    *,
    mode: str = "auto",
    argnums: Wrt | None = None,
    has_aux: bool = False,
    fallback: str = "tape",
    unroll: int | None = None,
) -> Any:
    """Every derivative of every output: an array of the shape of the output, then of the argument.

    Where the output or an argument is a container, so is the result: at each number or array of the
    output it holds what the gradient of that would hold. A tuple in `wrt` gives a tuple.

    mode   "forward" (a run of f with its tangent for each number in `wrt`), "reverse" (a run with
           its adjoint for each number of the output), or "auto", whichever is less

    >>> import numpy as np
    >>> def f(x, k):
    ...     return np.array([k * x[0], x[0] * x[1] ** 2])
    >>> jacobian(f)(np.array([2.0, 3.0]), 5.0)
    array([[ 5.,  0.],
           [ 9., 12.]])
    >>> jacobian(f, wrt="k")(np.array([2.0, 3.0]), 5.0)
    array([2., 0.])

    It has a `source`, that of `jvp` or of `pullback`, as soon as it has been called.
    """
    if mode not in ("auto", "forward", "reverse"):
        raise ValueError(f'mode must be "auto", "forward" or "reverse", not {mode!r}')
    settings = (_wrt(wrt, argnums), bool(has_aux), checked_fallback(fallback), unroll, mode)
    return _made(Jacobian, "jacobian", f, settings)


def hessian(
    f: Function | None = None,
    wrt: Wrt = 0,
    *,
    argnums: Wrt | None = None,
    has_aux: bool = False,
    unroll: int | None = None,
) -> Any:
    """The second derivatives of a function with one output, by forward over reverse mode.

    An array of twice the shape of the argument, symmetric; with containers, or a tuple in `wrt`,
    the structure of the gradient, each leaf of which has it again.

    >>> import numpy as np
    >>> hessian(lambda x: x[0] ** 2 * x[1])(np.array([2.0, 3.0]))
    array([[6., 4.],
           [4., 0.]])
    >>> hessian(lambda x, y: x**2 * y, wrt=(0, 1))(2.0, 3.0)
    ((np.float64(6.0), np.float64(4.0)), (np.float64(4.0), np.float64(0.0)))

    What does not compile raises, as for `hvp`.
    """
    settings = (_wrt(wrt, argnums), bool(has_aux), "error", unroll)
    return _made(Hessian, "hessian", f, settings)


def _wrt(wrt: Wrt, argnums: Wrt | None) -> Wrt:
    wrt = wrt if argnums is None else argnums
    as_wrt(wrt)
    return wrt if isinstance(wrt, str | tuple) else int(wrt)


def _made(cls: Any, how: str, f: Function | None, settings: tuple[Any, ...]) -> Any:
    """The derivative of f; of no function, the decorator that makes one."""
    return cls(how, f, *settings) if f is not None else lambda f: cls(how, f, *settings)


MAKERS.update({jvp: "jvp", hvp: "hvp"})


class Directional(Differentiated):
    """A function that is given tangents for some of its arguments."""

    _helpers_on_tape = False

    def _split(self, args: tuple, kwargs: dict) -> tuple[tuple, dict, tuple]:
        """Of a call, the arguments of f, and the tangents of those that are positional."""
        raise NotImplementedError

    def _finished(self, code: _Code, result: Any) -> Any:
        raise NotImplementedError

    def _arranged(self, args: tuple, kwargs: dict, dots: dict[str, Any]) -> tuple[tuple, dict]:
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

    def _prepared(self, args: tuple, kwargs: dict) -> tuple[tuple, dict, dict[str, Any]]:
        """The call of f itself, and the tangents of its parameters, those that are not zero."""
        given, kwargs, tangents = self._split(args, kwargs)
        callee = self._callee or self._parsed_callee()
        if callee.ahead or not self._completed:
            given, kwargs = self._complete(given, kwargs)
            tangents = (None,) * callee.ahead + tangents
        names, ahead = callee.positional, len(callee.positional)
        dots: dict[str, Any] = {}
        rest: list = []  # of what a star has caught
        for at, dot in enumerate(tangents):
            if at >= ahead:
                rest.append(tangent(given[at], dot, callee.star) if callee.star else None)
            elif dot is not None:
                x = given[at]
                if type(x) is int:
                    x = float(x)
                    given = (*given[:at], x, *given[at + 1 :])
                dot = tangent(x, dot, names[at])
                if type(dot) is np.ndarray or moving(dot):
                    dots[names[at]] = dot
        if any(dot is not None for dot in rest):
            dots[callee.star] = tuple(rest)
        return given, kwargs, dots

    def _code_of(self, args: tuple, kwargs: dict, dots: dict[str, Any]) -> _Code:
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
        return self._compile(key, args, kwargs, dots)

    def _called(self, code: _Code, args: tuple, kwargs: dict, dots: dict[str, Any]) -> Any:
        if code.overlaps:
            self._check_overlap(code, args, kwargs)
        if code.compiled.source is None:
            return code.function(args, kwargs, dots)
        given, named = self._arranged(args, kwargs, dots)
        try:
            return code.function(*given, **named)
        except ComplexPowerError as error:
            if self._fallback != "tape":
                _name_line(error, code)
                raise
            self._warn(self, error)  # the tape takes each number as it comes
            on_tape = self._on_tape(self._parsed_callee(), code.entries, error)
            return on_tape.function(args, kwargs, dots)
        except Exception as error:
            # Python's numbers raise where NumPy's give inf or nan.
            if isinstance(error, ArithmeticError | ValueError) and code.on_numpy_scalars():
                return code.function(*given, **named)
            _name_line(error, code)
            raise


class Pushforward(Directional):
    """What `jvp(f)` returns: a function of (args, tangents)."""

    def _split(self, args: tuple, kwargs: dict) -> tuple[tuple, dict, tuple]:
        given, tangents = args
        if not isinstance(given, tuple | list) or not isinstance(tangents, tuple | list):
            raise TypeError("jvp: args and tangents must be tuples, one entry for each argument")
        if len(given) != len(tangents):
            raise TypeError(f"jvp: there are {len(given)} args, but {len(tangents)} tangents")
        return tuple(given), kwargs, tuple(tangents)

    def _arranged(self, args: tuple, kwargs: dict, dots: dict[str, Any]) -> tuple[tuple, dict]:
        callee = self._parsed_callee()
        if callee.star or callee.keyword_only:
            return args, kwargs | {f"{name}_dot": dot for name, dot in dots.items()}
        return (*args, *dots.values()), kwargs

    def _finished(self, code: _Code, result: Any) -> Any:
        value, dot, *aux = result
        return (value, as_tangent(value, dot), *aux)

    def _entries(self, callee: Callee, args: tuple, kwargs: dict) -> tuple[Entry, ...]:
        return ()

    def _finish(self, entries: tuple[Entry, ...], arguments: dict[str, Any]) -> None:
        return None

    def _fits(self, *_: Any) -> None:
        return None

    def _on_tape(self, callee: Callee, entries: Any, error: Any, watched: Any = ()) -> Any:
        from srcdiff.fallback import PushOnTape
        from srcdiff.transforms import Compiled

        return Compiled(PushOnTape(callee, self._has_aux), None, error, (), False, {}, None)


class HessianProduct(Directional):
    """What `hvp(f)` returns: a function of the arguments, some of which a vector follows."""

    _places: set[int] | None = None  # of the arguments that one follows

    def _split(self, args: tuple, kwargs: dict) -> tuple[tuple, dict, tuple]:
        wanted = self._places
        if wanted is None:
            callee = self._parsed_callee()
            wanted = {self._place(each, callee) for each in self._each_wrt}
            if not any(isinstance(each, str) for each in self._each_wrt):
                self._places = wanted
        if wanted == {0} and len(args) > 1:
            return (args[0], *args[2:]), kwargs, (args[1],)
        given: list = []
        tangents: list = []
        rest = iter(args)
        for x in rest:
            given.append(x)
            tangents.append(None)
            if len(given) - 1 in wanted:
                try:
                    tangents[-1] = next(rest)
                except StopIteration:
                    raise TypeError(
                        f"{self!r}: argument {len(given) - 1} must be followed by its vector"
                    ) from None
        return tuple(given), kwargs, tuple(tangents)

    def _place(self, each: int | str, callee: Callee) -> int:
        if isinstance(each, str):
            if each not in callee.positional:
                raise UnknownArgumentError(
                    f"`{callee.name}` has no positional parameter `{each}`", callee.where(),
                    "`hvp` takes positions and names of parameters in `wrt`.",
                )  # fmt: skip
            each = callee.positional.index(each) - callee.ahead
        if each < 0:
            raise UnknownArgumentError("hvp: positions in `wrt` count from the start")
        return each

    def _prepared(self, args: tuple, kwargs: dict) -> tuple[tuple, dict, dict[str, Any]]:
        given, kwargs, dots = super()._prepared(args, kwargs)
        if not dots:
            raise TypeError(f"{self!r}: the vector is None")
        return given, kwargs, dots

    def _arranged(self, args: tuple, kwargs: dict, dots: dict[str, Any]) -> tuple[tuple, dict]:
        names = self._parsed_callee().positional
        if len(dots) == 1 and names[0] in dots:
            return (args[0], dots[names[0]], *args[1:]), kwargs
        given: list = []
        for at, x in enumerate(args):
            given.append(x)
            if at < len(names) and names[at] in dots:
                given.append(dots[names[at]])
        return tuple(given), kwargs

    def _finished(self, code: _Code, result: Any) -> Any:
        return result if code.finish is None else code.finish(result)


class Pullback(_Pullback):
    """What `pullback(f)` returns: a function of the arguments and a cotangent of the value."""

    def __call__(self, /, *args: Any, **kwargs: Any) -> Any:
        __tracebackhide__ = True
        try:
            if self._is_method and args:
                return self.__get__(args[0], type(args[0]))(*args[1:], **kwargs)
            given, d_out = self._split(args, kwargs)
            value, gradients = self.value_and_gradients(given, d_out)
            return (gradients, value[1]) if self._has_aux else gradients
        except Exception as error:
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

    def value_and_gradients(self, args: tuple, d_out: Any) -> tuple[Any, tuple]:
        wanted = [has_float(x) for x in args]
        if not any(wanted):
            value = self._f(*private(args))
            self._checked(value, d_out)
            return value, (None,) * len(args)
        full, kwargs = self._complete(args, {})
        self._latest = code = self._code_for(full, kwargs)
        if code.overlaps:
            self._check_overlap(code, full, kwargs)
        if code.compiled.source is None:
            on_tape: Any = code.compiled.function
            value, pull = on_tape.value_and_pull(full, kwargs)
            found = pull((d_out, None) if self._has_aux else d_out)
        else:
            seed = cast_as(code.compiled.output_kind, d_out)
            try:
                value, found = self._called(code, full, kwargs | {"d_out": seed})
            except ValueError:  # is it the cotangent that does not fit?
                self._checked(self._f(*private(args)), d_out)
                raise
            self._checked(value, d_out)
            out = value[0] if self._has_aux else value
            _check_output(code.compiled.output_kind, out, self.__name__, self._parsed_callee())
        gradients = iter(found if code.finish is None else code.finish(found))
        return value, tuple(next(gradients) if want else None for want in wanted)

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


def cast_as(kinds: Any, d_out: Any) -> Any:
    """A cotangent in the dtypes of the outputs, as far as it has their structure."""
    if isinstance(kinds, dict):
        found = dict(children(d_out) or ())
        named = {step[1] if is_attribute(step) else step: d for step, d in found.items()}
        if children(d_out) is None or named.keys() != kinds.keys():
            return d_out
        return rebuild(d_out, [cast_as(k, named[name]) for name, k in kinds.items()])
    if isinstance(kinds, list | tuple) and not hasattr(kinds, "tag"):
        inner = children(d_out)
        if inner is None or len(inner) != len(kinds):
            return d_out
        return rebuild(d_out, [cast_as(k, d) for k, (_, d) in zip(kinds, inner)])
    dtype = getattr(kinds, "dtype", None)
    if d_out is None or dtype is None or dtype.kind not in "fc" or kinds.tag == "list":
        return d_out
    if np.asarray(d_out).dtype.kind == "c" and dtype.kind != "c":
        return d_out  # an error, later
    return np.asarray(d_out, dtype) if kinds.tag == "array" else dtype.type(d_out)


class Table(Differentiated):
    """What `jacobian` and `hessian` return: derivatives put together from products.

    The products with unit vectors are taken one at a time, by `_products`.
    """

    _engine: Any = None

    def __call__(self, /, *args: Any, **kwargs: Any) -> Any:
        __tracebackhide__ = True
        try:
            if self._is_method and args:
                return self.__get__(args[0], type(args[0]))(*args[1:], **kwargs)
            return self._table(self._positional(args, kwargs))
        except Exception as error:
            trim(error)
            raise

    def _table(self, args: tuple) -> Any:
        raise NotImplementedError

    def _positional(self, args: tuple, kwargs: dict) -> tuple:
        """The arguments, those by keyword too, in the order of the parameters."""
        names = self._parsed_callee().positional[self._parsed_callee().ahead :]
        given = dict(kwargs)
        for name in names[len(args) :]:
            if name not in given:
                break
            args = (*args, given.pop(name))
        if given:
            raise TypeError(f"{self!r} takes arguments by position; {', '.join(given)} cannot be")
        return args

    def _wanted(self, args: tuple) -> list[tuple[int, tuple, Any]]:
        """Of each entry of `wrt` the position of the argument, the way into it, and what it is."""
        callee = self._parsed_callee()
        full, kwargs = self._complete(args, {})
        found = []
        for entry in callee.entries(self._each_wrt, full, kwargs):
            if entry[0] != "argument":
                raise UnknownArgumentError(
                    f"`{self._how}` is taken with respect to arguments", callee.where(),
                    "Make it an argument.",
                )  # fmt: skip
            place, steps = callee.place_in_call(entry, full)
            if not isinstance(place, int):
                raise UnknownArgumentError(
                    f"`{self._how}` takes arguments by position", callee.where(),
                    f"Pass `{place}` by position.",
                )  # fmt: skip
            tree = functools.reduce(step_into, steps, full[place])
            callee.checked([entry], callee.bind(full, kwargs))
            for _, leaf in leaves(tree):
                if is_float(leaf) and np.iscomplexobj(leaf):
                    raise SrcdiffError(
                        f"`{self._how}` of a complex argument has no single meaning",
                        callee.where(), "Use `jvp` and `pullback`, or its two parts.",
                    )  # fmt: skip
            found.append((place - callee.ahead, steps, float(tree) if type(tree) is int else tree))
        return found

    @property
    def _settings(self) -> tuple[Any, ...]:
        return self._wrt, self._has_aux, self._fallback, self._unroll

    @property
    def source(self) -> str:
        """The generated function that makes a row or a column, as text."""
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

        `source` is what it calls for each row or column.
        """
        if self._is_method and args:
            return self.__get__(args[0], type(args[0])).specialize(*args[1:], **kwargs)
        self(*args, **kwargs)
        return lambda *args: self._table(args)


def units(tree: Any) -> Iterator[tuple[tuple, tuple, Any]]:
    """A unit vector for each float in a tree: (way to the leaf, index in it, tree like it).

    >>> [(path, index, unit) for path, index, unit in units([2.0, None])]
    [((0,), (), [1.0, None])]
    """
    for path, leaf in leaves(tree):
        if is_float(leaf):
            for index in np.ndindex(np.shape(leaf)):
                unit = np.zeros(np.shape(leaf), np.asarray(leaf).dtype)
                unit[index] = 1
                yield path, index, placed(tree, path, unit if np.ndim(leaf) else unit.item())


def placed(tree: Any, path: tuple, leaf: Any) -> Any:
    """A tree like another that holds a leaf at the end of a path, and None elsewhere."""
    if not path:
        return leaf
    parts = [
        placed(part, path[1:], leaf) if step == path[0] else nothing(part)
        for step, part in children(tree) or ()
    ]
    return rebuild(tree, parts)


def nothing(tree: Any) -> Any:
    inner = children(tree)
    return None if inner is None else rebuild(tree, [nothing(part) for _, part in inner])


class Blocks:
    """Derivatives by pairs of leaves: of what (a row), and with respect to what (a column)."""

    def __init__(self) -> None:
        self.found: dict[tuple, np.ndarray] = {}

    def put(self, row: tuple, column: tuple, at: Any, value: Any, shape: tuple, dtype: Any) -> None:
        block = self.found.get((row, column))
        if block is None:
            block = self.found[row, column] = np.zeros(shape, dtype)
        block[at] = value

    def tree(self, rows: Any, columns: list[Any], single: bool) -> Any:
        """The blocks in the structure of the rows; at each leaf that of the columns."""

        def of_row(path: tuple, leaf: Any) -> Any:
            if not is_float(leaf):
                return None
            parts = tuple(
                built(tree, (k,), lambda p, x: self.block(path, leaf, p, x))
                for k, tree in enumerate(columns)
            )
            return parts[0] if single else parts

        return built(rows, (), of_row)

    def block(self, row: tuple, of: Any, column: tuple, by: Any) -> Any:
        if not is_float(by):
            return None
        found = self.found.get((row, column))
        if found is None:
            found = np.zeros(np.shape(of) + np.shape(by), np.asarray(of).dtype)
        return found[()] if not found.shape else found


def built(tree: Any, path: tuple, make: Callable[[tuple, Any], Any]) -> Any:
    inner = children(tree)
    if inner is None:
        return make(path, tree)
    return rebuild(tree, [built(part, (*path, step), make) for step, part in inner])


class Jacobian(Table):
    """What `jacobian(f)` returns."""

    def __init__(
        self, how: str, f: Function, wrt: Wrt = 0, has_aux: bool = False, fallback: str = "tape",
        unroll: int | None = None, mode: str = "auto",
    ) -> None:  # fmt: skip
        super().__init__(how, f, wrt, has_aux, fallback, unroll)
        self._mode = mode
        self._push = Pushforward("jvp", f, (), has_aux, fallback, unroll)
        self._pull = Pullback("pullback", f, (), has_aux, fallback, unroll)

    @property
    def _settings(self) -> tuple[Any, ...]:
        return *super()._settings, self._mode

    def _table(self, args: tuple) -> Any:
        wanted = self._wanted(args)
        trees = [tree for _, _, tree in wanted]
        columns = sum(np.size(x) for tree in trees for _, x in leaves(tree) if is_float(x))
        mode, value, aux = self._mode, None, None
        if mode == "auto":
            mode = "forward" if columns <= 1 else "reverse"
            if mode == "reverse":
                value, aux = self._value(args)
                rows = sum(np.size(x) for _, x in leaves(value) if is_float(x))
                mode = "forward" if columns <= rows else "reverse"
        found = Blocks()
        if mode == "forward":
            self._engine = self._push
            value, aux = self._forward(args, wanted, found, (value, aux))
        else:
            self._engine = self._pull
            if value is None:
                value, aux = self._value(args)
            self._reverse(args, wanted, value, found)
        result = found.tree(value, trees, self._single)
        return (result, aux) if self._has_aux else result

    def _value(self, args: tuple) -> tuple[Any, Any]:
        value = self._f(*private(args))
        return value if self._has_aux else (value, None)

    def _forward(self, args: tuple, wanted: list, found: Blocks, known: tuple) -> tuple[Any, Any]:
        value, aux = known
        for k, (place, steps, tree) in enumerate(wanted):
            shapes = dict(leaves(tree))
            for path, index, unit in units(tree):
                whole = unit if not steps else placed(args[place], steps, unit)
                dots = tuple(whole if i == place else None for i in range(len(args)))
                value, column, *more = self._push(args, dots)
                aux = more[0] if more else None
                out = dict(leaves(value))
                for row, d in leaves(column):
                    if d is not None:
                        shape = np.shape(out[row]) + np.shape(shapes[path])
                        at = (..., *index)
                        found.put(row, (k, *path), at, d, shape, np.asarray(out[row]).dtype)
        if value is None:
            value, aux = self._value(args)
        return value, aux

    def _reverse(self, args: tuple, wanted: list, value: Any, found: Blocks) -> None:
        out = dict(leaves(value))
        for row, index, unit in units(value):
            _, gradients = self._pull.value_and_gradients(args, zeros_for_none(unit, value))
            for k, (place, steps, _) in enumerate(wanted):
                gradient = functools.reduce(step_into, steps, gradients[place])
                for path, d in leaves(gradient):
                    if d is not None:
                        shape = np.shape(out[row]) + np.shape(d)
                        dtype = np.asarray(out[row]).dtype
                        found.put(row, (k, *path), index, d, shape, dtype)


def zeros_for_none(unit: Any, value: Any) -> Any:
    """A cotangent of a value: zeros for the floats that are not moved."""
    inner = children(value)
    if inner is not None:
        parts = children(unit) or [(None, None)] * len(inner)
        return rebuild(value, [zeros_for_none(u, x) for (_, u), (_, x) in zip(parts, inner)])
    if unit is None and is_float(value):
        return np.zeros(np.shape(value), np.asarray(value).dtype)[()]
    return unit


class Hessian(Table):
    """What `hessian(f)` returns."""

    def __init__(
        self, how: str, f: Function, wrt: Wrt = 0, has_aux: bool = False, fallback: str = "error",
        unroll: int | None = None,
    ) -> None:  # fmt: skip
        super().__init__(how, f, wrt, has_aux, fallback, unroll)
        self._product = HessianProduct("hvp", f, wrt, has_aux, fallback, unroll)

    def _table(self, args: tuple) -> Any:
        wanted = self._wanted(args)
        if any(steps for _, steps, _ in wanted):
            raise UnknownArgumentError(
                "`hessian` is taken with respect to whole arguments", self._parsed_callee().where(),
                "Name the arguments in `wrt`.",
            )  # fmt: skip
        trees = [tree for _, _, tree in wanted]
        self._engine = self._product
        found, aux = Blocks(), None
        for k, (_, _, tree) in enumerate(wanted):
            shapes = dict(leaves(tree))
            for path, index, unit in units(tree):
                vectors = [unit if i == k else None for i in range(len(trees))]
                given: list = []
                for i, x in enumerate(args):
                    given.append(x)
                    given += [v for v, (place, _, _) in zip(vectors, wanted) if place == i]
                product = self._product(*given)
                product, aux = product if self._has_aux else (product, None)
                for j, part in enumerate((product,) if self._single else product):
                    for row, d in leaves(part):
                        if d is not None:
                            shape = np.shape(d) + np.shape(shapes[path])
                            dtype = np.asarray(d).dtype
                            found.put((j, *row), (k, *path), (..., *index), d, shape, dtype)
        symmetrize(found.found)
        result = found.tree(tuple(trees), trees, self._single)
        result = result[0] if self._single else result
        return (result, aux) if self._has_aux else result


def symmetrize(blocks: dict[tuple, np.ndarray]) -> None:
    """Second derivatives do not depend on their order, but for the last bits."""
    done = set()
    for (row, column), block in list(blocks.items()):
        other = blocks.get((column, row))
        if other is None or (column, row) in done:
            continue
        done.add((row, column))
        rank = block.ndim - _rank(blocks, row)
        turned = np.moveaxis(other, range(other.ndim - rank), range(rank, other.ndim))
        mean = (block + turned) / 2
        blocks[row, column] = mean
        blocks[column, row] = np.moveaxis(mean, range(mean.ndim - rank, mean.ndim), range(rank))


def _rank(blocks: dict[tuple, np.ndarray], row: tuple) -> int:
    """How many axes a leaf has: half of those of the block on the diagonal."""
    own = blocks.get((row, row))
    return 0 if own is None else own.ndim // 2
