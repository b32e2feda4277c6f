"""What the tape runs in place of SciPy's functions that end in compiled code.

    r = brentq(f, a, b)       SciPy finds the root; then one Newton step, which changes nothing but
                              knows the derivative:  r - (f(r) - value) / f'(r)
    I = quad(f, a, b)         SciPy's value, and the same integral as a sum over nodes
    spline(x), splev(x, tck)  the polynomials of the piece that x lies in
    correlate1d(x, w)         a sum of shifted arrays

They are known by module and name: SciPy is not imported here.
"""

# mypy: no-check-untyped-defs

from __future__ import annotations

import functools
import inspect
import math
import operator
import sys
from collections.abc import Callable
from typing import Any

import numpy as np

from srcdiff.runtime import interpolators
from srcdiff.runtime.errors import NoRuleError
from srcdiff.runtime.filters import check_image
from srcdiff.runtime.tape import Array, Leaf, Sweep, apply, caller, plain, twin
from srcdiff.runtime.tracked import Number, Place, Tracked

# --------------------------------------------------------------------------------------- roots


def plainly(call: Callable, f: Callable, extra: tuple) -> Callable:
    """The function with its further arguments, for a solver: of plain numbers, giving such."""
    return lambda *xs: plain_tree(call(f, *map(copied, xs), *extra))


def plain_tree(out: Any) -> Any:
    if isinstance(out, list | tuple):
        return type(out)([plain_tree(x) for x in out])
    return plain(out)


def copied(x: Any) -> Any:
    """What a solver passes: its own array, which it may write to later."""
    return np.array(x) if isinstance(x, np.ndarray) else x


def root_step(call: Callable, f: Callable, root: Any, extra: tuple, elementwise: bool) -> Any:
    """The root, with the derivative that the implicit function theorem gives it."""
    if isinstance(root, np.ndarray):
        whole = np.array(root, float)
        leaf = Leaf(whole)
        out = call(f, Tracked(whole, Place(whole, leaf)), *extra)
    else:
        leaf = Leaf(np.float64(root))
        out = call(f, Number(float(root), leaf), *extra)
    if isinstance(out, list | tuple):
        out = apply(np.array, (list(out),))
    if not isinstance(out, Array) or out._node is None:
        return root
    value = plain(out)
    if np.ndim(value) == 0 or elementwise:
        slope = pulled(out, leaf, np.ones_like(value))
        return root - (out - value) / slope
    if np.shape(value) != np.shape(root) or np.ndim(root) != 1:
        raise NoRuleError("a root of as many equations as unknowns is needed", caller())
    rows = [pulled(out, leaf, row) for row in np.eye(len(value))]
    return root - apply(np.linalg.solve, (np.array(rows), out - value))


def pulled(out: Array, leaf: Leaf, d: Any) -> Any:
    sweep = Sweep()
    sweep.run([(out._node, d)], keep=True)
    found = sweep.gradient(leaf)
    return np.zeros_like(leaf.out) if found is None else np.array(found)[()]


def bound(solver: Callable, args: tuple, kwargs: dict) -> dict[str, Any]:
    return dict(inspect.signature(solver).bind(*args, **kwargs).arguments)


def solving(name: str, field: str | None = None, elementwise: bool = False) -> Callable:
    """What stands for a solver whose function is called `name`; the root is a field of a result."""

    def solve(call: Callable, solver: Callable, args: tuple, kwargs: dict) -> Any:
        given = bound(solver, args, kwargs)
        f, extra = given.pop(name), given.pop("args", ())
        extra = extra if isinstance(extra, tuple) else (extra,)
        options = given.pop("options", None)
        rest = {k: plain_tree(v) for k, v in given.items()}
        rest |= given_options(options)
        for jacobian in ("fprime", "fprime2", "jac"):
            if callable(rest.get(jacobian)):
                rest[jacobian] = plainly(call, rest[jacobian], extra)
        if rest.get("jac") is True or rest.get("fprime") is True:
            raise NoRuleError(f"{solver.__name__} of a function that returns its derivative")
        out = solver(plainly(call, f, extra), **rest)
        if field is not None:
            out[field] = root_step(call, f, out[field], extra, elementwise)
            return out
        if isinstance(out, tuple):
            return (root_step(call, f, out[0], extra, elementwise), *out[1:])
        return root_step(call, f, out, extra, elementwise)

    return solve


def minimize(call: Callable, solver: Callable, args: tuple, kwargs: dict) -> Any:
    """A point at which the gradient is zero."""
    given = bound(solver, args, kwargs)
    f, extra, x0 = given.pop("fun"), given.pop("args", ()), given.pop("x0")
    extra = extra if isinstance(extra, tuple) else (extra,)
    options = given.pop("options", None)
    rest = {k: plain_tree(v) for k, v in given.items()}
    for name in ("bounds", "constraints", "callback"):
        if rest.get(name):
            raise NoRuleError(f"scipy.optimize.minimize with {name}=", caller())
    for name in ("jac", "hess", "hessp"):
        if callable(rest.get(name)):
            rest[name] = plainly(call, rest[name], extra)
    if rest.get("jac") is True:
        raise NoRuleError("scipy.optimize.minimize of a function that returns its derivative")
    out = solver(plainly(call, f, extra), plain_tree(x0), **rest, **given_options(options))

    def slope(f: Callable, x: Any, *more: Any) -> Any:
        out = call(f, x, *more)
        sweep = Sweep(recorded=True)
        sweep.alone = x._node
        if isinstance(out, Array) and out._node is not None:
            sweep.run([(out._node, np.ones_like(plain(out)))], keep=True)
        found = sweep.gradient(x._node)
        return np.zeros_like(plain(x)) if found is None else found

    out["x"] = root_step(slope, f, np.array(out["x"]), extra, False)
    least = call(f, out["x"], *extra)
    if isinstance(least, Array) and least._node is not None:
        out["fun"] = least
    return out


def odeint(call: Callable, solver: Callable, args: tuple, kwargs: dict) -> Any:
    """SciPy's values, and the derivative of a solution by explicit steps of small error."""
    given = bound(solver, args, kwargs)
    f, y0, t = given.pop("func"), given.pop("y0"), given.pop("t")
    extra, first = given.pop("args", ()), given.pop("tfirst", False)
    extra = extra if isinstance(extra, tuple) else (extra,)
    rest = {k: plain_tree(v) for k, v in given.items()}
    if rest.get("full_output"):
        raise NoRuleError("scipy.integrate.odeint with full_output=", caller())
    times = np.asarray(plain_tree(t), float)
    values = solver(plainly(call, f, extra), plain_tree(y0), times, tfirst=first, **rest)

    def rhs(s: float, y: Any) -> Any:
        return call(f, s, y, *extra) if first else call(f, y, s, *extra)

    y0 = np.atleast_1d(apply(np.array, (y0,)) if isinstance(y0, list | tuple) else y0)
    slopes: Any = 0.0
    if isinstance(t, Array) and t._node is not None:  # the states move with the times
        slopes = [np.ravel(plain_tree(rhs(s, y))) for s, y in zip(times.tolist(), values)]
        moved = t - times
        y0 = y0 - slopes[0] * moved[0]
        slopes = np.array(slopes) * np.reshape(moved, (-1, 1))
    steps = call(sys.modules["scipy.integrate"].solve_ivp, rhs, (times[0], times[-1]),
                 y0, method="DOP853", t_eval=times, rtol=1e-11, atol=1e-13)
    found = steps.y.T + slopes
    return found + (values - plain(found))


def given_options(options: Any) -> dict[str, Any]:
    return {} if options is None else {"options": options}


# ----------------------------------------------------------------------------------- integrals

GAUSS = np.polynomial.legendre.leggauss(30)


def quad(call: Callable, solver: Callable, args: tuple, kwargs: dict) -> Any:
    given = bound(solver, args, kwargs)
    f, a, b = given.pop("func"), given.pop("a"), given.pop("b")
    extra, full = given.pop("args", ()), given.pop("full_output", 0)
    extra = extra if isinstance(extra, tuple) else (extra,)
    if given.get("weight") is not None or given.get("complex_func"):
        raise NoRuleError("scipy.integrate.quad with a weight, or of a complex function", caller())
    low, high = float(plain(a)), float(plain(b))
    g = plainly(call, f, extra)
    rest = {k: plain_tree(v) for k, v in given.items()}
    value, error, info, *message = solver(g, low, high, full_output=1, **rest)
    pieces = [(p, q) for p, q in zip(info["alist"], info["blist"])][: info["last"]]
    total: Any = value
    sign = -1.0 if high < low else 1.0  # SciPy integrates from the smaller limit to the larger
    for x, weight in nodes(pieces, min(low, high), max(low, high)):
        y = call(f, x, *extra)
        if isinstance(y, Array) and y._node is not None:
            total = total + sign * weight * (y - plain(y))
    if math.isfinite(high) and isinstance(b, Array):
        total = total + g(high) * (b - high)
    if math.isfinite(low) and isinstance(a, Array):
        total = total - g(low) * (a - low)
    return (total, error, info, *message) if full else (total, error)


def nodes(pieces: list, low: float, high: float) -> list[tuple[float, float]]:
    """Where the function is evaluated, and the weights; of infinite ranges t = 1 / (1 + x)."""
    finite = math.isfinite(low) and math.isfinite(high)
    found = []
    for p, q in pieces:
        for t, w in zip(*(gauss(p, q) if p == 0 and not finite else tanh_sinh(p, q))):
            if finite:
                found.append((float(t), float(w)))
                continue
            x, w = (1 - t) / t, w / (t * t)
            if math.isfinite(low):
                found.append((float(low + x), float(w)))
            elif math.isfinite(high):
                found.append((float(high - x), float(w)))
            else:
                found += [(float(x), float(w)), (float(-x), float(w))]
    return found


def gauss(p: float, q: float) -> tuple[np.ndarray, np.ndarray]:
    """Nodes and weights for functions that are smooth from p to q."""
    at, weights = GAUSS
    return 0.5 * (p + q) + 0.5 * (q - p) * at, 0.5 * (q - p) * weights


def tanh_sinh(p: float, q: float) -> tuple[np.ndarray, np.ndarray]:
    """Nodes and weights for functions that may be infinite at p or q, as the derivative of a root
    is (Takahasi and Mori, Double exponential formulas for numerical integration, 1974).

    >>> at, weights = tanh_sinh(0.0, 4.0)
    >>> len(at), round(float(np.sum(weights * at**2)), 9)
    (53, 21.333333333)
    >>> round(float(np.sum(weights / np.sqrt(at))), 7)
    4.0
    """
    step = 0.12
    s = step * np.arange(-26, 27)
    u = 0.5 * np.pi * np.sinh(s)
    weights = 0.25 * (q - p) * np.pi * step * np.cosh(s) / np.cosh(u) ** 2
    from_end = 0.5 * (q - p) * np.exp(-np.abs(u)) / np.cosh(u)
    at = np.where(s < 0, p + from_end, q - from_end)
    inside = (at != p) & (at != q)
    return at[inside], weights[inside]


# ------------------------------------------------------------------------------------- splines


def basis(t: Any, k: int, i: Any, x: Any) -> list:
    """The k + 1 basis functions of degree k that live between the knots t[i] and t[i + 1]."""
    found: list = [np.ones(np.shape(plain(x)))]
    for degree in range(1, k + 1):
        new: list = [0.0] * (degree + 1)
        for j in range(degree):
            left, right = t[i + j + 1 - degree], t[i + j + 1]
            share = found[j] / (right - left)
            new[j] = new[j] + (right - x) * share
            new[j + 1] = new[j + 1] + (x - left) * share
        found = new
    return found


def piece(t: Any, k: int, n: int, x: Any) -> Any:
    """Between which knots x lies, the outermost where it lies outside."""
    return np.clip(np.searchsorted(plain(t), plain(x), side="right") - 1, k, n - 1)


def spline_values(t: Any, c: Any, k: int, x: Any, nu: int = 0) -> Any:
    """A spline, or its derivative of order nu, at the numbers x; c may have further axes."""
    n = len(plain(t)) - k - 1
    c = c[:n]
    for _ in range(nu):
        if not k:
            return np.zeros((*np.shape(plain(x)), *np.shape(plain(c))[1:]))
        spans = plain(t)[k + 1 : n + k] - plain(t)[1:n]
        spans = np.where(spans == 0, 1, spans).reshape(-1, *[1] * (np.ndim(plain(c)) - 1))
        c = k * (c[1:] - c[:-1]) / spans
        t, k, n = t[1:-1], k - 1, n - 1
    i = piece(t, k, n, x)
    total: Any = 0.0
    axes = (1,) * (np.ndim(plain(c)) - 1)
    for j, b in enumerate(basis(t, k, i, x)):
        total = total + np.reshape(b, (*np.shape(plain(b)), *axes)) * c[i - k + j]
    return total


def in_range(x: Any, low: float, high: float, extend: Any) -> Any:
    """What `ext=` of FITPACK's splines does outside."""
    return np.clip(x, low, high) if extend in (3, "const") else x


def splev(call: Callable, f: Callable, args: tuple, kwargs: dict) -> Any:
    given = bound(f, args, kwargs)
    x, tck, nu, ext = given["x"], given["tck"], given.get("der", 0), given.get("ext", 0)
    if not isinstance(tck, tuple | list):
        tck = (tck.t, tck.c, tck.k)
    t, c, k = tck
    if isinstance(c, list | tuple) or np.ndim(plain(c)) != 1:
        raise NoRuleError("scipy.interpolate.splev of a curve", caller())
    return fitpack_values(t, c, k, x, nu, ext)


def fitpack_values(t: Any, c: Any, k: int, x: Any, nu: int, ext: Any) -> Any:
    if isinstance(x, list | tuple):
        x = apply(np.array, (x,))
    low, high = plain(t)[k], plain(t)[-k - 1]
    outside = (plain(x) < low) | (plain(x) > high)
    if ext in (2, "raise") and np.any(outside):
        raise ValueError("Invalid input data")
    out = spline_values(t, c, k, in_range(x, low, high, ext), nu)
    if ext in (1, "zeros"):
        out = np.where(outside, 0.0, out)
    return out


def univariate(call: Callable, f: Callable, args: tuple, kwargs: dict) -> Any:
    given = bound(f, args, kwargs)
    spline, x, nu = given["self"], given["x"], given.get("nu", 0)
    ext = given.get("ext")
    t, c, k = spline._eval_args
    return fitpack_values(t, c, k, x, nu, spline.ext if ext is None else ext)


def held(obj: Any, name: str) -> Any:
    """An array of an object: a property of this name would make a plain one of it."""
    return getattr(obj, f"_{name}" if hasattr(obj, f"_{name}") else name)


def bspline(call: Callable, f: Callable, args: tuple, kwargs: dict) -> Any:
    given = bound(f, args, kwargs)
    spline, x, nu = given["self"], given["x"], given.get("nu", 0)
    extrapolate = given.get("extrapolate")
    extrapolate = spline.extrapolate if extrapolate is None else extrapolate
    if spline.axis != 0 or extrapolate == "periodic":
        raise NoRuleError("a BSpline with axis= or of a periodic function", caller())
    if isinstance(x, list | tuple):
        x = apply(np.array, (x,))
    t, k = held(spline, "t"), spline.k
    out = spline_values(t, held(spline, "c"), k, x, nu)
    if not extrapolate:
        bare = plain(x)
        outside = (bare < plain(t)[k]) | (bare > plain(t)[-k - 1])
        out = np.where(outside.reshape(*outside.shape, *[1] * (np.ndim(plain(out)) - outside.ndim)),
                       np.nan, out)  # fmt: skip
    return out


def ppoly(call: Callable, f: Callable, args: tuple, kwargs: dict) -> Any:
    given = bound(f, args, kwargs)
    poly, x, nu = given["self"], given["x"], given.get("nu", 0)
    extrapolate = given.get("extrapolate")
    extrapolate = poly.extrapolate if extrapolate is None else extrapolate
    if poly.axis != 0:
        raise NoRuleError("a piecewise polynomial with axis=", caller())
    if isinstance(x, list | tuple):
        x = apply(np.array, (x,))
    breaks, c = held(poly, "x"), held(poly, "c")
    if extrapolate == "periodic":
        start, period = breaks[0], breaks[-1] - breaks[0]
        x, extrapolate = start + np.mod(x - start, period), False
    i = np.clip(np.searchsorted(plain(breaks), plain(x), side="right") - 1, 0, len(breaks) - 2)
    axes = (1,) * (np.ndim(plain(c)) - 2)
    s = x - breaks[i]
    s = np.reshape(s, (*np.shape(plain(s)), *axes))
    total: Any = 0.0
    order = np.shape(plain(c))[0]
    for j in range(order - nu):
        total = total * s + math.perm(order - 1 - j, nu) * c[j][i]
    if not extrapolate:
        bare = plain(x)
        outside = (bare < plain(breaks)[0]) | (bare > plain(breaks)[-1])
        total = np.where(outside.reshape(*outside.shape, *axes), np.nan, total)
    return total


def bivariate(tx: Any, ty: Any, c: Any, kx: int, ky: int, x: Any, y: Any, nu: tuple) -> Any:
    """A spline of two variables at points (x, y) of one shape."""
    nx, ny = len(tx) - kx - 1, len(ty) - ky - 1
    c = np.reshape(c[: nx * ny], (nx, ny))
    for axis, count in enumerate(nu):
        for _ in range(count):
            if axis == 0:
                c = kx * (c[1:] - c[:-1]) / (tx[kx + 1 : nx + kx] - tx[1:nx])[:, None]
                tx, kx, nx = tx[1:-1], kx - 1, nx - 1
            else:
                c = ky * (c[:, 1:] - c[:, :-1]) / (ty[ky + 1 : ny + ky] - ty[1:ny])
                ty, ky, ny = ty[1:-1], ky - 1, ny - 1
    x, y = np.clip(x, tx[kx], tx[-kx - 1]), np.clip(y, ty[ky], ty[-ky - 1])
    i, j = piece(tx, kx, nx, x), piece(ty, ky, ny, y)
    by = basis(ty, ky, j, y)
    total: Any = 0.0
    for p, bx in enumerate(basis(tx, kx, i, x)):
        for q, b in enumerate(by):
            total = total + bx * b * c[i - kx + p, j - ky + q]
    return total


def on_grid(x: Any, y: Any) -> tuple[Any, Any]:
    n, m = np.size(plain(x)), np.size(plain(y))
    x = np.broadcast_to(np.reshape(x, (n, 1)), (n, m))
    return x, np.broadcast_to(np.reshape(y, (1, m)), (n, m))


def bisplev(call: Callable, f: Callable, args: tuple, kwargs: dict) -> Any:
    given = bound(f, args, kwargs)
    tx, ty, c, kx, ky = given["tck"]
    x, y = (apply(np.atleast_1d, (apply(np.asarray, (given[n],)),)) for n in "xy")
    nu = (given.get("dx", 0), given.get("dy", 0))
    out = bivariate(tx, ty, np.asarray(c), kx, ky, *on_grid(x, y), nu)
    n, m = np.shape(plain(out))
    return out[0, 0] if n == m == 1 else out[0] if n == 1 else out[:, 0] if m == 1 else out


def bivariate_object(call: Callable, f: Callable, args: tuple, kwargs: dict) -> Any:
    given = bound(f, args, kwargs)
    spline = given["self"]
    grid = given.get("grid", f.__name__ != "ev")
    tx, ty, c = spline.tck[:3]
    kx, ky = spline.degrees
    x, y = (
        apply(np.asarray, (given[name],))
        for name in ("x" if "x" in given else "xi", "y" if "y" in given else "yi")
    )
    nu = (given.get("dx", 0), given.get("dy", 0))
    if grid:
        return bivariate(tx, ty, c, kx, ky, *on_grid(x, y), nu)
    shape = np.broadcast_shapes(np.shape(plain(x)), np.shape(plain(y)))
    x, y = np.broadcast_to(x, shape), np.broadcast_to(y, shape)
    return bivariate(tx, ty, c, kx, ky, x, y, nu)


# ------------------------------------------------------------------------------------- filters

PADDING = {"reflect": "symmetric", "grid-mirror": "symmetric", "mirror": "reflect",
           "nearest": "edge", "wrap": "wrap", "grid-wrap": "wrap"}  # fmt: skip


def padded(x: Any, axis: int, before: int, after: int, mode: str, cval: Any) -> Any:
    n = np.shape(plain(x))[axis]
    if mode in ("constant", "grid-constant"):
        width = [(0, 0)] * np.ndim(plain(x))
        width[axis] = (before, after)
        return np.pad(x, width, constant_values=cval)
    places = np.pad(np.arange(n), (before, after), PADDING[mode])
    return np.take(x, places, axis=axis)


def correlate1d(call: Callable, f: Callable, args: tuple, kwargs: dict) -> Any:
    given = bound(f, args, kwargs)
    x, weights, axis = given["input"], given["weights"], given.get("axis", -1)
    size = np.size(plain(weights))
    x = apply(np.asarray, (x,))
    if given.get("output") is None:
        check_image(plain(x))
    axis = operator.index(axis) % np.ndim(plain(x))
    before = size // 2 + given.get("origin", 0)
    n = np.shape(plain(x))[axis]
    wide = padded(x, axis, before, size - 1 - before, given.get("mode", "reflect"),
                  given.get("cval", 0.0))  # fmt: skip
    total: Any = 0.0
    for k in range(size):
        key = (slice(None),) * axis + (slice(k, k + n),)
        total = total + weights[k] * wide[key]
    return stored(total, given.get("output"))


def correlate(call: Callable, f: Callable, args: tuple, kwargs: dict) -> Any:
    given = bound(f, args, kwargs)
    x, weights = apply(np.asarray, (given["input"],)), apply(np.asarray, (given["weights"],))
    origin, mode = given.get("origin", 0), given.get("mode", "reflect")
    if given.get("output") is None:
        check_image(plain(x))
    rank = np.ndim(plain(x))
    if given.get("axes") is not None or np.ndim(plain(weights)) != rank:
        raise NoRuleError("scipy.ndimage.correlate with axes=", caller())
    origins = [origin] * rank if np.ndim(origin) == 0 else list(origin)
    modes = [mode] * rank if isinstance(mode, str) else list(mode)
    if given.get("convolution"):
        weights = weights[(slice(None, None, -1),) * rank]
        origins = [-o - (size % 2 == 0) for o, size in zip(origins, np.shape(plain(weights)))]
    shape, wide = np.shape(plain(x)), x
    for axis, size in enumerate(np.shape(plain(weights))):
        before = size // 2 + origins[axis]
        wide = padded(wide, axis, before, size - 1 - before, modes[axis], given.get("cval", 0.0))
    total: Any = 0.0
    for at in np.ndindex(np.shape(plain(weights))):
        key = tuple(slice(k, k + n) for k, n in zip(at, shape))
        total = total + weights[at] * wide[key]
    return stored(total, given.get("output"))


def uniform_filter1d(call: Callable, f: Callable, args: tuple, kwargs: dict) -> Any:
    given = bound(f, args, kwargs)
    size = given.pop("size")
    return correlate1d(call, weighted, (), given | {"weights": np.full(size, 1 / size)})


def weighted(input, weights, axis=-1, output=None, mode="reflect", cval=0.0, origin=0):  # noqa: A002
    """The parameters of `correlate1d`."""


def stored(out: Any, output: Any) -> Any:
    """`output=`: an array to store into, or a dtype."""
    if isinstance(output, Array | np.ndarray):
        output[...] = out
        return output
    return out if output is None else out.astype(output)


def lfilter(call: Callable, f: Callable, args: tuple, kwargs: dict) -> Any:
    """The recurrence, step by step, along one axis; and the state that is left if one is given."""
    given = bound(f, args, kwargs)
    b, a, x, z = (apply(np.asarray, (given[n],)) if given.get(n) is not None else None
                  for n in ("b", "a", "x", "zi"))  # fmt: skip
    b, a, x = apply(np.atleast_1d, (b,)), apply(np.atleast_1d, (a,)), x
    order = max(len(plain(a)), len(plain(b)))
    scale = a[0]
    b = [b[k] / scale if k < len(plain(b)) else 0.0 for k in range(order)]
    a = [a[k] / scale if k < len(plain(a)) else 0.0 for k in range(order)]
    axis = given.get("axis", -1)
    rows: Any = np.moveaxis(apply(np.asarray, (x,)), axis, 0)
    state: list = [0.0] * order
    if z is not None:
        z = np.moveaxis(z, axis, 0)
        state = [*[z[k] for k in range(order - 1)], 0.0]
    out = []
    for n in range(len(plain(rows))):
        x_n = rows[n]
        y = b[0] * x_n + state[0]
        for k in range(order - 1):
            state[k] = state[k + 1] + b[k + 1] * x_n - a[k + 1] * y
        out.append(y)
    result = np.moveaxis(apply(np.stack, (out,)), 0, axis)
    if z is None:
        return result
    left: Any = apply(np.stack, (state[: order - 1],))
    return result, np.moveaxis(left, 0, axis)


# --------------------------------------------------------------- convolutions and distances


def convolve(call: Callable, f: Callable, args: tuple, kwargs: dict) -> Any:
    given = bound(f, args, kwargs)
    a, b = (apply(np.asarray, (given[name],)) for name in ("in1", "in2"))
    mode, rank = given.get("mode", "full"), np.ndim(plain(a))
    other = given.get("boundary", "fill") != "fill" or given.get("fillvalue", 0) != 0
    if other or given.get("axes") is not None or np.ndim(plain(b)) != rank:
        raise NoRuleError(f"scipy.signal.{f.__name__} in this form", caller())
    if f.__name__.startswith("correlate"):
        b = np.conj(b[(slice(None, None, -1),) * rank])
    n, m = np.shape(plain(a)), np.shape(plain(b))
    if rank == 1:
        whole = np.convolve(a, b)
    else:
        wide, small = (a, b) if math.prod(m) <= math.prod(n) else (b, a)
        if np.size(plain(small)) > 4096:
            raise NoRuleError(f"scipy.signal.{f.__name__} of two large arrays", caller())
        shape = np.shape(plain(small))
        whole = 0.0
        for at in np.ndindex(shape):
            width = [(k, size - 1 - k) for k, size in zip(at, shape)]
            whole = whole + small[at] * np.pad(wide, width)
    if mode == "full":
        return whole
    size = n if mode == "same" else tuple(abs(p - q) + 1 for p, q in zip(n, m))
    full = np.shape(plain(whole))
    start = [(p - q) // 2 for p, q in zip(full, size)]
    return whole[tuple(slice(k, k + q) for k, q in zip(start, size))]


DISTANCES: dict[str, Callable] = {
    "euclidean": lambda d: np.sqrt(np.sum(d**2, axis=-1)),
    "sqeuclidean": lambda d: np.sum(d**2, axis=-1),
    "cityblock": lambda d: np.sum(np.abs(d), axis=-1),
    "chebyshev": lambda d: np.max(np.abs(d), axis=-1),
}


def distances(given: dict, a: Any, b: Any) -> Any:
    metric = given.get("metric", "euclidean")
    rest = given.get("kwargs") or {}
    if metric not in DISTANCES or rest or given.get("out") is not None:
        raise NoRuleError("scipy.spatial.distance with this metric", caller())
    return DISTANCES[metric](a - b)


def cdist(call: Callable, f: Callable, args: tuple, kwargs: dict) -> Any:
    given = bound(f, args, kwargs)
    a, b = (apply(np.asarray, (given[name],)) for name in ("XA", "XB"))
    return distances(given, a[:, None], b[None])


def pdist(call: Callable, f: Callable, args: tuple, kwargs: dict) -> Any:
    given = bound(f, args, kwargs)
    x = apply(np.asarray, (given["X"],))
    i, j = np.triu_indices(len(plain(x)), 1)
    return distances(given, x[i], x[j])


def squareform(call: Callable, f: Callable, args: tuple, kwargs: dict) -> Any:
    x = apply(np.asarray, (bound(f, args, kwargs)["X"],))
    if np.ndim(plain(x)) == 2:
        return x[np.triu_indices(len(plain(x)), 1)]
    n = int(math.sqrt(2 * len(plain(x)))) + 1
    places = np.zeros((n, n), int)
    places[np.triu_indices(n, 1)] = np.arange(len(plain(x))) + 1
    return np.concatenate((np.zeros(1), x))[places + places.T]


# Functions of `scipy.fft` that are matrices.
MATRICES = frozenset("dct idct dst idst".split())


def transform(f: Any) -> Callable | None:
    """What runs in place of a function of `scipy.fft`."""
    if not (getattr(f, "__module__", None) or "").startswith("scipy.fft"):
        return None
    return functools.partial(cosine, f) if f.__name__ in MATRICES else None


def cosine(f: Callable, x: Any, type: int = 2, n: Any = None, axis: int = -1,  # noqa: A002
           *args: Any, **kwargs: Any) -> Any:  # fmt: skip
    x = apply(np.asarray, (x,))
    size = np.shape(plain(x))[axis]
    if n not in (None, size):
        raise NoRuleError(f"scipy.fft.{f.__name__} with n=", caller())
    matrix = f(np.eye(size), type, None, -1, *args, **kwargs)
    return np.moveaxis(np.moveaxis(x, axis, -1) @ matrix, -1, axis)


def grid(call: Callable, f: Callable, args: tuple, kwargs: dict) -> Any:
    given = bound(f, args, kwargs)
    table = given["self"]
    plainly = table.method == "linear" and given.get("method") in (None, "linear")
    values = held(table, "values")
    if not plainly or not table.bounds_error or np.ndim(plain(values)) != len(table.grid):
        raise NoRuleError("a RegularGridInterpolator in this form", caller())
    return twin(interpolators.on_grid)(table.grid, values, given["xi"])


# --------------------------------------------------------------------------------------- table

ZEROS, MINPACK = "scipy.optimize._zeros_py", "scipy.optimize._minpack_py"
NDIMAGE, INTERPOLATE = "scipy.ndimage._filters", "scipy.interpolate."
SUBSTITUTES: dict[tuple[str, str], Callable] = {
    **{(ZEROS, name): solving("f") for name in ("brentq", "brenth", "ridder", "bisect", "toms748")},
    (ZEROS, "newton"): solving("func", elementwise=True),
    ("scipy.optimize._root_scalar", "root_scalar"): solving("f", "root"),
    (MINPACK, "fsolve"): solving("func"),
    ("scipy.optimize._minimize", "minimize"): minimize,
    ("scipy.integrate._odepack_py", "odeint"): odeint,
    ("scipy.optimize._root", "root"): solving("fun", "x"),
    ("scipy.integrate._quadpack_py", "quad"): quad,
    (INTERPOLATE + "_fitpack_impl", "splev"): splev,
    (INTERPOLATE + "_fitpack_py", "splev"): splev,
    (INTERPOLATE + "_fitpack_impl", "bisplev"): bisplev,
    (INTERPOLATE + "_fitpack_py", "bisplev"): bisplev,
    (INTERPOLATE + "_bsplines", "BSpline.__call__"): bspline,
    (INTERPOLATE + "_interpolate", "PPoly.__call__"): ppoly,
    (INTERPOLATE + "_interpolate", "_PPolyBase.__call__"): ppoly,
    (INTERPOLATE + "_rgi", "RegularGridInterpolator.__call__"): grid,
    (INTERPOLATE + "_fitpack2", "UnivariateSpline.__call__"): univariate,
    (INTERPOLATE + "_fitpack2", "BivariateSpline.__call__"): bivariate_object,
    (INTERPOLATE + "_fitpack2", "_BivariateSplineBase.__call__"): bivariate_object,
    (INTERPOLATE + "_fitpack2", "BivariateSpline.ev"): bivariate_object,
    (NDIMAGE, "correlate1d"): correlate1d,
    (NDIMAGE, "correlate"): correlate,
    (NDIMAGE, "_correlate_or_convolve"): correlate,
    (NDIMAGE, "uniform_filter1d"): uniform_filter1d,
    **{
        ("scipy.signal._signaltools", name): convolve
        for name in ("convolve", "fftconvolve", "correlate", "convolve2d", "correlate2d")
    },
    ("scipy.spatial.distance", "cdist"): cdist,
    ("scipy.spatial.distance", "pdist"): pdist,
    ("scipy.spatial.distance", "squareform"): squareform,
}


@functools.cache
def substitute(f: Callable) -> Callable | None:
    """What runs on the tape in place of one of SciPy's functions."""
    found = SUBSTITUTES.get((f.__module__, f.__qualname__))
    return found
