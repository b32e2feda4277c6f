"""What a call of a gradient costs outside the generated function, against the budget.

    python benchmarks/call_overhead.py

The budget is 3 us and 0.3 us for each leaf of the arguments. The generated function itself is timed
in the same run, in turns, and medians are compared.
"""

import statistics
import time
from collections.abc import Callable

import numpy as np

import srcdiff

CALLS, ROUNDS = 2000, 41


def one(x):
    return np.sum(x)


def four(a, b, c, d):
    return np.sum(a * b) + c * d


def eight(a, b, c, d, e, f, g, h):
    return np.sum(a * b + c * d + e * f + g * h)


def layers(x, params):
    for w, b in params:
        x = x * w + b
    return np.sum(x)


def named(x, *, scale=1.0):
    return np.sum(x) * scale


def in_place(x, y, n):
    for _ in range(n):
        x[1:] += y[:-1]
    return np.sum(x)


def seconds(f: Callable, args: tuple, kwargs: dict) -> float:
    start = time.perf_counter()
    for _ in range(CALLS):
        f(*args, **kwargs)
    return (time.perf_counter() - start) / CALLS


def overhead(f: Callable, *args, **kwargs) -> float:
    """Seconds that a call spends outside the generated function."""
    df = srcdiff.grad(f)
    df(*args, **kwargs)
    generated = df.specialize(*args, **kwargs)
    differences = []
    for _ in range(ROUNDS):
        inside = seconds(generated, args, kwargs)
        differences.append(seconds(df, args, kwargs) - inside)
    return statistics.median(differences)


def main() -> None:
    x = np.ones(3)
    programs = [
        ("one array", 1, one, (x,), {}),
        ("one number", 1, one, (2.0,), {}),
        ("two arrays, two numbers", 4, four, (x, x + 1, 2.0, 3), {}),
        ("eight arrays", 8, eight, tuple(x + i for i in range(8)), {}),
        ("a list of five pairs", 11, layers, (x, [(x + i, x - i) for i in range(5)]), {}),
        ("writes into an argument", 3, in_place, (x, x + 1, 2), {}),
        ("a keyword", 2, named, (x,), {"scale": 2.0}),
    ]
    print(f"{'arguments':25s}{'leaves':>7s}{'us':>8s}{'budget':>8s}{'ratio':>7s}")
    for name, leaves, f, args, kwargs in programs:
        spent, budget = overhead(f, *args, **kwargs) * 1e6, 3 + 0.3 * leaves
        print(f"{name:25s}{leaves:7d}{spent:8.2f}{budget:8.2f}{spent / budget:7.2f}")


if __name__ == "__main__":
    main()
