"""Solutions of equations: differentiated by the implicit function theorem, however they were found.

    @implicit(residual)            # residual(x, a) = 0
    def solve(a): …

    d_a = solve_vjp(d_x, x, a)     # J.T @ w = d_x; d_a is the gradient of -w·residual(x, a)

J is the derivative of the residual by x. What is declared is a reverse rule like any other: forward
mode transposes it, and second derivatives differentiate its source.
"""

from __future__ import annotations

import inspect
import linecache
from collections.abc import Callable
from typing import Any

import numpy as np

from srcdiff.api import grad
from srcdiff.higher import jacobian, pullback
from srcdiff.runtime.errors import RuleError
from srcdiff.runtime.registry import DECLARING, vjp_rule

Function = Callable[..., Any]


def implicit(root_fn: Function, solver: Function | None = None, *,
             like: str | Function = "") -> Any:  # fmt: skip
    """Declare that a function returns a root of `root_fn`; a decorator of that function.

    root_fn   `root_fn(x, …)`, zero at the solution x, and of the shape of x, or a list of numbers.
              Its other parameters are found by their names among those of the solver. What the
              solver takes beside them (a starting point, a tolerance) has no derivative
    solver    the function that finds the solution, a float or an array of floats
    like      a parameter of the solver that the solution is like in shape and dtype, or a function
              of the solver's arguments that returns what it is like: `lambda a, b: np.ones(2)`.
              Second derivatives and forward mode need it where the solver's code cannot be compiled

    The derivative of the solution comes of one linear system with the Jacobian of `root_fn`, which
    NumPy solves, transposed in reverse mode. The solver's own steps are not looked at, so it may
    do what cannot be compiled. Nor is it checked that `root_fn` is zero at what it returns: the
    derivative of a solution of another equation, or of one that has not converged, is wrong.

    >>> import numpy as np
    >>> def residual(x, a):
    ...     return x**3 + x - a
    >>> @implicit(residual)
    ... def solve(a, steps=50):
    ...     x = np.zeros_like(a)
    ...     for _ in range(steps):
    ...         x = x - residual(x, a) / (3 * x**2 + 1)
    ...     return x
    >>> def loss(a):
    ...     return np.sum(solve(a) ** 2)
    >>> df = grad(loss)
    >>> df(np.array([2.0, 10.0])).round(12)           # 2 x / (3 x**2 + 1) at x = 1, 2
    array([0.5       , 0.30769231])
    >>> print(df.source.rstrip())
    def loss_grad(a):
        solve_a = solve(a)
        # adjoint
        d_a, _ = solve_vjp(2 * solve_a, solve_a, a)
        return d_a

    Raises TypeError for a parameter that the solver does not have, named by `root_fn` or `like`.
    When the derivative is taken: `RuleError` for a residual of another shape than the solution, and
    for a solution that is complex or no array; `numpy.linalg.LinAlgError` for a singular Jacobian.
    """
    if not callable(root_fn):
        raise TypeError(f"implicit: {root_fn!r} is not a function")

    def declare(solver: Function) -> Function:
        vjp_rule(solver, like=like)(_Solution(root_fn, solver).rule())
        return solver

    return declare if solver is None else declare(solver)


DECLARING.add(implicit)


class _Solution:
    """A solver, the equation that it solves, and the rules that follow."""

    def __init__(self, root_fn: Function, solver: Function) -> None:
        self.root_fn, self.solver = root_fn, solver
        self.residual = _as_array(root_fn)
        self.across, self.pull = jacobian(self.residual), pullback(self.residual)
        self.name = getattr(solver, "__name__", "solve")
        parameters = list(inspect.signature(solver).parameters.values())
        if any(p.kind is not p.POSITIONAL_OR_KEYWORD for p in parameters):
            raise TypeError(f"implicit: {self.name} must take its arguments by position")
        self.names = [p.name for p in parameters]
        _, *self.given = inspect.signature(root_fn).parameters
        missing = [name for name in self.given if name not in self.names]
        if missing:
            raise TypeError(
                f"implicit: {_name(root_fn)} has the parameter {missing[0]!r}, which {self.name} "
                "does not have"
            )

    def rule(self) -> Function:
        """The reverse rule: the transposed system is solved, and pulled back by the residual."""
        text = f"    return pulled(d_out, out, {', '.join(self.names)})\n"
        made = self.function(text, {"pulled": self.pulled})
        made.of = self.written_out  # type: ignore[attr-defined]
        return made

    def pulled(self, d_out: Any, out: Any, *args: Any) -> tuple[Any, ...]:
        values = dict(zip(self.names, args))
        given = [values[name] for name in self.given]
        if not isinstance(out, float | np.ndarray | np.floating) or np.iscomplexobj(out):
            raise RuleError(f"{self.name}, which is implicit, returns no float and no array of "
                            f"floats: {type(out).__name__}")  # fmt: skip
        shape, n = np.shape(out), np.size(out)
        across = self.across(out, *given)
        if np.shape(across) != shape * 2:
            equations = np.shape(across)[: np.ndim(across) - len(shape)]
            raise RuleError(
                f"{_name(self.root_fn)} returns the shape {equations} for a solution of "
                f"{self.name} that has the shape {shape}", None,
                "Let it return one equation for each unknown.")  # fmt: skip
        w: Any = np.linalg.solve(np.reshape(across, (n, n)).T, np.ravel(d_out)).reshape(shape)
        w = w.astype(across.dtype) if shape else float(w)
        found = dict(zip(self.given, self.pull(out, *given, -w)[1:]))
        return tuple(found.get(name) for name in self.names)

    def written_out(self, wanted: tuple[int, ...]) -> Function:
        """The rule as source that can be differentiated, for the gradients of some arguments."""
        chosen = [self.names[i] for i in wanted if self.names[i] in self.given]
        rest = ", ".join(["", *self.given])
        found = {name: f"d_{name}" if name in chosen else "None" for name in self.names}
        x, w, n, i, row, across, pull = (
            name + "_" * (name in self.names) for name in "x w n i row across pull".split()
        )
        lines = [
            "if np.ndim(out) == 0:",
            f"    {w} = d_out / grad(lambda {x}: root_fn({x}{rest}))(out)",
            "else:",
            f"    {n} = np.size(out)",
            f"    {across} = np.zeros(({n}, {n}))",
            f"    for {i} in range({n}):",
            f"        {row} = grad(lambda {x}: np.ravel(root_fn({x}{rest}))[{i}])(out)",
            f"        {across}[{i}] = np.ravel({row})",
            f"    {w} = np.linalg.solve({across}.T, np.ravel(d_out))",
            f"    {w} = np.reshape({w}, np.shape(out))",
        ]
        if chosen:
            lines += [
                f"{pull} = grad(lambda {', '.join(chosen)}: -np.sum({w} * root_fn(out{rest})), "
                f"wrt={tuple(range(len(chosen)))})",
                f"{', '.join(f'd_{name}' for name in chosen)}, = {pull}({', '.join(chosen)})",
            ]
        lines.append(f"return {', '.join(found.values())},")
        text = "".join(f"    {line}\n" for line in lines)
        return self.function(text, {"np": np, "grad": grad, "root_fn": self.residual})

    def function(self, body: str, namespace: dict[str, Any]) -> Function:
        """A function of d_out, out and the solver's parameters, whose source can be found."""
        name = f"{self.name}_vjp" if self.name.isidentifier() else "solve_vjp"
        text = f"def {name}(d_out, out, {', '.join(self.names)}):\n{body}"
        filename = f"<srcdiff {name} {id(namespace)}>"
        linecache.cache[filename] = (len(text), None, text.splitlines(keepends=True), filename)
        exec(compile(text, filename, "exec"), namespace)
        made: Function = namespace[name]
        made.__defaults__ = getattr(self.solver, "__defaults__", None)
        made.__module__ = self.solver.__module__
        made.__qualname__ = f"{self.solver.__qualname__}_vjp"
        return made


def _as_array(root_fn: Function) -> Function:
    """The residual as an array, where it is a list, as those that are given to SciPy often are."""

    def residual(x: Any, *args: Any) -> Any:
        found = root_fn(x, *args)
        return np.array(found) if isinstance(found, list | tuple) else found

    return residual


def _name(f: Any) -> str:
    return str(getattr(f, "__name__", repr(f)))
