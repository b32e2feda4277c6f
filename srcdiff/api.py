"""The transformations: what `grad` and its like return, and how a call finds its generated code.

    df = grad(f)
    df(x)          key of the call → entry, made once: the generated function and its guards
    df.source      the text of the entry used last

Everything that is not needed at a call that finds its entry is done when the entry is made.
"""

from __future__ import annotations

import functools
import inspect
import math
import operator
import sys
import threading
import traceback
import types
from collections.abc import Callable
from textwrap import indent
from typing import TYPE_CHECKING, Any, TypedDict, Unpack, overload

import numpy as np

from srcdiff.runtime import kernels
from srcdiff.runtime.derivative import DERIVING, MAKERS, Derivative
from srcdiff.runtime.errors import (
    ComplexPowerError,
    NoRuleError,
    SrcdiffError,
    UnsupportedSyntaxError,
)
from srcdiff.signature import (
    Callee,
    Entry,
    Refused,
    apart,
    as_wrt,
    key_of,
    may_overlap,
    outside_arrays,
    outside_numbers,
    several,
    unchanged,
)
from srcdiff.tracebacks import trim
from srcdiff.trees import (
    cotangent,
    each_cast,
    has_float,
    is_attribute,
    is_float,
    is_object,
    leaves,
    like,
    outline,
    private,
    scalars,
    spelled,
)

if TYPE_CHECKING:
    from srcdiff.transforms import Compiled
    from srcdiff.transforms.parse import Parsed

Function = Callable[..., Any]
Wrt = int | str | tuple[int | str, ...]


class Settings(TypedDict, total=False):
    """The keywords of `grad`, `value_and_grad` and `elementwise_grad`."""

    argnums: Wrt | None
    has_aux: bool
    fallback: str
    backend: str
    unroll: int | None
    checkpoint: Any


class _First(int):
    """The default of wrt, told from a 0 that was passed."""


FIRST = _First(0)


@overload
def grad(f: Function, wrt: Wrt = ..., **settings: Unpack[Settings]) -> Differentiated: ...
@overload
def grad(
    f: None = None, wrt: Wrt = ..., **settings: Unpack[Settings]
) -> Callable[[Function], Differentiated]: ...
def grad(
    f: Function | None = None,
    wrt: Wrt = FIRST,
    *,
    argnums: Wrt | None = None,
    has_aux: bool = False,
    fallback: str = "tape",
    backend: str = "numpy",
    unroll: int | None = None,
    checkpoint: Any = None,
) -> Any:
    """The gradient of a function with one output; also a decorator, with or without keywords.

    wrt         what to differentiate with respect to: a position among the positional arguments
                of the call (negative ones count from the end), the name of a parameter or of a
                local variable that is assigned once, or what leads into one of these or into the
                `self` of a method: "params.w", "model.layers[0].w", "self.w". It gives the gradient
                itself; a tuple of these gives a tuple of gradients
    argnums     the same, as other packages spell it
    has_aux     f returns (output, aux), and the result is (gradient, aux)
    fallback    "tape" or "error": what to do about a function that the compiler cannot take
    backend     "numpy"
    unroll      loops over a known range are unrolled up to so many statements; None: srcdiff's
                choice, which keeps the source short
    checkpoint  what loops keep for the reverse sweep, which runs their steps again: "sqrt" (about
                √n snapshots of what n steps hand on, and √n steps), the number of snapshots (each
                step is then run again as rarely as that allows), or the memory for them ("64MB").
                None: all that it reads. The gradient is the same, bit for bit. On the tape, and in
                a derivative inside a function that is differentiated, it has no effect

    The gradient of an array has its shape and dtype, that of a Python number is a NumPy scalar.
    For a list, tuple, dict, namedtuple or dataclass it has the same structure, with None for each
    leaf that is no float. Arguments are never changed.

    >>> import numpy as np
    >>> def loss(w, x):
    ...     return np.sum(np.tanh(x @ w) ** 2)
    >>> df = grad(loss)
    >>> df(np.zeros(2), np.ones((3, 2)))
    array([0., 0.])
    >>> grad(loss, wrt=("w", "x"))(np.zeros(2), np.ones((1, 2)))
    (array([0., 0.]), array([[0., 0.]]))
    >>> @grad
    ... def cube(x):
    ...     return x**3
    >>> cube(2)
    np.float64(12.0)

    Raises, when the result is called: `NonScalarOutputError` for an output of more than one
    element; `NotDifferentiableTypeError`, a TypeError, for an array of ints or bools, or what is
    no number; `UnknownArgumentError`, a ValueError, for what wrt does not find;
    `UnsupportedSyntaxError` for what cannot be compiled; `NoRuleError` for a call of a function
    that has neither a rule nor source.
    """
    return _transformation("grad", f, wrt, argnums, has_aux, fallback, backend, unroll, checkpoint)


@overload
def value_and_grad(f: Function, wrt: Wrt = ..., **settings: Unpack[Settings]) -> Differentiated: ...
@overload
def value_and_grad(
    f: None = None, wrt: Wrt = ..., **settings: Unpack[Settings]
) -> Callable[[Function], Differentiated]: ...
def value_and_grad(
    f: Function | None = None,
    wrt: Wrt = FIRST,
    *,
    argnums: Wrt | None = None,
    has_aux: bool = False,
    fallback: str = "tape",
    backend: str = "numpy",
    unroll: int | None = None,
    checkpoint: Any = None,
) -> Any:
    """The value of a function and its gradient, computed together: (value, gradient).

    Keywords, shapes and errors are those of `grad`. With `has_aux` the result is
    ((value, aux), gradient).

    >>> import numpy as np
    >>> value_and_grad(lambda x: np.sum(x**2))(np.array([1.0, 2.0]))
    (np.float64(5.0), array([2., 4.]))
    """
    return _transformation(
        "value_and_grad", f, wrt, argnums, has_aux, fallback, backend, unroll, checkpoint
    )


@overload
def elementwise_grad(
    f: Function, wrt: Wrt = ..., **settings: Unpack[Settings]
) -> Differentiated: ...
@overload
def elementwise_grad(
    f: None = None, wrt: Wrt = ..., **settings: Unpack[Settings]
) -> Callable[[Function], Differentiated]: ...
def elementwise_grad(
    f: Function | None = None,
    wrt: Wrt = FIRST,
    *,
    argnums: Wrt | None = None,
    has_aux: bool = False,
    fallback: str = "tape",
    backend: str = "numpy",
    unroll: int | None = None,
    checkpoint: Any = None,
) -> Any:
    """The gradient of the sum of all elements of the output.

    For a function that maps each element on its own this is its derivative at each element.
    Keywords, shapes and errors are those of `grad`; the output may have any shape.

    >>> import numpy as np
    >>> elementwise_grad(np.sin)(np.zeros(3))
    array([1., 1., 1.])
    """
    return _transformation(
        "elementwise_grad", f, wrt, argnums, has_aux, fallback, backend, unroll, checkpoint
    )


def vjp(f: Function, /, *args: Any) -> tuple[Any, Function]:
    """The value of f at args, and the function that pulls a cotangent of it back.

    `value, pull = vjp(f, *args)`; `pull(d_out)` takes what has the structure and shapes of the
    value (None for what is no float) and returns a tuple, one entry for each of args: of its
    structure, shapes and dtypes, None for one without floats. It may be called any number of
    times, and what it returns shares no memory with d_out, with args or with what it returned
    before. For complex numbers it is the adjoint under the real inner product Re(conj(a) b).

    >>> import numpy as np
    >>> value, pull = vjp(lambda x, n: x**n, np.array([1.0, 2.0]), 3)
    >>> value, pull(np.ones(2)), pull(np.array([1.0, 0.0]))
    (array([1., 8.]), (array([ 3., 12.]), None), (array([3., 0.]), None))

    Raises ValueError or TypeError, when `pull` is called, for a cotangent that does not fit the
    value; otherwise what `grad` raises, but any output is allowed.
    """
    try:
        return kept(_Pullback, "vjp", f, ()).value_and_pull(args)
    except Exception as error:
        trim(error)
        raise


def _transformation(
    how: str,
    f: Function | None,
    wrt: Wrt,
    argnums: Wrt | None,
    has_aux: bool,
    fallback: str,
    backend: str,
    unroll: int | None,
    checkpoint: Any,
) -> Any:
    wrt = checked_wrt(how, wrt, argnums)
    checked_fallback(fallback)
    if backend != "numpy":
        raise ValueError(f'backend must be "numpy", not {backend!r}')
    if unroll is not None and (not isinstance(unroll, int) or isinstance(unroll, bool)):
        raise TypeError(f"unroll must be a number of statements or None, not {unroll!r}")
    if unroll is not None and unroll < 0:
        raise ValueError(f"unroll must not be negative: {unroll}")
    checked_checkpoint(checkpoint)

    def transform(f: Function) -> Differentiated:
        return Differentiated(how, f, wrt, bool(has_aux), fallback, unroll, checkpoint)

    return transform if f is None else transform(f)


def checked_wrt(how: str, wrt: Wrt, argnums: Wrt | None) -> Wrt:
    """What `wrt` or `argnums` says; an error for both, and for what cannot be one."""
    if argnums is not None:
        if wrt is not FIRST:
            raise TypeError(f"{how}() got both wrt and argnums, which mean the same")
        wrt = argnums
    try:
        as_wrt(wrt)
    except TypeError as error:
        given = (wrt,) if not isinstance(wrt, tuple) else wrt
        if any(isinstance(each, np.ndarray | list | dict) for each in given):
            vector = ", v" if how == "hvp" else ""
            error.add_note(f"Arguments go to what `{how}` returns: {how}(f)(x{vector})")
        raise
    return wrt if isinstance(wrt, str | tuple) else int(wrt)


def checked_fallback(fallback: str) -> str:
    if fallback not in ("tape", "error"):
        raise ValueError(f'fallback must be "tape" or "error", not {fallback!r}')
    return fallback


def checked_checkpoint(checkpoint: Any) -> Any:
    if checkpoint is not None:
        from srcdiff.transforms.checkpoint import schedule

        schedule(checkpoint)
    return checkpoint


def _name_line(error: Exception, code: _Code) -> None:
    """Note the user's line on an exception that was raised in generated code."""
    if code.compiled.source is None:
        return  # on the tape: the traceback shows the user's lines
    trace, ran = error.__traceback__, code.function.__code__
    while trace is not None and trace.tb_frame.f_code is not ran:
        trace = trace.tb_next
    where = code.compiled.lines.get(trace.tb_lineno) if trace is not None else None
    if where is not None:
        error.add_note(f"in the code generated for\n  {indent(where.location.quoted(), '  ')[2:]}")


class Misfit(AssertionError):
    """A result that cannot be: generated code was run with what it was not made for."""


def _unfit(error: Exception, code: _Code) -> str:
    """In what generated code does not fit its arguments, by its exception; "" for other ones."""
    if code.compiled.source is None:
        return ""
    number = "it has a number where other runs have an array"
    if isinstance(error, Misfit):
        return number
    known = isinstance(error, UnboundLocalError | AttributeError | TypeError)
    if not known or isinstance(error, SrcdiffError):
        return ""
    ran = [frame.f_code for frame, _ in traceback.walk_tb(error.__traceback__)][-1]
    if ran not in (code.function.__code__, getattr(code.fits, "__code__", None)):
        return ""
    if isinstance(error, UnboundLocalError) or "'NoneType'" in str(error):
        return "it binds an array only in a branch or loop that was not taken"
    as_array = "has no attribute" in str(error) or "not subscriptable" in str(error)
    return number if as_array else f"it raises {type(error).__name__}: {error}"


class _Code:
    """Generated code for one key, and what a call of it must see to.

    holds      whether all outside is as it was when it was compiled
    promoted   where the call passes ints that become floats
    overlaps   arguments that share memory are looked for: the code writes into them
    outside    returns the arrays outside, for that
    finish     makes NumPy scalars of numbers in the result, None if there are none
    fits       whether a result has the shapes that the arguments have; None: there are none
    careful    a call needs more than calling the function and `finish`; the first one does
    observes   a helper that this call is to show the result of
    steep      a zero cotangent may meet an infinite slope: see `_with_strong_zeros`
    """

    __slots__ = (
        "compiled", "function", "entries", "holds", "promoted", "overlaps", "outside", "finish",
        "fits", "careful", "checked", "observes", "steep",
    )  # fmt: skip

    def __init__(
        self, compiled: Compiled, callee: Callee, args: tuple[Any, ...], entries: tuple[Entry, ...]
    ) -> None:
        self.compiled = compiled
        self.function = compiled.function
        self.entries = entries
        self.holds = unchanged(compiled.guards, callee, args)
        self.promoted: list[int | str] = []
        self.overlaps = compiled.writes_arguments or compiled.writes_outside
        self.outside = outside_arrays(compiled.guards) if self.overlaps else None
        self.finish: Function | None = None
        self.fits: Function | None = None
        self.careful, self.checked = True, False
        self.observes: Function | None = None
        self.steep = False

    def on_numpy_scalars(self) -> bool:
        """Change to the variant that computes on NumPy's scalars; False if this is it already."""
        if self.compiled.careful is None or self.function is not self.compiled.function:
            return False
        self.function = self.compiled.careful()
        return True


EFFECTS = ("print", "append_outside", "store_outside", "delete_outside", "write_back")
_SEEDS = {"grad": "one", "value_and_grad": "one", "elementwise_grad": "ones", "vjp": "argument",
          "jvp": "tangent", "hvp": "one", "pullback": "argument", "vmap": "none"}  # fmt: skip

_SUSPENDED = inspect.CO_GENERATOR | inspect.CO_COROUTINE | inspect.CO_ASYNC_GENERATOR

# Of how many keys, and of how many states of what is outside, the code is kept.
KEYS, STATES = 256, 8

_compiling = threading.RLock()


class Differentiated(Derivative):
    """What `grad`, `value_and_grad` and `elementwise_grad` return: a function like f.

    It has the name, the documentation and the signature of f, and as an attribute of a class it is
    a method, like f. It pickles where f does.

    primal       f itself
    source       the generated function used last, as text
    ir           its intermediate representation; `str(df.ir)` is readable
    specialize   the generated function itself
    """

    __name__: str
    _how: str
    _helpers_on_tape = True
    # What an error says of what the compiler refuses, where the tape is not asked.
    _without_tape = 'Without `fallback="error"` it runs on the tape.'
    _many = False  # whether seeds have a leading axis, one after another

    def __init__(
        self,
        how: str,
        f: Function,
        wrt: Wrt = 0,
        has_aux: bool = False,
        fallback: str = "tape",
        unroll: int | None = None,
        checkpoint: Any = None,
    ) -> None:
        if not callable(f):
            raise TypeError(f"{how}() needs a function, not {f!r}; keywords go by name: wrt={f!r}")
        self._how, self._f = how, f
        self._wrt, self._has_aux = wrt, has_aux
        self._fallback, self._unroll, self._checkpoint = fallback, unroll, checkpoint
        self._each_wrt, self._single = as_wrt(wrt)
        self._codes: dict[tuple[Any, ...], list[_Code]] = {}
        self._latest: _Code | None = None
        self._callee: Callee | None = None
        self._refused: SrcdiffError | None = None  # why the tree is not to be compiled
        self._warned: list[Any] = []  # functions that are known to run on the tape
        # Helpers that run on the tape → what they return; None if helpers never do.
        on_tape = fallback == "tape" and self._helpers_on_tape
        self._observed: dict[Any, Any] | None = {} if on_tape else None
        self._completed = True  # whether calls need nothing before they are looked up
        self._is_method = False  # reached through its class, it takes the instance first
        self._instance: Any = None
        self._methods: dict[int, Differentiated] = {}
        self.__module__ = str(getattr(f, "__module__", None) or "builtins")
        named = f if hasattr(f, "__name__") else getattr(f, "func", f)  # of a partial
        self.__name__ = str(getattr(named, "__name__", type(named).__name__))
        self.__qualname__ = getattr(f, "__qualname__", self.__name__)
        for name in ("__doc__", "__annotations__", "__type_params__"):
            if hasattr(f, name):
                setattr(self, name, getattr(f, name))

    # A call

    def __call__(self, /, *args: Any, **kwargs: Any) -> Any:
        __tracebackhide__ = True
        try:
            if self._callee is None or not self._completed:
                if self._is_method and args:
                    return self.__get__(args[0], type(args[0]))(*args[1:], **kwargs)
                args, kwargs = self._complete(args, kwargs)
            try:  # as in `_code_for`, which would cost another call
                key = key_of(args, kwargs)
            except Refused:
                raise self._parsed_callee().refused(args, kwargs) from None
            for code in self._codes.get(key, ()):
                if code.holds(args, kwargs):
                    break
            else:
                code = self._compile(key, args, kwargs)
            self._latest = code
            try:
                if code.careful:
                    result = self._careful_call(code, args, kwargs)
                    if code.observes is not None:
                        self._observed_in(code, key, args, kwargs)
                    return result
                result = code.function(*args, **kwargs)
                if code.fits is not None and not code.fits(args, kwargs, result):
                    self._misfit(args, kwargs)
            except (ArithmeticError, ValueError) as error:
                # Python's numbers raise where NumPy's give inf or nan; a broadcast was not
                # expected.
                if not isinstance(error, ValueError) or "broadcast" in str(error):
                    if code.on_numpy_scalars():
                        return self(*args, **kwargs)
                if self._helper_changed(error, code, key):
                    return self(*args, **kwargs)
                _name_line(error, code)
                raise
            except Exception as error:
                if self._helper_changed(error, code, key):
                    return self(*args, **kwargs)
                _name_line(error, code)
                why = self._why_on_tape(error, code, args, kwargs)
                self._warn(self, why)
                return self._again_on_tape(code, args, kwargs, why)
            if code.finish is not None:
                result = code.finish(result)
            return self._with_strong_zeros(code, args, kwargs, result) if code.steep else result
        except Exception as error:
            trim(error)
            raise

    def _with_strong_zeros(
        self, code: _Code, args: tuple[Any, ...], kwargs: dict[str, Any], result: Any
    ) -> Any:
        """The result; one with a nan in its gradient as the tape has it.

        There a cotangent of zero counts as zero where a slope is infinite:
        `where(x > 0, log(x), 0)` has the gradient 0 at 0.
        """
        if self._how == "value_and_grad":
            gradients = result[1]
        else:
            gradients = result[0] if self._has_aux else result
        if not _has_nan(gradients):
            return result
        try:
            return self._again_on_tape(code, args, kwargs)
        except SrcdiffError:  # not even the tape takes it
            return result

    def _may_run_on_tape(self, code: _Code) -> bool:
        """Whether a program may run on the tape once it has run as it was compiled."""
        compiled = code.compiled.source is not None
        return self._fallback == "tape" and compiled and not _has_effects(code.compiled.ir)

    def _why_on_tape(
        self, error: Exception, code: _Code, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> SrcdiffError:
        """Why the tape is to run in place of generated code, which has raised an exception.

        What it has raised is raised again where it fits its arguments, and what the function
        itself raises for them; where there is no tape, why it does not fit.
        """
        may_run = self._may_run_on_tape(code)
        if isinstance(error, ComplexPowerError) and may_run:
            return error  # the tape takes each number as it comes
        what = _unfit(error, code)
        if not what or _has_effects(code.compiled.ir) or isinstance(error, Misfit) and not may_run:
            raise error
        if not isinstance(error, Misfit):
            self._run_itself(args, kwargs)
        why = UnsupportedSyntaxError(
            f"the code generated for `{self.__name__}` does not fit these arguments: {what}",
            self._parsed_callee().where(), "Let the name hold the same kind on every path.",
        )  # fmt: skip
        if not may_run:
            raise why from None
        return why

    def _run_itself(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        """Run the function for what it raises."""
        self._f(*private(args), **dict(zip(kwargs, private(tuple(kwargs.values())))))

    def _again_on_tape(
        self,
        code: _Code,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        why: SrcdiffError | None = None,
    ) -> Any:
        """What the tape gives for a call."""
        callee = self._parsed_callee()
        on_tape = _Code(self._on_tape(callee, code.entries, why), callee, args, code.entries)
        on_tape.finish, on_tape.promoted, on_tape.checked = code.finish, code.promoted, True
        return self._careful_call(on_tape, args, kwargs)

    def _helper_changed(self, error: Exception, code: _Code, key: tuple[Any, ...]) -> bool:
        """Whether a helper on the tape did what code was not made for, and a second run may be."""
        helper = getattr(error, "helper", None)
        if helper is None or self._observed is None or helper not in self._observed:
            return False
        self._observed[helper] = None
        self._codes[key] = [each for each in self._codes.get(key, ()) if each is not code]
        return not error.effects and not _has_effects(code.compiled.ir)  # type: ignore[attr-defined]

    def specialize(self, /, *args: Any, **kwargs: Any) -> Function:
        """The generated function for arguments like these, without checks or dispatch.

        It takes the arguments that were given here, as they were given, and returns what a call
        of the whole returns. Nothing keeps it from being called with others, for which it may be
        wrong: a rank, a dtype or the value of a bool or string that differs.

        >>> import numpy as np
        >>> df = grad(lambda x: np.sum(x * x)).specialize(np.ones(2))
        >>> df(np.array([1.0, 2.0, 3.0]))
        array([2., 4., 6.])
        """
        if self._is_method and args:
            return self.__get__(args[0], type(args[0])).specialize(*args[1:], **kwargs)
        try:
            args, kwargs = self._complete(args, kwargs)
            self._latest = code = self._code_for(args, kwargs)
        except Exception as error:
            trim(error)
            raise
        return self._generated(code)

    def _generated(self, code: _Code) -> Function:
        """The generated function as f is called: without the arguments that a partial has."""
        self._check_compiled(code, "generated function")
        parsed = self._parsed_callee().parsed
        if parsed.partial_args or parsed.partial_kwargs:
            return functools.partial(code.function, *parsed.partial_args, **parsed.partial_kwargs)
        return code.function

    def _code_for(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> _Code:
        try:
            key = key_of(args, kwargs)
        except Refused:
            raise self._parsed_callee().refused(args, kwargs) from None
        for code in self._codes.get(key, ()):
            if code.holds(args, kwargs):
                return code
        return self._compile(key, args, kwargs)

    def _complete(
        self, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """The call of the function itself: with a partial's arguments, and defaults in wrt."""
        callee = self._parsed_callee()
        parsed = callee.parsed
        if parsed.partial_args or parsed.partial_kwargs:
            args, kwargs = (*parsed.partial_args, *args), {**parsed.partial_kwargs, **kwargs}
        named = [name for name in self._each_wrt if name in callee.defaults]
        return callee.complete(named, args, kwargs) if named else (args, kwargs)

    def _careful_call(self, code: _Code, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        if code.overlaps:
            self._check_overlap(code, args, kwargs)
        if code.promoted:
            changed = list(args)
            for place in code.promoted:
                if isinstance(place, int):
                    changed[place] = float(changed[place])
                else:
                    kwargs = kwargs | {place: float(kwargs[place])}
            args = tuple(changed)
        targets = None if code.checked else self._targets(code, args, kwargs)
        result = code.function(*args, **kwargs)
        if code.fits is not None and not code.fits(args, kwargs, result):
            self._misfit(args, kwargs)
        result = result if code.finish is None else code.finish(result)
        if targets is not None:
            if code.compiled.source is None and isinstance(code.compiled.ir, NoRuleError):
                self._warn(self, code.compiled.ir)
            fits = self._gradients_fit(targets, result)
            if not fits:
                self._misfit(args, kwargs)
            code.checked = True
            code.careful = bool(code.promoted or code.overlaps)
        return self._with_strong_zeros(code, args, kwargs, result) if code.steep else result

    def _misfit(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        """What is not needed for the gradient is not computed: the error of two shapes neither."""
        self._run_itself(args, kwargs)
        raise Misfit(f"{self!r}: a gradient is unlike its argument, which is a bug")

    def _check_overlap(self, code: _Code, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        outside = code.outside() if code.outside else ()
        if may_overlap(args, kwargs, outside):
            callee = self._parsed_callee()
            written = code.compiled.writes_outside
            callee.check_overlap(callee.bind(args, kwargs), outside, written)

    def _targets(self, code: _Code, args: tuple[Any, ...], kwargs: dict[str, Any]) -> list[Any]:
        """What gradients are of, as it is before a call that may store something else there."""
        callee = self._parsed_callee()
        arguments = callee.bind(args, kwargs)
        found = []
        for entry in code.entries:
            target = None if entry[0] == "local" else callee.target(entry, arguments)
            found.append(private((target,))[0] if entry[0] == "self" else target)
        return found

    def _gradients_fit(self, targets: list[Any], result: Any) -> bool:
        """Whether gradients have the structure, shapes and dtypes of their arguments."""
        if self._how == "value_and_grad":
            result = result[1]
        elif self._has_aux:
            result = result[0]
        gradients = (result,) if self._single else result
        pairs = zip(targets, gradients, strict=True)
        return all(target is None or like(g, target) for target, g in pairs)

    # Compiling

    def _parsed_callee(self) -> Callee:
        if self._callee is None:
            with _compiling:
                callee = Callee(self._parse(_with_source(self._f)))
                parsed = callee.parsed
                self._completed = not (
                    self._is_method
                    or parsed.partial_args
                    or parsed.partial_kwargs
                    or callee.defaults.intersection(map(str, self._each_wrt))
                )
                self._callee = callee
        return self._callee

    def _parse(self, f: Function) -> Parsed:
        """The tree of a function, or for one that goes to the tape what can be had of it."""
        from srcdiff.transforms.parse import find, parse, without_source

        self._refused = None
        try:
            return parse(f)
        except UnsupportedSyntaxError as error:
            if self._fallback != "tape":
                raise
            self._refused = error
        try:
            parsed = find(f)
        except UnsupportedSyntaxError:
            parsed = without_source(f)
        if parsed.function.__code__.co_flags & _SUSPENDED:  # it returns nothing to differentiate
            raise self._refused
        return parsed

    def _compile(
        self,
        key: tuple[Any, ...],
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        **more: Any,
    ) -> _Code:
        """Code for a key; `more` is what else the request says."""
        from srcdiff.transforms import NeedsObservation, Request, compile

        with _compiling:
            for code in self._codes.get(key, ()):  # another thread may have made it
                if code.holds(args, kwargs):
                    return code
            self._callee = None  # the function may have other code or defaults than last time
            callee = self._parsed_callee()
            arguments = callee.bind(args, kwargs)
            entries = self._entries(callee, args, kwargs)
            arguments, promoted = callee.checked(entries, arguments)
            inside = any(entry[0] == "self" for entry in entries)  # the tape finds no such leaf
            request = Request(
                callee.parsed,
                apart(arguments),
                entries,
                _SEEDS[self._how],
                value=self._how in ("value_and_grad", "pullback"),
                has_aux=self._has_aux,
                unroll=self._unroll,
                training=key[0],
                single=self._single,
                observed=None if inside else self._observed,
                is_object=is_object,
                checkpoint=self._checkpoint,
                many=self._many,
                **more,
            )
            observes = None
            try:
                if self._refused is not None:
                    raise self._refused
                compiled = compile(request)
                for helper, error in compiled.taped:
                    self._warn(helper, error)
                for error in compiled.kept:
                    self._warn_of_kept(error)
            except NeedsObservation as need:
                observes = need.function
                watched = (*(self._observed or ()), observes)
                compiled = self._on_tape(callee, entries, None, watched)
            except (UnsupportedSyntaxError, NoRuleError) as error:
                if self._fallback != "tape" or inside:
                    if not (error.instead or isinstance(error, NoRuleError)):
                        error.instead = self._without_tape if not inside else "The tape takes no " \
                            "fields of `self` in `wrt`."
                    raise
                if not isinstance(error, NoRuleError):  # the tape may have no rule either
                    self._warn(self, error)
                compiled = self._on_tape(callee, entries, error)
            except Exception as error:
                # The function raises that, as it will on the tape; or the compiler is at a loss.
                told = isinstance(error, SrcdiffError) or hasattr(error, "__notes__")
                if told or self._fallback != "tape" or inside:
                    raise
                what = f"`{self.__name__}` brings the compiler to {type(error).__name__}: {error}"
                refusal = UnsupportedSyntaxError(what, callee.where())
                self._warn(self, refusal)
                compiled = self._on_tape(callee, entries, refusal)
            code = _Code(compiled, callee, args, entries)
            code.observes = observes
            code.finish = self._finish(entries, arguments)
            code.fits = self._fits(callee, entries, arguments, args)
            code.steep = self._may_run_on_tape(code) and _is_steep(compiled.ir)
            code.overlaps &= code.outside is not None or several(arguments)
            code.promoted = [callee.place_in_call(entry, args)[0] for entry in promoted]
            if observes is not None:
                return code  # for this call alone
            self._codes[key] = [code, *self._codes.pop(key, ())][:STATES]
            if len(self._codes) > KEYS:
                del self._codes[next(iter(self._codes))]
            return code

    def _on_tape(
        self,
        callee: Callee,
        entries: tuple[Entry, ...],
        error: SrcdiffError | None,
        watched: tuple[Function, ...] = (),
    ) -> Compiled:
        """What runs instead of generated code."""
        from srcdiff.fallback import OnTape
        from srcdiff.transforms import Compiled

        how = self._how
        function = OnTape(
            callee,
            entries,
            self._single,
            _SEEDS[how],
            how == "value_and_grad",
            self._has_aux,
            watched,
        )
        return Compiled(function, None, error, (), False, {}, None)

    def _warn(self, f: Any, error: SrcdiffError) -> None:
        from srcdiff.fallback import warn

        if f not in self._warned:
            self._warned.append(f)
            warn(f.__name__, error)

    def _warn_of_kept(self, error: SrcdiffError) -> None:
        """A loop keeps all that it computes, whatever `checkpoint` says."""
        from srcdiff.fallback import warn

        if self._fallback == "error":
            raise error
        if str(error) not in self._warned:
            self._warned.append(str(error))
            warn(self.__name__, error, "keeps more than `checkpoint` allows")

    def _observed_in(
        self, code: _Code, key: tuple[Any, ...], args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> None:
        """After a call on the tape that has shown what helpers return: compile.

        One that was not called, or that is not alike each time, will not run on its own.
        """
        assert self._observed is not None
        on_tape: Any = code.compiled.function
        found = on_tape.observed
        for helper in (*self._observed, code.observes):
            before = self._observed.get(helper, ...)
            now = found.get(helper) if helper is code.observes else found.get(helper, before)
            self._observed[helper] = now
        self._latest = self._compile(key, args, kwargs)

    def _entries(
        self, callee: Callee, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> tuple[Entry, ...]:
        return callee.entries(self._each_wrt, args, kwargs)

    def _finish(self, entries: tuple[Entry, ...], arguments: dict[str, Any]) -> Function | None:
        """What is done to results: a gradient of Python's float is a `np.float64`."""
        casts = [
            scalars(self._parsed_callee().target(entry, arguments)) if entry[0] != "local" else None
            for entry in entries
        ]
        if not any(casts):
            return None
        cast = casts[0] if self._single else each_cast(casts)
        assert cast is not None
        if self._how == "value_and_grad":
            return lambda result: (result[0], cast(result[1]))
        if self._has_aux:
            return lambda result: (cast(result[0]), result[1])
        return cast

    def _fits(
        self,
        callee: Callee,
        entries: tuple[Entry, ...],
        arguments: dict[str, Any],
        args: tuple[Any, ...],
    ) -> Function | None:
        """Compares the shapes of gradients with those of arrays among the arguments."""
        tests = []
        result = "g[1]" if self._how == "value_and_grad" else "g[0]" if self._has_aux else "g"
        for k, entry in enumerate(entries):
            if entry[0] != "argument" or entry[1:] in ((callee.star,), (callee.double,)):
                continue
            place, steps = callee.place_in_call(entry, args)
            given = spelled(f"args[{place}]" if isinstance(place, int) else f"kw[{place!r}]", steps)
            found = result if self._single else f"{result}[{k}]"
            for path, leaf in leaves(callee.target(entry, arguments)):
                plain = all(isinstance(s, int | str) or is_attribute(s) for s in path)
                if type(leaf) is np.ndarray and leaf.ndim and leaf.dtype.kind in "fc" and plain:
                    tests.append(f"{spelled(found, path)}.shape == {spelled(given, path)}.shape")
        if not tests:
            return None
        made: Function = eval(f"lambda args, kw, g: {' and '.join(tests)}")
        return made

    # What it shows

    @property
    def primal(self) -> Function:
        """The function that is differentiated."""
        return self._f

    @property
    def source(self) -> str:
        """The generated function used last, as text.

        >>> df = grad(lambda x: x * x)
        >>> _ = df(3.0)
        >>> print(df.source.rstrip())
        def f_grad(x):
            # adjoint
            return 2 * x
        """
        return self._code_used_last("source").compiled.source

    @property
    def ir(self) -> Any:
        """The intermediate representation of the generated function used last."""
        return self._code_used_last("ir").compiled.ir

    def _code_used_last(self, what: str) -> _Code:
        if self._latest is None:
            raise SrcdiffError(
                f"`{self._how}({self.__name__})` has no {what} yet: it is made for the arguments"
                " of a call",
                instead="Call it once, or use `specialize(*args)`, which does not run it.",
            )
        self._check_compiled(self._latest, what)
        return self._latest

    def _check_compiled(self, code: _Code, what: str) -> None:
        if code.compiled.source is None:
            raise SrcdiffError(
                f"`{self._how}({self.__name__})` has no {what}, it runs on the tape:"
                f" {code.compiled.ir or 'call it once, to see what its helpers return'}",
                instead='`fallback="error"` makes this an error at the call.',
            )

    def __repr__(self) -> str:
        return f"{self._how}({self.__qualname__}, wrt={self._wrt!r})"

    def __getattr__(self, name: str) -> Any:
        if name == "__signature__":
            try:
                return self._signed(inspect.signature(self._f))
            except (ValueError, TypeError):
                pass  # of a function written in C that has none
        raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")

    def _signed(self, of_f: inspect.Signature) -> inspect.Signature:
        """How it is called, where f is called like this."""
        return of_f

    @property
    def _settings(self) -> tuple[Wrt, bool, str, int | None, Any]:
        return self._wrt, self._has_aux, self._fallback, self._unroll, self._checkpoint

    # As a method, pickled, copied

    def __set_name__(self, owner: type, name: str) -> None:
        self._is_method = self.__qualname__ == f"{owner.__qualname__}.{name}"

    def __get__(self, instance: Any, owner: type | None = None) -> Differentiated:
        """The gradient of the method: position 0 is the first argument after self."""
        method = getattr(self._f, "__get__", None)
        if instance is None or method is None:
            return self
        found = self._methods.get(id(instance))
        if found is None:
            found = type(self)(self._how, method(instance, owner), *self._settings)
            found._warned = self._warned
            found._instance = instance  # held, so that its id is not used again
            self._methods[id(instance)] = found
            if len(self._methods) > KEYS:
                del self._methods[next(iter(self._methods))]
        return found

    def __reduce__(self) -> str | tuple[Any, ...]:
        if self._instance is not None:
            return getattr, (self._instance, self.__name__)
        found: Any = sys.modules.get(self.__module__)
        for name in self.__qualname__.split("."):
            found = getattr(found, "__dict__", {}).get(name)
        if found is self:  # a decorated function: its name means this object
            return self.__qualname__
        return type(self), (self._how, self._f, *self._settings)


def _with_source(f: Any) -> Function:
    """f, or for a derivative or what has a rule a function of one line that calls it."""
    import srcdiff.runtime.rules  # noqa: F401  (registers the rules)
    from srcdiff.runtime.registry import rule_of
    from srcdiff.transforms.declared import is_declared

    if isinstance(f, Differentiated):
        return _calling_derivative(f)
    if isinstance(f, types.MethodType) and is_declared(f.__func__):
        return types.MethodType(_calling_derivative(f.__func__), f.__self__)
    if is_declared(f):
        return _calling_derivative(f)
    try:
        rule = rule_of(f)
    except TypeError:  # not hashable
        return f
    if rule is None and not isinstance(f, np.ufunc):
        return f
    return _calling(f, rule.vjp if rule is not None else None)


def _calling_derivative(f: Any) -> Function:
    """`def f_grad(x): return grad_of_f(x)`, with the parameters and defaults of f."""
    parameters = inspect.signature(f).parameters
    forms: dict[Any, str] = {
        inspect.Parameter.VAR_POSITIONAL: "*{0}",
        inspect.Parameter.VAR_KEYWORD: "**{0}",
        inspect.Parameter.KEYWORD_ONLY: "{0}={0}",
    }
    given = ", ".join(forms.get(p.kind, "{0}").format(p.name) for p in parameters.values())
    optional = [p for p in parameters.values() if p.default is not p.empty]
    named = dict.fromkeys((p.name for p in optional), None)
    plain = [
        p.replace(annotation=p.empty, default=named.get(p.name, p.empty))
        for p in parameters.values()
    ]
    called = "called"
    while called in parameters:
        called += "_"
    made = _function_of_text(
        _generated_name(f), str(inspect.Signature(plain))[1:-1], f"{called}({given})", {called: f}
    )
    by_keyword = {p.name: p.default for p in optional if p.kind is p.KEYWORD_ONLY}
    made.__defaults__ = tuple(p.default for p in optional if p.name not in by_keyword) or None
    made.__kwdefaults__ = by_keyword or None
    return made


NO_TAPE = "On the tape there are first derivatives alone."

_SUFFIXES = {"elementwise_grad": "grad", "pullback": "vjp"}


def _generated_name(f: Any) -> str:
    """What the generated function of a derivative is called; f itself for what is none."""
    if isinstance(f, Differentiated):
        return f"{_generated_name(f._f)}_{_SUFFIXES.get(f._how, f._how)}"
    name = getattr(f, "__name__", "f")
    return str(name) if name.isidentifier() else "f"


def _calling(f: Any, rule: Function | None) -> Function:
    """`def sin(x): return np.sin(x)`, with parameters as the rule has them."""
    names, optional = ["x"], True
    if rule is not None:
        of_rule = list(inspect.signature(rule).parameters.values())[2:]
        names = [p.name for p in of_rule if p.default is p.empty and p.kind <= 1]
        optional = len(names) < len(of_rule)
    given = ", ".join(names + ["*args", "**kwargs"] * optional)
    name: str = f.__name__ if f.__name__.isidentifier() else "function"
    home = (getattr(f, "__module__", None) or "").split(".")[0]
    namespace: dict[str, Any] = {"called": f}
    called = "called"
    if getattr(sys.modules.get(home), name, None) is f:
        short = "np" if home == "numpy" else home
        namespace, called = {short: sys.modules[home]}, f"{short}.{name}"
    return _function_of_text(name, given, f"{called}({given})", namespace)


def _function_of_text(
    name: str, parameters: str, result: str, namespace: dict[str, Any]
) -> Function:
    """A function of one line whose source can be found."""
    import linecache

    text = f"def {name}({parameters}):\n    return {result}\n"
    filename = f"<srcdiff {name} {id(namespace)}>"
    linecache.cache[filename] = (len(text), None, text.splitlines(keepends=True), filename)
    exec(compile(text, filename, "exec"), namespace)
    made: Function = namespace[name]
    return made


DERIVING.add(vjp)
MAKERS.update(dict.fromkeys((grad,), "grad"))
MAKERS.update({value_and_grad: "value_and_grad", elementwise_grad: "elementwise_grad"})

# vjp


class _Pullback(Differentiated):
    """A function of arguments and cotangent; what is differentiated depends on the arguments."""

    _helpers_on_tape = False  # the generated function runs more than once

    def _entries(
        self, callee: Callee, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> tuple[Entry, ...]:
        wanted = [i for i, x in enumerate(args[callee.ahead :]) if has_float(x)]
        return callee.entries(tuple(wanted), args, kwargs)

    def value_and_pull(self, args: tuple[Any, ...]) -> tuple[Any, Function]:
        wanted = [has_float(x) for x in args]
        mine = private(args)
        if not any(wanted):
            value = self._f(*mine)
            shape = outline(value)
            return value, lambda d_out: (cotangent(shape, d_out), (None,) * len(args))[1]
        full, kwargs = self._complete(args, {})
        code = self._code_for(full, kwargs)
        callee = self._parsed_callee()
        if code.overlaps:
            self._check_overlap(code, full, kwargs)
        if code.compiled.source is not None and _has_effects(code.compiled.ir):
            error = UnsupportedSyntaxError(
                f"`{self.__name__}` prints, draws random numbers or calls what no one can see"
                " into, which `pull` would do again",
                callee.where(),
            )
            self._warn(self, error)
            code.compiled = self._on_tape(callee, code.entries, error)
        if code.compiled.source is None:
            on_tape: Any = code.compiled.function
            value, pull_floats = on_tape.value_and_pull(full, kwargs)

            def pull_on_tape(d_out: Any) -> tuple[Any, ...]:
                """The gradients of the arguments for a cotangent of the value."""
                gradients = pull_floats(d_out)
                found = iter(gradients if code.finish is None else code.finish(gradients))
                return tuple(next(found) if want else None for want in wanted)

            return value, pull_on_tape
        outside = outside_numbers(code.compiled.guards)
        before = [np.copy(x) for x in outside()]
        value = self._f(*private(args))
        shape = outline(value)
        _check_output(code.compiled.output_kind, value, self.__name__, callee)
        full, kwargs = self._complete(mine, {})
        function, finish = code.function, code.finish

        def pull(d_out: Any) -> tuple[Any, ...]:
            """The gradients of the arguments for a cotangent of the value."""
            for then, now in zip(before, outside()):
                if not np.array_equal(then, now, equal_nan=True):
                    raise SrcdiffError(
                        f"a number or array outside `{self.__name__}` has changed since `vjp`",
                        callee.where(),
                        "Pass it as an argument.",
                    )
            d_out = cotangent(shape, d_out)
            try:
                result = function(*full, **kwargs, d_out=d_out)
            except Exception as error:
                why = self._why_on_tape(error, code, full, kwargs)
                on_tape: Any = self._on_tape(callee, code.entries, why).function
                result = on_tape.value_and_pull(full, kwargs)[1](d_out)
            gradients = iter(result if finish is None else finish(result))
            return tuple(next(gradients) if want else None for want in wanted)

        return value, pull


def _has_effects(block: Any) -> bool:
    """Whether a second run would print, draw or call again."""
    todo = [block]
    for block in todo:  # grows as we go
        for instr in block.instrs:
            called = callable(instr.op) and not instr.attrs.get("taped")
            if instr.effect and (called or instr.op in EFFECTS):
                return True
            todo += instr.blocks
    return False


_STEEP = frozenset(
    (operator.truediv, np.divide, operator.pow, np.power, np.exp, math.exp, kernels.real_power)
)


def _is_steep(block: Any) -> bool:
    """Whether a derivative may be infinite: it divides, or takes powers."""
    todo = [block]
    for block in todo:  # grows as we go
        for instr in block.instrs:
            if callable(instr.op) and instr.op in _STEEP:
                return True
            todo += instr.blocks
    return False


def _has_nan(tree: Any) -> bool:
    """Whether there is a nan among gradients.

    >>> _has_nan(np.array([1.0, np.inf])), _has_nan((None, {"x": np.float64("nan")}))
    (False, True)
    """
    if isinstance(tree, np.ndarray):
        flat = tree.ravel()
        total = flat.dot(flat)
        return bool(total != total)
    if isinstance(tree, dict):
        return any(map(_has_nan, tree.values()))
    if isinstance(tree, list | tuple):
        return any(map(_has_nan, tree))
    return isinstance(tree, float | complex | np.inexact) and bool(tree != tree)


def _check_output(kinds: Any, value: Any, name: str, callee: Callee) -> None:
    """Refuse a float in the output whose kind the compiler does not know: it has no cotangent."""
    unknown = getattr(kinds, "tag", None) == "object"
    if unknown and any(is_float(leaf) for _, leaf in leaves(value)):
        raise UnsupportedSyntaxError(
            f"what `{name}` returns comes from a call that no one can see into",
            callee.where(),
            "Give the function that is called a rule.",
        )


_kept: dict[Any, Any] = {}


def kept(cls: Any, how: str, f: Function, *settings: Any) -> Any:
    """The same object for the same function and settings, so that it is compiled once."""
    key = how, id(getattr(f, "__func__", f)), id(getattr(f, "__self__", None)), settings
    found = _kept.pop(key, None)
    if found is None:
        found = cls(how, f, *settings)
    _kept[key] = found  # f is held with it, and the id is not used again
    if len(_kept) > KEYS:
        del _kept[next(iter(_kept))]
    return found
