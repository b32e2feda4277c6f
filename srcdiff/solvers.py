"""The rules of SciPy's functions of functions: roots, minima, integrals, differential equations.

    brentq(f, a, b, args=(s,))    f(y, s) = 0: the implicit function theorem, see `implicit`
    minimize(f, x0)               the same, of the gradient
    quad(f, a, b, args=(s,))      d_s is the integral of the derivative of f by s, d_b = f(b, s)
    odeint(f, y0, t, args=(s,))   d_s is an integral over the adjoint equation, solved backwards

Nothing is differentiated through the steps of a solver. SciPy is imported by who calls these.
"""

# mypy: no-check-untyped-defs

from __future__ import annotations

import functools
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
    "a adjoint b both by by_pushed by_still d dot f first fun g grad inf inner integrand jvp k "
    "lazy like motion n nan np of_start options out paired push pushed rates residual rhs run "
    "solved solver start still t unwritable vector_integral vjp w weighed x y z".split()
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
    """A differential equation y' = rhs(y, t, *more), and the derivatives of its solution, which are
    made as they are asked.

    adjoint   `adjoint(d, y0, t, *more)`: what the cotangent of the states, a row for each time,
              gives for the start and the parameters, in one array; a function with rules
    """

    def __init__(self, rhs: Callable, more: tuple[str, ...], method: str) -> None:
        self.rhs, self.more, self.method = rhs, more, method
        self.pull = pullback(rhs)
        self.given = "".join(f", {n}" for n in more)
        self.dots = tuple(f"d{len(more)}_{i}_dot" for i in range(len(more)))
        self.moved = "".join(f", {n}" for n in self.dots)
        size = " + ".join(f"np.size({n})" for n in ("y0", *more))
        self.adjoint = unread("adjoint", ("d", "y0", "t", *more), self.pulled, Lazy(self.twice_vjp),
                              Lazy(self.twice_jvp), f"np.zeros({size})")  # fmt: skip

    # what is run

    def solution(self, fun: Callable, t: float, end: float, y: np.ndarray, **options: Any) -> Any:
        from scipy.integrate import solve_ivp

        found = solve_ivp(fun, (t, end), y, self.method, rtol=1e-10, atol=1e-12, **options)
        if not found.success:
            raise NoRuleError(f"an adjoint equation that is not solved: {found.message}")
        return found

    def steps(self, y0: Any, t: np.ndarray, given: tuple) -> tuple[list, list]:
        """The states at the times, and how they come about: functions of the time, None for no
        time."""
        states: list = [np.ravel(np.asarray(y0, float))]
        paths: list = [None]
        for k in range(1, len(t)):
            paths.append(None)
            if t[k] != t[k - 1]:
                found = self.solution(lambda s, v: np.ravel(self.rhs(v, s, *given)),
                                      t[k - 1], t[k], states[-1], dense_output=True)  # fmt: skip
                paths[k] = found.sol
            states.append(states[-1] if paths[k] is None else found.y[:, -1])
        return states, paths

    def solved(self, y0: Any, t: np.ndarray, *given: Any) -> np.ndarray:
        """The states, a row for each time."""
        return np.array(self.steps(y0, t, given)[0])

    def pulled(self, d_y: np.ndarray, y0: Any, t: np.ndarray, *given: Any) -> np.ndarray:
        """The steps of the solver may have been larger than is good here: they are taken anew."""
        n = np.size(y0)
        z = np.zeros(n + sum(map(np.size, given)))
        if not np.any(d_y):
            return z
        _, paths = self.steps(y0, t, given)
        for k in range(len(t) - 1, 0, -1):
            z[:n] += d_y[k]
            if paths[k] is None:
                continue

            def backwards(s: float, z: np.ndarray, state: Any = paths[k]) -> np.ndarray:
                pulled = self.pull(state(s), s, *given, z[:n])
                return -np.concatenate([np.ravel(pulled[0]), *map(np.ravel, pulled[2:])])

            z = np.array(self.solution(backwards, t[k], t[k - 1], z).y[:, -1])
        z[:n] += d_y[0]
        return z

    # the rules

    def vjp(self, name: str, names: tuple[str, ...], lines: list[str], known: dict[str, Any],
            times: dict[str, str]) -> Callable:  # fmt: skip
        """The rule of a function of the start, the times and the parameters.

        lines   what makes of the arguments `y` and `d_y`, the states and their cotangent, a row for
                each time, and `t`, the times
        known   the arguments that are known
        times   the gradients of what the times are made of, from `d_t`
        """
        moving = {*self.more, *times, "y0"}
        lines = [
            *lines,
            f"d = adjoint(d_y, y0, t{self.given})",
            "n = np.size(y0)",
            "d_y0 = np.reshape(d[:n], np.shape(y0))",
            f"rates = {self.rates}",
            "of_start = np.where(np.arange(len(t)) == 0, np.sum(d[:n] * rates[0]), 0.0)",
            "d_t = np.sum(d_y * rates, axis=1) - of_start",
            *(f"d_{n} = {formula}" for n, formula in times.items()),
            *parted("d", self.more, [f"d_{n}" for n in self.more]),
            f"return {', '.join(f'd_{n}' if n in moving else 'None' for n in names)},",
        ]
        space = {"np": np, "adjoint": self.adjoint, "rhs": self.rhs, **known}
        return self.text(f"{name}_vjp", ("d_out", "out", *names), lines, space)

    def jvp(self, name: str, names: tuple[str, ...], lines: list[str], known: dict[str, Any],
            result: str) -> Callable:  # fmt: skip
        """The forward rule: `lines` make `t_dot` and `t`, `result` is made of `dot`, the tangent of
        the states."""
        dots = [f"{n}_dot" for n in names]
        own = "".join(f", {n}_dot" for n in self.more)
        pushed = f"dot = pushed(y0_dot, t_dot{own}, y0, t{self.given})"
        lines = [*lines, pushed, f"return {result}"]
        space = {"np": np, "pushed": self.directions["pushed"], **known}
        rule = self.text(f"{name}_jvp", (*dots, "out", *names), lines, space)
        rule.linear = True  # type: ignore[attr-defined]
        return rule

    @property
    def rates(self) -> str:
        """The slope of each row of y."""
        return f"np.array([np.ravel(rhs(y[k], t[k]{self.given})) for k in range(len(t))])"

    def text(self, name: str, names: tuple[str, ...], lines: list[str], space: dict) -> Callable:
        head = f"def {name}({', '.join(names)}):\n"
        return written(head + "".join(f"    {line}\n" for line in lines), space, name)

    @functools.cached_property
    def directions(self) -> dict[str, Any]:
        """How the states move as the start, the times and the parameters move, which solves an
        equation, too; and the gradients of what this is, paired with a cotangent."""
        given, moved = self.given, self.moved
        space: dict[str, Any] = {"np": np, "rhs": self.rhs, "push": jvp(self.rhs)}
        both = self.text("both", ("z", "t", *self.more, *self.dots), [
            "n = np.size(z) // 2",
            f"y, dot = push((z[:n], t{given}), (z[n:], 0.0{moved}))",
            "return np.concatenate((np.ravel(y), np.ravel(dot)))",
        ], space)  # fmt: skip
        flow = Flow(both, (*self.more, *self.dots), self.method)
        of_motion = ("y0", "t", *flow.more)
        space["motion"] = unread(
            "motion", of_motion, flow.solved,
            Lazy(lambda: flow.vjp("motion", of_motion, AS_GIVEN, {}, {"t": "d_t"})),
            Lazy(lambda: flow.jvp("motion", of_motion, [], {}, "dot")),
            "np.zeros((np.size(t), np.size(y0)))",
        )
        space["still"] = self.text("still", ("y0_dot", *self.dots, "y0", "t", *self.more), [
            "start = np.concatenate((np.ravel(y0), np.ravel(y0_dot)))",
            f"return motion(start, t{given}{moved})[:, np.size(y0) :]",
        ], space)  # fmt: skip
        names = ("y0_dot", "t_dot", *self.dots, "y0", "t", *self.more)
        space["pushed"] = self.text("pushed", names, [
            "n = np.size(y0)",
            "t_dot = np.zeros(len(t)) + t_dot",
            *(f"{dot} = np.zeros(np.shape({p})) + {dot}" for dot, p in zip(self.dots, self.more)),
            f"first = np.ravel(rhs(np.ravel(y0), t[0]{given}))",
            "start = np.zeros(n) + np.ravel(y0_dot) - first * t_dot[0]",
            "start = np.concatenate((np.ravel(y0), start))",
            f"both = motion(start, t{given}{moved})",
            "y = both[:, :n]",
            f"rates = {self.rates}",
            "return both[:, n:] + rates * t_dot[:, None]",
        ], space)  # fmt: skip
        for name, times in (("still", ""), ("pushed", ", t_dot")):
            names = ("y0", "t", *self.more, "d", "y0_dot", *times[2:].split(), *self.dots)
            paired = f"return np.sum(d * {name}(y0_dot{times}{moved}, y0, t{given}))"
            found = self.text("paired", names, [paired], dict(space))
            space[f"by_{name}"] = grad(found, wrt=("y0", "t", *self.more))
        return space

    def twice_vjp(self) -> Callable:
        """With w for the start and the parameters, sum(w * adjoint(d, …)) is sum(d * dot), where
        dot is how the states move as these move by w."""
        given, moved = self.given, self.moved
        parts = "".join(f", d_{n}" for n in self.more)
        return self.text("adjoint_vjp", ("d_out", "out", "d", "y0", "t", *self.more), [
            "n = np.size(y0)",
            "w = d_out[:n]",
            *parted("d_out", self.more, self.dots),
            f"d_d = still(w{moved}, y0, t{given})",
            f"d_y0, d_t{parts} = by_still(y0, t{given}, d, w{moved})",
            f"return d_d, d_y0, d_t{parts}",
        ], self.directions)  # fmt: skip

    def twice_jvp(self) -> Callable:
        """The adjoint is linear in d; it is the gradient of sum(d * states), the derivatives of
        which along a direction are those of how the states move."""
        given = self.given
        own = tuple(f"{n}_dot" for n in self.more)
        parts = "".join(f", d_{n}" for n in self.more)
        flat = ", ".join(f"np.ravel(d_{n})" for n in ("y0", *self.more))
        dots = "".join(f", {n}" for n in own)
        return self.text(
            "adjoint_jvp",
            ("d_dot", "y0_dot", "t_dot", *own, "out", "d", "y0", "t", *self.more),
            [
                f"d_y0, d_t{parts} = by_pushed(y0, t{given}, d, y0_dot, t_dot{dots})",
                f"by_d = adjoint(np.zeros(np.shape(d)) + d_dot, y0, t{given})",
                f"return by_d + np.concatenate(({flat},))",
            ],
            {**self.directions, "adjoint": self.adjoint},
        )


def unread(name: str, names: tuple[str, ...], run: Callable, vjp: Lazy, forward: Lazy,
           like: str) -> Callable:  # fmt: skip
    """A function that is run as it is, with rules that are made when they are needed."""
    given, dots = ", ".join(names), ", ".join(f"{n}_dot" for n in names)
    space: dict[str, Any] = {"np": np, "run": run, "vjp": vjp, "jvp": forward}
    text = f"def {name}({given}):\n    return run({given})\n"
    function = written(text, space, name)
    text = f"def {name}_vjp(d_out, out, {given}):\n    return vjp(d_out, out, {given})\n"
    rule = written(text, space, f"{name}_vjp")
    rule.of = lambda wanted: vjp.found()  # type: ignore[attr-defined]
    text = f"def {name}_jvp({dots}, out, {given}):\n    return jvp({dots}, out, {given})\n"
    pushes = written(text, space, f"{name}_jvp")
    pushes.of = lambda wanted: forward.found()  # type: ignore[attr-defined]
    pushes.linear = True  # type: ignore[attr-defined]
    function.unread = True  # type: ignore[attr-defined]
    likeness = written(f"def like({given}):\n    return {like}\n", space, "like")
    RULES[function] = Rule((function,), rule, pushes, name=rule.__name__, declared=True,
                           like=likeness)  # fmt: skip
    return function


AS_GIVEN = ["y, d_y = out, d_out"]


def parted(whole: str, names: tuple[str, ...], parts: Any) -> list[str]:
    """Lines that take arrays like each of `names` out of one, from n on.

    >>> parted("d", ("p",), ("d_p",))
    ['d_p = np.reshape(d[n : n + np.size(p)], np.shape(p))', 'n = n + np.size(p)']
    """
    return [line for part, name in zip(parts, names) for line in (
        f"{part} = np.reshape({whole}[n : n + np.size({name})], np.shape({name}))",
        f"n = n + np.size({name})",
    )]  # fmt: skip


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
    fixed: dict[str, Any] = {
        n: np.asarray(call.known[n], float) for n in ("y0", "t") if n in call.known
    }
    flow = Flow(rhs, parts.more, "LSODA")
    times = {"t": "d_t"} if "t" in call.values else {}
    lines = [f"{n}_dot = np.zeros(np.shape({n}))" for n in fixed]
    declare(function, flow.vjp(parts.name, parts.names, AS_GIVEN, fixed, times),
            flow.jvp(parts.name, parts.names, lines, fixed, "dot"))  # fmt: skip
    return Made(function, 2)


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
    fixed: dict[str, Any] = {}
    if "y0" not in call.values:
        fixed["y0"] = np.asarray(call.known["y0"], float)
    if not span:
        fixed["t_span_0"] = float(call.known["t_span"][0])
    lines = [  # the start, and what is returned
        "t = np.concatenate((np.array([t_span_0]), out[0]))",
        "y = np.concatenate((np.reshape(y0, (1, -1)), out[1].T))",
        "d_y = np.concatenate((np.zeros((1, np.size(y0))), d_out[1].T))",
    ]
    times = {"t_eval": "d_t[1:]"} if "t_eval" in call.values else {}
    if span and "t_eval" in {*call.values, *call.known}:
        times |= {"t_span_0": "d_t[0]", "t_span_1": "0.0"}
    elif span:  # the first of the times that are returned is the start
        times |= {"t_span_0": "d_t[0] + d_t[1]", "t_span_1": "d_t[-1]"}
    rule = flow.vjp(parts.name, parts.names, lines, fixed, times)
    first = "t_span_0_dot" if span else "0.0"
    rest = "np.zeros(len(out[0]))" + " + t_eval_dot" * ("t_eval" in call.values)
    if span and "t_eval" not in {*call.values, *call.known}:
        rest = "t_span_0_dot * (np.arange(len(out[0])) == 0)"
        rest += " + t_span_1_dot * (np.arange(len(out[0])) == len(out[0]) - 1)"
    lines = [
        *(["y0_dot = np.zeros(np.size(y0))"] if "y0" in fixed else []),
        "t = np.concatenate((np.array([t_span_0]), out[0]))",
        f"t_dot = np.concatenate((np.array([{first}]), {rest}))",
    ]
    forward = flow.jvp(parts.name, parts.names, lines, fixed, "np.zeros(len(out[0])), dot[1:].T")
    declare(function, rule, forward)
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
