"""What `checkpoint=` costs and saves: time and memory of gradients of loops.

    python benchmarks/checkpoints.py

Memory is the peak that `tracemalloc` sees in a call beyond that of the function itself; time is the
faster of two calls without it. The budgets: `"sqrt"` of a million scalar steps stays under 5 MB,
a number of bytes under that number.
"""

import math
import time
import tracemalloc
from collections.abc import Callable
from typing import Any

import numpy as np

from srcdiff import grad


def scalars(x, n):
    for _ in range(n):
        x = math.sin(x) + 0.9 * x
    return x


def heat(u, k, n):
    for _ in range(n):
        u[1:-1] += k * u[1:-1] * (u[2:] - 2 * u[1:-1] + u[:-2])
    return np.sum(u)


def settled(x, tol):
    while np.max(np.abs(x)) > tol:
        x = np.sin(x) * 0.999
    return np.sum(x)


CASES: list[tuple[Callable, tuple, list]] = [
    (scalars, (0.3, 1_000_000), [None, "sqrt", 10, 1000, "100KB", "1MB"]),
    (heat, (np.linspace(0.0, 1.0, 5_000), 0.1, 1_000), [None, "sqrt", 5, 20, 100, "2MB", "8MB"]),
    (settled, (np.linspace(0.1, 1.0, 1000), 5e-2), [None, "sqrt", 5, 20, 100, "200KB", "1MB"]),
]  # fmt: skip


def peak(f: Callable, args: tuple) -> int:
    tracemalloc.start()
    try:
        f(*args)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def fastest(f: Callable, *args: Any, rounds: int = 2) -> float:
    times = []
    for _ in range(rounds):
        start = time.perf_counter()
        f(*args)
        times.append(time.perf_counter() - start)
    return min(times)


def private(args: tuple) -> tuple:
    return tuple(a.copy() if isinstance(a, np.ndarray) else a for a in args)


def main() -> None:
    for f, args, schedules in CASES:
        own, once = peak(f, private(args)), fastest(lambda f=f, a=args: f(*private(a)))
        print(f"{f.__name__}: {once:.3f} s")
        wanted = None
        for schedule in schedules:
            df = grad(f, checkpoint=schedule, fallback="error")
            found = df(*args)
            wanted = found if wanted is None else wanted
            same = np.array_equal(found, wanted)
            taken, seconds = peak(df, args) - own, fastest(df, *args)
            line = f"{taken / 1e6:8.3f} MB  {seconds:7.3f} s  {seconds / once:5.1f} x f"
            print(f"  checkpoint={schedule!r:8}  {line}{'' if same else '  DIFFERS'}", flush=True)


if __name__ == "__main__":
    main()
