"""Checks of derivatives: against differences, between the modes, and statement by statement.

    check_grads(f, args)      nothing, or GradientCheckError: what disagrees, and where it starts

The function is looked at along directions, one for each element of the arguments where these are
few, else two that move everything; its output is paired with fixed weights, so that only numbers
are compared. A derivative of the next order is checked as a function like any other.
"""

from __future__ import annotations

import inspect
import linecache
import os
import sys
from collections.abc import Callable, Iterator
from types import CodeType, FrameType
from typing import Any, NamedTuple

import numpy as np

from srcdiff.api import grad
from srcdiff.higher import jvp, pullback
from srcdiff.runtime.errors import Location, NotDifferentiableTypeError, SrcdiffError
from srcdiff.signature import describe
from srcdiff.trees import (
    children,
    has_float,
    is_float,
    is_object,
    leaves,
    private,
    rebuild,
    spelled,
)

Function = Callable[..., Any]

FEW = 48  # elements, of which each is looked at
MODES = {"fwd": "fwd", "rev": "rev", "forward": "fwd", "reverse": "rev"}
RECORDS = 20_000  # values of statements that are kept of one run
STATEMENTS = 400  # of which so many are differentiated


SECOND = "On the tape there are first derivatives alone: check_grads(f, args, order=1)."


class GradientCheckError(SrcdiffError, AssertionError):
    """A derivative is not what differences, or the other mode, say it is.

    argument   the name of the argument, with what leads into it
    at         the index of the element in it, () for a number
    order      of the derivative that is wrong
    mode       "fwd" or "rev"; "" for a kink
    """

    argument: str = ""
    at: tuple[int, ...] = ()
    order: int = 1
    mode: str = ""


def check_grads(
    f: Function,
    args: Any,
    order: int = 2,
    modes: Any = ("fwd", "rev"),
    *,
    rtol: float | None = None,
) -> None:
    """Raise `GradientCheckError` where derivatives of f at args are not right.

    args    the arguments, a tuple or a list of them; what is a float, or an array or a container of
            floats, is differentiated
    order   derivatives are checked up to this order: those of order 2 are the derivatives of what
            each mode gives for order 1
    modes   "fwd" (`jvp`), "rev" (`vjp`) or both, which must then be each other's transpose;
            "forward" and "reverse" mean the same
    rtol    the relative error that is allowed beside that of the differences: 1e-6, in single
            precision 5e-3

    Differences are extrapolated to steps of zero, with an estimate of their error. Where those to
    the right and to the left are not alike, there is a kink or a jump, and no derivative. The error
    names the argument, the index and the mode, and for a first derivative the line where a value
    has the first wrong tangent, if it is seen on the tape.

    >>> import numpy as np
    >>> check_grads(lambda x, k: np.sin(k * x), (np.array([0.5, 1.0]), 2.0))
    >>> check_grads(lambda x: np.sum(np.abs(x)), (np.array([1.0, 0.0]),), order=1)
    Traceback (most recent call last):
    srcdiff.check.GradientCheckError: `<lambda>` has a kink at `x`[1]: the slope is -1.0 to the \
left, 1.0 to the right
      Check it at another point.

    Raises what `jvp`, `vjp` and `grad` raise, `NotDifferentiableTypeError` if there are no floats.
    """
    args = tuple(args) if isinstance(args, tuple | list) else (args,)
    modes = (modes,) if isinstance(modes, str) else modes
    if not isinstance(order, int) or not isinstance(modes, tuple | list | set):
        wrong = f"order is {order!r}" if not isinstance(order, int) else f"modes is {modes!r}"
        raise TypeError(f"check_grads(f, args, order, modes): {wrong}; the arguments of f are one "
                        "tuple: check_grads(f, (x, y))")  # fmt: skip
    unknown = [mode for mode in modes if mode not in MODES]
    if unknown or not modes:
        raise ValueError(f'modes are "fwd" and "rev", not {unknown[0] if unknown else modes!r}')
    modes = tuple(MODES[mode] for mode in modes)
    if order < 1:
        raise ValueError(f"order must be 1 or more, not {order!r}")
    if not any(map(has_float, args)):
        raise NotDifferentiableTypeError("check_grads: there is no float among the arguments")
    _Check(f, args, modes, rtol).all(f, order, 1)


class _Direction(NamedTuple):
    """Tangents of the arguments: None for what does not move.

    at      the index of the element that moves; None for a direction that moves several
    scale   of the steps
    small   one for a second look where there seems to be a kink: what moves is as near to zero
    """

    tangents: tuple[Any, ...]
    argument: str
    at: tuple[int, ...] | None
    scale: float = 1.0
    small: float = 0.0


class _Check:
    """What stays the same for all orders of one check."""

    def __init__(self, f: Function, args: tuple, modes: tuple, rtol: float | None) -> None:
        self.f, self.args, self.modes = f, args, modes
        self.eps = max(map(_eps, _floats(args)))
        single = self.eps > 1e-9
        self.rtol = rtol if rtol is not None else 5e-3 if single else 1e-6
        self.step = 0.05 if single else 0.01
        self.wanted = tuple(i for i, arg in enumerate(args) if has_float(arg))
        self.name = str(getattr(f, "__name__", type(f).__name__))
        self.names = _names(f, len(args))

    def all(self, F: Function, order: int, now: int) -> None:
        """Check a function, and then its derivatives, up to an order."""
        self.one(F, now)
        if now == order:
            return
        if "rev" in self.modes:
            weights = _weights(F(*private(self.args)))
            gradient = grad(_paired_with(F, weights), self.wanted, fallback="error")
            gradient._without_tape = SECOND
            self.all(gradient, order, now + 1)
        if "fwd" in self.modes:
            tangents = _whole(self.args, np.random.default_rng(now))
            self.all(_along(F, tangents), order, now + 1)

    def one(self, F: Function, now: int) -> None:
        """Check the first derivative of a function, in each mode."""
        value = F(*private(self.args))
        if not has_float(value):
            what = "nothing" if value is None else describe(value)
            raise NotDifferentiableTypeError(
                f"check_grads: `{self.name}` returns {what}, in which there is no float"
            )
        weights = _weights(value)
        fallback = "tape" if now == 1 else "error"  # on the tape there is one order
        gradients = None
        if "rev" in self.modes:
            pull = pullback(F, fallback=fallback)
            pull._without_tape = SECOND
            gradients = pull(*self.args, weights)
        push = jvp(F, fallback=fallback) if "fwd" in self.modes else None
        if push is not None:
            push._without_tape = SECOND
        for direction in _directions(self.args, self.names):
            error = self.error(F, weights, gradients, push, direction, now)
            if error is None:
                continue
            while halves := _halves(self.args, direction, self.names):
                found = [self.error(F, weights, gradients, push, half, now) for half in halves]
                wrong = [k for k, each in enumerate(found) if each is not None]
                if not wrong:  # together they are wrong, alone neither is
                    break
                direction, error = halves[wrong[0]], found[wrong[0]] or error
            if error.order == 1 and error.mode:
                place = first_wrong_statement(self.f, self.args, direction.tangents, self.rtol)
                error = _same_error(error, error.what, *place) if place[1] else error
            raise error

    def error(
        self, F: Function, weights: Any, gradients: Any, push: Any, direction: _Direction, now: int
    ) -> GradientCheckError | None:
        """What is wrong along a direction, None if nothing is."""
        found = self.error_with_steps(F, weights, gradients, push, direction, now)
        if found is None or found.mode or not direction.small:
            return found
        nearer = direction._replace(scale=direction.small)  # log(x) at 1e-8: there is no kink
        again = self.error_with_steps(F, weights, gradients, push, nearer, now)
        return again if again is None or again.mode else found

    def error_with_steps(
        self, F: Function, weights: Any, gradients: Any, push: Any, direction: _Direction, now: int
    ) -> GradientCheckError | None:
        """The same, with steps of the scale of the direction."""

        def phi(h: float) -> float:
            return _pair(weights, F(*_moved(private(self.args), direction.tangents, h)))

        def made(what: str, instead: str = "", mode: str = "") -> GradientCheckError:
            error = GradientCheckError(what, None, instead)
            error.argument, error.at = direction.argument, direction.at or ()
            error.mode, error.order = mode, now
            return error

        place, nth = _place(direction), f"the {_nth(now)} derivative of `{self.name}`"
        before = f"the {_nth(now - 1)} derivative of " * (now > 1) + f"`{self.name}`"
        step, elsewhere = self.step * direction.scale, "Check it at another point."
        if any(jumps(phi, sign * step) for sign in (-1, 1)):
            return made(f"{before} jumps at {place}", elsewhere)
        noise = noise_of(phi, step, max(self.eps, *map(_eps, _floats(weights))))
        slope, gap = differences(phi, step, noise)
        sides = (one_sided(phi, sign * step / 64, noise) for sign in (-1, 1))
        (left, e_left), (right, e_right) = sides
        if abs(slope - (left + right) / 2) > 10 * (gap + e_left + e_right):  # the steps reach
            slope, gap = differences(phi, step / 64, noise)  # over what is not smooth
        allowed = 20 * (e_left + e_right) + 10 * self.rtol * max(1.0, abs(left), abs(right))
        if abs(left - right) > allowed or np.isnan(left) != np.isnan(right):
            what = f"{before} has a kink at {place}: the slope is {left:.6} to the left, "
            return made(f"{what}{right:.6} to the right", elsewhere)
        if not gap <= 1e-2 * max(1.0, abs(slope)):
            return made(f"the differences of {before} by {place} do not converge", elsewhere)
        found = {}
        if gradients is not None:
            found["rev"] = _pair(gradients, direction.tangents)
        if "fwd" in self.modes:
            found["fwd"] = _pair(weights, push(self.args, direction.tangents)[1])
        for mode, ours in found.items():
            if not abs(ours - slope) <= self.rtol * max(1.0, abs(slope), abs(ours)) + 10 * gap:
                how = "reverse" if mode == "rev" else "forward"
                what = f"{nth} by {place} is {ours:.9g} in {how} mode, "
                return made(f"{what}differences give {slope:.9g} ± {gap:.1g}", "", mode)
        ours = found.get("rev", 0.0)
        same = max(1e-4 * self.rtol, 1e-10) * max(1.0, abs(ours)) + 100 * noise
        if len(found) == 2 and not abs(ours - found["fwd"]) <= same:
            what = f"the modes disagree on {nth} by {place}: {ours:.12g} in reverse mode, "
            return made(f"{what}{found['fwd']:.12g} in forward mode",
                        "The rules of the two modes are not each other's transpose.", "rev")
        return None


def _same_error(
    error: GradientCheckError, what: str, where: Location | None, instead: str
) -> GradientCheckError:
    new = GradientCheckError(what, where, instead)
    new.__dict__.update({k: v for k, v in error.__dict__.items() if k in _FACTS})
    return new


_FACTS = ("argument", "at", "order", "mode")


# ------------------------------------------------------------------ differences


def differences(
    phi: Callable[[float], float], step: float = 0.01, noise: float = 0.0
) -> tuple[float, float]:
    """The derivative of phi at 0 and an estimate of its error, by Richardson's extrapolation of
    central differences; `noise` is the error of a value of phi.

    >>> slope, error = differences(np.exp)
    >>> abs(slope - 1) <= error < 1e-9
    True
    """
    return _extrapolated(lambda h: (phi(h) - phi(-h)) / (2 * h), step, 4.0, noise)


def noise_of(phi: Callable[[float], float], step: float, eps: float) -> float:
    """The error of a value of phi near 0, of which `eps` is the least relative one.

    What is left of the sixth differences of a smooth function is rounding.

    >>> noise_of(np.sin, 0.01, 2.3e-16) < 1e-15
    True
    >>> bool(1e-9 < noise_of(lambda h: np.float32(np.exp(h)), 0.01, 2.3e-16) < 1e-6)
    True
    """
    found = [0.0]
    with np.errstate(all="ignore"):
        for width in (-200, -323.6, 200, 323.6):  # values that are rounded alike show nothing
            values = [phi(step * k / width) for k in range(7)]
            found.append(abs(np.diff(values, 6)[0]) / 30)  # the root of 924
    return float(max(4 * eps * abs(values[0]), *(each for each in found if np.isfinite(each))))


def jumps(phi: Callable[[float], float], step: float) -> bool:
    """Whether phi jumps at 0, to one side.

    >>> bool(jumps(np.floor, -0.01)), bool(jumps(np.floor, 0.01)), bool(jumps(np.sin, 0.01))
    (True, False, False)
    """
    start = phi(0.0)
    far, near = (abs(phi(h) - start) for h in (step * 1e-3, step * 1e-6))
    return near > 0.5 * far and near > 1e-6 * max(1.0, abs(start))


def one_sided(
    phi: Callable[[float], float], step: float, noise: float = 0.0
) -> tuple[float, float]:
    """The slope of phi at 0 to one side, and an estimate of its error.

    >>> one_sided(abs, 0.01)[0], one_sided(abs, -0.01)[0]
    (1.0, -1.0)
    """
    start = phi(0.0)
    return _extrapolated(lambda h: (phi(h) - start) / h, step, 2.0, noise)


def _extrapolated(
    quotient: Callable[[float], float], step: float, ratio: float, noise: float
) -> tuple[float, float]:
    """The limit of a quotient for steps of zero, whose error starts with step**log2(ratio); that
    of what is divided is `noise`."""
    best, error = np.nan, np.inf
    before: list[float] = []
    for _ in range(9):
        with np.errstate(all="ignore"):
            row = [float(quotient(step))]
        if not np.isfinite(row[0]):  # the steps reach too far
            row = []
        for k, old in enumerate(before if row else ()):
            factor = ratio ** (k + 1)
            row.append(row[k] + (row[k] - old) / (factor - 1))
            gap = max(abs(row[k + 1] - row[k]), abs(row[k + 1] - old)) + noise / abs(step)
            if gap < error:
                best, error = row[k + 1], gap
        before, step = row, step / 2
    return float(best), float(error)


# ------------------------------------------------------------------ trees


def _floats(tree: Any) -> list[np.ndarray]:
    return [np.asarray(x) for _, x in leaves(tree) if is_float(x)]


def _eps(x: np.ndarray) -> float:
    return float(np.finfo(x.dtype).eps)


def _names(f: Function, count: int) -> list[str]:
    """What the positional arguments are called."""
    names: list[str] = []
    try:
        for p in inspect.signature(f).parameters.values():
            if p.kind is p.VAR_POSITIONAL:
                names += [f"{p.name}[{i}]" for i in range(count - len(names))]
            elif p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD):
                names.append(p.name)
    except (TypeError, ValueError):
        pass
    return names + [f"args[{i}]" for i in range(len(names), count)]


def _directions(args: tuple, names: list[str]) -> Iterator[_Direction]:
    """A direction for each element where there are few, else for each argument."""
    found = [(i, path, x) for i, arg in enumerate(args) for path, x in leaves(arg) if is_float(x)]
    if sum(x.size for x in _floats(args)) > FEW:
        rng = np.random.default_rng(0)
        for i, arg in enumerate(args):
            if has_float(arg):
                only = tuple(a if j == i else None for j, a in enumerate(args))
                whole = _whole(only, rng)
                yield _Direction(whole, names[i], None, 1.0, nearest(args, whole))
        return
    for i, path, x in found:
        for index in np.ndindex(np.shape(x)):
            for unit in (1.0, 1j) if np.iscomplexobj(x) else (1.0,):
                dot = np.zeros_like(np.asarray(x))
                dot[index] = unit
                size = float(abs(np.asarray(x)[index]))
                tangents = tuple(
                    _put(arg, path, dot) if j == i else None for j, arg in enumerate(args)
                )
                name, near = spelled(names[i], path), nearest(args, tangents)
                yield _Direction(tangents, name, index, max(1.0, size), near)


def nearest(args: tuple, tangents: tuple) -> float:
    """How near to zero the nearest of what moves is; 0.0 for what is not nearer than 1.

    >>> nearest((np.array([3.0, 0.1, 0.0]), 0.01), (np.ones(3), None))
    0.1
    """
    moving = [
        np.abs(np.asarray(x))[np.asarray(d) != 0]
        for arg, dot in zip(args, tangents) if dot is not None
        for (_, x), (_, d) in zip(leaves(arg), leaves(dot)) if d is not None
    ]  # fmt: skip
    sizes = [float(each) for some in moving for each in np.ravel(some) if 0 < each < 1]
    return min(sizes, default=0.0)


def _halves(args: tuple, direction: _Direction, names: list[str]) -> list[_Direction]:
    """The two halves of a direction that moves several elements; [] if it moves one."""
    moving = [
        (i, path, index)
        for i, dot in enumerate(direction.tangents) for path, d in leaves(dot)
        if d is not None for index in zip(*np.nonzero(np.atleast_1d(d)))
    ]  # fmt: skip
    if direction.at is not None or len(moving) < 2:
        return []
    found = []
    for chosen in (moving[: len(moving) // 2], moving[len(moving) // 2 :]):
        i, path, index = chosen[0]
        one = len(chosen) == 1
        at = tuple(map(int, index))[: np.ndim(_leaf(args[i], path))] if one else None
        kept = {(j, p): [n for k, q, n in chosen if (k, q) == (j, p)] for j, p, _ in chosen}
        tangents = tuple(_only(dot, j, (), kept) for j, dot in enumerate(direction.tangents))
        name = spelled(names[i], path) if one else names[i]
        found.append(_Direction(tangents, name, at, 1.0, nearest(args, tangents)))
    return found


def _leaf(tree: Any, path: tuple) -> Any:
    return next(x for p, x in leaves(tree) if p == path)


def _only(dot: Any, i: int, path: tuple, kept: dict) -> Any:
    """A tangent without what is not kept."""
    inner = children(dot)
    if inner is not None:
        return rebuild(dot, [_only(d, i, (*path, step), kept) for step, d in inner])
    if dot is None:
        return None
    whole = np.atleast_1d(np.asarray(dot))
    part = np.zeros_like(whole)
    for index in kept.get((i, path), ()):
        part[index] = whole[index]
    return _like(dot, part.reshape(np.shape(dot)))


def _put(tree: Any, path: tuple, dot: Any) -> Any:
    """Tangents of a tree, zero everywhere but for one leaf."""
    inner = children(tree)
    if inner is not None:
        parts = []
        for step, part in inner:
            here = bool(path) and path[0] == step
            parts.append(_put(part, path[1:] if here else (None,), dot if here else None))
        return rebuild(tree, parts)
    if not is_float(tree):
        return None
    return _like(tree, np.zeros_like(np.asarray(tree)) if dot is None or path else dot)


def _like(x: Any, d: Any) -> Any:
    d = np.asarray(d, np.asarray(x).dtype)
    return d if isinstance(x, np.ndarray) else d[()]


def _whole(tree: Any, rng: np.random.Generator) -> Any:
    """Tangents that move each float, None for what is none."""

    def random(leaf: Any) -> Any:
        x = np.asarray(leaf)
        v: Any = rng.uniform(0.3, 1.0, x.shape) * rng.choice([-1.0, 1.0], x.shape)
        if x.dtype.kind == "c":
            v = v * np.exp(1j * rng.uniform(0, 6, x.shape))
        return _like(leaf, v * np.maximum(1.0, np.abs(x)))

    return _mapped(random, tree)


def _weights(tree: Any) -> Any:
    """What the floats of an output are paired with: the same in every run; a single one with 1."""
    rng, floats = np.random.default_rng(1), _floats(tree)
    if len(floats) == 1 and floats[0].size == 1:
        return _mapped(lambda x: _like(x, np.ones_like(np.asarray(x))), tree)
    return _whole(tree, rng)


def _mapped(f: Function, tree: Any) -> Any:
    """A tree of what f makes of the floats, None for all else."""
    inner = children(tree)
    if inner is not None:
        return rebuild(tree, [_mapped(f, part) for _, part in inner])
    return f(tree) if is_float(tree) else None


def _moved(tree: Any, dot: Any, h: float) -> Any:
    """tree + h * dot"""
    inner = children(tree)
    if dot is None:
        return tree
    if inner is not None:
        parts = [d for _, d in children(dot) or []]
        return rebuild(tree, [_moved(x, d, h) for (_, x), d in zip(inner, parts)])
    moved = np.asarray(tree) + h * np.asarray(dot)
    if isinstance(tree, np.ndarray | np.generic):
        moved = moved.astype(tree.dtype)
    return moved if isinstance(tree, np.ndarray) else moved[()] if isinstance(
        tree, np.generic) else moved.item()  # fmt: skip


def _pair(a: Any, b: Any) -> float:
    """The real inner product of two trees; what one of them does not have counts as zero."""
    if a is None or b is None:
        return 0.0
    inner, other = children(a), children(b)
    if inner is not None and other is not None:
        return float(sum(_pair(x, y) for (_, x), (_, y) in zip(inner, other)))
    if not is_float(a) or not is_float(b):
        return 0.0
    return float(np.sum(np.real(np.conj(a) * b), dtype=float))


def paired(weights: Any, out: Any) -> Any:
    """The real inner product of weights with an output, for functions that are differentiated.

    >>> print(paired((1.0, None), (3.0, "text")))
    3.0
    """
    if weights is None:
        return 0.0
    if isinstance(weights, _Fields):
        pairs = zip(weights.names, weights.parts)
        return sum([paired(part, getattr(out, name)) for name, part in pairs])
    if isinstance(weights, dict):
        return sum([paired(weights[key], out[key]) for key in weights])
    if isinstance(weights, tuple | list):
        return sum([paired(weights[i], out[i]) for i in range(len(weights))])
    if np.iscomplexobj(weights):
        return np.sum(np.real(np.conj(weights) * out))
    return np.sum(weights * out)


class _Fields(NamedTuple):
    """The weights of an object, by the names of its attributes."""

    names: tuple[str, ...]
    parts: tuple[Any, ...]


def _by_fields(weights: Any) -> Any:
    """Weights with `_Fields` for each object."""
    inner = children(weights)
    if inner is None:
        return weights
    parts = [_by_fields(part) for _, part in inner]
    if is_object(weights):
        return _Fields(tuple(step[1] for step, _ in inner), tuple(parts))
    return rebuild(weights, parts)


def _paired_with(F: Function, weights: Any) -> Function:
    weights = _by_fields(weights)

    def scalar(*args: Any) -> Any:
        return paired(weights, F(*args))

    return scalar


def _along(F: Function, tangents: Any) -> Function:
    def tangent(*args: Any) -> Any:
        return jvp(F, args, tangents, fallback="error")[1]

    return tangent


def _nth(order: int) -> str:
    return {1: "first", 2: "second", 3: "third"}.get(order, f"{order}th")


def _place(direction: _Direction) -> str:
    name = f"`{direction.argument}`"
    if direction.at is None:
        return f"{name}, along a direction that moves several elements,"
    return name + (f"[{', '.join(map(str, direction.at))}]" if direction.at else "")


# ------------------------------------------------------------------ statements


class _Key(NamedTuple):
    """A value of a variable: the line that assigned it, and the how manieth time."""

    code: str
    filename: str
    line: int
    name: str
    nth: int


class _Trace:
    """The values that the statements of a run assign, in order, as `look` sees them."""

    def __init__(self, look: Callable[[Any], Any]) -> None:
        self.look, self.records = look, {}  # type: ignore[var-annotated]
        self.counts: dict[Any, int] = {}
        self.frames: dict[FrameType, tuple[int, dict[str, Any]]] = {}

    def run(self, call: Callable[[], Any]) -> Any:
        before = sys.gettrace()
        sys.settrace(self.enter)
        try:
            return call()
        finally:
            sys.settrace(before)

    def enter(self, frame: FrameType, event: str, arg: Any) -> Any:
        if not _is_users(frame.f_code, frame.f_globals.get("__name__", "")):
            return None
        self.frames[frame] = frame.f_lineno, self.seen(frame)
        return self.step

    def step(self, frame: FrameType, event: str, arg: Any) -> Any:
        if frame not in self.frames or event not in ("line", "return"):
            return self.step
        line, before = self.frames[frame]
        now = self.seen(frame)
        for name, (state, value) in now.items():
            if name not in before or not _same(before[name][0], state):
                self.note(frame.f_code, line, name, value)
        if event == "return":
            del self.frames[frame]
            value = self.look(arg)
            if value is not None:
                self.note(frame.f_code, frame.f_lineno, "", value[1])
        else:
            self.frames[frame] = frame.f_lineno, now
        return self.step

    def seen(self, frame: FrameType) -> dict[str, Any]:
        if len(self.records) > RECORDS:
            return {}
        found = {}
        for name, value in frame.f_locals.items():
            if not name.startswith("_"):
                looked = self.look(value)
                if looked is not None:
                    found[name] = looked
        return found

    def note(self, code: CodeType, line: int, name: str, value: Any) -> None:
        place = code.co_name, code.co_filename, line, name
        nth = self.counts[place] = self.counts.get(place, -1) + 1
        if len(self.records) <= RECORDS:
            self.records[_Key(*place, nth)] = value


def _is_users(code: CodeType, module: str) -> bool:
    library = os.path.dirname(os.__file__), os.path.dirname(os.path.dirname(np.__file__))
    return module.partition(".")[0] != "srcdiff" and not code.co_filename.startswith(
        (*library, "<frozen", "<srcdiff", "<__array")
    )


def _same(a: Any, b: Any) -> bool:
    return np.shape(a) == np.shape(b) and bool(np.all((a == b) | ((a != a) & (b != b))))


def _look_plain(value: Any) -> Any:
    """A float or an array of floats, copied, twice: what it is known by, and what is kept."""
    if not is_float(value):
        return None
    copy = np.array(value)
    return copy, copy


def first_wrong_statement(
    f: Function, args: tuple, tangents: tuple, rtol: float
) -> tuple[Location | None, str]:
    """Where a run of the tape has the first value whose tangent differences do not give, and what
    is to be said of it; (None, "") where all agree, or the runs do not go the same way."""
    from srcdiff.api import Differentiated
    from srcdiff.fallback import Run
    from srcdiff.runtime.tape import Array

    def look_taped(value: Any) -> Any:
        if not isinstance(value, Array) or not is_float(value._value):
            return None
        return np.array(value._value), (np.array(value._value), value._node)

    wanted = tuple(i for i, dot in enumerate(tangents) if dot is not None)
    df = Differentiated("elementwise_grad", f, wanted)
    try:
        callee = df._parsed_callee()
        entries = df._entries(callee, args, {})
        trace = _Trace(look_taped)
        run = trace.run(lambda: Run(callee, entries, private(args), {}))
    except Exception:  # the tape cannot take it: there is nothing to compare with
        return None, ""
    plain: dict[float, Any] = {}
    for h in (1e-3, -1e-3, 5e-4, -5e-4):
        each = _Trace(_look_plain)
        each.run(lambda h=h: f(*_moved(private(args), tangents, h)))  # type: ignore[misc]
        plain[h] = each.records
    dots = [dot for dot in tangents if dot is not None]
    for key, (value, node) in list(trace.records.items())[:STATEMENTS]:
        values: list[Any] = [plain[h].get(key) for h in plain]
        if node is None or any(v is None or v.shape != value.shape for v in values):
            continue
        a, b, c, d = values
        wide, narrow = (a - b) / 2e-3, (c - d) / 1e-3
        weights = _weights(value)
        slope = _pair(weights, (4 * narrow - wide) / 3)
        error = abs(_pair(weights, narrow - wide))
        ours = _pair(run.pull([(node, weights)]), dots)
        if not abs(ours - slope) <= 10 * rtol * max(1.0, abs(slope), abs(ours)) + error:
            text = linecache.getline(key.filename, key.line).rstrip("\n")
            start = len(text) - len(text.lstrip())
            where = Location(key.filename, key.line, start, key.line, len(text.rstrip()), key.code)
            what = f"`{key.name}`" if key.name else "What is returned"
            weighted = ", its elements weighted" * (np.size(value) > 1)
            return where, (f"{what} is the first value whose tangent is wrong: {ours:.6g} instead "
                           f"of {slope:.6g}{weighted}.")  # fmt: skip
    return None, ""
