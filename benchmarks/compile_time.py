"""What the first call of a gradient costs, how that grows, and what `import srcdiff` costs.

    python benchmarks/compile_time.py

Budgets: 25 ms for a function of 20 lines, 0.4 s for 200 statements, growth in proportion up to
5,000 statements, and 60 ms for the import beyond NumPy's. Each time is the median of several first
calls, of a function made anew each time; imports are measured in processes of their own.
"""

import linecache
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

import srcdiff

ROOT = Path(__file__).resolve().parents[1]

TWENTY_LINES = """
def f(w, b, x, t, steps):
    h = np.tanh(x @ w + b)
    total = 0.0
    for i in range(steps):
        r = h[i] - t[i]
        if np.sum(r) > 0:
            r = r * 0.5
        else:
            r = np.sin(r)
        total = total + np.sum(r * r)
    scale = np.exp(-total)
    y = h * scale
    y[0] = y[1] * 2
    y[1:] += h[:-1] * t[1:]
    n = 0
    while total > 1.0:
        total = total * 0.5
        n += 1
    z = np.log1p(np.abs(y)) / (1 + y**2)
    s = np.mean(z, axis=0) @ b
    return total + s + 0.1 * np.sum(w**2)
"""

_made = 0


def function(text: str):
    """The function that a text defines, with a source of its own."""
    global _made
    _made += 1
    filename = f"<compile_time {_made}>"
    linecache.cache[filename] = (len(text), None, text.splitlines(keepends=True), filename)
    names = {"np": np}
    exec(compile(text, filename, "exec"), names)
    return names["f"]


def straight_line(n: int) -> str:
    """A function of n statements, each of which reads the two before it.

    >>> print(straight_line(2))
    def f(x):
        v0, v1 = x, x * 2
        v2 = np.sin(v1) * v0
        v3 = v2 + 0.5 * v1
        return np.sum(v3)
    """
    lines = ["def f(x):", "    v0, v1 = x, x * 2"]
    for i in range(2, n + 2):
        new = f"v{i - 1} + 0.5 * v{i - 2}" if i % 2 else f"np.sin(v{i - 1}) * v{i - 2}"
        lines.append(f"    v{i} = {new}")
    return "\n".join([*lines, f"    return np.sum(v{n + 1})"])


def first_call(text: str, args: tuple, wrt=0, rounds: int = 5) -> float:
    """Median seconds of a first call."""
    times = []
    for _ in range(rounds):
        f = function(text)
        start = time.perf_counter()
        srcdiff.grad(f, wrt=wrt, fallback="error")(*args)
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def import_seconds() -> tuple[float, float]:
    """Median seconds of `import numpy`, and of `import srcdiff` on top of it."""
    code = (
        "import time; a = time.perf_counter(); import numpy; b = time.perf_counter();"
        "import srcdiff; c = time.perf_counter(); print(b - a, c - b)"
    )
    path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
    pairs = []
    for _ in range(9):
        done = subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "PYTHONPATH": path},
            capture_output=True,
            text=True,
            check=True,
        )
        pairs.append([float(word) for word in done.stdout.split()])
    numpy, ours = zip(*pairs[1:])  # the first one writes byte code
    return statistics.median(numpy), statistics.median(ours)


def row(name: str, seconds: float, budget: float, note: str = "") -> None:
    print(f"{name:34s}{1e3 * seconds:9.1f}{1e3 * budget:9.0f}{seconds / budget:8.2f}  {note}")


def main() -> None:
    rng = np.random.default_rng(0)
    w, b, x, t = (rng.normal(size=s) for s in ((3, 2), 2, (6, 3), (6, 2)))
    x0 = rng.normal(size=3)
    srcdiff.grad(lambda x: x * x)(1.0)  # loads the compiler

    print(f"{'':34s}{'ms':>9s}{'budget':>9s}{'ratio':>8s}")
    row("20 lines", first_call(TWENTY_LINES, (w, b, x, t, 6), wrt=(0, 1), rounds=15), 0.025)
    sizes = (200, 500, 1000, 2000, 5000)
    times = {n: first_call(straight_line(n), (x0,), rounds=7 if n < 1000 else 3) for n in sizes}
    for n, seconds in times.items():
        per = seconds / n / (times[200] / 200)
        row(f"{n} statements", seconds, 0.4 * n / 200, f"{per:.2f} x per statement of 200")
    numpy, ours = import_seconds()
    row("import srcdiff, beyond numpy", ours, 0.06, f"numpy itself: {1e3 * numpy:.0f} ms")


if __name__ == "__main__":
    main()
