"""Every short program: all ways to put a few statements one after another, judged.

    python -m tests.small --of containers --length 3 [--part 0/4] [--first N]

Random programs are long; what goes wrong is mostly short. Here each program is a few statements:
of ARRAYS, which write to arrays, rename them, make views and branch, or of CONTAINERS, which put
arrays into lists, dicts and objects and get them out again. There are about thirty thousand of
three. What is wrong, crashes or is refused is printed.
"""

import argparse
import collections
import itertools
import linecache
import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np

from tests.judge import Verdict, forward_agrees, judge

ARRAYS = """
x += x[::-1]
x[::-1] = s
x[1:] = x[:-1]
x[0] += s
x[:] = y
y = x
y = x[::-1]
x, y = y, x
y[0] = x[1] * s
x *= y
x = x * s
y += np.sin(x)
x[...] = 0.0
x[x > 0.3] = s
np.add.at(x, [0, 0, 2], y)
y[:] += x[::-1]
x[[0, 2]] = x[[2, 0]]
s = s * x[0]
s += np.sum(y) * 0.1
for i in range(2): x[i + 1] += x[i] * s
for i in range(2): x = y * x
for i in range(2): x, y = y, x * s
if s > 0.2: x = y
if x[0] > 0.1: y = x[::-1]
if y[1] > 0.2: x[1] = y[2]
z = [x, y]; z[0] *= s; x = z[1]
y = np.where(x > 0.2, x, y)
y = x.copy()
u = x[:2]; u += s
x[0], x[2] = x[2], x[0]
t = 0; t = t + x; y = t
t = 0; t += s; y = y * t
""".strip().splitlines()

CONTAINERS = """
z = [x, y]
z = [np.square(x), s]
z = [np.square(t), x]
z = (x, t)
for i in range(2): t = t + x * y[i]
for i in range(n): t = t + x
for v in z: v *= s
v = z[0]; v *= s
v = z[-1]; v += x
z[0] = y * s
z[0] *= s
z[0][1] = s
x = z[0]
z.append(x)
z.pop()
w = z; w[0] = x
d["a"] = x
d["a"] *= s
x = d["b"]
for k in d: d[k] = d[k] * s
for k, v in d.items(): v[0] = s
d["a"], d["b"] = d["b"], d["a"]
o.a = x
o.a *= s
y = o.a
o.a, y = y, o.a
if s > 0.2: z = [y, x]
if x[0] > 0.1: z[0] = x * y
if y[0] > 0.1: d["a"] = y
x = x * s
x += y
t = x
""".strip().splitlines()

BEFORE = {"arrays": (), "containers": (
    "o = O()", "o.a = y", "z = [x, y]", 'd = {"a": x, "b": y}', "t = 0",
)}  # fmt: skip
AFTER = {
    "arrays": "np.sum(np.sin(x) * W) + np.sum(y * y * x) + s",
    "containers": "np.sum(np.sin(x) * W) + np.sum(y * y * x) + s + np.sum(z[0] * z[-1])"
    ' + np.sum(d["a"] * d["b"] ** 2) + np.sum(np.cos(o.a) * y) + np.sum(t * W)',
}


class O:  # noqa: E742
    """Something with attributes."""


ARGS = (np.array([0.4, -0.7, 1.1]), np.array([0.6, 0.9, -0.3]), 0.8)


def programs(of: str, length: int) -> Iterator[tuple[str, ...]]:
    return itertools.product(ARRAYS if of == "arrays" else CONTAINERS, repeat=length)


def text_of(of: str, statements: tuple[str, ...]) -> str:
    lines = [*BEFORE[of], *(line for statement in statements for line in parts(statement))]
    lines = ["import numpy as np", "", "def f(x, y, s, n=2):", *(f"    {line}" for line in lines)]
    return "\n".join([*lines, f"    return {AFTER[of]}", ""])


def parts(statement: str) -> list[str]:
    return [statement] if statement.startswith(("for", "if")) else statement.split("; ")


def verdict(of: str, statements: tuple[str, ...]) -> Verdict:
    """What the judge says of a program, in both modes."""
    text = text_of(of, statements)
    linecache.cache["<small>"] = (len(text), None, text.splitlines(True), "<small>")
    scope: dict[str, Any] = {"__name__": "tests.small", "W": np.array([1.1, 0.7, -0.4]), "O": O}
    exec(compile(text, "<small>", "exec"), scope)
    f = scope["f"]
    found = judge(f, ARGS, (0, 1, 2), thorough=False)
    return forward_agrees(f, ARGS, (0, 1, 2), found)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--of", choices=("arrays", "containers"), default="arrays")
    parser.add_argument("--length", type=int, default=3)
    parser.add_argument("--part", default="0/1", help="k/n: each n-th program, from k on")
    parser.add_argument("--first", type=int, default=0, help="begin with this program")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    np.seterr(all="ignore")
    k, n = map(int, options.part.split("/"))
    counts: collections.Counter = collections.Counter()
    for i, statements in enumerate(programs(options.of, options.length)):
        if i < options.first or i % n != k:
            continue
        found = verdict(options.of, statements)
        counts[found.outcome] += 1
        if found.outcome in ("wrong", "crashed", "refused"):
            print(f"{i} {found.outcome}: {' | '.join(statements)}\n    {str(found.detail)[:300]}",
                  flush=True)  # fmt: skip
        if sum(counts.values()) % 500 == 0:
            print(i, dict(counts), flush=True)
    print(dict(counts))


if __name__ == "__main__":
    main()
