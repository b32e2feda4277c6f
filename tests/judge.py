"""The judge: is a gradient the derivative of the code that ran?

    judge(f, (x, n), wrt=0)                        Verdict("right" | "wrong" | "refused" | …)
    right(f, x, n, wrt=0)                          asserts "right", returns (value, gradient)
    right_or_refused(f, x, n, wrt=0)               asserts "right" or "refused", says which

The reference is central differences with an error estimate; where that is not to be trusted the
verdict is "untrusted", never "right". Beside the numbers the judge looks at what must hold for
every gradient: the value is the plain function's, the caller's arguments stay as they were, a
second call gives the same, results are fresh arrays of the arguments' shapes and dtypes, and what
is outside (outside.py) is left as one plain call leaves it.

Whose gradient is judged is a parameter: a function from (f, wrt) to a function from f's arguments
to (value, gradient), which raises `Refused` for a program that it declines.
"""

import contextlib
import copy
import dataclasses
import inspect
import os
import signal
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from tests.inside import largest_inside
from tests.outside import Outside

Gradient = Callable[[Callable, Any], Callable]


class Refused(Exception):
    """The tool declined the program, with an error of its own."""


class TooSlow(BaseException):
    """Raised by `time_limit`; no `except Exception` of a judged program catches it."""


@dataclasses.dataclass(frozen=True)
class Verdict:
    outcome: str  # right, wrong, refused, crashed, untrusted (the reference), invalid (the program)
    detail: str = ""
    result: Any = None  # (value, gradient)
    error: BaseException | None = None

    def __str__(self) -> str:
        return f"{self.outcome}: {self.detail}" if self.detail else self.outcome


def srcdiff_gradient(f: Callable, wrt: Any) -> Callable:
    """srcdiff itself, without its fallback."""
    from srcdiff import SrcdiffError, value_and_grad

    def judged(*args):
        try:
            return df(*args)
        except SrcdiffError as error:
            raise Refused(f"{type(error).__name__}: {error}") from error

    try:
        df = value_and_grad(f, wrt=wrt, fallback="error")
    except SrcdiffError as error:
        raise Refused(f"{type(error).__name__}: {error}") from error
    return judged


# What is asserted in tests


def right(f: Callable, *args, wrt: Any = 0, rtol: float | None = None) -> Any:
    """Assert that srcdiff's gradient is right; the value and the gradient."""
    verdict = judge(f, args, wrt, rtol=rtol)
    if FORWARD:
        verdict = forward_agrees(f, args, wrt, verdict, rtol)
    if verdict.outcome != "right":
        raise AssertionError(str(verdict)) from verdict.error
    return verdict.result


def right_or_refused(f: Callable, *args, wrt: Any = 0, rtol: float | None = None) -> str:
    """Assert that srcdiff's gradient is right or the program refused; which of the two."""
    verdict = judge(f, args, wrt, rtol=rtol)
    if verdict.outcome not in ("right", "refused"):
        raise AssertionError(str(verdict)) from verdict.error
    return verdict.outcome


def gradient_or_none(f: Callable, *args, wrt: Any = 0) -> Any:
    """srcdiff's (value, gradient), None if it refuses; for arguments that share memory."""
    try:
        return srcdiff_gradient(f, wrt)(*args)
    except Refused:
        return None


def derivative(phi: Callable[[float], float]) -> float:
    """The derivative of phi at 0, which differences must tell well."""
    slope, error = slope_at_zero(phi)
    assert error < 1e-6 * max(1.0, abs(slope)), "the reference is not to be trusted"
    return slope


def judge(
    f: Callable,
    args: tuple,
    wrt: Any = 0,
    *,
    gradient: Gradient = srcdiff_gradient,
    others: tuple[tuple, ...] = (),
    thorough: bool = True,
    rtol: float | None = None,
    seconds: float = 30.0,
    outside: Outside | None = None,
    exact: bool = False,
) -> Verdict:
    """The verdict on the gradient of `f` at `args`, then at the argument tuples in `others`.

    One gradient function serves all points, as in a training loop. `thorough` compares element by
    element, otherwise along one random direction that moves all arguments, which costs less and
    misses nothing but luck. `exact` wants the plain function's value bit for bit.
    """
    try:
        with time_limit(seconds):
            df = gradient(f, wrt)
    except Refused as error:
        return Verdict("refused", str(error), error=error)
    except (Exception, TooSlow) as error:
        return Verdict("crashed", f"{type(error).__name__}: {error}", error=error)
    plain = f
    if outside:
        plain, df = outside.before(f), outside.before(df)
    rest = (wrt, thorough, rtol, seconds, outside, exact)
    first = judge_at(plain, df, args, *rest)
    if first.outcome != "right":
        return first
    for i, point in enumerate(others):
        verdict = judge_at(plain, df, point, *rest)
        if verdict.outcome in ("wrong", "crashed"):
            detail = f"(right at first, then at point {i + 2}) {verdict.detail}"
            return dataclasses.replace(verdict, detail=detail)
    return first


def judge_at(f, df, args, wrt, thorough, rtol, seconds, outside, exact) -> Verdict:
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            with time_limit(seconds):
                value = f(*fresh(args))
        except (Exception, TooSlow) as error:
            return Verdict("invalid", f"{type(error).__name__}: {error}", error=error)
        left = outside.read() if outside else []
        lent = fresh(args)
        try:
            with time_limit(seconds):
                result = df(*lent)
                again = df(*fresh(args))
        except Refused as error:
            return Verdict("refused", str(error), error=error)
        except (Exception, TooSlow) as error:
            return Verdict("crashed", f"{type(error).__name__}: {error}", error=error)
        if not same(lent, args):
            return Verdict("wrong", "the caller's arguments were changed", result)
        if not same(result, again):
            return Verdict("wrong", f"a second call gives {again!r}, not {result!r}", result)
        if rtol is None:
            rtol = 1e-3 if mentions_float32(f, args, value) else 1e-6
        close = close_values(result[0], value, single=rtol > 1e-4)
        if not (same_value(result[0], value) if exact else close):
            if not close:
                return Verdict("wrong", f"value {result[0]!r} instead of {value!r}", result)
            return Verdict("untrusted", "the last bits of the value differ", result)
        if outside and not same(outside.read(), left):
            if not same(outside.read(), left, near):
                return Verdict("wrong", f"outside is {outside.read()}, not {left}", result)
            return Verdict("untrusted", "the last bits outside differ", result)
        places = positions(f, wrt)
        grads = result[1] if isinstance(wrt, tuple) else (result[1],)
        if not isinstance(grads, tuple) or len(grads) != len(places):
            return Verdict("wrong", f"{len(places)} gradients are due: {grads!r}", result)
        problem = not_fresh(grads, lent)
        if problem:
            return Verdict("wrong", problem, result)
        doubts = []
        moving: list[Moving] = []
        for place, grad in zip(places, grads, strict=True):
            problem, found = paired(args, place, grad)
            if problem:
                return Verdict("wrong", problem, result)
            moving += found
        for name, moved in by_element(moving) if thorough else along_all(moving):
            problem, doubt = compare(f, args, name, moved, rtol)
            if problem and right_nearby(f, df, args, wrt, moved, rtol):
                problem, doubt = "", f"{problem}, but it is right everywhere next to it: a tie"
            if problem and largest_inside(f, fresh(args)) > VAST:
                problem, doubt = "", f"{problem}, which drown in the rounding of vast numbers"
            if problem:
                return Verdict("wrong", problem, result)
            if doubt:
                doubts.append(doubt)
        return Verdict("untrusted", doubts[0], result) if doubts else Verdict("right", "", result)


# Forward mode

FORWARD = os.environ.get("SRCDIFF_JUDGE_FORWARD", "1") != "0"  # whether `right` looks at it, too


def forward_agrees(
    f: Callable, args: tuple, wrt: Any, verdict: Verdict, rtol: float | None = None,
    outside: Outside | None = None,
) -> Verdict:  # fmt: skip
    """The verdict, if forward mode gives the same value, and as tangent along a random direction
    the product with the gradient, to 1e-9 of its terms; else if it agrees with differences."""
    from srcdiff import SrcdiffError, jvp
    from tests.tangents import directions, paired, size

    if verdict.outcome != "right":
        return verdict
    try:
        places = positions(f, wrt)
        dots = directions(args, places)
    except (ValueError, TypeError):  # a local variable, an attribute of the bound object
        return verdict
    value, gradients = verdict.result
    if not isinstance(wrt, tuple):
        gradients = (gradients,)
    moving = tuple(dots[place] for place in places)
    plain = outside.before(f) if outside else f
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            with time_limit(20.0):
                lent = fresh(args)
                df = jvp(f, fallback="error")
                ours, dot = (outside.before(df) if outside else df)(lent, dots)
        except SrcdiffError as error:
            detail = f"(forward) {type(error).__name__}: {error}"
            return Verdict("refused", detail, error=error)
        except (Exception, TooSlow) as error:
            return Verdict("crashed", f"(forward) {type(error).__name__}: {error}", error=error)
        problem = ""
        if not same(lent, args):
            problem = "the caller's arguments were changed"
        elif not close_values(ours, value):
            problem = f"value {ours!r} instead of {value!r}"
        else:
            slope, scale = float(np.real(np.asarray(dot).item())), size(gradients, moving)
            expected = paired(gradients, moving)
            single = rtol is not None and rtol > 1e-4 or mentions_float32(f, args, value)
            close = abs(slope - expected) <= (1e-3 if single else 1e-9) * max(scale, 1e-9)
            if np.isnan(slope) and np.isfinite(expected):
                detail = f"(forward) the tangent is nan, not {expected}: zero times infinity"
                return Verdict("untrusted", detail, verdict.result)
            if not close and np.isfinite(expected) and largest_inside(plain, fresh(args)) <= VAST:
                moves = [((place, *path), np.asarray(v)) for place in places
                         for path, v in leaves(dots[place])]  # fmt: skip
                true, doubt = slope_at_zero(along(plain, args, moves))
                if not abs(slope - true) <= 20 * doubt + 1e-5 * max(scale, 1e-2):
                    problem = (
                        f"the tangent is {slope}, the product with the gradient {expected},"
                        f" differences give {true} ± {doubt:.1e}"
                    )
    return Verdict("wrong", f"(forward) {problem}", verdict.result) if problem else verdict


@dataclasses.dataclass(frozen=True)
class Moving:
    """A float leaf of the arguments with its gradient, and a direction for it."""

    name: str
    path: tuple
    leaf: Any
    grad: Any
    v: Any = None


def paired(args, place: int, grad) -> tuple[str, list[Moving]]:
    """What is wrong with the form of one argument's gradient, and its leaves."""
    found = dict(leaves(grad, none_is_leaf=True))
    moving = []
    for path, leaf in leaves(args[place], none_is_leaf=True):
        name = f"gradient of argument {place}" + "".join(f"[{key!r}]" for key in path)
        if path not in found:
            return f"{name} is missing in {grad!r}", []
        g = found.pop(path)
        if not is_float(leaf, alone=not path):
            if g is not None:
                return f"{name} is {g!r}, None is due for a leaf that is no float", []
            continue
        problem = unlike(g, leaf)
        if problem:
            return f"{name} {problem}", []
        moving.append(Moving(name, (place, *path), leaf, g))
    if found:
        return f"gradient of argument {place} has more than the argument: {grad!r}", []
    return "", moving


def by_element(moving: list[Moving]) -> Iterator[tuple[str, list[Moving]]]:
    for m in moving:
        for v in unit_directions(m.leaf):
            yield f"{m.name} at {where(v)}", [dataclasses.replace(m, v=v)]


def along_all(moving: list[Moving]) -> Iterator[tuple[str, list[Moving]]]:
    """All leaves at once, each along a direction of its own, the same on every run."""
    rng = np.random.default_rng(len(moving))
    moved = [dataclasses.replace(m, v=random_direction(m.leaf, rng)) for m in moving]
    if moved:
        yield "the gradient along a random direction", moved


def compare(f, args, name: str, moved: list[Moving], rtol: float) -> tuple[str, str]:
    """What is wrong with a derivative along a direction, and what is doubtful in the reference.

    Central differences find nearly all that is right; what they do not find right is looked at
    from both sides, down to small steps (`seen_from`).
    """
    phi = along(f, args, [(m.path, m.v) for m in moved])
    slope, error = slope_at_zero(phi)
    ours = slope_of(moved)
    # Back to the size of one partial derivative.
    scale = max(float(np.max(np.abs(m.v), initial=1e-300)) for m in moved)
    shown = f"{name} is {ours / scale}, differences give {slope / scale} ± {error / scale:.1e}"
    trusted = error <= 1e-3 * max(scale, abs(slope))
    if trusted and abs(ours - slope) <= 20 * error + rtol * max(abs(slope), 0.01 * scale):
        return "", ""
    if not np.isfinite(ours):
        return "", f"{shown}, not a number: zero times infinity"
    left, right = (seen_from(side, phi, ours, rtol, scale) for side in (-1, 1))
    if left == right == 0:
        return "", ""
    if left is None or right is None:
        return "", f"{shown}, which is not sure"
    if left * right <= 0:
        return "", f"{shown}, at a kink"
    return shown, ""


def right_nearby(f, df, args, wrt, moved: list[Moving], rtol: float) -> bool:
    """Whether the gradient is right at points around the arguments, whichever way they are moved.

    Then only ties are left to be wrong about: at two in a row the conventions for each may lead
    out of what is between the slopes. The tape must agree there (`judge_module` in fuzz.py).
    """
    rng = np.random.default_rng(1)
    for _ in range(4):
        near = args
        for path, leaf in leaves(args):
            if is_float(leaf):
                by = (1e-3 if rtol > 1e-4 else 1e-6) * random_direction(leaf, rng)
                near = with_leaf(near, path, moved_leaf(leaf, by))
        grads = df(*fresh(near))[1]
        entries = dict(zip(positions(f, wrt), grads if isinstance(wrt, tuple) else (grads,)))
        there = [
            dataclasses.replace(m, grad=at_path(entries[m.path[0]], m.path[1:])) for m in moved
        ]
        phi, ours = along(f, near, [(m.path, m.v) for m in there]), slope_of(there)
        scale = max(float(np.max(np.abs(m.v), initial=1e-300)) for m in moved)
        if any(seen_from(side, phi, ours, rtol, scale) != 0 for side in (-1, 1)):
            return False
    return True


def slope_of(moved: list[Moving]) -> float:
    """The gradient's own derivative along the directions."""
    return sum(float(np.sum(np.real(np.conj(np.asarray(m.grad)) * m.v))) for m in moved)


# The reference

# Where a program computes with larger numbers, differences see their rounding, the stairs of
# `trunc` as slopes and a sine as noise.
VAST = 1e6

STEPS = (2e-2, 5e-3, 1.2e-3, 3e-4, 7e-5, 1.7e-5)


def slope_along(f: Callable, args: tuple, path: tuple, v: np.ndarray) -> tuple[float, float]:
    """The derivative of f's single output as the leaf at `path` moves along v, and its error."""
    return slope_at_zero(along(f, args, [(path, v)]))


def along(f: Callable, args: tuple, moves: list[tuple[tuple, Any]]) -> Callable[[float], float]:
    """f's single output as a function of how far leaves are moved along directions."""

    def phi(step: float) -> float:
        new = fresh(args)
        for path, v in moves:
            new = with_leaf(new, path, moved_leaf(at_path(args, path), step * v))
        try:
            with time_limit(20.0):
                return float(np.real(np.asarray(f(*new)).item()))
        except (Exception, TooSlow):
            return np.nan

    return phi


def moved_leaf(leaf: Any, by: np.ndarray) -> Any:
    new = np.asarray(leaf) + np.asarray(by, dtype=np.result_type(by, 0.0))
    if isinstance(leaf, np.ndarray):
        return like_memory(leaf, new)
    return type(leaf)(new) if isinstance(leaf, np.generic) else new.item()


def seen_from(
    side: int, phi: Callable[[float], float], ours: float, rtol: float, scale: float = 1.0
) -> int | None:
    """Whether phi's slope on one side of 0 is below (-1), at (0) or above (1) ours; None: unsure.

    One-sided differences with halved steps, extrapolated by Richardson's table. An estimate's
    error is what it differs by from those it is made of, and what the noise of phi can make of it.
    The smallest step that can tell decides: at a larger one a kink further out may be what is seen.

    >>> [seen_from(side, abs, 0.5, 1e-6) for side in (-1, 1)], seen_from(1, np.sin, 1.0, 1e-6)
    ([-1, 1], 0)
    """
    at, noise = phi(0.0), noise_of(lambda h: phi(side * h), rtol)
    rises: list[float] = []
    rows: list[list[float]] = []
    found: list[tuple[float, float]] = []
    for h in HALVED:
        rises.append(side * (phi(side * h) - at))
        row, errors = [rises[-1] / h], [np.inf]
        for order, above in enumerate(rows[-1][:5] if rows else (), 1):
            row.append(row[-1] + (row[-1] - above) / (2**order - 1))
            errors.append(max(abs(row[-1] - row[-2]), abs(row[-1] - above)))
        rows.append(row)
        best = int(np.argmin(np.nan_to_num(errors, nan=np.inf)))
        found.append((errors[best] + 16 * noise / h, row[best]))
    for i in reversed(range(len(HALVED))):
        error, slope = found[i]
        near = rtol * max(abs(slope), 0.01 * scale)
        if not np.isfinite(error + slope) or error > 1e-2 * max(scale, abs(slope)):
            continue
        if abs(ours - slope) <= near and error <= near:
            return 0
        if abs(ours - slope) > 20 * error + near:
            # Between two steps phi may turn many times, which smaller ones show.
            within = zip(HALVED[i:], rises[i:])
            if all(abs(rise - slope * h) <= 16 * noise + abs(slope) * h for h, rise in within):
                return 1 if slope > ours else -1
    return None


HALVED = [0.05 / 2**k for k in range(40)]


def noise_of(phi: Callable[[float], float], rtol: float) -> float:
    """The size of phi's rounding errors next to 0, from fourth differences.

    Those of what is smooth are far smaller than the noise, at these steps (Hamming; Moré and Wild
    "Estimating computational noise").
    """
    h, eps = (1e-3, 1.2e-7) if rtol > 1e-4 else (1e-11, 2.3e-16)
    values = np.array([phi(h * (1 + k)) for k in range(9)])
    fourth = np.diff(values, 4) / np.sqrt(70)  # 70 = 8! / 4!**2: so much noise adds up
    return float(max(np.sqrt(np.mean(fourth**2)), eps * np.max(np.abs(values))))


def slope_at_zero(phi: Callable[[float], float]) -> tuple[float, float]:
    """The derivative of phi at 0 by five-point differences; the error is the gap between steps.

    >>> slope, error = slope_at_zero(np.sin)
    >>> abs(slope - 1) < 1e-9 and error < 1e-9
    True
    """
    best, error, last = np.nan, np.inf, np.nan
    for h in STEPS:
        slope = (phi(-2 * h) - 8 * phi(-h) + 8 * phi(h) - phi(2 * h)) / (12 * h)
        gap = abs(slope - last)
        if gap < error:
            best, error = slope, gap
        if error <= 1e-10 * max(1.0, abs(slope)):
            break
        last = slope
    return float(best), float(error)


def unit_directions(leaf) -> Iterator[np.ndarray]:
    """One direction per element, two where it is complex."""
    array = np.asarray(leaf)
    for index in np.ndindex(array.shape):
        for unit in (1.0, 1j) if np.iscomplexobj(array) else (1.0,):
            v = np.zeros(array.shape, type(unit))
            v[index] = unit * float(np.maximum(1.0, np.abs(array[index])))
            yield v


def random_directions(leaf) -> Iterator[np.ndarray]:
    """One direction that moves every element, the same on every run; two for an array."""
    array = np.asarray(leaf)
    rng = np.random.default_rng(array.size)
    for _ in range(2 if array.size > 1 else min(1, array.size)):
        yield random_direction(leaf, rng)


def random_direction(leaf, rng: np.random.Generator) -> np.ndarray:
    array = np.asarray(leaf)
    v = rng.uniform(0.3, 1.0, array.shape) * rng.choice([-1.0, 1.0], array.shape)
    if np.iscomplexobj(array):
        v = v * np.exp(1j * rng.uniform(0, 6, array.shape))
    return v * np.maximum(1.0, np.abs(array))


def where(v: np.ndarray) -> str:
    index = tuple(int(i) for i in np.argwhere(v)[0]) if v.ndim else ()
    return f"element {list(index)}"


# What a gradient must look like


def unlike(g, leaf) -> str:
    """How a gradient differs in kind from the leaf that it belongs to."""
    if isinstance(leaf, np.ndarray):
        if type(g) is not np.ndarray:
            return f"is a {type(g).__name__}, an array is due"
        if g.shape != leaf.shape or g.dtype != leaf.dtype:
            return f"is {g.dtype}{g.shape}, {leaf.dtype}{leaf.shape} is due"
        if not g.flags.writeable:
            return "cannot be written"
    elif isinstance(leaf, np.generic):
        if np.shape(g) or np.asarray(g).dtype != leaf.dtype:
            return f"is {g!r}, a {leaf.dtype} is due"
    elif not isinstance(g, complex if isinstance(leaf, complex) else float):
        return f"is {g!r}, a float is due"
    return ""


def not_fresh(grads, args) -> str:
    """Which gradient shares memory with an argument or with another gradient."""
    arrays = [(path, g) for path, g in leaves(grads) if isinstance(g, np.ndarray)]
    inputs = [(path, a) for path, a in leaves(args) if isinstance(a, np.ndarray)]
    for i, (path, g) in enumerate(arrays):
        for other, a in inputs:
            if np.may_share_memory(g, a) and np.shares_memory(g, a):
                return f"gradient {path} shares memory with argument {other}"
        for other, h in arrays[:i]:
            if np.may_share_memory(g, h) and np.shares_memory(g, h):
                return f"gradients {path} and {other} share memory"
    return ""


def is_float(leaf, alone: bool = False) -> bool:
    """Whether a leaf has a gradient; a Python int has one where it is an argument by itself."""
    if isinstance(leaf, (np.ndarray, np.generic)):
        return leaf.dtype.kind in "fc"
    if isinstance(leaf, int) and not isinstance(leaf, bool):
        return alone
    return isinstance(leaf, (float, complex))


def positions(f: Callable, wrt: Any) -> list[int]:
    """The positions that `wrt` means; names are looked up among the parameters."""
    names = list(inspect.signature(f).parameters)
    each = wrt if isinstance(wrt, tuple) else (wrt,)
    return [names.index(place) if isinstance(place, str) else place for place in each]


def close_values(ours, plain, single: bool = False) -> bool:
    """Whether two values agree in kind and number, but for the last bits.

    single   of single precision, which a value of double precision may have been computed in
    """
    ours, plain = np.asarray(ours), np.asarray(plain)
    if ours.shape != plain.shape or ours.dtype != plain.dtype:
        return False
    rtol = 1e-5 if single or plain.dtype in (np.float32, np.complex64) else 1e-12
    return bool(np.allclose(ours, plain, rtol=rtol, atol=1e-13, equal_nan=True))


def near(ours, plain) -> bool:
    """Whether two leaves are equal but for the last bits of floats."""
    floats = all(np.asarray(x).dtype.kind in "fc" for x in (ours, plain))
    return close_values(ours, plain) if floats else same_leaf(ours, plain)


def same_value(ours, plain) -> bool:
    return same_leaf(np.asarray(ours), np.asarray(plain))


def same(one, other, equal: Callable[[Any, Any], bool] | None = None) -> bool:
    """Whether two trees are equal bit for bit, NaN included, or their leaves as `equal` says."""
    ones, others = list(leaves(one, none_is_leaf=True)), list(leaves(other, none_is_leaf=True))
    if [path for path, _ in ones] != [path for path, _ in others]:
        return False
    return all(map(equal or same_leaf, (leaf for _, leaf in ones), (leaf for _, leaf in others)))


def same_leaf(a, b) -> bool:
    if isinstance(a, (np.ndarray, np.generic, int, float, complex)):
        a, b = np.asarray(a), np.asarray(b)
        if a.dtype != b.dtype or a.shape != b.shape:
            return False
        if a.dtype.kind in "fc":
            return bool(np.array_equal(a, b, equal_nan=True))
        return bool(np.array_equal(a, b))
    return type(a) is type(b)


def mentions_float32(f: Callable, args: tuple, value: Any) -> bool:
    """Whether single precision limits what differences can tell."""
    small = (np.float16, np.float32, np.complex64)
    if any(np.asarray(leaf).dtype in small for _, leaf in leaves((args, value))):
        return True
    try:
        return "float32" in inspect.getsource(f)
    except (OSError, TypeError):
        return False


# Trees of arguments


def leaves(tree, path: tuple = (), none_is_leaf: bool = False) -> Iterator[tuple[tuple, Any]]:
    """Each leaf with the keys that lead to it.

    >>> list(leaves(([1.0, None], {"b": 2.0})))
    [((0, 0), 1.0), ((1, 'b'), 2.0)]
    """
    inner = children(tree)
    if inner is not None:
        for key, child in inner:
            yield from leaves(child, (*path, key), none_is_leaf)
    elif tree is not None or none_is_leaf:
        yield path, tree


def children(tree) -> list[tuple[Any, Any]] | None:
    if isinstance(tree, dict):
        return list(tree.items())
    if isinstance(tree, (list, tuple)):
        return list(enumerate(tree))
    if dataclasses.is_dataclass(tree) and not isinstance(tree, type):
        return [(field.name, getattr(tree, field.name)) for field in dataclasses.fields(tree)]
    return None


def at_path(tree, path: tuple):
    for key in path:
        tree = getattr(tree, key) if dataclasses.is_dataclass(tree) else tree[key]
    return tree


def with_leaf(tree, path: tuple, leaf):
    """The tree with another leaf at `path`; the rest is shared."""
    if not path:
        return leaf
    key, *rest = path
    if dataclasses.is_dataclass(tree) and not isinstance(tree, type):
        new = with_leaf(getattr(tree, key), tuple(rest), leaf)
        return dataclasses.replace(tree, **{key: new})
    new = with_leaf(tree[key], tuple(rest), leaf)
    if isinstance(tree, dict):
        return {k: new if k == key else child for k, child in tree.items()}
    items = [new if i == key else child for i, child in enumerate(tree)]
    if hasattr(tree, "_fields"):
        return type(tree)(*items)
    return type(tree)(items)


def fresh(args: tuple) -> tuple:
    """A deep copy that keeps memory order, identity and overlap of the arrays in it.

    >>> x = np.arange(4.0)
    >>> a, b = fresh((x, x[1:]))
    >>> a is x, np.shares_memory(a, b), a[1:].tolist() == b.tolist()
    (False, True, True)
    """
    memo: dict[int, Any] = {}
    for _, leaf in leaves(args):
        if isinstance(leaf, np.ndarray) and id(leaf) not in memo:
            memo[id(leaf)] = copy_array(leaf, memo)
    return copy.deepcopy(args, memo)


def copy_array(a: np.ndarray, memo: dict[int, Any]) -> np.ndarray:
    base = a
    while isinstance(base.base, np.ndarray):
        base = base.base
    if id(base) not in memo:
        memo[id(base)] = base.copy(order="K")
    new = memo[id(base)]
    if a is base or new.strides != base.strides:
        return new if a is base else a.copy(order="K")
    address = a.__array_interface__["data"][0] - base.__array_interface__["data"][0]
    flat = new.ravel(order="K")  # its memory, which is contiguous in some order
    return np.ndarray(a.shape, a.dtype, buffer=flat, offset=address, strides=a.strides)


def like_memory(old: np.ndarray, values: np.ndarray) -> np.ndarray:
    """The values in an array laid out as the old one is."""
    (new,) = fresh((old,))
    if 0 in new.strides or not new.flags.writeable:
        return values.astype(old.dtype)
    new[...] = values
    return new


@contextlib.contextmanager
def time_limit(seconds: float) -> Iterator[None]:
    """Raise `TooSlow` after so many seconds (in the main thread, where signals are).

    They are the process's own: on a busy machine those of the clock would be a lottery.
    """
    if not hasattr(signal, "setitimer"):
        yield
        return

    def ring(*_):
        raise TooSlow(f"more than {seconds:g} s")

    try:
        old = signal.signal(signal.SIGPROF, ring)
    except ValueError:  # not the main thread
        yield
        return
    signal.setitimer(signal.ITIMER_PROF, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, old)
