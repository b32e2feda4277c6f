"""The rows of the coverage table: one program for every function of NumPy, SciPy and Python, and
for every way of calling it, that is told to have a derivative.

A row of rows.txt and rows_scipy.txt is `name | program`. A program is an expression, or statements
with `;` between them, of which the last is the result. Its arguments are those of ARGUMENTS that it
names; it is differentiated with respect to all that are floats.
"""

import ast
import linecache
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from srcdiff import nondifferentiable
from srcdiff.runtime.registry import spread
from tests.judge import Verdict, forward_agrees, fresh, judge
from tests.tape import agree, finished, tape_gradient

_HERE = Path(__file__).parent
IMPORTS = (
    "import math\nimport numpy as np\nfrom scipy import (fft, integrate, interpolate, linalg, "
    "ndimage, optimize, signal, sparse, spatial, special, stats)\n"
)


def well(*shape: int) -> np.ndarray:
    """Square matrices far from singular, with real eigenvalues that are apart."""
    n = shape[-1]
    return spread(*shape) / 3 + np.diag(np.arange(1.0, n + 1))


ARGUMENTS: dict[str, Any] = {
    "s": 0.7,
    "r": 1.3,
    "v": np.array([-1.31, 0.62, 1.57, -0.28, 0.93]),
    "w": np.array([0.85, -1.12, 0.31, 1.44, -0.57]),
    "w4": np.array([0.45, -1.22, 0.81, 1.34]),
    "p": np.array([0.71, 1.83, 1.24, 0.52, 1.45]),
    "q": np.array([1.36, 0.58, 0.97, 1.71, 0.84]),
    "p4": np.array([0.66, 1.27, 1.92, 0.81]),
    "u": np.array([-0.72, 0.31, 0.64, -0.15, 0.48]),
    "i": np.array([0.14, 0.66, 0.35, 0.81, 0.52]),
    "m": spread(3, 4),
    "n": spread(4, 3)[::-1] + 0.1,
    "x3": spread(2, 3, 4) * 1.1,
    "a": well(4, 4),
    "h": well(4, 4) @ well(4, 4).T,
    "bt": well(2, 3, 3),
    "z": spread(5) + 1j * spread(10)[5:],
    "k": np.array([2, 0, 2]),
    "k5": np.array([0, 2, 1, 3, 1]),
}


@nondifferentiable
def weights(shape: tuple) -> np.ndarray:
    """Numbers to weigh results of this shape with."""
    return np.cos(1.0 + np.arange(np.prod(shape, dtype=int))).reshape(shape)


def weighed(out):
    """A number that every element of a result counts in."""
    w = weights(np.shape(out))
    if np.iscomplexobj(out):
        return np.sum(w * np.real(out)) + np.sum(np.cos(w) * np.imag(out))
    return np.sum(w * out)


class Row(NamedTuple):
    name: str
    program: str

    @property
    def statements(self) -> list[str]:
        *before, last = self.program.split("; ")
        return [*before, f"out = {last}"]

    @property
    def arguments(self) -> list[str]:
        """The names of ARGUMENTS that the program reads before it binds them."""
        bound: set[str] = set()
        found: list[str] = []
        for statement in ast.parse("\n".join(self.statements)).body:
            names = [n for n in ast.walk(statement) if isinstance(n, ast.Name)]
            stored = {n.id for n in names if isinstance(n.ctx, ast.Store)}
            inner = {n.arg for n in ast.walk(statement) if isinstance(n, ast.arg)}
            read = {n.id for n in names} - inner
            if not isinstance(statement, ast.AugAssign):
                read -= stored
            found += [name for name in ARGUMENTS if name in read - bound and name not in found]
            bound |= stored
        return found

    def values(self) -> tuple:
        """The values of its arguments, fresh."""
        return fresh(tuple(ARGUMENTS[name] for name in self.arguments))

    def functions(self) -> tuple[Callable, Callable]:
        """The program as a function whose source can be read, and what weighs its result."""
        names = ", ".join(self.arguments)
        body = "".join(f"    {line}\n" for line in self.statements)
        text = (
            f"{IMPORTS}\n\ndef program({names}):\n{body}    return out\n\n\n"
            f"def loss({names}):\n    return weighed(program({names}))\n"
        )
        path = f"<{self.name}>"
        linecache.cache[path] = (len(text), None, text.splitlines(True), path)
        scope: dict[str, Any] = {"__name__": "tests.coverage.program", "weighed": weighed}
        exec(compile(text, path, "exec"), scope)
        return scope["program"], scope["loss"]

    def verdicts(self) -> dict[str, Verdict]:
        """What is said of it compiled in reverse mode, in forward mode, and on the tape."""
        _, loss = self.functions()
        args = self.values()
        wrt = tuple(i for i, x in enumerate(args) if np.asarray(x).dtype.kind in "fc")
        loss(*fresh(args))
        reverse = judge(loss, args, wrt)
        found = {"reverse": reverse}
        if reverse.outcome == "right":
            found["forward"] = forward_agrees(loss, args, wrt, reverse)
        found["tape"] = tape = judge(loss, args, wrt, gradient=tape_gradient, thorough=False)
        if reverse.outcome == tape.outcome == "right":
            unlike = agree(finished(reverse.result), finished(tape.result))
            found["tape"] = Verdict("wrong", unlike) if unlike else tape
        return found


def rows() -> list[Row]:
    """All rows, in order."""
    lines = [(_HERE / name).read_text().splitlines() for name in ("rows.txt", "rows_scipy.txt")]
    return [Row(*line.split(" | ", 1)) for part in lines for line in part]


# Not compiled, or not differentiated at all: an error, never a wrong number.
LEFT_OUT = {
    "numpy.frompyfunc": "what Python makes of objects is not seen into",
    "numpy.ndarray.resize": "an array that changes its length in place",
    "scipy.sparse.linalg.spsolve": "of a sparse matrix that is made inside the function",
}


def page() -> str:
    """docs/functions.md"""
    lines = [
        "# Functions with derivatives",
        "",
        "Each row is a program that compiles in reverse and in forward mode and runs on the tape,"
        " and has the derivatives that differences give. What its arguments are, says"
        " `tests/coverage/`, of which `python -m tests.coverage --page` makes this page.",
    ]
    sections: dict[str, list[str]] = {}
    for row in rows():
        name, _, way = row.name.partition("[")
        shown = f"`{name}`" + (f" ({way.rstrip(']')})" if way else "")
        program = row.program.replace("|", "\\|")
        left_out = f"**no**: {LEFT_OUT[row.name]}" if row.name in LEFT_OUT else f"`{program}`"
        home = ".".join(name.split(".")[:-1][:2]) or "Python"
        sections.setdefault(home, []).append(f"| {shown} | {left_out} |")
    for home, found in sections.items():
        lines += ["", f"## {home}", "", "| function | as in |", "|---|---|", *found]
    return "\n".join(lines) + "\n"
