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
from typing import Any

from srcdiff.api import Differentiated, Function, Wrt, _Code, _name_line
from srcdiff.runtime.errors import ComplexPowerError, UnknownArgumentError
from srcdiff.signature import Callee, Entry, Refused, key_of
from srcdiff.tracebacks import trim
from srcdiff.trees import as_tangent, moving, tangent


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
        return Pushforward("jvp", f, (), has_aux, _fallback(fallback), unroll)
    if tangents is None:
        raise TypeError("jvp(f, args, tangents): the tangents are missing")
    kept = _kept(Pushforward, "jvp", f, (), bool(has_aux), _fallback(fallback), unroll)
    return kept(args, tangents)


def hvp(
    f: Function,
    wrt: Wrt = 0,
    *,
    has_aux: bool = False,
    fallback: str = "tape",
    unroll: int | None = None,
) -> HessianProduct:
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
        return 3 * k * (2 * x_dot * x)
    """
    return HessianProduct("hvp", f, wrt, bool(has_aux), _fallback(fallback), unroll)


def _fallback(fallback: str) -> str:
    if fallback not in ("tape", "error"):
        raise ValueError(f'fallback must be "tape" or "error", not {fallback!r}')
    return fallback


_kept_ones: dict[Any, Any] = {}


def _kept(cls: Any, how: str, f: Function, *settings: Any) -> Any:
    """The same object for the same function and settings, so that it is compiled once."""
    at = id(getattr(f, "__func__", f)), id(getattr(f, "__self__", None))
    key = how, at, settings
    found = _kept_ones.pop(key, None)
    if found is None:
        found = cls(how, f, *settings)
    _kept_ones[key] = found  # f is held with it, and the id is not used again
    if len(_kept_ones) > 256:
        del _kept_ones[next(iter(_kept_ones))]
    return found


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
        self._check_compiled(code, "generated function")
        parsed = self._parsed_callee().parsed
        if parsed.partial_args or parsed.partial_kwargs:
            return functools.partial(code.function, *parsed.partial_args, **parsed.partial_kwargs)
        return code.function

    def _prepared(self, args: tuple, kwargs: dict) -> tuple[tuple, dict, dict[str, Any]]:
        """The call of f itself, and the tangents of its parameters, those that are not zero."""
        given, kwargs, tangents = self._split(args, kwargs)
        callee = self._parsed_callee()
        given, kwargs = self._complete(given, kwargs)
        tangents = (None,) * callee.ahead + tangents
        tangents += (None,) * (len(given) - len(tangents))
        given = tuple(
            float(x) if type(x) is int and dot is not None else x
            for x, dot in zip(given, tangents)
        )  # fmt: skip
        callee.bind(given, kwargs)  # raises what Python raises
        dots: dict[str, Any] = {}
        for at, name in enumerate(callee.positional[: len(given)]):
            if tangents[at] is not None:
                dots[name] = tangent(given[at], tangents[at], name)
        ahead = len(callee.positional)
        if len(given) > ahead:
            pairs = zip(given[ahead:], tangents[ahead:])
            dots[callee.star] = tuple(tangent(x, dot, callee.star) for x, dot in pairs)
        return given, kwargs, {name: dot for name, dot in dots.items() if moving(dot)}

    def _code_of(self, args: tuple, kwargs: dict, dots: dict[str, Any]) -> _Code:
        try:
            key = (*key_of(args, kwargs), *((name, moving(dot)) for name, dot in dots.items()))
        except Refused:
            raise self._parsed_callee().refused(args, kwargs) from None
        for code in self._codes.get(key, ()):
            if code.holds(args, kwargs):
                return code
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

    def _split(self, args: tuple, kwargs: dict) -> tuple[tuple, dict, tuple]:
        callee = self._parsed_callee()
        wanted = {self._place(each, callee) for each in self._each_wrt}
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

    def _arranged(self, args: tuple, kwargs: dict, dots: dict[str, Any]) -> tuple[tuple, dict]:
        names = self._parsed_callee().positional
        given: list = []
        for at, x in enumerate(args):
            given.append(x)
            if at < len(names) and names[at] in dots:
                given.append(dots[names[at]])
        return tuple(given), kwargs

    def _finished(self, code: _Code, result: Any) -> Any:
        return result if code.finish is None else code.finish(result)
