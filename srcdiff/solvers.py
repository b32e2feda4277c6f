"""The rules of SciPy's functions of functions: roots, minima, integrals, differential equations.

    brentq(f, a, b, args=(s,))    f(y, s) = 0: the implicit function theorem, see `implicit`
    minimize(f, x0)               the same, of the gradient
    quad(f, a, b, args=(s,))      d_s is the integral of the derivative of f by s, d_b = f(b, s)
    odeint(f, y0, t, args=(s,))   d_s is an integral over the adjoint equation, solved backwards

Nothing is differentiated through the steps of a solver. SciPy is imported by who calls these.
"""

# mypy: no-check-untyped-defs

from __future__ import annotations

import itertools
import linecache
from collections.abc import Callable
from typing import Any

import numpy as np

from srcdiff.api import grad
from srcdiff.higher import jvp, pullback
from srcdiff.implicit import _Solution
from srcdiff.runtime.declared import map_arrays, read_only
from srcdiff.runtime.errors import NoRuleError
from srcdiff.runtime.registry import RULES, Rule
from srcdiff.runtime.solvers import FUNCTIONS, SOLVERS, Call, Made, Result

_numbers = itertools.count(1)


def written(text: str, namespace: dict[str, Any], name: str) -> Callable:
    """A function whose source can be found."""
    filename = f"<srcdiff {name} {next(_numbers)}>"
    linecache.cache[filename] = (len(text), None, text.splitlines(keepends=True), filename)
    namespace.setdefault("__name__", "srcdiff.solved")
    exec(compile(text, filename, "exec"), namespace)
    made: Callable = namespace[name]
    return made


# Names that the functions which are made here have for themselves.
RESERVED = frozenset(
    "a b by d f fun g grad inf inner integrand lazy nan np options out residual rhs solved "
    "solver t unwritable vector_integral weighed x y".split()
)


def renamed(name: str, taken: set[str]) -> str:
    """A name that clashes with no other: they begin or end as no user's does."""
    own = name.startswith(("d_", "slope_", "arg_", "integral_")) or name.endswith("_dot")
    return f"{name}_" if name in taken or own else name


class Parts:
    """The names and expressions of which a call's functions are written.

    names    the parameters of the function that is made
    more     those that the user's function is given, or reads
    """

    def __init__(self, call: Call) -> None:
        self.extra = tuple(f"arg_{i}" for i in range(call.extra))
        taken = {*RESERVED, *call.values, *self.extra}
        self.read = tuple(renamed(n, taken) for n in call.read or ())
        self.more = (*self.extra, *self.read)
        self.names = (*call.values, *self.more)
        self.function = "f" if call.read is None else f"f({', '.join(self.read)})"
        kept = ", ".join(f"unwritable({name})" for name in self.read)
        self.unwritable = "f" if call.read is None else f"f({kept})"
        self.options = {k: v for k, v in call.known.items() if k not in call.values}
        self.name = f"{call.solver.__name__}_of"
        self.space: dict[str, Any] = {"f": call.f, "np": np, "solver": call.solver,
                                      "options": self.options, "grad": grad,
                                      "unwritable": unwritable}  # fmt: skip

    def at(self, *first: str) -> str:
        """The user's function, of these expressions and all that it is given further."""
        return f"{self.function}({', '.join((*first, *self.extra))})"

    def passed(self, values: tuple[str, ...]) -> str:
        """The arguments of the solver, after the function."""
        given = [f"{name}={name}" for name in values]
        if self.extra:
            given.append(f"args=({', '.join(self.extra)},)")
        return ", ".join(["", *given, "**options"])

    def define(self, name: str, parameters: tuple[str, ...], result: str) -> Callable:
        text = f"def {name}({', '.join(parameters)}):\n    return {result}\n"
        return written(text, self.space, name)


def unwritable(x: Any) -> Any:
    """Arrays that the user's function reads, of which it must not change the caller's."""
    return map_arrays(read_only, x)


def declare(function: Callable, vjp: Callable, forward: Callable | None = None) -> None:
    RULES[function] = Rule((function,), vjp, forward, name=vjp.__name__, analytic=True,
                           declared=True)  # fmt: skip


# Roots and minima


def root(form: str, field: str = "", refused: tuple[str, ...] = ()) -> Callable:
    """Who makes functions for a solver: `form` is zero at what it returns, or in a field of it."""

    def make(call: Call) -> Made | None:
        given = {*call.values, *call.known}
        if given & {"full_output", "fprime", "fprime2", "jac", "callback", "bounds", "constraints",
                    "hess", "hessp"}:  # fmt: skip
            return None
        parts = Parts(call)
        parts.define("fun", ("x", *parts.more), parts.at("x"))
        more = ", ".join(("x", *parts.more))
        residual = parts.define("residual", ("x", *parts.more), form.format(more=more))
        keyword = FUNCTIONS[call.solver.__module__, call.solver.__name__]
        solved = f"solver({keyword}={parts.unwritable}{parts.passed(call.values)}){field}"
        function = parts.define(parts.name, parts.names, solved)
        rule = _Solution(residual, function).rule()
        declare(function, rule)
        at_least = 1 if field or call.solver.__name__ == "fsolve" else 0  # axes that it returns
        like: Any = "number"
        if "x0" in call.arrays:
            like = "x0"
        elif "x0" in call.known:
            shape = np.shape(call.known["x0"])
            like = shape or (1,) * at_least or "number"
        elif at_least:
            like = (1,) if "x0" in call.values else 1
        return Made(function, like, only_x if field else None)

    return make


def only_x(x: Any) -> Any:
    return Result(x=x)


# Integrals


def quad(call: Call) -> Made | None:
    if {*call.values, *call.known} & {"full_output", "weight", "wvar", "complex_func", "points"}:
        return None
    parts = Parts(call)
    integrand = parts.define("integrand", ("x", *parts.more), parts.at("x"))
    function = parts.define(
        parts.name, parts.names, f"solver(func={parts.unwritable}{parts.passed(call.values)})[:2]"
    )
    made = Integral(integrand, parts.more, call.known)
    declare(function, made.rule(parts.name, parts.names, call, "d_out[0]", "d * ", "1.0"))
    return Made(function, "pair")


class Integral:
    """The integral of a function `g(x, *more)` over x, and its derivatives, made as they are asked.

    limits   those of a and b that are known
    linear   g is linear in the first of `more`
    """

    def __init__(self, g: Callable, more: tuple[str, ...], known: dict[str, Any],
                 linear: bool = False) -> None:  # fmt: skip
        self.g, self.more, self.known, self.linear = g, more, known, linear

    def rule(self, name: str, names: tuple[str, ...], call: Call, d: str, times: str = "",
             seed: str = "d") -> Callable:  # fmt: skip
        limits = {n: n if n in names else repr(float(call.known[n])) for n in ("a", "b")}
        space: dict[str, Any] = {"np": np, "g": self.g, "inf": np.inf, "nan": np.nan}
        more = "".join(f", {n}" for n in self.more)
        lines = [f"d = {d}"]
        found = []
        for n in names:
            if n in ("a", "b"):
                sign = "-" if n == "a" else ""
                lines.append(f"d_{n} = {sign}np.sum(d * g({n}{more})) if np.isfinite({n}) else 0.0")
            elif n in self.more:
                space[f"slope_{n}"] = self.slope(n)
                given = f"{seed}, {limits['a']}, {limits['b']}{more}"
                if self.linear and n == self.more[0]:  # it does not depend on its value
                    given = given.replace(f", {n}", f", np.zeros_like({n})[()]", 1)
                lines.append(f"d_{n} = {times}slope_{n}({given})")
            else:
                lines.append(f"d_{n} = None")
            found.append(f"d_{n}")
        text = f"def {name}_vjp(d_out, out, {', '.join(names)}):\n"
        text += "".join(f"    {line}\n" for line in (*lines, f"return {', '.join(found)},"))
        return written(text, space, f"{name}_vjp")

    def slope(self, n: str) -> Callable:
        """The integral of the derivative by one parameter, times the number d: like that."""
        more = ", ".join(self.more)
        space: dict[str, Any] = {"np": np, "g": self.g}
        d = f"d_{len(self.more)}"  # not one of them: a derivative of this has it as a parameter
        text = f"def weighed(x, {d}, {more}):\n    return np.sum({d} * g(x, {more}))\n"
        space["by"] = grad(written(text, space, "weighed"), wrt=n)
        text = f"def slope(x, {d}, {more}):\n    return by(x, {d}, {more})\n"
        inner = written(text, space, "slope")
        space["inner"], space["vector_integral"] = inner, vector_integral
        name = f"integral_by_{n}"
        text = f"def {name}({d}, a, b, {more}):\n"
        text += f"    return vector_integral(inner, a, b, {n}, {d}, {more})\n"
        outer = written(text, space, name)
        names = (d, "a", "b", *self.more)
        lazy = Lazy(lambda: Integral(inner, (d, *self.more), {}, True).rule(
            name, names, NOTHING, "d_out"))  # fmt: skip
        text = f"def {name}_vjp(d_out, out, {', '.join(names)}):\n"
        text += f"    return lazy(d_out, out, {', '.join(names)})\n"
        rule = written(text, {"lazy": lazy}, f"{name}_vjp")
        rule.of = lambda wanted: lazy.found()  # type: ignore[attr-defined]
        outer.unread = True  # type: ignore[attr-defined]
        RULES[outer] = Rule((outer,), rule, linear=(d,), name=rule.__name__, declared=True, like=n)
        return outer


class Lazy:
    """A function that is made when it is first needed."""

    def __init__(self, make: Callable) -> None:
        self.make, self.made = make, None

    def found(self) -> Callable:
        if self.made is None:
            self.made = self.make()
        return self.made  # type: ignore[return-value]

    def __call__(self, *args: Any) -> Any:
        return self.found()(*args)


NOTHING = Call(print, print, None, (), 0, {}, {})


def vector_integral(f: Callable, a: Any, b: Any, like: Any, *more: Any) -> Any:
    """The integral of `f(x, *more)` over x from a to b, in the shape of `like`.

    At a and b the derivative of a root is infinite. In s, x = a + (b - a) (3 s^2 - 2 s^3), it is
    not (Davis and Rabinowitz, Methods of Numerical Integration, 1984, section 2.12).
    """
    from scipy.integrate import quad_vec

    def flat(x: float) -> np.ndarray:
        return np.ravel(np.asarray(f(x, *more), float))

    def integral(a: float, b: float) -> Any:
        def smooth(s: float) -> np.ndarray:
            return 6 * (b - a) * s * (1 - s) * flat(a + (b - a) * s * s * (3 - 2 * s))

        limits = (smooth, 0.0, 1.0) if np.isfinite(b - a) else (flat, a, b)
        return quad_vec(*limits, epsabs=1e-12, epsrel=1e-11, norm="max")[0]

    a, b = float(a), float(b)
    if np.isfinite(a) == np.isfinite(b):
        found = integral(a, b)
    else:
        middle = a + np.sign(b) if np.isfinite(a) else b + np.sign(a)
        found = integral(a, middle) + integral(middle, b)
    return found.reshape(np.shape(like)) if np.ndim(like) else float(found[0])


# Differential equations


class Flow:
    """A differential equation y' = rhs(y, t, *more), and what its solution passes back or on."""

    def __init__(self, rhs: Callable, more: tuple[str, ...], method: str) -> None:
        self.rhs, self.more, self.method = rhs, more, method
        self.pull, self.push = pullback(rhs), jvp

    def solution(self, fun: Callable, t: float, end: float, y: np.ndarray, **options: Any) -> Any:
        from scipy.integrate import solve_ivp

        found = solve_ivp(fun, (t, end), y, self.method, rtol=1e-10, atol=1e-12, **options)
        if not found.success:
            raise NoRuleError(f"an adjoint equation that is not solved: {found.message}")
        return found

    def pulled(self, d_y: np.ndarray, y0: np.ndarray, t: np.ndarray, given: tuple) -> tuple:
        """The gradients of the start, the times and the parameters; d_y has a row for each time."""
        flat = [np.ravel(np.asarray(p, float)) for p in given]
        sizes = np.cumsum([0, *map(np.size, flat)])
        n = len(y0)
        states, paths = [y0], [None]
        for k in range(1, len(t)):  # the steps of the solver may have been larger than is good here
            paths.append(None)
            if t[k] != t[k - 1]:
                found = self.solution(lambda s, v: np.ravel(self.rhs(v, s, *given)),
                                      t[k - 1], t[k], states[-1], dense_output=True)  # fmt: skip
                paths[k] = found.sol
            states.append(states[-1] if paths[k] is None else found.y[:, -1])
        d = np.zeros(n)
        d_more, d_t = np.zeros(sizes[-1]), np.zeros(len(t))
        for k in range(len(t) - 1, 0, -1):
            d = d + d_y[k]
            d_t[k] += d_y[k] @ np.ravel(self.rhs(states[k], t[k], *given))
            if paths[k] is None:
                continue

            def backwards(s: float, z: np.ndarray, state: Any = paths[k]) -> np.ndarray:
                pulled = self.pull(state(s), s, *given, z[:n])
                return -np.concatenate([np.ravel(pulled[0]), *map(np.ravel, pulled[2:])])

            start = np.concatenate((d, d_more))
            end = self.solution(backwards, t[k], t[k - 1], start).y[:, -1]
            d, d_more = end[:n], end[n:]
        d_t[0] -= d @ np.ravel(self.rhs(y0, t[0], *given)) if len(t) > 1 else 0.0
        parts = [np.reshape(d_more[i:j], np.shape(p)) if np.ndim(p) else float(d_more[i])
                 for i, j, p in zip(sizes, sizes[1:], given)]  # fmt: skip
        return d + d_y[0], d_t, parts

    def pushed(self, y0_dot: Any, t_dot: Any, dots: tuple, y0: np.ndarray, t: np.ndarray,
               given: tuple) -> np.ndarray:  # fmt: skip
        """The tangent of the states, from those of the start, the times and the parameters."""
        n = len(y0)

        def both(s: float, z: np.ndarray) -> np.ndarray:
            args = (z[:n], s, *given)
            out, dot = self.push(self.rhs, args, (z[n:], 0.0, *dots))
            return np.concatenate((np.ravel(out), np.ravel(dot)))

        def slope(y: np.ndarray, k: int) -> np.ndarray:
            return np.ravel(self.rhs(y, t[k], *given))

        found = [np.zeros(n) + y0_dot]
        z = np.concatenate((y0, found[0] - (slope(y0, 0) * t_dot[0] if len(t) > 1 else 0.0)))
        for k in range(1, len(t)):
            if t[k] != t[k - 1]:
                z = self.solution(both, t[k - 1], t[k], z).y[:, -1]
            found.append(z[n:] + slope(z[:n], k) * t_dot[k])
        return np.stack(found)


def odeint(call: Call) -> Made | None:
    known = {"rtol", "atol", "mxstep", "tfirst", "hmax", "h0", "hmin"}
    if {*call.values, *call.known} - known - {"y0", "t"}:
        return None
    parts = Parts(call)
    first = ("t", "y") if call.known.get("tfirst") else ("y", "t")
    rhs = parts.define("rhs", ("y", "t", *parts.more), f"np.asarray({parts.at(*first)})")
    function = parts.define(
        parts.name, parts.names, f"solver(func={parts.unwritable}{parts.passed(call.values)})"
    )
    flow = Flow(rhs, parts.more, "LSODA")

    def taken(args: tuple) -> tuple:
        given = dict(zip(parts.names, args))
        y0, t = (given.get(n, call.known.get(n)) for n in ("y0", "t"))
        return y0, np.asarray(t, float), tuple(given[n] for n in parts.more)

    def pulled(d_out: Any, out: Any, *args: Any) -> tuple:
        y0, t, given = taken(args)
        d_y0, d_t, rest = flow.pulled(np.asarray(d_out), np.asarray(out)[0], t, given)
        found = {"y0": np.reshape(d_y0, np.shape(y0)), "t": d_t, **dict(zip(parts.more, rest))}
        return tuple(found.get(n) for n in parts.names)

    def pushed(*args: Any) -> Any:
        count = len(parts.names)
        dots, out, args = dict(zip(parts.names, args)), args[count], args[count + 1 :]
        y0, t, given = taken(args)
        t_dot = np.zeros(len(t)) + dots.get("t", 0.0)
        rest = like_these(dots, parts.more, given)
        return flow.pushed(np.ravel(dots.get("y0", 0.0)), t_dot, rest, np.asarray(out)[0], t, given)

    declare(function, *unreadable(parts, pulled, pushed))
    return Made(function, 2)


def like_these(dots: dict[str, Any], names: tuple[str, ...], given: tuple) -> tuple:
    """A tangent for each parameter."""
    return tuple(np.zeros(np.shape(p))[()] + dots[n] if np.asarray(p).dtype.kind == "f" else dots[n]
                 for n, p in zip(names, given))  # fmt: skip


def unreadable(parts: Parts, pulled: Callable, pushed: Callable) -> tuple[Callable, Callable]:
    """Rules that run as they are: what they do is not differentiated again."""
    names = ", ".join(parts.names)
    dots = ", ".join(f"{n}_dot" for n in parts.names)
    vjp = written(f"def {parts.name}_vjp(d_out, out, {names}):\n"
                  f"    return pulled(d_out, out, {names})\n",
                  {"pulled": pulled}, f"{parts.name}_vjp")  # fmt: skip
    forward = written(f"def {parts.name}_jvp({dots}, out, {names}):\n"
                      f"    return pushed({dots}, out, {names})\n",
                      {"pushed": pushed}, f"{parts.name}_jvp")  # fmt: skip
    vjp.unread = forward.unread = True  # type: ignore[attr-defined]
    return vjp, forward


def solve_ivp(call: Call) -> Made | None:
    known = {"rtol", "atol", "max_step", "first_step", "method", "vectorized", "t_eval", "t_span"}
    if {*call.values, *call.known} - known - {"y0", "t_span_0", "t_span_1"}:
        return None
    if call.known.get("vectorized") or not isinstance(call.known.get("method", "RK45"), str):
        return None
    parts = Parts(call)
    rhs = parts.define("rhs", ("y", "t", *parts.more), f"np.asarray({parts.at('t', 'y')})")
    span = [n for n in ("t_span_0", "t_span_1") if n in call.values]
    values = tuple(n for n in call.values if n not in span)
    given = f", t_span=({', '.join(span)})" if span else ""
    parts.define("solved", parts.names,
                 f"solver(fun={parts.unwritable}{given}{parts.passed(values)})")  # fmt: skip
    text = f"def {parts.name}({', '.join(parts.names)}):\n"
    text += f"    found = solved({', '.join(parts.names)})\n    return found.t, found.y\n"
    function = written(text, parts.space, parts.name)
    method = call.known.get("method", "RK45")
    flow = Flow(rhs, parts.more, method if method in ("LSODA", "Radau", "BDF") else "DOP853")

    def taken(out: Any, args: tuple) -> tuple:
        """The start, the times from there on, and whether the first of them is not among those
        that are returned; the parameters."""
        found = dict(zip(parts.names, args))
        y0 = np.asarray(found.get("y0", call.known.get("y0")), float)
        start = found["t_span_0"] if span else call.known["t_span"][0]
        t = np.asarray(out[0])
        late = not len(t) or t[0] != start
        t = np.concatenate(([start], t)) if late else t
        return y0, t, late, tuple(found[n] for n in parts.more)

    def pulled(d_out: Any, out: Any, *args: Any) -> tuple:
        y0, t, late, given = taken(out, args)
        d_y = np.asarray(d_out[1]).T
        d_y = np.concatenate((np.zeros((1, len(y0))), d_y)) if late else d_y
        d_y0, d_t, rest = flow.pulled(d_y, y0, t, given)
        at_end = "t_eval" not in call.values and "t_eval" not in call.known
        found = {"y0": d_y0, "t_span_0": d_t[0], "t_span_1": d_t[-1] if at_end else 0.0,
                 "t_eval": d_t[1:] if late else d_t, **dict(zip(parts.more, rest))}  # fmt: skip
        if "t_eval" in call.values and not late:  # the first of the times is the start
            found["t_eval"] = np.concatenate(([0.0], d_t[1:]))
        return tuple(found.get(n) for n in parts.names)

    def pushed(*args: Any) -> Any:
        count = len(parts.names)
        dots, out, args = dict(zip(parts.names, args)), args[count], args[count + 1 :]
        y0, t, late, given = taken(out, args)
        t_dot = np.zeros(len(t))
        if "t_eval" in call.values:
            t_dot[int(late) :] = dots["t_eval"]
        elif "t_eval" not in call.known:
            t_dot[-1] = dots.get("t_span_1", 0.0)
        t_dot[0] = dots.get("t_span_0", 0.0)
        y_dot = flow.pushed(np.ravel(dots.get("y0", 0.0)), t_dot,
                            like_these(dots, parts.more, given), y0, t, given)  # fmt: skip
        return np.zeros(len(out[0])), y_dot[int(late) :].T

    declare(function, *unreadable(parts, pulled, pushed))
    return Made(function, "times and states", times_and_states)


def times_and_states(found: Any) -> Any:
    return Result(t=found[0], y=found[1])


# The table

_ZEROS, _MINPACK = "scipy.optimize._zeros_py", "scipy.optimize._minpack_py"
_ROOT = "fun({more})"
for _module, _name, _parameter, _make in (
    *((_ZEROS, n, "f", root(_ROOT)) for n in ("brentq", "brenth", "ridder", "bisect", "toms748")),
    (_ZEROS, "newton", "func", root(_ROOT)),
    (_MINPACK, "fsolve", "func", root(_ROOT)),
    (_MINPACK, "fixed_point", "func", root("x - fun({more})")),
    ("scipy.optimize._root", "root", "fun", root(_ROOT, ".x")),
    ("scipy.optimize._minimize", "minimize", "fun", root("grad(fun, wrt=0)({more})", ".x")),
    ("scipy.integrate._quadpack_py", "quad", "func", quad),
    ("scipy.integrate._odepack_py", "odeint", "func", odeint),
    ("scipy.integrate._ivp.ivp", "solve_ivp", "fun", solve_ivp),
):
    SOLVERS[_module, _name] = _make
    FUNCTIONS[_module, _name] = _parameter
