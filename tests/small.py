"""Every short program: all ways to put a few statements one after another, judged.

    python -m tests.small --length 3 [--part 0/4] [--first N]

Random programs are long; what goes wrong is mostly short. Here each program is a few of the
STATEMENTS, which write to arrays, rename them, make views and branch; there are about thirty
thousand of three. What is wrong or crashes is printed.
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

STATEMENTS = """
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

ARGS = (np.array([0.4, -0.7, 1.1]), np.array([0.6, 0.9, -0.3]), 0.8)


def programs(length: int) -> Iterator[tuple[str, ...]]:
    return itertools.product(STATEMENTS, repeat=length)


def text_of(statements: tuple[str, ...]) -> str:
    lines = [line for statement in statements for line in parts(statement)]
    lines = ["import numpy as np", "", "def f(x, y, s):", *(f"    {line}" for line in lines)]
    return "\n".join([*lines, "    return np.sum(np.sin(x) * W) + np.sum(y * y * x) + s", ""])


def parts(statement: str) -> list[str]:
    return [statement] if statement.startswith(("for", "if")) else statement.split("; ")


def verdict(statements: tuple[str, ...]) -> Verdict:
    """What the judge says of a program, in both modes."""
    text = text_of(statements)
    linecache.cache["<small>"] = (len(text), None, text.splitlines(True), "<small>")
    scope: dict[str, Any] = {"__name__": "tests.small", "W": np.array([1.1, 0.7, -0.4])}
    exec(compile(text, "<small>", "exec"), scope)
    f = scope["f"]
    found = judge(f, ARGS, (0, 1, 2), thorough=False)
    return forward_agrees(f, ARGS, (0, 1, 2), found)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])  # type: ignore[union-attr]
    parser.add_argument("--length", type=int, default=3)
    parser.add_argument("--part", default="0/1", help="k/n: each n-th program, from k on")
    parser.add_argument("--first", type=int, default=0, help="begin with this program")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    np.seterr(all="ignore")
    k, n = map(int, options.part.split("/"))
    counts: collections.Counter = collections.Counter()
    for i, statements in enumerate(programs(options.length)):
        if i < options.first or i % n != k:
            continue
        found = verdict(statements)
        counts[found.outcome] += 1
        if found.outcome in ("wrong", "crashed", "refused"):
            print(f"{i} {found.outcome}: {' | '.join(statements)}\n    {str(found.detail)[:300]}",
                  flush=True)  # fmt: skip
        if sum(counts.values()) % 500 == 0:
            print(i, dict(counts), flush=True)
    print(dict(counts))


if __name__ == "__main__":
    main()
