"""One function for many examples: what `vmap` returns.

    vmap(f)(x)[i]  =  f(x[i])        as one generated function, without a loop where none is needed

The function is compiled for arguments like those of one example, and then a leading axis is pushed
through the program (`transforms/vmap.py`). What does not compile runs in a plain loop.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from typing import Any

import numpy as np

from srcdiff.api import (
    Differentiated,
    Function,
    _Code,
    _has_effects,
    _name_line,
    _unfit,
    checked_fallback,
)
from srcdiff.runtime.derivative import MAKERS
from srcdiff.runtime.errors import SrcdiffError
from srcdiff.signature import Refused, describe, key_of
from srcdiff.tracebacks import trim
from srcdiff.trees import children, private, rebuild, step_into

Axes = Any  # an int, None, or a tree of these


def vmap(
    f: Function | None = None,
    in_axes: Axes = 0,
    out_axes: Axes = 0,
    *,
    fallback: str = "tape",
    unroll: int | None = None,
) -> Any:
    """A function of many examples at once, from a function of one; also a decorator.

    `vmap(f)(x, y)` is `np.stack([f(x[i], y[i]) for i in range(len(x))])`, in shape and dtype, for
    each array of the output where that is a container. What is an int on one path and a float on
    another is a float for all.

    in_axes    which axis of the arguments counts the examples: an int for all of them, or a tuple
               with an entry for each positional argument. An entry is an int, None for an argument
               that is the same for all examples, or a tuple, list or dict like the argument, with
               these as its entries. Arguments by keyword have an axis 0, as in JAX, if they are
               arrays or hold some
    out_axes   where that axis is in the output: an int for all of it, or a tree like the output, or
               like the upper part of it; None for what is the same for all examples
    fallback   "tape": what does not compile runs in a loop, with a warning; "error": it raises

    The generated function works on all examples at once. A branch or a `while` that depends on an
    example, and an operation that takes no further axis, stand in a loop over the examples. Effects
    happen once for each example; arguments are never changed.

    >>> import numpy as np
    >>> def distance(x, y):
    ...     return np.sqrt(np.sum((x - y) ** 2))
    >>> to_all = vmap(distance, in_axes=(0, None))
    >>> to_all(np.array([[3.0, 4.0], [1.0, 0.0]]), np.zeros(2))
    array([5., 1.])
    >>> print(to_all.source.rstrip())
    def distance_vmap(x, y):
        return np.sqrt(np.sum((x - y) ** 2, axis=1))
    >>> from srcdiff import grad
    >>> vmap(grad(distance), in_axes=(0, None))(np.array([[3.0, 4.0], [1.0, 0.0]]), np.zeros(2))
    array([[0.6, 0.8],
           [1. , 0. ]])

    Raises, when the result is called: ValueError for axes that do not fit the arguments, or if
    there are no examples for a loop over them; `UnsupportedSyntaxError`, with `fallback="error"`,
    for what does not compile.
    """
    settings = (_fixed(in_axes), _fixed(out_axes), checked_fallback(fallback), unroll)
    if f is None:
        return lambda f: Vmapped("vmap", f, *settings)
    return Vmapped("vmap", f, *settings)


MAKERS[vmap] = "vmap"


def _fixed(axes: Axes) -> Axes:
    """A copy of axes, in which every leaf is an int or None."""
    if isinstance(axes, dict):
        return {key: _fixed(part) for key, part in axes.items()}
    if isinstance(axes, tuple | list):
        parts = [_fixed(part) for part in axes]
        return type(axes)(*parts) if hasattr(axes, "_fields") else type(axes)(parts)
    if axes is None or isinstance(axes, int | np.integer) and not isinstance(axes, bool):
        return axes if axes is None else int(axes)
    raise TypeError(f"vmap: an axis is an int or None, not {axes!r}")


class Vmapped(Differentiated):
    """What `vmap` returns: a function like f, of many examples."""

    _helpers_on_tape = False

    def __init__(
        self, how: str, f: Function, in_axes: Axes = 0, out_axes: Axes = 0, fallback: str = "tape",
        unroll: int | None = None,
    ) -> None:  # fmt: skip
        super().__init__(how, f, (), False, fallback, unroll)
        self._in_axes, self._out_axes = in_axes, out_axes

    @property
    def _settings(self) -> tuple[Any, ...]:
        return self._in_axes, self._out_axes, self._fallback, self._unroll

    def __repr__(self) -> str:
        return f"vmap({self.__qualname__}, in_axes={self._in_axes!r}, out_axes={self._out_axes!r})"

    def __call__(self, /, *args: Any, **kwargs: Any) -> Any:
        __tracebackhide__ = True
        try:
            if self._is_method and args:
                return self.__get__(args[0], type(args[0]))(*args[1:], **kwargs)
            examples = Examples(self._in_axes, args, kwargs)
            given, named = self._complete(args, kwargs)
            self._latest = code = self._code_of(examples)
            if code.compiled.source is None:
                return code.function(examples)
            if code.overlaps:
                self._check_overlap(code, given, named)
            if not examples.count and says(code.compiled.ir, "of_examples"):
                return self._loop(examples)
            if not says(code.compiled.ir, "watched"):
                try:
                    return self._run(code, given, named)
                except ValueError:
                    if not _has_effects(code.compiled.ir):
                        self._loop(examples)  # which tells of outputs that do not fit together
                    raise
                except (UnboundLocalError, AttributeError, TypeError) as error:
                    unfit = _unfit(error, code) and not _has_effects(code.compiled.ir)
                    if unfit and self._fallback == "tape":
                        return self._loop(examples)
                    raise
            try:
                with np.errstate(divide="raise", over="raise", invalid="raise"):
                    return self._run(code, given, named)
            except FloatingPointError:  # where Python's numbers may raise, or become complex
                return self._loop(examples)
        except Exception as error:
            trim(error)
            raise

    def _run(self, code: _Code, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        try:
            return code.function(*args, **kwargs)
        except Exception as error:
            # Python's numbers raise where NumPy's give inf or nan.
            numbers = isinstance(error, ArithmeticError | ValueError)
            if numbers and not isinstance(error, FloatingPointError) and code.on_numpy_scalars():
                return code.function(*args, **kwargs)
            _name_line(error, code)
            raise

    def specialize(self, /, *args: Any, **kwargs: Any) -> Function:
        """The generated function for arguments like these; see `grad`'s."""
        if self._is_method and args:
            return self.__get__(args[0], type(args[0])).specialize(*args[1:], **kwargs)
        try:
            self._latest = code = self._code_of(Examples(self._in_axes, args, kwargs))
        except Exception as error:
            trim(error)
            raise
        return self._generated(code)

    def _code_of(self, examples: Examples) -> _Code:
        """The code for arguments like those of one example."""
        one, named = self._complete(*examples.example(0))
        try:
            key = key_of(one, named)
        except Refused:
            raise self._parsed_callee().refused(one, named) from None
        for code in self._codes.get(key, ()):
            if code.holds(one, named):
                return code
        callee = self._parsed_callee()
        callee.bind(one, named)  # raises what Python raises
        return self._compile(key, one, named, axes=self._paths(examples), out_axes=self._out_axes)

    def _paths(self, examples: Examples) -> dict[tuple[Any, ...], int]:
        """The axes by the way to each array, from the parameter on."""
        callee = self._parsed_callee()
        ahead = len(callee.parsed.partial_args)
        found = {}
        for (first, *steps), axis in examples.axes.items():
            if isinstance(first, str):
                named = first in callee.positional or first in callee.keyword_only
                way = (first,) if named else (callee.double, first)
            else:
                first += ahead
                names = callee.positional
                way = (names[first],) if first < len(names) else (callee.star, first - len(names))
            found[(*way, *steps)] = axis
        return found

    def _entries(self, callee: Any, args: Any, kwargs: Any) -> tuple[Any, ...]:
        return ()

    def _finish(self, entries: Any, arguments: Any) -> None:
        return None

    def _fits(self, *_: Any) -> None:
        return None

    def _on_tape(self, callee: Any, entries: Any, error: Any, watched: Any = ()) -> Any:
        from srcdiff.transforms import Compiled

        return Compiled(self._loop, None, error, (), False, {}, None)

    def _loop(self, examples: Examples) -> Any:
        if not examples.count:
            raise ValueError("vmap: there are no examples, the axis has the length 0, and what runs"
                             " for one after another has no output then")  # fmt: skip
        return stacked([self._f(*args, **kwargs) for args, kwargs in examples], self._out_axes)

    def _warn(self, f: Any, error: SrcdiffError) -> None:
        if f not in self._warned:
            self._warned.append(f)
            from srcdiff.fallback import warn

            what = "runs in a loop over the examples, for the compiler refuses it"
            warn(f.__name__, error, what)


@functools.lru_cache(maxsize=256)
def says(block: Any, attribute: str) -> bool:
    """Whether an instruction of a program has an attribute: `watched` has what NumPy does where
    Python's numbers would raise, `of_examples` an array that a loop over the examples makes,
    and of whose shape nothing is known if there are none."""
    todo = [block]
    for block in todo:  # grows as we go
        for instr in block.instrs:
            if instr.attrs.get(attribute):
                return True
            todo += instr.blocks
    return False


class Examples:
    """The examples in the arguments of a call.

    axes    way to an array (position or keyword, then steps) → its axis, not negative
    count   how many examples there are
    """

    def __init__(self, in_axes: Axes, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        self.args, self.kwargs = args, kwargs
        self.axes: dict[tuple[Any, ...], int] = {}
        self.count = -1
        each = in_axes if isinstance(in_axes, tuple | list) else (in_axes,) * len(args)
        if len(each) != len(args):
            raise ValueError(
                f"vmap: in_axes has {len(each)} entries, but there are {len(args)} positional "
                "arguments"
            )
        for k, (x, axes) in enumerate(zip(args, each)):
            self._note((k,), x, axes, f"argument {k}")
        for name, x in kwargs.items():
            self._note((name,), x, 0, f"argument `{name}`")
        if self.count < 0:
            raise ValueError("vmap: no argument has an axis of examples; see in_axes")

    def _note(self, way: tuple[Any, ...], x: Any, axes: Axes, name: str) -> None:
        if axes is None:
            return
        inner = children(x)
        if inner is not None:
            for step, part in inner:
                self._note((*way, step), part, axis_at(axes, step, len(inner), name), name)
            return
        if not isinstance(axes, int):
            raise ValueError(f"vmap: in_axes is a container at {name}, which is none there")
        if type(x) is not np.ndarray:
            if isinstance(x, np.ndarray):
                raise ValueError(
                    f"vmap: {name} is {describe(x)}, and only plain arrays are supported; pass "
                    f"`np.{'ma.filled' if isinstance(x, np.ma.MaskedArray) else 'asarray'}(…)`"
                )
            if isinstance(x, int | float | complex | np.generic):
                if len(way) > 1:
                    raise ValueError(
                        f"vmap: {name} holds a {type(x).__name__}, which has no axes; write "
                        "`np.asarray(…)` for a list of one number for each example, or give it "
                        "the entry None in in_axes"
                    )
                if isinstance(way[0], str):  # in_axes are of arguments by position
                    raise ValueError(
                        f"vmap: {name} is a {type(x).__name__}, which has no axes, and arguments "
                        "by keyword have the axis 0; bind it: "
                        f"vmap(functools.partial(f, {way[0]}=…))"
                    )
                raise ValueError(
                    f"vmap: {name} is a {type(x).__name__}, which has no axes; give it the entry "
                    "None in in_axes"
                )
            return  # None, a string, a function
        if x.dtype.kind == "O":
            raise ValueError(
                f"vmap: {name} is an array of objects; make it one of numbers, with `astype(float)`"
            )
        if not -x.ndim <= axes < x.ndim:
            raise ValueError(f"vmap: {name} has no axis {axes}: an array of shape {x.shape}")
        axis = axes % x.ndim
        if self.count not in (-1, x.shape[axis]):
            raise ValueError(
                f"vmap: {x.shape[axis]} examples in {name}, but {self.count} before it"
            )
        self.count = x.shape[axis]
        self.axes[way] = axis

    def example(self, i: int) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """The arguments of example i; one array stays one array.

        Of no examples it is one of their shapes, of zeros.
        """
        parts: dict[tuple[int, int], Any] = {}

        def of(way: tuple[Any, ...], x: Any) -> Any:
            inner = children(x)
            if inner is not None:
                found = [of((*way, step), part) for step, part in inner]
                same = all(a is b for a, (_, b) in zip(found, inner))
                return x if same else rebuild(x, found)
            axis = self.axes.get(way)
            if axis is None:
                return x
            key = id(x), axis
            if key not in parts and not self.count:
                parts[key] = np.zeros(x.shape[:axis] + x.shape[axis + 1 :], x.dtype)
            elif key not in parts:
                parts[key] = x[(slice(None),) * axis + (i,)]
            return parts[key]

        args = tuple([of((k,), x) for k, x in enumerate(self.args)])
        return args, {name: of((name,), x) for name, x in self.kwargs.items()}

    def __iter__(self) -> Iterator[tuple[tuple[Any, ...], dict[str, Any]]]:
        for i in range(self.count):
            args, kwargs = self.example(i)
            *mine, named = private((*args, tuple(kwargs.values())))
            yield tuple(mine), dict(zip(kwargs, named))


def axis_at(axes: Axes, step: Any, count: int, name: str) -> Axes:
    """The axes of a part of a container."""
    if isinstance(axes, dict):
        step = step[1] if isinstance(step, tuple) else step
        if step not in axes:
            raise ValueError(f"vmap: in_axes has no entry for {step!r} of {name}")
        return axes[step]
    if isinstance(axes, tuple | list):
        if len(axes) != count or not isinstance(step, int):
            raise ValueError(f"vmap: in_axes is unlike {name}, which has {count} parts")
        return axes[step]
    return axes


def stacked(found: list[Any], axes: Axes) -> Any:
    """Outputs of one structure as one, whose arrays have an axis for them.

    >>> stacked([(1.0, None), (2.0, None)], 0)
    (array([1., 2.]), None)
    """
    inner = children(found[0])
    if inner is not None:
        each = [children(tree) for tree in found]
        if any(other is None or len(other) != len(inner) for other in each):
            raise ValueError("vmap: the outputs of the examples differ in structure")
        parts = [
            stacked([step_into(tree, step) for tree in found], out_axis(axes, step, len(inner)))
            for step, _ in inner
        ]
        return rebuild(found[0], parts)
    if axes is None or found[0] is None:
        return found[0]
    shapes = {np.shape(x): i for i, x in reversed(list(enumerate(found)))}
    if len(shapes) > 1:
        (one, i), (other, k) = sorted(shapes.items(), key=lambda pair: pair[1])[:2]
        raise ValueError(
            f"vmap: the output has shape {one} for example {i}, {other} for example {k}; return "
            "arrays of one shape, filled up where need be"
        )
    rank = len(next(iter(shapes))) + 1
    if not -rank <= axes < rank:
        raise ValueError(
            f"vmap: out_axes has {axes}, but an output of all examples has {rank} "
            f"{'axis' if rank == 1 else 'axes'}"
        )
    return np.moveaxis(np.stack(found), 0, axes) if axes else np.stack(found)


def out_axis(axes: Axes, step: Any, count: int) -> Axes:
    return 0 if isinstance(axes, dict) and step not in axes else axis_at(
        axes, step, count, "the output"
    )  # fmt: skip
